//! The driver with agents made up for one purpose each: what it asks, writes and says, and what it makes of agents that
//! forget and fall silent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{STANDARD, agent, integer, oid, open, open_with, polled, rfc, status};
use husk_driver::{
    Driver, Error, FakeSnmp, IoError, Settings, SnmpAgent, SnmpError, SnmpValue, SnmpVersion,
    Varbind, Wake, host,
};
use husk_plugin_snmp::SnmpUps;

/// What was written, as `OID = value`.
fn written(fake: &FakeSnmp) -> Vec<String> {
    let line = |binding: Varbind| format!("{} = {:?}", binding.oid, binding.value);
    fake.take_written().into_iter().map(line).collect()
}

#[test]
fn a_poll_is_one_request_and_everything_is_read_when_it_is_time() {
    let fake = agent(STANDARD);
    let mut driver = open_with(&fake, &[("pollfreq", "20")]);
    drop(fake.take_asked());
    assert!(fake.take_calls() <= 5, "identity, tables, and everything");
    let report = polled(&mut driver);
    assert_eq!(status(&report), "OL");
    assert_eq!(report.value("battery.voltage"), Some("54.60"));
    assert_eq!(fake.take_calls(), 1);
    let often = fake.take_asked();
    assert!(!often.contains(&rfc("2.5.0")) && often.contains(&rfc("4.1.0")));
    host::sleep_ms(20_000);
    fake.put(&rfc("2.5.0"), integer(480));
    let report = polled(&mut driver);
    assert_eq!(report.value("battery.voltage"), Some("48"));
    let asked = fake.take_asked();
    assert!(
        asked.contains(&rfc("2.5.0")) && !asked.contains(&rfc("1.2.0")),
        "static once"
    );
}

#[test]
fn a_test_of_long_ago_is_no_calibration_and_a_running_one_is() {
    let fake = agent(STANDARD);
    let mut driver = open(&fake);
    assert_eq!(status(&polled(&mut driver)), "OL");
    fake.put(&rfc("7.3.0"), integer(5));
    assert_eq!(status(&polled(&mut driver)), "CAL OL");
    fake.put(&rfc("7.1.0"), None);
    assert_eq!(
        status(&polled(&mut driver)),
        "OL",
        "a test is no source of power"
    );
}

#[test]
fn mains_that_fail_are_seen_at_the_next_poll_and_contradictions_are_read_for_the_worse() {
    let fake = agent(STANDARD);
    let mut driver = open(&fake);
    fake.put(&rfc("4.1.0"), integer(5));
    fake.put(&rfc("2.1.0"), integer(3));
    assert_eq!(status(&polled(&mut driver)), "LB OB");
    let fake = agent(
        "1.3.6.1.4.1.4555.1.1.1.1.1.1.0|4|M
1.3.6.1.4.1.4555.1.1.1.1.4.1.0|2|3
1.3.6.1.4.1.4555.1.1.1.1.6.3.2.0|2|1
",
    );
    assert_eq!(
        status(&polled(&mut open(&fake))),
        "OB",
        "the inverter feeds the load from the battery"
    );
}

#[test]
fn alarms_are_listed_by_their_objects() {
    let fake = agent(STANDARD);
    let mut driver = open(&fake);
    fake.put(&rfc("6.1.0"), Some(SnmpValue::Gauge32(2)));
    fake.put(&rfc("6.2.1.2.7"), Some(SnmpValue::Oid(rfc("6.3.8"))));
    fake.put(
        &rfc("6.2.1.2.9"),
        Some(SnmpValue::Oid(oid("1.3.6.1.4.1.9.9.9"))),
    );
    let report = polled(&mut driver);
    assert_eq!(status(&report), "OL OVER");
    assert_eq!(report.alarms(), ["The output is overloaded"]);
    fake.put(&rfc("6.1.0"), Some(SnmpValue::Gauge32(0)));
    assert!(polled(&mut driver).alarms().is_empty());
}

