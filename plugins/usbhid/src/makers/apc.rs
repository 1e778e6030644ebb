//! APC: Back-UPS, Back-UPS Pro and Smart-UPS with a USB socket of their own.
//!
//! Folklore:
//! - 051d:0003 and 051d:0004 (Smart-UPS of the fifth generation): the interrupt endpoint speaks Microlink, a protocol of
//!   its own, and is left alone.
//! - Back-UPS ES 525 and Back-UPS CS send longer reports than they describe and fail when fewer bytes are asked for.
//! - 051d:0002: the greatest input voltage described is below the transfer voltage (ES 700G), and the nominal one ends
//!   at 127 (XS 1400U): [`voltages`].
//! - Model strings hold the firmware: `Back-UPS ES 850G2 FW:931.a10.D USB FW:a10`.
//! - BX…MI, BVK…M2 and BK…M2-CH raise LB and RB for a second or two when they test themselves.
//!
//! Source: descriptors recorded from BK650M2-CH, ES 850G2, RS 1000G, Smart-UPS 1000, 3000 and X 750.

use super::{Habits, Maker, NamePlate, device, usage};
use crate::convert::{NOT_SET, words};
use crate::device::Look;
use crate::row::{Command, Flag, Kept, Row, Sends, Words, flag, flag_by, keep, show, tell};
use crate::status::{Fact, Facts};
use husk_driver::wire::hid::{Descriptor, Kind, Path, Usage};
use husk_driver::{UsbIdentity, Value, cmd, var};

