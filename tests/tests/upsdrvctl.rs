//! upsdrvctl, ours: with driver processes of both kinds, with drivers inside a running server, and on its own terms
//! (lists, exit codes, test mode) beside the incumbent's where Debian has the same command.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::sim::megatec::{Megatec, State};
use husk_tests::skip;
use husk_tests::tool::{Outcome, Wire};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const LAB: &str = "[lab]\n driver = dummy-ups\n port = lab.dev\n desc = Lab\n\n\
    [rack]\n driver = dummy-ups\n port = lab.dev\n sdorder = 1\n";

fn scratch(name: &str, ups_conf: &str) -> Scratch {
    let dir = Scratch::new(name).unwrap();
    dir.write("ups.conf", ups_conf).unwrap();
    dir.write("lab.dev", "ups.status: OL\nups.load: 7\n")
        .unwrap();
    dir.write("upsd.conf", "").unwrap();
    dir.write("upsd.users", "").unwrap();
    dir
}

fn run(program: &Path, before: &[&str], words: &[&str], dir: &Scratch) -> Outcome {
    let output = Command::new(program)
        .args(before)
        .args(words)
        .env("NUT_CONFPATH", dir.path())
        .env("NUT_STATEPATH", dir.path())
        .env("NUT_ALTPIDPATH", dir.path())
        .env("NUT_QUIET_INIT_BANNER", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Outcome {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

fn ours(words: &[&str], dir: &Scratch) -> Outcome {
    run(&husk_tests::husk_binary(), &["upsdrvctl"], words, dir)
}

fn well(words: &[&str], dir: &Scratch) -> String {
    let outcome = ours(words, dir);
    assert_eq!(outcome.code, Some(0), "{words:?}: {outcome:?}");
    outcome.stdout
}

/// The fields of a UPS in `upsdrvctl status`.
fn status(ups: &str, dir: &Scratch) -> Vec<String> {
    let table = well(&["status"], dir);
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("UPSNAME    \t     UPSDRV\tRUNNING\tPF_PID\tS_RESPONSIVE\tS_PID\tS_STATUS")
    );
    let fields = |line: &str| -> Vec<String> {
        line.split('\t')
            .map(|word| word.trim().to_owned())
            .collect()
    };
    lines.map(fields).find(|fields| fields[0] == ups).unwrap()
}

/// Drivers are this program under their names.
fn with_links(dir: &Scratch) -> String {
    let links = dir.path().join("drivers");
    std::fs::create_dir(&links).unwrap();
    for name in ["dummy-ups", "megatec", "blazer_ser"] {
        symlink(
            std::fs::canonicalize(husk_tests::husk_binary()).unwrap(),
            links.join(name),
        )
        .unwrap();
    }
    format!("driverpath = {}\n", links.display())
}

#[test]
fn lists_and_mistakes_have_their_texts_and_exit_codes() {
    let dir = scratch("ctl-list", LAB);
    assert_eq!(well(&["list"], &dir), "lab\nrack\n");
    assert_eq!(well(&["-l"], &dir), "lab\nrack\n");
    assert_eq!(well(&["list", "rack"], &dir), "rack\n");
    for (words, complaint) in [
        (&["start", "attic"][..], "UPS attic not found in ups.conf"),
        (&["list", "attic"], "UPS attic not found in ups.conf"),
        (&["dance"], "Error: unrecognized command [dance]"),
        (&["-c", "dance"], "Error: unrecognized command [dance]"),
        (
            &["stop", "lab", "rack"],
            "Error: extra arguments left on command line",
        ),
    ] {
        let outcome = ours(words, &dir);
        assert_eq!(outcome.code, Some(1), "{words:?}");
        assert!(outcome.stderr.starts_with(complaint), "{outcome:?}");
    }
    // As the incumbent: help, and no complaint.
    assert_eq!(ours(&[], &dir).code, Some(0));
    assert_eq!(ours(&["-x"], &dir).code, Some(0));
    dir.write("ups.conf", "pollinterval = 3\n").unwrap();
    let none = ours(&["start"], &dir);
    assert_eq!(none.code, Some(1));
    assert!(
        none.stderr.contains("no UPS definitions found in ups.conf"),
        "{none:?}"
    );
    std::fs::remove_file(dir.path().join("ups.conf")).unwrap();
    let missing = ours(&["stop"], &dir);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("Can't open "), "{missing:?}");
}

#[test]
fn texts_and_exit_codes_are_the_incumbents() {
    if !incumbent_installed() {
        return skip("Debian's upsdrvctl is not installed");
    }
    let dir = scratch("ctl-beside", LAB);
    let theirs = |words: &[&str]| run(Path::new("/sbin/upsdrvctl"), &[], words, &dir);
    for words in [
        &["start", "attic"][..],
        &["stop", "attic"],
        &["shutdown", "attic"],
        &["dance"],
        &["stop", "lab"],
        &["-t", "shutdown", "lab"],
        &["-V"],
        &["-h"],
    ] {
        let (expected, found) = (theirs(words), ours(words, &dir));
        assert_eq!(
            found.code, expected.code,
            "{words:?}: {expected:?} {found:?}"
        );
        if words[0] == "start" {
            assert_eq!(found.stderr, expected.stderr);
        }
    }
    // What would be run is written alike, up to the time and the driver's place.
    for words in [
        &["-t", "-u", "nobody", "-r", "/tmp", "start", "lab"][..],
        &["-t", "shutdown", "lab"],
    ] {
        let exec = |outcome: Outcome| {
            let mut lines = outcome.stderr.lines();
            let line = lines.rfind(|line| line.contains("exec:  ")).unwrap();
            line.split_once("-a ").unwrap().1.to_owned()
        };
        let (expected, found) = (exec(theirs(words)), exec(ours(words, &dir)));
        assert_eq!(found, expected);
    }
}

#[test]
fn power_is_cut_in_the_documented_order() {
    let conf = format!(
        "{LAB}[first]\n driver = dummy-ups\n port = lab.dev\n\n[never]\n driver = dummy-ups\n port = x\n sdorder = -1\n"
    );
    let dir = scratch("ctl-order", &conf);
    let outcome = ours(&["-t", "shutdown"], &dir);
    let exec = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("exec:  "));
    let names: Vec<&str> = exec
        .map(|line| {
            line.split(" -a ")
                .nth(1)
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(names, ["lab", "first", "rack"], "{outcome:?}");
}

#[test]
fn our_driver_processes_start_show_up_and_stop() {
    let dir = scratch("ctl-ours", "");
    let conf = with_links(&dir) + LAB;
    dir.write("ups.conf", &conf).unwrap();
    processes(&dir, &[]);
}

#[test]
fn drivers_of_the_incumbent_start_show_up_and_stop() {
    if !incumbent_installed() {
        return skip("Debian's drivers are not installed");
    }
    let dir = scratch("ctl-theirs", &format!("driverpath = /lib/nut\n{LAB}"));
    processes(&dir, &["-u", "root"]);
}

fn processes(dir: &Scratch, options: &[&str]) {
    assert_eq!(status("lab", dir)[2..5], ["N/A", "-3", "NOT_RESPONSIVE"]);
    assert_eq!(ours(&["stop", "lab"], dir).code, Some(1));
    let start = [options, &["start"]].concat();
    well(&start, dir);
    for name in ["lab", "rack"] {
        let shown = status(name, dir);
        let pid =
            std::fs::read_to_string(dir.path().join(format!("dummy-ups-{name}.pid"))).unwrap();
        assert_eq!(shown[2], "RUNNING");
        assert_eq!(shown[3], pid.trim());
        assert_eq!(shown[4], "RESPONSIVE");
        assert_eq!(shown[6], "\"OL\"");
    }
    well(&["stop", "lab"], dir);
    assert_eq!(status("lab", dir)[4], "NOT_RESPONSIVE");
    assert_eq!(status("rack", dir)[2], "RUNNING");
    well(&["stop", "rack"], dir);
    assert_eq!(status("rack", dir)[4], "NOT_RESPONSIVE");
}

#[test]
fn a_driver_that_does_not_start_is_retried_and_does_not_stop_the_others() {
    let dir = scratch("ctl-retry", "");
    let links = with_links(&dir);
    let broken = "[broken]\n driver = no-such-driver\n port = x\n";
    let absent = "[absent]\n driver = megatec\n port = /dev/no-such-port\n";
    let conf = format!("{links}maxretry = 2\nretrydelay = 0\n{broken}{absent}{LAB}");
    dir.write("ups.conf", &conf).unwrap();
    let outcome = ours(&["start"], &dir);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stderr.contains("UPS [broken]: Can't start "),
        "{outcome:?}"
    );
    let failures = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("UPS [absent]: Driver failed to start (exit status=1)"));
    assert_eq!(failures.count(), 2, "{outcome:?}");
    assert_eq!(status("lab", &dir)[2], "RUNNING");
    well(&["stop", "lab"], &dir);
    well(&["stop", "rack"], &dir);
}

