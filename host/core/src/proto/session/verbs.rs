//! The requests a session knows, as a table, and those that concern the connection itself.
//!
//! Order of checks, as upsd's: the verb is known; user name and password are given if it needs rights; the number of
//! words; then the verb's own. GET and LIST are in `query.rs`, SET and INSTCMD in `write.rs`.
//! The RFC's other spellings of LOGIN and LOGOUT are unknown to every upsd and stay unknown here.

use std::time::Duration;

use super::{Action, Session, State, Step, TlsOffer, Ups, View};
use crate::conf::lexer::Word;
use crate::conf::users;
use crate::proto::{Refusal, VERSION, put};

/// Where this server lives; a NUT server says where NUT lives.
const HOME: &str = env!("CARGO_PKG_REPOSITORY");

type Answer = Result<Step, Refusal>;

/// One request: the words after the verb, and the world it is asked in.
pub(super) struct Call<'a> {
    pub(super) args: &'a [Word],
    pub(super) view: &'a dyn View,
    pub(super) now: Duration,
}

struct Verb {
    word: &'static str,
    rights: Rights,
    args: Args,
    answer: fn(&mut Session, &Call<'_>, &mut Vec<u8>) -> Answer,
}

#[derive(PartialEq)]
enum Rights {
    Open,
    User,
}

enum Args {
    Exactly(usize),
    AtLeast(usize),
}

const VERBS: &[Verb] = {
    use Args::{AtLeast, Exactly};
    use Rights::{Open, User};
    const fn verb(
        word: &'static str,
        rights: Rights,
        args: Args,
        answer: fn(&mut Session, &Call<'_>, &mut Vec<u8>) -> Answer,
    ) -> Verb {
        Verb {
            word,
            rights,
            args,
            answer,
        }
    }
    &[
        verb("GET", Open, AtLeast(1), Session::get),
        verb("LIST", Open, AtLeast(1), Session::list),
        verb("SET", User, AtLeast(2), Session::set),
        verb("INSTCMD", User, AtLeast(2), Session::instcmd),
        verb("LOGIN", User, Exactly(1), Session::log_in),
        verb("PRIMARY", User, Exactly(1), |s, call, out| {
            s.primary(call, out, "OK PRIMARY-GRANTED\n")
        }),
        verb("MASTER", User, Exactly(1), |s, call, out| {
            s.primary(call, out, "OK MASTER-GRANTED\n")
        }),
        verb("FSD", User, Exactly(1), Session::fsd),
        verb("USERNAME", Open, Exactly(1), Session::set_username),
        verb("PASSWORD", Open, Exactly(1), Session::set_password),
        verb("STARTTLS", Open, AtLeast(0), Session::start_tls),
        verb("LOGOUT", Open, Exactly(0), Session::log_out),
        verb("VER", Open, Exactly(0), |_, call, out| {
            put(out, &[&about(call.view), "\n"]);
            Ok(Step::Continue)
        }),
        verb("NETVER", Open, Exactly(0), version),
        verb("PROTVER", Open, Exactly(0), version),
        verb("HELP", Open, Exactly(0), help),
    ]
};

/// What the server calls itself; the first words are what clients look for.
pub(super) fn about(view: &dyn View) -> String {
    format!("Network UPS Tools upsd {} - {HOME}", view.version())
}

fn version(_: &mut Session, _: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    put(out, &[VERSION, "\n"]);
    Ok(Step::Continue)
}

/// PRIMARY, MASTER, FSD and NETVER are left out on purpose: so does NUT.
fn help(_: &mut Session, _: &Call<'_>, out: &mut Vec<u8>) -> Answer {
    put(
        out,
        &[
            "Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n",
        ],
    );
    Ok(Step::Continue)
}

impl Call<'_> {
    /// The word at `at`; empty if it was not given, which nothing is named.
    pub(super) fn arg(&self, at: usize) -> &str {
        self.args.get(at).map_or("", |word| &word.text)
    }

    pub(super) fn ups(&self, at: usize) -> Result<Ups, Refusal> {
        self.view.ups(self.arg(at)).ok_or(Refusal::UnknownUps)
    }

    pub(super) fn need(&self, args: usize) -> Result<(), Refusal> {
        if self.args.len() < args {
            return Err(Refusal::InvalidArgument);
        }
        Ok(())
    }
}

impl Session {
    pub(super) fn dispatch(
        &mut self,
        words: &[Word],
        view: &dyn View,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Answer {
        let (first, args) = words.split_first().ok_or(Refusal::UnknownCommand)?;
        let verb = VERBS
            .iter()
            .find(|verb| verb.word.eq_ignore_ascii_case(&first.text))
            .ok_or(Refusal::UnknownCommand)?;
        if verb.rights == Rights::User {
            self.username.as_ref().ok_or(Refusal::UsernameRequired)?;
            self.password.as_ref().ok_or(Refusal::PasswordRequired)?;
        }
        let fits = match verb.args {
            Args::Exactly(n) => args.len() == n,
            Args::AtLeast(n) => args.len() >= n,
        };
        if !fits {
            return Err(Refusal::InvalidArgument);
        }
        (verb.answer)(self, &Call { args, view, now }, out)
    }

    /// The user, if the password is right and `may` says yes.
    pub(super) fn permit(
        &self,
        view: &dyn View,
        may: impl FnOnce(&users::User) -> bool,
    ) -> Result<(), Refusal> {
        let name = self.username.as_deref().unwrap_or_default();
        let password = self.password.as_deref().unwrap_or_default();
        match view.users().check(name, password) {
            Some(user) if may(user) => Ok(()),
            _ => Err(Refusal::AccessDenied),
        }
    }

    fn log_in(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.login.is_some() {
            return Err(Refusal::AlreadyLoggedIn);
        }
        let ups = call.ups(0)?;
        self.permit(call.view, |user| user.allows(users::Action::Login))?;
        self.login = Some(ups.name.to_string());
        put(out, &["OK\n"]);
        Ok(Step::Act(Action::Login {
            ups: ups.name.to_string(),
        }))
    }

    fn primary(&mut self, call: &Call<'_>, out: &mut Vec<u8>, granted: &str) -> Answer {
        call.ups(0)?;
        self.permit(call.view, |user| user.allows(users::Action::Primary))?;
        put(out, &[granted]);
        Ok(Step::Continue)
    }

    fn fsd(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        let ups = call.ups(0)?;
        self.permit(call.view, |user| user.allows(users::Action::Fsd))?;
        put(out, &["OK FSD-SET\n"]);
        Ok(Step::Act(Action::Fsd {
            ups: ups.name.to_string(),
        }))
    }

    fn set_username(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.username.is_some() {
            return Err(Refusal::AlreadySetUsername);
        }
        self.username = Some(call.arg(0).to_owned());
        put(out, &["OK\n"]);
        Ok(Step::Continue)
    }

    fn set_password(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.password.is_some() {
            return Err(Refusal::AlreadySetPassword);
        }
        self.password = Some(call.arg(0).to_owned());
        put(out, &["OK\n"]);
        Ok(Step::Continue)
    }

    fn start_tls(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.encrypted {
            return Err(Refusal::AlreadySslMode);
        }
        if call.view.tls() == TlsOffer::NotConfigured {
            return Err(Refusal::FeatureNotConfigured);
        }
        self.drop_pending();
        self.state = State::AwaitingTls;
        put(out, &["OK STARTTLS\n"]);
        Ok(Step::Act(Action::StartTls))
    }

    fn log_out(&mut self, _: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        self.drop_pending();
        self.state = State::Over;
        put(out, &["OK Goodbye\n"]);
        Ok(Step::Act(Action::Close))
    }
}
