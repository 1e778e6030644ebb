//! Clients that mean harm, or have lost their mind: the server's memory stays bounded and another client does not wait.
//!
//! Each test takes a quiet moment as its measure and prints how much slower the other client was. What is asserted is
//! generous, because other programs share the machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use husk_tests::process;
use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::Wire;
use rustix::process::Resource;

/// The slowest of a hundred answers to a client beside the hostile ones, on a machine that does other work.
const BEARABLE: Duration = Duration::from_millis(250);
/// How long the other client asks, calm and under attack.
const SPAN: Duration = Duration::from_millis(1500);

/// One test at a time: each measures.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Rig {
    server: Server,
    calm: Duration,
    memory: u64,
    _turn: MutexGuard<'static, ()>,
}

impl Rig {
    fn start() -> Self {
        let turn = alone();
        let mut limit = rustix::process::getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        rustix::process::setrlimit(Resource::Nofile, limit).unwrap();

        let dir = Scratch::new("hostile-clients").unwrap();
        dir.write(
            "ups.conf",
            "[lab]\n  driver = dummy-ups\n  port = lab.dev\n",
        )
        .unwrap();
        dir.write("upsd.users", "").unwrap();
        let outlets: String = (1..40)
            .map(|n| format!("outlet.{n}.desc: the outlet with number {n}\n"))
            .collect();
        dir.write("lab.dev", &format!("ups.status: OL\n{outlets}"))
            .unwrap();
        let pem = husk_tests::root().join("certs/unsafe.server.pem");
        dir.write("upsd.conf", &format!("CERTFILE {}\n", pem.display()))
            .unwrap();
        let server = Server::start_husk(dir).unwrap();
        let mut wire = Wire::connect(server.port).unwrap();
        wait_until(Duration::from_secs(20), || {
            wire.value("lab", "ups.status").unwrap() == "OL"
        })
        .unwrap();
        let calm = slowest(&server);
        let memory = process::memory(server.pid());
        Self {
            server,
            calm,
            memory,
            _turn: turn,
        }
    }

    /// Measures the other client now, and the server's memory against what it was; `room` in kB.
    #[track_caller]
    fn check(&self, what: &str, room: u64) {
        let attacked = slowest(&self.server);
        let grown = process::memory(self.server.pid()).saturating_sub(self.memory);
        let ratio = attacked.as_secs_f64() / self.calm.as_secs_f64();
        eprintln!(
            "{what}: another client's p99 {attacked:?}, calm {:?}, ratio {ratio:.1}; memory +{grown} kB",
            self.calm
        );
        assert!(attacked < BEARABLE, "{what}: {attacked:?}");
        assert!(grown < room, "{what}: {grown} kB more than before");
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.server.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    fn crowd(&self, count: usize) -> Vec<TcpStream> {
        (0..count).map(|_| self.connect()).collect()
    }
}

/// p99 of a client that asks every millisecond or so.
fn slowest(server: &Server) -> Duration {
    let mut wire = Wire::connect(server.port).unwrap();
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < SPAN {
        let asked = Instant::now();
        assert_eq!(wire.value("lab", "ups.status").unwrap(), "OL");
        times.push(asked.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// A hostile client is on another machine: its arithmetic is not to be had here. This thread runs where nothing else does.
fn yield_processors() {
    let this = rustix::thread::gettid();
    rustix::process::setpriority_process(Some(this), 19).unwrap();
}

/// Descriptors this process may have.
fn room() -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile).current;
    usize::try_from(limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX)
}

/// Descriptors the server has.
fn descriptors(server: &Server) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    open.count()
}

/// Writes until the other end takes no more; the number of bytes.
fn stuff(stream: &mut TcpStream, bytes: &[u8], most: usize) -> usize {
    stream.set_nonblocking(true).unwrap();
    let mut sent = 0;
    while sent < most {
        match stream.write(bytes) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // The server may have had enough.
            Err(_) => break,
        }
    }
    stream.set_nonblocking(false).unwrap();
    sent
}

fn line(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    let mut byte = [0];
    while reply.last() != Some(&b'\n') && stream.read(&mut byte).unwrap() == 1 {
        reply.push(byte[0]);
    }
    String::from_utf8(reply).unwrap()
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let rig = Rig::start();
    let mut clients = rig.crowd(20);
    let megabyte = vec![b'x'; 1 << 20];
    for client in &mut clients {
        client.write_all(&megabyte).unwrap();
    }
    rig.check("20 lines of 1 MB", 4 << 10);
    // It is one request after all, and an unknown one.
    clients[0].write_all(b"\nNETVER\n").unwrap();
    assert_eq!(line(&mut clients[0]), "ERR UNKNOWN-COMMAND\n");
    assert_eq!(line(&mut clients[0]), "1.3\n");
}

