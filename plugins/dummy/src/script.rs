//! The text of a simulation file, cut into steps.
//!
//! ```text
//! line := TIMER seconds | ALARM [text …] | name[:] [value …]
//! ```
//! Words are cut by NUT's lexer. The values of a line are joined by one blank; no value deletes. Lines of `driver.*`
//! are skipped, so that what `upsc` printed is a script. A mistake costs its line only.

use husk_driver::wire::words::{Event, Lexer, Word};

use crate::simulated::{STATUS, VALUE};

/// Bytes in a variable's name: what the host accepts.
const NAME: usize = 128;

/// What a file says, in its order.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    /// Line number and what is wrong with it.
    pub(crate) mistakes: Vec<(u32, &'static str)>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Gives a variable a value.
    Set { name: String, value: String },
    /// Deletes a variable.
    Clear { name: String },
    /// Replaces the words of `ups.status`.
    Status(Vec<String>),
    /// Adds an alarm; without text there are none any more.
    Alarm(Option<String>),
    /// Leaves everything as it is for so many seconds.
    Timer(u32),
}

impl Script {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut script = Script::default();
        let mut lexer = Lexer::new();
        let mut line = 1;
        for &byte in text {
            let event = lexer.push(byte);
            script.take(event, line);
            line += u32::from(byte == b'\n');
        }
        script.take(lexer.finish(), line);
        script
    }

    fn take(&mut self, event: Event, line: u32) {
        match event {
            Event::Nothing => {}
            Event::Error { message, .. } => self.mistakes.push((line, message)),
            Event::Line(words) => {
                let Some((first, rest)) = words.split_first() else {
                    return;
                };
                match Step::from_words(&first.text, rest) {
                    Ok(step) => self.steps.extend(step),
                    Err(mistake) => self.mistakes.push((first.line, mistake)),
                }
            }
        }
    }
}

impl Step {
    /// As dummy-ups does it, whatever starts with TIMER or ALARM is one.
    fn from_words(first: &str, rest: &[Word]) -> Result<Option<Self>, &'static str> {
        if first.starts_with("TIMER") {
            return Ok(Some(Step::Timer(
                rest.first().map_or(0, |word| leading_number(&word.text)),
            )));
        }
        let texts: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
        let value = texts.join(" ");
        if first.starts_with("ALARM") {
            return Ok(Some(Step::Alarm((!value.is_empty()).then(|| cut(&value)))));
        }
        let name = first.split(':').next().unwrap_or_default();
        if name
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case("driver."))
        {
            return Ok(None);
        }
        Step::assignment(name, &value).map(Some)
    }

    /// Gives a variable a value, as a line of the file or a client does; an empty one deletes it.
    pub(crate) fn assignment(name: &str, value: &str) -> Result<Self, &'static str> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > NAME || !name.bytes().all(allowed) {
            return Err("a variable's name is made of letters, digits, dots and hyphens");
        }
        if name.eq_ignore_ascii_case(STATUS) {
            return Ok(Step::Status(
                cut(value)
                    .split_ascii_whitespace()
                    .map(str::to_owned)
                    .collect(),
            ));
        }
        let (name, value) = (name.to_owned(), cut(value));
        Ok(if value.is_empty() {
            Step::Clear { name }
        } else {
            Step::Set { name, value }
        })
    }
}

/// Printable ASCII only, and no longer than the variables of dummy-ups.
fn cut(value: &str) -> String {
    value
        .chars()
        .filter(|c| (' '..='~').contains(c))
        .take(VALUE)
        .collect()
}

/// As C's atoi: the digits it starts with, else 0. A time in the past is no time at all.
fn leading_number(text: &str) -> u32 {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]
    use super::*;

    fn set(name: &str, value: &str) -> Step {
        Step::Set {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[track_caller]
    fn check(line: &str, expected: &[Step]) {
        let script = Script::parse(format!("{line}\n").as_bytes());
        assert_eq!(script.steps, expected, "{line}");
        assert_eq!(script.mistakes, [], "{line}");
    }

    /// Each line and its outcome were seen with dummy-ups 2.8.0, but for ALARM and values that are missing.
    #[test]
    fn lines_mean_what_they_mean_to_dummy_ups() {
        check("ups.load: 42", &[set("ups.load", "42")]);
        check("ups.load 12", &[set("ups.load", "12")]);
        check("ups.load:12 13", &[set("ups.load", "13")]);
        check("ups.model : aa", &[set("ups.model", ": aa")]);
        check("input.phases=3", &[set("input.phases", "= 3")]);
        check(
            "ups.id: 1 2  3\t4 \"5  6\"",
            &[set("ups.id", "1 2 3 4 5  6")],
        );
        check("ups.serial: a#b", &[set("ups.serial", "a")]);
        check("ups.id: \\\n  bar", &[set("ups.id", " bar")]);
        check(
            "battery.date: \\\\ \"a \\\"b\\\" \\# c\"",
            &[set("battery.date", "\\ a \"b\" # c")],
        );
        check("driver.foo: x", &[]);
        check("a:b: z", &[set("a", "z")]);
        check(
            "ups.mfr:",
            &[Step::Clear {
                name: "ups.mfr".to_owned(),
            }],
        );
        check(
            "ups.status: OL \"LB RB\"",
            &[Step::Status(vec!["OL".into(), "LB".into(), "RB".into()])],
        );
        check("UPS.Status:", &[Step::Status(vec![])]);
        check("TIMER 30", &[Step::Timer(30)]);
        check("TIMERX", &[Step::Timer(0)]);
        check("TIMER -1", &[Step::Timer(0)]);
        check("TIMER 1.9s", &[Step::Timer(1)]);
        check("ALARM two  words", &[Step::Alarm(Some("two words".into()))]);
        check("ALARM", &[Step::Alarm(None)]);
        check("# nothing", &[]);
    }

    #[test]
    fn long_values_are_cut() {
        check(
            &format!("ups.contacts: {}", "a".repeat(130)),
            &[set("ups.contacts", &"a".repeat(127))],
        );
    }

    #[test]
    fn a_mistake_costs_its_line_only() {
        let script =
            Script::parse(b"ups.load: 1\nups.id: \"a #1\"\n: x\n\xc3\xa9: y\nups.load: 2\nlost");
        let lines: Vec<u32> = script.mistakes.iter().map(|(line, _)| *line).collect();
        // Twice the second: what follows the # inside quotes is read as a line of its own, as NUT does.
        assert_eq!(lines, [2, 2, 3, 4, 6]);
        assert_eq!(script.steps, [set("ups.load", "1"), set("ups.load", "2")]);
    }
}
