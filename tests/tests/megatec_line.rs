//! A bad line and a long search: nothing that was not said is ever served, and nobody waits for a device that is silent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::sim::megatec::{Fault, MISHAPS, Megatec, State};
use husk_tests::tool::Wire;

const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Units with days of their own; together they live through some hundred answers.
const UNITS: u64 = 8;
const QUIET: Duration = Duration::from_secs(40);
/// A change has to be said twice in a row, and half of the answers go wrong.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

fn serve(sections: &str) -> Server {
    let dir = Scratch::new("line").unwrap();
    dir.write("upsd.users", "").unwrap();
    dir.write("ups.conf", &format!("pollinterval = 1\n{sections}"))
        .unwrap();
    Server::start_husk(dir).unwrap()
}

fn section(name: &str, ups: &Megatec, options: &str) -> String {
    let port = ups.path().display();
    format!("[{name}]\n driver = nutdrv_qx\n port = {port}\n{options}")
}

/// Asks until the reply is as wanted.
fn until(
    server: &Server,
    ups: &str,
    patience: Duration,
    wanted: impl Fn(&str) -> bool,
) -> Duration {
    let mut wire = Wire::connect(server.port).unwrap();
    let begun = Instant::now();
    let mut last = String::new();
    let outcome = wait_until(patience, || {
        last = wire.value(ups, "ups.status").unwrap();
        wanted(&last)
    });
    let log = server.log();
    assert!(outcome.is_ok(), "{ups} stayed '{last}'; log:\n{log}");
    begun.elapsed()
}

/// Asks every unit for its status again and again, and counts the replies.
fn watch(server: &Server, time: Duration, allowed: &[&str]) -> BTreeMap<String, u32> {
    let mut wire = Wire::connect(server.port).unwrap();
    let mut seen = BTreeMap::new();
    let begun = Instant::now();
    while begun.elapsed() < time {
        for unit in 0..UNITS {
            let reply = wire.value(&format!("u{unit}"), "ups.status").unwrap();
            let stale = reply.starts_with("ERR ");
            assert!(
                stale || allowed.contains(&reply.as_str()),
                "unit {unit} is told to be '{reply}'; log:\n{}",
                server.log()
            );
            *seen.entry(reply).or_default() += 1;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    seen
}

#[test]
fn no_false_status_is_served_on_an_ugly_day() {
    let mut units: Vec<Megatec> = (0..UNITS)
        .map(|_| Megatec::start(State::default()).unwrap())
        .collect();
    let sections: Vec<String> = units
        .iter()
        .enumerate()
        .map(|(n, ups)| section(&format!("u{n}"), ups, " protocol = megatec\n"))
        .collect();
    let server = serve(&sections.concat());
    for unit in 0..UNITS {
        let ol = |status: &str| status == "OL";
        until(&server, &format!("u{unit}"), Duration::from_secs(20), ol);
    }
    for (seed, unit) in (1..).zip(&mut units) {
        unit.fail(Some(Fault::Ugly(seed)));
    }
    // Charge is a guess by the voltage, and its trend a word of the server.
    let quiet = watch(&server, QUIET, &["OL", "OL CHRG", "OL DISCHRG"]);
    assert!(quiet.contains_key("OL"), "{quiet:?}");

    // A real power cut on the same line is seen all the same, and nothing beyond it.
    for unit in &mut units {
        unit.set(State {
            mains: false,
            input_voltage: 0.0,
            ..State::default()
        });
    }
    let cut = Instant::now();
    for unit in 0..UNITS {
        let ob = |status: &str| status.starts_with("OB");
        until(&server, &format!("u{unit}"), SEEN_WITHIN, ob);
    }
    let seen = cut.elapsed();
    let on_battery = watch(&server, QUIET / 4, &["OB", "OB CHRG", "OB DISCHRG"]);

    let mut sum = [0; MISHAPS.len()];
    for unit in &units {
        for (sum, count) in sum.iter_mut().zip(unit.mishaps()) {
            *sum += count;
        }
    }
    println!(
        "served: {quiet:?}, then {on_battery:?}; the last unit was seen on battery after {seen:?}"
    );
    for (mishap, count) in MISHAPS.iter().zip(sum) {
        println!("  {mishap:?}: {count}");
        assert!(count > 0, "{mishap:?} never happened");
    }
}

#[test]
fn a_search_that_takes_a_minute_delays_neither_devices_nor_clients() {
    let mut silent = Megatec::start(State::default()).unwrap();
    silent.fail(Some(Fault::Silent));
    let mut live = Megatec::start(State::default()).unwrap();
    let sections =
        section("silent", &silent, "") + &section("live", &live, " protocol = megatec\n");
    let server = serve(&sections);
    until(&server, "live", Duration::from_secs(20), |status| {
        status == "OL"
    });

    // The search goes on for forty seconds; meanwhile mains come and go at the other device.
    let mut wire = Wire::connect(server.port).unwrap();
    let (mut slowest_reply, mut slowest_change) = (Duration::ZERO, Duration::ZERO);
    let (mut replies, mut changes) = (0, 0);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(35) {
        let mains = changes % 2 == 1;
        live.set(State {
            mains,
            ..State::default()
        });
        let changed = Instant::now();
        let word = if mains { "OL" } else { "OB" };
        loop {
            let asked = Instant::now();
            let status = wire.value("live", "ups.status").unwrap();
            slowest_reply = slowest_reply.max(asked.elapsed());
            replies += 1;
            let other = wire.value("silent", "ups.status").unwrap();
            assert!(other.starts_with("ERR ") || other == "WAIT", "{other}");
            if status.starts_with(word) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
            let log = server.log();
            assert!(
                changed.elapsed() < Duration::from_secs(10),
                "{status}: {log}"
            );
        }
        slowest_change = slowest_change.max(changed.elapsed());
        changes += 1;
    }
    let asked = silent.heard().len();
    println!(
        "{asked} queries without an answer; meanwhile {changes} changes, the slowest seen after {slowest_change:?}, and \
         {replies} replies, the slowest after {slowest_reply:?}"
    );
    assert!(asked > 20, "the search was not under way: {asked} queries");
    assert!(slowest_change < POLL_INTERVAL + Duration::from_millis(800));
    assert!(slowest_reply < Duration::from_millis(500));

    // Once it answers it is found.
    silent.fail(None);
    until(&server, "silent", Duration::from_secs(120), |status| {
        status == "OL"
    });
}
