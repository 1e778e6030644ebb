//! Legrand: Keor PDU and others.
//!
//! The interrupt endpoint is not to be listened to. Exponents are wrong, and the range of the line voltages is that of one
//! byte although they have two: taken at its word the upper byte is lost, and 241.4 V becomes 110 V. Other drivers
//! show that number. Here the range is widened, and the power of ten found once per voltage: the one that makes it a
//! line voltage. A recording of 1cb0:0032 has 241.4 V and 240.8 V that way, as its battery of 13.6 V (always 10^5)
//! and the PowerSummary's 239.2 V suggest. The PowerSummary's battery is in tenths of a volt, but not with every
//! firmware: of two Keor PDU 800 with the same battery one was dumped with 14 V and one with 1.4 V.

use crate::device::Look;
use crate::makers::{Habits, Maker, device};
use crate::row::{Command, Flag, Kept, Row, Sends, flag, keep, show, tell};
use crate::status::Fact;
use husk_driver::wire::hid::{Descriptor, Kind, Path};
use husk_driver::{UsbIdentity, UsbMatch, Value, cmd, fixed, var};

pub(super) static MAKER: Maker = Maker {
    name: "Legrand",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    habits: Habits {
        interrupts: |_| false,
        ..Habits::USUAL
    },
    correct: widen,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x1cb0, 0x0038),
    device(0x1cb0, 0x0032),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit"),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RuntimeToEmpty"),
    show(var::BATTERY_VOLTAGE, "PS.Voltage").by(battery_voltage),
    show(var::BATTERY_VOLTAGE, "BS.Battery.Voltage").times(1e5),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage").by(battery_voltage),
    show(var::BATTERY_VOLTAGE_NOMINAL, "BS.Battery.ConfigVoltage"),
    show(var::INPUT_TRANSFER_HIGH, "Input.HighVoltageTransfer"),
    show(var::INPUT_TRANSFER_HIGH, "PC.Output.HighVoltageTransfer").times(10.0),
    show(var::INPUT_TRANSFER_LOW, "Input.LowVoltageTransfer"),
    show(var::INPUT_TRANSFER_LOW, "PC.Output.LowVoltageTransfer"),
    show(var::INPUT_VOLTAGE, "Input.Voltage"),
    show(var::INPUT_VOLTAGE, "PC.Input.Voltage").by(input_voltage),
    show(var::INPUT_VOLTAGE_NOMINAL, "Input.ConfigVoltage"),
    show(var::INPUT_VOLTAGE_NOMINAL, "Flow.ConfigVoltage"),
    show(var::OUTPUT_FREQUENCY, "Output.Frequency"),
    show(var::OUTPUT_VOLTAGE, "Output.Voltage"),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage").by(output_voltage),
    keep(var::UPS_DELAY_SHUTDOWN, "OS.Outlet.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_SHUTDOWN, "Output.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "OS.Outlet.DelayBeforeStartup", Kept::OnDelay),
    keep(var::UPS_DELAY_START, "Output.DelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_LOAD, "Output.PercentLoad"),
    show(var::UPS_LOAD, "OS.Outlet.PercentLoad"),
    show(var::UPS_REALPOWER_NOMINAL, "Output.ConfigActivePower"),
    show(var::UPS_REALPOWER_NOMINAL, "Flow.ConfigApparentPower"),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("Output.Overload", Fact::Overload).often(),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_DISABLE, "PS.AudibleAlarmControl", Sends::Value(3)),
    tell(cmd::BEEPER_ENABLE, "PS.AudibleAlarmControl", Sends::Value(2)),
    tell(cmd::LOAD_OFF_DELAY, "OS.Outlet.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_OFF_DELAY, "Output.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON_DELAY, "OS.Outlet.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::LOAD_ON_DELAY, "Output.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::TEST_BATTERY_START_DEEP, "BS.Battery.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_DEEP, "Output.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_QUICK, "BS.Battery.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_START_QUICK, "Output.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_STOP, "BS.Battery.Test", Sends::Value(3)),
    tell(cmd::TEST_BATTERY_STOP, "Output.Test", Sends::Value(3)),
];

