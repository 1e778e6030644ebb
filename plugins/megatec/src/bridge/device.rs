//! The device, and what its failures mean.
//!
//! A time-out is a device without an answer. A halt is taken off; where that fails the device is reset. More than was asked
//! for happens to the bridge 0665:5161 before it wedges for good: two in a row are failed queries, the third one resets it.
//! After a reset, and when the bus itself fails, the port counts as lost, so that the host opens it anew.

use super::INTERRUPT_IN;
use husk_driver::host::Level;
use husk_driver::{Deadline, Error, IoError, Setup, Usb, log};

/// Overflows in a row that are failed queries and no more.
const OVERFLOWS: u32 = 2;

/// A class request to the interface, to the device and from it.
const TO_INTERFACE: u8 = 0x21;
const FROM_INTERFACE: u8 = 0xa1;
const GET_REPORT: u8 = 0x01;
const SET_REPORT: u8 = 0x09;

/// One USB device.
pub(super) struct Device {
    usb: Usb,
    interface: u8,
    /// Overflows since the last answer.
    overflows: u32,
}

impl Device {
    pub(super) fn new(usb: Usb, interface: u8) -> Self {
        Self {
            usb,
            interface,
            overflows: 0,
        }
    }

    /// SET_REPORT; `value` is what the maker put into wValue, which is not always what HID says.
    pub(super) fn set_report(
        &mut self,
        value: u16,
        report: &[u8],
        within: Deadline,
    ) -> Result<(), Error> {
        let setup = Setup {
            request_type: TO_INTERFACE,
            request: SET_REPORT,
            value,
            index: self.interface.into(),
        };
        self.control_out(setup, report, within)
    }

    /// GET_REPORT.
    pub(super) fn get_report(
        &mut self,
        value: u16,
        length: u16,
        within: Deadline,
    ) -> Result<Vec<u8>, Error> {
        let setup = Setup {
            request_type: FROM_INTERFACE,
            request: GET_REPORT,
            value,
            index: self.interface.into(),
        };
        let got = self.usb.control_in(setup, length, within);
        self.judged(got)
    }

    pub(super) fn control_out(
        &mut self,
        setup: Setup,
        data: &[u8],
        within: Deadline,
    ) -> Result<(), Error> {
        let sent = self.usb.control_out(setup, data, within);
        self.sent(sent)
    }

    /// One interrupt transfer to the device.
    pub(super) fn write(
        &mut self,
        endpoint: u8,
        data: &[u8],
        within: Deadline,
    ) -> Result<(), Error> {
        let sent = self.usb.interrupt_out(endpoint, data, within);
        self.sent(sent)
    }

    /// One interrupt transfer from the device. [`Error::Timeout`] is silence.
    pub(super) fn read(
        &mut self,
        endpoint: u8,
        max: u16,
        within: Deadline,
    ) -> Result<Vec<u8>, Error> {
        let got = self.usb.interrupt_in(endpoint, max, within);
        self.judged(got)
    }

    /// A string descriptor as it is.
    pub(super) fn string(
        &mut self,
        index: u8,
        language: u16,
        max: u16,
        within: Deadline,
    ) -> Result<Vec<u8>, Error> {
        let got = self.usb.string_descriptor(index, language, max, within);
        self.judged(got)
    }

    /// Throws away what an endpoint still has to say, at most `packets` of them: how many there were, or `None` when there
    /// was no end.
    pub(super) fn drain(
        &mut self,
        endpoint: u8,
        max: u16,
        packets: usize,
        within: Deadline,
    ) -> Result<Option<usize>, Error> {
        for thrown in 0..packets {
            match self.usb.interrupt_in(endpoint, max, within) {
                Ok(_) | Err(IoError::Overflow) => {}
                got => {
                    return match self.judged(got) {
                        Err(Error::Lost) => Err(Error::Lost),
                        // Silence, or a halt that was taken off.
                        _ => Ok(Some(thrown)),
                    };
                }
            }
        }
        Ok(None)
    }

    /// An answer came: what was before is forgotten.
    pub(super) fn answered(&mut self) {
        self.overflows = 0;
    }

