//! husk.toml: what NUT's files have no words for. Optional; every table and key in it is optional too.
//!
//! ```toml
//! [plugins]
//! dirs = ["/usr/lib/husk/plugins"]   # directories of .wasm components, later ones win
//! cache = "/var/cache/husk"          # compiled plugins, writable only for the server's user or root
//! compiler = "/usr/libexec/husk-compile"
//!
//! [listen]
//! plain = "read-only"                # what connections without TLS may do: allow (default), read-only or deny
//! tls = ["192.0.2.1:3494"]           # addresses whose clients begin with TLS instead of STARTTLS
//!
//! [device.rack]                      # a section of ups.conf
//! grant = ["modem-lines"]            # beyond what its port implies
//! record = "rack.trace"              # everything said on the port, relative to the state path
//! read-only = true                   # nothing is written to the device and no command is sent, whoever asks
//! snmp-write = ["1.3.6.1.4.1.318"]   # of an SNMP agent only what is below these may be written
//! program = true                     # run the driver program in driverpath even where there is a plugin of its name
//!
//! [[timer]]                          # upsmon's, see `timers.rs`
//! ```
//! Refuses to guess: an unknown key is pointed at and ignored, a wrong type likewise.

use husk_core::conf::diag::{Diagnostic, Severity};
use husk_core::proto::session::Plain;
use husk_core::sched::Rule;
use husk_ports::snmp::config::Writes;
use husk_ports::snmp::{BadOid, Oid};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

mod timers;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// `[plugins]`
    pub plugins: Plugins,
    /// `[listen]`
    pub listen: Listen,
    /// `[device.NAME]`, by the name of the section in ups.conf.
    pub devices: BTreeMap<String, DeviceExtras>,
    /// `[[timer]]`: for the monitor, not for the server.
    pub timers: Vec<Rule>,
}

impl DeviceExtras {
    /// What may be written of an SNMP agent.
    pub(crate) fn writes(&self) -> Writes {
        match (&self.snmp_write, self.read_only) {
            (_, true) => Writes::ReadOnly,
            (None, _) => Writes::default(),
            (Some(none), _) if none.is_empty() => Writes::ReadOnly,
            (Some(oids), _) => Writes::Below(oids.clone()),
        }
    }
}

impl Extras {
    /// What the device of that name gets, found without regard to case.
    pub fn device(&self, name: &str) -> DeviceExtras {
        let mut devices = self.devices.iter();
        let ours = devices.find(|(known, _)| known.eq_ignore_ascii_case(name));
        ours.map(|(_, extras)| extras.clone()).unwrap_or_default()
    }
}

/// Where plugins come from. `None`: not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plugins {
    /// Directories searched for components, instead of the usual ones.
    pub dirs: Option<Vec<PathBuf>>,
    /// Where compiled components are kept.
    pub cache: Option<PathBuf>,
    /// The compile helper.
    pub compiler: Option<PathBuf>,
}

/// How clients come in, beyond upsd.conf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listen {
    /// What connections without TLS may do.
    pub plain: Plain,
    /// Host and port of each address whose clients begin with a TLS handshake.
    pub tls: Vec<(String, u16)>,
}

const POLICIES: [(&str, Plain); 3] = [
    ("allow", Plain::Allow),
    ("read-only", Plain::ReadOnly),
    ("deny", Plain::Deny),
];

/// What one device gets beyond its port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceExtras {
    /// The plugin may move the modem-control lines of its serial port.
    pub modem_lines: bool,
    /// Where to write what is said on the port.
    pub record: Option<PathBuf>,
    /// Nothing is written to the device and no command is sent.
    pub read_only: bool,
    /// Of an SNMP agent only what is below these may be written, instead of the usual subtrees.
    pub snmp_write: Option<Vec<Oid>>,
    /// A program in driverpath drives it, whatever plugins there are.
    pub program: bool,
}

/// Reads a husk.toml. Never fails: what cannot be used is left out and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (Extras, Vec<Diagnostic>) {
    let decoded = String::from_utf8_lossy(text);
    let mut reader = Reader {
        file: file_name,
        text: &decoded,
        found: Vec::new(),
    };
    let (document, errors) = DeTable::parse_recoverable(&decoded);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        reader.error(span, error.message().trim_end_matches('.').to_owned());
    }
    let extras = reader.document(document.get_ref());
    (extras, reader.found)
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Diagnostic>,
}

type Entries<'a, 'b> = &'a DeTable<'b>;
type Value<'b> = Spanned<DeValue<'b>>;

