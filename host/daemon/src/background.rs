//! A daemon in the background: the same program started once more, and waited for until it serves.
//!
//! A fork would do the same, but not in a program that may have threads; being told over the service manager's socket
//! costs nothing extra. Refuses to leave without a word: the child's is repeated until it is ready.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, getpid};

/// Marks the process that runs in the background.
const BACKGROUND: &str = "HUSK_IN_BACKGROUND";
/// How long a daemon in the background may take to start before its parent gives up waiting, not on it.
const START: Duration = Duration::from_secs(120);

/// PID files are read by everybody and written by nobody else, whatever the umask is.
const PID_MODE: u32 = 0o644;
/// Bytes of a PID file; a number has ten digits at most.
const PID_BYTES: u64 = 32;

/// Whether this is the process in the background.
#[must_use]
pub fn is_child() -> bool {
    std::env::var_os(BACKGROUND).is_some()
}

/// Leaves the terminal of the parent.
pub fn leave_terminal() {
    if let Err(error) = rustix::process::setsid() {
        log::warn!("cannot leave the terminal: {error}");
    }
}

/// Prepares a program that is not ours: what the service manager, the parent or we ourselves (`HUSK_...`) told this process alone is not
/// handed on, or an `upsmon -c fsd` in a script would take itself for a part of us. In the background neither is stderr, on which nobody
/// listens any more, so that writing to it would end the program.
pub fn outsider(command: &mut Command) {
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"HUSK_") {
            command.env_remove(name);
        }
    }
    if is_child() {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
}

/// Tells the parent, or the service manager, that this process serves now.
pub fn ready() {
    crate::notify(crate::Phase::Ready);
}

/// Starts `husk WORD WORDS...` in the background and waits until it says that it is ready, or has ended.
///
/// # Errors
/// A sentence: no process can be started.
pub fn start(tool: &str, words: Vec<OsString>) -> Result<ExitCode, String> {
    let failed =
        |error: std::io::Error| format!("Fatal error: cannot go into the background: {error}");
    let name = format!("husk-start-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).map_err(failed)?;
    let ready = UnixDatagram::bind_addr(&address).map_err(failed)?;
    ready
        .set_read_timeout(Some(Duration::from_millis(100)))
        .map_err(failed)?;
    // Not our stderr itself: whoever waits for its end would wait for the daemon's.
    let (mut words_of_child, stderr) = UnixStream::pair().map_err(failed)?;
    words_of_child.set_nonblocking(true).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .arg(tool)
        .args(words)
        .env(BACKGROUND, "1")
        .env("NOTIFY_SOCKET", format!("@{name}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(OwnedFd::from(stderr))
        .spawn()
        .map_err(failed)?;
    let exit = wait_until_ready(tool, &ready, &mut words_of_child, &mut child).map_err(failed)?;
    repeat(&mut words_of_child);
    Ok(exit)
}

/// Says what the child has said so far.
fn repeat(words_of_child: &mut UnixStream) {
    // Ends with "would block"; a closed stderr of ours is no reason to fail.
    let _ = std::io::copy(words_of_child, &mut std::io::stderr());
}

fn wait_until_ready(
    tool: &str,
    ready: &UnixDatagram,
    words_of_child: &mut UnixStream,
    child: &mut Child,
) -> std::io::Result<ExitCode> {
    let mut heard = [0; 64];
    let start = std::time::Instant::now();
    while start.elapsed() < START {
        repeat(words_of_child);
        if ready.recv(&mut heard).is_ok_and(|length| length > 0) {
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
    }
    eprintln!("{tool} takes long to start; it goes on in the background");
    Ok(ExitCode::SUCCESS)
}

/// The directory of the PID files of servers and drivers: NUT_ALTPIDPATH, else `state_path`.
#[must_use]
pub fn pid_dir(state_path: PathBuf) -> PathBuf {
    let given = std::env::var_os("NUT_ALTPIDPATH").filter(|path| !path.is_empty());
    given.map_or(state_path, PathBuf::from)
}

/// Writes this process's id. A link in the file's place is replaced and never followed: the directory may belong to a user whom
/// root, who calls this, does not trust.
///
/// # Errors
/// What the system says.
pub fn write_pid(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(PID_MODE)
        .open(file)?;
    writeln!(file, "{}", std::process::id())
}

/// Removes the file if it names this process.
pub fn remove_pid(file: &Path) {
    remove_pid_of(file, getpid());
}

/// Removes the file if it names `process`.
pub fn remove_pid_of(file: &Path, process: Pid) {
    if read_pid(file) == Some(process) {
        // Gone already is as good.
        let _ = std::fs::remove_file(file);
    }
}

/// The process of the PID file, if it lives, is another one and has one of the names: a number that was given to
/// another program does not count, unless NUT_IGNORE_CHECKPROCNAME is set.
#[must_use]
pub fn running(file: &Path, names: &[&str]) -> Option<Pid> {
    let pid = read_pid(file).filter(|pid| *pid != getpid())?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let unchecked = std::env::var_os("NUT_IGNORE_CHECKPROCNAME").is_some();
    (unchecked || names.iter().any(|known| short(known) == name.trim())).then_some(pid)
}

/// Shows `name` where the system lists processes: the program itself is called husk.
pub fn call_itself(name: &OsStr) {
    // Only for people; without /proc nobody sees names anyway.
    let _ = std::fs::write("/proc/self/comm", name.as_encoded_bytes());
}

fn read_pid(file: &Path) -> Option<Pid> {
    // Neither a pipe in its place nor a file without end holds anybody up.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(nonblocking).open(file);
    let mut text = String::new();
    file.ok()?.take(PID_BYTES).read_to_string(&mut text).ok()?;
    pid(&text)
}

/// A process id as written by somebody; `None` for numbers that the system takes for groups, or for everybody.
#[must_use]
pub fn pid(text: &str) -> Option<Pid> {
    let number = text.trim().parse().ok().filter(|number: &i32| *number > 0);
    Pid::from_raw(number?)
}

/// The kernel keeps 15 bytes of a process's name.
fn short(name: &str) -> &str {
    name.get(..15).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn a_pid_file_replaces_a_link_and_names_one_process() {
        let dir = std::env::temp_dir().join(format!("husk-pid-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let (file, treasure) = (dir.join("pid"), dir.join("treasure"));
        fs::write(&treasure, "gold").unwrap();
        std::os::unix::fs::symlink(&treasure, &file).unwrap();
        write_pid(&file).unwrap();
        assert_eq!(fs::read_to_string(&treasure).unwrap(), "gold");
        assert!(fs::symlink_metadata(&file).unwrap().is_file());
        assert_eq!(read_pid(&file), Some(getpid()));
        remove_pid_of(&file, pid("1").unwrap());
        assert!(file.exists());
        remove_pid(&file);
        assert!(!file.exists());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_process_id_is_one_process() {
        assert!(pid(" 17\n").is_some());
        for text in ["", "0", "-1", "x", "99999999999"] {
            assert_eq!(pid(text), None, "{text}");
        }
    }
}
