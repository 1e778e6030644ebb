//! The SNMP agent, as imports of the component.

use super::bindings::exports::ups::driver::{driver, snmp_driver};
use super::bindings::ups::driver::snmp;
use super::{Device, Exported, types};
use crate::snmp::SnmpBackend;
use crate::{Driver, IoError, Oid, Snmp, SnmpAgent, SnmpError, SnmpValue, SnmpVersion, Varbind};

/// The host's agent.
pub struct Agent(snmp::Agent);

impl<D: Driver<Port = Snmp>> snmp_driver::Guest for Exported<D> {
    fn open(
        agent: snmp::Agent,
        settings: Vec<types::Setting>,
        state: Option<Vec<u8>>,
    ) -> Result<driver::Device, types::DriverError> {
        Device::<D>::open(Snmp::new(Agent(agent)), settings, state)
    }
}

impl SnmpBackend for Agent {
    fn agent(&mut self) -> SnmpAgent {
        let identity = self.0.identity();
        SnmpAgent {
            peer: identity.peer,
            version: match identity.version {
                snmp::Version::V1 => SnmpVersion::V1,
                snmp::Version::V2c => SnmpVersion::V2c,
                snmp::Version::V3 => SnmpVersion::V3,
            },
            read_only: identity.read_only,
        }
    }

    fn get(&mut self, oids: &[Oid]) -> Result<Vec<SnmpValue>, SnmpError> {
        let values = self.0.get(&numbers(oids))?;
        values.into_iter().map(value).collect()
    }

    fn next(&mut self, oids: &[Oid]) -> Result<Vec<Varbind>, SnmpError> {
        bindings(self.0.next(&numbers(oids))?)
    }

    fn walk(&mut self, root: &Oid, max: u32) -> Result<Vec<Varbind>, SnmpError> {
        bindings(self.0.walk(root.as_slice(), max)?)
    }

    fn set(&mut self, bindings: &[Varbind]) -> Result<(), SnmpError> {
        let given: Vec<snmp::Varbind> = bindings
            .iter()
            .map(|binding| snmp::Varbind {
                oid: binding.oid.as_slice().to_vec(),
                value: given(&binding.value),
            })
            .collect();
        Ok(self.0.set(&given)?)
    }
}

fn numbers(oids: &[Oid]) -> Vec<Vec<u32>> {
    oids.iter().map(|oid| oid.as_slice().to_vec()).collect()
}

fn oid(ids: Vec<u32>) -> Result<Oid, SnmpError> {
    Oid::new(ids).map_err(|_| SnmpError::Io(IoError::TooLong))
}

fn bindings(got: Vec<snmp::Varbind>) -> Result<Vec<Varbind>, SnmpError> {
    let binding = |got: snmp::Varbind| {
        Ok(Varbind {
            oid: oid(got.oid)?,
            value: value(got.value)?,
        })
    };
    got.into_iter().map(binding).collect()
}

fn value(got: snmp::Value) -> Result<SnmpValue, SnmpError> {
    Ok(match got {
        snmp::Value::Integer(number) => SnmpValue::Integer(number),
        snmp::Value::Octets(bytes) => SnmpValue::Octets(bytes),
        snmp::Value::Null => SnmpValue::Null,
        snmp::Value::Oid(ids) => SnmpValue::Oid(oid(ids)?),
        snmp::Value::IpAddress((a, b, c, d)) => SnmpValue::IpAddress([a, b, c, d]),
        snmp::Value::Counter32(number) => SnmpValue::Counter32(number),
        snmp::Value::Gauge32(number) => SnmpValue::Gauge32(number),
        snmp::Value::TimeTicks(number) => SnmpValue::TimeTicks(number),
        snmp::Value::Opaque(bytes) => SnmpValue::Opaque(bytes),
        snmp::Value::Counter64(number) => SnmpValue::Counter64(number),
        snmp::Value::NoSuchObject => SnmpValue::NoSuchObject,
        snmp::Value::NoSuchInstance => SnmpValue::NoSuchInstance,
        snmp::Value::EndOfMibView => SnmpValue::EndOfMibView,
    })
}

fn given(value: &SnmpValue) -> snmp::Value {
    match value {
        SnmpValue::Integer(number) => snmp::Value::Integer(*number),
        SnmpValue::Octets(bytes) => snmp::Value::Octets(bytes.clone()),
        SnmpValue::Null => snmp::Value::Null,
        SnmpValue::Oid(oid) => snmp::Value::Oid(oid.as_slice().to_vec()),
        SnmpValue::IpAddress([a, b, c, d]) => snmp::Value::IpAddress((*a, *b, *c, *d)),
        SnmpValue::Counter32(number) => snmp::Value::Counter32(*number),
        SnmpValue::Gauge32(number) => snmp::Value::Gauge32(*number),
        SnmpValue::TimeTicks(number) => snmp::Value::TimeTicks(*number),
        SnmpValue::Opaque(bytes) => snmp::Value::Opaque(bytes.clone()),
        SnmpValue::Counter64(number) => snmp::Value::Counter64(*number),
        SnmpValue::NoSuchObject => snmp::Value::NoSuchObject,
        SnmpValue::NoSuchInstance => snmp::Value::NoSuchInstance,
        SnmpValue::EndOfMibView => snmp::Value::EndOfMibView,
    }
}

impl From<snmp::Error> for SnmpError {
    fn from(error: snmp::Error) -> Self {
        match error {
            snmp::Error::Io(error) => Self::Io(error.into()),
            snmp::Error::Auth(what) => Self::Auth(what),
            snmp::Error::Refused(snmp::Refusal { status, index }) => {
                Self::Refused { status, index }
            }
        }
    }
}
