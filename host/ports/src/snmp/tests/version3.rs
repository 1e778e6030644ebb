//! Version 3: the engine found out, its clock followed, and what users are told.

use husk_wire::snmp::message::{
    AUTH, Kind, PRIV, Pdu, Scoped, ScopedPdu, UsmParameters, V3Message,
};

use super::super::crypto::{Auth, Key, Privacy, Vector};
use super::super::{Oid, SnmpError, SnmpValue, SnmpVersion, Varbind};
use super::fake::{Agent, Manners};
use super::{WITHIN, oid, port};
use crate::IoError;

/// The agent's engine with one user, `nut`, password `correct horse` for everything.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) id: Vec<u8>,
    pub(super) boots: i32,
    pub(super) time: i32,
    pub(super) auth: Auth,
    pub(super) privacy: Privacy,
    /// The password's.
    ku: Key,
    /// Answers without the digest they should have.
    pub(super) forges: bool,
    /// Says nothing to what it cannot decrypt, as net-snmp does when that is no PDU.
    pub(super) mute: bool,
}

impl Engine {
    fn new(auth: Auth, privacy: Privacy) -> Self {
        Self {
            id: b"\x80\x00\x1f\x88\x04first".to_vec(),
            boots: 3,
            time: 100_000,
            auth,
            privacy,
            ku: auth.key_of_password(b"correct horse"),
            forges: false,
            mute: false,
        }
    }

    pub(super) fn answer(
        &mut self,
        packet: &[u8],
        answer: impl FnOnce(&Pdu) -> Option<Pdu>,
    ) -> Option<Vec<u8>> {
        let message = V3Message::decode(packet).unwrap();
        let usm = &message.security;
        let key = self.auth.localized(&self.ku, &self.id);
        let report = |stat: u32, digest: bool| {
            let pdu = Pdu {
                kind: Kind::Report,
                id: 0,
                status: 0,
                index: 0,
                bindings: vec![Varbind {
                    oid: Oid::new(vec![1, 3, 6, 1, 6, 3, 15, 1, 1, stat, 0]).unwrap(),
                    value: SnmpValue::Counter32(1),
                }],
            };
            let flags = if digest { AUTH } else { 0 };
            Some(self.sealed(&message, flags, pdu))
        };
        if usm.engine != self.id {
            return report(4, false);
        }
        if usm.user != b"nut" {
            return report(3, false);
        }
        if message.flags & AUTH != 0 {
            let mut bare = packet.to_vec();
            bare[message.digest_at.clone()].fill(0);
            if !self.auth.verify(&key, &bare, &usm.digest) {
                return report(5, false);
            }
            if usm.boots != self.boots || (usm.time - self.time).abs() > 150 {
                return report(2, true);
            }
        }
        let scoped = match &message.scoped {
            Scoped::Plain(scoped) => scoped.clone(),
            Scoped::Encrypted(bytes) => {
                let key = self.privacy.localized(self.auth, &self.ku, &self.id);
                let vector = Vector {
                    boots: usm.boots,
                    time: usm.time,
                    salt: &usm.salt,
                };
                match self
                    .privacy
                    .decrypt(&key, vector, bytes)
                    .map(|plain| ScopedPdu::decode(&plain))
                {
                    Some(Ok(scoped)) => scoped,
                    _ if self.mute => return None,
                    _ => return report(6, true),
                }
            }
        };
        let flags = if self.forges {
            0
        } else {
            message.flags & (AUTH | PRIV)
        };
        Some(self.sealed(&message, flags, answer(&scoped.pdu)?))
    }

    fn sealed(&self, request: &V3Message, flags: u8, pdu: Pdu) -> Vec<u8> {
        let scoped = ScopedPdu {
            context_engine: self.id.clone(),
            context_name: Vec::new(),
            pdu,
        };
        let salt = [7; 8];
        let vector = Vector {
            boots: self.boots,
            time: self.time,
            salt: &salt,
        };
        let scoped = if flags & PRIV != 0 {
            let key = self.privacy.localized(self.auth, &self.ku, &self.id);
            Scoped::Encrypted(
                self.privacy
                    .encrypt(&key, vector, &scoped.encode())
                    .unwrap(),
            )
        } else {
            Scoped::Plain(scoped)
        };
        let digest_len = if flags & AUTH != 0 {
            self.auth.digest_len()
        } else {
            0
        };
        let mut packet = V3Message {
            id: request.id,
            max_size: 1500,
            flags,
            security: UsmParameters {
                engine: self.id.clone(),
                boots: self.boots,
                time: self.time,
                user: request.security.user.clone(),
                digest: vec![0; digest_len],
                salt: if flags & PRIV != 0 {
                    salt.to_vec()
                } else {
                    Vec::new()
                },
            },
            scoped,
            digest_at: 0..0,
        }
        .encode();
        if digest_len > 0 {
            let key = self.auth.localized(&self.ku, &self.id);
            let digest = self.auth.digest(&key, &packet);
            let at = V3Message::decode(&packet).unwrap().digest_at;
            packet[at].copy_from_slice(&digest);
        }
        packet
    }
}

const AUTH_PRIV: &[(&str, &str)] = &[
    ("snmp_version", "v3"),
    ("secLevel", "authPriv"),
    ("secName", "nut"),
    ("authPassword", "correct horse"),
    ("privPassword", "correct horse"),
    ("authProtocol", "SHA256"),
    ("privProtocol", "AES"),
];

