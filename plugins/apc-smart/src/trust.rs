//! When an answer is believed: a surprise must be said twice.
//!
//! The line has no checksum. A measurement follows from the one before, made alike and not far from it; a setting is
//! what it was an hour ago; a status stays as it is for days. What is none of that is asked for again, and counts when
//! it is said a second time. What stays possible is a digit that changed a measurement a little, or the highest or lowest
//! voltage (which asking again would forget) by any amount, once.

use crate::line::{Line, Said};
use husk_driver::Error;

/// Answers to one question until it is given up.
const TRIES: u32 = 3;
/// Times a unit may be silent about one question before it is taken not to know it.
const SILENT: u32 = 2;

/// Asks until the answer is expected or was given before; `None`: silence, from a unit that is awake.
///
/// # Errors
/// [`Error::Timeout`] when the unit does not say SM either; [`Error::Protocol`] when no two answers are the same.
pub(crate) fn twice<T: PartialEq>(
    line: &mut Line,
    mut ask: impl FnMut(&mut Line) -> Result<T, Error>,
    is_expected: impl Fn(&T) -> bool,
) -> Result<Option<T>, Error> {
    let mut before = None;
    let mut silent = 0;
    let mut why = Error::Protocol("it gives another answer each time".into());
    for _ in 0..TRIES {
        let disagrees = match ask(line) {
            Ok(said) if is_expected(&said) || before.as_ref() == Some(&said) => {
                return Ok(Some(said));
            }
            Ok(said) => before.replace(said).is_some(),
            Err(Error::Timeout) => {
                silent += 1;
                true
            }
            Err(error @ Error::Protocol(_)) => {
                why = error;
                true
            }
            Err(error) => return Err(error),
        };
        // What else may be under way is no answer to the next question.
        if disagrees && !line.synchronise()? {
            return Err(Error::Timeout);
        }
        if silent >= SILENT {
            return Ok(None);
        }
    }
    Err(why)
}

/// As [`twice`], for the text of one letter. That there is none is believed at once.
pub(crate) fn text(
    line: &mut Line,
    letter: &[u8],
    within_ms: u64,
    is_expected: impl Fn(&str) -> bool,
) -> Result<Option<String>, Error> {
    let said = twice(
        line,
        |line| line.ask(letter, within_ms),
        |said| match said {
            Said::Text(text) => is_expected(text),
            Said::NotAvailable => true,
        },
    )?;
    Ok(match said {
        Some(Said::Text(text)) => Some(text),
        Some(Said::NotAvailable) | None => None,
    })
}
