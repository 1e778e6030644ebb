//! A USB device: the same one again after a loss, another candidate when the driver does not want one, and the ladder from
//! a failed poll to a new beginning.
//!
//! Whether data come is judged by transfers that the device completed, not by a driver that says all is well. A lost
//! device is waited for under its own name, so that two alike do not change places; only after
//! [`limits::STRANGER_AFTER`] another that fits the section is taken, because a replaced unit must not need a restart.

use crate::limits;
use husk_core::report::Failure;
use husk_ports::Port;
use husk_ports::usb::matching::Identity;
use husk_ports::usb::{self, Request, UsbPort};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Resolves when a USB device was plugged in.
type Plug = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// What a supervisor remembers of its USB device; of other devices there is nothing to remember.
#[derive(Default)]
pub(super) struct Memory {
    /// The section's port is USB.
    expected: bool,
    /// The device served last.
    served: Option<Identity>,
    lost: Option<Instant>,
    /// A device was plugged in then.
    plugged: Option<Instant>,
    /// The ear for that, from the first failure on: what is plugged in during an attempt must not be missed.
    listening: Option<Plug>,
    /// The last reset of a device that could not be served.
    reset: Option<Instant>,
    /// Bus and address of candidates that the driver has refused.
    passed_over: BTreeSet<(u8, u8)>,
    /// Attempts to reach the device again since the section was read.
    pub(super) reconnects: u64,
    /// Resets of the device since then.
    pub(super) resets: u64,
}

impl Memory {
    /// Adds to the section's wishes which device it was.
    pub(super) fn refine(&mut self, request: &mut Request) {
        self.expected = true;
        request.passed_over.clone_from(&self.passed_over);
        let forgotten = self
            .lost
            .is_some_and(|since| since.elapsed() >= limits::STRANGER_AFTER);
        request.before = self.served.clone().filter(|_| !forgotten);
    }

    /// A device has given its first report. The sentence for the log if it is not the one of before.
    pub(super) fn serves(&mut self, port: &Port) -> Option<String> {
        let Port::Usb(port) = port else { return None };
        let now = port.identity().clone();
        (self.lost, self.plugged, self.listening) = (None, None, None);
        self.passed_over.clear();
        let before = self.served.replace(now.clone())?;
        now.likeness(&before).is_none().then(|| {
            format!(
                "the device lost at {} did not come back; serving the one at {}",
                before.path(),
                now.path()
            )
        })
    }

    /// The device is gone or could not be opened.
    pub(super) fn failed(&mut self) {
        if self.served.is_some() {
            self.lost.get_or_insert_with(Instant::now);
            self.reconnects += 1;
        }
        // It may be answered differently next time: firmware that is still starting is refused as unknown.
        self.passed_over.clear();
    }

    /// The driver does not want this candidate; true when the next may be tried at once.
    pub(super) fn pass_over(&mut self, port: &Port, failure: &Failure) -> bool {
        match (port, failure) {
            (Port::Usb(port), Failure::NotMine(_)) => {
                let identity = port.identity();
                self.passed_over.insert((identity.bus, identity.address))
            }
            _ => false,
        }
    }

    /// The port, if its device is to be reset because it describes itself and answers nothing else: to open it again and
    /// again does not help firmware that hangs. Not more often than every [`limits::USB_RESET_PAUSE`].
    pub(super) fn hangs(&mut self, port: &Port, failure: &Failure) -> Option<Arc<dyn UsbPort>> {
        let (Port::Usb(port), Failure::Timeout) = (port, failure) else {
            return None;
        };
        let pause = |moment: Instant| moment.elapsed() < limits::USB_RESET_PAUSE;
        if self.reset.is_some_and(pause) {
            return None;
        }
        self.reset = Some(Instant::now());
        Some(Arc::clone(port))
    }

