//! upslog beside Debian's: the same formats, files and signals on the same server must give the same lines.
//!
//! Debian has 2.8.0; what came later (`-m`, `-d`, `-N`, `%t`, NUT_PIDPATH) is tested on ours alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use husk_tests::rig::{Scratch, Server, Signal, incumbent_installed, wait_until};
use husk_tests::tool::{Tools, Wire, run};

/// Not UTC, so that a zone left out is seen.
const ZONE: &str = "<-0330>3:30";
const PATIENCE: Duration = Duration::from_secs(10);

fn serve() -> Server {
    let dir = Scratch::new("upslog").unwrap();
    dir.write(
        "ups.conf",
        "[lab]\n  driver = dummy-ups\n  port = lab.dev\n[second]\n  driver = dummy-ups\n  port = second.dev\n",
    )
    .unwrap();
    dir.write(
        "lab.dev",
        "battery.charge: 97\ninput.voltage: 230.1\nups.load: 12\nups.id: a \\\"quoted\\\" \\#word\nups.status: OL CHRG\n",
    )
    .unwrap();
    dir.write("second.dev", "ups.status: OB LB\n").unwrap();
    dir.write("upsd.users", "").unwrap();
    let server = Server::start_husk(dir).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    for ups in ["lab", "second"] {
        wait_until(PATIENCE, || {
            wire.value(ups, "ups.status")
                .is_ok_and(|value| value.starts_with('O'))
        })
        .unwrap();
    }
    server
}

/// A running upslog, ended when dropped.
struct Upslog {
    child: Child,
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Upslog {
    fn start(tools: Tools, dir: &Path, arguments: &[&str]) -> Self {
        let mut command = match tools {
            Tools::Husk => {
                let mut command = Command::new(husk_tests::husk_binary());
                command.arg("upslog");
                command
            }
            Tools::Incumbent => {
                let mut command = Command::new("/usr/bin/upslog");
                // As root it would become another user, who cannot write here.
                command.args(["-u", "root", "-p", &format!("husk-{}", std::process::id())]);
                command
            }
        };
        let mut child = command
            .args(arguments)
            .env("NUT_QUIET_INIT_SSL", "true")
            .env("NUT_PIDPATH", dir)
            .env("TZ", ZONE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().map(|pipe| BufReader::new(pipe).lines());
        Self { child, output }
    }

    /// The next line that is none of the greetings.
    fn line(&mut self) -> String {
        let lines = self.output.as_mut().unwrap();
        lines
            .map(Result::unwrap)
            .find(|line| !is_greeting(line))
            .expect("upslog ended")
    }

    fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        let mut code = None;
        wait_until(PATIENCE, || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        })
        .unwrap();
        code.unwrap().code()
    }
}

impl Drop for Upslog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_greeting(line: &str) -> bool {
    line.starts_with("Network UPS Tools") || line.starts_with("logging status of")
}

fn first_line(tools: Tools, server: &Server, format: &str) -> String {
    let ups = server.ups("lab");
    let arguments = ["-s", &ups, "-l", "-", "-i", "60", "-f", format];
    Upslog::start(tools, server.dir.path(), &arguments).line()
}

