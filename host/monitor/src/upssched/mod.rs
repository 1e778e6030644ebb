//! upssched: what upssched.conf says about one notification, done; and the process that keeps the timers.
//!
//! Run by upsmon as NOTIFYCMD, once for each notification. Timers live in a process of their own ([`keep`]) that the first START
//! starts and that all later calls find through PIPEFN; LOCKFN lets only one of several simultaneous calls start it. A CANCEL that
//! finds no such process runs its command itself, where the incumbent would start one for it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use husk_core::conf::upssched::UpsschedConf;
use husk_core::sched::{Cause, Command, Run, Timers};
use tokio::time::{Instant, sleep};

mod keeper;
mod limits;
mod link;

pub use keeper::keep;

use link::Ask;

use crate::program::{self, Job, attend};

/// Why a notification could not be acted on. `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A directive is not there.
    #[error("{0} is not set in upssched.conf: no AT line can be followed without it")]
    Missing(&'static str),
    /// The socket of the timers cannot be used.
    #[error("PIPEFN {}: {error}", path.display())]
    Pipe {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The lock cannot be made.
    #[error("LOCKFN {}: {error}; its directory must be writable for the user upsmon runs as", path.display())]
    Lock {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The process that keeps the timers does not start.
    #[error("the process that keeps the timers does not start: {0}")]
    Start(String),
    /// The process that keeps the timers refuses.
    #[error("the process that keeps the timers refuses: {0}")]
    Refused(String),
    /// There are no timers.
    #[error("upssched timer is not running")]
    NoTimers,
}

/// Does all that upssched.conf says about a notification, in file order. `keeper` starts the process that runs [`keep`].
///
/// # Errors
/// The first thing that did not work; what follows it was tried nevertheless.
pub async fn notify(conf: &UpsschedConf, cause: &Cause, keeper: &mut Process) -> Result<(), Error> {
    let mut outcome = Ok(());
    for command in conf.commands(&cause.kind, &cause.system) {
        if let Some(name) = conf.missing() {
            return Err(Error::Missing(name));
        }
        log::debug!("{command:?}");
        outcome = outcome.and(follow(conf, command, cause, keeper).await);
    }
    outcome
}

/// The timers that run: name, end in seconds since 1970, seconds left, kinds, UPSes and texts, apart by TABs.
///
/// # Errors
/// [`Error::NoTimers`], or why they cannot be asked for.
pub async fn list(conf: &UpsschedConf) -> Result<Vec<String>, Error> {
    let (pipe, _) = paths(conf)?;
    let lines = match link::ask(&pipe, &Ask::List).await {
        Ok(lines) => lines,
        Err(error) if nobody(&error) => return Err(Error::NoTimers),
        Err(error) => return Err(Error::Pipe { path: pipe, error }),
    };
    // A clock before 1970 is not set yet.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let row = |line: &String| {
        let (name, rest) = line.strip_prefix("TIMER\t")?.split_once('\t')?;
        let (left, rest) = rest.split_once('\t')?;
        let end = now.as_secs().saturating_add(left.parse().ok()?);
        Some(format!("{name}\t{end}\t{left}\t{rest}"))
    };
    Ok(lines.iter().filter_map(row).collect())
}

async fn follow(
    conf: &UpsschedConf,
    command: &Command,
    cause: &Cause,
    keeper: &mut Process,
) -> Result<(), Error> {
    let starts = match command {
        Command::Execute { .. } => return run_here(conf, command, cause).await,
        Command::Cancel { .. } | Command::CancelMatched { .. } => None,
        Command::Start { .. } | Command::StartShared { .. } => Some(keeper),
    };
    let ask = Ask::Do(command.clone(), cause.clone());
    let Some(answer) = reach(conf, &ask, starts).await? else {
        return run_here(conf, command, cause).await;
    };
    match answer.first().map(String::as_str) {
        Some("OK") => Ok(()),
        Some(other) => Err(Error::Refused(other.trim_start_matches("ERR ").to_owned())),
        None => Err(Error::Refused("without a word".to_owned())),
    }
}

/// Without any timers: the command alone, if there is one.
async fn run_here(conf: &UpsschedConf, command: &Command, cause: &Cause) -> Result<(), Error> {
    let run = Timers::default().command(command.clone(), cause.clone(), Duration::ZERO);
    if let Ok(Some(run)) = run {
        log::info!("Executing command: {}", run.name);
        if let Some(job) = job(&conf.script, &run) {
            attend(job).await;
        }
    }
    Ok(())
}

/// Asks the process that keeps the timers. Without one `keeper` starts it; without `keeper` there is no answer.
async fn reach(
    conf: &UpsschedConf,
    ask: &Ask,
    mut keeper: Option<&mut Process>,
) -> Result<Option<Vec<String>>, Error> {
    let (pipe, lock) = paths(conf)?;
    for _ in 0..limits::STALE {
        for _ in 0..limits::TRIES {
            match link::ask(&pipe, ask).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if nobody(&error) => {}
                Err(error) => return Err(Error::Pipe { path: pipe, error }),
            }
            match &mut keeper {
                Some(keeper) if take(&lock)? => start(keeper, &pipe, &lock).await?,
                // Somebody is just starting it, or has just left the lock.
                Some(_) => sleep(limits::RETRY).await,
                None if fs::symlink_metadata(&lock).is_ok() => sleep(limits::RETRY).await,
                None => return Ok(None),
            }
        }
        log::warn!("{} is left over from a crash and removed", lock.display());
        // Gone already is as good; what cannot be removed shows in the next round.
        let _ = fs::remove_file(&lock);
    }
    match keeper {
        Some(_) => Err(Error::Start(format!(
            "{} exists again and again",
            lock.display()
        ))),
        None => Ok(None),
    }
}

