//! Every bridge carries a whole conversation, from opening to switching off, and none of its failures becomes a status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{KINDS, Shared, open, shared, usb_through};
use husk_driver::{Driver, Error, IoError, Report, Settings, UsbTransfer, Wake, host};
use husk_plugin_megatec_usb::MegatecUsb;
use husk_tests::usb::bridge::{Bridge, Fault, Kind, Stranger, Unit};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const ON_BATTERY: &str = "(000.0 195.0 230.0 014 00.0 24.4 25.0 11001001";

fn opened(kind: Kind, subdriver: Option<&str>, more: &[(&str, &str)]) -> (Shared, MegatecUsb) {
    let bridge = shared(Bridge::new(kind, Unit::megatec()));
    let mut options = vec![("protocol", "megatec")];
    options.extend(subdriver.map(|name| ("subdriver", name)));
    options.extend(more);
    let driver = open(&bridge, &options).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    (bridge, driver)
}

fn status(report: &Report) -> String {
    report.status_words().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_bridge_carries_status_rating_and_maker() {
    for &(kind, subdriver) in KINDS {
        let (bridge, mut driver) = opened(kind, subdriver, &[]);
        let report = driver.poll(Wake::Interval).unwrap();
        assert_eq!(status(&report), "OL", "{kind:?}");
        for (name, value) in [
            ("input.voltage", "228.0"),
            ("battery.voltage", "27.4"),
            ("input.voltage.nominal", "230"),
            ("device.mfr", "Example"),
            ("device.model", "Sim1500"),
            ("ups.firmware", "V1.0"),
            ("ups.beeper.status", "enabled"),
            (
                "ups.vendorid",
                &format!("{:04x}", bridge.borrow().identity.vendor),
            ),
            (
                "ups.productid",
                &format!("{:04x}", bridge.borrow().identity.product),
            ),
        ] {
            assert_eq!(report.value(name), Some(value), "{name} over {kind:?}");
        }
        bridge.borrow_mut().unit.set("Q1", ON_BATTERY);
        let report = driver.poll(Wake::Interval).unwrap();
        assert_eq!(status(&report), "OB LB", "{kind:?}");
    }
}

#[test]
fn commands_reach_the_unit_or_are_said_to_be_unknown() {
    for &(kind, subdriver) in KINDS {
        let (bridge, mut driver) = opened(kind, subdriver, &[]);
        let told = |name: &str, driver: &mut MegatecUsb| {
            bridge.borrow_mut().unit.told.clear();
            driver
                .command(name, None)
                .map(|()| bridge.borrow().unit.told.clone())
        };
        let strings = matches!(kind, Kind::Krauler | Kind::Fabula | Kind::Hunnox);
        match kind {
            Kind::Snr => {
                let refused = told("beeper.toggle", &mut driver);
                assert!(matches!(refused, Err(Error::Failed(_))), "{refused:?}");
                continue;
            }
            _ => assert_eq!(
                told("beeper.toggle", &mut driver).unwrap(),
                ["Q"],
                "{kind:?}"
            ),
        }
        let test = told("test.battery.start", &mut driver);
        match strings {
            true => assert!(matches!(test, Err(Error::Failed(_))), "{kind:?}: {test:?}"),
            false => assert_eq!(test.unwrap(), ["T10"], "{kind:?}"),
        }
        let stop = told("shutdown.stop", &mut driver);
        assert_eq!(stop.unwrap(), ["C"], "{kind:?}");
        let back = told("shutdown.return", &mut driver);
        let stay = told("shutdown.stayoff", &mut driver);
        match kind {
            Kind::Krauler => {
                for refused in [back, stay] {
                    assert!(matches!(refused, Err(Error::Failed(_))), "{refused:?}");
                }
            }
            Kind::Fabula | Kind::Hunnox => {
                assert_eq!(back.unwrap(), ["off 18"], "{kind:?}");
                assert_eq!(stay.unwrap(), ["off 10"], "{kind:?}");
            }
            Kind::Fuji => {
                assert_eq!(back.unwrap(), ["S.5"]);
                assert!(matches!(stay, Err(Error::Failed(_))), "{stay:?}");
            }
            _ => {
                assert_eq!(back.unwrap(), ["S.5R0003"], "{kind:?}");
                assert_eq!(stay.unwrap(), ["S.5R0000"], "{kind:?}");
            }
        }
    }
}

#[test]
fn no_fault_of_a_bridge_becomes_a_status_and_each_heals() {
    for &(kind, subdriver) in KINDS {
        let (bridge, mut driver) = opened(kind, subdriver, &[]);
        for fault in [
            Fault::Silent,
            Fault::Stall,
            Fault::Cut,
            Fault::Garbage,
            Fault::Zeros,
        ] {
            bridge.borrow_mut().fault = fault;
            for _ in 0..5 {
                let said = driver.poll(Wake::Interval);
                assert!(said.is_err(), "{fault:?} over {kind:?} gives {said:?}");
            }
            bridge.borrow_mut().fault = Fault::None;
            let healed = (0..2).any(|_| {
                driver
                    .poll(Wake::Interval)
                    .is_ok_and(|report| status(&report) == "OL")
            });
            assert!(healed, "{kind:?} after {fault:?}");
        }
    }
}

#[test]
fn a_command_that_does_not_get_through_is_no_success() {
    for &(kind, subdriver) in KINDS {
        let (bridge, mut driver) = opened(kind, subdriver, &[]);
        bridge.borrow_mut().fault = Fault::Stall;
        let refused = driver.shutdown();
        assert!(refused.is_err(), "{kind:?}");
    }
}

#[test]
fn what_is_left_over_of_an_answer_is_not_the_next_one() {
    for &(kind, subdriver) in KINDS {
        let packet: &[u8] = match kind {
            Kind::Cypress | Kind::Phoenix | Kind::Fuji => b"(000.0 1",
            Kind::Sgs => b"\x07(000.0 ",
            Kind::Armac => b"\xc5(000.",
            Kind::ArmacFast => b"\x85(000.",
            _ => continue,
        };
        let (bridge, mut driver) = opened(kind, subdriver, &[]);
        driver.poll(Wake::Interval).unwrap();
        for _ in 0..2 {
            bridge.borrow_mut().leave_over(packet);
        }
        // The sort that is trusted to keep nothing is only drained after a failure.
        let polls = if kind == Kind::Sgs { 2 } else { 1 };
        let report = (0..polls).find_map(|_| driver.poll(Wake::Interval).ok());
        assert_eq!(status(&report.unwrap()), "OL", "{kind:?}");
    }
}

#[test]
fn a_bridge_that_never_falls_silent_gets_no_command() {
    let (bridge, mut driver) = opened(Kind::Cypress, None, &[]);
    for _ in 0..40 {
        bridge.borrow_mut().leave_over(b"(000.0 1");
    }
    bridge.borrow_mut().unit.told.clear();
    let refused = driver.command("load.off", None);
    assert!(matches!(refused, Err(Error::Protocol(_))), "{refused:?}");
    assert!(bridge.borrow().unit.told.is_empty());
}

#[test]
fn a_halt_is_taken_off() {
    for &(kind, subdriver) in KINDS {
        let (bridge, mut driver) = opened(kind, subdriver, &[]);
        bridge.borrow_mut().halt();
        let healed = (0..2).any(|_| driver.poll(Wake::Interval).is_ok());
        assert!(healed, "{kind:?}");
    }
}

#[test]
fn a_device_that_is_no_bridge_is_refused() {
    let mut other = Bridge::new(Kind::Cypress, Unit::megatec());
    (other.identity.vendor, other.identity.product) = (0x1a86, 0x7523);
    let other = shared(other);
    let refused = open(&other, &[]).err().unwrap();
    assert!(
        matches!(&refused, Error::NotMine(why) if why.contains("subdriver")),
        "{refused}"
    );
    // Named, it is one.
    assert!(open(&other, &[("subdriver", "Cypress")]).is_ok());
    let wrong = open(&other, &[("subdriver", "cyprus")]).err().unwrap();
    assert!(matches!(wrong, Error::BadSetting { .. }), "{wrong}");
    // Endpoint 82, where the bridge must have 81.
    let fast = shared(Bridge::new(Kind::ArmacFast, Unit::megatec()));
    let refused = open(&fast, &[("subdriver", "cypress")]).err().unwrap();
    assert!(
        matches!(&refused, Error::NotMine(why) if why.contains("81")),
        "{refused}"
    );
}

#[test]
fn the_dialect_is_found_by_asking() {
    for &(kind, subdriver) in KINDS {
        let bridge = shared(Bridge::new(kind, Unit::megatec()));
        let options: Vec<_> = subdriver
            .map(|name| ("subdriver", name))
            .into_iter()
            .collect();
        let mut driver =
            open(&bridge, &options).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let report = driver.poll(Wake::Interval).unwrap();
        assert_eq!(status(&report), "OL", "{kind:?}");
        // Behind a bridge of Omron's a unit that knows Q1 is one of Omron's, which tells no maker.
        if kind != Kind::Omron {
            assert_eq!(report.value("device.mfr"), Some("Example"), "{kind:?}");
        }
    }
}

#[test]
fn a_unit_that_is_silent_about_what_it_does_not_know_is_found_in_time() {
    /// What the host allows for opening a device, milliseconds.
    const OPENING: u64 = 60_000;
    for &(kind, subdriver) in KINDS {
        let mut unit = Unit::new(Stranger::Silence);
        unit.set("Q1", "(228.0 195.0 230.0 014 49.0 27.4 25.0 00001001");
        let bridge = shared(Bridge::new(kind, unit));
        let options: Vec<_> = subdriver
            .map(|name| ("subdriver", name))
            .into_iter()
            .collect();
        let before = host::now_ms();
        let opened = open(&bridge, &options).map(drop);
        let took = host::now_ms() - before;
        println!("{kind:?}: {took} ms, {opened:?}");
        assert!(took < OPENING, "{kind:?} takes {took} ms: {opened:?}");
        let dead = shared(Bridge::new(kind, Unit::new(Stranger::Silence)));
        let before = host::now_ms();
        assert!(open(&dead, &options).is_err(), "{kind:?}");
        let took = host::now_ms() - before;
        assert!(took < OPENING, "{kind:?} takes {took} ms of nothing");
    }
}

#[test]
fn a_bridge_that_takes_nothing_is_told_to_switch_off_in_time_all_the_same() {
    /// What the host allows for a shutdown, milliseconds.
    const SHUTDOWN: u64 = 30_000;
    let bridge = shared(Bridge::new(Kind::Cypress, Unit::megatec()));
    let stuck = Rc::new(Cell::new(false));
    let sent = Rc::new(RefCell::new(Vec::new()));
    let (is_stuck, told) = (Rc::clone(&stuck), Rc::clone(&sent));
    let usb = usb_through(&bridge, move |transfer, answer| match transfer {
        UsbTransfer::ControlOut(_, data) if is_stuck.get() => {
            told.borrow_mut().push(data[0]);
            Err(IoError::Timeout)
        }
        _ => answer,
    });
    let settings = Settings::new([("protocol", "megatec")]);
    let mut driver = MegatecUsb::open(usb, &settings, None).unwrap();
    stuck.set(true);
    let before = host::now_ms();
    assert!(driver.shutdown().is_err());
    let took = host::now_ms() - before;
    assert!(took < SHUTDOWN - 3_000, "{took} ms");
    let sent = sent.borrow();
    let attempts = sent.iter().filter(|first| **first == b'S').count();
    assert_eq!(attempts, 3, "{sent:?}");
}
