//! Debian's nutdrv_qx and blazer_ser beside ours on the same simulated units: variables, what may be written, ranges, lists
//! and commands, line by line. Where they differ, the list below says why.
//!
//! The units are those of the plugin's traces, behind pseudo-terminals; what a unit was not asked there it echoes, which
//! means in all dialects that it is not understood. Debian's 2.8.0 does not know kind H of QS, kind T of its hexadecimal
//! sister, Axpert, Gtec, Omron, Q2, Q6 and Inno's, and cannot claim a Masterguard: the table of its rows lacks what it asks for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::sim::{Device, Simulator};
use husk_tests::tool::Wire;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Section, driver, trace, and options of the section.
#[rustfmt::skip]
const UNITS: &[(&str, &str, &str, &str)] = &[
    ("megatec",     "nutdrv_qx",  "megatec-power-cut",     "protocol = megatec"),
    ("mustek",      "nutdrv_qx",  "mustek",                "protocol = mustek"),
    ("old",         "nutdrv_qx",  "megatec-old",           "protocol = megatec/old"),
    ("zinto",       "nutdrv_qx",  "zinto",                 "protocol = zinto"),
    ("q1",          "nutdrv_qx",  "megatec-power-cut",     "protocol = q1"),
    ("hunnox",      "nutdrv_qx",  "hunnox",                "protocol = hunnox\n novendor"),
    ("p98",         "nutdrv_qx",  "mecer-p98",             "protocol = mecer"),
    ("qs",          "nutdrv_qx",  "voltronic-qs-v",        "protocol = voltronic-qs"),
    ("hex-p",       "nutdrv_qx",  "voltronic-qs-hex-p",    "protocol = voltronic-qs-hex"),
    ("hex-t",       "nutdrv_qx",  "voltronic-qs-hex-t",    "protocol = voltronic-qs-hex"),
    ("p01",         "nutdrv_qx",  "voltronic",             "protocol = voltronic"),
    ("p09",         "nutdrv_qx",  "voltronic-two-phase",   "protocol = voltronic"),
    ("p10",         "nutdrv_qx",  "voltronic-three-phase", "protocol = voltronic"),
    ("p31",         "nutdrv_qx",  "voltronic-p31",         "protocol = voltronic"),
    ("fortress",    "nutdrv_qx",  "bestups-fortress",      "protocol = bestups"),
    ("axxium",      "nutdrv_qx",  "bestups-axxium",        "protocol = bestups"),
    ("patriot",     "nutdrv_qx",  "bestups-patriot",       "protocol = bestups"),
    ("ablerex",     "nutdrv_qx",  "ablerex",               "protocol = ablerex"),
    ("blazer",      "blazer_ser", "megatec-power-cut",     "protocol = megatec"),
    ("blazer-qs",   "blazer_ser", "mustek",                "protocol = mustek\n ondelay = 5\n offdelay = 120"),
    ("blazer-old",  "blazer_ser", "megatec-old",           "protocol = megatec/old"),
    ("calibrated",  "nutdrv_qx",  "megatec-power-cut",     "protocol = megatec\n runtimecal = 240,100,720,50\n offdelay = 90\n ondelay = 240"),
    ("packs",       "nutdrv_qx",  "cells",                 "protocol = q1\n default.battery.packs = 18\n default.battery.voltage.nominal = 36"),
];

/// Section (or part of one), line (or part of one), and why it differs.
#[rustfmt::skip]
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("",       "VAR input.current.nominal",  "a rating of zero amperes is none"),
    ("p01",    "VAR battery.voltage.high",   "2.8.0 does not guess it beside a lower limit that the unit tells"),
    ("ablerex", "VAR battery.voltage",       "2.8.0 cuts the binary answer to Q5 at its first zero byte"),
    ("ablerex", "VAR output.",               "as above"),
    ("blazer", "RW ups.delay.",              "the delays of blazer_ser cannot be written; those of its successor can"),
    ("blazer", "RANGE ups.delay.",           "as above"),
    ("blazer", "VAR ups.m",                  "the maker and the model are device.mfr and device.model, as of its successor"),
];

/// Lines about the programs and not the units.
const PROGRAMS: &[&str] = &["driver.", "server.", "shutdown.default"];

/// Numbers that are printed differently are the same within half of the last digit.
const TOLERANCE: f64 = 0.051;
const PATIENCE: Duration = Duration::from_secs(60);
/// Both drivers ask everything each second.
const SETTLED: Duration = Duration::from_secs(5);

/// A unit that answers as a trace says, and echoes the rest.
struct Scripted(BTreeMap<Vec<u8>, Vec<u8>>);

impl Scripted {
    /// What was asked and answered when the unit of a trace was opened.
    fn of(trace: &str) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/megatec/traces");
        let text = fs::read_to_string(directory.join(format!("{trace}.trace"))).unwrap();
        let mut answers = BTreeMap::new();
        let mut asked = Vec::new();
        for line in text.lines() {
            match line.split_at_checked(2) {
                Some(("> ", sent)) => asked = bytes(sent),
                Some(("< ", received)) => {
                    answers.insert(asked.clone(), bytes(received));
                }
                Some(("! ", call)) if call != "open" => break,
                _ => {}
            }
        }
        assert!(!answers.is_empty(), "{trace} has no answers");
        Self(answers)
    }
}

