//! The server's end of one client connection.
//!
//! [`Session::feed`] takes what the socket gave, [`Session::next`] answers one request of it: the reply is appended to
//! the caller's buffer, and what only the caller can do comes back as an [`Action`]. The session knows nothing of other
//! connections; what it must know of the world it asks a [`View`]. Verbs and their order of checks: `verbs.rs`.
//!
//! It never echoes or logs a password, never verifies one before a request needs rights (as upsd), and never
//! interprets bytes that follow STARTTLS in clear: unlike upsd it throws them away, or whoever sits on the line could
//! slip in requests. Source: RFC 9271, upsd 2.8 probed.

mod page;
mod query;
mod verbs;
mod view;
mod watch;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::{Refusal, limits, put};
use crate::conf::lexer::{Event, Lexer, Word};
use crate::conf::users::{Secret, Users};
use watch::Watch;

pub use page::Page;
pub use view::{Judgement, Plain, TlsOffer, Ups, View};

/// One connection. Bounded: one request being read and [`limits::PENDING`] bytes not looked at yet.
pub struct Session {
    peer: IpAddr,
    lexer: Lexer,
    pending: Vec<u8>,
    /// Bytes of `pending` that are answered already.
    taken: usize,
    heard: Duration,
    state: State,
    username: Option<String>,
    password: Option<String>,
    login: Option<String>,
    tracking: bool,
    encrypted: bool,
    complaints: u8,
    verdict: Option<Verdict>,
    watches: Vec<Watch>,
}

/// What became of the one password this connection has given.
struct Verdict {
    /// What it was compared with; another one after a reload, and the verdict is void.
    secret: Secret,
    /// `None`: not looked at, the server had too much to do. It counts for one request.
    right: Option<bool>,
}

/// What the session waits for.
enum State {
    /// The client's next request.
    AwaitingRequest,
    /// Whether the driver took the request.
    AwaitingDriver {
        refused: Refusal,
        tracking: Option<String>,
    },
    /// The handshake.
    AwaitingTls,
    /// Whether the password is right; then the request is looked at again.
    AwaitingVerdict { request: Vec<Word> },
    /// The end of the connection.
    Over,
}

/// Why a request is not granted, now or at all.
enum Denied {
    Refused(Refusal),
    /// It takes TLS.
    InClear,
    /// Its password was not looked at; whoever sends so many shall not fill the log.
    Unseen,
    Unjudged(Claim),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is to be done after [`Session::next`].
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// No whole request is left; write out the replies, then read.
    NeedInput,
    /// Answered; call again.
    Continue,
    /// Do this, then call again. A reply may be in the buffer already.
    Act(Action),
}

/// What only the server around a session can do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Write out the reply, then start TLS; afterwards [`Session::tls_started`].
    StartTls,
    /// Find out whether the password is right, without holding up other connections, then [`Session::judged`].
    Judge(Claim),
    /// Count the connection as fed by this UPS, until it ends.
    Login {
        /// The name as configured.
        ups: String,
    },
    /// Latch FSD on this UPS.
    Fsd {
        /// The name as configured.
        ups: String,
    },
    /// Hand the request to the driver, then [`Session::handed_over`].
    Run(Request),
    /// Say so from now on when this UPS changes: [`Session::changed`].
    Watch {
        /// The name as configured.
        ups: String,
    },
    /// The client wants to know how its requests end: remember outcomes from now on.
    TrackingOn,
    /// Write out the reply and close.
    Close,
    /// Write this sentence to the log.
    Log(String),
}

/// A name and a password that may belong together. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({})", self.user)
    }
}

/// Something a client asks of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The UPS, as configured.
    pub ups: String,
    /// What is asked.
    pub what: What,
    /// The id under which the client will ask for the outcome.
    pub tracking: Option<String>,
    /// Who asks.
    pub user: String,
    /// From where.
    pub peer: IpAddr,
}

/// What is asked of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An instant command the device has, named as the device names it.
    Command {
        /// The command.
        name: String,
        /// Its parameter, at most 512 bytes of printable ASCII.
        value: Option<String>,
    },
    /// A write to a variable that may be written, with a value it declares to take.
    Set {
        /// The variable, named as the device names it.
        variable: String,
        /// The value, at most 255 bytes of printable ASCII.
        value: String,
    },
}

impl Session {
    /// A connection just accepted.
    pub fn new(peer: IpAddr, now: Duration) -> Self {
        Self {
            peer,
            lexer: Lexer::new(),
            pending: Vec::new(),
            taken: 0,
            heard: now,
            state: State::AwaitingRequest,
            username: None,
            password: None,
            login: None,
            tracking: false,
            encrypted: false,
            complaints: 0,
            verdict: None,
            watches: Vec::new(),
        }
    }

