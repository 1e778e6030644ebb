//! Delta Electronics.
//!
//! Plain objects of the standard, with a collection of their own on page 0xffff for the kind of UPS, its sensitivity and
//! when it starts again. Its PowerConverter says with `Used` whether there is a battery. The source of the
//! output is told in nine states; they are the words of `input.source`.

use crate::convert::{self, words};
use crate::device::Look;
use crate::makers::{Maker, NamePlate, device, usage};
use crate::row::{Command, Flag, Row, Sends, Words, flag, show, tell};
use crate::status::Fact;
use husk_driver::wire::hid::Usage;
use husk_driver::{UsbMatch, Value, cmd, var};

pub(super) static MAKER: Maker = Maker {
    name: "Delta",
    claims: CLAIMS,
    usages: USAGES,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    name_plate,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x05dd, 0x041b),
];

#[rustfmt::skip]
const USAGES: &[Usage] = &[
    usage("DeltaCustom", 0xffff_0010),
    usage("DeltaConfigTransferLowMax", 0xffff_0057),
    usage("DeltaConfigTransferLowMin", 0xffff_0058),
    usage("DeltaConfigTransferHighMax", 0xffff_0059),
    usage("DeltaConfigTransferHighMin", 0xffff_005a),
    usage("DeltaModelName", 0xffff_0075),
    usage("DeltaUPSType", 0xffff_007c),
    usage("DeltaConfigStartPowerRestoreDelay", 0xffff_0081),
    usage("DeltaOutputSource", 0xffff_0091),
    usage("DeltaConfigSensitivity", 0xffff_009b),
    usage("DeltaConfigStartPowerRestore", 0xffff_009c),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CAPACITY, "PS.DesignCapacity"),
    show(var::BATTERY_CAPACITY, "PS.FullChargeCapacity"),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity").often(),
    show(var::BATTERY_CHARGE, "BS.Battery.RemainingCapacity"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").writable(),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty").often(),
    show(var::BATTERY_TEMPERATURE, "BS.Temperature").in_kelvin().often(),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "BS.Battery.Voltage").often(),
    show(var::BATTERY_VOLTAGE_NOMINAL, "BS.Battery.ConfigVoltage"),
    show(var::INPUT_FREQUENCY, "PC.Input.Frequency").often(),
    show(var::INPUT_SENSITIVITY, "DeltaCustom.[1].DeltaConfigSensitivity").as_word(SENSITIVITY).writable(),
    show(var::INPUT_SOURCE, "OS.Outlet.DeltaOutputSource").as_word(SOURCES),
    show(var::INPUT_TRANSFER_HIGH, "PC.Output.HighVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_HIGH_MAX, "PC.Output.DeltaConfigTransferHighMax"),
    show(var::INPUT_TRANSFER_HIGH_MIN, "PC.Output.DeltaConfigTransferHighMin"),
    show(var::INPUT_TRANSFER_LOW, "PC.Output.LowVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_LOW_MAX, "PC.Output.DeltaConfigTransferLowMax"),
    show(var::INPUT_TRANSFER_LOW_MIN, "PC.Output.DeltaConfigTransferLowMin"),
    show(var::INPUT_VOLTAGE, "PS.Input.Voltage").often(),
    show(var::INPUT_VOLTAGE, "PC.Input.Voltage").often(),
    show(var::INPUT_VOLTAGE_NOMINAL, "PS.Input.ConfigVoltage"),
    show(var::OUTPUT_CURRENT, "PC.Output.Current").often(),
    show(var::OUTPUT_FREQUENCY, "PC.Output.Frequency").often(),
    show(var::OUTPUT_FREQUENCY_NOMINAL, "Flow.ConfigFrequency"),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage").often(),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Flow.ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER).often(),
    show(var::UPS_DELAY_START, "OS.Outlet.DeltaConfigStartPowerRestoreDelay").writable(),
    show(var::UPS_LOAD, "OS.Outlet.PercentLoad").often(),
    show(var::UPS_POWER_NOMINAL, "Flow.ConfigApparentPower"),
    show(var::UPS_REALPOWER, "OS.Outlet.ActivePower").often(),
    show(var::UPS_REALPOWER, "PC.Output.ActivePower").often(),
    show(var::UPS_START_AUTO, "DeltaCustom.[1].DeltaConfigStartPowerRestore").as_word(words::YES_NO).writable(),
    show(var::UPS_TEST_RESULT, "BS.Test").as_word(words::TEST_RESULT),
    show(var::UPS_TIMER_REBOOT, "OS.Outlet.DelayBeforeReboot").often(),
    show(var::UPS_TIMER_SHUTDOWN, "OS.Outlet.DelayBeforeShutdown").often(),
    show(var::UPS_TIMER_START, "OS.Outlet.DelayBeforeStartup").often(),
    show(var::UPS_TYPE, "DeltaCustom.[1].DeltaUPSType").by(kind),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.Good", Fact::Off).inverted().often(),
    flag("PSS.InternalFailure", Fact::InternalFault).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.FullyCharged", Fact::FullyCharged).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.FullyDischarged", Fact::Depleted).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery).often(),
    flag("PC.PresentStatus.VoltageOutOfRange", Fact::VoltageOutOfRange).often(),
    flag("PC.PresentStatus.Buck", Fact::Trim).often(),
    flag("PC.PresentStatus.Boost", Fact::Boost).often(),
    flag("PC.PresentStatus.Overload", Fact::Overload).often(),
    flag("PC.PresentStatus.Used", Fact::NoBattery).inverted().often(),
    flag("PC.PresentStatus.OverTemperature", Fact::Overheat).often(),
    flag("PC.PresentStatus.InternalFailure", Fact::InternalFault).often(),
    flag("PC.PresentStatus.AwaitingPower", Fact::AwaitingPower).often(),
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
    tell(cmd::SHUTDOWN_REBOOT, "OS.Outlet.DelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_STOP, "OS.Outlet.DelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::TEST_BATTERY_START_DEEP, "BS.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_QUICK, "BS.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_STOP, "BS.Test", Sends::Value(3)),
];

