//! Agents and questions that several tests have.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code)]

use husk_driver::{Driver, FakeSnmp, Oid, Report, Settings, SnmpValue, Wake};
use husk_plugin_snmp::SnmpUps;

/// A UPS of the standard MIB: on line, on mains, one phase.
pub const STANDARD: &str = "\
1.3.6.1.2.1.1.1.0|4|A card
1.3.6.1.2.1.1.2.0|6|1.3.6.1.2.1.33
1.3.6.1.2.1.33.1.1.2.0|4|Model
1.3.6.1.2.1.33.1.2.1.0|2|2
1.3.6.1.2.1.33.1.2.3.0|2|45
1.3.6.1.2.1.33.1.2.4.0|66|100
1.3.6.1.2.1.33.1.2.5.0|2|546
1.3.6.1.2.1.33.1.3.2.0|2|1
1.3.6.1.2.1.33.1.3.3.1.3.1|2|231
1.3.6.1.2.1.33.1.4.1.0|2|3
1.3.6.1.2.1.33.1.6.1.0|66|0
1.3.6.1.2.1.33.1.7.1.0|6|1.3.6.1.2.1.33.1.7.7.5
1.3.6.1.2.1.33.1.7.2.0|2|41
1.3.6.1.2.1.33.1.7.3.0|2|1
1.3.6.1.2.1.33.1.8.1.0|2|2
1.3.6.1.2.1.33.1.8.2.0|2|-1
1.3.6.1.2.1.33.1.8.3.0|2|-1
1.3.6.1.2.1.33.1.8.5.0|2|2
";

pub fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

/// An object of the standard MIB.
pub fn rfc(rest: &str) -> Oid {
    oid(&format!("1.3.6.1.2.1.33.1.{rest}"))
}

pub fn integer(number: i32) -> Option<SnmpValue> {
    Some(SnmpValue::Integer(number))
}

pub fn agent(recording: &str) -> FakeSnmp {
    FakeSnmp::new(recording.as_bytes()).unwrap()
}

pub fn open(fake: &FakeSnmp) -> SnmpUps {
    open_with(fake, &[])
}

pub fn open_with(fake: &FakeSnmp, settings: &[(&str, &str)]) -> SnmpUps {
    let settings = Settings::new(settings.iter().copied());
    SnmpUps::open(fake.port(), &settings, None).unwrap()
}

pub fn status(report: &Report) -> String {
    let mut words: Vec<&str> = report.status_words().collect();
    words.sort_unstable();
    words.join(" ")
}

pub fn polled(driver: &mut SnmpUps) -> Report {
    driver.poll(Wake::Interval).unwrap()
}