impl Reader<'_> {
    fn document(&mut self, table: Entries<'_, '_>) -> Extras {
        let mut extras = Extras::default();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "plugins" => {
                    if let Some(table) = self.table(value) {
                        extras.plugins = self.plugins(table);
                    }
                }
                "listen" => {
                    if let Some(table) = self.table(value) {
                        extras.listen = self.listen(table);
                    }
                }
                "device" => {
                    let Some(table) = self.table(value) else {
                        continue;
                    };
                    for (name, value) in table.iter() {
                        if let Some(table) = self.table(value) {
                            let device = self.device(table);
                            extras.devices.insert(name.get_ref().to_string(), device);
                        }
                    }
                }
                "timer" => extras.timers = self.timers(value),
                other => {
                    let known = ["plugins", "listen", "device", "timer"];
                    self.unknown(key.span(), other, &known);
                }
            }
        }
        extras
    }

    fn plugins(&mut self, table: Entries<'_, '_>) -> Plugins {
        let mut plugins = Plugins::default();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "dirs" => {
                    let words = self.words(value);
                    plugins.dirs = Some(words.into_iter().map(|(word, _)| word.into()).collect());
                }
                "cache" => plugins.cache = self.word(value).map(PathBuf::from),
                "compiler" => plugins.compiler = self.word(value).map(PathBuf::from),
                other => self.unknown(key.span(), other, &["dirs", "cache", "compiler"]),
            }
        }
        plugins
    }

    fn listen(&mut self, table: Entries<'_, '_>) -> Listen {
        let mut listen = Listen::default();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "plain" => {
                    let Some(word) = self.word(value) else {
                        // Whoever meant to restrict must not find everything open for want of quotes.
                        listen.plain = Plain::Deny;
                        continue;
                    };
                    let policy = POLICIES.iter().find(|(name, _)| *name == word);
                    listen.plain = policy.map_or(Plain::Deny, |&(_, policy)| policy);
                    if policy.is_none() {
                        let message = format!("there is no policy `{word}`; taken as deny");
                        self.error(value.span(), message);
                    }
                }
                "tls" => {
                    for (word, span) in self.words(value) {
                        match address(&word) {
                            Some(address) => listen.tls.push(address),
                            None => {
                                let message = format!("`{word}` is no address:port");
                                self.error(span, message);
                            }
                        }
                    }
                }
                other => self.unknown(key.span(), other, &["plain", "tls"]),
            }
        }
        listen
    }

    fn device(&mut self, table: Entries<'_, '_>) -> DeviceExtras {
        let mut device = DeviceExtras::default();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "grant" => {
                    for (word, span) in self.words(value) {
                        match word.as_str() {
                            "modem-lines" => device.modem_lines = true,
                            other => self.unknown(span, other, &["modem-lines"]),
                        }
                    }
                }
                "record" => device.record = self.word(value).map(PathBuf::from),
                "program" => device.program = self.switch(value),
                // Whoever meant to forbid must not find it allowed for want of the right word.
                "read-only" => {
                    device.read_only = !matches!(value.get_ref(), DeValue::Boolean(false));
                    let _ = self.switch(value);
                }
                "snmp-write" => device.snmp_write = Some(self.oids(value)),
                other => {
                    let known = ["grant", "record", "read-only", "snmp-write", "program"];
                    self.unknown(key.span(), other, &known);
                }
            }
        }
        device
    }

    /// What cannot be read allows nothing.
    fn oids(&mut self, value: &Value<'_>) -> Vec<Oid> {
        let mut oids = Vec::new();
        for (word, span) in self.words(value) {
            match word.parse() {
                Ok(oid) => oids.push(oid),
                Err(bad) => {
                    let bad: BadOid = bad;
                    self.error(span, format!("`{word}`: {bad}"));
                }
            }
        }
        oids
    }

    fn table<'a, 'b>(&mut self, value: &'a Value<'b>) -> Option<Entries<'a, 'b>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => {
                self.error(value.span(), "expected a table".to_owned());
                None
            }
        }
    }

    fn word(&mut self, value: &Value<'_>) -> Option<String> {
        match value.get_ref() {
            // Empty is also what the reader puts where a value is missing.
            DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
            _ => {
                self.error(value.span(), "expected a text in quotes".to_owned());
                None
            }
        }
    }

    fn switch(&mut self, value: &Value<'_>) -> bool {
        match value.get_ref() {
            DeValue::Boolean(on) => *on,
            _ => {
                self.error(value.span(), "expected true or false".to_owned());
                false
            }
        }
    }

    fn words(&mut self, value: &Value<'_>) -> Vec<(String, Range<usize>)> {
        let DeValue::Array(items) = value.get_ref() else {
            self.error(
                value.span(),
                "expected a list of texts in brackets".to_owned(),
            );
            return Vec::new();
        };
        let mut words = Vec::new();
        for item in items.iter() {
            words.extend(self.word(item).map(|word| (word, item.span())));
        }
        words
    }

    fn unknown(&mut self, span: Range<usize>, word: &str, known: &[&str]) {
        let near = husk_names::nearest(word, known.iter().copied());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        self.push(
            span,
            Severity::Warning,
            format!("unknown word `{word}`, ignored"),
            Some(help),
        );
    }

    fn error(&mut self, span: Range<usize>, message: String) {
        self.push(span, Severity::Error, message, None);
    }

    fn push(
        &mut self,
        span: Range<usize>,
        severity: Severity,
        message: String,
        help: Option<String>,
    ) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let source = rest.lines().next().unwrap_or_default().to_owned();
        let room = (line_start + source.len()).saturating_sub(span.start);
        self.found.push(Diagnostic {
            file: self.file.to_owned(),
            line: number(before.matches('\n').count()).saturating_add(1),
            col: number(before.len() - line_start).saturating_add(1),
            len: number(span.len().min(room).max(1)),
            severity,
            message,
            help,
            source,
        });
    }
}

