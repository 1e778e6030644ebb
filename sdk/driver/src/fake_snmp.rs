//! An SNMP agent that lives in memory, for tests of drivers: it serves a recording (`.snmprec`), keeps what is written,
//! and fails where it is told to.
//!
//! Refuses to: behave. Writing an object that starts a test starts no test.

use crate::{
    IoError, Oid, Snmp, SnmpAgent, SnmpBackend, SnmpError, SnmpValue, SnmpVersion, Varbind, host,
};
use husk_wire::snmp::record::{self, BadLine, Objects};
use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::mem::discriminant;
use std::ops::Bound::{Excluded, Unbounded};
use std::rc::Rc;
use std::time::Duration;

/// What a silent agent costs: one try of NUT's default `snmp_timeout`.
const SILENCE: Duration = Duration::from_secs(1);
/// error-status wrongType (RFC 3416 §3).
const WRONG_TYPE: u32 = 7;
/// error-status notWritable.
const NOT_WRITABLE: u32 = 17;

/// An agent in memory. Clones are the same agent, so that a test can hold one and give the driver another.
#[derive(Clone)]
pub struct FakeSnmp(Rc<RefCell<State>>);

struct State {
    objects: Objects,
    agent: SnmpAgent,
    failure: Option<SnmpError>,
    /// Writes of these fail.
    refusals: BTreeMap<Oid, u32>,
    asked: Vec<Oid>,
    written: Vec<Varbind>,
    calls: usize,
}

impl std::fmt::Debug for FakeSnmp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeSnmp")
    }
}

impl FakeSnmp {
    /// An agent with the objects of a `.snmprec`, spoken to in version 2c, writable.
    ///
    /// # Errors
    /// The first line that names no object.
    pub fn new(recording: &[u8]) -> Result<Self, BadLine> {
        Ok(Self(Rc::new(RefCell::new(State {
            objects: record::parse(recording)?,
            agent: SnmpAgent {
                peer: "fake".to_owned(),
                version: SnmpVersion::V2c,
                read_only: false,
            },
            failure: None,
            refusals: BTreeMap::new(),
            asked: Vec::new(),
            written: Vec::new(),
            calls: 0,
        }))))
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// The same agent as a driver's port.
    #[must_use]
    pub fn port(&self) -> Snmp {
        Snmp::new(self.clone())
    }

    /// What the driver is told of the agent.
    pub fn identify(&self, agent: SnmpAgent) {
        self.state().agent = agent;
    }

    /// Gives an object a value, or takes it away.
    pub fn put(&self, oid: &Oid, value: Option<SnmpValue>) {
        let mut state = self.state();
        match value {
            Some(value) => state.objects.insert(oid.clone(), value),
            None => state.objects.remove(oid),
        };
    }

    /// What an object holds now.
    #[must_use]
    pub fn value(&self, oid: &Oid) -> Option<SnmpValue> {
        self.state().objects.get(oid).cloned()
    }

    /// Makes every request fail; `None` heals it. A time-out costs a second of the driver's clock.
    pub fn fail(&self, error: Option<SnmpError>) {
        self.state().failure = error;
    }

    /// Makes writes of an object fail with an error-status; 0 heals it.
    pub fn refuse(&self, oid: &Oid, status: u32) {
        let mut state = self.state();
        match status {
            0 => state.refusals.remove(oid),
            status => state.refusals.insert(oid.clone(), status),
        };
    }

    /// The objects asked for since the last call, in order; of a walk its root.
    #[must_use]
    pub fn take_asked(&self) -> Vec<Oid> {
        std::mem::take(&mut self.state().asked)
    }

    /// What was written since the last call, in order.
    #[must_use]
    pub fn take_written(&self) -> Vec<Varbind> {
        std::mem::take(&mut self.state().written)
    }

    /// Calls of the driver since the last time this was asked: each is at least one packet.
    #[must_use]
    pub fn take_calls(&self) -> usize {
        std::mem::take(&mut self.state().calls)
    }
}

impl State {
    fn begin(&mut self) -> Result<(), SnmpError> {
        self.calls += 1;
        let Some(failure) = self.failure.clone() else {
            return Ok(());
        };
        if failure == SnmpError::Io(IoError::Timeout) {
            host::native::advance(SILENCE);
        }
        Err(failure)
    }

    fn value(&self, oid: &Oid) -> SnmpValue {
        if let Some(value) = self.objects.get(oid) {
            return value.clone();
        }
        // The same column has other rows: the object exists.
        let column = match oid.as_slice().split_last() {
            Some((_, column)) => Oid::new(column.to_vec()).unwrap_or_default(),
            None => return SnmpValue::NoSuchObject,
        };
        match self.following(&column) {
            Some((other, _)) if other.starts_with(&column) => SnmpValue::NoSuchInstance,
            _ => SnmpValue::NoSuchObject,
        }
    }

    fn following(&self, oid: &Oid) -> Option<(&Oid, &SnmpValue)> {
        self.objects.range((Excluded(oid), Unbounded)).next()
    }

    fn may_write(&self, binding: &Varbind) -> Result<(), u32> {
        if let Some(status) = self.refusals.get(&binding.oid) {
            return Err(*status);
        }
        let Some(before) = self.objects.get(&binding.oid) else {
            return Err(NOT_WRITABLE);
        };
        match discriminant(before) == discriminant(&binding.value) {
            true => Ok(()),
            false => Err(WRONG_TYPE),
        }
    }
}

impl SnmpBackend for FakeSnmp {
    fn agent(&mut self) -> SnmpAgent {
        self.state().agent.clone()
    }

