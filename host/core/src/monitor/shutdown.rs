//! The way down: FSD to all, wait for the secondaries, last words, shutdown command, stay or leave.
//!
//! Two things upsmon does otherwise. An FSD that does not get through is said again until HOSTSYNC is over. And a server that
//! cannot count logins (it is out of reach, or its device is) is not taken to have none: the primary then waits for
//! HOSTSYNC, because the secondaries it cannot see may be alive.

use std::sync::Arc;
use std::time::Duration;

use super::Monitor;
use super::contact::Login;
use super::event::{Action, Failure, Level, Out};
use super::notify::Kind;
use super::settings::{Role, ShutdownExit};
use super::ups::Flag;

/// Between two counts of the logins, as upsmon counts.
const COUNT_EVERY: Duration = Duration::from_millis(250);
/// How long an FSD may stay unanswered when HOSTSYNC is shorter: as long as a reply may take.
const FSD_PATIENCE: Duration = Duration::from_secs(5);
/// Between two signs of life during FINALDELAY; a server drops who says nothing for 60 s.
const ALIVE_EVERY: Duration = Duration::from_secs(20);
/// Between two signs of life while the machine goes down, as upsmon gives them.
const LINGER_EVERY: Duration = Duration::from_secs(1);
const LAST_WORDS: &str = "Executing automatic power-fail shutdown";

/// How far it has come. There is no way back from [`Stage::AwaitingSecondaries`] on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing is decided.
    Watching,
    /// The machine sleeps; nothing is judged.
    Asleep(Asleep),
    /// FSD is out; secondaries are leaving.
    AwaitingSecondaries(AwaitingSecondaries),
    /// Everybody was told; the shutdown command comes next.
    FinalDelay(FinalDelay),
    /// The shutdown command was asked for; the logins are kept so that the primary waits.
    Lingering(Lingering),
    /// [`Action::Exit`] was given.
    Over,
}

/// Asleep, or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asleep {
    /// Awake for so long, it never fell asleep or woke unnoticed.
    pub until: Duration,
}

/// Waiting for the logins at every UPS of which this machine is the primary to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AwaitingSecondaries {
    /// When the forced shutdown began.
    pub since: Duration,
    /// End of HOSTSYNC.
    pub until: Duration,
    /// When to ask again.
    pub(super) beat: Duration,
    /// The notice that we wait went out.
    pub(super) told: bool,
    pub(super) primaries: Vec<Leaving>,
}

/// One UPS of which this machine is the primary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Leaving {
    pub(super) system: Arc<str>,
    pub(super) fsd: Fsd,
    /// Machines logged in beside this one, by the last count; `None`: not known.
    pub(super) others: Option<u32>,
    /// The connection is a new one: a server that was restarted finds its clients again one by one, and no count is good.
    pub(super) returned: bool,
    /// A count is under way.
    pub(super) counting: bool,
}

/// What became of an FSD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fsd {
    /// Under way; whether an earlier one failed.
    Asked {
        again: bool,
    },
    Accepted,
    /// The server will not have it from us.
    Denied,
    /// It did not get through.
    Failed,
}

/// Waiting for FINALDELAY to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FinalDelay {
    /// Its end.
    pub until: Duration,
    /// When to ask again, so that no server drops us for being idle.
    pub(super) beat: Duration,
}

/// Staying logged in while the machine goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lingering {
    /// When to exit; `None`: when ended.
    pub until: Option<Duration>,
    /// When to ask again, so that no server drops us for being idle.
    pub(super) beat: Duration,
}

impl Leaving {
    fn say(system: &Arc<str>, out: &mut Out) {
        out.act(Action::SetFsd {
            system: Arc::clone(system),
        });
    }

    fn settled(&self) -> bool {
        matches!(self.fsd, Fsd::Accepted | Fsd::Denied) && self.others == Some(0) && !self.returned
    }

    fn count(&mut self, out: &mut Out) {
        if !self.counting {
            self.counting = true;
            self.others = None;
            out.act(Action::CountLogins {
                system: Arc::clone(&self.system),
            });
        }
    }
}

impl AwaitingSecondaries {
    fn over(&self, now: Duration) -> bool {
        let answered = |leaving: &Leaving| !matches!(leaving.fsd, Fsd::Asked { .. });
        now >= self.until
            && (now >= self.since + FSD_PATIENCE || self.primaries.iter().all(answered))
    }

