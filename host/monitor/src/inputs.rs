//! Everything that can happen to a running upsmon, in one place to wait at.
//!
//! Nothing here takes long or decides; what comes in is bounded where it comes from.

use std::io;

use husk_core::monitor::Event;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, sleep_until};

use crate::control::Question;
use crate::notify::Order;
use crate::parent::Stops;
use crate::sleep;

/// Everything that can happen.
pub(crate) struct Inputs {
    pub(crate) answers: mpsc::Receiver<Event>,
    pub(crate) questions: mpsc::Receiver<Question>,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) sleeps: mpsc::Receiver<sleep::Change>,
    pub(crate) parent: Option<UnixStream>,
    pub(crate) watchdog: Option<Interval>,
    pub(crate) signals: Signals,
}

pub(crate) enum Input {
    /// For the monitor.
    Event(Event),
    /// What the monitor wanted to be woken for.
    Due,
    /// Somebody wants to know why.
    Question(Question),
    /// The machine goes to sleep, or has woken.
    Sleep(sleep::Change),
    /// The service manager wants a sign of life.
    Alive,
    /// HUP.
    Reload,
    /// TERM, INT or QUIT.
    Stop,
}

/// The signals upsmon obeys.
pub(crate) struct Signals {
    hangup: unix::Signal,
    user: unix::Signal,
    stops: Stops,
}

impl Signals {
    /// From now on none of them ends the program by itself.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
            stops: Stops::catch()?,
        })
    }
}

impl Inputs {
    /// What happens next; [`Input::Due`] at the latest.
    pub(crate) async fn next(&mut self, due: Instant) -> Input {
        tokio::select! {
            Some(event) = self.answers.recv() => Input::Event(event),
            Some(question) = self.questions.recv() => Input::Question(question),
            Some(Order::ShutDown { timer }) = self.orders.recv() => {
                log::error!("the timer {timer} demands a shutdown");
                Input::Event(Event::Forced)
            }
            Some(change) = self.sleeps.recv() => Input::Sleep(change),
            () = gone(&mut self.parent) => Input::Event(Event::ParentGone),
            () = tick(&mut self.watchdog) => Input::Alive,
            Some(()) = self.signals.hangup.recv() => Input::Reload,
            Some(()) = self.signals.user.recv() => {
                log::error!("Signal 10: User requested FSD");
                Input::Event(Event::Forced)
            }
            () = self.signals.stops.any() => Input::Stop,
            () = sleep_until(due) => Input::Due,
        }
    }
}

/// Returns once, when the parent has ended: it never says anything.
async fn gone(parent: &mut Option<UnixStream>) {
    match parent {
        Some(stream) => {
            let _ = stream.read(&mut [0]).await;
            *parent = None;
        }
        None => std::future::pending().await,
    }
}

async fn tick(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}
