//! Where plugins are looked for, and how they are shown to an operator, with or without a running server.

use crate::config::extras::Plugins;
use crate::config::{Config, ConfigError};
use crate::driver::Known;
use crate::loader::Engine;
use crate::registry::{Listing, Registry};
use husk_engine::{Bundled, Compiler, EngineError, Grant, Hardware, Sandbox, Transport};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where packages and administrators put plugins; `plugins` beside the configuration is searched last, so it wins.
const USUAL_DIRS: [&str; 2] = ["/usr/lib/husk/plugins", "/usr/local/lib/husk/plugins"];
/// Where compiled plugins are kept, if that directory is there.
const USUAL_CACHE: &str = "/var/cache/husk";
/// Where packages put the compile helper, unless it lies beside the program.
const USUAL_COMPILER: &str = "/usr/libexec/husk-compile";

/// Why plugins cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum PluginsError {
    /// The sandbox does not run here.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// husk.toml cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// One line per plugin, found without a running server.
///
/// # Errors
/// The sandbox does not run, or husk.toml cannot be read.
pub async fn list(dir: &Path, bundled: &'static [Bundled]) -> Result<String, PluginsError> {
    Ok(listed(&offline(dir, bundled).await?.listing()))
}

/// Everything about one plugin, found without a running server; the inner error says that there is none.
///
/// # Errors
/// The sandbox does not run, or husk.toml cannot be read.
pub async fn show(
    dir: &Path,
    bundled: &'static [Bundled],
    name: &str,
) -> Result<Result<String, String>, PluginsError> {
    Ok(shown(&offline(dir, bundled).await?, name))
}

/// A plugin, how it is connected, and the devices it is known to be for.
#[derive(Debug, Clone)]
pub struct Supported {
    /// The name that `driver =` uses.
    pub driver: String,
    /// `usb`, `serial` and so on; several with commas.
    pub connection: String,
    /// Its rows, or why it cannot tell.
    pub hardware: Result<Vec<Hardware>, String>,
}

/// What every plugin says it is for, found without a running server. Plugins in the order of their names.
///
/// # Errors
/// The sandbox does not run, or husk.toml cannot be read.
pub async fn supported(
    dir: &Path,
    bundled: &'static [Bundled],
) -> Result<Vec<Supported>, PluginsError> {
    let mut supported = Vec::new();
    for known in offline(dir, bundled).await?.listing().plugins {
        let transports = known.about().transports.iter();
        let connection: Vec<String> = transports.map(ToString::to_string).collect();
        supported.push(Supported {
            driver: known.about().name().to_owned(),
            connection: connection.join(", "),
            hardware: known.driver.hardware().await,
        });
    }
    Ok(supported)
}

async fn offline(dir: &Path, bundled: &'static [Bundled]) -> Result<Registry, PluginsError> {
    let (extras, found) = Config::load_extras(dir)?;
    for diagnostic in found {
        log::warn!("{diagnostic}");
    }
    open(&extras.plugins, dir, bundled)
        .await
        .map_err(Into::into)
}

/// The registry of a configuration.
pub(crate) async fn open(
    plugins: &Plugins,
    config_dir: &Path,
    bundled: &'static [Bundled],
) -> Result<Registry, EngineError> {
    let engine = Engine {
        sandbox: Sandbox::new()?,
        compiler: compiler(plugins),
        bundled,
    };
    let dirs = plugins.dirs.clone().unwrap_or_else(|| {
        let usual = USUAL_DIRS.iter().map(PathBuf::from);
        usual.chain([config_dir.join("plugins")]).collect()
    });
    Ok(Registry::open(Box::new(engine), dirs).await)
}

fn compiler(plugins: &Plugins) -> Compiler {
    let beside = || {
        let program = std::env::current_exe().ok()?.with_file_name("husk-compile");
        program.is_file().then_some(program)
    };
    let program = plugins.compiler.clone().or_else(beside);
    // systemd creates CacheDirectory= for the service and names it here.
    let given = || std::env::var_os("CACHE_DIRECTORY").map(PathBuf::from);
    let cache = plugins.cache.clone().or_else(given);
    let usual = || Some(PathBuf::from(USUAL_CACHE)).filter(|dir| dir.is_dir());
    Compiler {
        program: program.unwrap_or_else(|| USUAL_COMPILER.into()),
        cache_dir: cache.or_else(usual),
    }
}

/// One line per plugin, then one per file that is none.
pub(crate) fn listed(listing: &Listing) -> String {
    let mut text = String::new();
    for known in &listing.plugins {
        let about = known.about();
        let digest = about.digest.get(..12).unwrap_or(&about.digest);
        // Writing into a String does not fail, here and below.
        let _ = writeln!(
            text,
            "{}\t{}\t{digest}\t{}",
            about.name(),
            about.description.version,
            known.origin
        );
    }
    for (path, reason) in &listing.broken {
        let _ = writeln!(text, "{}: not usable: {reason}", path.display());
    }
    text
}

/// Everything about the plugins that a name or alias means.
pub(crate) fn shown(registry: &Registry, name: &str) -> Result<String, String> {
    let listing = registry.listing();
    let broken = listing.broken.iter();
    let same = |path: &Path| path.file_stem().is_some_and(|stem| stem == name);
    let broken: String = broken
        .filter(|(path, _)| same(path))
        .map(|(path, reason)| format!("{}: not usable: {reason}\n", path.display()))
        .collect();
    match registry.named(name) {
        Ok(named) => {
            let pages: Vec<String> = named.iter().map(page).collect();
            Ok(format!("{}{broken}", pages.join("\n")))
        }
        Err(_) if !broken.is_empty() => Err(broken),
        Err(reason) => Err(format!("{reason}\n")),
    }
}

fn page(known: &Known) -> String {
    let about = known.about();
    let description = &about.description;
    let transports: Vec<String> = about.transports.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    for (title, value) in [
        ("name", description.name.clone()),
        ("version", description.version.clone()),
        ("digest", format!("sha256:{}", about.digest)),
        ("origin", known.origin.to_string()),
        ("protocol", description.protocol.clone()),
        ("aliases", description.aliases.join(", ")),
        ("transports", transports.join(", ")),
        (
            "usual port",
            about
                .stream_port
                .map_or_else(String::new, |port| port.to_string()),
        ),
        ("imports", about.imports.join(", ")),
        ("dangerous commands", description.dangerous.join(", ")),
    ] {
        let _ = writeln!(text, "{title}: {value}");
    }
    for refused in refusals(known) {
        let _ = writeln!(text, "refused: {refused}");
    }
    let _ = writeln!(text, "options:");
    for parameter in &description.parameters {
        let value = if parameter.takes_value { " = …" } else { "" };
        let _ = writeln!(text, "  {}{value}\t{}", parameter.name, parameter.help);
    }
    text
}

/// What an ordinary section would not grant this plugin.
fn refusals(known: &Known) -> Vec<String> {
    let grant = |transport| Grant {
        transport,
        modem_lines: known.trusted && transport == Transport::Serial,
    };
    let transports = known.about().transports.iter();
    transports
        .filter_map(|&transport| known.driver.refused_by(&grant(transport)))
        .collect()
}
