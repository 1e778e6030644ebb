//! Looking for UPSes: `husk scan` and `nut-scanner`, the latter beside Debian's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use husk_tests::pty::Pty;
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::sim::megatec::{Megatec, State};
use husk_tests::sim::snmp::{Agent, rfc1628};
use husk_tests::tool::{Outcome, Tools, run};

const UPS_CONF: &str = "\
[lab]
  driver = dummy-ups
  port = lab.dev
  desc = \"The lab\"
[rack-2]
  driver = dummy-ups
  port = lab.dev
";

fn server(which: Which) -> Server {
    let dir = Scratch::new("scan").unwrap();
    for (name, text) in [
        ("ups.conf", UPS_CONF),
        ("lab.dev", "ups.status: OL\n"),
        ("upsd.users", ""),
    ] {
        dir.write(name, text).unwrap();
    }
    Server::start(which, dir, &["lab", "rack-2"]).unwrap()
}

fn scanner(tools: Tools, words: &str) -> Outcome {
    let words: Vec<&str> = words.split(' ').collect();
    run(tools, "nut-scanner", &words).unwrap()
}

/// `husk scan` on a directory of its own.
fn scan(dir: &Path, words: &[&str]) -> Outcome {
    let dir = dir.to_str().unwrap();
    run(Tools::Husk, "scan", &[&["--config", dir], words].concat()).unwrap()
}

/// What NUT renamed since Debian's version: sections have the bus in their names, and the driver is one that exists.
fn as_of_today(text: &str, port: u16) -> String {
    let address = "@127.0.0.1\"";
    text.replace("[nutdev", "[nutdev-nut")
        .replace("nutclient", "dummy-ups")
        .replace(address, &format!("@127.0.0.1:{port}\""))
}

#[test]
fn nut_servers_are_found_as_debians_nut_scanner_finds_them() {
    if !incumbent_installed() || !Path::new("/usr/bin/nut-scanner").exists() {
        return husk_tests::skip("scan: Debian's nut-server and nut-client are not installed");
    }
    for which in [Which::Husk, Which::Incumbent] {
        let server = server(which);
        let port = server.port;
        for words in [
            format!("-q -O -s 127.0.0.1 -p {port}"),
            format!("-q -O -N -m 127.0.0.1/32 -p {port}"),
            format!("-q -O -P -s 127.0.0.1 -e 127.0.0.3 -t 2 -p {port}"),
            format!("--quiet --oldnut_scan --mask_cidr=127.0.0.0/29 --port={port} -T 4"),
            format!("-qOPslocalhost -p{port}"),
        ] {
            let ours = scanner(Tools::Husk, &words);
            let theirs = scanner(Tools::Incumbent, &words);
            assert_eq!(
                ours.stdout,
                as_of_today(&theirs.stdout, port),
                "{which:?} {words}"
            );
            assert_eq!(ours.code, theirs.code, "{words}");
            assert!(
                ours.stdout
                    .contains(&format!("\"rack-2@127.0.0.1:{port}\"")),
                "{words}"
            );
            assert_eq!(ours.stderr, "", "{words}");
        }
    }
}

