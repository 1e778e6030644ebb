//! Recordings of real units against what the incumbent's driver published for the same bytes.
//!
//! The recordings are not part of this repository; without them the test says so and passes. Letters that were not
//! recorded are silent, or say NA as units do: both are compared.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::{Driver, Report, Respond, Serial, Settings, Wake};
use husk_plugin_apc_smart::ApcSmart;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

fn recordings() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/apcsmart");
    path.is_dir().then_some(path)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|one| u8::try_from(u32::from(one)).unwrap())
        .collect()
}

/// The recorded unit; letters it was not asked get `unlisted`.
fn unit(recording: &Value, unlisted: Option<&'static [u8]>) -> Serial {
    let mut answers: HashMap<Vec<u8>, Vec<Option<Vec<u8>>>> = HashMap::new();
    for exchange in recording["exchanges"].as_array().unwrap() {
        let send = bytes(exchange["send"].as_str().unwrap());
        let receive = exchange["receive"].as_str().map(bytes);
        answers.entry(send).or_default().push(receive);
    }
    let mut asked = Vec::new();
    Serial::new(Respond::each_byte(move |byte: &[u8]| {
        asked.extend(byte);
        let longer = |known: &&Vec<u8>| known.len() > asked.len() && known.starts_with(&asked);
        if answers.keys().any(|known| longer(&known)) {
            return None;
        }
        let Some(replies) = answers.get_mut(&std::mem::take(&mut asked)) else {
            return unlisted.map(<[u8]>::to_vec);
        };
        match replies.len() {
            1 => replies[0].clone(),
            _ => replies.remove(0),
        }
    }))
}

fn last_report(port: Serial) -> Report {
    let mut driver = ApcSmart::open(port, &Settings::default(), None).unwrap();
    driver.poll(Wake::Interval).unwrap();
    driver.poll(Wake::Interval).unwrap()
}

fn names(list: &Value) -> BTreeSet<&str> {
    let list = list.as_array().into_iter().flatten();
    list.map(|name| name.as_str().unwrap()).collect()
}

fn compare(what: &str, report: &Report, published: &Value, faults: &mut Vec<String>) {
    let expected = published["variables"].as_object().unwrap();
    for (name, value) in expected {
        let value = value.as_str().unwrap();
        // Copies of ups.* that the host makes, and what it says of the driver.
        if name.starts_with("driver.") || (name.starts_with("device.") && name != "device.type") {
            continue;
        }
        let ours = match name.as_str() {
            "ups.status" => report.status_words().collect::<Vec<_>>().join(" "),
            name => report.value(name).unwrap_or("(unknown)").to_owned(),
        };
        if ours != value.trim_end() {
            faults.push(format!("{what}: {name} is {ours}, expected {value}"));
        }
    }
    for (name, _) in report
        .variables()
        .filter(|(name, _)| !expected.contains_key(*name))
    {
        faults.push(format!("{what}: {name} is not published there"));
    }
    let mut commands = names(&published["commands"]);
    commands.remove("shutdown.default");
    if commands != report.commands().collect() {
        faults.push(format!(
            "{what}: commands {:?}",
            report.commands().collect::<Vec<_>>()
        ));
    }
    let writable: BTreeSet<&str> = report
        .variables()
        .filter_map(|(name, reading)| reading.writable.then_some(name))
        .collect();
    if writable != names(&published["rw"]) {
        faults.push(format!("{what}: writable {writable:?}"));
    }
    for (name, values) in published["enum"].as_object().into_iter().flatten() {
        let ours = report.reading(name).map(|reading| reading.choices.clone());
        let ours = ours.unwrap_or_default();
        if ours.iter().map(String::as_str).collect::<BTreeSet<_>>() != names(values) {
            faults.push(format!("{what}: {name} takes {ours:?}"));
        }
    }
}

#[test]
fn recorded_units_are_served_as_the_incumbent_serves_them() {
    let Some(directory) = recordings() else {
        println!("no recordings here: skipped");
        return;
    };
    let (mut units, mut runs) = (0, 0);
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
        let mut ways: Vec<(&Value, Option<&'static [u8]>)> = vec![(&oracle, None)];
        if oracle["variants"]["unlisted=NA"].is_object() {
            ways.push((&oracle["variants"]["unlisted=NA"], Some(b"NA\r\n")));
        }
        for (published, unlisted) in ways {
            if published["variables"].is_object() {
                runs += 1;
                let report = last_report(unit(&recording, unlisted));
                compare(device, &report, published, &mut faults);
            } else if ApcSmart::open(unit(&recording, unlisted), &Settings::default(), None).is_ok()
            {
                faults.push(format!("{device}: served, but is to be refused"));
            }
        }
    }
    println!("{units} recorded units, {runs} runs compared");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(units >= 2 && runs >= 4);
}
