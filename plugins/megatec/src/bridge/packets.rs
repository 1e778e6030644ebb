//! Bridges that take lines cut into reports and give answers as interrupt packets: the most usual kind.
//!
//! Rows of one table; what they differ in has a column. Lines of the bridge that are folklore:
//!
//! * ippon, omron and gtec put 0x0002 into wValue where HID has 0x0200 for an output report without a number. That is no
//!   slip: their firmware looks at it. (NUT; Omron's own drivers 1.00 and 1.02 send the same.)
//! * cypress: 0665:5161 keeps what nobody fetched of an earlier answer and gives it as the next one. So what is there is
//!   thrown away first, for 25 ms, and a bridge that does not fall silent gets no command: its answer could be anyone's.
//!   Where something was thrown away answers come late, and three seconds are waited for them from then on (NUT waits so
//!   long for every answer of this one; a silent query would cost as much while the dialect is looked for).
//! * phoenix: the same on 06da:0601 and 14f0:00c9, and what is left over still trickles in. NUT waits a second for it
//!   each time; three times the 33 ms that eight bytes take at 2400 baud do.
//! * ippon: an empty answer is 00 0d, all others are 64 bytes with rubbish behind the carriage return.
//! * sgs: the first byte of a packet counts the others, and nothing but silence ends an answer.

use super::device::Device;
use super::{Framing, INTERRUPT_IN, broken, end_of, line};
use crate::link::{ANSWER_MAX, Expect};
use husk_driver::{Deadline, Error, Setup, host};

/// A kind of bridge.
pub(super) struct Row {
    pub(super) request: Request,
    pub(super) cut: Cut,
    /// For each report.
    pub(super) sent_within: Deadline,
    /// Whether what is left over is looked for before every command, and how long.
    pub(super) left_over: Option<Deadline>,
    /// For an answer, once something was left over.
    pub(super) late: Deadline,
    /// Bytes asked for at once.
    pub(super) packet: u16,
    pub(super) ends: Ends,
    /// Commands that are never answered, so that nothing is read after them.
    pub(super) mute: &'static [&'static [u8]],
}

/// How a report goes out.
pub(super) enum Request {
    /// SET_REPORT with this wValue.
    Report(u16),
    /// A vendor's request to the endpoint 0, which HID knows nothing of.
    Vendor,
}

/// How a line is cut.
#[derive(Clone, Copy)]
pub(super) enum Cut {
    /// Into pieces of this length, the last one filled up with zeros.
    Padded(usize),
    /// Into seven bytes behind their number, filled up to eight.
    Counted,
    /// Not at all.
    Whole,
}

/// How an answer ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// With a carriage return, however many packets that takes.
    Return,
    /// With the one transfer: at the carriage return, else at a zero, else at its end.
    Transfer,
    /// With silence, or a carriage return; the first byte of each packet counts.
    Silence,
}

pub(super) static CYPRESS: Row = CYPRESS_ROW;
const CYPRESS_ROW: Row = Row {
    request: Request::Report(0x0200),
    cut: Cut::Padded(8),
    sent_within: Deadline::ms(5000),
    left_over: Some(Deadline::ms(25)),
    late: Deadline::ms(3000),
    packet: 8,
    ends: Ends::Return,
    mute: &[],
};
pub(super) static PHOENIX: Row = Row {
    sent_within: Deadline::ms(1000),
    left_over: Some(Deadline::ms(100)),
    late: Deadline::ms(1000),
    ..CYPRESS_ROW
};
pub(super) static GTEC: Row = Row {
    request: Request::Report(0x0002),
    left_over: None,
    late: Deadline::ms(1000),
    packet: 128,
    ..CYPRESS_ROW
};
pub(super) static IPPON: Row = Row {
    request: Request::Report(0x0002),
    sent_within: Deadline::ms(1000),
    left_over: None,
    late: Deadline::ms(1000),
    packet: 64,
    ends: Ends::Transfer,
    ..CYPRESS_ROW
};
pub(super) static OMRON: Row = Row {
    request: Request::Report(0x0002),
    cut: Cut::Padded(16),
    sent_within: Deadline::ms(1000),
    left_over: None,
    late: Deadline::ms(1000),
    packet: 64,
    ends: Ends::Transfer,
    ..CYPRESS_ROW
};
pub(super) static SGS: Row = Row {
    cut: Cut::Counted,
    left_over: None,
    late: Deadline::ms(1000),
    ends: Ends::Silence,
    ..CYPRESS_ROW
};
pub(super) static PHOENIXTEC: Row = Row {
    request: Request::Vendor,
    cut: Cut::Whole,
    sent_within: Deadline::ms(1000),
    left_over: None,
    late: Deadline::ms(1000),
    packet: 64,
    mute: &[
        b"T", b"TL", b"S", b"C", b"CT", b"M", b"N", b"O", b"SRC", b"FCLR", b"SS", b"TUD", b"SSN",
    ],
    ..CYPRESS_ROW
};

