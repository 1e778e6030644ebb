//! One SNMP agent, named by the configuration. There is no way to reach another.
//!
//! In the sandbox every method is one call into the host, which holds the community, the keys and the packets: it asks
//! for as many objects at once as the agent takes, tries again as the section says, and refuses to write outside of
//! what was granted. Natively an agent is whatever implements [`SnmpBackend`]; `husk_driver::FakeSnmp` serves a recording.
//!
//! Refuses to: interpret values. The terms are those of RFC 3416.

use crate::{Error, IoError};
use std::fmt;

pub use husk_wire::snmp::{Oid, SnmpValue, SnmpVersion, Varbind, status_name};

/// Who the agent is, as far as the host says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnmpAgent {
    /// As the configuration names it, for logs.
    pub peer: String,
    /// Which SNMP is spoken with it.
    pub version: SnmpVersion,
    /// The operator refuses every write: variables are not writable and there are no commands.
    pub read_only: bool,
}

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnmpError {
    /// [`IoError::Timeout`] for silence, [`IoError::Denied`] for a write that was not granted,
    /// [`IoError::TooLong`] for a subtree above the limit.
    Io(IoError),
    /// Wrong community, unknown user, wrong digest.
    Auth(String),
    /// The agent refused.
    Refused {
        /// error-status; [`status_name`] names it.
        status: u32,
        /// The object it is about, from 1; 0: the whole request.
        index: u32,
    },
}

impl fmt::Display for SnmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Auth(what) => f.write_str(what),
            Self::Refused { status, index: 0 } => {
                write!(f, "the agent answers {} ({status})", status_name(*status))
            }
            Self::Refused { status, index } => write!(
                f,
                "the agent answers {} ({status}) to object {index} of the request",
                status_name(*status)
            ),
        }
    }
}

impl std::error::Error for SnmpError {}

impl From<IoError> for SnmpError {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

/// How a failed request ends a call, unless the driver knows better.
impl From<SnmpError> for Error {
    fn from(error: SnmpError) -> Self {
        /// badValue, wrongType, wrongLength, wrongEncoding, wrongValue, inconsistentValue.
        const VALUE: [u32; 6] = [3, 7, 8, 9, 10, 12];
        match error {
            SnmpError::Io(error) => error.into(),
            SnmpError::Refused { status, .. } if VALUE.contains(&status) => {
                Self::InvalidArgument(error.to_string())
            }
            error => Self::Failed(error.to_string()),
        }
    }
}

/// What an agent is made of. Drivers use [`Snmp`]; tests implement this.
#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the SnmpError its agent met"
)]
pub trait SnmpBackend {
    /// Who it is.
    fn agent(&mut self) -> SnmpAgent;

    /// One value per object, in the order asked.
    fn get(&mut self, oids: &[Oid]) -> Result<Vec<SnmpValue>, SnmpError>;

    /// The object that follows each.
    fn next(&mut self, oids: &[Oid]) -> Result<Vec<Varbind>, SnmpError>;

    /// Every object below `root`, in order.
    fn walk(&mut self, root: &Oid, max: u32) -> Result<Vec<Varbind>, SnmpError>;

    /// Writes all, or nothing.
    fn set(&mut self, bindings: &[Varbind]) -> Result<(), SnmpError>;
}

#[cfg(target_arch = "wasm32")]
type Backend = crate::guest::Agent;
#[cfg(not(target_arch = "wasm32"))]
type Backend = Box<dyn SnmpBackend>;

/// One SNMP agent.
pub struct Snmp(Backend);

impl fmt::Debug for Snmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snmp")
    }
}

#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the SnmpError the agent met"
)]
impl Snmp {
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn new(agent: Backend) -> Self {
        Self(agent)
    }

    /// An agent made of anything; for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(agent: impl SnmpBackend + 'static) -> Self {
        Self(Box::new(agent))
    }

    /// Who the agent is; nothing is asked for that.
    pub fn agent(&mut self) -> SnmpAgent {
        self.0.agent()
    }

    /// One value per object, in the order asked; what the agent does not have is [`SnmpValue::NoSuchObject`] or
    /// [`SnmpValue::NoSuchInstance`] for itself alone. Ask for much at once: the host makes few packets of it.
    pub fn get(&mut self, oids: &[Oid]) -> Result<Vec<SnmpValue>, SnmpError> {
        self.0.get(oids)
    }

    /// The object that follows each; [`SnmpValue::EndOfMibView`] where none does.
    pub fn next(&mut self, oids: &[Oid]) -> Result<Vec<Varbind>, SnmpError> {
        self.0.next(oids)
    }

    /// Every object below `root`, in order; none is an empty list. More than `max` is [`IoError::TooLong`].
    pub fn walk(&mut self, root: &Oid, max: u32) -> Result<Vec<Varbind>, SnmpError> {
        self.0.walk(root, max)
    }

    /// Writes all, or nothing, in one request.
    pub fn set(&mut self, bindings: &[Varbind]) -> Result<(), SnmpError> {
        self.0.set(bindings)
    }
}
