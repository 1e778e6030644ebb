//! `upsdrvctl -F start`: drivers that stay in the foreground, and this program with them.
//!
//! One driver takes this process over. Several are children: signals go on to all of them, and when the last has
//! ended so does this. None is started again; that is the service manager's trade.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use husk_core::conf::ups::Section;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::{Control, plan, process};

/// How often children are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long children have to end before they are killed.
const STOP: Duration = Duration::from_secs(5);

/// Starts the drivers and stays until all have ended.
///
/// # Errors
/// A sentence: the only driver cannot be started, or signals cannot be caught.
pub(super) fn run(control: &Control, sections: &[&Section]) -> Result<ExitCode, String> {
    let global = &control.conf.global;
    if let [section] = sections {
        let line = plan::starting(section, global, &control.flags)?;
        log::debug!("Starting UPS: {} in this process", section.name);
        if control.flags.test {
            return process::begin(control, &line).map(|_| ExitCode::SUCCESS);
        }
        log::trace!("exec:  {line}");
        let error = Command::new(&line.program).args(&line.words).exec();
        return Err(format!("Can't start {}: {error}", line.program.display()));
    }
    let mut failed = false;
    let mut children = Vec::new();
    for section in sections {
        log::debug!("Starting UPS: {}", section.name);
        let begun = plan::starting(section, global, &control.flags);
        match begun.and_then(|line| process::begin(control, &line)) {
            Ok(child) => children.extend(child.map(|child| (section.name.clone(), child))),
            Err(reason) => failed |= !control.report(section, Err(reason)),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let stayed = runtime.block_on(stay(children));
    failed |= stayed.map_err(|error| format!("cannot stay with the drivers: {error}"))?;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Passes signals on until no child is left; whether one failed.
async fn stay(mut children: Vec<(String, Child)>) -> std::io::Result<bool> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut reload = signal(SignalKind::user_defined1())?;
    let mut failed = false;
    let mut killing = None;
    while !children.is_empty() {
        let passed = tokio::select! {
            _ = terminate.recv() => Some(Signal::TERM),
            _ = interrupt.recv() => Some(Signal::TERM),
            _ = quit.recv() => Some(Signal::TERM),
            _ = hangup.recv() => Some(Signal::HUP),
            _ = reload.recv() => Some(Signal::USR1),
            () = tokio::time::sleep(LOOK) => None,
        };
        if let Some(passed) = passed {
            tell_all(&children, passed);
        }
        if passed == Some(Signal::TERM) {
            killing.get_or_insert_with(|| tokio::time::Instant::now() + STOP);
        }
        if killing.is_some_and(|at| at <= tokio::time::Instant::now()) {
            tell_all(&children, Signal::KILL);
        }
        failed |= reap(&mut children, killing.is_some());
    }
    Ok(failed)
}

fn tell_all(children: &[(String, Child)], signal: Signal) {
    for (_, child) in children {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // One that has just ended needs no signal.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

/// Forgets the children that ended; whether one of them failed, which none does that was told to end.
fn reap(children: &mut Vec<(String, Child)>, stopping: bool) -> bool {
    let mut failed = false;
    children.retain_mut(|(name, child)| match child.try_wait() {
        Ok(None) => true,
        Ok(Some(status)) => {
            log::info!("UPS [{name}]: the driver has ended ({status})");
            failed |= !stopping && !status.success();
            false
        }
        Err(error) => {
            log::error!("UPS [{name}]: {error}");
            failed = true;
            false
        }
    });
    failed
}
