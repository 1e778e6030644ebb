//! One client connection: bytes in, one batch of replies out, and the few things a session cannot do itself.
//!
//! A batch that the socket does not take is kept until a deadline, and until it is gone nothing more is read: a client that
//! does not read is disconnected and delays nobody. An idle connection holds no buffer at all. What follows STARTTLS in
//! clear is never looked at.

use super::Hall;
use super::errands;
use super::link::{Heard, Link};
use super::mailbox::{Address, Post};
use crate::limits;
use crate::published::{Job, Published, Served};
use husk_core::conf::users::Users;
use husk_core::proto::session::{Action, Request, Session, Step, What};
use std::fmt;
use std::io;
use std::mem;
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Connection {
    pub(super) at: Address,
    /// It has a turn coming without a new event.
    pub(super) queued: bool,
    /// The client will send no more; that is told once.
    pub(super) closing: bool,
    session: Session,
    link: Link,
    stage: Stage,
    unsent: Option<Unsent>,
    login: Option<Arc<Published>>,
}

/// What comes next, when everything is written.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Reading,
    /// Requests are left that were read already.
    Answering,
    StartingTls,
    AwaitingTls,
    AwaitingVerdict,
    Leaving,
}

/// Replies the socket has not taken.
struct Unsent {
    bytes: Vec<u8>,
    until: Duration,
}

/// What a connection is served with, and what all share.
pub(super) struct Desk<'a> {
    pub(super) hall: &'a Hall,
    pub(super) post: &'a Post,
    pub(super) served: &'a Arc<Served>,
    pub(super) now: Duration,
    /// What is read goes here.
    pub(super) bytes: &'a mut [u8],
    /// Replies are put together here.
    pub(super) out: &'a mut Vec<u8>,
}

/// How a turn has ended.
pub(super) enum Turn {
    /// The socket will tell when there is something to do.
    Wait,
    /// There is more to do, after everybody else's turn.
    Again,
    /// A handshake is due: [`Connection::lend`].
    Encrypt,
    Over(Ended),
}

