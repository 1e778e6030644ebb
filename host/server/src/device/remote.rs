//! The state of a UPS whose driver is somebody else's program: its readings come from the driver's socket.
//!
//! The socket is tried until a driver answers there, and whoever answers is used. Where the section's driver is
//! a program and none runs, the program is started here, again after a pause whenever it ends, and ended with
//! the device. Values are the driver's own: nothing is added to them, and without a connection there are none.

use super::requests::READ_ONLY;
use super::starting::Starting;
use super::{Device, Order, State, Woken};
use crate::limits;
use crate::published::{Job, lock};
use crate::remote::link::Link;
use crate::remote::program::{self, Program, Start};
use husk_core::proto::tracking::Outcome;
use husk_core::state::DeviceState;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// While connected only the driver, clients and orders wake the supervisor.
const FAR: Duration = Duration::from_secs(3600);

/// A driver that is not a plugin.
pub(super) struct Remote {
    socket: PathBuf,
    /// The program to start when nobody answers.
    path: Option<PathBuf>,
    program: Option<Running>,
    /// The program is not started before.
    start_at: Instant,
    /// The socket is not tried before: a driver that hangs up at once must not keep a core busy.
    retry_at: Instant,
}

struct Running {
    program: Program,
    since: Instant,
}

/// Why there is no connection, or none any more.
enum Left {
    Lost(String),
    Order(Order),
    Stop,
}

impl Device {
    /// The section's driver, if it is not to be a plugin.
    ///
    /// # Errors
    /// A sentence: it is to be a program, and that cannot be run.
    pub(super) fn remote(&self) -> Result<Option<Remote>, String> {
        let driver = self.setup.section.driver.as_str();
        let find = || program::find(driver, self.setup.global.driver_path.as_deref());
        let path = if self.site.sockets_only {
            None
        } else if self.setup.extras.program {
            Some(find()?)
        } else if self.adopted.is_some() || self.site.registry.named(driver).is_ok() {
            return Ok(None);
        } else {
            match find() {
                Ok(path) => Some(path),
                // The registry's own complaint names plugins that are near.
                Err(_) => return Ok(None),
            }
        };
        let socket = format!("{driver}-{}", self.name());
        Ok(Some(Remote {
            socket: self.site.state_path.join(socket),
            path,
            program: None,
            start_at: Instant::now(),
            retry_at: Instant::now(),
        }))
    }

    fn settle(&self, outcomes: impl IntoIterator<Item = (String, Outcome)>) {
        let mut tracking = lock(&self.site.tracking);
        for (id, outcome) in outcomes {
            tracking.finish(&id, outcome);
        }
    }
}

impl Remote {
    pub(super) async fn run(mut self, device: &mut Device) -> State {
        let (section, global) = (&device.setup.section, &device.setup.global);
        device.state = DeviceState::new(section, global, device.setup.max_age);
        let driver = match &self.path {
            Some(path) => format!("driver program {}", path.display()),
            None => format!("driver socket {}", self.socket.display()),
        };
        device.published.set_note(|note| note.plugin = driver);
        loop {
            let left = match self.connect(device).await {
                Ok(link) => self.serve(device, link).await,
                Err(left) => left,
            };
            match left {
                Left::Lost(reason) => {
                    log::warn!("UPS [{}]: {reason}", device.name());
                    device.publish();
                }
                Left::Order(order) => {
                    self.end().await;
                    return match order {
                        Order::Configure(setup) => device.configure(*setup),
                        Order::CutPower(reply) => {
                            // Whoever asked may have gone.
                            let _ = reply.send(self.cut_power(device).await);
                            State::Starting(Starting::anew())
                        }
                        order => device.obey_idle(order, None),
                    };
                }
                Left::Stop => {
                    self.end().await;
                    return State::Stopped;
                }
            }
        }
    }

    /// Tries the socket until a driver answers, and sees to it that there is one.
    async fn connect(&mut self, device: &mut Device) -> Result<Link, Left> {
        device.doing("waiting for its driver");
        loop {
            if Instant::now() >= self.retry_at {
                self.retry_at = Instant::now() + limits::DRIVER_RETRY;
                let (max_age, clock) = (device.setup.max_age, device.site.clock);
                match Link::open(&self.socket, max_age, clock).await {
                    Ok(link) => return Ok(link),
                    Err(error) => self.see_to_the_driver(device, &error.to_string()),
                }
            }
            let woken = tokio::select! {
                biased;
                woken = device.wait(self.retry_at, None) => woken,
                reason = ended(&mut self.program) => {
                    self.program = None;
                    self.start_at = Instant::now() + device.backoff.failed().length;
                    device.complain(reason);
                    continue;
                }
            };
            match woken {
                Woken::Time | Woken::Readable | Woken::Plugins => {}
                Woken::Request(job) => device.finish(&job, Outcome::Failed),
                Woken::Order(order) => self.obey(device, None, order)?,
                Woken::Stop => return Err(Left::Stop),
            }
        }
    }

