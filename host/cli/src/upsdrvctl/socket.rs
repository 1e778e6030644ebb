//! A few words with a driver over its socket: is it there, who is it, what is its status, do this.
//!
//! Every conversation ends within its time; what a driver says beyond its limit is not read.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A driver that lives answers at once; one in the middle of a slow poll answers after it.
const ANSWER: Duration = Duration::from_secs(5);
/// A whole dump of the largest device is about 100 KiB.
const MOST_BYTES: u64 = 4 << 20;

/// What a driver says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// It answered a ping.
    pub(super) responsive: bool,
    /// Its process, if it is new enough to tell.
    pub(super) pid: Option<i32>,
    /// Its `ups.status`, with quotes.
    pub(super) status: Option<String>,
}

/// Asks the driver of the socket.
pub(super) fn ask(socket: &Path) -> Answer {
    let mut answer = Answer::default();
    // Whatever ends the conversation: what was said until then holds.
    let _ = converse(
        socket,
        "NOBROADCAST\nPING\nGETPID\nDUMPALL\n",
        ANSWER,
        |line| {
            if line == "PONG" {
                answer.responsive = true;
            } else if let Some(pid) = line.strip_prefix("PID ") {
                answer.pid = pid.trim().parse().ok();
            } else if let Some(value) = line.strip_prefix("SETINFO ups.status ") {
                answer.status = Some(value.to_owned());
            }
            line == "DUMPDONE"
        },
    );
    answer
}

/// Has the driver run an instant command; the code it answers with, 0 being well done. A driver that hangs up has
/// obeyed `driver.exit`: `None`.
///
/// # Errors
/// Nobody listens, or no answer in time.
pub(super) fn command(socket: &Path, name: &str, patience: Duration) -> io::Result<Option<u8>> {
    // Told apart from other clients' requests by the connection already; the id only has to be one.
    let id = format!("upsdrvctl-{}", std::process::id());
    let prefix = format!("TRACKING {id} ");
    let mut code = None;
    let request = format!("NOBROADCAST\nINSTCMD {name} TRACKING {id}\n");
    converse(socket, &request, patience, |line| {
        let found = line.strip_prefix(&prefix);
        code = found.and_then(|code| code.trim().parse().ok());
        found.is_some()
    })?;
    Ok(code)
}

/// Sends a request and reads lines until one is the last, the driver hangs up or time is up.
fn converse(
    socket: &Path,
    request: &str,
    patience: Duration,
    mut is_last: impl FnMut(&str) -> bool,
) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let deadline = Instant::now() + patience;
    let mut reader = BufReader::new(stream).take(MOST_BYTES);
    let mut line = String::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        reader.get_ref().get_ref().set_read_timeout(Some(left))?;
        line.clear();
        if reader.read_line(&mut line)? == 0 || is_last(line.trim_end()) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::net::UnixListener;

    fn driver(name: &str, says: &'static str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("husk-drv-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 256];
            let length = stream.read(&mut heard).unwrap();
            let text = String::from_utf8_lossy(heard.get(..length).unwrap()).into_owned();
            let id = text.rsplit(' ').next().unwrap().trim().to_owned();
            stream
                .write_all(says.replace("<ID>", &id).as_bytes())
                .unwrap();
        });
        path
    }

    #[test]
    fn what_a_driver_says_of_itself() {
        let path = driver(
            "new",
            "PONG\nPID 12\nSETINFO ups.status \"OL LB\"\nDATAOK\nDUMPDONE\n",
        );
        let answer = ask(&path);
        assert!(answer.responsive);
        assert_eq!(
            (answer.pid, answer.status.as_deref()),
            (Some(12), Some("\"OL LB\""))
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(ask(&path), Answer::default());
    }

    #[test]
    fn commands_have_codes_and_hanging_up_is_an_answer() {
        let path = driver(
            "code",
            "SETINFO x \"1\"\nTRACKING other 0\nTRACKING <ID> 2\n",
        );
        let patience = Duration::from_secs(5);
        assert_eq!(command(&path, "driver.reload", patience).unwrap(), Some(2));
        std::fs::remove_file(&path).unwrap();
        let path = driver("gone", "");
        assert_eq!(command(&path, "driver.exit", patience).unwrap(), None);
        std::fs::remove_file(&path).unwrap();
        assert!(command(&path, "driver.exit", patience).is_err());
    }
}
