//! Looking for devices with the plugins there are: which plugin claims a USB device, which gets an answer on a serial line,
//! and which knows an SNMP agent.
//!
//! Serves nothing and changes nothing. A serial line is asked only when somebody names it, by each plugin in turn with its
//! own opening words and under the same bounds as ever: what is behind it may be no UPS at all.

use crate::config::Config;
use crate::device::place::{Around, Place};
use crate::driver::{Known, Opening};
use crate::limits;
use crate::plugins::{self, PluginsError};
use crate::registry::Registry;
use husk_core::conf::diag::Diagnostic;
use husk_core::conf::ups::{Section, Setting, UpsConf, parse};
use husk_core::report::{Failure, Update, Wake};
use husk_engine::{Bundled, Transport};
use husk_ports::snmp::config::{Config as AgentConfig, Endpoint, Writes};
use husk_ports::snmp::{self, Oid, SnmpError};
use husk_ports::stream;
use husk_ports::usb::matching::{Identity, Key, Wanted};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The plugins, and what is configured already.
pub struct Scanner {
    dir: PathBuf,
    registry: Registry,
    configured: UpsConf,
}

/// How well a plugin knows a USB device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The plugin's name, for `driver =`.
    pub driver: String,
    /// It claims this very product, not all of its vendor.
    pub exact: bool,
}

/// Who answered on a serial line, at an agent's address, or behind a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The plugin's name, for `driver =`.
    pub driver: String,
    /// `device.mfr`.
    pub maker: Option<String>,
    /// `device.model`.
    pub model: Option<String>,
    /// `device.serial`.
    pub serial: Option<String>,
    /// `ups.status`: its words.
    pub status: String,
}

/// What one plugin made of a serial line or an agent.
#[derive(Debug)]
pub enum Tried {
    /// It got a report.
    Answered(Answered),
    /// The line could not be opened: no other plugin needs to try.
    Shut(String),
    /// It got none, and why.
    Silent {
        /// The plugin's name.
        driver: String,
        /// What it says.
        reason: String,
    },
}

impl Scanner {
    /// Loads the plugins of a configuration directory, and its ups.conf if it has one.
    ///
    /// # Errors
    /// The sandbox does not run, or husk.toml cannot be read.
    pub async fn open(dir: &Path, bundled: &'static [Bundled]) -> Result<Self, PluginsError> {
        let (extras, found) = Config::load_extras(dir)?;
        warn(&found);
        let text = std::fs::read(dir.join("ups.conf")).unwrap_or_default();
        Ok(Self {
            dir: dir.to_owned(),
            registry: plugins::open(&extras.plugins, dir, bundled).await?,
            configured: parse("ups.conf", &text).0,
        })
    }

    /// The plugins that claim a USB device, the surest first.
    pub fn claimants(&self, device: &Identity) -> Vec<Claimant> {
        let plugins = self.registry.listing().plugins;
        let claimant = |known: &Known| claim(known, device);
        let mut found: Vec<Claimant> = plugins.iter().filter_map(claimant).collect();
        found.sort_by_key(|claimant| !claimant.exact);
        found
    }

    /// Whether some plugin claims another product of that vendor.
    pub fn knows_vendor(&self, device: &Identity) -> bool {
        let plugins = self.registry.listing().plugins;
        let mut claims = plugins.iter().flat_map(|known| &known.about().claims);
        claims.any(|claim| claim.vendor_id == device.vendor_id)
    }

    /// The section of ups.conf that means this USB device.
    pub fn section_of_usb(&self, device: &Identity) -> Option<&Section> {
        self.configured.sections.iter().find(|section| {
            let Ok(known) = self.registry.find(section) else {
                return false;
            };
            let options = section.options.iter();
            let options =
                options.filter_map(|option| Some((option.name.as_str(), option.value.as_deref()?)));
            let Ok(wanted) = Wanted::new(options) else {
                return false;
            };
            let named = wanted.names(Key::VendorId) && wanted.names(Key::ProductId);
            known.about().transports.contains(&Transport::Usb)
                && (named || claim(&known, device).is_some())
                && wanted.check(device).is_ok()
        })
    }

    /// The section of ups.conf whose port is this serial line, under whatever name.
    pub fn section_of_line(&self, path: &Path) -> Option<&Section> {
        let same = path.canonicalize().ok()?;
        let is_it = |section: &&Section| {
            Path::new(&section.port)
                .canonicalize()
                .is_ok_and(|port| port == same)
        };
        self.configured.sections.iter().find(is_it)
    }

