//! Finding a name in the tables, and the known name nearest to an unknown one.

use crate::{COMMANDS, STATUS, ambient, battery, device, driver, input, outlet, output, ups};
use crate::{CmdInfo, StatusInfo, VarInfo};

/// Names longer than this are not searched for neighbours; NUT's own buffers end at 256, ours at 128 bytes.
const MAX_NAME: usize = 128;

const DOMAINS: [&[VarInfo]; 8] = [
    device::ROWS,
    ups::ROWS,
    input::ROWS,
    output::ROWS,
    battery::ROWS,
    ambient::ROWS,
    outlet::ROWS,
    driver::ROWS,
];

/// Every variable, by domain.
pub static VARIABLES: &[VarInfo] = &concat::<{ total() }>();

/// What a name may be reduced to when it is not in the tables itself: each step drops an index or a sub-domain.
const REDUCTIONS: [(&str, &str); 11] = [
    ("outlet.group.#.", "outlet."),
    ("outlet.#.", "outlet."),
    ("ambient.#.", "ambient."),
    ("device.#.", "device."),
    ("device.#.", ""),
    ("input.#.", "input."),
    ("input.bypass.", "input."),
    ("input.servicebypass.", "input."),
    ("output.bypass.", "output."),
    ("output.inverter.", "output."),
    ("output.servicebypass.", "output."),
];

/// The phases a name of `input` or `output` may be about, in lower case.
const PHASES: [&str; 10] = [
    "l1", "l2", "l3", "n", "l1-n", "l2-n", "l3-n", "l1-l2", "l2-l3", "l3-l1",
];

/// What is known about a variable, whatever its case, index, phase or sub-domain. A proxy's `upstream.` prefix is
/// the caller's to strip.
pub fn variable(name: &str) -> Option<&'static VarInfo> {
    resolve(&pattern(name), &|pattern| {
        VARIABLES.iter().find(|row| row.name == pattern)
    })
}

/// What is known about an instant command, whatever its case or index.
pub fn command(name: &str) -> Option<&'static CmdInfo> {
    let pattern = pattern(name).replace("outlet.group.#.", "outlet.#.");
    COMMANDS.iter().find(|row| row.name == pattern)
}

/// What is known about a word of `ups.status`, whatever its case.
pub fn status(word: &str) -> Option<&'static StatusInfo> {
    STATUS
        .iter()
        .find(|row| row.word.eq_ignore_ascii_case(word))
}

