//! The test PKI in `certs/`: a CA, a server and a client. Committed, so that tests need no tool and no clock.
//!
//! Never for production: the private keys are public. Their files are named `unsafe.*` for that reason.

use crate::layout;
use anyhow::ensure;
use lexopt::{Arg, Parser};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::path::Path;

pub(crate) const HELP: &str = "
usage: cargo xtask certs [--force]

Makes certs/: ca.pem; unsafe.server.pem and unsafe.client.pem in the layout of the incumbent's
CERTFILE (leaf, chain, key); unsafe.ca.pem, the CA with its key. Valid from 2020 to 2120.
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
    for (name, text) in pki()? {
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
    let server = leaf(
        &ca,
        "localhost",
        &["localhost", "127.0.0.1", "::1"],
        ExtendedKeyUsagePurpose::ServerAuth,
    )?;
    let client = leaf(
        &ca,
        "husk test client",
        &[],
        ExtendedKeyUsagePurpose::ClientAuth,
    )?;
    Ok(vec![
        ("ca.pem", ca.pem()),
        (
            "unsafe.ca.pem",
            format!("{}{}", ca.pem(), ca.key().serialize_pem()),
        ),
        ("unsafe.server.pem", server),
        ("unsafe.client.pem", client),
    ])
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
    name: &str,
    addresses: &[&str],
    purpose: ExtendedKeyUsagePurpose,
) -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut parameters = subject(name, addresses)?;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![purpose];
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
