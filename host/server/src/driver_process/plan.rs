//! Which device a driver process drives: a section of ups.conf, the words of the command line, or both.
//!
//! Words of the command line win over the file. What is given becomes a ups.conf of one section and is read as such, so
//! that an option means the same wherever it stands.

use crate::config::extras::Extras;
use crate::config::{Config, ConfigError, DEFAULT_STATE_PATH, read_bounded};
use crate::device::Setup;
use husk_core::conf::diag::Diagnostic;
use husk_core::conf::lexer::escape;
use husk_core::conf::ups::{self, Global, Section, Setting};
use husk_core::conf::upsd::UpsdConf;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The name of the driver: what the program is called by.
    pub driver: String,
    /// The name of the UPS.
    pub ups: String,
    /// Its section in ups.conf counts (`-a`); otherwise only what is given (`-s`).
    pub from_file: bool,
    /// `-x`: options with their values, flags without.
    pub given: Vec<(String, Option<String>)>,
    /// The directory of ups.conf and husk.toml.
    pub dir: PathBuf,
    /// NUT_STATEPATH; wins over the file.
    pub state_path: Option<PathBuf>,
}

/// Why a section cannot be used. The sentences begin as those of NUT's drivers do.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No such section.
    #[error("Error: Section {0} not found in ups.conf")]
    NoSection(String),
    /// The section is for another driver.
    #[error("Error: UPS [{ups}] is for driver {theirs}, but I'm {ours}!")]
    OtherDriver {
        /// The section.
        ups: String,
        /// Its driver.
        theirs: String,
        /// This one.
        ours: String,
    },
    /// Nobody said where the device is.
    #[error("Error: you must specify a port name in ups.conf or in '-x port=...' argument.")]
    NoPort,
}

/// Everything a driver process needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    asked: Asked,
    section: Section,
    global: Global,
    extras: Extras,
    state_path: PathBuf,
    diagnostics: Vec<Diagnostic>,
}

impl Plan {
    /// Reads the files.
    ///
    /// # Errors
    /// The section cannot be used.
    pub fn load(asked: Asked) -> Result<Self, PlanError> {
        let mut diagnostics = Vec::new();
        let (mut global, mut options) = (Global::default(), Vec::new());
        let path = asked.dir.join("ups.conf");
        if asked.from_file {
            let name = path.display().to_string();
            let text = read_bounded(&path).map_err(|error| ConfigError::Unreadable {
                path: name.clone(),
                reason: error.to_string(),
            })?;
            let (conf, found) = ups::parse(&name, &text);
            diagnostics = found;
            global = conf.global;
            let section = conf
                .sections
                .into_iter()
                .find(|section| section.name.eq_ignore_ascii_case(&asked.ups))
                .ok_or_else(|| PlanError::NoSection(asked.ups.clone()))?;
            if section.driver != asked.driver {
                return Err(PlanError::OtherDriver {
                    ups: asked.ups,
                    theirs: section.driver,
                    ours: asked.driver,
                });
            }
            options = section.options;
        }
        let (section, found) = merged(&asked, &options);
        // What the file says was complained about above.
        if !asked.given.is_empty() {
            diagnostics.extend(found);
        }
        let state_path = asked
            .state_path
            .clone()
            .or_else(|| global.state_path.as_ref().map(PathBuf::from))
            .unwrap_or_else(|| DEFAULT_STATE_PATH.into());
        Ok(Self {
            section: section.ok_or(PlanError::NoPort)?,
            extras: extras(&asked.dir)?,
            asked,
            global,
            state_path,
            diagnostics,
        })
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// As [`Plan::load`].
    pub fn again(&self) -> Result<Self, PlanError> {
        Self::load(self.asked.clone())
    }

    /// Writes every mistake to the log.
    pub fn explain_to_log(&self) {
        for diagnostic in &self.diagnostics {
            log::warn!("{diagnostic}");
        }
    }

    /// Directory of sockets and PID files.
    pub fn state_path(&self) -> &Path {
        &self.state_path
    }

    /// Where the driver is spoken to: `<statepath>/<driver>-<ups>`.
    pub fn socket_path(&self) -> PathBuf {
        super::socket_path(&self.state_path, &self.section.driver, &self.section.name)
    }

    /// `driver-ups`, which the files of the process are named after.
    pub fn name(&self) -> String {
        format!("{}-{}", self.section.driver, self.section.name)
    }

    /// The name of the driver.
    pub fn driver(&self) -> &str {
        &self.section.driver
    }

    /// `user`: whom the process should run as.
    pub fn user(&self) -> Option<&str> {
        let (own, global) = (&self.section.common, &self.global.common);
        own.user.as_deref().or(global.user.as_deref())
    }

    /// `group`: who may use the socket.
    pub fn group(&self) -> Option<&str> {
        let (own, global) = (&self.section.common, &self.global.common);
        own.group.as_deref().or(global.group.as_deref())
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        self.section.poll_interval(&self.global)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.asked.dir
    }

    pub(super) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(super) fn setup(&self) -> Setup {
        let devices = self.extras.devices.iter();
        let ours = devices
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&self.section.name));
        Setup {
            section: self.section.clone(),
            global: self.global.clone(),
            max_age: UpsdConf::default().max_age,
            extras: ours.map(|(_, extras)| extras.clone()).unwrap_or_default(),
        }
    }
}

