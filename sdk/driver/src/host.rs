//! What every driver may use of the host: a log, clocks, a pause.
//!
//! std's clocks and threads compile for the sandbox and fail when used; these work in both builds. Natively the
//! clock stands still until somebody sleeps or waits for a device, and log lines are collected for the test.

/// How serious a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something does not work.
    Error,
    /// Something works worse than it should.
    Warn,
    /// What an operator wants to know once.
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// Writes one line to the log, formatted only when the host wants lines of this level.
///
/// ```ignore
/// log!(Level::Info, "the device calls itself {model}");
/// ```
#[macro_export]
macro_rules! log {
    ($level:expr, $($text:tt)+) => {{
        let level = $level;
        if $crate::host::wants(level) {
            $crate::host::write(level, &::std::format!($($text)+));
        }
    }};
}

#[cfg(target_arch = "wasm32")]
pub use crate::guest::{now_ms, sleep_ms, wall_clock, wants, write};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{now_ms, sleep_ms, wall_clock, wants, write};

/// The host played by the test's thread.
#[cfg(not(target_arch = "wasm32"))]
pub mod native {
    use super::Level;
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    thread_local! {
        static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        static WALL: Cell<(u64, i32)> = const { Cell::new((0, 0)) };
        static LINES: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    }

    /// Whether the host wants lines of this level: natively all.
    #[must_use]
    pub fn wants(_level: Level) -> bool {
        true
    }

    /// Writes one line to the log.
    pub fn write(level: Level, message: &str) {
        LINES.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
    }

    /// Monotonic milliseconds since an arbitrary start.
    #[must_use]
    pub fn now_ms() -> u64 {
        u64::try_from(NOW.get().as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since 1970, and the offset of local time from UTC in seconds.
    #[must_use]
    pub fn wall_clock() -> (u64, i32) {
        let (start, offset) = WALL.get();
        (start.saturating_add(NOW.get().as_secs()), offset)
    }

    /// Waits: natively the clock jumps.
    pub fn sleep_ms(ms: u32) {
        advance(Duration::from_millis(ms.into()));
    }

    /// Lets time pass.
    pub fn advance(time: Duration) {
        NOW.set(NOW.get().saturating_add(time));
    }

    /// Sets the wall clock that goes with the start of the monotonic one.
    pub fn set_wall_clock(seconds: u64, offset: i32) {
        WALL.set((seconds, offset));
    }

    /// The lines logged by this thread since the last call.
    #[must_use]
    pub fn take_log() -> Vec<(Level, String)> {
        LINES.take()
    }
}
