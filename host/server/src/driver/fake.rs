//! Drivers that do as they are told, for tests of what is above them.

use super::{About, Call, Driver, Instance, Opening};
use husk_core::report::{Failure, Update, Wake};
use husk_engine::{Description, Grant, Transport};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What every open and every poll gives; when nothing is left, success.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) opens: Mutex<VecDeque<Option<Failure>>>,
    pub(crate) polls: Mutex<VecDeque<Option<Failure>>>,
    pub(crate) commands: Mutex<VecDeque<Failure>>,
    /// What was called, in order.
    pub(crate) calls: Mutex<Vec<String>>,
    /// How long a poll takes.
    pub(crate) poll_time: Duration,
    pub(crate) refused: Option<String>,
}

/// A plugin that follows its script.
pub(crate) struct Fake {
    about: About,
    script: Arc<Script>,
}

impl Fake {
    pub(crate) fn new(name: &str, version: &str, script: Script) -> Self {
        Self::scripted(name, version, Arc::new(script))
    }

    pub(crate) fn scripted(name: &str, version: &str, script: Arc<Script>) -> Self {
        let description = Description {
            name: name.to_owned(),
            version: version.to_owned(),
            protocol: String::new(),
            aliases: vec![format!("{name}-alias")],
            parameters: Vec::new(),
            dangerous: Vec::new(),
        };
        Self {
            about: About {
                description,
                digest: format!("{name}-{version}"),
                imports: Vec::new(),
                transports: vec![Transport::Files],
                claims: Vec::new(),
            },
            script,
        }
    }
}

impl Fake {
    /// The same over another kind of port.
    pub(crate) fn over(mut self, transport: Transport) -> Self {
        self.about.transports = vec![transport];
        self
    }
}

impl Driver for Fake {
    fn about(&self) -> &About {
        &self.about
    }

    fn refused_by(&self, _: &Grant) -> Option<String> {
        self.script.refused.clone()
    }

    fn open(&self, opening: Opening) -> Call<'_, Result<Box<dyn Instance>, Failure>> {
        let state = String::from_utf8(opening.state.unwrap_or_default()).unwrap_or_default();
        self.script.note(format!("open({state})"));
        let failure = self.script.opens.lock().unwrap().pop_front().flatten();
        let version = self.about.description.version.clone();
        let script = Arc::clone(&self.script);
        Box::pin(async move {
            match failure {
                Some(failure) => Err(failure),
                None => Ok(Box::new(FakeInstance {
                    version,
                    script,
                    usable: true,
                    polls: 0,
                }) as Box<dyn Instance>),
            }
        })
    }
}

impl Script {
    pub(crate) fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    pub(crate) fn called(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

struct FakeInstance {
    version: String,
    script: Arc<Script>,
    usable: bool,
    polls: u32,
}

impl FakeInstance {
    fn report(&mut self) -> Update {
        self.polls += 1;
        Update {
            complete: self.polls == 1,
            set: vec![("ups.firmware".to_owned(), self.version.clone())],
            status: Some(vec!["OL".to_owned()]),
            commands: Some(vec!["test.battery.start".to_owned()]),
            ..Update::default()
        }
    }
}

impl Instance for FakeInstance {
    fn poll(&mut self, why: Wake) -> Call<'_, Result<Update, Failure>> {
        Box::pin(async move {
            self.script.note(format!("poll({why:?})"));
            tokio::time::sleep(self.script.poll_time).await;
            let failure = self.script.polls.lock().unwrap().pop_front().flatten();
            match failure {
                Some(failure) => {
                    self.usable = !matches!(failure, Failure::Crashed(_));
                    Err(failure)
                }
                None => Ok(self.report()),
            }
        })
    }

    fn command<'a>(
        &'a mut self,
        name: &'a str,
        value: Option<&'a str>,
    ) -> Call<'a, Result<(), Failure>> {
        self.script.note(format!("command({name}, {value:?})"));
        let failure = self.script.commands.lock().unwrap().pop_front();
        Box::pin(async move { failure.map_or(Ok(()), Err) })
    }

    fn set<'a>(&'a mut self, variable: &'a str, value: &'a str) -> Call<'a, Result<(), Failure>> {
        self.script.note(format!("set({variable}, {value})"));
        Box::pin(async { Ok(()) })
    }

    fn shutdown(&mut self) -> Call<'_, Result<(), Failure>> {
        self.script.note("shutdown".to_owned());
        Box::pin(async { Ok(()) })
    }

    fn save(&mut self) -> Call<'_, Vec<u8>> {
        let state = format!("{}:{}", self.version, self.polls);
        Box::pin(async move { state.into_bytes() })
    }

    fn is_usable(&self) -> bool {
        self.usable
    }
}
