//! A simulated UPS in the kernel's controller, a driver on it, a server and a client that watches.

use husk_tests::rig::{Scratch, Server, Which, wait_until};
use husk_tests::tool::Wire;
use husk_tests::usb::ups::{PRODUCT, Ups, VENDOR};
use husk_tests::usb::{Device, Simulated, bus};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Far above what anything takes on an emulated processor.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The name of the device in every configuration.
const NAME: &str = "usb";

/// Whose drivers the tests run with: both, or the one named in `HUSK_SUBJECT`.
pub(crate) fn subjects() -> Vec<Which> {
    let mut subjects = vec![Which::Husk];
    if Path::new("/lib/nut/usbhid-ups").exists() {
        subjects.push(Which::Incumbent);
    }
    if let Ok(name) = std::env::var("HUSK_SUBJECT") {
        subjects.retain(|which| format!("{which:?}").eq_ignore_ascii_case(&name));
    }
    subjects
}

/// One device with its driver and server.
pub(crate) struct Stand<D: Device = Ups> {
    pub(crate) ups: Simulated<D>,
    pub(crate) server: Server,
    wire: RefCell<Wire>,
}

impl Stand {
    /// Plugs a UPS into port 0 and starts driver and server with these lines in the section of the device.
    pub(crate) fn new(which: Which, options: &str) -> Self {
        let ups = Simulated::new(Ups::new("SIM0000001"));
        bus::plug(&ups, 0).expect("the virtual controller takes the device");
        wait_until(PATIENCE, || driver().is_some()).expect("the kernel binds to the device");
        Self::on(ups, which, options)
    }
}

impl<D: Device> Stand<D> {
    /// The same on a device that is plugged in already.
    pub(crate) fn on(ups: Simulated<D>, which: Which, options: &str) -> Self {
        Self::start(ups, which, options).expect("driver and server start")
    }

    /// The same, where the driver may not want the device.
    pub(crate) fn start(ups: Simulated<D>, which: Which, options: &str) -> io::Result<Self> {
        Self::with(ups, which, "usbhid-ups", options)
    }

    /// The same with another driver.
    pub(crate) fn with(
        ups: Simulated<D>,
        which: Which,
        driver: &str,
        options: &str,
    ) -> io::Result<Self> {
        let dir = Scratch::new("usb").unwrap();
        let conf = format!("[{NAME}]\n  driver = {driver}\n  port = auto\n  {options}");
        dir.write("ups.conf", &conf).unwrap();
        let users = "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n";
        dir.write("upsd.users", users).unwrap();
        dir.write("upsd.conf", "").unwrap();
        let server = Server::start(which, dir, &[NAME]).inspect_err(|_| ups.unplug())?;
        // A daemon that was built without the optimiser listens seconds before it answers here.
        wait_until(PATIENCE, || {
            let answer = server.wire().and_then(|mut wire| wire.ask("VER"));
            answer.is_ok_and(|line| !line.is_empty())
        })?;
        let wire = RefCell::new(server.wire()?);
        Ok(Self { ups, server, wire })
    }

    /// The value of a variable, or the error.
    pub(crate) fn get(&self, variable: &str) -> String {
        self.wire.borrow_mut().value(NAME, variable).unwrap()
    }

    /// A request about the device and its answer.
    pub(crate) fn ask(&self, request: &str) -> String {
        self.wire.borrow_mut().ask(request).unwrap()
    }

    /// The lines of a list of the device, such as `VAR` or `CMD`, without what they begin with.
    pub(crate) fn list(&self, what: &str) -> Vec<String> {
        let reply = self.ask(&format!("LIST {what} {NAME}"));
        let prefix = format!("{what} {NAME} ");
        let lines = reply.lines().filter_map(|line| line.strip_prefix(&prefix));
        lines.map(str::to_owned).collect()
    }

    /// Has the administrator order something and says what came of it.
    pub(crate) fn order(&self, command: &str) -> String {
        for request in ["USERNAME admin", "PASSWORD secret"] {
            let _ = self.ask(request);
        }
        self.ask(&format!("INSTCMD {NAME} {command}"))
    }

    /// Waits until the status reads so, and says how long it took.
    pub(crate) fn await_status(&self, wanted: &str) -> Duration {
        self.await_value("ups.status", wanted)
    }

    /// Waits until a variable reads so, or an answer begins so.
    pub(crate) fn await_value(&self, variable: &str, wanted: &str) -> Duration {
        let begun = Instant::now();
        let mut last = String::new();
        let outcome = wait_until(PATIENCE, || {
            last = self.get(variable);
            last == wanted
        });
        assert!(
            outcome.is_ok(),
            "{variable} is {last:?} and never became {wanted:?}; the log:\n{}",
            self.server.log()
        );
        begun.elapsed()
    }
}

/// What a client of its own sees of a status, all the time.
pub(crate) struct Watch {
    seen: Arc<Mutex<BTreeSet<String>>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Device> Stand<D> {
    /// Begins to watch the status.
    pub(crate) fn watch(&self) -> Watch {
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let done = Arc::new(AtomicBool::new(false));
        let mut wire = self.server.wire().unwrap();
        let (into, until) = (Arc::clone(&seen), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                // The server ends before its watcher where a test has failed.
                let Ok(status) = wire.value(NAME, "ups.status") else {
                    return;
                };
                into.lock().unwrap().insert(status);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Watch {
            seen,
            done,
            thread: Some(thread),
        }
    }
}

impl Watch {
    /// Asserts that nothing but this status and errors was ever seen.
    pub(crate) fn only(mut self, status: &str) {
        self.done.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        let seen = self.seen.lock().unwrap().clone();
        let false_ones = seen
            .iter()
            .filter(|seen| *seen != status && !seen.starts_with("ERR "));
        assert_eq!(false_ones.count(), 0, "a false status among {seen:?}");
    }
}

impl<D: Device> Drop for Stand<D> {
    fn drop(&mut self) {
        self.ups.unplug();
    }
}

/// How many of our UPSes the kernel sees.
pub(crate) fn plugged() -> usize {
    bus::seen(VENDOR, PRODUCT).len()
}

/// The kernel's driver of the device's interface.
pub(crate) fn driver() -> Option<String> {
    bus::seen(VENDOR, PRODUCT)
        .into_iter()
        .find_map(|seen| seen.driver)
}
