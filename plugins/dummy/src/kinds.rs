//! What clients may write into a variable of dummy-ups: numbers, and text of a certain length.
//!
//! Everything not listed is text of up to 32 bytes. Source: the answers of dummy-ups 2.8.0 to GET TYPE, probed.

/// Bytes of text where nothing else is said.
const USUAL_LENGTH: u32 = 32;

/// Shown as NUMBER, though nobody checks that they are.
const NUMBERS: &[&str] = &[
    "ambient.humidity",
    "ambient.humidity.alarm",
    "ambient.humidity.high",
    "ambient.humidity.low",
    "ambient.temperature",
    "ambient.temperature.alarm",
    "ambient.temperature.high",
    "ambient.temperature.low",
    "battery.charge",
    "battery.charge.low",
    "battery.charge.restart",
    "battery.current",
    "battery.runtime",
    "battery.runtime.low",
    "battery.temperature",
    "battery.voltage",
    "battery.voltage.nominal",
    "input.frequency",
    "input.transfer.boost.high",
    "input.transfer.boost.low",
    "input.transfer.high",
    "input.transfer.low",
    "input.transfer.trim.high",
    "input.transfer.trim.low",
    "input.voltage",
    "input.voltage.maximum",
    "input.voltage.minimum",
    "input.voltage.nominal",
    "output.current",
    "output.frequency",
    "output.voltage",
    "ups.delay.reboot",
    "ups.delay.shutdown",
    "ups.delay.start",
    "ups.load",
    "ups.temperature",
    "ups.test.interval",
];

/// Text that is not of the usual length.
const LENGTHS: &[(&str, u32)] = &[
    ("input.quality", 6),
    ("input.sensitivity", 1),
    ("input.transfer.reason", 1),
    ("ups.date", 16),
    ("ups.firmware", 16),
    ("ups.firmware.aux", 16),
    ("ups.id", 16),
    ("ups.mfr.date", 16),
    ("ups.test.result", 16),
    ("ups.time", 16),
];

/// The longest text a client may write, in bytes; none for a number. `name` is in lower case.
pub(crate) fn text_length(name: &str) -> Option<u32> {
    if NUMBERS.contains(&name) {
        return None;
    }
    let listed = LENGTHS.iter().find(|(known, _)| *known == name);
    Some(listed.map_or(USUAL_LENGTH, |(_, length)| *length))
}
