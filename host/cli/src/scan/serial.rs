//! What a scan makes of the serial lines: which there are, and which driver gets an answer where it was told to ask.

use std::path::{Path, PathBuf};

use husk_core::scan::draft::Draft;
use husk_core::scan::found::{Bus, Found, Item, Mark};
use husk_ports::present::holders;
use husk_ports::present::serial::{SerialLine, list};
use husk_server::scan::{Answered, Scanner, Tried};

/// Lines probed at once. Each waits for its device most of the time.
const AT_ONCE: usize = 16;

/// A line that was asked.
pub(super) struct Probed {
    /// As it was named.
    line: PathBuf,
    /// What each driver got, until one got an answer.
    tried: Vec<Tried>,
}

/// The lines of this machine, and of each why it is not asked unless named, if there is a reason.
///
/// # Errors
/// A sentence.
pub(super) fn lines(
    root: &Path,
    scanner: &Scanner,
) -> Result<Vec<(SerialLine, Option<String>)>, String> {
    let lines = list(root).map_err(|error| format!("serial lines cannot be listed: {error}"))?;
    let judged = lines.into_iter().map(|line| {
        let reason = reason(&line, scanner);
        (line, reason)
    });
    Ok(judged.collect())
}

fn reason(line: &SerialLine, scanner: &Scanner) -> Option<String> {
    if line.console {
        return Some("the kernel writes its messages there".to_owned());
    }
    if let Some(section) = scanner.section_of_line(&line.path) {
        return Some(format!("is [{}] in ups.conf", section.name));
    }
    let holders = holders(&line.path);
    let holder = holders.first()?;
    Some(format!(
        "in use by {} (process {})",
        holder.name, holder.pid
    ))
}

/// Asks lines, several at once and each by one driver after the other.
pub(super) fn probe(scanner: &Scanner, lines: &[PathBuf]) -> Result<Vec<Probed>, String> {
    let runtime = super::runtime()?;
    Ok(runtime.block_on(async {
        let mut probed = Vec::new();
        for some in lines.chunks(AT_ONCE) {
            let probes = some.iter().map(|line| async {
                Probed {
                    line: line.clone(),
                    tried: scanner.probe(line).await,
                }
            });
            probed.extend(together(probes).await);
        }
        probed
    }))
}

impl Probed {
    fn answered(&self) -> Option<&Answered> {
        self.tried.iter().find_map(|tried| match tried {
            Tried::Answered(answered) => Some(answered),
            Tried::Shut(_) | Tried::Silent { .. } => None,
        })
    }

    /// As nut-scanner shows it, if a device answered.
    pub(super) fn found(&self) -> Option<Found> {
        let answered = self.answered()?;
        let serial = answered.serial.clone().map(|value| Item {
            name: "serial",
            value,
            mark: Mark::Comment,
        });
        Some(Found {
            bus: Bus::Serial,
            driver: answered.driver.clone(),
            others: Vec::new(),
            port: self.line.display().to_string(),
            items: serial.into_iter().collect(),
        })
    }

    /// The section to add for it. A name that lasts is better than the number of an adapter.
    pub(super) fn draft(
        &self,
        lines: &[(SerialLine, Option<String>)],
        scanner: &Scanner,
    ) -> Option<Draft> {
        let answered = self.answered()?;
        if scanner.section_of_line(&self.line).is_some() {
            return None;
        }
        let same = lines.iter().find(|(line, _)| line.path == self.line);
        let lasting = same.and_then(|(line, _)| line.lasting.clone());
        let port = lasting.unwrap_or_else(|| self.line.clone());
        Some(Draft {
            driver: answered.driver.clone(),
            port: port.display().to_string(),
            desc: Some(name(answered)).filter(|name| !name.is_empty()),
            options: Vec::new(),
        })
    }

    /// Lines for people.
    pub(super) fn tell(&self) -> Vec<String> {
        let line = self.line.display();
        if let Some(answered) = self.answered() {
            return vec![
                format!("{line}  {} ({})", name(answered), answered.status),
                format!("  driver = {}", answered.driver),
            ];
        }
        let mut lines = vec![format!("{line}  no driver gets an answer")];
        lines.extend(self.tried.iter().filter_map(|tried| match tried {
            Tried::Answered(_) => None,
            Tried::Shut(reason) => Some(format!("  {reason}")),
            Tried::Silent { driver, reason } => Some(format!("  {driver}: {reason}")),
        }));
        lines
    }
}

/// Maker and model, as far as it says them.
pub(super) fn name(answered: &Answered) -> String {
    let words = [&answered.maker, &answered.model];
    let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
    words.join(" ")
}

/// Waits for all, in one task; each is woken whenever one is.
pub(super) async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut waiting {
            if output.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(context)
            {
                *output = Some(done);
            }
        }
        match waiting.iter().all(|(_, output)| output.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
