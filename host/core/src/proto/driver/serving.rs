//! A driver's end of one connection: answers requests, tells what changed.
//!
//! It answers at most one request at a time and never holds more than one read of a client. Who may connect is decided
//! by the mode of the socket, as with NUT: whoever may, may ask for anything a driver does.

use std::sync::Arc;

use super::lines::{Line, Lines};
use super::{code, dump, limits};
use crate::proto::put;
use crate::proto::session::What;
use crate::proto::tracking::Outcome;
use crate::state::Snapshot;

/// One client of a driver.
#[derive(Debug)]
pub struct Serving {
    lines: Lines,
    pending: Vec<u8>,
    taken: usize,
    /// What the client knows.
    told: Arc<Snapshot>,
    broadcast: bool,
    over: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Everything read is answered.
    NeedInput,
    /// One line is dealt with; call again.
    Continue,
    /// Something only the driver can do.
    Act(Action),
}

/// What only the driver can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Do this, then call [`Serving::finished`] if it carries an id.
    Run(Order),
    /// Send what is in `out` and close.
    Close,
}

/// SET or INSTCMD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What to do; names are as the client wrote them.
    pub what: What,
    /// The id under which the client wants to be told how it ended.
    pub tracking: Option<String>,
}

impl Serving {
    /// A client that has just connected; changes against `current` will be told even before it asks for a dump.
    pub fn new(current: Arc<Snapshot>) -> Self {
        Self {
            lines: Lines::default(),
            pending: Vec::new(),
            taken: 0,
            told: current,
            broadcast: true,
            over: false,
        }
    }

    /// Takes what the client sent. Call [`Serving::next`] until it needs input before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.taken.min(self.pending.len()));
        self.taken = 0;
        if self.pending.len() + bytes.len() > limits::PENDING {
            self.over = true;
        } else {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Deals with at most one line; its answer is appended to `out`. `pid` is the driver's process.
    pub fn next(&mut self, current: &Arc<Snapshot>, pid: u32, out: &mut Vec<u8>) -> Step {
        if self.over {
            return Step::Act(Action::Close);
        }
        while let Some(&byte) = self.pending.get(self.taken) {
            self.taken += 1;
            if let Some(line) = self.lines.push(byte) {
                return self.answer(&line, current, pid, out);
            }
        }
        Step::NeedInput
    }

    /// Tells the client what changed since it was told last, unless it wants no news.
    pub fn changed(&mut self, current: &Arc<Snapshot>, out: &mut Vec<u8>) {
        if self.broadcast && !self.over && !Arc::ptr_eq(&self.told, current) {
            dump::changes(&self.told, current, out);
            self.told = Arc::clone(current);
        }
    }

    /// Tells how a request with an id ended.
    pub fn finished(&mut self, tracking: &str, outcome: Outcome, out: &mut Vec<u8>) {
        let code = code(outcome).to_string();
        put(out, &["TRACKING ", tracking, " ", &code, "\n"]);
    }

    fn answer(
        &mut self,
        line: &Line,
        current: &Arc<Snapshot>,
        pid: u32,
        out: &mut Vec<u8>,
    ) -> Step {
        let words: Vec<&str> = line.words.iter().flatten().map(String::as_str).collect();
        let Some((verb, args)) = words.split_first() else {
            return Step::Continue;
        };
        match (verb.to_ascii_uppercase().as_str(), args) {
            ("PING", _) => out.extend_from_slice(b"PONG\n"),
            ("GETPID", _) => put(out, &["PID ", &pid.to_string(), "\n"]),
            ("DUMPALL", _) => {
                self.told = Arc::clone(current);
                dump::all(current, out);
            }
            ("DUMPSTATUS", _) => dump::status(current, out),
            ("DUMPVALUE", [name, ..]) => dump::one(current, name, out),
            ("NOBROADCAST", _) => self.broadcast = false,
            ("BROADCAST", args) => self.broadcast = args.first() != Some(&"0"),
            ("LOGOUT", _) => {
                self.over = true;
                out.extend_from_slice(b"OK Goodbye\n");
            }
            ("SET", [variable, value, rest @ ..]) => {
                let what = What::Set {
                    variable: (*variable).to_owned(),
                    value: (*value).to_owned(),
                };
                return run(what, rest);
            }
            ("INSTCMD", [name, rest @ ..]) => {
                // By their number alone: a parameter may be the word TRACKING itself.
                let (value, rest) = match rest {
                    [value] => (Some((*value).to_owned()), &[][..]),
                    [value, tracking @ ..] if tracking.len() == 2 => {
                        (Some((*value).to_owned()), tracking)
                    }
                    rest => (None, rest),
                };
                let name = (*name).to_owned();
                return run(What::Command { name, value }, rest);
            }
            _ => {}
        }
        Step::Continue
    }
}

fn run(what: What, rest: &[&str]) -> Step {
    let tracking = match rest {
        [word, id] if word.eq_ignore_ascii_case("TRACKING") => Some((*id).to_owned()),
        _ => None,
    };
    Step::Act(Action::Run(Order { what, tracking }))
}
