//! The user-based security model as its asking side plays it (RFC 3414 §3, §4): finds the agent's engine out, follows its
//! clock, seals requests and opens answers. No socket and no clock of its own.
//!
//! An answer counts only with the random msgID of the request it is for, from the engine that was asked, at the level the
//! section asks for. That already keeps replayed answers out, so boots and time of such an answer are believed as they are:
//! an agent that was reset to its factory settings, and counts from one again, is served at once.

use std::time::Duration;

use husk_wire::snmp::Oid;
use husk_wire::snmp::message::{
    AUTH, Kind, PRIV, Pdu, REPORTABLE, Scoped, ScopedPdu, UsmParameters, V3Message,
};
use tokio::time::Instant;

use super::config::User;
use super::crypto::{Key, Vector};
use crate::limits;

/// usmStats (RFC 3414 §5); the last number but one tells which.
const USM_STATS: &[u32] = &[1, 3, 6, 1, 6, 3, 15, 1, 1];

/// One user at one agent.
#[derive(Debug)]
pub(super) struct Usm {
    user: User,
    engine: Option<Engine>,
    /// What the passwords stand for. Made when an engine has answered, because it takes milliseconds and many agents may be
    /// out of reach.
    keys: Option<Keys>,
    /// Another for each encrypted message; random at the start (RFC 3826 §3.1.2.1).
    salt: u64,
}

#[derive(Debug)]
struct Keys {
    auth: Option<Key>,
    /// Made with the digest of the authentication, whatever the cipher.
    privacy: Option<Key>,
}

impl Keys {
    fn of(user: &User) -> Self {
        let key = |password: &Key| {
            let auth = user.auth.as_ref();
            auth.map(|(auth, _)| auth.key_of_password(&password.0))
        };
        Self {
            auth: user.auth.as_ref().and_then(|(_, password)| key(password)),
            privacy: user
                .privacy
                .as_ref()
                .and_then(|(_, password)| key(password)),
        }
    }
}

/// The agent's engine, and the user's keys for it.
#[derive(Debug)]
struct Engine {
    id: Vec<u8>,
    boots: i32,
    time: i32,
    /// When `time` was.
    at: Instant,
    auth: Option<Key>,
    privacy: Option<Key>,
}

/// What a packet was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// The answer.
    Answer(Pdu),
    /// The engine has told something about itself: the request goes out again.
    Again,
    /// The engine refuses the user.
    Rejected(String),
    /// Not the answer; with what is suspicious about it.
    Stray(Option<&'static str>),
}

impl Usm {
    pub(super) fn new(user: User, salt: u64) -> Self {
        Self {
            user,
            engine: None,
            keys: None,
            salt,
        }
    }

    /// Forgets the engine: what answers next may be another device.
    pub(super) fn forget(&mut self) {
        self.engine = None;
    }

    /// The packet that asks `pdu`, or, while the engine is unknown, the one that finds it out.
    pub(super) fn seal(&mut self, id: i32, pdu: &Pdu, now: Instant) -> Result<Vec<u8>, String> {
        let Some(engine) = &self.engine else {
            return Ok(discovery(id));
        };
        let encrypts = self.user.privacy.is_some();
        let mut flags = REPORTABLE;
        if self.user.auth.is_some() {
            flags |= AUTH;
        }
        if encrypts {
            flags |= PRIV;
        }
        let mut security = UsmParameters {
            engine: engine.id.clone(),
            boots: engine.boots,
            time: engine.time_at(now),
            user: self.user.name.clone(),
            digest: vec![
                0;
                self.user
                    .auth
                    .as_ref()
                    .map_or(0, |(auth, _)| auth.digest_len())
            ],
            salt: Vec::new(),
        };
        let scoped = ScopedPdu {
            context_engine: engine.id.clone(),
            context_name: Vec::new(),
            pdu: pdu.clone(),
        };
        let scoped = match (&self.user.privacy, &engine.privacy) {
            (Some((privacy, _)), Some(key)) => {
                self.salt = self.salt.wrapping_add(1);
                security.salt = privacy.salt(security.boots, self.salt).to_vec();
                let bytes = privacy.encrypt(key, vector(&security), &scoped.encode());
                Scoped::Encrypted(bytes.ok_or("the key does not fit the cipher")?)
            }
            _ => Scoped::Plain(scoped),
        };
        let packet = packet(id, flags, security, scoped);
        match (&self.user.auth, &engine.auth) {
            (Some((auth, _)), Some(key)) => {
                let digest = auth.digest(key, &packet);
                signed(packet, &digest).ok_or_else(|| "the digest has no place".to_owned())
            }
            _ => Ok(packet),
        }
    }