/// The known word nearest to a mistyped one: at most one, two or three slips away, depending on its length. A slip
/// is a letter too many, too few, wrong, or swapped with its neighbour. The first of equals wins.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match word.len() {
        0..=3 => 1,
        4..=7 => 2,
        8..=MAX_NAME => 3,
        _ => return None,
    };
    let word = word.to_ascii_lowercase();
    known
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed)
        .map(|candidate| {
            (
                slips(word.as_bytes(), candidate.to_ascii_lowercase().as_bytes()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Lower case, numbers as `#`, phases of inputs and outputs left out.
fn pattern(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let phased = name.contains("input.") || name.contains("output.");
    let parts = name
        .split('.')
        .filter(|part| !(phased && PHASES.contains(part)));
    let mut pattern = String::with_capacity(name.len());
    for (n, part) in parts.enumerate() {
        if n > 0 {
            pattern.push('.');
        }
        let number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        pattern.push_str(if number { "#" } else { part });
    }
    pattern
}

/// Ends, because every reduction makes the name shorter.
fn resolve<T>(name: &str, find: &impl Fn(&str) -> Option<T>) -> Option<T> {
    find(name).or_else(|| {
        REDUCTIONS
            .iter()
            .filter_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)))
            .find_map(|shorter| resolve(&shorter, find))
    })
}

/// Optimal string alignment distance, in three rows.
fn slips(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (i, &ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut previous_b = None;
        for (j, &cb) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, j) + usize::from(ca != cb))
                .min(at(&above, j + 1) + 1)
                .min(at(&row, j) + 1);
            if j > 0 && previous_a == Some(cb) && previous_b == Some(ca) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
            previous_b = Some(cb);
        }
        previous_a = Some(ca);
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses a wrong index"
)]
const fn total() -> usize {
    let mut sum = 0;
    let mut domain = 0;
    while domain < DOMAINS.len() {
        sum += DOMAINS[domain].len();
        domain += 1;
    }
    sum
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses a wrong index"
)]
const fn concat<const N: usize>() -> [VarInfo; N] {
    let mut rows = [DOMAINS[0][0]; N];
    let (mut filled, mut domain) = (0, 0);
    while domain < DOMAINS.len() {
        let mut row = 0;
        while row < DOMAINS[domain].len() {
            rows[filled] = DOMAINS[domain][row];
            filled += 1;
            row += 1;
        }
        domain += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]
    use std::collections::HashSet;

    use super::*;
    use crate::{Unit, cmd, var, word};

    #[track_caller]
    fn check(name: &str, expected: &str) {
        let found = variable(name).unwrap_or_else(|| panic!("{name} is not known"));
        assert_eq!(found.name, expected, "{name}");
    }

    #[test]
    fn names_are_found_in_any_case_with_index_phase_or_domain() {
        check("ups.status", "ups.status");
        check("Input.Voltage", "input.voltage");
        check("outlet.12.status", "outlet.status");
        check(
            "outlet.group.3.current.high.critical",
            "outlet.current.high.critical",
        );
        check("outlet.group.count", "outlet.group.count");
        check(
            "ambient.2.temperature.high.warning",
            "ambient.temperature.high.warning",
        );
        check("ambient.contacts.1.status", "ambient.contacts.#.status");
        check("ambient.4.contacts.2.config", "ambient.contacts.#.config");
        check("device.1.model", "device.model");
        check("device.2.ups.status", "ups.status");
        check("device.1.input.L2-N.voltage", "input.voltage");
        check(
            "device.1.ambient.1.contacts.2.name",
            "ambient.contacts.#.name",
        );
        check("input.L1.current", "input.current");
        check("input.N.current", "input.current");
        check("input.L3-L1.voltage.maximum", "input.voltage.maximum");
        check("input.bypass.L1-L2.voltage", "input.bypass.voltage");
        check("input.bypass.current", "input.current");
        check("input.2.frequency.status", "input.frequency.status");
        check("output.L2.power.percent", "output.power.percent");
        check("output.inverter.voltage", "output.voltage");
        check("output.inverter.latency", "output.inverter.latency");
        check("output.bypass.L3-N.voltage", "output.voltage");
    }

    #[test]
    fn what_is_no_name_is_not_found() {
        for name in [
            "",
            ".",
            "#",
            "ups",
            "ups.",
            "ups.1.status",
            "ups.statu",
            "input.L4.voltage",
            "outlet..id",
            "battery.l1.charge",
        ] {
            assert_eq!(variable(name), None, "{name}");
        }
        assert_eq!(command("load"), None);
        assert_eq!(command("outlet.load.off"), None);
        assert_eq!(status("ONLINE"), None);
    }

    #[test]
    fn commands_and_status_words_are_found() {
        assert_eq!(
            command("Outlet.2.Load.OFF").unwrap().name,
            "outlet.#.load.off"
        );
        assert_eq!(
            command("outlet.group.2.load.cycle").unwrap().name,
            "outlet.#.load.cycle"
        );
        assert!(command("shutdown.return").unwrap().dangerous);
        assert!(!command("shutdown.stop").unwrap().dangerous);
        assert_eq!(status("dischrg").unwrap().word, "DISCHRG");
    }

    #[test]
    fn every_row_is_unique_finds_itself_and_reads_as_one_plain_line() {
        let rows = || {
            let variables = VARIABLES.iter().map(|row| (row.name, row.text));
            let commands = COMMANDS.iter().map(|row| (row.name, row.text));
            variables.chain(commands)
        };
        let mut seen = HashSet::new();
        for (name, text) in rows() {
            assert!(seen.insert(name), "{name} is listed twice");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b"._-#".contains(&b)),
                "{name}"
            );
            assert!(
                text.bytes()
                    .all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\'),
                "{name}: {text}"
            );
            assert!(text.len() <= 120 && !text.ends_with('.'), "{name}: {text}");
        }
        assert!(VARIABLES.iter().all(|row| variable(row.name) == Some(row)));
        assert!(COMMANDS.iter().all(|row| command(row.name) == Some(row)));
        assert!(STATUS.iter().all(|row| status(row.word) == Some(row)));
        assert_eq!(
            STATUS
                .iter()
                .map(|row| row.word)
                .collect::<HashSet<_>>()
                .len(),
            STATUS.len()
        );
    }

    #[test]
    fn constants_and_rows_agree() {
        assert_eq!(
            variable(var::INPUT_TRANSFER_LOW.as_str()).unwrap().unit,
            Unit::Volt
        );
        assert!(variable(var::UPS_DELAY_SHUTDOWN.as_str()).unwrap().writable);
        assert_eq!(
            variable(var::BATTERY_CHARGE.as_str()).unwrap().text,
            "Charge of the battery (%)"
        );
        assert_eq!(
            command(cmd::BEEPER_TOGGLE.as_str()).unwrap().name,
            "beeper.toggle"
        );
        assert_eq!(status(word::OL.as_str()).unwrap().word, "OL");
        check(&var::of_outlet(var::OUTLET_SWITCH, 2), "outlet.switch");
        assert_eq!(
            command(&cmd::of_outlet(cmd::LOAD_OFF, 2)).unwrap().name,
            "outlet.#.load.off"
        );
    }

    #[test]
    fn the_nearest_name_is_the_one_meant() {
        let names = || VARIABLES.iter().map(|row| row.name);
        assert_eq!(nearest("battery.chrage", names()), Some("battery.charge"));
        assert_eq!(nearest("INPUT.VOLTGE", names()), Some("input.voltage"));
        assert_eq!(
            nearest(
                "pollintervall",
                ["port", "pollinterval", "pollfreq"].into_iter()
            ),
            Some("pollinterval")
        );
        assert_eq!(nearest("prot", ["port", "desc"].into_iter()), Some("port"));
        assert_eq!(nearest("OV", ["OL", "OVER"].into_iter()), Some("OL"));
        assert_eq!(nearest("serial", ["port", "desc"].into_iter()), None);
        assert_eq!(nearest(&"x".repeat(MAX_NAME + 1), names()), None);
    }

    #[test]
    fn slips_are_counted() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(slips(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }
}
