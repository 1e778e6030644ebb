//! Properties of the files' readers that hold for any bytes; 300 made-up files each, the same every time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::lexer::{Event, Lexer, MAX_WORD, MAX_WORDS, escape};
use super::{descriptions, diag::Diagnostic, nut, ups, upsd, upsmon, upssched, users};
use crate::random::Random;

const FILES: u64 = 300;
/// What no message may ever show.
const SECRET: &str = "hunter2";

const FRAGMENTS: &[&[u8]] = &[
    b"[ups]",
    b"[",
    b"]",
    b"driver",
    b"dummy-ups",
    b"port = auto",
    b"desc",
    b"=",
    b" = ",
    b"\"",
    b"\\",
    b"#",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\n",
    b"\n",
    b"\\\n",
    b"override.",
    b"default.battery.charge",
    b"ignorelb",
    b"pollinterval = 5",
    b"sdorder = ",
    b"99999999999999999999",
    b"-1",
    b"LISTEN ",
    b"127.0.0.1 ",
    b"MAXAGE ",
    b"CERTREQUEST ",
    b"MAXCONN ",
    b"ALLOW_NO_DEVICE ",
    b"user",
    b"actions = SET",
    b"instcmds = ALL",
    b"upsmon primary",
    b"VARDESC ",
    b"MODE=",
    b"netserver",
    b"UPSD_OPTIONS=",
    b"'",
    b"CMDDESC ",
    b"\xc3\xa9",
    b"\0",
    b"\xff",
    b"MONITOR ",
    b"u@h 1 user pass ",
    b"NOTIFYMSG ONLINE ",
    b"NOTIFYFLAG ",
    b"SHUTDOWNEXIT ",
    b"AT ONBATT * ",
    b"START-TIMER ",
    b"x",
];

fn file(random: &mut Random, also: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for _ in 0..random.below(120) {
        let from = if random.one_in(6) && !also.is_empty() {
            also
        } else {
            FRAGMENTS
        };
        file.extend_from_slice(random.pick(from));
    }
    file
}

/// What every reader has to say about a file.
fn complaints(file: &[u8]) -> Vec<Diagnostic> {
    [
        ups::parse("ups.conf", file).1,
        upsd::parse("upsd.conf", file).1,
        users::parse("upsd.users", file).1,
        descriptions::parse("cmdvartab", file).1,
        nut::parse("nut.conf", file).1,
        upsmon::parse("upsmon.conf", file).1,
        upssched::parse("upssched.conf", file).1,
    ]
    .concat()
}

#[test]
fn complaints_point_into_the_file() {
    for seed in 0..FILES {
        let random = &mut Random::new(seed);
        let file = file(random, &[]);
        let lines: Vec<&[u8]> = file.split(|&byte| byte == b'\n').collect();
        for found in complaints(&file) {
            let line = lines
                .get(found.line as usize - 1)
                .unwrap_or_else(|| panic!("seed {seed}: {found}"));
            let col = found.col as usize;
            assert!((1..=line.len() + 1).contains(&col), "seed {seed}: {found}");
            assert!(
                found.len >= 1 && found.to_string().lines().count() <= 4,
                "seed {seed}: {found}"
            );
        }
    }
}

/// However the line that holds it is broken, as long as the lines around it are not.
#[test]
fn a_secret_is_shown_by_no_complaint() {
    let names = [
        "password",
        "Password",
        "pasword",
        "community",
        "authPassword",
        "CERTIDENT name",
        "secret",
        "MONITOR u@h 1 user",
        "MONITOR u@h 1",
        "MONITR u@h 1 user",
    ];
    let equals = [
        " = ",
        "=",
        " ",
        " = = ",
        " = \\\n ",
        "\\\n = ",
        " = \\\n \\\n ",
    ];
    let values = [
        "hunter2",
        "\"hunter2\"",
        "\"\nhunter2\"",
        "\\\nhunter2",
        "a hunter2",
        "\"a#hunter2\"",
        "\"a\\\"hunter2",
    ];
    let ends = [
        "",
        " x",
        " = x",
        "#",
        "\"",
        " \"",
        "\\",
        " \"a # b\"",
        "\u{e9}",
    ];
    for seed in 0..10 * FILES {
        let random = &mut Random::new(seed);
        let line = format!(
            "{}{}{}{}\n",
            random.pick(&names),
            random.pick(&equals),
            random.pick(&values),
            random.pick(&ends),
        );
        let before = random.pick(&[
            "",
            "[user]\n",
            "[ups]\n driver = x\n",
            "what is this\n",
            "# a comment\n",
        ]);
        let after = random.pick(&["", "\n", "actions = SET\n", "\"\n", "\"\nwhat is this\n"]);
        for found in complaints(format!("{before}{line}{after}").as_bytes()) {
            if found.file == "nut.conf" {
                // It holds no secrets.
                continue;
            }
            let text = format!("{found} {found:?}");
            assert!(!text.contains(SECRET), "seed {seed}: {found}\nin {line}");
        }
    }
}

#[test]
fn an_escaped_text_is_one_word() {
    for seed in 0..FILES {
        let random = &mut Random::new(seed);
        let text = random.text(MAX_WORD);
        let line = format!("desc = \"{}\"\n", escape(&text));
        let mut lexer = Lexer::new();
        let words = line.bytes().find_map(|byte| match lexer.push(byte) {
            Event::Nothing => None,
            Event::Line(words) => Some(words),
            Event::Error { message, .. } => panic!("seed {seed}: {message}"),
        });
        let words = words.unwrap();
        assert_eq!(words.len(), 3, "seed {seed}");
        assert_eq!(words[2].text, text, "seed {seed}");
    }
}

#[test]
fn the_lexer_keeps_its_bounds_and_recovers() {
    for seed in 0..FILES {
        let random = &mut Random::new(seed);
        let noise = file(random, &[&[b'y'; 700], b" a b c d e f g h i j k l m"]);
        let mut lexer = Lexer::new();
        let mut events: Vec<Event> = noise.iter().map(|&byte| lexer.push(byte)).collect();
        events.push(lexer.finish());
        for event in events {
            let (Event::Line(words) | Event::Error { words, .. }) = event else {
                continue;
            };
            assert!(words.len() <= MAX_WORDS);
            for word in words {
                assert!(word.text.len() <= MAX_WORD);
                assert!(word.text.bytes().all(|byte| (0x20..=0x7f).contains(&byte)));
            }
        }
        lexer.reset();
        let last = b"a b\n".map(|byte| lexer.push(byte));
        assert!(
            matches!(&last[3], Event::Line(words) if words.len() == 2),
            "seed {seed}"
        );
    }
}
