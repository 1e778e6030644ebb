//! Masterguard, series A and E.
//!
//! ```text
//! > WH\r         < (00 10.06 03.09 A  700  + 0 Bat Pack-19        0 230 50.00 012 02.30 006.00 012.00 018 10 40 160 276 47.00 53.00\r
//!                   address, firmware (2), model (30), packs, V, Hz, cells, V each, runtime at half and full load, hours to
//!                   charge, °C low and high, V low and high, Hz low and high
//! > Q3\r         < (00 225.9 225.9 229.3 043 50.0 02.27 23.4 017.03 100 00000000 00000000\r
//!                   address, input, fault, output, load, Hz, a cell, °C, minutes.seconds, percent, flags (2 x 8)
//! > GS,00\r      < (00,00 0 1\r            packs, beeper
//! > GBS,00\r     < (00,100 0017 0000 0708 0712 0994 115 02.28\r
//! > GSN,00\r     < (00,SSN=6A1212      2782\r
//! > DRC,00\r     < (00,1869:19:06:37\r     days, hours, minutes, seconds since maintenance
//! > MSO\r        < (220 230 240\r          output voltages it can be set to
//! > PNV\r        < (PNV=230\r              the one it is set to
//! ```
//!
//! Where NUT's driver puts `ondelay` in seconds into the minutes of the shutdown command, minutes are put here.
//!
//! Source: Masterguard's protocol documents for series A and E, as noted by the NUT project.

use crate::commands::{Command, Order, Sends, tell};
use crate::delays::{Spans, minutes, within};
use crate::dialect::{Dialect, ask};
use crate::picture::Picture;
use crate::row::{CELSIUS, HERTZ, Row, Says, Shapes, VOLTS, WHOLE, at, end, rest};
use crate::writes::{Takes, Write, write};
use husk_driver::wire::line;
use husk_driver::{Error, cmd, var, word};

#[rustfmt::skip]
pub(super) static MASTERGUARD: Dialect = Dialect {
    name: "masterguard",
    asks: &[
        ask("WH", b'(', 112, WH).after_changes().claims().matching("slave_address", var::UPS_ID),
        ask("MSO", b'(', 4, &[rest(1).by(voltages)]).once().claims(),
        ask("Q3", b'(', 70, Q3).each_poll().claims(),
        ask("GS", b'(', 8, GS).addressed().after_changes(),
        ask("GBS", b'(', 42, &[at(4, 6).number(var::BATTERY_CHARGE, WHOLE)]).addressed(),
        ask("GSN", b'(', 24, GSN).addressed().once(),
        ask("DRC", b'(', 17, &[at(4, 16).by(uptime), end(17)]).addressed().after_changes(),
        ask("PNV", b'(', 8, &[rest(1).by(nominal)]).after_changes(),
    ],
    constants: &[(var::DEVICE_MFR.as_str(), "Masterguard"), ("load.high", "140"), (var::BATTERY_TYPE.as_str(), "PbAc")],
    finish,
    commands: COMMANDS,
    writes: WRITES,
    spans: Some(Spans::MASTERGUARD),
    ..Dialect::USUAL
};

const HUNDREDTHS: Shapes = &["00.00"];

#[rustfmt::skip]
const WH: &[Row] = &[
    at(1, 2).by(address),
    at(4, 8).text(var::UPS_FIRMWARE),
    at(10, 14).text(var::UPS_FIRMWARE_AUX),
    at(16, 45).by(model),
    at(49, 51).number(var::INPUT_VOLTAGE_NOMINAL, WHOLE),
    at(53, 57).number(var::INPUT_FREQUENCY_NOMINAL, HUNDREDTHS),
    at(59, 61).by(|text, picture| hide(CELLS, text, picture)),
    at(63, 67).by(|text, picture| hide(CELL_VOLTS, text, picture)),
    at(87, 88).number_named("ambient.0.temperature.low", &["00"]),
    at(90, 91).number_named("ambient.0.temperature.high", &["00"]),
    at(93, 95).number(var::INPUT_VOLTAGE_LOW_CRITICAL, WHOLE),
    at(97, 99).number(var::INPUT_VOLTAGE_HIGH_CRITICAL, WHOLE),
    at(101, 105).number(var::INPUT_FREQUENCY_LOW, HUNDREDTHS),
    at(107, 111).number(var::INPUT_FREQUENCY_HIGH, HUNDREDTHS),
];

