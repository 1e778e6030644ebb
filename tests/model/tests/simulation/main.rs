//! Random days of a large site: one primary, fifty secondaries, two supplies, links that lose and delay, machines, server and
//! devices that come and go. Own clock, no waiting; a seed makes the same day again.
//!
//! `HUSK_SEED=n` tells one day in full, `HUSK_SEEDS=n` lives through so many. Judged from outside, by `watch.rs`.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation
)]

mod script;
mod site;
mod watch;

use husk_core::monitor::{At, Settings};
use site::{Flaw, Site};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Days in a plain test run.
const DAYS: u64 = 50;
/// As many as the machines this project is made on have processors.
const THREADS: usize = 2;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Settings as they are meant.
fn sound(_: &mut Settings) {}

#[test]
fn flaws_are_noticed() {
    let flaws: [(Flaw, &str); 3] = [
        (
            |settings| settings.host_sync = At::default(Duration::ZERO),
            "goes before machine",
        ),
        (
            |settings| settings.min_supplies = At::default(2),
            "shuts down though a supply never lost mains",
        ),
        (
            |settings| settings.final_delay = At::default(Duration::ZERO),
            "before its last words and FINALDELAY",
        ),
    ];
    for (flaw, complaint) in flaws {
        let noticed = (0..DAYS).any(|seed| {
            let mut site = Site::new(seed, false, flaw);
            site.run();
            site.watch
                .complaints
                .iter()
                .any(|noticed| noticed.contains(complaint))
        });
        assert!(noticed, "nobody noticed: {complaint}");
    }
}

#[test]
fn a_seed_makes_the_same_day_again() {
    for seed in [1, 7] {
        let day = || Site::new(seed, false, sound).run();
        assert_eq!(day(), day(), "seed {seed}");
    }
}

#[test]
fn no_day_breaks_a_rule() {
    if let Some(seed) = number("HUSK_SEED") {
        let mut site = Site::new(seed, true, sound);
        site.run();
        assert!(
            site.watch.complaints.is_empty(),
            "seed {seed}: {:#?}",
            site.watch.complaints
        );
        return;
    }
    let days = number("HUSK_SEEDS").unwrap_or(DAYS);
    let begun = Instant::now();
    let (next, off) = (AtomicU64::new(0), AtomicU64::new(0));
    let live = || {
        let mut bad = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= days {
                return bad;
            }
            let mut site = Site::new(seed, false, sound);
            site.run();
            off.fetch_add(site.watch.off as u64, Ordering::Relaxed);
            if !site.watch.complaints.is_empty() {
                bad.push((seed, site.watch.complaints));
            }
        }
    };
    let bad: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(live)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    println!(
        "simulation: {days} days of {} machines, {} shutdowns, {} bad days, {:.1} s",
        site::HOSTS,
        off.load(Ordering::Relaxed),
        bad.len(),
        begun.elapsed().as_secs_f64()
    );
    for (seed, complaints) in bad.iter().take(5) {
        println!("simulation: HUSK_SEED={seed} makes this day again: {complaints:#?}");
    }
    assert!(bad.is_empty(), "{} of {days} days broke a rule", bad.len());
}
