//! A loaded plugin: compiled, checked, described, and linked once for every grant that covers its imports.

use std::sync::Arc;

use husk_ports::usb::Claim;
use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentType, Instance, InstancePre, Lift,
};

use crate::about::About;
use crate::bindings::{HostSide, HostSideIndices};
use crate::crash;
use crate::description::Description;
use crate::error::LoadError;
use crate::host::{State, Transport};
use crate::imports::{self, Grant, Refused};
use crate::limits;
use crate::sandbox::Runtime;

/// A driver that can be opened on any number of ports.
pub struct Plugin {
    /// What it says it is.
    pub description: Description,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What it asks for, sorted: its capability list.
    pub imports: Vec<String>,
    /// The kinds of port it can be opened on.
    pub transports: Vec<Transport>,
    /// The USB devices it is for.
    pub claims: Vec<Claim>,
    /// The TCP port of its peers where a section names a host alone.
    pub stream_port: Option<u16>,
    pub(crate) runtime: Arc<Runtime>,
    /// With everything there is and no port, for what it says about itself.
    pub(crate) portless: InstancePre<State>,
    linked: Vec<Linked>,
}

/// The plugin under one grant.
pub(crate) struct Linked {
    grant: Grant,
    pub(crate) code: InstancePre<State>,
    pub(crate) driver: HostSideIndices,
    /// The `open` function of the grant's transport.
    pub(crate) open: ComponentExportIndex,
}