#[rustfmt::skip]
const Q3: &[Row] = &[
    at(4, 8).number(var::INPUT_VOLTAGE, VOLTS),
    at(16, 20).number(var::OUTPUT_VOLTAGE, VOLTS),
    at(22, 24).number(var::UPS_LOAD, WHOLE),
    at(26, 29).number(var::INPUT_FREQUENCY, HERTZ),
    at(31, 35).number(var::BATTERY_VOLTAGE, HUNDREDTHS),
    at(37, 40).number(var::UPS_TEMPERATURE, CELSIUS),
    at(37, 40).number_named("ambient.0.temperature", CELSIUS),
    at(42, 47).by(runtime),
    end(48),
    at(49, 51).number(var::BATTERY_CHARGE, WHOLE),
    at(53, 53).bit(&[Says::Mains(true)], &[Says::Mains(false)]),
    at(54, 54).bit(&[], &[Says::Is(word::LB)]),
    at(55, 55).bit(&[], &[Says::Is(word::BYPASS)]),
    at(56, 56).bit(&[], &[Says::Alarm("The UPS has failed")]),
    at(57, 57).bit(&[Says::Value(var::UPS_TYPE, "online")], &[Says::Value(var::UPS_TYPE, "offline")]),
    at(58, 58).bit(&[], &[Says::Is(word::CAL)]),
    at(59, 59).bit(&[], &[Says::ShuttingDown]),
    end(61),
    at(63, 63).bit(&[], &[Says::Alarm("The parallel units have a problem")]),
    at(65, 65).bit(&[], &[Says::Is(word::RB)]),
    at(66, 66).bit(&[], &[Says::Alarm("No battery is connected")]),
    at(67, 69).word(var::UPS_TEST_RESULT, &[
        ("000", "no test in progress"), ("001", "in progress"), ("010", "OK"), ("011", "failed"), ("100", "not possible"),
        ("101", "aborted"), ("110", "autonomy time calibration in progress"), ("111", "unknown"),
    ]),
    end(70),
];

#[rustfmt::skip]
const GS: &[Row] = &[
    at(7, 7).number(var::BATTERY_PACKS, &["0"]),
    at(9, 9).word(var::UPS_BEEPER_STATUS, &[("0", "disabled"), ("1", "enabled")]),
    end(10),
];

#[rustfmt::skip]
const GSN: &[Row] = &[
    at(8, 18).text(var::DEVICE_PART),
    at(20, 23).text(var::DEVICE_SERIAL),
];

#[rustfmt::skip]
static COMMANDS: &[Command] = &[
    tell(cmd::SHUTDOWN_RETURN,          Sends::By(back)),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::Off),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("C")),
    tell(cmd::TEST_BATTERY_START,       Sends::By(test)),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
    tell(cmd::TEST_BATTERY_START_LOW,   Sends::Text("TL")),
    tell(cmd::TEST_BATTERY_START_DEEP,  Sends::Text("TUD")).addressed(),
    tell(cmd::TEST_BATTERY_STOP,        Sends::Text("CT")),
    tell(cmd::CLEAR_FAULT_RECORD,       Sends::Text("FCLR")).addressed(),
    // The inverter is switched off: without mains so is the load.
    tell(cmd::BYPASS_START,             Sends::Text("FOFF")).only(|picture| picture.mains() == Some(true)),
    tell(cmd::BYPASS_STOP,              Sends::Text("FON")),
    tell(cmd::BEEPER_ENABLE,            Sends::Text("SS---1")).addressed(),
    tell(cmd::BEEPER_DISABLE,           Sends::Text("SS---0")).addressed(),
];

