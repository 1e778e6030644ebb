//! SNMP: objects and values (RFC 2578, RFC 3416 §2.5), the messages they travel in, and the text form of an agent's
//! objects that tests serve.
//!
//! Refuses to: know any MIB. An object is its numbers, and a value means what the driver's table says.

pub mod ber;
pub mod message;
mod oid;
pub mod record;

pub use oid::{BadOid, Oid};

/// The value of an object, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SnmpValue {
    /// INTEGER, Integer32.
    Integer(i32),
    /// OCTET STRING: text, or anything else.
    Octets(Vec<u8>),
    /// NULL.
    Null,
    /// OBJECT IDENTIFIER.
    Oid(Oid),
    /// IpAddress.
    IpAddress([u8; 4]),
    /// Counter32.
    Counter32(u32),
    /// Gauge32, Unsigned32.
    Gauge32(u32),
    /// TimeTicks, in hundredths of a second.
    TimeTicks(u32),
    /// Opaque: an encoded value of some other kind.
    Opaque(Vec<u8>),
    /// Counter64.
    Counter64(u64),
    /// The agent has no such object; in version 1 also: no such row.
    NoSuchObject,
    /// The agent has the object, but not this row of it.
    NoSuchInstance,
    /// Nothing follows.
    EndOfMibView,
}

impl SnmpValue {
    /// Whether the agent has the object.
    #[must_use]
    pub const fn exists(&self) -> bool {
        !matches!(
            self,
            Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView
        )
    }
}

/// An object and its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Varbind {
    /// Which object.
    pub oid: Oid,
    /// What it holds, or is to hold.
    pub value: SnmpValue,
}

/// Which SNMP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnmpVersion {
    /// RFC 1157.
    V1,
    /// RFC 1901: version 2 with a community.
    V2c,
    /// RFC 3411 to 3418.
    V3,
}

/// The name of an error-status (RFC 3416 §3).
#[must_use]
pub fn status_name(status: u32) -> &'static str {
    const NAMES: [&str; 19] = [
        "noError",
        "tooBig",
        "noSuchName",
        "badValue",
        "readOnly",
        "genErr",
        "noAccess",
        "wrongType",
        "wrongLength",
        "wrongEncoding",
        "wrongValue",
        "noCreation",
        "inconsistentValue",
        "resourceUnavailable",
        "commitFailed",
        "undoFailed",
        "authorizationError",
        "notWritable",
        "inconsistentName",
    ];
    usize::try_from(status)
        .ok()
        .and_then(|status| NAMES.get(status).copied())
        .unwrap_or("an unknown error")
}
