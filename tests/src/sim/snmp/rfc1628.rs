//! A UPS as RFC 1628 describes it, with one phase: the objects that most cards have.

use super::Objects;
use super::ber::{Value, parse_oid};

/// upsBatteryStatus.0: 2 normal, 3 low.
pub const BATTERY_STATUS: &str = "1.3.6.1.2.1.33.1.2.1.0";
/// upsEstimatedChargeRemaining.0, percent.
pub const CHARGE: &str = "1.3.6.1.2.1.33.1.2.4.0";
/// upsOutputSource.0: 3 normal, 5 battery.
pub const OUTPUT_SOURCE: &str = "1.3.6.1.2.1.33.1.4.1.0";
/// upsShutdownAfterDelay.0, seconds; -1 none.
pub const SHUTDOWN_AFTER: &str = "1.3.6.1.2.1.33.1.8.2.0";
/// upsConfigAudibleStatus.0: 1 disabled, 2 enabled, 3 muted.
pub const BEEPER: &str = "1.3.6.1.2.1.33.1.9.8.0";

/// Objects below upsMIB, `tag|value`.
const UPS: &[(&str, &str, &str)] = &[
    ("1.1.1.0", "4", "Example"),
    ("1.1.3.0", "4", "1.0"),
    ("1.1.4.0", "4", "2.0"),
    ("1.1.5.0", "4", "hall"),
    ("1.1.6.0", "4", "two servers"),
    ("1.2.1.0", "2", "2"),
    ("1.2.2.0", "2", "0"),
    ("1.2.3.0", "2", "42"),
    ("1.2.4.0", "2", "97"),
    ("1.2.5.0", "2", "273"),
    ("1.2.6.0", "2", "0"),
    ("1.2.7.0", "2", "29"),
    ("1.3.1.0", "65", "0"),
    ("1.3.2.0", "2", "1"),
    ("1.3.3.1.1.1", "2", "1"),
    ("1.3.3.1.2.1", "2", "500"),
    ("1.3.3.1.3.1", "2", "231"),
    ("1.3.3.1.4.1", "2", "12"),
    ("1.3.3.1.5.1", "2", "250"),
    ("1.4.1.0", "2", "3"),
    ("1.4.2.0", "2", "500"),
    ("1.4.3.0", "2", "1"),
    ("1.4.4.1.1.1", "2", "1"),
    ("1.4.4.1.2.1", "2", "230"),
    ("1.4.4.1.3.1", "2", "11"),
    ("1.4.4.1.4.1", "2", "240"),
    ("1.4.4.1.5.1", "2", "24"),
    ("1.5.1.0", "2", "500"),
    ("1.5.2.0", "2", "1"),
    ("1.5.3.1.2.1", "2", "229"),
    ("1.5.3.1.3.1", "2", "0"),
    ("1.5.3.1.4.1", "2", "0"),
    ("1.6.1.0", "66", "0"),
    ("1.7.1.0", "6", "1.3.6.1.2.1.33.1.7.7.1"),
    ("1.7.2.0", "2", "1"),
    ("1.7.3.0", "2", "6"),
    ("1.7.4.0", "4", ""),
    ("1.7.5.0", "67", "0"),
    ("1.7.6.0", "2", "0"),
    ("1.8.1.0", "2", "1"),
    ("1.8.2.0", "2", "-1"),
    ("1.8.3.0", "2", "-1"),
    ("1.8.4.0", "2", "-1"),
    ("1.8.5.0", "2", "1"),
    ("1.9.1.0", "2", "230"),
    ("1.9.2.0", "2", "500"),
    ("1.9.3.0", "2", "230"),
    ("1.9.4.0", "2", "500"),
    ("1.9.5.0", "2", "1500"),
    ("1.9.6.0", "2", "900"),
    ("1.9.7.0", "2", "5"),
    ("1.9.8.0", "2", "2"),
    ("1.9.9.0", "2", "160"),
    ("1.9.10.0", "2", "294"),
];

/// The agent's own objects, below `system`.
const SYSTEM: &[(&str, &str, &str)] = &[
    ("1.0", "4", "Simulated UPS"),
    ("2.0", "6", "1.3.6.1.2.1.33"),
    ("3.0", "67", "123456"),
    ("4.0", "4", "operator"),
    ("5.0", "4", "ups-in-hall"),
    ("6.0", "4", "rack 1"),
];

/// A UPS on line, its model named so.
pub fn ups(model: &str) -> Objects {
    let system = SYSTEM.iter().map(|row| ("1.3.6.1.2.1.1", *row));
    let ups = UPS.iter().map(|row| ("1.3.6.1.2.1.33", *row));
    let object = |(root, (name, tag, value)): (&str, (&str, &str, &str))| {
        let oid = parse_oid(&format!("{root}.{name}"))?;
        Some((oid, Value::parse(tag, value.as_bytes())?))
    };
    let mut objects: Objects = system.chain(ups).filter_map(object).collect();
    let named = parse_oid("1.3.6.1.2.1.33.1.1.2.0").map(|oid| (oid, Value::text(model)));
    objects.extend(named);
    objects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_an_object() {
        assert_eq!(ups("x").len(), UPS.len() + SYSTEM.len() + 1);
    }
}
