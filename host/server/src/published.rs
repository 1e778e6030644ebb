//! What readers see: one whole snapshot per UPS, and beside it what belongs to the server and not to the
//! device (FSD latch, logins).
//!
//! Writers replace an `Arc`, readers clone it; nobody waits for a device here. The supervisor of a UPS is
//! the only writer of its snapshot. The list itself ([`Served`]) is replaced whole by a reload.

use crate::gate::Gate;
use crate::limits;
use crate::network::Post;
use husk_core::conf::descriptions::Descriptions;
use husk_core::conf::users::Users;
use husk_core::proto::ledger::Ledger;
use husk_core::proto::session::{Judgement, Page, Plain, Request, TlsOffer, Ups, View};
use husk_core::proto::tracking::{self, Outcome, Tracking};
use husk_core::state::{Freshness, Snapshot};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// The version clients are told: NUT's line whose behaviour this server has, then its own.
pub const VERSION: &str = concat!("2.8.5-husk.", env!("CARGO_PKG_VERSION"));

/// The server's clock: time since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// The moment as the runtime's timers want it.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.0 + at
    }
}

/// A request on its way to a device.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) queued: Duration,
}

/// What an operator is told about a device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    /// What the supervisor does: `running`, `probing`, `waiting` …
    pub(crate) doing: &'static str,
    /// The plugin, its version and origin.
    pub(crate) plugin: String,
    /// Why it is not running, or was not lately.
    pub(crate) trouble: String,
}

/// One UPS.
pub(crate) struct Published {
    pub(crate) name: Arc<str>,
    page: RwLock<Arc<Page>>,
    ledger: Mutex<Ledger>,
    requests: mpsc::Sender<Job>,
    note: Mutex<Note>,
    ear: OnceLock<Ear>,
    /// Set when the first client wants to know of changes.
    post: OnceLock<Post>,
}

/// Who is told at once what others look up: the driver process, which has clients to tell.
pub(crate) struct Ear {
    /// Woken when something new was published or noted.
    pub(crate) news: Arc<Notify>,
    /// Requests with an id, as they end. What does not fit is not told.
    pub(crate) ended: mpsc::Sender<(String, Outcome)>,
}

impl Published {
    /// A UPS that has not reported, and the queue its supervisor reads.
    pub(crate) fn new(name: &str) -> (Arc<Self>, mpsc::Receiver<Job>) {
        let (requests, queue) = mpsc::channel(limits::REQUEST_QUEUE);
        let name: Arc<str> = name.into();
        let published = Self {
            page: RwLock::new(Arc::new(Page::new(Arc::clone(&name), Arc::default()))),
            name,
            ledger: Mutex::default(),
            requests,
            note: Mutex::default(),
            ear: OnceLock::new(),
            post: OnceLock::new(),
        };
        (Arc::new(published), queue)
    }

    /// Tells `ear` from now on; only the first one is heard.
    pub(crate) fn tell(&self, ear: Ear) {
        let _ = self.ear.set(ear);
    }

    /// Tells how a request with an id ended.
    pub(crate) fn ended(&self, id: &str, outcome: Outcome) {
        if let Some(ear) = self.ear.get() {
            let _ = ear.ended.try_send((id.to_owned(), outcome));
        }
    }