#[test]
fn an_object_that_is_gone_costs_its_variable_and_one_of_the_status_the_poll() {
    let fake = agent(STANDARD);
    let mut driver = open(&fake);
    fake.put(&rfc("2.4.0"), None);
    let report = polled(&mut driver);
    assert_eq!(report.value("battery.charge"), None);
    assert_eq!(status(&report), "OL");
    for (gone, back) in [("4.1.0", 3), ("2.1.0", 2), ("6.1.0", 0)] {
        fake.put(&rfc(gone), None);
        assert!(
            matches!(driver.poll(Wake::Interval), Err(Error::Protocol(_))),
            "{gone}"
        );
        fake.put(&rfc(gone), Some(SnmpValue::Octets(b"on line".to_vec())));
        assert!(
            matches!(driver.poll(Wake::Interval), Err(Error::Protocol(_))),
            "{gone}"
        );
        fake.put(&rfc(gone), integer(back));
        assert_eq!(status(&polled(&mut driver)), "OL", "{gone} is back");
    }
    fake.put(&rfc("4.1.0"), integer(99));
    assert!(
        driver.poll(Wake::Interval).is_err(),
        "a number nobody knows tells no source of power"
    );
    fake.fail(Some(SnmpError::Io(IoError::Timeout)));
    assert_eq!(driver.poll(Wake::Interval).unwrap_err(), Error::Timeout);
}

#[test]
fn a_card_that_learns_of_its_ups_later_is_looked_at_again() {
    let early = STANDARD.replace("33.1.4.1.0|2|3", "33.1.99.1.0|2|3");
    let fake = agent(&early);
    let mut driver = open_with(&fake, &[("semistaticfreq", "1")]);
    assert_eq!(status(&polled(&mut driver)), "");
    fake.put(&rfc("4.1.0"), integer(5));
    host::sleep_ms(30_000);
    assert_eq!(status(&polled(&mut driver)), "OB");
}

#[test]
fn tests_are_started_by_their_oid_with_the_lock_read_just_before() {
    let fake = agent(STANDARD);
    let mut driver = open(&fake);
    fake.put(&rfc("7.2.0"), integer(42));
    driver.command("test.battery.start.quick", None).unwrap();
    assert_eq!(
        fake.take_written(),
        [
            Varbind {
                oid: rfc("7.2.0"),
                value: SnmpValue::Integer(42)
            },
            Varbind {
                oid: rfc("7.1.0"),
                value: SnmpValue::Oid(rfc("7.7.4"))
            },
        ]
    );
    fake.put(&rfc("7.2.0"), None);
    driver.command("test.battery.stop", None).unwrap();
    assert_eq!(
        written(&fake).len(),
        1,
        "cards without a lock get the test alone"
    );
}

#[test]
fn a_shutdown_of_the_standard_mib_returns_with_the_mains() {
    let fake = agent(STANDARD);
    let mut driver = open_with(&fake, &[("offdelay", "120")]);
    driver.shutdown().unwrap();
    let [restart, kind, delay] = written(&fake).try_into().unwrap();
    assert_eq!(restart, "1.3.6.1.2.1.33.1.8.5.0 = Integer(1)");
    assert_eq!(kind, "1.3.6.1.2.1.33.1.8.1.0 = Integer(1)");
    assert_eq!(delay, "1.3.6.1.2.1.33.1.8.2.0 = Integer(120)");
    driver.command("load.off.delay", Some("7")).unwrap();
    assert_eq!(written(&fake)[1], "1.3.6.1.2.1.33.1.8.2.0 = Integer(7)");
    for (name, value) in [
        ("load.off", "7"),
        ("load.off.delay", "-7"),
        ("load.off.delay", "x"),
    ] {
        let refused = driver.command(name, Some(value));
        assert!(
            matches!(refused, Err(Error::InvalidArgument(_))),
            "{name} {value}"
        );
    }
    assert_eq!(driver.command("load.cycle", None), Err(Error::Unsupported));
    assert!(written(&fake).is_empty());
}

