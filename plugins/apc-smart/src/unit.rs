//! One unit and what is known of it: the status first, then as many letters as there is time for.

use crate::alerts::{ON_BATTERY, Status};
use crate::commands::COMMANDS;
use crate::identify::{Identity, Known, VALUE_WITHIN_MS, identify};
use crate::letters::{self, Pace};
use crate::line::{Line, Said, strange};
use crate::trust;
use crate::write::{self, TEXT_BYTES};
use husk_driver::host::{self, Level};
use husk_driver::{Error, Report, Wake, log, var};
use std::time::Duration;

/// Attempts at a status that is said twice.
const STATUS_TRIES: u32 = 4;
/// After this long no further attempt is begun: the host allows 10 s for a poll.
const STATUS_BUDGET_MS: u64 = 4_000;
/// After this long in a poll no further letter is asked for; the next poll goes on there.
const POLL_BUDGET_MS: u64 = 4_000;
/// A poll that an alert asked for tells the status at once and measures nothing, unless the last measurements are
/// older than this.
const MEASURED_AGAIN_MS: u64 = 5_000;
/// From a failed poll to one that bytes on the line ask for: the usual interval of polls.
const AFTER_NONSENSE_MS: u64 = 2_000;
/// When an alert and the status disagree, the status is looked at again so soon.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) struct Unit {
    pub(crate) line: Line,
    known: Vec<Known>,
    orders: Vec<u8>,
    model: Option<&'static str>,
    /// What the status was at the last poll that did not fail.
    status: Option<Status>,
    /// The letter to go on with.
    next: usize,
    measured_ms: u64,
    /// When the last poll failed, if it did.
    failed_ms: Option<u64>,
}

impl Unit {
    /// Greets the unit and learns what it is. Whatever answers must have a status.
    pub(crate) fn open(mut line: Line) -> Result<Self, Error> {
        let Identity {
            known,
            orders,
            model,
        } = identify(&mut line)?;
        let mut unit = Self {
            line,
            known,
            orders,
            model,
            status: None,
            next: 0,
            measured_ms: host::now_ms(),
            failed_ms: None,
        };
        match unit.status() {
            Err(Error::Protocol(why)) => Err(Error::NotMine(format!("it has no status: {why}"))),
            Err(error) => Err(error),
            Ok(status) => {
                unit.status = Some(status);
                Ok(unit)
            }
        }
    }

    /// Whether the unit has a command of this letter.
    pub(crate) fn takes(&self, letter: u8) -> bool {
        self.orders.contains(&letter)
    }

