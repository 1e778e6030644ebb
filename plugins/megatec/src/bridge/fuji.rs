//! Fuji's bridge, 0001:0000 "ATCL FOR UPS": a request of eight bytes over an interrupt endpoint of its own.
//!
//! ```text
//! > endpoint 2: 80 06 03 03  51 31 00  2f        Q1, three letters with their end, 47 bytes of answer wanted
//! < endpoint 81: eight bytes at once, zeros behind the carriage return
//! ```
//!
//! There is room for three letters. `S.5R0003` goes out as `S.5`, which returns with the mains without a delay; `S.5R0000`,
//! which must not return, and everything else that is longer cannot be said and comes back as its echo.

use super::device::Device;
use super::{Framing, INTERRUPT_IN, broken, end_of};
use crate::link::{ANSWER_MAX, Expect};
use husk_driver::{Deadline, Error, host};

const OUT: u8 = 0x02;
const SENT_WITHIN: Deadline = Deadline::ms(5000);
const PACKET: u16 = 8;
/// Letters there is room for.
const LONGEST: usize = 3;
/// Answers that may still be on their way from before, in packets; and how long they are waited for.
const LEFT_OVER: usize = 16;
const LEFT_OVER_WITHIN: Deadline = Deadline::ms(25);

/// For a whole answer, milliseconds: a bridge that says a little every second would go on for minutes.
const ANSWER_MS: u64 = 5000;

/// The conversation over it.
pub(super) struct Fuji;

impl Framing for Fuji {
    fn carry(
        &mut self,
        device: &mut Device,
        command: &[u8],
        expect: &Expect,
    ) -> Result<Vec<u8>, Error> {
        let Some(request) = request(command) else {
            return Ok(command.to_vec());
        };
        device.drain(INTERRUPT_IN, PACKET, LEFT_OVER, LEFT_OVER_WITHIN)?;
        device.write(OUT, &request, SENT_WITHIN)?;
        let mut answer = Vec::new();
        let began = host::now_ms();
        while answer.len() < ANSWER_MAX as usize && host::now_ms() - began < ANSWER_MS {
            match device.read(INTERRUPT_IN, PACKET, expect.within) {
                Err(Error::Timeout) if !answer.is_empty() => break,
                packet => {
                    let packet = packet?;
                    if packet.is_empty() {
                        break;
                    }
                    answer.extend(packet);
                }
            }
            if let Some(end) = end_of(&answer, expect.raw) {
                answer.truncate(end);
                return Ok(answer);
            }
        }
        match answer.is_empty() {
            true => Err(Error::Timeout),
            false => Err(broken(command, &answer)),
        }
    }
}

/// The eight bytes for a command, if it can be said.
fn request(command: &[u8]) -> Option<[u8; 8]> {
    let said = match command {
        [b'S', a, b, b'R', minutes @ ..] if minutes != b"0000" => &[b'S', *a, *b],
        other => other,
    };
    if said.len() > LONGEST {
        return None;
    }
    let wanted = match said {
        b"Q1" => 47,
        b"F" => 22,
        b"I" => 39,
        _ => 0,
    };
    let mut letters = said.iter().copied().chain(std::iter::repeat(0));
    let mut letter = || letters.next().unwrap_or(0);
    let (a, b, c) = (letter(), letter(), letter());
    Some([0x80, 0x06, said.len() as u8 + 1, 0x03, a, b, c, wanted])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_letters_can_be_said() {
        for (command, bytes) in [
            ("Q1", Some([0x80, 6, 3, 3, b'Q', b'1', 0, 47])),
            ("F", Some([0x80, 6, 2, 3, b'F', 0, 0, 22])),
            ("I", Some([0x80, 6, 2, 3, b'I', 0, 0, 39])),
            ("T10", Some([0x80, 6, 4, 3, b'T', b'1', b'0', 0])),
            ("S.5R0003", Some([0x80, 6, 4, 3, b'S', b'.', b'5', 0])),
            ("S01R0010", Some([0x80, 6, 4, 3, b'S', b'0', b'1', 0])),
            ("S.5R0000", None),
            ("QGS1", None),
        ] {
            assert_eq!(request(command.as_bytes()), bytes, "{command}");
        }
    }
}