#[test]
fn every_format_gives_the_incumbents_line() {
    if !incumbent_installed() {
        return husk_tests::skip("upslog formats: no incumbent");
    }
    let server = serve();
    for format in [
        "",
        "plain text",
        "%VAR battery.charge% %VAR input.voltage% %VAR ups.load% [%VAR ups.status%] %VAR ups.temperature%",
        "%var ups.load% %Var UPS.load% %VARX ups.load%",
        "%VAR ups.id%",
        "a%%b %%%VAR ups.load%%% %%VAR ups.load%%",
        "%HOST%|%HOST x%|%hostX%|%UPSHOST%|%UPSHOSTx%",
        "%BOGUS%|%BOGUS x y%|% VAR ups.load%|%VAR%|%VAR load%",
        "%VAR  ups.load%|%VAR ups.load battery.charge%|%VAR \"ups.load\"%|%VAR no.such%",
        "x%VAR ups.load",
        "x%",
        "%TIME @Y@m@d @a @A @b @B @C @D @e @F @g @G @j @u @U @V @w @W @x @y @z @Z @@ @n@t@h \"x\"%",
    ] {
        let [ours, theirs] =
            [Tools::Husk, Tools::Incumbent].map(|tools| first_line(tools, &server, format));
        assert_eq!(ours, theirs, "{format}");
    }
    // The default format begins with the time, so only the rest is compared.
    let [ours, theirs] = [Tools::Husk, Tools::Incumbent].map(|tools| {
        let ups = server.ups("lab");
        let mut upslog = Upslog::start(tools, server.dir.path(), &["-s", &ups, "-l", "-"]);
        upslog.line()
    });
    assert_eq!(ours[15..], theirs[15..]);
    assert_eq!(ours[15..], *" 97 230.1 12 [OL CHRG] NA NA");
    assert_eq!(ours.as_bytes()[8], b' ');
    let ours = first_line(Tools::Husk, &server, "%TIME @z@%");
    assert_eq!(ours, "-0330%");
}

#[test]
fn files_rotate_and_signals_do_what_the_incumbents_do() {
    let server = serve();
    let ups = server.ups("second");
    for tools in [Tools::Husk, Tools::Incumbent] {
        if tools == Tools::Incumbent && !incumbent_installed() {
            return husk_tests::skip("upslog signals: no incumbent");
        }
        let log = server.dir.path().join(format!("{tools:?}.log"));
        let moved = log.with_extension("old");
        let lines = |path: &Path| fs::read_to_string(path).map_or(0, |text| text.lines().count());
        let mut upslog = Upslog::start(
            tools,
            server.dir.path(),
            &["-F", "-s", &ups, "-l", log.to_str().unwrap(), "-i", "600"],
        );
        wait_until(PATIENCE, || lines(&log) == 1).unwrap();
        upslog.signal(Signal::USR1);
        wait_until(PATIENCE, || lines(&log) == 2).unwrap();
        fs::rename(&log, &moved).unwrap();
        upslog.signal(Signal::HUP);
        wait_until(PATIENCE, || lines(&log) == 1).unwrap();
        upslog.signal(Signal::TERM);
        assert_eq!(upslog.exit_code(), Some(0), "{tools:?}");
        // The last line is written at the end.
        assert_eq!((lines(&moved), lines(&log)), (2, 2), "{tools:?}");
        let last = fs::read_to_string(&log).unwrap();
        assert!(last.ends_with(" NA NA NA [OB LB] NA NA\n"), "{last}");
    }
}

#[test]
fn mistakes_end_as_the_incumbents_do() {
    if !incumbent_installed() {
        return husk_tests::skip("upslog mistakes: no incumbent");
    }
    for (arguments, said) in [
        (&[][..], "No UPS defined for monitoring - use -s <system>"),
        (
            &["-l", "-"],
            "No UPS defined for monitoring - use -s <system>",
        ),
        (
            &["-s", "lab"],
            "No filename defined for logging - use -l <file>",
        ),
        (
            &["-s", "a@b@c:x", "-l", "-"],
            "Error: invalid UPS definition.  Required format: upsname[@hostname[:port]]",
        ),
        (
            &["-s", "x@127.0.0.1:1", "-F", "-l", "/no/such/directory/log"],
            "could not open logfile /no/such/directory/log: No such file or directory",
        ),
    ] {
        for tools in [Tools::Husk, Tools::Incumbent] {
            let outcome = run(tools, "upslog", arguments).unwrap();
            assert_eq!(outcome.code, Some(1), "{tools:?} {arguments:?}");
            assert!(outcome.stderr.contains(said), "{tools:?}: {outcome:?}");
        }
    }
    for arguments in [&["-h"][..], &["lab"], &["lab", "-"]] {
        for tools in [Tools::Husk, Tools::Incumbent] {
            let outcome = run(tools, "upslog", arguments).unwrap();
            assert_eq!(outcome.code, Some(0), "{tools:?} {arguments:?}");
            assert!(outcome.stdout.contains("usage: upslog [OPTIONS]"));
        }
    }
}

