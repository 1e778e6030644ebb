//! Phoenixtec's OEM units, sold as PowerWalker, Liebert and under many other names.
//!
//! They share 06da:ffff with AEG and GoldenMate, whose makers are asked before this one. There are two ranges of
//! transfer: the one of the input by numbers on page 0xffff without a name, that of the output where the standard has
//! it. The beeper has no command but one: it is turned round from what was last read.

use crate::convert::words;
use crate::device::Look;
use crate::makers::{Maker, device};
use crate::row::{Command, Flag, Kept, Row, Sends, flag, keep, show, show_named, tell};
use crate::status::Fact;
use husk_driver::{UsbMatch, cmd, var};

pub(super) static MAKER: Maker = Maker {
    name: "Phoenixtec",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x06da, 0xffff),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage"),
    show_named("experimental.battery.capacity", "PS.FullChargeCapacity"),
    show_named("experimental.battery.capacity.nominal", "PS.DesignCapacity"),
    show(var::INPUT_FREQUENCY, "PC.Input.[1].Frequency"),
    show_named("input.frequency.transfer.high", "PC.Output.ffff00f8"),
    show_named("input.frequency.transfer.low", "PC.Output.ffff00f9"),
    show(var::INPUT_TRANSFER_HIGH, "PC.Output.ffff0058"),
    show(var::INPUT_TRANSFER_LOW, "PC.Output.ffff0057"),
    show(var::INPUT_VOLTAGE, "PC.Input.[1].Voltage"),
    show(var::OUTPUT_FREQUENCY, "PC.Output.Frequency"),
    show(var::OUTPUT_FREQUENCY_NOMINAL, "Flow.[4].ConfigFrequency"),
    show_named("output.transfer.high", "PC.Output.HighVoltageTransfer"),
    show_named("output.transfer.low", "PC.Output.LowVoltageTransfer"),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage"),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Flow.[4].ConfigVoltage"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER),
    keep(var::UPS_DELAY_SHUTDOWN, "PS.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "PS.DelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_LOAD, "PS.PercentLoad"),
    show(var::UPS_POWER_NOMINAL, "Flow.[4].ConfigApparentPower"),
    show(var::UPS_TEST_RESULT, "BS.Battery.Test").as_word(words::TEST_RESULT),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.Overload", Fact::Overload).often(),
    flag("PSS.Good", Fact::Off).inverted().often(),
    flag("PSS.InternalFailure", Fact::InternalFault).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PC.Input.[1].PresentStatus.Buck", Fact::Trim),
    flag("PC.Input.[1].PresentStatus.Boost", Fact::Boost),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::BEEPER_TOGGLE, "PS.AudibleAlarmControl", Sends::By(toggle)),
    tell(cmd::LOAD_OFF_DELAY, "PS.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON_DELAY, "PS.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::SHUTDOWN_STOP, "PS.DelayBeforeShutdown", Sends::Value(-1)),
    tell(cmd::TEST_BATTERY_START, "BS.Battery.Test", Sends::Value(1)),
];

/// The other of disabled (1) and enabled (2).
fn toggle(look: &mut Look<'_>, _: Option<&str>) -> Option<f64> {
    let now = look.number("PS.AudibleAlarmControl")?;
    Some(if now == 2.0 { 1.0 } else { 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::look;

    #[test]
    fn the_beeper_is_turned_round() {
        for (now, then) in [(2, Some(1.0)), (1, Some(2.0)), (3, Some(2.0))] {
            let fields = [("PS.AudibleAlarmControl", now)];
            let sent = look(&MAKER, (0x06da, 0xffff), &fields, |look| toggle(look, None));
            assert_eq!(sent, then);
        }
        assert_eq!(
            look(&MAKER, (0x06da, 0xffff), &[], |look| toggle(look, None)),
            None
        );
    }
}
