//! Best Power and Sola Australia: Fortress, Patriot Pro, Axxium.
//!
//! ```text
//! > Q1\r         < (226.0 195.0 226.0 014 49.0 27.5 30.0 00001000\r
//! > ID\r         < FOR,750,120,120,20.0,27.6\r      model, VA, volts in and out, volts of an empty and a full battery
//! > RT\r         < 025\r                            minutes
//! > BP?\r        < 02\r                             packs, on Axxium and Sola 620; BP2 writes them
//! > M\r          < 0\r                              which of ten sets of transfer voltages
//! > SS?\r        < 0\r                              what the pins of the plug do; SS1 writes it
//! ```
//!
//! The units take up to 3 s to answer. On Patriot Pro the flag for bypass and AVR is inverted; on battery, in a test and
//! while switching off it means nothing on any. Source: Best Power's Phoenix and EPS-0059 sheets.

use super::megatec::FLAGS;
use crate::commands::{Command, Sends, tell};
use crate::delays::Spans;
use crate::dialect::{Dialect, ask, ask_bare};
use crate::picture::Picture;
use crate::row::{BATTERY, CELSIUS, HERTZ, Row, Says, VOLTS, WHOLE, at, end, rest};
use crate::writes::{Takes, Write, setting, write};
use husk_driver::wire::line;
use husk_driver::{Deadline, cmd, var, word};

#[rustfmt::skip]
pub(super) static BESTUPS: Dialect = Dialect {
    name: "bestups",
    asks: &[
        ask_bare("ID", 24, &[rest(0).by(identity)]).after_changes().claims(),
        ask("Q1", b'(', 46, &STATUS).each_poll().claims(),
        ask_bare("RT", 3, &[at(0, 2).number(var::BATTERY_RUNTIME, WHOLE).times(60.0)]).only(|picture| !is(picture, &["PRO", "320"])),
        ask_bare("BP?", 2, &[at(0, 1).number(var::BATTERY_PACKS, &["00"])]).after_changes().only(has_packs),
        ask_bare("SS?", 1, &[rest(0).by(pins)]).after_changes(),
        ask_bare("M", 1, &[rest(0).by(transfer)]),
    ],
    finish: regulating,
    commands: COMMANDS,
    writes: WRITES,
    spans: Some(Spans::BESTUPS),
    within: Deadline::ms(3000),
    ..Dialect::USUAL
};

/// The flag for bypass and AVR is left to [`regulating`]; the last is always 0 and says nothing of the beeper.
#[rustfmt::skip]
const STATUS: [Row; 15] = {
    let [mains, low, _, failed, kind, test, off, _] = FLAGS;
    [
        at(1, 5).number(var::INPUT_VOLTAGE, VOLTS),
        at(7, 11).number(var::INPUT_VOLTAGE_FAULT, VOLTS),
        at(13, 17).number(var::OUTPUT_VOLTAGE, VOLTS),
        at(19, 21).number(var::UPS_LOAD, WHOLE),
        at(23, 26).number(var::INPUT_FREQUENCY, HERTZ),
        at(28, 31).number(var::BATTERY_VOLTAGE, BATTERY),
        at(33, 36).number(var::UPS_TEMPERATURE, CELSIUS),
        at(38, 38).bit(mains.0, mains.1),
        at(39, 39).bit(low.0, low.1),
        at(40, 40).bit(&[], &[Says::Note(FLAG)]),
        at(41, 41).bit(failed.0, failed.1),
        at(42, 42).bit(kind.0, kind.1),
        at(43, 43).bit(test.0, test.1),
        at(44, 44).bit(off.0, off.1),
        end(46),
    ]
};

const FLAG: &str = "bypass or AVR";
/// A model nobody has listed: whether its flag is inverted is unknown.
const STRANGER: &str = "unknown model";
/// The three letters of the model.
const ID: &str = "id";

#[rustfmt::skip]
static COMMANDS: &[Command] = &[
    tell(cmd::SHUTDOWN_RETURN,          Sends::Return),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::Off),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("C")),
    tell(cmd::LOAD_ON,                  Sends::Text("C")),
    tell(cmd::LOAD_OFF,                 Sends::Text("S00R0000")),
    tell(cmd::TEST_BATTERY_START,       Sends::TestFor),
    tell(cmd::TEST_BATTERY_START_DEEP,  Sends::Text("TL")),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
    tell(cmd::TEST_BATTERY_STOP,        Sends::Text("CT")),
];

#[rustfmt::skip]
static WRITES: &[Write] = &[
    write(var::BATTERY_PACKS,      Takes::Range(|_| Some((0, 5))), |value, _| Some(format!("BP{}", line::whole(value)?))).only(has_packs),
    setting("pins_shutdown_mode",  Takes::Range(|_| Some((0, 6))), |value, _| Some(format!("SS{}", line::whole(value)?))).only(|picture| picture.has("pins_shutdown_mode")),
];

