//! What the author of a driver plugin sees: a trait, a report, one opened port.
//!
//! ```text
//! struct Megatec { port: Serial }
//! impl Driver for Megatec { type Port = Serial; … }
//! husk_driver::export!(Megatec);
//! ```
//!
//! The same source builds twice. For `wasm32-unknown-unknown` it becomes a component whose imports are exactly the
//! functions it uses: the bindings to `wit/v0.1` are made here and never seen by the author; the SDK feature
//! (`serial`, `files`, `stream`, `usb` or `snmp`) chooses the world. Natively it becomes a library that is tested against
//! [`replay`]ed traces.
//!
//! Refuses to: hand out more than the one port, retry, keep time of its own, or decide what a failure means. The
//! host does all that. A driver returns a whole [`Report`] each poll; what it leaves out is unknown, never last
//! time's value.

#[cfg(target_arch = "wasm32")]
const _: () = assert!(
    cfg!(feature = "serial") as u8
        + cfg!(feature = "files") as u8
        + cfg!(feature = "stream") as u8
        + cfg!(feature = "usb") as u8
        + cfg!(feature = "snmp") as u8
        == 1,
    "a plugin speaks over one transport: choose exactly one of husk-driver's features serial, files, stream, usb and \
     snmp, and build one plugin per cargo invocation, because features of one invocation are united"
);

mod delta;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod fake_snmp;
#[cfg(not(target_arch = "wasm32"))]
mod fake_stream;
#[cfg(not(target_arch = "wasm32"))]
mod fake_usb;
#[cfg(any(not(target_arch = "wasm32"), feature = "files"))]
mod files;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
mod hardware;
pub mod host;
#[cfg(not(target_arch = "wasm32"))]
mod replay;
mod report;
#[cfg(not(target_arch = "wasm32"))]
mod respond;
#[cfg(not(target_arch = "wasm32"))]
mod respond_usb;
#[cfg(any(not(target_arch = "wasm32"), feature = "serial"))]
mod serial;
mod settings;
#[cfg(any(not(target_arch = "wasm32"), feature = "snmp"))]
mod snmp;
#[cfg(any(not(target_arch = "wasm32"), feature = "stream"))]
mod stream;
#[cfg(any(not(target_arch = "wasm32"), feature = "usb"))]
mod usb;
mod value;

pub use delta::{Change, Update};
pub use error::{Error, IoError};
#[cfg(not(target_arch = "wasm32"))]
pub use fake_snmp::FakeSnmp;
#[cfg(not(target_arch = "wasm32"))]
pub use fake_stream::{Act, FakeStream, Heard};
#[cfg(not(target_arch = "wasm32"))]
pub use fake_usb::FakeUsb;
#[cfg(any(not(target_arch = "wasm32"), feature = "files"))]
pub use files::{Files, FilesBackend};
pub use hardware::{Evidence, Hardware, Support};
pub use husk_names::{Cmd, Var, Word, cmd, var, word};
pub use husk_wire as wire;
#[cfg(not(target_arch = "wasm32"))]
pub use replay::{Mismatch, replay, replayed_port};
pub use report::{Kind, Name, Reading, Report, Slot};
#[cfg(not(target_arch = "wasm32"))]
pub use respond::Respond;
#[cfg(not(target_arch = "wasm32"))]
pub use respond_usb::{RespondUsb, UsbTransfer};
#[cfg(any(not(target_arch = "wasm32"), feature = "serial"))]
pub use serial::{
    Direction, Flow, Inputs, LineSettings, Outputs, Parity, Serial, SerialBackend, StopBits,
};
pub use settings::Settings;
#[cfg(any(not(target_arch = "wasm32"), feature = "snmp"))]
pub use snmp::{
    Oid, Snmp, SnmpAgent, SnmpBackend, SnmpError, SnmpValue, SnmpVersion, Varbind, status_name,
};
#[cfg(any(not(target_arch = "wasm32"), feature = "stream"))]
pub use stream::{Stream, StreamBackend};
#[cfg(any(not(target_arch = "wasm32"), feature = "usb"))]
pub use usb::{Setup, Usb, UsbBackend};
pub use value::{Value, fixed};

use std::time::Duration;