pub(super) static MAKER: Maker = Maker {
    name: "APC",
    claims: &[
        device(0x051d, 0x0000),
        device(0x051d, 0x0002),
        device(0x051d, 0x0003),
        device(0x051d, 0x0004),
        device(0x051d, 0x0005),
    ],
    usages: USAGES,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    habits: Habits {
        interrupts: |identity| !matches!(identity.product_id, 0x0003 | 0x0004),
        longest_report: |identity| {
            let product = identity.product.as_deref().unwrap_or("");
            product.starts_with("Back-UPS ES 525") || product.starts_with("Back-UPS CS")
        },
        flickers: |identity| tests_itself_loudly(identity.product.as_deref().unwrap_or("")),
        ..Habits::USUAL
    },
    correct: voltages,
    name_plate,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const USAGES: &[Usage] = &[
    usage("APCGeneralCollection", 0xff86_0005), usage("APCEnvironment", 0xff86_0006),
    usage("APCProbe1", 0xff86_0007), usage("APCProbe2", 0xff86_0008), usage("APCBattReplaceDate", 0xff86_0016),
    usage("APCBattCapBeforeStartup", 0xff86_0019), usage("APC_UPS_FirmwareRevision", 0xff86_0042),
    usage("APCLineFailCause", 0xff86_0052), usage("APCStatusFlag", 0xff86_0060),
    usage("APCSensitivity", 0xff86_0061), usage("APCPanelTest", 0xff86_0072),
    usage("APCShutdownAfterDelay", 0xff86_0076), usage("APC_USB_FirmwareRevision", 0xff86_0079),
    usage("APCDelayBeforeReboot", 0xff86_007c), usage("APCDelayBeforeShutdown", 0xff86_007d),
    usage("APCDelayBeforeStartup", 0xff86_007e), usage("BUPHibernate", 0x0085_0058),
    usage("BUPBattCapBeforeStartup", 0x0086_0012), usage("BUPDelayBeforeStartup", 0x0086_0076),
    usage("BUPSelfTest", 0x0086_0010),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::AMBIENT_HUMIDITY, "APCEnvironment.APCProbe1.Humidity"),
    show(var::AMBIENT_TEMPERATURE, "APCEnvironment.APCProbe1.Temperature").in_kelvin(),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").writable(),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_DATE, "Battery.APCBattReplaceDate").by(date),
    show(var::BATTERY_MFR_DATE, "Battery.ManufacturerDate").as_date().writable(),
    show(var::BATTERY_MFR_DATE, "PS.APCBattReplaceDate").by(date),
    show(var::BATTERY_RUNTIME, "Battery.RunTimeToEmpty"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_RUNTIME_LOW, "Battery.RemainingTimeLimit").writable(),
    show(var::BATTERY_RUNTIME_LOW, "PS.RemainingTimeLimit").writable(),
    show(var::BATTERY_TEMPERATURE, "Battery.Temperature").in_kelvin(),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "Battery.Voltage"),
    show(var::BATTERY_VOLTAGE, "PS.Voltage"),
    show(var::BATTERY_VOLTAGE_NOMINAL, "Battery.ConfigVoltage"),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage"),
    show(var::INPUT_SENSITIVITY, "Input.APCSensitivity").as_word(SENSITIVITY).writable(),
    show(var::INPUT_TRANSFER_HIGH, "Output.HighVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_HIGH, "Input.HighVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_LOW, "Output.LowVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_LOW, "Input.LowVoltageTransfer").writable(),
    show(var::INPUT_VOLTAGE, "Input.Voltage"),
    show(var::INPUT_VOLTAGE_NOMINAL, "Input.ConfigVoltage"),
    show(var::OUTPUT_CURRENT, "Output.Current"),
    show(var::OUTPUT_FREQUENCY, "Output.Frequency"),
    show(var::OUTPUT_VOLTAGE, "Output.Voltage"),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Output.ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER),
    keep(var::UPS_DELAY_SHUTDOWN, "PS.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_SHUTDOWN, "Output.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_SHUTDOWN, "APCGeneralCollection.APCDelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "PS.DelayBeforeStartup", Kept::OnDelay),
    keep(var::UPS_DELAY_START, "Output.DelayBeforeStartup", Kept::OnDelay),
    keep(var::UPS_DELAY_START, "APCGeneralCollection.APCDelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_LOAD, "Output.PercentLoad"),
    show(var::UPS_LOAD, "PC.PercentLoad"),
    show(var::UPS_MFR_DATE, "ManufacturerDate").as_date(),
    show(var::UPS_MFR_DATE, "PS.ManufacturerDate").as_date(),
    show(var::UPS_REALPOWER_NOMINAL, "PC.ConfigActivePower"),
    show(var::UPS_REALPOWER_NOMINAL, "Output.ConfigActivePower"),
    show(var::UPS_TEST_RESULT, "Battery.Test").as_word(words::TEST_RESULT),
    show(var::UPS_TIMER_REBOOT, "PS.DelayBeforeReboot").often(),
    show(var::UPS_TIMER_REBOOT, "Output.DelayBeforeReboot").often(),
    show(var::UPS_TIMER_REBOOT, "APCGeneralCollection.APCDelayBeforeReboot").often(),
    show(var::UPS_TIMER_SHUTDOWN, "PS.DelayBeforeShutdown").often(),
    show(var::UPS_TIMER_SHUTDOWN, "Output.DelayBeforeShutdown").often(),
    show(var::UPS_TIMER_SHUTDOWN, "APCGeneralCollection.APCDelayBeforeShutdown").often(),
    show(var::UPS_TIMER_START, "PS.DelayBeforeStartup").often(),
    show(var::UPS_TIMER_START, "Output.DelayBeforeStartup").often(),
    show(var::UPS_TIMER_START, "APCGeneralCollection.APCDelayBeforeStartup").often(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.Overload", Fact::Overload),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PSS.BatteryPresent", Fact::NoBattery).inverted(),
    flag("PS.Charging", Fact::Charging).often(),
    flag("PS.Discharging", Fact::Discharging).often(),
    flag("PS.ACPresent", Fact::Online).often(),
    flag("PS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag_by("PS.APCStatusFlag", outlets).often(),
    flag_by("Input.APCLineFailCause", line_failure),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_DISABLE, "PS.AudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ENABLE, "PS.AudibleAlarmControl", Sends::Value(2)),
    tell(cmd::BEEPER_MUTE, "PS.AudibleAlarmControl", Sends::Value(3)),
    tell(cmd::BEEPER_OFF, "PS.AudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ON, "PS.AudibleAlarmControl", Sends::Value(2)),
    tell(cmd::LOAD_OFF_DELAY, "PS.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_OFF_DELAY, "Output.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_OFF_DELAY, "APCGeneralCollection.APCDelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON_DELAY, "PS.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::LOAD_ON_DELAY, "Output.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::LOAD_ON_DELAY, "APCGeneralCollection.APCDelayBeforeStartup", Sends::OnDelay),
    tell(cmd::SHUTDOWN_REBOOT, "PS.DelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_REBOOT, "Output.DelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_REBOOT, "APCGeneralCollection.APCDelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_RETURN, "Output.APCDelayBeforeReboot", Sends::Value(1)),
    tell(cmd::SHUTDOWN_STOP, "PS.DelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::SHUTDOWN_STOP, "Output.DelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::SHUTDOWN_STOP, "APCGeneralCollection.APCDelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::TEST_BATTERY_START_DEEP, "BS.Battery.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_DEEP, "Battery.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_QUICK, "BS.Battery.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_START_QUICK, "Battery.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_STOP, "BS.Battery.Test", Sends::Value(3)),
    tell(cmd::TEST_BATTERY_STOP, "Battery.Test", Sends::Value(3)),
    tell(cmd::TEST_PANEL_START, "APCPanelTest", Sends::Value(1)),
    tell(cmd::TEST_PANEL_START, "PS.APCPanelTest", Sends::Value(1)),
    tell(cmd::TEST_PANEL_STOP, "APCPanelTest", Sends::Value(0)),
    tell(cmd::TEST_PANEL_STOP, "PS.APCPanelTest", Sends::Value(0)),
];

const SENSITIVITY: Words = &[(0, "low"), (1, "medium"), (2, "high")];

/// Month, day and year as six decimal digits in hexadecimal: 0x092501 is the 25th of September 2001.
fn date(_look: &mut Look<'_>, packed: f64) -> Option<Value> {
    let packed = u32::try_from(packed as i64).ok()?;
    if packed == 0 {
        return Some(NOT_SET.into());
    }
    let two = |at: u32| (packed >> (at + 4) & 15) * 10 + (packed >> at & 15);
    let (month, day, year) = (two(16), two(8), two(0));
    let century = if year >= 70 { 1900 } else { 2000 };
    Some(format!("{:04}/{month:02}/{day:02}", century + year).into())
}

/// 8 and 16: the outlets are fed; 0: they are not; anything else says nothing.
fn outlets(_look: &mut Look<'_>, flag: f64, facts: &mut Facts) {
    match flag as i64 {
        8 | 16 => facts.set(Fact::Off, false),
        0 => facts.set(Fact::Off, true),
        _ => {}
    }
}

/// Why the unit went to battery last.
fn line_failure(_look: &mut Look<'_>, cause: f64, facts: &mut Facts) {
    let cause = cause as i64;
    facts.set(Fact::VoltageOutOfRange, matches!(cause, 1 | 2 | 4 | 8 | 9));
    facts.set(Fact::FrequencyOutOfRange, cause == 7);
}

/// BX…MI, BVK…M2, BK…M2-CH and BK…M2_CH.
fn tests_itself_loudly(product: &str) -> bool {
    let has = |start: &str, end: &str| {
        let rest = product
            .find(start)
            .and_then(|at| product.get(at + start.len()..));
        rest.is_some_and(|rest| rest.contains(end))
    };
    has("BX", "MI") || has("BVK", "M2") || has("BK", "M2-CH") || has("BK", "M2_CH")
}

/// Cuts model and firmware out of the product string.
fn name_plate(look: &mut Look<'_>) -> NamePlate {
    let mut plate = NamePlate::of_strings(look);
    let Some(product) = plate.model.clone() else {
        return plate;
    };
    let (rest, usb) = cut(&product, "USB FW:");
    let (model, firmware) = cut(rest, "FW:");
    plate.model = Some(model.to_owned());
    let firmware = [("ups.firmware", firmware), ("ups.firmware.aux", usb)];
    for (name, version) in firmware {
        plate
            .more
            .extend(version.map(|version| (name, version.to_owned())));
    }
    plate
}

/// What stands before a mark and what behind it, without blanks.
fn cut<'a>(text: &'a str, mark: &str) -> (&'a str, Option<&'a str>) {
    match text.split_once(mark) {
        Some((before, behind)) => (before.trim_end(), Some(behind.trim())),
        None => (text, None),
    }
}

/// Corrects ranges that would cut what is measured.
///
/// A voltage cannot end below the transfer voltage: an ES 700G on 240 V would read 127 V for ever.
fn voltages(identity: &UsbIdentity, descriptor: &mut Descriptor) {
    if identity.product_id != 0x0002 {
        return;
    }
    let at = |descriptor: &Descriptor, report: u8, path: &str| {
        let path = Path::parse(path, USAGES)?;
        descriptor.fields.iter().position(|field| {
            field.kind == Kind::Feature && field.report == report && field.path == path
        })
    };
    let transfer = at(descriptor, 0x33, "UPS.Input.HighVoltageTransfer")
        .and_then(|index| descriptor.fields.get(index))
        .map(|field| field.logical.1);
    let Some(transfer) = transfer else { return };
    let corrections = [
        (
            at(descriptor, 0x31, "UPS.Input.Voltage"),
            transfer.saturating_mul(2),
        ),
        (at(descriptor, 0x30, "UPS.Input.ConfigVoltage"), 255),
    ];
    for (index, greatest) in corrections {
        let field = index.and_then(|index| descriptor.fields.get_mut(index));
        if let Some(field) = field.filter(|field| field.logical.1 < transfer) {
            field.logical = (0, greatest);
        }
    }
}
