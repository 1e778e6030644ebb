//! An agent over the network: one question at a time, tried again as the section says, until the call's time is up.
//!
//! A packet that is not the answer (another request's, another's, garbage) changes nothing: the answer is waited for as long
//! as before. After silence the name is looked up anew and the engine found out anew, because another device may be there.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use husk_wire::snmp::message::{CommunityMessage, Kind, Pdu};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use super::batch::{Ask, Batch, GEN_ERR, Outcome, Size, TOO_BIG};
use super::config::{Config, Security, Writes};
use super::link::{self, Link};
use super::usm::{Opened, Usm};
use super::{
    Asking, Identity, Oid, SnmpError, SnmpPort, SnmpValue, SnmpVersion, Varbind, check_count, size,
};
use crate::lookup::Lookup;
use crate::{IoError, limits};

/// An agent, between two calls.
pub(super) struct Agent {
    config: Config,
    identity: Identity,
    session: Mutex<Session>,
}

/// What is remembered from one request to the next.
struct Session {
    lookup: Lookup,
    address: Option<SocketAddr>,
    link: Option<Link>,
    /// Version 3 only.
    usm: Option<Usm>,
    size: Size,
    /// Rows asked for in one GETBULK; 0: the agent does not know GETBULK.
    repetitions: usize,
    /// How often in a row GETBULK was not answered where GETNEXT was.
    strikes: u32,
    /// The engine has told something about itself since the last answer.
    met: bool,
}

/// One request and how long it may take.
struct Request {
    pdu: Pdu,
    tries: u32,
    until: Instant,
}

impl Agent {
    pub(super) fn new(config: Config) -> Self {
        let usm = match &config.security {
            Security::User(user) => Some(Usm::new(user.clone(), random())),
            Security::Community(..) => None,
        };
        Self {
            identity: Identity {
                peer: config.endpoint.to_string(),
                version: config.version(),
                read_only: config.writes == Writes::ReadOnly,
            },
            session: Mutex::new(Session {
                lookup: Lookup::default(),
                address: None,
                link: None,
                usm,
                size: Size::default(),
                repetitions: match config.version() {
                    SnmpVersion::V1 => 0,
                    _ => limits::SNMP_REPETITIONS,
                },
                strikes: 0,
                met: false,
            }),
            config,
        }
    }

