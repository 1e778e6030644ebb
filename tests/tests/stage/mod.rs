//! A UPS, its server and primary on one machine and a secondary on another, with a cable between them.
#![allow(dead_code, reason = "each test uses its part")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use husk_tests::netns::{self, Network};
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::sim::megatec::{Megatec, State};
use husk_tests::tool::Wire;
use husk_tests::upsmon::{self, Upsmon};

/// Far above what anything here takes on a quiet computer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const USERS: &str = "[keeper]\n  password = keep\n  upsmon primary\n\
    [watcher]\n  password = watch\n  upsmon secondary\n";

/// Whose programs play.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    pub(crate) server: Which,
    pub(crate) primary: Which,
    pub(crate) secondary: Which,
    /// Both monitors talk TLS and verify the server; only our server can.
    pub(crate) tls: bool,
}

/// Everything that is there. Programs end before the network does.
pub(crate) struct Stage {
    pub(crate) primary: Upsmon,
    pub(crate) secondary: Upsmon,
    pub(crate) server: Server,
    pub(crate) ups: Ups,
    pub(crate) network: Network,
    pub(crate) cast: Cast,
}

/// The device `lab`.
pub(crate) enum Ups {
    /// At our server: a UPS on a serial line; none while it is unplugged.
    Serial(Option<Megatec>),
    /// At the incumbent's: a file, and how often it was written.
    File(u64),
}

impl Stage {
    /// Starts the server with the device `lab` on mains, and prepares the monitors; `times` goes into both their files.
    /// Without the means to do so it says that it skips.
    pub(crate) fn set(cast: Cast, times: &str) -> Option<Self> {
        let stock = [cast.server, cast.primary, cast.secondary].contains(&Which::Incumbent);
        if stock && !incumbent_installed() {
            husk_tests::skip("shutdowns: the incumbent is not installed");
            return None;
        }
        if !netns::possible() {
            husk_tests::skip("shutdowns: network namespaces need root and iproute2");
            return None;
        }
        let network = Network::new(&["server", "client"]).unwrap();
        let at_server = network.host("server").unwrap();
        let at_client = network.host("client").unwrap();
        let dir = Scratch::new("stage").unwrap();
        let ups = prepare(&dir, cast);
        let server = Server::start_on(&at_server, cast.server, dir, &["lab"]).unwrap();
        let stage = Self {
            primary: Upsmon::new(cast.primary, &at_server).unwrap(),
            secondary: Upsmon::new(cast.secondary, &at_client).unwrap(),
            server,
            ups,
            network,
            cast,
        };
        stage.configure(times);
        Some(stage)
    }

    /// Writes both monitors' upsmon.conf.
    pub(crate) fn configure(&self, times: &str) {
        for (upsmon, which, user) in [
            (&self.primary, self.cast.primary, "keeper keep primary"),
            (
                &self.secondary,
                self.cast.secondary,
                "watcher watch secondary",
            ),
        ] {
            let tls = if self.cast.tls {
                self.tls(upsmon, which)
            } else {
                String::new()
            };
            let text = format!("MONITOR lab@server 1 {user}\n{times}{tls}");
            upsmon.configure(&text).unwrap();
        }
    }

    /// What makes an upsmon verify the server.
    fn tls(&self, upsmon: &Upsmon, which: Which) -> String {
        let authority = self.server.dir.path().join("tls/ca.pem");
        let path: PathBuf = match which {
            Which::Incumbent => upsmon::database(upsmon.dir.path(), &authority).unwrap(),
            Which::Husk => {
                let copy = upsmon.dir.path().join("ca.pem");
                fs::copy(&authority, &copy).unwrap();
                fs::set_permissions(&copy, Permissions::from_mode(0o644)).unwrap();
                copy
            }
        };
        format!("CERTPATH {}\nCERTVERIFY 1\nFORCESSL 1\n", path.display())
    }

    /// Starts the monitors and waits until both have logged in.
    pub(crate) fn start(&mut self) {
        self.until_status("OL");
        self.primary.start().unwrap();
        self.secondary.start().unwrap();
        self.logins(2);
    }

    /// Waits until so many have logged in to the device.
    pub(crate) fn logins(&self, count: u32) {
        let wanted = format!("NUMLOGINS lab {count}");
        let mut last = String::new();
        let waited = wait_until(PATIENCE, || {
            last = self.ask("GET NUMLOGINS lab");
            last == wanted
        });
        assert!(
            waited.is_ok(),
            "'{last}' instead of '{wanted}'; server:\n{}\nprimary:\n{}\nsecondary:\n{}",
            self.server.log(),
            self.primary.log(),
            self.secondary.log()
        );
    }

