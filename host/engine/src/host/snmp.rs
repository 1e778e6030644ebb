//! The one granted SNMP agent. How it is reached, and what may be written, is judged by `husk-ports`.

use std::time::Duration;

use husk_ports::snmp::{Oid, SnmpError, SnmpValue, SnmpVersion, Varbind as PortVarbind};
use wasmtime::component::Resource;

use super::State;
use super::handles::AgentHandle;
use crate::bindings::ups::driver::snmp::{
    Error, Host, HostAgent, Identity, Refusal, Value, Varbind, Version,
};
use crate::bindings::ups::driver::types::IoError;
use crate::limits;
use crate::text::clean;

type Handle = Resource<AgentHandle>;
/// The outer error traps, the inner one is the guest's to handle.
type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for State {}

impl HostAgent for State {
    fn identity(&mut self, agent: Handle) -> wasmtime::Result<Identity> {
        let agent = self.agent(&agent)?;
        let identity = agent.identity();
        Ok(Identity {
            peer: identity.peer.clone(),
            version: match identity.version {
                SnmpVersion::V1 => Version::V1,
                SnmpVersion::V2c => Version::V2c,
                SnmpVersion::V3 => Version::V3,
            },
            read_only: identity.read_only,
        })
    }

    async fn get(&mut self, agent: Handle, oids: Vec<Vec<u32>>) -> Answer<Vec<Value>> {
        let agent = self.agent(&agent)?;
        let Some(oids) = names(oids) else {
            return Ok(Err(Error::Io(IoError::TooLong)));
        };
        let within = self.within();
        let values = self.wait(agent.get(&oids, within)).await;
        Ok(values
            .map(|values| values.into_iter().map(value).collect())
            .map_err(error))
    }

    async fn next(&mut self, agent: Handle, oids: Vec<Vec<u32>>) -> Answer<Vec<Varbind>> {
        let agent = self.agent(&agent)?;
        let Some(oids) = names(oids) else {
            return Ok(Err(Error::Io(IoError::TooLong)));
        };
        let within = self.within();
        let found = self.wait(agent.next(&oids, within)).await;
        Ok(found.map(bindings).map_err(error))
    }

    async fn walk(&mut self, agent: Handle, root: Vec<u32>, max: u32) -> Answer<Vec<Varbind>> {
        let agent = self.agent(&agent)?;
        let Ok(root) = Oid::new(root) else {
            return Ok(Err(Error::Io(IoError::TooLong)));
        };
        let within = self.within();
        let found = self.wait(agent.walk(&root, max, within)).await;
        Ok(found.map(bindings).map_err(error))
    }

    async fn set(&mut self, agent: Handle, given: Vec<Varbind>) -> Answer<()> {
        let agent = self.agent(&agent)?;
        let given: Option<Vec<PortVarbind>> = given.into_iter().map(binding).collect();
        let Some(given) = given else {
            return Ok(Err(Error::Io(IoError::TooLong)));
        };
        let within = self.within();
        let written = self.wait(agent.set(&given, within)).await;
        Ok(written.map_err(error))
    }

    async fn drop(&mut self, agent: Handle) -> wasmtime::Result<()> {
        self.table.delete(agent)?;
        Ok(())
    }
}

impl State {
    /// A driver does not say how long it waits for an agent: the section does, within what the call has left.
    fn within(&self) -> Duration {
        self.meter.wait_at_most(limits::WAIT)
    }
}

fn names(oids: Vec<Vec<u32>>) -> Option<Vec<Oid>> {
    oids.into_iter().map(|ids| Oid::new(ids).ok()).collect()
}

fn bindings(found: Vec<PortVarbind>) -> Vec<Varbind> {
    let binding = |found: PortVarbind| Varbind {
        oid: found.oid.as_slice().to_vec(),
        value: value(found.value),
    };
    found.into_iter().map(binding).collect()
}

fn binding(given: Varbind) -> Option<PortVarbind> {
    let value = match given.value {
        Value::Integer(number) => SnmpValue::Integer(number),
        Value::Octets(bytes) => SnmpValue::Octets(bytes),
        Value::Null => SnmpValue::Null,
        Value::Oid(ids) => SnmpValue::Oid(Oid::new(ids).ok()?),
        Value::IpAddress((a, b, c, d)) => SnmpValue::IpAddress([a, b, c, d]),
        Value::Counter32(number) => SnmpValue::Counter32(number),
        Value::Gauge32(number) => SnmpValue::Gauge32(number),
        Value::TimeTicks(number) => SnmpValue::TimeTicks(number),
        Value::Opaque(bytes) => SnmpValue::Opaque(bytes),
        Value::Counter64(number) => SnmpValue::Counter64(number),
        Value::NoSuchObject => SnmpValue::NoSuchObject,
        Value::NoSuchInstance => SnmpValue::NoSuchInstance,
        Value::EndOfMibView => SnmpValue::EndOfMibView,
    };
    Some(PortVarbind {
        oid: Oid::new(given.oid).ok()?,
        value,
    })
}

fn value(found: SnmpValue) -> Value {
    match found {
        SnmpValue::Integer(number) => Value::Integer(number),
        SnmpValue::Octets(bytes) => Value::Octets(bytes),
        SnmpValue::Null => Value::Null,
        SnmpValue::Oid(oid) => Value::Oid(oid.as_slice().to_vec()),
        SnmpValue::IpAddress([a, b, c, d]) => Value::IpAddress((a, b, c, d)),
        SnmpValue::Counter32(number) => Value::Counter32(number),
        SnmpValue::Gauge32(number) => Value::Gauge32(number),
        SnmpValue::TimeTicks(number) => Value::TimeTicks(number),
        SnmpValue::Opaque(bytes) => Value::Opaque(bytes),
        SnmpValue::Counter64(number) => Value::Counter64(number),
        SnmpValue::NoSuchObject => Value::NoSuchObject,
        SnmpValue::NoSuchInstance => Value::NoSuchInstance,
        SnmpValue::EndOfMibView => Value::EndOfMibView,
    }
}

fn error(error: SnmpError) -> Error {
    match error {
        SnmpError::Io(error) => Error::Io(error.into()),
        SnmpError::Auth(text) => Error::Auth(clean(&text, limits::ERROR_TEXT)),
        SnmpError::Refused { status, index } => Error::Refused(Refusal { status, index }),
    }
}
