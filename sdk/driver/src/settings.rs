//! The options of the device's configuration section.
//!
//! The host passes every option of the section; a driver asks for those it knows. Refuses to fall back to a
//! default when an option is there but wrong.

use crate::{Error, fixed};
use husk_wire::line;
use std::ops::RangeInclusive;

/// The options of one section, names in lower case; a bare flag has an empty value.
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<(String, String)>);

impl Settings {
    /// The options in the order given; a later one of the same name wins.
    pub fn new<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into().to_ascii_lowercase(), value.into()))
                .collect(),
        )
    }

    /// The value of an option, empty for a bare flag.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether an option is there at all.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A decimal number within `range`, whose bounds are told with one decimal.
    ///
    /// # Errors
    /// [`Error::BadSetting`] when it is there and is not one.
    pub fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Error> {
        self.parsed(
            name,
            |text| line::number(text).filter(|value| range.contains(value)),
            || {
                let bound = |value: f64| fixed(value, 1).0.unwrap_or_default();
                format!(
                    "a number from {} to {}",
                    bound(*range.start()),
                    bound(*range.end())
                )
            },
        )
    }

    /// A whole number within `range`.
    ///
    /// # Errors
    /// [`Error::BadSetting`] when it is there and is not one.
    pub fn whole(&self, name: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, Error> {
        self.parsed(
            name,
            |text| line::whole(text).filter(|value| range.contains(value)),
            || format!("a whole number from {} to {}", range.start(), range.end()),
        )
    }

    /// One of the words of a table, by name.
    ///
    /// # Errors
    /// [`Error::BadSetting`] when it is there and is none of them.
    pub fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Error> {
        let find = |text: &str| {
            words
                .iter()
                .find(|(word, _)| word.eq_ignore_ascii_case(text))
                .map(|(_, meaning)| *meaning)
        };
        self.parsed(name, find, || {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("one of {}", words.join(", "))
        })
    }

    /// An option read by `parse`, whose refusal becomes an error that says what was expected.
    ///
    /// # Errors
    /// [`Error::BadSetting`] when it is there and `parse` refuses it.
    pub fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: impl FnOnce() -> String,
    ) -> Result<Option<T>, Error> {
        self.get(name)
            .map(|text| {
                parse(text.trim()).ok_or_else(|| Error::BadSetting {
                    name: name.to_owned(),
                    expected: expected(),
                })
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_is_an_error_and_an_absent_one_is_none() {
        let settings = Settings::new([
            ("Port", "/dev/x"),
            ("ondelay", "180"),
            ("ondelay", "3x"),
            ("flag", ""),
        ]);
        assert_eq!(settings.get("port"), Some("/dev/x"));
        assert!(settings.flag("FLAG") && !settings.flag("other"));
        assert_eq!(settings.whole("offdelay", 0..=9), Ok(None));
        assert_eq!(
            settings.whole("ondelay", 0..=600),
            Err(Error::BadSetting {
                name: "ondelay".into(),
                expected: "a whole number from 0 to 600".into()
            })
        );
        let settings = Settings::new([("x", "12.5"), ("y", "600"), ("p", "Q1")]);
        assert_eq!(settings.number("x", 0.0..=20.0), Ok(Some(12.5)));
        assert!(settings.number("x", 0.0..=12.0).is_err());
        assert!(settings.whole("y", 0..=599).is_err());
        assert_eq!(
            settings.choice("p", &[("megatec", 1), ("q1", 2)]),
            Ok(Some(2))
        );
        assert!(settings.choice("p", &[("megatec", 1)]).is_err());
    }
}
