//! The peculiar ones: Fuji's, Ablerex', Richcomm's.

use super::{PACKETS, TEXT, bench, bench_with, configuration, read, set_report, silent};
use husk_driver::UsbTransfer::{ControlIn, In, Out};
use husk_driver::{Error, IoError, Setup, host};

#[test]
fn fuji_asks_by_an_endpoint_of_its_own() {
    let mut bench = bench("fuji");
    let answer = bench.ask(
        "Q1",
        vec![
            silent(8),
            (
                Out(2, vec![0x80, 6, 3, 3, b'Q', b'1', 0, 47]),
                Ok(Vec::new()),
            ),
            read(8, PACKETS[0]),
            read(8, PACKETS[1]),
        ],
    );
    assert_eq!(answer.unwrap(), TEXT);
    let answer = bench.ask(
        "S.5R0003",
        vec![
            silent(8),
            (
                Out(2, vec![0x80, 6, 4, 3, b'S', b'.', b'5', 0]),
                Ok(Vec::new()),
            ),
            silent(8),
        ],
    );
    assert_eq!(answer, Err(Error::Timeout));
    assert_eq!(bench.ask("S.5R0000", Vec::new()).unwrap(), b"S.5R0000");
    // Packets without anything in them are no answer, however many there are.
    let request = Out(2, vec![0x80, 6, 2, 3, b'F', 0, 0, 22]);
    let nothing = vec![silent(8), (request, Ok(Vec::new())), read(8, b"")];
    assert_eq!(bench.ask("F", nothing), Err(Error::Timeout));
}

#[test]
fn ablerex_gives_reports_and_is_asked_three_times() {
    let get = |answer: &[u8]| {
        let setup = Setup {
            request_type: 0xa1,
            request: 1,
            value: 0x0305,
            index: 0,
        };
        let mut report = answer.to_vec();
        report.resize(47, 0);
        (ControlIn(setup, 47), Ok(report))
    };
    let set = |line: &[u8]| {
        let mut report = vec![5, 0, line.len() as u8];
        report.extend(line);
        report.resize(47, 0);
        set_report(0x0305, &report)
    };
    let mut bench = bench("ablerex");
    let rating = b"#230.0 003 012.0 50.0";
    let whole = [&rating[..], b"\r"].concat();
    let before = host::now_ms();
    let answer = bench.ask(
        "F",
        vec![set(b"F\r"), get(b"(215.0\r"), set(b"F\r"), get(&whole)],
    );
    assert_eq!(answer.unwrap(), rating);
    assert_eq!(host::now_ms() - before, 1000, "half a second each time");
    let stale = || vec![set(b"Q1\r"), get(&whole)];
    let answer = bench.ask("Q1", [stale(), stale(), stale()].concat());
    assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
    // No zeros are invented for a Q5 that does not come, and one that comes may hold returns.
    let stale = || vec![set(b"Q5\r"), get(b"(\r")];
    let answer = bench.ask("Q5", [stale(), stale(), stale()].concat());
    assert_eq!(answer.unwrap(), b"Q5");
    let answer = bench.ask("Q5", vec![set(b"Q5\r"), get(b"(\r\r345678901234567890\r")]);
    assert!(matches!(answer, Ok(bytes) if bytes.len() == 21));
    assert_eq!(bench.ask("T", vec![set(b"T\r"), get(b"")]).unwrap(), b"");
}

#[test]
fn armac_moves_three_bytes_out_and_five_in() {
    let mut bench = bench("armac");
    let q1 = || {
        vec![
            silent(8),
            set_report(0x0200, &[0xa3, b'Q', b'1', b'\r']),
            set_report(0x0200, &[0xa1, 0, 0, 0]),
        ]
    };
    // The second packet says one byte more than it has.
    let answer = bench.ask(
        "Q1",
        [
            q1(),
            vec![
                read(8, b"\xc5(215."),
                read(8, b"\xc60 195"),
                read(8, b"\xc2.0\0\0\0"),
                read(8, b"\xc1\r\0\0\0\0"),
            ],
        ]
        .concat(),
    );
    assert_eq!(answer.unwrap(), TEXT);
    // Switched off: a zero first.
    let answer = bench.ask("Q1", [q1(), vec![read(8, b"\xc1\0\0\0\0\0")]].concat());
    assert_eq!(answer, Err(Error::Timeout));
    // Zeros among the flags are 0, elsewhere they end it.
    let mut status = b"(215.0 195.0 230.0 014 50.0 27.4 25.0 1000".to_vec();
    status.extend([0, 0, 0, b'1', b'\r']);
    let packets = status
        .chunks(5)
        .map(|piece| read(8, &[&[0xc0 | piece.len() as u8], piece].concat()));
    let answer = bench.ask("Q1", q1().into_iter().chain(packets).collect());
    assert!(answer.unwrap().ends_with(b" 10000001"));
    let answer = bench.ask("Q1", [q1(), vec![read(8, b"\xc5(2\x0015")]].concat());
    assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
    // No bytes: the end, before the return came.
    let answer = bench.ask(
        "Q1",
        [q1(), vec![read(8, b"\xc2(2"), read(8, b"\xc0")]].concat(),
    );
    assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
    for ignored in ["QGS", "QS", "QPI", "M", "D"] {
        assert_eq!(bench.ask(ignored, Vec::new()).unwrap(), ignored.as_bytes());
    }
}

#[test]
fn newer_armac_takes_a_line_at_once() {
    let configuration = configuration(&[0x82, 0x02], 64);
    let mut bench = bench_with(&configuration, &[("subdriver", "armac")]);
    let answer = bench.ask(
        "Q1",
        vec![
            (In(0x82, 64), Err(IoError::Timeout)),
            (Out(2, b"\xa4Q1\r\0".to_vec()), Ok(Vec::new())),
            (In(0x82, 64), Ok(b"\x8d(215.0 195.0\r".to_vec())),
        ],
    );
    assert_eq!(answer.unwrap(), TEXT);
}

#[test]
fn svc_is_unlocked_once_and_may_say_nothing_a_few_times() {
    let mut bench = bench("richcomm-svc");
    let mut letters: Vec<u8> = (0..64u8)
        .map(|at| at.wrapping_mul(73).wrapping_add(29))
        .collect();
    letters[0] = 0x40;
    assert_eq!(&letters[..4], [0x40, 102, 175, 248]);
    let mut steps = vec![set_report(0x0200, &[0x80, 0xd0, 0, 0])];
    steps.extend(letters.chunks(4).map(|piece| set_report(0x0200, piece)));
    let q1 = || {
        vec![
            silent(6),
            set_report(0x0200, &[0xa3, b'Q', b'1', b'\r']),
            set_report(0x0200, &[0xa1, 0, 0, 0]),
        ]
    };
    let answered = |idle: usize| {
        let mut steps: Vec<_> = (0..idle).map(|_| read(6, b"\xc0\0\0\0\0\0")).collect();
        steps.extend([read(6, b"\xc5(215."), read(6, b"\xc20\r\0\0\0")]);
        steps
    };
    steps.extend(q1());
    steps.extend(answered(5));
    assert_eq!(bench.ask("Q1", steps).unwrap(), b"(215.0");
    let again = [q1(), answered(0)].concat();
    assert_eq!(bench.ask("Q1", again).unwrap(), b"(215.0");
    let idle = (0..6).map(|_| read(6, b"\xc0\0\0\0\0\0"));
    let nothing = bench.ask("Q1", q1().into_iter().chain(idle).collect());
    assert_eq!(nothing, Err(Error::Timeout));
}
