//! Replays a `.trace` against a driver: fixture, test and bug report in one file.
//!
//! Calls the driver as the `!` lines say (opening it first when the trace does not), plays the device by the `>`,
//! `<`, `~` and `|` lines, and checks every `=` line against the outcome of the call above it:
//!
//! ```text
//! = ups.load: 12               the variable has this value
//! = !ups.load                  the variable is unknown
//! = rw ups.delay.start         the variable is writable
//! = range ups.delay.start: 0..600
//! = choices input.sensitivity: H; M; L   the values that may be written, in this order
//! = alarms: text; text         these alarms, in this order
//! = commands: a b c            exactly these commands, in any order
//! = only                       no variable that the `=` lines of this call do not name
//! = error: timeout             the call failed so (see `Error::word`); no error line: it succeeded
//! = log: text                  a line with this text was logged during the call
//! ```
//!
//! Refuses to be lenient: bytes the driver did not send, answers it did not read and calls that fail without an
//! `= error` line are mismatches.

mod player;

use crate::{Driver, Error, Report, Serial, Settings, Wake, host};
use husk_wire::trace::{Call, Trace};
use player::{Player, Shared};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

/// Where trace and driver differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The line of the trace, from 1; 0 when it is the end of the trace.
    pub line: usize,
    /// What was expected there and what happened.
    pub what: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the trace: {}", self.line, self.what)
    }
}

impl std::error::Error for Mismatch {}

/// Runs the driver `D` through a trace and gives the reports of its polls.
///
/// # Errors
/// The first difference, or a line that is not of the format.
pub fn replay<D: Driver<Port = Serial>>(text: &str) -> Result<Vec<Report>, Mismatch> {
    let trace = Trace::parse(text).map_err(|error| Mismatch {
        line: error.line,
        what: error.reason.to_owned(),
    })?;
    let settings = Settings::new(trace.settings());
    let player = Rc::new(RefCell::new(Player::new(&trace)));
    let opened_by_the_trace = matches!(player.borrow().calls.front(), Some((_, Call::Open)));
    let mut run = Run::<D> {
        player,
        settings,
        driver: None,
        reports: Vec::new(),
    };
    if !opened_by_the_trace {
        run.player.borrow_mut().calls.push_front((0, Call::Open));
    }
    loop {
        let Some((line, call)) = run.player.borrow_mut().calls.pop_front() else {
            return Ok(run.reports);
        };
        run.call(line, &call)?;
    }
}

/// A serial port that plays the device of a trace from its first line on; calls and expectations are passed over.
///
/// # Errors
/// A line that is not of the format.
pub fn replayed_port(text: &str) -> Result<Serial, Mismatch> {
    let trace = Trace::parse(text).map_err(|error| Mismatch {
        line: error.line,
        what: error.reason.to_owned(),
    })?;
    let mut player = Player::new(&trace);
    let sections = std::mem::take(&mut player.sections);
    player.sections = VecDeque::from([sections.into_iter().flatten().collect()]);
    player.enter();
    Ok(Serial::new(Shared(Rc::new(RefCell::new(player)))))
}

/// One run of a driver through a trace.
struct Run<D> {
    player: Rc<RefCell<Player>>,
    settings: Settings,
    driver: Option<D>,
    reports: Vec<Report>,
}

/// What a call came to.
type Outcome = Result<Option<Report>, Error>;

impl<D: Driver<Port = Serial>> Run<D> {
    fn call(&mut self, line: usize, call: &Call) -> Result<(), Mismatch> {
        self.player.borrow_mut().enter();
        drop(host::native::take_log());
        let outcome = self.act(line, call)?;
        let log = host::native::take_log();
        let mut player = self.player.borrow_mut();
        player.mismatch.take().map_or(Ok(()), Err)?;
        check(line, &outcome, &std::mem::take(&mut player.expected), &log)?;
        player.left()?;
        if let Ok(Some(report)) = outcome {
            self.reports.push(report);
        }
        Ok(())
    }

