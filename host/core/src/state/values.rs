//! What the device itself said, put together from its driver's deltas.

use std::collections::BTreeMap;

use super::own::Own;
use crate::report::{Traits, Update, limits};

/// What a device of `ups.*` is called as a `device.*`; clients of NUT 2.8 read these.
const IDENTITY: [(&str, &str); 3] = [
    ("device.mfr", "ups.mfr"),
    ("device.model", "ups.model"),
    ("device.serial", "ups.serial"),
];

/// Variables, traits and lists by name in lower case.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) variables: BTreeMap<String, Reading>,
    pub(super) traits: BTreeMap<String, Traits>,
    pub(super) status: Option<Vec<String>>,
    pub(super) alarms: Vec<String>,
    pub(super) commands: Vec<String>,
    /// A complete update has been taken, so that changes have something to change.
    whole: bool,
}

/// One value with its name as first written.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) value: String,
}

impl Values {
    /// Takes an update. On an error everything is forgotten, and the next update has to be complete.
    pub(super) fn merge(&mut self, update: Update) -> Result<(), String> {
        let merged = self.try_merge(update);
        if merged.is_err() {
            *self = Self::default();
        }
        merged
    }

    fn try_merge(&mut self, update: Update) -> Result<(), String> {
        if update.complete {
            *self = Self {
                whole: true,
                ..Self::default()
            };
        }
        if !self.whole {
            return Err("changes before a complete report".into());
        }
        for name in update.clear {
            self.variables.remove(&name.to_ascii_lowercase());
        }
        for (name, value) in update.set {
            self.set(name, value);
        }
        for traits in update.traits {
            self.traits.insert(traits.name.to_ascii_lowercase(), traits);
        }
        if let Some(words) = update.status {
            self.status = Some(words);
        }
        if let Some(alarms) = update.alarms {
            self.alarms = alarms;
        }
        if let Some(commands) = update.commands {
            self.commands = commands;
        }
        // One update is bounded by its check; their sum has to be bounded here.
        let most = self.variables.len().max(self.traits.len());
        if most > limits::VARIABLES {
            return Err(format!(
                "{most} variables, where {} are allowed",
                limits::VARIABLES
            ));
        }
        let wrong = |(key, traits): (&String, &Traits)| {
            let reading = self.variables.get(key)?;
            (!traits.kind.admits(&reading.value)).then(|| reading.name.clone())
        };
        match self.traits.iter().find_map(wrong) {
            Some(name) => Err(format!("text as the number {name}")),
            None => Ok(()),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let reading = self.variables.get(&name.to_ascii_lowercase())?;
        Some(&reading.value)
    }

    /// Copies `ups.mfr` and the like once, as NUT does: later changes of them are the client's labels.
    pub(super) fn copy_identity(&mut self, own: &Own) {
        for (copy, source) in IDENTITY {
            let value = own.effective(self, source).map(str::to_owned);
            if let Some(value) = value.filter(|_| own.effective(self, copy).is_none()) {
                self.set(copy.to_owned(), value);
            }
        }
    }

    fn set(&mut self, name: String, value: String) {
        let entry = self.variables.entry(name.to_ascii_lowercase());
        entry
            .or_insert(Reading {
                name,
                value: String::new(),
            })
            .value = value;
    }
}
