//! USB devices: which one a section means, opened with one interface claimed, and guarded.
//!
//! [`real`] reaches them through libusb, [`ip`] over a socket in the words of USB/IP, which is how the tests do without a
//! kernel that has USB. Both say who they are the same way (`device`) and are judged by the same rules ([`Request`]).
//! A driver gets a [`UsbPort`] that refuses what would move or reshape the device, or reach past the interface claimed.
//! Nothing here interprets a report, retries a transfer or decides when to reset. Standard: USB 2.0 chapter 9.

mod device;
mod guard;
pub mod ip;
pub mod matching;
mod plugged;
pub mod real;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

pub use husk_wire::hid::setup::Setup;
pub use plugged::plugged_in;

use crate::{Deadline, Fut, OpenError};
use matching::{Identity, Key, Likeness, Wanted};

/// One opened USB device with one interface claimed.
pub trait UsbPort: Send + Sync {
    /// Who the device is; read when it was opened.
    fn identity(&self) -> &Identity;

    /// The interface claimed.
    fn interface(&self) -> u8;

    /// The active configuration descriptor with everything in it.
    fn configuration(&self) -> &[u8];

    /// A control transfer from the device; the answer may be shorter than `setup.length`.
    fn control_in(&self, setup: Setup, deadline: Deadline) -> Fut<'_, Vec<u8>>;

    /// A control transfer to the device; `setup.length` is that of `data`.
    fn control_out<'a>(&'a self, setup: Setup, data: &'a [u8], deadline: Deadline) -> Fut<'a, ()>;

    /// One transfer from an interrupt or bulk endpoint, 0 to `max` bytes; `Overflow` when the device sent more.
    fn read(&self, endpoint: u8, max: u16, deadline: Deadline) -> Fut<'_, Vec<u8>>;

    /// One transfer to an interrupt or bulk endpoint.
    fn write<'a>(&'a self, endpoint: u8, data: &'a [u8], deadline: Deadline) -> Fut<'a, ()>;

    /// Takes the halt off one endpoint.
    fn clear_halt(&self, endpoint: u8) -> Fut<'_, ()>;

    /// Takes the halt off every endpoint of the interface.
    fn clear_halts(&self) -> Fut<'_, ()>;

    /// Resets the device; it stays ours, unless it comes back as something else: then `Disconnected`.
    fn reset(&self) -> Fut<'_, ()>;

    /// Transfers of data that the device has completed since it was opened; a device that is silent completes none.
    fn completed(&self) -> u64;

    /// Waits, without a deadline, until the first interrupt endpoint has something; for ever when there is none.
    fn readable(&self) -> Fut<'_, ()>;
}

/// Where USB devices are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bus {
    /// This machine's.
    Machine,
    /// The one device behind this Unix socket, spoken to in USB/IP.
    Socket(PathBuf),
}

/// A device that a driver is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// idVendor.
    pub vendor_id: u16,
    /// idProduct; absent: every product of the vendor.
    pub product_id: Option<u16>,
    /// The interface to claim; absent: 0.
    pub interface: Option<u8>,
}

/// Which device is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What the driver is for.
    pub claims: Vec<Claim>,
    /// What the section says.
    pub wanted: Wanted,
    /// The interface the section names, above the claim's.
    pub interface: Option<u8>,
    /// The alternate setting the section names; none is chosen otherwise, because some firmware hangs on it.
    pub alternate: Option<u8>,
    /// The device served before: only it will do.
    pub before: Option<Identity>,
    /// Bus and address of devices that a driver has looked at and does not want.
    pub passed_over: BTreeSet<(u8, u8)>,
}

/// Opens the device that fits best.
///
/// # Errors
/// [`OpenError::NoDevice`] with what speaks against each device that came near.
pub async fn open(bus: &Bus, request: &Request) -> Result<Arc<dyn UsbPort>, OpenError> {
    match bus {
        Bus::Machine => real::open(request).await,
        Bus::Socket(path) => ip::open(path, request).await,
    }
}

