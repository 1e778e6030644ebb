//! Cables pulled and devices that misbehave: how soon the values are back, and that nothing false was said meanwhile.

use super::rig::{PATIENCE, Stand, plugged, subjects};
use husk_tests::process;
use husk_tests::rig::{Which, wait_until};
use husk_tests::usb::hid::Fault;
use husk_tests::usb::ups::Ups;
use husk_tests::usb::{Simulated, bus};
use std::fs;
use std::time::{Duration, Instant};

/// Times the cable is pulled, where `HUSK_REPLUGS` says nothing.
const REPLUGS: u32 = 20;
/// Values are back within this after the cause is gone, more often than not.
const HEALED: Duration = Duration::from_secs(2);
/// And always within this: now and then an emulated processor on a busy machine takes twice as long for everything.
const SLOWEST: Duration = Duration::from_secs(4);
/// Growth of memory that is no leak: buffers that reach their size late.
const SLACK_KB: u64 = 512;

/// Pulls the cable and plugs it into a port; how long until stale, and until the values are back.
fn replug(stand: &Stand, port: u32, charge: u8) -> (Duration, Duration) {
    let begun = Instant::now();
    stand.ups.unplug();
    wait_until(PATIENCE, || stand.get("ups.status").starts_with("ERR ")).expect("its loss is seen");
    let lost = begun.elapsed();
    wait_until(PATIENCE, || plugged() == 0).unwrap();
    let begun = Instant::now();
    stand.ups.tell(|ups| ups.charge(charge));
    bus::plug(&stand.ups, port).unwrap();
    stand.await_value("battery.charge", &charge.to_string());
    stand.await_status("OL CHRG");
    (lost, begun.elapsed())
}

#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_cable_is_pulled_again_and_again() {
    let wanted = std::env::var("HUSK_REPLUGS").ok();
    let times = wanted.map_or(REPLUGS, |number| number.parse().unwrap());
    let stand = Stand::new(Which::Husk, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    let watch = stand.watch();
    let (mut losses, mut returns) = (Vec::new(), Vec::new());
    let mut before = (0, 0);
    for time in 0..times {
        // Another port is another place on the bus; the address is new every time.
        let charge = 50 + u8::try_from(time % 40).unwrap();
        let (lost, back) = replug(&stand, time % 2, charge);
        losses.push(lost);
        returns.push(back);
        if time == times / 4 {
            before = footprint(stand.server.pid());
        }
    }
    let after = footprint(stand.server.pid());
    watch.only("OL CHRG");
    println!(
        "{times} times: lost after {}, back after {}; memory {} to {} kB, open files {} to {}",
        range(&mut losses),
        range(&mut returns),
        before.0,
        after.0,
        before.1,
        after.1
    );
    // In order, since they were printed.
    let (median, slowest) = (returns[returns.len() / 2], returns[returns.len() - 1]);
    assert!(median < HEALED && slowest < SLOWEST, "{returns:?}");
    assert!(after.0 <= before.0 + SLACK_KB, "memory grew");
    assert!(after.1 <= before.1, "files are left open");
}

/// How the incumbent does, to stand beside ours; nothing is asserted of it.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn the_incumbent_and_its_cable() {
    if !subjects().contains(&Which::Incumbent) {
        return;
    }
    let stand = Stand::new(Which::Incumbent, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    let (mut losses, mut returns) = (Vec::new(), Vec::new());
    for charge in [51, 52, 53] {
        let (lost, back) = replug(&stand, 0, charge);
        losses.push(lost);
        returns.push(back);
    }
    println!(
        "the incumbent: lost after {}, back after {}",
        range(&mut losses),
        range(&mut returns)
    );
}

/// Memory in kB and open files.
fn footprint(pid: u32) -> (u64, usize) {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    (process::memory(pid), files)
}

/// Shortest, median and longest.
fn range(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |index: usize| times.get(index).map_or(0.0, Duration::as_secs_f64);
    let last = times.len().saturating_sub(1);
    format!("{:.2}/{:.2}/{:.2} s", at(0), at(last / 2), at(last))
}

