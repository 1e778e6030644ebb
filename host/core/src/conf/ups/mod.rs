//! ups.conf: the devices, and what holds for all of them.
//!
//! Everything NUT 2.8 accepts is accepted. Options that are not the host's are kept as they are written, since only
//! the driver knows its own; and a section without driver or port is left out, as upsd does, but said.

use std::fmt;
use std::time::Duration;

use super::diag::is_secret;

mod parse;

pub use parse::parse;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpsConf {
    /// What stands before the first section.
    pub global: Global,
    /// The usable sections (those with a driver and a port), in file order, names unique without regard to case.
    pub sections: Vec<Section>,
}

/// Settings before the first section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Global {
    /// Settings a section may override.
    pub common: Common,
    /// `chroot`: read, never acted on by Husk's server.
    pub chroot: Option<String>,
    /// `driverpath`: where NUT looks for driver programs.
    pub driver_path: Option<String>,
    /// `statepath`: directory for sockets and state; wins over upsd.conf's.
    pub state_path: Option<String>,
    /// `nowait`: upsdrvctl does not wait for drivers.
    pub no_wait: bool,
}

/// Settings allowed globally and per device; the device's wins. `None`: not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// `pollinterval`, default 2 s.
    pub poll_interval: Option<Duration>,
    /// `synchronous`, default auto.
    pub synchronous: Option<Synchronous>,
    /// `user` the driver runs as.
    pub user: Option<String>,
    /// `group` that may reach the driver.
    pub group: Option<String>,
    /// `maxstartdelay`, default 75 s; `Some(None)` is for ever.
    pub max_start_delay: Option<Option<Duration>>,
    /// `maxretry`: start attempts, default 1.
    pub max_retry: Option<u32>,
    /// `retrydelay`, default 5 s.
    pub retry_delay: Option<Duration>,
    /// `debug_min`: least debug level.
    pub debug_min: Option<u8>,
    /// `reconnect_max_tries`: give up after so many; negative never, the default.
    pub reconnect_max_tries: Option<i32>,
    /// `reconnect_report_freq`: log every so many attempts; 0 and negative are silent.
    pub reconnect_report_freq: Option<i32>,
    /// `LIBUSB_DEBUG` level.
    pub libusb_debug: Option<i32>,
}

/// `synchronous`: whether a driver's writes wait for the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Wait.
    Yes,
    /// Do not.
    No,
    /// Do not, until it turns out to be needed.
    #[default]
    Auto,
}

/// One `[name]` section: one UPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The name clients use.
    pub name: String,
    /// `driver`, as written.
    pub driver: String,
    /// `port`, as written.
    pub port: String,
    /// `desc` for people.
    pub desc: Option<String>,
    /// What may also stand globally.
    pub common: Common,
    /// `sdorder`: position when upsdrvctl cuts power, 0 by default; negative is left out.
    pub shutdown_order: i32,
    /// `sdcommands`: tried in order for a shutdown; empty: the driver's own way.
    pub shutdown_commands: Vec<String>,
    /// `allow_killpower` flag.
    pub allow_killpower: bool,
    /// `nolock` flag.
    pub no_lock: bool,
    /// `ignorelb` flag.
    pub ignore_low_battery: bool,
    /// Every option of the section in file order, those above included.
    pub options: Vec<Setting>,
}

/// One option as written. Two are equal wherever they stand, so that an edited comment changes no section; `Debug`
/// shows no secrets.
#[derive(Clone, Default, Eq)]
pub struct Setting {
    /// Left of `=`, or the flag.
    pub name: String,
    /// Right of `=`; `None` for a flag.
    pub value: Option<String>,
    /// Where the name stands: line and column from 1.
    pub at: (u32, u32),
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.value) == (&other.name, &other.value)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.value.as_deref().filter(|_| !is_secret(&self.name));
        write!(f, "{} = {shown:?}", self.name)
    }
}

impl Section {
    /// The value of an option (the last one given), `None` when absent or a flag. Case-sensitive, as NUT.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .rev()
            .find(|option| option.name == name)?
            .value
            .as_deref()
    }

    /// Whether a flag is given.
    pub fn flag(&self, name: &str) -> bool {
        self.options
            .iter()
            .any(|option| option.name == name && option.value.is_none())
    }

    /// `override.*`: variables forced to a value, in file order, without the prefix.
    pub fn overrides(&self) -> impl Iterator<Item = (&str, &str)> {
        self.prefixed("override.")
    }

    /// `default.*`: variables that have a value until the device reports one, in file order, without the prefix.
    pub fn defaults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.prefixed("default.")
    }

    /// What the plugin is opened with, as written: `port`, and every option the host does not act on itself. Flags
    /// have empty values. `default.*` and `override.*` are among them, since drivers compute with nominal values.
    pub fn settings(&self) -> Vec<(String, String)> {
        let for_driver =
            |option: &&Setting| option.name == "port" || !parse::is_host_keyword(&option.name);
        let pair = |option: &Setting| {
            (
                option.name.clone(),
                option.value.clone().unwrap_or_default(),
            )
        };
        self.options.iter().filter(for_driver).map(pair).collect()
    }

    /// The options clients may see as `driver.parameter.*` (and `driver.flag.*`, where there is no value): all but those
    /// that start, place or describe the driver, and secrets.
    pub fn public_options(&self) -> impl Iterator<Item = &Setting> {
        let published =
            |name: &str| parse::PUBLISHED.contains(&name) || !parse::is_host_keyword(name);
        self.options
            .iter()
            .filter(move |option| published(&option.name) && !is_secret(&option.name))
    }

    /// The time between polls: the section's, else the global one, else 2 s.
    pub fn poll_interval(&self, global: &Global) -> Duration {
        self.common
            .poll_interval
            .or(global.common.poll_interval)
            .unwrap_or(Duration::from_secs(2))
    }

    /// Whether writes wait: the section's word, else the global one, else auto.
    pub fn synchronous(&self, global: &Global) -> Synchronous {
        self.common
            .synchronous
            .or(global.common.synchronous)
            .unwrap_or_default()
    }

    fn prefixed(&self, prefix: &'static str) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().filter_map(move |option| {
            let (head, tail) = option.name.split_at_checked(prefix.len())?;
            (head.eq_ignore_ascii_case(prefix)).then_some((tail, option.value.as_deref()?))
        })
    }
}
