//! How long to wait before a failed device is tried again, and when a plugin that keeps crashing
//! is set apart. Pure: `now` is an argument; nothing sleeps here.

use crate::limits;
use std::time::Duration;

/// Attempts and crashes of one device.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Failures since the last success.
    attempts: u32,
    crashes: u32,
    last_crash: Option<Duration>,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// How long to leave the device alone.
    pub length: Duration,
    /// The plugin crashed too often: say so loudly.
    pub quarantine: bool,
}

impl Backoff {
    /// The device answered: the next failure starts from the shortest pause again.
    /// Crashes are only forgotten after a long good time, or a plugin that crashes on
    /// every second poll would never be set apart.
    pub(crate) fn succeeded(&mut self, now: Duration) {
        self.attempts = 0;
        if self
            .last_crash
            .is_some_and(|last| now.saturating_sub(last) >= limits::CRASH_FREE)
        {
            self.crashes = 0;
            self.last_crash = None;
        }
    }

    /// The device could not be opened or was lost.
    pub(crate) fn failed(&mut self) -> Pause {
        let doublings = self.attempts.min(16);
        self.attempts = self.attempts.saturating_add(1);
        let length = limits::BACKOFF_MIN.saturating_mul(1 << doublings);
        Pause {
            length: length.min(limits::BACKOFF_MAX),
            quarantine: false,
        }
    }

    /// The instance trapped or broke a limit.
    pub(crate) fn crashed(&mut self, now: Duration) -> Pause {
        self.crashes = self.crashes.saturating_add(1);
        self.last_crash = Some(now);
        if self.crashes >= limits::CRASHES_TO_QUARANTINE {
            return Pause {
                length: limits::QUARANTINE,
                quarantine: true,
            };
        }
        self.failed()
    }

    /// Crashes that count at present.
    pub(crate) fn crashes(&self) -> u32 {
        self.crashes
    }

    /// A new plugin or a new configuration: the past says nothing about it.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn pauses_double_up_to_thirty_seconds_and_start_anew_after_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u64> = (0..7).map(|_| backoff.failed().length.as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        backoff.succeeded(seconds(100));
        assert_eq!(backoff.failed().length, seconds(1));
    }

    #[test]
    fn the_third_crash_means_quarantine_even_with_good_polls_between() {
        let mut backoff = Backoff::default();
        assert!(!backoff.crashed(seconds(0)).quarantine);
        backoff.succeeded(seconds(2));
        assert!(!backoff.crashed(seconds(10)).quarantine);
        backoff.succeeded(seconds(12));
        let pause = backoff.crashed(seconds(20));
        assert_eq!((pause.length, pause.quarantine), (seconds(60), true));
        backoff.forget();
        assert!(!backoff.crashed(seconds(30)).quarantine);
    }

    #[test]
    fn ten_good_minutes_wipe_the_slate() {
        let mut backoff = Backoff::default();
        backoff.crashed(seconds(0));
        backoff.crashed(seconds(1));
        backoff.succeeded(seconds(601));
        assert_eq!(backoff.crashes(), 0);
        assert!(!backoff.crashed(seconds(602)).quarantine);
    }
}
