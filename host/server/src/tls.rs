//! STARTTLS: certificates from upsd.conf and the handshake with its deadline.
//!
//! Refuses everything below TLS 1.2 (rustls speaks nothing older) and keys in encrypted PEM. A server
//! whose CERTFILE cannot be used does not start: going on in clear would be worse than not at all.

use crate::config::extras::Listen;
use crate::subject;
use husk_core::conf::upsd::{CertRequest, UpsdConf};
use husk_core::proto::session::Plain;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Why TLS cannot be offered although it is configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path} (named by {directive} in upsd.conf): {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Who named it.
        directive: &'static str,
        /// What the system or the PEM reader says.
        reason: String,
    },
    /// CERTFILE has no certificate.
    #[error(
        "{0} holds no certificate; CERTFILE wants the server's certificate, its chain and its key in one PEM file"
    )]
    NoCertificate(PathBuf),
    /// CERTFILE has no usable key.
    #[error(
        "{0} holds no private key that can be used; CERTFILE wants an unencrypted PEM key beside the certificate"
    )]
    NoKey(PathBuf),
    /// Key and certificate do not belong together, or a kind that is not supported.
    #[error("{path} cannot be used for TLS: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        reason: String,
    },
    /// husk.toml asks for TLS, upsd.conf does not offer any.
    #[error("`{0}` in the [listen] of husk.toml needs a CERTFILE in upsd.conf")]
    Wanted(&'static str),
    /// CERTIDENT names another certificate.
    #[error(
        "the certificate in {path} is not for `{wanted}`, which CERTIDENT in upsd.conf asks for; it is for {found}"
    )]
    NotFor {
        /// CERTFILE.
        path: PathBuf,
        /// The name in CERTIDENT.
        wanted: String,
        /// Its own names.
        found: String,
    },
    /// CERTREQUEST asks for what nobody can check.
    #[error(
        "CERTREQUEST asks for client certificates but CERTPATH names no authority to check them by"
    )]
    NoAuthority,
}

/// What STARTTLS is answered with: `None` when upsd.conf has no CERTFILE.
///
/// # Errors
/// TLS is configured and cannot work, or nobody could be served without it.
pub(crate) fn acceptor(conf: &UpsdConf, listen: &Listen) -> Result<Option<TlsAcceptor>, TlsError> {
    let Some(path) = conf.cert_file.as_ref().map(PathBuf::from) else {
        if listen.plain == Plain::Deny {
            return Err(TlsError::Wanted("plain = \"deny\""));
        }
        if !listen.tls.is_empty() {
            return Err(TlsError::Wanted("tls"));
        }
        return Ok(None);
    };
    let pem = read(&path, "CERTFILE")?;
    let chain = certificates(&pem, &path, "CERTFILE")?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(path));
    }
    if let (Some(ident), Some(leaf)) = (&conf.cert_ident, chain.first()) {
        subject::check(leaf, &ident.name).map_err(|found| TlsError::NotFor {
            path: path.clone(),
            wanted: ident.name.clone(),
            found,
        })?;
    }
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NoKey(path.clone()))?;
    let builder = match verifier(conf)? {
        Some(verifier) => ServerConfig::builder().with_client_cert_verifier(verifier),
        None => ServerConfig::builder().with_no_client_auth(),
    };
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| TlsError::Unusable {
            path,
            reason: error.to_string(),
        })?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

type Verifier = Arc<dyn rustls::server::danger::ClientCertVerifier>;

fn verifier(conf: &UpsdConf) -> Result<Option<Verifier>, TlsError> {
    if conf.cert_request == CertRequest::No {
        return Ok(None);
    }
    let path = conf.cert_path.as_ref().map(PathBuf::from);
    let path = path.ok_or(TlsError::NoAuthority)?;
    let mut roots = RootCertStore::empty();
    for file in authority_files(&path)? {
        let pem = read(&file, "CERTPATH")?;
        roots.add_parsable_certificates(certificates(&pem, &file, "CERTPATH")?);
    }
    if roots.is_empty() {
        return Err(TlsError::NoAuthority);
    }
    let mut builder = WebPkiClientVerifier::builder(Arc::new(roots));
    if conf.cert_request == CertRequest::Request {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder.build().map_err(|error| TlsError::Unusable {
        path,
        reason: error.to_string(),
    })?;
    Ok(Some(verifier))
}

/// A bundle, or every regular file of a directory.
fn authority_files(path: &Path) -> Result<Vec<PathBuf>, TlsError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, "CERTPATH", &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    Ok(files)
}

