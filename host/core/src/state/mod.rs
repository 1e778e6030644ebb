//! What is known about one UPS, made from its driver's reports.
//!
//! The host builds NUT's awkward semantics here, once for all drivers: `override.*`, `default.*`, `ignorelb`, ALARM first,
//! charge trends, the copies of `device.*`, the `driver.*` variables and commands, and when data count as stale.
//! It never serves values while they are stale and never invents one. Source: NUT 2.8's driver framework, observed.

use std::mem;
use std::time::Duration;

use crate::conf::ups::{Global, Section};
use crate::report::{Failure, Update};

mod own;
mod snapshot;
mod status;
mod values;

pub use own::OwnCommand;
pub(crate) use snapshot::by_name;
pub use snapshot::{Snapshot, Variable};

use own::Own;
use status::Trend;
use values::Values;

/// Failed polls in a row after which data are stale; upsd's drivers allow about as many before they say so.
pub const FAILURES_ALLOWED: u32 = 3;
/// How long a poll may run past its time before data that are polled less often than MAXAGE count as stale.
pub const POLL_ALLOWANCE: Duration = Duration::from_secs(10);

/// How much the values are worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Freshness {
    /// No usable report yet: clients are told that the driver is not connected.
    #[default]
    Waiting,
    /// Values are current.
    Fresh,
    /// Polls fail or take too long: clients are told that data are stale.
    Stale,
    /// Port or plugin is gone: clients are told that data are stale.
    Lost,
}

/// The state of one configured UPS. One writer; readers get [`Snapshot`]s.
#[derive(Debug, Clone)]
pub struct DeviceState {
    own: Own,
    values: Values,
    trend: Trend,
    poll_interval: Duration,
    max_age: Duration,
    /// When data go stale unless a report comes; `None` while they are not fresh.
    stale_at: Option<Duration>,
    failures: u32,
    problem: Option<Failure>,
    /// What readers get; kept sorted and complete.
    current: Snapshot,
}

impl DeviceState {
    /// A device that has not reported. `max_age` is upsd.conf's MAXAGE.
    pub fn new(section: &Section, global: &Global, max_age: Duration) -> Self {
        let mut state = Self {
            own: Own::new(section, global),
            values: Values::default(),
            trend: Trend::default(),
            poll_interval: section.poll_interval(global),
            max_age,
            stale_at: None,
            failures: 0,
            problem: None,
            current: Snapshot::default(),
        };
        state.compose();
        state
    }

    /// Takes over changed settings while the values live on; true if a snapshot would look different.
    /// `driver.debug` and `driver.flag.allow_killpower` go back to what is configured.
    pub fn reconfigure(&mut self, section: &Section, global: &Global, max_age: Duration) -> bool {
        self.own.reconfigure(section, global);
        self.poll_interval = section.poll_interval(global);
        self.max_age = max_age;
        self.compose()
    }

    /// Notes the version of the plugin that drives the device.
    pub fn identify(&mut self, driver_version: &str) {
        self.own.set("driver.version.internal", driver_version);
        self.compose();
    }

    /// Never shows `driver.parameter.<option>`: the plugin declares it secret.
    pub fn conceal(&mut self, option: &str) {
        self.own.conceal(option);
        self.compose();
    }

    /// Takes the outcome of a poll; true if a snapshot would look different. An update is expected to have passed
    /// [`Update::check`]; if their sum still is garbage, [`DeviceState::problem`] is [`Failure::Crashed`] and the instance
    /// has to be replaced.
    pub fn apply(&mut self, report: Result<Update, &Failure>, now: Duration) -> bool {
        match report {
            Ok(update) => self.take(update, now),
            Err(failure) => self.fail(failure.clone()),
        }
    }

    /// Lets time pass; true if the data have just gone stale. Due at [`DeviceState::next_deadline`].
    pub fn tick(&mut self, now: Duration) -> bool {
        if self.stale_at.is_none_or(|deadline| now < deadline) {
            return false;
        }
        self.become_worthless(Freshness::Stale)
    }

