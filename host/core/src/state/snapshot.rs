//! One moment of a device, for readers: immutable, sorted once, found by binary search.

use std::cmp::Ordering;

use super::Freshness;
use crate::report::Kind;

/// Everything clients may see of one UPS. Put it in an `Arc`; nothing in it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Variables, sorted by name without regard to case.
    pub variables: Vec<Variable>,
    /// Instant commands, sorted the same way.
    pub commands: Vec<String>,
    /// What the variables are worth; they are to be served only when [`Freshness::Fresh`].
    pub freshness: Freshness,
}

/// One variable as clients see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// The name as the driver wrote it.
    pub name: String,
    /// The value, unquoted, at most 255 bytes of printable ASCII.
    pub value: String,
    /// Clients may set it.
    pub writable: bool,
    /// What may be written.
    pub kind: Kind,
    /// Every value that may be written; empty: no list.
    pub choices: Vec<String>,
    /// Inclusive ranges a written number must lie in; empty: no range.
    pub ranges: Vec<(i64, i64)>,
}

impl Snapshot {
    /// The variable of that name, without regard to case.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        let at = self
            .variables
            .binary_search_by(|variable| by_name(&variable.name, name))
            .ok()?;
        self.variables.get(at)
    }

    /// The instant command as the device names it, found without regard to case.
    pub fn command(&self, name: &str) -> Option<&str> {
        let at = self
            .commands
            .binary_search_by(|command| by_name(command, name))
            .ok()?;
        self.commands.get(at).map(String::as_str)
    }
}

/// The order of NUT's lists: as in ASCII with capitals lowered.
pub(crate) fn by_name(left: &str, right: &str) -> Ordering {
    lowered(left).cmp(lowered(right))
}

fn lowered(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}
