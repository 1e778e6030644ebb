//! The crates rups and nut-client, which share their interface, in clear and over TLS: HOST PORT CA.
//!
//! Built once with each, as `nut`. They trust the authorities of the web only, so a verified session with ours must fail.

use std::net::SocketAddr;

use nut::blocking::Connection;
use nut::{Auth, Config, ConfigBuilder, Host};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let (host, port) = (&words[1], words[2].parse().expect("a port"));
    let address: SocketAddr = format!("{host}:{port}").parse().expect("an address");
    let of = |host: Host, user: (&str, &str)| {
        ConfigBuilder::new()
            .with_host(host)
            .with_auth(Some(Auth::new(user.0.into(), Some(user.1.into()))))
    };
    let admin = || of(address.into(), ("admin", "secret"));
    talk(&admin().build());
    talk(&admin().with_ssl(true).with_insecure_ssl(true).build());
    let localhost = Host::try_from(("localhost".to_owned(), port)).expect("localhost");
    let strict = of(localhost, ("admin", "secret")).with_ssl(true).build();
    assert!(Connection::new(&strict).is_err(), "it trusts anybody");
}

fn talk(config: &Config) {
    let mut server = Connection::new(config).expect("a connection");
    let list = server.list_ups().expect("the UPSes");
    let names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["lab", "plain", "tls"]);
    assert_eq!(list[0].1, "The lab");
    let status = server.get_var("lab", "ups.status").expect("a value");
    assert_eq!(status.value(), "OL CHRG");
    let all = server.list_vars("lab").expect("all values");
    assert!(all.iter().any(|one| one.name() == "battery.charge"));
    let writable = server.list_mutable_vars("lab").expect("the writable ones");
    assert!(writable
        .iter()
        .any(|one| one.name() == "ups.delay.shutdown"));
    let commands = server.list_commands("lab").expect("the commands");
    assert!(commands.iter().any(|one| one == "load.off"), "{commands:?}");
    assert!(server.get_var("lab", "no.such").is_err());
    assert!(server
        .get_server_version()
        .expect("a version")
        .contains("Tools upsd"));
    server.close().expect("a farewell");
}
