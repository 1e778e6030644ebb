//! The requests of a HID device: descriptors, strings, feature reports, interrupts.
//!
//! ```text
//! > 81 06 00 22 00 00 b7 01     the report descriptor, 439 bytes of it
//! > a1 01 0b 03 00 00 02 00     GET_REPORT feature 11, 2 bytes
//! < 0b 11                       the id, then the fields
//! > 21 09 15 03 00 00 03 00     SET_REPORT feature 21, 3 bytes follow
//! > 15 01 00
//! ```
//!
//! Refuses to interpret reports and to retry them: what failed fails this poll, and the next one is soon. Standard: USB
//! HID 1.11 §7.

#[cfg(any(feature = "usb", test))]
mod usb;

use crate::makers::Maker;
use husk_driver::host;
use husk_driver::wire::hid::setup::{self, Setup};
use husk_driver::wire::hid::{DESCRIPTOR_MAX, Kind};
use husk_driver::{Deadline, Error, IoError, Settings, UsbIdentity};

/// Milliseconds for descriptors and writes: slow firmware takes up to 3 s when it was just opened.
const CONTROL: Deadline = Deadline::ms(4000);
/// Milliseconds for strings and for reports that never answered: a poll has 10 s for all it asks.
const FIRST_MS: u64 = 1500;
/// Least and most milliseconds for reports that have answered, and how many times the slowest answer so far it is: a
/// device that hangs is found out in half a second, one that is slow by nature is waited for.
const USUAL_MS: (u64, u64) = (500, 1000);
const PATIENCE: u64 = 4;
/// Attempts at a descriptor, and milliseconds between them: some firmware stalls the first after being opened.
const DESCRIPTOR_TRIES: u32 = 3;
const DESCRIPTOR_PAUSE_MS: u32 = 50;
/// Longest string descriptor: its length is one byte.
const STRING_MAX: u16 = 255;
/// Bytes of string 0 with one language.
const LANGUAGES_BYTES: u16 = 4;
/// Bytes asked for per interrupt: more than any report known, so that none overflows.
const INTERRUPT_BYTES: u16 = 256;

/// What carries requests: USB, or a serial line.
pub(crate) trait Transport {
    /// The active configuration descriptor; empty where there is none.
    fn configuration(&mut self) -> Vec<u8>;

    /// One control request and what is read by it.
    ///
    /// # Errors
    /// [`IoError::Stall`] for what the device does not have; any other is a failure.
    fn exchange(
        &mut self,
        setup: Setup,
        exchange: Exchange<'_>,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError>;

    /// Whether the device tells things by itself.
    fn tells(&self) -> bool {
        false
    }

    /// What the device told by itself since the last call, nothing waited for; empty when there is nothing.
    ///
    /// # Errors
    /// The device is gone; anything less is silence.
    fn interrupt(&mut self, _endpoint: u8, _max: u16) -> Result<Vec<u8>, IoError> {
        Ok(Vec::new())
    }
}

/// What a control request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange<'a> {
    /// Something is read.
    Read,
    /// These bytes are written.
    Write(&'a [u8]),
    /// The string descriptor of this number is read: hosts serve strings by a call of their own.
    Text(u8),
}

/// The device, and where on it the reports are.
pub(crate) struct Link {
    transport: Box<dyn Transport>,
    interface: u8,
    endpoint: u8,
    interrupt_bytes: u16,
    /// Which HID descriptor of the interface counts, when the setting says.
    descriptor: Option<u8>,
    language: Option<u16>,
    /// Milliseconds the slowest report took.
    slowest_ms: u64,
}

impl Link {
    pub(crate) fn new(
        transport: Box<dyn Transport>,
        identity: &UsbIdentity,
        maker: &Maker,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let endpoint = hexadecimal(settings, "usb_hid_ep_in")?;
        let only_told = (maker.habits.only_told)(identity);
        Ok(Self {
            transport,
            interface: identity.interface,
            endpoint: endpoint.unwrap_or(maker.habits.endpoint) | 0x80,
            interrupt_bytes: match settings.whole("interruptsize", 1..=4096)? {
                Some(bytes) => bytes as u16,
                None => only_told.unwrap_or(INTERRUPT_BYTES),
            },
            descriptor: hexadecimal(settings, "usb_hid_desc_index")?,
            language: None,
            slowest_ms: 0,
        })
    }

