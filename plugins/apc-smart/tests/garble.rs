//! Bytes lost, bytes changed, bytes too many, alerts that nobody sent: whatever a bad line makes of an answer, no status
//! is published that the unit did not say, and no value that is not made as the true one is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::{Driver, Error, Report, Respond, Serial, Settings, Wake, host};
use husk_plugin_apc_smart::ApcSmart;
use std::cell::RefCell;
use std::rc::Rc;

/// A unit, and what becomes of its answers: the letter, how often it was asked, the answer.
type Line = Rc<RefCell<Box<dyn FnMut(u8, Vec<u8>) -> Vec<u8>>>>;

const CAPABILITIES: &[u8] = b"#uI43253257261265lI43208204200196s441HMLLq44202050710";

fn answer(letter: u8) -> &'static [u8] {
    match letter {
        b'Y' => b"SM",
        b'V' => b"DWI",
        b'b' => b"21.3.I",
        b'a' => b"3.!$%+?=#|.\x01\x0e\x1aBFGKLPQSUWXZ@abcdfjlnqsux",
        1 => b"SMART-UPS 700",
        0x1a => CAPABILITIES,
        b'B' => b"27.60",
        b'F' => b"50.00",
        b'G' => b"S",
        b'L' => b"231.8",
        b'P' => b"009.1",
        b'Q' => b"08",
        b'X' => b"OK",
        b'c' => b"UPS_IDEN",
        b'f' => b"100.0",
        b'j' => b"0042:",
        b'l' => b"208",
        b'n' => b"NS9847001053\0\0",
        b'q' => b"02",
        b's' => b"H",
        b'u' => b"253",
        b'x' => b"11/17/98",
        _ => b"NA",
    }
}

fn clean() -> Line {
    Rc::new(RefCell::new(Box::new(|_, answer| answer)))
}

fn port(line: &Line) -> Serial {
    let line = Rc::clone(line);
    Serial::new(Respond::each_byte(move |byte: &[u8]| {
        let whole = [answer(byte[0]), b"\r\n"].concat();
        Some((line.borrow_mut())(byte[0], whole))
    }))
}

fn said(line: &Line) -> Result<Report, Error> {
    ApcSmart::open(port(line), &Settings::default(), None)?.poll(Wake::Interval)
}

fn words(report: &Report) -> Vec<&str> {
    report.status_words().collect()
}

/// Whether two values are as near as measurements of one moment and the next.
fn near(one: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let (one, other) = (number(one), number(other));
    (one - other).abs() <= 2.0 + one * 0.05
}

/// A digit that became another may change these a little, once. The runtime is told in minutes.
const MEASURED: &[&str] = &[
    "battery.voltage",
    "input.frequency",
    "input.voltage",
    "ups.load",
    "battery.charge",
];

/// Nothing in `report` may contradict `truth`; leaving out is allowed, save for the status.
fn assert_true(report: &Report, truth: &Report, case: &str) {
    assert_eq!(words(report), words(truth), "status after {case}");
    for (name, reading) in report.variables() {
        let expected = truth
            .value(name)
            .unwrap_or_else(|| panic!("{name} after {case}"));
        if name == "battery.runtime" {
            let minutes = |text: &str| (text.parse::<f64>().unwrap() / 60.0).to_string();
            assert!(
                near(&minutes(expected), &minutes(&reading.value)),
                "{name} after {case}"
            );
            continue;
        }
        let near = MEASURED.contains(&name) && near(expected, &reading.value);
        assert!(
            near || reading.value == expected,
            "{name} is {} after {case}",
            reading.value
        );
        let true_choices = &truth.reading(name).unwrap().choices;
        assert!(
            reading.choices.is_empty() || reading.choices == *true_choices,
            "{name} after {case}"
        );
    }
}

/// What a bad line makes of an answer, one way after the other.
fn damaged(answer: &[u8]) -> Vec<Vec<u8>> {
    let mut cases = vec![Vec::new()];
    for at in 0..answer.len() {
        cases.push(answer[..at].to_vec());
        cases.push([&answer[..at], b"\r\n"].concat());
        let mut lost = answer.to_vec();
        lost.remove(at);
        cases.push(lost);
        for byte in *b"\0\n\r #!$%+?=|&*-.0189AFNSZ~\x7f\x80\xff" {
            let mut changed = answer.to_vec();
            changed[at] = byte;
            cases.push(changed);
            let mut more = answer.to_vec();
            more.insert(at, byte);
            cases.push(more);
        }
    }
    cases
}

const LETTERS: &[u8] = b"QLPfBFGXjcnlusqxbaV\x01\x1a";

#[test]
fn a_unit_that_wavers_between_two_states_is_believed() {
    let mut asked = 0;
    let line: Line = Rc::new(RefCell::new(Box::new(move |letter, answer| {
        if letter != b'Q' {
            return answer;
        }
        asked += 1;
        let status = ["12", "14"][asked % 2];
        format!("{status}\r\n").into_bytes()
    })));
    let report = said(&line).unwrap();
    assert!(words(&report).contains(&"OB"), "{:?}", words(&report));
}

