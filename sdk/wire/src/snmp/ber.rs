//! The part of BER (ITU-T X.690) that SNMP uses: definite lengths, tags of one byte.
//!
//! Reads what real agents send: lengths and integers with more bytes than needed. Refuses indefinite lengths, tags of
//! several bytes, and anything that ends before it says it does. A position counts from the start of the message, because
//! a digest is found by its place.

use super::{Oid, SnmpValue};
use std::fmt;
use std::ops::Range;

/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub const OCTETS: u8 = 0x04;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
const IP_ADDRESS: u8 = 0x40;
const COUNTER32: u8 = 0x41;
const GAUGE32: u8 = 0x42;
const TIME_TICKS: u8 = 0x43;
const OPAQUE: u8 = 0x44;
const COUNTER64: u8 = 0x46;
const NO_SUCH_OBJECT: u8 = 0x80;
const NO_SUCH_INSTANCE: u8 = 0x81;
const END_OF_MIB_VIEW: u8 = 0x82;

/// Bytes that are no SNMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What was being read.
    pub what: &'static str,
    /// Where, in bytes from the start of the message.
    pub at: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no SNMP: {} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for Malformed {}

/// Reads one element after the other of a message or of a constructed element in it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    /// Reads a whole message.
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        Self {
            message,
            at: 0,
            end: message.len(),
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// The bytes that are left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.message.get(self.at..self.end).unwrap_or_default()
    }

    /// Where in the message those are.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.at..self.end
    }

    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.rest().first().copied();
        let byte = byte.ok_or_else(|| self.malformed("cut off"))?;
        self.at += 1;
        Ok(byte)
    }

    /// The tag of the next element.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// It is cut off, or of a form that SNMP does not use.
    pub fn element(&mut self) -> Result<(u8, Self), Malformed> {
        let tag = self.byte()?;
        if tag & 0x1f == 0x1f {
            return Err(self.malformed("a tag of several bytes"));
        }
        let length = self.length()?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.end);
        let end = end.ok_or_else(|| self.malformed("cut off"))?;
        let inner = Self {
            message: self.message,
            at: self.at,
            end,
        };
        self.at = end;
        Ok((tag, inner))
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let count = first & 0x7f;
        if count == 0 || count > 4 {
            return Err(self.malformed("a length of no known form"));
        }
        let mut length = 0_usize;
        for _ in 0..count {
            length = (length << 8) | usize::from(self.byte()?);
        }
        Ok(length)
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// Another element, or none.
    pub fn expect(&mut self, tag: u8, what: &'static str) -> Result<Self, Malformed> {
        let before = self.clone();
        match self.element()? {
            (found, inner) if found == tag => Ok(inner),
            _ => Err(before.malformed(what)),
        }
    }

    /// A number of the message itself: a version, an id, an error-status.
    ///
    /// # Errors
    /// No INTEGER, or one that does not fit 32 bits.
    pub fn number(&mut self, what: &'static str) -> Result<i32, Malformed> {
        let before = self.clone();
        let inner = self.expect(INTEGER, what)?;
        signed(inner.rest()).ok_or_else(|| before.malformed(what))
    }

    /// An OCTET STRING.
    ///
    /// # Errors
    /// Another element, or none.
    pub fn octets(&mut self, what: &'static str) -> Result<Self, Malformed> {
        self.expect(OCTETS, what)
    }

    /// An OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// Another element, none, or one that is too long or cut off.
    pub fn oid(&mut self) -> Result<Oid, Malformed> {
        let before = self.clone();
        let inner = self.expect(OID, "no OID")?;
        oid(inner.rest()).ok_or_else(|| before.malformed("a bad OID"))
    }

    /// A value. One of an unknown type, or that its type cannot hold, is [`SnmpValue::Null`]: the object is there and
    /// says nothing, and the objects beside it are read.
    ///
    /// # Errors
    /// No element.
    pub fn value(&mut self) -> Result<SnmpValue, Malformed> {
        let (tag, inner) = self.element()?;
        let bytes = inner.rest();
        let value = match tag {
            INTEGER => signed(bytes).map(SnmpValue::Integer),
            OCTETS => Some(SnmpValue::Octets(bytes.to_vec())),
            OID => oid(bytes).map(SnmpValue::Oid),
            IP_ADDRESS => bytes.try_into().ok().map(SnmpValue::IpAddress),
            COUNTER32 => unsigned32(bytes).map(SnmpValue::Counter32),
            GAUGE32 => unsigned32(bytes).map(SnmpValue::Gauge32),
            TIME_TICKS => unsigned32(bytes).map(SnmpValue::TimeTicks),
            OPAQUE => Some(SnmpValue::Opaque(bytes.to_vec())),
            COUNTER64 => unsigned(bytes, 8).map(SnmpValue::Counter64),
            NO_SUCH_OBJECT => Some(SnmpValue::NoSuchObject),
            NO_SUCH_INSTANCE => Some(SnmpValue::NoSuchInstance),
            END_OF_MIB_VIEW => Some(SnmpValue::EndOfMibView),
            _ => None,
        };
        Ok(value.unwrap_or(SnmpValue::Null))
    }
}

