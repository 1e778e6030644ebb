//! What the list of devices calls recorded is among the recordings, which are not part of this repository: without them the
//! test says so and passes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use husk_driver::{Driver as _, Evidence};
use husk_plugin_usbhid::UsbHid;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A recording without reports is a descriptor, which says nothing about values.
#[test]
fn what_is_called_recorded_is_among_the_recordings() {
    let index =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/usbhid/INDEX.json");
    let Ok(index) = std::fs::read_to_string(index) else {
        eprintln!("SKIPPED: there are no recordings of USB devices here");
        return;
    };
    let index: Value = serde_json::from_str(&index).unwrap();
    let with_reports = index.as_array().unwrap().iter();
    let with_reports = with_reports.filter(|one| one["reports"].as_u64() > Some(0));
    let recorded: BTreeSet<String> = with_reports
        .map(|one| one["device"].as_str().unwrap()[..9].replace('-', ":"))
        .collect();
    let rows = UsbHid::HARDWARE.iter();
    let rows = rows.filter(|row| row.evidence == Evidence::Recording);
    let listed: BTreeSet<String> = rows.map(|row| row.hint.to_owned()).collect();
    assert!(listed.is_subset(&recorded), "{listed:?}");
    println!("{} ids of {} recordings", listed.len(), recorded.len());
}
