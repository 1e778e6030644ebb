//! Debian's driver on the same simulated units: what it serves and how it cuts the power, compared with ours.

use super::{PATIENCE, name, outage, prepare};
use husk_tests::rig::{Scratch, Server, Which, incumbent_installed, wait_until};
use husk_tests::sim::Simulator;
use husk_tests::sim::apcsmart::{SmartUps, State};
use husk_tests::sim::recorded::Recorded;
use husk_tests::tool::Wire;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the unit heard after its status was asked for the last time: the shutdown. Debian's driver takes leave by R.
fn orders(ups: &SmartUps) -> String {
    let heard = ups.heard();
    let last = heard.iter().rposition(|byte| *byte == b'Q').unwrap();
    let orders = String::from_utf8_lossy(&heard[last + 1..]).into_owned();
    orders.trim_end_matches('R').to_owned()
}

/// Runs the driver once to cut the power of a unit in this state.
fn cut(which: Which, state: &State, options: &str) -> Option<String> {
    let ups = SmartUps::start(state.clone()).unwrap();
    let dir = prepare(&[ups.path()])?;
    let conf = fs::read_to_string(dir.path().join("ups.conf")).unwrap();
    dir.write("ups.conf", &format!("{conf}{options}")).unwrap();
    let mut command = match which {
        Which::Husk => Command::new(husk_tests::husk_binary()),
        Which::Incumbent => Command::new("/lib/nut/apcsmart"),
    };
    if which == Which::Husk {
        command.args(["driver", "apcsmart"]);
    }
    for name in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
        command.env(name, dir.path());
    }
    let done = command
        .args(["-a", "rack", "-u", "root", "-k"])
        .output()
        .unwrap();
    let taken = done.status.success() && ups.is_off();
    Some(format!(
        "{} {}",
        orders(&ups),
        if taken { "off" } else { "not off" }
    ))
}

#[test]
fn the_power_is_cut_as_documented_and_mostly_as_the_incumbents_driver_does() {
    let battery = outage();
    let mains = State::default();
    // On mains the incumbent's reads the status and does not believe it: an S, which does nothing there.
    for (state, options, ours, theirs) in [
        (&mains, "", "@000 off", "S not off"),
        (&battery, "", "S off", "S off"),
        (&mains, "  sdtype = 1\n", "@000 off", "S@000 off"),
        (&battery, "  sdtype = 1\n", "S off", "S off"),
        (&mains, "  sdtype = 2\n", "ZZ off", "ZZ off"),
        (&mains, "  sdtype = 3\n", "KK off", "KK off"),
        (&battery, "  sdtype = 4\n", "S off", "S off"),
        (&mains, "  sdtype = 5\n  awd = 7\n", "@007 off", "@007 off"),
        (&mains, "  advorder = 012\n", "S@000 off", "S@000 off"),
        (&mains, "  advorder = 02\n", "SKK off", "SKK off"),
    ] {
        let Some(said) = cut(Which::Husk, state, options) else {
            return;
        };
        assert_eq!(said, ours, "{options} mains {}", state.mains);
        if incumbent_installed() && Path::new("/lib/nut/apcsmart").exists() {
            let said = cut(Which::Incumbent, state, options).unwrap();
            assert_eq!(
                said.split(' ').next(),
                theirs.split(' ').next(),
                "{options} mains {}: {said}",
                state.mains
            );
        } else {
            husk_tests::skip(
                "the incumbent's way of cutting the power: nut-server is not installed",
            );
        }
    }
}

/// Everything that can be asked about a unit without changing it.
fn everything(server: &Server, ups: &str) -> Vec<String> {
    let mut wire = Wire::connect(server.port).unwrap();
    let mut replies = Vec::new();
    let listed = wire.ask(&format!("LIST VAR {ups}")).unwrap();
    let names: Vec<String> = listed
        .lines()
        .filter_map(|line| Some(line.strip_prefix("VAR ")?.split(' ').nth(1)?.to_owned()))
        .collect();
    replies.extend(listed.lines().map(str::to_owned));
    for list in ["RW", "CMD"] {
        let reply = wire.ask(&format!("LIST {list} {ups}")).unwrap();
        replies.extend(reply.lines().map(str::to_owned));
    }
    for name in &names {
        for question in ["LIST ENUM", "LIST RANGE", "GET TYPE"] {
            let reply = wire.ask(&format!("{question} {ups} {name}")).unwrap();
            replies.extend(reply.lines().map(str::to_owned));
        }
    }
    // What tells the programs apart, and what only drivers of 2.8.5 have.
    let apart = [
        "driver.",
        "shutdown.default",
        "server.info",
        "BEGIN LIST",
        "END LIST",
    ];
    replies.retain(|line| !apart.iter().any(|text| line.contains(text)));
    replies.sort();
    replies
}

