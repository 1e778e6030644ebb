//! Voltronic's inverters of protocol PI30: Axpert and its many names. Every line carries a checksum.
//!
//! ```text
//! > QPI be ac\r            < (PI30 9a 0b\r
//! > QPIGS b7 a9\r          < (235.2 50.1 235.2 50.1 0446 0382 008 440 54.00 000 100 0034 0000 000.0 00.00 00000 00010101 …\r
//!                             grid V Hz, output V Hz VA W %, bus, battery V A %, °C, panels A V, battery V A, flags
//! > QMOD 49 c1\r           < (L 06 07\r    P on, S standby, L line, B battery, F fault, H power saving
//! > QPIWS b4 da\r          < (0000000100000000000000000 …\r   warnings
//! ```
//!
//! They are inverters, told apart by `device.type` scd; nothing is written into them here. Whether the grid is there is said
//! by the letters L and B; in the other modes, by the voltage of the grid. Source: Voltronic's protocol sheet for PI30.

use super::voltronic::serial;
use crate::dialect::{Dialect, Replies, ask};
use crate::picture::Picture;
use crate::row::{HERTZ, Row, STRING, Says, Shapes, VOLTS, WHOLE, Words, at, end, rest};
use husk_driver::{Word, var, word};

#[rustfmt::skip]
pub(super) static AXPERT: Dialect = Dialect {
    name: "voltronic-axpert",
    asks: &[
        ask("QPI", b'(', 5, &[at(1, 4).word_named("device.firmware.aux", &[("PI30", "P30")]), at(1, 4).by(protocol), end(5)]).once().claims(),
        ask("QVFW", b'(', 15, &[at(7, 14).by(|text, picture| firmware("device.firmware", text, picture)), at(7, 14).by(|text, picture| firmware("device.firmware.main", text, picture))]).once(),
        ask("QVFW2", b'(', 16, &[at(8, 15).by(|text, picture| firmware("device.firmware.scc1", text, picture))]).once(),
        ask("QVFW3", b'(', 16, &[at(8, 15).by(|text, picture| firmware("device.firmware.scc2", text, picture))]).once(),
        ask("QVFW4", b'(', 16, &[at(8, 15).by(|text, picture| firmware("device.firmware.scc3", text, picture))]).once(),
        ask("QID", b'(', 1, &[rest(1).by(serial)]).once(),
        ask("QFLAG", b'(', 3, &[rest(1).by(features)]).after_changes(),
        ask("QPIRI", b'(', 84, QPIRI).once(),
        ask("QMD", b'(', 47, QMD).once(),
        ask("QDI", b'(', 47, QDI).once(),
        ask("QPIGS", b'(', 91, QPIGS).each_poll().claims(),
        ask("QPIGS2", b'(', 17, QPIGS2),
        ask("QPIWS", b'(', 26, &[rest(1).by(warnings)]).each_poll(),
        ask("QMOD", b'(', 2, &[at(1, 1).letter(MODES)]).each_poll().claims(),
    ],
    constants: &[(var::DEVICE_TYPE.as_str(), "scd")],
    finish: grid,
    commands: &[],
    spans: None,
    replies: Replies::SPOKEN,
    checksums: true,
    ..Dialect::USUAL
};

const WATTS: Shapes = &["0000"];
const TWO: Shapes = &["00"];

