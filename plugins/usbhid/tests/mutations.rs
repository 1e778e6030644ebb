//! Recorded devices gone wrong, by the thousand: nothing brings the driver down, and what cannot be read is not read as a
//! power cut.
//!
//! Without the recordings (see `recorded`) the tests say so and pass; `faults` has the same of a made-up device.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod recorded;

use husk_driver::{Driver, IoError, Report, Settings, Usb, Wake};
use husk_plugin_usbhid::UsbHid;
use recorded::{Recording, device, recordings};
use std::time::{Duration, Instant};

/// Mutations of each device, and how long all of them may take on a slow machine.
const ROUNDS: usize = 150;
const LIMIT: Duration = Duration::from_secs(60);

/// Numbers without a pattern, the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// Changes, cuts, doubles or lengthens a string of bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                _ if bytes.is_empty() => bytes.push(self.byte()),
                0 => bytes[at] = self.byte(),
                1 => bytes[at] ^= 1 << self.below(8),
                2 => bytes.truncate(at),
                3 => bytes.extend_from_within(at..),
                _ => bytes.extend(vec![self.byte(); 1 + self.below(70)]),
            }
        }
    }
}

/// Everything a client can have done, on a device as it is.
fn exercise(fake: &husk_driver::FakeUsb, settings: &Settings, random: &mut Random) {
    let Ok(mut driver) = UsbHid::open(Usb::new(fake.clone()), settings, None) else {
        return;
    };
    for why in [Wake::Interval, Wake::Readable, Wake::SettingsChanged] {
        let Ok(report) = driver.poll(why) else {
            continue;
        };
        let writable = report.variables().filter(|(_, reading)| reading.writable);
        let names: Vec<_> = writable.map(|(name, _)| name.to_owned()).collect();
        let values = [
            "0",
            "1",
            "-1",
            "4294967296",
            "yes",
            "2026/02/24",
            "12:30",
            "x",
        ];
        for name in names {
            drop(driver.set(&name, values[random.below(values.len())]));
        }
        let commands: Vec<_> = report.commands().map(str::to_owned).collect();
        for command in commands {
            drop(driver.command(&command, None));
        }
    }
    drop(driver.shutdown());
}

#[test]
fn mutated_devices_do_not_bring_the_driver_down() {
    let start = Instant::now();
    let mut random = Random(0x1234_5678_9abc_def1);
    let flags = [
        "interruptonly",
        "maxreport",
        "explore",
        "pollonly",
        "powercom_sdcmd_discrete_delay",
    ];
    for recording in recordings() {
        for round in 0..ROUNDS {
            let mut descriptor = recording.descriptor.clone();
            let mut reports = recording.reports.clone();
            if round % 2 == 0 {
                random.mutate(&mut descriptor);
            }
            for report in &mut reports {
                if random.below(4) == 0 {
                    random.mutate(report);
                }
            }
            let fake = device(&recording.identity, &descriptor, &reports);
            for report in &reports {
                if random.below(6) == 0 {
                    fake.interrupt(report);
                }
            }
            let flag = flags[random.below(flags.len())];
            let settings = match random.below(3) {
                0 => Settings::new([(flag, "")]),
                _ => Settings::default(),
            };
            exercise(&fake, &settings, &mut random);
        }
    }
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
}

fn words(report: &Report) -> Vec<&str> {
    report.status_words().collect()
}

/// A device on mains that loses, cuts and misnumbers reports and stalls: the words it has when it is well, or fewer.
fn ails(recording: &Recording, random: &mut Random) {
    let mut driver = recorded::open(recording).unwrap();
    let well = driver.poll(Wake::Interval).unwrap();
    let well: Vec<_> = words(&well).into_iter().map(str::to_owned).collect();
    for _ in 0..ROUNDS / 3 {
        let report = &recording.reports[random.below(recording.reports.len())];
        let id = report.first().copied().unwrap_or(0);
        match random.below(7) {
            0 => recording.fake.fail_report(id, Some(&IoError::Timeout)),
            1 => recording.fake.fail_report(id, Some(&IoError::Stall)),
            2 => recording.fake.fail_report(id, Some(&IoError::Overflow)),
            3 => recording
                .fake
                .feature(&report[..random.below(report.len())]),
            4 => recording
                .fake
                .interrupt(&report[..random.below(report.len())]),
            5 => recording.fake.feature(&[&report[..], &[0xff; 9]].concat()),
            _ => {
                recording.fake.fail_report(id, None);
                recording.fake.feature(report);
            }
        }
        let why = [Wake::Interval, Wake::Readable, Wake::SettingsChanged][random.below(3)];
        if let Ok(report) = driver.poll(why) {
            let words = words(&report);
            let invented = words
                .iter()
                .find(|word| !well.iter().any(|known| known == *word));
            // A charge that cannot be read lets CHRG go, and a full battery that cannot be read lets it come.
            assert!(
                invented.is_none_or(|word| *word == "CHRG"),
                "{}: {words:?} of {well:?}",
                recording.name
            );
        }
    }
}

#[test]
fn no_word_is_invented_for_a_recorded_device_that_fails() {
    let mut random = Random(0x0f1e_2d3c_4b5a_6978);
    for recording in recordings() {
        let well = recorded::open(&recording).and_then(|mut driver| driver.poll(Wake::Interval));
        if well.is_ok_and(|report| words(&report).contains(&"OL")) {
            ails(&recording, &mut random);
        }
    }
}
