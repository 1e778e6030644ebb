//! One monitored UPS with its connection, and one log with its file.
//!
//! Neither ends the program once it runs: a value that is not to be had is none, a line that cannot be written is told once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use husk_core::proto::client::{Error as Reply, Server, Target};
use tz::TimeZone;

use super::{calendar, format::Values, plan};
use crate::client::args::Args;
use crate::client::authconf::{self, Account};
use crate::client::tool::{Fatal, connect_timeout};
use crate::client::{Connection, Error, reason};

/// Names of all UPSes of a server, as [`System::new`] takes them.
///
/// # Errors
/// The server did not tell.
pub(super) fn names(server: &Server, args: &Args) -> Result<Vec<String>, Fatal> {
    let target = Target {
        ups: String::new(),
        server: server.clone(),
    };
    let account = authconf::find(args.value('A'), None, &target).map_err(Fatal)?;
    let mut connection = Connection::open(server, connect_timeout(args)?, &account.security)?;
    let host = match server.host.contains(':') {
        true => format!("[{}]", server.host),
        false => server.host.clone(),
    };
    let rows = connection.list(&["UPS"])?.into_iter();
    let names = rows.filter_map(|row| row.into_iter().next());
    Ok(names
        .map(|name| format!("{name}@{host}:{}", server.port))
        .collect())
}

/// One monitored UPS.
pub(super) struct System {
    /// Which of the logs its lines go to.
    pub(super) log: usize,
    /// As it was named.
    shown: String,
    target: Target,
    account: Account,
    timeout: Option<Duration>,
    connection: Option<Connection>,
    host: String,
    zone: TimeZone,
}

impl System {
    /// Reads what there is to know about its server; does not connect.
    ///
    /// # Errors
    /// Its name or nutauth.conf cannot be read.
    pub(super) fn new(shown: String, log: usize, args: &Args) -> Result<Self, Fatal> {
        let target = plan::parse(&shown)?;
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Ok(Self {
            log,
            account: authconf::find(args.value('A'), None, &target).map_err(Fatal)?,
            timeout: connect_timeout(args)?,
            connection: None,
            host: host.trim_end().to_owned(),
            zone: calendar::local_zone(),
            shown,
            target,
        })
    }

    /// Connects.
    ///
    /// # Errors
    /// Why that failed.
    pub(super) fn connect(&mut self) -> Result<(), Error> {
        let security = &self.account.security;
        self.connection = None;
        let connection = Connection::open(&self.target.server, self.timeout, security)?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Connects unless connected.
    pub(super) fn reconnect(&mut self) {
        if self.connection.is_none()
            && let Err(error) = self.connect()
        {
            log::debug!("cannot connect to {}: {error}", self.shown);
        }
    }

    /// Says goodbye to the server.
    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    fn now() -> Duration {
        // A clock before 1970 is not set yet.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }
}

impl Values for System {
    fn time(&self, format: &str) -> String {
        let seconds = i64::try_from(self.epoch()).unwrap_or(i64::MAX);
        calendar::strftime(format, seconds, &self.zone)
    }

    fn epoch(&self) -> u64 {
        Self::now().as_secs()
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn ups(&self) -> &str {
        &self.shown
    }

    /// Without a connection there is no value, and none is waited for again before the next line.
    fn variable(&mut self, name: &str) -> Option<String> {
        let connection = self.connection.as_mut()?;
        match connection.get_one(&["VAR", &self.target.ups, name]) {
            Ok(value) => Some(value),
            Err(Error::Reply(Reply::Refused(_) | Reply::RefusedOtherwise(_))) => None,
            Err(error) => {
                log::debug!("lost the server of {}: {error}", self.shown);
                self.connection = None;
                None
            }
        }
    }
}

/// One destination of lines; systems may share it.
pub(super) struct Log {
    name: String,
    /// `None`: stdout.
    file: Option<File>,
    /// The last line could not be written, and that was told.
    failing: bool,
}

impl Log {
    /// Opens a file for appending; `-` is stdout.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(name: &str) -> Result<Self, Fatal> {
        let file = match name {
            "-" => None,
            _ => Some(append(name).map_err(|error| {
                Fatal(format!("could not open logfile {name}: {}", reason(&error)))
            })?),
        };
        Ok(Self {
            name: name.to_owned(),
            file,
            failing: false,
        })
    }

    /// As it was named.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Opens the file anew, because it was moved away; if that fails, the old one stays.
    pub(super) fn reopen(&mut self) {
        if self.file.is_none() {
            return;
        }
        match append(&self.name) {
            Ok(file) => self.file = Some(file),
            Err(error) => log::error!(
                "could not reopen logfile {}: {}; the old one goes on",
                self.name,
                reason(&error)
            ),
        }
    }

    /// Writes a line; false if nobody will ever read it.
    pub(super) fn write(&mut self, line: &str) -> bool {
        let line = format!("{line}\n");
        let written = match &mut self.file {
            Some(file) => file.write_all(line.as_bytes()),
            None => io::stdout().lock().write_all(line.as_bytes()),
        };
        let Err(error) = written else {
            self.failing = false;
            return true;
        };
        if error.kind() == io::ErrorKind::BrokenPipe {
            return false;
        }
        if !self.failing {
            log::error!("cannot write to {}: {}", self.name, reason(&error));
        }
        self.failing = true;
        true
    }
}

fn append(name: &str) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_log_survives_rotation_and_what_prevents_it() {
        let dir = std::env::temp_dir().join(format!("husk-upslog-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let (name, moved) = (dir.join("log"), dir.join("moved"));
        let mut log = Log::open(name.to_str().unwrap()).unwrap();
        assert!(log.write("one"));
        fs::rename(&name, &moved).unwrap();
        assert!(log.write("two"));
        log.reopen();
        assert!(log.write("three"));
        assert_eq!(fs::read_to_string(&moved).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&name).unwrap(), "three\n");
        fs::remove_file(&name).unwrap();
        fs::create_dir(&name).unwrap();
        log.reopen();
        assert!(log.write("into the old one"));
        fs::remove_dir_all(&dir).unwrap();
        let Fatal(why) = Log::open(name.to_str().unwrap()).err().unwrap();
        assert!(why.ends_with("log: No such file or directory"), "{why}");
    }
}
