//! Which TLS each monitored server gets: the rules of the whole file, and those of its `CERTHOST` line.

use husk_core::conf::upsmon::{CertHost, Config};
use husk_core::proto::client::Server;
use husk_tls::Passphrase;
use husk_tls::client::Security;

/// What a connection to `server` must prove.
#[must_use]
pub fn of(config: &Config, server: &Server) -> Security {
    let own = config.cert_hosts.iter().map(|at| &at.value);
    let own = own.rev().find(|line| is_for(line, server));
    Security {
        force: own
            .and_then(|line| line.force)
            .unwrap_or(config.force_tls.value),
        verify: own
            .and_then(|line| line.verify)
            .unwrap_or(config.cert_verify.value),
        name: own.map(|line| line.name.clone()),
        roots: config.cert_path.as_ref().map(|at| at.value.clone().into()),
        identity: config.cert_file.as_ref().map(|at| at.value.clone().into()),
        passphrase: config
            .cert_ident
            .as_ref()
            .map(|at| Passphrase::new(&at.value.password))
            .unwrap_or_default(),
    }
}

/// A line without a port is for every port of its host.
fn is_for(line: &CertHost, server: &Server) -> bool {
    let host = line.host.trim_start_matches('[').trim_end_matches(']');
    host == server.host || Server::parse(&line.host).as_ref() == Ok(server)
}
