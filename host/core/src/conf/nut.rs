//! nut.conf, as far as it concerns us: which services this machine runs, what they tolerate, how its power ends.
//!
//! The file is read by shells and by systemd, so it holds `NAME=value` without blanks. Nothing is expanded or executed here:
//! a value with `$` or a backquote is taken as it stands, and pointed at.

use super::diag::{Diagnostic, Diagnostics, did_you_mean};
use super::lexer::Word;
use super::reader;
use std::time::Duration;

/// The file; `None`: not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NutConf {
    /// `MODE`: what this machine is.
    pub mode: Option<Mode>,
    /// `ALLOW_NO_DEVICE`; wins over upsd.conf.
    pub allow_no_device: Option<bool>,
    /// `ALLOW_NOT_ALL_LISTENERS`; wins over upsd.conf.
    pub allow_not_all_listeners: Option<bool>,
    /// `NUT_DEBUG_LEVEL`.
    pub debug_level: Option<u8>,
    /// `POWEROFF_WAIT`: how long the power may take to go after it was cut, before the machine is started again.
    pub poweroff_wait: Option<Duration>,
    /// `POWEROFF_QUIET`: not a word while the power is cut.
    pub poweroff_quiet: Option<bool>,
}

/// What a machine is to NUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not configured; nothing is to start.
    None,
    /// A UPS for itself alone.
    Standalone,
    /// A UPS for others too.
    NetServer,
    /// Watches a UPS of another machine; no server here.
    NetClient,
    /// Somebody else starts what is needed.
    Manual,
}

impl Mode {
    /// Whether a server belongs on such a machine.
    pub fn serves(self) -> bool {
        !matches!(self, Self::None | Self::NetClient)
    }
}

const MODES: [(&str, Mode); 6] = [
    ("none", Mode::None),
    ("standalone", Mode::Standalone),
    ("netserver", Mode::NetServer),
    ("netclient", Mode::NetClient),
    ("controlled", Mode::Manual),
    ("manual", Mode::Manual),
];
/// Every name NUT's own programs and units look at.
const NAMES: [&str; 13] = [
    "MODE",
    "ALLOW_NO_DEVICE",
    "ALLOW_NOT_ALL_LISTENERS",
    "UPSD_OPTIONS",
    "UPSMON_OPTIONS",
    "POWEROFF_WAIT",
    "POWEROFF_QUIET",
    "NUT_DEBUG_LEVEL",
    "NUT_DEBUG_PID",
    "NUT_DEBUG_PROCNAME",
    "NUT_DEBUG_SYSLOG",
    "NUT_IGNORE_CHECKPROCNAME",
    "NUT_QUIET_INIT_UPSNOTIFY",
];

/// Reads a nut.conf. Never fails: what cannot be used is left out and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (NutConf, Vec<Diagnostic>) {
    let mut found = Diagnostics::new(file_name, text);
    let mut conf = NutConf::default();
    // One character a byte, so that columns are those of the file.
    let ascii = |&byte: &u8| {
        if byte.is_ascii() {
            char::from(byte)
        } else {
            '?'
        }
    };
    let decoded: String = text.iter().map(ascii).collect();
    for (line, number) in decoded.lines().zip(1..) {
        conf.take(line, number, &mut found);
    }
    (conf, found.finish())
}

impl NutConf {
    fn take(&mut self, line: &str, number: u32, found: &mut Diagnostics<'_>) {
        let word = |text: &str, at: usize| Word {
            text: text.to_owned(),
            line: number,
            col: u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1),
            quoted: false,
        };
        let trimmed = line.trim_start();
        let trimmed = trimmed.strip_prefix("export ").unwrap_or(trimmed);
        let start = line.len() - trimmed.len();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return;
        }
        let Some((name, rest)) = trimmed.split_once('=') else {
            let message = "this line is ignored: it is no `NAME=value`";
            found.error(&word(trimmed.trim_end(), start), message, None);
            return;
        };
        if name.ends_with(char::is_whitespace) || rest.starts_with([' ', '\t']) {
            let message = "this line is ignored: shells take no blanks around `=`";
            let help = format!("write `{}={}`", name.trim(), rest.trim());
            found.error(&word(name.trim_end(), start), message, help);
            return;
        }
        let Some(text) = unquoted(rest) else {
            let message = "this line is ignored: its quote has no end";
            found.error(&word(name, start), message, None);
            return;
        };
        let value = word(&text, start + name.len() + 1);
        if text.contains(['$', '`']) {
            let message = "nothing is expanded here; the value is taken as it stands";
            found.warn(&value, message, None);
        }
        self.assign(&word(name, start), &value, found);
    }

    fn assign(&mut self, name: &Word, value: &Word, found: &mut Diagnostics<'_>) {
        match name.text.as_str() {
            "MODE" => {
                let known = MODES.iter();
                let mode = known.clone().find(|(word, _)| is(word, &value.text));
                self.mode = mode.map(|&(_, mode)| mode);
                if mode.is_none() {
                    let words = known.map(|&(word, _)| word);
                    let help = did_you_mean(&value.text, words).unwrap_or_else(|| {
                        "the modes are none, standalone, netserver, netclient, manual".into()
                    });
                    found.error(value, format!("there is no mode `{}`", value.text), help);
                }
            }
            "ALLOW_NO_DEVICE" => self.allow_no_device = truth(value, found),
            "ALLOW_NOT_ALL_LISTENERS" => self.allow_not_all_listeners = truth(value, found),
            "POWEROFF_QUIET" => self.poweroff_quiet = truth(value, found),
            "POWEROFF_WAIT" if !value.text.is_empty() => {
                self.poweroff_wait = wait_time(&value.text);
                if self.poweroff_wait.is_none() {
                    let message =
                        format!("`{}` is no time; the power is not waited for", value.text);
                    found.error(value, message, "write it as for sleep(1), such as 15m");
                }
            }
            "NUT_DEBUG_LEVEL" if !value.text.is_empty() => {
                self.debug_level = value.text.parse().ok();
                if self.debug_level.is_none() {
                    let message = format!("`{}` is no debug level", value.text);
                    found.error(value, message, "write a number from 0 to 9");
                }
            }
            other if NAMES.contains(&other) => {}
            // Any other variable may be meant for a script, but hardly one that is nearly ours.
            other => {
                if let Some(help) = did_you_mean(other, NAMES.into_iter()) {
                    found.warn(name, format!("`{other}` means nothing to NUT"), help);
                }
            }
        }
    }
}

