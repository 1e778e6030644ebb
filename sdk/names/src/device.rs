//! `device.*`: what stands there. In a daisy chain each unit has a number (`device.1.model`); 0 is the whole.

use crate::info::variables;

variables! {
    DEVICE_MODEL "device.model" Text ro "Model";
    DEVICE_MFR "device.mfr" Text ro "Maker";
    DEVICE_SERIAL "device.serial" Text ro "Serial number";
    DEVICE_TYPE "device.type" Words ro "Kind of device: ups, pdu, scd, psu or ats";
    DEVICE_DESCRIPTION "device.description" Text rw "What the device is there for";
    DEVICE_CONTACT "device.contact" Text rw "Who looks after the device";
    DEVICE_LOCATION "device.location" Text rw "Where the device stands";
    DEVICE_PART "device.part" Text ro "Part number";
    DEVICE_MACADDR "device.macaddr" Text ro "Hardware address of the network card";
    DEVICE_UPTIME "device.uptime" Second ro "Time since the device started";
    DEVICE_COUNT "device.count" Count ro "Units in the daisy chain";
    DEVICE_USB_VERSION "device.usb.version" Text ro "USB version the device announces";
}
