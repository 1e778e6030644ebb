//! `husk tls init`: a private authority, a server certificate of it, and the lines that make server and clients use them.
//!
//! Refuses to overwrite an authority: all clients would have to be told anew. A new server certificate of the same
//! authority is `--renew`. Private keys are readable by their owner alone, from the moment they exist.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use husk_server::config::Config;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};

use crate::serve;

const HELP: &str = "
usage: husk tls init [--config DIR] [--name HOST]... [--out DIR] [--renew]

Makes a private authority and a certificate for this server, and prints what to put into upsd.conf here
and into upsmon.conf on every client.

  --config DIR  directory of upsd.conf (default: $NUT_CONFPATH, else /etc/nut)
  --name HOST   a name or address by which clients reach this server; may be repeated. The host name,
                localhost and the addresses of LISTEN are in the certificate anyway
  --out DIR     where the files go (default: tls in the configuration directory)
  --renew       a new certificate and key of the authority that is there
";

/// The authority lasts as long as the machines that trust it.
const AUTHORITY: Duration = Duration::from_secs(3653 * DAY);
/// The longest life of a server certificate that common verifiers take.
const SERVER: Duration = Duration::from_secs(825 * DAY);
const DAY: u64 = 24 * 60 * 60;
/// Before the names in server.pem, for its renewal; readers of PEM skip what is around the blocks.
const NOTE: &str = "# for: ";
/// What holds a key is for its owner alone; the authority's certificate is for everybody who has to trust it.
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;
/// Names in a certificate.
const NAMES: usize = 100;

