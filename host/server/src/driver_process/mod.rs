//! One UPS as a driver process of NUT: one plugin instance, and a socket for upsd and whoever else asks.
//!
//! The supervisor of the server does the work; here is only what a process of its own needs: the section from ups.conf
//! and the command line, the socket, and the commands that concern the process. It refuses to serve before the first
//! good report, as NUT's drivers do, so that whoever waits for the start knows that the device answers.
//! Standard: the behaviour of NUT 2.8's drivers; the socket is spoken by [`husk_core::proto::driver`].

mod clients;
mod once;
mod plan;
mod signals;
mod socket;

pub use once::{dump, options, shut_down};
pub use plan::{Asked, Plan, PlanError};

use crate::device::{Handle, Order, RESTING, Setup, Site, supervise};
use crate::published::{Clock, Ear, Job, Published};
use crate::{limits, plugins};
use clients::{Clients, Command};
use husk_core::proto::session::{Request, What};
use husk_core::proto::tracking::{Outcome, Tracking};
use husk_core::state::{Freshness, Snapshot, Variable};
use husk_engine::{Bundled, EngineError};
use signals::Signals;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// What a process exits with when it was told to end itself if a reload is not enough: 128 + SIGUSR1, as NUT's drivers.
pub const RELOAD_FAILED: u8 = 128 + 10;
/// Commands of the process that a device of the server has not.
const PROCESS_COMMANDS: [&str; 1] = ["driver.exit"];

/// Why there is no driver, or no more.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The section cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The sandbox does not run here.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The device does not answer, or has no plugin.
    #[error("cannot start UPS [{ups}]: {reason}")]
    Device {
        /// The section.
        ups: String,
        /// What the supervisor says.
        reason: String,
    },
    /// The socket cannot be made.
    #[error("cannot open the socket {path}: {reason}")]
    Socket {
        /// Where it should have been.
        path: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Signals cannot be caught.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
}

/// How a driver that served ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Stopped,
    /// It was told to end if its new settings cannot be used.
    ReloadFailed,
}

/// Serves the UPS until told to stop. `on_ready` is called once when the socket is there.
///
/// # Errors
/// The driver did not start; once it serves, nothing but an order ends it.
pub async fn serve(
    plan: Plan,
    bundled: &'static [Bundled],
    on_ready: impl FnOnce(),
) -> Result<Ending, DriverError> {
    let mut signals = Signals::catch().map_err(DriverError::Signals)?;
    let mut driver = tokio::select! {
        biased;
        () = signals.stop() => return Ok(Ending::Stopped),
        driver = Driver::start(plan, bundled) => driver?,
    };
    let path = driver.plan.socket_path();
    let listener = socket::open(&path, &driver.plan).map_err(|reason| DriverError::Socket {
        path: path.display().to_string(),
        reason,
    })?;
    on_ready();
    let (commands, heard) = mpsc::channel(limits::REQUEST_QUEUE);
    let clients = Clients::new(Arc::clone(driver.published()), driver.clock, commands);
    clients.tell(driver.snapshot());
    let accepting = tokio::spawn(clients::accept(listener, Arc::clone(&clients)));
    let ending = driver.run(&clients, &mut signals, heard).await;
    accepting.abort();
    socket::remove(&path);
    clients.dismiss().await;
    driver.end().await;
    Ok(ending)
}

/// A supervised device with nobody served yet.
struct Driver {
    plan: Plan,
    handle: Handle,
    clock: Clock,
    news: Arc<Notify>,
    ended: mpsc::Receiver<(String, Outcome)>,
    reloads: mpsc::Receiver<()>,
}

impl Driver {
    /// Starts the supervisor and waits for its first report.
    async fn start(plan: Plan, bundled: &'static [Bundled]) -> Result<Self, DriverError> {
        let registry = plugins::open(&plan.extras().plugins, plan.dir(), bundled).await?;
        let (reload, reloads) = mpsc::channel(1);
        let clock = Clock::start();
        let site = Site {
            clock,
            registry: Arc::new(registry),
            // Nobody looks up outcomes here; they are told.
            tracking: Arc::new(Mutex::new(Tracking::new(Duration::ZERO))),
            config_dir: plan.dir().to_owned(),
            state_path: plan.state_path().to_owned(),
            reload,
            sockets_only: false,
        };
        let (handle, life) = supervise(Arc::new(site), plan.setup());
        let news = Arc::new(Notify::new());
        let (sender, ended) = mpsc::channel(2 * limits::REQUEST_QUEUE);
        handle.published.tell(Ear {
            news: Arc::clone(&news),
            ended: sender,
        });
        tokio::spawn(life);
        let driver = Self {
            plan,
            handle,
            clock,
            news,
            ended,
            reloads,
        };
        driver.first_report().await?;
        Ok(driver)
    }