    /// The report descriptor. Its length stands in the HID descriptor, which most firmware gives correctly within the
    /// configuration and some only when asked for it.
    ///
    /// Eaton 0463 with release 2.02: the embedded one is wrong and the second of those asked for is right.
    pub(crate) fn report_descriptor(&mut self, identity: &UsbIdentity) -> Result<Vec<u8>, Error> {
        let second_counts = (identity.vendor_id, identity.release) == (0x0463, 0x0202);
        let which = self.descriptor.unwrap_or(u8::from(second_counts));
        let configuration = self.transport.configuration();
        let embedded = setup::hid_descriptor_in(&configuration, self.interface)
            .and_then(setup::report_descriptor_length);
        let length = match embedded {
            Some(length) if which == 0 => length,
            embedded => self
                .descriptor(Setup::hid_descriptor(self.interface, which))
                .ok()
                .and_then(|hid| setup::report_descriptor_length(&hid))
                .or(embedded)
                .ok_or_else(|| Error::NotMine("it has no HID descriptor".into()))?,
        };
        if usize::from(length) > DESCRIPTOR_MAX {
            return Err(Error::Protocol(
                "it announces a report descriptor that is too long".into(),
            ));
        }
        Ok(self.descriptor(Setup::report_descriptor(self.interface, length))?)
    }

    /// Whether the device answers: every one has a HID descriptor, and a stall is an answer as well.
    pub(crate) fn alive(&mut self) -> Result<(), IoError> {
        let setup = Setup::hid_descriptor(self.interface, 0);
        match self.ask(setup, Deadline::ms(FIRST_MS)) {
            Ok(_) | Err(IoError::Stall) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn descriptor(&mut self, setup: Setup) -> Result<Vec<u8>, IoError> {
        insist(|| self.ask(setup, CONTROL))
    }

    /// A feature report, at most `length` bytes with its id; `known`: it has answered before.
    pub(crate) fn feature(&mut self, id: u8, length: u16, known: bool) -> Result<Vec<u8>, IoError> {
        let (least, most) = USUAL_MS;
        let patience = match known {
            true => (PATIENCE * self.slowest_ms).clamp(least, most),
            false => FIRST_MS,
        };
        let start = host::now_ms();
        let setup = Setup::get_report(Kind::Feature, id, self.interface, length);
        let answer = self.ask(setup, Deadline::ms(patience));
        if answer.is_ok() {
            let took = host::now_ms().saturating_sub(start);
            self.slowest_ms = self.slowest_ms.max(took);
        }
        answer
    }

    /// Writes a feature report, id first.
    pub(crate) fn set_feature(&mut self, report: &[u8]) -> Result<(), IoError> {
        let id = report.first().copied().unwrap_or(0);
        let length = report.len() as u16;
        let setup = Setup::set_report(Kind::Feature, id, self.interface, length);
        let written = self
            .transport
            .exchange(setup, Exchange::Write(report), CONTROL);
        written.map(drop)
    }

    /// What the device told by itself, if anything.
    ///
    /// The host listens all the time, so that nothing is waited for here.
    pub(crate) fn interrupt(&mut self) -> Result<Option<Vec<u8>>, IoError> {
        match self
            .transport
            .interrupt(self.endpoint, self.interrupt_bytes)
        {
            Ok(report) => Ok(Some(report).filter(|report| !report.is_empty())),
            Err(error @ (IoError::Disconnected | IoError::Revoked)) => Err(error),
            // Silence, and what a device without this endpoint says.
            Err(_) => Ok(None),
        }
    }

    /// A string descriptor as text, in the language the device lists first; none when it is empty or not given.
    pub(crate) fn string(&mut self, index: u8) -> Result<Option<String>, IoError> {
        if index == 0 {
            return Ok(None);
        }
        let language = match self.language {
            Some(language) => language,
            None => {
                let listed = self.descriptor_text(0, 0, LANGUAGES_BYTES);
                *self
                    .language
                    .insert(listed.map_or(setup::ENGLISH, |listed| setup::language(&listed)))
            }
        };
        match insist(|| self.descriptor_text(index, language, STRING_MAX)) {
            Ok(string) => Ok(setup::text(&string).filter(|text| !text.is_empty())),
            Err(error @ (IoError::Disconnected | IoError::Revoked)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn descriptor_text(&mut self, index: u8, language: u16, max: u16) -> Result<Vec<u8>, IoError> {
        let setup = Setup::string(index, language, max);
        let deadline = Deadline::ms(FIRST_MS);
        self.transport
            .exchange(setup, Exchange::Text(index), deadline)
    }

    fn ask(&mut self, setup: Setup, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        self.transport.exchange(setup, Exchange::Read, deadline)
    }
}

/// Asks until there is an answer or the device is gone.
fn insist(mut ask: impl FnMut() -> Result<Vec<u8>, IoError>) -> Result<Vec<u8>, IoError> {
    for _ in 1..DESCRIPTOR_TRIES {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error @ (IoError::Disconnected | IoError::Revoked | IoError::Timeout)) => {
                return Err(error);
            }
            Err(_) => host::sleep_ms(DESCRIPTOR_PAUSE_MS),
        }
    }
    ask()
}

/// A setting of up to two hexadecimal digits.
fn hexadecimal(settings: &Settings, name: &str) -> Result<Option<u8>, Error> {
    settings.parsed(
        name,
        |text| u8::from_str_radix(text.trim_start_matches("0x"), 16).ok(),
        || "a hexadecimal number of at most two digits".to_owned(),
    )
}
