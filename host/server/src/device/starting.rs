//! The states before a device runs: finding its plugin and its port, probing, and resting after a failure.

use super::place::{Around, Place};
use super::running::Running;
use super::usb::Memory;
use super::{Device, Ended, State, Woken};
use crate::driver::{Known, Opening};
use crate::limits;
use husk_core::proto::tracking::Outcome;
use husk_core::report::{Failure, Wake};
use husk_ports::Port;
use husk_ports::record::Recording;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::Instant;

/// Looks for the plugin and opens the port, unless it is open already.
pub(super) struct Starting {
    pub(super) port: Option<Port>,
}

impl Starting {
    pub(super) fn anew() -> Self {
        Self { port: None }
    }

    pub(super) async fn run(self, device: &mut Device) -> State {
        device.doing("starting");
        match device.remote() {
            Ok(Some(remote)) => return State::Remote(Box::new(remote)),
            Ok(None) => {}
            Err(reason) => {
                device.complain(reason);
                let pause = device.backoff.failed();
                return device.rest(pause, None);
            }
        }
        device.state.set_driver_state("init.starting");
        let (known, place) = match find(device) {
            Ok(found) => found,
            Err(reason) => {
                device.complain(reason);
                let pause = device.backoff.failed();
                return device.rest(pause, None);
            }
        };
        let port = match self.port {
            Some(port) => port,
            None => match device
                .during_unless_ordered(open_port(device.opener(&place)))
                .await
            {
                Ended::Done(Ok((port, tape))) => {
                    device.tape = tape;
                    port
                }
                Ended::Done(Err(reason)) => {
                    device.usb.failed();
                    device.complain(reason);
                    let pause = device.backoff.failed();
                    return device.rest(pause, None);
                }
                Ended::Order(order) => return device.obey_idle(order, None),
                Ended::Stop => return State::Stopped,
            },
        };
        State::Probing(Probing { known, place, port })
    }
}

/// The plugin of the section and what it will be handed.
fn find(device: &mut Device) -> Result<(Known, Place), String> {
    let section = &device.setup.section;
    let known = match device.adopted.take() {
        Some(known) => known,
        None => device.site.registry.find(section)?,
    };
    let mut place = device.place_for(&known)?;
    if let Some(request) = place.usb_request() {
        device.usb.refine(request);
    }
    let text = known.to_string();
    device.published.set_note(|note| note.plugin = text);
    device.introduce(&known);
    Ok((known, place))
}

/// What opening a port needs, apart from the device so that the device can wait for it.
struct Opener {
    place: Place,
    record: Option<PathBuf>,
}

async fn open_port(opener: Opener) -> Result<(Port, Option<Recording>), String> {
    let port = opener.place.open().await?;
    let Some(path) = opener.record else {
        return Ok((port, None));
    };
    let tape = Recording::create(&path).await;
    let tape = tape.map_err(|error| error.to_string())?;
    Ok((tape.before(port), Some(tape)))
}

impl Device {
    /// What the plugin gets under the section, if it is content with that.
    pub(super) fn place_for(&self, known: &Known) -> Result<Place, String> {
        let around = Around {
            config_dir: &self.site.config_dir,
            modem_lines: known.trusted || self.setup.extras.modem_lines,
            writes: self.setup.extras.writes(),
        };
        let place = Place::of(&self.setup.section, known, &around)?;
        match known.driver.refused_by(&place.grant) {
            Some(refused) => Err(refused),
            None => Ok(place),
        }
    }

    fn opener(&self, place: &Place) -> Opener {
        let record = self.setup.extras.record.as_ref();
        Opener {
            place: place.clone(),
            record: record.map(|path| self.site.state_path.join(path)),
        }
    }

    /// Tells the state which plugin it is, and the operator which options that plugin does not know.
    pub(super) fn introduce(&mut self, known: &Known) {
        let description = &known.about().description;
        self.state.identify(&description.version);
        for secret in description.parameters.iter().filter(|option| option.secret) {
            self.state.conceal(&secret.name);
        }
        for (option, help) in known.about().strange_options(&self.setup.section) {
            let (line, col) = option.at;
            log::warn!(
                "ups.conf:{line}:{col}: the driver {} of UPS [{}] has no option `{}`{help}",
                description.name,
                self.name(),
                option.name
            );
            // It may be a secret under a misspelt name.
            self.state.conceal(&option.name);
        }
    }
}

