//! The whole driver over recorded agents: which table it takes, what it publishes, what it offers.
//!
//! The recordings are not part of this repository: one `.snmprec` an agent, and beside them `oracle/` with what NUT's
//! driver published for the same objects, partly after an object was added that the recording lacks. Without them the
//! tests say so and pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::{
    Driver, Error, Evidence, FakeSnmp, Report, Settings, SnmpAgent, SnmpVersion, Wake,
};
use husk_plugin_snmp::SnmpUps;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Clocks, delays of the section, and what only the incumbent counts.
fn moves(name: &str) -> bool {
    let named = [
        "device.uptime",
        "ups.time",
        "ups.date",
        "battery.runtime.elapsed",
    ];
    let family = ["driver.", "ups.timer.", "ups.delay."];
    named.contains(&name) || family.iter().any(|family| name.starts_with(family))
}

struct Recording {
    name: String,
    fake: FakeSnmp,
    /// `None`: the incumbent gives up.
    expected: Option<Value>,
    mibs: String,
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/snmp");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: there are no recordings of SNMP agents here");
    None
}

/// Each recording as the oracle was asked, and each that the oracle completes also as it is.
fn recordings() -> Vec<Recording> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let mut names: Vec<String> = std::fs::read_dir(folder.join("oracle"))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".json").map(str::to_owned)
        })
        .collect();
    names.sort();
    names.iter().map(|name| recording(&folder, name)).collect()
}

fn recording(folder: &Path, name: &str) -> Recording {
    let mut bytes = std::fs::read(folder.join(format!("{name}.snmprec"))).unwrap();
    let oracle = std::fs::read_to_string(folder.join(format!("oracle/{name}.json"))).unwrap();
    let oracle: Value = serde_json::from_str(&oracle).unwrap();
    let second = &oracle["second_opinion"]["completed"];
    let completed = match oracle["completed"].is_object() {
        true => &oracle["completed"],
        false => second,
    };
    let expected = match (oracle["variables"].is_object(), completed.is_object()) {
        (true, _) => Some(oracle.clone()),
        (_, true) => Some(completed.clone()),
        _ => None,
    };
    for (oid, line) in completed["added"].as_object().into_iter().flatten() {
        bytes.extend(format!("\n{oid}|{}\n", line.as_str().unwrap()).bytes());
    }
    let how = completed["how"].as_str().unwrap_or("");
    let mibs = how.split_once("mibs=").map_or("auto", |(_, mibs)| mibs);
    Recording {
        name: name.to_owned(),
        fake: agent(&bytes),
        expected,
        mibs: mibs.to_owned(),
    }
}

/// The agent of a recording; a line that names no object (an anonymised address) is left out.
fn agent(bytes: &[u8]) -> FakeSnmp {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    loop {
        match FakeSnmp::new(&lines.join(&b'\n')) {
            Ok(fake) => return fake,
            Err(bad) => drop(lines.remove(bad.line - 1)),
        }
    }
}

fn open(recording: &Recording) -> Result<SnmpUps, Error> {
    let settings = Settings::new([("mibs", recording.mibs.as_str())]);
    SnmpUps::open(recording.fake.port(), &settings, None)
}

/// Equal as text, or as numbers to half of the coarser one's last digit.
fn same(ours: &str, theirs: &str) -> bool {
    let decimals = |text: &str| {
        text.split_once('.')
            .map_or(0, |(_, part)| part.len() as i32)
    };
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(a), Ok(b)) => {
            let coarser = decimals(ours).min(decimals(theirs));
            (a - b).abs() <= 0.5 * 10_f64.powi(-coarser) + 1e-9 || (a - b).abs() <= 0.05
        }
        _ => ours.trim_end() == theirs.trim_end(),
    }
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Where we differ on purpose: recording (`*`: any), name, why.
#[rustfmt::skip]
const ON_PURPOSE: &[(&str, &str, &str)] = &[
    ("*", "*.phases", "nobody told the number: theirs is 1 for every unit, three-phase ones included"),
    ("centreon-inputlines", "command *", "theirs lists what is made of two commands though the agent has no objects for them"),
    ("librenms-apc-mgeups_galaxy7000", "command *", "the same"),
    ("librenms-eaton-mgeups_93ps", "command *", "the same"),
    ("librenms-eatonpdu_2", "outlet.current", "milliamperes are taken for hundredths of an ampere there"),
    ("librenms-eatonupsm2_9px+empg2", "outlet.*.switchable", "the number of the outlet is no answer to a yes or no"),
    ("librenms-eatonupsm2_9px+empg2", "ambient.1.temperature", "26.7 degrees are cut to 26 there"),
    ("librenms-eatonupsm2_9px+empg2", "battery.date", "the only date that can be set there is the word dummy"),
    ("librenms-cyberpower_pr2200rt2uc", "battery.current", "the current of the output is no current of the battery"),
    ("librenms-hpe-mapdu_pdu3", "outlet.*.name", "eight bytes of zero are no name"),
    ("librenms-powerwalker-vfi_20kcpgpf133", "*.model", "sixteen bytes of zero are no model"),
];

