//! Signals as NUT's drivers understand them.

use super::clients::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// TERM, INT and QUIT end; HUP, USR1 and USR2 reload; URG and WINCH print the variables.
pub(super) struct Signals {
    stops: [Signal; 3],
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    dumps: [Signal; 2],
}

impl Signals {
    /// From now on.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn catch() -> std::io::Result<Self> {
        let dump_by = |number| signal(SignalKind::from_raw(number));
        Ok(Self {
            stops: [
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::quit())?,
            ],
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            dumps: [
                dump_by(rustix::process::Signal::URG.as_raw())?,
                dump_by(rustix::process::Signal::WINCH.as_raw())?,
            ],
        })
    }

    /// Waits for the order to end.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Command::Exit {}
    }

    /// What the next signal asks for.
    pub(super) async fn next(&mut self) -> Command {
        let [terminate, interrupt, quit] = &mut self.stops;
        let [urgent, window] = &mut self.dumps;
        tokio::select! {
            _ = terminate.recv() => Command::Exit,
            _ = interrupt.recv() => Command::Exit,
            _ = quit.recv() => Command::Exit,
            _ = self.hangup.recv() => Command::Reload,
            _ = self.user1.recv() => Command::ReloadOrExit,
            _ = self.user2.recv() => Command::Reload,
            _ = urgent.recv() => Command::Dump,
            _ = window.recv() => Command::Dump,
        }
    }
}
