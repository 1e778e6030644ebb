//! The supervisor of one UPS: opens its port, its plugin and its instance, polls, retries, replaces.
//!
//! One task per UPS and the only writer of what is published about it. The states are structs named for
//! what they do ([`Starting`], [`Probing`], [`Running`], [`Resting`]); each ends in the next. A plugin never
//! decides to retry, and nothing a plugin does ends this task. It refuses to guess readings: what is
//! published comes out of [`DeviceState`] alone.

mod parked;
pub(crate) mod place;
mod remote;
mod requests;
mod running;
mod starting;
mod tape;
#[cfg(test)]
mod tests;
mod usb;

use crate::backoff::{Backoff, Pause};
use crate::config::extras::DeviceExtras;
use crate::driver::Known;
use crate::limits;
use crate::published::{Clock, Job, Published, lock};
use crate::registry::Registry;
use husk_core::conf::ups::{Global, Section};
use husk_core::proto::tracking::{Outcome, Tracking};
use husk_core::report::{Failure, Update};
use husk_core::state::{DeviceState, Freshness, Snapshot};
use husk_ports::Port;
use husk_ports::record::Recording;
pub(crate) use parked::DOING as PARKED;
use parked::Parked;
use remote::Remote;
use running::Running;
pub(crate) use starting::RESTING;
use starting::{Probing, Resting, Starting};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// What all supervisors share.
pub(crate) struct Site {
    pub(crate) clock: Clock,
    pub(crate) registry: Arc<Registry>,
    pub(crate) tracking: Arc<Mutex<Tracking>>,
    pub(crate) config_dir: PathBuf,
    pub(crate) state_path: PathBuf,
    /// Asks the server to read its configuration again.
    pub(crate) reload: mpsc::Sender<()>,
    /// As the classic server: every device comes from the socket of a driver that somebody else runs.
    pub(crate) sockets_only: bool,
}

/// What the configuration says about one UPS. Compared to find out whether a reload concerns it.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) section: Section,
    pub(crate) global: Global,
    pub(crate) max_age: Duration,
    pub(crate) extras: DeviceExtras,
}

impl Setup {
    /// Whether a device under `other` would behave differently.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.max_age != other.max_age || !self.settings_equal(other)
    }

    /// Whether a driver would see no difference. A description for people does not count, nor does the line an
    /// option stands on.
    fn settings_equal(&self, other: &Self) -> bool {
        fn essence(section: &Section) -> Section {
            let mut section = section.clone();
            section.desc = None;
            section.options.retain(|option| option.name != "desc");
            for option in &mut section.options {
                option.at = Default::default();
            }
            section
        }
        self.global.common == other.global.common
            && self.global.driver_path == other.global.driver_path
            && self.extras == other.extras
            && essence(&self.section) == essence(&other.section)
    }

    /// Whether an instance and its port opened under `other` may go on.
    fn keeps_the_instance_of(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.section, &other.section);
        ours.driver == theirs.driver
            && ours.no_lock == theirs.no_lock
            && ours.settings() == theirs.settings()
            && self.extras == other.extras
    }
}

/// What a supervisor is told.
pub(crate) enum Order {
    /// Change over to this plugin, with proof: a poll must succeed before the old instance goes.
    Swap(Known, oneshot::Sender<Result<Swapped, String>>),
    /// The section changed: start anew with it.
    Configure(Box<Setup>),
    /// End the driver and close the port; told when that is done.
    Stop(oneshot::Sender<()>),
    /// Start after a stop, or try a device that rests at once.
    Start,
    /// Run the power-off of `shutdown.default`, whatever `allow_killpower` says: the operator of this machine asks.
    CutPower(oneshot::Sender<Result<(), String>>),
}

/// How a swap went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// The new instance has answered a poll.
    Replaced,
    /// Nothing was running; the next start uses the new plugin.
    Adopted,
}

/// The handle of a supervisor. Dropping it stops the supervisor.
pub(crate) struct Handle {
    pub(crate) published: Arc<Published>,
    pub(crate) orders: mpsc::Sender<Order>,
    _stop: watch::Sender<()>,
}

