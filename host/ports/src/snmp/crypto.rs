//! The algorithms of the user-based security model: passwords to keys, digests, encryption.
//!
//! Standards: RFC 3414 (MD5, SHA-1, DES), RFC 3826 (AES-128), RFC 7860 (SHA-2). AES-192 and AES-256 have no standard: the
//! names mean draft-blumenthal-aes-usm-04, as net-snmp takes them, and with a C at the end the way of draft-reeder that
//! Cisco's agents use. Refuses to: offer any of them for anything else; MD5 and DES protect from little.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use des::Des;
use hmac::digest::{Digest, FixedOutputReset, Update};
use hmac::{Hmac, KeyInit, Mac};

/// A password is repeated to this many bytes to make a key of it (RFC 3414 §A.2).
const STRETCHED: usize = 1 << 20;
/// Bytes of a DES key and of its salt.
const DES_BLOCK: usize = 8;

/// Bytes that are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub(super) Vec<u8>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// How messages are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// HMAC-MD5-96.
    Md5,
    /// HMAC-SHA-96.
    Sha1,
    /// HMAC-SHA-224, 16 bytes of it.
    Sha224,
    /// HMAC-SHA-256, 24 bytes of it.
    Sha256,
    /// HMAC-SHA-384, 32 bytes of it.
    Sha384,
    /// HMAC-SHA-512, 48 bytes of it.
    Sha512,
}

/// Runs `$body` with `$D` standing for the digest.
macro_rules! with_digest {
    ($auth:expr, $D:ident => $body:expr) => {
        match $auth {
            Auth::Md5 => {
                type $D = md5::Md5;
                $body
            }
            Auth::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            Auth::Sha224 => {
                type $D = sha2::Sha224;
                $body
            }
            Auth::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            Auth::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            Auth::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
        }
    };
}

impl Auth {
    /// The names that `authProtocol` takes, as NUT writes them, and net-snmp's spellings.
    pub(super) const NAMES: [(&str, Self); 11] = [
        ("MD5", Self::Md5),
        ("SHA", Self::Sha1),
        ("SHA1", Self::Sha1),
        ("SHA224", Self::Sha224),
        ("SHA256", Self::Sha256),
        ("SHA384", Self::Sha384),
        ("SHA512", Self::Sha512),
        ("SHA-224", Self::Sha224),
        ("SHA-256", Self::Sha256),
        ("SHA-384", Self::Sha384),
        ("SHA-512", Self::Sha512),
    ];

    /// Bytes of the digest in a message.
    #[must_use]
    pub fn digest_len(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 => 12,
            Self::Sha224 => 16,
            Self::Sha256 => 24,
            Self::Sha384 => 32,
            Self::Sha512 => 48,
        }
    }

    fn hash(self, parts: &[&[u8]]) -> Vec<u8> {
        with_digest!(self, D => {
            let mut digest = <D as Digest>::new();
            parts.iter().for_each(|part| Update::update(&mut digest, part));
            digest.finalize_fixed_reset().to_vec()
        })
    }

    /// The key that a password stands for with every agent (Ku, RFC 3414 §A.2). Takes some milliseconds.
    #[must_use]
    pub fn key_of_password(self, password: &[u8]) -> Key {
        if password.is_empty() {
            return Key(Vec::new());
        }
        let stretched: Vec<u8> = password.iter().copied().cycle().take(STRETCHED).collect();
        Key(self.hash(&[&stretched]))
    }

    /// The key for one agent (Kul, RFC 3414 §2.6).
    #[must_use]
    pub fn localized(self, key: &Key, engine: &[u8]) -> Key {
        Key(self.hash(&[&key.0, engine, &key.0]))
    }

    /// The digest of a message in which the digest's place holds zeros.
    #[must_use]
    pub fn digest(self, key: &Key, message: &[u8]) -> Vec<u8> {
        let mut whole = with_digest!(self, D => {
            match <Hmac<D> as KeyInit>::new_from_slice(&key.0) {
                Ok(mut mac) => {
                    Mac::update(&mut mac, message);
                    mac.finalize().into_bytes().to_vec()
                }
                Err(_) => Vec::new(),
            }
        });
        whole.truncate(self.digest_len());
        whole
    }

    /// Whether a message's digest, taken out and replaced by zeros, is right; takes as long whether it is or not.
    #[must_use]
    pub fn verify(self, key: &Key, message: &[u8], digest: &[u8]) -> bool {
        digest.len() == self.digest_len()
            && with_digest!(self, D => {
                match <Hmac<D> as KeyInit>::new_from_slice(&key.0) {
                    Ok(mut mac) => {
                        Mac::update(&mut mac, message);
                        mac.verify_truncated_left(digest).is_ok()
                    }
                    Err(_) => false,
                }
            })
    }
}

