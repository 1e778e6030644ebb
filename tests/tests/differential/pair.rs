//! One connection to each server, what comes back, and what of it can be equal.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

use husk_tests::rig::Server;
use rustix::net::{self, AddressFamily, SocketType};

/// What ends a request no server can read; it gets no answer.
pub(crate) const UNREADABLE: &[u8] = b"# x\n";
/// Answered by nothing else, so it shows where the answer before it ends.
const SENTINEL: &[u8] = b"GET VAR sentinel server.version\n";
/// How long a server may take; one that is busy must not look silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to each server.
pub(crate) struct Pair(pub(crate) [BufReader<TcpStream>; 2]);

impl Pair {
    /// From a loopback address of its own: ours makes an address that guessed wrong passwords wait.
    pub(crate) fn connect(servers: &[Server; 2], from: usize) -> Self {
        let [.., high, low] = from.to_be_bytes();
        let from = SocketAddrV4::new(Ipv4Addr::new(127, 1, high, low), 0);
        Self(servers.each_ref().map(|server| {
            let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, server.port);
            let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
            net::bind(&socket, &from).unwrap();
            net::connect(&socket, &to).unwrap();
            let stream = TcpStream::from(socket);
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            BufReader::new(stream)
        }))
    }

    /// What each server says to the bytes: a line, a list to its end, or nothing.
    pub(crate) fn ask(&mut self, bytes: &[u8]) -> [String; 2] {
        for stream in &mut self.0 {
            let _ = stream.get_mut().write_all(bytes);
        }
        if bytes
            .windows(UNREADABLE.len())
            .any(|part| part == UNREADABLE)
        {
            // Such a request takes the rest of its read with it.
            std::thread::sleep(Duration::from_millis(200));
        }
        self.0.each_mut().map(|stream| {
            let _ = stream.get_mut().write_all(SENTINEL);
            let mut said = String::new();
            loop {
                let reply = reply(stream).unwrap_or_else(|error| format!("({})\n", error.kind()));
                if reply.starts_with("VAR sentinel ") {
                    return said;
                }
                said += &reply;
                if reply.starts_with('(') || reply == "OK Goodbye\n" {
                    return said;
                }
            }
        })
    }
}

fn reply(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        // The incumbent writes line by line and waits 40 ms for each acknowledgement that is put off.
        net::sockopt::set_tcp_quickack(stream.get_ref(), true)?;
        if stream.read_line(&mut line)? == 0 {
            return Ok(text + "(closed)\n");
        }
        let more =
            line.starts_with("BEGIN LIST ") || !text.is_empty() && !line.starts_with("END LIST ");
        text += &line;
        if !more {
            return Ok(text);
        }
    }
}

/// Drivers' own variables and those of versions; Debian's programs are 2.8.0.
const VERSIONED: &[&str] = &["driver.", "server."];
/// Commands that drivers of 2.8.5 have and Debian's 2.8.0 has not.
const NEWER_COMMANDS: &[&str] = &["driver.killpower", "driver.reload", "shutdown.default"];

/// The reply without what cannot be equal.
pub(crate) fn comparable(reply: &str) -> String {
    let mut lines = Vec::new();
    for line in reply.lines() {
        let name = line.split(' ').nth(2).unwrap_or_default();
        let starts = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
        lines.push(match line {
            _ if line.starts_with("Network UPS Tools upsd ") => "(version)".to_owned(),
            _ if line.starts_with("OK TRACKING ") => "OK TRACKING (id)".to_owned(),
            _ if line.starts_with("VAR ") && name == "server.info" => "(version)".to_owned(),
            _ if starts(VERSIONED) && !line.starts_with("DESC") => continue,
            _ if starts(NEWER_COMMANDS) && line.starts_with("CMD ") => continue,
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}
