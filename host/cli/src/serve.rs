//! `husk serve`: the server in the foreground, and what it shares with the classic `upsd`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use husk_server::config::{DEFAULT_DIR, Source};
use husk_server::{Family, Options};

use crate::bundle::BUNDLED;
use crate::logging;

const HELP: &str = "\
usage: husk serve [--config DIR] [-4|-6] [-D]... [-q]

Serves every UPS of DIR/ups.conf to NUT clients, in the foreground, until TERM or INT.
HUP reads the configuration and the plugins again.

  --config DIR  directory of ups.conf, upsd.conf, upsd.users and husk.toml
                (default: $NUT_CONFPATH, else /etc/nut)
  -4, -6        listen on IPv4, or IPv6, addresses only
  -D            more detail in the log, twice for all of it
  -q            only warnings and errors
";

/// Runs `husk serve` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    match parse(words) {
        Ok(Asked::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Asked::Serve {
            options,
            debug,
            quiet,
        }) => {
            logging::start("husk", debug, quiet);
            start(options)
        }
        Err(error) => {
            eprint!("husk serve: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

enum Asked {
    Help,
    Serve {
        options: Options,
        debug: usize,
        quiet: bool,
    },
}

fn parse(words: Vec<OsString>) -> Result<Asked, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(words);
    let (mut dir, mut family) = (None, Family::Both);
    let (mut debug, mut quiet) = (0, false);
    while let Some(option) = parser.next()? {
        match option {
            Long("config") => dir = Some(parser.value()?.into()),
            Short('4') => family = Family::V4,
            Short('6') => family = Family::V6,
            Short('D') => debug += 1,
            Short('q') => quiet = true,
            Short('h') | Long("help") => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    let options = Options {
        source: source(dir, false),
        bundled: BUNDLED,
        family,
        on_ready: None,
    };
    Ok(Asked::Serve {
        options,
        debug,
        quiet,
    })
}

/// Where the configuration is, from an option and the environment.
pub(crate) fn source(dir: Option<PathBuf>, classic: bool) -> Source {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    Source {
        dir: dir
            .or_else(|| given("NUT_CONFPATH").map(PathBuf::from))
            .unwrap_or_else(|| DEFAULT_DIR.into()),
        state_path: given("NUT_STATEPATH").map(PathBuf::from),
        allow_no_device: switch("ALLOW_NO_DEVICE"),
        allow_not_all_listeners: switch("ALLOW_NOT_ALL_LISTENERS"),
        classic,
    }
}

/// Whether daemons start without their banner.
pub(crate) fn quiet_banner() -> bool {
    std::env::var("NUT_QUIET_INIT_BANNER").is_ok_and(|word| !word.eq_ignore_ascii_case("false"))
}

/// A switch of the environment, in any of the words NUT takes.
fn switch(name: &str) -> Option<bool> {
    match std::env::var(name).ok()?.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Serves until stopped; a server that does not start is told on stderr with exit code 1.
pub(crate) fn start(options: Options) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => {
            let served = runtime.block_on(husk_server::serve(options));
            // What did not end by itself is in a blocking call of the system; nobody waits for it.
            runtime.shutdown_background();
            served.map_err(|error| error.to_string())
        }
        Err(error) => Err(format!("cannot start: {error}")),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            log::error!("{reason}");
            ExitCode::FAILURE
        }
    }
}
