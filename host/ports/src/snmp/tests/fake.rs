//! The agent of the tests: it answers from a map, in the manners it was given, and counts requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use husk_wire::snmp::message::{self, CommunityMessage, Kind, Pdu};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::super::{Oid, SnmpValue, SnmpVersion, Varbind};
use super::version3::Engine;

/// What comes before an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noise {
    WrongId,
    Truncated,
    Garbage,
    Empty,
    WrongVersion,
    Request,
}

/// How an agent behaves; the default is well.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    pub(super) silent: bool,
    /// Requests that get no answer at first.
    pub(super) drops: usize,
    pub(super) too_big_above: usize,
    pub(super) silent_above: usize,
    pub(super) gen_err_above: usize,
    /// Objects that give genErr, and whether the error names them.
    pub(super) broken: Vec<Oid>,
    pub(super) blames: bool,
    /// Objects in one answer at most.
    pub(super) answers_only: usize,
    /// Answers are about the row behind the one that was asked for.
    pub(super) shifted: bool,
    /// Answers come in the opposite order.
    pub(super) reversed: bool,
    pub(super) circles: bool,
    pub(super) knows_bulk: bool,
    /// Closes a connection after each answer.
    pub(super) hangs_up: bool,
    pub(super) before: Vec<Noise>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            silent: false,
            drops: 0,
            too_big_above: usize::MAX,
            silent_above: usize::MAX,
            gen_err_above: usize::MAX,
            broken: Vec::new(),
            blames: true,
            answers_only: usize::MAX,
            shifted: false,
            reversed: false,
            circles: false,
            knows_bulk: true,
            hangs_up: false,
            before: Vec::new(),
        }
    }
}

pub(super) struct Agent {
    state: Arc<State>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

struct State {
    objects: Mutex<BTreeMap<Oid, SnmpValue>>,
    manners: Mutex<Manners>,
    engine: Mutex<Option<Engine>>,
    requests: AtomicUsize,
    connections: AtomicUsize,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agent {
    pub(super) async fn start(
        objects: BTreeMap<Oid, SnmpValue>,
        manners: Manners,
        engine: Option<Engine>,
    ) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(State {
            objects: Mutex::new(objects),
            manners: Mutex::new(manners),
            engine: Mutex::new(engine),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; 65536];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                for packet in serving.answers(&buffer[..length]) {
                    socket.send_to(&packet, peer).await.unwrap();
                }
            }
        });
        Self {
            state,
            address,
            task,
        }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Also listens for streams, whose messages come in two pieces.
    pub(super) async fn tcp_address(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::clone(&self.state);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                state.connections.fetch_add(1, Ordering::SeqCst);
                let mut buffer = vec![0; 65536];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    for packet in state.answers(&buffer[..length]) {
                        stream.write_all(&packet[..3]).await.unwrap();
                        tokio::task::yield_now().await;
                        stream.write_all(&packet[3..]).await.unwrap();
                    }
                    if state.manners.lock().unwrap().hangs_up {
                        break;
                    }
                }
            }
        });
        address
    }

    /// Requests that came since the last call.
    pub(super) fn take_requests(&self) -> usize {
        self.state.requests.swap(0, Ordering::SeqCst)
    }

    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub(super) fn engine(&self, change: impl FnOnce(&mut Engine)) {
        change(self.state.engine.lock().unwrap().as_mut().unwrap());
    }
}

