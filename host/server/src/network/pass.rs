//! The loop.
//!
//! Sockets are watched edge-triggered: the system tells of each once when something comes, so whoever was not served to the
//! end is remembered here ([`Floor::queue`]). Few of those have a turn between two looks at the sockets: who floods waits
//! behind who asks once.

use super::connection::{Connection, Desk, Ended, Turn};
use super::link::Link;
use super::mailbox::{Address, Letter, Post};
use super::{Entrance, Hall, errands};
use crate::limits;
use crate::published::Served;
use husk_core::proto::session::View as _;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd as _, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The mailbox's token.
pub(super) const POST: Token = Token(usize::MAX);
/// Tokens of listeners begin here; below are the slots of connections.
const DOORS: usize = usize::MAX / 2;

/// Everybody who is served.
pub(super) struct Floor {
    poll: Poll,
    hall: Arc<Hall>,
    post: Post,
    /// By id.
    doors: BTreeMap<usize, Door>,
    guests: Slab<Connection>,
    /// Arrivals so far.
    count: u64,
    /// Who is served without a new event, in this order.
    queue: VecDeque<Token>,
    bytes: Box<[u8]>,
    out: Vec<u8>,
    /// When deadlines are looked at next.
    look: Duration,
    complaint: Complaint,
}

struct Door {
    listener: TcpListener,
    entrance: Entrance,
    /// Accepting failed; it is tried again at the next look around.
    stuck: bool,
}

impl Floor {
    pub(super) fn new(poll: Poll, hall: Arc<Hall>, post: Post) -> Self {
        Self {
            poll,
            look: hall.clock.now() + limits::LOOK,
            hall,
            post,
            doors: BTreeMap::new(),
            guests: Slab::new(),
            count: 0,
            queue: VecDeque::new(),
            bytes: vec![0; limits::READ_CHUNK].into_boxed_slice(),
            out: Vec::new(),
            complaint: Complaint::default(),
        }
    }

