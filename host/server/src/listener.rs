//! The sockets of upsd.conf's LISTEN, and accepting from them for as long as the server runs.
//!
//! Refuses to start on nothing at all. A full house is refused by closing the connection at once, which
//! clients understand; `accept` failing is waited out, never spun on.

use crate::connection::{self, Hall};
use crate::limits;
use husk_core::conf::upsd::UpsdConf;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};

/// Which addresses are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    /// All.
    #[default]
    Both,
    /// `-4`
    V4,
    /// `-6`
    V6,
}

impl Family {
    fn takes(self, ip: IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

/// Why nothing listens. The sentences are the classic server's.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Not one socket could be opened.
    #[error("no listening interface available")]
    None,
    /// Some could not, and that is not allowed.
    #[error(
        "some listening interfaces were not available: {0}; set ALLOW_NOT_ALL_LISTENERS in upsd.conf to serve on the others"
    )]
    NotAll(String),
}

/// Opens all listeners.
///
/// # Errors
/// None could be opened, or one that the configuration insists on could not.
pub(crate) async fn bind(conf: &UpsdConf, family: Family) -> Result<Vec<TcpListener>, ListenError> {
    let mut open = Vec::new();
    let mut failed = Vec::new();
    for (host, port) in conf.listeners() {
        match bind_host(&host, port, family).await {
            Ok(listeners) => open.extend(listeners),
            Err(reason) => {
                log::error!("not listening on {host} port {port}: {reason}");
                failed.push(host);
            }
        }
    }
    if open.is_empty() {
        return Err(ListenError::None);
    }
    failed.retain(|host| !is_local(host));
    if !failed.is_empty() && !conf.allow_not_all_listeners {
        return Err(ListenError::NotAll(failed.join(", ")));
    }
    for listener in &open {
        if let Ok(address) = listener.local_addr() {
            log::info!("listening on {} port {}", address.ip(), address.port());
        }
    }
    Ok(open)
}

/// A machine without IPv6 still serves itself: a loopback address that is missing is no reason to stop.
fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A name may stand for several addresses; one of them is enough.
async fn bind_host(host: &str, port: u16, family: Family) -> Result<Vec<TcpListener>, String> {
    let addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| error.to_string())?;
    let mut open: Vec<TcpListener> = Vec::new();
    let mut wrong = None;
    let mut asked = Vec::new();
    for address in addresses.filter(|address| family.takes(address.ip())) {
        if asked.contains(&address) {
            continue;
        }
        asked.push(address);
        match bind_address(address) {
            Ok(listener) => open.push(listener),
            Err(error) => wrong = Some(error.to_string()),
        }
    }
    match wrong {
        Some(reason) if open.is_empty() => Err(reason),
        // Excluded by -4 or -6: asked for, so not a failure.
        _ => Ok(open),
    }
}

fn bind_address(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        let socket = TcpSocket::new_v6()?;
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
        socket
    };
    // A port of the system's choice must not be one that another server, not listening yet, got as well.
    socket.set_reuseaddr(address.port() != 0)?;
    socket.bind(address)?;
    socket.listen(limits::BACKLOG)
}

/// Accepts until the server stops.
pub(crate) async fn accept(listener: TcpListener, hall: Arc<Hall>) {
    let mut stop = hall.stop.clone();
    let mut complaint = Complaint::default();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stopped| *stopped) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match hall.enter(peer.ip()) {
                Some(guest) => {
                    tokio::spawn(connection::converse(guest, stream));
                }
                None => complaint
                    .say(|| format!("{peer} was turned away: MAXCONN connections are open")),
            },
            Err(error) => {
                complaint.say(|| format!("cannot accept connections: {error}"));
                // A client that gave up before it was accepted is no reason to pause.
                if error.kind() != std::io::ErrorKind::ConnectionAborted {
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Says the same kind of thing at most once a minute: strangers decide how often there is reason to.
#[derive(Default)]
struct Complaint(Option<Instant>);

impl Complaint {
    fn say(&mut self, sentence: impl FnOnce() -> String) {
        const PAUSE: Duration = Duration::from_secs(60);
        if self.0.is_none_or(|last| last.elapsed() >= PAUSE) {
            self.0 = Some(Instant::now());
            log::warn!("{}", sentence());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn conf(listen: &[(&str, u16)]) -> UpsdConf {
        UpsdConf {
            listen: listen
                .iter()
                .map(|(host, port)| ((*host).to_owned(), *port))
                .collect(),
            ..UpsdConf::default()
        }
    }

    #[tokio::test]
    async fn port_zero_gives_a_free_port() {
        let open = bind(&conf(&[("127.0.0.1", 0)]), Family::Both)
            .await
            .unwrap();
        assert_ne!(open[0].local_addr().unwrap().port(), 0);
    }

    #[tokio::test]
    async fn a_missing_loopback_is_tolerated_and_a_missing_address_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let both = conf(&[("127.0.0.1", port), ("127.0.0.1", 0)]);
        assert_eq!(bind(&both, Family::Both).await.unwrap().len(), 1);

        // 192.0.2.1 is reserved for documentation, so no interface has it.
        let mut foreign = conf(&[("192.0.2.1", 0), ("127.0.0.1", 0)]);
        assert!(matches!(
            bind(&foreign, Family::Both).await,
            Err(ListenError::NotAll(hosts)) if hosts == "192.0.2.1"
        ));
        foreign.allow_not_all_listeners = true;
        assert_eq!(bind(&foreign, Family::Both).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn nothing_at_all_is_an_error() {
        let only_v4 = conf(&[("127.0.0.1", 0)]);
        assert!(matches!(
            bind(&only_v4, Family::V6).await,
            Err(ListenError::None)
        ));
    }
}
