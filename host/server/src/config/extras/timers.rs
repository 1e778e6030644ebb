//! `[[timer]]` of husk.toml: what upssched does, without a script and without another process.
//!
//! ```toml
//! [[timer]]
//! name = "long outage"
//! on = ["ONBATT"]                    # notifications that start it, for each UPS its own
//! cancel = ["ONLINE"]                # those that cancel it
//! ups = "rack@localhost"             # as in the MONITOR line; "*", the default: each
//! after = 300                        # seconds
//! do = "shutdown"                    # a forced shutdown, or instead:
//! run = ["/usr/local/bin/mail-me"]   # a program with arguments, and the timer's name as the last one
//! ```
//! A timer with a mistake is left out as a whole: half of one that shuts down would be worse than none.

use husk_core::monitor::Kind;
use husk_core::sched::{Rule, What};
use std::ops::Range;
use std::time::Duration;
use toml::de::DeValue;

use super::{Entries, Reader, Value};

const KEYS: [&str; 7] = ["name", "on", "cancel", "ups", "after", "do", "run"];

/// The keys of one timer that could be read.
#[derive(Default)]
struct Draft {
    name: Option<String>,
    on: Vec<String>,
    cancel: Vec<String>,
    ups: Option<String>,
    after: Option<Duration>,
    what: Option<What>,
}

impl Draft {
    fn rule(self) -> Option<Rule> {
        let rule = Rule {
            name: self.name?,
            on: self.on,
            cancel: self.cancel,
            system: self.ups.filter(|ups| ups != "*"),
            after: self.after?,
            what: self.what?,
        };
        (!rule.on.is_empty() && rule.what != What::Run(Vec::new())).then_some(rule)
    }
}

