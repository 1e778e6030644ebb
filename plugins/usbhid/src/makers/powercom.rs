//! PowerCOM: Raptor, WOW, Vanguard and other lines with a USB socket.
//!
//! Two dialects. The newer one is the standard with PresentStatus beneath PowerSummary or beneath UPS. The older is on
//! pages 2 and 0xff, with voltages in quarters and its status in two words of bits.
//!
//! Delays are packed. The shutdown word has minutes in the upper byte and seconds in the lower, with 0x40 for
//! "start again when mains return" and 0x80 for "stay off"; zero would mean the longest delay and is sent as one
//! second. The start delay is minutes in a word whose bytes are swapped. For units that want the shutdown word's bytes
//! swapped there is `powercom_sdcmd_byte_order_fallback`. Raptor and Smart King Pro take one of 18 steps from 12
//! seconds to 10 minutes and a start delay in plain minutes (`powercom_sdcmd_discrete_delay`; source: PowerCOM's
//! description of the SKP's USB controller); how they would be told to stay off is not known, and they are not told.
//!
//! Product id 0001 tells eight bytes at a time and is not asked: longer reads would join what it tells.
//!
//! The beeper has other codes than the standard's: read, 1 is enabled and 2 disabled; written, 1 and 0. The model
//! with product id 0004 has the battery's voltage in no object but as digits in report 0xa4 (" 13.7 2").

use crate::convert::words;
use crate::device::Look;
use crate::makers::{Habits, Maker, device, usage};
use crate::row::{Command, Flag, Kept, Row, Sends, Words, flag, flag_by, keep, show, tell};
use crate::status::{Fact, Facts};
use husk_driver::wire::hid::Usage;
use husk_driver::wire::line;
use husk_driver::{UsbMatch, Value, cmd, fixed, var};

pub(super) static MAKER: Maker = Maker {
    name: "PowerCOM",
    claims: CLAIMS,
    usages: USAGES,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    habits: Habits {
        on_delay: 60,
        only_told: |identity| (identity.product_id == 0x0001).then_some(8),
        ..Habits::USUAL
    },
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x0d9f, 0x00a2),
    device(0x0d9f, 0x00a3),
    device(0x0d9f, 0x00a4),
    device(0x0d9f, 0x00a5),
    device(0x0d9f, 0x00a6),
    device(0x0d9f, 0x0004),
    device(0x0d9f, 0x0001),
];

