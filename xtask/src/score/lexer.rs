//! The lexer of NUT's files, written once more on purpose: the score must not share a mistake with what it judges.
//!
//! Words end at blanks, `"…"` groups, a backslash takes the next byte as it is, `#` comments, `=` is a word of its own;
//! bytes outside printable ASCII vanish.

/// Words of a line; further ones are dropped.
const WORDS: usize = 32;
/// Bytes of a word; the rest is cut off.
const WORD: usize = 512;

/// Words, line by line; a line that NUT's lexer refuses is left out.
pub(super) fn lines(text: &[u8]) -> Vec<Vec<String>> {
    let mut lexer = Lexer::default();
    for byte in text {
        lexer.push(*byte);
    }
    // The last line counts without its line feed once a word of it is complete.
    if !lexer.words.is_empty() {
        lexer.push(b'\n');
    }
    lexer.lines
}

#[derive(Default)]
struct Lexer {
    lines: Vec<Vec<String>>,
    words: Vec<String>,
    word: String,
    place: Place,
    escaped: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Between,
    Plain,
    Quoted,
    Comment,
}

impl Lexer {
    fn push(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
            if byte != b'\n' {
                self.take(byte);
            }
            return;
        }
        match (self.place, byte) {
            (Place::Quoted, b'"') => self.end_word(Place::Between),
            // A lone # inside quotes is the lexer's only error; what follows is read as a new line.
            (Place::Quoted, b'#') => {
                self.words.clear();
                self.word.clear();
                self.place = Place::Between;
            }
            (Place::Comment | Place::Between, b'\n') => self.end_line(),
            (Place::Plain, b'\n') => {
                self.end_word(Place::Between);
                self.end_line();
            }
            (Place::Comment, _) => {}
            (_, b'\\') => {
                self.escaped = true;
                if self.place == Place::Between {
                    self.place = Place::Plain;
                }
            }
            (Place::Quoted, _) => self.take(byte),
            (Place::Plain, b'#') => self.end_word(Place::Comment),
            (Place::Between, b'#') => self.place = Place::Comment,
            (Place::Between, b'"') => self.place = Place::Quoted,
            (place, b'=') => {
                if place == Place::Plain {
                    self.end_word(Place::Between);
                }
                self.take(byte);
                self.end_word(Place::Between);
            }
            // Blank, TAB, CR, VT and FF.
            (place, b' ' | 9 | 11..=13) => {
                if place == Place::Plain {
                    self.end_word(Place::Between);
                }
            }
            (_, _) => {
                self.place = Place::Plain;
                self.take(byte);
            }
        }
    }

    fn take(&mut self, byte: u8) {
        if (b' '..=0x7f).contains(&byte) && self.word.len() < WORD {
            self.word.push(char::from(byte));
        }
    }

    fn end_word(&mut self, place: Place) {
        let word = std::mem::take(&mut self.word);
        if self.words.len() < WORDS {
            self.words.push(word);
        }
        self.place = place;
    }

    fn end_line(&mut self) {
        self.place = Place::Between;
        let words = std::mem::take(&mut self.words);
        self.lines.push(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_as_nut_cuts_them() {
        let words = |text: &str| lines(text.as_bytes());
        assert_eq!(words("a  b\"c =d # e\n"), [["a", "b\"c", "=", "d"]]);
        assert_eq!(words("\"a b\"c\n"), [["a b", "c"]]);
        assert_eq!(words("a \\\nb\\ c\n"), [["a", "b c"]]);
        assert_eq!(words("a \"b # c\nd e"), [vec!["c"], vec!["d", "e"]]);
        assert_eq!(words("alone"), Vec::<Vec<String>>::new());
        assert_eq!(
            lines(&[b"w ".repeat(40), b"\n".to_vec()].concat())[0].len(),
            WORDS
        );
    }
}
