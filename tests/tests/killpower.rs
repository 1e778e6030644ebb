//! The end of a shutdown, ours: POWERDOWNFLAG counts only for the boot that decided, `upsmon -K` and `husk killpower` agree
//! on it, the UPS is told even with the mains back, and the exit code says whether it accepted.
//!
//! Starting the machine again is a script here (`--reboot`); no test leaves that option out where it could come to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use husk_tests::rig::{Scratch, Server, Which, wait_until};
use husk_tests::sim::megatec::{Fault, Megatec, State};
use husk_tests::tool::{Outcome, Wire};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(20);
const MAGIC: &str = "upsmon-shutdown-file";

/// A configuration with one UPS and a script in the place of a reboot.
fn scratch(name: &str, ups_conf: &str) -> Scratch {
    let dir = Scratch::new(name).unwrap();
    let path = dir.path().display();
    let links = dir.path().join("drivers");
    fs::create_dir(&links).unwrap();
    for name in ["dummy-ups", "blazer_ser"] {
        let husk = fs::canonicalize(husk_tests::husk_binary()).unwrap();
        symlink(husk, links.join(name)).unwrap();
    }
    let conf = format!("driverpath = {path}/drivers\n{ups_conf}");
    dir.write("ups.conf", &conf).unwrap();
    dir.write("lab.dev", "ups.status: OL\n").unwrap();
    dir.write("upsd.conf", "").unwrap();
    dir.write("upsd.users", "").unwrap();
    let conf = format!(
        "MONITOR lab@localhost 1 mon sesame primary\nSHUTDOWNCMD true\nPOWERDOWNFLAG {path}/killpower\n"
    );
    dir.write("upsmon.conf", &conf).unwrap();
    let script = dir
        .write("reboot", "#!/bin/sh\necho again > \"$0.done\"\n")
        .unwrap();
    fs::set_permissions(script, fs::Permissions::from_mode(0o700)).unwrap();
    dir
}

const DUMMY: &str = "[lab]\n driver = dummy-ups\n port = lab.dev\n";

fn office(ups: &Megatec) -> String {
    let port = ups.path().display();
    format!("[lab]\n driver = blazer_ser\n port = {port}\n protocol = megatec\n")
}

