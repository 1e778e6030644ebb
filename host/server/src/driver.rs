//! What the supervisor needs of a plugin and of an instance, and the engine seen that way.
//!
//! A seam for tests: a supervisor is tried against drivers that crash, hang and refuse on purpose without
//! compiling a component. Nothing here decides anything.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod fake;

use husk_core::conf::ups::{Section, Setting};
use husk_core::report::{Failure, Update, Wake};
use husk_engine::{Description, Grant, Hardware, Plugin, Transport};
use husk_ports::Port;
use husk_ports::usb::Claim;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// The future of one call into a plugin. Dropping it makes the instance unusable.
pub(crate) type Call<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A loaded plugin.
pub(crate) trait Driver: Send + Sync {
    /// What it says about itself, and what its file proves.
    fn about(&self) -> &About;
    /// Why it may not run with this grant.
    fn refused_by(&self, grant: &Grant) -> Option<String>;
    /// The devices it is known to be for, or why it cannot tell.
    fn hardware(&self) -> Call<'_, Result<Vec<Hardware>, String>>;
    /// Probes the device behind the port.
    fn open(&self, opening: Opening) -> Call<'_, Result<Box<dyn Instance>, Failure>>;
}

/// A plugin bound to a port.
pub(crate) trait Instance: Send {
    /// Asks for a report.
    fn poll(&mut self, why: Wake) -> Call<'_, Result<Update, Failure>>;
    /// Runs an instant command.
    fn command<'a>(
        &'a mut self,
        name: &'a str,
        value: Option<&'a str>,
    ) -> Call<'a, Result<(), Failure>>;
    /// Writes a variable.
    fn set<'a>(&'a mut self, variable: &'a str, value: &'a str) -> Call<'a, Result<(), Failure>>;
    /// Cuts the power of the load.
    fn shutdown(&mut self) -> Call<'_, Result<(), Failure>>;
    /// What a successor may want to know.
    fn save(&mut self) -> Call<'_, Vec<u8>>;
    /// False after a crash.
    fn is_usable(&self) -> bool;
}

/// Everything an instance is opened with.
pub(crate) struct Opening {
    /// What it may use.
    pub grant: Grant,
    /// The open port.
    pub port: Port,
    /// Options of the section.
    pub settings: Vec<(String, String)>,
    /// What its predecessor saved.
    pub state: Option<Vec<u8>>,
    /// The UPS it works for, for its log lines.
    pub ups: Arc<str>,
}

/// A plugin's own words, and what its file proves.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// What it says about itself.
    pub description: Description,
    /// SHA-256 of the component in hex.
    pub digest: String,
    /// Every interface it imports.
    pub imports: Vec<String>,
    /// Ways it can be connected.
    pub transports: Vec<Transport>,
    /// The USB devices it is for.
    pub claims: Vec<Claim>,
    /// The TCP port of its peers where a section names a host alone.
    pub stream_port: Option<u16>,
}

impl From<husk_engine::About> for About {
    fn from(about: husk_engine::About) -> Self {
        Self {
            description: about.description,
            digest: about.digest,
            imports: about.imports,
            transports: about.transports,
            claims: about.claims,
            stream_port: about.stream_port,
        }
    }
}

impl About {
    /// The name that `driver =` uses.
    pub(crate) fn name(&self) -> &str {
        &self.description.name
    }

    /// Whether `driver = word` means this plugin.
    pub(crate) fn answers_to(&self, word: &str) -> bool {
        let description = &self.description;
        description.name == word || description.aliases.iter().any(|alias| alias == word)
    }

    /// Options of a section that neither the host nor this plugin knows, each with the rest of a sentence that helps.
    pub(crate) fn strange_options<'a>(&self, section: &'a Section) -> Vec<(&'a Setting, String)> {
        let parameters = self.description.parameters.iter();
        let names: Vec<&str> = parameters.map(|known| known.name.as_str()).collect();
        let preset = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("default.") || name.starts_with("override.")
        };
        let settings = section.settings();
        let strange = |option: &&Setting| {
            let name = option.name.as_str();
            name != "port"
                && settings.iter().any(|(given, _)| given == name)
                && !preset(name)
                && !names.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        let options = section.options.iter().filter(strange);
        let help = |option: &Setting| {
            let near = husk_names::nearest(&option.name, names.iter().copied());
            near.map_or(String::new(), |near| format!("; did you mean `{near}`?"))
        };
        options.map(|option| (option, help(option))).collect()
    }
}

/// Where a plugin came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Part of the program.
    Bundled,
    /// A file in a plugin directory.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("bundled"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A plugin and where it came from.
#[derive(Clone)]
pub(crate) struct Known {
    /// The plugin.
    pub driver: Arc<dyn Driver>,
    /// Its file.
    pub origin: Origin,
    /// Part of the program, or byte for byte what is part of it: it may have modem lines without being granted them.
    pub trusted: bool,
}

impl Known {
    /// What the plugin says about itself.
    pub(crate) fn about(&self) -> &About {
        self.driver.about()
    }
}

impl fmt::Display for Known {
    /// `megatec 0.1.0 (bundled)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let description = &self.about().description;
        write!(
            f,
            "{} {} ({})",
            description.name, description.version, self.origin
        )
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A plugin of the engine.
pub(crate) struct Component {
    plugin: Arc<Plugin>,
    about: About,
}

impl Component {
    pub(crate) fn new(plugin: Arc<Plugin>) -> Self {
        let about = plugin.about().into();
        Self { plugin, about }
    }
}

impl Driver for Component {
    fn about(&self) -> &About {
        &self.about
    }

    fn refused_by(&self, grant: &Grant) -> Option<String> {
        self.plugin
            .refused_by(grant)
            .map(|refused| refused.to_string())
    }

    fn hardware(&self) -> Call<'_, Result<Vec<Hardware>, String>> {
        Box::pin(async {
            self.plugin
                .hardware()
                .await
                .map_err(|error| error.to_string())
        })
    }

    fn open(&self, opening: Opening) -> Call<'_, Result<Box<dyn Instance>, Failure>> {
        let name = Arc::clone(&opening.ups);
        let log = Arc::new(move |level: log::Level, line: &str| {
            log::log!(level, "UPS [{name}]: {line}");
        });
        Box::pin(async move {
            let instance = self
                .plugin
                .open(
                    &opening.grant,
                    opening.port,
                    &opening.settings,
                    opening.state.as_deref(),
                    log,
                )
                .await?;
            Ok(Box::new(Bound(instance)) as Box<dyn Instance>)
        })
    }
}

struct Bound(husk_engine::Instance);

impl Instance for Bound {
    fn poll(&mut self, why: Wake) -> Call<'_, Result<Update, Failure>> {
        Box::pin(self.0.poll(why))
    }

    fn command<'a>(
        &'a mut self,
        name: &'a str,
        value: Option<&'a str>,
    ) -> Call<'a, Result<(), Failure>> {
        Box::pin(self.0.command(name, value))
    }

    fn set<'a>(&'a mut self, variable: &'a str, value: &'a str) -> Call<'a, Result<(), Failure>> {
        Box::pin(self.0.set(variable, value))
    }

    fn shutdown(&mut self) -> Call<'_, Result<(), Failure>> {
        Box::pin(self.0.shutdown())
    }

    fn save(&mut self) -> Call<'_, Vec<u8>> {
        Box::pin(self.0.save())
    }

    fn is_usable(&self) -> bool {
        self.0.is_usable()
    }
}
