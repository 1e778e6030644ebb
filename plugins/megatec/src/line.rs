//! One transaction: a line out, perhaps a line back, and what the back means.

use crate::link::{Expect, Link};
use husk_driver::Error;
use husk_driver::wire::line as codec;
use husk_driver::wire::trace::escape;

/// The conversation with one device.
pub(crate) struct Line(Box<dyn Link>);

impl Line {
    pub(crate) fn new(link: impl Link + 'static) -> Self {
        Self(Box::new(link))
    }

    /// idVendor of the bridge that carries the conversation.
    pub(crate) fn usb_vendor(&self) -> Option<u16> {
        self.0.usb_vendor()
    }

    /// Asks for a value: the answer without its carriage return, or `None` when the device does not know the query:
    /// it echoes it or says NAK.
    ///
    /// # Errors
    /// Silence, a line that breaks off, bytes that are not text.
    pub(crate) fn query(&mut self, query: &str) -> Result<Option<String>, Error> {
        let answer = self.0.ask(query.as_bytes(), &Expect::LINE)?;
        match codec::printable(&answer) {
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
        let answer = match self.0.ask(command.as_bytes(), &Expect::LINE) {
            Err(Error::Timeout) => return Ok(()),
            answer => answer?,
        };
        match codec::printable(&answer) {
            Some("" | "ACK" | "(ACK") => Ok(()),
            Some("NAK" | "(NAK") => Err(Error::Failed(format!("NAK to {command}"))),
            Some(text) if text == command => {
                Err(Error::Failed(format!("it does not know {command}")))
            }
            _ => Err(strange(command, &answer)),
        }
    }
}

/// An answer that makes no sense, shown so that it can be read in the log.
pub(crate) fn strange(request: &str, answer: &[u8]) -> Error {
    Error::Protocol(format!("{request} was answered by `{}`", escape(answer)))
}