/// Makes the lock; whether it is ours.
fn take(lock: &Path) -> Result<bool, Error> {
    match OpenOptions::new().write(true).create_new(true).open(lock) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::Lock {
            path: lock.to_owned(),
            error,
        }),
    }
}

/// Starts the keeper and waits until it listens, which it shows by removing the lock.
async fn start(keeper: &mut Process, pipe: &Path, lock: &Path) -> Result<(), Error> {
    let failed = |why: String| {
        // Ours; gone already is as good.
        let _ = fs::remove_file(lock);
        Error::Start(why)
    };
    let keeper = keeper
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let spawned = keeper.spawn().map_err(|error| failed(error.to_string()));
    let mut child: Child = spawned?;
    let patience = limits::RETRY.saturating_mul(u32::try_from(limits::TRIES).unwrap_or(u32::MAX));
    let until = Instant::now() + patience;
    while fs::symlink_metadata(lock).is_ok() {
        if let Ok(Some(status)) = child.try_wait() {
            let why = format!(
                "it ended with {status}; can it make {}? See the system log",
                pipe.display()
            );
            return Err(failed(why));
        }
        if Instant::now() > until {
            return Err(failed(format!("it is not ready after {patience:?}")));
        }
        sleep(limits::STARTING).await;
    }
    Ok(())
}

/// Whether the error means that no keeper is there, or that it left before it had done anything.
fn nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}

/// A run of CMDSCRIPT.
fn job(script: &[String], run: &Run) -> Option<Job> {
    let Run { name, causes } = run;
    let mut command = program::command(script, name)?;
    command.env("UPSNAME", causes.systems());
    command.env("NOTIFYTYPE", causes.kinds());
    command.env("NOTIFYMSG", causes.texts());
    Some(Job {
        lane: String::new(),
        what: format!("CMDSCRIPT for `{name}`"),
        command,
        input: None,
        limit: limits::PROGRAM_TIME,
    })
}

fn paths(conf: &UpsschedConf) -> Result<(PathBuf, PathBuf), Error> {
    let pipe = conf.pipe.as_ref().ok_or(Error::Missing("PIPEFN"))?;
    let lock = conf.lock.as_ref().ok_or(Error::Missing("LOCKFN"))?;
    Ok((pipe.into(), lock.into()))
}
