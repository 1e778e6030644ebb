//! Both ends of a driver's socket: each against what NUT says there, and the two against each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::report::Kind;
use crate::state::{Freshness, Snapshot, Variable};

const MAX_AGE: Duration = Duration::from_secs(15);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn variable(name: &str, value: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        ..Variable::default()
    }
}

fn lab() -> Snapshot {
    let writable = |variable, kind| Variable {
        writable: true,
        kind,
        ..variable
    };
    Snapshot {
        variables: vec![
            Variable {
                choices: vec!["220".into(), "230".into()],
                ..writable(variable("output.voltage.nominal", "230"), Kind::Number)
            },
            Variable {
                ranges: vec![(0, 300), (600, 900)],
                ..writable(variable("ups.delay.shutdown", "20"), Kind::Unspecified)
            },
            writable(variable("ups.id", "shelf \"2\" \\ #1"), Kind::Text(32)),
            variable("ups.status", "OL"),
        ],
        commands: vec!["beeper.mute".into(), "load.off".into()],
        freshness: Freshness::Fresh,
    }
}

const DUMP: &str = r#"SETINFO output.voltage.nominal "230"
ADDENUM output.voltage.nominal "220"
ADDENUM output.voltage.nominal "230"
SETFLAGS output.voltage.nominal RW NUMBER
SETINFO ups.delay.shutdown "20"
ADDRANGE ups.delay.shutdown 0 300
ADDRANGE ups.delay.shutdown 600 900
SETFLAGS ups.delay.shutdown RW
SETINFO ups.id "shelf \"2\" \\ \#1"
SETAUX ups.id 32
SETFLAGS ups.id RW STRING
SETINFO ups.status "OL"
ADDCMD beeper.mute
ADDCMD load.off
DATAOK
DUMPDONE
"#;

/// What a driver answers to the lines, and what it has to do for them.
fn ask(current: &Snapshot, lines: &str) -> (String, Vec<Action>) {
    let current = Arc::new(current.clone());
    let mut serving = Serving::new(Arc::clone(&current));
    let (mut out, mut actions) = (Vec::new(), Vec::new());
    serving.feed(lines.as_bytes());
    loop {
        match serving.next(&current, 4711, &mut out) {
            Step::NeedInput => break,
            Step::Continue => {}
            Step::Act(Action::Close) => {
                actions.push(Action::Close);
                break;
            }
            Step::Act(action) => actions.push(action),
        }
    }
    (String::from_utf8(out).unwrap(), actions)
}

fn set(variable: &str, value: &str) -> What {
    What::Set {
        variable: variable.to_owned(),
        value: value.to_owned(),
    }
}

fn command(name: &str, value: Option<&str>) -> What {
    What::Command {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    }
}

#[test]
fn questions_are_answered_in_the_words_of_nut() {
    let status = "SETINFO ups.status \"OL\"\nDATAOK\nDUMPDONE\n";
    let delay = "SETINFO ups.delay.shutdown \"20\"\nADDRANGE ups.delay.shutdown 0 300\n\
        ADDRANGE ups.delay.shutdown 600 900\nSETFLAGS ups.delay.shutdown RW\nDUMPDONE\n";
    for (lines, expected) in [
        ("DUMPALL\n", DUMP),
        ("DUMPSTATUS\n", status),
        ("DUMPVALUE UPS.delay.shutdown\n", delay),
        ("DUMPVALUE no.such\n", "DUMPDONE\n"),
        ("PING\r\nping\n", "PONG\nPONG\n"),
        ("GETPID\n", "PID 4711\n"),
        ("\nNONSENSE\nSET x\nDUMPVALUE\nPING", ""),
    ] {
        let (answer, actions) = ask(&lab(), lines);
        assert_eq!(answer, expected, "{lines}");
        assert!(actions.is_empty(), "{lines}");
    }
    let (answer, actions) = ask(&lab(), "LOGOUT\nPING\n");
    assert_eq!(
        (answer.as_str(), &actions[..]),
        ("OK Goodbye\n", &[Action::Close][..])
    );
}

#[test]
fn a_stale_dump_says_so_first() {
    for freshness in [Freshness::Stale, Freshness::Lost, Freshness::Waiting] {
        let stale = Snapshot { freshness, ..lab() };
        let (answer, _) = ask(&stale, "DUMPALL\n");
        assert!(answer.starts_with("DATASTALE\nSETINFO "), "{answer}");
        assert!(answer.ends_with("ADDCMD load.off\nDUMPDONE\n"), "{answer}");
    }
}

