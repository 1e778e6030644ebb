//! upsd's end: a picture of what one driver program says, and what it is worth.
//!
//! The picture is kept while the driver is silent and forgotten when the connection ends. Only lines that make sense
//! count as a sign of life. Nothing is repaired: names and values a NUT client could not read are left out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::lines::{Line, Lines};
use super::{limits, outcome};
use crate::proto::tracking::Outcome;
use crate::report::{Kind, is_value};
use crate::state::{Freshness, Snapshot, Variable, by_name};

/// What is known of one driver. Starts without a connection.
#[derive(Debug)]
pub struct Mirror {
    max_age: Duration,
    lines: Lines,
    link: Option<Link>,
    /// By name in lower case, as are the commands.
    variables: BTreeMap<String, Entry>,
    commands: BTreeMap<String, String>,
}

/// A connection.
#[derive(Debug)]
struct Link {
    heard: Duration,
    pinged: Duration,
    /// The first dump is complete.
    dumped: bool,
    /// The driver's own word on its data.
    data_ok: bool,
    /// Silent for too long, as of the last look.
    silent: bool,
}

#[derive(Debug)]
struct Entry {
    variable: Variable,
    /// STRING is among the flags.
    text: bool,
    /// NUMBER is.
    number: bool,
    length: u32,
}

/// What came of the bytes of a driver.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// A snapshot looks different now.
    pub changed: bool,
    /// Requests the driver has ended, by their ids.
    pub tracked: Vec<(String, Outcome)>,
}

impl Mirror {
    /// Nothing known, nothing connected. `max_age` is upsd.conf's MAXAGE.
    pub fn new(max_age: Duration) -> Self {
        Self {
            max_age,
            lines: Lines::default(),
            link: None,
            variables: BTreeMap::new(),
            commands: BTreeMap::new(),
        }
    }

    /// A changed MAXAGE.
    pub fn set_max_age(&mut self, max_age: Duration) {
        self.max_age = max_age;
    }

    /// The socket is open: asks for everything. Until it came, `ups.status` is `WAIT`.
    pub fn connected(&mut self, now: Duration, out: &mut Vec<u8>) {
        self.disconnected();
        self.link = Some(Link {
            heard: now,
            pinged: now,
            dumped: false,
            data_ok: false,
            silent: false,
        });
        self.take_value("ups.status", "WAIT");
        out.extend_from_slice(b"DUMPALL\n");
    }

    /// The socket is closed: forgets everything. True if a snapshot looks different now.
    pub fn disconnected(&mut self) -> bool {
        self.lines = Lines::default();
        self.variables.clear();
        self.commands.clear();
        self.link.take().is_some()
    }

    /// Takes what the driver sent.
    pub fn feed(&mut self, bytes: &[u8], now: Duration) -> Heard {
        let mut heard = Heard::default();
        for &byte in bytes {
            if let Some(line) = self.lines.push(byte)
                && self.link.is_some()
            {
                let before = self.freshness();
                if self.take(&line, &mut heard)
                    && let Some(link) = &mut self.link
                {
                    link.heard = now;
                    link.silent = false;
                }
                heard.changed |= before != self.freshness();
            }
        }
        heard
    }

    /// Lets time pass: asks a silent driver for a sign of life, and gives up on its data after MAXAGE and a second. True
    /// if a snapshot looks different now. Due at [`Mirror::next_deadline`].
    pub fn tick(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        let (ping_after, silence) = (self.ping_after(), self.silence());
        let Some(link) = &mut self.link else {
            return false;
        };
        if now >= link.heard.max(link.pinged) + ping_after {
            link.pinged = now;
            out.extend_from_slice(b"PING\n");
        }
        let before = is_stale(link);
        link.silent = now >= link.heard + silence;
        before != is_stale(link)
    }

    /// When [`Mirror::tick`] may next do something.
    pub fn next_deadline(&self) -> Option<Duration> {
        let link = self.link.as_ref()?;
        let ping = link.heard.max(link.pinged) + self.ping_after();
        let stale = (!link.silent).then(|| link.heard + self.silence());
        Some(stale.map_or(ping, |stale| stale.min(ping)))
    }

    /// What the data are worth: [`Freshness::Waiting`] without a connection, which clients see as a driver that is not
    /// connected; never [`Freshness::Lost`].
    pub fn freshness(&self) -> Freshness {
        match &self.link {
            None => Freshness::Waiting,
            Some(link) if is_stale(link) => Freshness::Stale,
            Some(_) => Freshness::Fresh,
        }
    }

