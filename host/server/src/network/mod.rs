//! The thread that serves clients: one loop over all sockets, and the mailbox by which the rest of the server reaches it.
//!
//! One thread answers more than 100,000 requests a second, and it does nothing else: what takes time (a TLS handshake, a
//! password) is an errand for the workers and comes back as a letter. A pass of the loop serves each connection that has
//! something to read once, in the order the system names them, with one read and one write; so nobody is served twice
//! before all others. It refuses to wait for any client: what does not fit into a socket is kept until it does, or until
//! its deadline.

mod connection;
mod errands;
mod link;
mod mailbox;
mod pass;
#[cfg(test)]
mod tests;

pub(crate) use mailbox::Post;

use crate::published::{Clock, Directory};
use mailbox::Letter;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// What all connections share.
pub(crate) struct Hall {
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
    /// How many connections there may be. A lower limit turns nobody out, it only lets nobody in.
    pub(crate) seats: AtomicUsize,
    /// Where errands are done.
    pub(crate) workers: Handle,
}

/// How clients of a listener begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// In clear, with STARTTLS to be had.
    Plain,
    /// With a TLS handshake.
    Tls,
}

/// The thread; when this is dropped it closes all connections and ends.
pub(crate) struct Network(Post);

impl Network {
    /// Starts it; `alive` is dropped when it has ended.
    ///
    /// # Errors
    /// The system gives no thread or no epoll descriptor.
    pub(crate) fn start(hall: Arc<Hall>, alive: Option<mpsc::Sender<()>>) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let post = Post::new(mio::Waker::new(poll.registry(), pass::POST)?);
        let floor = pass::Floor::new(poll, hall, post.clone());
        thread::Builder::new()
            .name("network".to_owned())
            .spawn(move || {
                let end = panic::catch_unwind(AssertUnwindSafe(|| floor.run()));
                drop(alive);
                if end.is_err() {
                    // A server that answers nobody must not look alive: who watches over it starts another.
                    log::error!("the network thread met a mistake of this server, which ends; please report it");
                    process::abort();
                }
            })?;
        Ok(Self(post))
    }

    pub(crate) fn post(&self) -> &Post {
        &self.0
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.0.send(Letter::Stop);
    }
}
