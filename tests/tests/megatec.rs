//! A Megatec UPS on a pseudo-terminal, through the sandbox, to a stock client: what it says is
//! what is served, and what it garbles is never served.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, incumbent_installed, wait_until};
use husk_tests::sim::megatec::{Fault, Megatec, State};
use husk_tests::tool::{Tools, Wire, run};

/// One poll interval of the configuration below, plus the time a poll itself takes.
const ONE_POLL: Duration = Duration::from_millis(1000 + 500);

const USERS: &str = "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n";

fn start(ups: &Megatec) -> Server {
    let dir = Scratch::new("megatec").unwrap();
    dir.write("upsd.users", USERS).unwrap();
    dir.write(
        "ups.conf",
        &format!(
            "pollinterval = 1\n[office]\n  driver = blazer_ser\n  port = {}\n  protocol = megatec\n",
            ups.path().display()
        ),
    )
    .unwrap();
    let server = Server::start_husk(dir).unwrap();
    until(
        &server,
        "ups.status",
        |value| value.starts_with("OL"),
        Duration::from_secs(20),
    );
    server
}

/// Polls a variable every 50 ms until `wanted` holds; returns how long that took.
fn until(
    server: &Server,
    variable: &str,
    wanted: impl Fn(&str) -> bool,
    patience: Duration,
) -> Duration {
    let mut wire = Wire::connect(server.port).unwrap();
    let begun = Instant::now();
    let mut last = String::new();
    let outcome = wait_until(patience, || {
        last = wire.value("office", variable).unwrap();
        wanted(&last)
    });
    assert!(
        outcome.is_ok(),
        "{variable} stayed '{last}' for {patience:?}; log:\n{}",
        server.log()
    );
    begun.elapsed()
}

#[test]
fn a_serial_ups_is_served_and_its_changes_arrive_within_one_poll() {
    let mut ups = Megatec::start(State::default()).unwrap();
    let server = start(&ups);
    let mut wire = Wire::connect(server.port).unwrap();
    assert_eq!(wire.value("office", "input.voltage").unwrap(), "230.1");
    assert_eq!(wire.value("office", "output.voltage").unwrap(), "230.4");
    assert_eq!(wire.value("office", "ups.load").unwrap(), "17");
    assert_eq!(wire.value("office", "battery.voltage").unwrap(), "27.3");
    assert_eq!(
        wire.value("office", "battery.voltage.nominal").unwrap(),
        "24.0"
    );
    assert_eq!(wire.value("office", "driver.name").unwrap(), "blazer_ser");

    ups.set(State {
        mains: false,
        input_voltage: 0.0,
        battery_voltage: 25.0,
        ..State::default()
    });
    let on_battery = until(
        &server,
        "ups.status",
        |value| value.contains("OB"),
        ONE_POLL,
    );
    ups.set(State {
        mains: false,
        low_battery: true,
        input_voltage: 0.0,
        battery_voltage: 21.5,
        ..State::default()
    });
    let low = until(
        &server,
        "ups.status",
        |value| value.contains("OB") && value.contains("LB"),
        ONE_POLL,
    );
    ups.set(State::default());
    let back = until(
        &server,
        "ups.status",
        |value| value.starts_with("OL") && !value.contains("LB"),
        ONE_POLL,
    );
    println!(
        "OB seen after {on_battery:?}, LB after {low:?}, OL after {back:?} (poll interval 1 s)"
    );

    if incumbent_installed() {
        let stock = run(
            Tools::Incumbent,
            "upsc",
            &[&server.ups("office"), "ups.load"],
        )
        .unwrap();
        assert_eq!((stock.stdout.as_str(), stock.code), ("17\n", Some(0)));
    } else {
        husk_tests::skip("megatec: nut-client is not installed");
    }
}

