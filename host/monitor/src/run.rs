//! The monitor at run time: brings the decisions of [`Monitor`] everything that happens, and does what it says.
//!
//! One thread, one loop; nothing it does can be slow: servers are asked by [`Link`]s, programs are run by the notifier, and
//! the shutdown command by the parent. Refuses to decide anything itself.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use husk_core::conf::upsmon::{self, Config};
use husk_core::monitor::{Action, Event, Failure, Level, Monitor, explain};
use husk_core::sched::Rule;
use husk_daemon::syslog::{self, Severity};
use husk_daemon::{background, notify, privilege};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::addresses::Family;
use crate::control::{self, Question};
use crate::duties::Duties;
use crate::inputs::{Input, Inputs, Signals};
use crate::link::{Ask, Link, Reach};
use crate::notify::{Notifier, Setup};
use crate::parent::Word;
use crate::superior::{self, Superior};
use crate::{limits, security, sleep};

/// How to monitor.
pub struct Options {
    /// upsmon.conf.
    pub file: PathBuf,
    /// The same, read.
    pub config: Config,
    /// Which addresses of servers are tried.
    pub family: Family,
    /// How long a server may take to accept.
    pub patience: Duration,
    /// Where our process id is written.
    pub pid_file: PathBuf,
    /// Whom to become, if not the one who started us.
    pub user: Option<String>,
    /// The privileged part; without one this process does the duties.
    pub parent: Option<UnixStream>,
    /// The duties of a process without parent.
    pub duties: Duties,
    /// Timers built in, read anew at each reload.
    pub timers: Box<dyn Fn() -> Vec<Rule>>,
    /// Called once when all is under way.
    pub on_ready: Box<dyn FnOnce()>,
}

/// Monitors until a signal or a shutdown ends it; gives the exit code.
///
/// # Errors
/// A sentence: it did not start.
pub fn run(options: Options) -> Result<u8, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(limits::LOOKUPS)
        .build()
        .map_err(failed)?;
    // Before the PID file tells anybody whom to signal.
    let signals = runtime.block_on(async { Signals::catch() });
    let signals = signals.map_err(failed)?;
    let pid_file = options.pid_file.clone();
    // Before the rights are gone: the directory may be root's.
    if let Err(error) = background::write_pid(&pid_file) {
        log::warn!("cannot write {}: {error}", pid_file.display());
    }
    let user = options.user.as_deref();
    let become_user = user.map_or(Ok(()), |user| privilege::become_user(user, None));
    let code = become_user
        .map_err(|error| format!("Fatal error: {error}"))
        .and_then(|()| {
            runtime.block_on(async {
                let (inputs, running) = Running::start(options, signals)?;
                Ok(running.run(inputs).await)
            })
        });
    // A name server that does not answer is not waited for.
    runtime.shutdown_background();
    background::remove_pid(&pid_file);
    // The next one replaces it anyway.
    let _ = fs::remove_file(pid_file.with_file_name(control::SOCKET));
    code
}

fn failed(error: io::Error) -> String {
    format!("Fatal error: cannot start: {error}")
}

/// A running monitor.
struct Running {
    start: Duration,
    file: PathBuf,
    config: Config,
    /// What was configured at the start, for a parent that has read that.
    duties: Duties,
    timers: Box<dyn Fn() -> Vec<Rule>>,
    monitor: Monitor,
    links: BTreeMap<Arc<str>, Link>,
    reach: Reach,
    answers: mpsc::Sender<Event>,
    notifier: Notifier,
    superior: Superior,
    /// SHUTDOWNCMD under way, without a parent.
    shutdown: Option<JoinHandle<()>>,
    due: Instant,
    /// Links that say goodbye.
    leaving: JoinSet<()>,
}

impl Running {
    fn start(options: Options, signals: Signals) -> Result<(Inputs, Self), String> {
        let parent = options.parent.as_ref();
        let parent = parent.map(superior::listen).transpose().map_err(failed)?;
        let superior = match options.parent {
            Some(stream) => Superior::Parent(stream),
            None => Superior::Nobody(options.duties.clone()),
        };
        let questions = open_control(&options.pid_file);
        if let Err(error) = fs::File::open(&options.file) {
            log::warn!("{}: {error}: no reload will work", options.file.display());
        }
        let (answers, answered) = mpsc::channel(limits::INPUTS);
        let (notifier, orders) = Notifier::start(setup(&options.config, &options.timers));
        let start = uptime();
        let settings = options.config.settings.clone();
        let (monitor, actions) = Monitor::new(settings, Duration::ZERO, wall())
            .map_err(|error| format!("Fatal error: insufficient power configured! {error}"))?;
        let mut running = Self {
            start,
            file: options.file,
            config: options.config,
            duties: options.duties,
            timers: options.timers,
            monitor,
            links: BTreeMap::new(),
            reach: Reach {
                patience: options.patience,
                family: options.family,
            },
            answers,
            notifier,
            superior,
            shutdown: None,
            due: Instant::now(),
            leaving: JoinSet::new(),
        };
        running.link_up();
        running.perform(actions);
        running.superior.say(Word::Ready);
        (options.on_ready)();
        let inputs = Inputs {
            answers: answered,
            questions,
            orders,
            sleeps: sleep::watch(),
            parent,
            watchdog: notify::watchdog().map(tokio::time::interval),
            signals,
        };
        Ok((inputs, running))
    }

