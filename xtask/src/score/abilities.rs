//! What can be done to a device: commands, writable variables, their lists and ranges.

use super::compare::Verdict;
use super::words;
use husk_tests::tool::Wire;
use serde_json::Value;
use std::collections::BTreeSet;

/// What can be done to a UPS, as lines: `CMD load.off`, `RW ups.id`, `ENUM name value`, `RANGE name low high`.
pub(super) fn wanted(expected: &Value) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    let strings = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.map(|item| {
            item.as_str()
                .map_or_else(|| item.to_string(), str::to_owned)
        })
        .collect()
    };
    for (key, head) in [("commands", "CMD"), ("rw", "RW")] {
        wanted.extend(
            expected
                .get(key)
                .map(strings)
                .unwrap_or_default()
                .iter()
                .map(|name| format!("{head} {name}")),
        );
    }
    for (key, head) in [("enum", "ENUM"), ("range", "RANGE")] {
        for (name, list) in expected
            .get(key)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            for item in list.as_array().into_iter().flatten() {
                let item = if item.is_array() {
                    strings(item).join(" ")
                } else {
                    item.as_str().unwrap_or_default().to_owned()
                };
                wanted.insert(format!("{head} {name} {item}"));
            }
        }
    }
    wanted
}

/// What a served UPS offers of that.
pub(super) fn judge(wire: &mut Wire, number: usize, expected: &Value) -> anyhow::Result<Verdict> {
    let wanted = wanted(expected);
    let mut offered = BTreeSet::new();
    for what in ["CMD", "RW"] {
        for row in rows(wire, &format!("{what} d{number}"))? {
            offered.extend(row.get(2).map(|name| format!("{what} {name}")));
        }
    }
    let names: BTreeSet<_> = wanted
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    for what in ["ENUM", "RANGE"] {
        for name in &names {
            for row in rows(wire, &format!("{what} d{number} {name}"))? {
                offered.insert(format!(
                    "{what} {name} {}",
                    row.get(3..).unwrap_or_default().join(" ")
                ));
            }
        }
    }
    let mut verdict = Verdict {
        found: wanted.intersection(&offered).count(),
        ..Verdict::default()
    };
    verdict.missing.extend(wanted.difference(&offered).cloned());
    Ok(verdict)
}

/// The rows of a list, in words; none when it is refused.
fn rows(wire: &mut Wire, what: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let reply = wire.ask(&format!("LIST {what}"))?;
    let inner = reply.lines().filter(|line| {
        !line.starts_with("BEGIN ") && !line.starts_with("END ") && !line.starts_with("ERR ")
    });
    Ok(inner.map(words).collect())
}
