//! The link to one UPS: a task that keeps a connection to its server, answers the monitor's questions in their order and
//! passes on what the server says unasked.
//!
//! Links know nothing of one another, so a server that hangs delays only its own UPS. A link decides nothing: it connects when
//! asked something, and a connection that ends meanwhile is only noted. Each UPS has its own connection, as with NUT: a
//! server counts one LOGIN for each.

use std::sync::Arc;
use std::time::Duration;

use husk_core::monitor::{Event, Failure, Reading, Refused, Role, Step, System};
use husk_core::proto::client as wire;
use husk_tls::client::Security;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::addresses::{Addresses, Family};
use crate::connection::{Connection, Error};
use crate::limits;

/// Where buzzwords are, the standard name first.
const BUZZWORDS: [&str; 2] = ["ups.mode.buzzwords", "experimental.ups.mode.buzzwords"];

/// How to reach any server.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// For each address to accept.
    pub(crate) patience: Duration,
    /// Which addresses are tried.
    pub(crate) family: Family,
}

/// A question of the monitor.
#[derive(Debug)]
pub(crate) enum Ask {
    /// The status.
    Poll,
    /// Log in.
    LogIn,
    /// Announce the shutdown.
    SetFsd,
    /// How many are logged in.
    CountLogins,
    /// Close the connection.
    Disconnect,
    /// The configuration of this UPS changed.
    Become(Box<(System, Security)>),
    /// Say goodbye and end.
    Leave,
}

/// The monitor's end of a link. Dropping it closes the connection without a farewell.
pub(crate) struct Link {
    asks: mpsc::Sender<Ask>,
    task: JoinHandle<()>,
}

impl Link {
    /// Starts the task. Its answers go to `answers`.
    pub(crate) fn start(
        system: &System,
        security: &Security,
        reach: &Reach,
        answers: mpsc::Sender<Event>,
    ) -> Self {
        let (asks, asked) = mpsc::channel(limits::ASKS);
        let server = &system.target.server;
        let keeper = Keeper {
            system: system.clone(),
            security: security.clone(),
            addresses: Addresses::new(&server.host, server.port, reach.family),
            patience: reach.patience,
            session: None,
            told: false,
            answers,
        };
        Self {
            asks,
            task: tokio::spawn(keeper.run(asked)),
        }
    }

    /// Asks; false if too much is waiting already, and then nothing is answered.
    pub(crate) fn ask(&self, ask: Ask) -> bool {
        self.asks.try_send(ask).is_ok()
    }

    /// Says goodbye to the server.
    pub(crate) async fn leave(mut self) {
        let left = async {
            if self.asks.send(Ask::Leave).await.is_ok() {
                let _ = (&mut self.task).await;
            }
        };
        // A server that does not let us go in time notices that the connection is closed.
        let _ = tokio::time::timeout(limits::FAREWELL, left).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection and what the server has accepted on it.
struct Session {
    connection: Connection,
    user: bool,
    password: bool,
    logged_in: bool,
    /// The server was asked to tell of changes, whatever it answered.
    watching: bool,
}

/// The task of a link.
struct Keeper {
    system: System,
    security: Security,
    addresses: Addresses,
    patience: Duration,
    session: Option<Session>,
    /// The monitor knows of a change and has not polled since: a server that keeps saying so is not listened to.
    told: bool,
    answers: mpsc::Sender<Event>,
}

impl Keeper {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        loop {
            let ask = tokio::select! {
                biased;
                ask = asked.recv() => ask,
                heard = hear(&mut self.session), if !self.told => {
                    self.heard(heard).await;
                    continue;
                }
            };
            match ask {
                Some(Ask::Disconnect) => self.session = None,
                Some(Ask::Become(new)) => self.change(*new),
                Some(Ask::Leave) => {
                    if let Some(session) = self.session.take() {
                        session.connection.log_out().await;
                    }
                    return;
                }
                Some(ask) => {
                    if let Some(event) = self.answer(ask).await {
                        self.tell(event).await;
                    }
                }
                None => return,
            }
        }
    }

    /// A server takes one user on a connection, so another one needs another connection; the next question opens it.
    fn change(&mut self, (system, security): (System, Security)) {
        let old = &self.system;
        let same = (&old.user, &old.password) == (&system.user, &system.password);
        if !same || self.security != security {
            self.session = None;
        }
        (self.system, self.security) = (system, security);
    }

    async fn heard(&mut self, heard: Result<(), Error>) {
        let system = Arc::clone(&self.system.name);
        match heard {
            Ok(()) => {
                self.told = true;
                self.tell(Event::Changed { system }).await;
            }
            Err(error) => {
                log::info!("lost the connection of UPS [{system}]: {error}");
                self.session = None;
            }
        }
    }

    async fn answer(&mut self, ask: Ask) -> Option<Event> {
        let system = Arc::clone(&self.system.name);
        Some(match ask {
            Ask::Poll => Event::Polled {
                system,
                outcome: self.poll().await,
            },
            Ask::SetFsd => Event::FsdSet {
                system,
                outcome: self.set_fsd().await,
            },
            Ask::CountLogins => Event::Logins {
                system,
                outcome: self.count_logins().await,
            },
            Ask::LogIn => Event::LoggedIn {
                system,
                outcome: self.log_in().await?,
            },
            Ask::Disconnect | Ask::Become(_) | Ask::Leave => return None,
        })
    }

    async fn tell(&self, event: Event) {
        // Fails only while the program ends.
        let _ = self.answers.send(event).await;
    }

    /// The session, a new one if there is none.
    async fn session(&mut self) -> Result<&mut Session, Failure> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let opened = Connection::open(&mut self.addresses, self.patience, &self.security);
                let connection = opened
                    .await
                    .map_err(|error| Failure::Connect(error.to_string()))?;
                let system = Arc::clone(&self.system.name);
                self.tell(Event::Linked { system }).await;
                Session {
                    connection,
                    user: false,
                    password: false,
                    logged_in: false,
                    watching: false,
                }
            }
        };
        Ok(self.session.insert(session))
    }

    /// What the monitor is told of an error, after which the connection is closed unless the server only said no.
    fn failure(&mut self, error: Error) -> Failure {
        match error {
            Error::Reply(wire::Error::Refused(refusal)) => {
                Failure::Refused(refusal.token().to_owned())
            }
            Error::Reply(wire::Error::RefusedOtherwise(token)) => Failure::Refused(token),
            error => {
                self.session = None;
                Failure::Lost(error.to_string())
            }
        }
    }

    async fn poll(&mut self) -> Result<Reading, Failure> {
        self.told = false;
        let ups = self.system.target.ups.clone();
        let connection = &mut self.session().await?.connection;
        let until = Instant::now() + limits::REPLY;
        let status = match connection.get(&["VAR", &ups, "ups.status"], until).await {
            Ok(status) => status,
            Err(error) => return Err(self.failure(error)),
        };
        let mut reading = Reading {
            status,
            ..Reading::default()
        };
        // The status is what counts: a connection that breaks now tells so at the next poll.
        let more = details(connection, &ups, &mut reading, until).await;
        if more.is_err() {
            self.session = None;
        }
        Ok(reading)
    }

    async fn set_fsd(&mut self) -> Result<(), Failure> {
        let system = self.system.clone();
        let session = self.session().await?;
        let done = match session.introduce(&system).await {
            Ok(()) => session.connection.order(&["FSD", &system.target.ups]).await,
            Err(error) => Err(error),
        };
        done.map_err(|error| self.failure(error))
    }

    async fn count_logins(&mut self) -> Result<u32, Failure> {
        let ups = self.system.target.ups.clone();
        let connection = &mut self.session().await?.connection;
        let until = Instant::now() + limits::REPLY;
        let counted = match connection.get(&["NUMLOGINS", &ups], until).await {
            Ok(count) => count.parse().map_err(|_| wire::Error::Protocol.into()),
            // A lost device must not hide the machines it feeds: this list is given without it.
            Err(error) if error.is_refusal() => {
                let rows = connection.count(&["CLIENT", &ups], until).await;
                rows.map(|rows| u32::try_from(rows).unwrap_or(u32::MAX))
            }
            Err(error) => Err(error),
        };
        counted.map_err(|error| self.failure(error))
    }

    /// `None` if there is no connection, or none any more.
    async fn log_in(&mut self) -> Option<Result<(), Refused>> {
        let session = self.session.as_mut()?;
        let outcome = session.log_in(&self.system).await;
        let watched;
        let ended = match &outcome {
            Err((_, error)) if !error.is_refusal() => Some(error),
            _ => {
                watched = session.watch(&self.system.target.ups).await;
                watched.as_ref().err()
            }
        };
        if let Some(error) = ended {
            log::info!("lost the connection of UPS [{}]: {error}", self.system.name);
            self.session = None;
            return None;
        }
        Some(outcome.map_err(|(step, error)| Refused {
            step,
            reason: error.to_string(),
        }))
    }
}