/// Two's complement of any length whose value fits.
fn signed(bytes: &[u8]) -> Option<i32> {
    let first = *bytes.first()?;
    let fill = if first & 0x80 == 0 { 0 } else { 0xff };
    let split = bytes.len().saturating_sub(4);
    let (surplus, low) = bytes.split_at(split);
    if surplus.iter().any(|byte| *byte != fill) {
        return None;
    }
    let mut all = [fill; 4];
    let start = all.len() - low.len();
    all.get_mut(start..)?.copy_from_slice(low);
    let number = i32::from_be_bytes(all);
    // With bytes above the lowest four, the sign must be theirs.
    (surplus.is_empty() || (number < 0) == (fill == 0xff)).then_some(number)
}

/// Some firmware leaves out the zero byte before a number whose highest bit is set (32 bits in four bytes).
fn unsigned(bytes: &[u8], width: usize) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    let significant = bytes.iter().position(|byte| *byte != 0);
    let digits = bytes.get(significant.unwrap_or(bytes.len())..)?;
    (digits.len() <= width).then(|| {
        digits
            .iter()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte))
    })
}

fn unsigned32(bytes: &[u8]) -> Option<u32> {
    unsigned(bytes, 4).and_then(|number| u32::try_from(number).ok())
}

/// One without contents is what some agents send for 0.0.
fn oid(bytes: &[u8]) -> Option<Oid> {
    if bytes.is_empty() {
        return Oid::new(vec![0, 0]).ok();
    }
    let mut ids: Vec<u32> = Vec::new();
    let mut id: u64 = 0;
    let mut open = false;
    for byte in bytes {
        id = (id << 7) | u64::from(byte & 0x7f);
        open = byte & 0x80 != 0;
        if id > u64::from(u32::MAX) + 80 {
            return None;
        }
        if open {
            continue;
        }
        if ids.is_empty() {
            let first = (id / 40).min(2);
            ids.push(u32::try_from(first).ok()?);
            id -= first * 40;
        }
        ids.push(u32::try_from(id).ok()?);
        id = 0;
        if ids.len() > Oid::MAX {
            return None;
        }
    }
    (!open).then(|| Oid::new(ids).ok()).flatten()
}

/// Writes an element whose contents `body` writes; its length takes as few bytes as it can.
pub fn element(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let start = out.len();
    body(out);
    let length = out.len() - start;
    let bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count().min(3);
    let digits = bytes.get(skip..).unwrap_or_default();
    if length < 0x80 {
        out.splice(start..start, digits.iter().copied());
    } else {
        let count = u8::try_from(digits.len()).unwrap_or(4);
        let header = std::iter::once(0x80 | count).chain(digits.iter().copied());
        out.splice(start..start, header);
    }
}

/// Writes an INTEGER.
pub fn write_number(out: &mut Vec<u8>, number: i32) {
    write_signed(out, INTEGER, number);
}

fn write_signed(out: &mut Vec<u8>, tag: u8, number: i32) {
    let bytes = number.to_be_bytes();
    let fill = if number < 0 { 0xff } else { 0 };
    let mut digits = bytes.as_slice();
    while let [first, rest @ ..] = digits {
        let sign_stays = rest.first().is_some_and(|next| (next ^ fill) & 0x80 == 0);
        if *first != fill || !sign_stays {
            break;
        }
        digits = rest;
    }
    element(out, tag, |out| out.extend_from_slice(digits));
}

fn write_unsigned(out: &mut Vec<u8>, tag: u8, number: u64) {
    let bytes = number.to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    let digits = bytes.get(skip..).unwrap_or_default();
    element(out, tag, |out| {
        if digits.first().is_some_and(|first| first & 0x80 != 0) {
            out.push(0);
        }
        out.extend_from_slice(digits);
    });
}

/// Writes an OCTET STRING.
pub fn write_octets(out: &mut Vec<u8>, bytes: &[u8]) {
    element(out, OCTETS, |out| out.extend_from_slice(bytes));
}

/// Writes an OBJECT IDENTIFIER. One with fewer than two sub-identifiers, which BER has no form for, gets zeros.
pub fn write_oid(out: &mut Vec<u8>, oid: &Oid) {
    element(out, OID, |out| {
        let mut ids = oid.as_slice().iter().copied();
        let first = ids.next().unwrap_or(0).min(2);
        let second = ids.next().unwrap_or(0);
        base128(out, u64::from(first) * 40 + u64::from(second));
        ids.for_each(|id| base128(out, id.into()));
    });
}

