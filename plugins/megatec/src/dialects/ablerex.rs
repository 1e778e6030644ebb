//! Ablerex: the Megatec sheet, and binary answers of their own.
//!
//! ```text
//! > Q1\r         < (226.0 195.0 226.0 014 49.0 2.27 30.0 00001000\r      battery: of one cell, or of the string
//! > Q5\r         < ( 01 f4 … 04 d2 03 c0 …\r        words of 16 bits: 1 Hz/10, 7 battery, 9 empty battery, 13 error, 15 A/10
//! > At\r         < ( 00 00 0e 10\r                   seconds
//! > TR\r         < #OK  \r                           how the last test ended
//! ```
//!
//! The charge is told by the voltage of a cell or of a block of 12 V. Source: NUT's notes on Ablerex units.

use super::megatec::{MAKER, OUTPUT_RATING, status};
use crate::commands::{Command, Sends, tell};
use crate::dialect::{Dialect, ask};
use crate::picture::Picture;
use crate::row::{Row, Says};
use husk_driver::wire::line;
use husk_driver::{cmd, var, word};

#[rustfmt::skip]
pub(super) static ABLEREX: Dialect = Dialect {
    name: "ablerex",
    asks: &[
        ask("Q1", b'(', 46, STATUS).each_poll().claims(),
        MAKER.claims(),
        ask("F", b'#', 21, OUTPUT_RATING).once().unless("norating"),
        ask("Q5", b'(', 17, &[]).bytes(17, details),
        ask("At", b'(', 5, &[]).bytes(5, runtime),
        ask("TR", b'#', 5, &[]).bytes(0, test_result),
    ],
    finish,
    commands: COMMANDS,
    ..Dialect::USUAL
};

const STATUS: &[Row] = &status(var::INPUT_FREQUENCY, &[Says::Note(FLAG)]);
const FLAG: &str = "bypass or AVR";

#[rustfmt::skip]
static COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_TOGGLE,            Sends::Text("Q")),
    tell(cmd::LOAD_OFF,                 Sends::Text("S.2")),
    tell(cmd::LOAD_ON,                  Sends::Text("C")),
    tell(cmd::SHUTDOWN_RETURN,          Sends::Return),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::StayOff),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("C")),
    tell(cmd::TEST_BATTERY_START,       Sends::TestFor),
    tell(cmd::TEST_BATTERY_START_DEEP,  Sends::Text("TL")),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
    tell(cmd::TEST_BATTERY_STOP,        Sends::Text("CT")),
];

/// Volts of the battery and of an empty one, in 1200ths of the nominal voltage.
const PARTS: f64 = 1200.0;
const EMPTY: f64 = 960.0;
const FULL: f64 = 1365.0;
const VOLTS: &str = "battery, parts";
const EMPTY_VOLTS: &str = "empty battery, parts";
/// A cell has less, a string of them more.
const CELL_MOST: f64 = 3.0;
/// Volts below which the output is off.
const OFF_BELOW: f64 = 50.0;

fn details(answer: &[u8], picture: &mut Picture) -> Option<()> {
    let word = |at: usize| {
        let pair = answer.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_be_bytes(pair))
    };
    let (hertz, volts, empty) = (word(1)?, word(7)?, word(9)?);
    let (error, amperes) = (word(13)?, word(15)?);
    picture.number(var::OUTPUT_FREQUENCY.as_str(), 0.1 * f64::from(hertz), 1);
    picture.number(var::OUTPUT_CURRENT.as_str(), 0.1 * f64::from(amperes), 1);
    picture.hide(VOLTS, &volts.to_string());
    picture.hide(EMPTY_VOLTS, &empty.to_string());
    if error != 0 {
        picture.alarm(format!("Error {error}"));
    }
    Some(())
}

fn runtime(answer: &[u8], picture: &mut Picture) -> Option<()> {
    let seconds = u32::from_be_bytes(answer.get(1..5)?.try_into().ok()?);
    picture.number(var::BATTERY_RUNTIME.as_str(), seconds.into(), 0);
    Some(())
}

fn test_result(answer: &[u8], picture: &mut Picture) -> Option<()> {
    let text = line::printable(answer.get(1..5)?)?;
    picture.text(var::UPS_TEST_RESULT.as_str(), text.trim());
    Some(())
}

