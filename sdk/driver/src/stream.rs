//! One byte stream to the one endpoint the configuration names, connected by the host.

use crate::{Deadline, IoError};

/// What a stream is made of. Drivers use [`Stream`]; tests implement this.
#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError its stream met"
)]
pub trait StreamBackend {
    /// Sends all bytes.
    fn write(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), IoError>;
    /// What arrives first, at most `max` bytes; empty when the peer closed.
    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError>;
    /// Exactly `count` bytes.
    fn read_exact(&mut self, count: u32, deadline: Deadline) -> Result<Vec<u8>, IoError>;
    /// Up to and with any byte of `stop`; [`IoError::TooLong`] after `max` bytes.
    fn read_until(&mut self, stop: &[u8], max: u32, deadline: Deadline)
    -> Result<Vec<u8>, IoError>;
    /// Connects to the same endpoint again; what was not read is gone. [`IoError::Disconnected`]: nobody there.
    fn reopen(&mut self, deadline: Deadline) -> Result<(), IoError>;
    /// Hangs up: every call but [`reopen`](Self::reopen) is [`IoError::Disconnected`] from then on.
    fn close(&mut self);
}

#[cfg(target_arch = "wasm32")]
type Backend = crate::guest::Connection;
#[cfg(not(target_arch = "wasm32"))]
type Backend = Box<dyn StreamBackend>;

/// One connected stream.
pub struct Stream(Backend);

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError the stream met"
)]
impl Stream {
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn new(connection: Backend) -> Self {
        Self(connection)
    }

    /// A stream made of anything; for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(connection: impl StreamBackend + 'static) -> Self {
        Self(Box::new(connection))
    }

    /// Sends all bytes.
    pub fn write(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), IoError> {
        self.0.write(bytes, deadline)
    }

    /// What arrives first, at most `max` bytes; empty when the peer closed.
    pub fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        self.0.read(max, deadline)
    }

    /// Exactly `count` bytes.
    pub fn read_exact(&mut self, count: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        self.0.read_exact(count, deadline)
    }

    /// Up to and with any byte of `stop`; [`IoError::TooLong`] after `max` bytes.
    pub fn read_until(
        &mut self,
        stop: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.0.read_until(stop, max, deadline)
    }

    /// Connects to the same endpoint again, for protocols that take one question per connection; what was not read is
    /// gone. [`IoError::Disconnected`]: nobody answers there.
    pub fn reopen(&mut self, deadline: Deadline) -> Result<(), IoError> {
        self.0.reopen(deadline)
    }

    /// Hangs up: every call but [`reopen`](Self::reopen) is [`IoError::Disconnected`] from then on.
    pub fn close(&mut self) {
        self.0.close();
    }
}