fn husk(words: &[&str], dir: &Scratch, environment: &[(&str, &str)]) -> Outcome {
    let output = Command::new(husk_tests::husk_binary())
        .args(words)
        .envs(
            [
                "NUT_CONFPATH",
                "NUT_STATEPATH",
                "NUT_ALTPIDPATH",
                "NUT_PIDPATH",
            ]
            .map(|name| (name, dir.path())),
        )
        .env("NUT_QUIET_INIT_BANNER", "true")
        .env_remove("JOURNAL_STREAM")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Outcome {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

fn killpower(dir: &Scratch, environment: &[(&str, &str)]) -> Outcome {
    let script = dir.path().join("reboot").display().to_string();
    husk(&["killpower", "--reboot", &script], dir, environment)
}

fn was_started_again(dir: &Scratch) -> bool {
    dir.path().join("reboot.done").exists()
}

fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    id.trim().to_owned()
}

/// The armed file of a decision made `age` seconds ago.
fn armed(boot: &str, age: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let since = now.as_secs() - age;
    let until = since + 3600;
    format!(
        "husk-armed 1\nboot {boot}\nsince {since}\nuntil {until}\nsystem lab@localhost\nreason the battery was low\n"
    )
}

fn set_flag(dir: &Scratch, armed: Option<&str>) {
    dir.write("killpower", MAGIC).unwrap();
    if let Some(armed) = armed {
        dir.write("killpower.armed", armed).unwrap();
    }
}

/// Whether the UPS was told to cut the power.
fn was_cut(ups: &Megatec) -> bool {
    ups.heard().iter().any(|line| line.starts_with('S'))
}

#[test]
fn only_a_decision_of_this_boot_counts() {
    let fresh = armed(&boot(), 60);
    let other = armed("11111111-2222-3333-4444-555555555555", 60);
    let old = armed(&boot(), 7200);
    let torn = &fresh[..40];
    let rows: [(Option<&str>, Option<&str>, bool, &str); 8] = [
        (None, None, false, ""),
        (None, Some(&fresh), false, ""),
        (
            Some("a letter"),
            Some(&fresh),
            false,
            "does not contain the upsmon magic string",
        ),
        (Some(MAGIC), Some(&fresh), true, ""),
        (
            Some(MAGIC),
            Some(&other),
            false,
            "left over from an earlier boot",
        ),
        (Some(MAGIC), Some(&old), false, "is older than 3600 s"),
        (Some(MAGIC), Some(torn), false, "cannot be read"),
        (Some(MAGIC), None, true, "was not armed by this program"),
    ];
    for (flag, armed, counts, remark) in rows {
        let ups = Megatec::start(State::default()).unwrap();
        let dir = scratch("kp-rows", &office(&ups));
        for (name, text) in [("killpower", flag), ("killpower.armed", armed)] {
            if let Some(text) = text {
                dir.write(name, text).unwrap();
            }
        }
        let asked = husk(&["upsmon", "-K"], &dir, &[]);
        let said = format!("{}{}", asked.stdout, asked.stderr);
        let set = if counts {
            "Power down flag is set"
        } else {
            "Power down flag is not set"
        };
        assert!(said.contains(set) && said.contains(remark), "{asked:?}");
        assert_eq!(asked.code == Some(0), counts, "{asked:?}");

        let done = killpower(&dir, &[]);
        assert_eq!(done.code == Some(0), counts, "{done:?}");
        assert!(done.stderr.contains(remark), "{done:?}");
        assert_eq!(was_cut(&ups), counts, "{flag:?} {armed:?}: {done:?}");
        assert!(!was_started_again(&dir), "{done:?}");
    }
}

#[test]
fn the_power_is_cut_with_and_without_mains() {
    for mains in [false, true] {
        let state = State {
            mains,
            low_battery: !mains,
            ..State::default()
        };
        let ups = Megatec::start(state).unwrap();
        let dir = scratch("kp-mains", &office(&ups));
        set_flag(&dir, Some(&armed(&boot(), 60)));
        let done = killpower(&dir, &[]);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(
            done.stderr
                .contains("cutting the power: the battery was low")
        );
        assert_eq!(
            done.stderr.contains("the mains are back"),
            mains,
            "{done:?}"
        );
        assert!(was_cut(&ups), "{:?}", ups.heard());
        assert!(!was_started_again(&dir));
    }
}

#[test]
fn a_running_server_is_asked_to_cut() {
    let ups = Megatec::start(State::default()).unwrap();
    let dir = scratch("kp-inside", &office(&ups));
    set_flag(&dir, Some(&armed(&boot(), 60)));
    let server = Server::start(Which::Husk, dir, &[]).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(PATIENCE, || {
        wire.value("lab", "ups.status").unwrap() == "OL"
    })
    .unwrap();
    let opens = ups.opens();
    let done = killpower(&server.dir, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("the mains are back"), "{done:?}");
    assert!(was_cut(&ups) && server.log().contains("Initiating UPS [lab] shutdown"));
    assert_eq!(ups.opens(), opens, "a second driver was started");
}

#[test]
fn a_ups_that_does_not_accept_is_an_error() {
    let mut ups = Megatec::start(State::default()).unwrap();
    ups.fail(Some(Fault::Silent));
    let silent = scratch("kp-silent", &office(&ups));
    set_flag(&silent, None);
    let done = killpower(&silent, &[]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(
        done.stderr.contains("1 of 1 UPSes did not accept"),
        "{done:?}"
    );
    // Nobody knows about the mains, so the machine stays down: the battery may end at any moment.
    assert!(!was_started_again(&silent));

    // A dummy cannot cut anything, and says that there is power.
    let dummy = scratch("kp-refused", DUMMY);
    set_flag(&dummy, None);
    let done = killpower(&dummy, &[]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(was_started_again(&dummy), "{done:?}");

    dummy.write("ups.conf", "").unwrap();
    fs::remove_file(dummy.path().join("reboot.done")).unwrap();
    let done = killpower(&dummy, &[]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(!was_started_again(&dummy), "{done:?}");
}

#[test]
fn each_ups_is_told_and_each_must_accept() {
    let ups = Megatec::start(State::default()).unwrap();
    let conf = format!(
        "[first]\n driver = dummy-ups\n port = lab.dev\n{}",
        office(&ups)
    );
    let dir = scratch("kp-two", &conf);
    set_flag(&dir, Some(&armed(&boot(), 60)));
    let done = killpower(&dir, &[]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(
        done.stderr.contains("1 of 2 UPSes did not accept"),
        "{done:?}"
    );
    // The one that did will end the power, so the machine does not start again.
    assert!(was_cut(&ups) && !was_started_again(&dir), "{done:?}");
    let asked = husk(&["upsdrvctl", "shutdown"], &dir, &[]);
    assert_eq!(asked.code, Some(1), "{asked:?}");
}

#[test]
fn the_machine_is_started_again_when_the_power_does_not_go() {
    let ups = Megatec::start(State::default()).unwrap();
    let dir = scratch("kp-wait", &office(&ups));
    set_flag(&dir, Some(&armed(&boot(), 60)));
    let start = Instant::now();
    let done = killpower(&dir, &[("POWEROFF_WAIT", "2s")]);
    assert!(start.elapsed() >= Duration::from_secs(2));
    assert!(was_cut(&ups) && was_started_again(&dir), "{done:?}");
    assert_eq!(done.code, Some(0), "{done:?}");

    // The same from nut.conf, on a machine that only watches the UPS of another.
    let client = scratch("kp-client", "");
    fs::remove_file(client.path().join("ups.conf")).unwrap();
    client
        .write("nut.conf", "MODE=netclient\nPOWEROFF_WAIT=1\n")
        .unwrap();
    set_flag(&client, None);
    let done = killpower(&client, &[]);
    assert!(done.stderr.contains("no UPS is connected to this machine"));
    assert!(was_started_again(&client), "{done:?}");
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn nothing_happens_where_nothing_is_to_happen() {
    let ups = Megatec::start(State::default()).unwrap();
    let dir = scratch("kp-none", &office(&ups));
    set_flag(&dir, None);
    let quiet = killpower(&dir, &[("MODE", "none")]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    let said = husk(&["killpower", "-t"], &dir, &[("POWEROFF_WAIT", "1h")]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("-a lab -k"), "{said:?}");
    assert!(said.stderr.contains("waiting 3600 s"), "{said:?}");
    assert!(!was_cut(&ups) && ups.opens() == 0);
    let no_flag = dir.path().join("killpower");
    fs::remove_file(no_flag).unwrap();
    let quiet = killpower(&dir, &[("POWEROFF_QUIET", "true")]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(1), ""));
}
