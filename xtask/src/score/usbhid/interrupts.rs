//! What interrupt reports and polls do to each other, as seen on the incumbent's driver with a walk every 30 seconds.

use super::super::Variables;
use super::super::compare::{Verdict, compare};
use super::super::oracle::{counts, same};
use super::expectation::{pardoned, variables};
use super::recording::{Recording, bytes};
use super::unit::Unit;
use serde_json::Value;
use std::time::Duration;

/// Seconds between two full walks.
const FULL_WALK: &str = "30";
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Plays the steps: reports told or changed, time passing, and what differs from the start then.
pub(super) fn judge(recording: &Recording, expected: &Value) -> Verdict {
    let mut verdict = Verdict::default();
    let steps = expected
        .pointer("/interrupt/steps")
        .and_then(Value::as_array);
    let Some(steps) = steps else { return verdict };
    let Ok(mut unit) = Unit::open(recording, FULL_WALK) else {
        verdict.missing.push("a driver".to_owned());
        return verdict;
    };
    let look = |unit: &mut Unit| unit.poll(POLL_INTERVAL).map(|seen| variables(&seen));
    let start = look(&mut unit).unwrap_or_default();
    for step in steps {
        let told = send(&mut unit, step);
        let seconds = step.get("wait_s").and_then(Value::as_f64).unwrap_or(0.0);
        let mut served = match told {
            true => unit.hear().map(|seen| variables(&seen)),
            false => Ok(Variables::new()),
        };
        for _ in 0..seconds as u32 {
            served = look(&mut unit);
        }
        let wanted = after(&start, step);
        let got = served.unwrap_or_default();
        verdict.add(compare(&wanted, &got, counts, |name, one, other| {
            same(name, one, other, &[])
        }));
    }
    pardoned(&recording.name, verdict)
}

/// Does what a step sends: `input HEX` is told by interrupt, `report ID HEX` is what a poll finds from now on.
fn send(unit: &mut Unit, step: &Value) -> bool {
    let sent = step.get("sent").and_then(Value::as_array);
    let mut told = false;
    for line in sent.into_iter().flatten().filter_map(Value::as_str) {
        let words: Vec<_> = line.split(' ').collect();
        let content = words.last().and_then(|digits| bytes(digits));
        match (words.first(), content) {
            (Some(&"input"), Some(report)) => {
                unit.device.interrupt(&report);
                told = true;
            }
            (_, Some(report)) => unit.device.feature(&report),
            (_, None) => {}
        }
    }
    told
}

/// The variables at the start with a step's changes.
fn after(start: &Variables, step: &Value) -> Variables {
    let mut wanted = start.clone();
    let changed = step.get("changed").and_then(Value::as_object);
    for (name, pair) in changed.into_iter().flatten() {
        match pair.get(1).and_then(Value::as_str) {
            Some(value) => wanted.insert(name.clone(), value.to_owned()),
            None => wanted.remove(name),
        };
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_against_the_start() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let start = Variables::from([pair("ups.status", "OL"), pair("ups.alarm", "x")]);
        let step = json!({ "changed": { "ups.status": ["OL", "OB"], "ups.alarm": ["x", null] } });
        let wanted = Variables::from([pair("ups.status", "OB")]);
        assert_eq!(after(&start, &step), wanted);
        assert_eq!(after(&start, &json!({})), start);
    }
}
