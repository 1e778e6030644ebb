//! The driver on a device that stalls, is silent, chatters, disappears and lies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_driver::{
    Driver, Error, FakeUsb, IoError, Report, Settings, Usb, UsbIdentity, Wake, host,
};
use husk_plugin_usbhid::UsbHid;

/// Collections and fields of a small UPS: every field is a feature report of its own, those of the status are bits of
/// report 4 and also an input report.
#[rustfmt::skip]
const DESCRIPTOR: &[u8] = &[
    0x05, 0x84, 0x09, 0x04, 0xa1, 0x01,                     // UPS
      0x15, 0x00, 0x75, 0x08, 0x95, 0x01,
      0x09, 0x24, 0xa1, 0x00,                               //   PowerSummary
        0x05, 0x85, 0x25, 0x64,
        0x85, 0x01, 0x09, 0x66, 0xb1, 0x22, 0x09, 0x66, 0x81, 0x22,   // 1 RemainingCapacity, also told
        0x85, 0x02, 0x09, 0x29, 0xb1, 0x22,                 //     2 RemainingCapacityLimit
                    0x09, 0x8c, 0xb1, 0x22,                 //       WarningCapacityLimit beside it
        0x05, 0x84, 0x09, 0x02, 0xa1, 0x00, 0x05, 0x85,     //     PresentStatus
          0x25, 0x01, 0x75, 0x01, 0x85, 0x04,
          0x09, 0xd0, 0xb1, 0x22, 0x09, 0x45, 0xb1, 0x22, 0x09, 0x42, 0xb1, 0x22,
          0x95, 0x05, 0xb1, 0x03, 0x95, 0x01,
          0x09, 0xd0, 0x81, 0x22, 0x09, 0x45, 0x81, 0x22, 0x09, 0x42, 0x81, 0x22,
        0xc0,
      0xc0,
      0x05, 0x84, 0x09, 0x1c, 0xa1, 0x00,                   //   Output
        0x75, 0x10, 0x16, 0xff, 0xff, 0x26, 0xff, 0x7f,
        0x85, 0x05, 0x09, 0x57, 0xb1, 0x22,                 //     5 DelayBeforeShutdown
        0x85, 0x06, 0x09, 0x56, 0xb1, 0x22,                 //     6 DelayBeforeStartup
        0x15, 0x00, 0x85, 0x07, 0x09, 0x30, 0xb1, 0x22,     //     7 Voltage
      0xc0,
    0xc0,
];

/// ACPresent, Discharging, BelowRemainingCapacityLimit.
const ON_LINE: u8 = 0b001;
const ON_BATTERY: u8 = 0b010;

fn ups() -> FakeUsb {
    let identity = UsbIdentity {
        vendor_id: 0x0764,
        product_id: 0x0601,
        product: Some("Small".into()),
        ..UsbIdentity::default()
    };
    let fake = FakeUsb::new(identity, DESCRIPTOR);
    fake.feature(&[1, 100]);
    fake.feature(&[2, 20, 30]);
    fake.feature(&[4, ON_LINE]);
    fake.feature(&[5, 0xff, 0xff]);
    fake.feature(&[6, 0xff, 0xff]);
    fake.feature(&[7, 230, 0]);
    fake
}

fn open(fake: &FakeUsb) -> UsbHid {
    UsbHid::open(Usb::new(fake.clone()), &Settings::default(), None).unwrap()
}

/// Opened and polled once.
fn running(fake: &FakeUsb) -> UsbHid {
    let mut driver = open(fake);
    driver.poll(Wake::Interval).unwrap();
    drop(fake.take_asked());
    driver
}

/// Numbers without a pattern, the same in every run (xorshift).
fn random(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    }
}

