//! `ups.status` and `ups.alarm`: the device's words, and those the host adds.
//!
//! Order: ALARM, the device's words as it gave them, LB by `ignorelb`, the charge trend.

use super::own::Own;
use super::values::Values;
use crate::report::limits;

/// Whether the battery's charge has just risen or fallen.
#[derive(Debug, Clone, Default)]
pub(super) struct Trend {
    charge: Option<f64>,
    word: Option<&'static str>,
}

impl Trend {
    /// Takes the charge of a report in percent; true if the word changed. The word holds for this report only: a
    /// charge that stands still is neither.
    pub(super) fn observe(&mut self, charge: Option<f64>) -> bool {
        let before = std::mem::replace(&mut self.charge, charge);
        let word = match (before, charge) {
            (Some(before), Some(now)) if (0.0..100.0).contains(&now) && now > before => {
                Some("CHRG")
            }
            (Some(before), Some(now)) if (0.0..100.0).contains(&now) && now < before => {
                Some("DISCHRG")
            }
            _ => None,
        };
        std::mem::replace(&mut self.word, word) != word
    }
}

/// The status as clients read it; `None` if the device gave none and has no alarm.
pub(super) fn compose(values: &Values, own: &Own, trend: &Trend) -> Option<String> {
    let reported: Option<Vec<&str>> = match &values.status {
        Some(words) => Some(words.iter().map(String::as_str).collect()),
        // A driver may have put it among its variables.
        None => values
            .get("ups.status")
            .map(|text| text.split(' ').collect()),
    };
    if reported.is_none() && values.alarms.is_empty() {
        return None;
    }
    let reported = reported.unwrap_or_default();
    let mut status = Status::default();
    if !values.alarms.is_empty() || reported.contains(&"ALARM") {
        status.add("ALARM");
    }
    for word in reported {
        if !(own.ignores_low_battery() && word == "LB") {
            status.add(word);
        }
    }
    if own.ignores_low_battery() && own.is_low(values) {
        status.add("LB");
    }
    if let Some(word) = trend.word {
        status.add(word);
    }
    Some(status.text)
}

/// The alarms in one value; `None` if there are none.
pub(super) fn alarm(alarms: &[String]) -> Option<String> {
    if alarms.is_empty() {
        return None;
    }
    let mut text = alarms.join(" ");
    text.truncate(text.floor_char_boundary(limits::VALUE));
    Some(text)
}

/// Words, each once, as long as they fit into a value.
#[derive(Default)]
struct Status {
    text: String,
}

impl Status {
    fn add(&mut self, word: &str) {
        let there = self.text.split(' ').any(|known| known == word);
        if word.is_empty() || there || self.text.len() + word.len() + 1 > limits::VALUE {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(word);
    }
}