/// `(230.0 21.7 230.0 50.0 21.7 5000 5000 48.0 46.0 42.0 56.4 54.0 0 30 060 0 0 2 9 01 0 1 54.0 0 1 000`
#[rustfmt::skip]
const QPIRI: &[Row] = &[
    at(1, 5).number(var::INPUT_VOLTAGE_NOMINAL, VOLTS),
    at(7, 10).number(var::INPUT_CURRENT_NOMINAL, HERTZ),
    at(12, 16).number(var::OUTPUT_VOLTAGE_NOMINAL, VOLTS),
    at(18, 21).number(var::OUTPUT_FREQUENCY_NOMINAL, HERTZ),
    at(23, 26).number(var::OUTPUT_CURRENT_NOMINAL, HERTZ),
    at(28, 31).number(var::OUTPUT_POWER_NOMINAL, WATTS).decimals(1),
    at(33, 36).number(var::OUTPUT_REALPOWER_NOMINAL, WATTS).decimals(1),
    at(38, 41).number(var::BATTERY_VOLTAGE_NOMINAL, HERTZ),
    at(43, 46).number_named("battery.voltage.recharge", HERTZ),
    at(48, 51).number_named("battery.voltage.under", HERTZ),
    at(53, 56).number_named("battery.voltage.bulk", HERTZ),
    at(58, 61).number_named("battery.voltage.float", HERTZ),
    at(63, 63).word(var::BATTERY_TYPE, BATTERIES),
    at(65, 66).number_named("battery.charging.current.ac.high", TWO).decimals(1),
    at(68, 70).number_named("battery.charging.current.high", WHOLE).decimals(1),
    at(80, 81).word_named("device.model.type", &[("00", "Grid-tie"), ("01", "Off-grid"), ("10", "Hybrid"), ("11", "Off Grid with 2 Trackers"), ("20", "Off Grid with 3 Trackers")]),
    at(83, 83).word(var::DEVICE_DESCRIPTION, &[("0", "Transformerless"), ("1", "With transformer")]),
];

const BATTERIES: Words = &[("0", "AGM"), ("1", "Flooded"), ("2", "User")];

/// `(#####INVERTEX5K ###5000 99 1/1 230 230 04 12.0`
#[rustfmt::skip]
const QMD: &[Row] = &[
    at(1, 15).text(var::DEVICE_MODEL),
    at(25, 26).number_named("output.powerfactor.nominal", TWO),
    at(28, 28).number(var::INPUT_PHASES, &["0"]).joined(),
    at(30, 30).number(var::OUTPUT_PHASES, &["0"]),
    at(40, 41).number_named("battery.number", TWO),
];

/// `(230.0 50.0 0030 42.0 54.0 56.4 46.0 60 0 0 2 0 …`
#[rustfmt::skip]
const QDI: &[Row] = &[
    at(1, 5).number_named("output.voltage.default", VOLTS),
    at(7, 10).number_named("output.frequency.default", HERTZ),
    at(12, 15).number_named("experimental.battery.charging.current.ac.high.default", WATTS).decimals(1),
    at(17, 20).number_named("experimental.battery.voltage.under.default", HERTZ),
    at(22, 25).number_named("experimental.battery.voltage.float.default", HERTZ),
    at(27, 30).number_named("experimental.battery.voltage.bulk.default", HERTZ),
    at(32, 35).number_named("experimental.battery.voltage.recharge.default", HERTZ),
    at(37, 38).number_named("experimental.battery.charging.current.high.default", TWO).decimals(1),
    at(46, 46).word_named("experimental.battery.type.default", BATTERIES),
];

/// The temperature is of four digits, on some firmware with one decimal.
#[rustfmt::skip]
const QPIGS: &[Row] = &[
    at(1, 5).number(var::INPUT_VOLTAGE, VOLTS),
    at(7, 10).number(var::INPUT_FREQUENCY, HERTZ),
    at(12, 16).number(var::OUTPUT_VOLTAGE, VOLTS),
    at(18, 21).number(var::OUTPUT_FREQUENCY, HERTZ),
    at(23, 26).number(var::OUTPUT_POWER, WATTS).decimals(1),
    at(28, 31).number(var::OUTPUT_REALPOWER, WATTS).decimals(1),
    at(33, 35).number(var::UPS_LOAD, WHOLE),
    at(41, 45).number(var::BATTERY_VOLTAGE, STRING),
    at(51, 53).number(var::BATTERY_CHARGE, WHOLE),
    at(55, 58).number(var::UPS_TEMPERATURE, &["0000", "00.0"]).decimals(1),
    at(60, 63).number_named("experimental.input.pv1.current", &["0000", "00.0"]),
    at(65, 69).number_named("experimental.input.pv1.voltage", VOLTS),
    at(71, 75).number_named("experimental.battery.voltage.scc1", STRING),
    at(77, 81).number(var::BATTERY_CURRENT, &["00000"]),
    at(86, 86).bit(&[Says::Is(word::OFF)], &[]),
    at(88, 88).bit(&[], &[Says::Is(word::CHRG)]),
];