#[test]
fn one_damaged_answer_while_running_changes_no_status_and_no_value() {
    let truth = said(&clean()).unwrap();
    let mut tried = 0;
    for letter in LETTERS
        .iter()
        .filter(|letter| !matches!(letter, b'a' | 0x1a | b'V'))
    {
        for bytes in damaged(&[answer(*letter), b"\r\n"].concat()) {
            tried += 1;
            let line = clean();
            let mut driver = ApcSmart::open(port(&line), &Settings::default(), None).unwrap();
            driver.poll(Wake::Interval).unwrap();
            let case = format!(
                "{:?} for {}",
                String::from_utf8_lossy(&bytes),
                char::from(*letter)
            );
            let mut bad = Some(bytes);
            let which = *letter;
            *line.borrow_mut() = Box::new(move |asked, answer| match asked == which {
                true => bad.take().unwrap_or(answer),
                false => answer,
            });
            // A poll an hour later asks for everything.
            host::native::advance(std::time::Duration::from_secs(3601));
            match driver.poll(Wake::Interval) {
                Ok(report) => assert_true(&report, &truth, &case),
                Err(error) => assert!(matches!(error, Error::Protocol(_)), "{case}: {error}"),
            }
            assert_true(&driver.poll(Wake::Interval).unwrap(), &truth, &case);
        }
    }
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn one_damaged_answer_at_the_start_is_noticed() {
    let truth = said(&clean()).unwrap();
    let mut tried = 0;
    for letter in LETTERS {
        for bytes in damaged(&[answer(*letter), b"\r\n"].concat()) {
            tried += 1;
            let case = format!(
                "{:?} for {:?}",
                String::from_utf8_lossy(&bytes),
                char::from(*letter)
            );
            let (which, mut bad) = (*letter, Some(bytes));
            let line: Line = Rc::new(RefCell::new(Box::new(move |asked, answer| {
                match asked == which {
                    true => bad.take().unwrap_or(answer),
                    false => answer,
                }
            })));
            match said(&line) {
                Ok(report) => assert_true(&report, &truth, &case),
                Err(error) => assert!(
                    matches!(error, Error::Protocol(_) | Error::Timeout),
                    "{case}: {error}"
                ),
            }
        }
    }
    assert!(tried > 8_000, "{tried}");
}

/// Numbers of which nobody knows the next; the same in every run.
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

#[test]
fn a_line_that_damages_every_tenth_answer_never_tells_of_an_outage() {
    let truth = said(&clean()).unwrap();
    let (mut polls, mut failed) = (0, 0);
    for seed in 1..=200 {
        let line = clean();
        let mut driver = ApcSmart::open(port(&line), &Settings::default(), None).unwrap();
        let mut next = random(seed);
        *line.borrow_mut() = Box::new(move |_, answer| {
            if next(10) > 0 {
                return answer;
            }
            let cases = damaged(&answer);
            cases[next(cases.len() as u64) as usize].clone()
        });
        for _ in 0..25 {
            polls += 1;
            match driver.poll(Wake::Readable) {
                Ok(report) => assert_eq!(words(&report), words(&truth), "seed {seed}"),
                Err(_) => failed += 1,
            }
        }
    }
    println!("{polls} polls, {failed} failed");
    assert!(failed * 20 < polls, "{failed} of {polls} polls failed");
}

#[test]
fn random_bytes_are_refused_and_break_nothing() {
    for seed in 1..=300 {
        let mut next = random(seed);
        let mut noise = move || (0..next(40)).map(|_| next(256) as u8).collect::<Vec<u8>>();
        let line: Line = Rc::new(RefCell::new(Box::new(move |_, _| noise())));
        assert!(said(&line).is_err(), "seed {seed}");
    }
    // From a unit that was sound until then.
    let line = clean();
    let mut driver = ApcSmart::open(port(&line), &Settings::default(), None).unwrap();
    for seed in 1..=300 {
        let mut next = random(seed);
        *line.borrow_mut() = Box::new(move |_, _| (0..next(40)).map(|_| next(256) as u8).collect());
        assert!(driver.poll(Wake::Readable).is_err(), "seed {seed}");
        assert!(driver.command("test.battery.start", None).is_err());
        assert!(driver.set("input.transfer.high", "257").is_err());
        assert!(driver.set("ups.id", "rack").is_err());
    }
    *line.borrow_mut() = Box::new(|_, answer| answer);
    assert_eq!(words(&driver.poll(Wake::Interval).unwrap()), ["OL"]);
}

#[test]
fn what_is_no_smart_ups_is_refused_with_a_reason() {
    let refused = |device: fn(&[u8]) -> Option<Vec<u8>>| {
        let port = Serial::new(Respond::each_byte(device));
        ApcSmart::open(port, &Settings::default(), None)
            .err()
            .unwrap()
    };
    assert_eq!(refused(|_| None), Error::Timeout);
    for device in [
        (|byte| Some(byte.to_vec())) as fn(&[u8]) -> Option<Vec<u8>>,
        |byte| Some([byte, b"\r\n"].concat()),
        |_| Some(b"NA\r\n".to_vec()),
        |_| Some(b"S".to_vec()),
        |_| Some(b"(220.1 220.1 220.1 012 50.0 27.4 25.0 00001000\r".to_vec()),
    ] {
        let error = refused(device);
        assert!(matches!(error, Error::NotMine(_)), "{error}");
    }
    // Smart mode and nothing else.
    let error = refused(|byte| {
        Some(if byte == b"Y" {
            b"SM\r\n".to_vec()
        } else {
            b"NA\r\n".to_vec()
        })
    });
    assert!(matches!(error, Error::NotMine(_)), "{error}");
    assert_eq!(
        refused(|byte| (byte == b"Y").then(|| b"SM\r\n".to_vec())),
        Error::Timeout
    );
}

#[test]
fn no_probing_takes_longer_than_the_host_allows() {
    // Knows nothing but the status: every letter is waited for.
    let mute = |byte: &[u8]| match byte {
        b"Y" => Some(b"SM\r\n".to_vec()),
        b"Q" => Some(b"08\r\n".to_vec()),
        _ => None,
    };
    let begun = host::now_ms();
    let port = Serial::new(Respond::each_byte(mute));
    let mut driver = ApcSmart::open(port, &Settings::default(), None).unwrap();
    let took = host::now_ms() - begun;
    assert!(took < 55_000, "{took} ms");
    assert_eq!(words(&driver.poll(Wake::Interval).unwrap()), ["OL"]);
}

#[test]
fn an_alert_has_the_status_told_and_nothing_measured() {
    let line = clean();
    let mut driver = ApcSmart::open(port(&line), &Settings::default(), None).unwrap();
    driver.poll(Wake::Interval).unwrap();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&asked);
    *line.borrow_mut() = Box::new(move |letter, answer| {
        heard.borrow_mut().push(letter);
        match letter {
            b'Q' => b"!10\r\n".to_vec(),
            _ => answer,
        }
    });
    let report = driver.poll(Wake::Readable).unwrap();
    assert_eq!(words(&report), ["OB"]);
    assert_eq!(report.value("input.voltage"), Some("231.8"), "a moment old");
    assert!(
        asked.borrow().iter().all(|letter| *letter == b'Q'),
        "{:?}",
        asked.borrow()
    );
    // A line that chatters does not keep measurements alive for ever.
    *line.borrow_mut() = Box::new(|letter, answer| match letter {
        b'L' => b"NA\r\n".to_vec(),
        _ => answer,
    });
    host::native::advance(std::time::Duration::from_secs(6));
    assert_eq!(
        driver.poll(Wake::Readable).unwrap().value("input.voltage"),
        None
    );
}

