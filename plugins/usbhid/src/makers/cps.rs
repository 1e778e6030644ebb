//! CyberPower: CP, OR, PR, UT, BR and Value series, and what is sold under other names with their electronics.
//!
//! Folklore:
//! - 0764:0501, battery voltage half as high again as it is (24 V packs at 36 V): a divider left out in several
//!   firmwares. Above 1.4 times the nominal voltage it is taken times 2/3, decided once.
//! - 0764:0501, frequencies ten times too high: the exponent is missing. Outside of what mains can have and a tenth
//!   inside, a tenth it is.
//! - 0764:0501 and 0764:0601 describe voltages with the range of the transfer voltage beside them or with one byte too
//!   few, so that 230 V read as the top of the range: [`voltages`].
//! - Delays are counted in minutes: what lies between is cut, and an off delay below 60 s is none.
//! - Some report Discharging with ACPresent during a power cut: `onlinedischarge_onbattery` is for them.
//!
//! Source: descriptors recorded from CP1500PFCLCD, CP1000PFCLCDa, OR600ERM1U, EC850LCD.

use super::{Habits, Maker, device, usage};
use crate::convert::words;
use crate::device::Look;
use crate::row::{Command, Flag, Kept, Row, Sends, Words, flag, keep, show, tell};
use crate::status::Fact;
use husk_driver::wire::hid::{Descriptor, Kind, Path, Usage};
use husk_driver::{UsbIdentity, Value, cmd, fixed, var};

pub(super) static MAKER: Maker = Maker {
    name: "CyberPower",
    claims: &[
        device(0x0764, 0x0005),
        device(0x0764, 0x0501),
        device(0x0764, 0x0601),
        // Built around another maker's microcontroller.
        device(0x0483, 0xa430),
    ],
    usages: USAGES,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    habits: Habits {
        off_delay: 60,
        on_delay: 120,
        full_walk: 12,
        ..Habits::USUAL
    },
    correct: voltages,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const USAGES: &[Usage] = &[
    usage("CPSFirmwareVersion", 0xff01_00d0), usage("CPSInputSensitivity", 0xff01_0043),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity").by(charge),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").writable(),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_MFR_DATE, "Battery.ManufacturerDate").as_date().writable(),
    show(var::BATTERY_MFR_DATE, "PS.iOEMInformation").as_text(),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_RUNTIME_LOW, "PS.RemainingTimeLimit").writable(),
    show(var::BATTERY_STATUS, "PS.FullChargeCapacity").by(health),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage").by(battery_voltage),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage"),
    show(var::INPUT_FREQUENCY, "Input.Frequency").by(frequency),
    show(var::INPUT_SENSITIVITY, "Output.CPSInputSensitivity").as_word(SENSITIVITY).writable(),
    show(var::INPUT_TRANSFER_HIGH, "Input.HighVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_HIGH, "Output.HighVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_LOW, "Input.LowVoltageTransfer").writable(),
    show(var::INPUT_TRANSFER_LOW, "Output.LowVoltageTransfer").writable(),
    show(var::INPUT_VOLTAGE, "Input.Voltage"),
    show(var::INPUT_VOLTAGE_NOMINAL, "Input.ConfigVoltage"),
    show(var::OUTPUT_FREQUENCY, "Output.Frequency").by(frequency),
    show(var::OUTPUT_VOLTAGE, "Output.Voltage"),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Output.ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER),
    keep(var::UPS_DELAY_SHUTDOWN, "Output.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "Output.DelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_FIRMWARE, "PS.CPSFirmwareVersion").as_text(),
    show(var::UPS_LOAD, "Output.PercentLoad"),
    show(var::UPS_POWER, "Output.ApparentPower"),
    show(var::UPS_POWER_NOMINAL, "Output.ConfigApparentPower"),
    show(var::UPS_REALPOWER, "Output.ActivePower"),
    show(var::UPS_REALPOWER_NOMINAL, "Output.ConfigActivePower"),
    show(var::UPS_TEMPERATURE, "PS.Temperature").in_kelvin(),
    show(var::UPS_TEST_RESULT, "Output.Test").as_word(words::TEST_RESULT),
    show(var::UPS_TIMER_REBOOT, "Output.DelayBeforeReboot").often(),
    show(var::UPS_TIMER_SHUTDOWN, "Output.DelayBeforeShutdown").often(),
    show(var::UPS_TIMER_START, "Output.DelayBeforeStartup").often(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.FullyCharged", Fact::FullyCharged),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("Output.Boost", Fact::Boost),
    flag("Output.Overload", Fact::Overload),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_DISABLE, "PS.AudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ENABLE, "PS.AudibleAlarmControl", Sends::Value(2)),
    tell(cmd::BEEPER_MUTE, "PS.AudibleAlarmControl", Sends::Value(3)),
    tell(cmd::BEEPER_OFF, "PS.AudibleAlarmControl", Sends::Value(1)),
    tell(cmd::BEEPER_ON, "PS.AudibleAlarmControl", Sends::Value(2)),
    tell(cmd::LOAD_OFF_DELAY, "Output.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON_DELAY, "Output.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::SHUTDOWN_REBOOT, "Output.DelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_STOP, "Output.DelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::TEST_BATTERY_START_DEEP, "Output.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_QUICK, "Output.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_STOP, "Output.Test", Sends::Value(3)),
];

