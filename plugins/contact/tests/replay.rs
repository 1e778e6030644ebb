//! Every trace beside this crate, replayed.
#![allow(clippy::unwrap_used, clippy::panic)]

use husk_driver::replay;
use husk_plugin_contact::Contact;
use std::fs;
use std::path::Path;

#[test]
fn every_trace_is_played_as_it_was_recorded() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut played = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        played += 1;
        if let Err(mismatch) = replay::<Contact>(&fs::read_to_string(&path).unwrap()) {
            panic!("{}: {mismatch}", path.display());
        }
    }
    assert!(played >= 6, "only {played} traces");
}
