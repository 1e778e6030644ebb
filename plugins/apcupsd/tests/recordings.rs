//! Recorded status reports against what the incumbent's driver published for the same bytes.
//!
//! The recordings are not part of this repository; without them the test says so and passes. Differences on purpose: a
//! field that is N/A or no number is unknown and not nought, the clock of daemons before 3.14 is read instead of cut at
//! its blanks, and a report with free text before it is served.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{daemon, pieces, wire};
use husk_driver::{Driver, Evidence, Report, Settings, Wake};
use husk_plugin_apcupsd::Apcupsd;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Published from a field that was not there: what a number made of `N/A` or `OFF` is there.
const NOUGHTS: &[&str] = &["0", "0.0", "N/A", "N"];

/// Names we publish and the incumbent does not.
const MORE: &[&str] = &[
    "ambient.humidity",
    "ambient.temperature",
    "battery.packs.external",
    "ups.test.date",
];

fn served(report: &str, size: usize) -> Report {
    let bytes = wire(report);
    let daemon = daemon(move || pieces(&bytes, size));
    let mut driver = Apcupsd::open(daemon, &Settings::default(), None).unwrap();
    driver.poll(Wake::Interval).unwrap()
}

fn same(expected: &str, ours: &str) -> bool {
    match (expected.parse::<f64>(), ours.parse::<f64>()) {
        (Ok(expected), Ok(ours)) => (expected - ours).abs() < 0.05,
        _ => expected.trim_end() == ours,
    }
}

/// What differs, and how many names were as expected.
fn compare(what: &str, ours: &Report, oracle: &Value, faults: &mut Vec<String>) -> (usize, usize) {
    let mut expected: BTreeMap<&str, &str> = oracle["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .filter(|(name, _)| !name.starts_with("driver.") && !name.starts_with("device."))
        .collect();
    let words = |text: &str| -> BTreeSet<String> { text.split(' ').map(str::to_owned).collect() };
    let status = words(expected.remove("ups.status").unwrap());
    if status != ours.status_words().map(str::to_owned).collect() {
        faults.push(format!("{what}: status {status:?}"));
    }
    let (mut right, mut noughts) = (1, 0);
    for (name, value) in &expected {
        match ours.value(name) {
            Some(ours) if same(value, ours) => right += 1,
            None if NOUGHTS.contains(value) => noughts += 1,
            // `Thu Dec 06 …` cut at its blanks.
            Some(_) if ["ups.date", "ups.time"].contains(name) && value.len() == 3 => right += 1,
            other => faults.push(format!("{what}: {name} is {other:?}, expected {value:?}")),
        }
    }
    for (name, reading) in ours.variables() {
        let known = expected.contains_key(name) || MORE.contains(&name) || name == "device.type";
        if !known {
            faults.push(format!("{what}: {name}={} is more", reading.value));
        }
    }
    (right, noughts)
}

#[test]
fn recorded_reports_are_served_as_the_incumbent_serves_them() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/apcupsd");
    if !directory.is_dir() {
        println!("no recordings here: skipped");
        return;
    }
    let (mut reports, mut right, mut noughts) = (0, 0, 0);
    let mut faults = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "status")
        {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let report = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let oracle = directory.join("oracle").join(format!("{name}.json"));
        let oracle: Value = serde_json::from_str(&fs::read_to_string(oracle).unwrap()).unwrap();
        // What the incumbent refuses is served without the free text in front there, and with it here.
        let expected = oracle.get("completed").unwrap_or(&oracle);
        let whole = served(&report, usize::MAX);
        for size in [1, 2, 3, 7, 64, 1460] {
            assert_eq!(served(&report, size), whole, "{name} in pieces of {size}");
        }
        let (same, none) = compare(&name, &whole, expected, &mut faults);
        reports += 1;
        right += same;
        noughts += none;
    }
    println!(
        "{reports} reports: {right} variables as there, {noughts} noughts made of N/A left out"
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(reports >= 12);
}

#[test]
fn what_is_called_recorded_is_what_the_recordings_are_of() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/apcupsd");
    let Ok(entries) = fs::read_dir(directory) else {
        println!("no recordings here: skipped");
        return;
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let recorded: BTreeSet<String> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "status"))
        .map(|path| served(&fs::read_to_string(path).unwrap(), 1000))
        .map(|report| report.value("ups.model").unwrap().trim().to_lowercase())
        .collect();
    let rows = Apcupsd::HARDWARE.iter();
    let listed: BTreeSet<String> = rows
        .filter(|row| row.evidence == Evidence::Recording)
        .flat_map(|row| row.models)
        .map(|model| model.to_lowercase())
        .collect();
    assert_eq!(listed, recorded);
}
