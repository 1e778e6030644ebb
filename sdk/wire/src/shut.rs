//! SHUT: a HID UPS's control requests tunnelled through a serial line of 2400 baud (MGE's Serial HID UPS Transfer).
//!
//! A packet is a type, a length (in both nibbles), up to eight bytes and their exclusive-or; the last of a transfer has bit 7
//! of the type set, and each is acknowledged. Reading report 0x16, five bytes long:
//! ```text
//! > 81 88 a1 01 16 03 00 00 05 00 b0      < 06
//! < 84 55 16 0c 00 00 00 1a               > 06
//! ```
//! No I/O and no clock: [`Transfer`] takes bytes and silences and says what to send. Notifications are acknowledged and
//! dropped. Nothing guards against an answer to an earlier request: discard what is waiting before a transfer.

use crate::hid::Setup;

/// How much a device tells unasked. The byte is sent until the device echoes it, before the first transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Notifications {
    /// Everything that changes.
    Complete = 0x16,
    /// The important part.
    Light = 0x17,
    /// Nothing.
    Off = 0x18,
}

/// Bytes of data in a packet.
pub const DATA_MAX: usize = 8;
/// How often a packet is sent or asked for before the transfer fails.
pub const TRIES: u8 = 3;
/// Bytes taken from the device in one transfer: the longest report descriptor (6 KiB) in packets of eight with three more
/// each, and as much again for repetitions and notifications.
pub const HEARD_MAX: usize = 2 * 6144 / DATA_MAX * (DATA_MAX + 3);
/// How long to wait for a byte before [`Transfer::silence`], in milliseconds.
pub const PATIENCE_MS: u32 = 3000;

const ACK: u8 = 0x06;
const NAK: u8 = 0x15;
const REQUEST: u8 = 0x01;
const RESPONSE: u8 = 0x04;
const NOTIFICATION: u8 = 0x05;
const LAST: u8 = 0x80;

/// Why a transfer came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No byte, [`TRIES`] times.
    Silent,
    /// The device did not take our packet.
    Refused,
    /// What came could not be read, [`TRIES`] times.
    Garbled,
    /// More than [`HEARD_MAX`] bytes.
    Endless,
}

impl core::fmt::Display for Reason {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(match self {
            Self::Silent => "the device does not answer",
            Self::Refused => "the device refuses the request",
            Self::Garbled => "what the device answers is garbled: check the cable",
            Self::Endless => "the device does not stop talking",
        })
    }
}

impl core::error::Error for Reason {}

/// What to do after a byte or a silence: send this first, then look at the outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Bytes to send, possibly none.
    pub send: Vec<u8>,
    /// The end of the transfer: what was read (nothing after a write), or why not. `None`: wait for the next byte.
    pub outcome: Option<Result<Vec<u8>, Reason>>,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Transfer {
    setup: Setup,
    state: State,
    /// A packet that is coming in.
    packet: Vec<u8>,
    failures: u8,
    heard: usize,
}

#[derive(Clone, Debug)]
enum State {
    /// Our packet is out; these are still to be sent.
    AwaitingAcknowledgement { sent: Vec<u8>, left: Vec<u8> },
    /// The request was taken; the answer so far.
    AwaitingAnswer { answer: Vec<u8> },
}

impl Transfer {
    /// A request, with the payload of a write, and the bytes that begin it.
    #[must_use]
    pub fn new(setup: Setup, payload: &[u8]) -> (Self, Vec<u8>) {
        let last = if payload.is_empty() { LAST } else { 0 };
        let sent = packet(REQUEST | last, &setup.bytes());
        let state = State::AwaitingAcknowledgement {
            sent: sent.clone(),
            left: payload.to_vec(),
        };
        let transfer = Self {
            setup,
            state,
            packet: Vec::new(),
            failures: 0,
            heard: 0,
        };
        (transfer, sent)
    }

