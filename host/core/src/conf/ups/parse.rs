//! Reading ups.conf.
//!
//! Departures from NUT, all towards harm avoided: statements after an unusable header (`[my ups]` without quotes, a name
//! given twice) are dropped instead of landing in the section before, and a number must be one to its last letter.

use std::str::FromStr;
use std::time::Duration;

use super::{Common, Section, Setting, Synchronous, UpsConf};
use crate::conf::diag::{Diagnostic, Diagnostics, did_you_mean, may_be_secret};
use crate::conf::lexer::Word;
use crate::conf::reader::{self, Statement};
use crate::report::{is_name, is_number, is_value};

/// Keywords before the first section.
const GLOBAL: [&str; 4] = ["chroot", "driverpath", "statepath", "nowait"];
/// Keywords before the first section or in one.
const COMMON: [&str; 11] = [
    "pollinterval",
    "synchronous",
    "user",
    "group",
    "maxstartdelay",
    "maxretry",
    "retrydelay",
    "debug_min",
    "reconnect_max_tries",
    "reconnect_report_freq",
    "LIBUSB_DEBUG",
];
/// Keywords in a section that the host acts on.
const SECTION: [&str; 9] = [
    "driver",
    "port",
    "desc",
    "sdorder",
    "sdcommands",
    "allow_killpower",
    "nolock",
    "ignorelb",
    "sddelay",
];
/// Keywords that stand alone.
const FLAGS: [&str; 4] = ["nowait", "allow_killpower", "nolock", "ignorelb"];
/// Keywords of the host that clients see all the same.
pub(super) const PUBLISHED: [&str; 4] = ["port", "sdcommands", "nolock", "ignorelb"];
/// Options of common drivers that are near a keyword of the host without being meant as it.
const DRIVER_OPTIONS: [&str; 12] = [
    "bus", "busport", "cable", "device", "mode", "offdelay", "ondelay", "pollfreq", "pollonly",
    "product", "sdtype", "serial",
];
/// Thresholds that do nothing without `ignorelb`.
const THRESHOLDS: [&str; 2] = ["battery.charge.low", "battery.runtime.low"];

/// Whether a section's option of this name is the host's business.
pub(super) fn is_host_keyword(name: &str) -> bool {
    SECTION.contains(&name) || COMMON.contains(&name) || is_debug_min(name)
}

/// Reads a ups.conf. Never fails: what cannot be used is left out and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (UpsConf, Vec<Diagnostic>) {
    let mut found = Diagnostics::new(file_name, text);
    let lines = reader::lines(text, &mut found);
    let mut parser = Parser {
        found,
        conf: UpsConf::default(),
        place: Place::Global,
    };
    for words in &lines {
        if let Some(statement) = reader::statement(words) {
            parser.take(statement);
        }
    }
    parser.close();
    (parser.conf, parser.found.finish())
}

struct Parser<'a> {
    found: Diagnostics<'a>,
    conf: UpsConf,
    place: Place,
}

/// Where the statement being read belongs.
enum Place {
    Global,
    Section(Word, Box<Section>),
    /// After a header that cannot be used.
    Nowhere,
}

