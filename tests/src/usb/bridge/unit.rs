//! The unit behind a bridge: which line it answers with which.

use std::collections::{BTreeMap, VecDeque};

/// What a unit does with a line it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// Says it back, as most do.
    Echo,
    /// Says nothing.
    Silence,
}

/// A unit.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The answers to a line in their order, the last one again and again; an absent one is silence.
    answers: BTreeMap<Vec<u8>, VecDeque<Option<Vec<u8>>>>,
    stranger: Stranger,
    /// What it was told, in order, without queries it answers.
    pub told: Vec<String>,
}

impl Unit {
    /// A unit that knows nothing yet.
    pub fn new(stranger: Stranger) -> Self {
        Self {
            answers: BTreeMap::new(),
            stranger,
            told: Vec::new(),
        }
    }

    /// A unit of the Megatec sheet on mains, which takes the usual commands in silence.
    pub fn megatec() -> Self {
        let mut unit = Self::new(Stranger::Echo);
        unit.set("Q1", "(228.0 195.0 230.0 014 49.0 27.4 25.0 00001001");
        unit.set("F", "#230.0 004 024.0 50.0");
        unit.set("I", "#Example         Sim1500    V1.0      ");
        for command in ["Q", "T", "TL", "CT", "C", "T10"] {
            unit.hush(command);
        }
        unit
    }

    /// Its answer to a line from now on, without the carriage return.
    pub fn set(&mut self, line: &str, answer: &str) {
        let answer = [answer.as_bytes(), b"\r"].concat();
        self.answers
            .insert(line.as_bytes().to_vec(), VecDeque::from([Some(answer)]));
    }

    /// A line that it takes in silence.
    pub fn hush(&mut self, line: &str) {
        self.answers
            .insert(line.as_bytes().to_vec(), VecDeque::from([None]));
    }

    /// One more answer to a line, after those there are; whole, with its end.
    pub fn add(&mut self, line: &[u8], answer: Option<Vec<u8>>) {
        self.answers
            .entry(line.to_vec())
            .or_default()
            .push_back(answer);
    }

    pub(super) fn ask(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let stranger = self.stranger;
        let answer = match self.answers.get_mut(line) {
            Some(answers) if answers.len() > 1 => answers.pop_front().flatten(),
            Some(answers) => answers.front().cloned().flatten(),
            None if line.starts_with(b"S") || line.starts_with(b"off") => None,
            None if stranger == Stranger::Echo => Some([line, b"\r"].concat()),
            None => None,
        };
        if answer.is_none() {
            self.told.push(String::from_utf8_lossy(line).into_owned());
        }
        answer
    }
}
