//! Three-phase units: Q2, Q6, and Inno's Innova RT 3/1 and 3/3.
//!
//! ```text
//! > Q6\r         < (227.0 225.6 230.0 50.0 229.9 000.0 000.0 49.9 007 000 000 327.8 000.0 23.0 06932 100 32 00000000 00000000 11\r
//!                   input (3), Hz, output (3), Hz, load (3), battery + and -, °C, seconds, percent, …, topology
//! > WA\r         < (001.4 000.0 000.0 001.4 000.0 000.0 001.4 001.4 006.5 000.0 000.0 007 00000000\r
//!                   kW (3), kVA (3), kW, kVA, A (3), load, flags
//! > BPS\r        < (230.4 000.0 000.0 49.9\r                    bypass
//! > FW?\r        < 05516-1100\r
//! > SASV07?\r    < GASV07DN05K10KB100004       \r
//! > Q1\r         < (226.0 195.0 226.0 014 49.0 2.25 30.0 00001000\r      only the flags count
//! ```
//!
//! Sources: Inno's sheets for Q2 and Q6; NUT's notes on Ippon Innova RT.

use super::megatec::{FLAGS, RATING};
use crate::commands::{Command, Sends, tell};
use crate::dialect::{Ask, Dialect, ask, ask_bare};
use crate::row::{CELSIUS, HERTZ, Row, Shapes, VOLTS, WHOLE, Words, at, end, rest};
use husk_driver::{cmd, var};

#[rustfmt::skip]
pub(super) static Q2: Dialect = Dialect {
    name: "q2",
    asks: &[ask("Q2", b'(', 117, Q2_ROWS).claims(), STATUS, POWERS],
    constants: THREE_TO_THREE,
    ..Dialect::USUAL
};

#[rustfmt::skip]
pub(super) static Q6: Dialect = Dialect {
    name: "q6",
    asks: &[ask("Q6", b'(', 109, Q6_ROWS).claims(), STATUS, POWERS],
    constants: THREE_TO_THREE,
    ..Dialect::USUAL
};

#[rustfmt::skip]
pub(super) static INNOVART31: Dialect = Dialect {
    name: "innovart31",
    asks: &[
        ask("Q6", b'(', 109, Q6_31).claims(),
        STATUS,
        ask("WA", b'(', 79, POWER_31).claims(),
        ask("BPS", b'(', 23, BYPASS_31).claims(),
        FIRMWARE, SERIAL, NOMINAL,
    ],
    constants: &[(var::INPUT_PHASES.as_str(), "3"), (BYPASS_PHASES, "1"), (var::OUTPUT_PHASES.as_str(), "1")],
    commands: NO_BEEPER,
    ..Dialect::USUAL
};

#[rustfmt::skip]
pub(super) static INNOVART33: Dialect = Dialect {
    name: "innovart33",
    asks: &[
        ask("Q6", b'(', 109, Q6_33).claims(),
        STATUS,
        ask("WA", b'(', 79, POWERS_ROWS).claims(),
        ask("BPS", b'(', 23, BYPASS_33).claims(),
        FIRMWARE, SERIAL, NOMINAL,
    ],
    constants: &[(var::INPUT_PHASES.as_str(), "3"), (BYPASS_PHASES, "3"), (var::OUTPUT_PHASES.as_str(), "3")],
    commands: NO_BEEPER,
    ..Dialect::USUAL
};

const STATUS: Ask = ask("Q1", b'(', 46, &STATUS_ROWS).each_poll().claims();
const POWERS: Ask = ask("WA", b'(', 79, POWERS_ROWS)
    .claims()
    .unless("nooutstats");
const FIRMWARE: Ask = ask_bare("FW?", 1, &[rest(0).text(var::UPS_FIRMWARE)])
    .once()
    .claims();
const SERIAL: Ask = ask_bare("SASV07?", 27, &[rest(7).text(var::UPS_SERIAL)])
    .once()
    .claims();
const NOMINAL: Ask = Ask {
    unless: None,
    ..RATING
}
.claims();

const THREE_TO_THREE: &[(&str, &str)] = &[
    (var::INPUT_PHASES.as_str(), "3"),
    (var::OUTPUT_PHASES.as_str(), "3"),
];
const BYPASS_PHASES: &str = "input.bypass.phases";