impl Parser<'_> {
    fn take(&mut self, statement: Statement<'_>) {
        match statement {
            Statement::Header(word, name) => self.open(word, name),
            Statement::Other(name, _) if name.text.starts_with('[') && !name.quoted => {
                self.close();
                self.place = Place::Nowhere;
                self.found.error(
                    name,
                    "a section's name ends with `]` in the same word; this section is left out",
                    "put a name with blanks in quotes, brackets and all: \"[my ups]\"",
                );
            }
            _ if matches!(self.place, Place::Nowhere) => {}
            Statement::Flag(name) => self.flag(name),
            Statement::Assignment(name, words) => {
                if let Some(value) = reader::one_word(words, &mut self.found) {
                    self.assign(name, value);
                }
            }
            Statement::Other(name, rest) => {
                let help = match rest {
                    [equals] if reader::is_equals(equals) => {
                        "give a value after `=`; \"\" is an empty one".into()
                    }
                    [value, ..] if !may_be_secret(&name.text) => {
                        format!("write `{} = {}`", name.text, value.text)
                    }
                    _ => format!("write `{} = value`", name.text),
                };
                self.found
                    .warn(name, "this line is ignored, it is no `name = value`", help);
            }
        }
    }

    fn open(&mut self, word: &Word, name: &str) {
        self.close();
        self.place = Place::Nowhere;
        if name.is_empty() {
            self.found.error(
                word,
                "a section without a name is left out",
                "put the UPS's name in the brackets",
            );
            return;
        }
        let twice = |section: &Section| section.name.eq_ignore_ascii_case(name);
        if self.conf.sections.iter().any(twice) {
            let message =
                format!("the name [{name}] is taken by a section above; this one is left out");
            self.found
                .error(word, message, "rename it; names differ in more than case");
            return;
        }
        if name.contains(['@', ':']) {
            let message =
                "clients cannot name this UPS: they read `@` and `:` as parts of an address";
            self.found.warn(word, message, None);
        }
        let section = Section {
            name: name.to_owned(),
            ..Section::default()
        };
        self.place = Place::Section(word.clone(), Box::new(section));
    }

    /// Keeps the section that ends here, if it can be used.
    fn close(&mut self) {
        let Place::Section(header, section) = std::mem::replace(&mut self.place, Place::Global)
        else {
            return;
        };
        let missing = match (section.driver.is_empty(), section.port.is_empty()) {
            (false, false) => {
                self.look_for_inert(&section);
                self.conf.sections.push(*section);
                return;
            }
            (true, true) => "`driver` and no `port`",
            (true, false) => "`driver`",
            (false, true) => "`port`",
        };
        let message = format!(
            "section [{}] has no {missing} and is left out",
            section.name
        );
        self.found.error(
            &header,
            message,
            "a section needs `driver = ` and `port = `",
        );
    }

    fn look_for_inert(&mut self, section: &Section) {
        if section.ignore_low_battery {
            return;
        }
        for option in &section.options {
            let variable =
                prefixed(&option.name).map(|(_, variable)| variable.to_ascii_lowercase());
            if variable.is_some_and(|name| THRESHOLDS.contains(&name.as_str())) {
                self.found.warn(
                    &option.word(),
                    "this only changes the number clients see; the device still decides when its battery is low",
                    "add `ignorelb` to have low battery decided by this threshold",
                );
            }
        }
    }

    fn flag(&mut self, name: &Word) {
        let known = FLAGS.contains(&name.text.as_str());
        match &mut self.place {
            Place::Global if name.text == "nowait" => self.conf.global.no_wait = true,
            Place::Section(_, section) if known => section.raise(name),
            Place::Section(_, _)
                if is_host_keyword(&name.text) || prefixed(&name.text).is_some() =>
            {
                let message = format!("`{}` needs a value and is ignored", name.text);
                self.found
                    .error(name, message, format!("write `{} = value`", name.text));
            }
            Place::Section(_, section) => {
                section.keep(name, None);
                self.suspect(name);
            }
            _ => self.stray(name),
        }
    }

    fn assign(&mut self, name: &Word, value: &Word) {
        if FLAGS.contains(&name.text.as_str()) {
            let help = format!("write `{}` alone, or leave it out", name.text);
            self.found
                .warn(name, "this is a flag and takes no value", help);
            if reader::truth(&value.text) == Some(true) {
                self.flag(name);
            }
            return;
        }
        match &mut self.place {
            Place::Nowhere => {}
            Place::Global => {
                let global = &mut self.conf.global;
                let path = Some(value.text.clone());
                match name.text.as_str() {
                    "chroot" => global.chroot = path,
                    "driverpath" => global.driver_path = path,
                    other if other.eq_ignore_ascii_case("statepath") => global.state_path = path,
                    _ if common(&mut global.common, name, value, &mut self.found) => {}
                    _ => self.stray(name),
                }
            }
            Place::Section(_, section) => {
                if section
                    .options
                    .iter()
                    .any(|option| option.name == name.text)
                {
                    let message = format!("`{}` is given twice; this one counts", name.text);
                    self.found.warn(name, message, None);
                }
                if common(&mut section.common, name, value, &mut self.found)
                    || section_keyword(section, name, value, &mut self.found)
                {
                    section.keep(name, Some(value));
                } else if prefixed(&name.text).is_some() {
                    if preset(name, value, &mut self.found) {
                        section.keep(name, Some(value));
                    }
                } else {
                    section.keep(name, Some(value));
                    self.suspect(name);
                }
            }
        }
    }

    /// An option for the driver that looks like a mistyped keyword of the host.
    fn suspect(&mut self, name: &Word) {
        if DRIVER_OPTIONS.contains(&name.text.as_str()) {
            return;
        }
        let known = SECTION.into_iter().chain(COMMON);
        if let Some(help) = did_you_mean(&name.text, known) {
            let message = format!("`{}` is not a keyword and goes to the driver", name.text);
            self.found.warn(name, message, help);
        }
    }

    /// A statement that means nothing before the first section.
    fn stray(&mut self, name: &Word) {
        let known = GLOBAL.into_iter().chain(COMMON);
        let help = if SECTION.contains(&name.text.as_str()) {
            Some(format!("`{}` belongs below a `[name]`", name.text))
        } else {
            did_you_mean(&name.text, known)
        };
        let message = format!("`{}` means nothing before the first section", name.text);
        self.found.warn(name, message, help);
    }
}

