//! The device as the script has made it so far.

use std::collections::BTreeMap;

use husk_driver::wire::words::escape;
use husk_driver::{Report, cmd, var};

use crate::kinds::text_length;
use crate::script::{Script, Step};

pub(crate) const STATUS: &str = var::UPS_STATUS.as_str();

/// Bytes in a value; the rest of a longer one is dropped, as dummy-ups does.
pub(crate) const VALUE: usize = 127;
/// Variables; the host takes 512. The largest known device has about 420.
const VARIABLES: usize = 500;
/// Alarms at a time; the host takes as many.
const ALARMS: usize = 64;

/// What a client sees, but for what the host composes. Empty by default.
#[derive(Debug, Default)]
pub(crate) struct Simulated {
    /// By name in lower case: the name as first written, and the value.
    variables: BTreeMap<String, (String, String)>,
    status: Vec<String>,
    alarms: Vec<String>,
}

impl Simulated {
    /// What dummy-ups shows of a device whose file says nothing.
    pub(crate) fn new() -> Self {
        let mut device = Simulated::default();
        device.put(var::UPS_MFR.as_str(), "Dummy Manufacturer");
        device.put(var::UPS_MODEL.as_str(), "Dummy UPS");
        device.status.push("OL".to_owned());
        device
    }

    /// What [`to_script`](Self::to_script) wrote down.
    pub(crate) fn from_script(script: &Script) -> Self {
        let mut device = Simulated::default();
        script.steps.iter().for_each(|step| device.apply(step));
        device
    }

    /// Does one step; a TIMER is not the device's business.
    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Set { name, value } => self.put(name, value),
            Step::Clear { name } => {
                self.variables.remove(&name.to_ascii_lowercase());
            }
            Step::Status(words) => self.status.clone_from(words),
            Step::Alarm(Some(text)) if self.alarms.len() < ALARMS => self.alarms.push(text.clone()),
            Step::Alarm(None) => self.clear_alarms(),
            Step::Alarm(Some(_)) | Step::Timer(_) => {}
        }
    }

    pub(crate) fn clear_alarms(&mut self) {
        self.alarms.clear();
    }

    /// `ups.status` is reported as a variable too, only because clients may write it.
    pub(crate) fn report(&self) -> Report {
        let mut report = Report::new();
        for (key, (name, value)) in &self.variables {
            let slot = report.set(name.as_str(), value.as_str()).writable();
            if let Some(length) = text_length(key) {
                slot.text(length);
            }
        }
        report
            .set(var::UPS_STATUS, self.status.join(" "))
            .writable()
            .text(32);
        self.status
            .iter()
            .for_each(|word| report.status(word.as_str()));
        self.alarms
            .iter()
            .for_each(|text| report.alarm(text.as_str()));
        report.command(cmd::LOAD_OFF);
        report
    }

    /// The lines that make a device like this one.
    pub(crate) fn to_script(&self) -> String {
        let mut lines = format!("{STATUS}: \"{}\"\n", escape(&self.status.join(" ")));
        for (name, value) in self.variables.values() {
            lines += &format!("{name}: \"{}\"\n", escape(value));
        }
        for text in &self.alarms {
            lines += &format!("ALARM \"{}\"\n", escape(text));
        }
        lines
    }

    fn put(&mut self, name: &str, value: &str) {
        let key = name.to_ascii_lowercase();
        if let Some((_, old)) = self.variables.get_mut(&key) {
            value.clone_into(old);
        } else if self.variables.len() < VARIABLES {
            self.variables
                .insert(key, (name.to_owned(), value.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]
    use super::*;

    fn device(script: &str) -> Simulated {
        let mut device = Simulated::new();
        Script::parse(script.as_bytes())
            .steps
            .iter()
            .for_each(|step| device.apply(step));
        device
    }

    #[test]
    fn a_name_is_one_variable_in_any_case_and_keeps_its_first_spelling() {
        let report = device("UPS.Load: 5\nups.load: 6\n").report();
        assert_eq!(report.value("UPS.Load"), Some("6"));
        assert_eq!(report.value("ups.load"), None);
    }

    #[test]
    fn a_saved_device_is_read_back_as_it_was() {
        let before = device(
            "ups.id: \"a \\\"b\\\" \\\\ \\# c\"\nups.mfr:\nups.status: OB LB\nALARM x \"y  z\"\nALARM 2\n",
        );
        let after = Simulated::from_script(&Script::parse(before.to_script().as_bytes()));
        assert_eq!(after.report(), before.report());
        assert_eq!(after.report().value("ups.id"), Some("a \"b\" \\ # c"));
        assert_eq!(after.report().value("ups.mfr"), None);
    }

    #[test]
    fn a_device_has_bounds() {
        let many: String = (0..VARIABLES * 2)
            .map(|n| format!("v.{n}: 1\nALARM {n}\n"))
            .collect();
        let report = device(&many).report();
        // One more for ups.status, which is no variable of the script.
        assert_eq!(report.variables().count(), VARIABLES + 1);
        assert_eq!(report.alarms().len(), ALARMS);
    }
}
