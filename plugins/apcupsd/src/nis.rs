//! One question to the daemon, and the records of its answer as fields.
//!
//! Refuses records longer than any daemon writes, and answers without their end. Bytes come in pieces that have nothing to do
//! with records: two in one, one in three.

use husk_driver::host;
use husk_driver::{Deadline, Error, IoError, Stream};

/// The question, with its length before it.
const STATUS: &[u8] = b"\x00\x06status";
/// The whole answer, in milliseconds: below the ten seconds a poll may take. The daemon writes it in one go, some 60 records.
const PATIENCE: u64 = 8_000;
/// Bytes of a record: the daemon formats each in a buffer of 256, the incumbent takes no 1024.
const RECORD: usize = 1023;
/// Records of a report; the longest known has 57.
const RECORDS: usize = 256;
/// Bytes read at once: a whole report.
const CHUNK: u32 = 4096;
/// Characters of a key before its colon.
const KEY: usize = 9;

/// The fields of a status report, by key.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field; absent also when the daemon says that it does not apply.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let field = self.0.iter().find(|(known, _)| known == key);
        field
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty() && *value != "N/A")
    }

    #[cfg(test)]
    pub(crate) fn of(fields: &[(&str, &str)]) -> Self {
        let owned = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self(owned.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a record in. Reports copied from a file may have other text around them: what is no field is passed over.
    fn take(&mut self, record: &[u8]) {
        let text = str::from_utf8(record).ok();
        let Some((key, value)) = text.and_then(|text| text.split_once(':')) else {
            return;
        };
        let key = key.trim_end();
        let upper = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b' ');
        if key.is_empty() || key.len() > KEY || !key.bytes().all(upper) {
            return;
        }
        let shown = value.chars().filter(|character| !character.is_control());
        let value: String = shown.collect();
        self.0.push((key.to_owned(), value.trim().to_owned()));
    }
}

/// Asks the daemon over a connection of its own.
pub(crate) fn status(port: &mut Stream) -> Result<Fields, Error> {
    let answer = ask(port);
    // Each connection holds a thread of the daemon.
    port.close();
    answer
}

fn ask(port: &mut Stream) -> Result<Fields, Error> {
    let until = host::now_ms().saturating_add(PATIENCE);
    let left = || Deadline::ms(until.saturating_sub(host::now_ms()));
    // Nobody there is no lost port: the next poll tries again.
    port.reopen(left()).map_err(|error| match error {
        IoError::Disconnected => {
            Error::Other("no apcupsd answers there; is its NETSERVER on?".to_owned())
        }
        other => other.into(),
    })?;
    port.write(STATUS, left()).map_err(broken)?;
    let mut records = Records::default();
    let mut fields = Fields::default();
    for _ in 0..RECORDS {
        let record = loop {
            match records.next()? {
                Some(record) => break record,
                None => {
                    let bytes = port.read(CHUNK, left()).map_err(broken)?;
                    if bytes.is_empty() {
                        return Err(broken(IoError::Disconnected));
                    }
                    records.feed(&bytes);
                }
            }
        };
        if record.is_empty() {
            return Ok(fields);
        }
        fields.take(&record);
    }
    Err(Error::Protocol(format!(
        "it has more than {RECORDS} records"
    )))
}

/// A daemon that hangs up amid its answer has not gone: the next poll connects again.
fn broken(error: IoError) -> Error {
    match error {
        IoError::Disconnected => {
            Error::Protocol("the connection ended before the report did".to_owned())
        }
        other => other.into(),
    }
}

/// Cuts a stream of bytes into records.
#[derive(Debug, Default)]
struct Records(Vec<u8>);

impl Records {
    fn feed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next record without its length, when all of it is there; the empty one ends the answer.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some((&[high, low], rest)) = self.0.split_first_chunk() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > RECORD {
            return Err(Error::Protocol(format!(
                "a record of {length} bytes is not apcupsd's"
            )));
        }
        let Some(record) = rest.get(..length).map(<[u8]>::to_vec) else {
            return Ok(None);
        };
        self.0.drain(..2 + length);
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_wherever_the_pieces_are() {
        let bytes = b"\x00\x03abc\x00\x01x\x00\x00";
        for size in 1..=bytes.len() {
            let mut records = Records::default();
            let mut found = Vec::new();
            for piece in bytes.chunks(size) {
                records.feed(piece);
                while let Some(record) = records.next().unwrap() {
                    found.push(record);
                }
            }
            assert_eq!(found, [&b"abc"[..], b"x", b""], "pieces of {size}");
        }
        let mut records = Records::default();
        records.feed(b"HTTP/1.1 400 Bad Request\r\n");
        assert!(records.next().is_err());
    }

    #[test]
    fn a_field_is_a_key_of_capitals_and_what_follows_the_colon() {
        let mut fields = Fields::default();
        for line in [
            "UPSCABLE smart\n",
            "\n",
            "/etc/apcupsd/apcupsd.status reads:\n",
            "UPSNAME  : SU700-1 \r\n",
            "DATE     : 2025-01-07 20:36:08 +0000\n",
            "END APC  : x\n",
            "LINEV    : N/A\n",
            "MODEL    :\n",
            "LONGERKEYS: 1\n",
            "LOAD_W   : 90 Watts\n",
            "UPSNAME  : later\n",
        ] {
            fields.take(line.as_bytes());
        }
        assert_eq!(fields.get("UPSNAME"), Some("SU700-1"));
        assert_eq!(fields.get("DATE"), Some("2025-01-07 20:36:08 +0000"));
        assert_eq!(fields.get("END APC"), Some("x"));
        assert_eq!(fields.get("LOAD_W"), Some("90 Watts"));
        fields.take(b"HOSTNAME : caf\xe9\n");
        assert_eq!(fields.get("HOSTNAME"), None);
        for absent in ["LINEV", "MODEL", "LONGERKEYS", "STATUS"] {
            assert_eq!(fields.get(absent), None, "{absent}");
        }
    }
}
