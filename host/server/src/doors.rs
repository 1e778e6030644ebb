//! The listeners in force: opened as the configuration says, changed by a reload, awaited where an address is not there.
//!
//! Refuses to touch a listener whose address stays, and never a client: who came in by a listener that is closed is
//! served on.

use crate::config::Config;
use crate::connection::{Entrance, Hall};
use crate::listener::{self, Bound, Family, Wish};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// All listeners.
pub(crate) struct Doors {
    hall: Arc<Hall>,
    family: Family,
    doors: Mutex<Vec<Door>>,
}

struct Door {
    wish: Wish,
    /// One per address; empty while the address is awaited.
    accepting: Vec<JoinHandle<()>>,
    awaited: bool,
}

impl Doors {
    /// Opens what is bound already to clients.
    pub(crate) fn open(hall: Arc<Hall>, family: Family, bound: Vec<Bound>) -> Self {
        let doors = bound.into_iter().map(|bound| Door {
            accepting: accept(&hall, &bound.wish, bound.listeners),
            wish: bound.wish,
            awaited: bound.awaited,
        });
        Self {
            doors: Mutex::new(doors.collect()),
            hall,
            family,
        }
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
                door.close().await;
            }
        }
        for wish in wishes {
            if kept.iter().all(|door| door.wish != *wish) {
                let (accepting, awaited) = match listener::bind_wish(wish, self.family).await {
                    Ok(listeners) => (accept(&self.hall, wish, listeners), false),
                    Err(failure) => {
                        failure.tell(wish);
                        (Vec::new(), true)
                    }
                };
                kept.push(Door {
                    wish: wish.clone(),
                    accepting,
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
                door.accepting = accept(&self.hall, &door.wish, listeners);
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
    async fn close(self) {
        for task in self.accepting {
            task.abort();
            // Aborted is how it is meant to end.
            let _ = task.await;
        }
    }
}

fn accept(hall: &Arc<Hall>, wish: &Wish, listeners: Vec<TcpListener>) -> Vec<JoinHandle<()>> {
    let one = |open| {
        let alive = hall.alive.upgrade();
        let accepting = listener::accept(open, wish.entrance, Arc::clone(hall));
        tokio::spawn(async move {
            accepting.await;
            drop(alive);
        })
    };
    listeners.into_iter().map(one).collect()
}
