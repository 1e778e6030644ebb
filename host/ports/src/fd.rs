//! A non-blocking descriptor on the reactor: what ttys and sockets have in common.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use crate::intake::{Intake, Source, Timer};
use crate::{IoError, limits, trusted};

/// An open descriptor; reads and writes wait for the reactor, never for the kernel.
pub(crate) struct Fd {
    inner: AsyncFd<OwnedFd>,
}

/// Why a descriptor is readable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Bytes are there.
    Bytes,
    /// The other side is gone and no bytes are left.
    Closed,
}

impl Fd {
    /// Takes a descriptor that is already non-blocking.
    pub(crate) fn new(fd: OwnedFd) -> std::io::Result<Self> {
        Ok(Self {
            inner: trusted::on_reactor(fd)?,
        })
    }

    pub(crate) fn get(&self) -> &OwnedFd {
        self.inner.get_ref()
    }

    /// Writes everything; a partial write begins a gap.
    pub(crate) async fn write_all(&self, mut bytes: &[u8], timer: &Timer) -> Result<(), IoError> {
        let mut began = false;
        while !bytes.is_empty() {
            let within = timer.next_chunk(began);
            let sent = self
                .when(Interest::WRITABLE, within, |fd| {
                    rustix::io::write(fd, bytes)
                })
                .await?;
            bytes = bytes.get(sent..).unwrap_or_default();
            began = true;
        }
        Ok(())
    }

    /// Waits until bytes are in `intake` or in the kernel, or the other side is gone.
    pub(crate) async fn readable(&self, intake: &Intake) -> Result<Ready, IoError> {
        loop {
            if !intake.is_empty() {
                return Ok(Ready::Bytes);
            }
            let mut guard = self.inner.readable().await?;
            if rustix::io::ioctl_fionread(self.get())? > 0 {
                return Ok(Ready::Bytes);
            }
            if guard.ready().is_read_closed() {
                return Ok(Ready::Closed);
            }
            guard.clear_ready();
        }
    }

    /// Tries, and only when the kernel has nothing waits for the reactor: a total of zero must see what is there
    /// even if the reactor has not looked yet.
    async fn when(
        &self,
        interest: Interest,
        within: Duration,
        mut call: impl FnMut(&OwnedFd) -> rustix::io::Result<usize>,
    ) -> Result<usize, IoError> {
        match call(self.get()) {
            Err(Errno::AGAIN) => {}
            done => return Ok(done?),
        }
        let waiting = self.inner.async_io(interest, |fd| Ok(call(fd)?));
        Ok(timeout(within, waiting)
            .await
            .map_err(|_| IoError::Timeout)??)
    }
}

impl Source for Fd {
    async fn more(&self, within: Duration) -> Result<Vec<u8>, IoError> {
        let mut chunk = vec![0; limits::CHUNK];
        let count = self
            .when(Interest::READABLE, within, |fd| {
                rustix::io::read(fd, &mut *chunk)
            })
            .await?;
        chunk.truncate(count);
        Ok(chunk)
    }
}
