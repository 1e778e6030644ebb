//! The registry's loaders: the engine, and nothing.

use crate::driver::{Call, Component, Driver};
use crate::registry::Loader;
use husk_engine::{Bundled, Compiler, LoadError, Plugin, Sandbox};
use std::sync::Arc;

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
                let loaded = self.sandbox.load_bundled(bundled, &self.compiler).await;
                plugins.push(
                    as_driver(loaded).map_err(|reason| format!("{}: {reason}", bundled.name)),
                );
            }
            plugins
        })
    }

    fn load<'a>(&'a self, wasm: &'a [u8]) -> Call<'a, Result<Arc<dyn Driver>, String>> {
        Box::pin(async move { as_driver(self.sandbox.load(wasm, &self.compiler).await) })
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
