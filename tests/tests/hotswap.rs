//! A plugin replaced under a client that polls every 10 ms: no failed reply, no dropped
//! connection, no stale answer; and a plugin that does not work is rolled back by itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::sim::megatec::{Megatec, State};
use husk_tests::tool::{Outcome, Tools, Wire, run};

const USERS: &str = "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n";

fn conf(ups: &Megatec, dialect: &str) -> String {
    let port = ups.path().display();
    format!(
        "pollinterval = 1\n[office]\n  driver = megatec\n  port = {port}\n  protocol = {dialect}\n"
    )
}

fn start(ups: &Megatec) -> Server {
    start_with(ups, "megatec")
}

fn start_with(ups: &Megatec, dialect: &str) -> Server {
    let dir = Scratch::new("swap").unwrap();
    dir.write("upsd.users", USERS).unwrap();
    dir.write("ups.conf", &conf(ups, dialect)).unwrap();
    dir.write("husk.toml", "[device.office]\ngrant = [\"modem-lines\"]\n")
        .unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    let server = Server::start_husk(dir).unwrap();
    wait_until(Duration::from_secs(20), || {
        Wire::connect(server.port)
            .unwrap()
            .value("office", "ups.status")
            .unwrap()
            .starts_with("OL")
    })
    .unwrap_or_else(|error| panic!("{error}; log:\n{}", server.log()));
    server
}

/// Puts a component into the plugin directory the way an installer does: complete or not at all.
fn install(server: &Server, name: &str, bytes: &[u8]) {
    let target = server.dir.path().join("plugins").join(name);
    let temporary = target.with_extension("new");
    fs::write(&temporary, bytes).unwrap();
    fs::rename(&temporary, &target).unwrap();
}

fn reload(server: &Server, name: &str) -> Outcome {
    let dir = server.dir.path().display().to_string();
    run(Tools::Husk, "plugin", &["reload", name, "--config", &dir]).unwrap()
}

