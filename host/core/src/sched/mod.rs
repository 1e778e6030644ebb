//! Timers that notifications start and cancel: the rules of upssched, and the timers built into the monitor by the same rules.
//!
//! Events and `now` go in, programs to run come out. Nothing here sleeps or starts a program, and nothing counts the time the
//! machine is asleep: an outage before the lid was closed must not end in a shutdown when it is opened. (The incumbent goes by the
//! time of day and runs everything overdue at once.)

use std::time::Duration;

mod built_in;

pub use built_in::{BuiltIn, Due, Rule, What};

/// Timers that may run at a time: a rule for each of 32 kinds and eight UPSes.
pub const TIMERS: usize = 256;
/// Causes a shared timer remembers of each sort, for the environment of its program.
pub const CAUSES: usize = 64;

/// The notification behind a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// `NOTIFYTYPE`.
    pub kind: String,
    /// `UPSNAME`; empty for what concerns the whole machine.
    pub system: String,
    /// The text of the notification.
    pub text: String,
}

/// What a line of upssched.conf asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `START-TIMER`: one more timer, whatever runs already.
    Start {
        /// Its name, which the program gets.
        name: String,
        /// How long it runs.
        after: Duration,
    },
    /// `START-TIMER-SHARED`: a timer unless one of the name runs; that one takes note of the cause.
    StartShared {
        /// Its name, which the program gets.
        name: String,
        /// How long it runs.
        after: Duration,
    },
    /// `CANCEL-TIMER`: no timer of the name any more.
    Cancel {
        /// Which.
        name: String,
        /// What to run if there was none.
        otherwise: Option<String>,
    },
    /// `CANCEL-TIMER-MATCHED`: no timer of the name for this UPS any more. A shared timer goes on for the other UPSes. The kind
    /// is not compared: what ends an outage (ONLINE) is never what began it (ONBATT).
    CancelMatched {
        /// Which.
        name: String,
        /// What to run if there was none.
        otherwise: Option<String>,
    },
    /// `EXECUTE`: run at once.
    Execute {
        /// What the program gets.
        name: String,
    },
}

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its argument: the name of the timer or of the command.
    pub name: String,
    /// Why, first cause first.
    pub causes: Causes,
}

/// Everything that started a timer, each word once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes {
    kinds: Vec<String>,
    systems: Vec<String>,
    texts: Vec<String>,
}

impl Causes {
    /// `NOTIFYTYPE` for the program.
    pub fn kinds(&self) -> String {
        self.kinds.join(",")
    }

    /// `UPSNAME` for the program.
    pub fn systems(&self) -> String {
        self.systems.join(",")
    }

    /// `NOTIFYMSG` for the program.
    pub fn texts(&self) -> String {
        self.texts.join(".\t")
    }

    fn add(&mut self, cause: Cause) {
        for (list, word) in [
            (&mut self.kinds, cause.kind),
            (&mut self.systems, cause.system),
            (&mut self.texts, cause.text),
        ] {
            if list.len() < CAUSES && !list.contains(&word) {
                list.push(word);
            }
        }
    }
}

impl From<Cause> for Causes {
    fn from(cause: Cause) -> Self {
        let mut causes = Self::default();
        causes.add(cause);
        causes
    }
}

/// A timer that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Its name.
    pub name: String,
    /// When it expires.
    pub due: Duration,
    /// What started it.
    pub causes: Causes,
}

/// [`TIMERS`] run already; the new one was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

impl std::fmt::Display for TooMany {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{TIMERS} timers run already and no more are started; START-TIMER-SHARED keeps one for all causes"
        )
    }
}

impl std::error::Error for TooMany {}

/// All timers that run, in the order they were started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timers(Vec<Timer>);