/// Why a connection ended; for the debug log.
pub(super) enum Ended {
    Goodbye,
    Eof,
    Idle,
    SlowReader,
    Handshake,
    Kicked,
    Stopped,
    Fault,
    Io(io::ErrorKind),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Goodbye => "said goodbye",
            Self::Eof => "hung up",
            Self::Idle => "asked nothing for too long",
            Self::SlowReader => "does not read its replies",
            Self::Handshake => "did not finish the TLS handshake",
            Self::Kicked => "was logged into a UPS that is gone",
            Self::Stopped => "was served until the stop",
            Self::Fault => "met a mistake of this server",
            Self::Io(kind) => return kind.fmt(f),
        })
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl Connection {
    /// A link that is away awaits its handshake.
    pub(super) fn new(at: Address, peer: IpAddr, link: Link, now: Duration) -> Self {
        Self {
            at,
            queued: false,
            closing: false,
            session: Session::new(peer, now),
            stage: match link {
                Link::Away => Stage::AwaitingTls,
                _ => Stage::Reading,
            },
            link,
            unsent: None,
            login: None,
        }
    }

    /// Writes what is left, reads once, answers, and writes once.
    pub(super) fn turn(&mut self, desk: &mut Desk<'_>) -> Turn {
        self.attend(desk).unwrap_or_else(Turn::Over)
    }

    fn attend(&mut self, desk: &mut Desk<'_>) -> Result<Turn, Ended> {
        let more = if let Some(unsent) = self.unsent.take() {
            self.write(&unsent.bytes, unsent.until)?;
            // Meanwhile nothing was read.
            true
        } else {
            match self.stage {
                Stage::Reading | Stage::Answering => self.converse(desk)?,
                _ => return Ok(Turn::Wait),
            }
        };
        match self.stage {
            _ if self.unsent.is_some() => Ok(Turn::Wait),
            Stage::Reading if more => Ok(Turn::Again),
            Stage::Answering => Ok(Turn::Again),
            Stage::StartingTls => Ok(Turn::Encrypt),
            Stage::Leaving => Err(Ended::Goodbye),
            Stage::Reading | Stage::AwaitingTls | Stage::AwaitingVerdict => Ok(Turn::Wait),
        }
    }

    /// Reads unless there is something to answer, answers, and writes; whether there may be more to read.
    fn converse(&mut self, desk: &mut Desk<'_>) -> Result<bool, Ended> {
        // Who was answering has not looked.
        let more = self.stage == Stage::Answering || self.read(desk)?;
        desk.out.clear();
        self.stage = self.answer(desk);
        if matches!(self.stage, Stage::Reading | Stage::Answering) {
            self.session.tell(desk.out);
        }
        self.write(desk.out, desk.now + limits::WRITE)?;
        Ok(more)
    }

    /// Whether there may be more to read.
    fn read(&mut self, desk: &mut Desk<'_>) -> Result<bool, Ended> {
        match self.link.read(desk.bytes)? {
            Heard::Bytes { length, more } => {
                self.session
                    .feed(desk.bytes.get(..length).unwrap_or_default());
                Ok(more)
            }
            Heard::Nothing { more } => Ok(more),
            Heard::End => Err(Ended::Eof),
        }
    }

    fn write(&mut self, bytes: &[u8], until: Duration) -> Result<(), Ended> {
        if bytes.is_empty() && !self.link.holds_back() {
            return Ok(());
        }
        let taken = self.link.write(bytes)?;
        let rest = bytes.get(taken..).unwrap_or_default();
        if !rest.is_empty() || self.link.holds_back() {
            let bytes = rest.to_vec();
            self.unsent = Some(Unsent { bytes, until });
        }
        Ok(())
    }

    /// Answers what was read, up to a batch.
    fn answer(&mut self, desk: &mut Desk<'_>) -> Stage {
        loop {
            match self.session.next(&**desk.served, desk.now, desk.out) {
                Step::NeedInput => return Stage::Reading,
                Step::Continue if desk.out.len() < limits::OUTPUT_HIGH => {}
                Step::Continue => return Stage::Answering,
                Step::Act(action) => {
                    if let Some(stage) = self.act(action, desk) {
                        return stage;
                    }
                }
            }
        }
    }

    /// The next stage, if the session cannot go on at once.
    fn act(&mut self, action: Action, desk: &mut Desk<'_>) -> Option<Stage> {
        match action {
            Action::StartTls => return Some(Stage::StartingTls),
            Action::Close => return Some(Stage::Leaving),
            Action::Judge(claim) => {
                let peer = self.peer();
                errands::judge(desk.hall, desk.post, desk.served, self.at, claim, peer);
                return Some(Stage::AwaitingVerdict);
            }
            Action::Login { ups } => self.log_in(&ups, desk.served),
            Action::Fsd { ups } => {
                if let Some(published) = desk.served.find(&ups) {
                    published.force_shutdown();
                    log::warn!("Client {} set FSD on UPS [{ups}]", self.who());
                }
            }
            Action::Run(request) => {
                let taken = hand_over(request, desk);
                self.session.handed_over(taken, desk.out);
            }
            Action::Watch { ups } => {
                if let Some(published) = desk.served.find(&ups) {
                    published.tell_network(desk.post);
                }
            }
            // Outcomes are always remembered for requests that carry an id.
            Action::TrackingOn => {}
            Action::Log(sentence) => log::warn!("{sentence}"),
        }
        None
    }
}

/// What the loop does with a connection beside its turns.
impl Connection {
    pub(super) fn peer(&self) -> IpAddr {
        self.session.peer()
    }

    /// The verdict on the password, in the light of `users`.
    pub(super) fn judged(&mut self, users: &Users, right: Option<bool>) {
        self.session.judged(users, right);
        self.stage = Stage::Answering;
    }

