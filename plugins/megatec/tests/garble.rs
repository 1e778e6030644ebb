//! Bytes lost, bytes changed, bytes too many: whatever a bad line makes of an answer, what is reported is what the
//! device said, or nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::{Driver, Error, Report, Respond, Serial, Settings, Wake};
use husk_plugin_megatec::Megatec;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One unit: what it answers to which query.
type Answers = BTreeMap<&'static str, Vec<u8>>;

fn units() -> Vec<(&'static str, Answers)> {
    let unit = |pairs: &[(&'static str, &str)]| {
        pairs
            .iter()
            .map(|(query, answer)| (*query, format!("{answer}\r").into_bytes()))
            .collect()
    };
    vec![
        (
            "megatec",
            unit(&[
                ("Q1", "(215.0 195.0 230.0 014 49.0 27.4 25.0 10101001"),
                ("F", "#230.0 004 024.0 50.0"),
                ("I", "#Example         Sim1500    V1.0      "),
            ]),
        ),
        (
            "voltronic-qs",
            unit(&[
                ("M", "H"),
                ("QS", "(228.6 228.7 228.6 000 50.0 13.5 --.- 00001000"),
                ("F", "#230.0 003 12.00 50.0"),
                ("QI", "(099 02920 50.1 000.0 169 279 0 0000010000102000"),
            ]),
        ),
    ]
}

fn opened(protocol: &str, answers: &Rc<RefCell<Answers>>) -> Result<Megatec, Error> {
    let answers = Rc::clone(answers);
    let port = Serial::new(Respond::new(b'\r', move |request: &[u8]| {
        let request = str::from_utf8(request).ok()?.trim_end_matches('\r');
        answers.borrow().get(request).cloned()
    }));
    Megatec::open(port, &Settings::new([("protocol", protocol)]), None)
}

/// Everything the driver says about the unit, or why it says nothing.
fn said(protocol: &str, answers: Answers) -> Result<Report, Error> {
    opened(protocol, &Rc::new(RefCell::new(answers)))?.poll(Wake::Interval)
}

/// Nothing in `report` may contradict `truth`; leaving out is allowed, save for the status.
fn assert_true(report: &Report, truth: &Report, case: &str) {
    for (name, reading) in report.variables() {
        // Without QI there is a guess where the device would have measured.
        let guessed = report.value("input.transfer.low").is_none()
            && truth.value("input.transfer.low").is_some();
        if guessed && name == "battery.charge" {
            continue;
        }
        assert_eq!(
            Some(reading.value.as_str()),
            truth.value(name),
            "{name} after {case}"
        );
    }
    assert_eq!(
        report.status_words().collect::<Vec<_>>(),
        truth.status_words().collect::<Vec<_>>(),
        "status after {case}"
    );
    assert_eq!(report.alarms(), truth.alarms(), "alarms after {case}");
}

/// The middle of the rated current may be a digit or a point, by the sheet and by the units.
const RATED_AMPERES_POINT: usize = 8;

/// What a bad line makes of a byte, one of each kind.
const NOISE: &[u8] = b"\0\n\r #(-.019AZ~\x7f\x80\xff";

/// Every way one byte of an answer can go wrong and still be told: digits for digits and letters for letters look as
/// good as the truth, so they are left out.
fn damaged(answer: &[u8], noise: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut cases = Vec::new();
    let text = answer.len() - 1;
    for at in 0..answer.len() {
        let mut cut = answer[..at].to_vec();
        cases.push((format!("silence from byte {at}"), cut.clone()));
        cut.push(b'\r');
        if cut != answer {
            cases.push((format!("an end at byte {at}"), cut));
        }
        let mut lost = answer.to_vec();
        lost.remove(at);
        if lost != answer {
            cases.push((format!("byte {at} lost"), lost));
        }
        for &byte in noise {
            let mut changed = answer.to_vec();
            changed[at] = byte;
            let looks_as_good = answer[at] == byte
                || (answer[at].is_ascii_digit() && byte.is_ascii_digit())
                || (at == text && byte == b' ')
                || (answer[0] == b'#' && at == RATED_AMPERES_POINT && byte == b'.');
            if !looks_as_good {
                cases.push((format!("byte {at} changed to {byte:#04x}"), changed));
            }
            let mut more = answer.to_vec();
            more.insert(at, byte);
            // A blank ends the line as well as its end does; what follows is not read.
            if at < text {
                cases.push((format!("{byte:#04x} inserted at {at}"), more));
            }
        }
    }
    cases
}

#[test]
fn a_damaged_answer_is_an_error_and_never_a_wrong_value() {
    let mut tried = 0;
    for (protocol, answers) in units() {
        let truth = said(protocol, answers.clone()).unwrap();
        for (query, answer) in &answers {
            // Text: another letter looks as good.
            if matches!(*query, "I" | "M") {
                continue;
            }
            for (case, bytes) in damaged(answer, NOISE) {
                tried += 1;
                let mut answers = answers.clone();
                answers.insert(query, bytes);
                let case = format!("{query} of {protocol}: {case}");
                if let Ok(report) = said(protocol, answers) {
                    assert_true(&report, &truth, &case);
                }
            }
        }
    }
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn a_status_damaged_while_running_is_an_error() {
    let every: Vec<u8> = (0..=255).collect();
    for (protocol, answers) in units() {
        let status = if answers.contains_key("QS") {
            "QS"
        } else {
            "Q1"
        };
        let good = answers[status].clone();
        let answers = Rc::new(RefCell::new(answers));
        let mut driver = opened(protocol, &answers).unwrap();
        let truth = driver.poll(Wake::Interval).unwrap();
        for (case, bytes) in damaged(&good, &every) {
            let said_nothing = bytes.is_empty();
            answers.borrow_mut().insert(status, bytes);
            match driver.poll(Wake::Interval) {
                Err(Error::Timeout) => assert!(said_nothing, "{case}"),
                Err(Error::Protocol(_)) => {}
                other => assert_true(&other.unwrap(), &truth, &case),
            }
        }
        answers.borrow_mut().insert(status, good);
        assert_eq!(driver.poll(Wake::Interval).unwrap(), truth, "it recovers");
    }
}

#[test]
fn a_vendor_line_that_lost_bytes_is_not_shown() {
    let (protocol, answers) = units().swap_remove(0);
    for keep in 0..38 {
        let mut answers = answers.clone();
        let mut short = answers["I"][..keep].to_vec();
        short.push(b'\r');
        answers.insert("I", short);
        assert!(
            matches!(said(protocol, answers), Err(Error::NotMine(_))),
            "{keep}"
        );
    }
}

#[test]
fn echoes_and_silence_are_refused_whatever_the_dialect() {
    for protocol in [
        "megatec",
        "megatec/old",
        "mustek",
        "q1",
        "zinto",
        "innovatae",
        "voltronic-qs",
    ] {
        let silent = Serial::new(Respond::new(b'\r', |_: &[u8]| None));
        let echo = Serial::new(Respond::new(b'\r', |request: &[u8]| Some(request.to_vec())));
        let nak = Serial::new(Respond::new(b'\r', |_: &[u8]| Some(b"(NAK\r".to_vec())));
        let settings = Settings::new([("protocol", protocol)]);
        assert_eq!(
            Megatec::open(silent, &settings, None).err(),
            Some(Error::Timeout)
        );
        for port in [echo, nak] {
            let refused = Megatec::open(port, &settings, None).err();
            assert!(
                matches!(refused, Some(Error::NotMine(_))),
                "{protocol}: {refused:?}"
            );
        }
    }
    let foreign = Serial::new(Respond::new(b'\r', |_: &[u8]| {
        Some(b"#I:W:0040\r".to_vec())
    }));
    assert!(matches!(
        Megatec::open(foreign, &Settings::default(), None).err(),
        Some(Error::NotMine(_))
    ));
}
