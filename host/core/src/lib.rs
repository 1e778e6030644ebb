//! The pure part of Husk: what a device's reports mean ([`state`]), what NUT's configuration files say ([`conf`]),
//! how NUT's network protocol is spoken ([`proto`]), and when this machine has to go down ([`monitor`]).
//!
//! Bytes and `now` go in, values and actions come out. Nothing here opens a file or a socket, looks at a clock or
//! waits; `now` is always a [`std::time::Duration`] since an arbitrary start. Bytes from devices never get here, they are
//! parsed in the sandbox; bytes from clients are parsed nowhere else. Standard: RFC 9271, and NUT 2.8 where it is silent.

pub mod conf;
pub mod monitor;
pub mod proto;
pub mod report;
pub mod scan;
pub mod sched;
pub mod state;

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod random;
