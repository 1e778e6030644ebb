//! The requests a HID UPS answers on its control pipe, and the standard descriptors around the report descriptor.
//!
//! The same eight bytes go over USB and, tunnelled, over a serial line. Sends nothing. Standard: USB 2.0 §9.3 and §9.6,
//! USB HID 1.11 §6.2.1 and §7.2.

use super::Kind;

/// English (United States): the language of the strings of a device that does not say which it has.
pub const ENGLISH: u16 = 0x0409;

/// A setup packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// bmRequestType: bit 7 set when the device is to answer.
    pub request_type: u8,
    /// bRequest.
    pub request: u8,
    /// wValue.
    pub value: u16,
    /// wIndex: the interface, or the language of a string.
    pub index: u16,
    /// wLength: bytes that follow, or the most that are to be answered.
    pub length: u16,
}

const TO_HOST: u8 = 0x80;
const CLASS: u8 = 0x20;
const INTERFACE: u8 = 0x01;
const GET_REPORT: u8 = 0x01;
const SET_REPORT: u8 = 0x09;
const GET_DESCRIPTOR: u8 = 0x06;
/// Types of descriptors.
const DEVICE: u8 = 0x01;
const STRING: u8 = 0x03;
const INTERFACE_DESCRIPTOR: u8 = 0x04;
const HID: u8 = 0x21;
const REPORT: u8 = 0x22;
/// Bytes of a HID descriptor that announces one report descriptor.
const HID_BYTES: u16 = 9;
/// Bytes of a device descriptor.
const DEVICE_BYTES: u16 = 18;

impl Setup {
    /// GET_REPORT; `length` counts the id byte.
    #[must_use]
    pub fn get_report(kind: Kind, id: u8, interface: u8, length: u16) -> Self {
        Self {
            request_type: TO_HOST | CLASS | INTERFACE,
            request: GET_REPORT,
            value: u16::from_be_bytes([number(kind), id]),
            index: interface.into(),
            length,
        }
    }

    /// SET_REPORT; `length` bytes follow, the id byte first.
    #[must_use]
    pub fn set_report(kind: Kind, id: u8, interface: u8, length: u16) -> Self {
        Self {
            request_type: CLASS | INTERFACE,
            request: SET_REPORT,
            ..Self::get_report(kind, id, interface, length)
        }
    }

    /// The HID descriptor of an interface; `which` is 0 except for firmware that has another one first.
    #[must_use]
    pub fn hid_descriptor(interface: u8, which: u8) -> Self {
        Self::descriptor(INTERFACE, HID, which, interface.into(), HID_BYTES)
    }

    /// The report descriptor of an interface.
    #[must_use]
    pub fn report_descriptor(interface: u8, length: u16) -> Self {
        Self::descriptor(INTERFACE, REPORT, 0, interface.into(), length)
    }

    /// A string descriptor; string 0 with language 0 lists the languages.
    #[must_use]
    pub fn string(string: u8, language: u16, length: u16) -> Self {
        Self::descriptor(0, STRING, string, language, length)
    }

    /// The device descriptor.
    #[must_use]
    pub fn device_descriptor() -> Self {
        Self::descriptor(0, DEVICE, 0, 0, DEVICE_BYTES)
    }

    fn descriptor(recipient: u8, kind: u8, which: u8, index: u16, length: u16) -> Self {
        Self {
            request_type: TO_HOST | recipient,
            request: GET_DESCRIPTOR,
            value: u16::from_be_bytes([kind, which]),
            index,
            length,
        }
    }

    /// Whether the device answers with data.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.request_type & TO_HOST != 0
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn bytes(&self) -> [u8; 8] {
        let [value, index, length] = [self.value, self.index, self.length].map(u16::to_le_bytes);
        let ([a, b], [c, d], [e, f]) = (value, index, length);
        [self.request_type, self.request, a, b, c, d, e, f]
    }
}

/// The number of a kind of report in wValue.
fn number(kind: Kind) -> u8 {
    match kind {
        Kind::Input => 1,
        Kind::Output => 2,
        Kind::Feature => 3,
    }
}

/// Length of the report descriptor, from a HID descriptor that starts at byte 0.
#[must_use]
pub fn report_descriptor_length(hid: &[u8]) -> Option<u16> {
    let [length, HID, _, _, _, _, REPORT, low, high, ..] = *hid else {
        return None;
    };
    (u16::from(length) >= HID_BYTES).then(|| u16::from_le_bytes([low, high]))
}

/// The HID descriptor that a configuration descriptor has for this interface (the first setting that has one).
#[must_use]
pub fn hid_descriptor_in(configuration: &[u8], interface: u8) -> Option<&[u8]> {
    let mut rest = configuration;
    let mut here = false;
    while let [length, kind, ..] = *rest {
        let (one, after) = rest.split_at_checked(usize::from(length.max(2)))?;
        match kind {
            INTERFACE_DESCRIPTOR => here = one.get(2) == Some(&interface),
            HID if here => return Some(one),
            _ => {}
        }
        rest = after;
    }
    None
}

