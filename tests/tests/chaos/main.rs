//! What goes wrong during a power failure, and what the machines then do: every fault in its own network, with our server,
//! our primary and our secondary. The outcomes are kept as a table in `tests/FAULTS.md`.
//!
//! `HUSK_MONITOR=incumbent` plays it with Debian's upsmon instead, prints the table and judges nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod faults;
#[path = "../stage/mod.rs"]
mod stage;

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use husk_tests::netns;
use husk_tests::rig::{Which, incumbent_installed, wait_until};
use husk_tests::upsmon::{SHUTDOWN, Upsmon};
use stage::{Cast, Stage};

/// Played at once; they mostly wait.
const AT_ONCE: usize = 8;
/// The name of a variable: `incumbent` plays with Debian's upsmon.
const MONITOR: &str = "HUSK_MONITOR";
/// The name of a variable: when it is set, the table in the tree is written instead of checked.
const WRITE: &str = "HUSK_WRITE_FAULTS";
/// What both machines have. The three classes of time are far enough apart to be told from each other.
const TIMES: &str =
    "POLLFREQ 1\nPOLLFREQALERT 1\nHOSTSYNC 5\nDEADTIME 10\nFINALDELAY 1\nMINSUPPLIES 1\n";
/// A poll of the device, of the monitor, and FINALDELAY on both machines: up to 4 s.
const SOON: Duration = Duration::from_millis(4500);
/// HOSTSYNC, two polls and FINALDELAY: 5 to 8 s. DEADTIME counts from the last poll before the fault: 9 s at least.
const HOSTSYNC: Duration = Duration::from_millis(8800);
/// Who has done nothing by then will not.
const LONGEST: Duration = Duration::from_secs(18);

/// Seen with `cargo xtask faults --incumbent`; the end of the table's file.
const INCUMBENT: &str = "
Debian's upsmon 2.8.0 in place of ours (`cargo xtask faults --incumbent`, not checked) ends the same way, except:

* server gone or restarted after FSD: the primary takes no answer for \"nobody is logged in\" and goes down at once, the
  secondary only after DEADTIME;
* names that no longer resolve, and a server that restarts: both lose it, and go down after DEADTIME although the battery
  is not low;
* a NOTIFYCMD that hangs on the secondary: it holds the connection of the upsmon that started it, and the primary waits
  for all of HOSTSYNC.

That is in clear. Over TLS it waits for a reply as long as the kernel does: a cable that was pulled it had not noticed after
30 s.
";

/// What became of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// SHUTDOWNCMD was not run.
    Up,
    /// SHUTDOWNCMD was run, so soon after what should cause it.
    Down(Wait),
}

/// What a machine waited for before SHUTDOWNCMD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Nothing but the next poll, FINALDELAY and the machines that depend on it.
    Nothing,
    Hostsync,
    Deadtime,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "stays up",
            Self::Down(Wait::Nothing) => "down at once",
            Self::Down(Wait::Hostsync) => "down after HOSTSYNC",
            Self::Down(Wait::Deadtime) => "down after DEADTIME",
        })
    }
}

/// What became of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fates {
    primary: Fate,
    secondary: Fate,
    /// Both went down, the secondary first.
    secondary_first: bool,
}

/// A row of the table.
struct Fault {
    /// What happens, for the table.
    what: &'static str,
    primary: Fate,
    secondary: Fate,
    /// Whether the primary has to let the secondary go first.
    ordered: bool,
    /// Plays it on a stage on which nothing runs yet but the server; what became of the machines.
    play: fn(&mut Stage) -> Fates,
}

impl Fault {
    fn is_as_it_should(&self, seen: &Fates) -> bool {
        (self.primary, self.secondary) == (seen.primary, seen.secondary)
            && (seen.secondary_first || !self.ordered)
    }
}

/// What became of the machines, counted from two moments.
fn fates(stage: &Stage, primary_since: Instant, secondary_since: Instant) -> Fates {
    let down = |upsmon: &Upsmon| upsmon.first(SHUTDOWN);
    let (primary, secondary) = (&stage.primary, &stage.secondary);
    let end = primary_since.max(secondary_since) + LONGEST;
    let left = end.saturating_duration_since(Instant::now());
    let _ = wait_until(left, || {
        down(primary).is_some() && down(secondary).is_some()
    });
    let first = down(secondary).zip(down(primary));
    Fates {
        primary: fate(down(primary), primary_since),
        secondary: fate(down(secondary), secondary_since),
        secondary_first: first.is_some_and(|(secondary, primary)| secondary < primary),
    }
}

fn fate(down: Option<Instant>, since: Instant) -> Fate {
    let Some(down) = down else {
        return Fate::Up;
    };
    Fate::Down(match down.saturating_duration_since(since) {
        soon if soon < SOON => Wait::Nothing,
        later if later < HOSTSYNC => Wait::Hostsync,
        _ => Wait::Deadtime,
    })
}

