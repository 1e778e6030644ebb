//! The engine over USB: the plugin `usbhid-ups`.

use crate::makers::MAKERS;
use crate::{Ups, commands, hardware, options};
use husk_driver::{About, Driver, Error, Hardware, Report, Settings, Usb, UsbMatch, Wake};

/// One UPS on USB.
pub struct UsbHid(Ups);

impl Driver for UsbHid {
    const ABOUT: About = About {
        name: "usbhid-ups",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "USB HID Power Device class",
        aliases: &["usbhid"],
        parameters: options::PARAMETERS,
        dangerous: commands::DANGEROUS,
    };

    const HARDWARE: &'static [Hardware] = hardware::USB;

    type Port = Usb;

    fn usb_claims() -> Vec<UsbMatch> {
        MAKERS
            .iter()
            .flat_map(|maker| maker.claims.iter().copied())
            .collect()
    }

    fn open(mut usb: Usb, settings: &Settings, _state: Option<&[u8]>) -> Result<Self, Error> {
        let identity = usb.identity();
        Ups::open(usb, identity, settings.get("subdriver"), settings).map(Self)
    }

    fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        self.0.poll(why)
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
}
