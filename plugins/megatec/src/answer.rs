//! Answers of fixed columns, read by the rows of `dialect`.
//!
//! All or nothing: a column whose bytes are not of one of its shapes makes the whole line an error.

use crate::line::strange;
use husk_driver::wire::line;
use husk_driver::{Error, Report, Value, Var, fixed};

/// A query whose answer is numbers in fixed columns.
pub(crate) struct Query {
    /// What is sent, without the carriage return.
    pub(crate) ask: &'static str,
    /// The first byte of the answer.
    pub(crate) lead: u8,
    pub(crate) fields: &'static [Field],
}

/// One field of an answer. Columns count bytes from 0, inclusive, the lead byte included.
pub(crate) struct Field {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// How the field may look, `0` for any digit; with dashes for digits the value is unknown.
    pub(crate) shapes: &'static [&'static str],
    pub(crate) is: Var,
    pub(crate) shown: Shown,
}

/// How many decimals are published.
#[derive(Clone, Copy)]
pub(crate) enum Shown {
    /// As many as the device sent.
    AsSent,
    Decimals(u8),
}

/// The values of one answer; what the device does not know is left out.
#[derive(Default)]
pub(crate) struct Values(Vec<(Var, f64, u8)>);

impl Values {
    pub(crate) fn get(&self, variable: Var) -> Option<f64> {
        self.0
            .iter()
            .find(|(known, ..)| *known == variable)
            .map(|(_, value, _)| *value)
    }

    pub(crate) fn report(&self, report: &mut Report) {
        for (variable, value, decimals) in &self.0 {
            report.set(*variable, fixed(*value, *decimals));
        }
    }

    /// Without the zeros: a rating of nothing is a device that does not know its rating (MEC0003 bridges send it).
    pub(crate) fn without_zeros(mut self) -> Self {
        self.0.retain(|(_, value, _)| *value > 0.0);
        self
    }
}

/// The eight bits that end an answer to the status query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    pub(crate) mains_failed: bool,
    pub(crate) battery_low: bool,
    /// Bypass, trim or boost.
    pub(crate) regulating: bool,
    pub(crate) failed: bool,
    pub(crate) line_interactive: bool,
    pub(crate) test_runs: bool,
    pub(crate) shutdown_runs: bool,
    pub(crate) beeper: bool,
}

/// The column of the first flag in an answer to the status query.
const FLAGS: usize = 38;

/// Reads an answer of numbers.
pub(crate) fn values(query: &Query, answer: &str) -> Result<Values, Error> {
    read(query, answer).ok_or_else(|| strange(query.ask, answer.as_bytes()))
}

/// Reads an answer to the status query: numbers and flags.
pub(crate) fn status(query: &Query, answer: &str) -> Result<(Values, Flags), Error> {
    let both = || Some((read(query, answer)?, flags(answer)?));
    both().ok_or_else(|| strange(query.ask, answer.as_bytes()))
}

fn read(query: &Query, answer: &str) -> Option<Values> {
    if line::column(answer, 0)? != query.lead {
        return None;
    }
    let mut values = Values::default();
    for field in query.fields {
        let text = line::columns(answer, field.from, field.to)?;
        let has = |shape: &&str, digit: fn(u8) -> bool| {
            shape.len() == text.len()
                && shape
                    .bytes()
                    .zip(text.bytes())
                    .all(|(want, byte)| match want {
                        b'0' => digit(byte),
                        other => other == byte,
                    })
        };
        if !at_border(answer, field.to + 1) {
            return None;
        }
        if let Some(shape) = field
            .shapes
            .iter()
            .find(|shape| has(shape, |byte| byte.is_ascii_digit()))
        {
            let decimals = match field.shown {
                Shown::Decimals(decimals) => decimals,
                Shown::AsSent => shape
                    .split_once('.')
                    .map_or(0, |(_, part)| part.len() as u8),
            };
            values.0.push((field.is, line::number(text)?, decimals));
        } else if !field
            .shapes
            .iter()
            .any(|shape| has(shape, |byte| byte == b'-'))
        {
            return None;
        }
    }
    Some(values)
}

fn flags(answer: &str) -> Option<Flags> {
    let bit = |at: usize| line::bit(line::column(answer, FLAGS + at)?);
    if !at_border(answer, FLAGS + 8) {
        return None;
    }
    Some(Flags {
        mains_failed: bit(0)?,
        battery_low: bit(1)?,
        regulating: bit(2)?,
        failed: bit(3)?,
        line_interactive: bit(4)?,
        test_runs: bit(5)?,
        shutdown_runs: bit(6)?,
        beeper: bit(7)?,
    })
}

/// Whether a field ends before this column: a blank, or the end of the line. Some units go on after a blank.
fn at_border(answer: &str, column: usize) -> bool {
    matches!(line::column(answer, column), None | Some(b' '))
}

/// What the device calls itself; blank fields are unknown.
#[derive(Default)]
pub(crate) struct Vendor {
    pub(crate) maker: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) firmware: Option<String>,
}

/// Reads an answer to the vendor query.
///
/// The sheet has 38 columns: maker 1-15, model 17-26, firmware 28-37. Units with Megatec's own controller send 37:
/// maker 1-7, serial number 8-15, model 17-21, a runtime of unknown unit 22-26 (left out), firmware 28-36. The five
/// digits of the runtime tell the latter from a line of the former that lost a byte on the way.
pub(crate) fn vendor(query: &str, answer: &str) -> Result<Vendor, Error> {
    let trimmed = |from, to| {
        let text = line::columns(answer, from, to)?.trim_matches([' ', '#']);
        (!text.is_empty()).then(|| text.to_owned())
    };
    match (line::column(answer, 0), answer.len()) {
        (Some(b'#'), 37)
            if line::columns(answer, 22, 26)
                .and_then(line::whole)
                .is_some() =>
        {
            Ok(Vendor {
                maker: trimmed(1, 7),
                serial: trimmed(8, 15),
                model: trimmed(17, 21),
                firmware: trimmed(28, 36),
            })
        }
        (Some(b'#'), 38..)
            if at_border(answer, 16) && at_border(answer, 27) && at_border(answer, 38) =>
        {
            Ok(Vendor {
                maker: trimmed(1, 15),
                serial: None,
                model: trimmed(17, 26),
                firmware: trimmed(28, 37),
            })
        }
        _ => Err(strange(query, answer.as_bytes())),
    }
}

impl Vendor {
    pub(crate) fn report(&self, report: &mut Report) {
        use husk_driver::var;
        let mut set = |variable, text: &Option<String>| {
            report.set(variable, Value::from(text.clone()));
        };
        set(var::DEVICE_MFR, &self.maker);
        set(var::DEVICE_MODEL, &self.model);
        set(var::DEVICE_SERIAL, &self.serial);
        set(var::UPS_FIRMWARE, &self.firmware);
    }
}
