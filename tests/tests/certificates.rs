//! Certificates that are not as they should be, on either side: refused with a reason, or taken where NUT's guides make them so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::PathBuf;
use std::process::{Command, Output};

use husk_tests::rig::{Scratch, Server};

fn certificate(name: &str) -> PathBuf {
    husk_tests::root().join("certs").join(name)
}

/// A configuration whose server shows the certificate of this file of `certs/`.
fn scratch(pem: &str, more: &str) -> Scratch {
    let dir = Scratch::new("certificates").unwrap();
    for (name, text) in [
        (
            "ups.conf",
            "[lab]\n  driver = dummy-ups\n  port = lab.dev\n",
        ),
        ("lab.dev", "ups.status: OL\n"),
        ("upsd.users", ""),
    ] {
        dir.write(name, text).unwrap();
    }
    let text = std::fs::read_to_string(certificate(pem)).unwrap();
    let file = dir.write("server.pem", &text).unwrap();
    let conf = format!("CERTFILE {}\n{more}\n", file.display());
    dir.write("upsd.conf", &conf).unwrap();
    dir
}

/// Our upsc, made to verify, asks `lab` at `host`.
fn verified(server: &Server, host: &str, more: &str) -> Output {
    let ca = certificate("ca.pem");
    let text = format!("CERTVERIFY = yes\nCERTPATH = {}\n{more}", ca.display());
    let path = server.dir.write("auth.conf", &text).unwrap();
    upsc(&format!("lab@{host}:{}", server.port), &path)
}

fn upsc(ups: &str, nutauth: &std::path::Path) -> Output {
    Command::new(husk_tests::husk_binary())
        .args(["upsc", ups, "server.version"])
        .env("NUT_AUTHCONF_FILE", nutauth)
        .output()
        .unwrap()
}

fn taken(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

fn refused(output: &Output, reason: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains(reason), "{said}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn expired_and_wrong_names_are_refused_and_only_by_who_verifies() {
    let server = Server::start_husk(scratch("unsafe.expired.pem", "")).unwrap();
    refused(&verified(&server, "localhost", ""), "expired");
    let careless = server
        .dir
        .write("careless.conf", "FORCESSL = yes\n")
        .unwrap();
    taken(&upsc(&server.ups("lab"), &careless));

    let server = Server::start_husk(scratch("unsafe.elsewhere.pem", "")).unwrap();
    refused(&verified(&server, "localhost", ""), "not valid for name");
    taken(&verified(
        &server,
        "localhost",
        "CERTHOST = elsewhere.example.org\n",
    ));
}

#[test]
fn a_common_name_alone_will_do() {
    let ident = "CERTIDENT localhost \"\"";
    let server = Server::start_husk(scratch("unsafe.nameless.pem", ident)).unwrap();
    taken(&verified(&server, "localhost", ""));
    taken(&verified(&server, "127.0.0.1", "CERTHOST = localhost\n"));
    refused(&verified(&server, "127.0.0.1", ""), "not valid for name");
}

#[test]
fn a_key_behind_a_passphrase_serves_with_the_right_one() {
    for pem in ["unsafe.sealed.pem", "unsafe.sealed-scrypt.pem"] {
        let ident = "CERTIDENT localhost \"open sesame\"";
        let server = Server::start_husk(scratch(pem, ident)).unwrap();
        taken(&verified(&server, "localhost", ""));
        assert!(!server.log().contains("sesame"), "{}", server.log());
    }
    for (pem, ident, reason) in [
        (
            "unsafe.sealed.pem",
            "CERTIDENT localhost wrong",
            "does not open the key",
        ),
        ("unsafe.sealed.pem", "", "no passphrase is given"),
        (
            "unsafe.sealed-old.pem",
            "CERTIDENT localhost \"open sesame\"",
            "openssl pkcs8 -topk8",
        ),
    ] {
        let dir = scratch(pem, ident);
        let output = Command::new(husk_tests::husk_binary())
            .args(["serve", "--config"])
            .arg(dir.path())
            .env("NUT_STATEPATH", dir.path())
            .output()
            .unwrap();
        refused(&output, reason);
    }
}

#[test]
fn a_client_shows_a_certificate_behind_a_passphrase() {
    let ca = certificate("ca.pem");
    let demand = format!("CERTREQUEST REQUIRE\nCERTPATH {}", ca.display());
    let server = Server::start_husk(scratch("unsafe.server.pem", &demand)).unwrap();
    refused(&verified(&server, "localhost", ""), "");
    // The test's server key serves as a client's; what it may be used for is what the server looks at.
    let own = certificate("unsafe.client.pem");
    let own = format!("CERTFILE = {}\n", own.display());
    taken(&verified(&server, "localhost", &own));
    let sealed = certificate("unsafe.sealed.pem");
    let sealed = format!(
        "CERTFILE = {}\nCERTIDENT_PASS = \"open barley\"\n",
        sealed.display()
    );
    refused(
        &verified(&server, "localhost", &sealed),
        "does not open the key",
    );
}

#[test]
fn keys_are_their_owners_and_the_authority_is_everybodys() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = scratch("unsafe.server.pem", "");
    let made = Command::new("sh")
        .args(["-c", "umask 022; exec \"$0\" tls init --config \"$1\""])
        .args([husk_tests::husk_binary().as_path(), dir.path()])
        .output()
        .unwrap();
    taken(&made);
    let mode = |name: &str| {
        let file = dir.path().join("tls").join(name);
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777
    };
    assert_eq!([mode("ca.key"), mode("server.pem")], [0o600; 2]);
    assert_eq!(mode("ca.pem"), 0o644);
}
