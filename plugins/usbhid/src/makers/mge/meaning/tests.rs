//! What MGE's and Eaton's numbers mean, on devices in memory.
#![allow(clippy::unwrap_used)]

use super::super::MAKER;
use super::*;
use crate::convert;
use crate::makers::trial::{look, look_at};

const EATON: (u16, u16) = (0x0463, 0xffff);
const VOLTAGE: &str = "PS.Voltage";
const RATING: &str = "Flow.[4].ConfigApparentPower";

/// A unit of this product string and rating.
fn unit<R>(product: &str, rating: u16, test: impl FnOnce(&mut Look<'_>) -> R) -> R {
    let identity = UsbIdentity {
        vendor_id: EATON.0,
        product_id: EATON.1,
        product: Some(product.to_owned()),
        ..UsbIdentity::default()
    };
    let fields = [(VOLTAGE, 27), (RATING, rating), ("PS.ConfigVoltage", 24)];
    look_at(&MAKER, identity, &fields, test)
}

/// What the first row of a variable that has something to say makes of a number.
fn shown(look: &mut Look<'_>, name: &str, path: &str, value: f64) -> Option<(Value, bool)> {
    let mut rows = MAKER.rows.iter();
    rows.by_ref()
        .filter(|row| row.name == name && row.path == path)
        .find_map(|row| Some((convert::text(look, row, value)?, row.writable)))
}

#[test]
fn a_battery_voltage_is_shown_by_units_that_measure_it() {
    for (product, rating, volts) in [
        ("Eaton 5P", 1150, Some("27.0")),
        ("Eaton 9PX", 3000, Some("27.0")),
        ("Evolution", 850, Some("27.0")),
        ("Evolution", 1100, None),
        ("Ellipse PRO", 1200, None),
        ("Protection Station", 650, None),
    ] {
        unit(product, rating, |look| {
            let shown = shown(look, "battery.voltage", VOLTAGE, 27.0).map(|(text, _)| text);
            assert_eq!(shown, volts.map(Value::from), "{product} {rating}");
        });
    }
    let nominal = |rating| {
        let name = "battery.voltage.nominal";
        unit("Evolution", rating, |look| {
            shown(look, name, "PS.ConfigVoltage", 24.0).map(|(text, _)| text)
        })
    };
    assert_eq!(nominal(650), Some("12".into()), "it says 24");
    assert_eq!(nominal(850), Some("24".into()));
}

#[test]
fn models_have_the_names_clients_know() {
    for (product, rating, name) in [
        ("ELLIPSE", 800, "ellipse 800"),
        ("ELLIPSE", 1000, "Ellipse 1000"),
        ("Protection Station", 650, "Protection Station 650"),
        ("Eaton 5P", 650, "5P 650"),
        ("Eaton 5PX", 2200, "Eaton 5PX 2200"),
        ("Eaton 9SX", 3000, "9SX3000"),
        ("Tomorrow", 1, "Tomorrow 1"),
    ] {
        let plate = unit(product, rating, name_plate);
        assert_eq!(plate.model.as_deref(), Some(name));
        assert_eq!(plate.maker.as_deref(), Some("Eaton"), "by its id");
    }
    assert_eq!(models::name("Eaton 9PX", "2000 RT"), "Eaton 9PX 2000 RT");
    assert_eq!(models::name("Eaton 9PX", "3000irt2u"), "9px3000irt2u");
    assert_eq!(models::name("Ellipse PRO", "1200 "), "Eaton 5S1200");
    let dell = UsbIdentity {
        vendor_id: 0x047c,
        product: Some("Dell UPS Tower 1920W".to_owned()),
        ..UsbIdentity::default()
    };
    let plate = look_at(&MAKER, dell, &[(RATING, 1920)], name_plate);
    assert_eq!(plate.model.as_deref(), Some("Dell UPS Tower 1920W"));
    assert_eq!(plate.maker, None);
}

#[test]
fn the_first_outlet_switches_others_on_some_families() {
    let outlet = |product, rating| {
        unit(product, rating, |look| {
            let switchable = "OS.Outlet.[3].PresentStatus.Switchable";
            let threshold = "OS.Outlet.[1].ConfigApparentPower";
            (
                shown(look, "outlet.2.switchable", switchable, 1.0),
                shown(look, "outlet.power", threshold, 25.0),
                shown(look, "outlet.power", threshold, 33.0),
            )
        })
    };
    let settable = (
        Some(("yes".into(), true)),
        Some(("25".into(), true)),
        Some(("33".into(), false)),
    );
    assert_eq!(outlet("Protection Station", 650), settable);
    assert_eq!(outlet("3S", 750), settable, "no country is not Europe");
    assert_eq!(
        outlet("Eaton 5P", 650),
        (Some(("yes".into(), false)), None, None)
    );
}

#[test]
fn an_offline_unit_takes_no_208_volts() {
    let row = |product, rating| {
        unit(product, rating, |look| {
            let mut rows = MAKER.rows.iter();
            let found = rows.find(|row| {
                row.name == "output.voltage.nominal" && convert::text(look, row, 230.0).is_some()
            });
            match found.unwrap().shown {
                crate::row::Shown::Word(words) => words.len(),
                _ => 0,
            }
        })
    };
    assert_eq!(row("ELLIPSE", 800), 3);
    assert_eq!(row("Eaton 5P", 650), 5);
}

/// Volts and hertz of the bypass, beside 230 V and 50 Hz.
fn bypass<R>(
    volts: u16,
    hertz: u16,
    limits: &[(&str, u16)],
    test: impl FnOnce(&mut Look<'_>) -> R,
) -> R {
    let mut fields = vec![
        ("PC.Input.[2].Voltage", volts),
        ("PC.Input.[2].Frequency", hertz),
        ("Flow.[4].ConfigVoltage", 230),
        ("Flow.[4].ConfigFrequency", 50),
    ];
    fields.extend(limits);
    look(&MAKER, EATON, &fields, test)
}

#[test]
fn the_load_is_put_on_sound_mains_only() {
    for (volts, hertz, onto_bypass, economy) in [
        (230, 50, Some(1.0), Some(1.0)),
        (210, 50, Some(1.0), None),
        (180, 50, None, None),
        (230, 54, Some(1.0), None),
        (230, 58, None, None),
    ] {
        bypass(volts, hertz, &[], |look| {
            assert_eq!(
                bypass_if_sound(look, None),
                onto_bypass,
                "{volts} V {hertz} Hz"
            );
            assert_eq!(take_bypass(look, "on"), onto_bypass);
            assert_eq!(
                economy_if_sound(look, None),
                economy,
                "{volts} V {hertz} Hz"
            );
            assert_eq!(take_economy(look, "ECO"), economy);
            assert_eq!(take_bypass(look, "disabled"), Some(0.0), "always");
            assert_eq!(take_economy(look, "normal"), Some(0.0), "always");
            assert_eq!(take_economy(look, "sometimes"), None);
        });
    }
    let narrow = [
        ("PC.Output.LowVoltageBypassTransfer", 225),
        ("PC.Output.HighVoltageBypassTransfer", 235),
        ("PC.Output.FrequencyRangeBypassTransfer", 1),
    ];
    for (volts, hertz, onto_bypass) in [(230, 50, Some(1.0)), (220, 50, None), (230, 51, None)] {
        bypass(volts, hertz, &narrow, |look| {
            assert_eq!(
                bypass_if_sound(look, None),
                onto_bypass,
                "by its own limits"
            );
        });
    }
    look(&MAKER, EATON, &[], |look| {
        assert_eq!(
            bypass_if_sound(look, None),
            Some(1.0),
            "it does not measure: its own affair"
        );
    });
}

#[test]
fn modes_are_told_in_the_makers_words() {
    let modes = |mode, used| {
        let fields = [
            ("PC.Input.[5].Switchable", mode),
            ("PC.Input.[5].PresentStatus.Used", used),
        ];
        look(&MAKER, EATON, &fields, |look| {
            mode_permitted(look, mode.into())
        })
    };
    assert_eq!(modes(0, 0), None);
    assert_eq!(modes(1, 0), Some("vendor:mge-hid:ECO".into()));
    assert_eq!(
        modes(1, 1),
        Some("vendor:mge-hid:ECO vendor:default:ECO".into())
    );
    assert_eq!(modes(2, 0), Some("vendor:mge-hid:ESS".into()));
}

#[test]
fn mains_are_what_acpresent_says_unless_the_battery_is_in_use() {
    let online = |present: Option<u16>, converter: u16, battery: u16| {
        let mut facts = Facts::default();
        look(&MAKER, EATON, &[], |look| {
            if let Some(present) = present {
                facts.set(Fact::Online, present != 0);
            }
            on_battery(look, battery.into(), &mut facts);
            by_converter(look, converter.into(), &mut facts);
        });
        facts.known(Fact::Online)
    };
    assert_eq!(
        online(Some(0), 1, 0),
        Some(false),
        "a bit read earlier hides no power cut"
    );
    assert_eq!(online(Some(1), 0, 0), Some(true), "on bypass");
    assert_eq!(online(Some(1), 0, 1), Some(false));
    assert_eq!(online(None, 1, 0), Some(true));
    assert_eq!(online(None, 1, 1), Some(false));
    assert_eq!(online(None, 0, 0), None);
}

#[test]
fn charging_is_the_chargers_word_where_the_unit_manages_its_battery() {
    let facts = |managed: u16, mode: u16| {
        let fields = [
            ("BS.Charger.ABMEnable", managed),
            ("BS.Charger.Mode", mode),
            ("BS.Charger.Status", 4),
        ];
        let mut facts = Facts::default();
        look(&MAKER, EATON, &fields, |look| {
            discharging(look, 0.0, &mut facts);
            charging(look, 1.0, &mut facts);
            by_charger_mode(look, mode.into(), &mut facts);
            by_charger_state(look, 4.0, &mut facts);
        });
        (facts.is(Fact::Charging), facts.is(Fact::Discharging))
    };
    assert_eq!(facts(0, 4), (true, false), "PresentStatus counts");
    assert_eq!(facts(1, 3), (true, false), "floating");
    assert_eq!(facts(1, 4), (false, false), "resting");
    assert_eq!(
        facts(1, 2),
        (false, true),
        "its mode counts before its state"
    );
}

#[test]
fn a_clock_is_split_and_put_together() {
    // The 24th of February 2026, 11:22:33.
    let now = 1_771_932_153.0;
    look(&MAKER, EATON, &[], |look| {
        assert_eq!(date(look, now), Some("2026/02/24".into()));
        assert_eq!(time(look, now), Some("11:22:33".into()));
        assert_eq!(date(look, 1e12), None);
    });
}
