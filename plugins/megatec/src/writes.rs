//! Variables that are written into the device, and settings of the section that are.
//!
//! Refuses a value the device was not said to take, before it is bothered.

use crate::dialect::addressed;
use crate::picture::Picture;
use husk_driver::wire::line;
use husk_driver::{Error, Var};

/// One thing that can be written.
#[derive(Clone, Copy)]
pub(crate) struct Write {
    /// The variable, or the setting of the section.
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    /// The line for a value that is allowed; `None`: the device does not take it now.
    pub(crate) sends: fn(&str, &Picture) -> Option<String>,
    /// Whether the device has it, by what it has answered.
    pub(crate) only: fn(&Picture) -> bool,
    /// The unit's address is part of the line.
    pub(crate) addressed: bool,
    /// It is no variable: written once, when the device is opened, if the section has a value for it.
    pub(crate) by_section: bool,
}

/// The values that may be written.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    Choices(&'static [&'static str]),
    /// The words of a note that the device gave: one of them per value.
    Listed(fn(&Picture) -> Vec<String>),
    /// A number from one to the other; they may depend on what the device is. `None`: it cannot be written.
    Range(fn(&Picture) -> Option<(i64, i64)>),
    /// Nothing: having the setting in the section is enough.
    Flag,
    /// Seconds of any number.
    Seconds,
}

/// A variable that is written.
pub(crate) const fn write(
    name: Var,
    takes: Takes,
    sends: fn(&str, &Picture) -> Option<String>,
) -> Write {
    write_named(name.as_str(), takes, sends)
}

/// As [`write()`], for names with a number in them.
pub(crate) const fn write_named(
    name: &'static str,
    takes: Takes,
    sends: fn(&str, &Picture) -> Option<String>,
) -> Write {
    Write {
        name,
        takes,
        sends,
        only: |_| true,
        addressed: false,
        by_section: false,
    }
}

/// A setting of the section that is written into the device when it is opened.
pub(crate) const fn setting(
    name: &'static str,
    takes: Takes,
    sends: fn(&str, &Picture) -> Option<String>,
) -> Write {
    Write {
        by_section: true,
        ..write_named(name, takes, sends)
    }
}

impl Write {
    /// Only devices of which this holds have it.
    pub(crate) const fn only(self, only: fn(&Picture) -> bool) -> Self {
        Self { only, ..self }
    }

    /// The unit's address is part of the line.
    pub(crate) const fn addressed(self) -> Self {
        Self {
            addressed: true,
            ..self
        }
    }

    /// The line that writes a value.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a value that the device does not take, [`Error::Failed`] for one it cannot take now.
    pub(crate) fn request(&self, value: &str, picture: &Picture) -> Result<String, Error> {
        self.takes.check(value, picture)?;
        let line = (self.sends)(value, picture)
            .ok_or_else(|| Error::Failed(format!("{} cannot be set now", self.name)))?;
        Ok(addressed(&line, self.addressed, picture))
    }
}

impl Takes {
    fn check(&self, value: &str, picture: &Picture) -> Result<(), Error> {
        let expected = match self {
            Self::Choices(choices) if choices.contains(&value) => return Ok(()),
            Self::Choices(choices) => format!("one of {}", choices.join(", ")),
            Self::Listed(list) => {
                let list = list(picture);
                if list.iter().any(|one| one == value) {
                    return Ok(());
                }
                format!("one of {}", list.join(", "))
            }
            Self::Range(range) => {
                let Some((least, most)) = range(picture) else {
                    return Err(Error::Unsupported);
                };
                let inside = |number: f64| least as f64 <= number && number <= most as f64;
                if line::number(value).is_some_and(inside) {
                    return Ok(());
                }
                format!("a number from {least} to {most}")
            }
            Self::Flag => return Ok(()),
            Self::Seconds if line::whole(value).is_some() => return Ok(()),
            Self::Seconds => "a whole number of seconds".to_owned(),
        };
        Err(Error::InvalidArgument(format!("it takes {expected}")))
    }
}
