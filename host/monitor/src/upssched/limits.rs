//! Every bound of upssched, with its reason.

use std::time::Duration;

use crate::program::Bounds;

/// Between two tries to reach a keeper that another upssched is starting.
pub(super) const RETRY: Duration = Duration::from_millis(250);
/// Tries, after which LOCKFN counts as left over from a crash.
pub(super) const TRIES: usize = 30;
/// Left-over locks that are removed before giving up: the first may belong to a crash, the second to a rival's crash.
pub(super) const STALE: usize = 2;
/// Until a keeper just started is looked for again.
pub(super) const STARTING: Duration = Duration::from_millis(10);
/// For a question and its answer, which the keeper has at hand.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Without timers, clients and programs: then the keeper ends.
pub(super) const IDLE: Duration = Duration::from_secs(15);
/// Clients served at a time; more wait in the listener's queue.
pub(super) const CLIENTS: usize = 16;
/// Bytes of a line: a timer in the list has up to 64 causes with a text each.
pub(super) const LINE: u64 = 64 * 1024;
/// Runs of CMDSCRIPT: as many may wait as there may be timers. The incumbent waits for each without end, and so a script that hangs
/// while it sends mail keeps the one that shuts down from being run.
pub(super) const PROGRAMS: Bounds = Bounds {
    programs: 16,
    waiting: husk_core::sched::TIMERS,
    patience: Duration::from_secs(10),
};
/// For CMDSCRIPT: some shut virtual machines down before they return.
pub(super) const PROGRAM_TIME: Duration = Duration::from_secs(600);
