//! SNMP agents behind whole programs: `driver = snmp-ups` against simulated agents, against Debian's snmpd with all that
//! version 3 has, and beside the incumbent's driver on the same agent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod beside;
mod faults;
mod secrets;
mod version3;
mod writes;

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::Wire;
use std::collections::BTreeMap;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

/// A server with these sections' bodies, by name, and a husk.toml.
fn serve(sections: &[(&str, String)], extras: &str) -> Server {
    let dir = Scratch::new("snmp").unwrap();
    let section = |(name, body): &(&str, String)| {
        format!("[{name}]\n  driver = snmp-ups\n  pollinterval = 1\n  pollfreq = 1\n{body}")
    };
    let conf: Vec<String> = sections.iter().map(section).collect();
    dir.write("ups.conf", &conf.concat()).unwrap();
    let user = "[op]\n  password = x\n  actions = SET\n  instcmds = ALL\n";
    dir.write("upsd.users", user).unwrap();
    dir.write("husk.toml", extras).unwrap();
    Server::start_husk(dir).unwrap()
}

/// The body of a section for an agent, patient for less than a second.
fn body(address: &str, more: &str) -> String {
    format!("  port = {address}\n  snmp_timeout = 0.4\n  snmp_retries = 1\n{more}")
}

fn value(server: &Server, ups: &str, variable: &str) -> String {
    let mut wire = Wire::connect(server.port).unwrap();
    let value = wire.value(ups, variable);
    value.unwrap_or_else(|error| error.to_string())
}

fn until(server: &Server, ups: &str, variable: &str, begins: &str) {
    let here = || value(server, ups, variable);
    wait_until(PATIENCE, || here().starts_with(begins)).unwrap_or_else(|error| {
        panic!("{error}: {ups} {variable} is {}; {}", here(), server.log());
    });
}

/// All variables of a UPS.
fn variables(port: u16, ups: &str) -> BTreeMap<String, String> {
    let mut wire = Wire::connect(port).unwrap();
    let reply = wire.ask(&format!("LIST VAR {ups}")).unwrap();
    let row = |line: &str| {
        let (name, value) = line.strip_prefix(&format!("VAR {ups} "))?.split_once(' ')?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    reply.lines().filter_map(row).collect()
}

/// Says something as a user who may do everything.
fn ask(server: &Server, request: &str) -> String {
    let mut wire = Wire::connect(server.port).unwrap();
    wire.ask("USERNAME op").unwrap();
    wire.ask("PASSWORD x").unwrap();
    wire.ask(request).unwrap()
}
