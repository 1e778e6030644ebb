//! Voltronic's QS: small line-interactive units, among them Salicru SPS One.
//!
//! ```text
//! > M\r          < H\r                                                V and H are of this dialect
//! > QS\r         < (228.6 228.7 228.6 000 50.0 13.5 --.- 00001000\r   as Q1, the frequency is that of the output
//! > F\r          < #230.0 003 12.00 50.0\r
//! > QI\r         < (099 02920 50.1 000.0 169 279 0 0000010000102000\r
//!                   charge, runtime in seconds, input Hz, amperes, transfer voltages
//! ```
//!
//! Source: Voltronic's QS sheet.

use super::megatec::{OUTPUT_RATING, status};
use crate::commands::{Command, Sends, tell};
use crate::delays::Spans;
use crate::dialect::{Ask, Dialect, ask, ask_bare};
use crate::row::{HERTZ, Row, Says, VOLTS, WHOLE, at, rest};
use husk_driver::{cmd, var};

#[rustfmt::skip]
pub(super) static VOLTRONIC_QS: Dialect = Dialect {
    name: "voltronic-qs",
    asks: &[
        KIND,
        ask("QS", b'(', 46, QS).each_poll().claims(),
        ask("F", b'#', 21, OUTPUT_RATING).once().unless("norating"),
        ask("QI", b'(', 48, QI).often(),
    ],
    commands: &COMMANDS,
    spans: Some(Spans::VOLTRONIC_QS),
    ..Dialect::USUAL
};

const KIND: Ask = ask_bare(
    "M",
    1,
    &[rest(0).by(|text, picture| {
        let kind = match text {
            "V" => "PM-V",
            "H" => "PM-H",
            _ => return None,
        };
        picture.text(var::UPS_FIRMWARE_AUX.as_str(), kind);
        Some(())
    })],
)
.once()
.claims();

const QS: &[Row] = &status(var::OUTPUT_FREQUENCY, &[Says::Regulating]);

#[rustfmt::skip]
const QI: &[Row] = &[
    at(1, 3).number(var::BATTERY_CHARGE, WHOLE),
    at(5, 9).number(var::BATTERY_RUNTIME, &["00000"]),
    at(11, 14).number(var::INPUT_FREQUENCY, HERTZ),
    at(16, 20).number(var::OUTPUT_CURRENT, VOLTS),
    at(22, 24).number(var::INPUT_TRANSFER_LOW, WHOLE),
    at(26, 28).number(var::INPUT_TRANSFER_HIGH, WHOLE),
];

#[rustfmt::skip]
pub(super) const COMMANDS: [Command; 7] = [
    tell(cmd::BEEPER_TOGGLE,            Sends::Text("Q")),
    tell(cmd::LOAD_OFF,                 Sends::Text("S00R0000")),
    tell(cmd::LOAD_ON,                  Sends::Text("C")),
    tell(cmd::SHUTDOWN_RETURN,          Sends::Return),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::StayOff),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("C")),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
];
