//! A plugin bound to a port.
//!
//! An instance is used by one task at a time and never after a failed call: whatever ended a call (a trap, a budget,
//! the wall clock, a caller that gave up waiting) may have left the guest in the middle of something, so its store is
//! dropped and only a new instance helps. That costs about 30 microseconds.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use husk_core::report::{Failure, Update, Wake};
use husk_ports::Port;
use wasmtime::Store;
use wasmtime::component::{Resource, ResourceAny};

use crate::bindings::HostSide;
use crate::bindings::exports::ups::driver::driver::GuestDevice;
use crate::bindings::ups::driver::types::{DriverError, Setting};
use crate::convert;
use crate::crash;
use crate::guest_log::{GuestLog, LogSink};
use crate::host::handles::{
    AgentHandle, ConnectionHandle, DirectoryHandle, SerialHandle, UsbHandle,
};
use crate::host::{State, Transport};
use crate::imports::Grant;
use crate::limits::{self, Phase};
use crate::plugin::{Linked, Plugin};
use crate::text::{self, Secrets};

/// A driver speaking to its device.
pub struct Instance {
    plugin: Arc<Plugin>,
    live: Option<Live>,
}

struct Live {
    store: Store<State>,
    driver: HostSide,
    device: ResourceAny,
}

/// What a call into the guest gives: a trap, or the guest's own answer.
type Called<T> = wasmtime::Result<Result<T, DriverError>>;

impl Plugin {
    /// Lends the port to a new instance and lets it find its device. Takes up to [`limits::OPEN`]'s wall time.
    ///
    /// # Errors
    /// What the driver found wrong, or [`Failure::Crashed`]; the port is free again in either case.
    pub async fn open(
        self: &Arc<Self>,
        grant: &Grant,
        port: Port,
        settings: &[(String, String)],
        state: Option<&[u8]>,
        log: LogSink,
    ) -> Result<Instance, Failure> {
        let linked = self.linked(grant, &port)?;
        if settings.len() > limits::SETTINGS {
            return Err(Failure::Other(format!(
                "the section has {} settings; {} are allowed",
                settings.len(),
                limits::SETTINGS
            )));
        }
        let phase = &limits::OPEN;
        let secrets = self.secrets(settings);
        let settings: Vec<Setting> = settings
            .iter()
            .map(|(name, value)| Setting {
                name: name.clone(),
                value: value.clone(),
            })
            .collect();
        let log = GuestLog::new(log, secrets.clone(), Instant::now());
        let mut store = self.runtime.store(log);
        store.data_mut().begin(phase);
        let called = open(&mut store, linked, port, &settings, state);
        let (driver, device) = within(phase, called)
            .await
            .map_err(Failure::Crashed)?
            .map_err(|error| convert::failure(error, &secrets))?;
        store.data_mut().end();
        Ok(Instance {
            plugin: Arc::clone(self),
            live: Some(Live {
                store,
                driver,
                device,
            }),
        })
    }

    fn linked(&self, grant: &Grant, port: &Port) -> Result<&Linked, Failure> {
        let kind = Transport::of(port);
        if kind != grant.transport {
            return Err(Failure::Other(format!(
                "the port is of kind {kind}, the grant is for {}",
                grant.transport
            )));
        }
        if !self.transports.contains(&kind) {
            return Err(Failure::Other(format!(
                "the plugin `{}` does not speak over {kind} ports; correct `driver` or `port`",
                self.name()
            )));
        }
        self.under(grant).ok_or_else(|| {
            let refused = self.refused_by(grant).map(|refused| refused.to_string());
            Failure::Other(refused.unwrap_or_default())
        })
    }

    fn secrets(&self, settings: &[(String, String)]) -> Secrets {
        let is_secret = |name: &str| {
            self.description
                .parameters
                .iter()
                .any(|parameter| parameter.secret && parameter.name.eq_ignore_ascii_case(name))
        };
        Secrets::new(
            settings
                .iter()
                .filter(|(name, _)| is_secret(name))
                .map(|(_, value)| value.as_str()),
        )
    }
}

impl Instance {
    /// The plugin this is an instance of.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// Whether it can be called: false from the first [`Failure::Crashed`] on, or when a call was abandoned.
    pub fn is_usable(&self) -> bool {
        self.live.is_some()
    }

