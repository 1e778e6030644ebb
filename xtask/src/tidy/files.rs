//! What may be in the tree, and where.

use super::{Complaints, Tree};
use anyhow::Context as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The top of the tree; a tenth folder needs a decision, not a commit.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "certs",
    "clippy.toml",
    "conf",
    "deny.toml",
    "host",
    "plugins",
    "rust-toolchain.toml",
    "sdk",
    "tests",
    "wit",
    "xtask",
];

/// What opens a private key, cut so that this file holds none.
const KEY: &str = concat!("PRIVATE", " KEY-----");

/// In a released WIT folder: the digests of its files, as `sha256sum` prints them.
const FROZEN: &str = "FROZEN";

/// Checks names and places.
pub(super) fn check(tree: &Tree) -> Complaints {
    let mut complaints = Complaints::new();
    for (path, text) in tree {
        let top = path.split('/').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        if !TOP.contains(&top) {
            complaints.push(format!(
                "{path}: {top} is not one of the names at the top of the tree"
            ));
        }
        if name.ends_with(".wasm") || name.ends_with(".cwasm") || text.starts_with("\0asm") {
            complaints.push(format!("{path}: components are built, not committed"));
        }
        if text.contains(KEY) && !(name.starts_with("unsafe.") && top == "certs") {
            complaints.push(format!(
                "{path}: a private key; only certs/unsafe.* may hold one, for tests"
            ));
        }
    }
    complaints
}

/// Checks that released WIT is what was released: no file changed, added or lost.
pub(super) fn frozen(root: &Path) -> anyhow::Result<Complaints> {
    let mut complaints = Complaints::new();
    for folder in fs::read_dir(root.join("wit"))? {
        let folder = folder?.path();
        let Ok(digests) = fs::read_to_string(folder.join(FROZEN)) else {
            continue;
        };
        let place = folder.display();
        for file in fs::read_dir(&folder)? {
            let file = file?.file_name().to_string_lossy().into_owned();
            let listed = digests
                .lines()
                .any(|line| line.split_whitespace().nth(1) == Some(&file));
            if file != FROZEN && !listed {
                complaints.push(format!(
                    "{place}/{file}: added to a released contract; a new version gets a folder"
                ));
            }
        }
        let mut sums = Command::new("sha256sum");
        sums.current_dir(&folder)
            .args(["--check", "--strict", "--status", FROZEN])
            .stderr(Stdio::null());
        if !sums.status().context("cannot run sha256sum")?.success() {
            complaints.push(format!(
                "{place}: a released contract never changes; a new version gets a folder"
            ));
        }
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;
    use husk_tests::rig::Scratch;

    fn complaints(path: &str, text: &str) -> usize {
        check(&vec![(path.to_owned(), text.to_owned())]).len()
    }

    #[test]
    fn strays_are_found() {
        assert_eq!(complaints("host/core/src/lib.rs", "//! Core."), 0);
        assert_eq!(complaints("scripts/run.sh", ""), 1);
        assert_eq!(complaints("tests/guest.wasm", ""), 1);
        assert_eq!(complaints("tests/guest", "\0asm\u{d}"), 1);
        assert_eq!(complaints("certs/server.pem", KEY), 1);
        assert_eq!(complaints("tests/unsafe.key", KEY), 1);
        assert_eq!(complaints("certs/unsafe.server.pem", KEY), 0);
    }

    #[test]
    fn a_change_of_released_wit_is_found() {
        let scratch = Scratch::new("frozen").unwrap();
        let folder = scratch.path().join("wit/v0.1");
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("a.wit", "released\n");
        assert!(
            frozen(scratch.path()).unwrap().is_empty(),
            "nothing is frozen yet"
        );
        let sums = Command::new("sha256sum")
            .current_dir(&folder)
            .arg("a.wit")
            .output()
            .unwrap();
        fs::write(folder.join(FROZEN), sums.stdout).unwrap();
        assert!(frozen(scratch.path()).unwrap().is_empty());
        write("b.wit", "one more\n");
        assert_eq!(frozen(scratch.path()).unwrap().len(), 1);
        write("a.wit", "changed\n");
        assert_eq!(frozen(scratch.path()).unwrap().len(), 2);
    }
}
