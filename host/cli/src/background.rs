//! A daemon in the background: the same program started once more, and waited for until it serves.
//!
//! A fork would do the same, but not in a program that may have threads; being told over the service manager's socket
//! costs nothing extra. Refuses to leave without a word: the child's is repeated until it is ready.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, getpid};

/// Marks the process that runs in the background.
const BACKGROUND: &str = "HUSK_IN_BACKGROUND";
/// How long a daemon in the background may take to start before its parent gives up waiting, not on it.
const START: Duration = Duration::from_secs(120);

/// Whether this is the process in the background.
pub(crate) fn is_child() -> bool {
    std::env::var_os(BACKGROUND).is_some()
}

/// Leaves the terminal of the parent.
pub(crate) fn leave_terminal() {
    if let Err(error) = rustix::process::setsid() {
        log::warn!("cannot leave the terminal: {error}");
    }
}

/// Tells the parent, or the service manager, that this process serves now.
pub(crate) fn ready() {
    husk_server::notify(husk_server::Phase::Ready);
}

/// Starts `husk WORD WORDS...` in the background and waits until it says that it is ready, or has ended.
///
/// # Errors
/// A sentence: no process can be started.
pub(crate) fn start(tool: &str, words: Vec<OsString>) -> Result<ExitCode, String> {
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
pub(crate) fn pid_dir(state_path: PathBuf) -> PathBuf {
    let given = std::env::var_os("NUT_ALTPIDPATH").filter(|path| !path.is_empty());
    given.map_or(state_path, PathBuf::from)
}

/// Writes this process's id.
///
/// # Errors
/// What the system says.
pub(crate) fn write_pid(file: &Path) -> std::io::Result<()> {
    std::fs::write(file, format!("{}\n", std::process::id()))
}

/// Removes the file if it names this process.
pub(crate) fn remove_pid(file: &Path) {
    if read_pid(file) == Some(getpid()) {
        // Gone already is as good.
        let _ = std::fs::remove_file(file);
    }
}

/// The process of the PID file, if it lives, is another one and has one of the names: a number that was given to
/// another program does not count, unless NUT_IGNORE_CHECKPROCNAME is set.
pub(crate) fn running(file: &Path, names: &[&str]) -> Option<Pid> {
    let pid = read_pid(file).filter(|pid| *pid != getpid())?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let unchecked = std::env::var_os("NUT_IGNORE_CHECKPROCNAME").is_some();
    (unchecked || names.iter().any(|known| short(known) == name.trim())).then_some(pid)
}

/// Shows `name` where the system lists processes: the program itself is called husk.
pub(crate) fn call_itself(name: &OsStr) {
    // Only for people; without /proc nobody sees names anyway.
    let _ = std::fs::write("/proc/self/comm", name.as_encoded_bytes());
}

fn read_pid(file: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(file).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// The kernel keeps 15 bytes of a process's name.
fn short(name: &str) -> &str {
    name.get(..15).unwrap_or(name)
}