/// Lines that differ on purpose: the incumbent's and ours. Texts come without the blanks the unit fills them up with.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "VAR rack device.model \"SMART-UPS 700   \"",
        "VAR rack device.model \"SMART-UPS 700\"",
    ),
    (
        "VAR rack ups.model \"SMART-UPS 700   \"",
        "VAR rack ups.model \"SMART-UPS 700\"",
    ),
];

const CAPABILITIES: &str = "#uD43132135138129uM43229234239224uA43110112114108uI43253264271280lD43103100097106\
    lM43177172168182lA43090092081085lI43196188208204e44200155090oI43230240220225oD13115oJ13100oM13208s441HMLL\
    q44202050710p443020180300600k4410TLNr443000060180300E443336168ON OFF";
const MATRIX: &str =
    "##uI43253257261265##lI43208204200196##e44200155090##oI43230240220225##E443336168ON OFF";
const THIRD: &str = "3.!$%+?=#|.\x01\x0e\x1a@ABCDEFGKLMNOPQSUVWXZ^abcdefgjklmnopqrsux/<>\x0c";

/// Units of other kinds, from the tables of the protocol: letters and answers; to all others they say NA.
const FAMILIES: &[&[(&str, &str)]] = &[
    // A third generation unit for America, with an output current and a list.
    &[
        ("V", "FWD"),
        ("b", "652.13.D"),
        ("a", THIRD),
        ("\x1a", CAPABILITIES),
        ("u", "132"),
        ("l", "103"),
        ("e", "00"),
        ("o", "115"),
        ("s", "H"),
        ("q", "02"),
        ("p", "020"),
        ("k", "0"),
        ("r", "000"),
        ("E", "ON "),
        ("/", "00.88"),
        ("L", "118.3"),
        ("x", "01/02/99"),
        ("c", "UPS_IDEN"),
        ("n", "AS0652112345"),
        ("j", "0112:"),
        ("C", "036.0"),
        ("X", "NO"),
        ("G", "R"),
        ("<", "000"),
        (">", "001"),
        ("B", "54.50"),
        ("\x0c", "E"),
        ("\x01", "Smart-UPS 1500 RM"),
    ],
    // A Matrix-UPS that says what it knows.
    &[
        ("V", "0WI"),
        ("b", "12.4.I"),
        ("a", "3.!$%+.\x01\x1aBELQSZKDWeolu<>/c"),
        ("\x1a", MATRIX),
        ("u", "257"),
        ("l", "208"),
        ("e", "15"),
        ("o", "230"),
        ("E", "168"),
        ("B", "52.80"),
        ("L", "229.3"),
        ("\x01", "MATRIX 3000"),
        ("<", "000"),
        (">", "002"),
        ("/", "05.60"),
        ("c", "MATRIX"),
    ],
    // A Smart-UPS 900I, known by its firmware.
    &[
        ("V", "7II"),
        ("L", "230.1"),
        ("E", "336"),
        ("B", "27.60"),
        ("c", "OLD"),
        ("g", "024"),
        ("9", "FF"),
        ("P", "020.8"),
    ],
    // A Matrix-UPS, known by its firmware.
    &[
        ("V", "0ZI"),
        ("L", "230.1"),
        ("/", "04.20"),
        ("<", "000"),
        (">", "002"),
        ("n", "WS9643000001"),
        ("r", "060"),
    ],
    // A Smart-UPS 600 that tells a voltage by `b`.
    &[("b", "FE"), ("L", "230.1"), ("P", "011.4"), ("B", "13.40")],
    // A Back-UPS CS 350.
    &[
        ("V", "5.4.D"),
        ("\x01", "BACK-UPS CS 350"),
        ("b", "5.4.D"),
        ("n", "BB0312345678"),
        ("B", "13.50"),
        ("P", "030.1"),
        ("f", "100.0"),
        ("j", "0021:"),
    ],
    // What answers `a` with something else.
    &[
        ("b", "42.J.I"),
        ("a", ".!$?.3"),
        ("n", "GS9803130582\0\0"),
        ("L", "228.8"),
        ("/", "01.10"),
    ],
    // A unit with a Measure-UPS: sensors, humidity, contacts; T is a temperature.
    &[
        ("V", "GWI"),
        ("b", "50.9.I"),
        ("a", "3.!$%+&.LQHTthi[]{}bV"),
        ("L", "228.8"),
        ("H", "45.2,39.1"),
        ("T", "24.50"),
        ("t", "25.10"),
        ("h", "042.5"),
        ("i", "10"),
        ("[", "40.00,41.00"),
        ("]", "10.00,11.00"),
        ("{", "80.0,81.0"),
        ("}", "20.0,21.0"),
    ],
    // A Smart-UPS RT: 192 V of batteries, T is the time since the start.
    &[
        ("V", "5YW"),
        ("b", "476.19.W"),
        ("a", "3.!$%+?=#|.\x01\x0eLQSTVbBf\x0c"),
        ("L", "228.8"),
        ("B", "218.1"),
        ("f", "100.0"),
        ("\x01", "Smart-UPS RT 10000 XL"),
        ("\x0c", "E"),
        ("T", "123.4"),
    ],
];

