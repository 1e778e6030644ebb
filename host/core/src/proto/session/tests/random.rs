//! Properties of a session that hold for whatever a client sends: 200 made-up conversations each, the same every time.

use super::*;
use crate::conf::lexer::Lexer;
use crate::proto::client::{self, Line, Lines, Listing};
use crate::random::Random;

const CONVERSATIONS: u64 = 200;

/// Words the session knows, and what surrounds them on a hostile day.
const FRAGMENTS: &[&[u8]] = &[
    b"GET ",
    b"LIST ",
    b"SET ",
    b"INSTCMD ",
    b"VAR ",
    b"RW ",
    b"UPS",
    b"CMD ",
    b"TYPE ",
    b"DESC ",
    b"CMDDESC ",
    b"ENUM ",
    b"RANGE ",
    b"CLIENT ",
    b"NUMLOGINS ",
    b"UPSDESC ",
    b"TRACKING ",
    b"ON",
    b"lab ",
    b"STALE ",
    b"down ",
    b"ups.status",
    b"ups.id ",
    b"input.sensitivity ",
    b"input.transfer.low ",
    b"server.version",
    b"beeper.toggle",
    b"load.off ",
    b"USERNAME ",
    b"admin",
    b"PASSWORD ",
    b"pw",
    b"LOGIN ",
    b"PRIMARY ",
    b"FSD ",
    b"VER",
    b"HELP",
    b"175",
    b"High",
    b"\r",
    b" ",
    b"=",
    b"\\",
    b"\\\n",
    b"\xc3\xa9",
    b"\0",
    b"\x7f",
];

/// A stream of requests: fragments, ended often; `also` comes in between now and then.
fn stream(random: &mut Random, also: &[&[u8]]) -> Vec<u8> {
    let mut stream = match random.one_in(2) {
        true => b"USERNAME admin\nPASSWORD pw\n".to_vec(),
        false => Vec::new(),
    };
    for _ in 0..random.below(200) {
        stream.extend_from_slice(match random.below(8) {
            0 | 1 => b"\n",
            2 if !also.is_empty() => random.pick(also),
            _ => random.pick(FRAGMENTS),
        });
    }
    stream.push(b'\n');
    stream
}

/// The whole conversation when the stream comes in these pieces; up to the session's end, if it ends.
fn held(pieces: &[&[u8]]) -> String {
    let mut world = World::new();
    let mut session = Session::new(PEER, Duration::ZERO);
    let mut transcript = String::new();
    for piece in pieces {
        transcript += &world.read(&mut session, piece);
        assert!(session.pending.capacity() <= 2 * limits::PENDING);
        if transcript.ends_with("! close\n") {
            break;
        }
    }
    transcript
}

fn replies(transcript: &str) -> impl Iterator<Item = &str> {
    transcript
        .lines()
        .filter_map(|line| line.strip_prefix("< "))
}

#[test]
fn any_bytes_get_lines_of_printable_ascii_or_nothing() {
    let also: &[&[u8]] = &[b"\"", b"#", b"STARTTLS\n", b"LOGOUT\n", &[b'x'; 600]];
    for seed in 0..CONVERSATIONS {
        let random = &mut Random::new(seed);
        let noise = match random.one_in(4) {
            true => random.bytes(&(0..=255).collect::<Vec<u8>>(), 9000),
            false => stream(random, also),
        };
        for line in replies(&held(&random.pieces(&noise, 4096))) {
            assert!(
                line.bytes().all(|byte| (0x20..=0x7f).contains(&byte)),
                "seed {seed}: {line:?}"
            );
        }
    }
}

/// Except for requests that cannot be read, which take the rest of their read with them.
#[test]
fn the_cut_of_the_stream_changes_no_byte_of_the_conversation() {
    for seed in 0..CONVERSATIONS {
        let random = &mut Random::new(seed);
        let stream = stream(random, &[b"\"", b"LOGOUT\n"]);
        let whole = held(&random.pieces(&stream, limits::PENDING));
        assert_eq!(held(&random.pieces(&stream, 1)), whole, "seed {seed}");
        assert_eq!(held(&random.pieces(&stream, 40)), whole, "seed {seed}");
    }
}

#[test]
fn every_line_gets_one_reply() {
    for seed in 0..CONVERSATIONS {
        let random = &mut Random::new(seed);
        let stream = stream(random, &[b"\"", b"\"\"", b" # "]);
        let mut lexer = Lexer::new();
        let mut lines = 0;
        for &byte in &stream {
            match lexer.push(byte) {
                Event::Nothing => {}
                Event::Line(_) => lines += 1,
                // Such a request is not answered; nor need more of this conversation be looked at.
                Event::Error { .. } => break,
            }
        }
        let transcript = held(&random.pieces(&stream, 100));
        let mut answered = 0;
        let mut in_list = false;
        for line in replies(&transcript) {
            in_list |= line.starts_with("BEGIN LIST ");
            in_list &= !line.starts_with("END LIST ");
            answered += usize::from(!in_list);
        }
        let unreadable = transcript.contains("cannot be read");
        assert!(
            answered == lines || unreadable && answered >= lines,
            "seed {seed}: {lines} lines, {answered} replies:\n{transcript}"
        );
    }
}

