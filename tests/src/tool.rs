//! Client tools and a raw line client: what a test says to a server and what came back.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A server that takes longer to answer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tools {
    /// `husk upsc` and so on.
    Husk,
    /// Debian's nut-client.
    Incumbent,
}

/// What a tool printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code; `None`: ended by a signal.
    pub code: Option<i32>,
}

/// Runs a client tool to its end.
pub fn run(tools: Tools, name: &str, arguments: &[&str]) -> io::Result<Outcome> {
    let mut command = match tools {
        Tools::Husk => {
            let mut command = Command::new(crate::husk_binary());
            command.arg(name);
            command
        }
        Tools::Incumbent => Command::new(PathBuf::from("/usr/bin").join(name)),
    };
    let output = command
        .args(arguments)
        .env("NUT_QUIET_INIT_SSL", "true")
        .stdin(Stdio::null())
        .output()?;
    Ok(Outcome {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    })
}

/// A plain connection that sends lines and reads replies.
pub struct Wire {
    reader: BufReader<TcpStream>,
}

impl Wire {
    /// Connects to a loopback port.
    pub fn connect(port: u16) -> io::Result<Self> {
        Self::connect_to(Ipv4Addr::LOCALHOST, port)
    }

    /// Connects to a machine.
    pub fn connect_to(address: Ipv4Addr, port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&(address, port).into(), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    /// Sends raw bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Reads one line, without its line feed; an empty string at the end of the connection.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        Ok(line.trim_end_matches('\n').to_owned())
    }

    /// Sends one request and reads its whole reply: one line, or a list to its end.
    pub fn ask(&mut self, request: &str) -> io::Result<String> {
        self.send(format!("{request}\n").as_bytes())?;
        let mut reply = self.line()?;
        if reply.starts_with("BEGIN LIST") {
            loop {
                let line = self.line()?;
                reply.push('\n');
                reply.push_str(&line);
                if line.starts_with("END LIST") || line.is_empty() {
                    break;
                }
            }
        }
        Ok(reply)
    }

    /// The value in the reply to `GET VAR`, or the error line.
    pub fn value(&mut self, ups: &str, variable: &str) -> io::Result<String> {
        let reply = self.ask(&format!("GET VAR {ups} {variable}"))?;
        let prefix = format!("VAR {ups} {variable} \"");
        Ok(match reply.strip_prefix(&prefix) {
            Some(value) => value.trim_end_matches('"').to_owned(),
            None => reply,
        })
    }
}
