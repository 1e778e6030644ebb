//! One transaction: a line out, perhaps a line back.

use husk_driver::wire::line as codec;
use husk_driver::wire::trace::escape;
use husk_driver::{Deadline, Error, IoError, Serial};

/// First byte and whole answer: 47 bytes take 0.2 s at 2400 baud, and the units think for up to half a second.
const ANSWER_WITHIN: Deadline = Deadline::ms(1000);
/// Longest answer of the dialects spoken here is 51 bytes; a line this long is noise.
const ANSWER_MAX: u32 = 128;

/// The conversation with one device.
pub(crate) struct Line(Serial);

impl Line {
    pub(crate) fn new(port: Serial) -> Self {
        Self(port)
    }

    /// Asks for a value: the answer without its carriage return, or `None` when the device does not know the query:
    /// it echoes it or says NAK.
    ///
    /// # Errors
    /// Silence, a line that breaks off, bytes that are not text.
    pub(crate) fn query(&mut self, query: &str) -> Result<Option<String>, Error> {
        let answer = self.exchange(query)?;
        match codec::framed(&answer, b'\r').and_then(codec::printable) {
            Some("NAK" | "(NAK") => Ok(None),
            Some(text) if text == query => Ok(None),
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(strange(query, &answer)),
        }
    }

    /// Asks for a value that the device has given before.
    ///
    /// # Errors
    /// As [`query`](Line::query), and when the device suddenly does not know it.
    pub(crate) fn ask(&mut self, query: &str) -> Result<String, Error> {
        self.query(query)?
            .ok_or_else(|| Error::Protocol(format!("it does not know the query {query} any more")))
    }

    /// Gives a command. Silence means that it was taken, so that a dead line looks like a yes: the next poll tells.
    ///
    /// # Errors
    /// [`Error::Failed`] for an echo or NAK, [`Error::Protocol`] for anything that is not an answer to a command.
    pub(crate) fn tell(&mut self, command: &str) -> Result<(), Error> {
        let answer = match self.exchange(command) {
            Err(Error::Timeout) => return Ok(()),
            answer => answer?,
        };
        match codec::framed(&answer, b'\r').and_then(codec::printable) {
            Some("" | "ACK" | "(ACK") => Ok(()),
            Some("NAK" | "(NAK") => Err(Error::Failed(format!("NAK to {command}"))),
            Some(text) if text == command => {
                Err(Error::Failed(format!("it does not know {command}")))
            }
            _ => Err(strange(command, &answer)),
        }
    }

    fn exchange(&mut self, request: &str) -> Result<Vec<u8>, Error> {
        let request = format!("{request}\r");
        match self
            .0
            .transact(request.as_bytes(), b"\r", ANSWER_MAX, ANSWER_WITHIN)
        {
            Err(IoError::Timeout) => self.unfinished(),
            answer => Ok(answer?),
        }
    }

    /// What a timeout was: silence, or an answer that broke off. The bytes that came are still there.
    fn unfinished(&mut self) -> Result<Vec<u8>, Error> {
        match self.0.read(ANSWER_MAX, Deadline::ms(0)) {
            Err(IoError::Timeout) => Err(Error::Timeout),
            answer => Ok(answer?),
        }
    }
}

/// An answer that makes no sense, shown so that it can be read in the log.
pub(crate) fn strange(request: &str, answer: &[u8]) -> Error {
    Error::Protocol(format!("{request} was answered by `{}`", escape(answer)))
}
