//! Telling the service manager that the server is ready, reloading or stopping.
//!
//! The protocol of sd_notify(3): one datagram of `KEY=value` lines to the socket named by
//! NOTIFY_SOCKET. Refuses to fail: without the variable, or when nobody listens, nothing happens.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What the service manager may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All listeners are open and every device has its supervisor.
    Ready,
    /// The stop has begun.
    Stopping,
}

/// Tells the service manager, if there is one.
pub fn notify(phase: Phase) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let Some(name) = socket.to_str() else {
        return;
    };
    if let Err(error) = send(name, phase) {
        log::debug!("cannot notify the service manager at {name}: {error}");
    }
}

fn send(name: &str, phase: Phase) -> std::io::Result<()> {
    let address = match name.strip_prefix('@') {
        Some(rest) => SocketAddr::from_abstract_name(rest.as_bytes())?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let line: &[u8] = match phase {
        Phase::Ready => b"READY=1\n",
        Phase::Stopping => b"STOPPING=1\n",
    };
    socket.send_to_addr(line, &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_abstract_socket_hears_both_phases() {
        let name = format!("husk-notify-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        send(&format!("@{name}"), Phase::Ready).unwrap();
        send(&format!("@{name}"), Phase::Stopping).unwrap();
        let mut buffer = [0; 64];
        let length = listener.recv(&mut buffer).unwrap();
        assert_eq!(buffer.get(..length), Some(&b"READY=1\n"[..]));
        let length = listener.recv(&mut buffer).unwrap();
        assert_eq!(buffer.get(..length), Some(&b"STOPPING=1\n"[..]));
    }

    #[test]
    fn nobody_listening_is_an_error_only_for_the_log() {
        assert!(send("@husk-notify-nobody", Phase::Ready).is_err());
    }
}
