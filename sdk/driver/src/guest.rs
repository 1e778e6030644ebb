//! The sandbox side: bindings to `wit/v0.1`, and the exports that call a [`Driver`].
//!
//! Translates and compares, decides nothing. The feature of this crate chooses the world.

#![allow(missing_docs, reason = "the author of a plugin never sees these")]

use crate::host::Level;
use crate::{Driver, Error, Evidence, IoError, Report, Settings, Support, Update, Wake};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::time::Duration;

#[allow(
    unsafe_code,
    unused_qualifications,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing
)]
pub mod bindings {
    #[cfg(feature = "serial")]
    wit_bindgen::generate!({
        path: "../../wit/v0.1", world: "serial-world",
        pub_export_macro: true, default_bindings_module: "husk_driver::guest::bindings",
    });
    #[cfg(feature = "files")]
    wit_bindgen::generate!({
        path: "../../wit/v0.1", world: "files-world",
        pub_export_macro: true, default_bindings_module: "husk_driver::guest::bindings",
    });
    #[cfg(feature = "stream")]
    wit_bindgen::generate!({
        path: "../../wit/v0.1", world: "stream-world",
        pub_export_macro: true, default_bindings_module: "husk_driver::guest::bindings",
    });
    #[cfg(feature = "usb")]
    wit_bindgen::generate!({
        path: "../../wit/v0.1", world: "usb-world",
        pub_export_macro: true, default_bindings_module: "husk_driver::guest::bindings",
    });
    #[cfg(feature = "snmp")]
    wit_bindgen::generate!({
        path: "../../wit/v0.1", world: "snmp-world",
        pub_export_macro: true, default_bindings_module: "husk_driver::guest::bindings",
    });
}

use bindings::exports::ups::driver::driver as export;
use bindings::ups::driver::{host, types};

/// The component: every export of the world, answered by the driver `D`.
pub struct Exported<D>(PhantomData<D>);

/// One opened device and the report the host knows.
pub struct Device<D>(RefCell<(D, Option<Report>)>);

impl<D: Driver> export::Guest for Exported<D> {
    type Device = Device<D>;

    fn describe() -> export::Description {
        set_panic_hook();
        let about = D::ABOUT;
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        export::Description {
            name: about.name.to_owned(),
            version: about.version.to_owned(),
            protocol: about.protocol.to_owned(),
            aliases: owned(about.aliases),
            parameters: about
                .parameters
                .iter()
                .map(|parameter| export::Parameter {
                    name: parameter.name.to_owned(),
                    help: parameter.help.to_owned(),
                    takes_value: parameter.takes_value,
                    secret: parameter.secret,
                })
                .collect(),
            dangerous: owned(about.dangerous),
        }
    }

    fn supported() -> Vec<export::Hardware> {
        set_panic_hook();
        supported::<D>()
    }
}

fn supported<D: Driver>() -> Vec<export::Hardware> {
    let rows = D::HARDWARE.iter();
    rows.map(|row| export::Hardware {
        maker: row.maker.to_owned(),
        models: row.models.iter().map(|model| (*model).to_owned()).collect(),
        hint: row.hint.to_owned(),
        support: match row.support {
            Support::Full => export::Support::Full,
            Support::Partial => export::Support::Partial,
            Support::StatusOnly => export::Support::StatusOnly,
        },
        evidence: match row.evidence {
            Evidence::Recording => export::Evidence::Recording,
            Evidence::Document => export::Evidence::Document,
            Evidence::Untested => export::Evidence::Untested,
        },
    })
    .collect()
}

impl<D: Driver> Device<D> {
    fn open(
        port: D::Port,
        settings: Vec<types::Setting>,
        state: Option<Vec<u8>>,
    ) -> Result<export::Device, types::DriverError> {
        set_panic_hook();
        let settings = Settings::new(settings.into_iter().map(|one| (one.name, one.value)));
        let driver = D::open(port, &settings, state.as_deref())?;
        Ok(export::Device::new(Self(RefCell::new((driver, None)))))
    }

    /// The driver, unless a call is under way: the component model forbids that, so this costs a branch.
    fn with<T>(
        &self,
        call: impl FnOnce(&mut D, &mut Option<Report>) -> Result<T, Error>,
    ) -> Result<T, types::DriverError> {
        let mut inner = self
            .0
            .try_borrow_mut()
            .map_err(|_| types::DriverError::Other("called while a call was under way".into()))?;
        let (driver, known) = &mut *inner;
        Ok(call(driver, known)?)
    }
}

impl<D: Driver> export::GuestDevice for Device<D> {
    fn poll(&self, why: types::Wake) -> Result<types::Update, types::DriverError> {
        let why = match why {
            types::Wake::Interval => Wake::Interval,
            types::Wake::Readable => Wake::Readable,
            types::Wake::SettingsChanged => Wake::SettingsChanged,
        };
        self.with(|driver, known| {
            let report = driver.poll(why)?;
            let update = update(&Update::between(known.as_ref(), &report));
            *known = Some(report);
            Ok(update)
        })
    }

