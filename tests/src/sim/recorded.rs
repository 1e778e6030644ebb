//! A device that answers as a recording of a real one says, and is silent otherwise.
//!
//! The recording is JSON: `exchanges` of `send` and `receive` (each character one byte, null = silence). Replies to one
//! command come in the order recorded, the last one for ever. Recordings made from logs lost the final CR: one is
//! appended unless `terminator_recorded` is true.

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
            asked: HashMap::new(),
        };
        Some(Self(Arc::new(Mutex::new(state))))
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
        let replies = state.replies.get(command)?;
        replies.get(turn).or(replies.last())?.clone()
    }
}

/// Characters U+0000 to U+00FF stand for bytes; `None`: another character.
fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|character| u8::try_from(u32::from(character)).ok())
        .collect()
}

fn terminated(mut reply: Vec<u8>, complete: bool) -> Vec<u8> {
    if !complete {
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
}
