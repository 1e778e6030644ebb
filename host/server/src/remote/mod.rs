//! Devices behind somebody else's driver: its socket ([`link`]) and, where the host starts it, its process
//! ([`program`]).
//!
//! What a driver says is read by [`husk_core::proto::driver`]; here are only the descriptors. Refuses to wait for
//! a driver: it is a peer like any client, and a line it does not take in time ends the connection.
//! Source of the facts: NUT 2.8's upsd and drivers, observed.

pub(crate) mod link;
pub(crate) mod program;
