//! Runs the fuzz targets of `tests/fuzz`, each for a bounded time and one after the other.
//!
//! They need nightly and cargo-fuzz, which nothing else here does, so they are no part of `test` and `ci`. What a target
//! finds it leaves in `tests/fuzz/artifacts`; what it learned, in `tests/fuzz/corpus`. Neither is committed.

use crate::layout;
use crate::steps::Steps;
use anyhow::{Context as _, ensure};
use lexopt::{Arg, Parser, ValueExt as _};
use std::process::Command;

pub(crate) const HELP: &str = "
usage: cargo xtask fuzz [--seconds N] [TARGET]...

Throws made-up bytes at what reads bytes from strangers: session, lexer, client, conf, trace,
driver, hid, snmp; all of them unless some are named, each for 60 seconds unless told otherwise. Needs
`rustup toolchain install nightly` and `cargo install cargo-fuzz`.
";

const TARGETS: &[&str] = &[
    "session", "lexer", "client", "conf", "trace", "driver", "hid", "snmp",
];
/// Bytes of one input; what is read from a socket at a time.
const LONGEST: &str = "-max_len=4096";

pub(crate) fn main(mut parser: Parser) -> anyhow::Result<()> {
    let mut seconds = 60_u32;
    let mut named = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("seconds") => seconds = parser.value()?.parse()?,
            Arg::Value(target) => {
                let known = TARGETS.iter().find(|known| **known == target);
                named.push(*known.with_context(|| format!("the targets are {TARGETS:?}"))?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(seconds > 0, "0 seconds would be for ever");
    let targets = if named.is_empty() { TARGETS } else { &named };
    let mut steps = Steps::default();
    let outcome = targets
        .iter()
        .try_for_each(|target| steps.command(&format!("fuzz {target}"), fuzz(target, seconds)));
    steps.finish().and(outcome)
}

fn fuzz(target: &str, seconds: u32) -> Command {
    // Not the cargo that runs this chore: it is the one of rust-toolchain.toml.
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(layout::root())
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(["+nightly", "fuzz", "run", "--fuzz-dir", "tests/fuzz"])
        .arg("--target-dir")
        .arg(layout::target().join("fuzz"))
        .args([target, "--", LONGEST])
        .arg(format!("-max_total_time={seconds}"));
    cargo
}
