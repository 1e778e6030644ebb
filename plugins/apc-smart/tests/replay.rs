//! Every trace beside this crate, replayed.
#![allow(clippy::unwrap_used, clippy::panic)]

use husk_driver::replay;
use husk_plugin_apc_smart::ApcSmart;
use std::fs;
use std::path::Path;

#[test]
fn every_trace_is_played_as_it_was_recorded() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut played = 0;
    let mut failures = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "trace")
        {
            continue;
        }
        played += 1;
        if let Err(mismatch) = replay::<ApcSmart>(&fs::read_to_string(&path).unwrap()) {
            failures.push(format!("{}: {mismatch}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(played >= 45, "only {played} traces");
}
