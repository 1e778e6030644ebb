//! A UPS of our own making, as the HID Power Device class describes one: mains, battery, beeper, shutdown timer.
//!
//! It goes by APC's numbers, because the incumbent's driver asks a maker's table about everything else and theirs is the
//! most used. One report per usage, except for the status bits, as APC's small units have it.

use super::hid::Hid;
use super::{Answer, Device, Identity, Setup};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// APC; Back-UPS and Smart-UPS.
pub const VENDOR: u16 = 0x051d;
/// Their product number.
pub const PRODUCT: u16 = 0x0002;

const CHARGE: u8 = 5;
const RUNTIME: u8 = 6;
const BATTERY_VOLTAGE: u8 = 9;
const SHUTDOWN: u8 = 11;
const BEEPER: u8 = 12;
const STATUS: u8 = 13;
const INPUT_VOLTAGE: u8 = 14;
/// Charge in percent below which it calls the battery low.
const LOW: u8 = 20;
/// And below which it announces that it will switch off, on battery.
const LAST: u8 = 5;

/// Usage pages: Power Device and Battery System.
const POWER: u8 = 0x84;
const BATTERY: u8 = 0x85;
/// Main items.
const INPUT_ITEM: u8 = 0x81;
const FEATURE_ITEM: u8 = 0xb1;

/// The UPS.
pub struct Ups {
    hid: Hid,
    mains: bool,
    charge: u8,
    replace: bool,
}

impl Ups {
    /// On mains, nearly full, with a serial number of one's choice.
    pub fn new(serial: &str) -> Self {
        let strings = [
            "American Power Conversion",
            "Simulated UPS 1500 FW:1.0 .D USB FW:1",
        ];
        let strings = strings.into_iter().chain([serial, "PbAc"]);
        let identity = Identity {
            vendor: VENDOR,
            product: PRODUCT,
            release: 0x0100,
            strings: strings.map(str::to_owned).collect(),
        };
        let mut ups = Self {
            hid: Hid::new(identity, descriptor(), BTreeMap::new()),
            mains: true,
            charge: 97,
            replace: false,
        };
        for (id, value) in [
            (1, 2),
            (2, 3),
            (3, 1),
            (4, 4),
            (7, 50),
            (8, LOW),
            (BEEPER, 2),
            (16, 23),
        ] {
            ups.hid.reports.insert(id, vec![id, value]);
        }
        for (id, value) in [(10, 2400_u16), (SHUTDOWN, u16::MAX), (15, 230)] {
            ups.set_word(id, value);
        }
        ups.refresh();
        ups
    }

    /// The mains come back or fail, and the host is told on the interrupt endpoint.
    pub fn mains(&mut self, on: bool) {
        self.mains = on;
        self.changed();
    }

    /// The battery is charged so far, in percent.
    pub fn charge(&mut self, percent: u8) {
        self.charge = percent;
        self.changed();
    }

    /// The battery wants to be replaced, or not; nothing is told, a poll has to find it.
    pub fn replace_battery(&mut self, wanted: bool) {
        self.replace = wanted;
        self.refresh();
    }

    /// What AudibleAlarmControl was set to last.
    pub fn beeper(&self) -> Option<u8> {
        self.hid.reports.get(&BEEPER)?.get(1).copied()
    }

    /// What DelayBeforeShutdown was set to last, in seconds; -1: no shutdown is under way.
    pub fn shutdown(&self) -> Option<i16> {
        let bytes = self.hid.reports.get(&SHUTDOWN)?.get(1..3)?;
        Some(i16::from_le_bytes(bytes.try_into().ok()?))
    }

    fn changed(&mut self) {
        self.refresh();
        for id in [STATUS, CHARGE, RUNTIME] {
            if let Some(report) = self.hid.reports.get(&id).cloned() {
                self.hid.push(report);
            }
        }
    }