    async fn first_report(&self) -> Result<(), DriverError> {
        loop {
            // A good report may have come and gone; only a device that never gave one is a failed start.
            if self.published().snapshot().freshness != Freshness::Waiting {
                return Ok(());
            }
            let note = self.published().note();
            if note.doing == RESTING {
                return Err(DriverError::Device {
                    ups: self.published().name.to_string(),
                    reason: note.trouble,
                });
            }
            self.news.notified().await;
        }
    }

    /// Ends the supervisor and waits until the kernel has its device back.
    async fn end(self) {
        drop(self);
        husk_ports::usb::real::closed().await;
    }

    fn published(&self) -> &Arc<Published> {
        &self.handle.published
    }

    /// What clients see: the device, and the commands of the process.
    fn snapshot(&self) -> Arc<Snapshot> {
        let mut snapshot = Snapshot::clone(&self.published().snapshot());
        for command in PROCESS_COMMANDS {
            let place = snapshot
                .commands
                .partition_point(|known| known.to_ascii_lowercase().as_str() < command);
            snapshot.commands.insert(place, command.to_owned());
        }
        Arc::new(snapshot)
    }

    async fn run(
        &mut self,
        clients: &Clients,
        signals: &mut Signals,
        mut commands: mpsc::Receiver<(Command, Option<String>)>,
    ) -> Ending {
        let level = log::max_level();
        loop {
            let (command, id) = tokio::select! {
                biased;
                command = signals.next() => (command, None),
                Some(command) = commands.recv() => command,
                Some(()) = self.reloads.recv() => (Command::Reload, None),
                Some((id, outcome)) = self.ended.recv() => {
                    clients.finished(&id, outcome);
                    continue;
                }
                () = self.news.notified() => {
                    let snapshot = self.snapshot();
                    log::set_max_level(level.max(wanted_level(&snapshot)));
                    clients.tell(snapshot);
                    continue;
                }
            };
            // What ends the process, or may, is answered first: nobody could be told afterwards.
            let answered_first = command != Command::ReloadOrError;
            if let Some(id) = id.as_deref().filter(|_| answered_first) {
                clients.finished(id, Outcome::Success);
            }
            match command {
                Command::Exit => return Ending::Stopped,
                Command::Dump => print!("{}", listed(&self.snapshot())),
                Command::Reload | Command::ReloadOrError | Command::ReloadOrExit => {
                    let reloaded = self.reload().await;
                    if let Some(id) = id.as_deref().filter(|_| !answered_first) {
                        clients
                            .finished(id, reloaded.map_or(Outcome::Invalid, |()| Outcome::Success));
                    } else if reloaded.is_err() && command == Command::ReloadOrExit {
                        return Ending::ReloadFailed;
                    }
                }
            }
        }
    }

    /// Reads the section again; the supervisor starts the instance anew where that is needed. The error is logged.
    async fn reload(&mut self) -> Result<(), ()> {
        log::info!("reading the configuration again");
        let plan = match self.plan.again() {
            Ok(plan) => plan,
            Err(reason) => {
                log::error!("the settings before stay in force: {reason}");
                return Err(());
            }
        };
        plan.explain_to_log();
        let (before, setup): (Setup, Setup) = (self.plan.setup(), plan.setup());
        if setup.differs_from(&before) {
            let order = Order::Configure(Box::new(setup));
            let sent = self.handle.orders.send_timeout(order, limits::SWAP).await;
            sent.map_err(|_| log::error!("the device did not take its new settings"))?;
        }
        self.plan = plan;
        Ok(())
    }
}

/// A request as the supervisor takes it. Who sits at the other end of the socket is not known.
fn job(published: &Published, what: What, tracking: Option<String>, now: Duration) -> Job {
    Job {
        request: Request {
            ups: published.name.to_string(),
            what,
            tracking,
            user: "driver socket".to_owned(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        },
        queued: now,
    }
}

/// How much detail `driver.debug` asks for.
fn wanted_level(snapshot: &Snapshot) -> log::LevelFilter {
    let debug = snapshot.variable("driver.debug");
    match debug.map_or("0", |debug| debug.value.as_str()) {
        "0" => log::LevelFilter::Error,
        "1" => log::LevelFilter::Debug,
        _ => log::LevelFilter::Trace,
    }
}

fn listed(snapshot: &Snapshot) -> String {
    let line = |variable: &Variable| format!("{}: {}\n", variable.name, variable.value);
    snapshot.variables.iter().map(line).collect()
}

/// `<statepath>/<driver>-<ups>`
fn socket_path(state_path: &Path, driver: &str, ups: &str) -> PathBuf {
    state_path.join(format!("{driver}-{ups}"))
}