    fn leaving(&mut self, system: &str) -> Option<&mut Leaving> {
        let mut primaries = self.primaries.iter_mut();
        primaries.find(|leaving| &*leaving.system == system)
    }

    /// Says FSD again where it failed, counts where it arrived.
    fn ask(&mut self, now: Duration, out: &mut Out) {
        if now < self.beat {
            return;
        }
        self.beat = next_beat(now, self.until);
        for leaving in &mut self.primaries {
            match leaving.fsd {
                Fsd::Failed => {
                    leaving.fsd = Fsd::Asked { again: true };
                    Leaving::say(&leaving.system, out);
                }
                Fsd::Asked { .. } => {}
                Fsd::Accepted | Fsd::Denied => leaving.count(out),
            }
        }
    }
}

/// When to ask again: not later than HOSTSYNC ends.
fn next_beat(now: Duration, until: Duration) -> Duration {
    let beat = now + COUNT_EVERY;
    if until > now { beat.min(until) } else { beat }
}

impl Stage {
    /// When something has to happen.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Watching | Self::Over => None,
            Self::Asleep(asleep) => Some(asleep.until),
            Self::AwaitingSecondaries(waiting) => Some(waiting.beat),
            Self::FinalDelay(last) => Some(last.until.min(last.beat)),
            Self::Lingering(stay) => Some(stay.until.unwrap_or(stay.beat).min(stay.beat)),
        }
    }

    /// Whether a forced shutdown has begun.
    pub fn going_down(&self) -> bool {
        !matches!(self, Self::Watching | Self::Asleep(_))
    }
}

impl Monitor {
    /// Begins a forced shutdown. Every UPS of which this machine is the primary is told, the healthy ones too.
    pub(super) fn force(&mut self, now: Duration, out: &mut Out) {
        let systems = self.settings.systems.iter();
        let primaries: Vec<_> = systems
            .filter(|system| system.role == Role::Primary)
            .map(|system| {
                Leaving::say(&system.name, out);
                Leaving {
                    system: Arc::clone(&system.name),
                    fsd: Fsd::Asked { again: false },
                    others: None,
                    returned: false,
                    counting: false,
                }
            })
            .collect();
        self.stage = Stage::AwaitingSecondaries(AwaitingSecondaries {
            since: now,
            until: now + self.settings.host_sync.value,
            beat: next_beat(now, now + self.settings.host_sync.value),
            told: false,
            primaries,
        });
    }

    /// Without a connection nobody is logged in.
    fn note_link<T>(&mut self, system: &str, outcome: &Result<T, Failure>) {
        if matches!(outcome, Err(failure) if failure.unlinked())
            && let Some(ups) = self.upses.iter_mut().find(|ups| &*ups.name == system)
        {
            ups.login = Login::Down;
        }
    }

    /// A server answered FSD, or did not.
    pub(super) fn fsd_set(&mut self, system: &str, outcome: Result<(), Failure>, out: &mut Out) {
        self.note_link(system, &outcome);
        let Stage::AwaitingSecondaries(waiting) = &mut self.stage else {
            return;
        };
        let Some(leaving) = waiting.leaving(system) else {
            return;
        };
        let again = leaving.fsd == Fsd::Asked { again: true };
        match outcome {
            Ok(()) => {
                leaving.fsd = Fsd::Accepted;
                leaving.count(out);
                if let Some(ups) = self.upses.iter_mut().find(|ups| &*ups.name == system) {
                    ups.known.put(Flag::Fsd, true);
                    if ups.told.put(Flag::Fsd, true) {
                        out.notify_of(Kind::Fsd, &ups.name, "", &self.settings.notices);
                    }
                }
            }
            Err(failure) => {
                // The login is on its way, or a new connection will be.
                let unready = |token: &str| token.ends_with("-REQUIRED");
                let denied = match &failure {
                    Failure::Refused(token) => !unready(token),
                    _ => false,
                };
                leaving.fsd = if denied { Fsd::Denied } else { Fsd::Failed };
                if denied {
                    leaving.count(out);
                }
                if denied || !again {
                    let text = format!("FSD set on UPS [{system}] failed: {failure}");
                    out.log(Level::Error, text);
                }
            }
        }
    }

