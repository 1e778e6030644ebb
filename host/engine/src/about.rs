//! What is known about a plugin without running it, and the lines that keep it beside the plugin's native code.
//!
//! ```text
//! digest 4c1d…                          SHA-256 of the component
//! name usbhid-ups
//! version 0.1.0
//! protocol USB HID Power Device class
//! alias usbhid                          any number of these and of the following
//! dangerous load.off
//! parameter value public vendorid USB vendor id, four hexadecimal digits
//! import ups:driver/host@0.1.0
//! transport usb
//! claim 051d 0002 -                     vendor, product and interface; `-` is any
//! port 3551                             the usual one of its protocol, for drivers over streams
//! ```
//!
//! `husk-compile --describe` writes the lines when Husk is built, of what the plugin says of itself in the sandbox. A
//! plugin that says anything else when it is loaded is not the one that was built: see [`Plugin::about`](crate::Plugin).
//!
//! Refuses lines it does not know: they are made and read by the same build.

use std::fmt;

use husk_ports::usb::Claim;

use crate::description::{Description, Parameter};
use crate::host::Transport;
use crate::imports::{Grant, Refused};

/// What a plugin says about itself, and what its file proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What it says it is.
    pub description: Description,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What it asks for, sorted: its capability list.
    pub imports: Vec<String>,
    /// The kinds of port it can be opened on.
    pub transports: Vec<Transport>,
    /// The USB devices it is for.
    pub claims: Vec<Claim>,
    /// The TCP port its protocol usually has.
    pub stream_port: Option<u16>,
}

impl About {
    /// Reads the lines.
    ///
    /// # Errors
    /// The line that is not one of them.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut about = Self {
            description: Description {
                name: String::new(),
                version: String::new(),
                protocol: String::new(),
                aliases: Vec::new(),
                parameters: Vec::new(),
                dangerous: Vec::new(),
            },
            digest: String::new(),
            imports: Vec::new(),
            transports: Vec::new(),
            claims: Vec::new(),
            stream_port: None,
        };
        for line in text.lines() {
            about
                .take(line)
                .ok_or_else(|| format!("{line:?} tells nothing about a plugin"))?;
        }
        if about.description.name.is_empty() || about.digest.is_empty() {
            return Err("it has no name or no digest".to_owned());
        }
        Ok(about)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        let text = || rest.to_owned();
        let description = &mut self.description;
        match word {
            "digest" => self.digest = text(),
            "name" => description.name = text(),
            "version" => description.version = text(),
            "protocol" => description.protocol = text(),
            "alias" => description.aliases.push(text()),
            "dangerous" => description.dangerous.push(text()),
            "parameter" => description.parameters.push(parameter(rest)?),
            "import" => self.imports.push(text()),
            "transport" => self.transports.push(transport(rest)?),
            "claim" => self.claims.push(claim(rest)?),
            "port" => self.stream_port = Some(rest.parse().ok()?),
            _ => return None,
        }
        Some(())
    }

    /// What the plugin asks for beyond the grant, if anything.
    #[must_use]
    pub fn refused_by(&self, grant: &Grant) -> Option<Refused> {
        let imports = grant.refuses(&self.imports);
        (!imports.is_empty()).then(|| Refused {
            plugin: self.description.name.clone(),
            imports,
        })
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description {
            name,
            version,
            protocol,
            aliases,
            parameters,
            dangerous,
        } = &self.description;
        writeln!(f, "digest {}", self.digest)?;
        writeln!(f, "name {name}\nversion {version}\nprotocol {protocol}")?;
        let lists = [
            ("alias", aliases),
            ("dangerous", dangerous),
            ("import", &self.imports),
        ];
        for (word, list) in lists {
            list.iter()
                .try_for_each(|entry| writeln!(f, "{word} {entry}"))?;
        }
        for Parameter {
            name,
            help,
            takes_value,
            secret,
        } in parameters
        {
            let kind = if *takes_value { "value" } else { "flag" };
            let shown = if *secret { "secret" } else { "public" };
            writeln!(f, "parameter {kind} {shown} {name} {help}")?;
        }
        for transport in &self.transports {
            writeln!(f, "transport {transport}")?;
        }
        for claim in &self.claims {
            let product = claim.product_id.map(|id| format!("{id:04x}"));
            let interface = claim.interface.map(|number| number.to_string());
            let any = || "-".to_owned();
            writeln!(
                f,
                "claim {:04x} {} {}",
                claim.vendor_id,
                product.unwrap_or_else(any),
                interface.unwrap_or_else(any)
            )?;
        }
        if let Some(port) = self.stream_port {
            writeln!(f, "port {port}")?;
        }
        Ok(())
    }
}

fn parameter(text: &str) -> Option<Parameter> {
    let mut words = text.splitn(4, ' ');
    Some(Parameter {
        takes_value: one_of(words.next()?, "value", "flag")?,
        secret: one_of(words.next()?, "secret", "public")?,
        name: words.next()?.to_owned(),
        help: words.next()?.to_owned(),
    })
}

fn one_of(word: &str, yes: &str, no: &str) -> Option<bool> {
    match word {
        word if word == yes => Some(true),
        word if word == no => Some(false),
        _ => None,
    }
}

fn transport(word: &str) -> Option<Transport> {
    let mut all = Transport::ALL.into_iter();
    all.find(|transport| transport.to_string() == word)
}

fn claim(text: &str) -> Option<Claim> {
    let mut words = text.split(' ');
    let vendor_id = u16::from_str_radix(words.next()?, 16).ok()?;
    let (product, interface) = (words.next()?, words.next()?);
    let product_id = match product {
        "-" => None,
        id => Some(u16::from_str_radix(id, 16).ok()?),
    };
    let interface = match interface {
        "-" => None,
        number => Some(number.parse().ok()?),
    };
    Some(Claim {
        vendor_id,
        product_id,
        interface,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> About {
        let parameter = |name: &str, takes_value, secret| Parameter {
            name: name.to_owned(),
            help: "what it does, in words".to_owned(),
            takes_value,
            secret,
        };
        let claim = |product_id, interface| Claim {
            vendor_id: 0x051d,
            product_id,
            interface,
        };
        About {
            description: Description {
                name: "usbhid-ups".to_owned(),
                version: "0.1.0".to_owned(),
                protocol: "USB HID".to_owned(),
                aliases: vec!["usbhid".to_owned()],
                parameters: vec![
                    parameter("vendor", true, false),
                    parameter("key", false, true),
                ],
                dangerous: vec!["load.off".to_owned()],
            },
            digest: "4c1d".to_owned(),
            imports: vec!["ups:driver/usb@0.1.0".to_owned()],
            transports: vec![Transport::Usb, Transport::Serial],
            claims: vec![claim(Some(2), Some(1)), claim(None, None)],
            stream_port: Some(3551),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let about = sample();
        assert_eq!(About::read(&about.to_string()), Ok(about));
    }

    #[test]
    fn a_line_of_another_build_is_refused() {
        let lines = sample().to_string();
        for strange in [
            "color red",
            "claim 051d",
            "transport thought",
            "alias",
            "parameter value",
            "port everywhere",
        ] {
            assert!(
                About::read(&format!("{lines}{strange}\n")).is_err(),
                "{strange}"
            );
        }
        assert!(About::read("").is_err());
    }
}
