//! A USB UPS served by the whole program without a kernel that has USB: the simulated device is at the other end of a
//! Unix socket (`port = usbip:…`). Everything above the bus is what a real device meets: claims, matching, the guard
//! before its requests, the driver in its sandbox, and the ladder from a failed poll to a new beginning.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::Wire;
use husk_tests::usb::Simulated;
use husk_tests::usb::hid::Fault;
use husk_tests::usb::socket::Socket;
use husk_tests::usb::ups::Ups;

const PATIENCE: Duration = Duration::from_secs(20);
/// A lost device is back this soon after it can be.
const RECOVERY: Duration = Duration::from_secs(2);

struct Rig {
    socket: Socket<Ups>,
    server: Server,
}

/// Serves a device under a section with these options.
fn rig(options: &str) -> Option<Rig> {
    let component = husk_tests::component("husk_plugin_usbhid");
    let dir = Scratch::new("usb").unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    if fs::copy(component, dir.path().join("plugins/usbhid.wasm")).is_err() {
        husk_tests::skip(
            "a USB device behind a socket: the component husk_plugin_usbhid is not built",
        );
        return None;
    }
    let socket = Socket {
        path: dir.path().join("device"),
        device: Simulated::new(Ups::new("4711")),
    };
    socket.plug().unwrap();
    let port = socket.path.display();
    let conf = format!("[lab]\n  driver = usbhid-ups\n  port = usbip:{port}\n{options}\n");
    dir.write("ups.conf", &conf).unwrap();
    dir.write(
        "upsd.users",
        "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n",
    )
    .unwrap();
    let server = Server::start_husk(dir).unwrap();
    Some(Rig { socket, server })
}

impl Rig {
    fn value(&self, variable: &str) -> String {
        let mut wire = Wire::connect(self.server.port).unwrap();
        wire.value("lab", variable)
            .unwrap_or_else(|error| error.to_string())
    }

    /// Waits until the status begins like this; how long that took.
    fn until(&self, status: &str) -> Duration {
        self.until_value("ups.status", |value| value.starts_with(status))
    }

    fn until_value(&self, variable: &str, fits: impl Fn(&str) -> bool) -> Duration {
        let began = Instant::now();
        wait_until(PATIENCE, || fits(&self.value(variable))).unwrap_or_else(|error| {
            let last = self.value(variable);
            panic!("{error}: {variable} is {last}; {}", self.server.log())
        });
        began.elapsed()
    }

    /// Waits until a variable is not served any more, and never says OB on the way.
    fn until_stale(&self) {
        wait_until(PATIENCE, || {
            let status = self.value("ups.status");
            assert!(!status.contains("OB"), "an outage was invented: {status}");
            status.contains("DATA-STALE")
        })
        .unwrap_or_else(|error| panic!("{error}: {}", self.server.log()));
    }
}

#[test]
fn a_device_tells_of_an_outage_long_before_it_is_polled() {
    let Some(rig) = rig("  pollinterval = 30\n  serial = 47.*\n  vendorid = 051d") else {
        return;
    };
    rig.until("OL");
    assert_eq!(rig.value("ups.serial"), "4711");
    assert_eq!(rig.value("driver.name"), "usbhid-ups");
    for (mains, status) in [(false, "OB"), (true, "OL")] {
        rig.socket.device.tell(|ups| ups.mains(mains));
        let took = rig.until(status);
        assert!(took < Duration::from_secs(1), "{status} took {took:?}");
    }
}

#[test]
fn a_device_that_was_unplugged_is_served_again_at_once_and_never_taken_for_an_outage() {
    let Some(rig) = rig("  pollinterval = 1") else {
        return;
    };
    rig.until("OL");
    for _ in 0..5 {
        rig.socket.unplug().unwrap();
        rig.until_stale();
        rig.socket.plug().unwrap();
        let took = rig.until("OL");
        assert!(took < RECOVERY, "{took:?}; {}", rig.server.log());
    }
    let count: u32 = rig.value("driver.reconnect_count").parse().unwrap();
    assert!(count >= 5, "{count}");
}

#[test]
fn firmware_that_hangs_is_reset() {
    let Some(rig) = rig("  pollinterval = 1") else {
        return;
    };
    rig.until("OL");
    rig.socket.device.tell(|ups| ups.fault = Fault::Hang);
    rig.until_value("driver.reset_count", |count| count == "1");
    assert!(rig.value("ups.status").starts_with("OL"));
    let log = rig.server.log();
    assert!(log.contains("its USB device was reset"), "{log}");
}

#[test]
fn a_halt_of_the_interrupt_endpoint_is_taken_off() {
    let Some(rig) = rig("  pollinterval = 1") else {
        return;
    };
    rig.until("OL");
    rig.socket.device.tell(|ups| ups.halt());
    wait_until(PATIENCE, || rig.socket.device.tell(|ups| !ups.is_halted())).unwrap();
    rig.until("OL");
}

#[test]
fn no_fault_of_the_device_invents_an_outage_and_each_heals() {
    let Some(rig) = rig("  pollinterval = 1") else {
        return;
    };
    rig.until("OL");
    for fault in [Fault::Stall, Fault::Short, Fault::Dead] {
        rig.socket.device.tell(|ups| ups.fault = fault);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(3) {
            let status = rig.value("ups.status");
            assert!(!status.contains("OB"), "{fault:?} invents {status}");
            thread::sleep(Duration::from_millis(50));
        }
        rig.socket.device.tell(|ups| ups.fault = Fault::None);
        let took = rig.until("OL");
        assert!(
            took < RECOVERY,
            "{fault:?} took {took:?}; {}",
            rig.server.log()
        );
    }
}

#[test]
fn a_section_that_means_another_device_says_why_there_is_none() {
    let Some(rig) = rig("  serial = 0815") else {
        return;
    };
    let log = rig.server.wait_for_log("ups.conf wants", PATIENCE).unwrap();
    assert!(
        log.contains("051d:0002 at 1-1: its serial is \"4711\", ups.conf wants \"0815\""),
        "{log}"
    );
}
