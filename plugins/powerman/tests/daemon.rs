//! The driver against a daemon played by a function that speaks as PowerMan 2.3.27 does: outlets that switch, and a daemon
//! that is gone, silent, out of step or garbled. Never a panic, never a command twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use husk_driver::{Act, Driver, Error, FakeStream, Heard, Report, Settings, Stream, Wake};
use husk_plugin_powerman::Powerman;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// What the daemon is and does.
#[derive(Default)]
struct Daemon {
    nodes: Vec<(String, &'static str)>,
    expands: bool,
    /// Answers nothing at all.
    silent: bool,
    /// Accepts nobody.
    gone: bool,
    /// Hangs up before its next answer.
    hangs_up: bool,
    /// Says this instead of its next answer.
    instead: Option<Vec<Act>>,
    /// Everything it was told to do.
    done: Vec<String>,
    piece: usize,
}

type Shared = Rc<RefCell<Daemon>>;

fn daemon(nodes: &[(&str, &'static str)]) -> Shared {
    Rc::new(RefCell::new(Daemon {
        nodes: nodes
            .iter()
            .map(|(name, state)| ((*name).to_owned(), *state))
            .collect(),
        piece: 7,
        ..Daemon::default()
    }))
}

impl Daemon {
    fn say(&self, text: &str) -> Vec<Act> {
        let text = format!("{text}\r\npowerman> ");
        let piece = |piece: &[u8]| Act::Say(piece.to_vec());
        text.as_bytes().chunks(self.piece).map(piece).collect()
    }

    fn answer(&mut self, line: &str) -> String {
        let (verb, node) = line.split_once(' ').unwrap_or((line, ""));
        match (verb, node) {
            ("exprange", _) => {
                self.expands = !self.expands;
                format!(
                    "105 Hostrange expansion {}",
                    if self.expands { "ON" } else { "OFF" }
                )
            }
            ("status", "") => self.states(|_| true),
            ("status", wanted) if self.nodes.iter().any(|(name, _)| name == wanted) => {
                self.states(|name| name == wanted)
            }
            ("on" | "off" | "cycle", name) => {
                match self.nodes.iter_mut().find(|(known, _)| known == name) {
                    Some((_, state)) if *state == "unknown" => {
                        format!("308 {name}: timed out\r\n210 Command completed with errors")
                    }
                    Some((_, state)) => {
                        *state = if verb == "off" { "off" } else { "on" };
                        self.done.push(line.to_owned());
                        "102 Command completed successfully".to_owned()
                    }
                    None => format!("209 No such nodes: {name}"),
                }
            }
            ("status", name) => format!("209 No such nodes: {name}"),
            _ => "201 Unknown command".to_owned(),
        }
    }

    fn states(&self, wanted: impl Fn(&str) -> bool) -> String {
        let lines = self.nodes.iter().filter(|(name, _)| wanted(name));
        let mut text: String = lines
            .map(|(name, state)| format!("303 {name}: {state}\r\n"))
            .collect();
        let errors = self.nodes.iter().any(|(_, state)| *state == "unknown");
        text += if errors {
            "211 Query completed with errors"
        } else {
            "103 Query complete"
        };
        text
    }
}

fn stream(daemon: &Shared) -> Stream {
    let daemon = Rc::clone(daemon);
    Stream::new(FakeStream::new(move |heard| {
        let mut daemon = daemon.borrow_mut();
        match heard {
            Heard::Connected if daemon.gone => None,
            Heard::Connected => {
                daemon.expands = false;
                Some(daemon.say("001 2.3.27"))
            }
            Heard::Bytes(_) if daemon.silent => None,
            Heard::Bytes(_) if std::mem::take(&mut daemon.hangs_up) => Some(vec![Act::HangUp]),
            Heard::Bytes(bytes) => {
                let line = String::from_utf8_lossy(bytes.strip_suffix(b"\r\n")?).into_owned();
                let answer = daemon.answer(&line);
                Some(daemon.instead.take().unwrap_or_else(|| daemon.say(&answer)))
            }
        }
    }))
}

fn open(daemon: &Shared) -> Powerman {
    Powerman::open(stream(daemon), &Settings::default(), None).unwrap()
}

fn poll(driver: &mut Powerman) -> Report {
    driver.poll(Wake::Interval).unwrap()
}

#[test]
fn nodes_are_outlets_that_switch() {
    let daemon = daemon(&[("web", "on"), ("db", "off"), ("lost", "unknown")]);
    let mut driver = open(&daemon);
    let report = poll(&mut driver);
    for (name, value) in [
        ("device.type", "pdu"),
        ("outlet.count", "3"),
        ("outlet.1.id", "1"),
        ("outlet.1.desc", "web"),
        ("outlet.1.switchable", "yes"),
        ("outlet.1.status", "on"),
        ("outlet.2.switch", "off"),
        ("outlet.3.status", "unknown"),
    ] {
        assert_eq!(report.value(name), Some(value), "{name}");
    }
    assert_eq!(report.value("outlet.3.switch"), None);
    assert_eq!(
        report.reading("outlet.2.switch").unwrap().choices,
        ["on", "off"]
    );
    assert_eq!(report.status_words().count(), 0);
    assert!(report.commands().any(|name| name == "outlet.2.load.cycle"));

    driver.command("outlet.2.load.on", None).unwrap();
    driver.set("outlet.1.switch", "off").unwrap();
    driver.command("outlet.1.load.cycle", None).unwrap();
    assert_eq!(daemon.borrow().done, ["on db", "off web", "cycle web"]);
    assert_eq!(poll(&mut driver).value("outlet.2.status"), Some("on"));

    let refused = driver.command("outlet.3.load.on", None).unwrap_err();
    assert!(refused.to_string().contains("lost: timed out"), "{refused}");
    for (name, expected) in [
        ("outlet.4.load.on", Error::Unsupported),
        ("outlet.0.load.on", Error::Unsupported),
        ("outlet.1.load.off.delay", Error::Unsupported),
        ("load.off", Error::Unsupported),
    ] {
        assert_eq!(driver.command(name, None), Err(expected), "{name}");
    }
    assert!(matches!(
        driver.set("outlet.1.switch", "ON"),
        Err(Error::InvalidArgument(_))
    ));
    assert_eq!(driver.set("outlet.1.desc", "x"), Err(Error::Unsupported));
}

#[test]
fn a_number_stays_with_its_node_when_the_list_changes() {
    let daemon = daemon(&[("a", "on"), ("b", "on")]);
    let mut driver = open(&daemon);
    daemon.borrow_mut().nodes = vec![("new".into(), "off"), ("b".into(), "off")];
    daemon.borrow_mut().hangs_up = true;
    let report = poll(&mut driver);
    assert_eq!(report.value("outlet.1.desc"), None);
    assert_eq!(report.value("outlet.2.desc"), Some("b"));
    assert_eq!(report.value("outlet.3.desc"), Some("new"));
    let refused = driver.command("outlet.1.load.off", None).unwrap_err();
    assert!(
        refused.to_string().contains("No such nodes: a"),
        "{refused}"
    );
    assert!(daemon.borrow().done.is_empty());
}

#[test]
fn only_the_nodes_that_are_wanted_and_only_single_ones() {
    let daemon = daemon(&[("a", "on"), ("b", "on"), ("c[1-9]", "on"), ("d e", "on")]);
    assert_eq!(poll(&mut open(&daemon)).value("outlet.count"), Some("2"));
    let only = Settings::new([("nodes", "b")]);
    let mut driver = Powerman::open(stream(&daemon), &only, None).unwrap();
    let report = poll(&mut driver);
    assert_eq!(report.value("outlet.1.desc"), Some("b"));
    assert_eq!(report.value("outlet.count"), Some("1"));
    let bad = Settings::new([("nodes", "a\r\noff b")]);
    let refused = Powerman::open(stream(&daemon), &bad, None).err();
    assert!(
        matches!(refused, Some(Error::BadSetting { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_daemon_that_hung_up_is_met_again_but_a_command_is_sent_once() {
    let daemon = daemon(&[("a", "off")]);
    let mut driver = open(&daemon);
    daemon.borrow_mut().hangs_up = true;
    assert_eq!(poll(&mut driver).value("outlet.1.status"), Some("off"));
    // Lost before the command: the question before it finds out.
    daemon.borrow_mut().hangs_up = true;
    driver.command("outlet.1.load.on", None).unwrap();
    assert_eq!(daemon.borrow().done, ["on a"]);
}

#[test]
fn each_fault_fails_the_poll_in_time_and_heals() {
    let daemon = daemon(&[("a", "on"), ("b", "off")]);
    let mut driver = open(&daemon);
    let say = |text: &str| Some(vec![Act::Say(text.as_bytes().to_vec())]);
    for (instead, expected) in [
        (say("hello\r\n"), "without a code"),
        (
            say("303 a: on\r\n103 Query complete\r\nelsewhere> "),
            "no prompt",
        ),
        (
            say("303 a: sideways\r\n103 Query complete\r\npowerman> "),
            "state of a node",
        ),
        (say("303 a: on\r\n"), "in time"),
        (Some(Vec::new()), "in time"),
        (say("204 Internal powerman error\r\npowerman> "), "Internal"),
        (
            Some(vec![Act::Wait(Duration::from_secs(30)), Act::HangUp]),
            "in time",
        ),
        (
            Some(vec![Act::Say(vec![b'x'; 5000])]),
            "longer than any answer",
        ),
    ] {
        daemon.borrow_mut().instead = instead;
        let before = husk_driver::host::now_ms();
        let error = driver.poll(Wake::Interval).unwrap_err().to_string();
        let took = husk_driver::host::now_ms() - before;
        assert!(error.contains(expected), "{error}");
        assert!(took <= 9_000, "{error} after {took} ms");
        assert_eq!(poll(&mut driver).value("outlet.2.status"), Some("off"));
    }
    daemon.borrow_mut().gone = true;
    daemon.borrow_mut().hangs_up = true;
    assert!(driver.poll(Wake::Interval).is_err());
    daemon.borrow_mut().gone = false;
    assert_eq!(poll(&mut driver).value("outlet.1.status"), Some("on"));
    daemon.borrow_mut().silent = true;
    assert_eq!(driver.poll(Wake::Interval), Err(Error::Timeout));
    assert_eq!(
        driver.command("outlet.1.load.off", None),
        Err(Error::Timeout)
    );
    daemon.borrow_mut().silent = false;
    assert_eq!(poll(&mut driver).value("outlet.1.status"), Some("on"));
    assert!(daemon.borrow().done.is_empty());
}

#[test]
fn who_greets_otherwise_is_not_powerman() {
    for greeting in [
        "220 mail.example ESMTP\r\npowerman> ",
        "103 x\r\npowerman> ",
    ] {
        let greeting = greeting.as_bytes().to_vec();
        let peer = move |_: Heard<'_>| Some(vec![Act::Say(greeting.clone())]);
        let refused = Powerman::open(
            Stream::new(FakeStream::new(peer)),
            &Settings::default(),
            None,
        );
        assert!(matches!(refused.err(), Some(Error::NotMine(_))));
    }
}

/// Numbers that repeat themselves with their seed (SplitMix64; Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }
}

#[test]
fn garbled_answers_never_panic_and_never_switch() {
    let daemon = daemon(&[("a", "on"), ("b", "off")]);
    let good = daemon.borrow().states(|_| true) + "\r\npowerman> ";
    let mut driver = open(&daemon);
    let (mut served, mut failed) = (0, 0);
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(bytes.len().max(1));
            match (dice.roll(4), bytes.get_mut(at)) {
                (0, Some(byte)) => *byte ^= 1 << dice.roll(8),
                (1, Some(byte)) => *byte = dice.roll(256) as u8,
                (2, Some(_)) => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        daemon.borrow_mut().instead = Some(vec![Act::Say(bytes), Act::HangUp]);
        match driver.poll(Wake::Interval) {
            Ok(_) => served += 1,
            Err(_) => failed += 1,
        }
        daemon.borrow_mut().instead = None;
        let healed = poll(&mut driver);
        assert_eq!(healed.value("outlet.1.status"), Some("on"), "seed {seed}");
    }
    println!("{served} garbled answers were read, {failed} refused");
    assert!(daemon.borrow().done.is_empty());
    assert!(served > 100 && failed > 100);
}
