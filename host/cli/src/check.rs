//! `husk check`: every mistake of the whole configuration at once, without serving it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use husk_core::conf::nut;
use husk_server::check::Findings;
use husk_server::config::Source;

use crate::bundle::BUNDLED;
use crate::{logging, serve};

mod monitor;

const HELP: &str = "
usage: husk check [--config DIR] [--classic]

Reads ups.conf, upsd.conf, upsd.users, nut.conf and husk.toml of DIR as the server does, upsmon.conf and upssched.conf as
the monitor does, and prints everything that is wrong with them, certificates and drivers included, and settings that do
nothing. Nothing is started or changed.

  --config DIR  the directory (default: $NUT_CONFPATH, else /etc/nut)
  --classic     as strict as NUT's own upsd: upsd.conf, upsd.users and a UPS must be there

Exit code: 0 when nothing keeps anything from working, though there may be warnings; 1 when there are errors.
";

/// Runs `husk check` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    match parse(words) {
        Ok(Some((dir, classic))) => {
            logging::start("husk", 0, true);
            check(dir, classic)
        }
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("husk check: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn parse(words: Vec<OsString>) -> Result<Option<(Option<PathBuf>, bool)>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(words);
    let (mut dir, mut classic) = (None, false);
    while let Some(option) = parser.next()? {
        match option {
            Long("config") => dir = Some(parser.value()?.into()),
            Long("classic") => classic = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some((dir, classic)))
}

fn check(dir: Option<PathBuf>, classic: bool) -> ExitCode {
    let source = serve::source(dir, classic);
    let mut found = match only_watches(&source.dir) {
        true => Findings::default(),
        false => match server(&source) {
            Ok(found) => found,
            Err(error) => {
                eprintln!("husk check: cannot start: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    monitor::check(&source.dir, &mut found);
    for line in &found.lines {
        println!("{line}");
    }
    let some = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    println!(
        "{}: {}, {}",
        source.dir.display(),
        some(found.errors, "error"),
        some(found.warnings, "warning")
    );
    match found.errors {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Whether the UPSes of this machine are all another machine's: then no server is to be configured here.
fn only_watches(dir: &Path) -> bool {
    let text = std::fs::read(dir.join("nut.conf")).unwrap_or_default();
    let mode = nut::parse("nut.conf", &text).0.mode;
    mode == Some(nut::Mode::NetClient) && !dir.join("ups.conf").exists()
}

fn server(source: &Source) -> std::io::Result<Findings> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(husk_server::check::check(source, BUNDLED)))
}
