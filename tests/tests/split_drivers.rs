//! Our drivers as processes of their own under Debian's upsd: what its clients read, write and order goes through the
//! driver's socket, and is the same as with Debian's drivers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use husk_tests::rig::{Scratch, Server, Signal, Which, incumbent_installed, wait_until};
use husk_tests::sim::megatec::{Fault, Megatec, State};
use husk_tests::tool::{Tools, Wire, run};

const USERS: &str = "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n";
const LAB: &str = "ups.status: OL CHRG\nups.mfr: Big Corp\nups.id: shelf \\\"3\\\"\nups.serial: 12 34\n\
    battery.charge: 87\nups.delay.shutdown: 20\n";
/// Far above what anything here takes on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A driver process, killed with the test if it has not ended by itself.
struct Driver(Child);

impl Driver {
    /// Our driver of that name in the foreground; it serves when this returns.
    fn start(name: &str, ups: &str, dir: &Path) -> Self {
        let mut command = driver(name, dir);
        command.args(["-a", ups, "-F"]).stderr(Stdio::null());
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let socket = dir.join(format!("{name}-{ups}"));
        wait_until(PATIENCE, || UnixStream::connect(&socket).is_ok()).unwrap();
        Self(child)
    }

    fn end(&mut self, signal: Signal) -> Option<i32> {
        let pid = i32::try_from(self.0.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        let ended = || matches!(self.0.try_wait(), Ok(Some(_)));
        wait_until(PATIENCE, ended).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `husk driver NAME` with the directories of the test.
fn driver(name: &str, dir: &Path) -> Command {
    let mut command = Command::new(husk_tests::husk_binary());
    command
        .args(["driver", name])
        .env("NUT_CONFPATH", dir)
        .env("NUT_STATEPATH", dir)
        .env("NUT_ALTPIDPATH", dir)
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
fn done(name: &str, dir: &Path, arguments: &[&str]) -> Output {
    driver(name, dir).args(arguments).output().unwrap()
}

fn prepare(port: &Path) -> Scratch {
    let dir = Scratch::new("split").unwrap();
    let conf = format!(
        "pollinterval = 1\n[lab]\n  driver = dummy-ups\n  port = lab.dev\n  desc = Lab\n  allow_killpower\n\
         [office]\n  driver = megatec\n  port = {}\n  protocol = megatec\n",
        port.display()
    );
    dir.write("ups.conf", &conf).unwrap();
    dir.write("lab.dev", LAB).unwrap();
    dir.write("upsd.users", USERS).unwrap();
    dir.write("upsd.conf", "MAXAGE 5\n").unwrap();
    dir
}

/// Asks until the reply is as wanted.
fn until(server: &Server, ups: &str, variable: &str, wanted: impl Fn(&str) -> bool) {
    let mut wire = Wire::connect(server.port).unwrap();
    let mut last = String::new();
    let outcome = wait_until(PATIENCE, || {
        last = wire.value(ups, variable).unwrap();
        wanted(&last)
    });
    assert!(outcome.is_ok(), "{variable} of {ups} stayed '{last}'");
}

/// Runs a stock client that changes something and waits for the outcome, which it prints on stderr.
fn order(server: &Server, tool: &str, arguments: &[&str], ups: &str) -> String {
    let target = server.ups(ups);
    let mut all = vec!["-u", "admin", "-p", "secret", "-w"];
    all.extend(arguments.iter().take(arguments.len() - 1));
    match tool {
        "upsrw" => all.extend([arguments[arguments.len() - 1], target.as_str()]),
        _ => all.extend([target.as_str(), arguments[arguments.len() - 1]]),
    }
    run(Tools::Incumbent, tool, &all).unwrap().stderr
}

#[test]
fn stock_clients_read_write_and_order_through_a_stock_upsd() {
    if !incumbent_installed() {
        return husk_tests::skip("our drivers under a stock upsd: the incumbent is not installed");
    }
    let ups = Megatec::start(State::default()).unwrap();
    let dir = prepare(ups.path());
    let _lab = Driver::start("dummy-ups", "lab", dir.path());
    let _office = Driver::start("megatec", "office", dir.path());
    let server = Server::start(Which::Incumbent, dir, &[]).unwrap();
    until(&server, "lab", "ups.status", |value| value == "OL CHRG");
    until(&server, "office", "ups.status", |value| {
        value.starts_with("OL")
    });

    let read = run(Tools::Incumbent, "upsc", &[&server.ups("lab")]).unwrap();
    for line in [
        "battery.charge: 87",
        "device.mfr: Big Corp",
        "driver.name: dummy-ups",
        "driver.parameter.port: lab.dev",
        "ups.id: shelf \"3\"",
    ] {
        assert!(
            read.stdout.lines().any(|got| got == line),
            "{line} of\n{}",
            read.stdout
        );
    }
    let read = run(
        Tools::Incumbent,
        "upsc",
        &[&server.ups("office"), "battery.voltage"],
    )
    .unwrap();
    assert_eq!(read.stdout, "27.3\n");

    let said = order(&server, "upsrw", &["-s", "ups.id=rack \"7\" \\ #1"], "lab");
    assert!(said.contains("SUCCESS"), "{said}");
    until(&server, "lab", "ups.id", |value| {
        value == "rack \\\"7\\\" \\\\ \\#1"
    });
    let said = order(&server, "upscmd", &["load.off"], "lab");
    assert!(said.contains("ERR UNKNOWN"), "{said}");
    let said = order(&server, "upscmd", &["beeper.toggle"], "office");
    assert!(said.contains("SUCCESS"), "{said}");
    assert!(
        ups.heard().iter().any(|heard| heard == "Q"),
        "{:?}",
        ups.heard()
    );
    let said = order(&server, "upsrw", &["-s", "driver.debug=1"], "office");
    assert!(said.contains("SUCCESS"), "{said}");
    until(&server, "office", "driver.debug", |value| value == "1");
}

#[test]
fn what_a_stock_upsd_serves_of_our_driver_is_what_it_serves_of_its_own() {
    if !incumbent_installed() {
        return husk_tests::skip("our driver beside a stock one: the incumbent is not installed");
    }
    let lists = |server: &Server| -> Vec<String> {
        until(server, "lab", "battery.charge", |value| value == "87");
        let mut wire = Wire::connect(server.port).unwrap();
        let asked = [
            "LIST VAR lab",
            "LIST RW lab",
            "LIST CMD lab",
            "GET TYPE lab ups.id",
        ];
        let replies = asked.map(|request| wire.ask(request).unwrap());
        let lines = replies.iter().flat_map(|reply| reply.lines());
        // What drivers of 2.8.5 have and those of 2.8.0 have not, and what tells one version from the other.
        let ours_alone = ["driver.", "CMD lab shutdown.default"];
        let kept = lines.filter(|line| !ours_alone.iter().any(|text| line.contains(text)));
        kept.map(str::to_owned).collect()
    };
    let dir = prepare(Path::new("/dev/null"));
    let _lab = Driver::start("dummy-ups", "lab", dir.path());
    let ours = lists(&Server::start(Which::Incumbent, dir, &[]).unwrap());
    let dir = prepare(Path::new("/dev/null"));
    // Its parser knows no allow_killpower yet.
    let conf = std::fs::read_to_string(dir.path().join("ups.conf")).unwrap();
    dir.write("ups.conf", &conf.replace("  allow_killpower\n", ""))
        .unwrap();
    let theirs = lists(&Server::start(Which::Incumbent, dir, &["lab"]).unwrap());
    assert_eq!(ours, theirs);
}

#[test]
fn a_device_that_falls_silent_is_stale_and_a_driver_that_ends_is_missed() {
    if !incumbent_installed() {
        return husk_tests::skip(
            "a failing driver under a stock upsd: the incumbent is not installed",
        );
    }
    let mut ups = Megatec::start(State::default()).unwrap();
    let dir = prepare(ups.path());
    let mut office = Driver::start("megatec", "office", dir.path());
    let server = Server::start(Which::Incumbent, dir, &[]).unwrap();
    until(&server, "office", "ups.load", |value| value == "17");
    ups.fail(Some(Fault::Silent));
    until(&server, "office", "ups.load", |value| {
        value == "ERR DATA-STALE"
    });
    ups.fail(None);
    until(&server, "office", "ups.load", |value| value == "17");
    ups.set(State {
        load: 55,
        ..State::default()
    });
    until(&server, "office", "ups.load", |value| value == "55");
    assert_eq!(office.end(Signal::TERM), Some(0));
    until(&server, "office", "ups.load", |value| {
        value == "ERR DRIVER-NOT-CONNECTED"
    });
    let _office = Driver::start("megatec", "office", server.dir.path());
    until(&server, "office", "ups.load", |value| value == "55");
}

#[test]
fn a_driver_in_the_background_is_found_by_its_files_and_replaced_by_the_next() {
    let dir = prepare(Path::new("/dev/null"));
    let (socket, pid) = (
        dir.path().join("dummy-ups-lab"),
        dir.path().join("dummy-ups-lab.pid"),
    );
    let read_pid = || {
        std::fs::read_to_string(&pid)
            .unwrap()
            .trim()
            .parse::<u32>()
            .unwrap()
    };
    let started = done("dummy-ups", dir.path(), &["-a", "lab"]);
    assert_eq!(started.status.code(), Some(0), "{started:?}");
    // It serves before its parent ends.
    assert_eq!(ask(&socket, "GETPID\n"), format!("PID {}\n", read_pid()));
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let first = read_pid();
    let name = std::fs::read_to_string(format!("/proc/{first}/comm")).unwrap();
    assert_eq!(name, "dummy-ups\n");

    let started = done("dummy-ups", dir.path(), &["-a", "lab"]);
    assert_eq!(started.status.code(), Some(0), "{started:?}");
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(
        said.contains("Duplicate driver instance detected"),
        "{said}"
    );
    assert_ne!(read_pid(), first);
    // It has ended; whoever inherited it may take a moment to notice.
    let gone = || !Path::new(&format!("/proc/{first}")).exists();
    wait_until(Duration::from_secs(2), gone).unwrap();

    let told = done(
        "dummy-ups",
        dir.path(),
        &["-a", "lab", "-c", "reload-or-error"],
    );
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    let last = read_pid();
    let told = done("dummy-ups", dir.path(), &["-a", "lab", "-c", "exit"]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    wait_until(PATIENCE, || !Path::new(&format!("/proc/{last}")).exists()).unwrap();
    assert!(!socket.exists() && !pid.exists());
    let told = done("dummy-ups", dir.path(), &["-a", "lab", "-c", "exit"]);
    assert_eq!(told.status.code(), Some(255), "{told:?}");
}

#[test]
fn a_stock_instance_of_the_same_driver_is_replaced() {
    if !incumbent_installed() {
        return husk_tests::skip("replacing a stock driver: the incumbent is not installed");
    }
    let dir = prepare(Path::new("/dev/null"));
    let conf = std::fs::read_to_string(dir.path().join("ups.conf")).unwrap();
    dir.write("ups.conf", &conf.replace("  allow_killpower\n", ""))
        .unwrap();
    let mut stock = Command::new("/lib/nut/dummy-ups");
    stock.args(["-a", "lab", "-u", "root"]);
    for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
        stock.env(name, dir.path());
    }
    assert!(stock.output().unwrap().status.success());
    let stock = || {
        let pid = std::fs::read_to_string(dir.path().join("dummy-ups-lab.pid")).unwrap();
        Path::new("/proc").join(pid.trim())
    };
    // The file first names the parent, which is gone.
    wait_until(PATIENCE, || stock().exists()).unwrap();
    let stock = stock();
    let socket = dir.path().join("dummy-ups-lab");
    let started = done("dummy-ups", dir.path(), &["-a", "lab"]);
    assert_eq!(started.status.code(), Some(0), "{started:?}");
    assert!(!stock.exists());
    assert!(ask(&socket, "DUMPVALUE driver.state\n").contains("quiet"));
    done("dummy-ups", dir.path(), &["-a", "lab", "-c", "exit"]);
}

#[test]
fn a_stock_upsdrvctl_starts_and_stops_our_driver_by_its_link() {
    if !incumbent_installed() {
        return husk_tests::skip(
            "our driver under a stock upsdrvctl: the incumbent is not installed",
        );
    }
    let dir = prepare(Path::new("/dev/null"));
    let links = dir.path().join("links");
    std::fs::create_dir(&links).unwrap();
    std::os::unix::fs::symlink(husk_tests::husk_binary(), links.join("dummy-ups")).unwrap();
    let conf = format!(
        "driverpath = {}\n[lab]\n  driver = dummy-ups\n  port = lab.dev\n",
        links.display()
    );
    dir.write("ups.conf", &conf).unwrap();
    let control = |verb: &str| {
        let mut command = Command::new("/sbin/upsdrvctl");
        for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
            command.env(name, dir.path());
        }
        let output = command.args(["-u", "root", verb, "lab"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    };
    control("start");
    let socket = dir.path().join("dummy-ups-lab");
    let status = "SETINFO ups.status \"OL CHRG\"\nDATAOK\nDUMPDONE\n";
    assert_eq!(ask(&socket, "DUMPSTATUS\n"), status);
    control("stop");
    // It does not wait for the end.
    wait_until(PATIENCE, || !socket.exists()).unwrap();
}

#[test]
fn a_driver_started_as_root_becomes_its_user() {
    if !rustix::process::geteuid().is_root() {
        return husk_tests::skip("a driver becomes its user: needs root");
    }
    let dir = prepare(Path::new("/dev/null"));
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(dir.path(), 0o777);
    for file in ["ups.conf", "lab.dev"] {
        allow(&dir.path().join(file), 0o644);
    }
    // Where the program lies that user may not be let in; a copy it can reach.
    let program = dir.path().join("husk");
    std::fs::copy(husk_tests::husk_binary(), &program).unwrap();
    let mut command = Command::new(&program);
    for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
        command.env(name, dir.path());
    }
    let arguments = ["driver", "dummy-ups", "-a", "lab", "-u", "nobody", "-F"];
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let mut lab = Driver(command.stdout(Stdio::null()).spawn().unwrap());
    let socket = dir.path().join("dummy-ups-lab");
    wait_until(PATIENCE, || UnixStream::connect(&socket).is_ok()).unwrap();
    let pid = format!("PID {}\n", lab.0.id());
    assert_eq!(ask(&socket, "GETPID\n"), pid, "the process stays the same");
    let status = std::fs::read_to_string(format!("/proc/{}/status", lab.0.id())).unwrap();
    let id = |field: &str| {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_ascii_whitespace()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // Its own group may be among the others, as initgroups(3) has it.
    for field in ["Uid:", "Gid:", "Groups:"] {
        assert!(id(field).iter().all(|id| id != "0"), "{status}");
    }
    assert_eq!(lab.end(Signal::TERM), Some(0));
}

#[test]
fn a_start_that_fails_says_why_and_leaves_nothing() {
    let dir = prepare(Path::new("/nonexistent/tty"));
    for (name, arguments, expected) in [
        ("megatec", &["-a", "office", "-F"][..], "/nonexistent/tty"),
        ("megatec", &["-a", "office"], "/nonexistent/tty"),
        (
            "megatec",
            &["-a", "lab"],
            "is for driver dummy-ups, but I'm megatec!",
        ),
        (
            "dummy-ups",
            &["-a", "nosuch"],
            "Error: Section nosuch not found in ups.conf",
        ),
        ("dummy-ups", &[], "is now mandatory"),
        (
            "no-such-driver",
            &["-s", "x", "-x", "port=y", "-F"],
            "there is no plugin",
        ),
    ] {
        let ended = done(name, dir.path(), arguments);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{name} {arguments:?}: {said}");
        assert!(said.contains(expected), "{name} {arguments:?}: {said}");
    }
    let left = std::fs::read_dir(dir.path()).unwrap();
    let left = left.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("-office")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn the_power_is_cut_by_the_running_driver_or_without_it() {
    let ups = Megatec::start(State::default()).unwrap();
    let dir = prepare(ups.path());
    let office = Driver::start("megatec", "office", dir.path());
    let cut = done("megatec", dir.path(), &["-a", "office", "-k"]);
    assert_eq!(cut.status.code(), Some(0), "{cut:?}");
    let orders = || {
        let heard = ups.heard();
        heard.iter().filter(|line| line.starts_with('S')).count()
    };
    assert_eq!(orders(), 1, "{:?}", ups.heard());
    drop(office);
    let cut = done("megatec", dir.path(), &["-a", "office", "-k"]);
    assert_eq!(cut.status.code(), Some(0), "{cut:?}");
    assert_eq!(orders(), 2, "{:?}", ups.heard());
    // A simulated device has no power to cut.
    let cut = done("dummy-ups", dir.path(), &["-a", "lab", "-k"]);
    assert_eq!(cut.status.code(), Some(1), "{cut:?}");
}

#[test]
fn variables_and_options_are_listed_without_serving() {
    let dir = prepare(Path::new("/dev/null"));
    let listed = done(
        "dummy-ups",
        dir.path(),
        &["-a", "lab", "-d", "1", "-x", "desc=other"],
    );
    assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("\nbattery.charge: 87\n"), "{text}");
    let alone = ["-s", "new", "-x", "port=lab.dev", "-d", "1", "-i", "9"];
    let listed = done("dummy-ups", dir.path(), &alone);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(
        text.contains("\ndriver.parameter.pollinterval: 9\n"),
        "{text}"
    );
    assert!(!dir.path().join("dummy-ups-lab").exists());
    let listed = done("dummy-ups", dir.path(), &["-L"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("\nVALUE mode \""), "{text}");
}

#[test]
fn a_client_that_floods_or_does_not_read_disturbs_nobody() {
    let dir = prepare(Path::new("/dev/null"));
    let _lab = Driver::start("dummy-ups", "lab", dir.path());
    let socket = dir.path().join("dummy-ups-lab");
    let mut deaf = UnixStream::connect(&socket).unwrap();
    deaf.set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    // Asks for far more than the buffers of the socket hold, and reads none of it.
    let _ = deaf.write_all("DUMPALL\n".repeat(20_000).as_bytes());
    let mut flood = UnixStream::connect(&socket).unwrap();
    flood
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let _ = flood.write_all(&vec![b'x'; 1 << 20]);
    assert_eq!(ask(&socket, "PING\n"), "PONG\n");
    dir.write("lab.dev", &LAB.replace("87", "42")).unwrap();
    let value = "SETINFO battery.charge \"42\"\n";
    wait_until(PATIENCE, || {
        ask(&socket, "DUMPVALUE battery.charge\n").starts_with(value)
    })
    .unwrap();
}

/// What a driver answers before it says goodbye.
fn ask(socket: &Path, lines: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(format!("NOBROADCAST\n{lines}LOGOUT\n").as_bytes())
        .unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let end = said.strip_suffix("OK Goodbye\n");
    end.unwrap_or_else(|| panic!("no goodbye: {said}"))
        .to_owned()
}