/// The table, as it stands in the tree.
fn table() -> String {
    let mut text = String::from(
        "# Faults during a power failure\n\n\
         Made by `cargo xtask faults`, which plays every row with real processes and separate networks: our server with a UPS\n\
         on a serial line and our upsmon as primary on one machine, our upsmon as secondary on another, over TLS.\nSHUTDOWNCMD is a \
         recorder. \"At once\" is after the next poll and FINALDELAY; \"secondary first\" says that the primary let it go first.\n\
         A killed or stopped upsmon shuts nothing down: its machine stays up, as it would.\n\n",
    );
    let width = |column: fn(&Fault) -> String| {
        let lengths = faults::FAULTS.iter().map(|fault| column(fault).len());
        lengths.max().unwrap_or(0)
    };
    let what = width(|fault| fault.what.to_owned());
    let primary = width(|fault| fault.primary.to_string());
    let secondary = width(|fault| fault.secondary.to_string());
    text += &format!(
        "| {:what$} | {:primary$} | {:secondary$} | secondary first |\n",
        "fault", "primary", "secondary"
    );
    let rule = |width: usize| "-".repeat(width);
    text += &format!(
        "|-{}-|-{}-|-{}-|-{}-|\n",
        rule(what),
        rule(primary),
        rule(secondary),
        rule(15)
    );
    for fault in faults::FAULTS {
        text += &format!(
            "| {:what$} | {:primary$} | {:secondary$} | {:15} |\n",
            fault.what,
            fault.primary,
            fault.secondary,
            if fault.ordered { "yes" } else { "-" }
        );
    }
    text + INCUMBENT
}

fn file() -> PathBuf {
    husk_tests::root().join("tests/FAULTS.md")
}

#[test]
fn the_table_in_the_tree_is_the_one_that_is_played() {
    let kept = fs::read_to_string(file()).unwrap_or_default();
    if std::env::var_os(WRITE).is_none() {
        assert!(
            kept == table(),
            "tests/FAULTS.md is stale: cargo xtask faults"
        );
    }
}

#[test]
fn every_fault_has_its_outcome() {
    if !netns::possible() {
        return husk_tests::skip("chaos: network namespaces need root and iproute2");
    }
    if !faults::faketime().exists() {
        return husk_tests::skip("chaos: clocks that jump need libfaketime");
    }
    let cast = cast();
    let stock = [cast.primary, cast.secondary].contains(&Which::Incumbent);
    if stock && !incumbent_installed() {
        return husk_tests::skip("chaos: the incumbent is not installed");
    }
    let seen = play_all(cast);
    let mut wrong = 0;
    for (fault, seen) in faults::FAULTS.iter().zip(&seen) {
        let Some(seen) = seen else {
            println!("FAILED  {}", fault.what);
            wrong += 1;
            continue;
        };
        let order = if seen.secondary_first {
            ", secondary first"
        } else {
            ""
        };
        let verdict = if fault.is_as_it_should(seen) {
            ""
        } else {
            "  <- not as it should be"
        };
        println!(
            "{:90} {:20} {:20}{order}{verdict}",
            fault.what, seen.primary, seen.secondary
        );
        wrong += usize::from(!verdict.is_empty());
    }
    if stock {
        return;
    }
    assert_eq!(wrong, 0, "{wrong} faults did not end as they should");
    if std::env::var_os(WRITE).is_some() {
        fs::write(file(), table()).unwrap();
    }
}

fn cast() -> Cast {
    let stock = std::env::var(MONITOR).unwrap_or_default();
    let whose = |role: &str| match stock.as_str() {
        "incumbent" => Which::Incumbent,
        name if name == role => Which::Incumbent,
        _ => Which::Husk,
    };
    let (primary, secondary) = (whose("primary"), whose("secondary"));
    Cast {
        server: Which::Husk,
        primary,
        secondary,
        // Over TLS the incumbent's notices no cable that is pulled and no server that hangs.
        tls: [primary, secondary] == [Which::Husk; 2],
    }
}

/// Plays every fault, several at once; nothing for one that failed.
fn play_all(cast: Cast) -> Vec<Option<Fates>> {
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(vec![None; faults::FAULTS.len()]);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(fault) = faults::FAULTS.get(at) else {
                        break;
                    };
                    // What went wrong has been printed; the others go on.
                    let outcome = catch_unwind(AssertUnwindSafe(|| play(fault, cast)));
                    seen.lock().unwrap()[at] = outcome.ok();
                }
            });
        }
    });
    seen.into_inner().unwrap()
}

fn play(fault: &Fault, cast: Cast) -> Fates {
    let mut stage = Stage::set(cast, TIMES).expect("the means were checked before");
    let seen = (fault.play)(&mut stage);
    if !fault.is_as_it_should(&seen) {
        let events = |upsmon: &Upsmon| -> Vec<String> {
            upsmon
                .events()
                .into_iter()
                .map(|event| event.what)
                .collect()
        };
        println!(
            "== {}: {seen:?}\nprimary: {:?}\n{}\nsecondary: {:?}\n{}\nserver:\n{}",
            fault.what,
            events(&stage.primary),
            stage.primary.log(),
            events(&stage.secondary),
            stage.secondary.log(),
            stage.server.log()
        );
    }
    seen
}
