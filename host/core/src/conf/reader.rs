//! A configuration file as statements: lines of words, with all that NUT would drop without a word pointed at.
//!
//! One departure from NUT: after an unescaped `#` in quotes NUT reads the rest of that line as a line of its own and
//! so makes options out of comments. Here the rest of the line is dropped.

use super::diag::{Diagnostics, is_secret};
use super::lexer::{Event, Lexer, MAX_WORD, MAX_WORDS, Word};

/// `name`, or `name = value …`, or words that are neither.
pub(super) enum Statement<'a> {
    /// `[name]`
    Header(&'a Word, &'a str),
    /// One word alone.
    Flag(&'a Word),
    /// A name and at least one word after `=`.
    Assignment(&'a Word, &'a [Word]),
    /// A name, then words without `=`, or `=` without words.
    Other(&'a Word, &'a [Word]),
}

/// The words of every line that has any.
pub(super) fn lines(text: &[u8], found: &mut Diagnostics<'_>) -> Vec<Vec<Word>> {
    let mut lines = Vec::new();
    let mut lexer = Lexer::new();
    let mut place = (1, 0);
    let mut skipping = false;
    let mut start = 0;
    for (at, &byte) in text.iter().enumerate() {
        place = (place.0, place.1 + 1);
        let event = match lexer.push(byte) {
            _ if skipping => {
                lexer.reset();
                Event::Nothing
            }
            event => event,
        };
        match event {
            Event::Nothing => {}
            Event::Line(words) => {
                let raw = text.get(start..at).unwrap_or_default();
                take(raw, words, &mut lines, found);
                start = at + 1;
            }
            Event::Error { words, message } => {
                complain(&words, message, place, found);
                lexer.reset();
                skipping = true;
            }
        }
        if byte == b'\n' {
            if skipping {
                start = at + 1;
            }
            skipping = false;
            place = (place.0 + 1, 0);
        }
    }
    match lexer.finish() {
        _ if skipping => {}
        Event::Nothing => {}
        Event::Line(words) => take(
            text.get(start..).unwrap_or_default(),
            words,
            &mut lines,
            found,
        ),
        // The open word may have taken the last line end with it; then there is no byte on the line to point at.
        Event::Error { words, message } => {
            complain(&words, message, (place.0, place.1.max(1)), found);
        }
    }
    lines
}

/// What kind of statement a line is; `None` for a line without words.
pub(super) fn statement(words: &[Word]) -> Option<Statement<'_>> {
    let (name, rest) = words.split_first()?;
    if let Some(inside) = name
        .text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return Some(Statement::Header(name, inside));
    }
    Some(match rest {
        [] => Statement::Flag(name),
        [equals, value @ ..] if is_equals(equals) && !value.is_empty() => {
            Statement::Assignment(name, value)
        }
        rest => Statement::Other(name, rest),
    })
}

/// Whether the word is an `=` that was not quoted.
pub(super) fn is_equals(word: &Word) -> bool {
    word.text == "=" && !word.quoted
}

/// Says that only the first of several words is used.
pub(super) fn one_word<'a>(words: &'a [Word], found: &mut Diagnostics<'_>) -> Option<&'a Word> {
    let (first, rest) = words.split_first()?;
    if let Some(extra) = rest.first() {
        found.warn(
            extra,
            "only the first word after `=` is used",
            "put the whole value in double quotes",
        );
    }
    Some(first)
}

/// A switch as upsd.conf spells it, in any case; `None` if it is no such word.
pub(super) fn truth(word: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if is(["1", "yes", "on", "true"]) {
        return Some(true);
    }
    is(["0", "no", "off", "false"]).then_some(false)
}

fn take(raw: &[u8], words: Vec<Word>, lines: &mut Vec<Vec<Word>>, found: &mut Diagnostics<'_>) {
    if words.is_empty() {
        return;
    }
    for word in words.iter().filter(|word| word.text.len() >= MAX_WORD) {
        let message = format!("a word holds {MAX_WORD} bytes; the rest of this one is dropped");
        found.warn(word, message, None);
    }
    if let Some(last) = words.last().filter(|_| words.len() >= MAX_WORDS) {
        let message = format!("a line holds {MAX_WORDS} words; those after this one are dropped");
        found.warn(last, message, None);
    }
    for word in outside_ascii(raw, &words) {
        found.warn(
            word,
            "letters outside ASCII and control characters are dropped from this word",
            "write it in plain ASCII; NUT's protocol carries nothing else",
        );
    }
    lines.push(words);
}

