//! What a section of ups.conf says about its agent: where, and in whose name. NUT's options, net-snmp's addresses.
//!
//! All that is wrong is told at once, without the secrets. Refuses what it cannot do (DTLS, SSH, Unix sockets).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use husk_wire::snmp::{Oid, SnmpVersion};

use super::crypto::{Auth, Key, Privacy};
use crate::limits;

/// The options of a section that are the host's: none of them is shown to a plugin.
pub const OPTIONS: [&str; 10] = [
    "community",
    "snmp_version",
    "snmp_retries",
    "snmp_timeout",
    "secLevel",
    "secName",
    "authPassword",
    "privPassword",
    "authProtocol",
    "privProtocol",
];

/// Where agents listen (RFC 3417 §3.2).
const PORT: u16 = 161;
/// Bytes of a password that version 3 asks for at least (RFC 3414 §11.2).
const SHORTEST: usize = 8;

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A datagram each.
    Udp,
    /// One after the other.
    Tcp,
}

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The first.
    Any,
    /// The first of IP version 4.
    V4,
    /// The first of IP version 6.
    V6,
}

/// Where an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How to get there.
    pub carrier: Carrier,
    /// By which kind of address.
    pub family: Family,
    /// A name or an address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// Reads `host`, `host:port`, `[v6]`, `[v6]:port`, a bare v6 address, each perhaps behind `udp:`, `udp6:`, `tcp:`,
    /// `tcp6:` and their net-snmp spellings.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        const CARRIERS: [(&str, Carrier, Family); 9] = [
            ("udp:", Carrier::Udp, Family::V4),
            ("udp6:", Carrier::Udp, Family::V6),
            ("udpv6:", Carrier::Udp, Family::V6),
            ("udpipv6:", Carrier::Udp, Family::V6),
            ("tcp:", Carrier::Tcp, Family::V4),
            ("tcp6:", Carrier::Tcp, Family::V6),
            ("tcpv6:", Carrier::Tcp, Family::V6),
            ("tcpipv6:", Carrier::Tcp, Family::V6),
            ("ipv6:", Carrier::Udp, Family::V6),
        ];
        const OTHERS: [&str; 5] = ["dtlsudp:", "tlstcp:", "ssh:", "unix:", "ipx:"];
        let lower = text.to_ascii_lowercase();
        if let Some(other) = OTHERS.iter().find(|other| lower.starts_with(**other)) {
            return Err(format!("port = {text}: SNMP over {other} is not spoken"));
        }
        let carrier = CARRIERS.iter().find(|(name, ..)| lower.starts_with(name));
        let (rest, carrier, family) = match carrier {
            Some((name, carrier, family)) => (&text[name.len()..], *carrier, *family),
            None => (text, Carrier::Udp, Family::Any),
        };
        let (host, port) = host_and_port(rest)
            .ok_or_else(|| format!("port = {text} is neither host, host:port nor [v6]:port"))?;
        Ok(Self {
            carrier,
            family,
            host: host.to_owned(),
            port,
        })
    }
}

fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let number = |port: &str| port.parse().ok().filter(|port| *port != 0);
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = match port {
            "" => PORT,
            port => number(port.strip_prefix(':')?)?,
        };
        return (!host.is_empty()).then_some((host, port));
    }
    let (host, port) = match text.split_once(':') {
        // Without brackets nobody can tell where a v6 address ends, so it has no port.
        Some((_, rest)) if rest.contains(':') => (text, PORT),
        Some((host, port)) => (host, number(port)?),
        None => (text, PORT),
    };
    let plausible = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
    plausible.then_some((host, port))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.carrier == Carrier::Tcp {
            f.write_str("tcp:")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A user of version 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// secName.
    pub name: Vec<u8>,
    /// How its messages are authenticated, if they are, and the password.
    pub auth: Option<(Auth, Key)>,
    /// How its messages are encrypted, if they are, and the password.
    pub privacy: Option<(Privacy, Key)>,
}

