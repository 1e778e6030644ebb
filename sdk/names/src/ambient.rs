//! `ambient.*`: sensors around the device. Of one of several (`ambient.2.humidity`) the name without the number is
//! looked up.

use crate::info::variables;

variables! {
    AMBIENT_COUNT "ambient.count" Count ro "Sensors connected";
    AMBIENT_NAME "ambient.name" Text rw "Name of the sensor";
    AMBIENT_ID "ambient.id" Text ro "Identity of the sensor";
    AMBIENT_ADDRESS "ambient.address" Text ro "Address of the sensor";
    AMBIENT_PARENT_SERIAL "ambient.parent.serial" Text ro "Serial number of what the sensor is connected to";
    AMBIENT_MFR "ambient.mfr" Text ro "Maker of the sensor";
    AMBIENT_MODEL "ambient.model" Text ro "Model of the sensor";
    AMBIENT_FIRMWARE "ambient.firmware" Text ro "Firmware of the sensor";
    AMBIENT_PRESENT "ambient.present" YesNo ro "A sensor is connected";
    AMBIENT_TEMPERATURE "ambient.temperature" Celsius ro "Temperature around the device";
    AMBIENT_TEMPERATURE_STATUS "ambient.temperature.status" Words ro "Temperature against its thresholds";
    AMBIENT_TEMPERATURE_ALARM "ambient.temperature.alarm" EnabledDisabled rw "Alarm on temperature";
    AMBIENT_TEMPERATURE_ALARM_ENABLE "ambient.temperature.alarm.enable" YesNo rw "Alarm on temperature is wanted";
    AMBIENT_TEMPERATURE_ALARM_MAXIMUM "ambient.temperature.alarm.maximum" Celsius rw "Temperature above which there is an alarm";
    AMBIENT_TEMPERATURE_ALARM_MINIMUM "ambient.temperature.alarm.minimum" Celsius rw "Temperature below which there is an alarm";
    AMBIENT_TEMPERATURE_HIGH "ambient.temperature.high" Celsius rw "Temperature: high";
    AMBIENT_TEMPERATURE_HIGH_WARNING "ambient.temperature.high.warning" Celsius rw "Temperature: high, warning";
    AMBIENT_TEMPERATURE_HIGH_CRITICAL "ambient.temperature.high.critical" Celsius rw "Temperature: high, critical";
    AMBIENT_TEMPERATURE_LOW "ambient.temperature.low" Celsius rw "Temperature: low";
    AMBIENT_TEMPERATURE_LOW_WARNING "ambient.temperature.low.warning" Celsius rw "Temperature: low, warning";
    AMBIENT_TEMPERATURE_LOW_CRITICAL "ambient.temperature.low.critical" Celsius rw "Temperature: low, critical";
    AMBIENT_TEMPERATURE_MAXIMUM "ambient.temperature.maximum" Celsius ro "Highest temperature seen";
    AMBIENT_TEMPERATURE_MINIMUM "ambient.temperature.minimum" Celsius ro "Lowest temperature seen";
    AMBIENT_HUMIDITY "ambient.humidity" Percent ro "Relative humidity around the device";
    AMBIENT_HUMIDITY_STATUS "ambient.humidity.status" Words ro "Humidity against its thresholds";
    AMBIENT_HUMIDITY_ALARM "ambient.humidity.alarm" EnabledDisabled rw "Alarm on humidity";
    AMBIENT_HUMIDITY_ALARM_ENABLE "ambient.humidity.alarm.enable" YesNo rw "Alarm on humidity is wanted";
    AMBIENT_HUMIDITY_ALARM_MAXIMUM "ambient.humidity.alarm.maximum" Percent rw "Humidity above which there is an alarm";
    AMBIENT_HUMIDITY_ALARM_MINIMUM "ambient.humidity.alarm.minimum" Percent rw "Humidity below which there is an alarm";
    AMBIENT_HUMIDITY_HIGH "ambient.humidity.high" Percent rw "Humidity: high";
    AMBIENT_HUMIDITY_HIGH_WARNING "ambient.humidity.high.warning" Percent rw "Humidity: high, warning";
    AMBIENT_HUMIDITY_HIGH_CRITICAL "ambient.humidity.high.critical" Percent rw "Humidity: high, critical";
    AMBIENT_HUMIDITY_LOW "ambient.humidity.low" Percent rw "Humidity: low";
    AMBIENT_HUMIDITY_LOW_WARNING "ambient.humidity.low.warning" Percent rw "Humidity: low, warning";
    AMBIENT_HUMIDITY_LOW_CRITICAL "ambient.humidity.low.critical" Percent rw "Humidity: low, critical";
    AMBIENT_HUMIDITY_MAXIMUM "ambient.humidity.maximum" Percent ro "Highest humidity seen";
    AMBIENT_HUMIDITY_MINIMUM "ambient.humidity.minimum" Percent ro "Lowest humidity seen";
    [
    "ambient.contacts.#.status" Words ro "State of the contact: open, closed, active or inactive";
    "ambient.contacts.#.config" Words rw "Rest of the contact: normal-open or normal-closed";
    "ambient.contacts.#.name" Text rw "Name of the contact";
    ]
}
