//! Which letters a unit knows: what it says itself, and for units that do not say it, their firmware.
//!
//! ```text
//! > a
//! < 3.!$%+?=#|.^A^N^Z')+-89@ABDEFGKLMNOPQRSUVWXYZabcdefgjklmnopqrsuxyz~
//!   link level . alerts . letters
//! < 3.!$%+?=#|.….\x9f:\xd3\xd4      SPM series: and letters of two bytes, 9f d3 and 9f d4
//! ```
//!
//! Firmware, symptom and remedy are rows of [`FIXED`]; the source of all is NUT's driver.

/// Units that do not know `a`, or answer it with something else, by what `V` (or else `b`) says.
struct Fixed {
    firmware: &'static [&'static str],
    letters: &'static [u8],
    /// What they are called where ^A is not known.
    model: &'static str,
}

pub(crate) const SMART: &str = "Smart-UPS";
pub(crate) const MATRIX: &str = "Matrix-UPS";

#[rustfmt::skip]
static FIXED: &[Fixed] = &[
    Fixed { firmware: &["0XI", "0XM"], model: MATRIX,
            letters: b"@789ABCDEFGKLMNOPQRSTUVWXYZcefgjklmnopqrsuwxz/<>\\^\x0c\x16" },
    Fixed { firmware: &["0ZI", "5UI", "5ZM"], model: MATRIX,
            letters: b"@79ABCDEFGKLMNOPQRSUVWXYZcefgjklmnopqrsuxz/<>" },
    // Smart-UPS 600, 900 and 1250 of the second generation.
    Fixed { firmware: &["6QD", "6QI", "6TD", "6TI", "7QD", "7QI", "7TD", "7TI", "8QD", "8QI", "8TD", "8TI"], model: SMART,
            letters: b"@79ABCDEFGKLMNOPQRSUVWXYZcefgjklmnopqrsuxz" },
    // Smart-UPS 600I
    Fixed { firmware: &["6JI"], model: SMART,
            letters: b"@789ABCFGKLMNOPQSTUVWXYZfg" },
    // Smart-UPS 900I, 1250I, 2000I
    Fixed { firmware: &["7II", "8II", "9II", "9GI"], model: SMART,
            letters: b"@79ABCEFGKLMNOPQRSUVWXYZcfg" },
    // Another 1250I, without a name of its own.
    Fixed { firmware: &["8GI"], model: SMART,
            letters: b"@79ABCEFGKLMNOPQRSUVWXYZfg" },
    // Back-UPS CS 350 on the serial cable; it says its model.
    Fixed { firmware: &["5.4.D"], model: MATRIX,
            letters: b"@\x01ABPQRSUYbdfgjmnx9" },
];

/// Some old Smart-UPS 600 know no `V` and tell a voltage by `b`, two hexadecimal digits.
static VOLTAGE_BY_B: Fixed = Fixed {
    firmware: &[],
    model: SMART,
    letters: b"@789ABCFGKLMNOPQRSUVWXYZ",
};

/// What may be asked of a unit that neither says what it knows nor is in the table. Not `c` and `x`: those can be
/// written, and such a unit has nothing to write to.
pub(crate) const UNKNOWN: &[u8] = b"CPLOfB\x01nbV/";

/// ^Z, the capability string.
pub(crate) const CAPABILITIES: u8 = 0x1a;

/// Known and no value: modes (`R` `Y`), writing (`-` `+`), the status, what answers with a list, and letters of APC's
/// own whose answers nobody needs.
const NO_VALUE: &[u8] = b"\x1a\x7f~')-+8QRYayz";

/// Whether a letter stands for a value or a command.
pub(crate) fn counts(letter: u8) -> bool {
    !NO_VALUE.contains(&letter)
}

/// The letters of a unit with this firmware, and what it is called.
pub(crate) fn by_firmware(firmware: &str) -> Option<(&'static [u8], &'static str)> {
    let voltage = firmware.len() == 2 && firmware.bytes().all(|byte| byte.is_ascii_hexdigit());
    let known = |fixed: &&Fixed| fixed.firmware.contains(&firmware);
    let fixed = match voltage {
        true => &VOLTAGE_BY_B,
        false => FIXED.iter().find(known)?,
    };
    Some((fixed.letters, fixed.model))
}

/// What a unit says it knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandSet {
    pub(crate) letters: Vec<u8>,
    /// Letters of two bytes.
    pub(crate) pairs: Vec<[u8; 2]>,
}

/// The answer to `a`; `None`: it is something else, as very old units give.
pub(crate) fn command_set(answer: &[u8]) -> Option<CommandSet> {
    let parts: Vec<&[u8]> = answer.split(|byte| *byte == b'.').collect();
    let (level, letters, pairs): (_, _, &[u8]) = match *parts {
        [level, _alerts, letters] => (level, letters, &[]),
        [level, _alerts, letters, pairs] if !pairs.is_empty() => (level, letters, pairs),
        _ => return None,
    };
    let is_level = matches!(level, [digit] if digit.is_ascii_digit());
    (is_level && !letters.is_empty()).then(|| CommandSet {
        letters: letters.to_vec(),
        pairs: two_bytes(pairs),
    })
}

/// `P:abc` is Pa, Pb and Pc.
fn two_bytes(text: &[u8]) -> Vec<[u8; 2]> {
    let mut pairs = Vec::new();
    let mut prefix = None;
    for (at, byte) in text.iter().enumerate() {
        match text.get(at + 1) {
            Some(b':') => prefix = Some(*byte),
            _ if *byte == b':' => {}
            _ => pairs.extend(prefix.map(|prefix| [prefix, *byte])),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn old_units_are_known_by_their_firmware() {
        assert_eq!(by_firmware("6QD").unwrap().1, SMART);
        assert_eq!(by_firmware("0XI").unwrap().1, MATRIX);
        assert!(by_firmware("5.4.D").unwrap().0.contains(&1));
        assert_eq!(by_firmware("fe").unwrap().0, VOLTAGE_BY_B.letters);
        for modern in ["DWI", "21.3.I", "451.2.I", "", "SM"] {
            assert_eq!(by_firmware(modern), None, "{modern}");
        }
    }

    #[test]
    fn the_answer_to_a_is_taken_apart_or_refused() {
        let set = command_set(b"3.!$%+?=#|.\x01\x0e\x1aABC").unwrap();
        assert_eq!(
            (set.letters.as_slice(), set.pairs.len()),
            (&b"\x01\x0e\x1aABC"[..], 0)
        );
        let set = command_set(b"3.!$.AB.\x9f:\xd3\xd4\xa0:\x01").unwrap();
        assert_eq!(set.pairs, [[0x9f, 0xd3], [0x9f, 0xd4], [0xa0, 1]]);
        for other in [
            &b""[..],
            b".!$?.3",
            b"3",
            b"3.!$",
            b"3.!$.",
            b"33.!$.A",
            b"3.!$.A.",
            b"3.!$.A.b.c",
            b"x.!$.A",
        ] {
            assert_eq!(command_set(other), None, "{other:?}");
        }
    }
}
