//! The UPS of an apcupsd daemon through the sandbox: a server played badly on purpose, and Debian's daemon beside the incumbent's
//! driver. Whatever goes wrong makes the data stale, none of it is an outage, and all of it heals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use husk_tests::daemons::Daemon;
use husk_tests::nis::{Fault, Nis};
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::tool::{Tools, Wire, run};
use std::collections::BTreeMap;
use std::time::Duration;

/// MAXAGE of 15 s, or three polls of a peer that lets each wait for eight.
const STALE: Duration = Duration::from_secs(30);
/// The longest pause before another try, and the try.
const HEALED: Duration = Duration::from_secs(45);

const REPORT: &str = "APC      : 001,036,0866\nDATE     : 2025-01-07 20:36:08 +0000\nHOSTNAME : nix\n\
    VERSION  : 3.14.14 (31 May 2016) debian\nUPSNAME  : nix\nMODEL    : Back-UPS RS 1500MS2\nSTATUS   : ONLINE\n\
    LINEV    : 123.0 Volts\nLOADPCT  : 3.0 Percent\nBCHARGE  : 100.0 Percent\nTIMELEFT : 180.0 Minutes\nSENSE    : Medium\n\
    BATTV    : 27.3 Volts\nLASTXFER : Unacceptable line voltage changes\nXOFFBATT : N/A\nSTATFLAG : 0x05000008\n\
    SERIALNO : 0B2432L4XXXX\nNOMINV   : 120 Volts\nEND APC  : 2025-01-07 20:36:35 +0000\n";

fn serve(ports: &[u16]) -> Server {
    let dir = Scratch::new("nis").unwrap();
    let section = |(number, port): (usize, &u16)| {
        format!("[u{number}]\n  driver = apcupsd-ups\n  port = localhost:{port}\n")
    };
    let sections: String = ports.iter().enumerate().map(section).collect();
    dir.write("ups.conf", &format!("pollinterval = 1\n{sections}"))
        .unwrap();
    dir.write("upsd.users", "").unwrap();
    Server::start_husk(dir).unwrap()
}

fn value(server: &Server, ups: &str, variable: &str) -> String {
    let mut wire = Wire::connect(server.port).unwrap();
    wire.value(ups, variable)
        .unwrap_or_else(|error| error.to_string())
}

fn until(server: &Server, ups: &str, expected: &str, patience: Duration) {
    let status = || value(server, ups, "ups.status");
    wait_until(patience, || status().starts_with(expected)).unwrap_or_else(|error| {
        panic!(
            "{error}: {ups} is {} and not {expected}; {}",
            status(),
            server.log()
        )
    });
}

