//! `battery.*`: what is stored.

use crate::info::variables;

variables! {
    BATTERY_CHARGE "battery.charge" Percent ro "Charge of the battery";
    BATTERY_CHARGE_LOW "battery.charge.low" Percent rw "Charge at which the battery is called low";
    BATTERY_CHARGE_RESTART "battery.charge.restart" Percent rw "Charge needed before the load is switched on again";
    BATTERY_CHARGE_WARNING "battery.charge.warning" Percent rw "Charge at which the UPS warns";
    BATTERY_CHARGE_APPROX "battery.charge.approx" Text ro "Charge, known only roughly";
    BATTERY_CHARGER_STATUS "battery.charger.status" Words ro "Charger: charging, discharging, floating or resting";
    BATTERY_CHARGER_TYPE "battery.charger.type" Text ro "Kind of charger";
    BATTERY_STATUS "battery.status" Text ro "Health of the battery";
    BATTERY_TYPE "battery.type" Text ro "Chemistry of the battery";
    BATTERY_DATE "battery.date" Date rw "Day the battery was put in";
    BATTERY_DATE_MAINTENANCE "battery.date.maintenance" Date rw "Day the battery is due for maintenance";
    BATTERY_MFR_DATE "battery.mfr.date" Date ro "Day the battery was made";
    BATTERY_VOLTAGE "battery.voltage" Volt ro "Voltage of the battery";
    BATTERY_VOLTAGE_NOMINAL "battery.voltage.nominal" Volt ro "Voltage the battery is made for";
    BATTERY_VOLTAGE_LOW "battery.voltage.low" Volt ro "Voltage of the empty battery";
    BATTERY_VOLTAGE_HIGH "battery.voltage.high" Volt ro "Voltage of the full battery";
    BATTERY_VOLTAGE_CELL_MAX "battery.voltage.cell.max" Volt ro "Voltage of the highest cell";
    BATTERY_VOLTAGE_CELL_MIN "battery.voltage.cell.min" Volt ro "Voltage of the lowest cell";
    BATTERY_CAPACITY "battery.capacity" AmpereHour ro "Capacity of the battery";
    BATTERY_CAPACITY_NOMINAL "battery.capacity.nominal" AmpereHour ro "Capacity of the battery when new";
    BATTERY_CURRENT "battery.current" Ampere ro "Current of the battery";
    BATTERY_CURRENT_TOTAL "battery.current.total" Ampere ro "Current of all batteries together";
    BATTERY_TEMPERATURE "battery.temperature" Celsius ro "Temperature of the battery";
    BATTERY_TEMPERATURE_CELL_MAX "battery.temperature.cell.max" Celsius ro "Temperature of the hottest cell";
    BATTERY_TEMPERATURE_CELL_MIN "battery.temperature.cell.min" Celsius ro "Temperature of the coolest cell";
    BATTERY_RUNTIME "battery.runtime" Second ro "Time the battery will last";
    BATTERY_RUNTIME_LOW "battery.runtime.low" Second rw "Time left at which the battery is called low";
    BATTERY_RUNTIME_RESTART "battery.runtime.restart" Second rw "Time the battery must last before the load is switched on again";
    BATTERY_ALARM_THRESHOLD "battery.alarm.threshold" Text rw "When the beeper warns of the battery";
    BATTERY_PACKS "battery.packs" Count rw "Battery packs";
    BATTERY_PACKS_BAD "battery.packs.bad" Count ro "Battery packs that failed";
    BATTERY_PACKS_EXTERNAL "battery.packs.external" Count rw "Battery packs outside the case";
    BATTERY_PROTECTION "battery.protection" YesNo rw "Guards the battery against deep discharge";
    BATTERY_ENERGYSAVE "battery.energysave" YesNo rw "Switches off on battery when the load is small";
    BATTERY_ENERGYSAVE_LOAD "battery.energysave.load" Percent rw "Load below which it switches off to save energy";
    BATTERY_ENERGYSAVE_REALPOWER "battery.energysave.realpower" Watt rw "Real power below which it switches off to save energy";
    BATTERY_ENERGYSAVE_DELAY "battery.energysave.delay" Minute rw "Wait before it switches off to save energy";
}