/// What a line voltage is at most, whatever the mains; the least is half of the lowest nominal one.
const LINE_VOLTS: std::ops::Range<f64> = 50.0..500.0;

/// No battery of theirs has as many volts; a number above is in tenths.
const BATTERY_VOLTS: f64 = 40.0;

fn battery_voltage(_: &mut Look<'_>, value: f64) -> Option<Value> {
    let volts = match value < BATTERY_VOLTS {
        true => value,
        false => value / 10.0,
    };
    Some(fixed(volts, 1))
}

fn input_voltage(look: &mut Look<'_>, value: f64) -> Option<Value> {
    line_voltage(look, "input voltage", value)
}

fn output_voltage(look: &mut Look<'_>, value: f64) -> Option<Value> {
    line_voltage(look, "output voltage", value)
}

/// A line voltage by the power of ten found once. Zero volts are zero volts, and teach nothing.
fn line_voltage(look: &mut Look<'_>, name: &'static str, value: f64) -> Option<Value> {
    let powers = [1.0, 1e4, 1e5, 1e6, 1e7];
    let factor = look.learned(name, |_| {
        let mut powers = powers.into_iter();
        powers.find(|power| LINE_VOLTS.contains(&(value * power)))
    });
    (value == 0.0 || factor.is_some()).then(|| fixed(value * factor.unwrap_or(1.0), 1))
}

/// Two bytes of line voltage are two bytes of range.
fn widen(_: &UsbIdentity, descriptor: &mut Descriptor) {
    for path in [
        "UPS.PowerConverter.Input.Voltage",
        "UPS.PowerConverter.Output.Voltage",
    ] {
        let path = Path::parse(path, &[]);
        let field = path.and_then(|path| descriptor.find_mut(&path, Kind::Feature));
        if let Some(field) = field.filter(|field| field.size == 16 && field.logical.1 == 255) {
            field.logical.1 = 65_535;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::makers::trial::{described, look};

    #[test]
    fn a_line_voltage_is_one_whatever_its_power_of_ten() {
        for (first, second, shown) in [
            (0.002_414, 0.0024, "240.0"),
            (0.000_230, 0.000_225, "225.0"),
            (0.000_023, 0.000_022, "220.0"),
            (231.0, 229.0, "229.0"),
        ] {
            look(&MAKER, (0x1cb0, 0x0038), &[], |look| {
                assert_eq!(input_voltage(look, 0.0), Some("0.0".into()));
                assert!(input_voltage(look, first).is_some());
                assert_eq!(input_voltage(look, second), Some(shown.into()));
            });
        }
        look(&MAKER, (0x1cb0, 0x0032), &[], |look| {
            assert_eq!(
                output_voltage(look, 1e-9),
                None,
                "nothing makes volts of it"
            );
        });
    }

    #[test]
    fn a_battery_has_few_volts() {
        look(&MAKER, (0x1cb0, 0x0038), &[], |look| {
            assert_eq!(battery_voltage(look, 136.0), Some("13.6".into()));
            assert_eq!(battery_voltage(look, 14.0), Some("14.0".into()));
        });
    }

    #[test]
    fn the_upper_byte_counts() {
        let bytes = described(&MAKER, "PC.Input.Voltage", 1);
        let mut descriptor = Descriptor::parse(&bytes).unwrap();
        descriptor
            .fields
            .iter_mut()
            .for_each(|field| field.logical = (0, 255));
        widen(&UsbIdentity::default(), &mut descriptor);
        let field = descriptor.fields.first().unwrap();
        assert_eq!(field.raw(&[1, 0x6e, 0x09]), Some(2414));
    }
}
