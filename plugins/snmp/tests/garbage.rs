//! The driver with agents that lie: answers of any type, other ones at each poll, objects that spoil a request.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{STANDARD, agent, open, polled, rfc, status};
use husk_driver::{
    Driver, Error, Kind, Oid, Report, Settings, Snmp, SnmpAgent, SnmpBackend, SnmpError, SnmpValue,
    SnmpVersion, Varbind, Wake,
};
use husk_plugin_snmp::SnmpUps;

/// An agent whose answers are made by a function.
struct Made<F>(F);

impl<F: FnMut(&Oid) -> Result<SnmpValue, u32>> SnmpBackend for Made<F> {
    fn agent(&mut self) -> SnmpAgent {
        SnmpAgent {
            peer: "made".into(),
            version: SnmpVersion::V2c,
            read_only: false,
        }
    }

    fn get(&mut self, oids: &[Oid]) -> Result<Vec<SnmpValue>, SnmpError> {
        let mut values = Vec::new();
        for (at, oid) in oids.iter().enumerate() {
            let index = at as u32 + 1;
            let refused = |status| SnmpError::Refused { status, index };
            values.push((self.0)(oid).map_err(refused)?);
        }
        Ok(values)
    }

    fn next(&mut self, oids: &[Oid]) -> Result<Vec<Varbind>, SnmpError> {
        let next = |oid: &Oid| Varbind {
            oid: oid.child(1),
            value: (self.0)(oid).unwrap_or(SnmpValue::EndOfMibView),
        };
        Ok(oids.iter().map(next).collect())
    }

    fn walk(&mut self, root: &Oid, max: u32) -> Result<Vec<Varbind>, SnmpError> {
        let row = |at| root.child(at);
        let value = |oid: Oid| {
            Some(Varbind {
                value: (self.0)(&oid).ok()?,
                oid,
            })
        };
        Ok((1..max.min(9)).map(row).filter_map(value).collect())
    }

    fn set(&mut self, _bindings: &[Varbind]) -> Result<(), SnmpError> {
        Ok(())
    }
}

#[test]
fn an_object_that_spoils_every_request_costs_itself_alone() {
    let fake = agent(STANDARD);
    let objects = fake.clone();
    let bad = [rfc("2.5.0"), rfc("3.3.1.3.1")];
    let port = Snmp::new(Made(move |oid: &Oid| match bad.contains(oid) {
        true => Err(5),
        false => Ok(objects.value(oid).unwrap_or(SnmpValue::NoSuchInstance)),
    }));
    let mut driver = SnmpUps::open(port, &Settings::default(), None).unwrap();
    let report = polled(&mut driver);
    assert_eq!(status(&report), "OL");
    assert_eq!(report.value("battery.charge"), Some("100"));
    assert_eq!(report.value("battery.voltage"), None);
}

/// Numbers without a pattern, the same in every run (xorshift).
fn random(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    }
}

fn anything(number: u64, oid: &Oid) -> SnmpValue {
    let low = (number >> 32) as u32;
    let bytes = || number.to_be_bytes()[..(number % 9) as usize].to_vec();
    match number % 14 {
        0 => SnmpValue::Integer(low as i32),
        1 => SnmpValue::Integer((low % 12) as i32),
        2 => SnmpValue::Octets(bytes()),
        3 => SnmpValue::Null,
        4 => SnmpValue::Oid(oid.child(low)),
        5 => SnmpValue::Oid(Oid::default()),
        6 => SnmpValue::IpAddress([1, 2, 3, 4]),
        7 => SnmpValue::Counter32(low),
        8 => SnmpValue::Gauge32(low),
        9 => SnmpValue::TimeTicks(low),
        10 => SnmpValue::Opaque(bytes()),
        11 => SnmpValue::Counter64(number),
        12 => SnmpValue::NoSuchObject,
        _ => SnmpValue::Octets(format!("{low}").into()),
    }
}

/// What the host would take: names and values within its bounds.
fn is_fit(report: &Report) {
    for (name, reading) in report.variables() {
        let printable = |byte: u8| (0x20..=0x7e).contains(&byte);
        assert!(
            reading.value.bytes().all(printable),
            "{name} = {:?}",
            reading.value
        );
        assert!(reading.value.len() <= 255 && name.len() <= 128, "{name}");
        if reading.kind == Kind::Number {
            assert!(
                reading.value.parse::<f64>().is_ok(),
                "{name} = {:?}",
                reading.value
            );
        }
    }
}

#[test]
fn agents_that_answer_anything_are_survived() {
    for mib in [
        "auto",
        "ietf",
        "apcc",
        "eaton_epdu",
        "hpe_epdu",
        "mge",
        "eaton_pw_nm2",
    ] {
        for seed in 1..=12 {
            let mut next = random(seed * 7919);
            let port = Snmp::new(Made(move |oid: &Oid| Ok(anything(next(), oid))));
            let settings = Settings::new([("mibs", mib)]);
            let Ok(mut driver) = SnmpUps::open(port, &settings, None) else {
                continue;
            };
            for _ in 0..4 {
                if let Ok(report) = driver.poll(Wake::SettingsChanged) {
                    is_fit(&report);
                }
                drop(driver.command("shutdown.return", None));
                drop(driver.set("ups.delay.shutdown", "5"));
                drop(driver.shutdown());
            }
        }
    }
}

#[test]
fn an_agent_without_end_gets_as_many_rows_as_the_host_takes() {
    let endless = |oid: &Oid| {
        let oid = oid.to_string();
        let pdu = oid.strip_prefix("1.3.6.1.4.1.534.6.6.7.").unwrap_or("");
        Ok(match pdu {
            "1.1.0" => SnmpValue::Octets(b"0,1,2,3,4,5,6,7".to_vec()),
            model if model.starts_with("1.2.1.2.") => SnmpValue::Octets(b"M".to_vec()),
            count if count.starts_with("1.2.1.2") => SnmpValue::Integer(1 << 30),
            _ => SnmpValue::Integer(1),
        })
    };
    let settings = Settings::new([("mibs", "eaton_epdu")]);
    let mut driver = SnmpUps::open(Snmp::new(Made(endless)), &settings, None).unwrap();
    let report = polled(&mut driver);
    let variables = report.variables().count();
    assert!((1500..=4096).contains(&variables), "{variables}");
    assert!((1000..=2048).contains(&report.commands().count()));
    is_fit(&report);
}

#[test]
fn no_status_is_made_of_garbage() {
    let texts = [
        &b"\0\x01\xff"[..],
        b"5 OB",
        b"",
        b"on battery",
        b"5.5",
        b"-",
    ];
    for text in texts {
        let fake = agent(STANDARD);
        let garbage = || Some(SnmpValue::Octets(text.to_vec()));
        fake.put(&rfc("4.1.0"), garbage());
        fake.put(&rfc("2.1.0"), garbage());
        let report = polled(&mut open(&fake));
        assert_eq!(status(&report), "", "{text:?} from the start");
        let fake = agent(STANDARD);
        let mut driver = open(&fake);
        fake.put(&rfc("4.1.0"), garbage());
        assert!(driver.poll(Wake::Interval).is_err(), "{text:?} later");
    }
    let everything = |value: SnmpValue| Snmp::new(Made(move |_: &Oid| Ok(value.clone())));
    for value in [
        SnmpValue::NoSuchObject,
        SnmpValue::Null,
        SnmpValue::Integer(5),
    ] {
        let refused = SnmpUps::open(everything(value), &Settings::default(), None);
        assert!(matches!(refused.map(drop), Err(Error::NotMine(_))));
    }
}
