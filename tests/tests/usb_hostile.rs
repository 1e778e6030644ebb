//! A driver for USB that reaches for what is not its own, or does not let go: nothing beyond its interface is reached, the
//! device sees none of it, the plugin that goes on and on is stopped, and a UPS beside it is served as if nothing were.
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
use husk_tests::usb::Simulated;
use husk_tests::usb::socket::Socket;
use husk_tests::usb::ups::Ups;

const PATIENCE: Duration = Duration::from_secs(40);
/// A neighbour's answer may take this long while an attack runs, as the product promises.
const PROMISED: Duration = Duration::from_millis(50);

struct Rig {
    victim: Socket<Ups>,
    server: Server,
    wire: Wire,
}

/// A device whose driver attacks in this way, beside one that is well.
fn rig(attack: &str) -> Option<Rig> {
    let dir = Scratch::new("usb-hostile").unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    for name in ["husk_hostile_usb", "husk_plugin_usbhid"] {
        let file = dir.path().join("plugins").join(name).with_extension("wasm");
        if fs::copy(husk_tests::component(name), file).is_err() {
            husk_tests::skip(&format!("a hostile USB driver: {name} is not built"));
            return None;
        }
    }
    let socket = |name: &str| Socket {
        path: dir.path().join(name),
        device: Simulated::new(Ups::new(name)),
    };
    let (victim, neighbour) = (socket("victim"), socket("neighbour"));
    victim.plug().unwrap();
    neighbour.plug().unwrap();
    let conf = format!(
        "pollinterval = 1\n[victim]\n  driver = hostile-usb\n  port = usbip:{}\n  attack = {attack}\n\
         [neighbour]\n  driver = usbhid-ups\n  port = usbip:{}\n",
        victim.path.display(),
        neighbour.path.display()
    );
    dir.write("ups.conf", &conf).unwrap();
    dir.write("upsd.users", "").unwrap();
    let server = Server::start_husk(dir).unwrap();
    let wire = Wire::connect(server.port).unwrap();
    let mut rig = Rig {
        victim,
        server,
        wire,
    };
    rig.until("neighbour", "ups.status", |status| status.starts_with("OL"));
    Some(rig)
}

impl Rig {
    fn value(&mut self, ups: &str, variable: &str) -> String {
        self.wire.value(ups, variable).unwrap()
    }

    fn until(&mut self, ups: &str, variable: &str, fits: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        wait_until(PATIENCE, || {
            last = self.value(ups, variable);
            fits(&last)
        })
        .unwrap_or_else(|error| panic!("{error}: {variable} is {last}; {}", self.server.log()));
        last
    }

    /// The neighbour is asked all the time, answers at once, and is on mains.
    fn neighbour_is_well(&mut self, span: Duration) {
        let begun = Instant::now();
        let mut slowest = Duration::ZERO;
        while begun.elapsed() < span {
            let asked = Instant::now();
            let status = self.value("neighbour", "ups.status");
            slowest = slowest.max(asked.elapsed());
            assert!(status.starts_with("OL"), "{status}: {}", self.server.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(slowest < PROMISED, "a neighbour's answer took {slowest:?}");
    }
}

#[test]
fn nothing_beyond_its_interface_is_reached() {
    for attack in ["reach", "reach-after-reset", "huge"] {
        let Some(mut rig) = rig(attack) else { return };
        rig.until("victim", "ups.status", |status| status == "OL");
        // The second poll attacks; from then on the report says what was won.
        rig.neighbour_is_well(Duration::from_secs(4));
        let won = rig.until("victim", "ups.mfr", |won| won.starts_with("won:"));
        assert_eq!(won, "won: ", "{attack}: {}", rig.server.log());
        let strange = rig.victim.device.tell(|ups| ups.strange.clone());
        assert!(
            strange.is_empty(),
            "{attack}: the device was sent {strange:?}"
        );
    }
}

#[test]
fn a_driver_that_does_not_let_go_is_stopped() {
    for (attack, reason) in [
        ("transfers", "called the host more than"),
        ("waits", ""),
        ("resets", ""),
    ] {
        let Some(mut rig) = rig(attack) else { return };
        rig.neighbour_is_well(Duration::from_secs(3));
        let said = "[victim] (hostile-usb-victim): the driver plugin failed and was stopped";
        let line = rig.server.wait_for_log(said, PATIENCE).unwrap();
        assert!(line.contains(reason), "{attack}: {line}");
        rig.neighbour_is_well(Duration::from_secs(2));
    }
}

/// It says OL for ever and asks its device nothing: after a minute that is not believed.
#[test]
#[ignore = "takes a minute: cargo test --test usb_hostile -- --ignored"]
fn a_report_without_transfers_is_not_believed_for_long() {
    let Some(mut rig) = rig("silence") else {
        return;
    };
    rig.until("victim", "ups.status", |status| status == "OL");
    let begun = Instant::now();
    wait_until(Duration::from_secs(100), || {
        rig.value("victim", "ups.status").starts_with("ERR ")
    })
    .unwrap_or_else(|error| panic!("{error}: {}", rig.server.log()));
    assert!(
        begun.elapsed() > Duration::from_secs(50),
        "{:?}",
        begun.elapsed()
    );
    rig.neighbour_is_well(Duration::from_secs(2));
}
