//! Asking the person at the terminal: a line on stdin, or a password that is not shown.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::tool::{Fatal, print};

/// Bytes of a password read at most, as of a word on the wire.
const SECRET: u64 = 512;

/// Asks on stdout for a line on stdin.
///
/// # Errors
/// There is none.
pub(crate) fn line(question: &str) -> Result<String, Fatal> {
    print(question);
    let _ = io::stdout().flush();
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(count) if count > 0 => Ok(answer.trim_end_matches(['\r', '\n']).to_owned()),
        _ => Err(Fatal("Error reading from stdin!".to_owned())),
    }
}

/// Asks for a password without showing it: on the terminal if there is one, else on stderr and stdin. No answer is an empty
/// one.
pub(crate) fn secret(question: &str) -> String {
    match OpenOptions::new().read(true).write(true).open("/dev/tty") {
        Ok(terminal) => {
            let asked = (&terminal).write_all(question.as_bytes());
            let _silence = Silence::on(&terminal);
            let answer = asked.and_then(|()| read_secret(BufReader::new(&terminal)));
            let _ = (&terminal).write_all(b"\n");
            answer
        }
        Err(_) => {
            eprint!("{question}");
            read_secret(io::stdin().lock())
        }
    }
    .unwrap_or_default()
}

/// The name of who runs the program.
pub(crate) fn own_name() -> Option<String> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    users
        .lines()
        .find(|user| user.split(':').nth(2) == Some(&uid))
        .and_then(|user| user.split(':').next())
        .map(str::to_owned)
        .or_else(|| std::env::var("LOGNAME").ok())
}

fn read_secret(from: impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.take(SECRET).read_until(b'\n', &mut line)?;
    let secret = String::from_utf8_lossy(&line);
    Ok(secret.trim_end_matches(['\r', '\n']).to_owned())
}

/// Echo is off while this lives.
struct Silence<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn on(terminal: &'a File) -> Option<Self> {
        let before = tcgetattr(terminal.as_fd()).ok()?;
        let mut silent = before.clone();
        // Signals wait too: nobody wants to be left with a terminal that shows nothing.
        silent
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(terminal.as_fd(), OptionalActions::Flush, &silent).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal.as_fd(), OptionalActions::Now, &self.before);
    }
}
