//! The privilege split: a parent that keeps root and does [`Duties`], and a child that does everything else as somebody
//! without rights.
//!
//! There is one socket pair between them, the child's standard input. The child says one byte at a time, a `Word`; the
//! parent says nothing, so that nothing of it can be asked for but what is in that list. Both notice at once when the
//! other is gone. The child is the same program started anew: a fork alone would leave it root's memory.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitStatus};

use husk_daemon::{Phase, background, notify};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::duties::Duties;
use crate::limits;

/// Marks the child; not for the programs it runs.
pub(crate) const MARK: &str = "HUSK_UPSMON_CHILD";

/// What the child may say. NUT's upsmon has only the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    ShutDown,
    Ready,
    Reloading,
    Alive,
    Stopping,
}

const WORDS: [(u8, Word); 5] = [
    (1, Word::ShutDown),
    (2, Word::Ready),
    (3, Word::Reloading),
    (4, Word::Alive),
    (5, Word::Stopping),
];

impl Word {
    pub(crate) fn byte(self) -> u8 {
        let mut words = WORDS.iter();
        words
            .find(|(_, word)| *word == self)
            .map_or(0, |(byte, _)| *byte)
    }

    /// What the service manager is told of it.
    pub(crate) fn phase(self) -> Option<Phase> {
        match self {
            Self::ShutDown => None,
            Self::Ready => Some(Phase::Ready),
            Self::Reloading => Some(Phase::Reloading),
            Self::Alive => Some(Phase::Alive),
            Self::Stopping => Some(Phase::Stopping),
        }
    }
}

/// The child's end of the socket pair; `None` if this is no child.
///
/// # Errors
/// The standard input is not what the parent gives its child.
pub fn of_child() -> io::Result<Option<UnixStream>> {
    if std::env::var_os(MARK).is_none() {
        return Ok(None);
    }
    let fd = io::stdin().as_fd().try_clone_to_owned()?;
    let stream = UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    Ok(Some(stream))
}

/// Starts `child`, serves it until it has ended, and gives its exit code. Service managers are spoken to from here, as they
/// know only this process.
///
/// # Errors
/// A sentence: it could not be started.
pub fn run(
    child: Command,
    duties: &Duties,
    pid_file: &Path,
    on_ready: impl FnOnce(),
) -> Result<u8, String> {
    let failed =
        |error: io::Error| format!("Fatal error: cannot start the unprivileged part: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime
        .block_on(serve(child, duties, pid_file, on_ready))
        .map_err(failed)
}

async fn serve(
    mut command: Command,
    duties: &Duties,
    pid_file: &Path,
    on_ready: impl FnOnce(),
) -> io::Result<u8> {
    // Caught and not looked at: these are for the child, whose number is in the PID file.
    let _ignored = [
        signal(SignalKind::hangup())?,
        signal(SignalKind::user_defined1())?,
        signal(SignalKind::user_defined2())?,
    ];
    let mut stops = Stops::catch()?;
    let (own, other) = UnixStream::pair()?;
    command
        .env(MARK, "1")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_PID")
        .stdin(OwnedFd::from(other));
    let mut child = tokio::process::Command::from(command).spawn()?;
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    own.set_nonblocking(true)?;
    let mut words = tokio::net::UnixStream::from_std(own)?;
    let mut on_ready = Some(on_ready);
    let (mut shutdown, mut stopping) = (None, false);
    let mut byte = [0];
    loop {
        let read = tokio::select! {
            read = words.read(&mut byte) => read?,
            () = stops.any() => {
                stopping = true;
                if let Some(pid) = pid {
                    // It may have ended just now; then the socket says so.
                    let _ = kill_process(pid, Signal::TERM);
                }
                continue;
            }
        };
        let [said] = byte;
        if read == 0 {
            break;
        }
        let Some((_, word)) = WORDS.iter().find(|(byte, _)| *byte == said) else {
            log::error!("the unprivileged part said {said}, which means nothing");
            continue;
        };
        if let Some(phase) = word.phase() {
            notify(phase);
        }
        match word {
            Word::ShutDown if shutdown.is_none() => {
                shutdown = Some(tokio::spawn(duties.clone().shut_down()));
            }
            Word::ShutDown => {}
            Word::Ready => {
                if let Some(tell) = on_ready.take() {
                    tell();
                }
            }
            Word::Reloading | Word::Alive | Word::Stopping => {}
        }
    }
    let status = child.wait().await?;
    if let Some(shutdown) = shutdown {
        attend(shutdown, stopping, &mut stops).await;
    }
    // Without rights it could not do this itself.
    if let Some(pid) = pid {
        background::remove_pid_of(pid_file, pid);
    }
    Ok(code(status))
}

/// Waits for the end of the shutdown command; told to stop, only until it is started: it may itself wait for us to end.
async fn attend(mut shutdown: JoinHandle<()>, stopping: bool, stops: &mut Stops) {
    if !stopping {
        tokio::select! {
            _ = &mut shutdown => return,
            () = stops.any() => {}
        }
    }
    let _ = timeout(limits::FLUSH, shutdown).await;
}

/// A child that was killed has not ended well.
fn code(status: ExitStatus) -> u8 {
    if !status.success() {
        log::error!("the unprivileged part of upsmon ended: {status}");
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}

/// The signals that end the program.
pub(crate) struct Stops {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    quit: unix::Signal,
}

impl Stops {
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    pub(crate) async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::cell::Cell;
    use std::fs;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_parent_does_its_duty_once_asked_and_ends_with_the_child() {
        let dir = std::env::temp_dir().join(format!("husk-parent-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let duties = Duties {
            flag: Some(dir.join("killpower")),
            command: Some(format!("cp {0}/killpower {0}/seen", dir.display())),
            systems: vec!["a@b".to_owned()],
        };
        let (pid, ready) = (dir.join("pid"), Cell::new(0));
        // The socket is the child's standard input, and both ways. 7 means nothing.
        let child = shell(r"printf '\002\007\002' >&0; exit 3");
        assert_eq!(
            run(child, &duties, &pid, || ready.set(ready.get() + 1)),
            Ok(3)
        );
        assert_eq!(ready.get(), 1);
        assert!(!dir.join("killpower").exists());
        let child = shell(&format!(r"echo $$ >{}; printf '\001' >&0", pid.display()));
        assert_eq!(run(child, &duties, &pid, || ()), Ok(0));
        let seen = fs::read(dir.join("seen")).unwrap();
        assert_eq!(seen, b"upsmon-shutdown-file");
        assert!(!pid.exists());
        assert_eq!(run(shell("kill -9 $$"), &duties, &pid, || ()), Ok(1));
        fs::remove_file(dir.join("seen")).unwrap();
        // Everything at once: a stop must not swallow the shutdown that was asked for before it.
        let child = shell(r"printf '\001' >&0; kill -TERM $PPID");
        assert!(run(child, &duties, &pid, || ()).is_ok());
        assert!(dir.join("seen").exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
