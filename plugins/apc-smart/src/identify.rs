//! Finding out what the unit is: smart mode, the letters it knows, what can be set.
//!
//! ```text
//! > Y       < SM                 up to five times, with ESC in between
//! > V       < DWI                firmware, once more by `b`
//! > a       < 3.!$%+?=#|.^A…     the letters
//! > each    < a value or NA
//! > ^Z      < #uI43253257261265… what they can be set to
//! ```

use crate::capability::{self, Capability};
use crate::commands;
use crate::letters::{self, LETTERS, Letter, Name, PAIRS, Unit};
use crate::line::{Greeting, Line, Listen};
use crate::quirks::{self, CommandSet};
use crate::trust;
use husk_driver::host::{self, Level};
use husk_driver::{Error, log, var};

/// Attempts at smart mode (NUT).
const GREETINGS: u32 = 5;
/// Ends whatever a unit takes the bytes before for.
const ESCAPE: u8 = 0x1b;
/// The answer to a letter takes 0.1 s; NUT waits 3 s, here it is asked twice.
pub(crate) const VALUE_WITHIN_MS: u64 = 1500;
/// Lists take up to a second, and units collect them first (NUT waits 6 s, here it is asked twice).
const LIST_WITHIN_MS: u64 = 3000;

/// One letter the unit has given a value for.
pub(crate) struct Known {
    pub(crate) letter: &'static Letter,
    /// Its last answer that was believed; `None`: none was, the last time it was asked.
    pub(crate) text: Option<String>,
    /// When that was.
    pub(crate) at_ms: u64,
    /// What it can be set to, as the unit spells it.
    pub(crate) choices: Vec<String>,
    pub(crate) writable: bool,
    /// It is to be asked for before its time.
    pub(crate) doubted: bool,
}

/// What the unit is, as far as it does not change.
pub(crate) struct Identity {
    pub(crate) known: Vec<Known>,
    /// Letters of commands.
    pub(crate) orders: Vec<u8>,
    /// What it is called, where it does not say so.
    pub(crate) model: Option<&'static str>,
}

/// Greets the unit and learns all that.
///
/// # Errors
/// [`Error::Timeout`] for silence, [`Error::NotMine`] for something that speaks otherwise.
pub(crate) fn identify(line: &mut Line) -> Result<Identity, Error> {
    greet(line)?;
    let firmware = match trust::text(line, b"V", VALUE_WITHIN_MS, |_| false)? {
        Some(firmware) => Some(firmware),
        None => trust::text(line, b"b", VALUE_WITHIN_MS, |_| false)?,
    };
    let firmware = firmware.as_deref().unwrap_or_default().trim_end();
    log!(Level::Info, "firmware `{firmware}`");
    if let Some((letters, model)) = quirks::by_firmware(firmware) {
        let mut identity = learn(line, letters)?;
        identity.model = Some(model).filter(|_| !identity.knows(letters::MODEL));
        return Ok(identity);
    }
    let answer = trust::twice(line, |line| list(line, b'a', Listen::Commands), |_| false)?;
    match answer.as_deref().and_then(quirks::command_set) {
        Some(set) => by_command_set(line, &set),
        None => unknown(line),
    }
}

fn greet(line: &mut Line) -> Result<(), Error> {
    let mut heard = None;
    for _ in 0..GREETINGS {
        match line.greet()? {
            Greeting::Smart => return Ok(()),
            Greeting::Silent => {}
            Greeting::Otherwise(answer) => heard = Some(answer),
        }
        line.send(&[ESCAPE])?;
        // NA, something else, or nothing.
        line.swallow()?;
    }
    match heard {
        None => Err(Error::Timeout),
        Some(answer) => Err(Error::NotMine(format!(
            "asked for smart mode it says {answer}, not SM"
        ))),
    }
}

fn list(line: &mut Line, letter: u8, listen: Listen) -> Result<Vec<u8>, Error> {
    line.exchange(&[letter], listen, LIST_WITHIN_MS)
}

fn by_command_set(line: &mut Line, set: &CommandSet) -> Result<Identity, Error> {
    let mut identity = learn(line, &set.letters)?;
    let pairs = PAIRS
        .iter()
        .filter(|pair| set.pairs.iter().any(|known| pair.ask == known));
    for pair in pairs {
        identity.known.push(Known::unasked(pair));
    }
    if identity.knows(letters::INPUT_HERTZ) {
        for known in identity
            .known
            .iter_mut()
            .filter(|known| known.letter.ask == b"F")
        {
            known.letter = &letters::OUTPUT_HERTZ;
        }
    }
    if set.letters.contains(&quirks::CAPABILITIES) {
        capabilities(line, &mut identity)?;
    }
    Ok(identity)
}

/// A unit nobody knows: it is asked what can do no harm, and told nothing.
fn unknown(line: &mut Line) -> Result<Identity, Error> {
    log!(
        Level::Warn,
        "this unit does not say what it knows; support is limited"
    );
    let mut identity = learn(line, quirks::UNKNOWN)?;
    let has_current = identity.knows(b"/");
    identity.model = match has_current {
        true => Some(quirks::MATRIX),
        false => Some(quirks::SMART).filter(|_| !identity.knows(letters::MODEL)),
    };
    Ok(identity)
}

