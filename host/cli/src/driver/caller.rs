//! The other end of a driver's socket, for programs that ask one thing and go.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use husk_core::proto::driver::{outcome, put_request};
use husk_core::proto::session::What;
use husk_core::proto::tracking::{self, Outcome};

/// Lines are not longer; a driver that sends one is not listened to.
const LINE: u64 = 4096;
/// How long a driver may take to read a request.
const WRITE: Duration = Duration::from_secs(5);

/// A connection to a running driver.
pub(crate) struct Caller {
    reader: BufReader<UnixStream>,
}

impl Caller {
    /// Connects, wanting no news.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_write_timeout(Some(WRITE))?;
        let mut caller = Self {
            reader: BufReader::new(stream),
        };
        caller.say(b"NOBROADCAST\n")?;
        Ok(caller)
    }

    /// Asks for something and waits until it is done; without `patience` as long as the driver lives.
    ///
    /// # Errors
    /// The driver ended, or did not answer in time.
    pub(crate) fn ask(&mut self, what: &What, patience: Option<Duration>) -> io::Result<Outcome> {
        let id = id()?;
        let mut request = Vec::new();
        put_request(what, Some(&id), &mut request);
        self.say(&request)?;
        let until = patience.map(|patience| Instant::now() + patience);
        loop {
            let line = self.line(until)?;
            let mut words = line.split_ascii_whitespace();
            if words.next() == Some("TRACKING")
                && words
                    .next()
                    .is_some_and(|theirs| theirs.eq_ignore_ascii_case(&id))
            {
                let code = words.next().unwrap_or_default();
                return Ok(outcome(code).unwrap_or(Outcome::Failed));
            }
        }
    }

    /// Asks without an answer.
    ///
    /// # Errors
    /// The driver does not read.
    pub(crate) fn say(&mut self, line: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(line)
    }

    /// Waits until the driver closes the connection; false if it does not in time.
    pub(crate) fn ends_within(&mut self, patience: Duration) -> bool {
        let until = Some(Instant::now() + patience);
        loop {
            match self.line(until) {
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::TimedOut,
            }
        }
    }

    fn line(&mut self, until: Option<Instant>) -> io::Result<String> {
        let left = match until {
            None => None,
            Some(until) => match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Some(left),
                _ => return Err(io::ErrorKind::TimedOut.into()),
            },
        };
        self.reader.get_ref().set_read_timeout(left)?;
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(LINE).read_until(b'\n', &mut line);
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(String::from_utf8_lossy(&line).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::ErrorKind::TimedOut.into())
            }
            Err(error) => Err(error),
        }
    }
}

/// An id no other request has.
fn id() -> io::Result<String> {
    let mut random = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(tracking::id(random))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A driver that answers the first request with `reply`, in which ID stands for the id asked with.
    fn driver(
        name: &str,
        reply: &'static str,
    ) -> (std::path::PathBuf, std::thread::JoinHandle<()>) {
        let path = std::env::temp_dir().join(format!("husk-caller-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let life = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut first, mut line) = (String::new(), String::new());
            reader.read_line(&mut first).unwrap();
            assert_eq!(first, "NOBROADCAST\n");
            reader.read_line(&mut line).unwrap();
            let id = line.split_ascii_whitespace().last().unwrap();
            let reply = reply.replace("ID", &id.to_lowercase());
            reader.get_mut().write_all(reply.as_bytes()).unwrap();
        });
        (path, life)
    }

    fn exit() -> What {
        What::Command {
            name: "driver.exit".to_owned(),
            value: None,
        }
    }

    #[test]
    fn an_answer_is_known_by_its_id() {
        let (path, life) = driver("id", "SETINFO a \"b\"\nTRACKING other 1\nTRACKING ID 2\n");
        let mut caller = Caller::connect(&path).unwrap();
        let outcome = caller.ask(&exit(), Some(Duration::from_secs(5))).unwrap();
        assert_eq!(outcome, Outcome::Invalid);
        assert!(caller.ends_within(Duration::from_secs(5)));
        life.join().unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn who_hangs_up_or_is_not_there_is_an_error() {
        let (path, life) = driver("gone", "PONG\n");
        let mut caller = Caller::connect(&path).unwrap();
        assert!(caller.ask(&exit(), None).is_err());
        life.join().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(Caller::connect(&path).is_err());
    }
}
