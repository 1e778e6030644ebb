//! Agents that fall silent, lose packets or take little at once.

use super::{body, serve, until, value, variables};
use husk_tests::sim::snmp::{Agent, Value, rfc1628};
use std::time::{Duration, Instant};

#[test]
fn an_outage_is_told_and_its_end() {
    let agent = Agent::start(rfc1628::ups("Sim 1500")).unwrap();
    let server = serve(&[("lab", body(&agent.address(), ""))], "");
    until(&server, "lab", "ups.status", "OL");
    assert_eq!(value(&server, "lab", "ups.model"), "Sim 1500");
    assert_eq!(value(&server, "lab", "battery.charge"), "97");
    assert_eq!(value(&server, "lab", "battery.voltage"), "27.30");
    agent.put(rfc1628::OUTPUT_SOURCE, Some(Value::integer(5)));
    until(&server, "lab", "ups.status", "OB");
    agent.put(rfc1628::BATTERY_STATUS, Some(Value::integer(3)));
    until(&server, "lab", "ups.status", "LB OB");
    agent.put(rfc1628::BATTERY_STATUS, Some(Value::integer(2)));
    agent.put(rfc1628::OUTPUT_SOURCE, Some(Value::integer(3)));
    until(&server, "lab", "ups.status", "OL");
}

#[test]
fn silence_makes_stale_and_never_an_outage_and_heals_by_itself() {
    let mut agents = Agent::start_all(vec![rfc1628::ups("a"), rfc1628::ups("b")]).unwrap();
    let (b, a) = (agents.pop().unwrap(), agents.pop().unwrap());
    let sections = [("a", body(&a.address(), "")), ("b", body(&b.address(), ""))];
    let server = serve(&sections, "");
    until(&server, "a", "ups.status", "OL");
    until(&server, "b", "ups.status", "OL");
    a.silence(true);
    let fell = Instant::now();
    let mut said = value(&server, "a", "ups.status");
    while !said.contains("DATA-STALE") {
        assert_eq!(said, "OL", "silence is no news of the mains");
        assert!(fell.elapsed() < Duration::from_secs(20), "never stale");
        std::thread::sleep(Duration::from_millis(50));
        said = value(&server, "a", "ups.status");
    }
    println!("stale {:?} after the agent fell silent", fell.elapsed());
    assert_eq!(value(&server, "b", "ups.status"), "OL", "its neighbour");
    a.silence(false);
    let came = Instant::now();
    until(&server, "a", "ups.status", "OL");
    println!("fresh {:?} after it spoke again", came.elapsed());
}

#[test]
fn one_packet_in_twenty_may_get_lost() {
    let agent = Agent::start(rfc1628::ups("lossy")).unwrap();
    agent.lose(5);
    let more = "  snmp_timeout = 0.3\n  snmp_retries = 5\n";
    let port = format!("  port = {}\n{more}", agent.address());
    let server = serve(&[("lab", port)], "");
    until(&server, "lab", "ups.status", "OL");
    let whole = variables(server.port, "lab");
    agent.take_counted();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        assert_eq!(value(&server, "lab", "ups.status"), "OL");
        std::thread::sleep(Duration::from_millis(100));
    }
    let counted = agent.take_counted();
    let names = |all: std::collections::BTreeMap<String, String>| -> Vec<String> {
        all.into_keys().collect()
    };
    assert_eq!(names(variables(server.port, "lab")), names(whole));
    println!("{counted:?} in 20 s of 5 % loss");
    assert!(counted.requests >= 15, "{counted:?}");
}

#[test]
fn an_agent_that_takes_three_objects_at_once_is_served_whole() {
    let objects = rfc1628::ups("small");
    let mut agents = Agent::start_all(vec![objects.clone(), objects]).unwrap();
    let (small, usual) = (agents.pop().unwrap(), agents.pop().unwrap());
    small.takes_at_most(3);
    let v2c = "  snmp_version = v2c\n";
    let sections = [
        ("small", body(&small.address(), v2c)),
        ("usual", body(&usual.address(), v2c)),
    ];
    let server = serve(&sections, "");
    until(&server, "small", "ups.status", "OL");
    until(&server, "usual", "ups.status", "OL");
    let of_device = |ups| {
        let mut all = variables(server.port, ups);
        all.retain(|name, _| !name.starts_with("driver."));
        all
    };
    assert_eq!(of_device("small"), of_device("usual"));
    assert!(of_device("small").len() > 30);
}
