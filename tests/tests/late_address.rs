//! LISTEN on an address this machine does not have yet: served on the others at once, and there soon after it appears.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::Ipv4Addr;
use std::time::Duration;

use husk_tests::netns::{self, Network};
use husk_tests::rig::{Scratch, Server, Which, wait_until};
use husk_tests::tool::Wire;

/// The server looks every 3 s.
const SOON: Duration = Duration::from_secs(10);
const PORT: u16 = 3494;

#[test]
fn an_address_is_served_when_it_appears_and_when_it_comes_back() {
    if !netns::possible() {
        return husk_tests::skip("late_address: no network namespaces here (root and iproute2)");
    }
    let network = Network::new(&["server"]).unwrap();
    let host = network.host("server").unwrap();
    let [a, b, c, _] = host.address().octets();
    let late = Ipv4Addr::new(a, b, c, 200);
    let dir = Scratch::new("late").unwrap();
    for (name, text) in [
        (
            "ups.conf",
            "[lab]\n  driver = dummy-ups\n  port = lab.dev\n",
        ),
        ("lab.dev", "ups.status: OL\n"),
        ("upsd.users", ""),
        ("upsd.conf", &format!("LISTEN {late} {PORT}\n")),
    ] {
        dir.write(name, text).unwrap();
    }
    let server = Server::start_on(&host, Which::Husk, dir, &[]).unwrap();
    let status = |wire: &mut Wire| wire.value("lab", "ups.status").unwrap_or_default();
    wait_until(SOON, || status(&mut server.wire().unwrap()) == "OL").unwrap();
    server.wait_for_log(&format!("{late}"), SOON).unwrap();

    // Until it is there, asking for it only costs the time of an answer that does not come.
    host.add_address(late).unwrap();
    let reached = || Wire::connect_to(late, PORT).is_ok_and(|mut wire| status(&mut wire) == "OL");
    wait_until(SOON, reached).unwrap_or_else(|error| panic!("{error}:\n{}", server.log()));

    host.remove_address(late).unwrap();
    assert_eq!(status(&mut server.wire().unwrap()), "OL");
    host.add_address(late).unwrap();
    wait_until(SOON, reached).unwrap_or_else(|error| panic!("{error}:\n{}", server.log()));
}