#[test]
fn a_driver_in_the_foreground_is_this_process_and_needs_no_pid_file() {
    let dir = scratch("ctl-fg", "");
    let conf = with_links(&dir) + LAB;
    dir.write("ups.conf", &conf).unwrap();
    let mut alone = Command::new(husk_tests::husk_binary())
        .args(["upsdrvctl", "-F", "start", "lab"])
        .envs(["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"].map(|name| (name, dir.path())))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until(PATIENCE, || status("lab", &dir)[4] == "RESPONSIVE").unwrap();
    let shown = status("lab", &dir);
    assert_eq!(shown[3], "-3");
    assert_eq!(shown[5], alone.id().to_string());
    // No PID file leads to it, its socket does.
    well(&["stop", "lab"], &dir);
    wait_until(PATIENCE, || matches!(alone.try_wait(), Ok(Some(_)))).unwrap();
}

#[test]
fn drivers_inside_a_running_server_obey_too() {
    let server = Server::start(Which::Husk, scratch("ctl-inside", LAB), &[]).unwrap();
    let dir = &server.dir;
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(PATIENCE, || {
        wire.value("lab", "ups.status").unwrap() == "OL"
    })
    .unwrap();
    let shown = status("lab", dir);
    assert_eq!(
        shown[2..],
        [
            "RUNNING",
            "-3",
            "RESPONSIVE",
            &server.pid().to_string(),
            "\"OL\""
        ]
    );

    well(&["stop", "lab"], dir);
    assert_eq!(
        wire.value("lab", "ups.status").unwrap(),
        "ERR DRIVER-NOT-CONNECTED"
    );
    assert_eq!(wire.value("rack", "ups.status").unwrap(), "OL");
    assert_eq!(status("lab", dir)[2], "STOPPED");
    well(&["stop", "lab"], dir);
    assert_eq!(
        server
            .log()
            .matches("UPS [lab]: its driver was stopped")
            .count(),
        1
    );
    // The port is free: a process of its own may have it, and the server takes it back.
    well(&["start", "lab"], dir);
    assert_eq!(wire.value("lab", "ups.status").unwrap(), "OL");
    well(&["start"], dir);

    // A dummy has no power to cut, in the server or out of it; the other one is not touched.
    let cut = ours(&["shutdown", "lab"], dir);
    assert_eq!(cut.code, Some(1), "{cut:?}");
    assert!(server.log().contains("Initiating UPS [lab] shutdown"));
    assert_eq!(wire.value("rack", "ups.status").unwrap(), "OL");
    assert_eq!(status("lab", dir)[2], "STOPPED");
}

