//! Bridges that answer with string descriptors: the number of the string is the command, its text the answer.
//!
//! There is no way to pass an argument but in the number, so most commands cannot be given; those come back as their own echo.
//! A table of numbers for each, and what else they want:
//!
//! * krauler (no-name 0001:0000, Legrand Daker DK): the first character is rubbish and stands for `(` or `#`; the answer to a
//!   command is any text. "UPS No Ack" means: not now, ask again. Strings 0x68 and 0x69 switch off after an unknown time and
//!   are never read here.
//! * fabula (MEC0003 of MEC): "UPS No Ack" is the answer to every command, whether it was taken or not.
//! * hunnox (other MEC0003): as fabula, and in lock-step: it wants to be asked the way its maker's program asks, another
//!   string before each, and no more than 102 bytes at once, or it wedges until it is plugged in anew.
//! * snr (SNR-UPS-LID): an interrupt has to be asked for first, or strings are zeros for a while.
//!
//! Some are only right in a language they do not list (`langid_fix`: 0x0409 for LDLC, 0x4095 for Dynamix); then a descriptor
//! that is not as long as it says is asked for again.

use super::device::Device;
use super::{END, Framing, INTERRUPT_IN};
use crate::link::Expect;
use husk_driver::wire::hid::setup::{ENGLISH, language};
use husk_driver::{Deadline, Error, Settings, host};

/// A kind of bridge.
pub(super) struct Row {
    /// Commands and their strings.
    numbers: &'static [(&'static str, u8)],
    /// Whether S… is a string too, see [`shutdown`].
    shuts_down: bool,
    /// The first character is not part of the answer.
    rubbish_first: bool,
    /// Attempts while it says that it has no answer, or while the answer is cut.
    tries: u32,
    /// Bytes asked for at once: more than 255 and some answer nothing.
    longest: u16,
    before: Before,
}

/// What is done before a string is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    LockStep,
    Interrupt,
}

#[rustfmt::skip]
pub(super) static KRAULER: Row = Row {
    numbers: &[
        ("Q1", 0x03), ("F", 0x0d), ("I", 0x0c), ("T", 0x04), ("TL", 0x05), ("Q", 0x07), ("C", 0x0b), ("CT", 0x0b),
    ],
    shuts_down: false,
    rubbish_first: true,
    tries: 10,
    longest: 255,
    before: Before::Nothing,
};
#[rustfmt::skip]
pub(super) static FABULA: Row = Row {
    numbers: &[("Q1", 0x03), ("F", 0x0d), ("I", 0x0c), ("Q", 0x07), ("C", 0x0a)],
    shuts_down: true,
    rubbish_first: false,
    tries: 1,
    longest: 255,
    before: Before::Nothing,
};
#[rustfmt::skip]
pub(super) static HUNNOX: Row = Row {
    numbers: &[("Q1", 0x03), ("F", 0x0d), ("I", 0x0c), ("Q", 0x07), ("C", 0x0a), ("BL", 0xf3)],
    shuts_down: true,
    rubbish_first: false,
    tries: 1,
    longest: 102,
    before: Before::LockStep,
};
#[rustfmt::skip]
pub(super) static SNR: Row = Row {
    numbers: &[("Q1", 0x03), ("F", 0x0d), ("I", 0x0c)],
    shuts_down: false,
    rubbish_first: true,
    tries: 10,
    longest: 102,
    before: Before::Interrupt,
};

const WITHIN: Deadline = Deadline::ms(1000);
/// The strings that are read for their text; the others for their effect.
const QUERIES: &[&[u8]] = &[b"Q1", b"F", b"I", b"BL"];
/// What it says instead of an answer.
const NO_ACK: &[u8] = b"UPS No Ack";
/// How the maker's program of hunnox begins: these strings, this many bytes, then a pause in milliseconds.
const OPENING: [u8; 3] = [0, 0, 1];
const OPENING_LENGTH: u16 = 1026;
const OPENING_PAUSE_MS: u32 = 10;
/// And which strings it reads in turn beside those that are wanted; the last one is the maker's name.
const TURNS: [u8; 3] = [0x0d, 0x03, MAKER];
const MAKER: u8 = 0x0c;

/// The conversation over a bridge of one of the rows.
pub(super) struct Strings {
    row: &'static Row,
    /// In which strings are asked for; its own first one when absent.
    language: Option<u16>,
    /// `langid_fix` was given.
    exact: bool,
    /// Lock-step: 0 before the opening, then the turn.
    step: usize,
    no_maker: bool,
}

