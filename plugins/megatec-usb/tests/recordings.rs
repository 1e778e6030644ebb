//! Recorded units behind every bridge that can carry what was recorded: the report is the one the unit gives over a serial
//! line, and, for units that were recorded over USB, what the incumbent's driver published for the same bytes.
//!
//! The recordings are not part of this repository; without them the test says so and passes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{KINDS, open, shared};
use husk_driver::{Driver, Error, Evidence, Report, Respond, Serial, Settings, Wake, var};
use husk_plugin_megatec::Megatec;
use husk_plugin_megatec_usb::MegatecUsb;
use husk_tests::usb::bridge::{Bridge, Kind, Stranger, Unit};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Bridges that carry any line both ways.
const TRANSPARENT: &[(Kind, &str)] = &[
    (Kind::Cypress, "cypress"),
    (Kind::Phoenix, "phoenix"),
    (Kind::Gtec, "gtec"),
    (Kind::Sgs, "sgs"),
];

fn recordings() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/qx");
    path.is_dir().then_some(path)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What was recorded, in order: a line without its end, and the whole answer.
fn exchanges(recording: &Value) -> Vec<(String, Option<Vec<u8>>)> {
    let bytes = |text: &str| {
        let mut bytes: Vec<u8> = text
            .chars()
            .map(|one| u8::try_from(u32::from(one)).unwrap())
            .collect();
        if bytes.last() != Some(&b'\r') {
            bytes.push(b'\r');
        }
        bytes
    };
    let all = recording["exchanges"].as_array().unwrap().iter();
    all.map(|exchange| {
        let send = exchange["send"].as_str().unwrap().trim_end_matches('\r');
        (send.to_owned(), exchange["receive"].as_str().map(bytes))
    })
    .collect()
}

fn last_report(mut driver: impl Driver) -> Result<Report, Error> {
    let mut report = driver.poll(Wake::Interval)?;
    for _ in 0..4 {
        report = driver.poll(Wake::Interval)?;
    }
    Ok(report)
}

fn over_serial(recording: &Value, protocol: Option<&str>) -> Result<Report, Error> {
    let mut script: HashMap<String, Vec<Option<Vec<u8>>>> = HashMap::new();
    for (line, answer) in exchanges(recording) {
        script.entry(line).or_default().push(answer);
    }
    let script = Rc::new(RefCell::new(script));
    let port = Serial::new(Respond::new(b'\r', move |request: &[u8]| {
        let request = String::from_utf8_lossy(request);
        let mut script = script.borrow_mut();
        let answers = script.get_mut(request.trim_end_matches('\r'))?;
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        }
    }));
    let settings = Settings::new(protocol.map(|name| ("protocol", name)));
    last_report(Megatec::open(port, &settings, None)?)
}

fn over_usb(recording: &Value, bridge: Bridge, options: &[(&str, &str)]) -> Result<Report, Error> {
    let bridge = shared(bridge);
    for (line, answer) in exchanges(recording) {
        bridge.borrow_mut().unit.add(line.as_bytes(), answer);
    }
    last_report(open(&bridge, options)?)
}

fn silent(kind: Kind) -> Bridge {
    Bridge::new(kind, Unit::new(Stranger::Silence))
}

/// The bridge that has these numbers, by itself.
fn by_numbers(usb: &str) -> Option<Bridge> {
    let (vendor, product) = usb.split_once(':').unwrap();
    let number = |text| u16::from_str_radix(text, 16).unwrap();
    let (vendor, product) = (number(vendor), number(product));
    let fits =
        |bridge: &Bridge| (bridge.identity.vendor, bridge.identity.product) == (vendor, product);
    // Of the four that share their numbers, the one the recordings are of.
    let usual = KINDS
        .iter()
        .filter(|(kind, subdriver)| subdriver.is_none() && *kind != Kind::Krauler);
    usual.map(|(kind, _)| silent(*kind)).find(fits)
}

