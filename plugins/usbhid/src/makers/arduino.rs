//! UPSes made by hand around an Arduino and its HIDPowerDevice library.
//!
//! The board has a serial port of its own on the interfaces before; the power device is on interface 2 and tells by
//! interrupts on endpoint 4. The ids are those of the bare boards: a Leonardo or Pro Micro with any other sketch has
//! them too, and is refused for lack of a report descriptor that says anything.

use crate::makers::{Habits, Maker, device_on};
use crate::row::{Command, Flag, Kept, Row, Sends, flag, keep, show, tell};
use crate::status::Fact;
use husk_driver::{UsbMatch, cmd, var};

pub(super) static MAKER: Maker = Maker {
    name: "Arduino",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    habits: Habits {
        endpoint: 0x84,
        ..Habits::USUAL
    },
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device_on(0x2341, 0x0036, 2),
    device_on(0x2341, 0x8036, 2),
    device_on(0x2a03, 0x0036, 2),
    device_on(0x2a03, 0x8036, 2),
    device_on(0x2a03, 0x0040, 2),
    device_on(0x2a03, 0x8040, 2),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit"),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty").often(),
    show(var::BATTERY_RUNTIME_LOW, "PS.RemainingTimeLimit"),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage").often(),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage").often(),
    show(var::INPUT_VOLTAGE, "PC.Input.[1].Voltage"),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage"),
    keep(var::UPS_DELAY_SHUTDOWN, "PS.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "PS.DelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_LOAD, "PS.PercentLoad"),
    show(var::UPS_TIMER_REBOOT, "PS.DelayBeforeReboot").often(),
    show(var::UPS_TIMER_SHUTDOWN, "PS.DelayBeforeShutdown").often(),
    show(var::UPS_TIMER_START, "PS.DelayBeforeStartup").often(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.Overload", Fact::Overload),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PSS.BatteryPresent", Fact::NoBattery).inverted(),
    flag("PSS.FullyCharged", Fact::FullyCharged).often(),
    flag("PSS.FullyDischarged", Fact::Depleted).often(),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::LOAD_OFF_DELAY, "PS.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON_DELAY, "PS.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::SHUTDOWN_REBOOT, "PS.DelayBeforeReboot", Sends::Value(10)),
    tell(cmd::SHUTDOWN_STOP, "PS.DelayBeforeShutdown", Sends::Value(-1)),
];
