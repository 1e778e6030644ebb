//! TLS for the client programs, over a socket that has just agreed on STARTTLS.
//!
//! TLS 1.2 and 1.3 only. Without a reason to distrust the line NUT verifies nobody, and this must connect where NUT does: an
//! unverified session is then no worse than the clear text NUT falls back to. With `CERTVERIFY` the chain and the host
//! name must be right; a `CERTHOST` may also be the certificate's common name, which NUT's own set-ups count on.

use std::fmt::Display;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use husk_server::subject;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    StreamOwned,
};

/// What a connection must prove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Security {
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
}

impl Security {
    /// Whether clear text is out of the question.
    pub(crate) fn demands_tls(&self) -> bool {
        self.force || self.verify
    }
}

/// Starts TLS with `host`. The socket's own timeouts bound the handshake.
pub(super) fn handshake(
    mut socket: TcpStream,
    host: &str,
    security: &Security,
) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let config = config(security)?;
    let host = security.name.as_deref().unwrap_or(host);
    let name = match ServerName::try_from(host.to_owned()) {
        Ok(name) => name,
        Err(_) if security.verify && security.name.is_none() => {
            return Err(format!("{host} is not a name a certificate can have"));
        }
        Err(_) => socket
            .peer_addr()
            .map_err(|error| super::reason(&error))?
            .ip()
            .into(),
    };
    let mut session =
        ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    while session.is_handshaking() {
        session
            .complete_io(&mut socket)
            .map_err(|error| super::reason(&error))?;
    }
    Ok(StreamOwned::new(session, socket))
}

fn config(security: &Security) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let trusted = security.verify.then(|| Trusted::read(security));
    let verifier = Verifier {
        trusted: trusted.transpose()?,
        name: security.name.clone(),
        provider,
    };
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match &security.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(path) => {
            let (chain, key) =
                identity(path).map_err(|why| format!("{}: {why}", path.display()))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("{}: {error}", path.display()))
        }
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(path: &PathBuf) -> Result<Identity, rustls::pki_types::pem::Error> {
    let chain = CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>()?;
    Ok((chain, PrivateKeyDer::from_pem_file(path)?))
}

/// Whom `CERTPATH` trusts.
#[derive(Debug)]
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
}

impl Trusted {
    fn read(security: &Security) -> Result<Self, String> {
        let path = security
            .roots
            .as_deref()
            .ok_or("CERTVERIFY needs CERTPATH to say whom to trust")?;
        let unusable = |why: &dyn Display| format!("CERTPATH {}: {why}", path.display());
        let mut files = vec![path.to_owned()];
        if path.is_dir() {
            let entries = path.read_dir().map_err(|error| unusable(&error))?;
            files = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect();
        }
        // Keys and other things may lie about in a directory; what is no certificate is nobody to trust.
        let certificates: Vec<_> = files
            .iter()
            .filter_map(|file| CertificateDer::pem_file_iter(file).ok())
            .flatten()
            .filter_map(Result::ok)
            .collect();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        if roots.is_empty() {
            return Err(unusable(&"there is no certificate in it"));
        }
        Ok(Self {
            certificates,
            roots,
        })
    }
}

/// Checks who the server is, if anybody is to be trusted more than others; that it holds its key, always.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Trusted>,
    /// `CERTHOST`
    name: Option<String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    /// A server's own certificate may itself be the trusted one, as `openssl req -x509` makes them and OpenSSL takes
    /// them: it is marked as an authority, which the chain's rules refuse in this place.
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trusted) = &self.trusted else {
            return Ok(ServerCertVerified::assertion());
        };
        let parsed = ParsedCertificate::try_from(certificate)?;
        if !trusted.certificates.contains(certificate) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let roots = &trusted.roots;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, between, now, algorithms)?;
        }
        match &self.name {
            None => verify_server_name(&parsed, name)?,
            Some(wanted) => subject::check(certificate, wanted).map_err(|found| {
                Error::General(format!(
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
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
