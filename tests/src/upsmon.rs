//! upsmon for tests, ours and the incumbent's behind one interface: what it notified and when it ordered the machine down.
//!
//! SHUTDOWNCMD and NOTIFYCMD are scripts that write a line into a pipe. The test reads all pipes and stamps the lines with
//! one clock, so that what happened on different machines can be put in order. Nothing is shut down.

use crate::netns::Host;
use crate::process;
use crate::rig::{Scratch, Signal, Which, collect, wait_until};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Debian's upsmon.
const INCUMBENT: &str = "/lib/nut/upsmon";
/// How long it may take to end after SIGTERM.
const END: Duration = Duration::from_secs(5);
/// What is written when SHUTDOWNCMD runs.
pub const SHUTDOWN: &str = "SHUTDOWNCMD";
/// The user of the part that talks to servers.
const USER: &str = "nut";
/// Notifications that both know, and those only ours knows.
const KINDS: &[&str] = &[
    "ONLINE", "ONBATT", "LOWBATT", "FSD", "COMMOK", "COMMBAD", "SHUTDOWN", "NOCOMM", "NOPARENT",
];
const OUR_KINDS: &[&str] = &["SHUTDOWN_HOSTSYNC", "SUSPEND_TIMEJUMP_UNEXPECTED"];

/// Something that happened on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the test heard of it.
    pub at: Instant,
    /// A kind of notification, or [`SHUTDOWN`].
    pub what: String,
}

/// An upsmon on a machine, with its configuration; ended by process id when dropped.
#[derive(Debug)]
pub struct Upsmon {
    which: Which,
    host: Host,
    /// Its configuration directory.
    pub dir: Scratch,
    events: Arc<Mutex<Vec<Event>>>,
    log: Arc<Mutex<String>>,
    process: Option<Child>,
    environment: Vec<(&'static str, String)>,
    flag: PathBuf,
}

impl Upsmon {
    /// Prepares a directory with the scripts and the pipe; nothing runs yet.
    pub fn new(which: Which, host: &Host) -> io::Result<Self> {
        let dir = Scratch::new(&format!("upsmon-{}", host.name()))?;
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
        let pipe = dir.path().join("events");
        let mode = rustix::fs::Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)?;
        fs::set_permissions(&pipe, Permissions::from_mode(0o666))?;
        // Opened for writing too: then it neither waits for the first writer nor ends with the last.
        let reader = OpenOptions::new().read(true).write(true).open(&pipe)?;
        let events = Arc::default();
        listen(reader, Arc::clone(&events));
        let flag = dir.path().join("killpower");
        let upsmon = Self {
            which,
            host: host.clone(),
            dir,
            events,
            log: Arc::default(),
            process: None,
            environment: Vec::new(),
            flag,
        };
        let pipe = pipe.display();
        upsmon.script("halt", &format!("echo {SHUTDOWN} >{pipe}\n"))?;
        upsmon.script("notify", &format!("echo \"$NOTIFYTYPE\" >{pipe}\n"))?;
        Ok(upsmon)
    }

    /// Writes upsmon.conf: `text`, and what every machine here has.
    pub fn configure(&self, text: &str) -> io::Result<()> {
        let dir = self.dir.path().display();
        let mut conf = format!(
            "{text}\nRUN_AS_USER {USER}\nSHUTDOWNCMD \"{dir}/halt\"\nPOWERDOWNFLAG {}\nNOTIFYCMD {dir}/notify\n",
            self.flag.display()
        );
        let ours = OUR_KINDS.iter().filter(|_| self.which == Which::Husk);
        for kind in KINDS.iter().chain(ours) {
            conf += &format!("NOTIFYFLAG {kind} EXEC\n");
        }
        let path = self.dir.write("upsmon.conf", &conf)?;
        give(&path)
    }

