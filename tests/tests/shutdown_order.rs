//! Whole shutdowns over a network: primary and secondary, ours and the incumbent's in many combinations, from mains to
//! SHUTDOWNCMD, with cables plugged in and pulled. Who does what, in which order and how soon is checked; nothing is shut
//! down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod stage;

use std::thread;
use std::time::{Duration, Instant};

use husk_tests::rig::Which;
use husk_tests::upsmon::{SHUTDOWN, Upsmon};
use stage::{Cast, PATIENCE, Stage};

/// Seconds a primary waits for its secondaries; far longer than they take here.
const HOSTSYNC: u64 = 15;
const TIMES: &str = "HOSTSYNC 15\nDEADTIME 15\nFINALDELAY 1\nMINSUPPLIES 1\n";
/// Seconds between polls, where the server does not say that something changed.
const POLLED: u64 = 1;
/// The same where it does: long enough to show that nobody waits for it.
const PUSHED: u64 = 5;

/// The events happened on the machine in this order, each of them after the one before.
fn in_order(upsmon: &Upsmon, wanted: &[&str]) {
    let all: Vec<String> = upsmon
        .events()
        .into_iter()
        .map(|event| event.what)
        .collect();
    let mut rest = all.iter();
    for word in wanted {
        assert!(
            rest.any(|what| what == word),
            "{word} is not where it should be in {all:?} (wanted {wanted:?})"
        );
    }
}

/// Whether all are ours.
fn pushed(cast: Cast) -> bool {
    [cast.server, cast.primary, cast.secondary] == [Which::Husk; 3]
}

fn mains_to_shutdown(cast: Cast) {
    let poll = if pushed(cast) { PUSHED } else { POLLED };
    let times = format!("POLLFREQ {poll}\nPOLLFREQALERT {poll}\n{TIMES}");
    let Some(mut stage) = Stage::set(cast, &times) else {
        return;
    };
    stage.start();
    stage.power(false, false);
    stage.both(|upsmon| upsmon.wait_for("ONBATT", PATIENCE).map(drop));
    stage.power(true, false);
    stage.both(|upsmon| upsmon.wait_for("ONLINE", PATIENCE).map(drop));
    assert!(stage.primary.first("FSD").is_none());
    stage.power(false, false);
    stage.both(|upsmon| upsmon.wait_for_again("ONBATT", PATIENCE).map(drop));
    stage.power(false, true);
    stage.both(|upsmon| upsmon.wait_for(SHUTDOWN, PATIENCE).map(drop));
    stage.judge_order();
    stage.logins(0);
}

impl Stage {
    fn judge_order(&self) {
        let (primary, secondary) = (&self.primary, &self.secondary);
        // LOWBATT, FSD and SHUTDOWN may come from one decision, and their programs overtake each other.
        for upsmon in [primary, secondary] {
            in_order(
                upsmon,
                &["ONBATT", "ONLINE", "ONBATT", "SHUTDOWN", SHUTDOWN],
            );
            in_order(upsmon, &["ONLINE", "LOWBATT", SHUTDOWN]);
        }
        in_order(secondary, &["ONLINE", "FSD", SHUTDOWN]);
        // 2.8.0 does not tell of the FSD that it has set itself.
        if self.cast.primary == Which::Husk {
            in_order(primary, &["ONLINE", "FSD", SHUTDOWN]);
        }
        let at = |upsmon: &Upsmon, what: &str| upsmon.first(what).unwrap();
        let decided = at(primary, "LOWBATT");
        let since = |moment: Instant| (moment - decided).as_secs_f64();
        println!(
            "{:?}: from LOWBATT to the secondary's FSD {:.2} s and SHUTDOWNCMD {:.2} s, to the primary's {:.2} s",
            self.cast,
            since(at(secondary, "FSD")),
            since(at(secondary, SHUTDOWN)),
            since(at(primary, SHUTDOWN)),
        );
        let left = at(secondary, SHUTDOWN);
        assert!(left < at(primary, SHUTDOWN), "the primary went first");
        let waited = at(primary, "SHUTDOWN") - decided;
        assert!(
            waited < Duration::from_secs(HOSTSYNC - 5),
            "the primary waited {waited:?} for a secondary that had left"
        );
        if pushed(self.cast) {
            let all = at(primary, SHUTDOWN) - decided;
            assert!(
                all < Duration::from_secs(PUSHED),
                "polls were waited for: {all:?}"
            );
        }
        for upsmon in [primary, secondary] {
            let delay = at(upsmon, SHUTDOWN) - at(upsmon, "SHUTDOWN");
            assert!(delay > Duration::from_millis(700), "FINALDELAY: {delay:?}");
            assert_eq!(upsmon.flag().as_deref(), Some(&b"upsmon-shutdown-file"[..]));
            let ordered = upsmon
                .events()
                .into_iter()
                .filter(|event| event.what == SHUTDOWN);
            assert_eq!(ordered.count(), 1, "SHUTDOWNCMD is run once");
        }
    }
}

