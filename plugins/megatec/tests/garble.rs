//! Bytes lost, bytes changed, bytes too many: whatever a bad line makes of an answer, what is reported is what the
//! device said, or nothing. The units are those of the traces, one of each dialect at least.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::wire::trace::{Call, Step, Trace};
use husk_driver::{Driver, Error, Report, Respond, Serial, Settings, Wake};
use husk_plugin_megatec::Megatec;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::rc::Rc;

/// One unit: what it answers to which query, carriage returns included.
type Answers = BTreeMap<Vec<u8>, Vec<u8>>;

/// A unit of a trace: what it was asked and answered when it was opened.
struct Unit {
    name: String,
    settings: Vec<(String, String)>,
    answers: Answers,
}

impl Unit {
    /// The unit of a trace, if the driver opens it and it names its dialect.
    fn of(path: &Path) -> Option<Self> {
        let trace = Trace::parse(&fs::read_to_string(path).unwrap()).unwrap();
        let settings: Vec<_> = trace.settings().collect();
        let settings: Vec<(String, String)> = settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        settings.iter().find(|(name, _)| name == "protocol")?;
        let mut answers = Answers::new();
        let mut asked = Vec::new();
        let mut calls = 0;
        for (_, step) in &trace.steps {
            match step {
                Step::Call(Call::Open) => {}
                Step::Call(_) => calls += 1,
                Step::Sent(bytes) => asked.clone_from(bytes),
                Step::Received(bytes) if calls == 0 => {
                    answers.insert(asked.clone(), bytes.clone());
                }
                _ => {}
            }
        }
        let unit = Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            settings,
            answers,
        };
        unit.said(unit.answers.clone()).is_ok().then_some(unit)
    }

    fn opened(&self, answers: &Rc<RefCell<Answers>>) -> Result<Megatec, Error> {
        let answers = Rc::clone(answers);
        let port = Serial::new(Respond::new(b'\r', move |request: &[u8]| {
            answers.borrow().get(request).cloned()
        }));
        Megatec::open(port, &Settings::new(self.settings.clone()), None)
    }

    /// Everything the driver says about the unit, or why it says nothing.
    fn said(&self, answers: Answers) -> Result<Report, Error> {
        self.opened(&Rc::new(RefCell::new(answers)))?
            .poll(Wake::Interval)
    }

    /// What may be said when this query is not answered well: what the whole unit says, and what it says without.
    fn truths(&self, query: &[u8]) -> Vec<Report> {
        let mut without = self.answers.clone();
        without.remove(query);
        let whole = self.said(self.answers.clone()).unwrap();
        std::iter::once(whole).chain(self.said(without)).collect()
    }
}

fn units() -> Vec<Unit> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    // A unit whose line always looks damaged is judged by its trace.
    paths.retain(|path| path.file_stem().is_some_and(|name| name != "odd-unit"));
    let units: Vec<Unit> = paths.iter().filter_map(|path| Unit::of(path)).collect();
    let dialects: BTreeSet<String> = units
        .iter()
        .flat_map(|unit| unit.settings.clone())
        .filter_map(|(name, value)| (name == "protocol").then_some(value))
        .collect();
    assert!(dialects.len() >= 17, "{dialects:?}");
    units
}

/// What in `report` contradicts the truths; leaving out is allowed, save for mains and battery.
fn lies(report: &Report, truths: &[Report], text: bool, case: &str) -> Vec<String> {
    let says = |word: &str, report: &Report| report.status_words().any(|known| known == word);
    let mut lies = Vec::new();
    for word in report.status_words() {
        if !truths.iter().any(|truth| says(word, truth)) {
            lies.push(format!("{word} after {case}"));
        }
    }
    if !["OL", "OB"].iter().any(|word| says(word, report)) {
        lies.push(format!("mains unknown after {case}"));
    }
    for alarm in report.alarms() {
        if !truths.iter().any(|truth| truth.alarms().contains(alarm)) {
            lies.push(format!("{alarm} after {case}"));
        }
    }
    for (name, reading) in report.variables().filter(|_| !text) {
        let value = Some(reading.value.as_str());
        let known = truths.iter().any(|truth| truth.value(name) == value);
        // What follows from two answers may follow from one of them too.
        let guessed = name.starts_with("battery.") || name.starts_with("input.transfer.");
        if !known && !guessed {
            lies.push(format!("{name} is {} after {case}", reading.value));
        }
    }
    lies
}

/// Answers that hold text, of which any is as good as another; their numbers are not judged.
const TEXT: &[&str] = &[
    "I", "FW?", "QMF", "QID", "QVFW", "QMD", "QFLAG", "SASV07?", "WH", "GSN,00", "PSNR", "FWV",
    "BRR", "ID", "TR", "M", "MSO",
];
/// Answers that hold bytes without a sum: any is as good as another.
const BINARY: &[&str] = &["Q5", "At"];

