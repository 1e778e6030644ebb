//! Driver processes: started and waited for, ended, told things, had cut the power.
//!
//! Ends a process only after its name was compared with that of the driver, and asks before it forces.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use husk_core::conf::ups::{Global, Section};
use rustix::process::{Pid, Signal, kill_process};

use super::plan::{self, CommandLine, Word};
use super::{Control, socket};
use husk_daemon::background;

/// How often a process is looked at.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a driver may take to end after it was asked to.
const STOP: Duration = Duration::from_secs(5);
/// How long a driver may take to answer a command: a reload greets its device anew.
const COMMAND: Duration = Duration::from_secs(15);

/// How patient a start is: the section's word, else the global one, else NUT's defaults.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// `maxretry`, 1 by default.
    attempts: u32,
    /// `retrydelay`, 5 s by default.
    between: Duration,
    /// `maxstartdelay`, 75 s by default; `None` is for ever.
    pub(super) per_attempt: Option<Duration>,
    /// `nowait`
    pub(super) no_wait: bool,
}

impl Patience {
    pub(super) fn of(section: &Section, global: &Global) -> Self {
        let (own, common) = (&section.common, &global.common);
        let ignored = std::env::var("NUT_IGNORE_NOWAIT").is_ok_and(|word| {
            matches!(
                word.to_ascii_lowercase().as_str(),
                "true" | "yes" | "on" | "1"
            )
        });
        Self {
            attempts: own.max_retry.or(common.max_retry).unwrap_or(1).max(1),
            between: own
                .retry_delay
                .or(common.retry_delay)
                .unwrap_or(Duration::from_secs(5)),
            per_attempt: own
                .max_start_delay
                .or(common.max_start_delay)
                .unwrap_or(Some(Duration::from_secs(75))),
            no_wait: global.no_wait && !ignored,
        }
    }
}

/// Starts a driver and waits until it serves, which is when the process that was started ends well.
pub(super) fn start(control: &Control, section: &Section) -> Result<(), String> {
    let global = &control.conf.global;
    let line = plan::starting(section, global, &control.flags)?;
    let patience = Patience::of(section, global);
    let mut slow = None;
    let mut outcome = Ok(());
    for left in (0..patience.attempts).rev() {
        log::trace!("{} remaining attempts", left + 1);
        let child = match slow.take() {
            // A second driver would end this one, and be as slow.
            Some(child) => child,
            None => match begin(control, &line)? {
                Some(child) => child,
                None => return Ok(()),
            },
        };
        if patience.no_wait {
            return Ok(());
        }
        outcome = match wait(child, patience.per_attempt) {
            Waited::Ended(status) => verdict(status),
            Waited::Slow(child) => {
                slow = Some(child);
                let text = "Startup timer elapsed and the child process did not change state, continuing...";
                Err(text.to_owned())
            }
            Waited::Failed(reason) => Err(reason),
        };
        match &outcome {
            Err(reason) if left > 0 => {
                log::warn!("UPS [{}]: {reason}", section.name);
                std::thread::sleep(patience.between);
            }
            _ => break,
        }
    }
    outcome
}

/// Runs the driver so that it cuts the power.
pub(super) fn cut_power(control: &Control, section: &Section) -> Result<(), String> {
    let global = &control.conf.global;
    let line = plan::cutting_power(section, global, &control.flags)?;
    let Some(child) = begin(control, &line)? else {
        return Ok(());
    };
    match wait(child, Patience::of(section, global).per_attempt) {
        Waited::Ended(status) => verdict(status),
        Waited::Slow(_) => Err("it takes too long to cut the power; going on".to_owned()),
        Waited::Failed(reason) => Err(reason),
    }
}

