//! STARTTLS: what an encrypted client sees, and what bytes sent too early become.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use husk_tests::rig::{Scratch, Server, incumbent_installed, wait_until};
use husk_tests::tool::{Tools, Wire, run};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

fn start() -> Server {
    let dir = Scratch::new("tls").unwrap();
    dir.write(
        "upsd.users",
        "[admin]\n  password = secret\n  actions = SET\n",
    )
    .unwrap();
    dir.write(
        "ups.conf",
        "[lab]\n  driver = dummy-ups\n  port = lab.dev\n",
    )
    .unwrap();
    dir.write("lab.dev", "ups.status: OL\n").unwrap();
    let pem = std::fs::read_to_string(husk_tests::root().join("certs/unsafe.server.pem")).unwrap();
    let pem = dir.write("server.pem", &pem).unwrap();
    dir.write("upsd.conf", &format!("CERTFILE {}\n", pem.display()))
        .unwrap();
    let server = Server::start_husk(dir).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    wait_until(Duration::from_secs(10), || {
        wire.value("lab", "ups.status").unwrap() == "OL"
    })
    .unwrap_or_else(|error| panic!("{error}; log:\n{}", server.log()));
    server
}

fn client_config() -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    let ca = husk_tests::root().join("certs/ca.pem");
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Sends `first` in clear, expects `OK STARTTLS`, and returns what `request` brings inside TLS.
fn over_tls(port: u16, first: &[u8], request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream.write_all(first).unwrap();
    // The reply must be read without taking a byte of the handshake.
    let mut reply = Vec::new();
    while reply.last() != Some(&b'\n') {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
        reply.push(byte[0]);
    }
    assert_eq!(String::from_utf8_lossy(&reply), "OK STARTTLS\n");
    let name = ServerName::try_from("localhost").unwrap();
    let session = rustls::ClientConnection::new(client_config(), name).unwrap();
    let mut tls = rustls::StreamOwned::new(session, stream);
    tls.write_all(format!("{request}\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&mut tls).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn a_verifying_client_is_served_over_tls() {
    let server = start();
    let reply = over_tls(server.port, b"STARTTLS\n", "GET VAR lab ups.status");
    assert_eq!(reply, "VAR lab ups.status \"OL\"");
    assert_eq!(
        over_tls(server.port, b"STARTTLS\n", "STARTTLS"),
        "ERR ALREADY-SSL-MODE"
    );
}

#[test]
fn requests_smuggled_behind_starttls_are_discarded() {
    let server = start();
    // A username injected in clear must not be the one of the encrypted session.
    let reply = over_tls(server.port, b"STARTTLS\nUSERNAME evil\n", "USERNAME admin");
    assert_eq!(reply, "OK");
}

#[test]
fn our_client_and_the_stock_client_use_tls() {
    let server = start();
    let ours = run(Tools::Husk, "upsc", &[&server.ups("lab"), "ups.status"]).unwrap();
    assert_eq!(
        (ours.stdout.as_str(), ours.code),
        ("OL\n", Some(0)),
        "{ours:?}"
    );
    if !incumbent_installed() {
        return husk_tests::skip("tls: nut-client is not installed");
    }
    let stock = run(
        Tools::Incumbent,
        "upsc",
        &[&server.ups("lab"), "ups.status"],
    )
    .unwrap();
    assert_eq!(
        (stock.stdout.as_str(), stock.code),
        ("OL\n", Some(0)),
        "{stock:?}"
    );
}

#[test]
fn a_demanded_name_must_be_one_of_the_certificates() {
    let server = start();
    let ca = husk_tests::root().join("certs/ca.pem");
    let ask = |name: &str| {
        let text = format!(
            "CERTVERIFY = yes\nFORCESSL = yes\nCERTPATH = {}\nCERTHOST = \"{name}\"\n",
            ca.display()
        );
        let path = server.dir.write("auth.conf", &text).unwrap();
        let words = ["upsc", &server.ups("lab"), "ups.status"].map(str::to_owned);
        std::process::Command::new(husk_tests::husk_binary())
            .args(words)
            .env("NUT_AUTHCONF_FILE", path)
            .output()
            .unwrap()
    };
    for name in ["localhost", "127.0.0.1"] {
        let output = ask(name);
        assert_eq!(output.stdout, b"OL\n", "{name}: {output:?}");
    }
    let output = ask("somebody else");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("not for somebody else"), "{said}");
}
