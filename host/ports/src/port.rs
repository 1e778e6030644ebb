//! What a port can do, whatever it is: the three traits and the deadline of every call.
//!
//! All traits are object safe and take `&self`, so that the same port can be lent to the instance that
//! leaves and the one that comes. They do not serialise callers: one instance speaks at a time, and the
//! engine sees to that.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::IoError;
use crate::line::{Direction, InLines, LineSettings, LineState, OutLines};
use crate::snmp::SnmpPort;
use crate::usb::UsbPort;

/// The future of one call on a port. Dropping it cancels the call; bytes that arrived stay in the port.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T, IoError>> + Send + 'a>>;

/// How long one call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The whole call; zero asks for what is there already.
    pub total: Duration,
    /// Silence allowed between two chunks, once the first has come.
    pub gap: Option<Duration>,
}

impl Deadline {
    /// A total without a gap.
    #[must_use]
    pub const fn total(total: Duration) -> Self {
        Self { total, gap: None }
    }

    /// A total of so many milliseconds without a gap.
    #[must_use]
    pub const fn ms(ms: u64) -> Self {
        Self::total(Duration::from_millis(ms))
    }

    /// The same with so many milliseconds of silence allowed between two chunks.
    #[must_use]
    pub const fn gap_ms(self, ms: u64) -> Self {
        Self {
            total: self.total,
            gap: Some(Duration::from_millis(ms)),
        }
    }
}

/// One opened path to one device, as it is lent to a driver.
#[derive(Clone)]
pub enum Port {
    /// A serial line.
    Serial(Arc<dyn SerialPort>),
    /// A directory, read-only.
    Files(Arc<dyn Directory>),
    /// A byte stream to one peer.
    Stream(Arc<dyn Connection>),
    /// A USB device with one interface.
    Usb(Arc<dyn UsbPort>),
    /// An SNMP agent.
    Snmp(Arc<dyn SnmpPort>),
}

/// A serial line. Always raw and binary; bytes are what the device sent.
///
/// Reads that fail with [`IoError::Timeout`] lose nothing: what had arrived is kept and is the beginning of the
/// next read, so a driver may take an unfinished answer with `read(max, Deadline::ms(0))`.
pub trait SerialPort: Send + Sync {
    /// Changes the line while it stays open. `Unsupported` when the hardware did something else instead.
    fn configure(&self, settings: LineSettings) -> Fut<'_, ()>;

    /// How the line is set now, for [`SerialPort::restore`].
    fn state(&self) -> Fut<'_, LineState>;

    /// Hands all bytes to the operating system; when `pace` is not zero, one at a time and at least `pace` apart.
    fn write<'a>(&'a self, bytes: &'a [u8], pace: Duration, deadline: Deadline) -> Fut<'a, ()>;

    /// Waits until everything written has left the wire.
    fn drain(&self, deadline: Deadline) -> Fut<'_, ()>;

    /// What arrives first, 1 to `max` bytes (at most [`crate::limits::CHUNK`]); `Timeout` when nothing did.
    fn read(&self, max: usize, deadline: Deadline) -> Fut<'_, Vec<u8>>;

    /// Exactly `count` bytes; `TooLong` when `count` exceeds [`crate::limits::MESSAGE`].
    fn read_exact(&self, count: usize, deadline: Deadline) -> Fut<'_, Vec<u8>>;

