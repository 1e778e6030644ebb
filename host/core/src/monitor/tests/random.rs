//! Properties that hold whatever happens: 400 made-up lives of 300 events, the same every time.

use std::collections::BTreeSet;

use super::*;
use crate::random::Random;

const LIVES: u64 = 400;
const EVENTS: usize = 300;
const CONF: &str = "MONITOR a 1 u p primary\nMONITOR b 1 u p primary\nMONITOR c 1 u p secondary\n";
const SYSTEMS: [&str; 3] = ["a", "b", "c"];
/// Mostly harmless, or nothing would live for long.
const SAID: [&str; 10] = [
    "OL",
    "OL",
    "OL",
    "OL CHRG",
    "OL RB",
    "OB",
    "OL ALARM",
    "OB LB CAL",
    "OL TRIM NEW",
    "OFF",
];
const FATAL: [&str; 3] = ["OB LB", "OL FSD", ""];
const FAILED: [&str; 4] = ["refused", "lost", "DATA-STALE", "ACCESS-DENIED"];

/// What is asked and not answered yet.
#[derive(Default)]
struct World {
    open: BTreeSet<String>,
    notified: bool,
    decided: bool,
    commands: usize,
}

impl World {
    #[track_caller]
    fn take(&mut self, actions: &[Action], monitor: &Monitor) {
        for action in actions {
            match action {
                Action::Poll { .. } | Action::SetFsd { .. } => {
                    let question = shown(action).unwrap();
                    assert_ne!(question, "fsd c", "it is no primary there");
                    assert!(self.open.insert(question), "asked twice: {action:?}");
                }
                Action::CountLogins { .. } => {
                    let new = self.open.insert(shown(action).unwrap());
                    let waiting = matches!(monitor.stage(), Stage::AwaitingSecondaries(_));
                    assert!(new || !waiting, "asked twice: {action:?}");
                }
                Action::LogIn { .. } => {
                    self.open.insert(shown(action).unwrap());
                }
                Action::Notify(notice) => self.notified |= notice.kind == Kind::Shutdown,
                Action::ShutDown => self.commands += 1,
                _ => {}
            }
        }
        assert!(self.commands <= 1);
        assert!(self.commands == 0 || (self.notified && self.decided));
        assert!(
            self.decided || !monitor.stage().going_down(),
            "nobody decided that"
        );
    }

    /// An answer to something, or something unasked.
    fn happens(&mut self, random: &mut Random) -> String {
        let system = *random.pick(&SYSTEMS.each_ref());
        if random.one_in(3) || self.open.is_empty() {
            return match random.below(40) {
                0 => "sleep".to_owned(),
                1 => "woken".to_owned(),
                2 => "orphan".to_owned(),
                3..8 => format!("{system} changed"),
                8..11 => format!("{system} linked"),
                _ => "wake".to_owned(),
            };
        }
        let questions: Vec<&str> = self.open.iter().map(String::as_str).collect();
        let question = random.pick(&questions).to_owned();
        self.open.remove(&question);
        let (verb, system) = question.split_once(' ').unwrap();
        let failed = random.one_in(4).then(|| *random.pick(&FAILED.each_ref()));
        match (verb, failed) {
            ("poll", Some(why)) => format!("{system}! {why}"),
            ("poll", None) if random.one_in(30) => {
                format!("{system}: {}", random.pick(&FATAL.each_ref()))
            }
            ("poll", None) => format!("{system}: {}", random.pick(&SAID.each_ref())),
            ("login", Some(_)) => format!("{system} refused LOGIN"),
            ("login", None) => format!("{system} in"),
            ("fsd", why) => format!("{system} fsd {}", why.unwrap_or("ok")),
            (_, why) => match why {
                Some(why) => format!("{system} logins {why}"),
                None => format!("{system} logins {}", random.below(4)),
            },
        }
    }
}

#[test]
fn nothing_is_asked_twice_and_no_command_runs_without_a_decision() {
    let mut down = 0;
    for seed in 0..LIVES {
        let random = &mut Random::new(seed);
        let conf = format!("{CONF}MINSUPPLIES {}\n", random.below(4));
        let (mut monitor, actions) = Monitor::new(settings(&conf), Duration::ZERO, WALL).unwrap();
        let mut world = World::default();
        world.take(&actions, &monitor);
        let mut now = Duration::ZERO;
        for _ in 0..EVENTS {
            let longest = if random.one_in(50) { 20_000 } else { 700 };
            now += Duration::from_millis(random.below(longest) as u64);
            let mut what = world.happens(random);
            if random.one_in(1000) {
                "forced".clone_into(&mut what);
                world.decided = true;
            }
            let actions = monitor.on(event(&what, WALL + now), now);
            world.decided |= monitor.judgements(now).shuts_down();
            world.take(&actions, &monitor);
            match actions.last() {
                Some(Action::WakeAt(at)) => assert!(*at >= now),
                Some(Action::Exit { .. }) => break,
                other => panic!("seed {seed}: {other:?} comes last"),
            }
        }
        down += world.commands;
    }
    // Both ends are seen.
    assert!((50..350).contains(&down), "{down} of {LIVES} went down");
}