impl Reader<'_> {
    pub(super) fn timers(&mut self, value: &Value<'_>) -> Vec<Rule> {
        let DeValue::Array(items) = value.get_ref() else {
            self.error(
                value.span(),
                "expected [[timer]], in two brackets".to_owned(),
            );
            return Vec::new();
        };
        let mut rules: Vec<Rule> = Vec::new();
        for item in items.iter() {
            let Some(rule) = self
                .table(item)
                .and_then(|table| self.timer(table, item.span()))
            else {
                continue;
            };
            if rules.iter().any(|other| other.name == rule.name) {
                let message = format!(
                    "there is a timer `{}` already; this one is left out",
                    rule.name
                );
                self.error(item.span(), message);
                continue;
            }
            rules.push(rule);
        }
        rules
    }

    fn timer(&mut self, table: Entries<'_, '_>, span: Range<usize>) -> Option<Rule> {
        let before = self.found.len();
        let mut draft = Draft::default();
        for (key, value) in table.iter() {
            match key.get_ref().as_ref() {
                "name" => draft.name = self.word(value).filter(|name| !name.contains('\0')),
                "on" => draft.on = self.kinds(value),
                "cancel" => draft.cancel = self.kinds(value),
                "ups" => draft.ups = self.word(value),
                "after" => draft.after = self.seconds(value),
                "do" | "run" if draft.what.is_some() => {
                    self.error(
                        key.span(),
                        "a timer either does something or runs something".to_owned(),
                    );
                }
                "do" => match self.word(value).as_deref() {
                    Some("shutdown") => draft.what = Some(What::ShutDown),
                    Some(other) => {
                        let message =
                            format!("there is nothing called `{other}` to do, only shutdown");
                        self.error(value.span(), message);
                    }
                    None => {}
                },
                "run" => {
                    let words = self.words(value).into_iter().map(|(word, _)| word);
                    draft.what = Some(What::Run(words.collect()));
                }
                other => self.unknown(key.span(), other, &KEYS),
            }
        }
        let mistaken = self.found.len() > before;
        let rule = draft.rule().filter(|_| !mistaken);
        if rule.is_none() {
            let why = match mistaken {
                true => "there is a mistake in it",
                false => "it needs name, on, after, and do or run",
            };
            self.error(span, format!("this timer is left out because {why}"));
        }
        rule
    }

    /// Notifications, by the names of upsmon.conf.
    fn kinds(&mut self, value: &Value<'_>) -> Vec<String> {
        let mut kinds = Vec::new();
        for (word, span) in self.words(value) {
            match Kind::named(&word) {
                Some(kind) => kinds.push(kind.name().to_owned()),
                None => {
                    let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                    self.unknown(span, &word, &known);
                }
            }
        }
        kinds
    }

    fn seconds(&mut self, value: &Value<'_>) -> Option<Duration> {
        let seconds = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse::<u32>().ok(),
            _ => None,
        };
        if seconds.is_none() {
            self.error(value.span(), "expected whole seconds".to_owned());
        }
        seconds.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::super::parse;
    use super::*;

    #[test]
    fn timers_are_read() {
        let text = b"[[timer]]\nname = \"a\"\non = [\"onbatt\"]\ncancel = [\"ONLINE\"]\nafter = 300\ndo = \"shutdown\"\n\
            [[timer]]\nname = \"b\"\non = [\"COMMBAD\", \"NOCOMM\"]\nups = \"r@h\"\nafter = 0\nrun = [\"/x\", \"y\"]\n";
        let (extras, found) = parse("husk.toml", text);
        assert_eq!(found, []);
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let shutdown = Rule {
            name: "a".to_owned(),
            on: words(&["ONBATT"]),
            cancel: words(&["ONLINE"]),
            system: None,
            after: Duration::from_secs(300),
            what: What::ShutDown,
        };
        let run = Rule {
            name: "b".to_owned(),
            on: words(&["COMMBAD", "NOCOMM"]),
            cancel: Vec::new(),
            system: Some("r@h".to_owned()),
            after: Duration::ZERO,
            what: What::Run(words(&["/x", "y"])),
        };
        assert_eq!(extras.timers, [shutdown, run]);
    }

    #[track_caller]
    fn check(keys: &str, complaint: &str) {
        let text = format!("[[timer]]\n{keys}\n");
        let (extras, found) = parse("husk.toml", text.as_bytes());
        assert_eq!(extras.timers, []);
        let all: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(all[0].contains(complaint), "{all:?}");
        assert!(
            all[all.len() - 1].contains("this timer is left out"),
            "{all:?}"
        );
    }

    #[test]
    fn one_with_a_mistake_is_left_out_and_pointed_at() {
        let rest = "name = \"a\"\nafter = 1\non = [\"ONBATT\"]";
        check(
            &format!("{rest}\ndo = \"shutdwon\""),
            "nothing called `shutdwon`",
        );
        check(
            &format!("{rest}\ndo = \"shutdown\"\nrun = [\"/x\"]"),
            "either does something",
        );
        check(
            &format!("{rest}\ndo = \"shutdown\"\ncancell = []"),
            "did you mean `cancel`?",
        );
        check(rest, "it needs name, on, after");
        check(&format!("{rest}\nrun = []"), "it needs name, on, after");
        check(
            "name = \"a\"\nafter = \"1m\"\non = [\"ONBATT\"]\ndo = \"shutdown\"",
            "expected whole seconds",
        );
        check(
            "name = \"a\"\nafter = 1\non = [\"ONBAT\"]\ndo = \"shutdown\"",
            "did you mean `ONBATT`?",
        );
    }

    #[test]
    fn names_are_unique_and_the_table_is_a_list() {
        let one = "[[timer]]\nname = \"a\"\nafter = 1\non = [\"ONBATT\"]\ndo = \"shutdown\"\n";
        let (extras, found) = parse("husk.toml", one.repeat(2).as_bytes());
        assert_eq!((extras.timers.len(), found.len()), (1, 1));
        let (extras, found) = parse("husk.toml", b"[timer]\nname = \"a\"\n");
        assert_eq!((extras.timers.len(), found.len()), (0, 1));
    }
}
