//! `upslog`: writes a line about each UPS to a file or stdout, every so many seconds.
//!
//! Options, formats, output and signals are those of NUT 2.8.5: HUP opens the files anew, USR1 makes it write now, TERM, INT and
//! QUIT make it write once more and end. Differences on purpose: an interval or a count that is no number is refused; a file
//! that cannot be opened anew goes on being written; `-u` changes no user, run the program as that user.
//! A server that is away costs the values, which are `NA` then, never the line.

mod calendar;
mod format;
mod plan;
mod system;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::client::args::Args;
use crate::client::tool::{Fatal, print};
use husk_daemon::background;
use husk_daemon::privilege::become_user;

use crate::logging;
use plan::Plan;
use system::{Log, System};

const OPTIONS: &str = "hVDFBNs:l:m:i:d:f:p:u:W:A:";
const HELP: &str = "
usage: upslog [OPTIONS]
       upslog <ups> <file> <interval> [<format>]...

Write a line about each UPS to a file or stdout, every so many seconds.

  -s <ups>      <upsname>[@<hostname>[:<port>]]; `*` as upsname: every UPS of that server
  -l <file>     the file for the UPS of -s; `-` is stdout
  -m <ups,file> as -s and -l together, for as many as wanted
  -i <seconds>  time between two lines (default 30); over 30, connections are closed in between
  -d <count>    end after so many lines
  -f <format>   what to write, see below
  -N            write the UPS and a TAB in front of it
  -F            stay in the foreground
  -B            go into the background even with stdout or -D
  -D            raise the debug level and stay in the foreground; may be repeated
  -p <pidbase>  base name of the PID file (default upslog)
  -u <user>     run as this user, if started as root
  -W <seconds>  wait so long for a server to accept; 0 waits for ever (default 10)
  -A <file>     accounts and TLS settings: a nutauth.conf, `default` or `none`
  -V            print the version and exit
  -h            print this text and exit

In a format:
  %%            a percent sign             %t            a TAB
  %TIME form%   the time by strftime, with @ for %
  %ETIME%       seconds since 1970         %PID%         the process id of upslog
  %HOST%        this machine               %UPSHOST%     the UPS as it was named
  %VAR name%    a variable of the UPS; NA if it is not to be had

Signals: HUP opens the files anew, USR1 writes a line now, TERM ends.
";
/// Where PID files are unless NUT_PIDPATH says otherwise.
const PID_PATH: &str = "/run/nut";
/// Longest interval to keep connections for: servers drop clients that are silent for 60 s.
const KEEP_CONNECTION: Duration = Duration::from_secs(30);

/// Runs the program with the words after its name.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let banner = format!("Network UPS Tools upslog {}\n", husk_server::VERSION);
    let args = match Args::parse(OPTIONS, words.clone()) {
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
    if args.has('h') || matches!(args.operands.len(), 1 | 2) {
        print(&format!("{banner}{HELP}"));
        return ExitCode::SUCCESS;
    }
    let quiet = std::env::var("NUT_QUIET_INIT_BANNER")
        .is_ok_and(|word| !word.eq_ignore_ascii_case("false"));
    if !quiet && !background::is_child() {
        print(&banner);
    }
    start(&args, words).unwrap_or_else(|Fatal(text)| {
        eprintln!("{text}");
        ExitCode::FAILURE
    })
}

fn start(args: &Args, words: Vec<OsString>) -> Result<ExitCode, Fatal> {
    let plan = Plan::read(args)?;
    let targets = plan.all(args)?;
    announce(&plan, &targets);
    if !plan.foreground && !background::is_child() {
        return background::start("upslog", words).map_err(Fatal);
    }
    logging::start("upslog", plan.debug, false);
    if background::is_child() {
        background::leave_terminal();
    }
    // The files are opened with the rights of who starts it, as NUT does.
    let logger = Logger::start(&plan, targets, args)?;
    if let Some(user) = args.value('u') {
        become_user(user, None).map_err(|error| Fatal(format!("Fatal error: {error}")))?;
    }
    let pid_file = pid_file(args.value('p').unwrap_or("upslog"));
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fatal(format!("Fatal error: cannot start: {error}")))?
        .block_on(logger.run(&pid_file));
    background::remove_pid(&pid_file);
    done.map(|()| ExitCode::SUCCESS)
}