fn finish(picture: &mut Picture) {
    if picture.noted(FLAG) {
        match picture.shown(var::UPS_TYPE.as_str()) {
            Some("online") => picture.word(word::BYPASS),
            _ => picture.says(Says::Regulating),
        }
    }
    if picture
        .alarms()
        .iter()
        .any(|alarm| alarm == super::megatec::SELF_TEST_FAILED)
    {
        picture.word(word::RB);
    }
    if picture
        .get(var::OUTPUT_VOLTAGE)
        .is_some_and(|volts| volts < OFF_BELOW)
    {
        picture.word(word::OFF);
    }
    battery(picture);
}

fn battery(picture: &mut Picture) {
    let (Some(nominal), Some(sent)) = (
        picture.get(var::BATTERY_VOLTAGE_NOMINAL),
        picture.get(var::BATTERY_VOLTAGE),
    ) else {
        return;
    };
    let parts = |picture: &Picture, name| {
        let parts = picture.shown(name).and_then(line::number);
        parts.filter(|parts| *parts > 0.0)
    };
    let volts = match parts(picture, VOLTS) {
        Some(parts) => parts * nominal / PARTS,
        None if sent > CELL_MOST => sent,
        None => sent * 6.0 * nominal / 12.0,
    };
    let empty = parts(picture, EMPTY_VOLTS).unwrap_or(EMPTY) * nominal / PARTS;
    let charge = match sent > CELL_MOST {
        true => percent(BLOCK, sent / (nominal / 12.0)),
        false => percent(CELL, sent),
    };
    picture.number(var::BATTERY_VOLTAGE.as_str(), volts, 2);
    picture.number(var::BATTERY_VOLTAGE_LOW.as_str(), empty, 2);
    picture.number(
        var::BATTERY_VOLTAGE_HIGH.as_str(),
        FULL * nominal / PARTS,
        2,
    );
    picture.number(var::BATTERY_CHARGE.as_str(), charge.into(), 0);
}

/// The percent of the first step that the voltage reaches; steps go down from the first voltage, in hundredths of a
/// volt.
fn percent((highest, step, percents): Steps, volts: f64) -> u8 {
    let hundredths = (volts * 100.0).round() as i64;
    let below = (highest - hundredths).max(0);
    let index = usize::try_from((below + step - 1) / step).unwrap_or(usize::MAX);
    percents.get(index).copied().unwrap_or(0)
}

/// Highest voltage and the step between two, in hundredths of a volt, and the percents.
type Steps = (i64, i64, &'static [u8]);

/// From 2.22 V down by 0.01 V.
#[rustfmt::skip]
const CELL: Steps = (222, 1, &[
    100, 90, 88, 87, 85, 83, 82, 80, 78, 77, 75, 73, 72, 70, 68, 65, 65, 62, 62, 58, 58, 55, 55, 53, 52, 50, 48, 47, 45,
    43, 42, 40, 38, 37, 35, 33, 32, 30, 28, 27, 25, 23, 22, 20, 18, 17, 15, 13, 12, 10, 8, 7, 5, 3, 2, 0,
]);
/// From 13.4 V down by 0.1 V; 13.5 V and more are full.
#[rustfmt::skip]
const BLOCK: Steps = (1350, 10, &[
    100, 90, 90, 88, 86, 83, 80, 77, 74, 72, 69, 66, 63, 61, 58, 55, 52, 49, 47, 44, 41, 38, 36, 33, 30, 27, 24, 22, 19,
    16, 13, 11, 8, 5, 2, 0,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charge_is_that_of_the_step_below() {
        for (volts, expected) in [
            (2.30, 100),
            (2.22, 100),
            (2.21, 90),
            (2.20, 88),
            (1.68, 2),
            (1.67, 0),
            (1.0, 0),
        ] {
            assert_eq!(percent(CELL, volts), expected, "{volts}");
        }
        for (volts, expected) in [
            (13.6, 100),
            (13.5, 100),
            (13.49, 90),
            (13.3, 90),
            (13.2, 88),
            (12.0, 55),
            (10.1, 2),
            (10.0, 0),
            (9.0, 0),
        ] {
            assert_eq!(percent(BLOCK, volts), expected, "{volts}");
        }
    }
}
