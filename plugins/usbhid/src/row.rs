//! The rows makers' tables are made of: each reads aloud as a sentence.
//!
//! ```text
//! show(var::BATTERY_CHARGE_LOW, "PS.RemainingCapacityLimit").writable(),
//! show(var::BATTERY_TEMPERATURE, "BS.Battery.Temperature").in_kelvin(),
//! show(var::UPS_BEEPER_STATUS, "PS.AudibleAlarmControl").as_word(words::BEEPER),
//! show(var::UPS_TIMER_START, "Output.DelayBeforeStartup").often(),
//! show(var::BATTERY_VOLTAGE, "PS.Voltage").where_so(battery_is_measured),
//! keep(var::UPS_DELAY_START, "Output.DelayBeforeStartup", Kept::OnDelay),
//! flag("PSS.ACPresent", Fact::Online).often(),
//! flag("PSS.BatteryPresent", Fact::NoBattery).inverted(),
//! tell(cmd::TEST_BATTERY_STOP, "BS.Battery.Test", Sends::Value(3)),
//! ```
//!
//! A path is short for one beneath `UPS`: `PS.` stands for `PowerSummary.`, `PSS.` for `PowerSummary.PresentStatus.`,
//! `PC.` for `PowerConverter.`, `BS.` for `BatterySystem.`, `OS.` for `OutletSystem.`; one that begins with `/` is whole.
//!
//! Refuses to hold code: what a number cannot say, a named function of the maker does.

use crate::device::Look;
use crate::status::{Fact, Facts};
use husk_driver::{Cmd, Value, Var};

/// One variable and where it comes from. Several rows of one variable stand together, and the first that the device
/// answers counts.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The variable.
    pub(crate) name: &'static str,
    /// The short path of the field.
    pub(crate) path: &'static str,
    /// How the number becomes the variable's text.
    pub(crate) shown: Shown,
    /// Read at each poll instead of each `pollfreq`.
    pub(crate) often: bool,
    /// Whether clients may write it.
    pub(crate) writable: bool,
    /// Which devices of the maker it is for; the others go on with the next row of the variable.
    pub(crate) applies: fn(&mut Look<'_>) -> bool,
}

/// How a field's value becomes text.
#[derive(Clone, Copy)]
pub(crate) enum Shown {
    /// The number times a factor, with as many decimals as the variable's unit wants.
    Number(f64),
    /// Degrees Celsius of kelvins.
    Kelvin,
    /// One of the words; a number not listed is unknown.
    Word(Words),
    /// Year, month and day in 16 bits (Smart Battery Data 1.1 §5.1.26): `2024/03/31`.
    Date,
    /// The string descriptor of this number.
    Text,
    /// What this function makes of it; it cannot be written.
    By(Show),
    /// What these functions make of it and of what is written.
    Both(Show, Take),
    /// Not from the device: the device having the field, the driver keeps the value.
    Kept(Kept),
}