/// The words that would be longer if their odd bytes were letters.
fn outside_ascii<'a>(raw: &[u8], words: &'a [Word]) -> impl Iterator<Item = &'a Word> {
    let odd = |byte: u8| byte > 0x7e || (byte < 0x20 && !byte.is_ascii_whitespace() && byte != 0xb);
    let longer = if raw.iter().any(|&byte| odd(byte)) {
        let mut lexer = Lexer::new();
        for &byte in raw {
            lexer.push(if odd(byte) { b'?' } else { byte });
        }
        match lexer.push(b'\n') {
            Event::Line(words) => words,
            _ => Vec::new(),
        }
    } else {
        Vec::new()
    };
    words
        .iter()
        .zip(longer)
        .filter(|(word, longer)| word.text.len() < longer.text.len())
        .map(|(word, _)| word)
}

fn complain(words: &[Word], message: &str, place: (u32, u32), found: &mut Diagnostics<'_>) {
    let at = Word {
        text: String::new(),
        line: place.0,
        col: place.1,
        quoted: false,
    };
    match words.first() {
        // A quoted secret may go on over several lines, so not even this one is shown.
        Some(name) if is_secret(&name.text) => found.error_unseen(&at, message),
        _ => found.error(&at, message, None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str], complaints: &[&str]) {
        let mut found = Diagnostics::new("f", text.as_bytes());
        let lines = lines(text.as_bytes(), &mut found);
        let shown: Vec<String> = lines
            .iter()
            .map(|words| {
                let words: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
                words.join("|")
            })
            .collect();
        assert_eq!(shown, expected, "{text:?}");
        let places: Vec<String> = found
            .finish()
            .iter()
            .map(|d| format!("{}:{} {}", d.line, d.col, d.message))
            .collect();
        assert_eq!(places.len(), complaints.len(), "{places:?}");
        for (place, complaint) in places.iter().zip(complaints) {
            assert!(place.starts_with(complaint), "{place} is not {complaint}");
        }
    }

    #[test]
    fn lines_with_words_are_kept() {
        check("a = b # c\n\n# d\n [e]\r\n", &["a|=|b", "[e]"], &[]);
        check("a = b", &["a|=|b"], &[]);
    }

    #[test]
    fn a_hash_in_quotes_costs_its_line_and_no_more() {
        check(
            "desc = \"A #1\" \"x\nport = y\n",
            &["port|=|y"],
            &["1:11 unescaped #"],
        );
        check("desc = \"A #1\"", &[], &["1:11 unescaped #"]);
    }

    #[test]
    fn what_nut_drops_in_silence_is_said() {
        check(
            "desc = \"Caf\u{e9}\" # \u{e9}\n",
            &["desc|=|Caf"],
            &["1:8 letters outside"],
        );
        check("# \u{e9}\na\n", &["a"], &[]);
        check("lonely", &[], &["1:6 the file ends"]);
        let long = format!("a = {}\n", "x".repeat(600));
        check(
            &long,
            &[&format!("a|=|{}", "x".repeat(512))],
            &["1:5 a word holds 512"],
        );
        let many = format!("{}\n", "w ".repeat(40));
        check(
            &many,
            &[["w"; 32].join("|").as_str()],
            &["1:63 a line holds 32"],
        );
    }

    #[test]
    fn a_broken_secret_is_not_shown() {
        let text = b"password = \"abc\ndef#ghi\"\n";
        let mut found = Diagnostics::new("f", text);
        assert!(lines(text, &mut found).is_empty());
        let all = found.finish();
        assert_eq!(all.len(), 1);
        assert!(!all[0].to_string().contains("def"), "{}", all[0]);
    }

    #[test]
    fn switches_have_eight_spellings() {
        for (word, expected) in [("YES", Some(true)), ("off", Some(false)), ("2", None)] {
            assert_eq!(truth(word), expected);
        }
    }
}
