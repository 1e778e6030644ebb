//! How the rest of the server reaches the network thread.
//!
//! Bounded by what sends: one letter for each listener that is opened or closed, one for each connection whose handshake or
//! password is being worked on, one for each UPS whose change was not told yet.

use super::Entrance;
use super::link::Link;
use crate::published::{Served, lock};
use std::mem;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// What the network thread is told.
pub(super) enum Letter {
    /// Accept from this listener.
    Open {
        id: usize,
        listener: TcpListener,
        entrance: Entrance,
    },
    /// Close this listener; its address is free when the sender is gone.
    Shut {
        id: usize,
        done: oneshot::Sender<()>,
    },
    /// A password was looked at, in the light of `served`.
    Judged {
        at: Address,
        served: Arc<Served>,
        right: Option<bool>,
    },
    /// A handshake has ended; the reason if it failed.
    Encrypted {
        at: Address,
        outcome: Result<Link, String>,
    },
    /// Status, alarm, FSD or freshness of the UPS, named as configured.
    Changed(Arc<str>),
    /// The configuration.
    Reloaded,
    /// Close everything and end.
    Stop,
}

/// A connection, as long as it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) slot: usize,
    /// Another connection may have the slot by now.
    pub(super) id: u64,
}

/// Where letters are posted.
#[derive(Clone)]
pub(crate) struct Post(Arc<Mailbox>);

struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    waker: mio::Waker,
    listeners: AtomicUsize,
}

impl Post {
    pub(super) fn new(waker: mio::Waker) -> Self {
        Self(Arc::new(Mailbox {
            letters: Mutex::default(),
            waker,
            listeners: AtomicUsize::new(0),
        }))
    }

    pub(super) fn send(&self, letter: Letter) {
        self.add(letter, |_| true);
    }

    /// Tells that a UPS has changed, unless that waits to be told already.
    pub(crate) fn changed(&self, ups: &Arc<str>) {
        self.add(Letter::Changed(Arc::clone(ups)), |letters| {
            !letters
                .iter()
                .any(|letter| matches!(letter, Letter::Changed(name) if name == ups))
        });
    }

    /// Tells that the list in force is another.
    pub(crate) fn reloaded(&self) {
        self.send(Letter::Reloaded);
    }

    /// Lets clients in by the listener, until [`Post::shut`].
    pub(crate) fn open(&self, listener: TcpListener, entrance: Entrance) -> usize {
        let id = self.0.listeners.fetch_add(1, Ordering::Relaxed);
        self.send(Letter::Open {
            id,
            listener,
            entrance,
        });
        id
    }

    /// Closes a listener; its address is free when this returns.
    pub(crate) async fn shut(&self, id: usize) {
        let (done, is_done) = oneshot::channel();
        self.send(Letter::Shut { id, done });
        // An error means that it is done with.
        let _ = is_done.await;
    }

    fn add(&self, letter: Letter, wanted: impl FnOnce(&[Letter]) -> bool) {
        let mut letters = lock(&self.0.letters);
        if !wanted(&letters) {
            return;
        }
        letters.push(letter);
        // Whoever posted before has waked the thread.
        if letters.len() == 1
            && let Err(error) = self.0.waker.wake()
        {
            log::error!("the network thread cannot be waked: {error}");
        }
    }

    pub(super) fn take(&self) -> Vec<Letter> {
        mem::take(&mut *lock(&self.0.letters))
    }
}
