//! One opened serial port. There is no way to open another.
//!
//! In the sandbox every method is one call into the host, and only those a driver uses become imports of its
//! component: modem lines, which can cut the power, are a grant of their own and stay out of the import list of a
//! driver that never touches them. Natively a port is whatever implements [`SerialBackend`].

use crate::{Deadline, IoError};

/// Parity bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even parity.
    Even,
    /// Odd parity.
    Odd,
}

/// Stop bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    One,
    /// Two.
    Two,
}

/// Flow control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// None.
    None,
    /// RTS and CTS.
    RtsCts,
    /// XON and XOFF.
    XonXoff,
}

/// Line settings; the line is always raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits per second.
    pub baud: u32,
    /// 5 to 8.
    pub data_bits: u8,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop_bits: StopBits,
    /// Flow control.
    pub flow: Flow,
}

impl LineSettings {
    /// 8 data bits, no parity, one stop bit, no flow control.
    #[must_use]
    pub const fn n81(baud: u32) -> Self {
        Self {
            baud,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow: Flow::None,
        }
    }
}

/// What [`Serial::discard`] throws away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Bytes that came and were not read.
    Input,
    /// Bytes written that have not left.
    Output,
    /// Both.
    Both,
}

/// Modem lines driven by us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Data terminal ready.
    pub dtr: bool,
    /// Request to send.
    pub rts: bool,
}

/// Modem lines driven by the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Data carrier detect.
    pub dcd: bool,
    /// Ring indicator.
    pub ri: bool,
}

/// What a serial port is made of. Drivers use [`Serial`]; tests implement this.
///
/// The provided methods are made of `write`, `read` and `discard`; the host has its own, with one crossing each.
#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError its port met"
)]
pub trait SerialBackend {
    /// Sends all bytes, `pace_us` microseconds apart when not zero.
    fn write(&mut self, bytes: &[u8], pace_us: u32, deadline: Deadline) -> Result<(), IoError>;

    /// What arrives first: at least one and at most `max` bytes.
    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError>;

    /// Throws away what is buffered.
    fn discard(&mut self, direction: Direction) -> Result<(), IoError>;

    /// Changes the line settings.
    fn configure(&mut self, _settings: LineSettings) -> Result<(), IoError> {
        Ok(())
    }

    /// Waits until everything written has left.
    fn drain(&mut self, _deadline: Deadline) -> Result<(), IoError> {
        Ok(())
    }

    /// Takes back bytes of a read that did not come to its end: the next read begins with them.
    fn unread(&mut self, _bytes: Vec<u8>) {}

    /// Exactly `count` bytes. A timeout loses nothing.
    fn read_exact(&mut self, count: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        let mut bytes = Vec::new();
        while let Some(missing) = count.checked_sub(bytes.len() as u32).filter(|n| *n > 0) {
            match self.read(missing, deadline) {
                Ok(more) => bytes.extend(more),
                Err(error) => {
                    self.unread(bytes);
                    return Err(error);
                }
            }
        }
        Ok(bytes)
    }

    /// Up to and with any byte of `stop`; bytes of `skip` are dropped on the way. A timeout loses nothing.
    fn read_until(
        &mut self,
        stop: &[u8],
        skip: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let mut bytes = Vec::new();
        loop {
            let more = match self.read(1, deadline) {
                Ok(more) => more,
                Err(error) => {
                    self.unread(bytes);
                    return Err(error);
                }
            };
            for byte in more {
                if !skip.contains(&byte) {
                    bytes.push(byte);
                }
                if stop.contains(&byte) {
                    return Ok(bytes);
                }
            }
            if bytes.len() as u32 >= max {
                return Err(IoError::TooLong);
            }
        }
    }

    /// Discards both directions, writes, reads up to and with any byte of `stop`.
    fn transact(
        &mut self,
        request: &[u8],
        stop: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.discard(Direction::Both)?;
        self.write(request, 0, deadline)?;
        self.read_until(stop, &[], max, deadline)
    }

