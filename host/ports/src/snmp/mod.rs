//! One SNMP agent: packets, retries, versions and keys, so that a driver only names objects.
//!
//! The agent is the one the section names. What is written must be below the subtrees that were granted. Keys and communities
//! stay here. Requests are asynchronous and cost no thread; between two calls a UDP agent costs no descriptor either.
//! Refuses to: know any MIB, listen for traps, or take an answer that is not to its last question.
//! Standards: RFC 1157, RFC 3416, RFC 3412, RFC 3414.

mod agent;
mod batch;
pub mod config;
pub mod crypto;
mod link;
#[cfg(test)]
mod tests;
mod usm;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use husk_wire::snmp::{BadOid, Oid, SnmpValue, SnmpVersion, Varbind, status_name};

use crate::{IoError, limits};
use config::Config;

/// The future of one call.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, SnmpError>> + Send + 'a>>;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnmpError {
    /// Silence, or what was not granted.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The agent does not let this user in, or its answers do not fit the user's keys.
    #[error("{0}")]
    Auth(String),
    /// The agent refused.
    #[error("the agent answers {} ({status}) to object {index} of the request", status_name(*.status))]
    Refused {
        /// error-status.
        status: u32,
        /// The object it is about, from 1; 0: the whole request.
        index: u32,
    },
}

/// Who the agent is, as far as a driver may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// As the configuration names it.
    pub peer: String,
    /// Which SNMP is spoken.
    pub version: SnmpVersion,
    /// Every write is refused.
    pub read_only: bool,
}

/// One agent, as it is lent to a driver. Each call ends within `within`.
pub trait SnmpPort: Send + Sync {
    /// Who it is.
    fn identity(&self) -> &Identity;

    /// One value per object, in the order asked; absent ones are so for themselves alone.
    fn get<'a>(&'a self, oids: &'a [Oid], within: Duration) -> Asking<'a, Vec<SnmpValue>>;

    /// The object that follows each.
    fn next<'a>(&'a self, oids: &'a [Oid], within: Duration) -> Asking<'a, Vec<Varbind>>;

    /// Every object below `root`, in order; more than `max` is `TooLong`.
    fn walk<'a>(&'a self, root: &'a Oid, max: u32, within: Duration) -> Asking<'a, Vec<Varbind>>;

    /// Writes all, or nothing; `Denied` outside of what was granted.
    fn set<'a>(&'a self, bindings: &'a [Varbind], within: Duration) -> Asking<'a, ()>;
}

/// Takes up an agent. Nothing is asked yet: only a driver knows what to ask. A name that cannot be looked up now may be later,
/// so it is looked up with the first request.
#[must_use]
pub fn open(config: Config) -> Arc<dyn SnmpPort> {
    Arc::new(agent::Agent::new(config))
}

/// Bytes of a value that has no bound of its own.
fn size(value: &SnmpValue) -> usize {
    match value {
        SnmpValue::Octets(bytes) | SnmpValue::Opaque(bytes) => bytes.len(),
        _ => 0,
    }
}

/// The limits that hold whatever lies behind a [`SnmpPort`].
fn check_count(count: usize) -> Result<(), SnmpError> {
    match count <= limits::SNMP_OBJECTS {
        true => Ok(()),
        false => Err(SnmpError::Io(IoError::TooLong)),
    }
}
