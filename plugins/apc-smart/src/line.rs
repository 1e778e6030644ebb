//! The line: single bytes out, lines of text back, and alert characters at any time.
//!
//! ```text
//! > L            one byte, no end of line
//! < 23           half an answer …
//! < !            … the mains fail meanwhile …
//! < 1.8\r\n      … and the rest of it: 231.8
//! ```
//!
//! Refuses to take one answer for another: after silence or nonsense nothing is believed until the unit has said SM
//! to a `Y`, which it does only when everything before is out.

use crate::alerts::{self, Alerts};
use husk_driver::wire::trace::escape;
use husk_driver::{Deadline, Error, IoError, Serial, host};
use std::collections::VecDeque;

/// Line feed ends an answer; the carriage return before it says nothing.
const END: u8 = b'\n';
/// Longest answer: capability strings are some 250 bytes, and NUT's driver has room for 512.
const ANSWER_MAX: usize = 512;
/// Bytes of one read.
const CHUNK: u32 = 256;
/// Reads until a line that never falls silent is given up: 4 KiB, 17 s of it at full speed.
const CHUNKS_MAX: u32 = 16;
/// A byte takes 4 ms at 2400 baud.
const SENT_WITHIN: Deadline = Deadline::ms(500);
/// Silence that is waited for after the first byte of a long command; whoever refuses it answers sooner (NUT).
const PEEK_MS: u64 = 200;
/// Pause between the bytes of a long command: older units lose bytes that come faster (NUT).
const PACE_MS: u64 = 50;
/// Pause before a command that is to be given twice is given again (UPS-Link asks for more than 1.5 s between them).
const TWICE_MS: u32 = 1300;
/// Answer to `Y`; a unit asleep takes its time (NUT).
const MODE_WITHIN_MS: u64 = 1500;
/// Silence in the middle of an answer after which it has broken off: its bytes come 4 ms apart.
const GAP_MS: u64 = 500;
/// Lines passed over until SM comes: what was asked before and answered late.
const LATE_LINES: u32 = 8;

/// Enters smart mode, and is answered SM by whoever is in it already.
const SMART: u8 = b'Y';

/// How the bytes of an answer are to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Alerts are taken out.
    Value,
    /// Alerts are taken out but for `#`, which begins the capability string.
    Capabilities,
    /// Alerts are part of the answer: it lists them.
    Commands,
    /// An asterisk is an answer of its own: the unit is about to cut the power.
    Order,
}

/// What the unit says about one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    /// `NA`: it knows the letter and has no value, or does not know it.
    NotAvailable,
}

/// What a unit makes of `Y`.
pub(crate) enum Greeting {
    Smart,
    Silent,
    /// Something else, shown for the log.
    Otherwise(String),
}

/// The conversation with one unit.
pub(crate) struct Line {
    port: Serial,
    /// Bytes that came and were not looked at.
    heard: VecDeque<u8>,
    alerts: Alerts,
}

impl Line {
    pub(crate) fn new(port: Serial) -> Self {
        Self {
            port,
            heard: VecDeque::new(),
            alerts: Alerts::default(),
        }
    }

    /// The alerts since the last call.
    pub(crate) fn take_alerts(&mut self) -> Alerts {
        std::mem::take(&mut self.alerts)
    }

    /// Whether there is an alert that nobody took.
    pub(crate) fn is_alerted(&self) -> bool {
        !self.alerts.is_empty()
    }

    /// Takes in what came unasked: alerts are kept, remains of answers are not.
    pub(crate) fn drain(&mut self) -> Result<(), Error> {
        for _ in 0..CHUNKS_MAX {
            match self.port.read(CHUNK, Deadline::ms(0)) {
                Ok(bytes) => self.heard.extend(bytes),
                Err(IoError::Timeout) => break,
                Err(error) => return Err(error.into()),
            }
            while let Some(byte) = self.heard.pop_front() {
                self.alerts.note(byte);
            }
        }
        while let Some(byte) = self.heard.pop_front() {
            self.alerts.note(byte);
        }
        Ok(())
    }

    /// Asks for the value of a letter, once.
    ///
    /// # Errors
    /// [`Error::Timeout`] for silence, [`Error::Protocol`] for an answer that breaks off or is not text.
    pub(crate) fn ask(&mut self, letter: &[u8], within_ms: u64) -> Result<Said, Error> {
        let bytes = self.exchange(letter, Listen::Value, within_ms)?;
        // Serial numbers come in a field of their own length, filled up with zeros.
        let field = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        match husk_driver::wire::line::printable(field) {
            Some("NA") => Ok(Said::NotAvailable),
            Some(text) => Ok(Said::Text(text.to_owned())),
            None => Err(strange(letter, &bytes)),
        }
    }