#[test]
fn cards_that_know_one_kind_of_shutdown_are_not_asked_which() {
    let fake = agent(&STANDARD.replace("33.1.8.1.0|2|2", "33.1.8.9.0|2|2"));
    let mut driver = open(&fake);
    driver.command("load.off", None).unwrap();
    assert_eq!(written(&fake), ["1.3.6.1.2.1.33.1.8.2.0 = Integer(0)"]);
}

#[test]
fn an_agent_silent_to_its_shutdown_is_not_told_to_stay_off() {
    let hp = "1.3.6.1.4.1.232.165.3";
    let fake = agent(&format!(
        "{hp}.1.2.0|4|R1500\n{hp}.8.1.0|2|0\n{hp}.8.2.0|2|0\n{hp}.4.5.0|2|3\n"
    ));
    let mut driver = open(&fake);
    let _ = fake.take_calls();
    fake.fail(Some(SnmpError::Io(IoError::Timeout)));
    assert_eq!(driver.shutdown(), Err(Error::Timeout));
    assert_eq!(
        fake.take_calls(),
        2,
        "shutdown.return and load.off.delay, no shutdown.stayoff"
    );
}

#[test]
fn a_load_stays_off_where_never_cannot_be_written() {
    let hp = "1.3.6.1.4.1.232.165.3";
    let fake = agent(&format!(
        "{hp}.1.2.0|4|R1500\n{hp}.8.1.0|2|0\n{hp}.8.2.0|2|0\n{hp}.4.5.0|2|3\n"
    ));
    let mut driver = open(&fake);
    fake.refuse(&oid(&format!("{hp}.8.2.0")), 3);
    driver.command("shutdown.stayoff", None).unwrap();
    assert_eq!(written(&fake), [format!("{hp}.8.1.0 = Integer(20)")]);
    assert!(
        driver.command("shutdown.return", None).is_err(),
        "no return, no cut"
    );
    assert!(written(&fake).is_empty());
}

/// An APC card with delays in hundredths of a second.
const APC: &str = "\
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.318.1.3.27
1.3.6.1.4.1.318.1.1.1.1.1.1.0|4|Smart-UPS
1.3.6.1.4.1.318.1.1.1.2.2.1.0|66|97
1.3.6.1.4.1.318.1.1.1.2.3.1.0|66|974
1.3.6.1.4.1.318.1.1.1.2.2.3.0|67|360000
1.3.6.1.4.1.318.1.1.1.4.1.1.0|2|2
1.3.6.1.4.1.318.1.1.1.5.2.7.0|2|4
1.3.6.1.4.1.318.1.1.1.5.2.2.0|2|400
1.3.6.1.4.1.318.1.1.1.5.2.9.0|67|6000
1.3.6.1.4.1.318.1.1.1.5.2.10.0|67|18000
1.3.6.1.4.1.318.1.1.1.6.1.1.0|2|1
1.3.6.1.4.1.318.1.1.1.2.1.3.0|4|04/30/25
";

