//! The whole server: everything started in order, one place that hears signals, everything ended in time.
//!
//! Order of the start: configuration, control socket (so that there is one server per state path),
//! certificates, listeners, plugins, devices, then clients. Nothing is accepted before the list of UPSes is
//! complete. A stop ends all tasks within [`limits::STOP`]; what does not end is dropped with the runtime.

use crate::config::{Config, ConfigError, Source};
use crate::control::{self, Command, Reply};
use crate::device::Site;
use crate::doors::{self, Doors};
use crate::fleet::Fleet;
use crate::gate::Gate;
use crate::listener::{self, Bound, Family, ListenError, Missing};
use crate::loader::NoPlugins;
use crate::network::{Hall, Network};
use crate::published::{Clock, Directory, Rules, Served, lock};
use crate::registry::Registry;
use crate::tls::{self, TlsError};
use crate::{limits, plugins};
use husk_core::conf::upsd::UpsdConf;
use husk_core::proto::tracking::Tracking;
use husk_daemon::{Phase, notify};
use husk_engine::{Bundled, EngineError};
use rustix::process::Resource;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// How to serve.
pub struct Options {
    /// Where the configuration is.
    pub source: Source,
    /// Plugins that are part of the program.
    pub bundled: &'static [Bundled],
    /// Which addresses to listen on.
    pub family: Family,
    /// Called once when clients are served.
    pub on_ready: Option<OnReady>,
}

/// Told the state path.
pub type OnReady = Box<dyn FnOnce(&Path) + Send>;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration leaves nothing to serve.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// TLS is configured and cannot work.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No, or not all, listeners.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The sandbox does not run here.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Another server has this state path.
    #[error("Fatal error: A previous upsd instance is already running! ({0} answers)")]
    Running(PathBuf),
    /// The system has no room for the thread that serves clients.
    #[error("cannot start the network thread: {0}")]
    Thread(std::io::Error),
    /// Signals cannot be caught.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
}

/// Serves until a signal or the control socket says stop.
///
/// # Errors
/// The server did not start. Once it runs, nothing but a stop ends it.
pub async fn serve(options: Options) -> Result<(), ServeError> {
    let mut signals = Signals::catch()?;
    // Plugins may have to be compiled first: whoever stops a server that is just starting need not wait for that.
    let server = tokio::select! {
        biased;
        () = signals.stop() => return Ok(()),
        server = Server::start(options) => server?,
    };
    server.run(signals).await;
    Ok(())
}

/// A running server.
pub struct Server {
    core: Arc<Core>,
    addresses: Vec<SocketAddr>,
    reloads: mpsc::Receiver<()>,
    stops: mpsc::Receiver<()>,
    stop: watch::Sender<bool>,
    network: Network,
    /// Closed when the last task has ended.
    ended: mpsc::Receiver<()>,
    alive: mpsc::Sender<()>,
    control: Option<PathBuf>,
}