    /// The section of ups.conf whose agent is at this address.
    pub fn section_of_agent(&self, address: &str) -> Option<&Section> {
        self.configured.sections.iter().find(|section| {
            let agents = self
                .registry
                .find(section)
                .is_ok_and(|known| known.about().transports.contains(&Transport::Snmp));
            agents && Endpoint::parse(&section.port).is_ok_and(|there| there.host == address)
        })
    }

    /// The name of the section of ups.conf for this driver whose daemon is at this place.
    pub fn section_of_daemon(&self, driver: &str, place: &str) -> Option<&str> {
        let is_it = |section: &&Section| {
            self.registry.find(section).is_ok_and(|known| {
                let usual = known.about().stream_port;
                let there = stream::Endpoint::parse(&section.port, usual);
                known.about().name() == driver
                    && there.is_some()
                    && there == stream::Endpoint::parse(place, usual)
            })
        };
        let mut sections = self.configured.sections.iter();
        sections.find(is_it).map(|section| section.name.as_str())
    }

    /// Names of the plugins that speak over serial lines, in the order they try.
    pub fn serial_drivers(&self) -> Vec<String> {
        let serial = self.plugins_for(Transport::Serial);
        serial
            .iter()
            .map(|known| known.about().name().to_owned())
            .collect()
    }

    /// Asks an SNMP agent by its address with a section's options: at first only what it is, for at most `patience`, and if
    /// it says anything, by each plugin for agents until one gets a report. Nothing is written. An address where nothing
    /// answers gives nothing.
    ///
    /// # Errors
    /// A sentence: the options are wrong.
    pub async fn probe_agent(
        &self,
        address: &str,
        options: &[(String, String)],
        patience: Duration,
    ) -> Result<Vec<Tried>, String> {
        let port = [("port".to_owned(), address.to_owned())];
        let options: Vec<(String, String)> = port.into_iter().chain(options.to_vec()).collect();
        if !answers(address, &options, patience).await? {
            return Ok(Vec::new());
        }
        let mut tried = Vec::new();
        for known in self.plugins_for(Transport::Snmp) {
            let attempt = self.attempt(&known, address, &options);
            let outcome = tokio::time::timeout(limits::SCAN_PROBE, attempt).await;
            let outcome = outcome.unwrap_or_else(|_| Some(endless(&known)));
            let Some(outcome) = outcome else { continue };
            let found = matches!(outcome, Tried::Answered(_));
            tried.push(outcome);
            if found {
                break;
            }
        }
        Ok(tried)
    }

    /// Has every plugin for daemons, whose protocol has a usual port, connect to this place. Who gets no report, most often
    /// because nothing listens there, is left out.
    pub async fn probe_daemons(&self, place: &str) -> Vec<Answered> {
        let options = [("port".to_owned(), place.to_owned())];
        let mut answers = Vec::new();
        for known in self.plugins_for(Transport::Stream) {
            if known.about().stream_port.is_none() {
                continue;
            }
            let attempt = self.attempt(&known, place, &options);
            if let Ok(Some(Tried::Answered(answered))) =
                tokio::time::timeout(limits::SCAN_PROBE, attempt).await
            {
                answers.push(answered);
            }
        }
        answers
    }

    /// Lets each serial plugin try a line until one gets a report, opening and closing it for each.
    pub async fn probe(&self, line: &Path) -> Vec<Tried> {
        let mut tried = Vec::new();
        let port = line.display().to_string();
        let options = [("port".to_owned(), port.clone())];
        for known in self.plugins_for(Transport::Serial) {
            let attempt = self.attempt(&known, &port, &options);
            let outcome = tokio::time::timeout(limits::SCAN_PROBE, attempt).await;
            let outcome = outcome.unwrap_or_else(|_| Some(endless(&known)));
            let Some(outcome) = outcome else { continue };
            let go_on = matches!(outcome, Tried::Silent { .. });
            tried.push(outcome);
            if !go_on {
                break;
            }
        }
        tried
    }

