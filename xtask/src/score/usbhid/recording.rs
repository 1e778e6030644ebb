//! A recorded USB device: report descriptor, reports, ids.

use anyhow::Context as _;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// What is known of one device.
pub(super) struct Recording {
    /// The name of its folder.
    pub(super) name: String,
    /// idVendor.
    pub(super) vendor: u16,
    /// idProduct.
    pub(super) product: u16,
    /// Its report descriptor.
    pub(super) descriptor: Vec<u8>,
    /// What GET_REPORT reads, id byte first; the first of each id.
    pub(super) reports: Vec<Vec<u8>>,
    /// What the incumbent printed for each object.
    pub(super) objects: Vec<Value>,
}

impl Recording {
    /// Every recording in `directory`, sorted by name.
    pub(super) fn all(directory: &Path) -> anyhow::Result<Vec<Self>> {
        let entries = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut folders: Vec<PathBuf> = entries
            .filter(|path| path.join("descriptor.hex").is_file())
            .collect();
        folders.sort();
        let read =
            |folder: PathBuf| Self::read(&folder).with_context(|| folder.display().to_string());
        folders.into_iter().map(read).collect()
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        let recorded = json(&folder.join("reports.json"))?;
        let mut reports: Vec<Vec<u8>> = Vec::new();
        for report in recorded
            .get("reports")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let content = report.get("bytes").and_then(Value::as_str).and_then(bytes);
            let content = content.context("a report without bytes")?;
            if !reports.iter().any(|known| known.first() == content.first()) {
                reports.push(content);
            }
        }
        let id = |name| {
            let digits = recorded.pointer(name).and_then(Value::as_str)?;
            u16::from_str_radix(digits, 16).ok()
        };
        let expected = json(&folder.join("expected.json"))?;
        let objects = expected.get("objects").and_then(Value::as_array);
        Ok(Self {
            name: folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            vendor: id("/usb/vendor").context("no vendor id")?,
            product: id("/usb/product").context("no product id")?,
            descriptor: bytes(&fs::read_to_string(folder.join("descriptor.hex"))?)
                .context("descriptor.hex holds no bytes")?,
            reports,
            objects: objects.cloned().unwrap_or_default(),
        })
    }

    /// The report of an id.
    pub(super) fn report(&self, id: u8) -> Option<&[u8]> {
        self.reports
            .iter()
            .find(|report| report.first() == Some(&id))
            .map(Vec::as_slice)
    }
}

/// Reads a file of JSON.
pub(super) fn json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_slice(&text)?)
}

/// Reads hexadecimal digits, blanks and line ends between them.
pub(super) fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits: Vec<_> = hexadecimal
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match *pair {
        [high, low] => u8::try_from(high << 4 | low).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_bytes() {
        assert_eq!(bytes("05 84\n0a"), Some(vec![0x05, 0x84, 0x0a]));
        assert_eq!(bytes(""), Some(Vec::new()));
        assert_eq!((bytes("0"), bytes("0g")), (None, None));
    }
}
