//! A driver program of NUT's kind as a child process: found in `driverpath`, started with `-a NAME -F`, its words
//! logged, ended by its process id.
//!
//! Refuses what `driver =` must not name (a path) and programs that everybody may write. Decides nothing about
//! when to start again.

use crate::limits;
use crate::published::lock;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Where distributions put driver programs, for a ups.conf without `driverpath`.
const USUAL_PATHS: [&str; 3] = ["/lib/nut", "/usr/lib/nut", "/usr/libexec/nut"];

/// Looks for the program of `driver = name`.
///
/// # Errors
/// A sentence: there is none, or it must not be run.
pub(crate) fn find(name: &str, driver_path: Option<&str>) -> Result<PathBuf, String> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(format!("`driver = {name}` is not the name of a program"));
    }
    let given = driver_path.map(|path| vec![path]);
    let places = given.unwrap_or_else(|| USUAL_PATHS.to_vec());
    let mut programs = places.iter().map(|place| Path::new(place).join(name));
    let Some(path) = programs.find(|path| path.is_file()) else {
        return Err(format!(
            "there is no driver program {name} in {}",
            places.join(", ")
        ));
    };
    let meta = path.metadata().map_err(|error| error.to_string())?;
    if meta.mode() & 0o111 == 0 {
        return Err(format!("{} is not executable", path.display()));
    }
    if meta.mode() & 0o002 != 0 {
        return Err(format!(
            "everybody may write {}; chmod o-w it",
            path.display()
        ));
    }
    Ok(path)
}

/// What a driver program is told.
pub(crate) struct Start<'a> {
    /// The program.
    pub(crate) path: &'a Path,
    /// The section it drives.
    pub(crate) ups: &'a str,
    /// Where its ups.conf is.
    pub(crate) config_dir: &'a Path,
    /// Where its socket goes.
    pub(crate) state_path: &'a Path,
}

impl Start<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.path);
        command
            .args(["-a", self.ups])
            .env("NUT_CONFPATH", self.config_dir)
            .env("NUT_STATEPATH", self.state_path)
            .env("NUT_ALTPIDPATH", self.state_path)
            // Readiness is the server's to tell.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Has the program cut the power of the load, in a run of its own; none may be running.
    ///
    /// # Errors
    /// A sentence: it could not, or took too long.
    pub(crate) async fn cut_power(&self) -> Result<(), String> {
        let mut program = self.run("-k")?;
        match timeout(limits::PROGRAM_POWER, program.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => Err(program.ended().await),
            Err(_) => Err("its driver program takes too long to cut the power".to_owned()),
        }
    }

    /// Starts the program as a driver.
    ///
    /// # Errors
    /// A sentence: the system does not run it.
    pub(crate) fn drive(&self) -> Result<Program, String> {
        self.run("-F")
    }

    fn run(&self, how: &str) -> Result<Program, String> {
        let spawned = self.command().arg(how).spawn();
        let mut child =
            spawned.map_err(|error| format!("cannot start {}: {error}", self.path.display()))?;
        let last = Arc::new(Mutex::new(String::new()));
        let words = child
            .stderr
            .take()
            .map(|words| tokio::spawn(relay(words, self.ups.to_owned(), Arc::clone(&last))));
        Ok(Program { child, words, last })
    }
}

/// A running driver program. Dropping it kills the process; [`Program::stop`] is the polite way.
pub(crate) struct Program {
    child: Child,
    /// Reads what it says.
    words: Option<JoinHandle<()>>,
    /// What it said last, for whoever asks why it ended.
    last: Arc<Mutex<String>>,
}

impl Program {
    /// The process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end; why it ended. May be dropped and asked again.
    pub(crate) async fn ended(&mut self) -> String {
        let how = match self.child.wait().await {
            Ok(status) => described(status),
            Err(error) => error.to_string(),
        };
        if let Some(words) = &mut self.words {
            // Not waited for without end: a process of its own that it left behind may hold the pipe open.
            let _ = timeout(limits::PROGRAM_WORDS, words).await;
            self.words = None;
        }
        let last = lock(&self.last).clone();
        if last.is_empty() {
            format!("its driver program ended ({how})")
        } else {
            format!("its driver program ended ({how}); its last words: {last}")
        }
    }

    /// Asks it to end, and kills it if it takes too long.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        // No id: it has ended. The id cannot be another's, since nobody has waited for this child yet.
        if let Some(id) = id.and_then(Pid::from_raw) {
            // Fails only when it has just ended.
            let _ = kill_process(id, Signal::TERM);
        }
        if timeout(limits::PROGRAM_STOP, self.child.wait())
            .await
            .is_err()
        {
            log::warn!("a driver program did not end in time and is killed");
            // Fails only when it has just ended.
            let _ = self.child.kill().await;
        }
    }
}

fn described(status: ExitStatus) -> String {
    // "exit status: 1", "signal: 15 (SIGTERM)"
    status.to_string()
}

/// Writes what the program says to the log, a bounded part of it.
async fn relay(words: impl AsyncRead + Unpin, ups: String, last: Arc<Mutex<String>>) {
    let mut reader = BufReader::with_capacity(limits::PROGRAM_LINE, words);
    let mut line = Vec::new();
    let mut count = 0_u32;
    // A reader's buffer at a time, so that a line without end needs no more memory than that.
    while let Ok(chunk) = reader.fill_buf().await {
        if chunk.is_empty() {
            return;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(chunk.len(), |end| end + 1);
        let room = limits::PROGRAM_LINE.saturating_sub(line.len());
        line.extend(chunk.iter().take(end.unwrap_or(length).min(room)));
        reader.consume(length);
        if end.is_none() {
            continue;
        }
        let text = readable(&line);
        line.clear();
        if text.is_empty() {
            continue;
        }
        count = count.saturating_add(1);
        if count <= limits::PROGRAM_LINES {
            log::info!("UPS [{ups}]: its driver says: {text}");
        } else {
            log::debug!("UPS [{ups}]: its driver says: {text}");
        }
        *lock(&last) = text;
    }
}

fn readable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let visible = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>();
    visible.trim().to_owned()
}
