//! What the answers say together: values, words of the status, alarms. Made anew at each poll.
//!
//! Refuses to publish anything by itself; `unit` makes a report of it.

use crate::row::Says;
use husk_driver::wire::line;
use husk_driver::{Var, Word, fixed, var, word};

/// The values of all answers read so far.
#[derive(Clone, Default)]
pub(crate) struct Picture {
    values: Vec<Known>,
    notes: Vec<&'static str>,
    mains: Option<bool>,
    words: Vec<Word>,
    alarms: Vec<String>,
    shutting_down: bool,
    /// A value that is known is not replaced.
    keeps: bool,
}

/// One value: how it is published, and as a number when it is one.
#[derive(Clone)]
struct Known {
    name: &'static str,
    text: String,
    number: Option<f64>,
    /// Settings of the device that are no variables.
    hidden: bool,
}

impl Picture {
    /// A variable is this number, published with so many decimals; an earlier value is replaced.
    pub(crate) fn number(&mut self, name: &'static str, value: f64, decimals: u8) {
        if let Some(text) = fixed(value, decimals).as_str() {
            self.put(Known {
                name,
                text: text.to_owned(),
                number: Some(value),
                hidden: false,
            });
        }
    }

    /// A variable is this text; empty is unknown.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.put(Known {
                name,
                text: text.to_owned(),
                number: line::number(text),
                hidden: false,
            });
        }
    }

    /// As [`text`](Picture::text), for what is looked at and not published.
    pub(crate) fn hide(&mut self, name: &'static str, text: &str) {
        self.put(Known {
            name,
            text: text.to_owned(),
            number: line::number(text),
            hidden: true,
        });
    }

    /// From now on what is known stays as it is, or not.
    pub(crate) fn keep_known(&mut self, keep: bool) {
        self.keeps = keep;
    }

    fn put(&mut self, value: Known) {
        if self.keeps && self.has(value.name) {
            return;
        }
        self.values.retain(|known| known.name != value.name);
        self.values.push(value);
    }

    /// What a flag says.
    pub(crate) fn says(&mut self, says: Says) {
        match says {
            Says::Mains(there) => self.mains = Some(there),
            Says::Is(word) => self.word(word),
            Says::Alarm(text) => self.alarm(text),
            Says::Value(name, text) => self.text(name.as_str(), text),
            Says::ShuttingDown => self.shutting_down = true,
            Says::Regulating => {
                if let Some(word) = self.regulation() {
                    self.word(word);
                }
            }
            Says::Note(note) => self.note(note),
        }
    }

    /// A word of the status.
    pub(crate) fn word(&mut self, word: Word) {
        if !self.words.contains(&word) {
            self.words.push(word);
        }
    }

    /// Something is wrong.
    pub(crate) fn alarm(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.alarms.contains(&text) {
            self.alarms.push(text);
        }
    }

    /// Something that other rows look at, and nobody else.
    pub(crate) fn note(&mut self, note: &'static str) {
        if !self.noted(note) {
            self.notes.push(note);
        }
    }

    /// Whether something was noted.
    pub(crate) fn noted(&self, note: &str) -> bool {
        self.notes.contains(&note)
    }

    /// A value as a number.
    pub(crate) fn get(&self, name: Var) -> Option<f64> {
        self.find(name.as_str()).and_then(|known| known.number)
    }

    /// Whether there is a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A copy to try an answer on.
    pub(crate) fn scratch(&self) -> Self {
        self.clone()
    }

    /// A value as it is published.
    pub(crate) fn shown(&self, name: &str) -> Option<&str> {
        self.find(name).map(|known| known.text.as_str())
    }

    fn find(&self, name: &str) -> Option<&Known> {
        self.values.iter().find(|known| known.name == name)
    }

    /// Every value that is published, in the order it was learnt.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let shown = self.values.iter().filter(|known| !known.hidden);
        shown.map(|known| (known.name, known.text.as_str()))
    }

    /// Whether mains are there, if the device said so.
    pub(crate) fn mains(&self) -> Option<bool> {
        self.mains
    }

    /// Whether something is told here that none of those before told: mains lost, a word of the status, an alarm.
    pub(crate) fn tells_more_than(&self, before: &[Self]) -> bool {
        let none = |told: &dyn Fn(&Self) -> bool| !before.iter().any(told);
        let words = &mut self.words.iter();
        let alarms = &mut self.alarms.iter();
        (self.mains == Some(false) && none(&|other| other.mains == Some(false)))
            || words.any(|word| none(&|other| other.words.contains(word)))
            || alarms.any(|alarm| none(&|other| other.alarms.contains(alarm)))
            || (self.shutting_down && none(&|other| other.shutting_down))
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    pub(crate) fn alarms(&self) -> &[String] {
        &self.alarms
    }

    pub(crate) fn shutting_down(&self) -> bool {
        self.shutting_down
    }

    /// What the one bit for bypass, trim and boost means: the voltages tell. Beyond a factor of two nothing is said,
    /// because then one of them is no live voltage (the input of a unit on battery, the output of one that is off).
    pub(crate) fn regulation(&self) -> Option<Word> {
        let volts = |name: Var, phase| {
            let phase = || self.find(phase).and_then(|known| known.number);
            self.get(name).or_else(phase)
        };
        let input = volts(var::INPUT_VOLTAGE, "input.L1-N.voltage")?;
        let output = volts(var::OUTPUT_VOLTAGE, "output.L1-N.voltage")?;
        let ratio = if input > 0.0 {
            output / input
        } else {
            return None;
        };
        match ratio {
            0.5..0.95 => Some(word::TRIM),
            0.95..1.05 => Some(word::BYPASS),
            1.05..1.5 => Some(word::BOOST),
            _ => None,
        }
    }
}