#[test]
fn a_slow_unit_is_asked_in_several_polls_each_in_its_time() {
    let line: Line = Rc::new(RefCell::new(Box::new(|_, answer| {
        host::native::advance(std::time::Duration::from_millis(900));
        answer
    })));
    let mut driver = ApcSmart::open(port(&line), &Settings::default(), None).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let begun = host::now_ms();
        let report = driver.poll(Wake::Interval).unwrap();
        assert!(host::now_ms() - begun < 9_500);
        assert_eq!(words(&report), ["OL"]);
        seen = report
            .variables()
            .map(|(name, _)| name.to_owned())
            .collect();
    }
    for name in [
        "input.voltage",
        "battery.charge",
        "battery.runtime",
        "ups.load",
    ] {
        assert!(seen.contains(name), "{name} of {seen:?}");
    }
}

#[test]
fn what_cuts_the_power_is_sent_when_asked_for_twice_in_time() {
    let line = clean();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&asked);
    let mut driver = ApcSmart::open(port(&line), &Settings::default(), None).unwrap();
    *line.borrow_mut() = Box::new(move |letter, _| {
        heard.borrow_mut().push(letter);
        match letter {
            b'S' => b"OK\r\n".to_vec(),
            _ => Vec::new(),
        }
    });
    let mut wait = |seconds, name: &str, value: Option<&str>| {
        host::native::advance(std::time::Duration::from_secs(seconds));
        driver.command(name, value).is_ok()
    };
    let sent = || std::mem::take(&mut *asked.borrow_mut());
    assert!(!wait(0, "shutdown.return", None) && !wait(1, "shutdown.return", None));
    assert!(
        !wait(16, "shutdown.return", None) && sent().is_empty(),
        "too early, too late"
    );
    assert!(wait(5, "shutdown.return", None) && sent() == b"S");
    assert!(!wait(5, "shutdown.return", None), "done is done");
    assert!(
        !wait(5, "load.off", None) && sent().is_empty(),
        "another command"
    );
    assert!(wait(5, "load.off", None) && sent() == b"ZZ");
    assert!(
        !wait(5, "shutdown.return", Some("AT:12")) && !wait(5, "shutdown.return", Some("at:12"))
    );
    assert!(sent() == b"@12Y", "{:?}", asked.borrow());
}
