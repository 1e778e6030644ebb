//! Voltronic's P protocols: large units on line and in line, of one to three phases.
//!
//! ```text
//! > QPI\r        < (PI01\r                which of the protocols: it decides what the unit has
//! > QGS\r        < (234.9 50.0 229.8 50.0 000.0 000 369.1 ---.- 026.5 ---.- 018.8 100000000001\r
//!                   input, output, amperes, load, -, -, battery, -, °C; kind (2), mains failed, battery low, bypass or AVR,
//!                   fault, -, test, shutdown, beeper off, -, -, -
//! > QMOD\r       < (S\r                   P on, S standby, Y bypass, L line, B battery, T test, F fault, E eco, C converter,
//!                                          D shutting down
//! > QWS\r        < (0000000100000000…\r   64 warnings
//! > QFS\r        < (14 212.1 …\r          what the fault is; (OK: none
//! > QBV\r        < (026.5 02 01 068 255\r volts, batteries, packs, charge, minutes
//! > QFLAG\r      < (EpashcDbroegfl\r      enabled and disabled features, a letter each
//! > SOFF\r       < (ACK\r                 or (NAK; silence is no answer
//! ```
//!
//! Source: Voltronic's protocol sheets P00 to P99 as collected by the NUT project. Faults and warnings are in `faults`,
//! what can be written in `settings`.

mod faults;
mod settings;

use super::megatec::MAKER;
use crate::commands::{Command, Order, Sends, tell, tell_named};
use crate::delays::Spans;
use crate::dialect::{Ask, Dialect, Replies, ask};
use crate::picture::Picture;
use crate::row::{AMPERES, HERTZ, Row, STRING, Says, VOLTS, WHOLE, Words, at, end, rest};
use husk_driver::wire::line;
use husk_driver::{Error, cmd, var, word};

#[rustfmt::skip]
pub(super) static VOLTRONIC: Dialect = Dialect {
    name: "voltronic",
    asks: ASKS,
    finish: beeper,
    commands: COMMANDS,
    writes: settings::WRITES,
    spans: Some(Spans::VOLTRONIC),
    replies: Replies::SPOKEN,
    ..Dialect::USUAL
};

