//! What takes time, done by the workers and posted back. Each has its deadline, and a connection has one under way at most.

use super::Hall;
use super::link::Link;
use super::mailbox::{Address, Letter, Post};
use crate::limits;
use crate::published::Served;
use husk_core::proto::session::{Claim, View as _};
use std::io;
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Has a TLS handshake held: a millisecond of arithmetic, and as long as the client lets it take.
pub(super) fn handshake(hall: &Hall, post: &Post, served: &Served, at: Address, socket: TcpStream) {
    let Some(acceptor) = served.tls.clone() else {
        let outcome = Err("there is no certificate any more".to_owned());
        return post.send(Letter::Encrypted { at, outcome });
    };
    let post = post.clone();
    hall.workers.spawn(async move {
        let outcome = match timeout(limits::HANDSHAKE, shake(acceptor, socket)).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err("it took too long".to_owned()),
        };
        post.send(Letter::Encrypted { at, outcome });
    });
}

async fn shake(acceptor: TlsAcceptor, socket: TcpStream) -> io::Result<Link> {
    let socket = tokio::net::TcpStream::from_std(socket)?;
    let (socket, session) = acceptor.accept(socket).await?.into_inner();
    Ok(Link::encrypted(socket.into_std()?, session))
}

/// Has a password looked at.
pub(super) fn judge(
    hall: &Hall,
    post: &Post,
    served: &Arc<Served>,
    at: Address,
    claim: Claim,
    peer: IpAddr,
) {
    let (post, served, clock) = (post.clone(), Arc::clone(served), hall.clock);
    hall.workers.spawn(async move {
        let judging = served.gate.settle(served.users(), claim, peer, clock);
        let right = judging.await;
        post.send(Letter::Judged { at, served, right });
    });
}
