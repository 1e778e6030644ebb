//! The word lexer of NUT: one for its configuration files, its network protocol and its simulation files.
//!
//! Fed byte by byte, so that a line may arrive in pieces. It knows words and lines only: what `=`, `[name]` or a
//! first word mean is the caller's business. It never fails for good: after an error the next byte starts afresh.
//!
//! | state | byte → action |
//! |--|--|
//! | between words | LF ends the line; `#` comments to LF; blanks skip; `"` opens a quoted word; `=` is a word by itself; else a plain word |
//! | plain word | LF, `#`, blank and `=` end it; `"` is an ordinary byte; `\` takes the next byte literally |
//! | quoted word | `"` ends it, no blank needed after; `#` is an error; LF is dropped and the word goes on |
//! | after `\` | LF joins the lines; anything else is taken literally, so `\n` is the letter n |
//!
//! Source: the behaviour of upsd and dummy-ups 2.8 (NUT calls it parseconf), probed.

use std::mem;

/// Words kept of one line; further ones are dropped, as NUT does.
pub const MAX_WORDS: usize = 32;
/// Bytes kept of one word; the rest is dropped, as NUT does.
pub const MAX_WORD: usize = 512;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text, unescaped: bytes 0x20 to 0x7F only, at most [`MAX_WORD`].
    pub text: String,
    /// Line of its first byte, from 1; joined lines count each.
    pub line: u32,
    /// Column of its first byte (the quote, where there is one), in bytes from 1.
    pub col: u32,
    /// Written in quotes; so an empty word is one on purpose and `"="` is no equals sign.
    pub quoted: bool,
}

/// What a byte completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing yet.
    Nothing,
    /// A line ended; blank and comment lines have no words.
    Line(Vec<Word>),
    /// The line cannot be read on. What follows is read as a new line.
    Error {
        /// The words completed before the mistake.
        words: Vec<Word>,
        /// What is wrong, a sentence.
        message: &'static str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    Plain,
    PlainEscape,
    Quoted,
    QuotedEscape,
    Comment,
}

/// The lexer; holds at most one line.
#[derive(Debug)]
pub struct Lexer {
    state: State,
    words: Vec<Word>,
    word: Word,
    line: u32,
    col: u32,
}

impl Default for Lexer {
    fn default() -> Self {
        Self::new()
    }
}

impl Lexer {
    /// At line 1, column 1.
    pub fn new() -> Self {
        Lexer {
            state: State::Between,
            words: Vec::new(),
            word: Word {
                text: String::new(),
                line: 1,
                col: 1,
                quoted: false,
            },
            line: 1,
            col: 0,
        }
    }

    /// Takes one byte.
    pub fn push(&mut self, byte: u8) -> Event {
        self.col = self.col.saturating_add(1);
        let event = self.step(byte);
        if byte == b'\n' {
            self.line = self.line.saturating_add(1);
            self.col = 0;
        }
        event
    }

    /// The end of a file. A last line without LF counts only if it holds a complete word before the open one.
    pub fn finish(&mut self) -> Event {
        let open = !matches!(self.state, State::Between | State::Comment);
        if self.words.is_empty() {
            self.reset();
            if open {
                return Event::Error {
                    words: Vec::new(),
                    message: "the file ends in a single word without a line end, which NUT ignores; end the line",
                };
            }
            return Event::Nothing;
        }
        if open && !self.word.text.is_empty() {
            self.end_word();
        }
        self.end_line()
    }

    /// Forgets an unfinished line.
    pub fn reset(&mut self) {
        self.state = State::Between;
        self.words.clear();
        self.word.text.clear();
    }

    fn step(&mut self, byte: u8) -> Event {
        match (self.state, byte) {
            (State::Between | State::Comment, b'\n') => return self.end_line(),
            (State::Plain, b'\n') => {
                self.end_word();
                return self.end_line();
            }
            (State::Comment, _) => {}
            (State::Between, b'#') => self.state = State::Comment,
            (State::Plain, b'#') => {
                self.end_word();
                self.state = State::Comment;
            }
            (State::Between, _) if is_blank(byte) => {}
            (State::Plain, _) if is_blank(byte) => self.end_word(),
            (State::Between, b'=') => self.equals(),
            (State::Plain, b'=') => {
                self.end_word();
                self.equals();
            }
            (State::Between, b'"') => self.start(State::Quoted),
            (State::Between, b'\\') => self.start(State::PlainEscape),
            (State::Between, _) => {
                self.start(State::Plain);
                self.keep(byte);
            }
            (State::Plain, b'\\') => self.state = State::PlainEscape,
            (State::Plain, _) => self.keep(byte),
            (State::Quoted, b'"') => self.end_word(),
            (State::Quoted, b'\\') => self.state = State::QuotedEscape,
            (State::Quoted, b'#') => {
                let words = mem::take(&mut self.words);
                self.reset();
                return Event::Error {
                    words,
                    message: "unescaped # inside quotes; write \\# or move the comment out of the quotes",
                };
            }
            (State::Quoted, _) => self.keep(byte),
            (State::PlainEscape, _) => self.literal(byte, State::Plain),
            (State::QuotedEscape, _) => self.literal(byte, State::Quoted),
        }
        Event::Nothing
    }

    fn start(&mut self, state: State) {
        self.state = state;
        self.word = Word {
            // Most names fit, and growing costs more than having.
            text: String::with_capacity(24),
            line: self.line,
            col: self.col,
            quoted: state == State::Quoted,
        };
    }

