//! From a section of ups.conf to the one port its plugin gets: what kind, opened how, granted with what.
//!
//! Refuses to hand out more than the section names: a device file, one peer, or **one file** of a
//! directory. A plugin that reads `/etc/nut/lab.dev` cannot read the passwords beside it.

use crate::driver::Known;
use crate::limits;
use husk_core::conf::ups::Section;
use husk_engine::{Grant, Transport};
use husk_ports::snmp;
use husk_ports::snmp::config::{Config as AgentConfig, OPTIONS, Writes};
use husk_ports::usb::matching::Wanted;
use husk_ports::usb::{self, Bus, Request};
use husk_ports::{Directory, Fut, IoError, OpenError, Port, serial, stream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a device is and what its plugin may do there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// What the plugin may use.
    pub grant: Grant,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Serial(PathBuf, serial::Lock),
    File { dir: PathBuf, name: String },
    Directory(PathBuf),
    Stream(stream::Endpoint),
    Usb(Bus, Box<Request>),
    Snmp(Box<AgentConfig>),
}

/// What decides about a place besides the section.
pub(crate) struct Around<'a> {
    /// Relative file names start here.
    pub config_dir: &'a Path,
    /// The operator granted the modem lines, or the plugin is part of the program.
    pub modem_lines: bool,
    /// What may be written of an SNMP agent.
    pub writes: Writes,
}

impl Place {
    /// Finds the place of a section for a plugin.
    ///
    /// # Errors
    /// A sentence: the port does not fit the plugin.
    pub(crate) fn of(
        section: &Section,
        known: &Known,
        around: &Around<'_>,
    ) -> Result<Self, String> {
        let port = section.port.as_str();
        let about = known.about();
        let transport = transport(port, &about.transports)
            .ok_or_else(|| format!("the plugin {} speaks over no kind of port", about.name()))?;
        let how = match transport {
            Transport::Serial => {
                let lock = if section.no_lock {
                    serial::Lock::None
                } else {
                    serial::Lock::Exclusive
                };
                How::Serial(port.into(), lock)
            }
            Transport::Files => files(&around.config_dir.join(port))?,
            Transport::Stream => How::Stream(endpoint(port, about.stream_port)?),
            Transport::Usb => usb(section, known)?,
            Transport::Snmp => agent(section, around.writes.clone())?,
        };
        Ok(Self {
            grant: Grant {
                transport,
                modem_lines: around.modem_lines && transport == Transport::Serial,
            },
            how,
        })
    }

    /// Opens the port.
    ///
    /// # Errors
    /// What the port says, as a sentence for the operator.
    pub(crate) async fn open(&self) -> Result<Port, String> {
        let opened = async {
            Ok::<Port, OpenError>(match &self.how {
                How::Serial(path, lock) => Port::Serial(serial::open(path, *lock).await?),
                How::Directory(dir) => Port::Files(husk_ports::files::open(dir).await?),
                How::File { dir, name } => {
                    let inner = husk_ports::files::open(dir).await?;
                    Port::Files(Arc::new(OneFile {
                        inner,
                        name: name.clone(),
                    }))
                }
                How::Stream(endpoint) => {
                    Port::Stream(stream::open(endpoint, limits::PORT_OPEN).await?)
                }
                How::Usb(bus, request) => Port::Usb(usb::open(bus, request).await?),
                How::Snmp(config) => Port::Snmp(snmp::open(config.as_ref().clone())),
            })
        };
        match tokio::time::timeout(limits::PORT_OPEN, opened).await {
            Ok(Ok(port)) => Ok(port),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "opening the port took longer than {} s; the adapter or its kernel driver hangs",
                limits::PORT_OPEN.as_secs()
            )),
        }
    }

    /// What a USB device is wanted to be, for those who know more of it than the section.
    pub(crate) fn usb_request(&mut self) -> Option<&mut Request> {
        match &mut self.how {
            How::Usb(_, request) => Some(request),
            _ => None,
        }
    }

    /// The section's options as the plugin gets them: of a file only its name, of an agent nothing that is a key to it;
    /// the rest is the host's. `driver` is among them, since a plugin that replaces several may have to read an option as
    /// the one named did.
    pub(crate) fn settings(&self, section: &Section) -> Vec<(String, String)> {
        let mut settings = section.settings();
        settings.push(("driver".to_owned(), section.driver.clone()));
        if let How::Snmp(_) = &self.how {
            let ours = |name: &str| {
                OPTIONS
                    .iter()
                    .any(|option| option.eq_ignore_ascii_case(name))
            };
            settings.retain(|(name, _)| !ours(name));
        }
        if let How::File { name, .. } = &self.how {
            for (key, value) in &mut settings {
                if key == "port" {
                    value.clone_from(name);
                }
            }
        }
        settings
    }
}

