//! The host's side of the border: what a guest reaches when it calls an import.
//!
//! Every function charges one host call, clamps every wait and every size, and answers with the port's error; it never
//! retries and never interprets a byte. There is no function that opens anything: the one port of an instance is put
//! into its table before `open` is called.

mod files;
mod general;
pub(crate) mod handles;
mod serial;
mod snmp;
mod stream;
mod usb;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use handles::{AgentHandle, ConnectionHandle, DirectoryHandle, SerialHandle, UsbHandle};
use husk_ports::snmp::SnmpPort;
use husk_ports::usb::UsbPort;
use husk_ports::{Connection, Deadline, Directory, IoError, Port, SerialPort};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};

use crate::bindings::ups::driver as wit;
use crate::guest_log::GuestLog;
use crate::imports::Grant;
use crate::limits::{self, Phase};
use crate::meter::{Meter, Space};
use crate::ticker::{Computing, Ticker};

/// The answer of a host function: the outer error traps, the inner one is the guest's to handle.
pub(crate) type Answer<T> = wasmtime::Result<Result<T, wit::types::IoError>>;

/// The kinds of port a driver can speak over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// A serial line.
    Serial,
    /// One directory, read-only.
    Files,
    /// A byte stream to one peer.
    Stream,
    /// A USB device with one interface.
    Usb,
    /// An SNMP agent.
    Snmp,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Serial,
        Self::Files,
        Self::Stream,
        Self::Usb,
        Self::Snmp,
    ];

    /// The kind of an opened port.
    pub fn of(port: &Port) -> Self {
        match port {
            Port::Serial(_) => Self::Serial,
            Port::Files(_) => Self::Files,
            Port::Stream(_) => Self::Stream,
            Port::Usb(_) => Self::Usb,
            Port::Snmp(_) => Self::Snmp,
        }
    }

    /// The interface through which a driver takes such a port.
    pub(crate) fn opener(self) -> &'static str {
        match self {
            Self::Serial => "ups:driver/serial-driver@0.1.0",
            Self::Files => "ups:driver/files-driver@0.1.0",
            Self::Stream => "ups:driver/stream-driver@0.1.0",
            Self::Usb => "ups:driver/usb-driver@0.1.0",
            Self::Snmp => "ups:driver/snmp-driver@0.1.0",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serial => "serial",
            Self::Files => "files",
            Self::Stream => "stream",
            Self::Usb => "usb",
            Self::Snmp => "snmp",
        })
    }
}

/// Everything that belongs to one instance, inside its store.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    pub(crate) space: Space,
    pub(crate) meter: Meter,
    pub(crate) log: GuestLog,
    pub(crate) clock: Arc<Clock>,
    ticker: Arc<Ticker>,
    computing: Option<Computing>,
}

/// The clocks that guests read.
pub(crate) struct Clock {
    /// Of the runtime, so that a test that lets time pass lets it pass for guests too.
    start: tokio::time::Instant,
    zone: tz::TimeZone,
}

impl Clock {
    /// Reads the local time zone once; a machine without one is on UTC.
    pub(crate) fn new() -> Self {
        Self {
            start: tokio::time::Instant::now(),
            zone: tz::TimeZone::local().unwrap_or_else(|_| tz::TimeZone::utc()),
        }
    }
}