impl Section {
    fn keep(&mut self, name: &Word, value: Option<&Word>) {
        self.options.retain(|option| option.name != name.text);
        self.options.push(Setting {
            name: name.text.clone(),
            value: value.map(|word| word.text.clone()),
            at: (name.line, name.col),
        });
    }

    fn raise(&mut self, name: &Word) {
        match name.text.as_str() {
            "allow_killpower" => self.allow_killpower = true,
            "nolock" => self.no_lock = true,
            "ignorelb" => self.ignore_low_battery = true,
            _ => return,
        }
        self.keep(name, None);
    }
}

impl Setting {
    fn word(&self) -> Word {
        let (line, col) = self.at;
        Word {
            text: self.name.clone(),
            line,
            col,
            quoted: false,
        }
    }
}

/// Takes a keyword that may stand in both places; false if it is none.
fn common(common: &mut Common, name: &Word, value: &Word, found: &mut Diagnostics<'_>) -> bool {
    match name.text.as_str() {
        "pollinterval" => {
            if let Some(seconds) = number::<u32>(value, "seconds, 1 or more", found) {
                if seconds == 0 {
                    found.error(
                        value,
                        "the time between polls cannot be 0; 2 s is used",
                        "write 1 or more seconds",
                    );
                } else {
                    common.poll_interval = Some(Duration::from_secs(seconds.into()));
                }
            }
        }
        "synchronous" => common.synchronous = Some(synchronous(value, found)),
        "user" => common.user = Some(value.text.clone()),
        "group" => common.group = Some(value.text.clone()),
        "maxstartdelay" => {
            if let Some(seconds) = number::<i32>(value, "seconds; negative waits for ever", found) {
                let seconds = u64::try_from(seconds).ok();
                common.max_start_delay = Some(seconds.map(Duration::from_secs));
            }
        }
        "maxretry" => {
            common.max_retry = number::<i32>(value, "a number of attempts", found)
                .map(|tries| u32::try_from(tries).unwrap_or(1).max(1));
        }
        "retrydelay" => {
            common.retry_delay =
                number::<u32>(value, "seconds", found).map(|s| Duration::from_secs(s.into()));
        }
        "reconnect_max_tries" => common.reconnect_max_tries = number(value, "a number", found),
        "reconnect_report_freq" => common.reconnect_report_freq = number(value, "a number", found),
        // NUT falls back to 4 (debug) on anything it cannot read.
        "LIBUSB_DEBUG" => {
            common.libusb_debug = number(value, "a level from 0 to 4", found).or(Some(4))
        }
        other if is_debug_min(other) => {
            common.debug_min = number::<i32>(value, "a level; negative is none", found)
                .and_then(|level| u8::try_from(level.min(u8::MAX.into())).ok());
        }
        _ => return false,
    }
    true
}