    /// Looks at a packet that came after the request with that msgID.
    pub(super) fn open(&mut self, packet: &[u8], id: i32, now: Instant) -> Opened {
        let Ok(message) = V3Message::decode(packet) else {
            return Opened::Stray(Some("something that is no SNMP version 3 came back"));
        };
        if message.id != id {
            return Opened::Stray(None);
        }
        let authentic = message.flags & AUTH != 0;
        if authentic && !self.is_authentic(packet, &message) {
            return Opened::Stray(Some(
                "the answers' digest is wrong: is authPassword right, and authProtocol?",
            ));
        }
        let scoped = match &message.scoped {
            Scoped::Plain(scoped) => scoped.clone(),
            Scoped::Encrypted(bytes) => match self.decrypted(bytes, &message.security) {
                Some(scoped) => scoped,
                None => {
                    return Opened::Stray(Some(
                        "the answers cannot be decrypted: is privPassword right, and privProtocol?",
                    ));
                }
            },
        };
        if scoped.pdu.kind == Kind::Report {
            return self.report(&message.security, &scoped.pdu, authentic, now);
        }
        let Some(engine) = &mut self.engine else {
            return Opened::Stray(None);
        };
        let encrypted = matches!(message.scoped, Scoped::Encrypted(_));
        let as_asked = (authentic || self.user.auth.is_none())
            && (encrypted || self.user.privacy.is_none())
            && message.security.engine == engine.id;
        if !as_asked {
            return Opened::Stray(Some("an answer came that is not as secured as asked for"));
        }
        if authentic {
            engine.set_clock(&message.security, now);
        }
        Opened::Answer(scoped.pdu)
    }

    fn is_authentic(&self, packet: &[u8], message: &V3Message) -> bool {
        let engine = self.engine.as_ref();
        let engine = engine.filter(|engine| engine.id == message.security.engine);
        let key = engine.and_then(|engine| engine.auth.as_ref());
        let (Some((auth, _)), Some(key)) = (&self.user.auth, key) else {
            return false;
        };
        let mut bare = packet.to_vec();
        match bare.get_mut(message.digest_at.clone()) {
            Some(digest) => digest.fill(0),
            None => return false,
        }
        auth.verify(key, &bare, &message.security.digest)
    }

    fn decrypted(&self, bytes: &[u8], security: &UsmParameters) -> Option<ScopedPdu> {
        let (privacy, _) = self.user.privacy.as_ref()?;
        let key = self.engine.as_ref()?.privacy.as_ref()?;
        let plain = privacy.decrypt(key, vector(security), bytes)?;
        ScopedPdu::decode(&plain).ok()
    }

    fn report(
        &mut self,
        security: &UsmParameters,
        pdu: &Pdu,
        authentic: bool,
        now: Instant,
    ) -> Opened {
        let reported = pdu.bindings.first().map(|binding| &binding.oid);
        let stat = reported.and_then(|oid| oid.as_slice().strip_prefix(USM_STATS));
        let level = match (&self.user.auth, &self.user.privacy) {
            (None, _) => "noAuthNoPriv",
            (_, None) => "authNoPriv",
            _ => "authPriv",
        };
        let user = String::from_utf8_lossy(&self.user.name);
        let rejected = |text: String| Opened::Rejected(text);
        match stat {
            Some([2, ..]) => self.clock_told(security, authentic, now),
            Some([4, ..]) => self.engine_told(security, now),
            Some([1, ..]) => rejected(format!(
                "the agent does not offer secLevel {level} to {user}"
            )),
            Some([3, ..]) => rejected(format!("the agent knows no user {user} (secName)")),
            Some([5, ..]) => rejected(format!(
                "the agent finds the digest of {user} wrong: is authPassword right, and authProtocol?"
            )),
            Some([6, ..]) => rejected(format!(
                "the agent cannot decrypt what {user} says: is privPassword right, and privProtocol?"
            )),
            _ => rejected(format!(
                "the agent reports {}",
                reported.map(Oid::to_string).unwrap_or_default()
            )),
        }
    }