#[test]
fn commands_are_told_apart_by_the_number_of_their_words() {
    let id = Some("ID-1".to_owned());
    for (line, what, tracking) in [
        ("SET ups.id \"a \\\"b\\\"\"", set("ups.id", "a \"b\""), None),
        ("SET ups.id x TRACKING ID-1", set("ups.id", "x"), id.clone()),
        ("INSTCMD load.off", command("load.off", None), None),
        ("INSTCMD load.off 5", command("load.off", Some("5")), None),
        (
            "INSTCMD load.off TRACKING",
            command("load.off", Some("TRACKING")),
            None,
        ),
        (
            "INSTCMD load.off TRACKING ID-1",
            command("load.off", None),
            id.clone(),
        ),
        (
            "INSTCMD load.off 5 TRACKING ID-1",
            command("load.off", Some("5")),
            id,
        ),
    ] {
        let (answer, actions) = ask(&lab(), &format!("{line}\n"));
        assert_eq!(answer, "", "{line}");
        assert_eq!(actions, [Action::Run(Order { what, tracking })], "{line}");
    }
}

#[test]
fn requests_arrive_as_they_were_meant() {
    for (what, tracking) in [
        (set("ups.id", "a \"b\" #c \\"), Some("ID-1")),
        (command("load.off", None), None),
        (command("load.off", Some("TRACKING")), Some("ID-1")),
        (command("test.start", Some("two words")), None),
        (command("test.start", None), Some("ID-1")),
    ] {
        let mut line = Vec::new();
        put_request(&what, tracking, &mut line);
        let (_, actions) = ask(&lab(), &String::from_utf8(line).unwrap());
        let tracking = tracking.map(str::to_owned);
        assert_eq!(actions, [Action::Run(Order { what, tracking })]);
    }
}

/// What a client is told when the device changes.
fn told(before: &Snapshot, after: &Snapshot) -> String {
    let mut serving = Serving::new(Arc::new(before.clone()));
    let mut out = Vec::new();
    let after = Arc::new(after.clone());
    serving.changed(&after, &mut out);
    let told = out.len();
    serving.changed(&after, &mut out);
    assert_eq!(out.len(), told, "news are told once");
    String::from_utf8(out).unwrap()
}

/// Every kind of change, each against [`lab`].
fn changed() -> Vec<(&'static str, Snapshot)> {
    let mut all = Vec::new();
    let mut change = |news, change: fn(&mut Snapshot)| {
        let mut snapshot = lab();
        change(&mut snapshot);
        all.push((news, snapshot));
    };
    change("", |_| {});
    change("SETINFO ups.status \"ol\"\n", |lab| {
        lab.variables[3].value = "ol".into()
    });
    change("SETINFO ups.id \"\\\"\"\n", |lab| {
        lab.variables[2].value = "\"".into()
    });
    change("DELINFO ups.status\n", |lab| drop(lab.variables.pop()));
    change("SETINFO ups.load \"5\"\n", |lab| {
        lab.variables.insert(3, variable("ups.load", "5"));
    });
    change(
        "DELENUM output.voltage.nominal \"220\"\nDELENUM output.voltage.nominal \"230\"\n\
         ADDENUM output.voltage.nominal \"230\"\nADDENUM output.voltage.nominal \"240\"\n",
        |lab| lab.variables[0].choices = vec!["230".into(), "240".into()],
    );
    change(
        "DELRANGE ups.delay.shutdown 0 300\nDELRANGE ups.delay.shutdown 600 900\n",
        |lab| lab.variables[1].ranges.clear(),
    );
    change("SETAUX ups.id 8\n", |lab| {
        lab.variables[2].kind = Kind::Text(8)
    });
    change("SETAUX ups.id 0\nSETFLAGS ups.id RW NUMBER\n", |lab| {
        lab.variables[2].kind = Kind::Number;
    });
    change(
        "DELINFO ups.delay.shutdown\nSETINFO ups.delay.shutdown \"20\"\n\
         ADDRANGE ups.delay.shutdown 0 300\nADDRANGE ups.delay.shutdown 600 900\n",
        |lab| lab.variables[1].writable = false,
    );
    change("DELINFO UPS.Status\nSETINFO UPS.Status \"OL\"\n", |lab| {
        lab.variables[3].name = "UPS.Status".into();
    });
    change("DELCMD beeper.mute\nADDCMD beeper.off\n", |lab| {
        lab.commands[0] = "beeper.off".into();
    });
    change("DATASTALE\n", |lab| lab.freshness = Freshness::Stale);
    all
}

