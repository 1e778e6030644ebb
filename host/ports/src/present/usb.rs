//! The USB devices that are plugged in, and what keeps a driver from them.

use std::io;
use std::path::{Path, PathBuf};

use super::{Node, attribute, names, target};
use crate::limits;
use crate::usb::matching::Identity;

/// bDeviceClass of hubs.
const HUB: &str = "09";
/// What the kernel calls the driver of an interface that a program has claimed.
const CLAIMED: &str = "usbfs";

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbDevice {
    /// Who it is.
    pub identity: Identity,
    /// Its interfaces in the configuration that is set.
    pub interfaces: Vec<Interface>,
    /// Where its device file ought to be.
    pub path: PathBuf,
    /// Its device file, if it is there.
    pub node: Option<Node>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// bInterfaceNumber.
    pub number: u8,
    /// bInterfaceClass; 3 is HID.
    pub class: u8,
    /// The kernel's driver that holds it.
    pub driver: Option<String>,
}

impl UsbDevice {
    /// Whether another program holds an interface of it.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let claimed = |interface: &Interface| interface.driver.as_deref() == Some(CLAIMED);
        self.interfaces.iter().any(claimed)
    }

    /// Drivers of the kernel that hold interfaces of it. They are made to let go when a driver opens the device.
    #[must_use]
    pub fn kernel_drivers(&self) -> Vec<&str> {
        let drivers = self
            .interfaces
            .iter()
            .filter_map(|interface| interface.driver.as_deref());
        drivers.filter(|driver| *driver != CLAIMED).collect()
    }
}

/// Every device but hubs, by bus and ports. `root` is where the file system begins, `/` on a living machine.
///
/// # Errors
/// The list is there and cannot be read.
pub fn list(root: &Path) -> io::Result<Vec<UsbDevice>> {
    let dir = root.join("sys/bus/usb/devices");
    let names = names(&dir)?;
    let devices = names
        .iter()
        .filter_map(|name| device(root, &dir, name, &names));
    let mut devices: Vec<UsbDevice> = devices.take(limits::USB_DEVICES).collect();
    devices.sort_by(|one, other| {
        let place = |device: &UsbDevice| (device.identity.bus, device.identity.ports.clone());
        place(one).cmp(&place(other))
    });
    Ok(devices)
}

/// A device is named by its bus and ports, `1-2.3`; its interfaces are beside it, `1-2.3:1.0`; root hubs are `usb1`.
fn device(root: &Path, dir: &Path, name: &str, all: &[String]) -> Option<UsbDevice> {
    let (bus, ports) = name.split_once('-').filter(|_| !name.contains(':'))?;
    let ports: Result<Vec<u8>, _> = ports.split('.').map(str::parse).collect();
    let at = dir.join(name);
    let hex = |name: &str| u16::from_str_radix(&attribute(&at, name)?, 16).ok();
    if attribute(&at, "bDeviceClass").as_deref() == Some(HUB) {
        return None;
    }
    let identity = Identity {
        vendor_id: hex("idVendor")?,
        product_id: hex("idProduct")?,
        release: hex("bcdDevice").unwrap_or_default(),
        manufacturer: attribute(&at, "manufacturer"),
        product: attribute(&at, "product"),
        serial: attribute(&at, "serial"),
        bus: bus.parse().ok()?,
        address: attribute(&at, "devnum")?.parse().ok()?,
        ports: ports.ok()?,
    };
    let own = |other: &&String| {
        other
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(':'))
    };
    let path = format!("dev/bus/usb/{:03}/{:03}", identity.bus, identity.address);
    let path = root.join(path);
    Some(UsbDevice {
        interfaces: all
            .iter()
            .filter(own)
            .filter_map(|name| interface(&dir.join(name)))
            .collect(),
        node: Node::at(&path).ok(),
        path,
        identity,
    })
}

fn interface(at: &Path) -> Option<Interface> {
    let hex = |name: &str| u8::from_str_radix(&attribute(at, name)?, 16).ok();
    Some(Interface {
        number: hex("bInterfaceNumber")?,
        class: hex("bInterfaceClass").unwrap_or_default(),
        driver: target(&at.join("driver")),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    /// A directory tree made of `path: text` lines; `path -> target` are links.
    fn tree(what: &str, lines: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("husk-present-{what}-{}", std::process::id()));
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let (path, text) = line
                .trim()
                .split_once(": ")
                .unwrap_or_else(|| line.trim().split_once(" -> ").unwrap());
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match line.contains(" -> ") {
                true => symlink(text, path).unwrap(),
                false => fs::write(path, format!("{text}\n")).unwrap(),
            }
        }
        root
    }

    #[test]
    fn devices_are_read_with_their_interfaces_and_device_files() {
        let root = tree(
            "usb",
            "
            sys/bus/usb/devices/usb1/idVendor: 1d6b
            sys/bus/usb/devices/1-2/bDeviceClass: 09
            sys/bus/usb/devices/1-2/idVendor: 05e3
            sys/bus/usb/devices/1-2.10/idVendor: 0463
            sys/bus/usb/devices/1-2.10/idProduct: ffff
            sys/bus/usb/devices/1-2.10/bcdDevice: 0100
            sys/bus/usb/devices/1-2.10/devnum: 7
            sys/bus/usb/devices/1-2.10/bDeviceClass: 00
            sys/bus/usb/devices/1-2.10/product: 5E
            sys/bus/usb/devices/1-2.10:1.0/bInterfaceNumber: 00
            sys/bus/usb/devices/1-2.10:1.0/bInterfaceClass: 03
            sys/bus/usb/devices/1-2.10:1.0/driver -> ../../drivers/usbhid
            sys/bus/usb/devices/1-2.9/idVendor: 051d
            sys/bus/usb/devices/1-2.9/idProduct: 0002
            sys/bus/usb/devices/1-2.9/devnum: 12
            sys/bus/usb/devices/1-2.9:1.0/bInterfaceNumber: 00
            sys/bus/usb/devices/1-2.9:1.0/driver -> ../../drivers/usbfs
            sys/bus/usb/devices/1-4/idVendor: none
            dev/bus/usb/001/007: x",
        );
        let node = root.join("dev/bus/usb/001/007");
        fs::set_permissions(&node, fs::Permissions::from_mode(0o640)).unwrap();
        let devices = list(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let paths: Vec<String> = devices
            .iter()
            .map(|device| device.identity.path())
            .collect();
        assert_eq!(paths, ["1-2.9", "1-2.10"]);
        assert!(devices[0].is_in_use() && devices[0].node.is_none());
        assert!(devices[0].path.ends_with("dev/bus/usb/001/012"));
        let eaton = &devices[1];
        assert_eq!(eaton.identity.product.as_deref(), Some("5E"));
        assert_eq!(eaton.identity.serial, None);
        assert_eq!(eaton.identity.release, 0x0100);
        assert_eq!(eaton.interfaces[0].class, 3);
        assert_eq!(eaton.kernel_drivers(), ["usbhid"]);
        assert!(!eaton.is_in_use());
        assert_eq!(eaton.node.as_ref().unwrap().mode, 0o640);
    }

    #[test]
    fn a_machine_without_usb_has_no_devices() {
        assert_eq!(list(Path::new("/nonexistent")).unwrap(), []);
    }
}
