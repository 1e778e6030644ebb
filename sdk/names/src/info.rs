//! What the tables say about a name, the typed names, and the macros the tables are written in.
//!
//! The macros make the row and the constant from one line, so that they cannot disagree, and end the description
//! with the unit, so that it is written once.

use std::fmt;

/// One variable of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VarInfo {
    /// The name, without the index where it may have one (`outlet.status` for `outlet.3.status`); a number that is
    /// always there is `#` (`ambient.contacts.#.status`).
    pub name: &'static str,
    /// What the value is counted in.
    pub unit: Unit,
    /// Devices commonly let clients write it.
    pub writable: bool,
    /// What it means, one line of ASCII that ends in the unit.
    pub text: &'static str,
}

/// One instant command of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmdInfo {
    /// The name; a number is `#`.
    pub name: &'static str,
    /// What it does, one line of ASCII.
    pub text: &'static str,
    /// It can cut or restore the power of a load.
    pub dangerous: bool,
}

/// One word of `ups.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusInfo {
    /// The word.
    pub word: &'static str,
    /// What it says about the device, one line of ASCII.
    pub text: &'static str,
}

/// What a value is counted in, or how it is written when it is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of units say it all")]
pub enum Unit {
    Volt,
    Ampere,
    Hertz,
    VoltAmpere,
    Watt,
    Percent,
    Celsius,
    Second,
    Minute,
    AmpereHour,
    /// An angle.
    Degree,
    /// A whole number of things.
    Count,
    /// A number without a unit, as a power factor.
    Ratio,
    YesNo,
    OnOff,
    EnabledDisabled,
    /// `YYYY-MM-DD` at best; devices give what they have.
    Date,
    /// Not to be parsed.
    Text,
    /// One or more words of a known set.
    Words,
}

impl Unit {
    /// The value is a decimal number.
    pub const fn is_number(self) -> bool {
        !matches!(
            self,
            Unit::YesNo
                | Unit::OnOff
                | Unit::EnabledDisabled
                | Unit::Date
                | Unit::Text
                | Unit::Words
        )
    }
}

macro_rules! typed_name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub(crate) &'static str);

        impl $type {
            /// The name as it is written on the wire.
            pub const fn as_str(self) -> &'static str {
                self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.0
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0.to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    };
}

typed_name! {
    /// The name of a variable, from [`crate::var`].
    Var
}
typed_name! {
    /// The name of an instant command, from [`crate::cmd`].
    Cmd
}
typed_name! {
    /// A word of `ups.status`, from [`crate::word`].
    Word
}

/// The rows of one domain: constant, name, unit, `ro` or `rw`, description without the unit; those with `#` in brackets.
macro_rules! variables {
    ($($id:ident $name:literal $unit:ident $access:ident $text:literal;)*
     $([$($pattern:literal $punit:ident $paccess:ident $ptext:literal;)*])?) => {
        $(
            #[doc = concat!("`", $name, "`: ", $crate::info::with_unit!($unit $text), ".")]
            pub const $id: $crate::Var = $crate::Var($name);
        )*
        pub(crate) const ROWS: &[$crate::VarInfo] = &[
            $($crate::info::row!($name $unit $access $text),)*
            $($($crate::info::row!($pattern $punit $paccess $ptext),)*)?
        ];
    };
}

macro_rules! row {
    ($name:literal $unit:ident $access:ident $text:literal) => {
        $crate::VarInfo {
            name: $name,
            unit: $crate::Unit::$unit,
            writable: $crate::info::is_writable!($access),
            text: $crate::info::with_unit!($unit $text),
        }
    };
}

macro_rules! is_writable {
    (ro) => {
        false
    };
    (rw) => {
        true
    };
}

/// ASCII only, because NUT's lexer drops the rest: degrees are spelt out.
macro_rules! with_unit {
    (Volt $text:literal) => {
        concat!($text, " (V)")
    };
    (Ampere $text:literal) => {
        concat!($text, " (A)")
    };
    (Hertz $text:literal) => {
        concat!($text, " (Hz)")
    };
    (VoltAmpere $text:literal) => {
        concat!($text, " (VA)")
    };
    (Watt $text:literal) => {
        concat!($text, " (W)")
    };
    (Percent $text:literal) => {
        concat!($text, " (%)")
    };
    (Celsius $text:literal) => {
        concat!($text, " (degrees C)")
    };
    (Second $text:literal) => {
        concat!($text, " (seconds)")
    };
    (Minute $text:literal) => {
        concat!($text, " (minutes)")
    };
    (AmpereHour $text:literal) => {
        concat!($text, " (Ah)")
    };
    (Degree $text:literal) => {
        concat!($text, " (degrees)")
    };
    (YesNo $text:literal) => {
        concat!($text, " (yes or no)")
    };
    (OnOff $text:literal) => {
        concat!($text, " (on or off)")
    };
    (EnabledDisabled $text:literal) => {
        concat!($text, " (enabled or disabled)")
    };
    ($unit:ident $text:literal) => {
        $text
    };
}

pub(crate) use {is_writable, row, variables, with_unit};
