//! Every attack is contained: the call ends in time with a reason, the instance is gone, and a neighbour in the same
//! thread goes on with a bounded delay.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{FILES, Lines, Scratch, built, open};
use husk_core::report::{Failure, Update, Wake};
use husk_engine::{Plugin, limits};
use husk_ports::{Directory, Fut, Port};

/// Attack, and words of the reason it must end with.
const ATTACKS: &[(&str, &str)] = &[
    ("spin", "it computed for more than 500 ms during poll, in "),
    (
        "memory",
        "it asked for more than 16 MiB of memory during poll",
    ),
    ("trap", "it panicked or aborted"),
    ("panic", "it panicked or aborted"),
    ("stack", "its call stack was exhausted during poll, in "),
    ("shadow-stack", "it touched memory out of bounds"),
    ("log-flood", "it called the host more than 10000 times"),
    (
        "endless-host-calls",
        "it called the host more than 10000 times",
    ),
    ("huge-string", "too much data is being copied"),
    ("many-strings", "too much data is being copied"),
    ("handles", "handle"),
    ("lie", "garbage report: "),
    ("lie-value", "garbage report: "),
    ("lie-number", "garbage report: "),
    ("lie-many", "garbage report: "),
];

/// A neighbour is polled every millisecond; with one thread for all, this is how long an attack may hold it up.
/// Yielding at each tick of 10 ms makes it 10 to 20 on a quiet machine; without yielding it would be 500.
const LONGEST_GAP: Duration = Duration::from_millis(250);

fn reason(answer: Result<Update, Failure>) -> String {
    match answer {
        Err(Failure::Crashed(reason)) => reason,
        other => panic!("not contained: {other:?}"),
    }
}

