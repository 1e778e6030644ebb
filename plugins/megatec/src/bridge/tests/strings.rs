//! The bridges whose answers are strings.

use super::{Bridge, Step, TEXT, bench, bench_with, configuration, read, silent};
use husk_driver::UsbTransfer::ClearHalt;
use husk_driver::{Error, IoError, RespondUsb, Settings, Usb, UsbIdentity, UsbTransfer};

fn string(index: u8, language: u16, max: u16, text: &str) -> Step {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bytes = [&[units.len() as u8 + 2, 3], units.as_slice()].concat();
    (descriptor(index, language, max), Ok(bytes))
}

fn descriptor(index: u8, language: u16, max: u16) -> UsbTransfer {
    UsbTransfer::String {
        index,
        language,
        max,
    }
}

/// The list of languages: English.
fn languages() -> Step {
    (descriptor(0, 0, 4), Ok(vec![4, 3, 9, 4]))
}

#[test]
fn krauler_reads_strings_and_asks_again_when_there_is_no_ack() {
    let mut bench = bench("krauler");
    let answer = bench.ask(
        "Q1",
        vec![
            languages(),
            string(3, 0x0409, 255, "UPS No Ack"),
            string(3, 0x0409, 255, "ups no ack\r"),
            string(3, 0x0409, 255, "\u{4}215.0 195.0\r"),
        ],
    );
    assert_eq!(answer.unwrap(), TEXT);
    let answer = bench.ask("I", vec![string(0x0c, 0x0409, 255, "?Legrand   \u{e9}")]);
    assert_eq!(answer.unwrap(), b"#Legrand   ?", "blanks are columns");
    for (command, number) in [("T", 4), ("TL", 5), ("Q", 7), ("C", 0x0b), ("CT", 0x0b)] {
        let answer = bench.ask(command, vec![string(number, 0x0409, 255, "ok")]);
        assert_eq!(answer.unwrap(), b"", "{command}");
    }
    let never: Vec<_> = (0..10)
        .map(|_| string(3, 0x0409, 255, "UPS No Ack"))
        .collect();
    assert_eq!(bench.ask("Q1", never), Err(Error::Timeout));
    // What cannot be said comes back, and nothing goes out.
    for command in ["T10", "S.5R0003", "QS", "M"] {
        assert_eq!(bench.ask(command, Vec::new()).unwrap(), command.as_bytes());
    }
}

#[test]
fn a_fixed_language_wants_whole_strings() {
    let options = [("subdriver", "krauler"), ("langid_fix", "0x4095")];
    let mut bench = bench_with(&configuration(&[], 8), &options);
    let cut = (descriptor(3, 0x4095, 255), Ok(vec![94, 3, b'(', 0]));
    let answer = bench.ask("Q1", vec![cut.clone(), string(3, 0x4095, 255, "(1")]);
    assert_eq!(answer.unwrap(), b"(1");
    let answer = bench.ask("Q1", vec![cut; 10]);
    assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
    // The beeper is toggled by reading, so it is read once.
    let cut = (descriptor(7, 0x4095, 255), Ok(vec![94, 3, b'o', 0]));
    let answer = bench.ask("Q", vec![cut]);
    assert!(matches!(answer, Err(Error::Failed(_))), "{answer:?}");
    let settings = Settings::new([("subdriver", "krauler"), ("langid_fix", "english")]);
    let usb = Usb::new(RespondUsb::new(
        UsbIdentity::default(),
        &[],
        |_: &UsbTransfer| Err(IoError::Stall),
    ));
    let refused = Bridge::open(usb, &settings).err();
    assert!(matches!(refused, Some(Error::BadSetting { .. })));
}

#[test]
fn languages_are_not_asked_for_when_told_so_and_english_when_there_are_none() {
    let options = [("subdriver", "krauler"), ("noscanlangid", "")];
    let mut bench = bench_with(&configuration(&[], 8), &options);
    let answer = bench.ask("F", vec![string(0x0d, 0x0409, 255, "#1")]);
    assert_eq!(answer.unwrap(), b"#1");
    let mut bench = bench_with(&configuration(&[], 8), &[("subdriver", "krauler")]);
    let answer = bench.ask(
        "F",
        vec![
            (descriptor(0, 0, 4), Err(IoError::Stall)),
            (ClearHalt(0x81), Err(IoError::Denied)),
            string(0x0d, 0x0409, 255, "#1"),
        ],
    );
    assert_eq!(answer.unwrap(), b"#1");
}

