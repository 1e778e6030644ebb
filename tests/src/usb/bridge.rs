//! The device side of the bridges between a USB plug and the serial line of a Megatec unit, and the unit behind.
//!
//! Written from the far end: it puts reports together to a line, asks the unit, and cuts the answer the way the bridge does. It
//! knows nothing of the driver but the bytes that the driver has to send. Source of the numbers: NUT's nutdrv_qx.

mod unit;

use super::{Answer, Device, Identity, Setup};
use std::collections::VecDeque;
pub use unit::{Stranger, Unit};

/// Which bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reports of eight bytes each way.
    Cypress,
    /// The same, with the rest of an earlier answer in its buffer.
    Phoenix,
    /// Reports to wValue 2, one answer of 64 bytes.
    Ippon,
    /// Reports of sixteen bytes to wValue 2, one answer.
    Omron,
    /// Reports to wValue 2, answers in long packets.
    Gtec,
    /// Seven bytes behind their number each way, no end.
    Sgs,
    /// Whole lines by a vendor's request.
    Phoenixtec,
    /// A string is the answer to its number, its first character rubbish.
    Krauler,
    /// The same without rubbish, and switching off by number.
    Fabula,
    /// The same in lock-step.
    Hunnox,
    /// As krauler, when an interrupt was asked for before.
    Snr,
    /// Requests of eight bytes over an endpoint.
    Fuji,
    /// One feature report each way.
    Ablerex,
    /// Three bytes behind a count, five back.
    Armac,
    /// Lines behind a count over endpoints of 64 bytes.
    ArmacFast,
}

/// How it misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    #[default]
    None,
    /// It takes commands and gives nothing.
    Silent,
    /// It refuses every transfer of its own protocol.
    Stall,
    /// Answers end in their middle.
    Cut,
    /// Every answer is letters of no meaning, of the right length and with its end.
    Garbage,
    /// Every byte of an answer is zero.
    Zeros,
}

/// The bridge with a unit behind it.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// Who it says it is.
    pub identity: Identity,
    /// The unit.
    pub unit: Unit,
    /// How it misbehaves.
    pub fault: Fault,
    kind: Kind,
    /// Of a line that is not whole yet.
    heard: Vec<u8>,
    /// Interrupt packets that nobody has fetched yet.
    packets: VecDeque<Vec<u8>>,
    /// Ablerex: the answer in the feature report.
    report: Vec<u8>,
    /// Snr: an interrupt was asked for.
    awake: bool,
    halted: bool,
}

impl Bridge {
    /// A bridge with the numbers and names that it usually has.
    pub fn new(kind: Kind, unit: Unit) -> Self {
        let (vendor, product, strings): (u16, u16, &[&str]) = match kind {
            Kind::Cypress => (0x0665, 0x5161, &["INNO TECH", "USB to Serial"]),
            Kind::Phoenix => (0x06da, 0x0601, &["Phoenixtec Power", "USB Cable"]),
            Kind::Ippon => (0x06da, 0x0003, &["Phoenixtec Power", "USB UPS"]),
            Kind::Omron => (0x0590, 0x00b7, &["OMRON", "BN150T"]),
            Kind::Gtec => (0x0665, 0x5161, &["GTEC", "UPS"]),
            Kind::Sgs => (0x0483, 0x0035, &["TS Shara", "UPS"]),
            Kind::Phoenixtec => (0x06da, 0x0002, &["Phoenixtec Power", "USB Cable (V2.00)"]),
            Kind::Krauler => (0x0001, 0x0000, &[]),
            Kind::Fabula => (0x0001, 0x0000, &["MEC", "MEC0003"]),
            Kind::Hunnox => (0x0001, 0x0000, &["", "MEC0003"]),
            Kind::Snr => (0x0001, 0x0000, &["SNR", "MEC0003"]),
            Kind::Fuji => (0x0001, 0x0000, &["ATCL FOR UPS", "ATCL FOR UPS"]),
            Kind::Ablerex => (0xffff, 0x0000, &["", ""]),
            Kind::Armac | Kind::ArmacFast => (0x0925, 0x1234, &["Richcomm", "UPS USB Mon V2.0"]),
        };
        Self {
            identity: Identity {
                vendor,
                product,
                release: 0x0002,
                strings: strings.iter().map(|text| (*text).to_owned()).collect(),
            },
            unit,
            fault: Fault::None,
            kind,
            heard: Vec::new(),
            packets: VecDeque::new(),
            report: Vec::new(),
            awake: false,
            halted: false,
        }
    }

    /// Leaves something of an earlier answer in its buffer.
    pub fn leave_over(&mut self, packet: &[u8]) {
        self.packets.push_back(packet.to_vec());
    }

    /// Halts the interrupt endpoint.
    pub fn halt(&mut self) {
        self.halted = true;
    }

