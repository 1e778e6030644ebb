//! The client's end: whom to believe, and who we are.
//!
//! Without a reason to distrust the line NUT verifies nobody, and this must connect where NUT does: an
//! unverified session is then no worse than the clear text NUT falls back to. With `CERTVERIFY` the chain and the host
//! name must be right; a `CERTHOST` may also be the certificate's common name, which NUT's own set-ups count on.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::pem::{Authorities, Identity};
use crate::{Error, Passphrase, subject};

/// What a connection must prove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// `FORCESSL`: no TLS, no connection.
    pub force: bool,
    /// `CERTVERIFY`: the server must be who it says.
    pub verify: bool,
    /// `CERTHOST`: the name its certificate must bear, if not the host's.
    pub name: Option<String>,
    /// `CERTPATH`: the file or directory of PEM certificates to trust.
    pub roots: Option<PathBuf>,
    /// `CERTFILE`: our own certificate chain and key, in one PEM file.
    pub identity: Option<PathBuf>,
    /// The passphrase in `CERTIDENT`, for our key.
    pub passphrase: Passphrase,
}

impl Security {
    /// Whether clear text is out of the question.
    #[must_use]
    pub fn demands_tls(&self) -> bool {
        self.force || self.verify
    }
}

/// Settings of rustls for connections with this security. They are read from files: keep them for many connections.
///
/// # Errors
/// A file cannot be used for what the settings want it for.
pub fn config(security: &Security) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setup(error.to_string()))?;
    let roots = security.roots.as_deref();
    let trusted = security
        .verify
        .then(|| Authorities::read(roots, "CERTVERIFY"));
    let verifier = Verifier {
        trusted: trusted.transpose()?,
        name: security.name.clone(),
        provider,
    };
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(path) = &security.identity else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let identity = Identity::read(path, &security.passphrase)?;
    builder
        .with_client_auth_cert(identity.chain, identity.key)
        .map(Arc::new)
        .map_err(|error| Error::Unusable {
            path: path.clone(),
            reason: error.to_string(),
        })
}

/// The name by which the server at `host` (as configured) and `address` (as connected to) is called in the handshake.
///
/// # Errors
/// The server is to be verified by a name that no certificate can bear.
pub fn server_name(
    security: &Security,
    host: &str,
    address: IpAddr,
) -> Result<ServerName<'static>, Error> {
    let called = security.name.as_deref().unwrap_or(host);
    match ServerName::try_from(called.to_owned()) {
        Ok(name) => Ok(name),
        // A CERTHOST may be a common name with spaces; the verifier compares it itself.
        Err(_) if security.verify && security.name.is_none() => {
            Err(Error::NoName(called.to_owned()))
        }
        Err(_) => Ok(address.into()),
    }
}

/// Checks who the server is, if anybody is to be trusted more than others; that it holds its key, always.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Authorities>,
    /// `CERTHOST`
    name: Option<String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    /// A server's own certificate may itself be the trusted one, as `openssl req -x509` makes them and OpenSSL takes
    /// them: it is marked as an authority, which the chain's rules refuse in this place. Its dates count all the same.
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(trusted) = &self.trusted else {
            return Ok(ServerCertVerified::assertion());
        };
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let roots = &trusted.roots;
        let chain =
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, between, now, algorithms);
        let own = trusted.certificates.contains(certificate);
        chain.or_else(|error| match own && !is_untimely(&error) {
            true => Ok(()),
            false => Err(error),
        })?;
        match &self.name {
            None => verify_server_name(&parsed, name).or_else(|error| {
                let common = subject::is_commonly(certificate, &name.to_str());
                common.then_some(()).ok_or(error)
            })?,
            Some(wanted) => subject::check(certificate, wanted).map_err(|found| {
                rustls::Error::General(format!(
                    "the server's certificate is for {found} and not for {wanted}"
                ))
            })?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Whether a certificate was refused for its dates.
fn is_untimely(error: &rustls::Error) -> bool {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }
        )
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    /// As `openssl req -x509` makes them: its own authority, marked as one or not.
    fn own(until: i32, is_ca: IsCa) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn a_servers_own_certificate_may_be_the_trusted_one_until_it_expires() {
        let marked = || IsCa::Ca(BasicConstraints::Unconstrained);
        for (until, is_ca, trusted, good) in [
            (4000, marked(), true, true),
            (2021, marked(), true, false),
            (4000, marked(), false, false),
            (4000, IsCa::NoCa, true, true),
            (2021, IsCa::NoCa, true, false),
        ] {
            let shown = own(until, is_ca);
            let root = match trusted {
                true => shown.clone(),
                false => own(until, is_ca),
            };
            let mut roots = rustls::RootCertStore::empty();
            roots.add(root.clone()).unwrap();
            let verifier = Verifier {
                trusted: Some(Authorities {
                    certificates: vec![root],
                    roots,
                }),
                name: None,
                provider: Arc::new(ring::default_provider()),
            };
            let name = ServerName::try_from("localhost").unwrap();
            let verified = verifier.verify_server_cert(&shown, &[], &name, &[], UnixTime::now());
            assert_eq!(verified.is_ok(), good, "{until} {trusted}: {verified:?}");
        }
    }
}
