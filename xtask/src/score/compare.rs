//! When a served value is the expected one.

use super::Variables;

/// What became of the expected variables of one device, or of many.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Right ones.
    pub(super) found: usize,
    /// Names that were not served.
    pub(super) missing: Vec<String>,
    /// Name, expectation and what was served instead.
    pub(super) wrong: Vec<String>,
    /// Names that nobody expected.
    pub(super) extra: Vec<String>,
}

impl Verdict {
    /// Adds another device's.
    pub(super) fn add(&mut self, other: Self) {
        self.found += other.found;
        self.missing.extend(other.missing);
        self.wrong.extend(other.wrong);
        self.extra.extend(other.extra);
    }

    /// Judges one variable by `same`.
    pub(super) fn judge(
        &mut self,
        name: &str,
        expected: &str,
        served: Option<&String>,
        same: bool,
    ) {
        match served {
            None => self.missing.push(name.to_owned()),
            Some(_) if same => self.found += 1,
            Some(value) => self
                .wrong
                .push(format!("{name} {expected:?} is served as {value:?}")),
        }
    }
}

/// Judges every expected variable that `counts`; `same` gets name, expectation and value.
pub(super) fn compare(
    expected: &Variables,
    served: &Variables,
    counts: impl Fn(&str) -> bool,
    same: impl Fn(&str, &str, &str) -> bool,
) -> Verdict {
    let mut verdict = Verdict::default();
    for (name, value) in expected.iter().filter(|(name, _)| counts(name)) {
        let got = served.get(name);
        verdict.judge(
            name,
            value,
            got,
            got.is_some_and(|got| same(name, value, got)),
        );
    }
    let unexpected = served
        .keys()
        .filter(|name| counts(name) && !expected.contains_key(*name));
    verdict.extra = unexpected.cloned().collect();
    verdict
}

/// Equal as numbers when both are: within 0.05 or half of the last digit of the coarser one; else equal as text.
pub(super) fn same_value(expected: &str, served: &str) -> bool {
    if let (Ok(one), Ok(other)) = (expected.trim().parse::<f64>(), served.trim().parse::<f64>()) {
        let decimals = decimals(expected).min(decimals(served));
        let half = 0.5 * 10f64.powi(-i32::try_from(decimals).unwrap_or(0));
        // A whole number may stand for any that rounds to it.
        return (one - other).abs() <= half.max(0.05) + 1e-9;
    }
    expected.trim_end() == served.trim_end()
}

fn decimals(number: &str) -> usize {
    number
        .trim()
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len())
}

/// Equal as sets of words, those in `optional` aside.
pub(super) fn same_words(expected: &str, served: &str, optional: &[&str]) -> bool {
    let set = |text: &str| {
        let mut words: Vec<_> = text
            .split_whitespace()
            .filter(|word| !optional.contains(word))
            .map(str::to_owned)
            .collect();
        words.sort();
        words.dedup();
        words
    };
    set(expected) == set(served)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_words_and_text() {
        assert!(
            same_value("100", "100.0") && same_value("50", "49.9") && same_value("12.6", "12.60")
        );
        assert!(
            !same_value("12.6", "12.7") && !same_value("50", "50.9") && !same_value("on", "off")
        );
        assert!(same_value("text ", "text") && !same_value("Text", "text"));
        assert!(
            same_words("OL CHRG", "CHRG OL OL", &[]) && same_words("OL", "ALARM OL", &["ALARM"])
        );
        assert!(!same_words("OL", "ALARM OL", &[]));
    }

    #[test]
    fn found_missing_wrong_and_more_are_told_apart() {
        let map = |pairs: &[(&str, &str)]| -> Variables {
            pairs
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        let expected = map(&[("a", "1"), ("b", "2"), ("c", "3"), ("driver.name", "x")]);
        let served = map(&[("a", "1.0"), ("b", "5"), ("d", "4")]);
        let verdict = compare(
            &expected,
            &served,
            |name| !name.starts_with("driver."),
            |_, one, other| same_value(one, other),
        );
        assert_eq!(
            (verdict.found, verdict.missing.len(), verdict.wrong.len()),
            (1, 1, 1)
        );
        assert_eq!(verdict.extra, ["d"]);
    }
}