/// How messages are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// DES in CBC mode.
    Des,
    /// AES-128 in CFB mode.
    Aes128,
    /// AES-192, a short key stretched as in draft-blumenthal-aes-usm-04.
    Aes192,
    /// AES-256, likewise.
    Aes256,
    /// AES-192, a short key stretched as in draft-reeder-snmpv3-usm-3desede.
    Aes192Reeder,
    /// AES-256, likewise.
    Aes256Reeder,
}

/// What makes the initialisation vector of a message: from its header, and the salt that travels with it.
#[derive(Clone, Copy, Debug)]
pub struct Vector<'a> {
    /// Engine boots and time of the message.
    pub boots: i32,
    /// See `boots`.
    pub time: i32,
    /// msgPrivacyParameters, 8 bytes.
    pub salt: &'a [u8],
}

impl Privacy {
    /// The names that `privProtocol` takes, as NUT writes them, and net-snmp's spellings.
    pub(super) const NAMES: [(&str, Self); 9] = [
        ("DES", Self::Des),
        ("AES", Self::Aes128),
        ("AES128", Self::Aes128),
        ("AES192", Self::Aes192),
        ("AES256", Self::Aes256),
        ("AES192C", Self::Aes192Reeder),
        ("AES256C", Self::Aes256Reeder),
        ("AES-192", Self::Aes192),
        ("AES-256", Self::Aes256),
    ];

    fn key_len(self) -> usize {
        match self {
            Self::Des | Self::Aes128 => 16,
            Self::Aes192 | Self::Aes192Reeder => 24,
            Self::Aes256 | Self::Aes256Reeder => 32,
        }
    }

    /// The key for one agent, as long as the cipher wants it. `key` is the password's, made with `auth`.
    #[must_use]
    pub fn localized(self, auth: Auth, key: &Key, engine: &[u8]) -> Key {
        let Key(mut local) = auth.localized(key, engine);
        while local.len() < self.key_len() {
            let more = match self {
                Self::Aes192Reeder | Self::Aes256Reeder => {
                    let again = auth.key_of_password(&local);
                    auth.localized(&again, engine).0
                }
                _ => auth.hash(&[&local]),
            };
            local.extend(more);
        }
        local.truncate(self.key_len());
        Key(local)
    }

    /// The 8 bytes that travel with a message, from a number that is another for each.
    #[must_use]
    pub fn salt(self, boots: i32, counter: u64) -> [u8; 8] {
        match self {
            // RFC 3414 §8.1.1.1: the engine's boots, then a counter.
            Self::Des => {
                let counter = (counter & 0xffff_ffff) as u32;
                (u64::from(boots.cast_unsigned()) << 32 | u64::from(counter)).to_be_bytes()
            }
            _ => counter.to_be_bytes(),
        }
    }