fn status(report: &Report) -> String {
    report.status_words().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_changes_with_the_mains_is_read_often_and_the_rest_when_it_is_time() {
    let fake = ups();
    let mut driver = running(&fake);
    driver.poll(Wake::Interval).unwrap();
    assert_eq!(fake.take_asked(), [4, 5, 6], "status and timers");
    host::sleep_ms(12_000);
    driver.poll(Wake::Interval).unwrap();
    assert_eq!(fake.take_asked().len(), 6, "each report once");
    driver.poll(Wake::SettingsChanged).unwrap();
    assert_eq!(fake.take_asked().len(), 6, "and after a write");
}

#[test]
fn an_interrupt_is_reported_at_once_and_corrected_by_the_next_poll() {
    let fake = ups();
    let mut driver = running(&fake);
    fake.interrupt(&[4, ON_BATTERY]);
    fake.interrupt(&[1, 97]);
    let report = driver.poll(Wake::Readable).unwrap();
    assert_eq!(status(&report), "OB DISCHRG");
    assert_eq!(report.value("battery.charge"), Some("97"));
    assert!(fake.take_asked().is_empty(), "nothing was asked for it");
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(status(&report), "OL");
    assert_eq!(report.value("battery.charge"), Some("100"), "asked as well");
}

#[test]
fn a_halted_interrupt_endpoint_is_made_to_go_again() {
    let fake = ups();
    let mut driver = running(&fake);
    fake.fail_interrupts(Some(&IoError::Stall));
    assert_eq!(status(&driver.poll(Wake::Interval).unwrap()), "OL");
    assert_eq!(fake.take_cleared(), [0x81]);
}

/// A UPS whose ACPresent and Discharging are in reports of their own.
#[rustfmt::skip]
const APART: &[u8] = &[
    0x05, 0x84, 0x09, 0x04, 0xa1, 0x01,                     // UPS
      0x15, 0x00, 0x25, 0x01, 0x75, 0x08, 0x95, 0x01,
      0x09, 0x24, 0xa1, 0x00,                               //   PowerSummary
        0x09, 0x02, 0xa1, 0x00, 0x05, 0x85,                 //     PresentStatus
          0x85, 0x04, 0x09, 0xd0, 0xb1, 0x22,               //       4 ACPresent
          0x85, 0x08, 0x09, 0x45, 0xb1, 0x22,               //       8 Discharging
        0xc0,
      0xc0,
    0xc0,
];

#[test]
fn mains_that_are_told_of_no_more_are_no_status_without_them() {
    let identity = UsbIdentity {
        vendor_id: 0x0764,
        product_id: 0x0601,
        ..UsbIdentity::default()
    };
    let fake = FakeUsb::new(identity, APART);
    fake.feature(&[4, 1]);
    fake.feature(&[8, 0]);
    let mut driver = running(&fake);
    fake.fail_report(4, Some(&IoError::Stall));
    assert_eq!(driver.poll(Wake::Interval).err(), Some(Error::Timeout));
    fake.feature(&[8, 1]);
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(status(&report), "OB DISCHRG", "discharging is a word");
}

#[test]
fn a_report_that_stalls_costs_its_variables_and_is_not_asked_for_again() {
    let fake = ups();
    fake.fail_report(7, Some(&IoError::Stall));
    let mut driver = open(&fake);
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(report.value("output.voltage"), None);
    assert_eq!(report.value("battery.charge"), Some("100"));
    drop(fake.take_asked());
    driver.poll(Wake::SettingsChanged).unwrap();
    assert!(!fake.take_asked().contains(&7));
}

/// Firmware that is starting stalls what it will answer in a moment.
#[test]
fn a_report_that_stalls_once_is_asked_for_again() {
    let fake = ups();
    fake.hiccup(4, IoError::Stall);
    fake.hiccup(7, IoError::Stall);
    let report = open(&fake).poll(Wake::Interval).unwrap();
    assert_eq!(status(&report), "OL");
    assert_eq!(report.value("output.voltage"), Some("230.0"));

    let fake = ups();
    let mut driver = open(&fake);
    for _ in 0..3 {
        (1..=7).for_each(|id| fake.fail_report(id, Some(&IoError::Stall)));
        assert!(driver.poll(Wake::Interval).is_err());
    }
    (1..=7).for_each(|id| fake.fail_report(id, None));
    fake.hiccup(4, IoError::Stall);
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(
        status(&report),
        "OL",
        "it had stalled before, with all others"
    );
}

#[test]
fn a_report_lost_for_a_moment_keeps_its_value_for_two_polls_and_no_more() {
    let fake = ups();
    let mut driver = running(&fake);
    fake.fail_report(7, Some(&IoError::Timeout));
    for expected in [Some("230.0"), Some("230.0"), None] {
        let report = driver.poll(Wake::SettingsChanged).unwrap();
        assert_eq!(report.value("output.voltage"), expected);
        assert_eq!(status(&report), "OL");
    }
    fake.fail_report(7, None);
    let report = driver.poll(Wake::SettingsChanged).unwrap();
    assert_eq!(report.value("output.voltage"), Some("230.0"));
}

#[test]
fn a_silent_device_is_found_out_in_half_a_second() {
    let fake = ups();
    let mut driver = running(&fake);
    for id in 1..=7 {
        fake.fail_report(id, Some(&IoError::Timeout));
    }
    let start = host::now_ms();
    assert_eq!(driver.poll(Wake::Interval), Err(Error::Timeout));
    assert_eq!(host::now_ms() - start, 500);
    assert_eq!(fake.take_asked().len(), 1, "given up after the first");
}

#[test]
fn a_pulled_plug_is_a_lost_port() {
    let fake = ups();
    let mut driver = running(&fake);
    fake.unplug(true);
    assert_eq!(driver.poll(Wake::Interval), Err(Error::Lost));
    assert_eq!(driver.command("load.off", None), Err(Error::Lost));
    assert_eq!(driver.shutdown(), Err(Error::Lost));
    fake.unplug(false);
    assert!(driver.poll(Wake::Interval).is_ok());
}

#[test]
fn a_write_leaves_its_neighbours_as_the_device_has_them_now() {
    let fake = ups();
    let mut driver = running(&fake);
    fake.feature(&[2, 20, 44]);
    driver.set("battery.charge.low", "35").unwrap();
    assert_eq!(fake.take_written(), [[2, 35, 44]]);
    for wrong in ["much", "", "NaN", "1e99"] {
        let refused = driver.set("battery.charge.low", wrong);
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{wrong}");
    }
    assert_eq!(driver.set("ups.load", "1"), Err(Error::Unsupported));
    assert_eq!(
        driver.command("test.panel.start", None),
        Err(Error::Unsupported)
    );
    assert!(fake.take_written().is_empty());
}

#[test]
fn a_shutdown_says_when_to_return_before_it_cuts() {
    let fake = ups();
    let mut driver = running(&fake);
    driver.set("ups.delay.start", "180").unwrap();
    driver.shutdown().unwrap();
    assert_eq!(fake.take_written(), [[6, 180, 0], [5, 60, 0]]);
    driver.command("shutdown.stayoff", None).unwrap();
    assert_eq!(fake.take_written(), [[6, 0xff, 0xff], [5, 60, 0]]);
    driver.command("load.off.delay", Some("7")).unwrap();
    assert_eq!(fake.take_written(), [[5, 7, 0]]);
}

#[test]
fn a_device_silent_to_its_shutdown_is_not_told_to_stay_off() {
    let fake = ups();
    let mut driver = running(&fake);
    driver.set("ups.delay.start", "180").unwrap();
    fake.fail(9, 0x0305, Some(&IoError::Timeout));
    assert_eq!(driver.shutdown(), Err(Error::Timeout));
    let written = fake.take_written();
    assert!(
        !written.is_empty() && written.iter().all(|report| *report == [6, 180, 0]),
        "{written:?}"
    );
}

/// A Delta with ups.start.auto (report 1) and both delays of its outlet (2 and 3), two bytes each.
#[rustfmt::skip]
const WITH_START_AUTO: &[u8] = &[
    0x05, 0x84, 0x09, 0x04, 0xa1, 0x01,                     // UPS
      0x15, 0x00, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x01,
      0x09, 0x24, 0xa1, 0x00, 0x09, 0x02, 0xa1, 0x00,       //   PowerSummary.PresentStatus
        0x05, 0x85, 0x85, 0x04, 0x09, 0xd0, 0xb1, 0x22,     //     4 ACPresent
      0xc0, 0xc0,
      0x0b, 0x10, 0x00, 0xff, 0xff, 0xa1, 0x81,             //   DeltaCustom.[1]
        0x0b, 0x9c, 0x00, 0xff, 0xff, 0x85, 0x01, 0xb1, 0x22,   // 1 DeltaConfigStartPowerRestore
      0xc0,
      0x05, 0x84, 0x09, 0x18, 0xa1, 0x00, 0x09, 0x20, 0xa1, 0x00,   // OutletSystem.Outlet
        0x15, 0xff, 0x75, 0x10, 0x26, 0xff, 0x7f,
        0x85, 0x02, 0x09, 0x57, 0xb1, 0x22,                 //     2 DelayBeforeShutdown
        0x85, 0x03, 0x09, 0x56, 0xb1, 0x22,                 //     3 DelayBeforeStartup
      0xc0, 0xc0,
    0xc0,
];

#[test]
fn a_shutdown_says_first_whether_to_start_again() {
    let identity = UsbIdentity {
        vendor_id: 0x05dd,
        product_id: 0x041b,
        ..UsbIdentity::default()
    };
    let fake = FakeUsb::new(identity, WITH_START_AUTO);
    fake.feature(&[1, 0]);
    fake.feature(&[2, 0xff, 0xff]);
    fake.feature(&[3, 0xff, 0xff]);
    fake.feature(&[4, 1]);
    let mut driver = running(&fake);
    driver.command("shutdown.return", Some("40")).unwrap();
    let written: &[&[u8]] = &[&[1, 1], &[3, 30, 0], &[2, 40, 0]];
    assert_eq!(
        fake.take_written(),
        written,
        "the value is the time to the cut"
    );
    driver.command("shutdown.stayoff", None).unwrap();
    let written: &[&[u8]] = &[&[1, 0], &[3, 0xff, 0xff], &[2, 20, 0]];
    assert_eq!(fake.take_written(), written);
    fake.fail(9, 0x0301, Some(&IoError::Stall));
    driver.shutdown().unwrap();
    let written: &[&[u8]] = &[&[3, 30, 0], &[2, 20, 0]];
    assert_eq!(fake.take_written(), written, "cut all the same");
}

/// A PowerCOM that tells its status and its charge, and has no report to be asked for.
#[rustfmt::skip]
const ONLY_TOLD: &[u8] = &[
    0x05, 0x84, 0x09, 0x04, 0xa1, 0x01,                     // UPS
      0x15, 0x00, 0x25, 0x64, 0x75, 0x08, 0x95, 0x01,
      0x09, 0x24, 0xa1, 0x00, 0x05, 0x85,                   //   PowerSummary
        0x85, 0x01, 0x09, 0x66, 0x81, 0x22,                 //     1 RemainingCapacity
        0x05, 0x84, 0x09, 0x02, 0xa1, 0x00, 0x05, 0x85,     //     PresentStatus
          0x25, 0x01, 0x75, 0x01, 0x85, 0x04,
          0x09, 0xd0, 0x81, 0x22, 0x09, 0x45, 0x81, 0x22, 0x09, 0x42, 0x81, 0x22,
        0xc0,
      0xc0,
    0xc0,
];

#[test]
fn a_device_that_only_tells_is_listened_to_and_looked_after() {
    let identity = UsbIdentity {
        vendor_id: 0x0d9f,
        product_id: 0x0001,
        ..UsbIdentity::default()
    };
    let fake = FakeUsb::new(identity, ONLY_TOLD);
    let mut driver = open(&fake);
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(status(&report), "", "it has told nothing yet");
    fake.interrupt(&[4, ON_LINE]);
    fake.interrupt(&[1, 88]);
    let report = driver.poll(Wake::Readable).unwrap();
    assert_eq!(status(&report), "OL");
    assert_eq!(report.value("battery.charge"), Some("88"));
    drop(fake.take_asked());
    fake.interrupt(&[4, ON_BATTERY]);
    assert_eq!(status(&driver.poll(Wake::Interval).unwrap()), "OB DISCHRG");
    host::sleep_ms(31_000);
    assert_eq!(status(&driver.poll(Wake::Interval).unwrap()), "OB DISCHRG");
    assert!(fake.take_asked().is_empty(), "reports are not asked for");
    host::sleep_ms(31_000);
    fake.fail(6, 0x2100, Some(&IoError::Timeout));
    assert_eq!(driver.poll(Wake::Interval), Err(Error::Timeout));
}

/// An APC with ACPresent in two places: PowerSummary (report 5, only asked for) and its PresentStatus (report 4, told too).
#[rustfmt::skip]
const TWICE: &[u8] = &[
    0x05, 0x84, 0x09, 0x04, 0xa1, 0x01,                     // UPS
      0x15, 0x00, 0x25, 0x01, 0x75, 0x08, 0x95, 0x01,
      0x09, 0x24, 0xa1, 0x00, 0x05, 0x85,                   //   PowerSummary
        0x85, 0x05, 0x09, 0xd0, 0xb1, 0x22,                 //     5 ACPresent
        0x05, 0x84, 0x09, 0x02, 0xa1, 0x00, 0x05, 0x85,     //     PresentStatus
          0x85, 0x04, 0x09, 0xd0, 0xb1, 0x22, 0x09, 0xd0, 0x81, 0x22,   // 4 ACPresent
        0xc0,
      0xc0,
    0xc0,
];

#[test]
fn the_newest_word_about_mains_counts() {
    let identity = UsbIdentity {
        vendor_id: 0x051d,
        product_id: 0x0002,
        ..UsbIdentity::default()
    };
    let fake = FakeUsb::new(identity, TWICE);
    fake.feature(&[4, 1]);
    fake.feature(&[5, 1]);
    let mut driver = running(&fake);
    fake.interrupt(&[4, 0]);
    let report = driver.poll(Wake::Readable).unwrap();
    assert_eq!(status(&report), "OB", "what the other place said is older");
    fake.interrupt(&[4, 1]);
    assert_eq!(status(&driver.poll(Wake::Readable).unwrap()), "OL");
    fake.feature(&[4, 0]);
    fake.feature(&[5, 0]);
    assert_eq!(status(&driver.poll(Wake::Interval).unwrap()), "OB");
}

#[test]
fn a_device_that_refuses_a_write_is_told_so() {
    let fake = ups();
    let mut driver = running(&fake);
    fake.fail(9, 0x0305, Some(&IoError::Stall));
    let refused = driver.command("load.off", None);
    assert!(matches!(refused, Err(Error::Failed(_))), "{refused:?}");
}

#[test]
fn a_status_that_goes_away_is_an_error_and_one_that_never_was_an_alarm() {
    let fake = ups();
    let mut driver = running(&fake);
    fake.fail_report(4, Some(&IoError::Timeout));
    assert_eq!(driver.poll(Wake::Interval), Err(Error::Timeout));

    let fake = ups();
    fake.fail_report(4, Some(&IoError::Stall));
    let report = open(&fake).poll(Wake::Interval).unwrap();
    assert_eq!(status(&report), "");
    assert_eq!(report.alarms().len(), 1);
}

#[test]
fn strangers_and_garbage_are_refused() {
    let opened = |identity, descriptor: &[u8]| {
        let fake = FakeUsb::new(identity, descriptor);
        UsbHid::open(Usb::new(fake), &Settings::default(), None).err()
    };
    let stranger = UsbIdentity {
        vendor_id: 0x1234,
        ..UsbIdentity::default()
    };
    let known = UsbIdentity {
        vendor_id: 0x0764,
        product_id: 0x0601,
        ..UsbIdentity::default()
    };
    let explore = Settings::new([("explore", "")]);
    let fake = FakeUsb::new(stranger.clone(), DESCRIPTOR);
    drop(host::native::take_log());
    assert!(UsbHid::open(Usb::new(fake), &explore, None).is_ok());
    let log = host::native::take_log();
    let told = |(_, line): &(_, String)| line.contains("UPS.PowerSummary.RemainingCapacity");
    assert!(log.iter().any(told), "it is shown when asked for: {log:?}");
    assert!(matches!(
        opened(stranger, DESCRIPTOR),
        Some(Error::NotMine(_))
    ));
    // A keyboard: usages of page 7 in an input report.
    let keyboard = [
        0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95,
        0x08, 0x09, 0xe0, 0x81, 0x02, 0xc0,
    ];
    assert!(matches!(
        opened(known.clone(), &keyboard),
        Some(Error::NotMine(_))
    ));
    assert!(matches!(
        opened(known.clone(), &[]),
        Some(Error::NotMine(_))
    ));
    assert!(matches!(
        opened(known.clone(), &[0xff; 200]),
        Some(Error::NotMine(_))
    ));
    assert!(matches!(
        opened(known, &[5; 9000]),
        Some(Error::Protocol(_))
    ));
}

/// A device on mains that loses, cuts, refuses and misnumbers reports: never on battery, never low.
#[test]
fn no_status_is_invented_for_a_device_that_fails() {
    let mut random = random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..500 {
        let fake = ups();
        let mut driver = open(&fake);
        for _ in 0..20 {
            let id = (random() % 8) as u8;
            match random() % 6 {
                0 => fake.fail_report(id, Some(&IoError::Timeout)),
                1 => fake.fail_report(id, Some(&IoError::Stall)),
                2 => fake.fail_report(id, Some(&IoError::Overflow)),
                3 if id > 0 => fake.feature(&[id]),
                4 => fake.interrupt(&[id]),
                _ => fake.fail_report(id, None),
            }
            let why = match random() % 3 {
                0 => Wake::Interval,
                1 => Wake::Readable,
                _ => Wake::SettingsChanged,
            };
            if let Ok(report) = driver.poll(why) {
                let status = status(&report);
                assert!(matches!(status.as_str(), "OL" | ""), "{status}");
            }
        }
    }
}

/// Bytes of no meaning in every place a device may put them: descriptor, reports, interrupts, strings.
#[test]
fn garbled_devices_do_not_bring_the_driver_down() {
    let mut random = random(0x2545_f491_4f6c_dd1d);
    for _ in 0..2000 {
        let mut descriptor = DESCRIPTOR.to_vec();
        for _ in 0..random() % 8 {
            let at = random() as usize % descriptor.len();
            descriptor[at] = random() as u8;
        }
        let claims = UsbHid::usb_claims();
        let claim = claims[random() as usize % claims.len()];
        let identity = UsbIdentity {
            vendor_id: claim.vendor_id,
            product_id: claim.product_id.unwrap_or(1),
            product: Some("AEG KSTAR BMS Smart-Battery FW: USB FW:".into()),
            ..UsbIdentity::default()
        };
        let fake = FakeUsb::new(identity, &descriptor);
        for id in 0..=20 {
            let mut report: Vec<u8> = (0..random() % 12).map(|_| random() as u8).collect();
            report.insert(0, id);
            match random() % 6 {
                0 => {}
                1 => fake.interrupt(&report),
                _ => fake.feature(&report),
            }
        }
        let Ok(mut driver) = UsbHid::open(Usb::new(fake), &Settings::default(), None) else {
            continue;
        };
        for why in [Wake::Interval, Wake::Readable, Wake::SettingsChanged] {
            let Ok(report) = driver.poll(why) else {
                continue;
            };
            let names: Vec<String> = report
                .variables()
                .map(|(name, _)| name.to_owned())
                .collect();
            for name in names {
                drop(driver.set(&name, &(random() % 300).to_string()));
            }
            let commands: Vec<String> = report.commands().map(str::to_owned).collect();
            for command in commands {
                drop(driver.command(&command, None));
            }
        }
        drop(driver.shutdown());
    }
}
