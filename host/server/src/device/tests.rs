//! Supervisors against drivers that fail on purpose, in virtual time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::driver::fake::{Fake, Script};
use crate::driver::{Call, Driver, Origin};
use crate::registry::Loader;
use husk_core::conf::ups;
use husk_core::proto::session::{Request, What};
use husk_core::state::Snapshot;
use std::net::Ipv4Addr;

struct Given(Vec<Arc<dyn Driver>>);

impl Loader for Given {
    fn bundled(&self) -> Call<'_, Vec<Result<Arc<dyn Driver>, String>>> {
        Box::pin(async { self.0.iter().cloned().map(Ok).collect() })
    }

    fn load<'a>(&'a self, _: &'a [u8]) -> Call<'a, Result<Arc<dyn Driver>, String>> {
        Box::pin(async { Err("no files here".to_owned()) })
    }
}

struct Rig {
    dir: PathBuf,
    script: Arc<Script>,
    site: Arc<Site>,
    handle: Option<Handle>,
    ended: tokio::task::JoinHandle<()>,
    _reloads: mpsc::Receiver<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn setup(text: &str) -> Setup {
    let (conf, _) = ups::parse("ups.conf", text.as_bytes());
    Setup {
        section: conf.sections[0].clone(),
        global: conf.global,
        max_age: Duration::from_secs(15),
        extras: DeviceExtras::default(),
    }
}

const LAB: &str = "[lab]\n driver = fake\n port = lab.dev\n allow_killpower\n";

async fn rig(name: &str, script: Script, conf: &str) -> Rig {
    let dir = std::env::temp_dir().join(format!("husk-device-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("lab.dev"), "").unwrap();
    let script = Arc::new(script);
    let fake: Arc<dyn Driver> = Arc::new(Fake::scripted("fake", "1", Arc::clone(&script)));
    let registry = Registry::open(Box::new(Given(vec![fake])), Vec::new()).await;
    let (reload, reloads) = mpsc::channel(1);
    let site = Arc::new(Site {
        clock: Clock::start(),
        registry: Arc::new(registry),
        tracking: Arc::new(Mutex::new(Tracking::new(Duration::from_secs(3600)))),
        config_dir: dir.clone(),
        state_path: dir.clone(),
        reload,
        sockets_only: false,
    });
    let (handle, life) = supervise(Arc::clone(&site), setup(conf));
    Rig {
        dir,
        script,
        site,
        handle: Some(handle),
        ended: tokio::spawn(life),
        _reloads: reloads,
    }
}

impl Rig {
    fn handle(&self) -> &Handle {
        self.handle.as_ref().unwrap()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.handle().published.snapshot()
    }

    fn value(&self, name: &str) -> Option<String> {
        let snapshot = self.snapshot();
        Some(snapshot.variable(name)?.value.clone())
    }

    /// Lets virtual time pass until the condition holds; how long that took.
    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !condition(self) {
            assert!(
                start.elapsed() < Duration::from_secs(300),
                "never: {what}; {:?} {:?}",
                self.handle().published.note(),
                self.script.called()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    }

    async fn until_fresh(&self) -> Duration {
        self.until("fresh", |rig| rig.snapshot().freshness == Freshness::Fresh)
            .await
    }

    async fn swap(&self, script: Script) -> Result<Swapped, String> {
        let known = Known {
            driver: Arc::new(Fake::new("fake", "2", script)),
            origin: Origin::Bundled,
            trusted: true,
        };
        let (reply, answer) = oneshot::channel();
        self.handle()
            .orders
            .send(Order::Swap(known, reply))
            .await
            .unwrap();
        answer.await.unwrap()
    }

    async fn ask(&self, what: What) -> Outcome {
        let id = husk_core::proto::tracking::id([1; 16]);
        lock(&self.site.tracking).register(&id, self.site.clock.now());
        assert!(self.handle().published.hand_over(Job {
            request: Request {
                ups: "lab".to_owned(),
                what,
                tracking: Some(id.clone()),
                user: "u".to_owned(),
                peer: Ipv4Addr::LOCALHOST.into(),
            },
            queued: self.site.clock.now(),
        }));
        let outcome = || {
            lock(&self.site.tracking)
                .get(&id, self.site.clock.now())
                .unwrap()
        };
        self.until("an outcome", |_| outcome() != Outcome::Pending)
            .await;
        outcome()
    }

    async fn command(&self, name: &str) -> Outcome {
        self.ask(What::Command {
            name: name.to_owned(),
            value: None,
        })
        .await
    }
}

fn crash() -> Failure {
    Failure::Crashed("trap".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_device_is_polled_at_its_interval_and_published() {
    let rig = rig("interval", Script::default(), LAB).await;
    rig.until_fresh().await;
    assert_eq!(rig.value("ups.status").as_deref(), Some("OL"));
    let polls = |rig: &Rig| {
        rig.script
            .called()
            .iter()
            .filter(|call| call.starts_with("poll"))
            .count()
    };
    let before = polls(&rig);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let made = polls(&rig) - before;
    assert!((4..=6).contains(&made), "{made} polls in 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_followed_by_a_new_instance_and_the_third_by_quarantine() {
    let script = Script::default();
    script.polls.lock().unwrap().extend([None, Some(crash())]);
    let rig = rig("crash", script, LAB).await;
    rig.until_fresh().await;
    rig.until("stale", |rig| rig.snapshot().freshness != Freshness::Fresh)
        .await;
    let back = rig.until_fresh().await;
    assert!(back <= Duration::from_secs(2), "{back:?}");

    rig.script
        .polls
        .lock()
        .unwrap()
        .extend([Some(crash()), Some(crash())]);
    rig.until("stale", |rig| rig.snapshot().freshness != Freshness::Fresh)
        .await;
    let back = rig.until_fresh().await;
    assert!(back >= Duration::from_secs(50), "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_open_is_tried_ever_more_slowly() {
    let script = Script::default();
    script
        .opens
        .lock()
        .unwrap()
        .extend((0..4).map(|_| Some(Failure::Timeout)));
    let rig = rig("backoff", script, LAB).await;
    let took = rig.until_fresh().await;
    // 1 + 2 + 4 + 8
    assert!((15..17).contains(&took.as_secs()), "{took:?}");
    assert_eq!(rig.snapshot().freshness, Freshness::Fresh);
}

#[tokio::test(start_paused = true)]
async fn a_missing_plugin_is_named_and_found_when_it_comes() {
    let conf = LAB.replace("fake", "fakes");
    let rig = rig("missing", Script::default(), &conf).await;
    rig.until("trouble", |rig| {
        !rig.handle().published.note().trouble.is_empty()
    })
    .await;
    let trouble = rig.handle().published.note().trouble;
    assert!(trouble.contains("did you mean `fake`"), "{trouble}");
    assert_eq!(rig.snapshot().freshness, Freshness::Waiting);
    tokio::time::sleep(Duration::from_secs(100)).await;
    rig.site.registry.adopt(Known {
        driver: Arc::new(Fake::new("fakes", "1", Script::default())),
        origin: Origin::Bundled,
        trusted: true,
    });
    let took = rig.until_fresh().await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_asks_for_too_much_is_not_opened() {
    let script = Script {
        refused: Some("asks for modem-lines".to_owned()),
        ..Script::default()
    };
    let rig = rig("refused", script, LAB).await;
    rig.until("trouble", |rig| {
        !rig.handle().published.note().trouble.is_empty()
    })
    .await;
    assert!(rig.script.called().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_swap_hands_over_the_state_and_never_shows_stale_data() {
    let rig = rig("swap", Script::default(), LAB).await;
    rig.until_fresh().await;
    let watched = Arc::clone(&rig.handle().published);
    let watcher = tokio::spawn(async move {
        loop {
            assert_eq!(watched.snapshot().freshness, Freshness::Fresh);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let script = Arc::new(Script::default());
    let known = Known {
        driver: Arc::new(Fake::scripted("fake", "2", Arc::clone(&script))),
        origin: Origin::Bundled,
        trusted: true,
    };
    let (reply, answer) = oneshot::channel();
    rig.handle()
        .orders
        .send(Order::Swap(known, reply))
        .await
        .unwrap();
    assert_eq!(answer.await.unwrap(), Ok(Swapped::Replaced));
    assert_eq!(rig.value("ups.firmware").as_deref(), Some("2"));
    assert_eq!(script.called()[..2], ["open(1:1)", "poll(Interval)"]);
    assert!(!watcher.is_finished());
    watcher.abort();
}

#[tokio::test(start_paused = true)]
async fn a_successor_that_fails_leaves_the_old_instance_running() {
    let rig = rig("rollback", Script::default(), LAB).await;
    rig.until_fresh().await;
    let bad_poll = Script::default();
    bad_poll.polls.lock().unwrap().push_back(Some(crash()));
    let bad_open = Script::default();
    bad_open
        .opens
        .lock()
        .unwrap()
        .push_back(Some(Failure::NotMine("echo".to_owned())));
    let greedy = Script {
        refused: Some("asks for modem-lines".to_owned()),
        ..Script::default()
    };
    for (script, expected) in [
        (bad_poll, "trap"),
        (bad_open, "echo"),
        (greedy, "modem-lines"),
    ] {
        let reason = rig.swap(script).await.unwrap_err();
        assert!(reason.contains(expected), "{reason}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(rig.value("ups.firmware").as_deref(), Some("1"));
    }
    let opens = rig
        .script
        .called()
        .iter()
        .filter(|call| call.starts_with("open"))
        .count();
    assert_eq!(opens, 1, "the old instance was kept, not reopened");
}

#[tokio::test(start_paused = true)]
async fn a_swap_ends_a_quarantine() {
    let script = Script::default();
    script
        .polls
        .lock()
        .unwrap()
        .extend((0..9).map(|_| Some(crash())));
    let rig = rig("cure", script, LAB).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.swap(Script::default()).await, Ok(Swapped::Adopted));
    let took = rig.until_fresh().await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(rig.value("ups.firmware").as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn requests_end_as_the_driver_says_and_a_poll_follows_at_once() {
    let script = Script::default();
    script.commands.lock().unwrap().extend([
        Failure::Unsupported,
        Failure::InvalidArgument("x".to_owned()),
        Failure::Failed("no".to_owned()),
    ]);
    let rig = rig("requests", script, LAB).await;
    rig.until_fresh().await;
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(rig.command("test.battery.start").await);
    }
    use Outcome::{Failed, Invalid, Success, Unknown};
    assert_eq!(outcomes, [Unknown, Invalid, Failed, Success]);
    let set = What::Set {
        variable: "ups.id".to_owned(),
        value: "a".to_owned(),
    };
    assert_eq!(rig.ask(set).await, Success);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let calls = rig.script.called();
    assert_eq!(
        calls[calls.len() - 2..],
        ["set(ups.id, a)", "poll(SettingsChanged)"]
    );
}

#[tokio::test(start_paused = true)]
async fn power_is_cut_only_with_leave() {
    let rig = rig("killpower", Script::default(), LAB).await;
    rig.until_fresh().await;
    assert_eq!(rig.command("driver.killpower").await, Outcome::Success);
    assert!(rig.script.called().contains(&"shutdown".to_owned()));

    let conf = LAB.replace("allow_killpower", "sdcommands = test.battery.start");
    let rig = self::rig("no-killpower", Script::default(), &conf).await;
    rig.until_fresh().await;
    assert_ne!(rig.command("driver.killpower").await, Outcome::Success);
    assert_eq!(rig.command("shutdown.default").await, Outcome::Success);
    let calls = rig.script.called();
    assert!(!calls.contains(&"shutdown".to_owned()));
    assert!(calls.contains(&"command(test.battery.start, None)".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_changed_section_starts_anew_while_the_old_values_are_served() {
    let rig = rig("configure", Script::default(), LAB).await;
    rig.until_fresh().await;
    let changed = setup(&format!("{LAB} mode = dummy-loop\n"));
    assert!(changed.differs_from(&setup(LAB)));
    let order = Order::Configure(Box::new(changed));
    rig.handle().orders.send(order).await.unwrap();
    rig.until("a second open", |rig| {
        assert_eq!(rig.snapshot().freshness, Freshness::Fresh);
        rig.script
            .called()
            .iter()
            .filter(|call| call.starts_with("open"))
            .count()
            == 2
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_setting_of_the_host_changes_without_a_new_instance() {
    let rig = rig("host-setting", Script::default(), LAB).await;
    rig.until_fresh().await;
    let changed = setup(&format!("{LAB} pollinterval = 7\n"));
    assert!(changed.differs_from(&setup(LAB)));
    let order = Order::Configure(Box::new(changed));
    rig.handle().orders.send(order).await.unwrap();
    rig.until("the new interval", |rig| {
        rig.value("driver.parameter.pollinterval").as_deref() == Some("7")
    })
    .await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let calls = rig.script.called();
    assert_eq!(
        calls.iter().filter(|call| call.starts_with("open")).count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_recording_has_the_calls_and_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = rig("tape", Script::default(), LAB).await;
    rig.until_fresh().await;
    let mut changed = setup(LAB);
    changed.extras.record = Some("lab.trace".into());
    let order = Order::Configure(Box::new(changed));
    rig.handle().orders.send(order).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    rig.command("test.battery.start").await;
    let path = rig.dir.join("lab.trace");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(path).unwrap();
    let calls: Vec<&str> = text.lines().filter(|line| line.starts_with('!')).collect();
    assert_eq!(calls[..2], ["! open", "! poll"]);
    assert!(calls.contains(&"! command test.battery.start"), "{text}");
}

#[test]
fn a_description_or_a_moved_line_is_no_change() {
    let moved = setup(&format!("# a comment\n{LAB} desc = \"for people\"\n"));
    assert!(!moved.differs_from(&setup(LAB)));
    assert!(setup(&LAB.replace("lab.dev", "lab2.dev")).differs_from(&setup(LAB)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_ends_the_task_even_in_the_middle_of_a_poll() {
    let script = Script {
        poll_time: Duration::from_secs(1000),
        ..Script::default()
    };
    let mut rig = rig("stop", script, LAB).await;
    rig.until("a poll", |rig| rig.script.called().len() >= 2)
        .await;
    let start = Instant::now();
    rig.handle = None;
    (&mut rig.ended).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_driver_serves_nothing_until_it_is_started_again() {
    let rig = rig("park", Script::default(), LAB).await;
    rig.until_fresh().await;
    let orders = &rig.handle().orders;
    for _ in 0..2 {
        let (reply, answer) = oneshot::channel();
        orders.send(Order::Stop(reply)).await.unwrap();
        answer.await.unwrap();
        assert_eq!(rig.snapshot().freshness, Freshness::Waiting);
    }
    let calls = rig.script.called().len();
    // Neither time nor a new configuration starts it, and nobody is left waiting.
    let changed = setup(&format!("{LAB} pollinterval = 7\n"));
    let order = Order::Configure(Box::new(changed));
    orders.send(order).await.unwrap();
    assert_eq!(rig.command("test.battery.start").await, Outcome::Failed);
    let (reply, answer) = oneshot::channel();
    orders.send(Order::CutPower(reply)).await.unwrap();
    assert!(answer.await.unwrap().is_err());
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert_eq!(rig.script.called().len(), calls);

    orders.send(Order::Start).await.unwrap();
    rig.until_fresh().await;
    let interval = rig.value("driver.parameter.pollinterval");
    assert_eq!(interval.as_deref(), Some("7"));
}

#[tokio::test(start_paused = true)]
async fn an_option_nobody_knows_is_not_shown_to_clients() {
    let conf = format!("{LAB} comunity = sesame\n pollinterval = 7\n");
    let rig = rig("misspelt", Script::default(), &conf).await;
    rig.until_fresh().await;
    assert_eq!(rig.value("driver.parameter.comunity"), None);
    let known = rig.value("driver.parameter.pollinterval");
    assert_eq!(known.as_deref(), Some("7"));
}

#[tokio::test(start_paused = true)]
async fn the_operator_may_cut_power_where_clients_may_not() {
    let conf = LAB.replace("allow_killpower", "sdorder = 0");
    let rig = rig("cut", Script::default(), &conf).await;
    rig.until_fresh().await;
    assert_ne!(rig.command("driver.killpower").await, Outcome::Success);
    assert!(!rig.script.called().contains(&"shutdown".to_owned()));
    let (reply, answer) = oneshot::channel();
    let orders = &rig.handle().orders;
    orders.send(Order::CutPower(reply)).await.unwrap();
    answer.await.unwrap().unwrap();
    assert!(rig.script.called().contains(&"shutdown".to_owned()));
    assert_eq!(rig.snapshot().freshness, Freshness::Fresh);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_only_to_be_read_is_told_nothing() {
    let rig = rig("read-only", Script::default(), LAB).await;
    rig.until_fresh().await;
    let mut closed = setup(LAB);
    closed.extras.read_only = true;
    let orders = &rig.handle().orders;
    orders
        .send(Order::Configure(Box::new(closed)))
        .await
        .unwrap();
    rig.until("another instance", |rig| {
        let called = rig.script.called();
        called
            .iter()
            .filter(|call| call.starts_with("open"))
            .count()
            == 2
    })
    .await;
    rig.until_fresh().await;
    for command in ["test.battery.start", "driver.killpower"] {
        assert_eq!(rig.command(command).await, Outcome::Failed, "{command}");
    }
    let (reply, answer) = oneshot::channel();
    orders.send(Order::CutPower(reply)).await.unwrap();
    let refused = answer.await.unwrap().unwrap_err();
    assert!(refused.contains("read-only"), "{refused}");
    let harmless = |call: &String| call.starts_with("open") || call.starts_with("poll");
    let called = rig.script.called();
    assert!(called.iter().all(harmless), "{called:?}");
}
