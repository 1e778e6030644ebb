//! SNMP agents on the loopback: versions 1 and 2c, GET, GETNEXT, GETBULK and SET, any community. They serve `.snmprec` files.
//!
//! Many agents share one thread. An object that is missing is noSuchName in version 1, in version 2c noSuchInstance where the
//! same column has other rows and noSuchObject elsewhere. Writing starts nothing: the object keeps what it was given.

pub mod ber;
mod respond;
pub mod rfc1628;
pub mod snmpd;

pub use ber::Value;

use crate::random::Random;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An agent's objects in the order of a walk.
pub type Objects = BTreeMap<Vec<u32>, Value>;

/// How often the agents look whether they should stop.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
/// A request after so long is the first of a poll.
const QUIET: Duration = Duration::from_millis(500);
/// Bytes of the largest packet.
const PACKET: usize = 65_536;

/// Reads a `.snmprec` file; says which lines are none of its format and leaves them out.
pub fn recording(path: &Path) -> io::Result<Objects> {
    let text = std::fs::read(path)?;
    let mut objects = Objects::new();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let object = || {
            let mut fields = line.splitn(3, |byte| *byte == b'|');
            let (oid, tag) = (std::str::from_utf8(fields.next()?), fields.next()?);
            let tag = std::str::from_utf8(tag).ok()?;
            Some((
                ber::parse_oid(oid.ok()?)?,
                Value::parse(tag, fields.next()?)?,
            ))
        };
        match object() {
            Some((oid, value)) => drop(objects.insert(oid, value)),
            // Addresses that were made anonymous, mostly.
            None => eprintln!(
                "{}: left out, not OID|tag|value: {}",
                path.display(),
                String::from_utf8_lossy(line)
            ),
        }
    }
    Ok(objects)
}

/// One agent at work until it and all that were started with it are dropped.
#[derive(Debug)]
pub struct Agent {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _host: Arc<Host>,
}

/// What an agent has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Packets that came.
    pub requests: u64,
    /// Objects in them.
    pub objects: u64,
    /// Bytes of them.
    pub bytes_in: u64,
    /// Bytes of the answers.
    pub bytes_out: u64,
}

#[derive(Debug)]
struct State {
    objects: Objects,
    counted: Counted,
    silent: bool,
    /// Of a hundred packets, so many are lost on the way there or back.
    loss: usize,
    random: Random,
    most: usize,
    written: Vec<(Vec<u32>, Value)>,
    /// Objects whose writing is refused, with the error-status.
    refused: BTreeMap<Vec<u32>, u8>,
    delay: Duration,
    /// When requests came that nothing had come before for a while.
    begun: Vec<Instant>,
    last: Option<Instant>,
}

