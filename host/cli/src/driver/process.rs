//! The process of a driver: there is one per UPS, it has a PID file, and perhaps runs in the background as another user.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use husk_daemon::background;
use husk_daemon::privilege::become_user;
use husk_server::driver_process::{self, Ending, Plan, RELOAD_FAILED};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::PATIENCE;
use super::caller::Caller;
use crate::bundle::BUNDLED;
use crate::client::args::Args;
use crate::logging;

/// Threads that work: the device, and its clients meanwhile.
pub(super) const THREADS: usize = 2;
/// How long another driver of the same UPS may take to end after a signal, and how often it is asked.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: u32 = 3;
/// Starts logging under the driver's name.
pub(super) fn log(name: &str, args: &Args) {
    let debug = args.options.iter().filter(|(letter, _)| *letter == 'D');
    logging::start(name, debug.count(), args.has('q'));
}

/// Serves the UPS, in the foreground or in the background.
pub(super) fn serve(
    name: &str,
    args: &Args,
    words: Vec<OsString>,
    plan: Plan,
) -> Result<ExitCode, String> {
    let count = |wanted| args.options.iter().filter(|(l, _)| *l == wanted).count();
    let foreground = count('F');
    let child = background::is_child();
    let stays = foreground > 0 || (count('D') > 0 && !args.has('B'));
    if !child && !stays {
        let all_words = [OsString::from(name)].into_iter().chain(words);
        return background::start("driver", all_words.collect());
    }
    log(name, args);
    if let Some(user) = plan.user() {
        become_user(user, None).map_err(|error| format!("Fatal error: {error}"))?;
    }
    background::call_itself(OsStr::new(name));
    if child {
        background::leave_terminal();
    }
    plan.explain_to_log();
    end_others(&plan);
    let pid_file = (child || foreground > 1).then(|| pid_file(&plan));
    if let Some(file) = &pid_file
        && let Err(error) = background::write_pid(file)
    {
        log::error!("cannot write {}: {error}", file.display());
    }
    let served = super::wait(driver_process::serve(plan, BUNDLED, || {
        background::ready();
        if child {
            logging::into_background();
        }
    }));
    if let Some(file) = &pid_file {
        background::remove_pid(file);
    }
    served.map(|ending| match ending {
        Ending::Stopped => ExitCode::SUCCESS,
        Ending::ReloadFailed => ExitCode::from(RELOAD_FAILED),
    })
}

/// Ends whoever drives the UPS now: asked over the socket, then by signals.
pub(super) fn end_others(plan: &Plan) {
    let socket = plan.socket_path();
    if let Ok(mut caller) = Caller::connect(&socket) {
        log::warn!(
            "Duplicate driver instance detected (local {} exists)! Terminating other driver!",
            socket.display()
        );
        let told = caller.say(b"INSTCMD driver.exit\n");
        // Drivers before 2.8.1 know no such command; those are ended below.
        let patience = if process(plan).is_some() {
            ROUND
        } else {
            PATIENCE
        };
        if told.is_ok() && caller.ends_within(patience) {
            wait_for_end(process(plan), ROUND);
            return;
        }
    }
    let Some(pid) = process(plan) else { return };
    log::warn!(
        "Duplicate driver instance detected (PID file {} exists)! Terminating other driver!",
        pid_file(plan).display()
    );
    for signal in std::iter::repeat_n(Signal::TERM, ROUNDS as usize).chain([Signal::KILL]) {
        if kill_process(pid, signal).is_err() || wait_for_end(Some(pid), ROUND) {
            return;
        }
    }
}

/// Sends the process of the PID file, or that of `pid`, a signal.
pub(super) fn signal(plan: &Plan, signal: Signal, pid: Option<&str>) -> Result<ExitCode, String> {
    let target = match pid {
        Some(text) => {
            let number = text.parse().ok().and_then(Pid::from_raw);
            number.ok_or_else(|| format!("Error: {text} is not a process id"))?
        }
        None => process(plan).ok_or_else(|| {
            format!(
                "Error: no running driver found by {}",
                pid_file(plan).display()
            )
        })?,
    };
    kill_process(target, signal)
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| format!("Error: cannot signal process {target}: {error}"))
}

fn pid_file(plan: &Plan) -> PathBuf {
    let dir = background::pid_dir(plan.state_path().to_owned());
    dir.join(format!("{}.pid", plan.name()))
}

/// The driver of the PID file, if it lives.
fn process(plan: &Plan) -> Option<Pid> {
    background::running(&pid_file(plan), &[plan.driver(), "husk"])
}

/// True when the process is gone.
fn wait_for_end(pid: Option<Pid>, patience: Duration) -> bool {
    let Some(pid) = pid else { return true };
    let until = Instant::now() + patience;
    while test_kill_process(pid).is_ok() {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::OPTIONS;

    #[test]
    fn options_with_values_are_those_of_nut() {
        for letter in ['a', 's', 'x', 'd', 'i', 'c', 'P', 'u', 'g', 'r'] {
            assert!(OPTIONS.contains(&format!("{letter}:")), "{letter}");
        }
    }
}
