//! A device that answers as a recording of a real one says, and is silent otherwise.
//!
//! The recording is JSON: `exchanges` of `send` and `receive` (each character one byte, null = silence). Replies to one
//! command come in the order recorded, the last one for ever. Recordings made from logs lost the final CR: one is
//! appended unless `terminator_recorded` is true or the reply ends its line otherwise.

use super::Device;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle to the recorded device; clones steer the same one.
#[derive(Clone, Debug, Default)]
pub struct Recorded(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    replies: HashMap<Vec<u8>, Vec<Option<Vec<u8>>>>,
    asked: HashMap<Vec<u8>, usize>,
    /// Commands have no end: they are over when none that was recorded is longer.
    letters: bool,
    /// The answer to what was not recorded.
    unlisted: Option<Vec<u8>>,
}

impl Recorded {
    /// Reads a recording; `None` when it is not one.
    pub fn from_json(recording: &Value) -> Option<Self> {
        let complete = recording
            .get("terminator_recorded")
            .and_then(Value::as_bool)
            == Some(true);
        let mut replies: HashMap<_, Vec<_>> = HashMap::new();
        for exchange in recording.get("exchanges")?.as_array()? {
            let command = bytes(exchange.get("send")?.as_str()?)?;
            let reply = match exchange.get("receive")?.as_str() {
                Some(text) => Some(terminated(bytes(text)?, complete)),
                None => None,
            };
            replies.entry(command).or_default().push(reply);
        }
        let state = State {
            replies,
            ..State::default()
        };
        Some(Self(Arc::new(Mutex::new(state))))
    }

    /// From now on commands have no end of their own: mostly single letters.
    pub fn letter_by_letter(self) -> Self {
        self.state().letters = true;
        self
    }

    /// From now on commands that were not recorded are answered with this.
    pub fn otherwise(self, reply: &[u8]) -> Self {
        self.state().unlisted = Some(reply.to_vec());
        self
    }

    /// From now on `command` is answered with `reply` (CR is added).
    pub fn set_reply(&self, command: &str, reply: &str) {
        let reply = terminated(reply.as_bytes().to_vec(), false);
        let mut state = self.state();
        state
            .replies
            .insert(command.as_bytes().to_vec(), vec![Some(reply)]);
    }

    /// How often `command` was asked.
    pub fn asked(&self, command: &str) -> usize {
        self.state()
            .asked
            .get(command.as_bytes())
            .copied()
            .unwrap_or(0)
    }

    /// Whether every command asked so far has come to its last reply.
    pub fn exhausted(&self) -> bool {
        let state = self.state();
        let done = |(command, times): (&Vec<u8>, &usize)| {
            state
                .replies
                .get(command)
                .is_none_or(|replies| *times >= replies.len())
        };
        state.asked.iter().all(done)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for Recorded {
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let mut state = self.state();
        let times = state.asked.entry(command.to_vec()).or_default();
        let turn = *times;
        *times += 1;
        match state.replies.get(command) {
            Some(replies) => replies.get(turn).or(replies.last())?.clone(),
            None => state.unlisted.clone(),
        }
    }

    fn is_whole(&self, bytes: &[u8]) -> bool {
        let state = self.state();
        let longer = |known: &&Vec<u8>| known.len() > bytes.len() && known.starts_with(bytes);
        match state.letters {
            true => !state.replies.keys().any(|known| longer(&known)),
            false => bytes.last() == Some(&b'\r'),
        }
    }
}

/// Characters U+0000 to U+00FF stand for bytes; `None`: another character.
fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|character| u8::try_from(u32::from(character)).ok())
        .collect()
}

fn terminated(mut reply: Vec<u8>, complete: bool) -> Vec<u8> {
    if !complete && !matches!(reply.last(), Some(b'\r' | b'\n')) {
        reply.push(b'\r');
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_come_in_order_and_the_last_one_stays() {
        let recording = serde_json::json!({
            "terminator_recorded": false,
            "exchanges": [
                { "send": "Q1", "receive": "(a" },
                { "send": "Q1", "receive": "(b\u{ff}" },
                { "send": "I", "receive": null },
            ],
        });
        let mut device = Recorded::from_json(&recording).unwrap();
        assert_eq!(device.answer(b"Q1").unwrap(), b"(a\r");
        assert!(!device.exhausted());
        assert_eq!(device.answer(b"Q1").unwrap(), b"(b\xff\r");
        assert_eq!(device.answer(b"Q1").unwrap(), b"(b\xff\r");
        assert_eq!(device.answer(b"I"), None);
        assert_eq!(device.answer(b"F"), None);
        assert!(device.exhausted());
        assert_eq!(device.asked("Q1"), 3);
        device.set_reply("F", "#x");
        assert_eq!(device.answer(b"F").unwrap(), b"#x\r");
    }

    #[test]
    fn letters_have_no_end_and_the_rest_may_be_refused() {
        let recording = serde_json::json!({
            "exchanges": [
                { "send": "Q", "receive": "08\r\n" },
                { "send": "@000", "receive": "OK\r\n" },
            ],
        });
        let device = Recorded::from_json(&recording).unwrap();
        let mut device = device.letter_by_letter().otherwise(b"NA\r\n");
        assert!(device.is_whole(b"Q") && device.is_whole(b"C") && !device.is_whole(b"@0"));
        assert!(device.is_whole(b"@000") && device.is_whole(b"@1"));
        assert_eq!(device.answer(b"Q").unwrap(), b"08\r\n");
        assert_eq!(device.answer(b"C").unwrap(), b"NA\r\n");
    }
}
