//! The configuration directory: NUT's own files, read the way NUT reads them, and husk.toml.
//!
//! Everything wrong is collected with its place and printed by the caller at once; what can be used is
//! used. Refuses only what leaves nothing to serve ([`ConfigError`]). Nothing is kept open or watched.

use husk_core::conf::descriptions::{self, Descriptions};
use husk_core::conf::diag::Diagnostic;
use husk_core::conf::nut::{self, NutConf};
use husk_core::conf::ups::{self, UpsConf};
use husk_core::conf::upsd::{self, UpsdConf};
use husk_core::conf::users::{self, Users};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

pub mod extras;

use crate::limits;
use extras::Extras;

/// The usual configuration directory.
pub const DEFAULT_DIR: &str = "/etc/nut";
/// The usual directory of sockets, PID files and recordings.
pub const DEFAULT_STATE_PATH: &str = "/run/nut";

const EXTRAS: &str = "husk.toml";

/// What surrounds the files: arguments and environment of the program.
#[derive(Debug, Clone)]
pub struct Source {
    /// Directory of ups.conf, upsd.conf, upsd.users, nut.conf and husk.toml.
    pub dir: PathBuf,
    /// NUT_STATEPATH; wins over the files.
    pub state_path: Option<PathBuf>,
    /// ALLOW_NO_DEVICE; wins over the file.
    pub allow_no_device: Option<bool>,
    /// ALLOW_NOT_ALL_LISTENERS; wins over the file.
    pub allow_not_all_listeners: Option<bool>,
    /// As the classic server: upsd.conf and upsd.users must be there, and devices come from driver sockets alone.
    pub classic: bool,
}

/// Everything the files say.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// ups.conf
    pub ups: UpsConf,
    /// upsd.conf
    pub upsd: UpsdConf,
    /// upsd.users
    pub users: Users,
    /// cmdvartab, where DATAPATH names a directory that has one.
    pub texts: Descriptions,
    /// husk.toml
    pub extras: Extras,
    /// Directory of sockets, PID file and recordings.
    pub state_path: PathBuf,
    /// Mistakes, in the order of the files above.
    pub diagnostics: Vec<Diagnostic>,
    /// Sentences about whole files: missing, readable by everybody.
    pub remarks: Vec<String>,
    /// The files there were.
    pub files: Vec<PathBuf>,
    /// Reasons not to serve at all; [`Config::load`] gives the first instead of the configuration.
    pub refusals: Vec<ConfigError>,
}

/// Why there is nothing to serve.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigError {
    /// A file that must be there cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// ups.conf has no usable section. The sentence is the classic server's, scripts look for it.
    #[error("Fatal error: at least one UPS must be defined in ups.conf")]
    NoDevice,
}

impl Config {
    /// Reads all files.
    ///
    /// # Errors
    /// A file that must be there is missing or unreadable, or there is no device and none is not allowed.
    pub fn load(source: &Source) -> Result<Self, ConfigError> {
        let mut config = Self::examine(source);
        match config.refusals.is_empty() {
            true => Ok(config),
            false => {
                config.explain_to_log();
                Err(config.refusals.remove(0))
            }
        }
    }

    /// Reads all files and collects what is wrong with them, reasons not to serve included.
    pub fn examine(source: &Source) -> Self {
        let mut config = Self::default();
        let needed = |name| Need {
            path: source.dir.join(name),
            required: source.classic,
        };
        // The classic server leaves nut.conf to whoever starts it.
        let nut = match source.classic {
            true => NutConf::default(),
            false => config.read_if_there(&source.dir.join("nut.conf"), nut::parse),
        };
        config.upsd = config.read(needed("upsd.conf"), upsd::parse);
        if let Some(pem) = config.upsd.cert_file.clone() {
            config.warn_if_world_readable(Path::new(&pem), "CERTFILE holds a private key");
        }
        config.surroundings(source, &nut);
        config.ups = config.read(
            Need {
                path: source.dir.join("ups.conf"),
                required: !config.upsd.allow_no_device,
            },
            ups::parse,
        );
        if config.ups.sections.is_empty() {
            config.no_device();
        }
        config.users = config.read(needed("upsd.users"), users::parse);
        config.extras = config.read_if_there(&source.dir.join(EXTRAS), extras::parse);
        if let Some(dir) = &config.upsd.data_path {
            let path = Path::new(dir).join("cmdvartab");
            config.texts = config.read_if_there(&path, descriptions::parse);
        }
        config.unknown_devices();
        config.state_path = source
            .state_path
            .clone()
            .or_else(|| config.ups.global.state_path.as_ref().map(PathBuf::from))
            .or_else(|| config.upsd.state_path.as_ref().map(PathBuf::from))
            .unwrap_or_else(|| DEFAULT_STATE_PATH.into());
        config
    }