    fn equals(&mut self) {
        self.start(State::Plain);
        self.keep(b'=');
        self.end_word();
    }

    fn literal(&mut self, byte: u8, back: State) {
        self.state = back;
        if byte != b'\n' {
            self.keep(byte);
        }
    }

    /// NUT's words are ASCII: bytes outside 0x20..=0x7F vanish, in UTF-8 text too.
    fn keep(&mut self, byte: u8) {
        if (0x20..=0x7f).contains(&byte) && self.word.text.len() < MAX_WORD {
            self.word.text.push(char::from(byte));
        }
    }

    fn end_word(&mut self) {
        self.state = State::Between;
        let text = mem::take(&mut self.word.text);
        if self.words.len() < MAX_WORDS {
            self.words.push(Word {
                text,
                ..self.word.clone()
            });
        }
    }

    fn end_line(&mut self) -> Event {
        self.state = State::Between;
        Event::Line(mem::take(&mut self.words))
    }
}

/// Prefixes a backslash to `#`, `\` and `"`: what goes between quotes to be read back unchanged.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '#' | '\\' | '"') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// C's isspace without LF, which ends lines.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
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

    /// Every line as its words, `!` before a line that ended in an error.
    fn lines(text: &[u8]) -> Vec<String> {
        let mut lexer = Lexer::new();
        let mut events: Vec<Event> = text.iter().map(|&byte| lexer.push(byte)).collect();
        events.push(lexer.finish());
        let show = |words: Vec<Word>| {
            words
                .iter()
                .map(|w| format!("<{}>", w.text))
                .collect::<String>()
        };
        let mut shown = Vec::new();
        for event in events {
            match event {
                Event::Nothing => {}
                Event::Line(words) => shown.push(show(words)),
                Event::Error { words, .. } => shown.push(format!("!{}", show(words))),
            }
        }
        shown
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(lines(text.as_bytes()), expected, "{text:?}");
    }

    #[test]
    fn words_are_cut_as_nut_cuts_them() {
        check("a b\tc\r\n", &["<a><b><c>"]);
        check("name=value\n", &["<name><=><value>"]);
        check("a = \"b c\"d\n", &["<a><=><b c><d>"]);
        check("a\"b c\"\n", &["<a\"b><c\">"]);
        check("a#b\nc # d\n#\n\n", &["<a>", "<c>", "", ""]);
        check("\"\" x\n", &["<><x>"]);
        check("==\n", &["<=><=>"]);
    }

    #[test]
    fn backslash_takes_the_next_byte_literally_and_joins_lines() {
        check(
            "a\\ b\\=c \\\"q \\# \"x\\\"y\\#z\\n\"\n",
            &["<a b=c><\"q><#><x\"y#zn>"],
        );
        check("ab\\\ncd\n", &["<abcd>"]);
    }

    #[test]
    fn quotes_run_over_line_ends_but_not_over_a_hash() {
        check("\"a\nb\" c\n", &["<ab><c>"]);
        check("desc = \"A #1\"\nx\n", &["!<desc><=>", "<1\">", "<x>"]);
    }

    #[test]
    fn a_lone_last_word_without_line_end_is_reported() {
        check("a b", &["<a><b>"]);
        check("a \"b c", &["<a><b c>"]);
        check("a ", &["<a>"]);
        check("alone", &["!"]);
        check("# only a comment", &[]);
    }

    #[test]
    fn limits_and_charset_drop_silently() {
        assert_eq!(lines("caf\u{e9} \u{1}x\n".as_bytes()), ["<caf><x>"]);
        let long = format!("{}\n", "x".repeat(MAX_WORD + 9));
        assert_eq!(lines(long.as_bytes())[0].len(), MAX_WORD + 2);
        let many = format!("{}\n", "w ".repeat(MAX_WORDS + 9));
        assert_eq!(lines(many.as_bytes())[0], "<w>".repeat(MAX_WORDS));
    }

    #[test]
    fn words_know_where_they_stand() {
        let mut lexer = Lexer::new();
        let mut found = Vec::new();
        for &byte in b"# c\n  a=\"b\" \\\n c\n" {
            if let Event::Line(words) = lexer.push(byte) {
                found.extend(words.into_iter().map(|w| (w.text, w.line, w.col, w.quoted)));
            }
        }
        let at = |text: &str, line, col, quoted| (text.to_owned(), line, col, quoted);
        assert_eq!(
            found[..3],
            [
                at("a", 2, 3, false),
                at("=", 2, 4, false),
                at("b", 2, 5, true)
            ]
        );
    }

    #[test]
    fn an_escaped_text_is_read_back_unchanged() {
        for text in [
            "plain",
            "a#b",
            "say \"hi\"",
            "back\\slash",
            "",
            " both \\\" # ",
        ] {
            let line = format!("v \"{}\"\n", escape(text));
            assert_eq!(lines(line.as_bytes()), [format!("<v><{text}>")]);
        }
    }

    #[test]
    fn no_byte_sequence_breaks_the_lexer() {
        // All sequences of four bytes out of the ones that matter to some state.
        let alphabet = b"a \n\"\\#=\xff";
        for n in 0..alphabet.len().pow(4) {
            let bytes: Vec<u8> = (0..4)
                .map(|i| alphabet[n / alphabet.len().pow(i) % alphabet.len()])
                .collect();
            assert!(lines(&bytes).len() <= 5);
        }
    }
}