#[rustfmt::skip]
static ASKS: &[Ask] = &[
    ask("QPI", b'(', 5, &[at(1, 4).by(protocol), end(5)]).once().claims(),
    ask("QRI", b'(', 21, QRI).after_changes(),
    ask("QMD", b'(', 47, QMD).once(),
    ask("F", b'#', 21, RATING).once().unless("norating"),
    ask("QMF", b'(', 1, &[rest(1).text(var::DEVICE_MFR)]).once(),
    ask("QVFW", b'(', 15, &[at(7, 14).text(var::UPS_FIRMWARE)]).once(),
    ask("QID", b'(', 1, &[rest(1).by(serial)]).once(),
    MAKER,
    ask("QGS", b'(', 75, QGS).each_poll().claims(),
    ask("QMOD", b'(', 2, &[at(1, 1).letter(MODES), end(2)]).each_poll(),
    ask("QFS", b'(', 3, &[at(1, 2).by(faults::fault)]).only(|picture| picture.noted(FAULT)),
    ask("QWS", b'(', 65, &[at(1, 64).by(faults::warnings), end(65)]).each_poll(),
    ask("QBV", b'(', 20, QBV).often(),
    ask("QLDL", b'(', 8, QLDL),
    ask("Q3PV", b'(', 36, &three("input.L1-N.voltage", "input.L2-N.voltage", "input.L3-N.voltage", "input.L1-L2.voltage", "input.L2-L3.voltage", "input.L1-L3.voltage")).only(|picture| is(picture, &[3, 10])),
    ask("Q3PV", b'(', 36, &two("input.L1-N.voltage", "input.L2-N.voltage", "input.L1-L2.voltage")).only(|picture| is(picture, &[9])),
    ask("Q3PC", b'(', 12, &each("input.L1.current", "input.L2.current", "input.L3.current")).only(|picture| is(picture, &[3, 10])),
    ask("Q3PC", b'(', 12, &pair("input.L1.current", "input.L2.current")).only(|picture| is(picture, &[9])),
    ask("Q3OV", b'(', 36, &three("output.L1-N.voltage", "output.L2-N.voltage", "output.L3-N.voltage", "output.L1-L2.voltage", "output.L2-L3.voltage", "output.L1-L3.voltage")).only(|picture| is(picture, &[10])),
    ask("Q3OV", b'(', 36, &two("output.L1-N.voltage", "output.L2-N.voltage", "output.L1-L2.voltage")).only(|picture| is(picture, &[9])),
    ask("Q3OC", b'(', 12, &each("output.L1.current", "output.L2.current", "output.L3.current")).only(|picture| is(picture, &[10])),
    ask("Q3OC", b'(', 12, &pair("output.L1.current", "output.L2.current")).only(|picture| is(picture, &[9])),
    ask("Q3LD", b'(', 12, &each("output.L1.power.percent", "output.L2.power.percent", "output.L3.power.percent")).only(|picture| is(picture, &[10])),
    ask("Q3LD", b'(', 12, &pair("output.L1.power.percent", "output.L2.power.percent")).only(|picture| is(picture, &[9])),
    ask("Q3YV", b'(', 36, &three("output.bypass.L1-N.voltage", "output.bypass.L2-N.voltage", "output.bypass.L3-N.voltage", "output.bypass.L1-L2.voltage", "output.bypass.L2-L3.voltage", "output.bypass.L1-L3.voltage")).only(|picture| is(picture, &[10])),
    ask("Q3YV", b'(', 18, &[at(1, 5).number_named("output.bypass.L1-N.voltage", VOLTS), at(7, 11).number_named("output.bypass.L2-N.voltage", VOLTS)]).only(|picture| is(picture, &[9])),
    ask("QFLAG", b'(', 3, &[rest(1).by(settings::features)]).after_changes(),
    ask("QSK1", b'(', 2, &outlet("outlet.1.switchable", "outlet.1.status")).after_changes().only(has_outlets),
    ask("QSK2", b'(', 2, &outlet("outlet.2.switchable", "outlet.2.status")).after_changes().only(has_outlets),
    ask("QSK3", b'(', 2, &outlet("outlet.3.switchable", "outlet.3.status")).after_changes().only(has_outlets),
    ask("QSK4", b'(', 2, &outlet("outlet.4.switchable", "outlet.4.status")).after_changes().only(has_outlets),
    ask("QSKT1", b'(', 4, &[at(1, 3).number_named("outlet.1.delay.shutdown", WHOLE).times(60.0)]).after_changes().only(|picture| picture.has("outlet.1.status")),
    ask("QSKT2", b'(', 4, &[at(1, 3).number_named("outlet.2.delay.shutdown", WHOLE).times(60.0)]).after_changes().only(|picture| picture.has("outlet.2.status")),
    ask("QSKT3", b'(', 4, &[at(1, 3).number_named("outlet.3.delay.shutdown", WHOLE).times(60.0)]).after_changes().only(|picture| picture.has("outlet.3.status")),
    ask("QSKT4", b'(', 4, &[at(1, 3).number_named("outlet.4.delay.shutdown", WHOLE).times(60.0)]).after_changes().only(|picture| picture.has("outlet.4.status")),
    ask("QHE", b'(', 8, settings::ECO_VOLTS).after_changes().only(has_eco_mode),
    ask("QFRE", b'(', 10, settings::ECO_HERTZ).after_changes().only(has_eco_mode),
    ask("QBYV", b'(', 8, settings::BYPASS_VOLTS).after_changes().only(settings::has_bypass_limits),
    ask("QBYF", b'(', 10, settings::BYPASS_HERTZ).after_changes().only(settings::has_bypass_limits),
    ask("QBT", b'(', 3, &[at(1, 2).word(var::BATTERY_TYPE, settings::BATTERIES), end(3)]).after_changes().only(|picture| is(picture, &[31])),
    ask("QGR", b'(', 3, settings::WORK_RANGE).after_changes().only(|picture| is(picture, &[31])),
    ask("RE0", b'#', 3, &[at(1, 2).number(var::BATTERY_VOLTAGE_LOW, &["00"]).decimals(1)]).after_changes(),
    ask("QPD", b'(', 8, settings::PHASES).after_changes(),
];

