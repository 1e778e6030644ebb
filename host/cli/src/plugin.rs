//! `husk plugin` and `husk status`: looking at plugins, replacing one while it runs, seeing how devices fare.
//!
//! A running server is asked over its control socket; `list` and `show` do without one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use husk_server::config::{Config, DEFAULT_STATE_PATH, Source};
use husk_server::control::{self, Command, Reply};
use husk_server::plugins;

use crate::bundle::BUNDLED;
use crate::{logging, serve};

const HELP: &str = "\
usage: husk plugin list [--config DIR]
       husk plugin show NAME [--config DIR]
       husk plugin reload NAME [--config DIR]
       husk status [--config DIR]

list    one line per plugin: name, version, digest, where it came from
show    everything about one plugin, its imports and options included
reload  changes every device of the plugin over to its newest file, one after the other;
        when one does not take it all go back, and the exit code is 1
status  one line per UPS: name, freshness, what its supervisor does, plugin, trouble
";
/// Replacing a plugin probes each device anew, which may take a minute.
const RELOAD_PATIENCE: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `husk plugin` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let Some((words, dir)) = take_config(words) else {
        return usage();
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = match words.as_slice() {
        ["list"] => Command::PluginList,
        ["show", name] => Command::PluginShow((*name).to_owned()),
        ["reload", name] => Command::PluginReload((*name).to_owned()),
        ["-h" | "--help"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => return usage(),
    };
    logging::start("husk", 0, true);
    let source = serve::source(dir, false);
    match ask(&source, &command) {
        Ok(reply) => tell(reply),
        Err(_) if command == Command::PluginList => without_server(&source, None),
        Err(error) => match &command {
            Command::PluginShow(name) => without_server(&source, Some(name)),
            _ => no_server(&error),
        },
    }
}

/// Runs `husk status` with the words after it.
pub(crate) fn status(words: Vec<OsString>) -> ExitCode {
    match take_config(words) {
        Some((words, dir)) if words.is_empty() => {
            match ask(&serve::source(dir, false), &Command::Status) {
                Ok(reply) => tell(reply),
                Err(error) => no_server(&error),
            }
        }
        _ => usage(),
    }
}

/// The words without `--config DIR`, and DIR.
fn take_config(words: Vec<OsString>) -> Option<(Vec<String>, Option<PathBuf>)> {
    let mut dir = None;
    let mut rest = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.into_string().ok()? {
            word if word == "--config" => dir = Some(words.next()?.into()),
            word => match word.strip_prefix("--config=") {
                Some(given) => dir = Some(given.into()),
                None => rest.push(word),
            },
        }
    }
    Some((rest, dir))
}

fn ask(source: &Source, command: &Command) -> std::io::Result<Reply> {
    // Only the state path is wanted, and a configuration with mistakes may well be why somebody looks.
    let lenient = Source {
        allow_no_device: Some(true),
        ..source.clone()
    };
    let state_path = match Config::load(&lenient) {
        Ok(config) => config.state_path,
        Err(_) => source
            .state_path
            .clone()
            .unwrap_or_else(|| DEFAULT_STATE_PATH.into()),
    };
    let patience = match command {
        Command::PluginReload(_) => RELOAD_PATIENCE,
        _ => PATIENCE,
    };
    let socket = control::socket_path(&state_path);
    control::ask(&socket, command, patience).map_err(|error| {
        std::io::Error::new(error.kind(), format!("{}: {error}", socket.display()))
    })
}

fn without_server(source: &Source, name: Option<&str>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let reply = match runtime {
        Ok(runtime) => runtime.block_on(async {
            match name {
                None => plugins::list(&source.dir, BUNDLED).await.map(Ok),
                Some(name) => plugins::show(&source.dir, BUNDLED, name).await,
            }
            .unwrap_or_else(|error| Err(format!("{error}\n")))
        }),
        Err(error) => Err(format!("{error}\n")),
    };
    tell(reply)
}

fn tell(reply: Reply) -> ExitCode {
    match reply {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            print!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn no_server(error: &std::io::Error) -> ExitCode {
    eprintln!("husk: no running server can be asked: {error}");
    ExitCode::FAILURE
}

fn usage() -> ExitCode {
    eprint!("{HELP}");
    ExitCode::from(2)
}