    /// Takes one byte from the device.
    pub fn byte(&mut self, byte: u8) -> Step {
        self.heard += 1;
        if self.heard > HEARD_MAX {
            return failed(Reason::Endless);
        }
        if self.packet.is_empty() {
            return match byte {
                ACK => self.acknowledged(),
                NAK => self.again(Reason::Refused),
                _ if is_start(byte) => {
                    self.packet.push(byte);
                    Step::default()
                }
                // A device that resynchronises, or noise.
                _ => Step::default(),
            };
        }
        self.packet.push(byte);
        match parse(&self.packet) {
            Parsed::Incomplete => Step::default(),
            // Its end is unknown: the silence after it asks for it again.
            Parsed::NoPacket => {
                self.packet.clear();
                Step::default()
            }
            Parsed::Damaged => {
                self.packet.clear();
                self.ask_again(Reason::Garbled)
            }
            Parsed::Packet { kind, last, data } => {
                let data = data.to_vec();
                self.packet.clear();
                self.received(kind, last, &data)
            }
        }
    }

    /// Nothing came for [`PATIENCE_MS`].
    pub fn silence(&mut self) -> Step {
        let cut = !self.packet.is_empty();
        self.packet.clear();
        match self.state {
            State::AwaitingAcknowledgement { .. } => self.again(Reason::Silent),
            State::AwaitingAnswer { .. } if cut => self.ask_again(Reason::Garbled),
            State::AwaitingAnswer { .. } => self.ask_again(Reason::Silent),
        }
    }

    fn acknowledged(&mut self) -> Step {
        let State::AwaitingAcknowledgement { sent, left } = &mut self.state else {
            return Step::default();
        };
        self.failures = 0;
        if !left.is_empty() {
            let now = left.drain(..left.len().min(DATA_MAX)).collect::<Vec<_>>();
            let last = if left.is_empty() { LAST } else { 0 };
            *sent = packet(REQUEST | last, &now);
            return send(sent.clone());
        }
        if !self.setup.is_read() {
            return Step {
                send: Vec::new(),
                outcome: Some(Ok(Vec::new())),
            };
        }
        self.state = State::AwaitingAnswer { answer: Vec::new() };
        Step::default()
    }

    fn received(&mut self, kind: u8, last: bool, data: &[u8]) -> Step {
        let mut step = send(vec![ACK]);
        if kind == NOTIFICATION {
            return step;
        }
        // An answer says as well that the request was taken.
        if self.setup.is_read() {
            self.acknowledged();
        }
        let State::AwaitingAnswer { answer } = &mut self.state else {
            return step;
        };
        self.failures = 0;
        answer.extend_from_slice(data);
        if last {
            answer.truncate(self.setup.length.into());
            step.outcome = Some(Ok(core::mem::take(answer)));
        }
        step
    }

    /// Sends our packet once more.
    fn again(&mut self, reason: Reason) -> Step {
        let State::AwaitingAcknowledgement { sent, .. } = &self.state else {
            return Step::default();
        };
        let sent = sent.clone();
        self.failed_once(reason, sent)
    }

    /// Asks for the device's packet once more.
    fn ask_again(&mut self, reason: Reason) -> Step {
        self.failed_once(reason, vec![NAK])
    }

    fn failed_once(&mut self, reason: Reason, bytes: Vec<u8>) -> Step {
        self.failures += 1;
        if self.failures == TRIES {
            return failed(reason);
        }
        send(bytes)
    }
}

fn send(bytes: Vec<u8>) -> Step {
    Step {
        send: bytes,
        outcome: None,
    }
}

fn failed(reason: Reason) -> Step {
    Step {
        send: Vec::new(),
        outcome: Some(Err(reason)),
    }
}

/// A packet as it goes over the line; of `data` no more than [`DATA_MAX`] bytes.
fn packet(kind: u8, data: &[u8]) -> Vec<u8> {
    let data = data.get(..DATA_MAX).unwrap_or(data);
    let mut bytes = vec![kind, data.len() as u8 * 0x11];
    bytes.extend_from_slice(data);
    bytes.push(checksum(data));
    bytes
}