/// Makes a supervisor and the future that is its life.
pub(crate) fn supervise(
    site: Arc<Site>,
    setup: Setup,
) -> (Handle, impl Future<Output = ()> + Send + 'static) {
    let (published, requests) = Published::new(&setup.section.name);
    let (orders, order_queue) = mpsc::channel(limits::ORDER_QUEUE);
    let (stop, stopped) = watch::channel(());
    let device = Device {
        state: DeviceState::new(&setup.section, &setup.global, setup.max_age),
        plugins: site.registry.changes(),
        published: Arc::clone(&published),
        site,
        setup,
        backoff: Backoff::default(),
        requests,
        orders: order_queue,
        stop: stopped,
        adopted: None,
        grace: None,
        complaint: None,
        tape: None,
        usb: usb::Memory::default(),
    };
    let handle = Handle {
        published,
        orders,
        _stop: stop,
    };
    (handle, live(device))
}

async fn live(mut device: Device) {
    device.publish();
    let mut state = State::Starting(Starting::anew());
    loop {
        state = match state {
            State::Starting(starting) => starting.run(&mut device).await,
            State::Probing(probing) => probing.run(&mut device).await,
            State::Running(running) => running.run(&mut device).await,
            State::Resting(resting) => resting.run(&mut device).await,
            State::Remote(remote) => remote.run(&mut device).await,
            State::Parked(parked) => parked.run(&mut device).await,
            State::Stopped => return,
        };
    }
}

/// What a supervisor is doing.
enum State {
    Starting(Starting),
    Probing(Probing),
    Running(Box<Running>),
    Resting(Resting),
    Remote(Box<Remote>),
    Parked(Parked),
    Stopped,
}

/// What every state needs.
struct Device {
    site: Arc<Site>,
    published: Arc<Published>,
    setup: Setup,
    state: DeviceState,
    backoff: Backoff,
    requests: mpsc::Receiver<Job>,
    orders: mpsc::Receiver<Order>,
    stop: watch::Receiver<()>,
    plugins: watch::Receiver<u64>,
    /// A plugin handed over while nothing ran.
    adopted: Option<Known>,
    /// Until then the values of the configuration before are served on.
    grace: Option<Instant>,
    complaint: Option<(String, Instant)>,
    /// What is said on the port is written there.
    tape: Option<Recording>,
    usb: usb::Memory,
}

/// Why waiting ended.
enum Woken {
    Time,
    Readable,
    Request(Job),
    Order(Order),
    Plugins,
    Stop,
}

/// How a call into a plugin ended.
enum Ended<T> {
    Done(T),
    Order(Order),
    Stop,
}

impl Device {
    fn name(&self) -> &str {
        &self.published.name
    }

    fn now(&self) -> Duration {
        self.site.clock.now()
    }

    /// Waits for whatever comes first; time passes for the data meanwhile.
    async fn wait(&mut self, until: Instant, port: Option<&Port>) -> Woken {
        self.wait_or(until, readable(port)).await
    }

    /// As [`Device::wait`], with another reason to be [`Woken::Readable`].
    async fn wait_or(&mut self, until: Instant, readable: impl Future<Output = ()>) -> Woken {
        tokio::pin!(readable);
        loop {
            let tick = self.next_tick();
            tokio::select! {
                biased;
                _ = self.stop.changed() => return Woken::Stop,
                order = self.orders.recv() => return order.map_or(Woken::Stop, Woken::Order),
                job = self.requests.recv() => return job.map_or(Woken::Stop, Woken::Request),
                () = &mut readable => return Woken::Readable,
                () = reach(until) => return Woken::Time,
                Ok(()) = self.plugins.changed() => return Woken::Plugins,
                () = sleep_or_never(tick) => self.tick(),
            }
        }
    }

    /// Runs a call to its end, or to the stop: a call that is dropped costs its instance.
    async fn during<T>(&mut self, call: impl Future<Output = T>) -> Ended<T> {
        tokio::pin!(call);
        loop {
            let tick = self.next_tick();
            tokio::select! {
                biased;
                _ = self.stop.changed() => return Ended::Stop,
                done = &mut call => return Ended::Done(done),
                () = sleep_or_never(tick) => self.tick(),
            }
        }
    }