/// DeltaConfigSensitivity.
const SENSITIVITY: Words = &[(0, "normal"), (1, "reduced"), (2, "low")];

/// DeltaOutputSource.
#[rustfmt::skip]
const SOURCES: Words = &[
    (0, "normal"),
    (1, "battery"),
    (2, "bypass/reserve"),
    (3, "reducing"),
    (4, "boosting"),
    (5, "manual bypass"),
    (6, "other"),
    (7, "no output"),
    (8, "on eco"),
];

/// Low four bits of DeltaUPSType.
#[rustfmt::skip]
const KINDS: Words = &[
    (0, "online"),
    (1, "offline"),
    (2, "line-interactive"),
    (3, "offline"),
    (4, "line-interactive"),
    (5, "3-phase"),
    (6, "split-phase"),
];

/// The model has a string of its own; the product string is that of the interface.
fn name_plate(look: &mut Look<'_>) -> NamePlate {
    let mut plate = NamePlate::of_strings(look);
    let model = look.text("DeltaCustom.[1].DeltaModelName");
    plate.model = model.or(plate.model);
    // The vendor id is not theirs alone.
    plate.maker.get_or_insert_with(|| "Delta".to_owned());
    plate
}

/// The kind of UPS, of which only the low bits are known.
fn kind(_: &mut Look<'_>, value: f64) -> Option<Value> {
    convert::word(KINDS, f64::from(value as u32 & 15)).map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::{facts, look_at, text};
    use husk_driver::UsbIdentity;

    #[test]
    fn kinds_and_sources_are_words() {
        let shown = |name, path, value| text(&MAKER, (0x05dd, 0x041b), (name, path), value);
        let kind = |value| shown("ups.type", "DeltaCustom.[1].DeltaUPSType", value);
        assert_eq!(kind(0x35.into()), Some("3-phase".into()));
        assert_eq!(kind(0x33.into()), Some("offline".into()));
        assert_eq!(kind(0x39.into()), None);
        let source = |value| shown("input.source", "OS.Outlet.DeltaOutputSource", value);
        assert_eq!(source(1.0), Some("battery".into()));
        assert_eq!(source(9.0), None);
    }

    #[test]
    fn the_model_has_a_string_of_its_own() {
        let model = |fields: &[(&str, u16)]| {
            let identity = UsbIdentity {
                product: Some("USB to UPS".to_owned()),
                ..UsbIdentity::default()
            };
            look_at(&MAKER, identity, fields, name_plate).model
        };
        let named = model(&[("DeltaCustom.[1].DeltaModelName", 5)]);
        assert_eq!(named.as_deref(), Some("PbAc"), "string 5 of these tests");
        assert_eq!(model(&[]).as_deref(), Some("USB to UPS"));
    }

    #[test]
    fn a_converter_that_is_not_used_has_no_battery() {
        assert!(facts(&MAKER, "PC.PresentStatus.Used", 0.0).is(Fact::NoBattery));
        assert!(!facts(&MAKER, "PC.PresentStatus.Used", 1.0).is(Fact::NoBattery));
    }
}
