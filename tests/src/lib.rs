//! What tests of whole programs need: simulated devices, servers to start and stop, clients to ask.
//!
//! Nothing here shares code with the product: a mistake in the protocol cannot hide in its own test.
//! It stays small and quick to build, because `cargo xtask demo` and `score` use it too.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

pub mod daemons;
pub mod netns;
pub mod nis;
pub mod process;
pub mod pty;
pub mod random;
pub mod rig;
pub mod sim;
pub mod tool;
pub mod upsmon;
pub mod usb;

/// The file that collects skipped tests, one line each; `cargo xtask test` names it and counts.
pub const SKIPS_FILE: &str = "HUSK_SKIPS_FILE";

/// The top of the checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The program under test: `HUSK_BIN`, or what `cargo xtask build` made.
pub fn husk_binary() -> PathBuf {
    env::var_os("HUSK_BIN").map_or_else(|| built("release/husk"), PathBuf::from)
}

/// A component by the name of its file, such as `husk_hostile`: below `HUSK_GUESTS`, or what
/// `cargo xtask plugins` made. It may be missing.
pub fn component(name: &str) -> PathBuf {
    let guests = env::var_os("HUSK_GUESTS").map(PathBuf::from);
    guests
        .unwrap_or_else(|| built("wasm32-unknown-unknown/plugin"))
        .join(name)
        .with_extension("wasm")
}

/// A built file: below `CARGO_TARGET_DIR` if it is there, else below the checkout's own `target`.
fn built(path: &str) -> PathBuf {
    let elsewhere = env::var_os("CARGO_TARGET_DIR").map(|target| root().join(target).join(path));
    elsewhere
        .filter(|file| file.exists())
        .unwrap_or_else(|| root().join("target").join(path))
}

/// Says that a test did not run, and why; the caller then returns. CI takes it for a failure.
pub fn skip(why: &str) {
    let line = format!("SKIPPED {why}\n");
    eprint!("{line}");
    let Some(path) = env::var_os(SKIPS_FILE) else {
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
        eprintln!("the skip could not be recorded: {error}");
    }
}
