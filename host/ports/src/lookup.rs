//! Names of peers to addresses, by the system's resolver, which nobody can tell to give up.
//!
//! While no name server answers, each of its look-ups holds a thread for many seconds, whoever has stopped waiting. So one that
//! was not waited for to its end is taken up again by the next try of the same peer, instead of a second one beside it, and only
//! some are under way in the whole program. Refuses to: remember an answer; the resolver does that.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::limits;

static TURNS: Semaphore = Semaphore::const_new(limits::LOOKUPS);

/// The look-ups of one peer's name.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    under_way: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
}

impl Lookup {
    /// The addresses of a name now. Has no deadline: it may be dropped, and the next call goes on waiting for the same answer.
    pub(crate) async fn addresses(&mut self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        let host = host.to_owned();
        let resolver = async move { Ok(lookup_host((host.as_str(), port)).await?.collect()) };
        self.take_up(resolver).await
    }

    async fn take_up(
        &mut self,
        resolver: impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    ) -> io::Result<Vec<SocketAddr>> {
        if self.under_way.is_none() {
            let turn = TURNS.acquire().await.map_err(io::Error::other)?;
            self.under_way = Some(tokio::spawn(async move {
                let _turn = turn;
                resolver.await
            }));
        }
        let Some(task) = &mut self.under_way else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let found = task.await;
        self.under_way = None;
        found.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_resolver_is_asked_once_and_its_answer_still_serves() {
        let asked = Arc::new(AtomicUsize::new(0));
        let slow = || {
            let asked = Arc::clone(&asked);
            async move {
                asked.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_secs(12)).await;
                Ok(vec![([192, 0, 2, 7], 161).into()])
            }
        };
        let mut lookup = Lookup::default();
        let try_for = Duration::from_secs(1);
        for _ in 0..10 {
            assert!(timeout(try_for, lookup.take_up(slow())).await.is_err());
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let found = timeout(try_for * 3, lookup.take_up(slow())).await.unwrap();
        assert_eq!(found.unwrap().len(), 1);
        // The next one asks anew.
        assert!(timeout(try_for, lookup.take_up(slow())).await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up() {
        let mut lookup = Lookup::default();
        let found = lookup.addresses("::1", 5).await.unwrap();
        assert_eq!(found, ["[::1]:5".parse::<SocketAddr>().unwrap()]);
        assert!(lookup.under_way.is_none());
    }
}
