//! USB drivers on a kernel's USB stack, ours beside the incumbent's, with simulated devices that misbehave.
//!
//! These tests plug devices into the kernel's virtual controller, so they are ignored except where `cargo xtask test --vm`
//! runs them: in a machine of their own. Nothing of the product's is faked here: libusb, usbfs and the kernel's own HID
//! driver are the real ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod bridges;
mod healing;
mod likeness;
mod lines;
mod rig;
mod scan;

use husk_tests::rig::{Which, wait_until};
use husk_tests::usb::ups::Ups;
use husk_tests::usb::{Simulated, bus};
use rig::{PATIENCE, Stand, driver, subjects};
use std::time::Duration;

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn status_follows_the_device() {
    for which in subjects() {
        let stand = Stand::new(which, "pollinterval = 1\n");
        stand.await_status("OL CHRG");
        stand.ups.tell(|ups| ups.mains(false));
        let took = stand.await_status("OB DISCHRG");
        println!("{which:?}: the outage was seen after {took:?}");
        stand.ups.tell(|ups| ups.charge(15));
        stand.await_status("OB DISCHRG LB");
        stand.ups.tell(|ups| ups.charge(80));
        stand.ups.tell(|ups| ups.mains(true));
        let took = stand.await_status("OL CHRG");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

/// A poll every 20 s would be too late for an outage; the device says it by itself.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn an_interrupt_report_wakes_the_driver() {
    let stand = Stand::new(Which::Husk, "pollinterval = 20\n");
    stand.await_status("OL CHRG");
    // The poll at the start is over and the next one far away.
    std::thread::sleep(Duration::from_secs(1));
    for (mains, status) in [
        (false, "OB DISCHRG"),
        (true, "OL CHRG"),
        (false, "OB DISCHRG"),
    ] {
        stand.ups.tell(|ups| ups.mains(mains));
        let took = stand.await_status(status);
        println!("{status} after {took:?}");
        assert!(took < Duration::from_secs(1), "{status} after {took:?}");
    }
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn commands_reach_the_device() {
    for which in subjects() {
        let stand = Stand::new(which, "pollinterval = 1\n");
        stand.await_status("OL CHRG");
        assert_eq!(stand.ups.tell(|ups| ups.beeper()), Some(2));
        assert_eq!(stand.order("beeper.disable"), "OK", "{which:?}");
        let heard = wait_until(PATIENCE, || stand.ups.tell(|ups| ups.beeper()) == Some(1));
        assert!(heard.is_ok(), "{which:?}");
        stand.await_value("ups.beeper.status", "disabled");
        assert_eq!(stand.order("load.off.delay"), "OK", "{which:?}");
        let counts = wait_until(PATIENCE, || {
            stand.ups.tell(|ups| ups.shutdown()) == Some(20)
        });
        assert!(
            counts.is_ok(),
            "{which:?}: {:?}",
            stand.ups.tell(|ups| ups.taken.clone())
        );
        assert_eq!(stand.order("shutdown.stop"), "OK", "{which:?}");
        let stopped = wait_until(PATIENCE, || {
            stand.ups.tell(|ups| ups.shutdown()) == Some(-1)
        });
        assert!(
            stopped.is_ok(),
            "{which:?}: {:?}",
            stand.ups.tell(|ups| ups.taken.clone())
        );
    }
}

/// The kernel's HID driver has the device before us, and after us again, so that other programs find it as it was.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn the_kernel_gets_its_device_back() {
    let mut stand = Stand::new(Which::Husk, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    assert_eq!(driver().as_deref(), Some("usbfs"));
    assert_eq!(stand.server.stop().unwrap(), Some(0));
    let back = wait_until(PATIENCE, || driver().as_deref() == Some("usbhid"));
    assert!(back.is_ok(), "{:?}", driver());
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn of_two_devices_the_one_with_the_serial_number_is_taken() {
    let first = Simulated::new(Ups::new("SIM0000001"));
    bus::plug(&first, 1).unwrap();
    for serial in ["SIM0000001", "SIM0000002"] {
        let second = Simulated::new(Ups::new("SIM0000002"));
        bus::plug(&second, 0).unwrap();
        wait_until(PATIENCE, || rig::plugged() == 2).unwrap();
        let stand = Stand::on(second, Which::Husk, &format!("serial = {serial}\n"));
        stand.await_status("OL CHRG");
        assert_eq!(stand.get("ups.serial"), serial);
        drop(stand);
        wait_until(PATIENCE, || rig::plugged() == 1).unwrap();
    }
    first.unplug();
}

/// Ids alone do not make a UPS: what the driver does not want is passed over, and the next device of the ids is tried.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_device_that_is_no_ups_is_passed_over() {
    let mut stranger = Ups::new("SIM0000001");
    stranger.descriptor = vec![0xff; 60];
    let stranger = Simulated::new(stranger);
    let ups = Simulated::new(Ups::new("SIM0000002"));
    // Of devices that fit alike the first port's is tried first.
    for (count, device) in (1..).zip([&stranger, &ups]) {
        bus::plug(device, count - 1).unwrap();
        wait_until(PATIENCE, || rig::plugged() == count as usize).unwrap();
    }
    let stand = Stand::on(ups, Which::Husk, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    let (serial, log) = (stand.get("ups.serial"), stand.server.log());
    drop(stand);
    stranger.unplug();
    let none_left = wait_until(PATIENCE, || rig::plugged() == 0);
    assert_eq!(serial, "SIM0000002");
    assert!(log.contains("not for the device"), "none was tried: {log}");
    none_left.unwrap();
}