fn checksum(data: &[u8]) -> u8 {
    data.iter().fold(0, |sum, byte| sum ^ byte)
}

fn is_start(byte: u8) -> bool {
    matches!(byte & !LAST, RESPONSE | NOTIFICATION)
}

enum Parsed<'a> {
    Incomplete,
    /// The length contradicts itself.
    NoPacket,
    /// The checksum is another.
    Damaged,
    Packet {
        kind: u8,
        last: bool,
        data: &'a [u8],
    },
}

fn parse(bytes: &[u8]) -> Parsed<'_> {
    let [start, length, ref rest @ ..] = *bytes else {
        return Parsed::Incomplete;
    };
    let count = length & 0xf;
    if length != count * 0x11 || usize::from(count) > DATA_MAX {
        return Parsed::NoPacket;
    }
    match rest.split_at_checked(count.into()) {
        Some((data, [sum])) if *sum == checksum(data) => Parsed::Packet {
            kind: start & !LAST,
            last: start & LAST != 0,
            data,
        },
        Some((_, [_, ..])) => Parsed::Damaged,
        _ => Parsed::Incomplete,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::hid::Kind;

    const ASK: [u8; 11] = [0x81, 0x88, 0xa1, 1, 0x16, 3, 0, 0, 5, 0, 0xb0];

    fn read() -> Transfer {
        let (transfer, sent) = Transfer::new(Setup::get_report(Kind::Feature, 0x16, 0, 5), &[]);
        assert_eq!(sent, ASK);
        transfer
    }

    /// Everything sent for these bytes, and the outcome.
    fn hear(transfer: &mut Transfer, bytes: &[u8]) -> (Vec<u8>, Option<Result<Vec<u8>, Reason>>) {
        let mut sent = Vec::new();
        for byte in bytes {
            let step = transfer.byte(*byte);
            sent.extend(step.send);
            if step.outcome.is_some() {
                return (sent, step.outcome);
            }
        }
        (sent, None)
    }

    const ANSWER: [u8; 8] = [0x84, 0x55, 0x16, 0x0c, 0, 0, 0, 0x1a];
    const REPORT: [u8; 5] = [0x16, 0x0c, 0, 0, 0];

    #[test]
    fn a_report_is_read() {
        let mut transfer = read();
        assert_eq!(hear(&mut transfer, &[ACK]), (vec![], None));
        assert_eq!(
            hear(&mut transfer, &ANSWER),
            (vec![ACK], Some(Ok(REPORT.to_vec())))
        );
        let mut transfer = read();
        let unacknowledged = hear(&mut transfer, &ANSWER);
        assert_eq!(
            unacknowledged,
            (vec![ACK], Some(Ok(REPORT.to_vec()))),
            "the answer says it was taken"
        );
    }

    #[test]
    fn a_long_answer_comes_in_pieces_and_is_cut_to_what_was_asked() {
        let (mut transfer, _) = Transfer::new(Setup::string(1, 0x409, 10), &[]);
        let mut line = vec![ACK];
        line.extend(packet(RESPONSE, &[1, 2, 3, 4, 5, 6, 7, 8]));
        line.extend(packet(RESPONSE | LAST, &[9, 10, 11, 12]));
        let (sent, outcome) = hear(&mut transfer, &line);
        assert_eq!(sent, [ACK, ACK]);
        assert_eq!(outcome, Some(Ok((1..=10).collect())));
    }

    #[test]
    fn a_report_is_written_in_pieces() {
        let payload: Vec<u8> = (0x20..0x2a).collect();
        let (mut transfer, sent) =
            Transfer::new(Setup::set_report(Kind::Feature, 0x20, 0, 10), &payload);
        assert_eq!(sent, [0x01, 0x88, 0x21, 9, 0x20, 3, 0, 0, 10, 0, 0x01]);
        let (sent, outcome) = hear(&mut transfer, &[ACK]);
        assert_eq!((sent, outcome), (packet(REQUEST, &payload[..8]), None));
        let (sent, outcome) = hear(&mut transfer, &[ACK]);
        assert_eq!(
            (sent, outcome),
            (packet(REQUEST | LAST, &payload[8..]), None)
        );
        assert_eq!(hear(&mut transfer, &[ACK]), (vec![], Some(Ok(vec![]))));
    }

    #[test]
    fn notifications_synchronisation_and_noise_are_no_answer() {
        let mut transfer = read();
        let mut line = vec![Notifications::Off as u8, 0x00, 0xff];
        line.extend(packet(NOTIFICATION | LAST, &[6, 0x15]));
        line.push(ACK);
        line.extend(packet(NOTIFICATION | LAST, &[]));
        line.extend(ANSWER);
        let (sent, outcome) = hear(&mut transfer, &line);
        assert_eq!(
            (sent, outcome),
            (vec![ACK, ACK, ACK], Some(Ok(REPORT.to_vec())))
        );
    }

    #[test]
    fn damage_is_sent_again_three_times_at_most() {
        let mut transfer = read();
        let mut damaged = ANSWER;
        damaged[7] ^= 1;
        assert_eq!(hear(&mut transfer, &[ACK]), (vec![], None));
        for _ in 1..TRIES {
            assert_eq!(hear(&mut transfer, &damaged), (vec![NAK], None));
        }
        assert_eq!(
            hear(&mut transfer.clone(), &damaged),
            (vec![], Some(Err(Reason::Garbled)))
        );
        assert_eq!(hear(&mut transfer, &ANSWER).1, Some(Ok(REPORT.to_vec())));

        let mut refused = read();
        let (sent, outcome) = hear(&mut refused, &[NAK, NAK, NAK]);
        assert_eq!(
            (sent, outcome),
            ([ASK, ASK].concat(), Some(Err(Reason::Refused)))
        );
    }

    #[test]
    fn a_contradictory_length_is_waited_out() {
        let mut transfer = read();
        assert_eq!(
            hear(&mut transfer, &[ACK, 0x84, 0x54, 0x16]),
            (vec![], None)
        );
        assert_eq!(transfer.silence(), send(vec![NAK]));
        assert_eq!(
            hear(&mut transfer, &[0x84, 0x99]),
            (vec![], None),
            "nine bytes are too many"
        );
        assert_eq!(hear(&mut transfer, &ANSWER).1, Some(Ok(REPORT.to_vec())));
    }

    #[test]
    fn silence_is_asked_into_and_given_up() {
        let mut unheard = read();
        assert_eq!(unheard.silence(), send(ASK.to_vec()));
        assert_eq!(unheard.silence(), send(ASK.to_vec()));
        assert_eq!(unheard.silence(), failed(Reason::Silent));
        let mut unanswered = read();
        hear(&mut unanswered, &[ACK, 0x84, 0x55]);
        assert_eq!(unanswered.silence(), send(vec![NAK]));
        assert_eq!(unanswered.silence(), send(vec![NAK]));
        assert_eq!(unanswered.silence(), failed(Reason::Silent));
    }

    #[test]
    fn any_noise_ends() {
        let mut seed = 1_u32;
        let mut transfer = read();
        for _ in 0..HEARD_MAX * 2 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let byte = [(seed >> 24) as u8, ACK, RESPONSE, 0x22][seed as usize >> 16 & 3];
            match transfer.byte(byte).outcome {
                Some(Err(Reason::Endless)) => return,
                Some(_) => transfer = read(),
                None => {}
            }
        }
        let mut endless = read();
        let forever = hear(&mut endless, &[0; HEARD_MAX + 1]);
        assert_eq!(forever.1, Some(Err(Reason::Endless)));
    }
}
