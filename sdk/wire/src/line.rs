//! Answers that are one line of ASCII: framing, cutting by column and by blank, decimal numbers.
//!
//! Refuses to guess: a column that is not there, a digit that is not one, a number with an exponent are all
//! `None`. Columns count bytes from 0 and are inclusive, as the documents of these devices count them.

/// The line without its terminator, or `None` when the terminator is missing or is followed by more.
#[must_use]
pub fn framed(bytes: &[u8], terminator: u8) -> Option<&[u8]> {
    let (last, line) = bytes.split_last()?;
    (*last == terminator && !line.contains(&terminator)).then_some(line)
}

/// The bytes as text when every one of them is printable ASCII (a blank counts).
#[must_use]
pub fn printable(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    text.bytes()
        .all(|byte| (b' '..=b'~').contains(&byte))
        .then_some(text)
}

/// Columns `from..=to`, or `None` when the line is shorter.
#[must_use]
pub fn columns(line: &str, from: usize, to: usize) -> Option<&str> {
    line.get(from..to.checked_add(1)?)
}

/// Column `from` and all that follow, or `None` when the line ends before it.
#[must_use]
pub fn rest(line: &str, from: usize) -> Option<&str> {
    line.get(from..).filter(|rest| !rest.is_empty())
}

/// The byte in one column.
#[must_use]
pub fn column(line: &str, at: usize) -> Option<u8> {
    line.as_bytes().get(at).copied()
}

/// An unsigned decimal number, digits with at most one point: `229.3`, `050`, `13.`, `.5`.
///
/// No sign, no exponent, no blank, no `nan`: whatever is not a plain decimal is `None`.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let mut digits: u64 = 0;
    let mut count = 0_u32;
    let mut scale: Option<u32> = None;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                digits = digits
                    .checked_mul(10)?
                    .checked_add(u64::from(byte - b'0'))?;
                count += 1;
                scale = scale.map(|places| places + 1);
            }
            b'.' if scale.is_none() => scale = Some(0),
            _ => return None,
        }
    }
    // 2^53: beyond it a double no longer holds every whole number, and the quotient would be rounded twice.
    if count == 0 || digits > 1 << 53 {
        return None;
    }
    let divisor = 10_u64.checked_pow(scale.unwrap_or(0))?;
    Some(digits as f64 / divisor as f64)
}

/// As [`number`], with an optional leading sign.
#[must_use]
pub fn signed(text: &str) -> Option<f64> {
    match text.as_bytes().first()? {
        b'-' => number(text.get(1..)?).map(|value| -value),
        b'+' => number(text.get(1..)?),
        _ => number(text),
    }
}

/// A whole number without sign: digits only.
#[must_use]
pub fn whole(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The bit a `0` or `1` stands for.
#[must_use]
pub fn bit(byte: u8) -> Option<bool> {
    match byte {
        b'0' => Some(false),
        b'1' => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_exactly_one_line() {
        assert_eq!(framed(b"ACK\r", b'\r'), Some(&b"ACK"[..]));
        assert_eq!(framed(b"\r", b'\r'), Some(&b""[..]));
        for bad in [&b""[..], b"ACK", b"A\rB\r", b"\r\r"] {
            assert_eq!(framed(bad, b'\r'), None, "{bad:?}");
        }
    }

    #[test]
    fn text_is_printable_ascii() {
        assert_eq!(printable(b"(1 ~"), Some("(1 ~"));
        for bad in [&b"\0"[..], b"\x7f", b"\xff", b"a\n", "ä".as_bytes()] {
            assert_eq!(printable(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn columns_are_inclusive_and_never_panic() {
        assert_eq!(columns("(215.0 195", 1, 5), Some("215.0"));
        assert_eq!(columns("(215", 1, 5), None);
        assert_eq!(columns("", 1, usize::MAX), None);
        assert_eq!(columns("aäb", 2, 2), None, "not on a character border");
        assert_eq!((rest("#abc", 1), rest("#", 1)), (Some("abc"), None));
        assert_eq!((column("a", 0), column("a", 1)), (Some(b'a'), None));
    }

    #[test]
    fn numbers_are_plain_decimals() {
        for (text, value) in [
            ("229.3", 229.3),
            ("050", 50.0),
            ("13.", 13.0),
            (".5", 0.5),
            ("0", 0.0),
            ("2.27", 2.27),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for bad in [
            "", ".", "-1", "1e3", "nan", "inf", " 1", "1 ", "1.2.3", "---.-", "0x10", "1,5",
        ] {
            assert_eq!(number(bad), None, "{bad}");
        }
        assert_eq!(number(&"9".repeat(300)), None);
        assert_eq!(number(&format!("0.{}", "0".repeat(300))), None);
        assert_eq!(
            (signed("-1.5"), signed("+2"), signed("--1")),
            (Some(-1.5), Some(2.0), None)
        );
        assert_eq!(
            (
                whole("0180"),
                whole("18.0"),
                whole(""),
                whole("99999999999")
            ),
            (Some(180), None, None, None)
        );
        assert_eq!(
            (bit(b'0'), bit(b'1'), bit(b'2')),
            (Some(false), Some(true), None)
        );
    }
}
