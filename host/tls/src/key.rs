//! Private keys, behind a passphrase or not.
//!
//! Read are PKCS #8 keys encrypted with PBES2 (RFC 8018: PBKDF2 or scrypt, AES), which is what OpenSSL has written since 1.0.
//! The encryption OpenSSL wrote before inside `RSA` and `EC` keys hashes the passphrase once with MD5; it is refused with
//! the command that converts it.

use std::fmt;
use std::path::Path;

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::Error;

/// What opens a key behind a passphrase. `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Passphrase(String);

impl Passphrase {
    /// An empty one is none, as in `CERTIDENT "name" ""`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

const BEGIN: &str = "-----BEGIN ENCRYPTED ";
const END: &str = "-----END ENCRYPTED ";
/// In a key that OpenSSL encrypted the old way.
const OLD: &str = "Proc-Type: 4,ENCRYPTED";

/// Whether the file holds a key of the old way, at which readers of certificates stumble too.
pub(crate) fn refuse_old(pem: &[u8], path: &Path) -> Result<(), Error> {
    if String::from_utf8_lossy(pem).contains(OLD) {
        return Err(Error::OldEncryption(path.to_owned()));
    }
    Ok(())
}

/// The first key of a PEM file.
pub(crate) fn read(
    pem: &[u8],
    passphrase: &Passphrase,
    path: &Path,
) -> Result<PrivateKeyDer<'static>, Error> {
    if let Ok(key) = PrivateKeyDer::from_pem_slice(pem) {
        return Ok(key);
    }
    let text = String::from_utf8_lossy(pem);
    let section = section(&text).ok_or_else(|| Error::NoKey(path.to_owned()))?;
    if passphrase.0.is_empty() {
        return Err(Error::NoPassphrase(path.to_owned()));
    }
    let clear = open(section, passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) => {
            Error::WrongPassphrase(path.to_owned())
        }
        other => Error::Unusable {
            path: path.to_owned(),
            reason: format!("{other}; `openssl pkcs8 -topk8` writes a key that can be read"),
        },
    })?;
    // One wrong passphrase in 256 looks right until here.
    PrivateKeyDer::try_from(clear.as_bytes().to_vec())
        .map_err(|_| Error::WrongPassphrase(path.to_owned()))
}

/// The PEM section of an encrypted key.
fn section(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(BEGIN)?;
    let (body, rest) = rest.split_once(END)?;
    let last = rest.lines().next()?;
    let whole = BEGIN.len() + body.len() + END.len() + last.len();
    text.get(text.find(BEGIN)?..)?.get(..whole)
}

fn open(section: &str, passphrase: &Passphrase) -> Result<SecretDocument, pkcs8::Error> {
    let (_, sealed) = SecretDocument::from_pem(section)?;
    EncryptedPrivateKeyInfoRef::try_from(sealed.as_bytes())?.decrypt(&passphrase.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(name: &str) -> Vec<u8> {
        let certs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs");
        std::fs::read(certs.join(name)).unwrap()
    }

    fn key(name: &str, passphrase: &str) -> Result<PrivateKeyDer<'static>, Error> {
        read(&file(name), &Passphrase::new(passphrase), Path::new(name))
    }

    #[test]
    fn the_right_passphrase_opens_what_openssl_sealed() {
        let plain = key("unsafe.sealed.pem", "open sesame").unwrap();
        for name in ["unsafe.sealed.pem", "unsafe.sealed-scrypt.pem"] {
            assert_eq!(key(name, "open sesame").unwrap(), plain, "{name}");
            let wrong = key(name, "open barley");
            assert!(matches!(wrong, Err(Error::WrongPassphrase(_))), "{name}");
            assert!(matches!(key(name, ""), Err(Error::NoPassphrase(_))));
        }
        assert!(matches!(key("ca.pem", "x"), Err(Error::NoKey(_))));
    }

    #[test]
    fn the_old_way_is_answered_with_the_command_that_converts() {
        let path = Path::new("old.pem");
        let error = refuse_old(&file("unsafe.sealed-old.pem"), path).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("openssl pkcs8 -topk8 -in old.pem")
        );
        assert!(refuse_old(&file("unsafe.sealed.pem"), path).is_ok());
    }

    #[test]
    fn what_is_no_sealed_key_is_told_from_a_wrong_passphrase() {
        let whole = String::from_utf8(file("unsafe.sealed.pem")).unwrap();
        let start = whole.find(BEGIN).unwrap();
        let short = whole.split_at(start + BEGIN.len() + 80).0.to_owned();
        let cut = format!("{short}\n{END}{} KEY-----\n", "PRIVATE");
        let passphrase = Passphrase::new("open sesame");
        for (text, missing) in [(cut, false), (short, true)] {
            let error = read(text.as_bytes(), &passphrase, Path::new("x")).unwrap_err();
            assert_eq!(matches!(error, Error::NoKey(_)), missing, "{error}");
            assert_eq!(matches!(error, Error::Unusable { .. }), !missing, "{error}");
        }
        assert_eq!(format!("{passphrase:?}"), "Passphrase(…)");
    }
}
