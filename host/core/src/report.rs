//! What a driver says: one poll's [`Update`], or why there is none ([`Failure`]).
//!
//! This is the border's vocabulary in plain types, the same on both sides of the engine. [`Update::check`] is where a
//! plugin's answer stops being trusted: it refuses names, values and amounts outside the table of bounds
//! ([`limits`]) and never repairs them, because half a report is a wrong report.
//! Value rules: NUT's record document for variables (RFC 9271 §5 names it), contract in `wit/v0.1/types.wit`.

use std::fmt;
use std::time::Duration;

/// Every bound on a report, in one table.
pub mod limits {
    use std::time::Duration;

    /// Bytes in the name of a variable or command. NUT holds 255; the longest known name has 43.
    pub const NAME: usize = 128;
    /// Bytes in a value: NUT clients and servers keep values in 256-byte buffers with a terminating zero.
    pub const VALUE: usize = 255;
    /// Variables per device. A metered PDU with 48 outlets has 1700, and two of them in a chain 3400.
    pub const VARIABLES: usize = 4096;
    /// Instant commands per device: 48 outlets with six commands each, six such PDUs in a chain, and the common ones.
    pub const COMMANDS: usize = 2048;
    /// Words a variable may be set to; the longest known list (languages) has 31.
    pub const CHOICES: usize = 128;
    /// Ranges a number may lie in; two are known in the field.
    pub const RANGES: usize = 16;
    /// Words in a status, and bytes in one: together they still are one value.
    pub const STATUS_WORDS: usize = 32;
    /// Bytes in one status word.
    pub const STATUS_WORD: usize = 64;
    /// Alarms at a time; the joined text is cut to [`VALUE`] bytes anyway.
    pub const ALARMS: usize = 64;
    /// A driver may not ask to be polled more often than this.
    pub const SHORTEST_WAIT: Duration = Duration::from_millis(50);
    /// Nor less often: an hour without a look at the device is no supervision.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);
}

/// What changed since the last update; the first update of an instance is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// Forget every variable, trait and command that this update does not name.
    pub complete: bool,
    /// Variables with their values as clients will read them, unquoted.
    pub set: Vec<(String, String)>,
    /// Variables that are unknown from now on.
    pub clear: Vec<String>,
    /// How variables may be written; each replaces an earlier record of the same name.
    pub traits: Vec<Traits>,
    /// Status words, without what the host composes (ALARM, LB of `ignorelb`, charge trends).
    pub status: Option<Vec<String>>,
    /// Alarm sentences; an empty list clears the alarm.
    pub alarms: Option<Vec<String>>,
    /// The instant commands the device takes now.
    pub commands: Option<Vec<String>>,
    /// When to poll next; absent: the configured interval. See [`Update::wait`].
    pub next: Option<Duration>,
    /// Poll early when the port turns readable.
    pub wake_on_readable: bool,
}

/// How clients may write one variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// The variable.
    pub name: String,
    /// Clients may set it.
    pub writable: bool,
    /// What its value is.
    pub kind: Kind,
    /// Every value that may be written, in the device's order; empty: no list.
    pub choices: Vec<String>,
    /// Inclusive ranges a written number must lie in; empty: no range.
    pub ranges: Vec<(i64, i64)>,
}

/// What kind of value a variable holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// No promise made; clients are told NUMBER, as the protocol does.
    #[default]
    Unspecified,
    /// A decimal number, perhaps signed, perhaps with a fraction.
    Number,
    /// Text of at most so many bytes when written.
    Text(u32),
}

/// Why a call into a driver gave no answer. Its `Display` is a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The device did not answer in time.
    Timeout,
    /// The device answered something that is not its protocol.
    Protocol(String),
    /// The port is gone; it is opened again, and then the driver.
    Lost,
    /// Probing found a device that this driver is not for.
    NotMine(String),
    /// The device has no such command, variable or feature.
    Unsupported,
    /// The value given is not one the device takes.
    InvalidArgument(String),
    /// The device understood and refused.
    Failed(String),
    /// A setting of the configuration section is wrong.
    BadSetting {
        /// The setting.
        name: String,
        /// What it should have been.
        expected: String,
    },
    /// Anything else, in the driver's words.
    Other(String),
    /// The plugin trapped, broke a limit or reported garbage: its instance is gone.
    Crashed(String),
}

/// Why a driver is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It is time.
    Interval,
    /// The port turned readable.
    Readable,
    /// The operator changed settings.
    SettingsChanged,
}

impl Update {
    /// How long to wait until the next poll: what the driver asked for within [`limits`], else `usual`.
    pub fn wait(&self, usual: Duration) -> Duration {
        self.next.map_or(usual, |asked| {
            asked.clamp(limits::SHORTEST_WAIT, limits::LONGEST_WAIT)
        })
    }

