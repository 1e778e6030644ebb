//! Every letter that asks for a value: what it means, how its answers look, what they are counted in.
//!
//! Sources: APC's UPS-Link specification for the letters, NUT's driver for the names. Letters that have no name in NUT and stay out: `I` and `J` (alarms of the
//! Measure-UPS), ^U (choice of the output voltage), `\` (load in percent of power), `w`, `7`, `d`, `y` and `z`.

use husk_driver::{Var, var};

/// One letter and the variable it stands for.
pub(crate) struct Letter {
    /// What is sent: one byte, or two that belong together.
    pub(crate) ask: &'static [u8],
    pub(crate) name: Name,
    pub(crate) unit: Unit,
    pub(crate) pace: Pace,
    /// Where one letter has several meanings, or one variable several letters: how the answer must look.
    pub(crate) only: Option<Only>,
}

/// The variable, or one for each of the sensors whose values come in one answer.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    One(Var),
    /// `ambient.` N `.humidity`: values with commas between them, of sensor 1 and on.
    Each(&'static str),
}

/// How an answer becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// As it is.
    Plain,
    /// As it is, and eight bytes of the user's choice.
    Text,
    /// Hours, published as seconds; a word (`ON`, `OFF`) is none.
    Hours,
    /// Minutes, `0042:`, published as seconds.
    Minutes,
    /// A letter for the cause of the last transfer.
    Reason,
}

/// How often it is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A measurement: at every poll.
    Poll,
    /// The highest or lowest since it was asked last: at every poll, and never twice for the same.
    Extreme,
    /// A setting or an identity: hourly.
    Hour,
    /// As [`Hour`](Pace::Hour); when it changes, another unit is on the line.
    Identity,
}

/// Which answers make a letter this variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    /// Two digits, a point, two digits.
    Degrees,
    /// Three digits, a point, a digit.
    Uptime,
    /// `21.3.I`: three parts of letters and digits.
    Revision,
    /// Any.
    Any,
}

impl Only {
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::Degrees => looks(text, "99.99"),
            Self::Uptime => looks(text, "999.9"),
            Self::Revision => {
                let parts: Vec<&str> = text.split('.').collect();
                let part = |part: &&str| {
                    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric())
                };
                parts.len() == 3 && parts.iter().all(part)
            }
            Self::Any => true,
        }
    }
}

const fn row(ask: &'static [u8], name: Var, unit: Unit, pace: Pace) -> Letter {
    Letter {
        ask,
        name: Name::One(name),
        unit,
        pace,
        only: None,
    }
}

const fn measured(ask: &'static [u8], name: Var, unit: Unit) -> Letter {
    row(ask, name, unit, Pace::Poll)
}

const fn extreme(ask: &'static [u8], name: Var, unit: Unit) -> Letter {
    row(ask, name, unit, Pace::Extreme)
}

const fn setting(ask: &'static [u8], name: Var, unit: Unit) -> Letter {
    row(ask, name, unit, Pace::Hour)
}

const fn identity(ask: &'static [u8], name: Var) -> Letter {
    row(ask, name, Plain, Pace::Identity)
}

const fn sensors(ask: &'static [u8], what: &'static str) -> Letter {
    Letter {
        name: Name::Each(what),
        ..measured(ask, var::AMBIENT_TEMPERATURE, Plain)
    }
}

const fn only(only: Only, letter: Letter) -> Letter {
    Letter {
        only: Some(only),
        ..letter
    }
}

use Unit::{Hours, Minutes, Plain, Reason, Text};

