//! Whom a certificate is for: the check behind CERTIDENT, which keeps a server from starting with the wrong file.
//!
//! As with the incumbent, a name fits that is the whole subject (`/O=…/CN=…`), its common name, or a DNS name or address of
//! the certificate. It verifies nothing: of a peer only a certificate that webpki has verified may come here.

use rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

/// Attribute types of a subject that are shown by letters: X.520, DER without tag and length.
const ATTRIBUTES: [(&[u8], &str); 7] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1],
        "emailAddress",
    ),
];

/// Whether the certificate is for `name`.
///
/// # Errors
/// What it is for instead.
pub fn check(certificate: &CertificateDer<'_>, name: &str) -> Result<(), String> {
    let Ok(parsed) = EndEntityCert::try_from(certificate) else {
        return Err("nobody, since it cannot be read".to_owned());
    };
    let subject = attributes(parsed.subject());
    let whole: String = subject
        .iter()
        .map(|(kind, value)| format!("/{kind}={value}"))
        .collect();
    let common = subject.iter().rev().find(|(kind, _)| *kind == "CN");
    let as_host = || {
        ServerName::try_from(name)
            .is_ok_and(|host| parsed.verify_is_valid_for_subject_name(&host).is_ok())
    };
    if whole == name || common.is_some_and(|(_, value)| value == name) || as_host() {
        return Ok(());
    }
    let mut names = vec![whole];
    names.extend(parsed.valid_dns_names().map(str::to_owned));
    names.retain(|name| !name.is_empty());
    Err(names.join(", "))
}

/// Whether the certificate bears no host name but for its common name, and that is `host`: certificates were made so before
/// RFC 2818, NUT's guides still make them, and OpenSSL takes them.
pub(crate) fn is_commonly(certificate: &CertificateDer<'_>, host: &str) -> bool {
    EndEntityCert::try_from(certificate).is_ok_and(|parsed| {
        let subject = attributes(parsed.subject());
        let common = subject.iter().rev().find(|(kind, _)| *kind == "CN");
        parsed.valid_dns_names().next().is_none()
            && common.is_some_and(|(_, name)| name.eq_ignore_ascii_case(host))
    })
}

/// Types and values of a subject, in its order; what has no letters or is no text is left out.
fn attributes(mut subject: &[u8]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    while let Some((set, rest)) = element(subject) {
        subject = rest;
        let mut inside = set;
        while let Some((pair, rest)) = element(inside) {
            inside = rest;
            let Some((kind, rest)) = element(pair) else {
                continue;
            };
            let letters = ATTRIBUTES.iter().find(|(known, _)| *known == kind);
            if let (Some((_, letters)), Some((value, _))) = (letters, element(rest)) {
                found.push((*letters, String::from_utf8_lossy(value).into_owned()));
            }
        }
    }
    found
}

/// The content of the first DER element, and what follows it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (&length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(length)), rest)
        }
        // No name is longer than 64 KiB.
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn certificate() -> CertificateDer<'static> {
        let names = ["ups.example.org".to_owned(), "192.0.2.7".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let subject = &mut params.distinguished_name;
        subject.push(DnType::OrganizationName, "Rack & Co");
        subject.push(DnType::CommonName, "x".repeat(60) + " UPS");
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn subject_common_name_host_and_address_fit_and_nothing_else() {
        let common = "x".repeat(60) + " UPS";
        let whole = format!("/O=Rack & Co/CN={common}");
        for (name, fits) in [
            (whole.as_str(), true),
            (common.as_str(), true),
            ("ups.example.org", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("example.org", false),
            ("Rack & Co", false),
            ("", false),
        ] {
            assert_eq!(check(&certificate(), name).is_ok(), fits, "{name}");
        }
        let found = check(&certificate(), "other").unwrap_err();
        assert_eq!(found, format!("{whole}, ups.example.org"));
    }

    #[test]
    fn the_common_name_counts_for_hosts_only_where_no_other_stands() {
        for (names, fits) in [
            (vec![], true),
            (vec!["192.0.2.7".to_owned()], true),
            (vec!["other.example.org".to_owned()], false),
        ] {
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name.push(DnType::CommonName, "Box");
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap().der().clone();
            assert_eq!(is_commonly(&certificate, "box"), fits);
            assert!(!is_commonly(&certificate, "fox"));
        }
    }

    #[test]
    fn broken_lengths_end_the_reading() {
        assert_eq!(element(&[0x30, 5, 1]), None);
        assert_eq!(element(&[0x30, 0x83, 0, 0, 1, 1]), None);
        assert_eq!(
            element(&[0x30, 0x82, 0, 1, 7, 8]),
            Some((&[7][..], &[8][..]))
        );
        assert!(attributes(&[0x31, 2, 0x30, 0, 0x31]).is_empty());
    }
}
