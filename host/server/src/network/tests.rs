//! The loop with real sockets and no devices.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::gate::Gate;
use crate::published::{Job, Listed, Published, Rules, Served};
use husk_core::proto::tracking::Tracking;
use husk_core::state::{Freshness, Snapshot, Variable};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

struct Rig {
    network: Option<Network>,
    hall: Arc<Hall>,
    lab: Arc<Published>,
    _requests: mpsc::Receiver<Job>,
    door: usize,
    address: SocketAddr,
}

struct Client(BufReader<TcpStream>);

fn served(upses: Vec<Listed>) -> Served {
    let tracking = Arc::new(Mutex::new(Tracking::new(Duration::from_secs(60))));
    Served::new(upses, Rules::default(), Arc::new(Gate::new()), tracking)
}

fn reading(status: &str) -> Snapshot {
    let variable = |name: &str, value: &str| Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        ..Variable::default()
    };
    let outlets = (0..100).map(|n| variable(&format!("outlet.{n}.desc"), &"x".repeat(200)));
    let mut variables: Vec<_> = outlets.chain([variable("ups.status", status)]).collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    Snapshot {
        variables,
        freshness: Freshness::Fresh,
        ..Snapshot::default()
    }
}

impl Rig {
    fn start() -> Self {
        let (lab, requests) = Published::new("lab");
        lab.publish(reading("OL"));
        let published = Arc::clone(&lab);
        let listed = Listed {
            published,
            desc: None,
        };
        let hall = Arc::new(Hall {
            directory: Arc::new(Directory::new(served(vec![listed]))),
            clock: Clock::start(),
            seats: AtomicUsize::new(2),
            workers: Handle::current(),
        });
        let network = Network::start(Arc::clone(&hall), None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        Self {
            door: network.post().open(listener, Entrance::Plain),
            network: Some(network),
            hall,
            lab,
            _requests: requests,
            address,
        }
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).unwrap();
        Client(BufReader::new(stream))
    }
}

impl Client {
    fn say(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Empty at the end of the stream.
    fn line(&mut self) -> String {
        let mut line = String::new();
        // A reset is an end as well.
        let _ = self.0.read_line(&mut line);
        line
    }

    #[track_caller]
    fn ask(&mut self, request: &str, reply: &str) {
        self.say(format!("{request}\n").as_bytes());
        assert_eq!(self.line().trim_end(), reply);
    }
}

#[tokio::test]
async fn a_client_is_served_until_the_network_ends() {
    let mut rig = Rig::start();
    let mut client = rig.client();
    client.ask("NETVER", "1.3");
    client.say(b"GET VAR lab ups.st");
    client.ask("atus", "VAR lab ups.status \"OL\"");
    drop(rig.network.take());
    assert_eq!(client.line(), "");
}

#[tokio::test]
async fn requests_behind_a_goodbye_are_not_answered() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.say(b"LOGOUT\nNETVER\n");
    assert_eq!(client.line(), "OK Goodbye\n");
    assert_eq!(client.line(), "");
}

#[tokio::test]
async fn the_last_requests_of_a_client_that_hangs_up_are_answered() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.say(b"NETVER\nPROTVER\n");
    let end = std::net::Shutdown::Write;
    client.0.get_ref().shutdown(end).unwrap();
    let mut rest = String::new();
    client.0.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "1.3\n1.3\n");
}

/// 400 lists are 9 MB: more than a batch, and more than the socket takes while nobody reads.
#[tokio::test]
async fn a_slow_reader_gets_every_line_in_the_end() {
    let rig = Rig::start();
    let (mut slow, mut other) = (rig.client(), rig.client());
    slow.say(&b"LIST VAR lab\n".repeat(400));
    slow.say(b"NETVER\n");
    thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    other.ask("NETVER", "1.3");
    assert!(asked.elapsed() < Duration::from_secs(2));
    for _ in 0..400 {
        assert_eq!(slow.line(), "BEGIN LIST VAR lab\n");
        while slow.line() != "END LIST VAR lab\n" {}
    }
    assert_eq!(slow.line(), "1.3\n");
    slow.ask("NETVER", "1.3");
}

#[test]
fn who_asks_nothing_is_overdue_after_a_minute() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let peer = socket.peer_addr().unwrap().ip();
    let at = mailbox::Address { slot: 0, id: 0 };
    let begun = Duration::from_secs(5);
    let connection = connection::Connection::new(at, peer, link::Link::Plain(socket), begun);
    assert!(
        connection
            .overdue(begun + Duration::from_secs(59))
            .is_none()
    );
    let ended = connection.overdue(begun + Duration::from_secs(60)).unwrap();
    assert_eq!(ended.to_string(), "asked nothing for too long");
}

#[test]
fn a_turn_that_panics_ends_its_connection_only() {
    let turn = pass::contained(|| panic!("a mistake, made on purpose"));
    assert!(matches!(
        turn,
        connection::Turn::Over(connection::Ended::Fault)
    ));
}

#[tokio::test]
async fn a_full_house_turns_away_and_lets_in_again() {
    let rig = Rig::start();
    let (mut first, mut second) = (rig.client(), rig.client());
    first.ask("NETVER", "1.3");
    second.ask("NETVER", "1.3");
    assert_eq!(rig.client().line(), "");
    drop(second);
    let begun = Instant::now();
    loop {
        let mut third = rig.client();
        third.say(b"NETVER\n");
        if third.line() == "1.3\n" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_listener_that_is_shut_frees_its_address_and_turns_nobody_out() {
    let rig = Rig::start();
    let mut client = rig.client();
    client.ask("NETVER", "1.3");
    let post = rig.network.as_ref().unwrap().post().clone();
    post.shut(rig.door).await;
    TcpListener::bind(rig.address).unwrap();
    client.ask("NETVER", "1.3");
}

#[tokio::test]
async fn watchers_are_told_of_what_decides_and_of_nothing_else() {
    let rig = Rig::start();
    let (mut watcher, mut other) = (rig.client(), rig.client());
    watcher.ask("WATCH LAB", "OK");
    other.ask("NETVER", "1.3");
    rig.lab.publish(reading("OL"));
    watcher.ask("NETVER", "1.3");
    rig.lab.publish(reading("OB"));
    assert_eq!(watcher.line(), "CHANGED LAB\n");
    rig.lab.force_shutdown();
    assert_eq!(watcher.line(), "CHANGED LAB\n");
    rig.lab.force_shutdown();
    watcher.ask("GET VAR lab ups.status", "VAR lab ups.status \"FSD OB\"");
    rig.lab.publish(Snapshot::default());
    assert_eq!(watcher.line(), "CHANGED LAB\n");
    other.ask("NETVER", "1.3");
}

#[tokio::test]
async fn a_reload_moves_watchers_to_the_ups_of_that_name() {
    let rig = Rig::start();
    let mut watcher = rig.client();
    watcher.ask("WATCH lab", "OK");
    let (published, _requests) = Published::new("lab");
    published.publish(reading("OL"));
    let again = Listed {
        published: Arc::clone(&published),
        desc: None,
    };
    rig.hall.directory.replace(served(vec![again]));
    rig.network.as_ref().unwrap().post().reloaded();
    assert_eq!(watcher.line(), "CHANGED lab\n");
    published.publish(reading("OB"));
    assert_eq!(watcher.line(), "CHANGED lab\n");
    watcher.ask("GET VAR lab ups.status", "VAR lab ups.status \"OB\"");
}
