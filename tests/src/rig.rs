//! Servers for tests: Husk and the incumbent behind one interface, on free loopback ports, ended
//! by their process id when the rig is dropped.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::netns::Host;
use crate::tool::Wire;

pub use rustix::process::Signal;

/// Where Debian installs the incumbent's programs.
const INCUMBENT: &str = "/lib/nut";
/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(20);

/// A directory of its own, removed at the end.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty directory, named after `what`, that only this user can read.
    pub fn new(what: &str) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("husk-{what}-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file that only this user can read.
    pub fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.0.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Which server a scenario runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The binary under test.
    Husk,
    /// Debian's upsd with Debian's drivers.
    Incumbent,
}

/// True when the incumbent's server, driver and clients are installed.
pub fn incumbent_installed() -> bool {
    Path::new(INCUMBENT).join("upsd").exists()
        && Path::new(INCUMBENT).join("dummy-ups").exists()
        && Path::new("/usr/bin/upsc").exists()
}

/// A running server with its configuration directory.
pub struct Server {
    processes: Vec<Child>,
    log: Arc<Mutex<String>>,
    /// The configuration directory, also the state directory.
    pub dir: Scratch,
    /// The port it listens on.
    pub port: u16,
    /// The address it listens on: loopback's, or that of its machine.
    pub address: Ipv4Addr,
    /// The machine it runs on, if that is not this computer.
    host: Option<Host>,
    /// Whose server it is, and for which devices it has drivers.
    kind: (Which, Vec<String>),
}

/// The port of the protocol, where a machine of its own has it free.
const PORT: u16 = 3493;

impl Server {
    /// Starts a server on the configuration in `dir`: `ups.conf`, `upsd.users` and the devices'
    /// files must be there; `upsd.conf` is completed with a LISTEN line.
    ///
    /// `devices` are the sections the incumbent needs a driver process for.
    pub fn start(which: Which, dir: Scratch, devices: &[&str]) -> io::Result<Self> {
        match which {
            Which::Husk => Self::start_husk(dir),
            Which::Incumbent => {
                let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
                complete_upsd_conf(&dir, Ipv4Addr::LOCALHOST, port)?;
                let mut server = Self::new(dir, port, None);
                server.kind = (which, devices.iter().map(|&name| name.into()).collect());
                server.run_incumbent()?;
                Ok(server)
            }
        }
    }

    /// The same on a machine of a test's network, at the usual port of the machine's address.
    pub fn start_on(host: &Host, which: Which, dir: Scratch, devices: &[&str]) -> io::Result<Self> {
        complete_upsd_conf(&dir, host.address(), PORT)?;
        let mut server = Self::new(dir, PORT, Some(host.clone()));
        server.kind = (which, devices.iter().map(|&name| name.into()).collect());
        server.run()?;
        Ok(server)
    }

    /// Starts `husk serve` on the directory.
    pub fn start_husk(dir: Scratch) -> io::Result<Self> {
        let mut command = Command::new(crate::husk_binary());
        command.arg("serve").arg("--config").arg(dir.path());
        Self::start_ours(dir, command)
    }

    /// Starts our `upsd` on the directory: its devices come from the sockets of drivers that somebody else starts.
    pub fn start_upsd(dir: Scratch) -> io::Result<Self> {
        let mut command = Command::new(crate::husk_binary());
        command.args(["upsd", "-F"]);
        Self::start_ours(dir, command)
    }

    fn start_ours(dir: Scratch, command: Command) -> io::Result<Self> {
        complete_upsd_conf(&dir, Ipv4Addr::LOCALHOST, 0)?;
        let mut server = Self::new(dir, 0, None);
        server.run_ours(command)?;
        Ok(server)
    }

    fn new(dir: Scratch, port: u16, host: Option<Host>) -> Self {
        Self {
            processes: Vec::new(),
            log: Arc::default(),
            dir,
            port,
            address: host.as_ref().map_or(Ipv4Addr::LOCALHOST, Host::address),
            host,
            kind: (Which::Husk, Vec::new()),
        }
    }

    fn run(&mut self) -> io::Result<()> {
        if self.kind.0 == Which::Incumbent {
            return self.run_incumbent();
        }
        let mut command = self.program(&crate::husk_binary());
        command.arg("serve").arg("--config").arg(self.dir.path());
        self.run_ours(command)
    }

    fn run_ours(&mut self, command: Command) -> io::Result<()> {
        self.spawn(command)?;
        let line = self.wait_for_log(&format!("listening on {} port ", self.address), START)?;
        let port = line.rsplit(' ').next().and_then(|word| word.parse().ok());
        self.port = port.unwrap_or(0);
        Ok(())
    }