/// `(230.0 004 024.0 50.0`
#[rustfmt::skip]
const QRI: &[Row] = &[
    at(1, 5).number(var::OUTPUT_VOLTAGE_NOMINAL, VOLTS),
    at(7, 9).number(var::OUTPUT_CURRENT_NOMINAL, AMPERES),
    at(11, 15).number(var::BATTERY_VOLTAGE_NOMINAL, STRING).decimals(1),
    at(17, 20).number(var::OUTPUT_FREQUENCY_NOMINAL, HERTZ),
];

/// `(#######OLHVT1K0 ###1000 80 1/1 230 230 02 12.0`; some fill with blanks.
#[rustfmt::skip]
pub(super) const QMD: &[Row] = &[
    at(1, 15).text(var::DEVICE_MODEL),
    at(17, 23).by(rated_power),
    at(25, 26).number(var::OUTPUT_POWERFACTOR, &["00"]).times(0.01).decimals(1),
    at(28, 28).number(var::INPUT_PHASES, &["0"]).joined(),
    at(30, 30).number(var::OUTPUT_PHASES, &["0"]),
    at(32, 34).number(var::INPUT_VOLTAGE_NOMINAL, WHOLE).decimals(1),
    at(36, 38).number(var::OUTPUT_VOLTAGE_NOMINAL, WHOLE).decimals(1),
];

/// `#220.0 000 024.0 50.0`
#[rustfmt::skip]
const RATING: &[Row] = &[
    at(1, 5).number(var::INPUT_VOLTAGE_NOMINAL, VOLTS).unless_zero(),
    at(7, 9).number(var::INPUT_CURRENT_NOMINAL, AMPERES).decimals(1),
    at(11, 15).number(var::BATTERY_VOLTAGE_NOMINAL, STRING).decimals(1).unless_zero(),
    at(17, 20).number(var::INPUT_FREQUENCY_NOMINAL, HERTZ).unless_zero(),
];

#[rustfmt::skip]
const QGS: &[Row] = &[
    at(1, 5).number(var::INPUT_VOLTAGE, VOLTS),
    at(7, 10).number(var::INPUT_FREQUENCY, HERTZ),
    at(12, 16).number(var::OUTPUT_VOLTAGE, VOLTS),
    at(18, 21).number(var::OUTPUT_FREQUENCY, HERTZ),
    at(23, 27).number(var::OUTPUT_CURRENT, VOLTS),
    at(29, 31).number(var::UPS_LOAD, WHOLE),
    at(45, 49).number(var::BATTERY_VOLTAGE, STRING),
    at(57, 61).number(var::UPS_TEMPERATURE, VOLTS),
    at(63, 64).word(var::UPS_TYPE, &[("00", "offline"), ("01", "line-interactive"), ("10", "online")]),
    at(65, 65).bit(&[Says::Mains(true)], &[Says::Mains(false)]),
    at(66, 66).bit(&[], &[Says::Is(word::LB)]),
    at(67, 67).by(regulating),
    at(68, 68).bit(&[], &[Says::Note(FAULT), Says::Alarm("The UPS reports a fault")]),
    at(70, 70).bit(&[], &[Says::Is(word::CAL)]),
    at(71, 71).bit(&[], &[Says::ShuttingDown]),
    at(72, 72).bit(&[Says::Value(var::UPS_BEEPER_STATUS, "enabled")], &[Says::Value(var::UPS_BEEPER_STATUS, "disabled")]),
    end(75),
];

/// There is a fault to be asked for.
const FAULT: &str = "fault";
const ECO: &str = "vendor:voltronic:ECO-inverter-on";
const CONVERTER: &str = "vendor:voltronic:freq-converter-on";

#[rustfmt::skip]
const MODES: &[(u8, &[Says])] = &[
    (b'P', &[Says::Alarm("The UPS is switching on")]),
    (b'S', &[Says::Is(word::OFF)]),
    (b'Y', &[Says::Is(word::BYPASS)]),
    (b'L', &[Says::Mains(true)]),
    (b'B', &[Says::Mains(false)]),
    (b'T', &[Says::Is(word::CAL)]),
    (b'F', &[Says::Alarm("The UPS is in fault mode")]),
    (b'E', &[Says::Value(var::UPS_MODE_BUZZWORDS, ECO)]),
    (b'C', &[Says::Value(var::UPS_MODE_BUZZWORDS, CONVERTER)]),
    (b'D', &[Says::ShuttingDown]),
];

