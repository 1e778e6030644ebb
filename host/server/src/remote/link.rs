//! One connection to a driver's socket: lines in, requests out.
//!
//! Writes are all or nothing and never wait: a driver whose buffer has no room for a request is as good as gone,
//! and the connection ends, as in the classic server. An outcome is taken only for a request that went this way.

use crate::limits;
use crate::published::Clock;
use husk_core::proto::driver::{self, Heard, Mirror};
use husk_core::proto::session::Request;
use husk_core::proto::tracking::Outcome;
use husk_core::state::Snapshot;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::sleep_until;

/// An open connection.
pub(crate) struct Link {
    stream: UnixStream,
    mirror: Mirror,
    /// Ids of requests without an outcome, oldest first.
    awaited: VecDeque<String>,
}

impl Link {
    /// Connects and asks for everything the driver has to say.
    ///
    /// # Errors
    /// Nobody listens, or the driver is too busy to be called.
    pub(crate) async fn open(socket: &Path, max_age: Duration, clock: Clock) -> io::Result<Self> {
        let stream = UnixStream::connect(socket).await?;
        let mut link = Self {
            stream,
            mirror: Mirror::new(max_age),
            awaited: VecDeque::new(),
        };
        let mut request = Vec::new();
        link.mirror.connected(clock.now(), &mut request);
        link.write(&request)?;
        Ok(link)
    }

    /// Waits until the driver says something or has been silent for too long. Loses nothing when dropped.
    ///
    /// # Errors
    /// The connection has ended.
    pub(crate) async fn hear(&mut self, clock: Clock) -> io::Result<Heard> {
        let due = self.mirror.next_deadline();
        let due = async {
            match due {
                Some(at) => sleep_until(clock.instant(at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ready = self.stream.readable() => ready?,
            () = due => {
                let mut ping = Vec::new();
                let changed = self.mirror.tick(clock.now(), &mut ping);
                self.write(&ping)?;
                return Ok(Heard { changed, ..Heard::default() });
            }
        }
        let mut chunk = [0; limits::DRIVER_CHUNK];
        match self.stream.try_read(&mut chunk) {
            Ok(0) => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "its driver closed the connection",
            )),
            Ok(length) => {
                let bytes = chunk.get(..length).unwrap_or_default();
                let mut heard = self.mirror.feed(bytes, clock.now());
                heard.tracked.retain(|(id, _)| self.expected(id));
                Ok(heard)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Heard::default()),
            Err(error) => Err(error),
        }
    }

    /// Hands a request to the driver.
    ///
    /// # Errors
    /// The driver does not take it; the connection is of no use any more.
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<()> {
        let mut line = Vec::new();
        driver::put_request(&request.what, request.tracking.as_deref(), &mut line);
        self.write(&line)?;
        if let Some(id) = &request.tracking {
            if self.awaited.len() >= limits::DRIVER_REQUESTS {
                self.awaited.pop_front();
            }
            self.awaited.push_back(id.clone());
        }
        Ok(())
    }

    /// What clients may see.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.mirror.snapshot()
    }

    /// Whether the first dump has come.
    pub(crate) fn is_complete(&self) -> bool {
        self.mirror.is_complete()
    }

    /// A changed MAXAGE.
    pub(crate) fn set_max_age(&mut self, max_age: Duration) {
        self.mirror.set_max_age(max_age);
    }

    /// The requests that will never have an outcome, now that the connection has ended.
    pub(crate) fn unanswered(self) -> impl Iterator<Item = (String, Outcome)> {
        self.awaited.into_iter().map(|id| (id, Outcome::Failed))
    }

    fn expected(&mut self, id: &str) -> bool {
        let before = self.awaited.len();
        self.awaited
            .retain(|awaited| !awaited.eq_ignore_ascii_case(id));
        self.awaited.len() != before
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        match self.stream.try_write(line) {
            Ok(length) if length == line.len() => Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Err(io::Error::new(
                ErrorKind::TimedOut,
                "its driver does not read what it is told",
            )),
        }
    }
}