    async fn session(&self, until: Instant) -> Result<MutexGuard<'_, Session>, SnmpError> {
        let waited = timeout_at(until, self.session.lock()).await;
        waited.map_err(|_| SnmpError::Io(IoError::Timeout))
    }

    fn tries(&self) -> u32 {
        self.config.retries.saturating_add(1)
    }

    async fn ask_all(
        &self,
        ask: Ask,
        oids: &[Oid],
        within: Duration,
    ) -> Result<Vec<Varbind>, SnmpError> {
        check_count(oids.len())?;
        let until = Instant::now() + within;
        let mut session = self.session(until).await?;
        let answers = self.ask_batch(&mut session, ask, oids, until).await;
        session.rest();
        answers
    }

    async fn ask_batch(
        &self,
        session: &mut Session,
        ask: Ask,
        oids: &[Oid],
        until: Instant,
    ) -> Result<Vec<Varbind>, SnmpError> {
        let kind = match ask {
            Ask::Themselves => Kind::Get,
            Ask::Following => Kind::Next,
        };
        let mut batch = Batch::new(ask, oids, &session.size);
        let (mut spent, mut bytes) = (0, 0);
        loop {
            let packet = batch.packet();
            if packet.is_empty() {
                return batch.finish(&mut session.size);
            }
            let tries = match batch.is_large() {
                true => self.tries().min(limits::SNMP_LARGE_TRIES),
                false => self.tries().saturating_sub(spent).max(1),
            };
            let pdu = request(kind, packet, (0, 0));
            let asked = self.ask(session, Request { pdu, tries, until }).await;
            let outcome = match asked {
                Ok(answer) => {
                    spent = 0;
                    bytes += answer
                        .bindings
                        .iter()
                        .map(|one| size(&one.value))
                        .sum::<usize>();
                    if bytes > limits::SNMP_ANSWER {
                        return Err(SnmpError::Io(IoError::TooLong));
                    }
                    Outcome::Answer {
                        status: number(answer.status),
                        index: number(answer.index),
                        bindings: answer.bindings,
                    }
                }
                Err(SnmpError::Io(IoError::Timeout)) if Instant::now() < until => {
                    spent = tries;
                    Outcome::Silence
                }
                Err(error) => return Err(error),
            };
            batch.take(outcome, &mut session.size)?;
        }
    }

    async fn walk_all(
        &self,
        root: &Oid,
        max: u32,
        within: Duration,
    ) -> Result<Vec<Varbind>, SnmpError> {
        let until = Instant::now() + within;
        let mut session = self.session(until).await?;
        let max = usize::try_from(max.min(limits::SNMP_ROWS)).unwrap_or(usize::MAX);
        let found = self.walk_on(&mut session, root, max, until).await;
        session.rest();
        found
    }

    async fn walk_on(
        &self,
        session: &mut Session,
        root: &Oid,
        max: usize,
        until: Instant,
    ) -> Result<Vec<Varbind>, SnmpError> {
        let mut found: Vec<Varbind> = Vec::new();
        let mut last = root.clone();
        let mut bytes = 0;
        loop {
            let rows = self.rows_after(session, &last, until).await?;
            if rows.is_empty() {
                return Ok(found);
            }
            for row in rows {
                if !row.oid.starts_with(root) || !row.value.exists() {
                    return Ok(found);
                }
                if row.oid <= last {
                    let text = format!("the agent's objects do not increase after {last}");
                    return Err(SnmpError::Io(IoError::Other(text)));
                }
                if found.len() == max {
                    return Err(SnmpError::Io(IoError::TooLong));
                }
                bytes += size(&row.value);
                if bytes > limits::SNMP_ANSWER {
                    return Err(SnmpError::Io(IoError::TooLong));
                }
                last = row.oid.clone();
                found.push(row);
            }
        }
    }

    /// Some rows behind an object; none at the end.
    async fn rows_after(
        &self,
        session: &mut Session,
        last: &Oid,
        until: Instant,
    ) -> Result<Vec<Varbind>, SnmpError> {
        let mut silent = false;
        while session.repetitions > 0 {
            let repetitions = i32::try_from(session.repetitions).unwrap_or(1);
            let pdu = request(Kind::Bulk, vec![last.clone()], (0, repetitions));
            let tries = self.tries().min(limits::SNMP_LARGE_TRIES);
            match self.ask(session, Request { pdu, tries, until }).await {
                Ok(answer) if answer.status == 0 && !answer.bindings.is_empty() => {
                    session.strikes = 0;
                    return Ok(answer.bindings);
                }
                Ok(answer) if number(answer.status) == TOO_BIG && session.repetitions > 1 => {
                    session.repetitions /= 2;
                }
                // Some agents do not know the request, and say so in many ways.
                Ok(_) => session.repetitions = 0,
                // Or not at all: GETNEXT tells those from agents that are silent altogether.
                Err(SnmpError::Io(IoError::Timeout)) if Instant::now() < until => {
                    silent = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let next = std::slice::from_ref(last);
        let rows = self.ask_batch(session, Ask::Following, next, until).await?;
        if silent {
            session.strikes += 1;
            if session.strikes >= limits::SNMP_STRIKES {
                session.repetitions = 0;
            }
        }
        Ok(rows)
    }

    async fn write(&self, bindings: &[Varbind], within: Duration) -> Result<(), SnmpError> {
        let too_long = |binding: &Varbind| size(&binding.value) > limits::SNMP_WRITTEN;
        if bindings.len() > limits::SNMP_VARBINDS || bindings.iter().any(too_long) {
            return Err(SnmpError::Io(IoError::TooLong));
        }
        let allowed = |binding: &Varbind| self.config.writes.allow(&binding.oid);
        if !bindings.iter().all(allowed) {
            return Err(SnmpError::Io(IoError::Denied));
        }
        if bindings.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + within;
        let mut session = self.session(until).await?;
        let pdu = Pdu {
            bindings: bindings.to_vec(),
            ..request(Kind::Set, Vec::new(), (0, 0))
        };
        let tries = self.tries();
        let answer = self.ask(&mut session, Request { pdu, tries, until }).await;
        session.rest();
        let answer = answer?;
        match number(answer.status) {
            0 => Ok(()),
            status => Err(SnmpError::Refused {
                status,
                index: number(answer.index),
            }),
        }
    }

    /// One question and its answer, whatever status that has.
    async fn ask(&self, session: &mut Session, mut request: Request) -> Result<Pdu, SnmpError> {
        request.pdu.id = (random() & 0x7fff_ffff) as i32;
        let mut trouble = None;
        session.met = false;
        for _ in 0..request.tries {
            if Instant::now() >= request.until {
                break;
            }
            let until = request.until.min(Instant::now() + self.config.timeout);
            match self.attempt(session, &request.pdu, until).await {
                Ok(Attempt::Answer(answer)) => return Ok(answer),
                Ok(Attempt::Silence(suspicion)) => trouble = suspicion.or(trouble),
                Err(SnmpError::Io(IoError::Timeout)) => {}
                Err(error) => return Err(error),
            }
        }
        session.lost();
        let encrypts =
            matches!(&self.config.security, Security::User(user) if user.privacy.is_some());
        if trouble.is_none() && session.met && encrypts {
            // What net-snmp decrypts to nonsense it drops without a word.
            trouble = Some(Trouble::Answers(
                "the agent says who it is, but does not answer what is encrypted: is privPassword right, and privProtocol?",
            ));
        }
        Err(match trouble {
            Some(Trouble::Answers(text)) => SnmpError::Auth(text.to_owned()),
            Some(Trouble::Network(text)) => SnmpError::Io(IoError::Other(text)),
            None => SnmpError::Io(IoError::Timeout),
        })
    }

    /// One try, which takes its time even if nothing can be sent: the retries would be over at once.
    async fn attempt(
        &self,
        session: &mut Session,
        pdu: &Pdu,
        until: Instant,
    ) -> Result<Attempt, SnmpError> {
        let kept = session.link.is_some();
        let mut attempt = self.converse(session, pdu, until).await?;
        let lost = matches!(attempt, Attempt::Silence(_)) && session.link.is_none();
        if kept && lost && Instant::now() < until {
            // The agent has closed a connection that lasted from the request before; another tells whether it is there.
            let said = attempt;
            attempt = match self.converse(session, pdu, until).await? {
                Attempt::Silence(None) => said,
                other => other,
            };
        }
        if let Attempt::Silence(_) = attempt {
            tokio::time::sleep_until(until).await;
        }
        Ok(attempt)
    }

    async fn converse(
        &self,
        session: &mut Session,
        pdu: &Pdu,
        until: Instant,
    ) -> Result<Attempt, SnmpError> {
        if let Err(error) = session.connect(&self.config, until).await {
            return Ok(Attempt::Silence(Some(Trouble::network(&error))));
        }
        for _ in 0..limits::SNMP_REPORTS {
            let packet = self.sealed(session, pdu)?;
            let link = session.link.as_mut().ok_or(IoError::Disconnected)?;
            // Who does not read a stream would hold what is written into it for ever.
            let sent = timeout_at(until, link.send(&packet)).await;
            if let Err(error) = sent.unwrap_or_else(|late| Err(late.into())) {
                // Part of the packet may have gone out.
                session.link = None;
                return Ok(Attempt::Silence(Some(Trouble::network(&error))));
            }
            match self.listen(session, pdu.id, until).await? {
                Heard::Answer(answer) => return Ok(Attempt::Answer(answer)),
                Heard::Again => session.met = true,
                Heard::Silence(trouble) => return Ok(Attempt::Silence(trouble)),
            }
        }
        Ok(Attempt::Silence(None))
    }

    fn sealed(&self, session: &mut Session, pdu: &Pdu) -> Result<Vec<u8>, SnmpError> {
        match (&self.config.security, &mut session.usm) {
            (Security::User(_), Some(usm)) => usm
                .seal(pdu.id, pdu, Instant::now())
                .map_err(SnmpError::Auth),
            (Security::Community(version, community), _) => Ok(CommunityMessage {
                version: *version,
                community: community.clone(),
                pdu: pdu.clone(),
            }
            .encode()),
            (Security::User(_), None) => Err(SnmpError::Auth("no user".to_owned())),
        }
    }

    /// Waits for the answer among what comes.
    async fn listen(
        &self,
        session: &mut Session,
        id: i32,
        until: Instant,
    ) -> Result<Heard, SnmpError> {
        let mut trouble = None;
        for _ in 0..limits::SNMP_STRAYS {
            let Some(link) = session.link.as_mut() else {
                break;
            };
            let packet = match timeout_at(until, link.receive()).await {
                Err(_) => break,
                Ok(Ok(packet)) => packet,
                Ok(Err(error)) => {
                    // "Connection refused" is the agent's machine saying that nothing listens there; it may soon.
                    session.link = None;
                    trouble = Some(Trouble::network(&error));
                    break;
                }
            };
            match self.opened(session, &packet, id) {
                Opened::Answer(answer) if answer.kind == Kind::Response && answer.id == id => {
                    return Ok(Heard::Answer(answer));
                }
                Opened::Answer(_) => {}
                Opened::Again => return Ok(Heard::Again),
                Opened::Rejected(text) => {
                    // It may be forgotten with the engine: the next request begins anew.
                    session.lost();
                    return Err(SnmpError::Auth(text));
                }
                Opened::Stray(suspicion) => trouble = suspicion.map(Trouble::Answers).or(trouble),
            }
        }
        Ok(Heard::Silence(trouble))
    }

    fn opened(&self, session: &mut Session, packet: &[u8], id: i32) -> Opened {
        match (&self.config.security, &mut session.usm) {
            (Security::User(_), Some(usm)) => usm.open(packet, id, Instant::now()),
            (Security::Community(version, _), _) => match CommunityMessage::decode(packet) {
                // Some agents answer version 2c in version 1, and with a community of their own.
                Ok(message) if message.version == *version => Opened::Answer(message.pdu),
                _ => Opened::Stray(None),
            },
            (Security::User(_), None) => Opened::Stray(None),
        }
    }
}

/// How one try ended.
enum Attempt {
    Answer(Pdu),
    Silence(Option<Trouble>),
}

/// What came of listening.
enum Heard {
    Answer(Pdu),
    Again,
    Silence(Option<Trouble>),
}

/// Why there is no answer, as far as that can be told.
enum Trouble {
    /// Answers came that do not count.
    Answers(&'static str),
    /// The network says why not.
    Network(String),
}

impl Trouble {
    fn network(error: &io::Error) -> Self {
        Self::Network(match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                "nothing listens on the agent's port: is SNMP switched on there, and `port` right?"
                    .to_owned()
            }
            _ => format!("the agent cannot be reached: {error}"),
        })
    }
}

impl Session {
    async fn connect(&mut self, config: &Config, until: Instant) -> io::Result<()> {
        if self.link.is_some() {
            return Ok(());
        }
        let address = match self.address {
            Some(address) => address,
            None => {
                let looking = link::address(&config.endpoint, &mut self.lookup);
                let slow = |_| io::Error::other("its name is still being looked up");
                timeout_at(until, looking).await.map_err(slow)??
            }
        };
        self.address = Some(address);
        let opening = Link::open(config.endpoint.carrier, address);
        self.link = Some(timeout_at(until, opening).await.map_err(late)??);
        Ok(())
    }

    /// No answer: nothing is sure any more.
    fn lost(&mut self) {
        (self.address, self.link) = (None, None);
        if let Some(usm) = &mut self.usm {
            usm.forget();
        }
    }

    /// The call is over.
    fn rest(&mut self) {
        if self.link.as_ref().is_some_and(|link| !link.is_kept()) {
            self.link = None;
        }
    }
}

impl SnmpPort for Agent {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn get<'a>(&'a self, oids: &'a [Oid], within: Duration) -> Asking<'a, Vec<SnmpValue>> {
        Box::pin(async move {
            let answers = self.ask_all(Ask::Themselves, oids, within).await?;
            Ok(answers.into_iter().map(|answer| answer.value).collect())
        })
    }

    fn next<'a>(&'a self, oids: &'a [Oid], within: Duration) -> Asking<'a, Vec<Varbind>> {
        Box::pin(self.ask_all(Ask::Following, oids, within))
    }

    fn walk<'a>(&'a self, root: &'a Oid, max: u32, within: Duration) -> Asking<'a, Vec<Varbind>> {
        Box::pin(self.walk_all(root, max, within))
    }

    fn set<'a>(&'a self, bindings: &'a [Varbind], within: Duration) -> Asking<'a, ()> {
        Box::pin(self.write(bindings, within))
    }
}

fn request(kind: Kind, oids: Vec<Oid>, (status, index): (i32, i32)) -> Pdu {
    let binding = |oid| Varbind {
        oid,
        value: SnmpValue::Null,
    };
    Pdu {
        kind,
        id: 0,
        status,
        index,
        bindings: oids.into_iter().map(binding).collect(),
    }
}

fn late(_: Elapsed) -> io::Error {
    io::ErrorKind::TimedOut.into()
}

/// A number of an answer that cannot be negative; one that is, is nothing known.
fn number(of: i32) -> u32 {
    u32::try_from(of).unwrap_or(GEN_ERR)
}

/// Nobody must guess a request's id, or answer in the agent's place. The standard library keys its hashes with the system's
/// random numbers, each time another key.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