fn base128(out: &mut Vec<u8>, number: u64) {
    let mut shift = 63;
    while shift > 0 && number >> shift == 0 {
        shift -= 7;
    }
    while shift > 0 {
        out.push(0x80 | (number >> shift & 0x7f) as u8);
        shift -= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// Writes a value.
pub fn write_value(out: &mut Vec<u8>, value: &SnmpValue) {
    let empty = |out: &mut Vec<u8>, tag| element(out, tag, |_| {});
    match value {
        SnmpValue::Integer(number) => write_number(out, *number),
        SnmpValue::Octets(bytes) => write_octets(out, bytes),
        SnmpValue::Null => empty(out, NULL),
        SnmpValue::Oid(oid) => write_oid(out, oid),
        SnmpValue::IpAddress(bytes) => {
            element(out, IP_ADDRESS, |out| out.extend_from_slice(bytes));
        }
        SnmpValue::Counter32(number) => write_unsigned(out, COUNTER32, (*number).into()),
        SnmpValue::Gauge32(number) => write_unsigned(out, GAUGE32, (*number).into()),
        SnmpValue::TimeTicks(number) => write_unsigned(out, TIME_TICKS, (*number).into()),
        SnmpValue::Opaque(bytes) => element(out, OPAQUE, |out| out.extend_from_slice(bytes)),
        SnmpValue::Counter64(number) => write_unsigned(out, COUNTER64, *number),
        SnmpValue::NoSuchObject => empty(out, NO_SUCH_OBJECT),
        SnmpValue::NoSuchInstance => empty(out, NO_SUCH_INSTANCE),
        SnmpValue::EndOfMibView => empty(out, END_OF_MIB_VIEW),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(bytes: &[u8]) -> Result<SnmpValue, Malformed> {
        Reader::new(bytes).value()
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        let oid = |text: &str| SnmpValue::Oid(text.parse().unwrap());
        for value in [0, 1, -1, 127, 128, -128, -129, 32768, i32::MAX, i32::MIN] {
            let mut bytes = Vec::new();
            write_number(&mut bytes, value);
            assert_eq!(read(&bytes), Ok(SnmpValue::Integer(value)), "{bytes:x?}");
        }
        for value in [
            SnmpValue::Octets(vec![7; 300]),
            SnmpValue::Octets(Vec::new()),
            SnmpValue::Null,
            oid("1.3.6.1.4.1.4294967295.0"),
            oid("2.999.3"),
            oid("0.0"),
            SnmpValue::IpAddress([10, 0, 0, 255]),
            SnmpValue::Counter32(u32::MAX),
            SnmpValue::Gauge32(0),
            SnmpValue::TimeTicks(128),
            SnmpValue::Opaque(vec![0x9f, 0x78, 4, 0, 0, 0, 0]),
            SnmpValue::Counter64(u64::MAX),
            SnmpValue::NoSuchObject,
            SnmpValue::NoSuchInstance,
            SnmpValue::EndOfMibView,
        ] {
            let mut bytes = Vec::new();
            write_value(&mut bytes, &value);
            assert_eq!(read(&bytes), Ok(value), "{bytes:x?}");
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_standard() {
        let written = |value: SnmpValue| {
            let mut bytes = Vec::new();
            write_value(&mut bytes, &value);
            bytes
        };
        assert_eq!(written(SnmpValue::Integer(128)), [2, 2, 0, 128]);
        assert_eq!(written(SnmpValue::Integer(-129)), [2, 2, 0xff, 0x7f]);
        assert_eq!(
            written(SnmpValue::Gauge32(u32::MAX)),
            [0x42, 5, 0, 255, 255, 255, 255]
        );
        let sys_descr = SnmpValue::Oid("1.3.6.1.2.1.1.1.0".parse().unwrap());
        assert_eq!(written(sys_descr), [6, 8, 43, 6, 1, 2, 1, 1, 1, 0]);
        let long = written(SnmpValue::Octets(vec![0; 200]));
        assert_eq!(long.get(..3), Some([4, 0x81, 200].as_slice()));
    }

    #[test]
    fn what_real_agents_send_is_read() {
        // A length and an integer longer than needed.
        let longer = [2, 0x82, 0, 5, 0, 0, 0, 0, 7];
        assert_eq!(read(&longer), Ok(SnmpValue::Integer(7)));
        // 32 bits in four bytes, without the zero that keeps them positive.
        let bare = [0x42, 4, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read(&bare), Ok(SnmpValue::Gauge32(u32::MAX)));
    }

    #[test]
    fn a_value_that_its_type_cannot_hold_says_nothing() {
        for bytes in [
            [2, 5, 0, 0x80, 0, 0, 0].as_slice(),
            &[2, 5, 0xff, 0, 0, 0, 0],
            &[2, 0],
            &[0x41, 5, 1, 0, 0, 0, 0],
            &[0x40, 3, 1, 2, 3],
            &[6, 2, 43, 0x86],
            &[6, 6, 43, 0x9f, 0xff, 0xff, 0xff, 0x7f],
            &[0x47, 1, 1],
        ] {
            assert_eq!(read(bytes), Ok(SnmpValue::Null), "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_of_another_form_is_malformed() {
        for bytes in [
            [].as_slice(),
            &[2],
            &[2, 2, 1],
            &[4, 0x80, 1, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 1, 7],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 1, 1],
        ] {
            assert!(read(bytes).is_err(), "{bytes:x?}");
        }
    }
}
