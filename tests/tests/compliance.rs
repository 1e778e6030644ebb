//! The same scenario against the incumbent's server and against ours: the replies must be equal,
//! byte for byte. Where they differ on purpose or by age, one line here says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::time::Duration;

use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::tool::{Outcome, Tools, Wire, run};

const UPS_CONF: &str = r#"
[lab]
  driver = dummy-ups
  port = lab.dev
  desc = "Lab \"A\" unit"
[second]
  driver = dummy-ups
  port = second.dev
"#;

const LAB: &str = r#"
battery.charge: 97
battery.charge.low: 20
battery.runtime: 1800
input.voltage: 230.1
input.transfer.low: 170
output.voltage.nominal: 230
ups.delay.shutdown: 20
ups.load: 12
ups.mfr: Big Corp
ups.model: Model 1000
ups.serial: 12\#34
ups.id: a \"quoted\" word
outlet.1.status: on
input.bypass.voltage: 229.8
ups.status: OL CHRG
"#;

const USERS: &str = r"
[admin]
  password = secret
  actions = SET FSD
  instcmds = ALL
[some]
  password = secret
  instcmds = beeper.mute
[mon]
  password = mon
  upsmon primary
[sec]
  password = sec
  upsmon secondary
";

fn prepare() -> Scratch {
    let dir = Scratch::new("compliance").unwrap();
    dir.write("ups.conf", UPS_CONF).unwrap();
    dir.write("lab.dev", LAB).unwrap();
    dir.write(
        "second.dev",
        "ups.status: OB DISCHRG LB\nbattery.charge: 7\n",
    )
    .unwrap();
    dir.write("upsd.users", USERS).unwrap();
    // Both servers take their descriptions from the same table, ours.
    let table = std::process::Command::new(husk_tests::husk_binary())
        .arg("names")
        .output()
        .unwrap();
    assert!(
        table.status.success(),
        "husk names prints the table of descriptions"
    );
    dir.write("cmdvartab", &String::from_utf8(table.stdout).unwrap())
        .unwrap();
    dir.write("upsd.conf", &format!("DATAPATH {}\n", dir.path().display()))
        .unwrap();
    dir
}

fn start(which: Which) -> Server {
    let server = Server::start(which, prepare(), &["lab", "second"]).unwrap();
    let mut wire = Wire::connect(server.port).unwrap();
    for ups in ["lab", "second"] {
        wait_until(Duration::from_secs(10), || {
            wire.value(ups, "battery.charge")
                .is_ok_and(|value| value.parse::<u8>().is_ok())
        })
        .unwrap();
    }
    server
}

/// Variables of the driver process itself, which tell versions and cannot be equal, and those
/// that Debian's 2.8.0 does not have yet.
const VERSIONED: &[&str] = &[
    "driver.version",
    "driver.version.internal",
    "driver.version.data",
    "driver.debug",
    "driver.flag.allow_killpower",
    "driver.state",
    // 2.8.0 publishes the escaped text of the file here, `12\#34`; the value itself is meant.
    "device.serial",
    "server.info",
    "server.version",
];

/// Commands that drivers of 2.8.5 have and Debian's 2.8.0 has not.
const NEWER_COMMANDS: &[&str] = &[
    "driver.killpower",
    "driver.reload",
    "driver.reload-or-error",
    "driver.reload-or-exit",
    "shutdown.default",
];

/// Drops the lines about [`VERSIONED`] variables and [`NEWER_COMMANDS`], and the port number.
fn comparable(text: &str, port: u16) -> String {
    let mut out = String::new();
    let mut block_skipped = false;
    for line in text.replace(&format!(":{port}"), ":PORT").lines() {
        // upsrw prints a block per variable, headed by its name in brackets.
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            block_skipped = VERSIONED.contains(&name);
        }
        let word = |separator: char| {
            line.split(separator)
                .next()
                .map(|first| first.trim_matches([' ', '"', ',']))
        };
        let named = [word(':'), word(' ')];
        let versioned = named.iter().flatten().any(|name| VERSIONED.contains(name))
            || line
                .split_whitespace()
                .nth(2)
                .is_some_and(|name| VERSIONED.contains(&name));
        let newer = named
            .iter()
            .flatten()
            .any(|name| NEWER_COMMANDS.contains(name))
            || line
                .split_whitespace()
                .nth(2)
                .is_some_and(|name| NEWER_COMMANDS.contains(&name));
        if !(block_skipped || versioned || newer) {
            out.push_str(line);
            out.push('\n');
        }
        if line.is_empty() {
            block_skipped = false;
        }
    }
    out
}

