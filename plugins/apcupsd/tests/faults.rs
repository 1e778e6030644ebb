//! A daemon that is gone, silent, slow, hangs up, talks something else or garbles: never a panic, never a false status.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{daemon, pieces, wire};
use husk_driver::{Act, Driver, Error, FakeStream, Report, Settings, Stream, Wake};
use husk_plugin_apcupsd::Apcupsd;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const ONLINE: &str = "APC      : 001,036,0866\nDATE     : 2025-01-07 20:36:08 +0000\nMODEL    : Back-UPS RS 1500MS2\n\
    STATUS   : ONLINE\nLINEV    : 123.0 Volts\nBCHARGE  : 100.0 Percent\nSTATFLAG : 0x05000008\n\
    END APC  : 2025-01-07 20:36:35 +0000\n";

/// Opens the driver on a good daemon, then has it poll one that answers so.
fn polled(acts: Vec<Act>) -> Result<Report, Error> {
    let mut answers = vec![acts, pieces(&wire(ONLINE), 99)];
    let daemon = daemon(move || answers.pop().unwrap_or_default());
    let mut driver = Apcupsd::open(daemon, &Settings::default(), None).unwrap();
    driver.poll(Wake::Interval)
}

#[test]
fn each_fault_fails_the_poll_in_time_and_says_what_it_was() {
    let good = wire(ONLINE);
    let mut cut = pieces(&good[..good.len() / 2], 50);
    cut.push(Act::HangUp);
    let mut slow: Vec<Act> = Vec::new();
    for piece in pieces(&good, 1) {
        slow.extend([Act::Wait(Duration::from_secs(1)), piece]);
    }
    for (acts, expected) in [
        (vec![Act::HangUp], "ended before the report"),
        (cut, "ended before the report"),
        (vec![], "in time"),
        (pieces(&good[..good.len() - 2], 50), "in time"),
        (slow, "in time"),
        (
            vec![Act::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())],
            "not apcupsd's",
        ),
        (
            pieces(b"\x00\x11Invalid command\n\x00\x00\x00", 9),
            "no STATUS",
        ),
        (vec![Act::Say([0, 1, b'\n'].repeat(500))], "records"),
        (
            pieces(&wire("STATUS   : COMMLOST\nSTATFLAG : 0x05000110\n"), 9),
            "lost its UPS",
        ),
        (pieces(&wire("LINEV    : 123.0 Volts\n"), 9), "no STATUS"),
    ] {
        let before = husk_driver::host::now_ms();
        let error = polled(acts).unwrap_err().to_string();
        let took = husk_driver::host::now_ms() - before;
        assert!(error.contains(expected), "{error}");
        assert!(took <= 8_000, "{error} after {took} ms");
    }
}

#[test]
fn a_daemon_that_comes_back_is_read_again() {
    let there = Rc::new(RefCell::new(true));
    let seen = Rc::clone(&there);
    let stream = Stream::new(FakeStream::new(move |heard| match heard {
        husk_driver::Heard::Connected => seen.borrow().then(Vec::new),
        husk_driver::Heard::Bytes(_) => Some(pieces(&wire(ONLINE), 9)),
    }));
    let mut driver = Apcupsd::open(stream, &Settings::default(), None).unwrap();
    *there.borrow_mut() = false;
    let gone = driver.poll(Wake::Interval).unwrap_err();
    assert!(gone.to_string().contains("no apcupsd answers"), "{gone}");
    *there.borrow_mut() = true;
    let report = driver.poll(Wake::Interval).unwrap();
    assert_eq!(report.value("input.voltage"), Some("123.0"));
}

#[test]
fn an_answer_of_nothing_is_not_apcupsd() {
    let daemon = daemon(|| pieces(b"\x00\x00", 9));
    let refused = Apcupsd::open(daemon, &Settings::default(), None).err();
    assert!(matches!(refused, Some(Error::NotMine(_))), "{refused:?}");
}

/// Numbers that repeat themselves with their seed (SplitMix64; Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }
}

#[test]
fn garbled_reports_never_panic_and_never_tell_of_an_outage() {
    let good = wire(ONLINE);
    let (mut served, mut failed) = (0, 0);
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let mut bytes = good.clone();
        for _ in 0..=dice.roll(4) {
            if bytes.is_empty() {
                break;
            }
            let at = dice.roll(bytes.len());
            match dice.roll(4) {
                0 => bytes[at] ^= 1 << dice.roll(8),
                1 => bytes[at] = dice.roll(256) as u8,
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let mut acts = pieces(&bytes, 1 + dice.roll(100));
        acts.push(Act::HangUp);
        match polled(acts) {
            Ok(report) => {
                served += 1;
                let words: Vec<_> = report.status_words().collect();
                assert!(
                    words.contains(&"OL") && !words.contains(&"OB"),
                    "seed {seed}: {words:?}"
                );
            }
            Err(_) => failed += 1,
        }
    }
    println!("{served} garbled reports were read, {failed} refused");
    assert!(served > 100 && failed > 100);
}
