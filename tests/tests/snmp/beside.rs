//! Ours and the incumbent's driver on the same objects.

use super::{serve, until, variables};
use husk_tests::rig::{Scratch, Server, Which, wait_until};
use husk_tests::sim::snmp::{Agent, Counted, rfc1628};
use std::path::Path;
use std::time::{Duration, Instant};

/// Polls looked at, a second apart.
const WATCHED: Duration = Duration::from_secs(10);

/// How long until the first data, what that took, and what ten seconds of polls took.
fn measured(agent: &Agent, port: u16, since: Instant) -> (Duration, Counted, Counted) {
    let served = || {
        let mut wire = husk_tests::tool::Wire::connect(port).unwrap();
        wire.value("lab", "ups.status")
            .is_ok_and(|status| status == "OL")
    };
    wait_until(super::PATIENCE, served).unwrap();
    let first = since.elapsed();
    let start = agent.take_counted();
    std::thread::sleep(Duration::from_secs(2));
    agent.take_counted();
    std::thread::sleep(WATCHED);
    (first, start, agent.take_counted())
}

#[test]
fn the_same_agent_gives_the_same_variables_for_fewer_packets() {
    if !husk_tests::rig::incumbent_installed() || !Path::new("/lib/nut/snmp-ups").exists() {
        husk_tests::skip(
            "snmp-ups beside the incumbent's: nut-server and nut-snmp are not installed",
        );
        return;
    }
    let objects = rfc1628::ups("both");
    let mut agents = Agent::start_all(vec![objects.clone(), objects]).unwrap();
    let (theirs, ours) = (agents.pop().unwrap(), agents.pop().unwrap());
    let body = |agent: &Agent| {
        format!(
            "  port = {}\n  snmp_version = v2c\n  mibs = ietf\n",
            agent.address()
        )
    };

    let since = Instant::now();
    let husk = serve(&[("lab", body(&ours))], "");
    let (our_first, our_start, our_polls) = measured(&ours, husk.port, since);

    let dir = Scratch::new("snmp-incumbent").unwrap();
    let conf = format!(
        "pollinterval = 1\n[lab]\n  driver = snmp-ups\n  pollfreq = 1\n{}",
        body(&theirs)
    );
    dir.write("ups.conf", &conf).unwrap();
    dir.write("upsd.users", "").unwrap();
    let since = Instant::now();
    let incumbent = Server::start(Which::Incumbent, dir, &["lab"]).unwrap();
    let (their_first, their_start, their_polls) = measured(&theirs, incumbent.port, since);

    println!(
        "first data: ours after {our_first:?} {our_start:?}, theirs after {their_first:?} {their_start:?}"
    );
    println!("{WATCHED:?} of polls each second: ours {our_polls:?}, theirs {their_polls:?}");
    until(&husk, "lab", "ups.status", "OL");
    let (our_all, their_all) = (
        variables(husk.port, "lab"),
        variables(incumbent.port, "lab"),
    );
    let (mut same, mut other) = (0, Vec::new());
    for (name, value) in their_all
        .iter()
        .filter(|(name, _)| !name.starts_with("driver."))
    {
        let ours = our_all.get(name);
        let number = |text: &str| text.parse::<f64>().ok();
        let equal = ours.is_some_and(|ours| match (number(ours), number(value)) {
            (Some(one), Some(two)) => (one - two).abs() < 0.05,
            _ => ours.trim() == value.trim(),
        });
        match equal {
            true => same += 1,
            false => other.push(format!("{name}: theirs {value:?}, ours {ours:?}")),
        }
    }
    println!("{same} variables are the same; {}", other.join("; "));
    assert!(same > 25 && other.len() <= 5, "{same}: {other:?}");
    assert!(
        our_polls.requests * 5 <= their_polls.requests,
        "ours {our_polls:?}, theirs {their_polls:?}"
    );
}
