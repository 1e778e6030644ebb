//! What is known of one UPS: its status words, since when, and what was told of them.
//!
//! Two sets of words are kept: what holds, and what people were told. Sleep makes the first void and leaves the second, so
//! that a UPS that was on battery before and is on line after is still reported as back on line.

use std::sync::Arc;
use std::time::Duration;

use super::event::{Failure, Out, Reading};
use super::notify::{Kind, Notices};
use super::settings::{Settings, System};
use super::{Level, contact::Login};

/// Status words that mean something to the monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Flag {
    /// `OB`, kept until `OL` is said.
    OnBattery,
    /// `LB`.
    LowBattery,
    /// `FSD`, said by the server or accepted by it.
    Fsd,
    /// `CAL`.
    Calibrating,
    /// `OFF`.
    Off,
    /// `BYPASS`.
    Bypass,
    /// `ECO`, or a mode that is one under another name.
    Eco,
    /// `ALARM`.
    Alarm,
    /// `OVER`.
    Overloaded,
    /// `TRIM`.
    Trim,
    /// `BOOST`.
    Boost,
    /// `RB`.
    ReplaceBattery,
}

/// Words that hold while they are said, and the notices when they come and go. `OB` holds until `OL`; `RB` is told again and again.
const WORDS: [Word; 10] = [
    Word::new("LB", Flag::LowBattery, Kind::LowBattery, None),
    Word::new("FSD", Flag::Fsd, Kind::Fsd, None),
    Word::new(
        "CAL",
        Flag::Calibrating,
        Kind::Calibrating,
        Some(Kind::NotCalibrating),
    ),
    Word::new("OFF", Flag::Off, Kind::Off, Some(Kind::NotOff)),
    Word::new("BYPASS", Flag::Bypass, Kind::Bypass, Some(Kind::NotBypass)),
    Word::new("ECO", Flag::Eco, Kind::Eco, Some(Kind::NotEco)),
    Word::new("ALARM", Flag::Alarm, Kind::Alarm, Some(Kind::NotAlarm)),
    Word::new(
        "OVER",
        Flag::Overloaded,
        Kind::Overloaded,
        Some(Kind::NotOverloaded),
    ),
    Word::new("TRIM", Flag::Trim, Kind::Trim, Some(Kind::NotTrim)),
    Word::new("BOOST", Flag::Boost, Kind::Boost, Some(Kind::NotBoost)),
];
/// Words that concern nobody here.
const IGNORED: [&str; 3] = ["HB", "CHRG", "DISCHRG"];
/// Modes that are ECO under a vendor's name, as they end a word of the buzzwords.
const ECO_MODES: [&str; 4] = ["ECO", "ESS", "HE", "SMART"];

struct Word {
    text: &'static str,
    flag: Flag,
    comes: Kind,
    goes: Option<Kind>,
}

impl Word {
    const fn new(text: &'static str, flag: Flag, comes: Kind, goes: Option<Kind>) -> Self {
        Self {
            text,
            flag,
            comes,
            goes,
        }
    }
}

/// A set of [`Flag`]s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Known(u16);

impl Known {
    /// Whether `flag` is among them.
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    /// Puts it in or takes it out; whether that changed anything.
    pub(super) const fn put(&mut self, flag: Flag, on: bool) -> bool {
        let before = self.0;
        if on {
            self.0 |= 1 << flag as u8;
        } else {
            self.0 &= !(1 << flag as u8);
        }
        self.0 != before
    }
}

/// Whether the UPS can be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comm {
    /// Nothing came back yet.
    Unknown,
    /// The last poll was answered.
    Ok,
    /// The last poll failed; what is known is from before.
    Lost,
}

/// Whether a poll is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    No,
    Yes,
    /// Yes, and what it says may be overtaken already: ask again after it.
    Again,
    /// Yes, but its answer is of another time: drop it and ask again.
    Void,
}

/// One UPS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Ups {
    pub(super) name: Arc<str>,
    /// What holds.
    pub(super) known: Known,
    /// What people were last told.
    pub(super) told: Known,
    pub(super) alarm: Option<String>,
    /// Words nobody knows, sorted, as last told.
    pub(super) other: Vec<String>,
    pub(super) comm: Comm,
    pub(super) asked: Asked,
    pub(super) login: Login,
    /// Last answered poll.
    pub(super) heard: Option<Duration>,
    /// Last answered poll at which it was not OB LB, or was calibrating; at first, when it was first heard.
    pub(super) noncritical: Option<Duration>,
    /// Since when it says both OB and LB.
    pub(super) low_since: Option<Duration>,
    pub(super) off_since: Option<Duration>,
    /// OFF has lasted for OFFDURATION.
    pub(super) off_lasted: bool,
    pub(super) over_since: Option<Duration>,
    pub(super) replace_told: Option<Duration>,
    pub(super) no_comm_told: Option<Duration>,
    /// Cause of the failures since the last answer, and how many were not logged.
    pub(super) failing: Option<(Failure, u32)>,
}

impl Ups {
    pub(super) fn new(system: &System) -> Self {
        Self {
            name: Arc::clone(&system.name),
            known: Known::default(),
            told: Known::default(),
            alarm: None,
            other: Vec::new(),
            comm: Comm::Unknown,
            asked: Asked::No,
            login: Login::Down,
            heard: None,
            noncritical: None,
            low_since: None,
            off_since: None,
            off_lasted: false,
            over_since: None,
            replace_told: None,
            no_comm_told: None,
            failing: None,
        }
    }

    /// The machine slept: what was known is void, and silence counts from now on.
    pub(super) fn forget(&mut self, now: Duration) {
        self.known = Known::default();
        self.heard = self.heard.map(|_| now);
        self.noncritical = self.noncritical.map(|_| now);
        (self.low_since, self.off_since, self.over_since) = (None, None, None);
        self.off_lasted = false;
        if self.asked != Asked::No {
            self.asked = Asked::Void;
        }
    }

