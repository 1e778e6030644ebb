//! Runs every test: unit tests in groups, then whole programs against simulated devices and Debian's packages.
//!
//! A test that cannot run says so in the file named by `HUSK_SKIPS_FILE`; in CI that is a failure.

use crate::groups::{GROUPS, Group, WHOLE};
use crate::steps::Steps;
use crate::{apt, build, layout, peers, vm, whole};
use anyhow::{Context as _, anyhow, bail, ensure};
use lexopt::{Arg, Parser};
use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::thread;

pub(crate) const HELP: &str = "
usage: cargo xtask test [--peers | --model]

Installs what the tests need of Debian when root (no services are started), builds the
release, runs the unit tests and then whole programs against simulated devices and the
incumbent. Tests that could not run are listed; with CI=true each of them is a failure.

  --peers   instead, run other people's clients (Python, Node.js, Perl, Nagios, CGI, upsmon)
            against the server; each passes, fails or is said not to be installable here
  --vm      instead, boot Debian's kernel under qemu and run the tests that need a USB stack, beside the
            incumbent's driver; NAME picks tests, DIR holds recorded devices to compare on as well. HUSK_BIN, if
            set, is tested instead of a release built for it; HUSK_REPLUGS changes how often cables are pulled
  --model   instead, walk through every order of events of a small site, see planted bugs
            found, and live through 2,000 random days of a large one; about two minutes
";

/// Days the simulation lives through under `--model`.
const MODEL_DAYS: &str = "2000";

/// What the tests of all groups came to.
#[derive(Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

pub(crate) fn main(mut parser: Parser) -> anyhow::Result<()> {
    match parser.next()? {
        None => {}
        Some(Arg::Long("peers")) => {
            return crate::no_arguments(parser).and_then(|()| peers::main());
        }
        Some(Arg::Long("model")) => return crate::no_arguments(parser).and_then(|()| model()),
        Some(Arg::Long("vm")) => return in_machine(parser),
        Some(other) => return Err(other.unexpected().into()),
    }
    let mut steps = Steps::default();
    let outcome = test(&mut steps, skips_fail(), |_| {});
    steps.finish()?;
    println!("\n{}", outcome?);
    Ok(())
}

fn in_machine(mut parser: Parser) -> anyhow::Result<()> {
    let mut plan = vm::Plan::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("devices") => plan.devices = Some(parser.value()?.into()),
            Arg::Value(name) => plan.filter = Some(name.to_string_lossy().into_owned()),
            other => return Err(other.unexpected().into()),
        }
    }
    let mut steps = Steps::default();
    let outcome = vm::test(&mut steps, &plan, skips_fail());
    steps.finish()?;
    println!("\n{}", outcome?);
    Ok(())
}

fn skips_fail() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Builds and tests; the closing sentence on success. The programs are built while the tests that do not want them run, after
/// what else there is to do `meanwhile`.
pub(crate) fn test(
    steps: &mut Steps,
    skips_fail: bool,
    meanwhile: impl FnOnce(&mut Steps),
) -> anyhow::Result<String> {
    steps.run("packages for tests", apt::install)?;
    let skips = layout::target().join("skips.txt");
    fs::create_dir_all(layout::target())?;
    fs::write(&skips, "")?;
    let mut sum = Sum::default();
    let built = thread::scope(|scope| {
        let building = scope.spawn(|| {
            let mut steps = Steps::default();
            let outcome = build::build(&mut steps);
            (steps, outcome)
        });
        meanwhile(steps);
        for group in GROUPS.iter().filter(|group| !group.wants_programs) {
            sum.count(steps, group, run);
        }
        let (theirs, outcome) = building.join().map_err(|_| anyhow!("the build panicked"))?;
        steps.absorb(theirs);
        outcome
    });
    // What has failed already is worth knowing together with what does not build.
    if let Err(error) = built {
        let failed = sum.failed.join(", ");
        bail!("{error:#}; {}; failed: {failed}", sum.tally);
    }
    for group in GROUPS.iter().filter(|group| group.wants_programs) {
        sum.count(steps, group, run);
    }
    sum.count(steps, &WHOLE, |group, tally| {
        whole::run(group, tally, &environment)
    });
    sum.close(&fs::read_to_string(&skips)?, skips_fail)
}

/// What all groups came to, and which of them failed.
#[derive(Default)]
struct Sum {
    tally: Tally,
    failed: Vec<&'static str>,
}

impl Sum {
    fn count(
        &mut self,
        steps: &mut Steps,
        group: &Group,
        run: impl FnOnce(&Group, &mut Tally) -> anyhow::Result<String>,
    ) {
        let name = format!("test {}", group.name);
        let outcome = steps.run(&name, || run(group, &mut self.tally));
        if outcome.is_err() {
            self.failed.push(group.name);
        }
    }

    fn close(self, skipped: &str, skips_fail: bool) -> anyhow::Result<String> {
        print!("\n{skipped}");
        let skipped = skipped.lines().count();
        let Self { tally, failed } = self;
        let sum = format!(
            "test result: {tally}; {} ignored; {skipped} skipped",
            tally.ignored
        );
        ensure!(failed.is_empty(), "{sum}; failed: {}", failed.join(", "));
        ensure!(
            skipped == 0 || !skips_fail,
            "{sum}; in CI nothing may be skipped"
        );
        Ok(sum)
    }
}

/// The decisions, thoroughly: one test at a time, each has a thread per processor of its own.
fn model() -> anyhow::Result<()> {
    let status = layout::cargo(&["test", "--profile", "model", "-p", "husk-model"])
        .args(["--test", "model", "--test", "simulation"])
        .args(["--", "--nocapture", "--test-threads=1"])
        .env("HUSK_MODEL", "full")
        .env("HUSK_SEEDS", MODEL_DAYS)
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "a property does not hold, or a planted bug was not found"
    );
    Ok(())
}

fn run(group: &Group, tally: &mut Tally) -> anyhow::Result<String> {
    let mut command = group.cargo(&["test", "--no-fail-fast"]);
    environment(&mut command);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot run cargo")?;
    let mut sum = Tally::default();
    if let Some(pipe) = child.stdout.take() {
        for line in BufReader::new(pipe).lines() {
            let line = line?;
            println!("{line}");
            sum.add(&line);
        }
    }
    let status = child.wait()?;
    tally.join(&sum);
    if !status.success() {
        bail!("{} passed, {} failed", sum.passed, sum.failed);
    }
    Ok(format!("{} passed", sum.passed))
}

/// Where tests find the programs, the components and the file for what was skipped.
fn environment(command: &mut Command) {
    command
        .env(husk_tests::SKIPS_FILE, layout::target().join("skips.txt"))
        .env("HUSK_BIN", layout::husk())
        .env("HUSK_COMPILE", layout::husk_compile())
        .env("HUSK_GUESTS", layout::guests())
        .env("HUSK_BUNDLE_DIR", layout::bundle());
}

impl Tally {
    /// Adds what others came to.
    pub(crate) fn join(&mut self, others: &Self) {
        self.passed += others.passed;
        self.failed += others.failed;
        self.ignored += others.ignored;
    }

    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; other lines count nothing.
    pub(crate) fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let count = |word: &str| {
            let part = counts
                .split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(word));
            part.and_then(|number| number.trim().parse::<u64>().ok())
                .unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        self.ignored += count("ignored");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed; {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up() {
        let mut tally = Tally::default();
        tally.add("running 3 tests");
        tally.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s");
        tally.add("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!((tally.passed, tally.failed, tally.ignored), (13, 2, 1));
    }
}
