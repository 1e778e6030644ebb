//! What the monitor is told and what it wants done.
//!
//! Everything is data: the runtime does the actions in their order and answers the questions among them ([`Action::Poll`],
//! [`Action::LogIn`], [`Action::SetFsd`], [`Action::CountLogins`]) once each. Nothing here waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::notify::{Flags, Kind, Notices};
use super::settings::Settings;
use crate::proto::Refusal;

/// Something happened. `system` is [`super::System::name`]; an event of a system that is not monitored (any more) is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The time of [`Action::WakeAt`] has come; earlier or later does no harm.
    Wake {
        /// Time of day, since 1970: a jump against `now` means that it was set.
        wall: Duration,
    },
    /// Answer to [`Action::Poll`].
    Polled {
        /// Which.
        system: Arc<str>,
        /// What it said, or why it said nothing.
        outcome: Result<Reading, Failure>,
    },
    /// A new connection is up and nothing was said on it yet.
    Linked {
        /// Which.
        system: Arc<str>,
    },
    /// Answer to [`Action::LogIn`].
    LoggedIn {
        /// Which.
        system: Arc<str>,
        /// Refused at [`Step::Primary`] still counts as logged in.
        outcome: Result<(), Refused>,
    },
    /// The server says that something changed.
    Changed {
        /// Which.
        system: Arc<str>,
    },
    /// Answer to [`Action::SetFsd`].
    FsdSet {
        /// Which.
        system: Arc<str>,
        /// Whether the server took it.
        outcome: Result<(), Failure>,
    },
    /// Answer to [`Action::CountLogins`].
    Logins {
        /// Which.
        system: Arc<str>,
        /// Machines logged in at the UPS, this one included.
        outcome: Result<u32, Failure>,
    },
    /// The operator wants a forced shutdown (SIGUSR1).
    Forced,
    /// The configuration was read again (SIGHUP, or after [`Event::Woken`]).
    Reload(Box<Settings>),
    /// The machine is about to sleep.
    Sleeping,
    /// It is awake again.
    Woken {
        /// Time of day, since 1970.
        wall: Duration,
    },
    /// The privileged parent is gone: nobody could run the shutdown command. Once is enough.
    ParentGone,
}

/// What a UPS said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Reading {
    /// `ups.status`. Blank is no answer.
    pub status: String,
    /// `ups.alarm`; only needed while the status has `ALARM`.
    pub alarm: Option<String>,
    /// `ups.mode.buzzwords`, else `experimental.ups.mode.buzzwords`.
    pub buzzwords: Option<String>,
}

/// Why a question has no answer. `Display` is what the log says of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No connection could be made; why.
    Connect(String),
    /// The connection broke, or the answer was late or made no sense; why. It is closed.
    Lost(String),
    /// The server said `ERR` and this word. The connection is kept.
    Refused(String),
    /// The status is empty.
    Empty,
}

impl Failure {
    /// Whether there is no connection any more.
    pub fn unlinked(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Lost(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) | Self::Lost(why) => f.write_str(why),
            Self::Refused(token) => match Refusal::from_token(token) {
                Some(refusal) => f.write_str(refusal.text()),
                None => write!(f, "the server refuses: {token}"),
            },
            Self::Empty => f.write_str("ups.status is empty"),
        }
    }
}

/// A login that failed. The connection is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refused {
    /// How far it came.
    pub step: Step,
    /// What the server said.
    pub reason: String,
}

/// The steps of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// `USERNAME`, `PASSWORD`.
    Authentication,
    /// `LOGIN`.
    Login,
    /// `PRIMARY`, else `MASTER`.
    Primary,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the UPS; connect first where there is no connection. Answered by [`Event::Polled`].
    Poll {
        /// Which.
        system: Arc<str>,
    },
    /// Say who we are, `LOGIN`, and for a primary `PRIMARY`. Answered by [`Event::LoggedIn`], or not at all if the connection breaks.
    /// May be asked again on the same connection: what was accepted there is not repeated.
    LogIn {
        /// Which.
        system: Arc<str>,
    },
    /// Say `FSD`; connect first where there is no connection. Answered by [`Event::FsdSet`].
    SetFsd {
        /// Which.
        system: Arc<str>,
    },
    /// Ask how many are logged in; connect first where there is no connection. Answered by [`Event::Logins`].
    CountLogins {
        /// Which.
        system: Arc<str>,
    },
    /// Close the connection; the next question opens a new one.
    Disconnect {
        /// Which.
        system: Arc<str>,
    },
    /// Tell people and programs.
    Notify(Notice),
    /// Write to the log.
    Log {
        /// How urgent.
        level: Level,
        /// One line.
        text: String,
    },
    /// Write to every terminal.
    Wall {
        /// One line.
        text: String,
    },
    /// The decision: write POWERDOWNFLAG and run SHUTDOWNCMD.
    ShutDown,
    /// End the program, without `LOGOUT`: the closing connections are the sign that this machine has left.
    Exit {
        /// The exit status.
        code: u8,
    },
    /// Send [`Event::Wake`] then. Replaces what was asked before.
    WakeAt(Duration),
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// Which UPS; `None`: the machine.
    pub system: Option<Arc<str>>,
    /// The text, filled in.
    pub text: String,
    /// How to tell it. Empty: not at all, but timers built in may still run on it.
    pub flags: Flags,
}

/// Urgency of a line in the log, as syslog counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Act at once.
    Alert,
    /// Critical.
    Critical,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Normal but worth knowing.
    Notice,
    /// For the curious.
    Info,
    /// For the developer.
    Debug,
}

/// Actions being collected.
#[derive(Debug, Default)]
pub(super) struct Out(pub(super) Vec<Action>);

impl Out {
    pub(super) fn act(&mut self, action: Action) {
        self.0.push(action);
    }

    pub(super) fn log(&mut self, level: Level, text: String) {
        self.0.push(Action::Log { level, text });
    }

    /// Tells something of a UPS; `detail` is for the second place of the text.
    pub(super) fn notify_of(
        &mut self,
        kind: Kind,
        system: &Arc<str>,
        detail: &str,
        with: &Notices,
    ) {
        self.0.push(Action::Notify(Notice {
            kind,
            system: Some(Arc::clone(system)),
            text: with.text(kind, &[system, detail]),
            flags: with.flags(kind),
        }));
    }

    /// Tells something of this machine.
    pub(super) fn notify(&mut self, kind: Kind, detail: &str, with: &Notices) {
        self.0.push(Action::Notify(Notice {
            kind,
            system: None,
            text: with.text(kind, &[detail]),
            flags: with.flags(kind),
        }));
    }
}
