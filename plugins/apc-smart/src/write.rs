//! Writing to the unit's EEPROM, which lasts for some 100,000 writes and no more.
//!
//! ```text
//! > u    < 253          the value now; only one of those listed will do, or the letter was lost on the line
//! > -    < OK  (or |OK) the next one of the list
//! > u    < 257          and so on until it is the one that is wanted
//!
//! > c    < UPS_IDEN
//! > -    (silence)  > rack3\r\r\r      eight bytes, 50 ms apart
//! < OK
//! ```
//!
//! Refuses to write what is there already, to write where the answer does not fit, and to go on when a step is
//! refused: then it goes back to the value it found, as far as the unit lets it.

use crate::identify::{Known, VALUE_WITHIN_MS};
use crate::letters::Unit;
use crate::line::{Line, Said};
use crate::trust;
use husk_driver::host::{self, Level};
use husk_driver::{Error, log};

/// Steps of one write; no list has more than a dozen values (NUT).
const STEPS_MAX: u32 = 32;
/// The host allows 15 s for a write; the way back has its own part of it.
const BUDGET_MS: u64 = 8_000;
const BACK_BUDGET_MS: u64 = 4_000;
/// A write of the EEPROM takes longer than a look at it.
const STORED_WITHIN_MS: u64 = 3_000;
/// Bytes of a text in the EEPROM.
pub(crate) const TEXT_BYTES: u32 = 8;

/// Writes a value of the list, or a text; the new answer to the letter.
///
/// # Errors
/// [`Error::InvalidArgument`] for a value the unit does not take, [`Error::Failed`] when it refused.
pub(crate) fn write(line: &mut Line, known: &Known, value: &str) -> Result<String, Error> {
    if known.letter.unit == Unit::Text && known.choices.is_empty() {
        return text(line, known, value);
    }
    choice(line, known, value)
}

fn current(line: &mut Line, known: &Known) -> Result<String, Error> {
    trust::text(line, known.letter.ask, VALUE_WITHIN_MS, |_| false)?
        .ok_or_else(|| Error::Failed("it does not tell the value there is".into()))
}

fn choice(line: &mut Line, known: &Known, value: &str) -> Result<String, Error> {
    let unit = known.letter.unit;
    let is = |text: &str| unit.convert(text.trim_end()).as_deref() == Some(value);
    if !known.choices.is_empty() && !known.choices.iter().any(|choice| is(choice)) {
        return Err(Error::InvalidArgument(format!(
            "it takes one of {}",
            known.choices.join(", ")
        )));
    }
    let found = current(line, known)?;
    if is(&found) {
        log!(Level::Info, "{value} is there already: not written again");
        return Ok(found);
    }
    let until = host::now_ms() + BUDGET_MS;
    match walk(line, known, &found, found.clone(), until, is) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(Error::Failed("its list has no such value".into())),
        Err(error @ Error::Lost) => Err(error),
        Err(error) => {
            let until = host::now_ms() + BACK_BUDGET_MS;
            let back = current(line, known)
                .and_then(|now| walk(line, known, &found, now, until, |text| text == found));
            let left = match back {
                Ok(Some(_)) => "; the old value is there again".to_owned(),
                _ => format!("; it may be another than {found} now"),
            };
            Err(Error::Failed(format!("{error}{left}")))
        }
    }
}

/// Steps on until a value is the wanted one; `None`: once around without it.
fn walk(
    line: &mut Line,
    known: &Known,
    found: &str,
    mut now: String,
    until_ms: u64,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Option<String>, Error> {
    for _ in 0..STEPS_MAX {
        if is_wanted(&now) {
            return Ok(Some(now));
        }
        let listed = |text: &str| {
            known.choices.is_empty()
                || known
                    .choices
                    .iter()
                    .any(|choice| choice.trim_end() == text.trim_end())
        };
        if !listed(&now) && now != found {
            return Err(Error::Failed(format!("`{now}` is none of its values")));
        }
        if host::now_ms() >= until_ms {
            return Err(Error::Failed("it takes too long".into()));
        }
        let stepped = line.ask(b"-", STORED_WITHIN_MS);
        match stepped {
            Ok(Said::Text(answer)) if answer == "OK" => {}
            Ok(Said::Text(answer)) => {
                return Err(Error::Failed(format!(
                    "the step was answered by `{answer}`"
                )));
            }
            Ok(Said::NotAvailable) => {
                return Err(Error::Failed("the step was answered by `NA`".into()));
            }
            // Whether it was taken, the value tells.
            Err(Error::Timeout | Error::Protocol(_)) => {}
            Err(error) => return Err(error),
        }
        now = current(line, known)?;
        if now == found && !is_wanted(&now) {
            return Ok(None);
        }
    }
    Err(Error::Failed(format!("not reached in {STEPS_MAX} steps")))
}

fn text(line: &mut Line, known: &Known, value: &str) -> Result<String, Error> {
    // Should the - be lost on the line, the text is taken for commands, and @ with digits switches off on mains too.
    let is_text =
        |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'@' && !crate::alerts::is_alert(byte);
    if value.len() > TEXT_BYTES as usize || !value.bytes().all(is_text) {
        return Err(Error::InvalidArgument(format!(
            "it takes up to {TEXT_BYTES} characters, none of @ ! $ % + # ? = | & *"
        )));
    }
    let value = value.trim_end();
    let found = current(line, known)?;
    if found.trim_end() == value {
        log!(Level::Info, "{value} is there already: not written again");
        return Ok(found);
    }
    let mut bytes = vec![b'-'];
    bytes.extend(value.bytes());
    bytes.resize(1 + TEXT_BYTES as usize, b'\r');
    // The bytes belong to the letter asked last, which is this one.
    line.send_long(&bytes)?;
    match line.read_line(crate::line::Listen::Value, STORED_WITHIN_MS) {
        Ok(answer) if answer == b"NO" || answer == b"NA" => {
            return Err(Error::Failed("the text was refused".into()));
        }
        Ok(_) | Err(Error::Timeout | Error::Protocol(_)) => {}
        Err(error) => return Err(error),
    }
    let stored = current(line, known)?;
    match stored.trim_end() == value {
        true => Ok(stored),
        false => Err(Error::Failed(format!("it holds `{stored}` now"))),
    }
}
