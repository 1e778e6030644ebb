//! From bare transfers to a guarded device: who it is, what its configuration holds, and the rules before every call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::guard::{Endpoint, Interface, TO_HOST};
use super::matching::Identity;
use super::{Setup, UsbPort};
use crate::{Deadline, Fut, IoError, limits};
use husk_wire::hid::setup::{language, text};

/// Transfers of one opened device, unguarded. What implements it is in [`super::real`] and [`super::ip`].
pub(super) trait Transfers: Send + Sync {
    fn control_in(&self, setup: Setup, within: Duration) -> Fut<'_, Vec<u8>>;
    fn control_out<'a>(&'a self, setup: Setup, data: &'a [u8], within: Duration) -> Fut<'a, ()>;
    fn read(&self, endpoint: Endpoint, max: u16, within: Duration) -> Fut<'_, Vec<u8>>;
    fn write<'a>(&'a self, endpoint: Endpoint, data: &'a [u8], within: Duration) -> Fut<'a, ()>;
    fn clear_halt(&self, endpoint: u8) -> Fut<'_, ()>;
    fn reset(&self) -> Fut<'_, ()>;
    /// Waits until a read of this interrupt endpoint would not wait.
    fn readable(&self, endpoint: Endpoint) -> Fut<'_, ()>;
}

/// The bytes of a device descriptor that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) vendor_id: u16,
    pub(super) product_id: u16,
    pub(super) release: u16,
    /// Indices of iManufacturer, iProduct and iSerialNumber; 0: none.
    pub(super) strings: [u8; 3],
}

impl Descriptor {
    /// Reads the 18 bytes of a device descriptor.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 18] = bytes.get(..18)?.try_into().ok()?;
        let [18, 1, _, _, _, _, _, _, rest @ ..] = bytes else {
            return None;
        };
        let [v, w, p, q, r, s, maker, product, serial, _] = *rest;
        Some(Self {
            vendor_id: u16::from_le_bytes([v, w]),
            product_id: u16::from_le_bytes([p, q]),
            release: u16::from_le_bytes([r, s]),
            strings: [maker, product, serial],
        })
    }
}

/// Asks for the three strings; a device that does not give one has none.
///
/// # Errors
/// Only when the device is gone.
pub(super) async fn read_strings(
    device: &dyn Transfers,
    strings: [u8; 3],
) -> Result<[Option<String>; 3], IoError> {
    let mut found = [None, None, None];
    if strings == [0; 3] {
        return Ok(found);
    }
    let list = string(device, Setup::string(0, 0, 4)).await?;
    let language = language(&list.unwrap_or_default());
    for (index, slot) in strings.into_iter().zip(&mut found) {
        if index != 0 {
            // 255: more than that and some firmware answers nothing at all.
            let bytes = string(device, Setup::string(index, language, 255)).await?;
            *slot = bytes
                .and_then(|bytes| text(&bytes))
                .filter(|text| !text.is_empty());
        }
    }
    Ok(found)
}

async fn string(device: &dyn Transfers, setup: Setup) -> Result<Option<Vec<u8>>, IoError> {
    for _ in 0..limits::USB_STRING_TRIES {
        match device.control_in(setup, limits::USB_DESCRIPTOR).await {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(IoError::Disconnected) => return Err(IoError::Disconnected),
            Err(_) => tokio::time::sleep(limits::USB_STRING_PAUSE).await,
        }
    }
    Ok(None)
}

/// The configuration descriptor with the value `active`, or the only one there is.
///
/// # Errors
/// What the device said to being asked.
pub(super) async fn read_configuration(
    device: &dyn Transfers,
    active: u8,
) -> Result<Vec<u8>, IoError> {
    let mut first = None;
    for index in 0..limits::USB_CONFIGURATIONS {
        let header = configuration(device, index, 9).await;
        let header = match header {
            Ok(header) => header,
            // There are no more; what was found first has to do.
            Err(error) => return first.ok_or(error),
        };
        let &[_, 2, low, high, _, value, ..] = header.as_slice() else {
            return first.ok_or(IoError::Other("its configuration is none".to_owned()));
        };
        let length = u16::from_le_bytes([low, high]).min(limits::USB_CONFIGURATION);
        if value == active || first.is_none() {
            let whole = configuration(device, index, length).await?;
            if value == active {
                return Ok(whole);
            }
            first = Some(whole);
        }
    }
    first.ok_or(IoError::NotFound)
}