    fn news(&self) {
        if let Some(ear) = self.ear.get() {
            ear.news.notify_one();
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(self.page().snapshot())
    }

    fn page(&self) -> Arc<Page> {
        Arc::clone(&self.page.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        let page = Arc::new(Page::new(Arc::clone(&self.name), Arc::new(snapshot)));
        let after = weight(&page);
        let before = {
            let mut current = self.page.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, page)
        };
        if weight(&before) != after {
            self.changed();
        }
        self.news();
    }

    /// Hands a request to the device; false when its queue is full or it is gone.
    pub(crate) fn hand_over(&self, job: Job) -> bool {
        self.requests.try_send(job).is_ok()
    }

    /// Latches FSD: only a restart of the server or removing the UPS clears it.
    pub(crate) fn force_shutdown(&self) {
        let new = {
            let mut ledger = lock(&self.ledger);
            let forced = ledger.forced();
            ledger.force_shutdown();
            !forced
        };
        if new {
            self.changed();
        }
    }

    /// Tells the network thread of changes from now on.
    pub(crate) fn tell_network(&self, post: &Post) {
        let _ = self.post.set(post.clone());
    }

    fn changed(&self) {
        if let Some(post) = self.post.get() {
            post.changed(&self.name);
        }
    }

    /// Counts a connection until [`Published::log_out`].
    pub(crate) fn log_in(&self, connection: u64, peer: IpAddr) {
        lock(&self.ledger).log_in(connection, peer);
    }

    pub(crate) fn log_out(&self, connection: u64) {
        lock(&self.ledger).log_out(connection);
    }

    pub(crate) fn note(&self) -> Note {
        lock(&self.note).clone()
    }

    pub(crate) fn set_note(&self, change: impl FnOnce(&mut Note)) {
        change(&mut lock(&self.note));
        self.news();
    }

    fn ups(&self, desc: Option<Arc<str>>) -> Ups {
        let (fsd, clients) = {
            let ledger = lock(&self.ledger);
            (ledger.forced(), ledger.clients())
        };
        Ups {
            name: Arc::clone(&self.name),
            desc,
            page: self.page(),
            fsd,
            logins: clients.len(),
            clients,
        }
    }
}

/// What of a page decides about a shutdown: the changes watchers are told of.
fn weight(page: &Page) -> (Freshness, [Option<String>; 2]) {
    let value = |name| Some(page.variable(name)?.value.clone());
    (page.freshness, ["ups.status", "ups.alarm"].map(value))
}

/// One line of the list.
pub(crate) struct Listed {
    pub(crate) published: Arc<Published>,
    pub(crate) desc: Option<Arc<str>>,
}

/// Everything a session may ask for; never changes, but is replaced.
pub(crate) struct Served {
    upses: Vec<Listed>,
    /// Lower-case name → place in `upses`.
    places: HashMap<String, usize>,
    users: Users,
    texts: Descriptions,
    pub(crate) tls: Option<TlsAcceptor>,
    plain: Plain,
    pub(crate) gate: Arc<Gate>,
    tracking: Arc<Mutex<Tracking>>,
}

/// What the configuration says beside the list.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) users: Users,
    pub(crate) texts: Descriptions,
    pub(crate) tls: Option<TlsAcceptor>,
    /// What connections without TLS may do.
    pub(crate) plain: Plain,
}

