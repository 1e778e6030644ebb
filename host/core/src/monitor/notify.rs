//! Notifications: what there is to tell, in which words, by which ways.
//!
//! The default texts are the interface of upsmon: scripts match them. A text is a template in which only `%s` may stand, at most as
//! often as in the default; anything else is refused here, where upsmon hands it to printf after a check.

/// A way to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// Nobody is told (`IGNORE`).
    pub const NONE: Self = Self(0);
    /// The log.
    pub const SYSLOG: Self = Self(1);
    /// Every terminal.
    pub const WALL: Self = Self(2);
    /// `NOTIFYCMD`.
    pub const EXEC: Self = Self(4);

    /// All of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among them.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flag of a word of `NOTIFYFLAG`, upper-case as upsmon wants it.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "IGNORE" => Some(Self::NONE),
            "SYSLOG" => Some(Self::SYSLOG),
            "WALL" => Some(Self::WALL),
            "EXEC" => Some(Self::EXEC),
            _ => None,
        }
    }
}

macro_rules! kinds {
    ($($id:ident $name:literal $text:literal;)*) => {
        /// What a notification is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $(#[doc = concat!("`", $name, "`: ", $text)] $id,)* }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$id),*];

            /// The word of `NOTIFYMSG`, `NOTIFYFLAG`, `AT` and the environment variable `NOTIFYTYPE`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$id => $name),* }
            }

            /// The text unless `NOTIFYMSG` says otherwise.
            pub const fn default_text(self) -> &'static str {
                match self { $(Self::$id => $text),* }
            }
        }
    };
}

kinds! {
    Online "ONLINE" "UPS %s on line power";
    OnBattery "ONBATT" "UPS %s on battery";
    LowBattery "LOWBATT" "UPS %s battery is low";
    Fsd "FSD" "UPS %s: forced shutdown in progress";
    CommOk "COMMOK" "Communications with UPS %s established";
    CommBad "COMMBAD" "Communications with UPS %s lost";
    Shutdown "SHUTDOWN" "Auto logout and shutdown proceeding";
    ShutdownHostsync "SHUTDOWN_HOSTSYNC" "Shutdown initiated; primary system is waiting for secondaries to log out or time out";
    ReplaceBattery "REPLBATT" "UPS %s battery needs to be replaced";
    NoComm "NOCOMM" "UPS %s is unavailable";
    NoParent "NOPARENT" "upsmon parent process died - shutdown impossible";
    Calibrating "CAL" "UPS %s: calibration in progress";
    NotCalibrating "NOTCAL" "UPS %s: calibration finished";
    Off "OFF" "UPS %s: administratively OFF or asleep";
    NotOff "NOTOFF" "UPS %s: no longer administratively OFF or asleep";
    Bypass "BYPASS" "UPS %s: on bypass (powered, not protecting)";
    NotBypass "NOTBYPASS" "UPS %s: no longer on bypass";
    Eco "ECO" "UPS %s: in ECO mode (as defined by vendor)";
    NotEco "NOTECO" "UPS %s: no longer in ECO mode";
    Alarm "ALARM" "UPS %s: one or more active alarms: [%s]";
    NotAlarm "NOTALARM" "UPS %s is no longer in an alarm state (no active alarms)";
    Overloaded "OVER" "UPS %s: overloaded";
    NotOverloaded "NOTOVER" "UPS %s: no longer overloaded";
    Trim "TRIM" "UPS %s: trimming incoming voltage";
    NotTrim "NOTTRIM" "UPS %s: no longer trimming incoming voltage";
    Boost "BOOST" "UPS %s: boosting incoming voltage";
    NotBoost "NOTBOOST" "UPS %s: no longer boosting incoming voltage";
    Other "OTHER" "UPS %s: has at least one unclassified status token: [%s]";
    NotOther "NOTOTHER" "UPS %s has no unclassified status tokens anymore";
    SuspendStarting "SUSPEND_STARTING" "OS is entering sleep/suspend/hibernate mode";
    SuspendFinished "SUSPEND_FINISHED" "OS just finished sleep/suspend/hibernate mode, de-activating obsolete UPS readings to avoid an unfortunate shutdown";
    SuspendTimejump "SUSPEND_TIMEJUMP_UNEXPECTED" "Unexpected clock change by %s, treating as wake up from sleep";
}

