//! What the incumbent published for the bytes of one unit under one dialect, and how ours is held against it.

use super::Variables;
use super::compare::{Verdict, compare, same_value, same_words};
use serde_json::Value;

/// Set by options, clocks, and counters of time: never compared.
const VOLATILE: &[&str] = &[
    "driver.",
    "server.",
    "device.uptime",
    "ups.time",
    "ups.date",
    "ups.timer.",
    "ups.delay.",
    "battery.runtime.elapsed",
    "input.voltage.fault",
];

/// An expectation.
pub(super) struct Oracle {
    value: Value,
    variables: Option<Variables>,
    /// Under every dialect: judges who serves what the incumbent refused.
    known: Vec<Variables>,
    /// Which dialect the incumbent chose.
    protocol: String,
}

impl Oracle {
    /// The expectations of one unit: the incumbent's own choice (`auto`), then each dialect named.
    pub(super) fn of_unit(unit: &Value) -> Vec<(String, Self)> {
        let variants = unit
            .get("variants")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let named = variants.map(|(how, value)| (how.clone(), value.clone()));
        let runs: Vec<_> = [("auto".to_owned(), unit.clone())]
            .into_iter()
            .chain(named)
            .collect();
        let known: Vec<_> = runs
            .iter()
            .filter_map(|(_, value)| variables(value))
            .collect();
        let oracle = |(how, value): (String, Value)| {
            let protocol = value
                .get("protocol")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            (
                how,
                Self {
                    variables: variables(&value),
                    known: known.clone(),
                    protocol,
                    value,
                },
            )
        };
        runs.into_iter().map(oracle).collect()
    }

    /// Whether the incumbent served the unit at all.
    pub(super) fn serves(&self) -> bool {
        self.variables.is_some()
    }

    /// Whether the incumbent knew a status.
    pub(super) fn has_status(&self) -> bool {
        let variables = self.variables.as_ref();
        let status = variables.and_then(|variables| variables.get("ups.status"));
        status.is_some_and(|status| !status.is_empty())
    }

    /// The whole of it.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Steps of a recorded power cut.
    pub(super) fn sequence(&self) -> Option<&[Value]> {
        self.value.get("sequence")?.as_array().map(Vec::as_slice)
    }

    /// The same unit after one of these steps.
    pub(super) fn at(&self, step: &Value) -> Self {
        let protocol = self.protocol.clone();
        Self {
            value: Value::Null,
            variables: variables(step),
            known: Vec::new(),
            protocol,
        }
    }

    /// Ours against it; words in `optional` may be in a status or not.
    pub(super) fn compare(&self, served: &Variables, optional: &[&str]) -> Verdict {
        let nothing = Variables::new();
        let expected = self.variables.as_ref().unwrap_or(&nothing);
        let counted = |name: &str| counts(name) && !self.accident(name);
        compare(expected, served, counted, |name, one, other| {
            same(name, one, other, optional)
        })
    }

    /// For what the incumbent refused: right unless a value contradicts all that it says under other dialects.
    pub(super) fn contradictions(&self, served: &Variables) -> Verdict {
        let mut verdict = Verdict::default();
        for (name, value) in served
            .iter()
            .filter(|(name, _)| counts(name) && !self.accident(name))
        {
            let others: Vec<_> = self
                .known
                .iter()
                .filter_map(|known| known.get(name))
                .collect();
            if !others.is_empty() && !others.iter().any(|other| same(name, other, value, &[])) {
                verdict
                    .wrong
                    .push(format!("{name} {others:?} is served as {value:?}"));
            }
        }
        verdict.found = usize::from(verdict.wrong.is_empty());
        verdict
    }

    /// What nobody need copy: a unit of unknown make falls to a dialect whose table calls every unit "Ippon". The
    /// noughts that some units give for their ratings do count: leaving them out is our choice, and it shows as missing.
    fn accident(&self, name: &str) -> bool {
        let value = self
            .variables
            .as_ref()
            .and_then(|variables| variables.get(name))
            .map(String::as_str);
        let made_up = (name == "device.mfr" || name == "ups.mfr")
            && value.is_none_or(|value| value == "Ippon");
        self.protocol.starts_with("INNOVATAE") && made_up
    }
}

fn variables(expected: &Value) -> Option<Variables> {
    let object = expected.get("variables")?.as_object()?;
    Some(
        object
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
    )
}

/// Whether a variable is compared at all.
pub(super) fn counts(name: &str) -> bool {
    !VOLATILE.iter().any(|volatile| {
        name == *volatile || (volatile.ends_with('.') && name.starts_with(volatile))
    })
}

/// Whether a served value is as good as the expected one.
pub(super) fn same(name: &str, expected: &str, served: &str, optional: &[&str]) -> bool {
    match name {
        "ups.status" => same_words(expected, served, optional),
        // The words of an alarm are each program's own.
        "ups.alarm" => expected.is_empty() == served.is_empty(),
        _ => same_value(expected, served),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn served(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn volatile_names_and_accidents_do_not_count() {
        let unit = json!({ "protocol": "INNOVATAE 0.01", "variables": {
            "device.mfr": "Ippon", "ups.delay.start": "180", "driver.name": "x", "ups.status": "OL", "ups.load": "3",
            "ups.alarm": "one text", "input.voltage.nominal": "0",
        }});
        let (how, oracle) = Oracle::of_unit(&unit).remove(0);
        assert_eq!(how, "auto");
        let ours = served(&[
            ("ups.status", "OL CHRG"),
            ("ups.load", "3.0"),
            ("ups.alarm", "another"),
        ]);
        assert_eq!(oracle.compare(&ours, &["CHRG"]).found, 3);
        let strict = oracle.compare(&ours, &[]);
        assert_eq!(
            (strict.found, strict.missing.len(), strict.wrong.len()),
            (2, 1, 1)
        );
    }

    #[test]
    fn what_the_incumbent_refused_may_be_served_without_contradiction() {
        let unit = json!({ "refused": "no", "variants": { "protocol=q1": { "variables": { "ups.load": "3" } } } });
        let oracle = Oracle::of_unit(&unit).remove(0).1;
        assert!(!oracle.serves());
        assert_eq!(
            oracle
                .contradictions(&served(&[("ups.load", "3"), ("ups.model", "x")]))
                .found,
            1
        );
        assert_eq!(
            oracle
                .contradictions(&served(&[("ups.load", "9")]))
                .wrong
                .len(),
            1
        );
    }
}
