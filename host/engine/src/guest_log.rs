//! What a guest logs: cleaned, cut, and limited in rate so that no plugin can drown the log or forge lines of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;

use crate::limits;
use crate::text::Secrets;

/// Where the lines of one instance go.
pub type LogSink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// One instance's log: a bucket of [`limits::LOG_BURST`] lines that refills at [`limits::LOG_PER_MINUTE`].
pub(crate) struct GuestLog {
    sink: LogSink,
    secrets: Secrets,
    tokens: u32,
    refilled: Instant,
    left_out: u32,
}

impl GuestLog {
    const REFILL: Duration = Duration::from_millis(60_000 / limits::LOG_PER_MINUTE as u64);

    pub(crate) fn new(sink: LogSink, secrets: Secrets, now: Instant) -> Self {
        Self {
            sink,
            secrets,
            tokens: limits::LOG_BURST,
            refilled: now,
            left_out: 0,
        }
    }

    /// A sink that forgets, for `describe`.
    pub(crate) fn nowhere(now: Instant) -> Self {
        Self::new(Arc::new(|_, _| {}), Secrets::default(), now)
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub(crate) fn write(&mut self, level: Level, message: &str, now: Instant) {
        self.refill(now);
        let Some(left) = self.tokens.checked_sub(1) else {
            self.left_out = self.left_out.saturating_add(1);
            return;
        };
        self.tokens = left;
        if self.left_out > 0 {
            (self.sink)(
                Level::Warn,
                &format!(
                    "{} more lines were left out: the driver logs more than {} a minute",
                    self.left_out,
                    limits::LOG_PER_MINUTE
                ),
            );
            self.left_out = 0;
        }
        (self.sink)(level, &self.secrets.clean(message, limits::LOG_LINE));
    }

    fn refill(&mut self, now: Instant) {
        let passed =
            now.saturating_duration_since(self.refilled).as_millis() / Self::REFILL.as_millis();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        if passed > 0 {
            self.tokens = self.tokens.saturating_add(passed).min(limits::LOG_BURST);
            self.refilled += Self::REFILL.saturating_mul(passed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_flood_is_cut_to_the_burst_and_accounted_for() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink: LogSink = Arc::new({
            let lines = Arc::clone(&lines);
            move |_, line: &str| lines.lock().unwrap().push(line.to_owned())
        });
        let start = Instant::now();
        let mut log = GuestLog::new(sink, Secrets::default(), start);
        for _ in 0..1000 {
            log.write(Level::Error, "x", start);
        }
        assert_eq!(lines.lock().unwrap().len(), 100);
        log.write(Level::Error, "y", start + Duration::from_secs(2));
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 102);
        assert!(lines.get(100).unwrap().starts_with("900 more lines"));
        assert_eq!(lines.last().unwrap(), "y");
    }
}