    async fn run(mut self, mut inputs: Inputs) -> u8 {
        loop {
            let code = match inputs.next(self.due).await {
                Input::Event(event) => self.on(event),
                Input::Due => {
                    // Until the monitor asks again.
                    self.due = Instant::now() + limits::NEVER;
                    self.on(Event::Wake { wall: wall() })
                }
                Input::Question(question) => {
                    self.explain(question);
                    None
                }
                Input::Alive => {
                    self.superior.say(Word::Alive);
                    None
                }
                Input::Sleep(sleep::Change::Sleeping(hold)) => {
                    let code = self.on(Event::Sleeping);
                    self.notifier.flush(limits::FLUSH).await;
                    drop(hold);
                    code
                }
                Input::Sleep(sleep::Change::Woken) => self
                    .on(Event::Woken { wall: wall() })
                    .or_else(|| self.reload()),
                Input::Reload => {
                    log::info!("Reloading configuration");
                    self.reload()
                }
                Input::Stop => {
                    self.stop().await;
                    return 0;
                }
            };
            if let Some(code) = code {
                self.end().await;
                return code;
            }
        }
    }

    fn now(&self) -> Duration {
        uptime().saturating_sub(self.start)
    }

    /// Tells the monitor and does what it wants; the exit code if that is the end.
    fn on(&mut self, event: Event) -> Option<u8> {
        log::debug!("{event:?}");
        let actions = self.monitor.on(event, self.now());
        self.perform(actions)
    }

    fn perform(&mut self, mut actions: Vec<Action>) -> Option<u8> {
        let mut events = VecDeque::new();
        loop {
            if let Some(code) = self.act(actions, &mut events) {
                return Some(code);
            }
            let event = events.pop_front()?;
            actions = self.monitor.on(event, self.now());
        }
    }

    /// Does the actions in their order. What cannot even be asked is answered through `events`.
    fn act(&mut self, actions: Vec<Action>, events: &mut VecDeque<Event>) -> Option<u8> {
        for action in actions {
            log::trace!("{action:?}");
            match action {
                Action::Poll { system } => {
                    if let Err(why) = self.ask(&system, Ask::Poll) {
                        let outcome = Err(why);
                        events.push_back(Event::Polled { system, outcome });
                    }
                }
                Action::SetFsd { system } => {
                    if let Err(why) = self.ask(&system, Ask::SetFsd) {
                        let outcome = Err(why);
                        events.push_back(Event::FsdSet { system, outcome });
                    }
                }
                Action::CountLogins { system } => {
                    if let Err(why) = self.ask(&system, Ask::CountLogins) {
                        let outcome = Err(why);
                        events.push_back(Event::Logins { system, outcome });
                    }
                }
                // Neither has an answer that anybody waits for.
                Action::LogIn { system } => drop(self.ask(&system, Ask::LogIn)),
                Action::Disconnect { system } => drop(self.ask(&system, Ask::Disconnect)),
                Action::Notify(notice) => self.notifier.send(&notice),
                Action::Log { level, text } => syslog::log(severity(level), &text),
                Action::Wall { text } => self.notifier.wall(&text),
                Action::ShutDown => self.shut_down(),
                Action::Exit { code } => return Some(code),
                Action::WakeAt(at) => {
                    self.due = Instant::now() + at.saturating_sub(self.now());
                }
            }
        }
        None
    }

    fn ask(&self, system: &str, ask: Ask) -> Result<(), Failure> {
        match self.links.get(system) {
            Some(link) if link.ask(ask) => Ok(()),
            // The monitor has one question of each kind under way, so this is a mistake of ours; it must not hang on it.
            _ => Err(Failure::Lost("too many questions are waiting".to_owned())),
        }
    }

    fn shut_down(&mut self) {
        match &self.superior {
            Superior::Parent(_) => self.superior.say(Word::ShutDown),
            Superior::Nobody(duties) => {
                let (duties, notifier) = (duties.clone(), self.notifier.clone());
                self.shutdown = Some(tokio::spawn(async move {
                    notifier.flush(limits::FLUSH).await;
                    duties.shut_down().await;
                }));
            }
        }
    }

    fn explain(&self, question: Question) {
        let now = self.now();
        let outlook = self.monitor.judgements(now);
        let file = self.file.display().to_string();
        let context = explain::Context {
            settings: self.monitor.settings(),
            config: &self.config,
            file: &file,
            now,
        };
        let only = question.system.as_deref();
        // Who asked may have gone.
        let _ = question
            .answer
            .send(explain::text(&outlook, &context, only));
    }