/// In whose name the agent is asked.
#[derive(Clone, PartialEq, Eq)]
pub enum Security {
    /// Version 1 or 2c.
    Community(SnmpVersion, Vec<u8>),
    /// Version 3.
    User(User),
}

impl fmt::Debug for Security {
    /// Without the community.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Community(version, _) => write!(f, "Community({version:?}, ..)"),
            Self::User(user) => user.fmt(f),
        }
    }
}

/// Which objects may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writes {
    /// None.
    ReadOnly,
    /// Those below these.
    Below(Vec<Oid>),
}

impl Default for Writes {
    /// What a maker has defined, RFC 1628, and the agent's contact, name and location. Not its interfaces, addresses, users
    /// and communities: a driver for UPSes has no business there.
    fn default() -> Self {
        const SUBTREES: [&[u32]; 5] = [
            &[1, 3, 6, 1, 4, 1],
            &[1, 3, 6, 1, 2, 1, 33],
            &[1, 3, 6, 1, 2, 1, 1, 4],
            &[1, 3, 6, 1, 2, 1, 1, 5],
            &[1, 3, 6, 1, 2, 1, 1, 6],
        ];
        let oids = SUBTREES
            .iter()
            .filter_map(|ids| Oid::new(ids.to_vec()).ok());
        Self::Below(oids.collect())
    }
}

impl Writes {
    /// Whether an object may be written. One whose first numbers BER cannot carry (X.690 §8.19.4) would be sent as another.
    #[must_use]
    pub fn allow(&self, oid: &Oid) -> bool {
        let is_sent_as_it_is = matches!(oid.as_slice(), [0 | 1, ..=39, ..] | [2, _, ..]);
        match self {
            Self::ReadOnly => false,
            Self::Below(_) if !is_sent_as_it_is => false,
            Self::Below(subtrees) => subtrees.iter().any(|subtree| oid.starts_with(subtree)),
        }
    }
}

/// Everything about one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it is.
    pub endpoint: Endpoint,
    /// In whose name it is asked.
    pub security: Security,
    /// Tries after the first.
    pub retries: u32,
    /// How long each try waits.
    pub timeout: Duration,
    /// What may be written.
    pub writes: Writes,
}

impl Config {
    /// Reads a section's options; names without regard to case, as NUT does for most of them.
    ///
    /// # Errors
    /// A sentence for each that is wrong. None holds a secret.
    pub fn new<'a>(
        port: &str,
        options: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        writes: Writes,
    ) -> Result<Self, Vec<String>> {
        let given = |name: &str| {
            let mut options = options.clone();
            options
                .find(|(option, _)| option.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        let mut wrong = Vec::new();
        let mut note = |outcome: Result<(), String>| wrong.extend(outcome.err());
        let mut endpoint = None;
        note(Endpoint::parse(port).map(|good| endpoint = Some(good)));
        let (mut retries, mut seconds) = (5, 1.0);
        note(
            number(&given, "snmp_retries", limits::SNMP_RETRIES).map(|n| retries = n.unwrap_or(5)),
        );
        note(timeout(&given).map(|value| seconds = value.unwrap_or(1.0)));
        let mut security = None;
        note(security_of(&given).map(|good| security = Some(good)));
        match (endpoint, security) {
            (Some(endpoint), Some(security)) if wrong.is_empty() => Ok(Self {
                endpoint,
                security,
                retries,
                timeout: Duration::from_secs_f64(seconds),
                writes,
            }),
            _ => Err(wrong),
        }
    }

    /// Which SNMP is spoken.
    #[must_use]
    pub fn version(&self) -> SnmpVersion {
        match &self.security {
            Security::Community(version, _) => *version,
            Security::User(_) => SnmpVersion::V3,
        }
    }
}

fn number<'a, T: FromStr + PartialOrd + fmt::Display>(
    given: &impl Fn(&str) -> Option<&'a str>,
    name: &str,
    most: T,
) -> Result<Option<T>, String> {
    let Some(text) = given(name) else {
        return Ok(None);
    };
    let number = text.trim().parse().ok().filter(|number| *number <= most);
    number
        .map(Some)
        .ok_or_else(|| format!("{name} = {text} is not a number from 0 to {most}"))
}