    /// Nobody answers: starts the program, if it is ours to start and time to.
    fn see_to_the_driver(&mut self, device: &mut Device, reason: &str) {
        let Some(path) = &self.path else {
            return device.complain(reason.to_owned());
        };
        match &self.program {
            Some(running) if running.since.elapsed() > limits::PROGRAM_START => {
                device.complain(format!(
                    "its driver program runs, but its socket cannot be used: {reason}"
                ));
            }
            Some(_) => {}
            None if Instant::now() < self.start_at => {}
            None => match start(path, device).drive() {
                Ok(program) => {
                    log::info!(
                        "UPS [{}]: started {} (process {})",
                        device.name(),
                        path.display(),
                        program.id().unwrap_or_default()
                    );
                    self.program = Some(Running {
                        program,
                        since: Instant::now(),
                    });
                }
                Err(reason) => {
                    self.start_at = Instant::now() + device.backoff.failed().length;
                    device.complain(reason);
                }
            },
        }
    }

    /// Shows what the driver says and tells it what clients ask, until the connection ends.
    async fn serve(&mut self, device: &mut Device, mut link: Link) -> Left {
        device.doing("connected");
        device.published.set_note(|note| note.trouble.clear());
        device.complaint = None;
        show(device, &link);
        let left = loop {
            let clock = device.site.clock;
            let step = tokio::select! {
                biased;
                woken = device.wait(Instant::now() + FAR, None) => Ok(woken),
                heard = link.hear(clock) => Err(heard),
            };
            match step {
                Ok(Woken::Time | Woken::Readable | Woken::Plugins) => {}
                Ok(Woken::Stop) => break Left::Stop,
                Ok(Woken::Order(order)) => {
                    if let Err(left) = self.obey(device, Some(&mut link), order) {
                        break left;
                    }
                }
                Ok(Woken::Request(job)) => {
                    if let Err(left) = forward(device, &mut link, &job) {
                        break left;
                    }
                }
                Err(Ok(heard)) => {
                    device.settle(heard.tracked);
                    if heard.changed {
                        show(device, &link);
                    }
                }
                Err(Err(error)) => break Left::Lost(error.to_string()),
            }
        };
        device.settle(link.unanswered());
        left
    }

    /// Takes an order that changes nothing for the driver; any other ends this state.
    fn obey(
        &mut self,
        device: &mut Device,
        link: Option<&mut Link>,
        order: Order,
    ) -> Result<(), Left> {
        let setup = match order {
            Order::Configure(setup) => setup,
            Order::Start => {
                device.backoff.forget();
                self.start_at = Instant::now();
                return Ok(());
            }
            order => return Err(Left::Order(order)),
        };
        let (old, new) = (&device.setup, &setup);
        let stays = if self.path.is_some() {
            new.settings_equal(old)
        } else {
            // Whoever runs the driver tells it what else changed.
            new.section.driver == old.section.driver && device.site.sockets_only
        };
        if !stays {
            if link.is_some() && self.path.is_some() && self.program.is_none() {
                log::warn!(
                    "UPS [{}]: its driver was not started here; it has to be restarted to see what changed",
                    device.name()
                );
            }
            return Err(Left::Order(Order::Configure(setup)));
        }
        if let Some(link) = link {
            link.set_max_age(setup.max_age);
        }
        device.setup = *setup;
        Ok(())
    }

    async fn cut_power(&self, device: &Device) -> Result<(), String> {
        let Some(path) = &self.path else {
            return Err("its driver was started by somebody else".to_owned());
        };
        if device.setup.extras.read_only {
            return Err(READ_ONLY.to_owned());
        }
        log::warn!("Initiating UPS [{}] shutdown", device.name());
        start(path, device).cut_power().await
    }

    /// Ends the program, if it was started here.
    async fn end(&mut self) {
        if let Some(running) = self.program.take() {
            running.program.stop().await;
        }
    }
}

fn start<'a>(path: &'a Path, device: &'a Device) -> Start<'a> {
    Start {
        path,
        ups: device.name(),
        config_dir: &device.site.config_dir,
        state_path: &device.site.state_path,
    }
}

/// Waits for the end of the program; for ever where there is none.
async fn ended(program: &mut Option<Running>) -> String {
    match program {
        Some(running) => running.program.ended().await,
        None => std::future::pending().await,
    }
}

fn show(device: &mut Device, link: &Link) {
    if link.is_complete() {
        device.grace = None;
        device.backoff.succeeded(device.now());
    } else if device.grace.is_some() {
        return;
    }
    device.show(link.snapshot());
}

fn forward(device: &Device, link: &mut Link, job: &Job) -> Result<(), Left> {
    if device.now().saturating_sub(job.queued) > limits::REQUEST_AGE {
        device.finish(job, Outcome::Failed);
        return Ok(());
    }
    if device.setup.extras.read_only {
        log::warn!(
            "UPS [{}]: {READ_ONLY}; a request was refused",
            device.name()
        );
        device.finish(job, Outcome::Failed);
        return Ok(());
    }
    link.ask(&job.request).map_err(|error| {
        device.finish(job, Outcome::Failed);
        Left::Lost(error.to_string())
    })
}

#[cfg(test)]
mod tests;
