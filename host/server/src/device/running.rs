//! The state of a device that answers: poll, serve requests, change over to another plugin.
//!
//! An instance is called by nobody else, one call at a time. A swap keeps the port: the successor opens
//! while the old instance is idle, and the old one goes only after the successor's first good report.

use super::starting::{Probing, Starting};
use super::usb::{Climbed, Progress, climb};
use super::{Device, Ended, Order, State, Swapped, Woken};
use crate::driver::{Instance, Known};
use crate::limits;
use crate::published::Job;
use husk_core::report::{Failure, Update, Wake};
use husk_engine::Transport;
use husk_ports::Port;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A plugin bound to a port that has answered.
pub(super) struct Running {
    pub(super) known: Known,
    transport: Transport,
    port: Port,
    pub(super) instance: Box<dyn Instance>,
    /// When to poll next.
    next: Instant,
    /// What the next poll is for, unless the port turns readable first.
    why: Wake,
    wake_on_readable: bool,
    /// Failed polls in a row.
    failed: u32,
    progress: Progress,
}

/// Where a step leads.
pub(super) enum Next {
    /// Go on running.
    Stay,
    /// Another state; the instance is dropped.
    Leave(Reason),
}

/// Why an instance is dropped.
pub(super) enum Reason {
    /// It trapped or broke a limit; its port stays open.
    Crashed,
    /// The port is gone.
    Lost,
    /// It fails poll after poll; a new instance greets the device anew, on the same port.
    Hopeless,
    Stop,
}

impl Running {
    pub(super) fn new(
        probing: Probing,
        instance: Box<dyn Instance>,
        device: &Device,
        first: &Update,
        started: Instant,
    ) -> Self {
        Self {
            next: started + first.wait(share(device.name(), interval(device))),
            why: Wake::Interval,
            wake_on_readable: first.wake_on_readable,
            known: probing.known,
            transport: probing.place.grant.transport,
            progress: Progress::of(&probing.port),
            port: probing.port,
            instance,
            failed: 0,
        }
    }

    pub(super) async fn run(mut self, device: &mut Device) -> State {
        device.doing("running");
        device.published.set_note(|note| note.trouble.clear());
        loop {
            let watched = self.wake_on_readable.then_some(&self.port);
            let next = match device.wait(self.next, watched).await {
                Woken::Time => self.poll(device, self.why).await,
                Woken::Readable => {
                    // A moment for the rest of the message, and a limit for a line that chatters.
                    tokio::time::sleep(limits::READABLE_PAUSE).await;
                    self.poll(device, Wake::Readable).await
                }
                Woken::Request(job) => self.request(device, job).await,
                Woken::Order(Order::Configure(setup)) => {
                    if !setup.keeps_the_instance_of(&device.setup) {
                        drop(self);
                        return device.configure(*setup);
                    }
                    device.reconfigure(*setup);
                    self.next = Instant::now();
                    Next::Stay
                }
                Woken::Order(Order::Swap(known, reply)) => self.swap(device, known, reply).await,
                Woken::Order(Order::Start) => Next::Stay,
                Woken::Order(order @ Order::Stop(_)) => {
                    drop(self);
                    return device.obey_idle(order, None);
                }
                Woken::Order(Order::CutPower(reply)) => self.cut_power(device, reply).await,
                Woken::Plugins => Next::Stay,
                Woken::Stop => Next::Leave(Reason::Stop),
            };
            if let Next::Leave(reason) = next {
                return self.leave(device, &reason);
            }
        }
    }

    async fn request(&mut self, device: &mut Device, job: Job) -> Next {
        let next = self.perform(device, job).await;
        // What a command changed shows at once.
        self.next = Instant::now();
        self.why = Wake::SettingsChanged;
        next
    }