/// NUT takes whole seconds; a fraction helps in a local network.
fn timeout<'a>(given: &impl Fn(&str) -> Option<&'a str>) -> Result<Option<f64>, String> {
    let most = limits::SNMP_TIMEOUT.as_secs();
    let seconds = number(given, "snmp_timeout", most as f64)?;
    match seconds {
        Some(seconds) if seconds < 0.05 => Err(format!(
            "snmp_timeout is not a number of seconds from 0.05 to {most}"
        )),
        seconds => Ok(seconds),
    }
}

fn security_of<'a>(given: &impl Fn(&str) -> Option<&'a str>) -> Result<Security, String> {
    let community = || given("community").unwrap_or("public").as_bytes().to_vec();
    match given("snmp_version")
        .unwrap_or("v1")
        .to_ascii_lowercase()
        .as_str()
    {
        "v1" | "1" => Ok(Security::Community(SnmpVersion::V1, community())),
        "v2c" | "v2" | "2c" | "2" => Ok(Security::Community(SnmpVersion::V2c, community())),
        "v3" | "3" => user(given).map(Security::User),
        other => Err(format!("snmp_version = {other} is not v1, v2c or v3")),
    }
}

fn user<'a>(given: &impl Fn(&str) -> Option<&'a str>) -> Result<User, String> {
    let name = given("secName").unwrap_or_default();
    if name.is_empty() || name.len() > 32 {
        return Err("snmp_version = v3 needs secName, 1 to 32 bytes".to_owned());
    }
    let level = given("secLevel").unwrap_or("noAuthNoPriv");
    let (authenticates, encrypts) = match level.to_ascii_lowercase().as_str() {
        "noauthnopriv" => (false, false),
        "authnopriv" => (true, false),
        "authpriv" => (true, true),
        _ => {
            return Err(format!(
                "secLevel = {level} is not noAuthNoPriv, authNoPriv or authPriv"
            ));
        }
    };
    let name = name.as_bytes().to_vec();
    if !authenticates {
        return Ok(User {
            name,
            auth: None,
            privacy: None,
        });
    }
    let auth = named(given, "authProtocol", "MD5", &Auth::NAMES)?;
    let auth_password = password(given, "authPassword", level)?;
    let privacy = match encrypts {
        true => {
            let privacy = named(given, "privProtocol", "DES", &Privacy::NAMES)?;
            Some((privacy, password(given, "privPassword", level)?))
        }
        false => None,
    };
    Ok(User {
        name,
        auth: Some((auth, auth_password)),
        privacy,
    })
}

fn password<'a>(
    given: &impl Fn(&str) -> Option<&'a str>,
    name: &str,
    level: &str,
) -> Result<Key, String> {
    match given(name) {
        Some(password) if password.len() >= SHORTEST => Ok(Key(password.as_bytes().to_vec())),
        Some(_) => Err(format!("{name} has fewer than {SHORTEST} characters")),
        None => Err(format!("secLevel = {level} needs {name}")),
    }
}

