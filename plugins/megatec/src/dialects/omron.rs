//! Omron's BN series, behind bridges of Omron.
//!
//! ```text
//! > Q1\r         < (102.5 000.0 102.4 000 49.9 54.5 22.7 00101000\r     flags 6 and 1 from the right mean something else
//! > Bl ?\r       < 100\r                              percent
//! > RTS\r        < 025\r                              minutes
//! > TPb\r        < +24.5\r                            °C
//! > Lf ?\r       < 49.9\r                             Hz
//! > UN\r         < 1125W/1125VA/048V/160W/020W\r
//! > FWV\r        < M:1.07(S:2.04)\r
//! > An\r         < OK\r                               after the shutdown on again; Af: stay off
//! > S.5\r        < OK\r                               Sf.5: stay off
//! ```
//!
//! Source: NUT's notes on a BN150T; the sixth flag is set on mains without bypass or boost, and the last is not the beeper.

use super::megatec::FLAGS;
use crate::commands::{Command, Order, Sends, tell};
use crate::dialect::{Ask, Dialect, Replies, ask, ask_bare};
use crate::picture::Picture;
use crate::row::{BATTERY, CELSIUS, HERTZ, Row, VOLTS, WHOLE, at, end, rest};
use husk_driver::wire::line;
use husk_driver::{cmd, var};

#[rustfmt::skip]
pub(super) static OMRON: Dialect = Dialect {
    name: "omron",
    usb_vendor: Some(0x0590),
    asks: &[
        ask("Q1", b'(', 46, &STATUS).each_poll().claims(),
        ask_bare("Bl ?", 3, &[rest(0).by(charge)]),
        ask_bare("RTS", 3, &[rest(0).by(runtime)]),
        ask_bare("TPb", 4, &[rest(0).by(temperature)]),
        ask_bare("Lf ?", 3, &[rest(0).by(frequency)]),
        ask_bare("PSNR", 16, &[rest(0).by(serial)]).once(),
        ask_bare("FWV", 14, &[rest(0).by(firmware)]).once(),
        ask_bare("BRR", 8, &[rest(0).by(date)]).once(),
        RATINGS,
    ],
    commands: COMMANDS,
    replies: Replies { yes: Some("OK"), ..Replies::SPOKEN },
    ..Dialect::USUAL
};

#[rustfmt::skip]
const STATUS: [Row; 14] = {
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
        at(41, 41).bit(failed.0, failed.1),
        at(42, 42).bit(kind.0, kind.1),
        at(43, 43).bit(test.0, test.1),
        at(44, 44).bit(off.0, off.1),
        end(46),
    ]
};

const RATINGS: Ask = ask_bare("UN", 26, &[rest(0).by(ratings)]).once();

#[rustfmt::skip]
static COMMANDS: &[Command] = &[
    tell(cmd::SHUTDOWN_RETURN,  Sends::By(|order| Ok(vec!["An".to_owned(), format!("S{}", off(order))]))),
    tell(cmd::SHUTDOWN_STAYOFF, Sends::By(|order| Ok(vec!["Af".to_owned(), format!("Sf{}", off(order))]))),
    tell(cmd::SHUTDOWN_STOP,    Sends::By(|_| Ok(vec!["C".to_owned()]))),
];

fn off(order: &Order<'_>) -> String {
    order.delays.off_digits()
}

fn charge(text: &str, picture: &mut Picture) -> Option<()> {
    let percent = line::whole(text).filter(|percent| *percent <= 100)?;
    picture.number(var::BATTERY_CHARGE.as_str(), percent.into(), 1);
    Some(())
}

fn runtime(text: &str, picture: &mut Picture) -> Option<()> {
    let minutes = f64::from(line::whole(text)?);
    picture.number(var::BATTERY_RUNTIME.as_str(), minutes * 60.0, 0);
    Some(())
}

fn temperature(text: &str, picture: &mut Picture) -> Option<()> {
    picture.number(var::BATTERY_TEMPERATURE.as_str(), line::signed(text)?, 1);
    Some(())
}

/// `49.9`, or whole hertz; what no mains have is noise.
fn frequency(text: &str, picture: &mut Picture) -> Option<()> {
    let whole = text.bytes().all(|byte| byte.is_ascii_digit());
    let tenths = text.len() == 4 && text.get(2..3) == Some(".");
    let hertz = line::number(text).filter(|hertz| whole || tenths || *hertz == 0.0)?;
    if hertz != 0.0 && !(40.0..=70.0).contains(&hertz) {
        return None;
    }
    picture.number(var::OUTPUT_FREQUENCY.as_str(), hertz, 1);
    Some(())
}

fn serial(text: &str, picture: &mut Picture) -> Option<()> {
    if text.starts_with("NAK") {
        return None;
    }
    picture.text(var::UPS_SERIAL.as_str(), text.trim_matches(['#', ' ']));
    Some(())
}

/// `M:1.07(S:2.04)`: of the main processor and of the second.
fn firmware(text: &str, picture: &mut Picture) -> Option<()> {
    let (main, second) = text.trim_end().strip_prefix("M:")?.split_once("(S:")?;
    let second = second.strip_suffix(')')?;
    picture.number(var::UPS_FIRMWARE.as_str(), line::number(main)?, 2);
    picture.number(var::UPS_FIRMWARE_AUX.as_str(), line::number(second)?, 2);
    Some(())
}

/// `20240229`; a day that is none is noise.
fn date(text: &str, picture: &mut Picture) -> Option<()> {
    let part = |from, to| line::columns(text, from, to).and_then(line::whole);
    let (year, month, day) = (part(0, 3)?, part(4, 5)?, part(6, 7)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if text.len() != 8 || !(1..=days).contains(&day) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    picture.text(var::BATTERY_DATE.as_str(), &date);
    Some(())
}

/// `1125W/1125VA/048V/160W/020W`
fn ratings(text: &str, picture: &mut Picture) -> Option<()> {
    let fields: Vec<&str> = text.split('/').collect();
    let [power, apparent, battery, fourth, fifth] = *fields.as_slice() else {
        return None;
    };
    let of = |field: &str, digits: usize, unit| {
        let digits = field.strip_suffix(unit).filter(|text| text.len() == digits);
        digits.and_then(line::whole)
    };
    let (power, apparent) = (of(power, 4, "W")?, of(apparent, 4, "VA")?);
    let battery = of(battery, 3, "V")?;
    of(fourth, 3, "W").and(of(fifth, 3, "W"))?;
    picture.number(var::UPS_REALPOWER_NOMINAL.as_str(), power.into(), 0);
    picture.number(var::UPS_POWER_NOMINAL.as_str(), apparent.into(), 0);
    picture.number(var::BATTERY_VOLTAGE_NOMINAL.as_str(), battery.into(), 0);
    Some(())
}
