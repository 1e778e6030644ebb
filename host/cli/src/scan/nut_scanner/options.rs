//! nut-scanner's options: letters and long names, values behind them or behind `=`, up to the first word that is none.

use std::ffi::OsString;

/// One option.
struct Known {
    letter: char,
    name: &'static str,
    takes_value: bool,
}

const fn flag(letter: char, name: &'static str) -> Known {
    Known {
        letter,
        name,
        takes_value: false,
    }
}

const fn value(letter: char, name: &'static str) -> Known {
    Known {
        letter,
        name,
        takes_value: true,
    }
}

const KNOWN: &[Known] = &[
    flag('C', "complete_scan"),
    flag('U', "usb_scan"),
    flag('S', "snmp_scan"),
    flag('M', "xml_scan"),
    flag('O', "oldnut_scan"),
    flag('A', "avahi_scan"),
    flag('n', "nut_simulation_scan"),
    flag('I', "ipmi_scan"),
    flag('J', "upower_scan"),
    value('E', "eaton_serial"),
    value('T', "thread"),
    value('t', "timeout"),
    value('s', "start_ip"),
    value('e', "end_ip"),
    value('m', "mask_cidr"),
    value('c', "community"),
    value('l', "secLevel"),
    value('u', "secName"),
    value('w', "authProtocol"),
    value('W', "authPassword"),
    value('x', "privProtocol"),
    value('X', "privPassword"),
    value('b', "username"),
    value('B', "password"),
    value('d', "authType"),
    value('L', "cipher_suite_id"),
    value('p', "port"),
    flag('Q', "disp_nut_conf_with_sanity_check"),
    flag('N', "disp_nut_conf"),
    flag('P', "disp_parsable"),
    flag('a', "available"),
    flag('q', "quiet"),
    flag('V', "version"),
    flag('D', "nut_debug_level"),
    flag('h', "help"),
];

/// The options given, in order.
#[derive(Debug, Default)]
pub(super) struct Options(Vec<(char, String)>);

impl Options {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// What is wrong, in the words of C's getopt.
    pub(super) fn parse(words: Vec<OsString>) -> Result<Self, String> {
        let words = words.into_iter();
        let mut words = words.map(|word| word.to_string_lossy().into_owned());
        let mut options = Self::default();
        while let Some(word) = words.next().filter(|word| word != "--") {
            if let Some(long) = word.strip_prefix("--") {
                options.take_long(long, &mut words)?;
            } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                options.take_letters(letters, &mut words)?;
            } else {
                break;
            }
        }
        Ok(options)
    }

    /// Whether the option was given.
    pub(super) fn has(&self, letter: char) -> bool {
        self.count(letter) > 0
    }

    /// Whether one of these was given.
    pub(super) fn has_any(&self, letters: &str) -> bool {
        self.0.iter().any(|(given, _)| letters.contains(*given))
    }

    /// How often the option was given.
    pub(super) fn count(&self, letter: char) -> usize {
        self.0.iter().filter(|(given, _)| *given == letter).count()
    }

    /// The value of the option as given last.
    pub(super) fn value(&self, letter: char) -> Option<&str> {
        let mut given = self.0.iter().rev();
        given
            .find(|(given, _)| *given == letter)
            .map(|(_, value)| value.as_str())
    }

    /// Which of these was given last.
    pub(super) fn last_of(&self, letters: &[char]) -> Option<char> {
        let mut given = self.0.iter().rev();
        given.find_map(|(given, _)| letters.contains(given).then_some(*given))
    }

    /// All of them.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (char, &str)> {
        self.0
            .iter()
            .map(|(letter, value)| (*letter, value.as_str()))
    }

    fn take_letters(
        &mut self,
        letters: &str,
        more: &mut impl Iterator<Item = String>,
    ) -> Result<(), String> {
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            let known = KNOWN.iter().find(|known| known.letter == letter);
            let known = known.ok_or_else(|| format!("invalid option -- '{letter}'"))?;
            let mut value = String::new();
            if known.takes_value {
                let missing = || format!("option requires an argument -- '{letter}'");
                value = match std::mem::replace(&mut letters, "".chars()).as_str() {
                    "" => more.next().ok_or_else(missing)?,
                    rest => rest.to_owned(),
                };
            }
            self.0.push((letter, value));
        }
        Ok(())
    }

    /// A long name may be cut short as long as only one begins so.
    fn take_long(
        &mut self,
        word: &str,
        more: &mut impl Iterator<Item = String>,
    ) -> Result<(), String> {
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let exact = KNOWN.iter().find(|known| known.name == name);
        let mut likely = KNOWN.iter().filter(|known| known.name.starts_with(name));
        let known = match (exact, likely.next(), likely.next()) {
            (Some(known), ..) | (None, Some(known), None) => known,
            (None, None, _) => return Err(format!("unrecognized option '--{name}'")),
            (None, Some(_), Some(_)) => return Err(format!("option '--{name}' is ambiguous")),
        };
        let value = match (known.takes_value, given) {
            (true, Some(value)) => value,
            (true, None) => more
                .next()
                .ok_or_else(|| format!("option '--{name}' requires an argument"))?,
            (false, None) => String::new(),
            (false, Some(_)) => return Err(format!("option '--{name}' doesn't allow an argument")),
        };
        self.0.push((known.letter, value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(words: &str) -> Result<Vec<(char, String)>, String> {
        Options::parse(words.split(' ').map(OsString::from).collect()).map(|options| options.0)
    }

    fn one(letter: char, value: &str) -> Vec<(char, String)> {
        vec![(letter, value.to_owned())]
    }

    #[test]
    fn letters_and_long_names_mean_the_same() {
        for words in [
            "-p4000",
            "-p 4000",
            "--port 4000",
            "--port=4000",
            "--po 4000",
        ] {
            assert_eq!(parse(words), Ok(one('p', "4000")), "{words}");
        }
        assert_eq!(parse("-qO -m 1.2.3.4/30 foo -P").unwrap().len(), 3);
        assert_eq!(parse("-q -- -P").unwrap().len(), 1);
        assert_eq!(parse("--disp_nut_conf"), Ok(one('N', "")));
    }

    #[test]
    fn mistakes_are_told_as_getopt_tells_them() {
        for (words, expected) in [
            ("-z", "invalid option -- 'z'"),
            ("-p", "option requires an argument -- 'p'"),
            ("--zork", "unrecognized option '--zork'"),
            ("--disp", "option '--disp' is ambiguous"),
            ("--quiet=1", "option '--quiet' doesn't allow an argument"),
            ("--port", "option '--port' requires an argument"),
        ] {
            assert_eq!(parse(words).unwrap_err(), expected);
        }
    }

    #[test]
    fn every_option_that_does_something_is_explained() {
        for known in KNOWN
            .iter()
            .filter(|known| !"SMAIJcluwWxXbBdLh".contains(known.letter))
        {
            let line = format!("-{}, --{}", known.letter, known.name);
            assert!(super::super::HELP.contains(&line), "{line}");
        }
    }
}
