//! One opened USB device with its one interface claimed. There is no way to find or open another.
//!
//! In the sandbox every method is one call into the host, and only those a driver uses become imports of its
//! component. Natively a device is whatever implements [`UsbBackend`]; `husk_driver::FakeUsb` is the one of the tests.
//!
//! Refuses to: interpret anything. Descriptors and reports are bytes here (USB 2.0 chapter 9, HID 1.11).

use crate::{Deadline, IoError, UsbIdentity};

/// The first bytes of a control transfer; its length is that of the data asked for or given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// bmRequestType: direction, kind and recipient.
    pub request_type: u8,
    /// bRequest.
    pub request: u8,
    /// wValue.
    pub value: u16,
    /// wIndex.
    pub index: u16,
}

/// What a USB device is made of. Drivers use [`Usb`]; tests implement this.
#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError its device met"
)]
pub trait UsbBackend {
    /// Who the device is.
    fn identity(&mut self) -> UsbIdentity;

    /// The active configuration descriptor with everything in it.
    fn configuration(&mut self) -> Vec<u8>;

    /// A control transfer from the device, at most `length` bytes.
    fn control_in(
        &mut self,
        setup: Setup,
        length: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError>;

    /// A control transfer to the device.
    fn control_out(&mut self, setup: Setup, data: &[u8], deadline: Deadline)
    -> Result<(), IoError>;

    /// A string descriptor as it is, header and all; index 0 gives the languages.
    fn string_descriptor(
        &mut self,
        index: u8,
        language: u16,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError>;

    /// One interrupt transfer from the device, at most `max` bytes.
    fn interrupt_in(
        &mut self,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError>;

    /// One interrupt transfer to the device.
    fn interrupt_out(
        &mut self,
        _endpoint: u8,
        _data: &[u8],
        _deadline: Deadline,
    ) -> Result<(), IoError> {
        Err(IoError::Unsupported)
    }

    /// One bulk transfer from the device, at most `max` bytes.
    fn bulk_in(
        &mut self,
        _endpoint: u8,
        _max: u16,
        _deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        Err(IoError::Unsupported)
    }

    /// One bulk transfer to the device.
    fn bulk_out(
        &mut self,
        _endpoint: u8,
        _data: &[u8],
        _deadline: Deadline,
    ) -> Result<(), IoError> {
        Err(IoError::Unsupported)
    }

    /// Takes the halt off an endpoint.
    fn clear_halt(&mut self, _endpoint: u8) -> Result<(), IoError> {
        Ok(())
    }

    /// Resets the device; it stays ours.
    fn reset(&mut self) -> Result<(), IoError> {
        Err(IoError::Unsupported)
    }
}

#[cfg(target_arch = "wasm32")]
type Backend = crate::guest::UsbDevice;
#[cfg(not(target_arch = "wasm32"))]
type Backend = Box<dyn UsbBackend>;

/// One opened USB device.
pub struct Usb(Backend);

impl std::fmt::Debug for Usb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Usb")
    }
}

#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError the device met"
)]
impl Usb {
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn new(device: Backend) -> Self {
        Self(device)
    }

    /// A device made of anything; for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(device: impl UsbBackend + 'static) -> Self {
        Self(Box::new(device))
    }

    /// Who the device is; the host has read it before.
    pub fn identity(&mut self) -> UsbIdentity {
        self.0.identity()
    }

    /// The active configuration descriptor with everything in it: interfaces, endpoints, class descriptors.
    pub fn configuration(&mut self) -> Vec<u8> {
        self.0.configuration()
    }

    /// A control transfer from the device; the answer may be shorter than `length`.
    pub fn control_in(
        &mut self,
        setup: Setup,
        length: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.0.control_in(setup, length, deadline)
    }

    /// A control transfer to the device.
    pub fn control_out(
        &mut self,
        setup: Setup,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), IoError> {
        self.0.control_out(setup, data, deadline)
    }

    /// A string descriptor as it is, header and all; index 0 gives the languages.
    pub fn string_descriptor(
        &mut self,
        index: u8,
        language: u16,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.0.string_descriptor(index, language, max, deadline)
    }

    /// One interrupt transfer from the device; the time passes without one is [`IoError::Timeout`].
    pub fn interrupt_in(
        &mut self,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.0.interrupt_in(endpoint, max, deadline)
    }

    /// One interrupt transfer to the device.
    pub fn interrupt_out(
        &mut self,
        endpoint: u8,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), IoError> {
        self.0.interrupt_out(endpoint, data, deadline)
    }

    /// One bulk transfer from the device.
    pub fn bulk_in(
        &mut self,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.0.bulk_in(endpoint, max, deadline)
    }

    /// One bulk transfer to the device.
    pub fn bulk_out(
        &mut self,
        endpoint: u8,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), IoError> {
        self.0.bulk_out(endpoint, data, deadline)
    }

    /// Takes the halt off an endpoint after [`IoError::Stall`].
    pub fn clear_halt(&mut self, endpoint: u8) -> Result<(), IoError> {
        self.0.clear_halt(endpoint)
    }

    /// Resets the device; [`IoError::Disconnected`] when it came back as something else.
    pub fn reset(&mut self) -> Result<(), IoError> {
        self.0.reset()
    }
}