    /// How long to wait before the next attempt, in place of the pause for other ports.
    pub(super) fn pause(&self, usual: Duration) -> Duration {
        let recent = |moment: Option<Instant>, span: Duration| {
            moment.is_some_and(|moment| moment.elapsed() < span)
        };
        if !self.expected {
            usual
        } else if recent(self.lost, limits::USB_SETTLE) || recent(self.plugged, limits::USB_EAGER) {
            limits::USB_SETTLE
        } else {
            usual.min(limits::USB_LOOK)
        }
    }

    /// Waits until a device is plugged in, if that is what is waited for.
    pub(super) async fn plugged_in(listening: &mut Option<Plug>) {
        match listening {
            Some(plug) => plug.await,
            None => std::future::pending().await,
        }
    }

    /// The ear for [`Memory::plugged_in`]; to be given back.
    pub(super) fn listen(&mut self) -> Option<Plug> {
        let fresh = || -> Plug { Box::pin(usb::plugged_in()) };
        let kept = self.listening.take();
        kept.or_else(|| self.expected.then(fresh))
    }

    /// Nothing was heard yet.
    pub(super) fn keep_listening(&mut self, listening: Option<Plug>) {
        self.listening = listening;
    }

    /// A device was plugged in.
    pub(super) fn plugged(&mut self) {
        self.plugged = Some(Instant::now());
    }
}

/// What to do about a poll that failed, in this order; a device that answers again begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
    Retry,
    ClearHalts,
    Reset,
    /// Closing, finding it again by its path, and a new instance.
    Reopen,
}

impl Rung {
    /// The rung after so many failures in a row, 1 for the first.
    fn of(failed: u32, failure: &Failure) -> Self {
        // Silence is not cured by taking off halts: that would only be silent once more.
        let silent = matches!(failure, Failure::Timeout);
        match failed {
            0 | 1 => Self::Retry,
            2 if !silent => Self::ClearHalts,
            2 => Self::Reset,
            3 if !silent => Self::Reset,
            _ => Self::Reopen,
        }
    }
}

/// Where the ladder leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Climbed {
    /// The next poll shows whether it helped.
    Again,
    /// The same after a reset.
    AgainAfterReset,
    /// The device has to be opened anew.
    Reopen,
}

/// Does what helps most devices after so many failed polls in a row.
pub(super) async fn climb(port: &dyn UsbPort, failed: u32, failure: &Failure) -> Climbed {
    match Rung::of(failed, failure) {
        Rung::Retry => Climbed::Again,
        Rung::ClearHalts => match port.clear_halts().await {
            Err(husk_ports::IoError::Disconnected) => Climbed::Reopen,
            // A device that does not know the request may do better all the same.
            _ => Climbed::Again,
        },
        Rung::Reset => match port.reset().await {
            Ok(()) => Climbed::AgainAfterReset,
            Err(_) => Climbed::Reopen,
        },
        Rung::Reopen => Climbed::Reopen,
    }
}

/// Whether data come from the device, whatever the driver reports.
#[derive(Debug)]
pub(super) struct Progress {
    transfers: u64,
    since: Instant,
}

impl Progress {
    pub(super) fn of(port: &Port) -> Self {
        Self {
            transfers: completed(port),
            since: Instant::now(),
        }
    }

    /// Looks again after a poll; the failure in place of a report that cannot be true.
    pub(super) fn check(&mut self, port: &Port) -> Result<(), Failure> {
        let transfers = completed(port);
        let usb = matches!(port, Port::Usb(_));
        if !usb || transfers != self.transfers {
            self.transfers = transfers;
            self.since = Instant::now();
        }
        if self.since.elapsed() < limits::USB_PROGRESS {
            return Ok(());
        }
        Err(Failure::Timeout)
    }
}

fn completed(port: &Port) -> u64 {
    match port {
        Port::Usb(port) => port.completed(),
        Port::Serial(_) | Port::Files(_) | Port::Stream(_) | Port::Snmp(_) => 0,
    }
}

#[cfg(test)]
mod tests;