    /// The configuration descriptor.
    pub fn configuration(&self) -> Vec<u8> {
        let (endpoints, packet): (&[u8], u8) = match self.kind {
            Kind::ArmacFast => (&[0x82, 0x02], 64),
            Kind::Fuji => (&[0x81, 0x02], 8),
            Kind::Ippon | Kind::Omron | Kind::Gtec | Kind::Phoenixtec | Kind::Snr => (&[0x81], 64),
            _ => (&[0x81], 8),
        };
        let length = u8::try_from(9 + 9 + 7 * endpoints.len()).unwrap_or(u8::MAX);
        let count = u8::try_from(endpoints.len()).unwrap_or(u8::MAX);
        let mut bytes = vec![9, 2, length, 0, 1, 1, 0, 0x80, 50];
        bytes.extend([9, 4, 0, 0, count, 3, 0, 0, 0]);
        for endpoint in endpoints {
            bytes.extend([7, 5, *endpoint, 3, packet, 0, 10]);
        }
        bytes
    }

    /// Puts a line to the unit, and what it answers into packets.
    fn ask(&mut self, line: &[u8]) {
        let Some(answer) = self.answer(line) else {
            return;
        };
        let cut = |length: usize, shape: fn(&[u8]) -> Vec<u8>| {
            answer.chunks(length).map(shape).collect::<Vec<_>>()
        };
        let filled = |piece: &[u8]| {
            let mut packet = piece.to_vec();
            packet.resize(8, 0);
            packet
        };
        let counted = |piece: &[u8]| [&[count(piece)], piece].concat();
        self.packets.extend(match self.kind {
            Kind::Ippon => {
                let mut packet = answer.clone();
                if packet == b"\r" {
                    packet.insert(0, 0);
                }
                // Rubbish behind the end, as the real one has.
                packet.resize(64, b'?');
                vec![packet]
            }
            Kind::Omron => vec![answer.clone()],
            Kind::Gtec | Kind::Phoenixtec => cut(64, <[u8]>::to_vec),
            Kind::Sgs => {
                let text = answer.strip_suffix(b"\r").unwrap_or(&answer);
                text.chunks(7)
                    .map(|piece| filled(&counted(piece)))
                    .collect()
            }
            Kind::Armac => answer
                .chunks(5)
                .map(|piece| [&[0xc0 | count(piece)], piece].concat())
                .collect(),
            Kind::ArmacFast => answer
                .chunks(63)
                .map(|piece| [&[0x80 | count(piece)], piece].concat())
                .collect(),
            _ => answer.chunks(8).map(filled).collect(),
        });
    }

    /// What the unit answers, as the fault lets it through.
    fn answer(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let answer = self.unit.ask(line);
        if self.fault == Fault::Silent {
            return None;
        }
        let mut answer = answer?;
        match self.fault {
            Fault::Cut => answer.truncate(answer.len() / 2),
            Fault::Garbage => {
                let end = answer.len().saturating_sub(1);
                answer.iter_mut().take(end).for_each(|byte| *byte = b'U');
            }
            Fault::Zeros => answer.fill(0),
            Fault::None | Fault::Silent | Fault::Stall => {}
        }
        Some(answer)
    }

