//! The driver on a recorded device in memory, and the device's state as the daemon composes it.

use super::recording::Recording;
use husk_core::conf::ups;
use husk_core::report::{Kind, Traits, Update};
use husk_core::state::{DeviceState, Snapshot};
use husk_driver::{Driver as _, Error, FakeUsb, Report, Settings, Usb, UsbIdentity, Wake, host};
use husk_plugin_usbhid::UsbHid;
use std::time::Duration;

/// With this as `pollfreq` and [`BETWEEN_WALKS`] each poll reads everything.
pub(super) const EACH_POLL: &str = "1";
/// See [`EACH_POLL`].
pub(super) const BETWEEN_WALKS: Duration = Duration::from_secs(2);
const SECTION: &str = "[unit]\n  driver = usbhid-ups\n  port = auto\n";
const MAX_AGE: Duration = Duration::from_secs(15);
/// The strings the expectation was made with: `S1`, `S2`, … and no language but the usual one.
const STRINGS: std::ops::RangeInclusive<u8> = 1..=255;

/// One device and its driver.
pub(super) struct Unit {
    /// The device, to change it and to see what was written.
    pub(super) device: FakeUsb,
    driver: UsbHid,
    state: DeviceState,
}

impl Unit {
    /// Opens the driver on the device; `pollfreq` is in seconds.
    pub(super) fn open(recording: &Recording, pollfreq: &str) -> Result<Self, Error> {
        let identity = UsbIdentity {
            vendor_id: recording.vendor,
            product_id: recording.product,
            release: 0x0100,
            manufacturer: Some("S1".to_owned()),
            product: Some("S2".to_owned()),
            serial: Some("S3".to_owned()),
            path: "1-1".to_owned(),
            interface: 0,
        };
        let device = FakeUsb::new(identity, &recording.descriptor);
        for report in &recording.reports {
            device.feature(report);
        }
        for index in STRINGS {
            device.string(index, &format!("S{index}"));
        }
        let settings = Settings::new([("port", "auto"), ("pollfreq", pollfreq)]);
        let driver = UsbHid::open(Usb::new(device.clone()), &settings, None)?;
        let (conf, _) = ups::parse("ups.conf", SECTION.as_bytes());
        let section = conf.sections.first().ok_or(Error::Unsupported)?;
        let state = DeviceState::new(section, &conf.global, MAX_AGE);
        Ok(Self {
            device,
            driver,
            state,
        })
    }

    /// Polls after some time, and gives what clients see then.
    pub(super) fn poll(&mut self, wait: Duration) -> Result<Snapshot, Error> {
        host::native::advance(wait);
        self.look(Wake::Interval)
    }

    /// Polls because the device has told something by itself.
    pub(super) fn hear(&mut self) -> Result<Snapshot, Error> {
        self.look(Wake::Readable)
    }

    fn look(&mut self, why: Wake) -> Result<Snapshot, Error> {
        let report = self.driver.poll(why)?;
        let update = update(&report);
        update.check().map_err(Error::Protocol)?;
        let now = Duration::from_millis(host::now_ms());
        self.state.apply(Ok(update), now);
        Ok(self.state.snapshot())
    }

    /// Runs a command as the daemon does: its default shutdown is the driver's own.
    pub(super) fn command(&mut self, name: &str) -> Result<(), Error> {
        match name {
            "shutdown.default" => self.driver.shutdown(),
            name => self.driver.command(name, None),
        }
    }

    /// Writes a variable.
    pub(super) fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.driver.set(variable, value)
    }
}

/// A whole report as the daemon takes it in.
fn update(report: &Report) -> Update {
    let traits = |name: &str, reading: &husk_driver::Reading| Traits {
        name: name.to_owned(),
        writable: reading.writable,
        kind: match reading.kind {
            husk_driver::Kind::Unspecified => Kind::Unspecified,
            husk_driver::Kind::Number => Kind::Number,
            husk_driver::Kind::Text(length) => Kind::Text(length),
        },
        choices: reading.choices.clone(),
        ranges: reading.ranges.clone(),
    };
    let owned = |word: &str| word.to_owned();
    Update {
        complete: true,
        set: report
            .variables()
            .map(|(name, reading)| (name.to_owned(), reading.value.clone()))
            .collect(),
        traits: report
            .variables()
            .map(|(name, reading)| traits(name, reading))
            .collect(),
        status: Some(report.status_words().map(owned).collect()),
        alarms: Some(report.alarms().to_vec()),
        commands: Some(report.commands().map(owned).collect()),
        ..Update::default()
    }
}
