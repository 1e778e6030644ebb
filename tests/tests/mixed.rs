//! Stock drivers with our server: Debian's dummy-ups and nutdrv_qx as processes of their own under our `upsd`, and
//! started and supervised by `husk serve`. What is served is what the stock server makes of the same driver.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use husk_tests::rig::{Scratch, Server, Signal, incumbent_installed, wait_until};
use husk_tests::sim::megatec::{Megatec, State};
use husk_tests::tool::{Tools, Wire, run};

const STOCK: &str = "/lib/nut";
const USERS: &str =
    "[admin]\n  password = secret\n  actions = SET FSD\n  instcmds = ALL\n  upsmon primary\n";
const LAB: &str = "ups.status: OL CHRG\nups.mfr: Big \"Corp\"\nups.id: shelf \\\\ 3\nbattery.charge: 87\nups.load: 12\n";
/// Far above what anything here takes on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A driver or server process of the test, ended with it.
struct Process(Child);

impl Process {
    fn start_in(program: &str, arguments: &[&str], config: &Path, state: &Path) -> Self {
        let mut command = Command::new(Path::new(STOCK).join(program));
        let silent = command
            .env("NUT_CONFPATH", config)
            .env("NUT_STATEPATH", state)
            .env("NUT_ALTPIDPATH", state)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(silent.spawn().unwrap())
    }