impl Strings {
    pub(super) fn new(row: &'static Row, settings: &Settings) -> Result<Self, Error> {
        let hex = |text: &str| {
            let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
            u16::from_str_radix(digits.unwrap_or(text), 16).ok()
        };
        let expected = || "a language in hexadecimal digits, as 0x0409".to_owned();
        let fixed = settings.parsed("langid_fix", hex, expected)?;
        let listed = row.before == Before::Nothing && !settings.flag("noscanlangid");
        Ok(Self {
            row,
            language: fixed.or((!listed).then_some(ENGLISH)),
            exact: fixed.is_some() || row.before != Before::Nothing,
            step: 0,
            no_maker: settings.flag("novendor"),
        })
    }

    /// The language of the strings, asked for once.
    fn language(&mut self, device: &mut Device) -> Result<u16, Error> {
        if let Some(language) = self.language {
            return Ok(language);
        }
        let found = match device.string(0, 0, 4, WITHIN) {
            Ok(list) => language(&list),
            Err(Error::Lost) => return Err(Error::Lost),
            Err(_) => ENGLISH,
        };
        self.language = Some(found);
        Ok(found)
    }

    fn prepare(&mut self, device: &mut Device, wanted: u8) -> Result<(), Error> {
        let language = self.language.unwrap_or(ENGLISH);
        match self.row.before {
            Before::Nothing => Ok(()),
            Before::Interrupt => ignored(
                device
                    .read(INTERRUPT_IN, self.row.longest, WITHIN)
                    .map(drop),
            ),
            Before::LockStep => {
                let turn = self.step.checked_sub(1);
                self.step = self.step % TURNS.len() + 1;
                let Some(turn) = turn else {
                    for index in OPENING {
                        let read = device.string(index, language, OPENING_LENGTH, WITHIN);
                        ignored(read.map(drop))?;
                    }
                    host::sleep_ms(OPENING_PAUSE_MS);
                    return Ok(());
                };
                match TURNS.get(turn) {
                    Some(&other) if other != wanted && !(self.no_maker && other == MAKER) => {
                        let read = device.string(other, language, self.row.longest, WITHIN);
                        ignored(read.map(drop))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// The text of a string, or `None` when the descriptor is cut short.
    fn read(
        &self,
        device: &mut Device,
        index: u8,
        language: u16,
    ) -> Result<Option<Vec<u8>>, Error> {
        let bytes = device.string(index, language, self.row.longest, WITHIN)?;
        Ok(text(&bytes, self.exact))
    }
}

impl Framing for Strings {
    fn carry(
        &mut self,
        device: &mut Device,
        command: &[u8],
        _expect: &Expect,
    ) -> Result<Vec<u8>, Error> {
        let number = self
            .row
            .numbers
            .iter()
            .find(|(name, _)| name.as_bytes() == command)
            .map(|(_, number)| *number)
            .or_else(|| shutdown(command).filter(|_| self.row.shuts_down));
        let Some(number) = number else {
            return Ok(command.to_vec());
        };
        self.prepare(device, number)?;
        match self.answer(device, command, number) {
            // Strings are always answered: one that is not did nothing, and must not pass for a command taken in silence.
            Err(Error::Timeout) if !QUERIES.contains(&command) => Err(Error::Failed(format!(
                "no acknowledgement of {}",
                String::from_utf8_lossy(command)
            ))),
            answer => answer,
        }
    }

    fn endpoint(&self) -> Option<u8> {
        None
    }
}

impl Strings {
    fn answer(
        &mut self,
        device: &mut Device,
        command: &[u8],
        number: u8,
    ) -> Result<Vec<u8>, Error> {
        let language = self.language(device)?;
        let mut cut = false;
        for _ in 0..self.row.tries {
            let Some(mut answer) = self.read(device, number, language)? else {
                // Reading gives the command: once more would toggle the beeper back.
                if !QUERIES.contains(&command) {
                    return Err(Error::Failed(format!(
                        "the acknowledgement of {} is cut; perhaps it was taken",
                        String::from_utf8_lossy(command)
                    )));
                }
                cut = true;
                continue;
            };
            if let Some(end) = answer.iter().position(|&byte| byte == END) {
                answer.truncate(end);
            }
            if answer.eq_ignore_ascii_case(NO_ACK) {
                match self.row.rubbish_first {
                    true => continue,
                    false => return Ok(Vec::new()),
                }
            }
            return self.row.answer(command, answer);
        }
        Err(match cut {
            true => Error::Protocol("its strings are not as long as they say".to_owned()),
            false => Error::Timeout,
        })
    }
}

impl Row {
    fn answer(&self, command: &[u8], mut answer: Vec<u8>) -> Result<Vec<u8>, Error> {
        let Some(first) = answer.first_mut() else {
            return Err(Error::Timeout);
        };
        match command {
            _ if !self.rubbish_first => {}
            b"Q1" => *first = b'(',
            b"F" | b"I" => *first = b'#',
            // Whatever it says, it took the command.
            _ => return Ok(Vec::new()),
        }
        Ok(answer)
    }
}

/// What is read for its effect; only a lost device matters.
fn ignored(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(Error::Lost) => Err(Error::Lost),
        _ => Ok(()),
    }
}

/// The string that switches off (fabula, hunnox): 0x10 for half a minute, 0x20 for 0.6 minutes to 0x60 for one, 0x70 for two
/// to 0xf0 for ten; 8 more when mains are to bring it back, ten seconds later. What is less than half a minute or more than
/// ten cannot be said, and is brought to the next that can.
fn shutdown(command: &[u8]) -> Option<u8> {
    let (delay, back) = match command.strip_prefix(b"S")? {
        [delay @ .., b'R', a, b, c, d] => (delay, Some([*a, *b, *c, *d])),
        delay => (delay, None),
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let tenths = match *delay {
        [b'.', tenths] => digit(tenths)?,
        [tens, ones] => (digit(tens)? * 10 + digit(ones)?) * 10,
        _ => return None,
    };
    let stays_off = match back {
        Some(minutes) => {
            if !minutes.iter().all(u8::is_ascii_digit) {
                return None;
            }
            minutes == *b"0000"
        }
        None => false,
    };
    let step = match tenths {
        ..=5 => 0x10,
        6..10 => 0x10 + (tenths - 5) * 0x10,
        10..100 => 0x60 + (tenths / 10 - 1) * 0x10,
        100.. => 0xf0,
    };
    u8::try_from(step + if stays_off { 0 } else { 8 }).ok()
}

/// The text of a string descriptor, blanks at its end included: UTF-16 cut to ASCII, `?` for the rest. `None` when it is none
/// or is shorter than it says; `exact`: or longer.
fn text(bytes: &[u8], exact: bool) -> Option<Vec<u8>> {
    const STRING: u8 = 3;
    let [length, STRING, ref units @ ..] = *bytes else {
        return None;
    };
    let length = usize::from(length);
    if length > bytes.len() || (exact && length != bytes.len()) {
        return None;
    }
    let units = units.get(..length.checked_sub(2)?)?;
    let ascii = |unit: &[u8]| match *unit {
        [low, 0] if low.is_ascii() => low,
        _ => b'?',
    };
    Some(units.chunks_exact(2).map(ascii).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shutdown_is_a_number_in_tens_of_hex() {
        for (command, number) in [
            ("S.5R0000", Some(0x10)),
            ("S.5R0003", Some(0x18)),
            ("S.5", Some(0x18)),
            ("S.2R0001", Some(0x18)),
            ("S00R0000", Some(0x10)),
            ("S.6", Some(0x28)),
            ("S.9R0000", Some(0x50)),
            ("S01R0000", Some(0x60)),
            ("S02R0001", Some(0x78)),
            ("S09R0000", Some(0xe0)),
            ("S10R0003", Some(0xf8)),
            ("S99R0000", Some(0xf0)),
            ("S", None),
            ("S5", None),
            ("SxyR0000", None),
            ("S.5R00x0", None),
            ("Q1", None),
        ] {
            assert_eq!(shutdown(command.as_bytes()), number, "{command}");
        }
    }

    #[test]
    fn a_text_is_as_long_as_it_says() {
        let string = [8, 3, b'(', 0, 0xe4, 0, b'1', 1];
        assert_eq!(text(&string, true), Some(b"(??".to_vec()));
        let longer = [&string[..], &[b'x', 0]].concat();
        assert_eq!(text(&longer, true), None);
        assert_eq!(text(&longer, false), Some(b"(??".to_vec()));
        for bad in [&string[..7], &[], &[2], &[0, 3], &[4, 2, b'A', 0]] {
            assert_eq!(text(bad, false), None, "{bad:?}");
        }
        assert_eq!(text(&[2, 3], true), Some(Vec::new()));
    }
}
