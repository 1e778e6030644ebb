//! A program somebody configured (NOTIFYCMD, CMDSCRIPT), in both dialects of NUT, with a bound on its time.
//!
//! Until 2.8.5 the setting was a shell command to which the text was appended in quotes; later its first word is a program and the
//! others are arguments, without a shell. Here the words are a program if the first one is an executable file, looked up in PATH like a
//! shell would; only otherwise they are a shell command. Either way the text is one argument and never read by a shell: the
//! incumbent's shell would run what a UPS put into its alarm text.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use husk_daemon::background::outsider;
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};

mod queue;

pub(crate) use queue::{Bounds, Job, Queue, attend};

/// Where programs without a path are looked for if the environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The command for the words, with `text` as its last argument; without input, in a process group of its own so that [`finish`] can
/// end all of it. `None` without words.
pub(crate) fn command(words: &[String], text: &str) -> Option<Command> {
    let (first, rest) = words.split_first()?;
    let mut command = match find(first) {
        Some(program) => {
            let mut command = Command::new(program);
            command.args(rest);
            command
        }
        None => {
            let mut command = Command::new("/bin/sh");
            // The word after the script is its $0.
            command.args(["-c", &format!("{} \"$@\"", words.join(" ")), "sh"]);
            command
        }
    };
    outsider(&mut command);
    command.env_remove(crate::parent::MARK);
    command.arg(text).stdin(Stdio::null()).process_group(0);
    Some(command)
}

/// The executable file that a shell would take for the word.
fn find(word: &str) -> Option<PathBuf> {
    let runs = |path: &Path| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if word.contains('/') {
        return Some(PathBuf::from(word)).filter(|path| runs(path));
    }
    let path = std::env::var_os("PATH").filter(|path| !path.is_empty());
    let path = path.as_deref().unwrap_or(OsStr::new(PATH));
    let mut candidates = std::env::split_paths(path).map(|dir| dir.join(word));
    candidates.find(|path| runs(path))
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// By itself, successfully.
    Done,
    /// By itself, or by a signal; what of it.
    Failed(String),
    /// It took too long and was killed with everything it had started.
    Killed,
}

/// Waits for a program started from [`command`] and kills it when its time is over.
pub(crate) async fn finish(mut child: tokio::process::Child, limit: Duration) -> Outcome {
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    match tokio::time::timeout(limit, child.wait()).await {
        Ok(Ok(status)) if status.success() => Outcome::Done,
        Ok(Ok(status)) => Outcome::Failed(status.to_string()),
        Ok(Err(error)) => Outcome::Failed(error.to_string()),
        Err(_) => {
            // Fails only if the whole group has ended this moment.
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
            // A killed process cannot stay; the one in uninterruptible sleep is the kernel's.
            let _ = tokio::time::timeout(Duration::from_secs(1), child.wait()).await;
            Outcome::Killed
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(words: &[&str], expected: &[&str]) {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let command = command(&words, "it's $(id)").unwrap();
        let program = command.get_program().to_str().unwrap();
        let mut found = vec![program];
        found.extend(command.get_args().map(|word| word.to_str().unwrap()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_program_first_and_a_shell_only_where_there_is_none() {
        let text = "it's $(id)";
        check(&["/bin/echo"], &["/bin/echo", text]);
        check(
            &["/bin/echo", "-n", "a b"],
            &["/bin/echo", "-n", "a b", text],
        );
        check(
            &["/bin/echo -n"],
            &["/bin/sh", "-c", "/bin/echo -n \"$@\"", "sh", text],
        );
        check(
            &["/no/such", "x"],
            &["/bin/sh", "-c", "/no/such x \"$@\"", "sh", text],
        );
        check(
            &["/etc/passwd"],
            &["/bin/sh", "-c", "/etc/passwd \"$@\"", "sh", text],
        );
        assert!(command(&[], "").is_none());
    }

    #[test]
    fn a_scriptlet_gets_the_text_unread() {
        let words = ["printf '%s|' x;".to_owned(), "printf '%s'".to_owned()];
        let output = command(&words, "a \"b\" $(id) `id`")
            .unwrap()
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"x|a \"b\" $(id) `id`");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_hanging_program_ends_with_all_it_started() {
        let start = |script: &str| {
            let command = command(&[script.to_owned()], "").unwrap();
            tokio::process::Command::from(command).spawn().unwrap()
        };
        let limit = Duration::from_secs(5);
        assert_eq!(finish(start("exit 0;"), limit).await, Outcome::Done);
        assert!(matches!(
            finish(start("exit 3;"), limit).await,
            Outcome::Failed(_)
        ));
        let child = start("sleep 100 & sleep 100; :");
        let group = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        assert_eq!(
            finish(child, Duration::from_millis(100)).await,
            Outcome::Killed
        );
        // The orphan is collected by whoever adopts it; until then it is a zombie, which takes no signal's effect but exists.
        let mut tries = 0;
        while rustix::process::test_kill_process_group(group).is_ok() && tries < 50 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            tries += 1;
        }
        let zombies = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        let of_group = format!(" {} ", group.as_raw_nonzero());
        let alive = zombies.filter(|stat| {
            let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
            !rest.starts_with(" Z") && rest.contains(&of_group)
        });
        assert_eq!(alive.count(), 0);
    }
}
