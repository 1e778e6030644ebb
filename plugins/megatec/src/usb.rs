//! The family behind a USB plug: the plugin `megatec-usb`.

use crate::bridge::Bridge;
use crate::commands::DANGEROUS;
use crate::hardware_usb;
use crate::options;
use crate::unit::Unit;
use husk_driver::{About, Driver, Error, Hardware, Report, Settings, Usb, UsbMatch, Wake};

/// One unit with a USB plug.
pub struct MegatecUsb(Unit);

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

    fn open(port: Usb, settings: &Settings, state: Option<&[u8]>) -> Result<Self, Error> {
        let bridge = Bridge::open(port, settings)?;
        Unit::open(bridge, settings, state).map(Self)
    }

    fn poll(&mut self, _why: Wake) -> Result<Report, Error> {
        self.0.poll()
    }

    fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        self.0.command(name, value)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.0.set(variable, value)
    }

    fn shutdown(&mut self) -> Result<(), Error> {
        self.0.shutdown()
    }

    fn save(&self) -> Vec<u8> {
        self.0.save()
    }
}
