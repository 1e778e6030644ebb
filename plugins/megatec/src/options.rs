//! The options of a configuration section, by transport.

use husk_driver::Parameter;

/// Over a serial line.
#[cfg(feature = "serial")]
pub(crate) static SERIAL: &[Parameter] = &join::<{ COMMON.len() + 1 }>(&[Parameter::value(
    "cablepower",
    "modem lines that power the cable: normal, reverse, both or none",
)]);

/// Over USB. Those that choose the device among others are the host's to read.
#[cfg(feature = "usb")]
pub(crate) static USB: &[Parameter] = &join::<{ COMMON.len() + OF_USB.len() }>(OF_USB);

#[cfg(feature = "usb")]
const OF_USB: &[Parameter] = &[
    Parameter::value("vendorid", "USB vendor id, four hexadecimal digits"),
    Parameter::value("productid", "USB product id, four hexadecimal digits"),
    Parameter::value(
        "vendor",
        "regular expression for the maker's name on the bus",
    ),
    Parameter::value(
        "product",
        "regular expression for the product's name on the bus",
    ),
    Parameter::value(
        "serial",
        "regular expression for the serial number on the bus",
    ),
    Parameter::value("bus", "regular expression for the number of the bus"),
    Parameter::value("device", "regular expression for the address on the bus"),
    Parameter::value("busport", "regular expression for the port on the bus"),
    Parameter::value(
        "bcddevice",
        "regular expression for the release, four hexadecimal digits",
    ),
    Parameter::flag(
        "allow_duplicates",
        "go on to the next device when one is in use",
    ),
    Parameter::flag(
        "usb_set_altinterface",
        "select the alternate setting of the interface",
    ),
    Parameter::value(
        "subdriver",
        "kind of the bridge; known by its numbers and names when not given",
    ),
    Parameter::value(
        "langid_fix",
        "language in which strings are asked for, as 0x0409 or 0x4095",
    ),
    Parameter::flag(
        "noscanlangid",
        "do not ask for the list of languages, take English",
    ),
];

/// Over whatever.
const COMMON: &[Parameter] = &[
    Parameter::value(
        "protocol",
        "dialect to speak; found by asking when not given",
    ),
    Parameter::value("offdelay", "seconds from the shutdown command to power off"),
    Parameter::value(
        "ondelay",
        "seconds from power off until power may return; 0: as soon as mains are there",
    ),
    Parameter::flag("stayoff", "after a shutdown stay off when mains return"),
    Parameter::flag("norating", "do not ask for the rating (F)"),
    Parameter::flag("novendor", "do not ask for the maker (I, FW?)"),
    Parameter::flag(
        "ignoresab",
        "ignore the flag that says a shutdown is under way",
    ),
    Parameter::value(
        "runtimecal",
        "runtime,load,runtime,load: seconds at a high and at a low load in percent",
    ),
    Parameter::value("chargetime", "seconds an empty battery takes to charge"),
    Parameter::value(
        "idleload",
        "load in percent that is counted when the device says less",
    ),
    Parameter::flag(
        "battery_voltage_reports_one_pack",
        "the device measures one of several packs in series",
    ),
];

/// What a transport has of its own, and what all have.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses a wrong index"
)]
const fn join<const N: usize>(own: &[Parameter]) -> [Parameter; N] {
    let mut all = [COMMON[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < COMMON.len() {
            COMMON[at]
        } else {
            own[at - COMMON.len()]
        };
        at += 1;
    }
    all
}
