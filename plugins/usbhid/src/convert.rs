//! Numbers of fields as the text of variables, and back.
//!
//! Refuses to guess: a code no table has is unknown. Standard: USB HID Power Device class 1.1 §4 for codes, Smart
//! Battery Data 1.1 §5.1.26 for dates.

use crate::device::Look;
use crate::row::{Row, Shown, Words};
use husk_driver::wire::line;
use husk_driver::{Value, fixed};
use husk_names::Unit;

/// Tables of words that several makers use.
pub(crate) mod words {
    use crate::row::Words;

    /// AudibleAlarmControl.
    pub(crate) const BEEPER: Words = &[(1, "disabled"), (2, "enabled"), (3, "muted")];
    /// Test, read back.
    pub(crate) const TEST_RESULT: Words = &[
        (1, "Done and passed"),
        (2, "Done and warning"),
        (3, "Done and error"),
        (4, "Aborted"),
        (5, "In progress"),
        (6, "No test initiated"),
        (7, "Test scheduled"),
    ];
    /// A switch that is spoken of as a question.
    pub(crate) const YES_NO: Words = &[(0, "no"), (1, "yes")];
    /// A switch of a load.
    pub(crate) const ON_OFF: Words = &[(0, "off"), (1, "on")];
    /// A switch of a feature.
    pub(crate) const ENABLED: Words = &[(0, "disabled"), (1, "enabled")];
}

/// Zero degrees Celsius in kelvins.
const FREEZING: f64 = 273.15;
/// Kelvins that a UPS may have; other numbers are degrees Celsius from firmware that did not read the standard.
const KELVINS: std::ops::RangeInclusive<f64> = 273.0..=373.0;

/// The text of a variable; `None` is unknown.
pub(crate) fn text(look: &mut Look<'_>, row: &Row, value: f64) -> Option<Value> {
    if !(row.applies)(look) {
        return None;
    }
    let Row { name, shown, .. } = row;
    match shown {
        Shown::Number(factor) => Some(fixed(value * factor, decimals(name))),
        Shown::Kelvin if KELVINS.contains(&value) => Some(fixed(value - FREEZING, decimals(name))),
        Shown::Kelvin => Some(fixed(value, decimals(name))),
        Shown::Word(words) => word(words, value).map(Value::from),
        Shown::Date => date(value).map(Value::from),
        Shown::Text => {
            let index = u8::try_from(value as i64).ok()?;
            look.string(index).map(Value::from)
        }
        Shown::By(show) | Shown::Both(show, _) => show(look, value),
        Shown::Kept(_) => None,
    }
}

/// The number to write for what a client wrote; `None`: the device does not take it.
pub(crate) fn number(look: &mut Look<'_>, shown: &Shown, text: &str) -> Option<f64> {
    match shown {
        Shown::Number(factor) => line::number(text).map(|value| value / factor),
        Shown::Kelvin => line::number(text).map(|value| value + FREEZING),
        Shown::Word(words) => words
            .iter()
            .find(|(_, word)| word.eq_ignore_ascii_case(text))
            .map(|(number, _)| *number as f64),
        Shown::Date => packed(text),
        Shown::Both(_, take) => take(look, text),
        Shown::Text | Shown::By(_) | Shown::Kept(_) => None,
    }
}

/// The word for a number.
pub(crate) fn word(words: Words, value: f64) -> Option<&'static str> {
    words
        .iter()
        .find(|(number, _)| *number as f64 == value)
        .map(|(_, word)| *word)
}

/// Decimals a variable is shown with: what its unit is measured to.
pub(crate) fn decimals(name: &str) -> u8 {
    match husk_names::variable(name).map(|variable| variable.unit) {
        Some(Unit::Volt | Unit::Hertz | Unit::Celsius) => 1,
        Some(Unit::Ampere | Unit::AmpereHour | Unit::Ratio) => 2,
        _ => 0,
    }
}

/// What a date of 0 is: nobody has told the device.
pub(crate) const NOT_SET: &str = "not set";

/// `2024/03/31` of (year - 1980) * 512 + month * 32 + day.
fn date(value: f64) -> Option<String> {
    let packed = u32::try_from(value as i64).ok()?;
    if packed == 0 {
        return Some(NOT_SET.to_owned());
    }
    let (year, month, day) = (1980 + (packed >> 9), packed >> 5 & 15, packed & 31);
    Some(format!("{year:04}/{month:02}/{day:02}"))
}

/// The reverse of [`date`].
fn packed(text: &str) -> Option<f64> {
    let mut parts = text.split(['/', '-']).map(line::whole);
    let mut next = || parts.next().flatten();
    let (year, month, day) = (next()?, next()?, next()?);
    let valid =
        (1980..=2107).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    valid.then(|| f64::from((year - 1980) * 512 + month * 32 + day))
}