fn unit(answers: &[(&str, &str)]) -> Recorded {
    let exchange = |(send, receive): &(&str, &str)| serde_json::json!({ "send": send, "receive": format!("{receive}\r\n") });
    let mut exchanges: Vec<_> = answers.iter().map(exchange).collect();
    exchanges.extend([("Y", "SM"), ("Q", "08")].iter().map(exchange));
    let recording = serde_json::json!({ "exchanges": exchanges });
    let unit = Recorded::from_json(&recording).unwrap();
    unit.letter_by_letter().otherwise(b"NA\r\n")
}

#[test]
fn the_incumbents_driver_on_the_same_units_serves_the_same() {
    if !incumbent_installed() || !Path::new("/lib/nut/apcsmart").exists() {
        return husk_tests::skip("apcsmart beside the incumbent's: nut-server is not installed");
    }
    let ups = || SmartUps::start(State::default()).unwrap();
    let families = || -> Vec<Simulator> {
        let play = |answers: &&[(&str, &str)]| Simulator::start(unit(answers)).unwrap();
        FAMILIES.iter().map(play).collect()
    };
    let (one, other) = ((ups(), families()), (ups(), families()));
    let ports = |units: &(SmartUps, Vec<Simulator>)| -> Option<Scratch> {
        let more = units.1.iter().map(Simulator::path);
        prepare(
            &std::iter::once(units.0.path())
                .chain(more)
                .collect::<Vec<_>>(),
        )
    };
    let (Some(here), Some(there)) = (ports(&one), ports(&other)) else {
        return;
    };
    let names: Vec<String> = (0..=FAMILIES.len()).map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ours = Server::start_husk(here).unwrap();
    let theirs = Server::start(Which::Incumbent, there, &names).unwrap();
    let all = |server: &Server| -> Vec<String> {
        let served = |ups: &&str| {
            let mut wire = Wire::connect(server.port).unwrap();
            wait_until(PATIENCE, || wire.value(ups, "ups.status").unwrap() == "OL")
                .unwrap_or_else(|_| panic!("{ups}: {}", server.log()));
            everything(server, ups)
        };
        names.iter().flat_map(served).collect()
    };
    let (ours, theirs) = (all(&ours), all(&theirs));
    let only = |ones: &[String], others: &[String]| -> Vec<String> {
        let ones = ones.iter().filter(|line| !others.contains(line));
        ones.cloned().collect()
    };
    let (known_theirs, known_ours): (Vec<&str>, Vec<&str>) = DIFFERENT.iter().copied().unzip();
    assert_eq!(
        (
            only(&theirs, &ours)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            only(&ours, &theirs)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
        ),
        (known_theirs, known_ours),
        "only there, only here"
    );
    println!("{} lines of {} units compared", theirs.len(), names.len());
    assert!(theirs.len() > 300);
}