    /// Sets both modem outputs in one step.
    fn set_lines(&mut self, _lines: Outputs) -> Result<(), IoError> {
        Err(IoError::Unsupported)
    }

    /// Reads all modem inputs in one step.
    fn get_lines(&mut self) -> Result<Inputs, IoError> {
        Err(IoError::Unsupported)
    }

    /// Sets the outputs and reads the inputs.
    fn exchange_lines(&mut self, lines: Outputs) -> Result<Inputs, IoError> {
        self.set_lines(lines)?;
        self.get_lines()
    }

    /// Holds the line in the break state.
    fn send_break(&mut self, _ms: u32) -> Result<(), IoError> {
        Err(IoError::Unsupported)
    }

    /// What becomes of the modem outputs when the port is closed.
    fn keep_on_close(&mut self, _keep: bool) -> Result<(), IoError> {
        Err(IoError::Unsupported)
    }
}

#[cfg(target_arch = "wasm32")]
type Backend = crate::guest::SerialPort;
#[cfg(not(target_arch = "wasm32"))]
type Backend = Box<dyn SerialBackend>;

/// One opened serial port.
pub struct Serial(Backend);

impl std::fmt::Debug for Serial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serial")
    }
}

#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError the port met"
)]
impl Serial {
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn new(port: Backend) -> Self {
        Self(port)
    }

    /// A port made of anything; for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(port: impl SerialBackend + 'static) -> Self {
        Self(Box::new(port))
    }

    /// Changes the line settings while the port stays open.
    pub fn configure(&mut self, settings: LineSettings) -> Result<(), IoError> {
        self.0.configure(settings)
    }

    /// Sends all bytes.
    pub fn write(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), IoError> {
        self.0.write(bytes, 0, deadline)
    }

    /// Sends all bytes, `pace_us` microseconds apart, for devices that drop what comes too fast.
    pub fn write_paced(
        &mut self,
        bytes: &[u8],
        pace_us: u32,
        deadline: Deadline,
    ) -> Result<(), IoError> {
        self.0.write(bytes, pace_us, deadline)
    }

    /// Waits until everything written has left the wire.
    pub fn drain(&mut self, deadline: Deadline) -> Result<(), IoError> {
        self.0.drain(deadline)
    }

    /// What arrives first, at most `max` bytes.
    pub fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        self.0.read(max, deadline)
    }

    /// Exactly `count` bytes.
    pub fn read_exact(&mut self, count: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        self.0.read_exact(count, deadline)
    }

    /// Up to and with any byte of `stop`, dropping bytes of `skip`; [`IoError::TooLong`] after `max` bytes.
    pub fn read_until(
        &mut self,
        stop: &[u8],
        skip: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.0.read_until(stop, skip, max, deadline)
    }

    /// Discards both directions, writes, reads up to and with any byte of `stop`.
    pub fn transact(
        &mut self,
        request: &[u8],
        stop: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        self.0.transact(request, stop, max, deadline)
    }

    /// Throws away what is buffered.
    pub fn discard(&mut self, direction: Direction) -> Result<(), IoError> {
        self.0.discard(direction)
    }

    /// Sets both modem outputs in one step.
    pub fn set_lines(&mut self, lines: Outputs) -> Result<(), IoError> {
        self.0.set_lines(lines)
    }

    /// Reads all modem inputs in one step.
    pub fn get_lines(&mut self) -> Result<Inputs, IoError> {
        self.0.get_lines()
    }

    /// Sets the modem outputs and reads the inputs in one call.
    pub fn exchange_lines(&mut self, lines: Outputs) -> Result<Inputs, IoError> {
        self.0.exchange_lines(lines)
    }

    /// Holds the line in the break state for `ms` milliseconds.
    pub fn send_break(&mut self, ms: u32) -> Result<(), IoError> {
        self.0.send_break(ms)
    }

    /// What becomes of the modem outputs when the port is closed: kept, or dropped.
    pub fn keep_on_close(&mut self, keep: bool) -> Result<(), IoError> {
        self.0.keep_on_close(keep)
    }
}