#[test]
fn the_server_reads_the_words_the_client_meant() {
    for seed in 0..5 * CONVERSATIONS {
        let random = &mut Random::new(seed);
        let words: Vec<String> = (0..1 + random.below(9)).map(|_| random.text(40)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let request = client::request(&words);
        let read = Line::parse(request.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!(read.words, words, "seed {seed}: {request}");
    }
}

/// A name from a file or a command line may hold anything; it must not become a second request, nor a second word.
#[test]
fn no_character_in_a_word_makes_two_of_it() {
    for code in 0..=0x2030 {
        let Some(odd) = char::from_u32(code) else {
            continue;
        };
        for word in [format!("a{odd}b"), odd.to_string(), format!("{odd}b")] {
            let request = client::request(&["GET", &word, "end"]);
            assert_eq!(request.matches('\n').count(), 1, "{request:?}");
            let read = Line::parse(request.strip_suffix('\n').unwrap()).unwrap();
            let kept: String = word
                .chars()
                .filter(|c| (' '..='\x7f').contains(c))
                .collect();
            assert_eq!(read.words, ["GET", &kept, "end"], "{request:?}");
        }
    }
}

#[test]
fn the_client_reads_the_value_the_device_has() {
    for seed in 0..CONVERSATIONS {
        let random = &mut Random::new(seed);
        let value = random.text(255);
        let mut world = World::new();
        let shown = Snapshot {
            freshness: Freshness::Fresh,
            variables: vec![writable("ups.id", &value, Kind::Text(255), &[&value], &[])],
            ..Snapshot::default()
        };
        world.show(shown);
        let mut session = Session::new(PEER, Duration::ZERO);
        let mut ask = |words: &[&str]| -> Vec<Line> {
            let transcript = world.read(&mut session, client::request(words).as_bytes());
            let mut lines = Lines::new();
            let bytes: String = replies(&transcript)
                .map(|line| format!("{line}\n"))
                .collect();
            let mut read = Vec::new();
            for piece in random.pieces(bytes.as_bytes(), 300) {
                lines.feed(piece);
                while let Some(line) = lines.next_line().unwrap() {
                    read.push(line);
                }
            }
            assert!(lines.is_empty());
            read
        };
        let said = ask(&["GET", "VAR", "lab", "ups.id"]);
        let query = ["VAR", "lab", "ups.id"];
        assert_eq!(
            client::answer(&query, &said[0]).unwrap(),
            [&*value],
            "seed {seed}"
        );
        for (query, row) in [
            (&["VAR", "lab"][..], &["ups.id", &value][..]),
            (&["RW", "lab"], &["ups.id", &value]),
            (&["ENUM", "lab", "ups.id"], &[&value]),
        ] {
            let mut listing = Listing::new(query);
            let said = ask(&[&["LIST"], query].concat());
            let rows = said.iter().find_map(|line| listing.take(line).unwrap());
            assert_eq!(rows.unwrap(), [row], "seed {seed}");
        }
    }
}

#[test]
fn any_reply_is_an_answer_or_an_error_to_the_client() {
    let fragments: &[&[u8]] = &[
        b"BEGIN LIST VAR lab",
        b"END LIST VAR lab",
        b"VAR lab ",
        b"ups.id ",
        b"\"a b\"",
        b"\"",
        b"\\",
        b"#",
        b"OK",
        b"ERR ",
        b"DATA-STALE",
        b" ",
        b"\r",
        b"\n",
        b"\xff",
        b"\n",
        &[b'x'; 300],
    ];
    for seed in 0..5 * CONVERSATIONS {
        let random = &mut Random::new(seed);
        let noise: Vec<u8> = (0..random.below(60))
            .flat_map(|_| random.pick(fragments).to_vec())
            .collect();
        let mut lines = Lines::new();
        let mut listing = Listing::new(&["VAR", "lab"]);
        'stream: for piece in random.pieces(&noise, 100) {
            lines.feed(piece);
            loop {
                match lines.next_line() {
                    Err(_) => break 'stream,
                    Ok(None) => break,
                    Ok(Some(line)) => {
                        assert!(!line.text.contains('\n'));
                        if let Ok(Some(rows)) = listing.take(&line) {
                            assert!(rows.len() <= limits::ROWS);
                        }
                        let _ = client::acknowledged(&line);
                        let given = client::answer(&["VAR", "lab"], &line);
                        assert!(given.is_err() || !given.unwrap().is_empty());
                    }
                }
            }
        }
    }
}
