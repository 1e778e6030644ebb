//! NUT's configuration files, read the way NUT reads them, with every mistake pointed at.
//!
//! Each `parse` takes a file's name (for messages) and its bytes and always gives a usable value together with all
//! [`diag::Diagnostic`]s: what NUT ignores is ignored here too, but said. Nothing here opens files.

pub mod descriptions;
pub mod diag;
pub mod nut;
mod password;
mod reader;
pub mod ups;
pub mod upsd;
pub mod upsmon;
pub mod upssched;
pub mod users;

pub use husk_wire::words as lexer;

#[cfg(test)]
mod random_tests;