/// The plugin's only transport, or of several the one the port looks like.
fn transport(port: &str, offered: &[Transport]) -> Option<Transport> {
    let looks_like = if port.starts_with("/dev/") {
        Transport::Serial
    } else if port == AUTO || port.starts_with(SOCKET) {
        Transport::Usb
    } else if port.contains(':') {
        Transport::Stream
    } else {
        Transport::Files
    };
    offered
        .iter()
        .copied()
        .find(|&transport| transport == looks_like)
        .or_else(|| offered.first().copied())
}

/// What a section's port looks like where a word means several plugins, if it can be told.
///
/// A path is a serial line, except that NUT's drivers of both kinds take a section that chooses among USB devices for one of
/// them whatever its port says; a path of a serial line is believed all the same.
pub(crate) fn look(section: &Section) -> Option<Transport> {
    let port = section.port.as_str();
    let chooses = CHOOSES.iter().any(|name| section.get(name).is_some());
    if port == AUTO || port.starts_with(SOCKET) {
        Some(Transport::Usb)
    } else if port.starts_with(SERIAL_LINES) {
        Some(Transport::Serial)
    } else if chooses {
        Some(Transport::Usb)
    } else if port.starts_with('/') {
        Some(Transport::Serial)
    } else if port.contains(':') {
        Some(Transport::Stream)
    } else {
        None
    }
}

/// Options that only a USB device has.
const CHOOSES: [&str; 3] = ["vendorid", "productid", "subdriver"];
/// How the paths of serial lines begin.
const SERIAL_LINES: &str = "/dev/tty";
/// `port` of a USB device: the other options of the section say which. NUT takes any word; this is the usual one.
const AUTO: &str = "auto";
/// Before the path of a Unix socket behind which one simulated device speaks USB/IP.
const SOCKET: &str = "usbip:";

/// What the section says about its USB device, with NUT's names for the options.
fn usb(section: &Section, known: &Known) -> Result<How, String> {
    let bus = match section.port.strip_prefix(SOCKET) {
        Some(path) => Bus::Socket(path.into()),
        None => Bus::Machine,
    };
    let settings = section.settings();
    let options = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let wanted = Wanted::new(options).map_err(|bad| {
        let sentences: Vec<String> = bad.iter().map(ToString::to_string).collect();
        sentences.join("; ")
    })?;
    let number = |name: &str| {
        let given = settings.iter().find(|(option, _)| option == name);
        given
            .map(|(_, value)| match value.trim() {
                // A flag: the first one.
                "" => Ok(0),
                value => value.parse().map_err(|_| {
                    format!("{name} = {value} in ups.conf is not a number from 0 to 255")
                }),
            })
            .transpose()
    };
    let request = Request {
        claims: known.about().claims.clone(),
        wanted,
        interface: number("usb_hid_rep_index")?,
        alternate: number("usb_set_altinterface")?,
        ..Request::default()
    };
    Ok(How::Usb(bus, Box::new(request)))
}

/// `host:port` or a socket's path; for a driver whose protocol has a `usual` port also a host alone.
fn endpoint(port: &str, usual: Option<u16>) -> Result<stream::Endpoint, String> {
    let said = || {
        let host = usual.map_or(String::new(), |usual| format!("host (then port {usual}), "));
        format!("port = {port} is neither {host}host:port, [address]:port nor the path of a socket")
    };
    stream::Endpoint::parse(port, usual).ok_or_else(said)
}

/// What the section says about its SNMP agent.
fn agent(section: &Section, writes: Writes) -> Result<How, String> {
    let settings = section.settings();
    let options = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let config = AgentConfig::new(&section.port, options, writes);
    let config = config.map_err(|wrong| wrong.join("; "))?;
    Ok(How::Snmp(Box::new(config)))
}

fn files(path: &Path) -> Result<How, String> {
    if path.is_dir() {
        return Ok(How::Directory(path.to_owned()));
    }
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(dir), Some(name)) => Ok(How::File {
            dir: dir.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err(format!("port = {} is not a file name", path.display())),
    }
}

/// A directory of which only one name can be seen.
struct OneFile {
    inner: Arc<dyn Directory>,
    name: String,
}

impl OneFile {
    fn check(&self, name: &str) -> Result<(), IoError> {
        if name == self.name {
            Ok(())
        } else {
            Err(IoError::Denied)
        }
    }
}

impl Directory for OneFile {
    fn read<'a>(&'a self, name: &'a str) -> Fut<'a, Vec<u8>> {
        Box::pin(async move {
            self.check(name)?;
            self.inner.read(name).await
        })
    }

    fn modified_ms<'a>(&'a self, name: &'a str) -> Fut<'a, u64> {
        Box::pin(async move {
            self.check(name)?;
            self.inner.modified_ms(name).await
        })
    }

