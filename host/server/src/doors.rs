//! The listeners in force: opened as the configuration says, changed by a reload, awaited where an address is not there.
//!
//! Refuses to touch a listener whose address stays, and never a client: who came in by a listener that is closed is
//! served on.

use crate::config::Config;
use crate::listener::{self, Bound, Family, Wish};
use crate::network::{Entrance, Post};
use std::net::TcpListener;
use tokio::sync::Mutex;

/// All listeners.
pub(crate) struct Doors {
    post: Post,
    family: Family,
    doors: Mutex<Vec<Door>>,
}

struct Door {
    wish: Wish,
    /// The network thread's listeners, one per address; empty while the address is awaited.
    open: Vec<usize>,
    awaited: bool,
}

impl Doors {
    /// Opens what is bound already to clients.
    pub(crate) fn open(post: Post, family: Family, bound: Vec<Bound>) -> Self {
        let doors = bound.into_iter().map(|bound| Door {
            open: open(&post, &bound.wish, bound.listeners),
            wish: bound.wish,
            awaited: bound.awaited,
        });
        Self {
            doors: Mutex::new(doors.collect()),
            post,
            family,
        }
    }

    /// Tells those inside that the list of UPSes is another.
    pub(crate) fn reloaded(&self) {
        self.post.reloaded();
    }

    /// Makes the listeners those of the configuration; what cannot be opened is said and awaited.
    pub(crate) async fn apply(&self, wishes: &[Wish]) {
        let mut doors = self.doors.lock().await;
        let mut kept = Vec::new();
        for door in doors.drain(..) {
            if wishes.contains(&door.wish) {
                kept.push(door);
            } else {
                log::info!("no longer listening on {}", door.wish);
                door.close(&self.post).await;
            }
        }
        for wish in wishes {
            if kept.iter().all(|door| door.wish != *wish) {
                let (open, awaited) = match listener::bind_wish(wish, self.family).await {
                    Ok(listeners) => (open(&self.post, wish, listeners), false),
                    Err(failure) => {
                        failure.tell(wish);
                        (Vec::new(), true)
                    }
                };
                kept.push(Door {
                    wish: wish.clone(),
                    open,
                    awaited,
                });
            }
        }
        *doors = kept;
    }

    /// Tries the addresses that are awaited once more.
    pub(crate) async fn try_again(&self) {
        let mut doors = self.doors.lock().await;
        for door in doors.iter_mut().filter(|door| door.awaited) {
            // Why it still fails was said when it first did.
            if let Ok(listeners) = listener::bind_wish(&door.wish, self.family).await {
                door.open = open(&self.post, &door.wish, listeners);
                door.awaited = false;
            }
        }
    }
}

/// All addresses of the configuration.
pub(crate) fn wishes(config: &Config) -> Vec<Wish> {
    let wish = |(host, port), entrance| Wish {
        host,
        port,
        entrance,
    };
    let plain = config.upsd.listeners().into_iter();
    let plain = plain.map(|address| wish(address, Entrance::Plain));
    let tls = config.extras.listen.tls.iter().cloned();
    plain
        .chain(tls.map(|address| wish(address, Entrance::Tls)))
        .collect()
}

impl Door {
    /// The sockets are closed when this returns, so that their addresses are free.
    async fn close(self, post: &Post) {
        for id in self.open {
            post.shut(id).await;
        }
    }
}

fn open(post: &Post, wish: &Wish, listeners: Vec<TcpListener>) -> Vec<usize> {
    let one = |listener| post.open(listener, wish.entrance);
    listeners.into_iter().map(one).collect()
}
