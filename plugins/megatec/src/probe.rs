//! Which dialect the device speaks, found by asking it: harmless queries only, in the order of the table.
//!
//! Refuses a device that answers none of them in a documented shape, and one that does not answer as the dialect
//! named by `protocol =` must.

use crate::answer::{self, Query, Values, Vendor};
use crate::dialect::{DIALECTS, Dialect, Needed};
use crate::line::Line;
use husk_driver::{Error, Report, Settings, var};

/// Attempts at one query. Not knowing it is final.
const TRIES: u32 = 3;

/// What the device said when it was opened, and does not change.
pub(crate) struct Found {
    pub(crate) dialect: &'static Dialect,
    /// The first status; not published, since polling asks again.
    pub(crate) status: Values,
    pub(crate) rating: Values,
    pub(crate) vendor: Vendor,
    pub(crate) has_details: bool,
    /// What the letter of the dialect's letter query stands for.
    letter: Option<&'static str>,
}

impl Found {
    pub(crate) fn report(&self, report: &mut Report) {
        self.vendor.report(report);
        self.rating.report(report);
        report.set(var::UPS_FIRMWARE_AUX, self.letter);
        report.set(var::DRIVER_VERSION_DATA, self.dialect.name);
    }
}

/// Finds the dialect: the one named, or the first that fits.
pub(crate) fn find(line: &mut Line, settings: &Settings) -> Result<Found, Error> {
    let names: Vec<(&str, &'static Dialect)> = DIALECTS
        .iter()
        .map(|dialect| (dialect.name, dialect))
        .collect();
    let named = settings.choice("protocol", &names)?;
    let bridge = line.usb_vendor();
    let mut probe = Probe {
        line,
        settings,
        unanswered: Vec::new(),
        last: None,
    };
    let candidates = DIALECTS.iter().filter(|dialect| match named {
        Some(named) => named.name == dialect.name,
        None => dialect.usb_vendor.is_none() || dialect.usb_vendor == bridge,
    });
    for dialect in candidates {
        if let Some(found) = probe.claim(dialect)? {
            return Ok(found);
        }
    }
    let why = match probe.last.take() {
        _ if !probe.unanswered.iter().any(|(_, spoke)| *spoke) => return Err(Error::Timeout),
        Some(error) => format!("; {error}"),
        None => String::new(),
    };
    Err(Error::NotMine(match named {
        Some(named) => format!("it does not answer as a {} unit must{why}", named.name),
        None => format!("it speaks no dialect known here{why}"),
    }))
}

struct Probe<'a> {
    line: &'a mut Line,
    settings: &'a Settings,
    /// Queries the device does not answer sensibly: not asked again for the next dialect. True: it said something.
    unanswered: Vec<(&'static str, bool)>,
    /// The last thing that was wrong with an answer.
    last: Option<Error>,
}

impl Probe<'_> {
    /// Whether the device is of this dialect, and what it says of itself.
    fn claim(&mut self, dialect: &'static Dialect) -> Result<Option<Found>, Error> {
        let mut letter = None;
        if let Some((query, letters)) = dialect.letter {
            let known = |text: &str| {
                letters
                    .iter()
                    .find(|(one, _)| *one == text)
                    .map(|(_, name)| *name)
            };
            letter = self.ask(query, |text| {
                known(text).ok_or_else(|| Error::NotMine(format!("{query} gives {text}")))
            })?;
            if letter.is_none() {
                return Ok(None);
            }
        }
        let status = self.ask(dialect.status.ask, |text| {
            answer::status(&dialect.status, text)
        })?;
        let Some((status, _)) = status else {
            return Ok(None);
        };
        let vendor = match dialect.vendor {
            Some((query, needed)) if !self.settings.flag("novendor") => {
                match self.ask(query, |text| answer::vendor(query, text))? {
                    None if needed == Needed::Yes => return Ok(None),
                    vendor => vendor.unwrap_or_default(),
                }
            }
            _ => Vendor::default(),
        };
        let rating = match &dialect.rating {
            Some(query) if !self.settings.flag("norating") => {
                self.values(query)?.unwrap_or_default()
            }
            _ => Values::default(),
        };
        let has_details = match &dialect.details {
            Some(query) => self.values(query)?.is_some(),
            None => false,
        };
        Ok(Some(Found {
            dialect,
            status,
            rating: rating.without_zeros(),
            vendor,
            has_details,
            letter,
        }))
    }

    fn values(&mut self, query: &Query) -> Result<Option<Values>, Error> {
        self.ask(query.ask, |text| answer::values(query, text))
    }

    /// Asks until `read` is content, at most [`TRIES`] times.
    fn ask<T>(
        &mut self,
        query: &'static str,
        read: impl Fn(&str) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        if self.unanswered.iter().any(|(known, _)| *known == query) {
            return Ok(None);
        }
        let mut spoke = false;
        for _ in 0..TRIES {
            match self
                .line
                .query(query)
                .and_then(|text| text.map(|text| read(&text)).transpose())
            {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {
                    spoke = true;
                    break;
                }
                Err(Error::Timeout) => {}
                Err(error @ (Error::Protocol(_) | Error::NotMine(_))) => {
                    spoke = true;
                    self.last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        self.unanswered.push((query, spoke));
        Ok(None)
    }
}
