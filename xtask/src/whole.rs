//! Runs test programs beside each other: they wait for timers and devices more than they compute.
//!
//! Each sees a PID directory of its own in place of /run/nut, because the incumbent's programs end what they take for an
//! older copy of themselves. Where that cannot be had (no root, no namespaces) they run one after the other. What a
//! program prints is shown whole when it ends.

use crate::groups::Group;
use crate::layout;
use crate::steps::output;
use crate::test::Tally;
use anyhow::{Context as _, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Programs at a time.
const BESIDE: usize = 2;
/// The hostile ones measure how long a neighbour waits; the others count who opens a line, and a server of another program
/// that waits for an unplugged pseudo-terminal opens the next one of that number.
const ALONE: &[&str] = &[
    "hostile",
    "hostile_clients",
    "hotswap",
    "killpower",
    "scan",
    "usb_hostile",
];
/// The command that gives what follows a /run/nut of its own, writable for the user the incumbent changes to.
const OWN_PID_DIRECTORY: &[&str] = &[
    "unshare",
    "--mount",
    "sh",
    "-c",
    "if [ -d /run/nut ]; then mount -t tmpfs -o mode=777 none /run/nut; fi && exec \"$0\" \"$@\"",
];

struct Program {
    name: String,
    path: PathBuf,
}

/// Builds and runs the tests of a group; its note for the table.
pub(crate) fn run(
    group: &Group,
    tally: &mut Tally,
    environment: &(dyn Fn(&mut Command) + Sync),
) -> anyhow::Result<String> {
    let mut programs = programs(group)?;
    ensure!(!programs.is_empty(), "cargo named no test program");
    let (alone, beside): (Vec<_>, Vec<_>) = programs
        .drain(..)
        .partition(|program| ALONE.contains(&program.name.as_str()));
    let own = has_own_pid_directory();
    let runner = Runner {
        environment,
        own,
        sum: Mutex::new((Tally::default(), Vec::new())),
    };
    runner.all(beside, if own { BESIDE } else { 1 });
    runner.all(alone, 1);
    let (sum, failed) = runner
        .sum
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    tally.join(&sum);
    if !failed.is_empty() {
        bail!("{sum}; failed: {}", failed.join(", "));
    }
    Ok(format!("{sum}"))
}

struct Runner<'a> {
    environment: &'a (dyn Fn(&mut Command) + Sync),
    own: bool,
    sum: Mutex<(Tally, Vec<String>)>,
}

impl Runner<'_> {
    fn all(&self, programs: Vec<Program>, at_a_time: usize) {
        let waiting = Mutex::new(programs.into_iter());
        thread::scope(|scope| {
            for _ in 0..at_a_time {
                scope.spawn(|| {
                    loop {
                        let next = waiting
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .next();
                        let Some(program) = next else { break };
                        self.one(&program);
                    }
                });
            }
        });
    }

    /// Runs one program; a failure stays in the sum.
    fn one(&self, program: &Program) {
        let outcome = self.command(&program.path).output();
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        println!("\n==> {}", program.name);
        match outcome {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout);
                print!("{}{text}", String::from_utf8_lossy(&output.stderr));
                let mut counts = Tally::default();
                text.lines().for_each(|line| counts.add(line));
                sum.0.join(&counts);
                if output.status.success() {
                    return;
                }
                println!("{} ended with {}", program.name, output.status);
            }
            Err(error) => println!("{} cannot be run: {error}", program.path.display()),
        }
        sum.1.push(program.name.clone());
    }

    fn command(&self, path: &Path) -> Command {
        let mut words: Vec<&std::ffi::OsStr> = Vec::new();
        if self.own {
            words.extend(OWN_PID_DIRECTORY.iter().map(std::ffi::OsStr::new));
        }
        words.push(path.as_os_str());
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or(path.as_os_str()));
        // Where cargo would run it.
        command
            .args(words)
            .current_dir(layout::root().join("tests"))
            .stdin(Stdio::null());
        (self.environment)(&mut command);
        command
    }
}

fn has_own_pid_directory() -> bool {
    let mut words = OWN_PID_DIRECTORY.iter().chain(&["true"]);
    let Some(first) = words.next() else {
        return false;
    };
    let status = Command::new(first)
        .args(words)
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Builds the test programs of a group and finds what cargo made.
fn programs(group: &Group) -> anyhow::Result<Vec<Program>> {
    let mut cargo = group.cargo(&[
        "test",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    let messages = String::from_utf8(output(&mut cargo)?).context("cargo's messages")?;
    Ok(messages.lines().filter_map(program).collect())
}

/// The program that a message of cargo names, if it is one of tests.
fn program(message: &str) -> Option<Program> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    if message.pointer("/profile/test")?.as_bool() != Some(true) {
        return None;
    }
    Some(Program {
        name: message.pointer("/target/name")?.as_str()?.to_owned(),
        path: message.get("executable")?.as_str()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_found_in_cargos_messages() {
        let found = program(
            r#"{"reason":"compiler-artifact","target":{"name":"tls"},"profile":{"test":true},"executable":"/t/tls-1"}"#,
        )
        .unwrap();
        assert_eq!(
            (found.name.as_str(), found.path),
            ("tls", PathBuf::from("/t/tls-1"))
        );
        for other in [
            r#"{"reason":"compiler-artifact","target":{"name":"lib"},"profile":{"test":false},"executable":null}"#,
            r#"{"reason":"compiler-artifact","target":{"name":"bench"},"profile":{"test":true},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "no message",
        ] {
            assert!(program(other).is_none(), "{other}");
        }
    }

    #[test]
    fn every_program_runs_and_a_failure_is_named() {
        let runner = Runner {
            environment: &|_| {},
            own: false,
            sum: Mutex::default(),
        };
        let named = |path: &str| Program {
            name: path.to_owned(),
            path: path.into(),
        };
        runner.all(
            vec![named("/bin/true"), named("/bin/false"), named("/none")],
            2,
        );
        let (_, mut failed) = runner.sum.into_inner().unwrap();
        failed.sort();
        assert_eq!(failed, ["/bin/false", "/none"]);
    }
}
