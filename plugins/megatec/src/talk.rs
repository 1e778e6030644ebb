//! The conversation in one dialect: what is asked when, and the last answer to each query.
//!
//! A picture is made anew of the answers each time, in the order of the table, so that what follows from two answers
//! never depends on which was asked first. Refuses to go on with a status that did not come: a query for it that was answered
//! when the device was opened has to be answered ever after; any other leaves its values unknown.

use crate::answer::{self, Odd};
use crate::dialect::{Ask, Dialect, When};
use crate::line::{Line, Manner};
use crate::picture::Picture;
use husk_driver::host::{self, Level};
use husk_driver::{Error, Settings, log};

/// Attempts at a query that a dialect cannot do without, when a device is opened. Not knowing it is final.
const TRIES: u32 = 3;
/// Milliseconds since the opening began until which other queries get so many attempts: a unit that is silent to half of
/// them takes a minute otherwise, and a minute is all there is. Silences last a second each; the borders are no whole seconds,
/// so that a clock that is a hair off decides alike.
const TRIES_OTHER: &[(u64, u32)] = &[(19_500, 2), (44_500, 1)];
/// Milliseconds of a poll in which more than the status is asked for; the rest comes next time. A poll may take 10 s.
const WALK_MS: u64 = 3_900;

/// A device that speaks this dialect, and what it has said.
pub(crate) struct Talk {
    pub(crate) dialect: &'static Dialect,
    manner: Manner,
    heard: Vec<Heard>,
}

/// What came of one ask.
#[derive(Default)]
struct Heard {
    /// The device does not answer it.
    absent: bool,
    /// It is to be asked.
    due: bool,
    answer: Option<Vec<u8>>,
    odd: Odd,
}

/// What is known of a device before its dialect is: queries it does not know or does not answer.
pub(crate) struct Silences {
    /// The query, whether with a checksum, and whether the device said anything.
    queries: Vec<(String, bool, bool)>,
    /// The last thing that was wrong with an answer.
    pub(crate) last: Option<Error>,
    began_ms: u64,
}

impl Silences {
    /// Nothing has been asked yet.
    pub(crate) fn new() -> Self {
        Self {
            queries: Vec::new(),
            last: None,
            began_ms: host::now_ms(),
        }
    }

    /// Milliseconds since the opening began.
    pub(crate) fn passed_ms(&self) -> u64 {
        host::now_ms().saturating_sub(self.began_ms)
    }

    /// Attempts at a query that can be done without.
    fn tries_other(&self) -> u32 {
        let passed = self.passed_ms();
        let step = TRIES_OTHER.iter().find(|(until, _)| passed < *until);
        step.map_or(0, |(_, tries)| *tries)
    }

    /// Whether the device has said anything at all.
    pub(crate) fn spoke(&self) -> bool {
        self.last.is_some() || self.queries.iter().any(|(_, _, spoke)| *spoke)
    }
}

impl Talk {
    /// Asks everything once: whether the device is of this dialect, and what it says.
    pub(crate) fn open(
        line: &mut Line,
        dialect: &'static Dialect,
        settings: &Settings,
        silences: &mut Silences,
    ) -> Result<Option<(Self, Picture)>, Error> {
        let mut talk = Self {
            dialect,
            manner: Manner::of(dialect),
            heard: Vec::new(),
        };
        let mut picture = talk.blank();
        let claims = dialect.asks.iter().filter(|ask| ask.claims);
        // First what the device is, then the rest.
        let mut claimed = Vec::new();
        let mut probe = talk.blank();
        for ask in claims {
            if ask.unless.is_some_and(|flag| settings.flag(flag)) || !(ask.only)(&probe) {
                claimed.push(Heard::absent());
                continue;
            }
            let heard = talk.first(line, ask, &probe, silences, TRIES)?;
            if heard.absent {
                return Ok(None);
            }
            heard.take(ask, &mut probe)?;
            if let Some((setting, variable)) = ask.matching
                && let Some(wanted) = settings.whole(setting, 0..=u32::MAX)?
                && probe.get(variable) != Some(f64::from(wanted))
            {
                let other = probe.shown(variable.as_str()).unwrap_or_default();
                silences.last = Some(Error::NotMine(format!("its {variable} is {other}")));
                return Ok(None);
            }
            claimed.push(heard);
        }
        let mut claimed = claimed.into_iter();
        for ask in dialect.asks {
            let unwanted = ask.unless.is_some_and(|flag| settings.flag(flag));
            let heard = match ask.claims {
                true => claimed.next().unwrap_or_else(Heard::absent),
                false if unwanted => Heard::absent(),
                // What it depends on may come later.
                false if !(ask.only)(&picture) => Heard {
                    due: true,
                    ..Heard::default()
                },
                false => {
                    let tries = silences.tries_other();
                    talk.first(line, ask, &picture, silences, tries)?
                }
            };
            heard.take(ask, &mut picture)?;
            talk.heard.push(heard);
        }
        (dialect.finish)(&mut picture);
        Ok(Some((talk, picture)))
    }

