//! Simulated devices on a pseudo-terminal: something that answers commands, which end in CR unless it says otherwise.

pub mod apcsmart;
pub mod megatec;
pub mod recorded;
pub mod shut;
pub mod snmp;

use crate::pty::Pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

/// How often the simulator looks whether it should stop and whether somebody opened the line.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};
/// A command longer than this is noise and is thrown away.
const LONGEST_COMMAND: usize = 512;

/// A device that answers commands.
pub trait Device: Send + 'static {
    /// The bytes sent back for `command` (without its CR); `None`: silence.
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>>;

    /// Whether the bytes that came are a command.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        bytes.last() == Some(&b'\r')
    }

    /// What it says of its own accord, asked about every 20 ms and after each command.
    fn unasked(&mut self) -> Option<Vec<u8>> {
        None
    }
}

/// A [`Device`] at work on its own thread until dropped; dropping it unplugs the line.
#[derive(Debug)]
pub struct Simulator {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    opens: AtomicU32,
}

impl Simulator {
    /// Plugs the device in.
    pub fn start(mut device: impl Device) -> io::Result<Self> {
        let pty = Pty::open()?;
        let path = pty.path().to_owned();
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let work = move || {
            if let Err(error) = converse(&pty, &mut device, &seen) {
                eprintln!("the simulated device gave up: {error}");
            }
        };
        let thread = std::thread::Builder::new()
            .name("simulator".to_owned())
            .spawn(work)?;
        Ok(Self {
            path,
            shared,
            thread: Some(thread),
        })
    }

    /// What a driver opens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often it was opened.
    pub fn opens(&self) -> u32 {
        self.shared.opens.load(Ordering::Relaxed)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn converse(pty: &Pty, device: &mut impl Device, shared: &Shared) -> io::Result<()> {
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = [0; 256];
    while !shared.stop.load(Ordering::Relaxed) {
        let mut waiting = [PollFd::new(pty.master(), PollFlags::IN)];
        let ready = poll(&mut waiting, Some(&TICK))?;
        shared.opens.fetch_add(pty.openings(), Ordering::Relaxed);
        if let Some(said) = device.unasked() {
            write_all(pty, &said)?;
        }
        if ready == 0 {
            continue;
        }
        let count = rustix::io::read(pty.master(), &mut chunk)?;
        for byte in chunk.iter().take(count) {
            if pending.len() >= LONGEST_COMMAND {
                pending.clear();
            }
            pending.push(*byte);
            if !device.is_whole(&pending) {
                continue;
            }
            let command = pending.strip_suffix(b"\r").unwrap_or(&pending);
            if let Some(reply) = device.answer(command) {
                write_all(pty, &reply)?;
            }
            pending.clear();
        }
    }
    Ok(())
}

fn write_all(pty: &Pty, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = rustix::io::write(pty.master(), bytes)?;
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}
