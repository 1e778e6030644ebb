//! upsmon and upssched at run time: links to servers, notifications, shutdown actions, privilege split.
//!
//! Nothing is decided here; `husk_core::monitor` decides. A process of root [`parent::run`]s the [`Duties`], its child
//! [`run()`]s everything else without rights.

mod addresses;
mod connection;
pub mod control;
mod duties;
pub mod flag;
mod inputs;
pub mod limits;
mod link;
pub mod notify;
pub mod parent;
mod program;
mod run;
pub mod security;
pub mod sleep;
mod superior;
pub mod upssched;

pub use addresses::Family;
pub use duties::Duties;
pub use run::{Options, run};
