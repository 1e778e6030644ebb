//! Where a field is: the usages of the collections around it and its own, `UPS.PowerSummary.RemainingCapacity`.
//!
//! Names are read without regard to case and written as the tables have them, an index as `[4]`, anything else as
//! eight hexadecimal digits, `ff860060`. Refuses a word that is none of these, and thus a misspelt one.

use super::usage::{self, Usage};

/// Page 0x00ff stands for no page but for the number of a collection among its twins.
const INDEX: u32 = 0x00ff_0000;

/// A chain of usages, each page in the upper 16 bits and usage in the lower: collections first, the field's own last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Vec<u32>);

impl Path {
    /// The node of `[number]`, 0 to 127.
    #[must_use]
    pub const fn index(number: u8) -> u32 {
        INDEX | (number & 0x7f) as u32
    }

    /// Reads a path with dots between its nodes. The vendor's names come before the standard's, because vendors
    /// redefine some.
    #[must_use]
    pub fn parse(text: &str, vendor: &[Usage]) -> Option<Self> {
        text.split('.')
            .map(|word| node(word, vendor))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// The path as text; [`Path::parse`] reads it.
    #[must_use]
    pub fn name(&self, vendor: &[Usage]) -> String {
        let mut name = String::new();
        for node in &self.0 {
            if !name.is_empty() {
                name.push('.');
            }
            match vendor
                .iter()
                .chain(usage::ALL)
                .find(|known| known.code == *node)
            {
                Some(known) => name.push_str(known.name),
                None if node & !0x7f == INDEX => name.push_str(&format!("[{}]", node & 0x7f)),
                None => name.push_str(&format!("{node:08x}")),
            }
        }
        name
    }
}

fn node(word: &str, vendor: &[Usage]) -> Option<u32> {
    if let Some(number) = word.strip_prefix('[') {
        let number: u8 = number.strip_suffix(']')?.parse().ok()?;
        return (number <= 0x7f).then(|| Path::index(number));
    }
    let mut known = vendor.iter().chain(usage::ALL);
    if let Some(usage) = known.find(|usage| usage.name.eq_ignore_ascii_case(word)) {
        return Some(usage.code);
    }
    let hexadecimal = word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal
        .then(|| u32::from_str_radix(word, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const VENDOR: &[Usage] = &[
        Usage {
            name: "APCStatusFlag",
            code: 0xff86_0060,
        },
        Usage {
            name: "TLCharging",
            code: 0x0084_0044,
        },
    ];

    #[test]
    fn paths_are_read_and_written() {
        for (text, nodes) in [
            (
                "UPS.PowerSummary.RemainingCapacity",
                &[0x0084_0004, 0x0084_0024, 0x0085_0066][..],
            ),
            (
                "UPS.OutletSystem.Outlet.[2].Present",
                &[
                    0x0084_0004,
                    0x0084_0018,
                    0x0084_0020,
                    0x00ff_0002,
                    0x0084_0060,
                ],
            ),
            ("UPS.APCStatusFlag", &[0x0084_0004, 0xff86_0060]),
            ("UPS.00000000.ff000055", &[0x0084_0004, 0, 0xff00_0055]),
            ("UPS.TLCharging", &[0x0084_0004, 0x0084_0044]),
        ] {
            let path = Path::parse(text, VENDOR).unwrap();
            assert_eq!(path.0, nodes);
            assert_eq!(path.name(VENDOR), text);
        }
        let plain = Path::parse("UPS.ConfigActivePower", &[]).unwrap();
        assert_eq!(
            plain.name(VENDOR),
            "UPS.TLCharging",
            "the vendor's word comes first"
        );
        assert_eq!(
            Path::parse("ups.RUNTIMETOEMPTY", &[]),
            Path::parse("UPS.RunTimeToEmpty", &[])
        );
        assert_eq!(
            Path::parse("VoltageOutOfRange", &[]),
            Some(Path(vec![0x0084_0063]))
        );
    }

    #[test]
    fn a_misspelt_word_is_no_path() {
        for bad in [
            "",
            "UPS.",
            ".UPS",
            "UPS.Chrage",
            "[128]",
            "[-1]",
            "[2",
            "ff86006",
            "+f860060",
            "0xff8600",
            "UPS..Test",
        ] {
            assert_eq!(Path::parse(bad, VENDOR), None, "{bad}");
        }
    }
}
