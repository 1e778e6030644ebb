//! A password as upsd.users keeps it: in clear, as NUT has it, or as an argon2id hash, which only Husk reads.
//!
//! This module recognises a hash and its bounds but computes none: that takes memory and time, which the server has to
//! ration. Refuses the other argon2 kinds and hashes dearer than the bounds below; such a user cannot log in.
//! Standard: the PHC string format; RFC 9106 for argon2id.

use std::fmt;
use std::hint::black_box;

/// Most memory one check may take, in KiB: two at once must fit a small machine beside everything else.
const MEMORY_KIB: u32 = 256 * 1024;
/// Most passes over that memory: at the largest memory about 2 s.
const PASSES: u32 = 16;
/// Most lanes.
const LANES: u32 = 16;
/// The beginning of every hash this module knows of.
const MARK: &str = "$argon2";

/// How a password is kept. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Password {
    /// As it is typed.
    Plain(String),
    /// A PHC string of argon2id.
    Hashed(String),
    /// A hash that cannot be checked: nobody logs in with it.
    Unusable,
}

impl Password {
    /// What stands behind `password =`, or what is wrong with it. A hash is one word to those who made it; the lexer
    /// cuts it at each `=` unless it is quoted, so `words` are joined again.
    pub(super) fn read<'a>(words: impl Iterator<Item = &'a str> + Clone) -> (Self, Option<String>) {
        let first = words.clone().next().unwrap_or_default();
        if !first.starts_with(MARK) {
            return (Self::Plain(first.to_owned()), None);
        }
        let whole: String = words.collect();
        match flaw(&whole) {
            None => (Self::Hashed(whole), None),
            Some(flaw) => (Self::Unusable, Some(flaw)),
        }
    }

    /// Whether `words` are one hash that the lexer cut into pieces.
    pub(super) fn is_hash(word: &str) -> bool {
        word.starts_with(MARK)
    }

    /// Compares with one that is kept in clear; a hash never matches here.
    pub(super) fn matches(&self, given: &str) -> bool {
        match self {
            Self::Plain(right) => same(right.as_bytes(), given.as_bytes()),
            Self::Hashed(_) | Self::Unusable => false,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Compares in a time that depends on the length of `given` alone.
fn same(right: &[u8], given: &[u8]) -> bool {
    let mut difference = right.len() ^ given.len();
    for (at, &byte) in given.iter().enumerate() {
        // Past the end of `right` the lengths differ already; the byte only has to be read.
        let other = right.get(at).copied().unwrap_or(!byte);
        difference = black_box(difference | usize::from(byte ^ other));
    }
    difference == 0
}

/// Why a PHC string cannot be used: `$argon2id$v=19$m=KiB,t=PASSES,p=LANES$SALT$HASH`.
fn flaw(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('$').collect();
    let ["", kind, version, costs, salt, hash] = parts.as_slice() else {
        return Some("this hash is cut off or has too many parts".to_owned());
    };
    if *kind != "argon2id" {
        return Some(format!("hashes of the kind {kind} are not supported"));
    }
    if *version != "v=19" {
        return Some("this hash is of another version of argon2 than 19".to_owned());
    }
    let costs: Vec<(&str, u32)> = costs
        .split(',')
        .filter_map(|cost| cost.split_once('='))
        .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
        .collect();
    let [("m", memory), ("t", passes), ("p", lanes)] = costs.as_slice() else {
        return Some("this hash lacks its costs `m=…,t=…,p=…`".to_owned());
    };
    // argon2 itself wants 8 KiB a lane.
    let dear = *memory > MEMORY_KIB || *passes > PASSES || *lanes > LANES;
    if dear || *passes == 0 || *lanes == 0 || *memory < 8 * *lanes {
        return Some(format!(
            "the costs of this hash are out of bounds: m from 8 per lane to {MEMORY_KIB}, t to {PASSES}, p to {LANES}"
        ));
    }
    let base64 = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    };
    // Salts of 8 to 48 bytes, hashes of 16 to 64 bytes.
    (!base64(salt, 11, 64) || !base64(hash, 22, 86))
        .then(|| "salt or hash are no base64 of a sensible length".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

    #[test]
    fn a_hash_is_known_whole_or_cut_at_its_equals_signs() {
        let whole = Password::read([HASH].into_iter());
        assert_eq!(whole, (Password::Hashed(HASH.to_owned()), None));
        let cut: Vec<&str> = HASH.split_inclusive('=').collect();
        let pieces = cut.iter().flat_map(|piece| match piece.strip_suffix('=') {
            Some(word) => vec![word, "="],
            None => vec![*piece],
        });
        assert_eq!(Password::read(pieces), whole);
        assert!(!whole.0.matches(HASH));
    }

    #[test]
    fn what_is_no_hash_of_ours_opens_nothing() {
        for (bad, why) in [
            ("$argon2id", "cut off"),
            (
                "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$0123456789abcdefghijkl",
                "argon2i",
            ),
            (
                "$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHQxMjM$0123456789abcdefghijkl",
                "version",
            ),
            (
                "$argon2id$v=19$t=2,p=1$c29tZXNhbHQxMjM$0123456789abcdefghijkl",
                "costs",
            ),
            (
                "$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQxMjM$0123456789abcdefghijkl",
                "bounds",
            ),
            (
                "$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQxMjM$0123456789abcdefghijkl",
                "bounds",
            ),
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c29t$0123456789abcdefghijkl",
                "base64",
            ),
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM$short!",
                "base64",
            ),
        ] {
            let (password, flaw) = Password::read([bad].into_iter());
            assert_eq!(password, Password::Unusable, "{bad}");
            assert!(flaw.as_ref().unwrap().contains(why), "{bad}: {flaw:?}");
            assert!(!password.matches(bad));
        }
    }

    #[test]
    fn other_dollars_are_plain_passwords() {
        let (password, flaw) = Password::read(["$6$x"].into_iter());
        assert!(flaw.is_none() && password.matches("$6$x") && !password.matches("$6$"));
    }
}
