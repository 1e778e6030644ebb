//! The status byte `Q`, and the alert characters that tell of its changes at once.
//!
//! An alert alone changes nothing that is published: on a bad line any byte may be one. It has the status asked for
//! at once, and where it foretells what the status then says, that is two witnesses.

use husk_driver::wire::trace::escape;
use husk_driver::{Report, Word, host::Level, log, word};

/// One bit of the status byte.
struct Bit {
    mask: u8,
    word: Word,
}

#[rustfmt::skip]
static BITS: &[Bit] = &[
    Bit { mask: CALIBRATING, word: word::CAL },
    Bit { mask: TRIM,        word: word::TRIM },
    Bit { mask: BOOST,       word: word::BOOST },
    Bit { mask: ON_LINE,     word: word::OL },
    Bit { mask: ON_BATTERY,  word: word::OB },
    Bit { mask: OVERLOAD,    word: word::OVER },
    Bit { mask: LOW_BATTERY, word: word::LB },
    Bit { mask: REPLACE,     word: word::RB },
];

pub(crate) const CALIBRATING: u8 = 0x01;
const TRIM: u8 = 0x02;
const BOOST: u8 = 0x04;
pub(crate) const ON_LINE: u8 = 0x08;
pub(crate) const ON_BATTERY: u8 = 0x10;
const OVERLOAD: u8 = 0x20;
pub(crate) const LOW_BATTERY: u8 = 0x40;
const REPLACE: u8 = 0x80;

/// One alert character: the bits it takes away and those it sets.
struct Alert {
    byte: u8,
    clears: u8,
    sets: u8,
}

#[rustfmt::skip]
static ALERTS: &[Alert] = &[
    Alert { byte: b'!', clears: ON_LINE,     sets: ON_BATTERY },   // the mains failed; again every 30 s
    Alert { byte: b'$', clears: ON_BATTERY,  sets: ON_LINE },      // the mains are back
    Alert { byte: b'%', clears: 0,           sets: LOW_BATTERY },
    Alert { byte: b'+', clears: LOW_BATTERY, sets: 0 },
    Alert { byte: b'#', clears: 0,           sets: REPLACE },      // again every five hours
    Alert { byte: b'?', clears: 0,           sets: OVERLOAD },
    Alert { byte: b'=', clears: OVERLOAD,    sets: 0 },
    Alert { byte: b'|', clears: 0,           sets: 0 },            // a value in the EEPROM changed
    Alert { byte: b'&', clears: 0,           sets: 0 },            // an alarm of the Measure-UPS
    Alert { byte: b'*', clears: 0,           sets: 0 },            // the output is about to be cut
];

/// Whether a byte is none of an answer but an alert.
pub(crate) fn is_alert(byte: u8) -> bool {
    ALERTS.iter().any(|alert| alert.byte == byte)
}

/// The alerts that came, in their order as far as it matters: what they take away and what they set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alerts {
    clears: u8,
    sets: u8,
}

impl Alerts {
    /// Takes note of a byte if it is an alert.
    pub(crate) fn note(&mut self, byte: u8) {
        let Some(alert) = ALERTS.iter().find(|alert| alert.byte == byte) else {
            return;
        };
        log!(Level::Debug, "alert {}", escape(&[byte]));
        if byte == b'*' {
            log!(Level::Warn, "the UPS says that it is about to switch off");
        }
        self.clears = (self.clears & !alert.sets) | alert.clears;
        self.sets = (self.sets & !alert.clears) | alert.sets;
    }

    /// Whether no alert came that says anything about the status.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// What they make of a status.
    pub(crate) fn foretell(self, status: Status) -> Status {
        Status((status.0 & !self.clears) | self.sets)
    }
}

/// What `Q` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u8);

impl Status {
    /// What is assumed at the end of a shutdown of a unit that does not say: that it is about to run dry.
    pub(crate) const WORST: Self = Self(ON_BATTERY | LOW_BATTERY);

    /// Two hexadecimal digits.
    ///
    /// Trimming and boosting at once is no state of a UPS: during the test of the front panel some older units answer
    /// with all lamps on (FF: on line, on battery, battery low). Whoever believed that would shut down the site.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = u8::from_str_radix(text, 16).ok().filter(|_| digits)?;
        (bits & (TRIM | BOOST) != TRIM | BOOST).then_some(Self(bits))
    }

    pub(crate) fn has(self, mask: u8) -> bool {
        self.0 & mask != 0
    }

    /// Its words; no bit at all: the output is off.
    pub(crate) fn report(self, report: &mut Report) {
        for bit in BITS.iter().filter(|bit| self.has(bit.mask)) {
            report.status(bit.word);
        }
        if self.0 == 0 {
            report.status(word::OFF);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(text: &str) -> Option<String> {
        let mut report = Report::new();
        Status::parse(text)?.report(&mut report);
        Some(report.status_words().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn bits_are_words() {
        for (text, expected) in [
            ("08", "OL"),
            ("10", "OB"),
            ("50", "OB LB"),
            ("0A", "TRIM OL"),
            ("0c", "BOOST OL"),
            ("88", "OL RB"),
            ("29", "CAL OL OVER"),
            ("00", "OFF"),
        ] {
            assert_eq!(words(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["FF", "", "8", "008", "+8", "NA", "OK", "1 ", "\u{661}"] {
            assert_eq!(words(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_of_two_opposite_alerts_counts() {
        let told = |bytes: &[u8], before: &str| {
            let mut alerts = Alerts::default();
            bytes.iter().for_each(|byte| alerts.note(*byte));
            alerts.foretell(Status::parse(before).unwrap()).0
        };
        assert_eq!(told(b"!", "08"), 0x10);
        assert_eq!(told(b"!!%", "08"), 0x50);
        assert_eq!(told(b"!$", "08"), 0x08);
        assert_eq!(told(b"$+", "50"), 0x08);
        assert_eq!(told(b"?", "08"), 0x28);
        assert_eq!(told(b"?=", "08"), 0x08);
        assert_eq!(told(b"#|&*~x", "08"), 0x88);
        let mut none = Alerts::default();
        b"|&*x".iter().for_each(|byte| none.note(*byte));
        assert!(none.is_empty());
    }
}