#[test]
fn a_bad_server_makes_its_ups_stale_and_never_an_outage() {
    const FAULTS: [Fault; 6] = [
        Fault::None,
        Fault::Silent,
        Fault::Slow,
        Fault::Cut,
        Fault::Garbage,
        Fault::Refuse,
    ];
    let servers: Vec<Nis> = FAULTS.iter().map(|_| Nis::start(REPORT).unwrap()).collect();
    let ports: Vec<u16> = servers.iter().map(Nis::port).collect();
    let server = serve(&ports);
    let names: Vec<String> = (0..FAULTS.len())
        .map(|number| format!("u{number}"))
        .collect();
    for name in &names {
        until(&server, name, "OL", Duration::from_secs(20));
    }
    assert_eq!(value(&server, "u0", "battery.runtime"), "10800.0");
    assert_eq!(value(&server, "u0", "device.mfr"), "APC");
    servers[0].change("STATUS", "ONBATT LOWBATT");
    until(&server, "u0", "OB LB", Duration::from_secs(5));
    servers[0].change("STATUS", "COMMLOST");
    for (fault, nis) in FAULTS.iter().zip(&servers) {
        nis.fault(*fault);
    }
    let mut seen: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    wait_until(STALE, || {
        let mut stale = 0;
        for name in &names {
            let now = value(&server, name, "ups.status");
            stale += usize::from(now == "ERR DATA-STALE");
            seen.entry(name).or_default().push(now);
        }
        stale == names.len()
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}; {}", seen, server.log()));
    for (name, said) in seen.iter().filter(|(name, _)| **name != "u0") {
        let outage = said.iter().find(|status| status.contains("OB"));
        assert_eq!(outage, None, "{name}");
    }
    for nis in &servers {
        nis.fault(Fault::None);
        nis.set(REPORT);
    }
    for name in &names {
        until(&server, name, "OL", HEALED);
    }
}

#[test]
fn the_drivers_for_daemons_know_their_usual_ports() {
    for (plugin, port) in [("apcupsd-ups", "3551"), ("powerman-pdu", "10101")] {
        let shown = run(Tools::Husk, "plugin", &["show", plugin]).unwrap();
        let line = format!("usual port: {port}\n");
        assert!(shown.stdout.contains(&line), "{shown:?}");
        assert!(
            shown
                .stdout
                .contains("imports: ups:driver/host@0.1.0, ups:driver/stream@0.1.0, ")
        );
    }
}

#[test]
fn debians_daemon_is_read_and_its_lost_ups_is_not_an_outage() {
    let master = Nis::start(REPORT).unwrap();
    let Some(mut daemon) = Daemon::apcupsd(master.port()).unwrap() else {
        husk_tests::skip("Debian's apcupsd is not unpacked: a live network information server");
        return;
    };
    let server = serve(&[daemon.port()]);
    until(&server, "u0", "OL", HEALED);
    let known = |name: &str| value(&server, "u0", name);
    assert_eq!(known("battery.charge"), "100.0");
    assert_eq!(known("ups.id"), "nix");
    assert_eq!(known("ups.serial"), "0B2432L4XXXX");
    master.change("STATUS", "ONBATT");
    master.change("STATFLAG", "0x05000010");
    until(&server, "u0", "OB", Duration::from_secs(15));
    master.set(REPORT);
    until(&server, "u0", "OL", Duration::from_secs(15));
    let port = master.port();
    drop(master);
    let mut outages = 0;
    wait_until(STALE, || {
        let now = known("ups.status");
        outages += usize::from(now.contains("OB"));
        now == "ERR DATA-STALE"
    })
    .unwrap();
    assert_eq!(outages, 0);
    assert!(
        server
            .log()
            .contains("apcupsd has lost its UPS (STATUS COMMLOST)")
    );
    let _master = Nis::start_on(port, REPORT).unwrap();
    until(&server, "u0", "OL", HEALED);
    daemon.stop();
    wait_until(STALE, || known("ups.status") == "ERR DATA-STALE").unwrap();
    daemon.run().unwrap();
    until(&server, "u0", "OL", HEALED);
}

/// The rows of LIST VAR by name, without those of the driver itself.
fn variables(server: &Server) -> BTreeMap<String, String> {
    let mut wire = Wire::connect(server.port).unwrap();
    let reply = wire.ask("LIST VAR u0").unwrap();
    let rows = reply
        .lines()
        .filter_map(|line| line.strip_prefix("VAR u0 ")?.split_once(' '));
    rows.filter(|(name, _)| !name.starts_with("driver.") && !name.ends_with(".time"))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

#[test]
fn the_incumbents_driver_publishes_the_same_of_the_same_daemon() {
    let master = Nis::start(REPORT).unwrap();
    let Some(daemon) = Daemon::apcupsd(master.port()).unwrap() else {
        husk_tests::skip("Debian's apcupsd is not unpacked: comparing with the incumbent's driver");
        return;
    };
    if !incumbent_installed() {
        husk_tests::skip("the incumbent is not installed: comparing apcupsd-ups");
        return;
    }
    let ours = serve(&[daemon.port()]);
    until(&ours, "u0", "OL", HEALED);
    let dir = Scratch::new("nis-incumbent").unwrap();
    let port = daemon.port();
    let conf = format!("[u0]\n  driver = apcupsd-ups\n  port = localhost:{port}\n");
    dir.write("ups.conf", &conf).unwrap();
    dir.write("upsd.users", "").unwrap();
    let theirs = Server::start(Which::Incumbent, dir, &["u0"]).unwrap();
    until(&theirs, "u0", "OL", HEALED);
    let (ours, theirs) = (variables(&ours), variables(&theirs));
    let differ = |(name, theirs): &(&String, &String)| match ours.get(*name) {
        Some(ours) => match (ours.parse::<f64>(), theirs.parse::<f64>()) {
            (Ok(ours), Ok(theirs)) => (ours - theirs).abs() > 0.05,
            _ => ours.trim_end() != theirs.trim_end(),
        },
        None => true,
    };
    let differences: Vec<_> = theirs.iter().filter(differ).collect();
    println!(
        "{} variables of the incumbent's, {} of ours",
        theirs.len(),
        ours.len()
    );
    assert!(
        differences.is_empty(),
        "{differences:?} of {theirs:?}; ours are {ours:?}"
    );
    assert!(theirs.len() > 15);
}
