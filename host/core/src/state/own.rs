//! What the host adds to every device: `driver.*`, presets from the configuration, and the commands every driver has.

use std::collections::{BTreeMap, BTreeSet};

use super::Freshness;
use super::snapshot::{Snapshot, Variable, by_name};
use super::status;
use super::values::Values;
use crate::conf::ups::{Global, Section, Setting, Synchronous};
use crate::report::{Failure, Kind, Traits, is_name, limits};

const DEBUG: &str = "driver.debug";
const ALLOW_KILLPOWER: &str = "driver.flag.allow_killpower";
/// Pairs of level and threshold that tell a low battery; any one pair does.
const LOW_BATTERY: [(&str, &str); 2] = [
    ("battery.charge", "battery.charge.low"),
    ("battery.runtime", "battery.runtime.low"),
];
/// The commands every device has. `driver.exit` is not among them: there is no driver process to end.
const COMMANDS: [&str; 5] = [
    "driver.killpower",
    "driver.reload",
    "driver.reload-or-error",
    "driver.reload-or-exit",
    "shutdown.default",
];

/// What the host itself does when a client sends one of the commands every device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnCommand {
    /// `shutdown.default`, or `driver.killpower` with leave: send these commands in order until one is taken; if the list
    /// is empty, and for the word `shutdown.default` in it, ask the driver for its own shutdown.
    Shutdown(Vec<String>),
    /// `driver.reload`: read the configuration again.
    Reload,
    /// `driver.reload-or-error`: the same, failing if something needs a restart.
    ReloadOrError,
    /// `driver.reload-or-exit`: the same, restarting the device if something needs it.
    ReloadOrExit,
}

/// The host's part of a device's state.
#[derive(Debug, Clone)]
pub(super) struct Own {
    /// `driver.*`, by name in lower case.
    variables: BTreeMap<String, Preset>,
    overrides: BTreeMap<String, Preset>,
    defaults: BTreeMap<String, Preset>,
    /// `driver.parameter.*` that the plugin declares secret.
    concealed: BTreeSet<String>,
    debug_start: u8,
    debug: u8,
    allow_killpower: bool,
    ignore_low_battery: bool,
    /// The prerequisites of `ignorelb` were met once; that is enough.
    low_battery_can_be_told: bool,
    shutdown_commands: Vec<String>,
}

#[derive(Debug, Clone)]
struct Preset {
    name: String,
    value: String,
}

impl Own {
    pub(super) fn new(section: &Section, global: &Global) -> Self {
        let debug = section
            .common
            .debug_min
            .or(global.common.debug_min)
            .unwrap_or(0);
        let mut own = Self {
            variables: BTreeMap::new(),
            overrides: presets(section.overrides()),
            defaults: presets(section.defaults()),
            concealed: BTreeSet::new(),
            debug_start: debug,
            debug,
            allow_killpower: section.allow_killpower,
            ignore_low_battery: section.ignore_low_battery,
            low_battery_can_be_told: false,
            shutdown_commands: section.shutdown_commands.clone(),
        };
        own.defaults
            .entry("device.type".into())
            .or_insert_with(|| Preset::new("device.type", "ups"));
        section
            .public_options()
            .for_each(|option| own.publish(option));
        let synchronous = match section.synchronous(global) {
            Synchronous::Yes => "yes",
            Synchronous::No => "no",
            Synchronous::Auto => "auto",
        };
        let seconds = section.poll_interval(global).as_secs().to_string();
        for (name, value) in [
            ("driver.name", section.driver.as_str()),
            ("driver.version", env!("CARGO_PKG_VERSION")),
            ("driver.state", "init.starting"),
            ("driver.parameter.pollinterval", &seconds),
            ("driver.parameter.synchronous", synchronous),
        ] {
            own.set(name, value);
        }
        own.show_switches();
        own
    }

    /// Takes changed settings, keeping what the driver told about itself.
    pub(super) fn reconfigure(&mut self, section: &Section, global: &Global) {
        let old = std::mem::replace(self, Self::new(section, global));
        for name in ["driver.state", "driver.version.internal"] {
            if let Some(known) = old.variables.get(name) {
                self.set(name, &known.value);
            }
        }
        self.variables
            .retain(|name, _| !old.concealed.contains(name));
        self.concealed = old.concealed;
        self.low_battery_can_be_told = old.low_battery_can_be_told;
    }

