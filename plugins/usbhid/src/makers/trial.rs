//! A device in memory for the tests of a maker's table, and what holds for all of them.
#![allow(clippy::unwrap_used)]

use super::{MAKERS, Maker};
use crate::commands::DANGEROUS;
use crate::convert;
use crate::device::{Delays, Device, Look, whole};
use crate::link::Link;
use crate::row::Means;
use crate::status::Facts;
use husk_driver::wire::hid::{Descriptor, Kind, Path};
use husk_driver::{FakeUsb, Settings, Usb, UsbIdentity, Value};

/// A device of these ids that has the fields at these paths, 16 bits each, the first in report 1.
pub(super) fn look<R>(
    maker: &'static Maker,
    (vendor_id, product_id): (u16, u16),
    fields: &[(&str, u16)],
    test: impl FnOnce(&mut Look<'_>) -> R,
) -> R {
    let identity = UsbIdentity {
        vendor_id,
        product_id,
        ..UsbIdentity::default()
    };
    look_at(maker, identity, fields, test)
}

/// The same of a device with strings.
pub(super) fn look_at<R>(
    maker: &'static Maker,
    identity: UsbIdentity,
    fields: &[(&str, u16)],
    test: impl FnOnce(&mut Look<'_>) -> R,
) -> R {
    look_with(maker, identity, &[], fields, test)
}

/// The same of a device whose section has these flags.
pub(super) fn look_with<R>(
    maker: &'static Maker,
    identity: UsbIdentity,
    flags: &[&str],
    fields: &[(&str, u16)],
    test: impl FnOnce(&mut Look<'_>) -> R,
) -> R {
    let settings = Settings::new(flags.iter().map(|flag| (*flag, "")));
    let mut bytes = Vec::new();
    for (id, (path, _)) in (1..).zip(fields) {
        bytes.extend(described(maker, path, id));
    }
    let fake = FakeUsb::new(identity.clone(), &bytes);
    for (id, (_, value)) in (1..).zip(fields) {
        let [low, high] = value.to_le_bytes();
        fake.feature(&[id, low, high]);
    }
    fake.feature(b"\xa4 13.7 2");
    fake.string(5, "PbAc");
    let mut descriptor = Descriptor::parse(&bytes).unwrap_or_default();
    (maker.correct)(&identity, &mut descriptor);
    let link = Link::new(Box::new(Usb::new(fake)), &identity, maker, &settings);
    let link = link.unwrap();
    let delays = Delays { off: 80, on: 180 };
    let mut device = Device::new(link, maker, identity, descriptor, &settings, delays);
    test(&mut Look(&mut device))
}

/// The report descriptor of one field.
pub(super) fn described(maker: &Maker, path: &str, report: u8) -> Vec<u8> {
    let path = Path::parse(&whole(path), maker.usages).unwrap();
    let (own, collections) = path.0.split_last().unwrap();
    let usage = |node: &u32| [[0x0b].as_slice(), &node.to_le_bytes()].concat();
    let mut bytes = Vec::new();
    for node in collections {
        bytes.extend(usage(node));
        bytes.extend([0xa1, 0]);
    }
    bytes.extend(usage(own));
    bytes.extend([0x85, report, 0x15, 0, 0x27, 0xff, 0xff, 0, 0]);
    bytes.extend([0x75, 16, 0x95, 1, 0xb1, 2]);
    bytes.extend(collections.iter().map(|_| 0xc0));
    bytes
}

/// What a maker's row makes of a number.
pub(super) fn text(
    maker: &'static Maker,
    ids: (u16, u16),
    row: (&str, &str),
    value: f64,
) -> Option<Value> {
    let mut rows = maker.rows.iter();
    let row = rows.find(|known| (known.name, known.path) == row).unwrap();
    look(maker, ids, &[], |look| convert::text(look, row, value))
}

/// What a maker's flags make of a number at a path.
pub(super) fn facts(maker: &'static Maker, path: &str, value: f64) -> Facts {
    let mut facts = Facts::default();
    look(maker, (0, 0), &[], |look| {
        for flag in maker.flags.iter().filter(|flag| flag.path == path) {
            match flag.means {
                Means::Set(fact) => facts.set(fact, value != 0.0),
                Means::Cleared(fact) => facts.set(fact, value == 0.0),
                Means::By(tell) => tell(look, value, &mut facts),
            }
        }
    });
    facts
}

#[test]
fn every_command_that_cuts_power_is_called_dangerous() {
    for command in MAKERS.iter().flat_map(|maker| maker.commands) {
        let known = husk_names::command(command.name);
        if known.is_some_and(|known| known.dangerous) {
            assert!(DANGEROUS.contains(&command.name), "{}", command.name);
        }
    }
}

#[test]
fn a_device_of_these_tests_has_its_fields() {
    let fields = [("PS.Voltage", 7), ("Output.Voltage", 9)];
    for maker in MAKERS {
        look(maker, (0, 0), &fields, |look| {
            assert_eq!(look.number("Output.Voltage"), Some(9.0), "{}", maker.name);
            let field = look.0.field("PS.Voltage").unwrap();
            assert_eq!((field.kind, field.report), (Kind::Feature, 1));
        });
    }
}
