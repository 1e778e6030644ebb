//! Powervar.
//!
//! The power device class is a façade of four numbers and a status; all else is spoken over a serial protocol of
//! their own that has another driver. Good and InternalFailure are there, but mean nothing for the load.

use crate::makers::{Maker, device};
use crate::row::{Flag, Row, flag, show};
use crate::status::Fact;
use husk_driver::{UsbMatch, var};

pub(super) static MAKER: Maker = Maker {
    name: "Powervar",
    claims: CLAIMS,
    rows: ROWS,
    flags: FLAGS,
    ..Maker::PLAIN
};

#[rustfmt::skip]
const CLAIMS: &[UsbMatch] = &[
    device(0x4234, 0x0002),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    show(var::BATTERY_CAPACITY, "PS.FullChargeCapacity"),
    show(var::BATTERY_CHARGE, "PS.RemainingCapacity"),
    show(var::BATTERY_RUNTIME, "PS.RuntimeToEmpty"),
    show(var::BATTERY_TYPE, "PS.iDeviceChemistry").as_text(),
];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("PSS.ACPresent", Fact::Online).often(),
    flag("PSS.Discharging", Fact::Discharging).often(),
    flag("PSS.Charging", Fact::Charging).often(),
    flag("PSS.ShutdownImminent", Fact::ShutdownImminent).often(),
    flag("PSS.BelowRemainingCapacityLimit", Fact::LowBattery).often(),
    flag("PSS.Overload", Fact::Overload),
    flag("PSS.NeedReplacement", Fact::ReplaceBattery),
    flag("PSS.RemainingTimeLimitExpired", Fact::TimeLimitExpired).often(),
    flag("PSS.OverTemperature", Fact::Overheat),
    flag("PSS.FullyCharged", Fact::FullyCharged),
    flag("PSS.FullyDischarged", Fact::Depleted),
];