/// What is said over USB beside what is said over a line.
fn with_numbers(report: &Report, numbers: [u16; 2]) -> Report {
    let mut report = report.clone();
    for (variable, number) in [var::UPS_VENDORID, var::UPS_PRODUCTID]
        .into_iter()
        .zip(numbers)
    {
        report.set(variable, format!("{number:04x}"));
    }
    report
}

/// Everything in the incumbent's words that must be in ours.
fn compare(what: &str, report: &Report, published: &Value, faults: &mut Vec<String>) {
    let variables = published["variables"].as_object().unwrap();
    let unrated = variables
        .get("battery.voltage.nominal")
        .is_some_and(|volts| volts == "0.0");
    for (name, value) in variables {
        let value = value.as_str().unwrap();
        // Words of our own, the driver's own, a maker by accident of the order of tables, ratings of nothing.
        let other = matches!(name.as_str(), "ups.alarm" | "ups.status")
            || name.starts_with("driver.")
            || (name == "device.mfr" && value == "Ippon")
            || (unrated && (name.ends_with(".nominal") || name.starts_with("battery.voltage.")));
        if !other && report.value(name) != Some(value) {
            faults.push(format!(
                "{what}: {name} is {:?}, there {value:?}",
                report.value(name)
            ));
        }
    }
    let status = variables["ups.status"].as_str().unwrap().split(' ');
    let status: BTreeSet<&str> = status.filter(|word| *word != "ALARM").collect();
    if status != report.status_words().collect() {
        faults.push(format!("{what}: status is not {status:?}"));
    }
}

#[test]
fn a_unit_says_over_usb_what_it_says_over_a_serial_line() {
    let Some(directory) = recordings() else {
        println!("no recordings here: skipped");
        return;
    };
    let (mut units, mut same, mut compared) = (0, 0, 0);
    let mut faults = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        units += 1;
        let recording = json(&path);
        let device = recording["device"].as_str().unwrap();
        let serial = over_serial(&recording, None);
        for (kind, name) in TRANSPARENT {
            let bridge = silent(*kind);
            let numbers = [bridge.identity.vendor, bridge.identity.product];
            let usb = over_usb(&recording, bridge, &[("subdriver", name)]);
            match (&serial, usb) {
                (Ok(serial), Ok(usb)) if with_numbers(serial, numbers) == usb => same += 1,
                (Err(_), Err(_)) => same += 1,
                (serial, usb) => faults.push(format!("{device} over {name}: {serial:?}, {usb:?}")),
            }
        }
        let Some(bridge) = recording["usb"].as_str().and_then(by_numbers) else {
            continue;
        };
        let oracle = json(&directory.join("oracle").join(path.file_name().unwrap()));
        for (variant, published) in oracle["variants"].as_object().unwrap() {
            let protocol = variant.strip_prefix("protocol=").unwrap();
            if !published["variables"].is_object() {
                continue;
            }
            // What the recorded unit was asked over its own bridge; the incumbent was served over a line.
            match over_usb(&recording, bridge.clone(), &[("protocol", protocol)]) {
                Ok(report) => {
                    compare(
                        &format!("{device} {protocol}"),
                        &report,
                        published,
                        &mut faults,
                    );
                    compared += 1;
                }
                Err(error) => faults.push(format!("{device} {protocol}: {error}")),
            }
        }
    }
    println!(
        "{units} recorded units: {same} runs as over a line, {compared} compared with the incumbent"
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(units >= 12);
}

#[test]
fn what_is_called_recorded_has_the_id_of_a_recording() {
    let Some(directory) = recordings() else {
        println!("no recordings here: skipped");
        return;
    };
    let paths = fs::read_dir(directory).unwrap();
    let recorded: BTreeSet<String> = paths
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .filter_map(|path| json(&path)["usb"].as_str().map(str::to_owned))
        .collect();
    let rows = MegatecUsb::HARDWARE.iter();
    let listed: BTreeSet<String> = rows
        .filter(|row| row.evidence == Evidence::Recording)
        .map(|row| row.hint.to_owned())
        .collect();
    assert_eq!(listed, recorded);
}
