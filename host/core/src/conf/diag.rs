//! A mistake in a configuration file, pointed at: file, line, column, caret, and the nearest word that would be right.
//!
//! Diagnostics are collected, never thrown: the operator sees all of them at once. The line of the file is shown
//! with them, but never a secret: what follows a name that is, or looks like a mistyped, secret is cut off.

use std::fmt;

use super::lexer::{Event, Lexer, Word};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The line is used or ignored as NUT does, but surely not as meant.
    Warning,
    /// The setting, or the section, cannot be used.
    Error,
}

/// One mistake. Lines and columns count from 1, columns in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as named by the caller.
    pub file: String,
    /// Line of the first byte concerned.
    pub line: u32,
    /// Column of the first byte concerned.
    pub col: u32,
    /// How many bytes to underline; at least 1.
    pub len: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, a sentence without full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line of the file, cut before a secret; empty when there is nothing to show.
    pub source: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let Self { line, col, .. } = self;
        write!(f, "{}:{line}:{col}: {kind}: {}", self.file, self.message)?;
        let gutter = line.to_string().len();
        if !self.source.is_empty() {
            write!(f, "\n {line} | {}", self.source)?;
            let carets = "^".repeat(self.len.max(1) as usize);
            let blanks = col.saturating_sub(1) as usize;
            write!(f, "\n {:gutter$} | {:blanks$}{carets}", "", "")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n {:gutter$} = {help}", "")?;
        }
        Ok(())
    }
}

/// Whether the value of an option of this name must never be shown: passwords, SNMP communities, keys.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let marks = ["password", "passwd", "passphrase", "secret", "community"];
    name == "pass" || name == "certident" || marks.iter().any(|mark| name.contains(mark))
}

/// Whether it is the name of a secret, or looks like one mistyped.
pub(super) fn may_be_secret(name: &str) -> bool {
    is_secret(name) || husk_names::nearest(name, SECRET_NAMES.iter().copied()).is_some()
}

/// Names whose misspelling must not put the secret behind it into a log.
const SECRET_NAMES: [&str; 7] = [
    "password",
    "passwd",
    "community",
    "authPassword",
    "privPassword",
    "CERTIDENT",
    "secret",
];

/// Collects what is wrong with one file.
pub(super) struct Diagnostics<'a> {
    file: &'a str,
    lines: Vec<&'a [u8]>,
    /// For every line the one on which its statement begins.
    begins: Vec<usize>,
    list: Vec<Diagnostic>,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(file: &'a str, text: &'a [u8]) -> Self {
        let lines = text.split(|&byte| byte == b'\n').collect();
        Self {
            file,
            lines,
            begins: begins(text),
            list: Vec::new(),
        }
    }

    pub(super) fn error(&mut self, at: &Word, message: impl Into<String>, help: impl Into<Help>) {
        self.add(Severity::Error, at, message.into(), help.into());
    }

    pub(super) fn warn(&mut self, at: &Word, message: impl Into<String>, help: impl Into<Help>) {
        self.add(Severity::Warning, at, message.into(), help.into());
    }

    /// All of them, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|found| (found.line, found.col));
        self.list
    }

    /// A mistake of which nothing of the line may be shown.
    pub(super) fn error_unseen(&mut self, at: &Word, message: &str) {
        self.add(Severity::Error, at, message.to_owned(), Help(None));
        if let Some(last) = self.list.last_mut() {
            last.source.clear();
        }
    }

    fn add(&mut self, severity: Severity, at: &Word, message: String, Help(help): Help) {
        let source = self.source(at.line.saturating_sub(1) as usize);
        let quotes = if at.quoted { 2 } else { 0 };
        let len = u32::try_from(at.text.len() + quotes).unwrap_or(1).max(1);
        // A word that was joined, cut or blotted out ends on another line or later than what is shown.
        let room = u32::try_from(source.len()).unwrap_or(u32::MAX);
        let room = room.saturating_sub(at.col.saturating_sub(1));
        self.list.push(Diagnostic {
            file: self.file.to_owned(),
            line: at.line,
            col: at.col,
            len: len.min(room).max(1),
            severity,
            message,
            help,
            source,
        });
    }

    /// The line as it may be shown: nothing of one that a secret goes on over.
    fn source(&self, line: usize) -> String {
        let text = |line| readable(self.lines.get(line));
        match self.begins.get(line) {
            Some(&begin) if begin != line && secret_at(&text(begin)).is_some() => String::new(),
            _ => without_secret(text(line)),
        }
    }
}

/// Advice, if there is any.
pub(super) struct Help(Option<String>);

