//! The outlets of Debian's PowerMan daemon with its simulated controller, through the sandbox and beside the incumbent's driver.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use husk_tests::daemons::Daemon;
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::tool::Wire;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

const USERS: &str = "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n";
/// MAXAGE of 15 s, or three polls of a peer that lets each wait for nine.
const STALE: Duration = Duration::from_secs(35);
/// The longest pause before another try, and the try.
const HEALED: Duration = Duration::from_secs(45);

fn serve(which: Which, daemon: &Daemon) -> Server {
    let dir = Scratch::new("outlets").unwrap();
    let port = daemon.port();
    let conf =
        format!("pollinterval = 1\n[pdu]\n  driver = powerman-pdu\n  port = localhost:{port}\n");
    dir.write("ups.conf", &conf).unwrap();
    dir.write("upsd.users", USERS).unwrap();
    let server = Server::start(which, dir, &["pdu"]).unwrap();
    until(&server, "outlet.1.status", "off");
    server
}

fn value(server: &Server, variable: &str) -> String {
    let mut wire = Wire::connect(server.port).unwrap();
    wire.value("pdu", variable)
        .unwrap_or_else(|error| error.to_string())
}

fn until(server: &Server, variable: &str, expected: &str) {
    wait_until(HEALED, || value(server, variable) == expected).unwrap_or_else(|error| {
        let now = value(server, variable);
        panic!(
            "{error}: {variable} is {now} and not {expected}; {}",
            server.log()
        )
    });
}

/// A request of the administrator, and what became of it.
fn outcome(server: &Server, request: &str) -> String {
    let mut wire = Wire::connect(server.port).unwrap();
    for line in ["USERNAME admin", "PASSWORD secret", "SET TRACKING ON"] {
        assert_eq!(wire.ask(line).unwrap(), "OK");
    }
    let reply = wire.ask(request).unwrap();
    let Some(id) = reply.strip_prefix("OK TRACKING ") else {
        return reply;
    };
    let mut last = String::new();
    let _ = wait_until(Duration::from_secs(20), || {
        last = wire.ask(&format!("GET TRACKING {id}")).unwrap();
        last != "PENDING"
    });
    last
}

#[test]
fn outlets_really_switch() {
    let Some(daemon) = Daemon::powerman().unwrap() else {
        husk_tests::skip("Debian's powerman is not installed: outlets that switch");
        return;
    };
    let server = serve(Which::Husk, &daemon);
    assert_eq!(value(&server, "outlet.count"), "16");
    assert_eq!(value(&server, "outlet.4.desc"), "t3");
    assert_eq!(outcome(&server, "INSTCMD pdu outlet.4.load.on"), "SUCCESS");
    until(&server, "outlet.4.status", "on");
    assert_eq!(
        outcome(&server, "SET VAR pdu outlet.5.switch on"),
        "SUCCESS"
    );
    until(&server, "outlet.5.status", "on");
    assert_eq!(
        outcome(&server, "INSTCMD pdu outlet.4.load.cycle"),
        "SUCCESS"
    );
    until(&server, "outlet.4.status", "on");
    assert_eq!(outcome(&server, "INSTCMD pdu outlet.4.load.off"), "SUCCESS");
    until(&server, "outlet.4.status", "off");
    assert_eq!(value(&server, "outlet.5.status"), "on");
    assert_eq!(value(&server, "outlet.3.status"), "off");
    assert!(outcome(&server, "SET VAR pdu outlet.5.switch up").starts_with("ERR"));
    assert!(outcome(&server, "INSTCMD pdu outlet.17.load.on").starts_with("ERR"));
    assert!(
        server
            .log()
            .contains("outlet.4.load.off is sent, it can cut or restore power")
    );
}

#[test]
fn a_daemon_that_hangs_or_goes_makes_the_outlets_stale_and_both_heal() {
    let Some(mut daemon) = Daemon::powerman().unwrap() else {
        husk_tests::skip("Debian's powerman is not installed: faults of a daemon");
        return;
    };
    let server = serve(Which::Husk, &daemon);
    let stale = || {
        wait_until(STALE, || {
            value(&server, "outlet.1.status") == "ERR DATA-STALE"
        })
    };
    daemon.freeze(true);
    stale().unwrap();
    daemon.freeze(false);
    until(&server, "outlet.1.status", "off");
    daemon.stop();
    stale().unwrap();
    daemon.run().unwrap();
    until(&server, "outlet.1.status", "off");
    assert_eq!(outcome(&server, "INSTCMD pdu outlet.1.load.on"), "SUCCESS");
    until(&server, "outlet.1.status", "on");
}

fn variables(server: &Server) -> BTreeMap<String, String> {
    let mut wire = Wire::connect(server.port).unwrap();
    let reply = wire.ask("LIST VAR pdu").unwrap();
    let rows = reply
        .lines()
        .filter_map(|line| line.strip_prefix("VAR pdu ")?.split_once(' '));
    rows.filter(|(name, _)| !name.starts_with("driver."))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

fn commands(server: &Server) -> BTreeSet<String> {
    let mut wire = Wire::connect(server.port).unwrap();
    let reply = wire.ask("LIST CMD pdu").unwrap();
    let rows = reply
        .lines()
        .filter_map(|line| line.strip_prefix("CMD pdu "));
    rows.map(str::to_owned).collect()
}

#[test]
fn the_incumbents_driver_publishes_the_same_and_sees_the_same_outlets() {
    let Some(daemon) = Daemon::powerman().unwrap() else {
        husk_tests::skip(
            "Debian's powerman is not installed: comparing with the incumbent's driver",
        );
        return;
    };
    if !incumbent_installed() || !Path::new("/lib/nut/powerman-pdu").exists() {
        husk_tests::skip("the incumbent's powerman-pdu is not installed");
        return;
    }
    let (ours, theirs) = (
        serve(Which::Husk, &daemon),
        serve(Which::Incumbent, &daemon),
    );
    assert_eq!(outcome(&ours, "INSTCMD pdu outlet.2.load.on"), "SUCCESS");
    until(&theirs, "outlet.2.status", "on");
    assert_eq!(outcome(&theirs, "INSTCMD pdu outlet.3.load.on"), "SUCCESS");
    until(&ours, "outlet.3.status", "on");
    until(&theirs, "outlet.3.status", "on");
    let (mine, mut other) = (variables(&ours), variables(&theirs));
    // Its driver never says how the device is, so what stands there is what it began with. A PDU has no status of a UPS.
    assert_eq!(other.remove("ups.status").as_deref(), Some("WAIT"));
    let differ: Vec<_> = other
        .iter()
        .filter(|(name, value)| mine.get(*name) != Some(value))
        .collect();
    assert!(differ.is_empty(), "{differ:?}");
    let more: BTreeSet<_> = mine
        .keys()
        .filter(|name| !other.contains_key(*name))
        .collect();
    println!(
        "{} variables as the incumbent's; more: {more:?}",
        other.len()
    );
    assert!(
        more.iter()
            .all(|name| name.ends_with(".switch") || *name == "outlet.count")
    );
    let missing: Vec<_> = commands(&theirs)
        .difference(&commands(&ours))
        .cloned()
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
