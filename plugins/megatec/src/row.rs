//! The rows dialects are made of: each reads aloud as a sentence.
//!
//! ```text
//! at(1, 5).number(var::INPUT_VOLTAGE, VOLTS),
//! at(17, 26).text(var::DEVICE_MODEL),
//! at(63, 64).word(var::UPS_TYPE, &[("00", "offline"), ("10", "online")]),
//! at(39, 39).bit(&[], &[Says::Is(word::LB)]),
//! at(80, 85).number(var::BATTERY_RUNTIME, &["000000"]).times(60.0),
//! rest(1).by(capabilities),
//! ```
//!
//! Columns count bytes from 0, inclusive, the first byte of the answer included. A field of digits ends at a blank or at
//! the end of the line; with dashes for digits its value is unknown.
//!
//! Refuses to guess: what is in a column and of none of its shapes is odd, and `answer` says what becomes of it.

use crate::picture::Picture;
use husk_driver::{Var, Word};

/// What is in some columns of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) from: usize,
    /// `None`: to the end of the line.
    pub(crate) to: Option<usize>,
    pub(crate) means: Means,
}

/// What is made of the columns.
#[derive(Clone, Copy)]
pub(crate) enum Means {
    Number(Number),
    /// Text without the blanks and hashes around it; nothing left is unknown.
    Text(&'static str),
    /// One of these texts and the value it stands for; with no value it is known to mean nothing.
    Word(&'static str, Words),
    /// `0` and what it says, `1` and what it says.
    Bit(&'static [Says], &'static [Says]),
    /// One letter and what it says.
    Letter(&'static [(u8, &'static [Says])]),
    /// What this function makes of it.
    By(By),
    /// Nothing: whatever stands before has to end here.
    End,
}

/// A number and the variable it is.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) name: &'static str,
    /// How the field may look, `0` for any digit.
    pub(crate) shapes: Shapes,
    /// Decimals published; `None`: as many as the device sent.
    pub(crate) decimals: Option<u8>,
    /// The variable's unit in units of the field.
    pub(crate) times: f64,
    /// A zero is a device that does not know.
    pub(crate) zero_is_unknown: bool,
    /// Something other than a blank may follow.
    pub(crate) joined: bool,
}

pub(crate) type Shapes = &'static [&'static str];
pub(crate) type Words = &'static [(&'static str, &'static str)];
/// Takes the text of the columns into the picture; `None`: the text is none of this protocol.
pub(crate) type By = fn(&str, &mut Picture) -> Option<()>;

/// What a flag or a letter says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Says {
    /// Mains are there, or not.
    Mains(bool),
    /// A word of the status.
    Is(Word),
    /// Something is wrong.
    Alarm(&'static str),
    /// A variable has this value.
    Value(Var, &'static str),
    /// The device is about to switch off.
    ShuttingDown,
    /// The load is on bypass, or the voltage is trimmed or boosted: the voltages tell which.
    Regulating,
    /// Something that other rows and asks look at; see [`Picture::noted`].
    Note(&'static str),
}

/// Columns, not yet said what of.
#[derive(Clone, Copy)]
pub(crate) struct Columns(usize, Option<usize>);

/// Columns `from` to `to`.
pub(crate) const fn at(from: usize, to: usize) -> Columns {
    Columns(from, Some(to))
}

/// Column `from` and all that follow.
pub(crate) const fn rest(from: usize) -> Columns {
    Columns(from, None)
}

/// What stands before ends before this column: a blank, or the end of the line.
pub(crate) const fn end(column: usize) -> Row {
    Row {
        from: column,
        to: None,
        means: Means::End,
    }
}

impl Columns {
    /// A number.
    pub(crate) const fn number(self, name: Var, shapes: Shapes) -> Row {
        self.number_named(name.as_str(), shapes)
    }

    /// As [`number`](Columns::number), for names with a phase in them and names of this family alone.
    pub(crate) const fn number_named(self, name: &'static str, shapes: Shapes) -> Row {
        self.row(Means::Number(Number {
            name,
            shapes,
            decimals: None,
            times: 1.0,
            zero_is_unknown: false,
            joined: false,
        }))
    }

    /// Text.
    pub(crate) const fn text(self, name: Var) -> Row {
        self.text_named(name.as_str())
    }

    /// As [`text`](Columns::text), for names of this family alone.
    pub(crate) const fn text_named(self, name: &'static str) -> Row {
        self.row(Means::Text(name))
    }

    /// One of a few texts.
    pub(crate) const fn word(self, name: Var, words: Words) -> Row {
        self.word_named(name.as_str(), words)
    }

    /// As [`word`](Columns::word), for names with a number in them and names of this family alone.
    pub(crate) const fn word_named(self, name: &'static str, words: Words) -> Row {
        self.row(Means::Word(name, words))
    }

    /// A flag.
    pub(crate) const fn bit(self, zero: &'static [Says], one: &'static [Says]) -> Row {
        self.row(Means::Bit(zero, one))
    }

    /// A letter.
    pub(crate) const fn letter(self, letters: &'static [(u8, &'static [Says])]) -> Row {
        self.row(Means::Letter(letters))
    }

    /// What no row can say.
    pub(crate) const fn by(self, by: By) -> Row {
        self.row(Means::By(by))
    }

    const fn row(self, means: Means) -> Row {
        Row {
            from: self.0,
            to: self.1,
            means,
        }
    }
}

/// What is said of a number says nothing of other rows.
impl Row {
    /// Published with so many decimals, however many were sent.
    pub(crate) const fn decimals(self, decimals: u8) -> Self {
        match self.means {
            Means::Number(number) => self.meaning(Number {
                decimals: Some(decimals),
                ..number
            }),
            _ => self,
        }
    }

    /// The field counts in another unit than the variable: the number is multiplied.
    pub(crate) const fn times(self, times: f64) -> Self {
        match self.means {
            Means::Number(number) => self.meaning(Number { times, ..number }),
            _ => self,
        }
    }

    /// Zero is a device that does not know.
    pub(crate) const fn unless_zero(self) -> Self {
        match self.means {
            Means::Number(number) => self.meaning(Number {
                zero_is_unknown: true,
                ..number
            }),
            _ => self,
        }
    }

    /// Something other than a blank follows.
    pub(crate) const fn joined(self) -> Self {
        match self.means {
            Means::Number(number) => self.meaning(Number {
                joined: true,
                ..number
            }),
            _ => self,
        }
    }

    const fn meaning(self, number: Number) -> Self {
        Self {
            means: Means::Number(number),
            ..self
        }
    }
}

/// Volts of a line.
pub(crate) const VOLTS: Shapes = &["000.0"];
pub(crate) const HERTZ: Shapes = &["00.0"];
/// Three digits: percent, amperes, minutes, whole volts.
pub(crate) const WHOLE: Shapes = &["000"];
/// Volts of a battery: of the whole string (27.4; 216. has no room for a decimal), or of one cell of it (2.27).
pub(crate) const BATTERY: Shapes = &["00.0", "0.00", "000."];
/// Volts of a battery in five columns.
pub(crate) const STRING: Shapes = &["000.0", "00.00"];
pub(crate) const CELSIUS: Shapes = &["00.0"];
/// Whole amperes by the sheet; small units send 3.6. A 4 that turned into a point cannot be told from that.
pub(crate) const AMPERES: Shapes = &["000", "0.0"];
