//! The requests a session knows, as a table, and those that concern the connection itself.
//!
//! Order of checks, as upsd's: the verb is known; user name and password are given if it needs rights; the number of
//! words; then the verb's own. GET and LIST are in `query.rs`, SET and INSTCMD in `write.rs`.
//! The RFC's other spellings of LOGIN and LOGOUT are unknown to every upsd and stay unknown here.

use std::time::Duration;

use super::{Action, Claim, Denied, Judgement, Plain, Session, State, Step};
use super::{TlsOffer, Ups, Verdict, View};
use crate::conf::lexer::Word;
use crate::conf::users;
use crate::proto::{Refusal, VERSION, put};

/// Where this server lives; a NUT server says where NUT lives.
const HOME: &str = env!("CARGO_PKG_REPOSITORY");

pub(super) type Answer = Result<Step, Denied>;

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

/// What a request needs.
#[derive(Clone, Copy, PartialEq)]
enum Rights {
    /// Nothing: about the connection or the server itself.
    None,
    /// Reads what devices report.
    Read,
    /// Gives away who asks.
    Name,
    /// A user name and a password.
    User,
}

impl Rights {
    /// Whether a connection without TLS may ask.
    fn in_clear(self, plain: Plain) -> bool {
        match plain {
            Plain::Allow => true,
            Plain::ReadOnly => matches!(self, Self::None | Self::Read),
            Plain::Deny => self == Self::None,
        }
    }
}

enum Args {
    Exactly(usize),
    AtLeast(usize),
}

const VERBS: &[Verb] = {
    use Args::{AtLeast, Exactly};
    use Rights::{Name, None, Read, User};
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
        verb(
            "GET",
            Read,
            AtLeast(1),
            |s, call, out| Ok(s.get(call, out)?),
        ),
        verb("LIST", Read, AtLeast(1), |s, call, out| {
            Ok(s.list(call, out)?)
        }),
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
        verb("USERNAME", Name, Exactly(1), Session::set_username),
        verb("PASSWORD", Name, Exactly(1), Session::set_password),
        verb("STARTTLS", None, AtLeast(0), Session::start_tls),
        verb("WATCH", Read, Exactly(1), |s, call, out| {
            Ok(s.watch(call, out)?)
        }),
        verb("LOGOUT", None, Exactly(0), Session::log_out),
        verb("VER", None, Exactly(0), |_, call, out| {
            put(out, &[&about(call.view), "\n"]);
            Ok(Step::Continue)
        }),
        verb("NETVER", None, Exactly(0), version),
        verb("PROTVER", None, Exactly(0), version),
        verb("HELP", None, Exactly(0), help),
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

/// PRIMARY, MASTER, FSD and NETVER are left out on purpose: so does NUT. WATCH is tried by those who know it.
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
        if !self.encrypted && !verb.rights.in_clear(view.plain()) {
            return Err(Denied::InClear);
        }
        if verb.rights == Rights::User {
            self.username.as_ref().ok_or(Refusal::UsernameRequired)?;
            self.password.as_ref().ok_or(Refusal::PasswordRequired)?;
        }
        let fits = match verb.args {
            Args::Exactly(n) => args.len() == n,
            Args::AtLeast(n) => args.len() >= n,
        };
        if !fits {
            return Err(Refusal::InvalidArgument.into());
        }
        (verb.answer)(self, &Call { args, view, now }, out)
    }

    /// Agrees if the password is right and `may` says yes of the user. Nothing must have been changed or answered before
    /// this is asked: a request whose password is not judged yet is looked at again from its beginning.
    pub(super) fn permit(
        &mut self,
        call: &Call<'_>,
        may: impl FnOnce(&users::User) -> bool,
    ) -> Result<(), Denied> {
        let user = self.username.as_deref().unwrap_or_default();
        let password = self.password.as_deref().unwrap_or_default();
        let users = call.view.users();
        let known = self.verdict.as_ref();
        let right = match known.filter(|known| known.secret == users.secret(user)) {
            // Not looked at: the next request may be given another chance.
            Some(Verdict { right: None, .. }) => {
                self.verdict = None;
                return Err(Denied::Unseen);
            }
            Some(Verdict {
                right: Some(right), ..
            }) => *right,
            None => match call.view.judge(user, password, self.peer, call.now) {
                Judgement::Later => {
                    return Err(Denied::Unjudged(Claim {
                        user: user.to_owned(),
                        password: password.to_owned(),
                    }));
                }
                judgement => judgement == Judgement::Right,
            },
        };
        let granted = right && users.get(user).is_some_and(may);
        self.verdict = Some(Verdict {
            secret: users.secret(user),
            right: Some(right),
        });
        if granted {
            Ok(())
        } else {
            Err(Refusal::AccessDenied.into())
        }
    }

    fn log_in(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.login.is_some() {
            return Err(Refusal::AlreadyLoggedIn.into());
        }
        let ups = call.ups(0)?;
        self.permit(call, |user| user.allows(users::Action::Login))?;
        self.login = Some(ups.name.to_string());
        put(out, &["OK\n"]);
        Ok(Step::Act(Action::Login {
            ups: ups.name.to_string(),
        }))
    }

    fn primary(&mut self, call: &Call<'_>, out: &mut Vec<u8>, granted: &str) -> Answer {
        call.ups(0)?;
        self.permit(call, |user| user.allows(users::Action::Primary))?;
        put(out, &[granted]);
        Ok(Step::Continue)
    }

    fn fsd(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        let ups = call.ups(0)?;
        self.permit(call, |user| user.allows(users::Action::Fsd))?;
        put(out, &["OK FSD-SET\n"]);
        Ok(Step::Act(Action::Fsd {
            ups: ups.name.to_string(),
        }))
    }

    fn set_username(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.username.is_some() {
            return Err(Refusal::AlreadySetUsername.into());
        }
        self.username = Some(call.arg(0).to_owned());
        put(out, &["OK\n"]);
        Ok(Step::Continue)
    }

    fn set_password(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.password.is_some() {
            return Err(Refusal::AlreadySetPassword.into());
        }
        self.password = Some(call.arg(0).to_owned());
        put(out, &["OK\n"]);
        Ok(Step::Continue)
    }

    fn start_tls(&mut self, call: &Call<'_>, out: &mut Vec<u8>) -> Answer {
        if self.encrypted {
            return Err(Refusal::AlreadySslMode.into());
        }
        if call.view.tls() == TlsOffer::NotConfigured {
            return Err(Refusal::FeatureNotConfigured.into());
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
