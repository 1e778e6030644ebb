//! What every daemon of Husk does with its own process: change user, go into the background, write a PID file, talk to
//! systemd and to syslog.
//!
//! Nothing here knows what the daemon is for.

pub mod background;
pub mod notify;
pub mod privilege;
pub mod syslog;

pub use notify::{Phase, notify};