fn certificates(
    pem: &[u8],
    path: &Path,
    directive: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(path, directive, &error))
}

fn read(path: &Path, directive: &'static str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| unreadable(path, directive, &error))
}

fn unreadable(path: &Path, directive: &'static str, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::Unreadable {
        path: path.to_owned(),
        directive,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use husk_core::conf::upsd::CertIdent;

    fn acceptor(conf: &UpsdConf) -> Result<Option<TlsAcceptor>, TlsError> {
        super::acceptor(conf, &Listen::default())
    }

    fn pem(name: &str) -> (String, String) {
        let pair = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    }

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("husk-tls-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn conf(cert_file: &Path) -> UpsdConf {
        UpsdConf {
            cert_file: Some(cert_file.display().to_string()),
            ..UpsdConf::default()
        }
    }

    #[test]
    fn certificate_and_key_in_either_order_make_an_acceptor() {
        let (cert, key) = pem("localhost");
        for (name, text) in [
            ("ck", format!("{cert}{key}")),
            ("kc", format!("{key}{cert}")),
        ] {
            let path = file(name, &text);
            assert!(acceptor(&conf(&path)).unwrap().is_some());
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn without_certfile_there_is_no_tls() {
        assert!(acceptor(&UpsdConf::default()).unwrap().is_none());
    }

    #[test]
    fn what_is_missing_is_named() {
        let (cert, key) = pem("localhost");
        let path = file("nokey", &cert);
        assert!(matches!(acceptor(&conf(&path)), Err(TlsError::NoKey(_))));
        std::fs::write(&path, &key).unwrap();
        assert!(matches!(
            acceptor(&conf(&path)),
            Err(TlsError::NoCertificate(_))
        ));
        std::fs::write(&path, format!("{cert}{}", pem("other").1)).unwrap();
        assert!(matches!(
            acceptor(&conf(&path)),
            Err(TlsError::Unusable { .. })
        ));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(
            acceptor(&conf(&path)),
            Err(TlsError::Unreadable { .. })
        ));
    }

    #[test]
    fn without_certfile_nobody_is_promised_tls() {
        for (plain, tls, refused) in [
            (Plain::ReadOnly, vec![], false),
            (Plain::Deny, vec![], true),
            (Plain::Allow, vec![("localhost".to_owned(), 1)], true),
        ] {
            let tls = super::acceptor(&UpsdConf::default(), &Listen { plain, tls });
            assert_eq!(
                matches!(tls, Err(TlsError::Wanted(_))),
                refused,
                "{plain:?}"
            );
        }
    }

    #[test]
    fn certident_names_the_certificate() {
        let (cert, key) = pem("ups.example.org");
        let path = file("ident", &format!("{cert}{key}"));
        let named = |name: &str| UpsdConf {
            cert_ident: Some(CertIdent {
                name: name.to_owned(),
                password: String::new(),
            }),
            ..conf(&path)
        };
        assert!(acceptor(&named("ups.example.org")).unwrap().is_some());
        let error = acceptor(&named("other")).map(drop).unwrap_err().to_string();
        assert!(
            error.contains("not for `other`") && error.contains("ups.example.org"),
            "{error}"
        );
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn client_certificates_need_an_authority() {
        let (cert, key) = pem("localhost");
        let path = file("request", &format!("{cert}{key}"));
        let mut conf = conf(&path);
        conf.cert_request = CertRequest::Require;
        assert!(matches!(acceptor(&conf), Err(TlsError::NoAuthority)));
        conf.cert_path = conf.cert_file.clone();
        assert!(acceptor(&conf).unwrap().is_some());
        std::fs::remove_file(path).unwrap();
    }
}
