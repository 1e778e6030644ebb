//! The system log: one datagram a line to the socket of the syslog daemon, in the format of RFC 3164 as local programs write it.
//!
//! Refuses to wait and to fail: a log that does not take a line loses it. Facility is always `daemon`. Programs say what they have to
//! say through the `log` crate; [`log()`] adds the severities that syslog has and the crate lacks, told apart by the line's target.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use log::{Level, Record};

/// Where syslog daemons listen.
const SOCKET: &str = "/dev/log";
/// The facility `daemon`.
const DAEMON: u8 = 3 << 3;

/// How urgent a line is; the numbers are syslog's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody must act at once.
    Alert = 1,
    /// A machine goes down.
    Critical = 2,
    /// Something failed.
    Error = 3,
    /// Something will fail.
    Warning = 4,
    /// Worth knowing: upsmon's notifications.
    Notice = 5,
    /// The ordinary course of things.
    Information = 6,
    /// For developers.
    Debug = 7,
}

impl Severity {
    /// The severity of a line of the `log` crate.
    pub fn of(record: &Record<'_>) -> Self {
        let named = [Self::Alert, Self::Critical, Self::Notice];
        let mut named = named.into_iter();
        if let Some(severity) = named.find(|severity| severity.target() == record.target()) {
            return severity;
        }
        match record.level() {
            Level::Error => Self::Error,
            Level::Warn => Self::Warning,
            Level::Info => Self::Information,
            Level::Debug | Level::Trace => Self::Debug,
        }
    }

    /// Its number for `<N>` before a line.
    pub const fn number(self) -> u8 {
        self as u8
    }

    fn target(self) -> &'static str {
        match self {
            Self::Alert => "husk::alert",
            Self::Critical => "husk::critical",
            Self::Notice => "husk::notice",
            _ => "husk",
        }
    }

    fn level(self) -> Level {
        match self {
            Self::Alert | Self::Critical | Self::Error => Level::Error,
            // Not information: a program told to be quiet still has to notify.
            Self::Warning | Self::Notice => Level::Warn,
            Self::Information => Level::Info,
            Self::Debug => Level::Debug,
        }
    }
}

/// Says a line with a severity of syslog's own.
pub fn log(severity: Severity, text: &str) {
    log::log!(target: severity.target(), severity.level(), "{text}");
}

/// A way to the system log.
#[derive(Debug)]
pub struct Syslog {
    program: String,
    path: PathBuf,
    socket: Mutex<Option<UnixDatagram>>,
}

impl Syslog {
    /// For lines of `program`; opened at the first one.
    pub fn new(program: &str) -> Self {
        Self::at(Path::new(SOCKET), program)
    }

    fn at(path: &Path, program: &str) -> Self {
        Self {
            program: program.to_owned(),
            path: path.to_owned(),
            socket: Mutex::new(None),
        }
    }

    /// Sends each line of the text.
    pub fn send(&self, severity: Severity, text: &str) {
        // Whoever panicked with the socket in hand has not broken it.
        let mut socket = self
            .socket
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        for line in text.lines() {
            let priority = DAEMON | severity.number();
            let line = format!(
                "<{priority}>{}[{}]: {line}",
                self.program,
                std::process::id()
            );
            let sent = |socket: &UnixDatagram| socket.send(line.as_bytes()).is_ok();
            if socket.as_ref().is_some_and(sent) {
                continue;
            }
            // The syslog daemon was started anew since, or never asked yet; if it still takes nothing, the line is lost.
            *socket = open(&self.path).ok().filter(sent);
        }
    }
}

fn open(path: &Path) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_line_is_a_datagram_and_a_restarted_daemon_is_found_again() {
        let dir = std::env::temp_dir().join(format!("husk-syslog-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("log");
        let log = Syslog::at(&path, "upsmon");
        log.send(Severity::Notice, "nobody listens");
        for _ in 0..2 {
            let daemon = UnixDatagram::bind(&path).unwrap();
            log.send(Severity::Notice, "UPS a on battery\nsecond");
            let mut buffer = [0; 100];
            for line in ["UPS a on battery", "second"] {
                let length = daemon.recv(&mut buffer).unwrap();
                let expected = format!("<29>upsmon[{}]: {line}", std::process::id());
                assert_eq!(buffer.get(..length), Some(expected.as_bytes()));
            }
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_line_keeps_its_severity_through_the_log_crate() {
        for severity in [
            Severity::Alert,
            Severity::Critical,
            Severity::Error,
            Severity::Warning,
            Severity::Notice,
            Severity::Information,
            Severity::Debug,
        ] {
            let mut record = Record::builder();
            let record = record.target(severity.target()).level(severity.level());
            assert_eq!(Severity::of(&record.build()), severity);
        }
    }
}
