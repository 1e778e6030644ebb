//! Ablerex' bridge, ffff:0000: one feature report each way, with half a second between.
//!
//! ```text
//! > SET_REPORT feature 5: 05 00 03 51 31 0d 00 …          47 bytes; the third counts the line with its end
//!   (0.5 s)
//! < GET_REPORT feature 5: 28 32 31 …                      47 bytes, from the first one on
//! ```
//!
//! What it gives before it has the answer is the answer of before, so known queries are asked again, three times in all, until
//! theirs is as long as it must be. NUT makes zeros of a Q5 that does not come; here it is a query that the unit does not know.

use super::device::Device;
use super::{Framing, broken, end_of, line};
use crate::link::Expect;
use husk_driver::{Deadline, Error, host};

const REPORT: u16 = 0x0305;
const LENGTH: u16 = 47;
/// Bytes of a line there is room for.
const LONGEST: usize = 44;
const WITHIN: Deadline = Deadline::ms(1000);
const THINKS_MS: u32 = 500;
const TRIES: u32 = 3;
/// How long answers are with their carriage return.
const LENGTHS: &[(&[u8], usize)] = &[(b"Q1", 47), (b"I", 39), (b"F", 22), (b"Q5", 22)];

/// The conversation over it.
pub(super) struct Ablerex;

impl Framing for Ablerex {
    fn carry(
        &mut self,
        device: &mut Device,
        command: &[u8],
        expect: &Expect,
    ) -> Result<Vec<u8>, Error> {
        let line = line(command);
        if line.len() > LONGEST {
            return Ok(command.to_vec());
        }
        let mut report = [&[0x05, 0x00, line.len() as u8], line.as_slice()].concat();
        report.resize(LENGTH.into(), 0);
        let must_be = LENGTHS.iter().find(|(query, _)| *query == command);
        let mut last = Vec::new();
        for _ in 0..TRIES {
            device.set_report(REPORT, &report, WITHIN)?;
            host::sleep_ms(THINKS_MS);
            let mut answer = device.get_report(REPORT, LENGTH, WITHIN)?;
            let end = match must_be {
                // Bytes of Q5 may be carriage returns.
                Some((b"Q5", length)) => end_of(&answer, expect.raw.max(length - 1)),
                _ => end_of(&answer, expect.raw),
            };
            match (end, must_be) {
                (Some(end), None) => {
                    answer.truncate(end);
                    return Ok(answer);
                }
                (Some(end), Some((_, length))) if end + 1 == *length => {
                    answer.truncate(end);
                    return Ok(answer);
                }
                // A command without an answer.
                (None, None) => return Ok(Vec::new()),
                _ => last = answer,
            }
        }
        match command {
            b"Q5" => Ok(command.to_vec()),
            _ => Err(broken(command, &last)),
        }
    }

    fn endpoint(&self) -> Option<u8> {
        None
    }
}
