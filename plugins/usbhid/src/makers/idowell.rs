//! iDowell, and GoldenMate's units with lithium iron phosphate batteries.
//!
//! GoldenMate uses Phoenixtec's ids (06da:ffff); only the strings tell whose a device is. The greatest runtime and
//! voltage are encoded in fewer bytes than they need, so they come out negative; they are set to what was meant.

use crate::makers::{Maker, device};
use crate::row::{Command, Flag, Kept, Row, Sends, flag, keep, show, show_named, tell};
use crate::status::Fact;
use husk_driver::wire::hid::{Descriptor, Path};
use husk_driver::{UsbIdentity, UsbMatch, cmd, var};

pub(super) static MAKER: Maker = Maker {
    name: "iDowell",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    commands: COMMANDS,
    owns,
    correct: widen,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x075d, 0x0300),
    device(0x06da, 0xffff),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show_named("battery.capacity.design", "PS.DesignCapacity"),
    show_named("battery.capacity.full", "PS.FullChargeCapacity"),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit"),
    show(var::BATTERY_CHARGE_LOW, "PS.WarningCapacityLimit"),
    show(var::BATTERY_RUNTIME, "PS.RunTimeToEmpty"),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
    show(var::BATTERY_VOLTAGE, "PS.Voltage"),
    show(var::BATTERY_VOLTAGE_NOMINAL, "PS.ConfigVoltage"),
    show(var::DEVICE_MFR, "PS.iManufacturer").as_text(),
    show(var::DEVICE_MODEL, "PS.iProduct").as_text(),
    show(var::DEVICE_SERIAL, "PS.iSerialNumber").as_text(),
    show(var::INPUT_TRANSFER_HIGH, "PC.Output.HighVoltageTransfer"),
    show(var::INPUT_TRANSFER_LOW, "PC.Output.LowVoltageTransfer"),
    show(var::OUTPUT_FREQUENCY_NOMINAL, "Flow.[4].ConfigFrequency"),
    show(var::OUTPUT_VOLTAGE, "PC.Output.Voltage"),
    show(var::OUTPUT_VOLTAGE_NOMINAL, "Flow.[4].ConfigVoltage"),
    keep(var::UPS_DELAY_SHUTDOWN, "PS.DelayBeforeShutdown", Kept::OffDelay),
    keep(var::UPS_DELAY_START, "PS.DelayBeforeStartup", Kept::OnDelay),
    show(var::UPS_LOAD, "PS.PercentLoad"),
    show(var::UPS_POWER_NOMINAL, "Flow.[4].ConfigApparentPower"),
    show(var::UPS_TIMER_SHUTDOWN, "PS.DelayBeforeShutdown").often(),
    show(var::UPS_TIMER_START, "PS.DelayBeforeStartup").often(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.BatteryPresent", Fact::NoBattery).inverted(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.CommunicationLost", Fact::CommunicationFault),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.Good", Fact::Off).inverted(),
    flag("PSS.InternalFailure", Fact::InternalFault),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("PSS.Overload", Fact::Overload),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
];

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    tell(cmd::LOAD_OFF_DELAY, "PS.DelayBeforeShutdown", Sends::OffDelay),
    tell(cmd::LOAD_ON_DELAY, "PS.DelayBeforeStartup", Sends::OnDelay),
    tell(cmd::SHUTDOWN_STOP, "PS.DelayBeforeShutdown", Sends::Value(-1)),
];

/// Phoenixtec's ids are ours only with GoldenMate's strings.
fn owns(identity: &UsbIdentity) -> bool {
    let says =
        |text: &Option<String>, word| text.as_deref().is_some_and(|text| text.contains(word));
    identity.vendor_id != 0x06da
        || says(&identity.manufacturer, "BMS")
        || says(&identity.product, "Smart-Battery")
}

/// Report 2, which GoldenMate tells by itself and others are asked for: no UPS runs for longer than 0x75ff_ffff seconds, and its voltage is in 16 bits.
fn widen(_: &UsbIdentity, descriptor: &mut Descriptor) {
    for (path, greatest) in [
        ("UPS.PowerSummary.RunTimeToEmpty", 0x75ff_ffff),
        ("UPS.PowerSummary.Voltage", 0xffff),
    ] {
        let path = Path::parse(path, &[]);
        let mut fields = descriptor.fields.iter_mut();
        let field = fields.find(|field| field.report == 2 && Some(&field.path) == path.as_ref());
        if let Some(field) =
            field.filter(|field| field.assumed || field.logical.1 < field.logical.0)
        {
            field.logical.1 = greatest;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::makers::trial::described;

    #[test]
    fn of_phoenixtecs_ids_only_goldenmates_strings_are_ours() {
        let of = |vendor_id, manufacturer: &str, product: &str| {
            owns(&UsbIdentity {
                vendor_id,
                manufacturer: Some(manufacturer.to_owned()),
                product: Some(product.to_owned()),
                ..UsbIdentity::default()
            })
        };
        assert!(of(0x075d, "", "") && of(0x06da, "GM BMS", "") && of(0x06da, "", "Smart-Battery"));
        assert!(!of(0x06da, "PPC", "Offline UPS"));
        assert!(!owns(&UsbIdentity {
            vendor_id: 0x06da,
            ..UsbIdentity::default()
        }));
    }

    #[test]
    fn ranges_that_came_out_negative_are_widened() {
        let mut bytes = described(&MAKER, "PS.RunTimeToEmpty", 2);
        bytes.extend(described(&MAKER, "PS.Voltage", 2));
        let mut descriptor = Descriptor::parse(&bytes).unwrap();
        for field in &mut descriptor.fields {
            field.logical = (0, -16_777_217);
        }
        widen(&UsbIdentity::default(), &mut descriptor);
        let greatest: Vec<_> = descriptor
            .fields
            .iter()
            .map(|field| field.logical.1)
            .collect();
        assert_eq!(greatest, [0x75ff_ffff, 0xffff]);
    }
}
