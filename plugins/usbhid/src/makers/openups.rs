//! Mini-Box openUPS and openUPS2.
//!
//! Both give the raw numbers of their converters: 04d8:d004 by four factors of its own, 04d8:d005 in tenths. The
//! temperature is a thermistor's reading, and comes out of a table of the maker's.

use crate::device::Look;
use crate::makers::{Maker, device};
use crate::row::{Flag, Row, flag, show};
use crate::status::Fact;
use husk_driver::{UsbMatch, Value, fixed, var};

pub(super) static MAKER: Maker = Maker {
    name: "openUPS",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x04d8, 0xd004),
    device(0x04d8, 0xd005),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CAPACITY, "PS.DesignCapacity"),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity").often(),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").often(),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_CURRENT, "PS.Current").often(),
    show(var::BATTERY_MFR_DATE, "PS.iOEMInformation").as_text(),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty").often(),
    show(var::BATTERY_TEMPERATURE, "PS.Temperature").by(temperature).often(),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage").often(),
    show(var::INPUT_CURRENT, "PS.Input.Current").by(input_current).often(),
    show(var::INPUT_VOLTAGE, "PS.Input.Voltage").by(input_voltage).often(),
    show(var::OUTPUT_CURRENT, "PS.Output.Current").by(output_current).often(),
    show(var::OUTPUT_VOLTAGE, "PS.Output.Voltage").by(output_voltage).often(),
    show(var::UPS_SERIAL, "PS.iSerialNumber").as_text(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.Good", Fact::Off).inverted().often(),
    flag("PSS.InternalFailure", Fact::InternalFault).often(),
    flag("PSS.Overload", Fact::Overload).often(),
    flag("PSS.OverTemperature", Fact::Overheat).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BatteryPresent", Fact::NoBattery).inverted().often(),
];

/// Hundredths of the reading at -40 degrees Celsius and every 5 degrees above, to 125.
#[rustfmt::skip]
const THERMISTOR: [f64; 34] = [
    49.0, 64.0, 83.0, 104.0, 130.0, 160.0, 195.0, 233.0, 275.0, 319.0, 366.0, 415.0,
    463.0, 512.0, 559.0, 604.0, 646.0, 686.0, 723.0, 756.0, 786.0, 813.0, 837.0, 858.0,
    877.0, 894.0, 908.0, 921.0, 933.0, 943.0, 951.0, 959.0, 966.0, 972.0,
];
const COLDEST: f64 = -40.0;
const HOTTEST: f64 = 125.0;
const STEP: f64 = 5.0;

/// Degrees between two points of the table.
fn temperature(_: &mut Look<'_>, value: f64) -> Option<Value> {
    let reading = value * 100.0;
    let mut degrees = match reading < 500.0 {
        true => COLDEST,
        false => HOTTEST,
    };
    for (at, pair) in THERMISTOR.windows(2).enumerate() {
        if let &[below, above] = pair
            && (below..=above).contains(&reading)
        {
            degrees = COLDEST + STEP * (at as f64 + (reading - below) / (above - below));
        }
    }
    Some(fixed(degrees, 1))
}

/// A reading of the first model by its factor, of the second in tenths.
fn scaled(look: &mut Look<'_>, value: f64, first_model: f64, decimals: u8) -> Option<Value> {
    let factor = match look.identity().product_id {
        0xd004 => first_model,
        _ => 0.1,
    };
    Some(fixed(value * factor, decimals))
}

fn input_voltage(look: &mut Look<'_>, value: f64) -> Option<Value> {
    scaled(look, value, 3.545, 2)
}

fn output_voltage(look: &mut Look<'_>, value: f64) -> Option<Value> {
    scaled(look, value, 2.571, 2)
}

/// What charges the battery.
fn input_current(look: &mut Look<'_>, value: f64) -> Option<Value> {
    scaled(look, value, 0.08274, 3)
}

/// What the battery gives.
fn output_current(look: &mut Look<'_>, value: f64) -> Option<Value> {
    scaled(look, value, 1.6113, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::text;

    #[test]
    fn each_model_has_its_factors() {
        let volts = ("input.voltage", "PS.Input.Voltage");
        assert_eq!(
            text(&MAKER, (0x04d8, 0xd004), volts, 4.0),
            Some("14.18".into())
        );
        assert_eq!(
            text(&MAKER, (0x04d8, 0xd005), volts, 141.0),
            Some("14.10".into())
        );
        let amperes = ("output.current", "PS.Output.Current");
        assert_eq!(
            text(&MAKER, (0x04d8, 0xd004), amperes, 2.0),
            Some("3.223".into())
        );
    }

    #[test]
    fn a_thermistor_is_read_between_its_points() {
        let row = ("battery.temperature", "PS.Temperature");
        for (reading, degrees) in [
            (0.49, "-40.0"),
            (5.12, "25.0"),
            (5.355, "27.5"),
            (0.1, "-40.0"),
            (9.72, "125.0"),
            (50.0, "125.0"),
        ] {
            let shown = text(&MAKER, (0x04d8, 0xd005), row, reading);
            assert_eq!(shown, Some(degrees.into()), "{reading}");
        }
    }
}