/// In the order in which the first that fits wins.
#[rustfmt::skip]
pub(crate) static LETTERS: &[Letter] = &[
    measured(b"C",  var::UPS_TEMPERATURE,        Plain),
    measured(b"P",  var::UPS_LOAD,               Plain),
    setting (b"E",  var::UPS_TEST_INTERVAL,      Hours),
    measured(b"X",  var::UPS_TEST_RESULT,        Plain),
    setting (b"r",  var::UPS_DELAY_START,        Plain),
    setting (b"p",  var::UPS_DELAY_SHUTDOWN,     Plain),
    setting (b"c",  var::UPS_ID,                 Text),
    measured(b"i",  var::UPS_CONTACTS,           Plain),
    setting (b"\x0c", var::UPS_DISPLAY_LANGUAGE, Plain),
    measured(b"L",  var::INPUT_VOLTAGE,          Plain),
    measured(b"F",  var::INPUT_FREQUENCY,        Plain),
    setting (b"s",  var::INPUT_SENSITIVITY,      Plain),
    measured(b"9",  var::INPUT_QUALITY,          Plain),
    setting (b"l",  var::INPUT_TRANSFER_LOW,     Plain),
    setting (b"u",  var::INPUT_TRANSFER_HIGH,    Plain),
    measured(b"G",  var::INPUT_TRANSFER_REASON,  Reason),
    extreme (b"M",  var::INPUT_VOLTAGE_MAXIMUM,  Plain),
    extreme (b"N",  var::INPUT_VOLTAGE_MINIMUM,  Plain),
    measured(b"/",  var::OUTPUT_CURRENT,         Plain),
    measured(b"O",  var::OUTPUT_VOLTAGE,         Plain),
    setting (b"o",  var::OUTPUT_VOLTAGE_NOMINAL, Plain),
    measured(b"h",  var::AMBIENT_HUMIDITY,       Plain),
    sensors (b"H",  "humidity"),
    sensors (b"{",  "humidity.high"),
    sensors (b"}",  "humidity.low"),
    measured(b"t",  var::AMBIENT_TEMPERATURE,    Plain),
    only(Only::Degrees, sensors(b"T", "temperature")),
    sensors (b"[",  "temperature.high"),
    sensors (b"]",  "temperature.low"),
    setting (b"x",  var::BATTERY_DATE,           Text),
    measured(b"f",  var::BATTERY_CHARGE,         Plain),
    setting (b"e",  var::BATTERY_CHARGE_RESTART, Plain),
    measured(b"B",  var::BATTERY_VOLTAGE,        Plain),
    setting (b"g",  var::BATTERY_VOLTAGE_NOMINAL, Plain),
    measured(b"j",  var::BATTERY_RUNTIME,        Minutes),
    setting (b"q",  var::BATTERY_RUNTIME_LOW,    Minutes),
    setting (b">",  var::BATTERY_PACKS,          Plain),
    setting (b"<",  var::BATTERY_PACKS_BAD,      Plain),
    setting (b"k",  var::BATTERY_ALARM_THRESHOLD, Plain),
    only(Only::Uptime, measured(b"T", var::DEVICE_UPTIME, Hours)),
    identity(b"n",  var::UPS_SERIAL),
    setting (b"m",  var::UPS_MFR_DATE,           Plain),
    identity(MODEL, var::UPS_MODEL),
    setting (b"v",  var::UPS_FIRMWARE_AUX,       Plain),
    only(Only::Revision, identity(b"b", var::UPS_FIRMWARE)),
    only(Only::Any,      identity(b"V", var::UPS_FIRMWARE)),
];

/// Letters of two bytes, from the fourth part of the answer to `a` (SPM series). They are no question of shape.
#[rustfmt::skip]
pub(crate) static PAIRS: &[Letter] = &[
    measured(INPUT_HERTZ, var::INPUT_FREQUENCY, Plain),
    measured(b"\x9f\xd4", var::BATTERY_CURRENT, Plain),
];

/// Where the pair for the input's frequency is known, `F` is that of the output.
pub(crate) static OUTPUT_HERTZ: Letter = measured(b"F", var::OUTPUT_FREQUENCY, Plain);

pub(crate) const INPUT_HERTZ: &[u8] = b"\x9f\xd3";
/// ^A
pub(crate) const MODEL: &[u8] = b"\x01";

/// Whether a text is made as a pattern is: `9` a digit, anything else itself.
fn looks(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|pair| match pair {
            (byte, b'9') => byte.is_ascii_digit(),
            (byte, exactly) => byte == exactly,
        })
}

impl Pace {
    /// Whether it is asked for at every poll.
    pub(crate) fn is_measured(self) -> bool {
        matches!(self, Self::Poll | Self::Extreme)
    }

    /// Whether an answer may be believed the first time.
    pub(crate) fn expects(self, text: &str, before: Option<&str>) -> bool {
        match (self, before) {
            (Self::Extreme, None) => looks(text, "999.9"),
            (Self::Extreme, Some(before)) => is_alike(text, before),
            (_, None) => false,
            (Self::Poll, Some(before)) => follows(text, before),
            (Self::Hour | Self::Identity, Some(before)) => text == before,
        }
    }
}

/// Whether two answers are made alike, digit for digit.
fn is_alike(text: &str, before: &str) -> bool {
    let both_digits = |(a, b): (u8, u8)| a == b || (a.is_ascii_digit() && b.is_ascii_digit());
    text.len() == before.len() && text.bytes().zip(before.bytes()).all(both_digits)
}

/// Whether a measurement follows from the one before: digit for digit made alike, and not far from it. Answers have a
/// fixed width, so that a byte lost on the line shows; a digit that became another shows where it matters.
fn follows(text: &str, before: &str) -> bool {
    let number = |text: &str| husk_driver::wire::line::number(text.trim_end_matches(':'));
    let near = match (number(text), number(before)) {
        (Some(now), Some(before)) => (now - before).abs() <= STEP + before * STEP_PART,
        _ => text == before,
    };
    is_alike(text, before) && near
}

/// What a measurement may change by from one poll to the next without being asked for again: two volts, percent, hertz
/// or minutes, and a twentieth.
const STEP: f64 = 2.0;
const STEP_PART: f64 = 0.05;

/// Sensors whose values one answer may hold.
const SENSORS_MAX: usize = 4;

impl Letter {
    /// The variables an answer stands for, and their values; what cannot be read is left out.
    pub(crate) fn values(&self, text: &str) -> Vec<(String, String)> {
        let text = text.trim_end();
        match self.name {
            Name::One(name) => {
                let value = self.unit.convert(text);
                value
                    .map(|value| (name.as_str().to_owned(), value))
                    .into_iter()
                    .collect()
            }
            Name::Each(what) => {
                let fields = text.split(',').take(SENSORS_MAX).enumerate();
                let filled = fields.filter(|(_, field)| !field.trim().is_empty());
                let value = |(at, field): (usize, &str)| {
                    (
                        format!("ambient.{}.{what}", at + 1),
                        field.trim().to_owned(),
                    )
                };
                filled.map(value).collect()
            }
        }
    }

