//! The list of supported hardware as a document, and how much of the incumbent's list it stands for.
//!
//! The counts are facts about NUT 2.8.5's list of compatible hardware (1462 rows): how many rows name which driver first. A row
//! counts as served when a plugin answers to that name. It refuses to call that tested: beside each count stands how many
//! models are known here by a recording.

use husk_driver::{Driver, Evidence, Hardware};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A plugin as the list needs it.
pub(crate) struct Plugin {
    name: &'static str,
    aliases: &'static [&'static str],
    connection: &'static str,
    hardware: &'static [Hardware],
}

/// A plugin that ships. `connection` is what `husk devices` calls its transport.
pub(crate) const fn plugin<D: Driver>(connection: &'static str) -> Plugin {
    Plugin {
        name: D::ABOUT.name,
        aliases: D::ABOUT.aliases,
        connection,
        hardware: D::HARDWARE,
    }
}

/// Every plugin that ships; a new one gets its line here and in `plugins::BUNDLED`.
pub(crate) const PLUGINS: &[Plugin] = &[
    plugin::<husk_plugin_usbhid::UsbHid>("usb"),
    plugin::<husk_plugin_mge_shut::MgeShut>("serial"),
    plugin::<husk_plugin_megatec::Megatec>("serial"),
    plugin::<husk_plugin_megatec_usb::MegatecUsb>("usb"),
    plugin::<husk_plugin_apc_smart::ApcSmart>("serial"),
    plugin::<husk_plugin_contact::Contact>("serial"),
    plugin::<husk_plugin_snmp::SnmpUps>("snmp"),
    plugin::<husk_plugin_apcupsd::Apcupsd>("stream"),
    plugin::<husk_plugin_powerman::Powerman>("stream"),
    plugin::<husk_plugin_dummy::Dummy>("files"),
];

/// Drivers of the incumbent and the rows of its list that name them first; those with none are left out.
#[rustfmt::skip]
const ROWS: &[(&str, u32)] = &[
    ("usbhid-ups", 337), ("blazer_ser", 165), ("blazer_usb", 127), ("nutdrv_qx", 120), ("nhs_ser", 109), ("mge-shut", 80),
    ("snmp-ups", 66), ("metasys", 64), ("genericups", 47), ("nutdrv_hashx", 31), ("riello_ser", 25), ("powerpanel", 21),
    ("ragtech", 20), ("riello_usb", 20), ("powerman-pdu", 19), ("bcmxcp", 17), ("oneac", 17), ("gamatronic", 14),
    ("upscode2", 14), ("microdowell", 12), ("tripplite_usb", 12), ("netxml-ups", 11), ("mge-utalk", 11), ("powercom", 10),
    ("safenet", 9), ("bcmxcp_usb", 7), ("solis", 6), ("apc_modbus", 6), ("apcsmart", 5), ("richcomm_usb", 5),
    ("bicker_ser", 4), ("nutdrv_atcl_usb", 4), ("rhino", 4), ("optiups", 4), ("belkin", 3), ("belkinunv", 3),
    ("everups", 2), ("dummy-ups", 2), ("pijuice", 2), ("powervar_cx_usb", 2), ("nutdrv_siemens-sitop", 2), ("tripplitesu", 2),
    ("apcmicrolink", 1), ("apcupsd-ups", 1), ("asem", 1), ("bestfortress", 1), ("bestuferrups", 1), ("bestfcom", 1),
    ("etapro", 1), ("huawei-ups2000", 1), ("ivtscd", 1), ("liebert", 1), ("liebert-gxe", 1), ("liebert-esp2", 1),
    ("masterguard", 1), ("meanwell_ntu", 1), ("must_ep2000pro", 1), ("phoenixcontact_modbus", 1), ("powervar_cx_ser", 1),
    ("isbmex", 1), ("hwmon_ina219", 1), ("tripplite", 1), ("victronups", 1),
];

const HEAD: &str = "\
# Supported hardware

Made by `cargo xtask generate` from the plugins' own tables; `husk devices` prints the same. *Support*: all that is known of the
device (full), a part of it, or the status only. *Known by*: a **recording** of such a device that is replayed in the tests; a
**document**, which is its protocol's or what another driver has published for it; or **untested**, being like one that is known.
A device that is not listed may still work: `husk scan` asks it.

";

