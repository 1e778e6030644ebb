//! The UPSes of this machine, for whoever ends its power: have they mains, and do they accept the order to cut it.
//!
//! A UPS is looked at by whoever drives it: the server, its driver process, else a driver started for one reading. One
//! that does not answer in time is one of which nothing is known.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use husk_core::conf::ups::Section;
use husk_core::monitor::killpower::{Mains, Told};

use super::plan::{self, Flags};
use super::{Control, Verb, process, socket};

/// One reading of a driver that greets its device first.
const READING: Duration = Duration::from_secs(10);
/// All readings together; a UPS whose turn has not come then is not looked at. The hook of systemd has 90 s for
/// everything, and the order itself may take 75 s (maxstartdelay).
const READINGS: Duration = Duration::from_secs(12);
/// Bytes of a driver's dump; the largest device has about 100 KiB.
const MOST_BYTES: u64 = 1 << 20;

/// The UPSes of ups.conf and whoever drives them.
pub(crate) struct Supplies(Control);

impl Supplies {
    /// Reads ups.conf.
    ///
    /// # Errors
    /// There is none, or no UPS in it.
    pub(crate) fn load(test: bool) -> Result<Self, String> {
        let flags = Flags {
            test,
            ..Flags::default()
        };
        Control::load(flags).map(Self)
    }

    /// Whether all of them have mains.
    pub(crate) fn mains(&self) -> Mains {
        let until = Instant::now() + READINGS;
        let has_mains = |section: &&Section| {
            let status = self.status(section, until);
            log::info!(
                "UPS [{}]: {}",
                section.name,
                status.as_deref().unwrap_or("its status is not known")
            );
            status.is_some_and(|status| is_on_mains(&status))
        };
        match plan::by_shutdown_order(&self.0.conf.sections) {
            sections if !sections.is_empty() && sections.iter().all(has_mains) => Mains::Back,
            _ => Mains::NotKnownBack,
        }
    }

    /// Has them cut the power, in the order of `sdorder`, and says which did not accept.
    pub(crate) fn cut(&self) -> Told {
        let mut told = Told::default();
        for section in plan::by_shutdown_order(&self.0.conf.sections) {
            match self.0.report(section, self.0.one(Verb::CutPower, section)) {
                true => told.accepted += 1,
                false => told.refused += 1,
            }
        }
        told
    }

    fn status(&self, section: &Section, until: Instant) -> Option<String> {
        if let Some(inside) = self.0.server.find(&section.name) {
            return Some(inside.status.clone()).filter(|status| !status.is_empty());
        }
        let answer = socket::ask(&self.0.socket(section));
        match answer.status {
            Some(status) => Some(status.trim_matches('"').to_owned()),
            None if answer.responsive || self.0.flags.test => None,
            None => self.reading(section, until),
        }
    }

    /// Starts the driver for one reading.
    fn reading(&self, section: &Section, until: Instant) -> Option<String> {
        let left = until.saturating_duration_since(Instant::now()).min(READING);
        if left.is_zero() {
            return None;
        }
        let line = plan::reading(section, &self.0.conf.global, &self.0.flags).ok()?;
        log::debug!("exec:  {line}");
        let mut child = Command::new(&line.program)
            .args(&line.words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let output = child.stdout.take()?;
        // Read beside the wait: a long dump does not fit into the pipe.
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            let read = output.take(MOST_BYTES).read_to_string(&mut text);
            read.map(|_| text)
        });
        match process::wait(child, Some(left)) {
            process::Waited::Ended(status) if status.success() => {
                let text = reader.join().ok()?.ok()?;
                let mut lines = text.lines();
                let status = lines.find_map(|line| line.strip_prefix("ups.status: "));
                status.map(|status| status.trim().to_owned())
            }
            process::Waited::Slow(mut child) => {
                // The port must be free for the order.
                let _ = child.kill().and_then(|()| child.wait());
                None
            }
            _ => None,
        }
    }
}

fn is_on_mains(status: &str) -> bool {
    let has = |known: &str| status.split_whitespace().any(|word| word == known);
    has("OL") && !has("OB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mains_are_what_the_status_says() {
        assert!(is_on_mains("OL CHRG LB"));
        assert!(!is_on_mains("OB DISCHRG LB"));
        assert!(!is_on_mains("OL OB"));
        assert!(!is_on_mains("FOLD"));
        assert!(!is_on_mains(""));
    }
}
