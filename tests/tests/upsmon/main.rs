//! upsmon with our server: the whole way down, its processes and files, its commands.
//!
//! SHUTDOWNCMD and NOTIFYCMD only write down that they ran, as whom, and what they found. Root's two processes are tested as
//! root only; otherwise both belong to whoever runs the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod rig;

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use husk_tests::process;
use husk_tests::rig::{Signal, wait_until};

use rig::{NOBODY, PATIENCE, USERS, Upsmon};
use rig::{logins, monitor, root, serve, serve_with, set_status, status};

#[test]
fn a_low_battery_leads_all_the_way_down() {
    let server = serve();
    let mut upsmon = Upsmon::new(&monitor(&server, "primary"));
    upsmon.start(&["-F"]);
    wait_until(PATIENCE, || logins(&server) == "NUMLOGINS lab 1").unwrap();
    assert_eq!(
        upsmon.kinds(),
        [""; 0],
        "the first sight of mains is no news"
    );
    set_status(&server, "OB DISCHRG");
    upsmon.wait_for("notified", "ONBATT");
    assert!(!upsmon.exists("down"));
    set_status(&server, "OB DISCHRG LB");
    upsmon.wait_for("down", "\n");
    assert_eq!(upsmon.exit_code(), Some(0), "{}", upsmon.log());
    assert_eq!(upsmon.kinds(), ["ONBATT", "LOWBATT", "FSD", "SHUTDOWN"]);
    assert_eq!(upsmon.read("flag-seen"), "upsmon-shutdown-file");
    let line = format!("ONBATT {0}|UPS {0} on battery|", server.ups("lab"));
    assert!(
        upsmon.read("notified").starts_with(&line),
        "{}",
        upsmon.read("notified")
    );
    assert_eq!(status(&server), "FSD OB DISCHRG LB");
    if root() {
        assert_eq!(upsmon.read("down"), "0\n", "the shutdown command is root's");
        assert!(
            upsmon
                .read("notified")
                .starts_with(&format!("{line}{NOBODY}\n"))
        );
    }
    assert!(!upsmon.exists("run/upsmon.pid"));

    // What comes after the shutdown, and after the next start.
    let (code, stdout, _) = upsmon.output(&["-K"]);
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("Power down flag is set\n"), "{stdout}");
    upsmon.configure("MINSUPPLIES 0");
    upsmon.start(&["-F"]);
    assert!(!upsmon.exists("killpower"));
    let (code, stdout, _) = upsmon.output(&["-K"]);
    assert_eq!(code, Some(1));
    assert!(stdout.ends_with("Power down flag is not set\n"), "{stdout}");
}

