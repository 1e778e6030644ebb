//! upsmon.conf: which UPSes feed this machine, and what to do when they fail it.
//!
//! Nonsense is ignored and pointed at, as upsmon does; only the number a value begins with is read, as upsmon does. Nothing of
//! a `MONITOR` line is shown from the user name on.

use std::sync::Arc;
use std::time::Duration;

use super::diag::{Diagnostic, Diagnostics, did_you_mean};
use super::lexer::Word;
use super::reader;
use super::upsd::CertIdent;
use crate::monitor::{
    At, Flags, Kind, Role, Secret, Settings, ShutdownExit, System, Template, Throttle,
};
use crate::proto::client::Target;

/// The whole file. `None` means not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// What decisions depend on.
    pub settings: Settings,
    /// `SHUTDOWNCMD`, word by word. One word is a line for the shell; further words are arguments to be quoted for it.
    pub shutdown_command: Option<At<Vec<String>>>,
    /// `NOTIFYCMD`, word by word.
    pub notify_command: Option<At<Vec<String>>>,
    /// `POWERDOWNFLAG`.
    pub power_down_flag: Option<At<String>>,
    /// `RUN_AS_USER`.
    pub run_as_user: Option<At<String>>,
    /// `CERTPATH`: authorities, bundle or directory.
    pub cert_path: Option<At<String>>,
    /// `CERTFILE`: our own certificate and key.
    pub cert_file: Option<At<String>>,
    /// `CERTIDENT`.
    pub cert_ident: Option<At<CertIdent>>,
    /// `CERTHOST` lines, in file order.
    pub cert_hosts: Vec<At<CertHost>>,
    /// `CERTVERIFY`: the server's certificate must be valid.
    pub cert_verify: At<bool>,
    /// `FORCESSL`: no plain connection.
    pub force_tls: At<bool>,
    /// `DEBUG_MIN`.
    pub debug_min: Option<At<u8>>,
    /// What upsmon refuses to start with, a sentence.
    pub fatal: Option<String>,
}

/// `CERTHOST host name verify force`: TLS rules for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertHost {
    /// `host[:port]` as in the `MONITOR` line.
    pub host: String,
    /// The name its certificate must have.
    pub name: String,
    /// Overrides `CERTVERIFY`; `None`: as there.
    pub verify: Option<bool>,
    /// Overrides `FORCESSL`; `None`: as there.
    pub force: Option<bool>,
}

const DIRECTIVES: [&str; 28] = [
    "MONITOR",
    "MINSUPPLIES",
    "SHUTDOWNCMD",
    "NOTIFYCMD",
    "POWERDOWNFLAG",
    "POLLFREQ",
    "POLLFREQALERT",
    "HOSTSYNC",
    "DEADTIME",
    "FINALDELAY",
    "NOCOMMWARNTIME",
    "RBWARNTIME",
    "OFFDURATION",
    "OVERDURATION",
    "OBLBDURATION",
    "POLLFAIL_LOG_THROTTLE_MAX",
    "ALARMCRITICAL",
    "SHUTDOWNEXIT",
    "RUN_AS_USER",
    "NOTIFYMSG",
    "NOTIFYFLAG",
    "CERTPATH",
    "CERTFILE",
    "CERTIDENT",
    "CERTHOST",
    "CERTVERIFY",
    "FORCESSL",
    "DEBUG_MIN",
];

/// The greatest number that is taken: ten years in seconds. Times that long can still be added up.
const MOST: i64 = 315_360_000;

/// Reads a upsmon.conf. Never fails: what cannot be used is left at its default and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (Config, Vec<Diagnostic>) {
    let mut found = Diagnostics::new(file_name, text);
    let mut config = Config::default();
    let lines = reader::lines(text, &mut found);
    for words in &lines {
        match words.as_slice() {
            [] => {}
            [name] => {
                let message = format!("`{}` needs a value and is ignored", name.text);
                found.error(name, message, unknown(&name.text));
            }
            [_, equals, ..] if reader::is_equals(equals) => {
                let message = "this line is ignored: upsmon.conf has no `=`";
                found.error(equals, message, "put a blank in its place");
            }
            [name, value, rest @ ..] => {
                if !config.process(name, value, rest, &mut found) {
                    config.settings.take(name, value, rest, &mut found);
                }
            }
        }
    }
    config.impatient(&lines, &mut found);
    (config, found.finish())
}

