//! What changed between two reports: whole reports in the driver, changes on the wire.
//!
//! The first update of an instance is complete; later ones name only what differs from the one before.

use crate::report::Name;
use crate::{Reading, Report};
use std::time::Duration;

/// An update of `wit/v0.1`, with borrowed texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update<'a> {
    /// The host forgets everything not named here.
    pub complete: bool,
    /// Variables that are new or have another value.
    pub set: Vec<(&'a str, &'a str)>,
    /// Variables that are no longer known.
    pub clear: Vec<&'a str>,
    /// Variables whose traits are new or differ; the value is not looked at.
    pub traits: Vec<Change<'a>>,
    /// The status words when they differ.
    pub status: Option<Vec<&'a str>>,
    /// The alarms when they differ.
    pub alarms: Option<&'a [String]>,
    /// The commands when they differ.
    pub commands: Option<Vec<&'a str>>,
    /// When to poll next.
    pub next: Option<Duration>,
    /// Whether to poll when the port turns readable.
    pub wake_on_readable: bool,
}

/// One variable whose traits changed.
pub type Change<'a> = (&'a str, &'a Reading);

impl<'a> Update<'a> {
    /// What turns a host that knows `old` into one that knows `new`; with no `old`, the whole of `new`.
    #[must_use]
    pub fn between(old: Option<&'a Report>, new: &'a Report) -> Self {
        let mut update = Update {
            complete: old.is_none(),
            next: new.next,
            wake_on_readable: new.wake_on_readable,
            ..Update::default()
        };
        for (name, reading) in &new.variables {
            let before = old.and_then(|old| old.variables.get(name));
            if before.is_none_or(|before| before.value != reading.value) {
                update.set.push((name.as_str(), &reading.value));
            }
            let told = match before {
                Some(before) => before.same_traits(reading),
                None => !reading.has_traits(),
            };
            if !told {
                update.traits.push((name.as_str(), reading));
            }
        }
        if let Some(old) = old {
            let gone = old
                .variables
                .keys()
                .filter(|name| !new.variables.contains_key(name));
            update.clear.extend(gone.map(Name::as_str));
        }
        // Who never had a status has none, as a PDU; an empty one says that a UPS is in no state known.
        let status = |report: &'a Report| report.has_status.then_some(&report.status);
        if old.and_then(status) != status(new) {
            update.status = Some(new.status_words().collect());
        }
        if old.is_none_or(|old| old.alarms != new.alarms) {
            update.alarms = Some(&new.alarms);
        }
        if old.is_none_or(|old| old.commands != new.commands) {
            update.commands = Some(new.commands().collect());
        }
        update
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(load: &str) -> Report {
        let mut report = Report::new();
        report.set("ups.load", load);
        report
            .set("ups.delay.start", 180_u32)
            .writable()
            .number()
            .range(0, 600);
        report.status("OL");
        report.command("beeper.toggle");
        report
    }

    #[test]
    fn a_device_without_status_words_has_no_status() {
        let mut pdu = Report::new();
        pdu.set("outlet.count", 8_u32);
        assert_eq!(Update::between(None, &pdu).status, None);
        let ups = report("12");
        assert_eq!(Update::between(Some(&ups), &pdu).status, Some(vec![]));
        let mut told = pdu.clone();
        told.has_status();
        assert_eq!(Update::between(None, &told).status, Some(vec![]));
        assert_eq!(Update::between(Some(&told), &told).status, None);
    }

    #[test]
    fn the_first_update_is_complete() {
        let first = report("12");
        let update = Update::between(None, &first);
        assert!(update.complete);
        assert_eq!(update.set, [("ups.delay.start", "180"), ("ups.load", "12")]);
        assert_eq!(
            update
                .traits
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>(),
            ["ups.delay.start"]
        );
        assert_eq!(update.status, Some(vec!["OL"]));
        assert_eq!(update.alarms, Some(&[][..]));
        assert_eq!(update.commands, Some(vec!["beeper.toggle"]));
    }

    #[test]
    fn later_updates_name_what_changed_only() {
        let (first, same) = (report("12"), report("12"));
        assert_eq!(Update::between(Some(&first), &same), Update::default());

        let mut next = report("13");
        next.set("ups.delay.start", 180_u32).range(0, 60);
        next.status("CHRG");
        let update = Update::between(Some(&first), &next);
        assert_eq!(update.set, [("ups.load", "13")]);
        assert_eq!(update.traits.len(), 1);
        assert_eq!(update.status, Some(vec!["OL", "CHRG"]));
        assert_eq!((update.alarms, update.commands), (None, None));
    }

    #[test]
    fn what_is_unknown_again_is_cleared() {
        let first = report("12");
        let mut next = Report::new();
        next.set("ups.load", None::<u32>);
        let update = Update::between(Some(&first), &next);
        assert_eq!(update.clear, ["ups.delay.start", "ups.load"]);
        assert_eq!(update.commands, Some(vec![]));
    }
}
