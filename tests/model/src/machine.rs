//! A machine that runs the monitor: the real one, and what its runtime does with questions and answers.
//!
//! Every question becomes the words of the protocol and every answer is read by the product's own client side. What the
//! monitor asks for besides comes out as a [`Deed`].

use crate::server::{SUPPLIES, Seat, Server, Supply, USER};
use husk_core::monitor::{
    Action, At, Event, Failure, Kind, Monitor, Reading, Refused, Role, Secret, Settings, Step,
    System,
};
use husk_core::proto::Refusal;
use husk_core::proto::client::{self, Error, Line, Listing, Target};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What the monitor may ask of a supply's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// [`Action::Poll`]
    Poll,
    /// [`Action::LogIn`]
    LogIn,
    /// [`Action::SetFsd`]
    SetFsd,
    /// [`Action::CountLogins`]
    CountLogins,
}

impl Ask {
    /// Whether it leaves the server as it was.
    pub fn reads(self) -> bool {
        matches!(self, Self::Poll | Self::CountLogins)
    }
}

/// What a machine does to the world around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Closes the connection of this supply.
    HangUp(usize),
    /// Tells people.
    Tell(Kind),
    /// Writes POWERDOWNFLAG and runs SHUTDOWNCMD.
    ShutDown,
    /// Ends the monitor.
    Exit,
}

/// A monitor at work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    /// The product's.
    pub monitor: Monitor,
    /// Questions to each supply's server that are not answered, oldest first.
    pub asks: [VecDeque<Ask>; SUPPLIES.len()],
    /// When the monitor wants to be woken.
    pub wake: Option<Duration>,
}

/// Settings of a machine fed by all supplies, of which it needs one.
pub fn settings(role: Role) -> Settings {
    let system = |name: &&str| System {
        name: Arc::from(*name),
        target: Target::parse(name).unwrap_or_else(|_| unreachable!("a name alone is an address")),
        power: 1,
        user: USER[0].to_owned(),
        password: Secret(USER[1].to_owned()),
        role,
        line: 0,
    };
    Settings {
        systems: SUPPLIES.iter().map(system).collect(),
        min_supplies: At::default(1),
        ..Settings::default()
    }
}

impl Machine {
    /// Starts the program.
    pub fn start(settings: Settings, now: Duration, wall: Duration) -> (Self, Vec<Deed>) {
        let Ok((monitor, actions)) = Monitor::new(settings, now, wall) else {
            unreachable!("every supply counts and one is enough");
        };
        let mut machine = Self {
            monitor,
            asks: Default::default(),
            wake: None,
        };
        let deeds = machine.take(actions);
        (machine, deeds)
    }

    /// Tells the monitor, and takes down what it wants.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Deed> {
        let actions = self.monitor.on(event, now);
        self.take(actions)
    }

    fn take(&mut self, actions: Vec<Action>) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for action in actions {
            match action {
                Action::Poll { system } => self.ask(&system, Ask::Poll),
                Action::LogIn { system } => self.ask(&system, Ask::LogIn),
                Action::SetFsd { system } => self.ask(&system, Ask::SetFsd),
                Action::CountLogins { system } => self.ask(&system, Ask::CountLogins),
                Action::Disconnect { system } => deeds.extend(place(&system).map(Deed::HangUp)),
                Action::Notify(notice) => deeds.push(Deed::Tell(notice.kind)),
                Action::ShutDown => deeds.push(Deed::ShutDown),
                Action::Exit { .. } => deeds.push(Deed::Exit),
                Action::WakeAt(at) => self.wake = Some(at),
                Action::Log { .. } | Action::Wall { .. } => {}
            }
        }
        deeds
    }

    fn ask(&mut self, system: &str, ask: Ask) {
        if let Some(asks) = place(system).and_then(|place| self.asks.get_mut(place)) {
            asks.push_back(ask);
        }
    }

    /// What this machine is to its supplies.
    pub fn role(&self) -> Role {
        let mut systems = self.monitor.settings().systems.iter();
        systems.next().map_or(Role::Secondary, |system| system.role)
    }
}

fn place(system: &str) -> Option<usize> {
    SUPPLIES.iter().position(|&name| name == system)
}

/// The monitor's name of a supply.
pub fn system(place: usize) -> Arc<str> {
    Arc::from(SUPPLIES.get(place).copied().unwrap_or_default())
}

