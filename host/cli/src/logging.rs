//! Where the program's own words go: stderr in the foreground, the system log after that.
//!
//! Ordinary lines are plain text, debug lines carry the time since the start, both as NUT's daemons print
//! them. Under systemd's journal each line carries its priority. Lines of other people's crates below a
//! warning are left out.

use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use husk_daemon::syslog::{Severity, Syslog};
use log::{Level, LevelFilter, Metadata, Record};

struct Logger {
    start: Instant,
    /// stderr is systemd's journal, which understands `<6>` at the start of a line.
    journal: bool,
    /// stderr belongs to nobody any more.
    background: AtomicBool,
    syslog: Syslog,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Starts logging under the program's name. `debug` counts `-D`; `quiet` leaves out what is only information.
pub(crate) fn start(program: &str, debug: usize, quiet: bool) {
    let environment = std::env::var("NUT_DEBUG_LEVEL").ok();
    let environment = environment
        .and_then(|level| level.parse().ok())
        .unwrap_or(0);
    let level = match debug.max(environment) {
        0 if quiet => LevelFilter::Warn,
        0 => LevelFilter::Info,
        1 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let logger = LOGGER.get_or_init(|| Logger {
        start: Instant::now(),
        journal: std::env::var_os("JOURNAL_STREAM").is_some(),
        background: AtomicBool::new(false),
        syslog: Syslog::new(program),
    });
    // Fails only when logging was started before, which then goes on.
    if log::set_logger(logger).is_ok() {
        log::set_max_level(level);
    }
}

/// From now on into the system log, unless NUT_DEBUG_SYSLOG says otherwise.
pub(crate) fn into_background() {
    let stays = std::env::var("NUT_DEBUG_SYSLOG").is_ok_and(|word| word == "stderr");
    if let Some(logger) = LOGGER.get()
        && !stays
    {
        logger.background.store(true, Ordering::Relaxed);
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn || metadata.target().starts_with("husk")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        if self.background.load(Ordering::Relaxed) {
            self.syslog.send(Severity::of(record), &text);
        } else {
            self.to_stderr(record, &text);
        }
    }

    fn flush(&self) {}
}

impl Logger {
    fn to_stderr(&self, record: &Record<'_>, text: &str) {
        let level = record.level();
        let mut lines = String::new();
        for line in text.lines() {
            if self.journal {
                lines.push_str(&format!("<{}>", Severity::of(record).number()));
            } else if level >= Level::Debug {
                let depth = if level == Level::Debug { 1 } else { 2 };
                let since = self.start.elapsed();
                let (seconds, micros) = (since.as_secs(), since.subsec_micros());
                lines.push_str(&format!("{seconds:>4}.{micros:06}\t[D{depth}] "));
            }
            lines.push_str(line);
            lines.push('\n');
        }
        // A closed stderr is no reason to stop serving.
        let _ = std::io::stderr().lock().write_all(lines.as_bytes());
    }
}
