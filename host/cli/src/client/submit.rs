//! Sending a device something to do, for upscmd and upsrw: who asks, the request, and what became of it.
//!
//! `OK` from a server says only that the driver was handed the request. With `-w` the outcome is waited for; it is printed as
//! the server says it, and the exit code is 0 even if it is a failure: NUT's programs do so and scripts read stderr.

use std::thread;
use std::time::{Duration, Instant};

use super::args::Args;
use super::authconf::Account;
use super::prompt;
use super::tool::Fatal;
use super::{Connection, Error};

/// How long `-w` waits unless `-t` says otherwise.
const WAIT: Duration = Duration::from_secs(10);
/// Between two questions about the outcome: drivers answer at once or after their next poll, 2 s usually.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// What the kinds of request are called in messages.
pub(crate) struct Words {
    /// As in `Can't enable ... status tracking`.
    pub tracked: &'static str,
    /// As in `... failed: Server disconnected`.
    pub failed: &'static str,
}

/// Who asks.
pub(crate) struct Login {
    user: String,
    password: String,
}

/// The options `-w` and `-t`, checked before anything is asked or sent.
pub(crate) struct Plan {
    wait: Option<Duration>,
}

impl Plan {
    /// Reads `-w` and `-t`.
    ///
    /// # Errors
    /// `-t` is not a number of seconds.
    pub(crate) fn read(args: &Args) -> Result<Self, Fatal> {
        let limit = match args.value('t') {
            None => WAIT,
            Some(text) => Duration::from_secs(u64::from(text.parse::<u32>().map_err(|_| {
                Fatal(
                    "Could not convert the provided value for timeout ('-t' option) \
                     to unsigned int: Invalid argument"
                        .to_owned(),
                )
            })?)),
        };
        Ok(Self {
            wait: args.has('w').then_some(limit),
        })
    }

    /// Makes the request; prints its outcome on stderr.
    ///
    /// # Errors
    /// It could not be made, was refused, or its outcome did not come in time.
    pub(crate) fn submit(
        &self,
        connection: &mut Connection,
        login: &Login,
        request: &[&str],
        words: &Words,
    ) -> Result<(), Fatal> {
        login.present(connection)?;
        eprintln!("{}", self.carry_out(connection, request, words)?);
        Ok(())
    }

    /// Waits for the outcome for so long.
    pub(crate) fn waiting(limit: Duration) -> Self {
        Self { wait: Some(limit) }
    }

    /// Makes the request for who has logged in; gives its outcome in the server's words, `OK` where none was waited for.
    ///
    /// # Errors
    /// As [`Plan::submit`].
    pub(crate) fn carry_out(
        &self,
        connection: &mut Connection,
        request: &[&str],
        words: &Words,
    ) -> Result<String, Fatal> {
        if self.wait.is_some() {
            enable_tracking(connection, words)?;
        }
        let reply = connection
            .ask(request)
            .map_err(|error| Fatal(format!("{} failed: {error}", words.failed)))?;
        if reply.words.first().is_none_or(|word| word != "OK") {
            return Err(unexpected(&reply.text));
        }
        match (self.wait, reply.words.as_slice()) {
            (Some(limit), [_, tracking, id, ..]) if tracking == "TRACKING" => {
                outcome(connection, id, limit)
            }
            _ => Ok("OK".to_owned()),
        }
    }
}

impl Login {
    /// From the options, else from nutauth.conf, else from the person at the terminal.
    ///
    /// # Errors
    /// Nobody is there to answer.
    pub(crate) fn find(args: &Args, account: Account) -> Result<Self, Fatal> {
        let user = match args.value('u').map(str::to_owned).or(account.user) {
            Some(user) => user,
            None => ask_user()?,
        };
        let password = args.value('p').map(str::to_owned).or(account.password);
        let password = password.unwrap_or_else(|| prompt::secret("Password: "));
        Ok(Self { user, password })
    }

    /// Logs in.
    ///
    /// # Errors
    /// The server does not take the name or the password.
    pub(crate) fn present(&self, connection: &mut Connection) -> Result<(), Fatal> {
        for (verb, word, what) in [
            ("USERNAME", &self.user, "username"),
            ("PASSWORD", &self.password, "password"),
        ] {
            let reply = connection
                .ask(&[verb, word])
                .map_err(|error| Fatal(format!("Set {what} failed: {error}")))?;
            if reply.words.first().is_none_or(|word| word != "OK") {
                return Err(unexpected(&reply.text));
            }
        }
        Ok(())
    }
}

fn ask_user() -> Result<String, Fatal> {
    let Some(own) = prompt::own_name() else {
        return prompt::line("Username: ");
    };
    let answer = prompt::line(&format!("Username ({own}): "))?;
    Ok(if answer.is_empty() { own } else { answer })
}

fn enable_tracking(connection: &mut Connection, words: &Words) -> Result<(), Fatal> {
    let tracked = words.tracked;
    let reply = match connection.ask(&["SET", "TRACKING", "ON"]) {
        Ok(reply) => reply,
        Err(error @ Error::Write(_)) => {
            return Err(Fatal(format!(
                "Can't enable {tracked} status tracking: {error}"
            )));
        }
        Err(error) => {
            return Err(Fatal(format!(
                "Enabling {tracked} status tracking failed: {error}"
            )));
        }
    };
    if reply.text == "OK" {
        return Ok(());
    }
    Err(Fatal(format!(
        "Enabling {tracked} status tracking failed. upsd answered: {}",
        reply.text
    )))
}

/// Asks until the request is no longer pending.
fn outcome(connection: &mut Connection, id: &str, limit: Duration) -> Result<String, Fatal> {
    const FAILED: &str = "Can't receive status tracking information:";
    let until = Instant::now() + limit;
    loop {
        let reply = connection
            .ask(&["GET", "TRACKING", id])
            .map_err(|error| Fatal(format!("{FAILED} {error}")))?;
        if reply.text != "PENDING" {
            return Ok(reply.text);
        }
        if Instant::now() >= until {
            return Err(Fatal(format!("{FAILED} timeout")));
        }
        thread::sleep(ASK_EVERY.min(until.saturating_duration_since(Instant::now())));
    }
}

fn unexpected(reply: &str) -> Fatal {
    Fatal(format!("Unexpected response from upsd: {reply}"))
}