/// Ends a driver: by the process its PID file names, else by its socket.
pub(super) fn stop(control: &Control, section: &Section) -> Result<(), String> {
    let file = control.pid_file(section);
    let Some(pid) = running(&file, section) else {
        log::trace!("{} leads to no driver, asking its socket", file.display());
        return stop_by_socket(control, section);
    };
    log::trace!("Sending signal to {}", file.display());
    if control.flags.test {
        return Ok(());
    }
    for signal in [Signal::TERM, Signal::KILL] {
        let sent = kill_process(pid, signal);
        // Its own parent has not waited for it yet, or it is gone: both are an end.
        if sent == Err(rustix::io::Errno::SRCH) {
            return Ok(());
        }
        sent.map_err(|error| format!("cannot end process {pid}: {error}"))?;
        let start = Instant::now();
        while start.elapsed() < STOP {
            if running(&file, section) != Some(pid) && !lives(pid) {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }
    Err(format!("process {pid} does not end"))
}

/// Tells a running driver something.
pub(super) fn tell(control: &Control, section: &Section, word: Word) -> Result<(), String> {
    let path = control.socket(section);
    let name = format!("driver.{}", word.text());
    if control.flags.test {
        log::trace!("{name} to {}", path.display());
        return Ok(());
    }
    let signal = match word {
        Word::Dump => Signal::URG,
        Word::Reload => Signal::HUP,
        Word::ReloadOrExit => Signal::USR1,
        Word::ReloadOrRestart => Signal::USR2,
        Word::Exit => return stop(control, section),
        Word::ReloadOrError => return answered(socket::command(&path, &name, COMMAND)),
    };
    let file = control.pid_file(section);
    match running(&file, section) {
        Some(pid) => kill_process(pid, signal)
            .map_err(|error| format!("cannot signal process {pid}: {error}")),
        None if word == Word::Dump => Err(format!("{} leads to no driver", file.display())),
        None => answered(socket::command(&path, &name, COMMAND)),
    }
}

/// The driver the PID file names, if it lives and has its name.
pub(super) fn running(file: &Path, section: &Section) -> Option<Pid> {
    background::running(file, &[&section.driver])
}

/// Starts a process; `None` in test mode.
pub(super) fn begin(control: &Control, line: &CommandLine) -> Result<Option<Child>, String> {
    log::trace!("exec:  {line}");
    let missing = || format!("Can't start {}", line.program.display());
    if control.flags.test {
        return match line.program.metadata() {
            Ok(_) => Ok(None),
            Err(error) => Err(format!("{}: {error}", missing())),
        };
    }
    let child = Command::new(&line.program)
        .args(&line.words)
        .stdin(Stdio::null())
        .spawn();
    child
        .map(Some)
        .map_err(|error| format!("{}: {error}", missing()))
}

fn stop_by_socket(control: &Control, section: &Section) -> Result<(), String> {
    let path = control.socket(section);
    if control.flags.test {
        return Ok(());
    }
    let asked = socket::command(&path, "driver.exit", COMMAND);
    if let Err(error) = &asked {
        return Err(format!(
            "Failed to stop the driver, it may be not running: neither {} nor {} leads to it ({error})",
            control.pid_file(section).display(),
            path.display()
        ));
    }
    answered(asked)?;
    let start = Instant::now();
    while start.elapsed() < STOP {
        if !socket::ask(&path).responsive {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err("the driver was asked to exit and still runs".to_owned())
}

fn answered(code: std::io::Result<Option<u8>>) -> Result<(), String> {
    match code {
        Ok(None | Some(0)) => Ok(()),
        Ok(Some(code)) => Err(format!("the driver answered with code {code}")),
        Err(error) => Err(format!("cannot ask the driver over its socket: {error}")),
    }
}

/// Whether the process runs; one that waits for its parent to notice its end does not.
fn lives(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}

pub(super) enum Waited {
    Ended(ExitStatus),
    Slow(Child),
    Failed(String),
}

pub(super) fn wait(mut child: Child, most: Option<Duration>) -> Waited {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Waited::Ended(status),
            Ok(None) if most.is_some_and(|most| start.elapsed() >= most) => {
                return Waited::Slow(child);
            }
            Ok(None) => std::thread::sleep(PAUSE),
            Err(error) => return Waited::Failed(format!("cannot wait for the driver: {error}")),
        }
    }
}

pub(super) fn verdict(status: ExitStatus) -> Result<(), String> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(format!("Driver failed to start (exit status={code})")),
        None => Err(format!("Driver exited abnormally ({status})")),
    }
}
