//! How users name a UPS and a server: `ups[@host[:port]]`, `host[:port]`, IPv6 addresses in brackets.
//!
//! Stricter than NUT's programs where those guess: a port without a host and digits followed by more are refused.

use std::fmt;

use crate::proto::PORT;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// A name or an address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// A UPS and the server that knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The name the server knows it by.
    pub ups: String,
    /// The server.
    pub server: Server,
}

/// An address that cannot be read. `Display` says what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAddress {
    /// No name in front of the `@`.
    NoUps,
    /// No host after the `@`, or none in front of the `:`.
    NoHost,
    /// The port is not a number from 1 to 65535.
    Port,
    /// `[` without `]`, or something else than `:port` after it.
    Bracket,
    /// An IPv6 address without brackets, or too many `:`.
    Colons,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUps => "the name of the UPS is missing",
            Self::NoHost => "the host name is missing",
            Self::Port => "the port is not a number from 1 to 65535",
            Self::Bracket => "after [address] only :port may follow",
            Self::Colons => "write an IPv6 address in brackets, as in [::1]:3493",
        })
    }
}

impl std::error::Error for BadAddress {}

impl Default for Server {
    /// This machine.
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: PORT,
        }
    }
}

impl Server {
    /// Reads `host[:port]`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or(BadAddress::Bracket)?;
                match rest.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if rest.is_empty() => (host, None),
                    None => return Err(BadAddress::Bracket),
                }
            }
            None => match text.split_once(':') {
                Some((_, port)) if port.contains(':') => return Err(BadAddress::Colons),
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() {
            return Err(BadAddress::NoHost);
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.map_or(Ok(PORT), read_port)?,
        })
    }
}

impl Target {
    /// Reads `ups[@host[:port]]`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let (ups, server) = match text.split_once('@') {
            Some((ups, server)) => (ups, Server::parse(server)?),
            None if text.contains(':') => return Err(BadAddress::NoHost),
            None => (text, Server::default()),
        };
        if ups.is_empty() {
            return Err(BadAddress::NoUps);
        }
        Ok(Self {
            ups: ups.to_owned(),
            server,
        })
    }
}

fn read_port(text: &str) -> Result<u16, BadAddress> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(BadAddress::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_documented() {
        for (text, ups, host, port) in [
            ("lab", "lab", "localhost", 3493),
            ("lab@box", "lab", "box", 3493),
            ("lab@box:4000", "lab", "box", 4000),
            ("lab@[::1]", "lab", "::1", 3493),
            ("lab@[fe80::1%eth0]:1", "lab", "fe80::1%eth0", 1),
            ("my ups@192.0.2.7:65535", "my ups", "192.0.2.7", 65535),
        ] {
            let expected = Target {
                ups: ups.to_owned(),
                server: Server {
                    host: host.to_owned(),
                    port,
                },
            };
            assert_eq!(Target::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, expected) in [
            ("", BadAddress::NoUps),
            ("@box", BadAddress::NoUps),
            ("lab@", BadAddress::NoHost),
            ("lab@:3493", BadAddress::NoHost),
            ("lab:3493", BadAddress::NoHost),
            ("lab@box:", BadAddress::Port),
            ("lab@box:0", BadAddress::Port),
            ("lab@box:99999", BadAddress::Port),
            ("lab@box:3493x", BadAddress::Port),
            ("lab@::1", BadAddress::Colons),
            ("lab@[::1", BadAddress::Bracket),
            ("lab@[::1]3493", BadAddress::Bracket),
        ] {
            assert_eq!(Target::parse(text), Err(expected), "{text}");
        }
    }
}