    /// A link for each monitored UPS, and none for others.
    fn link_up(&mut self) {
        let systems = &self.config.settings.systems;
        let monitored = |name: &str| systems.iter().any(|system| &*system.name == name);
        let dropped: Vec<_> = self.links.keys().filter(|name| !monitored(name)).collect();
        let dropped: Vec<Arc<str>> = dropped.into_iter().map(Arc::clone).collect();
        for name in dropped {
            if let Some(link) = self.links.remove(&name) {
                self.leaving.spawn(link.leave());
            }
        }
        for system in systems {
            let security = security::of(&self.config, &system.target.server);
            match self.links.get(&system.name) {
                Some(link) => {
                    let new = Box::new((system.clone(), security));
                    if !link.ask(Ask::Become(new)) {
                        log::error!("UPS [{}]: too many questions are waiting", system.name);
                    }
                }
                None => {
                    let answers = self.answers.clone();
                    let link = Link::start(system, &security, &self.reach, answers);
                    self.links.insert(Arc::clone(&system.name), link);
                }
            }
        }
    }

    /// Reads the configuration again; the exit code if it leaves nothing to monitor. On the way down the connections stay what they
    /// are: the FSD and the counts of logins go over them.
    fn reload(&mut self) -> Option<u8> {
        if self.monitor.stage().going_down() {
            log::warn!("A shutdown is under way: the configuration is not read again");
            return None;
        }
        self.superior.say(Word::Reloading);
        let code = match read_config(&self.file) {
            Err(error) => {
                log::error!("Reload failed: can't open {}: {error}", self.file.display());
                None
            }
            Ok(Config {
                fatal: Some(why), ..
            }) => {
                log::error!("Reload failed: {why}; the old configuration stays");
                None
            }
            Ok(config) => self.take(config),
        };
        self.superior.say(Word::Ready);
        code
    }

    fn take(&mut self, config: Config) -> Option<u8> {
        let duties = Duties::new(&config);
        match &mut self.superior {
            Superior::Nobody(own) => {
                let mut new = duties;
                if new.flag == Duties::new(&self.config).flag {
                    // One that was refused stays refused.
                    new.flag = own.flag.take();
                } else {
                    new.clear_flag();
                }
                *own = new;
            }
            Superior::Parent(_) => {
                if duties.command != self.duties.command {
                    log::warn!("SHUTDOWNCMD changed: restart upsmon for it, the old one stays");
                }
                if duties.flag != self.duties.flag {
                    log::warn!("POWERDOWNFLAG changed: restart upsmon for it, the old one stays");
                }
            }
        }
        self.config = config;
        self.notifier.reconfigure(setup(&self.config, &self.timers));
        self.link_up();
        let settings = Box::new(self.config.settings.clone());
        self.on(Event::Reload(settings))
    }

    /// A stop that nobody's power depends on: servers are told.
    async fn stop(mut self) {
        log::info!("Signal 15: exiting");
        self.superior.say(Word::Stopping);
        for (_, link) in std::mem::take(&mut self.links) {
            self.leaving.spawn(link.leave());
        }
        while self.leaving.join_next().await.is_some() {}
        // A shutdown command under way may itself wait for us to end; but it has to be started.
        let _ = tokio::time::timeout(limits::FLUSH * 2, self.end()).await;
    }

    /// Programs that are to be run are started, and the shutdown command is seen to its end.
    async fn end(mut self) {
        self.notifier.flush(limits::FLUSH).await;
        if let Some(shutdown) = self.shutdown.take() {
            // An error is a panic in there, which has been told.
            let _ = shutdown.await;
        }
    }
}

/// Reads upsmon.conf and tells the log what is wrong with it.
///
/// # Errors
/// It cannot be read.
fn read_config(file: &Path) -> io::Result<Config> {
    let text = fs::read(file)?;
    let (config, found) = upsmon::parse(&file.display().to_string(), &text);
    for diagnostic in found {
        log::warn!("{diagnostic}");
    }
    Ok(config)
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Alert => Severity::Alert,
        Level::Critical => Severity::Critical,
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
        Level::Notice => Severity::Notice,
        Level::Info => Severity::Information,
        Level::Debug => Severity::Debug,
    }
}

fn setup(config: &Config, timers: &dyn Fn() -> Vec<Rule>) -> Setup {
    let command = config.notify_command.as_ref();
    Setup {
        command: command.map(|at| at.value.clone()).unwrap_or_default(),
        timers: timers(),
    }
}

/// Whether anybody can ask why changes nothing for those who do not.
fn open_control(pid_file: &Path) -> mpsc::Receiver<Question> {
    let (sender, questions) = mpsc::channel(limits::ASKERS);
    let path = pid_file.with_file_name(control::SOCKET);
    match control::open(&path) {
        Ok(listener) => drop(tokio::spawn(control::serve(listener, sender))),
        Err(error) => log::warn!("no control socket at {}: {error}", path.display()),
    }
    questions
}

/// The clock of the monitor, which goes on while the machine sleeps: so it notices a sleep that nobody announced.
fn uptime() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    // Neither is ever negative, nor are there more nanoseconds than a second has.
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

fn wall() -> Duration {
    // A clock before 1970 is not set yet.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
