//! The state of a UPS whose driver the operator stopped: no plugin, no program, the port closed for whoever wants it.
//!
//! Nothing but an order to start, or the end of the server, leads out of it; a new configuration is taken and kept.

use super::{Device, Order, State, Swapped, Woken};
use crate::limits;
use husk_core::proto::tracking::Outcome;
use husk_core::state::DeviceState;
use tokio::time::Instant;

/// Stopped by the operator.
pub(super) struct Parked;

impl Parked {
    /// Nothing is served of a device that is left alone.
    pub(super) fn enter(device: &mut Device) -> State {
        log::info!("UPS [{}]: its driver was stopped", device.name());
        device.grace = None;
        device.complaint = None;
        device.published.set_note(|note| note.trouble.clear());
        forget(device);
        // Before whoever gave the order is told.
        device.doing(DOING);
        State::Parked(Self)
    }

    pub(super) async fn run(self, device: &mut Device) -> State {
        loop {
            match device.wait(Instant::now() + limits::IDLE, None).await {
                Woken::Order(Order::Start) => {
                    device.backoff.forget();
                    // Whoever waits for the start must not take the stop for its outcome.
                    device.doing("starting");
                    return State::Starting(super::Starting::anew());
                }
                Woken::Order(Order::Configure(setup)) => {
                    device.setup = *setup;
                    forget(device);
                }
                Woken::Order(Order::Swap(known, reply)) => {
                    device.adopted = Some(known);
                    // Whoever asked may have gone; the plugin is adopted all the same.
                    let _ = reply.send(Ok(Swapped::Adopted));
                }
                Woken::Order(Order::Stop(reply)) => {
                    let _ = reply.send(());
                }
                Woken::Order(Order::CutPower(reply)) => {
                    let _ = reply.send(Err("its driver is stopped".to_owned()));
                }
                Woken::Request(job) => device.finish(&job, Outcome::Failed),
                Woken::Time | Woken::Readable | Woken::Plugins => {}
                Woken::Stop => return State::Stopped,
            }
        }
    }
}

/// What [`crate::published::Note::doing`] says of a parked device.
pub(crate) const DOING: &str = "stopped";

fn forget(device: &mut Device) {
    let (section, global) = (&device.setup.section, &device.setup.global);
    device.state = DeviceState::new(section, global, device.setup.max_age);
    device.publish();
}
