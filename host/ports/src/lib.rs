//! Real devices: everything of the host that holds a descriptor on behalf of a driver.
//!
//! A [`Port`] is one opened path to one device. The host opens it from the configuration and lends it to
//! a driver instance as a trait object, so that what lies behind it can be a tty, a recording, a replay
//! or a line with injected faults, and nobody above can tell.
//!
//! What this crate refuses to do: it never chooses a path, never retries, never interprets bytes of a
//! device protocol, and never waits without a [`Deadline`]. It is the only crate with hand-written
//! `unsafe`, all of it in `trusted.rs`.

mod error;
mod fd;
mod intake;
mod line;
mod lookup;
mod port;
#[cfg(test)]
mod testing;
mod trusted;

pub mod faults;
pub mod files;
pub mod limits;
pub mod native;
pub mod present;
pub mod record;
pub mod replay;
pub mod serial;
pub mod snmp;
pub mod stream;
pub mod usb;

pub use error::{IoError, OpenError};
pub use line::{Direction, Flow, InLines, LineSettings, LineState, OutLines, Parity, StopBits};
pub use port::{Connection, Deadline, Directory, Fut, Port, SerialPort};
