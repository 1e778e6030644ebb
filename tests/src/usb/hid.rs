//! A HID device that is no more than its descriptor and its reports, and every way it misbehaves.

use super::{Answer, Device, Identity, Setup};
use std::collections::{BTreeMap, VecDeque};

/// Report types of GET_REPORT and SET_REPORT, HID 1.11 §7.2.1.
const INPUT: u8 = 1;
const FEATURE: u8 = 3;
/// What the interrupt endpoint moves at once.
const PACKET: u8 = 64;
/// Changes nobody has read yet; older ones are forgotten, as devices do.
const UNREAD: usize = 16;

/// How the device misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    #[default]
    None,
    /// Refuses to give reports.
    Stall,
    /// Gives a report's first byte, which is its number, and nothing more.
    Short,
    /// Gives every byte of a report as ff.
    Garbage,
    /// Its firmware hangs: no report is given or refused until the host resets the device. Standard requests work, because
    /// the controller in front of the firmware answers them.
    Hang,
    /// Answers nothing at all until it is plugged in anew.
    Dead,
}

/// The device.
#[derive(Clone, Debug)]
pub struct Hid {
    /// Who it says it is.
    pub identity: Identity,
    /// The report descriptor.
    pub descriptor: Vec<u8>,
    /// Whole reports by number, which is their first byte; input and feature reports are the same.
    pub reports: BTreeMap<u8, Vec<u8>>,
    /// How it misbehaves.
    pub fault: Fault,
    /// What the host has set, oldest first.
    pub taken: Vec<Vec<u8>>,
    /// What came for interfaces and endpoints it does not have, or would have moved it on the bus.
    pub strange: Vec<String>,
    /// Times a host has configured it: once when it is plugged in, again after each reset.
    pub configured: u32,
    /// Reports given since the beginning.
    pub given: u64,
    halted: bool,
    inputs: VecDeque<Vec<u8>>,
}

impl Hid {
    /// A device without faults.
    pub fn new(identity: Identity, descriptor: Vec<u8>, reports: BTreeMap<u8, Vec<u8>>) -> Self {
        Self {
            identity,
            descriptor,
            reports,
            fault: Fault::None,
            taken: Vec::new(),
            strange: Vec::new(),
            configured: 0,
            given: 0,
            halted: false,
            inputs: VecDeque::new(),
        }
    }

    /// Puts a report on the interrupt endpoint, for the host to read once.
    pub fn push(&mut self, report: Vec<u8>) {
        if self.inputs.len() == UNREAD {
            self.inputs.pop_front();
        }
        self.inputs.push_back(report);
    }

    /// Stops the interrupt endpoint until the host clears the halt.
    pub fn halt(&mut self) {
        self.halted = true;
    }

    /// Whether the endpoint is stopped still.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    fn configuration(&self) -> Vec<u8> {
        let [r0, r1] = u16::try_from(self.descriptor.len())
            .unwrap_or(0)
            .to_le_bytes();
        #[rustfmt::skip]
        let bytes = vec![
            9, 2, 34, 0, 1, 1, 0, 0xa0, 50,       // one interface, bus powered, 100 mA
            9, 4, 0, 0, 1, 3, 0, 0, 0,            // HID, one endpoint
            9, 0x21, 0x11, 0x01, 0, 1, 0x22, r0, r1,
            7, 5, 0x81, 3, PACKET, 0, 20,         // interrupt in, every 20 ms
        ];
        bytes
    }

    fn give(&mut self, kind: u8, id: u8) -> Answer {
        let report = match kind {
            INPUT | FEATURE => self.reports.get(&id),
            _ => None,
        };
        let Some(mut report) = report.cloned() else {
            return Answer::Stall;
        };
        match self.fault {
            Fault::Stall => return Answer::Stall,
            Fault::Hang | Fault::Dead => return Answer::Silence,
            Fault::Short => report.truncate(1),
            Fault::Garbage => report.fill(0xff),
            Fault::None => {}
        }
        self.given += 1;
        Answer::Data(report)
    }

    fn accept(&mut self, id: u8, data: &[u8]) -> Answer {
        match self.fault {
            Fault::Stall => return Answer::Stall,
            Fault::Hang | Fault::Dead => return Answer::Silence,
            _ => {}
        }
        self.taken.push(data.to_vec());
        self.reports.insert(id, data.to_vec());
        Answer::Data(Vec::new())
    }
}

impl Device for Hid {
    fn plugged(&mut self) {
        self.halted = false;
        self.inputs.clear();
        if matches!(self.fault, Fault::Hang | Fault::Dead) {
            self.fault = Fault::None;
        }
    }

    fn control(&mut self, setup: Setup, data: &[u8]) -> Answer {
        if is_strange(setup) {
            self.strange.push(format!("{setup:02x?}"));
        }
        if self.fault == Fault::Dead {
            return Answer::Silence;
        }
        let [low, high] = setup.value.to_le_bytes();
        match (setup.request_type, setup.request) {
            (0x80, 0x06) => match high {
                1 => Answer::Data(self.identity.device_descriptor()),
                2 => Answer::Data(self.configuration()),
                3 => self.identity.string_descriptor(low),
                _ => Answer::Stall,
            },
            (0x80, 0x00) => Answer::Data(vec![1, 0]),
            (0x80, 0x08) => Answer::Data(vec![1]),
            (0x00, 0x09) => {
                self.configured += 1;
                self.halted = false;
                if self.fault == Fault::Hang {
                    self.fault = Fault::None;
                }
                Answer::Data(Vec::new())
            }
            (0x02, 0x01) => {
                self.halted = false;
                Answer::Data(Vec::new())
            }
            (0x00, 0x01 | 0x03 | 0x05) | (0x01, 0x0b) => Answer::Data(Vec::new()),
            (0x81, 0x06) if high == 0x22 => Answer::Data(self.descriptor.clone()),
            (0x81, 0x06) if high == 0x21 => {
                Answer::Data(self.configuration().into_iter().skip(18).take(9).collect())
            }
            (0xa1, 0x01) => self.give(high, low),
            (0x21, 0x09) => self.accept(low, data),
            (0x21, 0x0a | 0x0b) => Answer::Data(Vec::new()),
            _ => Answer::Stall,
        }
    }

    fn read(&mut self, endpoint: u8) -> Answer {
        if endpoint & 0x0f != 1 {
            self.strange
                .push(format!("a read of endpoint {endpoint:#04x}"));
        }
        if matches!(self.fault, Fault::Hang | Fault::Dead) {
            return Answer::Silence;
        }
        if self.halted {
            return Answer::Stall;
        }
        self.inputs
            .pop_front()
            .map_or(Answer::Silence, Answer::Data)
    }

    fn write(&mut self, endpoint: u8, _data: &[u8]) -> Answer {
        self.strange
            .push(format!("a write to endpoint {endpoint:#04x}"));
        Answer::Stall
    }
}

/// For another interface than 0 or another endpoint than 0 and 1, or one of the requests that move or reshape a device
/// (USB 2.0 table 9-4); a configuration is set again by each reset.
fn is_strange(setup: Setup) -> bool {
    let [target, _] = setup.index.to_le_bytes();
    match (setup.request_type & 0x1f, setup.request_type, setup.request) {
        (_, 0x00, 0x05) | (_, 0x01, 0x0b) => true,
        (_, 0x00, 0x09) => setup.value == 0,
        (1, ..) => target != 0,
        (2, ..) => target & 0x0f > 1,
        _ => false,
    }
}
