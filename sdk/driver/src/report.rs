//! A whole report: everything a driver knows about its device right now.
//!
//! Refuses to remember: a variable that is not set in this report is unknown.

use crate::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The name of a variable, command or status word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub(crate) Cow<'static, str>);

impl Name {
    /// The name as clients see it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

macro_rules! from_names {
    ($($known:ty)*) => { $(
        impl From<$known> for Name {
            fn from(name: $known) -> Self {
                Self(Cow::Borrowed(name.as_str()))
            }
        }
    )* };
}
from_names!(husk_names::Var husk_names::Cmd husk_names::Word);

/// What kind of value a writable variable holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// No promise made; clients are told NUMBER, as NUT's protocol does.
    #[default]
    Unspecified,
    /// A decimal number.
    Number,
    /// Text of at most so many bytes.
    Text(u32),
}

/// One variable: its value, and what clients may do with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The value as clients read it.
    pub value: String,
    /// Whether clients may write it.
    pub writable: bool,
    /// What kind of value it holds.
    pub kind: Kind,
    /// Every value that may be written, in the device's order; empty: no list.
    pub choices: Vec<String>,
    /// Inclusive ranges a written number must lie in; empty: no range.
    pub ranges: Vec<(i64, i64)>,
}

impl Reading {
    /// Whether anything but the value is said.
    pub(crate) fn has_traits(&self) -> bool {
        self.writable
            || self.kind != Kind::Unspecified
            || !self.choices.is_empty()
            || !self.ranges.is_empty()
    }

    /// Whether clients may do the same with both.
    pub(crate) fn same_traits(&self, other: &Self) -> bool {
        self.writable == other.writable
            && self.kind == other.kind
            && self.choices == other.choices
            && self.ranges == other.ranges
    }
}

/// Everything a driver knows about its device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub(crate) variables: BTreeMap<Name, Reading>,
    pub(crate) status: Vec<Name>,
    pub(crate) has_status: bool,
    pub(crate) alarms: Vec<String>,
    pub(crate) commands: Vec<Name>,
    pub(crate) next: Option<Duration>,
    pub(crate) wake_on_readable: bool,
}

impl Report {
    /// A report in which everything is unknown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what a variable is; an unknown value leaves it out. What clients may do with it is said on the result.
    pub fn set(&mut self, name: impl Into<Name>, value: impl Into<Value>) -> Slot<'_> {
        let Some(value) = value.into().0 else {
            return Slot(None);
        };
        let reading = self.variables.entry(name.into()).or_default();
        reading.value = value;
        Slot(Some(reading))
    }

    /// Says that there is a status, if only an empty one: as NUT's driver publishes it for PDUs behind SNMP.
    pub fn has_status(&mut self) {
        self.has_status = true;
    }

    /// Adds a status word; twice is once.
    pub fn status(&mut self, word: impl Into<Name>) {
        self.has_status = true;
        let word = word.into();
        if !self.status.contains(&word) {
            self.status.push(word);
        }
    }

    /// Adds an alarm, in the driver's words.
    pub fn alarm(&mut self, text: impl Into<String>) {
        self.alarms.push(text.into());
    }

    /// Adds an instant command the device takes now.
    pub fn command(&mut self, name: impl Into<Name>) {
        let name = name.into();
        if !self.commands.contains(&name) {
            self.commands.push(name);
        }
    }

    /// Asks to be polled again after `wait` instead of the configured interval.
    pub fn next(&mut self, wait: Duration) {
        self.next = Some(wait);
    }

    /// Asks to be polled as soon as the port has something to read.
    pub fn wake_on_readable(&mut self) {
        self.wake_on_readable = true;
    }

    /// The value of a variable, if it is known.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.reading(name).map(|reading| reading.value.as_str())
    }

    /// A variable with what clients may do with it, if it is known.
    #[must_use]
    pub fn reading(&self, name: &str) -> Option<&Reading> {
        self.variables
            .iter()
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, reading)| reading)
    }

    /// Every variable, sorted by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Reading)> {
        self.variables
            .iter()
            .map(|(name, reading)| (name.as_str(), reading))
    }

    /// The status words in the order they were added.
    pub fn status_words(&self) -> impl Iterator<Item = &str> {
        self.status.iter().map(Name::as_str)
    }

    /// The alarms in the order they were added.
    #[must_use]
    pub fn alarms(&self) -> &[String] {
        &self.alarms
    }

    /// The instant commands in the order they were added.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(Name::as_str)
    }
}

/// The variable just set, to say what clients may do with it. Says nothing about an unknown one.
#[derive(Debug)]
pub struct Slot<'a>(Option<&'a mut Reading>);

impl Slot<'_> {
    fn edit(mut self, edit: impl FnOnce(&mut Reading)) -> Self {
        if let Some(reading) = &mut self.0 {
            edit(reading);
        }
        self
    }

    /// Clients may write it.
    pub fn writable(self) -> Self {
        self.edit(|reading| reading.writable = true)
    }

    /// It is a number, written or read.
    pub fn number(self) -> Self {
        self.edit(|reading| reading.kind = Kind::Number)
    }

    /// It is text of at most `bytes` bytes.
    pub fn text(self, bytes: u32) -> Self {
        self.edit(|reading| reading.kind = Kind::Text(bytes))
    }

    /// A written number may lie in `from..=to` (one range more).
    pub fn range(self, from: i64, to: i64) -> Self {
        self.edit(|reading| reading.ranges.push((from, to)))
    }

    /// The values that may be written, in the device's order.
    pub fn choices<C: Into<String>>(self, choices: impl IntoIterator<Item = C>) -> Self {
        self.edit(|reading| reading.choices.extend(choices.into_iter().map(Into::into)))
    }
}
