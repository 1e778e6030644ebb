//! Richcomm's bridge, 0925:1234, in Armac's, Vultech's and other units: a few bytes at a time, each packet led by a0 and the number
//! of bytes behind it.
//!
//! ```text
//! > SET_REPORT 0x0200: a3 51 31 0d                 Q1\r; then a1 00 00 00, for the zero that ends a C string
//! < interrupt 81: c5 28 32 32 39 2e                the lower six bits count what there is
//! < …                                              until a carriage return, or a packet without anything
//! ```
//!
//! Newer ones have interrupt endpoints 82 and 02 with packets of 64 bytes and take a line at once. Folklore (NUT):
//!
//! * R/3000I/PF1 counts one byte more than it sends, so never more is taken than came.
//! * Vultech V2000 sends zeros for some of the flags at the end of Q1: from column 38 on a zero is a `0`.
//! * A unit that is switched off sends a zero as its first byte: no answer.
//! * SVC V-1000F (`subdriver = richcomm-svc`) passes nothing on until it was told the speed of the line and was sent 64 bytes
//!   that are always the same; it overflows when asked for more than six bytes, and says a few times that there is nothing
//!   before the answer begins.
//! * Commands it does not know it ignores instead of echoing them, a second each: the known ones of those are not sent.

use super::device::{Device, endpoints, settings};
use super::{END, Framing, INTERRUPT_IN, broken, line};
use crate::link::{ANSWER_MAX, Expect};
use husk_driver::{Deadline, Error, host};

/// wValue: an output report without a number.
const OUTPUT: u16 = 0x0200;
/// Never sent: ignored, and slow.
const IGNORED: &[&[u8]] = &[b"QGS", b"QS", b"QPI", b"M", b"D"];
const SENT_WITHIN: Deadline = Deadline::ms(5000);
/// In the first byte of a packet to the device, beside the count.
const LEAD: u8 = 0xa0;
/// In the first byte of a packet from the device.
const COUNT: u8 = 0x3f;
/// Bytes of a line in one report.
const PIECE: usize = 3;
/// The newer sort: endpoints and the largest packet.
const FAST_IN: u8 = 0x82;
const FAST_OUT: u8 = 0x02;
const FAST_PACKET: u16 = 64;
const SLOW_PACKET: u16 = 8;
/// The same for SVC's, its first report (2400 baud), the pause after it and after the 64 bytes in milliseconds, and how often
/// it may say that there is nothing.
const SVC_PACKET: u16 = 6;
const SVC_SPEED: [u8; 4] = [0x80, 0xd0, 0x00, 0x00];
const SVC_PAUSE_MS: u32 = 100;
const SVC_IDLE: usize = 5;
/// What is left over of earlier answers: packets and how long each is waited for.
const LEFT_OVER: usize = 10;
const LEFT_OVER_WITHIN: Deadline = Deadline::ms(100);
const FAST_LEFT_OVER_WITHIN: Deadline = Deadline::ms(25);
/// Milliseconds until the first bytes are there, and until more are when there were few.
const THINKS_MS: u32 = 2;
const SLOWLY_MS: u32 = 10;
const FEW: usize = 2;
/// Where the flags begin in an answer to Q1.
const FLAGS: usize = 38;
/// For a whole answer, milliseconds.
const ANSWER_MS: u64 = 5000;

/// The conversation over it.
pub(super) struct Armac {
    fast: bool,
    sort: Sort,
}

/// Whether it has to be opened first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Armac,
    /// SVC's, before its opening and after it.
    Closed,
    Open,
}

impl Armac {
    pub(super) fn new(configuration: &[u8]) -> Self {
        let all = endpoints(configuration, 0);
        let has = |address: u8, packet: Option<u16>| {
            all.iter().any(|one| {
                one.address == address && one.interrupt && packet.is_none_or(|p| one.packet == p)
            })
        };
        Self {
            fast: settings(configuration) == 1
                && all.len() == 2
                && has(FAST_IN, Some(FAST_PACKET))
                && has(FAST_OUT, None),
            sort: Sort::Armac,
        }
    }

    /// SVC's.
    pub(super) fn svc() -> Self {
        Self {
            fast: false,
            sort: Sort::Closed,
        }
    }

    /// What SVC's wants before the first command.
    fn unlock(&mut self, device: &mut Device) -> Result<(), Error> {
        device.set_report(OUTPUT, &SVC_SPEED, SENT_WITHIN)?;
        host::sleep_ms(SVC_PAUSE_MS);
        let letter = |at: u8| match at {
            0 => 0x40,
            at => at.wrapping_mul(73).wrapping_add(29),
        };
        let letters: Vec<u8> = (0..64).map(letter).collect();
        for piece in letters.chunks(PIECE + 1) {
            device.set_report(OUTPUT, piece, SENT_WITHIN)?;
        }
        host::sleep_ms(SVC_PAUSE_MS);
        self.sort = Sort::Open;
        Ok(())
    }

    fn packet(&self) -> u16 {
        match (self.fast, self.sort) {
            (true, _) => FAST_PACKET,
            (false, Sort::Armac) => SLOW_PACKET,
            (false, Sort::Closed | Sort::Open) => SVC_PACKET,
        }
    }

