//! Codecs of device protocols: bytes in, values or a reason out.
//!
//! Used inside the sandbox by drivers, and by the host for the trace format and NUT's words. There is no I/O, no clock and
//! no third-party code here, and nothing in this crate panics on any input: what comes off a line is hostile
//! until parsed.

pub mod hid;
pub mod line;
pub mod shut;
pub mod snmp;
pub mod trace;
pub mod words;