fn is(known: &str, word: &str) -> bool {
    known.eq_ignore_ascii_case(word)
}

/// An empty value is as good as none.
fn truth(value: &Word, found: &mut Diagnostics<'_>) -> Option<bool> {
    let truth = reader::truth(&value.text);
    if truth.is_none() && !value.text.is_empty() {
        let message = format!("`{}` is neither yes nor no", value.text);
        found.error(value, message, "write true or false");
    }
    truth
}

/// Words of sleep(1), whose sum is waited for: a number, maybe with a fraction, and `s`, `m`, `h` or `d`. `infinity` is a
/// day: something is to happen in the end. `None` if it is no such time.
fn wait_time(text: &str) -> Option<Duration> {
    const DAY: u64 = 86_400;
    let mut sum = Duration::ZERO;
    for word in text.split_whitespace() {
        let (number, unit) = match word.find(|c: char| !c.is_ascii_digit() && c != '.') {
            Some(at) => word.split_at_checked(at)?,
            None => (word, "s"),
        };
        let seconds = match (number, unit) {
            ("", "infinity" | "inf") => DAY as f64,
            (number, "s") => number.parse().ok()?,
            (number, "m") => number.parse::<f64>().ok()? * 60.0,
            (number, "h") => number.parse::<f64>().ok()? * 3600.0,
            (number, "d") => number.parse::<f64>().ok()? * DAY as f64,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
    }
    (!text.trim().is_empty()).then(|| sum.min(Duration::from_secs(DAY)))
}

/// A shell word without its quotes, and without the comment behind it.
fn unquoted(rest: &str) -> Option<String> {
    let rest = rest.trim_end();
    for quote in ['"', '\''] {
        if let Some(inside) = rest.strip_prefix(quote) {
            return inside.split_once(quote).map(|(text, _)| text.to_owned());
        }
    }
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    rest.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(text: &str, complaints: &[&str]) -> NutConf {
        let (conf, found) = parse("nut.conf", text.as_bytes());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), complaints.len(), "{found:#?}");
        for (found, complaint) in found.iter().zip(complaints) {
            assert!(found.contains(complaint), "{found} lacks {complaint}");
        }
        conf
    }

    #[test]
    fn what_concerns_the_server_is_read() {
        let conf = check(
            "# MODE=none\n\nMODE=netserver # all\nexport ALLOW_NO_DEVICE=\"true\"\n\
             ALLOW_NOT_ALL_LISTENERS='no'\nUPSD_OPTIONS=\"-D -F\"\nNUT_DEBUG_LEVEL=2\nMY_OWN=1\nPOWEROFF_WAIT=\n",
            &[],
        );
        let expected = NutConf {
            mode: Some(Mode::NetServer),
            allow_no_device: Some(true),
            allow_not_all_listeners: Some(false),
            debug_level: Some(2),
            poweroff_wait: None,
            poweroff_quiet: None,
        };
        assert_eq!(conf, expected);
        assert!(Mode::Standalone.serves() && !Mode::NetClient.serves());
    }

    #[test]
    fn mistakes_are_pointed_at() {
        let conf = check(
            "MODE = netserver\nMODE=netserv\nMDOE=none\nALLOW_NO_DEVICE=perhaps\nnonsense\nNUT_DEBUG_LEVEL=x\n\
             UPSD_OPTIONS=\"-D\nUPSMON_OPTIONS=$X\nPOWEROFF_WAIT=long\n",
            &[
                "1:1: error: this line is ignored: shells take no blanks",
                "2:6: error: there is no mode `netserv`",
                "3:1: warning: `MDOE` means nothing",
                "4:17: error: `perhaps`",
                "5:1: error: this line is ignored: it is no",
                "6:17: error: `x` is no debug level",
                "7:1: error: this line is ignored: its quote",
                "8:16: warning: nothing is expanded",
                "9:15: error: `long` is no time",
            ],
        );
        assert_eq!(conf, NutConf::default());
    }

    #[test]
    fn waits_are_written_as_for_sleep() {
        let rows = [
            ("15m", Some(900.0)),
            ("90", Some(90.0)),
            ("0.5h 1s", Some(1801.0)),
            ("infinity", Some(86_400.0)),
            ("4000d", Some(86_400.0)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("5x", None),
            (".", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(
                wait_time(text),
                seconds.map(Duration::from_secs_f64),
                "{text}"
            );
        }
    }
}
