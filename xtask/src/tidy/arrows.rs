//! Which crate may use which: the picture in ARCHITECTURE.md as a table.

use super::Complaints;
use serde_json::Value;

/// A crate, the crates of ours it may use, and whether it may use crates of others at run time.
struct Rule {
    name: &'static str,
    uses: &'static [&'static str],
    others: bool,
}

const RULES: &[Rule] = &[
    Rule {
        name: "husk-names",
        uses: &[],
        others: false,
    },
    Rule {
        name: "husk-wire",
        uses: &[],
        others: false,
    },
    // wit-bindgen, and only for guests.
    Rule {
        name: "husk-driver",
        uses: &["husk-names", "husk-wire"],
        others: true,
    },
    Rule {
        name: "husk-plugin-dummy",
        uses: &["husk-driver", "husk-names", "husk-wire"],
        others: false,
    },
    Rule {
        name: "husk-plugin-megatec",
        uses: &["husk-driver", "husk-names", "husk-wire"],
        others: false,
    },
    Rule {
        name: "husk-plugin-megatec-usb",
        uses: &["husk-driver", "husk-names", "husk-wire"],
        others: false,
    },
    Rule {
        name: "husk-plugin-mge-shut",
        uses: &["husk-driver", "husk-names"],
        others: false,
    },
    Rule {
        name: "husk-plugin-contact",
        uses: &["husk-driver"],
        others: false,
    },
    Rule {
        name: "husk-plugin-apc-smart",
        uses: &["husk-driver", "husk-names", "husk-wire"],
        others: false,
    },
    Rule {
        name: "husk-plugin-snmp",
        uses: &["husk-driver", "husk-names"],
        others: false,
    },
    Rule {
        name: "husk-plugin-usbhid",
        uses: &["husk-driver", "husk-names"],
        others: false,
    },
    Rule {
        name: "husk-plugin-apcupsd",
        uses: &["husk-driver"],
        others: false,
    },
    Rule {
        name: "husk-plugin-powerman",
        uses: &["husk-driver"],
        others: false,
    },
    Rule {
        name: "husk-hostile",
        uses: &["husk-driver", "husk-names", "husk-wire"],
        others: true,
    },
    Rule {
        name: "husk-hostile-usb",
        uses: &["husk-driver", "husk-names", "husk-wire"],
        others: true,
    },
    Rule {
        name: "husk-core",
        uses: &["husk-names", "husk-wire"],
        others: false,
    },
    Rule {
        name: "husk-ports",
        uses: &["husk-wire"],
        others: true,
    },
    Rule {
        name: "husk-engine",
        uses: &["husk-core", "husk-ports"],
        others: true,
    },
    Rule {
        name: "husk-tls",
        uses: &[],
        others: true,
    },
    Rule {
        name: "husk-daemon",
        uses: &[],
        others: true,
    },
    Rule {
        name: "husk-server",
        uses: &[
            "husk-core",
            "husk-daemon",
            "husk-engine",
            "husk-names",
            "husk-ports",
            "husk-tls",
        ],
        others: true,
    },
    Rule {
        name: "husk-monitor",
        uses: &["husk-core", "husk-daemon", "husk-tls"],
        others: true,
    },
    Rule {
        name: "husk",
        uses: &[
            "husk-core",
            "husk-daemon",
            "husk-engine",
            "husk-monitor",
            "husk-names",
            "husk-ports",
            "husk-server",
            "husk-tls",
            "husk-wire",
        ],
        others: true,
    },
    Rule {
        name: "husk-tests",
        uses: &[],
        others: true,
    },
    // Like husk-tests no part of the product, but made of its decisions.
    Rule {
        name: "husk-model",
        uses: &["husk-core"],
        others: false,
    },
    Rule {
        name: "xtask",
        uses: &[
            "husk-core",
            "husk-driver",
            "husk-plugin-apc-smart",
            "husk-plugin-apcupsd",
            "husk-plugin-contact",
            "husk-plugin-dummy",
            "husk-plugin-megatec",
            "husk-plugin-megatec-usb",
            "husk-plugin-mge-shut",
            "husk-plugin-powerman",
            "husk-plugin-snmp",
            "husk-plugin-usbhid",
            "husk-tests",
            "husk-wire",
        ],
        others: true,
    },
];

/// The crates that run or read components; one crate of ours may name them.
const RUNTIME: &[&str] = &["wasmtime", "wasmparser", "cranelift"];

/// Checks what `cargo metadata` says.
pub(super) fn check(metadata: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for package in array(metadata, "packages") {
        let name = text(package, "name");
        let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
            complaints.push(format!(
                "{name}: no rule says what it may use; xtask/src/tidy/arrows.rs has the table"
            ));
            continue;
        };
        for dependency in array(package, "dependencies") {
            let used = text(dependency, "name");
            let kind = text(dependency, "kind");
            let ours = dependency.get("path").is_some_and(Value::is_string);
            if RUNTIME.iter().any(|part| used.starts_with(part)) && name != "husk-engine" {
                complaints.push(format!("{name} uses {used}: only husk-engine may"));
            }
            // Tests and build scripts may use others' crates anywhere, ours only along the arrows.
            if kind == "dev" || (kind == "build" && !ours) {
                continue;
            }
            if ours && !rule.uses.contains(&used) {
                complaints.push(format!(
                    "{name} uses {used}: there is no such arrow in ARCHITECTURE.md"
                ));
            }
            if !ours && !rule.others {
                complaints.push(format!(
                    "{name} uses {used}: it takes no crates of others at run time"
                ));
            }
        }
    }
    complaints
}

/// Parts of the compiler; other crates of Cranelift's hold types that the runtime shares.
const COMPILER: &[&str] = &["cranelift-codegen", "cranelift-frontend"];

/// Checks what `cargo tree` says about the daemon.
pub(super) fn no_compiler(tree: &str) -> Complaints {
    let compiler = |line: &&str| COMPILER.iter().any(|part| line.starts_with(part));
    match tree.lines().find(compiler) {
        Some(line) => vec![format!(
            "husk carries a compiler: {line}; it belongs into husk-compile alone"
        )],
        None => Complaints::new(),
    }
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaints(name: &str, used: &str, kind: Option<&str>, ours: bool) -> usize {
        let path = ours.then_some("somewhere");
        let dependency = json!({ "name": used, "kind": kind, "path": path });
        check(&json!({ "packages": [{ "name": name, "dependencies": [dependency] }] })).len()
    }

    #[test]
    fn arrows_against_the_picture_are_found() {
        assert_eq!(complaints("husk-core", "husk-names", None, true), 0);
        assert_eq!(complaints("husk-core", "husk-ports", None, true), 1);
        assert_eq!(complaints("husk-wire", "serde", None, false), 1);
        assert_eq!(complaints("husk-wire", "serde", Some("dev"), false), 0);
        assert_eq!(complaints("husk-server", "wasmtime", None, false), 1);
        assert_eq!(complaints("husk-engine", "wasmtime", None, false), 0);
        assert_eq!(complaints("husk-stranger", "serde", None, false), 1);
    }

    #[test]
    fn a_compiler_in_the_daemon_is_found() {
        assert!(
            no_compiler("husk v0.1.0\nwasmtime v48.0.8\ncranelift-bitset v0.135.8\n").is_empty()
        );
        assert_eq!(
            no_compiler("husk v0.1.0\ncranelift-codegen v0.135.8\n").len(),
            1
        );
    }
}