    async fn poll(&mut self, device: &mut Device, why: Wake) -> Next {
        let started = Instant::now();
        self.why = Wake::Interval;
        let answer = match device.during(self.instance.poll(why)).await {
            Ended::Done(Ok(update)) => {
                let progress = self.progress.check(&self.port);
                Ended::Done(progress.map(|()| update))
            }
            ended => ended,
        };
        match answer {
            Ended::Done(Ok(update)) => {
                self.settle(device, &update, started);
                if device.accept(update).is_err() {
                    return Next::Leave(Reason::Crashed);
                }
                device.backoff.succeeded(device.now());
                Next::Stay
            }
            Ended::Done(Err(failure)) => {
                self.next = (started + interval(device)).max(Instant::now() + limits::POLL_PAUSE);
                self.failed = self.failed.saturating_add(1);
                device.take_failure(&failure);
                match self.verdict(&failure) {
                    Next::Stay if matches!(self.port, Port::Usb(_)) => {
                        self.help(device, &failure).await
                    }
                    Next::Stay if self.failed >= limits::FAILED_POLLS_TO_REOPEN => {
                        Next::Leave(Reason::Hopeless)
                    }
                    next => next,
                }
            }
            Ended::Order(_) | Ended::Stop => Next::Leave(Reason::Stop),
        }
    }

    /// Helps a USB device, a step further each time, and polls again soon.
    async fn help(&mut self, device: &mut Device, failure: &Failure) -> Next {
        let Port::Usb(port) = &self.port else {
            return Next::Stay;
        };
        device.state.set_driver_state("reconnect.trying");
        let climbed = match device.during(climb(&**port, self.failed, failure)).await {
            Ended::Done(climbed) => climbed,
            Ended::Order(_) | Ended::Stop => return Next::Leave(Reason::Stop),
        };
        if climbed == Climbed::AgainAfterReset {
            device.was_reset();
        }
        // Silence has taken time enough.
        let pause = match failure {
            Failure::Timeout => Duration::ZERO,
            _ => limits::USB_RETRY,
        };
        self.next = Instant::now() + pause;
        match climbed {
            Climbed::Again | Climbed::AgainAfterReset => Next::Stay,
            Climbed::Reopen => Next::Leave(Reason::Lost),
        }
    }

    fn settle(&mut self, device: &Device, update: &Update, started: Instant) {
        let wanted = started + update.wait(interval(device));
        self.next = wanted.max(Instant::now() + limits::POLL_PAUSE);
        self.wake_on_readable = update.wake_on_readable;
        if self.failed > 0 {
            self.failed = 0;
            device.published.set_note(|note| note.trouble.clear());
        }
    }

    /// What a failed call means for the instance.
    pub(super) fn verdict(&self, failure: &Failure) -> Next {
        match failure {
            Failure::Lost => Next::Leave(Reason::Lost),
            Failure::Crashed(_) => Next::Leave(Reason::Crashed),
            _ if !self.instance.is_usable() => Next::Leave(Reason::Crashed),
            _ => Next::Stay,
        }
    }

    fn leave(self, device: &mut Device, reason: &Reason) -> State {
        drop(self.instance);
        match reason {
            Reason::Stop => State::Stopped,
            Reason::Crashed => device.rest_after_crash(&self.known, self.port),
            Reason::Hopeless => State::Starting(Starting {
                port: Some(self.port),
            }),
            Reason::Lost => {
                drop(self.port);
                device.usb.failed();
                let pause = device.backoff.failed();
                device.rest(pause, None)
            }
        }
    }