    /// When [`DeviceState::tick`] may next change something.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.stale_at
    }

    /// How much the values are worth now.
    pub fn freshness(&self) -> Freshness {
        self.current.freshness
    }

    /// Why the last poll was no good, for the log; `None` after a good one.
    pub fn problem(&self) -> Option<&Failure> {
        self.problem.as_ref()
    }

    /// Everything clients may see, sorted.
    pub fn snapshot(&self) -> Snapshot {
        self.current.clone()
    }

    /// Sets `driver.state` (`init.starting`, `updateinfo`, `quiet`, `reconnect.trying` …); true if it changed.
    pub fn set_driver_state(&mut self, state: &str) -> bool {
        self.own.set("driver.state", state) && self.compose()
    }

    /// Sets another `driver.*` variable of the host's; it shows with the next report.
    pub fn set_driver(&mut self, variable: &str, value: &str) {
        self.own.set(variable, value);
    }

    /// A client writes a variable that belongs to the host: `driver.debug`, `driver.flag.allow_killpower`, or one that
    /// `override.*` holds. `None`: not the host's, the plugin decides. Publish a snapshot after `Some(Ok)`.
    pub fn set_own(&mut self, variable: &str, value: &str) -> Option<Result<(), Failure>> {
        let result = self.own.write(variable, value)?;
        self.compose();
        Some(result)
    }

    /// A client sends a command that belongs to the host. `None`: not the host's, the plugin decides.
    pub fn own_command(&self, name: &str) -> Option<Result<OwnCommand, Failure>> {
        self.own.command(name)
    }

    /// `driver.debug`: the debug level the operator asked for.
    pub fn debug_level(&self) -> u8 {
        self.own.debug_level()
    }

    fn take(&mut self, update: Update, now: Duration) -> bool {
        let wait = update.wait(self.poll_interval);
        let something = update
            != Update {
                next: update.next,
                wake_on_readable: update.wake_on_readable,
                ..Update::default()
            };
        if let Err(wrong) = self.values.merge(update) {
            return self.fail(Failure::Crashed(format!("it reported {wrong}")));
        }
        self.values.copy_identity(&self.own);
        if let Some(failure) = self.own.ignored_low_battery_cannot_be_told(&self.values) {
            return self.fail(failure);
        }
        let charge = self.number("battery.charge");
        let trend_changed = self.trend.observe(charge);
        self.failures = 0;
        self.problem = None;
        // A device may ask to be polled less often than MAXAGE; then its next report is what counts.
        let patience = self.max_age.max(wait.saturating_add(POLL_ALLOWANCE));
        self.stale_at = Some(now.saturating_add(patience));
        let was = mem::replace(&mut self.current.freshness, Freshness::Fresh);
        let composed = (something || trend_changed || was != Freshness::Fresh) && self.compose();
        composed || was != Freshness::Fresh
    }

    fn fail(&mut self, failure: Failure) -> bool {
        self.failures = self.failures.saturating_add(1);
        let worth = match failure {
            Failure::Lost | Failure::Crashed(_) => Some(Freshness::Lost),
            _ if self.failures >= FAILURES_ALLOWED => Some(Freshness::Stale),
            _ => None,
        };
        self.problem = Some(failure);
        worth.is_some_and(|worth| self.become_worthless(worth))
    }

    fn become_worthless(&mut self, worth: Freshness) -> bool {
        self.stale_at = None;
        let was = self.current.freshness;
        // Lost stays lost until a report comes, and who never reported is still waited for.
        if was == Freshness::Waiting || was == Freshness::Lost || was == worth {
            return false;
        }
        self.trend = Trend::default();
        self.current.freshness = worth;
        true
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.own.effective(&self.values, name)?.parse().ok()
    }

    /// Makes the snapshot anew; true if it came out different.
    fn compose(&mut self) -> bool {
        let freshness = self.current.freshness;
        let status = status::compose(&self.values, &self.own, &self.trend);
        let made = self.own.snapshot(&self.values, status, freshness);
        let changed = made != self.current;
        self.current = made;
        changed
    }
}

#[cfg(test)]
mod tests;
