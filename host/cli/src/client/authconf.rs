//! nutauth.conf: accounts and TLS settings of the client programs, by server.
//!
//! Sections are named `[user@host:port]`, `[user@host]`, `[@host:port]`, `[@host]` or `[host]`; `[]` and
//! `[_global_defaults]`, and what stands before any section, hold for all. The section that says most wins and inherits the
//! rest. INCLUDE is refused, not skipped: half a file is a wrong file. Source: NUT 2.8.6's description of the file.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use husk_core::conf::lexer::{Event, Lexer, Word};
use husk_core::proto::client::Target;

use super::Security;

const FILE: &str = "nutauth.conf";

/// What the file knows about one server. No `Debug`: there is a password in it.
#[derive(Default)]
pub(crate) struct Account {
    /// The user to be.
    pub(crate) user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// What TLS must prove.
    pub security: Security,
}

/// What the configured file says about `target`. `option` is `-A`: a file, `default` (there must be one) or `none`.
///
/// # Errors
/// The file cannot be read or understood, as a sentence.
pub(crate) fn find(
    option: Option<&str>,
    user: Option<&str>,
    target: &Target,
) -> Result<Account, String> {
    let path = match option {
        Some("none") => return Ok(Account::default()),
        Some("default") => Some(search().ok_or_else(|| format!("Error: no {FILE} found"))?),
        Some(path) => Some(PathBuf::from(path)),
        None => search(),
    };
    let Some(path) = path else {
        return Ok(Account::default());
    };
    let text = fs::read(&path)
        .map_err(|error| format!("Error: {}: {}", path.display(), super::reason(&error)))?;
    select(&text, user, target)
        .map_err(|(line, why)| format!("Error: {}:{line}: {why}", path.display()))
}

/// The first file there is, in NUT's order.
fn search() -> Option<PathBuf> {
    if let Some(path) = env::var_os("NUT_AUTHCONF_FILE") {
        return Some(path.into());
    }
    let directory = |name: &str| env::var_os(name).map(PathBuf::from);
    let home = directory("HOME");
    let places = [
        directory("NUT_AUTHCONF_PATH").map(|path| path.join(FILE)),
        home.as_ref()
            .map(|home| home.join(".config/nut").join(FILE)),
        home.map(|home| home.join(".nutauth.conf")),
        directory("NUT_CONFPATH").map(|path| path.join(FILE)),
        Some(Path::new("/etc/nut").join(FILE)),
    ];
    places.into_iter().flatten().find(|path| path.is_file())
}

type Mistake = (u32, String);

fn select(text: &[u8], user: Option<&str>, target: &Target) -> Result<Account, Mistake> {
    let mut settings = Vec::new();
    let mut worth = Some(0);
    for words in lines(text)? {
        let Some(first) = words.first() else { continue };
        let header = first
            .text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match (header, words.as_slice()) {
            (Some(name), [_]) => worth = fits(name, user, target),
            (None, [key, value]) => settings.push((worth, key.clone(), value.text.clone())),
            (None, [key, equals, value]) if equals.text == "=" => {
                settings.push((worth, key.clone(), value.text.clone()));
            }
            _ => return Err((first.line, "expected KEY = VALUE or [section]".to_owned())),
        }
    }
    // Better sections come later and overwrite; the order within one is kept.
    settings.sort_by_key(|&(worth, ..)| worth);
    let mut account = Account::default();
    for (worth, key, value) in settings {
        // What is said of other servers is read too, for its mistakes.
        let mut other = Account::default();
        let about = if worth.is_some() {
            &mut account
        } else {
            &mut other
        };
        apply(about, &key.text, value).map_err(|why| (key.line, why))?;
    }
    Ok(account)
}

