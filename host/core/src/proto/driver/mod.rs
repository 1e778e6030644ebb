//! The socket between a driver program and upsd, both ends, without sockets: bytes and `now` in, bytes and actions out.
//!
//! [`Serving`] is what a driver says to one of its clients, [`Mirror`] is upsd's picture of a driver. So our drivers serve
//! a NUT upsd and our server takes NUT's drivers. Lines either end does not know are ignored, as both do in NUT; nothing
//! here trusts the peer: lines, names and tables are bounded ([`limits`]).
//! Standard: none; what NUT 2.8's programs say to each other, probed.

mod dump;
mod lines;
mod mirror;
mod serving;

pub use mirror::{Heard, Mirror};
pub use serving::{Action, Order, Serving, Step};

use super::session::What;
use super::tracking::Outcome;
use super::{put, put_quoted};

/// Every bound of the socket, in one table. Words and their number are bounded by [`crate::conf::lexer`].
pub mod limits {
    use std::time::Duration;

    /// Bytes in a line: a name of 255 and an escaped value of 510 bytes fit several times. The rest of a longer line is
    /// dropped with it.
    pub const LINE: usize = 4096;
    /// Bytes of a client taken but not yet answered; a driver reads 4 KiB at a time and answers before it reads on.
    pub const PENDING: usize = 16 * 1024;
    /// Variables taken from one driver program. The largest known device (a PDU with 48 outlets) has about 420.
    pub const VARIABLES: usize = 2048;
    /// Instant commands taken from one driver program.
    pub const COMMANDS: usize = 1024;
    /// Choices, and ranges, taken for one variable; the longest known list has 31.
    pub const CHOICES: usize = 256;
    /// Bytes in a name: drivers keep names in 256-byte buffers with a terminating zero.
    pub const NAME: usize = 255;
    /// What upsd adds to MAXAGE before a silent driver counts as stale.
    pub const SILENCE: Duration = Duration::from_secs(1);
    /// upsd asks a driver for a sign of life when it was silent for this part of MAXAGE.
    pub const PINGS_PER_MAX_AGE: u64 = 3;
}

/// The number a driver reports the end of a request with.
pub fn code(outcome: Outcome) -> u8 {
    match outcome {
        // A driver never reports a request it has not ended; "failed" is what comes nearest.
        Outcome::Pending | Outcome::Failed => 3,
        Outcome::Success => 0,
        Outcome::Unknown => 1,
        Outcome::Invalid => 2,
    }
}

/// What the number means; 4 is a value that could not be converted. `None`: no such number.
pub fn outcome(code: &str) -> Option<Outcome> {
    Some(match code {
        "0" => Outcome::Success,
        "1" => Outcome::Unknown,
        "2" | "4" => Outcome::Invalid,
        "3" => Outcome::Failed,
        _ => return None,
    })
}

/// Appends the line that asks a driver for `what`. Parameters are quoted, which upsd forgets for those of commands: with
/// a blank in them they would never arrive.
pub fn put_request(what: &What, tracking: Option<&str>, out: &mut Vec<u8>) {
    match what {
        What::Set { variable, value } => {
            put(out, &["SET ", variable, " "]);
            put_quoted(out, value);
        }
        What::Command { name, value } => {
            put(out, &["INSTCMD ", name]);
            if let Some(value) = value {
                out.push(b' ');
                put_quoted(out, value);
            }
        }
    }
    if let Some(id) = tracking {
        put(out, &[" TRACKING ", id]);
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
