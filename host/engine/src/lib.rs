//! The sandbox: everything between a `.wasm` file and a driver that answers polls.
//!
//! A component is compiled by `husk-compile` in a child process, its import list is checked (it is the list of its
//! powers), it is asked what it is, and then opened on a port under a [`Grant`]. Whatever a guest does wrong (trap,
//! endless loop, endless waiting, memory, floods, nonsense) ends that one [`Instance`] with
//! [`husk_core::report::Failure::Crashed`] and a reason; nothing else notices.
//!
//! What this crate refuses to do: it links no WASI, opens no device, keeps no state between instances, never calls an
//! instance again after a crash, and never compiles in the daemon's process. It is the only crate that names Wasmtime.
//! The contract is `wit/v0.1`; the bounds are in [`limits`].

mod about;
mod bindings;
mod cache;
mod compiler;
mod config;
mod convert;
mod crash;
mod description;
mod error;
mod guest_log;
mod hardware;
mod host;
mod imports;
mod instance;
pub mod limits;
mod meter;
mod plugin;
mod sandbox;
mod text;
mod ticker;

pub use about::About;
pub use compiler::{Compiler, REFUSED};
pub use config::config;
pub use description::{Description, Parameter};
pub use error::{EngineError, LoadError};
pub use guest_log::LogSink;
pub use hardware::{Evidence, Hardware, Support};
pub use host::Transport;
pub use imports::{Grant, Refused, unknown};
pub use instance::Instance;
pub use log::Level;
pub use plugin::Plugin;
pub use sandbox::{Bundled, Sandbox};