impl Device for Scripted {
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let command = [command, b"\r"].concat();
        Some(self.0.get(&command).unwrap_or(&command).clone())
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let (byte, length) = match (first, more.first()) {
            (b'\\', Some(b'r')) => (b'\r', 1),
            (b'\\', Some(b'x')) => {
                let digits = str::from_utf8(&more[1..3]).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), 3)
            }
            (b'\\', Some(b'n')) => (b'\n', 1),
            (b'\\', Some(b't')) => (b'\t', 1),
            (b'\\', Some(b'\\')) => (b'\\', 1),
            _ => (*first, 0),
        };
        bytes.push(byte);
        rest = &more[length..];
    }
    bytes
}

/// Everything a server says about a unit: a line per variable, command, writable variable, range and item of a list.
fn said(server: &Server, ups: &str) -> BTreeMap<String, String> {
    let mut wire = Wire::connect(server.port).unwrap();
    let mut rows = |kind: &str, of: &str| -> Vec<(String, String)> {
        let reply = wire.ask(&format!("LIST {kind} {ups}{of}")).unwrap();
        let head = format!("{} {ups} ", kind);
        let rows = reply.lines().filter_map(|line| line.strip_prefix(&head));
        rows.map(|row| match row.split_once(' ') {
            Some((name, value)) => (name.to_owned(), value.trim_matches('"').trim().to_owned()),
            None => (row.to_owned(), String::new()),
        })
        .collect()
    };
    let mut said = BTreeMap::new();
    for (name, value) in rows("VAR", "") {
        said.insert(format!("VAR {name}"), value);
    }
    for (name, _) in rows("CMD", "") {
        said.insert(format!("CMD {name}"), String::new());
    }
    let writable = rows("RW", "");
    for (name, _) in &writable {
        said.insert(format!("RW {name}"), String::new());
    }
    for kind in ["RANGE", "ENUM"] {
        for (name, _) in &writable {
            for (_, value) in rows(kind, &format!(" {name}")) {
                said.insert(format!("{kind} {name} {value}"), String::new());
            }
        }
    }
    said.retain(|line, _| {
        let about = line.split(' ').nth(1).unwrap_or_default();
        !PROGRAMS.iter().any(|program| about.starts_with(program))
    });
    said
}

fn alike(a: Option<&String>, b: Option<&String>) -> bool {
    let number = |text: &String| text.parse::<f64>().ok();
    match (a, b) {
        (Some(a), Some(b)) => match (number(a), number(b)) {
            (Some(a), Some(b)) => (a - b).abs() < TOLERANCE,
            // A status is a set of words; an alarm is worded our way.
            _ => words(a) == words(b),
        },
        _ => false,
    }
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(' ').collect()
}

fn serve(which: Which) -> (Server, Vec<Simulator>) {
    let dir = Scratch::new("beside").unwrap();
    let mut simulators = Vec::new();
    let mut conf = "user = root\npollinterval = 1\n".to_owned();
    for (section, driver, trace, options) in UNITS {
        let simulator = Simulator::start(Scripted::of(trace)).unwrap();
        let port = simulator.path().display();
        let often = if *driver == "nutdrv_qx" {
            " pollfreq = 1\n"
        } else {
            ""
        };
        conf += &format!("[{section}]\n driver = {driver}\n port = {port}\n {options}\n{often}");
        simulators.push(simulator);
    }
    dir.write("ups.conf", &conf).unwrap();
    dir.write("upsd.users", "").unwrap();
    let sections: Vec<&str> = UNITS.iter().map(|(section, ..)| *section).collect();
    let server = Server::start(which, dir, &sections).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    for section in sections {
        let mut last = String::new();
        let outcome = wait_until(PATIENCE, || {
            last = wire.value(section, "ups.status").unwrap();
            !last.starts_with("ERR") && last != "WAIT"
        });
        assert!(outcome.is_ok(), "{section}: {last}; log:\n{}", server.log());
    }
    (server, simulators)
}

#[test]
fn what_debians_drivers_say_of_a_unit_ours_says_too() {
    if !incumbent_installed() || !Path::new("/lib/nut/nutdrv_qx").exists() {
        husk_tests::skip("megatec_beside: nut-server is not installed");
        return;
    }
    let (theirs, _their_units) = serve(Which::Incumbent);
    let (ours, _our_units) = serve(Which::Husk);
    std::thread::sleep(SETTLED);
    let (mut lines, mut unexplained) = (0, Vec::new());
    let mut used = BTreeSet::new();
    for (section, ..) in UNITS {
        let (their, our) = (said(&theirs, section), said(&ours, section));
        let names: BTreeSet<&String> = their.keys().chain(our.keys()).collect();
        for name in names {
            lines += 1;
            let (theirs, ours) = (their.get(name), our.get(name));
            if alike(theirs, ours) {
                continue;
            }
            let line = format!("{section}: {name}: theirs {theirs:?}, ours {ours:?}");
            let known = DIFFERENCES
                .iter()
                .position(|(unit, part, _)| section.contains(unit) && name.contains(part));
            match known {
                Some(row) => drop(used.insert(row)),
                None => unexplained.push(line),
            }
        }
    }
    println!(
        "{} units, {lines} lines compared, {} rows of differences",
        UNITS.len(),
        used.len()
    );
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    for (row, difference) in DIFFERENCES.iter().enumerate() {
        assert!(
            used.contains(&row),
            "there is no such difference any more: {difference:?}"
        );
    }
}
