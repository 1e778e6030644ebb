//! The registry's loaders: the engine, and nothing.
//!
//! What is part of the program is loaded when its first device is opened: the code of a plugin that nobody uses is not even
//! read from disk. Until then the lines made when Husk was built say what it is.

use crate::driver::{About, Call, Component, Driver, Instance, Opening};
use crate::registry::Loader;
use husk_core::report::Failure;
use husk_engine::{Bundled, Compiler, Grant, Hardware, LoadError, Plugin, Sandbox};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Loads components into one sandbox.
pub(crate) struct Engine {
    pub(crate) sandbox: Sandbox,
    pub(crate) compiler: Compiler,
    pub(crate) bundled: &'static [Bundled],
}

impl Loader for Engine {
    fn bundled(&self) -> Call<'_, Vec<Result<Arc<dyn Driver>, String>>> {
        Box::pin(async move {
            let mut plugins = Vec::new();
            for bundled in self.bundled {
                let plugin = match Deferred::new(self, bundled) {
                    Some(deferred) => Ok(Arc::new(deferred) as Arc<dyn Driver>),
                    None => as_driver(self.sandbox.load_bundled(bundled, &self.compiler).await),
                };
                plugins.push(plugin.map_err(|reason| format!("{}: {reason}", bundled.name)));
            }
            plugins
        })
    }

    fn load<'a>(&'a self, wasm: &'a [u8]) -> Call<'a, Result<Arc<dyn Driver>, String>> {
        Box::pin(async move { as_driver(self.sandbox.load(wasm, &self.compiler).await) })
    }
}

/// A bundled plugin that is loaded when it is first opened.
struct Deferred {
    built: husk_engine::About,
    about: About,
    sandbox: Sandbox,
    compiler: Compiler,
    bundled: &'static Bundled,
    loaded: OnceCell<Component>,
}

impl Deferred {
    /// `None`: only the plugin itself can tell what it is.
    fn new(engine: &Engine, bundled: &'static Bundled) -> Option<Self> {
        let built = husk_engine::About::read(bundled.about).ok()?;
        Some(Self {
            about: built.clone().into(),
            built,
            sandbox: engine.sandbox.clone(),
            compiler: engine.compiler.clone(),
            bundled,
            loaded: OnceCell::new(),
        })
    }

    async fn component(&self) -> Result<&Component, Failure> {
        self.loaded
            .get_or_try_init(|| async {
                let loaded = self
                    .sandbox
                    .load_bundled(self.bundled, &self.compiler)
                    .await;
                let name = self.bundled.name;
                let broken =
                    |why: String| Failure::Other(format!("the bundled plugin {name}: {why}"));
                let plugin = loaded.map_err(|error| broken(error.to_string()))?;
                if plugin.about() != self.built {
                    return Err(broken(
                        "it is not what this program was built with".to_owned(),
                    ));
                }
                log::debug!("the bundled plugin {name} is loaded");
                Ok(Component::new(plugin))
            })
            .await
    }
}

impl Driver for Deferred {
    fn about(&self) -> &About {
        &self.about
    }

    fn refused_by(&self, grant: &Grant) -> Option<String> {
        self.built
            .refused_by(grant)
            .map(|refused| refused.to_string())
    }

    fn hardware(&self) -> Call<'_, Result<Vec<Hardware>, String>> {
        Box::pin(async move {
            let component = self.component().await.map_err(|error| error.to_string())?;
            component.hardware().await
        })
    }

    fn open(&self, opening: Opening) -> Call<'_, Result<Box<dyn Instance>, Failure>> {
        Box::pin(async move { self.component().await?.open(opening).await })
    }
}

/// For a server whose drivers all are other people's programs.
pub(crate) struct NoPlugins;

impl Loader for NoPlugins {
    fn bundled(&self) -> Call<'_, Vec<Result<Arc<dyn Driver>, String>>> {
        Box::pin(async { Vec::new() })
    }

    fn load<'a>(&'a self, _: &'a [u8]) -> Call<'a, Result<Arc<dyn Driver>, String>> {
        Box::pin(async { Err("this server takes no plugins".to_owned()) })
    }
}

fn as_driver(loaded: Result<Arc<Plugin>, LoadError>) -> Result<Arc<dyn Driver>, String> {
    match loaded {
        Ok(plugin) => Ok(Arc::new(Component::new(plugin))),
        Err(error) => Err(error.to_string()),
    }
}
