//! nutauth.conf: accounts and TLS settings of the client programs, by server.
//!
//! Sections are named `[user@host:port]`, `[user@host]`, `[@host:port]`, `[@host]` or `[host]`; `[]` and
//! `[_global_defaults]`, and what stands before any section, hold for all. The section that says most wins and inherits the
//! rest. `INCLUDE` reads another file in place, from the including file's directory unless the path is absolute; one that is
//! not there is warned of, with `INCLUDE_REQUIRED` it is an error. Inside a section an included file can only speak of that
//! section; outside it may bring sections of its own, and what follows the INCLUDE still stands where it stood, which is
//! where NUT carries on in the other file's last section. Source: NUT 2.8.6's clients.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use husk_core::conf::lexer::{Event, Lexer, Word};
use husk_core::proto::client::Target;

use husk_tls::Passphrase;

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
    let mut reading = Reading {
        user,
        target,
        settings: Vec::new(),
    };
    reading
        .file(&path, &Section::whole(), 0)
        .and_then(|()| reading.account())
        .map_err(|why| format!("Error: {why}"))
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

/// Files that may include one another in a row, so that a circle ends.
const DEPTH: u8 = 8;

/// What a line is about.
#[derive(Clone)]
struct Section {
    /// Its name, `None` for what holds for all.
    name: Option<String>,
    /// See [`fits`].
    worth: Option<u8>,
}

impl Section {
    fn whole() -> Self {
        Self {
            name: None,
            worth: Some(0),
        }
    }
}

struct Setting {
    worth: Option<u8>,
    key: String,
    value: String,
    /// `file:line`
    place: String,
}

struct Reading<'a> {
    user: Option<&'a str>,
    target: &'a Target,
    settings: Vec<Setting>,
}

impl Reading<'_> {
    /// Reads a file that was included in the section `outer`.
    fn file(&mut self, path: &Path, outer: &Section, depth: u8) -> Result<(), String> {
        let text = fs::read(path)
            .map_err(|error| format!("{}: {}", path.display(), super::reason(&error)))?;
        let mut section = outer.clone();
        let place = |line| format!("{}:{line}", path.display());
        for words in lines(&text).map_err(|(line, why)| format!("{}: {why}", place(line)))? {
            let Some(first) = words.first() else { continue };
            let place = place(first.line);
            let header = first
                .text
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let value = match (header, words.as_slice()) {
                (Some(name), [_]) => {
                    section = self.enter(name, outer, &place);
                    continue;
                }
                // As a switch: on.
                (None, [_]) => "1".to_owned(),
                (None, [_, value]) => value.text.clone(),
                (None, [_, equals, value]) if equals.text == "=" => value.text.clone(),
                _ => return Err(format!("{place}: expected KEY = VALUE or [section]")),
            };
            let key = first.text.clone();
            if !key.to_ascii_uppercase().starts_with("INCLUDE") {
                self.settings.push(Setting {
                    worth: section.worth,
                    key,
                    value,
                    place,
                });
                continue;
            }
            self.include(&key, &path.with_file_name(value), &section, depth)
                .map_err(|why| format!("{place}: {why}"))?;
        }
        Ok(())
    }

    fn enter(&self, name: &str, outer: &Section, place: &str) -> Section {
        let mut worth = fits(name, self.user, self.target);
        if let Some(outer) = outer.name.as_deref().filter(|outer| *outer != name) {
            eprintln!("Warning: {place}: [{name}] is left out of a file included in [{outer}]");
            worth = None;
        }
        Section {
            name: Some(name.to_owned()),
            worth,
        }
    }

    fn include(
        &mut self,
        key: &str,
        path: &Path,
        section: &Section,
        depth: u8,
    ) -> Result<(), String> {
        let required = match key.to_ascii_uppercase().as_str() {
            "INCLUDE" => false,
            "INCLUDE_REQUIRED" => true,
            _ => return Err(format!("unknown keyword {key}")),
        };
        if depth >= DEPTH {
            return Err(format!("more than {DEPTH} files include one another"));
        }
        // Only for a server it is about: another one's file may be somebody else's to read.
        if section.worth.is_none() {
            return Ok(());
        }
        if !required && !path.exists() {
            eprintln!("Warning: {} is not there to include", path.display());
            return Ok(());
        }
        self.file(path, section, depth + 1)
    }

    fn account(mut self) -> Result<Account, String> {
        // Better sections come later and overwrite; the order within one is kept.
        self.settings.sort_by_key(|setting| setting.worth);
        let mut account = Account::default();
        for setting in self.settings {
            // What is said of other servers is read too, for its mistakes.
            let mut other = Account::default();
            let about = match setting.worth {
                Some(_) => &mut account,
                None => &mut other,
            };
            apply(about, &setting.key, setting.value)
                .map_err(|why| format!("{}: {why}", setting.place))?;
        }
        Ok(account)
    }
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
        "CERTIDENT_PASS" => security.passphrase = Passphrase::new(&value),
        // Which library NUT is to use, and which certificate of its database.
        "SSLBACKEND" | "CERTIDENT_NAME" => {}
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