    /// Encrypts; `None` where key and cipher do not fit.
    #[must_use]
    pub fn encrypt(self, key: &Key, vector: Vector<'_>, plain: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = plain.to_vec();
        match self {
            Self::Des => {
                bytes.resize(bytes.len().next_multiple_of(DES_BLOCK), 0);
                let (key, iv) = des_parts(key, vector.salt)?;
                let cipher = cbc::Encryptor::<Des>::new_from_slices(key, &iv).ok()?;
                let length = bytes.len();
                cipher
                    .encrypt_padded::<NoPadding>(&mut bytes, length)
                    .ok()?;
            }
            Self::Aes128 => {
                cfb_mode::Encryptor::<Aes128>::new_from_slices(&key.0, &aes_vector(vector)?)
                    .ok()?
                    .encrypt(&mut bytes);
            }
            Self::Aes192 | Self::Aes192Reeder => {
                cfb_mode::Encryptor::<Aes192>::new_from_slices(&key.0, &aes_vector(vector)?)
                    .ok()?
                    .encrypt(&mut bytes);
            }
            Self::Aes256 | Self::Aes256Reeder => {
                cfb_mode::Encryptor::<Aes256>::new_from_slices(&key.0, &aes_vector(vector)?)
                    .ok()?
                    .encrypt(&mut bytes);
            }
        }
        Some(bytes)
    }

    /// Decrypts; `None` for what cannot be of this cipher. A wrong key gives nonsense.
    #[must_use]
    pub fn decrypt(self, key: &Key, vector: Vector<'_>, encrypted: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = encrypted.to_vec();
        match self {
            Self::Des => {
                let (key, iv) = des_parts(key, vector.salt)?;
                let cipher = cbc::Decryptor::<Des>::new_from_slices(key, &iv).ok()?;
                cipher.decrypt_padded::<NoPadding>(&mut bytes).ok()?;
            }
            Self::Aes128 => {
                cfb_mode::Decryptor::<Aes128>::new_from_slices(&key.0, &aes_vector(vector)?)
                    .ok()?
                    .decrypt(&mut bytes);
            }
            Self::Aes192 | Self::Aes192Reeder => {
                cfb_mode::Decryptor::<Aes192>::new_from_slices(&key.0, &aes_vector(vector)?)
                    .ok()?
                    .decrypt(&mut bytes);
            }
            Self::Aes256 | Self::Aes256Reeder => {
                cfb_mode::Decryptor::<Aes256>::new_from_slices(&key.0, &aes_vector(vector)?)
                    .ok()?
                    .decrypt(&mut bytes);
            }
        }
        Some(bytes)
    }
}

/// The first half of the key is DES's, the second is mixed with the salt (RFC 3414 §8.1.1.1).
fn des_parts<'a>(key: &'a Key, salt: &[u8]) -> Option<(&'a [u8], [u8; DES_BLOCK])> {
    let (cipher, pre_vector) = key.0.split_at_checked(DES_BLOCK)?;
    let mut vector: [u8; DES_BLOCK] = pre_vector.try_into().ok()?;
    let salt: [u8; DES_BLOCK] = salt.try_into().ok()?;
    for (byte, salt) in vector.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    Some((cipher, vector))
}

