//! Files that say what the code says already: made from it, committed, and compared with it by `tidy`.

use crate::{hardware, layout};
use husk_driver::{Driver, UsbMatch};
use husk_plugin_megatec_usb::MegatecUsb;
use husk_plugin_usbhid::UsbHid;
use lexopt::Parser;
use std::fmt::Write as _;

pub(crate) const HELP: &str = "
usage: cargo xtask generate

Writes conf/udev/62-nut-usbups.rules from what the plugins claim, and conf/HARDWARE.md from what they say they are
for, with how much of the incumbent's list that is. `cargo xtask tidy` complains when one of them is another text than
the one that is there.
";

/// Where packages of NUT have theirs, so that one replaces the other.
const UDEV: &str = "conf/udev/62-nut-usbups.rules";

const UDEV_HEAD: &str = "\
# Lets the group nut use the UPSes on USB. Made by `cargo xtask generate` from what the plugins claim.
ACTION==\"remove\", GOTO=\"nut-usbups_end\"
SUBSYSTEM!=\"usb\", GOTO=\"nut-usbups_end\"
ENV{DEVTYPE}!=\"usb_device\", GOTO=\"nut-usbups_end\"
";

pub(crate) fn main(parser: Parser) -> anyhow::Result<()> {
    crate::no_arguments(parser)?;
    for (path, text) in files() {
        let file = layout::root().join(path);
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        layout::write_if_changed(&file, text.as_bytes())?;
        println!("{path}");
    }
    Ok(())
}

/// Path from the top and content of each.
pub(crate) fn files() -> Vec<(&'static str, String)> {
    let plugins = [
        (UsbHid::ABOUT.name, UsbHid::usb_claims()),
        (MegatecUsb::ABOUT.name, MegatecUsb::usb_claims()),
    ];
    vec![
        (UDEV, udev(&plugins)),
        ("conf/HARDWARE.md", hardware::document()),
    ]
}

/// Plugins by name with what they claim.
fn udev(plugins: &[(&str, Vec<UsbMatch>)]) -> String {
    let mut text = UDEV_HEAD.to_owned();
    for (plugin, claims) in plugins {
        let mut devices: Vec<(u16, Option<u16>)> = claims
            .iter()
            .map(|claim| (claim.vendor_id, claim.product_id))
            .collect();
        devices.sort_unstable();
        devices.dedup();
        // Writing into a String does not fail.
        let _ = writeln!(text, "# {plugin}");
        for (vendor, product) in devices {
            let product = product.map_or(String::new(), |id| {
                format!("ATTR{{idProduct}}==\"{id:04x}\", ")
            });
            let _ = writeln!(
                text,
                "ATTR{{idVendor}}==\"{vendor:04x}\", {product}MODE=\"664\", GROUP=\"nut\""
            );
        }
    }
    text.push_str("LABEL=\"nut-usbups_end\"\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_has_one_line_and_a_vendor_of_all_products_no_product() {
        let claim = |vendor_id, product_id| UsbMatch {
            vendor_id,
            product_id,
            interface: None,
        };
        let claims = vec![
            claim(0x0463, Some(0xffff)),
            claim(0x051d, None),
            claim(0x0463, Some(1)),
            claim(0x0463, Some(1)),
        ];
        let expected = "\
# some
ATTR{idVendor}==\"0463\", ATTR{idProduct}==\"0001\", MODE=\"664\", GROUP=\"nut\"
ATTR{idVendor}==\"0463\", ATTR{idProduct}==\"ffff\", MODE=\"664\", GROUP=\"nut\"
ATTR{idVendor}==\"051d\", MODE=\"664\", GROUP=\"nut\"
LABEL=\"nut-usbups_end\"
";
        let text = udev(&[("some", claims)]);
        assert_eq!(text.strip_prefix(UDEV_HEAD), Some(expected));
    }
}