/// Packets that may be left over: more than any answer has. A bridge with more is not silent at all.
const LEFT_OVER: usize = 16;
/// For a whole answer, milliseconds: the longest one takes half a second at 2400 baud, units think for another, and a bridge
/// that says a little every second would go on for half a minute.
const ANSWER_MS: u64 = 5000;

/// The conversation over a bridge of one of the rows.
pub(super) struct Reports {
    row: &'static Row,
    /// The last answer did not come, or not whole: its rest may come yet.
    unsettled: bool,
    /// Something was left over before.
    late: bool,
}

impl Reports {
    pub(super) fn new(row: &'static Row) -> Self {
        Self {
            row,
            unsettled: true,
            late: false,
        }
    }

    /// Sees to it that the next answer is the one to the next command.
    fn settle(&mut self, device: &mut Device) -> Result<(), Error> {
        let (within, always) = match self.row.left_over {
            Some(within) => (within, true),
            None => (Deadline::ms(25), false),
        };
        if !always && !self.unsettled {
            return Ok(());
        }
        match device.drain(INTERRUPT_IN, self.row.packet, LEFT_OVER, within)? {
            Some(thrown) => self.late |= thrown > 0,
            None if always => {
                return Err(Error::Protocol(
                    "it does not fall silent, and gets no command".to_owned(),
                ));
            }
            // These may be of the sort that says the last packet for ever; they are not known to mix up answers.
            None => {}
        }
        Ok(())
    }

    fn send(&self, device: &mut Device, line: &[u8]) -> Result<(), Error> {
        let within = self.row.sent_within;
        for report in self.row.cut.pieces(line) {
            match self.row.request {
                Request::Report(value) => device.set_report(value, &report, within)?,
                Request::Vendor => device.control_out(VENDOR, &report, within)?,
            }
        }
        Ok(())
    }

    fn receive(
        &self,
        device: &mut Device,
        command: &[u8],
        expect: &Expect,
    ) -> Result<Vec<u8>, Error> {
        let within = match self.late {
            true if self.row.late.total > expect.within.total => self.row.late,
            _ => expect.within,
        };
        let mut answer = Vec::new();
        let began = host::now_ms();
        while answer.len() < ANSWER_MAX as usize && host::now_ms() - began < ANSWER_MS {
            let packet = match device.read(INTERRUPT_IN, self.row.packet, within) {
                Err(Error::Timeout) if self.row.ends == Ends::Silence && !answer.is_empty() => {
                    return Ok(answer);
                }
                Err(Error::Timeout) if !answer.is_empty() => break,
                packet => packet?,
            };
            match self.row.ends {
                Ends::Return => answer.extend(&packet),
                Ends::Transfer => return Ok(transferred(&packet, expect.raw)),
                Ends::Silence => answer.extend(counted(&packet)),
            }
            if let Some(end) = end_of(&answer, expect.raw) {
                answer.truncate(end);
                return Ok(answer);
            }
            if packet.is_empty() {
                break;
            }
        }
        match answer.is_empty() {
            true => Err(Error::Timeout),
            false => Err(broken(command, &answer)),
        }
    }
}

/// A vendor's request to an endpoint: Masterguard's bridge only.
const VENDOR: Setup = Setup {
    request_type: 0x42,
    request: 0x0d,
    value: 0,
    index: 0,
};

