//! The server over real sockets, without any plugin: what connections get, and what they cannot do to others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

use husk_server::config::Source;
use husk_server::control::{self, Command};
use husk_server::{Family, Options, Server, Signals};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const UPS_CONF: &str = "[lab]\n driver = nosuch\n port = lab.dev\n desc = \"On the bench\"\n[attic]\n driver = nosuch\n port = x\n";
const USERS: &str = "[mon]\n password = secret\n upsmon primary\n";

struct Rig {
    dir: PathBuf,
    address: SocketAddr,
    running: JoinHandle<()>,
}

impl Rig {
    async fn start(name: &str, upsd_conf: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("husk-tcp-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let upsd_conf = format!(
            "LISTEN 127.0.0.1 0\nSTATEPATH {}\n{upsd_conf}",
            dir.display()
        );
        for (file, text) in [
            ("ups.conf", UPS_CONF),
            ("upsd.users", USERS),
            ("upsd.conf", &upsd_conf),
            ("husk.toml", "[plugins]\ndirs = []\n"),
        ] {
            std::fs::write(dir.join(file), text).unwrap();
        }
        let server = Server::start(Options {
            source: Source {
                dir: dir.clone(),
                state_path: None,
                allow_no_device: None,
                allow_not_all_listeners: None,
                classic: false,
            },
            bundled: &[],
            family: Family::Both,
            on_ready: None,
        });
        let server = server.await.unwrap();
        let address = server.addresses()[0];
        let running = tokio::spawn(server.run(Signals::catch().unwrap()));
        Self {
            dir,
            address,
            running,
        }
    }

    async fn connect(&self) -> Client<TcpStream> {
        Client(BufReader::new(
            TcpStream::connect(self.address).await.unwrap(),
        ))
    }

    async fn control(&self, command: Command) -> Result<String, String> {
        let socket = control::socket_path(&self.dir);
        let ask = move || control::ask(&socket, &command, Duration::from_secs(10)).unwrap();
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    async fn stop(self) {
        self.control(Command::Stop).await.unwrap();
        let start = std::time::Instant::now();
        self.running.await.unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "stopping took {:?}",
            start.elapsed()
        );
        assert!(!control::socket_path(&self.dir).exists());
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

struct Client<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line; empty at the end of the connection.
    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.0.read_line(&mut line);
        tokio::time::timeout(Duration::from_secs(10), read)
            .await
            .unwrap()
            .unwrap();
        line.trim_end().to_owned()
    }

    async fn ask(&mut self, request: &str) -> String {
        self.send(&format!("{request}\n")).await;
        self.line().await
    }

    async fn log_in(&mut self, ups: &str) {
        assert_eq!(self.ask("USERNAME mon").await, "OK");
        assert_eq!(self.ask("PASSWORD secret").await, "OK");
        assert_eq!(self.ask(&format!("LOGIN {ups}")).await, "OK");
    }
}

#[tokio::test]
async fn a_ups_whose_driver_is_missing_stays_listed() {
    let rig = Rig::start("listed", "").await;
    let mut client = rig.connect().await;
    client.send("LIST UPS\nGET VAR lab ups.status\nFOO\n").await;
    let mut lines = Vec::new();
    for _ in 0..6 {
        lines.push(client.line().await);
    }
    assert_eq!(
        lines,
        [
            "BEGIN LIST UPS",
            "UPS lab \"On the bench\"",
            "UPS attic \"Description unavailable\"",
            "END LIST UPS",
            "ERR DRIVER-NOT-CONNECTED",
            "ERR UNKNOWN-COMMAND"
        ]
    );
    let status = rig.control(Command::Status).await.unwrap();
    assert!(
        status.contains("there is no plugin for `driver = nosuch`"),
        "{status}"
    );
    assert_eq!(client.ask("LOGOUT").await, "OK Goodbye");
    assert_eq!(client.line().await, "");
    rig.stop().await;
}

#[tokio::test]
async fn logins_are_counted_listed_and_ended_with_their_ups() {
    let rig = Rig::start("logins", "").await;
    let (mut first, mut second) = (rig.connect().await, rig.connect().await);
    first.log_in("LAB").await;
    second.log_in("attic").await;
    let mut other = rig.connect().await;
    assert_eq!(other.ask("LIST CLIENT lab").await, "BEGIN LIST CLIENT lab");
    assert_eq!(other.line().await, "CLIENT lab 127.0.0.1");
    assert_eq!(other.line().await, "END LIST CLIENT lab");

    // Only [attic] is left, and a new one comes first.
    let conf = UPS_CONF.replace("[lab]", "[cellar]");
    std::fs::write(rig.dir.join("ups.conf"), conf).unwrap();
    rig.control(Command::Reload).await.unwrap();
    assert_eq!(first.line().await, "", "logged into a UPS that is gone");
    assert_eq!(second.ask("VER").await.get(..17), Some("Network UPS Tools"));
    assert_eq!(other.ask("LIST UPS").await, "BEGIN LIST UPS");
    assert_eq!(other.line().await, "UPS cellar \"On the bench\"");
    rig.stop().await;
}

