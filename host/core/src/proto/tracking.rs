//! What became of requests that were handed to a driver: clients ask by id with `GET TRACKING <id>`.
//!
//! Ids are UUIDs of version 4 in upper case, made from random bytes the caller brings. The table is bounded and forgets
//! by age; an id it does not know is answered as unknown, which is also what upsd does. It never says who asked what.
//! Source: upsd 2.8 (TRACKINGDELAY, reply words), RFC 9562 §5.4 for the ids.

use std::collections::VecDeque;
use std::time::Duration;

use super::limits;

/// How far a tracked request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The driver has not answered.
    Pending,
    /// Done.
    Success,
    /// The driver does not know the command or variable.
    Unknown,
    /// The driver does not take the value.
    Invalid,
    /// The device refused or did not answer.
    Failed,
}

impl Outcome {
    /// The reply line, without its end.
    pub fn reply(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::Unknown => "ERR UNKNOWN",
            Self::Invalid => "ERR INVALID-ARGUMENT",
            Self::Failed => "ERR FAILED",
        }
    }
}

/// The tracked requests, oldest first.
#[derive(Debug)]
pub struct Tracking {
    life: Duration,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: u128,
    until: Duration,
    outcome: Outcome,
}

impl Tracking {
    /// Remembers each request for `life` (upsd.conf's TRACKINGDELAY).
    pub fn new(life: Duration) -> Self {
        Self {
            life,
            entries: VecDeque::new(),
        }
    }

    /// A changed TRACKINGDELAY; counts for requests to come.
    pub fn set_life(&mut self, life: Duration) {
        self.life = life;
    }

    /// Notes a request as pending; forgets the expired ones and, beyond [`limits::TRACKED`], the oldest.
    pub fn register(&mut self, id: &str, now: Duration) {
        let Some(id) = parse(id) else { return };
        self.entries.retain(|entry| entry.until > now);
        if self.entries.len() >= limits::TRACKED {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            id,
            until: now + self.life,
            outcome: Outcome::Pending,
        });
    }

    /// Notes how a request ended; nothing happens if it is forgotten already.
    pub fn finish(&mut self, id: &str, outcome: Outcome) {
        let id = parse(id);
        if let Some(entry) = self.entries.iter_mut().rev().find(|e| Some(e.id) == id) {
            entry.outcome = outcome;
        }
    }

    /// How far a request has come; `None` if unknown or expired. Ids are compared without regard to case.
    pub fn get(&self, id: &str, now: Duration) -> Option<Outcome> {
        let id = parse(id)?;
        let entry = self.entries.iter().rev().find(|entry| entry.id == id)?;
        (entry.until > now).then_some(entry.outcome)
    }
}

/// Writes 16 random bytes as an id, such as `2DDC5036-F665-4D29-BE4C-0374D091D263`.
pub fn id(random: [u8; 16]) -> String {
    const VERSION_4: u128 = 4 << 76;
    const VERSION_MASK: u128 = 0xf << 76;
    const VARIANT: u128 = 0b10 << 62;
    const VARIANT_MASK: u128 = 0b11 << 62;
    let bits = u128::from_be_bytes(random);
    let bits = bits & !VERSION_MASK & !VARIANT_MASK | VERSION_4 | VARIANT;
    let group = |shift: u32, digits: u32| (bits >> shift) & ((1 << (4 * digits)) - 1);
    format!(
        "{:08X}-{:04X}-{:04X}-{:04X}-{:012X}",
        group(96, 8),
        group(80, 4),
        group(64, 4),
        group(48, 4),
        group(0, 12)
    )
}

/// The bits of an id; `None` for any other text.
fn parse(id: &str) -> Option<u128> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    if id.len() != 36 {
        return None;
    }
    let mut bits = 0;
    for (at, byte) in id.bytes().enumerate() {
        if DASHES.contains(&at) != (byte == b'-') {
            return None;
        }
        if byte != b'-' {
            bits = bits << 4 | u128::from(char::from(byte).to_digit(16)?);
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn ids_are_uuids_of_version_4_in_upper_case() {
        assert_eq!(id([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(id([0xff; 16]), "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF");
        let counting = std::array::from_fn(|n| u8::try_from(n).unwrap() * 0x11);
        assert_eq!(id(counting), "00112233-4455-4677-8899-AABBCCDDEEFF");
    }

    #[test]
    fn a_request_is_pending_then_ended_then_forgotten() {
        let mut tracking = Tracking::new(HOUR);
        let id = id([7; 16]);
        assert_eq!(tracking.get(&id, Duration::ZERO), None);
        tracking.register(&id, Duration::ZERO);
        assert_eq!(tracking.get(&id, HOUR / 2), Some(Outcome::Pending));
        tracking.finish(&id, Outcome::Failed);
        let lower = id.to_ascii_lowercase();
        assert_eq!(tracking.get(&lower, HOUR / 2), Some(Outcome::Failed));
        assert_eq!(tracking.get(&id, HOUR), None);
    }

    #[test]
    fn only_ids_of_the_right_form_are_looked_up() {
        let mut tracking = Tracking::new(HOUR);
        tracking.register("not an id", Duration::ZERO);
        assert!(tracking.entries.is_empty());
        for text in [
            "",
            "x",
            "00000000-0000-4000-8000-00000000000g",
            "00000000000000000000000000000000----",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_goes_first() {
        let mut tracking = Tracking::new(HOUR);
        let numbered = |n: usize| id(u128::to_be_bytes(n as u128));
        for n in 0..=limits::TRACKED {
            tracking.register(&numbered(n), Duration::ZERO);
        }
        assert_eq!(tracking.entries.len(), limits::TRACKED);
        assert_eq!(tracking.get(&numbered(0), Duration::ZERO), None);
        assert!(tracking.get(&numbered(1), Duration::ZERO).is_some());
        tracking.register(&numbered(9), HOUR);
        assert_eq!(tracking.entries.len(), 1);
    }
}