impl Framing for Reports {
    fn carry(
        &mut self,
        device: &mut Device,
        command: &[u8],
        expect: &Expect,
    ) -> Result<Vec<u8>, Error> {
        self.settle(device)?;
        self.send(device, &line(command))?;
        if is_mute(self.row.mute, command) {
            // A unit that answers all the same must not have it taken for the next answer.
            self.unsettled = true;
            return Ok(Vec::new());
        }
        let answer = self.receive(device, command, expect);
        self.unsettled = answer.is_err();
        answer
    }
}

impl Cut {
    fn pieces(self, line: &[u8]) -> Vec<Vec<u8>> {
        let filled = |piece: &[u8], length: usize| {
            let mut report = piece.to_vec();
            report.resize(length, 0);
            report
        };
        match self {
            Self::Padded(length) => line
                .chunks(length)
                .map(|piece| filled(piece, length))
                .collect(),
            Self::Counted => line
                .chunks(7)
                .map(|piece| filled(&[&[piece.len() as u8], piece].concat(), 8))
                .collect(),
            Self::Whole => vec![line.to_vec()],
        }
    }
}

/// Whether a command is one of those without an answer: MSO is not M, but S.5 is S.
fn is_mute(mute: &[&[u8]], command: &[u8]) -> bool {
    mute.iter().any(|name| {
        command
            .strip_prefix(*name)
            .is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_uppercase))
    })
}

/// The payload of an answer in one transfer.
fn transferred(packet: &[u8], raw: usize) -> Vec<u8> {
    let zero = || packet.iter().position(|&byte| byte == 0);
    let end = end_of(packet, raw).or_else(zero).unwrap_or(packet.len());
    let payload = packet.get(..end).unwrap_or_default();
    match payload {
        // 00 0d: nothing was said.
        [0] => Vec::new(),
        payload => payload.to_vec(),
    }
}

/// The payload of a packet whose first byte counts it; never more than came.
fn counted(packet: &[u8]) -> &[u8] {
    let [count, payload @ ..] = packet else {
        return &[];
    };
    payload.get(..usize::from(*count)).unwrap_or(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_as_each_bridge_wants_them() {
        let eight = b"T10\r\0\0\0\0".to_vec();
        assert_eq!(Cut::Padded(8).pieces(b"T10\r"), [eight]);
        let two = [b"S.5R0003".to_vec(), b"\r\0\0\0\0\0\0\0".to_vec()];
        assert_eq!(Cut::Padded(8).pieces(b"S.5R0003\r"), two);
        assert_eq!(
            Cut::Padded(16).pieces(b"Q1\r"),
            [b"Q1\r\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()]
        );
        let counted = [b"\x07S.5R000".to_vec(), b"\x023\r\0\0\0\0\0".to_vec()];
        assert_eq!(Cut::Counted.pieces(b"S.5R0003\r"), counted);
        assert_eq!(Cut::Whole.pieces(b"WH\r"), [b"WH\r".to_vec()]);
    }

    #[test]
    fn only_masterguards_commands_are_mute() {
        for (command, mute) in [
            ("T", true),
            ("T05", true),
            ("S.5R0003", true),
            ("SS---1,01", true),
            ("TUD,01", true),
            ("M", true),
            ("MSO", false),
            ("SXY", false),
            ("Q1", false),
            ("WH", false),
        ] {
            assert_eq!(
                is_mute(PHOENIXTEC.mute, command.as_bytes()),
                mute,
                "{command}"
            );
        }
    }

    #[test]
    fn a_transfer_ends_at_its_return_else_at_a_zero() {
        assert_eq!(transferred(b"(ACK\r\0\0\0", 0), b"(ACK");
        assert_eq!(transferred(b"OK\0\0\0", 0), b"OK");
        assert_eq!(transferred(b"123456", 0), b"123456");
        assert_eq!(transferred(b"\0\r\0\0", 0), b"");
        assert_eq!(transferred(b"(\r\0\r\r", 4), b"(\r\0\r");
        assert_eq!(counted(b"\x03abcdefg"), b"abc");
        assert_eq!(counted(b"\x09abcdefg"), b"abcdefg");
        assert_eq!(counted(b""), b"");
    }
}
