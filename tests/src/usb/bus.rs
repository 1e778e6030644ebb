//! The kernel's virtual USB controller: plugging simulated devices in, and what the kernel makes of them.
//!
//! Needs the module `vhci-hcd` and root. It refuses to guess: a port that stays busy is an error.

use super::{Device, Simulated};
use crate::rig::wait_until;
use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CONTROLLER: &str = "/sys/devices/platform/vhci_hcd.0";
const DEVICES: &str = "/sys/bus/usb/devices";
/// Bus 1, device 1 at the far end, as USB/IP numbers them; one device is on each cable.
const FAR_END: u32 = 0x0001_0001;
/// `enum usb_device_speed`: 12 Mbit/s, as all UPSes are.
const FULL_SPEED: u32 = 2;
/// The kernel takes 0.1 s to forget a device on an emulated processor.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether this machine has the controller.
pub fn available() -> bool {
    Path::new(CONTROLLER).join("attach").exists()
}

/// Plugs a device into a port of the controller, 0 to 7, as soon as that is free.
pub fn plug<D: Device>(device: &Simulated<D>, port: u32) -> io::Result<()> {
    let (ours, kernels) = UnixStream::pair()?;
    let line = format!("{port} {} {FAR_END} {FULL_SPEED}", kernels.as_raw_fd());
    let attach = Path::new(CONTROLLER).join("attach");
    let mut last = Ok(());
    wait_until(PATIENCE, || {
        last = fs::write(&attach, &line);
        last.is_ok()
    })
    .or(last)?;
    device.serve(ours)
}

/// A device as the kernel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it is plugged in: `1-1`.
    pub name: String,
    /// Its number on the bus, new with each plugging in.
    pub address: u32,
    /// The kernel's driver of its first interface: `usbhid`, or `usbfs` while a program holds it.
    pub driver: Option<String>,
}

/// The devices of a vendor and product that the kernel has configured.
pub fn seen(vendor: u16, product: u16) -> Vec<Seen> {
    let entries = fs::read_dir(DEVICES).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let ours = paths.filter(|path| {
        hex(&path.join("idVendor")) == Some(vendor) && hex(&path.join("idProduct")) == Some(product)
    });
    ours.filter_map(|path| look(&path)).collect()
}

fn look(path: &Path) -> Option<Seen> {
    let name = path.file_name()?.to_str()?.to_owned();
    let interface: PathBuf = path.join(format!("{name}:1.0"));
    if !interface.exists() {
        return None;
    }
    let driver = fs::read_link(interface.join("driver")).ok();
    Some(Seen {
        address: text(&path.join("devnum"))?.parse().ok()?,
        driver: driver.and_then(|link| Some(link.file_name()?.to_str()?.to_owned())),
        name,
    })
}

fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn hex(path: &Path) -> Option<u16> {
    u16::from_str_radix(&text(path)?, 16).ok()
}