    /// Serves until [`Letter::Stop`].
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(limits::EVENTS);
        loop {
            if let Err(error) = self.poll.poll(&mut events, self.patience()) {
                if error.kind() != ErrorKind::Interrupted {
                    log::error!("the network thread cannot wait for clients: {error}");
                    std::thread::sleep(limits::ACCEPT_PAUSE);
                }
                continue;
            }
            let now = self.hall.clock.now();
            let posted = events.iter().any(|event| event.token() == POST);
            if posted && self.read_letters(now).is_break() {
                return;
            }
            // Not older than what was told of in the letters: nobody logs into a UPS whose clients were turned out.
            let served = self.hall.directory.current();
            for event in events.iter().filter(|event| event.token() != POST) {
                self.told(event.token(), event.is_read_closed(), &served, now);
            }
            for _ in 0..self.queue.len().min(limits::QUEUED_TURNS) {
                if let Some(token) = self.queue.pop_front() {
                    if let Some(guest) = self.guests.get_mut(token.0) {
                        guest.queued = false;
                    }
                    self.serve(token, &served, now);
                }
            }
            if now >= self.look {
                self.look_around(&served, now);
            }
        }
    }

    /// How long to wait for events; for ever, if nothing has a deadline.
    fn patience(&self) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadlines = !self.guests.is_empty() || self.doors.values().any(|door| door.stuck);
        deadlines.then(|| self.look.saturating_sub(self.hall.clock.now()))
    }

    /// The system says that something came.
    fn told(&mut self, token: Token, closing: bool, served: &Arc<Served>, now: Duration) {
        match self.guests.get_mut(token.0) {
            Some(guest) if guest.queued => guest.closing |= closing,
            guest => {
                if let Some(guest) = guest {
                    guest.closing |= closing;
                }
                self.serve(token, served, now);
            }
        }
    }

    /// Has it served behind all that wait already.
    fn queue(&mut self, token: Token) {
        let waits = match self.guests.get_mut(token.0) {
            Some(guest) => mem::replace(&mut guest.queued, true),
            // A door, and there are few.
            None => self.queue.contains(&token),
        };
        if !waits {
            self.queue.push_back(token);
        }
    }

    fn serve(&mut self, token: Token, served: &Arc<Served>, now: Duration) {
        if let Some(id) = token.0.checked_sub(DOORS) {
            return self.accept(id, served, now);
        }
        let Some(guest) = self.guests.get_mut(token.0) else {
            return;
        };
        let mut desk = Desk {
            hall: &self.hall,
            post: &self.post,
            served,
            now,
            bytes: &mut self.bytes,
            out: &mut self.out,
        };
        match contained(|| guest.turn(&mut desk)) {
            // The end stands behind the last bytes, and is not told twice.
            Turn::Wait if mem::take(&mut guest.closing) => self.queue(token),
            Turn::Wait => {}
            Turn::Again => self.queue(token),
            Turn::Encrypt => self.encrypt(token.0, served),
            Turn::Over(ended) => self.end(token.0, &ended),
        }
    }

    fn end(&mut self, slot: usize, ended: &Ended) {
        // With its last descriptor a socket is no longer watched.
        if let Some(guest) = self.guests.try_remove(slot) {
            guest.end(ended);
        }
    }

    fn read_letters(&mut self, now: Duration) -> ControlFlow<()> {
        let letters = self.post.take();
        let current = self.hall.directory.current();
        for letter in letters {
            match letter {
                Letter::Open {
                    id,
                    listener,
                    entrance,
                } => self.open(id, listener, entrance),
                Letter::Shut { id, done } => {
                    self.doors.remove(&id);
                    drop(done);
                }
                Letter::Judged { at, served, right } => {
                    if let Some(guest) = self.guest(at) {
                        guest.judged(served.users(), right);
                        self.queue(Token(at.slot));
                    }
                }
                Letter::Encrypted { at, outcome } => self.encrypted(at, outcome),
                Letter::Changed(ups) => self.tell(|guest| guest.changed(&ups), &current, now),
                Letter::Reloaded => self.reloaded(now),
                Letter::Stop => {
                    for guest in self.guests.drain() {
                        guest.end(&Ended::Stopped);
                    }
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Serves those of whom `concerns` is true.
    fn tell(
        &mut self,
        mut concerns: impl FnMut(&mut Connection) -> bool,
        served: &Arc<Served>,
        now: Duration,
    ) {
        let concerned = self.guests.iter_mut();
        let concerned = concerned.filter_map(|(slot, guest)| concerns(guest).then_some(slot));
        for slot in concerned.collect::<Vec<_>>() {
            self.serve(Token(slot), served, now);
        }
    }

    /// Disconnects who is logged into a UPS that is gone. Watchers of any other may have another one by that name now.
    fn reloaded(&mut self, now: Duration) {
        let served = self.hall.directory.current();
        let out = self
            .guests
            .iter()
            .filter(|(_, guest)| guest.is_out(&served));
        for slot in out.map(|(slot, _)| slot).collect::<Vec<_>>() {
            self.end(slot, &Ended::Kicked);
        }
        let post = self.post.clone();
        self.tell(|guest| guest.watch_anew(&served, &post), &served, now);
    }

    fn look_around(&mut self, served: &Arc<Served>, now: Duration) {
        self.look = now + limits::LOOK;
        let late = self.guests.iter();
        let late = late.filter_map(|(slot, guest)| Some((slot, guest.overdue(now)?)));
        for (slot, ended) in late.collect::<Vec<_>>() {
            self.end(slot, &ended);
        }
        let stuck = self.doors.iter_mut().filter(|(_, door)| door.stuck);
        for id in stuck.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.accept(id, served, now);
        }
    }

    fn guest(&mut self, at: Address) -> Option<&mut Connection> {
        self.guests.get_mut(at.slot).filter(|guest| guest.at == at)
    }

    fn watch(&self, socket: RawFd, token: Token) -> io::Result<()> {
        let registry = self.poll.registry();
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&socket), token, both)
    }
}

/// Coming in.
impl Floor {
    fn open(&mut self, id: usize, listener: TcpListener, entrance: Entrance) {
        if let Err(error) = self.watch(listener.as_raw_fd(), Token(DOORS + id)) {
            log::error!("a listener cannot be watched: {error}");
        }
        let stuck = false;
        self.doors.insert(
            id,
            Door {
                listener,
                entrance,
                stuck,
            },
        );
    }