#[test]
fn changes_are_told_and_nothing_else() {
    for (news, after) in changed() {
        assert_eq!(told(&lab(), &after), news);
    }
    let stale = Snapshot {
        freshness: Freshness::Stale,
        ..lab()
    };
    let mut back = lab();
    back.variables[3].value = "OB".into();
    let news = "SETINFO ups.status \"OB\"\nDATAOK\n";
    assert_eq!(
        told(&stale, &back),
        news,
        "data first, then that they are good"
    );
}

#[test]
fn who_wants_no_news_gets_none_but_what_was_missed_later() {
    let (before, mut after) = (Arc::new(lab()), lab());
    after.variables[3].value = "OB".into();
    let after = Arc::new(after);
    let mut serving = Serving::new(Arc::clone(&before));
    let mut out = Vec::new();
    serving.feed(b"NOBROADCAST\nBROADCAST 0\n");
    while serving.next(&before, 1, &mut out) != Step::NeedInput {}
    serving.changed(&after, &mut out);
    assert_eq!(out, b"");
    serving.finished("ID-1", Outcome::Invalid, &mut out);
    assert_eq!(out, b"TRACKING ID-1 2\n");
    serving.feed(b"BROADCAST\n");
    while serving.next(&after, 1, &mut out) != Step::NeedInput {}
    out.clear();
    serving.changed(&after, &mut out);
    assert_eq!(out, b"SETINFO ups.status \"OB\"\n");
}

#[test]
fn a_client_that_floods_is_disconnected() {
    let current = Arc::new(lab());
    let mut serving = Serving::new(Arc::clone(&current));
    serving.feed(&vec![b'x'; limits::PENDING + 1]);
    let step = serving.next(&current, 1, &mut Vec::new());
    assert_eq!(step, Step::Act(Action::Close));
}

/// A mirror that has seen the dump at second 0.
fn mirror(dump: &str) -> Mirror {
    let mut mirror = Mirror::new(MAX_AGE);
    let mut out = Vec::new();
    mirror.connected(at(0), &mut out);
    assert_eq!(out, b"DUMPALL\n");
    mirror.feed(dump.as_bytes(), at(0));
    mirror
}

#[test]
fn the_mirror_shows_what_the_driver_says() {
    assert_eq!(mirror(DUMP).snapshot(), lab());
    // Any cut of the bytes gives the same picture.
    let mut piecemeal = mirror("");
    for byte in DUMP.bytes() {
        piecemeal.feed(&[byte], at(0));
    }
    assert_eq!(piecemeal.snapshot(), lab());
    for (news, after) in changed() {
        let mut mirror = mirror(DUMP);
        let heard = mirror.feed(news.as_bytes(), at(1));
        assert_eq!(mirror.snapshot(), after, "{news}");
        assert_eq!(heard.changed, after != lab(), "{news}");
    }
}

#[test]
fn a_driver_is_waited_for_until_its_dump_is_complete() {
    let mut mirror = Mirror::new(MAX_AGE);
    assert_eq!(mirror.snapshot().freshness, Freshness::Waiting);
    assert_eq!(mirror.feed(b"SETINFO a \"1\"\n", at(0)), Heard::default());
    mirror.connected(at(0), &mut Vec::new());
    let half = "SETINFO a \"1\"\nSETINFO ups.status \"OL\"\n";
    assert!(mirror.feed(half.as_bytes(), at(0)).changed);
    let status = |mirror: &Mirror| {
        mirror
            .snapshot()
            .variable("ups.status")
            .unwrap()
            .value
            .clone()
    };
    assert_eq!(
        (status(&mirror).as_str(), mirror.freshness()),
        ("WAIT", Freshness::Fresh)
    );
    assert!(mirror.feed(b"DATAOK\nDUMPDONE\n", at(0)).changed);
    assert_eq!(
        (status(&mirror).as_str(), mirror.is_complete()),
        ("OL", true)
    );
    assert!(mirror.disconnected() && !mirror.disconnected());
    assert_eq!(mirror.snapshot(), Snapshot::default());
}

