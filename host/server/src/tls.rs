//! STARTTLS: what upsd.conf and husk.toml ask for, as settings of rustls.
//!
//! A server whose CERTFILE cannot be used does not start: going on in clear would be worse than not at all.

use crate::config::extras::Listen;
use husk_core::conf::upsd::{CertRequest, UpsdConf};
use husk_core::proto::session::Plain;
use husk_tls::Passphrase;
use husk_tls::server::{Clients, Settings};
use tokio_rustls::TlsAcceptor;

/// Why TLS cannot be offered although it is configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of upsd.conf's CERT… directives cannot be used.
    #[error("upsd.conf: {0}")]
    Files(#[from] husk_tls::Error),
    /// husk.toml asks for TLS, upsd.conf does not offer any.
    #[error("`{0}` in the [listen] of husk.toml needs a CERTFILE in upsd.conf")]
    Wanted(&'static str),
}

/// What STARTTLS is answered with: `None` when upsd.conf has no CERTFILE.
///
/// # Errors
/// TLS is configured and cannot work, or nobody could be served without it.
pub(crate) fn acceptor(conf: &UpsdConf, listen: &Listen) -> Result<Option<TlsAcceptor>, TlsError> {
    let Some(identity) = &conf.cert_file else {
        if listen.plain == Plain::Deny {
            return Err(TlsError::Wanted("plain = \"deny\""));
        }
        if !listen.tls.is_empty() {
            return Err(TlsError::Wanted("tls"));
        }
        return Ok(None);
    };
    let settings = Settings {
        identity: identity.into(),
        name: conf.cert_ident.as_ref().map(|ident| ident.name.clone()),
        passphrase: conf
            .cert_ident
            .as_ref()
            .map(|ident| Passphrase::new(&ident.password))
            .unwrap_or_default(),
        roots: conf.cert_path.as_ref().map(Into::into),
        clients: match conf.cert_request {
            CertRequest::No => Clients::Unasked,
            CertRequest::Request => Clients::Asked,
            CertRequest::Require => Clients::Required,
        },
    };
    let config = husk_tls::server::config(&settings)?;
    Ok(Some(TlsAcceptor::from(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_certfile_nobody_is_promised_tls() {
        for (plain, tls, refused) in [
            (Plain::ReadOnly, vec![], false),
            (Plain::Deny, vec![], true),
            (Plain::Allow, vec![("localhost".to_owned(), 1)], true),
        ] {
            let tls = acceptor(&UpsdConf::default(), &Listen { plain, tls });
            assert_eq!(
                matches!(tls, Err(TlsError::Wanted(_))),
                refused,
                "{plain:?}"
            );
            assert!(refused || matches!(tls, Ok(None)), "{plain:?}");
        }
    }

    #[test]
    fn a_certfile_that_cannot_be_used_is_an_error() {
        let conf = UpsdConf {
            cert_file: Some("/nonexistent/ups.pem".to_owned()),
            ..UpsdConf::default()
        };
        let tls = acceptor(&conf, &Listen::default());
        assert!(matches!(tls, Err(TlsError::Files(_))));
    }
}