    /// Whether it stands for this variable.
    pub(crate) fn is_called(&self, variable: &str) -> bool {
        matches!(self.name, Name::One(name) if name.as_str() == variable)
    }
}

impl Unit {
    /// The value clients read for an answer; `None`: it makes no sense.
    pub(crate) fn convert(self, text: &str) -> Option<String> {
        match self {
            Self::Plain | Self::Text => Some(text.to_owned()),
            Self::Hours => {
                let words =
                    !text.is_empty() && text.trim_end().bytes().all(|b| b.is_ascii_uppercase());
                let hours = if words {
                    Some(0)
                } else {
                    whole(text.split('.').next()?)
                };
                hours.map(|hours| (u64::from(hours) * 3600).to_string())
            }
            Self::Minutes => whole(text.strip_suffix(':').unwrap_or(text))
                .map(|minutes| (u64::from(minutes) * 60).to_string()),
            Self::Reason => Some(
                match text {
                    "R" => "unacceptable utility voltage rate of change",
                    "H" => "high utility voltage",
                    "L" => "low utility voltage",
                    "T" => "line voltage notch or spike",
                    "O" => "no transfers yet since turnon",
                    "S" => "simulated power failure or UPS test",
                    other => other,
                }
                .to_owned(),
            ),
        }
    }
}

fn whole(text: &str) -> Option<u32> {
    husk_driver::wire::line::whole(text.trim())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn values(ask: &[u8], text: &str) -> String {
        let letter = LETTERS.iter().find(|letter| letter.ask == ask).unwrap();
        let values: Vec<String> = letter
            .values(text)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        values.join(" ")
    }

    #[test]
    fn answers_become_values() {
        for (ask, text, expected) in [
            (&b"E"[..], "336", "ups.test.interval=1209600"),
            (b"E", "ON ", "ups.test.interval=0"),
            (b"E", "OFF", "ups.test.interval=0"),
            (b"E", "3x6", ""),
            (b"j", "0042:", "battery.runtime=2520"),
            (b"j", "42", "battery.runtime=2520"),
            (b"j", "4:2", ""),
            (b"q", "02", "battery.runtime.low=120"),
            (b"P", "009.1", "ups.load=009.1"),
            (
                b"G",
                "S",
                "input.transfer.reason=simulated power failure or UPS test",
            ),
            (b"G", "Z", "input.transfer.reason=Z"),
            (
                b"H",
                "45.2,,39.1",
                "ambient.1.humidity=45.2 ambient.3.humidity=39.1",
            ),
            (
                b"]",
                "1,2,3,4,5",
                "ambient.1.temperature.low=1 ambient.2.temperature.low=2 ambient.3.temperature.low=3 ambient.4.temperature.low=4",
            ),
            (b"T", "24.50", "ambient.1.temperature=24.50"),
            (MODEL, "SMART-UPS 700   ", "ups.model=SMART-UPS 700"),
        ] {
            assert_eq!(values(ask, text), expected, "{text}");
        }
        let uptime = LETTERS
            .iter()
            .find(|letter| letter.only == Some(Only::Uptime));
        assert_eq!(uptime.unwrap().values("123.4")[0].1, "442800");
    }

    #[test]
    fn a_measurement_follows_from_the_one_before_or_is_a_surprise() {
        for (text, before) in [
            ("231.8", "229.4"),
            ("009.1", "009.9"),
            ("0042:", "0043:"),
            ("13.61", "13.40"),
            ("S", "S"),
        ] {
            assert!(follows(text, before), "{text} after {before}");
        }
        for text in [
            "31.8", "2318", "231.", "2 1.8", "231.8 ", "231,8", "031.8", "000.0", "271.8", "NA", "",
        ] {
            assert!(!follows(text, "231.8"), "{text}");
        }
        for (text, before) in [
            ("H", "S"),
            ("0142:", "0042:"),
            ("000.0", "100.0"),
            ("00", "FF"),
            ("9.9", "10.0"),
        ] {
            assert!(!follows(text, before), "{text} after {before}");
        }
    }

    #[test]
    fn parts_of_a_revision() {
        assert!(
            Only::Revision.fits("21.3.I")
                && !Only::Revision.fits("DWI")
                && !Only::Revision.fits("1..I")
        );
        assert!(Only::Degrees.fits("24.50") && !Only::Degrees.fits("024.5"));
        assert!(Only::Uptime.fits("123.4") && !Only::Uptime.fits("24.50"));
    }

    #[test]
    fn every_letter_stands_in_the_table_once_or_says_when_it_is_which() {
        for (at, letter) in LETTERS.iter().enumerate() {
            let again = LETTERS[at + 1..]
                .iter()
                .any(|other| other.ask == letter.ask);
            assert!(!again || letter.only.is_some());
        }
    }
}
