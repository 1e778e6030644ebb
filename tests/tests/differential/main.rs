//! The incumbent's server and ours side by side, on made-up requests and made-up configuration files: same answers.
//! What differs on purpose or by age is left out where it would be made up, with the reason beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod made_up;
mod pair;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use husk_tests::random::Random;
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::tool::Wire;

use made_up::{LAB, escaped, request, spelled, text};
use pair::{Pair, comparable};

const CONVERSATIONS: usize = 80;
const REQUESTS: usize = 20;

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
";

fn prepare() -> Scratch {
    let dir = Scratch::new("differential").unwrap();
    let section = |name: &str, port: &str, more: &str| {
        format!("[{name}]\n  driver = dummy-ups\n  port = {port}\n{more}")
    };
    let conf = [
        section("lab", "lab.dev", "  desc = \"Lab \\\"A\\\" \\#1\"\n"),
        section("second", "second.dev", ""),
        section("down", "none.dev", ""),
    ];
    dir.write("ups.conf", &conf.concat()).unwrap();
    dir.write("lab.dev", LAB).unwrap();
    dir.write("second.dev", LAB).unwrap();
    dir.write("upsd.users", USERS).unwrap();
    let mut names = std::process::Command::new(husk_tests::husk_binary());
    let table = names.arg("names").output().unwrap();
    dir.write("cmdvartab", &String::from_utf8(table.stdout).unwrap())
        .unwrap();
    let data_path = format!("DATAPATH {}\n", dir.path().display());
    dir.write("upsd.conf", &data_path).unwrap();
    dir
}

fn start() -> [Server; 2] {
    [Which::Incumbent, Which::Husk].map(|which| {
        let server = Server::start(which, prepare(), &["lab", "second"]).unwrap();
        let mut wire = Wire::connect(server.port).unwrap();
        for ups in ["lab", "second"] {
            let ready = || {
                wire.value(ups, "battery.charge")
                    .is_ok_and(|value| value.parse::<u8>().is_ok())
            };
            wait_until(Duration::from_secs(10), ready).unwrap();
        }
        server
    })
}

/// Answers that must have come up, or the requests are too much alike.
const EVERY_KIND: &[&str] = &[
    "OK",
    "OK TRACKING",
    "OK FSD-SET",
    "OK PRIMARY-GRANTED",
    "BEGIN LIST",
    "VAR lab",
    "TYPE lab",
    "DESC lab",
    "CMDDESC lab",
    "NUMLOGINS lab",
    "UPSDESC lab",
    "ON",
    "OFF",
    "ERR UNKNOWN",
    "ERR ACCESS-DENIED",
    "ERR UNKNOWN-UPS",
    "ERR VAR-NOT-SUPPORTED",
    "ERR CMD-NOT-SUPPORTED",
    "ERR INVALID-ARGUMENT",
    "ERR READONLY",
    "ERR TOO-LONG",
    "ERR FEATURE-NOT-CONFIGURED",
    "ERR DRIVER-NOT-CONNECTED",
    "ERR ALREADY-LOGGED-IN",
    "ERR ALREADY-SET-USERNAME",
    "ERR ALREADY-SET-PASSWORD",
    "ERR USERNAME-REQUIRED",
    "ERR PASSWORD-REQUIRED",
    "ERR UNKNOWN-COMMAND",
];

#[test]
fn made_up_requests_are_answered_alike() {
    if !incumbent_installed() {
        return husk_tests::skip("differential: nut-server and nut-client are not installed");
    }
    let servers = start();
    let mut differences = String::new();
    let mut kinds = BTreeSet::new();
    let mut control = Pair::connect(&servers, CONVERSATIONS);
    for seed in 0..CONVERSATIONS {
        let random = &mut Random::new(seed as u64);
        let mut pair = Pair::connect(&servers, seed);
        let mut requests: Vec<Vec<u8>> = (0..REQUESTS).map(|_| request(random)).collect();
        let login: &[&str] = match random.below(5) {
            0 | 3 => &["USERNAME admin\n", "PASSWORD secret\n", "SET TRACKING ON\n"],
            1 => &["USERNAME admin\n", "PASSWORD secret\n"],
            2 => &["USERNAME mon\n", "PASSWORD mon\n", "LOGIN lab\n"],
            _ => &[],
        };
        requests.splice(0..0, login.iter().map(|line| line.as_bytes().to_vec()));
        for request in requests {
            let [theirs, ours] = pair.ask(&request).map(|reply| comparable(&reply));
            let request = request.escape_ascii().to_string();
            let kind: Vec<&str> = theirs.split_whitespace().take(2).collect();
            kinds.insert(kind.join(" "));
            if theirs != ours {
                differences += &format!(
                    "\nconversation {seed}: {request}\nincumbent: {theirs}\nours:      {ours}\n"
                );
            }
            if theirs.contains("(closed)") || theirs == "OK Goodbye" {
                break;
            }
        }
        drop(pair);
        until_nobody_is_logged_in(&mut control);
    }
    assert!(differences.is_empty(), "{differences}");
    for kind in EVERY_KIND {
        assert!(
            kinds.contains(*kind),
            "{kind} was never the answer; there were {kinds:?}"
        );
    }
}

/// Each server notices in its own time that a client has left.
fn until_nobody_is_logged_in(control: &mut Pair) {
    for ups in ["lab", "second", "down"] {
        let nobody = format!("BEGIN LIST CLIENT {ups}\nEND LIST CLIENT {ups}\n");
        let all_gone = || {
            let said = control.ask(format!("LIST CLIENT {ups}\n").as_bytes());
            said.iter().all(|said| *said == nobody)
        };
        wait_until(Duration::from_secs(10), all_gone).unwrap();
    }
}

