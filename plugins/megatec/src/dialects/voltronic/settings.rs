//! What can be written into a Voltronic unit: features a letter switches, limits of the economy mode and of the bypass.
//!
//! Those that have a variable are written by clients; the rest by settings of the section, once, when the unit is opened.
//! The limits of the limits depend on the protocol and on what the unit is made for.

use super::{has_eco_mode, is};
use crate::picture::Picture;
use crate::row::{HERTZ, Row, WHOLE, Words, at};
use crate::writes::{Takes, Write, setting, write, write_named};
use husk_driver::wire::line;
use husk_driver::{var, word};

const YES_NO: Takes = Takes::Choices(&["no", "yes"]);
const ON_OFF: Takes = Takes::Choices(&["enabled", "disabled"]);

/// The letters of the features that have a variable.
const LETTERS: &[(char, &str)] = &[
    ('r', var::UPS_START_AUTO.as_str()),
    ('s', var::BATTERY_PROTECTION.as_str()),
    ('g', var::BATTERY_ENERGYSAVE.as_str()),
    ('c', var::UPS_START_BATTERY.as_str()),
    ('j', "outlet.0.switchable"),
];

/// The letters of those that have none.
const HIDDEN: &[(char, &str)] = &[
    ('p', "bypass_alarm"),
    ('b', "battery_alarm"),
    ('o', "bypass_when_off"),
    ('a', "alarm_control"),
    ('v', "converter_mode"),
    ('e', "eco_mode"),
    ('d', "battery_open_status_check"),
    ('f', "bypass_forbidding"),
    ('l', "site_fault_detection"),
    ('n', "advanced_eco_mode"),
    ('q', "constant_phase_angle"),
    ('w', "limited_runtime_on_battery"),
];