impl State {
    fn answers(&self, packet: &[u8]) -> Vec<Vec<u8>> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut manners = self.manners.lock().unwrap();
        if manners.drops > 0 {
            manners.drops -= 1;
            return Vec::new();
        }
        let manners = manners.clone();
        if manners.silent {
            return Vec::new();
        }
        if message::version(packet) == Ok(SnmpVersion::V3) {
            let mut engine = self.engine.lock().unwrap();
            let answer = |pdu: &Pdu| self.answer(pdu, SnmpVersion::V3, &manners);
            let engine = engine.as_mut().unwrap();
            return engine.answer(packet, answer).into_iter().collect();
        }
        let request = CommunityMessage::decode(packet).unwrap();
        let Some(pdu) = self.answer(&request.pdu, request.version, &manners) else {
            return Vec::new();
        };
        let answer = CommunityMessage { pdu, ..request };
        let noise = manners.before.iter().map(|noise| noise.packet(&answer));
        let noise: Vec<Vec<u8>> = noise.collect();
        noise.into_iter().chain([answer.encode()]).collect()
    }

    fn answer(&self, request: &Pdu, version: SnmpVersion, manners: &Manners) -> Option<Pdu> {
        let mut answer = request.clone();
        answer.kind = Kind::Response;
        (answer.status, answer.index) = (0, 0);
        let count = request.bindings.len();
        if count > manners.silent_above {
            return None;
        }
        let mut fail = |status, index| {
            (answer.status, answer.index) = (status, index);
            Some(answer.clone())
        };
        if count > manners.too_big_above {
            return fail(1, 0);
        }
        if count > manners.gen_err_above || request.kind == Kind::Bulk && !manners.knows_bulk {
            return fail(5, 0);
        }
        let broken = |binding: &Varbind| manners.broken.contains(&binding.oid);
        if let Some(at) = request.bindings.iter().position(broken) {
            return fail(5, if manners.blames { at as i32 + 1 } else { 0 });
        }
        let mut objects = self.objects.lock().unwrap();
        let mut bindings = Vec::new();
        for (at, asked) in request.bindings.iter().enumerate() {
            let index = at as i32 + 1;
            if request.kind == Kind::Set {
                match objects.get_mut(&asked.oid) {
                    Some(value) => *value = asked.value.clone(),
                    None => return fail(17, index),
                }
                bindings.push(asked.clone());
                continue;
            }
            let repeat = match request.kind {
                Kind::Bulk => request.index,
                _ => 1,
            };
            let mut oid = asked.oid.clone();
            for _ in 0..repeat {
                let found = match request.kind {
                    Kind::Get => objects.get(&oid).map(|value| (oid.clone(), value.clone())),
                    _ => following(&objects, &oid, manners.circles),
                };
                let (name, value) = match found {
                    Some(found) => found,
                    None if version == SnmpVersion::V1 => return fail(2, index),
                    None if request.kind == Kind::Get => (oid.clone(), SnmpValue::NoSuchObject),
                    None => (oid.clone(), SnmpValue::EndOfMibView),
                };
                oid = name.clone();
                let name = if manners.shifted { name.child(0) } else { name };
                bindings.push(Varbind { oid: name, value });
            }
        }
        if manners.reversed {
            bindings.reverse();
        }
        bindings.truncate(manners.answers_only);
        answer.bindings = bindings;
        Some(answer)
    }
}

fn following(
    objects: &BTreeMap<Oid, SnmpValue>,
    oid: &Oid,
    circles: bool,
) -> Option<(Oid, SnmpValue)> {
    let mut behind = objects.range((Excluded(oid), Unbounded));
    let found = behind
        .next()
        .or_else(|| circles.then(|| objects.iter().next())?);
    found.map(|(oid, value)| (oid.clone(), value.clone()))
}

impl Noise {
    fn packet(self, answer: &CommunityMessage) -> Vec<u8> {
        let mut other = answer.clone();
        match self {
            Self::WrongId => other.pdu.id ^= 1,
            Self::WrongVersion => other.version = SnmpVersion::V1,
            Self::Request => other.pdu.kind = Kind::Get,
            Self::Truncated => {
                let mut bytes = answer.encode();
                bytes.truncate(bytes.len() / 2);
                return bytes;
            }
            Self::Garbage => return b"\x30\x84\xff\xff\xff\xff\x02\x01".to_vec(),
            Self::Empty => return Vec::new(),
        }
        other.encode()
    }
}