    fn refresh(&mut self) {
        let low = self.charge < LOW;
        let bits = [
            self.mains,
            self.mains && self.charge < 100,
            !self.mains,
            low,
            self.replace,
            false,
            !self.mains && self.charge < LAST,
        ];
        let status = bits
            .iter()
            .rev()
            .fold(0_u8, |sum, bit| sum << 1 | u8::from(*bit));
        self.hid.reports.insert(STATUS, vec![STATUS, status]);
        self.hid.reports.insert(CHARGE, vec![CHARGE, self.charge]);
        self.set_word(RUNTIME, u16::from(self.charge) * 18);
        self.set_word(BATTERY_VOLTAGE, if self.mains { 2730 } else { 2510 });
        self.set_word(INPUT_VOLTAGE, if self.mains { 231 } else { 0 });
    }

    fn set_word(&mut self, id: u8, value: u16) {
        let [low, high] = value.to_le_bytes();
        self.hid.reports.insert(id, vec![id, low, high]);
    }
}

impl Deref for Ups {
    type Target = Hid;
    fn deref(&self) -> &Hid {
        &self.hid
    }
}

impl DerefMut for Ups {
    fn deref_mut(&mut self) -> &mut Hid {
        &mut self.hid
    }
}

impl Device for Ups {
    fn plugged(&mut self) {
        self.hid.plugged();
    }

    fn control(&mut self, setup: Setup, data: &[u8]) -> Answer {
        self.hid.control(setup, data)
    }

    fn read(&mut self, endpoint: u8) -> Answer {
        self.hid.read(endpoint)
    }

    fn write(&mut self, endpoint: u8, data: &[u8]) -> Answer {
        self.hid.write(endpoint, data)
    }
}

/// The report descriptor. Items: HID 1.11 §6.2.2; usages: HID Power Device Class 1.1 §4.
#[rustfmt::skip]
fn descriptor() -> Vec<u8> {
    let mut items = Items::default();
    let (byte, word) = ((8, 0, 0x7f), (16, 0, 0xffff));
    items.open(POWER, 0x04, 0x01);                                   // UPS, an application
    items.open(POWER, 0x24, 0x00);                                   // PowerSummary
    items.feature(1, byte, POWER, 0xfe);                             // iProduct
    items.feature(2, byte, POWER, 0xff);                             // iSerialNumber
    items.feature(3, byte, POWER, 0xfd);                             // iManufacturer
    items.feature(4, byte, BATTERY, 0x89);                           // iDeviceChemistry
    items.both(CHARGE, (8, 0, 100), BATTERY, &[0x66]);               // RemainingCapacity, %
    items.unit(0x1001, 0);
    items.both(RUNTIME, word, BATTERY, &[0x68]);                     // RunTimeToEmpty, s
    items.unit(0, 0);
    items.feature(7, (8, 0, 100), BATTERY, 0x8c);                    // WarningCapacityLimit
    items.feature(8, (8, 0, 100), BATTERY, 0x29);                    // RemainingCapacityLimit
    items.unit(0x00f0_d121, 5);
    items.feature(BATTERY_VOLTAGE, word, POWER, 0x30);               // Voltage, 0.01 V
    items.feature(10, word, POWER, 0x40);                            // ConfigVoltage, 0.01 V
    items.unit(0, 0);
    items.feature(SHUTDOWN, (16, -1, 0x7fff), POWER, 0x57);          // DelayBeforeShutdown, s
    items.feature(BEEPER, (8, 1, 3), POWER, 0x5a);                   // AudibleAlarmControl
    items.open(POWER, 0x02, 0x02);                                   // PresentStatus
    // ACPresent, Charging, Discharging, BelowRemainingCapacityLimit, NeedReplacement
    items.both(STATUS, (1, 0, 1), BATTERY, &[0xd0, 0x44, 0x45, 0x42, 0x4b]);
    items.both(STATUS, (1, 0, 1), POWER, &[0x65, 0x69]);             // Overload, ShutdownImminent
    items.padding();
    items.close();
    items.close();
    items.open(POWER, 0x1a, 0x00);                                   // Input
    items.unit(0x00f0_d121, 7);
    items.feature(INPUT_VOLTAGE, word, POWER, 0x30);                 // Voltage, V
    items.close();
    items.open(POWER, 0x1c, 0x00);                                   // Output
    items.feature(15, word, POWER, 0x30);                            // Voltage, V
    items.unit(0, 0);
    items.feature(16, (8, 0, 255), POWER, 0x35);                     // PercentLoad
    items.close();
    items.close();
    items.0
}