/// Tool, arguments; `LAB` and `HOST` stand for the device and the server.
const TOOL_SCENARIOS: &[(&str, &[&str])] = &[
    ("upsc", &["LAB"]),
    ("upsc", &["LAB", "ups.status"]),
    ("upsc", &["LAB", "UPS.Status"]),
    ("upsc", &["LAB", "ups.id"]),
    ("upsc", &["LAB", "no.such.variable"]),
    ("upsc", &["LAB", "oldstyle"]),
    ("upsc", &["SECOND"]),
    ("upsc", &["NOSUCH"]),
    ("upsc", &["-l", "HOST"]),
    ("upsc", &["-L", "HOST"]),
    ("upsc", &["-c", "LAB"]),
    ("upscmd", &["-l", "LAB"]),
    ("upscmd", &["-l", "NOSUCH"]),
    (
        "upscmd",
        &["-u", "admin", "-p", "secret", "LAB", "load.off"],
    ),
    ("upscmd", &["-u", "admin", "-p", "wrong", "LAB", "load.off"]),
    ("upscmd", &["-u", "some", "-p", "secret", "LAB", "load.off"]),
    ("upscmd", &["-u", "admin", "-p", "secret", "LAB", "no.such"]),
    (
        "upscmd",
        &["-u", "admin", "-p", "secret", "-w", "LAB", "load.off"],
    ),
    ("upsrw", &["LAB"]),
    ("upsrw", &["SECOND"]),
    (
        "upsrw",
        &["-u", "admin", "-p", "secret", "-s", "ups.id=rack 7", "LAB"],
    ),
    ("upsc", &["LAB", "ups.id"]),
    (
        "upsrw",
        &[
            "-u",
            "admin",
            "-p",
            "secret",
            "-w",
            "-s",
            "battery.charge.low=30",
            "LAB",
        ],
    ),
    ("upsc", &["LAB", "battery.charge.low"]),
    (
        "upsrw",
        &["-u", "mon", "-p", "mon", "-s", "ups.id=no", "LAB"],
    ),
    (
        "upsrw",
        &["-u", "admin", "-p", "secret", "-s", "no.such=1", "LAB"],
    ),
    (
        "upsrw",
        &["-u", "admin", "-p", "secret", "-s", "device.type=x", "LAB"],
    ),
];

fn arguments(server: &Server, words: &[&str]) -> Vec<String> {
    words
        .iter()
        .map(|word| match *word {
            "LAB" => server.ups("lab"),
            "SECOND" => server.ups("second"),
            "NOSUCH" => server.ups("nosuch"),
            "HOST" => format!("127.0.0.1:{}", server.port),
            other => other.to_owned(),
        })
        .collect()
}

fn outcomes(server: &Server, tools: Tools) -> Vec<Outcome> {
    TOOL_SCENARIOS
        .iter()
        .map(|(tool, words)| {
            let words = arguments(server, words);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let outcome = run(tools, tool, &words).unwrap();
            // A written value goes to the driver and comes back: give both servers that time.
            std::thread::sleep(Duration::from_millis(if tool == &"upsrw" {
                300
            } else {
                0
            }));
            Outcome {
                stdout: comparable(&outcome.stdout, server.port),
                stderr: stderr_of(&outcome.stderr, server.port),
                code: outcome.code,
            }
        })
        .collect()
}