const SENSITIVITY: Words = &[(0, "low"), (1, "normal"), (2, "high")];

/// Never more than full: some firmware counts on to 103.
fn charge(_look: &mut Look<'_>, percent: f64) -> Option<Value> {
    Some(fixed(percent.min(100.0), 0))
}

fn health(_look: &mut Look<'_>, percent: f64) -> Option<Value> {
    Some(format!("{}%", percent as i64).into())
}

/// Above 1.4 times the nominal voltage no battery of theirs can be: the divider of 2/3 is missing.
fn battery_voltage(look: &mut Look<'_>, volts: f64) -> Option<Value> {
    let factor = look.learned("battery voltage", |look| {
        let nominal = look.number("PS.ConfigVoltage")?;
        let divided = look.identity().product_id == 0x0501 && volts > 1.4 * nominal;
        Some(if divided { 2.0 / 3.0 } else { 1.0 })
    });
    Some(fixed(volts * factor.unwrap_or(1.0), 1))
}

/// Hertz mains may have, in a generous reading of both 50 and 60.
const MAINS: std::ops::RangeInclusive<f64> = 45.0..=65.0;

fn frequency(look: &mut Look<'_>, hertz: f64) -> Option<Value> {
    let tenfold = || Some(0.1).filter(|tenth| MAINS.contains(&(hertz * tenth)));
    let factor = match MAINS.contains(&hertz) {
        true => look.learned("frequency", |_| Some(1.0)),
        false => look.learned("frequency", |_| tenfold()),
    };
    Some(fixed(hertz * factor.unwrap_or(1.0), 1))
}

/// Top of the range for voltages that are described with too small a one.
const VOLTS_MAX: i64 = 511;
/// The same for the rated power, in watts.
const WATTS_MAX: i64 = 2048;

/// Corrects ranges that would cut what is measured.
///
/// The greatest output voltage described is sometimes that of the transfer voltage beside it (a copy of the line
/// above in the firmware's source), and 255 V and more are encoded so that they read as negative.
fn voltages(identity: &UsbIdentity, descriptor: &mut Descriptor) {
    if !matches!(identity.product_id, 0x0501 | 0x0601) {
        return;
    }
    let at = |descriptor: &Descriptor, report: u8, path: &str| {
        let path = Path::parse(path, USAGES)?;
        descriptor.fields.iter().position(|field| {
            field.kind == Kind::Feature && field.report == report && field.path == path
        })
    };
    let input = at(descriptor, 0x0f, "UPS.Input.Voltage");
    let output = at(descriptor, 0x12, "UPS.Output.Voltage");
    let transfer = at(descriptor, 0x10, "UPS.Input.HighVoltageTransfer")
        .or_else(|| at(descriptor, 0x10, "UPS.Output.HighVoltageTransfer"));
    let field = |index: Option<usize>| index.and_then(|index| descriptor.fields.get(index));
    let range = |index| field(index).map(|field| field.logical);
    let copied = output.is_some() && range(output) == range(transfer);
    let assumed = |index| field(index).is_some_and(|field| field.assumed);
    let greatest = if copied {
        Some(VOLTS_MAX)
    } else if assumed(input) || assumed(output) {
        let of = |index| range(index).map_or(0, |(_, greatest)| greatest);
        Some(of(input).max(of(output)).max(VOLTS_MAX))
    } else {
        None
    };
    if let Some(greatest) = greatest {
        for index in [input, output].into_iter().flatten() {
            if let Some(field) = descriptor.fields.get_mut(index) {
                field.logical = (0, greatest);
            }
        }
    }
    let rated = at(descriptor, 0x18, "UPS.Output.ConfigActivePower");
    if let Some(field) = rated.and_then(|index| descriptor.fields.get_mut(index)) {
        field.logical.1 = field.logical.1.max(WATTS_MAX);
    }
}
