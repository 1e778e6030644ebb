//! What the call in progress may still use: computing time, host calls, memory and wall time.
//!
//! Computing is counted in firings of the epoch callback, not in epochs that went by: otherwise the time spent waiting
//! for a device would be billed as computing.

use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

use crate::limits::{self, Phase};

/// A budget that was used up. Ends the call and with it the instance.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Spent {
    #[error("it computed for more than {0} ms")]
    Computing(u128),
    #[error("it called the host more than {0} times")]
    HostCalls(u32),
    #[error("it asked for more than {} MiB of memory", limits::MEMORY >> 20)]
    Memory,
    #[error("it asked for tables of more than {} elements", limits::TABLE_ELEMENTS)]
    Tables,
}

/// Budgets of one call; [`Meter::start`] refills them.
#[derive(Debug)]
pub(crate) struct Meter {
    phase: &'static Phase,
    ticks: u32,
    host_calls: u32,
    ends: Instant,
    /// A wait of a tick or more lets the epoch run ahead, so the next firing is not the guest's doing.
    forgive: bool,
}

impl Meter {
    pub(crate) fn new(phase: &'static Phase) -> Self {
        Self {
            phase,
            ticks: phase.ticks,
            host_calls: phase.host_calls,
            ends: Instant::now() + phase.wall,
            forgive: false,
        }
    }

    pub(crate) fn start(&mut self, phase: &'static Phase) {
        *self = Self::new(phase);
    }

    /// The epoch moved on while the guest computed.
    pub(crate) fn tick(&mut self) -> Result<(), Spent> {
        if std::mem::take(&mut self.forgive) {
            return Ok(());
        }
        match self.ticks.checked_sub(1) {
            Some(left) => self.ticks = left,
            None => return Err(Spent::Computing(self.phase.cpu_ms())),
        }
        Ok(())
    }

    /// The guest called the host.
    pub(crate) fn host_call(&mut self) -> Result<(), Spent> {
        match self.host_calls.checked_sub(1) {
            Some(left) => self.host_calls = left,
            None => return Err(Spent::HostCalls(self.phase.host_calls)),
        }
        Ok(())
    }

    /// A host call waited this long.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.forgive |= time >= limits::TICK;
    }

    /// How long a host call may wait when the guest asks for `wanted`.
    pub(crate) fn wait_at_most(&self, wanted: Duration) -> Duration {
        let left = self.ends.saturating_duration_since(Instant::now());
        wanted
            .min(limits::WAIT)
            .min(left.saturating_sub(limits::WAIT_RESERVE))
    }
}

/// Memory and tables of one instance, all of its core modules together. Asking for more traps at once with the reason,
/// because a guest's own out-of-memory handling would only say "unreachable".
#[derive(Debug, Default)]
pub(crate) struct Space {
    memory: usize,
    elements: usize,
}

impl ResourceLimiter for Space {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.memory = self.memory.saturating_add(desired.saturating_sub(current));
        if self.memory > limits::MEMORY {
            return Err(Spent::Memory.into());
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.elements = self
            .elements
            .saturating_add(desired.saturating_sub(current));
        if self.elements > limits::TABLE_ELEMENTS {
            return Err(Spent::Tables.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::INSTANCES
    }

    fn tables(&self) -> usize {
        limits::TABLES
    }

    fn memories(&self) -> usize {
        limits::MEMORIES
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn computing_ends_after_the_phases_ticks() {
        let mut meter = Meter::new(&limits::SAVE);
        for _ in 0..limits::SAVE.ticks {
            meter.tick().unwrap();
        }
        assert_eq!(meter.tick(), Err(Spent::Computing(200)));
    }

    #[test]
    fn a_long_wait_excuses_one_tick_and_a_short_one_none() {
        let mut meter = Meter::new(&limits::SAVE);
        meter.ticks = 0;
        meter.waited(Duration::from_millis(9));
        assert!(meter.tick().is_err());
        meter.waited(Duration::from_millis(10));
        meter.waited(Duration::from_millis(10));
        meter.tick().unwrap();
        assert!(meter.tick().is_err());
    }

    #[test]
    fn waits_end_before_the_phase_does() {
        let meter = Meter::new(&limits::SAVE);
        assert!(meter.wait_at_most(Duration::MAX) <= limits::SAVE.wall - limits::WAIT_RESERVE);
        assert_eq!(
            meter.wait_at_most(Duration::from_millis(5)),
            Duration::from_millis(5)
        );
        let meter = Meter::new(&limits::OPEN);
        assert_eq!(meter.wait_at_most(Duration::MAX), limits::WAIT);
    }

    #[test]
    fn memories_are_counted_together() {
        let mut space = Space::default();
        assert!(space.memory_growing(0, limits::MEMORY / 2, None).unwrap());
        assert!(space.memory_growing(0, limits::MEMORY / 2, None).unwrap());
        assert!(space.memory_growing(0, 1, None).is_err());
    }
}