#[test]
fn running_drivers_are_told_things() {
    let dir = scratch("ctl-tell", "");
    let conf = with_links(&dir) + LAB;
    dir.write("ups.conf", &conf).unwrap();
    assert_eq!(ours(&["-c", "reload", "lab"], &dir).code, Some(1));
    well(&["start"], &dir);
    for word in ["reload", "reload-or-error", "dump"] {
        well(&["-c", word], &dir);
    }
    assert_eq!(status("lab", &dir)[4], "RESPONSIVE");
    well(&["-c", "exit"], &dir);
    assert_eq!(status("rack", &dir)[4], "NOT_RESPONSIVE");

    let server = Server::start(Which::Husk, scratch("ctl-tell-in", LAB), &[]).unwrap();
    wait_until(PATIENCE, || status("lab", &server.dir)[4] == "RESPONSIVE").unwrap();
    well(&["-c", "reload", "lab"], &server.dir);
    assert!(server.log().contains("reading the configuration again"));
    well(&["-c", "exit", "lab"], &server.dir);
    assert_eq!(status("lab", &server.dir)[2], "STOPPED");
}

#[test]
fn several_drivers_in_the_foreground_end_with_their_parent() {
    let dir = scratch("ctl-several", "");
    let conf = with_links(&dir) + LAB;
    dir.write("ups.conf", &conf).unwrap();
    let mut parent = Command::new(husk_tests::husk_binary())
        .args(["upsdrvctl", "-FF", "start"])
        .envs(["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"].map(|name| (name, dir.path())))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let answer = |word: &str| {
        ["lab", "rack"]
            .iter()
            .all(|ups| status(ups, &dir)[4] == word)
    };
    wait_until(PATIENCE, || answer("RESPONSIVE")).unwrap();
    // Foreground, but with PID files.
    assert_eq!(status("lab", &dir)[3], status("lab", &dir)[5]);
    let pid = rustix::process::Pid::from_raw(parent.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    wait_until(PATIENCE, || matches!(parent.try_wait(), Ok(Some(_)))).unwrap();
    assert_eq!(parent.wait().unwrap().code(), Some(0));
    assert!(answer("NOT_RESPONSIVE"));
}

#[test]
fn services_are_told_through_systemctl_and_the_server_directly() {
    let dir = scratch("ctl-svc", LAB);
    let services = |words: &[&str], dir: &Scratch| {
        run(&husk_tests::husk_binary(), &["upsdrvsvcctl"], words, dir)
    };
    let said = services(&["-t", "start"], &dir);
    let units = "nut-driver@lab.service nut-driver@rack.service";
    assert_eq!(
        said.stdout,
        format!("systemctl start {units}\n"),
        "{said:?}"
    );
    assert_eq!(said.code, Some(0));
    let said = services(&["-t", "shutdown", "rack"], &dir);
    let unit = "nut-driver@rack.service";
    assert_eq!(
        said.stdout,
        format!("systemctl stop {unit}\nsystemctl start {unit}\n")
    );
    let said = services(&["list", "lab"], &dir);
    assert_eq!(said.stdout, "nut-driver@lab.service\tlab\n");
    assert_eq!(services(&["start", "attic"], &dir).code, Some(1));
    assert_eq!(services(&["dance"], &dir).code, Some(1));

    let server = Server::start(Which::Husk, scratch("ctl-svc-in", LAB), &[]).unwrap();
    let said = services(&["stop", "lab"], &server.dir);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(status("lab", &server.dir)[2], "STOPPED");
}

/// Whether the UPS was told to cut the power.
fn was_cut(ups: &Megatec) -> bool {
    ups.heard().iter().any(|line| line.starts_with('S'))
}

fn office(ups: &Megatec) -> String {
    let port = ups.path().display();
    format!("[office]\n driver = blazer_ser\n port = {port}\n protocol = megatec\n")
}

#[test]
fn power_is_cut_by_a_driver_process_of_either_kind() {
    for theirs in [false, true] {
        if theirs && !Path::new("/lib/nut/blazer_ser").exists() {
            skip("Debian's blazer_ser is not installed");
            continue;
        }
        let ups = Megatec::start(State::default()).unwrap();
        let dir = scratch("ctl-cut", "");
        let path = if theirs {
            "driverpath = /lib/nut\n".to_owned()
        } else {
            with_links(&dir)
        };
        dir.write("ups.conf", &(path + &office(&ups))).unwrap();
        well(&["-u", "root", "shutdown"], &dir);
        assert!(was_cut(&ups), "theirs: {theirs}: {:?}", ups.heard());
    }
}

#[test]
fn power_is_cut_inside_a_running_server_and_beside_it() {
    for stopped_first in [false, true] {
        let ups = Megatec::start(State::default()).unwrap();
        let dir = scratch("ctl-cut-in", "");
        let conf = with_links(&dir) + &office(&ups);
        dir.write("ups.conf", &conf).unwrap();
        let server = Server::start(Which::Husk, dir, &[]).unwrap();
        let dir = &server.dir;
        wait_until(PATIENCE, || status("office", dir)[4] == "RESPONSIVE").unwrap();
        if stopped_first {
            well(&["stop", "office"], dir);
        }
        assert!(!was_cut(&ups));
        well(&["shutdown", "office"], dir);
        assert!(was_cut(&ups), "{:?}", ups.heard());
        let expected = if stopped_first { "STOPPED" } else { "RUNNING" };
        assert_eq!(status("office", dir)[2], expected);
    }
}
