//! The client's end of a connection: builds requests, reads replies. Shared by the client programs and the monitor.
//!
//! A caller sends [`request`], feeds what comes back to [`Lines`], and reads each [`Line`] with [`acknowledged`],
//! [`answer`] or a [`Listing`], whichever fits the request. It knows no socket, no timeout and no TLS. Replies are held
//! to what was asked: anything else is an error, never a value. Source: RFC 9271 §4; texts of NUT 2.8's clients.

mod address;

pub use address::{BadAddress, Server, Target};

use std::fmt;

use super::{Refusal, limits};
use crate::conf::lexer::{Event, Lexer};

/// Why a reply is no answer. `Display` is what NUT's client programs show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The server refused.
    Refused(Refusal),
    /// The server refused with a token that is not known; kept as it came.
    RefusedOtherwise(String),
    /// The reply is not one to what was asked.
    Protocol,
    /// The reply cannot be cut into words.
    Unreadable(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::RefusedOtherwise(_) => f.write_str("Unknown error"),
            Self::Protocol => f.write_str("Protocol error"),
            Self::Unreadable(why) => write!(f, "Parse error: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// One request line with its end. Words are quoted and escaped where a server would read them otherwise, which NUT's own
/// clients forget for user names, passwords and parameters.
pub fn request(words: &[&str]) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        // What no server keeps in a word, blanks other than the space among it, would part it outside of quotes.
        let kept = || word.chars().filter(|c| matches!(c, ' '..='\x7f'));
        let quoted = kept().next().is_none() || kept().any(|c| matches!(c, ' ' | '='));
        if quoted {
            line.push('"');
        }
        for c in kept() {
            if matches!(c, '#' | '\\' | '"') {
                line.push('\\');
            }
            line.push(c);
        }
        if quoted {
            line.push('"');
        }
    }
    line.push('\n');
    line
}

/// One line of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// As it came, without its end.
    pub text: String,
    /// Cut into words, unquoted.
    pub words: Vec<String>,
}

impl Line {
    /// Cuts a line into words.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if a quoted word holds an unescaped `#` or does not end.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut lexer = Lexer::new();
        for byte in text.bytes().chain([b'\n']) {
            match lexer.push(byte) {
                Event::Nothing => {}
                Event::Line(words) => {
                    return Ok(Self {
                        text: text.to_owned(),
                        words: words.into_iter().map(|word| word.text).collect(),
                    });
                }
                Event::Error { message, .. } => return Err(Error::Unreadable(message)),
            }
        }
        Err(Error::Unreadable("a quoted word does not end"))
    }

    /// What the server said no with, if it did.
    fn refusal(&self) -> Result<(), Error> {
        match self.words.as_slice() {
            [err, token, ..] if err == "ERR" => Err(Refusal::from_token(token)
                .map_or_else(|| Error::RefusedOtherwise(token.clone()), Error::Refused)),
            [err] if err == "ERR" => Err(Error::Protocol),
            _ => Ok(()),
        }
    }

    fn starts_with(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len()
            && words
                .iter()
                .zip(&self.words)
                .all(|(asked, got)| got.eq_ignore_ascii_case(asked))
    }

    fn after(&self, words: usize) -> Vec<String> {
        self.words.iter().skip(words).cloned().collect()
    }
}

/// Cuts what a server sends into lines; holds at most one read and [`limits::REPLY`] bytes.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    taken: usize,
}

impl Lines {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what the socket gave. Call [`Lines::next_line`] until it has none before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, if there is one.
    ///
    /// # Errors
    /// [`Error::Protocol`] for a line without end, [`Error::Unreadable`] for one that has no words; the connection is then
    /// of no more use.
    pub fn next_line(&mut self) -> Result<Option<Line>, Error> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return if rest.len() > limits::REPLY {
                Err(Error::Protocol)
            } else {
                Ok(None)
            };
        };
        let text = rest.get(..end).unwrap_or_default();
        let line = Line::parse(String::from_utf8_lossy(text).trim_end_matches('\r'));
        self.taken += end + 1;
        line.map(Some)
    }

    /// Whether bytes are left that belong to no line taken yet. Bytes that came in clear after the agreement on TLS
    /// are not the server's word.
    pub fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }
}

/// Checks that the server says `OK`; gives the words after it.
///
/// # Errors
/// The server's refusal, or [`Error::Protocol`].
pub fn acknowledged(line: &Line) -> Result<Vec<String>, Error> {
    line.refusal()?;
    if !line.starts_with(&["OK"]) {
        return Err(Error::Protocol);
    }
    Ok(line.after(1))
}

/// The words after the echo of `query`, which is a GET without the verb: `["VAR", ups, variable]`.
///
/// # Errors
/// The server's refusal, or [`Error::Protocol`] if it answers another question or nothing.
pub fn answer(query: &[&str], line: &Line) -> Result<Vec<String>, Error> {
    line.refusal()?;
    if !line.starts_with(query) || line.words.len() == query.len() {
        return Err(Error::Protocol);
    }
    Ok(line.after(query.len()))
}

/// A LIST being received.
#[derive(Debug)]
pub struct Listing<'a> {
    query: &'a [&'a str],
    begun: bool,
    rows: Vec<Vec<String>>,
}