impl Plugin {
    pub(crate) async fn new(
        runtime: Arc<Runtime>,
        component: Component,
        digest: String,
    ) -> Result<Arc<Self>, LoadError> {
        let mut imports: Vec<String> = component
            .component_type()
            .imports(&runtime.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        imports.sort();
        let unknown = imports::unknown(&imports);
        if !unknown.is_empty() {
            return Err(LoadError::Unknown(unknown));
        }
        let openers: Vec<(Transport, ComponentExportIndex)> = Transport::ALL
            .into_iter()
            .filter_map(|transport| Some((transport, opener(&component, transport)?)))
            .collect();
        if openers.is_empty() {
            return Err(LoadError::NotADriver(
                "it has no `open` for any kind of port".to_owned(),
            ));
        }
        let everything = runtime
            .everything
            .instantiate_pre(&component)
            .map_err(not_a_driver)?;
        let asked = Asked {
            claims: teller(&component, Transport::Usb, "claims"),
            port: teller(&component, Transport::Stream, "default-port"),
        };
        let told = describe(&runtime, &everything, asked).await?;
        let mut linked = Vec::new();
        for (grant, linker) in &runtime.granted {
            let opener = openers.iter().find(|(kind, _)| *kind == grant.transport);
            if let Some((_, open)) = opener
                && grant.refuses(&imports).is_empty()
            {
                let code = linker.instantiate_pre(&component).map_err(not_a_driver)?;
                linked.push(Linked {
                    grant: *grant,
                    driver: HostSideIndices::new(&code).map_err(not_a_driver)?,
                    code,
                    open: *open,
                });
            }
        }
        Ok(Arc::new(Self {
            description: told.description,
            digest,
            imports,
            transports: openers.into_iter().map(|(kind, _)| kind).collect(),
            claims: told.claims,
            stream_port: told.port,
            runtime,
            portless: everything,
            linked,
        }))
    }

    /// The name that `driver =` uses.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// The plugin's version.
    pub fn version(&self) -> &str {
        &self.description.version
    }

    /// All that is known about it without running it.
    pub fn about(&self) -> About {
        About {
            description: self.description.clone(),
            digest: self.digest.clone(),
            imports: self.imports.clone(),
            transports: self.transports.clone(),
            claims: self.claims.clone(),
            stream_port: self.stream_port,
        }
    }

    /// What the plugin asks for beyond the grant, if anything.
    pub fn refused_by(&self, grant: &Grant) -> Option<Refused> {
        self.about().refused_by(grant)
    }

    pub(crate) fn under(&self, grant: &Grant) -> Option<&Linked> {
        self.linked.iter().find(|linked| linked.grant == *grant)
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("description", &self.description)
            .field("digest", &self.digest)
            .field("imports", &self.imports)
            .finish_non_exhaustive()
    }
}

fn opener(component: &Component, transport: Transport) -> Option<ComponentExportIndex> {
    let interface = component.get_export_index(None, transport.opener())?;
    component.get_export_index(Some(&interface), "open")
}

fn not_a_driver(error: wasmtime::Error) -> LoadError {
    LoadError::NotADriver(format!("{error:#}"))
}

/// The functions by which a driver tells of its transport, where it has them.
struct Asked {
    /// Which USB devices it is for.
    claims: Option<ComponentExportIndex>,
    /// The usual TCP port of its peers.
    port: Option<ComponentExportIndex>,
}

/// What it told.
struct Told {
    description: Description,
    claims: Vec<Claim>,
    port: Option<u16>,
}

fn teller(component: &Component, of: Transport, function: &str) -> Option<ComponentExportIndex> {
    let interface = component.get_export_index(None, of.opener())?;
    component.get_export_index(Some(&interface), function)
}

/// Runs `describe`, and what is `asked` where it is there, in an instance of its own that has no port.
async fn describe(
    runtime: &Runtime,
    code: &InstancePre<State>,
    asked: Asked,
) -> Result<Told, LoadError> {
    let phase = &limits::DESCRIBE;
    let mut store = runtime.anonymous_store();
    store.data_mut().begin(phase);
    let answer = tokio::time::timeout(phase.wall, async {
        let instance = code.instantiate_async(&mut store).await?;
        let driver = HostSide::new(&mut store, &instance)?;
        let driver = driver.ups_driver_driver();
        let description = driver.call_describe(&mut store).await?;
        let claims = match asked.claims {
            Some(function) => claims(&mut store, &instance, &function).await?,
            None => Vec::new(),
        };
        let port = match asked.port {
            Some(function) => port(&mut store, &instance, &function).await?,
            None => None,
        };
        wasmtime::Result::Ok((description, claims, port))
    })
    .await;
    let (description, claims, port) = match answer {
        Err(_) => return Err(LoadError::Describe(crash::too_slow(phase))),
        Ok(Err(error)) => return Err(LoadError::Describe(crash::reason(phase, &error))),
        Ok(Ok(answer)) => answer,
    };
    if claims.len() > limits::CLAIMS {
        return Err(LoadError::Describe(format!(
            "it claims {} USB devices; {} are allowed",
            claims.len(),
            limits::CLAIMS
        )));
    }
    Ok(Told {
        description: Description::from_guest(description).map_err(LoadError::Describe)?,
        claims,
        port: port.filter(|port| *port != 0),
    })
}

async fn port(
    store: &mut Store<State>,
    instance: &Instance,
    function: &ComponentExportIndex,
) -> wasmtime::Result<Option<u16>> {
    let function = instance.get_typed_func::<(), (Option<u16>,)>(&mut *store, function)?;
    Ok(function.call_async(store, ()).await?.0)
}

/// `usb-match` of the contract.
#[derive(ComponentType, Lift)]
#[component(record)]
struct UsbMatch {
    #[component(name = "vendor-id")]
    vendor_id: u16,
    #[component(name = "product-id")]
    product_id: Option<u16>,
    #[component(name = "interface")]
    interface: Option<u8>,
}

async fn claims(
    store: &mut Store<State>,
    instance: &Instance,
    function: &ComponentExportIndex,
) -> wasmtime::Result<Vec<Claim>> {
    let function = instance.get_typed_func::<(), (Vec<UsbMatch>,)>(&mut *store, function)?;
    let (claims,) = function.call_async(store, ()).await?;
    let claim = |claim: UsbMatch| Claim {
        vendor_id: claim.vendor_id,
        product_id: claim.product_id,
        interface: claim.interface,
    };
    Ok(claims.into_iter().map(claim).collect())
}