    /// Asks for a report, checked against the bounds of `husk_core::report::limits`.
    ///
    /// # Errors
    /// What the driver found wrong, or [`Failure::Crashed`].
    pub async fn poll(&mut self, why: Wake) -> Result<Update, Failure> {
        let poll = async |store: &mut _, guest: GuestDevice<'_>, device| {
            guest.call_poll(store, device, why.into()).await
        };
        let update: Update = self.call(&limits::POLL, poll).await?.into();
        if let Err(wrong) = update.check() {
            self.live = None;
            return Err(Failure::Crashed(format!(
                "garbage report: {}",
                text::clean(&wrong, limits::ERROR_TEXT)
            )));
        }
        Ok(update)
    }

    /// Sends an instant command.
    ///
    /// # Errors
    /// What the driver found wrong, or [`Failure::Crashed`].
    pub async fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        let command = async |store: &mut _, guest: GuestDevice<'_>, device| {
            guest.call_command(store, device, name, value).await
        };
        self.call(&limits::COMMAND, command).await
    }

    /// Writes a variable of the device.
    ///
    /// # Errors
    /// What the driver found wrong, or [`Failure::Crashed`].
    pub async fn set(&mut self, variable: &str, value: &str) -> Result<(), Failure> {
        let set = async |store: &mut _, guest: GuestDevice<'_>, device| {
            guest.call_set(store, device, variable, value).await
        };
        self.call(&limits::SET, set).await
    }

    /// Cuts the power of the load as the section says: the last thing asked of a device.
    ///
    /// # Errors
    /// What the driver found wrong, or [`Failure::Crashed`].
    pub async fn shutdown(&mut self) -> Result<(), Failure> {
        let shutdown = async |store: &mut _, guest: GuestDevice<'_>, device| {
            guest.call_shutdown(store, device).await
        };
        self.call(&limits::SHUTDOWN, shutdown).await
    }

    /// What a successor may want to know; empty when the driver has nothing, failed, or said more than
    /// [`limits::STATE`] bytes.
    pub async fn save(&mut self) -> Vec<u8> {
        let save = async |store: &mut _, guest: GuestDevice<'_>, device| {
            guest.call_save(store, device).await.map(Ok)
        };
        let mut state = self.call(&limits::SAVE, save).await.unwrap_or_default();
        if state.len() > limits::STATE {
            state.clear();
        }
        state
    }

    /// Calls the guest's device within the bounds of a phase.
    async fn call<T>(
        &mut self,
        phase: &'static Phase,
        call: impl AsyncFnOnce(&mut Store<State>, GuestDevice<'_>, ResourceAny) -> Called<T>,
    ) -> Result<T, Failure> {
        let mut live = self.begin(phase)?;
        let guest = live.driver.ups_driver_driver().device();
        let called = within(phase, call(&mut live.store, guest, live.device)).await;
        self.end(live, called)
    }

    /// Takes the guest out for the time of a call: a call that is dropped half-way leaves an unusable instance.
    fn begin(&mut self, phase: &'static Phase) -> Result<Live, Failure> {
        let mut live = self
            .live
            .take()
            .ok_or_else(|| Failure::Crashed("it was stopped before".to_owned()))?;
        live.store.data_mut().begin(phase);
        // The epoch went on while nobody called.
        live.store.set_epoch_deadline(1);
        Ok(live)
    }

    /// Puts the guest back if its call returned at all.
    fn end<T>(
        &mut self,
        mut live: Live,
        called: Result<Result<T, DriverError>, String>,
    ) -> Result<T, Failure> {
        let answer = called.map_err(Failure::Crashed)?;
        live.store.data_mut().end();
        let answer =
            answer.map_err(|error| convert::failure(error, live.store.data().log.secrets()));
        self.live = Some(live);
        answer
    }
}

/// Waits for a call at most as long as its phase may take; the reason of a crash otherwise.
async fn within<T>(
    phase: &Phase,
    call: impl Future<Output = Called<T>>,
) -> Result<Result<T, DriverError>, String> {
    match tokio::time::timeout(phase.wall, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(crash::reason(phase, &error)),
        Err(_) => Err(crash::too_slow(phase)),
    }
}

async fn open(
    store: &mut Store<State>,
    linked: &Linked,
    port: Port,
    settings: &[Setting],
    state: Option<&[u8]>,
) -> Called<(HostSide, ResourceAny)> {
    let instance = linked.code.instantiate_async(&mut *store).await?;
    let driver = linked.driver.load(&mut *store, &instance)?;
    let device = match port {
        Port::Serial(port) => {
            call_open(
                store,
                &instance,
                linked,
                SerialHandle(port),
                settings,
                state,
            )
            .await
        }
        Port::Files(port) => {
            call_open(
                store,
                &instance,
                linked,
                DirectoryHandle(port),
                settings,
                state,
            )
            .await
        }
        Port::Stream(port) => {
            call_open(
                store,
                &instance,
                linked,
                ConnectionHandle(port),
                settings,
                state,
            )
            .await
        }
        Port::Usb(port) => {
            call_open(store, &instance, linked, UsbHandle(port), settings, state).await
        }
        Port::Snmp(port) => {
            call_open(store, &instance, linked, AgentHandle(port), settings, state).await
        }
    }?;
    Ok(device.map(|device| (driver, device)))
}

/// Each transport has its own `open`, alike but for the type of the handle; a component exports some of them.
async fn call_open<H: Send + 'static>(
    store: &mut Store<State>,
    instance: &wasmtime::component::Instance,
    linked: &Linked,
    handle: H,
    settings: &[Setting],
    state: Option<&[u8]>,
) -> Called<ResourceAny> {
    let open = instance
        .get_typed_func::<(Resource<H>, &[Setting], Option<&[u8]>), (Result<ResourceAny, DriverError>,)>(
            &mut *store,
            &linked.open,
        )?;
    let handle = store.data_mut().table.push(handle)?;
    let (device,) = open.call_async(store, (handle, settings, state)).await?;
    Ok(device)
}
