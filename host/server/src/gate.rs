//! Whether a password is right: the one place where the server finds out.
//!
//! Refuses to hold anybody up: a hash is computed on a thread of its own, few at a time, and a source address that has
//! guessed wrongly waits its turn (`husk_core::proto::penalty`) while all others are served.

use crate::limits;
use crate::passwords;
use crate::published::{Clock, lock};
use husk_core::conf::users::Users;
use husk_core::proto::penalty::{self, Penalties, Turn};
use husk_core::proto::session::{Claim, Judgement};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{sleep_until, timeout};

/// Shared by all connections, over all reloads.
pub(crate) struct Gate {
    penalties: Mutex<Penalties>,
    /// One permit per hash being computed.
    hashing: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            penalties: Mutex::default(),
            hashing: Arc::new(Semaphore::new(limits::HASHES)),
        }
    }

    /// At once, if that is possible.
    pub(crate) fn judge(
        &self,
        users: &Users,
        name: &str,
        password: &str,
        peer: IpAddr,
        now: Duration,
    ) -> Judgement {
        if users.hash(name).is_some() || lock(&self.penalties).holds_back(peer, now) {
            return Judgement::Later;
        }
        if users.check(name, password).is_some() {
            return Judgement::Right;
        }
        self.mistake(peer, now);
        Judgement::Wrong
    }

    /// In turn; `None`: there were too many before this one.
    pub(crate) async fn settle(
        &self,
        users: &Users,
        claim: Claim,
        peer: IpAddr,
        clock: Clock,
    ) -> Option<bool> {
        let turn = lock(&self.penalties).queue(peer, clock.now());
        match turn {
            Turn::Now => {}
            Turn::At(at) => sleep_until(clock.instant(at)).await,
            Turn::Never => return None,
        }
        let right = match users.hash(&claim.user) {
            None => users.check(&claim.user, &claim.password).is_some(),
            Some(hash) => {
                let seat = Arc::clone(&self.hashing).acquire_owned();
                let seat = timeout(limits::HASH_WAIT, seat).await.ok()?.ok()?;
                let phc = hash.phc.to_owned();
                let verified = tokio::task::spawn_blocking(move || {
                    let verified = passwords::verify(&phc, &claim.password);
                    // Kept until here even when the client has gone meanwhile.
                    drop(seat);
                    verified
                });
                verified.await.ok()? && hash.own
            }
        };
        if !right {
            self.mistake(peer, clock.now());
        }
        Some(right)
    }

    fn mistake(&self, peer: IpAddr, now: Duration) {
        let mistakes = lock(&self.penalties).mistake(peer, now);
        if mistakes == penalty::limits::FREE + 1 {
            log::warn!("{mistakes} wrong passwords from {peer}: its further tries have to wait");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use husk_core::conf::users;
    use std::net::Ipv4Addr;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn claim(user: &str, password: &str) -> Claim {
        Claim {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    fn users() -> Users {
        let hash = passwords::hash("right").unwrap();
        let text = format!(
            "[a]\npassword = {hash}\n[b]\npassword = plain\n[c]\nactions = SET\n[d]\npassword = $argon2id$\n"
        );
        users::parse("upsd.users", text.as_bytes()).0
    }

    #[tokio::test]
    async fn hashes_are_checked_later_and_decoys_open_nothing() {
        let (users, gate, clock) = (users(), Gate::new(), Clock::start());
        let judge = |name, password| gate.judge(&users, name, password, PEER, clock.now());
        assert_eq!(judge("b", "plain"), Judgement::Right);
        assert_eq!(judge("b", "other"), Judgement::Wrong);
        for (user, password, right) in [
            ("a", "right", true),
            ("a", "wrong", false),
            ("c", "right", false),
            ("d", "right", false),
            ("nobody", "right", false),
        ] {
            assert_eq!(judge(user, password), Judgement::Later, "{user}");
            let settled = gate.settle(&users, claim(user, password), PEER, clock);
            assert_eq!(settled.await, Some(right), "{user} {password}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_waits_and_nobody_else_does() {
        let users = users::parse("upsd.users", b"[b]\npassword = plain\n").0;
        let (gate, clock) = (Gate::new(), Clock::start());
        for _ in 0..=penalty::limits::FREE {
            gate.judge(&users, "b", "guess", PEER, clock.now());
        }
        let now = clock.now();
        assert_eq!(
            gate.judge(&users, "b", "plain", PEER, now),
            Judgement::Later
        );
        let other = Ipv4Addr::new(192, 0, 2, 1).into();
        assert_eq!(
            gate.judge(&users, "b", "plain", other, now),
            Judgement::Right
        );
        let settled = gate.settle(&users, claim("b", "plain"), PEER, clock);
        assert_eq!(settled.await, Some(true));
        assert!(clock.now() - now >= penalty::limits::FIRST);
    }
}
