//! A byte stream to the one peer that the configuration names, over TCP or a Unix socket.
//!
//! The host connects, within a deadline; a driver cannot choose the peer, and what it may reopen is this connection to
//! the same one. TLS is not offered here yet.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep_until, timeout};

use crate::fd::Fd;
use crate::intake::{Intake, Timer};
use crate::lookup::Lookup;
use crate::{Connection, Deadline, Fut, IoError, OpenError, limits};

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A host name or address, and a port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads `host:port`, `[address]:port` or an absolute path, and where the protocol has a `usual` port also `host` and
    /// `[address]`; `None` when it is none of them.
    #[must_use]
    pub fn parse(text: &str, usual: Option<u16>) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::Unix(text.into()));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            // Without brackets the colons of an address could not be told from that of the port.
            None if text.matches(':').count() > 1 => return None,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port {
            "" => usual,
            port => port.strip_prefix(':')?.parse().ok(),
        };
        let fit = !host.is_empty() && !host.contains(['[', ']', '/']);
        let port = port.filter(|port| fit && *port != 0)?;
        Some(Self::Tcp(host.to_owned(), port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Connects; `within` covers the name look-up too.
///
/// # Errors
/// `Timeout`, or `Unreachable` with the cause.
pub async fn open(endpoint: &Endpoint, within: Duration) -> Result<Arc<dyn Connection>, OpenError> {
    let name = || PathBuf::from(endpoint.to_string());
    let mut lookup = Lookup::default();
    match timeout(within, connect(endpoint, &mut lookup)).await {
        Ok(Ok(fd)) => Ok(Arc::new(Stream {
            lookup: tokio::sync::Mutex::new(lookup),
            endpoint: endpoint.clone(),
            fd: Mutex::new(Some(Arc::new(fd))),
            since: Mutex::new(Instant::now()),
            intake: Intake::default(),
        })),
        Ok(Err(error)) => Err(OpenError::Unreachable {
            endpoint: name(),
            reason: error.to_string(),
        }),
        Err(_) => Err(OpenError::Timeout(name())),
    }
}

async fn connect(endpoint: &Endpoint, lookup: &mut Lookup) -> std::io::Result<Fd> {
    let socket: OwnedFd = match endpoint {
        Endpoint::Tcp(host, port) => {
            let addresses = lookup.addresses(host, *port).await?;
            let stream = TcpStream::connect(addresses.as_slice()).await?;
            // Requests are small and wait for their answer: Nagle's algorithm would only add 40 ms.
            stream.set_nodelay(true)?;
            stream.into_std()?.into()
        }
        Endpoint::Unix(path) => UnixStream::connect(path).await?.into_std()?.into(),
    };
    Fd::new(socket)
}

struct Stream {
    endpoint: Endpoint,
    lookup: tokio::sync::Mutex<Lookup>,
    /// `None` once hung up.
    fd: Mutex<Option<Arc<Fd>>>,
    /// When it last began to connect.
    since: Mutex<Instant>,
    intake: Intake,
}

impl Stream {
    fn connected(&self) -> Result<Arc<Fd>, IoError> {
        self.held().clone().ok_or(IoError::Disconnected)
    }

    /// Connects, at its turn: a driver that asks for nothing else must not keep its peer busy.
    async fn again(&self) -> std::io::Result<Fd> {
        let turn = *self.since() + limits::RECONNECT;
        sleep_until(turn).await;
        *self.since() = Instant::now();
        let mut lookup = self.lookup.lock().await;
        connect(&self.endpoint, &mut lookup).await
    }

    fn since(&self) -> MutexGuard<'_, Instant> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Fd>>> {
        // Nothing panics while the lock is held.
        self.fd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection for Stream {
    fn write<'a>(&'a self, bytes: &'a [u8], deadline: Deadline) -> Fut<'a, ()> {
        Box::pin(async move {
            let fd = self.connected()?;
            fd.write_all(bytes, &Timer::start(deadline)).await
        })
    }

    fn read(&self, max: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let fd = self.connected()?;
            self.intake.read(&*fd, max, deadline).await
        })
    }

    fn read_exact(&self, count: usize, deadline: Deadline) -> Fut<'_, Vec<u8>> {
        Box::pin(async move {
            let fd = self.connected()?;
            self.intake.read_exact(&*fd, count, deadline).await
        })
    }

    fn read_until<'a>(
        &'a self,
        stop: &'a [u8],
        max: usize,
        deadline: Deadline,
    ) -> Fut<'a, Vec<u8>> {
        Box::pin(async move {
            let fd = self.connected()?;
            let until = (stop, b"".as_slice());
            self.intake.read_until(&*fd, until, max, deadline).await
        })
    }

    fn readable(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            match self.connected() {
                Ok(fd) => fd.readable(&self.intake).await.map(drop),
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn reopen(&self, deadline: Deadline) -> Fut<'_, ()> {
        Box::pin(async move {
            self.close();
            let fd = match timeout(deadline.total, self.again()).await {
                Ok(Ok(fd)) => fd,
                Ok(Err(_)) => return Err(IoError::Disconnected),
                Err(_) => return Err(IoError::Timeout),
            };
            *self.held() = Some(Arc::new(fd));
            Ok(())
        })
    }

    fn close(&self) {
        *self.held() = None;
        self.intake.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Scratch;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, UnixListener};

    const SOON: Duration = Duration::from_secs(2);

    #[test]
    fn endpoints_read_as_they_are_written() {
        for text in [
            "apc.example:3551",
            "[::1]:10101",
            "192.0.2.1:1",
            "/run/upsd.sock",
        ] {
            assert_eq!(Endpoint::parse(text, None).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "host",
            "host:",
            ":1",
            "host:0",
            "host:70000",
            "::1:5",
            "[::1:5",
            "[::1]5",
            "[::1]",
            "a]:5",
        ] {
            assert_eq!(Endpoint::parse(bad, None), None, "{bad}");
        }
        for (text, whole) in [
            ("localhost", "localhost:3551"),
            ("[::1]", "[::1]:3551"),
            ("host:1", "host:1"),
            ("/run/nis", "/run/nis"),
        ] {
            let endpoint = Endpoint::parse(text, Some(3551)).unwrap();
            assert_eq!(endpoint.to_string(), whole);
        }
        for bad in ["", "::1", "host:", "host:x", "a/b", "[]"] {
            assert_eq!(Endpoint::parse(bad, Some(3551)), None, "{bad}");
        }
    }

    fn of(listener: &TcpListener) -> Endpoint {
        Endpoint::parse(&listener.local_addr().unwrap().to_string(), None).unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_made_anew_to_the_same_peer_only_and_forgets_what_was_not_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = of(&listener);
        let stream = open(&endpoint, SOON).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"old").await.unwrap();
        assert_eq!(
            stream.read(1, Deadline::ms(1000)).await.unwrap(),
            b"o".to_vec()
        );

        stream.reopen(Deadline::ms(1000)).await.unwrap();
        assert_eq!(peer.read(&mut [0; 9]).await.unwrap_or(0), 0);
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"new").await.unwrap();
        assert_eq!(
            stream.read_exact(3, Deadline::ms(1000)).await.unwrap(),
            b"new"
        );

        stream.close();
        assert_eq!(
            stream.write(b"x", Deadline::ms(1000)).await,
            Err(IoError::Disconnected)
        );
        assert_eq!(
            stream.read(1, Deadline::ms(1000)).await,
            Err(IoError::Disconnected)
        );
        assert!(
            timeout(Duration::from_millis(50), stream.readable())
                .await
                .is_err()
        );

        // Not more often than is good for the peer.
        let start = Instant::now();
        for _ in 0..3 {
            stream.reopen(Deadline::ms(1000)).await.unwrap();
        }
        assert!(start.elapsed() >= limits::RECONNECT * 2);

        drop(listener);
        assert_eq!(
            stream.reopen(Deadline::ms(1000)).await,
            Err(IoError::Disconnected)
        );
    }

    #[tokio::test]
    async fn a_conversation_over_tcp_ends_when_the_peer_closes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = of(&listener);
        let stream = open(&endpoint, SOON).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();

        stream.write(b"ask", Deadline::ms(1000)).await.unwrap();
        let mut asked = [0; 3];
        peer.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"ask");

        peer.write_all(b"one\ntwo\nrest").await.unwrap();
        stream.readable().await.unwrap();
        assert_eq!(
            stream
                .read_until(b"\n", 9, Deadline::ms(1000))
                .await
                .unwrap(),
            b"one\n"
        );
        assert_eq!(
            stream.read_exact(4, Deadline::ms(1000)).await.unwrap(),
            b"two\n"
        );
        assert_eq!(
            stream.read_exact(5, Deadline::ms(50)).await,
            Err(IoError::Timeout)
        );
        drop(peer);
        assert_eq!(
            stream.read_exact(5, Deadline::ms(1000)).await,
            Err(IoError::Disconnected)
        );
        assert_eq!(stream.read(9, Deadline::ms(1000)).await.unwrap(), b"rest");
        stream.readable().await.unwrap();
        assert_eq!(stream.read(9, Deadline::ms(1000)).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_does_not_hold_a_write_for_ever() {
        let scratch = Scratch::new();
        let _listener = UnixListener::bind(scratch.path("s")).unwrap();
        let stream = open(&Endpoint::Unix(scratch.path("s")), SOON)
            .await
            .unwrap();
        let start = Instant::now();
        let much = vec![0; 8 << 20];
        assert_eq!(
            stream.write(&much, Deadline::ms(100)).await,
            Err(IoError::Timeout)
        );
        assert!(start.elapsed() < SOON);
    }

    #[tokio::test]
    async fn nobody_there_is_said_with_the_endpoint() {
        let scratch = Scratch::new();
        let error = open(&Endpoint::Unix(scratch.path("none")), SOON)
            .await
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("none could not be reached"),
            "{error}"
        );
    }
}
