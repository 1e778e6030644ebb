//! Notices as programs see them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use husk_core::monitor::Kind;
use husk_core::sched::What;

use super::*;

/// A directory with a program that writes its environment and arguments into `calls`.
struct Recorder(PathBuf);

impl Recorder {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("husk-notify-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let script = format!(
            "#!/bin/sh\nprintf '%s|%s|%s\\n' \"$UPSNAME\" \"$NOTIFYTYPE\" \"$*\" >> {}\n",
            dir.join("calls").display()
        );
        std::fs::write(dir.join("cmd"), script).unwrap();
        std::fs::set_permissions(dir.join("cmd"), PermissionsExt::from_mode(0o755)).unwrap();
        Self(dir)
    }

    fn program(&self) -> String {
        self.path("cmd").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(&self.0).join(name)
    }

    /// Waits for the calls; programs run beside one another, so their order does not count.
    async fn expect(&self, expected: &[&str]) {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let start = Instant::now();
        loop {
            let calls = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
            let mut calls: Vec<_> = calls.lines().collect();
            calls.sort_unstable();
            if calls == expected {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{calls:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn notice(kind: Kind, system: Option<&str>, flags: Flags) -> Notice {
    Notice {
        kind,
        system: system.map(Into::into),
        text: format!("{} happened", kind.name()),
        flags,
    }
}

fn rule(name: &str, after: u64, what: What) -> Rule {
    Rule {
        name: name.to_owned(),
        on: vec!["ONBATT".to_owned()],
        cancel: vec!["ONLINE".to_owned()],
        system: None,
        after: Duration::from_millis(after),
        what,
    }
}

#[tokio::test(flavor = "current_thread")]
async fn notifycmd_gets_text_and_environment_in_both_dialects() {
    let recorder = Recorder::new("dialects");
    let (notifier, _orders) = Notifier::start(Setup {
        command: vec![recorder.program(), "-a".to_owned()],
        timers: Vec::new(),
    });
    notifier.send(&notice(Kind::OnBattery, Some("a@h"), Flags::EXEC));
    notifier.send(&notice(Kind::Online, Some("a@h"), Flags::SYSLOG));
    notifier.send(&notice(Kind::LowBattery, Some("a@h"), Flags::NONE));
    notifier.reconfigure(Setup {
        command: vec![format!("true && {} -b", recorder.program())],
        timers: Vec::new(),
    });
    notifier.send(&notice(
        Kind::Shutdown,
        None,
        Flags::EXEC.and(Flags::SYSLOG),
    ));
    let expected = [
        "a@h|ONBATT|-a ONBATT happened",
        "|SHUTDOWN|-b SHUTDOWN happened",
    ];
    recorder.expect(&expected).await;
}

#[tokio::test(flavor = "current_thread")]
async fn hanging_programs_hold_up_neither_the_caller_nor_one_another() {
    let recorder = Recorder::new("hanging");
    let hang = Setup {
        command: vec!["sleep 4; :".to_owned()],
        timers: Vec::new(),
    };
    let (notifier, _orders) = Notifier::start(hang);
    let start = Instant::now();
    for number in 1..limits::PROGRAMS.programs {
        notifier.send(&notice(
            Kind::CommBad,
            Some(&number.to_string()),
            Flags::EXEC,
        ));
    }
    notifier.reconfigure(Setup {
        command: vec![recorder.program()],
        timers: Vec::new(),
    });
    notifier.send(&notice(Kind::Fsd, Some("1"), Flags::EXEC));
    assert!(
        start.elapsed() < Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
    notifier.flush(Duration::from_secs(10)).await;
    recorder.expect(&["1|FSD|FSD happened"]).await;
}

#[tokio::test(flavor = "current_thread")]
async fn timers_see_notices_without_flags_and_are_cancelled() {
    let recorder = Recorder::new("timers");
    let run = |word: &str| What::Run(vec![recorder.program(), word.to_owned()]);
    let timers = vec![
        rule("early", 50, run("x")),
        rule("late", 60_000, run("y")),
        rule("down", 100, What::ShutDown),
    ];
    let (notifier, mut orders) = Notifier::start(Setup {
        command: Vec::new(),
        timers,
    });
    notifier.send(&notice(Kind::OnBattery, Some("a"), Flags::NONE));
    notifier.send(&notice(Kind::OnBattery, Some("b"), Flags::EXEC));
    notifier.send(&notice(Kind::Online, Some("b"), Flags::NONE));
    let order = tokio::time::timeout(Duration::from_secs(10), orders.recv()).await;
    let timer = "down".to_owned();
    assert_eq!(order.unwrap(), Some(Order::ShutDown { timer }));
    recorder.expect(&["a|ONBATT|x early"]).await;
    drop(notifier);
    assert_eq!(orders.recv().await, None);
}
