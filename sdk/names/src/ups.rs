//! `ups.*`: the uninterruptible supply as a whole.

use crate::info::variables;

variables! {
    UPS_STATUS "ups.status" Words ro "State, in words separated by blanks";
    UPS_ALARM "ups.alarm" Text ro "What is wrong now, all alarms in one line";
    UPS_MODE "ups.mode" Words ro "Operating mode: online, line-interactive or bypass";
    UPS_MODE_BUZZWORDS "experimental.ups.mode.buzzwords" Words ro "Operating mode in the maker's own words";
    UPS_TIME "ups.time" Text rw "Clock of the UPS, time of day";
    UPS_DATE "ups.date" Date rw "Clock of the UPS, day";
    UPS_MODEL "ups.model" Text ro "Model of the UPS";
    UPS_MODEL_AUX "ups.model.aux" Text ro "Model of the UPS, further details";
    UPS_MFR "ups.mfr" Text ro "Maker of the UPS";
    UPS_MFR_DATE "ups.mfr.date" Date ro "Day the UPS was made";
    UPS_SERIAL "ups.serial" Text ro "Serial number of the UPS";
    UPS_VENDORID "ups.vendorid" Text ro "USB vendor number, four hexadecimal digits";
    UPS_PRODUCTID "ups.productid" Text ro "USB product number, four hexadecimal digits";
    UPS_FIRMWARE "ups.firmware" Text ro "Firmware of the UPS";
    UPS_FIRMWARE_AUX "ups.firmware.aux" Text ro "Firmware of a second processor or of the communication card";
    UPS_ID "ups.id" Text rw "Name given to the UPS and stored in it";
    UPS_TYPE "ups.type" Text ro "How the UPS is built";
    UPS_TEMPERATURE "ups.temperature" Celsius ro "Temperature inside the UPS";
    UPS_LOAD "ups.load" Percent ro "Load, part of what the UPS can carry";
    UPS_LOAD_HIGH "ups.load.high" Percent rw "Load from which on the UPS reports an overload";
    UPS_LOAD_ENERGYSAVE "ups.load.energysave" Percent rw "Load below which the UPS may save energy";
    UPS_POWER "ups.power" VoltAmpere ro "Apparent power drawn from the UPS";
    UPS_POWER_NOMINAL "ups.power.nominal" VoltAmpere ro "Apparent power the UPS is made for";
    UPS_REALPOWER "ups.realpower" Watt ro "Real power drawn from the UPS";
    UPS_REALPOWER_NOMINAL "ups.realpower.nominal" Watt ro "Real power the UPS is made for";
    UPS_EFFICIENCY "ups.efficiency" Percent ro "Power given out, part of the power taken in";
    UPS_DELAY_START "ups.delay.start" Second rw "Wait before the load is switched on again";
    UPS_DELAY_REBOOT "ups.delay.reboot" Second rw "Wait before a reboot of the UPS";
    UPS_DELAY_SHUTDOWN "ups.delay.shutdown" Second rw "Wait between the shutdown command and power off";
    UPS_TIMER_START "ups.timer.start" Second ro "Time until the load is switched on";
    UPS_TIMER_REBOOT "ups.timer.reboot" Second ro "Time until the reboot";
    UPS_TIMER_SHUTDOWN "ups.timer.shutdown" Second ro "Time until the load is switched off";
    UPS_TEST_INTERVAL "ups.test.interval" Second rw "Time between two self tests";
    UPS_TEST_RESULT "ups.test.result" Text ro "How the last self test ended";
    UPS_TEST_DATE "ups.test.date" Date ro "Day of the last self test";
    UPS_DISPLAY_LANGUAGE "ups.display.language" Text rw "Language of the front panel";
    UPS_CONTACTS "ups.contacts" Text ro "State of the contact inputs";
    UPS_BEEPER_STATUS "ups.beeper.status" Words ro "Beeper: enabled, disabled or muted";
    UPS_START_AUTO "ups.start.auto" YesNo rw "Switches the load on when mains return";
    UPS_START_BATTERY "ups.start.battery" YesNo rw "Can be started without mains";
    UPS_START_REBOOT "ups.start.reboot" YesNo rw "Power cycles the load when mains return during a shutdown";
    UPS_SHUTDOWN "ups.shutdown" EnabledDisabled rw "Takes shutdown commands";
    UPS_WATCHDOG_STATUS "ups.watchdog.status" EnabledDisabled ro "Watchdog of the UPS";
}
