//! Salicru.
//!
//! The standard, with the status of the output beneath Output and the rest spread over PowerConverter, Flow and
//! PowerSummary: each variable has the places that models differ in.

use crate::convert::words;
use crate::makers::{Maker, device};
use crate::row::{Command, Flag, Row, Sends, flag, show, tell};
use crate::status::Fact;
use husk_driver::{UsbMatch, cmd, var};

pub(super) static MAKER: Maker = Maker {
    name: "Salicru",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x2e66, 0x0101),
    device(0x2e66, 0x0201),
    device(0x2e66, 0x0202),
    device(0x2e66, 0x0203),
    device(0x2e66, 0x0300),
    device(0x2e66, 0x0302),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").writable(),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_RUNTIME_LOW, "PS.RemainingTimeLimit").writable(),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage"),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage"),
    show(var::INPUT_FREQUENCY, "Input.Frequency"),
    show(var::INPUT_FREQUENCY, "PC.Input.[1].Frequency"),
    show(var::INPUT_TRANSFER_HIGH, "PC.Output.HighVoltageTransfer"),
    show(var::INPUT_TRANSFER_LOW, "PC.Output.LowVoltageTransfer"),
    show(var::INPUT_VOLTAGE, "Input.Voltage"),
    show(var::INPUT_VOLTAGE, "PC.Input.[1].Voltage"),
    show(var::INPUT_VOLTAGE_NOMINAL, "Input.ConfigVoltage"),
    show(var::OUTPUT_FREQUENCY, "Output.Frequency"),
    show(var::OUTPUT_FREQUENCY, "PC.Output.Frequency"),
    show(var::OUTPUT_VOLTAGE, "Output.Voltage"),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage"),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Output.ConfigVoltage"),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "PS.ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER),
    show(var::UPS_LOAD, "Output.PercentLoad"),
    show(var::UPS_LOAD, "PS.PercentLoad"),
    show(var::UPS_REALPOWER, "PC.Output.ActivePower"),
    show(var::UPS_REALPOWER_NOMINAL, "Output.ConfigActivePower"),
    show(var::UPS_REALPOWER_NOMINAL, "Flow.[4].ConfigActivePower"),
    show(var::UPS_TEST_RESULT, "Output.Test").as_word(words::TEST_RESULT),
    show(var::UPS_TEST_RESULT, "BS.Battery.Test").as_word(words::TEST_RESULT),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.FullyCharged", Fact::FullyCharged),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("Output.CommunicationLost", Fact::CommunicationFault),
    flag("Output.Boost", Fact::Boost),
    flag("Output.Overload", Fact::Overload),
    flag("PSS.Overload", Fact::Overload),
    flag("PSS.OverTemperature", Fact::Overheat),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::TEST_BATTERY_START_DEEP, "BS.Battery.Test", Sends::Value(2)),
    tell(cmd::TEST_BATTERY_START_QUICK, "BS.Battery.Test", Sends::Value(1)),
    tell(cmd::TEST_BATTERY_STOP, "BS.Battery.Test", Sends::Value(3)),
];