#[rustfmt::skip]
static WRITES: &[Write] = &[
    write(var::UPS_ID,                 Takes::Range(|_| Some((0, 99))), |value, _| Some(format!("SS{:02}--", line::whole(value)?))).addressed(),
    write(var::BATTERY_PACKS,          Takes::Range(packs), |value, _| Some(format!("SS--{}-", line::whole(value)?))).addressed(),
    write(var::DEVICE_UPTIME,          Takes::Seconds, |value, _| since(value)).addressed(),
    write(var::OUTPUT_VOLTAGE_NOMINAL, Takes::Listed(listed), |value, _| Some(format!("PNV={value:0>3}"))),
];

/// Cells in series, volts of one by the maker, the model without its blanks, voltages that can be set.
const CELLS: &str = "cells";
const CELL_VOLTS: &str = "volts of a cell";
const VOLTAGES: &str = "output voltages";
/// Seconds of the quick test; a longer one is in minutes.
const QUICK: u32 = 10;

/// Fewest and most.
type Packs = (i64, i64);

/// What the model field begins with, the model, VA, fewest and most packs; in a rack, fewest and most.
#[rustfmt::skip]
const MODELS: &[(&str, &str, u32, Packs, Packs)] = &[
    ("A  700", "A700",  700,    (0, 0), (0, 0)),
    ("A 1000", "A1000", 1000,   (0, 2), (0, 2)),
    ("A 2000", "A2000", 2000,   (0, 2), (1, 5)),
    ("A 3000", "A3000", 3000,   (0, 2), (1, 5)),
    ("E 60",   "E60",   6000,   (1, 1), (1, 1)),
    ("E100",   "E100",  10_000, (1, 1), (1, 1)),
    ("E200",   "E200",  20_000, (1, 1), (1, 1)),
];
/// What stands in the model field of a unit for a rack.
const RACK: &str = "-19";

fn address(text: &str, picture: &mut Picture) -> Option<()> {
    line::whole(text)?;
    picture.text(var::UPS_ID.as_str(), text);
    Some(())
}

fn model(text: &str, picture: &mut Picture) -> Option<()> {
    let (_, model, power, ..) = MODELS.iter().find(|(begin, ..)| text.starts_with(begin))?;
    let rack = if text.contains(RACK) { RACK } else { "" };
    picture.text(var::DEVICE_MODEL.as_str(), &format!("{model}{rack}"));
    picture.number(var::UPS_POWER_NOMINAL.as_str(), (*power).into(), 0);
    Some(())
}

fn packs(picture: &Picture) -> Option<(i64, i64)> {
    let model = picture.shown(var::DEVICE_MODEL.as_str())?;
    let (name, rack) = match model.strip_suffix(RACK) {
        Some(name) => (name, true),
        None => (model, false),
    };
    let (.., tower, racked) = MODELS.iter().find(|(_, known, ..)| *known == name)?;
    Some(if rack { *racked } else { *tower })
}

fn hide(name: &'static str, text: &str, picture: &mut Picture) -> Option<()> {
    line::number(text)?;
    picture.hide(name, text);
    Some(())
}

/// `220 230 240`
fn voltages(text: &str, picture: &mut Picture) -> Option<()> {
    if text.split(' ').any(|volts| line::whole(volts).is_none()) {
        return None;
    }
    picture.hide(VOLTAGES, text);
    Some(())
}

fn listed(picture: &Picture) -> Vec<String> {
    let voltages = picture.shown(VOLTAGES).unwrap_or_default();
    voltages.split(' ').map(str::to_owned).collect()
}

