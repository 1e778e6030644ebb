//! Steps of a chore: named while they run, timed, and summed up in a table at the end.

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// The steps so far.
pub(crate) struct Steps {
    begun: Instant,
    rows: Vec<Row>,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            rows: Vec::new(),
        }
    }
}

struct Row {
    name: String,
    took: Duration,
    note: String,
    failed: bool,
}

impl Steps {
    /// Runs one step; its note (a size, a count) goes into the table.
    pub(crate) fn run(
        &mut self,
        name: &str,
        work: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        eprintln!("==> {name}");
        let begun = Instant::now();
        let outcome = work();
        self.rows.push(Row {
            name: name.to_owned(),
            took: begun.elapsed(),
            note: outcome
                .as_ref()
                .cloned()
                .unwrap_or_else(|error| format!("{error:#}")),
            failed: outcome.is_err(),
        });
        outcome.map(drop).with_context(|| name.to_owned())
    }

    /// Runs one command as a step.
    pub(crate) fn command(&mut self, name: &str, mut command: Command) -> anyhow::Result<()> {
        self.run(name, || succeed(&mut command).map(|()| String::new()))
    }

    /// Takes over the rows of steps that ran beside these.
    pub(crate) fn absorb(&mut self, others: Self) {
        self.rows.extend(others.rows);
    }

    /// The table; an error when a step failed. Steps ran beside each other, so their sum is more than the whole.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        println!("\n{:>8}  step", "seconds");
        for row in &self.rows {
            let mark = if row.failed { "FAILED " } else { "" };
            println!(
                "{:8.1}  {}  {mark}{}",
                row.took.as_secs_f64(),
                row.name,
                row.note
            );
        }
        println!("{:8.1}  in all", self.begun.elapsed().as_secs_f64());
        let failed: Vec<&str> = self
            .rows
            .iter()
            .filter(|row| row.failed)
            .map(|row| row.name.as_str())
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        bail!("failed: {}", failed.join(", "))
    }
}

/// Runs `command` to its end; anything but success is an error that quotes it.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    check(command, status)
}

/// What `command` printed on standard output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    check(command, output.status)?;
    Ok(output.stdout)
}

fn check(command: &Command, status: ExitStatus) -> anyhow::Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("{command:?} ended with {status}")
}

/// The size of a file, for people.
pub(crate) fn size(path: &Path) -> String {
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_chore_and_stays_in_the_table() {
        let mut steps = Steps::default();
        steps.command("well", Command::new("true")).unwrap();
        assert!(steps.command("badly", Command::new("false")).is_err());
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: badly");
    }

    #[test]
    fn what_failed_beside_fails_the_whole() {
        let mut steps = Steps::default();
        let mut beside = Steps::default();
        assert!(beside.command("badly", Command::new("false")).is_err());
        steps.absorb(beside);
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: badly");
    }
}
