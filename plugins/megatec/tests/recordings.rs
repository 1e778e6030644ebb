//! Recordings of real units against what the incumbent's driver published for the same bytes.
//!
//! The recordings are not part of this repository; without them the test says so and passes. Three differences are
//! on purpose: no maker is invented for units that only know Q1 ("Ippon" there is an accident of table order), a
//! rating of zero volts is unknown instead of "0.0", and alarms are worded our way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::{Driver, Error, Report, Respond, Serial, Settings, Wake};
use husk_plugin_megatec::Megatec;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Answers per command, in order; the last one is repeated.
type Script = Rc<RefCell<HashMap<String, Vec<Option<Vec<u8>>>>>>;

fn recordings() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/qx");
    path.is_dir().then_some(path)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = text
        .chars()
        .map(|one| u8::try_from(u32::from(one)).unwrap())
        .collect();
    if bytes.last() != Some(&b'\r') {
        bytes.push(b'\r');
    }
    bytes
}

fn script(recording: &Value) -> Script {
    let mut answers: HashMap<String, Vec<Option<Vec<u8>>>> = HashMap::new();
    for exchange in recording["exchanges"].as_array().unwrap() {
        let send = exchange["send"].as_str().unwrap().trim_end_matches('\r');
        answers
            .entry(send.to_owned())
            .or_default()
            .push(exchange["receive"].as_str().map(bytes));
    }
    Rc::new(RefCell::new(answers))
}

fn unit(script: &Script) -> Serial {
    let script = Rc::clone(script);
    Serial::new(Respond::new(b'\r', move |request: &[u8]| {
        let request = String::from_utf8_lossy(request)
            .trim_end_matches('\r')
            .to_owned();
        let mut script = script.borrow_mut();
        let answers = script.get_mut(&request)?;
        match answers.len() {
            0 => None,
            1 => answers[0].clone(),
            _ => answers.remove(0),
        }
    }))
}

/// Opens the unit and polls it until every recorded answer has been given.
fn last_report(script: &Script, protocol: Option<&str>) -> Result<Report, Error> {
    let settings = Settings::new(protocol.map(|name| ("protocol", name)));
    let mut driver = Megatec::open(unit(script), &settings, None)?;
    let mut report = driver.poll(Wake::Interval)?;
    for _ in 0..4 {
        report = driver.poll(Wake::Interval)?;
    }
    Ok(report)
}

/// Compares a report with what the incumbent published; `auto`: it chose the dialect itself.
fn compare(what: &str, report: &Report, published: &Value, auto: bool, faults: &mut Vec<String>) {
    let mut expected: BTreeMap<&str, &str> = published["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .filter(|(name, _)| !name.starts_with("driver."))
        .collect();
    if auto && expected.get("device.mfr") == Some(&"Ippon") {
        expected.remove("device.mfr");
    }
    if expected.get("battery.voltage.nominal") == Some(&"0.0") {
        expected
            .retain(|name, _| !name.ends_with(".nominal") && !name.starts_with("battery.voltage."));
    }
    let alarms = expected.remove("ups.alarm").is_some();
    if alarms == report.alarms().is_empty() {
        faults.push(format!("{what}: alarms {:?}", report.alarms()));
    }
    let status: BTreeSet<&str> = expected
        .remove("ups.status")
        .unwrap()
        .split(' ')
        .filter(|word| *word != "ALARM")
        .collect();
    if status != report.status_words().collect() {
        faults.push(format!(
            "{what}: status {status:?} against {:?}",
            report.status_words().collect::<Vec<_>>()
        ));
    }
    for (name, value) in &expected {
        match report.value(name) {
            Some(ours) if ours == *value => {}
            other => faults.push(format!("{what}: {name} is {other:?}, expected {value:?}")),
        }
    }
    for (name, reading) in report.variables() {
        if !expected.contains_key(name) && !name.starts_with("driver.") {
            faults.push(format!(
                "{what}: {name}={} is not published there",
                reading.value
            ));
        }
    }
    if published["commands"].is_array() {
        compare_abilities(what, report, published, faults);
    }
}

/// Compares commands, writable variables and their ranges.
fn compare_abilities(what: &str, report: &Report, published: &Value, faults: &mut Vec<String>) {
    let commands = published["commands"].as_array().unwrap();
    let commands: BTreeSet<&str> = commands
        .iter()
        .map(|name| name.as_str().unwrap())
        .filter(|name| *name != "shutdown.default")
        .collect();
    if commands != report.commands().collect() {
        faults.push(format!(
            "{what}: commands {:?}",
            report.commands().collect::<Vec<_>>()
        ));
    }
    let writable: BTreeSet<&str> = published["rw"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let ours: BTreeSet<&str> = report
        .variables()
        .filter(|(_, reading)| reading.writable)
        .map(|(name, _)| name)
        .collect();
    if writable != ours {
        faults.push(format!("{what}: writable {ours:?}"));
    }
    for (name, ranges) in published["range"].as_object().unwrap() {
        let range = (
            ranges[0][0].as_i64().unwrap(),
            ranges[0][1].as_i64().unwrap(),
        );
        if report.reading(name).unwrap().ranges != [range] {
            faults.push(format!("{what}: range of {name}"));
        }
    }
}

#[test]
fn recorded_units_are_served_as_the_incumbent_serves_them() {
    let Some(directory) = recordings() else {
        println!("no recordings here: skipped");
        return;
    };
    let (mut units, mut compared, mut refused, mut states) = (0, 0, 0, 0);
    let mut faults = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        units += 1;
        let recording = json(&path);
        let oracle = json(&directory.join("oracle").join(path.file_name().unwrap()));
        let device = recording["device"].as_str().unwrap();
        let mut runs = vec![(None, &oracle)];
        for (variant, published) in oracle["variants"].as_object().into_iter().flatten() {
            runs.push((Some(variant.strip_prefix("protocol=").unwrap()), published));
        }
        for (protocol, published) in runs {
            let what = format!("{device} {}", protocol.unwrap_or("auto"));
            match (
                last_report(&script(&recording), protocol),
                published["variables"].is_object(),
            ) {
                (Ok(report), true) => {
                    compare(&what, &report, published, protocol.is_none(), &mut faults);
                    compared += 1;
                }
                (Err(_), false) => refused += 1,
                (Ok(_), false) => faults.push(format!("{what}: served, but is to be refused")),
                (Err(error), true) => faults.push(format!("{what}: {error}")),
            }
        }
        for step in oracle["sequence"].as_array().into_iter().flatten() {
            let answers = script(&recording);
            answers
                .borrow_mut()
                .insert("Q1".into(), vec![Some(bytes(step["q1"].as_str().unwrap()))]);
            let report = last_report(&answers, None).unwrap();
            let mut published = step.clone();
            published["variables"]["device.type"] = "ups".into();
            compare(
                &format!("{device} {}", step["phase"]),
                &report,
                &published,
                true,
                &mut faults,
            );
            states += 1;
        }
    }
    println!(
        "{units} recorded units: {compared} runs compared, {refused} refused as there, {states} states of a power cut"
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(units >= 12);
}
