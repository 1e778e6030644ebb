//! The dialects: which query gives what, in which columns, and what a device must answer to be taken for one.
//!
//! Sources: Megatec protocol information (columns of Q1, F and I), Voltronic QS sheet (QS, QI, F, M), the lists of
//! units in the NUT project's issues for the two shapes of the battery voltage.

use crate::answer::{Field, Query, Shown};
use crate::commands::{Command, MEGATEC, VOLTRONIC_QS};
use husk_driver::var;

/// One dialect of the family.
pub(crate) struct Dialect {
    /// What `protocol =` calls it.
    pub(crate) name: &'static str,
    /// idVendor of the only bridge it is looked for behind; named by `protocol =`, it is spoken over anything.
    pub(crate) usb_vendor: Option<u16>,
    pub(crate) status: Query,
    /// A query whose answer is one letter, and the letters this dialect is for, with the name each stands for.
    pub(crate) letter: Option<(&'static str, &'static [(&'static str, &'static str)])>,
    pub(crate) rating: Option<Query>,
    /// The vendor query, and whether the device must answer it to be of this dialect (unless `novendor`).
    pub(crate) vendor: Option<(&'static str, Needed)>,
    /// Charge, runtime and transfer voltages, on units that measure them.
    pub(crate) details: Option<Query>,
    pub(crate) commands: &'static [Command],
    /// Seconds `ups.delay.shutdown` may be.
    pub(crate) off: (u32, u32),
    /// Seconds `ups.delay.start` may be.
    pub(crate) on: (u32, u32),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    Yes,
    No,
}

/// The dialects in the order they are tried: those a device claims by an answer that is theirs alone come first.
/// QS before Q1, because units of both sorts know Q1 and tell less by it.
#[rustfmt::skip]
pub(crate) static DIALECTS: &[Dialect] = &[
    Dialect {
        name: "voltronic-qs",
        usb_vendor: None,
        letter: Some(("M", &[("V", "PM-V"), ("H", "PM-H")])),
        status: Query { ask: "QS", lead: b'(', fields: QS },
        rating: Some(Query { ask: "F", lead: b'#', fields: OUTPUT_RATING }),
        vendor: None,
        details: Some(Query { ask: "QI", lead: b'(', fields: QI }),
        commands: VOLTRONIC_QS,
        off: (12, 540),
        on: (60, 599_940),
    },
    Dialect { name: "mustek",      status: Query { ask: "QS", ..Q1_QUERY }, ..MEGATEC_UNIT },
    Dialect { name: "megatec/old", status: Query { ask: "D", ..Q1_QUERY },  ..MEGATEC_UNIT },
    Dialect { name: "megatec",     vendor: Some(("I", Needed::Yes)),        ..MEGATEC_UNIT },
    Dialect { name: "zinto",       vendor: Some(("FW?", Needed::Yes)),      ..MEGATEC_UNIT },
    Dialect { name: "innovatae",                                            ..MEGATEC_UNIT },
    // The least: nothing but the status is asked for. Only ever chosen by name.
    Dialect { name: "q1",          rating: None, vendor: None,              ..MEGATEC_UNIT },
];

const Q1_QUERY: Query = Query {
    ask: "Q1",
    lead: b'(',
    fields: Q1,
};

/// What the dialects of the Megatec sheet have in common.
const MEGATEC_UNIT: Dialect = Dialect {
    name: "",
    usb_vendor: None,
    letter: None,
    status: Q1_QUERY,
    rating: Some(Query {
        ask: "F",
        lead: b'#',
        fields: INPUT_RATING,
    }),
    vendor: Some(("I", Needed::No)),
    details: None,
    commands: MEGATEC,
    off: (12, 600),
    on: (0, 599_940),
};

const VOLTS: &[&str] = &["000.0"];
const HERTZ: &[&str] = &["00.0"];
/// The whole string (27.4), or one cell of it (2.27).
const BATTERY: &[&str] = &["00.0", "0.00"];

/// `(MMM.M NNN.N PPP.P QQQ RR.R SS.S TT.T b7…b0`
#[rustfmt::skip]
static Q1: &[Field] = &[
    Field { from:  1, to:  5, shapes: VOLTS,     is: var::INPUT_VOLTAGE,       shown: Shown::AsSent },
    Field { from:  7, to: 11, shapes: VOLTS,     is: var::INPUT_VOLTAGE_FAULT, shown: Shown::AsSent },
    Field { from: 13, to: 17, shapes: VOLTS,     is: var::OUTPUT_VOLTAGE,      shown: Shown::AsSent },
    Field { from: 19, to: 21, shapes: &["000"],  is: var::UPS_LOAD,            shown: Shown::AsSent },
    Field { from: 23, to: 26, shapes: HERTZ,     is: var::INPUT_FREQUENCY,     shown: Shown::AsSent },
    Field { from: 28, to: 31, shapes: BATTERY,   is: var::BATTERY_VOLTAGE,     shown: Shown::AsSent },
    Field { from: 33, to: 36, shapes: &["00.0"], is: var::UPS_TEMPERATURE,     shown: Shown::AsSent },
];

/// As Q1, but the frequency is that of the output.
#[rustfmt::skip]
static QS: &[Field] = &[
    Field { from:  1, to:  5, shapes: VOLTS,     is: var::INPUT_VOLTAGE,       shown: Shown::AsSent },
    Field { from:  7, to: 11, shapes: VOLTS,     is: var::INPUT_VOLTAGE_FAULT, shown: Shown::AsSent },
    Field { from: 13, to: 17, shapes: VOLTS,     is: var::OUTPUT_VOLTAGE,      shown: Shown::AsSent },
    Field { from: 19, to: 21, shapes: &["000"],  is: var::UPS_LOAD,            shown: Shown::AsSent },
    Field { from: 23, to: 26, shapes: HERTZ,     is: var::OUTPUT_FREQUENCY,    shown: Shown::AsSent },
    Field { from: 28, to: 31, shapes: BATTERY,   is: var::BATTERY_VOLTAGE,     shown: Shown::AsSent },
    Field { from: 33, to: 36, shapes: &["00.0"], is: var::UPS_TEMPERATURE,     shown: Shown::AsSent },
];

/// `(099 02920 50.1 000.0 169 279 0 0000010000102000`
#[rustfmt::skip]
static QI: &[Field] = &[
    Field { from:  1, to:  3, shapes: &["000"],   is: var::BATTERY_CHARGE,      shown: Shown::AsSent },
    Field { from:  5, to:  9, shapes: &["00000"], is: var::BATTERY_RUNTIME,     shown: Shown::AsSent },
    Field { from: 11, to: 14, shapes: HERTZ,      is: var::INPUT_FREQUENCY,     shown: Shown::AsSent },
    Field { from: 16, to: 20, shapes: &["000.0"], is: var::OUTPUT_CURRENT,      shown: Shown::AsSent },
    Field { from: 22, to: 24, shapes: &["000"],   is: var::INPUT_TRANSFER_LOW,  shown: Shown::AsSent },
    Field { from: 26, to: 28, shapes: &["000"],   is: var::INPUT_TRANSFER_HIGH, shown: Shown::AsSent },
];

/// Whole amperes by the sheet; small units send 3.6. A 4 that turned into a point cannot be told from that.
const AMPERES: &[&str] = &["000", "0.0"];
const STRING: &[&str] = &["000.0", "00.00"];
const WHOLE: Shown = Shown::Decimals(0);
const TENTHS: Shown = Shown::Decimals(1);

/// `#MMM.M QQQ SS.SS RR.R`
#[rustfmt::skip]
static INPUT_RATING: &[Field] = &[
    Field { from:  1, to:  5, shapes: VOLTS,   is: var::INPUT_VOLTAGE_NOMINAL,   shown: WHOLE },
    Field { from:  7, to:  9, shapes: AMPERES, is: var::INPUT_CURRENT_NOMINAL,   shown: TENTHS },
    Field { from: 11, to: 15, shapes: STRING,  is: var::BATTERY_VOLTAGE_NOMINAL, shown: TENTHS },
    Field { from: 17, to: 20, shapes: HERTZ,   is: var::INPUT_FREQUENCY_NOMINAL, shown: WHOLE },
];

/// The same columns, said of the output.
#[rustfmt::skip]
static OUTPUT_RATING: &[Field] = &[
    Field { from:  1, to:  5, shapes: VOLTS,   is: var::OUTPUT_VOLTAGE_NOMINAL,   shown: WHOLE },
    Field { from:  7, to:  9, shapes: AMPERES, is: var::OUTPUT_CURRENT_NOMINAL,   shown: TENTHS },
    Field { from: 11, to: 15, shapes: STRING,  is: var::BATTERY_VOLTAGE_NOMINAL,  shown: TENTHS },
    Field { from: 17, to: 20, shapes: HERTZ,   is: var::OUTPUT_FREQUENCY_NOMINAL, shown: WHOLE },
];
