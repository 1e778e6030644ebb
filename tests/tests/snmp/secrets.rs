//! Communities and passwords are nowhere to be seen.

use super::{body, serve, until, variables};
use husk_tests::sim::snmp::{Agent, rfc1628};

#[test]
fn no_key_is_shown_or_logged() {
    let agent = Agent::start(rfc1628::ups("s")).unwrap();
    let open = body(&agent.address(), "  community = hunter2hunter2\n");
    let v3 = body(
        &agent.address(),
        "  snmp_version = v3\n  secLevel = authPriv\n  secName = nut\n  authPassword = swordfish1\n  privPassword = swordfish2\n",
    );
    let wrong = body(
        &agent.address(),
        "  snmp_version = v3\n  secLevel = authPriv\n  secName = nut\n  authPassword = swordfish1\n  privPassword = fish2\n",
    );
    let sections = [("open", open), ("v3", v3), ("wrong", wrong)];
    let server = serve(&sections, "");
    until(&server, "open", "ups.status", "OL");
    // The others are not served, and the log says why.
    server
        .wait_for_log("privPassword has fewer than 8 characters", super::PATIENCE)
        .unwrap();
    server.wait_for_log("UPS [v3]", super::PATIENCE).unwrap();
    let shown = variables(server.port, "open");
    let all = format!("{shown:?}{}", server.log());
    for secret in ["hunter2", "swordfish", "fish2"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