/// The signals a server obeys, from the moment they are caught.
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl Signals {
    /// Catches HUP (reload), TERM, INT and QUIT (stop).
    ///
    /// # Errors
    /// The system refuses.
    pub fn catch() -> Result<Self, ServeError> {
        let caught = |kind| signal(kind).map_err(ServeError::Signals);
        Ok(Self {
            hangup: caught(SignalKind::hangup())?,
            terminate: caught(SignalKind::terminate())?,
            interrupt: caught(SignalKind::interrupt())?,
            quit: caught(SignalKind::quit())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}

/// What the tasks of the server share.
struct Core {
    source: Source,
    fleet: Fleet,
    directory: Arc<Directory>,
    tracking: Arc<Mutex<Tracking>>,
    site: Arc<Site>,
    stop: mpsc::Sender<()>,
    gate: Arc<Gate>,
    hall: Arc<Hall>,
    doors: Doors,
    /// The configuration files in force.
    files: Mutex<Vec<PathBuf>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

/// What must work before anything is started.
struct Ground {
    config: Config,
    tls: Option<TlsAcceptor>,
    bound: Vec<Bound>,
    registry: Arc<Registry>,
}

impl Ground {
    async fn test(config: Config, options: &Options) -> Result<Self, ServeError> {
        let missing = Missing::of(&config, options.source.classic);
        Ok(Self {
            tls: tls::acceptor(&config.upsd, &config.extras.listen)?,
            bound: listener::bind(&doors::wishes(&config), options.family, missing).await?,
            registry: Arc::new(registry(&config, options).await?),
            config,
        })
    }
}

/// The ends of channels that tasks of the server hold.
struct Cords {
    reload: mpsc::Sender<()>,
    stop: mpsc::Sender<()>,
    alive: mpsc::WeakSender<()>,
}

impl Server {
    /// Starts everything; clients are served when this returns.
    ///
    /// # Errors
    /// As [`serve`].
    pub async fn start(options: Options) -> Result<Self, ServeError> {
        let config = Config::load(&options.source)?;
        config.explain_to_log();
        raise_log_level(&config.upsd);
        // Nothing that can be asked there concerns a server without drivers of its own.
        let control = match options.source.classic {
            true => None,
            false => open_control(&config.state_path)?,
        };
        let socket = control::socket_path(&config.state_path);
        let ground = Ground::test(config, &options).await?;
        let sockets = ground.bound.iter().flat_map(|bound| &bound.listeners);
        let addresses = sockets.filter_map(|open| open.local_addr().ok());
        let addresses = addresses.collect();

        let (alive, ended) = mpsc::channel(1);
        let (reload, reloads) = mpsc::channel(1);
        let (stopper, stops) = mpsc::channel(1);
        let stop = watch::Sender::new(false);
        let cords = Cords {
            reload,
            stop: stopper,
            alive: alive.downgrade(),
        };
        let (core, network) = Core::start(ground, options.source, options.family, cords).await?;
        let server = Self {
            addresses,
            reloads,
            stops,
            stop,
            network,
            ended,
            alive,
            control: control.as_ref().map(|_| socket),
            core: Arc::new(core),
        };
        server.watch_over(control);
        if let Some(on_ready) = options.on_ready {
            on_ready(&server.core.site.state_path);
        }
        notify(Phase::Ready);
        Ok(server)
    }

    /// Where clients are served.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Runs until told to stop, then ends every task.
    pub async fn run(mut self, mut signals: Signals) {
        loop {
            tokio::select! {
                biased;
                _ = signals.terminate.recv() => break,
                _ = signals.interrupt.recv() => break,
                _ = signals.quit.recv() => break,
                _ = self.stops.recv() => break,
                _ = signals.hangup.recv() => {}
                _ = self.reloads.recv() => {}
            }
            // Apart, so that a reload that waits for a device does not delay a stop.
            let core = Arc::clone(&self.core);
            self.task(async move {
                if let Err(reason) = core.reload().await {
                    log::error!("the configuration before stays in force: {reason}");
                }
            });
        }
        self.end().await;
    }

    async fn end(self) {
        log::info!("stopping");
        notify(Phase::Stopping);
        self.stop.send_replace(true);
        self.core.fleet.dismiss();
        drop(self.network);
        drop(self.alive);
        let mut ended = self.ended;
        if tokio::time::timeout(limits::STOP, ended.recv())
            .await
            .is_err()
        {
            log::warn!("some tasks did not end in time and are dropped");
        }
        husk_ports::usb::real::closed().await;
        if let Some(path) = self.control {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }

    /// The control socket, the look at the plugin directories and at addresses that are awaited.
    fn watch_over(&self, control: Option<UnixListener>) {
        if let Some(listener) = control {
            self.task(Arc::clone(&self.core).hear(listener));
        }
        let registry = Arc::clone(&self.core.site.registry);
        self.task(async move {
            loop {
                tokio::time::sleep(limits::RESCAN).await;
                registry.rescan().await;
            }
        });
        let core = Arc::clone(&self.core);
        self.task(async move {
            loop {
                tokio::time::sleep(limits::REBIND).await;
                core.doors.try_again().await;
            }
        });
    }

    /// Spawns a task that ends with the server at the latest.
    fn task(&self, life: impl Future<Output = ()> + Send + 'static) {
        let mut stop = self.stop.subscribe();
        let alive = self.alive.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => {}
                () = life => {}
            }
            drop(alive);
        });
    }
}

impl Core {
    /// Starts the devices, then lets clients in.
    async fn start(
        ground: Ground,
        source: Source,
        family: Family,
        cords: Cords,
    ) -> Result<(Self, Network), ServeError> {
        let mut config = ground.config;
        let tracking = Arc::new(Mutex::new(Tracking::new(config.upsd.tracking_delay)));
        let site = Arc::new(Site {
            clock: Clock::start(),
            registry: ground.registry,
            tracking: Arc::clone(&tracking),
            config_dir: source.dir.clone(),
            state_path: config.state_path.clone(),
            reload: cords.reload,
            sockets_only: source.classic,
        });
        let fleet = Fleet::new(Arc::clone(&site), cords.alive.clone());
        log::info!(
            "Found {} UPS defined in ups.conf",
            config.ups.sections.len()
        );
        let upses = fleet.apply(&config).await;
        let seats = seats(&config.upsd, upses.len());
        let gate = Arc::new(Gate::new());
        let rules = rules(&mut config, ground.tls);
        let served = Served::new(upses, rules, Arc::clone(&gate), Arc::clone(&tracking));
        let directory = Arc::new(Directory::new(served));
        let hall = Arc::new(Hall {
            directory: Arc::clone(&directory),
            clock: site.clock,
            seats: AtomicUsize::new(seats),
            workers: Handle::current(),
        });
        let network = Network::start(Arc::clone(&hall), cords.alive.upgrade());
        let network = network.map_err(ServeError::Thread)?;
        let core = Self {
            source,
            fleet,
            directory,
            tracking,
            site,
            stop: cords.stop,
            gate,
            doors: Doors::open(network.post().clone(), family, ground.bound),
            hall,
            files: Mutex::new(config.files),
            reloading: tokio::sync::Mutex::default(),
        };
        Ok((core, network))
    }

    /// Reads the configuration again; nothing changes unless all of it can be used.
    async fn reload(&self) -> Result<String, String> {
        let _turn = self.reloading.lock().await;
        log::info!("reading the configuration again");
        let mut config = Config::load(&self.source).map_err(|error| error.to_string())?;
        self.nothing_is_gone(&config)?;
        config.explain_to_log();
        raise_log_level(&config.upsd);
        let tls = tls::acceptor(&config.upsd, &config.extras.listen)
            .map_err(|error| error.to_string())?;
        lock(&self.tracking).set_life(config.upsd.tracking_delay);
        let upses = self.fleet.apply(&config).await;
        let count = upses.len();
        let rules = rules(&mut config, tls);
        let tracking = Arc::clone(&self.tracking);
        let gate = Arc::clone(&self.gate);
        self.directory
            .replace(Served::new(upses, rules, gate, tracking));
        let seats = seats(&config.upsd, count);
        self.hall.seats.store(seats, Ordering::Relaxed);
        self.doors.reloaded();
        self.doors.apply(&doors::wishes(&config)).await;
        *lock(&self.files) = config.files;
        self.fleet.replace_outdated().await;
        Ok(format!("{count} UPS configured\n"))
    }

    /// A file that is missing for a moment, while somebody replaces it, must not cost all devices, users or rules.
    fn nothing_is_gone(&self, config: &Config) -> Result<(), String> {
        let files = lock(&self.files);
        match files.iter().find(|file| !config.files.contains(file)) {
            None => Ok(()),
            Some(gone) => Err(format!(
                "{} is gone; to do without it, leave it there empty",
                gone.display()
            )),
        }
    }

    /// Answers the control socket.
    async fn hear(self: Arc<Self>, listener: UnixListener) {
        let seats = Arc::new(Semaphore::new(limits::CONTROL_CLIENTS));
        loop {
            // The semaphore is never closed.
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
                return;
            };
            let mut stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log::warn!("control socket: {error}");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let core = Arc::clone(&self);
            tokio::spawn(async move {
                let reply = match control::receive(&mut stream).await {
                    Ok(command) => core.obey(command).await,
                    Err(reason) => Err(format!("{reason}\n")),
                };
                control::answer(stream, &reply).await;
                drop(seat);
            });
        }
    }

    async fn obey(&self, command: Command) -> Reply {
        let registry = &self.site.registry;
        match command {
            Command::Status => Ok(self.fleet.status()),
            Command::PluginList => Ok(plugins::listed(&registry.listing())),
            Command::PluginShow(name) => plugins::shown(registry, &name),
            Command::PluginReload(name) => self.fleet.replace_plugin(&name).await,
            Command::Drivers => Ok(self.fleet.drivers()),
            Command::Driver(what, name) => self.fleet.drive(&name, what).await,
            Command::Reload => self.reload().await.map_err(|reason| format!("{reason}\n")),
            Command::Stop => {
                // Full means that a stop is under way.
                let _ = self.stop.try_send(());
                Ok("stopping\n".to_owned())
            }
        }
    }
}

/// The drivers of this server's own, of which the classic one has none.
async fn registry(config: &Config, options: &Options) -> Result<Registry, EngineError> {
    if options.source.classic {
        return Ok(Registry::open(Box::new(NoPlugins), Vec::new()).await);
    }
    warn_of_many_devices(config.ups.sections.len());
    plugins::open(&config.extras.plugins, &options.source.dir, options.bundled).await
}

/// One server per state path. Where the directory cannot be had, there is no control socket, which is said.
fn open_control(state_path: &Path) -> Result<Option<UnixListener>, ServeError> {
    let path = control::socket_path(state_path);
    let opened = std::fs::create_dir_all(state_path).and_then(|()| control::bind(&path));
    match opened {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Err(ServeError::Running(path))
        }
        Err(error) => {
            log::warn!("no control socket at {}: {error}", path.display());
            Ok(None)
        }
    }
}