/// Numbers and their words; of two equal words the first is written.
pub(crate) type Words = &'static [(i64, &'static str)];
/// Makes a variable's text of a field's value; `None` is unknown.
pub(crate) type Show = fn(&mut Look<'_>, f64) -> Option<Value>;
/// Makes a field's value of the text a client writes; `None`: the device does not take it.
pub(crate) type Take = fn(&mut Look<'_>, &str) -> Option<f64>;

/// A value that the driver keeps for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Seconds until the load is cut: the setting `offdelay`.
    OffDelay,
    /// Seconds until the load is fed again: the setting `ondelay`.
    OnDelay,
    /// A name for an outlet.
    Text(&'static str),
}

/// A variable shown as the number in the field.
pub(crate) const fn show(name: Var, path: &'static str) -> Row {
    show_named(name.as_str(), path)
}

/// As [`show`], for names with an index in them and names of this maker alone.
pub(crate) const fn show_named(name: &'static str, path: &'static str) -> Row {
    Row {
        name,
        path,
        shown: Shown::Number(1.0),
        often: false,
        writable: false,
        applies: |_| true,
    }
}

/// A variable kept by the driver for devices that have the field.
pub(crate) const fn keep(name: Var, path: &'static str, kept: Kept) -> Row {
    keep_named(name.as_str(), path, kept)
}

/// As [`keep`], for names with an index in them.
pub(crate) const fn keep_named(name: &'static str, path: &'static str, kept: Kept) -> Row {
    Row {
        shown: Shown::Kept(kept),
        writable: true,
        ..show_named(name, path)
    }
}

impl Row {
    /// It is read at each poll.
    pub(crate) const fn often(self) -> Self {
        Self {
            often: true,
            ..self
        }
    }

    /// Clients may write it.
    pub(crate) const fn writable(self) -> Self {
        Self {
            writable: true,
            ..self
        }
    }

    /// Only devices of which this is so have it.
    pub(crate) const fn where_so(self, applies: fn(&mut Look<'_>) -> bool) -> Self {
        Self { applies, ..self }
    }

    /// The field counts in another unit than the variable: the number is multiplied by `factor`.
    pub(crate) const fn times(self, factor: f64) -> Self {
        self.shown(Shown::Number(factor))
    }

    /// The field is in kelvins.
    pub(crate) const fn in_kelvin(self) -> Self {
        self.shown(Shown::Kelvin)
    }

    /// The number stands for a word.
    pub(crate) const fn as_word(self, words: Words) -> Self {
        self.shown(Shown::Word(words))
    }

    /// The number is a packed date.
    pub(crate) const fn as_date(self) -> Self {
        self.shown(Shown::Date)
    }

    /// The number is that of a string descriptor.
    pub(crate) const fn as_text(self) -> Self {
        self.shown(Shown::Text)
    }

    /// This function says what the number means.
    pub(crate) const fn by(self, show: Show) -> Self {
        self.shown(Shown::By(show))
    }

    /// These functions say what the number means, and which number what a client writes is.
    pub(crate) const fn both(self, show: Show, take: Take) -> Self {
        self.shown(Shown::Both(show, take))
    }

    const fn shown(self, shown: Shown) -> Self {
        Self { shown, ..self }
    }
}

/// One thing that is so or not, of which status and alarms are made. Of several rows of one fact one is enough, but of
/// [`Fact::Online`] the one heard of last counts, and of those read together the last row.
#[derive(Clone, Copy)]
pub(crate) struct Flag {
    /// The short path of the field.
    pub(crate) path: &'static str,
    /// What the number says.
    pub(crate) means: Means,
    /// Read at each poll instead of each `pollfreq`.
    pub(crate) often: bool,
}

/// What the number of a flag says.
#[derive(Clone, Copy)]
pub(crate) enum Means {
    /// Not zero: it is so.
    Set(Fact),
    /// Zero: it is so.
    Cleared(Fact),
    /// What this function makes of it.
    By(fn(&mut Look<'_>, f64, &mut Facts)),
}

/// A field that is not zero when `fact` is so.
pub(crate) const fn flag(path: &'static str, fact: Fact) -> Flag {
    Flag {
        path,
        means: Means::Set(fact),
        often: false,
    }
}

/// A field whose facts a function tells.
pub(crate) const fn flag_by(path: &'static str, tell: fn(&mut Look<'_>, f64, &mut Facts)) -> Flag {
    Flag {
        path,
        means: Means::By(tell),
        often: false,
    }
}

impl Flag {
    /// It is read at each poll.
    pub(crate) const fn often(self) -> Self {
        Self {
            often: true,
            ..self
        }
    }

    /// The field is zero when the fact is so.
    pub(crate) const fn inverted(self) -> Self {
        let means = match self.means {
            Means::Set(fact) => Means::Cleared(fact),
            Means::Cleared(fact) => Means::Set(fact),
            by => by,
        };
        Self { means, ..self }
    }
}

/// One instant command and the field it writes. Of several rows of one command the first that the device answers counts.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    /// Its name.
    pub(crate) name: &'static str,
    /// The short path of the field.
    pub(crate) path: &'static str,
    /// What is written.
    pub(crate) sends: Sends,
}

/// What a command writes into its field.
#[derive(Clone, Copy)]
pub(crate) enum Sends {
    /// This number, unless the client gives one.
    Value(i32),
    /// Seconds: those the client gives, else `offdelay`.
    OffDelay,
    /// Seconds: those the client gives, else `ondelay`.
    OnDelay,
    /// What this function makes of what the client gives (`None`: nothing).
    By(fn(&mut Look<'_>, Option<&str>) -> Option<f64>),
}

/// A command that writes a field.
pub(crate) const fn tell(name: Cmd, path: &'static str, sends: Sends) -> Command {
    tell_named(name.as_str(), path, sends)
}

/// As [`tell`], for names with an index in them and names of this maker alone.
pub(crate) const fn tell_named(name: &'static str, path: &'static str, sends: Sends) -> Command {
    Command { name, path, sends }
}
