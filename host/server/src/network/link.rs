//! The bytes of one connection, in clear or encrypted, without waiting.
//!
//! A socket that gave less than was asked for has nothing left, which the edge-triggered loop relies on: it is not read
//! again until the system says so.

use rustls::{IoState, ServerConnection};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd as _, RawFd};

/// A socket and what is spoken on it.
pub(super) enum Link {
    Plain(TcpStream),
    Tls(Box<Tls>),
    /// During a handshake somebody else has the socket.
    Away,
}

pub(super) struct Tls {
    socket: TcpStream,
    session: ServerConnection,
    /// Bytes that are deciphered and not read.
    ready: usize,
    /// The socket may hold more: the last read filled the buffer, or there was none yet.
    unread: bool,
    /// The peer has said that it sends no more.
    ended: bool,
}

/// What a read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// So many bytes, and perhaps there are more.
    Bytes { length: usize, more: bool },
    /// Nothing yet, though there may be bytes left to read.
    Nothing { more: bool },
    /// The peer has ended.
    End,
}

impl Link {
    /// After a handshake.
    pub(super) fn encrypted(socket: TcpStream, mut session: ServerConnection) -> Self {
        // The client's first request may have come with the end of its handshake.
        let state = session.process_new_packets().ok();
        Self::Tls(Box::new(Tls {
            ready: state.as_ref().map_or(0, IoState::plaintext_bytes_to_read),
            unread: true,
            ended: state.is_some_and(|state| state.peer_has_closed()),
            socket,
            session,
        }))
    }

    /// Reads once.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<Heard> {
        match self {
            Self::Plain(socket) => Ok(match receive(socket, bytes)? {
                None => Heard::Nothing { more: false },
                Some(0) => Heard::End,
                Some(length) => Heard::Bytes {
                    length,
                    more: length == bytes.len(),
                },
            }),
            Self::Tls(tls) => tls.read(bytes),
            Self::Away => Ok(Heard::Nothing { more: false }),
        }
    }

    /// Writes what the socket takes; the number of bytes that need not be given again.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => match socket.write(bytes) {
                Err(error) if would_block(&error) => Ok(0),
                written => written,
            },
            Self::Tls(tls) => tls.write(bytes),
            Self::Away => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// The socket, for whoever watches it.
    pub(super) fn socket(&self) -> Option<RawFd> {
        match self {
            Self::Plain(socket) => Some(socket.as_raw_fd()),
            Self::Tls(tls) => Some(tls.socket.as_raw_fd()),
            Self::Away => None,
        }
    }

    /// Whether bytes that were taken are not in the socket yet.
    pub(super) fn holds_back(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.session.wants_write())
    }

    /// Says goodbye, if there is room for it.
    pub(super) fn close(&mut self) {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => {
                tls.session.send_close_notify();
                let _ = tls.push();
                &mut tls.socket
            }
            Self::Away => return,
        };
        // A peer that is gone needs none.
        let _ = socket.shutdown(Shutdown::Write);
    }
}

impl Tls {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<Heard> {
        if self.ready == 0 && !self.ended {
            let length = match receive(&mut self.socket, bytes)? {
                None => {
                    self.unread = false;
                    return Ok(Heard::Nothing { more: false });
                }
                Some(0) => return Ok(Heard::End),
                Some(length) => length,
            };
            self.unread = length == bytes.len();
            let mut sealed = bytes.get(..length).unwrap_or_default();
            while !sealed.is_empty() {
                self.session.read_tls(&mut sealed)?;
                self.open()?;
            }
        }
        match self.session.reader().read(bytes) {
            Ok(0) => Ok(Heard::End),
            Ok(length) => {
                self.ready = self.ready.saturating_sub(length);
                // What is deciphered is read first, and the socket does not tell again of what it held already.
                let more = self.ready > 0 || self.unread || self.ended;
                Ok(Heard::Bytes { length, more })
            }
            Err(error) if would_block(&error) => Ok(Heard::Nothing { more: self.unread }),
            Err(error) => Err(error),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        match self.session.process_new_packets() {
            Ok(state) => {
                self.ready = state.plaintext_bytes_to_read();
                self.ended = state.peer_has_closed();
                Ok(())
            }
            Err(error) => {
                // The alert says why.
                let _ = self.push();
                Err(io::Error::new(ErrorKind::InvalidData, error))
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            taken += self.session.writer().write(rest)?;
            if !self.push()? || taken == bytes.len() {
                return Ok(taken);
            }
        }
    }

    /// Whether everything sealed is in the socket.
    fn push(&mut self) -> io::Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// `None`: nothing is there.
fn receive(socket: &mut TcpStream, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    match socket.read(bytes) {
        Ok(length) => Ok(Some(length)),
        Err(error) if would_block(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustls::ServerConfig;
    use rustls::crypto::ring;
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

    /// The two ends of an encrypted connection.
    async fn pair() -> (TlsStream<TcpStream>, Link) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let anybody = husk_tls::client::config(&husk_tls::client::Security::default()).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let (near, far) = tokio::join!(
            TlsConnector::from(anybody).connect(name, near),
            TlsAcceptor::from(Arc::new(server)).accept(far)
        );
        let (socket, session) = far.unwrap().into_inner();
        let link = Link::encrypted(socket.into_std().unwrap(), session);
        (near.unwrap(), link)
    }

    /// Reads as the loop does after it was told once: as long as there may be more. The bytes, and whether it was the end.
    fn heard(link: &mut Link) -> (usize, bool) {
        let (mut bytes, mut all) = ([0; 4096], 0);
        loop {
            match link.read(&mut bytes).unwrap() {
                Heard::Bytes { length, more } => {
                    all += length;
                    if !more {
                        return (all, false);
                    }
                }
                Heard::Nothing { more: true } => {}
                Heard::Nothing { more: false } => return (all, false),
                Heard::End => return (all, true),
            }
        }
    }

    /// Records of 16 KiB are longer than a read, so that deciphered bytes are left while the socket holds more.
    #[tokio::test]
    async fn nothing_that_was_told_of_once_stays_in_the_socket() {
        let (mut client, mut link) = pair().await;
        client.write_all(&[b'x'; 48 * 1024]).await.unwrap();
        client.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(heard(&mut link), (48 * 1024, false));
    }

    #[tokio::test]
    async fn a_goodbye_behind_the_last_request_is_heard_without_the_end_of_the_socket() {
        let (client, mut link) = pair().await;
        let (mut socket, mut session) = client.into_inner();
        session.writer().write_all(b"NETVER\n").unwrap();
        session.send_close_notify();
        let mut sealed = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut sealed).unwrap();
        }
        socket.write_all(&sealed).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(heard(&mut link), (7, true));
        link.close();
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
    }
}