/// The whole document.
pub(crate) fn document() -> String {
    let mut text = HEAD.to_owned();
    text.push_str(&coverage(PLUGINS));
    text.push_str("\n## Devices\n\n| maker | model | driver | connection | | support | known by |\n|--|--|--|--|--|--|--|\n");
    let mut lines: Vec<(String, String)> = PLUGINS.iter().flat_map(lines).collect();
    lines.sort();
    for (_, line) in lines {
        // Writing into a String does not fail, here and below.
        let _ = writeln!(text, "{line}");
    }
    text
}

/// One line per row of a plugin, each behind what it is sorted by.
fn lines(plugin: &Plugin) -> impl Iterator<Item = (String, String)> {
    plugin.hardware.iter().map(|row| {
        let models = row.models.join(", ");
        let key = format!("{}\t{}\t{}", row.maker, models, plugin.name).to_lowercase();
        let line = format!(
            "| {} | {models} | {} | {} | {} | {} | {} |",
            row.maker,
            plugin.name,
            plugin.connection,
            row.hint,
            row.support.word(),
            row.evidence.word()
        );
        (key, line)
    })
}

/// How many rows of the incumbent's list name a driver that is served, plugin by plugin.
fn coverage(plugins: &[Plugin]) -> String {
    let all: u32 = ROWS.iter().map(|(_, rows)| rows).sum();
    let mut text = String::from(
        "## Of the incumbent's list\n\nRows of NUT 2.8.5's list of compatible hardware that name a driver to which a plugin answers, by that driver. The \
         list does not say\nwhether a row of `nutdrv_qx` is on a serial line or on USB. An entry is a model, or all that have some ids.\n\n\
         | plugin | rows of the list | entries below | of them recorded |\n|--|--|--|--|\n",
    );
    let (mut served, mut models, mut recorded) = (0, 0, 0);
    let mut counted = BTreeSet::new();
    for plugin in plugins {
        let names = std::iter::once(&plugin.name).chain(plugin.aliases);
        let mut rows = 0;
        let mut parts = Vec::new();
        for name in names {
            let row = ROWS.iter().find(|(known, _)| known == name);
            if let Some((name, count)) = row.filter(|(name, _)| counted.insert(*name)) {
                rows += count;
                parts.push(format!("{name} {count}"));
            }
        }
        let listed = count(plugin, |_| true);
        let known = count(plugin, |row| row.evidence == Evidence::Recording);
        let parts = match parts.len() {
            0 | 1 => String::new(),
            _ => format!(" ({})", parts.join(", ")),
        };
        let _ = writeln!(
            text,
            "| {} | {rows}{parts} | {listed} | {known} |",
            plugin.name
        );
        served += rows;
        models += listed;
        recorded += known;
    }
    let tenths = served * 1000 / all;
    let _ = writeln!(
        text,
        "| **all** | **{served} of {all}, {}.{} %** | **{models}** | **{recorded}** |",
        tenths / 10,
        tenths % 10
    );
    text
}

fn count(plugin: &Plugin, which: impl Fn(&Hardware) -> bool) -> usize {
    let rows = plugin.hardware.iter().filter(|row| which(row));
    rows.map(|row| row.models.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    static SOME: &[Hardware] = &[
        Hardware::recorded("Zed", &["A", "B"], ""),
        Hardware::untested("Zed", &["C"], "0001:0002"),
    ];

    const fn some(name: &'static str, aliases: &'static [&'static str]) -> Plugin {
        Plugin {
            name,
            aliases,
            connection: "usb",
            hardware: SOME,
        }
    }

    #[test]
    fn the_incumbents_list_is_whole() {
        let rows: u32 = ROWS.iter().map(|(_, rows)| rows).sum();
        assert_eq!((ROWS.len(), rows), (63, 1462));
    }

    #[test]
    fn a_driver_that_two_plugins_answer_to_is_counted_once() {
        let text = coverage(&[
            some("megatec", &["blazer_ser", "nutdrv_qx"]),
            some("megatec-usb", &["blazer_usb", "nutdrv_qx"]),
        ]);
        for line in [
            "| megatec | 285 (blazer_ser 165, nutdrv_qx 120) | 3 | 2 |",
            "| megatec-usb | 127 | 3 | 2 |",
            "| **all** | **412 of 1462, 28.1 %** | **6** | **4** |",
        ] {
            assert!(text.lines().any(|has| has == line), "{line}\n{text}");
        }
    }

    #[test]
    fn every_bundled_plugin_is_in_the_list() {
        assert_eq!(PLUGINS.len(), crate::plugins::BUNDLED.len());
        for plugin in PLUGINS {
            assert!(
                !plugin.hardware.is_empty(),
                "{} lists no device",
                plugin.name
            );
        }
    }
}
