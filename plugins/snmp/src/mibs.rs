//! The files of `mibs/` as `build.rs` squeezes them, and the order in which agents are tried for them.

use husk_driver::Oid;

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!(env!("OUT_DIR"), "/", $name, ".mib")))),*]
    };
}

/// Every file with `agent` lines, in the order of the tests: those of one maker before those of many, and the standard
/// MIB, which cards of all makers answer beside their own, at the end.
#[rustfmt::skip]
static FILES: &[(&str, &str)] = files!(
    "apc-ats" "apc-pdu" "apc-epdu" "apc-ups" "baytech" "baytech-rpc3nc" "bestpower" "compaq" "cyberpower" "delta"
    "eaton-ats16-nmc" "eaton-ats16-nm2" "eaton-ats30" "eaton-epdu" "eaton-nlogic" "eaton-pxg" "eaton-ups" "avocent-pdu"
    "aphel-revelation" "aphel-genesis2" "pulizzi" "hpe-epdu" "hpe-pdu3" "huawei" "mge" "netvision" "raritan-px"
    "raritan-px2" "vertiv" "xppc" "ietf"
);

/// Files that others include.
static PARTS: &[(&str, &str)] =
    files!("system" "lookups" "baytech-rpc" "eaton-sensors" "eaton-xups");

/// The file of the standard MIB (RFC 1628).
pub(crate) const STANDARD: &str = "ietf";

/// How one kind of agent is found and named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What `mibs =` calls it.
    pub(crate) name: &'static str,
    /// Its sysObjectID.
    pub(crate) known_by: Oid,
    /// The file of its table.
    pub(crate) file: &'static str,
}

/// Every entry in the order of the tests.
pub(crate) fn entries() -> impl Iterator<Item = Entry> {
    FILES.iter().flat_map(|(file, text)| {
        text.lines().filter_map(|line| {
            let (name, oid) = line.strip_prefix("agent ")?.split_once(' ')?;
            Some(Entry {
                name,
                known_by: oid.parse().ok()?,
                file,
            })
        })
    })
}

/// The text of a file.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    let mut files = FILES.iter().chain(PARTS);
    files
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::table::{By, Row, Source, Table};
    use std::collections::BTreeSet;

    /// Names of the incumbent's that its own record does not have.
#[rustfmt::skip]
    const UNRECORDED: &[&str] = &[
        "ambient.1.humidity.alarm.high", "ambient.1.humidity.alarm.low", "ambient.1.serial",
        "ambient.1.temperature.alarm.high", "ambient.1.temperature.alarm.low", "ambient.1.temperature.unit",
        "battery.runtime.elapsed", "device.firmware", "device.name", "device.revision", "device.version",
        "experimental.ups.type", "input.1.id", "input.2.id", "input.count", "outlet.1.current.nominal",
        "outlet.1.delay.reboot", "outlet.1.load", "outlet.frequency", "outlet.group.1.current.nominal",
        "outlet.group.1.load", "output.power.apparent", "output.voltage.high", "output.voltage.low", "ups.L1.load",
        "ups.L1.realpower", "ups.L2.load", "ups.L2.realpower", "ups.L3.load", "ups.L3.realpower", "ups.macaddr",
        "ups.temperature.high", "ups.temperature.low",
    ];

    #[test]
    fn every_file_is_read_and_every_name_and_lookup_is_known() {
        let mut unknown = BTreeSet::new();
        for (file, text) in FILES {
            let table = Table::load(file).unwrap_or_else(|bad| panic!("{bad:?}"));
            assert!(table.model().is_some(), "{file} names no model");
            let of_device = |row: &Row| matches!(&row.source, Source::Object(o) if o.of_device());
            let chained = table.rows.iter().any(of_device);
            let phased = table.rows.iter().any(|row| row.phases.is_some());
            assert!(
                !(chained && phased),
                "{file}: phases are counted for one device"
            );
            for row in &table.rows {
                let name = row.name.replace('*', "1");
                let known = husk_names::variable(&name).is_some() || name.ends_with(".alarm");
                if !known && !UNRECORDED.contains(&name.as_str()) {
                    unknown.insert(name.clone());
                }
                if let Some(lookup) = row.lookup {
                    assert!(table.lookup(lookup).is_some(), "{file}: {lookup} of {name}");
                }
                let instance =
                    matches!(&row.source, Source::Object(object) if object.of_instance());
                assert!(
                    !instance || row.name.contains('*') || row.name == "ups.alarm",
                    "{file}: {name}"
                );
                assert!(
                    row.name != "ups.status" || row.lookup.is_some(),
                    "{file}: status by words"
                );
                assert!(row.factor > 0.0, "{file}: {name}");
                let computed = matches!(row.by, By::Items | By::Present);
                assert!(
                    !row.writable || !computed,
                    "{file}: {name} cannot be written"
                );
            }
            for command in &table.commands {
                let name = command.name.replace('*', "1");
                assert!(husk_names::command(&name).is_some(), "{file}: {name}");
                assert!(!command.writes.is_empty(), "{file}: {name}");
            }
            let used = |lookup: &str| table.rows.iter().any(|row| row.lookup == Some(lookup));
            for line in text
                .lines()
                .filter_map(|line| line.strip_prefix("[lookup "))
            {
                assert!(
                    used(line.trim_end_matches(']')),
                    "{file}: {line} is not used"
                );
            }
        }
        assert_eq!(unknown, BTreeSet::new());
    }

    #[test]
    fn words_of_a_status_are_words_of_the_record() {
        for (file, _) in FILES {
            let table = Table::load(file).unwrap();
            let rows = table.rows.iter().filter(|row| row.name == "ups.status");
            for lookup in rows.filter_map(|row| table.lookup(row.lookup?)) {
                for word in lookup
                    .iter()
                    .flat_map(|(_, words)| words.split_whitespace())
                {
                    assert!(husk_names::status(word).is_some(), "{file}: {word}");
                }
            }
            for (_, word, _) in table.alarms.iter().flat_map(|alarms| &alarms.kinds) {
                assert!(
                    word.is_empty() || husk_names::status(word).is_some(),
                    "{file}: {word}"
                );
            }
        }
    }

    #[test]
    fn there_are_thirty_six_kinds_of_agents() {
        let entries: Vec<Entry> = entries().collect();
        assert_eq!(entries.len(), 36);
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), 33, "{names:?}");
        let text = FILES.iter().flat_map(|(_, text)| text.lines());
        assert_eq!(text.filter(|line| line.starts_with("agent ")).count(), 36);
        assert_eq!(entries.last().unwrap().name, STANDARD);
    }
}
