//! Which USB device a section of `ups.conf` means, and whether a device that appears is the one that was lost.
//!
//! The words `vendorid productid vendor product serial bus device busport bcdDevice` hold extended regular expressions
//! without regard to case; each must match the whole of what the device says, and all of them must. A device that does not
//! say it matches no expression. Opens nothing and asks no device. Interface fact: NUT's common USB options.

use std::fmt;

use regex_lite::Regex;

/// Longest expression, in bytes; the longest string a USB device can have is 126 characters.
pub const PATTERN_MAX: usize = 256;

/// Everything that tells one device on the bus from another before it is opened for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// idVendor.
    pub vendor_id: u16,
    /// idProduct.
    pub product_id: u16,
    /// bcdDevice, 0x0106 for release 1.06.
    pub release: u16,
    /// iManufacturer; this and the next two are absent when the device has none or did not give it.
    pub manufacturer: Option<String>,
    /// iProduct.
    pub product: Option<String>,
    /// iSerialNumber.
    pub serial: Option<String>,
    /// Number of the bus.
    pub bus: u8,
    /// Address on the bus; another one after each plugging in.
    pub address: u8,
    /// Ports from the root hub to the device.
    pub ports: Vec<u8>,
}

/// How surely a device is one seen before; the greatest is the surest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// The same kind in another port, and no serial number to tell: right when it is the only one of its kind.
    Kind,
    /// The same serial number in another port.
    Serial,
    /// The same kind in the same port, and no other serial number.
    Port,
}

impl Identity {
    /// Bus and ports, the device's name in sysfs: `1-2.3`.
    #[must_use]
    pub fn path(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(u8::to_string).collect();
        format!("{}-{}", self.bus, ports.join("."))
    }

    /// Whether this may be the device that was `before`. Strings that either time could not be read contradict nothing.
    #[must_use]
    pub fn likeness(&self, before: &Self) -> Option<Likeness> {
        let differ = |now: Option<&str>, then: Option<&str>| matches!((now, then), (Some(now), Some(then)) if now != then);
        let same_kind = (self.vendor_id, self.product_id) == (before.vendor_id, before.product_id)
            && !differ(self.manufacturer.as_deref(), before.manufacturer.as_deref())
            && !differ(self.product.as_deref(), before.product.as_deref());
        let (now, then) = (self.telling_serial(), before.telling_serial());
        if !same_kind || differ(now, then) {
            return None;
        }
        if (self.bus, &self.ports) == (before.bus, &before.ports) {
            return Some(Likeness::Port);
        }
        Some(match (now, then) {
            (Some(_), Some(_)) => Likeness::Serial,
            _ => Likeness::Kind,
        })
    }

    /// The serial number when it tells devices apart: cheap units all have the same one, blank or a row of zeros.
    #[must_use]
    pub fn telling_serial(&self) -> Option<&str> {
        let serial = self.serial.as_deref()?.trim();
        let first = serial.chars().next()?;
        serial
            .chars()
            .any(|character| character != first)
            .then_some(serial)
    }
}

/// One of the options, by its name in `ups.conf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `vendorid`: four hexadecimal digits.
    VendorId,
    /// `productid`: four hexadecimal digits.
    ProductId,
    /// `vendor`.
    Vendor,
    /// `product`.
    Product,
    /// `serial`.
    Serial,
    /// `bus`: three decimal digits.
    Bus,
    /// `device`: the address on the bus, three decimal digits.
    Device,
    /// `busport`: the last port, three decimal digits.
    BusPort,
    /// `bcdDevice`: four hexadecimal digits.
    Release,
}