/// `PNV=230`
fn nominal(text: &str, picture: &mut Picture) -> Option<()> {
    let digits = text.strip_prefix("PNV=").filter(|text| text.len() == 3)?;
    let volts = line::whole(digits)?;
    picture.number(var::OUTPUT_VOLTAGE_NOMINAL.as_str(), volts.into(), 0);
    Some(())
}

/// `017.03`: minutes and seconds.
fn runtime(text: &str, picture: &mut Picture) -> Option<()> {
    let (minutes, seconds) = text
        .split_once('.')
        .filter(|(minutes, _)| minutes.len() == 3)?;
    let seconds =
        60 * line::whole(minutes)? + line::whole(seconds).filter(|seconds| *seconds < 60)?;
    picture.number(var::BATTERY_RUNTIME.as_str(), seconds.into(), 0);
    Some(())
}

/// `1869:19:06:37`
fn uptime(text: &str, picture: &mut Picture) -> Option<()> {
    let parts: Vec<&str> = text.split(':').collect();
    let [days, hours, minutes, seconds] = *parts.as_slice() else {
        return None;
    };
    let part = |text: &str, digits: usize, most: u32| {
        let number = line::whole(text).filter(|number| *number <= most);
        number.filter(|_| text.len() == digits)
    };
    let (days, hours) = (part(days, 4, 9999)?, part(hours, 2, 23)?);
    let (minutes, seconds) = (part(minutes, 2, 59)?, part(seconds, 2, 59)?);
    let seconds = f64::from(days) * 86_400.0 + f64::from(hours * 3600 + minutes * 60 + seconds);
    picture.number(var::DEVICE_UPTIME.as_str(), seconds, 0);
    Some(())
}

/// Seconds, as the unit counts them.
fn since(value: &str) -> Option<String> {
    let seconds = line::whole(value)?;
    let days = seconds / 86_400;
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    (days <= 9999).then(|| format!("SRC{days:04}:{hours:02}:{minutes:02}:{:02}", seconds % 60))
}

/// What the unit does not say but what follows: volts of all cells, power, amperes.
fn finish(picture: &mut Picture) {
    let number = |picture: &Picture, name| picture.shown(name).and_then(line::number);
    if let Some(cells) = number(picture, CELLS) {
        if let Some(volts) = number(picture, CELL_VOLTS) {
            picture.number(var::BATTERY_VOLTAGE_NOMINAL.as_str(), cells * volts, 2);
        }
        if let Some(volts) = picture.get(var::BATTERY_VOLTAGE) {
            picture.number(var::BATTERY_VOLTAGE.as_str(), cells * volts, 2);
        }
    }
    let Some(rated) = picture.get(var::UPS_POWER_NOMINAL) else {
        return;
    };
    if let Some(load) = picture.get(var::UPS_LOAD) {
        let power = rated * load / 100.0;
        picture.number(var::UPS_POWER.as_str(), power, 0);
        if let Some(volts) = picture
            .get(var::OUTPUT_VOLTAGE)
            .filter(|volts| *volts > 0.0)
        {
            picture.number(var::OUTPUT_CURRENT.as_str(), power / volts, 2);
        }
    }
    if let Some(volts) = picture
        .get(var::OUTPUT_VOLTAGE_NOMINAL)
        .filter(|volts| *volts > 0.0)
    {
        picture.number(var::OUTPUT_CURRENT_NOMINAL.as_str(), rated / volts, 2);
    }
}

/// Off, and on again: after a minute at least, because no minutes mean to stay off in other dialects.
fn back(order: &Order<'_>) -> Result<Vec<String>, Error> {
    let minutes = (order.delays.on / 60).max(1);
    Ok(vec![format!("S{}R{minutes:04}", order.delays.off_digits())])
}

fn test(order: &Order<'_>) -> Result<Vec<String>, Error> {
    let value = order.value.unwrap_or_default();
    if line::whole(value) == Some(QUICK) {
        return Ok(vec!["T".to_owned()]);
    }
    Ok(vec![format!("T{}", minutes(within(value, 60, 5940)?))])
}