#[rustfmt::skip]
pub(super) static WRITES: &[Write] = &[
    write(var::UPS_START_AUTO,            YES_NO, |value, _| feature(value, 'R')).only(|picture| picture.has("ups.start.auto")),
    write(var::BATTERY_PROTECTION,        YES_NO, |value, _| feature(value, 'S')).only(|picture| picture.has("battery.protection")),
    write(var::BATTERY_ENERGYSAVE,        YES_NO, |value, _| feature(value, 'G')).only(|picture| picture.has("battery.energysave")),
    write(var::UPS_START_BATTERY,         YES_NO, |value, _| feature(value, 'C')).only(|picture| picture.has("ups.start.battery")),
    write_named("outlet.0.switchable",    YES_NO, |value, _| feature(value, 'J')).only(|picture| picture.has("outlet.0.switchable")),
    write_named("outlet.1.delay.shutdown", OUTLET_DELAY, |value, _| Some(format!("PSK1{:03}", minutes(value)?))).only(|picture| picture.has("outlet.1.delay.shutdown")),
    write_named("outlet.2.delay.shutdown", OUTLET_DELAY, |value, _| Some(format!("PSK2{:03}", minutes(value)?))).only(|picture| picture.has("outlet.2.delay.shutdown")),
    write_named("outlet.3.delay.shutdown", OUTLET_DELAY, |value, _| Some(format!("PSK3{:03}", minutes(value)?))).only(|picture| picture.has("outlet.3.delay.shutdown")),
    write_named("outlet.4.delay.shutdown", OUTLET_DELAY, |value, _| Some(format!("PSK4{:03}", minutes(value)?))).only(|picture| picture.has("outlet.4.delay.shutdown")),
    write(var::INPUT_TRANSFER_HIGH,       Takes::Range(eco_high), |value, _| Some(format!("HEH{:03}", whole(value)?))).only(has_eco_mode),
    write(var::INPUT_TRANSFER_LOW,        Takes::Range(eco_low), |value, _| Some(format!("HEL{:03}", whole(value)?))).only(has_eco_mode),
    write(var::INPUT_FREQUENCY_HIGH,      Takes::Range(eco_fast), |value, _| Some(format!("FREH{}", tenths(value)?))).only(has_eco_mode),
    write(var::INPUT_FREQUENCY_LOW,       Takes::Range(eco_slow), |value, _| Some(format!("FREL{}", tenths(value)?))).only(has_eco_mode),
    write(var::BATTERY_PACKS,             Takes::Range(|_| Some((1, 99))), |value, _| Some(format!("BATGN{:02}", whole(value)?))),
    write(var::BATTERY_TYPE,              Takes::Choices(&["Li", "Flooded", "AGM"]), |value, _| Some(format!("PBT{}", code(BATTERIES, value)?))).only(|picture| is(picture, &[31])),
    write(var::BATTERY_VOLTAGE_LOW,       Takes::Range(battery_low), |value, _| Some(format!("W0E{:02}", whole(value)?))),
    setting("reset_to_default",           Takes::Flag, |_, picture| picture.words().contains(&word::OFF).then(|| "PF".to_owned())),
    setting("bypass_alarm",               ON_OFF, |value, _| feature(value, 'P')).only(|picture| picture.has("bypass_alarm")),
    setting("battery_alarm",              ON_OFF, |value, _| feature(value, 'B')).only(|picture| picture.has("battery_alarm")),
    setting("bypass_when_off",            ON_OFF, |value, _| feature(value, 'O')).only(|picture| picture.has("bypass_when_off")),
    setting("alarm_control",              ON_OFF, |value, _| feature(value, 'A')).only(has_alarm_control),
    setting("converter_mode",             ON_OFF, |value, _| feature(value, 'V')).only(|picture| picture.has("converter_mode")),
    setting("eco_mode",                   ON_OFF, |value, _| feature(value, 'E')).only(has_eco_mode),
    setting("battery_open_status_check",  ON_OFF, |value, _| feature(value, 'D')).only(|picture| picture.has("battery_open_status_check")),
    setting("bypass_forbidding",          ON_OFF, |value, _| feature(value, 'F')).only(|picture| picture.has("bypass_forbidding")),
    setting("site_fault_detection",       ON_OFF, |value, _| feature(value, 'L')).only(|picture| picture.has("site_fault_detection")),
    setting("advanced_eco_mode",          ON_OFF, |value, _| feature(value, 'N')).only(|picture| picture.has("advanced_eco_mode")),
    setting("constant_phase_angle",       ON_OFF, |value, _| feature(value, 'Q')).only(|picture| picture.has("constant_phase_angle")),
    setting("limited_runtime_on_battery", ON_OFF, |value, _| feature(value, 'W')).only(|picture| picture.has("limited_runtime_on_battery")),
    setting("max_bypass_volt",            Takes::Range(bypass_high), |value, _| Some(format!("PHV{:03}", whole(value)?))).only(|picture| picture.has("max_bypass_volt")),
    setting("min_bypass_volt",            Takes::Range(bypass_low), |value, _| Some(format!("PLV{:03}", whole(value)?))).only(|picture| picture.has("min_bypass_volt")),
    setting("max_bypass_freq",            Takes::Range(bypass_fast), |value, _| Some(format!("PGF{}", tenths(value)?))).only(|picture| picture.has("max_bypass_freq")),
    setting("min_bypass_freq",            Takes::Range(bypass_slow), |value, _| Some(format!("PSF{}", tenths(value)?))).only(|picture| picture.has("min_bypass_freq")),
    setting("battery_number",             Takes::Range(|_| Some((1, 9))), |value, _| Some(format!("BATN{}", whole(value)?))).only(|picture| picture.has("battery_number")),
    setting("work_range_type",            Takes::Choices(&["Appliance", "UPS"]), |value, _| Some(format!("PGR{}", code(RANGES, value)?))).only(|picture| picture.has("work_range_type")),
    setting("output_phase_angle",         Takes::Choices(&["000", "120", "180", "240"]), |value, _| Some(format!("PPD{value}"))).only(|picture| picture.has("output_phase_angle")),
];

/// Seconds, in steps of a minute.
const OUTLET_DELAY: Takes = Takes::Range(|_| Some((0, 59_940)));

pub(super) const BATTERIES: Words = &[("00", "Li"), ("01", "Flooded"), ("02", "AGM")];
const RANGES: Words = &[("00", "Appliance"), ("01", "UPS")];

