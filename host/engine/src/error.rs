//! Why a sandbox or a plugin could not be had; each sentence says who is to blame and what to do.

use std::path::PathBuf;

use crate::limits;

/// The sandbox itself did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Wasmtime refused its settings.
    #[error("the sandbox cannot run on this machine: {0}")]
    Settings(String),
    /// No thread for the interrupting clock.
    #[error("the sandbox could not start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A component did not become a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than [`limits::COMPONENT`].
    #[error("the plugin has {0} bytes; {limit} are allowed", limit = limits::COMPONENT)]
    TooBig(usize),
    /// The compiler looked at it and said no.
    #[error("the plugin is unusable: {0}")]
    Refused(String),
    /// It imports what is not of the contract.
    #[error("the plugin asks for interfaces that no driver may have: {}", .0.join(", "))]
    Unknown(Vec<String>),
    /// It does not export what a driver exports, or imports a function this host does not have.
    #[error("the plugin does not fit this host's driver contract (ups:driver 0.1): {0}")]
    NotADriver(String),
    /// Its `describe` failed or told nonsense.
    #[error("the plugin cannot say what it is: {0}")]
    Describe(String),
    /// The compile helper cannot be used.
    #[error(
        "the compiler {program} cannot be used: {reason}; install it beside husk or name it in husk.toml ([plugins] compiler)"
    )]
    Compiler {
        /// The helper.
        program: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The compile helper broke down over this component.
    #[error("compiling the plugin failed: {0}; the plugin is suspect")]
    Compiling(String),
    /// Compiled code that this host cannot load.
    #[error(
        "the compiled plugin does not fit this host: {0}; husk and husk-compile must be of the same version"
    )]
    Code(String),
}