/// Debian's clients talk of their TLS library; ours have nothing to say there.
fn stderr_of(text: &str, port: u16) -> String {
    comparable(text, port)
        .lines()
        .filter(|line| !line.starts_with("Init SSL without certificate database"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn stock_clients_see_the_same_server() {
    if !incumbent_installed() {
        return husk_tests::skip("compliance: nut-server and nut-client are not installed");
    }
    let theirs = outcomes(&start(Which::Incumbent), Tools::Incumbent);
    let ours = outcomes(&start(Which::Husk), Tools::Incumbent);
    for ((scenario, theirs), ours) in TOOL_SCENARIOS.iter().zip(&theirs).zip(&ours) {
        assert_eq!(
            ours, theirs,
            "scenario {scenario:?}: ours (left) against the incumbent"
        );
    }
}

#[test]
fn our_clients_print_what_stock_clients_print() {
    if !incumbent_installed() {
        return husk_tests::skip("compliance: nut-server and nut-client are not installed");
    }
    let theirs = outcomes(&start(Which::Husk), Tools::Incumbent);
    let ours = outcomes(&start(Which::Husk), Tools::Husk);
    for ((scenario, theirs), ours) in TOOL_SCENARIOS.iter().zip(&theirs).zip(&ours) {
        assert_eq!(
            ours, theirs,
            "scenario {scenario:?}: our client (left) against Debian's"
        );
    }
}

/// Requests of one connection; both servers must answer the same lines.
const WIRE_SCENARIOS: &[&[&str]] = &[
    &[
        "NETVER",
        "netver",
        "NETVER x",
        "VER extra",
        "",
        "   ",
        "# comment",
        "NOSUCH",
        "HELP me",
    ],
    &[
        "LIST UPS",
        "LIST",
        "LIST FOO",
        "LIST VAR",
        "LIST VAR nosuch",
        "LIST VAR lab",
        "list var LAB",
        "LIST RW lab",
        "LIST CMD lab",
        "LIST ENUM lab ups.id",
        "LIST ENUM lab no.such",
        "LIST RANGE lab ups.id",
        "LIST CLIENT lab",
        "LIST CLIENT nosuch",
        "LIST ENUM lab",
    ],
    &[
        "GET",
        "GET FOO",
        "GET VAR",
        "GET VAR lab",
        "GET VAR lab ups.status",
        "GET VAR LAB UPS.STATUS",
        "GET VAR lab no.such",
        "GET VAR nosuch ups.status",
        "GET TYPE lab ups.status",
        "GET TYPE lab battery.charge",
        "GET TYPE lab device.type",
        "GET DESC lab ups.status",
        "GET DESC lab no.such",
        "GET CMDDESC lab load.off",
        "GET CMDDESC lab no.such",
        "GET UPSDESC lab",
        "GET UPSDESC second",
        "GET UPSDESC nosuch",
        "GET NUMLOGINS lab",
        "GET NUMLOGINS nosuch",
        "GET TRACKING",
        "GET TRACKING 1bd31808-cb49-4aec-9d75-d056e6f018d2",
        "GET VAR lab ups.id",
        "GET VAR \"lab\" \"ups.status\"",
        "GET VAR lab ups.status surplus",
        "GET VAR nosuch server.nonsense",
    ],
    &[
        "SET VAR lab ups.id x",
        "INSTCMD lab load.off",
        "LOGIN lab",
        "FSD lab",
        "MASTER lab",
        "PRIMARY lab",
        "USERNAME",
        "USERNAME a b",
        "USERNAME admin",
        "USERNAME admin",
        "SET VAR lab ups.id x",
        "PASSWORD secret",
        "PASSWORD secret",
        "LOGIN nosuch",
        "LOGIN lab",
        "PRIMARY lab",
        "MASTER lab",
        "SET",
        "SET FOO",
        "SET VAR",
        "SET VAR lab ups.id",
        "SET VAR lab no.such 1",
        "SET VAR lab device.type x",
        "SET VAR nosuch ups.id x",
        "SET VAR lab ups.id \"a value that is much longer than the thirty-two bytes allowed\"",
        "SET VAR lab ups.id \"new \\\"id\\\" \\\\ \\# 1\"",
        "INSTCMD",
        "INSTCMD lab",
        "INSTCMD lab no.such",
        "INSTCMD nosuch load.off",
        "INSTCMD lab load.off",
        "INSTCMD lab load.off 5",
        "SET TRACKING",
        "SET TRACKING MAYBE",
        "SET TRACKING ON",
        "GET TRACKING",
        "GET TRACKING 1bd31808-cb49-4aec-9d75-d056e6f018d2",
        "SET TRACKING OFF",
        "GET TRACKING",
        "FSD nosuch",
        "LOGOUT now",
        "LOGOUT",
    ],
    &[
        "USERNAME mon",
        "PASSWORD mon",
        "LOGIN second",
        "LOGIN second",
        "GET NUMLOGINS second",
        "PRIMARY second",
        "MASTER second",
        "LIST CLIENT second",
        "SET VAR lab ups.id x",
        "INSTCMD lab load.off",
        "FSD second",
        "GET VAR second ups.status",
        "LIST RW second",
        "LOGOUT",
    ],
    &[
        "USERNAME sec",
        "PASSWORD sec",
        "LOGIN lab",
        "PRIMARY lab",
        "FSD lab",
        "GET NUMLOGINS lab",
        "LOGOUT",
    ],
    &[
        "USERNAME nobody",
        "PASSWORD x",
        "LOGIN lab",
        "FSD lab",
        "INSTCMD lab load.off",
        "SET TRACKING ON",
    ],
    &[
        "USERNAME \"admin\"",
        "PASSWORD p=w",
        "PASSWORD \"secret\"",
        "LOGIN lab",
        "STARTTLS",
        "STARTTLS now",
    ],
    &[
        "GET VAR lab ups.st\u{e9}atus",
        "GET VAR lab a=b",
        "LIST\tVAR\tsecond",
        "GET VAR lab ups.status # why",
    ],
];

fn wire_replies(server: &Server) -> Vec<Vec<(String, String)>> {
    WIRE_SCENARIOS
        .iter()
        .map(|requests| {
            let mut wire = Wire::connect(server.port).unwrap();
            requests
                .iter()
                .map(|request| {
                    let reply = wire.ask(request).unwrap();
                    ((*request).to_owned(), comparable(&reply, server.port))
                })
                .collect()
        })
        .collect()
}

/// Replies that differ on purpose: request, what the incumbent says, what we say.
const DIFFERENT: &[(&str, &str, &str)] = &[];

#[test]
fn every_request_gets_the_same_reply() {
    if !incumbent_installed() {
        return husk_tests::skip("compliance: nut-server and nut-client are not installed");
    }
    let theirs = wire_replies(&start(Which::Incumbent));
    let ours = wire_replies(&start(Which::Husk));
    let mut differences = Vec::new();
    for (theirs, ours) in theirs.iter().flatten().zip(ours.iter().flatten()) {
        let known = DIFFERENT.iter().any(|(request, incumbent, husk)| {
            *request == theirs.0 && *incumbent == theirs.1.trim() && *husk == ours.1.trim()
        });
        if theirs.1 != ours.1 && !known {
            differences.push(format!(
                "{}\n  incumbent: {}  ours:      {}",
                theirs.0, theirs.1, ours.1
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} replies differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn pipelined_and_split_requests_are_answered_in_order() {
    if !incumbent_installed() {
        return husk_tests::skip("compliance: nut-server and nut-client are not installed");
    }
    let talk = |server: &Server| {
        let mut wire = Wire::connect(server.port).unwrap();
        wire.send(b"NETVER\nGET VAR lab ups.mfr\nLIST UPS\nGET VAR lab ")
            .unwrap();
        std::thread::sleep(Duration::from_millis(100));
        wire.send(b"ups.model\r\nNETVER\n").unwrap();
        (0..8).map(|_| wire.line().unwrap()).collect::<Vec<_>>()
    };
    let theirs = talk(&start(Which::Incumbent));
    let ours = talk(&start(Which::Husk));
    assert_eq!(ours, theirs);
}