#[derive(Debug)]
struct Host {
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Agent {
    /// An agent with these objects.
    pub fn start(objects: Objects) -> io::Result<Self> {
        let one = Self::start_all(vec![objects])?.pop();
        one.ok_or_else(|| io::Error::other("no agent"))
    }

    /// An agent at an address of the loopback; the usual port, 161, is only root's.
    pub fn start_at(address: &str, objects: Objects) -> io::Result<Self> {
        let one = Self::serve_all([(address, objects)])?.pop();
        one.ok_or_else(|| io::Error::other("no agent"))
    }

    /// An agent for each, all on one thread.
    pub fn start_all(all: Vec<Objects>) -> io::Result<Vec<Self>> {
        Self::serve_all(all.into_iter().map(|objects| ("127.0.0.1:0", objects)))
    }

    fn serve_all<'a>(all: impl IntoIterator<Item = (&'a str, Objects)>) -> io::Result<Vec<Self>> {
        let mut serving = Vec::new();
        for (address, objects) in all {
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            serving.push((socket, Arc::new(Mutex::new(State::new(objects)))));
        }
        let agents = serving
            .iter()
            .map(|(socket, state)| Ok((socket.local_addr()?, Arc::clone(state))));
        let agents: Vec<_> = agents.collect::<io::Result<_>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || {
            if let Err(error) = serve(&serving, &stopped) {
                eprintln!("the simulated agents gave up: {error}");
            }
        };
        let thread = std::thread::Builder::new()
            .name("agents".to_owned())
            .spawn(work)?;
        let host = Arc::new(Host {
            stop,
            thread: Mutex::new(Some(thread)),
        });
        let agent = |(address, state)| Self {
            address,
            state,
            _host: Arc::clone(&host),
        };
        Ok(agents.into_iter().map(agent).collect())
    }

    /// `port` of a section.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an object a value, or takes it away.
    pub fn put(&self, oid: &str, value: Option<Value>) {
        let oid = ber::parse_oid(oid).unwrap_or_default();
        let mut state = self.state();
        match value {
            Some(value) => drop(state.objects.insert(oid, value)),
            None => drop(state.objects.remove(&oid)),
        }
    }

    /// What an object holds.
    pub fn value(&self, oid: &str) -> Option<Value> {
        self.state().objects.get(&ber::parse_oid(oid)?).cloned()
    }

    /// Answers nothing, or again.
    pub fn silence(&self, silent: bool) {
        self.state().silent = silent;
    }

    /// Loses so many of a hundred packets, half of them on the way there.
    pub fn lose(&self, percent: usize) {
        self.state().loss = percent;
    }

    /// Answers tooBig to more objects than these.
    pub fn takes_at_most(&self, objects: usize) {
        self.state().most = objects;
    }

    /// Takes so long for each answer, and keeps the others on its thread waiting.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Refuses to have an object written, with an error-status of RFC 3416.
    pub fn refuse(&self, oid: &str, status: u8) {
        let oid = ber::parse_oid(oid).unwrap_or_default();
        self.state().refused.insert(oid, status);
    }

    /// What was written since the last call, in order.
    pub fn take_written(&self) -> Vec<(Vec<u32>, Value)> {
        std::mem::take(&mut self.state().written)
    }

    /// When polls began since the last call: requests after half a second of quiet.
    pub fn take_begun(&self) -> Vec<Instant> {
        std::mem::take(&mut self.state().begun)
    }

    /// What was done since the last call.
    pub fn take_counted(&self) -> Counted {
        std::mem::take(&mut self.state().counted)
    }
}

impl State {
    fn new(objects: Objects) -> Self {
        Self {
            objects,
            counted: Counted::default(),
            silent: false,
            loss: 0,
            random: Random::new(1628),
            most: usize::MAX,
            written: Vec::new(),
            refused: BTreeMap::new(),
            delay: Duration::ZERO,
            begun: Vec::new(),
            last: None,
        }
    }

    fn loses(&mut self) -> bool {
        let loss = self.loss;
        loss > 0 && self.random.below(200) < loss
    }

    fn answer(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let now = Instant::now();
        let before = self.last.replace(now);
        if before.is_none_or(|before| now.duration_since(before) > QUIET) {
            self.begun.push(now);
        }
        self.counted.requests += 1;
        self.counted.bytes_in += packet.len() as u64;
        if self.silent || self.loses() {
            return None;
        }
        std::thread::sleep(self.delay);
        let answer = respond::respond(self, packet)?;
        self.counted.bytes_out += answer.len() as u64;
        (!self.loses()).then_some(answer)
    }
}

fn serve(agents: &[(UdpSocket, Arc<Mutex<State>>)], stop: &AtomicBool) -> io::Result<()> {
    let mut buffer = vec![0; PACKET];
    while !stop.load(Ordering::Relaxed) {
        let waiting = agents
            .iter()
            .map(|(socket, _)| PollFd::new(socket, PollFlags::IN));
        let mut waiting: Vec<PollFd<'_>> = waiting.collect();
        poll(&mut waiting, Some(&TICK))?;
        for ((socket, state), ready) in agents.iter().zip(&waiting) {
            if ready.revents().is_empty() {
                continue;
            }
            // An error is that of a client that has gone.
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let packet = buffer.get(..length).unwrap_or_default();
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(answer) = state.answer(packet) {
                    let _ = socket.send_to(&answer, peer);
                }
            }
        }
    }
    Ok(())
}