impl Served {
    pub(crate) fn new(
        upses: Vec<Listed>,
        rules: Rules,
        gate: Arc<Gate>,
        tracking: Arc<Mutex<Tracking>>,
    ) -> Self {
        let places = upses
            .iter()
            .enumerate()
            .map(|(place, listed)| (listed.published.name.to_ascii_lowercase(), place))
            .collect();
        Self {
            upses,
            places,
            users: rules.users,
            texts: rules.texts,
            tls: rules.tls,
            plain: rules.plain,
            gate,
            tracking,
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Published>> {
        self.listed(name).map(|listed| &listed.published)
    }

    /// Notes a tracked request as handed over.
    pub(crate) fn track(&self, id: &str, now: Duration) {
        lock(&self.tracking).register(id, now);
    }

    fn listed(&self, name: &str) -> Option<&Listed> {
        // Configured names mostly are lower case: the copy is only made when the first look fails.
        let place = match self.places.get(name) {
            Some(place) => place,
            None => self.places.get(&name.to_ascii_lowercase())?,
        };
        self.upses.get(*place)
    }
}

impl View for Served {
    fn upses(&self) -> Vec<Ups> {
        self.upses
            .iter()
            .map(|listed| listed.published.ups(listed.desc.clone()))
            .collect()
    }

    fn ups(&self, name: &str) -> Option<Ups> {
        let listed = self.listed(name)?;
        Some(listed.published.ups(listed.desc.clone()))
    }

    fn users(&self) -> &Users {
        &self.users
    }

    fn judge(&self, name: &str, password: &str, peer: IpAddr, now: Duration) -> Judgement {
        self.gate.judge(&self.users, name, password, peer, now)
    }

    fn plain(&self) -> Plain {
        self.plain
    }

    fn texts(&self) -> &Descriptions {
        &self.texts
    }

    fn tracking(&self, id: &str, now: Duration) -> Option<Outcome> {
        lock(&self.tracking).get(id, now)
    }

    fn tls(&self) -> TlsOffer {
        match self.tls {
            Some(_) => TlsOffer::Ready,
            None => TlsOffer::NotConfigured,
        }
    }

    fn new_tracking_id(&self) -> String {
        let mut random = [0; 16];
        let source = rustls::crypto::ring::default_provider().secure_random;
        if source.fill(&mut random).is_err() {
            // Ids need to be unlike each other, not secret: the clock does when the system has no randomness.
            let nanoseconds = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default()
                .as_nanos();
            random = nanoseconds.to_be_bytes();
        }
        tracking::id(random)
    }

    fn version(&self) -> &str {
        VERSION
    }
}

/// The list in force; replaced whole.
pub(crate) struct Directory(RwLock<Arc<Served>>);

impl Directory {
    pub(crate) fn new(served: Served) -> Self {
        Self(RwLock::new(Arc::new(served)))
    }

    pub(crate) fn current(&self) -> Arc<Served> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, served: Served) {
        let served = Arc::new(served);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = served;
    }
}

/// A lock whose holder panicked still guards whole values: critical sections here are one assignment or cannot panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::Ipv4Addr;

    fn served(names: &[&str]) -> (Served, Vec<mpsc::Receiver<Job>>) {
        let mut queues = Vec::new();
        let upses = names
            .iter()
            .map(|name| {
                let (published, queue) = Published::new(name);
                queues.push(queue);
                Listed {
                    published,
                    desc: None,
                }
            })
            .collect();
        let tracking = Arc::new(Mutex::new(Tracking::new(Duration::from_secs(3600))));
        let served = Served::new(upses, Rules::default(), Arc::new(Gate::new()), tracking);
        (served, queues)
    }

    #[test]
    fn names_are_found_without_regard_to_case_and_listed_in_order() {
        let (served, _queues) = served(&["Rack", "lab"]);
        assert_eq!(&*served.find("rACK").unwrap().name, "Rack");
        assert!(served.find("attic").is_none());
        let names: Vec<_> = served.upses().into_iter().map(|ups| ups.name).collect();
        assert_eq!(names, ["Rack".into(), Arc::from("lab")]);
    }

    #[test]
    fn the_latch_of_a_forced_shutdown_stays() {
        let (served, _queues) = served(&["lab"]);
        assert!(!served.ups("lab").unwrap().fsd);
        served.find("lab").unwrap().force_shutdown();
        served.find("lab").unwrap().publish(Snapshot::default());
        assert!(served.ups("lab").unwrap().fsd);
    }

    #[test]
    fn tracking_ids_differ_and_the_queue_is_bounded() {
        let (served, _queues) = served(&["lab"]);
        assert_ne!(served.new_tracking_id(), served.new_tracking_id());
        let lab = served.find("lab").unwrap();
        let request = |n: usize| Request {
            ups: "lab".to_owned(),
            what: husk_core::proto::session::What::Command {
                name: format!("test.{n}"),
                value: None,
            },
            tracking: None,
            user: "u".to_owned(),
            peer: Ipv4Addr::LOCALHOST.into(),
        };
        let taken = (0..limits::REQUEST_QUEUE + 1)
            .filter(|&n| {
                lab.hand_over(Job {
                    request: request(n),
                    queued: Duration::ZERO,
                })
            })
            .count();
        assert_eq!(taken, limits::REQUEST_QUEUE);
    }
}
