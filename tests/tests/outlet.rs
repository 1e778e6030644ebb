//! `husk outlet` against a simulated device and against Debian's PowerMan: what it lists, what it switches, what it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use husk_tests::daemons::Daemon;
use husk_tests::pty::Pty;
use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::{Outcome, Tools, Wire, run};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const USERS: &str = "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n\
    [guest]\n  password = secret\n";
const SOON: Duration = Duration::from_secs(20);

/// Two outlets that can be written, one that cannot, a group.
const DEVICE: &str = "ups.status: OL\nups.mfr: Example\noutlet.count: 3\n\
    outlet.1.id: 1\noutlet.1.desc: web server\noutlet.1.switch: on\noutlet.1.status: on\noutlet.1.current: 0.40\noutlet.1.delay.start: 1\n\
    outlet.2.id: 2\noutlet.2.desc: Web Server\noutlet.2.switch: off\noutlet.2.realpower: 71\n\
    outlet.3.id: 3\noutlet.3.desc: fan\noutlet.3.status: on\noutlet.3.switchable: no\n\
    outlet.group.1.name: rack\noutlet.group.1.status: on\n";

struct Rig {
    server: Server,
    ups: String,
}

impl Rig {
    fn start(ups: &str, section: &str) -> Self {
        let dir = Scratch::new("outlet").unwrap();
        dir.write("lab.dev", DEVICE).unwrap();
        let conf = format!("pollinterval = 1\n[{ups}]\n{section}");
        dir.write("ups.conf", &conf).unwrap();
        dir.write("upsd.users", USERS).unwrap();
        let server = Server::start_husk(dir).unwrap();
        let rig = Self {
            ups: server.ups(ups),
            server,
        };
        rig.until("outlet.1.status", |value| !value.starts_with("ERR"));
        rig
    }

    fn dummy() -> Self {
        Self::start("lab", "  driver = dummy-ups\n  port = lab.dev\n")
    }

    fn value(&self, variable: &str) -> String {
        let name = self.ups.split('@').next().unwrap();
        let mut wire = Wire::connect(self.server.port).unwrap();
        wire.value(name, variable).unwrap()
    }

    fn until(&self, variable: &str, wanted: impl Fn(&str) -> bool) {
        let outcome = wait_until(SOON, || wanted(&self.value(variable)));
        let log = self.server.log();
        outcome.unwrap_or_else(|error| panic!("{error}: {}; {log}", self.value(variable)));
    }

    /// `husk outlet VERB UPS WORDS…` as the administrator.
    fn outlet(&self, verb: &str, words: &[&str]) -> Outcome {
        let mut all = vec![verb, "-u", "admin", "-p", "secret", &self.ups];
        all.extend(words);
        run(Tools::Husk, "outlet", &all).unwrap()
    }
}

#[test]
fn outlets_are_listed_with_what_is_known_of_them() {
    let rig = Rig::dummy();
    let listed = run(Tools::Husk, "outlet", &["list", &rig.ups]).unwrap();
    assert_eq!(
        listed.stdout,
        "OUTLET   STATE  SWITCHABLE  CURRENT  POWER  NAME\n\
         1        on     yes         0.40 A   -      web server\n\
         2        off    yes         -        71 W   Web Server\n\
         3        on     no          -        -      fan\n\
         group:1  on     no          -        -      rack\n"
    );
    assert_eq!(listed.code, Some(0));
    let unknown = rig.ups.replace("lab@", "none@");
    let refused = run(Tools::Husk, "outlet", &["list", &unknown]).unwrap();
    assert_eq!(
        (refused.code, refused.stderr.as_str()),
        (Some(1), "Error: Unknown UPS\n")
    );
}

#[test]
fn nothing_is_cut_without_a_word_and_the_exit_code_says_why() {
    let rig = Rig::dummy();
    let refused = rig.outlet("off", &["1"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(rig.outlet("cycle", &["1"]).code, Some(3));
    assert_eq!(rig.value("outlet.1.switch"), "on");

    for (verb, outlet, code, said) in [
        ("off", "3", 1, "cannot be switched"),
        ("off", "WEB SERVER", 1, "several are called"),
        ("off", "9", 1, "no outlet 9"),
        ("cycle", "group:1", 1, "cannot be switched"),
        ("toggle", "1", 2, "none of list, on, off and cycle"),
    ] {
        let refused = rig.outlet(verb, &["--yes", outlet]);
        assert_eq!(refused.code, Some(code), "{refused:?}");
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    let words = ["off", "--yes", "-u", "guest", "-p", "secret", &rig.ups, "1"];
    let denied = run(Tools::Husk, "outlet", &words).unwrap();
    assert_eq!(denied.code, Some(1), "{denied:?}");
    assert!(denied.stderr.contains("ACCESS-DENIED"), "{}", denied.stderr);
    assert_eq!(rig.value("outlet.1.switch"), "on");
}

#[test]
fn a_device_that_is_only_written_to_is_switched_and_cycled_with_its_own_delay() {
    let rig = Rig::dummy();
    let done = rig.outlet("on", &["2"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "outlet 2 (Web Server): done\n")
    );
    rig.until("outlet.2.switch", |value| value == "on");
    assert_eq!(rig.outlet("off", &["--yes", "Web Server"]).code, Some(0));
    rig.until("outlet.2.switch", |value| value == "off");

    let begun = Instant::now();
    let cycled = rig.outlet("cycle", &["web server", "--yes"]);
    assert_eq!(cycled.code, Some(0), "{cycled:?}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    rig.until("outlet.1.switch", |value| value == "on");
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    let rig = Rig::dummy();
    for (answer, code, state) in [("no", 3, "on"), ("", 3, "on"), ("yes", 0, "off")] {
        let terminal = Pty::open().unwrap();
        let line = std::fs::File::options()
            .read(true)
            .open(terminal.path())
            .unwrap();
        let child = Command::new(husk_tests::husk_binary())
            .args([
                "outlet", "off", "-u", "admin", "-p", "secret", &rig.ups, "1",
            ])
            .stdin(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keyboard = std::fs::File::from(terminal.master().try_clone().unwrap());
        keyboard
            .write_all(format!("{answer}\n").as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.starts_with("Cut the power of outlet 1 (web server) of lab at 127.0.0.1?"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        rig.until("outlet.1.switch", |value| value == state);
    }
}

#[test]
fn outlets_of_powerman_are_cycled_by_powerman() {
    let Some(daemon) = Daemon::powerman().unwrap() else {
        husk_tests::skip("Debian's powerman is not installed: husk outlet");
        return;
    };
    let port = daemon.port();
    let rig = Rig::start(
        "pdu",
        &format!("  driver = powerman-pdu\n  port = localhost:{port}\n"),
    );
    let listed = run(Tools::Husk, "outlet", &["list", &rig.ups]).unwrap();
    assert_eq!(listed.stdout.lines().count(), 17, "{}", listed.stdout);
    assert!(
        listed.stdout.contains("16      off    yes         t15\n"),
        "{}",
        listed.stdout
    );
    assert_eq!(rig.outlet("on", &["t3"]).code, Some(0));
    rig.until("outlet.4.status", |value| value == "on");
    assert_eq!(rig.outlet("cycle", &["4", "--yes"]).code, Some(0));
    rig.until("outlet.4.status", |value| value == "on");
    assert_eq!(rig.outlet("off", &["--yes", "T3"]).code, Some(0));
    rig.until("outlet.4.status", |value| value == "off");
    assert!(rig.server.log().contains("outlet.4.load.cycle is sent"));
}
