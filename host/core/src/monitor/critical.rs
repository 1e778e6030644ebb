//! The judgement: is a UPS about to fail the machines it feeds?
//!
//! One rule per row of the table in [`Rule`]; the first that applies decides. `husk why` shows what this very code says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::contact::Login;
use super::event::Failure;
use super::settings::{Role, Settings, System};
use super::shutdown::Stage;
use super::ups::{Comm, Flag, Known, Ups};

/// The least time by which a limit counts as passed.
const TICK: Duration = Duration::from_millis(1);

/// Why a UPS is critical, or is not. In the order in which they are tried; durations are those reached so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Critical: a forced shutdown was announced.
    Forced,
    /// Critical: out of reach and overloaded, for OVERDURATION or longer.
    LostOverloaded {
        /// Since OVER was first seen.
        lasted: Duration,
    },
    /// Critical: out of reach with an alarm, and ALARMCRITICAL is on.
    LostAlarm,
    /// Critical: out of reach while calibrating.
    LostCalibrating,
    /// Critical: out of reach on bypass.
    LostBypass,
    /// Critical: out of reach and switched off, unless OFFDURATION is negative.
    LostOff,
    /// Critical: switched off for longer than OFFDURATION.
    Off {
        /// Since OFF was first seen.
        lasted: Duration,
    },
    /// Healthy: never heard, so nothing is known against it.
    NeverHeard,
    /// Healthy: not on battery with a low battery.
    NotLow,
    /// Healthy: calibrating, so a low battery is meant.
    Calibrating,
    /// Healthy: OB LB has not lasted for OBLBDURATION.
    LowTooShort {
        /// Since OB LB was first seen.
        lasted: Duration,
    },
    /// Critical: OB LB, and this machine is its primary.
    LowPrimary,
    /// Healthy: OB LB, but the primary has HOSTSYNC to announce the shutdown.
    LowAwaitingPrimary {
        /// Since it was last not OB LB.
        lasted: Duration,
    },
    /// Critical: OB LB for longer than HOSTSYNC, and the primary has said nothing.
    LowSecondary {
        /// Since it was last not OB LB.
        lasted: Duration,
    },
}

impl Rule {
    /// Whether the UPS no longer counts as a supply.
    pub const fn critical(self) -> bool {
        !matches!(
            self,
            Self::NeverHeard
                | Self::NotLow
                | Self::Calibrating
                | Self::LowTooShort { .. }
                | Self::LowAwaitingPrimary { .. }
        )
    }
}

/// What is thought of one UPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Which.
    pub system: Arc<str>,
    /// Its power value.
    pub power: u32,
    /// What this machine is to it.
    pub role: Role,
    /// The rule that decided.
    pub rule: Rule,
    /// Whether it can be heard.
    pub comm: Comm,
    /// What it last said.
    pub known: Known,
    /// LB is not its word: it was last heard on battery, longer ago than DEADTIME.
    pub presumed_low: bool,
    /// How long ago it was last heard.
    pub heard: Option<Duration>,
    /// How long OB LB has lasted.
    pub low: Option<Duration>,
    /// How long ago it was last not OB LB.
    pub noncritical: Option<Duration>,
    /// How long OFF has lasted.
    pub off: Option<Duration>,
    /// How long OVER has lasted.
    pub over: Option<Duration>,
    /// The text of its alarm.
    pub alarm: Option<String>,
    /// Why it cannot be heard.
    pub failure: Option<Failure>,
    /// The server refused the login of this machine and does not count it.
    pub login_refused: bool,
}

impl fmt::Display for Judgement {
    /// Why, as the log says it at the moment of decision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |lasted: Duration| lasted.as_secs();
        match self.rule {
            Rule::Forced => f.write_str("a forced shutdown was announced"),
            Rule::LostOverloaded { lasted } => {
                write!(f, "out of reach and overloaded for {} s", seconds(lasted))
            }
            Rule::LostAlarm => f.write_str("out of reach with an alarm"),
            Rule::LostCalibrating => f.write_str("out of reach while calibrating"),
            Rule::LostBypass => f.write_str("out of reach on bypass"),
            Rule::LostOff => f.write_str("out of reach and switched off"),
            Rule::Off { lasted } => write!(f, "switched off for {} s", seconds(lasted)),
            Rule::NeverHeard => f.write_str("never heard, so nothing is known against it"),
            Rule::NotLow => f.write_str("not on battery with a low battery"),
            Rule::Calibrating => f.write_str("calibrating, so a low battery is meant"),
            Rule::LowTooShort { lasted } => {
                write!(f, "on battery and low, but only for {} s", seconds(lasted))
            }
            Rule::LowPrimary if self.presumed_low => {
                let silent = self.heard.map_or(0, seconds);
                write!(f, "last heard on battery, {silent} s ago")
            }
            Rule::LowPrimary => f.write_str("on battery and low"),
            Rule::LowAwaitingPrimary { lasted } => {
                write!(
                    f,
                    "on battery and low for {} s; its primary has a word first",
                    seconds(lasted)
                )
            }
            Rule::LowSecondary { lasted } => {
                write!(
                    f,
                    "on battery and low for {} s without a word of its primary",
                    seconds(lasted)
                )
            }
        }
    }
}