    /// The device is on mains or not, its battery low or not; the server says so when this returns.
    pub(crate) fn power(&mut self, mains: bool, low_battery: bool) {
        match &mut self.ups {
            Ups::Serial(Some(ups)) => ups.set(State {
                mains,
                low_battery,
                ..State::default()
            }),
            Ups::Serial(None) => panic!("the device is unplugged"),
            Ups::File(writes) => {
                *writes += 1;
                write_device(&self.server.dir, &words(mains, low_battery), *writes);
            }
        }
        self.until_status(&words(mains, low_battery));
    }

    /// Waits until the server says so, or more.
    pub(crate) fn until_status(&self, status: &str) {
        let mut last = String::new();
        let waited = wait_until(PATIENCE, || {
            last = self.ask("GET VAR lab ups.status");
            last.contains(status)
        });
        assert!(waited.is_ok(), "{last}; server:\n{}", self.server.log());
    }

    /// One reply of the server's, asked from outside, or why there is none.
    pub(crate) fn ask(&self, request: &str) -> String {
        let reply = self
            .server
            .wire()
            .and_then(|mut wire: Wire| wire.ask(request));
        reply.unwrap_or_else(|error| error.to_string())
    }

    /// Does it to the primary and the secondary.
    pub(crate) fn both(&self, check: impl Fn(&Upsmon) -> std::io::Result<()>) {
        for upsmon in [&self.primary, &self.secondary] {
            let outcome = check(upsmon);
            outcome.unwrap_or_else(|error| panic!("{error}; server:\n{}", self.server.log()));
        }
    }
}

/// The status words of a device.
fn words(mains: bool, low_battery: bool) -> String {
    let power = if mains { "OL" } else { "OB" };
    let battery = if low_battery { " LB" } else { "" };
    format!("{power}{battery}")
}

/// Writes the server's directory; with TLS, the certificates are made by our own tool.
fn prepare(dir: &Scratch, cast: Cast) -> Ups {
    let (ups, section) = match cast.server {
        Which::Incumbent => {
            write_device(dir, "OL", 0);
            (
                Ups::File(0),
                "driver = dummy-ups\n  port = lab.dev".to_owned(),
            )
        }
        Which::Husk => {
            let ups = Megatec::start(State::default()).unwrap();
            let port = ups.path().display();
            let section = format!("driver = megatec\n  port = {port}\n  protocol = megatec");
            (Ups::Serial(Some(ups)), section)
        }
    };
    dir.write(
        "ups.conf",
        &format!("pollinterval = 1\n[lab]\n  {section}\n"),
    )
    .unwrap();
    dir.write("upsd.users", USERS).unwrap();
    if cast.tls {
        let made = Command::new(husk_tests::husk_binary())
            .args(["tls", "init", "--name", "server", "--config"])
            .arg(dir.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let conf = match cast.server {
            Which::Husk => {
                let said = String::from_utf8_lossy(&made.stdout).into_owned();
                let line = said.lines().find(|line| line.starts_with("CERTFILE"));
                line.unwrap().to_owned()
            }
            Which::Incumbent => {
                let path = server_database(dir).display().to_string();
                format!(
                    "CERTPATH {path}\nCERTIDENT server \"\"\nCERTREQUEST 0\nDISABLE_WEAK_SSL true"
                )
            }
        };
        dir.write("upsd.conf", &format!("{conf}\n")).unwrap();
    }
    ups
}

/// The certificate in a database of NSS, for the incumbent's upsd.
fn server_database(dir: &Scratch) -> PathBuf {
    let tls = dir.path().join("tls");
    let script = "cd \"$0\" && certutil -N -d . --empty-password && certutil -A -d . -n ca -t CT,C,C -i ca.pem \
        && openssl pkcs12 -export -name server -passout pass: -in server.pem -inkey server.pem -out server.p12 \
        && pk12util -i server.p12 -d . -W '' -K ''";
    let mut shell = Command::new("sh");
    let made = shell.args(["-c", script]).arg(&tls).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    tls
}

/// The incumbent's dummy-ups reads its file again when the time of its last change is another, in whole seconds.
fn write_device(dir: &Scratch, status: &str, writes: u64) {
    let text = format!("ups.status: {status}\nbattery.charge: 80\n");
    let path = dir.write("lab.dev", &text).unwrap();
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + writes))
        .unwrap();
}
