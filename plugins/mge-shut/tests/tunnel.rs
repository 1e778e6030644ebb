//! The driver on a device in memory behind a line that speaks SHUT.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::wire::shut::DATA_MAX;
use husk_driver::{
    Deadline, Direction, Driver, Error, IoError, Serial, SerialBackend, Settings, Wake, host,
};
use husk_plugin_mge_shut::MgeShut;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// UPS.PowerSummary with RemainingCapacity in report 1, PresentStatus.ACPresent and Discharging in report 2, the two
/// delays in reports 3 and 4.
#[rustfmt::skip]
const DESCRIPTOR: &[u8] = &[
    0x05, 0x84, 0x09, 0x04, 0xa1, 0x01, 0x09, 0x24, 0xa1, 0x00, 0x15, 0x00, 0x75, 0x08, 0x95, 0x01,
    0x05, 0x85, 0x25, 0x64, 0x85, 0x01, 0x09, 0x66, 0xb1, 0x22,
    0x05, 0x84, 0x09, 0x02, 0xa1, 0x00, 0x05, 0x85, 0x25, 0x01, 0x75, 0x01, 0x85, 0x02,
    0x09, 0xd0, 0xb1, 0x22, 0x09, 0x45, 0xb1, 0x22, 0xc0,
    0x05, 0x84, 0x75, 0x10, 0x16, 0xff, 0xff, 0x26, 0xff, 0x7f,
    0x85, 0x03, 0x09, 0x57, 0xb1, 0x22, 0x85, 0x04, 0x09, 0x56, 0xb1, 0x22,
    0xc0, 0xc0,
];

/// A unit on the line.
#[derive(Clone, Default)]
struct Unit(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    heard: Vec<u8>,
    says: VecDeque<u8>,
    /// Packets to be sent when the one before is acknowledged.
    packets: VecDeque<Vec<u8>>,
    setup: Vec<u8>,
    payload: Vec<u8>,
    written: Vec<Vec<u8>>,
    mute: bool,
    /// Answers whose checksum is wrong, still to come.
    garbled: u32,
}

impl Unit {
    fn answer(setup: &[u8]) -> Option<Vec<u8>> {
        let text = |text: &str| {
            let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            [vec![units.len() as u8 + 2, 3], units].concat()
        };
        Some(match setup[..4] {
            [0x80, 6, 0, 1] => vec![18, 1, 0x10, 1, 0, 0, 0, 8, 0x63, 4, 1, 0, 2, 1, 1, 2, 4, 1],
            [0x81, 6, 0, 0x21] => vec![9, 0x21, 0x10, 1, 0x21, 1, 0x22, DESCRIPTOR.len() as u8, 0],
            [0x81, 6, 0, 0x22] => DESCRIPTOR.to_vec(),
            [0x80, 6, 1, 3] => text("MGE UPS SYSTEMS"),
            [0x80, 6, 2, 3] => text("Evolution"),
            [0x80, 6, 0, 3] => vec![4, 3, 9, 4],
            [0xa1, 1, 1, 3] => vec![1, 77],
            [0xa1, 1, 2, 3] => vec![2, 1],
            [0xa1, 1, 3, 3] => vec![3, 0xff, 0xff],
            [0xa1, 1, 4, 3] => vec![4, 0xff, 0xff],
            _ => return None,
        })
    }
}

impl State {
    fn hear(&mut self, byte: u8) {
        if self.heard.is_empty() {
            match byte {
                0x16..=0x18 => self.says.push_back(byte),
                0x06 => self.next(),
                0x15 => self.next_again(),
                _ => self.heard.push(byte),
            }
            return;
        }
        self.heard.push(byte);
        let count = usize::from(self.heard.get(1).copied().unwrap_or(0) & 0xf);
        if self.heard.len() == count + 3 && self.heard.len() > 2 {
            let packet = std::mem::take(&mut self.heard);
            self.packet(packet[0] & 0x80 != 0, &packet[2..count + 2]);
        }
    }

