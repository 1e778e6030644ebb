//! The test PKI in `certs/`: a CA, servers good and bad, and a client. Committed, so that tests need no tool and no clock.
//!
//! Never for production: the private keys are public. Their files are named `unsafe.*` for that reason.

use crate::layout;
use anyhow::{Context as _, ensure};
use lexopt::{Arg, Parser};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) const HELP: &str = "
usage: cargo xtask certs [--force]

Makes certs/: ca.pem; unsafe.server.pem and unsafe.client.pem in the layout of the incumbent's
CERTFILE (leaf, chain, key); unsafe.ca.pem, the CA with its key. Valid from 2020 to 2120.
Servers to be refused: unsafe.expired.pem (since 2021), unsafe.elsewhere.pem (for another name).
unsafe.nameless.pem has its name as common name only. unsafe.sealed*.pem is the server with its key
behind the passphrase `open sesame`: PBKDF2, scrypt, and the old way; openssl(1) seals them.
What is there stays, unless --force is given.
";

pub(crate) fn main(mut parser: Parser) -> anyhow::Result<()> {
    let mut force = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("force") => force = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let directory = layout::root().join("certs");
    ensure!(
        force || !directory.join("ca.pem").exists(),
        "certs/ca.pem is there already; --force makes new ones"
    );
    let mut files = pki()?;
    files.extend(sealed(&files)?);
    for (name, text) in files {
        layout::write_if_changed(&directory.join(name), text.as_bytes())?;
        println!("certs/{name}");
    }
    write_note(&directory)
}

fn write_note(directory: &Path) -> anyhow::Result<()> {
    let note = "# Test PKI\n\nMade by `cargo xtask certs`. The private keys are public: never use them outside tests.\n";
    Ok(layout::write_if_changed(
        &directory.join("README.md"),
        note.as_bytes(),
    )?)
}

/// File names and contents.
fn pki() -> Result<Vec<(&'static str, String)>, rcgen::Error> {
    let mut parameters = subject("Husk test CA", &[])?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
    let addresses = ["localhost", "127.0.0.1", "::1"];
    let server = ExtendedKeyUsagePurpose::ServerAuth;
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let mut expired = subject("localhost", &addresses)?;
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut files = vec![
        ("ca.pem", ca.pem()),
        (
            "unsafe.ca.pem",
            format!("{}{}", ca.pem(), ca.key().serialize_pem()),
        ),
    ];
    for (name, parameters, purpose) in [
        (
            "unsafe.server.pem",
            subject("localhost", &addresses)?,
            &server,
        ),
        ("unsafe.expired.pem", expired, &server),
        (
            "unsafe.elsewhere.pem",
            subject("elsewhere", &["elsewhere.example.org"])?,
            &server,
        ),
        ("unsafe.nameless.pem", subject("localhost", &[])?, &server),
        (
            "unsafe.client.pem",
            subject("husk test client", &[])?,
            &client,
        ),
    ] {
        files.push((name, leaf(&ca, parameters, purpose)?));
    }
    Ok(files)
}

/// The server's file with its key behind a passphrase.
fn sealed(files: &[(&'static str, String)]) -> anyhow::Result<Vec<(&'static str, String)>> {
    let found = files.iter().find(|(name, _)| *name == "unsafe.server.pem");
    let (_, server) = found.context("there is no server")?;
    // The key comes last.
    let key = server.rfind("-----BEGIN").unwrap_or_default();
    let (chain, key) = server.split_at(key);
    let modern = ["pkcs8", "-topk8", "-passout", "pass:open sesame"];
    let scrypt = ["-scrypt", "-scrypt_N", "1024"];
    let old = ["ec", "-aes128", "-passout", "pass:open sesame"];
    [
        ("unsafe.sealed.pem", modern.to_vec()),
        ("unsafe.sealed-scrypt.pem", [&modern[..], &scrypt].concat()),
        ("unsafe.sealed-old.pem", old.to_vec()),
    ]
    .into_iter()
    .map(|(name, words)| Ok((name, format!("{chain}{}", openssl(&words, key)?))))
    .collect()
}

fn openssl(words: &[&str], stdin: &str) -> anyhow::Result<String> {
    let mut child = Command::new("openssl")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("openssl(1) is needed to seal keys")?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(stdin.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "openssl {words:?} failed");
    Ok(String::from_utf8(output.stdout)?)
}

fn subject(name: &str, addresses: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let addresses: Vec<String> = addresses
        .iter()
        .map(|&address| address.to_owned())
        .collect();
    let mut parameters = CertificateParams::new(addresses)?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2120, 1, 1);
    Ok(parameters)
}

/// Leaf, chain and key, as one file.
fn leaf(
    ca: &CertifiedIssuer<'_, KeyPair>,
    mut parameters: CertificateParams,
    purpose: &ExtendedKeyUsagePurpose,
) -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![purpose.clone()];
    parameters.use_authority_key_identifier_extension = true;
    let certificate = parameters.signed_by(&key, ca)?;
    Ok(format!(
        "{}{}{}",
        certificate.pem(),
        ca.pem(),
        key.serialize_pem()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_only_in_files_named_unsafe() {
        for (name, text) in pki().unwrap() {
            assert_eq!(
                text.contains(&format!("{} KEY", "PRIVATE")),
                name.starts_with("unsafe."),
                "{name}"
            );
        }
    }
}
