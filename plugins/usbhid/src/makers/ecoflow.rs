//! EcoFlow's power stations.
//!
//! They count the runtime in minutes where the standard has seconds, and take no command. Four objects that other
//! drivers show under `experimental.` names are shown under the same.

use crate::convert::words;
use crate::makers::{Maker, device};
use crate::row::{Flag, Row, flag, show, show_named};
use crate::status::Fact;
use husk_driver::{UsbMatch, var};

pub(super) static MAKER: Maker = Maker {
    name: "EcoFlow",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x3746, 0xffff),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CAPACITY, "PS.FullChargeCapacity"),
    show(var::BATTERY_CAPACITY_NOMINAL, "PS.DesignCapacity"),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity").often(),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").writable(),
    show(var::BATTERY_CHARGE_WARNING, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty").times(60.0).often(),
    show(var::BATTERY_RUNTIME_LOW, "PS.RemainingTimeLimit"),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage").often(),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage"),
    show_named("experimental.ups.powersummary.ioeminformation", "PS.iOEMInformation").as_text(),
    show_named("experimental.ups.powersummary.presentstatus.shutdownrequested", "PSS.ShutdownRequested"),
    show_named("experimental.ups.powersummary.presentstatus.voltagenotregulated", "PSS.VoltageNotRegulated"),
    show_named("experimental.ups.powersummary.rechargeable", "PS.Rechargeable"),
    show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER).often(),
    show(var::UPS_MFR_DATE, "PS.ManufacturerDate").as_date(),
    show(var::UPS_POWER_NOMINAL, "Flow.[4].ConfigActivePower"),
    show(var::UPS_TIMER_REBOOT, "OS.Outlet.DelayBeforeReboot").often(),
    show(var::UPS_TIMER_SHUTDOWN, "OS.Outlet.DelayBeforeShutdown").often(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BatteryPresent", Fact::NoBattery).inverted().often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.CommunicationLost", Fact::CommunicationFault).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.FullyCharged", Fact::FullyCharged).often(),
    flag("PSS.FullyDischarged", Fact::Depleted).often(),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery).often(),
    flag("PSS.Overload", Fact::Overload).often(),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::trial::text;

    #[test]
    fn minutes_are_seconds() {
        let row = ("battery.runtime", "PS.RunTimeToEmpty");
        assert_eq!(
            text(&MAKER, (0x3746, 0xffff), row, 12.0),
            Some("720".into())
        );
    }
}
