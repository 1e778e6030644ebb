//! A peer behind a stream, played by a function: the test double for daemons that talk over TCP.
//!
//! What it says comes in the pieces it says it in, so that a record may be cut or glued to the next anywhere. Silence costs
//! the test's clock ([`crate::host::native`]) and nothing else.

use crate::host::native::advance;
use crate::{Deadline, IoError, StreamBackend};
use std::collections::VecDeque;
use std::time::Duration;

/// What the peer meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Somebody connects; answering nothing refuses.
    Connected,
    /// All bytes since its last answer; answering nothing waits for more of them.
    Bytes(&'a [u8]),
}

/// What the peer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends these bytes, in one piece.
    Say(Vec<u8>),
    /// Is silent for so long.
    Wait(Duration),
    /// Hangs up.
    HangUp,
}

/// The end of a stream whose peer is a function.
pub struct FakeStream<F> {
    peer: F,
    connected: bool,
    heard: Vec<u8>,
    acts: VecDeque<Act>,
    /// What came and was not read.
    held: Vec<u8>,
}

impl<F> std::fmt::Debug for FakeStream<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeStream")
    }
}

impl<F: FnMut(Heard<'_>) -> Option<Vec<Act>>> FakeStream<F> {
    /// A stream that the host has just connected to `peer`.
    pub fn new(peer: F) -> Self {
        let mut stream = Self {
            peer,
            connected: false,
            heard: Vec::new(),
            acts: VecDeque::new(),
            held: Vec::new(),
        };
        stream.connect();
        stream
    }

    fn connect(&mut self) {
        self.close();
        let greeting = (self.peer)(Heard::Connected);
        self.connected = greeting.is_some();
        self.acts.extend(greeting.unwrap_or_default());
    }

    /// What comes next within `left`, which shrinks; empty when the peer hung up.
    fn more(&mut self, left: &mut Duration) -> Result<Vec<u8>, IoError> {
        if !self.connected {
            return Err(IoError::Disconnected);
        }
        loop {
            match self.acts.front_mut() {
                Some(Act::Wait(pause)) if *pause <= *left => {
                    advance(*pause);
                    *left -= *pause;
                    self.acts.pop_front();
                }
                Some(Act::Say(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    self.acts.pop_front();
                    return Ok(bytes);
                }
                Some(Act::HangUp) => return Ok(Vec::new()),
                Some(Act::Wait(pause)) => {
                    *pause -= *left;
                    advance(*left);
                    return Err(IoError::Timeout);
                }
                None => {
                    advance(*left);
                    return Err(IoError::Timeout);
                }
            }
        }
    }

    /// Takes in pieces until `cut` finds a message; what came stays held when the time is over.
    fn collect(
        &mut self,
        deadline: Deadline,
        mut cut: impl FnMut(&mut Vec<u8>) -> Option<Result<Vec<u8>, IoError>>,
    ) -> Result<Vec<u8>, IoError> {
        let mut left = deadline.total;
        loop {
            if let Some(done) = cut(&mut self.held) {
                return done;
            }
            let piece = self.more(&mut left)?;
            if piece.is_empty() {
                return Err(IoError::Disconnected);
            }
            self.held.extend(piece);
        }
    }
}

impl<F: FnMut(Heard<'_>) -> Option<Vec<Act>>> StreamBackend for FakeStream<F> {
    fn write(&mut self, bytes: &[u8], _deadline: Deadline) -> Result<(), IoError> {
        if !self.connected || self.acts.back() == Some(&Act::HangUp) {
            return Err(IoError::Disconnected);
        }
        self.heard.extend(bytes);
        if let Some(acts) = (self.peer)(Heard::Bytes(&self.heard)) {
            self.heard.clear();
            self.acts.extend(acts);
        }
        Ok(())
    }

    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        let mut left = deadline.total;
        if self.held.is_empty() {
            self.held = self.more(&mut left)?;
        }
        let count = self.held.len().min(max as usize);
        Ok(self.held.drain(..count).collect())
    }

    fn read_exact(&mut self, count: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        let count = count as usize;
        self.collect(deadline, |held| {
            (held.len() >= count).then(|| Ok(held.drain(..count).collect()))
        })
    }

    fn read_until(
        &mut self,
        stop: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let max = max as usize;
        self.collect(deadline, |held| {
            let end = held.iter().position(|byte| stop.contains(byte));
            match end {
                Some(end) if end < max => Some(Ok(held.drain(..=end).collect())),
                _ if held.len() > max => {
                    held.clear();
                    Some(Err(IoError::TooLong))
                }
                _ => None,
            }
        })
    }

    fn reopen(&mut self, _deadline: Deadline) -> Result<(), IoError> {
        self.connect();
        match self.connected {
            true => Ok(()),
            false => Err(IoError::Disconnected),
        }
    }

    fn close(&mut self) {
        self.connected = false;
        self.heard.clear();
        self.acts.clear();
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use crate::host::native::now_ms;

    const SECOND: Deadline = Deadline::ms(1000);

    fn say(text: &str) -> Act {
        Act::Say(text.as_bytes().to_vec())
    }

    #[test]
    fn pieces_silences_and_hanging_up_are_as_the_peer_made_them() {
        let mut connections = 0;
        let mut stream = Stream::new(FakeStream::new(move |heard| match heard {
            Heard::Connected => {
                connections += 1;
                (connections < 3).then(|| vec![say("hel"), say("lo\nx")])
            }
            Heard::Bytes(b"ask\n") => Some(vec![
                Act::Wait(Duration::from_millis(1500)),
                say("answer"),
                Act::HangUp,
            ]),
            Heard::Bytes(_) => None,
        }));
        assert_eq!(stream.read(2, SECOND).unwrap(), b"he");
        assert_eq!(stream.read_until(b"\n", 9, SECOND).unwrap(), b"llo\n");
        stream.write(b"as", SECOND).unwrap();
        assert_eq!(stream.read(9, SECOND).unwrap(), b"x");
        stream.write(b"k\n", SECOND).unwrap();
        let before = now_ms();
        assert_eq!(stream.read_exact(6, SECOND), Err(IoError::Timeout));
        assert_eq!(stream.read_exact(6, SECOND).unwrap(), b"answer");
        assert_eq!(now_ms() - before, 1500);
        assert_eq!(stream.read(9, SECOND).unwrap(), b"");
        assert_eq!(stream.write(b"x", SECOND), Err(IoError::Disconnected));

        stream.reopen(SECOND).unwrap();
        assert_eq!(stream.read_until(b"\n", 3, SECOND), Err(IoError::TooLong));
        stream.close();
        assert_eq!(stream.read(9, SECOND), Err(IoError::Disconnected));
        assert_eq!(stream.reopen(SECOND), Err(IoError::Disconnected));
    }
}
