//! NUT's network protocol, both ends, without sockets: bytes and `now` in, bytes and actions out.
//!
//! [`session`] is the server's end of one connection, [`client`] the other end, [`ledger`] keeps who is logged in,
//! [`tracking`] what became of requests that were handed to a driver, [`penalty`] who guessed passwords. Nothing here
//! reads a socket, looks at a clock or makes random numbers.
//! Standard: RFC 9271 (protocol 1.3); where it is silent, what upsd 2.8 answers, probed byte for byte.

pub mod client;
pub mod driver;
pub mod ledger;
pub mod penalty;
mod refusal;
pub mod session;
pub mod tracking;

pub use refusal::Refusal;

/// The protocol version both ends speak.
pub const VERSION: &str = "1.3";
/// The TCP port IANA assigned to the protocol.
pub const PORT: u16 = 3493;

/// Every bound of the protocol, in one table. Words and their number are bounded by [`crate::conf::lexer`].
pub mod limits {
    use std::time::Duration;

    /// Bytes of a client taken but not yet answered. A server reads 4 KiB at a time and answers before it reads on.
    pub const PENDING: usize = 16 * 1024;
    /// A client that completes no request for this long is disconnected, as upsd does.
    pub const IDLE: Duration = Duration::from_secs(60);
    /// Refusals and mistakes of one connection that reach the log; a guesser of passwords must not fill the disk.
    pub const COMPLAINTS: u8 = 5;
    /// Requests with tracking remembered at a time; the oldest is forgotten first. One an hour per client is usual.
    pub const TRACKED: usize = 4096;
    /// UPSes one connection may watch; a server has seldom more.
    pub const WATCHES: usize = 1024;
    /// Bytes in a line of a server's reply. Names of 128 and an escaped value of 510 bytes fit several times.
    pub const REPLY: usize = 4096;
    /// Rows in a list a server sends: eight times what one device may have.
    pub const ROWS: usize = 4096;
}

/// Appends `parts`, one after the other.
fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends `"text"` with a backslash before `#`, `\` and `"`.
fn put_quoted(out: &mut Vec<u8>, text: &str) {
    let special = |byte: &u8| matches!(byte, b'#' | b'\\' | b'"');
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((plain, from)) = rest
        .iter()
        .position(special)
        .and_then(|at| rest.split_at_checked(at))
    {
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend(from.first());
        rest = from.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_escapes_what_the_lexer_would_misread() {
        for (text, expected) in [
            ("", "\"\""),
            ("OL CHRG", "\"OL CHRG\""),
            ("#a\"\"b\\", "\"\\#a\\\"\\\"b\\\\\""),
        ] {
            let mut out = Vec::new();
            put_quoted(&mut out, text);
            assert_eq!(out, expected.as_bytes());
        }
    }
}
