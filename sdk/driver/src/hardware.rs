//! The devices a driver is known to be for, and from what that is known.
//!
//! ```text
//! const HARDWARE: &'static [Hardware] = &[
//!     Hardware::recorded("APC", &["Back-UPS ES 850G2"], "051d:0002"),
//!     Hardware::documented("Sweex", &["1000VA UPS"], "upstype = 7").status_only(),
//! ];
//! ```
//!
//! Refuses to be a wish list: a row needs a recording in the tests, a document, or a likeness that its author stands for.

/// Devices of one maker that are one to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Who sells them.
    pub maker: &'static str,
    /// As their maker calls them, at least one.
    pub models: &'static [&'static str],
    /// What tells them or what they need, for people: `051d:0002`, `upstype = 7`; may be empty.
    pub hint: &'static str,
    /// How much of them is served.
    pub support: Support,
    /// From what that is known.
    pub evidence: Evidence,
}

/// How much of a device's own abilities is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// All that is known of it: values, status, commands, settings.
    Full,
    /// Some values or commands that the device has are not.
    Partial,
    /// It tells no more than on line, on battery, battery low and the like.
    StatusOnly,
}

/// How it is known that a device works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Bytes recorded from such a device are replayed in the driver's tests.
    Recording,
    /// A document of its protocol, or values that another driver has published for it.
    Document,
    /// It is like a device that is known.
    Untested,
}

impl Hardware {
    /// Devices whose recorded bytes are replayed in the tests, served in full.
    #[must_use]
    pub const fn recorded(
        maker: &'static str,
        models: &'static [&'static str],
        hint: &'static str,
    ) -> Self {
        Self {
            maker,
            models,
            hint,
            support: Support::Full,
            evidence: Evidence::Recording,
        }
    }

    /// Devices known from documents or from what another driver published, served in full.
    #[must_use]
    pub const fn documented(
        maker: &'static str,
        models: &'static [&'static str],
        hint: &'static str,
    ) -> Self {
        Self {
            evidence: Evidence::Document,
            ..Self::recorded(maker, models, hint)
        }
    }

    /// Devices that are like others that are known, served in full as far as they are.
    #[must_use]
    pub const fn untested(
        maker: &'static str,
        models: &'static [&'static str],
        hint: &'static str,
    ) -> Self {
        Self {
            evidence: Evidence::Untested,
            ..Self::recorded(maker, models, hint)
        }
    }

    /// Has the build fail over a table with a row that names no maker, no model, or one without letters; `export!` asks.
    ///
    /// # Panics
    /// Then, and so before there is a program.
    pub const fn check(mut table: &[Self]) {
        while let [row, others @ ..] = table {
            assert!(!row.maker.is_empty(), "a row of HARDWARE has no maker");
            assert!(!row.models.is_empty(), "a row of HARDWARE has no models");
            let mut models = row.models;
            while let [model, more @ ..] = models {
                assert!(!model.is_empty(), "a model of HARDWARE has no name");
                models = more;
            }
            table = others;
        }
    }

    /// The same, served in part.
    #[must_use]
    pub const fn partly(self) -> Self {
        Self {
            support: Support::Partial,
            ..self
        }
    }

    /// The same, where there is nothing but the status.
    #[must_use]
    pub const fn status_only(self) -> Self {
        Self {
            support: Support::StatusOnly,
            ..self
        }
    }
}

impl Support {
    /// As it is shown: `full`, `partial`, `status only`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::StatusOnly => "status only",
        }
    }
}

impl Evidence {
    /// As it is shown: `recording`, `document`, `untested`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Document => "document",
            Self::Untested => "untested",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_table_with_a_nameless_row_is_refused_wherever_it_stands() {
        let good = Hardware::recorded("A", &["1", "2"], "");
        Hardware::check(&[good, good]);
        for bad in [
            Hardware::recorded("", &["1"], ""),
            Hardware::recorded("A", &[], ""),
            Hardware::recorded("A", &["1", ""], ""),
        ] {
            let refused = std::panic::catch_unwind(|| Hardware::check(&[good, bad]));
            let why = refused.unwrap_err();
            assert!(why.downcast_ref::<&str>().unwrap().contains("HARDWARE"));
        }
    }
}