/// A question that found no answer, as an event; `None`: nobody waits for it.
pub fn unanswered(ask: Ask, place: usize, failure: Failure) -> Option<Event> {
    let system = system(place);
    Some(match ask {
        Ask::Poll => Event::Polled {
            system,
            outcome: Err(failure),
        },
        Ask::SetFsd => Event::FsdSet {
            system,
            outcome: Err(failure),
        },
        Ask::CountLogins => Event::Logins {
            system,
            outcome: Err(failure),
        },
        Ask::LogIn => return None,
    })
}

/// A machine's question to the server, to its end: requests, replies and what they come to.
pub struct Conversation<'a> {
    /// Who is asked.
    pub server: &'a mut Server,
    /// What it reports.
    pub supplies: &'a [Supply],
    /// Over which connection.
    pub seat: &'a mut Seat,
}

impl Conversation<'_> {
    /// Asks, and gives the answer as the monitor gets it.
    pub fn ask(&mut self, ask: Ask, place: usize, role: Role) -> Event {
        let system = system(place);
        let ups = Arc::clone(&system);
        match ask {
            Ask::Poll => Event::Polled {
                outcome: self.status(&ups).map(|status| Reading {
                    status,
                    ..Reading::default()
                }),
                system,
            },
            Ask::LogIn => Event::LoggedIn {
                outcome: self.log_in(&ups, role),
                system,
            },
            Ask::SetFsd => {
                let line = self.say(&["FSD", &ups]);
                Event::FsdSet {
                    outcome: line
                        .and_then(|line| client::acknowledged(&line))
                        .map(drop)
                        .map_err(failure),
                    system,
                }
            }
            Ask::CountLogins => Event::Logins {
                outcome: self.logins(&ups),
                system,
            },
        }
    }

    fn say(&mut self, words: &[&str]) -> Result<Line, Error> {
        let request = client::request(words);
        Line::parse(&self.server.answer(self.supplies, self.seat, &request))
    }

    fn get(&mut self, query: &[&str]) -> Result<String, Error> {
        let words = [&["GET"], query].concat();
        let line = self.say(&words)?;
        client::answer(query, &line)?
            .into_iter()
            .next()
            .ok_or(Error::Protocol)
    }

    fn status(&mut self, ups: &str) -> Result<String, Failure> {
        self.get(&["VAR", ups, "ups.status"]).map_err(failure)
    }

    fn log_in(&mut self, ups: &str, role: Role) -> Result<(), Refused> {
        let steps = [
            (Step::Authentication, ["USERNAME", USER[0]]),
            (Step::Authentication, ["PASSWORD", USER[1]]),
            (Step::Login, ["LOGIN", ups]),
            (Step::Primary, ["PRIMARY", ups]),
        ];
        for (step, words) in steps {
            let needless = step == Step::Primary && role != Role::Primary;
            if needless || self.seat.has(&client::request(&words)) {
                continue;
            }
            let granted = self
                .say(&words)
                .and_then(|line| client::acknowledged(&line));
            granted.map_err(|error| Refused {
                step,
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }

    /// A lost device hides the number but not the list.
    fn logins(&mut self, ups: &str) -> Result<u32, Failure> {
        match self.get(&["NUMLOGINS", ups]) {
            Ok(number) => number.parse().map_err(|_| failure(Error::Protocol)),
            Err(Error::Refused(Refusal::DataStale | Refusal::DriverNotConnected)) => {
                self.listed(ups)
            }
            Err(error) => Err(failure(error)),
        }
    }

    fn listed(&mut self, ups: &str) -> Result<u32, Failure> {
        let query = ["CLIENT", ups];
        let request = client::request(&["LIST", "CLIENT", ups]);
        let reply = self.server.answer(self.supplies, self.seat, &request);
        let mut list = Listing::new(&query);
        for line in reply.lines() {
            let rows = Line::parse(line)
                .and_then(|line| list.take(&line))
                .map_err(failure)?;
            if let Some(rows) = rows {
                return Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            }
        }
        Err(failure(Error::Protocol))
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Refused(refusal) => Failure::Refused(refusal.token().to_owned()),
        Error::RefusedOtherwise(token) => Failure::Refused(token),
        Error::Protocol | Error::Unreadable(_) => Failure::Lost(error.to_string()),
    }
}
