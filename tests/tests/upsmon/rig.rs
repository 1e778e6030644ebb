//! A server with one UPS, and an upsmon whose programs only write down that they ran.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use husk_tests::process;
use husk_tests::rig::{Scratch, Server, Signal, wait_until};

pub const PATIENCE: Duration = Duration::from_secs(15);
/// Whom the part without rights becomes; on every Linux.
pub const NOBODY: u32 = 65_534;
/// What notifications say.
pub const TEXTS: &[(&str, &str)] = &[
    (" on battery", "ONBATT"),
    ("battery is low", "LOWBATT"),
    ("forced shutdown in progress", "FSD"),
    ("Auto logout and shutdown proceeding", "SHUTDOWN"),
    (
        "waiting for secondaries to log out or time out",
        "SHUTDOWN_HOSTSYNC",
    ),
];
pub const USERS: &str =
    "[mon]\n  password = \"p w\"\n  upsmon primary\n[other]\n  password = pw\n  upsmon secondary\n";

pub fn serve() -> Server {
    serve_with(USERS, "")
}

pub fn serve_with(users: &str, upsd: &str) -> Server {
    let dir = Scratch::new("upsmon-server").unwrap();
    dir.write(
        "ups.conf",
        "pollinterval = 1\n[lab]\n  driver = dummy-ups\n  port = lab.dev\n  mode = dummy-once\n",
    )
    .unwrap();
    dir.write("lab.dev", "ups.status: OL\n").unwrap();
    dir.write("upsd.users", users).unwrap();
    dir.write("upsd.conf", upsd).unwrap();
    let server = Server::start_husk(dir).unwrap();
    wait_for_status(&server, "OL");
    server
}

pub fn status(server: &Server) -> String {
    let wire = server
        .wire()
        .and_then(|mut wire| wire.value("lab", "ups.status"));
    wire.unwrap_or_default()
}

pub fn wait_for_status(server: &Server, wanted: &str) {
    wait_until(PATIENCE, || status(server) == wanted)
        .unwrap_or_else(|_| panic!("{}; log:\n{}", status(server), server.log()));
}

pub fn set_status(server: &Server, status: &str) {
    let text = format!("ups.status: {status}\n");
    server.dir.write("lab.dev", &text).unwrap();
}

pub fn logins(server: &Server) -> String {
    server.wire().unwrap().ask("GET NUMLOGINS lab").unwrap()
}

pub fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// An upsmon with its directory; ended when dropped, with its other process.
pub struct Upsmon {
    pub dir: Scratch,
    pub child: Option<Child>,
}

impl Upsmon {
    pub fn new(conf: &str) -> Self {
        let dir = Scratch::new("upsmon").unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let path = dir.path().display();
        for (name, script) in [
            (
                "halt",
                format!(
                    "cp {path}/killpower {path}/flag-seen; id -u >{path}/down.new; mv {path}/down.new {path}/down"
                ),
            ),
            (
                "notify",
                format!("echo \"$NOTIFYTYPE $UPSNAME|$1|$(id -u)\" >>{path}/notified"),
            ),
        ] {
            let file = dir.write(name, &format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
        }
        let notified = dir.write("notified", "").unwrap();
        fs::set_permissions(notified, Permissions::from_mode(0o666)).unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        let upsmon = Self { dir, child: None };
        upsmon.configure(conf);
        if root() {
            chown(upsmon.dir.path().join("run"), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        upsmon
    }

    pub fn configure(&self, conf: &str) {
        let path = self.dir.path().display();
        let mut text = format!(
            "POLLFREQ 1\nPOLLFREQALERT 1\nFINALDELAY 0\nRUN_AS_USER nobody\nSHUTDOWNCMD {path}/halt\n\
             NOTIFYCMD {path}/notify\nPOWERDOWNFLAG {path}/killpower\n{conf}\n"
        );
        for kind in "ONLINE ONBATT LOWBATT FSD COMMOK COMMBAD SHUTDOWN SHUTDOWN_HOSTSYNC NOPARENT"
            .split(' ')
        {
            text += &format!("NOTIFYFLAG {kind} SYSLOG+EXEC\n");
        }
        let file = self.dir.write("upsmon.conf", &text).unwrap();
        if root() {
            chown(file, None, Some(NOBODY)).unwrap();
            let file = self.dir.path().join("upsmon.conf");
            fs::set_permissions(file, Permissions::from_mode(0o640)).unwrap();
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(husk_tests::husk_binary());
        command.arg("upsmon").args(arguments);
        command.env("NUT_CONFPATH", self.dir.path());
        command.env("NUT_PIDPATH", self.dir.path().join("run"));
        command.env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
        command
    }

    /// Runs it to its end: exit code, standard output, standard error.
    pub fn output(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        (output.status.code(), stdout, stderr)
    }

    pub fn start(&mut self, arguments: &[&str]) {
        let mut command = self.command(arguments);
        self.spawn(&mut command);
        self.wait_for_pid();
    }

    pub fn spawn(&mut self, command: &mut Command) {
        let log = fs::File::create(self.dir.path().join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    pub fn wait_for_pid(&self) {
        wait_until(PATIENCE, || self.pid().is_some()).unwrap_or_else(|_| panic!("{}", self.log()));
    }

    /// Of the process that watches.
    pub fn pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.dir.path().join("run/upsmon.pid")).ok()?;
        text.trim().parse().ok()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.dir.path().join(name).exists()
    }

    pub fn log(&self) -> String {
        self.read("log")
    }

    pub fn wait_for(&self, name: &str, text: &str) {
        wait_until(PATIENCE, || self.read(name).contains(text)).unwrap_or_else(|_| {
            panic!(
                "no {text:?} in {name}: {:?}; log:\n{}",
                self.read(name),
                self.log()
            )
        });
    }

    /// The kinds of notifications in the order of the log; each has run the program too, which may have overtaken another.
    pub fn kinds(&self) -> Vec<&'static str> {
        let kind = |line: &str| TEXTS.iter().find(|(text, _)| line.ends_with(text));
        let log = self.log();
        let told: Vec<_> = log
            .lines()
            .filter_map(kind)
            .map(|&(_, kind)| kind)
            .collect();
        let mut sorted = told.clone();
        sorted.sort_unstable();
        let ran = || {
            let told = self.read("notified");
            let mut ran: Vec<_> = told
                .lines()
                .filter_map(|line| line.split(' ').next())
                .map(str::to_owned)
                .collect();
            ran.sort_unstable();
            ran
        };
        wait_until(PATIENCE, || ran() == sorted)
            .unwrap_or_else(|_| panic!("{:?}, {told:?}", ran()));
        told
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        let child = self.child.as_mut().unwrap();
        let mut status = None;
        let ended = wait_until(PATIENCE, || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        ended.unwrap_or_else(|_| panic!("it goes on; log:\n{}", self.read("log")));
        status.unwrap().code()
    }
}

impl Drop for Upsmon {
    fn drop(&mut self) {
        let watching = self.pid();
        if let Some(child) = &mut self.child
            && matches!(child.try_wait(), Ok(None))
        {
            process::signal(child.id(), Signal::TERM);
            let _ = wait_until(PATIENCE, || !matches!(child.try_wait(), Ok(None)));
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(pid) = watching
            && fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "upsmon\n")
        {
            process::signal(pid, Signal::TERM);
        }
    }
}

pub fn monitor(server: &Server, role: &str) -> String {
    let account = if role == "primary" {
        "mon \"p w\""
    } else {
        "other pw"
    };
    format!("MONITOR {} 1 {account} {role}", server.ups("lab"))
}
