//! The last act: POWERDOWNFLAG and SHUTDOWNCMD. With the privileges split the parent does this, and nothing else.
//!
//! What is run was read from upsmon.conf before anybody on the network was heard. Refuses nothing once the decision is made: a
//! flag that cannot be written is told, and the command runs all the same.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use husk_core::conf::upsmon::Config;
use husk_daemon::background::outsider;
use husk_daemon::{Phase, notify};
use rustix::fs::{Access, access};
use tokio::sync::oneshot;

use crate::{flag, limits};

/// For the record beside the flag.
const REASON: &str = "upsmon decided to shut this machine down";

/// Words that begin a command for the shell without being programs.
const BUILT_IN: &[&str] = &[
    ".", ":", "[", "cd", "eval", "exec", "exit", "export", "if", "set", "test", "trap", "ulimit",
    "umask", "unset", "while", "for", "case", "until",
];

/// What is to be done in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duties {
    /// `POWERDOWNFLAG`, unless something else is in its place.
    pub flag: Option<PathBuf>,
    /// `SHUTDOWNCMD`, a line for the shell.
    pub command: Option<String>,
    /// What is monitored, for the record beside the flag.
    pub systems: Vec<String>,
}

impl Duties {
    /// As configured.
    pub fn new(config: &Config) -> Self {
        let words = config.shutdown_command.as_ref();
        let systems = &config.settings.systems;
        Self {
            flag: config
                .power_down_flag
                .as_ref()
                .map(|at| PathBuf::from(&at.value)),
            command: words.map(|at| shell_line(&at.value)),
            systems: systems
                .iter()
                .map(|system| system.name.to_string())
                .collect(),
        }
    }

    /// Removes a flag that an earlier shutdown left. One that is not ours stays, and there is no flag in this run.
    pub fn clear_flag(&mut self) {
        let Some(path) = &self.flag else { return };
        match flag::clear(path) {
            flag::Cleared::NotSet | flag::Cleared::Removed => {}
            flag::Cleared::NotMagic => {
                log::error!(
                    "POWERDOWNFLAG ({}) does not contain the upsmon magic string; it is not touched, and there is no \
                     power-down flag in this run",
                    path.display()
                );
                self.flag = None;
            }
            flag::Cleared::Failed(error) => log::error!(
                "cannot remove the power-down flag {} of an earlier shutdown: {error}",
                path.display()
            ),
        }
    }

    /// What will fail when it is too late to mend it; each a sentence.
    pub fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if let Some(program) = self.command.as_deref().and_then(missing_program) {
            flaws.push(format!(
                "SHUTDOWNCMD cannot work: {program} is no program that can be run; this machine will not shut down"
            ));
        }
        if let Some(flag) = &self.flag {
            let dir = match flag.parent() {
                Some(dir) if !dir.as_os_str().is_empty() => dir,
                _ => Path::new("."),
            };
            if let Err(error) = access(dir, Access::WRITE_OK | Access::EXEC_OK) {
                flaws.push(format!(
                    "POWERDOWNFLAG cannot be written: {}: {error}; the UPS will not be told to cut the power",
                    dir.display()
                ));
            }
        }
        flaws
    }

    /// Writes the flag and runs the command to its end. The service manager is told meanwhile that we live: its watchdog would end
    /// the command together with us.
    pub async fn shut_down(self) {
        let tell = || notify(Phase::Alive);
        alive_while(self.perform(), notify::watchdog(), tell).await;
    }

    async fn perform(self) {
        if let Some(path) = &self.flag {
            let systems = self.systems.clone();
            let arm = move |path: &Path| flag::arm(path, &systems, REASON);
            match in_time(path, arm, limits::FLAG).await {
                Ok(None) => {}
                Ok(Some(warning)) => log::warn!("{warning}"),
                Err(error) => log::error!(
                    "cannot write the power-down flag {}: {error}; the UPS will not be told to cut the power",
                    path.display()
                ),
            }
        }
        let Some(command) = &self.command else {
            log::error!("there is no SHUTDOWNCMD: this machine stays up");
            return;
        };
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", command]).stdin(Stdio::null());
        outsider(&mut shell);
        match tokio::process::Command::from(shell).status().await {
            Ok(status) if status.success() => {}
            Ok(status) => log::error!("SHUTDOWNCMD ({command}) failed: {status}"),
            Err(error) => log::error!("cannot run SHUTDOWNCMD ({command}): {error}"),
        }
    }
}

