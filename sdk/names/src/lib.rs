//! Every NUT variable, instant command and status word, with unit and a description of its own.
//!
//! Host and guests share these tables. A name written as a constant (`var::UPS_LOAD`) cannot be misspelt; a name
//! that arrives as text is looked up with [`variable`], [`command`] or [`status`], and [`nearest`] says what may
//! have been meant. It refuses to judge: names nobody has listed are legal, because new devices speak tomorrow's words.
//!
//! Standard: RFC 9271 and NUT's `docs/nut-names.txt`, which it calls the document of record. The names are theirs,
//! the sentences are not.

mod cmdvartab;
mod commands;
mod info;
mod lookup;
mod status;

mod ambient;
mod battery;
mod device;
mod driver;
mod input;
mod outlet;
mod output;
mod ups;

pub use cmdvartab::cmdvartab;
pub use commands::COMMANDS;
pub use info::{Cmd, CmdInfo, StatusInfo, Unit, Var, VarInfo, Word};
pub use lookup::{VARIABLES, command, nearest, status, variable};
pub use status::STATUS;

/// The variables with a fixed name, as constants; the indexed ones as functions.
pub mod var {
    pub use crate::ambient::*;
    pub use crate::battery::*;
    pub use crate::device::*;
    pub use crate::driver::*;
    pub use crate::input::*;
    pub use crate::outlet::*;
    pub use crate::output::*;
    pub use crate::ups::*;
}

/// The instant commands with a fixed name, as constants; those of an outlet as functions.
pub mod cmd {
    pub use crate::commands::name::*;
}

/// The words of `ups.status`, as constants.
pub mod word {
    pub use crate::status::name::*;
}
