//! Voltronic's hexadecimal QS: the same units with a binary status.
//!
//! ```text
//! > M\r          < P\r                    P and T are of this dialect; T also tells what it is made for
//! > QS\r         < #6c01 35 6c01 35 03 519a 1312d0 e6 1e 09\r        the bytes of each field, here in hexadecimal
//!                   input, its unit; output, its unit; load; frequency, as two numbers; battery, its unit; flags
//! > T\r          < N\r                    no
//! ```
//!
//! Bytes that mean something on the line are sent as `(` and one more byte. Source: NUT's documentation of these units and
//! logs in its issues.

use super::megatec::FLAGS;
use super::qs::COMMANDS as QS_COMMANDS;
use crate::commands::Command;
use crate::delays::Spans;
use crate::dialect::{Dialect, Replies, ask, ask_bare};
use crate::picture::Picture;
use crate::row::rest;
use husk_driver::var;

#[rustfmt::skip]
pub(super) static VOLTRONIC_QS_HEX: Dialect = Dialect {
    name: "voltronic-qs-hex",
    asks: &[
        ask_bare("M", 1, &[rest(0).by(kind)]).once().claims(),
        ask("QS", b'#', 23, &[]).bytes(0, status).each_poll().claims(),
    ],
    commands: COMMANDS,
    spans: Some(Spans::VOLTRONIC_QS),
    replies: Replies { no: Some("N"), ..Replies::USUAL },
    ..Dialect::USUAL
};

/// The test is only for a T.
static COMMANDS: &[Command] = &{
    let [beeper, off, on, back, stay, stop, test] = QS_COMMANDS;
    let test = test.only(|picture| picture.noted(RATED));
    [beeper, off, on, back, stay, stop, test]
};

/// It is a T.
const RATED: &str = "tells its ratings";

fn kind(letter: &str, picture: &mut Picture) -> Option<()> {
    let kind = match letter {
        "P" => "PM-P",
        "T" => "PM-T",
        _ => return None,
    };
    picture.text(var::UPS_FIRMWARE_AUX.as_str(), kind);
    if letter == "T" {
        picture.note(RATED);
    }
    Some(())
}

/// Highest frequency shown; a unit without output divides by next to nothing.
const HERTZ_MOST: f64 = 99.9;
/// What voltages are counted in: 256 · 51 parts of a volt times the unit, and 510 for the battery.
const LINE_PARTS: u64 = 51;
const BATTERY_PARTS: f64 = 510.0;

fn status(answer: &[u8], picture: &mut Picture) -> Option<()> {
    let fields = fields(answer.strip_prefix(b"#")?)?;
    let (ten, ratings) = match fields.as_slice() {
        [ten @ .., ratings] if ten.len() == 10 => (ten, Some(ratings)),
        ten => (ten, None),
    };
    let [
        input,
        in_unit,
        output,
        out_unit,
        load,
        time,
        count,
        volts,
        unit,
        flags,
    ] = ten
    else {
        return None;
    };
    let widths = [2, 1, 2, 1, 1, 2, 3, 1, 1, 1];
    if !ten
        .iter()
        .zip(widths)
        .all(|(field, width)| field.len() == width)
    {
        return None;
    }
    let line =
        |volts: &[u8], unit: &[u8]| (number(volts) * number(unit) / LINE_PARTS) as f64 / 256.0;
    picture.number(var::INPUT_VOLTAGE.as_str(), line(input, in_unit), 1);
    picture.number(var::OUTPUT_VOLTAGE.as_str(), line(output, out_unit), 1);
    picture.number(var::UPS_LOAD.as_str(), number(load) as f64, 0);
    if number(time) > 0 {
        let hertz = (number(count) as f64 / number(time) as f64).min(HERTZ_MOST);
        picture.number(var::OUTPUT_FREQUENCY.as_str(), hertz, 1);
    }
    let battery = (number(volts) * number(unit)) as f64 / BATTERY_PARTS;
    picture.number(var::BATTERY_VOLTAGE.as_str(), battery, 2);
    let flags = number(flags);
    for (at, (zero, one)) in FLAGS.iter().enumerate() {
        let says = if flags >> (7 - at) & 1 == 1 {
            one
        } else {
            zero
        };
        says.iter().for_each(|says| picture.says(*says));
    }
    match ratings {
        Some(ratings) if picture.noted(RATED) && ratings.len() == 1 => {
            rated(number(ratings), picture)
        }
        Some(ratings) if ratings.len() != 1 => return None,
        _ => {}
    }
    Some(())
}

/// From the left: one bit of frequency, two of battery, two unused, three of voltage.
fn rated(bits: u64, picture: &mut Picture) {
    let hertz = if bits & 0x80 == 0 { 50.0 } else { 60.0 };
    picture.number(var::OUTPUT_FREQUENCY_NOMINAL.as_str(), hertz, 1);
    let battery = 12.0 * (1 + (bits >> 5 & 3)) as f64;
    picture.number(var::BATTERY_VOLTAGE_NOMINAL.as_str(), battery, 1);
    let volts = match bits & 7 {
        0 => 110.0,
        1 => 120.0,
        2 => 220.0,
        3 => 230.0,
        4 => 240.0,
        _ => return,
    };
    picture.number(var::OUTPUT_VOLTAGE_NOMINAL.as_str(), volts, 1);
}

/// Cuts at blanks and puts back the bytes that were sent as two.
fn fields(answer: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = vec![Vec::new()];
    let mut bytes = answer.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = match (byte, bytes.peek()) {
            (b'(', Some(0)) => Some(b'\r'),
            (b'(', Some(1)) => Some(0x11),
            (b'(', Some(2)) => Some(0x13),
            (b'(', Some(3)) => Some(b'\n'),
            (b'(', Some(4)) => Some(b' '),
            (b' ', _) => {
                fields.push(Vec::new());
                continue;
            }
            _ => None,
        };
        if escaped.is_some() {
            bytes.next();
        }
        fields.last_mut()?.push(escaped.unwrap_or(byte));
    }
    Some(fields)
}

/// Bytes as a number, the high one first.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
