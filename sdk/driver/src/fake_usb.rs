//! A HID device that lives in memory, for tests of drivers: it serves descriptors, reports, strings and interrupts,
//! keeps what is written, and fails where it is told to.
//!
//! Refuses to: behave. A test command starts no test; the recorded or given reports are all there is.

use crate::{Deadline, IoError, Setup, UsbBackend, UsbIdentity, host};
use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

const GET_DESCRIPTOR: u8 = 0x06;
const GET_REPORT: u8 = 0x01;
const SET_REPORT: u8 = 0x09;
/// wValue of GET_DESCRIPTOR, high byte: HID 1.11 §7.1.
const HID_DESCRIPTOR: u8 = 0x21;
const REPORT_DESCRIPTOR: u8 = 0x22;
/// wValue of GET_REPORT and SET_REPORT, high byte: HID 1.11 §7.2.
const INPUT: u8 = 1;
const FEATURE: u8 = 3;

/// A HID device in memory. Clones are the same device, so that a test can hold one and give the driver another.
#[derive(Clone)]
pub struct FakeUsb(Rc<RefCell<State>>);

struct State {
    identity: UsbIdentity,
    descriptor: Vec<u8>,
    /// By type (1 input, 3 feature) and report id.
    reports: BTreeMap<(u8, u8), Vec<u8>>,
    strings: BTreeMap<u8, String>,
    interrupts: VecDeque<Vec<u8>>,
    /// By bRequest and wValue, until healed.
    failures: BTreeMap<(u8, u16), IoError>,
    /// The same for the next request alone.
    hiccups: BTreeMap<(u8, u16), IoError>,
    interrupt_failure: Option<IoError>,
    unplugged: bool,
    asked: Vec<u8>,
    written: Vec<Vec<u8>>,
    cleared: Vec<u8>,
    resets: usize,
}

impl std::fmt::Debug for FakeUsb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeUsb")
    }
}

impl FakeUsb {
    /// A device with a report descriptor and nothing else; every report stalls.
    #[must_use]
    pub fn new(identity: UsbIdentity, descriptor: &[u8]) -> Self {
        Self(Rc::new(RefCell::new(State {
            identity,
            descriptor: descriptor.to_vec(),
            reports: BTreeMap::new(),
            strings: BTreeMap::new(),
            interrupts: VecDeque::new(),
            failures: BTreeMap::new(),
            hiccups: BTreeMap::new(),
            interrupt_failure: None,
            unplugged: false,
            asked: Vec::new(),
            written: Vec::new(),
            cleared: Vec::new(),
            resets: 0,
        })))
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Sets what a feature report reads; the first byte is its id.
    pub fn feature(&self, bytes: &[u8]) {
        self.report(FEATURE, bytes);
    }

    /// Sets what GET_REPORT(Input) reads; the first byte is its id.
    pub fn input(&self, bytes: &[u8]) {
        self.report(INPUT, bytes);
    }

    fn report(&self, kind: u8, bytes: &[u8]) {
        if let Some(id) = bytes.first() {
            self.state().reports.insert((kind, *id), bytes.to_vec());
        }
    }

    /// Sets string descriptor `index`.
    pub fn string(&self, index: u8, text: &str) {
        self.state().strings.insert(index, text.to_owned());
    }

    /// Queues one interrupt transfer; the first byte is the report's id.
    pub fn interrupt(&self, bytes: &[u8]) {
        self.state().interrupts.push_back(bytes.to_vec());
    }

    /// Makes feature report `id` fail, whether read or written; `None` heals it.
    pub fn fail_report(&self, id: u8, error: Option<&IoError>) {
        let value = u16::from_be_bytes([FEATURE, id]);
        for request in [GET_REPORT, SET_REPORT] {
            self.fail(request, value, error);
        }
    }

    /// Makes a control request fail by its bRequest and wValue; `None` heals it.
    pub fn fail(&self, request: u8, value: u16, error: Option<&IoError>) {
        let mut state = self.state();
        match error {
            Some(error) => state.failures.insert((request, value), error.clone()),
            None => state.failures.remove(&(request, value)),
        };
    }

    /// Makes the next reading of feature report `id` fail, and only that.
    pub fn hiccup(&self, id: u8, error: IoError) {
        let value = u16::from_be_bytes([FEATURE, id]);
        self.state().hiccups.insert((GET_REPORT, value), error);
    }

    /// Makes the interrupt endpoint fail instead of being silent when nothing is queued.
    pub fn fail_interrupts(&self, error: Option<&IoError>) {
        self.state().interrupt_failure = error.cloned();
    }

    /// Pulls the plug, or puts it back: everything answers [`IoError::Disconnected`].
    pub fn unplug(&self, unplugged: bool) {
        self.state().unplugged = unplugged;
    }

    /// The ids asked for by GET_REPORT(Feature) since the last call, in order.
    #[must_use]
    pub fn take_asked(&self) -> Vec<u8> {
        std::mem::take(&mut self.state().asked)
    }

    /// The feature reports written since the last call, in order.
    #[must_use]
    pub fn take_written(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state().written)
    }