    fn send(&self, device: &mut Device, command: &[u8]) -> Result<(), Error> {
        let line = [line(command), vec![0]].concat();
        if self.fast {
            device.drain(FAST_IN, FAST_PACKET, LEFT_OVER, FAST_LEFT_OVER_WITHIN)?;
            let packet = [&[LEAD + line.len() as u8], line.as_slice()].concat();
            return device.write(FAST_OUT, &packet, SENT_WITHIN);
        }
        device.drain(INTERRUPT_IN, self.packet(), LEFT_OVER, LEFT_OVER_WITHIN)?;
        for piece in line.chunks(PIECE) {
            let mut report = [&[LEAD + piece.len() as u8], piece].concat();
            report.resize(PIECE + 1, 0);
            device.set_report(OUTPUT, &report, SENT_WITHIN)?;
        }
        Ok(())
    }

    fn receive(
        &self,
        device: &mut Device,
        command: &[u8],
        expect: &Expect,
    ) -> Result<Vec<u8>, Error> {
        let endpoint = self.endpoint().unwrap_or(INTERRUPT_IN);
        let mut answer = Vec::new();
        let mut idle = match self.sort {
            Sort::Armac => 0,
            Sort::Closed | Sort::Open => SVC_IDLE,
        };
        let began = host::now_ms();
        while answer.len() < ANSWER_MAX as usize && host::now_ms() - began < ANSWER_MS {
            let bytes = match device.read(endpoint, self.packet(), expect.within) {
                Err(Error::Timeout) if !answer.is_empty() => break,
                bytes => bytes?,
            };
            let payload = payload(&bytes);
            if payload.is_empty() && answer.is_empty() && idle > 0 {
                idle -= 1;
                continue;
            }
            if payload.is_empty() {
                break;
            }
            match gather(&mut answer, payload, expect.raw) {
                Gathered::More => {}
                Gathered::Whole => return Ok(answer),
                Gathered::Off => return Err(Error::Timeout),
                Gathered::Broken => break,
            }
            if payload.len() <= FEW {
                host::sleep_ms(SLOWLY_MS);
            }
        }
        match answer.is_empty() {
            true => Err(Error::Timeout),
            false => Err(broken(command, &answer)),
        }
    }
}

impl Framing for Armac {
    fn carry(
        &mut self,
        device: &mut Device,
        command: &[u8],
        expect: &Expect,
    ) -> Result<Vec<u8>, Error> {
        let fits = command.len() + 3 <= usize::from(FAST_PACKET);
        if IGNORED.contains(&command) || !fits {
            return Ok(command.to_vec());
        }
        if self.sort == Sort::Closed {
            self.unlock(device)?;
        }
        self.send(device, command)?;
        host::sleep_ms(THINKS_MS);
        self.receive(device, command, expect)
    }

    fn endpoint(&self) -> Option<u8> {
        Some(if self.fast { FAST_IN } else { INTERRUPT_IN })
    }
}

/// What a packet carries.
fn payload(packet: &[u8]) -> &[u8] {
    let [count, bytes @ ..] = packet else {
        return &[];
    };
    bytes.get(..usize::from(count & COUNT)).unwrap_or(bytes)
}

enum Gathered {
    More,
    /// The carriage return came.
    Whole,
    /// The unit is switched off.
    Off,
    /// A zero where none may be.
    Broken,
}

fn gather(answer: &mut Vec<u8>, payload: &[u8], raw: usize) -> Gathered {
    for &byte in payload {
        match byte {
            _ if answer.len() < raw && !answer.is_empty() => answer.push(byte),
            END => return Gathered::Whole,
            0 if answer.is_empty() => return Gathered::Off,
            0 if answer.len() >= FLAGS => answer.push(b'0'),
            0 => return Gathered::Broken,
            other => answer.push(other),
        }
    }
    Gathered::More
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_carries_no_more_than_came() {
        assert_eq!(payload(b"\xc5(215."), b"(215.");
        assert_eq!(payload(b"\xc6(215."), b"(215.");
        assert_eq!(payload(b"\xc2ab\0\0\0"), b"ab");
        assert_eq!(payload(b"\x02ab\0\0\0"), b"ab");
        assert_eq!(payload(b"\xc0abc"), b"");
        assert_eq!(payload(b""), b"");
    }

    #[test]
    fn the_newer_sort_is_known_by_its_endpoints() {
        let configuration = |inward: u8, packet: u8, kind: u8, more: &[u8]| {
            let mut bytes = vec![9, 2, 32, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 3, 0, 0, 0];
            bytes.extend([7, 5, inward, kind, packet, 0, 1, 7, 5, 0x02, 3, 8, 0, 1]);
            bytes.extend(more);
            bytes
        };
        let fast = |inward, packet, kind, more: &[u8]| {
            Armac::new(&configuration(inward, packet, kind, more)).fast
        };
        assert!(fast(0x82, 64, 3, &[]));
        assert!(!fast(0x81, 64, 3, &[]));
        assert!(!fast(0x82, 8, 3, &[]));
        assert!(!fast(0x82, 64, 2, &[]));
        assert!(!fast(0x82, 64, 3, &[7, 5, 0x83, 3, 8, 0, 1]));
        assert!(!fast(0x82, 64, 3, &[9, 4, 0, 1, 0, 3, 0, 0, 0]));
        assert!(!Armac::new(&[]).fast);
    }
}