/// What the device does for three seconds; afterwards it is well again and has another charge.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_device_misbehaves_for_a_while() {
    for which in subjects() {
        for (number, fault) in (60..).zip([Fault::Stall, Fault::Short, Fault::Garbage]) {
            let stand = Stand::new(which, "pollinterval = 1\n");
            stand.await_status("OL CHRG");
            let watch = (which == Which::Husk).then(|| stand.watch());
            stand.ups.tell(|ups| ups.fault = fault);
            std::thread::sleep(Duration::from_secs(4));
            let meanwhile = stand.get("ups.status");
            stand.ups.tell(|ups| ups.fault = Fault::None);
            stand.ups.tell(|ups| ups.charge(number));
            let healed = stand.await_value("battery.charge", &number.to_string());
            let healed = healed + stand.await_status("OL CHRG");
            println!("{which:?}: {fault:?}: {meanwhile:?} meanwhile, well after {healed:?}");
            if let Some(watch) = watch {
                watch.only("OL CHRG");
                assert!(healed < SLOWEST, "{fault:?}: {healed:?}");
            }
        }
    }
}

/// Only a reset helps, and nobody is there to pull the cable.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_device_that_hangs_is_reset() {
    let stand = Stand::new(Which::Husk, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    let watch = stand.watch();
    // A charge that falls while it charges would be called discharging, and rightly.
    for charge in [98, 99] {
        let resets = stand.ups.tell(|ups| ups.configured);
        stand.ups.tell(|ups| ups.charge(charge));
        stand.ups.tell(|ups| ups.fault = Fault::Hang);
        let begun = Instant::now();
        let reset = wait_until(PATIENCE, || stand.ups.tell(|ups| ups.configured) > resets);
        assert!(reset.is_ok(), "it was never reset:\n{}", stand.server.log());
        let reset = begun.elapsed();
        stand.await_value("battery.charge", &charge.to_string());
        stand.await_status("OL CHRG");
        let healed = begun.elapsed();
        println!("a hanging device was reset after {reset:?} and well after {healed:?}");
        assert!(healed < SLOWEST, "{healed:?}");
    }
    watch.only("OL CHRG");
}

/// It hung before we came: it describes itself, and answers nothing else.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_device_that_hangs_from_the_start_is_reset() {
    let ups = Simulated::new(Ups::new("SIM0000001"));
    bus::plug(&ups, 0).unwrap();
    wait_until(PATIENCE, || plugged() == 1).unwrap();
    ups.tell(|ups| ups.fault = Fault::Hang);
    let begun = Instant::now();
    let stand = Stand::on(ups, Which::Husk, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    println!(
        "a device that hung already was served after {:?}",
        begun.elapsed()
    );
    assert_eq!(stand.get("driver.reset_count"), "1");
}

/// The controller itself is dead: nothing helps but the cable, and then it has to go fast.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_dead_device_comes_back_with_its_cable() {
    let stand = Stand::new(Which::Husk, "pollinterval = 1\n");
    stand.await_status("OL CHRG");
    let watch = stand.watch();
    stand.ups.tell(|ups| ups.fault = Fault::Dead);
    wait_until(PATIENCE, || stand.get("ups.status").starts_with("ERR ")).expect("it is stale");
    std::thread::sleep(Duration::from_secs(3));
    let (_, back) = replug(&stand, 0, 71);
    println!("a dead device was well {back:?} after it was plugged in again");
    watch.only("OL CHRG");
    assert!(back < SLOWEST, "{back:?}");
}

/// Interrupt reports stop until the host clears the halt; polls go on meanwhile.
#[test]
#[ignore = "needs a USB stack: cargo xtask test --vm"]
fn a_halted_endpoint_is_cleared() {
    let stand = Stand::new(Which::Husk, "pollinterval = 2\n");
    stand.await_status("OL CHRG");
    stand.ups.tell(|ups| ups.halt());
    let cleared = wait_until(PATIENCE, || !stand.ups.tell(|ups| ups.is_halted()));
    assert!(
        cleared.is_ok(),
        "it is halted still:\n{}",
        stand.server.log()
    );
    stand.ups.tell(|ups| ups.mains(false));
    let took = stand.await_status("OB DISCHRG");
    assert!(took < Duration::from_secs(1), "{took:?}");
}
