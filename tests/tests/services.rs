//! `upsdrvsvcctl resync`: the services of drivers become those of ups.conf. systemctl is played by a script that writes down
//! what it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use husk_tests::rig::Scratch;

const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >>"$NUT_CONFPATH/told"
if [ "$1" = list-units ]; then
  echo 'nut-driver@lab.service     loaded active running UPS lab'
  echo 'nut-driver@gone.service    loaded active running UPS gone'
  echo 'nut-driver@my\x2dups.service loaded failed failed UPS my-ups'
fi
"#;

fn scratch() -> Scratch {
    let dir = Scratch::new("services").unwrap();
    let conf =
        "[lab]\n  driver = dummy-ups\n  port = a\n[my-ups]\n  driver = dummy-ups\n  port = b\n";
    dir.write("ups.conf", conf).unwrap();
    let script = dir.write("systemctl", SYSTEMCTL).unwrap();
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o700)).unwrap();
    dir
}

fn upsdrvsvcctl(dir: &Scratch, words: &[&str]) -> Output {
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    Command::new(husk_tests::husk_binary())
        .arg("upsdrvsvcctl")
        .args(words)
        .env("PATH", path)
        .env("NUT_CONFPATH", dir.path())
        .env("NUT_STATEPATH", dir.path())
        .output()
        .unwrap()
}

fn told(dir: &Scratch) -> String {
    std::fs::read_to_string(dir.path().join("told")).unwrap_or_default()
}

const LIST: &str = "list-units --all --plain --no-legend nut-driver@*.service\n";
const ENABLE: &str = "enable nut-driver@lab.service nut-driver@my\\x2dups.service\n";
const DISABLE: &str = "disable --now nut-driver@gone.service\n";

#[test]
fn what_is_in_the_file_is_enabled_and_the_rest_goes() {
    let dir = scratch();
    let done = upsdrvsvcctl(&dir, &["resync"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(told(&dir), format!("{ENABLE}{LIST}{DISABLE}"));
}

#[test]
fn one_ups_leaves_the_others_alone() {
    let dir = scratch();
    let done = upsdrvsvcctl(&dir, &["resync", "lab"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(told(&dir), "enable nut-driver@lab.service\n");
}

#[test]
fn a_test_run_only_looks() {
    let dir = scratch();
    let done = upsdrvsvcctl(&dir, &["-t", "resync"]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        said.contains(&format!("systemctl {ENABLE}systemctl {DISABLE}")),
        "{said}"
    );
    assert_eq!(told(&dir), LIST);
}
