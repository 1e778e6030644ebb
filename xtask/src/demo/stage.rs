//! What the demonstration plays on: a simulated UPS, a server, `upsc`, and a client that reads all the time.

use super::reader::Reader;
use super::{configuration, directory, flush};
use crate::layout;
use anyhow::{Context as _, bail, ensure};
use husk_tests::rig::Server;
use husk_tests::rig::Signal;
use husk_tests::sim::megatec::{Megatec, State};
use husk_tests::tool::Wire;
use std::io::Read as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The UPS on the simulated line.
pub(super) const OFFICE: &str = "office";
/// The device whose driver crashes.
pub(super) const LAB: &str = "lab";

/// Between two scenes.
const PACE: Duration = Duration::from_millis(1500);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(super) struct Stage {
    pub(super) ups: Megatec,
    pub(super) server: Server,
    begun: Instant,
    over: Arc<AtomicBool>,
}

impl Stage {
    /// Starts the UPS and the server.
    pub(super) fn set_up() -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        // The onlooker holds the other end of standard input; it ends with him.
        thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            seen.store(true, Ordering::Relaxed);
        });
        let ups = Megatec::start(State::default())?;
        let server = Server::start_husk(directory(&ups.path().display().to_string())?)?;
        println!(
            "\nhusk serve, process {}, port {}",
            server.pid(),
            server.port
        );
        Ok(Self {
            ups,
            server,
            begun: Instant::now(),
            over,
        })
    }

    /// Stops the server; it has to end well.
    pub(super) fn take_down(mut self) -> anyhow::Result<()> {
        let code = self.server.stop()?;
        ensure!(
            code == Some(0),
            "the server ended with {code:?}; it said:\n{}",
            self.server.log()
        );
        println!(
            "\nAll of it happened as announced, in {:.0} s. The server has ended.",
            self.begun.elapsed().as_secs_f64()
        );
        Ok(())
    }

    /// Whether the onlooker has gone.
    pub(super) fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Announces what happens next, leaving time to read what happened before.
    pub(super) fn say(&self, text: &str) -> anyhow::Result<()> {
        self.pause(PACE);
        ensure!(!self.over(), "interrupted");
        println!("\n{text}");
        Ok(())
    }

    /// Adds a line to what is shown.
    pub(super) fn tell(&self, text: &str) {
        println!("  {:5.1} s  {text}", self.begun.elapsed().as_secs_f64());
        flush();
    }

    /// Shows a command line before it runs.
    pub(super) fn command(&self, line: &str) {
        self.tell(&format!("$ {line}"));
    }

    /// Waits, but not for an onlooker who has gone.
    pub(super) fn pause(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.over() {
            thread::sleep(LOOK_AGAIN.min(time));
        }
    }

    /// Shows every variable as `upsc` prints it.
    pub(super) fn show_all(&self, ups: &str) -> anyhow::Result<()> {
        self.command(&format!(
            "target/release/links/upsc {}",
            self.server.ups(ups)
        ));
        let text = self.upsc(ups, None)?.map_err(anyhow::Error::msg)?;
        text.lines()
            .for_each(|line| println!("             {line}"));
        Ok(())
    }

    /// Shows the status and the measurements that the play changes.
    pub(super) fn show(&self, ups: &str) -> anyhow::Result<()> {
        let line = match self.upsc(ups, None)? {
            Err(refusal) => refusal,
            Ok(text) => {
                let value = |name: &str| {
                    text.lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                let unit = |name: &str, unit: &str| {
                    value(name).map_or(String::new(), |value| format!("  {value} {unit}"))
                };
                let measured = [
                    ("input.voltage", "V in"),
                    ("battery.voltage", "V battery"),
                    ("ups.load", "% load"),
                ];
                let measured: String = measured
                    .iter()
                    .map(|(name, sign)| unit(name, sign))
                    .collect();
                format!("{}{measured}", value("ups.status").unwrap_or("no status"))
            }
        };
        self.tell(&format!("upsc {ups}: {line}"));
        Ok(())
    }

    /// Waits until `upsc` shows a status that fits; an error after `patience`.
    pub(super) fn expect(
        &self,
        ups: &str,
        patience: Duration,
        meaning: &str,
        fits: impl Fn(&[&str]) -> bool,
    ) -> anyhow::Result<()> {
        let found = self.watch(ups, patience, |answer| {
            answer.is_ok_and(|status| fits(&status.split_whitespace().collect::<Vec<_>>()))
        })?;
        self.show(ups)?;
        ensure!(
            found,
            "{ups} was not {meaning} within {patience:?}; the server said:\n{}",
            self.server.log()
        );
        Ok(())
    }

    /// Waits until a device is no longer served, and shows what the log says about it.
    pub(super) fn expect_refusal(&self, ups: &str, patience: Duration) -> anyhow::Result<()> {
        let found = self.watch(ups, patience, |answer| answer.is_err())?;
        self.show(ups)?;
        ensure!(found, "{ups} is still served");
        let log = self.server.log();
        let reason = log
            .lines()
            .rev()
            .find(|line| line.contains(ups) && line.contains("panic"));
        self.tell(&format!(
            "log: {}",
            reason.context("the log does not say that the driver panicked")?
        ));
        Ok(())
    }

    /// Has the second device's driver attack in this way from now on.
    pub(super) fn configure(&self, attack: &str) -> anyhow::Result<()> {
        let port = self.ups.path().display().to_string();
        self.server.dir.write(
            "ups.conf",
            &configuration(self.server.dir.path(), &port, attack),
        )?;
        self.server.signal(Signal::HUP);
        Ok(())
    }

    /// Starts a client that reads the first device every 10 ms on one connection.
    pub(super) fn read_on(&self) -> anyhow::Result<Reader> {
        Ok(Reader::start(Wire::connect(self.server.port)?, OFFICE))
    }

    fn watch(
        &self,
        ups: &str,
        patience: Duration,
        fits: impl Fn(Result<String, String>) -> bool,
    ) -> anyhow::Result<bool> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if self.over() {
                bail!("interrupted");
            }
            if fits(self.upsc(ups, Some("ups.status"))?) {
                return Ok(true);
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(false)
    }

    /// What `upsc` prints: values, or its complaint.
    fn upsc(&self, ups: &str, variable: Option<&str>) -> anyhow::Result<Result<String, String>> {
        let output = Command::new(layout::links().join("upsc"))
            .arg(self.server.ups(ups))
            .args(variable)
            .output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Ok(if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        })
    }
}