    /// A new connection may lead to a new server, which knows of no FSD and no logins.
    pub(super) fn doubt(&mut self, system: &str) {
        if let Stage::AwaitingSecondaries(waiting) = &mut self.stage
            && let Some(leaving) = waiting.leaving(system)
        {
            leaving.returned = true;
            if leaving.fsd == Fsd::Accepted {
                leaving.fsd = Fsd::Failed;
            }
        }
    }

    /// Says FSD as soon as the server knows who says it.
    pub(super) fn say_again(&mut self, system: &str, out: &mut Out) {
        if let Stage::AwaitingSecondaries(waiting) = &mut self.stage
            && let Some(leaving) = waiting.leaving(system)
            && leaving.fsd == Fsd::Failed
        {
            leaving.fsd = Fsd::Asked { again: true };
            Leaving::say(&leaving.system, out);
        }
    }

    /// A server counted logins, or did not.
    pub(super) fn logins(&mut self, system: &str, outcome: Result<u32, Failure>, out: &mut Out) {
        self.note_link(system, &outcome);
        let mut upses = self.upses.iter();
        let counted = upses.any(|ups| &*ups.name == system && ups.login == Login::In);
        let Stage::AwaitingSecondaries(waiting) = &mut self.stage else {
            return;
        };
        let Some(leaving) = waiting.leaving(system) else {
            return;
        };
        leaving.counting = false;
        let count = match outcome {
            // Nobody can be logged in at a UPS that is not there.
            Err(Failure::Refused(token)) if token == "UNKNOWN-UPS" => Some(0),
            outcome => outcome.ok(),
        };
        leaving.others = count.map(|count| count.saturating_sub(u32::from(counted)));
        if leaving.others.is_some_and(|others| others > 0) && !waiting.told {
            waiting.told = true;
            out.notify(Kind::ShutdownHostsync, "", &self.settings.notices);
        }
    }

    /// Goes on as far as it can now.
    pub(super) fn proceed(&mut self, now: Duration, out: &mut Out) {
        loop {
            match &mut self.stage {
                Stage::AwaitingSecondaries(waiting) => {
                    let settled = waiting.primaries.iter().all(Leaving::settled);
                    if !settled && !waiting.over(now) {
                        waiting.ask(now, out);
                        return;
                    }
                    if !settled {
                        let text = "Host sync timer expired, forcing shutdown";
                        out.log(Level::Notice, text.to_owned());
                    }
                    self.last_words(now, out);
                }
                Stage::FinalDelay(last) if now >= last.until => self.shut_down(now, out),
                Stage::FinalDelay(last) if now >= last.beat => {
                    last.beat = now + ALIVE_EVERY;
                    return self.stay_alive(out);
                }
                Stage::Lingering(stay) if stay.until.is_some_and(|until| now >= until) => {
                    self.exit(0, out);
                }
                Stage::Lingering(stay) if now >= stay.beat => {
                    stay.beat = now + LINGER_EVERY;
                    return self.stay_alive(out);
                }
                _ => return,
            }
        }
    }

    fn last_words(&mut self, now: Duration, out: &mut Out) {
        out.log(Level::Critical, LAST_WORDS.to_owned());
        out.act(Action::Wall {
            text: LAST_WORDS.to_owned(),
        });
        out.notify(Kind::Shutdown, "", &self.settings.notices);
        self.stage = Stage::FinalDelay(FinalDelay {
            until: now + self.settings.final_delay.value,
            beat: now + ALIVE_EVERY,
        });
    }

    fn shut_down(&mut self, now: Duration, out: &mut Out) {
        out.act(Action::ShutDown);
        let stay = |until| {
            let beat = now + LINGER_EVERY;
            Stage::Lingering(Lingering { until, beat })
        };
        match self.settings.shutdown_exit.value {
            ShutdownExit::Now => self.exit(0, out),
            ShutdownExit::Never => self.stage = stay(None),
            ShutdownExit::After(time) => self.stage = stay(Some(now + time)),
        }
    }

    pub(super) fn exit(&mut self, code: u8, out: &mut Out) {
        out.act(Action::Exit { code });
        self.stage = Stage::Over;
    }

    /// Says something to every server, so that none drops us and counts us as gone.
    fn stay_alive(&self, out: &mut Out) {
        for ups in &self.upses {
            out.act(Action::CountLogins {
                system: Arc::clone(&ups.name),
            });
        }
    }
}