impl<'a> Listing<'a> {
    /// For a LIST without the verb: `["VAR", ups]`.
    pub fn new(query: &'a [&'a str]) -> Self {
        Self {
            query,
            begun: false,
            rows: Vec::new(),
        }
    }

    /// Takes a line; at the end of the list all rows, each without the echo of the query.
    ///
    /// # Errors
    /// The server's refusal, or [`Error::Protocol`] for rows of another list or more than [`limits::ROWS`].
    pub fn take(&mut self, line: &Line) -> Result<Option<Vec<Vec<String>>>, Error> {
        line.refusal()?;
        if !self.begun {
            self.begun = line.starts_with(&["BEGIN", "LIST"]);
            return if self.begun {
                Ok(None)
            } else {
                Err(Error::Protocol)
            };
        }
        if line.starts_with(&["END", "LIST"]) {
            return Ok(Some(std::mem::take(&mut self.rows)));
        }
        if !line.starts_with(self.query) || self.rows.len() >= limits::ROWS {
            return Err(Error::Protocol);
        }
        self.rows.push(line.after(self.query.len()));
        Ok(None)
    }
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

    fn line(text: &str) -> Line {
        Line::parse(text).unwrap()
    }

    #[test]
    fn requests_are_quoted_only_where_a_server_would_misread_them() {
        for (words, expected) in [
            (&["LIST", "UPS"][..], "LIST UPS\n"),
            (&["USERNAME", "ad min"], "USERNAME \"ad min\"\n"),
            (&["PASSWORD", "p=w#\"\\"], "PASSWORD \"p=w\\#\\\"\\\\\"\n"),
            (&["PASSWORD", ""], "PASSWORD \"\"\n"),
            (&["GET", "VAR", "u", "a\"b"], "GET VAR u a\\\"b\n"),
            (&["PASSWORD", "x\nVER"], "PASSWORD xVER\n"),
        ] {
            let built = request(words);
            assert_eq!(built, expected);
            let meant: Vec<_> = words.iter().map(|w| w.replace('\n', "")).collect();
            assert_eq!(line(built.trim_end()).words, meant);
        }
    }

    #[test]
    fn lines_come_out_whole_however_they_came_in() {
        let mut lines = Lines::new();
        for &byte in b"VAR u a \"x \\\"y\\\" \\#1\"\r\nOK" {
            lines.feed(&[byte]);
            if let Some(line) = lines.next_line().unwrap() {
                assert_eq!(line.words, ["VAR", "u", "a", "x \"y\" #1"]);
                assert_eq!(line.text, "VAR u a \"x \\\"y\\\" \\#1\"");
            }
        }
        assert!(!lines.is_empty());
        lines.feed(b"\nOK Goodbye\n");
        assert_eq!(lines.next_line().unwrap().unwrap().text, "OK");
        assert_eq!(lines.next_line().unwrap().unwrap().text, "OK Goodbye");
        assert_eq!(lines.next_line(), Ok(None));
        assert!(lines.is_empty());
        lines.feed(&[b'x'; limits::REPLY + 1]);
        assert_eq!(lines.next_line(), Err(Error::Protocol));
    }

    #[test]
    fn an_answer_must_answer_what_was_asked() {
        let query = ["VAR", "ups", "ups.status"];
        let said = |text| answer(&query, &line(text));
        assert_eq!(said("VAR UPS ups.status \"OL\""), Ok(vec!["OL".to_owned()]));
        assert_eq!(said("VAR ups ups.load \"5\""), Err(Error::Protocol));
        assert_eq!(said("VAR ups ups.status"), Err(Error::Protocol));
        assert_eq!(said(""), Err(Error::Protocol));
        assert_eq!(
            said("ERR DATA-STALE"),
            Err(Error::Refused(Refusal::DataStale))
        );
        let odd = said("ERR NEW-TOKEN \"more\"").unwrap_err();
        assert_eq!(odd, Error::RefusedOtherwise("NEW-TOKEN".to_owned()));
        assert_eq!(odd.to_string(), "Unknown error");
        assert!(matches!(Line::parse("A \"b#\""), Err(Error::Unreadable(_))));
        assert!(matches!(Line::parse("A \"b"), Err(Error::Unreadable(_))));
    }

    #[test]
    fn a_list_is_given_whole_or_not_at_all() {
        let query = ["VAR", "u"];
        let list = |texts: &[&str]| {
            let mut listing = Listing::new(&query);
            for text in texts {
                match listing.take(&line(text)) {
                    Ok(None) => {}
                    end => return end,
                }
            }
            Ok(None)
        };
        let (begin, end) = ("BEGIN LIST VAR u", "END LIST VAR u");
        let rows = list(&[begin, "VAR u a \"1\"", "VAR U b \"2\"", end]).unwrap();
        assert_eq!(rows.unwrap(), [["a", "1"], ["b", "2"]]);
        assert_eq!(list(&[begin, end]), Ok(Some(vec![])));
        assert_eq!(list(&[begin, "VAR u a \"1\""]), Ok(None));
        assert_eq!(list(&["VAR u a \"1\""]), Err(Error::Protocol));
        assert_eq!(list(&[begin, "VAR v a \"1\""]), Err(Error::Protocol));
        let stale = Error::Refused(Refusal::DataStale);
        assert_eq!(list(&["ERR DATA-STALE"]), Err(stale));
        let endless: Vec<_> = [begin]
            .into_iter()
            .chain(["VAR u a \"1\""; limits::ROWS + 1])
            .collect();
        assert_eq!(list(&endless), Err(Error::Protocol));
    }

    #[test]
    fn an_acknowledgement_starts_with_ok() {
        let said = |text| acknowledged(&line(text));
        assert_eq!(said("OK"), Ok(vec![]));
        assert_eq!(said("OK TRACKING X").unwrap(), ["TRACKING", "X"]);
        assert_eq!(said("SUCCESS"), Err(Error::Protocol));
        assert!(matches!(said("ERR ACCESS-DENIED"), Err(Error::Refused(_))));
    }
}