fn is(picture: &Picture, models: &[&str]) -> bool {
    picture.shown(ID).is_some_and(|id| models.contains(&id))
}

fn has_packs(picture: &Picture) -> bool {
    is(picture, &["AX1", "620"])
}

/// `FOR,750,120,120,20.0,27.6`. Models nobody has listed are shown by their letters.
fn identity(text: &str, picture: &mut Picture) -> Option<()> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    let [id, power, input, output, low, high] = *fields.as_slice() else {
        return None;
    };
    let letters = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if id.len() != 3 || !id.bytes().all(letters) {
        return None;
    }
    let known = MODELS.iter().find(|(known, ..)| *known == id);
    if known.is_none() {
        picture.note(STRANGER);
    }
    let (maker, model) = known.map_or((None, id), |(_, maker, model)| (Some(*maker), *model));
    picture.hide(ID, id);
    picture.text(var::DEVICE_MFR.as_str(), maker.unwrap_or_default());
    picture.text(var::DEVICE_MODEL.as_str(), model);
    for (name, text, decimals) in [
        (var::UPS_POWER_NOMINAL, power, 0),
        (var::INPUT_VOLTAGE_NOMINAL, input, 0),
        (var::OUTPUT_VOLTAGE_NOMINAL, output, 0),
        (var::BATTERY_VOLTAGE_LOW, low, 1),
        (var::BATTERY_VOLTAGE_HIGH, high, 1),
    ] {
        picture.number(name.as_str(), line::number(text)?, decimals);
    }
    Some(())
}

const BEST: &str = "Best Power";
const SOLA: &str = "Sola Australia";

#[rustfmt::skip]
const MODELS: &[(&str, &str, &str)] = &[
    ("AX1", BEST, "Axxium Rackmount"),
    ("FOR", BEST, "Fortress"),
    ("FTC", BEST, "Fortress Telecom"),
    ("PR2", BEST, "Patriot Pro II"),
    ("PRO", BEST, "Patriot Pro"),
    ("320", SOLA, "Sola 320"),
    ("325", SOLA, "Sola 325"),
    ("520", SOLA, "Sola 520"),
    ("525", SOLA, "Sola 525"),
    ("620", SOLA, "Sola 620"),
];

fn pins(text: &str, picture: &mut Picture) -> Option<()> {
    let mode = line::whole(text)?;
    picture.hide("pins_shutdown_mode", &mode.to_string());
    Some(())
}

/// The sets of voltages: low, boost below, nominal, trim above, high. The second ten are those of 230 V models.
#[rustfmt::skip]
const TRANSFER: [[u32; 5]; 20] = [
    [96, 109, 120, 130, 146], [96, 109, 120, 138, 156], [90, 104, 120, 130, 146], [90, 104, 120, 138, 156], [90, 104, 110, 120, 130],
    [90, 104, 110, 130, 146], [90, 96, 110, 120, 130], [90, 96, 110, 130, 146], [96, 109, 128, 146, 156], [90, 104, 128, 146, 156],
    [200, 222, 240, 250, 284], [200, 222, 240, 264, 290], [188, 210, 240, 250, 284], [188, 210, 240, 264, 290], [188, 210, 230, 244, 270],
    [188, 210, 230, 250, 284], [180, 200, 230, 244, 270], [180, 200, 230, 250, 284], [165, 188, 208, 222, 244], [165, 188, 208, 244, 270],
];
/// Nominal volts above which a model is one of the second ten.
const HIGH_MODELS: f64 = 160.0;

fn transfer(text: &str, picture: &mut Picture) -> Option<()> {
    let index = line::whole(text).filter(|index| *index <= 9)? as usize;
    let nominal = picture.get(var::INPUT_VOLTAGE_NOMINAL)?;
    let index = index + if nominal > HIGH_MODELS { 10 } else { 0 };
    let [low, boost, nominal, trim, high] = *TRANSFER.get(index)?;
    for (name, volts) in [
        (var::INPUT_TRANSFER_LOW, low),
        (var::INPUT_TRANSFER_BOOST_LOW, low),
        (var::INPUT_TRANSFER_BOOST_HIGH, boost),
        (var::INPUT_VOLTAGE_NOMINAL, nominal),
        (var::OUTPUT_VOLTAGE_NOMINAL, nominal),
        (var::INPUT_TRANSFER_TRIM_LOW, trim),
        (var::INPUT_TRANSFER_TRIM_HIGH, high),
        (var::INPUT_TRANSFER_HIGH, high),
    ] {
        picture.number(name.as_str(), volts.into(), 0);
    }
    Some(())
}

fn regulating(picture: &mut Picture) {
    let inverted = is(picture, &["PR2", "PRO"]);
    let quiet = picture.noted(STRANGER)
        || picture.mains() != Some(true)
        || picture.shutting_down()
        || picture.words().contains(&word::CAL);
    if !quiet && picture.noted(FLAG) != inverted {
        picture.says(Says::Regulating);
    }
}