/// Opens an instance and wants a first report from it.
pub(super) struct Probing {
    pub(super) known: Known,
    pub(super) place: Place,
    pub(super) port: Port,
}

impl Probing {
    pub(super) async fn run(self, device: &mut Device) -> State {
        device.doing("probing");
        device.state.set_driver_state("init.device");
        let opening = self.opening(device, None);
        let started = Instant::now();
        let mut instance = match device
            .during_unless_ordered(self.known.driver.open(opening))
            .await
        {
            Ended::Done(Ok(instance)) => device.taped(instance),
            Ended::Done(Err(failure)) => return self.failed(device, &failure).await,
            Ended::Order(order) => return device.obey_idle(order, Some(self.port)),
            Ended::Stop => return State::Stopped,
        };
        match device.during(instance.poll(Wake::Interval)).await {
            Ended::Done(Ok(update)) => {
                device.complaint = None;
                if let Err(failure) = device.accept(update.clone()) {
                    return self.failed(device, &failure).await;
                }
                if let Some(stranger) = device.usb.serves(&self.port) {
                    log::warn!("UPS [{}]: {stranger}", device.name());
                }
                let running = Running::new(self, instance, device, &update, started);
                State::Running(Box::new(running))
            }
            Ended::Done(Err(failure)) => self.failed(device, &failure).await,
            Ended::Order(_) | Ended::Stop => State::Stopped,
        }
    }

    pub(super) fn opening(&self, device: &Device, state: Option<Vec<u8>>) -> Opening {
        device.tape_open();
        Opening {
            grant: self.place.grant,
            port: self.port.clone(),
            settings: self.place.settings(&device.setup.section),
            state,
            ups: Arc::clone(&device.published.name),
        }
    }

    async fn failed(self, device: &mut Device, failure: &Failure) -> State {
        device.take_failure(failure);
        match failure {
            Failure::Crashed(_) => device.rest_after_crash(&self.known, self.port),
            _ if device.usb.pass_over(&self.port, failure) => State::Starting(Starting::anew()),
            // Another program may want the port of a device that is not ours, and a replugged one has a new node.
            _ => {
                if let Some(port) = device.usb.hangs(&self.port, failure) {
                    match device.during(port.reset()).await {
                        Ended::Done(Ok(())) => device.was_reset(),
                        Ended::Done(Err(_)) => {}
                        Ended::Order(_) | Ended::Stop => return State::Stopped,
                    }
                }
                device.usb.failed();
                let pause = device.backoff.failed();
                device.rest(pause, None)
            }
        }
    }
}

/// What a supervisor is noted to do while it is resting.
pub(crate) const RESTING: &str = "waiting to retry";

/// Waits until the device is tried again.
pub(super) struct Resting {
    pub(super) until: Instant,
    /// Kept open after a crash: the device is not to blame.
    pub(super) port: Option<Port>,
}

impl Resting {
    pub(super) async fn run(mut self, device: &mut Device) -> State {
        device.doing(RESTING);
        device.state.set_driver_state("reconnect.trying");
        let mut listening = device.usb.listen();
        loop {
            let plugged_in = Memory::plugged_in(&mut listening);
            match device.wait_or(self.until, plugged_in).await {
                Woken::Time => {
                    device.usb.keep_listening(listening);
                    return State::Starting(Starting { port: self.port });
                }
                Woken::Readable => {
                    device.usb.plugged();
                    listening = device.usb.listen();
                    self.until = self.until.min(Instant::now() + limits::USB_SETTLE);
                }
                Woken::Order(order) => return device.obey_idle(order, self.port),
                Woken::Request(job) => device.finish(&job, Outcome::Failed),
                // The plugin that was missing may be there now.
                Woken::Plugins if self.port.is_none() => return State::Starting(Starting::anew()),
                Woken::Plugins => {}
                Woken::Stop => return State::Stopped,
            }
        }
    }
}