    /// As [`Device::during`], but an order ends it too: for probes, which may take a minute and leave nothing behind.
    async fn during_unless_ordered<T>(&mut self, call: impl Future<Output = T>) -> Ended<T> {
        tokio::pin!(call);
        loop {
            let tick = self.next_tick();
            tokio::select! {
                biased;
                _ = self.stop.changed() => return Ended::Stop,
                order = self.orders.recv() => return order.map_or(Ended::Stop, Ended::Order),
                done = &mut call => return Ended::Done(done),
                () = sleep_or_never(tick) => self.tick(),
            }
        }
    }

    fn next_tick(&self) -> Option<Instant> {
        let state = self.state.next_deadline();
        let state = state.map(|at| self.site.clock.instant(at));
        [state, self.grace].into_iter().flatten().min()
    }

    fn tick(&mut self) {
        let changed = self.state.tick(self.now());
        let expired = self.grace.is_some_and(|grace| grace <= Instant::now());
        if expired {
            self.grace = None;
        }
        if changed || expired {
            self.publish();
        }
    }

    /// Takes a report.
    ///
    /// # Errors
    /// The report makes no sense together with those before: the instance has to be replaced.
    fn accept(&mut self, update: Update) -> Result<(), Failure> {
        self.grace = None;
        self.count();
        let changed = self.state.apply(Ok(update), self.now());
        if self.state.set_driver_state("quiet") || changed {
            self.publish();
        }
        match self.state.problem().cloned() {
            Some(failure @ Failure::Crashed(_)) => {
                self.complain(failure.to_string());
                Err(failure)
            }
            Some(failure) => {
                self.complain(failure.to_string());
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes a failed call: into the data's freshness, the operator's view, and the log if it is news.
    fn take_failure(&mut self, failure: &Failure) {
        self.grace = None;
        if self.state.apply(Err(failure), self.now()) {
            self.publish();
        }
        self.complain(failure.to_string());
    }

    /// Its USB device was reset to help it.
    fn was_reset(&mut self) {
        self.usb.resets += 1;
        log::info!("UPS [{}]: its USB device was reset", self.name());
    }

    fn complain(&mut self, text: String) {
        self.published
            .set_note(|note| note.trouble.clone_from(&text));
        let news = match &self.complaint {
            Some((said, at)) => *said != text || at.elapsed() >= limits::REPEAT_LOG,
            None => true,
        };
        if news {
            let name = self.name();
            match self.state.freshness() {
                Freshness::Waiting | Freshness::Lost => log::warn!(
                    "Can't connect to UPS [{name}] ({}-{name}): {text}",
                    self.setup.section.driver
                ),
                Freshness::Fresh | Freshness::Stale => log::warn!("UPS [{name}]: {text}"),
            }
            self.complaint = Some((text, Instant::now()));
        }
    }

    /// Puts the state where readers see it, and says so when clients will notice.
    fn publish(&mut self) {
        if self.grace.is_some() && self.state.freshness() == Freshness::Waiting {
            return;
        }
        self.show(self.state.snapshot());
    }

    fn show(&self, snapshot: Snapshot) {
        let before = self.published.snapshot().freshness;
        let after = snapshot.freshness;
        self.published.publish(snapshot);
        let name = self.name();
        match (before, after) {
            (Freshness::Waiting, Freshness::Fresh) => {
                log::info!(
                    "Connected to UPS [{name}]: {}-{name}",
                    self.setup.section.driver
                );
            }
            (Freshness::Fresh, Freshness::Stale | Freshness::Lost) => {
                log::warn!("Data for UPS [{name}] is stale - check driver");
            }
            (Freshness::Stale | Freshness::Lost, Freshness::Fresh) => {
                log::info!("UPS [{name}] data is no longer stale");
            }
            _ => {}
        }
    }

    /// Nothing runs: the device is tried again after the pause.
    fn rest(&self, pause: Pause, port: Option<Port>) -> State {
        State::Resting(Resting {
            until: Instant::now() + self.usb.pause(pause.length),
            port,
        })
    }

    /// An instance crashed. The port stays open for its successor, unless it is USB: a call that was given up may still
    /// occupy that.
    fn rest_after_crash(&mut self, known: &Known, port: Port) -> State {
        let pause = self.backoff.crashed(self.now());
        if pause.quarantine {
            log::error!(
                "UPS [{}]: the plugin {known} crashed {} times and is left alone for {} s; replace it with `husk plugin reload {}`",
                self.name(),
                self.backoff.crashes(),
                pause.length.as_secs(),
                known.about().name()
            );
        }
        let port = Some(port).filter(|port| !matches!(port, Port::Usb(_)));
        // Quarantine is for the plugin, not for the port.
        State::Resting(Resting {
            until: Instant::now() + pause.length,
            port,
        })
    }

    /// Publishes how often the device had to be helped, once it had to be.
    fn count(&mut self) {
        for (name, times) in [
            ("driver.reconnect_count", self.usb.reconnects),
            ("driver.reset_count", self.usb.resets),
        ] {
            if times > 0 {
                self.state.set_driver(name, &times.to_string());
            }
        }
    }

    /// The host's settings changed; the instance need not know.
    fn reconfigure(&mut self, setup: Setup) {
        let Setup {
            section, global, ..
        } = &setup;
        if self.state.reconfigure(section, global, setup.max_age) {
            self.publish();
        }
        self.setup = setup;
    }

    /// The section changed: nothing of before is used but the values, and those only until the new data come.
    fn configure(&mut self, setup: Setup) -> State {
        log::info!(
            "UPS [{}]: the configuration changed, starting anew",
            self.name()
        );
        self.state = DeviceState::new(&setup.section, &setup.global, setup.max_age);
        if self.published.snapshot().freshness == Freshness::Fresh {
            self.grace = Some(Instant::now() + setup.max_age);
        }
        self.setup = setup;
        self.backoff.forget();
        self.usb = usb::Memory::default();
        self.complaint = None;
        self.publish();
        State::Starting(Starting::anew())
    }

    /// Obeys an order while nothing runs.
    fn obey_idle(&mut self, order: Order, port: Option<Port>) -> State {
        match order {
            Order::Configure(setup) => self.configure(*setup),
            Order::Swap(known, reply) => {
                self.adopted = Some(known);
                self.backoff.forget();
                // Whoever asked may have gone; the plugin is adopted all the same.
                let _ = reply.send(Ok(Swapped::Adopted));
                State::Starting(Starting { port })
            }
            Order::Start => {
                self.backoff.forget();
                State::Starting(Starting { port })
            }
            Order::Stop(reply) => {
                drop(port);
                let parked = Parked::enter(self);
                // Whoever asked may have gone.
                let _ = reply.send(());
                parked
            }
            Order::CutPower(reply) => {
                let _ = reply.send(Err("its driver is not running".to_owned()));
                State::Starting(Starting { port })
            }
        }
    }

    fn doing(&self, what: &'static str) {
        self.published.set_note(|note| note.doing = what);
    }

    fn finish(&self, job: &Job, outcome: Outcome) {
        if let Some(id) = &job.request.tracking {
            lock(&self.site.tracking).finish(id, outcome);
            self.published.ended(id, outcome);
        }
    }
}

async fn readable(port: Option<&Port>) {
    // A failed wait wakes too: the poll that follows finds out what is wrong with the port.
    match port {
        Some(Port::Serial(port)) => drop(port.readable().await),
        Some(Port::Stream(port)) => drop(port.readable().await),
        Some(Port::Usb(port)) => drop(port.readable().await),
        Some(Port::Files(_) | Port::Snmp(_)) | None => std::future::pending().await,
    }
}

/// A moment that has come is not slept for: the runtime's timers count in milliseconds, and a change would be told one later.
async fn reach(moment: Instant) {
    if moment > Instant::now() {
        sleep_until(moment).await;
    }
}

async fn sleep_or_never(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