    /// Changes over to another plugin, or says why the old one stays.
    async fn swap(
        &mut self,
        device: &mut Device,
        known: Known,
        reply: oneshot::Sender<Result<Swapped, String>>,
    ) -> Next {
        device.doing("changing plugins");
        let outcome = match self.successor(device, &known).await {
            // Whoever gave up waiting has told the operator that the old one stays.
            Ended::Done(Ok(_)) if reply.is_closed() => Err("it took too long".to_owned()),
            Ended::Done(outcome) => outcome,
            Ended::Order(_) | Ended::Stop => return Next::Leave(Reason::Stop),
        };
        device.doing("running");
        let answer = match outcome {
            Ok((instance, update, started)) => {
                log::info!(
                    "UPS [{}]: changed from {} to {known}",
                    device.name(),
                    self.known
                );
                self.instance = instance;
                self.known = known;
                device.introduce(&self.known);
                device.backoff.forget();
                let text = self.known.to_string();
                device.published.set_note(|note| note.plugin = text);
                self.settle(device, &update, started);
                // It was tried on a copy of the state before.
                let _ = device.accept(update);
                Ok(Swapped::Replaced)
            }
            Err(reason) => {
                log::error!(
                    "UPS [{}]: {known} was not taken, {} stays: {reason}",
                    device.name(),
                    self.known
                );
                // The successor may have left the line in another setting; find out now.
                self.next = Instant::now();
                Err(reason)
            }
        };
        // Whoever asked may have gone; the log has it.
        let _ = reply.send(answer);
        if self.instance.is_usable() {
            Next::Stay
        } else {
            Next::Leave(Reason::Crashed)
        }
    }

    /// A new instance on the same port that has given its first report.
    async fn successor(&mut self, device: &mut Device, known: &Known) -> Ended<Successor> {
        // What the old plugin was granted is no grant for the new one.
        let place = match device.place_for(known) {
            Ok(place) if place.grant.transport == self.transport => place,
            Ok(_) => return Ended::Done(Err("it wants another kind of port".to_owned())),
            Err(refused) => return Ended::Done(Err(refused)),
        };
        let state = match device.during(self.instance.save()).await {
            Ended::Done(state) => Some(state).filter(|state| !state.is_empty()),
            Ended::Order(_) | Ended::Stop => return Ended::Stop,
        };
        let probing = Probing {
            known: known.clone(),
            place,
            port: self.port.clone(),
        };
        let opening = probing.opening(device, state);
        let started = Instant::now();
        let opened = device.during(known.driver.open(opening)).await;
        let mut instance = match opened {
            Ended::Done(Ok(instance)) => device.taped(instance),
            Ended::Done(Err(failure)) => return Ended::Done(Err(failure.to_string())),
            Ended::Order(_) | Ended::Stop => return Ended::Stop,
        };
        match device.during(instance.poll(Wake::Interval)).await {
            Ended::Done(Ok(update)) => {
                let mut trial = device.state.clone();
                trial.apply(Ok(update.clone()), device.now());
                Ended::Done(match trial.problem() {
                    Some(failure) => Err(failure.to_string()),
                    None => Ok((instance, update, started)),
                })
            }
            Ended::Done(Err(failure)) => Ended::Done(Err(failure.to_string())),
            Ended::Order(_) | Ended::Stop => Ended::Stop,
        }
    }
}

/// A proven instance, its first report and when that was asked for; or why there is none.
type Successor = Result<(Box<dyn Instance>, Update, Instant), String>;

fn interval(device: &Device) -> Duration {
    device.setup.section.poll_interval(&device.setup.global)
}

/// A part of the interval, always the same for a name: devices that all start with the server are polled one after the
/// other from then on, and not all at once. Between a tenth and the whole, so that it can be no burst either.
fn share(name: &str, interval: Duration) -> Duration {
    // FNV-1a, which spreads names that differ in their last letter only.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    interval * (10 + hash % 91) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_waits_are_spread_over_the_interval() {
        let interval = Duration::from_secs(2);
        let mut tenths = [0; 11];
        for number in 0..200 {
            let wait = share(&format!("ups{number}"), interval);
            assert_eq!(wait, share(&format!("ups{number}"), interval));
            assert!(wait >= interval / 10 && wait <= interval, "{wait:?}");
            if let Some(count) = tenths.get_mut(wait.as_millis() as usize / 200) {
                *count += 1;
            }
        }
        // 200 names over ten tenths, the first of which stays empty.
        let [first, usual @ .., _] = tenths;
        assert_eq!(first, 0);
        assert!(
            usual.iter().all(|count| (8..=40).contains(count)),
            "{tenths:?}"
        );
    }
}