impl Key {
    /// Each option and its name.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::VendorId, "vendorid"),
        (Self::ProductId, "productid"),
        (Self::Vendor, "vendor"),
        (Self::Product, "product"),
        (Self::Serial, "serial"),
        (Self::Bus, "bus"),
        (Self::Device, "device"),
        (Self::BusPort, "busport"),
        (Self::Release, "bcdDevice"),
    ];

    /// The option of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(key, _)| *key)
    }

    /// As `ups.conf` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let row = Self::ALL.iter().find(|(key, _)| *key == self);
        row.map_or("", |(_, name)| name)
    }

    /// What a device says to this.
    fn of(self, device: &Identity) -> Option<String> {
        let said = |text: &Option<String>| text.clone();
        let text = match self {
            Self::VendorId => Some(format!("{:04x}", device.vendor_id)),
            Self::ProductId => Some(format!("{:04x}", device.product_id)),
            Self::Release => Some(format!("{:04x}", device.release)),
            Self::Vendor => said(&device.manufacturer),
            Self::Product => said(&device.product),
            Self::Serial => said(&device.serial),
            Self::Bus => Some(format!("{:03}", device.bus)),
            Self::Device => Some(format!("{:03}", device.address)),
            Self::BusPort => device.ports.last().map(|port| format!("{port:03}")),
        };
        text.map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }
}

/// An option whose value is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} = {pattern:?} in ups.conf is no regular expression: {reason}", key.name())]
pub struct BadPattern {
    /// Which option.
    pub key: Key,
    /// Its value.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a device is not the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The first option that did not match.
    pub key: Key,
    /// Its value.
    pub pattern: String,
    /// What the device says, if anything.
    pub found: Option<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, pattern) = (self.key.name(), &self.pattern);
        match &self.found {
            Some(found) => write!(out, "its {name} is {found:?}, ups.conf wants {pattern:?}"),
            None => write!(out, "it says no {name}, ups.conf wants {pattern:?}"),
        }
    }
}

/// What a section wants its device to be.
#[derive(Clone, Debug, Default)]
pub struct Wanted(Vec<(Key, String, Regex)>);

impl Wanted {
    /// Takes the options that matter from all of a section's.
    ///
    /// # Errors
    /// [`BadPattern`]: all of them.
    pub fn new<'a>(
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<BadPattern>> {
        let (mut wanted, mut bad) = (Vec::new(), Vec::new());
        for (name, pattern) in options {
            let Some(key) = Key::named(name) else {
                continue;
            };
            let pattern = pattern.trim();
            match compile(key, pattern) {
                Ok(regex) => wanted.push((key, pattern.to_owned(), regex)),
                Err(reason) => bad.push(BadPattern {
                    key,
                    pattern: pattern.to_owned(),
                    reason,
                }),
            }
        }
        if bad.is_empty() {
            Ok(Self(wanted))
        } else {
            Err(bad)
        }
    }

    /// Whether the section names an option at all; the device of one that does not is whichever a driver claims.
    #[must_use]
    pub fn names(&self, key: Key) -> bool {
        self.0.iter().any(|(named, ..)| *named == key)
    }

    /// Whether a device is what the section wants.
    ///
    /// # Errors
    /// [`Mismatch`]: the first option that says no.
    pub fn check(&self, device: &Identity) -> Result<(), Mismatch> {
        for (key, pattern, regex) in &self.0 {
            let found = key.of(device);
            if !found.as_deref().is_some_and(|found| regex.is_match(found)) {
                return Err(Mismatch {
                    key: *key,
                    pattern: pattern.clone(),
                    found,
                });
            }
        }
        Ok(())
    }
}