/// What sessions are served by; taken out of the configuration.
fn rules(config: &mut Config, tls: Option<TlsAcceptor>) -> Rules {
    Rules {
        users: std::mem::take(&mut config.users),
        texts: std::mem::take(&mut config.texts),
        tls,
        plain: config.extras.listen.plain,
    }
}

/// DEBUG_MIN asks for at least so much detail.
fn raise_log_level(conf: &UpsdConf) {
    let wanted = match conf.debug_min {
        None | Some(0) => return,
        Some(1) => log::LevelFilter::Debug,
        Some(_) => log::LevelFilter::Trace,
    };
    log::set_max_level(log::max_level().max(wanted));
}

/// How many clients fit: MAXCONN, or what the descriptor limit leaves beside the devices.
fn seats(conf: &UpsdConf, devices: usize) -> usize {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Without the right to raise it the limit stays what it is, which is read back.
    let _ = rustix::process::setrlimit(Resource::Nofile, limit);
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let descriptors = usize::try_from(limit.current.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    // A port and, while it is opened anew or recorded, one more.
    let kept = limits::RESERVED_DESCRIPTORS + 2 * devices;
    let room = descriptors
        .saturating_sub(kept)
        .clamp(1, limits::CLIENTS_MAX);
    match conf.max_conn {
        Some(wanted) if wanted > room => {
            log::warn!("MAXCONN {wanted} is more than this system allows; {room} clients at once");
            room
        }
        Some(wanted) => wanted.max(1),
        None => room,
    }
}

/// The kernel bounds the memory mappings of a process, and an instance has 6 or 7 of them.
fn warn_of_many_devices(devices: usize) {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    let Ok(mappings) = text.trim().parse::<usize>() else {
        return;
    };
    let room = mappings.saturating_sub(5000) / 7;
    if devices > room {
        log::warn!(
            "{devices} devices may be more than the kernel allows (about {room}); raise vm.max_map_count"
        );
    }
}
