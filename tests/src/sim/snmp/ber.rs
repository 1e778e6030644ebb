//! As much of SNMP's encoding as an agent of version 1 and 2c needs. Written apart from the product's on purpose: a mistake
//! there cannot hide here.

/// A value as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// BER tag.
    pub tag: u8,
    /// Contents.
    pub bytes: Vec<u8>,
}

impl Value {
    /// The value behind a tag of a `.snmprec`; of a variation its first value.
    pub fn parse(tag: &str, text: &[u8]) -> Option<Self> {
        let (tag, text) = match tag.split_once(':') {
            Some((tag, _)) => (tag, first(text)),
            None => (tag, text),
        };
        let (number, form) = match tag.strip_suffix(['x', 'e']) {
            Some(number) => (number, tag.chars().last()),
            None => (tag, None),
        };
        let number: u8 = number.parse().ok()?;
        let word = || std::str::from_utf8(text).ok().map(str::trim);
        let bytes = match (number, form) {
            (_, Some('x')) => unhex(text)?,
            (_, Some('e')) => unescape(text)?,
            (2 | 65 | 66 | 67 | 70, _) => integer(word()?.parse().ok()?),
            (6, _) => oid(&parse_oid(word()?)?),
            (64, _) => {
                let parts = word()?.split('.').map(str::parse);
                parts.collect::<Result<_, _>>().ok()?
            }
            (5, _) => Vec::new(),
            _ => text.to_vec(),
        };
        Some(Self { tag: number, bytes })
    }

    /// An INTEGER.
    pub fn integer(number: i64) -> Self {
        Self {
            tag: 2,
            bytes: integer(number.into()),
        }
    }

    /// An OCTET STRING.
    pub fn text(text: &str) -> Self {
        Self {
            tag: 4,
            bytes: text.into(),
        }
    }
}

/// Of `value=…,rate=…` the value.
fn first(text: &[u8]) -> &[u8] {
    let options = || text.split(|byte| *byte == b',');
    let named = |name: &[u8]| options().find_map(|option| option.strip_prefix(name));
    let found = named(b"value=").or_else(|| named(b"initial="));
    found.unwrap_or(text)
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let pair = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).ok();
    digits.chunks(2).map(pair).collect()
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == &b'\\') {
            (_, true) => match rest.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => *unhex(&[*rest.next()?, *rest.next()?])?.first()?,
                other => *other,
            },
            (byte, false) => *byte,
        });
    }
    Some(bytes)
}

/// Two's complement in as few bytes as it can.
pub fn integer(number: i128) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let needless = |at: usize| {
        let (here, next) = (bytes.get(at), bytes.get(at + 1));
        matches!((here, next), (Some(0), Some(next)) if next & 0x80 == 0)
            || matches!((here, next), (Some(0xff), Some(next)) if next & 0x80 != 0)
    };
    let start = (0..15).take_while(|at| needless(*at)).count();
    bytes.get(start..).unwrap_or_default().to_vec()
}

/// Dotted numbers, with or without a dot in front.
pub fn parse_oid(text: &str) -> Option<Vec<u32>> {
    let text = text.strip_prefix('.').unwrap_or(text);
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// The contents of an OBJECT IDENTIFIER.
pub fn oid(ids: &[u32]) -> Vec<u8> {
    let (first, rest) = match ids {
        [one, two, rest @ ..] => (u64::from(*one) * 40 + u64::from(*two), rest),
        _ => (0, &[][..]),
    };
    let mut bytes = Vec::new();
    for id in std::iter::once(first).chain(rest.iter().map(|id| u64::from(*id))) {
        let groups: Vec<u8> = (0..5)
            .map(|group| (id >> (7 * group) & 0x7f) as u8)
            .collect();
        let count = groups.iter().rposition(|group| *group != 0).unwrap_or(0);
        for group in (0..=count).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            bytes.push(groups.get(group).copied().unwrap_or(0) | more);
        }
    }
    bytes
}

/// The numbers in those contents.
pub fn read_oid(bytes: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut id: u32 = 0;
    for byte in bytes {
        id = id << 7 | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if ids.is_empty() {
                let first = (id / 40).min(2);
                ids.extend([first, id - first * 40]);
            } else {
                ids.push(id);
            }
            id = 0;
        }
    }
    ids
}

/// An element: tag, length, contents.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = contents.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    bytes.extend(contents);
    bytes
}

/// Takes the next element off: its tag and contents.
pub fn take<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = digits
            .iter()
            .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        (length, rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((tag, contents))
}

/// The number in the contents of an INTEGER.
pub fn number(bytes: &[u8]) -> i64 {
    let sign = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if sign { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |sum, byte| sum << 8 | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_the_standard() {
        assert_eq!(integer(128), [0, 128]);
        assert_eq!(integer(-129), [0xff, 0x7f]);
        assert_eq!(integer(0), [0]);
        assert_eq!(integer(4_294_967_295), [0, 255, 255, 255, 255]);
        assert_eq!(number(&[0xff, 0x7f]), -129);
        let ids = [1, 3, 6, 1, 4, 1, 318, 4_294_967_295];
        assert_eq!(
            oid(&ids),
            [43, 6, 1, 4, 1, 0x82, 0x3e, 0x8f, 255, 255, 255, 0x7f]
        );
        assert_eq!(read_oid(&oid(&ids)), ids);
        let long = element(4, &[7; 300]);
        assert_eq!(take(&mut long.as_slice()), Some((4, [7; 300].as_slice())));
    }

    #[test]
    fn the_tags_of_a_recording_are_read() {
        let value = |tag, text: &str| Value::parse(tag, text.as_bytes()).map(|value| value.bytes);
        assert_eq!(value("2:numeric", "initial=5,rate=2"), Some(vec![5]));
        assert_eq!(value("4x", "41 ff"), Some(vec![0x41, 0xff]));
        assert_eq!(value("4e", "a\\x0a\\\\"), Some(b"a\n\\".to_vec()));
        assert_eq!(value("64", "10.0.0.255"), Some(vec![10, 0, 0, 255]));
        assert_eq!(value("6", ".1.3.6"), Some(vec![43, 6]));
        assert_eq!(value("2", "x"), None);
    }
}
