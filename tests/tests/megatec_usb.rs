//! Megatec units behind USB bridges, served by the whole program: the simulated bridge is at the other end of a Unix socket
//! (`port = usbip:…`). `driver = nutdrv_qx` means this plugin or the serial one, whichever the port is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::sim::megatec::{Megatec, State};
use husk_tests::tool::{Outcome, Tools, Wire, run};
use husk_tests::usb::Simulated;
use husk_tests::usb::bridge::{Bridge, Fault, Kind, Unit};

const PATIENCE: Duration = Duration::from_secs(30);
/// A lost device is back this soon after it can be.
const RECOVERY: Duration = Duration::from_secs(4);
const ON_BATTERY: &str = "(000.0 195.0 230.0 014 00.0 24.4 25.0 10001001";
const ON_MAINS: &str = "(228.0 195.0 230.0 014 49.0 27.4 25.0 00001001";

/// The socket that a bridge's cable ends in.
struct Socket {
    path: PathBuf,
    device: Simulated<Bridge>,
}

impl Socket {
    fn plug(&self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        let device = self.device.clone();
        thread::spawn(move || {
            while let Ok((cable, _)) = listener.accept() {
                if device.serve(cable).is_err() {
                    return;
                }
            }
        });
    }

    fn unplug(&self) {
        fs::remove_file(&self.path).unwrap();
        self.device.unplug();
    }
}

/// A directory with the plugins; nothing when they are not built.
fn dir() -> Option<Scratch> {
    let dir = Scratch::new("megatec-usb").unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    for name in ["husk_plugin_megatec_usb", "husk_plugin_megatec"] {
        let file = dir.path().join("plugins").join(name).with_extension("wasm");
        if fs::copy(husk_tests::component(name), file).is_err() {
            husk_tests::skip("USB bridges of Megatec units: their components are not built");
            return None;
        }
    }
    dir.write(
        "upsd.users",
        "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n",
    )
    .unwrap();
    Some(dir)
}

fn socket(dir: &Path, kind: Kind) -> Socket {
    let socket = Socket {
        path: dir.join(format!("{kind:?}")),
        device: Simulated::new(Bridge::new(kind, Unit::megatec())),
    };
    socket.plug();
    socket
}

struct Rig {
    socket: Socket,
    server: Server,
}

fn rig(kind: Kind, options: &str) -> Option<Rig> {
    let dir = dir()?;
    let socket = socket(dir.path(), kind);
    let port = socket.path.display();
    let conf = format!(
        "[lab]\n  driver = nutdrv_qx\n  port = usbip:{port}\n  protocol = megatec\n  pollinterval = 1\n{options}\n"
    );
    dir.write("ups.conf", &conf).unwrap();
    let server = Server::start_husk(dir).unwrap();
    Some(Rig { socket, server })
}

impl Rig {
    fn value(&self, variable: &str) -> String {
        let mut wire = Wire::connect(self.server.port).unwrap();
        wire.value("lab", variable)
            .unwrap_or_else(|error| error.to_string())
    }

    fn until(&self, status: &str) -> Duration {
        let began = Instant::now();
        wait_until(PATIENCE, || self.value("ups.status").starts_with(status)).unwrap_or_else(
            |error| {
                let last = self.value("ups.status");
                panic!("{error}: status is {last}; {}", self.server.log())
            },
        );
        began.elapsed()
    }