#[test]
fn a_server_on_ipv6_is_told_as_clients_read_it() {
    let dir = Scratch::new("scan").unwrap();
    let port = TcpListener::bind("[::1]:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    dir.write("upsd.conf", &format!("LISTEN ::1 {port}\n"))
        .unwrap();
    dir.write("ups.conf", UPS_CONF).unwrap();
    dir.write("lab.dev", "ups.status: OL\n").unwrap();
    let server = Server::start_husk(dir).unwrap();
    let found = scanner(Tools::Husk, &format!("-q -O -P -s ::1 -p {port}"));
    let place = format!("lab@[::1]:{port}");
    assert!(
        found.stdout.contains(&format!("port=\"{place}\"")),
        "{}{}",
        found.stdout,
        server.log()
    );
    let status = || run(Tools::Husk, "upsc", &[&place, "ups.status"]).unwrap();
    let reached = wait_until(Duration::from_secs(10), || status().stdout == "OL\n");
    assert!(reached.is_ok(), "{:?}", status());
}

#[test]
fn agents_are_found_by_what_the_driver_makes_of_them() {
    // Scans ask at the usual port, which only root may have.
    let addresses = ["127.0.33.1:161", "127.0.33.3:161", "127.0.33.4:161"];
    let mut printer = rfc1628::ups("no UPS");
    printer.retain(|oid, _| oid.starts_with(&[1, 3, 6, 1, 2, 1, 1]));
    let mute = rfc1628::ups("mute");
    let objects = [rfc1628::ups("Sim 1500"), printer, mute];
    let agents: std::io::Result<Vec<Agent>> = addresses
        .into_iter()
        .zip(objects)
        .map(|(address, objects)| Agent::start_at(address, objects))
        .collect();
    let Ok(agents) = agents else {
        husk_tests::skip("a scan for SNMP agents: port 161 of the loopback is not to be had");
        return;
    };
    agents[2].silence(true);
    let outcome = scanner(
        Tools::Husk,
        "-S -q -N -t 1 -c secret-word -s 127.0.33.0 -e 127.0.33.7",
    );
    assert_eq!(
        outcome.stdout,
        "[nutdev-snmp1]\n\tdriver = \"snmp-ups\"\n\tport = \"127.0.33.1\"\n\tdesc = \"Sim 1500\"\n\tcommunity = \"secret-word\"\n"
    );
    assert!(
        outcome.stderr.contains("127.0.33.3: snmp-ups:"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("127.0.33.4") && !outcome.stderr.contains("secret"));
    let one_line = scanner(Tools::Husk, "-S -q -P -t 1 -s 127.0.33.1");
    assert!(
        one_line
            .stdout
            .starts_with("SNMP:driver=\"snmp-ups\",port=\"127.0.33.1\",")
    );
    let dir = Scratch::new("scan-snmp").unwrap();
    let config = dir.path().display().to_string();
    let root = format!("--root={config}");
    let words = [
        "scan",
        "--snmp=127.0.33.1",
        "--write",
        "--config",
        &config,
        &root,
    ];
    let scan = || {
        let outcome = Command::new(husk_tests::husk_binary()).args(words).output();
        String::from_utf8(outcome.unwrap().stdout).unwrap()
    };
    let first = scan();
    assert!(first.contains("127.0.33.1  Sim 1500"), "{first}");
    let written = fs::read_to_string(dir.path().join("ups.conf")).unwrap();
    assert_eq!(
        written,
        "[ups]\n\tdriver = \"snmp-ups\"\n\tport = \"127.0.33.1\"\n\tdesc = \"Sim 1500\"\n"
    );
    let again = scan();
    assert!(
        again.contains("is [ups] in ups.conf") && again.contains("is left as it is"),
        "{again}"
    );
    for agent in agents {
        assert_eq!(agent.take_written(), []);
    }
}

#[test]
fn a_daemon_of_other_software_is_asked_where_it_is_named_and_added_once() {
    let report = "APC      : 001,005,0112\nSTATUS   : ONLINE\nMODEL    : Back-UPS 350\nLINEV    : 230.0 Volts\n\
        BCHARGE  : 100.0 Percent\nSTATFLAG : 0x05000008\nEND APC  : now\n";
    let daemon = husk_tests::nis::Nis::start(report).unwrap();
    let dir = Scratch::new("scan-daemon").unwrap();
    let place = format!("127.0.0.1:{}", daemon.port());
    let option = format!("--daemon={place}");
    let first = scan(dir.path(), &[&option, "--write"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let told = format!("{place}  APC Back-UPS 350 (OL)\n    driver = apcupsd-ups\n");
    assert!(first.stdout.contains(&told), "{}", first.stdout);
    let conf = fs::read_to_string(dir.path().join("ups.conf")).unwrap();
    let section = format!("[ups]\n\tdriver = \"apcupsd-ups\"\n\tport = \"{place}\"\n");
    assert!(conf.starts_with(&section), "{conf}");
    let second = scan(dir.path(), &[&option, "--write"]);
    assert!(
        second.stdout.contains("is [ups] in ups.conf"),
        "{}",
        second.stdout
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("ups.conf")).unwrap(),
        conf
    );
    drop(daemon);
    let gone = scan(dir.path(), &[&option]);
    assert!(
        gone.stdout
            .contains(&format!("Daemons at {place}:\n  none")),
        "{}",
        gone.stdout
    );
}

#[test]
fn where_nothing_is_nothing_is_found_and_mistakes_are_said() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (words, code, said) in [
        (format!("-O -s 127.0.0.1 -p {port}"), 0, ""),
        ("-O -q".to_owned(), 0, "no address to begin with"),
        (
            "-O -q -m 10.0.0.0/8".to_owned(),
            0,
            "16777216 addresses are too many",
        ),
        ("-S -q".to_owned(), 0, "no address to begin with"),
        ("-I -q".to_owned(), 0, "IPMI: not looked for"),
        ("--zork".to_owned(), 255, "unrecognized option '--zork'"),
    ] {
        let outcome = scanner(Tools::Husk, &words);
        assert_eq!(outcome.code, Some(code), "{words}");
        assert!(outcome.stderr.contains(said), "{words}: {}", outcome.stderr);
        assert!(!outcome.stdout.contains("[nutdev"), "{words}");
    }
}

/// A server of somebody who means ill: control sequences in names, a list without end, or no word at all.
fn hostile(how: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"ERR FEATURE-NOT-CONFIGURED\nBEGIN LIST UPS\n");
            match how {
                "endless" => while stream.write_all(b"UPS a \"b\"\n").is_ok() {},
                "silent" => std::thread::sleep(Duration::from_secs(60)),
                _ => {
                    let list =
                        b"UPS \"\x1b[2Jx\" \"\x1b]0;title\x07y\"\nEND LIST UPS\nOK Goodbye\n";
                    let _ = stream.write_all(list);
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                }
            }
        }
    });
    port
}

