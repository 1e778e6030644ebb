//! What a scan makes of the USB devices: whose they are, whether they can be opened, and which section means them.

use std::path::Path;

use husk_core::scan::draft::Draft;
use husk_core::scan::found::{Bus, Found, Item, Mark};
use husk_ports::present::usb::{UsbDevice, list};
use husk_ports::present::{Node, holders};
use husk_ports::usb::matching::Identity;
use husk_server::scan::{Claimant, Scanner};

use super::account::Account;
use super::shown;

/// bInterfaceClass of HID.
const HID: u8 = 3;

/// One device and what the plugins say to it.
pub(super) struct Seen {
    /// The device.
    pub device: UsbDevice,
    /// The plugins that claim it, the surest first.
    claimants: Vec<Claimant>,
    /// It may be a UPS that no plugin knows yet: HID, of a vendor whose UPSes some plugin knows.
    maybe: bool,
    /// The section that means it already.
    section: Option<String>,
}

/// Every device but hubs.
///
/// # Errors
/// A sentence.
pub(super) fn look(root: &Path, scanner: &Scanner) -> Result<Vec<Seen>, String> {
    let devices = list(root).map_err(|error| format!("USB devices cannot be listed: {error}"))?;
    let seen = |device: UsbDevice| {
        let hid = device
            .interfaces
            .iter()
            .any(|interface| interface.class == HID);
        let section = scanner.section_of_usb(&device.identity);
        Seen {
            claimants: scanner.claimants(&device.identity),
            maybe: hid && scanner.knows_vendor(&device.identity),
            section: section.map(|section| section.name.clone()),
            device,
        }
    };
    Ok(devices.into_iter().map(seen).collect())
}

impl Seen {
    /// Whether it is a UPS, or may be one.
    pub(super) fn concerns_us(&self) -> bool {
        self.maybe || !self.claimants.is_empty() || self.section.is_some()
    }

    /// As nut-scanner shows it, if a plugin claims it.
    pub(super) fn found(&self) -> Option<Found> {
        let (first, others) = self.claimants.split_first()?;
        let id = &self.device.identity;
        let item = |name, value: Option<String>, mark| {
            let value = value?.trim().to_owned();
            Some(Item { name, value, mark })
        };
        let port = id.ports.last().map(|port| format!("{port:03}"));
        let items = [
            item(
                "vendorid",
                Some(format!("{:04X}", id.vendor_id)),
                Mark::None,
            ),
            item(
                "productid",
                Some(format!("{:04X}", id.product_id)),
                Mark::None,
            ),
            item("product", id.product.clone(), Mark::None),
            item("serial", id.serial.clone(), Mark::None),
            item("vendor", id.manufacturer.clone(), Mark::None),
            item("bus", Some(format!("{:03}", id.bus)), Mark::Comment),
            item("device", Some(format!("{:03}", id.address)), Mark::Comment),
            item("busport", port, Mark::Comment),
            item(
                "bcdDevice",
                Some(format!("{:04X}", id.release)),
                Mark::NotMatchedYet,
            ),
        ];
        Some(Found {
            bus: Bus::Usb,
            driver: first.driver.clone(),
            others: others.iter().map(|other| other.driver.clone()).collect(),
            port: "auto".to_owned(),
            items: items.into_iter().flatten().collect(),
        })
    }

    /// The section to add for it, unless it has one. `all` are the devices it must be told from.
    pub(super) fn draft(&self, all: &[Self]) -> Option<Draft> {
        let driver = self.claimants.first()?;
        if self.section.is_some() {
            return None;
        }
        let id = &self.device.identity;
        let kind = |other: &&Self| {
            let other = &other.device.identity;
            (other.vendor_id, other.product_id) == (id.vendor_id, id.product_id)
        };
        let mut options = vec![
            ("vendorid", format!("{:04x}", id.vendor_id)),
            ("productid", format!("{:04x}", id.product_id)),
        ];
        let serial = id.telling_serial().filter(|serial| plain(serial));
        let unique = |serial: &&str| {
            all.iter()
                .filter(kind)
                .filter(|other| other.device.identity.telling_serial() == Some(*serial))
                .count()
                == 1
        };
        match (serial.filter(unique), id.ports.last()) {
            (Some(serial), _) => options.push(("serial", literal(serial))),
            (None, Some(port)) if all.iter().filter(kind).count() > 1 => {
                options.push(("bus", format!("{:03}", id.bus)));
                options.push(("busport", format!("{port:03}")));
            }
            (None, _) => {}
        }
        Some(Draft {
            driver: driver.driver.clone(),
            port: "auto".to_owned(),
            desc: Some(name(id)).filter(|name| !name.is_empty() && plain(name)),
            options,
        })
    }

    /// Lines for people.
    pub(super) fn tell(&self, account: &Account) -> Vec<String> {
        let id = &self.device.identity;
        let serial = id.serial.as_deref().map_or(String::new(), |serial| {
            format!(", serial number {}", shown(serial.trim()))
        });
        let mut lines = vec![format!(
            "{:04x}:{:04x} at {}  {}{serial}",
            id.vendor_id,
            id.product_id,
            id.path(),
            name(id)
        )];
        match self.claimants.split_first() {
            Some((first, [])) => lines.push(format!("  driver = {}{}", first.driver, sureness(first))),
            Some((first, others)) => {
                let others: Vec<&str> = others.iter().map(|other| other.driver.as_str()).collect();
                lines.push(format!("  driver = {}{}, or {}", first.driver, sureness(first), others.join(", ")));
            }
            None if self.maybe => lines.push(
                "  no plugin claims this product, though others of its vendor; a section with this vendorid and productid tries it anyway".to_owned(),
            ),
            None => lines.push("  no plugin claims it".to_owned()),
        }
        if let Some(section) = &self.section {
            lines.push(format!("  is [{section}] in ups.conf"));
        }
        if self.concerns_us() {
            lines.extend(
                self.obstacles(account)
                    .into_iter()
                    .map(|line| format!("  {line}")),
            );
        }
        lines
    }

