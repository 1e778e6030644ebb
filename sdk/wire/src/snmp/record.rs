//! `.snmprec` files: an agent's objects as text, one per line, `OID|tag|value`. The format of snmpsim.
//!
//! Tags are the numbers of the BER tags: 2 INTEGER, 4 OCTET STRING (4x in hex, 4e with `\` escapes), 5 NULL,
//! 6 OBJECT IDENTIFIER, 64 IpAddress, 65 Counter32, 66 Gauge32, 67 TimeTicks, 68 Opaque (hex), 70 Counter64. A variation
//! module behind a colon is not played: its first value stands for all.
//!
//! Refuses to: guess at a line it cannot read; the answer names it.

use super::{Oid, SnmpValue};
use std::collections::BTreeMap;
use std::fmt;

/// An agent's objects in the order of a walk.
pub type Objects = BTreeMap<Oid, SnmpValue>;

/// A line that names no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which one, from 1.
    pub line: usize,
    /// It.
    pub text: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is no OID|tag|value: {}", self.line, self.text)
    }
}

impl std::error::Error for BadLine {}

/// Reads a whole file, as bytes because its values need not be UTF-8.
///
/// # Errors
/// The first line that names no object.
pub fn parse(text: &[u8]) -> Result<Objects, BadLine> {
    let mut objects = Objects::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let bad = || BadLine {
            line: at + 1,
            text: String::from_utf8_lossy(line).into_owned(),
        };
        let (oid, value) = object(line).ok_or_else(bad)?;
        objects.insert(oid, value);
    }
    Ok(objects)
}

/// The line of a file that stands for an object; `None` for one that is not there.
#[must_use]
pub fn line(oid: &Oid, value: &SnmpValue) -> Option<String> {
    let hex = |bytes: &[u8]| -> String {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    };
    let printable = |bytes: &[u8]| bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    let value = match value {
        SnmpValue::Integer(number) => format!("2|{number}"),
        SnmpValue::Octets(bytes) if printable(bytes) => {
            format!("4|{}", String::from_utf8_lossy(bytes))
        }
        SnmpValue::Octets(bytes) => format!("4x|{}", hex(bytes)),
        SnmpValue::Null => "5|".to_owned(),
        SnmpValue::Oid(oid) => format!("6|{oid}"),
        SnmpValue::IpAddress([a, b, c, d]) => format!("64|{a}.{b}.{c}.{d}"),
        SnmpValue::Counter32(number) => format!("65|{number}"),
        SnmpValue::Gauge32(number) => format!("66|{number}"),
        SnmpValue::TimeTicks(number) => format!("67|{number}"),
        SnmpValue::Opaque(bytes) => format!("68x|{}", hex(bytes)),
        SnmpValue::Counter64(number) => format!("70|{number}"),
        SnmpValue::NoSuchObject | SnmpValue::NoSuchInstance | SnmpValue::EndOfMibView => {
            return None;
        }
    };
    Some(format!("{oid}|{value}"))
}

fn object(line: &[u8]) -> Option<(Oid, SnmpValue)> {
    let mut fields = line.splitn(3, |byte| *byte == b'|');
    let (oid, tag, text) = (fields.next()?, fields.next()?, fields.next()?);
    let oid = std::str::from_utf8(oid).ok()?.trim().parse().ok()?;
    Some((oid, value(std::str::from_utf8(tag).ok()?, text)?))
}

/// The value behind a tag, as it stands in a file.
#[must_use]
pub fn value(tag: &str, text: &[u8]) -> Option<SnmpValue> {
    let (tag, varies) = match tag.split_once(':') {
        Some((tag, _)) => (tag, true),
        None => (tag, false),
    };
    let (text, tag) = match varies {
        true => first_variation(text, tag),
        false => (text, tag),
    };
    let words = || std::str::from_utf8(text).ok().map(str::trim);
    let number = || words().and_then(|word| word.parse::<u32>().ok());
    Some(match tag {
        "2" => SnmpValue::Integer(words()?.parse().ok()?),
        "4" => SnmpValue::Octets(text.to_vec()),
        "4x" => SnmpValue::Octets(hex(text)?),
        "4e" => SnmpValue::Octets(escaped(text)?),
        "5" => SnmpValue::Null,
        "6" => SnmpValue::Oid(words()?.parse().ok()?),
        "64" => SnmpValue::IpAddress(address(words()?)?),
        "64x" => SnmpValue::IpAddress(hex(text)?.try_into().ok()?),
        "65" => SnmpValue::Counter32(number()?),
        "66" => SnmpValue::Gauge32(number()?),
        "67" => SnmpValue::TimeTicks(number()?),
        "68" => SnmpValue::Opaque(text.to_vec()),
        "68x" => SnmpValue::Opaque(hex(text)?),
        "70" => SnmpValue::Counter64(words()?.parse().ok()?),
        _ => return None,
    })
}

