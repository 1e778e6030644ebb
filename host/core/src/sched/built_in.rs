//! Timers without a script: each rule of husk.toml keeps one timer for each UPS it is about.
//!
//! A rule starts its timer for a UPS at the first of its kinds and lets it run at the next ones; one of the cancelling kinds for the
//! same UPS ends it. A kind about the whole machine counts as a UPS without a name. Decides nothing by itself: what is due is handed
//! back, and a shutdown that is due is only a wish of the operator like `upsmon -c fsd`.

use std::time::Duration;

use super::{Cause, Causes, Command, Timers, TooMany};

/// One `[[timer]]` of husk.toml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique among the rules.
    pub name: String,
    /// The kinds that start it.
    pub on: Vec<String>,
    /// The kinds that cancel it.
    pub cancel: Vec<String>,
    /// The UPS it is about as its MONITOR line names it; `None`: each.
    pub system: Option<String>,
    /// How long it runs.
    pub after: Duration,
    /// What then happens.
    pub what: What,
}

/// What happens when a timer has run out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The program with its arguments, and the name of the rule as the last one.
    Run(Vec<String>),
    /// A forced shutdown.
    ShutDown,
}

/// A timer that has run out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The rule's name.
    pub name: String,
    /// What to do.
    pub what: What,
    /// Why.
    pub causes: Causes,
}

impl Rule {
    fn is_about(&self, system: &str) -> bool {
        let mut wanted = self.system.iter();
        wanted.all(|wanted| wanted.eq_ignore_ascii_case(system))
    }

    /// The name of its timer for that UPS; rules' names have no NUL.
    fn timer(&self, system: &str) -> String {
        format!("{}\0{system}", self.name)
    }
}

/// The rules and their timers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuiltIn {
    rules: Vec<Rule>,
    timers: Timers,
}

impl BuiltIn {
    /// No timer runs yet.
    pub fn new(rules: Vec<Rule>) -> Self {
        let timers = Timers::default();
        Self { rules, timers }
    }

    /// Other rules; timers of rules that stay as they are go on.
    pub fn replace(&mut self, rules: Vec<Rule>) {
        let before = std::mem::replace(&mut self.rules, rules);
        let stay = |rule: &&Rule| before.contains(rule);
        let stay: Vec<&str> = self
            .rules
            .iter()
            .filter(stay)
            .map(|rule| rule.name.as_str())
            .collect();
        self.timers.retain(|timer| {
            let rule = timer.name.split('\0').next();
            rule.is_some_and(|rule| stay.contains(&rule))
        });
    }

    /// A notification went out.
    ///
    /// # Errors
    /// [`TooMany`]; the other rules were followed.
    pub fn notice(&mut self, cause: &Cause, now: Duration) -> Result<(), TooMany> {
        let named = |kinds: &[String]| {
            kinds
                .iter()
                .any(|kind| kind.eq_ignore_ascii_case(&cause.kind))
        };
        let mut outcome = Ok(());
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.is_about(&cause.system))
        {
            let name = rule.timer(&cause.system);
            let command = if named(&rule.cancel) {
                let otherwise = None;
                Command::Cancel { name, otherwise }
            } else if named(&rule.on) {
                let after = rule.after;
                Command::StartShared { name, after }
            } else {
                continue;
            };
            outcome = self
                .timers
                .command(command, cause.clone(), now)
                .map(|_| ())
                .and(outcome);
        }
        outcome
    }

    /// Takes out what has run out by `now`, the earliest first.
    pub fn due(&mut self, now: Duration) -> Vec<Due> {
        let expired = self.timers.expired(now).into_iter();
        expired
            .filter_map(|run| {
                let name = run.name.split('\0').next()?;
                let rule = self.rules.iter().find(|rule| rule.name == name)?;
                Some(Due {
                    name: rule.name.clone(),
                    what: rule.what.clone(),
                    causes: run.causes,
                })
            })
            .collect()
    }

    /// When [`BuiltIn::due`] has something to give next.
    pub fn next(&self) -> Option<Duration> {
        self.timers.next()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rule(name: &str, system: Option<&str>, after: u64) -> Rule {
        Rule {
            name: name.to_owned(),
            on: vec!["ONBATT".to_owned(), "LOWBATT".to_owned()],
            cancel: vec!["ONLINE".to_owned()],
            system: system.map(str::to_owned),
            after: Duration::from_secs(after),
            what: What::ShutDown,
        }
    }

    fn tell(timers: &mut BuiltIn, kind: &str, system: &str, now: u64) {
        let cause = Cause {
            kind: kind.to_owned(),
            system: system.to_owned(),
            text: String::new(),
        };
        timers.notice(&cause, Duration::from_secs(now)).unwrap();
    }

    #[track_caller]
    fn due(timers: &mut BuiltIn, now: u64, expected: &[&str]) {
        let due = timers.due(Duration::from_secs(now)).into_iter();
        let due: Vec<_> = due
            .map(|due| format!("{} {}", due.name, due.causes.systems()))
            .collect();
        assert_eq!(due, expected);
    }

    #[test]
    fn each_ups_has_its_own_timer_and_a_second_cause_does_not_start_it_anew() {
        let mut timers = BuiltIn::new(vec![rule("out", None, 10), rule("b only", Some("B@h"), 5)]);
        tell(&mut timers, "onbatt", "a@h", 0);
        tell(&mut timers, "ONBATT", "b@h", 1);
        tell(&mut timers, "LOWBATT", "a@h", 5);
        tell(&mut timers, "CAL", "a@h", 5);
        assert_eq!(timers.next(), Some(Duration::from_secs(6)));
        due(&mut timers, 9, &["b only b@h"]);
        tell(&mut timers, "ONLINE", "b@h", 9);
        due(&mut timers, 20, &["out a@h"]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_reload_ends_only_timers_of_rules_that_changed() {
        let mut timers = BuiltIn::new(vec![
            rule("stays", None, 10),
            rule("changes", None, 10),
            rule("goes", None, 10),
        ]);
        tell(&mut timers, "ONBATT", "a", 0);
        timers.replace(vec![rule("changes", None, 5), rule("stays", None, 10)]);
        due(&mut timers, 10, &["stays a"]);
        assert_eq!(timers.next(), None);
    }
}