    /// Lets one plugin try a port under these options, `port` among them. `None` from a driver that cannot look for its
    /// device: it wants to be told something first, as one for contacts does.
    async fn attempt(
        &self,
        known: &Known,
        port: &str,
        options: &[(String, String)],
    ) -> Option<Tried> {
        let setting = |(name, value): &(String, String)| Setting {
            name: name.clone(),
            value: Some(value.clone()),
            at: (1, 1),
        };
        let section = Section {
            name: port.to_owned(),
            driver: known.about().name().to_owned(),
            port: port.to_owned(),
            options: options.iter().map(setting).collect(),
            ..Section::default()
        };
        let around = Around {
            config_dir: &self.dir,
            modem_lines: known.trusted,
            // Whoever looks around changes nothing.
            writes: Writes::ReadOnly,
        };
        let place = match Place::of(&section, known, &around) {
            Ok(place) => place,
            Err(reason) => return Some(silent(known, reason)),
        };
        if let Some(refused) = known.driver.refused_by(&place.grant) {
            return Some(silent(known, refused));
        }
        let opened = match place.open().await {
            Ok(opened) => opened,
            Err(reason) => return Some(Tried::Shut(reason)),
        };
        let opening = Opening {
            grant: place.grant,
            port: opened,
            settings: place.settings(&section),
            state: None,
            ups: port.into(),
        };
        match ask(known, opening).await {
            Ok(update) => Some(Tried::Answered(answered(known, &update))),
            Err(Failure::BadSetting { .. }) => None,
            Err(failure) => Some(silent(known, failure.to_string())),
        }
    }

    fn plugins_for(&self, transport: Transport) -> Vec<Known> {
        let plugins = self.registry.listing().plugins;
        let speaks = |known: &Known| known.about().transports.contains(&transport);
        plugins.into_iter().filter(speaks).collect()
    }
}

/// Adds text to the end of ups.conf in a directory; makes the file, for its owner and group only, if there is none.
///
/// # Errors
/// What the system says.
pub fn append(dir: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true).mode(0o640);
    let mut file = options.open(dir.join("ups.conf"))?;
    // In one call, so that whoever reads meanwhile sees all of it or nothing.
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Whether an agent says anything at all when asked what it is.
async fn answers(
    address: &str,
    options: &[(String, String)],
    patience: Duration,
) -> Result<bool, String> {
    /// sysObjectID.0 (RFC 3418).
    const WHAT_IT_IS: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];
    let seconds = (patience.as_secs_f64() / 2.0).clamp(0.1, 30.0).to_string();
    let hasty = [("snmp_timeout", seconds.as_str()), ("snmp_retries", "1")];
    let given = options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let options = hasty.into_iter().chain(given);
    let config = AgentConfig::new(address, options, Writes::ReadOnly);
    let agent = snmp::open(config.map_err(|wrong| wrong.join("; "))?);
    let asked = [Oid::new(WHAT_IT_IS.to_vec()).unwrap_or_default()];
    match agent.get(&asked, patience).await {
        Ok(_) | Err(SnmpError::Auth(_) | SnmpError::Refused { .. }) => Ok(true),
        Err(SnmpError::Io(_)) => Ok(false),
    }
}

async fn ask(known: &Known, opening: Opening) -> Result<Update, Failure> {
    let mut instance = known.driver.open(opening).await?;
    let update = instance.poll(Wake::Interval).await?;
    update.check().map_err(Failure::Crashed)?;
    Ok(update)
}

fn claim(known: &Known, device: &Identity) -> Option<Claimant> {
    let claims = known.about().claims.iter();
    let mut fitting = claims.filter(|claim| {
        claim.vendor_id == device.vendor_id
            && claim.product_id.is_none_or(|id| id == device.product_id)
    });
    let first = fitting.next()?;
    Some(Claimant {
        driver: known.about().name().to_owned(),
        exact: first.product_id.is_some() || fitting.any(|claim| claim.product_id.is_some()),
    })
}

fn answered(known: &Known, update: &Update) -> Answered {
    let value = |names: [&str; 2]| {
        let said = |name: &str| update.set.iter().find(|(variable, _)| variable == name);
        let (_, value) = names.into_iter().find_map(said)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    Answered {
        driver: known.about().name().to_owned(),
        maker: value(["device.mfr", "ups.mfr"]),
        model: value(["device.model", "ups.model"]),
        serial: value(["device.serial", "ups.serial"]),
        status: update.status.clone().unwrap_or_default().join(" "),
    }
}

fn endless(known: &Known) -> Tried {
    let seconds = limits::SCAN_PROBE.as_secs();
    silent(known, format!("no end after {seconds} s"))
}

fn silent(known: &Known, reason: String) -> Tried {
    Tried::Silent {
        driver: known.about().name().to_owned(),
        reason,
    }
}

fn warn(found: &[Diagnostic]) {
    for diagnostic in found {
        log::warn!("{diagnostic}");
    }
}
