//! The server's end: its certificate, and whether clients must have one.
//!
//! Whatever is asked for and cannot be had is an error: going on in clear would be worse than not at all.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::pem::{Authorities, Identity};
use crate::{Error, Passphrase, subject};

/// What upsd.conf says about TLS.
#[derive(Default)]
pub struct Settings {
    /// `CERTFILE`: certificate, chain and key in one PEM file.
    pub identity: PathBuf,
    /// The name in `CERTIDENT`: the certificate must be for it.
    pub name: Option<String>,
    /// The passphrase in `CERTIDENT`, for the key.
    pub passphrase: Passphrase,
    /// `CERTPATH`: a PEM bundle or a directory of certificates that vouch for clients.
    pub roots: Option<PathBuf>,
    /// `CERTREQUEST`
    pub clients: Clients,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clients {
    /// They are not asked.
    #[default]
    Unasked,
    /// Asked; a certificate that is shown must be good.
    Asked,
    /// No certificate, no connection.
    Required,
}

/// Settings of rustls for a server.
///
/// # Errors
/// A file cannot be used for what the settings want it for.
pub fn config(settings: &Settings) -> Result<Arc<ServerConfig>, Error> {
    let path = &settings.identity;
    let identity = Identity::read(path, &settings.passphrase)?;
    if let (Some(wanted), Some(leaf)) = (&settings.name, identity.chain.first()) {
        subject::check(leaf, wanted).map_err(|found| Error::NotFor {
            path: path.clone(),
            wanted: wanted.clone(),
            found,
        })?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setup(error.to_string()))?;
    let builder = match verifier(settings)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    builder
        .with_single_cert(identity.chain, identity.key)
        .map(Arc::new)
        .map_err(|error| Error::Unusable {
            path: path.clone(),
            reason: error.to_string(),
        })
}

fn verifier(settings: &Settings) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
    if settings.clients == Clients::Unasked {
        return Ok(None);
    }
    let trusted = Authorities::read(settings.roots.as_deref(), "CERTREQUEST")?;
    let provider = Arc::new(ring::default_provider());
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(trusted.roots), provider);
    if settings.clients == Clients::Asked {
        builder = builder.allow_unauthenticated();
    }
    builder
        .build()
        .map(Some)
        .map_err(|error| Error::Setup(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::Path;

    fn pem(name: &str) -> (String, String) {
        let pair = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    }

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("husk-tls-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn settings(identity: &Path) -> Settings {
        Settings {
            identity: identity.to_owned(),
            ..Settings::default()
        }
    }

    #[test]
    fn certificate_and_key_may_stand_in_either_order() {
        let (cert, key) = pem("localhost");
        for (name, text) in [
            ("ck", format!("{cert}{key}")),
            ("kc", format!("{key}{cert}")),
        ] {
            let path = file(name, &text);
            assert!(config(&settings(&path)).is_ok());
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let (cert, key) = pem("localhost");
        let path = file("nokey", &cert);
        assert!(matches!(config(&settings(&path)), Err(Error::NoKey(_))));
        std::fs::write(&path, &key).unwrap();
        let error = config(&settings(&path));
        assert!(matches!(error, Err(Error::NoCertificate(_))));
        std::fs::write(&path, format!("{cert}{}", pem("other").1)).unwrap();
        let error = config(&settings(&path));
        assert!(matches!(error, Err(Error::Unusable { .. })));
        std::fs::remove_file(&path).unwrap();
        let error = config(&settings(&path));
        assert!(matches!(error, Err(Error::Unreadable { .. })));
    }

    #[test]
    fn certident_names_the_certificate() {
        let (cert, key) = pem("ups.example.org");
        let path = file("ident", &format!("{cert}{key}"));
        let named = |name: &str| Settings {
            name: Some(name.to_owned()),
            ..settings(&path)
        };
        assert!(config(&named("ups.example.org")).is_ok());
        let error = config(&named("other")).unwrap_err().to_string();
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
        let mut settings = settings(&path);
        settings.clients = Clients::Required;
        assert!(matches!(config(&settings), Err(Error::NoAuthority(_))));
        settings.roots = Some(path.clone());
        assert!(config(&settings).is_ok());
        let bare = file("bare", "nothing");
        settings.roots = Some(bare.clone());
        assert!(matches!(config(&settings), Err(Error::Unreadable { .. })));
        std::fs::remove_file(path).unwrap();
        std::fs::remove_file(bare).unwrap();
    }
}