    /// Takes bytes from the client. Read no more before [`Session::next`] says [`Step::NeedInput`]: bytes beyond
    /// [`limits::PENDING`] end the connection.
    pub fn feed(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::AwaitingTls | State::Over) {
            return;
        }
        self.pending.drain(..self.taken);
        self.taken = 0;
        if self.pending.len() + bytes.len() > limits::PENDING {
            self.state = State::Over;
            self.pending.clear();
        } else {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Handles at most one request; its reply is appended to `out`.
    pub fn next(&mut self, view: &dyn View, now: Duration, out: &mut Vec<u8>) -> Step {
        match std::mem::replace(&mut self.state, State::AwaitingRequest) {
            State::AwaitingRequest => {}
            // Judged by now: the same request again.
            State::AwaitingVerdict { request } if self.verdict.is_some() => {
                return self.answer(request, view, now, out);
            }
            State::Over => {
                self.state = State::Over;
                return Step::Act(Action::Close);
            }
            waiting => {
                self.state = waiting;
                return Step::NeedInput;
            }
        }
        while let Some(&byte) = self.pending.get(self.taken) {
            self.taken += 1;
            match self.lexer.push(byte) {
                Event::Nothing => {}
                Event::Line(words) => {
                    self.heard = now;
                    return self.answer(words, view, now, out);
                }
                Event::Error { message, .. } => {
                    // upsd says nothing and drops the rest of what it has read; so the mistake cannot turn the tail
                    // of a value into a request.
                    self.heard = now;
                    self.drop_pending();
                    let sentence = format!(
                        "a request from {} cannot be read and is ignored: {message}",
                        self.peer
                    );
                    if let Some(step) = self.complain(sentence) {
                        return step;
                    }
                }
            }
        }
        self.drop_pending();
        Step::NeedInput
    }

    /// Answers the request of the last [`Action::Run`]: whether the driver was there to take it.
    pub fn handed_over(&mut self, taken: bool, out: &mut Vec<u8>) {
        let State::AwaitingDriver { refused, tracking } =
            std::mem::replace(&mut self.state, State::AwaitingRequest)
        else {
            return;
        };
        match tracking {
            _ if !taken => put(out, &["ERR ", refused.token(), "\n"]),
            Some(id) => put(out, &["OK TRACKING ", &id, "\n"]),
            None => put(out, &["OK\n"]),
        }
    }

    /// Answers the last [`Action::Judge`], for as long as the user's password in `users` stays what it is; `None`: there
    /// was no time to look, which refuses this one request.
    pub fn judged(&mut self, users: &Users, right: Option<bool>) {
        let name = self.username.as_deref().unwrap_or_default();
        self.verdict = Some(Verdict {
            secret: users.secret(name),
            right,
        });
    }

    /// The handshake of the last [`Action::StartTls`] is done. User, login and tracking stay, as with upsd.
    pub fn tls_started(&mut self) {
        self.encrypted = true;
        self.state = State::AwaitingRequest;
    }

    /// When to close the connection unless a request comes first.
    pub fn idle_deadline(&self) -> Duration {
        self.heard + limits::IDLE
    }

    /// The user name given, verified or not.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The UPS this connection counts for, as configured.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// The client's address.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }

    fn answer(
        &mut self,
        words: Vec<Word>,
        view: &dyn View,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Step {
        match self.dispatch(&words, view, now, out) {
            Ok(step) => step,
            Err(Denied::Refused(refusal)) => {
                put(out, &["ERR ", refusal.token(), "\n"]);
                self.refused(refusal, &words).unwrap_or(Step::Continue)
            }
            Err(Denied::InClear) => {
                put(out, &["ERR ", Refusal::AccessDenied.token(), "\n"]);
                let verb = words.first().map_or("", |word| &word.text);
                let sentence = format!(
                    "{} was denied {verb}: husk.toml allows it over TLS only",
                    self.peer
                );
                self.complain(sentence).unwrap_or(Step::Continue)
            }
            Err(Denied::Unseen) => {
                put(out, &["ERR ", Refusal::AccessDenied.token(), "\n"]);
                Step::Continue
            }
            Err(Denied::Unjudged(claim)) => {
                self.verdict = None;
                self.state = State::AwaitingVerdict { request: words };
                Step::Act(Action::Judge(claim))
            }
        }
    }

    /// A refused right is worth a line in the log; other refusals are the client's affair.
    fn refused(&mut self, refusal: Refusal, words: &[Word]) -> Option<Step> {
        if refusal != Refusal::AccessDenied {
            return None;
        }
        let user = self.username().unwrap_or_default();
        let verb = words.first().map_or("", |word| &word.text);
        let sentence = format!(
            "{user}@{} was denied {verb}: wrong password, or upsd.users does not grant it",
            self.peer
        );
        self.complain(sentence)
    }

    /// Logs up to [`limits::COMPLAINTS`] sentences of one connection.
    fn complain(&mut self, sentence: String) -> Option<Step> {
        if self.complaints >= limits::COMPLAINTS {
            return None;
        }
        self.complaints += 1;
        Some(Step::Act(Action::Log(sentence)))
    }

    fn drop_pending(&mut self) {
        self.pending.clear();
        self.taken = 0;
    }
}