#[test]
fn a_silent_driver_is_pinged_then_stale_then_back() {
    let mut mirror = mirror(DUMP);
    let tick = |mirror: &mut Mirror, seconds| {
        let mut out = Vec::new();
        let changed = mirror.tick(at(seconds), &mut out);
        (String::from_utf8(out).unwrap(), changed, mirror.freshness())
    };
    assert_eq!(mirror.next_deadline(), Some(at(5)));
    assert_eq!(
        tick(&mut mirror, 4),
        (String::new(), false, Freshness::Fresh)
    );
    assert_eq!(
        tick(&mut mirror, 5),
        ("PING\n".into(), false, Freshness::Fresh)
    );
    assert_eq!(mirror.next_deadline(), Some(at(10)));
    mirror.feed(b"PONG\n", at(6));
    assert_eq!(mirror.next_deadline(), Some(at(11)));
    // What makes no sense is no sign of life.
    mirror.feed(b"HELLO\nSETFLAGS no.such RW\nTRACKING x 9\n", at(9));
    for seconds in [11, 16, 21] {
        assert_eq!(tick(&mut mirror, seconds).0, "PING\n");
    }
    assert_eq!(mirror.next_deadline(), Some(at(22)));
    assert_eq!(
        tick(&mut mirror, 22),
        (String::new(), true, Freshness::Stale)
    );
    assert_eq!(
        tick(&mut mirror, 23),
        (String::new(), false, Freshness::Stale)
    );
    assert!(mirror.feed(b"PONG\n", at(24)).changed);
    assert_eq!(mirror.freshness(), Freshness::Fresh);
    assert_eq!(mirror.snapshot().variables, lab().variables);
}

#[test]
fn a_drivers_own_word_on_its_data_counts_after_the_dump() {
    let stale = DUMP.replace("DATAOK\n", "");
    let mut mirror = mirror("DATASTALE\n");
    assert_eq!(mirror.freshness(), Freshness::Fresh);
    mirror.feed(stale.as_bytes(), at(0));
    assert_eq!(mirror.freshness(), Freshness::Stale);
    assert!(mirror.feed(b"DATAOK\n", at(1)).changed);
    assert_eq!(mirror.freshness(), Freshness::Fresh);
}

#[test]
fn what_drivers_announce_unescaped_is_understood() {
    for (line, value) in [
        (r#"SETINFO ups.id "a"b""#, "a\"b"),
        (r#"SETINFO ups.id "rack #7""#, "rack #7"),
        (r#"SETINFO ups.id "ends in \""#, "ends in \\"),
        ("SETINFO ups.id \"\"", ""),
    ] {
        let mut mirror = mirror(DUMP);
        assert!(
            mirror
                .feed(format!("{line}\nPONG\n").as_bytes(), at(1))
                .changed
        );
        assert_eq!(mirror.snapshot().variable("ups.id").unwrap().value, value);
    }
}

#[test]
fn outcomes_are_known_by_their_numbers() {
    let mut mirror = mirror(DUMP);
    let lines =
        "TRACKING A 0\nTRACKING B 1\nTRACKING C 2\nTRACKING D 3\nTRACKING E 4\nTRACKING F 5\n";
    let heard = mirror.feed(lines.as_bytes(), at(1));
    let outcomes = [
        ("A", Outcome::Success),
        ("B", Outcome::Unknown),
        ("C", Outcome::Invalid),
        ("D", Outcome::Failed),
        ("E", Outcome::Invalid),
    ];
    let expected = outcomes.map(|(id, outcome)| (id.to_owned(), outcome));
    assert_eq!(heard.tracked, expected);
    assert!(!heard.changed);
    for (_, wanted) in outcomes {
        assert_eq!(outcome(&code(wanted).to_string()), Some(wanted));
    }
}

#[test]
fn what_a_hostile_driver_says_is_bounded() {
    let mut mirror = mirror(DUMP);
    for number in 0..limits::VARIABLES + 10 {
        let line =
            format!("SETINFO a.{number} \"1\"\nADDCMD c.{number}\nADDENUM ups.id \"{number}\"\n");
        mirror.feed(line.as_bytes(), at(1));
    }
    let snapshot = mirror.snapshot();
    assert_eq!(snapshot.variables.len(), limits::VARIABLES);
    assert_eq!(snapshot.commands.len(), limits::COMMANDS);
    assert_eq!(
        snapshot.variable("ups.id").unwrap().choices.len(),
        limits::CHOICES
    );
    mirror.feed(&vec![b'x'; 10 * limits::LINE], at(1));
    let before = mirror.snapshot();
    mirror.feed(b"\n", at(1));
    let value = "v".repeat(256);
    for line in [
        format!("SETINFO ups.id \"{value}\""),
        "SETINFO \"b\nc\" 1".into(),
        format!("SETINFO {value} 1"),
    ] {
        mirror.feed(format!("{line}\n").as_bytes(), at(1));
    }
    assert_eq!(mirror.snapshot(), before);
}
