//! upsd.conf: how the server listens and what it tolerates.
//!
//! Nonsense is ignored and pointed at, as upsd does; only the number a value begins with is read, as upsd does.

use std::fmt;
use std::time::Duration;

use super::diag::{Diagnostic, Diagnostics, did_you_mean};
use super::lexer::Word;
use super::reader;

/// NUT's registered TCP port.
pub const PORT: u16 = 3493;

/// The whole file. `None` means not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpsdConf {
    /// `MAXAGE`: silence after which data are stale; default 15 s.
    pub max_age: Duration,
    /// `TRACKINGDELAY`: how long the result of a command is kept; default 3600 s.
    pub tracking_delay: Duration,
    /// `MAXCONN`: connections at a time.
    pub max_conn: Option<usize>,
    /// `STATEPATH`; ups.conf's `statepath` wins.
    pub state_path: Option<String>,
    /// `DATAPATH`: where cmdvartab lives.
    pub data_path: Option<String>,
    /// `LISTEN` addresses in file order, `*` expanded; empty: listen on loopback, see [`UpsdConf::listeners`].
    pub listen: Vec<(String, u16)>,
    /// `ALLOW_NO_DEVICE`: serve without any UPS.
    pub allow_no_device: bool,
    /// `ALLOW_NOT_ALL_LISTENERS`: serve although an address could not be bound.
    pub allow_not_all_listeners: bool,
    /// `CERTFILE`: PEM with chain and key.
    pub cert_file: Option<String>,
    /// `CERTPATH`: authorities for client certificates.
    pub cert_path: Option<String>,
    /// `CERTIDENT`: certificate name and key password.
    pub cert_ident: Option<CertIdent>,
    /// `CERTREQUEST`.
    pub cert_request: CertRequest,
    /// `DISABLE_WEAK_SSL`: nothing below TLS 1.2 (Husk speaks nothing older anyway).
    pub disable_weak_ssl: bool,
    /// `DEBUG_MIN`.
    pub debug_min: Option<u8>,
}

/// `CERTIDENT "name" "password"`. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct CertIdent {
    /// Name in the certificate.
    pub name: String,
    /// Password of the key.
    pub password: String,
}

impl fmt::Debug for CertIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertIdent")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Whether clients are asked for a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CertRequest {
    /// Not asked.
    #[default]
    No,
    /// Asked; one that is given must be valid.
    Request,
    /// Must be given.
    Require,
}

impl Default for UpsdConf {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(15),
            tracking_delay: Duration::from_secs(3600),
            max_conn: None,
            state_path: None,
            data_path: None,
            listen: Vec::new(),
            allow_no_device: false,
            allow_not_all_listeners: false,
            cert_file: None,
            cert_path: None,
            cert_ident: None,
            cert_request: CertRequest::No,
            disable_weak_ssl: false,
            debug_min: None,
        }
    }
}

impl UpsdConf {
    /// Where to listen: the `LISTEN` lines, else both loopback addresses.
    pub fn listeners(&self) -> Vec<(String, u16)> {
        if self.listen.is_empty() {
            vec![("::1".into(), PORT), ("127.0.0.1".into(), PORT)]
        } else {
            self.listen.clone()
        }
    }
}

const DIRECTIVES: [&str; 14] = [
    "MAXAGE",
    "TRACKINGDELAY",
    "MAXCONN",
    "STATEPATH",
    "DATAPATH",
    "LISTEN",
    "ALLOW_NO_DEVICE",
    "ALLOW_NOT_ALL_LISTENERS",
    "CERTFILE",
    "CERTPATH",
    "CERTIDENT",
    "CERTREQUEST",
    "DISABLE_WEAK_SSL",
    "DEBUG_MIN",
];
const OBSOLETE: [&str; 3] = ["ACCEPT", "REJECT", "ACL"];

/// Reads a upsd.conf. Never fails: what cannot be used is left at its default and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (UpsdConf, Vec<Diagnostic>) {
    let mut found = Diagnostics::new(file_name, text);
    let mut conf = UpsdConf::default();
    for words in reader::lines(text, &mut found) {
        match words.as_slice() {
            [] => {}
            [name] => {
                let message = format!("`{}` needs a value and is ignored", name.text);
                found.error(name, message, unknown(&name.text));
            }
            [_, equals, ..] if reader::is_equals(equals) => {
                found.error(
                    equals,
                    "this line is ignored: upsd.conf has no `=`",
                    "put a blank in its place",
                );
            }
            [name, value, rest @ ..] => conf.take(name, value, rest, &mut found),
        }
    }
    (conf, found.finish())
}