    fn act(&mut self, line: usize, call: &Call) -> Result<Outcome, Mismatch> {
        if let Call::Open = call {
            let port = Serial::new(Shared(Rc::clone(&self.player)));
            return Ok(D::open(port, &self.settings, None).map(|driver| {
                self.driver = Some(driver);
                None
            }));
        }
        let Some(driver) = &mut self.driver else {
            return Err(Mismatch {
                line,
                what: "the driver is not open".into(),
            });
        };
        Ok(match call {
            Call::Open | Call::Poll => driver.poll(Wake::Interval).map(Some),
            Call::Command(name, value) => driver.command(name, value.as_deref()).map(|()| None),
            Call::Set(name, value) => driver.set(name, value).map(|()| None),
            Call::Shutdown => driver.shutdown().map(|()| None),
        })
    }
}

type Expected = (usize, String, Option<String>);

/// Compares the outcome of one call with its `=` lines.
fn check(
    line: usize,
    outcome: &Outcome,
    expected: &[Expected],
    log: &[(host::Level, String)],
) -> Result<(), Mismatch> {
    let error = outcome.as_ref().err().map(|error| error.word());
    if let (Err(error), false) = (
        outcome,
        expected.iter().any(|(_, subject, _)| subject == "error"),
    ) {
        return Err(Mismatch {
            line,
            what: format!("the call failed: {error}"),
        });
    }
    let none = Report::new();
    let report = outcome.as_ref().ok().and_then(Option::as_ref);
    let report = report.unwrap_or(&none);
    for (line, subject, value) in expected {
        let value = value.as_deref();
        let (found, value) = match subject.split_once(' ').unwrap_or((subject, "")) {
            ("error", _) => (error.unwrap_or("none").to_owned(), value),
            ("log", _) => (logged(log, value), value),
            _ => observed(report, subject, value, expected),
        };
        if Some(found.as_str()) != value {
            return Err(Mismatch {
                line: *line,
                what: format!(
                    "{subject} is expected to be {:?} and is {found:?}",
                    value.unwrap_or("")
                ),
            });
        }
    }
    Ok(())
}

/// What a report says of the subject of an `=` line, and what it should say.
fn observed<'a>(
    report: &Report,
    subject: &str,
    value: Option<&'a str>,
    expected: &[Expected],
) -> (String, Option<&'a str>) {
    match subject.split_once(' ').unwrap_or((subject, "")) {
        ("alarms", _) => (report.alarms().join("; "), value),
        ("commands", _) => (commands(report, value.unwrap_or("")), value),
        ("only", _) => (unnamed(report, expected), Some("")),
        ("rw", name) => {
            let writable = report.reading(name).is_some_and(|reading| reading.writable);
            let found = if writable { WRITABLE } else { "not writable" };
            (found.to_owned(), Some(WRITABLE))
        }
        ("range", name) => (ranges(report, name), value),
        ("choices", name) => (choices(report, name), value),
        (name, _) => match name.strip_prefix('!') {
            Some(name) => (variable(report, name), Some(UNKNOWN)),
            None => (variable(report, name), Some(value.unwrap_or(""))),
        },
    }
}

const WRITABLE: &str = "writable";
const UNKNOWN: &str = "(unknown)";

/// The part looked for if a line of the log has it, else the whole log.
fn logged(log: &[(host::Level, String)], part: Option<&str>) -> String {
    let holds = |part: &&str| log.iter().any(|(_, text)| text.contains(*part));
    part.filter(holds)
        .map_or_else(|| format!("{log:?}"), str::to_owned)
}

/// The commands of a report, as `wanted` spells them if they are the same in another order.
fn commands(report: &Report, wanted: &str) -> String {
    let mut found: Vec<&str> = report.commands().collect();
    let mut sorted: Vec<&str> = wanted.split(' ').collect();
    found.sort_unstable();
    sorted.sort_unstable();
    if found == sorted {
        return wanted.to_owned();
    }
    found.join(" ")
}

/// The ranges of a variable, as `=` lines spell them.
fn ranges(report: &Report, name: &str) -> String {
    let ranges = report
        .reading(name)
        .map_or(&[][..], |reading| &reading.ranges);
    let ranges: Vec<String> = ranges
        .iter()
        .map(|(from, to)| format!("{from}..{to}"))
        .collect();
    ranges.join(" ")
}

/// The values a variable may be set to, as `=` lines spell them.
fn choices(report: &Report, name: &str) -> String {
    let reading = report.reading(name);
    reading.map_or_else(String::new, |reading| reading.choices.join("; "))
}