    fn run_incumbent(&mut self) -> io::Result<()> {
        for device in self.kind.1.clone() {
            let name = self.driver_of(&device)?;
            let mut driver = self.program(&Path::new(INCUMBENT).join(&name));
            driver.args(["-a", &device, "-u", "root", "-F"]);
            let socket = self.dir.path().join(format!("{name}-{device}"));
            let _ = fs::remove_file(&socket);
            self.spawn(driver)?;
            wait_until(START, || socket.exists())?;
        }
        let mut upsd = self.program(&Path::new(INCUMBENT).join("upsd"));
        upsd.args(["-F", "-u", "root"]);
        self.spawn(upsd)?;
        self.wait_for_log("Running as foreground process", START)?;
        Ok(())
    }

    /// The driver that ups.conf names in the section of a device.
    fn driver_of(&self, device: &str) -> io::Result<String> {
        let conf = fs::read_to_string(self.dir.path().join("ups.conf"))?;
        let section = conf.split_once(&format!("[{device}]"));
        let lines = section.map_or("", |(_, after)| after).lines();
        let mut words = lines.filter_map(|line| line.split_once('='));
        let driver = words.find(|(word, _)| word.trim() == "driver");
        driver
            .map(|(_, name)| name.trim().trim_matches('"').to_owned())
            .ok_or_else(|| io::Error::other(format!("ups.conf has no driver for {device}")))
    }

    fn program(&self, program: &Path) -> Command {
        match &self.host {
            Some(host) => host.command(program),
            None => Command::new(program),
        }
    }

    /// Ends the server and its drivers without any warning, as a power cut does.
    pub fn kill(&mut self) -> io::Result<()> {
        for mut child in self.processes.drain(..) {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts a server on a machine again after [`Self::kill`]; what it logged before is forgotten.
    pub fn restart(&mut self) -> io::Result<()> {
        if let Ok(mut log) = self.log.lock() {
            log.clear();
        }
        self.run()
    }

    /// A connection to the server.
    pub fn wire(&self) -> io::Result<Wire> {
        Wire::connect_to(self.address, self.port)
    }

    fn spawn(&mut self, mut command: Command) -> io::Result<()> {
        let dir = self.dir.path();
        for name in [
            "NUT_CONFPATH",
            "NUT_STATEPATH",
            "NUT_ALTPIDPATH",
            "NUT_PIDPATH",
        ] {
            command.env(name, dir);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(pipe) = child.stdout.take() {
            collect(pipe, Arc::clone(&self.log));
        }
        if let Some(pipe) = child.stderr.take() {
            collect(pipe, Arc::clone(&self.log));
        }
        self.processes.push(child);
        Ok(())
    }

    /// Everything the server's processes have printed so far.
    pub fn log(&self) -> String {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// Waits until a log line contains `text` and returns that line.
    pub fn wait_for_log(&self, text: &str, patience: Duration) -> io::Result<String> {
        let mut found = None;
        let outcome = wait_until(patience, || {
            found = self
                .log()
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned);
            found.is_some()
        });
        match (found, outcome) {
            (Some(line), _) => Ok(line),
            (None, error) => Err(io::Error::other(format!(
                "the log never said '{text}' ({error:?}); it said:\n{}",
                self.log()
            ))),
        }
    }

    /// The process id of the server itself.
    pub fn pid(&self) -> u32 {
        self.processes.last().map_or(0, Child::id)
    }

    /// Asks the server to stop and returns its exit code, if it ends in time.
    pub fn stop(&mut self) -> io::Result<Option<i32>> {
        let Some(child) = self.processes.last_mut() else {
            return Ok(None);
        };
        signal(child, Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(None)
    }

    /// Sends the server a signal.
    pub fn signal(&self, which: Signal) {
        if let Some(child) = self.processes.last() {
            signal(child, which);
        }
    }

    /// `name@address:port`, as clients want it.
    pub fn ups(&self, name: &str) -> String {
        format!("{name}@{}:{}", self.address, self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in &mut self.processes {
            signal(child, Signal::TERM);
        }
        for child in &mut self.processes {
            let deadline = Instant::now() + Duration::from_secs(5);
            while matches!(child.try_wait(), Ok(None)) {
                if Instant::now() > deadline {
                    let _ = child.kill();
                    let _ = child.wait();
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Waits until `condition` holds, looking every 20 ms.
pub fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    while !condition() {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "gave up waiting"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn complete_upsd_conf(dir: &Scratch, address: Ipv4Addr, port: u16) -> io::Result<()> {
    let text = fs::read_to_string(dir.path().join("upsd.conf")).unwrap_or_default();
    let state = dir.path().display();
    let text = format!("{text}\nSTATEPATH {state}\nLISTEN {address} {port}\n");
    dir.write("upsd.conf", &text).map(drop)
}

fn signal(child: &Child, which: Signal) {
    crate::process::signal(child.id(), which);
}

pub(crate) fn collect(pipe: impl io::Read + Send + 'static, log: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe).take(16 << 20);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(n) if n > 0) {
            if let Ok(mut log) = log.lock() {
                log.push_str(&String::from_utf8_lossy(&line));
            }
            line.clear();
        }
    });
}