    /// Refuses a report that breaks a bound or a rule of the value formats.
    ///
    /// # Errors
    /// The first thing wrong, as a phrase that names it.
    pub fn check(&self) -> Result<(), String> {
        at_most("variables", self.set.len(), limits::VARIABLES)?;
        at_most("cleared variables", self.clear.len(), limits::VARIABLES)?;
        at_most("variable traits", self.traits.len(), limits::VARIABLES)?;
        for (name, value) in &self.set {
            named("variable", name)?;
            valued(name, value)?;
        }
        self.clear
            .iter()
            .try_for_each(|name| named("cleared variable", name))?;
        for traits in &self.traits {
            traits.check()?;
            let set = self
                .set
                .iter()
                .rfind(|(name, _)| name.eq_ignore_ascii_case(&traits.name));
            if let Some((name, value)) = set.filter(|(_, value)| !traits.kind.admits(value)) {
                return Err(format!("the value {value:?} of the number {name}"));
            }
        }
        let commands = self.commands.as_deref().unwrap_or_default();
        at_most("commands", commands.len(), limits::COMMANDS)?;
        commands
            .iter()
            .try_for_each(|name| named("command", name))?;
        let status = self.status.as_deref().unwrap_or_default();
        at_most("status words", status.len(), limits::STATUS_WORDS)?;
        if let Some(word) = status.iter().find(|word| !is_status_word(word)) {
            return Err(format!("the status word {}", shortened(word)));
        }
        let alarms = self.alarms.as_deref().unwrap_or_default();
        at_most("alarms", alarms.len(), limits::ALARMS)?;
        alarms.iter().try_for_each(|text| valued("an alarm", text))
    }
}

impl Traits {
    fn check(&self) -> Result<(), String> {
        let Self {
            name,
            choices,
            ranges,
            ..
        } = self;
        named("variable", name)?;
        at_most("choices", choices.len(), limits::CHOICES)?;
        at_most("ranges", ranges.len(), limits::RANGES)?;
        choices.iter().try_for_each(|choice| valued(name, choice))?;
        if let Some(choice) = choices.iter().find(|choice| !self.kind.admits(choice)) {
            return Err(format!("the choice {choice:?} of the number {name}"));
        }
        if let Some((low, high)) = ranges.iter().find(|(low, high)| low > high) {
            return Err(format!("the range {low} to {high} of {name}"));
        }
        match self.kind {
            Kind::Text(length) if length == 0 || length as usize > limits::VALUE => {
                Err(format!("the length {length} of {name}"))
            }
            _ => Ok(()),
        }
    }
}

impl Kind {
    /// Whether a value is of this kind; lengths are checked on writing only.
    pub fn admits(self, value: &str) -> bool {
        self != Self::Number || is_number(value)
    }
}

/// Whether a variable or command may have this name: letters, digits, `.`, `-` and `_`.
pub fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=limits::NAME).contains(&name.len()) && name.bytes().all(inside)
}

/// Whether a variable may have this value: printable ASCII, at most [`limits::VALUE`] bytes.
pub fn is_value(value: &str) -> bool {
    value.len() <= limits::VALUE && value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// Whether a value is a number as NUT writes them: decimal, perhaps signed, perhaps with a fraction after a point.
pub fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    numeric(whole)
        && numeric(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !digits.is_empty()
}

fn is_status_word(word: &str) -> bool {
    (1..=limits::STATUS_WORD).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_graphic())
}

fn at_most(what: &str, count: usize, limit: usize) -> Result<(), String> {
    if count > limit {
        return Err(format!("{count} {what}, where {limit} are allowed"));
    }
    Ok(())
}

fn named(what: &str, name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(format!("the {what} name {}", shortened(name)))
}

fn valued(name: &str, value: &str) -> Result<(), String> {
    if is_value(value) {
        return Ok(());
    }
    Err(format!(
        "the {} byte value {} of {name}",
        value.len(),
        shortened(value)
    ))
}