    /// Whether the first dump is complete.
    pub fn is_complete(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.dumped)
    }

    /// Everything clients may see, sorted.
    pub fn snapshot(&self) -> Snapshot {
        let waiting = !self.is_complete();
        let variables = self.variables.iter().map(|(key, entry)| {
            let mut variable = entry.variable.clone();
            if waiting && key == "ups.status" {
                "WAIT".clone_into(&mut variable.value);
            }
            variable.kind = entry.kind();
            variable
        });
        let mut snapshot = Snapshot {
            variables: variables.collect(),
            commands: self.commands.values().cloned().collect(),
            freshness: self.freshness(),
        };
        snapshot.variables.sort_by(|a, b| by_name(&a.name, &b.name));
        snapshot
    }

    /// Takes a line; true if it made sense.
    fn take(&mut self, line: &Line, heard: &mut Heard) -> bool {
        let words: Vec<&str> = line.words.iter().flatten().map(String::as_str).collect();
        match words.as_slice() {
            ["PONG"] => {}
            ["DUMPDONE"] => {
                heard.changed |= !self.is_complete();
                if let Some(link) = &mut self.link {
                    link.dumped = true;
                }
            }
            [word @ ("DATAOK" | "DATASTALE")] => {
                if let Some(link) = &mut self.link {
                    link.data_ok = *word == "DATAOK";
                }
            }
            ["SETINFO", name, value] => heard.changed |= self.take_value(name, value),
            ["TRACKING", id, code] => {
                let Some(outcome) = outcome(code) else {
                    return false;
                };
                heard.tracked.push(((*id).to_owned(), outcome));
            }
            ["ADDCMD", name] => {
                let known = self.commands.len() < limits::COMMANDS && is_name(name);
                let key = name.to_ascii_lowercase();
                if known && !self.commands.contains_key(&key) {
                    self.commands.insert(key, (*name).to_owned());
                    heard.changed = true;
                }
            }
            ["DELCMD", name] => {
                heard.changed |= self.commands.remove(&name.to_ascii_lowercase()).is_some();
            }
            ["DELINFO", name] => {
                heard.changed |= self.variables.remove(&name.to_ascii_lowercase()).is_some();
            }
            [verb, name, rest @ ..] if is_trait(verb) => {
                let entry = self.variables.get_mut(&name.to_ascii_lowercase());
                let Some(changed) = entry.and_then(|entry| entry.learn(verb, rest)) else {
                    return false;
                };
                heard.changed |= changed;
            }
            // NUT's drivers do not escape what they announce while they run.
            _ => match unescaped(&line.text) {
                Some((name, value)) => heard.changed |= self.take_value(name, value),
                None => return false,
            },
        }
        true
    }

    fn take_value(&mut self, name: &str, value: &str) -> bool {
        if !is_name(name) || !is_value(value) {
            return false;
        }
        let key = name.to_ascii_lowercase();
        if let Some(entry) = self.variables.get_mut(&key) {
            let changed = entry.variable.value != value;
            value.clone_into(&mut entry.variable.value);
            return changed;
        }
        if self.variables.len() >= limits::VARIABLES {
            return false;
        }
        let variable = Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            ..Variable::default()
        };
        let entry = Entry {
            variable,
            text: false,
            number: false,
            length: 0,
        };
        self.variables.insert(key, entry);
        true
    }

    fn ping_after(&self) -> Duration {
        Duration::from_secs((self.max_age.as_secs() / limits::PINGS_PER_MAX_AGE).max(1))
    }

    fn silence(&self) -> Duration {
        self.max_age.saturating_add(limits::SILENCE)
    }
}

impl Entry {
    fn kind(&self) -> Kind {
        match (self.text, self.number) {
            (true, _) => Kind::Text(self.length),
            (false, true) => Kind::Number,
            (false, false) => Kind::Unspecified,
        }
    }

    /// Takes a line about how the variable may be written; whether that is news, `None` if it makes no sense.
    fn learn(&mut self, verb: &str, args: &[&str]) -> Option<bool> {
        let variable = &mut self.variable;
        let (choices, ranges) = (&mut variable.choices, &mut variable.ranges);
        match (verb, args) {
            ("ADDENUM", [choice]) => Some(add(choices, (*choice).to_owned())),
            ("DELENUM", [choice]) => Some(drop_from(choices, |known| known == choice)),
            ("ADDRANGE", [low, high]) => Some(add(ranges, (low.parse().ok()?, high.parse().ok()?))),
            ("DELRANGE", [low, high]) => {
                let range = (low.parse().ok()?, high.parse().ok()?);
                Some(drop_from(ranges, |known| *known == range))
            }
            ("SETAUX", [length]) => {
                let length = length.parse().ok()?;
                Some(std::mem::replace(&mut self.length, length) != length)
            }
            ("SETFLAGS", flags) => {
                let has = |flag| flags.contains(&flag);
                let new = (has("RW"), has("STRING"), has("NUMBER"));
                let old = (variable.writable, self.text, self.number);
                (variable.writable, self.text, self.number) = new;
                Some(old != new)
            }
            _ => None,
        }
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) -> bool {
    let news = list.len() < limits::CHOICES && !list.contains(&item);
    if news {
        list.push(item);
    }
    news
}

fn drop_from<T>(list: &mut Vec<T>, goes: impl Fn(&T) -> bool) -> bool {
    let before = list.len();
    list.retain(|item| !goes(item));
    list.len() != before
}

fn is_trait(verb: &str) -> bool {
    matches!(
        verb,
        "ADDENUM" | "DELENUM" | "ADDRANGE" | "DELRANGE" | "SETAUX" | "SETFLAGS"
    )
}

fn is_stale(link: &Link) -> bool {
    link.silent || (link.dumped && !link.data_ok)
}

/// A driver program may name what its plugin could not; only what breaks a line or a list is refused.
fn is_name(name: &str) -> bool {
    (1..=limits::NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Name and value of a SETINFO whose value holds quotes or `#` as they are.
fn unescaped(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix("SETINFO ")?.split_once(' ')?;
    let value = value.trim_end().strip_prefix('"')?.strip_suffix('"')?;
    Some((name, value))
}
