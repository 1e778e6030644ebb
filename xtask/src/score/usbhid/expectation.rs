//! What the incumbent's driver published for a recorded device, how that changed with its reports, and what it wrote.

use super::super::compare::Verdict;
use super::super::oracle::{Oracle, counts, same};
use super::super::{Variables, abilities};
use super::recording::bytes;
use super::unit::{BETWEEN_WALKS, Unit};
use husk_core::state::Snapshot;
use serde_json::Value;
use std::collections::BTreeSet;

/// Where ours is right and the incumbent's is not: device, what differs exactly, why.
#[rustfmt::skip]
const BETTER: &[(&str, &str, &str)] = &[
    ("1cb0-0032-legrand-ups", r#"input.voltage "110.0" is served as "241.4""#, "the incumbent takes the lower byte"),
    ("1cb0-0032-legrand-ups", r#"output.voltage "1040.0" is served as "240.8""#, "the incumbent takes the lower byte"),
    ("10af-0000-liebert-gxt4", r#"ups.status "OB DISCHRG" is served as "OB DISCHRG LB""#, "its low battery bit counts"),
    ("10af-0000-liebert-gxt4", r#"ups.status "OL" is served as "OL LB""#, "its low battery bit counts"),
    ("075d-0300-smart-battery", r#"ups.status "" is served as "ALARM""#, "nothing tells its status: that is an alarm"),
    ("0463-ffff-eaton-protection-station", r#"outlet.1.status "on" is served as "off""#, "follows an interrupt at once"),
    ("051d-0002-apc-back-ups-es-850g2", r#"ups.status "OL DISCHRG" is served as "OB DISCHRG""#, "all queued interrupts are taken"),
    ("0d9f-0004-powercom-hid-ups-battery", "INSTCMD beeper.toggle [[13, 01]] is sent as [[13, 00]]", "it was on by then"),
];

/// Bytes behind the id to which the incumbent cuts a long report.
const CUT: usize = 32;

/// What became of each kind of expectation.
#[derive(Default)]
pub(super) struct Outcome {
    /// Variables of the device as recorded.
    pub(super) variables: Verdict,
    /// Variables that change with its reports.
    pub(super) changes: Verdict,
    /// Variables through interrupt reports and polls.
    pub(super) interrupts: Verdict,
    /// Commands, writable variables, lists and ranges.
    pub(super) abilities: Verdict,
    /// Bytes of reports written by commands and settings.
    pub(super) writes: Verdict,
}

/// Plays a device through everything the expectation has.
pub(super) fn judge(
    name: &str,
    opened: Result<Unit, husk_driver::Error>,
    expected: &Value,
) -> Outcome {
    let mut outcome = Outcome::default();
    let oracle = Oracle::of_unit(expected).remove(0).1;
    let mut unit = match opened {
        Ok(unit) => unit,
        Err(why) => {
            // Who refuses what the incumbent refuses is right.
            match oracle.serves() {
                true => outcome.variables = oracle.compare(&Variables::new(), &[]),
                false => outcome.variables.found = 1,
            }
            outcome.variables.extra.push(why.to_string());
            return outcome;
        }
    };
    let snapshot = match unit.poll(BETWEEN_WALKS) {
        Ok(snapshot) => snapshot,
        // Without a status the incumbent publishes what is left, as stale or, worse, as good: nobody need copy that.
        Err(why) if !oracle.has_status() => {
            outcome.variables.found = 1;
            outcome.variables.extra.push(why.to_string());
            return outcome;
        }
        Err(why) => {
            outcome.variables.extra.push(why.to_string());
            Snapshot::default()
        }
    };
    outcome.variables = pardoned(name, oracle.compare(&variables(&snapshot), &[]));
    let wanted = abilities::wanted(expected);
    let offered = offered(&snapshot);
    outcome.abilities.found = wanted.intersection(&offered).count();
    outcome
        .abilities
        .missing
        .extend(wanted.difference(&offered).cloned());
    outcome.changes = changes(name, &mut unit, expected);
    outcome.writes = writes(name, &mut unit, expected);
    outcome
}

/// As the comparisons have them.
pub(super) fn variables(snapshot: &Snapshot) -> Variables {
    let pairs = snapshot.variables.iter();
    pairs
        .map(|variable| (variable.name.clone(), variable.value.clone()))
        .collect()
}

/// Takes out what is wrong by the expectation alone.
pub(super) fn pardoned(device: &str, mut verdict: Verdict) -> Verdict {
    let better = |line: &String| {
        let mut known = BETTER.iter();
        known.any(|(on, difference, _)| *on == device && difference == line)
    };
    let (pardoned, wrong) = verdict.wrong.into_iter().partition(better);
    verdict.wrong = wrong;
    verdict.extra.extend::<Vec<String>>(pardoned);
    verdict
}

/// What can be done, in the lines of [`abilities::wanted`].
fn offered(snapshot: &Snapshot) -> BTreeSet<String> {
    let commands = snapshot.commands.iter().map(|name| format!("CMD {name}"));
    let mut offered: BTreeSet<_> = commands.collect();
    for variable in snapshot
        .variables
        .iter()
        .filter(|variable| variable.writable)
    {
        let name = &variable.name;
        offered.insert(format!("RW {name}"));
        offered.extend(
            variable
                .choices
                .iter()
                .map(|choice| format!("ENUM {name} {choice}")),
        );
        let range = |(low, high): &(i64, i64)| format!("RANGE {name} {low} {high}");
        offered.extend(variable.ranges.iter().map(range));
    }
    offered
}

/// Changes the reports as the scenario does, and looks at the status and at what changed with it.
fn changes(device: &str, unit: &mut Unit, expected: &Value) -> Verdict {
    let mut verdict = Verdict::default();
    let steps = expected
        .pointer("/scenario/steps")
        .and_then(Value::as_array);
    for step in steps.into_iter().flatten() {
        let reports = step.get("reports").and_then(Value::as_object);
        for report in reports.into_iter().flat_map(|reports| reports.values()) {
            if let Some(report) = report.as_str().and_then(bytes) {
                unit.device.feature(&report);
            }
        }
        // The word of a charge that has just moved holds for one poll; the expectation was looked at later.
        drop(unit.poll(BETWEEN_WALKS));
        let served = unit
            .poll(BETWEEN_WALKS)
            .map(|snapshot| variables(&snapshot))
            .unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let changed = step.get("changed").and_then(Value::as_object);
        let changed = changed.into_iter().flatten();
        let changed = changed.filter_map(|(name, pair)| Some((name.clone(), text(pair.get(1))?)));
        let mut wanted: Variables = changed.filter(|(name, _)| counts(name)).collect();
        wanted.extend(text(step.get("status")).map(|status| ("ups.status".to_owned(), status)));
        for (name, value) in &wanted {
            let got = served.get(name);
            verdict.judge(
                name,
                value,
                got,
                got.is_some_and(|got| same(name, value, got, &[])),
            );
        }
    }
    pardoned(device, verdict)
}

/// Runs the recorded commands and settings, and compares the reports written.
fn writes(device: &str, unit: &mut Unit, expected: &Value) -> Verdict {
    let mut verdict = Verdict::default();
    for write in expected
        .get("writes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let request = write
            .get("request")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let words = super::super::words(request);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let done = match words.as_slice() {
            ["INSTCMD", name] => unit.command(name),
            ["SET", name, value] => unit.set(name, value),
            _ => continue,
        };
        let written = unit.device.take_written();
        // The incumbent reads again what it has written.
        drop(unit.poll(BETWEEN_WALKS));
        let reports = write.get("set_reports").and_then(Value::as_array);
        let wanted = reports.into_iter().flatten();
        let wanted: Vec<_> = wanted
            .filter_map(|report| bytes(report.get("bytes")?.as_str()?))
            .collect();
        if wanted.len() == written.len()
            && wanted
                .iter()
                .zip(&written)
                .all(|(one, other)| same_report(one, other))
        {
            verdict.found += 1;
        } else if done.is_err() || written.is_empty() {
            let why = done
                .err()
                .map(|why| format!(" ({why})"))
                .unwrap_or_default();
            verdict.missing.push(format!("{request}{why}"));
        } else {
            verdict
                .wrong
                .push(format!("{request} {wanted:02x?} is sent as {written:02x?}"));
        }
    }
    pardoned(device, verdict)
}

/// Equal but for the id where the incumbent sent none, as it does with reports it never could read; and but for zeros
/// at the end, because it counts no more than 256 bits of a report.
fn same_report(wanted: &[u8], written: &[u8]) -> bool {
    let from = usize::from(wanted.first() == Some(&0));
    let (told, rest) = written.split_at_checked(wanted.len()).unwrap_or((&[], &[]));
    let cut = wanted.len() > CUT && rest.iter().all(|byte| *byte == 0);
    wanted.get(from..) == told.get(from..) && (rest.is_empty() || cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_the_incumbent_never_read_is_not_compared() {
        assert!(same_report(&[0, 1, 2], &[9, 1, 2]) && same_report(&[9, 1], &[9, 1]));
        assert!(!same_report(&[8, 1], &[9, 1]) && !same_report(&[0, 1], &[9, 1, 0]));
        assert!(!same_report(&[0, 1], &[9, 2]) && !same_report(&[9, 1, 2], &[9, 1]));
    }

    #[test]
    fn zeros_behind_256_bits_are_not_compared() {
        let mut long = vec![1; 47];
        long.iter_mut().skip(33).for_each(|byte| *byte = 0);
        let cut = [1; 33];
        assert!(same_report(&cut, &long) && !same_report(&[1; 32], &long));
    }

    #[test]
    fn what_is_better_is_told_and_not_counted() {
        let (device, difference, _) = BETTER.first().copied().unwrap_or_default();
        let wrong = || Verdict {
            wrong: vec![difference.to_owned(), "another".to_owned()],
            ..Verdict::default()
        };
        let verdict = pardoned(device, wrong());
        assert_eq!((verdict.wrong.len(), verdict.extra.len()), (1, 1));
        assert_eq!(pardoned("another", wrong()).wrong.len(), 2);
    }
}