/// The text of a string descriptor: UTF-16 cut to Latin-1, `?` for the rest, no blanks or zeros at the end. `None` when it is
/// no string descriptor; a descriptor longer than what came is read as far as it came.
#[must_use]
pub fn text(string: &[u8]) -> Option<String> {
    let [length, STRING, ref units @ ..] = *string else {
        return None;
    };
    let units = units
        .get(..usize::from(length).checked_sub(2)?)
        .unwrap_or(units);
    let text: String = units
        .chunks_exact(2)
        .map(|unit| match *unit {
            [low, 0] => char::from(low),
            _ => '?',
        })
        .collect();
    Some(text.trim_end_matches([' ', '\0']).to_owned())
}

/// The first language that string 0 lists, [`ENGLISH`] when that is no list of one language.
#[must_use]
pub fn language(string_0: &[u8]) -> u16 {
    match *string_0 {
        [4, STRING, low, high] => u16::from_le_bytes([low, high]),
        _ => ENGLISH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_bytes_of_the_standard() {
        let get = Setup::get_report(Kind::Feature, 0x16, 1, 5);
        assert_eq!(get.bytes(), [0xa1, 1, 0x16, 3, 1, 0, 5, 0]);
        assert!(get.is_read());
        let set = Setup::set_report(Kind::Output, 2, 0, 0x102);
        assert_eq!(set.bytes(), [0x21, 9, 2, 2, 0, 0, 2, 1]);
        assert!(!set.is_read());
        assert_eq!(
            Setup::hid_descriptor(0, 1).bytes(),
            [0x81, 6, 1, 0x21, 0, 0, 9, 0]
        );
        assert_eq!(
            Setup::report_descriptor(2, 0x1800).bytes(),
            [0x81, 6, 0, 0x22, 2, 0, 0, 0x18]
        );
        assert_eq!(
            Setup::string(4, ENGLISH, 255).bytes(),
            [0x80, 6, 4, 3, 9, 4, 255, 0]
        );
        assert_eq!(
            Setup::device_descriptor().bytes(),
            [0x80, 6, 0, 1, 0, 0, 18, 0]
        );
    }

    #[test]
    fn the_hid_descriptor_is_found_in_its_interface() {
        let first = [9, HID, 0x10, 1, 0x21, 1, REPORT, 0x40, 0];
        let second = [9, HID, 0x10, 1, 0x21, 1, REPORT, 0x4d, 2];
        let mut configuration = vec![9, 2, 0, 0, 2, 1, 0, 0xa0, 0];
        for (number, hid) in [(0, first), (1, second)] {
            configuration.extend([9, INTERFACE_DESCRIPTOR, number, 0, 1, 3, 0, 0, 0]);
            configuration.extend(hid);
            configuration.extend([7, 5, 0x81, 3, 8, 0, 100]);
        }
        let length = |interface| {
            hid_descriptor_in(&configuration, interface).and_then(report_descriptor_length)
        };
        assert_eq!(
            (length(0), length(1), length(2)),
            (Some(0x40), Some(0x24d), None)
        );
        for cut in 0..configuration.len() {
            let _ = hid_descriptor_in(configuration.get(..cut).unwrap_or_default(), 1);
        }
        assert_eq!(
            hid_descriptor_in(&[0; 64], 0),
            None,
            "a length of 0 moves on all the same"
        );
        assert_eq!(report_descriptor_length(&[9, HID, 0x10, 1]), None);
    }

    #[test]
    fn strings_are_latin_1_and_the_language_is_english_unless_said() {
        assert_eq!(
            text(&[8, 3, b'U', 0, 0xe9, 0, b' ', 0]).as_deref(),
            Some("Ué")
        );
        assert_eq!(text(&[6, 3, 0xac, 0x20, b'1', 0]).as_deref(), Some("?1"));
        assert_eq!(
            text(&[40, 3, b'A', 0, b'P']).as_deref(),
            Some("A"),
            "cut short"
        );
        assert_eq!(
            text(&[4, 3, b'A', 0, b'B', 0]).as_deref(),
            Some("A"),
            "what follows is not its own"
        );
        for bad in [&[][..], &[2], &[0, 3], &[4, 2, b'A', 0]] {
            assert_eq!(text(bad), None, "{bad:?}");
        }
        assert_eq!(text(&[2, 3]).as_deref(), Some(""));
        assert_eq!(
            (language(&[4, 3, 7, 4]), language(&[6, 3, 9, 4, 7, 4])),
            (0x0407, ENGLISH)
        );
    }
}