/// Runs something while a well-behaved instance of the same plugin is polled; the longest pause between its answers.
async fn beside_a_neighbour<T>(
    plugin: &Arc<Plugin>,
    what: impl Future<Output = T>,
) -> (T, Duration) {
    let scratch = Scratch::new();
    let mut neighbour = open(plugin, scratch.port().await, &[], &Lines::default())
        .await
        .unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn({
        let done = Arc::clone(&done);
        async move {
            let mut longest = Duration::ZERO;
            let mut last = Instant::now();
            while !done.load(Ordering::SeqCst) {
                neighbour.poll(Wake::Interval).await.unwrap();
                longest = longest.max(last.elapsed());
                last = Instant::now();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            longest
        }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    let answer = what.await;
    done.store(true, Ordering::SeqCst);
    (answer, watch.await.unwrap())
}

#[tokio::test]
async fn attacks_in_a_poll_end_with_a_reason_and_the_neighbour_goes_on() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    for (attack, words) in ATTACKS {
        let log = Lines::default();
        let mut victim = open(&plugin, scratch.port().await, &[("attack", attack)], &log)
            .await
            .unwrap();
        let good = victim.poll(Wake::Interval).await.unwrap();
        assert_eq!(good.status, Some(vec!["OL".to_owned()]), "{attack}");
        let start = Instant::now();
        let (answer, gap) = beside_a_neighbour(&plugin, victim.poll(Wake::Interval)).await;
        let took = start.elapsed();
        let reason = reason(answer);
        println!("{attack}: {reason} ({took:?}, neighbour {gap:?})");
        assert!(reason.contains(words), "{attack}: {reason}");
        assert!(took < Duration::from_secs(5), "{attack}: {took:?}");
        assert!(gap < LONGEST_GAP, "{attack}: the neighbour waited {gap:?}");
        assert!(!victim.is_usable());
        let again = victim.poll(Wake::Interval).await;
        assert_eq!(
            again,
            Err(Failure::Crashed("it was stopped before".to_owned()))
        );
        // A new instance of the same plugin on the same port starts as if nothing had been.
        let mut next = open(&plugin, scratch.port().await, &[], &log)
            .await
            .unwrap();
        assert!(next.poll(Wake::Interval).await.is_ok());
    }
}

#[tokio::test]
async fn attacks_in_every_other_call_are_contained() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    for (attack, _) in ATTACKS
        .iter()
        .filter(|(_, words)| !words.starts_with("garbage"))
    {
        let log = Lines::default();
        let options = [("attack", *attack), ("when", "open")];
        let opened = open(&plugin, scratch.port().await, &options, &log).await;
        if *attack == "many-strings" {
            // Its weapon is a report, which is thrown away here.
            assert!(opened.is_ok());
            continue;
        }
        assert!(
            matches!(opened.err(), Some(Failure::Crashed(_))),
            "{attack}"
        );
        let port = scratch.port().await;
        let fresh = || open(&plugin, port.clone(), &options[..1], &log);
        let mut victim = fresh().await.unwrap();
        let answer = victim.command("load.off", None).await;
        assert!(matches!(answer, Err(Failure::Crashed(_))), "{attack}");
        let mut victim = fresh().await.unwrap();
        let answer = victim.set("ups.id", "x").await;
        assert!(matches!(answer, Err(Failure::Crashed(_))), "{attack}");
        let mut victim = fresh().await.unwrap();
        let answer = victim.shutdown().await;
        assert!(matches!(answer, Err(Failure::Crashed(_))), "{attack}");
        let mut victim = fresh().await.unwrap();
        assert_eq!(victim.save().await, Vec::<u8>::new());
        assert!(!victim.is_usable(), "{attack}");
    }
}

#[tokio::test]
async fn a_panic_message_reaches_the_log_and_the_reason_names_functions() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    let log = Lines::default();
    let options = [("attack", "panic")];
    let mut victim = open(&plugin, scratch.port().await, &options, &log)
        .await
        .unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    let panicked = reason(victim.poll(Wake::Interval).await);
    assert!(
        panicked.contains("in husk_hostile::attack::panics"),
        "{panicked}"
    );
    assert!(
        log.all()
            .iter()
            .any(|line| line.contains("hostile panic, code 7"))
    );
    let options = [("attack", "spin")];
    let mut victim = open(&plugin, scratch.port().await, &options, &log)
        .await
        .unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    let spun = reason(victim.poll(Wake::Interval).await);
    assert!(spun.contains("in husk_hostile::attack::spin"), "{spun}");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_rationed() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    let log = Lines::default();
    let options = [("attack", "log-flood")];
    let mut victim = open(&plugin, scratch.port().await, &options, &log)
        .await
        .unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    reason(victim.poll(Wake::Interval).await);
    let lines = log.all();
    assert!((100..=110).contains(&lines.len()), "{}", lines.len());
    assert!(lines.iter().all(|line| line.len() < limits::LOG_LINE + 20));
}

#[tokio::test]
async fn log_lines_cannot_be_forged_and_secrets_are_not_told() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    let log = Lines::default();
    let options = [("attack", "log-forgery")];
    let mut victim = open(&plugin, scratch.port().await, &options, &log)
        .await
        .unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    assert_eq!(
        log.all(),
        ["INFO fine 2026-01-01 ERROR husk: battery exploded [2J"]
    );

    let log = Lines::default();
    let options = [("attack", "blurt"), ("password", "correct horse")];
    let mut victim = open(&plugin, scratch.port().await, &options, &log)
        .await
        .unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    assert_eq!(
        victim.poll(Wake::Interval).await,
        Err(Failure::Other("could not log in with [secret]".to_owned()))
    );
    assert_eq!(log.all(), ["INFO the password is [secret]"]);
    // An error is an answer, not a crash.
    assert!(victim.is_usable());
}

#[tokio::test]
async fn the_granted_directory_cannot_be_left() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let outer = Scratch::new();
    std::fs::write(outer.0.join("outside"), "secret").unwrap();
    let granted = outer.0.join("granted");
    std::fs::create_dir_all(granted.join("sub")).unwrap();
    std::os::unix::fs::symlink("../outside", granted.join("link")).unwrap();
    let port = Port::Files(husk_ports::files::open(&granted).await.unwrap());
    let options = [("attack", "escape")];
    let mut victim = open(&plugin, port, &options, &Lines::default())
        .await
        .unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    let report = victim.poll(Wake::Interval).await.unwrap();
    let told = ("ups.mfr".to_owned(), "stayed inside".to_owned());
    assert!(report.set.contains(&told), "{report:?}");
}

