//! The options of a configuration section. Those that choose the device among others are the host's to read.

use husk_driver::Parameter;

pub(crate) static PARAMETERS: &[Parameter] = &[
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
    Parameter::value("usb_config_index", "number of the configuration"),
    Parameter::value(
        "usb_hid_rep_index",
        "number of the interface with the power device class",
    ),
    Parameter::value(
        "usb_hid_desc_index",
        "number of the HID descriptor of the interface",
    ),
    Parameter::value("usb_hid_ep_in", "interrupt endpoint to read, hexadecimal"),
    Parameter::value(
        "usb_hid_ep_out",
        "interrupt endpoint to write, hexadecimal; not used",
    ),
    Parameter::value("subdriver", "maker's table to use, by a part of its name"),
    Parameter::value("offdelay", "seconds from the shutdown command to power off"),
    Parameter::value("ondelay", "seconds from power off until power may return"),
    Parameter::value(
        "lowbatt",
        "accepted from older sections; the UPS has its own limit, battery.charge.low",
    ),
    Parameter::value("pollfreq", "seconds between two full walks"),
    Parameter::flag("pollonly", "do not listen to the interrupt endpoint"),
    Parameter::flag(
        "interruptonly",
        "read everything once, then only listen to the interrupt endpoint",
    ),
    Parameter::value(
        "interrupt_pipe_no_events_tolerance",
        "polls without an interrupt after which the device is opened again; -1: never",
    ),
    Parameter::value(
        "waitbeforereconnect",
        "accepted from older sections; the device is opened again as soon as it is there",
    ),
    Parameter::flag("explore", "log every field of the device at its start"),
    Parameter::value("interruptsize", "bytes asked for per interrupt"),
    Parameter::flag(
        "maxreport",
        "ask for longer reports than the device describes",
    ),
    Parameter::flag(
        "disable_fix_report_desc",
        "take the report descriptor as it is",
    ),
    Parameter::flag("onlinedischarge", "older name of onlinedischarge_onbattery"),
    Parameter::flag(
        "onlinedischarge_onbattery",
        "discharging while mains are there is a power cut",
    ),
    Parameter::flag(
        "onlinedischarge_calibration",
        "discharging while mains are there is a calibration",
    ),
    Parameter::value(
        "onlinedischarge_log_throttle_sec",
        "accepted from older sections; it is logged once",
    ),
    Parameter::value(
        "onlinedischarge_log_throttle_hovercharge",
        "accepted from older sections; it is logged once",
    ),
    Parameter::flag(
        "powercom_sdcmd_byte_order_fallback",
        "PowerCOM: the bytes of shutdown commands are the other way round",
    ),
    Parameter::flag(
        "powercom_sdcmd_discrete_delay",
        "PowerCOM Raptor and Smart King Pro: shutdown delays are steps from 12 s to 10 min",
    ),
    Parameter::value(
        "lbrb_log_delay_sec",
        "seconds LB and RB must last to be believed while calibrating",
    ),
    Parameter::flag(
        "lbrb_log_delay_without_calibrating",
        "apply lbrb_log_delay_sec whenever mains are there",
    ),
];