/// Whether a difference is one of those; `*` stands for anything.
fn on_purpose(recording: &str, name: &str) -> bool {
    let fits = |pattern: &str, text: &str| match pattern.split_once('*') {
        Some((before, after)) => {
            let rest = text.strip_prefix(before);
            rest.is_some_and(|rest| rest.ends_with(after))
        }
        None => pattern == text,
    };
    let mut rows = ON_PURPOSE.iter();
    rows.any(|(of, what, _)| fits(of, recording) && fits(what, name))
}

#[derive(Default)]
struct Score {
    found: usize,
    missing: Vec<String>,
    wrong: Vec<String>,
    more: Vec<String>,
}

fn compare(recording: &Recording, report: &Report, score: &mut Score) {
    let oracle = recording.expected.as_ref().unwrap();
    let line = |text: String| format!("{}: {text}", recording.name);
    let theirs = oracle["variables"].as_object().unwrap();
    let alarm = theirs.get("ups.alarm").and_then(Value::as_str);
    for (name, value) in theirs {
        let value = value.as_str().unwrap();
        if moves(name) || name == "ups.alarm" {
            continue;
        }
        // The host copies these.
        let copied = ["device.mfr", "device.model", "device.serial"].contains(&name.as_str());
        let other = name.replace("device.", "ups.");
        let ours = report.value(name);
        let ours = ours.or_else(|| report.value(&other).filter(|_| copied));
        match ours {
            _ if name == "ups.status" => {
                let ours: BTreeSet<String> = report.status_words().map(str::to_owned).collect();
                match ours == words(value) {
                    true => score.found += 1,
                    false => score
                        .wrong
                        .push(line(format!("ups.status {ours:?} not {value}"))),
                }
            }
            None if on_purpose(&recording.name, name) => {}
            None => score.missing.push(line(format!("{name} ({value})"))),
            Some(ours) if same(ours, value) => score.found += 1,
            Some(_) if on_purpose(&recording.name, name) && !name.ends_with(".phases") => {}
            Some(ours) => score
                .wrong
                .push(line(format!("{name} {ours:?} not {value:?}"))),
        }
    }
    for (name, reading) in report.variables() {
        if !theirs.contains_key(name) {
            score
                .more
                .push(line(format!("{name} = {:?}", reading.value)));
        }
    }
    if report.alarms().join(" ") != alarm.unwrap_or("") {
        score
            .wrong
            .push(line(format!("alarms {:?} not {alarm:?}", report.alarms())));
    }
    traits(recording, report, score);
}

fn traits(recording: &Recording, report: &Report, score: &mut Score) {
    let oracle = recording.expected.as_ref().unwrap();
    let line = |text: String| format!("{}: {text}", recording.name);
    let list = |key: &str| -> BTreeSet<&str> {
        let list = oracle[key].as_array().unwrap();
        list.iter().map(|one| one.as_str().unwrap()).collect()
    };
    for name in list("rw") {
        let Some(reading) = report.reading(name) else {
            continue;
        };
        if on_purpose(&recording.name, name) {
            continue;
        }
        if !reading.writable {
            score.wrong.push(line(format!("{name} is not writable")));
        }
        let most = oracle["max_length"][name].as_u64();
        if let (husk_driver::Kind::Text(ours), Some(most)) = (reading.kind, most)
            && u64::from(ours) != most
        {
            score
                .wrong
                .push(line(format!("{name} of {ours} not {most} bytes")));
        }
        if let Some(choices) = oracle["enum"][name].as_array() {
            let theirs: Vec<&str> = choices.iter().map(|one| one.as_str().unwrap()).collect();
            if reading.choices != theirs {
                score.wrong.push(line(format!(
                    "{name} one of {:?} not {theirs:?}",
                    reading.choices
                )));
            }
        }
    }
    for (name, reading) in report.variables() {
        if reading.writable && !list("rw").contains(name) && oracle["variables"].get(name).is_some()
        {
            score.wrong.push(line(format!("{name} is writable")));
        }
    }
    let ours: BTreeSet<&str> = report.commands().collect();
    for missing in list("commands").difference(&ours) {
        let name = format!("command {missing}");
        if *missing != "shutdown.default" && !on_purpose(&recording.name, &name) {
            score.missing.push(line(format!("command {missing}")));
        }
    }
    for more in ours.difference(&list("commands")) {
        score.more.push(line(format!("command {more}")));
    }
}