/// A port whose device never answers and that has forgotten its own deadlines.
struct Stuck;

impl Directory for Stuck {
    fn read<'a>(&'a self, _name: &'a str) -> Fut<'a, Vec<u8>> {
        Box::pin(std::future::pending())
    }
    fn modified_ms<'a>(&'a self, _name: &'a str) -> Fut<'a, u64> {
        Box::pin(std::future::pending())
    }
    fn names(&self) -> Fut<'_, Vec<String>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_call_that_waits_for_ever_ends_with_its_phase() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let port = Port::Files(Arc::new(Stuck));
    let options = [("attack", "escape")];
    let mut victim = open(&plugin, port, &options, &Lines::default())
        .await
        .unwrap();
    let start = Instant::now();
    let (state, gap) = beside_a_neighbour(&plugin, victim.save()).await;
    assert_eq!(state, Vec::<u8>::new());
    assert!(!victim.is_usable());
    let took = start.elapsed();
    assert!(
        took >= limits::SAVE.wall && took < limits::SAVE.wall * 2,
        "{took:?}"
    );
    assert!(gap < LONGEST_GAP, "{gap:?}");
}

#[tokio::test]
async fn sleeping_is_no_way_around_the_wall_clock() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    let options = [("attack", "late")];
    let mut victim = open(&plugin, scratch.port().await, &options, &Lines::default())
        .await
        .unwrap();
    let start = Instant::now();
    assert_eq!(victim.save().await, Vec::<u8>::new());
    assert!(!victim.is_usable());
    assert!(start.elapsed() < limits::SAVE.wall * 2);
}

#[tokio::test]
async fn an_abandoned_call_leaves_an_unusable_instance() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    let options = [("attack", "late")];
    let mut victim = open(&plugin, scratch.port().await, &options, &Lines::default())
        .await
        .unwrap();
    victim.poll(Wake::Interval).await.unwrap();
    let poll = victim.poll(Wake::Interval);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), poll)
            .await
            .is_err()
    );
    assert!(!victim.is_usable());
}

#[tokio::test]
async fn a_predecessors_state_is_bounded() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    let options = [("attack", "none")];
    let mut good = open(&plugin, scratch.port().await, &options, &Lines::default())
        .await
        .unwrap();
    good.poll(Wake::Interval).await.unwrap();
    assert_eq!(good.save().await, [1, 0, 0, 0]);
    // 100,000 bytes are more than a successor is given, but no crash.
    let options = [("attack", "blurt")];
    let mut wordy = open(&plugin, scratch.port().await, &options, &Lines::default())
        .await
        .unwrap();
    assert_eq!(wordy.save().await, Vec::<u8>::new());
    assert!(wordy.is_usable());
}

#[tokio::test]
async fn a_wrong_setting_is_the_drivers_answer_not_a_crash() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let scratch = Scratch::new();
    let options = [("attack", "kindness")];
    let opened = open(&plugin, scratch.port().await, &options, &Lines::default()).await;
    assert!(matches!(opened.err(), Some(Failure::BadSetting { name, .. }) if name == "attack"));
}

#[tokio::test]
async fn what_was_not_granted_is_listed_and_not_linked() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    let serial = husk_engine::Grant {
        transport: husk_engine::Transport::Serial,
        modem_lines: true,
    };
    let refused = plugin.refused_by(&serial).unwrap();
    assert_eq!(refused.imports, ["ups:driver/files@0.1.0"]);
    assert!(plugin.refused_by(&FILES).is_none());
    let scratch = Scratch::new();
    let opened = plugin
        .open(
            &serial,
            scratch.port().await,
            &[],
            None,
            Lines::default().sink(),
        )
        .await;
    assert!(matches!(opened.err(), Some(Failure::Other(_))));
}