impl State {
    pub(crate) fn new(log: GuestLog, clock: Arc<Clock>, ticker: Arc<Ticker>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits::RESOURCES);
        Self {
            table,
            space: Space::default(),
            meter: Meter::new(&limits::DESCRIBE),
            log,
            clock,
            ticker,
            computing: None,
        }
    }

    /// A call into the guest begins.
    pub(crate) fn begin(&mut self, phase: &'static Phase) {
        self.meter.start(phase);
        self.computing = Some(self.ticker.computing());
    }

    /// The call returned.
    pub(crate) fn end(&mut self) {
        self.computing = None;
    }

    /// Waits without billing the guest, and without ticking while nobody computes.
    async fn wait<T>(&mut self, what: impl Future<Output = T>) -> T {
        self.computing = None;
        let since = Instant::now();
        let answer = what.await;
        self.meter.waited(since.elapsed());
        self.computing = Some(self.ticker.computing());
        answer
    }

    /// Waits for the port and translates its error.
    async fn io<T>(&mut self, what: impl Future<Output = Result<T, IoError>>) -> Answer<T> {
        Ok(self.wait(what).await.map_err(Into::into))
    }

    /// The deadline a guest asked for, cut to what its call has left.
    fn deadline(&self, asked: wit::types::Deadline) -> Deadline {
        Deadline {
            total: self
                .meter
                .wait_at_most(Duration::from_millis(asked.total_ms.into())),
            gap: asked.gap_ms.map(|ms| Duration::from_millis(ms.into())),
        }
    }

    /// Charges a host call and looks the handle up.
    fn serial(&mut self, handle: &Resource<SerialHandle>) -> wasmtime::Result<Arc<dyn SerialPort>> {
        self.meter.host_call()?;
        Ok(Arc::clone(&self.table.get(handle)?.0))
    }

    /// As [`State::serial`].
    fn directory(
        &mut self,
        handle: &Resource<DirectoryHandle>,
    ) -> wasmtime::Result<Arc<dyn Directory>> {
        self.meter.host_call()?;
        Ok(Arc::clone(&self.table.get(handle)?.0))
    }

    /// As [`State::serial`].
    fn connection(
        &mut self,
        handle: &Resource<ConnectionHandle>,
    ) -> wasmtime::Result<Arc<dyn Connection>> {
        self.meter.host_call()?;
        Ok(Arc::clone(&self.table.get(handle)?.0))
    }

    /// As [`State::serial`].
    fn usb(&mut self, handle: &Resource<UsbHandle>) -> wasmtime::Result<Arc<dyn UsbPort>> {
        self.meter.host_call()?;
        Ok(Arc::clone(&self.table.get(handle)?.0))
    }

    /// As [`State::serial`].
    fn agent(&mut self, handle: &Resource<AgentHandle>) -> wasmtime::Result<Arc<dyn SnmpPort>> {
        self.meter.host_call()?;
        Ok(Arc::clone(&self.table.get(handle)?.0))
    }
}

/// A size a guest named, cut to what is allowed.
fn size(asked: u32) -> usize {
    usize::try_from(asked)
        .unwrap_or(usize::MAX)
        .min(limits::TRANSFER)
}

/// Everything that can be imported, for telling whether a component fits and for `describe`: without a handle in the
/// table none of it reaches anything.
pub(crate) fn link_all(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    link_common(linker)?;
    for transport in Transport::ALL {
        link_data(linker, transport)?;
    }
    wit::modem_lines::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// Exactly what was granted.
pub(crate) fn link(linker: &mut Linker<State>, grant: Grant) -> wasmtime::Result<()> {
    link_common(linker)?;
    link_data(linker, grant.transport)?;
    if grant.modem_lines && grant.transport == Transport::Serial {
        wit::modem_lines::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    }
    Ok(())
}

fn link_common(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wit::types::add_to_linker::<_, HasSelf<_>>(linker, |state: &mut State| state)?;
    wit::host::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

fn link_data(linker: &mut Linker<State>, transport: Transport) -> wasmtime::Result<()> {
    match transport {
        Transport::Serial => wit::serial::add_to_linker::<_, HasSelf<_>>(linker, |state| state),
        Transport::Files => wit::files::add_to_linker::<_, HasSelf<_>>(linker, |state| state),
        Transport::Stream => wit::stream::add_to_linker::<_, HasSelf<_>>(linker, |state| state),
        Transport::Usb => wit::usb::add_to_linker::<_, HasSelf<_>>(linker, |state| state),
        Transport::Snmp => wit::snmp::add_to_linker::<_, HasSelf<_>>(linker, |state| state),
    }
}

impl wit::types::Host for State {}

impl From<IoError> for wit::types::IoError {
    fn from(error: IoError) -> Self {
        match error {
            IoError::Timeout => Self::Timeout,
            IoError::Disconnected => Self::Disconnected,
            IoError::Revoked => Self::Revoked,
            IoError::Denied => Self::Denied,
            IoError::Unsupported => Self::Unsupported,
            IoError::TooLong => Self::TooLong,
            IoError::Stall => Self::Stall,
            IoError::Overflow => Self::Overflow,
            IoError::Busy => Self::Busy,
            IoError::Interrupted => Self::Interrupted,
            IoError::NotFound => Self::NotFound,
            IoError::Other(text) => Self::Other(text),
        }
    }
}