#[test]
fn recorded_agents_read_as_they_do_with_nut() {
    let mut score = Score::default();
    let (mut served, mut refused) = (0, 0);
    for recording in recordings() {
        let outcome = open(&recording).and_then(|mut driver| driver.poll(Wake::Interval));
        match (&outcome, &recording.expected) {
            (Ok(report), Some(oracle)) => {
                served += 1;
                let mib = report.value("driver.version.data").unwrap();
                let theirs = oracle["mib"].as_str().unwrap();
                if mib != format!("{theirs} MIB") {
                    score
                        .wrong
                        .push(format!("{}: {mib} not {theirs}", recording.name));
                }
                compare(&recording, report, &mut score);
            }
            (Err(error), None) => {
                refused += 1;
                println!("{} is refused: {error}", recording.name);
            }
            (Ok(report), None) => {
                println!(
                    "{}: served all the same, {} variables as {:?}, status {:?}",
                    recording.name,
                    report.variables().count(),
                    report.value("driver.version.data"),
                    report.status_words().collect::<Vec<_>>()
                );
            }
            (Err(error), Some(_)) => score.wrong.push(format!("{}: {error}", recording.name)),
        }
    }
    if served > 0 {
        println!(
            "{served} served, {refused} refused; {} found, {} missing, {} more",
            score.found,
            score.missing.len(),
            score.more.len()
        );
    }
    assert_eq!(score.wrong, Vec::<String>::new());
    assert_eq!(score.missing, Vec::<String>::new());
}

#[test]
fn what_is_called_recorded_is_what_the_recordings_are_served_by() {
    let recordings = recordings();
    let served: BTreeSet<String> = recordings
        .iter()
        .filter_map(|recording| open(recording).ok()?.poll(Wake::Interval).ok())
        .map(|report| report.value("driver.version.data").unwrap().to_owned())
        .collect();
    let rows = SnmpUps::HARDWARE.iter();
    let listed: BTreeSet<String> = rows
        .filter(|row| row.evidence == Evidence::Recording)
        .map(|row| row.hint.replace("mibs = ", "") + " MIB")
        .collect();
    if !recordings.is_empty() {
        assert_eq!(listed, served);
    }
}

#[test]
fn agents_of_version_1_read_the_same() {
    for recording in recordings() {
        let newer = open(&recording).and_then(|mut driver| driver.poll(Wake::Interval));
        recording.fake.identify(SnmpAgent {
            peer: "fake".into(),
            version: SnmpVersion::V1,
            read_only: false,
        });
        let older = open(&recording).and_then(|mut driver| driver.poll(Wake::Interval));
        assert_eq!(newer, older, "{}", recording.name);
    }
}

/// The pairs: walks and upsc output of the same unit.
#[test]
fn recorded_pairs_read_as_they_did() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder.join("pairs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "snmprec") {
            continue;
        }
        let expected = std::fs::read_to_string(path.with_extension("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let fake = agent(&std::fs::read(&path).unwrap());
        let mut driver = SnmpUps::open(fake.port(), &Settings::default(), None).unwrap();
        let report = driver.poll(Wake::Interval).unwrap();
        for (name, value) in expected["stable"].as_object().unwrap() {
            let copy = name.replace("device.", "ups.");
            let ours = report.value(name).or_else(|| report.value(&copy));
            if !ours.is_some_and(|ours| same(ours, value.as_str().unwrap())) {
                wrong.push(format!("{}: {name} {ours:?} not {value}", path.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The recorded agents take a value only in the type that the object has.
#[test]
fn every_variable_and_command_is_written_in_the_type_the_agent_has() {
    let mut wrong = Vec::new();
    let (mut written, mut absent) = (0, 0);
    for recording in recordings() {
        let Ok(mut driver) = open(&recording) else {
            continue;
        };
        let report = driver.poll(Wake::Interval).unwrap();
        let writable = report.variables().filter(|(_, reading)| reading.writable);
        let writable: Vec<_> = writable
            .map(|(name, r)| (name.to_owned(), r.clone()))
            .collect();
        for (name, reading) in writable {
            let value = reading.choices.last().unwrap_or(&reading.value).clone();
            match driver.set(&name, &value) {
                Ok(()) => written += 1,
                // Longer than the table allows to write, as the recording has it.
                Err(Error::InvalidArgument(_)) if reading.kind == husk_driver::Kind::Text(8) => {}
                outcome => wrong.push(format!(
                    "{}: {name} = {value:?}: {outcome:?}",
                    recording.name
                )),
            }
            let after = driver.poll(Wake::SettingsChanged).unwrap();
            if after.value(&name).is_some_and(|after| !same(after, &value)) {
                wrong.push(format!(
                    "{}: {name} became {:?}",
                    recording.name,
                    after.value(&name)
                ));
            }
        }
        drop(recording.fake.take_written());
        for command in report.commands() {
            match driver.command(command, None) {
                Ok(()) => written += recording.fake.take_written().len(),
                // Outlets of a partial recording: notWritable.
                Err(Error::Failed(what)) if what.contains("(17)") => absent += 1,
                outcome => wrong.push(format!("{}: {command}: {outcome:?}", recording.name)),
            }
        }
    }
    println!("{written} written, {absent} not in the recordings");
    assert_eq!(wrong, Vec::<String>::new());
}