impl UpsdConf {
    fn take(&mut self, name: &Word, value: &Word, rest: &[Word], found: &mut Diagnostics<'_>) {
        let text = || Some(value.text.clone());
        match name.text.as_str() {
            "MAXAGE" => {
                if let Some(seconds) = number(value, found) {
                    if seconds == 0 {
                        found.warn(
                            value,
                            "with 0 s no data would ever count as fresh; 1 s is used",
                            None,
                        );
                    }
                    self.max_age = Duration::from_secs(seconds.max(1));
                }
            }
            "TRACKINGDELAY" => {
                self.tracking_delay =
                    number(value, found).map_or(self.tracking_delay, Duration::from_secs);
            }
            "MAXCONN" => {
                let count = number(value, found).filter(|&count| count > 0);
                self.max_conn = count.and_then(|count| usize::try_from(count).ok());
            }
            "STATEPATH" => self.state_path = text(),
            "DATAPATH" => self.data_path = text(),
            "LISTEN" => self.listen(value, rest.first(), found),
            "ALLOW_NO_DEVICE" => self.allow_no_device = switch(value, found),
            "ALLOW_NOT_ALL_LISTENERS" => self.allow_not_all_listeners = switch(value, found),
            "CERTFILE" => self.cert_file = text(),
            "CERTPATH" => self.cert_path = text(),
            "CERTIDENT" => match rest.first() {
                Some(password) => {
                    let (name, password) = (value.text.clone(), password.text.clone());
                    self.cert_ident = Some(CertIdent { name, password });
                }
                None => found.error(
                    name,
                    "CERTIDENT needs a name and a password",
                    "\"\" is an empty password",
                ),
            },
            "CERTREQUEST" => match CertRequest::named(&value.text) {
                Some(request) => self.cert_request = request,
                None => {
                    let help = "the values are NO (0), REQUEST (1) and REQUIRE (2)";
                    found.error(
                        value,
                        format!("`{}` is no way to ask for a certificate", value.text),
                        help,
                    );
                }
            },
            "DISABLE_WEAK_SSL" => self.disable_weak_ssl = switch(value, found),
            other if other.eq_ignore_ascii_case("DEBUG_MIN") => {
                self.debug_min =
                    number(value, found).map(|level| u8::try_from(level).unwrap_or(u8::MAX));
            }
            other if OBSOLETE.contains(&other) => {
                let message = format!("`{other}` is no longer supported and ignored");
                found.warn(name, message, "use LISTEN and a firewall");
            }
            other => {
                let message = format!("`{other}` is no directive of upsd.conf and ignored");
                found.error(name, message, unknown(other));
            }
        }
    }

    fn listen(&mut self, address: &Word, port: Option<&Word>, found: &mut Diagnostics<'_>) {
        let port = match port.map(|word| (word, word.text.parse())) {
            None => PORT,
            // 0 is a port of the system's choice, which tests want.
            Some((_, Ok(port))) => port,
            Some((word, _)) => {
                let message = format!("`{}` is no port; this address is left out", word.text);
                found.error(word, message, "write a number from 1 to 65535");
                return;
            }
        };
        let addresses: &[&str] = match address.text.as_str() {
            "*" => &["::0", "0.0.0.0"],
            one => &[one],
        };
        for address in addresses {
            let listener = ((*address).to_owned(), port);
            if !self.listen.contains(&listener) {
                self.listen.push(listener);
            }
        }
    }
}

impl CertRequest {
    fn named(word: &str) -> Option<Self> {
        match word.to_ascii_uppercase().as_str() {
            "0" | "NO" => Some(Self::No),
            "1" | "REQUEST" => Some(Self::Request),
            "2" | "REQUIRE" => Some(Self::Require),
            _ => None,
        }
    }
}

fn unknown(name: &str) -> Option<String> {
    let known = DIRECTIVES.into_iter();
    did_you_mean(name, known.filter(|known| *known != name))
}

/// The number a word begins with.
fn number(value: &Word, found: &mut Diagnostics<'_>) -> Option<u64> {
    let end = value
        .text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.text.len());
    let (digits, rest) = value.text.split_at_checked(end)?;
    let number = digits.parse().ok();
    match number {
        None => found.error(
            value,
            format!("`{}` is no number and is ignored", value.text),
            None,
        ),
        Some(_) if !rest.is_empty() => {
            found.warn(
                value,
                format!("`{}` is read as {digits}", value.text),
                "write the number alone",
            );
        }
        Some(_) => {}
    }
    number
}

