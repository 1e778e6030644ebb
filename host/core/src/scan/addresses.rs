//! Ranges of network addresses as an administrator writes them: one address, first and last, or a network with its prefix.
//!
//! Resolves no names, and refuses what would take for ever: an IPv6 network has more addresses than anybody can knock at.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most addresses of one range: a /16, which at 256 connections at once and five seconds each takes 22 minutes.
pub const ADDRESSES: u128 = 65_536;

/// Addresses from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    last: IpAddr,
}

/// Why a text or a pair of addresses is no range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadRange {
    /// Not `address/prefix`, or the prefix is longer than the address.
    NoNetwork(String),
    /// One end is IPv4, the other IPv6.
    Mixed(IpAddr, IpAddr),
    /// More than [`ADDRESSES`].
    TooMany(u128),
}

impl fmt::Display for BadRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNetwork(text) => {
                write!(f, "{text:?} is no network, write it as in 192.0.2.0/24")
            }
            Self::Mixed(first, last) => {
                write!(f, "{first} and {last} are not of the same kind of address")
            }
            Self::TooMany(count) => write!(
                f,
                "{count} addresses are too many, at most {ADDRESSES} are looked at; scan smaller networks one by one"
            ),
        }
    }
}

impl std::error::Error for BadRange {}

impl Range {
    /// Only this address.
    pub fn only(address: IpAddr) -> Self {
        Self {
            first: address,
            last: address,
        }
    }

    /// From one address to another, whichever way round they are given.
    ///
    /// # Errors
    /// [`BadRange::Mixed`] and [`BadRange::TooMany`].
    pub fn between(one: IpAddr, other: IpAddr) -> Result<Self, BadRange> {
        if one.is_ipv4() != other.is_ipv4() {
            return Err(BadRange::Mixed(one, other));
        }
        let range = Self {
            first: one.min(other),
            last: one.max(other),
        };
        let count = (number(range.last) - number(range.first)).saturating_add(1);
        if count > ADDRESSES {
            return Err(BadRange::TooMany(count));
        }
        Ok(range)
    }

    /// `address/prefix`: every address of the network, its own and the broadcast address included, as NUT counts.
    ///
    /// # Errors
    /// [`BadRange::NoNetwork`] and [`BadRange::TooMany`].
    pub fn network(text: &str) -> Result<Self, BadRange> {
        let parts = || {
            let (address, prefix) = text.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
            let prefix: u32 = prefix.parse().ok()?;
            Some((address, bits.checked_sub(prefix)?))
        };
        let (address, free) = parts().ok_or_else(|| BadRange::NoNetwork(text.to_owned()))?;
        let hosts = match free {
            128 => u128::MAX,
            free => (1 << free) - 1,
        };
        let first = like(address, number(address) & !hosts);
        let last = like(address, number(address) | hosts);
        Self::between(first, last)
    }

    /// The IPv4 networks a machine is in, from its table of routes as Linux writes it (`/proc/net/route`).
    ///
    /// # Errors
    /// [`BadRange::TooMany`]: one of them is too large.
    pub fn of_routes(table: &str) -> Result<Vec<Self>, BadRange> {
        let mut networks = Vec::new();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // The numbers are in the machine's own order of bytes, whichever that is.
            let at = |field: usize| {
                let number = u32::from_str_radix(fields.get(field)?, 16).ok()?;
                Some(Ipv4Addr::from(number.to_ne_bytes()))
            };
            let (Some(network), Some(gateway), Some(mask)) = (at(1), at(2), at(7)) else {
                continue;
            };
            if gateway.is_unspecified() && !mask.is_unspecified() {
                let prefix = mask.to_bits().leading_ones();
                networks.push(Self::network(&format!("{network}/{prefix}"))?);
            }
        }
        Ok(networks)
    }

    /// Every address, in order.
    pub fn addresses(self) -> impl Iterator<Item = IpAddr> {
        (number(self.first)..=number(self.last)).map(move |number| like(self.first, number))
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of that number in the other's family. A number of an IPv4 address never has more than 32 bits.
fn like(other: IpAddr, number: u128) -> IpAddr {
    match other {
        IpAddr::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn listed(text: &str) -> Vec<String> {
        let addresses = Range::network(text).unwrap().addresses();
        addresses.map(|address| address.to_string()).collect()
    }

    #[test]
    fn a_network_is_all_of_its_addresses() {
        assert_eq!(listed("127.0.0.1/32"), ["127.0.0.1"]);
        let four = ["192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"];
        assert_eq!(listed("192.0.2.6/30"), four);
        assert_eq!(listed("2001:db8::3/127"), ["2001:db8::2", "2001:db8::3"]);
        assert_eq!(listed("::1/128"), ["::1"]);
        assert_eq!(listed("10.1.2.3/16").len(), 65_536);
    }

    #[test]
    fn what_is_no_network_or_too_large_a_one_is_refused() {
        for text in [
            "127.0.0.1",
            "zork/3",
            "127.0.0.1/33",
            "::/129",
            "1.2.3.4/",
            "/8",
            "1.2.3.4/-1",
        ] {
            assert_eq!(
                Range::network(text),
                Err(BadRange::NoNetwork(text.to_owned()))
            );
        }
        assert_eq!(
            Range::network("10.0.0.0/15"),
            Err(BadRange::TooMany(131_072))
        );
        assert_eq!(Range::network("0.0.0.0/0"), Err(BadRange::TooMany(1 << 32)));
        assert_eq!(Range::network("::/0"), Err(BadRange::TooMany(u128::MAX)));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn own_networks_are_those_without_a_gateway() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(
            Range::of_routes(table),
            Ok(vec![Range::network("192.168.2.0/24").unwrap()])
        );
        let large = table.replace("00FFFFFF", "000000FF");
        assert_eq!(Range::of_routes(&large), Err(BadRange::TooMany(1 << 24)));
    }

    #[test]
    fn ends_may_be_given_either_way_round() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let range = Range::between(at("10.0.0.3"), at("10.0.0.1")).unwrap();
        assert_eq!(range.addresses().count(), 3);
        assert_eq!(
            Range::only(at("::1")).addresses().collect::<Vec<_>>(),
            [at("::1")]
        );
        let mixed = Range::between(at("10.0.0.3"), at("::1"));
        assert!(matches!(mixed, Err(BadRange::Mixed(..))));
    }
}