impl Config {
    /// Directives that concern the running program; whether this is one.
    fn process(
        &mut self,
        name: &Word,
        value: &Word,
        rest: &[Word],
        found: &mut Diagnostics<'_>,
    ) -> bool {
        let line = name.line;
        let text = || Some(At::line(value.text.clone(), line));
        let words = || {
            let words = [value].into_iter().chain(rest);
            Some(At::line(
                words.map(|word| word.text.clone()).collect(),
                line,
            ))
        };
        match name.text.as_str() {
            "MONITOR" => self.monitor(name, value, rest, found),
            "SHUTDOWNCMD" => self.shutdown_command = words(),
            "NOTIFYCMD" => self.notify_command = words(),
            "POWERDOWNFLAG" => self.power_down_flag = text(),
            "RUN_AS_USER" => self.run_as_user = text(),
            "CERTPATH" => self.cert_path = text(),
            "CERTFILE" => self.cert_file = text(),
            "CERTIDENT" => match rest.first() {
                Some(password) => {
                    let (name, password) = (value.text.clone(), password.text.clone());
                    self.cert_ident = Some(At::line(CertIdent { name, password }, line));
                }
                None => found.error(
                    name,
                    "CERTIDENT needs a name and a password",
                    "\"\" is an empty password",
                ),
            },
            "CERTHOST" => self.cert_host(name, value, rest, found),
            "CERTVERIFY" => switch(value, line, &mut self.cert_verify, found),
            "FORCESSL" => switch(value, line, &mut self.force_tls, found),
            other if other.eq_ignore_ascii_case("DEBUG_MIN") => {
                self.debug_min = number(value, found)
                    .map(|level| At::line(u8::try_from(level.max(0)).unwrap_or(u8::MAX), line));
            }
            _ => return false,
        }
        true
    }

    fn monitor(&mut self, name: &Word, ups: &Word, rest: &[Word], found: &mut Diagnostics<'_>) {
        let [power, user, password, role, ..] = rest else {
            let message = "this line is ignored: MONITOR needs five words";
            let help = "MONITOR ups@host powervalue user password primary|secondary";
            found.error(name, message, help);
            if rest.len() == 3 {
                // What versions before user names wrote; upsmon does not start with it.
                self.fatal = Some(format!(
                    "line {}: a MONITOR line without a user name is of no use: give it a user of upsd.users",
                    name.line
                ));
            }
            return;
        };
        if self.settings.system(&ups.text).is_some() {
            let message = format!("`{}` is monitored already; this line is ignored", ups.text);
            return found.warn(ups, message, None);
        }
        let target = match Target::parse(&ups.text) {
            Ok(target) => target,
            Err(wrong) => {
                let message = format!("this line is ignored: {wrong}");
                return found.error(ups, message, "write ups@host or ups@host:port");
            }
        };
        let Ok(power) = power.text.parse() else {
            let message = "this line is ignored: the power value is a number from 0 up";
            return found.error(power, message, "how many supplies of this machine it feeds");
        };
        let primary = ["primary", "master"];
        let secondary = ["secondary", "slave"];
        let is = |words: [&str; 2]| {
            words
                .iter()
                .any(|word| role.text.eq_ignore_ascii_case(word))
        };
        if !is(primary) && !is(secondary) {
            let message = "the role is neither primary nor secondary; taken as secondary";
            found.warn(role, message, "the fifth word of MONITOR is the role");
        }
        self.settings.systems.push(System {
            name: Arc::from(ups.text.as_str()),
            target,
            power,
            user: user.text.clone(),
            password: Secret(password.text.clone()),
            role: if is(primary) {
                Role::Primary
            } else {
                Role::Secondary
            },
            line: name.line,
        });
    }

    fn cert_host(&mut self, name: &Word, host: &Word, rest: &[Word], found: &mut Diagnostics<'_>) {
        let [certificate, verify, force, ..] = rest else {
            let message = "this line is ignored: CERTHOST needs four words";
            return found.error(name, message, "CERTHOST host certificate-name verify force");
        };
        let mut either = |word: &Word| match word.text.as_str() {
            "-1" => None,
            text => reader::truth(text).or_else(|| {
                let message = format!("`{}` is neither 0 nor 1; the general setting holds", text);
                found.error(word, message, None);
                None
            }),
        };
        let host = CertHost {
            host: host.text.clone(),
            name: certificate.text.clone(),
            verify: either(verify),
            force: either(force),
        };
        self.cert_hosts.push(At::line(host, name.line));
    }