#[test]
fn bad_answers_become_stale_data_and_never_wrong_data() {
    let mut ups = Megatec::start(State::default()).unwrap();
    let server = start(&ups);
    let mut wire = Wire::connect(server.port).unwrap();
    let good = |reply: &str| reply == "230.1" || reply == "ERR DATA-STALE";
    for fault in [Fault::Silent, Fault::Echo, Fault::Short, Fault::Garbled] {
        ups.fail(Some(fault));
        let begun = Instant::now();
        let mut stale = false;
        while begun.elapsed() < Duration::from_secs(12) && !stale {
            let reply = wire.value("office", "input.voltage").unwrap();
            assert!(good(&reply), "{fault:?} made the server say {reply}");
            stale = reply == "ERR DATA-STALE";
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(
            stale,
            "{fault:?} never made the data stale; log:\n{}",
            server.log()
        );
        ups.fail(None);
        until(
            &server,
            "input.voltage",
            |value| value == "230.1",
            Duration::from_secs(12),
        );
    }
    let log = server.log();
    assert!(log.contains("Data for UPS [office] is stale"), "{log}");
    assert!(
        log.contains("UPS [office] data is no longer stale"),
        "{log}"
    );
}

#[test]
fn a_command_reaches_the_device_and_its_result_the_client() {
    let ups = Megatec::start(State::default()).unwrap();
    let server = start(&ups);
    let arguments = [
        "-u",
        "admin",
        "-p",
        "secret",
        "-w",
        &server.ups("office"),
        "test.battery.start.quick",
    ];
    let outcome = run(Tools::Husk, "upscmd", &arguments).unwrap();
    assert_eq!(
        (outcome.stderr.trim(), outcome.code),
        ("SUCCESS", Some(0)),
        "{}",
        server.log()
    );
    assert!(
        ups.heard().iter().any(|line| line == "T"),
        "heard {:?}",
        ups.heard()
    );

    let arguments = [
        "-u",
        "admin",
        "-p",
        "secret",
        "-w",
        "-s",
        "ups.delay.shutdown=60",
        &server.ups("office"),
    ];
    let outcome = run(Tools::Husk, "upsrw", &arguments).unwrap();
    assert_eq!(
        (outcome.stderr.trim(), outcome.code),
        ("SUCCESS", Some(0)),
        "{}",
        server.log()
    );
    until(
        &server,
        "ups.delay.shutdown",
        |value| value == "60",
        ONE_POLL,
    );
    let arguments = [
        "-u",
        "admin",
        "-p",
        "secret",
        "-w",
        &server.ups("office"),
        "shutdown.return",
    ];
    let outcome = run(Tools::Husk, "upscmd", &arguments).unwrap();
    assert_eq!(outcome.stderr.trim(), "SUCCESS", "{}", server.log());
    assert!(
        ups.heard().iter().any(|line| line == "S01R0003"),
        "heard {:?}",
        ups.heard()
    );
}

#[test]
fn a_port_that_vanishes_and_returns_is_found_again() {
    let ups = Megatec::start(State::default()).unwrap();
    let dir = Scratch::new("vanish").unwrap();
    let link = dir.path().join("port");
    std::os::unix::fs::symlink(ups.path(), &link).unwrap();
    dir.write("upsd.users", USERS).unwrap();
    let conf = format!(
        "pollinterval = 1\n[office]\n driver = megatec\n port = {}\n protocol = megatec\n",
        link.display()
    );
    dir.write("ups.conf", &conf).unwrap();
    let server = Server::start_husk(dir).unwrap();
    until(
        &server,
        "ups.status",
        |value| value.starts_with("OL"),
        Duration::from_secs(20),
    );
    drop(ups);
    until(
        &server,
        "ups.status",
        |value| value.starts_with("ERR D"),
        Duration::from_secs(20),
    );
    let again = Megatec::start(State {
        input_voltage: 222.2,
        ..State::default()
    })
    .unwrap();
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(again.path(), &link).unwrap();
    until(
        &server,
        "input.voltage",
        |value| value == "222.2",
        Duration::from_secs(60),
    );
}
