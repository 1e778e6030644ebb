//! SNMP's messages: version 1 and 2c with a community (RFC 1157, RFC 1901, RFC 3416), version 3 around the user-based
//! security model (RFC 3412 §6, RFC 3414 §2.4).
//!
//! Both directions, because the simulators of the tests answer in the same words. Refuses to: know keys. What is
//! encrypted stays bytes, and a digest is a place in the message.

use super::ber::{self, Malformed, Reader, SEQUENCE};
use super::{SnmpVersion, Varbind};
use std::ops::Range;

/// Objects in one message; a packet of 64 KiB cannot hold more.
const BINDINGS: usize = 8192;

/// What a PDU is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GetRequest.
    Get,
    /// GetNextRequest.
    Next,
    /// GetResponse, Response.
    Response,
    /// SetRequest.
    Set,
    /// GetBulkRequest.
    Bulk,
    /// Report: what an engine says about a message it cannot use.
    Report,
}

impl Kind {
    const TAGS: [(u8, Self); 6] = [
        (0xA0, Self::Get),
        (0xA1, Self::Next),
        (0xA2, Self::Response),
        (0xA3, Self::Set),
        (0xA5, Self::Bulk),
        (0xA8, Self::Report),
    ];

    fn tag(self) -> u8 {
        let known = Self::TAGS.iter().find(|(_, kind)| *kind == self);
        known.map_or(0xA0, |(tag, _)| *tag)
    }
}

/// A request or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// What it is for.
    pub kind: Kind,
    /// Told back in the answer.
    pub id: i32,
    /// error-status; of a [`Kind::Bulk`] non-repeaters.
    pub status: i32,
    /// error-index, from 1; of a [`Kind::Bulk`] max-repetitions.
    pub index: i32,
    /// Objects, and in answers and writes their values.
    pub bindings: Vec<Varbind>,
}

impl Pdu {
    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        ber::element(out, self.kind.tag(), |out| {
            for number in [self.id, self.status, self.index] {
                ber::write_number(out, number);
            }
            ber::element(out, SEQUENCE, |out| {
                for binding in &self.bindings {
                    ber::element(out, SEQUENCE, |out| {
                        ber::write_oid(out, &binding.oid);
                        ber::write_value(out, &binding.value);
                    });
                }
            });
        });
    }

    /// Reads one.
    ///
    /// # Errors
    /// Another element, a trap, or something cut off.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = reader.range().start;
        let malformed = |what| Malformed { what, at };
        let (tag, mut inner) = reader.element()?;
        let kind = Kind::TAGS.iter().find(|(known, _)| *known == tag);
        let kind = kind.ok_or_else(|| malformed("no known PDU"))?.1;
        let id = inner.number("no request-id")?;
        let status = inner.number("no error-status")?;
        let index = inner.number("no error-index")?;
        let mut list = inner.expect(SEQUENCE, "no list of objects")?;
        let mut bindings = Vec::new();
        while !list.is_empty() {
            if bindings.len() == BINDINGS {
                return Err(malformed("too many objects"));
            }
            let mut binding = list.expect(SEQUENCE, "no object")?;
            let oid = binding.oid()?;
            let value = binding.value()?;
            bindings.push(Varbind { oid, value });
        }
        Ok(Self {
            kind,
            id,
            status,
            index,
            bindings,
        })
    }
}

/// Which version a message is of, whatever else is in it.
///
/// # Errors
/// No message, or of no known version.
pub fn version(message: &[u8]) -> Result<SnmpVersion, Malformed> {
    read_version(&mut Reader::new(message).expect(SEQUENCE, "no message")?)
}

fn read_version(reader: &mut Reader<'_>) -> Result<SnmpVersion, Malformed> {
    let at = reader.range().start;
    match reader.number("no version")? {
        0 => Ok(SnmpVersion::V1),
        1 => Ok(SnmpVersion::V2c),
        3 => Ok(SnmpVersion::V3),
        _ => Err(Malformed {
            what: "an unknown version",
            at,
        }),
    }
}

