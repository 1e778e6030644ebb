//! What the monitor decides by: the part of upsmon.conf that changes decisions, every value with the line it came from.
//!
//! What only the running program needs (commands, paths, certificates) is in [`crate::conf::upsmon`]. Defaults: NUT 2.8.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::notify::Notices;
use crate::proto::client::Target;

/// A value and where it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct At<T> {
    /// What holds.
    pub value: T,
    /// Line of the file, from 1; `None`: nobody said it, it is the default.
    pub line: Option<u32>,
}

impl<T> At<T> {
    /// Nobody said it.
    pub const fn default(value: T) -> Self {
        Self { value, line: None }
    }

    /// Said on `line`.
    pub const fn line(value: T, line: u32) -> Self {
        Self {
            value,
            line: Some(line),
        }
    }
}

impl Default for At<bool> {
    fn default() -> Self {
        Self::default(false)
    }
}

/// Everything that changes a decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// `MONITOR` lines in file order, [`System::name`] unique.
    pub systems: Vec<System>,
    /// `MINSUPPLIES`: with less power than this left, the machine goes down; 1.
    pub min_supplies: At<u32>,
    /// `POLLFREQ`: between two polls; 5 s, never 0.
    pub poll: At<Duration>,
    /// `POLLFREQALERT`: the same while a UPS is on battery or switched off; 5 s, never 0.
    pub poll_alert: At<Duration>,
    /// `HOSTSYNC`: how long a primary waits for its secondaries, and a secondary with a low battery for its primary; 15 s.
    pub host_sync: At<Duration>,
    /// `DEADTIME`: silence after which a UPS last heard on battery counts as low; 15 s.
    pub dead_time: At<Duration>,
    /// `FINALDELAY`: from the last notice to the shutdown command; 5 s.
    pub final_delay: At<Duration>,
    /// `NOCOMMWARNTIME`: between two notices that a UPS is unavailable; 300 s.
    pub no_comm_warn: At<Duration>,
    /// `RBWARNTIME`: between two notices to replace a battery; 43,200 s.
    pub replace_battery_warn: At<Duration>,
    /// `OFFDURATION`: how long OFF must last to be critical; 30 s, `None`: it never is.
    pub off_duration: At<Option<Duration>>,
    /// `OVERDURATION`: how long an overloaded UPS may be out of reach; `None`, the default: for ever.
    pub over_duration: At<Option<Duration>>,
    /// `OBLBDURATION`: how long OB LB must last to be critical; 0, at once.
    pub low_battery_duration: At<Duration>,
    /// `ALARMCRITICAL`: a UPS with an alarm that is out of reach is critical; yes.
    pub alarm_critical: At<bool>,
    /// `SHUTDOWNEXIT`: what to do after the shutdown command; [`ShutdownExit::Now`].
    pub shutdown_exit: At<ShutdownExit>,
    /// `POLLFAIL_LOG_THROTTLE_MAX`; [`Throttle::Every`].
    pub poll_fail_throttle: At<Throttle>,
    /// `NOTIFYMSG` and `NOTIFYFLAG`.
    pub notices: Notices,
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = |seconds| At::default(Duration::from_secs(seconds));
        Self {
            systems: Vec::new(),
            min_supplies: At::default(1),
            poll: seconds(5),
            poll_alert: seconds(5),
            host_sync: seconds(15),
            dead_time: seconds(15),
            final_delay: seconds(5),
            no_comm_warn: seconds(300),
            replace_battery_warn: seconds(43_200),
            off_duration: At::default(Some(Duration::from_secs(30))),
            over_duration: At::default(None),
            low_battery_duration: seconds(0),
            alarm_critical: At::default(true),
            shutdown_exit: At::default(ShutdownExit::Now),
            poll_fail_throttle: At::default(Throttle::Every),
            notices: Notices::default(),
        }
    }
}

impl Settings {
    /// The system of that name.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|system| &*system.name == name)
    }

    /// Whether there is enough power to begin with.
    ///
    /// # Errors
    /// The sum of all power values is below `MINSUPPLIES`: such a machine would go down at once.
    pub fn sufficient(&self) -> Result<(), InsufficientPower> {
        let configured = self.systems.iter().map(|system| system.power);
        let configured = configured.fold(0, u32::saturating_add);
        let needed = self.min_supplies.value;
        if configured < needed {
            return Err(InsufficientPower { configured, needed });
        }
        Ok(())
    }
}

/// The `MONITOR` lines feed less power than `MINSUPPLIES` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InsufficientPower {
    /// Sum of all power values.
    pub configured: u32,
    /// `MINSUPPLIES`.
    pub needed: u32,
}

impl fmt::Display for InsufficientPower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { configured, needed } = self;
        write!(
            f,
            "the MONITOR lines give {configured} power value(s), but MINSUPPLIES asks for {needed}: \
             add MONITOR lines or lower MINSUPPLIES"
        )
    }
}

impl std::error::Error for InsufficientPower {}

/// One `MONITOR` line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct System {
    /// The first word as configured, `ups[@host[:port]]`: its identity everywhere.
    pub name: Arc<str>,
    /// The same taken apart.
    pub target: Target,
    /// How many supplies of this machine it feeds.
    pub power: u32,
    /// User name at the server.
    pub user: String,
    /// Password at the server.
    pub password: Secret,
    /// What this machine is to the UPS.
    pub role: Role,
    /// Line of the file, from 1; 0 if there is no file.
    pub line: u32,
}

/// A password; `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What this machine is to a UPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Goes down last and announces the shutdown to the others (`primary`, `master`).
    Primary,
    /// Goes down when told, or when its own patience ends (`secondary`, `slave`).
    Secondary,
}

/// `SHUTDOWNEXIT`: what becomes of the monitor once the shutdown command was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShutdownExit {
    /// It exits at once; closing its connections tells the primary that this machine has left.
    Now,
    /// It stays logged in until it is ended.
    Never,
    /// It stays logged in for so long.
    After(Duration),
}

/// Which of many equal failures reach the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Throttle {
    /// Each.
    Every,
    /// Only a change of cause.
    Changes,
    /// A change of cause and every so many after it; never 0.
    Nth(u32),
}