/// On mains a cable that was pulled shuts nobody down. On battery the secondary gives up after DEADTIME, and a primary waits
/// for it no longer than HOSTSYNC.
fn cable(cast: Cast) {
    let times =
        "POLLFREQ 1\nPOLLFREQALERT 1\nHOSTSYNC 5\nDEADTIME 10\nFINALDELAY 0\nMINSUPPLIES 1\n";
    let (hostsync, deadtime) = (Duration::from_secs(5), Duration::from_secs(10));
    let Some(mut stage) = Stage::set(cast, times) else {
        return;
    };
    stage.start();
    let client = stage.network.host("client").unwrap();
    client.unplug().unwrap();
    stage.secondary.wait_for("COMMBAD", PATIENCE).unwrap();
    thread::sleep(deadtime + Duration::from_secs(3));
    client.plug().unwrap();
    stage.secondary.wait_for("COMMOK", PATIENCE).unwrap();
    stage.power(false, false);
    stage.both(|upsmon| {
        assert_eq!(upsmon.first(SHUTDOWN), None, "on mains");
        upsmon.wait_for("ONBATT", PATIENCE).map(drop)
    });
    client.unplug().unwrap();
    let pulled = Instant::now();
    let low = Instant::now();
    stage.power(false, true);
    let primary = stage.primary.wait_for(SHUTDOWN, PATIENCE).unwrap() - low;
    let secondary = stage.secondary.wait_for(SHUTDOWN, PATIENCE).unwrap() - pulled;
    println!(
        "{cast:?}: cable pulled, secondary down after {:.2} s; battery low, primary down after {:.2} s",
        secondary.as_secs_f64(),
        primary.as_secs_f64()
    );
    let spare = Duration::from_secs(4);
    assert!((hostsync..hostsync + spare).contains(&primary));
    // It counts from the last poll that was answered.
    let least = deadtime - Duration::from_millis(1500);
    assert!((least..deadtime + spare).contains(&secondary));
}

/// In clear: over TLS 2.8.0 waits for its reply as long as the kernel does, and notices nothing for minutes.
#[test]
fn the_cable_of_the_incumbents_secondary_is_pulled() {
    cable(Cast {
        server: Which::Husk,
        primary: Which::Husk,
        secondary: Which::Incumbent,
        tls: false,
    });
}

#[test]
fn the_cable_of_our_secondary_is_pulled_under_tls() {
    cable(Cast {
        server: Which::Husk,
        primary: Which::Husk,
        secondary: Which::Husk,
        tls: true,
    });
}

#[test]
fn the_cable_of_our_secondary_of_an_incumbents_server_is_pulled() {
    cable(Cast {
        server: Which::Incumbent,
        primary: Which::Husk,
        secondary: Which::Husk,
        tls: true,
    });
}

#[test]
fn the_incumbents_primary_and_secondary_over_tls_under_our_server() {
    mains_to_shutdown(Cast {
        server: Which::Husk,
        primary: Which::Incumbent,
        secondary: Which::Incumbent,
        tls: true,
    });
}

#[test]
fn all_of_the_incumbents() {
    mains_to_shutdown(Cast {
        server: Which::Incumbent,
        primary: Which::Incumbent,
        secondary: Which::Incumbent,
        tls: false,
    });
}

#[test]
fn all_of_ours_over_tls() {
    mains_to_shutdown(Cast {
        server: Which::Husk,
        primary: Which::Husk,
        secondary: Which::Husk,
        tls: true,
    });
}

#[test]
fn our_server_and_primary_with_the_incumbents_secondary_over_tls() {
    mains_to_shutdown(Cast {
        server: Which::Husk,
        primary: Which::Husk,
        secondary: Which::Incumbent,
        tls: true,
    });
}

#[test]
fn our_primary_and_secondary_under_the_incumbents_server_over_tls() {
    mains_to_shutdown(Cast {
        server: Which::Incumbent,
        primary: Which::Husk,
        secondary: Which::Husk,
        tls: true,
    });
}

#[test]
fn our_primary_with_the_incumbents_server_and_secondary() {
    mains_to_shutdown(Cast {
        server: Which::Incumbent,
        primary: Which::Husk,
        secondary: Which::Incumbent,
        tls: false,
    });
}

#[test]
fn our_secondary_with_the_incumbents_server_and_primary() {
    mains_to_shutdown(Cast {
        server: Which::Incumbent,
        primary: Which::Incumbent,
        secondary: Which::Husk,
        tls: false,
    });
}