#[test]
fn a_hostile_server_neither_holds_up_the_scan_nor_writes_to_the_terminal() {
    let begun = Instant::now();
    for how in ["endless", "silent", "control"] {
        let port = hostile(how);
        let found = scanner(Tools::Husk, &format!("-q -O -s 127.0.0.1 -p {port}"));
        assert_eq!(found.code, Some(0));
        assert!(
            !found.stdout.contains(['\x1b', '\x07']),
            "{how}: {:?}",
            found.stdout
        );
        let dir = Scratch::new("scan").unwrap();
        let told = scan(dir.path(), &[&format!("--nut=127.0.0.1:{port}")]);
        assert!(
            !told.stdout.contains(['\x1b', '\x07']),
            "{how}: {:?}",
            told.stdout
        );
        assert_eq!(
            told.stdout.contains("[2Jx"),
            how == "control",
            "{}",
            told.stdout
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
}

/// A machine's /sys and /dev with these devices: place, vendor, product, maker, model, serial number.
fn machine(devices: &[[&str; 6]]) -> Scratch {
    let root = Scratch::new("machine").unwrap();
    for (at, [place, vendor, product, maker, model, serial]) in devices.iter().enumerate() {
        let dir = root.path().join("sys/bus/usb/devices").join(place);
        fs::create_dir_all(&dir).unwrap();
        let address = (at + 3).to_string();
        for (name, text) in [
            ("idVendor", *vendor),
            ("idProduct", product),
            ("manufacturer", maker),
            ("product", model),
            ("serial", serial),
            ("devnum", &address),
            ("bDeviceClass", "00"),
            ("bcdDevice", "0106"),
        ] {
            fs::write(dir.join(name), format!("{text}\n")).unwrap();
        }
        let interface = dir.with_file_name(format!("{place}:1.0"));
        fs::create_dir_all(&interface).unwrap();
        fs::write(interface.join("bInterfaceNumber"), "00\n").unwrap();
        fs::write(interface.join("bInterfaceClass"), "03\n").unwrap();
        symlink("../../drivers/usbhid", interface.join("driver")).unwrap();
        let node = root.path().join(format!("dev/bus/usb/001/{:03}", at + 3));
        fs::create_dir_all(node.parent().unwrap()).unwrap();
        fs::write(&node, "").unwrap();
        fs::set_permissions(&node, fs::Permissions::from_mode(0o600)).unwrap();
    }
    root
}

/// A keyboard, an Eaton, two APCs that nothing but their ports tell apart, and an APC that no plugin knows.
fn office() -> Scratch {
    let apc = "American Power Conversion";
    machine(&[
        ["1-1", "046d", "c31c", "Logitech", "Keyboard", ""],
        ["1-2.1", "0463", "ffff", "EATON", "5E", "G20.E"],
        ["1-2.2", "051d", "0002", apc, "Back-UPS", "000"],
        ["1-2.3", "051d", "0002", apc, "Back-UPS", "000"],
        ["1-4", "051d", "9999", apc, "Toaster", "T1"],
    ])
}

#[test]
fn devices_on_usb_are_told_with_driver_and_obstacle() {
    let root = office();
    let dir = Scratch::new("scan").unwrap();
    let words = ["--root", root.path().to_str().unwrap(), "--user", "nobody"];
    let told = scan(dir.path(), &words);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    for expected in [
        "0463:ffff at 1-2.1  EATON 5E, serial number G20.E\n    driver = usbhid-ups\n",
        "cannot be opened by nobody: ",
        "ATTR{idVendor}==\"0463\", ATTR{idProduct}==\"ffff\", MODE=\"664\", GROUP=\"nut\"",
        "the kernel's driver usbhid has it now",
        "Toaster, serial number T1\n    no plugin claims this product",
        "1 device more that no plugin claims",
        "`husk scan --write` adds 3 sections",
    ] {
        assert!(
            told.stdout.contains(expected),
            "{expected:?} is not in:\n{}",
            told.stdout
        );
    }
    assert!(!told.stdout.contains("Logitech"));
    let all = scan(dir.path(), &[&words[..], &["--all"]].concat());
    assert!(
        all.stdout
            .contains("Logitech Keyboard\n    no plugin claims it\n"),
        "{}",
        all.stdout
    );
    assert!(!dir.path().join("ups.conf").exists());
}

#[test]
fn devices_on_usb_are_added_to_the_configuration_once() {
    let root = office();
    let root = root.path().to_str().unwrap();
    let dir = Scratch::new("scan").unwrap();
    let before = "# Mine.\n[UPS]\n  driver = dummy-ups\n  port = lab.dev";
    let file = dir.write("ups.conf", before).unwrap();
    let written = scan(dir.path(), &["--root", root, "--write"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let names = "has 3 sections more: ups2, ups3, ups4";
    assert!(written.stdout.contains(names), "{}", written.stdout);
    let section = |name, desc, kind: [&str; 2], rest| {
        let [vendor, product] = kind;
        format!(
            "\n[{name}]\n\tdriver = \"usbhid-ups\"\n\tport = \"auto\"\n\tdesc = \"{desc}\"\n\
             \tvendorid = \"{vendor}\"\n\tproductid = \"{product}\"\n{rest}"
        )
    };
    let port = |port| format!("\tbus = \"001\"\n\tbusport = \"{port}\"\n");
    let (eaton, apc) = (["0463", "ffff"], ["051d", "0002"]);
    let name = "American Power Conversion Back-UPS";
    let expected = [
        format!("{before}\n"),
        section(
            "ups2",
            "EATON 5E",
            eaton,
            "\tserial = \"G20\\\\.E\"\n".to_owned(),
        ),
        section("ups3", name, apc, port("002")),
        section("ups4", name, apc, port("003")),
    ]
    .concat();
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);

    let again = scan(dir.path(), &["--root", root, "--write"]);
    for name in ["ups2", "ups3", "ups4"] {
        let told = format!("is [{name}] in ups.conf");
        assert!(again.stdout.contains(&told), "{}", again.stdout);
    }
    assert!(again.stdout.contains("left as it is"), "{}", again.stdout);
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

#[test]
fn a_file_that_would_swallow_sections_is_left_alone_and_a_missing_one_is_made() {
    let root = machine(&[["1-1", "0463", "ffff", "EATON", "5E", "G20"]]);
    let root = root.path().to_str().unwrap();
    let dir = Scratch::new("scan").unwrap();
    let broken = "[lab]\n driver = dummy-ups\n port = \"lab.dev\n";
    let file = dir.write("ups.conf", broken).unwrap();
    let refused = scan(dir.path(), &["--root", root, "--write"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("left as it is"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), broken);

    fs::remove_file(&file).unwrap();
    let made = scan(dir.path(), &["--root", root, "--write"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(fs::read_to_string(&file).unwrap().starts_with("[ups]\n"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o137, 0);
}

#[test]
fn a_serial_line_is_asked_by_each_driver_only_when_it_is_named() {
    let ups = Megatec::start(State::default()).unwrap();
    let line = ups.path().to_str().unwrap();
    let dir = Scratch::new("scan").unwrap();
    scan(dir.path(), &[]);
    assert_eq!(ups.opens(), 0);

    let told = scan(dir.path(), &[&format!("--serial={line}"), "--write"]);
    assert!(
        told.stdout.contains("driver = megatec"),
        "{}{}",
        told.stdout,
        told.stderr
    );
    let section = format!("[ups]\n\tdriver = \"megatec\"\n\tport = \"{line}\"\n");
    let written = fs::read_to_string(dir.path().join("ups.conf")).unwrap();
    assert!(written.starts_with(&section), "{written}");

    let found = scanner(Tools::Husk, &format!("-q -E {line}"));
    let section = format!("[nutdev-serial1]\n\tdriver = \"megatec\"\n\tport = \"{line}\"\n");
    assert!(found.stdout.starts_with(&section), "{}", found.stdout);
}

#[test]
fn a_line_nobody_answers_on_is_told_with_what_each_driver_says() {
    let silent = Pty::open().unwrap();
    let line = silent.path().to_str().unwrap();
    let dir = Scratch::new("scan").unwrap();
    let told = scan(
        dir.path(),
        &[&format!("--serial={line}"), "--serial=/dev/no-such-line"],
    );
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    for expected in [
        &format!("{line}  no driver gets an answer\n"),
        "\n    apcsmart: ",
        "\n    megatec: ",
        "/dev/no-such-line  no driver gets an answer\n    /dev/no-such-line does not exist",
    ] {
        assert!(
            told.stdout.contains(expected),
            "{expected:?} is not in:\n{}",
            told.stdout
        );
    }
}