/// A field: bits, smallest and largest value.
type Shape = (u8, i32, i32);

#[derive(Default)]
struct Items(Vec<u8>);

impl Items {
    fn open(&mut self, page: u8, usage: u8, collection: u8) {
        self.0.extend([0x05, page, 0x09, usage, 0xa1, collection]);
    }

    fn close(&mut self) {
        self.0.push(0xc0);
    }

    fn unit(&mut self, code: u32, exponent: u8) {
        self.0.push(0x67);
        self.0.extend(code.to_le_bytes());
        self.0.extend([0x55, exponent]);
    }

    fn field(&mut self, report: u8, (bits, least, most): Shape, page: u8, usage: u8, item: u8) {
        self.0.extend([0x85, report, 0x75, bits, 0x95, 1, 0x17]);
        self.0.extend(least.to_le_bytes());
        self.0.push(0x27);
        self.0.extend(most.to_le_bytes());
        self.0.extend([0x05, page, 0x09, usage, item, 0x02]);
    }

    fn feature(&mut self, report: u8, shape: Shape, page: u8, usage: u8) {
        self.field(report, shape, page, usage, FEATURE_ITEM);
    }

    /// Usages that are in the input and in the feature report of a number.
    fn both(&mut self, report: u8, shape: Shape, page: u8, usages: &[u8]) {
        for item in [INPUT_ITEM, FEATURE_ITEM] {
            for usage in usages {
                self.field(report, shape, page, *usage, item);
            }
        }
    }

    /// The eighth status bit of both reports, without a meaning.
    fn padding(&mut self) {
        self.0
            .extend([0x75, 1, INPUT_ITEM, 0x03, FEATURE_ITEM, 0x03]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::usb::Simulated;
    use crate::usb::hid::Fault;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    /// GET_REPORT of a feature report over USB/IP; what comes back after the header.
    fn ask(host: &mut UnixStream, number: u32, id: u8) {
        let mut packet: Vec<u8> = [1_u32, number, 0, 1, 0, 0, 8, 0, 0, 0]
            .into_iter()
            .flat_map(u32::to_be_bytes)
            .collect();
        packet.extend([0xa1, 1, id, 3, 0, 0, 8, 0]);
        host.write_all(&packet).unwrap();
    }

    fn answer(host: &mut UnixStream) -> (u32, i32, Vec<u8>) {
        let mut header = [0; 48];
        host.read_exact(&mut header).unwrap();
        let word =
            |at: usize| u32::from_be_bytes(*header.get(at..).unwrap().first_chunk().unwrap());
        let mut data = vec![0; word(24) as usize];
        host.read_exact(&mut data).unwrap();
        (word(4), word(20).cast_signed(), data)
    }

    #[test]
    fn reports_and_faults_come_over_the_cable() {
        let ups = Simulated::new(Ups::new("1"));
        let (mut host, far) = UnixStream::pair().unwrap();
        ups.serve(far).unwrap();
        ask(&mut host, 1, STATUS);
        assert_eq!(answer(&mut host), (1, 0, vec![STATUS, 0b011]));
        ups.tell(|ups| ups.mains(false));
        ask(&mut host, 2, STATUS);
        assert_eq!(answer(&mut host), (2, 0, vec![STATUS, 0b100]));
        ups.tell(|ups| ups.fault = Fault::Stall);
        ask(&mut host, 3, STATUS);
        assert_eq!(answer(&mut host), (3, -32, vec![]));
        ups.tell(|ups| ups.fault = Fault::Dead);
        ask(&mut host, 4, STATUS);
        ups.tell(|ups| ups.fault = Fault::None);
        assert_eq!(answer(&mut host), (4, 0, vec![STATUS, 0b100]));
        ups.unplug();
        assert_eq!(host.read(&mut [0]).unwrap(), 0);
    }
}
