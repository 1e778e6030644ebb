//! The session with the daemon: a prompt, a line, lines with codes, the prompt again.
//!
//! Refuses to go on with a session that is out of step: whatever was not understood ends it, and the next question begins a
//! new one.

use husk_driver::host;
use husk_driver::{Deadline, Error, IoError, Stream};

/// A line that says whether a node has power.
pub(crate) const STATE: u16 = 303;
/// A line that says what went wrong with a node.
const TROUBLE: u16 = 308;
/// The end of a query in which some controllers did not answer.
pub(crate) const COMPLETE_WITH_ERRORS: u16 = 211;
/// The first words of the daemon.
const GREETING: u16 = 1;
/// The end of `exprange`.
const EXPANSION: u16 = 105;

const PROMPT: &[u8] = b"powerman> ";
/// Bytes of a line; node names have at most 64, the daemon's own buffer has 128 KiB for lists that are not asked for here.
const LINE: u32 = 4096;
/// Lines of one answer: as many nodes as the largest cluster has.
const LINES: usize = 20_000;

/// The stream and whether a session runs on it.
pub(crate) struct Link {
    port: Stream,
    ready: bool,
}

/// What was answered: lines of information, then one that ends it.
#[derive(Debug)]
pub(crate) struct Answer {
    lines: Vec<(u16, String)>,
    pub(crate) code: u16,
    text: String,
    /// The first of a session: the daemon may have been configured anew since the last.
    pub(crate) first: bool,
}

impl Answer {
    /// Whether it is a success; 0xx is the greeting.
    pub(crate) fn is_success(&self) -> bool {
        self.code < 200
    }

    /// The lines of one kind.
    pub(crate) fn lines(&self, kind: u16) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter(move |(code, _)| *code == kind);
        lines.map(|(_, text)| text.as_str())
    }

    /// What the daemon says for a failure.
    pub(crate) fn reason(&self) -> String {
        let troubles = self.lines(TROUBLE).next();
        match troubles {
            Some(trouble) => format!("PowerMan: {} ({trouble})", self.text),
            None => format!("PowerMan: {}", self.text),
        }
    }
}

impl Link {
    pub(crate) fn new(port: Stream) -> Self {
        Self { port, ready: false }
    }

    /// Asks what may be asked twice: a session that has ended since the last time is begun anew.
    pub(crate) fn query(&mut self, question: &str, until: u64) -> Result<Answer, Error> {
        if self.ready {
            match self.exchange(question, until) {
                Err(Ended::HungUp) => {}
                Err(Ended::Failed(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
        self.begin(until)?;
        let answer = self.once(question, until)?;
        Ok(Answer {
            first: true,
            ..answer
        })
    }

    /// Asks once, in the session there is.
    pub(crate) fn once(&mut self, question: &str, until: u64) -> Result<Answer, Error> {
        self.exchange(question, until).map_err(Ended::into_error)
    }

    fn begin(&mut self, until: u64) -> Result<(), Error> {
        self.ready = false;
        self.port.reopen(left(until)).map_err(|error| match error {
            IoError::Disconnected => Error::Other("no PowerMan daemon answers there".to_owned()),
            other => other.into(),
        })?;
        let greeting = self.kept(|link| link.answer(until));
        let greeting = greeting.map_err(Ended::into_error)?;
        if greeting.code != GREETING {
            self.end();
            return Err(Error::NotMine(format!(
                "PowerMan greets with 001, not with {:03}",
                greeting.code
            )));
        }
        self.ready = true;
        // It toggles, and a session begins with it off, in the daemons there are.
        for _ in 0..2 {
            let answer = self.once("exprange", until)?;
            if answer.code == EXPANSION && answer.text.ends_with(" ON") {
                return Ok(());
            }
        }
        self.end();
        Err(Error::Protocol(
            "PowerMan does not expand lists of nodes (exprange)".to_owned(),
        ))
    }

    fn end(&mut self) {
        self.ready = false;
        self.port.close();
    }

    /// A call after whose failure the session is over.
    fn kept<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T, Ended>) -> Result<T, Ended> {
        let outcome = call(self);
        if outcome.is_err() {
            self.end();
        }
        outcome
    }

    fn exchange(&mut self, question: &str, until: u64) -> Result<Answer, Ended> {
        self.kept(|link| {
            let line = format!("{question}\r\n");
            link.port.write(line.as_bytes(), left(until))?;
            link.answer(until)
        })
    }

    /// Reads lines to the one that ends the answer, and the prompt after it.
    fn answer(&mut self, until: u64) -> Result<Answer, Ended> {
        let mut lines = Vec::new();
        while lines.len() < LINES {
            let bytes = self.port.read_until(b"\n", LINE, left(until))?;
            let (code, text) = line(&bytes).ok_or_else(|| {
                Error::Protocol(format!(
                    "a line without a code: {:?}",
                    String::from_utf8_lossy(&bytes)
                ))
            })?;
            if code >= 300 {
                lines.push((code, text.to_owned()));
                continue;
            }
            let text = text.to_owned();
            let prompt = self.port.read_exact(PROMPT.len() as u32, left(until))?;
            if prompt != PROMPT {
                return Err(Error::Protocol("no prompt after the answer".to_owned()).into());
            }
            return Ok(Answer {
                lines,
                code,
                text,
                first: false,
            });
        }
        Err(Error::Protocol(format!("more than {LINES} lines")).into())
    }
}

/// Why a session ended.
enum Ended {
    /// The daemon hung up, and may have done nothing of what was asked.
    HungUp,
    Failed(Error),
}

impl Ended {
    fn into_error(self) -> Error {
        match self {
            Self::HungUp => Error::Protocol("PowerMan hung up amid the conversation".to_owned()),
            Self::Failed(error) => error,
        }
    }
}

impl From<IoError> for Ended {
    fn from(error: IoError) -> Self {
        match error {
            IoError::Disconnected => Self::HungUp,
            other => Self::Failed(other.into()),
        }
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn left(until: u64) -> Deadline {
    Deadline::ms(until.saturating_sub(host::now_ms()))
}

/// `303 t0: on` with its line end: the code and the text.
fn line(bytes: &[u8]) -> Option<(u16, &str)> {
    let text = husk_driver::wire::line::printable(bytes.trim_ascii_end())?;
    let (code, text) = text.split_at_checked(3)?;
    let code = husk_driver::wire::line::whole(code)?;
    let text = match text {
        "" => "",
        text => text.strip_prefix(' ')?,
    };
    Some((u16::try_from(code).ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_code_of_three_digits_and_a_text() {
        assert_eq!(line(b"303 t0: on\r\n"), Some((303, "t0: on")));
        assert_eq!(line(b"103\r\n"), Some((103, "")));
        for bad in [
            &b"\r\n"[..],
            b"12\n",
            b"1234 x\n",
            b"abc d\n",
            b"303 \x01\n",
            b"303\xff x\n",
        ] {
            assert_eq!(line(bad), None, "{bad:?}");
        }
    }
}