    /// A command that did not get through must not pass for one that was taken in silence.
    fn sent(&mut self, sent: Result<(), IoError>) -> Result<(), Error> {
        match sent {
            Err(IoError::Timeout | IoError::Interrupted) => Err(Error::Protocol(
                "the bridge does not take the command".to_owned(),
            )),
            sent => self.judged(sent),
        }
    }

    fn judged<T>(&mut self, outcome: Result<T, IoError>) -> Result<T, Error> {
        let error = match outcome {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        Err(match error {
            IoError::Timeout | IoError::Interrupted => Error::Timeout,
            IoError::Disconnected | IoError::Revoked => Error::Lost,
            IoError::Stall => self.halted(),
            IoError::Overflow => self.overflowed(),
            IoError::NotFound | IoError::Other(_) => {
                log!(Level::Warn, "the bus failed: {error}");
                Error::Lost
            }
            error => error.into(),
        })
    }

    fn halted(&mut self) -> Error {
        match self.usb.clear_halt(INTERRUPT_IN) {
            // A bridge that has no such endpoint has no halt on it either.
            Ok(()) | Err(IoError::Denied | IoError::Unsupported) => {
                Error::Protocol("it refuses the transfer".to_owned())
            }
            Err(_) => self.reset("the halt of its endpoint stays"),
        }
    }

    fn overflowed(&mut self) -> Error {
        self.overflows += 1;
        if self.overflows <= OVERFLOWS {
            return IoError::Overflow.into();
        }
        self.overflows = 0;
        self.reset("it sends more than was asked for, again and again")
    }

    fn reset(&mut self, why: &str) -> Error {
        log!(Level::Warn, "the device is reset: {why}");
        if let Err(error) = self.usb.reset() {
            log!(Level::Warn, "the reset failed: {error}");
        }
        Error::Lost
    }
}

/// One endpoint of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// With the direction in bit 7.
    pub(super) address: u8,
    pub(super) interrupt: bool,
    /// Bytes of its largest packet.
    pub(super) packet: u16,
}

const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;

/// The endpoints of an interface, of all its settings, in a configuration descriptor (USB 2.0 §9.6.5, §9.6.6).
pub(super) fn endpoints(configuration: &[u8], interface: u8) -> Vec<Endpoint> {
    let mut here = false;
    let mut found = Vec::new();
    for one in descriptors(configuration) {
        match *one {
            [_, INTERFACE, number, ..] => here = number == interface,
            [_, ENDPOINT, address, attributes, low, high, ..] if here => found.push(Endpoint {
                address,
                interrupt: attributes & 3 == 3,
                packet: u16::from_le_bytes([low, high]) & 0x07ff,
            }),
            _ => {}
        }
    }
    found
}

/// Interfaces and their settings in a configuration descriptor: one entry for each.
pub(super) fn settings(configuration: &[u8]) -> usize {
    descriptors(configuration)
        .filter(|one| matches!(one, [_, INTERFACE, ..]))
        .count()
}

fn descriptors(configuration: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = configuration;
    std::iter::from_fn(move || {
        let length = usize::from(*rest.first()?).max(2);
        let (one, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_from_descriptors_however_short() {
        let configuration = [
            9, 2, 34, 0, 1, 1, 0, 0x80, 50, //
            9, 4, 0, 0, 2, 3, 0, 0, 0, //
            9, 0x21, 0x11, 1, 0, 1, 0x22, 27, 0, //
            7, 5, 0x82, 3, 64, 0, 1, //
            7, 5, 0x02, 2, 64, 0, 1, //
        ];
        let both = [
            Endpoint {
                address: 0x82,
                interrupt: true,
                packet: 64,
            },
            Endpoint {
                address: 0x02,
                interrupt: false,
                packet: 64,
            },
        ];
        assert_eq!(endpoints(&configuration, 0), both);
        assert_eq!(endpoints(&configuration, 1), []);
        assert_eq!(settings(&configuration), 1);
        for cut in 0..configuration.len() {
            let short = configuration.get(..cut).unwrap_or_default();
            assert!(endpoints(short, 0).len() <= 2);
        }
        assert_eq!(endpoints(&[0; 64], 0), []);
    }
}