/// Nobody hears this from a process in the background; the one that started it has said it.
fn announce(plan: &Plan, targets: &[(String, String)]) {
    let seconds = plan.interval.as_secs();
    for (ups, file) in targets {
        let shown = if file == "-" { "stdout" } else { file };
        print(&format!(
            "logging status of {ups} to {shown} ({seconds}s intervals)\n"
        ));
    }
}

fn pid_file(base: &str) -> PathBuf {
    let given = std::env::var_os("NUT_PIDPATH").filter(|path| !path.is_empty());
    let path = given.map_or_else(|| PID_PATH.into(), PathBuf::from);
    path.join(format!("{base}.pid"))
}

/// What interrupts the wait for the next line.
enum Wake {
    Due,
    /// HUP.
    Reopen,
    /// USR1.
    Now,
    /// A signal to end, by its number.
    End(i32),
}

/// Everything that is open.
struct Logger<'a> {
    plan: &'a Plan,
    systems: Vec<System>,
    logs: Vec<Log>,
}

impl<'a> Logger<'a> {
    /// Connects and opens the files.
    fn start(plan: &'a Plan, targets: Vec<(String, String)>, args: &Args) -> Result<Self, Fatal> {
        let mut logger = Self {
            plan,
            systems: Vec::new(),
            logs: Vec::new(),
        };
        for (ups, file) in targets {
            let log = match logger.logs.iter().position(|log| log.name() == file) {
                Some(log) => log,
                None => {
                    logger.logs.push(Log::open(&file)?);
                    logger.logs.len() - 1
                }
            };
            let mut system = System::new(ups, log, args)?;
            if let Err(error) = system.connect() {
                eprintln!("Warning: initial connect failed: {error}");
            }
            logger.systems.push(system);
        }
        Ok(logger)
    }

    async fn run(mut self, pid_file: &Path) -> Result<(), Fatal> {
        let failed = |error| Fatal(format!("Fatal error: cannot hear signals: {error}"));
        let mut signals = Signals::new().map_err(failed)?;
        if let Err(error) = background::write_pid(pid_file) {
            log::warn!("cannot write {}: {error}", pid_file.display());
        }
        background::ready();
        if background::is_child() {
            logging::into_background();
        }
        let mut due = Instant::now();
        let mut written = 0;
        loop {
            let wake = signals.wait(due).await;
            match wake {
                Wake::Reopen => {
                    log::info!("Signal 1: reopening log file");
                    self.logs.iter_mut().for_each(Log::reopen);
                }
                Wake::Due => {
                    // After a standstill the missed lines are not made up for.
                    let late = due.elapsed() > self.plan.interval;
                    due = if late { Instant::now() } else { due } + self.plan.interval;
                }
                Wake::Now | Wake::End(_) => {}
            }
            let wanted = self.write();
            written += 1;
            if let Wake::End(number) = wake {
                log::info!("Signal {number}: exiting");
                return Ok(());
            }
            if self.plan.count == Some(written) {
                log::info!("{written} loops have elapsed");
                return Ok(());
            }
            if !wanted {
                return Ok(());
            }
        }
    }

    /// A line about each system; false once nobody reads stdout any more.
    fn write(&mut self) -> bool {
        let mut wanted = true;
        for system in &mut self.systems {
            system.reconnect();
            let line = self.plan.format.line(system);
            if let Some(log) = self.logs.get_mut(system.log) {
                wanted &= log.write(&line);
            }
            if self.plan.interval > KEEP_CONNECTION {
                system.disconnect();
            }
        }
        wanted
    }
}

struct Signals {
    hup: Signal,
    usr1: Signal,
    term: Signal,
    int: Signal,
    quit: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits until `due` or for a signal, whichever comes first.
    async fn wait(&mut self, due: Instant) -> Wake {
        let number = SignalKind::as_raw_value;
        tokio::select! {
            biased;
            _ = self.term.recv() => Wake::End(number(&SignalKind::terminate())),
            _ = self.int.recv() => Wake::End(number(&SignalKind::interrupt())),
            _ = self.quit.recv() => Wake::End(number(&SignalKind::quit())),
            _ = self.hup.recv() => Wake::Reopen,
            _ = self.usr1.recv() => Wake::Now,
            () = sleep_until(due) => Wake::Due,
        }
    }
}