impl Timers {
    /// Does what a line asks for and gives the program to run at once, if any.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn command(
        &mut self,
        command: Command,
        cause: Cause,
        now: Duration,
    ) -> Result<Option<Run>, TooMany> {
        let at_once = |name: String, cause: Cause| {
            let causes = cause.into();
            Some(Run { name, causes })
        };
        match command {
            Command::Start { name, after } => {
                self.start(name, after, cause, now)?;
                Ok(None)
            }
            Command::StartShared { name, after } => {
                match self.0.iter_mut().find(|timer| timer.name == name) {
                    Some(running) => running.causes.add(cause),
                    None => self.start(name, after, cause, now)?,
                }
                Ok(None)
            }
            Command::Cancel { name, otherwise } => {
                let before = self.0.len();
                self.0.retain(|timer| timer.name != name);
                let otherwise = otherwise.filter(|_| before == self.0.len());
                Ok(otherwise.and_then(|name| at_once(name, cause)))
            }
            Command::CancelMatched { name, otherwise } => {
                let found = self.forget(&name, &cause.system);
                let otherwise = otherwise.filter(|_| !found);
                Ok(otherwise.and_then(|name| at_once(name, cause)))
            }
            Command::Execute { name } => Ok(at_once(name, cause)),
        }
    }

    /// Takes out what has expired by `now`, the earliest first.
    pub fn expired(&mut self, now: Duration) -> Vec<Run> {
        let mut due: Vec<Timer> = self.0.extract_if(.., |timer| timer.due <= now).collect();
        due.sort_by_key(|timer| timer.due);
        due.into_iter()
            .map(|Timer { name, causes, .. }| Run { name, causes })
            .collect()
    }

    /// When [`Timers::expired`] has something to give next.
    pub fn next(&self) -> Option<Duration> {
        self.0.iter().map(|timer| timer.due).min()
    }

    /// The timers that run.
    pub fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.0.iter()
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn retain(&mut self, keep: impl FnMut(&Timer) -> bool) {
        self.0.retain(keep);
    }

    fn start(
        &mut self,
        name: String,
        after: Duration,
        cause: Cause,
        now: Duration,
    ) -> Result<(), TooMany> {
        if self.0.len() >= TIMERS {
            return Err(TooMany);
        }
        self.0.push(Timer {
            name,
            due: now.saturating_add(after),
            causes: cause.into(),
        });
        Ok(())
    }

    /// Takes the UPS off all timers of the name; whether it was on one.
    fn forget(&mut self, name: &str, system: &str) -> bool {
        let same = |other: &String| other.eq_ignore_ascii_case(system);
        let mut found = false;
        self.0.retain_mut(|timer| {
            if timer.name != name || !timer.causes.systems.iter().any(same) {
                return true;
            }
            found = true;
            timer.causes.systems.retain(|other| !same(other));
            !timer.causes.systems.is_empty()
        });
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn cause(kind: &str, system: &str) -> Cause {
        Cause {
            kind: kind.to_owned(),
            system: system.to_owned(),
            text: format!("{system} {kind}"),
        }
    }

    fn start(name: &str, after: u64) -> Command {
        let (name, after) = (name.to_owned(), seconds(after));
        Command::Start { name, after }
    }

    fn shared(name: &str, after: u64) -> Command {
        let (name, after) = (name.to_owned(), seconds(after));
        Command::StartShared { name, after }
    }

    fn cancel(name: &str, otherwise: Option<&str>) -> Command {
        let (name, otherwise) = (name.to_owned(), otherwise.map(str::to_owned));
        Command::Cancel { name, otherwise }
    }

    fn matched(name: &str, otherwise: Option<&str>) -> Command {
        let (name, otherwise) = (name.to_owned(), otherwise.map(str::to_owned));
        Command::CancelMatched { name, otherwise }
    }

    fn execute(name: &str) -> Command {
        let name = name.to_owned();
        Command::Execute { name }
    }

    /// Each step at its second: a command of a kind about a UPS. Expected: what runs when, `second name types upses`.
    #[track_caller]
    fn check(script: &[(u64, Command, &str, &str)], expected: &[&str]) {
        let mut timers = Timers::default();
        let mut ran = Vec::new();
        let mut note = |now: u64, run: Run| {
            let Run { name, causes } = run;
            ran.push(format!(
                "{now} {name} {} {}",
                causes.kinds(),
                causes.systems()
            ));
        };
        let mut script = script.iter().peekable();
        for now in 0..100 {
            for run in timers.expired(seconds(now)) {
                note(now, run);
            }
            while let Some((_, command, kind, system)) = script.next_if(|step| step.0 == now) {
                let run = timers.command(command.clone(), cause(kind, system), seconds(now));
                if let Some(run) = run.unwrap() {
                    note(now, run);
                }
            }
        }
        assert!(timers.is_empty() && timers.next().is_none());
        assert_eq!(ran, expected);
    }

    #[test]
    fn every_start_is_a_timer_of_its_own() {
        let script = [
            (0, start("out", 10), "ONBATT", "a"),
            (1, start("low", 3), "LOWBATT", "a"),
            (2, start("out", 10), "ONBATT", "b"),
        ];
        check(
            &script,
            &["4 low LOWBATT a", "10 out ONBATT a", "12 out ONBATT b"],
        );
    }

    #[test]
    fn a_shared_timer_runs_once_and_knows_all_its_causes() {
        let script = [
            (0, shared("out", 10), "ONBATT", "a"),
            (2, shared("out", 10), "ONBATT", "b"),
            (3, shared("out", 10), "COMMBAD", "b"),
            (11, shared("out", 1), "ONBATT", "c"),
        ];
        check(&script, &["10 out ONBATT,COMMBAD a,b", "12 out ONBATT c"]);
    }

    #[test]
    fn cancel_takes_all_of_the_name_and_runs_its_command_only_for_want_of_one() {
        let script = [
            (0, start("out", 10), "ONBATT", "a"),
            (0, start("out", 20), "ONBATT", "b"),
            (0, start("other", 5), "ONBATT", "a"),
            (1, cancel("out", Some("back")), "ONLINE", "a"),
            (2, cancel("out", Some("back")), "ONLINE", "b"),
            (3, cancel("out", None), "ONLINE", "b"),
        ];
        check(&script, &["2 back ONLINE b", "5 other ONBATT a"]);
    }

    #[test]
    fn a_matched_cancel_leaves_the_timers_of_other_upses() {
        let script = [
            (0, start("out", 10), "ONBATT", "a"),
            (0, start("out", 10), "ONBATT", "b"),
            (0, shared("both", 10), "ONBATT", "a"),
            (0, shared("both", 10), "ONBATT", "b"),
            (1, matched("out", Some("back")), "ONLINE", "A"),
            (1, matched("both", Some("back")), "ONLINE", "a"),
            (2, matched("out", Some("back")), "ONLINE", "a"),
        ];
        check(
            &script,
            &["2 back ONLINE a", "10 out ONBATT b", "10 both ONBATT b"],
        );
    }

    #[test]
    fn execute_needs_no_timer() {
        check(&[(7, execute("now"), "FSD", "")], &["7 now FSD "]);
    }

    #[test]
    fn timers_and_causes_are_bounded() {
        let mut timers = Timers::default();
        for number in 0..TIMERS {
            let system = number.to_string();
            let command = shared("one", 1);
            timers
                .command(command, cause("ONBATT", &system), seconds(0))
                .unwrap();
            if number > 0 {
                timers
                    .command(start("many", 1), Cause::default(), seconds(0))
                    .unwrap();
            }
        }
        let more = timers.command(start("many", 1), Cause::default(), seconds(0));
        assert_eq!(more, Err(TooMany));
        let one = timers.iter().next().unwrap();
        assert_eq!(one.causes.systems.len(), CAUSES);
        assert!(one.causes.texts().contains("0 ONBATT.\t1 ONBATT"));
        assert_eq!(timers.expired(seconds(1)).len(), TIMERS);
    }
}