    pub(crate) fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        let begun = host::now_ms();
        self.rest_after_nonsense(why, begun);
        self.line.drain()?;
        let outcome = self.look(why, begun);
        let doubtful = match outcome {
            Ok(doubtful) => doubtful,
            Err(error) => {
                self.status = None;
                self.failed_ms = Some(host::now_ms());
                return Err(error);
            }
        };
        self.failed_ms = None;
        let mut report = self.report();
        if doubtful {
            report.next(LOOK_AGAIN);
        }
        Ok(report)
    }

    /// A line that says nothing but nonsense wakes the driver again and again; that must not make three failed polls,
    /// which turn a device stale, out of one moment of noise.
    fn rest_after_nonsense(&self, why: Wake, now: u64) {
        let rested = self.failed_ms.map(|failed| now.saturating_sub(failed));
        let left = rested.map_or(0, |rested| AFTER_NONSENSE_MS.saturating_sub(rested));
        if why == Wake::Readable && left > 0 {
            host::sleep_ms(u32::try_from(left).unwrap_or(u32::MAX));
        }
    }

    /// Whether what an alert said is not in the status, or not looked for yet.
    fn look(&mut self, why: Wake, begun: u64) -> Result<bool, Error> {
        let mut doubtful = self.renew_status()?;
        let recent = host::now_ms().saturating_sub(self.measured_ms) < MEASURED_AGAIN_MS;
        if why != Wake::Readable || !recent {
            self.measure(begun)?;
            if self.line.is_alerted() {
                doubtful = match host::now_ms() - begun < POLL_BUDGET_MS {
                    true => self.renew_status()?,
                    false => true,
                };
            }
        }
        Ok(doubtful)
    }

    fn renew_status(&mut self) -> Result<bool, Error> {
        let alerts = self.line.take_alerts();
        let foretold = self.status.map(|status| alerts.foretell(status));
        let status = self.status_like(foretold)?;
        self.status = Some(status);
        Ok(!alerts.is_empty() && alerts.foretell(status) != status)
    }

    /// The status, said twice: by the unit now and a moment ago, by an alert, or at the poll before.
    pub(crate) fn status(&mut self) -> Result<Status, Error> {
        self.status_like(None)
    }

    fn status_like(&mut self, foretold: Option<Status>) -> Result<Status, Error> {
        let begun = host::now_ms();
        let known = self.status;
        let mut before: Vec<Status> = Vec::new();
        let mut why = Error::Protocol("it gives another status each time".into());
        for _ in 0..STATUS_TRIES {
            if host::now_ms() - begun > STATUS_BUDGET_MS {
                break;
            }
            let trouble = match self.line.ask(b"Q", VALUE_WITHIN_MS) {
                Ok(Said::Text(text)) => match Status::parse(&text) {
                    Some(status) if [known, foretold].contains(&Some(status)) => {
                        return Ok(status);
                    }
                    // Of two that take turns, as trim and boost do, the first is said a second time.
                    Some(status) if before.contains(&status) => return Ok(status),
                    Some(status) => {
                        before.push(status);
                        continue;
                    }
                    None => strange(b"Q", text.as_bytes()),
                },
                Ok(Said::NotAvailable) => strange(b"Q", b"NA"),
                Err(error @ (Error::Timeout | Error::Protocol(_))) => error,
                Err(error) => return Err(error),
            };
            before.clear();
            if trouble == Error::Timeout {
                // Perhaps it was switched off and on; perhaps another one was.
                self.doubt_identity();
            }
            why = trouble;
            if !self.line.synchronise()? {
                return Err(Error::Timeout);
            }
        }
        Err(why)
    }

    fn doubt_identity(&mut self) {
        for known in self
            .known
            .iter_mut()
            .filter(|known| known.letter.pace == Pace::Identity)
        {
            known.doubted = true;
        }
    }

    /// Asks for what is due, from where the last poll ended.
    fn measure(&mut self, begun: u64) -> Result<(), Error> {
        self.measured_ms = host::now_ms();
        for _ in 0..self.known.len() {
            if host::now_ms() - begun > POLL_BUDGET_MS {
                log!(Level::Debug, "the unit is slow: the next poll goes on");
                return Ok(());
            }
            // The status comes first; the next poll goes on.
            if self.line.is_alerted() {
                return Ok(());
            }
            let at = self.next % self.known.len().max(1);
            let (line, known) = (&mut self.line, self.known.get_mut(at));
            if let Some(known) = known.filter(|known| known.is_due(host::now_ms())) {
                ask(line, known)?;
            }
            self.next = at + 1;
        }
        Ok(())
    }

    fn report(&self) -> Report {
        let now = host::now_ms();
        let mut report = Report::new();
        report.set(var::DEVICE_TYPE, "ups");
        report.set(var::UPS_MFR, "APC");
        for known in &self.known {
            let Some(text) = known.fresh(now) else {
                continue;
            };
            for (name, value) in known.letter.values(text) {
                let slot = report.set(name, value);
                if !known.writable {
                    continue;
                }
                let slot = slot.writable();
                match known.letter.unit {
                    letters::Unit::Text if known.choices.is_empty() => slot.text(TEXT_BYTES),
                    _ => slot.choices(known.choice_values()),
                };
            }
        }
        if let Some(model) = self.model {
            report.set(var::UPS_MODEL, model);
        }
        if let Some(status) = self.status {
            status.report(&mut report);
        }
        let commands = COMMANDS.iter().filter(|command| self.takes(command.letter));
        commands.for_each(|command| report.command(command.name));
        report.wake_on_readable();
        report
    }

    /// Writes a variable; what the unit then holds is known.
    pub(crate) fn write(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        let is_text = |known: &Known| known.letter.unit == letters::Unit::Text;
        // Should the - be lost on the line, the text is taken for commands. On mains the first of them does no harm
        // before its answer ends the rest; on battery an S switches off.
        let named = |known: &&Known| known.letter.is_called(variable);
        if self.known.iter().find(named).is_some_and(is_text) && self.status()?.has(ON_BATTERY) {
            return Err(Error::Failed("texts are written on mains only".into()));
        }
        let known = self
            .known
            .iter_mut()
            .find(|known| known.writable && known.letter.is_called(variable))
            .ok_or(Error::Unsupported)?;
        let outcome = write::write(&mut self.line, known, value);
        known.text = match &outcome {
            Ok(text) => Some(text.clone()),
            // It is asked for at the next poll.
            Err(Error::InvalidArgument(_)) => return outcome.map(drop),
            Err(_) => None,
        };
        known.at_ms = host::now_ms();
        outcome.map(drop)
    }
}

/// Asks for one letter and keeps what is believed.
fn ask(line: &mut Line, known: &mut Known) -> Result<(), Error> {
    let letter = known.letter;
    let before = known.text.clone();
    let expected = |text: &str| letter.pace.expects(text, before.as_deref());
    let text = match trust::text(line, letter.ask, VALUE_WITHIN_MS, expected) {
        Err(Error::Protocol(why)) => {
            log!(Level::Debug, "left out: {why}");
            None
        }
        text => text?,
    };
    let is_another =
        letter.pace == Pace::Identity && text.is_some() && before.is_some() && text != before;
    if is_another {
        log!(
            Level::Warn,
            "another unit answers: {:?} was {before:?}",
            text.as_deref().unwrap_or_default()
        );
        return Err(Error::Lost);
    }
    // A measurement that is not told is unknown; a setting stays what it was, and is asked for again.
    if text.is_some() || letter.pace.is_measured() {
        known.text = text;
        known.at_ms = host::now_ms();
        known.doubted = false;
    }
    Ok(())
}
