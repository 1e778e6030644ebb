//! Notifications of upsmon as a whole: NOTIFYCMD in both dialects, wall, upssched, the timers of husk.toml, and what hangs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, Signal, wait_until};
use husk_tests::tool::Wire;
use rustix::process::{Pid, kill_process};
use zbus::export::futures_core::Stream as _;
use zbus::{Connection, MessageStream};

const PATIENCE: Duration = Duration::from_secs(15);

/// A server with one UPS and the upsmon that watches it.
struct Lab {
    server: Server,
    dir: Scratch,
    upsmon: Child,
}

impl Lab {
    /// `conf` is added to upsmon.conf, `files` to its directory; `$DIR` and `$HUSK` are filled in. `$DIR/note WORD...` writes its words,
    /// type and UPS down.
    fn start(conf: &str, files: &[(&str, &str)]) -> Self {
        Self::start_on("unix:path=/nonexistent", conf, files)
    }

    /// The same with a system bus.
    fn start_on(bus: &str, conf: &str, files: &[(&str, &str)]) -> Self {
        let server = serve();
        let dir = Scratch::new("notify").unwrap();
        let path = dir.path().display().to_string();
        let husk = husk_tests::husk_binary().display().to_string();
        let fill = |text: &str| text.replace("$DIR", &path).replace("$HUSK", &husk);
        for (name, text) in files {
            dir.write(name, &fill(text)).unwrap();
        }
        for (name, script) in [
            ("note", "echo \"$*|$NOTIFYTYPE|$UPSNAME\" >>$DIR/notes\n"),
            ("halt", "touch $DIR/down\n"),
            // upsmon finds this one first.
            ("wall", "cat >>$DIR/walls\n"),
        ] {
            let script = dir
                .write(name, &format!("#!/bin/sh\n{}", fill(script)))
                .unwrap();
            fs::set_permissions(script, Permissions::from_mode(0o755)).unwrap();
        }
        let monitor = format!("MONITOR lab@127.0.0.1:{} 1 mon pw primary\n", server.port);
        let quick = "POLLFREQ 1\nPOLLFREQALERT 1\nHOSTSYNC 1\nFINALDELAY 0\nSHUTDOWNCMD $DIR/halt\nPOWERDOWNFLAG $DIR/killpower\n";
        dir.write("upsmon.conf", &fill(&format!("{monitor}{quick}{conf}")))
            .unwrap();
        let search = format!("{path}:{}", std::env::var("PATH").unwrap());
        let upsmon = Command::new(&husk)
            // In two processes, both of whoever runs the test: the user counts only for root.
            .args(["upsmon", "-F", "-u", "root"])
            .env("NUT_CONFPATH", dir.path())
            .env("NUT_PIDPATH", dir.path())
            .env("PATH", search)
            .env("DBUS_SYSTEM_BUS_ADDRESS", bus)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let lab = Self {
            server,
            dir,
            upsmon,
        };
        let logged_in = || {
            lab.wire()
                .ask("GET NUMLOGINS lab")
                .is_ok_and(|answer| answer.ends_with(" 1"))
        };
        wait_until(PATIENCE, logged_in)
            .unwrap_or_else(|error| panic!("{error}: {}", lab.read("log")));
        lab
    }

