//! UPSes, PDUs and transfer switches behind SNMP agents: 36 kinds of agents of twenty makers.
//!
//! ```text
//! > GET 1.3.6.1.2.1.1.2.0 …318.1.1.1.1.1.1.0 …              who are you?
//! < 1.3.6.1.4.1.318.1.3.27, "Smart-UPS X 750"               an agent whose model is where APC's UPSes have it
//! > GET …318.1.1.1.4.1.1.0 …2.1.1.0 …2.3.1.0 …              status of output and battery, charge, and all the rest
//! < 2, 2, 1000                                              on line, battery normal, 100.0 %
//! > SET …318.1.1.1.6.1.1.0 = INTEGER 2                      off to save the battery, and on again with the mains
//! ```
//!
//! Which object is what stands in `mibs/`, one file for each MIB (see `table`); how an agent is recognised in `find`,
//! what it has of a table in `layout`, when what is read in `ups`. Addresses, communities, keys, packets and retries are
//! the host's.
//!
//! Refuses agents that no table is for. Standards: RFC 1628 (UPS-MIB), RFC 3416, RFC 3418; else the makers' MIBs.

mod agent;
mod commands;
mod count;
mod find;
mod hardware;
mod layout;
mod mibs;
mod object;
mod options;
mod status;
mod table;
mod ups;
mod value;

use husk_driver::{About, Driver, Error, Hardware, Report, Settings, Snmp, Wake};
use ups::Ups;

/// What is behind one agent.
pub struct SnmpUps(Ups);

impl Driver for SnmpUps {
    const ABOUT: About = About {
        name: "snmp-ups",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "SNMP: RFC 1628 and the MIBs of twenty makers",
        aliases: &[],
        parameters: options::PARAMETERS,
        dangerous: commands::DANGEROUS,
    };

    const HARDWARE: &'static [Hardware] = hardware::HARDWARE;

    type Port = Snmp;

    fn open(port: Snmp, settings: &Settings, _state: Option<&[u8]>) -> Result<Self, Error> {
        Ok(Self(Ups::open(port, settings)?))
    }

    fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        self.0.poll(why)
    }

    fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        self.0.command(name, value)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.0.set(variable, value)
    }

    fn shutdown(&mut self) -> Result<(), Error> {
        self.0.shutdown()
    }
}

husk_driver::export!(SnmpUps);
