//! From what an agent says to what clients read, and back.
//!
//! Time is hundredths of a second and becomes seconds; then comes the row's factor. Numbers are printed whole when they
//! are, else with two decimals.
//!
//! Refuses texts that are not numbers where a number is wanted: no zero is made of garbage.

use crate::table::{By, Lookup, Row};
use husk_driver::SnmpValue;

/// Bytes of a text that are shown: as many as the incumbent's.
const SHOWN_MAX: usize = 127;
/// Bytes shown in hexadecimal: as many as NUT has in a line.
const HEXADECIMAL_MAX: usize = 16;
/// Numbers beyond are no reading of any device (and no exact f64).
const WHOLE_MAX: f64 = 1e15;

/// The number an agent says, seconds for times.
pub(crate) fn number(value: &SnmpValue) -> Option<f64> {
    match value {
        SnmpValue::Integer(number) => Some(f64::from(*number)),
        // A gauge stops there when what it measures goes on (RFC 2578, 7.1.7); agents put it where they know nothing, too.
        SnmpValue::Gauge32(u32::MAX) => None,
        SnmpValue::Counter32(number) | SnmpValue::Gauge32(number) => Some(f64::from(*number)),
        SnmpValue::TimeTicks(hundredths) => Some(f64::from(*hundredths / 100)),
        SnmpValue::Counter64(number) => Some(*number as f64),
        SnmpValue::Octets(bytes) | SnmpValue::Opaque(bytes) => {
            numeric(std::str::from_utf8(bytes).ok()?)
        }
        _ => None,
    }
}

/// The whole number an agent says; a text must be nothing else.
pub(crate) fn whole(value: &SnmpValue) -> Option<i64> {
    if let SnmpValue::Octets(bytes) | SnmpValue::Opaque(bytes) = value {
        return std::str::from_utf8(bytes).ok()?.trim().parse().ok();
    }
    let number = number(value)?;
    (number.fract() == 0.0 && number.abs() < WHOLE_MAX).then_some(number as i64)
}