/// The runtime is of three digits on most units; PowerWalker VFI 1500 CG PF1 sends five.
#[rustfmt::skip]
const QBV: &[Row] = &[
    at(1, 5).number(var::BATTERY_VOLTAGE, STRING),
    at(7, 8).by(settings::batteries),
    at(10, 11).number(var::BATTERY_PACKS, &["00"]),
    at(13, 15).number(var::BATTERY_CHARGE, WHOLE),
    rest(17).by(runtime),
];

#[rustfmt::skip]
const QLDL: &[Row] = &[
    at(1, 3).number(var::OUTPUT_POWER_MINIMUM_PERCENT, WHOLE),
    at(5, 7).number(var::OUTPUT_POWER_MAXIMUM_PERCENT, WHOLE),
];

/// `(123.4 456.4 789.4 012.4 323.4 223.4`: the phases, and between them.
#[rustfmt::skip]
const fn three(a: &'static str, b: &'static str, c: &'static str, ab: &'static str, bc: &'static str, ac: &'static str) -> [Row; 6] {
    [
        at(1, 5).number_named(a, VOLTS), at(7, 11).number_named(b, VOLTS), at(13, 17).number_named(c, VOLTS),
        at(19, 23).number_named(ab, VOLTS), at(25, 29).number_named(bc, VOLTS), at(31, 35).number_named(ac, VOLTS),
    ]
}

/// The same of two phases.
#[rustfmt::skip]
const fn two(a: &'static str, b: &'static str, ab: &'static str) -> [Row; 3] {
    [at(1, 5).number_named(a, VOLTS), at(7, 11).number_named(b, VOLTS), at(19, 23).number_named(ab, VOLTS)]
}

/// `(109 069 023`
#[rustfmt::skip]
const fn each(a: &'static str, b: &'static str, c: &'static str) -> [Row; 3] {
    [at(1, 3).number_named(a, WHOLE), at(5, 7).number_named(b, WHOLE), at(9, 11).number_named(c, WHOLE)]
}

const fn pair(a: &'static str, b: &'static str) -> [Row; 2] {
    [
        at(1, 3).number_named(a, WHOLE),
        at(5, 7).number_named(b, WHOLE),
    ]
}

const fn outlet(switchable: &'static str, status: &'static str) -> [Row; 3] {
    const ANY: Words = &[("0", "yes"), ("1", "yes")];
    const ON: Words = &[("0", "off"), ("1", "on")];
    [
        at(1, 1).word_named(switchable, ANY),
        at(1, 1).word_named(status, ON),
        end(2),
    ]
}

#[rustfmt::skip]
static COMMANDS: &[Command] = &[
    tell(cmd::LOAD_OFF,                 Sends::Text("SOFF")),
    tell(cmd::LOAD_ON,                  Sends::Text("SON")),
    tell(cmd::SHUTDOWN_RETURN,          Sends::Return),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::StayOff),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("CS")),
    tell(cmd::TEST_BATTERY_START,       Sends::TestForTenths),
    tell(cmd::TEST_BATTERY_START_DEEP,  Sends::Text("TL")),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
    tell(cmd::TEST_BATTERY_STOP,        Sends::Text("CT")),
    tell(cmd::BEEPER_TOGGLE,            Sends::By(toggle_beeper)),
    tell(cmd::BEEPER_ENABLE,            Sends::Text("PEA")).only(settings::has_alarm_control),
    tell(cmd::BEEPER_DISABLE,           Sends::Text("PDA")).only(settings::has_alarm_control),
    tell_named("outlet.1.load.off",     Sends::Text("SKOFF1")).only(|picture| picture.has("outlet.1.status")),
    tell_named("outlet.1.load.on",      Sends::Text("SKON1")).only(|picture| picture.has("outlet.1.status")),
    tell_named("outlet.2.load.off",     Sends::Text("SKOFF2")).only(|picture| picture.has("outlet.2.status")),
    tell_named("outlet.2.load.on",      Sends::Text("SKON2")).only(|picture| picture.has("outlet.2.status")),
    tell_named("outlet.3.load.off",     Sends::Text("SKOFF3")).only(|picture| picture.has("outlet.3.status")),
    tell_named("outlet.3.load.on",      Sends::Text("SKON3")).only(|picture| picture.has("outlet.3.status")),
    tell_named("outlet.4.load.off",     Sends::Text("SKOFF4")).only(|picture| picture.has("outlet.4.status")),
    tell_named("outlet.4.load.on",      Sends::Text("SKON4")).only(|picture| picture.has("outlet.4.status")),
    tell(cmd::BYPASS_START,             Sends::Text("PEE")).only(has_eco_mode),
    tell(cmd::BYPASS_STOP,              Sends::Text("PDE")).only(has_eco_mode),
];