#[test]
fn what_is_written_has_the_type_that_was_read() {
    let fake = agent(APC);
    let mut driver = open_with(&fake, &[("ondelay", "90"), ("symmetrathreephase", "")]);
    let report = polled(&mut driver);
    assert_eq!(
        report.value("battery.charge"),
        Some("97.40"),
        "the finer one first"
    );
    assert_eq!(report.value("battery.runtime"), Some("3600"));
    assert_eq!(report.value("ups.delay.shutdown"), Some("180"));
    assert_eq!(report.value("input.transfer.high"), Some("282.80"));
    let sensitivity = report.reading("input.sensitivity").unwrap();
    assert_eq!(sensitivity.value, "high");
    assert_eq!(sensitivity.kind, husk_driver::Kind::Text(6));
    assert_eq!(sensitivity.choices, ["auto", "low", "medium", "high"]);
    driver.set("input.sensitivity", "low").unwrap();
    driver.set("ups.delay.shutdown", "60").unwrap();
    driver.set("battery.date", "05/01/26").unwrap();
    assert_eq!(
        written(&fake),
        [
            "1.3.6.1.4.1.318.1.1.1.5.2.7.0 = Integer(2)",
            "1.3.6.1.4.1.318.1.1.1.5.2.10.0 = TimeTicks(6000)",
            "1.3.6.1.4.1.318.1.1.1.2.1.3.0 = Octets([48, 53, 47, 48, 49, 47, 50, 54])",
        ]
    );
    assert_eq!(polled(&mut driver).value("battery.date"), Some("05/01/26"));
    for (name, value) in [
        ("input.sensitivity", "none"),
        ("ups.delay.shutdown", "x"),
        ("ups.delay.shutdown", "-1"),
        ("ups.delay.shutdown", "99999999999"),
        ("battery.date", "05/01/2026"),
    ] {
        let refused = driver.set(name, value);
        assert!(
            matches!(refused, Err(Error::InvalidArgument(_))),
            "{name} {value}"
        );
    }
    assert_eq!(driver.set("battery.charge", "1"), Err(Error::Unsupported));
    assert!(written(&fake).is_empty());
    driver.shutdown().unwrap();
    assert_eq!(
        written(&fake),
        [
            "1.3.6.1.4.1.318.1.1.1.5.2.9.0 = TimeTicks(9000)",
            "1.3.6.1.4.1.318.1.1.1.6.1.1.0 = Integer(2)",
        ],
        "the delay of the section, then off until the mains are back"
    );
}

#[test]
fn transfer_voltages_are_left_out_when_the_section_says_so() {
    let report = polled(&mut open_with(&agent(APC), &[("notransferoids", "")]));
    assert_eq!(report.value("input.transfer.high"), None);
}

#[test]
fn an_agent_that_may_not_be_written_offers_nothing() {
    let fake = agent(APC);
    fake.identify(SnmpAgent {
        peer: "fake".into(),
        version: SnmpVersion::V1,
        read_only: true,
    });
    let mut driver = open(&fake);
    let report = polled(&mut driver);
    assert_eq!(report.commands().count(), 0);
    assert!(report.variables().all(|(_, reading)| !reading.writable));
    assert_eq!(driver.set("battery.date", "x"), Err(Error::Unsupported));
    assert_eq!(
        driver.command("shutdown.return", None),
        Err(Error::Unsupported)
    );
    assert!(driver.shutdown().is_err());
}

/// Two switched PDUs of Eaton's in a chain, the first with outlets counted from 1, and a sensor at the master.
fn chain() -> FakeSnmp {
    let fake = agent(
        "1.3.6.1.2.1.1.6.0|4|Rack 7
1.3.6.1.4.1.534.6.6.7.1.1.0|4|0,1
1.3.6.1.4.1.534.6.8.1.1.1.0|2|1
1.3.6.1.4.1.534.6.8.1.2.5.0|2|2
1.3.6.1.4.1.534.6.8.1.2.3.1.3.1.1|2|770
",
    );
    let pdu = |rest: &str| oid(&format!("1.3.6.1.4.1.534.6.6.7.{rest}"));
    for device in [0, 1] {
        let outlets = 2 - device;
        fake.put(
            &pdu(&format!("1.2.1.2.{device}")),
            Some(SnmpValue::Octets(format!("ePDU {device}").into())),
        );
        fake.put(&pdu(&format!("1.2.1.22.{device}")), integer(outlets));
        fake.put(&pdu(&format!("3.3.1.4.{device}.1.1")), integer(1500));
        fake.put(&pdu(&format!("3.3.1.5.{device}.1.1")), integer(3 * device));
        for outlet in 1..=outlets {
            fake.put(&pdu(&format!("6.6.1.2.{device}.{outlet}")), integer(1));
            fake.put(&pdu(&format!("6.6.1.3.{device}.{outlet}")), integer(-1));
        }
    }
    fake
}

