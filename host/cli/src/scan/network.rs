//! Looking for NUT servers: which addresses answer, and which UPSes they serve.
//!
//! Asks only where it was told to ask, `LIST UPS` and nothing else, and gives no account. Whoever is behind an address may be
//! anybody: what is no reply to that is no server.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use husk_core::proto::client::Server;
use husk_core::scan::addresses::{ADDRESSES, Range};
use husk_core::scan::found::{Bus, Found};

use crate::client::{Connection, Error, Security};

/// Addresses asked at once, unless told otherwise. The usual limit of open files is 1024.
pub(crate) const AT_ONCE: usize = 256;
/// The most that may be asked at once.
pub(crate) const AT_ONCE_MAX: usize = 900;
/// How long an address may take to accept, unless told otherwise. As nut-scanner.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// UPSes of one server that are listed; more is no server one would use.
const UPSES: usize = 4096;

/// Whom to ask, and how.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Each of them, in the order of the answers.
    pub addresses: Vec<IpAddr>,
    /// Where their servers listen.
    pub port: u16,
    /// How long each may take to accept.
    pub patience: Duration,
    /// How many are asked at once.
    pub at_once: usize,
}

/// A server that answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Where it is, with the port if that is not NUT's own.
    pub place: String,
    /// Names and descriptions of its UPSes, or why it tells none.
    pub upses: Result<Vec<(String, String)>, String>,
}

/// The address of a name, or the address that a text is.
///
/// # Errors
/// A sentence.
pub(crate) fn resolve(text: &str) -> Result<IpAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found = (text, 0).to_socket_addrs();
    let found = found.map_err(|error| format!("no address is known of {text}: {error}"))?;
    // NUT's nut-scanner takes IPv4 where there is both.
    let mut addresses: Vec<IpAddr> = found.map(|found| found.ip()).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    let first = addresses.first().copied();
    first.ok_or_else(|| format!("no address is known of {text}"))
}

/// The IPv4 networks this machine is in.
///
/// # Errors
/// A sentence: they are not known, or too large.
pub(crate) fn own_networks() -> Result<Vec<Range>, String> {
    let routes = std::fs::read_to_string("/proc/net/route");
    let routes =
        routes.map_err(|error| format!("this machine's networks are not known: {error}"))?;
    let networks = Range::of_routes(&routes).map_err(|error| error.to_string())?;
    match networks.is_empty() {
        true => Err("this machine is in no IPv4 network".to_owned()),
        false => Ok(networks),
    }
}

/// All addresses of some ranges, each once.
///
/// # Errors
/// A sentence: there are too many.
pub(crate) fn all(ranges: &[Range]) -> Result<Vec<IpAddr>, String> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for address in ranges.iter().flat_map(|range| range.addresses()) {
        if known.insert(address) {
            addresses.push(address);
        }
        if addresses.len() as u128 > ADDRESSES {
            return Err(format!(
                "more than {ADDRESSES} addresses are too many for one scan"
            ));
        }
    }
    Ok(addresses)
}

impl Survey {
    /// Asks them all; those who do not answer like a server are left out.
    pub(crate) fn ask(&self) -> Vec<Answer> {
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(Vec::new());
        let worker = || {
            while let Some(&address) = self.addresses.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(answer) = self.ask_one(address) {
                    let mut answers = answers
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    answers.push((address, answer));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.at_once.clamp(1, AT_ONCE_MAX).min(self.addresses.len()) {
                // With fewer threads it only takes longer.
                if std::thread::Builder::new()
                    .spawn_scoped(scope, worker)
                    .is_err()
                {
                    break;
                }
            }
            worker();
        });
        let mut answers = answers
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        answers.sort_by_key(|(address, _)| *address);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    fn ask_one(&self, address: IpAddr) -> Option<Answer> {
        let server = Server {
            host: address.to_string(),
            port: self.port,
        };
        let listed = Connection::open(&server, Some(self.patience), &Security::default())
            .and_then(|mut connection| connection.list(&["UPS"]));
        let upses = match listed {
            Ok(rows) => Ok(rows
                .into_iter()
                .take(UPSES)
                .filter_map(|row| {
                    let mut words = row.into_iter();
                    Some((words.next()?, words.next().unwrap_or_default()))
                })
                .collect()),
            Err(Error::Reply(error)) => Err(error.to_string()),
            Err(Error::Tls(error)) => Err(format!("no TLS with it: {error}")),
            Err(_) => return None,
        };
        Some(Answer {
            place: place(address, self.port),
            upses,
        })
    }
}

impl Answer {
    /// Its UPSes as sections that repeat them.
    pub(crate) fn found(&self) -> Vec<Found> {
        let upses = self.upses.iter().flatten();
        let section = |(name, _): &(String, String)| Found {
            bus: Bus::Nut,
            driver: "dummy-ups".to_owned(),
            others: Vec::new(),
            port: format!("{name}@{}", self.place),
            items: Vec::new(),
        };
        upses.map(section).collect()
    }
}

/// As clients write it: IPv6 in brackets, the port only if it is another than NUT's.
fn place(address: IpAddr, port: u16) -> String {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match port {
        husk_core::proto::PORT => host,
        port => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_written_as_clients_read_them() {
        let at = |text: &str, port| place(text.parse().unwrap(), port);
        assert_eq!(at("192.0.2.7", 3493), "192.0.2.7");
        assert_eq!(at("192.0.2.7", 4000), "192.0.2.7:4000");
        assert_eq!(at("::1", 4000), "[::1]:4000");
        assert_eq!(Server::parse(&at("::1", 3493)).unwrap().host, "::1");
    }

    #[test]
    fn addresses_named_twice_are_asked_once() {
        let network = |text: &str| Range::network(text).unwrap();
        let addresses = all(&[network("10.0.0.0/30"), network("10.0.0.2/31")]).unwrap();
        assert_eq!(addresses.len(), 4);
        assert!(all(&[network("10.0.0.0/16"), network("10.1.0.0/32")]).is_err());
    }
}
