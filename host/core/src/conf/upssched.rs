//! upssched.conf: which notification starts, cancels or runs what.
//!
//! Each `AT` line stands for itself and all that match are followed, in file order. Unlike upssched this reads the whole file
//! before anything is done: a mistake costs its own line, and the order of the three paths and the `AT` lines does not matter,
//! which is still pointed at because the incumbent refuses such a file.

use std::time::Duration;

use super::diag::{Diagnostic, Diagnostics, did_you_mean};
use super::lexer::Word;
use super::reader;
use crate::monitor::Kind;
use crate::sched::Command;

/// The whole file. Empty or `None`: not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpsschedConf {
    /// `CMDSCRIPT`: the program, then leading arguments.
    pub script: Vec<String>,
    /// `PIPEFN`: the socket of the process that keeps the timers.
    pub pipe: Option<String>,
    /// `LOCKFN`: exists while that process starts.
    pub lock: Option<String>,
    /// `DEBUG_MIN`.
    pub debug_min: Option<u8>,
    /// `AT` lines, in file order.
    pub rules: Vec<At>,
}

/// One `AT` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The kind of notification, in any case.
    pub kind: String,
    /// The UPS as its MONITOR line names it; `None`: each.
    pub system: Option<String>,
    /// What to do.
    pub command: Command,
    /// The line in the file.
    pub line: u32,
}

impl UpsschedConf {
    /// What to do about a notification, in file order.
    pub fn commands(&self, kind: &str, system: &str) -> impl Iterator<Item = &Command> {
        let is = |known: &str, word: &str| known.eq_ignore_ascii_case(word);
        let about = move |rule: &&At| {
            is(&rule.kind, kind) && rule.system.iter().all(|name| is(name, system))
        };
        self.rules.iter().filter(about).map(|rule| &rule.command)
    }

    /// The directive without which no `AT` line can be followed.
    pub fn missing(&self) -> Option<&'static str> {
        if self.script.is_empty() {
            return Some("CMDSCRIPT");
        }
        if self.pipe.is_none() {
            return Some("PIPEFN");
        }
        self.lock.is_none().then_some("LOCKFN")
    }
}

const DIRECTIVES: [&str; 5] = ["AT", "CMDSCRIPT", "PIPEFN", "LOCKFN", "DEBUG_MIN"];
const COMMANDS: [&str; 5] = [
    "START-TIMER",
    "START-TIMER-SHARED",
    "CANCEL-TIMER",
    "CANCEL-TIMER-MATCHED",
    "EXECUTE",
];

/// Reads an upssched.conf. Never fails: what cannot be used is left out and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (UpsschedConf, Vec<Diagnostic>) {
    let mut found = Diagnostics::new(file_name, text);
    let mut conf = UpsschedConf::default();
    let mut first_rule = None;
    for words in reader::lines(text, &mut found) {
        match words.as_slice() {
            [] => {}
            [name] => {
                let message = format!("`{}` needs a value and is ignored", name.text);
                found.error(name, message, unknown(&name.text));
            }
            [name, rest @ ..] => {
                if name.text == "AT" && first_rule.is_none() && conf.missing().is_some() {
                    first_rule = Some(name.clone());
                }
                conf.take(name, rest, &mut found);
            }
        }
    }
    if let Some(rule) = first_rule {
        match conf.missing() {
            Some(name) => found.error(
                &rule,
                format!("no AT line can be followed without {name}"),
                None,
            ),
            None => found.warn(
                &rule,
                "the incumbent's upssched refuses AT lines above CMDSCRIPT, PIPEFN and LOCKFN",
                "put those three first",
            ),
        }
    }
    (conf, found.finish())
}

impl UpsschedConf {
    fn take(&mut self, name: &Word, rest: &[Word], found: &mut Diagnostics<'_>) {
        let first = || rest.first().map(|word| word.text.clone());
        match name.text.as_str() {
            "CMDSCRIPT" => self.script = rest.iter().map(|word| word.text.clone()).collect(),
            "PIPEFN" => self.pipe = first(),
            "LOCKFN" => self.lock = first(),
            "AT" => self.rules.extend(rule(name, rest, found)),
            other if other.eq_ignore_ascii_case("DEBUG_MIN") => {
                let level = rest.first().and_then(|word| word.text.parse().ok());
                match (level, rest.first()) {
                    (None, Some(word)) => {
                        let message = format!("`{}` is no debug level", word.text);
                        found.error(word, message, "write a number from 0 to 9");
                    }
                    (level, _) => self.debug_min = level,
                }
            }
            other => {
                let message = format!("`{other}` is no directive of upssched.conf and ignored");
                found.error(name, message, unknown(other));
            }
        }
    }
}

fn unknown(name: &str) -> Option<String> {
    let known = DIRECTIVES.into_iter();
    did_you_mean(name, known.filter(|known| *known != name))
}

fn rule(name: &Word, rest: &[Word], found: &mut Diagnostics<'_>) -> Option<At> {
    let [kind, system, command, rest @ ..] = rest else {
        found.error(
            name,
            "this line is ignored: AT needs a notification, a UPS or `*`, and a command",
            "for example AT ONBATT * START-TIMER on-battery 30",
        );
        return None;
    };
    if Kind::named(&kind.text).is_none() {
        let known = Kind::ALL.iter().map(|kind| kind.name());
        let message = format!("there is no notification `{}`", kind.text);
        found.warn(
            kind,
            message,
            did_you_mean(&kind.text.to_ascii_uppercase(), known),
        );
    }
    Some(At {
        kind: kind.text.clone(),
        system: (system.text != "*").then(|| system.text.clone()),
        command: read_command(command, rest, found)?,
        line: name.line,
    })
}

