//! What a scan found, as sections of ups.conf and in the parsable form: the output of NUT's nut-scanner.
//!
//! Lines and marks are those scripts know. It judges nothing but doubles.

use std::fmt::Write as _;

use husk_wire::words;

/// On what a device was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bus {
    /// USB.
    Usb,
    /// Another NUT server.
    Nut,
    /// A file that a simulation plays.
    Simulation,
    /// A serial line.
    Serial,
    /// An SNMP agent.
    Snmp,
}

impl Bus {
    /// As in the names of sections: `nutdev-usb1`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Usb => "usb",
            Self::Nut => "nut",
            Self::Simulation => "simulation",
            Self::Serial => "serial",
            Self::Snmp => "snmp",
        }
    }

    /// As at the beginning of parsable lines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Usb => "USB",
            Self::Nut => "NUT",
            Self::Simulation => "NUT_SIMULATION",
            Self::Serial => "serial",
            Self::Snmp => "SNMP",
        }
    }
}

/// How an option of a section is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// In force.
    None,
    /// Behind a `#`: right today, and another after the next boot or plugging in.
    Comment,
    /// Behind `###NOTMATCHED-YET###`: not every version of NUT looks at it.
    NotMatchedYet,
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name in ups.conf.
    pub name: &'static str,
    /// Its value, unescaped.
    pub value: String,
    /// Whether it is in force.
    pub mark: Mark,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub bus: Bus,
    /// The driver that knows it best.
    pub driver: String,
    /// Others that know it too.
    pub others: Vec<String>,
    /// What its section says behind `port =`.
    pub port: String,
    /// What else its section says.
    pub items: Vec<Item>,
}

/// What stands between quotes: escaped, and without what would move the cursor of whoever looks at it.
pub(super) fn escape(text: &str) -> String {
    let shown: String = text.chars().filter(|letter| !letter.is_control()).collect();
    words::escape(&shown)
}

/// Sections of ups.conf, numbered for each bus in the order given.
pub fn sections(found: &[Found]) -> String {
    let mut text = String::new();
    for (at, device) in found.iter().enumerate() {
        let same = |other: &&Found| other.bus == device.bus;
        let number = found.iter().take(at + 1).filter(same).count();
        // Writing into a String does not fail, here and below.
        let _ = write!(
            text,
            "[nutdev-{}{number}]\n\tdriver = \"{}\"",
            device.bus.suffix(),
            escape(&device.driver)
        );
        if !device.others.is_empty() {
            let _ = write!(text, "\t# alternately: {}", device.others.join(", "));
        }
        let _ = write!(text, "\n\tport = \"{}\"\n", escape(&device.port));
        for item in &device.items {
            let mark = match item.mark {
                Mark::None => "",
                Mark::Comment => "# ",
                Mark::NotMatchedYet => "###NOTMATCHED-YET###",
            };
            let _ = writeln!(text, "\t{mark}{} = \"{}\"", item.name, escape(&item.value));
        }
    }
    text
}

/// Comments on what would go wrong if all sections were used as they are.
pub fn remarks(found: &[Found]) -> String {
    let mut text = String::new();
    let serial = |device: &Found| {
        let mut items = device.items.iter();
        let item = items.find(|item| item.name == "serial")?;
        Some(item.value.clone())
    };
    let mut told = Vec::new();
    for device in found {
        let Some(number) = serial(device).filter(|number| !told.contains(number)) else {
            continue;
        };
        let same =
            |other: &&Found| other.bus == device.bus && serial(other).as_ref() == Some(&number);
        let count = found.iter().filter(same).count();
        if count > 1 {
            let _ = writeln!(
                text,
                "# WARNING: {count} devices say the serial number \"{}\". Tell them apart by bus and busport.",
                escape(&number)
            );
            told.push(number);
        }
    }
    text
}

/// One line per device: `USB:driver="…",port="…"`, and every option in force.
pub fn parsable(found: &[Found]) -> String {
    let mut text = String::new();
    for device in found {
        let _ = write!(
            text,
            "{}:driver=\"{}\",port=\"{}\"",
            device.bus.word(),
            escape(&device.driver),
            escape(&device.port)
        );
        for item in device.items.iter().filter(|item| item.mark == Mark::None) {
            let _ = write!(text, ",{}=\"{}\"", item.name, escape(&item.value));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ups(bus: Bus, port: &str, items: &[(&'static str, &str, Mark)]) -> Found {
        let driver = if bus == Bus::Usb {
            "usbhid-ups"
        } else {
            "dummy-ups"
        };
        Found {
            bus,
            driver: driver.to_owned(),
            others: Vec::new(),
            port: port.to_owned(),
            items: items
                .iter()
                .map(|&(name, value, mark)| Item {
                    name,
                    value: value.to_owned(),
                    mark,
                })
                .collect(),
        }
    }

    #[test]
    fn sections_are_numbered_for_each_bus_and_values_are_escaped() {
        let items = [
            ("vendorid", "0463", Mark::None),
            ("product", "5E \"1\"", Mark::None),
            ("bus", "001", Mark::Comment),
            ("bcdDevice", "0100", Mark::NotMatchedYet),
        ];
        let mut usb = ups(Bus::Usb, "auto", &items);
        usb.others = vec!["other".to_owned(), "third".to_owned()];
        let found = [
            usb,
            ups(Bus::Nut, "lab@192.0.2.7:4000", &[]),
            ups(Bus::Nut, "two@192.0.2.7", &[]),
        ];
        let expected = "\
[nutdev-usb1]
\tdriver = \"usbhid-ups\"\t# alternately: other, third
\tport = \"auto\"
\tvendorid = \"0463\"
\tproduct = \"5E \\\"1\\\"\"
\t# bus = \"001\"
\t###NOTMATCHED-YET###bcdDevice = \"0100\"
[nutdev-nut1]
\tdriver = \"dummy-ups\"
\tport = \"lab@192.0.2.7:4000\"
[nutdev-nut2]
\tdriver = \"dummy-ups\"
\tport = \"two@192.0.2.7\"
";
        assert_eq!(sections(&found), expected);
        let expected = "\
USB:driver=\"usbhid-ups\",port=\"auto\",vendorid=\"0463\",product=\"5E \\\"1\\\"\"
NUT:driver=\"dummy-ups\",port=\"lab@192.0.2.7:4000\"
NUT:driver=\"dummy-ups\",port=\"two@192.0.2.7\"
";
        assert_eq!(parsable(&found), expected);
        assert_eq!(remarks(&found), "");
    }

    #[test]
    fn a_serial_number_that_several_devices_have_is_told_once() {
        let zeros = [("serial", "0000", Mark::None)];
        let found = [
            ups(Bus::Usb, "auto", &zeros),
            ups(Bus::Usb, "auto", &zeros),
            ups(Bus::Serial, "/dev/ttyS0", &zeros),
        ];
        let expected = "# WARNING: 2 devices say the serial number \"0000\". Tell them apart by bus and busport.\n";
        assert_eq!(remarks(&found), expected);
    }
}