    /// The socket, for a handshake.
    pub(super) fn lend(&mut self) -> Option<TcpStream> {
        self.stage = Stage::AwaitingTls;
        match mem::replace(&mut self.link, Link::Away) {
            Link::Plain(socket) => Some(socket),
            Link::Tls(_) | Link::Away => None,
        }
    }

    /// The handshake is done.
    pub(super) fn encrypted(&mut self, link: Link) {
        self.link = link;
        self.session.tls_started();
        self.stage = Stage::Reading;
    }

    /// A UPS has changed; whether the client wants to know.
    pub(super) fn changed(&mut self, ups: &str) -> bool {
        self.session.changed(ups)
    }

    /// Whether it watches anything; all of it may be another than before.
    pub(super) fn watch_anew(&mut self, served: &Served, post: &Post) -> bool {
        let upses: Vec<String> = self.session.watched().map(str::to_owned).collect();
        for ups in &upses {
            if let Some(published) = served.find(ups) {
                published.tell_network(post);
            }
            self.session.changed(ups);
        }
        !upses.is_empty()
    }

    /// Whether it is logged into a UPS that is not served any more.
    pub(super) fn is_out(&self, served: &Served) -> bool {
        let same = |login: &Arc<Published>| {
            let ups = served.find(&login.name);
            ups.is_some_and(|ups| Arc::ptr_eq(ups, login))
        };
        self.login.as_ref().is_some_and(|login| !same(login))
    }

    /// Why it is to be ended, if a deadline has passed. Errands have deadlines of their own.
    pub(super) fn overdue(&self, now: Duration) -> Option<Ended> {
        match (&self.unsent, self.stage) {
            (Some(unsent), _) if unsent.until <= now => {
                let peer = self.peer();
                log::info!("{peer} does not read its replies and is disconnected");
                Some(Ended::SlowReader)
            }
            (None, Stage::Reading) if self.session.idle_deadline() <= now => Some(Ended::Idle),
            _ => None,
        }
    }

    pub(super) fn end(mut self, ended: &Ended) {
        log::debug!("client {}: {ended}", self.peer());
        if let Some(login) = self.login.take() {
            login.log_out(self.at.id);
            log::info!("User {} logged out from UPS [{}]", self.who(), login.name);
        }
        self.link.close();
    }

    fn log_in(&mut self, ups: &str, served: &Served) {
        if let Some(published) = served.find(ups) {
            published.log_in(self.at.id, self.peer());
            log::info!("User {} logged into UPS [{ups}]", self.who());
            self.login = Some(Arc::clone(published));
        }
    }

    fn who(&self) -> String {
        let user = self.session.username().unwrap_or_default();
        format!("{user}@{}", self.peer())
    }
}

fn hand_over(request: Request, desk: &Desk<'_>) -> bool {
    let Some(published) = desk.served.find(&request.ups) else {
        return false;
    };
    let line = describe(&request);
    // Known before the device can be done with it.
    if let Some(id) = &request.tracking {
        desk.served.track(id, desk.now);
    }
    let taken = published.hand_over(Job {
        request,
        queued: desk.now,
    });
    if taken {
        log::info!("{line}");
    } else {
        log::warn!("{line}: refused, too many requests wait for the device");
    }
    taken
}

/// The log line of a request, worded like the classic server's.
fn describe(request: &Request) -> String {
    let Request {
        ups, user, peer, ..
    } = request;
    let tracking = request.tracking.as_deref().unwrap_or("disabled");
    match &request.what {
        What::Set { variable, value } => format!(
            "Set variable: {user}@{peer} set {variable} on {ups} to {value} (tracking ID: {tracking})"
        ),
        What::Command { name, value } => {
            let with = value
                .as_ref()
                .map_or(String::new(), |value| format!(" with value {value}"));
            format!(
                "Instant command: {user}@{peer} did {name}{with} on {ups} (tracking ID: {tracking})"
            )
        }
    }
}