fn apply(account: &mut Account, key: &str, value: String) -> Result<(), String> {
    let security = &mut account.security;
    match key.to_ascii_uppercase().as_str() {
        "USER" | "USERNAME" => account.user = Some(value),
        "PASS" | "PASSWORD" => account.password = Some(value),
        "CERTPATH" => security.roots = Some(value.into()),
        "CERTFILE" => security.identity = Some(value.into()),
        "CERTHOST" => security.name = Some(value),
        "CERTVERIFY" => security.verify = truth(&value)?,
        "FORCESSL" => security.force = truth(&value)?,
        // Which library NUT is to use, and the key's password for it: a key here has none.
        "SSLBACKEND" | "CERTIDENT_NAME" | "CERTIDENT_PASS" => {}
        "INCLUDE" | "INCLUDE_REQUIRED" => return Err("files cannot include others here".to_owned()),
        _ => return Err(format!("unknown keyword {key}")),
    }
    Ok(())
}

fn truth(word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "1" | "yes" | "on" | "true" => Ok(true),
        "0" | "no" | "off" | "false" | "-1" => Ok(false),
        _ => Err(format!("expected yes or no, not {word}")),
    }
}

/// How much a section's name says about the server; `None` if it is about another.
fn fits(name: &str, user: Option<&str>, target: &Target) -> Option<u8> {
    if name.is_empty() || name == "_global_defaults" {
        return Some(0);
    }
    let (named, server) = name.split_once('@').unwrap_or(("", name));
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !server.ends_with(']') => (host, Some(port)),
        _ => (server, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let wrong_user = !named.is_empty() && user != Some(named);
    let wrong_port = port.is_some_and(|port| port.parse() != Ok(target.server.port));
    if wrong_user || wrong_port || !host.eq_ignore_ascii_case(&target.server.host) {
        return None;
    }
    Some(1 + u8::from(port.is_some()) + 2 * u8::from(!named.is_empty()))
}

fn lines(text: &[u8]) -> Result<Vec<Vec<Word>>, Mistake> {
    let mut lexer = Lexer::new();
    let mut lines = Vec::new();
    let mut line = 1;
    for &byte in text.iter().chain(b"\n") {
        match lexer.push(byte) {
            Event::Nothing => {}
            Event::Line(words) => lines.push(words),
            Event::Error { message, .. } => return Err((line, message.to_owned())),
        }
        line += u32::from(byte == b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = "
FORCESSL = no
[admin@box:4000]
  PASS = \"most specific\"
[@box]
  user = monitor
  password = p1
  CERTVERIFY = yes
  CERTPATH = /ca.pem
[other]
  PASS = wrong
  FORCESSL = on
[[::1]]
  PASS = six
";

    fn account(user: Option<&str>, target: &str) -> Account {
        let target = Target::parse(target).unwrap();
        select(TEXT.as_bytes(), user, &target).ok().unwrap()
    }

    #[test]
    fn the_section_that_says_most_wins_and_inherits() {
        let best = account(Some("admin"), "ups@box:4000");
        assert_eq!(best.password.as_deref(), Some("most specific"));
        assert_eq!(best.user.as_deref(), Some("monitor"));
        assert!(best.security.verify && !best.security.force);
        assert_eq!(best.security.roots, Some("/ca.pem".into()));
        assert_eq!(account(None, "ups@BOX").password.as_deref(), Some("p1"));
        assert_eq!(account(None, "ups@[::1]").password.as_deref(), Some("six"));
        let none = account(None, "ups");
        assert_eq!((none.user, none.password), (None, None));
        assert_eq!(none.security, Security::default());
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let target = Target::parse("ups").unwrap();
        for (text, line, why) in [
            ("\nPASS = a b\n", 2, "expected KEY = VALUE or [section]"),
            ("[x]\nPAS = a\n", 2, "unknown keyword PAS"),
            ("FORCESSL = maybe\n", 1, "expected yes or no, not maybe"),
            ("INCLUDE other\n", 1, "files cannot include others here"),
        ] {
            let mistake = select(text.as_bytes(), None, &target).err();
            assert_eq!(mistake, Some((line, why.to_owned())));
        }
    }
}
