//! `husk why` without a running upsmon, and what `husk check` says of upsmon.conf and upssched.conf.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use husk_tests::rig::{Scratch, Server, Signal, Which, wait_until};
use husk_tests::tool::{Outcome, Wire};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn husk(words: &[&str], dir: &Scratch) -> Outcome {
    let output = Command::new(husk_tests::husk_binary())
        .args(words)
        .env("NUT_CONFPATH", dir.path())
        .env("NUT_PIDPATH", dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Outcome {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

fn serve(status: &str) -> Server {
    let dir = Scratch::new("why").unwrap();
    let lab = "[lab]\n driver = dummy-ups\n port = lab.dev\n";
    dir.write("ups.conf", lab).unwrap();
    dir.write("lab.dev", &format!("ups.status: {status}\n"))
        .unwrap();
    dir.write("upsd.users", "").unwrap();
    let server = Server::start(Which::Husk, dir, &[]).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(PATIENCE, || {
        wire.value("lab", "ups.status").unwrap() == status
    })
    .unwrap();
    server
}

fn monitor(server: &Server, role: &str, more: &str) {
    let ups = server.ups("lab");
    let conf = format!("# by hand\nMONITOR {ups} 1 mon sesame {role}\nDEADTIME 20\n{more}");
    server.dir.write("upsmon.conf", &conf).unwrap();
}

#[test]
fn one_look_tells_what_a_monitor_would_do() {
    let server = serve("OL");
    monitor(&server, "primary", "SHUTDOWNCMD true\n");
    let said = husk(&["why"], &server.dir);
    assert_eq!(said.code, Some(0), "{said:?}");
    let ups = server.ups("lab");
    let file = server.dir.path().join("upsmon.conf").display().to_string();
    for part in [
        "No upsmon of husk runs here".to_owned(),
        "No: this machine would not shut down now.".to_owned(),
        "healthy power 1 of 1; MINSUPPLIES is 1 (default)".to_owned(),
        format!("{ups}: healthy"),
        format!("this machine is its primary ({file}:2)"),
        format!("DEADTIME       20 s     {file}:3: silence counts"),
        "no POWERDOWNFLAG".to_owned(),
    ] {
        assert!(
            said.stdout.contains(&part),
            "{part} is not in {}",
            said.stdout
        );
    }
    assert!(!said.stdout.contains("sesame"));
    // Nobody logged in, nothing was set.
    assert!(!server.log().contains("logged into"), "{}", server.log());
    let named = husk(&["why", "attic"], &server.dir);
    assert!(
        named.stdout.contains("attic is not monitored here"),
        "{named:?}"
    );
}

#[test]
fn a_low_battery_is_yes_for_the_primary_and_not_yet_for_the_secondary() {
    let server = serve("OB LB");
    monitor(&server, "primary", "");
    let said = husk(&["why", "lab"], &server.dir);
    assert!(
        said.stdout.contains("Yes: this machine shuts down now."),
        "{said:?}"
    );
    assert!(
        said.stdout
            .contains("critical, it is on battery and the battery is low")
    );
    monitor(&server, "secondary", "HOSTSYNC 45\n");
    let said = husk(&["why", "lab"], &server.dir);
    assert!(said.stdout.contains("No: this machine"), "{said:?}");
    assert!(
        said.stdout.contains("its primary still has time to say so"),
        "{said:?}"
    );
    assert!(said.stdout.contains("0 s so far, 45 s to go"), "{said:?}");
    let mut wire = Wire::connect(server.port).unwrap();
    assert_eq!(wire.value("lab", "ups.status").unwrap(), "OB LB");
}

/// Ends the process it holds.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        husk_tests::process::signal(self.0.id(), Signal::TERM);
        let _ = self.0.wait();
    }
}

#[test]
fn a_running_upsmon_knows_how_long_things_have_lasted() {
    let server = serve("OL");
    let more = "OBLBDURATION 600\nSHUTDOWNCMD true\nPOLLFREQ 1\nPOLLFREQALERT 1\n";
    monitor(&server, "primary", more);
    let _upsmon = Running(
        Command::new(husk_tests::husk_binary())
            .args(["upsmon", "-F", "-p"])
            .env("NUT_CONFPATH", server.dir.path())
            .env("NUT_PIDPATH", server.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let says = |part: &str| {
        let said = husk(&["why", "lab"], &server.dir);
        !said.stdout.contains("No upsmon of husk runs here") && said.stdout.contains(part)
    };
    wait_until(PATIENCE, || says("healthy, it is not on battery")).unwrap();
    // There is no user of that name.
    wait_until(PATIENCE, || says("the server refuses our login")).unwrap();
    server.dir.write("lab.dev", "ups.status: OB LB\n").unwrap();
    wait_until(PATIENCE, || says("2 s so far, 598 s to go")).unwrap();
    assert!(says("No: this machine would not shut down now."));
    assert!(says("its battery is low, but not for long enough"));
}

#[test]
fn a_server_out_of_reach_is_nothing_against_the_ups() {
    let dir = Scratch::new("why-gone").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let conf = format!("MONITOR lab@127.0.0.1:{port} 1 mon sesame primary\n");
    dir.write("upsmon.conf", &conf).unwrap();
    let said = husk(&["why"], &dir);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("it was never heard"), "{said:?}");
    fs::remove_file(dir.path().join("upsmon.conf")).unwrap();
    let said = husk(&["why"], &dir);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("upsmon.conf"), "{said:?}");
}

#[test]
fn check_reads_the_monitors_files_too() {
    let dir = Scratch::new("why-check").unwrap();
    let lab = "[lab]\n driver = dummy-ups\n port = lab.dev\n";
    dir.write("ups.conf", lab).unwrap();
    dir.write("lab.dev", "ups.status: OL\n").unwrap();
    dir.write("upsd.users", "[a]\n password = b\n").unwrap();
    dir.write("upsd.conf", "").unwrap();
    let path = dir.path().display().to_string();
    let good = format!(
        "MONITOR lab@localhost 1 mon sesame primary\nSHUTDOWNCMD /bin/true\nPOWERDOWNFLAG {path}/killpower\n"
    );
    dir.write("upsmon.conf", &good).unwrap();
    let clean = husk(&["check", "--config", &path], &dir);
    assert_eq!(clean.code, Some(0), "{clean:?}");
    assert!(clean.stdout.contains("0 errors, 0 warnings"), "{clean:?}");

    let poor = format!(
        "{good}DEADTME 5\nPOLLFREQ 10\nNOTIFYCMD /bin/true\nCERTPATH {path}/none\nCERTVERIFY 1\n"
    );
    dir.write("upsmon.conf", &poor).unwrap();
    let timers = "CMDSCRIPT /bin/true\nPIPEFN /p\nLOCKFN /l\nAT ONBATT other@host EXECUTE x\nAT ONBATT * JUMP x\n";
    dir.write("upssched.conf", timers).unwrap();
    let found = husk(&["check", "--config", &path], &dir);
    assert_eq!(found.code, Some(1), "{found:?}");
    for part in [
        format!("{path}/upsmon.conf:4:1: error: "),
        format!("{path}/upsmon.conf:6: warning: NOTIFYCMD: no NOTIFYFLAG has EXEC"),
        format!("{path}/none"),
        format!("{path}/upssched.conf:4: warning: no MONITOR line"),
        format!(
            "{path}/upssched.conf:4: warning: upsmon.conf has no `NOTIFYFLAG ONBATT` with EXEC"
        ),
        format!("{path}/upssched.conf:5:13: error: "),
    ] {
        assert!(
            found.stdout.contains(&part),
            "{part} is not in {}",
            found.stdout
        );
    }
    assert!(!found.stdout.contains("sesame"), "{found:?}");

    // A machine that only watches has no server to configure.
    fs::remove_file(dir.path().join("ups.conf")).unwrap();
    fs::remove_file(dir.path().join("upssched.conf")).unwrap();
    dir.write("upsmon.conf", &good).unwrap();
    dir.write("nut.conf", "MODE=netclient\n").unwrap();
    let client = husk(&["check", "--config", &path], &dir);
    assert_eq!(client.code, Some(0), "{client:?}");
    assert!(client.stdout.contains("0 warnings"), "{client:?}");
}
