//! What is written to an agent, and what is not.

use super::{ask, body, serve, until, value};
use husk_tests::rig::wait_until;
use husk_tests::sim::snmp::{Agent, Value, rfc1628};

#[test]
fn commands_reach_the_agent_unless_the_device_is_only_to_be_read() {
    let objects = rfc1628::ups("w");
    let mut agents = Agent::start_all(vec![objects.clone(), objects.clone(), objects]).unwrap();
    let (narrow, closed, open) = (
        agents.pop().unwrap(),
        agents.pop().unwrap(),
        agents.pop().unwrap(),
    );
    let sections = [
        ("open", body(&open.address(), "")),
        ("closed", body(&closed.address(), "")),
        ("narrow", body(&narrow.address(), "")),
    ];
    let extras =
        "[device.closed]\nread-only = true\n[device.narrow]\nsnmp-write = [\"1.3.6.1.4.1.318\"]\n";
    let server = serve(&sections, extras);
    for ups in ["open", "closed", "narrow"] {
        until(&server, ups, "ups.status", "OL");
        assert_eq!(value(&server, ups, "ups.beeper.status"), "enabled");
    }
    let commands = ask(&server, "LIST CMD open");
    assert!(commands.contains("beeper.mute"), "{commands}");
    assert_eq!(ask(&server, "INSTCMD open beeper.mute"), "OK");
    wait_until(super::PATIENCE, || {
        open.value(rfc1628::BEEPER) == Some(Value::integer(3))
    })
    .unwrap();
    until(&server, "open", "ups.beeper.status", "muted");

    for ups in ["closed", "narrow"] {
        let answer = ask(&server, &format!("INSTCMD {ups} beeper.mute"));
        println!("{ups}: {answer}");
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    for agent in [&closed, &narrow] {
        assert_eq!(agent.take_written(), []);
        assert_eq!(agent.value(rfc1628::BEEPER), Some(Value::integer(2)));
    }
}
