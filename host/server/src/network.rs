//! The thread that serves clients in clear.
//!
//! One thread answers more than 100,000 requests a second, and it does nothing else: neither a device whose plugin
//! computes for a while, nor a thousand TLS handshakes, are between a client and its reply. On one thread a reply
//! also costs less: nothing is woken or locked on another processor.

use crate::limits;
use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread; what runs on it is dropped with this.
pub(crate) struct Network {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Network {
    /// Starts it.
    ///
    /// # Errors
    /// The system gives no thread or no epoll descriptor.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .event_interval(limits::NETWORK_TURNS)
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("network".to_owned())
            .spawn(move || {
                // Nothing is ever sent: the end of the sender is the end of the thread.
                let _ = runtime.block_on(stopped);
                // A hash being computed is not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn what_runs_on_it_ends_with_it() {
        let network = Network::start().unwrap();
        let (held, end) = mpsc::channel::<()>();
        network.handle().spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(network);
        let ended = end.recv_timeout(Duration::from_secs(10));
        assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