    /// Says that the monitor would count a UPS as dead between two healthy polls.
    fn impatient(&self, lines: &[Vec<Word>], found: &mut Diagnostics<'_>) {
        let settings = &self.settings;
        let (dead, alert) = (settings.dead_time.value, settings.poll_alert.value);
        let named = |wanted: &str| {
            let mut all = lines.iter().rev().filter_map(|line| line.first());
            all.find(|name| name.text == wanted)
        };
        if dead < alert
            && let Some(name) = named("DEADTIME").or_else(|| named("POLLFREQALERT"))
        {
            let message = format!(
                "DEADTIME ({} s) is shorter than POLLFREQALERT ({} s): a UPS on battery would count as dead between two polls",
                dead.as_secs(),
                alert.as_secs()
            );
            found.warn(name, message, "make DEADTIME three times as long");
        }
    }
}

impl Settings {
    fn take(&mut self, name: &Word, value: &Word, rest: &[Word], found: &mut Diagnostics<'_>) {
        let line = name.line;
        match name.text.as_str() {
            "MINSUPPLIES" => {
                let count = number(value, found);
                if let Some(count) = count {
                    self.min_supplies = At::line(u32::try_from(count).unwrap_or(0), line);
                }
            }
            "POLLFREQ" => often(value, line, &mut self.poll, found),
            "POLLFREQALERT" => often(value, line, &mut self.poll_alert, found),
            "HOSTSYNC" => seconds(value, line, &mut self.host_sync, found),
            "DEADTIME" => seconds(value, line, &mut self.dead_time, found),
            "FINALDELAY" => seconds(value, line, &mut self.final_delay, found),
            "NOCOMMWARNTIME" => seconds(value, line, &mut self.no_comm_warn, found),
            "RBWARNTIME" => seconds(value, line, &mut self.replace_battery_warn, found),
            "OFFDURATION" => maybe(value, line, &mut self.off_duration, found),
            "OVERDURATION" => maybe(value, line, &mut self.over_duration, found),
            "OBLBDURATION" => {
                if let Some(time) = number(value, found) {
                    let time = Duration::from_secs(u64::try_from(time).unwrap_or(0));
                    self.low_battery_duration = At::line(time, line);
                }
            }
            "POLLFAIL_LOG_THROTTLE_MAX" => match number(value, found) {
                None => {}
                Some(0) => self.poll_fail_throttle = At::line(Throttle::Changes, line),
                Some(every) => match u32::try_from(every) {
                    Ok(every) => self.poll_fail_throttle = At::line(Throttle::Nth(every), line),
                    Err(_) => below_zero(value, found),
                },
            },
            "ALARMCRITICAL" => switch(value, line, &mut self.alarm_critical, found),
            "SHUTDOWNEXIT" => self.shutdown_exit = At::line(exit(value, found), line),
            "NOTIFYMSG" => self.notify_text(value, rest, found),
            "NOTIFYFLAG" => self.notify_flags(value, rest, found),
            other => {
                let message = format!("`{other}` is no directive of upsmon.conf and ignored");
                found.error(name, message, unknown(other));
            }
        }
    }

    fn notify_text(&mut self, kind: &Word, rest: &[Word], found: &mut Diagnostics<'_>) {
        let (Some(kind), Some((text, more))) = (notify_type(kind, found), rest.split_first())
        else {
            if rest.is_empty() {
                found.error(kind, "the text is missing; the line is ignored", None);
            }
            return;
        };
        if let Some(extra) = more.first() {
            let help = "put the whole text in double quotes";
            found.warn(extra, "only the first word of the text is used", help);
        }
        match Template::parse(kind, &text.text) {
            Ok(template) => self.notices.set_text(kind, template),
            Err(wrong) => {
                let message = format!("this text is not used: {wrong}");
                let help = format!("the text stays `{}`", kind.default_text());
                found.error(text, message, help);
            }
        }
    }