#[test]
fn a_primary_waits_for_its_secondary() {
    let server = serve();
    let mut primary = Upsmon::new(&format!("{}\nHOSTSYNC 30", monitor(&server, "primary")));
    let conf = format!("{}\nFINALDELAY 2", monitor(&server, "secondary"));
    let mut secondary = Upsmon::new(&conf);
    primary.start(&["-F"]);
    secondary.start(&["-F", "-p"]);
    wait_until(PATIENCE, || logins(&server) == "NUMLOGINS lab 2").unwrap();
    let begin = Instant::now();
    let (code, _, stderr) = primary.output(&["-c", "f"]);
    assert_eq!(code, Some(0), "{stderr}");
    primary.wait_for("notified", "SHUTDOWN_HOSTSYNC");
    secondary.wait_for("down", "\n");
    assert!(!primary.exists("down"), "{}", primary.log());
    primary.wait_for("down", "\n");
    assert!(
        (2..20).contains(&begin.elapsed().as_secs()),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(primary.kinds(), ["FSD", "SHUTDOWN_HOSTSYNC", "SHUTDOWN"]);
    assert_eq!(secondary.kinds(), ["FSD", "SHUTDOWN"]);
    assert_eq!(
        (primary.exit_code(), secondary.exit_code()),
        (Some(0), Some(0))
    );
    assert_eq!(secondary.read("flag-seen"), "upsmon-shutdown-file");
}

#[test]
fn our_server_does_not_wait_to_be_asked() {
    let server = serve();
    let conf = "\nPOLLFREQ 40\nPOLLFREQALERT 40";
    let mut upsmon = Upsmon::new(&format!("{}{conf}", monitor(&server, "primary")));
    upsmon.start(&["-F"]);
    wait_until(PATIENCE, || logins(&server) == "NUMLOGINS lab 1").unwrap();
    set_status(&server, "OB LB");
    upsmon.wait_for("down", "\n");
    assert_eq!(upsmon.exit_code(), Some(0));
}

#[test]
fn a_running_upsmon_obeys_commands() {
    let server = serve();
    let mut upsmon = Upsmon::new(&monitor(&server, "primary"));
    let (code, _, stderr) = upsmon.output(&["-c", "reload"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("Error: no running upsmon found"),
        "{stderr}"
    );
    upsmon.start(&["-F", "-D"]);
    wait_until(PATIENCE, || logins(&server) == "NUMLOGINS lab 1").unwrap();
    let (code, _, stderr) = upsmon.output(&["-F"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("Fatal error: A previous upsmon instance is already running!"));

    // Another account, another role, another command for the shutdown.
    upsmon.configure(&format!(
        "{}\nMONITOR gone@127.0.0.1:1 0 a b secondary\nSHUTDOWNCMD /bin/true",
        monitor(&server, "secondary")
    ));
    assert_eq!(upsmon.output(&["-c", "rel"]).0, Some(0));
    upsmon.wait_for("notified", "COMMBAD gone@127.0.0.1:1");
    wait_until(PATIENCE, || server.log().contains("other@127.0.0.1")).unwrap();
    wait_until(PATIENCE, || logins(&server) == "NUMLOGINS lab 1").unwrap();
    upsmon.wait_for("log", "SHUTDOWNCMD");
    upsmon.configure("MONITOR nonsense");
    fs::remove_file(upsmon.dir.path().join("upsmon.conf")).unwrap();
    assert_eq!(
        upsmon
            .output(&["-c", "reload", "-P", &upsmon.pid().unwrap().to_string()])
            .0,
        Some(0)
    );
    upsmon.wait_for("log", "Reload failed: can't open");
    assert_eq!(logins(&server), "NUMLOGINS lab 1");

    let (code, _, stderr) = upsmon.output(&["-c", "stop"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(upsmon.exit_code(), Some(0));
    assert_eq!(logins(&server), "NUMLOGINS lab 0");
    assert!(!upsmon.exists("run/upsmon.pid") && !upsmon.exists("run/upsmon.ctl"));
    assert!(!upsmon.exists("down"));
}

#[test]
fn one_process_takes_a_new_shutdown_command() {
    let mut upsmon = Upsmon::new("MINSUPPLIES 0");
    upsmon.start(&["-F", "-p"]);
    let dir = upsmon.dir.path().to_owned();
    let (other, moved) = (dir.join("other"), dir.join("moved"));
    fs::write(&moved, "upsmon-shutdown-file").unwrap();
    upsmon.configure(&format!(
        "MINSUPPLIES 0\nSHUTDOWNCMD \"cp {0} {1}\"\nPOWERDOWNFLAG {0}",
        moved.display(),
        other.display()
    ));
    assert_eq!(upsmon.output(&["-c", "reload"]).0, Some(0));
    // One that an earlier shutdown left is taken away.
    wait_until(PATIENCE, || !moved.exists()).unwrap();
    assert_eq!(upsmon.output(&["-c", "fsd"]).0, Some(0));
    assert_eq!(upsmon.exit_code(), Some(0));
    assert_eq!(upsmon.read("other"), "upsmon-shutdown-file");
    assert!(!upsmon.exists("down") && !upsmon.exists("killpower"));
}

#[test]
fn neither_process_dies_unnoticed() {
    let mut upsmon = Upsmon::new("MINSUPPLIES 0");
    upsmon.start(&["-F"]);
    let watching = upsmon.pid().unwrap();
    let parent = upsmon.child.as_ref().unwrap().id();
    assert_ne!(watching, parent);
    process::signal(parent, Signal::HUP);
    process::signal(parent, Signal::USR1);
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        !upsmon.exists("down"),
        "these signals are not for the parent"
    );
    process::signal(parent, Signal::KILL);
    upsmon.wait_for(
        "notified",
        "NOPARENT |upsmon parent process died - shutdown impossible|",
    );
    assert_eq!(upsmon.exit_code(), None);
    process::signal(watching, Signal::TERM);
    wait_until(PATIENCE, || !process::lives(watching)).unwrap();

    upsmon.start(&["-F"]);
    let stale = watching;
    wait_until(PATIENCE, || upsmon.pid().is_some_and(|pid| pid != stale)).unwrap();
    process::signal(upsmon.pid().unwrap(), Signal::KILL);
    assert_eq!(upsmon.exit_code(), Some(1));
    assert!(!upsmon.exists("run/upsmon.pid"));
}

#[test]
fn a_refused_login_is_tried_again() {
    let server = serve_with("[mon]\n  password = wrong\n  upsmon primary\n", "");
    let mut upsmon = Upsmon::new(&monitor(&server, "primary"));
    upsmon.start(&["-F"]);
    upsmon.wait_for(
        "log",
        &format!("UPS [{}] failed: Access denied", server.ups("lab")),
    );
    assert_eq!(logins(&server), "NUMLOGINS lab 0");
    // It watches all the same.
    set_status(&server, "OB");
    upsmon.wait_for("notified", "ONBATT");
    server.dir.write("upsd.users", USERS).unwrap();
    server.signal(Signal::HUP);
    wait_until(Duration::from_secs(45), || {
        logins(&server) == "NUMLOGINS lab 1"
    })
    .unwrap();
}

#[test]
fn what_cannot_work_is_refused_or_told_at_the_start() {
    let upsmon = Upsmon::new("MINSUPPLIES 2\nMONITOR a@b 1 c d primary");
    let (code, _, stderr) = upsmon.output(&["-F"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("Fatal error: insufficient power configured!"),
        "{stderr}"
    );
    fs::remove_file(upsmon.dir.path().join("upsmon.conf")).unwrap();
    let (code, _, stderr) = upsmon.output(&["-F"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("upsmon.conf: No such file"), "{stderr}");

    let mut upsmon =
        Upsmon::new("MINSUPPLIES 0\nSHUTDOWNCMD /no/such/halt\nPOWERDOWNFLAG /no/such/killpower");
    upsmon.start(&["-F"]);
    upsmon.wait_for("log", "/no/such/halt is no program that can be run");
    upsmon.wait_for("log", "POWERDOWNFLAG cannot be written: /no/such");

    // A file that is not ours is neither removed nor overwritten.
    let mut upsmon = Upsmon::new("MINSUPPLIES 0");
    upsmon.dir.write("killpower", "important\n").unwrap();
    let (code, stdout, _) = upsmon.output(&["-K"]);
    assert_eq!(code, Some(1));
    let flag = upsmon.dir.path().join("killpower");
    let text = format!(
        "POWERDOWNFLAG ({}) does not contain the upsmon magic string\n",
        flag.display()
    );
    assert!(stdout.contains(&text), "{stdout}");
    upsmon.start(&["-F", "-p"]);
    assert_eq!(upsmon.output(&["-c", "fsd"]).0, Some(0));
    upsmon.wait_for("down", "\n");
    assert_eq!(upsmon.read("killpower"), "important\n");
}

#[test]
fn options_that_only_tell() {
    let upsmon = Upsmon::new("");
    let (code, stdout, _) = upsmon.output(&["-V"]);
    assert!(
        code == Some(0) && stdout.starts_with("Network UPS Tools upsmon "),
        "{stdout}"
    );
    let (code, stdout, _) = upsmon.output(&["-h"]);
    assert!(
        code == Some(0) && stdout.contains("usage: upsmon"),
        "{stdout}"
    );
    let (code, _, stderr) = upsmon.output(&["-c", "reboot"]);
    assert!(code == Some(1) && stderr.contains("reboot"), "{stderr}");
    let (code, _, stderr) = upsmon.output(&["-c", "stop", "-P", "first"]);
    assert!(code == Some(1) && stderr.contains("first"), "{stderr}");
}

#[test]
fn in_the_background_it_is_ready_when_the_command_returns() {
    let upsmon = Upsmon::new("MINSUPPLIES 0");
    let (code, stdout, stderr) = upsmon.output(&[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("Network UPS Tools upsmon "), "{stdout}");
    let pid = upsmon.pid().unwrap();
    assert!(process::lives(pid));
    assert_eq!(upsmon.output(&["-c", "fsd"]).0, Some(0));
    upsmon.wait_for("down", "\n");
    assert_eq!(upsmon.read("flag-seen"), "upsmon-shutdown-file");
    wait_until(PATIENCE, || !process::lives(pid)).unwrap();
    wait_until(PATIENCE, || !upsmon.exists("run/upsmon.pid")).unwrap();
}

#[test]
fn the_service_manager_is_told_by_the_process_it_knows() {
    let mut upsmon = Upsmon::new("MINSUPPLIES 0");
    let name = format!("husk-test-upsmon-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let mut command = upsmon.command(&["-F"]);
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    command.env("WATCHDOG_USEC", "400000");
    upsmon.spawn(&mut command);
    assert_eq!(heard(), "READY=1\n");
    assert_eq!(heard(), "WATCHDOG=1\n");
    assert_eq!(heard(), "WATCHDOG=1\n");
    upsmon.wait_for_pid();
    assert_eq!(upsmon.output(&["-c", "reload"]).0, Some(0));
    let next = || {
        std::iter::repeat_with(heard)
            .find(|text| text != "WATCHDOG=1\n")
            .unwrap()
    };
    assert!(next().starts_with("RELOADING=1\n"));
    assert_eq!(next(), "READY=1\n");
    process::signal(upsmon.child.as_ref().unwrap().id(), Signal::TERM);
    assert_eq!(next(), "STOPPING=1\n");
    assert_eq!(upsmon.exit_code(), Some(0));
}

#[test]
fn a_server_has_to_be_who_it_says() {
    let certs = husk_tests::root().join("certs");
    let server = serve_with(
        USERS,
        &format!("CERTFILE {}\n", certs.join("unsafe.server.pem").display()),
    );
    let trust = |rest: &str| {
        format!(
            "MONITOR lab@localhost:{} 1 mon \"p w\" primary\nCERTPATH {}\nCERTVERIFY 1\nFORCESSL 1\n{rest}",
            server.port,
            certs.join("ca.pem").display()
        )
    };
    let mut upsmon = Upsmon::new(&trust("CERTHOST localhost elsewhere 1 1"));
    upsmon.start(&["-F", "-p"]);
    upsmon.wait_for("notified", "COMMBAD");
    assert_eq!(logins(&server), "NUMLOGINS lab 0");
    upsmon.configure(&trust(""));
    assert_eq!(upsmon.output(&["-c", "reload"]).0, Some(0));
    wait_until(PATIENCE, || logins(&server) == "NUMLOGINS lab 1")
        .unwrap_or_else(|_| panic!("{}", upsmon.log()));
    upsmon.wait_for("notified", "COMMOK");
}

#[test]
fn a_server_that_hangs_holds_up_no_other() {
    let server = serve();
    // The system accepts for it, and nobody ever answers.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let mut upsmon = Upsmon::new(&format!(
        "MONITOR mute@127.0.0.1:{port} 1 a b primary\n{}",
        monitor(&server, "primary")
    ));
    upsmon.start(&["-F"]);
    wait_until(Duration::from_secs(2), || {
        logins(&server) == "NUMLOGINS lab 1"
    })
    .unwrap();
    let begin = Instant::now();
    set_status(&server, "OB LB");
    upsmon.wait_for("notified", "LOWBATT");
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    upsmon.wait_for("notified", &format!("COMMBAD mute@127.0.0.1:{port}"));
    assert!(
        !upsmon.exists("down"),
        "a UPS never heard feeds this machine"
    );
    // Nor does it hold up the end.
    let begin = Instant::now();
    process::signal(upsmon.pid().unwrap(), Signal::TERM);
    assert_eq!(upsmon.exit_code(), Some(0));
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_running_upsmon_says_why() {
    use std::io::{Read as _, Write as _};
    let server = serve();
    let mut upsmon = Upsmon::new(&monitor(&server, "primary"));
    upsmon.start(&["-F"]);
    wait_until(PATIENCE, || logins(&server) == "NUMLOGINS lab 1").unwrap();
    let path = upsmon.dir.path().join("run/upsmon.ctl");
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.write_all(b"why\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(
        text.contains(&server.ups("lab")) && text.contains("MINSUPPLIES"),
        "{text}"
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o660
    );
}