/// The protocols spoken here; what comes after PI.
const PROTOCOLS: &[&str] = &[
    "00", "01", "02", "03", "08", "09", "10", "13", "14", "31", "99",
];

fn protocol(text: &str, picture: &mut Picture) -> Option<()> {
    let digits = text.strip_prefix("PI")?;
    PROTOCOLS.iter().find(|known| **known == digits)?;
    picture.text(var::UPS_FIRMWARE_AUX.as_str(), &format!("P{digits}"));
    Some(())
}

/// Whether the unit speaks one of these protocols.
fn is(picture: &Picture, protocols: &[u32]) -> bool {
    let protocol = picture.shown(var::UPS_FIRMWARE_AUX.as_str());
    let number = protocol.and_then(|text| line::whole(text.trim_start_matches('P')));
    number.is_some_and(|number| protocols.contains(&number))
}

fn has_outlets(picture: &Picture) -> bool {
    picture.shown("outlet.0.switchable") == Some("yes")
}

fn has_eco_mode(picture: &Picture) -> bool {
    picture.has("eco_mode")
}

/// What 1 means when the voltages are nearly equal depends on the protocol: P00 and P08 have no bypass.
fn regulating(bit: &str, picture: &mut Picture) -> Option<()> {
    if !line::bit(line::column(bit, 0)?)? {
        return Some(());
    }
    match picture.regulation() {
        Some(word::BYPASS) if is(picture, &[0, 8]) => {
            picture.alarm("The UPS is regulating the voltage");
        }
        Some(word) => picture.word(word),
        None => {}
    }
    Some(())
}

/// Of a unit that can be told to be silent for good, the flag says whether it is silent for now.
fn beeper(picture: &mut Picture) {
    let name = var::UPS_BEEPER_STATUS;
    match picture.shown("alarm_control") {
        Some("enabled") if picture.shown(name.as_str()) == Some("disabled") => {
            picture.text(name.as_str(), "muted");
        }
        Some("disabled") => picture.text(name.as_str(), "disabled"),
        _ => {}
    }
    settings::limits(picture);
}

fn toggle_beeper(order: &Order<'_>) -> Result<Vec<String>, Error> {
    let status = order.picture.shown(var::UPS_BEEPER_STATUS.as_str());
    Ok(vec![match status {
        Some("enabled") => "BZOFF".to_owned(),
        Some("muted") => "BZON".to_owned(),
        Some("disabled") if !settings::has_alarm_control(order.picture) => "BZON".to_owned(),
        _ => return Err(Error::Failed("the beeper is disabled".to_owned())),
    }])
}

/// VA, filled from the left with hashes or blanks.
fn rated_power(text: &str, picture: &mut Picture) -> Option<()> {
    let digits = text.trim_matches(['#', ' ']);
    if !digits.is_empty() {
        picture.number(var::UPS_POWER_NOMINAL.as_str(), line::number(digits)?, 0);
    }
    Some(())
}

/// A serial number of zeros is none.
pub(super) fn serial(text: &str, picture: &mut Picture) -> Option<()> {
    if text.bytes().any(|byte| byte != b'0') {
        picture.text(var::DEVICE_SERIAL.as_str(), text.trim());
    }
    Some(())
}

/// Minutes.
fn runtime(text: &str, picture: &mut Picture) -> Option<()> {
    if !text.bytes().all(|byte| byte == b'-') {
        let seconds = line::number(text)? * 60.0;
        picture.number(var::BATTERY_RUNTIME.as_str(), seconds, 0);
    }
    Some(())
}
