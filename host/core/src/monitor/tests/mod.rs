//! Tests of the monitor: a configuration, then a script of moments, events and what must be done about each.
//!
//! An event is a few words (see [`event`]), the actions are written the same way (see [`shown`]); lines of the log are left out
//! unless asked for, times to wake always.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::conf::upsmon;

mod contact;
mod critical;
mod random;
mod reload;
mod shutdown;
mod sleep;
mod status;

/// A moment in seconds, what happens, what is to be done.
type Row<'a> = (f64, &'a str, &'a str);

/// One UPS of which this machine is the primary.
const ONE: &str = "MONITOR a 1 u p primary\n";
/// The same as a secondary.
const GUEST: &str = "MONITOR a 1 u p secondary\n";
/// Time of day at the start.
const WALL: Duration = Duration::from_secs(1_700_000_000);

struct Rig {
    monitor: Monitor,
    /// By how much the time of day is ahead.
    ahead: Duration,
    log: Vec<String>,
}

fn settings(conf: &str) -> Settings {
    let (config, found) = upsmon::parse("upsmon.conf", conf.as_bytes());
    assert!(found.is_empty(), "{found:?}");
    config.settings
}

fn start(conf: &str) -> Rig {
    let (monitor, actions) = Monitor::new(settings(conf), Duration::ZERO, WALL).unwrap();
    let polled = actions
        .iter()
        .filter(|action| matches!(action, Action::Poll { .. }));
    assert_eq!(polled.count(), monitor.settings().systems.len());
    Rig {
        monitor,
        ahead: Duration::ZERO,
        log: Vec::new(),
    }
}

/// Runs the whole script; the state after it.
#[track_caller]
fn check(conf: &str, script: &[Row<'_>]) -> Rig {
    let mut rig = start(conf);
    rig.check(script);
    rig
}

impl Rig {
    #[track_caller]
    fn check(&mut self, script: &[Row<'_>]) {
        for &(at, happens, expected) in script {
            let actions = self.on(at, happens);
            assert_eq!(
                actions, expected,
                "at {at} s: {happens}\nlog: {:#?}",
                self.log
            );
        }
    }

    fn on(&mut self, at: f64, happens: &str) -> String {
        let now = Duration::from_secs_f64(at);
        let event = event(happens, WALL + now + self.ahead);
        let woken = matches!(event, Event::Wake { .. });
        let actions = self.monitor.on(event, now);
        if let (true, Some(Action::WakeAt(at))) = (woken, actions.last()) {
            assert!(*at > now, "{at:?} is not after {now:?}");
        }
        self.shown(&actions)
    }

    fn shown(&mut self, actions: &[Action]) -> String {
        let (last, others) = actions.split_last().expect("something to do");
        match last {
            Action::WakeAt(_) => {}
            Action::Exit { .. } => assert_eq!(self.monitor.stage, Stage::Over),
            other => panic!("{other:?} comes last"),
        }
        assert!(
            !others
                .iter()
                .any(|action| matches!(action, Action::WakeAt(_)))
        );
        for action in actions {
            if let Action::Log { text, .. } = action {
                self.log.push(text.clone());
            }
        }
        let shown: Vec<_> = actions.iter().filter_map(shown).collect();
        shown.join(", ")
    }

    /// What is thought of the first UPS at that moment.
    fn rule(&self, at: f64) -> Rule {
        let outlook = self.monitor.judgements(Duration::from_secs_f64(at));
        outlook.systems[0].rule
    }
}

/// `a: OL CHRG`, `a: ALARM | its text`, `a: OL ~ its buzzwords`, `a! DATA-STALE`, `a! any other failure`, `wake`, `a linked`,
/// `a in`, `a refused LOGIN|PASSWORD|PRIMARY`, `a changed`, `a fsd ok|ERROR|lost`, `a logins 2|ERROR|lost`, `forced`, `sleep`, `woken`, `orphan`.
fn event(text: &str, wall: Duration) -> Event {
    if let Some((system, why)) = text.split_once("! ") {
        return Event::Polled {
            system: Arc::from(system),
            outcome: Err(failure(why)),
        };
    }
    if let Some((system, said)) = text.split_once(':') {
        let (said, alarm) = said
            .split_once('|')
            .map_or((said, None), |(s, a)| (s, Some(a)));
        let (said, buzz) = said
            .split_once('~')
            .map_or((said, None), |(s, b)| (s, Some(b)));
        let reading = Reading {
            status: said.trim().to_owned(),
            alarm: alarm.map(|alarm| alarm.trim().to_owned()),
            buzzwords: buzz.map(|buzz| buzz.trim().to_owned()),
        };
        return Event::Polled {
            system: Arc::from(system),
            outcome: Ok(reading),
        };
    }
    let words: Vec<_> = text.split(' ').collect();
    let system = Arc::from(words[0]);
    match words.as_slice() {
        ["wake"] => Event::Wake { wall },
        ["forced"] => Event::Forced,
        ["sleep"] => Event::Sleeping,
        ["woken"] => Event::Woken { wall },
        ["orphan"] => Event::ParentGone,
        [_, "linked"] => Event::Linked { system },
        [_, "changed"] => Event::Changed { system },
        [_, "in"] => Event::LoggedIn {
            system,
            outcome: Ok(()),
        },
        [_, "refused", step] => {
            let step = match *step {
                "LOGIN" => Step::Login,
                "PASSWORD" => Step::Authentication,
                _ => Step::Primary,
            };
            let reason = "Access denied".to_owned();
            Event::LoggedIn {
                system,
                outcome: Err(Refused { step, reason }),
            }
        }
        [_, "fsd", "ok"] => Event::FsdSet {
            system,
            outcome: Ok(()),
        },
        [_, "fsd", why] => Event::FsdSet {
            system,
            outcome: Err(failure(why)),
        },
        [_, "logins", count] => Event::Logins {
            system,
            outcome: count.parse().map_err(|_| failure(count)),
        },
        other => panic!("{other:?}"),
    }
}

fn failure(why: &str) -> Failure {
    match why {
        token
            if token
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_uppercase()) =>
        {
            Failure::Refused(token.to_owned())
        }
        "refused" => Failure::Connect("Connection refused".to_owned()),
        other => Failure::Lost(other.to_owned()),
    }
}

fn shown(action: &Action) -> Option<String> {
    Some(match action {
        Action::Poll { system } => format!("poll {system}"),
        Action::LogIn { system } => format!("login {system}"),
        Action::SetFsd { system } => format!("fsd {system}"),
        Action::CountLogins { system } => format!("count {system}"),
        Action::Disconnect { system } => format!("drop {system}"),
        Action::Notify(notice) => match &notice.system {
            Some(system) => format!("{} {system}", notice.kind.name()),
            None => notice.kind.name().to_owned(),
        },
        Action::Wall { .. } => "wall".to_owned(),
        Action::ShutDown => "SHUTDOWNCMD".to_owned(),
        Action::Exit { code } => format!("exit {code}"),
        Action::Log { .. } | Action::WakeAt(_) => return None,
    })
}