    fn driver(program: &str, ups: &str, dir: &Path) -> Self {
        Self::start_in(program, &["-a", ups, "-u", "root", "-F"], dir, dir)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory with a dummy device `lab` and a serial one `office`, whose drivers get `options`.
fn prepare(ups: &Megatec, options: &str) -> Scratch {
    let dir = Scratch::new("mixed").unwrap();
    let conf = format!(
        "pollinterval = 1\nuser = root\n[lab]\n  driver = dummy-ups\n  port = lab.dev\n  mode = dummy-once\n  desc = Lab\n{options}\
         [office]\n  driver = nutdrv_qx\n  port = {}\n  protocol = megatec\n{options}",
        ups.path().display()
    );
    dir.write("ups.conf", &conf).unwrap();
    dir.write("lab.dev", LAB).unwrap();
    dir.write("upsd.users", USERS).unwrap();
    dir.write("upsd.conf", "MAXAGE 3\n").unwrap();
    dir
}

/// Asks until the reply is as wanted; how long that took.
fn until(server: &Server, ups: &str, variable: &str, wanted: impl Fn(&str) -> bool) -> Duration {
    let mut wire = Wire::connect(server.port).unwrap();
    let begun = Instant::now();
    let mut last = String::new();
    let outcome = wait_until(PATIENCE, || {
        last = wire.value(ups, variable).unwrap();
        wanted(&last)
    });
    assert!(
        outcome.is_ok(),
        "{variable} of {ups} stayed '{last}'; log:\n{}",
        server.log()
    );
    begun.elapsed()
}

fn tracked(server: &Server, tool: &str, ups: &str, words: &[&str]) -> String {
    let ups = server.ups(ups);
    let mut arguments = vec!["-u", "admin", "-p", "secret", "-w"];
    if tool == "upsrw" {
        arguments.extend(["-s", words[0], &ups]);
    } else {
        arguments.push(&ups);
        arguments.extend(words);
    }
    let outcome = run(Tools::Incumbent, tool, &arguments).unwrap();
    let last = outcome.stderr.lines().last().unwrap_or_default();
    last.to_owned()
}

fn skipped() -> bool {
    let missing = !incumbent_installed() || !Path::new(STOCK).join("nutdrv_qx").exists();
    if missing {
        husk_tests::skip("mixed: nut-server and nut-client are not installed");
    }
    missing
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Everything that can be asked about a UPS without changing it.
fn everything(port: u16, ups: &str) -> Vec<String> {
    let mut wire = Wire::connect(port).unwrap();
    let listed = wire.ask(&format!("LIST VAR {ups}")).unwrap();
    let names = listed.lines().filter_map(|line| line.split(' ').nth(2));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let mut replies = vec![listed.clone()];
    for list in ["RW", "CMD", "CLIENT"] {
        replies.push(wire.ask(&format!("LIST {list} {ups}")).unwrap());
    }
    for name in names {
        for question in ["LIST ENUM", "LIST RANGE", "GET TYPE", "GET VAR"] {
            replies.push(wire.ask(&format!("{question} {ups} {name}")).unwrap());
        }
    }
    replies
}

#[test]
fn our_upsd_makes_of_stock_drivers_what_the_stock_upsd_makes_of_them() {
    if skipped() {
        return;
    }
    let ups = Megatec::start(State::default()).unwrap();
    let server = Server::start_upsd(prepare(&ups, "")).unwrap();
    let dir = server.dir.path();
    let mut wire = Wire::connect(server.port).unwrap();
    assert_eq!(
        wire.value("lab", "ups.status").unwrap(),
        "ERR DRIVER-NOT-CONNECTED"
    );
    let _drivers = [
        Process::driver("dummy-ups", "lab", dir),
        Process::driver("nutdrv_qx", "office", dir),
    ];
    until(&server, "lab", "ups.status", |value| value == "OL CHRG");
    until(&server, "office", "ups.status", |value| value == "OL");
    assert_eq!(wire.value("lab", "driver.name").unwrap(), "dummy-ups");

    // The stock server on the same two driver sockets, at the same time.
    let port = free_port();
    let theirs = Scratch::new("mixed-stock").unwrap();
    for file in ["ups.conf", "upsd.users"] {
        let text = std::fs::read_to_string(dir.join(file)).unwrap();
        theirs.write(file, &text).unwrap();
    }
    let conf = format!(
        "LISTEN 127.0.0.1 {port}\nSTATEPATH {}\nMAXAGE 3\n",
        dir.display()
    );
    theirs.write("upsd.conf", &conf).unwrap();
    let arguments = ["-F", "-u", "root"];
    let _upsd = Process::start_in("upsd", &arguments, theirs.path(), dir);
    let stock = |ups: &str| format!("{ups}@127.0.0.1:{port}");
    for (ups, status) in [("lab", "OL CHRG\n"), ("office", "OL\n")] {
        let ask = || run(Tools::Incumbent, "upsc", &[&stock(ups), "ups.status"]).unwrap();
        wait_until(PATIENCE, || ask().stdout == status).unwrap();
        let (ours, theirs) = (everything(server.port, ups), everything(port, ups));
        assert!(theirs.len() > 20, "{theirs:?}");
        assert_eq!(ours, theirs);
        let listed = |ups: &str| run(Tools::Incumbent, "upsc", &[ups]).unwrap().stdout;
        assert_eq!(listed(&server.ups(ups)), listed(&stock(ups)));
    }
}

#[test]
fn writes_commands_and_changes_pass_between_client_and_stock_driver() {
    if skipped() {
        return;
    }
    let mut ups = Megatec::start(State::default()).unwrap();
    let server = Server::start_upsd(prepare(&ups, "")).unwrap();
    let dir = server.dir.path();
    let _drivers = [
        Process::driver("dummy-ups", "lab", dir),
        Process::driver("nutdrv_qx", "office", dir),
    ];
    until(&server, "lab", "ups.status", |value| value == "OL CHRG");
    until(&server, "office", "ups.status", |value| value == "OL");

    let outcome = tracked(&server, "upsrw", "lab", &["ups.status=OB LB"]);
    assert_eq!(outcome, "SUCCESS", "{}", server.log());
    until(&server, "lab", "ups.status", |value| value == "OB LB");
    // Debian's dummy lists this command and does not know it.
    assert_eq!(
        tracked(&server, "upscmd", "lab", &["load.off"]),
        "ERR UNKNOWN"
    );
    let quick = ["test.battery.start.quick"];
    assert_eq!(tracked(&server, "upscmd", "office", &quick), "SUCCESS");
    assert!(ups.heard().iter().any(|line| line == "T"));

    ups.set(State {
        mains: false,
        ..State::default()
    });
    until(&server, "office", "ups.status", |value| {
        value.contains("OB")
    });
}

#[test]
fn a_stock_driver_that_hangs_dies_and_returns_is_told_apart() {
    if skipped() {
        return;
    }
    let ups = Megatec::start(State::default()).unwrap();
    let server = Server::start_upsd(prepare(&ups, "")).unwrap();
    let dir = server.dir.path();
    let driver = Process::driver("dummy-ups", "lab", dir);
    until(&server, "lab", "ups.status", |value| value == "OL CHRG");
    let mut admin = Wire::connect(server.port).unwrap();
    for line in ["USERNAME admin", "PASSWORD secret"] {
        assert_eq!(admin.ask(line).unwrap(), "OK");
    }
    assert_eq!(admin.ask("FSD lab").unwrap(), "OK FSD-SET");

    driver.signal(Signal::STOP);
    let stale = until(&server, "lab", "ups.status", |v| v == "ERR DATA-STALE");
    driver.signal(Signal::CONT);
    until(&server, "lab", "ups.status", |v| v == "FSD OL CHRG");
    driver.signal(Signal::KILL);
    let gone = until(&server, "lab", "ups.status", |v| {
        v == "ERR DRIVER-NOT-CONNECTED"
    });
    drop(driver);
    let _driver = Process::driver("dummy-ups", "lab", dir);
    let back = until(&server, "lab", "ups.status", |v| v == "FSD OL CHRG");
    println!("stale after {stale:?} (MAXAGE 3 s), gone after {gone:?}, back after {back:?}");
    assert!(stale >= Duration::from_secs(3));

    // A UPS that comes with a reload is served from its driver's socket, the other one all the while.
    let text = std::fs::read_to_string(dir.join("ups.conf")).unwrap();
    let text = format!("{text}[late]\n  driver = dummy-ups\n  port = lab.dev\n");
    server.dir.write("ups.conf", &text).unwrap();
    let _late = Process::driver("dummy-ups", "late", dir);
    server.signal(Signal::HUP);
    until(&server, "late", "ups.status", |value| {
        let lab = Wire::connect(server.port)
            .unwrap()
            .value("lab", "ups.status")
            .unwrap();
        assert_eq!(lab, "FSD OL CHRG");
        value == "OL CHRG"
    });
}

/// The process id in the line that tells of a start.
fn started(server: &Server, program: &str) -> Vec<i32> {
    let log = server.log();
    let starts = log.lines().filter(|line| line.contains(program));
    let ids = starts.filter_map(|line| {
        let (_, id) = line.split_once("(process ")?;
        id.trim_end_matches(')').parse().ok()
    });
    ids.collect()
}

fn lives(id: i32) -> bool {
    Path::new("/proc").join(id.to_string()).exists()
}

#[test]
fn husk_serve_starts_supervises_and_ends_stock_drivers() {
    if skipped() {
        return;
    }
    let mut ups = Megatec::start(State::default()).unwrap();
    let dir = prepare(&ups, "");
    dir.write(
        "husk.toml",
        "[device.lab]\nprogram = true\n[device.office]\nprogram = true\n",
    )
    .unwrap();
    let mut server = Server::start_husk(dir).unwrap();
    until(&server, "lab", "ups.status", |value| value == "OL CHRG");
    until(&server, "office", "ups.status", |value| value == "OL");
    let mut wire = Wire::connect(server.port).unwrap();
    // The plugin of that name would tell our version.
    let version = wire.value("lab", "driver.version").unwrap();
    assert!(version.starts_with("2."), "{version}");
    ups.set(State {
        mains: false,
        ..State::default()
    });
    until(&server, "office", "ups.status", |v| v.contains("OB"));
    let outcome = tracked(&server, "upsrw", "lab", &["ups.id=new"]);
    assert_eq!(outcome, "SUCCESS");

    // A driver that is killed is started again.
    let first = started(&server, "/dummy-ups ")[0];
    let pid = rustix::process::Pid::from_raw(first).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    until(&server, "lab", "ups.id", |v| {
        v == "ERR DRIVER-NOT-CONNECTED"
    });
    until(&server, "lab", "ups.id", |v| {
        v != "new" && !v.starts_with("ERR")
    });

    // A changed section is seen by a new process, and the other device does not notice.
    let conf = server.dir.path().join("ups.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    let text = text.replace("port = lab.dev", "port = other.dev");
    server.dir.write("other.dev", "ups.status: OB\n").unwrap();
    server.dir.write("ups.conf", &text).unwrap();
    server.signal(Signal::HUP);
    until(&server, "lab", "driver.parameter.port", |v| {
        v == "other.dev"
    });
    assert_eq!(started(&server, "/nutdrv_qx ").len(), 1);

    let all: Vec<i32> = started(&server, "(process ");
    assert_eq!(all.len(), 4, "{}", server.log());
    assert_eq!(server.stop().unwrap(), Some(0), "{}", server.log());
    wait_until(Duration::from_secs(1), || !all.iter().any(|id| lives(*id)))
        .expect("the drivers end with the server");
}

#[test]
fn a_driver_that_is_no_plugin_is_looked_for_in_driverpath() {
    if skipped() {
        return;
    }
    let ups = Megatec::start(State::default()).unwrap();
    let dir = prepare(&ups, "");
    // A stock driver under a name that no plugin has.
    let programs = dir.path().join("drivers");
    std::fs::create_dir(&programs).unwrap();
    let program = programs.join("vendor-ups");
    std::os::unix::fs::symlink(Path::new(STOCK).join("dummy-ups"), program).unwrap();
    let conf = format!(
        "driverpath = {}\nuser = root\n[lab]\n driver = vendor-ups\n port = lab.dev\n[odd]\n driver = dummy-ups\n port = lab.dev\n",
        programs.display()
    );
    dir.write("ups.conf", &conf).unwrap();
    let server = Server::start_husk(dir).unwrap();
    until(&server, "lab", "ups.status", |value| value == "OL CHRG");
    until(&server, "odd", "ups.status", |value| value == "OL CHRG");
    let mut wire = Wire::connect(server.port).unwrap();
    assert_eq!(wire.value("lab", "driver.name").unwrap(), "vendor-ups");
    let version = wire.value("odd", "driver.version").unwrap();
    assert!(
        !version.starts_with("2."),
        "a plugin comes first: {version}"
    );
}
