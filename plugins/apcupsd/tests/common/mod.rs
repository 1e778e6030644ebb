//! A daemon that answers every question with one report, in pieces of any size.

use husk_driver::{Act, FakeStream, Heard, Stream};

/// The question, as it goes over the wire.
pub(crate) const QUESTION: &[u8] = b"\x00\x06status";

/// A report as a daemon sends it: each line with its length, then the end.
pub(crate) fn wire(report: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in report.lines() {
        let line = format!("{}\n", line.trim_end_matches('\r'));
        bytes.extend(u16::try_from(line.len()).unwrap().to_be_bytes());
        bytes.extend(line.as_bytes());
    }
    bytes.extend([0, 0]);
    bytes
}

/// A daemon whose next answer `acts` makes; every connection gets one.
pub(crate) fn daemon(mut acts: impl FnMut() -> Vec<Act> + 'static) -> Stream {
    Stream::new(FakeStream::new(move |heard| match heard {
        Heard::Connected => Some(Vec::new()),
        Heard::Bytes(QUESTION) => Some(acts()),
        Heard::Bytes(part) if QUESTION.starts_with(part) => None,
        Heard::Bytes(_) => Some(vec![Act::HangUp]),
    }))
}

/// Bytes in pieces of `size`.
pub(crate) fn pieces(bytes: &[u8], size: usize) -> Vec<Act> {
    let piece = |piece: &[u8]| Act::Say(piece.to_vec());
    bytes.chunks(size).map(piece).collect()
}
