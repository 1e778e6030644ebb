//! Back-off for those who guess passwords: what each source address has to wait before its next guess is looked at.
//!
//! A few mistakes are free, then each one doubles the pause. Only time makes an address forgotten, not success: who knows
//! one password must not guess another at full speed. Guesses of one address queue up behind each other, however many
//! connections it opens, and beyond [`limits::PATIENCE`] they are refused unseen. Readers who never log in, and those who
//! have, do not notice. IPv6 addresses count by their /64, which is what one machine has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Bounds, each with its reason.
pub mod limits {
    use std::time::Duration;

    /// Wrong passwords without consequence: an old one after a change, a slip of the finger.
    pub const FREE: u32 = 5;
    /// The first pause; doubles with each further mistake.
    pub const FIRST: Duration = Duration::from_secs(1);
    /// The longest pause between two guesses: 360 guesses an hour get nowhere.
    pub const LONGEST: Duration = Duration::from_secs(10);
    /// A guess that would have to wait longer is refused: connections must not pile up.
    pub const PATIENCE: Duration = Duration::from_secs(15);
    /// An address without a mistake for so long is forgotten.
    pub const FORGET: Duration = Duration::from_secs(600);
    /// Addresses remembered; the one whose last mistake is longest ago makes room.
    pub const ADDRESSES: usize = 4096;
}

/// The table. `now` is the server's clock.
#[derive(Debug, Default)]
pub struct Penalties {
    offenders: HashMap<IpAddr, Record>,
}

#[derive(Debug)]
struct Record {
    mistakes: u32,
    last: Duration,
    /// When the next guess may be looked at.
    next: Duration,
}

/// What is to become of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Look at it now.
    Now,
    /// Look at it at this time, on the clock given; the place in the queue is taken.
    At(Duration),
    /// Too many wait already: refuse it.
    Never,
}

impl Penalties {
    /// Whether a guess of `peer` has to queue.
    pub fn holds_back(&self, peer: IpAddr, now: Duration) -> bool {
        self.offenders
            .get(&source(peer))
            .is_some_and(|record| record.pause().is_some() && record.next > now)
    }

    /// Takes a place in the queue of `peer`.
    pub fn queue(&mut self, peer: IpAddr, now: Duration) -> Turn {
        let Some(record) = self.offenders.get_mut(&source(peer)) else {
            return Turn::Now;
        };
        let Some(pause) = record.pause() else {
            return Turn::Now;
        };
        let at = record.next.max(now);
        if at > now + limits::PATIENCE {
            return Turn::Never;
        }
        record.next = at + pause;
        if at > now { Turn::At(at) } else { Turn::Now }
    }

    /// Notes a wrong password; the number of mistakes so far.
    pub fn mistake(&mut self, peer: IpAddr, now: Duration) -> u32 {
        let key = source(peer);
        if !self.offenders.contains_key(&key) && self.offenders.len() >= limits::ADDRESSES {
            self.make_room(now);
        }
        let record = self.offenders.entry(key).or_insert(Record {
            mistakes: 0,
            last: now,
            next: now,
        });
        if now.saturating_sub(record.last) >= limits::FORGET {
            record.mistakes = 0;
        }
        record.mistakes = record.mistakes.saturating_add(1);
        record.last = now;
        if let Some(pause) = record.pause() {
            record.next = record.next.max(now + pause);
        }
        record.mistakes
    }

    fn make_room(&mut self, now: Duration) {
        self.offenders
            .retain(|_, record| now.saturating_sub(record.last) < limits::FORGET);
        if self.offenders.len() < limits::ADDRESSES {
            return;
        }
        let oldest = self.offenders.iter().min_by_key(|(_, record)| record.last);
        if let Some(oldest) = oldest.map(|(&peer, _)| peer) {
            self.offenders.remove(&oldest);
        }
    }
}

impl Record {
    /// The pause between two guesses; `None` while mistakes are free.
    fn pause(&self) -> Option<Duration> {
        let doubled = self.mistakes.checked_sub(limits::FREE + 1)?;
        // 2^16 s is longer than the longest already.
        let pause = limits::FIRST * (1 << doubled.min(16));
        Some(pause.min(limits::LONGEST))
    }
}

/// What counts as one machine.
fn source(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn after(mistakes: u32) -> Penalties {
        let mut table = Penalties::default();
        for _ in 0..mistakes {
            table.mistake(ONE, at(100));
        }
        table
    }

    #[test]
    fn a_few_mistakes_are_free_and_then_pauses_double_up_to_the_longest() {
        for (mistakes, pause) in [(5, 0), (6, 1), (7, 2), (8, 4), (9, 8), (10, 10), (60, 10)] {
            let mut table = after(mistakes);
            assert_eq!(table.holds_back(ONE, at(100)), pause > 0, "{mistakes}");
            let expected = match pause {
                0 => Turn::Now,
                pause => Turn::At(at(100 + pause)),
            };
            assert_eq!(table.queue(ONE, at(100)), expected, "{mistakes}");
            assert_eq!(table.queue(OTHER, at(100)), Turn::Now);
        }
    }

    #[test]
    fn guesses_in_parallel_wait_behind_each_other_and_the_queue_is_bounded() {
        let mut table = after(8);
        let turns: Vec<Turn> = (0..5).map(|_| table.queue(ONE, at(100))).collect();
        let expected = [at(104), at(108), at(112)].map(Turn::At);
        assert_eq!(turns, [&expected[..], &[Turn::Never, Turn::Never]].concat());
        // A pause later somebody may ask again.
        assert_eq!(table.queue(ONE, at(103)), Turn::At(at(116)));
    }

    #[test]
    fn only_time_makes_an_address_forgotten() {
        let mut table = after(20);
        let later = at(100) + limits::FORGET;
        assert!(!table.holds_back(ONE, at(111)));
        assert_eq!(table.mistake(ONE, at(111)), 21);
        assert!(table.holds_back(ONE, at(112)));
        assert_eq!(table.mistake(ONE, later + at(11)), 1);
    }

    #[test]
    fn a_machine_is_a_64_and_a_mapped_address_is_its_v4() {
        let mut table = Penalties::default();
        let v6 = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        for last in 0..6 {
            table.mistake(v6(last), at(1));
        }
        assert!(table.holds_back(v6(99), at(1)));
        for _ in 0..6 {
            table.mistake(
                IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped()),
                at(1),
            );
        }
        assert!(table.holds_back(ONE, at(1)));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_newest() {
        let mut table = after(6);
        for number in 0..u32::try_from(limits::ADDRESSES).unwrap_or(0) {
            let peer = IpAddr::V4(Ipv4Addr::from(number + 1));
            table.mistake(peer, at(200));
        }
        assert_eq!(table.offenders.len(), limits::ADDRESSES);
        assert!(!table.holds_back(ONE, at(100)));
    }
}