impl From<&str> for Help {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl From<String> for Help {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl From<Option<String>> for Help {
    fn from(text: Option<String>) -> Self {
        Self(text)
    }
}

/// ``did you mean `word`?``, if a known word is near.
pub(super) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    husk_names::nearest(word, known).map(|near| format!("did you mean `{near}`?"))
}

/// For every line of the text the one on which its statement begins: quotes and backslashes join lines.
fn begins(text: &[u8]) -> Vec<usize> {
    let mut lexer = Lexer::new();
    let mut begins = vec![0];
    let mut over = false;
    for &byte in text {
        over |= !matches!(lexer.push(byte), Event::Nothing);
        if byte == b'\n' {
            let line = begins.len();
            let begin = begins.last().copied().filter(|_| !over).unwrap_or(line);
            begins.push(begin);
            if over {
                lexer.reset();
            }
            over = false;
        }
    }
    begins
}

/// A line as a terminal may show it, one column a byte.
fn readable(line: Option<&&[u8]>) -> String {
    line.map(|line| line.trim_ascii_end())
        .unwrap_or_default()
        .iter()
        .map(|&byte| match byte {
            b'\t' => ' ',
            0x20..=0x7e => char::from(byte),
            _ => '?',
        })
        .collect()
}

/// Where the name of a secret ends, if the line begins with one.
fn secret_at(text: &str) -> Option<usize> {
    let start = text.len() - text.trim_start().len();
    let name_ends = |c: char| c == ' ' || c == '=';
    let (_, rest) = text.split_at_checked(start).unwrap_or_default();
    let name = rest.split(name_ends).next().unwrap_or_default();
    if is_monitor(name) {
        return Some(user_at(text));
    }
    may_be_secret(name).then_some(start + name.len())
}

/// Whether it is upsmon.conf's `MONITOR`, or looks like it.
fn is_monitor(name: &str) -> bool {
    husk_names::nearest(name, ["MONITOR"].into_iter()).is_some()
}

/// Where the fourth word of `MONITOR ups powervalue user password role` begins; earlier if the line cannot be read.
fn user_at(text: &str) -> usize {
    let mut lexer = Lexer::new();
    let ended = text.bytes().chain([b'\n']);
    let (words, whole) = ended
        .filter_map(|byte| match lexer.push(byte) {
            Event::Nothing => None,
            Event::Line(words) => Some((words, true)),
            Event::Error { words, .. } => Some((words, false)),
        })
        .next()
        .unwrap_or_default();
    let cut = words.get(3).or(words.last().filter(|_| !whole));
    let whole = if whole { text.len() } else { 0 };
    cut.map_or(whole, |word| word.col.saturating_sub(1) as usize)
        .min(text.len())
}

fn without_secret(mut text: String) -> String {
    if let Some(end) = secret_at(&text) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn word(text: &str, line: u32, col: u32, quoted: bool) -> Word {
        let text = text.to_owned();
        Word {
            text,
            line,
            col,
            quoted,
        }
    }

    #[track_caller]
    fn check(text: &str, at: Word, expected: &str) {
        let mut found = Diagnostics::new("ups.conf", text.as_bytes());
        found.error(&at, "wrong", "mend it");
        assert_eq!(found.finish()[0].to_string(), expected);
    }

    #[test]
    fn a_diagnostic_points_at_the_word() {
        check(
            "[a]\n\tprot = x\n",
            word("prot", 2, 2, false),
            "ups.conf:2:2: error: wrong\n 2 |  prot = x\n   |  ^^^^\n   = mend it",
        );
        check(
            "[a]\n port = \"b c\" \r\n",
            word("b c", 2, 9, true),
            "ups.conf:2:9: error: wrong\n 2 |  port = \"b c\"\n   |         ^^^^^\n   = mend it",
        );
    }

    #[test]
    fn a_word_off_the_page_still_has_a_place() {
        check(
            "x",
            word("abc", 9, 1, false),
            "ups.conf:9:1: error: wrong\n   = mend it",
        );
        check(
            "d = \"a\nb\"",
            word("ab", 1, 5, true),
            "ups.conf:1:5: error: wrong\n 1 | d = \"a\n   |     ^^\n   = mend it",
        );
    }

    #[test]
    fn secrets_are_not_shown_even_misspelt() {
        for line in [
            "password = hunter2",
            "pasword = hunter2",
            "community=hunter2",
            "authPassword = hunter2",
            "CERTIDENT name hunter2",
            "CERTINDENT name hunter2",
            "  passwd hunter2",
            "MONITOR u@h 1 user hunter2 primary",
            "MONITR u@h 1 \"hunter2\" primary",
            "MONITOR u@h 1 \"hun#hunter2\" primary",
            "MONITOR u@h 1 user \"hunter2",
        ] {
            let mut found = Diagnostics::new("f", line.as_bytes());
            found.warn(&word("hunter2", 1, 12, false), "wrong", None);
            let text = found.finish()[0].to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn they_come_in_the_order_of_the_file() {
        let mut found = Diagnostics::new("f", b"a\nb\n");
        found.warn(&word("b", 2, 1, false), "second", None);
        found.warn(&word("a", 1, 1, false), "first", None);
        let order: Vec<_> = found.finish().into_iter().map(|d| d.message).collect();
        assert_eq!(order, ["first", "second"]);
    }
}
