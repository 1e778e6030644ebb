//! PEM files: certificates with their key, and the authorities to trust.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Error, Passphrase, key};

/// A certificate with its chain, and its key.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a CERTFILE: certificate, chain and key in any order.
    pub(crate) fn read(path: &Path, passphrase: &Passphrase) -> Result<Self, Error> {
        let pem = read(path, "CERTFILE")?;
        key::refuse_old(&pem, path)?;
        let chain = certificates(&pem).map_err(|error| unreadable(path, "CERTFILE", &error))?;
        if chain.is_empty() {
            return Err(Error::NoCertificate(path.to_owned()));
        }
        let key = key::read(&pem, passphrase, path)?;
        Ok(Self { chain, key })
    }
}

/// Whom a CERTPATH trusts: a bundle, or every file of a directory.
#[derive(Debug)]
pub(crate) struct Authorities {
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) roots: RootCertStore,
}

impl Authorities {
    /// `asker` is the directive that needs them. There is at least one.
    pub(crate) fn read(path: Option<&Path>, asker: &'static str) -> Result<Self, Error> {
        let path = path.ok_or(Error::NoAuthority(asker))?;
        let mut found = Vec::new();
        if path.is_dir() {
            for file in files(path)? {
                // Keys and other things may lie about; what is no certificate is nobody to trust.
                let pem = std::fs::read(file).unwrap_or_default();
                found.extend(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
            }
        } else {
            let pem = read(path, "CERTPATH")?;
            found = certificates(&pem).map_err(|error| unreadable(path, "CERTPATH", &error))?;
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.iter().cloned());
        if roots.is_empty() {
            return Err(unreadable(
                path,
                "CERTPATH",
                &"there is no certificate in it",
            ));
        }
        Ok(Self {
            certificates: found,
            roots,
        })
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries =
        std::fs::read_dir(directory).map_err(|error| unreadable(directory, "CERTPATH", &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    Ok(files)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

fn read(path: &Path, directive: &'static str) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| unreadable(path, directive, &error))
}

fn unreadable(path: &Path, directive: &'static str, reason: &dyn Display) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        directive,
        reason: reason.to_string(),
    }
}
