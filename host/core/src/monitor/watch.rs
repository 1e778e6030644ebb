//! Watching: polls and their answers, the decision, sleep, reload.

use std::sync::Arc;
use std::time::Duration;

use super::contact::Login;
use super::event::{Action, Failure, Level, Out, Reading, Refused};
use super::notify::Kind;
use super::settings::{Role, Settings, System};
use super::shutdown::{Asleep, Stage};
use super::ups::{Asked, Flag, Ups};
use super::{Monitor, critical};

/// Later than this nobody meant to be, and further than this the time of day does not drift between two polls.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);
/// Between two notices that the parent is gone.
const ORPHAN_EVERY: Duration = Duration::from_secs(120);
/// A machine that is awake for so long after it was about to sleep has not slept, or woke without our being told.
const FALLING_ASLEEP: Duration = Duration::from_secs(60);

impl Monitor {
    /// Between two polls of all.
    fn interval(&self) -> Duration {
        let alert = |ups: &Ups| ups.known.has(Flag::OnBattery) || ups.known.has(Flag::Off);
        if self.upses.iter().any(alert) {
            self.settings.poll_alert.value
        } else {
            self.settings.poll.value
        }
    }

    /// When all are to be polled: in time, and when a judgement may turn although nothing was heard.
    pub(super) fn next_pass(&self) -> Duration {
        let upses = self.upses.iter().zip(&self.settings.systems);
        let points =
            upses.flat_map(|(ups, system)| critical::turning_points(ups, system, &self.settings));
        let point = points.filter(|&point| point > self.last_pass).min();
        let regular = self.last_pass + self.interval();
        point.map_or(regular, |point| point.min(regular))
    }

    /// The time has come, or something else.
    pub(super) fn wake(&mut self, wall: Duration, now: Duration, out: &mut Out) {
        match self.stage {
            Stage::Watching => {
                if let Some(jump) = self.jump(wall, now) {
                    // Only the time of day was set: what is known still holds, but ask.
                    self.jumped(jump, out);
                    self.pass(now, out);
                } else if now >= self.next_pass() {
                    self.pass(now, out);
                }
                self.clock = (now, wall);
            }
            Stage::Asleep(asleep) if now >= asleep.until => self.woken(wall, now, out),
            _ => {}
        }
    }

    /// By how many seconds the time of day departs from `now`, if that is too much.
    fn jump(&self, wall: Duration, now: Duration) -> Option<i128> {
        let (then, then_wall) = self.clock;
        let whole = |time: Duration| i128::from(time.as_secs());
        let drift = whole(wall) - whole(then_wall) - whole(now.saturating_sub(then));
        (drift.abs() > whole(CLOCK_TOLERANCE)).then_some(drift)
    }

    /// Nobody woke us in time: the machine slept, or this program was stopped. What comes now is of before, and silence meant nothing.
    pub(super) fn stalled(&mut self, now: Duration, out: &mut Out) {
        let late = now.saturating_sub(self.due);
        if self.stage == Stage::Watching && late > CLOCK_TOLERANCE {
            self.jumped(i128::from(late.as_secs()), out);
            self.forget(now, out);
        }
    }

    fn jumped(&self, seconds: i128, out: &mut Out) {
        let notices = &self.settings.notices;
        out.notify(Kind::SuspendTimejump, &format!("{seconds} s"), notices);
    }

    /// What was known is void; everybody is asked again.
    fn forget(&mut self, now: Duration, out: &mut Out) {
        self.upses.iter_mut().for_each(|ups| ups.forget(now));
        self.pass(now, out);
    }

    /// Polls all that are not being polled. Without any answer to come it judges at once.
    fn pass(&mut self, now: Duration, out: &mut Out) {
        self.last_pass = now;
        if let Some(last) = self.orphaned
            && now.saturating_sub(last) >= ORPHAN_EVERY
        {
            self.orphan(now, out);
        }
        let mut asked = false;
        for ups in &mut self.upses {
            ups.log_in_again(now, out);
            asked |= ups.poll(out);
        }
        if !asked {
            self.decide(now, out);
        }
    }

    pub(super) fn orphan(&mut self, now: Duration, out: &mut Out) {
        self.orphaned = Some(now);
        out.notify(Kind::NoParent, "", &self.settings.notices);
    }

    /// Begins a shutdown if there is too little power left.
    fn decide(&mut self, now: Duration, out: &mut Out) {
        let outlook = critical::outlook(&self.upses, &self.stage, &self.settings, now);
        if self.stage != Stage::Watching || !outlook.shuts_down() {
            return;
        }
        for judged in outlook
            .systems
            .iter()
            .filter(|judged| judged.rule.critical())
        {
            let text = format!("UPS [{}] is critical: {judged}", judged.system);
            out.log(Level::Warning, text);
        }
        let (value, least) = (outlook.supplies, outlook.needed);
        let text =
            format!("Too few UPS(es) are healthy ({value}<{least}), initiating forced shutdown");
        out.log(Level::Critical, text);
        self.force(now, out);
    }

