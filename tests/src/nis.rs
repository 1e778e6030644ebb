//! A network information server as apcupsd has one, answering with any report, and badly where it is told to.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Who takes longer to read has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether it should stop.
const TICK: Duration = Duration::from_millis(10);

/// How it misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Accepts and says nothing.
    Silent,
    /// One byte in 50 ms: a report takes a minute.
    Slow,
    /// Hangs up in the middle.
    Cut,
    /// Says something that is no report.
    Garbage,
    /// Hangs up at once.
    Refuse,
}

/// A server at work until dropped.
#[derive(Debug)]
pub struct Nis {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    report: Mutex<String>,
    fault: Mutex<Fault>,
    asked: AtomicU32,
    stop: AtomicBool,
}

impl Nis {
    /// Starts one on a free port of loopback.
    pub fn start(report: &str) -> io::Result<Self> {
        Self::start_on(0, report)
    }

    /// Starts one on a port, such as that of one that is gone.
    pub fn start_on(port: u16, report: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("nis".to_owned())
            .spawn(move || {
                while !seen.stop.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok((client, _)) => {
                            let shared = Arc::clone(&seen);
                            thread::spawn(move || drop(shared.serve(client)));
                        }
                        Err(_) => thread::sleep(TICK),
                    }
                }
            })?;
        let nis = Self {
            port,
            shared,
            thread: Some(thread),
        };
        nis.set(report);
        Ok(nis)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// What it answers from now on.
    pub fn set(&self, report: &str) {
        let mut known = self
            .shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        report.clone_into(&mut known);
    }

    /// Puts another value into the report.
    pub fn change(&self, key: &str, value: &str) {
        let mut known = self
            .shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let line = |line: &str| match line.split_once(':') {
            Some((name, _)) if name.trim_end() == key => format!("{key:<9}: {value}\n"),
            _ => format!("{line}\n"),
        };
        *known = known.lines().map(line).collect();
    }

    /// How it misbehaves from now on.
    pub fn fault(&self, fault: Fault) {
        *self
            .shared
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

impl Drop for Nis {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// As the daemon does: any number of questions on a connection.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nonblocking(false)?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.set_write_timeout(Some(PATIENCE))?;
        client.set_nodelay(true)?;
        let mut question = [0; 8];
        loop {
            client.read_exact(&mut question)?;
            self.asked.fetch_add(1, Ordering::Relaxed);
            let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            let report = self
                .report
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let answer = wire(&report);
            match fault {
                Fault::None if question == *b"\x00\x06status" => client.write_all(&answer)?,
                Fault::None => client.write_all(b"\x00\x11Invalid command\n\x00\x00\x00")?,
                Fault::Silent => thread::sleep(PATIENCE * 3),
                Fault::Slow => {
                    for byte in answer {
                        client.write_all(&[byte])?;
                        thread::sleep(TICK * 5);
                    }
                }
                Fault::Cut => {
                    client.write_all(answer.get(..answer.len() / 2).unwrap_or_default())?;
                    return Ok(());
                }
                Fault::Garbage => client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?,
                Fault::Refuse => return Ok(()),
            }
        }
    }
}

/// A report on the wire: each line with its length before it, then a length of nothing.
fn wire(report: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in report.lines() {
        let line = format!("{}\n", line.trim_end_matches('\r'));
        let length = u16::try_from(line.len()).unwrap_or_default();
        bytes.extend(length.to_be_bytes());
        bytes.extend(line.as_bytes());
    }
    bytes.extend([0, 0]);
    bytes
}
