//! Where a server is: its name looked up, and a TCP connection to the first address that accepts.
//!
//! Every wait has a deadline. Refuses to forget: see [`Addresses`].

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::connection::Error;
use crate::limits;

/// Which addresses of a name are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    /// All.
    #[default]
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    fn takes(self, address: &SocketAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The addresses of a server. What a name stood for last is kept for the time when nobody answers that question: a power
/// failure takes the name server down sooner than the machines.
#[derive(Debug)]
pub(crate) struct Addresses {
    host: String,
    port: u16,
    family: Family,
    known: Vec<SocketAddr>,
    /// A question still open; a second one would only wait behind it.
    lookup: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
}

impl Addresses {
    /// Of a name or an address without brackets.
    pub(crate) fn new(host: &str, port: u16, family: Family) -> Self {
        Self {
            host: host.to_owned(),
            port,
            family,
            known: Vec::new(),
            lookup: None,
        }
    }

    /// The name.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    async fn find(&mut self, patience: Duration) -> Result<Vec<SocketAddr>, Error> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let (host, port) = (self.host.clone(), self.port);
        let lookup = self.lookup.get_or_insert_with(|| {
            tokio::task::spawn_blocking(move || Ok((host, port).to_socket_addrs()?.collect()))
        });
        let patience = if self.known.is_empty() {
            patience
        } else {
            patience.min(limits::LOOKUP_AGAIN)
        };
        if let Ok(found) = timeout(patience, lookup).await {
            self.lookup = None;
            let mut found = found.ok().and_then(Result::ok).unwrap_or_default();
            found.retain(|address| self.family.takes(address));
            found.truncate(limits::ADDRESSES);
            if !found.is_empty() {
                self.known = found;
            }
        }
        if self.known.is_empty() {
            return Err(Error::NoSuchHost);
        }
        Ok(self.known.clone())
    }

    /// Connects to the first address that accepts, waiting `patience` for each.
    ///
    /// # Errors
    /// There is no address, or why the last one does not accept.
    pub(crate) async fn connect(&mut self, patience: Duration) -> Result<TcpStream, Error> {
        let mut last = Error::NoSuchHost;
        for address in self.find(patience).await? {
            match timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => {
                    socket.set_nodelay(true).map_err(Error::Connect)?;
                    return Ok(socket);
                }
                Ok(Err(error)) => last = Error::Connect(error),
                Err(_) => last = Error::Connect(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_name_that_nobody_knows_any_more_stays_where_it_was() {
        let patience = Duration::from_secs(5);
        let mut addresses = Addresses::new("gone.invalid", 1, Family::Both);
        assert!(matches!(
            addresses.find(patience).await,
            Err(Error::NoSuchHost)
        ));
        let known: SocketAddr = "192.0.2.1:1".parse().unwrap();
        addresses.known = vec![known];
        assert_eq!(addresses.find(patience).await.unwrap(), [known]);
        let mut plain = Addresses::new("::1", 3493, Family::Both);
        assert_eq!(
            plain.find(patience).await.unwrap(),
            ["[::1]:3493".parse().unwrap()]
        );
    }
}
