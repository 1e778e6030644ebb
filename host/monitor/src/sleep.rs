//! Sleep of the machine, as logind announces it: a delay lock so that notices get out first, and the word when it is over.
//!
//! Optional at run time: without a system bus or without logind nothing ever happens here, which is said once and tried again
//! every now and then. Refuses to keep a machine awake: a [`Hold`] is dropped after the notices, and logind itself waits only
//! `InhibitDelayMaxSec` (5 s unless configured). Source: the D-Bus interface `org.freedesktop.login1.Manager`.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use zbus::export::futures_core::Stream as _;
use zbus::{Connection, MatchRule, MessageStream, OwnedFd, message};

const NAME: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SIGNAL: &str = "PrepareForSleep";
/// To say hello to the bus and to answer a call: a bus that hangs must not be waited for without end.
const ANSWER: Duration = Duration::from_secs(10);
/// Until the bus is tried again; it may start later than we, or anew.
const AGAIN: Duration = Duration::from_secs(60);
/// Signals and changes on their way: going to sleep and waking up, twice.
const QUEUE: usize = 4;

/// The machine sleeps, or did.
#[derive(Debug)]
pub enum Change {
    /// It is about to; it waits for the hold to be dropped.
    Sleeping(Hold),
    /// It woke up.
    Woken,
}

/// Keeps the machine awake a little longer, until dropped.
#[derive(Debug)]
pub struct Hold {
    _lock: Option<OwnedFd>,
}

/// Watches in the runtime this is called in, until the receiver is dropped.
pub fn watch() -> mpsc::Receiver<Change> {
    let (sender, changes) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        let mut said = false;
        while !sender.is_closed() {
            let outcome = tokio::select! {
                outcome = follow_system(&sender) => outcome,
                () = sender.closed() => return,
            };
            if let Err(error) = outcome
                && !std::mem::replace(&mut said, true)
            {
                log::info!(
                    "logind does not tell when this machine sleeps: {error}; the clock will"
                );
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
    changes
}

async fn follow_system(changes: &mpsc::Sender<Change>) -> zbus::Result<()> {
    let bus = answered(Connection::system()).await?;
    follow(&bus, changes).await
}

/// Until the receiver is dropped or the bus has gone, which is an error.
async fn follow(bus: &Connection, changes: &mpsc::Sender<Change>) -> zbus::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender(NAME)
        .path(PATH)
        .interface(MANAGER)
        .member(SIGNAL)
        .build()?;
    let subscribed = MessageStream::for_match_rule(rule, bus, std::num::NonZeroUsize::new(QUEUE));
    let mut signals = answered(subscribed).await?;
    let mut lock = Some(inhibit(bus).await?);
    log::debug!("logind tells when this machine sleeps");
    while let Some(signal) = poll_fn(|cx| Pin::new(&mut signals).poll_next(cx)).await {
        let change = match signal?.body().deserialize()? {
            true => Change::Sleeping(Hold { _lock: lock.take() }),
            false => {
                // Without a lock the next sleep is still noticed, only later.
                lock = inhibit(bus)
                    .await
                    .inspect_err(|error| log::warn!("no delay lock: {error}"))
                    .ok();
                Change::Woken
            }
        };
        if changes.send(change).await.is_err() {
            return Ok(());
        }
    }
    Err(zbus::Error::Failure("the system bus has gone".to_owned()))
}

/// A delay lock for sleep.
async fn inhibit(bus: &Connection) -> zbus::Result<OwnedFd> {
    let why = (
        "sleep",
        "upsmon",
        "to tell that readings of UPSes will be out of date",
        "delay",
    );
    let call = bus.call_method(Some(NAME), PATH, Some(MANAGER), "Inhibit", &why);
    answered(call).await?.body().deserialize()
}

async fn answered<T>(question: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let late = |_| Err(zbus::Error::Failure("it does not answer".to_owned()));
    tokio::time::timeout(ANSWER, question)
        .await
        .unwrap_or_else(late)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A message bus of our own.
    struct Bus(Child, String);

    impl Bus {
        fn start() -> Option<Self> {
            let mut child = Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--print-address"])
                .stdout(Stdio::piped())
                .spawn()
                .ok()?;
            let mut address = String::new();
            let stdout = child.stdout.take()?;
            BufReader::new(stdout).read_line(&mut address).ok()?;
            Some(Self(child, address.trim().to_owned()))
        }

        async fn connect(&self) -> Connection {
            let builder = zbus::connection::Builder::address(self.1.as_str());
            builder.build().await.unwrap()
        }
    }

    impl Drop for Bus {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    /// Takes the next call of Inhibit and answers with one end of a socket; the other end tells when the lock is gone.
    async fn grant(logind: &Connection, calls: &mut MessageStream) -> UnixStream {
        loop {
            let call = poll_fn(|cx| Pin::new(&mut *calls).poll_next(cx))
                .await
                .unwrap()
                .unwrap();
            let header = call.header();
            if header
                .member()
                .is_none_or(|member| member.as_str() != "Inhibit")
            {
                continue;
            }
            let (what, _, _, how): (String, String, String, String) =
                call.body().deserialize().unwrap();
            assert_eq!((what.as_str(), how.as_str()), ("sleep", "delay"));
            let (ours, theirs) = UnixStream::pair().unwrap();
            let fd = zbus::Fd::from(theirs.as_fd());
            logind.reply(&header, &fd).await.unwrap();
            return ours;
        }
    }

    fn released(lock: &mut UnixStream) -> bool {
        lock.set_nonblocking(true).unwrap();
        matches!(lock.read(&mut [0]), Ok(0))
    }

    #[tokio::test(flavor = "current_thread")]
    async fn sleep_is_told_and_delayed_until_the_hold_is_dropped() {
        let Some(bus) = Bus::start() else {
            eprintln!("SKIPPED: there is no dbus-daemon");
            return;
        };
        let logind = bus.connect().await;
        logind.request_name(NAME).await.unwrap();
        let mut calls = MessageStream::from(&logind);
        let (sender, mut changes) = mpsc::channel(QUEUE);
        let client = bus.connect().await;
        let follower = tokio::spawn(async move { follow(&client, &sender).await });
        let mut lock = grant(&logind, &mut calls).await;
        let signal = |sleeping: bool| {
            let logind = logind.clone();
            async move {
                let nobody = None::<&str>;
                logind
                    .emit_signal(nobody, PATH, MANAGER, SIGNAL, &sleeping)
                    .await
                    .unwrap();
            }
        };
        signal(true).await;
        let Some(Change::Sleeping(hold)) = changes.recv().await else {
            panic!("no word of sleep");
        };
        assert!(!released(&mut lock));
        drop(hold);
        assert!(released(&mut lock));
        signal(false).await;
        let mut again = grant(&logind, &mut calls).await;
        assert!(matches!(changes.recv().await, Some(Change::Woken)));
        assert!(!released(&mut again));
        drop((bus, logind));
        let end = tokio::time::timeout(ANSWER, follower).await.unwrap();
        assert!(end.unwrap().is_err(), "a lost bus is an error");
    }
}