fn named<'a, T: Copy>(
    given: &impl Fn(&str) -> Option<&'a str>,
    option: &str,
    usual: &str,
    names: &[(&str, T)],
) -> Result<T, String> {
    let word = given(option).unwrap_or(usual);
    let known = names
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    known.map(|(_, what)| *what).ok_or_else(|| {
        let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("{option} = {word} is not one of {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_read_as_net_snmp_reads_them() {
        for (text, expected) in [
            ("ups.example", "ups.example:161"),
            ("192.0.2.7:1161", "192.0.2.7:1161"),
            ("udp:192.0.2.7", "192.0.2.7:161"),
            ("udp6:[2001:db8::7]:1161", "[2001:db8::7]:1161"),
            ("udp6:2001:db8::7", "[2001:db8::7]:161"),
            ("[::1]", "[::1]:161"),
            ("::1", "[::1]:161"),
            ("TCP:ups:1161", "tcp:ups:1161"),
        ] {
            assert_eq!(
                Endpoint::parse(text).unwrap().to_string(),
                expected,
                "{text}"
            );
        }
        for bad in [
            "",
            "ups:",
            "ups:0",
            "ups:x",
            "[::1",
            "[]:161",
            "/dev/ttyS0",
            "a b",
            "dtlsudp:x",
            "unix:/x",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    fn config(options: &[(&'static str, &'static str)]) -> Result<Config, Vec<String>> {
        Config::new("ups", options.iter().copied(), Writes::default())
    }

    #[test]
    fn nuts_defaults_hold() {
        let config = config(&[]).unwrap();
        let public = Security::Community(SnmpVersion::V1, b"public".to_vec());
        assert_eq!(config.security, public);
        assert_eq!(
            (config.retries, config.timeout),
            (5, Duration::from_secs(1))
        );
        assert!(!format!("{config:?}").contains("112"));
    }

    #[test]
    fn a_user_has_the_keys_its_level_asks_for() {
        let levels = [
            ("noAuthNoPriv", false, false),
            ("authNoPriv", true, false),
            ("authPriv", true, true),
        ];
        for (level, auth, privacy) in levels {
            let config = config(&[
                ("snmp_version", "v3"),
                ("secName", "nut"),
                ("secLevel", level),
                ("authpassword", "correct horse"),
                ("privPassword", "battery staple"),
                ("authProtocol", "sha256"),
                ("privProtocol", "AES"),
            ]);
            let config = config.unwrap();
            assert!(!format!("{config:?}").contains("horse"));
            let Security::User(user) = config.security else {
                panic!("a community")
            };
            assert_eq!(
                (user.auth.is_some(), user.privacy.is_some()),
                (auth, privacy)
            );
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_and_no_secret() {
        let wrong = config(&[
            ("snmp_version", "v3"),
            ("secName", "nut"),
            ("secLevel", "authPriv"),
            ("authPassword", "short"),
            ("snmp_retries", "many"),
            ("snmp_timeout", "-1"),
        ]);
        let wrong = wrong.unwrap_err();
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(!wrong.concat().contains("= short"), "{wrong:?}");
        for options in [
            [("snmp_version", "v4"), ("secName", "")],
            [("snmp_version", "v3"), ("secName", "")],
            [("snmp_version", "v3"), ("secLevel", "all")],
        ] {
            assert_eq!(config(&options).unwrap_err().len(), 1);
        }
    }

    #[test]
    fn by_default_no_interface_or_user_is_written() {
        let writes = Writes::default();
        let allowed = |oid: &str| writes.allow(&oid.parse().unwrap());
        assert!(allowed("1.3.6.1.4.1.318.1.1.1.6.2.1.0"));
        assert!(allowed("1.3.6.1.2.1.33.1.8.2.0"));
        assert!(allowed("1.3.6.1.2.1.1.6.0"));
        assert!(!allowed("1.3.6.1.2.1.2.2.1.7.1"), "ifAdminStatus");
        assert!(!allowed("1.3.6.1.6.3.15.1.2.2.1.3"), "usmUserTable");
        // In BER it would be 1.3.6.1.2.1.2.
        let odd = Writes::Below(vec!["0".parse().unwrap()]);
        assert!(!odd.allow(&"0.43.6.1.2.1.2".parse().unwrap()));
        assert!(odd.allow(&"0.3".parse().unwrap()));
        assert!(!Writes::ReadOnly.allow(&"1.3.6.1.4.1.318".parse().unwrap()));
    }
}