    fn get(&mut self, oids: &[Oid]) -> Result<Vec<SnmpValue>, SnmpError> {
        let mut state = self.state();
        state.asked.extend_from_slice(oids);
        state.begin()?;
        Ok(oids.iter().map(|oid| state.value(oid)).collect())
    }

    fn next(&mut self, oids: &[Oid]) -> Result<Vec<Varbind>, SnmpError> {
        let mut state = self.state();
        state.asked.extend_from_slice(oids);
        state.begin()?;
        let following = |oid: &Oid| match state.following(oid) {
            Some((oid, value)) => Varbind {
                oid: oid.clone(),
                value: value.clone(),
            },
            None => Varbind {
                oid: oid.clone(),
                value: SnmpValue::EndOfMibView,
            },
        };
        Ok(oids.iter().map(following).collect())
    }

    fn walk(&mut self, root: &Oid, max: u32) -> Result<Vec<Varbind>, SnmpError> {
        let mut state = self.state();
        state.asked.push(root.clone());
        state.begin()?;
        let below = state.objects.range((Excluded(root), Unbounded));
        let found: Vec<Varbind> = below
            .take_while(|(oid, _)| oid.starts_with(root))
            .map(|(oid, value)| Varbind {
                oid: oid.clone(),
                value: value.clone(),
            })
            .collect();
        match u32::try_from(found.len()) {
            Ok(count) if count <= max => Ok(found),
            _ => Err(SnmpError::Io(IoError::TooLong)),
        }
    }

    fn set(&mut self, bindings: &[Varbind]) -> Result<(), SnmpError> {
        let mut state = self.state();
        state.begin()?;
        if state.agent.read_only {
            return Err(SnmpError::Io(IoError::Denied));
        }
        for (index, binding) in (1..).zip(bindings) {
            let refused = |status| SnmpError::Refused { status, index };
            state.may_write(binding).map_err(refused)?;
        }
        for Varbind { oid, value } in bindings {
            state.objects.insert(oid.clone(), value.clone());
        }
        state.written.extend_from_slice(bindings);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RECORDING: &[u8] =
        b"1.3.6.1.2.1.1.1.0|4|a UPS\n1.3.6.1.2.1.33.1.2.1.0|2|2\n1.3.6.1.2.1.33.1.2.2.0|2|0\n";

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    #[test]
    fn it_serves_the_recording_and_keeps_what_is_written() {
        let fake = FakeSnmp::new(RECORDING).unwrap();
        let mut port = fake.port();
        let asked = [
            oid("1.3.6.1.2.1.1.1.0"),
            oid("1.3.6.1.2.1.1.1.1"),
            oid("1.3.6.1.4.1.1.0"),
        ];
        let values = port.get(&asked).unwrap();
        assert_eq!(
            values,
            [
                SnmpValue::Octets(b"a UPS".to_vec()),
                SnmpValue::NoSuchInstance,
                SnmpValue::NoSuchObject
            ]
        );
        assert_eq!(fake.take_asked(), asked);
        let status = oid("1.3.6.1.2.1.33.1.2.1.0");
        let write = |value| {
            [Varbind {
                oid: status.clone(),
                value,
            }]
        };
        port.set(&write(SnmpValue::Integer(3))).unwrap();
        assert_eq!(fake.value(&status), Some(SnmpValue::Integer(3)));
        assert_eq!(fake.take_written(), write(SnmpValue::Integer(3)));
        let refused = port.set(&write(SnmpValue::Null));
        assert_eq!(
            refused,
            Err(SnmpError::Refused {
                status: 7,
                index: 1
            })
        );
        let walked = port.walk(&oid("1.3.6.1.2.1.33"), 2).unwrap();
        assert_eq!(walked.len(), 2);
        let too_many = port.walk(&oid("1.3.6.1.2.1.33"), 1);
        assert_eq!(too_many, Err(SnmpError::Io(IoError::TooLong)));
        let last = port.next(&[oid("1.3.6.1.2.1.33.1.2.2.0")]).unwrap();
        assert_eq!(
            last.first().map(|last| last.value.clone()),
            Some(SnmpValue::EndOfMibView)
        );
        assert_eq!(fake.take_calls(), 6);
    }

    #[test]
    fn it_fails_where_it_is_told_to() {
        let fake = FakeSnmp::new(RECORDING).unwrap();
        let mut port = fake.port();
        fake.fail(Some(SnmpError::Io(IoError::Timeout)));
        assert_eq!(
            port.get(&[oid("1.3")]),
            Err(SnmpError::Io(IoError::Timeout))
        );
        fake.fail(None);
        assert!(port.get(&[oid("1.3")]).is_ok());
        let status = oid("1.3.6.1.2.1.33.1.2.1.0");
        fake.refuse(&status, 4);
        let write = [Varbind {
            oid: status,
            value: SnmpValue::Integer(1),
        }];
        let refused = port.set(&write);
        assert_eq!(
            refused,
            Err(SnmpError::Refused {
                status: 4,
                index: 1
            })
        );
        assert_eq!(fake.take_written(), []);
    }
}