    /// What the environment and nut.conf say beside upsd.conf, in this order of weight. Only the classic server minds
    /// having nothing to serve: a device may be configured while this one runs.
    fn surroundings(&mut self, source: &Source, nut: &NutConf) {
        let upsd = &mut self.upsd;
        let no_device = source.allow_no_device.or(nut.allow_no_device);
        upsd.allow_no_device = no_device.unwrap_or(upsd.allow_no_device || !source.classic);
        let not_all = source.allow_not_all_listeners;
        if let Some(allowed) = not_all.or(nut.allow_not_all_listeners) {
            upsd.allow_not_all_listeners = allowed;
        }
        upsd.debug_min = upsd.debug_min.max(nut.debug_level);
        if nut.mode.is_some_and(|mode| !mode.serves()) {
            self.remarks.push(format!(
                "{}: with this MODE the machine is not meant to serve, and its units may not start a server",
                source.dir.join("nut.conf").display()
            ));
        }
    }

    fn no_device(&mut self) {
        if self.upsd.allow_no_device {
            self.remarks
                .push("no UPS is defined in ups.conf yet".to_owned());
        } else if self.refusals.is_empty() {
            self.refusals.push(ConfigError::NoDevice);
        }
    }

    /// Reads husk.toml alone, for looking at plugins where nothing is configured yet.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load_extras(dir: &Path) -> Result<(Extras, Vec<Diagnostic>), ConfigError> {
        let mut config = Self::default();
        let extras = config.read_if_there(&dir.join(EXTRAS), extras::parse);
        match config.refusals.pop() {
            None => Ok((extras, config.diagnostics)),
            Some(refusal) => Err(refusal),
        }
    }

    /// Writes every remark and every mistake to the log, all at once.
    pub fn explain_to_log(&self) {
        for remark in &self.remarks {
            log::warn!("{remark}");
        }
        for diagnostic in &self.diagnostics {
            log::warn!("{diagnostic}");
        }
    }

    fn read<T: Default>(&mut self, need: Need, parse: Parse<T>) -> T {
        let path = need.path.display().to_string();
        match read_bounded(&need.path) {
            Ok(text) => {
                self.files.push(need.path);
                self.parsed(&path, &text, parse)
            }
            Err(error) if error.kind() == ErrorKind::NotFound && !need.required => {
                self.remarks
                    .push(format!("{path} does not exist; going on with defaults"));
                T::default()
            }
            Err(error) => {
                self.refusals.push(ConfigError::Unreadable {
                    path,
                    reason: error.to_string(),
                });
                T::default()
            }
        }
    }

    fn read_if_there<T: Default>(&mut self, path: &Path, parse: Parse<T>) -> T {
        if path.exists() {
            let need = Need {
                path: path.to_owned(),
                required: true,
            };
            return self.read(need, parse);
        }
        T::default()
    }

    fn parsed<T>(&mut self, path: &str, text: &[u8], parse: Parse<T>) -> T {
        if path.ends_with("upsd.users") || path.ends_with("upsd.conf") {
            self.warn_if_world_readable(Path::new(path), "hope you don't have passwords there");
        }
        let (value, found) = parse(path, text);
        self.diagnostics.extend(found);
        value
    }

    fn warn_if_world_readable(&mut self, path: &Path, why: &str) {
        if path
            .metadata()
            .is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
        {
            self.remarks.push(format!(
                "WARNING: {} is world readable ({why})",
                path.display()
            ));
        }
    }

    fn unknown_devices(&mut self) {
        let names = || {
            self.ups
                .sections
                .iter()
                .map(|section| section.name.as_str())
        };
        let mut remarks = Vec::new();
        for device in self.extras.devices.keys() {
            if !names().any(|name| name.eq_ignore_ascii_case(device)) {
                let near = husk_names::nearest(device, names());
                let help = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                remarks.push(format!(
                    "husk.toml: [device.{device}] has no section [{device}] in ups.conf{help}"
                ));
            }
        }
        self.remarks.extend(remarks);
    }
}

type Parse<T> = fn(&str, &[u8]) -> (T, Vec<Diagnostic>);

struct Need {
    path: PathBuf,
    required: bool,
}

pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(limits::CONFIG_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > limits::CONFIG_BYTES {
        return Err(std::io::Error::new(
            ErrorKind::FileTooLarge,
            format!("larger than {} bytes", limits::CONFIG_BYTES),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let dir =
                std::env::temp_dir().join(format!("husk-config-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            for (file, text) in files {
                std::fs::write(dir.join(file), text).unwrap();
            }
            Self(dir)
        }

        fn source(&self, classic: bool) -> Source {
            Source {
                dir: self.0.clone(),
                state_path: None,
                allow_no_device: None,
                allow_not_all_listeners: None,
                classic,
            }
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const LAB: &str = "[lab]\n driver = dummy-ups\n port = lab.dev\n";

    #[test]
    fn serving_needs_only_a_device() {
        let dir = Dir::new("minimal", &[("ups.conf", LAB)]);
        let config = Config::load(&dir.source(false)).unwrap();
        assert_eq!(config.ups.sections.len(), 1);
        assert_eq!(config.state_path, Path::new(DEFAULT_STATE_PATH));
        assert_eq!(config.remarks.len(), 2, "{:?}", config.remarks);
    }

    #[test]
    fn the_classic_server_insists_on_its_files() {
        let dir = Dir::new("classic", &[("ups.conf", LAB)]);
        let error = Config::load(&dir.source(true)).unwrap_err().to_string();
        assert!(error.contains("upsd.conf"), "{error}");
    }

    #[test]
    fn no_device_is_fatal_unless_allowed() {
        let files = ["upsd.conf", "upsd.users", "ups.conf"].map(|name| (name, "# nothing\n"));
        let dir = Dir::new("none", &files);
        let mut source = dir.source(true);
        let refused = |source: &Source| {
            let loaded = Config::load(source);
            matches!(loaded, Err(ConfigError::NoDevice))
        };
        assert!(refused(&source));
        source.allow_no_device = Some(true);
        assert!(!refused(&source));
        // A server that is not the classic one waits for its first device, unless told otherwise.
        let mut source = dir.source(false);
        assert!(!refused(&source));
        std::fs::write(dir.0.join("nut.conf"), "ALLOW_NO_DEVICE=false\nMODE=none\n").unwrap();
        assert!(refused(&source));
        source.allow_no_device = Some(true);
        let remarks = Config::load(&source).unwrap().remarks;
        assert!(
            remarks
                .iter()
                .any(|remark| remark.contains("with this MODE")),
            "{remarks:?}"
        );
    }

    #[test]
    fn a_key_that_everybody_may_read_is_remarked() {
        let dir = Dir::new("key", &[("ups.conf", LAB), ("key.pem", "")]);
        let pem = dir.0.join("key.pem");
        let conf = format!("CERTFILE {}\n", pem.display());
        std::fs::write(dir.0.join("upsd.conf"), conf).unwrap();
        for (mode, remarked) in [(0o644, true), (0o640, false)] {
            std::fs::set_permissions(&pem, std::fs::Permissions::from_mode(mode)).unwrap();
            let remarks = Config::load(&dir.source(false)).unwrap().remarks;
            let said = remarks.iter().any(|remark| remark.contains("private key"));
            assert_eq!(said, remarked, "{mode:o}: {remarks:?}");
        }
    }

    #[test]
    fn the_state_path_is_the_environments_then_ups_conf_then_upsd_conf() {
        let global = format!("statepath = /from/ups\n{LAB}");
        let dir = Dir::new(
            "state",
            &[
                ("ups.conf", &global),
                ("upsd.conf", "STATEPATH /from/upsd\n"),
            ],
        );
        let mut source = dir.source(false);
        let path = |source: &Source| Config::load(source).unwrap().state_path;
        assert_eq!(path(&source), Path::new("/from/ups"));
        source.state_path = Some("/from/env".into());
        assert_eq!(path(&source), Path::new("/from/env"));
        source.state_path = None;
        std::fs::write(dir.0.join("ups.conf"), LAB).unwrap();
        assert_eq!(path(&source), Path::new("/from/upsd"));
    }

    #[test]
    fn extras_for_a_device_that_is_not_there_are_remarked() {
        let dir = Dir::new(
            "extras",
            &[("ups.conf", LAB), ("husk.toml", "[device.lap]\n")],
        );
        let config = Config::load(&dir.source(false)).unwrap();
        assert!(
            config
                .remarks
                .iter()
                .any(|remark| remark.ends_with("did you mean `lab`?"))
        );
    }
}
