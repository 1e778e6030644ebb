//! The attacks, one function each.

use std::hint::black_box;

use crate::bindings::ups::driver::types::{Deadline, DriverError, IoError, Update};
use crate::bindings::ups::driver::usb::{Device, Setup};
use crate::guest::report;

/// Does its worst with the device; what it returns, if it does, is served as a report.
pub(crate) type Attack = fn(&Device) -> Result<Update, DriverError>;

/// Finds an attack.
pub(crate) fn named(name: &str) -> Option<Attack> {
    Some(match name {
        "reach" => reach,
        "reach-after-reset" => reach_after_reset,
        "transfers" => transfers,
        "waits" => waits,
        "resets" => resets,
        "huge" => huge,
        "silence" => |_| Ok(report("")),
        _ => return None,
    })
}

const SOON: Deadline = Deadline {
    total_ms: 200,
    gap_ms: None,
};
/// The device descriptor.
const ASK: Setup = setup(0x80, 6, 0x0100, 0);

const fn setup(request_type: u8, request: u8, value: u16, index: u16) -> Setup {
    Setup {
        request_type,
        request,
        value,
        index,
    }
}

/// Everything that is not the interface granted; the ways that were not denied.
fn reach(device: &Device) -> Result<Update, DriverError> {
    let mut ways = Vec::new();
    for (way, setup) in [
        ("SET_ADDRESS", setup(0, 5, 9, 0)),
        ("SET_CONFIGURATION", setup(0, 9, 0, 0)),
        ("SET_INTERFACE", setup(1, 11, 1, 0)),
        ("SET_REPORT of interface 1", setup(0x21, 9, 0x0301, 1)),
        ("a halt of endpoint 2", setup(2, 3, 0, 0x82)),
        ("a read that writes", ASK),
    ] {
        ways.push((way, device.control_out(setup, &[], SOON)));
    }
    for (way, setup) in [
        ("descriptor of interface 1", setup(0x81, 6, 0x2200, 1)),
        ("report of interface 1", setup(0xa1, 1, 0x0301, 1)),
        ("status of endpoint 2", setup(0x82, 0, 0, 0x82)),
        ("a write that reads", setup(0x21, 9, 0x0301, 0)),
    ] {
        ways.push((way, device.control_in(setup, 64, SOON).map(drop)));
    }
    ways.push((
        "interrupt in 0x82",
        device.interrupt_in(0x82, 8, SOON).map(drop),
    ));
    ways.push((
        "interrupt in 0x01",
        device.interrupt_in(0x01, 8, SOON).map(drop),
    ));
    ways.push(("interrupt out 0x81", device.interrupt_out(0x81, &[1], SOON)));
    ways.push(("bulk in 0x83", device.bulk_in(0x83, 8, SOON).map(drop)));
    ways.push(("bulk out 0x02", device.bulk_out(0x02, &[1], SOON)));
    ways.push(("clear halt 0x82", device.clear_halt(0x82)));
    let open = ways
        .into_iter()
        .filter(|(_, outcome)| !matches!(outcome, Err(IoError::Denied)));
    let open: Vec<_> = open.map(|(way, _)| way).collect();
    Ok(report(&open.join(", ")))
}

fn reach_after_reset(device: &Device) -> Result<Update, DriverError> {
    match device.reset() {
        Ok(()) => reach(device),
        Err(_) => Ok(report("its own device cannot be reset")),
    }
}

fn transfers(device: &Device) -> Result<Update, DriverError> {
    loop {
        drop(black_box(device.control_in(ASK, 18, SOON)));
    }
}

/// Ten minutes for a report that does not come, again and again.
fn waits(device: &Device) -> Result<Update, DriverError> {
    let deadline = Deadline {
        total_ms: 600_000,
        gap_ms: None,
    };
    loop {
        drop(black_box(device.interrupt_in(0x81, 8, deadline)));
    }
}

fn resets(device: &Device) -> Result<Update, DriverError> {
    loop {
        drop(black_box(device.reset()));
    }
}

/// More than a transfer may hold, both ways.
fn huge(device: &Device) -> Result<Update, DriverError> {
    let data = vec![0; 70_000];
    let mut ways = Vec::new();
    if device
        .control_out(setup(0x21, 9, 0x0301, 0), &data, SOON)
        .is_ok()
    {
        ways.push("70000 bytes written");
    }
    for _ in 0..20 {
        let read = device.control_in(setup(0xa1, 1, 0x0301, 0), u16::MAX, SOON);
        if read.is_ok_and(|bytes| bytes.len() > 4096) {
            ways.push("more read than the device has");
        }
        drop(device.interrupt_in(0x81, u16::MAX, SOON));
    }
    Ok(report(&ways.join(", ")))
}