fn write_version(out: &mut Vec<u8>, version: SnmpVersion) {
    let number = match version {
        SnmpVersion::V1 => 0,
        SnmpVersion::V2c => 1,
        SnmpVersion::V3 => 3,
    };
    ber::write_number(out, number);
}

/// A message of version 1 or 2c.
#[derive(Clone, PartialEq, Eq)]
pub struct CommunityMessage {
    /// V1 or V2c.
    pub version: SnmpVersion,
    /// The password of these versions, in clear.
    pub community: Vec<u8>,
    /// What is said.
    pub pdu: Pdu,
}

impl std::fmt::Debug for CommunityMessage {
    /// Without the community.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommunityMessage")
            .field("version", &self.version)
            .field("pdu", &self.pdu)
            .finish_non_exhaustive()
    }
}

impl CommunityMessage {
    /// The bytes of the packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        ber::element(&mut out, SEQUENCE, |out| {
            write_version(out, self.version);
            ber::write_octets(out, &self.community);
            self.pdu.write(out);
        });
        out
    }

    /// Reads a packet; what follows the message in it is not looked at.
    ///
    /// # Errors
    /// No message of version 1 or 2c.
    pub fn decode(packet: &[u8]) -> Result<Self, Malformed> {
        let mut message = Reader::new(packet).expect(SEQUENCE, "no message")?;
        let version = read_version(&mut message)?;
        if version == SnmpVersion::V3 {
            return Err(Malformed {
                what: "a message of version 3",
                at: 0,
            });
        }
        let community = message.octets("no community")?.rest().to_vec();
        let pdu = Pdu::read(&mut message)?;
        Ok(Self {
            version,
            community,
            pdu,
        })
    }
}

/// msgFlags: the message has a digest.
pub const AUTH: u8 = 1;
/// msgFlags: the scoped PDU is encrypted.
pub const PRIV: u8 = 2;
/// msgFlags: the receiver may answer with a report.
pub const REPORTABLE: u8 = 4;
/// msgSecurityModel of the user-based security model.
pub const USM: i32 = 3;

/// The user-based security model's part of a message (RFC 3414 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UsmParameters {
    /// Who the authoritative engine is; empty to find out.
    pub engine: Vec<u8>,
    /// How often it has started.
    pub boots: i32,
    /// Seconds since it has.
    pub time: i32,
    /// Who asks.
    pub user: Vec<u8>,
    /// The digest, or as many zeros while it is made.
    pub digest: Vec<u8>,
    /// What, with the key, makes the initialisation vector.
    pub salt: Vec<u8>,
}

/// A scoped PDU as it stands in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scoped {
    /// In clear: an encoded [`ScopedPdu`].
    Plain(ScopedPdu),
    /// Encrypted.
    Encrypted(Vec<u8>),
}

/// A PDU and whom it is about (RFC 3412 §6.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedPdu {
    /// Whose objects; UPSes have those of the engine itself.
    pub context_engine: Vec<u8>,
    /// Which of its contexts; UPSes have the nameless one.
    pub context_name: Vec<u8>,
    /// What is said.
    pub pdu: Pdu,
}

impl ScopedPdu {
    /// Its bytes, for encrypting.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        ber::element(out, SEQUENCE, |out| {
            ber::write_octets(out, &self.context_engine);
            ber::write_octets(out, &self.context_name);
            self.pdu.write(out);
        });
    }

    /// Reads decrypted bytes; the padding behind them is not looked at.
    ///
    /// # Errors
    /// No scoped PDU: wrong key, or a broken one.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::read(&mut Reader::new(bytes))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut inner = reader.expect(SEQUENCE, "no scoped PDU")?;
        Ok(Self {
            context_engine: inner.octets("no contextEngineID")?.rest().to_vec(),
            context_name: inner.octets("no contextName")?.rest().to_vec(),
            pdu: Pdu::read(&mut inner)?,
        })
    }
}

