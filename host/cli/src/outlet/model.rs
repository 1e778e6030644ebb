//! The outlets of a device and their groups, as its variables and commands tell of them, whatever its driver is.
//!
//! Pure: rows in, outlets and requests out. Refuses to guess which outlet is meant.
//!
//! Standard: RFC 9271 and NUT's `docs/nut-names.txt`, `outlet.n.*` and `outlet.group.n.*`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// Between off and on where the device cannot cycle by itself and names no time of its own: long enough for power supplies
/// to run empty.
const CYCLE_PAUSE: Duration = Duration::from_secs(10);
/// The longest time of its own that is waited out.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Which outlet, or which group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Outlet(u32),
    Group(u32),
}

impl Key {
    /// The key and the rest of a name such as `outlet.3.load.off` or `outlet.group.1.status`.
    fn of(name: &str) -> Option<(Self, &str)> {
        let rest = name.strip_prefix("outlet.")?;
        let (make, rest): (fn(u32) -> Self, _) = match rest.strip_prefix("group.") {
            Some(rest) => (Self::Group, rest),
            None => (Self::Outlet, rest),
        };
        let (number, rest) = rest.split_once('.')?;
        Some((make(digits(number)?), rest))
    }

    fn number(self) -> u32 {
        match self {
            Self::Outlet(number) | Self::Group(number) => number,
        }
    }

    /// The name of a variable or command of it.
    fn name(self, rest: &str) -> String {
        match self {
            Self::Outlet(number) => format!("outlet.{number}.{rest}"),
            Self::Group(number) => format!("outlet.group.{number}.{rest}"),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outlet(number) => write!(f, "{number}"),
            Self::Group(number) => write!(f, "group:{number}"),
        }
    }
}

/// One outlet or group.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    values: BTreeMap<String, String>,
    writable: BTreeSet<String>,
    commands: BTreeSet<String>,
}

/// All of a device.
#[derive(Debug, Default)]
pub(super) struct Outlets(BTreeMap<Key, Outlet>);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    On,
    Off,
    Cycle,
}

/// One step of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Send(Send),
    Wait(Duration),
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Send {
    Command(String),
    Set(String, &'static str),
}

impl Outlets {
    /// Of the rows of LIST VAR, LIST RW and LIST CMD.
    pub(super) fn read(
        variables: Vec<Vec<String>>,
        writable: Vec<Vec<String>>,
        commands: Vec<Vec<String>>,
    ) -> Self {
        let mut outlets = Self::default();
        for row in variables {
            if let [name, value, ..] = row.as_slice()
                && let Some((key, rest)) = Key::of(name)
            {
                let value = printable(value);
                outlets.at(key).values.insert(rest.to_owned(), value);
            }
        }
        for (rows, of) in [
            (
                writable,
                Outlet::writable as fn(&mut Outlet) -> &mut BTreeSet<String>,
            ),
            (commands, Outlet::commands),
        ] {
            for name in rows.iter().filter_map(|row| row.first()) {
                if let Some((key, rest)) = Key::of(name) {
                    of(outlets.at(key)).insert(rest.to_owned());
                }
            }
        }
        outlets
    }

    fn at(&mut self, key: Key) -> &mut Outlet {
        self.0.entry(key).or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Key, &Outlet)> {
        self.0.iter().map(|(key, outlet)| (*key, outlet))
    }

    /// The one that is meant: by number, by name, by `number:` where a number is also a name, or `group:` with any of them.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(super) fn find(&self, word: &str) -> Result<(Key, &Outlet), String> {
        let (group, word) = match word.strip_prefix("group:") {
            Some(word) => (true, word),
            None => (false, word),
        };
        let kind = if group { "group" } else { "outlet" };
        let candidates: Vec<_> = self
            .all()
            .filter(|(key, _)| matches!(key, Key::Group(_)) == group)
            .collect();
        let only = word.strip_prefix("number:");
        if let Some(number) = digits(only.unwrap_or(word)) {
            let numbered = candidates
                .iter()
                .copied()
                .find(|(key, _)| key.number() == number);
            let namesake = candidates.iter().find(|(key, outlet)| {
                key.number() != number && outlet.names().any(|name| name == word)
            });
            match (numbered, namesake) {
                (Some(one), None) => return Ok(one),
                (Some((key, _)), Some((other, _))) => {
                    return Err(format!(
                        "{word} is the number of {key} and the name of {other}; say number:{number} or the other's number"
                    ));
                }
                (None, None) => return Err(format!("there is no {kind} {number}")),
                (None, Some(_)) => {}
            }
        }
        let called = |same: &dyn Fn(&str) -> bool| -> Vec<(Key, &Outlet)> {
            let named = |outlet: &Outlet| outlet.names().any(same);
            candidates
                .iter()
                .copied()
                .filter(|(_, outlet)| named(outlet))
                .collect()
        };
        let mut found = called(&|name| name == word);
        if found.is_empty() {
            found = called(&|name| name.eq_ignore_ascii_case(word));
        }
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(format!("no {kind} is called {word:?}")),
            several => {
                let keys: Vec<String> = several.iter().map(|(key, _)| key.to_string()).collect();
                Err(format!(
                    "several are called {word:?}: {}; name one by its number",
                    keys.join(", ")
                ))
            }
        }
    }
}