fn compile(key: Key, pattern: &str) -> Result<Regex, String> {
    let is_number = matches!(key, Key::VendorId | Key::ProductId | Key::Release);
    if is_number
        && pattern
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("0x"))
    {
        return Err("write four hexadecimal digits without 0x, as in 051d".to_owned());
    }
    if pattern.len() > PATTERN_MAX {
        return Err(format!("it is longer than {PATTERN_MAX} bytes"));
    }
    // By itself first, so that `a)|(b` is an error and not the end of our group.
    Regex::new(pattern)
        .and_then(|_| Regex::new(&format!("(?i)^(?:{pattern})$")))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    fn ups() -> Identity {
        Identity {
            vendor_id: 0x051d,
            product_id: 2,
            release: 0x0106,
            manufacturer: Some("American Power Conversion".to_owned()),
            product: Some("Back-UPS ES 700G FW:871.O4 .I USB FW:O4".to_owned()),
            serial: Some("5B1234T56789  ".to_owned()),
            bus: 1,
            address: 12,
            ports: vec![2, 3],
        }
    }

    fn check(name: &str, pattern: &str) -> bool {
        Wanted::new([(name, pattern)])
            .unwrap()
            .check(&ups())
            .is_ok()
    }

    #[test]
    fn each_option_matches_the_whole_of_what_the_device_says() {
        for (name, yes, no) in [
            ("vendorid", "051D", "51d"),
            ("productid", "000[0-5]", "2"),
            ("vendor", "american.*", "American"),
            ("product", "Back-UPS (ES|CS) .*", "Back-UPS"),
            ("serial", "5B[0-9]+T[[:digit:]]{5}", "5B1234"),
            ("bus", "001", "1"),
            ("device", "012", "12"),
            ("busport", "00[3-9]", "002"),
            ("bcdDevice", "0106", "106"),
            ("BCDDEVICE", "0106", "1.06"),
            ("serial", " 5B1234T56789 ", ""),
            ("vendor", "Eaton|american power conversion", "Eaton|MGE"),
        ] {
            assert!(check(name, yes), "{name} {yes}");
            assert!(!check(name, no), "{name} {no}");
        }
    }

    #[test]
    fn all_options_must_match_and_what_a_device_does_not_say_never_does() {
        let options = [
            ("port", "auto"),
            ("vendorid", "051d"),
            ("serial", ".*"),
            ("pollfreq", "30"),
        ];
        let wanted = Wanted::new(options).unwrap();
        assert!(wanted.names(Key::VendorId) && !wanted.names(Key::ProductId));
        assert_eq!(wanted.check(&ups()), Ok(()));
        for serial in [None, Some("  ".to_owned())] {
            let silent = Identity { serial, ..ups() };
            let no = wanted.check(&silent).unwrap_err();
            assert_eq!(no.to_string(), "it says no serial, ups.conf wants \".*\"");
        }
        let other = Identity {
            vendor_id: 0x0463,
            ..ups()
        };
        let no = wanted.check(&other).unwrap_err();
        assert_eq!(
            no.to_string(),
            "its vendorid is \"0463\", ups.conf wants \"051d\""
        );
        assert!(Wanted::default().check(&other).is_ok());
    }

    #[test]
    fn every_bad_expression_is_reported() {
        let long = "x".repeat(PATTERN_MAX + 1);
        let options = [
            ("vendorid", "0x051d"),
            ("product", "a)|(b"),
            ("serial", "["),
            ("bus", "001"),
            ("vendor", &long),
        ];
        let bad = Wanted::new(options).unwrap_err();
        let keys: Vec<_> = bad.iter().map(|bad| bad.key).collect();
        assert_eq!(
            keys,
            [Key::VendorId, Key::Product, Key::Serial, Key::Vendor]
        );
        assert!(bad[0].to_string().contains("without 0x"), "{}", bad[0]);
    }

    #[test]
    fn the_same_device_is_known_again() {
        let before = ups();
        let again = |change: fn(&mut Identity)| {
            let mut now = Identity {
                address: 13,
                ..ups()
            };
            change(&mut now);
            now.likeness(&before)
        };
        assert_eq!(before.path(), "1-2.3");
        assert_eq!(again(|_| {}), Some(Likeness::Port));
        assert_eq!(
            again(|now| now.serial = None),
            Some(Likeness::Port),
            "not read this time"
        );
        assert_eq!(again(|now| now.ports = vec![4]), Some(Likeness::Serial));
        assert_eq!(again(|now| now.bus = 2), Some(Likeness::Serial));
        let unread = |now: &mut Identity| (now.ports, now.serial) = (vec![4], None);
        assert_eq!(again(unread), Some(Likeness::Kind));
        let zeros =
            |now: &mut Identity| (now.ports, now.serial) = (vec![4], Some("000000".to_owned()));
        assert_eq!(
            again(zeros),
            Some(Likeness::Kind),
            "every unit of that make has it"
        );
        assert_eq!(
            again(|now| now.serial = Some("6C".to_owned())),
            None,
            "another unit in this port"
        );
        assert_eq!(again(|now| now.product_id = 3), None);
        assert_eq!(
            again(|now| now.product = Some("Smart-UPS".to_owned())),
            None
        );
        assert!(Likeness::Port > Likeness::Serial && Likeness::Serial > Likeness::Kind);
    }
}
