//! Telling the service manager that the daemon is ready, reloading, alive or stopping.
//!
//! The protocol of sd_notify(3): one datagram of `KEY=value` lines to the socket named by
//! NOTIFY_SOCKET. Refuses to fail: without the variable, or when nobody listens, nothing happens.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What the service manager may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The daemon does what it is for.
    Ready,
    /// The configuration is read again; [`Phase::Ready`] ends it.
    Reloading,
    /// Still at work, for the watchdog.
    Alive,
    /// The stop has begun.
    Stopping,
}

impl Phase {
    fn lines(self) -> String {
        match self {
            Phase::Ready => "READY=1\n".to_owned(),
            // Units of Type=notify-reload match the answer to the question by the clock.
            Phase::Reloading => {
                let now = clock_gettime(ClockId::Monotonic);
                let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
                format!("RELOADING=1\nMONOTONIC_USEC={micros}\n")
            }
            Phase::Alive => "WATCHDOG=1\n".to_owned(),
            Phase::Stopping => "STOPPING=1\n".to_owned(),
        }
    }
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

/// How often [`Phase::Alive`] is due, `None` without a watchdog: half of what the service manager grants this process.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let other = |pid| pid != u64::from(std::process::id());
    if number("WATCHDOG_PID").is_some_and(other) {
        return None;
    }
    let granted = number("WATCHDOG_USEC").filter(|micros| *micros > 0)?;
    Some(Duration::from_micros(granted) / 2)
}

fn send(name: &str, phase: Phase) -> std::io::Result<()> {
    let address = match name.strip_prefix('@') {
        Some(rest) => SocketAddr::from_abstract_name(rest.as_bytes())?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket
        .send_to_addr(phase.lines().as_bytes(), &address)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_abstract_socket_hears_every_phase() {
        let name = format!("husk-notify-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        for (phase, expected) in [
            (Phase::Ready, "READY=1\n"),
            (Phase::Reloading, "RELOADING=1\nMONOTONIC_USEC="),
            (Phase::Alive, "WATCHDOG=1\n"),
            (Phase::Stopping, "STOPPING=1\n"),
        ] {
            send(&format!("@{name}"), phase).unwrap();
            let mut buffer = [0; 64];
            let length = listener.recv(&mut buffer).unwrap();
            let heard = std::str::from_utf8(buffer.get(..length).unwrap()).unwrap();
            assert!(heard.starts_with(expected), "{heard}");
        }
    }

    #[test]
    fn nobody_listening_is_an_error_only_for_the_log() {
        assert!(send("@husk-notify-nobody", Phase::Ready).is_err());
    }
}
