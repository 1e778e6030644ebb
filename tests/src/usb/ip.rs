//! The device side of USB/IP over a socket: submissions and their answers, and submissions taken back.
//!
//! Format: Documentation/usb/usbip_protocol.rst of the Linux kernel. Only what follows an import is spoken.

use super::{Answer, Device, Setup};
use std::io::{self, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;
/// Every packet begins with a header of this length.
const HEADER: usize = 48;
const STALLED: i32 = -32;
const TAKEN_BACK: i32 = -104;
/// No transfer of these devices is longer; a longer one is a mistake of the host's side.
const LONGEST: usize = 64 << 10;

/// A device that outlives its cables.
pub struct Simulated<D>(Arc<Mutex<State<D>>>);

impl<D> Clone for Simulated<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct State<D> {
    device: D,
    /// The cable, if it is plugged in, and how many there were.
    cable: Option<UnixStream>,
    cables: u64,
    waiting: Vec<Waiting>,
}

/// A submission without an answer yet.
struct Waiting {
    number: u32,
    endpoint: u8,
    /// Bytes the host has room for.
    room: usize,
    transfer: Transfer,
}

enum Transfer {
    Control(Setup, Vec<u8>),
    Read,
    Write(Vec<u8>),
}

/// A packet of the host.
enum Packet {
    Submit(Waiting),
    Unlink { number: u32, target: u32 },
}

impl<D: Device> Simulated<D> {
    /// A device that is not plugged in.
    pub fn new(device: D) -> Self {
        Self(Arc::new(Mutex::new(State {
            device,
            cable: None,
            cables: 0,
            waiting: Vec::new(),
        })))
    }

    /// Plugs it in: the host is at the other end of `cable`. A cable that is there comes out first.
    pub fn serve(&self, cable: UnixStream) -> io::Result<()> {
        self.unplug();
        let reader = cable.try_clone()?;
        let mut state = self.state();
        state.cable = Some(cable);
        state.cables += 1;
        state.device.plugged();
        let (here, number) = (self.clone(), state.cables);
        thread::spawn(move || here.follow(reader, number));
        Ok(())
    }

    /// Pulls the cable.
    pub fn unplug(&self) {
        let mut state = self.state();
        state.waiting.clear();
        if let Some(cable) = state.cable.take() {
            let _ = cable.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Whether the host still holds the other end of the cable.
    pub fn is_plugged(&self) -> bool {
        self.state().cable.is_some()
    }

    /// Does something to the device; then whatever waits for it is answered if it can be.
    pub fn tell<T>(&self, change: impl FnOnce(&mut D) -> T) -> T {
        let mut state = self.state();
        let outcome = change(&mut state.device);
        state.settle();
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the host sends, until the cable is pulled at either end.
    fn follow(self, mut cable: UnixStream, number: u64) {
        while let Ok(packet) = Packet::read(&mut cable) {
            let mut state = self.state();
            if state.cables != number {
                return;
            }
            state.take(packet);
        }
        let mut state = self.state();
        if state.cables == number {
            state.cable = None;
            state.waiting.clear();
        }
    }
}

impl<D: Device> State<D> {
    fn take(&mut self, packet: Packet) {
        match packet {
            Packet::Submit(waiting) => {
                // What the device was told may be what a read waits for that was posted before.
                let told = !matches!(waiting.transfer, Transfer::Read);
                let still = self.attempt(waiting);
                self.waiting.extend(still);
                if told {
                    self.settle();
                }
            }
            Packet::Unlink { number, target } => {
                let before = self.waiting.len();
                self.waiting.retain(|waiting| waiting.number != target);
                let found = self.waiting.len() < before;
                let status = if found { TAKEN_BACK } else { 0 };
                self.reply(RET_UNLINK, number, status, 0, &[]);
            }
        }
    }

    fn settle(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            let still = self.attempt(waiting);
            self.waiting.extend(still);
        }
    }

    /// Puts a submission to the device; it comes back where the device is silent.
    fn attempt(&mut self, waiting: Waiting) -> Option<Waiting> {
        let Waiting { number, .. } = waiting;
        let (answer, sent) = match &waiting.transfer {
            Transfer::Control(setup, data) => (self.device.control(*setup, data), data.len()),
            Transfer::Read => (self.device.read(waiting.endpoint), 0),
            Transfer::Write(data) => (self.device.write(waiting.endpoint, data), data.len()),
        };
        match answer {
            Answer::Silence => return Some(waiting),
            Answer::Stall => self.reply(RET_SUBMIT, number, STALLED, 0, &[]),
            Answer::Data(_) if sent > 0 => self.reply(RET_SUBMIT, number, 0, sent, &[]),
            Answer::Data(mut data) => {
                data.truncate(waiting.room);
                self.reply(RET_SUBMIT, number, 0, data.len(), &data);
            }
        }
        None
    }

    fn reply(&mut self, word: u32, number: u32, status: i32, actual: usize, data: &[u8]) {
        let mut packet = Vec::with_capacity(HEADER + data.len());
        for field in [word, number, 0, 0, 0] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(status.to_be_bytes());
        packet.extend(u32::try_from(actual).unwrap_or(0).to_be_bytes());
        packet.resize(HEADER, 0);
        packet.extend(data);
        if let Some(cable) = &mut self.cable {
            // A host that has gone is found out by the reader.
            let _ = cable.write_all(&packet);
        }
    }
}

impl Packet {
    fn read(cable: &mut impl Read) -> io::Result<Self> {
        let mut header = [0_u8; HEADER];
        cable.read_exact(&mut header)?;
        let (words, _) = header.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_be_bytes(*word));
        let mut word = || words.next().unwrap_or(0);
        let (command, number, _device, inward, endpoint) = (word(), word(), word(), word(), word());
        if command == CMD_UNLINK {
            let target = word();
            return Ok(Self::Unlink { number, target });
        }
        let (_flags, length) = (word(), usize::try_from(word()).unwrap_or(usize::MAX));
        if command != CMD_SUBMIT || length > LONGEST {
            return Err(io::Error::other("not a packet of USB/IP"));
        }
        let mut data = Vec::new();
        if inward == 0 {
            data.resize(length, 0);
            cable.read_exact(&mut data)?;
        }
        let endpoint = u8::try_from(endpoint).unwrap_or(0);
        let transfer = match (endpoint, inward) {
            (0, _) => Transfer::Control(Setup::of(&header), data),
            (_, 0) => Transfer::Write(data),
            _ => Transfer::Read,
        };
        Ok(Self::Submit(Waiting {
            number,
            endpoint,
            room: length,
            transfer,
        }))
    }
}

impl Setup {
    /// The last eight bytes of a header.
    fn of(header: &[u8; HEADER]) -> Self {
        let [.., request_type, request, v0, v1, i0, i1, _, _] = *header;
        Self {
            request_type,
            request,
            value: u16::from_le_bytes([v0, v1]),
            index: u16::from_le_bytes([i0, i1]),
        }
    }
}