async fn agent(engine: Engine) -> Agent {
    let objects = [(oid("1.3.6.1.4.1.318.1"), SnmpValue::Integer(42))];
    Agent::start(objects.into(), Manners::default(), Some(engine)).await
}

fn the_object() -> [Oid; 1] {
    [oid("1.3.6.1.4.1.318.1")]
}

fn answered() -> Result<Vec<SnmpValue>, SnmpError> {
    Ok(vec![SnmpValue::Integer(42)])
}

#[tokio::test]
async fn every_level_and_algorithm_is_spoken() {
    let mut counted = 0;
    for level in ["noAuthNoPriv", "authNoPriv", "authPriv"] {
        for (auth_name, auth) in Auth::NAMES {
            for (privacy_name, privacy) in Privacy::NAMES {
                // Each once is enough, and each pair of one digest.
                if auth_name != "SHA" && privacy_name != "AES" {
                    continue;
                }
                let agent = agent(Engine::new(auth, privacy)).await;
                let mut options = AUTH_PRIV.to_vec();
                options[1] = ("secLevel", level);
                options[5] = ("authProtocol", auth_name);
                options[6] = ("privProtocol", privacy_name);
                let port = port(&agent, &options);
                assert_eq!(port.identity().version, SnmpVersion::V3);
                let got = port.get(&the_object(), WITHIN).await;
                assert_eq!(got, answered(), "{level} {auth_name} {privacy_name}");
                assert_eq!(agent.take_requests(), 2, "discovery and request");
                assert_eq!(port.get(&the_object(), WITHIN).await, answered());
                assert_eq!(agent.take_requests(), 1, "the engine is known");
                counted += 1;
            }
        }
    }
    assert_eq!(counted, 3 * (Auth::NAMES.len() + Privacy::NAMES.len() - 1));
}

#[tokio::test]
async fn a_clock_that_runs_otherwise_is_followed() {
    let agent = agent(Engine::new(Auth::Sha256, Privacy::Aes128)).await;
    let port = port(&agent, AUTH_PRIV);
    assert_eq!(port.get(&the_object(), WITHIN).await, answered());
    agent.take_requests();
    for (boots, time) in [(3, 200_000), (3, 10), (4, 0), (1, 5)] {
        agent.engine(|engine| (engine.boots, engine.time) = (boots, time));
        assert_eq!(port.get(&the_object(), WITHIN).await, answered());
        assert_eq!(agent.take_requests(), 2, "told the time, asked again");
    }
}

#[tokio::test]
async fn another_engine_at_the_same_address_gets_keys_of_its_own() {
    let agent = agent(Engine::new(Auth::Sha256, Privacy::Aes128)).await;
    let port = port(&agent, AUTH_PRIV);
    assert_eq!(port.get(&the_object(), WITHIN).await, answered());
    agent.engine(|engine| engine.id = b"\x80\x00\x1f\x88\x04second".to_vec());
    assert_eq!(port.get(&the_object(), WITHIN).await, answered());
}

#[tokio::test]
async fn who_is_to_blame_is_told() {
    let agent = agent(Engine::new(Auth::Sha256, Privacy::Aes128)).await;
    for (option, says) in [
        (("authPassword", "wrong horse"), "authPassword"),
        (("privPassword", "wrong horse"), "privPassword"),
        (("secName", "nobody"), "secName"),
    ] {
        let mut options = AUTH_PRIV.to_vec();
        let place = options
            .iter()
            .position(|(name, _)| *name == option.0)
            .unwrap();
        options[place] = option;
        let failed = port(&agent, &options).get(&the_object(), WITHIN).await;
        let Err(SnmpError::Auth(text)) = failed else {
            panic!("{option:?}: {failed:?}")
        };
        assert!(text.contains(says) && !text.contains("horse"), "{text}");
    }
}

#[tokio::test]
async fn a_cipher_that_gets_no_answer_is_to_blame() {
    let mut engine = Engine::new(Auth::Sha256, Privacy::Aes128);
    engine.mute = true;
    let agent = agent(engine).await;
    let options = [
        &AUTH_PRIV[..4],
        &[("privPassword", "wrong horse"), ("snmp_timeout", "0.2")],
        &AUTH_PRIV[5..],
    ];
    let failed = port(&agent, &options.concat())
        .get(&the_object(), WITHIN)
        .await;
    let Err(SnmpError::Auth(text)) = failed else {
        panic!("{failed:?}")
    };
    assert!(text.contains("privPassword"), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_less_secure_than_asked_for_does_not_count() {
    let mut engine = Engine::new(Auth::Sha256, Privacy::Aes128);
    engine.forges = true;
    let agent = agent(engine).await;
    let hasty = [AUTH_PRIV, &[("snmp_timeout", "0.2")]].concat();
    let failed = port(&agent, &hasty).get(&the_object(), WITHIN).await;
    let Err(SnmpError::Auth(text)) = failed else {
        panic!("{failed:?}")
    };
    assert!(text.contains("not as secured"), "{text}");
    let silent = Agent::start(
        [].into(),
        Manners {
            silent: true,
            ..Manners::default()
        },
        None,
    )
    .await;
    let hasty = [AUTH_PRIV, &[("snmp_timeout", "0.1")]].concat();
    let silence = port(&silent, &hasty).get(&the_object(), WITHIN).await;
    assert_eq!(silence, Err(SnmpError::Io(IoError::Timeout)));
}
