//! Recorded devices, for the tests of the whole driver: one folder a device with `descriptor.hex` and `reports.json`, and
//! beside them `oracle/` with what NUT's driver published for the same bytes. They are not part of this repository.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use husk_driver::{Driver, Error, FakeUsb, Settings, Usb, UsbIdentity};
use husk_plugin_usbhid::UsbHid;
use serde_json::Value;
use std::path::Path;

/// One device.
pub(crate) struct Recording {
    /// Ids, maker and model.
    pub(crate) name: String,
    /// It, with the reports as recorded.
    pub(crate) fake: FakeUsb,
    /// What NUT's driver made of it.
    pub(crate) oracle: Value,
    /// Who it is on the bus.
    pub(crate) identity: UsbIdentity,
    /// Its report descriptor and the reports.
    pub(crate) descriptor: Vec<u8>,
    pub(crate) reports: Vec<Vec<u8>>,
}

/// All there are.
pub(crate) fn recordings() -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/usbhid");
    if !folder.is_dir() {
        eprintln!("SKIPPED: there are no recordings of USB devices here");
        return Vec::new();
    }
    let mut names: Vec<String> = std::fs::read_dir(folder.join("oracle"))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".json").map(str::to_owned)
        })
        .collect();
    names.sort();
    eprintln!("{} recorded devices", names.len());
    names
        .into_iter()
        .map(|name| recording(&folder, name))
        .collect()
}

fn recording(folder: &Path, name: String) -> Recording {
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
    let oracle: Value = serde_json::from_str(&read(&format!("oracle/{name}.json"))).unwrap();
    let id = |at: usize| u16::from_str_radix(&name[at..at + 4], 16).unwrap();
    let strings = [1, 2, 3].map(|number| Some(format!("S{number}")));
    let [manufacturer, product, serial] = strings;
    let descriptor = bytes(&read(&format!("{name}/descriptor.hex")));
    let identity = UsbIdentity {
        vendor_id: id(0),
        product_id: id(5),
        release: 0x0100,
        manufacturer,
        product,
        serial,
        path: "1-1".into(),
        interface: 0,
    };
    let reports: Value = serde_json::from_str(&read(&format!("{name}/reports.json"))).unwrap();
    let reports = reports["reports"].as_array().unwrap().iter();
    let reports: Vec<_> = reports
        .map(|report| bytes(report["bytes"].as_str().unwrap()))
        .collect();
    let fake = device(&identity, &descriptor, &reports);
    Recording {
        name,
        fake,
        oracle,
        identity,
        descriptor,
        reports,
    }
}

/// A device of these parts, whose string of each number is S and the number.
pub(crate) fn device(identity: &UsbIdentity, descriptor: &[u8], reports: &[Vec<u8>]) -> FakeUsb {
    let fake = FakeUsb::new(identity.clone(), descriptor);
    for number in 1..=255 {
        fake.string(number, &format!("S{number}"));
    }
    for report in reports {
        fake.feature(report);
    }
    fake
}

/// The bytes of hexadecimal digits.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

/// Its driver.
pub(crate) fn open(recording: &Recording) -> Result<UsbHid, Error> {
    UsbHid::open(Usb::new(recording.fake.clone()), &Settings::default(), None)
}