/// Boots, time, salt (RFC 3826 §3.1.2.1).
fn aes_vector(vector: Vector<'_>) -> Option<[u8; 16]> {
    let parts = [
        &vector.boots.to_be_bytes(),
        &vector.time.to_be_bytes(),
        vector.salt,
    ];
    parts.concat().try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ENGINE: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 3414 §A.3.1, §A.3.2.
    #[test]
    fn the_standards_keys_come_out() {
        for (auth, ku, kul) in [
            (
                Auth::Md5,
                "9faf3283884e92834ebc9847d8edd963",
                "526f5eed9fcce26f8964c2930787d82b",
            ),
            (
                Auth::Sha1,
                "9fb5cc0381497b3793528939ff788d5d79145211",
                "6695febc9288e36282235fc7151f128497b38f3f",
            ),
        ] {
            let key = auth.key_of_password(b"maplesyrup");
            assert_eq!(hex(&key.0), ku);
            assert_eq!(hex(&auth.localized(&key, ENGINE).0), kul);
        }
    }

    /// What draft-reeder-snmpv3-usm-3desede-00 gives for a key of 32 bytes: of them AES-256 takes all, AES-192 fewer.
    #[test]
    fn a_key_stretched_as_reeder_does_is_that_of_the_draft() {
        for (auth, expected) in [
            (
                Auth::Md5,
                "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12",
            ),
            (
                Auth::Sha1,
                "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c",
            ),
        ] {
            let key = auth.key_of_password(b"maplesyrup");
            let long = Privacy::Aes256Reeder.localized(auth, &key, ENGINE);
            assert_eq!(hex(&long.0), expected);
            let shorter = Privacy::Aes192Reeder.localized(auth, &key, ENGINE);
            assert_eq!(hex(&shorter.0), expected.get(..48).unwrap_or_default());
        }
    }

    #[test]
    fn a_short_key_is_stretched_both_ways() {
        let key = Auth::Sha1.key_of_password(b"maplesyrup");
        let local = Auth::Sha1.localized(&key, ENGINE);
        let blumenthal = Privacy::Aes256.localized(Auth::Sha1, &key, ENGINE);
        let reeder = Privacy::Aes256Reeder.localized(Auth::Sha1, &key, ENGINE);
        assert_eq!((blumenthal.0.len(), reeder.0.len()), (32, 32));
        assert_eq!(blumenthal.0.get(..20), Some(local.0.as_slice()));
        assert_eq!(reeder.0.get(..20), Some(local.0.as_slice()));
        assert_ne!(blumenthal, reeder);
        // SHA-256 gives enough by itself.
        let key = Auth::Sha256.key_of_password(b"maplesyrup");
        assert_eq!(
            Privacy::Aes256.localized(Auth::Sha256, &key, ENGINE),
            Privacy::Aes256Reeder.localized(Auth::Sha256, &key, ENGINE)
        );
    }

    #[test]
    fn every_cipher_gives_back_what_it_took() {
        let text = b"0123456789abcdefghij";
        for (name, privacy) in Privacy::NAMES {
            let key = Auth::Sha1.key_of_password(b"maplesyrup");
            let key = privacy.localized(Auth::Sha1, &key, ENGINE);
            let salt = privacy.salt(3, 0x1_0000_0001);
            let vector = Vector {
                boots: 3,
                time: 500,
                salt: &salt,
            };
            let encrypted = privacy.encrypt(&key, vector, text).unwrap();
            assert_ne!(encrypted, text, "{name}");
            let decrypted = privacy.decrypt(&key, vector, &encrypted).unwrap();
            assert_eq!(decrypted.get(..text.len()), Some(text.as_slice()), "{name}");
            let short = Vector {
                salt: &salt[..7],
                ..vector
            };
            assert_eq!(privacy.decrypt(&key, short, &encrypted), None);
        }
        let key = Key(vec![0; 16]);
        let salt = [0; 8];
        let vector = Vector {
            boots: 0,
            time: 0,
            salt: &salt,
        };
        assert_eq!(Privacy::Des.decrypt(&key, vector, &[0; 15]), None);
    }

    #[test]
    fn a_digest_is_verified_whole() {
        for (name, auth) in Auth::NAMES {
            let key = auth.localized(&auth.key_of_password(b"maplesyrup"), ENGINE);
            let mut digest = auth.digest(&key, b"message");
            assert_eq!(digest.len(), auth.digest_len(), "{name}");
            assert!(auth.verify(&key, b"message", &digest));
            assert!(!auth.verify(&key, b"massage", &digest));
            digest.pop();
            assert!(!auth.verify(&key, b"message", &digest), "{name}");
        }
        assert_eq!(format!("{:?}", Key(vec![1, 2])), "Key(..)");
    }
}