/// A message of version 3 with the user-based security model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V3Message {
    /// msgID, told back in the answer.
    pub id: i32,
    /// Bytes of the largest message its sender takes.
    pub max_size: i32,
    /// [`AUTH`], [`PRIV`], [`REPORTABLE`].
    pub flags: u8,
    /// Engine, user, digest.
    pub security: UsmParameters,
    /// What is said.
    pub scoped: Scoped,
    /// Where in the packet the digest stands.
    pub digest_at: Range<usize>,
}

impl V3Message {
    /// The bytes of the packet; `digest_at` is not looked at, reading the packet again finds it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut security = Vec::with_capacity(64);
        ber::element(&mut security, SEQUENCE, |out| {
            let usm = &self.security;
            ber::write_octets(out, &usm.engine);
            ber::write_number(out, usm.boots);
            ber::write_number(out, usm.time);
            ber::write_octets(out, &usm.user);
            ber::write_octets(out, &usm.digest);
            ber::write_octets(out, &usm.salt);
        });
        let mut out = Vec::with_capacity(512);
        ber::element(&mut out, SEQUENCE, |out| {
            write_version(out, SnmpVersion::V3);
            ber::element(out, SEQUENCE, |out| {
                ber::write_number(out, self.id);
                ber::write_number(out, self.max_size);
                ber::write_octets(out, &[self.flags]);
                ber::write_number(out, USM);
            });
            ber::write_octets(out, &security);
            match &self.scoped {
                Scoped::Plain(scoped) => scoped.write(out),
                Scoped::Encrypted(bytes) => ber::write_octets(out, bytes),
            }
        });
        out
    }

    /// Reads a packet; what follows the message in it is not looked at.
    ///
    /// # Errors
    /// No message of version 3 with the user-based security model.
    pub fn decode(packet: &[u8]) -> Result<Self, Malformed> {
        let mut message = Reader::new(packet).expect(SEQUENCE, "no message")?;
        let at = message.range().start;
        let malformed = |what| Malformed { what, at };
        if read_version(&mut message)? != SnmpVersion::V3 {
            return Err(malformed("a message of another version"));
        }
        let mut header = message.expect(SEQUENCE, "no header")?;
        let id = header.number("no msgID")?;
        let max_size = header.number("no msgMaxSize")?;
        let flags = header.octets("no msgFlags")?;
        let flags = *flags
            .rest()
            .first()
            .ok_or_else(|| malformed("no msgFlags"))?;
        if header.number("no msgSecurityModel")? != USM {
            return Err(malformed("another security model"));
        }
        let mut outer = message.octets("no security parameters")?;
        let mut usm = outer.expect(SEQUENCE, "no security parameters")?;
        let engine = usm.octets("no engine id")?.rest().to_vec();
        let boots = usm.number("no engine boots")?;
        let time = usm.number("no engine time")?;
        let user = usm.octets("no user")?.rest().to_vec();
        let digest = usm.octets("no digest")?;
        let salt = usm.octets("no salt")?.rest().to_vec();
        let scoped = match message.peek() {
            Some(ber::OCTETS) => {
                Scoped::Encrypted(message.octets("no scoped PDU")?.rest().to_vec())
            }
            _ => Scoped::Plain(ScopedPdu::read(&mut message)?),
        };
        Ok(Self {
            id,
            max_size,
            flags,
            digest_at: digest.range(),
            security: UsmParameters {
                engine,
                boots,
                time,
                user,
                digest: digest.rest().to_vec(),
                salt,
            },
            scoped,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::snmp::SnmpValue;

    fn pdu() -> Pdu {
        Pdu {
            kind: Kind::Get,
            id: 0x1234_5678,
            status: 0,
            index: 0,
            bindings: vec![Varbind {
                oid: "1.3.6.1.2.1.1.1.0".parse().unwrap(),
                value: SnmpValue::Null,
            }],
        }
    }

    /// What `snmpget -v1 -c public` sends for sysDescr.0.
    const GET: &[u8] = &[
        0x30, 0x29, 2, 1, 0, 4, 6, b'p', b'u', b'b', b'l', b'i', b'c', 0xA0, 0x1c, 2, 4, 0x12,
        0x34, 0x56, 0x78, 2, 1, 0, 2, 1, 0, 0x30, 0x0e, 0x30, 0x0c, 6, 8, 43, 6, 1, 2, 1, 1, 1, 0,
        5, 0,
    ];

    #[test]
    fn a_request_has_the_bytes_that_other_programs_send() {
        let message = CommunityMessage {
            version: SnmpVersion::V1,
            community: b"public".to_vec(),
            pdu: pdu(),
        };
        assert_eq!(message.encode(), GET);
        assert_eq!(CommunityMessage::decode(GET), Ok(message.clone()));
        assert!(!format!("{message:?}").contains("112, 117"));
        assert_eq!(version(GET), Ok(SnmpVersion::V1));
    }

    #[test]
    fn every_cut_and_every_broken_byte_is_survived() {
        for length in 0..GET.len() {
            assert!(CommunityMessage::decode(&GET[..length]).is_err());
        }
        let whole = v3().encode();
        for length in 0..whole.len() {
            assert!(V3Message::decode(&whole[..length]).is_err());
        }
        for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut broken = whole.clone();
            broken[at] ^= 1 << bit;
            // It is read or refused; it does not panic.
            let _ = V3Message::decode(&broken);
        }
    }

    /// Some thousand packets of the fuzz target, in every test run. The generator is G. Marsaglia's xorshift.
    #[test]
    fn what_is_read_of_a_mad_packet_is_written_as_it_was_understood() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        let mut read = 0;
        for _ in 0..20_000 {
            let mut packet = if random(2) == 0 {
                GET.to_vec()
            } else {
                v3().encode()
            };
            for _ in 0..=random(4) {
                let at = random(packet.len());
                packet[at] = random(256) as u8;
            }
            if let Ok(message) = CommunityMessage::decode(&packet) {
                read += 1;
                assert_eq!(CommunityMessage::decode(&message.encode()), Ok(message));
            }
            if let Ok(message) = V3Message::decode(&packet) {
                read += 1;
                assert!(packet.get(message.digest_at.clone()).is_some());
                if let Scoped::Plain(scoped) = &message.scoped {
                    assert_eq!(ScopedPdu::decode(&scoped.encode()).as_ref(), Ok(scoped));
                }
            }
        }
        assert!(read > 2_000, "{read}");
    }

    fn v3() -> V3Message {
        V3Message {
            id: 7,
            max_size: 65507,
            flags: AUTH | REPORTABLE,
            security: UsmParameters {
                engine: vec![0x80, 0, 0x1f, 0x88, 4],
                boots: 3,
                time: 70000,
                user: b"nut".to_vec(),
                digest: vec![0; 12],
                salt: Vec::new(),
            },
            scoped: Scoped::Plain(ScopedPdu {
                context_engine: vec![0x80, 0, 0x1f, 0x88, 4],
                context_name: Vec::new(),
                pdu: pdu(),
            }),
            digest_at: 0..0,
        }
    }

    #[test]
    fn version_3_goes_there_and_back_and_the_digest_is_found() {
        let packet = v3().encode();
        let read = V3Message::decode(&packet).unwrap();
        assert_eq!(read.digest_at.len(), 12);
        assert!(packet[read.digest_at.clone()].iter().all(|byte| *byte == 0));
        assert_eq!(packet[read.digest_at.start - 2..][..2], [4, 12]);
        let again = V3Message {
            digest_at: 0..0,
            ..read
        };
        assert_eq!(again, v3());
        assert!(CommunityMessage::decode(&packet).is_err());
        assert!(V3Message::decode(GET).is_err());
        let encrypted = V3Message {
            scoped: Scoped::Encrypted(vec![1; 16]),
            ..v3()
        };
        let read = V3Message::decode(&encrypted.encode()).unwrap();
        assert_eq!(read.scoped, encrypted.scoped);
    }
}
