//! Bytes into lines of words, each line by itself.
//!
//! Unlike a file, a line here ends at its line feed whatever quotes are open: NUT's drivers do not escape what they
//! announce while they run, and one odd value must not swallow the line after it.

use super::limits;
use crate::conf::lexer::{Event, Lexer};

/// Cuts what came into lines; holds at most [`limits::LINE`] bytes of an unfinished one.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    too_long: bool,
}

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    /// As it came, without its end, ASCII only.
    pub(super) text: String,
    /// Cut into words; `None` if it cannot be.
    pub(super) words: Option<Vec<String>>,
}

impl Lines {
    /// Takes one byte; a line when it was the last of one.
    pub(super) fn push(&mut self, byte: u8) -> Option<Line> {
        if byte != b'\n' {
            if self.line.len() < limits::LINE {
                self.line.push(byte);
            } else {
                self.too_long = true;
            }
            return None;
        }
        let bytes = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            return None;
        }
        let printable = bytes.iter().filter(|byte| (0x20..=0x7e).contains(*byte));
        let text = printable.map(|&byte| char::from(byte)).collect();
        Some(Line {
            words: words(&bytes),
            text,
        })
    }
}

fn words(line: &[u8]) -> Option<Vec<String>> {
    let mut lexer = Lexer::new();
    for &byte in line {
        if let Event::Error { .. } = lexer.push(byte) {
            return None;
        }
    }
    match lexer.push(b'\n') {
        Event::Line(words) => Some(words.into_iter().map(|word| word.text).collect()),
        Event::Nothing | Event::Error { .. } => None,
    }
}