    /// What keeps a driver that runs under that account from the device.
    fn obstacles(&self, account: &Account) -> Vec<String> {
        let path = self.device.path.display();
        let Some(node) = &self.device.node else {
            return vec![format!(
                "cannot be opened: {path} is not there; udev makes device files, and containers must be given theirs"
            )];
        };
        let mut lines = Vec::new();
        if self.device.is_in_use() {
            let holders: Vec<String> = holders(&node.path)
                .iter()
                .map(|holder| format!("{} (process {})", holder.name, holder.pid))
                .collect();
            let by = match holders.is_empty() {
                true => "another program".to_owned(),
                false => holders.join(", "),
            };
            lines.push(format!("in use by {by}; a device serves one driver"));
        }
        if !node.serves(account.uid, &account.groups) {
            lines.extend(self.denied(node, account));
        }
        let drivers = self.device.kernel_drivers();
        if !drivers.is_empty() && !self.claimants.is_empty() {
            lines.push(format!(
                "the kernel's driver {} has it now and is made to let go when it is opened",
                drivers.join(", ")
            ));
        }
        lines
    }

    fn denied(&self, node: &Node, account: &Account) -> [String; 3] {
        let id = &self.device.identity;
        [
            format!("cannot be opened by {}: {} belongs to {} with mode {:04o}", account.name, node.path.display(), account.names.of(node.owner, node.group), node.mode),
            "this line in /etc/udev/rules.d/62-nut-usbups.rules gives it to the group nut (then plug it in again):".to_owned(),
            format!("  ATTR{{idVendor}}==\"{:04x}\", ATTR{{idProduct}}==\"{:04x}\", MODE=\"664\", GROUP=\"nut\"", id.vendor_id, id.product_id),
        ]
    }
}

fn sureness(claimant: &Claimant) -> &'static str {
    match claimant.exact {
        true => "",
        false => " (which takes every product of that vendor and looks closer when it opens it)",
    }
}

/// Maker and product in one line, without what would move the cursor.
fn name(id: &Identity) -> String {
    let words =
        [&id.manufacturer, &id.product].map(|text| text.as_deref().unwrap_or_default().trim());
    shown(words.join(" ").trim())
}

fn plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// A regular expression that matches only this text.
fn literal(text: &str) -> String {
    let mut expression = String::new();
    for letter in text.chars() {
        if "\\.+*?()|[]{}^$".contains(letter) {
            expression.push('\\');
        }
        expression.push(letter);
    }
    expression
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use husk_ports::usb::matching::Wanted;

    fn seen(port: u8, serial: &str) -> Seen {
        Seen {
            device: UsbDevice {
                identity: Identity {
                    vendor_id: 0x0463,
                    product_id: 0xffff,
                    release: 0x0100,
                    manufacturer: Some("EATON".to_owned()),
                    product: Some("5E (650i)".to_owned()),
                    serial: Some(serial.to_owned()).filter(|serial| !serial.is_empty()),
                    bus: 1,
                    address: 7,
                    ports: vec![2, port],
                },
                interfaces: Vec::new(),
                path: "/dev/bus/usb/001/007".into(),
                node: None,
            },
            claimants: vec![Claimant {
                driver: "usbhid-ups".to_owned(),
                exact: true,
            }],
            maybe: true,
            section: None,
        }
    }

    fn options(one: &Seen, all: &[Seen]) -> Vec<String> {
        let draft = one.draft(all).unwrap();
        draft
            .options
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    #[test]
    fn a_section_holds_what_stays_the_same_and_no_more() {
        let all = [seen(1, "G.20(1)"), seen(2, "000000"), seen(3, "")];
        let kind = ["vendorid=0463", "productid=ffff"].map(str::to_owned);
        assert_eq!(
            options(&all[0], &all),
            [&kind[..], &["serial=G\\.20\\(1\\)".to_owned()]].concat()
        );
        let place = |port: &str| {
            [
                &kind[..],
                &["bus=001".to_owned(), format!("busport={port}")],
            ]
            .concat()
        };
        assert_eq!(options(&all[1], &all), place("002"));
        assert_eq!(options(&all[2], &all), place("003"));
        assert_eq!(options(&all[2], &all[2..]), kind);
        let twins = [seen(1, "A1"), seen(2, "A1")];
        assert_eq!(options(&twins[0], &twins), place("001"));
        for one in &all {
            let draft = one.draft(&all).unwrap();
            let wanted = Wanted::new(
                draft
                    .options
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            )
            .unwrap();
            let meant: Vec<bool> = all
                .iter()
                .map(|other| wanted.check(&other.device.identity).is_ok())
                .collect();
            assert_eq!(meant.iter().filter(|meant| **meant).count(), 1);
            assert_eq!(wanted.check(&one.device.identity), Ok(()));
        }
    }

    #[test]
    fn nut_scanner_gets_what_it_knows() {
        let found = seen(3, "G20").found().unwrap();
        let expected = "\
[nutdev-usb1]
\tdriver = \"usbhid-ups\"
\tport = \"auto\"
\tvendorid = \"0463\"
\tproductid = \"FFFF\"
\tproduct = \"5E (650i)\"
\tserial = \"G20\"
\tvendor = \"EATON\"
\t# bus = \"001\"
\t# device = \"007\"
\t# busport = \"003\"
\t###NOTMATCHED-YET###bcdDevice = \"0100\"
";
        assert_eq!(husk_core::scan::found::sections(&[found]), expected);
    }
}
