//! `upsmon`: watches the UPSes that feed this machine and shuts it down in time, with the options, files and exit codes of
//! NUT's upsmon.
//!
//! Started as root it stays two processes: see [`husk_monitor::parent`]. Everything that goes wrong later must have been told
//! here: a shutdown command that cannot run, a flag that cannot be written, too little power configured.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use husk_core::conf::upsmon::{self, Config};
use husk_core::monitor::Role;
use husk_core::sched::Rule;
use husk_daemon::background;
use husk_monitor::{Duties, Family, Options, flag, limits, parent};
use husk_server::VERSION;
use husk_server::config::{Config as ServerConfig, DEFAULT_DIR};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::client::args::Args;
use crate::{logging, serve};

const OPTIONS: &str = "hVDFBKp46c:P:u:f:W:";
const HELP: &str = "
usage: upsmon [OPTIONS]

  -c <command>  send a command to the running upsmon:
     fsd        shut down all UPSes this machine is a primary of, and what they feed
     reload     read the configuration again
     stop       stop and exit
  -P <pid>      send it to this process instead of the one in the PID file
  -K            exit with 0 if POWERDOWNFLAG is set
  -D            raise the debug level (and stay in the foreground); may be repeated
  -F            stay in the foreground
  -B            go into the background even with -D
  -p            one process: no unprivileged part
  -u <user>     whom the unprivileged part becomes, before RUN_AS_USER
  -4, -6        connect to IPv4, or IPv6, addresses only
  -W <seconds>  wait so long for a server to accept (default 10)
  -f <file>     the configuration, instead of upsmon.conf in its directory
  -V            print the version
  -h            print this text
";
/// What `-Dh` adds. Scripts look here for which TLS there is, by its first words and by whose files it takes.
const BUILD: &str =
    "Using NUT libupsclient library of Husk: rustls, reads the files of OpenSSL builds";
/// Where the PID file is unless NUT_PIDPATH says otherwise.
const PID_PATH: &str = "/run/nut";
/// Whom the unprivileged part becomes, unless told: the user that packages of NUT make.
const DEFAULT_USER: &str = "nut";
/// `-W 0`: as long as the system tries, which gives up long before.
const SYSTEM_TIMEOUT: Duration = Duration::from_secs(600);

/// Runs `upsmon` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let banner = format!("Network UPS Tools upsmon {VERSION}");
    let args = match Args::parse(OPTIONS, words.clone()) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("upsmon: {why}");
            println!("{banner}\n{HELP}");
            return ExitCode::SUCCESS;
        }
    };
    if args.has('h') {
        println!("{banner}\n{HELP}");
        if args.has('D') {
            println!("{BUILD}");
        }
        return ExitCode::SUCCESS;
    }
    if args.has('V') {
        println!("{banner}");
        return ExitCode::SUCCESS;
    }
    let done = parent::of_child()
        .map_err(|error| format!("Fatal error: this is no child of upsmon: {error}"))
        .and_then(|socket| {
            let first = socket.is_none() && !background::is_child();
            if first && !serve::quiet_banner() {
                println!("{banner}");
            }
            match args.value('c') {
                Some(word) => command(word, args.value('P')),
                None if args.has('K') => power_down_flag(&args),
                None if !args.operands.is_empty() => Err(format!(
                    "Fatal error: {:?} is not an option\n{HELP}",
                    args.operands
                )),
                None => start(&args, words, first, socket),
            }
        });
    done.unwrap_or_else(|reason| {
        eprintln!("{reason}");
        ExitCode::FAILURE
    })
}

type Socket = std::os::unix::net::UnixStream;

fn start(
    args: &Args,
    words: Vec<OsString>,
    first: bool,
    socket: Option<Socket>,
) -> Result<ExitCode, String> {
    let file = file(args);
    let config = read(&file, first)?;
    if let Some(why) = &config.fatal {
        return Err(format!("Fatal error: {why}"));
    }
    config
        .settings
        .sufficient()
        .map_err(|why| format!("Fatal error: insufficient power configured!\n\n{why}"))?;
    let debug = args.options.iter().filter(|(given, _)| *given == 'D');
    let debug = debug.count();
    if first {
        if let Some(pid) = running() {
            return Err(format!(
                "Fatal error: A previous upsmon instance is already running! (process {pid})\n\
                 Either stop the previous instance first, or use the 'reload' command."
            ));
        }
        announce(&config);
        if !args.has('F') && (debug == 0 || args.has('B')) {
            return background::start("upsmon", words);
        }
    }
    let least = config.debug_min.as_ref().map_or(0, |at| at.value.into());
    logging::start("upsmon", debug.max(least), false);
    background::call_itself(OsStr::new("upsmon"));
    if background::is_child() && socket.is_none() {
        background::leave_terminal();
    }
    watch(args, words, file, config, socket)
}

