//! `husk devices`: the hardware that the bundled plugins say they are for, asked without a server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use husk_tests::rig::Scratch;
use husk_tests::tool::{Outcome, Tools, run};
use serde_json::Value;
use std::collections::BTreeSet;

/// A subcommand with a configuration directory that is empty.
fn husk(command: &str, words: &[&str]) -> Outcome {
    let dir = Scratch::new("devices").unwrap();
    let config = format!("--config={}", dir.path().display());
    let words: Vec<&str> = words.iter().copied().chain([config.as_str()]).collect();
    run(Tools::Husk, command, &words).unwrap()
}

fn devices(words: &[&str]) -> Outcome {
    husk("devices", words)
}

#[test]
fn every_bundled_plugin_lists_its_devices() {
    let told = devices(&["--json"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let rows: Value = serde_json::from_str(&told.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    let drivers: BTreeSet<&str> = rows
        .iter()
        .map(|row| row["driver"].as_str().unwrap())
        .collect();
    let plugins = husk("plugin", &["list"]).stdout;
    let bundled: BTreeSet<&str> = plugins
        .lines()
        .filter(|line| line.ends_with("bundled"))
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert!(bundled.len() >= 5, "{plugins}");
    assert_eq!(drivers, bundled);
    for row in rows {
        let evidence = row["evidence"].as_str().unwrap();
        assert!(
            ["recording", "document", "untested"].contains(&evidence),
            "{row}"
        );
        assert!(!row["maker"].as_str().unwrap().is_empty(), "{row}");
        assert!(!row["model"].as_str().unwrap().is_empty(), "{row}");
    }
}

#[test]
fn a_filter_finds_the_setting_a_device_needs() {
    let told = devices(&["POWER99"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert_eq!(
        told.stdout.split_whitespace().collect::<Vec<_>>().join(" "),
        "CyberPower Power99 genericups serial status only document upstype = 7"
    );
    assert!(
        told.stderr.contains("1 devices of 1 makers"),
        "{}",
        told.stderr
    );
    let none = devices(&["power99", "usb"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""));
    assert_eq!(devices(&["--what"]).code, Some(2));
}
