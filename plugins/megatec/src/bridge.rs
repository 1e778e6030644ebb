//! The chips between a USB plug and the serial line of a unit: how each carries a line of text.
//!
//! Nobody standardised them. Most pretend to be keyboards or mice of class HID and cut lines into reports (`packets`); some
//! give answers as string descriptors whose number is the command (`strings`); a few are peculiar (`fuji`, `ablerex`,
//! `armac`). Which is behind which numbers and names is in `known`.
//!
//! ```text
//! cypress  > 21 09 00 02 00 00 08 00  51 31 0d 00 00 00 00 00       SET_REPORT: Q1\r
//!          < interrupt 81: 28 32 31 35 2e 30 20 31                  (215.0 1
//!          < … until a packet holds 0d
//! krauler  > 80 06 03 03 09 04 ff 00                                string 3 is the answer to Q1
//!          < 60 03 28 00 32 00 31 00 …                              in UTF-16
//! armac    > 21 09 00 02 00 00 04 00  a3 51 31 0d                   three bytes, a0 and their number before them
//!          < interrupt 81: c5 28 32 31 35 2e                        five bytes
//! ```
//!
//! Refuses to answer for the device: silence is a time-out, a line that breaks off or never ends is an error, and a command
//! that the bridge cannot carry comes back as its own echo, which is how units of this family say that they do not know it.
//! Source of the numbers: NUT's nutdrv_qx; no maker has published any.

mod ablerex;
mod armac;
mod device;
mod fuji;
mod known;
mod packets;
mod strings;
#[cfg(test)]
mod tests;

use crate::link::{Expect, Link};
use device::Device;
use husk_driver::host::Level;
use husk_driver::{Error, Settings, Usb, UsbMatch, log};

/// How a bridge carries a line.
trait Framing {
    /// As [`Link::ask`].
    fn carry(
        &mut self,
        device: &mut Device,
        command: &[u8],
        expect: &Expect,
    ) -> Result<Vec<u8>, Error>;

    /// The endpoint it cannot do without.
    fn endpoint(&self) -> Option<u8> {
        Some(INTERRUPT_IN)
    }
}

/// Where nearly all of them put their answers.
const INTERRUPT_IN: u8 = 0x81;
/// The end of a command and of an answer.
const END: u8 = b'\r';

/// A bridge with the unit behind it.
pub(crate) struct Bridge {
    device: Device,
    framing: Box<dyn Framing>,
    vendor: u16,
}

impl Bridge {
    /// Finds out which bridge it is: the one `subdriver` names, or the one known by its numbers and names.
    ///
    /// # Errors
    /// [`Error::NotMine`] for a device that none of the bridges is, [`Error::BadSetting`].
    pub(crate) fn open(mut usb: Usb, settings: &Settings) -> Result<Self, Error> {
        let identity = usb.identity();
        let kind = match settings.choice("subdriver", known::NAMES)? {
            Some(kind) => kind,
            None => known::recognise(&identity)?,
        };
        let configuration = usb.configuration();
        let framing = kind.framing(settings, &configuration)?;
        if let Some(endpoint) = framing.endpoint() {
            let endpoints = device::endpoints(&configuration, identity.interface);
            if !endpoints.iter().any(|one| one.address == endpoint) {
                return Err(Error::NotMine(format!(
                    "a bridge of the kind {} has an endpoint {endpoint:02x}, this device has none",
                    kind.name()
                )));
            }
        }
        log!(Level::Info, "the bridge is of the kind {}", kind.name());
        Ok(Self {
            device: Device::new(usb, identity.interface),
            framing,
            vendor: identity.vendor_id,
        })
    }

    /// The devices that may be one.
    pub(crate) fn claims() -> Vec<UsbMatch> {
        known::claims()
    }
}

impl Link for Bridge {
    fn ask(&mut self, command: &[u8], expect: &Expect) -> Result<Vec<u8>, Error> {
        let answer = self.framing.carry(&mut self.device, command, expect)?;
        self.device.answered();
        Ok(answer)
    }

    fn usb_vendor(&self) -> Option<u16> {
        Some(self.vendor)
    }
}

/// Where an answer ends: at the first carriage return after the `raw` bytes that may hold one.
fn end_of(answer: &[u8], raw: usize) -> Option<usize> {
    let text = answer.get(raw..)?;
    text.iter().position(|&byte| byte == END).map(|at| at + raw)
}

/// A command with its end.
fn line(command: &[u8]) -> Vec<u8> {
    [command, &[END]].concat()
}

/// What a bridge gives in place of a line.
fn broken(command: &[u8], answer: &[u8]) -> Error {
    crate::line::strange(&String::from_utf8_lossy(command), answer)
}
