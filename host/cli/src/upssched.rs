//! `upssched`: does what upssched.conf says about the notification in its environment. Run by upsmon as NOTIFYCMD.
//!
//! Options, environment and messages are NUT's. The first timer makes it start itself once more, in the background, to keep timers;
//! that process is marked by a variable. What is done and why is in `husk_monitor::upssched`.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use husk_core::conf::upssched::{UpsschedConf, parse};
use husk_core::sched::Cause;
use husk_daemon::background;
use husk_monitor::upssched::{Error, keep, list, notify};

use crate::client::args::Args;
use crate::client::tool::{Fatal, print};
use crate::logging;

const OPTIONS: &str = "DVhl";
const HELP: &str = "
usage: upssched [OPTIONS]

Do what upssched.conf says about a notification. upsmon runs this as its NOTIFYCMD, with UPSNAME and
NOTIFYTYPE in the environment and the text as argument.

  -l            list the timers that run: name, end (seconds since 1970), seconds left, notifications,
                UPSes and texts, apart by TABs
  -D            raise the debug level; may be repeated
  -V            print the version and exit
  -h            print this text and exit
";
const FILE: &str = "upssched.conf";
/// Where the configuration is unless NUT_CONFPATH says otherwise.
const CONF_PATH: &str = "/etc/nut";
/// Where the PID file is unless NUT_PIDPATH says otherwise.
const PID_PATH: &str = "/run/nut";
/// Marks the process that keeps the timers.
const KEEPER: &str = "HUSK_UPSSCHED_KEEPER";
/// What scripts get for each run, so the process that keeps the timers must not hand on its own.
const ENVIRONMENT: [&str; 3] = ["UPSNAME", "NOTIFYTYPE", "NOTIFYMSG"];

/// Runs the program with the words after its name.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let banner = format!("Network UPS Tools upssched {}\n", husk_server::VERSION);
    let args = match Args::parse(OPTIONS, words) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("Error: {why}. Try -h for help.");
            return ExitCode::FAILURE;
        }
    };
    if args.has('V') {
        print(&banner);
        return ExitCode::SUCCESS;
    }
    if args.has('h') {
        print(&format!("{banner}{HELP}"));
        return ExitCode::SUCCESS;
    }
    match start(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fatal(text)) => {
            // The log of a process in the background goes elsewhere.
            match keeps_timers() {
                true => log::error!("{text}"),
                false => eprintln!("{text}"),
            }
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<(), Fatal> {
    let debug = args
        .options
        .iter()
        .filter(|(letter, _)| *letter == 'D')
        .count();
    let given = |name| std::env::var(name).ok();
    let cause = match (given("UPSNAME"), given("NOTIFYTYPE")) {
        _ if keeps_timers() || args.has('l') => Cause::default(),
        (Some(system), Some(kind)) => Cause {
            kind,
            system,
            text: args.operands.join(" "),
        },
        _ => {
            return Err(Fatal(
                "Error: environment variables UPSNAME and NOTIFYTYPE must be set.\n\
                 This program should only be run from upsmon(8)."
                    .to_owned(),
            ));
        }
    };
    let (conf, complaints) = read(&directory("NUT_CONFPATH", CONF_PATH).join(FILE))?;
    let debug = debug.max(conf.debug_min.map_or(0, usize::from));
    logging::start("upssched", debug, false);
    // Nobody hears it where upsmon runs in the background.
    if debug == 0 && !std::io::stderr().is_terminal() {
        logging::into_background();
    }
    // Said by each call, and not again by the process it starts.
    for complaint in complaints.iter().filter(|_| !keeps_timers()) {
        log::warn!("{complaint}");
    }
    let fatal = |error: Error| Fatal(format!("Fatal error: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Fatal(format!("Fatal error: cannot start: {error}")))?;
    if keeps_timers() {
        background::leave_terminal();
        background::call_itself("upssched".as_ref());
        logging::into_background();
        let pid_file = directory("NUT_PIDPATH", PID_PATH).join("upssched.pid");
        return runtime.block_on(keep(&conf, &pid_file)).map_err(fatal);
    }
    if args.has('l') {
        for row in runtime.block_on(list(&conf)).map_err(fatal)? {
            print(&format!("{row}\n"));
        }
        return Ok(());
    }
    runtime
        .block_on(notify(&conf, &cause, &mut keeper()?))
        .map_err(fatal)
}

fn keeps_timers() -> bool {
    std::env::var_os(KEEPER).is_some()
}

/// This program once more.
fn keeper() -> Result<Command, Fatal> {
    let failed = |error| Fatal(format!("Fatal error: cannot find this program: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg0("husk").arg("upssched").env(KEEPER, "1");
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    Ok(command)
}

fn read(file: &Path) -> Result<(UpsschedConf, Vec<String>), Fatal> {
    let name = file.display().to_string();
    let text = std::fs::read(file)
        .map_err(|error| Fatal(format!("Fatal error: can't open {name}: {error}")))?;
    let (conf, complaints) = parse(&name, &text);
    Ok((conf, complaints.iter().map(ToString::to_string).collect()))
}

fn directory(variable: &str, otherwise: &str) -> PathBuf {
    let given = std::env::var_os(variable).filter(|path| !path.is_empty());
    given.map_or_else(|| otherwise.into(), PathBuf::from)
}