    /// For so long the status is what it was, or stale, and nothing else.
    fn never_but(&self, status: &str, span: Duration) {
        let began = Instant::now();
        while began.elapsed() < span {
            let seen = self.value("ups.status");
            assert!(
                seen.starts_with(status) || seen.contains("STALE"),
                "{seen} was invented"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn order(&self, command: &str) -> String {
        let mut wire = Wire::connect(self.server.port).unwrap();
        for login in ["USERNAME admin", "PASSWORD secret"] {
            assert_eq!(wire.ask(login).unwrap(), "OK");
        }
        wire.ask(&format!("INSTCMD lab {command}")).unwrap()
    }
}

/// One of each framing: reports, reports after emptying, one long packet, strings, an endpoint out, a feature report.
const KINDS: [Kind; 8] = [
    Kind::Cypress,
    Kind::Phoenix,
    Kind::Ippon,
    Kind::Krauler,
    Kind::Fabula,
    Kind::Fuji,
    Kind::Ablerex,
    Kind::ArmacFast,
];

#[test]
fn bridges_of_every_sort_serve_the_unit_and_its_outages() {
    for kind in KINDS {
        let Some(rig) = rig(kind, "") else { return };
        rig.until("OL");
        for (name, value) in [
            ("input.voltage", "228.0"),
            ("battery.voltage", "27.4"),
            ("device.mfr", "Example"),
            ("device.model", "Sim1500"),
            ("driver.name", "nutdrv_qx"),
        ] {
            assert_eq!(rig.value(name), value, "{name} over {kind:?}");
        }
        rig.socket
            .device
            .tell(|bridge| bridge.unit.set("Q1", ON_BATTERY));
        let took = rig.until("OB");
        assert!(took < Duration::from_secs(3), "{kind:?}: {took:?}");
        rig.socket
            .device
            .tell(|bridge| bridge.unit.set("Q1", ON_MAINS));
        rig.until("OL");
        assert_eq!(rig.order("beeper.toggle"), "OK", "{kind:?}");
        wait_until(PATIENCE, || {
            rig.socket
                .device
                .tell(|bridge| bridge.unit.told.contains(&"Q".to_owned()))
        })
        .unwrap();
    }
}

#[test]
fn a_bridge_that_was_unplugged_is_served_again() {
    for kind in [Kind::Cypress, Kind::Fabula, Kind::ArmacFast] {
        let Some(rig) = rig(kind, "") else { return };
        rig.until("OL");
        for _ in 0..3 {
            rig.socket.unplug();
            wait_until(PATIENCE, || {
                let status = rig.value("ups.status");
                assert!(!status.contains("OB"), "an outage was invented: {status}");
                status.contains("STALE")
            })
            .unwrap();
            rig.socket.plug();
            let took = rig.until("OL");
            assert!(took < RECOVERY, "{kind:?}: {took:?}; {}", rig.server.log());
        }
    }
}

#[test]
fn no_fault_of_a_bridge_invents_a_status_and_each_heals() {
    for kind in [Kind::Cypress, Kind::Krauler, Kind::ArmacFast] {
        let Some(rig) = rig(kind, "") else { return };
        rig.until("OL");
        for fault in [Fault::Garbage, Fault::Zeros, Fault::Cut, Fault::Stall] {
            rig.socket.device.tell(|bridge| bridge.fault = fault);
            rig.never_but("OL", Duration::from_secs(3));
            rig.socket.device.tell(|bridge| bridge.fault = Fault::None);
            let took = rig.until("OL");
            assert!(took < PATIENCE, "{kind:?} after {fault:?}: {took:?}");
        }
    }
}

#[test]
fn one_word_is_a_serial_driver_and_a_usb_driver() {
    let Some(dir) = dir() else { return };
    let socket = socket(dir.path(), Kind::Cypress);
    let ups = Megatec::start(State::default()).unwrap();
    let conf = format!(
        "pollinterval = 1\n[bridge]\n  driver = nutdrv_qx\n  port = usbip:{}\n  protocol = megatec\n\
         [line]\n  driver = nutdrv_qx\n  port = {}\n  protocol = megatec\n\
         [neither]\n  driver = nutdrv_qx\n  port = whatever\n",
        socket.path.display(),
        ups.path().display()
    );
    dir.write("ups.conf", &conf).unwrap();
    dir.write("husk.toml", "[device.line]\ngrant = [\"modem-lines\"]\n")
        .unwrap();
    let server = Server::start_husk(dir).unwrap();
    for (name, voltage) in [("bridge", "228.0"), ("line", "230.1")] {
        let mut last = String::new();
        wait_until(PATIENCE, || {
            let mut wire = Wire::connect(server.port).unwrap();
            last = wire.value(name, "input.voltage").unwrap();
            last == voltage
        })
        .unwrap_or_else(|error| panic!("{error}: {name} says {last}; {}", server.log()));
    }
    plugins_are_told_apart(&server);
    let log = server
        .wait_for_log("looks like none of them", PATIENCE)
        .unwrap();
    assert!(
        log.contains("`driver = nutdrv_qx` means megatec (serial) or megatec-usb (usb), and `port = whatever`"),
        "{log}"
    );
}

/// As a program of its own the driver is called by the word too, and chooses in the same way.
#[test]
fn a_driver_program_of_that_name_chooses_by_the_port() {
    let Some(dir) = dir() else { return };
    let socket = socket(dir.path(), Kind::Cypress);
    let ups = Megatec::start(State::default()).unwrap();
    let conf = format!(
        "[bridge]\n  driver = nutdrv_qx\n  port = usbip:{}\n  protocol = megatec\n\
         [line]\n  driver = nutdrv_qx\n  port = {}\n  protocol = megatec\n",
        socket.path.display(),
        ups.path().display()
    );
    dir.write("ups.conf", &conf).unwrap();
    dir.write("husk.toml", "[device.line]\ngrant = [\"modem-lines\"]\n")
        .unwrap();
    let program = dir.path().join("nutdrv_qx");
    std::os::unix::fs::symlink(husk_tests::husk_binary(), &program).unwrap();
    for (name, voltage) in [("bridge", "228.0"), ("line", "230.1")] {
        let output = Command::new(&program)
            .args(["-a", name, "-d", "1", "-u", "root"])
            .env("NUT_CONFPATH", dir.path())
            .env("NUT_STATEPATH", dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let wanted = format!("input.voltage: {voltage}\n");
        assert!(said.contains(&wanted), "{name}: {output:?}");
    }
}

/// What an operator orders by the shared word concerns both or is refused; by a name it concerns that one.
fn plugins_are_told_apart(server: &Server) {
    let dir = server.dir.path().to_str().unwrap();
    let plugin = |words: &[&str]| -> Outcome {
        let words = [words, &["--config", dir]].concat();
        run(Tools::Husk, "plugin", &words).unwrap()
    };
    let listed = plugin(&["list"]).stdout;
    for name in ["megatec\t", "megatec-usb\t"] {
        assert!(listed.contains(name), "{listed}");
    }
    let shown = plugin(&["show", "nutdrv_qx"]).stdout;
    for line in [
        "name: megatec\n",
        "name: megatec-usb\n",
        "subdriver = ",
        "cablepower = ",
    ] {
        assert!(shown.contains(line), "no {line:?} in {shown}");
    }
    let refused = plugin(&["reload", "nutdrv_qx"]);
    assert_ne!(refused.code, Some(0));
    let said = refused.stdout + &refused.stderr;
    assert!(said.contains("megatec and megatec-usb"), "{said}");
    let reloaded = plugin(&["reload", "megatec-usb"]);
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    assert!(
        reloaded.stdout.contains("bridge: changed to megatec-usb"),
        "{reloaded:?}"
    );
    assert!(!reloaded.stdout.contains("line:"), "{reloaded:?}");
}
