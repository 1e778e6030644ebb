//! What notifications may cost, with the reason for each bound.

use std::time::Duration;

use crate::program::Bounds;

/// Notices waiting for the task: every kind at once for several UPSes.
pub(super) const NOTICES: usize = 256;
/// Programs for notices. A hanging NOTIFYCMD must neither fill the process table nor keep the next notices for itself; it is given
/// time enough for an upssched that starts its timers.
pub(super) const PROGRAMS: Bounds = Bounds {
    programs: 32,
    waiting: 128,
    patience: Duration::from_secs(2),
};
/// For NOTIFYCMD: some shut virtual machines down before they return.
pub(super) const PROGRAM_TIME: Duration = Duration::from_secs(600);
/// For `wall`, which waits for terminals that may be stopped.
pub(super) const WALL_TIME: Duration = Duration::from_secs(10);
/// Orders of timers that wait for the decision loop, which does not wait for anything.
pub(super) const ORDERS: usize = 8;