impl Session {
    /// Says who we are; a server takes each word once on a connection.
    async fn introduce(&mut self, system: &System) -> Result<(), Error> {
        if !self.user {
            self.connection.order(&["USERNAME", &system.user]).await?;
            self.user = true;
        }
        if !self.password {
            let password = &system.password.0;
            self.connection.order(&["PASSWORD", password]).await?;
            self.password = true;
        }
        Ok(())
    }

    async fn log_in(&mut self, system: &System) -> Result<(), (Step, Error)> {
        let ups = &system.target.ups;
        let introduced = self.introduce(system).await;
        introduced.map_err(|error| (Step::Authentication, error))?;
        if !self.logged_in {
            let login = self.connection.order(&["LOGIN", ups]).await;
            login.map_err(|error| (Step::Login, error))?;
            self.logged_in = true;
        }
        if system.role == Role::Primary {
            let mut granted = self.connection.order(&["PRIMARY", ups]).await;
            if granted.as_ref().is_err_and(Error::is_refusal) {
                // Servers before NUT 2.8 know only this word.
                granted = self.connection.order(&["MASTER", ups]).await;
            }
            granted.map_err(|error| (Step::Primary, error))?;
        }
        Ok(())
    }

    /// Asks to be told of changes. Servers other than ours do not know the word; they are polled, as ever.
    async fn watch(&mut self, ups: &str) -> Result<(), Error> {
        if std::mem::replace(&mut self.watching, true) {
            return Ok(());
        }
        match self.connection.order(&["WATCH", ups]).await {
            Err(error) if !error.is_refusal() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Waits until the server says something unasked, for ever without a connection.
async fn hear(session: &mut Option<Session>) -> Result<(), Error> {
    match session {
        Some(session) => session.connection.changed().await,
        None => std::future::pending().await,
    }
}

/// What is only good to know.
async fn details(
    connection: &mut Connection,
    ups: &str,
    reading: &mut Reading,
    until: Instant,
) -> Result<(), Error> {
    for name in BUZZWORDS {
        reading.buzzwords = optional(connection.get(&["VAR", ups, name], until).await)?;
        if reading.buzzwords.is_some() {
            break;
        }
    }
    let mut words = reading.status.split_ascii_whitespace();
    if words.any(|word| word.eq_ignore_ascii_case("ALARM")) {
        reading.alarm = optional(connection.get(&["VAR", ups, "ups.alarm"], until).await)?;
    }
    Ok(())
}

fn optional(value: Result<String, Error>) -> Result<Option<String>, Error> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