    /// notInTimeWindows: it has started again, or its clock runs otherwise.
    fn clock_told(&mut self, security: &UsmParameters, authentic: bool, now: Instant) -> Opened {
        match &mut self.engine {
            // Only a message with a digest may move the clock (RFC 3414 §3.2 step 7b).
            Some(engine) if authentic => {
                engine.set_clock(security, now);
                Opened::Again
            }
            _ => Opened::Stray(Some("an agent's clock came without a digest")),
        }
    }

    /// unknownEngineIDs: that is the answer to the discovery, or another engine answers here now.
    fn engine_told(&mut self, security: &UsmParameters, now: Instant) -> Opened {
        let known = self.engine.as_ref().map(|engine| &engine.id);
        if security.engine.is_empty() || known == Some(&security.engine) {
            return Opened::Rejected("the agent does not know its own engine id".to_owned());
        }
        let id = &security.engine;
        let keys = self.keys.get_or_insert_with(|| Keys::of(&self.user));
        let auth = self.user.auth.as_ref().map(|(auth, _)| *auth);
        let privacy = self.user.privacy.as_ref().map(|(privacy, _)| *privacy);
        self.engine = Some(Engine {
            id: id.clone(),
            boots: security.boots,
            time: security.time,
            at: now,
            auth: auth
                .zip(keys.auth.as_ref())
                .map(|(auth, key)| auth.localized(key, id)),
            privacy: auth
                .zip(privacy)
                .zip(keys.privacy.as_ref())
                .map(|((auth, privacy), key)| privacy.localized(auth, key, id)),
        });
        Opened::Again
    }
}

impl Engine {
    fn time_at(&self, now: Instant) -> i32 {
        let passed: Duration = now.saturating_duration_since(self.at);
        let passed = i32::try_from(passed.as_secs()).unwrap_or(i32::MAX);
        self.time.saturating_add(passed)
    }

    fn set_clock(&mut self, security: &UsmParameters, now: Instant) {
        self.boots = security.boots;
        self.time = security.time;
        self.at = now;
    }
}

fn vector(security: &UsmParameters) -> Vector<'_> {
    Vector {
        boots: security.boots,
        time: security.time,
        salt: &security.salt,
    }
}

/// A request to nobody, from nobody (RFC 3414 §4).
fn discovery(id: i32) -> Vec<u8> {
    let nothing = ScopedPdu {
        context_engine: Vec::new(),
        context_name: Vec::new(),
        pdu: Pdu {
            kind: Kind::Get,
            id,
            status: 0,
            index: 0,
            bindings: Vec::new(),
        },
    };
    packet(
        id,
        REPORTABLE,
        UsmParameters::default(),
        Scoped::Plain(nothing),
    )
}

fn packet(id: i32, flags: u8, security: UsmParameters, scoped: Scoped) -> Vec<u8> {
    V3Message {
        id,
        max_size: i32::try_from(limits::SNMP_MESSAGE).unwrap_or(i32::MAX),
        flags,
        security,
        scoped,
        digest_at: 0..0,
    }
    .encode()
}

fn signed(mut packet: Vec<u8>, digest: &[u8]) -> Option<Vec<u8>> {
    let at = V3Message::decode(&packet).ok()?.digest_at;
    let place = packet.get_mut(at)?;
    if place.len() != digest.len() {
        return None;
    }
    place.copy_from_slice(digest);
    Some(packet)
}