/// One of the two processes, or the only one.
fn watch(
    args: &Args,
    words: Vec<OsString>,
    file: PathBuf,
    config: Config,
    socket: Option<Socket>,
) -> Result<ExitCode, String> {
    let on_ready = || {
        if background::is_child() {
            logging::into_background();
        }
    };
    let mut duties = Duties::new(&config);
    if socket.is_none() {
        duties.clear_flag();
        for flaw in duties.flaws() {
            log::error!("{flaw}");
        }
        if !args.has('p') {
            let program = std::env::current_exe()
                .map_err(|error| format!("Fatal error: cannot find this program: {error}"))?;
            let mut child = Command::new(program);
            child.arg("upsmon").args(words);
            return parent::run(child, &duties, &pid_file(), on_ready).map(ExitCode::from);
        }
    }
    let user = (socket.is_some() && geteuid().is_root()).then(|| {
        let configured = config.run_as_user.as_ref().map(|at| at.value.as_str());
        let user = args.value('u').or(configured).unwrap_or(DEFAULT_USER);
        user.to_owned()
    });
    let code = husk_monitor::run(Options {
        config,
        family: family(args),
        patience: patience(args)?,
        pid_file: pid_file(),
        user,
        parent: socket,
        duties,
        timers: Box::new(timers(&file)),
        on_ready: Box::new(on_ready),
        file,
    })?;
    Ok(ExitCode::from(code))
}

/// The timers in the husk.toml beside the file; what is wrong with them is told each time.
fn timers(file: &Path) -> impl Fn() -> Vec<Rule> + use<> {
    let dir = file.parent().map(Path::to_owned).unwrap_or_default();
    move || match ServerConfig::load_extras(&dir) {
        Ok((extras, found)) => {
            found.iter().for_each(|mistake| log::warn!("{mistake}"));
            extras.timers
        }
        Err(error) => {
            log::error!("no timers: {error}");
            Vec::new()
        }
    }
}

/// Reads the configuration; what is wrong with it is told by the first of the processes.
fn read(file: &Path, tell: bool) -> Result<Config, String> {
    let text = fs::read(file)
        .map_err(|error| format!("Fatal error: can't open {}: {error}", file.display()))?;
    let (config, found) = upsmon::parse(&file.display().to_string(), &text);
    if tell {
        for diagnostic in found {
            eprintln!("{diagnostic}");
        }
    }
    Ok(config)
}

/// What upsmon says of its configuration before it begins.
fn announce(config: &Config) {
    let settings = &config.settings;
    if config.shutdown_command.is_none() {
        let matters = settings.min_supplies.value > 0;
        let end = if matters {
            "!"
        } else {
            ", but that is OK for a monitoring-only client."
        };
        println!("Warning: no shutdown command defined{end}");
    }
    if config.notify_command.is_none() {
        println!("Warning: no custom notification command defined, just so you know");
    }
    for system in &settings.systems {
        let role = match system.role {
            Role::Primary => "primary",
            Role::Secondary => "secondary",
        };
        match system.power {
            0 => eprintln!("UPS: {} (monitoring only)", system.name),
            power => eprintln!("UPS: {} ({role}) (power value {power})", system.name),
        }
    }
    match &config.power_down_flag {
        Some(flag) => eprintln!("Using power down flag file {}", flag.value),
        None => {
            eprintln!("Warning: no power down flag file defined, so no UPS will be switched off")
        }
    }
}

/// `-K`.
fn power_down_flag(args: &Args) -> Result<ExitCode, String> {
    let config = read(&file(args), false)?;
    let Some(path) = config.power_down_flag else {
        println!("Power down flag is not set");
        return Ok(ExitCode::FAILURE);
    };
    let verdict = flag::judge(Path::new(&path.value));
    if let Some(remark) = verdict.remark(&path.value) {
        println!("{remark}");
    }
    if verdict.is_set() {
        println!("Power down flag is set");
        return Ok(ExitCode::SUCCESS);
    }
    println!("Power down flag is not set");
    Ok(ExitCode::FAILURE)
}

/// `-c`: any beginning of `fsd`, `reload` or `stop` will do.
fn command(word: &str, pid: Option<&str>) -> Result<ExitCode, String> {
    let commands = [
        ("fsd", Signal::USR1),
        ("reload", Signal::HUP),
        ("stop", Signal::TERM),
    ];
    let meant = commands
        .iter()
        .find(|(name, _)| !word.is_empty() && name.starts_with(word));
    let Some((_, signal)) = meant else {
        return Err(format!(
            "Error: command {word:?} is none of fsd, reload and stop\n{HELP}"
        ));
    };
    let process = match pid {
        Some(text) => {
            let number = background::pid(text);
            number.ok_or_else(|| format!("Error: {text} is not a process id"))?
        }
        None => running().ok_or_else(|| {
            format!(
                "Error: no running upsmon found: {} does not lead to one",
                pid_file().display()
            )
        })?,
    };
    kill_process(process, *signal)
        .map_err(|error| format!("Error: cannot signal process {process}: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

fn file(args: &Args) -> PathBuf {
    let given = std::env::var_os("NUT_CONFPATH").filter(|path| !path.is_empty());
    let dir = given.map_or_else(|| DEFAULT_DIR.into(), PathBuf::from);
    args.value('f')
        .map_or_else(|| dir.join("upsmon.conf"), PathBuf::from)
}

fn pid_file() -> PathBuf {
    let given = std::env::var_os("NUT_PIDPATH").filter(|path| !path.is_empty());
    given
        .map_or_else(|| PID_PATH.into(), PathBuf::from)
        .join("upsmon.pid")
}

fn running() -> Option<Pid> {
    background::running(&pid_file(), &["upsmon", "husk"])
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

fn patience(args: &Args) -> Result<Duration, String> {
    let environment = std::env::var("NUT_DEFAULT_CONNECT_TIMEOUT").ok();
    let Some(text) = args.value('W').or(environment.as_deref()) else {
        return Ok(limits::CONNECT);
    };
    match text.parse::<u32>() {
        Ok(0) => Ok(SYSTEM_TIMEOUT),
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => Err(format!("Fatal error: {text:?} is not a number of seconds")),
    }
}
