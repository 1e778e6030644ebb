//! One transaction: a line out, perhaps a line back, and what the back means.

use crate::checksum;
use crate::dialect::{Ask, Dialect, Replies};
use crate::link::{Expect, Link};
use husk_driver::Error;
use husk_driver::wire::line as codec;
use husk_driver::wire::trace::escape;

/// The conversation with one device.
pub(crate) struct Line(Box<dyn Link>);

/// How a dialect writes its lines and means its answers.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) checksums: bool,
    pub(crate) replies: Replies,
    pub(crate) expect: Expect,
    /// A no is an answer like others.
    even_no: bool,
}

impl Manner {
    pub(crate) fn of(dialect: &Dialect) -> Self {
        Self {
            checksums: dialect.checksums,
            replies: dialect.replies,
            expect: Expect {
                within: dialect.within,
                raw: 0,
            },
            even_no: false,
        }
    }

    /// For this query.
    pub(crate) fn to(self, ask: &Ask) -> Self {
        Self {
            expect: Expect {
                raw: ask.raw,
                ..self.expect
            },
            even_no: ask.even_no,
            ..self
        }
    }

    /// What is sent for a line.
    fn sent(&self, line: &str) -> Vec<u8> {
        let mut bytes = line.as_bytes().to_vec();
        if self.checksums {
            bytes.extend(checksum::of(&bytes));
        }
        bytes
    }
}

impl Line {
    pub(crate) fn new(link: impl Link + 'static) -> Self {
        Self(Box::new(link))
    }

    /// idVendor of the bridge that carries the conversation.
    pub(crate) fn usb_vendor(&self) -> Option<u16> {
        self.0.usb_vendor()
    }

    /// Asks for a value: the answer without its end and checksum, or `None` when the device does not know the query: it
    /// echoes it or says no.
    ///
    /// # Errors
    /// Silence, a line that breaks off, a wrong checksum.
    pub(crate) fn query(&mut self, query: &str, manner: Manner) -> Result<Option<Vec<u8>>, Error> {
        let answer = self.exchange(query, manner)?;
        let no = !manner.even_no && is_no(&answer, &manner.replies);
        let refused = no || answer == query.as_bytes();
        Ok(Some(answer).filter(|_| !refused))
    }

    /// Gives a command. Where silence is a yes, a dead line looks like one: the next poll tells.
    ///
    /// # Errors
    /// [`Error::Failed`] for an echo or a no, [`Error::Protocol`] for anything that is not an answer to a command.
    pub(crate) fn tell(&mut self, command: &str, manner: Manner) -> Result<(), Error> {
        let replies = &manner.replies;
        let answer = match self.exchange(command, manner) {
            Err(Error::Timeout) if replies.silence_is_yes => return Ok(()),
            answer => answer?,
        };
        if answer == command.as_bytes() {
            return Err(Error::Failed(format!("it does not know {command}")));
        }
        if is_no(&answer, replies) {
            return Err(Error::Failed(format!("it says no to {command}")));
        }
        match codec::printable(&answer) {
            Some("ACK" | "(ACK") => Ok(()),
            Some("") if replies.silence_is_yes => Ok(()),
            Some(text) if replies.yes.is_some_and(|yes| text.starts_with(yes)) => Ok(()),
            _ => Err(strange(command, &answer)),
        }
    }

    fn exchange(&mut self, line: &str, manner: Manner) -> Result<Vec<u8>, Error> {
        let sent = manner.sent(line);
        let answer = self.0.ask(&sent, &manner.expect)?;
        if !manner.checksums {
            return Ok(answer);
        }
        // Another dialect's unit echoes what it does not know, checksum and all.
        match checksum::stripped(&answer) {
            Some(text) => Ok(text.to_vec()),
            None => Err(strange(line, &answer)),
        }
    }
}

fn is_no(answer: &[u8], replies: &Replies) -> bool {
    matches!(answer, b"NAK" | b"(NAK") || replies.no.is_some_and(|no| answer == no.as_bytes())
}

/// An answer that makes no sense, shown so that it can be read in the log.
pub(crate) fn strange(request: &str, answer: &[u8]) -> Error {
    Error::Protocol(format!("{request} was answered by `{}`", escape(answer)))
}
