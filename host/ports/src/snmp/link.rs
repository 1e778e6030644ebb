//! Packets to one agent and back, over UDP or TCP. A UDP socket is connected, so the kernel drops what others send.
//!
//! Refuses to: understand them.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpStream, UdpSocket};

use super::config::{Carrier, Endpoint, Family};
use crate::limits;
use crate::lookup::Lookup;

/// An open way to the agent.
pub(super) enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

/// The address that a name stands for now.
pub(super) async fn address(endpoint: &Endpoint, lookup: &mut Lookup) -> io::Result<SocketAddr> {
    let found = lookup.addresses(&endpoint.host, endpoint.port).await?;
    let mut fitting = found.into_iter().filter(|address| match endpoint.family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    });
    let none = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address of that kind",
        )
    };
    fitting.next().ok_or_else(none)
}

impl Link {
    pub(super) async fn open(carrier: Carrier, address: SocketAddr) -> io::Result<Self> {
        match carrier {
            Carrier::Udp => {
                let any: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(address).await?;
                Ok(Self::Udp(socket))
            }
            Carrier::Tcp => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream, Vec::new()))
            }
        }
    }

    /// Whether it is worth keeping between two calls of a driver: a datagram's socket costs nothing to make, and thousands
    /// of them open would cost as many descriptors.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Tcp(..))
    }

    pub(super) async fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(packet).await.map(drop),
            Self::Tcp(stream, _) => stream.write_all(packet).await,
        }
    }

    /// The next packet. Dropping the future loses nothing of a stream.
    pub(super) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Udp(socket) => loop {
                let ready = socket.ready(Interest::READABLE | Interest::ERROR).await?;
                if ready.is_error()
                    && let Ok(error) = socket.try_io(Interest::ERROR, || refused(socket))
                {
                    return Err(error);
                }
                match take(socket) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    outcome => return outcome,
                }
            },
            Self::Tcp(stream, pending) => loop {
                match message_len(pending) {
                    Some(length) if length > limits::SNMP_MESSAGE => {
                        return Err(io::Error::other("the agent sent more than a message holds"));
                    }
                    Some(length) if pending.len() >= length => {
                        let rest = pending.split_off(length);
                        return Ok(std::mem::replace(pending, rest));
                    }
                    _ => {}
                }
                if stream.read_buf(pending).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            },
        }
    }
}

thread_local! {
    /// The largest datagram, once for each thread: a thousand agents that are waited for at once need no buffer each.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::SNMP_MESSAGE]);
}

/// What the peer's machine says against a packet: nobody listens there, most often.
fn refused(socket: &UdpSocket) -> io::Result<io::Error> {
    let pending = socket.take_error()?;
    pending.ok_or_else(|| io::ErrorKind::WouldBlock.into())
}

/// The datagram that is there.
fn take(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    BUFFER.with_borrow_mut(|buffer| {
        let length = socket.try_recv(buffer)?;
        Ok(buffer.get(..length).unwrap_or_default().to_vec())
    })
}

/// The bytes of the message that begins here, as soon as its header is there.
fn message_len(bytes: &[u8]) -> Option<usize> {
    let (_, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *first < 0x80 {
        return Some(2 + usize::from(*first));
    }
    let count = usize::from(*first & 0x7f);
    if count > 4 {
        return Some(usize::MAX);
    }
    let digits = rest.get(..count)?;
    let length = digits
        .iter()
        .fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
    Some(length.saturating_add(2 + count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_a_stream_says_how_long_it_is() {
        assert_eq!(message_len(&[0x30]), None);
        assert_eq!(message_len(&[0x30, 5, 1]), Some(7));
        assert_eq!(message_len(&[0x30, 0x82, 1]), None);
        assert_eq!(message_len(&[0x30, 0x82, 1, 0]), Some(260));
        assert_eq!(message_len(&[0x30, 0x85, 1, 0]), Some(usize::MAX));
    }
}