/// `EpashcDbroegfl`: enabled letters, then disabled ones; a letter that is missing is a feature the unit lacks.
pub(super) fn features(text: &str, picture: &mut Picture) -> Option<()> {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let (enabled, disabled) = text
        .strip_prefix('E')?
        .split_once('D')
        .filter(|_| letters)?;
    let state = |letter| match (enabled.contains(letter), disabled.contains(letter)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    };
    for (letter, name) in LETTERS {
        if let Some(on) = state(*letter) {
            picture.text(name, if on { "yes" } else { "no" });
        }
    }
    for (letter, name) in HIDDEN {
        if let Some(on) = state(*letter) {
            picture.hide(name, if on { "enabled" } else { "disabled" });
        }
    }
    Some(())
}

pub(super) fn has_alarm_control(picture: &Picture) -> bool {
    picture.has("alarm_control")
}

/// Batteries in a pack.
pub(super) fn batteries(text: &str, picture: &mut Picture) -> Option<()> {
    picture.hide("battery_number", &line::whole(text)?.to_string());
    Some(())
}

pub(super) fn has_bypass_limits(picture: &Picture) -> bool {
    !is(picture, &[0, 8, 31])
}

/// `(242 218`
#[rustfmt::skip]
pub(super) const ECO_VOLTS: &[Row] = &[
    at(1, 3).number(var::INPUT_TRANSFER_HIGH, WHOLE),
    at(5, 7).number(var::INPUT_TRANSFER_LOW, WHOLE),
];
/// `(53.0 47.0`
#[rustfmt::skip]
pub(super) const ECO_HERTZ: &[Row] = &[
    at(1, 4).number(var::INPUT_FREQUENCY_HIGH, HERTZ),
    at(6, 9).number(var::INPUT_FREQUENCY_LOW, HERTZ),
];
#[rustfmt::skip]
pub(super) const BYPASS_VOLTS: &[Row] = &[
    at(1, 3).by(|text, picture| hidden("max_bypass_volt", text, picture)),
    at(5, 7).by(|text, picture| hidden("min_bypass_volt", text, picture)),
];
#[rustfmt::skip]
pub(super) const BYPASS_HERTZ: &[Row] = &[
    at(1, 4).by(|text, picture| hidden("max_bypass_freq", text, picture)),
    at(6, 9).by(|text, picture| hidden("min_bypass_freq", text, picture)),
];
pub(super) const WORK_RANGE: &[Row] = &[at(1, 2).by(|text, picture| {
    let (_, value) = RANGES.iter().find(|(code, _)| *code == text)?;
    picture.hide("work_range_type", value);
    Some(())
})];
/// `(000 240`: of the input and of the output.
pub(super) const PHASES: &[Row] =
    &[at(5, 7).by(|text, picture| hidden("output_phase_angle", text, picture))];

fn hidden(name: &'static str, text: &str, picture: &mut Picture) -> Option<()> {
    line::number(text)?;
    picture.hide(name, text);
    Some(())
}

/// Least and greatest limits of the economy mode, for those who only read.
pub(super) fn limits(picture: &mut Picture) {
    for (of, least, most, range) in [
        (
            var::INPUT_TRANSFER_LOW,
            var::INPUT_TRANSFER_LOW_MIN,
            var::INPUT_TRANSFER_LOW_MAX,
            eco_low(picture),
        ),
        (
            var::INPUT_TRANSFER_HIGH,
            var::INPUT_TRANSFER_HIGH_MIN,
            var::INPUT_TRANSFER_HIGH_MAX,
            eco_high(picture),
        ),
    ] {
        if let (true, Some((from, to))) = (picture.has(of.as_str()), range) {
            picture.number(least.as_str(), from as f64, 0);
            picture.number(most.as_str(), to as f64, 0);
        }
    }
}

/// How far the limits of the economy mode are from the nominal voltage: nearest and farthest.
fn eco_distance(picture: &Picture) -> Option<(i64, i64, i64)> {
    let nominal = picture.get(var::OUTPUT_VOLTAGE_NOMINAL)? as i64;
    let high = nominal >= 200;
    let (near, far) = match (family(picture)?, high) {
        (Family::Small, true) => (7, 24),
        (Family::Small, false) => (3, 12),
        (Family::Large, true) => (11, 24),
        (Family::Large, false) => (5, 12),
    };
    Some((nominal, near, far))
}

