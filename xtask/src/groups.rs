//! Which packages may share a cargo invocation. Features unify within one: the SDK's transports must not meet, and the
//! compiler must not reach the daemon.

use crate::layout;
use std::process::Command;

/// Packages that may be built together.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    packages: &'static [&'static str],
    features: &'static [&'static str],
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
    },
    Group {
        name: "model",
        packages: &["husk-model"],
        features: &[],
    },
    Group {
        name: "sdk",
        packages: &["husk-driver"],
        features: &[],
    },
    Group {
        name: "dummy",
        packages: &["husk-plugin-dummy"],
        features: &[],
    },
    Group {
        name: "megatec",
        packages: &["husk-plugin-megatec"],
        features: &[],
    },
    Group {
        name: "usbhid",
        packages: &["husk-plugin-usbhid"],
        features: &[],
    },
    Group {
        name: "mge-shut",
        packages: &["husk-plugin-mge-shut"],
        features: &[],
    },
    Group {
        name: "snmp",
        packages: &["husk-plugin-snmp"],
        features: &[],
    },
    Group {
        name: "hostile",
        packages: &["husk-hostile"],
        features: &[],
    },
    Group {
        name: "daemon",
        packages: &["husk-engine", "husk-server", "husk"],
        features: &[],
    },
    Group {
        name: "chores",
        packages: &["xtask"],
        features: &[],
    },
];

/// The compile helper: the engine once more, with its compiler.
pub(crate) const HELPER: Group = Group {
    name: "helper",
    packages: &["husk-engine"],
    features: &["compiler"],
};

/// Programs against simulated devices and real peers.
pub(crate) const WHOLE: Group = Group {
    name: "whole programs",
    packages: &["husk-tests"],
    features: &[],
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