    /// Adds to the line, and asks the unit when it is whole.
    fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                // What fills up a report.
                0 => {}
                b'\r' => {
                    let line = std::mem::take(&mut self.heard);
                    self.ask(&line);
                }
                other => self.heard.push(*other),
            }
        }
    }

    /// A report or a vendor's request of this bridge's own sort; false for any other.
    fn take(&mut self, setup: Setup, data: &[u8]) -> bool {
        let report = |value| (setup.request_type, setup.request, setup.value) == (0x21, 9, value);
        let payload = match (self.kind, data) {
            (Kind::Cypress | Kind::Phoenix, [_, _, _, _, _, _, _, _]) if report(0x0200) => data,
            (Kind::Ippon | Kind::Gtec, [_, _, _, _, _, _, _, _]) if report(0x0002) => data,
            (Kind::Omron, data) if report(0x0002) && data.len() == 16 => data,
            (Kind::Sgs, [count @ 1..=7, rest @ ..]) if report(0x0200) && rest.len() == 7 => {
                rest.get(..usize::from(*count)).unwrap_or_default()
            }
            (Kind::Armac, [count @ 0xa1..=0xa3, rest @ ..])
                if report(0x0200) && rest.len() == 3 =>
            {
                rest.get(..usize::from(*count - 0xa0)).unwrap_or_default()
            }
            (Kind::Phoenixtec, data)
                if (setup.request_type, setup.request, setup.value) == (0x42, 0x0d, 0) =>
            {
                data
            }
            (Kind::Ablerex, [5, 0, count, rest @ ..]) if report(0x0305) && rest.len() == 44 => {
                let line = rest.get(..usize::from(*count).saturating_sub(1));
                let line = line.unwrap_or_default().to_vec();
                self.report = self.answer(&line).unwrap_or_default();
                self.report.resize(47, 0);
                return true;
            }
            _ => return false,
        };
        self.hear(payload);
        true
    }

    /// What a string says.
    fn string(&mut self, number: u8) -> Answer {
        let own = usize::from(number) <= self.identity.strings.len();
        if own || !self.is_string() {
            return self.identity.string_descriptor(number);
        }
        let Some(line) = self.line_of(number) else {
            return Answer::Stall;
        };
        match self.fault {
            Fault::Stall => return Answer::Stall,
            Fault::Silent => return Answer::Silence,
            _ => {}
        }
        let is_query = matches!(line.as_slice(), b"Q1" | b"F" | b"I" | b"BL");
        let answer = self.answer(&line);
        let mut text = match (answer, is_query) {
            (Some(answer), true) if answer != [&line, b"\r".as_slice()].concat() => answer,
            _ => b"UPS No Ack".to_vec(),
        };
        if self.kind == Kind::Snr && !self.awake {
            text.fill(0);
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        if is_query && matches!(self.kind, Kind::Krauler | Kind::Snr) && !text.starts_with(b"UPS") {
            // Rubbish.
            if let Some(first) = text.first_mut() {
                *first = 0x1f;
            }
        }
        if !is_query && self.kind == Kind::Krauler {
            text = b"UPS Ack".to_vec();
        }
        let units = text.iter().flat_map(|byte| [*byte, 0]);
        let length = u8::try_from(2 + 2 * text.len()).unwrap_or(u8::MAX);
        Answer::Data([length, 3].into_iter().chain(units).collect())
    }

    fn is_string(&self) -> bool {
        matches!(
            self.kind,
            Kind::Krauler | Kind::Fabula | Kind::Hunnox | Kind::Snr
        )
    }

    /// The line that a string's number stands for.
    fn line_of(&self, number: u8) -> Option<Vec<u8>> {
        let text = match (self.kind, number) {
            (_, 0x03) => "Q1",
            (_, 0x0d) => "F",
            (_, 0x0c) => "I",
            (Kind::Krauler, 0x04) => "T",
            (Kind::Krauler, 0x05) => "TL",
            (Kind::Krauler | Kind::Fabula | Kind::Hunnox, 0x07) => "Q",
            (Kind::Krauler, 0x0b) | (Kind::Fabula | Kind::Hunnox, 0x0a) => "C",
            (Kind::Hunnox, 0xf3) => "BL",
            (Kind::Fabula | Kind::Hunnox, 0x10..) if number & 0x07 == 0 => {
                return Some(format!("off {number:02x}").into_bytes());
            }
            _ => return None,
        };
        Some(text.as_bytes().to_vec())
    }
}

/// How many bytes of a packet count.
fn count(piece: &[u8]) -> u8 {
    u8::try_from(piece.len()).unwrap_or(u8::MAX)
}

impl Device for Bridge {
    fn plugged(&mut self) {
        self.heard.clear();
        self.packets.clear();
        self.halted = false;
        self.awake = false;
    }

    fn control(&mut self, setup: Setup, data: &[u8]) -> Answer {
        let [low, high] = setup.value.to_le_bytes();
        match (setup.request_type, setup.request) {
            (0x80, 0x06) => match high {
                1 => Answer::Data(self.identity.device_descriptor()),
                2 => Answer::Data(self.configuration()),
                3 => self.string(low),
                _ => Answer::Stall,
            },
            (0x80, 0x00) => Answer::Data(vec![1, 0]),
            (0x80, 0x08) => Answer::Data(vec![1]),
            (0x02, 0x01) => {
                self.halted = false;
                Answer::Data(Vec::new())
            }
            (0x00, 0x01 | 0x03 | 0x05 | 0x09) | (0x01, 0x0b) => Answer::Data(Vec::new()),
            _ if self.fault == Fault::Stall => Answer::Stall,
            (0xa1, 0x01) if self.kind == Kind::Ablerex && setup.value == 0x0305 => {
                match self.fault {
                    Fault::Silent => Answer::Silence,
                    _ => Answer::Data(self.report.clone()),
                }
            }
            _ if self.take(setup, data) => Answer::Data(Vec::new()),
            _ => Answer::Stall,
        }
    }

    fn read(&mut self, _endpoint: u8) -> Answer {
        self.awake = true;
        if self.halted || self.fault == Fault::Stall {
            return Answer::Stall;
        }
        self.packets
            .pop_front()
            .map_or(Answer::Silence, Answer::Data)
    }

    fn write(&mut self, endpoint: u8, data: &[u8]) -> Answer {
        match (self.kind, endpoint, data) {
            _ if self.fault == Fault::Stall => return Answer::Stall,
            (Kind::Fuji, 2, [0x80, 6, count @ 1..=4, 3, a, b, c, _]) => {
                let letters = [*a, *b, *c];
                let line = letters.get(..usize::from(*count) - 1);
                self.ask(line.unwrap_or_default());
            }
            (Kind::ArmacFast, 2, [count, rest @ ..])
                if usize::from(count.wrapping_sub(0xa0)) == rest.len()
                    && rest.last() == Some(&0) =>
            {
                self.hear(rest);
            }
            _ => return Answer::Stall,
        }
        Answer::Data(Vec::new())
    }
}
