//! Hashed passwords: making one for upsd.users, and checking one.
//!
//! Argon2id with the costs that OWASP gives for it: 19 MiB, 2 passes, 1 lane. A check takes that memory and some 30 ms, so
//! whoever calls `verify` does it off the reactor and rations it (`gate.rs`). Bounds of foreign hashes:
//! `husk_core::conf::users`. Standard: RFC 9106.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// Bytes of salt, as RFC 9106 recommends.
const SALT: usize = 16;

/// A password cannot be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The system gives no random bytes.
    #[error("the system gives no random numbers for the salt; try again")]
    NoRandomness,
    /// The algorithm does not take it.
    #[error("this password cannot be hashed: {0}")]
    Refused(String),
}

/// The argon2id hash of a password, with a fresh salt, as upsd.users takes it.
///
/// # Errors
/// There are no random numbers.
pub fn hash(password: &str) -> Result<String, HashError> {
    let mut salt = [0; SALT];
    let source = rustls::crypto::ring::default_provider().secure_random;
    source
        .fill(&mut salt)
        .map_err(|_| HashError::NoRandomness)?;
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| HashError::Refused(error.to_string()))
}

/// Whether the password is the one hashed as `phc`.
pub(crate) fn verify(phc: &str, password: &str) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use husk_core::conf::users;

    #[test]
    fn what_is_made_here_is_taken_by_upsd_users_and_opens() {
        let made = hash("s3cret").unwrap();
        assert_ne!(made, hash("s3cret").unwrap(), "the salt must differ");
        let text = format!("[a]\npassword = {made}\n");
        let (users, found) = users::parse("upsd.users", text.as_bytes());
        assert_eq!(found, []);
        let kept = users.hash("a").unwrap();
        assert!(kept.own);
        assert_eq!(kept.phc, made);
        assert!(verify(kept.phc, "s3cret"));
        assert!(!verify(kept.phc, "s3creT") && !verify("nonsense", "s3cret"));
    }
}
