//! Gtec: the status is a run of letters, of which A, C and M say where the power comes from.
//!
//! ```text
//! > Q4\r         < (236.7 243.2 212.1 220.1 230.4 002 001 50.0 371 372 041.3 22.9 IM\r
//!                   input, -, -, fault, output, -, load, Hz, -, -, battery, °C, letters
//! ```
//!
//! Source: NUT's notes on Gtec ZP120N.

use super::megatec::{MAKER, RATING};
use crate::dialect::{Dialect, ask};
use crate::picture::Picture;
use crate::row::{CELSIUS, HERTZ, Row, STRING, Says, VOLTS, WHOLE, at, rest};
use husk_driver::{var, word};

#[rustfmt::skip]
pub(super) static GTEC: Dialect = Dialect {
    name: "gtec",
    asks: &[
        ask("Q4", b'(', 64, Q4).each_poll().claims(),
        MAKER.claims(),
        RATING,
    ],
    ..Dialect::USUAL
};

#[rustfmt::skip]
const Q4: &[Row] = &[
    at(1, 5).number(var::INPUT_VOLTAGE, VOLTS),
    at(19, 23).number(var::INPUT_VOLTAGE_FAULT, VOLTS),
    at(25, 29).number(var::OUTPUT_VOLTAGE, VOLTS),
    at(35, 37).number(var::UPS_LOAD, WHOLE),
    at(39, 42).number(var::INPUT_FREQUENCY, HERTZ),
    at(52, 56).number(var::BATTERY_VOLTAGE, STRING),
    at(58, 61).number(var::UPS_TEMPERATURE, CELSIUS),
    rest(63).by(letters),
];

/// Each letter, one after the other; those nobody has listed say nothing. None of A, C and M: the output is
/// off, unless its voltage says that a letter was lost. A and M cannot be together.
fn letters(text: &str, picture: &mut Picture) -> Option<()> {
    let text = text.trim_end();
    if text.bytes().any(|letter| !letter.is_ascii_uppercase()) {
        return None;
    }
    picture.says(Says::Mains(true));
    for letter in text.bytes() {
        let row = LETTERS.iter().find(|(known, _)| *known == letter);
        for says in row.into_iter().flat_map(|(_, says)| says.iter()) {
            picture.says(*says);
        }
    }
    let [failed, bypass, normal] = ['A', 'C', 'M'].map(|letter| text.contains(letter));
    let fed = picture
        .get(var::OUTPUT_VOLTAGE)
        .is_none_or(|volts| volts >= FED);
    match (failed || bypass || normal, fed) {
        (false, true) => return None,
        (false, false) => picture.word(word::OFF),
        _ if failed && normal => return None,
        _ => {}
    }
    Some(())
}

/// Volts from which on the output is not off, whatever letter was lost on the way.
const FED: f64 = 50.0;

#[rustfmt::skip]
const LETTERS: &[(u8, &[Says])] = &[
    (b'A', &[Says::Mains(false)]),
    (b'B', &[Says::Is(word::LB)]),
    (b'C', &[Says::Is(word::BYPASS)]),
    (b'D', &[Says::Alarm("The UPS has failed")]),
    (b'E', &[Says::Value(var::UPS_TEST_RESULT, "test in progress")]),
    (b'F', &[Says::ShuttingDown]),
    (b'G', &[Says::Alarm("The wiring of the site is wrong")]),
    (b'H', &[Says::Alarm("The memory of the settings has failed")]),
    (b'I', &[Says::Value(var::UPS_TEST_RESULT, "passed")]),
    (b'J', &[Says::Value(var::UPS_TEST_RESULT, "failed"), Says::Is(word::RB)]),
    (b'K', &[Says::Value(var::UPS_TEST_RESULT, "battery disconnected")]),
    (b'L', &[Says::Value(var::UPS_TEST_RESULT, "unknown")]),
    (b'M', &[]),
    (b'N', &[Says::Is(word::OVER)]),
    (b'P', &[Says::Alarm("The battery is disconnected")]),
];
