//! Tripp Lite, and the HP and Minuteman units they make.
//!
//! Exponents are wrong by product. Most of the older ones count the battery in tenths of a volt without saying so; 3016
//! and 3024 are five powers of ten short in every voltage and have hertz and amperes in hundredths. 1003 and 2005
//! point to a string that is not the chemistry. Reading report 0x54 of 1330 hangs it: the report is
//! struck from its descriptor. Some OMNI models have the battery's status bits under numbers of page 0x84 that the
//! standard gives to nominal values. Minuteman (05dd:a0a0) says 220 A and 0 V, here as in other drivers: that is what
//! it reports.

use crate::convert::words;
use crate::device::Look;
use crate::makers::{Maker, device, usage};
use crate::row::{Command, Flag, Kept, Row, Sends, flag, keep, show, show_named, tell};
use crate::status::Fact;
use husk_driver::wire::hid::{Descriptor, Usage};
use husk_driver::{UsbIdentity, UsbMatch, Value, cmd, fixed, var};

pub(super) static MAKER: Maker = Maker {
    name: "Tripp Lite",
    claims: CLAIMS,
    usages: USAGES,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    correct: strike_report_84,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x09ae, 0x1003),
    device(0x09ae, 0x1007),
    device(0x09ae, 0x1008),
    device(0x09ae, 0x1009),
    device(0x09ae, 0x1010),
    device(0x09ae, 0x1330),
    device(0x09ae, 0x2005),
    device(0x09ae, 0x2007),
    device(0x09ae, 0x2008),
    device(0x09ae, 0x2009),
    device(0x09ae, 0x2010),
    device(0x09ae, 0x2011),
    device(0x09ae, 0x2012),
    device(0x09ae, 0x2013),
    device(0x09ae, 0x2014),
    device(0x09ae, 0x3008),
    device(0x09ae, 0x3009),
    device(0x09ae, 0x3010),
    device(0x09ae, 0x3011),
    device(0x09ae, 0x3012),
    device(0x09ae, 0x3013),
    device(0x09ae, 0x3014),
    device(0x09ae, 0x3015),
    device(0x09ae, 0x3016),
    device(0x09ae, 0x3024),
    device(0x09ae, 0x4001),
    device(0x09ae, 0x4002),
    device(0x09ae, 0x4003),
    device(0x09ae, 0x4004),
    device(0x09ae, 0x4005),
    device(0x09ae, 0x4006),
    device(0x09ae, 0x4007),
    device(0x09ae, 0x4008),
    device(0x03f0, 0x0001),
    device(0x03f0, 0x1fe0),
    device(0x03f0, 0x1fe1),
    device(0x03f0, 0x1fe2),
    device(0x03f0, 0x1fe3),
    device(0x03f0, 0x1f06),
    device(0x03f0, 0x1f08),
    device(0x03f0, 0x1f09),
    device(0x03f0, 0x1f0a),
    device(0x05dd, 0xa011),
    device(0x05dd, 0xa0a0),
];

