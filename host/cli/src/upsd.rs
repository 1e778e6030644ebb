//! `upsd`: the same server with the options, files and exit codes of NUT's upsd, for devices whose drivers run as
//! processes of their own, NUT's or ours.
//!
//! Differences on purpose: `-r` (chroot) is refused, since no byte of a device or a client is parsed outside safe
//! code; without `-u` a server started as root stays root.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use husk_daemon::background;
use husk_daemon::privilege::become_user;
use husk_server::config::DEFAULT_STATE_PATH;
use husk_server::{Family, Options, VERSION, control};
use rustix::process::{Pid, Signal};

use crate::client::args::Args;
use crate::{logging, serve};

const OPTIONS: &str = "hVDFBq46c:P:r:u:i:p:";
const HELP: &str = "
usage: upsd [OPTIONS]

  -c <command>  send a command to the running server:
     reload     read the configuration again
     stop       stop and exit
  -P <pid>      send it to this process instead of the one in the PID file
  -D            raise the debug level (and stay in the foreground); may be repeated
  -F            stay in the foreground; twice: and write the PID file
  -B            go into the background even with -D
  -q            only warnings and errors
  -4, -6        listen on IPv4, or IPv6, addresses only
  -u <user>     run as this user, if started as root
  -V            print the version
  -h            print this text
";
/// What `-Dh` adds. Scripts look here for which TLS there is, by its first words and by whose files it takes.
const BUILD: &str = "NUT data server was built with rustls, reads the files of OpenSSL builds, with client certificate validation";

/// Runs `upsd` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let args = match Args::parse(OPTIONS, words.clone()) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("upsd: {why}");
            println!("{}\n{HELP}", banner());
            return ExitCode::SUCCESS;
        }
    };
    if args.has('h') {
        println!("{}\n{HELP}", banner());
        if args.has('D') {
            println!("{BUILD}");
        }
        return ExitCode::SUCCESS;
    }
    if args.has('V') {
        println!("{}", banner());
        return ExitCode::SUCCESS;
    }
    if !background::is_child() && !serve::quiet_banner() {
        println!("{}", banner());
    }
    let done = match args.value('c') {
        Some(word) => command(word, args.value('P')),
        None => start(&args, words),
    };
    done.unwrap_or_else(|reason| {
        eprintln!("{reason}");
        ExitCode::FAILURE
    })
}

fn banner() -> String {
    format!("Network UPS Tools upsd {VERSION}")
}

fn start(args: &Args, words: Vec<OsString>) -> Result<ExitCode, String> {
    for (letter, instead) in [
        ('i', "LISTEN <address> [<port>] in upsd.conf"),
        ('p', "LISTEN <address> [<port>] in upsd.conf"),
        ('r', "the service manager's confinement"),
    ] {
        if args.has(letter) {
            return Err(format!(
                "Fatal error: -{letter} is not supported; use {instead}"
            ));
        }
    }
    if !args.operands.is_empty() {
        return Err(format!(
            "Fatal error: {:?} is not an option\n{HELP}",
            args.operands
        ));
    }
    let count = |letter| {
        args.options
            .iter()
            .filter(|(given, _)| *given == letter)
            .count()
    };
    let (debug, foreground) = (count('D'), count('F'));
    let pid_file = pid_file();
    if let Some(pid) = running(&pid_file) {
        return Err(format!(
            "Fatal error: A previous upsd instance is already running! (process {pid})\n\
             Either stop it first, or use the 'reload' command."
        ));
    }
    let child = background::is_child();
    let stays = foreground > 0 || (debug > 0 && !args.has('B'));
    if !child && !stays {
        return background::start("upsd", words);
    }
    logging::start("upsd", debug, args.has('q'));
    if child {
        background::leave_terminal();
    }
    if let Some(user) = args.value('u') {
        become_user(user, None).map_err(|error| format!("Fatal error: {error}"))?;
    }
    let writes_pid = child || foreground > 1;
    let written = pid_file.clone();
    let options = Options {
        source: serve::source(None, true),
        bundled: &[],
        family: family(args),
        on_ready: Some(Box::new(move |_: &Path| {
            if writes_pid && let Err(error) = background::write_pid(&written) {
                log::error!("cannot write {}: {error}", written.display());
            }
            if child {
                logging::into_background();
            }
        })),
    };
    let exit = serve::start(options);
    if writes_pid {
        background::remove_pid(&pid_file);
    }
    Ok(exit)
}

fn family(args: &Args) -> Family {
    if args.has('4') {
        Family::V4
    } else if args.has('6') {
        Family::V6
    } else {
        Family::Both
    }
}

/// `-c`: any beginning of `reload` or `stop` will do.
fn command(word: &str, pid: Option<&str>) -> Result<ExitCode, String> {
    let (signal, request) = if !word.is_empty() && "reload".starts_with(word) {
        (Signal::HUP, control::Command::Reload)
    } else if !word.is_empty() && "stop".starts_with(word) {
        (Signal::TERM, control::Command::Stop)
    } else {
        return Err(format!(
            "Error: command {word:?} is neither reload nor stop\n{HELP}"
        ));
    };
    let file = pid_file();
    let process = match pid {
        Some(text) => {
            let number = text.parse().ok().and_then(Pid::from_raw);
            Some(number.ok_or_else(|| format!("Error: {text} is not a process id"))?)
        }
        None => running(&file),
    };
    if let Some(process) = process {
        rustix::process::kill_process(process, signal)
            .map_err(|error| format!("Error: cannot signal process {process}: {error}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    // A server started as `husk serve` writes no PID file but hears its control socket.
    let socket = control::socket_path(&state_path());
    match control::ask(&socket, &request, Duration::from_secs(600)) {
        Ok(Ok(_)) => Ok(ExitCode::SUCCESS),
        Ok(Err(reason)) => Err(reason.trim_end().to_owned()),
        Err(_) => Err(format!(
            "Error: no running upsd found: neither {} nor {} leads to one",
            file.display(),
            socket.display()
        )),
    }
}

fn state_path() -> PathBuf {
    let given = std::env::var_os("NUT_STATEPATH").filter(|path| !path.is_empty());
    given.map_or_else(|| DEFAULT_STATE_PATH.into(), PathBuf::from)
}

fn pid_file() -> PathBuf {
    background::pid_dir(state_path()).join("upsd.pid")
}

/// The server of the PID file.
fn running(file: &Path) -> Option<Pid> {
    background::running(file, &["upsd", "husk"])
}
