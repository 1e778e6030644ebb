//! A Smart-UPS on a pseudo-terminal, through the sandbox: what it says is what is served, what a bad line makes of it
//! never is, and alerts do not wait for the poll.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod beside;

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::sim::apcsmart::{Fault, SmartUps, State};
use husk_tests::tool::{Tools, Wire, run};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(40);
/// NUT's own, and what an alert must not wait for.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
const USERS: &str = "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n";

fn outage() -> State {
    State {
        mains: false,
        input_voltage: 0.0,
        charge: 92.0,
        runtime: 38,
        ..State::default()
    }
}

/// A directory with the units on these lines, the first called rack; `None`: the component is not built.
fn prepare(ports: &[&Path]) -> Option<Scratch> {
    let component = husk_tests::component("husk_plugin_apc_smart");
    let dir = Scratch::new("apcsmart").unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    if fs::copy(component, dir.path().join("plugins/apcsmart.wasm")).is_err() {
        husk_tests::skip("a Smart-UPS: the component husk_plugin_apc_smart is not built");
        return None;
    }
    let (mut conf, mut grants) = (String::new(), String::new());
    for (at, port) in ports.iter().enumerate() {
        conf += &format!(
            "[{}]\n  driver = apcsmart\n  port = {}\n",
            name(at),
            port.display()
        );
        grants += &format!("[device.{}]\ngrant = [\"modem-lines\"]\n", name(at));
    }
    dir.write("ups.conf", &conf).unwrap();
    dir.write("husk.toml", &grants).unwrap();
    dir.write("upsd.users", USERS).unwrap();
    Some(dir)
}

fn name(at: usize) -> String {
    match at {
        0 => "rack".to_owned(),
        at => format!("rack{at}"),
    }
}

fn start(ups: &SmartUps) -> Option<Server> {
    let server = Server::start_husk(prepare(&[ups.path()])?).unwrap();
    until(&server, "ups.status", |value| value == "OL");
    Some(server)
}

/// Asks until the reply is as wanted; how long that took.
fn until(server: &Server, variable: &str, wanted: impl Fn(&str) -> bool) -> Duration {
    let mut wire = Wire::connect(server.port).unwrap();
    let begun = Instant::now();
    let mut last = String::new();
    let outcome = wait_until(PATIENCE, || {
        last = wire.value("rack", variable).unwrap();
        wanted(&last)
    });
    assert!(
        outcome.is_ok(),
        "{variable} stayed '{last}'; log:\n{}",
        server.log()
    );
    begun.elapsed()
}

/// How long after the alert the status had the word, asked every two milliseconds.
fn told(
    server: &Server,
    ups: &SmartUps,
    change: impl FnOnce(),
    has: impl Fn(&str) -> bool,
) -> Duration {
    let mut wire = Wire::connect(server.port).unwrap();
    let before = ups.alerted();
    change();
    let begun = Instant::now();
    let mut status = String::new();
    while begun.elapsed() < PATIENCE {
        status = wire.value("rack", "ups.status").unwrap();
        if has(&status) && ups.alerted() != before {
            return ups.alerted().unwrap().elapsed();
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("the status stayed {status}; log:\n{}", server.log());
}

fn tool(server: &Server, name: &str, words: &[&str]) -> String {
    let ups = server.ups("rack");
    let mut arguments = vec!["-u", "admin", "-p", "secret", "-w"];
    match name {
        "upsrw" => arguments.extend(["-s", words[0], &ups]),
        _ => {
            arguments.push(&ups);
            arguments.extend(words);
        }
    }
    let outcome = run(Tools::Husk, name, &arguments).unwrap();
    outcome.stderr.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn an_alert_is_published_within_milliseconds() {
    let ups = SmartUps::start(State::default()).unwrap();
    let Some(server) = start(&ups) else { return };
    let mut wire = Wire::connect(server.port).unwrap();
    assert_eq!(wire.value("rack", "input.voltage").unwrap(), "231.8");
    assert_eq!(wire.value("rack", "ups.model").unwrap(), "SMART-UPS 700");
    let mut slowest = Duration::ZERO;
    for round in 0..5 {
        // At another time since the last poll in each round.
        thread::sleep(Duration::from_millis(300 * round));
        let low = State {
            low_battery: true,
            ..outage()
        };
        for (name, state, wanted) in [
            ("OB", outage(), "OB"),
            ("LB", low, "OB LB"),
            ("OL", State::default(), "OL"),
        ] {
            let has = |status: &str| {
                let words: Vec<&str> = status.split(' ').collect();
                wanted.split(' ').all(|word| words.contains(&word))
                    && !(wanted == "OL" && words.contains(&"OB"))
            };
            let took = told(&server, &ups, || ups.set(state), has);
            println!("{name} published {took:?} after its alert (poll interval {POLL_INTERVAL:?})");
            slowest = slowest.max(took);
        }
    }
    assert!(slowest < POLL_INTERVAL / 2, "{slowest:?}");
    // In the middle of an answer, with the driver in the middle of a poll.
    let took = told(
        &server,
        &ups,
        || ups.fail_mains_while_answering(b'L'),
        |status| status.starts_with("OB"),
    );
    println!("OB published {took:?} after an alert in the middle of an answer");
    assert!(took < POLL_INTERVAL, "{took:?}");
}

/// Looks at the status all the time until dropped; no other than these may be seen.
fn no_other_than(server: &Server, allowed: &[&str], during: impl FnOnce()) {
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut wire = Wire::connect(server.port).unwrap();
            let mut seen = std::collections::BTreeSet::new();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                seen.insert(wire.value("rack", "ups.status").unwrap());
                thread::sleep(Duration::from_millis(5));
            }
            seen
        });
        during();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let seen = watch.join().unwrap();
        assert!(
            seen.iter().all(|status| allowed.contains(&status.as_str())),
            "{seen:?}"
        );
    });
}

