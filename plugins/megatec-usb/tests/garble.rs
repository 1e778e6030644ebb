//! Packets lost, doubled, cut and overwritten: whatever a bad bus makes of an answer, what is reported is what the unit
//! said, or nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{KINDS, Shared, shared, usb_through};
use husk_driver::{Driver, IoError, Report, Settings, UsbTransfer, Wake};
use husk_plugin_megatec_usb::MegatecUsb;
use husk_tests::random::Random;
use husk_tests::usb::bridge::{Bridge, Kind, Unit};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

/// What happens to one packet of an answer.
#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    Lost,
    Doubled,
    /// So many bytes of it come.
    Cut(usize),
    /// One byte is another.
    Byte(usize, u8),
    Failed(Failure),
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Timeout,
    Stall,
    Overflow,
}

/// Which answer of the bus is damaged, counted from the next one on, and how.
type Plan = Rc<Cell<(usize, Damage)>>;

fn opened(kind: Kind, subdriver: Option<&str>, plan: &Plan) -> (Shared, MegatecUsb) {
    let bridge = shared(Bridge::new(kind, Unit::megatec()));
    let plan = Rc::clone(plan);
    let mut late: VecDeque<Vec<u8>> = VecDeque::new();
    let usb = usb_through(&bridge, move |transfer, answer| {
        if matches!(
            transfer,
            UsbTransfer::ControlOut(..) | UsbTransfer::Out(..) | UsbTransfer::ClearHalt(_)
        ) {
            return answer;
        }
        // What follows a doubled packet comes one later.
        if let Some(before) = late.pop_front() {
            late.extend(answer);
            return Ok(before);
        }
        let Ok(bytes) = answer else { return answer };
        let (after, damage) = plan.get();
        if after > 0 {
            plan.set((after - 1, damage));
            return Ok(bytes);
        }
        plan.set((0, Damage::None));
        match damage {
            Damage::None => Ok(bytes),
            Damage::Lost => Err(IoError::Timeout),
            Damage::Doubled => {
                late.push_back(bytes.clone());
                Ok(bytes)
            }
            Damage::Cut(length) => Ok(bytes.get(..length).unwrap_or(&bytes).to_vec()),
            Damage::Byte(at, value) => {
                let mut bytes = bytes;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
                Ok(bytes)
            }
            Damage::Failed(Failure::Timeout) => Err(IoError::Timeout),
            Damage::Failed(Failure::Stall) => Err(IoError::Stall),
            Damage::Failed(Failure::Overflow) => Err(IoError::Overflow),
        }
    });
    let mut options = vec![("protocol", "megatec")];
    options.extend(subdriver.map(|name| ("subdriver", name)));
    let driver = MegatecUsb::open(usb, &Settings::new(options), None).unwrap();
    (bridge, driver)
}

fn damages() -> Vec<Damage> {
    let mut damages = vec![
        Damage::Lost,
        Damage::Doubled,
        Damage::Failed(Failure::Timeout),
        Damage::Failed(Failure::Stall),
        Damage::Failed(Failure::Overflow),
    ];
    damages.extend((0..10).map(Damage::Cut));
    // No digits: a digit for a digit looks as good as the truth.
    for at in 0..10 {
        damages.extend([0, b'\r', b' ', b'(', b'U', 0xff].map(|byte| Damage::Byte(at, byte)));
    }
    damages
}

/// Nothing in `report` may contradict `truth`.
fn assert_true(report: &Report, truth: &Report, case: &str) {
    for (name, reading) in report.variables() {
        assert_eq!(
            Some(reading.value.as_str()),
            truth.value(name),
            "{name} after {case}"
        );
    }
    assert_eq!(
        report.status_words().collect::<Vec<_>>(),
        truth.status_words().collect::<Vec<_>>(),
        "status after {case}"
    );
}

#[test]
fn a_damaged_answer_is_an_error_and_never_a_wrong_value() {
    let mut tried = 0;
    for &(kind, subdriver) in KINDS {
        let plan = Plan::new(Cell::new((0, Damage::None)));
        let (_bridge, mut driver) = opened(kind, subdriver, &plan);
        let truth = driver.poll(Wake::Interval).unwrap();
        for damage in damages() {
            // A zero among the flags is how one of these units says 0.
            if matches!((kind, damage), (Kind::Armac, Damage::Byte(_, 0))) {
                continue;
            }
            for after in 0..12 {
                plan.set((after, damage));
                for poll in 0..3 {
                    if let Ok(report) = driver.poll(Wake::Interval) {
                        let case =
                            format!("{damage:?} of packet {after} over {kind:?}, poll {poll}");
                        assert_true(&report, &truth, &case);
                    }
                }
                tried += 1;
            }
        }
        plan.set((0, Damage::None));
        let healed = (0..3).find_map(|_| driver.poll(Wake::Interval).ok());
        assert_eq!(healed.as_ref(), Some(&truth), "{kind:?}");
    }
    println!("{tried} damaged answers");
    assert!(tried > 10_000, "{tried}");
}

#[test]
fn noise_on_the_bus_is_no_unit() {
    for (seed, &(kind, subdriver)) in (0x0665..).zip(KINDS) {
        let bridge = shared(Bridge::new(kind, Unit::megatec()));
        let mut noise = Random::new(seed);
        let usb = usb_through(&bridge, move |transfer, _| match transfer {
            UsbTransfer::ControlOut(..) | UsbTransfer::Out(..) => Ok(Vec::new()),
            _ => {
                let length = noise.below(9);
                Ok((0..length).map(|_| noise.below(256) as u8).collect())
            }
        });
        let options = subdriver.map(|name| ("subdriver", name));
        let opened = MegatecUsb::open(usb, &Settings::new(options), None);
        assert!(opened.is_err(), "{kind:?} with seed {seed:#x}");
    }
}