    /// A poll was answered.
    pub(super) fn polled(
        &mut self,
        name: &str,
        outcome: Result<Reading, Failure>,
        now: Duration,
        out: &mut Out,
    ) {
        let watching = self.stage == Stage::Watching;
        let mut upses = self.upses.iter_mut().zip(&self.settings.systems);
        let Some((ups, system)) = upses.find(|(ups, _)| &*ups.name == name) else {
            return;
        };
        if !watching {
            ups.asked = Asked::No;
            if matches!(&outcome, Err(failure) if failure.unlinked()) {
                ups.login = Login::Down;
            }
            return;
        }
        if ups.answered(out) {
            ups.polled(outcome, system, &self.settings, now, out);
            self.decide(now, out);
        }
    }

    /// A connection is up: log in, and read what happened before it was.
    pub(super) fn linked(&mut self, name: &str, out: &mut Out) {
        let watching = self.stage == Stage::Watching;
        if let Some(ups) = self.ups(name) {
            ups.log_in(out);
            if watching {
                ups.poll(out);
            }
        }
        self.doubt(name);
    }

    pub(super) fn logged_in(
        &mut self,
        name: &str,
        outcome: Result<(), Refused>,
        now: Duration,
        out: &mut Out,
    ) {
        let settings = Arc::clone(&self.settings.0);
        if let Some(ups) = self.ups(name) {
            ups.logged_in(outcome, &settings, now, out);
        }
        self.say_again(name, out);
    }

    /// The server says that there is news: ask, now or again when the question under way is answered.
    pub(super) fn changed(&mut self, name: &str, out: &mut Out) {
        if self.stage != Stage::Watching {
            return;
        }
        if let Some(ups) = self.ups(name)
            && !ups.poll(out)
            && ups.asked == Asked::Yes
        {
            ups.asked = Asked::Again;
        }
    }

    fn ups(&mut self, name: &str) -> Option<&mut Ups> {
        self.upses.iter_mut().find(|ups| &*ups.name == name)
    }

    pub(super) fn sleeping(&mut self, now: Duration, out: &mut Out) {
        if self.stage == Stage::Watching {
            out.notify(Kind::SuspendStarting, "", &self.settings.notices);
            let until = now + FALLING_ASLEEP;
            self.stage = Stage::Asleep(Asleep { until });
        }
    }

    pub(super) fn woken(&mut self, wall: Duration, now: Duration, out: &mut Out) {
        if self.stage.going_down() {
            return;
        }
        // Otherwise a late Wake has said so already.
        if matches!(self.stage, Stage::Asleep(_)) {
            out.notify(Kind::SuspendFinished, "", &self.settings.notices);
        }
        self.stage = Stage::Watching;
        self.clock = (now, wall);
        self.forget(now, out);
    }

    /// Takes new settings. A UPS that stays keeps what is known of it.
    pub(super) fn reload(&mut self, settings: Settings, now: Duration, out: &mut Out) {
        if self.stage.going_down() {
            let text = "A shutdown is under way: the new configuration is not used";
            return out.log(Level::Warning, text.to_owned());
        }
        if let Err(insufficient) = settings.sufficient() {
            let text = format!("Fatal error: insufficient power configured! {insufficient}");
            out.log(Level::Critical, text);
            return self.exit(1, out);
        }
        let mut upses = Vec::new();
        for system in &settings.systems {
            let known = self.upses.iter().position(|ups| ups.name == system.name);
            upses.push(match known.map(|at| self.upses.remove(at)) {
                Some(mut ups) => {
                    let before = self.settings.system(&system.name);
                    ups.reload(before, system, out);
                    ups
                }
                None => Ups::new(system),
            });
        }
        for ups in &self.upses {
            out.log(
                Level::Notice,
                format!("No longer monitoring UPS [{}]", ups.name),
            );
            ups.disconnect(out);
        }
        self.upses = upses;
        self.settings = Arc::new(settings).into();
        if self.stage == Stage::Watching {
            self.pass(now, out);
        }
    }
}

impl Ups {
    fn disconnect(&self, out: &mut Out) {
        out.act(Action::Disconnect {
            system: Arc::clone(&self.name),
        });
    }

    /// A primary has to say so on a new connection, and other credentials only count on one.
    fn reload(&mut self, before: Option<&System>, after: &System, out: &mut Out) {
        self.failing = None;
        let Some(before) = before else {
            return;
        };
        let promoted = before.role != after.role && after.role == Role::Primary;
        let renamed = (&before.user, &before.password) != (&after.user, &after.password);
        if promoted || (renamed && self.login != Login::In) {
            self.disconnect(out);
            self.login = Login::Down;
            if self.asked != Asked::No {
                self.asked = Asked::Void;
            }
        }
    }
}
