//! Values as NUT clients read them: text. A number is formatted once, here, in the row that reports it.

/// The text of one variable, or nothing when it is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value(pub(crate) Option<String>);

/// A number with so many decimals, as `%.1f` would print it: `fixed(13.2, 1)` is `13.2`, `fixed(4.6, 0)` is `5`.
///
/// Not a number, or beyond nine digits: unknown. (Devices report at most six digits; the decimals are made of whole
/// numbers because std's float formatting is a third of a small plugin.)
#[must_use]
pub fn fixed(value: f64, decimals: u8) -> Value {
    const LIMIT: f64 = 1e9;
    if !value.is_finite() || value.abs() >= LIMIT || decimals > 3 {
        return Value(None);
    }
    let scale = 10_u64.pow(u32::from(decimals));
    let scaled = (value.abs() * scale as f64).round_ties_even() as u64;
    let sign = if value < 0.0 && scaled != 0 { "-" } else { "" };
    let (whole, part) = (scaled / scale, scaled % scale);
    Value(Some(match decimals {
        0 => format!("{sign}{whole}"),
        _ => format!(
            "{sign}{whole}.{part:0width$}",
            width = usize::from(decimals)
        ),
    }))
}

impl Value {
    /// The text, unless it is unknown.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(None), Into::into)
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => { $(
        impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self(Some(value.to_string()))
            }
        }
    )* };
}
from_integers!(u8 u16 u32 u64 i32 i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_printf_does() {
        for (value, decimals, text) in [
            (13.2, 1, "13.2"),
            (50.0, 1, "50.0"),
            (0.0, 0, "0"),
            (-0.04, 1, "0.0"),
            (-1.25, 2, "-1.25"),
            (99.96, 1, "100.0"),
            (220.25, 1, "220.2"),
            (0.5, 0, "0"),
            (2.27, 2, "2.27"),
            (4.6, 0, "5"),
        ] {
            assert_eq!(fixed(value, decimals), text.into(), "{value}");
        }
        for unknown in [f64::NAN, f64::INFINITY, 1e9, -1e300] {
            assert_eq!(fixed(unknown, 1), Value(None));
        }
        assert_eq!(Value::from(None::<u32>), Value(None));
        assert_eq!(Value::from(Some(12_u32)), "12".into());
    }
}