/// Options of a variation are `name=value` between commas; `value=`, `initial=` or, without any, the text itself.
fn first_variation<'a>(text: &'a [u8], tag: &'a str) -> (&'a [u8], &'a str) {
    let options = text.split(|byte| *byte == b',');
    let named = |name: &'static [u8]| {
        let mut options = options.clone();
        options.find_map(move |option| option.strip_prefix(name))
    };
    let hex = named(b"hexvalue=").map(|text| (text, if tag == "4" { "4x" } else { tag }));
    let plain = named(b"value=").or_else(|| named(b"initial="));
    hex.or(plain.map(|text| (text, tag))).unwrap_or((text, tag))
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .copied()
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|two| pair(two)).collect()
}

fn escaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => bytes.extend(hex(&[rest.next()?, rest.next()?])?),
            other => bytes.push(other),
        }
    }
    Some(bytes)
}

fn address(text: &str) -> Option<[u8; 4]> {
    text.parse::<std::net::Ipv4Addr>()
        .ok()
        .map(|address| address.octets())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_tag_is_read() {
        let text = b"# a comment\n1.3.6.1.2.1.1.1.0|4|UPS | with a bar\r\n1.3.1|4x|41ff00\n1.3.2|2|-5\n1.3.3|6|.1.3.6\n\
            1.3.4|64|10.0.0.1\n1.3.5|65|4294967295\n1.3.6|66|7\n1.3.7|67|100\n1.3.8|70|18446744073709551615\n1.3.9|5|\n\
            1.3.10|4e|a\\x0a\\\\\n1.3.11|2:numeric|rate=1,initial=5\n1.3.12|2:writecache|value=3\n1.3.13|4|\n";
        let objects = parse(text).unwrap();
        let at = |oid: &str| objects.get(&oid.parse().unwrap()).unwrap().clone();
        assert_eq!(objects.len(), 14);
        let described = SnmpValue::Octets(b"UPS | with a bar".to_vec());
        assert_eq!(at("1.3.6.1.2.1.1.1.0"), described);
        assert_eq!(at("1.3.1"), SnmpValue::Octets(vec![0x41, 0xff, 0]));
        assert_eq!(at("1.3.2"), SnmpValue::Integer(-5));
        assert_eq!(at("1.3.3"), SnmpValue::Oid("1.3.6".parse().unwrap()));
        assert_eq!(at("1.3.4"), SnmpValue::IpAddress([10, 0, 0, 1]));
        assert_eq!(at("1.3.8"), SnmpValue::Counter64(u64::MAX));
        assert_eq!(at("1.3.10"), SnmpValue::Octets(b"a\n\\".to_vec()));
        assert_eq!(at("1.3.11"), SnmpValue::Integer(5));
        assert_eq!(at("1.3.12"), SnmpValue::Integer(3));
        assert_eq!(at("1.3.13"), SnmpValue::Octets(Vec::new()));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = b"1.3.1|4x|41ff00\n1.3.2|2|-5\n1.3.3|6|1.3.6\n1.3.4|64|10.0.0.1\n1.3.5|65|1\n1.3.6|66|7\n\
            1.3.7|67|100\n1.3.8|70|18446744073709551615\n1.3.9|5|\n1.3.10|4|a b|c\n1.3.11|68x|9f78\n1.3.12|4|\n";
        let objects = parse(text).unwrap();
        let written: String = objects
            .iter()
            .map(|(oid, value)| line(oid, value).unwrap() + "\n")
            .collect();
        assert_eq!(written.as_bytes(), text);
        assert_eq!(line(&Oid::default(), &SnmpValue::NoSuchObject), None);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for bad in [
            "1.3",
            "x|2|1",
            "1.3|2|one",
            "1.3|99|1",
            "1.3|4x|abc",
            "1.3|65|-1",
        ] {
            let text = format!("1.3.1|2|1\n{bad}\n");
            assert_eq!(parse(text.as_bytes()).unwrap_err().line, 2, "{bad}");
        }
    }
}