#[test]
fn fabula_says_no_ack_to_commands_it_takes() {
    let mut bench = bench("fabula");
    let answer = bench.ask("Q1", vec![languages(), string(3, 0x0409, 255, "(215.0")]);
    assert_eq!(answer.unwrap(), b"(215.0", "its first character is its own");
    for (command, number) in [
        ("Q", 7),
        ("C", 0x0a),
        ("S.5R0003", 0x18),
        ("S.5R0000", 0x10),
        ("S01R0001", 0x68),
        ("S10R0000", 0xf0),
    ] {
        let answer = bench.ask(command, vec![string(number, 0x0409, 255, "UPS No Ack")]);
        assert_eq!(answer.unwrap(), b"", "{command}");
    }
    // A string that is refused is a command that was not taken.
    let answer = bench.ask(
        "S.5R0003",
        vec![
            (descriptor(0x18, 0x0409, 255), Err(IoError::Stall)),
            (ClearHalt(0x81), Ok(Vec::new())),
        ],
    );
    assert!(matches!(answer, Err(Error::Protocol(_))), "{answer:?}");
    let silence = (descriptor(0x18, 0x0409, 255), Err(IoError::Timeout));
    let answer = bench.ask("S.5R0003", vec![silence]);
    assert!(matches!(answer, Err(Error::Failed(_))), "{answer:?}");
    assert_eq!(bench.ask("T", Vec::new()).unwrap(), b"T");
}

#[test]
fn hunnox_is_asked_in_lock_step() {
    let mut bench = bench("hunnox");
    let side = |index| (descriptor(index, 0x0409, 102), Err(IoError::Timeout));
    let opening = |index| (descriptor(index, 0x0409, 1026), Ok(Vec::new()));
    let wanted = |index| string(index, 0x0409, 102, "x");
    let turns = [
        ("Q1", vec![opening(0), opening(0), opening(1), wanted(3)]),
        ("Q1", vec![side(0x0d), wanted(3)]),
        ("Q1", vec![wanted(3)]),
        ("Q1", vec![side(0x0c), wanted(3)]),
        ("F", vec![wanted(0x0d)]),
        ("BL", vec![side(3), wanted(0xf3)]),
        ("I", vec![wanted(0x0c)]),
        ("Q1", vec![side(0x0d), wanted(3)]),
    ];
    for (turn, (command, steps)) in turns.into_iter().enumerate() {
        assert_eq!(bench.ask(command, steps).unwrap(), b"x", "turn {turn}");
    }
    let options = [
        ("subdriver", "hunnox"),
        ("novendor", ""),
        ("langid_fix", "0x4095"),
    ];
    let mut bench = bench_with(&configuration(&[], 8), &options);
    let opening = |index| (descriptor(index, 0x4095, 1026), Ok(Vec::new()));
    let wanted = |index| string(index, 0x4095, 102, "x");
    let side = |index| (descriptor(index, 0x4095, 102), Ok(Vec::new()));
    for (turn, steps) in [
        vec![opening(0), opening(0), opening(1), wanted(3)],
        vec![side(0x0d), wanted(3)],
        vec![wanted(3)],
        vec![wanted(3)],
        vec![side(0x0d), wanted(3)],
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(bench.ask("Q1", steps).unwrap(), b"x", "turn {turn}");
    }
}

#[test]
fn snr_wants_an_interrupt_before_each_string() {
    let mut bench = bench("snr");
    let answer = bench.ask(
        "Q1",
        vec![silent(102), string(3, 0x0409, 102, "\u{1}215.0")],
    );
    assert_eq!(answer.unwrap(), b"(215.0");
    let answer = bench.ask(
        "F",
        vec![
            read(102, &[0; 8]),
            string(0x0d, 0x0409, 102, "UPS No Ack"),
            string(0x0d, 0x0409, 102, "\u{1}230.0"),
        ],
    );
    assert_eq!(answer.unwrap(), b"#230.0");
    assert_eq!(bench.ask("T", Vec::new()).unwrap(), b"T");
}