#[rustfmt::skip]
const QPIGS2: &[Row] = &[
    at(1, 4).number_named("experimental.input.pv2.current", &["0000", "00.0"]),
    at(6, 10).number_named("experimental.input.pv2.voltage", VOLTS),
    at(12, 16).number_named("experimental.battery.voltage.scc2", STRING),
    at(42, 45).number_named("experimental.input.pv3.current", &["0000", "00.0"]),
    at(47, 51).number_named("experimental.input.pv3.voltage", VOLTS),
    at(53, 57).number_named("experimental.battery.voltage.scc3", STRING),
];

#[rustfmt::skip]
const MODES: &[(u8, &[Says])] = &[
    (b'P', &[Says::Alarm("The device is switching on")]),
    (b'S', &[Says::Is(word::OFF)]),
    (b'L', &[Says::Mains(true)]),
    (b'B', &[Says::Mains(false)]),
    (b'F', &[Says::Alarm("The device is in fault mode")]),
    (b'H', &[Says::Is(word::ECO)]),
];

/// Volts above which the grid is there.
const GRID: f64 = 50.0;

fn grid(picture: &mut Picture) {
    if picture.mains().is_none()
        && let Some(volts) = picture.get(var::INPUT_VOLTAGE)
    {
        picture.says(Says::Mains(volts > GRID));
    }
}

fn protocol(text: &str, _: &mut Picture) -> Option<()> {
    (text == "PI30").then_some(())
}

/// `00074.50`: hexadecimal digits.
fn firmware(name: &'static str, text: &str, picture: &mut Picture) -> Option<()> {
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'.')
    {
        return None;
    }
    picture.text(name, &format!("0X{text}"));
    Some(())
}

/// `EakxyDbjuvz`: enabled letters, then disabled ones.
fn features(text: &str, picture: &mut Picture) -> Option<()> {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let (enabled, disabled) = text
        .strip_prefix('E')?
        .split_once('D')
        .filter(|_| letters)?;
    for (letter, name, on, off) in [
        ('j', var::BATTERY_ENERGYSAVE, "yes", "no"),
        ('a', var::UPS_BEEPER_STATUS, "enabled", "disabled"),
    ] {
        match (enabled.contains(letter), disabled.contains(letter)) {
            (true, false) => picture.text(name.as_str(), on),
            (false, true) => picture.text(name.as_str(), off),
            _ => {}
        }
    }
    Some(())
}

/// Flags; a dash is one that the model lacks.
fn warnings(text: &str, picture: &mut Picture) -> Option<()> {
    if !text.bytes().all(|byte| matches!(byte, b'0' | b'1' | b'-')) {
        return None;
    }
    let set = text.bytes().enumerate().filter(|(_, byte)| *byte == b'1');
    for (bit, _) in set {
        match WARNINGS.iter().find(|(known, ..)| *known == bit) {
            Some((_, what, means)) => {
                means.iter().for_each(|word| picture.word(*word));
                picture.alarm(format!("Warning: {what}"));
            }
            None => picture.alarm(format!("Warning {}", bit + 1)),
        }
    }
    Some(())
}

/// By the sheet of PI30. NUT's driver has the list of PI16 here, whose flag 15 (battery low) is another one's.
#[rustfmt::skip]
const WARNINGS: &[(usize, &str, &[Word])] = &[
    ( 0, "panels lost", &[]), ( 1, "inverter fault", &[]), ( 2, "bus voltage high", &[]), ( 3, "bus voltage low", &[]),
    ( 4, "bus did not start softly", &[]), ( 5, "grid lost", &[]), ( 6, "short at the output", &[]),
    ( 7, "inverter voltage low", &[]), ( 8, "inverter voltage high", &[]), ( 9, "too hot", &[]), (10, "fan", &[]),
    (11, "battery voltage high", &[]), (12, "battery low", &[word::LB]), (14, "battery empty, switched off", &[]),
    (15, "battery derating", &[]), (16, "overload", &[word::OVER]), (17, "memory of the settings", &[]),
    (18, "inverter current high", &[]), (19, "inverter did not start softly", &[]), (20, "self-test failed", &[]),
    (21, "direct voltage at the output", &[]), (22, "battery open", &[]), (23, "current sensor", &[]),
    (24, "short in the battery", &[]), (25, "power limited", &[]), (26, "panel voltage high", &[]),
    (27, "panel charger overload, fault", &[]), (28, "panel charger overload", &[]), (29, "battery too low to charge", &[]),
    (35, "battery equalization", &[]),
];