const ON_LINE: &[&str] = &["OL", "ERR DATA-STALE"];

#[test]
fn an_ugly_line_makes_no_status_and_heals() {
    let ups = SmartUps::start(State::default()).unwrap();
    let Some(server) = start(&ups) else { return };
    for fault in [
        Fault::Noise(40),
        Fault::Noise(8),
        Fault::Half,
        Fault::Echo,
        Fault::Silent,
    ] {
        no_other_than(&server, ON_LINE, || {
            ups.fail(Some(fault));
            thread::sleep(Duration::from_secs(5));
            if fault == Fault::Silent {
                until(&server, "ups.status", |value| value == "ERR DATA-STALE");
            }
            ups.fail(None);
            let healed = until(&server, "ups.status", |value| value == "OL");
            println!("{fault:?}: healed {healed:?} after it was over");
        });
    }
    // A slow one is served all the same, and tells of an outage.
    no_other_than(&server, ON_LINE, || {
        ups.fail(Some(Fault::Slow(400)));
        thread::sleep(Duration::from_secs(8));
        until(&server, "input.voltage", |value| value == "231.8");
    });
    let took = told(
        &server,
        &ups,
        || ups.set(outage()),
        |status| status.starts_with("OB"),
    );
    println!("a slow unit's outage was published after {took:?}");
    ups.fail(None);
    ups.set(State::default());
    until(&server, "ups.status", |value| value.starts_with("OL"));
    // On a noisy line an outage is seen, and no other thing.
    let outage_only = ["OL", "OL CHRG", "OB", "OB DISCHRG", "ERR DATA-STALE"];
    no_other_than(&server, &outage_only, || {
        ups.fail(Some(Fault::Noise(40)));
        ups.set(outage());
        let took = until(&server, "ups.status", |value| value.starts_with("OB"));
        println!("on a noisy line an outage was published after {took:?}");
        thread::sleep(Duration::from_secs(5));
    });
}

#[test]
fn a_unit_that_was_switched_off_and_on_is_found_again() {
    let ups = SmartUps::start(State::default()).unwrap();
    let Some(server) = start(&ups) else { return };
    no_other_than(&server, &["OL"], || {
        for _ in 0..3 {
            ups.restart();
            ups.set(State {
                load: 30.0,
                ..State::default()
            });
            let took = until(&server, "ups.load", |value| value == "030.0");
            println!("served again {took:?} after the restart");
            ups.set(State::default());
            until(&server, "ups.load", |value| value == "023.4");
        }
    });
    // Off while the mains fail, and back on battery: nobody said `!`.
    ups.restart();
    ups.set(outage());
    until(&server, "ups.status", |value| value.starts_with("OB"));
    assert!(!server.log().contains("stale"), "{}", server.log());
}

#[test]
fn values_are_written_once_and_the_power_is_cut_when_asked_for_twice() {
    let ups = SmartUps::start(State::default()).unwrap();
    let Some(server) = start(&ups) else { return };
    assert_eq!(
        tool(&server, "upsrw", &["input.transfer.high=261"]),
        "SUCCESS",
        "{}",
        server.log()
    );
    until(&server, "input.transfer.high", |value| value == "261");
    assert_eq!(ups.writes(), 2, "two steps");
    assert_eq!(
        tool(&server, "upsrw", &["input.transfer.high=261"]),
        "SUCCESS"
    );
    assert_eq!(ups.writes(), 2, "it was there");
    assert!(tool(&server, "upsrw", &["input.transfer.high=262"]).contains("INVALID"));
    assert_eq!(
        tool(&server, "upsrw", &["ups.id=rack3"]),
        "SUCCESS",
        "{}",
        server.log()
    );
    until(&server, "ups.id", |value| value == "rack3");
    assert_eq!(ups.writes(), 3);
    assert_eq!(tool(&server, "upscmd", &["test.battery.start"]), "SUCCESS");
    assert!(ups.heard().contains(&b'W'));

    assert!(tool(&server, "upscmd", &["load.off"]).contains("FAILED"));
    assert!(
        !ups.is_off() && server.log().contains("must be asked for again"),
        "{}",
        server.log()
    );
    thread::sleep(Duration::from_secs(4));
    assert_eq!(
        tool(&server, "upscmd", &["load.off"]),
        "SUCCESS",
        "{}",
        server.log()
    );
    assert!(ups.is_off());
}