    /// Since when it is low, its own word or presumed: last heard on battery, it counts as low after DEADTIME.
    pub(super) fn low_from(&self, settings: &Settings) -> Option<Duration> {
        self.low_since.or_else(|| {
            let silent = self.heard.filter(|_| self.known.has(Flag::OnBattery));
            silent.map(|heard| heard + settings.dead_time.value)
        })
    }

    /// Takes what it said.
    pub(super) fn read(
        &mut self,
        said: &Reading,
        settings: &Settings,
        now: Duration,
        out: &mut Out,
    ) {
        let notices = &settings.notices;
        let words: Vec<_> = said.status.split_whitespace().collect();
        let has = |text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        let eco = said.buzzwords.as_deref().is_some_and(is_eco);
        for word in &WORDS {
            let said = has(word.text) || (word.flag == Flag::Eco && eco);
            if !said {
                self.goes(word, notices, out);
            }
        }
        let mut other = Vec::new();
        for &said_word in &words {
            let text = said_word.to_ascii_uppercase();
            match (WORDS.iter().find(|word| word.text == text), text.as_str()) {
                (Some(word), _) => self.comes(word, said, notices, out),
                (_, "OL") => self.on_line(notices, out),
                (_, "OB") => self.on_battery(notices, out),
                (_, "RB") => self.replace_battery(settings, now, out),
                (_, text) if IGNORED.contains(&text) => {}
                _ => other.push(said_word.to_owned()),
            }
        }
        if let Some(word) = WORDS.iter().find(|word| word.flag == Flag::Eco && eco) {
            self.comes(word, said, notices, out);
        }
        self.known.put(Flag::ReplaceBattery, has("RB"));
        self.unclassified(other, notices, out);
        self.times(settings, now, out);
    }

    fn goes(&mut self, word: &Word, notices: &Notices, out: &mut Out) {
        self.known.put(word.flag, false);
        if word.flag == Flag::Alarm {
            self.alarm = None;
        }
        let told = self.told.put(word.flag, false);
        if let Some(kind) = word.goes.filter(|_| told) {
            out.notify_of(kind, &self.name, "", notices);
        }
    }

    fn comes(&mut self, word: &Word, said: &Reading, notices: &Notices, out: &mut Out) {
        self.known.put(word.flag, true);
        let mut news = self.told.put(word.flag, true);
        if word.flag == Flag::Alarm {
            let text = said.alarm.as_deref().unwrap_or("n/a");
            news |= self.alarm.as_deref() != Some(text);
            self.alarm = Some(text.to_owned());
        }
        if news {
            let detail = self.alarm.as_deref().filter(|_| word.flag == Flag::Alarm);
            out.notify_of(word.comes, &self.name, detail.unwrap_or_default(), notices);
        }
    }

    fn on_line(&mut self, notices: &Notices, out: &mut Out) {
        self.known.put(Flag::OnBattery, false);
        if self.told.put(Flag::OnBattery, false) {
            out.notify_of(Kind::Online, &self.name, "", notices);
        }
    }

    fn on_battery(&mut self, notices: &Notices, out: &mut Out) {
        self.known.put(Flag::OnBattery, true);
        if self.told.put(Flag::OnBattery, true) {
            out.notify_of(Kind::OnBattery, &self.name, "", notices);
        }
    }

    fn replace_battery(&mut self, settings: &Settings, now: Duration, out: &mut Out) {
        let pause = settings.replace_battery_warn.value;
        if self
            .replace_told
            .is_none_or(|told| now.saturating_sub(told) > pause)
        {
            self.replace_told = Some(now);
            out.notify_of(Kind::ReplaceBattery, &self.name, "", &settings.notices);
        }
    }

    fn unclassified(&mut self, mut words: Vec<String>, notices: &Notices, out: &mut Out) {
        words.sort();
        words.dedup();
        if words == self.other {
            return;
        }
        let kind = if words.is_empty() {
            Kind::NotOther
        } else {
            Kind::Other
        };
        out.notify_of(kind, &self.name, &words.join(" "), notices);
        self.other = words;
    }

    /// Since when what holds has held.
    fn times(&mut self, settings: &Settings, now: Duration, out: &mut Out) {
        let since = |flag: bool, since: Option<Duration>| flag.then(|| since.unwrap_or(now));
        let low = self.known.has(Flag::OnBattery) && self.known.has(Flag::LowBattery);
        self.heard = Some(now);
        self.low_since = since(low, self.low_since);
        if !low || self.known.has(Flag::Calibrating) || self.noncritical.is_none() {
            self.noncritical = Some(now);
        }
        self.over_since = since(self.known.has(Flag::Overloaded), self.over_since);
        self.off_since = since(self.known.has(Flag::Off), self.off_since);
        let Some((off, enough)) = self.off_since.zip(settings.off_duration.value) else {
            self.off_lasted = false;
            return;
        };
        let lasted = now.saturating_sub(off);
        if !self.off_lasted && (enough.is_zero() || lasted > enough) {
            self.off_lasted = true;
            let text = format!(
                "UPS [{}] has been off for {} s and counts as critical",
                self.name,
                lasted.as_secs()
            );
            out.log(Level::Warning, text);
        }
    }
}

/// Whether a word of the buzzwords names a mode that is ECO: `vendor:maker:ESS`.
fn is_eco(buzzwords: &str) -> bool {
    let mut words = buzzwords.split([' ', ',', ';']);
    words.any(|word| {
        let mut parts = word.split(':').skip(1);
        parts.any(|part| ECO_MODES.iter().any(|mode| mode.eq_ignore_ascii_case(part)))
    })
}
