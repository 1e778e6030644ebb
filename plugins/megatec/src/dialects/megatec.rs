//! The dialects of the Megatec sheet: Megatec, its older form, Mustek, Zinto, Hunnox, Innovatae, and the least of them.
//!
//! ```text
//! > Q1\r                                                       D on older units, QS on Mustek's
//! < (215.0 195.0 230.0 014 50.0 27.4 25.0 10001001\r
//!    input fault output load Hz battery °C  flags: mains failed, battery low, bypass or AVR, UPS failed,
//!                                           line-interactive, test runs, shutdown runs, beeper on
//! > F\r
//! < #230.0 004 024.0 50.0\r                                    volts, amperes, battery volts, hertz
//! > I\r                                                        FW? on Zinto's
//! < #Example         Sim1500    V1.0      \r                   maker (15), model (10), firmware (10)
//! > BL\r                                                       Hunnox only
//! < BL096\r                                                    percent
//! ```
//!
//! Sources: Megatec protocol information sheet (2001); for both widths of the battery voltage, the lists of units in the
//! NUT project's issues.

use crate::answer::at_border;
use crate::delays::Spans;
use crate::dialect::{Ask, Dialect, ask};
use crate::picture::Picture;
use crate::row::{
    AMPERES, BATTERY, CELSIUS, HERTZ, Row, STRING, Says, VOLTS, WHOLE, at, end, rest,
};
use husk_driver::wire::line;
use husk_driver::{Var, var, word};

#[rustfmt::skip]
pub(super) static MEGATEC: Dialect = Dialect {
    name: "megatec",
    asks: &[STATUS, MAKER.claims(), RATING],
    ..Dialect::USUAL
};

#[rustfmt::skip]
pub(super) static ZINTO: Dialect = Dialect {
    name: "zinto",
    asks: &[STATUS, Ask { query: "FW?", ..MAKER }.claims(), RATING],
    ..Dialect::USUAL
};

#[rustfmt::skip]
pub(super) static MEGATEC_OLD: Dialect = Dialect {
    name: "megatec/old",
    asks: &[Ask { query: "D", ..STATUS }, MAKER, RATING],
    ..Dialect::USUAL
};

#[rustfmt::skip]
pub(super) static MUSTEK: Dialect = Dialect {
    name: "mustek",
    asks: &[Ask { query: "QS", ..STATUS }, MAKER, RATING],
    ..Dialect::USUAL
};

/// Units that measure the charge; the charge falls quickly, so it is asked for each time.
#[rustfmt::skip]
pub(super) static HUNNOX: Dialect = Dialect {
    name: "hunnox",
    asks: &[
        STATUS,
        Ask { query: "FW?", ..MAKER }.claims(),
        RATING,
        ask("BL", b'B', 3, &[rest(0).by(charge)]).often(),
    ],
    spans: Some(Spans::HUNNOX),
    replies: crate::dialect::Replies { yes: Some("UPS No Ack"), ..crate::dialect::Replies::USUAL },
    ..Dialect::USUAL
};

/// Units by Innova; their sheet has the firmware in eight columns.
#[rustfmt::skip]
pub(super) static INNOVATAE: Dialect = Dialect {
    name: "innovatae",
    asks: &[STATUS, MAKER, RATING],
    ..Dialect::USUAL
};

/// The least: nothing but the status is asked for.
#[rustfmt::skip]
pub(super) static Q1: Dialect = Dialect {
    name: "q1",
    asks: &[STATUS],
    ..Dialect::USUAL
};

/// The status of the sheet.
pub(super) const STATUS: Ask = ask("Q1", b'(', 46, STATUS_ROWS).each_poll().claims();
pub(super) const STATUS_ROWS: &[Row] = &status(var::INPUT_FREQUENCY, &[Says::Regulating]);

/// The rating of the sheet: of the input.
pub(super) const RATING: Ask = ask("F", b'#', 21, INPUT_RATING).once().unless("norating");

/// Who made it.
pub(super) const MAKER: Ask = ask("I", b'#', 37, &[rest(0).by(maker)])
    .once()
    .unless("novendor");