#[test]
fn clients_that_never_read_are_disconnected() {
    let rig = Rig::start();
    let mut clients = rig.crowd(40);
    let requests = b"LIST VAR lab\n".repeat(1000);
    for client in &mut clients {
        stuff(client, &requests, 1 << 20);
    }
    // 16 kB of replies not taken, and a list, for each.
    rig.check("40 clients that never read", 40 * 80);
    let said = "does not read its replies and is disconnected";
    rig.server
        .wait_for_log(said, Duration::from_secs(20))
        .unwrap();
}

#[test]
fn a_thousand_connects_at_once_are_all_served() {
    let rig = Rig::start();
    let begun = Instant::now();
    let mut clients = rig.crowd(1000);
    for client in &mut clients {
        client.write_all(b"GET VAR lab ups.status\n").unwrap();
    }
    for client in &mut clients {
        assert_eq!(line(client), "VAR lab ups.status \"OL\"\n");
    }
    eprintln!("1,000 connects and answers: {:?}", begun.elapsed());
    rig.check("1,000 connections that have asked once", 20 << 10);
}

#[test]
fn idle_connections_cost_little_and_delay_nobody() {
    let rig = Rig::start();
    let count = 10_000.min(room().saturating_sub(200));
    let clients = rig.crowd(count);
    rig.check(&format!("{count} idle connections"), 2 * count as u64);
    drop(clients);
}

#[test]
fn ten_thousand_connects_leave_nothing_behind() {
    let rig = Rig::start();
    let before = descriptors(&rig.server);
    let begun = Instant::now();
    for round in 0..10_000 {
        let mut client = rig.connect();
        // Some ask, some leave without a word.
        if round % 2 == 0 {
            client.write_all(b"GET VAR lab ups.status\n").unwrap();
        }
    }
    eprintln!(
        "10,000 connects, one after the other: {:?}",
        begun.elapsed()
    );
    rig.check("10,000 connects", 4 << 10);
    wait_until(Duration::from_secs(10), || {
        descriptors(&rig.server) <= before
    })
    .unwrap();
}

/// The first half will send no more but stays; the others are gone without a FIN.
#[test]
fn half_open_sockets_are_let_go() {
    let rig = Rig::start();
    let before = descriptors(&rig.server);
    let (mut stay, gone): (Vec<_>, Vec<_>) = (rig.crowd(500), rig.crowd(500));
    for client in &mut stay {
        client.write_all(b"NETVER\n").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
    }
    for client in &gone {
        let none = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(client, none).unwrap();
    }
    drop(gone);
    rig.check("500 half-closed connections, 500 resets", 4 << 10);
    for client in &mut stay {
        assert_eq!(line(client), "1.3\n");
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    wait_until(Duration::from_secs(10), || {
        descriptors(&rig.server) <= before
    })
    .unwrap();
}

#[test]
fn handshakes_that_stop_midway_delay_nobody() {
    let rig = Rig::start();
    let mut clients = rig.crowd(100);
    for client in &mut clients {
        client.write_all(b"STARTTLS\n").unwrap();
        assert_eq!(line(client), "OK STARTTLS\n");
        // The beginning of a ClientHello.
        client.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    }
    rig.check("100 handshakes that stand still", 8 << 10);
    // They are given up, and the connection with them.
    let mut rest = Vec::new();
    let _ = clients[0].read_to_end(&mut rest);
    rig.server
        .wait_for_log("it took too long", Duration::from_secs(10))
        .unwrap();
}

#[test]
fn random_bytes_are_answered_or_not_but_survived() {
    let rig = Rig::start();
    // xorshift: the same bytes in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = vec![0; 1 << 20];
    for byte in &mut noise {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[3];
    }
    let mut clients = rig.crowd(20);
    for client in &mut clients {
        stuff(client, &noise, noise.len());
    }
    rig.check("20 clients that send noise", 8 << 10);
}

#[test]
fn floods_of_requests_wait_for_everybody_else() {
    let rig = Rig::start();
    let over = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = [&b"GET VAR lab ups.status\n"[..], b"LIST VAR lab\n"]
        .into_iter()
        .map(|request| {
            let mut reader = rig.connect();
            let mut writer = reader.try_clone().unwrap();
            let requests = request.repeat(200);
            let (over, over_too) = (Arc::clone(&over), Arc::clone(&over));
            let writing = std::thread::spawn(move || {
                yield_processors();
                while !over.load(Ordering::Relaxed) && writer.write_all(&requests).is_ok() {}
                let _ = writer.shutdown(std::net::Shutdown::Both);
            });
            let reading = std::thread::spawn(move || {
                yield_processors();
                let mut bytes = vec![0; 1 << 16];
                while !over_too.load(Ordering::Relaxed)
                    && matches!(reader.read(&mut bytes), Ok(length) if length > 0)
                {}
            });
            [writing, reading]
        })
        .collect();
    rig.check("two floods of requests", 4 << 10);
    over.store(true, Ordering::Relaxed);
    for thread in floods.into_iter().flatten() {
        thread.join().unwrap();
    }
}
