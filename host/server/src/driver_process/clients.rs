//! Whoever is connected to the socket of a driver: upsd, upsdrvctl, another instance that wants this one to end.
//!
//! One task each, a bounded number. A client that does not take what it is told is disconnected; it connects again and
//! asks for everything.

use super::job;
use crate::limits;
use crate::published::{Clock, Published, lock};
use husk_core::proto::driver::{Action, Order, Serving, Step};
use husk_core::proto::session::What;
use husk_core::proto::tracking::Outcome;
use husk_core::state::Snapshot;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};

/// What concerns the process and not the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Exit,
    Reload,
    ReloadOrError,
    ReloadOrExit,
    /// Print all variables.
    Dump,
}

impl Command {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "driver.exit" => Self::Exit,
            // The supervisor starts the instance anew by itself where new settings need it.
            "driver.reload" | "driver.reload-or-restart" => Self::Reload,
            "driver.reload-or-error" => Self::ReloadOrError,
            "driver.reload-or-exit" => Self::ReloadOrExit,
            _ => return None,
        })
    }
}

/// How a request ended, by the id under which its client knows it.
type Letter = (String, Outcome);

/// All clients.
pub(super) struct Clients {
    published: Arc<Published>,
    clock: Clock,
    commands: mpsc::Sender<(Command, Option<String>)>,
    current: watch::Sender<Arc<Snapshot>>,
    boxes: Mutex<HashMap<u64, mpsc::Sender<Letter>>>,
    count: AtomicU64,
    seats: Arc<Semaphore>,
}

impl Clients {
    pub(super) fn new(
        published: Arc<Published>,
        clock: Clock,
        commands: mpsc::Sender<(Command, Option<String>)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            published,
            clock,
            commands,
            current: watch::Sender::default(),
            boxes: Mutex::default(),
            count: AtomicU64::new(0),
            seats: Arc::new(Semaphore::new(limits::DRIVER_CLIENTS)),
        })
    }

    /// Tells everybody the changes.
    pub(super) fn tell(&self, snapshot: Arc<Snapshot>) {
        self.current.send_if_modified(|told| {
            let news = **told != *snapshot;
            if news {
                *told = snapshot;
            }
            news
        });
    }

    /// Tells who asked how it ended.
    pub(super) fn finished(&self, id: &str, outcome: Outcome) {
        let Some((client, theirs)) = id.split_once(' ') else {
            return;
        };
        let client = client.parse().ok();
        let boxes = lock(&self.boxes);
        if let Some(sender) = client.and_then(|client: u64| boxes.get(&client)) {
            // Full: the client does not read, and is about to be disconnected for it.
            let _ = sender.try_send((theirs.to_owned(), outcome));
        }
    }

    /// Lets everybody read what they were told, and go.
    pub(super) async fn dismiss(&self) {
        lock(&self.boxes).clear();
        let seats = u32::try_from(limits::DRIVER_CLIENTS).unwrap_or(u32::MAX);
        // Who does not go is dropped with the runtime.
        let _ = tokio::time::timeout(limits::FAREWELL, self.seats.acquire_many(seats)).await;
    }

    /// Does what a client asks, if it is not done already.
    fn obey(&self, client: u64, order: Order) {
        let id = order.tracking.map(|theirs| format!("{client} {theirs}"));
        let process = match &order.what {
            What::Command { name, .. } => Command::named(name),
            What::Set { .. } => None,
        };
        let taken = match process {
            Some(command) => self.commands.try_send((command, id.clone())).is_ok(),
            None => {
                let now = self.clock.now();
                let job = job(&self.published, order.what, id.clone(), now);
                self.published.hand_over(job)
            }
        };
        if let Some(id) = id.filter(|_| !taken) {
            self.finished(&id, Outcome::Failed);
        }
    }
}

/// Serves whoever connects, until aborted.
pub(super) async fn accept(listener: UnixListener, clients: Arc<Clients>) {
    // The semaphore is never closed.
    while let Ok(seat) = Arc::clone(&clients.seats).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let clients = Arc::clone(&clients);
                let number = clients.count.fetch_add(1, Ordering::Relaxed);
                let (sender, letters) = mpsc::channel(limits::DRIVER_REQUESTS);
                lock(&clients.boxes).insert(number, sender);
                tokio::spawn(async move {
                    let client = Client::new(&clients, number);
                    client.converse(stream, letters).await;
                    lock(&clients.boxes).remove(&number);
                    drop(seat);
                });
            }
            Err(error) => {
                log::warn!("the driver's socket: {error}");
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One client.
struct Client<'a> {
    clients: &'a Clients,
    number: u64,
    serving: Serving,
    current: watch::Receiver<Arc<Snapshot>>,
    out: Vec<u8>,
}

impl<'a> Client<'a> {
    fn new(clients: &'a Clients, number: u64) -> Self {
        let mut current = clients.current.subscribe();
        let first = Arc::clone(&current.borrow_and_update());
        Self {
            clients,
            number,
            serving: Serving::new(first),
            current,
            out: Vec::new(),
        }
    }

    async fn converse(mut self, stream: UnixStream, mut letters: mpsc::Receiver<Letter>) {
        let (mut reader, mut writer) = stream.into_split();
        let mut chunk = vec![0; limits::READ_CHUNK];
        let mut open = true;
        while open {
            tokio::select! {
                biased;
                letter = letters.recv() => match letter {
                    Some((id, outcome)) => self.serving.finished(&id, outcome, &mut self.out),
                    None => open = false,
                },
                changed = self.current.changed() => match changed {
                    Ok(()) => {
                        let current = Arc::clone(&self.current.borrow_and_update());
                        self.serving.changed(&current, &mut self.out);
                    }
                    Err(_) => return,
                },
                read = reader.read(&mut chunk) => match read {
                    Ok(length) if length > 0 => {
                        self.serving.feed(chunk.get(..length).unwrap_or_default());
                        open = self.answer();
                    }
                    _ => return,
                },
            }
            let written = tokio::time::timeout(limits::WRITE, writer.write_all(&self.out)).await;
            self.out.clear();
            if !matches!(written, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Answers everything read; false if the client said goodbye.
    fn answer(&mut self) -> bool {
        loop {
            let current = Arc::clone(&self.current.borrow());
            match self
                .serving
                .next(&current, std::process::id(), &mut self.out)
            {
                Step::NeedInput => return true,
                Step::Continue => {}
                Step::Act(Action::Run(order)) => self.clients.obey(self.number, order),
                Step::Act(Action::Close) => return false,
            }
        }
    }
}
