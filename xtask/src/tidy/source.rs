//! What may stand in a file.

use super::code::{code_of, has_unsafe, has_word};
use super::{Complaints, Tree};
use std::fs;
use std::path::PathBuf;

/// Lines; a longer file is two.
const LONGEST: usize = 600;

/// Paths of one machine, cut so that this file names none.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Crates that take bytes and time as arguments, and guests, where these exist but do not work.
const PURE: &[&str] = &["sdk/names/", "sdk/wire/", "host/core/", "plugins/"];
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::thread",
    "std::process",
    "std::env",
];

/// Where hand-written `unsafe` may be, in one file.
const UNSAFE: &str = "host/ports/src/";

/// Checks every text.
pub(super) fn check(tree: &Tree) -> Complaints {
    let registries = registry_hosts();
    let mut complaints = Complaints::new();
    let mut unsafe_files = Vec::new();
    for (path, text) in tree {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = foreign_word(line, &registries) {
                complaints.push(format!(
                    "{path}:{}: {word} does not belong into the tree",
                    number + 1
                ));
            }
        }
        if !path.ends_with(".rs") {
            continue;
        }
        if !text.starts_with("//!") {
            complaints.push(format!(
                "{path}: opens without `//!`: what is it for, and what does it refuse to do?"
            ));
        }
        if text.lines().count() > LONGEST {
            complaints.push(format!(
                "{path}: {} lines, {LONGEST} are the most",
                text.lines().count()
            ));
        }
        let code = code_of(text);
        if has_unsafe(&code) {
            unsafe_files.push(path.as_str());
        }
        if has_word(&code, "wasmtime") && !path.starts_with("host/engine/") {
            complaints.push(format!("{path}: names wasmtime; only host/engine may"));
        }
        if PURE.iter().any(|pure| path.starts_with(pure)) && path.contains("/src/") {
            let shipped = code.split("#[cfg(test)]").next().unwrap_or_default();
            let found = IMPURE.iter().filter(|impure| shipped.contains(**impure));
            complaints.extend(
                found.map(|impure| format!("{path}: {impure} in a crate without clock and I/O")),
            );
        }
    }
    if unsafe_files.len() > 1 || unsafe_files.iter().any(|path| !path.starts_with(UNSAFE)) {
        complaints.push(format!(
            "unsafe in {}: one file below {UNSAFE} may",
            unsafe_files.join(", ")
        ));
    }
    complaints
}

/// What in a line names one machine, one tracker or one registry mirror.
fn foreign_word(line: &str, registries: &[String]) -> Option<String> {
    let path = MACHINE_PATHS
        .iter()
        .find(|path| line.contains(**path))
        .map(|path| (*path).to_owned());
    let issue = || {
        let lower = line.to_ascii_lowercase();
        let (_, rest) = lower.split_once(concat!("iss", "ue "))?;
        let number = rest
            .trim_start_matches('#')
            .split(|character: char| !character.is_ascii_digit())
            .next()?;
        (!number.is_empty()).then(|| format!("the number of an {}", concat!("iss", "ue")))
    };
    let registry = || {
        registries
            .iter()
            .find(|host| line.contains(host.as_str()))
            .cloned()
    };
    path.or_else(issue).or_else(registry)
}

/// Hosts of registries that this machine's cargo is told to use instead of the public one.
fn registry_hosts() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let config = home
        .and_then(|home| fs::read_to_string(home.join("config.toml")).ok())
        .unwrap_or_default();
    hosts_in(&config)
}

fn hosts_in(config: &str) -> Vec<String> {
    let addresses = config
        .split(['"', '\''])
        .filter_map(|part| part.split_once("://"));
    let hosts =
        addresses.map(|(_, rest)| rest.split(['/', ':']).next().unwrap_or_default().to_owned());
    // The public ones may be named: Cargo.lock does.
    hosts
        .filter(|host| !host.is_empty() && host != "github.com" && !host.ends_with("crates.io"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> usize {
        check(&vec![(path.to_owned(), text.to_owned())]).len()
    }

    #[test]
    fn each_rule_can_be_broken() {
        let fine = "//! Says unsafe and wasmtime.\nconst TEXT: &str = \"unsafe \\\" wasmtime\"; // unsafe\n";
        assert_eq!(complaints("host/server/src/a.rs", fine), 0);
        assert_eq!(
            complaints("host/server/src/a.rs", "use std::fs;\n"),
            1,
            "no opening"
        );
        assert_eq!(
            complaints(
                "host/server/src/a.rs",
                &format!("//! x\n{}", "\n".repeat(600))
            ),
            1,
            "too long"
        );
        assert_eq!(
            complaints("host/server/src/a.rs", "//! x\nunsafe { f() }\n"),
            1,
            "unsafe elsewhere"
        );
        assert_eq!(
            complaints("host/ports/src/a.rs", "//! x\nunsafe { f() }\n"),
            0
        );
        assert_eq!(
            complaints("host/server/src/a.rs", "//! x\nuse wasmtime::Store;\n"),
            1,
            "wasmtime elsewhere"
        );
        assert_eq!(
            complaints("host/engine/src/a.rs", "//! x\nuse wasmtime::Store;\n"),
            0
        );
        assert_eq!(
            complaints("host/core/src/a.rs", "//! x\nlet now = Instant::now();\n"),
            1,
            "a clock"
        );
        assert_eq!(
            complaints(
                "host/core/src/a.rs",
                "//! x\n#[cfg(test)]\nlet now = Instant::now();\n"
            ),
            0
        );
        let twice = vec![
            (
                "host/ports/src/a.rs".to_owned(),
                "//! x\nunsafe impl Send for A {}\n".to_owned(),
            ),
            (
                "host/ports/src/b.rs".to_owned(),
                "//! x\nfn g(f: unsafe fn()) { unsafe { f() } }\n".to_owned(),
            ),
        ];
        assert_eq!(check(&twice).len(), 1, "unsafe in two files");
    }

    #[test]
    fn foreign_words_are_found() {
        let hosts = ["mirror.example".to_owned()];
        assert!(foreign_word("see the is\u{73}ue tracker", &hosts).is_none());
        assert!(foreign_word(concat!("fixes iss", "ue #12"), &hosts).is_some());
        assert!(foreign_word(concat!("in /ro", "ot/.cargo"), &hosts).is_some());
        assert!(foreign_word("from https://mirror.example/index", &hosts).is_some());
        let config = "[source.a]\nregistry = \"sparse+https://mirror.example:8080/index/\"\n[b]\nindex='https://github.com/x'";
        assert_eq!(hosts_in(config), ["mirror.example"]);
    }
}
