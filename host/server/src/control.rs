//! The control socket: how `husk plugin` and its like speak to a running server.
//!
//! `<statepath>/husk.ctl`, mode 0600. A conversation is one request line and one reply: the first line is
//! `OK` or `ERR`, text for people follows, the end is the end of the stream. Whoever may open the socket
//! may do everything on it, so nothing here is reachable over a network.
//!
//! | request | reply |
//! |--|--|
//! | `status` | one line per UPS: name, state, plugin, version, what it waits for |
//! | `plugin list` | one line per plugin: name, version, digest, origin |
//! | `plugin show NAME` | everything known about a plugin |
//! | `plugin reload NAME` | loads the newest file and replaces the instances, or says why it did not |
//! | `drivers` | one line per UPS whose driver the server runs |
//! | `driver start\|stop\|shutdown NAME` | does that with the driver of one UPS, or says why not |
//! | `reload` | reads the configuration again, as SIGHUP does |
//! | `stop` | a clean stop, as SIGTERM does |

use crate::limits;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `status`
    Status,
    /// `plugin list`
    PluginList,
    /// `plugin show NAME`
    PluginShow(String),
    /// `plugin reload NAME`
    PluginReload(String),
    /// `drivers`
    Drivers,
    /// `driver start NAME` and its like
    Driver(Driver, String),
    /// `reload`
    Reload,
    /// `stop`
    Stop,
}

/// What is done with one driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// `start`
    Start,
    /// `stop`
    Stop,
    /// `shutdown`: the UPS takes the power from what it feeds.
    CutPower,
}

impl Driver {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::CutPower => "shutdown",
        }
    }
}

/// What is answered: text for people, or why not.
pub type Reply = Result<String, String>;

/// Where the socket of a server with this state path is.
pub fn socket_path(state_path: &Path) -> PathBuf {
    state_path.join("husk.ctl")
}

impl Command {
    /// The request line without its end.
    pub fn line(&self) -> String {
        match self {
            Self::Status => "status".to_owned(),
            Self::PluginList => "plugin list".to_owned(),
            Self::PluginShow(name) => format!("plugin show {name}"),
            Self::PluginReload(name) => format!("plugin reload {name}"),
            Self::Drivers => "drivers".to_owned(),
            Self::Driver(what, name) => format!("driver {} {name}", what.word()),
            Self::Reload => "reload".to_owned(),
            Self::Stop => "stop".to_owned(),
        }
    }

    /// Reads a request line.
    ///
    /// # Errors
    /// A sentence with what would have been understood.
    pub fn parse(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["status"] => Ok(Self::Status),
            ["plugin", "list"] => Ok(Self::PluginList),
            ["plugin", "show", name] => Ok(Self::PluginShow((*name).to_owned())),
            ["plugin", "reload", name] => Ok(Self::PluginReload((*name).to_owned())),
            ["drivers"] => Ok(Self::Drivers),
            ["driver", what, _, ..] => {
                let all = [Driver::Start, Driver::Stop, Driver::CutPower];
                let known = all.into_iter().find(|known| known.word() == *what);
                // A quoted section header may have blanks in its name.
                let name = line.splitn(3, ' ').nth(2).unwrap_or_default();
                known
                    .map(|known| Self::Driver(known, name.trim_end().to_owned()))
                    .ok_or_else(|| format!("not understood: {what}"))
            }
            ["reload"] => Ok(Self::Reload),
            ["stop"] => Ok(Self::Stop),
            _ => Err(
                "not understood; known: status, plugin list, plugin show NAME, plugin reload NAME, drivers, driver start|stop|shutdown NAME, reload, stop"
                    .to_owned(),
            ),
        }
    }
}

/// Asks a running server and waits for its reply, at most `patience`.
///
/// # Errors
/// Nobody listens (`NotFound`, `ConnectionRefused`), no permission, or no reply in time.
pub fn ask(socket: &Path, command: &Command, patience: Duration) -> std::io::Result<Reply> {
    let mut stream = BlockingStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(limits::CONTROL_READ))?;
    stream.write_all(format!("{}\n", command.line()).as_bytes())?;
    let mut text = String::new();
    stream
        .take(limits::CONTROL_REPLY)
        .read_to_string(&mut text)?;
    match text.split_once('\n') {
        Some(("OK", text)) => Ok(Ok(text.to_owned())),
        Some(("ERR", reason)) => Ok(Err(reason.to_owned())),
        _ => Err(std::io::Error::new(
            ErrorKind::InvalidData,
            "the server closed the conversation without a reply",
        )),
    }
}

