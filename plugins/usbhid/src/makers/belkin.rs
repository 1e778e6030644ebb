//! Belkin, and Liebert units with the same firmware.
//!
//! Belkin's own objects are on page 0x86, which the standard keeps for itself, and count in tenths. Two words of bits
//! tell the state; of them the bits that the table names are used, because the others (power: 5 off; battery: 4
//! charging, 5 discharging) are not known to be kept up on every model.
//!
//! Liebert's exponents are wrong by five or seven powers of ten, differently from model to model, so the power
//! is found once per device from the first voltage that is not zero. The PSI5 and PST (10af:0002) have their power device
//! on interface 1. The GXT4 has its status bits beside PresentStatus instead of in it, BelowRemainingCapacityLimit
//! too; other drivers miss that one, and with it the low battery.
//!
//! `battery.capacity` is the rating in VA, an old mistake that clients have come to know.

use crate::convert::{self, words};
use crate::device::Look;
use crate::makers::{Maker, NamePlate, device, device_on, usage};
use crate::row::{Command, Flag, Kept, Row, Sends, Words, flag, flag_by, keep, show, tell};
use crate::status::{Fact, Facts};
use husk_driver::wire::hid::Usage;
use husk_driver::{UsbMatch, Value, cmd, fixed, var};

pub(super) static MAKER: Maker = Maker {
    name: "Belkin",
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
    device(0x050d, 0x0980),
    device(0x050d, 0x0900),
    device(0x050d, 0x0910),
    device(0x050d, 0x0912),
    device(0x050d, 0x0551),
    device(0x050d, 0x0750),
    device(0x050d, 0x0751),
    device(0x050d, 0x0375),
    device(0x050d, 0x0f51),
    device(0x050d, 0x1100),
    device(0x10af, 0x0000),
    device(0x10af, 0x0001),
    device_on(0x10af, 0x0002, 1),
    device(0x10af, 0x0004),
    device(0x10af, 0x0008),
];