fn lines(text: &[u8]) -> Result<Vec<Vec<Word>>, (u32, String)> {
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
    use std::sync::atomic::{AtomicU32, Ordering};

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

    /// The files in a directory of their own, the first of them read.
    fn select(files: &[(&str, &str)], user: Option<&str>, target: &str) -> Result<Account, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = env::temp_dir().join(format!("husk-nutauth-{}-{number}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
        let first = dir.join(files.first().unwrap().0);
        let found = find(first.to_str(), user, &Target::parse(target).unwrap());
        fs::remove_dir_all(&dir).unwrap();
        let dir = format!("{}/", dir.display());
        found.map_err(|why| why.replace(&dir, ""))
    }

    fn account(user: Option<&str>, target: &str) -> Account {
        select(&[("auth", TEXT)], user, target).ok().unwrap()
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
    fn an_included_file_speaks_where_it_is_included() {
        let files = [
            (
                "first",
                "INCLUDE second\nuser = everybody\n[box]\nINCLUDE third\nINCLUDE nowhere\n\
                 [other]\nINCLUDE_REQUIRED nowhere\n",
            ),
            ("second", "FORCESSL\n[@far]\nPASS = distant\n"),
            (
                "third",
                "PASS = near\n[far]\nUSER = ignored\n[box]\nCERTHOST = b\n",
            ),
        ];
        let near = select(&files, None, "ups@box").ok().unwrap();
        assert_eq!(near.password.as_deref(), Some("near"));
        assert_eq!(near.user.as_deref(), Some("everybody"));
        assert_eq!(near.security.name.as_deref(), Some("b"));
        let far = select(&files, None, "ups@far").ok().unwrap();
        assert_eq!(far.password.as_deref(), Some("distant"));
        assert_eq!(far.user.as_deref(), Some("everybody"));
        assert!(near.security.force && far.security.force);
        let missing = select(&files, None, "ups@other").err().unwrap();
        assert!(
            missing.starts_with("Error: first:7: nowhere: "),
            "{missing}"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, why) in [
            (
                "\nPASS = a b\n",
                "first:2: expected KEY = VALUE or [section]",
            ),
            ("[x]\nPAS = a\n", "first:2: unknown keyword PAS"),
            (
                "FORCESSL = maybe\n",
                "first:1: expected yes or no, not maybe",
            ),
            ("INCLUDES other\n", "first:1: unknown keyword INCLUDES"),
            ("INCLUDE other\n", "other:2: unknown keyword what"),
        ] {
            let files = [("first", text), ("other", "\nwhat = ever\n")];
            let mistake = select(&files, None, "ups").err().unwrap();
            assert_eq!(mistake, format!("Error: {why}"));
        }
        let circle = [("first", "INCLUDE first\n")];
        let mistake = select(&circle, None, "ups").err().unwrap();
        assert!(
            mistake.ends_with("more than 8 files include one another"),
            "{mistake}"
        );
    }
}
