//! The same device under the incumbent's driver and under ours: what the two publish, and what a poll costs.

use super::rig::{PATIENCE, Stand, subjects};
use husk_tests::process;
use husk_tests::rig::{Which, wait_until};
use husk_tests::usb::{Simulated, bus, recording};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Variables that differ on purpose, with the reason.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "VAR ups.load",
        "whole percent, as the incumbent from 2.8.5 on",
    ),
    ("CMD shutdown.default", "the incumbent has it from 2.8.1 on"),
];

/// Everything of the device that clients could ask for: variables, writable ones, commands.
type Published = BTreeMap<String, String>;

fn published<D: husk_tests::usb::Device>(stand: &Stand<D>) -> Published {
    let mut all = Published::new();
    for what in ["VAR", "RW", "CMD"] {
        for line in stand.list(what) {
            let (name, value) = line.split_once(' ').unwrap_or((&line, ""));
            // What a driver says of itself is its own business.
            if !name.starts_with("driver.") {
                all.insert(format!("{what} {name}"), value.to_owned());
            }
        }
    }
    all
}

/// What differs, a line each.
fn differences(theirs: &Published, ours: &Published) -> Vec<String> {
    let names = theirs
        .keys()
        .chain(ours.keys().filter(|name| !theirs.contains_key(*name)));
    let differ = names.filter(|name| theirs.get(*name) != ours.get(*name));
    let explained = |name: &String| DIFFERENT.iter().any(|(known, _)| name == known);
    differ
        .filter(|name| !explained(name))
        .map(|name| {
            let side =
                |side: &Published| side.get(name).map_or("nothing", String::as_str).to_owned();
            format!("{name}: theirs {}, ours {}", side(theirs), side(ours))
        })
        .collect()
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn both_drivers_publish_the_same() {
    let mut sides = Vec::new();
    for which in [Which::Incumbent, Which::Husk] {
        if !subjects().contains(&which) {
            return husk_tests::skip("no comparison of USB drivers: one of them is not there");
        }
        let stand = Stand::new(which, "pollinterval = 1\n  pollfreq = 2\n");
        stand.await_status("OL CHRG");
        std::thread::sleep(Duration::from_secs(3));
        sides.push(published(&stand));
    }
    let differences = differences(&sides[0], &sides[1]);
    println!("{} published alike", sides[0].len() - differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Recorded devices, where `HUSK_DEVICES` names a directory of them: the same comparison, printed.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn recorded_devices_look_the_same() {
    let Some(directory) = std::env::var_os("HUSK_DEVICES") else {
        println!("no recorded devices were given");
        return;
    };
    for folder in std::fs::read_dir(directory).unwrap().flatten() {
        let folder = folder.path();
        if folder.join("descriptor.hex").exists() {
            compare(&folder);
        }
    }
}

fn compare(folder: &Path) {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let mut sides = Vec::new();
    for which in [Which::Incumbent, Which::Husk] {
        let device = recording::read(folder).unwrap();
        let (vendor, product) = (device.identity.vendor, device.identity.product);
        let device = Simulated::new(device);
        bus::plug(&device, 0).unwrap();
        let there = || bus::seen(vendor, product).len() == 1;
        wait_until(PATIENCE, there).unwrap();
        let ids =
            format!("vendorid = {vendor:04x}\n  productid = {product:04x}\n  pollinterval = 1\n");
        match Stand::start(device, which, &ids) {
            Ok(stand) => {
                std::thread::sleep(Duration::from_secs(5));
                sides.push(published(&stand));
            }
            Err(error) => println!("{name}: {which:?} does not start: {error}"),
        }
        let gone = || bus::seen(vendor, product).is_empty();
        wait_until(PATIENCE, gone).unwrap();
    }
    if let [theirs, ours] = &sides[..] {
        let differences = differences(theirs, ours);
        println!("{name}: {} of {} differ", differences.len(), theirs.len());
        for line in differences {
            println!("    {line}");
        }
    }
}

/// Processor time of a report that is read; the incumbent's driver and ours on the same device. Ours serves clients in the
/// same process.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_poll_costs() {
    const SPAN: Duration = Duration::from_secs(10);
    /// Ours may cost so many times as much: the sandbox, and a thread that waits for libusb. Measured: 4, of ticks of 10 ms.
    const MOST: f64 = 10.0;
    let mut costs = Vec::new();
    for which in subjects() {
        let stand = Stand::new(which, "pollinterval = 1\n  pollfreq = 1\n");
        stand.await_status("OL CHRG");
        std::thread::sleep(Duration::from_secs(2));
        let pid = match which {
            Which::Husk => stand.server.pid(),
            Which::Incumbent => driver_pid(),
        };
        let before = (process::cpu(pid), stand.ups.tell(|ups| ups.given));
        std::thread::sleep(SPAN);
        let used = process::cpu(pid) - before.0;
        let reports = stand.ups.tell(|ups| ups.given) - before.1;
        let each = used.as_secs_f64() * 1e6 / reports.max(1) as f64;
        println!("{which:?}: {used:?} for {reports} reports in {SPAN:?}, {each:.0} us each");
        costs.push(each);
    }
    if let [ours, theirs] = costs[..] {
        let ratio = ours / theirs.max(1.0);
        println!("a report costs {ratio:.2} times what the incumbent's costs");
        assert!(ratio < MOST, "{ratio}");
    }
}

fn driver_pid() -> u32 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut paths = processes.map(|entry| entry.path());
    let is_it = |path: &PathBuf| {
        let name = std::fs::read_to_string(path.join("comm"));
        name.is_ok_and(|name| name.trim() == "usbhid-ups")
    };
    let path = paths.find(is_it).unwrap();
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}