/// The flags of Q1; its numbers are in the other answers, by phase.
#[rustfmt::skip]
const STATUS_ROWS: [Row; 9] = {
    let [mains, low, regulating, failed, kind, test, off, beeper] = FLAGS;
    [
        at(38, 38).bit(mains.0, mains.1),
        at(39, 39).bit(low.0, low.1),
        at(40, 40).bit(regulating.0, regulating.1),
        at(41, 41).bit(failed.0, failed.1),
        at(42, 42).bit(kind.0, kind.1),
        at(43, 43).bit(test.0, test.1),
        at(44, 44).bit(off.0, off.1),
        at(45, 45).bit(beeper.0, beeper.1),
        end(46),
    ]
};

const TOPOLOGY: Words = &[("0", "delta"), ("1", "star")];
/// Seconds.
const SECONDS: Shapes = &["00000"];

#[rustfmt::skip]
const Q2_ROWS: &[Row] = &[
    at(1, 5).number_named("input.L1-N.voltage", VOLTS),
    at(7, 11).number_named("input.L2-N.voltage", VOLTS),
    at(13, 17).number_named("input.L3-N.voltage", VOLTS),
    at(19, 23).number(var::INPUT_VOLTAGE_FAULT, VOLTS),
    at(25, 29).number_named("output.L1-N.voltage", VOLTS),
    at(31, 35).number_named("output.L2-N.voltage", VOLTS),
    at(37, 41).number_named("output.L3-N.voltage", VOLTS),
    at(43, 45).number_named("output.L1.load", WHOLE),
    at(47, 49).number_named("output.L2.load", WHOLE),
    at(51, 53).number_named("output.L3.load", WHOLE),
    at(55, 58).number(var::INPUT_FREQUENCY, HERTZ),
    at(60, 64).number(var::BATTERY_VOLTAGE, VOLTS),
    at(66, 69).number(var::UPS_TEMPERATURE, CELSIUS),
    at(80, 85).number(var::BATTERY_RUNTIME, &["000.00"]).times(60.0).decimals(0),
    at(87, 89).number(var::BATTERY_CHARGE, WHOLE),
    at(115, 115).word_named("experimental.input.topology", TOPOLOGY),
    at(116, 116).word_named("experimental.output.topology", TOPOLOGY),
    end(117),
];

#[rustfmt::skip]
const Q6_ROWS: &[Row] = &[
    at(1, 5).number_named("input.L1-N.voltage", VOLTS),
    at(7, 11).number_named("input.L2-N.voltage", VOLTS),
    at(13, 17).number_named("input.L3-N.voltage", VOLTS),
    at(19, 22).number(var::INPUT_FREQUENCY, HERTZ),
    at(24, 28).number_named("output.L1-N.voltage", VOLTS),
    at(30, 34).number_named("output.L2-N.voltage", VOLTS),
    at(36, 40).number_named("output.L3-N.voltage", VOLTS),
    at(42, 45).number(var::OUTPUT_FREQUENCY, HERTZ),
    at(47, 49).number_named("output.L1.load", WHOLE),
    at(51, 53).number_named("output.L2.load", WHOLE),
    at(55, 57).number_named("output.L3.load", WHOLE),
    at(59, 63).number(var::BATTERY_VOLTAGE, VOLTS),
    at(65, 69).number_named("experimental.battery.voltage.negative", VOLTS),
    at(71, 74).number(var::UPS_TEMPERATURE, CELSIUS),
    at(76, 80).number(var::BATTERY_RUNTIME, SECONDS),
    at(82, 84).number(var::BATTERY_CHARGE, WHOLE),
    at(107, 107).word_named("experimental.input.topology", TOPOLOGY),
    at(108, 108).word_named("experimental.output.topology", TOPOLOGY),
    end(109),
];

#[rustfmt::skip]
const Q6_33: &[Row] = &[
    at(1, 5).number_named("input.L1-N.voltage", VOLTS),
    at(7, 11).number_named("input.L2-N.voltage", VOLTS),
    at(13, 17).number_named("input.L3-N.voltage", VOLTS),
    at(19, 22).number(var::INPUT_FREQUENCY, HERTZ),
    at(24, 28).number_named("output.L1-N.voltage", VOLTS),
    at(30, 34).number_named("output.L2-N.voltage", VOLTS),
    at(36, 40).number_named("output.L3-N.voltage", VOLTS),
    at(42, 45).number(var::OUTPUT_FREQUENCY, HERTZ),
    at(47, 49).number_named("output.L1.load", WHOLE),
    at(51, 53).number_named("output.L2.load", WHOLE),
    at(55, 57).number_named("output.L3.load", WHOLE),
    at(59, 63).number(var::BATTERY_VOLTAGE, VOLTS),
    at(71, 74).number(var::UPS_TEMPERATURE, CELSIUS),
    at(76, 80).number(var::BATTERY_RUNTIME, SECONDS),
    at(82, 84).number(var::BATTERY_CHARGE, WHOLE),
];

