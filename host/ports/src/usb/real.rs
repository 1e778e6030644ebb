//! USB devices of this machine, through libusb.
//!
//! libusb blocks, so each open device has a thread of its own and no call ever sits on a worker of the runtime. A call
//! that does not come back within its time, which happens after the reset of some serial bridges, costs that thread and
//! its handle, never the program: the device counts as lost and is opened anew with another context. Kernel drivers are
//! detached when the interface is claimed and attached again when the device is closed.

mod ear;
mod thread;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusb::{Context, Device, UsbContext};
use tokio::time::timeout;

use super::device::{Guarded, read_configuration, read_strings};
use super::guard::Interface;
use super::matching::{Identity, Likeness};
use super::{Request, UsbPort, name};
use crate::{IoError, OpenError, limits};
pub use thread::closed;
use thread::{Handle, Opened, Thread};

/// A device on the bus, not opened.
#[derive(Clone, Debug)]
pub struct Present {
    /// What is known without opening it: no strings.
    pub identity: Identity,
    strings: [u8; 3],
}

/// Lists the devices of this machine.
///
/// # Errors
/// libusb cannot work here.
pub async fn list() -> Result<Vec<Present>, OpenError> {
    let listing = tokio::task::spawn_blocking(|| {
        let context = Context::new()?;
        let devices = context.devices()?;
        Ok(devices
            .iter()
            .take(limits::USB_DEVICES)
            .filter_map(|device| present(&device))
            .collect())
    });
    match timeout(limits::USB_STEP, listing).await {
        Ok(Ok(list)) => list.map_err(|error: rusb::Error| unusable(&error.to_string())),
        Ok(Err(stopped)) => Err(unusable(&stopped.to_string())),
        Err(_) => Err(unusable("listing the devices takes too long")),
    }
}

fn unusable(reason: &str) -> OpenError {
    OpenError::Other {
        path: PathBuf::from("the USB"),
        reason: reason.to_owned(),
    }
}

fn present(device: &Device<Context>) -> Option<Present> {
    let descriptor = device.device_descriptor().ok()?;
    let index = |index: Option<u8>| index.unwrap_or(0);
    let release = descriptor.device_version();
    Some(Present {
        identity: Identity {
            vendor_id: descriptor.vendor_id(),
            product_id: descriptor.product_id(),
            release: u16::from(release.major()) << 8
                | u16::from(release.minor()) << 4
                | u16::from(release.sub_minor()),
            bus: device.bus_number(),
            address: device.address(),
            ports: device.port_numbers().unwrap_or_default(),
            ..Identity::default()
        },
        strings: [
            index(descriptor.manufacturer_string_index()),
            index(descriptor.product_string_index()),
            index(descriptor.serial_number_string_index()),
        ],
    })
}

/// Opens the device that fits best and claims its interface.
///
/// # Errors
/// [`OpenError::NoDevice`] with what speaks against each device that came near.
pub async fn open(request: &Request) -> Result<Arc<dyn UsbPort>, OpenError> {
    let mut near = list().await?;
    near.retain(|device| request.near(&device.identity));
    // The kernel lists them in any order; of two alike it is to be the same one at each start.
    near.sort_by_key(|device| (device.identity.bus, device.identity.ports.clone()));
    let mut fitting: Vec<(Likeness, Identity, Thread)> = Vec::new();
    let mut against = Vec::new();
    for device in near {
        match look(&device, request).await {
            Ok((likeness, identity, thread)) => fitting.push((likeness, identity, thread)),
            Err(reason) => against.push(format!("{}: {reason}", name(&device.identity))),
        }
    }
    // The surest first; the sort is stable, so otherwise by their place.
    fitting.sort_by_key(|(likeness, ..)| std::cmp::Reverse(*likeness));
    let same_kind = fitting.len();
    for (likeness, identity, thread) in fitting {
        if request.before.is_some() && likeness == Likeness::Kind && same_kind > 1 {
            against.push(format!(
                "{}: it may be the lost one or another of its kind",
                name(&identity)
            ));
            continue;
        }
        let about = name(&identity);
        match claim(identity, thread, request).await {
            Ok(port) => return Ok(port),
            Err(reason) => against.push(format!("{about}: {reason}")),
        }
    }
    Err(OpenError::NoDevice(if against.is_empty() {
        "none is plugged in".to_owned()
    } else {
        against.join("; ")
    }))
}