/// A number at the beginning of a text, with nothing but a unit behind it; `0x` for hexadecimal ones.
fn numeric(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if let Some(digits) = text.strip_prefix("0x") {
        return u32::from_str_radix(digits, 16).ok().map(f64::from);
    }
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    let end = text.find(|c| !digits(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start();
    let is_unit = unit.len() <= 3 && unit.chars().all(|c| c.is_alphabetic() || "%°".contains(c));
    number.parse().ok().filter(|_| is_unit)
}

/// What a row shows of a value; `unit` is what the object of [`By::Unit`] says.
pub(crate) fn show(
    row: &Row,
    lookup: Option<&Lookup>,
    value: &SnmpValue,
    unit: Option<&SnmpValue>,
) -> Option<String> {
    match &row.by {
        By::Present => return Some("yes".to_owned()),
        By::Items => return items(value),
        By::Unit(_) => return celsius(number(value)? * row.factor, unit),
        By::Itself | By::UsDate => {}
    }
    if row.text.is_some() {
        let text = text(value, lookup)?;
        if row.invalid.not_available && text.starts_with("N/A") {
            return None;
        }
        return Some(match row.by {
            By::UsDate => iso_date(&text).unwrap_or(text),
            _ => text,
        });
    }
    let number = number(value)?;
    if (row.invalid.negative && number < 0.0) || (row.invalid.zero && number == 0.0) {
        return None;
    }
    let words = lookup.and_then(|words| word(words, whole(value)?));
    match words {
        Some(word) => Some(word.to_owned()),
        None => printed(number * row.factor),
    }
}

/// What a number stands for.
pub(crate) fn word(words: &Lookup, number: i64) -> Option<&'static str> {
    let mut words = words.iter();
    words
        .find(|(known, _)| *known == number)
        .map(|(_, word)| *word)
}

/// Whole, or with two decimals.
pub(crate) fn printed(number: f64) -> Option<String> {
    if number.is_nan() || number.abs() >= WHOLE_MAX {
        return None;
    }
    let hundredths = (number * 100.0).round() as i64;
    let (whole, part) = (hundredths / 100, hundredths.abs() % 100);
    Some(match (part, whole) {
        (0, _) => whole.to_string(),
        (_, 0) if hundredths < 0 => format!("-0.{part:02}"),
        _ => format!("{whole}.{part:02}"),
    })
}

/// Degrees Celsius of what is in the unit told; where none is told they are degrees Celsius.
fn celsius(number: f64, unit: Option<&SnmpValue>) -> Option<String> {
    let (zero, degrees) = scale(unit)?;
    printed(((number - zero) / degrees * 10.0).round() / 10.0)
}

/// Where zero degrees Celsius are in a unit, and how many of it one degree is.
fn scale(unit: Option<&SnmpValue>) -> Option<(f64, f64)> {
    match unit.map_or(Some(1), whole)? {
        0 => Some((273.15, 1.0)),
        1 => Some((0.0, 1.0)),
        2 => Some((32.0, 1.8)),
        _ => None,
    }
}

fn text(value: &SnmpValue, lookup: Option<&Lookup>) -> Option<String> {
    let shown = match value {
        SnmpValue::Octets(bytes) | SnmpValue::Opaque(bytes) => shown(bytes)?,
        SnmpValue::IpAddress([a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        _ => match lookup {
            Some(words) => word(words, whole(value)?)?.to_owned(),
            None => whole(value)?.to_string(),
        },
    };
    Some(shown)
}

/// The first line of a text, in ASCII; bytes that are no text, as addresses are, in hexadecimal; zeros alone are
/// nothing.
fn shown(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n'));
    let line = lines.next()?;
    let Some(end) = line.iter().rposition(|byte| *byte != 0) else {
        return line.is_empty().then(String::new);
    };
    let shown = match std::str::from_utf8(line.get(..=end)?) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\t') => {
            let ascii = |c: char| match c {
                '\t' => ' ',
                c if c.is_ascii() => c,
                _ => '?',
            };
            text.chars().take(SHOWN_MAX).map(ascii).collect()
        }
        _ => hexadecimal(bytes.get(..HEXADECIMAL_MAX).unwrap_or(bytes)),
    };
    Some(shown)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let pairs = bytes.iter().map(|byte| format!("{byte:02X}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// `MM/DD/YYYY` as `YYYY-MM-DD`.
fn iso_date(text: &str) -> Option<String> {
    let mut parts = text.trim().split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, many| part.len() == many && part.bytes().all(|b| b.is_ascii_digit());
    let whole = digits(month, 2) && digits(day, 2) && digits(year, 4) && parts.next().is_none();
    whole.then(|| format!("{year}-{month}-{day}"))
}

/// `YYYY-MM-DD` as `MM/DD/YYYY`.
fn us_date(text: &str) -> Option<String> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let american = format!("{month}/{day}/{year}");
    iso_date(&american)
        .filter(|_| parts.next().is_none())
        .map(|_| american)
}

fn items(value: &SnmpValue) -> Option<String> {
    let SnmpValue::Octets(bytes) = value else {
        return whole(value).map(|count| count.to_string());
    };
    let text = std::str::from_utf8(bytes).ok()?;
    let number = |item: &str| item.trim().parse::<u32>().is_ok();
    let items = || text.split(',');
    items().all(number).then(|| items().count().to_string())
}

/// What is written for a client's text, in the type that `like` has; `unit` as in [`show`].
pub(crate) fn take(
    row: &Row,
    lookup: Option<&Lookup>,
    client: &str,
    like: Option<&SnmpValue>,
    unit: Option<&SnmpValue>,
) -> Option<SnmpValue> {
    let most = row.text.unwrap_or(u32::MAX) as usize;
    if let Some(words) = lookup {
        let known = words
            .iter()
            .find(|(_, word)| !word.is_empty() && *word == client);
        return typed(known?.0 as f64, like);
    }
    if row.text.is_some() {
        if client.len() > most {
            return None;
        }
        let client = match row.by {
            By::UsDate => us_date(client)?,
            _ => client.to_owned(),
        };
        return match like {
            Some(SnmpValue::Octets(_) | SnmpValue::Opaque(_)) | None => {
                Some(SnmpValue::Octets(client.into_bytes()))
            }
            like => typed(client.parse().ok()?, like),
        };
    }
    let number: f64 = client
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let number = match row.by {
        By::Unit(_) => {
            let (zero, degrees) = scale(unit)?;
            number * degrees + zero
        }
        _ => number,
    };
    typed((number / row.factor).round(), like)
}

/// A number in the type of `like`: INTEGER when nothing is known.
pub(crate) fn typed(number: f64, like: Option<&SnmpValue>) -> Option<SnmpValue> {
    let within = |low: f64, high: f64| (low..=high).contains(&number) && number.fract() == 0.0;
    let unsigned = || within(0.0, f64::from(u32::MAX)).then_some(number as u32);
    match like {
        Some(SnmpValue::Gauge32(_)) => unsigned().map(SnmpValue::Gauge32),
        Some(SnmpValue::Counter32(_)) => unsigned().map(SnmpValue::Counter32),
        Some(SnmpValue::TimeTicks(_)) => unsigned()?.checked_mul(100).map(SnmpValue::TimeTicks),
        Some(SnmpValue::Octets(_)) => printed(number).map(|text| SnmpValue::Octets(text.into())),
        _ => within(f64::from(i32::MIN), f64::from(i32::MAX))
            .then_some(SnmpValue::Integer(number as i32)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn octets(text: &str) -> SnmpValue {
        SnmpValue::Octets(text.into())
    }

    #[test]
    fn numbers_are_whole_or_have_two_decimals() {
        for (number, text) in [
            (230.0, "230"),
            (-1.0, "-1"),
            (0.1 * 546.0, "54.60"),
            (-0.05, "-0.05"),
            (-2.5, "-2.50"),
            (4_294_967_295.0, "4294967295"),
            (0.001, "0"),
        ] {
            assert_eq!(printed(number).as_deref(), Some(text));
        }
        assert_eq!(printed(f64::NAN), None);
        assert_eq!(printed(1e300), None);
    }

    #[test]
    fn no_number_is_made_of_a_text_that_is_none() {
        for (text, expected) in [
            ("230", Some(230.0)),
            (" 23.5 ", Some(23.5)),
            ("-7\0", Some(-7.0)),
            ("0x1f", Some(31.0)),
            ("50.0 Hz", Some(50.0)),
            ("", None),
            ("N/A", None),
            ("1.2.3", None),
            ("12 of 20", None),
            ("--", None),
        ] {
            assert_eq!(number(&octets(text)), expected, "{text:?}");
        }
        assert_eq!(whole(&octets("5 OB")), None);
        assert_eq!(number(&SnmpValue::TimeTicks(4599)), Some(45.0));
    }

    #[test]
    fn a_gauge_at_its_end_is_unknown() {
        assert_eq!(number(&SnmpValue::Gauge32(u32::MAX)), None);
        assert_eq!(
            number(&SnmpValue::Gauge32(u32::MAX - 1)),
            Some(4_294_967_294.0)
        );
        assert_eq!(
            number(&SnmpValue::Counter32(u32::MAX)),
            Some(4_294_967_295.0)
        );
    }

    #[test]
    fn texts_are_ascii_and_addresses_hexadecimal() {
        for (bytes, expected) in [
            (&b"Smart-UPS \0\0"[..], Some("Smart-UPS ")),
            (b"one\r\ntwo", Some("one")),
            (b"a\tb", Some("a b")),
            ("Caf\u{e9}".as_bytes(), Some("Caf?")),
            (b"\x2c\x59\xe5\xdc\x9c\x6c", Some("2C 59 E5 DC 9C 6C")),
            (b"\0\0\0", None),
            (b"", Some("")),
        ] {
            assert_eq!(shown(bytes).as_deref(), expected, "{bytes:?}");
        }
        assert_eq!(shown(&[b'x'; 300]).unwrap().len(), 127);
    }

    #[test]
    fn dates_go_both_ways() {
        assert_eq!(iso_date("03/04/2025").as_deref(), Some("2025-03-04"));
        assert_eq!(us_date("2025-03-04").as_deref(), Some("03/04/2025"));
        assert_eq!(iso_date("3/4/25"), None);
        assert_eq!(us_date("today"), None);
    }
}
