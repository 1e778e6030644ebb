//! Every bridge, byte by byte: which transfers a command becomes, in which order, and what is made of the answers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod odd;
mod strings;

use super::Bridge;
use crate::link::{Expect, Link as _};
use husk_driver::UsbTransfer::{ClearHalt, ControlOut, In, Reset};
use husk_driver::{
    Error, IoError, RespondUsb, Settings, Setup, Usb, UsbIdentity, UsbTransfer, host,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

type Step = (UsbTransfer, Result<Vec<u8>, IoError>);
type Steps = Rc<RefCell<VecDeque<Step>>>;

/// A bridge that is told by `subdriver` what it is, and the transfers it is to be asked for, one after another.
struct Bench {
    bridge: Bridge,
    steps: Steps,
}

const ENDPOINTS: [u8; 3] = [0x81, 0x02, 0x83];

fn configuration(endpoints: &[u8], packet: u8) -> Vec<u8> {
    let mut bytes = vec![9, 2, 0, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 0, 3, 0, 0, 0];
    for endpoint in endpoints {
        bytes.extend([7, 5, *endpoint, 3, packet, 0, 10]);
    }
    bytes
}

fn bench_with(configuration: &[u8], options: &[(&str, &str)]) -> Bench {
    let steps = Steps::default();
    let played = Rc::clone(&steps);
    let device = move |transfer: &UsbTransfer| {
        let (expected, answer) = played
            .borrow_mut()
            .pop_front()
            .unwrap_or_else(|| panic!("asked for {transfer:02x?}, nothing was expected"));
        assert_eq!(*transfer, expected);
        answer
    };
    let usb = Usb::new(RespondUsb::new(
        UsbIdentity::default(),
        configuration,
        device,
    ));
    let settings = Settings::new(options.iter().copied());
    let bridge = Bridge::open(usb, &settings).unwrap();
    Bench { bridge, steps }
}

fn bench(subdriver: &str) -> Bench {
    bench_with(&configuration(&ENDPOINTS, 8), &[("subdriver", subdriver)])
}

impl Bench {
    /// Asks, and checks that everything expected was done.
    fn ask(&mut self, command: &str, steps: Vec<Step>) -> Result<Vec<u8>, Error> {
        *self.steps.borrow_mut() = steps.into();
        let answer = self.bridge.ask(command.as_bytes(), &Expect::LINE);
        let left = self.steps.borrow().clone();
        assert!(left.is_empty(), "never asked for {left:02x?}");
        answer
    }
}

fn set_report(value: u16, report: &[u8]) -> Step {
    let setup = Setup {
        request_type: 0x21,
        request: 9,
        value,
        index: 0,
    };
    (ControlOut(setup, report.to_vec()), Ok(Vec::new()))
}

fn read(max: u16, packet: &[u8]) -> Step {
    (In(0x81, max), Ok(packet.to_vec()))
}

fn silent(max: u16) -> Step {
    (In(0x81, max), Err(IoError::Timeout))
}

/// Q1 of the sheet, shortened, in packets of eight bytes as they come, zeros behind the end.
const PACKETS: [&[u8]; 2] = [b"(215.0 1", b"95.0\r\0\0\0"];
const TEXT: &[u8] = b"(215.0 195.0";

#[test]
fn cypress_cuts_eight_bytes_and_reads_until_a_return() {
    let mut bench = bench("cypress");
    let answer = bench.ask(
        "Q1",
        vec![
            silent(8),
            set_report(0x0200, b"Q1\r\0\0\0\0\0"),
            read(8, PACKETS[0]),
            read(8, PACKETS[1]),
        ],
    );
    assert_eq!(answer.unwrap(), TEXT);
    // Nine bytes are two reports; silence is no answer.
    let before = host::now_ms();
    let answer = bench.ask(
        "S.5R0003",
        vec![
            silent(8),
            set_report(0x0200, b"S.5R0003"),
            set_report(0x0200, b"\r\0\0\0\0\0\0\0"),
            silent(8),
        ],
    );
    assert_eq!(answer, Err(Error::Timeout));
    assert_eq!(host::now_ms() - before, 25 + 1000);
    // What is left over is thrown away before, and an answer that breaks off is none.
    let answer = bench.ask(
        "F",
        vec![
            read(8, b"(000.0 0"),
            silent(8),
            set_report(0x0200, b"F\r\0\0\0\0\0\0"),
            read(8, b"#230.0 0"),
            silent(8),
        ],
    );
    assert_eq!(
        host::now_ms() - before,
        25 + 1000 + 25 + 3000,
        "its answers are late"
    );
    assert!(
        matches!(&answer, Err(Error::Protocol(why)) if why.contains("#230.0 0")),
        "{answer:?}"
    );
}

#[test]
fn cypress_gets_no_command_while_it_talks() {
    let mut bench = bench("cypress");
    let talk = (0..16).map(|_| read(8, b"(000.0 0")).collect();
    let answer = bench.ask("T", talk);
    assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    let mut bench = bench("cypress");
    let mut steps = vec![silent(8), set_report(0x0200, b"Q1\r\0\0\0\0\0")];
    steps.extend((0..32).map(|_| read(8, b"((((((((")));
    let answer = bench.ask("Q1", steps);
    assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
}

#[test]
fn bytes_that_may_be_anything_may_be_returns() {
    let mut bench = bench("cypress");
    *bench.steps.borrow_mut() = vec![
        silent(8),
        set_report(0x0200, b"QS\r\0\0\0\0\0"),
        read(8, b"#\r\r\0a b\r"),
        read(8, b"c\r\0\0\0\0\0\0"),
    ]
    .into();
    let expect = Expect {
        raw: 8,
        ..Expect::LINE
    };
    let answer = bench.bridge.ask(b"QS", &expect);
    assert_eq!(answer.unwrap(), b"#\r\r\0a b\rc");
}

#[test]
fn phoenix_empties_the_bridge_for_longer_and_clears_its_halts() {
    let mut bench = bench("phoenix");
    let before = host::now_ms();
    let answer = bench.ask(
        "Q1",
        vec![
            read(8, b"00001001"),
            silent(8),
            set_report(0x0200, b"Q1\r\0\0\0\0\0"),
            read(8, b"(\r\0\0\0\0\0\0"),
        ],
    );
    assert_eq!(answer.unwrap(), b"(");
    assert_eq!(host::now_ms() - before, 100);
    let answer = bench.ask(
        "Q1",
        vec![
            (In(0x81, 8), Err(IoError::Stall)),
            (ClearHalt(0x81), Ok(Vec::new())),
            set_report(0x0200, b"Q1\r\0\0\0\0\0"),
            read(8, b"(\r\0\0\0\0\0\0"),
        ],
    );
    assert_eq!(answer.unwrap(), b"(");
}

#[test]
fn ippon_sends_to_two_and_reads_once() {
    let mut bench = bench("ippon");
    let mut packet = b"(215.0\r".to_vec();
    packet.resize(64, b'?');
    let answer = bench.ask(
        "Q1",
        vec![
            silent(64),
            set_report(0x0002, b"Q1\r\0\0\0\0\0"),
            read(64, &packet),
        ],
    );
    assert_eq!(answer.unwrap(), b"(215.0");
    // Settled: nothing is read before the command. An empty answer is a zero and the end.
    let mut packet = b"\0\r".to_vec();
    packet.resize(64, b'?');
    let answer = bench.ask(
        "T",
        vec![set_report(0x0002, b"T\r\0\0\0\0\0\0"), read(64, &packet)],
    );
    assert_eq!(answer.unwrap(), b"");
    let answer = bench.ask(
        "I",
        vec![
            set_report(0x0002, b"I\r\0\0\0\0\0\0"),
            read(64, b"#Ippon\0\0\0"),
        ],
    );
    assert_eq!(
        answer.unwrap(),
        b"#Ippon",
        "a zero ends it when no return does"
    );
}

#[test]
fn omron_sends_sixteen_bytes() {
    let mut bench = bench("omron");
    let answer = bench.ask(
        "Bl ?",
        vec![
            silent(64),
            set_report(0x0002, b"Bl ?\r\0\0\0\0\0\0\0\0\0\0\0"),
            read(64, b"100"),
        ],
    );
    assert_eq!(answer.unwrap(), b"100");
    let answer = bench.ask(
        "S.5R0003S.5R0003",
        vec![
            set_report(0x0002, b"S.5R0003S.5R0003"),
            set_report(0x0002, b"\r\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            read(64, b"OK\r"),
        ],
    );
    assert_eq!(answer.unwrap(), b"OK");
}

#[test]
fn gtec_sends_to_two_and_reads_a_hundred_and_twenty_eight() {
    let mut bench = bench("gtec");
    let answer = bench.ask(
        "Q4",
        vec![
            silent(128),
            set_report(0x0002, b"Q4\r\0\0\0\0\0"),
            read(128, b"(230.0 "),
            read(128, b"M\r"),
        ],
    );
    assert_eq!(answer.unwrap(), b"(230.0 M");
}

#[test]
fn sgs_counts_its_bytes_and_ends_in_silence() {
    let mut bench = bench("sgs");
    let answer = bench.ask(
        "Q1",
        vec![
            silent(8),
            set_report(0x0200, b"\x03Q1\r\0\0\0\0"),
            read(8, b"\x07(215.0 "),
            read(8, b"\x02195.0\0\0"),
            silent(8),
        ],
    );
    assert_eq!(answer.unwrap(), b"(215.0 19");
    let answer = bench.ask(
        "S.5R0003",
        vec![
            set_report(0x0200, b"\x07S.5R000"),
            set_report(0x0200, b"\x023\r\0\0\0\0\0"),
            silent(8),
        ],
    );
    assert_eq!(answer, Err(Error::Timeout));
}

#[test]
fn phoenixtec_takes_whole_lines_and_is_silent_about_commands() {
    let vendor = |data: &[u8]| {
        let setup = Setup {
            request_type: 0x42,
            request: 0x0d,
            value: 0,
            index: 0,
        };
        (ControlOut(setup, data.to_vec()), Ok(Vec::new()))
    };
    let mut bench = bench("phoenixtec");
    let answer = bench.ask(
        "MSO",
        vec![silent(64), vendor(b"MSO\r"), read(64, b"(230\r")],
    );
    assert_eq!(answer.unwrap(), b"(230");
    for command in ["T", "TL", "S.5R0003", "FCLR,01", "SS---1,01"] {
        let line = format!("{command}\r");
        let answer = bench.ask(command, vec![vendor(line.as_bytes())]);
        assert_eq!(answer.unwrap(), b"", "{command}");
        // What it says to that unasked is not the next answer.
        let answer = bench.ask(
            "MSO",
            vec![
                read(64, b"ACK\r"),
                silent(64),
                vendor(b"MSO\r"),
                read(64, b"(230\r"),
            ],
        );
        assert_eq!(answer.unwrap(), b"(230");
    }
}

#[test]
fn a_command_that_is_not_taken_is_no_silence() {
    for error in [IoError::Timeout, IoError::Stall, IoError::Overflow] {
        let mut bench = bench("cypress");
        let (transfer, _) = set_report(0x0200, b"T\r\0\0\0\0\0\0");
        let mut steps = vec![silent(8), (transfer, Err(error.clone()))];
        if error == IoError::Stall {
            steps.push((ClearHalt(0x81), Ok(Vec::new())));
        }
        let answer = bench.ask("T", steps);
        assert!(
            matches!(answer, Err(Error::Protocol(_))),
            "{error}: {answer:?}"
        );
    }
}

#[test]
fn two_overflows_are_failed_queries_and_the_third_resets() {
    let mut bench = bench("cypress");
    let query = |answer| {
        vec![
            silent(8),
            set_report(0x0200, b"Q1\r\0\0\0\0\0"),
            (In(0x81, 8), answer),
        ]
    };
    let overflow = || query(Err(IoError::Overflow));
    for round in 0..2 {
        for _ in 0..2 {
            let answer = bench.ask("Q1", overflow());
            assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
        }
        match round {
            // An answer between them begins the count anew.
            0 => assert!(bench.ask("Q1", query(Ok(b"(\r".to_vec()))).is_ok()),
            _ => {
                let third = [overflow(), vec![(Reset, Ok(Vec::new()))]].concat();
                assert_eq!(bench.ask("Q1", third), Err(Error::Lost));
            }
        }
    }
}

#[test]
fn a_halt_that_stays_resets_and_a_bus_that_fails_is_a_lost_port() {
    let mut bench = bench("cypress");
    let q1 = || vec![silent(8), set_report(0x0200, b"Q1\r\0\0\0\0\0")];
    let halted = (In(0x81, 8), Err(IoError::Stall));
    let stays = (ClearHalt(0x81), Err(IoError::Timeout));
    let reset = (Reset, Ok(Vec::new()));
    let answer = bench.ask("Q1", [q1(), vec![halted, stays, reset]].concat());
    assert_eq!(answer, Err(Error::Lost));
    for error in [
        IoError::Disconnected,
        IoError::NotFound,
        IoError::Other("input/output error".to_owned()),
    ] {
        let gone = (In(0x81, 8), Err(error));
        assert_eq!(bench.ask("Q1", vec![gone.clone()]), Err(Error::Lost));
        assert_eq!(
            bench.ask("Q1", [q1(), vec![gone]].concat()),
            Err(Error::Lost)
        );
    }
}
