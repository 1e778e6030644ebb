//! Whether a UPS answers, and whether its server counts this machine.
//!
//! Unlike upsmon, which logs in once a connection and never again, a refused login is tried again every [`LOGIN_RETRY`]: a
//! machine that nobody counts is one that the primary does not wait for.

use std::sync::Arc;
use std::time::Duration;

use super::event::{Action, Failure, Level, Out, Reading, Refused, Step};
use super::notify::Kind;
use super::settings::{Settings, System, Throttle};
use super::ups::{Asked, Comm, Flag, Ups};

/// Between two attempts to log in on one connection, unless polls are rarer. One line of the log each.
const LOGIN_RETRY: Duration = Duration::from_secs(30);

/// Whether the server counts this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Login {
    /// No connection.
    Down,
    /// Under way.
    Asked,
    /// Counted.
    In,
    /// Refused.
    Refused { again: Duration },
}

impl Ups {
    /// Asks, unless the last question is still open; whether it did.
    pub(super) fn poll(&mut self, out: &mut Out) -> bool {
        let idle = self.asked == Asked::No;
        if idle {
            self.asked = Asked::Yes;
            out.act(Action::Poll {
                system: Arc::clone(&self.name),
            });
        }
        idle
    }

    /// The poll under way is answered; whether the answer is of use.
    pub(super) fn answered(&mut self, out: &mut Out) -> bool {
        let asked = self.asked;
        self.asked = Asked::No;
        if matches!(asked, Asked::Again | Asked::Void) {
            self.poll(out);
        }
        asked != Asked::Void
    }

    pub(super) fn log_in(&mut self, out: &mut Out) {
        self.login = Login::Asked;
        out.act(Action::LogIn {
            system: Arc::clone(&self.name),
        });
    }

    /// Tries a refused login again when its time has come.
    pub(super) fn log_in_again(&mut self, now: Duration, out: &mut Out) {
        if matches!(self.login, Login::Refused { again } if again <= now) {
            self.log_in(out);
        }
    }

    pub(super) fn logged_in(
        &mut self,
        outcome: Result<(), Refused>,
        settings: &Settings,
        now: Duration,
        out: &mut Out,
    ) {
        let name = &self.name;
        let Err(Refused { step, reason }) = outcome else {
            out.log(Level::Info, format!("Logged in to UPS [{name}]"));
            self.login = Login::In;
            return;
        };
        let again = LOGIN_RETRY.max(settings.poll.value);
        let seconds = again.as_secs();
        let text = match step {
            Step::Authentication => {
                format!("Authentication on [{name}] failed: {reason}; trying again in {seconds} s")
            }
            Step::Login => {
                format!("Login to UPS [{name}] failed: {reason}; trying again in {seconds} s")
            }
            Step::Primary => {
                out.log(
                    Level::Alert,
                    format!("Primary managerial privileges unavailable on UPS [{name}]"),
                );
                out.log(Level::Alert, format!("Reason: {reason}"));
                self.login = Login::In;
                return;
            }
        };
        out.log(Level::Error, text);
        self.login = Login::Refused { again: now + again };
    }

    /// Takes the answer to a poll.
    pub(super) fn polled(
        &mut self,
        outcome: Result<Reading, Failure>,
        system: &System,
        settings: &Settings,
        now: Duration,
        out: &mut Out,
    ) {
        match outcome {
            Ok(said) if said.status.trim().is_empty() => {
                self.silent(Failure::Empty, system, settings, now, out);
            }
            Ok(said) => {
                if let Some((cause, _)) = self.failing.take() {
                    let text = format!("Poll UPS [{}] recovered from failure: {cause}", self.name);
                    out.log(Level::Notice, text);
                }
                if self.comm == Comm::Lost {
                    out.notify_of(Kind::CommOk, &self.name, "", &settings.notices);
                }
                self.comm = Comm::Ok;
                self.no_comm_told = None;
                self.read(&said, settings, now, out);
            }
            Err(failure) => self.silent(failure, system, settings, now, out),
        }
    }

    fn silent(
        &mut self,
        failure: Failure,
        system: &System,
        settings: &Settings,
        now: Duration,
        out: &mut Out,
    ) {
        if failure.unlinked() {
            self.login = Login::Down;
        }
        self.complain(failure, system, settings, out);
        let notices = &settings.notices;
        if self.comm != Comm::Lost {
            self.comm = Comm::Lost;
            out.notify_of(Kind::CommBad, &self.name, "", notices);
            if self.known.has(Flag::Trim) || self.known.has(Flag::Boost) {
                let text = format!(
                    "UPS [{}] was correcting its input voltage when it went out of reach",
                    self.name
                );
                out.log(Level::Warning, text);
            }
            return;
        }
        let pause = settings.no_comm_warn.value;
        let long = |since: Option<Duration>| since.map(|since| now.saturating_sub(since));
        if long(self.heard).is_none_or(|silence| silence >= pause)
            && long(self.no_comm_told).is_none_or(|silence| silence > pause)
        {
            self.no_comm_told = Some(now);
            out.notify_of(Kind::NoComm, &self.name, "", notices);
        }
    }

    fn complain(&mut self, failure: Failure, system: &System, settings: &Settings, out: &mut Out) {
        let withheld = match &self.failing {
            Some((cause, withheld)) if *cause == failure => Some(*withheld),
            _ => None,
        };
        let (say, withheld) = match (settings.poll_fail_throttle.value, withheld) {
            (Throttle::Every, _) | (_, None) => (true, 0),
            (Throttle::Changes, Some(_)) => (false, 0),
            (Throttle::Nth(every), Some(withheld)) if withheld + 1 >= every => (true, 0),
            (Throttle::Nth(_), Some(withheld)) => (false, withheld + 1),
        };
        if say {
            let text = match &failure {
                Failure::Refused(token) if token == "UNKNOWN-UPS" => {
                    let (ups, host) = (&system.target.ups, &system.target.server.host);
                    format!(
                        "Poll UPS [{}] failed - [{ups}] does not exist on server {host}",
                        self.name
                    )
                }
                failure => format!("Poll UPS [{}] failed - {failure}", self.name),
            };
            out.log(Level::Error, text);
        }
        self.failing = Some((failure, withheld));
    }
}
