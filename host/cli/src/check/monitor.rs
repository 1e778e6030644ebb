//! What `husk check` says of upsmon.conf and upssched.conf: mistakes, settings that do nothing, what will fail at the very end.
//!
//! A machine without these files has no monitor, and that is no mistake. Nothing is connected to and nothing is run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use husk_core::conf::upsmon::{self, Config};
use husk_core::conf::upssched::{self, UpsschedConf};
use husk_core::monitor::{Flags, Kind, explain};
use husk_monitor::{Duties, security};
use husk_server::check::Findings;

/// Adds what is wrong with the files of `dir`.
pub(super) fn check(dir: &Path, found: &mut Findings) {
    let Some(monitor) = read(&dir.join("upsmon.conf"), found, upsmon::parse) else {
        return;
    };
    let file = dir.join("upsmon.conf").display().to_string();
    if let Some(reason) = &monitor.fatal {
        found.error(format!("{file}: {reason}"));
    }
    if readable_by_all(&dir.join("upsmon.conf")) {
        found.warning(format!(
            "{file} is world readable (hope you don't have passwords there)"
        ));
    }
    for (line, sentence) in explain::inert(&monitor.settings, &monitor) {
        found.warning_at(&file, line, sentence);
    }
    for flaw in Duties::new(&monitor).flaws() {
        found.warning(format!("{file}: {flaw}"));
    }
    certificates(&monitor, &file, found);
    let timers = read(&dir.join("upssched.conf"), found, upssched::parse);
    if let Some(timers) = timers {
        let file = dir.join("upssched.conf").display().to_string();
        for (line, sentence) in idle(&timers, &monitor) {
            found.warning_at(&file, Some(line), sentence);
        }
    }
}

type Parse<T> = fn(&str, &[u8]) -> (T, Vec<husk_core::conf::diag::Diagnostic>);

/// `None`: there is no such file, or it cannot be read, which is said.
fn read<T>(path: &Path, found: &mut Findings, parse: Parse<T>) -> Option<T> {
    let name = path.display().to_string();
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            found.error(format!("cannot read {name}: {error}"));
            return None;
        }
    };
    let (conf, mistakes) = parse(&name, &text);
    for mistake in &mistakes {
        found.diagnostic(mistake);
    }
    Some(conf)
}

fn readable_by_all(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

/// Each reason once, though many systems may share it.
fn certificates(monitor: &Config, file: &str, found: &mut Findings) {
    let servers = monitor.settings.systems.iter();
    let tried = servers.map(|system| security::of(monitor, &system.target.server));
    let mut reasons: Vec<String> = tried
        .filter_map(|security| husk_tls::client::config(&security).err())
        .map(|error| error.to_string())
        .collect();
    reasons.sort();
    reasons.dedup();
    for reason in reasons {
        found.error(format!("{file}: {reason}"));
    }
}

/// `AT` lines that never get their turn.
fn idle(timers: &UpsschedConf, monitor: &Config) -> Vec<(u32, String)> {
    let settings = &monitor.settings;
    let mut found = Vec::new();
    for rule in &timers.rules {
        let known = |name: &str| {
            let mut systems = settings.systems.iter();
            systems.any(|system| system.name.eq_ignore_ascii_case(name))
        };
        if let Some(name) = rule.system.as_deref().filter(|name| !known(name)) {
            let sentence =
                format!("no MONITOR line of upsmon.conf is for `{name}`, as written here");
            found.push((rule.line, sentence));
        }
        if let Some(kind) = Kind::named(&rule.kind)
            && !settings.notices.flags(kind).has(Flags::EXEC)
        {
            let name = kind.name();
            let sentence = format!(
                "upsmon.conf has no `NOTIFYFLAG {name}` with EXEC, so nothing is told of {name}"
            );
            found.push((rule.line, sentence));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn timers_that_never_start_are_pointed_out() {
        let (monitor, _) = upsmon::parse(
            "upsmon.conf",
            b"MONITOR a@h 1 u p primary\nNOTIFYCMD /sbin/upssched\nNOTIFYFLAG ONBATT EXEC\n",
        );
        let (timers, mistakes) = upssched::parse(
            "upssched.conf",
            b"CMDSCRIPT /x\nPIPEFN /p\nLOCKFN /l\nAT ONBATT A@H START-TIMER t 5\nAT ONLINE * CANCEL-TIMER t\n\
              AT ONBATT b@h EXECUTE c\n",
        );
        assert_eq!(mistakes, []);
        let found: Vec<_> = idle(&timers, &monitor);
        let lines: Vec<u32> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [5, 6], "{found:?}");
        let sentence = &found.first().unwrap().1;
        assert!(
            sentence.contains("no `NOTIFYFLAG ONLINE` with EXEC"),
            "{sentence}"
        );
    }
}