/// Opens a device without claiming anything, reads its strings, and judges it.
async fn look(device: &Present, request: &Request) -> Result<(Likeness, Identity, Thread), String> {
    let mut identity = device.identity.clone();
    let thread = Thread::open(identity.bus, identity.address)
        .await
        .map_err(|error| match error {
            IoError::Denied => {
                let (bus, address) = (identity.bus, identity.address);
                format!(
                    "this user may not open /dev/bus/usb/{bus:03}/{address:03}: install the udev rules, or give that file to the group that Husk runs as"
                )
            }
            error => error.to_string(),
        })?;
    let strings = read_strings(&thread, device.strings).await;
    [identity.manufacturer, identity.product, identity.serial] =
        strings.map_err(|error| error.to_string())?;
    let likeness = request.judge(&identity)?;
    Ok((likeness, identity, thread))
}

async fn claim(
    identity: Identity,
    thread: Thread,
    request: &Request,
) -> Result<Arc<dyn UsbPort>, String> {
    let number = request.interface_of(&identity);
    let alternate = request.alternate;
    let active = thread
        .call(limits::USB_STEP, move |device| {
            device.claim(number, alternate)
        })
        .await
        .map_err(|error| match error {
            IoError::Busy => "another program or another UPS of ours uses it".to_owned(),
            IoError::NotFound => format!("it has no interface {number}"),
            error => error.to_string(),
        })?;
    let configuration = read_configuration(&thread, active)
        .await
        .map_err(|error| format!("its configuration cannot be read: {error}"))?;
    let interface = Interface::in_configuration(&configuration, number)
        .ok_or_else(|| format!("it has no interface {number}"))?;
    Ok(Arc::new(Guarded::new(
        identity,
        configuration,
        interface,
        thread,
    )))
}

impl Opened {
    /// Claims an interface in the first configuration if the device has none; gives the configuration's value.
    fn claim(&self, number: u8, alternate: Option<u8>) -> rusb::Result<u8> {
        // Only Linux can detach kernel drivers; elsewhere the claim itself says what is wrong.
        let _ = self.handle.set_auto_detach_kernel_driver(true);
        let mut active = self.handle.active_configuration()?;
        if active == 0 {
            self.handle.set_active_configuration(1)?;
            active = 1;
        }
        let mut tries = 1;
        while let Err(error) = self.handle.claim_interface(number) {
            if error != rusb::Error::Busy || tries == limits::USB_CLAIM_TRIES {
                return Err(error);
            }
            tries += 1;
            std::thread::sleep(limits::USB_CLAIM_PAUSE);
        }
        if let Some(setting) = alternate {
            self.handle.set_alternate_setting(number, setting)?;
        }
        Ok(active)
    }
}

/// Opens a device in a context of its own.
fn open_blocking(bus: u8, address: u8) -> rusb::Result<Opened> {
    let context = Context::new()?;
    let devices = context.devices()?;
    let here = |device: &Device<Context>| (device.bus_number(), device.address()) == (bus, address);
    let device = devices.iter().find(here).ok_or(rusb::Error::NoDevice)?;
    Ok(Opened {
        handle: Arc::new(Handle::new(device.open()?)),
    })
}

/// libusb takes 0 for "for ever".
fn at_least_a_moment(within: Duration) -> Duration {
    within.max(Duration::from_millis(1))
}

fn io_error(error: rusb::Error) -> IoError {
    match error {
        rusb::Error::Timeout => IoError::Timeout,
        rusb::Error::NoDevice => IoError::Disconnected,
        rusb::Error::Access => IoError::Denied,
        rusb::Error::Pipe => IoError::Stall,
        rusb::Error::Overflow => IoError::Overflow,
        rusb::Error::Busy => IoError::Busy,
        rusb::Error::Interrupted => IoError::Interrupted,
        rusb::Error::NotFound => IoError::NotFound,
        rusb::Error::NotSupported | rusb::Error::InvalidParam => IoError::Unsupported,
        error => IoError::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::usb::Claim;

    #[tokio::test]
    async fn a_machine_without_such_a_device_says_so() {
        let request = Request {
            // Nobody has this vendor number.
            claims: vec![Claim {
                vendor_id: 0xfffe,
                product_id: Some(0xfffe),
                interface: None,
            }],
            ..Request::default()
        };
        let Err(error) = open(&request).await else {
            panic!("opened something");
        };
        let text = error.to_string();
        assert!(
            text.contains("none is plugged in") || text.contains("the USB"),
            "{text}"
        );
    }

    #[test]
    fn drivers_branch_on_these() {
        assert_eq!(io_error(rusb::Error::Pipe), IoError::Stall);
        assert_eq!(io_error(rusb::Error::NoDevice), IoError::Disconnected);
        assert_eq!(io_error(rusb::Error::Access), IoError::Denied);
        assert_eq!(at_least_a_moment(Duration::ZERO), Duration::from_millis(1));
    }
}