#[tokio::test]
async fn a_broken_configuration_changes_nothing() {
    let rig = Rig::start("broken", "").await;
    std::fs::remove_file(rig.dir.join("ups.conf")).unwrap();
    let reason = rig.control(Command::Reload).await.unwrap_err();
    assert!(reason.contains("ups.conf"), "{reason}");
    let mut client = rig.connect().await;
    assert_eq!(
        client.ask("GET UPSDESC lab").await,
        "UPSDESC lab \"On the bench\""
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_full_house_turns_newcomers_away_and_goes_on() {
    let rig = Rig::start("full", "MAXCONN 2\n").await;
    let (mut first, mut second) = (rig.connect().await, rig.connect().await);
    assert_eq!(first.ask("NETVER").await, "1.3");
    assert_eq!(second.ask("NETVER").await, "1.3");
    let mut third = rig.connect().await;
    assert_eq!(third.line().await, "");
    drop(first);
    let mut served = String::new();
    for _ in 0..50 {
        let mut again = rig.connect().await;
        let _ = again.0.write_all(b"NETVER\n").await;
        let _ = again.0.read_line(&mut served).await;
        if !served.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served, "1.3\n");
    assert_eq!(second.ask("NETVER").await, "1.3");
    rig.stop().await;
}

#[tokio::test]
async fn a_client_that_never_reads_delays_nobody() {
    let rig = Rig::start("slow", "").await;
    let mut slow = rig.connect().await;
    // Far more replies than the sockets buffer; the client reads none of them.
    let flood = "LIST UPS\n".repeat(50_000);
    let flooding = tokio::spawn(async move {
        let _ = slow.0.write_all(flood.as_bytes()).await;
        slow
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let start = std::time::Instant::now();
    let mut client = rig.connect().await;
    for _ in 0..100 {
        assert_eq!(client.ask("NETVER").await, "1.3");
    }
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    flooding.abort();
    rig.stop().await;
}

/// A certificate for localhost and who trusts it.
fn certificate(name: &str) -> (PathBuf, Arc<rustls::ClientConfig>) {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let path = std::env::temp_dir().join(format!("husk-tcp-{name}-{}.pem", std::process::id()));
    let pem = format!("{}{}", pair.cert.pem(), pair.signing_key.serialize_pem());
    std::fs::write(&path, pem).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let own =
        rustls::pki_types::CertificateDer::from_pem_slice(pair.cert.pem().as_bytes()).unwrap();
    roots.add(own).unwrap();
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (path, Arc::new(config))
}

#[tokio::test]
async fn starttls_encrypts_and_what_was_slipped_in_is_not_obeyed() {
    let (path, trust) = certificate("starttls");
    let rig = Rig::start("tls", &format!("CERTFILE {}\n", path.display())).await;
    let mut client = rig.connect().await;
    assert_eq!(client.ask("USERNAME mon").await, "OK");
    // The second line comes in clear with the first: somebody on the line may have put it there.
    client.send("STARTTLS\nPASSWORD slipped-in\n").await;
    assert_eq!(client.line().await, "OK STARTTLS");
    let connector = tokio_rustls::TlsConnector::from(trust);
    let name = ServerName::try_from("localhost").unwrap();
    let secure = connector
        .connect(name, client.0.into_inner())
        .await
        .unwrap();
    let mut client = Client(BufReader::new(secure));
    assert_eq!(
        client.ask("PASSWORD secret").await,
        "OK",
        "not ALREADY-SET-PASSWORD"
    );
    assert_eq!(
        client.ask("LOGIN lab").await,
        "OK",
        "the user name before TLS counts"
    );
    assert_eq!(client.ask("STARTTLS").await, "ERR ALREADY-SSL-MODE");
    assert_eq!(client.ask("LOGOUT").await, "OK Goodbye");
    let mut rest = Vec::new();
    client
        .0
        .read_to_end(&mut rest)
        .await
        .expect("a close_notify before the end");
    assert!(rest.is_empty());
    rig.stop().await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_given_up() {
    let (path, _) = certificate("handshake");
    let rig = Rig::start("handshake", &format!("CERTFILE {}\n", path.display())).await;
    let mut client = rig.connect().await;
    assert_eq!(client.ask("STARTTLS").await, "OK STARTTLS");
    let start = std::time::Instant::now();
    assert_eq!(client.line().await, "");
    let took = start.elapsed();
    assert!((4..7).contains(&took.as_secs()), "{took:?}");
    let mut other = rig.connect().await;
    assert_eq!(other.ask("NETVER").await, "1.3");
    rig.stop().await;
    std::fs::remove_file(path).unwrap();
}