#[rustfmt::skip]
const USAGES: &[Usage] = &[
    usage("TLCustom", 0xffff_0010),
    usage("TLDelayBeforeStartup", 0xffff_0056),
    usage("TLLowVoltageTransferMax", 0xffff_0057),
    usage("TLLowVoltageTransferMin", 0xffff_0058),
    usage("TLHighVoltageTransferMax", 0xffff_0059),
    usage("TLHighVoltageTransferMin", 0xffff_005a),
    usage("UPSFirmwareVersion", 0xffff_007c),
    usage("iUPSPartNumber", 0xffff_007f),
    usage("TLWatchdog", 0xffff_0092),
    usage("TLCharging", 0x0084_0044),
    usage("TLDischarging", 0x0084_0045),
    usage("TLNeedReplacement", 0x0084_004b),
    usage("TLACPresent", 0x0084_00d0),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_CHARGE, "BS.Battery.RemainingCapacity"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").writable(),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_TEMPERATURE, "BS.Temperature").in_kelvin(),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").by(chemistry),
    show(var::BATTERY_VOLTAGE, "BS.Battery.Voltage").by(battery_voltage),
    show(var::BATTERY_VOLTAGE_NOMINAL, "BS.Battery.ConfigVoltage"),
    show(var::DEVICE_PART, "TLCustom.[1].iUPSPartNumber").as_text(),
    show(var::INPUT_FREQUENCY, "PC.Input.Frequency").by(frequency),
    show(var::INPUT_TRANSFER_HIGH, "PC.Output.HighVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_HIGH_MAX, "PC.Output.TLHighVoltageTransferMax"),
    show(var::INPUT_TRANSFER_HIGH_MIN, "PC.Output.TLHighVoltageTransferMin"),
    show(var::INPUT_TRANSFER_LOW, "PC.Output.LowVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_LOW_MAX, "PC.Output.TLLowVoltageTransferMax"),
    show(var::INPUT_TRANSFER_LOW_MIN, "PC.Output.TLLowVoltageTransferMin"),
    show(var::INPUT_VOLTAGE, "PS.Input.Voltage").by(line_voltage),
    show(var::INPUT_VOLTAGE, "PC.Input.Voltage").by(line_voltage),
    show(var::INPUT_VOLTAGE_NOMINAL, "PS.Input.ConfigVoltage"),
    show(var::OUTPUT_CURRENT, "PC.Output.Current").by(current),
    show(var::OUTPUT_FREQUENCY, "PC.Output.Frequency").by(frequency),
    show(var::OUTPUT_FREQUENCY_NOMINAL, "Flow.ConfigFrequency"),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage").by(line_voltage),
    show(var::OUTPUT_VOLTAGE, "PS.Voltage").by(line_voltage),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Flow.ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER),
    keep(var::UPS_DELAY_SHUTDOWN, "OS.Outlet.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "OS.Outlet.DelayBeforeStartup", Kept::OnDelay),
    keep(var::UPS_DELAY_START, "OS.Outlet.TLDelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_FIRMWARE, "TLCustom.[1].UPSFirmwareVersion"),
    show(var::UPS_LOAD, "OS.Outlet.PercentLoad"),
    show_named("ups.load.nominal", "Flow.ConfigPercentLoad"),
    show(var::UPS_POWER, "OS.Outlet.ActivePower"),
    show(var::UPS_POWER, "PC.Output.ActivePower"),
    show(var::UPS_POWER_NOMINAL, "Flow.ConfigApparentPower"),
    show(var::UPS_TEST_RESULT, "BS.Test").as_word(words::TEST_RESULT),
    show(var::UPS_TIMER_REBOOT, "OS.Outlet.DelayBeforeReboot").often(),
    show(var::UPS_TIMER_SHUTDOWN, "OS.Outlet.DelayBeforeShutdown").often(),
    show(var::UPS_TIMER_START, "OS.Outlet.DelayBeforeStartup").often(),
    show(var::UPS_TIMER_START, "OS.Outlet.TLDelayBeforeStartup").often(),
    show(var::UPS_WATCHDOG_STATUS, "OS.Outlet.TLWatchdog"),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.InternalFailure", Fact::InternalFault),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.FullyCharged", Fact::FullyCharged).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.FullyDischarged", Fact::Depleted).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("PSS.TLACPresent", Fact::Online).often(),
    flag("PSS.TLDischarging", Fact::Discharging).often(),
    flag("PSS.TLCharging", Fact::Charging).often(),
    flag("PSS.TLNeedReplacement", Fact::ReplaceBattery),
    flag("PC.PresentStatus.VoltageOutOfRange", Fact::VoltageOutOfRange),
    flag("PC.PresentStatus.Buck", Fact::Trim),
    flag("PC.PresentStatus.Boost", Fact::Boost),
    flag("PC.PresentStatus.Overload", Fact::Overload),
    flag("PC.PresentStatus.OverTemperature", Fact::Overheat),
    flag("PC.PresentStatus.InternalFailure", Fact::InternalFault),
    flag("PC.PresentStatus.AwaitingPower", Fact::AwaitingPower),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_DISABLE, "PS.AudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ENABLE, "PS.AudibleAlarmControl", Sends::Value(2)),
    tell(cmd::BEEPER_MUTE, "PS.AudibleAlarmControl", Sends::Value(3)),
    tell(cmd::BEEPER_OFF, "PS.AudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ON, "PS.AudibleAlarmControl", Sends::Value(2)),
    tell(cmd::LOAD_OFF_DELAY, "OS.Outlet.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON_DELAY, "OS.Outlet.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::LOAD_ON_DELAY, "OS.Outlet.TLDelayBeforeStartup", Sends::OnDelay),
    tell(cmd::RESET_WATCHDOG, "OS.Outlet.TLWatchdog", Sends::Value(60)),
    tell(cmd::SHUTDOWN_REBOOT, "OS.Outlet.DelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_REBOOT, "OS.Outlet.TLWatchdog", Sends::Value(10)),
    tell(cmd::SHUTDOWN_STOP, "OS.Outlet.DelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::TEST_BATTERY_START_DEEP, "BS.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_QUICK, "BS.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_STOP, "BS.Test", Sends::Value(3)),
];

/// By what a product's readings are multiplied.
struct Scale {
    battery: f64,
    line: f64,
    frequency: f64,
    current: f64,
}

fn scale(identity: &UsbIdentity) -> Scale {
    let plain = Scale {
        battery: 1.0,
        line: 1.0,
        frequency: 1.0,
        current: 1.0,
    };
    if identity.vendor_id != 0x09ae {
        return plain;
    }
    match identity.product_id {
        0x1003 | 0x1007..=0x1010 | 0x2005 | 0x2007..=0x2014 => Scale {
            battery: 0.1,
            ..plain
        },
        0x3016 | 0x3024 => Scale {
            battery: 1e5,
            line: 1e5,
            frequency: 0.01,
            current: 0.01,
        },
        _ => plain,
    }
}

fn battery_voltage(look: &mut Look<'_>, value: f64) -> Option<Value> {
    Some(fixed(value * scale(look.identity()).battery, 1))
}

fn line_voltage(look: &mut Look<'_>, value: f64) -> Option<Value> {
    Some(fixed(value * scale(look.identity()).line, 1))
}

fn frequency(look: &mut Look<'_>, value: f64) -> Option<Value> {
    Some(fixed(value * scale(look.identity()).frequency, 1))
}

fn current(look: &mut Look<'_>, value: f64) -> Option<Value> {
    Some(fixed(value * scale(look.identity()).current, 1))
}

/// The battery's chemistry, where the string is that.
fn chemistry(look: &mut Look<'_>, value: f64) -> Option<Value> {
    let identity = look.identity();
    if identity.vendor_id == 0x09ae && matches!(identity.product_id, 0x1003 | 0x2005) {
        return None;
    }
    look.string(value as u8).map(Value::from)
}

/// 1330 hangs when report 0x54 is read.
fn strike_report_84(identity: &UsbIdentity, descriptor: &mut Descriptor) {
    if (identity.vendor_id, identity.product_id) == (0x09ae, 0x1330) {
        descriptor.fields.retain(|field| field.report != 0x54);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::{look, text};

    #[test]
    fn each_product_has_its_scale() {
        let battery = ("battery.voltage", "BS.Battery.Voltage");
        let hertz = ("input.frequency", "PC.Input.Frequency");
        for (ids, row, value, shown) in [
            ((0x09ae, 0x2012), battery, 271.0, "27.1"),
            ((0x09ae, 0x3016), battery, 0.000_271, "27.1"),
            ((0x09ae, 0x3016), hertz, 6001.0, "60.0"),
            ((0x09ae, 0x4001), battery, 27.1, "27.1"),
            ((0x03f0, 0x1fe0), hertz, 60.0, "60.0"),
        ] {
            assert_eq!(
                text(&MAKER, ids, row, value),
                Some(shown.into()),
                "{ids:04x?}"
            );
        }
    }

    #[test]
    fn a_string_that_is_not_the_chemistry_is_not_shown() {
        let row = ("battery.type", "PS.iDeviceChemistry");
        assert_eq!(
            text(&MAKER, (0x09ae, 0x2012), row, 5.0),
            Some("PbAc".into())
        );
        assert_eq!(text(&MAKER, (0x09ae, 0x1003), row, 5.0), None);
    }

    #[test]
    fn the_report_that_hangs_1330_is_struck() {
        for (product, there) in [(0x1330, false), (0x2012, true)] {
            let mut fields = vec![("PS.Voltage", 1); 0x53];
            fields.push(("Output.Voltage", 1));
            let found = look(&MAKER, (0x09ae, product), &fields, |look| {
                (
                    look.0.field("PS.Voltage").is_some(),
                    look.0.field("Output.Voltage").is_some(),
                )
            });
            assert_eq!(found, (true, there), "{product:04x}");
        }
    }
}
