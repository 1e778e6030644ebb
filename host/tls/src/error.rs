//! Why certificates or keys cannot be used: which file, who named it, what to do.

use std::path::PathBuf;

/// Why TLS cannot work as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {path} (named by {directive}): {reason}")]
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
        "{0} holds no certificate; CERTFILE wants the certificate, its chain and its key in one PEM file"
    )]
    NoCertificate(PathBuf),
    /// CERTFILE has no usable key.
    #[error(
        "{0} holds no private key that can be used; CERTFILE wants a PEM key beside the certificate"
    )]
    NoKey(PathBuf),
    /// The key is encrypted.
    #[error(
        "the key in {0} is encrypted and no passphrase is given; it is the second word of CERTIDENT"
    )]
    NoPassphrase(PathBuf),
    /// The key is encrypted with another passphrase.
    #[error("the passphrase CERTIDENT gives does not open the key in {0}")]
    WrongPassphrase(PathBuf),
    /// The key is encrypted as OpenSSL did before PKCS #8.
    #[error(
        "the key in {0} is encrypted the old way (`Proc-Type: 4,ENCRYPTED`), which does not protect it; \
         convert it with `openssl pkcs8 -topk8 -in {0} -out new.key` and put new.key in its place"
    )]
    OldEncryption(PathBuf),
    /// Key and certificate do not belong together, or a kind that is not supported.
    #[error("{path} cannot be used for TLS: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        reason: String,
    },
    /// CERTIDENT names another certificate.
    #[error(
        "the certificate in {path} is not for `{wanted}`, which CERTIDENT asks for; it is for {found}"
    )]
    NotFor {
        /// CERTFILE.
        path: PathBuf,
        /// The name in CERTIDENT.
        wanted: String,
        /// Its own names.
        found: String,
    },
    /// Somebody is to be verified and nobody is trusted.
    #[error("{0} asks to verify certificates but CERTPATH names no authority to check them by")]
    NoAuthority(&'static str),
    /// A server's name no certificate can bear.
    #[error("{0} is not a name a certificate can have")]
    NoName(String),
    /// What rustls says about settings that come from no file.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}