async fn configuration(device: &dyn Transfers, index: u8, length: u16) -> Result<Vec<u8>, IoError> {
    let setup = Setup {
        request_type: TO_HOST,
        request: 6,
        value: u16::from_be_bytes([2, index]),
        index: 0,
        length,
    };
    device.control_in(setup, limits::USB_DESCRIPTOR).await
}

/// A device with its interface claimed, behind the rules.
pub(super) struct Guarded<T> {
    identity: Identity,
    configuration: Vec<u8>,
    interface: Interface,
    transfers: T,
    completed: AtomicU64,
}

impl<T> Guarded<T> {
    pub(super) fn new(
        identity: Identity,
        configuration: Vec<u8>,
        interface: Interface,
        transfers: T,
    ) -> Self {
        Self {
            identity,
            configuration,
            interface,
            transfers,
            completed: AtomicU64::new(0),
        }
    }

    /// Counts a transfer that the device completed.
    fn counted<A>(&self, outcome: Result<A, IoError>) -> Result<A, IoError> {
        if outcome.is_ok() {
            self.completed.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }
}

impl<T: Transfers> UsbPort for Guarded<T> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn interface(&self) -> u8 {
        self.interface.number
    }

    fn configuration(&self) -> &[u8] {
        &self.configuration
    }

    fn control_in(&self, setup: Setup, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            self.interface.control(&setup, true)?;
            if setup.length > limits::USB_TRANSFER {
                return Err(IoError::TooLong);
            }
            self.counted(self.transfers.control_in(setup, deadline.total).await)
        })
    }

    fn control_out<'a>(&'a self, setup: Setup, data: &'a [u8], deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            self.interface.control(&setup, false)?;
            fits(data)?;
            let setup = Setup {
                length: u16::try_from(data.len()).map_err(|_| IoError::TooLong)?,
                ..setup
            };
            let sent = self.transfers.control_out(setup, data, deadline.total);
            self.counted(sent.await)
        })
    }

    fn read(&self, endpoint: u8, max: u16, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let endpoint = self.interface.data(endpoint, true)?;
            let max = max.min(limits::USB_TRANSFER);
            self.counted(self.transfers.read(endpoint, max, deadline.total).await)
        })
    }

    fn write<'a>(&'a self, endpoint: u8, data: &'a [u8], deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            let endpoint = self.interface.data(endpoint, false)?;
            fits(data)?;
            self.counted(self.transfers.write(endpoint, data, deadline.total).await)
        })
    }

    fn clear_halt(&self, endpoint: u8) -> Fut<'_, ()> {
        Box::pin(async move {
            self.interface.own(endpoint)?;
            self.transfers.clear_halt(endpoint).await
        })
    }

    fn clear_halts(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            for endpoint in &self.interface.endpoints {
                self.transfers.clear_halt(endpoint.address).await?;
            }
            Ok(())
        })
    }

    fn reset(&self) -> Fut<'_, ()> {
        self.transfers.reset()
    }

    fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }

    fn readable(&self) -> Fut<'_, ()> {
        match self.interface.interrupt_in() {
            Some(endpoint) => self.transfers.readable(endpoint),
            None => Box::pin(std::future::pending()),
        }
    }
}

fn fits(data: &[u8]) -> Result<(), IoError> {
    if data.len() > usize::from(limits::USB_TRANSFER) {
        return Err(IoError::TooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_descriptor_says_who_it_is() {
        let bytes = [
            18, 1, 0x10, 1, 0, 0, 0, 8, 0x1d, 0x05, 2, 0, 6, 1, 1, 2, 3, 1,
        ];
        let descriptor = Descriptor {
            vendor_id: 0x051d,
            product_id: 2,
            release: 0x0106,
            strings: [1, 2, 3],
        };
        assert_eq!(Descriptor::parse(&bytes), Some(descriptor));
        assert_eq!(Descriptor::parse(bytes.get(..17).unwrap_or_default()), None);
        assert_eq!(Descriptor::parse(&[0; 18]), None);
    }
}
