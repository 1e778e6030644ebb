//! Records what happens on a port into a `.trace` file, bounded, for a bug report or a fixture.
//!
//! A serial or stream conversation is recorded as its bytes and silences; a directory as `>` the name and `<` the
//! contents, of an SNMP agent as objects. Settings are not recorded, because some are secret. The file is appended to, readable by its owner
//! only, and recording stops for good, with a comment, when it is full or cannot be written; the port goes on.

mod snmp;
mod usb;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use husk_wire::trace::{Call, Step};
use rustix::fs::OFlags;

use crate::{
    Connection, Deadline, Direction, Directory, Fut, InLines, IoError, LineSettings, LineState,
    OpenError, OutLines, Port, SerialPort, limits,
};

/// Puts a recorder before a port.
///
/// # Errors
/// The file cannot be created or is a symbolic link.
pub async fn wrap(port: Port, path: &Path) -> Result<Port, OpenError> {
    Ok(Recording::create(path).await?.before(port))
}

/// One open recording.
#[derive(Clone)]
pub struct Recording(Arc<Mutex<Tape>>);

struct Tape {
    file: File,
    /// Bytes that may still be written; 0 once stopped.
    left: u64,
}

impl Recording {
    /// Opens the file to append to, with room for what it lacks to [`limits::RECORDING`] bytes.
    ///
    /// # Errors
    /// The file cannot be created or is a symbolic link.
    pub async fn create(path: &Path) -> Result<Self, OpenError> {
        let owned = path.to_path_buf();
        let opening = tokio::task::spawn_blocking(move || -> std::io::Result<Tape> {
            // No links: the daemon may be root, and others may be able to write where the file is to be.
            let flags =
                i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .custom_flags(flags)
                .open(owned)?;
            let left = limits::RECORDING.saturating_sub(file.metadata()?.len());
            Ok(Tape { file, left })
        });
        match opening.await {
            Ok(Ok(tape)) => Ok(Self(Arc::new(Mutex::new(tape)))),
            Ok(Err(error)) => Err(OpenError::from_io(path, &error)),
            Err(stopped) => Err(OpenError::from_io(path, &stopped.into())),
        }
    }

    /// Puts this recorder before a port.
    #[must_use]
    pub fn before(&self, port: Port) -> Port {
        let tape = self.clone();
        match port {
            Port::Serial(port) => Port::Serial(Arc::new(Recorded { port, tape })),
            Port::Files(port) => Port::Files(Arc::new(Recorded { port, tape })),
            Port::Stream(port) => Port::Stream(Arc::new(Recorded { port, tape })),
            Port::Usb(port) => Port::Usb(Arc::new(Recorded { port, tape })),
            Port::Snmp(port) => Port::Snmp(Arc::new(Recorded { port, tape })),
        }
    }

    /// Writes one step; also for the calls into the driver (`! poll`), which no port sees.
    ///
    /// The write goes to the page cache at once instead of a queue: a trace is most wanted when the program
    /// dies next.
    pub fn step(&self, step: &Step) {
        let mut tape = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = format!("{step}\n");
        if tape.left == 0 {
            return;
        }
        let fits = line.len() as u64 <= tape.left;
        let line = if fits {
            line.as_str()
        } else {
            "# the recording is full and ends here\n"
        };
        let written = tape.file.write_all(line.as_bytes()).is_ok();
        tape.left = if fits && written {
            tape.left.saturating_sub(line.len() as u64)
        } else {
            0
        };
    }

    fn sent(&self, bytes: &[u8]) {
        self.step(&Step::Sent(bytes.to_vec()));
    }

    /// The outcome of a read: bytes, or how long there were none.
    fn received(&self, outcome: &Result<Vec<u8>, IoError>, deadline: Deadline) {
        match outcome {
            Ok(bytes) => self.step(&Step::Received(bytes.clone())),
            Err(IoError::Timeout) if !deadline.total.is_zero() => {
                self.step(&Step::Silence(
                    u32::try_from(deadline.total.as_millis()).unwrap_or(u32::MAX),
                ));
            }
            Err(_) => {}
        }
    }
}

/// A port with a recorder before it.
struct Recorded<T: ?Sized> {
    tape: Recording,
    port: Arc<T>,
}