/// What a bad line makes of a byte, one of each kind.
const NOISE: &[u8] = b"\0\r .1A\xff";

/// Every way one byte of an answer can go wrong and still be told: digits for digits and letters for letters look as
/// good as the truth, so they are left out, as is a point for the middle digit of a rated current.
fn damaged(answer: &[u8], noise: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut cases = Vec::new();
    let text = answer.len() - 1;
    let alike = |a: u8, b: u8| {
        a == b
            || (a.is_ascii_digit() && b.is_ascii_digit())
            || (a.is_ascii_alphabetic() && b.is_ascii_alphabetic())
    };
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
            let looks_as_good = alike(answer[at], byte)
                || (at == text && byte == b' ')
                || (at == 8 && byte == b'.')
                || (answer[at] == b'-' && byte.is_ascii_digit())
                || (answer[at].is_ascii_digit() && byte == b'-');
            if !looks_as_good {
                cases.push((format!("byte {at} changed to {byte:#04x}"), changed));
            }
            let mut more = answer.to_vec();
            more.insert(at, byte);
            // A blank ends the line as well as its end does; what follows is not read. A letter among letters looks as
            // good as they.
            let among = answer[at].is_ascii_alphabetic() && byte.is_ascii_alphabetic();
            if at < text && byte != answer[at] && !among {
                cases.push((format!("{byte:#04x} inserted at {at}"), more));
            }
        }
    }
    cases
}

#[test]
fn a_damaged_answer_is_an_error_and_never_a_wrong_value() {
    let (mut tried, mut found) = (0, Vec::new());
    for unit in units() {
        for (query, answer) in &unit.answers {
            let asked = String::from_utf8_lossy(query).trim_end().to_owned();
            let hexadecimal = unit.name.contains("hex") && asked == "QS";
            let truths = unit.truths(query);
            let text = TEXT.contains(&asked.as_str());
            let binary = BINARY.contains(&asked.as_str()) || hexadecimal;
            // Units that are asked much are tried less often.
            let thinned = damaged(answer, NOISE).into_iter();
            for (case, bytes) in thinned.step_by(1 + unit.answers.len() / 8) {
                tried += 1;
                let mut answers = unit.answers.clone();
                answers.insert(query.clone(), bytes);
                let case = format!("{asked} of {}: {case}", unit.name);
                if let Ok(report) = unit.said(answers)
                    && !binary
                {
                    found.extend(lies(&report, &truths, text, &case));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(tried > 20_000, "{tried}");
}

#[test]
fn a_status_damaged_while_running_is_an_error_and_a_good_one_mends_it() {
    let every: Vec<u8> = (0..=255).step_by(23).chain(NOISE.iter().copied()).collect();
    let (mut tried, mut found) = (0, Vec::new());
    for unit in units() {
        let answers = Rc::new(RefCell::new(unit.answers.clone()));
        let mut driver = unit.opened(&answers).unwrap();
        let first = driver.poll(Wake::Interval).unwrap();
        for query in ["Q1", "QS", "D", "QGS", "Q3", "Q4"] {
            let query = format!("{query}\r").into_bytes();
            let Some(good) = unit.answers.get(&query) else {
                continue;
            };
            if good.starts_with(b"#") {
                continue;
            }
            for (case, bytes) in damaged(good, &every) {
                tried += 1;
                let said_nothing = bytes.is_empty();
                answers.borrow_mut().insert(query.clone(), bytes);
                match driver.poll(Wake::Interval) {
                    Err(Error::Timeout) => assert!(said_nothing, "{case}"),
                    Err(Error::Protocol(_)) => {}
                    other => {
                        let case = format!("{}: {case}", unit.name);
                        let truth = std::slice::from_ref(&first);
                        found.extend(lies(&other.unwrap(), truth, false, &case));
                    }
                }
            }
            answers.borrow_mut().insert(query, good.clone());
            let mended = driver.poll(Wake::Interval).unwrap();
            assert_eq!(mended, first, "{} recovers", unit.name);
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(tried > 20_000, "{tried}");
}

#[test]
fn a_vendor_line_that_lost_bytes_is_not_shown() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/megatec-power-cut.trace");
    let unit = Unit::of(&path).unwrap();
    for keep in 0..38 {
        let mut answers = unit.answers.clone();
        let mut short = answers[&b"I\r"[..]][..keep].to_vec();
        short.push(b'\r');
        answers.insert(b"I\r".to_vec(), short);
        assert!(
            matches!(unit.said(answers), Err(Error::NotMine(_))),
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
        "q2",
        "q6",
        "zinto",
        "mecer",
        "bestups",
        "masterguard",
        "hunnox",
        "ablerex",
        "gtec",
        "omron",
        "innovatae",
        "innovart31",
        "innovart33",
        "voltronic",
        "voltronic-axpert",
        "voltronic-qs",
        "voltronic-qs-hex",
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
