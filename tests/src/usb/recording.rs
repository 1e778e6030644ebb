//! A HID device as it was recorded: a directory with `descriptor.hex` and `reports.json`.
//!
//! Of a report that occurs twice the first counts. What was not recorded is made up and says so: string N reads "SN", the
//! release is 1.00.

use super::Identity;
use super::hid::Hid;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Reads a recording.
pub fn read(directory: &Path) -> io::Result<Hid> {
    let wrong = |what: &str| io::Error::other(format!("{}: no {what}", directory.display()));
    let text = fs::read_to_string(directory.join("descriptor.hex"))?;
    let text: String = text.split_whitespace().collect();
    let descriptor = bytes(&text).ok_or_else(|| wrong("hexadecimal descriptor"))?;
    let text = fs::read_to_string(directory.join("reports.json"))?;
    let json: Value = serde_json::from_str(&text)?;
    let id = |name| {
        let number = json.pointer(name).and_then(Value::as_str);
        number.and_then(|number| u16::from_str_radix(number, 16).ok())
    };
    let identity = Identity {
        vendor: id("/usb/vendor").ok_or_else(|| wrong("usb.vendor"))?,
        product: id("/usb/product").ok_or_else(|| wrong("usb.product"))?,
        release: 0x0100,
        strings: (1..=u8::MAX).map(|number| format!("S{number}")).collect(),
    };
    let mut reports = BTreeMap::new();
    let recorded = json.get("reports").and_then(Value::as_array);
    for report in recorded.into_iter().flatten() {
        let whole = report
            .get("bytes")
            .and_then(Value::as_str)
            .and_then(bytes)
            .ok_or_else(|| wrong("hexadecimal bytes of a report"))?;
        if let Some(id) = whole.first() {
            reports.entry(*id).or_insert(whole);
        }
    }
    Ok(Hid::new(identity, descriptor, reports))
}

/// Two digits a byte.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let pair = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    rest.is_empty()
        .then(|| pairs.iter().map(pair).collect())
        .flatten()
}
