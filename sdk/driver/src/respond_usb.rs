//! A USB device played by a function, transfer by transfer: the test double for devices that are no HID tables.

use crate::{Deadline, IoError, Setup, UsbBackend, UsbIdentity, host};

/// One transfer, as a played device gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsbTransfer {
    /// The host wants at most so many bytes by a control request.
    ControlIn(Setup, u16),
    /// The host gives bytes with a control request.
    ControlOut(Setup, Vec<u8>),
    /// The host wants a string descriptor.
    String {
        /// Its number; 0 is the list of languages.
        index: u8,
        /// In which language.
        language: u16,
        /// At most so many bytes.
        max: u16,
    },
    /// The host wants at most so many bytes of an endpoint, interrupt or bulk.
    In(u8, u16),
    /// The host gives bytes to an endpoint, interrupt or bulk.
    Out(u8, Vec<u8>),
    /// The host takes the halt off an endpoint.
    ClearHalt(u8),
    /// The host resets the device.
    Reset,
}

/// A device played by a function, which answers each transfer with bytes or a failure. For tests.
///
/// A time-out it plays takes as long as the driver allowed. Answers longer than asked for are overflows.
pub struct RespondUsb<F> {
    identity: UsbIdentity,
    configuration: Vec<u8>,
    device: F,
}

impl<F: FnMut(&UsbTransfer) -> Result<Vec<u8>, IoError>> RespondUsb<F> {
    /// A device with one configuration descriptor; `device` gets every transfer.
    pub fn new(identity: UsbIdentity, configuration: &[u8], device: F) -> Self {
        Self {
            identity,
            configuration: configuration.to_vec(),
            device,
        }
    }

    fn ask(
        &mut self,
        transfer: &UsbTransfer,
        max: usize,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        match (self.device)(transfer) {
            Ok(bytes) if bytes.len() > max => Err(IoError::Overflow),
            Err(IoError::Timeout) => {
                host::native::advance(deadline.total);
                Err(IoError::Timeout)
            }
            answer => answer,
        }
    }

    fn tell(&mut self, transfer: &UsbTransfer, deadline: Deadline) -> Result<(), IoError> {
        self.ask(transfer, 0, deadline).map(drop)
    }
}

impl<F> std::fmt::Debug for RespondUsb<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RespondUsb")
    }
}

impl<F: FnMut(&UsbTransfer) -> Result<Vec<u8>, IoError>> UsbBackend for RespondUsb<F> {
    fn identity(&mut self) -> UsbIdentity {
        self.identity.clone()
    }

    fn configuration(&mut self) -> Vec<u8> {
        self.configuration.clone()
    }

    fn control_in(
        &mut self,
        setup: Setup,
        length: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let transfer = UsbTransfer::ControlIn(setup, length);
        self.ask(&transfer, length.into(), deadline)
    }

    fn control_out(
        &mut self,
        setup: Setup,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), IoError> {
        self.tell(&UsbTransfer::ControlOut(setup, data.to_vec()), deadline)
    }

    fn string_descriptor(
        &mut self,
        index: u8,
        language: u16,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let transfer = UsbTransfer::String {
            index,
            language,
            max,
        };
        self.ask(&transfer, max.into(), deadline)
    }

    fn interrupt_in(
        &mut self,
        endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.ask(&UsbTransfer::In(endpoint, max), max.into(), deadline)
    }

    fn interrupt_out(
        &mut self,
        endpoint: u8,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), IoError> {
        self.tell(&UsbTransfer::Out(endpoint, data.to_vec()), deadline)
    }

    fn bulk_in(&mut self, endpoint: u8, max: u16, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        self.interrupt_in(endpoint, max, deadline)
    }

    fn bulk_out(&mut self, endpoint: u8, data: &[u8], deadline: Deadline) -> Result<(), IoError> {
        self.interrupt_out(endpoint, data, deadline)
    }

    fn clear_halt(&mut self, endpoint: u8) -> Result<(), IoError> {
        self.tell(&UsbTransfer::ClearHalt(endpoint), Deadline::ms(0))
    }

    fn reset(&mut self) -> Result<(), IoError> {
        self.tell(&UsbTransfer::Reset, Deadline::ms(0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Usb;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn every_transfer_reaches_the_function_and_its_answer_comes_back() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let device = {
            let seen = Rc::clone(&seen);
            move |transfer: &UsbTransfer| {
                seen.borrow_mut().push(transfer.clone());
                match transfer {
                    UsbTransfer::In(0x81, _) => Ok(vec![1; 8]),
                    UsbTransfer::In(..) => Err(IoError::Timeout),
                    UsbTransfer::Reset => Err(IoError::Disconnected),
                    _ => Ok(Vec::new()),
                }
            }
        };
        let mut usb = Usb::new(RespondUsb::new(UsbIdentity::default(), &[9, 2], device));
        let second = Deadline::ms(1000);
        assert_eq!(usb.configuration(), [9, 2]);
        assert_eq!(usb.interrupt_in(0x81, 8, second), Ok(vec![1; 8]));
        assert_eq!(usb.interrupt_in(0x81, 7, second), Err(IoError::Overflow));
        let before = host::now_ms();
        assert_eq!(usb.interrupt_in(0x82, 8, second), Err(IoError::Timeout));
        assert_eq!(host::now_ms() - before, 1000);
        usb.interrupt_out(2, &[7], second).unwrap();
        assert_eq!(usb.reset(), Err(IoError::Disconnected));
        let last = seen
            .borrow()
            .iter()
            .rev()
            .take(2)
            .cloned()
            .collect::<Vec<_>>();
        assert_eq!(last, [UsbTransfer::Reset, UsbTransfer::Out(2, vec![7])]);
    }
}