/// What is thought of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// How far a shutdown has come.
    pub stage: Stage,
    /// Power of the UPSes that are not critical.
    pub supplies: u32,
    /// `MINSUPPLIES`: with less than that the machine goes down.
    pub needed: u32,
    /// In the order of the file.
    pub systems: Vec<Judgement>,
}

impl Outlook {
    /// Whether the rules ask for a shutdown now.
    pub fn shuts_down(&self) -> bool {
        self.supplies < self.needed
    }
}

pub(super) fn outlook(upses: &[Ups], stage: &Stage, settings: &Settings, now: Duration) -> Outlook {
    let systems: Vec<_> = upses
        .iter()
        .zip(&settings.systems)
        .map(|(ups, system)| judge(ups, system, settings, now))
        .collect();
    let healthy = systems.iter().filter(|judged| !judged.rule.critical());
    Outlook {
        stage: stage.clone(),
        supplies: healthy.fold(0, |sum, judged| sum.saturating_add(judged.power)),
        needed: settings.min_supplies.value,
        systems,
    }
}

fn judge(ups: &Ups, system: &System, settings: &Settings, now: Duration) -> Judgement {
    let ago = |since: Option<Duration>| since.map(|since| now.saturating_sub(since));
    let presumed_low = ups.low_since.is_none() && presumed(ups, settings, now);
    let low = if presumed_low {
        ups.low_from(settings)
    } else {
        ups.low_since
    };
    let mut judged = Judgement {
        system: Arc::clone(&ups.name),
        power: system.power,
        role: system.role,
        rule: Rule::NeverHeard,
        comm: ups.comm,
        known: ups.known,
        presumed_low,
        heard: ago(ups.heard),
        low: ago(low),
        noncritical: ago(ups.noncritical),
        off: ago(ups.off_since),
        over: ago(ups.over_since),
        alarm: ups.alarm.clone(),
        failure: ups.failing.as_ref().map(|(failure, _)| failure.clone()),
        login_refused: matches!(ups.login, Login::Refused { .. }),
    };
    judged.rule = rule(&judged, ups.off_lasted, settings);
    judged
}

/// Last heard on battery, and that longer ago than DEADTIME.
fn presumed(ups: &Ups, settings: &Settings, now: Duration) -> bool {
    let silent = ups.heard.map(|heard| now.saturating_sub(heard));
    ups.known.has(Flag::OnBattery) && silent.is_some_and(|silent| silent > settings.dead_time.value)
}

/// The table: the first row that applies.
fn rule(of: &Judgement, off_lasted: bool, settings: &Settings) -> Rule {
    let has = |flag| of.known.has(flag);
    if has(Flag::Fsd) {
        return Rule::Forced;
    }
    if of.comm == Comm::Lost
        && let Some(rule) = lost(of, off_lasted, settings)
    {
        return rule;
    }
    if off_lasted && has(Flag::Off) {
        let lasted = of.off.unwrap_or_default();
        return Rule::Off { lasted };
    }
    if of.heard.is_none() {
        return Rule::NeverHeard;
    }
    let Some(lasted) = of.low else {
        return Rule::NotLow;
    };
    if has(Flag::Calibrating) {
        return Rule::Calibrating;
    }
    if lasted < settings.low_battery_duration.value {
        return Rule::LowTooShort { lasted };
    }
    let lasted = of.noncritical.unwrap_or_default();
    match of.role {
        Role::Primary => Rule::LowPrimary,
        Role::Secondary if lasted > settings.host_sync.value => Rule::LowSecondary { lasted },
        Role::Secondary => Rule::LowAwaitingPrimary { lasted },
    }
}

/// The rows for a UPS that is out of reach: what it last said is held against it.
fn lost(of: &Judgement, off_lasted: bool, settings: &Settings) -> Option<Rule> {
    let has = |flag| of.known.has(flag);
    if let (Some(lasted), Some(enough)) = (of.over, settings.over_duration.value)
        && lasted >= enough
    {
        return Some(Rule::LostOverloaded { lasted });
    }
    if has(Flag::Alarm) && settings.alarm_critical.value {
        return Some(Rule::LostAlarm);
    }
    if has(Flag::Calibrating) {
        return Some(Rule::LostCalibrating);
    }
    if has(Flag::Bypass) {
        return Some(Rule::LostBypass);
    }
    let off = has(Flag::Off) && (off_lasted || settings.off_duration.value.is_some());
    off.then_some(Rule::LostOff)
}

/// The instants at which the judgement of a UPS may change although nothing is heard. DEADTIME and HOSTSYNC have to be
/// passed, OBLBDURATION and OVERDURATION reached.
pub(super) fn turning_points(
    ups: &Ups,
    system: &System,
    settings: &Settings,
) -> impl Iterator<Item = Duration> + use<> {
    let low = ups.low_from(settings);
    let presumed = low.filter(|_| ups.low_since.is_none());
    let lasts = low.filter(|_| !settings.low_battery_duration.value.is_zero());
    let waits = low.filter(|_| system.role == Role::Secondary);
    let over = ups.over_since.filter(|_| ups.comm == Comm::Lost);
    [
        presumed.map(|low| low + TICK),
        lasts.map(|low| low + settings.low_battery_duration.value),
        waits
            .and(ups.noncritical)
            .map(|since| since + settings.host_sync.value + TICK),
        over.zip(settings.over_duration.value)
            .map(|(since, enough)| since + enough),
    ]
    .into_iter()
    .flatten()
}