/// Two groups of protocols with limits of their own: P01 and P09; P02, P03, P10, P13, P14 and P99.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Small,
    Large,
}

fn family(picture: &Picture) -> Option<Family> {
    match () {
        () if is(picture, &[1, 9]) => Some(Family::Small),
        () if is(picture, &[2, 3, 10, 13, 14, 99]) => Some(Family::Large),
        () => None,
    }
}

fn eco_low(picture: &Picture) -> Option<(i64, i64)> {
    let (nominal, near, far) = eco_distance(picture)?;
    Some((nominal - far, nominal - near))
}

fn eco_high(picture: &Picture) -> Option<(i64, i64)> {
    let (nominal, near, far) = eco_distance(picture)?;
    Some((nominal + near, nominal + far))
}

/// Ranges of a frequency: nearest and farthest from the nominal one, which is 50 or 60 Hz.
fn hertz(picture: &Picture, small: (i64, i64), large: (i64, i64)) -> Option<(i64, i64)> {
    let nominal = match picture.get(var::OUTPUT_FREQUENCY_NOMINAL)? {
        50.0 => 50,
        60.0 => 60,
        _ => return None,
    };
    let (from, to) = match family(picture)? {
        Family::Small => small,
        Family::Large => large,
    };
    Some((nominal + from, nominal + to))
}

fn eco_fast(picture: &Picture) -> Option<(i64, i64)> {
    hertz(picture, (3, 10), (2, 4))
}

fn eco_slow(picture: &Picture) -> Option<(i64, i64)> {
    hertz(picture, (-10, -3), (-4, -2))
}

fn bypass_fast(picture: &Picture) -> Option<(i64, i64)> {
    hertz(picture, (1, 10), (1, 4))
}

fn bypass_slow(picture: &Picture) -> Option<(i64, i64)> {
    hertz(picture, (-10, -1), (-4, -1))
}

/// Volts, for units of under 200 V and for others.
fn volts(picture: &Picture, under: (i64, i64), others: (i64, i64)) -> Option<(i64, i64)> {
    let nominal = picture.get(var::INPUT_VOLTAGE_NOMINAL)?;
    Some(if nominal < 200.0 { under } else { others })
}

fn bypass_high(picture: &Picture) -> Option<(i64, i64)> {
    match () {
        () if is(picture, &[9]) => Some((60, 140)),
        () if is(picture, &[1]) => volts(picture, (120, 140), (230, 264)),
        () if is(picture, &[99]) => volts(picture, (115, 132), (231, 261)),
        () => volts(picture, (115, 138), (231, 276)),
    }
}

fn bypass_low(picture: &Picture) -> Option<(i64, i64)> {
    match () {
        () if is(picture, &[9]) => Some((60, 140)),
        () if is(picture, &[1]) => volts(picture, (85, 115), (170, 220)),
        () if is(picture, &[99]) => volts(picture, (50, 85), (149, 209)),
        () => volts(picture, (55, 104), (110, 209)),
    }
}

/// Units of under 1000 VA have two batteries less.
fn battery_low(picture: &Picture) -> Option<(i64, i64)> {
    let power = picture.get(var::OUTPUT_VOLTAGE_NOMINAL)?.trunc()
        * picture.get(var::OUTPUT_CURRENT_NOMINAL)?.trunc();
    Some((20, if power < 1000.0 { 24 } else { 28 }))
}

/// `PER` switches a feature on, `PDR` off.
fn feature(value: &str, letter: char) -> Option<String> {
    match value {
        "yes" | "enabled" => Some(format!("PE{letter}")),
        "no" | "disabled" => Some(format!("PD{letter}")),
        _ => None,
    }
}

fn whole(value: &str) -> Option<u32> {
    line::number(value).map(|number| number.round() as u32)
}

fn minutes(value: &str) -> Option<u32> {
    line::number(value).map(|seconds| seconds as u32 / 60)
}

fn tenths(value: &str) -> Option<String> {
    let value = husk_driver::fixed(line::number(value)?, 1);
    value.as_str().map(|text| format!("{text:0>4}"))
}

fn code(words: Words, value: &str) -> Option<&'static str> {
    let (code, _) = words.iter().find(|(_, word)| *word == value)?;
    Some(code)
}