impl Kind {
    /// The kind of a name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let mut kinds = Self::ALL.iter().copied();
        kinds.find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// A text with places for the UPS and a detail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template(String);

impl Template {
    /// Reads a template for `kind`: `%s`, `%%`, and nothing else with `%`.
    ///
    /// # Errors
    /// What is wrong with it, a clause.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, &'static str> {
        if places(text)? > places(kind.default_text()).unwrap_or(0) {
            return Err("it has more `%s` than there is to fill in");
        }
        Ok(Self(text.to_owned()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text with `words` in its places, one after the other.
    fn fill(&self, words: &[&str]) -> String {
        let mut words = words.iter();
        let mut text = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            if after.starts_with('%') {
                text.push('%');
            } else {
                text.push_str(words.next().copied().unwrap_or_default());
            }
            rest = after.get(1..).unwrap_or_default();
        }
        text.push_str(rest);
        text
    }
}

fn places(text: &str) -> Result<usize, &'static str> {
    let mut places = 0;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        match after.as_bytes().first() {
            Some(b's') => places += 1,
            Some(b'%') => {}
            _ => return Err("after `%` only `s` may stand, or another `%`"),
        }
        rest = after.get(1..).unwrap_or_default();
    }
    Ok(places)
}

/// `NOTIFYMSG` and `NOTIFYFLAG`: what departs from the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Notices {
    texts: std::collections::BTreeMap<Kind, Template>,
    flags: std::collections::BTreeMap<Kind, Flags>,
}

impl Notices {
    /// Says `kind` in other words.
    pub fn set_text(&mut self, kind: Kind, text: Template) {
        self.texts.insert(kind, text);
    }

    /// Tells `kind` in other ways.
    pub fn set_flags(&mut self, kind: Kind, flags: Flags) {
        self.flags.insert(kind, flags);
    }

    /// The ways for `kind`; the default is log and terminals.
    pub fn flags(&self, kind: Kind) -> Flags {
        let default = Flags::SYSLOG.and(Flags::WALL);
        self.flags.get(&kind).copied().unwrap_or(default)
    }

    /// The words for `kind`, with `words` filled in.
    pub(super) fn text(&self, kind: Kind, words: &[&str]) -> String {
        match self.texts.get(&kind) {
            Some(template) => template.fill(words),
            None => Template(kind.default_text().to_owned()).fill(words),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_template_takes_no_more_than_there_is() {
        let text = |kind, text| Template::parse(kind, text).map(|t| t.fill(&["a", "b"]));
        assert_eq!(
            text(Kind::Alarm, "%s says %s, 100%%").unwrap(),
            "a says b, 100%"
        );
        assert_eq!(text(Kind::Online, "no place").unwrap(), "no place");
        assert_eq!(text(Kind::Online, "\u{e9}%s").unwrap(), "\u{e9}a");
        for (kind, wrong) in [
            (Kind::Online, "%s %s"),
            (Kind::Shutdown, "%s"),
            (Kind::Online, "%d"),
            (Kind::Online, "50%"),
            (Kind::Online, "%\u{e9}"),
        ] {
            assert!(text(kind, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_kind_is_found_by_its_name_and_filled_by_default() {
        let notices = Notices::default();
        for &kind in Kind::ALL {
            assert_eq!(Kind::named(&kind.name().to_lowercase()), Some(kind));
            let filled = notices.text(kind, &["u@h", "detail"]);
            assert!(!filled.contains('%'), "{filled}");
            assert_eq!(notices.flags(kind), Flags::SYSLOG.and(Flags::WALL));
        }
        assert_eq!(Kind::ALL.len(), 32);
        assert_eq!(Kind::named("NOSUCH"), None);
    }
}