    /// Up to and with any byte of `stop`; bytes in `skip` are dropped on the way.
    /// More than `max` bytes without a stop is `TooLong`, and those bytes are thrown away.
    fn read_until<'a>(
        &'a self,
        stop: &'a [u8],
        skip: &'a [u8],
        max: usize,
        deadline: Deadline,
    ) -> Fut<'a, Vec<u8>>;

    /// Throws away what is buffered.
    fn discard(&self, direction: Direction) -> Fut<'_, ()>;

    /// Sets both outputs in one step, so that no third state is seen in between.
    fn set_lines(&self, lines: OutLines) -> Fut<'_, ()>;

    /// Reads all inputs in one step.
    fn get_lines(&self) -> Fut<'_, InLines>;

    /// Holds the line in the break state.
    fn send_break(&self, duration: Duration) -> Fut<'_, ()>;

    /// Whether the outputs stay as they are (`true`) or drop when the port is closed. Nobody asked: as the
    /// administrator set the tty (`stty hupcl`), which is to drop them unless changed.
    fn keep_on_close(&self, keep: bool) -> Fut<'_, ()>;

    /// Waits, without a deadline, until a read would not wait; the supervisor selects on it between polls.
    /// `Disconnected` when the port is gone.
    fn readable(&self) -> Fut<'_, ()>;

    /// Puts a line back into an earlier state and empties its buffers: after a plugin that was not taken, or
    /// with the default state before a plugin that has not used this line yet.
    fn restore(&self, state: LineState) -> Fut<'_, ()> {
        Box::pin(async move {
            // Outputs first: on a contact UPS they are the part that can cut the power.
            if let Some(outputs) = state.outputs {
                self.set_lines(outputs).await?;
            }
            self.configure(state.settings).await?;
            self.discard(Direction::Both).await
        })
    }

    /// Sets the outputs and reads the inputs.
    fn exchange_lines(&self, lines: OutLines) -> Fut<'_, InLines> {
        Box::pin(async move {
            self.set_lines(lines).await?;
            self.get_lines().await
        })
    }

    /// Discards both directions, writes the request and reads up to a byte of `stop`, all within `deadline`.
    fn transact<'a>(
        &'a self,
        request: &'a [u8],
        stop: &'a [u8],
        max: usize,
        deadline: Deadline,
    ) -> Fut<'a, Vec<u8>> {
        Box::pin(async move {
            let start = tokio::time::Instant::now();
            self.discard(Direction::Both).await?;
            self.write(request, Duration::ZERO, deadline).await?;
            let rest = Deadline {
                total: deadline.total.saturating_sub(start.elapsed()),
                gap: deadline.gap,
            };
            self.read_until(stop, &[], max, rest).await
        })
    }
}

/// One granted directory, read-only. Names are plain or relative paths that cannot leave it.
pub trait Directory: Send + Sync {
    /// The whole file; larger than [`crate::limits::FILE`] is `TooLong`.
    fn read<'a>(&'a self, name: &'a str) -> Fut<'a, Vec<u8>>;

    /// Modification time in milliseconds since 1970.
    fn modified_ms<'a>(&'a self, name: &'a str) -> Fut<'a, u64>;

    /// The names of the plain files in it, sorted; more than [`crate::limits::NAMES`] is `TooLong`.
    fn names(&self) -> Fut<'_, Vec<String>>;
}

/// A byte stream to the one peer that the configuration names.
pub trait Connection: Send + Sync {
    /// Hands all bytes to the operating system.
    fn write<'a>(&'a self, bytes: &'a [u8], deadline: Deadline) -> Fut<'a, ()>;

    /// What arrives first, at most `max` bytes; empty when the peer closed; `Timeout` when nothing came.
    fn read(&self, max: usize, deadline: Deadline) -> Fut<'_, Vec<u8>>;

    /// Exactly `count` bytes; `Disconnected` when the peer closed before.
    fn read_exact(&self, count: usize, deadline: Deadline) -> Fut<'_, Vec<u8>>;

    /// Up to and with any byte of `stop`; more than `max` bytes without one is `TooLong`.
    fn read_until<'a>(&'a self, stop: &'a [u8], max: usize, deadline: Deadline)
    -> Fut<'a, Vec<u8>>;

    /// Waits, without a deadline, until a read would not wait (also: because the peer closed). For ever when it is hung up.
    fn readable(&self) -> Fut<'_, ()>;

    /// Hangs up what is left, with every byte not read, and connects to the same peer; `Disconnected` when nobody answers.
    fn reopen(&self, deadline: Deadline) -> Fut<'_, ()>;

    /// Hangs up: all but [`Connection::reopen`] is `Disconnected` from then on.
    fn close(&self);
}