    fn names(&self) -> Fut<'_, Vec<String>> {
        Box::pin(async move {
            let mut names = self.inner.names().await?;
            names.retain(|name| *name == self.name);
            Ok(names)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::driver::Origin;
    use crate::driver::fake::{Fake, Script};

    #[test]
    fn the_only_transport_wins_and_of_several_the_look_of_the_port_decides() {
        use Transport::{Files, Serial, Stream, Usb};
        assert_eq!(transport("/tmp/pty", &[Serial]), Some(Serial));
        assert_eq!(transport("/dev/ttyS0", &[Stream, Serial]), Some(Serial));
        assert_eq!(
            transport("ups.example:4001", &[Serial, Stream]),
            Some(Stream)
        );
        assert_eq!(transport("lab.dev", &[Serial, Files]), Some(Files));
        assert_eq!(transport("auto", &[Serial, Stream]), Some(Serial));
        assert_eq!(transport("auto", &[]), None);
        assert_eq!(transport("auto", &[Serial, Usb]), Some(Usb));
        assert_eq!(transport("/dev/ttyS0", &[Serial, Usb]), Some(Serial));
        assert_eq!(transport("usbip:/run/sim", &[Stream, Usb]), Some(Usb));
        assert_eq!(transport("localhost", &[Stream]), Some(Stream));
    }

    #[test]
    fn a_host_alone_will_do_where_the_protocol_has_a_usual_port() {
        let usual = endpoint("nas.example", Some(3551)).unwrap();
        assert_eq!(usual.to_string(), "nas.example:3551");
        let refused = endpoint("::1", Some(3551)).unwrap_err();
        assert!(refused.contains("host (then port 3551)"), "{refused}");
        let refused = endpoint("nas.example", None).unwrap_err();
        assert!(!refused.contains("then port"), "{refused}");
    }

    #[test]
    fn a_word_for_two_kinds_of_port_is_decided_by_the_look_of_the_port() {
        let section = |port: &str, option: Option<&str>| Section {
            port: port.to_owned(),
            options: option
                .map(|name| husk_core::conf::ups::Setting {
                    name: name.to_owned(),
                    value: Some("0665".to_owned()),
                    at: (1, 1),
                })
                .into_iter()
                .collect(),
            ..Section::default()
        };
        for (port, option, look) in [
            ("auto", None, Some(Transport::Usb)),
            ("usbip:/run/sim", None, Some(Transport::Usb)),
            ("/dev/ttyUSB0", None, Some(Transport::Serial)),
            ("/dev/ttyUSB0", Some("vendorid"), Some(Transport::Serial)),
            ("/tmp/pty", None, Some(Transport::Serial)),
            ("/dev/usb/hiddev0", Some("productid"), Some(Transport::Usb)),
            ("whatever", Some("vendorid"), Some(Transport::Usb)),
            ("whatever", Some("offdelay"), None),
            ("ups.example:4001", None, Some(Transport::Stream)),
            ("", None, None),
        ] {
            assert_eq!(
                super::look(&section(port, option)),
                look,
                "{port} {option:?}"
            );
        }
    }

    #[test]
    fn a_plugin_for_agents_sees_no_key() {
        let text = "[a]\n driver = fake\n port = 192.0.2.7\n mibs = ietf\n community = one-secret\n snmp_version = v3\n\
            secLevel = authPriv\n secName = nut\n authPassword = two-secret\n PRIVPASSWORD = three-secret\n snmp_retries = 2\n";
        let (conf, _) = husk_core::conf::ups::parse("ups.conf", text.as_bytes());
        let fake = Fake::new("fake", "1", Script::default()).over(Transport::Snmp, "agent");
        let known = Known {
            driver: Arc::new(fake),
            origin: Origin::Bundled,
            trusted: true,
        };
        let around = Around {
            config_dir: Path::new("/"),
            modem_lines: true,
            writes: Writes::default(),
        };
        let place = Place::of(&conf.sections[0], &known, &around).unwrap();
        assert_eq!(place.grant.transport, Transport::Snmp);
        assert!(!place.grant.modem_lines);
        let settings = place.settings(&conf.sections[0]);
        let names: Vec<&str> = settings.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["port", "mibs", "driver"]);

        let mut bad = conf.sections[0].clone();
        bad.port = "ssh:x".to_owned();
        bad.options.retain(|option| option.name != "authPassword");
        let reason = Place::of(&bad, &known, &around).unwrap_err();
        assert!(
            reason.contains("ssh:") && reason.contains("authPassword"),
            "{reason}"
        );
        assert!(!reason.contains("-secret"), "{reason}");
    }

    #[tokio::test]
    async fn of_a_file_grant_the_neighbours_cannot_be_seen() {
        let dir = std::env::temp_dir().join(format!("husk-place-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("lab.dev"), "ups.status: OL\n").unwrap();
        std::fs::write(dir.join("upsd.users"), "secret").unwrap();
        let inner = husk_ports::files::open(&dir).await.unwrap();
        let one = OneFile {
            inner,
            name: "lab.dev".to_owned(),
        };
        assert_eq!(one.read("lab.dev").await, Ok(b"ups.status: OL\n".to_vec()));
        assert_eq!(one.read("upsd.users").await, Err(IoError::Denied));
        assert_eq!(one.modified_ms("upsd.users").await, Err(IoError::Denied));
        assert_eq!(one.names().await, Ok(vec!["lab.dev".to_owned()]));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