/// `host:port`, `[v6]:port`; port 0 is one of the system's choice.
fn address(word: &str) -> Option<(String, u16)> {
    let (host, port) = word.rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match bare {
        Some(v6) => v6,
        // Without brackets nobody can tell where a v6 address ends.
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok()?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_full_file_is_read() {
        let text = b"[plugins]\ndirs = [\"/a\", \"/b\"]\ncache = \"/c\"\ncompiler = \"/d\"\n\
            [device.rack]\ngrant = [\"modem-lines\"]\nrecord = \"rack.trace\"\nprogram = true\n";
        let (extras, found) = parse("husk.toml", text);
        assert_eq!(found, []);
        assert_eq!(
            extras.plugins.dirs,
            Some(vec!["/a".into(), PathBuf::from("/b")])
        );
        assert_eq!(extras.plugins.cache, Some("/c".into()));
        assert_eq!(extras.plugins.compiler, Some("/d".into()));
        let rack = extras.devices.get("rack").unwrap();
        assert!(rack.modem_lines && rack.program);
        assert_eq!(rack.record, Some("rack.trace".into()));
    }

    #[test]
    fn every_mistake_is_pointed_at_and_the_rest_is_used() {
        let text = b"[plugin]\n[device.rack]\ngrant = [\"modem-line\"]\nrecord = 5\n[device.other]\nrecord = \"x\"\n";
        let (extras, found) = parse("husk.toml", text);
        let places: Vec<(u32, u32, u32)> = found
            .iter()
            .map(|diagnostic| (diagnostic.line, diagnostic.col, diagnostic.len))
            .collect();
        assert_eq!(places.len(), 3, "{found:?}");
        assert!(places.contains(&(1, 2, 6)));
        assert!(places.contains(&(3, 10, 12)));
        assert!(places.contains(&(4, 10, 1)));
        assert!(
            found
                .iter()
                .any(|diagnostic| diagnostic.help.as_deref() == Some("did you mean `plugins`?"))
        );
        assert_eq!(
            extras.devices.get("other").unwrap().record,
            Some("x".into())
        );
    }

    #[test]
    fn what_forbids_writing_forbids_even_when_mistaken() {
        let text = b"[device.a]\nread-only = true\n[device.b]\nread-only = \"yes\"\n[device.c]\nread-only = false\n\
            [device.d]\nsnmp-write = [\"1.3.6.1.4.1.318\", \"apc\"]\n[device.e]\nsnmp-write = \"1.3\"\n[device.f]\nsnmp-write = []\n";
        let (extras, found) = parse("husk.toml", text);
        assert_eq!(found.len(), 3, "{found:?}");
        let writes = |name: &str| extras.device(name).writes();
        for name in ["a", "b", "e", "f"] {
            assert_eq!(writes(name), Writes::ReadOnly, "{name}");
        }
        assert!(extras.device("b").read_only);
        assert_eq!(writes("c"), Writes::default());
        let apc = "1.3.6.1.4.1.318".parse().unwrap();
        assert_eq!(writes("d"), Writes::Below(vec![apc]));
    }

    #[test]
    fn listeners_have_a_policy_and_a_mistaken_one_denies() {
        let text = b"[listen]\nplain = \"read-only\"\ntls = [\"0.0.0.0:3494\", \"[::1]:3494\", \"::1\", \"x\"]\n";
        let (extras, found) = parse("husk.toml", text);
        let tls = [("0.0.0.0".to_owned(), 3494), ("::1".to_owned(), 3494)];
        assert_eq!(extras.listen.plain, Plain::ReadOnly);
        assert_eq!((extras.listen.tls, found.len()), (tls.to_vec(), 2));
        for wrong in ["\"readonly\"", "true"] {
            let (extras, found) = parse(
                "husk.toml",
                format!("[listen]\nplain = {wrong}\n").as_bytes(),
            );
            assert_eq!((extras.listen.plain, found.len()), (Plain::Deny, 1));
        }
    }

    #[test]
    fn broken_toml_is_an_error_with_a_place() {
        let (extras, found) = parse("husk.toml", b"[plugins]\ncache = \n[device.a]\n");
        assert!(!found.is_empty());
        assert_eq!(found[0].line, 2);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(extras.plugins.cache, None);
    }
}