/// Hostile text, safe and short enough for a log.
fn shortened(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    format!("{start:?}")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str(
                "the device did not answer in time; check the cable and that it is switched on",
            ),
            Self::Protocol(what) => {
                write!(
                    f,
                    "the device does not speak the driver's protocol ({what}); check `driver` and the line settings"
                )
            }
            Self::Lost => {
                f.write_str("the port is gone; it is opened again as soon as the device is back")
            }
            Self::NotMine(what) => write!(
                f,
                "this driver is not for the device found ({what}); choose another `driver`"
            ),
            Self::Unsupported => f.write_str("the device has no such command, variable or feature"),
            Self::InvalidArgument(what) => write!(f, "the device does not take this value: {what}"),
            Self::Failed(what) => write!(f, "the device refused: {what}"),
            Self::BadSetting { name, expected } => {
                write!(
                    f,
                    "the setting `{name}` of this section is wrong; expected {expected}"
                )
            }
            Self::Other(what) => write!(f, "the driver gave up: {what}"),
            Self::Crashed(what) => write!(
                f,
                "the driver plugin failed and was stopped ({what}); the device is not to blame"
            ),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn set(name: &str, value: &str) -> Update {
        let set = vec![(name.to_owned(), value.to_owned())];
        Update {
            set,
            ..Update::default()
        }
    }

    fn traits(name: &str, kind: Kind) -> Traits {
        let name = name.to_owned();
        Traits {
            name,
            kind,
            ..Traits::default()
        }
    }

    #[track_caller]
    fn check(update: Update, expected: &str) {
        match update.check() {
            Ok(()) => assert_eq!(expected, ""),
            Err(wrong) => assert!(wrong.contains(expected) && !expected.is_empty(), "{wrong}"),
        }
    }

    #[test]
    fn names_and_values_have_rules() {
        check(set("input.L1-N.voltage", "230.1"), "");
        check(set("experimental.ups.mode.buzzwords", ""), "");
        check(set("ups.status", &"x".repeat(255)), "");
        check(set("ups.status", &"x".repeat(256)), "256 byte value");
        check(set(&"n".repeat(129), "1"), "variable name");
        for name in ["", "a b", "a\"b", "a\n", "\u{e9}"] {
            check(set(name, "1"), "variable name");
        }
        for value in ["a\nb", "\u{7f}", "caf\u{e9}", "\0"] {
            check(set("ups.id", value), "byte value");
        }
        let clear = vec!["x y".to_owned()];
        check(
            Update {
                clear,
                ..Update::default()
            },
            "cleared variable",
        );
    }

    #[test]
    fn a_declared_number_is_one() {
        for (value, good) in [
            ("0", true),
            ("-12.50", true),
            ("+007", true),
            (".5", true),
            ("5.", true),
            ("", false),
            (".", false),
            ("-", false),
            ("1,5", false),
            ("1e3", false),
            ("0x10", false),
            ("--1", false),
            ("1.2.3", false),
        ] {
            assert_eq!(is_number(value), good, "{value:?}");
            let mut update = set("ups.load", value);
            update.traits = vec![traits("UPS.load", Kind::Number)];
            check(update, if good { "" } else { "of the number" });
            check(set("ups.load", value), "");
        }
    }

    #[test]
    fn traits_are_sane() {
        let with = |traits: Traits| Update {
            traits: vec![traits],
            ..Update::default()
        };
        check(with(traits("ups.id", Kind::Text(255))), "");
        check(with(traits("ups.id", Kind::Text(0))), "length 0");
        check(with(traits("ups.id", Kind::Text(256))), "length 256");
        let mut ranged = traits("ups.delay.start", Kind::Number);
        ranged.ranges = vec![(0, 9), (5, 4)];
        check(with(ranged), "range 5 to 4");
        let mut chosen = traits("input.transfer.low", Kind::Number);
        chosen.choices = vec!["196".into(), "low".into()];
        check(with(chosen), "choice \"low\"");
    }

    #[test]
    fn amounts_are_bounded() {
        let many = |count: usize| vec!["a".to_owned(); count];
        let some = |count: usize| Some(many(count));
        let none = Update::default;
        check(
            Update {
                clear: many(limits::VARIABLES),
                ..none()
            },
            "",
        );
        check(
            Update {
                clear: many(4097),
                ..none()
            },
            "4097 cleared variables",
        );
        check(
            Update {
                set: vec![("a".into(), "1".into()); 4097],
                ..none()
            },
            "4097 variables",
        );
        check(
            Update {
                commands: some(2049),
                ..none()
            },
            "2049 commands",
        );
        check(
            Update {
                status: some(33),
                ..none()
            },
            "33 status words",
        );
        check(
            Update {
                alarms: some(65),
                ..none()
            },
            "65 alarms",
        );
        check(
            Update {
                alarms: some(64),
                ..none()
            },
            "",
        );
    }

    #[test]
    fn status_words_hold_no_blanks() {
        for (word, expected) in [
            ("OL", ""),
            ("", "status word"),
            ("OL OB", "status word"),
            ("\n", "status word"),
        ] {
            let status = Some(vec![word.to_owned()]);
            check(
                Update {
                    status,
                    ..Update::default()
                },
                expected,
            );
        }
    }

    #[test]
    fn a_wish_for_the_next_poll_is_kept_within_bounds() {
        let usual = Duration::from_secs(2);
        for (asked, expected) in [
            (None, 2000),
            (Some(0), 50),
            (Some(700), 700),
            (Some(99_999_999), 3_600_000),
        ] {
            let next = asked.map(Duration::from_millis);
            let update = Update {
                next,
                ..Update::default()
            };
            assert_eq!(update.wait(usual), Duration::from_millis(expected));
        }
    }
}
