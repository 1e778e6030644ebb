//! WATCH, the extension of the protocol: whoever asked for it is told at once when something changes that decides about a
//! shutdown, and NUT's own server says that it does not know it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::tool::Wire;

fn start(which: Which) -> Server {
    let dir = Scratch::new("watch").unwrap();
    dir.write(
        "ups.conf",
        "[lab]\n  driver = dummy-ups\n  port = lab.dev\n  mode = dummy-once\n",
    )
    .unwrap();
    dir.write("lab.dev", "ups.status: OL\nups.id: before\n")
        .unwrap();
    dir.write(
        "upsd.users",
        "[admin]\n  password = watch\n  actions = SET FSD\n",
    )
    .unwrap();
    let server = Server::start(which, dir, &["lab"]).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(Duration::from_secs(20), || {
        wire.value("lab", "ups.status").unwrap() == "OL"
    })
    .unwrap();
    server
}

/// A client that can wait for lines nobody asked for.
struct Watcher(BufReader<TcpStream>);

impl Watcher {
    fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).unwrap();
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn ask(&mut self, request: &str) -> String {
        let socket = self.0.get_mut();
        socket.write_all(format!("{request}\n").as_bytes()).unwrap();
        self.line()
    }

    fn silent(&mut self) -> bool {
        let pause = Some(Duration::from_millis(300));
        self.0.get_ref().set_read_timeout(pause).unwrap();
        let mut line = String::new();
        let read = self.0.read_line(&mut line);
        let patience = Some(Duration::from_secs(10));
        self.0.get_ref().set_read_timeout(patience).unwrap();
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

#[test]
fn a_watcher_is_told_and_nobody_else() {
    let server = start(Which::Husk);
    let (mut watcher, mut other) = (Watcher::connect(&server), Watcher::connect(&server));
    assert_eq!(watcher.ask("WATCH nosuch"), "ERR UNKNOWN-UPS");
    assert_eq!(watcher.ask("WATCH lab"), "OK");
    assert_eq!(other.ask("USERNAME admin"), "OK");
    assert_eq!(other.ask("PASSWORD watch"), "OK");

    // Weighs nothing.
    assert_eq!(other.ask("SET VAR lab ups.id after"), "OK");
    assert!(watcher.silent());

    let mut times = Vec::new();
    for status in ["OB", "OB LB", "OL", "OB", "OL"] {
        let asked = Instant::now();
        let set = format!("SET VAR lab ups.status \"{status}\"");
        assert_eq!(other.ask(&set), "OK");
        assert_eq!(watcher.line(), "CHANGED lab");
        times.push(asked.elapsed());
        let reply = format!("VAR lab ups.status \"{status}\"");
        assert_eq!(watcher.ask("GET VAR lab ups.status"), reply);
    }
    times.sort_unstable();
    eprintln!("from the SET to the watcher: {times:?}");
    assert!(times.iter().all(|time| *time < Duration::from_secs(1)));

    assert_eq!(other.ask("FSD lab"), "OK FSD-SET");
    assert_eq!(watcher.line(), "CHANGED lab");
    assert_eq!(
        watcher.ask("GET VAR lab ups.status"),
        "VAR lab ups.status \"FSD OL\""
    );
    assert!(watcher.silent() && other.silent());
}

#[test]
fn the_incumbent_does_not_know_it() {
    if !incumbent_installed() {
        return husk_tests::skip("WATCH beside the incumbent: its programs are not installed");
    }
    let server = start(Which::Incumbent);
    assert_eq!(
        Watcher::connect(&server).ask("WATCH lab"),
        "ERR UNKNOWN-COMMAND"
    );
}