/// `(MMM.M NNN.N PPP.P QQQ RR.R SS.S TT.T b7…b0`; which frequency it is and what the sixth flag from the right says
/// depends on the dialect.
#[rustfmt::skip]
pub(super) const fn status(frequency: Var, regulating: &'static [Says]) -> [Row; 16] {
    let [mains, low, _, failed, kind, test, off, beeper] = FLAGS;
    [
        at(1, 5).number(var::INPUT_VOLTAGE, VOLTS),
        at(7, 11).number(var::INPUT_VOLTAGE_FAULT, VOLTS),
        at(13, 17).number(var::OUTPUT_VOLTAGE, VOLTS),
        at(19, 21).number(var::UPS_LOAD, WHOLE),
        at(23, 26).number(frequency, HERTZ),
        at(28, 31).number(var::BATTERY_VOLTAGE, BATTERY),
        at(33, 36).number(var::UPS_TEMPERATURE, CELSIUS),
        at(38, 38).bit(mains.0, mains.1),
        at(39, 39).bit(low.0, low.1),
        at(40, 40).bit(&[], regulating),
        at(41, 41).bit(failed.0, failed.1),
        at(42, 42).bit(kind.0, kind.1),
        at(43, 43).bit(test.0, test.1),
        at(44, 44).bit(off.0, off.1),
        at(45, 45).bit(beeper.0, beeper.1),
        end(46),
    ]
}

/// The flags from the left: what a 0 says and what a 1 says.
#[rustfmt::skip]
pub(super) const FLAGS: [(&[Says], &[Says]); 8] = [
    (&[Says::Mains(true)],                          &[Says::Mains(false)]),
    (&[],                                           &[Says::Is(word::LB)]),
    (&[],                                           &[Says::Regulating]),
    (&[],                                           &[Says::Alarm(SELF_TEST_FAILED)]),
    (&[Says::Value(var::UPS_TYPE, "online")],       &[Says::Value(var::UPS_TYPE, "offline / line interactive")]),
    (&[],                                           &[Says::Is(word::CAL)]),
    (&[],                                           &[Says::ShuttingDown]),
    (&[Says::Value(var::UPS_BEEPER_STATUS, "disabled")], &[Says::Value(var::UPS_BEEPER_STATUS, "enabled")]),
];

pub(super) const SELF_TEST_FAILED: &str = "The UPS says that its self-test failed";

/// `#MMM.M QQQ SS.SS RR.R`. Zeros are a device that does not know (MEC0003 bridges send them).
pub(super) const INPUT_RATING: &[Row] = &rating(
    var::INPUT_VOLTAGE_NOMINAL,
    var::INPUT_CURRENT_NOMINAL,
    var::INPUT_FREQUENCY_NOMINAL,
);

/// The same columns, said of the output.
pub(super) const OUTPUT_RATING: &[Row] = &rating(
    var::OUTPUT_VOLTAGE_NOMINAL,
    var::OUTPUT_CURRENT_NOMINAL,
    var::OUTPUT_FREQUENCY_NOMINAL,
);

#[rustfmt::skip]
const fn rating(volts: Var, amperes: Var, hertz: Var) -> [Row; 4] {
    [
        at(1, 5).number(volts, VOLTS).decimals(0).unless_zero(),
        at(7, 9).number(amperes, AMPERES).decimals(1).unless_zero(),
        at(11, 15).number(var::BATTERY_VOLTAGE_NOMINAL, STRING).decimals(1).unless_zero(),
        at(17, 20).number(hertz, HERTZ).decimals(0).unless_zero(),
    ]
}

/// What the device calls itself.
///
/// The sheet has 38 columns: maker 1-15, model 17-26, firmware 28-37. Units with Megatec's own controller send 37:
/// maker 1-7, serial number 8-15, model 17-21, a runtime of unknown unit 22-26 (left out), firmware 28-36. The five
/// digits of the runtime tell the latter from a line of the former that lost a byte on the way.
fn maker(answer: &str, picture: &mut Picture) -> Option<()> {
    let mut take = |name: Var, from, to| {
        let text = line::columns(answer, from, to).unwrap_or_default();
        picture.text(name.as_str(), text.trim_matches([' ', '#']));
    };
    let runtime = line::columns(answer, 22, 26).and_then(line::whole);
    match answer.len() {
        37 if runtime.is_some() => {
            take(var::DEVICE_MFR, 1, 7);
            take(var::UPS_SERIAL, 8, 15);
            take(var::DEVICE_MODEL, 17, 21);
            take(var::UPS_FIRMWARE, 28, 36);
        }
        38.. if [16, 27, 38].iter().all(|column| at_border(answer, *column)) => {
            take(var::DEVICE_MFR, 1, 15);
            take(var::DEVICE_MODEL, 17, 26);
            take(var::UPS_FIRMWARE, 28, 37);
        }
        _ => return None,
    }
    Some(())
}

/// `BL096`: more than 100 % is noise.
fn charge(answer: &str, picture: &mut Picture) -> Option<()> {
    let percent = line::whole(answer.strip_prefix("BL")?)?;
    if percent > 100 {
        return None;
    }
    picture.number(var::BATTERY_CHARGE.as_str(), percent.into(), 0);
    Some(())
}
