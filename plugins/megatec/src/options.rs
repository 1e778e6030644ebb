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
        "usb_hid_rep_index",
        "number of the interface, where it is not the first",
    ),
    Parameter::value("usb_config_index", "number of the configuration; not used"),
    Parameter::value("usb_hid_desc_index", "of a HID descriptor; not used"),
    Parameter::value("usb_hid_ep_in", "endpoint to read; known by the bridge"),
    Parameter::value("usb_hid_ep_out", "endpoint to write; known by the bridge"),
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
    Parameter::flag(
        "nooutstats",
        "q2 and q6: do not ask for the power statistics (WA)",
    ),
    Parameter::value(
        "pollfreq",
        "seconds between two walks through everything that is not status",
    ),
    Parameter::value(
        "slave_address",
        "masterguard: the unit of this address and no other",
    ),
    Parameter::value(
        "pins_shutdown_mode",
        "bestups: what the shutdown pins of the plug do, 0 to 6; written when opened",
    ),
    Parameter::flag(
        "reset_to_default",
        "voltronic: put features and limits back to those of the maker, on a unit in standby",
    ),
    Parameter::value(
        "bypass_alarm",
        "voltronic: beep on bypass: enabled or disabled",
    ),
    Parameter::value(
        "battery_alarm",
        "voltronic: beep on battery: enabled or disabled",
    ),
    Parameter::value(
        "bypass_when_off",
        "voltronic: bypass while switched off: enabled or disabled",
    ),
    Parameter::value(
        "alarm_control",
        "voltronic: beep at all: enabled or disabled",
    ),
    Parameter::value(
        "converter_mode",
        "voltronic: frequency converter: enabled or disabled",
    ),
    Parameter::value("eco_mode", "voltronic: economy mode: enabled or disabled"),
    Parameter::value(
        "battery_open_status_check",
        "voltronic: check whether the battery is open: enabled or disabled",
    ),
    Parameter::value(
        "bypass_forbidding",
        "voltronic: never go to bypass: enabled or disabled",
    ),
    Parameter::value(
        "site_fault_detection",
        "voltronic: watch the wiring: enabled or disabled",
    ),
    Parameter::value(
        "advanced_eco_mode",
        "voltronic: advanced economy mode: enabled or disabled",
    ),
    Parameter::value(
        "constant_phase_angle",
        "voltronic: keep the angle between input and output: enabled or disabled",
    ),
    Parameter::value(
        "limited_runtime_on_battery",
        "voltronic: limit the time on battery: enabled or disabled",
    ),
    Parameter::value(
        "max_bypass_volt",
        "voltronic: highest voltage for the bypass",
    ),
    Parameter::value(
        "min_bypass_volt",
        "voltronic: lowest voltage for the bypass",
    ),
    Parameter::value(
        "max_bypass_freq",
        "voltronic: highest frequency for the bypass",
    ),
    Parameter::value(
        "min_bypass_freq",
        "voltronic: lowest frequency for the bypass",
    ),
    Parameter::value("battery_number", "voltronic: batteries in a pack, 1 to 9"),
    Parameter::value("work_range_type", "voltronic P31: Appliance or UPS"),
    Parameter::value(
        "output_phase_angle",
        "voltronic: 000, 120, 180 or 240 degrees",
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
