//! A simulated HID device at the end of a serial line: its control requests come in SHUT packets.
//!
//! Speaks the unit's half from the wire up: echoes the notification level, acknowledges each packet, answers in packets
//! of eight bytes, each sent when the one before was acknowledged and again when it was refused.

use crate::pty::Pty;
use crate::usb::{Answer, Device, Setup};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

const ACK: u8 = 0x06;
const NAK: u8 = 0x15;
const LAST: u8 = 0x80;
const RESPONSE: u8 = 0x04;
/// How often the simulator looks whether it should stop.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// The device at work on its own thread until dropped.
pub struct Tunnel<D> {
    path: PathBuf,
    device: Arc<Mutex<D>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Device> Tunnel<D> {
    /// Plugs the device in.
    pub fn start(device: D) -> io::Result<Self> {
        let pty = Pty::open()?;
        let path = pty.path().to_owned();
        let device = Arc::new(Mutex::new(device));
        let stop = Arc::new(AtomicBool::new(false));
        let mut unit = Unit {
            device: Arc::clone(&device),
            packet: Vec::new(),
            transfer: Vec::new(),
            answer: VecDeque::new(),
        };
        let stopped = Arc::clone(&stop);
        let work = move || {
            if let Err(error) = converse(&pty, &mut unit, &stopped) {
                eprintln!("the simulated device gave up: {error}");
            }
        };
        let thread = std::thread::Builder::new()
            .name("shut".to_owned())
            .spawn(work)?;
        Ok(Self {
            path,
            device,
            stop,
            thread: Some(thread),
        })
    }

    /// What a driver opens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The device, to change it.
    pub fn device(&self) -> MutexGuard<'_, D> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D> Drop for Tunnel<D> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Unit<D> {
    device: Arc<Mutex<D>>,
    /// A packet that is coming in.
    packet: Vec<u8>,
    /// The setup packet and what follows it.
    transfer: Vec<u8>,
    /// Packets to send, the first of which is out.
    answer: VecDeque<Vec<u8>>,
}

fn converse<D: Device>(pty: &Pty, unit: &mut Unit<D>, stop: &AtomicBool) -> io::Result<()> {
    let mut chunk = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        let mut waiting = [PollFd::new(pty.master(), PollFlags::IN)];
        let ready = poll(&mut waiting, Some(&TICK))?;
        pty.openings();
        if ready == 0 {
            continue;
        }
        let count = rustix::io::read(pty.master(), &mut chunk)?;
        for byte in chunk.iter().take(count) {
            let mut reply = unit.hear(*byte);
            while !reply.is_empty() {
                let written = rustix::io::write(pty.master(), &reply)?;
                reply.drain(..written);
            }
        }
    }
    Ok(())
}

impl<D: Device> Unit<D> {
    /// One byte of the host's; what is sent back.
    fn hear(&mut self, byte: u8) -> Vec<u8> {
        if self.packet.is_empty() {
            match byte {
                // A level of notifications begins everything anew.
                0x16..=0x18 => {
                    self.transfer.clear();
                    self.answer.clear();
                    return vec![byte];
                }
                ACK => {
                    self.answer.pop_front();
                    return self.answer.front().cloned().unwrap_or_default();
                }
                NAK => return self.answer.front().cloned().unwrap_or_default(),
                _ => {}
            }
        }
        self.packet.push(byte);
        let (kind, length) = match *self.packet {
            [kind, length, ..] => (kind, usize::from(length & 0xf)),
            _ => return Vec::new(),
        };
        if self.packet.len() < length + 3 {
            return Vec::new();
        }
        let packet = std::mem::take(&mut self.packet);
        let data = packet.get(2..length + 2).unwrap_or_default();
        let sum = data.iter().fold(0, |sum, byte| sum ^ byte);
        if packet.last() != Some(&sum) {
            return vec![NAK];
        }
        self.transfer.extend(data);
        if kind & LAST == 0 {
            return vec![ACK];
        }
        self.request()
    }

    /// The request is whole: the acknowledgement and the first packet of the answer, or a refusal.
    fn request(&mut self) -> Vec<u8> {
        let transfer = std::mem::take(&mut self.transfer);
        let [kind, request, v0, v1, i0, i1, l0, l1, ref data @ ..] = *transfer else {
            return vec![NAK];
        };
        let setup = Setup {
            request_type: kind,
            request,
            value: u16::from_le_bytes([v0, v1]),
            index: u16::from_le_bytes([i0, i1]),
        };
        let most = usize::from(u16::from_le_bytes([l0, l1]));
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = match device.control(setup, data) {
            Answer::Data(answer) => answer,
            Answer::Stall => return vec![NAK],
            Answer::Silence => return Vec::new(),
        };
        drop(device);
        answer.truncate(most);
        self.answer.clear();
        let chunks: Vec<&[u8]> = answer.chunks(8).collect();
        for (at, chunk) in chunks.iter().enumerate() {
            let last = if at + 1 == chunks.len() { LAST } else { 0 };
            let head = [RESPONSE | last, chunk.len() as u8 * 0x11];
            let sum = chunk.iter().fold(0, |sum, byte| sum ^ byte);
            self.answer.push_back([&head, *chunk, &[sum]].concat());
        }
        let first = self.answer.front().cloned().unwrap_or_default();
        [vec![ACK], first].concat()
    }
}