#[test]
fn a_chain_is_several_devices_and_each_outlet_is_switched_where_it_is() {
    let fake = chain();
    let mut driver = open(&fake);
    let report = polled(&mut driver);
    for (name, value) in [
        ("device.count", "2"),
        ("device.type", "pdu"),
        ("device.model", "daisychain pdu (1+1)"),
        ("device.1.model", "ePDU 0"),
        ("device.2.model", "ePDU 1"),
        ("device.1.location", "Rack 7"),
        ("device.location", "Rack 7"),
        (
            "device.2.ups.alarm",
            "high current warning! phase L1 high current warning!",
        ),
        ("device.1.outlet.count", "2"),
        ("device.2.outlet.count", "1"),
        ("device.2.outlet.1.status", "on"),
        ("device.1.input.L1.current", "1.50"),
        ("device.1.ambient.1.temperature", "25"),
    ] {
        assert_eq!(report.value(name), Some(value), "{name}");
    }
    assert_eq!(report.value("device.2.outlet.2.status"), None);
    assert_eq!(report.value("device.2.location"), None);
    assert!(report.reading("device.1.location").unwrap().writable);
    assert!(!report.reading("device.location").unwrap().writable);
    assert_eq!(driver.set("device.location", "x"), Err(Error::Unsupported));
    assert_eq!(
        report.alarms(),
        [
            "device 2 high current warning!",
            "device 2 phase L1 high current warning!"
        ]
    );
    assert_eq!(status(&report), "");
    fake.put(&oid("1.3.6.1.4.1.534.6.6.7.6.6.1.3.1.1"), integer(-1));
    driver.command("device.2.outlet.1.load.off", None).unwrap();
    driver
        .command("device.1.outlet.2.load.off.delay", Some("5"))
        .unwrap();
    assert_eq!(
        written(&fake),
        [
            "1.3.6.1.4.1.534.6.6.7.6.6.1.3.1.1 = Integer(0)",
            "1.3.6.1.4.1.534.6.6.7.6.6.1.3.0.2 = Integer(5)",
        ]
    );
    assert_eq!(
        driver.command("outlet.1.load.off", None),
        Err(Error::Unsupported)
    );
    assert_eq!(
        driver.command("device.2.outlet.2.load.off", None),
        Err(Error::Unsupported)
    );
}

#[test]
fn a_pdu_with_many_outlets_is_read_over_several_polls() {
    let fake = chain();
    let status = |outlet| oid(&format!("1.3.6.1.4.1.534.6.6.7.6.6.1.2.0.{outlet}"));
    for outlet in 1..=100 {
        for column in ["6.4.1.3", "6.3.1.2", "6.5.1.2", "6.5.1.3"] {
            let of = format!("1.3.6.1.4.1.534.6.6.7.{column}.0.{outlet}");
            fake.put(&oid(&of), integer(500));
        }
        fake.put(&status(outlet), integer(1));
    }
    fake.put(&oid("1.3.6.1.4.1.534.6.6.7.1.2.1.22.0"), integer(100));
    let mut driver = open(&fake);
    assert_eq!(
        polled(&mut driver).value("device.1.outlet.100.status"),
        Some("on"),
        "the first report has it all"
    );
    for outlet in 1..=100 {
        fake.put(&status(outlet), integer(0));
    }
    host::sleep_ms(30_000);
    drop(fake.take_asked());
    let mut polls = 0;
    while polled(&mut driver).value("device.1.outlet.100.status") == Some("on") {
        assert!(fake.take_asked().len() < 400, "a poll stays short");
        polls += 1;
        assert!(polls < 5);
    }
    assert!(polls > 0);
}

#[test]
fn of_many_alarms_the_host_gets_as_many_as_it_takes() {
    let fake = chain();
    for outlet in 1..=100 {
        let of = |rest| oid(&format!("1.3.6.1.4.1.534.6.6.7.{rest}.0.{outlet}"));
        fake.put(&of("6.4.1.4"), integer(4));
    }
    fake.put(&oid("1.3.6.1.4.1.534.6.6.7.1.2.1.22.0"), integer(100));
    let report = polled(&mut open(&fake));
    assert_eq!(report.alarms().len(), 61);
    assert_eq!(report.alarms()[60], "and 42 more");
    assert!(
        report
            .alarms()
            .contains(&"device 1 outlet 9 high current critical!".to_owned())
    );
}