    /// Asks what is due, which is everything as volatile as `due` or more, and says what is known then.
    pub(crate) fn walk(&mut self, line: &mut Line, due: When) -> Result<Picture, Error> {
        let mut picture = self.blank();
        let manner = self.manner;
        let began = host::now_ms();
        // Before anything can fail: what is not asked now is asked next time.
        for (ask, heard) in self.dialect.asks.iter().zip(&mut self.heard) {
            heard.due |= ask.when <= due;
        }
        for (ask, heard) in self.dialect.asks.iter().zip(&mut self.heard) {
            if heard.absent {
                continue;
            }
            if !(ask.only)(&picture) {
                (heard.due, heard.answer) = (true, None);
                continue;
            }
            let late = host::now_ms().saturating_sub(began) >= WALK_MS;
            if heard.due && (ask.when == When::Status || !late) {
                match again(line, ask, manner, &heard.odd, &picture) {
                    Ok(answer) => heard.answer = Some(answer),
                    Err(error) if ask.when == When::Status || error == Error::Lost => {
                        return Err(error);
                    }
                    Err(error) => {
                        log!(Level::Debug, "{error}");
                        heard.answer = None;
                    }
                }
                heard.due = false;
            }
            heard.take(ask, &mut picture)?;
        }
        (self.dialect.finish)(&mut picture);
        Ok(picture)
    }

    /// Gives a command.
    pub(crate) fn tell(&self, line: &mut Line, command: &str) -> Result<(), Error> {
        line.tell(command, self.manner)
    }

    fn blank(&self) -> Picture {
        let mut picture = Picture::default();
        for (name, value) in self.dialect.constants {
            picture.text(name, value);
        }
        picture
    }

    /// Asks until the answer is beyond doubt, at most `tries` times.
    fn first(
        &self,
        line: &mut Line,
        ask: &Ask,
        picture: &Picture,
        silences: &mut Silences,
        tries: u32,
    ) -> Result<Heard, Error> {
        let query = ask.text(picture);
        let checksums = self.manner.checksums;
        // Where a no is an answer, having said no before is none of it.
        let known = |(silent, with, spoke): &(String, bool, bool)| {
            *silent == query && *with == checksums && !(ask.even_no && *spoke)
        };
        if silences.queries.iter().any(known) {
            return Ok(Heard::absent());
        }
        let mut spoke = false;
        let mut odd: Option<Heard> = None;
        for _ in 0..tries {
            match line.query(&query, self.manner.to(ask)) {
                Ok(Some(answer)) => {
                    spoke = true;
                    let strange = crate::line::strange(&query, &answer);
                    match answer::read(ask, &answer, &mut picture.scratch()) {
                        Some(ways) if ways.is_empty() => return Ok(Heard::of(answer, ways)),
                        // Odd each time in the same way is how this unit is.
                        Some(ways) => match &odd {
                            Some(before) if before.odd == ways => {
                                return Ok(Heard::of(answer, ways));
                            }
                            _ => odd = Some(Heard::of(answer, ways)),
                        },
                        None => {}
                    }
                    silences.last = Some(strange);
                }
                Ok(None) => {
                    silences.queries.push((query, checksums, true));
                    return Ok(Heard::absent());
                }
                Err(Error::Timeout) => {}
                Err(error @ Error::Protocol(_)) => {
                    spoke = true;
                    silences.last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        if !spoke {
            silences.queries.push((query, checksums, false));
        }
        Ok(Heard::absent())
    }
}

/// Asks for what the device has answered before.
fn again(
    line: &mut Line,
    ask: &Ask,
    manner: Manner,
    odd: &Odd,
    picture: &Picture,
) -> Result<Vec<u8>, Error> {
    let query = ask.text(picture);
    let answer = line
        .query(&query, manner.to(ask))?
        .ok_or_else(|| Error::Protocol(format!("it does not know the query {query} any more")))?;
    answer::take(ask, &answer, odd, &mut picture.scratch())?;
    Ok(answer)
}

impl Heard {
    fn absent() -> Self {
        Self {
            absent: true,
            ..Self::default()
        }
    }

    fn of(answer: Vec<u8>, odd: Odd) -> Self {
        Self {
            absent: false,
            due: false,
            answer: Some(answer),
            odd,
        }
    }

    fn take(&self, ask: &Ask, picture: &mut Picture) -> Result<(), Error> {
        match &self.answer {
            Some(answer) => answer::take(ask, answer, &self.odd, picture),
            None => Ok(()),
        }
    }
}
