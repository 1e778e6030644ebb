//! Names of usages: the Power Device page (0x84) and the Battery System page (0x85).
//!
//! Vendors' own pages are not here: a driver gives its vendor's table where names are read or written. Source of codes and
//! names: USB-IF, Usage Tables for HID Power Devices 1.1, §4.1 and §4.2 (spaces left out).

/// A name and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// As paths write it: no dot, no bracket.
    pub name: &'static str,
    /// Page in the upper 16 bits, usage in the lower.
    pub code: u32,
}

const fn power(usage: u8, name: &'static str) -> Usage {
    Usage {
        name,
        code: 0x0084_0000 | usage as u32,
    }
}

const fn battery(usage: u8, name: &'static str) -> Usage {
    Usage {
        name,
        code: 0x0085_0000 | usage as u32,
    }
}

/// Both pages. Where a name is on both, the Power Device page is meant.
#[rustfmt::skip]
pub(super) const ALL: &[Usage] = &[
    power(0x00, "Undefined"), power(0x01, "iName"), power(0x02, "PresentStatus"), power(0x03, "ChangedStatus"),
    power(0x04, "UPS"), power(0x05, "PowerSupply"), power(0x10, "BatterySystem"), power(0x11, "BatterySystemID"),
    power(0x12, "Battery"), power(0x13, "BatteryID"), power(0x14, "Charger"), power(0x15, "ChargerID"),
    power(0x16, "PowerConverter"), power(0x17, "PowerConverterID"), power(0x18, "OutletSystem"),
    power(0x19, "OutletSystemID"), power(0x1a, "Input"), power(0x1b, "InputID"), power(0x1c, "Output"),
    power(0x1d, "OutputID"), power(0x1e, "Flow"), power(0x1f, "FlowID"), power(0x20, "Outlet"),
    power(0x21, "OutletID"), power(0x22, "Gang"), power(0x23, "GangID"), power(0x24, "PowerSummary"),
    power(0x25, "PowerSummaryID"), power(0x30, "Voltage"), power(0x31, "Current"), power(0x32, "Frequency"),
    power(0x33, "ApparentPower"), power(0x34, "ActivePower"), power(0x35, "PercentLoad"), power(0x36, "Temperature"),
    power(0x37, "Humidity"), power(0x38, "BadCount"), power(0x40, "ConfigVoltage"), power(0x41, "ConfigCurrent"),
    power(0x42, "ConfigFrequency"), power(0x43, "ConfigApparentPower"), power(0x44, "ConfigActivePower"),
    power(0x45, "ConfigPercentLoad"), power(0x46, "ConfigTemperature"), power(0x47, "ConfigHumidity"),
    power(0x50, "SwitchOnControl"), power(0x51, "SwitchOffControl"), power(0x52, "ToggleControl"),
    power(0x53, "LowVoltageTransfer"), power(0x54, "HighVoltageTransfer"), power(0x55, "DelayBeforeReboot"),
    power(0x56, "DelayBeforeStartup"), power(0x57, "DelayBeforeShutdown"), power(0x58, "Test"),
    power(0x59, "ModuleReset"), power(0x5a, "AudibleAlarmControl"), power(0x60, "Present"), power(0x61, "Good"),
    power(0x62, "InternalFailure"), power(0x63, "VoltageOutOfRange"), power(0x64, "FrequencyOutOfRange"),
    power(0x65, "Overload"), power(0x66, "OverCharged"), power(0x67, "OverTemperature"),
    power(0x68, "ShutdownRequested"), power(0x69, "ShutdownImminent"), power(0x6b, "SwitchOn/Off"),
    power(0x6c, "Switchable"), power(0x6d, "Used"), power(0x6e, "Boost"), power(0x6f, "Buck"),
    power(0x70, "Initialized"), power(0x71, "Tested"), power(0x72, "AwaitingPower"),
    power(0x73, "CommunicationLost"), power(0xfd, "iManufacturer"), power(0xfe, "iProduct"),
    power(0xff, "iSerialNumber"),
    battery(0x00, "Undefined"), battery(0x01, "SMBBatteryMode"), battery(0x02, "SMBBatteryStatus"),
    battery(0x03, "SMBAlarmWarning"), battery(0x04, "SMBChargerMode"), battery(0x05, "SMBChargerStatus"),
    battery(0x06, "SMBChargerSpecInfo"), battery(0x07, "SMBSelectorState"), battery(0x08, "SMBSelectorPresets"),
    battery(0x09, "SMBSelectorInfo"), battery(0x10, "OptionalMfgFunction1"), battery(0x11, "OptionalMfgFunction2"),
    battery(0x12, "OptionalMfgFunction3"), battery(0x13, "OptionalMfgFunction4"),
    battery(0x14, "OptionalMfgFunction5"), battery(0x15, "ConnectionToSMBus"), battery(0x16, "OutputConnection"),
    battery(0x17, "ChargerConnection"), battery(0x18, "BatteryInsertion"), battery(0x19, "UseNext"),
    battery(0x1a, "OKToUse"), battery(0x1b, "BatterySupported"), battery(0x1c, "SelectorRevision"),
    battery(0x1d, "ChargingIndicator"), battery(0x28, "ManufacturerAccess"), battery(0x29, "RemainingCapacityLimit"),
    battery(0x2a, "RemainingTimeLimit"), battery(0x2b, "AtRate"), battery(0x2c, "CapacityMode"),
    battery(0x2d, "BroadcastToCharger"), battery(0x2e, "PrimaryBattery"), battery(0x2f, "ChargeController"),
    battery(0x40, "TerminateCharge"), battery(0x41, "TerminateDischarge"),
    battery(0x42, "BelowRemainingCapacityLimit"), battery(0x43, "RemainingTimeLimitExpired"),
    battery(0x44, "Charging"), battery(0x45, "Discharging"), battery(0x46, "FullyCharged"),
    battery(0x47, "FullyDischarged"), battery(0x48, "ConditioningFlag"), battery(0x49, "AtRateOK"),
    battery(0x4a, "SMBErrorCode"), battery(0x4b, "NeedReplacement"), battery(0x60, "AtRateTimeToFull"),
    battery(0x61, "AtRateTimeToEmpty"), battery(0x62, "AverageCurrent"), battery(0x63, "MaxError"),
    battery(0x64, "RelativeStateOfCharge"), battery(0x65, "AbsoluteStateOfCharge"),
    battery(0x66, "RemainingCapacity"), battery(0x67, "FullChargeCapacity"), battery(0x68, "RunTimeToEmpty"),
    battery(0x69, "AverageTimeToEmpty"), battery(0x6a, "AverageTimeToFull"), battery(0x6b, "CycleCount"),
    battery(0x80, "BattPackModelLevel"), battery(0x81, "InternalChargeController"),
    battery(0x82, "PrimaryBatterySupport"), battery(0x83, "DesignCapacity"), battery(0x84, "SpecificationInfo"),
    battery(0x85, "ManufacturerDate"), battery(0x86, "SerialNumber"), battery(0x87, "iManufacturerName"),
    battery(0x88, "iDeviceName"), battery(0x89, "iDeviceChemistry"), battery(0x8a, "ManufacturerData"),
    battery(0x8b, "Rechargeable"), battery(0x8c, "WarningCapacityLimit"), battery(0x8d, "CapacityGranularity1"),
    battery(0x8e, "CapacityGranularity2"), battery(0x8f, "iOEMInformation"), battery(0xc0, "InhibitCharge"),
    battery(0xc1, "EnablePolling"), battery(0xc2, "ResetToZero"), battery(0xd0, "ACPresent"),
    battery(0xd1, "BatteryPresent"), battery(0xd2, "PowerFail"), battery(0xd3, "AlarmInhibited"),
    battery(0xd4, "ThermistorUnderRange"), battery(0xd5, "ThermistorHot"), battery(0xd6, "ThermistorCold"),
    battery(0xd7, "ThermistorOverRange"), battery(0xd8, "VoltageOutOfRange"), battery(0xd9, "CurrentOutOfRange"),
    battery(0xda, "CurrentNotRegulated"), battery(0xdb, "VoltageNotRegulated"), battery(0xdc, "MasterMode"),
    battery(0xf0, "ChargerSelectorSupport"), battery(0xf1, "ChargerSpec"), battery(0xf2, "Level2"),
    battery(0xf3, "Level3"),
];