    fn command(&self, name: String, value: Option<String>) -> Result<(), types::DriverError> {
        self.with(|driver, _| driver.command(&name, value.as_deref()))
    }

    fn set(&self, variable: String, value: String) -> Result<(), types::DriverError> {
        self.with(|driver, _| driver.set(&variable, &value))
    }

    fn shutdown(&self) -> Result<(), types::DriverError> {
        self.with(|driver, _| driver.shutdown())
    }

    fn save(&self) -> Vec<u8> {
        self.with(|driver, _| Ok(driver.save())).unwrap_or_default()
    }
}

fn update(update: &Update<'_>) -> types::Update {
    let owned = |words: &Vec<&str>| words.iter().map(|word| (*word).to_owned()).collect();
    types::Update {
        complete: update.complete,
        set: update
            .set
            .iter()
            .map(|(name, value)| types::Variable {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect(),
        clear: owned(&update.clear),
        traits: update
            .traits
            .iter()
            .map(|(name, reading)| types::Traits {
                name: (*name).to_owned(),
                writable: reading.writable,
                kind: match reading.kind {
                    crate::Kind::Unspecified => types::Kind::Unspecified,
                    crate::Kind::Number => types::Kind::Number,
                    crate::Kind::Text(bytes) => types::Kind::Text(bytes),
                },
                choices: reading.choices.clone(),
                ranges: reading.ranges.clone(),
            })
            .collect(),
        status: update.status.as_ref().map(owned),
        alarms: update.alarms.map(<[String]>::to_vec),
        commands: update.commands.as_ref().map(owned),
        next_ms: update.next.map(milliseconds),
        wake_on_readable: update.wake_on_readable,
    }
}

impl From<Error> for types::DriverError {
    fn from(error: Error) -> Self {
        match error {
            Error::Timeout => Self::Timeout,
            Error::Protocol(what) => Self::Protocol(what),
            Error::Lost => Self::Lost,
            Error::NotMine(what) => Self::NotMine(what),
            Error::Unsupported => Self::Unsupported,
            Error::InvalidArgument(what) => Self::InvalidArgument(what),
            Error::Failed(what) => Self::Failed(what),
            Error::BadSetting { name, expected } => Self::BadSetting((name, expected)),
            Error::Other(what) => Self::Other(what),
        }
    }
}

impl From<types::IoError> for IoError {
    fn from(error: types::IoError) -> Self {
        match error {
            types::IoError::Timeout => Self::Timeout,
            types::IoError::Disconnected => Self::Disconnected,
            types::IoError::Revoked => Self::Revoked,
            types::IoError::Denied => Self::Denied,
            types::IoError::Unsupported => Self::Unsupported,
            types::IoError::TooLong => Self::TooLong,
            types::IoError::Stall => Self::Stall,
            types::IoError::Overflow => Self::Overflow,
            types::IoError::Busy => Self::Busy,
            types::IoError::Interrupted => Self::Interrupted,
            types::IoError::NotFound => Self::NotFound,
            types::IoError::Other(what) => Self::Other(what),
        }
    }
}

fn milliseconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(any(feature = "serial", feature = "stream", feature = "usb"))]
impl From<crate::Deadline> for types::Deadline {
    fn from(deadline: crate::Deadline) -> Self {
        Self {
            total_ms: milliseconds(deadline.total),
            gap_ms: deadline.gap.map(milliseconds),
        }
    }
}

/// A panic becomes a trap; this line in the log is all that says where.
fn set_panic_hook() {
    std::panic::set_hook(Box::new(|panic| write(Level::Error, &panic.to_string())));
}

impl From<Level> for host::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

/// Whether the host wants lines of this level.
pub fn wants(level: Level) -> bool {
    let most = match host::log_level() {
        host::Level::Error => Level::Error,
        host::Level::Warn => Level::Warn,
        host::Level::Info => Level::Info,
        host::Level::Debug => Level::Debug,
        host::Level::Trace => Level::Trace,
    };
    level <= most
}

/// Writes one line to the log.
pub fn write(level: Level, message: &str) {
    host::log(level.into(), message);
}

/// Monotonic milliseconds since an arbitrary start.
pub fn now_ms() -> u64 {
    host::now_ms()
}

/// Seconds since 1970, and the offset of local time from UTC in seconds.
pub fn wall_clock() -> (u64, i32) {
    host::wall_clock()
}

/// Waits without spending CPU budget; cut to the phase's deadline.
pub fn sleep_ms(ms: u32) {
    host::sleep_ms(ms);
}

#[cfg(feature = "serial")]
mod serial;
#[cfg(feature = "serial")]
pub use serial::SerialPort;

#[cfg(feature = "files")]
mod files;
#[cfg(feature = "files")]
pub use files::Directory;

#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "stream")]
pub use stream::Connection;

#[cfg(feature = "usb")]
mod usb;
#[cfg(feature = "usb")]
pub use usb::UsbDevice;

#[cfg(feature = "snmp")]
mod snmp;
#[cfg(feature = "snmp")]
pub use snmp::Agent;