#[rustfmt::skip]
const USAGES: &[Usage] = &[
    usage("BELKINConfig", 0x0086_0026),
    usage("BELKINConfigVoltage", 0x0086_0040),
    usage("BELKINConfigFrequency", 0x0086_0042),
    usage("BELKINConfigApparentPower", 0x0086_0043),
    usage("BELKINConfigBatteryVoltage", 0x0086_0044),
    usage("BELKINConfigOverloadTransfer", 0x0086_0045),
    usage("BELKINLowVoltageTransfer", 0x0086_0053),
    usage("BELKINHighVoltageTransfer", 0x0086_0054),
    usage("BELKINLowVoltageTransferMax", 0x0086_005b),
    usage("BELKINLowVoltageTransferMin", 0x0086_005c),
    usage("BELKINHighVoltageTransferMax", 0x0086_005d),
    usage("BELKINHighVoltageTransferMin", 0x0086_005e),
    usage("BELKINControls", 0x0086_0027),
    usage("BELKINDelayBeforeReboot", 0x0086_0055),
    usage("BELKINDelayBeforeStartup", 0x0086_0056),
    usage("BELKINDelayBeforeShutdown", 0x0086_0057),
    usage("BELKINTest", 0x0086_0058),
    usage("BELKINAudibleAlarmControl", 0x0086_005a),
    usage("BELKINDevice", 0x0086_0029),
    usage("BELKINVoltageSensitivity", 0x0086_0074),
    usage("BELKINUPSType", 0x0086_007c),
    usage("BELKINPowerState", 0x0086_002a),
    usage("BELKINInput", 0x0086_001a),
    usage("BELKINOutput", 0x0086_001c),
    usage("BELKINBatterySystem", 0x0086_0010),
    usage("BELKINVoltage", 0x0086_0030),
    usage("BELKINFrequency", 0x0086_0032),
    usage("BELKINPercentLoad", 0x0086_0035),
    usage("BELKINCharge", 0x0086_0039),
    usage("BELKINStatus", 0x0086_0028),
    usage("BELKINBatteryStatus", 0x0086_0022),
    usage("BELKINPowerStatus", 0x0086_0021),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CAPACITY, "Flow.ConfigApparentPower"),
    show(var::BATTERY_CHARGE, "BELKINBatterySystem.BELKINCharge"),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity").often(),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit"),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "BELKINBatterySystem.BELKINVoltage").times(0.1),
    show(var::BATTERY_VOLTAGE, "PS.Voltage").by(voltage),
    show(var::BATTERY_VOLTAGE, "BS.Battery.Voltage").by(voltage),
    show(var::BATTERY_VOLTAGE_NOMINAL, "BELKINConfig.BELKINConfigBatteryVoltage"),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage").by(nominal),
    show(var::BATTERY_VOLTAGE_NOMINAL, "BS.Battery.ConfigVoltage"),
    show(var::INPUT_FREQUENCY, "BELKINPowerState.BELKINInput.BELKINFrequency").times(0.1),
    show(var::INPUT_FREQUENCY, "Input.Frequency").times(0.1),
    show(var::INPUT_FREQUENCY, "PC.Input.Frequency").times(0.01),
    show(var::INPUT_FREQUENCY_NOMINAL, "BELKINConfig.BELKINConfigFrequency"),
    show(var::INPUT_SENSITIVITY, "BELKINDevice.BELKINVoltageSensitivity").as_word(SENSITIVITY).writable(),
    show(var::INPUT_TRANSFER_HIGH, "BELKINConfig.BELKINHighVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_HIGH_MAX, "BELKINConfig.BELKINHighVoltageTransferMax"),
    show(var::INPUT_TRANSFER_HIGH_MIN, "BELKINConfig.BELKINHighVoltageTransferMin"),
    show(var::INPUT_TRANSFER_LOW, "BELKINConfig.BELKINLowVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_LOW_MAX, "BELKINConfig.BELKINLowVoltageTransferMax"),
    show(var::INPUT_TRANSFER_LOW_MIN, "BELKINConfig.BELKINLowVoltageTransferMin"),
    show(var::INPUT_VOLTAGE, "BELKINPowerState.BELKINInput.BELKINVoltage").times(0.1),
    show(var::INPUT_VOLTAGE, "Input.Voltage").by(voltage),
    show(var::INPUT_VOLTAGE, "PC.Input.Voltage").by(voltage),
    show(var::INPUT_VOLTAGE_NOMINAL, "BELKINConfig.BELKINConfigVoltage"),
    show(var::INPUT_VOLTAGE_NOMINAL, "Flow.ConfigVoltage"),
    show(var::OUTPUT_FREQUENCY, "BELKINPowerState.BELKINOutput.BELKINFrequency").times(0.1),
    show(var::OUTPUT_FREQUENCY, "PC.Output.Frequency").times(0.01),
    show(var::OUTPUT_VOLTAGE, "BELKINPowerState.BELKINOutput.BELKINVoltage").times(0.1),
    show(var::OUTPUT_VOLTAGE, "Output.Voltage").by(voltage),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage").by(voltage),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Flow.ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "BELKINControls.BELKINAudibleAlarmControl").as_word(words::BEEPER),
    keep(var::UPS_DELAY_SHUTDOWN, "BELKINControls.BELKINDelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "BELKINControls.BELKINDelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_FIRMWARE, "BELKINDevice.BELKINUPSType").by(firmware),
    show(var::UPS_LOAD, "BELKINPowerState.BELKINOutput.BELKINPercentLoad"),
    show(var::UPS_LOAD, "Output.PercentLoad"),
    show(var::UPS_LOAD, "OS.Outlet.PercentLoad"),
    show(var::UPS_LOAD_HIGH, "BELKINConfig.BELKINConfigOverloadTransfer"),
    show(var::UPS_MFR_DATE, "PS.ManufacturerDate").as_date(),
    show(var::UPS_POWER_NOMINAL, "BELKINConfig.BELKINConfigApparentPower"),
    show(var::UPS_SERIAL, "PS.iSerialNumber").as_text(),
    show(var::UPS_TEST_RESULT, "BELKINControls.BELKINTest").as_word(TEST_RESULT),
    show(var::UPS_TIMER_REBOOT, "BELKINControls.BELKINDelayBeforeReboot").often(),
    show(var::UPS_TIMER_SHUTDOWN, "BELKINControls.BELKINDelayBeforeShutdown").often(),
    show(var::UPS_TIMER_START, "BELKINControls.BELKINDelayBeforeStartup").often(),
    show(var::UPS_TYPE, "BELKINDevice.BELKINUPSType").by(kind),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PS.Discharging", Fact::Discharging).often(),
    flag("PS.Charging", Fact::Charging).often(),
    flag("PS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PS.ACPresent", Fact::Online).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag_by("BELKINStatus.BELKINPowerStatus", power_status).often(),
    flag_by("BELKINStatus.BELKINBatteryStatus", battery_status).often(),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_DISABLE, "BELKINControls.BELKINAudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ENABLE, "BELKINControls.BELKINAudibleAlarmControl", Sends::Value(2)),
    tell(cmd::BEEPER_MUTE, "BELKINControls.BELKINAudibleAlarmControl", Sends::Value(3)),
    tell(cmd::BEEPER_OFF, "BELKINControls.BELKINAudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ON, "BELKINControls.BELKINAudibleAlarmControl", Sends::Value(2)),
    tell(cmd::LOAD_OFF, "BELKINControls.BELKINDelayBeforeShutdown", Sends::Value(1)),
    tell(cmd::LOAD_OFF_DELAY, "BELKINControls.BELKINDelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON, "BELKINControls.BELKINDelayBeforeStartup", Sends::Value(1)),
    tell(cmd::LOAD_ON_DELAY, "BELKINControls.BELKINDelayBeforeStartup", Sends::OnDelay),
    tell(cmd::SHUTDOWN_REBOOT, "BELKINControls.BELKINDelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_STOP, "BELKINControls.BELKINDelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::TEST_BATTERY_START_DEEP, "BELKINControls.BELKINTest", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_QUICK, "BELKINControls.BELKINTest", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_STOP, "BELKINControls.BELKINTest", Sends::Value(3)),
];

/// BELKINVoltageSensitivity; every other number is normal.
const SENSITIVITY: Words = &[(0, "normal"), (1, "reduced"), (2, "low")];

/// BELKINTest, read back: as the standard's, but 0 is none.
const TEST_RESULT: Words = &[
    (0, "No test initiated"),
    (1, "Done and passed"),
    (2, "Done and warning"),
    (3, "Done and error"),
    (4, "Aborted"),
    (5, "In progress"),
];

/// Low four bits of BELKINUPSType.
const KINDS: Words = &[
    (0, "online"),
    (1, "offline"),
    (2, "line-interactive"),
    (3, "simple online"),
    (4, "simple offline"),
    (5, "simple line-interactive"),
];

/// Belkin's firmware puts blanks before its name.
fn name_plate(look: &mut Look<'_>) -> NamePlate {
    let mut plate = NamePlate::of_strings(look);
    let trimmed = plate.maker.map(|maker| maker.trim_start().to_owned());
    plate.maker = trimmed.filter(|maker| !maker.is_empty());
    plate
}

/// Upper bits of BELKINUPSType.
fn firmware(_: &mut Look<'_>, value: f64) -> Option<Value> {
    Some((value as u32 >> 4).into())
}

/// Low bits of BELKINUPSType.
fn kind(_: &mut Look<'_>, value: f64) -> Option<Value> {
    let kind = convert::word(KINDS, f64::from(value as u32 & 15));
    Some(kind.unwrap_or("online").into())
}

/// A voltage of a Liebert, by the power of ten found once.
fn voltage(look: &mut Look<'_>, value: f64) -> Option<Value> {
    let factor = look.learned("voltage", |_| match value.abs() {
        0.0 => None,
        small if small < 5e-5 => Some(1e7),
        small if small < 5e-3 => Some(1e5),
        _ => Some(1.0),
    });
    Some(fixed(value * factor.unwrap_or(1.0), 1))
}

/// A nominal voltage of a Liebert: some encode 24 V as 0.00000024.
fn nominal(look: &mut Look<'_>, value: f64) -> Option<Value> {
    let factor = look.learned("nominal voltage", |_| match value.abs() {
        0.0 => None,
        small if small < 1e-5 => Some(1e8),
        _ => Some(1.0),
    });
    Some(fixed(value * factor.unwrap_or(1.0), 1))
}

fn bit(value: f64, bit: u32) -> bool {
    value as u32 >> bit & 1 != 0
}

/// BELKINPowerStatus.
fn power_status(_: &mut Look<'_>, value: f64, facts: &mut Facts) {
    facts.set(Fact::Online, !bit(value, 0));
    facts.set(Fact::Overload, bit(value, 4));
    facts.set(Fact::Overheat, bit(value, 6));
    facts.set(Fact::InternalFault, bit(value, 7));
    facts.set(Fact::AwaitingPower, bit(value, 13));
}

/// BELKINBatteryStatus.
fn battery_status(_: &mut Look<'_>, value: f64, facts: &mut Facts) {
    facts.set(Fact::LowBattery, bit(value, 2));
    facts.set(Fact::Depleted, bit(value, 6));
    facts.set(Fact::ReplaceBattery, bit(value, 7));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::{facts, look, look_at, text};
    use husk_driver::UsbIdentity;

    const PSI: (u16, u16) = (0x10af, 0x0001);

    #[test]
    fn the_power_of_ten_is_found_once() {
        look(&MAKER, PSI, &[], |look| {
            let mut shown = |volts| voltage(look, volts);
            assert_eq!(
                shown(0.0),
                Some("0.0".into()),
                "nothing is learned of nothing"
            );
            assert_eq!(shown(0.001_213), Some("121.3".into()));
            assert_eq!(shown(0.000_01), Some("1.0".into()));
            assert_eq!(nominal(look, 0.000_000_24), Some("24.0".into()));
        });
        look(&MAKER, PSI, &[], |look| {
            assert_eq!(voltage(look, 0.000_012), Some("120.0".into()));
            assert_eq!(nominal(look, 24.0), Some("24.0".into()));
        });
    }

    #[test]
    fn words_of_bits_are_facts() {
        let power = facts(&MAKER, "BELKINStatus.BELKINPowerStatus", f64::from(0x2011));
        assert_eq!(power.known(Fact::Online), Some(false));
        assert!(power.is(Fact::Overload) && power.is(Fact::AwaitingPower));
        assert_eq!(power.known(Fact::Overheat), Some(false));
        let battery = facts(&MAKER, "BELKINStatus.BELKINBatteryStatus", f64::from(0x84));
        assert!(battery.is(Fact::LowBattery) && battery.is(Fact::ReplaceBattery));
        assert_eq!(battery.known(Fact::Depleted), Some(false));
    }

    #[test]
    fn one_number_is_kind_and_firmware() {
        let kind = |value| text(&MAKER, (0x050d, 0x0980), ("ups.type", TYPE), value);
        assert_eq!(kind(0x42.into()), Some("line-interactive".into()));
        assert_eq!(kind(0x44.into()), Some("simple offline".into()));
        assert_eq!(kind(0x4f.into()), Some("online".into()));
        let firmware = ("ups.firmware", TYPE);
        assert_eq!(
            text(&MAKER, (0x050d, 0x0980), firmware, 0x42.into()),
            Some("4".into())
        );
    }

    #[test]
    fn a_name_behind_blanks_is_a_name() {
        let maker = |manufacturer: &str| {
            let identity = UsbIdentity {
                vendor_id: 0x050d,
                manufacturer: Some(manufacturer.to_owned()),
                ..UsbIdentity::default()
            };
            look_at(&MAKER, identity, &[], name_plate).maker
        };
        assert_eq!(maker("  Belkin").as_deref(), Some("Belkin"));
        assert_eq!(maker("   "), None);
    }

    #[test]
    fn no_test_is_a_result_too() {
        let result = ("ups.test.result", "BELKINControls.BELKINTest");
        let shown = |value| text(&MAKER, (0x050d, 0x0980), result, value);
        assert_eq!(shown(0.0), Some("No test initiated".into()));
        assert_eq!(shown(6.0), None);
    }

    const TYPE: &str = "BELKINDevice.BELKINUPSType";
}
