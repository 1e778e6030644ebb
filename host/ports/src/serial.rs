//! A serial line: a tty of the system, real or pseudo, opened raw and for us alone.
//!
//! What it refuses to do: it takes no path but the one it is given, shares the line with nobody unless told to, and
//! never reports settings as taken that the hardware did not take. Terminal facts are from termios(3),
//! ioctl_tty(2) and pty(7).

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use libc::{TIOCM_CAR, TIOCM_CTS, TIOCM_DSR, TIOCM_DTR, TIOCM_RNG, TIOCM_RTS};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    self, ControlModes, InputModes, OptionalActions, QueueSelector, Termios, ioctl_tiocexcl,
    ioctl_tiocnxcl,
};
use tokio::time::{sleep, timeout};

use crate::fd::{Fd, Ready};
use crate::intake::{Intake, Source, Timer};
use crate::{
    Deadline, Direction, Flow, Fut, InLines, IoError, LineSettings, LineState, OpenError, OutLines,
    Parity, SerialPort, StopBits, limits, trusted,
};

/// Whether others are kept away from the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// An advisory lock (`flock`) and exclusive mode (`TIOCEXCL`).
    #[default]
    Exclusive,
    /// Neither: what the option `nolock` asks for.
    None,
}

/// Opens a line raw at 2400 8N1 and empties its buffers.
///
/// Opening raises DTR and RTS on most hardware; the operating system offers no way around that.
///
/// # Errors
/// `NotFound`, `Denied`, `Busy` when another program holds the line, `WrongKind` when it is no terminal.
pub async fn open(path: &Path, lock: Lock) -> Result<Arc<dyn SerialPort>, OpenError> {
    let owned = path.to_path_buf();
    // USB adapters may take their time in open(2).
    let opening = tokio::task::spawn_blocking(move || Tty::open(owned, lock));
    let tty = match timeout(limits::OPEN, opening).await {
        Ok(Ok(opened)) => opened?,
        Ok(Err(stopped)) => return Err(OpenError::from_io(path, &stopped.into())),
        Err(_) => return Err(OpenError::Timeout(path.to_path_buf())),
    };
    tty.on_reactor().map(|serial| Arc::new(serial) as _)
}

/// A locked and configured descriptor that the reactor does not know yet.
struct Tty {
    path: PathBuf,
    fd: OwnedFd,
    lock: Lock,
}

impl Tty {
    fn open(path: PathBuf, lock: Lock) -> Result<Self, OpenError> {
        let failed = |errno: Errno| OpenError::from_io(&path, &errno.into());
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&path, flags, Mode::empty()).map_err(failed)?;
        if !termios::isatty(&fd) {
            return Err(OpenError::WrongKind {
                path,
                expected: "a serial port",
            });
        }
        if lock == Lock::Exclusive {
            // flock also stops root, whom exclusive mode lets through; exclusive mode also stops those who do not ask.
            match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::AGAIN) => return Err(OpenError::Busy(path)),
                done => done.map_err(failed)?,
            }
        }
        if let Err(error) = set_line(&fd, LineSettings::default()) {
            return Err(OpenError::Other {
                path,
                reason: error.to_string(),
            });
        }
        termios::tcflush(&fd, QueueSelector::IOFlush).map_err(failed)?;
        if lock == Lock::Exclusive {
            ioctl_tiocexcl(&fd).map_err(failed)?;
        }
        Ok(Self { path, fd, lock })
    }

    fn on_reactor(self) -> Result<Serial, OpenError> {
        let fd = Fd::new(self.fd).map_err(|error| OpenError::from_io(&self.path, &error))?;
        Ok(Serial {
            open: Some(Arc::new(fd)),
            lock: self.lock,
            intake: Intake::default(),
        })
    }
}

/// An open line. Calls that may wait inside the kernel run on a thread of their own and share the descriptor.
struct Serial {
    /// Taken out by `drop` only.
    open: Option<Arc<Fd>>,
    lock: Lock,
    intake: Intake,
}