/// Runs `husk tls` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    match parse(words) {
        Ok(Some(asked)) => match init(&asked) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(reason) => {
                eprintln!("husk tls init: {reason}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("husk tls: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

#[derive(Default)]
struct Asked {
    config: Option<PathBuf>,
    names: Vec<String>,
    out: Option<PathBuf>,
    renew: bool,
}

fn parse(words: Vec<OsString>) -> Result<Option<Asked>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(words);
    let mut asked = Asked::default();
    let mut init = false;
    while let Some(option) = parser.next()? {
        match option {
            Value(word) if word == "init" && !init => init = true,
            Long("config") => asked.config = Some(parser.value()?.into()),
            Long("name") => asked.names.push(parser.value()?.string()?),
            Long("out") => asked.out = Some(parser.value()?.into()),
            Long("renew") => asked.renew = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    match init {
        true => Ok(Some(asked)),
        false => Err("there is nothing but `husk tls init`".into()),
    }
}

fn init(asked: &Asked) -> Result<String, String> {
    let source = serve::source(asked.config.clone(), false);
    let listen = Config::examine(&source).upsd.listen;
    let out = asked.out.clone().unwrap_or_else(|| source.dir.join("tls"));
    let out = std::path::absolute(&out).map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_err(|_| "the clock of this machine is before 1970")?;
    let files = Files::new(&out);
    let mut given = asked.names.clone();
    if asked.renew {
        given.extend(files.names());
    }
    let names = names(&given, &listen)?;
    let authority = match asked.renew {
        true => files.authority(now)?,
        false => files.new_authority(now)?,
    };
    let (pem, until) = authority.server(&names, now).map_err(refused)?;
    write(&files.server, &pem, SECRET, asked.renew).map_err(|error| told(&files.server, &error))?;
    Ok(advice(&files, &names, &until))
}

/// Every name once, the host name first.
fn names(given: &[String], listen: &[(String, u16)]) -> Result<Vec<String>, String> {
    let own = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = own.trim();
    // A wildcard is no address of anybody.
    let listen = listen.iter().map(|(host, _)| host.as_str());
    let concrete = listen.filter(|host| !matches!(*host, "0.0.0.0" | "::0" | "::"));
    let all = given.iter().map(String::as_str);
    let all = all.chain([own]).chain(concrete);
    let mut names: Vec<String> = Vec::new();
    for name in all.chain(["localhost", "127.0.0.1", "::1"]) {
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        if !name.chars().all(letters) {
            return Err(format!("`{name}` is neither a host name nor an address"));
        }
        if !name.is_empty() && name != "(none)" && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    match names.len() {
        0..=NAMES => Ok(names),
        _ => Err(format!("a certificate here has at most {NAMES} names")),
    }
}

struct Files {
    directory: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    server: PathBuf,
}

impl Files {
    fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            certificate: directory.join("ca.pem"),
            key: directory.join("ca.key"),
            server: directory.join("server.pem"),
        }
    }

    fn new_authority(&self, now: Duration) -> Result<Authority, String> {
        for file in [&self.certificate, &self.key, &self.server] {
            if file.exists() {
                return Err(format!(
                    "{} is there already; --renew makes a new server certificate of the same authority",
                    file.display()
                ));
            }
        }
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o755)
            .create(&self.directory)
            .map_err(|error| told(&self.directory, &error))?;
        let key = KeyPair::generate().map_err(refused)?;
        write(&self.key, &key.serialize_pem(), SECRET, false)
            .map_err(|error| told(&self.key, &error))?;
        let params = Authority::params(&key, now);
        let certificate = params.self_signed(&key).map_err(refused)?.pem();
        write(&self.certificate, &certificate, PUBLIC, false)
            .map_err(|error| told(&self.certificate, &error))?;
        Ok(Authority {
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// The names of the certificate there is.
    fn names(&self) -> Vec<String> {
        let pem = fs::read_to_string(&self.server).unwrap_or_default();
        let note = pem.lines().find_map(|line| line.strip_prefix(NOTE));
        let names = note.unwrap_or_default().split_whitespace();
        names.map(str::to_owned).collect()
    }

    fn authority(&self, now: Duration) -> Result<Authority, String> {
        let read = |file: &Path| fs::read_to_string(file).map_err(|error| told(file, &error));
        let certificate = read(&self.certificate)?;
        let key = KeyPair::from_pem(&read(&self.key)?)
            .map_err(|error| format!("{}: {error}", self.key.display()))?;
        Ok(Authority {
            issuer: Issuer::new(Authority::params(&key, now), key),
            certificate,
        })
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// The same for the same key: whoever has the key can go on issuing. The name tells the authorities of several servers
    /// apart.
    fn params(key: &KeyPair, now: Duration) -> CertificateParams {
        let digest = Sha256::digest(key.public_key_raw());
        let mark: String = digest
            .iter()
            .take(4)
            .fold(String::new(), |mark, byte| format!("{mark}{byte:02x}"));
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let subject = format!("Husk authority {mark}");
        params.distinguished_name.push(DnType::CommonName, subject);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        limit(&mut params, now, AUTHORITY);
        params
    }

    /// Certificate, chain and key in the layout of CERTFILE, and the last day of it.
    fn server(&self, names: &[String], now: Duration) -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        let first = names.first().map_or("localhost", String::as_str);
        params.distinguished_name.push(DnType::CommonName, first);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit(&mut params, now, SERVER);
        let until = params.not_after.date().to_string();
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        let (names, key) = (names.join(" "), key.serialize_pem());
        let pem = format!("{NOTE}{names}\n{certificate}{}{key}", self.certificate);
        Ok((pem, until))
    }
}

/// Valid from a day ago, for clients whose clock is behind.
fn limit(params: &mut CertificateParams, now: Duration, life: Duration) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_secs(now.as_secs());
    params.not_before = epoch + now.saturating_sub(Duration::from_secs(DAY));
    params.not_after = epoch + now + life;
}

/// Writes a file for its owner alone; one that is there is replaced whole, or left.
fn write(path: &Path, text: &str, mode: u32, replace: bool) -> io::Result<()> {
    let new = match replace {
        true => path.with_extension("new"),
        false => path.to_owned(),
    };
    if replace && new.exists() {
        // Left behind by an attempt that was cut off.
        fs::remove_file(&new)?;
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    match replace {
        true => fs::rename(&new, path),
        false => Ok(()),
    }
}

fn refused(error: rcgen::Error) -> String {
    format!("cannot make a certificate: {error}")
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// What to do with the files.
fn advice(files: &Files, names: &[String], until: &str) -> String {
    let (server, authority) = (files.server.display(), files.certificate.display());
    let first = names.first().map_or("localhost", String::as_str);
    let mut text = String::new();
    // Writing into a String does not fail.
    let _ = write!(
        text,
        "\
# Made in {directory}: server.pem (certificate and key, valid until {until}), ca.pem and ca.key.
# The server's user must be able to read server.pem. Keep ca.key away from everybody, best off this machine.
# Names in the certificate: {names}

# upsd.conf on this machine, then reload:
CERTFILE \"{server}\"
DISABLE_WEAK_SSL true

# upsmon.conf on every client, which gets a copy of ca.pem (here: {authority}).
# The host in its MONITOR line must be one of the names above.
CERTPATH \"{authority}\"
CERTVERIFY 1
FORCESSL 1

# Where upsmon is built with NSS, as Debian's is, CERTPATH is a database directory instead:
#   mkdir -p /etc/nut/nss && certutil -N -d sql:/etc/nut/nss --empty-password
#   certutil -A -d sql:/etc/nut/nss -n husk -t CT,, -i ca.pem
# CERTPATH \"/etc/nut/nss\"
# CERTHOST {first} \"{first}\" 1 1
",
        directory = files.directory.display(),
        names = names.join(" "),
    );
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_name_is_there_once_and_wildcards_are_not() {
        let given = ["ups.example.org".to_owned(), "192.0.2.1".to_owned()];
        let listen = ["0.0.0.0", "::0", "192.0.2.1", "127.0.0.1"].map(|host| (host.to_owned(), 1));
        let names = names(&given, &listen).unwrap();
        assert_eq!(names.first().unwrap(), "ups.example.org");
        for (name, count) in [
            ("192.0.2.1", 1),
            ("127.0.0.1", 1),
            ("::1", 1),
            ("0.0.0.0", 0),
        ] {
            let found = names.iter().filter(|known| *known == name).count();
            assert_eq!(found, count, "{name}");
        }
        assert!(super::names(&["two words".to_owned()], &[]).is_err());
    }

    #[test]
    fn an_authority_read_again_is_the_same_issuer() {
        let key = KeyPair::generate().unwrap();
        let now = Duration::from_secs(1_800_000_000);
        let params = Authority::params(&key, now);
        let again = KeyPair::from_pem(&key.serialize_pem()).unwrap();
        let later = Authority::params(&again, now + SERVER);
        assert_eq!(params.distinguished_name, later.distinguished_name);
        let authority = Authority {
            certificate: params.self_signed(&key).unwrap().pem(),
            issuer: Issuer::new(params, key),
        };
        let (pem, until) = authority.server(&["a".to_owned()], now).unwrap();
        assert_eq!(pem.matches("BEGIN").count(), 3);
        assert_eq!(until, "2029-04-19");
    }
}
