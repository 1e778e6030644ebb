//! Components that misbehave in every way we know, each as one device of a server that serves
//! another: contained, said in the log, and the neighbour does not notice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs;
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::Wire;

/// Attack and a word of the reason that must be logged.
const ATTACKS: &[&str] = &[
    "spin",
    "memory",
    "trap",
    "panic",
    "stack",
    "log-flood",
    "huge-string",
    "many-strings",
    "endless-host-calls",
    "lie",
];

/// A neighbour's answer may take this long while an attack runs, as the product promises.
const PROMISED: Duration = Duration::from_millis(50);

fn start() -> Option<Server> {
    let hostile = husk_tests::component("husk_hostile");
    if !hostile.exists() {
        husk_tests::skip("hostile: the hostile component is not built");
        return None;
    }
    let dir = Scratch::new("hostile").unwrap();
    dir.write("upsd.users", "[admin]\n  password = secret\n")
        .unwrap();
    dir.write("good.dev", "ups.status: OL\nbattery.charge: 100\n")
        .unwrap();
    dir.write("idle.txt", "nothing here\n").unwrap();
    let mut conf = "pollinterval = 1\n[good]\n  driver = dummy-ups\n  port = good.dev\n".to_owned();
    for attack in ATTACKS {
        conf += &format!("[{attack}]\n  driver = hostile\n  port = idle.txt\n  attack = none\n");
    }
    dir.write("ups.conf", &conf).unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    fs::copy(hostile, dir.path().join("plugins/hostile.wasm")).unwrap();
    Some(Server::start_husk(dir).unwrap())
}

/// The slowest and the typical answer of the good device within `span`.
fn answers(server: &Server, span: Duration) -> (Duration, Duration) {
    let mut wire = Wire::connect(server.port).unwrap();
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < span {
        let asked = Instant::now();
        assert_eq!(wire.value("good", "battery.charge").unwrap(), "100");
        times.push(asked.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    times.sort();
    (times[times.len() - 1], times[times.len() / 2])
}

#[test]
fn every_attack_is_contained_and_the_neighbour_is_served() {
    let Some(server) = start() else { return };
    let mut wire = Wire::connect(server.port).unwrap();
    for name in ATTACKS.iter().chain(&["good"]) {
        wait_until(Duration::from_secs(20), || {
            wire.value(name, "ups.status").unwrap() == "OL"
        })
        .unwrap_or_else(|error| panic!("{name}: {error}; log:\n{}", server.log()));
    }
    let (calm_worst, calm) = answers(&server, Duration::from_secs(2));
    println!("calm: median {calm:?}, worst {calm_worst:?}");
    let quiet = fs::read_to_string(server.dir.path().join("ups.conf")).unwrap();
    for attack in ATTACKS {
        let armed = quiet.replace(
            &format!("[{attack}]\n  driver = hostile\n  port = idle.txt\n  attack = none\n"),
            &format!("[{attack}]\n  driver = hostile\n  port = idle.txt\n  attack = {attack}\n"),
        );
        server.dir.write("ups.conf", &armed).unwrap();
        server.signal(rustix::process::Signal::HUP);
        let (worst, median) = answers(&server, Duration::from_secs(3));
        println!(
            "{attack}: median {median:?}, worst {worst:?} ({:.1} times the calm worst)",
            worst.as_secs_f64() / calm_worst.as_secs_f64()
        );
        assert!(
            worst < PROMISED,
            "{attack}: a neighbour's answer took {worst:?}"
        );
        // It is restarted with back-off and may be fresh again for a poll: each failure is what counts.
        let failed =
            format!("[{attack}] (hostile-{attack}): the driver plugin failed and was stopped");
        let reason = server
            .wait_for_log(&failed, Duration::from_secs(10))
            .unwrap();
        println!("  {reason}");
        wait_until(Duration::from_secs(10), || {
            let reply = wire.value(attack, "ups.status").unwrap();
            assert!(
                ["OL", "ERR DATA-STALE", "ERR DRIVER-NOT-CONNECTED"].contains(&reply.as_str()),
                "{attack}: served '{reply}'"
            );
            reply.starts_with("ERR")
        })
        .unwrap_or_else(|error| panic!("{attack}: never stale: {error}\n{}", server.log()));
    }
    // Once they behave again they are served again: restarted, not given up.
    server.dir.write("ups.conf", &quiet).unwrap();
    server.signal(rustix::process::Signal::HUP);
    for name in ATTACKS {
        wait_until(Duration::from_secs(90), || {
            wire.value(name, "ups.status").unwrap() == "OL"
        })
        .unwrap_or_else(|error| panic!("{name}: {error}; log:\n{}", server.log()));
    }
}
