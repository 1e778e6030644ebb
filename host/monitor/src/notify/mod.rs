//! Telling people and programs: the log, every terminal, NOTIFYCMD, and the timers of husk.toml.
//!
//! Nothing here is ever waited for by whoever decides: a notice is logged at once and the rest is handed to a task. Programs are
//! started in the order of their notices and run beside one another, bounded in number and time (see `limits.rs`); one that hangs
//! keeps its place and nothing else. Refuses to lose a notice in silence.

use std::time::Duration;

use husk_core::monitor::{Flags, Notice};
use husk_core::sched::{Cause, Rule};
use husk_daemon::syslog::{self, Severity};
use tokio::sync::{mpsc, oneshot};

mod limits;
mod teller;

/// What of the configuration concerns notifications.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// `NOTIFYCMD`; empty: none.
    pub command: Vec<String>,
    /// `[[timer]]` of husk.toml.
    pub timers: Vec<Rule>,
}

/// What a timer wants of the decision loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A forced shutdown, as if the operator had asked for it.
    ShutDown {
        /// The timer's name.
        timer: String,
    },
}

enum Message {
    Notice {
        cause: Cause,
        wall: bool,
        exec: bool,
    },
    Wall(String),
    Setup(Setup),
    Flush(oneshot::Sender<()>),
}

/// A handle to the task that tells. Ends it when the last one is dropped; programs it has started go on.
#[derive(Debug, Clone)]
pub struct Notifier(mpsc::Sender<Message>);

impl Notifier {
    /// Starts the task in the runtime this is called in.
    pub fn start(setup: Setup) -> (Self, mpsc::Receiver<Order>) {
        let (sender, messages) = mpsc::channel(limits::NOTICES);
        let (orders, wanted) = mpsc::channel(limits::ORDERS);
        tokio::spawn(teller::run(setup, messages, orders));
        (Self(sender), wanted)
    }

    /// Tells. Timers see the notice whatever its flags are.
    pub fn send(&self, notice: &Notice) {
        if notice.flags.has(Flags::SYSLOG) {
            syslog::log(Severity::Notice, &notice.text);
        }
        let cause = Cause {
            kind: notice.kind.name().to_owned(),
            system: notice.system.as_deref().unwrap_or_default().to_owned(),
            text: notice.text.clone(),
        };
        self.hand_over(Message::Notice {
            cause,
            wall: notice.flags.has(Flags::WALL),
            exec: notice.flags.has(Flags::EXEC),
        });
    }

    /// Writes to every terminal.
    pub fn wall(&self, text: &str) {
        self.hand_over(Message::Wall(text.to_owned()));
    }

    /// From now on another NOTIFYCMD and other timers; those of rules that have not changed go on.
    pub fn reconfigure(&self, setup: Setup) {
        self.hand_over(Message::Setup(setup));
    }

    /// Waits, but not longer than `limit`, until the programs for everything said so far have been started.
    pub async fn flush(&self, limit: Duration) {
        let (done, flushed) = oneshot::channel();
        self.hand_over(Message::Flush(done));
        if tokio::time::timeout(limit, flushed).await.is_err() {
            log::error!("programs for notifications still wait to be started after {limit:?}");
        }
    }

    fn hand_over(&self, message: Message) {
        if self.0.try_send(message).is_err() {
            log::error!(
                "a notification goes to the log alone: {} wait to be handed on already",
                limits::NOTICES
            );
        }
    }
}

#[cfg(test)]
mod tests;