#[rustfmt::skip]
const USAGES: &[Usage] = &[
    usage("PowercomUPS", 0x0002_0004),
    usage("PowercomBatterySystem", 0x0002_0010),
    usage("PowercomPowerConverter", 0x0002_0016),
    usage("PowercomInput", 0x0002_001a),
    usage("PowercomOutput", 0x0002_001c),
    usage("PowercomVoltage", 0x0002_0030),
    usage("PowercomFrequency", 0x0002_0032),
    usage("PowercomPercentLoad", 0x0002_0035),
    usage("PowercomTemperature", 0x0002_0036),
    usage("PowercomDelayBeforeStartup", 0x0002_0056),
    usage("PowercomDelayBeforeShutdown", 0x0002_0057),
    usage("PowercomTest", 0x0002_0058),
    usage("PowercomInternalChargeController", 0x0002_0081),
    usage("PowercomPrimaryBatterySupport", 0x0002_0082),
    usage("PowercomManufacturerDate", 0x0002_0085),
    usage("PowercomSerialNumber", 0x0002_0086),
    usage("PowercomManufacturerName", 0x0002_0087),
    usage("PCMDelayBeforeStartup", 0x00ff_0056),
    usage("PCMDelayBeforeShutdown", 0x00ff_0057),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_CHARGE, "Battery.RemainingCapacity"),
    show(var::BATTERY_CHARGE, "/PowercomUPS.PowercomBatterySystem.PowercomVoltage"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit"),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_MFR_DATE, "Battery.ManufacturerDate").as_date(),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_TEMPERATURE, "/PowercomUPS.PowercomBatterySystem.PowercomTemperature"),
    show(var::BATTERY_TEMPERATURE, "Battery.Temperature"),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PSS.ACPresent").by(battery_voltage),
    show(var::INPUT_FREQUENCY, "Input.Frequency"),
    show(var::INPUT_FREQUENCY, "/PowercomUPS.PowercomPowerConverter.PowercomInput.PowercomFrequency"),
    show(var::INPUT_VOLTAGE, "Input.Voltage"),
    show(var::INPUT_VOLTAGE, "/PowercomUPS.PowercomPowerConverter.PowercomInput.PowercomVoltage").times(4.0),
    show(var::INPUT_VOLTAGE_NOMINAL, "Input.ConfigVoltage"),
    show(var::OUTPUT_FREQUENCY, "Output.Frequency"),
    show(var::OUTPUT_FREQUENCY, "/PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomFrequency"),
    show(var::OUTPUT_VOLTAGE, "Output.Voltage"),
    show(var::OUTPUT_VOLTAGE, "/PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomVoltage").times(4.0),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Output.ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(BEEPER),
    show(var::UPS_BEEPER_STATUS, "AudibleAlarmControl").as_word(BEEPER),
    show(var::UPS_DATE, "PS.ManufacturerDate").as_date(),
    keep(var::UPS_DELAY_SHUTDOWN, "PS.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_SHUTDOWN, "PS.PCMDelayBeforeShutdown", Kept::OffDelay),
    show(var::UPS_DELAY_SHUTDOWN, "/PowercomUPS.PowercomPowerConverter.PowercomDelayBeforeShutdown"),
    keep(var::UPS_DELAY_START, "PS.DelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_DELAY_START, "/PowercomUPS.PowercomPowerConverter.PowercomDelayBeforeStartup"),
    show(var::UPS_LOAD, "Output.PercentLoad"),
    show(var::UPS_LOAD, "/PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPercentLoad"),
    show(var::UPS_MFR, "/PowercomUPS.PowercomManufacturerName").as_text(),
    show(var::UPS_MFR_DATE, "/PowercomUPS.PowercomManufacturerDate").as_date(),
    show(var::UPS_SERIAL, "/PowercomUPS.PowercomSerialNumber").as_text(),
    show(var::UPS_TEST_RESULT, "Battery.Test").as_word(words::TEST_RESULT),
    show(var::UPS_TEST_RESULT, "/PowercomUPS.PowercomPowerConverter.PowercomTest").as_word(words::TEST_RESULT),
    show(var::UPS_TIMER_SHUTDOWN, "PS.DelayBeforeShutdown").by(seconds_to_off).often(),
    show(var::UPS_TIMER_SHUTDOWN, "PS.PCMDelayBeforeShutdown").by(seconds_to_off).often(),
    show(var::UPS_TIMER_START, "PS.DelayBeforeStartup").by(seconds_to_on),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BatteryPresent", Fact::NoBattery).inverted().often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.CommunicationLost", Fact::CommunicationFault).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery).often(),
    flag("PSS.Overload", Fact::Overload).often(),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PresentStatus.ACPresent", Fact::Online).often(),
    flag("PresentStatus.BatteryPresent", Fact::NoBattery).inverted().often(),
    flag("PresentStatus.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PresentStatus.Boost", Fact::Boost).often(),
    flag("PresentStatus.Buck", Fact::Trim).often(),
    flag("PresentStatus.Charging", Fact::Charging).often(),
    flag("PresentStatus.CommunicationLost", Fact::CommunicationFault).often(),
    flag("PresentStatus.Discharging", Fact::Discharging).often(),
    flag("PresentStatus.NeedReplacement", Fact::ReplaceBattery).often(),
    flag("PresentStatus.Overload", Fact::Overload).often(),
    flag("PresentStatus.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PresentStatus.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag_by("/PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomInternalChargeController", charge_controller).often(),
    flag_by("/PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPrimaryBatterySupport", battery_support).often(),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_DISABLE, "PS.AudibleAlarmControl", Sends::Value(0)),
    tell(cmd::BEEPER_ENABLE, "PS.AudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_TOGGLE, "PS.AudibleAlarmControl", Sends::By(toggle)),
    tell(cmd::LOAD_OFF, "PS.PCMDelayBeforeShutdown", Sends::By(off_at_once)),
    tell(cmd::LOAD_OFF, "/PowercomUPS.PowercomPowerConverter.PowercomDelayBeforeShutdown", Sends::Value(0)),
    tell(cmd::LOAD_ON, "PS.PCMDelayBeforeStartup", Sends::Value(0)),
    tell(cmd::LOAD_ON_DELAY, "PS.DelayBeforeStartup", Sends::By(start)),
    tell(cmd::SHUTDOWN_RETURN, "PS.DelayBeforeShutdown", Sends::By(off_and_on)),
    tell(cmd::SHUTDOWN_RETURN, "PS.PCMDelayBeforeShutdown", Sends::By(off_and_on)),
    tell(cmd::SHUTDOWN_STAYOFF, "PS.DelayBeforeShutdown", Sends::By(off_for_good)),
    tell(cmd::SHUTDOWN_STAYOFF, "PS.PCMDelayBeforeShutdown", Sends::By(off_for_good)),
    tell(cmd::TEST_BATTERY_START_QUICK, "Battery.Test", Sends::Value(1)),
];

/// AudibleAlarmControl as it is read.
const BEEPER: Words = &[(1, "enabled"), (2, "disabled")];
/// In the shutdown word: start again when mains return.
const RETURN: u32 = 0x40;
/// In the shutdown word: stay off.
const STAY_OFF: u32 = 0x80;
/// The report with the battery's voltage in digits.
const DIGITS: u8 = 0xa4;

/// The older dialect's word about the charger.
fn charge_controller(_: &mut Look<'_>, value: f64, facts: &mut Facts) {
    let word = value as u32;
    facts.set(Fact::FanFailure, word & 0x01 != 0);
    facts.set(Fact::ReplaceBattery, word & 0x02 != 0);
    facts.set(Fact::Calibrating, word & 0x04 != 0);
    facts.set(Fact::ShutdownImminent, word & 0x10 != 0);
}

/// The older dialect's word about mains and load.
fn battery_support(_: &mut Look<'_>, value: f64, facts: &mut Facts) {
    let word = value as u32;
    facts.set(Fact::Online, word & 0x01 == 0);
    facts.set(Fact::LowBattery, word & 0x02 != 0);
    // One bit says that the regulator works, the other which way.
    facts.set(Fact::Trim, word & 0x18 == 0x08);
    facts.set(Fact::Boost, word & 0x18 == 0x18);
    facts.set(Fact::Overload, word & 0x20 != 0);
}

/// The first number among the characters of a report: behind the id, " 13.7 2" is 13.7.
fn battery_voltage(look: &mut Look<'_>, _: f64) -> Option<Value> {
    if look.identity().product_id != 0x0004 {
        return None;
    }
    let report = look.raw_report(DIGITS)?;
    let text = String::from_utf8_lossy(report.get(1..)?).into_owned();
    let digits = text.split_whitespace().next()?;
    line::number(digits).map(|volts| fixed(volts, 1))
}

/// The section says that the shutdown word's bytes are the other way round.
const SWAPPED: &str = "powercom_sdcmd_byte_order_fallback";
/// The section says that shutdown delays are steps.
const STEPPED: &str = "powercom_sdcmd_discrete_delay";
/// Seconds of the steps, the first of which is sent as 1.
const STEPS: [u32; 18] = [
    12, 18, 24, 30, 36, 42, 48, 54, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600,
];

/// The time in a shutdown word.
fn seconds_to_off(look: &mut Look<'_>, value: f64) -> Option<Value> {
    let word = value as u32 & 0xffff;
    let word = match look.flag(SWAPPED) {
        true => u32::from((word as u16).swap_bytes()),
        false => word,
    };
    let word = word & !(RETURN | STAY_OFF);
    Some((60 * (word >> 8) + (word & 0xff)).into())
}

/// The time in a start word.
fn seconds_to_on(_: &mut Look<'_>, value: f64) -> Option<Value> {
    let minutes = (value as u32 & 0xffff) as u16;
    Some((60 * u32::from(minutes.swap_bytes())).into())
}

/// Seconds: those given, else the delay as it is set now.
fn seconds(look: &mut Look<'_>, given: Option<&str>, usual: Kept) -> Option<u32> {
    match given {
        Some(text) => line::whole(text),
        None => Some(look.seconds(usual) as u32),
    }
}

fn shutdown_word(look: &mut Look<'_>, given: Option<&str>, then: u32) -> Option<f64> {
    let seconds = seconds(look, given, Kept::OffDelay)?.max(1);
    let word = (seconds < 60 * 256).then_some(((seconds / 60) << 8) | (seconds % 60) | then)?;
    Some(match look.flag(SWAPPED) {
        true => f64::from((word as u16).swap_bytes()),
        false => word.into(),
    })
}

/// The number of the first step that is not too short, or else the longest.
fn step(look: &mut Look<'_>, given: Option<&str>) -> Option<f64> {
    let wanted = seconds(look, given, Kept::OffDelay)?;
    let shorter = STEPS.iter().take_while(|step| **step < wanted).count();
    Some((shorter.min(STEPS.len() - 1) + 1) as f64)
}

fn off_and_on(look: &mut Look<'_>, given: Option<&str>) -> Option<f64> {
    match look.flag(STEPPED) {
        true => step(look, given),
        false => shutdown_word(look, given, RETURN),
    }
}

fn off_for_good(look: &mut Look<'_>, given: Option<&str>) -> Option<f64> {
    match look.flag(STEPPED) {
        true => None,
        false => shutdown_word(look, given, STAY_OFF),
    }
}

fn off_at_once(look: &mut Look<'_>, given: Option<&str>) -> Option<f64> {
    off_for_good(look, given.or(Some("0")))
}

/// The start word.
fn start(look: &mut Look<'_>, given: Option<&str>) -> Option<f64> {
    let minutes = u16::try_from(seconds(look, given, Kept::OnDelay)? / 60).ok()?;
    Some(match look.flag(STEPPED) {
        true => minutes.into(),
        false => minutes.swap_bytes().into(),
    })
}

/// What is written for the other of enabled (read as 1) and disabled.
fn toggle(look: &mut Look<'_>, _: Option<&str>) -> Option<f64> {
    let now = look.number("PS.AudibleAlarmControl")?;
    Some(if now == 1.0 { 0.0 } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::{facts, look, look_with, text};
    use husk_driver::UsbIdentity;

    const BNT: (u16, u16) = (0x0d9f, 0x0004);

    #[test]
    fn delays_are_packed_as_the_device_wants_them() {
        look(&MAKER, BNT, &[], |look| {
            assert_eq!(off_and_on(look, Some("20")), Some(f64::from(0x0054)));
            assert_eq!(
                off_and_on(look, None),
                Some(f64::from(0x0154)),
                "80 s are set"
            );
            assert_eq!(
                off_for_good(look, Some("0")),
                Some(f64::from(0x0081)),
                "0 is the longest"
            );
            assert_eq!(off_and_on(look, Some("15360")), None, "256 minutes");
            assert_eq!(start(look, None), Some(f64::from(0x0300)), "180 s are set");
            assert_eq!(start(look, Some("18000")), Some(f64::from(0x2c01)));
            assert_eq!(start(look, Some("soon")), None);
            assert_eq!(off_at_once(look, None), Some(f64::from(0x0081)));
        });
    }

    fn with_flag<R>(flag: &str, test: impl FnOnce(&mut Look<'_>) -> R) -> R {
        let identity = UsbIdentity {
            vendor_id: BNT.0,
            product_id: BNT.1,
            ..UsbIdentity::default()
        };
        look_with(&MAKER, identity, &[flag], &[], test)
    }

    #[test]
    fn older_firmware_has_the_bytes_the_other_way_round() {
        with_flag(SWAPPED, |look| {
            assert_eq!(off_and_on(look, Some("80")), Some(f64::from(0x5401)));
            assert_eq!(off_for_good(look, Some("80")), Some(f64::from(0x9401)));
            let shown = seconds_to_off(look, f64::from(0x5401));
            assert_eq!(shown, Some("80".into()));
        });
    }

    #[test]
    fn some_lines_take_steps() {
        with_flag(STEPPED, |look| {
            let mut sent = |seconds| off_and_on(look, Some(seconds));
            for (seconds, step) in [
                ("0", 1.0),
                ("12", 1.0),
                ("13", 2.0),
                ("60", 9.0),
                ("61", 10.0),
                ("600", 18.0),
                ("9999", 18.0),
            ] {
                assert_eq!(sent(seconds), Some(step), "{seconds}");
            }
            assert_eq!(off_for_good(look, None), None, "not known how");
            assert_eq!(start(look, Some("180")), Some(3.0));
        });
    }

    #[test]
    fn delays_are_read_as_they_are_written() {
        let off = ("ups.timer.shutdown", "PS.DelayBeforeShutdown");
        assert_eq!(text(&MAKER, BNT, off, f64::from(0x0154)), Some("80".into()));
        let on = ("ups.timer.start", "PS.DelayBeforeStartup");
        assert_eq!(
            text(&MAKER, BNT, on, f64::from(0x2c01)),
            Some("18000".into())
        );
    }

    #[test]
    fn one_model_has_its_battery_voltage_in_digits() {
        let row = ("battery.voltage", "PSS.ACPresent");
        assert_eq!(text(&MAKER, BNT, row, 1.0), Some("13.7".into()));
        assert_eq!(text(&MAKER, (0x0d9f, 0x00a2), row, 1.0), None);
    }

    #[test]
    fn the_beeper_is_turned_round_in_its_own_codes() {
        for (now, then) in [(1, 0.0), (2, 1.0)] {
            let fields = [("PS.AudibleAlarmControl", now)];
            let sent = look(&MAKER, BNT, &fields, |look| toggle(look, None));
            assert_eq!(sent, Some(then));
        }
    }

    #[test]
    fn the_older_dialects_words_are_facts() {
        let path = |word| format!("/PowercomUPS.PowercomPowerConverter.PowercomOutput.{word}");
        let charger = path("PowercomInternalChargeController");
        let told = facts(&MAKER, &charger, 18.0);
        assert!(told.is(Fact::ReplaceBattery) && told.is(Fact::ShutdownImminent));
        assert_eq!(told.known(Fact::FanFailure), Some(false));
        let support = path("PowercomPrimaryBatterySupport");
        let on_battery = facts(&MAKER, &support, 3.0);
        assert_eq!(on_battery.known(Fact::Online), Some(false));
        assert!(on_battery.is(Fact::LowBattery));
        for (word, trim, boost) in [
            (8.0, true, false),
            (24.0, false, true),
            (16.0, false, false),
        ] {
            let told = facts(&MAKER, &support, word);
            assert_eq!((told.is(Fact::Trim), told.is(Fact::Boost)), (trim, boost));
            assert!(told.is(Fact::Online));
        }
        assert!(facts(&MAKER, &support, 32.0).is(Fact::Overload));
    }
}