    /// A script of the machine's.
    pub fn script(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.dir.write(name, &format!("#!/bin/sh\n{text}"))?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Where the flag goes that tells the last step of a shutdown to cut the power; before [`Self::configure`].
    pub fn set_flag(&mut self, path: PathBuf) {
        self.flag = path;
    }

    /// The flag's bytes, if it is there.
    pub fn flag(&self) -> Option<Vec<u8>> {
        fs::read(&self.flag).ok()
    }

    /// A variable of its environment.
    pub fn set_environment(&mut self, name: &'static str, value: String) {
        self.environment.push((name, value));
    }

    /// `upsmon` with these arguments on its machine.
    pub fn command(&self, arguments: &[&str]) -> Command {
        // Not in the environment of what prepares the machine: a library that is preloaded has no business there.
        let mut command = self.host.command("env");
        let own = self.environment.iter();
        command.args(own.map(|(name, value)| format!("{name}={value}")));
        match self.which {
            Which::Husk => command.arg(crate::husk_binary()).arg("upsmon"),
            Which::Incumbent => command.arg(INCUMBENT),
        };
        command.args(arguments).stdin(Stdio::null());
        for name in ["NUT_CONFPATH", "NUT_STATEPATH"] {
            command.env(name, self.dir.path());
        }
        // The machine's own /run/nut, which both of upsmon's processes may write.
        for name in ["NUT_PIDPATH", "NUT_ALTPIDPATH"] {
            command.env(name, "/run/nut");
        }
        command
    }

    /// Starts it in the foreground.
    pub fn start(&mut self) -> io::Result<()> {
        let mut command = self.command(&["-F"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        if let Some(pipe) = child.stdout.take() {
            collect(pipe, Arc::clone(&self.log));
        }
        if let Some(pipe) = child.stderr.take() {
            collect(pipe, Arc::clone(&self.log));
        }
        self.process = Some(child);
        Ok(())
    }

    /// The process that keeps root and runs SHUTDOWNCMD.
    pub fn parent(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// The process that talks to servers; none before it has started and after it has ended.
    pub fn child(&self) -> Option<u32> {
        process::children(self.parent()).first().copied()
    }

    /// Kills both halves.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Everything that happened, oldest first.
    pub fn events(&self) -> Vec<Event> {
        let events = self.events.lock();
        events.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When it first happened, if it has.
    pub fn first(&self, what: &str) -> Option<Instant> {
        let events = self.events();
        let found = events.iter().find(|event| event.what == what);
        found.map(|event| event.at)
    }

    /// Waits until it has happened; when it first did.
    pub fn wait_for(&self, what: &str, patience: Duration) -> io::Result<Instant> {
        self.wait_for_nth(what, 0, patience)
    }

    /// Waits until it has happened twice; when it did the second time.
    pub fn wait_for_again(&self, what: &str, patience: Duration) -> io::Result<Instant> {
        self.wait_for_nth(what, 1, patience)
    }

    fn wait_for_nth(&self, what: &str, nth: usize, patience: Duration) -> io::Result<Instant> {
        let mut found = None;
        let waited = wait_until(patience, || {
            let events = self.events();
            let mut same = events.iter().filter(|event| event.what == what);
            found = same.nth(nth).map(|event| event.at);
            found.is_some()
        });
        found.ok_or_else(|| {
            let told: Vec<_> = self.events().into_iter().map(|event| event.what).collect();
            io::Error::other(format!(
                "no {what} on {} ({waited:?}): {told:?}; its log:\n{}",
                self.host.name(),
                self.log()
            ))
        })
    }

    /// Everything it has printed so far.
    pub fn log(&self) -> String {
        let log = self.log.lock();
        log.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the process that was started has ended.
    pub fn wait_for_end(&mut self, patience: Duration) -> io::Result<()> {
        let process = &mut self.process;
        wait_until(patience, || {
            process
                .as_mut()
                .is_none_or(|process| !matches!(process.try_wait(), Ok(None)))
        })
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        // Both halves and the scripts they run.
        process::signal_group(process.id(), signal);
        let mut ended = || {
            let _ = process.try_wait();
            !process::group_lives(process.id())
        };
        if wait_until(END, &mut ended).is_err() {
            process::signal_group(process.id(), Signal::KILL);
        }
        let _ = process.wait();
    }
}

impl Drop for Upsmon {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}

/// A certificate database of NSS, which the incumbent's upsmon wants, that trusts one authority.
pub fn database(dir: &Path, authority: &Path) -> io::Result<PathBuf> {
    let path = dir.join("nss");
    fs::create_dir(&path)?;
    let target = path.display().to_string();
    let authority = authority.display().to_string();
    let add = [
        "-A",
        "-d",
        &target,
        "-n",
        "authority",
        "-t",
        "CT,,",
        "-i",
        &authority,
    ];
    for words in [&["-N", "-d", &target, "--empty-password"][..], &add] {
        let output = Command::new("certutil").args(words).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(said));
        }
    }
    for file in fs::read_dir(&path)? {
        give(&file?.path())?;
    }
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Lets the half of upsmon that is not root read a file, and others not.
fn give(path: &Path) -> io::Result<()> {
    let groups = fs::read_to_string("/etc/group")?;
    let line = groups.lines().find(|line| line.starts_with("nut:"));
    let group = line.and_then(|line| line.split(':').nth(2)?.parse().ok());
    chown(path, None, group)?;
    fs::set_permissions(path, Permissions::from_mode(0o640))
}

fn listen(pipe: File, events: Arc<Mutex<Vec<Event>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(what) = line else { break };
            let event = Event {
                at: Instant::now(),
                what,
            };
            let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
            events.push(event);
        }
    });
}
