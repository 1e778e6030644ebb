//! Looking for UPSes behind the daemons of other software: apcupsd's information server (NIS), PowerMan.
//!
//! Each driver for such a daemon connects where it was told to look, at the usual port of its protocol unless another one is
//! given, and asks what it always asks; nothing is switched.

use std::net::IpAddr;

use husk_core::scan::draft::Draft;
use husk_server::scan::{Answered, Scanner};

/// Addresses asked at once, at most: each has a driver at work.
const AT_ONCE: usize = 64;

/// A daemon that answered.
pub(super) struct Found {
    /// What a section says behind `port =`.
    place: String,
    answered: Answered,
}

/// Asks at all these places.
///
/// # Errors
/// A sentence: the runtime does not start.
pub(super) fn ask(scanner: &Scanner, places: &[String]) -> Result<Vec<Found>, String> {
    let runtime = super::runtime()?;
    let mut found = Vec::new();
    for some in places.chunks(AT_ONCE) {
        let probes = some.iter().map(|place| async move {
            let answers = scanner.probe_daemons(place).await;
            answers.into_iter().map(|answered| Found {
                place: place.clone(),
                answered,
            })
        });
        let answers = runtime.block_on(super::serial::together(probes));
        found.extend(answers.into_iter().flatten());
    }
    Ok(found)
}

/// An address as a section has it: brackets tell the colons of one from that before a port.
pub(super) fn place(address: &IpAddr, port: Option<u16>) -> String {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    port.map_or(host.clone(), |port| format!("{host}:{port}"))
}

impl Found {
    /// The section of ups.conf that it has already.
    fn section<'a>(&self, scanner: &'a Scanner) -> Option<&'a str> {
        scanner.section_of_daemon(&self.answered.driver, &self.place)
    }

    /// Lines for people.
    pub(super) fn tell(&self, scanner: &Scanner) -> Vec<String> {
        let name = super::serial::name(&self.answered);
        let name = if name.is_empty() { "a daemon" } else { &name };
        let status = match self.answered.status.as_str() {
            "" => String::new(),
            status => format!(" ({})", super::shown(status)),
        };
        let place = match self.section(scanner) {
            Some(section) => format!("  is [{section}] in ups.conf"),
            None => format!("  driver = {}", self.answered.driver),
        };
        vec![
            format!("{}  {}{status}", self.place, super::shown(name)),
            place,
        ]
    }

    /// The section to add for it, unless there is one.
    pub(super) fn draft(&self, scanner: &Scanner) -> Option<Draft> {
        let name = super::serial::name(&self.answered);
        self.section(scanner).is_none().then(|| Draft {
            driver: self.answered.driver.clone(),
            port: self.place.clone(),
            desc: Some(name).filter(|name| !name.is_empty()),
            options: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_drivers_read_it() {
        let v4 = IpAddr::from([192, 0, 2, 7]);
        let v6: IpAddr = "2001:db8::7".parse().unwrap_or(v4);
        assert_eq!(place(&v4, None), "192.0.2.7");
        assert_eq!(place(&v4, Some(3551)), "192.0.2.7:3551");
        assert_eq!(place(&v6, None), "[2001:db8::7]");
        assert_eq!(place(&v6, Some(3551)), "[2001:db8::7]:3551");
    }
}