/// Opens the socket. A socket that nobody listens on any more is replaced.
///
/// # Errors
/// `AddrInUse` when another server listens; else what the system says.
pub fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match BlockingStream::connect(path) {
        Ok(_) => {
            return Err(std::io::Error::new(
                ErrorKind::AddrInUse,
                "another server answers there",
            ));
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused && is_socket(path) => {
            std::fs::remove_file(path)?;
        }
        Err(_) => {}
    }
    // Nobody can connect between bind and chmod: the socket is created without rights for others.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn is_socket(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|meta| meta.file_type().is_socket())
}

/// Reads the request of one conversation.
///
/// # Errors
/// A sentence to reply with: too long, too slow, not understood.
pub async fn receive(stream: &mut UnixStream) -> Result<Command, String> {
    let mut line = Vec::new();
    let read = async {
        while !line.contains(&b'\n') {
            if line.len() > limits::CONTROL_LINE {
                return Err(format!("longer than {} bytes", limits::CONTROL_LINE));
            }
            match stream.read_buf(&mut line).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    };
    match tokio::time::timeout(limits::CONTROL_READ, read).await {
        Ok(done) => done?,
        Err(_) => return Err("no request line in time".to_owned()),
    }
    let text = String::from_utf8_lossy(&line);
    Command::parse(text.lines().next().unwrap_or_default())
}

/// Sends the reply and ends the conversation.
pub async fn answer(mut stream: UnixStream, reply: &Reply) {
    let text = match reply {
        Ok(text) => format!("OK\n{text}"),
        Err(reason) => format!("ERR\n{reason}"),
    };
    let write = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await
    };
    if let Ok(Err(error)) = tokio::time::timeout(limits::WRITE, write).await {
        log::debug!("control socket: reply not delivered: {error}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_command_survives_the_wire() {
        for command in [
            Command::Status,
            Command::PluginList,
            Command::PluginShow("megatec".to_owned()),
            Command::PluginReload("dummy-ups".to_owned()),
            Command::Drivers,
            Command::Driver(Driver::Start, "lab".to_owned()),
            Command::Driver(Driver::CutPower, "my lab".to_owned()),
            Command::Reload,
            Command::Stop,
        ] {
            assert_eq!(Command::parse(&command.line()), Ok(command));
        }
        assert!(Command::parse("plugin reload").is_err());
        assert!(Command::parse("").is_err());
        assert!(Command::parse("driver stop").is_err());
        assert!(Command::parse("driver pause lab").is_err());
    }

    #[tokio::test]
    async fn a_conversation_and_its_permissions() {
        let path = std::env::temp_dir().join(format!("husk-ctl-{}", std::process::id()));
        let listener = bind(&path).unwrap();
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let busy = bind(&path).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::AddrInUse);

        let server = tokio::spawn(async move {
            // The probe of the second bind is the first to be accepted; it says nothing.
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let reply = match receive(&mut stream).await {
                    Ok(Command::PluginReload(name)) => Err(format!("no plugin {name}\n")),
                    Ok(command) => Ok(format!("heard {command:?}\n")),
                    Err(reason) => Err(reason),
                };
                answer(stream, &reply).await;
            }
        });
        let socket = path.clone();
        let (good, bad) = tokio::task::spawn_blocking(move || {
            let patience = Duration::from_secs(5);
            (
                ask(&socket, &Command::Status, patience).unwrap(),
                ask(&socket, &Command::PluginReload("x".to_owned()), patience).unwrap(),
            )
        })
        .await
        .unwrap();
        assert_eq!(good, Ok("heard Status\n".to_owned()));
        assert_eq!(bad, Err("no plugin x\n".to_owned()));
        server.await.unwrap();

        // The socket file is stale now and is replaced.
        let listener = bind(&path).unwrap();
        drop(listener);
        std::fs::remove_file(&path).unwrap();
    }
}