    /// The endpoints whose halt was cleared since the last call, in order.
    #[must_use]
    pub fn take_cleared(&self) -> Vec<u8> {
        std::mem::take(&mut self.state().cleared)
    }

    /// How often the device was reset.
    #[must_use]
    pub fn resets(&self) -> usize {
        self.state().resets
    }
}

impl State {
    fn plugged(&self) -> Result<(), IoError> {
        match self.unplugged {
            true => Err(IoError::Disconnected),
            false => Ok(()),
        }
    }

    fn failure(&mut self, setup: Setup) -> Result<(), IoError> {
        self.plugged()?;
        if let Some(error) = self.hiccups.remove(&(setup.request, setup.value)) {
            return Err(error);
        }
        let failure = self.failures.get(&(setup.request, setup.value));
        failure.map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The HID descriptor (HID 1.11 §6.2.1) of the one interface.
    fn hid_descriptor(&self) -> [u8; 9] {
        let [low, high] = (self.descriptor.len() as u16).to_le_bytes();
        [
            9,
            HID_DESCRIPTOR,
            0x10,
            1,
            0,
            1,
            REPORT_DESCRIPTOR,
            low,
            high,
        ]
    }
}

impl UsbBackend for FakeUsb {
    fn identity(&mut self) -> UsbIdentity {
        self.state().identity.clone()
    }

    /// One interface of class HID with one interrupt endpoint, 0x81.
    fn configuration(&mut self) -> Vec<u8> {
        let state = self.state();
        let interface = state.identity.interface;
        let mut bytes = vec![9, 2, 34, 0, 1, 1, 0, 0xA0, 0];
        bytes.extend([9, 4, interface, 0, 1, 3, 0, 0, 0]);
        bytes.extend(state.hid_descriptor());
        bytes.extend([7, 5, 0x81, 3, 8, 0, 0x40]);
        bytes
    }

    fn control_in(
        &mut self,
        setup: Setup,
        length: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let mut state = self.state();
        let [kind, id] = setup.value.to_be_bytes();
        if setup.request == GET_REPORT && kind == FEATURE {
            state.asked.push(id);
        }
        if let Err(error) = state.failure(setup) {
            if error == IoError::Timeout {
                host::native::advance(deadline.total);
            }
            return Err(error);
        }
        let mut bytes = match (setup.request, kind) {
            (GET_DESCRIPTOR, HID_DESCRIPTOR) => state.hid_descriptor().to_vec(),
            (GET_DESCRIPTOR, REPORT_DESCRIPTOR) => state.descriptor.clone(),
            (GET_REPORT, _) => match state.reports.get(&(kind, id)) {
                Some(bytes) => bytes.clone(),
                None => return Err(IoError::Stall),
            },
            _ => return Err(IoError::Stall),
        };
        bytes.truncate(length.into());
        Ok(bytes)
    }

