//! The monitor: when this machine has to go down, and what must happen before.
//!
//! A pure function of events and time: [`Monitor::on`] takes an [`Event`] and `now` and gives [`Action`]s. It holds no socket, runs
//! no program, looks at no clock. Every question it asks is answered once by the runtime, questions to different UPSes go out together
//! and no UPS waits for another. Standard: upsmon of NUT 2.8; where its documentation and its code differ, the documentation.
//!
//! `now` must go on while the machine sleeps (CLOCK_BOOTTIME): waking far too late is how a sleep that nobody announced is
//! recognised. What was known before it is void then. A time of day that was merely set voids nothing.
//!
//! Once a forced shutdown has begun nothing cancels it, mains returning included: the server keeps FSD, secondaries may be
//! half down, and a UPS that is told to cut its output brings everybody back.

mod contact;
mod critical;
mod event;
pub mod explain;
pub mod killpower;
mod model;
mod notify;
mod settings;
mod shutdown;
mod ups;
mod watch;

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub use critical::{Judgement, Outlook, Rule};
pub use event::{Action, Event, Failure, Level, Notice, Reading, Refused, Step};
pub use notify::{Flags, Kind, Notices, Template};
pub use settings::{At, InsufficientPower, Role, Secret, Settings, ShutdownExit, System, Throttle};
pub use shutdown::{Asleep, AwaitingSecondaries, FinalDelay, Lingering, Stage};
pub use ups::{Comm, Flag, Known};

use event::Out;
use ups::Ups;

/// The whole state. Two that are equal behave alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Monitor {
    settings: Shared,
    /// One for every system of the settings, in their order.
    upses: Vec<Ups>,
    stage: Stage,
    /// When all were last polled.
    last_pass: Duration,
    /// `now` and the time of day at the last [`Event::Wake`].
    clock: (Duration, Duration),
    /// The last [`Action::WakeAt`].
    due: Duration,
    /// When the last notice of a missing parent went out; `Some` from the moment it is gone.
    orphaned: Option<Duration>,
}

/// Settings that cost nothing to hash: whoever keeps thousands of monitors keeps few settings.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shared(Arc<Settings>);

impl Hash for Shared {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Deref for Shared {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0
    }
}

impl From<Arc<Settings>> for Shared {
    fn from(settings: Arc<Settings>) -> Self {
        Self(settings)
    }
}

impl Monitor {
    /// Begins to watch: all UPSes are polled at once.
    ///
    /// # Errors
    /// The settings ask for more power than they configure.
    pub fn new(
        settings: Settings,
        now: Duration,
        wall: Duration,
    ) -> Result<(Self, Vec<Action>), InsufficientPower> {
        settings.sufficient()?;
        let mut monitor = Self {
            upses: settings.systems.iter().map(Ups::new).collect(),
            settings: Arc::new(settings).into(),
            stage: Stage::Watching,
            last_pass: now,
            clock: (now, wall),
            due: now,
            orphaned: None,
        };
        let mut out = Out::default();
        for ups in &mut monitor.upses {
            ups.poll(&mut out);
        }
        let actions = monitor.finish(out, now);
        Ok((monitor, actions))
    }

    /// Takes an event; what to do about it, in this order. [`Action::WakeAt`] comes last, unless it is all over.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Action> {
        let mut out = Out::default();
        if self.stage == Stage::Over {
            return out.0;
        }
        self.stalled(now, &mut out);
        match event {
            Event::Wake { wall } => self.wake(wall, now, &mut out),
            Event::Polled { system, outcome } => self.polled(&system, outcome, now, &mut out),
            Event::Linked { system } => self.linked(&system, &mut out),
            Event::LoggedIn { system, outcome } => self.logged_in(&system, outcome, now, &mut out),
            Event::Changed { system } => self.changed(&system, &mut out),
            Event::FsdSet { system, outcome } => self.fsd_set(&system, outcome, &mut out),
            Event::Logins { system, outcome } => self.logins(&system, outcome, &mut out),
            Event::Forced if !self.stage.going_down() => {
                let text = "The operator asks for a forced shutdown";
                out.log(Level::Critical, text.to_owned());
                self.force(now, &mut out);
            }
            Event::Forced => {}
            Event::Reload(settings) => self.reload(*settings, now, &mut out),
            Event::Sleeping => self.sleeping(now, &mut out),
            Event::Woken { wall } => self.woken(wall, now, &mut out),
            Event::ParentGone if self.orphaned.is_none() => self.orphan(now, &mut out),
            Event::ParentGone => {}
        }
        self.proceed(now, &mut out);
        self.finish(out, now)
    }

    /// What it decides by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where it is on the way down.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// What is thought of every UPS, by the very rules that decide.
    pub fn judgements(&self, now: Duration) -> Outlook {
        critical::outlook(&self.upses, &self.stage, &self.settings, now)
    }

    fn finish(&mut self, mut out: Out, now: Duration) -> Vec<Action> {
        let due = match &self.stage {
            Stage::Over => return out.0,
            Stage::Watching => self.next_pass(),
            stage => stage.deadline().unwrap_or_else(|| self.next_pass()),
        };
        self.due = due.max(now);
        out.act(Action::WakeAt(self.due));
        out.0
    }
}

#[cfg(test)]
mod tests;
