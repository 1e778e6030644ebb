//! `upsd`: the same server with the options, files and exit codes of NUT's upsd.
//!
//! Differences on purpose: the drivers run inside, so there is nothing to connect to; `-r` (chroot) is
//! refused, since plugins are confined more tightly than a chroot does; `-u` changes no user, run the
//! program as that user (the service manager does).

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use husk_server::config::DEFAULT_STATE_PATH;
use husk_server::{Family, Options, VERSION, control};
use rustix::process::{Pid, Signal};

use crate::bundle::BUNDLED;
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
  -u <user>     accepted; start the program as that user instead
  -V            print the version
  -h            print this text
";
/// Marks the process that a server in the background is.
const BACKGROUND: &str = "HUSK_IN_BACKGROUND";
/// How long a server in the background may take to start before its parent gives up waiting, not on it.
const START: Duration = Duration::from_secs(120);

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
        return ExitCode::SUCCESS;
    }
    if args.has('V') {
        println!("{}", banner());
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(BACKGROUND).is_none() && !quiet_banner() {
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

fn quiet_banner() -> bool {
    std::env::var("NUT_QUIET_INIT_BANNER").is_ok_and(|word| !word.eq_ignore_ascii_case("false"))
}

fn start(args: &Args, words: Vec<OsString>) -> Result<ExitCode, String> {
    for (letter, instead) in [
        ('i', "LISTEN <address> [<port>] in upsd.conf"),
        ('p', "LISTEN <address> [<port>] in upsd.conf"),
        ('r', "the sandbox of the plugins, which is always on"),
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
    let child = std::env::var_os(BACKGROUND).is_some();
    let stays = foreground > 0 || (debug > 0 && !args.has('B'));
    if !child && !stays {
        return background(words);
    }
    logging::start("upsd", debug, args.has('q'));
    if child && let Err(error) = rustix::process::setsid() {
        log::warn!("cannot leave the terminal: {error}");
    }
    if let Some(user) = args.value('u') {
        log::warn!("-u {user} changes nothing: start the program as that user");
    }
    let writes_pid = child || foreground > 1;
    let written = pid_file.clone();
    let options = Options {
        source: serve::source(None, true),
        bundled: BUNDLED,
        family: family(args),
        on_ready: Some(Box::new(move |_: &Path| {
            if writes_pid && let Err(error) = write_pid(&written) {
                log::error!("cannot write {}: {error}", written.display());
            }
            if child {
                logging::into_background();
            }
        })),
    };
    let exit = serve::start(options);
    if writes_pid && read_pid(&pid_file) == Some(rustix::process::getpid()) {
        // Gone already is as good.
        let _ = std::fs::remove_file(&pid_file);
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

/// Starts the server as a process of its own and waits until it serves. A fork would do the same, but not
/// in a program that may have threads; being told over the service manager's socket costs nothing extra.
fn background(words: Vec<OsString>) -> Result<ExitCode, String> {
    let failed =
        |error: std::io::Error| format!("Fatal error: cannot go into the background: {error}");
    let name = format!("husk-start-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).map_err(failed)?;
    let ready = UnixDatagram::bind_addr(&address).map_err(failed)?;
    ready
        .set_read_timeout(Some(Duration::from_millis(100)))
        .map_err(failed)?;
    // Not our stderr itself: whoever waits for its end would wait for the server's.
    let (mut words_of_child, stderr) = UnixStream::pair().map_err(failed)?;
    words_of_child.set_nonblocking(true).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .arg("upsd")
        .args(words)
        .env(BACKGROUND, "1")
        .env("NOTIFY_SOCKET", format!("@{name}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(OwnedFd::from(stderr))
        .spawn()
        .map_err(failed)?;
    let exit = wait_until_ready(&ready, &mut words_of_child, &mut child).map_err(failed)?;
    repeat(&mut words_of_child);
    Ok(exit)
}

/// Says what the child has said so far.
fn repeat(words_of_child: &mut UnixStream) {
    // Ends with "would block"; a closed stderr of ours is no reason to fail.
    let _ = std::io::copy(words_of_child, &mut std::io::stderr());
}

fn wait_until_ready(
    ready: &UnixDatagram,
    words_of_child: &mut UnixStream,
    child: &mut Child,
) -> std::io::Result<ExitCode> {
    let mut heard = [0; 64];
    let start = std::time::Instant::now();
    while start.elapsed() < START {
        repeat(words_of_child);
        if ready.recv(&mut heard).is_ok_and(|length| length > 0) {
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
    }
    eprintln!("upsd takes long to start; it goes on in the background");
    Ok(ExitCode::SUCCESS)
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
    let given = std::env::var_os("NUT_ALTPIDPATH").filter(|path| !path.is_empty());
    given
        .map_or_else(state_path, PathBuf::from)
        .join("upsd.pid")
}

fn write_pid(file: &Path) -> std::io::Result<()> {
    std::fs::write(file, format!("{}\n", std::process::id()))
}

fn read_pid(file: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(file).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// The process of the PID file, if it lives and is a server; a number that was given to another program does not count.
fn running(file: &Path) -> Option<Pid> {
    let pid = read_pid(file)?;
    if pid == rustix::process::getpid() {
        return None;
    }
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let unchecked = std::env::var_os("NUT_IGNORE_CHECKPROCNAME").is_some();
    (unchecked || matches!(name.trim(), "upsd" | "husk")).then_some(pid)
}
