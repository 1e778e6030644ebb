//! TLS for the client programs, over a socket that has just agreed on STARTTLS.

use std::net::TcpStream;

use husk_tls::client::{Security, config, server_name};
use rustls::{ClientConnection, StreamOwned};

/// Starts TLS with `host`. The socket's own timeouts bound the handshake.
pub(super) fn handshake(
    mut socket: TcpStream,
    host: &str,
    security: &Security,
) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
    let config = config(security).map_err(|error| error.to_string())?;
    let address = socket
        .peer_addr()
        .map_err(|error| super::reason(&error))?
        .ip();
    let name = server_name(security, host, address).map_err(|error| error.to_string())?;
    let mut session = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
    while session.is_handshaking() {
        session
            .complete_io(&mut socket)
            .map_err(|error| super::reason(&error))?;
    }
    Ok(StreamOwned::new(session, socket))
}
