//! A supervisor against a driver's socket and a driver's process, both made by the test, in real time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::device::{DeviceExtras, Handle, Setup, Site, supervise};
use crate::loader::NoPlugins;
use crate::published::Clock;
use crate::registry::Registry;
use husk_core::conf::ups;
use husk_core::proto::session::{Request, What};
use husk_core::proto::tracking::{self, Tracking};
use husk_core::state::Freshness;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

struct Rig {
    dir: PathBuf,
    site: Arc<Site>,
    handle: Option<Handle>,
    ended: tokio::task::JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn setup(conf: &str) -> Setup {
    let (conf, _) = ups::parse("ups.conf", conf.as_bytes());
    Setup {
        section: conf.sections[0].clone(),
        global: conf.global,
        max_age: Duration::from_secs(3),
        extras: DeviceExtras::default(),
    }
}

fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("husk-remote-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

async fn rig(dir: PathBuf, conf: &str, sockets_only: bool) -> Rig {
    let site = Arc::new(Site {
        clock: Clock::start(),
        registry: Arc::new(Registry::open(Box::new(NoPlugins), Vec::new()).await),
        tracking: Arc::new(Mutex::new(Tracking::new(Duration::from_secs(60)))),
        config_dir: dir.clone(),
        state_path: dir.clone(),
        reload: mpsc::channel(1).0,
        sockets_only,
    });
    let (handle, life) = supervise(Arc::clone(&site), setup(conf));
    Rig {
        dir,
        site,
        handle: Some(handle),
        ended: tokio::spawn(life),
    }
}

impl Rig {
    fn handle(&self) -> &Handle {
        self.handle.as_ref().unwrap()
    }

    /// Status and freshness as clients would learn them.
    fn status(&self) -> (Freshness, String) {
        let snapshot = self.handle().published.snapshot();
        let status = snapshot.variable("ups.status");
        let status = status.map(|variable| variable.value.clone());
        (snapshot.freshness, status.unwrap_or_default())
    }

    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            let note = self.handle().published.note();
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "never: {what}; {note:?} {:?}",
                self.status()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_status(&self, freshness: Freshness, status: &str) {
        let wanted = (freshness, status.to_owned());
        self.until(status, |rig| rig.status() == wanted).await;
    }

    fn set(&self, value: &str, id: &str) {
        let queued = self.site.clock.now();
        lock(&self.site.tracking).register(id, queued);
        let request = Request {
            ups: "lab".to_owned(),
            what: What::Set {
                variable: "ups.id".to_owned(),
                value: value.to_owned(),
            },
            tracking: Some(id.to_owned()),
            user: "admin".to_owned(),
            peer: Ipv4Addr::LOCALHOST.into(),
        };
        assert!(self.handle().published.hand_over(Job { request, queued }));
    }

    fn outcome(&self, id: &str) -> Option<Outcome> {
        lock(&self.site.tracking).get(id, self.site.clock.now())
    }

    async fn stop(&mut self) {
        self.handle = None;
        let ended = timeout(Duration::from_secs(5), &mut self.ended).await;
        ended.unwrap().unwrap();
    }
}

/// The driver's end.
struct Driver(BufReader<UnixStream>);

impl Driver {
    async fn accept(listener: &UnixListener) -> Self {
        let accepted = timeout(Duration::from_secs(5), listener.accept()).await;
        Self(BufReader::new(accepted.unwrap().unwrap().0))
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(5), self.0.read_line(&mut line)).await;
        read.unwrap().unwrap();
        line
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }
}

const LAB: &str = "[lab]\n driver = other\n port = x\n";
const DUMP: &str = "SETINFO ups.id \"shelf\"\nSETFLAGS ups.id RW STRING\nSETINFO ups.status \"OL\"\nDATAOK\nDUMPDONE\n";

#[tokio::test]
async fn a_socket_is_followed_from_the_first_dump_to_its_end_and_beyond() {
    let mut rig = rig(dir("socket"), LAB, true).await;
    assert_eq!(rig.status().0, Freshness::Waiting);
    let socket = rig.dir.join("other-lab");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut driver = Driver::accept(&listener).await;
    assert_eq!(driver.line().await, "DUMPALL\n");
    rig.until_status(Freshness::Fresh, "WAIT").await;
    driver.say(DUMP).await;
    rig.until_status(Freshness::Fresh, "OL").await;
    driver.say("DATASTALE\n").await;
    rig.until_status(Freshness::Stale, "OL").await;
    driver.say("SETINFO ups.status \"OB\"\nDATAOK\n").await;
    rig.until_status(Freshness::Fresh, "OB").await;

    drop((driver, listener));
    std::fs::remove_file(&socket).unwrap();
    rig.until("disconnected", |rig| rig.status().0 == Freshness::Waiting)
        .await;
    let listener = UnixListener::bind(&socket).unwrap();
    let mut driver = Driver::accept(&listener).await;
    assert_eq!(driver.line().await, "DUMPALL\n");
    driver.say(DUMP).await;
    rig.until_status(Freshness::Fresh, "OL").await;

    // MAXAGE is 3 s: asked for a sign of life after 1 s, stale after 4 s, fresh again with any line.
    assert_eq!(driver.line().await, "PING\n");
    rig.until_status(Freshness::Stale, "OL").await;
    driver.say("PONG\n").await;
    rig.until_status(Freshness::Fresh, "OL").await;
    rig.stop().await;
}

#[tokio::test]
async fn outcomes_are_taken_only_from_the_driver_that_was_asked() {
    let rig = rig(dir("tracking"), LAB, true).await;
    let listener = UnixListener::bind(rig.dir.join("other-lab")).unwrap();
    let mut driver = Driver::accept(&listener).await;
    driver.line().await;
    driver.say(DUMP).await;
    rig.until_status(Freshness::Fresh, "OL").await;
    let [done, lost, foreign] = [1, 2, 3].map(|n| tracking::id([n; 16]));
    rig.set("a \"b\"", &done);
    let line = driver.line().await;
    assert_eq!(
        line,
        format!("SET ups.id \"a \\\"b\\\"\" TRACKING {done}\n")
    );
    assert_eq!(rig.outcome(&done), Some(Outcome::Pending));
    lock(&rig.site.tracking).register(&foreign, rig.site.clock.now());
    driver.say(&format!("TRACKING {foreign} 0\n")).await;
    driver.say(&format!("TRACKING {done} 0\n")).await;
    rig.until("an outcome", |rig| {
        rig.outcome(&done) == Some(Outcome::Success)
    })
    .await;
    assert_eq!(rig.outcome(&foreign), Some(Outcome::Pending));

    rig.set("late", &lost);
    driver.line().await;
    drop(driver);
    rig.until("a failure", |rig| {
        rig.outcome(&lost) == Some(Outcome::Failed)
    })
    .await;
}

#[tokio::test]
async fn a_changed_maxage_keeps_the_connection_and_another_driver_does_not() {
    let rig = rig(dir("configure"), LAB, true).await;
    let listener = UnixListener::bind(rig.dir.join("other-lab")).unwrap();
    let mut driver = Driver::accept(&listener).await;
    driver.line().await;
    driver.say(DUMP).await;
    rig.until_status(Freshness::Fresh, "OL").await;
    let configure = |conf: &str, seconds| {
        let mut setup = setup(conf);
        setup.max_age = Duration::from_secs(seconds);
        rig.handle().orders.send(Order::Configure(Box::new(setup)))
    };
    configure(LAB, 60).await.unwrap();
    let quiet = timeout(Duration::from_secs(2), driver.line()).await;
    assert!(quiet.is_err(), "the new MAXAGE asks for no PING: {quiet:?}");

    let elsewhere = UnixListener::bind(rig.dir.join("third-lab")).unwrap();
    configure("[lab]\n driver = third\n port = x\n", 60)
        .await
        .unwrap();
    let mut third = Driver::accept(&elsewhere).await;
    assert_eq!(third.line().await, "DUMPALL\n");
    assert_eq!(rig.status(), (Freshness::Fresh, "OL".to_owned()));
    third
        .say("SETINFO ups.status \"OB\"\nDATAOK\nDUMPDONE\n")
        .await;
    rig.until_status(Freshness::Fresh, "OB").await;
    assert_eq!(driver.line().await, "", "the old connection was closed");
}

/// A driver that writes down how it was called; `$0` names its directory.
fn driver_program(dir: &Path, rest: &str) {
    let path = dir.join("other");
    let text = format!("#!/bin/sh\necho \"$@ $NUT_CONFPATH $$\" >>\"${{0%/*}}/calls\"\n{rest}\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn the_power_is_cut_by_a_run_of_the_program_after_the_driver_has_ended() {
    let dir = dir("power");
    let rest = "case \"$*\" in *-k) [ -e \"${0%/*}/stuck\" ] || exit 0; echo no relay >&2; exit 1; esac; exec sleep 60";
    driver_program(&dir, rest);
    let conf = format!("driverpath = {}\n{LAB}", dir.display());
    let mut rig = rig(dir, &conf, false).await;
    rig.until("a call", |rig| calls(rig).len() == 1).await;
    for stuck in [false, true] {
        if stuck {
            std::fs::write(rig.dir.join("stuck"), "").unwrap();
        }
        let (reply, answer) = tokio::sync::oneshot::channel();
        let order = rig.handle().orders.send(Order::CutPower(reply));
        order.await.unwrap();
        let answer = timeout(Duration::from_secs(10), answer).await.unwrap();
        match answer.unwrap() {
            Ok(()) => assert!(!stuck),
            Err(reason) => assert!(stuck && reason.contains("no relay"), "{reason}"),
        }
    }
    let cuts = calls(&rig);
    let cuts = cuts.iter().filter(|call| call.starts_with("-a lab -k"));
    assert_eq!(cuts.count(), 2);
    rig.until("the driver again", |rig| {
        calls(rig)
            .last()
            .is_some_and(|call| call.starts_with("-a lab -F"))
    })
    .await;
    rig.stop().await;
}

fn calls(rig: &Rig) -> Vec<String> {
    let text = std::fs::read_to_string(rig.dir.join("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn alive(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn a_driver_program_is_started_started_again_and_ended_with_its_device() {
    let dir = dir("program");
    driver_program(&dir, "echo cannot find the cable >&2; exec sleep 60");
    let conf = format!("driverpath = {}\n{LAB}", dir.display());
    let mut rig = rig(dir, &conf, false).await;
    rig.until("a call", |rig| calls(rig).len() == 1).await;
    let first = calls(&rig).remove(0);
    let (call, first) = first.rsplit_once(' ').unwrap();
    assert_eq!(call, format!("-a lab -F {}", rig.dir.display()));
    assert!(alive(first));

    let pid = rustix::process::Pid::from_raw(first.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    rig.until("a second call", |rig| calls(rig).len() == 2)
        .await;
    let trouble = rig.handle().published.note().trouble;
    assert!(
        trouble.contains("signal: 15") && trouble.ends_with("cannot find the cable"),
        "{trouble}"
    );
    let second = calls(&rig).remove(1);
    let (_, second) = second.rsplit_once(' ').unwrap();
    assert!(alive(second));
    rig.stop().await;
    assert!(!alive(second));
}

#[tokio::test]
async fn a_driver_that_runs_already_is_used_and_left_running() {
    let dir = dir("foreign");
    driver_program(&dir, "exec sleep 60");
    let listener = UnixListener::bind(dir.join("other-lab")).unwrap();
    let conf = format!("driverpath = {}\n{LAB}", dir.display());
    let mut rig = rig(dir, &conf, false).await;
    let mut driver = Driver::accept(&listener).await;
    driver.line().await;
    driver.say(DUMP).await;
    rig.until_status(Freshness::Fresh, "OL").await;
    assert_eq!(calls(&rig).len(), 0);
    rig.stop().await;
    assert_eq!(driver.line().await, "");
}

#[test]
fn only_a_safe_program_in_its_place_is_run() {
    let dir = dir("find");
    driver_program(&dir, "");
    let path = dir.to_str().unwrap();
    assert_eq!(program::find("other", Some(path)), Ok(dir.join("other")));
    for (name, mode, reason) in [
        ("../other", 0o755, "not the name of a program"),
        ("missing", 0o755, "there is no driver program"),
        ("other", 0o644, "not executable"),
        ("other", 0o757, "everybody may write"),
    ] {
        std::fs::set_permissions(dir.join("other"), std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = program::find(name, Some(path)).unwrap_err();
        assert!(refused.contains(reason), "{name} {mode:o}: {refused}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}
