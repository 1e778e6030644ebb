//! What a server knows of a UPS beside what its device says: the latch of a forced shutdown, and who is logged in.
//!
//! Nothing unlatches FSD: a client that was told of it may be shutting down already. A ledger ends with its server's
//! process, or when the UPS leaves the configuration. It judges no rights, the session has done so. Source: RFC 9271
//! §4.2 (FSD, LOGIN, GET NUMLOGINS), upsd 2.8 probed.

use std::net::IpAddr;
use std::sync::Arc;

/// One UPS's entries. Bounded by the number of connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    forced: bool,
    /// Sorted by connection.
    logins: Vec<(u64, IpAddr)>,
    newest_first: Arc<[IpAddr]>,
}

impl Ledger {
    /// Latches FSD.
    pub fn force_shutdown(&mut self) {
        self.forced = true;
    }

    /// Whether FSD is latched.
    pub fn forced(&self) -> bool {
        self.forced
    }

    /// Counts a connection until [`Ledger::log_out`]. Connections are numbered in the order of arrival.
    pub fn log_in(&mut self, connection: u64, peer: IpAddr) {
        self.logins.push((connection, peer));
        self.logins.sort_unstable_by_key(|&(id, _)| id);
        self.write_anew();
    }

    /// The connection ended, or left.
    pub fn log_out(&mut self, connection: u64) {
        self.logins.retain(|&(id, _)| id != connection);
        self.write_anew();
    }

    /// The addresses of those logged in, newest connection first; a copy costs no more than a count.
    pub fn clients(&self) -> Arc<[IpAddr]> {
        Arc::clone(&self.newest_first)
    }

    fn write_anew(&mut self) {
        self.newest_first = self.logins.iter().rev().map(|&(_, peer)| peer).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn logins_count_and_the_newest_connection_comes_first() {
        let ip = |last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
        let mut ledger = Ledger::default();
        // Connection 9 is newer than 4 although it logged in first.
        ledger.log_in(9, ip(9));
        ledger.log_in(4, ip(4));
        assert_eq!(*ledger.clients(), [ip(9), ip(4)]);
        ledger.log_out(9);
        assert_eq!(*ledger.clients(), [ip(4)]);
    }

    #[test]
    fn the_latch_of_a_forced_shutdown_outlives_those_who_set_it() {
        let mut ledger = Ledger::default();
        assert!(!ledger.forced());
        ledger.log_in(1, Ipv4Addr::LOCALHOST.into());
        ledger.force_shutdown();
        ledger.log_out(1);
        assert!(ledger.forced());
    }
}