    fn control_out(
        &mut self,
        setup: Setup,
        data: &[u8],
        _deadline: Deadline,
    ) -> Result<(), IoError> {
        self.state().failure(setup)?;
        if setup.request != SET_REPORT {
            return Err(IoError::Stall);
        }
        self.feature(data);
        self.state().written.push(data.to_vec());
        Ok(())
    }

    fn string_descriptor(
        &mut self,
        index: u8,
        _language: u16,
        max: u16,
        _deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let state = self.state();
        state.plugged()?;
        let mut text = match (index, state.strings.get(&index)) {
            (0, _) => vec![0x09, 0x04],
            (_, Some(text)) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            (_, None) => return Err(IoError::Stall),
        };
        let mut bytes = vec![u8::try_from(text.len() + 2).unwrap_or(u8::MAX), 3];
        bytes.append(&mut text);
        bytes.truncate(max.into());
        Ok(bytes)
    }

    fn interrupt_in(
        &mut self,
        _endpoint: u8,
        max: u16,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let mut state = self.state();
        state.plugged()?;
        if let Some(mut bytes) = state.interrupts.pop_front() {
            bytes.truncate(max.into());
            return Ok(bytes);
        }
        host::native::advance(deadline.total);
        Err(state.interrupt_failure.clone().unwrap_or(IoError::Timeout))
    }

    fn clear_halt(&mut self, endpoint: u8) -> Result<(), IoError> {
        let mut state = self.state();
        state.plugged()?;
        state.cleared.push(endpoint);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), IoError> {
        let mut state = self.state();
        state.plugged()?;
        state.resets += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::Usb;

    const DEADLINE: Deadline = Deadline::ms(100);

    fn request(request_type: u8, request: u8, value: u16) -> Setup {
        Setup {
            request_type,
            request,
            value,
            index: 0,
        }
    }

    #[test]
    fn it_serves_what_it_was_given_and_keeps_what_is_written() {
        let fake = FakeUsb::new(UsbIdentity::default(), &[5, 0x84]);
        fake.feature(&[7, 1, 2]);
        fake.string(1, "Ä");
        fake.interrupt(&[9]);
        let mut usb = Usb::new(fake.clone());
        assert_eq!(
            usb.configuration()[25],
            2,
            "length of the report descriptor"
        );
        let get = |usb: &mut Usb, value| usb.control_in(request(0xA1, 1, value), 2, DEADLINE);
        assert_eq!(get(&mut usb, 0x0307).unwrap(), [7, 1], "no more than asked");
        assert_eq!(get(&mut usb, 0x0308), Err(IoError::Stall));
        assert_eq!(get(&mut usb, 0x0107), Err(IoError::Stall));
        let set = request(0x21, 9, 0x0307);
        usb.control_out(set, &[7, 9], DEADLINE).unwrap();
        assert_eq!(get(&mut usb, 0x0307).unwrap(), [7, 9]);
        assert_eq!(fake.take_written(), [[7, 9]]);
        assert_eq!(fake.take_asked(), [7, 8, 7]);
        let string = usb.string_descriptor(1, 0x0409, 255, DEADLINE);
        assert_eq!(string.unwrap(), [4, 3, 0xC4, 0]);
        assert_eq!(usb.interrupt_in(0x81, 8, DEADLINE).unwrap(), [9]);
        assert_eq!(usb.interrupt_in(0x81, 8, DEADLINE), Err(IoError::Timeout));
    }

    #[test]
    fn it_fails_where_it_is_told_to() {
        let fake = FakeUsb::new(UsbIdentity::default(), &[]);
        fake.feature(&[7, 1]);
        fake.fail_report(7, Some(&IoError::Overflow));
        let mut usb = Usb::new(fake.clone());
        let get = request(0xA1, 1, 0x0307);
        assert_eq!(usb.control_in(get, 2, DEADLINE), Err(IoError::Overflow));
        fake.fail_report(7, None);
        assert!(usb.control_in(get, 2, DEADLINE).is_ok());
        fake.unplug(true);
        assert_eq!(usb.control_in(get, 2, DEADLINE), Err(IoError::Disconnected));
        assert_eq!(usb.reset(), Err(IoError::Disconnected));
    }
}
