//! Device supervisor and NUT server in one process.
//!
//! [`serve()`] reads the configuration directory, starts one supervisor per UPS and answers NUT clients over
//! TCP and TLS. The path of a reading: plugin → [`husk_core::state`] → one published snapshot → sessions.
//!
//! What this crate refuses to do: it parses no bytes of devices (plugins do) and none of clients
//! (`husk_core::proto` does), never waits without a deadline, never queues without a bound ([`limits`]), and
//! never lets one broken plugin, device, client or section touch another.
//! Standard: RFC 9271 and the behaviour of NUT 2.8's upsd.

mod backoff;
pub mod check;
pub mod config;
pub mod control;
mod device;
mod doors;
mod driver;
pub mod driver_process;
mod fleet;
mod gate;
pub mod limits;
mod listener;
mod loader;
mod network;
pub mod passwords;
pub mod plugins;
mod published;
mod registry;
mod remote;
pub mod scan;
mod serve;
mod tls;

pub use husk_engine::{Bundled, Evidence, Hardware, Support};
pub use listener::{Family, ListenError};
pub use published::VERSION;
pub use serve::{OnReady, Options, ServeError, Server, Signals, serve};
pub use tls::TlsError;