/// Takes a keyword of a section; false if it is none.
fn section_keyword(
    section: &mut Section,
    name: &Word,
    value: &Word,
    found: &mut Diagnostics<'_>,
) -> bool {
    match name.text.as_str() {
        "driver" => section.driver = value.text.clone(),
        "port" => section.port = value.text.clone(),
        "desc" => section.desc = Some(value.text.clone()),
        "sdorder" => {
            let place = "a number; negative is left out of a shutdown";
            section.shutdown_order = number(value, place, found).unwrap_or_default();
        }
        "sdcommands" => {
            let commands = value
                .text
                .split(',')
                .map(str::trim)
                .filter(|command| !command.is_empty());
            section.shutdown_commands = commands.map(str::to_owned).collect();
            for command in &section.shutdown_commands {
                if husk_names::command(command).is_none() {
                    let known = husk_names::COMMANDS.iter().map(|known| known.name);
                    let message = format!("no command called `{command}` is known");
                    found.warn(value, message, did_you_mean(command, known));
                }
            }
        }
        "sddelay" => found.warn(
            name,
            "`sddelay` is obsolete and does nothing",
            "leave it out",
        ),
        _ => return false,
    }
    true
}

/// Whether `override.x` or `default.x` can be used; warns if it can but should not.
fn preset(name: &Word, value: &Word, found: &mut Diagnostics<'_>) -> bool {
    let Some((prefix, variable)) = prefixed(&name.text) else {
        return false;
    };
    if !is_name(variable) {
        found.error(
            name,
            format!("`{variable}` cannot be the name of a variable"),
            None,
        );
        return false;
    }
    if !is_value(&value.text) {
        found.error(
            value,
            "a variable holds at most 255 printable characters",
            "shorten the value",
        );
        return false;
    }
    let Some(about) = husk_names::variable(variable) else {
        let known = husk_names::VARIABLES.iter().map(|known| known.name);
        if let Some(help) = did_you_mean(variable, known) {
            found.warn(
                name,
                format!("no variable called `{variable}` is known"),
                help,
            );
        }
        return true;
    };
    if about.unit.is_number() && !is_number(&value.text) {
        let message = format!("`{variable}` is a number; clients may stumble over this text");
        found.warn(value, message, "write digits with a point as fraction mark");
    }
    if about.name == "ups.status" && prefix.eq_ignore_ascii_case("override.") {
        let message = "with its status overridden this UPS can never report a power failure";
        found.warn(name, message, "use this in simulations only");
    }
    true
}

fn synchronous(value: &Word, found: &mut Diagnostics<'_>) -> Synchronous {
    match value.text.as_str() {
        "yes" => Synchronous::Yes,
        "no" => Synchronous::No,
        "auto" => Synchronous::Auto,
        other => {
            let help = did_you_mean(other, ["yes", "no", "auto"].into_iter());
            found.warn(value, "expected yes, no or auto; taken as no", help);
            Synchronous::No
        }
    }
}

fn number<T: FromStr>(value: &Word, expected: &str, found: &mut Diagnostics<'_>) -> Option<T> {
    let parsed = value.text.parse().ok();
    if parsed.is_none() {
        let message = format!("`{}` is not {expected}; the setting is ignored", value.text);
        found.error(value, message, "write a whole number without a unit");
    }
    parsed
}

/// `override.` or `default.` in any case, and the variable behind it.
pub(super) fn prefixed(name: &str) -> Option<(&str, &str)> {
    ["override.", "default."].iter().find_map(|prefix| {
        let (head, tail) = name.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some((head, tail))
    })
}

fn is_debug_min(name: &str) -> bool {
    name.eq_ignore_ascii_case("debug_min")
}

#[cfg(test)]
mod tests;