#[test]
fn many_systems_share_a_log_for_so_many_lines() {
    let server = serve();
    let log = server.dir.path().join("shared.log");
    let (all, lab) = (server.ups("*"), server.ups("lab"));
    let outcome = run(
        Tools::Husk,
        "upslog",
        &[
            "-N",
            "-F",
            "-d",
            "2",
            "-i",
            "1",
            "-f",
            "%VAR ups.status%%t%TIME @@%",
            "-m",
            &format!("{all},{}", log.display()),
            "-m",
            &format!("{lab},-"),
            "-s",
            &server.ups("second"),
            "-l",
            log.to_str().unwrap(),
        ],
    )
    .unwrap();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let second = server.ups("second");
    let round = format!("{lab}\tOL CHRG\t%\n{second}\tOB LB\t%\n{second}\tOB LB\t%\n");
    assert_eq!(fs::read_to_string(&log).unwrap(), round.repeat(2));
    let greetings = format!(
        "logging status of {lab} to {0} (1s intervals)\n\
         logging status of {second} to {0} (1s intervals)\n\
         logging status of {lab} to stdout (1s intervals)\n\
         logging status of {second} to {0} (1s intervals)\n",
        log.display()
    );
    let lines = format!("{lab}\tOL CHRG\t%\n").repeat(2);
    assert!(outcome.stdout.ends_with(&(greetings + &lines)));
    assert!(outcome.stderr.contains("2 loops have elapsed"));
    // A server that cannot say what it has leaves nothing to log.
    let none = run(Tools::Husk, "upslog", &["-m", "*@127.0.0.1:1,-"]).unwrap();
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("Error: Connection failure"));
}

#[test]
fn in_the_background_it_is_found_by_its_pid_file() {
    let server = serve();
    let dir = server.dir.path();
    let (log, pid_file) = (dir.join("log"), dir.join("mine.pid"));
    let output = Command::new(husk_tests::husk_binary())
        .args(["upslog", "-p", "mine", "-i", "1", "-s", &server.ups("lab")])
        .arg("-l")
        .arg(&log)
        .env("NUT_PIDPATH", dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(&pid_file).unwrap();
    let pid = rustix::process::Pid::from_raw(text.trim_end().parse().unwrap()).unwrap();
    let written = wait_until(PATIENCE, || log.metadata().is_ok_and(|file| file.len() > 0));
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    written.unwrap();
    wait_until(PATIENCE, || !pid_file.exists()).unwrap();
    // What cannot start in the background is told in the foreground.
    let failed = run(
        Tools::Husk,
        "upslog",
        &["-s", &server.ups("lab"), "-l", "/no/such/directory/log"],
    )
    .unwrap();
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stderr.contains("could not open logfile"),
        "{failed:?}"
    );
}

#[test]
fn a_lost_server_costs_values_and_not_lines() {
    let mut server = serve();
    let (ups, port) = (server.ups("lab"), server.port);
    let mut upslog = Upslog::start(
        Tools::Husk,
        server.dir.path(),
        &["-s", &ups, "-l", "-", "-i", "1", "-f", "%VAR ups.load%"],
    );
    assert_eq!(upslog.line(), "12");
    assert_eq!(server.stop().unwrap(), Some(0));
    while upslog.line() != "NA" {}
    assert_eq!(upslog.line(), "NA");
    // Its successor on the same port speaks just enough.
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut socket, _) = listener.accept().unwrap();
        for request in BufReader::new(socket.try_clone().unwrap()).lines() {
            let reply: &[u8] = match request.unwrap().as_str() {
                "STARTTLS" => b"ERR FEATURE-NOT-CONFIGURED\n",
                _ => b"VAR lab ups.load \"34\"\n",
            };
            socket.write_all(reply).unwrap();
        }
    });
    while upslog.line() != "34" {}
}