    /// Sends and reads one line.
    pub(crate) fn exchange(
        &mut self,
        request: &[u8],
        listen: Listen,
        within_ms: u64,
    ) -> Result<Vec<u8>, Error> {
        self.drain()?;
        self.send(request)?;
        let until = host::now_ms() + within_ms;
        for _ in 0..LATE_LINES {
            let line = self.read_line(listen, until.saturating_sub(host::now_ms()))?;
            // A late answer to a `Y`; no letter has this value.
            if line != b"SM" {
                return Ok(line);
            }
        }
        Err(Error::Protocol("it says nothing but SM".into()))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.port.write(bytes, SENT_WITHIN)?)
    }

    /// The next line that is not empty, without its end.
    pub(crate) fn read_line(&mut self, listen: Listen, within_ms: u64) -> Result<Vec<u8>, Error> {
        let until = host::now_ms() + within_ms;
        let mut line = Vec::new();
        loop {
            while let Some(byte) = self.heard.pop_front() {
                match byte {
                    END if line.is_empty() => {}
                    END => return Ok(line),
                    b'\r' => {}
                    b'*' if listen == Listen::Order => return Ok(vec![byte]),
                    b'#' if listen == Listen::Capabilities => line.push(byte),
                    _ if listen != Listen::Commands && alerts::is_alert(byte) => {
                        self.alerts.note(byte);
                    }
                    _ => line.push(byte),
                }
                if line.len() > ANSWER_MAX {
                    self.heard.clear();
                    return Err(IoError::TooLong.into());
                }
            }
            let left = until.saturating_sub(host::now_ms());
            let left = if line.is_empty() {
                left
            } else {
                left.min(GAP_MS)
            };
            match self.port.read(CHUNK, Deadline::ms(left)) {
                Ok(bytes) => self.heard.extend(bytes),
                Err(IoError::Timeout) if !line.is_empty() => {
                    return Err(Error::Protocol(format!(
                        "`{}` and no end of the line",
                        escape(&line)
                    )));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Finds the way back into smart mode: whether SM was said. Whatever was said before is over.
    pub(crate) fn synchronise(&mut self) -> Result<bool, Error> {
        Ok(matches!(self.greet()?, Greeting::Smart))
    }

    /// Asks for smart mode.
    pub(crate) fn greet(&mut self) -> Result<Greeting, Error> {
        let mut heard = Greeting::Silent;
        self.drain()?;
        self.send(&[SMART])?;
        let until = host::now_ms() + MODE_WITHIN_MS;
        for _ in 0..LATE_LINES {
            let left = until.saturating_sub(host::now_ms());
            match self.read_line(Listen::Value, left) {
                Ok(line) if line == b"SM" => return Ok(Greeting::Smart),
                Ok(line) => heard = Greeting::Otherwise(format!("`{}`", escape(&line))),
                Err(Error::Timeout) => break,
                Err(Error::Protocol(what)) => return Ok(Greeting::Otherwise(what)),
                Err(error) => return Err(error),
            }
        }
        Ok(heard)
    }

    /// Waits for anything that is said, and forgets it: the answer to a byte whose answer means nothing.
    pub(crate) fn swallow(&mut self) -> Result<(), Error> {
        match self.read_line(Listen::Order, MODE_WITHIN_MS) {
            Ok(_) | Err(Error::Timeout | Error::Protocol(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The first byte of a long command; any answer to it is a refusal, and the rest would be taken for commands.
    fn begin(&mut self, byte: u8) -> Result<(), Error> {
        self.drain()?;
        self.send(&[byte])?;
        self.silent_for(PEEK_MS, byte)
    }

    fn silent_for(&mut self, ms: u64, asked: u8) -> Result<(), Error> {
        match self.read_line(Listen::Value, ms) {
            Err(Error::Timeout) => Ok(()),
            Ok(line) => Err(refusal(asked, &line)),
            Err(Error::Protocol(what)) => Err(Error::Failed(what)),
            Err(error) => Err(error),
        }
    }

    /// Sends a command of several bytes, one after the other, as long as the unit listens in silence.
    ///
    /// # Errors
    /// [`Error::Failed`] when it answers before the end; what is left is not sent.
    pub(crate) fn send_long(&mut self, command: &[u8]) -> Result<(), Error> {
        let Some((first, rest)) = command.split_first() else {
            return Ok(());
        };
        self.begin(*first)?;
        for (at, byte) in rest.iter().enumerate() {
            self.send(&[*byte])?;
            if at + 1 < rest.len() {
                self.silent_for(PACE_MS, *byte)?;
            }
        }
        Ok(())
    }

    /// Gives a command that counts only when given twice.
    ///
    /// # Errors
    /// [`Error::Failed`] when the unit answers the first time.
    pub(crate) fn send_twice(&mut self, byte: u8) -> Result<(), Error> {
        self.begin(byte)?;
        host::sleep_ms(TWICE_MS);
        self.send(&[byte])
    }

    /// Whether an order was taken: OK or an asterisk, or nothing where silence is what a unit says that obeys.
    ///
    /// # Errors
    /// [`Error::Failed`] for anything else.
    pub(crate) fn taken(&mut self, order: u8, silence_is_yes: bool) -> Result<(), Error> {
        match self.read_line(Listen::Order, MODE_WITHIN_MS) {
            Ok(line) if line == b"OK" || line == b"*" => Ok(()),
            Ok(line) => Err(refusal(order, &line)),
            Err(Error::Timeout) if silence_is_yes => Ok(()),
            Err(Error::Timeout) => Err(Error::Failed(format!("no answer to {}", escape(&[order])))),
            Err(Error::Protocol(what)) => Err(Error::Failed(what)),
            Err(error) => Err(error),
        }
    }
}

/// An order that was answered by something other than yes.
fn refusal(order: u8, answer: &[u8]) -> Error {
    Error::Failed(format!(
        "{} was answered by `{}`",
        escape(&[order]),
        escape(answer)
    ))
}

/// An answer that makes no sense, shown so that it can be read in the log.
pub(crate) fn strange(letter: &[u8], answer: &[u8]) -> Error {
    Error::Protocol(format!(
        "{} was answered by `{}`",
        escape(letter),
        escape(answer)
    ))
}
