//! Who gets in, and how: hashed passwords, back-off, certificates and their reload, listeners and their policy, `husk check`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, Signal, incumbent_installed, wait_until};
use husk_tests::tool::{Outcome, Tools, Wire, run};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, StreamOwned};

const PATIENCE: Duration = Duration::from_secs(10);
const PLAIN_USERS: &str = "[admin]\n  password = secret\n  actions = SET\n  upsmon primary\n";

fn scratch() -> Scratch {
    let dir = Scratch::new("security").unwrap();
    dir.write(
        "ups.conf",
        "[lab]\n  driver = dummy-ups\n  port = lab.dev\n",
    )
    .unwrap();
    dir.write("lab.dev", "ups.status: OL\nups.id: lab\n")
        .unwrap();
    dir.write("upsd.users", PLAIN_USERS).unwrap();
    dir
}

fn start(dir: Scratch) -> Server {
    let server = Server::start_husk(dir).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(PATIENCE, || {
        wire.value("lab", "ups.status").unwrap() == "OL"
    })
    .unwrap_or_else(|error| panic!("{error}; log:\n{}", server.log()));
    server
}

/// Runs `husk` in the directory, with a text on its stdin.
fn husk(dir: &Path, words: &[&str], stdin: &str) -> Outcome {
    let mut child = Command::new(husk_tests::husk_binary())
        .args(words)
        .env("NUT_CONFPATH", dir)
        .env("NUT_STATEPATH", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever ends without reading its stdin has its reasons.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Outcome {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

/// Logs in on a fresh connection and asks for a right that takes the password.
fn primary(port: u16, user: &str, password: &str) -> String {
    let mut wire = Wire::connect(port).unwrap();
    assert_eq!(wire.ask(&format!("USERNAME {user}")).unwrap(), "OK");
    assert_eq!(wire.ask(&format!("PASSWORD {password}")).unwrap(), "OK");
    wire.ask("PRIMARY lab").unwrap()
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Connects and verifies the server as `name` by the authority in `ca`; `first` is sent in clear before.
fn tls(port: u16, ca: &Path, name: &str, first: Option<&str>) -> Result<Tls, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    if let Some(first) = first {
        stream.write_all(first.as_bytes()).unwrap();
        let mut reply = [0; "OK STARTTLS\n".len()];
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"OK STARTTLS\n");
    }
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut tls = StreamOwned::new(session, stream);
    while tls.conn.is_handshaking() {
        let done = tls.conn.complete_io(&mut tls.sock);
        done.map_err(|error| error.to_string())?;
    }
    Ok(tls)
}

fn ask(tls: &mut Tls, request: &str) -> String {
    tls.write_all(format!("{request}\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(tls).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn certificate(tls: &Tls) -> Vec<u8> {
    tls.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_hashed_password_opens_and_nothing_else_does() {
    let dir = scratch();
    let made = husk(dir.path(), &["passwd", "admin"], "s3-cret\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(!made.stdout.contains("s3-cret"));
    let users = format!(
        "{}  actions = SET\n[old]\n  password = plain\n  upsmon primary\n",
        made.stdout
    );
    dir.write("upsd.users", &users).unwrap();
    let server = start(dir);
    let ups = server.ups("lab");
    let set = |tools, password: &str| {
        let words = ["-s", "ups.id=new", "-u", "admin", "-p", password, &ups];
        run(tools, "upsrw", &words).unwrap()
    };
    let stock = incumbent_installed().then_some(Tools::Incumbent);
    for tools in [Some(Tools::Husk), stock].into_iter().flatten() {
        let taken = set(tools, "s3-cret");
        assert_eq!(taken.code, Some(0), "{tools:?}: {taken:?}");
        let refused = set(tools, "s3-creT");
        assert!(
            refused.stderr.contains("ACCESS-DENIED"),
            "{tools:?}: {refused:?}"
        );
    }
    // The hash itself is no password, and plain ones go on working beside it.
    let hash = made.stdout.split('"').nth(1).unwrap();
    assert_eq!(
        primary(server.port, "admin", &format!("\"{hash}\"")),
        "ERR ACCESS-DENIED"
    );
    assert_eq!(primary(server.port, "old", "plain"), "OK PRIMARY-GRANTED");
    assert!(!server.log().contains("s3-cret") && !server.log().contains("$argon2"));
}

#[test]
fn who_guesses_passwords_has_to_wait_and_readers_do_not() {
    let server = start(scratch());
    let mut trusted = Wire::connect(server.port).unwrap();
    for line in ["USERNAME admin", "PASSWORD secret", "LOGIN lab"] {
        assert_eq!(trusted.ask(line).unwrap(), "OK");
    }
    for guess in 0..6 {
        assert_eq!(
            primary(server.port, "admin", &format!("guess{guess}")),
            "ERR ACCESS-DENIED"
        );
    }
    server.wait_for_log("have to wait", PATIENCE).unwrap();
    let start = Instant::now();
    let mut reader = Wire::connect(server.port).unwrap();
    assert_eq!(reader.value("lab", "ups.status").unwrap(), "OL");
    // Who is in already is not asked again, so a shutdown is never held up.
    assert_eq!(trusted.ask("PRIMARY lab").unwrap(), "OK PRIMARY-GRANTED");
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        primary(server.port, "admin", "secret"),
        "OK PRIMARY-GRANTED"
    );
    let waited = start.elapsed();
    assert!(waited > Duration::from_millis(500), "{waited:?}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
}

#[test]
fn certificates_of_tls_init_are_verified_and_renewed_under_clients() {
    let dir = scratch();
    let name = "ups.example.org";
    let made = husk(dir.path(), &["tls", "init", "--name", name], "");
    assert_eq!(made.code, Some(0), "{made:?}");
    let upsd_lines = made
        .stdout
        .lines()
        .filter(|line| line.starts_with("CERTFILE ") || line.starts_with("DISABLE_WEAK_SSL "));
    let upsd_lines: Vec<&str> = upsd_lines.collect();
    assert_eq!(upsd_lines.len(), 2, "{}", made.stdout);
    let ident = format!("{}\nCERTIDENT {name} \"\"\n", upsd_lines.join("\n"));
    dir.write("upsd.conf", &ident).unwrap();
    let ca = dir.path().join("tls/ca.pem");
    let server = start(dir);

    let starttls = Some("STARTTLS\n");
    let mut first = tls(server.port, &ca, name, starttls).unwrap();
    assert_eq!(
        ask(&mut first, "GET VAR lab ups.status"),
        "VAR lab ups.status \"OL\""
    );
    assert!(tls(server.port, &ca, "localhost", starttls).is_ok());
    let wrong = tls(server.port, &ca, "other.example.org", starttls).unwrap_err();
    assert!(wrong.contains("not valid for name"), "{wrong}");
    let stranger = husk_tests::root().join("certs/ca.pem");
    let unknown = tls(server.port, &stranger, name, starttls).unwrap_err();
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");

    let again = husk(server.dir.path(), &["tls", "init"], "");
    assert_eq!(
        again.code,
        Some(1),
        "an authority must not be overwritten: {again:?}"
    );
    let renewed = husk(server.dir.path(), &["tls", "init", "--renew"], "");
    assert_eq!(renewed.code, Some(0), "{renewed:?}");
    let before = certificate(&first);
    server.signal(Signal::HUP);
    wait_until(PATIENCE, || {
        certificate(&tls(server.port, &ca, name, starttls).unwrap()) != before
    })
    .unwrap();
    assert_eq!(ask(&mut first, "NETVER"), "1.3");

    // A reload to a broken file keeps the certificate that works.
    server.dir.write("tls/server.pem", "nonsense\n").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("stays in force", PATIENCE).unwrap();
    assert!(tls(server.port, &ca, name, starttls).is_ok());
}

#[test]
fn a_server_does_not_start_with_a_certificate_for_somebody_else() {
    let dir = scratch();
    let pem = husk_tests::root().join("certs/unsafe.server.pem");
    let conf = format!("CERTFILE {}\nCERTIDENT elsewhere pw\n", pem.display());
    dir.write("upsd.conf", &conf).unwrap();
    let refused = husk(dir.path(), &["serve"], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("not for `elsewhere`"),
        "{refused:?}"
    );
    let checked = husk(dir.path(), &["check"], "");
    assert!(
        checked.code == Some(1) && checked.stdout.contains("not for `elsewhere`"),
        "{checked:?}"
    );
}

#[test]
fn policy_and_listeners_change_under_clients() {
    let dir = scratch();
    let certs = husk_tests::root().join("certs");
    let pem = certs.join("unsafe.server.pem");
    dir.write("upsd.conf", &format!("CERTFILE {}\n", pem.display()))
        .unwrap();
    dir.write(
        "husk.toml",
        "[listen]\nplain = \"read-only\"\ntls = [\"127.0.0.1:0\"]\n",
    )
    .unwrap();
    let server = start(dir);
    let ca = certs.join("ca.pem");
    let line = server.wait_for_log("(TLS)", PATIENCE).unwrap();
    let implicit: u16 = line.split(' ').rev().nth(1).unwrap().parse().unwrap();

    let mut plain = Wire::connect(server.port).unwrap();
    assert_eq!(plain.value("lab", "ups.status").unwrap(), "OL");
    assert_eq!(plain.ask("USERNAME admin").unwrap(), "ERR ACCESS-DENIED");
    let mut encrypted = tls(implicit, &ca, "localhost", None).unwrap();
    for line in ["USERNAME admin", "PASSWORD secret", "LOGIN lab"] {
        assert_eq!(ask(&mut encrypted, line), "OK");
    }
    assert_eq!(ask(&mut encrypted, "STARTTLS"), "ERR ALREADY-SSL-MODE");

    // Somebody else has the port first; it is listened on as soon as it is free.
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let late = other.local_addr().unwrap().port();
    let mut conf = std::fs::read_to_string(server.dir.path().join("upsd.conf")).unwrap();
    conf.push_str(&format!("LISTEN 127.0.0.1 {late}\n"));
    server.dir.write("upsd.conf", &conf).unwrap();
    server
        .dir
        .write("husk.toml", "[listen]\nplain = \"deny\"\n")
        .unwrap();
    server.signal(Signal::HUP);
    server
        .wait_for_log("no longer listening on 127.0.0.1 port 0", PATIENCE)
        .unwrap();
    server
        .wait_for_log(&format!("not listening on 127.0.0.1 port {late}"), PATIENCE)
        .unwrap();
    assert_eq!(
        plain.ask("GET VAR lab ups.status").unwrap(),
        "ERR ACCESS-DENIED"
    );
    assert_eq!(plain.ask("NETVER").unwrap(), "1.3");
    drop(other);
    wait_until(PATIENCE, || {
        tls(late, &ca, "localhost", Some("STARTTLS\n")).is_ok()
    })
    .unwrap();
    // The listener it came in by is gone, the client is not.
    assert!(tls(implicit, &ca, "localhost", None).is_err());
    assert_eq!(ask(&mut encrypted, "GET NUMLOGINS lab"), "NUMLOGINS lab 1");
}

#[test]
fn check_tells_every_mistake_of_every_file_at_once() {
    let dir = scratch();
    let good = husk(dir.path(), &["check"], "");
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.stdout.contains(": 0 errors"), "{good:?}");
    for (file, text) in [
        (
            "ups.conf",
            "[lab]\n driver = dumy-ups\n port = lab.dev\n override.battery.charge.low = 20\n[b]\n driver = dummy-ups\n port = lab.dev\n mdoe = x\n",
        ),
        ("upsd.conf", "LISTN 127.0.0.1\n"),
        ("upsd.users", "[a]\n pasword = hunter2\n"),
        ("nut.conf", "MODE=netservr\n"),
        (
            "husk.toml",
            "[listen]\nplian = \"deny\"\ntls = [\"127.0.0.1:3494\"]\n",
        ),
    ] {
        dir.write(file, text).unwrap();
    }
    let found = husk(dir.path(), &["check"], "");
    assert_eq!(found.code, Some(1), "{found:?}");
    for expected in [
        "ups.conf:2:2: error: UPS [lab]: there is no plugin for `driver = dumy-ups`; did you mean `dummy-ups`?",
        "ups.conf:4:2: warning: this only changes the number clients see",
        "ups.conf:8:2: warning: the driver dummy-ups of UPS [b] has no option `mdoe`; did you mean `mode`?",
        "upsd.conf:1:1: error",
        "did you mean `LISTEN`?",
        "upsd.users:2:2: error: `pasword`",
        "nut.conf:1:6: error: there is no mode `netservr`",
        "did you mean `netserver`?",
        "did you mean `plain`?",
        "needs a CERTFILE in upsd.conf",
    ] {
        assert!(
            found.stdout.contains(expected),
            "{expected} is missing in:\n{}",
            found.stdout
        );
    }
    assert!(!found.stdout.contains("hunter2"), "{}", found.stdout);
}

#[test]
fn a_server_without_devices_waits_for_the_first_and_keeps_what_it_has() {
    let dir = scratch();
    let ups_conf = std::fs::read_to_string(dir.path().join("ups.conf")).unwrap();
    std::fs::remove_file(dir.path().join("ups.conf")).unwrap();
    dir.write("nut.conf", "MODE=standalone\n").unwrap();
    let classic = husk(dir.path(), &["check", "--classic"], "");
    assert_eq!(classic.code, Some(1), "{classic:?}");
    let server = Server::start_husk(dir).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    assert_eq!(
        wire.ask("LIST UPS").unwrap(),
        "BEGIN LIST UPS\nEND LIST UPS"
    );
    server.dir.write("ups.conf", &ups_conf).unwrap();
    server.signal(Signal::HUP);
    wait_until(PATIENCE, || {
        wire.value("lab", "ups.status").unwrap() == "OL"
    })
    .unwrap();
    // A file that vanishes while somebody edits it costs nobody a device.
    std::fs::remove_file(server.dir.path().join("ups.conf")).unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("is gone", PATIENCE).unwrap();
    assert_eq!(wire.value("lab", "ups.status").unwrap(), "OL");
}
