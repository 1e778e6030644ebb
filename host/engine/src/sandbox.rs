//! The sandbox: one engine, one linker per grant, the interrupting clock; and the way from a `.wasm` to a [`Plugin`].

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use husk_ports::native::OwnCode;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::cache::Cache;
use crate::compiler::Compiler;
use crate::error::{EngineError, LoadError};
use crate::guest_log::GuestLog;
use crate::host::{self, Clock, State, Transport};
use crate::imports::Grant;
use crate::limits;
use crate::plugin::Plugin;
use crate::ticker::TickerThread;

/// Where plugins are loaded. Cheap to clone; the last one dropped, instances included, ends its clock thread.
#[derive(Clone)]
pub struct Sandbox {
    runtime: Arc<Runtime>,
}

/// A plugin that is part of the program: compiled when the program was built.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// The driver's name, for messages before the plugin can tell it.
    pub name: &'static str,
    /// The component.
    pub wasm: &'static [u8],
    /// Its compiled form for the baseline CPU; empty: compile it.
    pub native: &'static [u8],
    /// What it is, in the lines of [`About`](crate::About); empty: it has to be loaded to tell.
    pub about: &'static str,
}

/// What all plugins and instances share.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    /// Everything, for `describe`.
    pub(crate) everything: Linker<State>,
    /// One linker per grant there is: what was not granted is not there.
    pub(crate) granted: Vec<(Grant, Linker<State>)>,
    ticker: TickerThread,
    clock: Arc<Clock>,
    /// One compiler at a time: it uses a whole core, and polls must go on.
    compiling: tokio::sync::Semaphore,
}

impl Sandbox {
    /// Starts the engine.
    ///
    /// # Errors
    /// When the machine cannot run it, or has no thread left.
    pub fn new() -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError::Settings(format!("{error:#}"));
        let engine = Engine::new(&crate::config::config()).map_err(failed)?;
        let mut everything = Linker::new(&engine);
        host::link_all(&mut everything).map_err(failed)?;
        let mut granted = Vec::new();
        for grant in Grant::all() {
            let mut linker = Linker::new(&engine);
            host::link(&mut linker, grant).map_err(failed)?;
            granted.push((grant, linker));
        }
        let ticker = TickerThread::start(&engine)?;
        Ok(Self {
            runtime: Arc::new(Runtime {
                engine,
                everything,
                granted,
                ticker,
                clock: Arc::new(Clock::new()),
                compiling: tokio::sync::Semaphore::new(1),
            }),
        })
    }

    /// Makes a plugin of a component that came from anywhere: compiled in a child process or taken from the cache,
    /// its imports checked against the contract, and asked what it is.
    ///
    /// # Errors
    /// When it is not a driver for this host, or cannot be compiled.
    pub async fn load(&self, wasm: &[u8], compiler: &Compiler) -> Result<Arc<Plugin>, LoadError> {
        if wasm.len() > limits::COMPONENT {
            return Err(LoadError::TooBig(wasm.len()));
        }
        let digest = digest(wasm);
        let cache = compiler.cache();
        let kept = cache.as_ref().and_then(|cache| self.cached(&digest, cache));
        let component = match kept {
            Some(component) => component,
            None => {
                self.compile(wasm, &digest, compiler, cache.as_ref())
                    .await?
            }
        };
        Plugin::new(Arc::clone(&self.runtime), component, digest).await
    }

    /// Makes a plugin of one that is part of this program; its compiled form is used when it fits this machine.
    ///
    /// # Errors
    /// As [`Sandbox::load`].
    pub async fn load_bundled(
        &self,
        bundled: &Bundled,
        compiler: &Compiler,
    ) -> Result<Arc<Plugin>, LoadError> {
        if bundled.native.is_empty() {
            return self.load(bundled.wasm, compiler).await;
        }
        match self.component(&OwnCode::embedded(bundled.native)) {
            Ok(component) => {
                let digest = digest(bundled.wasm);
                Plugin::new(Arc::clone(&self.runtime), component, digest).await
            }
            Err(error) => {
                log::warn!(
                    "the bundled plugin `{}` is compiled anew: {error}",
                    bundled.name
                );
                self.load(bundled.wasm, compiler).await
            }
        }
    }

    fn cached(&self, digest: &str, cache: &Cache<'_>) -> Option<Component> {
        let code = cache.read(digest)?;
        match self.component(&code) {
            Ok(component) => Some(component),
            Err(error) => {
                log::info!("the cached plugin {digest} is compiled anew: {error}");
                None
            }
        }
    }

    async fn compile(
        &self,
        wasm: &[u8],
        digest: &str,
        compiler: &Compiler,
        cache: Option<&Cache<'_>>,
    ) -> Result<Component, LoadError> {
        let code = {
            // The semaphore is never closed, so the error cannot come; without a permit we only lose the queueing.
            let _turn = self.runtime.compiling.acquire().await.ok();
            compiler.compile(wasm).await?
        };
        let component = self
            .component(&code)
            .map_err(|error| LoadError::Code(format!("{error:#}")))?;
        if let Some(cache) = cache {
            cache.write(digest, code.bytes());
        }
        Ok(component)
    }

    fn component(&self, code: &OwnCode) -> wasmtime::Result<Component> {
        code.load_by(&self.runtime.engine, Component::deserialize)
    }
}

impl Runtime {
    /// A store with every limit set and every budget running.
    pub(crate) fn store(&self, log: GuestLog) -> Store<State> {
        let state = State::new(
            log,
            Arc::clone(&self.clock),
            Arc::clone(self.ticker.ticker()),
        );
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.space);
        store.set_hostcall_fuel(limits::CROSSING);
        store.set_max_component_handles(limits::HANDLES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| {
            context.data_mut().meter.tick()?;
            // Yielding at each tick is what keeps a computing guest from delaying its neighbours.
            Ok(UpdateDeadline::YieldCustom(
                1,
                Box::pin(tokio::task::yield_now()),
            ))
        });
        store
    }

    /// A store for a guest that has no port and nobody to talk to.
    pub(crate) fn anonymous_store(&self) -> Store<State> {
        self.store(GuestLog::nowhere(Instant::now()))
    }
}

impl Grant {
    /// Every grant there is.
    fn all() -> impl Iterator<Item = Self> {
        let plain = Transport::ALL.into_iter().map(|transport| Self {
            transport,
            modem_lines: false,
        });
        plain.chain([Self {
            transport: Transport::Serial,
            modem_lines: true,
        }])
    }
}

/// SHA-256 in lower-case hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing into a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