fn read_command(word: &Word, rest: &[Word], found: &mut Diagnostics<'_>) -> Option<Command> {
    let command = word.text.as_str();
    if !COMMANDS.contains(&command) {
        let message = format!("this line is ignored: there is no command `{command}`");
        let near = did_you_mean(&command.to_ascii_uppercase(), COMMANDS.into_iter());
        let all = || format!("the commands are {}", COMMANDS.join(", "));
        found.error(word, message, near.unwrap_or_else(all));
        return None;
    }
    let Some((name, rest)) = rest.split_first() else {
        let message = format!("this line is ignored: {command} needs a name");
        found.error(word, message, None);
        return None;
    };
    let second = || rest.first().map(|word| word.text.clone());
    let name = name.text.clone();
    Some(match command {
        "START-TIMER" => Command::Start {
            name,
            after: after(word, rest.first(), found)?,
        },
        "START-TIMER-SHARED" => Command::StartShared {
            name,
            after: after(word, rest.first(), found)?,
        },
        "CANCEL-TIMER" => Command::Cancel {
            name,
            otherwise: second(),
        },
        "CANCEL-TIMER-MATCHED" => Command::CancelMatched {
            name,
            otherwise: second(),
        },
        _ => Command::Execute { name },
    })
}

/// The seconds of a timer.
fn after(command: &Word, word: Option<&Word>, found: &mut Diagnostics<'_>) -> Option<Duration> {
    let seconds = word.and_then(|word| word.text.parse::<u32>().ok());
    match (seconds, word) {
        (Some(seconds), _) if seconds > 0 => Some(Duration::from_secs(seconds.into())),
        (_, at) => {
            let message = format!(
                "this line is ignored: {} needs whole seconds, at least 1",
                command.text
            );
            let help = "EXECUTE runs a command at once";
            found.error(at.unwrap_or(command), message, help);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PATHS: &str = "CMDSCRIPT /bin/cmd -v\nPIPEFN /run/p\nLOCKFN /run/l\n";

    #[track_caller]
    fn check(text: &str, complaints: &[&str]) -> UpsschedConf {
        let (conf, found) = parse("upssched.conf", text.as_bytes());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), complaints.len(), "{found:#?}");
        for (found, complaint) in found.iter().zip(complaints) {
            assert!(found.contains(complaint), "{found} lacks {complaint}");
        }
        conf
    }

    #[test]
    fn a_full_file_is_read() {
        let conf = check(
            &format!(
                "{PATHS}debug_min 2\nAT ONBATT * START-TIMER out 30\nat x y z\nAT onbatt a@h START-TIMER-SHARED all 5\n\
                 AT ONLINE * CANCEL-TIMER out\nAT ONLINE * CANCEL-TIMER-MATCHED all back\nAT ONBATT b@h EXECUTE now\n"
            ),
            &["6:1: error: `at` is no directive of upssched.conf"],
        );
        assert_eq!(conf.script, ["/bin/cmd", "-v"]);
        assert_eq!((conf.debug_min, conf.missing()), (Some(2), None));
        let names = |kind, system| {
            let commands = conf.commands(kind, system);
            commands.cloned().collect::<Vec<_>>()
        };
        let (out, all) = ("out".to_owned(), "all".to_owned());
        let seconds = Duration::from_secs;
        let expected = [
            Command::Start {
                name: out.clone(),
                after: seconds(30),
            },
            Command::StartShared {
                name: all.clone(),
                after: seconds(5),
            },
        ];
        assert_eq!(names("ONBATT", "A@h"), expected);
        let expected = [
            Command::Cancel {
                name: out,
                otherwise: None,
            },
            Command::CancelMatched {
                name: all,
                otherwise: Some("back".to_owned()),
            },
        ];
        assert_eq!(names("online", ""), expected);
        assert_eq!(
            names("ONBATT", "b@h").last(),
            Some(&Command::Execute {
                name: "now".to_owned()
            })
        );
        assert!(names("FSD", "b@h").is_empty());
    }

    #[test]
    fn a_mistake_costs_its_line_and_is_pointed_at() {
        let conf = check(
            &format!(
                "{PATHS}AT ONBAT * EXECUTE a\nAT ONBATT *\nAT ONBATT * START-TIMR x 5\nAT ONBATT * START-TIMER x\n\
                 AT ONBATT * START-TIMER x 0\nAT ONBATT * START-TIMER x 5m\nAT ONBATT * EXECUTE\nPIPFN /x\nDEBUG_MIN x\n"
            ),
            &[
                "4:4: warning: there is no notification `ONBAT`",
                "5:1: error: this line is ignored: AT needs",
                "did you mean `START-TIMER`?",
                "7:13: error: this line is ignored: START-TIMER needs whole seconds",
                "8:27: error: this line is ignored: START-TIMER needs whole seconds",
                "9:27: error: this line is ignored: START-TIMER needs whole seconds",
                "10:13: error: this line is ignored: EXECUTE needs a name",
                "did you mean `PIPEFN`?",
                "12:11: error: `x` is no debug level",
            ],
        );
        assert_eq!(conf.rules.len(), 1);
    }

    #[test]
    fn the_three_paths_are_missed_only_where_a_rule_wants_them() {
        assert_eq!(check("# nothing\n", &[]).missing(), Some("CMDSCRIPT"));
        let rule = "AT FSD * EXECUTE x\n";
        check(
            &format!("CMDSCRIPT /x\n{rule}"),
            &["2:1: error: no AT line can be followed without PIPEFN"],
        );
        check(
            &format!("{rule}{PATHS}"),
            &["1:1: warning: the incumbent's upssched refuses"],
        );
    }
}