/// A truth word; a number other than 0 is one too.
fn switch(value: &Word, found: &mut Diagnostics<'_>) -> bool {
    let number = || value.text.parse::<i64>().map(|number| number != 0).ok();
    reader::truth(&value.text)
        .or_else(number)
        .unwrap_or_else(|| {
            found.error(
                value,
                format!("`{}` is neither yes nor no; taken as no", value.text),
                "write yes or no",
            );
            false
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[track_caller]
    fn check(text: &str, complaints: &[&str]) -> UpsdConf {
        let (conf, found) = parse("upsd.conf", text.as_bytes());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), complaints.len(), "{found:#?}");
        for (found, complaint) in found.iter().zip(complaints) {
            assert!(found.contains(complaint), "{found} lacks {complaint}");
        }
        conf
    }

    #[test]
    fn nothing_said_is_the_default() {
        let conf = check("# MAXAGE 1\n\n", &[]);
        assert_eq!(conf, UpsdConf::default());
        assert_eq!(
            conf.listeners(),
            [("::1".to_owned(), 3493), ("127.0.0.1".to_owned(), 3493)]
        );
    }

    #[test]
    fn every_directive_is_understood() {
        let conf = check(
            "MAXAGE 20\nTRACKINGDELAY 60\nMAXCONN 1024\nSTATEPATH /run/nut\nDATAPATH \"/usr/share/nut\"\n\
             LISTEN 192.0.2.1 3494\nLISTEN ::1\nALLOW_NO_DEVICE true\nALLOW_NOT_ALL_LISTENERS 1\n\
             CERTFILE /etc/nut/cert.pem\nCERTPATH /etc/nut/ca\nCERTIDENT \"my cert\" \"pw\"\nCERTREQUEST REQUIRE\n\
             DISABLE_WEAK_SSL yes\ndebug_min 3\n",
            &[],
        );
        let expected = UpsdConf {
            max_age: Duration::from_secs(20),
            tracking_delay: Duration::from_secs(60),
            max_conn: Some(1024),
            state_path: Some("/run/nut".into()),
            data_path: Some("/usr/share/nut".into()),
            listen: vec![("192.0.2.1".into(), 3494), ("::1".into(), 3493)],
            allow_no_device: true,
            allow_not_all_listeners: true,
            cert_file: Some("/etc/nut/cert.pem".into()),
            cert_path: Some("/etc/nut/ca".into()),
            cert_ident: Some(CertIdent {
                name: "my cert".into(),
                password: "pw".into(),
            }),
            cert_request: CertRequest::Require,
            disable_weak_ssl: true,
            debug_min: Some(3),
        };
        assert_eq!(conf, expected);
        assert!(!format!("{conf:?}").contains("pw"));
    }

    #[test]
    fn a_star_listens_on_both_families() {
        let conf = check("LISTEN * 1234\nLISTEN 0.0.0.0 1234\n", &[]);
        assert_eq!(
            conf.listeners(),
            [("::0".to_owned(), 1234), ("0.0.0.0".to_owned(), 1234)]
        );
    }

    #[test]
    fn nonsense_is_ignored_and_pointed_at() {
        let conf = check(
            "maxage 3\nMAXAGE\nMAXAGE = 3\nMAXAGE soon\nTRACKINGDELAY 10s\nMAXAGE 0\nLISTEN a 99999\nLISTEN a nut\n\
             ACCEPT x y\nALLOW_NO_DEVICE perhaps\nCERTREQUEST 3\nCERTIDENT x\nFOO bar\n",
            &[
                "1:1: error: `maxage` is no directive",
                "2:1: error: `MAXAGE` needs a value",
                "3:8: error: this line is ignored: upsd.conf has no `=`",
                "4:8: error: `soon` is no number",
                "5:15: warning: `10s` is read as 10",
                "6:8: warning: with 0 s no data",
                "7:10: error: `99999` is no port",
                "8:10: error: `nut` is no port",
                "9:1: warning: `ACCEPT` is no longer supported",
                "10:17: error: `perhaps` is neither",
                "11:13: error: `3` is no way",
                "12:1: error: CERTIDENT needs a name",
                "13:1: error: `FOO` is no directive",
            ],
        );
        assert_eq!(conf.max_age, Duration::from_secs(1));
        assert_eq!(conf.tracking_delay, Duration::from_secs(10));
        assert!(conf.listen.is_empty());
    }

    #[test]
    fn the_nearest_directive_is_named() {
        check("LISTN 127.0.0.1\n", &["did you mean `LISTEN`?"]);
        check("maxage 3\n", &["did you mean `MAXAGE`?"]);
    }
}