/// Asks each letter for its value; those without one are left out.
fn learn(line: &mut Line, letters: &[u8]) -> Result<Identity, Error> {
    let mut identity = Identity {
        known: Vec::new(),
        orders: Vec::new(),
        model: None,
    };
    for letter in letters.iter().filter(|letter| quirks::counts(**letter)) {
        let plain = LETTERS.iter().find(|row| row.ask == [*letter]);
        match plain {
            Some(row) if row.only.is_none() => identity.add(line, row)?,
            Some(_) => {}
            None if commands::is_command(*letter) => identity.orders.push(*letter),
            None => log!(Level::Debug, "letter {letter:#04x} means nothing here"),
        }
    }
    // One letter of several meanings, or several letters of one: the first that fits.
    for row in LETTERS.iter().filter(|row| row.only.is_some()) {
        let is_offered = row.ask.iter().all(|byte| letters.contains(byte));
        let taken = |known: &Known| known.letter.ask == row.ask || same_name(known.letter, row);
        if is_offered && !identity.known.iter().any(taken) {
            identity.add(line, row)?;
        }
    }
    Ok(identity)
}

fn same_name(one: &Letter, other: &Letter) -> bool {
    matches!((one.name, other.name), (Name::One(a), Name::One(b)) if a == b)
}

/// What can be set. The place a unit was made for is the last character of its firmware.
fn capabilities(line: &mut Line, identity: &mut Identity) -> Result<(), Error> {
    let ask = |line: &mut Line| list(line, quirks::CAPABILITIES, Listen::Capabilities);
    let Some(answer) = trust::twice(line, ask, |_| false)? else {
        log!(
            Level::Warn,
            "the unit does not tell what can be set, though it says it would"
        );
        return Ok(());
    };
    let firmware = identity
        .known
        .iter()
        .find(|known| known.letter.is_called(var::UPS_FIRMWARE.as_str()));
    let place = firmware.and_then(|known| known.text.as_ref()?.trim_end().bytes().last());
    let (found, whole) = capability::parse(&answer, place);
    if !whole {
        log!(
            Level::Warn,
            "the list of what can be set does not end where it should; what came before counts"
        );
    }
    for Capability { letter, values } in found {
        let mut known = identity.known.iter_mut();
        // Values of several sensors in one answer cannot be stepped through.
        let known = known.find(|known| {
            known.letter.ask == [letter] && matches!(known.letter.name, Name::One(_))
        });
        if let Some(known) = known {
            known.writable = true;
            for value in values {
                if !known.choices.contains(&value) {
                    known.choices.push(value);
                }
            }
        }
    }
    Ok(())
}

impl Identity {
    fn knows(&self, ask: &[u8]) -> bool {
        self.known.iter().any(|known| known.letter.ask == ask)
    }

    fn add(&mut self, line: &mut Line, row: &'static Letter) -> Result<(), Error> {
        let text = match trust::text(line, row.ask, VALUE_WITHIN_MS, |text| {
            row.pace.expects(text, None)
        }) {
            Ok(text) => text,
            // It answers, and differently each time: it is asked again at every poll.
            Err(Error::Protocol(why)) if row.only.is_none() => {
                log!(Level::Warn, "{why}");
                self.known.push(Known {
                    writable: row.unit == Unit::Text,
                    ..Known::unasked(row)
                });
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Some(text) = text.filter(|text| row.only.is_none_or(|only| only.fits(text.trim_end())))
        else {
            return Ok(());
        };
        self.known.push(Known {
            text: Some(text),
            at_ms: host::now_ms(),
            writable: row.unit == Unit::Text,
            ..Known::unasked(row)
        });
        Ok(())
    }
}

impl Known {
    fn unasked(letter: &'static Letter) -> Self {
        Self {
            letter,
            text: None,
            at_ms: 0,
            choices: Vec::new(),
            writable: false,
            doubted: false,
        }
    }

    /// Whether it is to be asked for now.
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        const HOUR_MS: u64 = 3_600_000;
        self.letter.pace.is_measured()
            || self.doubted
            || self.text.is_none()
            || now_ms.saturating_sub(self.at_ms) >= HOUR_MS
    }

    /// Its value, if it is recent enough to be one.
    pub(crate) fn fresh(&self, now_ms: u64) -> Option<&str> {
        /// A slow unit is asked in several polls; what is older than this is no measurement of now.
        const MEASURED_MS: u64 = 30_000;
        let stale =
            self.letter.pace.is_measured() && now_ms.saturating_sub(self.at_ms) > MEASURED_MS;
        self.text.as_deref().filter(|_| !stale)
    }

    /// What clients may write: the choices as values, each once.
    pub(crate) fn choice_values(&self) -> Vec<String> {
        let mut values = Vec::new();
        for choice in &self.choices {
            let value = self.letter.unit.convert(choice.trim_end());
            values.extend(value.filter(|value| !values.contains(value)));
        }
        values
    }
}