impl Outlet {
    fn writable(&mut self) -> &mut BTreeSet<String> {
        &mut self.writable
    }

    fn commands(&mut self) -> &mut BTreeSet<String> {
        &mut self.commands
    }

    /// The value of a variable.
    pub(super) fn value(&self, rest: &str) -> Option<&str> {
        let value = self.values.get(rest).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// What it may be called by.
    fn names(&self) -> impl Iterator<Item = &str> {
        ["name", "desc", "id", "designator"]
            .into_iter()
            .filter_map(|rest| self.value(rest))
    }

    /// What it is called: its name, and what it is for where that is something else.
    pub(super) fn title(&self) -> String {
        match (self.value("name"), self.value("desc")) {
            (Some(name), Some(desc)) if name != desc => format!("{name} ({desc})"),
            (Some(one), _) | (None, Some(one)) => one.to_owned(),
            (None, None) => String::new(),
        }
    }

    /// The device's own identity of it, where that is not simply its number.
    pub(super) fn own_id(&self, key: Key) -> Option<&str> {
        let (Key::Outlet(number) | Key::Group(number)) = key;
        let same = |id: &&str| id.parse::<f64>().is_ok_and(|id| id == f64::from(number));
        self.value("id").filter(|id| !same(id))
    }

    /// Whether it gives power, in the device's word.
    pub(super) fn state(&self) -> &str {
        self.value("status")
            .or_else(|| self.value("switch"))
            .unwrap_or("unknown")
    }

    /// Whether something can be done about that.
    pub(super) fn is_switchable(&self) -> bool {
        let actions = [Action::On, Action::Off, Action::Cycle];
        actions
            .into_iter()
            .any(|action| self.request(Key::Outlet(0), action).is_some())
    }

    /// The one request for an action.
    fn request(&self, key: Key, action: Action) -> Option<Send> {
        let (command, value) = match action {
            Action::On => ("load.on", Some("on")),
            Action::Off => ("load.off", Some("off")),
            Action::Cycle => ("load.cycle", None),
        };
        if self.commands.contains(command) {
            return Some(Send::Command(key.name(command)));
        }
        let value = value.filter(|_| self.writable.contains("switch"))?;
        Some(Send::Set(key.name("switch"), value))
    }

    /// What has to be done for an action.
    ///
    /// # Errors
    /// The device cannot do it.
    pub(super) fn steps(&self, key: Key, action: Action) -> Result<Vec<Step>, String> {
        let step = |action| self.request(key, action).map(Step::Send);
        if let Some(one) = step(action) {
            return Ok(vec![one]);
        }
        match (action, step(Action::Off), step(Action::On)) {
            (Action::Cycle, Some(off), Some(on)) => Ok(vec![off, Step::Wait(self.pause()), on]),
            _ if self.is_switchable() => Err(format!("{key} cannot be switched that way")),
            _ => Err(format!("{key} cannot be switched")),
        }
    }

    /// How long the outlet stays off in a cycle made of off and on.
    fn pause(&self) -> Duration {
        let own = self.value("delay.start").and_then(|text| text.parse().ok());
        own.filter(|seconds: &f64| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map_or(CYCLE_PAUSE, |own| own.min(LONGEST_PAUSE))
    }
}

fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// What may be shown on a terminal.
fn printable(text: &str) -> String {
    let shown = |character: char| {
        if character.is_control() {
            '?'
        } else {
            character
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Outlets {
        let row = |words: &str| -> Vec<String> { words.split('=').map(str::to_owned).collect() };
        let rows = |lines: &[&str]| lines.iter().map(|line| row(line)).collect::<Vec<_>>();
        Outlets::read(
            rows(&[
                "ups.load=12",
                "outlet.count=4",
                "outlet.1.desc=web",
                "outlet.1.status=on",
                "outlet.2.name=DB",
                "outlet.2.desc=database",
                "outlet.2.switch=off",
                "outlet.2.delay.start=3",
                "outlet.3.desc=web",
                "outlet.3.name=\u{1b}[2J",
                "outlet.4.desc=web",
                "outlet.4.name=Web",
                "outlet.5.name=9",
                "outlet.6.name=6",
                "outlet.7.name=6",
                "outlet.group.1.name=rack",
            ]),
            rows(&["outlet.2.switch", "outlet.4.switch", "ups.id"]),
            rows(&[
                "load.off",
                "outlet.1.load.on",
                "outlet.1.load.off",
                "outlet.1.load.cycle",
                "outlet.group.1.load.off",
            ]),
        )
    }

    #[test]
    fn an_outlet_is_found_by_number_or_by_a_name_that_is_its_alone() {
        let device = device();
        let find = |word: &str| device.find(word).map(|(key, _)| key);
        assert_eq!(find("1"), Ok(Key::Outlet(1)));
        assert_eq!(find("database"), Ok(Key::Outlet(2)));
        assert_eq!(find("db"), Ok(Key::Outlet(2)));
        // Exact before alike.
        assert_eq!(find("Web"), Ok(Key::Outlet(4)));
        assert_eq!(find("group:1"), Ok(Key::Group(1)));
        assert_eq!(find("group:rack"), Ok(Key::Group(1)));
        assert_eq!(
            find("web"),
            Err("several are called \"web\": 1, 3, 4; name one by its number".to_owned())
        );
        assert_eq!(find("8"), Err("there is no outlet 8".to_owned()));
        assert_eq!(find("group:2"), Err("there is no group 2".to_owned()));
        assert_eq!(find("rack"), Err("no outlet is called \"rack\"".to_owned()));
        assert_eq!(find(""), Err("no outlet is called \"\"".to_owned()));
    }

    #[test]
    fn a_number_that_another_outlet_is_called_by_is_not_guessed_at() {
        let device = device();
        let find = |word: &str| device.find(word).map(|(key, _)| key);
        assert_eq!(
            find("6"),
            Err(
                "6 is the number of 6 and the name of 7; say number:6 or the other's number"
                    .to_owned()
            )
        );
        assert_eq!(find("number:6"), Ok(Key::Outlet(6)));
        assert_eq!(find("7"), Ok(Key::Outlet(7)));
        assert_eq!(find("9"), Ok(Key::Outlet(5)));
        assert_eq!(find("number:9"), Err("there is no outlet 9".to_owned()));
        assert_eq!(find("group:number:1"), Ok(Key::Group(1)));
    }

    #[test]
    fn a_command_is_preferred_and_a_cycle_is_made_of_two_where_there_is_none() {
        let device = device();
        let steps = |word: &str, action| {
            let (key, outlet) = device.find(word).unwrap();
            outlet.steps(key, action)
        };
        let command = |name: &str| Ok(vec![Step::Send(Send::Command(name.to_owned()))]);
        assert_eq!(steps("1", Action::Cycle), command("outlet.1.load.cycle"));
        assert_eq!(
            steps("group:1", Action::Off),
            command("outlet.group.1.load.off")
        );
        let set = |value| Step::Send(Send::Set("outlet.2.switch".to_owned(), value));
        assert_eq!(steps("2", Action::On), Ok(vec![set("on")]));
        let pause = Step::Wait(Duration::from_secs(3));
        assert_eq!(
            steps("2", Action::Cycle),
            Ok(vec![set("off"), pause, set("on")])
        );
        let cycle = steps("4", Action::Cycle).unwrap();
        assert_eq!(cycle.get(1), Some(&Step::Wait(CYCLE_PAUSE)));
        assert_eq!(
            steps("3", Action::Off),
            Err("3 cannot be switched".to_owned())
        );
        assert_eq!(
            steps("group:1", Action::Cycle),
            Err("group:1 cannot be switched that way".to_owned())
        );
    }

    #[test]
    fn what_a_device_says_cannot_move_the_cursor() {
        let device = device();
        let (_, outlet) = device.find("3").unwrap();
        assert_eq!(outlet.title(), "?[2J (web)");
        assert_eq!(outlet.state(), "unknown");
    }
}
