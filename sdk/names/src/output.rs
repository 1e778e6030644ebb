//! `output.*`: what goes out. Of the bypass, the inverter or a phase (`output.L1.power.percent`) the name without
//! that part is looked up.

use crate::info::variables;

variables! {
    OUTPUT_VOLTAGE "output.voltage" Volt ro "Output voltage";
    OUTPUT_VOLTAGE_NOMINAL "output.voltage.nominal" Volt rw "Output voltage the device is set to";
    OUTPUT_VOLTAGE_MAXIMUM "output.voltage.maximum" Volt ro "Highest output voltage seen";
    OUTPUT_VOLTAGE_MINIMUM "output.voltage.minimum" Volt ro "Lowest output voltage seen";
    OUTPUT_VOLTAGE_STATUS "output.voltage.status" Words ro "Output voltage against its thresholds";
    OUTPUT_VOLTAGE_LOW_WARNING "output.voltage.low.warning" Volt rw "Output voltage: low, warning";
    OUTPUT_VOLTAGE_LOW_CRITICAL "output.voltage.low.critical" Volt rw "Output voltage: low, critical";
    OUTPUT_VOLTAGE_HIGH_WARNING "output.voltage.high.warning" Volt rw "Output voltage: high, warning";
    OUTPUT_VOLTAGE_HIGH_CRITICAL "output.voltage.high.critical" Volt rw "Output voltage: high, critical";
    OUTPUT_CURRENT "output.current" Ampere ro "Output current";
    OUTPUT_CURRENT_NOMINAL "output.current.nominal" Ampere ro "Output current the device is made for";
    OUTPUT_CURRENT_MAXIMUM "output.current.maximum" Ampere ro "Highest output current seen";
    OUTPUT_CURRENT_MINIMUM "output.current.minimum" Ampere ro "Lowest output current seen";
    OUTPUT_CURRENT_PEAK "output.current.peak" Ampere ro "Peak of the output current";
    OUTPUT_CURRENT_STATUS "output.current.status" Words ro "Output current against its thresholds";
    OUTPUT_CURRENT_LOW_WARNING "output.current.low.warning" Ampere rw "Output current: low, warning";
    OUTPUT_CURRENT_LOW_CRITICAL "output.current.low.critical" Ampere rw "Output current: low, critical";
    OUTPUT_CURRENT_HIGH_WARNING "output.current.high.warning" Ampere rw "Output current: high, warning";
    OUTPUT_CURRENT_HIGH_CRITICAL "output.current.high.critical" Ampere rw "Output current: high, critical";
    OUTPUT_FREQUENCY "output.frequency" Hertz ro "Output frequency";
    OUTPUT_FREQUENCY_NOMINAL "output.frequency.nominal" Hertz rw "Output frequency the device is set to";
    OUTPUT_FREQUENCY_MAXIMUM "output.frequency.maximum" Hertz ro "Highest output frequency seen";
    OUTPUT_FREQUENCY_MINIMUM "output.frequency.minimum" Hertz ro "Lowest output frequency seen";
    OUTPUT_POWER "output.power" VoltAmpere ro "Apparent power given out";
    OUTPUT_POWER_NOMINAL "output.power.nominal" VoltAmpere ro "Apparent power the output is made for";
    OUTPUT_POWER_MAXIMUM "output.power.maximum" VoltAmpere ro "Highest apparent power given out";
    OUTPUT_POWER_MINIMUM "output.power.minimum" VoltAmpere ro "Lowest apparent power given out";
    OUTPUT_POWER_PERCENT "output.power.percent" Percent ro "Apparent power given out, part of the nominal power";
    OUTPUT_POWER_MAXIMUM_PERCENT "output.power.maximum.percent" Percent ro "Highest apparent power given out, part of the nominal power";
    OUTPUT_POWER_MINIMUM_PERCENT "output.power.minimum.percent" Percent ro "Lowest apparent power given out, part of the nominal power";
    OUTPUT_REALPOWER "output.realpower" Watt ro "Real power given out";
    OUTPUT_REALPOWER_NOMINAL "output.realpower.nominal" Watt ro "Real power the output is made for";
    OUTPUT_POWERFACTOR "output.powerfactor" Ratio ro "Power factor of the load, 0 to 1";
    OUTPUT_CRESTFACTOR "output.crestfactor" Ratio ro "Crest factor of the load, 1 or more";
    OUTPUT_LOAD "output.load" Percent ro "Load of the output";
    OUTPUT_ALARM "output.alarm" Text ro "What is wrong with the output";
    OUTPUT_INVERTER_LATENCY "output.inverter.latency" Second ro "Time the inverter takes to start";
    OUTPUT_PHASES "output.phases" Count ro "Phases of the output, 1 or 3";
}