/// Polls every 10 ms on one connection until told to stop; returns replies and failures.
fn poller(port: u16, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<(u32, Vec<String>)> {
    std::thread::spawn(move || {
        let mut wire = Wire::connect(port).unwrap();
        let (mut replies, mut failures) = (0, Vec::new());
        while !stop.load(Ordering::Relaxed) {
            match wire.value("office", "input.voltage") {
                Ok(value) if value == "230.1" => replies += 1,
                Ok(other) => failures.push(other),
                Err(error) => {
                    failures.push(error.to_string());
                    break;
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        (replies, failures)
    })
}

#[test]
fn a_reload_is_not_noticed_by_a_polling_client() {
    let component = husk_tests::component("husk_plugin_megatec");
    if !component.exists() {
        return husk_tests::skip("hotswap: the megatec component is not built");
    }
    let ups = Megatec::start(State::default()).unwrap();
    let server = start(&ups);
    let stop = Arc::new(AtomicBool::new(false));
    let client = poller(server.port, Arc::clone(&stop));
    std::thread::sleep(Duration::from_millis(300));
    install(&server, "megatec.wasm", &fs::read(&component).unwrap());
    for _ in 0..3 {
        let outcome = reload(&server, "megatec");
        assert_eq!(outcome.code, Some(0), "{outcome:?}; log:\n{}", server.log());
        assert!(
            outcome.stdout.contains("office"),
            "the answer names the device: {outcome:?}"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    stop.store(true, Ordering::Relaxed);
    let (replies, failures) = client.join().unwrap();
    println!(
        "{replies} replies during three swaps, {} failures",
        failures.len()
    );
    assert!(failures.is_empty(), "{failures:?}; log:\n{}", server.log());
    assert!(replies > 100);
    assert_eq!(ups.opens(), 1, "the port stayed open");
}

#[test]
fn a_signal_reloads_plugins_too() {
    let component = husk_tests::component("husk_plugin_megatec");
    if !component.exists() {
        return husk_tests::skip("hotswap: the megatec component is not built");
    }
    let ups = Megatec::start(State::default()).unwrap();
    let server = start(&ups);
    install(&server, "megatec.wasm", &fs::read(&component).unwrap());
    server.signal(rustix::process::Signal::HUP);
    let path = server
        .dir
        .path()
        .join("plugins/megatec.wasm")
        .display()
        .to_string();
    wait_until(Duration::from_secs(20), || {
        let dir = server.dir.path().display().to_string();
        run(
            Tools::Husk,
            "plugin",
            &["show", "megatec", "--config", &dir],
        )
        .unwrap()
        .stdout
        .contains(&path)
    })
    .unwrap_or_else(|error| panic!("{error}; log:\n{}", server.log()));
    let value = Wire::connect(server.port)
        .unwrap()
        .value("office", "input.voltage")
        .unwrap();
    assert_eq!(value, "230.1");
}

/// The megatec component with one dialect's name misspelt: it opens no device configured for that dialect.
fn broken_megatec(good: &[u8]) -> Vec<u8> {
    let (name, wrong) = (b"innovatae", b"innovatax");
    let mut bytes = good.to_vec();
    let found: Vec<usize> = (0..bytes.len() - name.len())
        .filter(|at| bytes[*at..].starts_with(name))
        .collect();
    assert!(!found.is_empty(), "the component names its dialects");
    for at in found {
        bytes[at..at + wrong.len()].copy_from_slice(wrong);
    }
    bytes
}

#[test]
fn a_plugin_that_does_not_work_is_rolled_back() {
    let component = husk_tests::component("husk_plugin_megatec");
    if !component.exists() {
        return husk_tests::skip("hotswap: the megatec component is not built");
    }
    let good = fs::read(component).unwrap();
    let ups = Megatec::start(State::default()).unwrap();
    let server = start_with(&ups, "innovatae");
    let stop = Arc::new(AtomicBool::new(false));
    let client = poller(server.port, Arc::clone(&stop));
    // Not a component at all; then one that loads and cannot open the device.
    let files: [&[u8]; 2] = [b"this is not a component", &broken_megatec(&good)];
    for bytes in files {
        install(&server, "megatec.wasm", bytes);
        let outcome = reload(&server, "megatec");
        println!("{outcome:?}");
        assert_ne!(outcome.code, Some(0), "{outcome:?}");
        assert!(!format!("{}{}", outcome.stdout, outcome.stderr).is_empty());
        std::thread::sleep(Duration::from_millis(2500));
    }
    let refusal = server
        .wait_for_log("was not taken", Duration::from_secs(1))
        .unwrap();
    assert!(
        refusal.contains("[office]") && refusal.contains("protocol"),
        "device and reason are logged: {refusal}"
    );
    // The old instance never stopped; a sound file is taken.
    install(&server, "megatec.wasm", &good);
    let outcome = reload(&server, "megatec");
    assert_eq!(outcome.code, Some(0), "{outcome:?}; log:\n{}", server.log());
    stop.store(true, Ordering::Relaxed);
    let (replies, failures) = client.join().unwrap();
    assert!(
        failures.is_empty() && replies > 100,
        "{replies} replies, {failures:?}; log:\n{}",
        server.log()
    );
    assert_eq!(ups.opens(), 1, "the port stayed open");
}

#[test]
fn a_file_put_into_the_plugin_directory_becomes_a_driver_name() {
    let hostile = husk_tests::component("husk_hostile");
    if !hostile.exists() {
        return husk_tests::skip("hotswap: the hostile component is not built");
    }
    let ups = Megatec::start(State::default()).unwrap();
    let server = start(&ups);
    install(&server, "anything.wasm", &fs::read(&hostile).unwrap());
    server.dir.write("idle.txt", "nothing here\n").unwrap();
    let with_new = format!(
        "{}[new]\n  driver = hostile\n  port = idle.txt\n  attack = none\n",
        conf(&ups, "megatec")
    );
    server.dir.write("ups.conf", &with_new).unwrap();
    server.signal(rustix::process::Signal::HUP);
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(Duration::from_secs(20), || {
        wire.value("new", "ups.status").unwrap() == "OL"
    })
    .unwrap_or_else(|error| panic!("{error}; log:\n{}", server.log()));
    assert_eq!(wire.value("office", "input.voltage").unwrap(), "230.1");
}
