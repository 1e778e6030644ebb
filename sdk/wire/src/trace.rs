//! The `.trace` format: a recorded conversation with a device and what was expected of it.
//!
//! One file is fixture, test and bug report in one. A line is a mark, a blank and a text:
//!
//! ```text
//! # any text                   a comment
//! : protocol = megatec         a setting of the configuration section; `: norating` is a flag
//! ! open                       a call into the driver: open, poll, shutdown,
//! ! command beeper.toggle        command NAME [VALUE],
//! ! set ups.delay.start 60       set NAME VALUE
//! > Q1\r                       bytes the driver sent
//! < (215.0 ...\r               bytes the device answered; several in a row are several chunks
//! ~ 1000                       milliseconds in which nothing arrives
//! | out dtr                    modem lines the driver set (out) or read (in): those named are on
//! = ups.load: 12               what the call must have brought about; the reader of the trace
//! = error: timeout               gives subjects their meaning
//! ```
//!
//! Bytes are printable ASCII or the escapes `\r \n \t \\ \xNN`. A blank at either end is written `\x20`, because
//! editors strip blanks. Anything else is refused with the number of its line.

use std::fmt;

/// One line of a trace that is not a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `: name = value`; a bare flag has an empty value.
    Setting {
        /// The option's name.
        name: String,
        /// Its value, empty for a flag.
        value: String,
    },
    /// `! call`: the driver is called.
    Call(Call),
    /// `> bytes`: sent to the device.
    Sent(Vec<u8>),
    /// `< bytes`: came from the device.
    Received(Vec<u8>),
    /// `~ ms`: nothing came for so many milliseconds.
    Silence(u32),
    /// `| out …`: the driver set the outputs.
    Outputs {
        /// Data terminal ready is on.
        dtr: bool,
        /// Request to send is on.
        rts: bool,
    },
    /// `| in …`: the driver read the inputs.
    Inputs {
        /// Clear to send is on.
        cts: bool,
        /// Data set ready is on.
        dsr: bool,
        /// Data carrier detect is on.
        dcd: bool,
        /// Ring indicator is on.
        ri: bool,
    },
    /// `= subject: value`, or `= subject` alone.
    Expect {
        /// What is looked at.
        subject: String,
        /// What it must be.
        value: Option<String>,
    },
}

/// A call into the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Open the device with the settings above.
    Open,
    /// Poll it.
    Poll,
    /// Run an instant command, perhaps with a value.
    Command(String, Option<String>),
    /// Write a variable.
    Set(String, String),
    /// Cut the power of the load.
    Shutdown,
}

/// A parsed trace: every step with the number of its line, from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The steps in the order of the file.
    pub steps: Vec<(usize, Step)>,
}

/// A line that is not of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the trace: {}", self.line, self.reason)
    }
}

impl std::error::Error for TraceError {}

impl Trace {
    /// Reads a whole trace.
    ///
    /// # Errors
    /// The first line that is not of the format.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut steps = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let line = index + 1;
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let step = Step::parse(text).map_err(|reason| TraceError { line, reason })?;
            steps.push((line, step));
        }
        Ok(Self { steps })
    }

    /// The settings, in the order of the file.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.steps.iter().filter_map(|(_, step)| match step {
            Step::Setting { name, value } => Some((name.as_str(), value.as_str())),
            _ => None,
        })
    }
}

impl Step {
    /// Reads one line that is neither empty nor a comment.
    fn parse(line: &str) -> Result<Self, &'static str> {
        let mut characters = line.chars();
        let mark = characters.next().ok_or("it is empty")?;
        let text = characters.as_str();
        let text = text.strip_prefix(' ').unwrap_or(text);
        match mark {
            ':' => {
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                match name.trim() {
                    "" => Err("a setting has a name"),
                    name => Ok(Self::Setting {
                        name: name.to_owned(),
                        value: value.trim().to_owned(),
                    }),
                }
            }
            '!' => Call::parse(text.trim()).map(Self::Call),
            '>' => unescape(text).map(Self::Sent),
            '<' => unescape(text).map(Self::Received),
            '~' => text
                .trim()
                .parse()
                .map(Self::Silence)
                .map_err(|_| "a silence is a number of milliseconds"),
            '|' => lines(text),
            '=' => {
                let (subject, value) = match text.split_once(':') {
                    Some((subject, value)) => (subject, Some(value.trim().to_owned())),
                    None => (text, None),
                };
                Ok(Self::Expect {
                    subject: subject.trim().to_owned(),
                    value,
                })
            }
            _ => Err("it starts with none of the marks # : ! > < ~ | ="),
        }
    }
}

