//! Which packages may share a cargo invocation. Features unify within one: the SDK's transports must not meet, and the
//! compiler must not reach the daemon.

use crate::layout;
use std::process::Command;

/// Packages that may be built together.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    packages: &'static [&'static str],
    features: &'static [&'static str],
    /// Whether its tests want the components and programs built first.
    pub(crate) wants_programs: bool,
}

/// Every package of the workspace except those of whole-program tests, which need the programs built first.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "pure crates and ports",
        packages: &[
            "husk-names",
            "husk-wire",
            "husk-core",
            "husk-ports",
            "husk-tls",
            "husk-daemon",
            "husk-monitor",
        ],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "model",
        packages: &["husk-model"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "sdk",
        packages: &["husk-driver"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "dummy",
        packages: &["husk-plugin-dummy"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "megatec",
        packages: &["husk-plugin-megatec"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "megatec-usb",
        packages: &["husk-plugin-megatec-usb"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "usbhid",
        packages: &["husk-plugin-usbhid"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "mge-shut",
        packages: &["husk-plugin-mge-shut"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "contact",
        packages: &["husk-plugin-contact"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "apc-smart",
        packages: &["husk-plugin-apc-smart"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "apcupsd",
        packages: &["husk-plugin-apcupsd"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "powerman",
        packages: &["husk-plugin-powerman"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "snmp",
        packages: &["husk-plugin-snmp"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "hostile",
        packages: &["husk-hostile"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "hostile for USB",
        packages: &["husk-hostile-usb"],
        features: &[],
        wants_programs: false,
    },
    Group {
        name: "daemon",
        packages: &["husk-engine", "husk-server", "husk"],
        features: &[],
        wants_programs: true,
    },
    Group {
        name: "chores",
        packages: &["xtask"],
        features: &[],
        wants_programs: false,
    },
];

/// The compile helper: the engine once more, with its compiler.
pub(crate) const HELPER: Group = Group {
    name: "helper",
    packages: &["husk-engine"],
    features: &["compiler"],
    wants_programs: true,
};

/// Programs against simulated devices and real peers.
pub(crate) const WHOLE: Group = Group {
    name: "whole programs",
    packages: &["husk-tests"],
    features: &[],
    wants_programs: true,
};

impl Group {
    /// `cargo VERB` over the group.
    pub(crate) fn cargo(&self, verb: &[&str]) -> Command {
        let mut cargo = layout::cargo(verb);
        for package in self.packages {
            cargo.args(["-p", package]);
        }
        if !self.features.is_empty() {
            cargo.args(["--features", &self.features.join(",")]);
        }
        cargo
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_package_is_in_a_group() {
        let metadata = layout::cargo(&["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .unwrap();
        let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
        for package in metadata["packages"].as_array().unwrap() {
            let name = package["name"].as_str().unwrap();
            let groups = GROUPS.iter().chain([&WHOLE]);
            assert_eq!(
                groups
                    .filter(|group| group.packages.contains(&name))
                    .count(),
                1,
                "{name}"
            );
        }
    }
}