#[rustfmt::skip]
const Q6_31: &[Row] = &[
    at(1, 5).number_named("input.L1-N.voltage", VOLTS),
    at(7, 11).number_named("input.L2-N.voltage", VOLTS),
    at(13, 17).number_named("input.L3-N.voltage", VOLTS),
    at(19, 22).number(var::INPUT_FREQUENCY, HERTZ),
    at(24, 28).number(var::OUTPUT_VOLTAGE, VOLTS),
    at(42, 45).number(var::OUTPUT_FREQUENCY, HERTZ),
    at(47, 49).number(var::UPS_LOAD, WHOLE),
    at(59, 63).number(var::BATTERY_VOLTAGE, VOLTS),
    at(71, 74).number(var::UPS_TEMPERATURE, CELSIUS),
    at(76, 80).number(var::BATTERY_RUNTIME, SECONDS),
    at(82, 84).number(var::BATTERY_CHARGE, WHOLE),
];

/// Kilowatts and kilovoltamperes, published in units of one.
#[rustfmt::skip]
const POWERS_ROWS: &[Row] = &[
    at(1, 5).number_named("output.L1.realpower", VOLTS).times(1000.0),
    at(7, 11).number_named("output.L2.realpower", VOLTS).times(1000.0),
    at(13, 17).number_named("output.L3.realpower", VOLTS).times(1000.0),
    at(19, 23).number_named("output.L1.power", VOLTS).times(1000.0),
    at(25, 29).number_named("output.L2.power", VOLTS).times(1000.0),
    at(31, 35).number_named("output.L3.power", VOLTS).times(1000.0),
    at(37, 41).number(var::UPS_REALPOWER, VOLTS).times(1000.0),
    at(43, 47).number(var::UPS_POWER, VOLTS).times(1000.0),
    at(49, 53).number_named("output.L1.current", VOLTS),
    at(55, 59).number_named("output.L2.current", VOLTS),
    at(61, 65).number_named("output.L3.current", VOLTS),
    at(67, 69).number(var::UPS_LOAD, WHOLE),
];

#[rustfmt::skip]
const POWER_31: &[Row] = &[
    at(37, 41).number(var::UPS_REALPOWER, VOLTS).times(1000.0),
    at(43, 47).number(var::UPS_POWER, VOLTS).times(1000.0),
    at(49, 53).number(var::OUTPUT_CURRENT, VOLTS),
];

#[rustfmt::skip]
const BYPASS_31: &[Row] = &[
    at(1, 5).number(var::INPUT_BYPASS_VOLTAGE, VOLTS),
    at(19, 22).number(var::INPUT_BYPASS_FREQUENCY, HERTZ),
];

#[rustfmt::skip]
const BYPASS_33: &[Row] = &[
    at(1, 5).number_named("input.bypass.L1-N.voltage", VOLTS),
    at(7, 11).number_named("input.bypass.L2-N.voltage", VOLTS),
    at(13, 17).number_named("input.bypass.L3-N.voltage", VOLTS),
    at(19, 22).number(var::INPUT_BYPASS_FREQUENCY, HERTZ),
];

/// Innova RT 3/1 does not answer Q.
#[rustfmt::skip]
static NO_BEEPER: &[Command] = &[
    tell(cmd::LOAD_OFF,                 Sends::Text("S00R0000")),
    tell(cmd::LOAD_ON,                  Sends::Text("C")),
    tell(cmd::SHUTDOWN_RETURN,          Sends::Return),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::StayOff),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("C")),
    tell(cmd::TEST_BATTERY_START,       Sends::TestFor),
    tell(cmd::TEST_BATTERY_START_DEEP,  Sends::Text("TL")),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
    tell(cmd::TEST_BATTERY_STOP,        Sends::Text("CT")),
];