    fn wire(&self) -> Wire {
        Wire::connect(self.server.port).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn status(&self, text: &str) {
        self.server
            .dir
            .write("lab.dev", &format!("ups.status: {text}\n"))
            .unwrap();
    }

    /// Waits for a line in a file.
    #[track_caller]
    fn wait(&self, file: &str, line: &str) {
        let line = line.replace("$UPS", &format!("lab@127.0.0.1:{}", self.server.port));
        let there = || self.read(file).lines().any(|there| there == line);
        if wait_until(PATIENCE, there).is_err() {
            panic!(
                "{line:?} is not in {file}:\n{}\nlog:\n{}",
                self.read(file),
                self.read("log")
            );
        }
    }

    #[track_caller]
    fn wait_for_shutdown(&self) {
        if wait_until(PATIENCE, || self.path("down").exists()).is_err() {
            panic!("no shutdown; log:\n{}", self.read("log"));
        }
    }

    fn reload(&self) {
        let mut reload = Command::new(husk_tests::husk_binary());
        let reload = reload
            .args(["upsmon", "-c", "reload"])
            .env("NUT_PIDPATH", self.dir.path());
        assert!(reload.status().unwrap().success());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.upsmon.kill();
        let _ = self.upsmon.wait();
        for file in ["upsmon.pid", "upssched.pid"] {
            if let Ok(pid) = self.read(file).trim().parse()
                && let Some(pid) = Pid::from_raw(pid)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn serve() -> Server {
    let dir = Scratch::new("notify-server").unwrap();
    let ups =
        "pollinterval = 1\n[lab]\n  driver = dummy-ups\n  port = lab.dev\n  mode = dummy-once\n";
    dir.write("ups.conf", ups).unwrap();
    dir.write("lab.dev", "ups.status: OL\n").unwrap();
    dir.write("upsd.users", "[mon]\n  password = pw\n  upsmon primary\n")
        .unwrap();
    let server = Server::start_husk(dir).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(PATIENCE, || {
        wire.value("lab", "ups.status")
            .is_ok_and(|value| value == "OL")
    })
    .unwrap();
    server
}

#[test]
fn a_program_gets_its_arguments_and_every_terminal_the_text() {
    let lab = Lab::start(
        "NOTIFYCMD $DIR/note -x \"two words\"\nNOTIFYFLAG ONBATT SYSLOG+WALL+EXEC\nNOTIFYFLAG ONLINE EXEC\nNOTIFYMSG ONLINE \"%s: mains\"\n",
        &[],
    );
    lab.status("OB");
    lab.wait("notes", "-x two words UPS $UPS on battery|ONBATT|$UPS");
    lab.wait("walls", "UPS $UPS on battery");
    assert!(
        lab.read("log").contains("on battery"),
        "in the foreground the log is stderr"
    );
    lab.status("OL");
    lab.wait("notes", "-x two words $UPS: mains|ONLINE|$UPS");
    assert_eq!(lab.read("walls").lines().count(), 1);
    assert!(!lab.read("log").contains("mains"));
    // A reload changes the command.
    let conf = lab.read("upsmon.conf").replace("-x", "-y");
    lab.dir.write("upsmon.conf", &conf).unwrap();
    lab.reload();
    std::thread::sleep(Duration::from_secs(1));
    lab.status("OB");
    lab.wait("notes", "-y two words UPS $UPS on battery|ONBATT|$UPS");
}

#[test]
fn a_scriptlet_runs_in_a_shell_that_never_reads_the_text() {
    let lab = Lab::start(
        "NOTIFYCMD \"test -n \\\"$NOTIFYTYPE\\\" && $DIR/note -s\"\nNOTIFYFLAG ALARM EXEC\n",
        &[],
    );
    let alarm = "$(touch pwned) `touch pwned`";
    let text = format!("ups.status: ALARM OL\nups.alarm: {alarm}\n");
    lab.server.dir.write("lab.dev", &text).unwrap();
    wait_until(PATIENCE, || !lab.read("notes").is_empty())
        .unwrap_or_else(|_| panic!("{}", lab.read("log")));
    assert!(lab.read("notes").contains(alarm), "{}", lab.read("notes"));
    assert!(!PathBuf::from("pwned").exists());
}

#[test]
fn upssched_is_a_notifycmd() {
    let rules = "CMDSCRIPT $DIR/note\nPIPEFN $DIR/pipe\nLOCKFN $DIR/lock\n\
        AT ONBATT * START-TIMER out 2\nAT ONLINE * CANCEL-TIMER out back\n";
    let lab = Lab::start(
        "NOTIFYCMD $HUSK upssched\nNOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\n",
        &[("upssched.conf", rules)],
    );
    lab.status("OB");
    lab.wait("notes", "out|ONBATT|$UPS");
    lab.status("OL");
    lab.wait("notes", "back|ONLINE|$UPS");
    lab.status("OB");
    wait_until(PATIENCE, || {
        let mut list = Command::new(husk_tests::husk_binary());
        let list = list
            .args(["upssched", "-l"])
            .env("NUT_CONFPATH", lab.dir.path());
        list.output().unwrap().stdout.starts_with(b"out\t")
    })
    .unwrap();
    lab.status("OL");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(
        lab.read("notes").lines().count(),
        2,
        "the second outage was shorter than the timer"
    );
}

#[test]
fn a_script_of_upssched_may_ask_for_the_shutdown() {
    let rules = "CMDSCRIPT \"NUT_PIDPATH=$DIR $HUSK upsmon -c fsd; $DIR/note\"\nPIPEFN $DIR/pipe\nLOCKFN $DIR/lock\n\
        AT ONBATT * START-TIMER out 1\nAT LOWBATT * EXECUTE never\n";
    let lab = Lab::start(
        "NOTIFYCMD $HUSK upssched\nNOTIFYFLAG ONBATT EXEC\n",
        &[("upssched.conf", rules)],
    );
    lab.status("OB");
    lab.wait_for_shutdown();
    lab.wait("notes", "out|ONBATT|$UPS");
}

#[test]
fn timers_of_husk_toml_run_and_shut_down_without_any_flag() {
    let timers = "[[timer]]\nname = \"mail\"\non = [\"ONBATT\"]\ncancel = [\"ONLINE\"]\nafter = 1\nrun = [\"$DIR/note\", \"-t\"]\n\
        [[timer]]\nname = \"long\"\non = [\"ONBATT\"]\ncancel = [\"ONLINE\"]\nafter = 4\ndo = \"shutdown\"\n";
    let lab = Lab::start(
        "NOTIFYFLAG ONBATT IGNORE\nNOTIFYFLAG ONLINE IGNORE\n",
        &[("husk.toml", timers)],
    );
    lab.status("OB");
    lab.wait("notes", "-t mail|ONBATT|$UPS");
    lab.status("OL");
    std::thread::sleep(Duration::from_secs(6));
    assert!(
        !lab.path("down").exists(),
        "the outage was shorter than the timer"
    );
    lab.status("OB");
    let start = Instant::now();
    lab.wait_for_shutdown();
    assert!(start.elapsed() > Duration::from_secs(3));
    let status = lab.wire().value("lab", "ups.status").unwrap();
    assert!(
        status.starts_with("FSD"),
        "a forced shutdown like any other: {status}"
    );
}

#[test]
fn a_notifycmd_that_hangs_delays_no_decision() {
    let every = ["ONBATT", "LOWBATT", "FSD", "SHUTDOWN", "ONLINE", "COMMBAD"];
    let flags: String = every
        .map(|kind| format!("NOTIFYFLAG {kind} EXEC+WALL\n"))
        .concat();
    let lab = Lab::start(&format!("NOTIFYCMD \"sleep 8; :\"\n{flags}"), &[]);
    // Neither does a terminal.
    lab.dir.write("wall", "#!/bin/sh\nsleep 8\n").unwrap();
    fs::set_permissions(lab.path("wall"), Permissions::from_mode(0o755)).unwrap();
    for _ in 0..3 {
        lab.status("OB");
        std::thread::sleep(Duration::from_millis(1200));
        lab.status("OL");
        std::thread::sleep(Duration::from_millis(1200));
    }
    let start = Instant::now();
    lab.status("OB LB");
    lab.wait_for_shutdown();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

/// A message bus of our own, and on it a logind that only knows sleep.
struct Logind {
    bus: Child,
    address: String,
    runtime: tokio::runtime::Runtime,
    names: Option<(Connection, MessageStream)>,
}

impl Logind {
    fn start() -> Option<Self> {
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut address = String::new();
        BufReader::new(bus.stdout.take()?)
            .read_line(&mut address)
            .ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut logind = Self {
            bus,
            address: address.trim().to_owned(),
            runtime,
            names: None,
        };
        let names = logind.runtime.block_on(async {
            let builder = zbus::connection::Builder::address(logind.address.as_str());
            let connection = builder.build().await.unwrap();
            connection
                .request_name("org.freedesktop.login1")
                .await
                .unwrap();
            let calls = MessageStream::from(&connection);
            (connection, calls)
        });
        logind.names = Some(names);
        Some(logind)
    }

    /// Grants the next delay lock; the socket ends when it is released.
    fn grant(&mut self) -> UnixStream {
        let (connection, calls) = self.names.as_mut().unwrap();
        let granted = self.runtime.block_on(async {
            let next = async {
                loop {
                    let call = std::future::poll_fn(|cx| Pin::new(&mut *calls).poll_next(cx)).await;
                    let call = call.unwrap().unwrap();
                    if call
                        .header()
                        .member()
                        .is_some_and(|member| member.as_str() == "Inhibit")
                    {
                        return call;
                    }
                }
            };
            let call = tokio::time::timeout(PATIENCE, next)
                .await
                .expect("nobody asks for a lock");
            let (what, who, _, how): (String, String, String, String) =
                call.body().deserialize().unwrap();
            assert_eq!([what, who, how], ["sleep", "upsmon", "delay"]);
            let (ours, theirs) = UnixStream::pair().unwrap();
            let lock = zbus::Fd::from(theirs.as_fd());
            connection.reply(&call.header(), &lock).await.unwrap();
            ours
        });
        granted.set_read_timeout(Some(PATIENCE)).unwrap();
        granted
    }

    fn sleeping(&mut self, sleeping: bool) {
        let (connection, _) = self.names.as_ref().unwrap();
        let (path, manager) = ("/org/freedesktop/login1", "org.freedesktop.login1.Manager");
        let signal =
            connection.emit_signal(None::<&str>, path, manager, "PrepareForSleep", &sleeping);
        self.runtime.block_on(signal).unwrap();
    }
}

impl Drop for Logind {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

#[test]
fn sleep_waits_for_its_notification_and_no_longer() {
    let Some(mut logind) = Logind::start() else {
        eprintln!("SKIPPED: there is no dbus-daemon");
        return;
    };
    // The lock has to be granted while upsmon starts, so in a thread of its own.
    let address = logind.address.clone();
    let lab = std::thread::spawn(move || {
        let flags = "NOTIFYFLAG SUSPEND_STARTING EXEC\nNOTIFYFLAG SUSPEND_FINISHED EXEC\n";
        Lab::start_on(&address, &format!("NOTIFYCMD $DIR/note\n{flags}"), &[])
    });
    let mut lock = logind.grant();
    let lab = lab.join().unwrap();
    lab.status("OB");
    logind.sleeping(true);
    assert_eq!(lock.read(&mut [0]).unwrap(), 0, "the lock is released");
    lab.wait(
        "notes",
        "OS is entering sleep/suspend/hibernate mode|SUSPEND_STARTING|",
    );
    logind.sleeping(false);
    let _lock = logind.grant();
    wait_until(PATIENCE, || {
        lab.read("notes").contains("|SUSPEND_FINISHED|")
    })
    .unwrap();
    // Awake again it watches on.
    lab.status("OB LB");
    lab.wait_for_shutdown();
}
