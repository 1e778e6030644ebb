//! The sockets of upsd.conf's LISTEN.
//!
//! Refuses to start on nothing at all; what is opened later is `doors.rs`'s, and accepting is the network thread's.

use crate::config::Config;
use crate::limits;
use crate::network::Entrance;
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener};
use tokio::net::TcpSocket;

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

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) entrance: Entrance,
}

/// What a server does at its start about addresses that it cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// As the classic server: only loopback addresses may be missing.
    Fatal,
    /// Those this machine does not have yet are waited for.
    Awaited,
    /// Any may be missing, as long as there is one.
    Tolerated,
}

impl Missing {
    pub(crate) fn of(config: &Config, classic: bool) -> Self {
        match (config.upsd.allow_not_all_listeners, classic) {
            (_, false) => Self::Awaited,
            (true, true) => Self::Tolerated,
            (false, true) => Self::Fatal,
        }
    }
}

/// One wish and what came of it; nothing for an address that is excluded, or awaited.
pub(crate) struct Bound {
    pub(crate) wish: Wish,
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) awaited: bool,
}

/// Opens all listeners.
///
/// # Errors
/// None could be opened, or one that the configuration insists on could not.
pub(crate) async fn bind(
    wishes: &[Wish],
    family: Family,
    missing: Missing,
) -> Result<Vec<Bound>, ListenError> {
    let mut all = Vec::new();
    let mut failed = Vec::new();
    for wish in wishes {
        let (listeners, awaited) = match bind_wish(wish, family).await {
            Ok(listeners) => (listeners, false),
            Err(failure) => {
                let awaits = failure.absent && missing == Missing::Awaited;
                if awaits {
                    failure.tell(wish);
                } else {
                    log::error!("not listening on {wish}: {}", failure.reason);
                    failed.push(wish.host.as_str());
                }
                (Vec::new(), true)
            }
        };
        all.push(Bound {
            wish: wish.clone(),
            listeners,
            awaited,
        });
    }
    let nothing = all.iter().all(|bound| bound.listeners.is_empty());
    let hopeless = missing != Missing::Awaited || !failed.is_empty();
    if nothing && (hopeless || all.iter().all(|bound| !bound.awaited)) {
        return Err(ListenError::None);
    }
    failed.retain(|host| !is_local(host));
    if !failed.is_empty() && missing != Missing::Tolerated {
        return Err(ListenError::NotAll(failed.join(", ")));
    }
    Ok(all)
}

/// Opens one wish and says so.
pub(crate) async fn bind_wish(wish: &Wish, family: Family) -> Result<Vec<TcpListener>, Failure> {
    let open = bind_host(&wish.host, wish.port, family).await?;
    let kind = match wish.entrance {
        Entrance::Plain => "",
        Entrance::Tls => " (TLS)",
    };
    for listener in &open {
        if let Ok(address) = listener.local_addr() {
            log::info!(
                "listening on {} port {}{kind}",
                address.ip(),
                address.port()
            );
        }
    }
    Ok(open)
}

/// Why an address cannot be listened on.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// This machine does not have the address, which may change.
    pub(crate) absent: bool,
}

impl Failure {
    /// Of an address that goes on being tried; said once.
    pub(crate) fn tell(&self, wish: &Wish) {
        log::warn!(
            "not listening on {wish}: {}; it is tried again every {} s",
            self.reason,
            limits::REBIND.as_secs()
        );
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.host, self.port)
    }
}

/// A machine without IPv6 still serves itself: a loopback address that is missing is no reason to stop.
fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A name may stand for several addresses; one of them is enough.
async fn bind_host(host: &str, port: u16, family: Family) -> Result<Vec<TcpListener>, Failure> {
    let addresses = tokio::net::lookup_host((host, port)).await;
    let addresses = addresses.map_err(|error| Failure {
        reason: error.to_string(),
        absent: true,
    })?;
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
            Err(error) => {
                wrong = Some(Failure {
                    reason: error.to_string(),
                    absent: error.kind() == std::io::ErrorKind::AddrNotAvailable,
                });
            }
        }
    }
    match wrong {
        Some(failure) if open.is_empty() => Err(failure),
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
    socket.listen(limits::BACKLOG)?.into_std()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn wishes(listen: &[(&str, u16)]) -> Vec<Wish> {
        let wish = |&(host, port): &(&str, u16)| Wish {
            host: host.to_owned(),
            port,
            entrance: Entrance::Plain,
        };
        listen.iter().map(wish).collect()
    }

    async fn open(listen: &[(&str, u16)], missing: Missing) -> Result<usize, ListenError> {
        let all = bind(&wishes(listen), Family::Both, missing).await?;
        Ok(all.iter().map(|bound| bound.listeners.len()).sum())
    }

    #[tokio::test]
    async fn port_zero_gives_a_free_port() {
        let wishes = wishes(&[("127.0.0.1", 0)]);
        let open = bind(&wishes, Family::Both, Missing::Fatal).await.unwrap();
        assert_ne!(open[0].listeners[0].local_addr().unwrap().port(), 0);
    }

    #[tokio::test]
    async fn a_missing_loopback_is_tolerated_and_a_missing_address_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let both = [("127.0.0.1", port), ("127.0.0.1", 0)];
        assert_eq!(open(&both, Missing::Fatal).await.unwrap(), 1);

        // 192.0.2.1 is reserved for documentation, so no interface has it.
        let foreign = [("192.0.2.1", 0), ("127.0.0.1", 0)];
        assert!(matches!(
            open(&foreign, Missing::Fatal).await,
            Err(ListenError::NotAll(hosts)) if hosts == "192.0.2.1"
        ));
        assert_eq!(open(&foreign, Missing::Tolerated).await.unwrap(), 1);
        assert_eq!(open(&foreign, Missing::Awaited).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn nothing_at_all_is_an_error_unless_something_may_come() {
        let absent = [("192.0.2.1", 0)];
        assert_eq!(open(&absent, Missing::Awaited).await.unwrap(), 0);
        for missing in [Missing::Fatal, Missing::Tolerated] {
            let refused = open(&absent, missing).await;
            assert!(matches!(refused, Err(ListenError::None)));
        }
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = [("127.0.0.1", taken.local_addr().unwrap().port())];
        assert!(matches!(
            open(&taken, Missing::Awaited).await,
            Err(ListenError::None)
        ));
        let only_v4 = wishes(&[("127.0.0.1", 0)]);
        assert!(matches!(
            bind(&only_v4, Family::V6, Missing::Awaited).await,
            Err(ListenError::None)
        ));
    }
}
