//! Recorded USB devices: what is read from their reports, and what the driver makes of them beside what the incumbent's
//! made of the same bytes.
//!
//! The driver runs natively on a device in memory, under the code that composes the daemon's state. Values of polls,
//! status through changes of the reports and through interrupts, abilities and the reports written by commands are
//! compared.

mod expectation;
mod interrupts;
mod objects;
mod recording;
mod unit;

use super::compare::Verdict;
use super::report;
use anyhow::ensure;
use expectation::Outcome;
use recording::{Recording, json};
use std::path::Path;
use unit::{EACH_POLL, Unit};

/// Scores every recording in `directory`.
pub(super) fn score(directory: &Path) -> anyhow::Result<Verdict> {
    let recordings = Recording::all(directory)?;
    ensure!(
        !recordings.is_empty(),
        "no recording in {}",
        directory.display()
    );
    let mut objects = Verdict::default();
    let mut sum = Outcome::default();
    for recording in &recordings {
        let name = &recording.name;
        let read = objects::judge(recording);
        report(&format!("{name} objects"), &read);
        objects.add(read);
        let expected = json(&directory.join("oracle").join(format!("{name}.json")))?;
        let mut outcome = expectation::judge(name, Unit::open(recording, EACH_POLL), &expected);
        outcome.interrupts = interrupts::judge(recording, &expected);
        for (what, verdict, of_all) in [
            ("variables", outcome.variables, &mut sum.variables),
            ("changes", outcome.changes, &mut sum.changes),
            ("interrupts", outcome.interrupts, &mut sum.interrupts),
            ("abilities", outcome.abilities, &mut sum.abilities),
            ("writes", outcome.writes, &mut sum.writes),
        ] {
            if verdict.found + verdict.missing.len() + verdict.wrong.len() > 0 {
                report(&format!("{name} {what}"), &verdict);
            }
            of_all.add(verdict);
        }
    }
    let mut all = Verdict::default();
    for (what, verdict) in [
        ("objects", objects),
        ("variables", sum.variables),
        ("changes", sum.changes),
        ("interrupts", sum.interrupts),
        ("abilities", sum.abilities),
        ("writes", sum.writes),
    ] {
        let (missing, wrong) = (verdict.missing.len(), verdict.wrong.len());
        println!(
            "{what}: found {}, missing {missing}, wrong {wrong}",
            verdict.found
        );
        all.add(verdict);
    }
    Ok(all)
}
