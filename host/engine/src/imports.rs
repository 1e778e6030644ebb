//! What a component asks for, and whether that is known and granted. The import list is the whole list of a plugin's
//! powers: nothing outside the contract's package is ever linked, and an interface that was not granted is not in the
//! linker of that instance.

use std::fmt;

use crate::host::Transport;

/// The only package of interfaces there is.
const PACKAGE: &str = "ups:driver/";
/// The series of its versions that this host speaks: any patch of 0.1.
const SERIES: &str = "0.1.";

/// An interface of the contract that the host offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    /// Types and log, clock, sleep: for everyone.
    Common,
    /// Data of one port.
    Data(Transport),
    /// Modem-control lines, which can cut the power.
    ModemLines,
}

impl Interface {
    /// The interface an import names, if it is one of ours.
    pub(crate) fn of(import: &str) -> Option<Self> {
        let (name, version) = import.strip_prefix(PACKAGE)?.split_once('@')?;
        let patch = version.strip_prefix(SERIES)?;
        if patch.is_empty() || !patch.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(match name {
            "types" | "host" => Self::Common,
            "serial" => Self::Data(Transport::Serial),
            "files" => Self::Data(Transport::Files),
            "stream" => Self::Data(Transport::Stream),
            "usb" => Self::Data(Transport::Usb),
            "snmp" => Self::Data(Transport::Snmp),
            "modem-lines" => Self::ModemLines,
            _ => return None,
        })
    }
}

/// What one instance may use: the data of one kind of port, and perhaps its modem lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The kind of port it is handed.
    pub transport: Transport,
    /// May set and read the modem-control lines of a serial port.
    pub modem_lines: bool,
}

impl Grant {
    fn covers(self, import: &str) -> bool {
        match Interface::of(import) {
            Some(Interface::Common) => true,
            Some(Interface::Data(transport)) => transport == self.transport,
            Some(Interface::ModemLines) => self.modem_lines && self.transport == Transport::Serial,
            None => false,
        }
    }

    /// The imports that this grant does not cover.
    pub(crate) fn refuses(self, imports: &[String]) -> Vec<String> {
        imports
            .iter()
            .filter(|import| !self.covers(import))
            .cloned()
            .collect()
    }
}

/// The imports that no grant covers, because they are not of the contract.
pub fn unknown(imports: &[String]) -> Vec<String> {
    imports
        .iter()
        .filter(|import| Interface::of(import).is_none())
        .cloned()
        .collect()
}

/// A plugin that asks for more than it was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The plugin's name.
    pub plugin: String,
    /// Every import that was not granted.
    pub imports: Vec<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the plugin `{}` asks for what this device was not granted: {}",
            self.plugin,
            self.imports.join(", ")
        )?;
        let only_lines = self
            .imports
            .iter()
            .all(|import| Interface::of(import) == Some(Interface::ModemLines));
        if only_lines {
            f.write_str("; grant \"modem-lines\" to the device if you trust the plugin with lines that can cut the power")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: Grant = Grant {
        transport: Transport::Serial,
        modem_lines: false,
    };

    fn list(imports: &[&str]) -> Vec<String> {
        imports.iter().map(|&import| import.to_owned()).collect()
    }

    #[test]
    fn only_our_package_in_our_series_is_known() {
        let good = list(&["ups:driver/types@0.1.0", "ups:driver/serial@0.1.17"]);
        assert_eq!(unknown(&good), list(&[]));
        let bad = list(&[
            "wasi:cli/environment@0.2.0",
            "ups:driver/serial@0.2.0",
            "ups:driver/serial@0.1.0-rc.1",
            "ups:driver/serial@0.1.",
            "ups:driver/serial",
            "ups:driver/shell@0.1.0",
            "xups:driver/serial@0.1.0",
            "run",
        ]);
        assert_eq!(unknown(&bad), bad);
    }

    #[test]
    fn a_grant_covers_its_transport_only() {
        let wants = list(&[
            "ups:driver/host@0.1.0",
            "ups:driver/serial@0.1.0",
            "ups:driver/modem-lines@0.1.0",
            "ups:driver/files@0.1.0",
        ]);
        assert_eq!(
            SERIAL.refuses(&wants),
            list(&["ups:driver/modem-lines@0.1.0", "ups:driver/files@0.1.0"])
        );
        let with_lines = Grant {
            modem_lines: true,
            ..SERIAL
        };
        assert_eq!(
            with_lines.refuses(&wants),
            list(&["ups:driver/files@0.1.0"])
        );
    }

    #[test]
    fn modem_lines_mean_nothing_without_a_serial_port() {
        let grant = Grant {
            transport: Transport::Files,
            modem_lines: true,
        };
        let lines = list(&["ups:driver/modem-lines@0.1.0"]);
        assert_eq!(grant.refuses(&lines), lines);
    }

    #[test]
    fn the_refusal_names_everything_and_helps_with_lines() {
        let refused = Refused {
            plugin: "contact".into(),
            imports: list(&["ups:driver/modem-lines@0.1.0"]),
        };
        assert!(refused.to_string().contains("modem-lines@0.1.0; grant"));
    }
}