/// Writes `path` beside the runtime: a disk that hangs must not keep the machine from going down.
async fn in_time(
    path: &Path,
    write: impl Fn(&Path) -> io::Result<Option<String>> + Clone + Send + 'static,
    limit: Duration,
) -> io::Result<Option<String>> {
    let (done, written) = oneshot::channel();
    let (own_path, own_write) = (path.to_owned(), write.clone());
    // What became of the thread shows in `written`.
    let _ = std::thread::Builder::new().spawn(move || done.send(own_write(&own_path)));
    match tokio::time::timeout(limit, written).await {
        Ok(Ok(written)) => written,
        Ok(Err(_)) => write(path),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Waits for the end of `work` and tells every so often that we live.
async fn alive_while(work: impl Future<Output = ()>, every: Option<Duration>, tell: impl Fn()) {
    let signs = async {
        let Some(every) = every else {
            return std::future::pending().await;
        };
        loop {
            tell();
            tokio::time::sleep(every).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = signs => {}
    }
}

/// One word is a line for the shell as it is; further words are arguments of the first.
fn shell_line(words: &[String]) -> String {
    let mut line = String::new();
    for (at, word) in words.iter().enumerate() {
        if at == 0 {
            line.push_str(word);
        } else {
            line.push_str(" '");
            line.push_str(&word.replace('\'', r"'\''"));
            line.push('\'');
        }
    }
    line
}

/// The program a line for the shell begins with, if that is certainly none.
fn missing_program(line: &str) -> Option<&str> {
    let program = line.split_ascii_whitespace().next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    if !program.chars().all(plain) || BUILT_IN.contains(&program) {
        return None;
    }
    let runs = |path: &Path| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if program.contains('/') {
        return (!runs(Path::new(program))).then_some(program);
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    let found = std::env::split_paths(&path).any(|dir| runs(&dir.join(program)));
    (!found).then_some(program)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_goes_to_the_shell_as_it_is_and_words_as_arguments() {
        let line = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            shell_line(&words)
        };
        assert_eq!(line(&["/sbin/shutdown -h +0"]), "/sbin/shutdown -h +0");
        assert_eq!(
            line(&["/sbin/shutdown", "-h", "it's"]),
            r"/sbin/shutdown '-h' 'it'\''s'"
        );
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_long_shutdown_command_is_not_taken_for_a_hang() {
        let told = std::cell::Cell::new(0);
        let tell = || told.set(told.get() + 1);
        let work = || tokio::time::sleep(Duration::from_secs(95));
        alive_while(work(), Some(Duration::from_secs(30)), tell).await;
        assert_eq!(told.get(), 4);
        alive_while(work(), None, tell).await;
        assert_eq!(told.get(), 4);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_disk_that_hangs_is_not_waited_for() {
        let path = Path::new("flag");
        let hangs = |_: &Path| {
            std::thread::sleep(Duration::from_secs(2));
            Ok(None)
        };
        let late = in_time(path, hangs, Duration::from_millis(20)).await;
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let said = |path: &Path| Ok(Some(path.display().to_string()));
        let written = in_time(path, said, Duration::from_secs(5)).await;
        assert_eq!(written.unwrap().as_deref(), Some("flag"));
    }

    #[test]
    fn a_program_that_cannot_run_is_told_in_time() {
        for (line, missing) in [
            ("/no/such/shutdown -h", Some("/no/such/shutdown")),
            ("/etc/passwd", Some("/etc/passwd")),
            ("husk-no-such-program", Some("husk-no-such-program")),
            ("/bin/sh -c true", None),
            ("sh", None),
            ("exec poweroff", None),
            ("$HALT now", None),
            ("", None),
        ] {
            assert_eq!(missing_program(line), missing, "{line}");
        }
        let duties = Duties {
            flag: Some("/no/such/dir/killpower".into()),
            command: Some("/no/such/shutdown".to_owned()),
            systems: Vec::new(),
        };
        assert_eq!(duties.flaws().len(), 2);
        assert_eq!(Duties::default().flaws(), Vec::<String>::new());
    }
}
