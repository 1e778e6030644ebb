//! Made-up requests and words, and the odd ways to spell them.

use husk_tests::random::Random;

pub(crate) const LAB: &str = r#"
battery.charge: 97
input.transfer.low: 170
ups.id: rack 7
ups.mfr: Big Corp
ups.status: OL CHRG
"#;

/// The first words of requests. Of those that change what others see, `FSD` and `LOGOUT` are rarer.
const VERBS: &[&str] = &[
    "GET VAR",
    "GET VAR",
    "GET TYPE",
    "GET DESC",
    "GET CMDDESC",
    "GET UPSDESC",
    "GET NUMLOGINS",
    "GET TRACKING",
    "GET",
    "LIST VAR",
    "LIST RW",
    "LIST CMD",
    "LIST UPS",
    "LIST ENUM",
    "LIST RANGE",
    "LIST CLIENT",
    "LIST",
    "SET VAR",
    "SET VAR",
    "SET TRACKING",
    "SET",
    "INSTCMD",
    "INSTCMD",
    "LOGIN",
    "PRIMARY",
    "MASTER",
    "USERNAME",
    "PASSWORD",
    "NETVER",
    "VER",
    "STARTTLS",
    "NOSUCH",
    "",
];
const RARE: &[&str] = &["FSD", "LOGOUT", "HELP x"];
const UPSES: &[&str] = &["lab", "lab", "lab", "second", "down", "nosuch"];
/// Variables, commands, values and nonsense. `upstream.` in front of a variable is newer than Debian's 2.8.0.
const WORDS: &[&str] = &[
    "ups.status",
    "ups.id",
    "ups.mfr",
    "battery.charge",
    "input.transfer.low",
    "device.type",
    "no.such",
    "server.info",
    "server.none",
    "load.off",
    "beeper.mute",
    "test.battery.start",
    "no.such.command",
    "ON",
    "OFF",
    "MAYBE",
    "admin",
    "secret",
    "mon",
    "7",
    "-1",
    "175.9",
    "a b",
    "say \"hi\"",
    "1#2",
    "back\\slash",
    "x=y",
    "",
    "=",
    "1bd31808-cb49-4aec-9d75-d056e6f018d2",
    TOO_LONG,
];

const TOO_LONG: &str = "a value that is much longer than the thirty-two bytes a variable takes";
/// What both devices can be told, and have already.
const LAB_VALUES: &[(&str, &str)] = &[
    ("battery.charge", "97"),
    ("input.transfer.low", "170"),
    ("ups.id", "rack 7"),
    ("ups.mfr", "Big Corp"),
    ("ups.status", "OL CHRG"),
];

/// Words that make a good request of a verb.
const FITTING: &[(&str, &[&str])] = &[
    (
        "SET VAR",
        &["ups.id", "battery.charge", "device.type", "no.such"],
    ),
    ("SET TRACKING", &["ON", "OFF"]),
    ("INSTCMD", &["load.off", "LOAD.OFF", "no.such"]),
    ("GET VAR", &["ups.id", "ups.status", "battery.charge"]),
    ("GET TYPE", &["ups.id", "device.type"]),
    ("GET DESC", &["ups.id", "no.such"]),
    ("GET CMDDESC", &["load.off", "no.such"]),
    ("LIST ENUM", &["ups.id", "no.such"]),
    ("LIST RANGE", &["ups.id", "no.such"]),
    ("USERNAME", &["admin", "mon"]),
];

/// A request, spelled the odd ways a lexer has to put up with.
pub(crate) fn request(random: &mut Random) -> Vec<u8> {
    let verb = if random.one_in(25) {
        random.pick(RARE)
    } else {
        random.pick(VERBS)
    };
    let mut words: Vec<&str> = verb.split(' ').collect();
    if !random.one_in(12)
        && !matches!(
            verb,
            "USERNAME" | "PASSWORD" | "SET TRACKING" | "GET TRACKING"
        )
    {
        words.push(random.pick(UPSES));
    }
    if let Some((_, fitting)) = FITTING
        .iter()
        .find(|(known, _)| *known == verb && !random.one_in(4))
    {
        words.push(random.pick(fitting));
    }
    let more = match random.below(4) {
        0 => random.below(3),
        _ => usize::from(verb == "SET VAR"),
    };
    for _ in 0..more {
        words.push(random.pick(WORDS));
    }
    // A value that is taken must be the one that is there: the incumbent's driver takes up to seconds to show another, and
    // its server of that age hands values over without escapes.
    if let Some((name, value)) = LAB_VALUES
        .iter()
        .find(|(name, _)| verb == "SET VAR" && words.get(3) == Some(name))
    {
        words.truncate(4);
        words.push(if *name == "ups.id" && random.one_in(2) {
            TOO_LONG
        } else {
            value
        });
    }
    let mut line = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.extend_from_slice(
                random
                    .pick(&[" ", " ", " ", "\t", "  ", "\r ", "\u{b}"])
                    .as_bytes(),
            );
        }
        if word.is_empty() && at == 0 {
            continue;
        }
        let word = any_case(random, word);
        line.extend_from_slice(&spelled(random, &word));
    }
    line.extend_from_slice(
        random
            .pick(&["\n", "\n", "\n", "\r\n", " \n", " # why\n", "#\n"])
            .as_bytes(),
    );
    if random.one_in(40) {
        // Not a request at all: neither server answers it.
        line = b"GET VAR lab \"ups.id # x\n".to_vec();
    }
    line
}

fn any_case(random: &mut Random, word: &str) -> String {
    match random.below(6) {
        // User names, passwords and values mean what they say.
        _ if WORDS.contains(&word) || LAB_VALUES.iter().any(|(_, value)| *value == word) => {
            word.to_owned()
        }
        0 => word.to_lowercase(),
        1 => word.to_uppercase(),
        _ => word.to_owned(),
    }
}

/// A way to write a word so that it is read as it is: quotes, backslashes, joined lines, and bytes no word keeps.
pub(crate) fn spelled(random: &mut Random, word: &str) -> Vec<u8> {
    let quoted = word.is_empty() || word.contains(' ') || random.one_in(4);
    let mut spelled = Vec::new();
    if quoted {
        spelled.push(b'"');
    }
    for (at, byte) in word.bytes().enumerate() {
        let special = match byte {
            b'#' | b'\\' => true,
            b'"' => quoted || at == 0,
            b'=' | b' ' => !quoted,
            _ => false,
        };
        if special || random.one_in(30) {
            spelled.push(b'\\');
        }
        spelled.push(byte);
        match random.below(120) {
            0 => spelled.extend_from_slice("\u{e9}".as_bytes()),
            1 => spelled.push(1),
            2 => spelled.extend_from_slice(b"\\\n"),
            3 if quoted => spelled.push(b'\n'),
            _ => {}
        }
    }
    if quoted {
        spelled.push(b'"');
    }
    spelled
}

const LETTERS: &[u8] = b"abcXYZ019 \"\\#='.,-_[]{}$%&";

pub(crate) fn text(random: &mut Random, most: usize) -> String {
    let len = 1 + random.below(most);
    (0..len)
        .map(|_| char::from(LETTERS[random.below(LETTERS.len())]))
        .collect()
}

pub(crate) fn escaped(text: &str) -> String {
    let escape = |c| matches!(c, '"' | '\\' | '#');
    text.chars()
        .flat_map(|c| escape(c).then_some('\\').into_iter().chain([c]))
        .collect()
}