    /// Sets one of the `driver.*` variables, cut to what a value may be; true if it changed.
    pub(super) fn set(&mut self, name: &str, value: &str) -> bool {
        let printable = |c: &char| *c == ' ' || c.is_ascii_graphic();
        let value: String = value
            .chars()
            .filter(printable)
            .take(limits::VALUE)
            .collect();
        let preset = Preset {
            name: name.to_owned(),
            value: value.clone(),
        };
        let old = self.variables.insert(name.to_ascii_lowercase(), preset);
        old.is_none_or(|old| old.value != value)
    }

    pub(super) fn conceal(&mut self, option: &str) {
        let name = format!("driver.parameter.{}", option.to_ascii_lowercase());
        self.variables.remove(&name);
        self.concealed.insert(name);
    }

    /// A value with presets applied: override, the device's, default. `name` is in lower case.
    pub(super) fn effective<'a>(&'a self, values: &'a Values, name: &str) -> Option<&'a str> {
        let preset = |table: &'a BTreeMap<String, Preset>| {
            table.get(name).map(|preset| preset.value.as_str())
        };
        preset(&self.overrides)
            .or_else(|| values.get(name))
            .or_else(|| preset(&self.defaults))
    }

    /// A client writes `name`; `None` if it is not the host's.
    pub(super) fn write(&mut self, name: &str, value: &str) -> Option<Result<(), Failure>> {
        let key = name.to_ascii_lowercase();
        if self.overrides.contains_key(&key) {
            return Some(Err(Failure::Failed(format!(
                "override.{name} in ups.conf holds it"
            ))));
        }
        let taken = match key.as_str() {
            DEBUG => match value.trim().parse::<i64>() {
                Ok(level) => {
                    self.debug = if level < 0 {
                        self.debug_start
                    } else {
                        u8::try_from(level).unwrap_or(u8::MAX)
                    };
                    Ok(())
                }
                Err(_) => {
                    Err("driver.debug is a level from 0; a negative one goes back to the start")
                }
            },
            ALLOW_KILLPOWER => match allowance(value) {
                Some(allowed) => {
                    self.allow_killpower = allowed;
                    Ok(())
                }
                None => Err("driver.flag.allow_killpower is 0 or 1"),
            },
            _ if self.variables.contains_key(&key) => {
                Err("the host sets this variable, clients cannot")
            }
            _ => return None,
        };
        self.show_switches();
        Some(taken.map_err(|why| Failure::InvalidArgument(why.to_owned())))
    }

    pub(super) fn command(&self, name: &str) -> Option<Result<OwnCommand, Failure>> {
        let shutdown = || OwnCommand::Shutdown(self.shutdown_commands.clone());
        Some(match name.to_ascii_lowercase().as_str() {
            "shutdown.default" => Ok(shutdown()),
            "driver.killpower" if self.allow_killpower => Ok(shutdown()),
            "driver.killpower" => Err(Failure::InvalidArgument(
                "driver.flag.allow_killpower is not 1, so the power stays on".into(),
            )),
            "driver.reload" => Ok(OwnCommand::Reload),
            "driver.reload-or-error" => Ok(OwnCommand::ReloadOrError),
            "driver.reload-or-exit" => Ok(OwnCommand::ReloadOrExit),
            _ => return None,
        })
    }

    pub(super) fn debug_level(&self) -> u8 {
        self.debug
    }

    pub(super) fn ignores_low_battery(&self) -> bool {
        self.ignore_low_battery
    }

    /// Whether a level is below its threshold, both cut to whole numbers as NUT does.
    pub(super) fn is_low(&self, values: &Values) -> bool {
        let whole = |name| Some(self.effective(values, name)?.parse::<f64>().ok()?.trunc());
        LOW_BATTERY.iter().any(
            |(level, threshold)| match (whole(level), whole(threshold)) {
                (Some(level), Some(threshold)) => level < threshold,
                _ => false,
            },
        )
    }

    /// With `ignorelb` the device's own word for a low battery is dropped: then there must be another way to tell.
    pub(super) fn ignored_low_battery_cannot_be_told(
        &mut self,
        values: &Values,
    ) -> Option<Failure> {
        let there = |name: &str| self.effective(values, name).is_some();
        if self.ignore_low_battery && !self.low_battery_can_be_told {
            self.low_battery_can_be_told = LOW_BATTERY
                .iter()
                .any(|(level, threshold)| there(level) && there(threshold));
        }
        (self.ignore_low_battery && !self.low_battery_can_be_told).then(|| Failure::BadSetting {
            name: "ignorelb".into(),
            expected: "a device that reports battery.charge or battery.runtime, and its threshold from the device or \
                       as override.battery.charge.low or override.battery.runtime.low; without them a low battery \
                       would never be seen"
                .into(),
        })
    }

    /// Everything put together and sorted.
    pub(super) fn snapshot(
        &self,
        values: &Values,
        status: Option<String>,
        freshness: Freshness,
    ) -> Snapshot {
        let mut all: BTreeMap<&str, Variable> = BTreeMap::new();
        let presets = self.defaults.iter().chain(&self.variables);
        all.extend(presets.map(|(key, preset)| (key.as_str(), preset.variable())));
        let readings = values
            .variables
            .iter()
            .filter(|(key, _)| self.leaves_to_driver(key));
        all.extend(
            readings.map(|(key, reading)| (key.as_str(), plain(&reading.name, &reading.value))),
        );
        let alarm = status::alarm(&values.alarms);
        for (name, value) in [("ups.status", status), ("ups.alarm", alarm)] {
            all.extend(value.map(|value| (name, plain(name, &value))));
        }
        let own = [DEBUG, ALLOW_KILLPOWER].map(|name| Traits {
            name: name.to_owned(),
            writable: true,
            kind: Kind::Number,
            ..Traits::default()
        });
        let theirs = values
            .traits
            .iter()
            .filter(|(key, _)| !key.starts_with("driver."));
        let theirs = theirs.map(|(key, traits)| (key.as_str(), traits));
        for (key, traits) in theirs.chain(own.iter().map(|traits| (traits.name.as_str(), traits))) {
            if let Some(variable) = all.get_mut(key) {
                variable.describe(traits);
            }
        }
        all.extend(
            self.overrides
                .iter()
                .map(|(key, preset)| (key.as_str(), preset.variable())),
        );
        let mut commands: Vec<String> = COMMANDS.iter().map(|&name| name.to_owned()).collect();
        commands.extend(values.commands.iter().cloned());
        commands.sort_by(|a, b| by_name(a, b));
        commands.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        // The keys are in lower case, so the map's order is that of NUT's lists.
        Snapshot {
            variables: all.into_values().collect(),
            commands,
            freshness,
        }
    }

    /// Of `driver.*` a driver may tell the options in effect and the versions of what it is made of.
    fn leaves_to_driver(&self, key: &str) -> bool {
        const HOST: [&str; 3] = [
            "driver.parameter.port",
            "driver.parameter.pollinterval",
            "driver.parameter.synchronous",
        ];
        let parts = ["driver.version.data", "driver.version.usb"];
        let option = || {
            key.starts_with("driver.parameter.")
                && !HOST.contains(&key)
                && !self.concealed.contains(key)
        };
        !key.starts_with("driver.") || parts.contains(&key) || option()
    }

    fn publish(&mut self, option: &Setting) {
        if !is_name(&option.name) {
            return;
        }
        match &option.value {
            Some(value) => self.set(&format!("driver.parameter.{}", option.name), value),
            None => self.set(&format!("driver.flag.{}", option.name), "enabled"),
        };
    }

    fn show_switches(&mut self) {
        self.set(DEBUG, &self.debug.to_string());
        self.set(
            ALLOW_KILLPOWER,
            if self.allow_killpower { "1" } else { "0" },
        );
    }
}

impl Preset {
    fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    fn variable(&self) -> Variable {
        plain(&self.name, &self.value)
    }
}

impl Variable {
    fn describe(&mut self, traits: &Traits) {
        self.writable = traits.writable;
        self.kind = traits.kind;
        self.choices.clone_from(&traits.choices);
        self.ranges.clone_from(&traits.ranges);
    }
}

fn plain(name: &str, value: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        ..Variable::default()
    }
}

fn presets<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, Preset> {
    pairs
        .map(|(name, value)| (name.to_ascii_lowercase(), Preset::new(name, value)))
        .collect()
}

/// NUT's words for yes, and their opposites.
fn allowance(value: &str) -> Option<bool> {
    let value = value.trim().to_ascii_lowercase();
    match value.as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ if value.starts_with("enable") => Some(true),
        _ if value.starts_with("disable") => Some(false),
        _ => None,
    }
}
