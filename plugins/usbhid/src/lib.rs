//! UPSes of the USB HID Power Device class, of all makers.
//!
//! ```text
//! > report descriptor                  what is in your reports, under which names, in which bits?
//! > GET_REPORT feature 11
//! < 0b 11                              UPS.PowerSummary.PresentStatus: ACPresent 1, FullyCharged 1, the rest 0
//! > interrupt IN
//! < 0b 14                              told unasked: ACPresent 0, Discharging 1
//! > SET_REPORT feature 21: 15 01 00    UPS.Output.DelayBeforeShutdown = 1 minute
//! ```
//!
//! The standard says where a value is; what makers mean by it, and where their firmware errs, is in `makers`. What is
//! read when is in `ups`; what carries the requests is chosen by a feature: `usb`, or `shut` for a serial line, which makes
//! another plugin of the same sources.
//!
//! Refuses devices that no maker's table claims. Standard: USB HID 1.11; USB Usage Tables for HID Power Devices 1.1.

mod commands;
mod convert;
mod device;
mod hardware;
mod link;
mod makers;
#[cfg(feature = "usb")]
mod options;
mod row;
#[cfg(feature = "shut")]
mod shut;
mod status;
mod table;
mod ups;
#[cfg(feature = "usb")]
mod usb;

#[cfg(feature = "shut")]
pub use shut::MgeShut;
use ups::Ups;
#[cfg(feature = "usb")]
pub use usb::UsbHid;

#[cfg(all(feature = "shut", not(feature = "usb")))]
husk_driver::export!(MgeShut);
#[cfg(feature = "usb")]
husk_driver::export!(UsbHid);