#[test]
fn the_pulizzi_counts_its_orders_one_further_than_its_states() {
    let fake = agent(
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.20677.1
1.3.6.1.4.1.20677.2.1.1.0|4|IPC
1.3.6.1.4.1.20677.2.6.2.1.0|2|0
1.3.6.1.4.1.20677.2.6.2.2.0|2|0
1.3.6.1.4.1.20677.2.6.2.3.0|2|0
1.3.6.1.4.1.20677.2.6.3.1.0|2|1
1.3.6.1.4.1.20677.2.6.3.2.0|2|2
",
    );
    let mut driver = open(&fake);
    let report = polled(&mut driver);
    assert_eq!(report.value("outlet.count"), Some("2"));
    assert_eq!(report.value("outlet.1.status"), Some("on"));
    assert_eq!(report.value("outlet.2.status"), Some("off"));
    driver.command("outlet.1.load.off", None).unwrap();
    assert_eq!(
        written(&fake),
        ["1.3.6.1.4.1.20677.2.6.2.2.0 = Integer(2)"],
        "1 would be all of them"
    );
}

#[test]
fn outlets_are_counted_from_where_the_agent_counts_them() {
    let rpc = "1.3.6.1.4.1.4779.1.3.5";
    let mut recording = format!("{rpc}.2.1.24.1|4|RPC\n");
    for outlet in 0..20 {
        recording.push_str(&format!("{rpc}.3.1.3.1.{outlet}|2|1\n"));
    }
    let report = polled(&mut open(&agent(&recording)));
    assert_eq!(report.value("outlet.count"), Some("20"));
    assert_eq!(report.value("outlet.0.status"), Some("on"));
    assert_eq!(report.value("outlet.19.status"), Some("on"));
    assert_eq!(report.value("outlet.20.status"), None);
}

#[test]
fn settings_name_a_table_or_are_refused() {
    let settings = Settings::new([("mibs", "apcc")]);
    let refused = SnmpUps::open(agent(STANDARD).port(), &settings, None);
    assert!(matches!(refused.map(drop), Err(Error::NotMine(_))));
    let settings = Settings::new([("mibs", "apxx")]);
    let refused = SnmpUps::open(agent(STANDARD).port(), &settings, None);
    assert!(matches!(refused.map(drop), Err(Error::BadSetting { .. })));
    let report = polled(&mut open_with(&agent(STANDARD), &[("mibs", "TrippLite")]));
    assert_eq!(report.value("driver.version.data"), Some("tripplite MIB"));
}

#[test]
fn the_standard_mib_serves_cards_that_leave_their_model_out() {
    let nameless = STANDARD.replace("33.1.1.2.0|4|Model", "33.1.1.99.0|4|Model");
    let report = polled(&mut open(&agent(&nameless)));
    assert_eq!(report.value("driver.version.data"), Some("ietf MIB"));
    assert_eq!(status(&report), "OL");
}

#[test]
fn silence_and_nothing_at_all_are_told_apart() {
    let fake = agent("1.3.6.1.4.1.9.1|2|1\n");
    let refused = SnmpUps::open(fake.port(), &Settings::default(), None);
    assert!(matches!(refused.map(drop), Err(Error::NotMine(_))));
    fake.fail(Some(SnmpError::Io(IoError::Timeout)));
    assert!(fake.take_calls() > 0);
    let refused = SnmpUps::open(fake.port(), &Settings::default(), None);
    assert_eq!(refused.map(drop), Err(Error::Timeout));
    assert_eq!(fake.take_calls(), 1, "one request, which the host repeats");
    fake.fail(Some(SnmpError::Auth("wrong community".into())));
    let refused = SnmpUps::open(fake.port(), &Settings::default(), None);
    assert!(matches!(refused.map(drop), Err(Error::Failed(_))));
}