    fn notify_flags(&mut self, kind: &Word, rest: &[Word], found: &mut Diagnostics<'_>) {
        let (Some(kind), Some(words)) = (notify_type(kind, found), rest.first()) else {
            if rest.is_empty() {
                found.error(kind, "the flags are missing; the line is ignored", None);
            }
            return;
        };
        let mut flags = Flags::NONE;
        for word in words.text.split('+') {
            match Flags::named(word) {
                Some(flag) => flags = flags.and(flag),
                None => {
                    let message = format!("`{word}` is no way to tell; it is left out");
                    found.error(words, message, "the ways are SYSLOG, WALL, EXEC and IGNORE");
                }
            }
        }
        self.notices.set_flags(kind, flags);
    }
}

fn unknown(name: &str) -> Option<String> {
    let known = DIRECTIVES.into_iter();
    did_you_mean(name, known.filter(|known| *known != name))
}

fn notify_type(word: &Word, found: &mut Diagnostics<'_>) -> Option<Kind> {
    let kind = Kind::named(&word.text);
    if kind.is_none() {
        let message = format!("`{}` is no notification; the line is ignored", word.text);
        let names = Kind::ALL.iter().map(|kind| kind.name());
        found.error(word, message, did_you_mean(&word.text, names));
    }
    kind
}

/// The number a word begins with.
fn number(value: &Word, found: &mut Diagnostics<'_>) -> Option<i64> {
    let digits = value.text.strip_prefix('-').unwrap_or(&value.text);
    let sign = value.text.len() - digits.len();
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let end = sign + end.unwrap_or(digits.len());
    let (number, rest) = value.text.split_at_checked(end)?;
    let parsed: Option<i64> = number.parse().ok();
    match parsed {
        Some(more) if more > MOST => {
            let message = format!("`{}` is more than can be meant; {MOST} is used", value.text);
            found.warn(value, message, None);
        }
        None => {
            let message = format!("`{}` is no number and is ignored", value.text);
            found.error(value, message, None);
        }
        Some(_) if !rest.is_empty() => {
            let message = format!("`{}` is read as {number}", value.text);
            found.warn(value, message, "write the number alone");
        }
        Some(_) => {}
    }
    parsed.map(|number| number.min(MOST))
}

fn below_zero(value: &Word, found: &mut Diagnostics<'_>) {
    found.error(value, "a number below 0 is ignored here", None);
}

fn seconds(value: &Word, line: u32, into: &mut At<Duration>, found: &mut Diagnostics<'_>) {
    match number(value, found).map(u64::try_from) {
        Some(Ok(time)) => *into = At::line(Duration::from_secs(time), line),
        Some(Err(_)) => below_zero(value, found),
        None => {}
    }
}

/// Seconds between two polls.
fn often(value: &Word, line: u32, into: &mut At<Duration>, found: &mut Diagnostics<'_>) {
    seconds(value, line, into, found);
    if into.value.is_zero() {
        into.value = Duration::from_secs(1);
        found.warn(
            value,
            "polling without a pause helps nobody; 1 s is used",
            None,
        );
    }
}

/// Seconds, or below 0 for never.
fn maybe(value: &Word, line: u32, into: &mut At<Option<Duration>>, found: &mut Diagnostics<'_>) {
    if let Some(time) = number(value, found) {
        *into = At::line(u64::try_from(time).ok().map(Duration::from_secs), line);
    }
}

/// 0 or 1; yes and no are understood too.
fn switch(value: &Word, line: u32, into: &mut At<bool>, found: &mut Diagnostics<'_>) {
    let truth = reader::truth(&value.text);
    match truth.or_else(|| value.text.parse::<i64>().map(|number| number != 0).ok()) {
        Some(on) => *into = At::line(on, line),
        None => {
            let message = format!("`{}` is neither 0 nor 1 and ignored", value.text);
            found.error(value, message, None);
        }
    }
}

/// `SHUTDOWNEXIT`: a truth word, or seconds.
fn exit(value: &Word, found: &mut Diagnostics<'_>) -> ShutdownExit {
    match value.text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => return ShutdownExit::Now,
        "no" | "off" | "false" => return ShutdownExit::Never,
        _ => {}
    }
    match number(value, found) {
        None | Some(0) => ShutdownExit::Now,
        Some(time) => match u64::try_from(time) {
            Ok(time) => ShutdownExit::After(Duration::from_secs(time)),
            Err(_) => ShutdownExit::Never,
        },
    }
}

#[cfg(test)]
mod tests;