/// A variable as `=` lines spell it: the status is one, though drivers report words.
fn variable(report: &Report, name: &str) -> String {
    match name {
        "ups.status" => report.status_words().collect::<Vec<_>>().join(" "),
        _ => report.value(name).unwrap_or(UNKNOWN).to_owned(),
    }
}

/// The variables no `=` line names.
fn unnamed(report: &Report, expected: &[Expected]) -> String {
    let named = |name: &str| expected.iter().any(|(_, subject, _)| subject == name);
    let names: Vec<&str> = report
        .variables()
        .map(|(name, _)| name)
        .filter(|name| !named(name))
        .collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{About, Deadline, IoError, LineSettings};

    /// Asks `L`, gets a load of one digit.
    struct Toy(Serial);

    impl Driver for Toy {
        const ABOUT: About = About {
            name: "toy",
            version: "0",
            protocol: "",
            aliases: &[],
            parameters: &[],
            dangerous: &[],
        };
        type Port = Serial;

        fn open(mut port: Serial, _: &Settings, _: Option<&[u8]>) -> Result<Self, Error> {
            port.configure(LineSettings::n81(2400))?;
            Ok(Self(port))
        }

        fn poll(&mut self, _: Wake) -> Result<Report, Error> {
            let answer = self.0.transact(b"L\r", b"\r", 8, Deadline::ms(100))?;
            let mut report = Report::new();
            report
                .set(
                    "ups.load",
                    String::from_utf8_lossy(&answer).trim().to_owned(),
                )
                .writable()
                .range(0, 9);
            report.status("OL");
            report.command("load.off");
            Ok(report)
        }

        fn shutdown(&mut self) -> Result<(), Error> {
            Ok(self.0.write(b"S\r", Deadline::ms(100))?)
        }
    }

    fn line_of(trace: &str) -> usize {
        replay::<Toy>(trace).unwrap_err().line
    }

    #[test]
    fn a_trace_that_fits_is_played_to_its_end() {
        let reports = replay::<Toy>(
            "! poll\n> L\\r\n< 7\\r\n= ups.load: 7\n= ups.status: OL\n= rw ups.load\n= range ups.load: 0..9\n\
             = commands: load.off\n= alarms:\n= only\n= !ups.temperature\n\
             ! poll\n> L\\r\n~ 100\n= error: timeout\n! shutdown\n> S\\r\n",
        );
        assert_eq!(reports.unwrap().len(), 1);
    }

    #[test]
    fn every_difference_is_found_and_its_line_told() {
        let poll = "! poll\n> L\\r\n< 7\\r\n";
        for wrong in [
            "= ups.load: 8",
            "= !ups.load",
            "= ups.temperature: 7",
            "= ups.status: OB",
            "= rw ups.status",
            "= range ups.load: 1..9",
            "= choices ups.load: 1; 2",
            "= commands: load.on",
            "= alarms: one",
            "= only",
            "= error: timeout",
            "= log: x",
        ] {
            assert_eq!(line_of(&format!("{poll}{wrong}\n")), 4, "{wrong}");
        }
        assert_eq!(
            line_of("! poll\n> M\\r\n< 7\\r\n"),
            2,
            "it writes something else"
        );
        assert_eq!(
            line_of("! poll\n> L\\r\n< 7\\r\n> M\\r\n"),
            4,
            "it stops early"
        );
        assert_eq!(line_of("! poll\n> L\\r\n< 7"), 1, "it fails");
        assert_eq!(
            line_of("! shutdown\n"),
            0,
            "it writes where nothing is to be written"
        );
        assert_eq!(line_of("! dance\n"), 1);
    }

    #[test]
    fn a_timeout_loses_no_bytes() {
        let mut port = replayed_port("< abc\n~ 5\n< d\\r\n").unwrap();
        let deadline = Deadline::ms(10);
        assert_eq!(
            port.read_until(b"\r", b"b", 9, deadline),
            Err(IoError::Timeout)
        );
        assert_eq!(port.read_exact(9, deadline), Err(IoError::Timeout));
        assert_eq!(port.read_until(b"\r", b"", 9, deadline).unwrap(), b"acd\r");
    }
}