impl SerialPort for Serial {
    fn configure(&self, settings: LineSettings) -> Fut<'_, ()> {
        self.in_the_kernel(move |tty| set_line(tty, settings))
    }

    fn state(&self) -> Fut<'_, LineState> {
        self.in_the_kernel(|tty| {
            let outputs = match trusted::modem_lines(tty).map_err(IoError::from) {
                Ok(word) => Some(OutLines {
                    dtr: word & TIOCM_DTR != 0,
                    rts: word & TIOCM_RTS != 0,
                }),
                Err(IoError::Unsupported) => None,
                Err(error) => return Err(error),
            };
            let settings = settings_of(&termios::tcgetattr(tty)?);
            Ok(LineState { settings, outputs })
        })
    }

    fn write<'a>(&'a self, bytes: &'a [u8], pace: Duration, deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            let timer = Timer::start(deadline);
            if pace.is_zero() {
                return self.fd()?.write_all(bytes, &timer).await;
            }
            for (at, byte) in bytes.chunks(1).enumerate() {
                if at > 0 {
                    if timer.left() < pace {
                        return Err(IoError::Timeout);
                    }
                    sleep(pace).await;
                }
                self.fd()?.write_all(byte, &timer).await?;
            }
            Ok(())
        })
    }

    fn drain(&self, deadline: Deadline) -> Fut<'_, ()> {
        Box::pin(self.drain_within(deadline))
    }

    fn read(&self, max: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(self.intake.read(self, max, deadline))
    }

    fn read_exact(&self, count: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(self.intake.read_exact(self, count, deadline))
    }

    fn read_until<'a>(
        &'a self,
        stop: &'a [u8],
        skip: &'a [u8],
        max: usize,
        deadline: Deadline,
    ) -> Fut<'a, Vec<u8>> {
        Box::pin(self.intake.read_until(self, (stop, skip), max, deadline))
    }

    fn discard(&self, direction: Direction) -> Fut<'_, ()> {
        Box::pin(async move {
            let queue = match direction {
                Direction::Input => QueueSelector::IFlush,
                Direction::Output => QueueSelector::OFlush,
                Direction::Both => QueueSelector::IOFlush,
            };
            termios::tcflush(self.fd()?.get(), queue)?;
            if direction != Direction::Output {
                self.intake.clear();
            }
            Ok(())
        })
    }

    fn set_lines(&self, lines: OutLines) -> Fut<'_, ()> {
        self.in_the_kernel(move |tty| {
            let mut word = trusted::modem_lines(tty)? & !(TIOCM_DTR | TIOCM_RTS);
            word |= if lines.dtr { TIOCM_DTR } else { 0 };
            word |= if lines.rts { TIOCM_RTS } else { 0 };
            Ok(trusted::set_modem_lines(tty, word)?)
        })
    }

    fn get_lines(&self) -> Fut<'_, InLines> {
        self.in_the_kernel(|tty| {
            let word = trusted::modem_lines(tty)?;
            Ok(InLines {
                cts: word & TIOCM_CTS != 0,
                dsr: word & TIOCM_DSR != 0,
                dcd: word & TIOCM_CAR != 0,
                ri: word & TIOCM_RNG != 0,
            })
        })
    }

    fn send_break(&self, duration: Duration) -> Fut<'_, ()> {
        self.in_the_kernel(move |tty| {
            if duration > limits::BREAK {
                return Err(IoError::TooLong);
            }
            // Not on the reactor, so that a cancelled call cannot leave the line in the break state.
            trusted::set_break(tty, true)?;
            std::thread::sleep(duration);
            Ok(trusted::set_break(tty, false)?)
        })
    }

    fn keep_on_close(&self, keep: bool) -> Fut<'_, ()> {
        self.in_the_kernel(move |tty| {
            let mut modes = termios::tcgetattr(tty)?;
            modes.control_modes.set(ControlModes::HUPCL, !keep);
            Ok(termios::tcsetattr(tty, OptionalActions::Now, &modes)?)
        })
    }

    fn readable(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            match self.fd()?.readable(&self.intake).await? {
                Ready::Bytes => Ok(()),
                Ready::Closed => Err(IoError::Disconnected),
            }
        })
    }
}

impl Serial {
    fn fd(&self) -> Result<&Arc<Fd>, IoError> {
        self.open.as_ref().ok_or(IoError::Disconnected)
    }

    async fn drain_within(&self, deadline: Deadline) -> Result<(), IoError> {
        let timer = Timer::start(deadline);
        // tcdrain(3) cannot be cancelled and waits for ever behind a raised flow control, so it is called only once the
        // kernel's buffer is empty; then it waits for the few bytes in the UART, which the kernel bounds.
        while trusted::unsent(self.fd()?.get())? > 0 {
            if timer.left().is_zero() {
                return Err(IoError::Timeout);
            }
            sleep(limits::DRAIN_TICK.min(timer.left())).await;
        }
        let fd = Arc::clone(self.fd()?);
        let draining = tokio::task::spawn_blocking(move || termios::tcdrain(fd.get()));
        match timeout(timer.left().max(limits::DRAIN_TICK), draining).await {
            Ok(Ok(drained)) => Ok(drained?),
            Ok(Err(stopped)) => Err(IoError::Other(stopped.to_string())),
            Err(_) => Err(IoError::Timeout),
        }
    }

    /// Asks the tty's driver. A UART answers at once, but a USB adapter is asked over the bus, and one that hangs
    /// keeps the calling thread for seconds, which must not be a worker of the whole server.
    fn in_the_kernel<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&OwnedFd) -> Result<T, IoError> + Send + 'static,
    ) -> Fut<'_, T> {
        let fd = self.fd().map(Arc::clone);
        Box::pin(async move {
            let fd = fd?;
            let asking = tokio::task::spawn_blocking(move || ask(fd.get()));
            match timeout(limits::TTY_CALL, asking).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(stopped)) => Err(IoError::Other(stopped.to_string())),
                Err(_) => Err(IoError::Timeout),
            }
        })
    }
}

