//! `outlet.*`: the sockets. Of one (`outlet.3.status`) or of a group (`outlet.group.2.current`) the name without
//! that part is looked up; without a number it is the main outlet.

use crate::info::variables;

variables! {
    OUTLET_COUNT "outlet.count" Count ro "Outlets";
    OUTLET_ID "outlet.id" Text ro "Identity of the outlet";
    OUTLET_NAME "outlet.name" Text rw "Name of the outlet";
    OUTLET_DESC "outlet.desc" Text rw "What the outlet is for";
    OUTLET_GROUPID "outlet.groupid" Text ro "Group the outlet belongs to";
    OUTLET_DESIGNATOR "outlet.designator" Text ro "Label printed beside the outlet";
    OUTLET_TYPE "outlet.type" Text ro "Kind of socket or group";
    OUTLET_COLOR "outlet.color" Text ro "Colour of the group";
    OUTLET_PHASE "outlet.phase" Text ro "Phase that feeds the group";
    OUTLET_INPUT "outlet.input" Text ro "Input that feeds the group";
    OUTLET_SWITCH "outlet.switch" OnOff rw "Switches the outlet";
    OUTLET_SWITCHABLE "outlet.switchable" YesNo ro "The outlet can be switched";
    OUTLET_STATUS "outlet.status" OnOff ro "The outlet gives power";
    OUTLET_PROTECT_STATUS "outlet.protect.status" Text ro "State of the outlet's breaker";
    OUTLET_ALARM "outlet.alarm" Text ro "What is wrong with the outlet";
    OUTLET_ECOCONTROL "outlet.ecocontrol" Text rw "Part of the outlet in economy control";
    OUTLET_AUTOSWITCH_CHARGE_LOW "outlet.autoswitch.charge.low" Percent rw "Battery charge below which the outlet is switched off";
    OUTLET_BATTERY_CHARGE_LOW "outlet.battery.charge.low" Percent rw "Battery charge at which the outlet's battery is called low";
    OUTLET_DELAY_SHUTDOWN "outlet.delay.shutdown" Second rw "Wait before the outlet is switched off";
    OUTLET_DELAY_START "outlet.delay.start" Second rw "Wait before the outlet is switched on";
    OUTLET_TIMER_SHUTDOWN "outlet.timer.shutdown" Second ro "Time until the outlet is switched off";
    OUTLET_TIMER_START "outlet.timer.start" Second ro "Time until the outlet is switched on";
    OUTLET_CURRENT "outlet.current" Ampere ro "Current of the outlet";
    OUTLET_CURRENT_MAXIMUM "outlet.current.maximum" Ampere ro "Highest current of the outlet";
    OUTLET_CURRENT_STATUS "outlet.current.status" Words ro "Current of the outlet against its thresholds";
    OUTLET_CURRENT_LOW_WARNING "outlet.current.low.warning" Ampere rw "Current of the outlet: low, warning";
    OUTLET_CURRENT_LOW_CRITICAL "outlet.current.low.critical" Ampere rw "Current of the outlet: low, critical";
    OUTLET_CURRENT_HIGH_WARNING "outlet.current.high.warning" Ampere rw "Current of the outlet: high, warning";
    OUTLET_CURRENT_HIGH_CRITICAL "outlet.current.high.critical" Ampere rw "Current of the outlet: high, critical";
    OUTLET_VOLTAGE "outlet.voltage" Volt ro "Voltage of the outlet";
    OUTLET_VOLTAGE_STATUS "outlet.voltage.status" Words ro "Voltage of the outlet against its thresholds";
    OUTLET_VOLTAGE_LOW_WARNING "outlet.voltage.low.warning" Volt rw "Voltage of the outlet: low, warning";
    OUTLET_VOLTAGE_LOW_CRITICAL "outlet.voltage.low.critical" Volt rw "Voltage of the outlet: low, critical";
    OUTLET_VOLTAGE_HIGH_WARNING "outlet.voltage.high.warning" Volt rw "Voltage of the outlet: high, warning";
    OUTLET_VOLTAGE_HIGH_CRITICAL "outlet.voltage.high.critical" Volt rw "Voltage of the outlet: high, critical";
    OUTLET_REALPOWER "outlet.realpower" Watt ro "Real power of the outlet";
    OUTLET_POWER "outlet.power" VoltAmpere ro "Apparent power of the outlet";
    OUTLET_POWERFACTOR "outlet.powerfactor" Ratio ro "Power factor of the outlet, 0 to 1";
    OUTLET_CRESTFACTOR "outlet.crestfactor" Ratio ro "Crest factor of the outlet, 1 or more";
    OUTLET_GROUP_COUNT "outlet.group.count" Count ro "Groups of outlets";
}

/// The name of a variable of outlet `number`: `of_outlet(OUTLET_SWITCH, 2)` is `outlet.2.switch`.
pub fn of_outlet(variable: crate::Var, number: u16) -> String {
    let rest = variable
        .as_str()
        .strip_prefix("outlet.")
        .unwrap_or(variable.as_str());
    format!("outlet.{number}.{rest}")
}
