//! Drivers that run inside a running server: asked for over its control socket.
//!
//! The classic server runs no drivers and says so; then all of them are processes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use husk_core::conf::ups::Section;
use husk_server::control::{self, Command, Driver};

use super::Control;
use super::plan::Word;
use super::process;

/// A server that lives answers at once.
const LOOK: Duration = Duration::from_secs(5);
/// The server's own deadline for an order to a driver is 60 s.
const ORDER: Duration = Duration::from_secs(70);
/// How often a starting driver is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// The running server, if there is one.
pub(super) struct Server {
    socket: PathBuf,
    drivers: Vec<Inside>,
}

/// One driver in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inside {
    name: String,
    pub(super) state: State,
    /// The server's process.
    pub(super) pid: String,
    pub(super) status: String,
    trouble: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Starting,
    Stopped,
}

impl Server {
    /// Asks which drivers run inside the server of this state path; none if there is none.
    pub(super) fn look(state_path: &Path) -> Self {
        let socket = control::socket_path(state_path);
        let drivers = match control::ask(&socket, &Command::Drivers, LOOK) {
            Ok(Ok(text)) => text.lines().filter_map(Inside::parse).collect(),
            Ok(Err(reason)) => {
                log::debug!("{}: {}", socket.display(), reason.trim_end());
                Vec::new()
            }
            Err(error) => {
                log::debug!("no server to ask: {}: {error}", socket.display());
                Vec::new()
            }
        };
        Self { socket, drivers }
    }

    /// Whether the driver of this UPS is the server's.
    pub(super) fn runs(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Inside> {
        self.drivers.iter().find(|inside| inside.name == name)
    }

    /// Starts a driver and waits, as long as for a process, until it has reported.
    pub(super) fn start(&self, control: &Control, section: &Section) -> Result<(), String> {
        self.order(control, Driver::Start, &section.name)?;
        let patience = process::Patience::of(section, &control.conf.global);
        if control.flags.test || patience.no_wait {
            return Ok(());
        }
        let start = Instant::now();
        loop {
            let server = Self::look(control.state_path.as_path());
            let now = server.find(&section.name);
            let now = now.ok_or("the server has stopped or forgotten it")?;
            if now.state == State::Running {
                return Ok(());
            }
            if patience
                .per_attempt
                .is_some_and(|most| start.elapsed() >= most)
            {
                return Err(match now.trouble.as_str() {
                    "" => "it has not reported yet; the server keeps trying".to_owned(),
                    trouble => {
                        format!("Driver failed to start ({trouble}); the server keeps trying")
                    }
                });
            }
            std::thread::sleep(PAUSE);
        }
    }

    pub(super) fn stop(&self, control: &Control, name: &str) -> Result<(), String> {
        self.order(control, Driver::Stop, name)
    }

    pub(super) fn cut_power(&self, control: &Control, name: &str) -> Result<(), String> {
        self.order(control, Driver::CutPower, name)
    }

    /// The server reads its configuration for all drivers at once.
    pub(super) fn tell(&self, control: &Control, name: &str, word: Word) -> Result<(), String> {
        match word {
            Word::Dump => Err("it runs inside the server; `upsc` shows its variables".to_owned()),
            Word::Exit => self.stop(control, name),
            _ => self.ask(control, &Command::Reload),
        }
    }

    fn order(&self, control: &Control, what: Driver, name: &str) -> Result<(), String> {
        self.ask(control, &Command::Driver(what, name.to_owned()))
    }

    fn ask(&self, control: &Control, command: &Command) -> Result<(), String> {
        log::trace!("asking the running server: {}", command.line());
        if control.flags.test {
            return Ok(());
        }
        match control::ask(&self.socket, command, ORDER) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(reason)) => Err(reason.trim_end().to_owned()),
            Err(error) => Err(format!("the server does not answer: {error}")),
        }
    }
}

impl Inside {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Self {
            name: fields.next()?,
            state: match fields.next()?.as_str() {
                "running" => State::Running,
                "stopped" => State::Stopped,
                _ => State::Starting,
            },
            pid: fields.next()?,
            status: fields.next()?,
            trouble: fields.next().unwrap_or_default(),
        })
    }
}