impl Source for Serial {
    async fn more(&self, within: Duration) -> Result<Vec<u8>, IoError> {
        let chunk = self.fd()?.more(within).await?;
        // VMIN is 1, so nothing at all means that the line was hung up.
        if chunk.is_empty() {
            Err(IoError::Disconnected)
        } else {
            Ok(chunk)
        }
    }
}

impl Drop for Serial {
    fn drop(&mut self) {
        let Some(fd) = self.open.take() else { return };
        if self.lock == Lock::Exclusive {
            // Before closing, which may take a while: nobody uses the line any more. Failing means the tty is gone.
            let _ = ioctl_tiocnxcl(fd.get());
            let _ = rustix::fs::flock(fd.get(), FlockOperation::Unlock);
        }
        // close(2) waits up to 30 s for bytes not yet sent, and for a USB adapter to answer: not on a worker.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(fd));
        }
    }
}

/// The bits of a character frame, and who may hold back whom.
const FRAME: ControlModes = ControlModes::CSIZE
    .union(ControlModes::PARENB)
    .union(ControlModes::PARODD)
    .union(ControlModes::CSTOPB)
    .union(ControlModes::CRTSCTS);

/// Puts the line into raw mode with these settings and looks whether the hardware took them.
fn set_line(tty: &OwnedFd, settings: LineSettings) -> Result<(), IoError> {
    let size = match settings.data_bits {
        5 => ControlModes::CS5,
        6 => ControlModes::CS6,
        7 => ControlModes::CS7,
        8 => ControlModes::CS8,
        _ => return Err(IoError::Unsupported),
    };
    // Zero baud would mean: hang up, that is, drop DTR.
    if settings.baud == 0 {
        return Err(IoError::Unsupported);
    }
    let mut modes = termios::tcgetattr(tty)?;
    modes.make_raw();
    let flow = InputModes::IXON | InputModes::IXOFF;
    modes.input_modes -= flow | InputModes::IXANY;
    modes.control_modes -= FRAME;
    modes.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL | size;
    modes.control_modes |= match settings.parity {
        Parity::None => ControlModes::empty(),
        Parity::Even => ControlModes::PARENB,
        Parity::Odd => ControlModes::PARENB | ControlModes::PARODD,
    };
    if settings.stop_bits == StopBits::Two {
        modes.control_modes |= ControlModes::CSTOPB;
    }
    match settings.flow {
        Flow::None => {}
        Flow::RtsCts => modes.control_modes |= ControlModes::CRTSCTS,
        Flow::XonXoff => modes.input_modes |= flow,
    }
    modes.set_speed(settings.baud)?;
    termios::tcsetattr(tty, OptionalActions::Now, &modes)?;
    // tcsetattr(3) succeeds when it could do any part of what was asked.
    let taken = termios::tcgetattr(tty)?;
    if same_speed(&taken, settings.baud) && (same_frame(&taken, &modes) || is_pseudo(tty)) {
        Ok(())
    } else {
        Err(IoError::Unsupported)
    }
}

/// The inverse of [`set_line`], for lines it has set.
fn settings_of(modes: &Termios) -> LineSettings {
    let control = modes.control_modes;
    LineSettings {
        baud: modes.output_speed(),
        data_bits: match control & ControlModes::CSIZE {
            ControlModes::CS5 => 5,
            ControlModes::CS6 => 6,
            ControlModes::CS7 => 7,
            _ => 8,
        },
        parity: match (
            control.contains(ControlModes::PARENB),
            control.contains(ControlModes::PARODD),
        ) {
            (false, _) => Parity::None,
            (true, false) => Parity::Even,
            (true, true) => Parity::Odd,
        },
        stop_bits: if control.contains(ControlModes::CSTOPB) {
            StopBits::Two
        } else {
            StopBits::One
        },
        flow: if control.contains(ControlModes::CRTSCTS) {
            Flow::RtsCts
        } else if modes.input_modes.contains(InputModes::IXON) {
            Flow::XonXoff
        } else {
            Flow::None
        },
    }
}

/// Within 2 %, which a UART tolerates and to which drivers round.
fn same_speed(taken: &Termios, asked: u32) -> bool {
    taken.output_speed().abs_diff(asked) <= asked / 50
}

fn same_frame(taken: &Termios, asked: &Termios) -> bool {
    (taken.control_modes & FRAME) == (asked.control_modes & FRAME)
}

/// A pseudo-terminal has no wire: the kernel keeps 8N1 and every byte arrives whatever was asked.
fn is_pseudo(tty: &OwnedFd) -> bool {
    // Majors 136 to 143 are Unix98 pseudo-terminal slaves (Linux devices.txt).
    rustix::fs::fstat(tty)
        .is_ok_and(|status| (136..=143).contains(&rustix::fs::major(status.st_rdev)))
}

#[cfg(test)]
mod tests;