    fn packet(&mut self, last: bool, data: &[u8]) {
        self.says.push_back(0x06);
        match self.setup.is_empty() {
            true => self.setup = data.to_vec(),
            false => self.payload.extend(data),
        }
        if !last {
            return;
        }
        let setup = std::mem::take(&mut self.setup);
        let payload = std::mem::take(&mut self.payload);
        if setup[0] & 0x80 == 0 {
            self.written.push(payload);
            return;
        }
        let Some(answer) = Unit::answer(&setup) else {
            self.says.clear();
            self.says.extend([0x15; 1]);
            return;
        };
        let chunks: Vec<&[u8]> = answer.chunks(DATA_MAX).collect();
        for (at, chunk) in chunks.iter().enumerate() {
            let last = if at + 1 == chunks.len() { 0x80 } else { 0 };
            let sum = chunk.iter().fold(0, |sum, byte| sum ^ byte);
            let head = [0x04 | last, chunk.len() as u8 * 0x11];
            self.packets.push_back([&head, *chunk, &[sum]].concat());
        }
        self.next_again();
    }

    /// Sends the packet that is at the front, perhaps once more.
    fn next_again(&mut self) {
        let mut packet = self.packets.front().cloned().unwrap_or_default();
        if self.garbled > 0
            && let Some(sum) = packet.last_mut()
        {
            self.garbled -= 1;
            *sum ^= 0xff;
        }
        self.says.extend(packet);
    }

    /// The packet at the front was acknowledged.
    fn next(&mut self) {
        self.packets.pop_front();
        self.next_again();
    }
}

impl SerialBackend for Unit {
    fn write(&mut self, bytes: &[u8], _pace_us: u32, _deadline: Deadline) -> Result<(), IoError> {
        let mut state = self.0.borrow_mut();
        if !state.mute {
            bytes.iter().for_each(|byte| state.hear(*byte));
        }
        Ok(())
    }

    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        let mut state = self.0.borrow_mut();
        let count = state.says.len().min(max as usize);
        if count == 0 {
            host::native::advance(deadline.total);
            return Err(IoError::Timeout);
        }
        Ok(state.says.drain(..count).collect())
    }

    fn discard(&mut self, _direction: Direction) -> Result<(), IoError> {
        let mut state = self.0.borrow_mut();
        state.says.clear();
        state.packets.clear();
        state.setup.clear();
        Ok(())
    }
}

fn open(unit: &Unit) -> Result<MgeShut, Error> {
    MgeShut::open(Serial::new(unit.clone()), &Settings::default(), None)
}

#[test]
fn a_unit_reads_as_it_does_over_usb() {
    let unit = Unit::default();
    let mut driver = open(&unit).unwrap();
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(report.value("battery.charge"), Some("77"));
    assert_eq!(report.value("ups.mfr"), Some("MGE UPS SYSTEMS"));
    assert_eq!(report.value("ups.model"), Some("Evolution"));
    assert_eq!(report.value("ups.vendorid"), Some("0463"));
    assert_eq!(report.status_words().collect::<Vec<_>>(), ["OL"]);
    driver.command("shutdown.return", None).unwrap();
    assert_eq!(unit.0.borrow().written, [[4, 30, 0], [3, 20, 0]]);
}

#[test]
fn a_garbled_packet_is_asked_for_again() {
    let unit = Unit::default();
    let mut driver = open(&unit).unwrap();
    unit.0.borrow_mut().garbled = 2;
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(report.value("battery.charge"), Some("77"));
}

#[test]
fn a_line_without_a_unit_is_not_mine_and_a_unit_gone_silent_is_a_timeout() {
    let unit = Unit::default();
    unit.0.borrow_mut().mute = true;
    assert!(matches!(open(&unit), Err(Error::NotMine(_))));

    let unit = Unit::default();
    let mut driver = open(&unit).unwrap();
    driver.poll(Wake::Interval).unwrap();
    unit.0.borrow_mut().mute = true;
    let start = host::now_ms();
    assert_eq!(driver.poll(Wake::Interval), Err(Error::Timeout));
    assert!(host::now_ms() - start < 5000);
}
