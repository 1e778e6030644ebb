//! The attacks, one function each.
#![expect(clippy::panic, reason = "one of them is to panic")]

use std::hint::black_box;

use crate::bindings::exports::ups::driver::files_driver::Device;
use crate::bindings::ups::driver::host::{self, Level};
use crate::bindings::ups::driver::types::{DriverError, Kind, Traits, Update};
use crate::guest::{Opened, harmless, variable};

/// Does its worst; what it returns, if it does, is served as a report.
pub(crate) type Attack = fn(&Opened) -> Result<Update, DriverError>;

/// Finds an attack.
pub(crate) fn named(name: &str) -> Option<Attack> {
    Some(match name {
        "spin" => spin,
        "memory" => memory,
        "trap" => |_| std::arch::wasm32::unreachable(),
        "panic" => panics,
        "stack" => |_| Ok(number(recurse(black_box(0)))),
        "shadow-stack" => |_| Ok(number(recurse_wide(1))),
        "log-flood" => log_flood,
        "log-forgery" => log_forgery,
        "huge-string" => huge_string,
        "many-strings" => many_strings,
        "endless-host-calls" => endless_host_calls,
        "endless-sleep" | "late" => endless_sleep,
        "handles" => handles,
        "escape" => escape,
        "blurt" => blurt,
        "lie" | "lie-name" => |_| Ok(with("ups.status\nERR", "1")),
        "lie-value" => |_| Ok(with("ups.model", "line one\nline two")),
        "lie-number" => lie_number,
        "lie-many" => lie_many,
        _ => return None,
    })
}

fn panics(_: &Opened) -> Result<Update, DriverError> {
    panic!("hostile panic, code 7")
}

fn spin(_: &Opened) -> Result<Update, DriverError> {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

fn memory(_: &Opened) -> Result<Update, DriverError> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 256 << 10]));
    }
}

/// Uses the call stack only: rotating in between keeps the compiler from making a loop of it.
#[inline(never)]
fn recurse(n: u64) -> u64 {
    if n == u64::MAX {
        return 0;
    }
    recurse(n.wrapping_add(2)).rotate_left(1) ^ n
}

/// Uses the guest's own stack in linear memory, a kilobyte a step.
fn recurse_wide(n: u64) -> u64 {
    let ballast = black_box([n; 128]);
    if black_box(n) == 0 {
        return 0;
    }
    recurse_wide(n.wrapping_add(1)).wrapping_add(ballast.iter().sum::<u64>())
}

fn log_flood(_: &Opened) -> Result<Update, DriverError> {
    let line = "x".repeat(4096);
    loop {
        host::log(Level::Error, &line);
    }
}

fn log_forgery(_: &Opened) -> Result<Update, DriverError> {
    host::log(
        Level::Info,
        "fine\n2026-01-01 ERROR husk: battery exploded\u{1b}[2J",
    );
    Ok(harmless())
}

/// One crossing of 6 MB.
fn huge_string(_: &Opened) -> Result<Update, DriverError> {
    host::log(Level::Error, &"x".repeat(6 << 20));
    Ok(harmless())
}

/// Small in the guest, large once every empty string has got its header in the host.
fn many_strings(_: &Opened) -> Result<Update, DriverError> {
    let mut update = harmless();
    update.clear = vec![String::new(); 300_000];
    Ok(update)
}

fn endless_host_calls(_: &Opened) -> Result<Update, DriverError> {
    loop {
        black_box(host::now_ms());
    }
}

fn endless_sleep(_: &Opened) -> Result<Update, DriverError> {
    loop {
        host::sleep_ms(60_000);
    }
}

/// More devices than anyone has.
fn handles(_: &Opened) -> Result<Update, DriverError> {
    loop {
        std::mem::forget(black_box(Device::new(Opened::without_port())));
    }
}

/// Tries to leave the directory; a success is reported as one.
fn escape(opened: &Opened) -> Result<Update, DriverError> {
    for way in ["../outside", "/etc/passwd", "link", "sub/../../outside"] {
        if opened.reads(way) {
            return Ok(with("ups.mfr", way));
        }
    }
    Ok(with("ups.mfr", "stayed inside"))
}

fn blurt(opened: &Opened) -> Result<Update, DriverError> {
    host::log(Level::Info, &format!("the password is {}", opened.password));
    Err(DriverError::Other(format!(
        "could not log in with {}",
        opened.password
    )))
}

/// Declared a number, and none.
fn lie_number(_: &Opened) -> Result<Update, DriverError> {
    let mut update = with("input.voltage", "two hundred");
    update.traits = vec![Traits {
        name: "input.voltage".into(),
        writable: true,
        kind: Kind::Number,
        choices: Vec::new(),
        ranges: Vec::new(),
    }];
    Ok(update)
}

fn lie_many(_: &Opened) -> Result<Update, DriverError> {
    let mut update = harmless();
    update
        .set
        .extend((0..5000).map(|n| variable(&format!("outlet.{n}.status"), "on")));
    Ok(update)
}

fn with(name: &str, value: &str) -> Update {
    let mut update = harmless();
    update.set.push(variable(name, value));
    update
}

fn number(n: u64) -> Update {
    with("ups.load", &n.to_string())
}