impl Request {
    /// Whether a device comes near at all, by what is known without asking it.
    fn near(&self, device: &Identity) -> bool {
        let numbers = |claim: &&Claim| {
            claim.vendor_id == device.vendor_id
                && claim.product_id.is_none_or(|id| id == device.product_id)
        };
        let maker = || {
            self.wanted.names(Key::VendorId)
                || self
                    .claims
                    .iter()
                    .any(|claim| claim.vendor_id == device.vendor_id)
        };
        // A product that the section names is the administrator's claim: new ones of a known maker come every year.
        let named = self.wanted.names(Key::ProductId) && maker();
        named || self.claims.iter().any(|claim| numbers(&claim))
    }

    /// How well a device fits.
    ///
    /// # Errors
    /// What speaks against it, a sentence about "it".
    fn judge(&self, device: &Identity) -> Result<Likeness, String> {
        if self.passed_over.contains(&(device.bus, device.address)) {
            return Err("the driver does not know it".to_owned());
        }
        self.wanted
            .check(device)
            .map_err(|mismatch| mismatch.to_string())?;
        match &self.before {
            None => Ok(Likeness::Kind),
            Some(before) => device
                .likeness(before)
                .ok_or_else(|| format!("it is not the device lost at {}", before.path())),
        }
    }

    /// The interface to claim: the section's word, else the most exact claim's.
    fn interface_of(&self, device: &Identity) -> u8 {
        let exact = |claim: &&Claim| {
            claim.vendor_id == device.vendor_id && claim.product_id == Some(device.product_id)
        };
        let claimed = self.claims.iter().find(exact);
        let claimed = claimed.and_then(|claim| claim.interface);
        self.interface.or(claimed).unwrap_or(0)
    }
}

/// A device in a sentence: `051d:0002 at 1-2.3`.
fn name(device: &Identity) -> String {
    format!(
        "{:04x}:{:04x} at {}",
        device.vendor_id,
        device.product_id,
        device.path()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CLAIMS: [Claim; 2] = [
        Claim {
            vendor_id: 0x051d,
            product_id: None,
            interface: None,
        },
        Claim {
            vendor_id: 0x2341,
            product_id: Some(0x8036),
            interface: Some(2),
        },
    ];

    fn device(vendor_id: u16, product_id: u16) -> Identity {
        Identity {
            vendor_id,
            product_id,
            bus: 1,
            address: 5,
            ports: vec![2],
            ..Identity::default()
        }
    }

    fn request(options: &[(&str, &str)]) -> Request {
        Request {
            claims: CLAIMS.to_vec(),
            wanted: Wanted::new(options.iter().copied()).unwrap(),
            ..Request::default()
        }
    }

    #[test]
    fn a_claim_or_both_numbers_in_the_section_bring_a_device_near() {
        let auto = request(&[]);
        assert!(auto.near(&device(0x051d, 0x9999)));
        assert!(auto.near(&device(0x2341, 0x8036)) && !auto.near(&device(0x2341, 1)));
        let named = request(&[("vendorid", "1234"), ("productid", "0001")]);
        assert!(named.near(&device(0x1234, 1)));
        assert!(named.judge(&device(0x1234, 2)).is_err());
        assert!(!request(&[("vendorid", "1234")]).near(&device(0x1234, 1)));
    }

    #[test]
    fn the_section_names_the_interface_before_the_claim_does() {
        let mut request = request(&[]);
        assert_eq!(request.interface_of(&device(0x051d, 2)), 0);
        assert_eq!(request.interface_of(&device(0x2341, 0x8036)), 2);
        request.interface = Some(1);
        assert_eq!(request.interface_of(&device(0x2341, 0x8036)), 1);
    }

    #[test]
    fn a_device_passed_over_and_a_stranger_after_a_loss_are_refused() {
        let mut request = request(&[]);
        let ours = device(0x051d, 2);
        assert_eq!(request.judge(&ours), Ok(Likeness::Kind));
        request.before = Some(ours.clone());
        assert_eq!(request.judge(&ours), Ok(Likeness::Port));
        let refused = request.judge(&device(0x051d, 3));
        assert_eq!(refused, Err("it is not the device lost at 1-2".to_owned()));
        request.passed_over.insert((1, 5));
        assert!(request.judge(&ours).is_err());
    }
}