/// husk.toml; its mistakes go to the log.
pub(super) fn extras(dir: &Path) -> Result<Extras, PlanError> {
    let (extras, found) = Config::load_extras(dir)?;
    for diagnostic in found {
        log::warn!("{diagnostic}");
    }
    Ok(extras)
}

/// The options of the file under those of the command line, read as a section; `None` without a port.
fn merged(asked: &Asked, options: &[Setting]) -> (Option<Section>, Vec<Diagnostic>) {
    let given = |name: &str| asked.given.iter().any(|(given, _)| given == name);
    let kept = options
        .iter()
        .filter(|option| !given(&option.name) && option.name != "driver")
        .map(|option| (&option.name, &option.value));
    let driver = ("driver".to_owned(), Some(asked.driver.clone()));
    let driver = [(&driver.0, &driver.1)];
    let more = asked.given.iter().map(|(name, value)| (name, value));
    let mut text = format!("[{}]\n", asked.ups);
    for (name, value) in driver.into_iter().chain(kept).chain(more) {
        text.push_str(name);
        if let Some(value) = value {
            text.push_str(&format!(" = \"{}\"", escape(value)));
        }
        text.push('\n');
    }
    let (conf, found) = ups::parse("command line", text.as_bytes());
    (conf.sections.into_iter().next(), found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str, ups_conf: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("husk-plan-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("ups.conf"), ups_conf).unwrap();
            Self(dir)
        }

        fn load(&self, ups: &str, given: &[(&str, Option<&str>)]) -> Result<Plan, PlanError> {
            Plan::load(self.asked(ups, given))
        }

        fn asked(&self, ups: &str, given: &[(&str, Option<&str>)]) -> Asked {
            Asked {
                driver: "dummy-ups".to_owned(),
                ups: ups.to_owned(),
                from_file: true,
                given: given
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
                    .collect(),
                dir: self.0.clone(),
                state_path: None,
            }
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const CONF: &str = "statepath = /run/x\nuser = nobody\n[lab]\n driver = dummy-ups\n port = a.dev\n \
        desc = \"with # and \\\"quotes\\\"\"\n[other]\n driver = megatec\n port = b\n";

    #[test]
    fn words_of_the_command_line_win_over_the_file() {
        let dir = Dir::new("wins", &CONF.replace("with #", "with \\#"));
        let plan = dir
            .load(
                "LAB",
                &[
                    ("port", Some("x \"y\".dev")),
                    ("pollinterval", Some("7")),
                    ("ignorelb", None),
                ],
            )
            .unwrap();
        assert_eq!(plan.section.port, "x \"y\".dev");
        assert_eq!(plan.section.desc.as_deref(), Some("with # and \"quotes\""));
        assert!(plan.section.ignore_low_battery);
        assert_eq!(plan.poll_interval(), Duration::from_secs(7));
        assert_eq!(plan.user(), Some("nobody"));
        assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
        assert_eq!(plan.socket_path(), Path::new("/run/x/dummy-ups-LAB"));
    }

    #[test]
    fn what_cannot_be_driven_is_said_in_the_words_of_nut() {
        let dir = Dir::new("said", CONF);
        for (ups, expected) in [
            ("nosuch", "Error: Section nosuch not found in ups.conf"),
            (
                "other",
                "Error: UPS [other] is for driver megatec, but I'm dummy-ups!",
            ),
        ] {
            assert_eq!(dir.load(ups, &[]).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn without_a_file_the_command_line_is_all() {
        let dir = Dir::new("alone", "");
        let mut asked = dir.asked("new", &[("port", Some("a.dev"))]);
        asked.from_file = false;
        asked.state_path = Some("/run/y".into());
        let plan = Plan::load(asked.clone()).unwrap();
        assert_eq!(plan.section.name, "new");
        assert_eq!(plan.socket_path(), Path::new("/run/y/dummy-ups-new"));
        asked.given.clear();
        assert!(matches!(Plan::load(asked), Err(PlanError::NoPort)));
    }
}
