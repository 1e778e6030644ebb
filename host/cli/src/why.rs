//! `husk why`: whether this machine would shut down now, and how far it is from that.
//!
//! A running upsmon is asked, since only it knows how long things have lasted. Without one every UPS is looked at once, by
//! reading alone: nobody logs in, nothing is set, and nothing follows from what is said here.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use husk_core::conf::upsmon::{self, Config};
use husk_core::monitor::explain::{self, Context};
use husk_core::monitor::{Event, Failure, Monitor, Reading, Stage, System};
use husk_core::proto::client::Error as Reply;
use husk_monitor::control::SOCKET;
use husk_monitor::security;

use crate::client::{CONNECT_TIMEOUT, Connection, Error, Security};
use crate::{logging, serve};

const HELP: &str = "
usage: husk why [--config DIR] [UPS]

Says whether this machine would shut down now, and why, or why not: what is known of each UPS of upsmon.conf (or of UPS),
every threshold with its value, the line it comes from and how far away it is, and settings that do nothing.

A running upsmon of husk is asked. Without one each UPS is looked at once, and upsmon.conf of DIR decides
(default: $NUT_CONFPATH, else /etc/nut).

Exit code: 0 whatever the answer, 1 if there is none.
";
/// Where the control socket is unless NUT_PIDPATH says otherwise.
const PID_PATH: &str = "/run/nut";
/// A upsmon that lives answers at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer: some hundred UPSes.
const MOST_BYTES: u64 = 1 << 20;

/// Runs `husk why` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let said = match parse(words) {
        Ok(Some((dir, ups))) => {
            logging::start("husk", 0, true);
            why(dir, ups.as_deref())
        }
        Ok(None) => Ok(HELP.to_owned()),
        Err(error) => {
            eprintln!("husk why: {error}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match said {
        // Who reads only the first lines has them.
        Ok(text) => {
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("husk why: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The directory and the UPS, where they are named.
type Asked = (Option<PathBuf>, Option<String>);

/// `None`: help is wanted.
fn parse(words: Vec<OsString>) -> Result<Option<Asked>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(words);
    let (mut dir, mut ups) = (None, None);
    while let Some(option) = parser.next()? {
        match option {
            Long("config") => dir = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            Value(word) if ups.is_none() => ups = Some(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some((dir, ups)))
}

fn why(dir: Option<PathBuf>, ups: Option<&str>) -> Result<String, String> {
    let given = std::env::var_os("NUT_PIDPATH").filter(|path| !path.is_empty());
    let socket = given.map_or_else(|| PID_PATH.into(), PathBuf::from);
    let socket = socket.join(SOCKET);
    match ask(&socket, ups) {
        Ok(text) if !text.is_empty() => Ok(text),
        Ok(_) => Err(format!("{}: upsmon gave no answer", socket.display())),
        Err(error) => {
            let text = look(&serve::source(dir, false).dir.join("upsmon.conf"), ups)?;
            let socket = socket.display();
            Ok(format!(
                "No upsmon of husk runs here ({socket}: {error}).\nAfter one look at each UPS it would say:\n\n{text}"
            ))
        }
    }
}

/// Asks a running upsmon.
fn ask(socket: &Path, ups: Option<&str>) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let word: String = ups.into_iter().flat_map(|ups| [" ", ups]).collect();
    stream.write_all(format!("why{word}\n").as_bytes())?;
    let mut text = String::new();
    stream.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// What a upsmon that has just started would think.
fn look(file: &Path, ups: Option<&str>) -> Result<String, String> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read {name}: {error}"))?;
    let (config, _) = upsmon::parse(&name, &bytes);
    if let Some(reason) = &config.fatal {
        return Err(format!("{name}: {reason}"));
    }
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = Duration::ZERO;
    let begun = Monitor::new(config.settings.clone(), now, wall.unwrap_or_default());
    let (mut monitor, _) = begun.map_err(|error| format!("{name}: {error}"))?;
    for (system, outcome) in readings(&config) {
        // What it wants done about it is not done.
        let _ = monitor.on(Event::Polled { system, outcome }, now);
    }
    let mut outlook = monitor.judgements(now);
    outlook.stage = Stage::Watching;
    let context = Context {
        settings: &config.settings,
        config: &config,
        file: &name,
        now,
    };
    Ok(explain::text(&outlook, &context, ups))
}

/// Reads all UPSes, none waiting for another.
fn readings(config: &Config) -> Vec<(Arc<str>, Result<Reading, Failure>)> {
    thread::scope(|scope| {
        let systems = config.settings.systems.iter();
        let asked: Vec<_> = systems
            .map(|system| {
                let security = security::of(config, &system.target.server);
                let reading = scope.spawn(move || read(system, &security));
                (Arc::clone(&system.name), reading)
            })
            .collect();
        let lost = || Failure::Lost("the question was not asked".to_owned());
        asked
            .into_iter()
            .map(|(name, reading)| (name, reading.join().unwrap_or_else(|_| Err(lost()))))
            .collect()
    })
}

fn read(system: &System, security: &Security) -> Result<Reading, Failure> {
    let target = &system.target;
    let connection = Connection::open(&target.server, Some(CONNECT_TIMEOUT), security);
    let mut connection = connection.map_err(|error| Failure::Connect(error.to_string()))?;
    let mut get = |name: &str| connection.get_one(&["VAR", &target.ups, name]);
    let status = get("ups.status").map_err(|error| match error {
        Error::Reply(Reply::Refused(refusal)) => Failure::Refused(refusal.token().to_owned()),
        Error::Reply(Reply::RefusedOtherwise(token)) => Failure::Refused(token),
        other => Failure::Lost(other.to_string()),
    })?;
    if status.trim().is_empty() {
        return Err(Failure::Empty);
    }
    let names = ["ups.mode.buzzwords", "experimental.ups.mode.buzzwords"];
    Ok(Reading {
        status,
        alarm: get("ups.alarm").ok(),
        buzzwords: names.into_iter().find_map(|name| get(name).ok()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn one_ups_may_be_named() {
        let words = |text: &str| parse(text.split_whitespace().map(OsString::from).collect());
        let (dir, ups) = words("--config /x rack1@pdu-a").unwrap().unwrap();
        assert_eq!(dir.unwrap(), Path::new("/x"));
        assert_eq!(ups.as_deref(), Some("rack1@pdu-a"));
        assert!(words("a b").is_err());
        assert!(words("-h").unwrap().is_none());
    }

    #[test]
    fn a_running_upsmon_is_asked_in_one_line() {
        let path = std::env::temp_dir().join(format!("husk-why-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let upsmon = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 64];
            let length = stream.read(&mut heard).unwrap();
            stream.write_all(b"No.\n").unwrap();
            heard.get(..length).unwrap().to_vec()
        });
        assert_eq!(ask(&path, Some("a@b")).unwrap(), "No.\n");
        assert_eq!(upsmon.join().unwrap(), b"why a@b\n");
        std::fs::remove_file(&path).unwrap();
        assert!(ask(&path, None).is_err());
    }
}
