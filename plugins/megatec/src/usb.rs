//! The family behind a USB plug: the plugin `megatec-usb`.

use crate::bridge::Bridge;
use crate::commands::DANGEROUS;
use crate::hardware_usb;
use crate::options;
use crate::unit::Unit;
use husk_driver::{About, Driver, Error, Hardware, Report, Settings, Usb, UsbMatch, Wake, var};

/// One unit with a USB plug.
pub struct MegatecUsb {
    unit: Unit,
    /// idVendor and idProduct of its bridge.
    numbers: [u16; 2],
}

impl Driver for MegatecUsb {
    const ABOUT: About = About {
        name: "megatec-usb",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "Megatec, Q1 and their many dialects over the bridges of units with a USB plug",
        aliases: &["blazer_usb", "nutdrv_qx", "megatec_usb"],
        parameters: options::USB,
        dangerous: DANGEROUS,
    };

    const HARDWARE: &'static [Hardware] = hardware_usb::HARDWARE;

    type Port = Usb;

    fn usb_claims() -> Vec<UsbMatch> {
        Bridge::claims()
    }

    fn open(mut port: Usb, settings: &Settings, state: Option<&[u8]>) -> Result<Self, Error> {
        let identity = port.identity();
        let bridge = Bridge::open(port, settings)?;
        Ok(Self {
            unit: Unit::open(bridge, settings, state)?,
            numbers: [identity.vendor_id, identity.product_id],
        })
    }

    fn poll(&mut self, _why: Wake) -> Result<Report, Error> {
        let mut report = self.unit.poll()?;
        let [vendor, product] = self.numbers;
        report.set(var::UPS_VENDORID, format!("{vendor:04x}"));
        report.set(var::UPS_PRODUCTID, format!("{product:04x}"));
        Ok(report)
    }

    fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        self.unit.command(name, value)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.unit.set(variable, value)
    }

    fn shutdown(&mut self) -> Result<(), Error> {
        self.unit.shutdown()
    }

    fn save(&self) -> Vec<u8> {
        self.unit.save()
    }
}
