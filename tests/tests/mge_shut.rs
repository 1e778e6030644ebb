//! A HID UPS on a serial line, served by the whole program with `driver = mge-shut`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::sim::shut::Tunnel;
use husk_tests::tool::Wire;
use husk_tests::usb::hid::Fault;
use husk_tests::usb::ups::Ups;
use std::fs;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_hid_ups_on_a_serial_line_tells_of_an_outage_and_heals() {
    let component = husk_tests::component("husk_plugin_mge_shut");
    let dir = Scratch::new("mge-shut").unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    if fs::copy(component, dir.path().join("plugins/mge-shut.wasm")).is_err() {
        husk_tests::skip("a UPS that speaks SHUT: the component husk_plugin_mge_shut is not built");
        return;
    }
    let line = Tunnel::start(Ups::new("4711")).unwrap();
    let port = line.path().display();
    let conf = format!("[lab]\n  driver = mge-shut\n  port = {port}\n  pollinterval = 1\n");
    dir.write("ups.conf", &conf).unwrap();
    dir.write("husk.toml", "[device.lab]\ngrant = [\"modem-lines\"]\n")
        .unwrap();
    let server = Server::start_husk(dir).unwrap();
    let value = |variable: &str| {
        let mut wire = Wire::connect(server.port).unwrap();
        let value = wire.value("lab", variable);
        value.unwrap_or_else(|error| error.to_string())
    };
    let until = |status: &str| {
        wait_until(PATIENCE, || value("ups.status").starts_with(status)).unwrap_or_else(|error| {
            let last = value("ups.status");
            panic!("{error}: ups.status is {last}; {}", server.log())
        });
    };
    until("OL");
    assert_eq!(value("ups.serial"), "4711");
    assert_eq!(value("battery.charge"), "97");
    assert_eq!(value("ups.beeper.status"), "enabled");
    line.device().mains(false);
    until("OB");
    line.device().mains(true);
    until("OL");
    line.device().fault = Fault::Dead;
    wait_until(PATIENCE, || value("ups.status").contains("DATA-STALE")).unwrap();
    line.device().fault = Fault::None;
    until("OL");
}
