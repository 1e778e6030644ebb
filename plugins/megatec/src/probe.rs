//! Which dialect the device speaks, found by asking it: harmless queries only, in the order of the table.
//!
//! Refuses a device that answers none of them in a documented shape, and one that does not answer as the dialect
//! named by `protocol =` must.

use crate::dialect::Dialect;
use crate::dialects::DIALECTS;
use crate::line::Line;
use crate::picture::Picture;
use crate::talk::{Silences, Talk};
use husk_driver::{Error, Settings};

/// Milliseconds after which no further dialect is tried: the whole opening may take a minute. Silence to everything takes
/// 40 s.
const PROBE_MS: u64 = 47_500;

/// Finds the dialect, the one named or the first that fits, and what the device says in it.
pub(crate) fn find(line: &mut Line, settings: &Settings) -> Result<(Talk, Picture), Error> {
    let names: Vec<(&str, &'static Dialect)> = DIALECTS
        .iter()
        .map(|dialect| (dialect.name, *dialect))
        .collect();
    let named = match settings.choice("protocol", &names)? {
        None => implied(settings),
        named => named,
    };
    let bridge = line.usb_vendor();
    let candidates = DIALECTS.iter().filter(|dialect| match named {
        Some(named) => named.name == dialect.name,
        None => dialect.usb_vendor.is_none() || dialect.usb_vendor == bridge,
    });
    let mut silences = Silences::new();
    for dialect in candidates {
        if silences.passed_ms() >= PROBE_MS {
            break;
        }
        if let Some(found) = Talk::open(line, dialect, settings, &mut silences)? {
            return Ok(found);
        }
    }
    if !silences.spoke() {
        return Err(Error::Timeout);
    }
    let why = silences
        .last
        .map_or_else(String::new, |error| format!("; {error}"));
    Err(Error::NotMine(match named {
        Some(named) => format!("it does not answer as a {} unit must{why}", named.name),
        None => format!("it speaks no dialect known here{why}"),
    }))
}

/// The dialect of a driver that knew no other.
fn implied(settings: &Settings) -> Option<&'static Dialect> {
    let driver = settings.get("driver")?;
    let known = ["bestups", "mustek"].contains(&driver);
    let mut dialects = DIALECTS.iter().copied();
    dialects.find(|dialect| known && dialect.name == driver)
}