/// Everything a client sends at once is answered in order, however many reads it takes.
#[test]
fn made_up_floods_are_answered_alike() {
    if !incumbent_installed() {
        return husk_tests::skip("differential: nut-server and nut-client are not installed");
    }
    let servers = start();
    for seed in 1000..1010 {
        let random = &mut Random::new(seed);
        let mut flood = Vec::new();
        while flood.len() < 3000 {
            let request = request(random);
            // Nothing that is answered by what came before, closes, or takes the rest of its read with it.
            let quiet = ["SET", "INSTCMD", "LOG", "FSD", "STARTTLS", "# X"];
            let text = String::from_utf8_lossy(&request).to_uppercase();
            if !quiet.iter().any(|word| text.contains(word)) {
                flood.extend_from_slice(&request);
            }
        }
        flood.extend_from_slice(b"LOGOUT\n");
        let mut pair = Pair::connect(&servers, 0);
        let [theirs, ours] = pair.0.each_mut().map(|stream| {
            stream.get_mut().write_all(&flood).unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            comparable(&said)
        });
        assert_eq!(
            ours,
            theirs,
            "seed {seed}, ours (left) against the incumbent:\n{}",
            flood.escape_ascii()
        );
    }
}

fn start_on(name: &str, ups_conf: &[u8], users: &[u8]) -> [Server; 2] {
    [Which::Incumbent, Which::Husk].map(|which| {
        let dir = Scratch::new(name).unwrap();
        for (file, bytes) in [("ups.conf", ups_conf), ("upsd.users", users)] {
            dir.write(file, "").unwrap();
            std::fs::write(dir.path().join(file), bytes).unwrap();
        }
        Server::start(which, dir, &[]).unwrap()
    })
}

#[test]
fn made_up_words_of_ups_conf_are_read_alike() {
    if !incumbent_installed() {
        return husk_tests::skip("differential: nut-server and nut-client are not installed");
    }
    let random = &mut Random::new(7);
    let mut conf = Vec::new();
    for section in 0..60 {
        conf.extend_from_slice(format!("[u{section}]\ndriver = none\n").as_bytes());
        for _ in 0..random.below(3) {
            let key = random.pick(&["desc", "desc", "desc", "Desc", "port", "note"]);
            let key = spelled(random, key);
            conf.extend_from_slice(&key);
            conf.extend_from_slice(random.pick(&[" = ", "=", "= ", " ", " == "]).as_bytes());
            for _ in 0..1 + random.below(2) {
                let word = text(random, 12);
                // Unquoted, a word is what it turns out to be.
                let word = match random.one_in(3) {
                    true => word.replace(['"', '\\'], ""),
                    false => String::from_utf8_lossy(&spelled(random, &word)).into_owned(),
                };
                conf.extend_from_slice(word.as_bytes());
                conf.extend_from_slice(random.pick(&[" ", "", "\t"]).as_bytes());
            }
            conf.extend_from_slice(random.pick(&["\n", "\r\n", "# \"\n"]).as_bytes());
        }
        conf.extend_from_slice(b"port = p\n");
    }
    let servers = start_on("words", &conf, b"");
    let [theirs, ours] = Pair::connect(&servers, 0).ask(b"LIST UPS\n");
    let differences: Vec<String> = theirs
        .lines()
        .zip(ours.lines())
        .filter(|(theirs, ours)| theirs != ours)
        .map(|(theirs, ours)| format!("incumbent: {theirs}\nours:      {ours}"))
        .collect();
    assert_eq!(
        theirs.lines().count(),
        ours.lines().count(),
        "{theirs}\n{ours}"
    );
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert!(theirs.lines().count() > 50, "most sections are there");
}

#[test]
fn made_up_passwords_are_read_alike() {
    if !incumbent_installed() {
        return husk_tests::skip("differential: nut-server and nut-client are not installed");
    }
    let random = &mut Random::new(8);
    let mut users = Vec::new();
    let mut claims = Vec::new();
    for user in 0..40 {
        // The incumbent takes a first word with an `=` in it apart, so it knows no user of such a name; ours does.
        let (name, password) = (
            format!("{user} {}", text(random, 9).replace([']', '='], "")),
            text(random, 20),
        );
        users.extend_from_slice(format!("\"[{}]\"\n", escaped(&name)).as_bytes());
        let key = random.pick(&["password", "PASSWORD"]);
        users.extend_from_slice(&spelled(random, key));
        users.extend_from_slice(b" = ");
        users.extend_from_slice(&spelled(random, &password));
        users.extend_from_slice(random.pick(&["\n", " # comment\n", "\r\n"]).as_bytes());
        users.extend_from_slice(
            random
                .pick(&[
                    "upsmon secondary\n",
                    "upsmon = slave\n",
                    "actions = login\n",
                ])
                .as_bytes(),
        );
        claims.push((name.clone(), password.clone()));
        claims.push((name, format!("{password}x")));
    }
    let servers = start_on("passwords", b"[u]\ndriver = none\nport = p\n", &users);
    let mut let_in = 0;
    for (from, (name, password)) in claims.iter().enumerate() {
        let mut pair = Pair::connect(&servers, from);
        pair.ask(format!("USERNAME \"{}\"\n", escaped(name)).as_bytes());
        pair.ask(format!("PASSWORD \"{}\"\n", escaped(password)).as_bytes());
        let [theirs, ours] = pair.ask(b"LOGIN u\n");
        assert_eq!(
            ours,
            theirs,
            "user {name:?}, password {password:?} of:\n{}",
            users.escape_ascii()
        );
        let_in += usize::from(theirs == "OK\n");
    }
    assert_eq!(let_in, claims.len() / 2, "each of them once");
}