/// A driver of one protocol family, bound to one device while it lives.
pub trait Driver: Sized + 'static {
    /// What the driver is, told without opening anything.
    const ABOUT: About;

    /// The transport it speaks: `Serial`, `Files`, `Stream`, `Usb` or `Snmp`.
    type Port;

    /// The devices it is known to be for, shown by `husk devices`; one row per kind, each with what it is known from.
    const HARDWARE: &'static [Hardware] = &[];

    /// The USB devices it wants to be offered; drivers of other transports want none.
    #[must_use]
    fn usb_claims() -> Vec<UsbMatch> {
        Vec::new()
    }

    /// The TCP port of the peer where the configuration names a host alone; drivers of other transports have none.
    #[must_use]
    fn stream_port() -> Option<u16> {
        None
    }

    /// Finds out whether the device behind `port` speaks the protocol, and learns what does not change.
    ///
    /// `state` is what [`save`](Driver::save) of a predecessor gave (hot swap), perhaps of an older version.
    ///
    /// # Errors
    /// [`Error::NotMine`] when something else answers, [`Error::BadSetting`] for a wrong option, and failures of
    /// the port.
    fn open(port: Self::Port, settings: &Settings, state: Option<&[u8]>) -> Result<Self, Error>;

    /// Asks the device and reports everything known about it; absent means unknown.
    ///
    /// # Errors
    /// When nothing trustworthy can be said: silence, garble, a lost port.
    fn poll(&mut self, why: Wake) -> Result<Report, Error>;

    /// Runs an instant command, perhaps with a value.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a name the report did not list, [`Error::InvalidArgument`], [`Error::Failed`].
    fn command(&mut self, _name: &str, _value: Option<&str>) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Writes a variable.
    ///
    /// # Errors
    /// As [`command`](Driver::command).
    fn set(&mut self, _variable: &str, _value: &str) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Cuts the power of the load as configured: the last thing asked of a device.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the device cannot, [`Error::Failed`] when it refused.
    fn shutdown(&mut self) -> Result<(), Error>;

    /// What a successor may want to know; never needed for correctness. At most 64 KiB is kept.
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// What a driver is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name that `driver =` uses.
    pub name: &'static str,
    /// Its version, `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// What is spoken, for people.
    pub protocol: &'static str,
    /// Names of older drivers this one replaces.
    pub aliases: &'static [&'static str],
    /// The options its configuration section may hold.
    pub parameters: &'static [Parameter],
    /// Commands that can cut or restore power; the part `#` of a name is any number: `outlet.#.load.off`.
    pub dangerous: &'static [&'static str],
}

/// One option of a configuration section.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name, lower case.
    pub name: &'static str,
    /// What it does, one line.
    pub help: &'static str,
    /// Whether it takes a value; otherwise it is a flag.
    pub takes_value: bool,
    /// Never shown, never logged.
    pub secret: bool,
}

impl Parameter {
    /// An option with a value.
    #[must_use]
    pub const fn value(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            takes_value: true,
            secret: false,
        }
    }

    /// An option that is there or not.
    #[must_use]
    pub const fn flag(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            takes_value: false,
            secret: false,
        }
    }
}

/// USB devices a driver wants to be offered; its `open` answers [`Error::NotMine`] for those it cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsbMatch {
    /// idVendor.
    pub vendor_id: u16,
    /// idProduct; `None`: every product of the vendor.
    pub product_id: Option<u16>,
    /// The interface to claim when the configuration names none; `None`: 0.
    pub interface: Option<u8>,
}

/// What tells one device from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsbIdentity {
    /// idVendor.
    pub vendor_id: u16,
    /// idProduct.
    pub product_id: u16,
    /// bcdDevice as it stands in the device descriptor: 0x0106 is release 1.06.
    pub release: u16,
    /// iManufacturer, absent when the device has none or does not give it.
    pub manufacturer: Option<String>,
    /// iProduct.
    pub product: Option<String>,
    /// iSerialNumber.
    pub serial: Option<String>,
    /// Where it is plugged in, bus and ports: "1-2.3".
    pub path: String,
    /// The interface claimed.
    pub interface: u8,
}

/// Why the driver is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The poll interval has passed.
    Interval,
    /// The port has bytes to read; only when the last report asked for it.
    Readable,
    /// Somebody wrote a variable or ran a command.
    SettingsChanged,
}

/// How long a call on a port may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The whole call; zero asks for what is there already.
    pub total: Duration,
    /// Silence allowed between two chunks.
    pub gap: Option<Duration>,
}

impl Deadline {
    /// The whole call within `ms` milliseconds.
    #[must_use]
    pub const fn ms(ms: u64) -> Self {
        Self {
            total: Duration::from_millis(ms),
            gap: None,
        }
    }

    /// The same, with at most `ms` milliseconds of silence between two chunks.
    #[must_use]
    pub const fn with_gap_ms(self, ms: u64) -> Self {
        Self {
            gap: Some(Duration::from_millis(ms)),
            ..self
        }
    }
}

/// Makes a driver the one this plugin exports. Built natively it does nothing but check the table of devices.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! export {
    ($driver:ty) => {
        const _: () = $crate::Hardware::check(<$driver as $crate::Driver>::HARDWARE);
    };
}

/// Makes a driver the one this plugin exports.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! export {
    ($driver:ty) => {
        const _: () = $crate::Hardware::check(<$driver as $crate::Driver>::HARDWARE);
        #[allow(
            unsafe_code,
            reason = "generated: the C names of the component's exports"
        )]
        const _: () = {
            type HuskExported = $crate::guest::Exported<$driver>;
    $crate::guest::bindings::export!(HuskExported with_types_in $crate::guest::bindings);
        };
    };
}