impl SerialPort for Recorded<dyn SerialPort> {
    fn configure(&self, settings: LineSettings) -> Fut<'_, ()> {
        self.port.configure(settings)
    }

    fn state(&self) -> Fut<'_, LineState> {
        self.port.state()
    }

    fn write<'a>(&'a self, bytes: &'a [u8], pace: Duration, deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            self.port.write(bytes, pace, deadline).await?;
            self.tape.sent(bytes);
            Ok(())
        })
    }

    fn drain(&self, deadline: Deadline) -> Fut<'_, ()> {
        self.port.drain(deadline)
    }

    fn read(&self, max: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let outcome = self.port.read(max, deadline).await;
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn read_exact(&self, count: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let outcome = self.port.read_exact(count, deadline).await;
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn read_until<'a>(
        &'a self,
        stop: &'a [u8],
        skip: &'a [u8],
        max: usize,
        deadline: Deadline,
    ) -> Fut<'a, Vec<u8>> {
        Box::pin(async move {
            let outcome = self.port.read_until(stop, skip, max, deadline).await;
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn discard(&self, direction: Direction) -> Fut<'_, ()> {
        self.port.discard(direction)
    }

    fn set_lines(&self, lines: OutLines) -> Fut<'_, ()> {
        Box::pin(async move {
            self.port.set_lines(lines).await?;
            self.tape.step(&Step::Outputs {
                dtr: lines.dtr,
                rts: lines.rts,
            });
            Ok(())
        })
    }

    fn get_lines(&self) -> Fut<'_, InLines> {
        Box::pin(async move {
            let InLines { cts, dsr, dcd, ri } = self.port.get_lines().await?;
            self.tape.step(&Step::Inputs { cts, dsr, dcd, ri });
            Ok(InLines { cts, dsr, dcd, ri })
        })
    }

    fn send_break(&self, duration: Duration) -> Fut<'_, ()> {
        self.port.send_break(duration)
    }

    fn keep_on_close(&self, keep: bool) -> Fut<'_, ()> {
        self.port.keep_on_close(keep)
    }

    fn readable(&self) -> Fut<'_, ()> {
        self.port.readable()
    }
}

impl Directory for Recorded<dyn Directory> {
    fn read<'a>(&'a self, name: &'a str) -> Fut<'a, Vec<u8>> {
        Box::pin(async move {
            let contents = self.port.read(name).await?;
            self.tape.sent(name.as_bytes());
            self.tape.step(&Step::Received(contents.clone()));
            Ok(contents)
        })
    }

    fn modified_ms<'a>(&'a self, name: &'a str) -> Fut<'a, u64> {
        self.port.modified_ms(name)
    }

    fn names(&self) -> Fut<'_, Vec<String>> {
        self.port.names()
    }
}

impl Connection for Recorded<dyn Connection> {
    fn write<'a>(&'a self, bytes: &'a [u8], deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            self.port.write(bytes, deadline).await?;
            self.tape.sent(bytes);
            Ok(())
        })
    }

    fn read(&self, max: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let outcome = self.port.read(max, deadline).await;
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn read_exact(&self, count: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let outcome = self.port.read_exact(count, deadline).await;
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn read_until<'a>(
        &'a self,
        stop: &'a [u8],
        max: usize,
        deadline: Deadline,
    ) -> Fut<'a, Vec<u8>> {
        Box::pin(async move {
            let outcome = self.port.read_until(stop, max, deadline).await;
            self.tape.received(&outcome, deadline);
            outcome
        })
    }

    fn readable(&self) -> Fut<'_, ()> {
        self.port.readable()
    }

    fn reopen(&self, deadline: Deadline) -> Fut<'_, ()> {
        self.port.reopen(deadline)
    }

    fn close(&self) {
        self.port.close();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;
    use crate::replay::{self, Mode};
    use crate::testing::Scratch;

    #[tokio::test(start_paused = true)]
    async fn a_recording_replays() {
        let talk = "! poll\n| in cts\n> Q1\\r\n< (230.0 001\\r\n> F\\r\n~ 300\n";
        let scratch = Scratch::new();
        let path = scratch.path("ups.trace");
        let recording = Recording::create(&path).await.unwrap();
        let Port::Serial(port) =
            recording.before(Port::Serial(replay::port(talk, Mode::Strict).unwrap()))
        else {
            unreachable!("a serial port stays one");
        };
        recording.step(&Step::Call(Call::Poll));
        port.get_lines().await.unwrap();
        port.transact(b"Q1\r", b"\r", 50, Deadline::ms(300))
            .await
            .unwrap();
        let silence = port.transact(b"F\r", b"\r", 50, Deadline::ms(300)).await;
        assert_eq!(silence, Err(IoError::Timeout));
        assert_eq!(fs::read_to_string(&path).unwrap(), talk);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_full_recording_ends_and_the_port_goes_on() {
        let scratch = Scratch::new();
        let path = scratch.path("full.trace");
        File::create(&path)
            .unwrap()
            .set_len(limits::RECORDING - 30)
            .unwrap();
        let talk = "> Q1\\r\n< (230.0\\r\n";
        let port = Port::Serial(replay::port(talk, Mode::Looping).unwrap());
        let Port::Serial(port) = wrap(port, &path).await.unwrap() else {
            unreachable!("a serial port stays one")
        };
        for _ in 0..20 {
            assert_eq!(
                port.transact(b"Q1\r", b"\r", 50, Deadline::ms(300))
                    .await
                    .unwrap(),
                b"(230.0\r"
            );
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("ends here").count(), 1);
        assert!(text.len() as u64 <= limits::RECORDING + 64);
    }

    #[tokio::test]
    async fn a_symbolic_link_is_not_written_through() {
        let scratch = Scratch::new();
        fs::write(scratch.path("victim"), "").unwrap();
        symlink("victim", scratch.path("link")).unwrap();
        assert!(Recording::create(&scratch.path("link")).await.is_err());
    }
}
