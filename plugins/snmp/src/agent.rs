//! Reading an agent: much at once, and one object that spoils a request costs itself alone.
//!
//! Refuses to interpret values, and to go on when the agent is silent.

use husk_driver::host::Level;
use husk_driver::{Error, Oid, Snmp, SnmpError, SnmpValue, SnmpVersion, Varbind, log};
use std::collections::BTreeMap;

/// Refused requests in one call: each halves the objects it may be about, so that eight bad ones among 300 are found.
const REFUSALS_MAX: u32 = 128;

/// Names remembered; the standard MIB has five tests.
const NAMES_MAX: usize = 64;

/// What objects hold.
pub(crate) type Values = BTreeMap<Oid, SnmpValue>;

/// One agent.
pub(crate) struct Agent {
    port: Snmp,
    /// OIDs that others hold and behind which there is nothing: names of things (RFC 1628 upsTestId).
    names: Vec<Oid>,
    /// Version 1 refuses a whole packet for one object that is not there.
    strict: bool,
    /// The operator refuses every write.
    pub(crate) read_only: bool,
}

impl Agent {
    /// An agent behind a port.
    pub(crate) fn new(mut port: Snmp) -> Self {
        let agent = port.agent();
        Self {
            port,
            names: Vec::new(),
            strict: agent.version == SnmpVersion::V1,
            read_only: agent.read_only,
        }
    }

    /// What the objects hold; those that the agent does not have, or has nothing in, are left out. Objects that hold the
    /// OID of another object hold what that one does, or else its last number.
    ///
    /// # Errors
    /// Silence, a wrong key, a lost port.
    pub(crate) fn read(&mut self, oids: Vec<Oid>) -> Result<Values, Error> {
        let values = self.plain(oids)?;
        self.follow(values)
    }

    /// Replaces the OIDs of other objects by what those hold.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn follow(&mut self, mut values: Values) -> Result<Values, Error> {
        let pointed = |value: &SnmpValue| match value {
            SnmpValue::Oid(oid) => Some(oid.clone()),
            _ => None,
        };
        let mut others: Vec<Oid> = values.values().filter_map(pointed).collect();
        others.retain(|oid| !self.names.contains(oid));
        let there = self.plain(others.clone())?;
        others.retain(|oid| !there.contains_key(oid));
        if self.names.len() < NAMES_MAX {
            self.names.append(&mut others);
        }
        for value in values.values_mut() {
            if let Some(oid) = pointed(value) {
                let leaf = oid.as_slice().last().copied().unwrap_or(0);
                let found = there.get(&oid).filter(|value| pointed(value).is_none());
                *value = found.cloned().unwrap_or(SnmpValue::Gauge32(leaf));
            }
        }
        Ok(values)
    }

    /// As [`plain`](Self::plain), for many objects of which most may not be there: agents of version 1 are asked for what
    /// follows the place before each, which costs no packet for every object that is missing.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn look(&mut self, oids: Vec<Oid>) -> Result<Values, Error> {
        if !self.strict {
            return self.plain(oids);
        }
        let before: Vec<Oid> = oids.iter().map(place_before).collect();
        let found = match self.port.next(&before) {
            Err(SnmpError::Refused { .. }) => return self.plain(oids),
            found => found?,
        };
        let mut values = Values::new();
        for (oid, row) in oids.into_iter().zip(found) {
            if row.oid == oid && holds(&row.value) {
                values.insert(oid, row.value);
            }
        }
        Ok(values)
    }

    /// As [`read`](Self::read), with OIDs as they are.
    pub(crate) fn plain(&mut self, oids: Vec<Oid>) -> Result<Values, Error> {
        let mut oids = oids;
        oids.sort_unstable();
        oids.dedup();
        let mut values = Values::new();
        let mut refusals = 0;
        let mut parts = vec![oids];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self.port.get(&part) {
                Ok(found) => {
                    let there =
                        |(_, value): &(Oid, SnmpValue)| value.exists() && *value != SnmpValue::Null;
                    values.extend(part.into_iter().zip(found).filter(there));
                }
                Err(SnmpError::Refused { .. }) if part.len() > 1 && refusals < REFUSALS_MAX => {
                    refusals += 1;
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
                Err(error @ SnmpError::Refused { .. }) => {
                    log!(
                        Level::Debug,
                        "{} objects cannot be read: {error}",
                        part.len()
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(values)
    }

    /// Every value below `column`, at most `max`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn column(&mut self, column: &Oid, max: u32) -> Result<Vec<SnmpValue>, Error> {
        let rows = self.port.walk(column, max)?;
        Ok(rows.into_iter().map(|row| row.value).collect())
    }

    /// Writes all, or nothing.
    ///
    /// # Errors
    /// What the agent or the host refuses.
    pub(crate) fn write(&mut self, bindings: &[Varbind]) -> Result<(), Error> {
        if self.read_only {
            return Err(Error::Failed("the section allows no writes".into()));
        }
        Ok(self.port.set(bindings)?)
    }
}

/// Whether there is an object and something in it.
fn holds(value: &SnmpValue) -> bool {
    value.exists() && *value != SnmpValue::Null
}

/// The greatest OID that an object follows: of `.4.2` it is `.4.1`, of `.4.0` it is `.4`.
fn place_before(oid: &Oid) -> Oid {
    let mut ids = oid.as_slice().to_vec();
    if let Some(last @ 1..) = ids.pop() {
        ids.push(last - 1);
    }
    Oid::new(ids).unwrap_or_default()
}