    fn accept(&mut self, id: usize, served: &Arc<Served>, now: Duration) {
        for _ in 0..limits::ACCEPTS {
            let Some(door) = self.doors.get_mut(&id) else {
                return;
            };
            door.stuck = false;
            match door.listener.accept() {
                Ok((socket, peer)) => {
                    let entrance = door.entrance;
                    if let Err(error) = self.admit(socket, peer, entrance, served, now) {
                        log::debug!("{peer}: {error}");
                    }
                }
                // A client that gave up before it was accepted is no reason to pause.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    door.stuck = true;
                    let say = || format!("cannot accept connections: {error}");
                    return self.complaint.say(say);
                }
            }
        }
        self.queue(Token(DOORS + id));
    }

    fn admit(
        &mut self,
        socket: TcpStream,
        peer: SocketAddr,
        entrance: Entrance,
        served: &Served,
        now: Duration,
    ) -> io::Result<()> {
        if self.guests.len() >= self.hall.seats.load(Ordering::Relaxed) {
            let say = || format!("{peer} was turned away: MAXCONN connections are open");
            self.complaint.say(say);
            return Ok(());
        }
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let at = Address {
            slot: self.guests.vacant_key(),
            id: self.count,
        };
        self.count += 1;
        let link = match entrance {
            Entrance::Plain => {
                self.watch(socket.as_raw_fd(), Token(at.slot))?;
                Link::Plain(socket)
            }
            Entrance::Tls => {
                errands::handshake(&self.hall, &self.post, served, at, socket);
                Link::Away
            }
        };
        let peer = peer.ip().to_canonical();
        self.guests.insert(Connection::new(at, peer, link, now));
        Ok(())
    }

    /// Has the handshake of a connection held elsewhere.
    fn encrypt(&mut self, slot: usize, served: &Served) {
        let guest = self.guests.get_mut(slot);
        let Some((at, socket)) = guest.and_then(|guest| Some((guest.at, guest.lend()?))) else {
            return;
        };
        let registry = self.poll.registry();
        if let Err(error) = registry.deregister(&mut SourceFd(&socket.as_raw_fd())) {
            log::debug!("{error}");
        }
        errands::handshake(&self.hall, &self.post, served, at, socket);
    }

    /// Goes on with a connection whose handshake has ended.
    fn encrypted(&mut self, at: Address, outcome: Result<Link, String>) {
        if self.guest(at).is_none() {
            return;
        }
        let watched = outcome.and_then(|link| {
            let socket = link.socket().unwrap_or(-1);
            let watched = self.watch(socket, Token(at.slot));
            watched.map(|()| link).map_err(|error| error.to_string())
        });
        match (watched, self.guest(at)) {
            (Ok(link), Some(guest)) => {
                guest.encrypted(link);
                // It may have asked already.
                self.queue(Token(at.slot));
            }
            (Err(reason), Some(guest)) => {
                log::info!("TLS handshake with {} failed: {reason}", guest.peer());
                self.end(at.slot, &Ended::Handshake);
            }
            (_, None) => {}
        }
    }
}

/// A mistake of ours that one client has found costs its own connection and not everybody's.
pub(super) fn contained(turn: impl FnOnce() -> Turn) -> Turn {
    // What a turn may leave half done is the connection, which is ended, and the desk's buffers, which each turn clears.
    panic::catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(|_| {
        log::error!("a client met a mistake of this server and is disconnected; please report it");
        Turn::Over(Ended::Fault)
    })
}

/// Says the same kind of thing at most once a minute: strangers decide how often there is reason to.
#[derive(Default)]
struct Complaint(Option<Instant>);

impl Complaint {
    fn say(&mut self, sentence: impl FnOnce() -> String) {
        const PAUSE: Duration = Duration::from_secs(60);
        if self.0.is_none_or(|last| last.elapsed() >= PAUSE) {
            self.0 = Some(Instant::now());
            log::warn!("{}", sentence());
        }
    }
}
