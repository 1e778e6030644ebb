//! The ways to cut the power, byte by byte.
//!
//! ```text
//! S      soft hibernate: off after the delay in the EEPROM, on again with the mains. On battery only.
//! @nnn   hard hibernate: the same on mains too, and nnn times 6 minutes longer. Units of the first two generations
//!        wake after that time whether the mains are back or not, and do nothing for @000.
//! K K    off after the delay, and stays off
//! Z Z    off at once, and stays off; nothing is answered
//! U S    a simulated power failure, so that S works on mains: for the Back-UPS CS, which knows no @
//! ```
//! OK or an asterisk is yes. Source: APC's UPS-Link specification, and NUT's manual for what old units make of it.

use crate::alerts::{ON_BATTERY, ON_LINE, Status};
use crate::line::Line;
use crate::options::Kind;
use husk_driver::host::{self, Level};
use husk_driver::{Error, log};

/// One way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Soft,
    Hard,
    StayOff,
    Instant,
    Forced,
}

/// What the configuration says.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// Instead of `kind`: one after the other, until one is taken.
    pub(crate) order: Option<Vec<Method>>,
    /// Digits behind `@`.
    pub(crate) wait: String,
    pub(crate) cs_delay_ms: u32,
}

/// Answer to `Q` at the end of a shutdown (NUT).
const STATUS_WITHIN_MS: u64 = 1500;
/// The host allows 30 s for a shutdown; no way is begun that could not be told of in time.
const BUDGET_MS: u64 = 28_000;

impl Plan {
    /// Cuts the power: what is asked once at the end of everything.
    ///
    /// # Errors
    /// [`Error::Failed`] when no way was taken, with what was said to the last.
    pub(crate) fn carry_out(&self, line: &mut Line) -> Result<(), Error> {
        let begun = host::now_ms();
        if !line.synchronise()? {
            log!(
                Level::Warn,
                "the UPS does not say that it is in smart mode; it is told to switch off all the same"
            );
        }
        let status = match line.ask(b"Q", STATUS_WITHIN_MS) {
            Ok(crate::line::Said::Text(text)) => Status::parse(&text),
            Err(Error::Lost) => return Err(Error::Lost),
            _ => None,
        };
        let status = status.unwrap_or_else(|| {
            log!(
                Level::Warn,
                "the UPS does not tell its status; taken to be on battery"
            );
            Status::WORST
        });
        let mut outcome = Err(Error::Failed(
            "no way to switch off was left in the time there is".into(),
        ));
        for method in self.ways(status) {
            if host::now_ms() - begun + self.longest_ms(method) > BUDGET_MS {
                log!(Level::Warn, "no time is left to try {method:?}");
                break;
            }
            outcome = self.order(line, method, status, &self.wait);
            match &outcome {
                Err(Error::Failed(why)) => log!(
                    Level::Warn,
                    "the UPS was told to switch off ({method:?}): {why}"
                ),
                _ => break,
            }
        }
        outcome
    }

    /// What is to be tried, in turn.
    fn ways(&self, status: Status) -> Vec<Method> {
        if let Some(order) = &self.order {
            return order.clone();
        }
        match self.kind {
            Kind::ByStatus if status.has(ON_LINE) => vec![Method::Hard],
            Kind::ByStatus => vec![Method::Soft],
            Kind::SoftThenHard if status.has(ON_BATTERY) => vec![Method::Soft, Method::Hard],
            Kind::SoftThenHard => vec![Method::Hard],
            Kind::Just(method) => vec![method],
        }
    }

    /// Milliseconds that a way takes at most.
    fn longest_ms(&self, method: Method) -> u64 {
        match method {
            Method::Soft => 2000,
            Method::Hard | Method::StayOff | Method::Instant => 4000,
            Method::Forced => 4000 + u64::from(self.cs_delay_ms),
        }
    }

    /// Gives the orders of one way.
    ///
    /// # Errors
    /// [`Error::Failed`] when the unit does not take it.
    pub(crate) fn order(
        &self,
        line: &mut Line,
        method: Method,
        status: Status,
        wait: &str,
    ) -> Result<(), Error> {
        match method {
            Method::Soft => soft(line),
            Method::Hard => hard(line, wait),
            Method::StayOff => {
                line.send_twice(b'K')?;
                line.taken(b'K', false)
            }
            Method::Instant => {
                line.send_twice(b'Z')?;
                line.taken(b'Z', true)
            }
            Method::Forced => {
                if status.has(ON_LINE) {
                    line.drain()?;
                    line.send(b"U")?;
                    line.swallow()?;
                    host::sleep_ms(self.cs_delay_ms);
                }
                soft(line)
            }
        }
    }
}

fn soft(line: &mut Line) -> Result<(), Error> {
    line.drain()?;
    line.send(b"S")?;
    line.taken(b'S', false)
}

/// `@` and two or three digits. Where that is not taken, the unit may wait for another digit, since two are not enough for
/// it or one was lost: a letter, which is none, ends that.
fn hard(line: &mut Line, wait: &str) -> Result<(), Error> {
    let digits = match wait.len() {
        2 => wait.to_owned(),
        _ => format!("{wait:0>3}"),
    };
    line.send_long(format!("@{digits}").as_bytes())?;
    let outcome = line.taken(b'@', false);
    if outcome.is_err() {
        line.send(b"Y")?;
        line.swallow()?;
    }
    outcome
}
