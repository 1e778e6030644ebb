//! Options as NUT's programs read them: single letters that may share a dash, up to the first word that is none.
//!
//! So in `upsc ups -j` the `-j` is the name of a variable; scripts written for NUT count on where options end. There are no
//! long options.

use std::ffi::OsString;

/// A command line taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    /// Options in order, each with its value; empty if it takes none.
    pub options: Vec<(char, String)>,
    /// The words after the options.
    pub operands: Vec<String>,
}

impl Args {
    /// Takes apart what follows the program's name. `known` lists the letters, each followed by `:` if it takes a value.
    ///
    /// # Errors
    /// What is wrong, in the words of C's getopt.
    pub(crate) fn parse(known: &str, words: Vec<OsString>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut words = words
            .into_iter()
            .map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            }
            let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                args.operands.push(word);
                break;
            };
            args.take_letters(known, letters, &mut words)?;
        }
        args.operands.extend(words);
        Ok(args)
    }

    /// Whether the option was given.
    pub(crate) fn has(&self, letter: char) -> bool {
        self.options.iter().any(|&(given, _)| given == letter)
    }

    /// The value of the option as given last.
    pub(crate) fn value(&self, letter: char) -> Option<&str> {
        let mut given = self.options.iter().rev();
        given
            .find(|(given, _)| *given == letter)
            .map(|(_, value)| value.as_str())
    }

    /// The operand at `at`.
    pub(crate) fn operand(&self, at: usize) -> Option<&str> {
        self.operands.get(at).map(String::as_str)
    }

    fn take_letters(
        &mut self,
        known: &str,
        letters: &str,
        more: &mut impl Iterator<Item = String>,
    ) -> Result<(), String> {
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            let place = known.find(letter).filter(|_| letter != ':');
            let place = place.ok_or_else(|| format!("invalid option -- '{letter}'"))?;
            let mut value = String::new();
            if known
                .get(place + 1..)
                .is_some_and(|rest| rest.starts_with(':'))
            {
                value = match letters.as_str() {
                    "" => more
                        .next()
                        .ok_or_else(|| format!("option requires an argument -- '{letter}'"))?,
                    rest => rest.to_owned(),
                };
                letters = "".chars();
            }
            self.options.push((letter, value));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(words: &str) -> Result<Args, String> {
        Args::parse("lwjs:t:", words.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn options_end_at_the_first_other_word() {
        let args = parse("-lj -sups.id=5 -t 3 ups -w").unwrap();
        assert!(args.has('l') && args.has('j') && !args.has('w'));
        assert_eq!(args.value('s'), Some("ups.id=5"));
        assert_eq!(args.value('t'), Some("3"));
        assert_eq!(args.operands, ["ups", "-w"]);
        assert_eq!(parse("-l -- -w").unwrap().operands, ["-w"]);
        assert_eq!(parse("- -w").unwrap().operands, ["-", "-w"]);
        assert_eq!(parse("-t 1 -t 2").unwrap().value('t'), Some("2"));
    }

    #[test]
    fn mistakes_are_told_as_getopt_tells_them() {
        for (words, expected) in [
            ("-x", "invalid option -- 'x'"),
            ("-l:", "invalid option -- ':'"),
            ("--long", "invalid option -- '-'"),
            ("-ls", "option requires an argument -- 's'"),
        ] {
            assert_eq!(parse(words).unwrap_err(), expected);
        }
    }
}