impl Call {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut words = text.splitn(3, ' ');
        let (verb, name, value) = (words.next().unwrap_or(""), words.next(), words.next());
        match (verb, name, value) {
            ("open", None, None) => Ok(Self::Open),
            ("poll", None, None) => Ok(Self::Poll),
            ("shutdown", None, None) => Ok(Self::Shutdown),
            ("command", Some(name), value) => {
                Ok(Self::Command(name.to_owned(), value.map(str::to_owned)))
            }
            ("set", Some(name), Some(value)) => Ok(Self::Set(name.to_owned(), value.to_owned())),
            _ => Err("a call is open, poll, shutdown, command NAME [VALUE] or set NAME VALUE"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |f: &mut fmt::Formatter<'_>, way: &str, lines: &[(bool, &str)]| {
            write!(f, "| {way}")?;
            lines
                .iter()
                .filter(|(on, _)| *on)
                .try_for_each(|(_, name)| write!(f, " {name}"))
        };
        match self {
            Self::Setting { name, value } if value.is_empty() => write!(f, ": {name}"),
            Self::Setting { name, value } => write!(f, ": {name} = {value}"),
            Self::Call(Call::Open) => f.write_str("! open"),
            Self::Call(Call::Poll) => f.write_str("! poll"),
            Self::Call(Call::Shutdown) => f.write_str("! shutdown"),
            Self::Call(Call::Command(name, None)) => write!(f, "! command {name}"),
            Self::Call(Call::Command(name, Some(value))) => write!(f, "! command {name} {value}"),
            Self::Call(Call::Set(name, value)) => write!(f, "! set {name} {value}"),
            Self::Sent(bytes) => write!(f, "> {}", escape(bytes)),
            Self::Received(bytes) => write!(f, "< {}", escape(bytes)),
            Self::Silence(ms) => write!(f, "~ {ms}"),
            Self::Outputs { dtr, rts } => named(f, "out", &[(*dtr, "dtr"), (*rts, "rts")]),
            Self::Inputs { cts, dsr, dcd, ri } => named(
                f,
                "in",
                &[(*cts, "cts"), (*dsr, "dsr"), (*dcd, "dcd"), (*ri, "ri")],
            ),
            Self::Expect {
                subject,
                value: None,
            } => write!(f, "= {subject}"),
            Self::Expect {
                subject,
                value: Some(value),
            } => write!(f, "= {subject}: {value}"),
        }
    }
}

/// Modem lines by name: `out dtr rts`, `in cts`.
fn lines(text: &str) -> Result<Step, &'static str> {
    let mut words = text.split_ascii_whitespace();
    let way = words.next();
    let on: Vec<&str> = words.collect();
    let has = |name: &str| on.contains(&name);
    let (step, known): (_, &[&str]) = match way {
        Some("out") => (
            Step::Outputs {
                dtr: has("dtr"),
                rts: has("rts"),
            },
            &["dtr", "rts"],
        ),
        Some("in") => (
            Step::Inputs {
                cts: has("cts"),
                dsr: has("dsr"),
                dcd: has("dcd"),
                ri: has("ri"),
            },
            &["cts", "dsr", "dcd", "ri"],
        ),
        _ => return Err("modem lines are `out` (dtr rts) or `in` (cts dsr dcd ri)"),
    };
    if on.iter().all(|name| known.contains(name)) {
        Ok(step)
    } else {
        Err("this is not a modem line of that direction")
    }
}

/// Bytes as a trace shows them; [`unescape`] is the inverse.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    for (at, byte) in bytes.iter().enumerate() {
        let at_an_end = at == 0 || at + 1 == bytes.len();
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b' ' if at_an_end => text.push_str("\\x20"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// The bytes an escaped text stands for.
///
/// # Errors
/// An unknown escape, or a character that should have been escaped.
pub fn unescape(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut input = text.bytes();
    while let Some(byte) = input.next() {
        let byte = match byte {
            b'\\' => match input.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'\\') => b'\\',
                Some(b'x') => {
                    let high = input.next().and_then(hex);
                    let low = input.next().and_then(hex);
                    match (high, low) {
                        (Some(high), Some(low)) => high << 4 | low,
                        _ => return Err("\\x is followed by two hexadecimal digits"),
                    }
                }
                _ => return Err("the escapes are \\r \\n \\t \\\\ and \\xNN"),
            },
            b' '..=b'~' => byte,
            _ => return Err("bytes outside printable ASCII are written \\xNN"),
        };
        bytes.push(byte);
    }
    Ok(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_byte_survives_the_escapes() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&escape(&all)).unwrap(), all);
        assert_eq!(escape(b" a b "), "\\x20a b\\x20");
        assert_eq!(escape(b"Q1\r"), "Q1\\r");
    }

    #[test]
    fn every_step_is_read_as_it_was_written() {
        let text = "\
: protocol = megatec
: norating
! open
| out dtr
| in cts dcd
| out
! poll
> Q1\\r
< (215.0 195.0\\x20
~ 1000
= ups.status: OL CHRG
= !ups.load
! command test.battery.start 120
! command beeper.toggle
! set ups.delay.start 60
! shutdown
";
        let trace = Trace::parse(&format!("# a comment\n\n{text}")).unwrap();
        assert_eq!(trace.steps.first().map(|(line, _)| *line), Some(3));
        let again: String = trace
            .steps
            .iter()
            .map(|(_, step)| format!("{step}\n"))
            .collect();
        assert_eq!(again, text);
        assert_eq!(
            trace.settings().collect::<Vec<_>>(),
            [("protocol", "megatec"), ("norating", "")]
        );
    }

    #[test]
    fn a_bad_line_is_named() {
        for bad in [
            "? poll", "! dance", "! set x", "> \\q", "> \\x4", "> ä", "~ soon", "| up dtr",
            "| in dtr", ": = x",
        ] {
            let error = Trace::parse(&format!("# first\n{bad}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{bad}");
        }
    }
}
