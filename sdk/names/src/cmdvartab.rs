//! The tables as NUT's `cmdvartab` file, for a stock upsd beside ours.
//!
//! That upsd looks names up as they are, so the indexed ones are written out for the first few numbers.

use std::fmt::Write;

use crate::{COMMANDS, VARIABLES};

/// Numbers written out for an index.
const INDEXES: u16 = 8;

/// `VARDESC name "text"` and `CMDDESC name "text"` lines.
pub fn cmdvartab() -> String {
    let mut file = String::new();
    for row in VARIABLES {
        describe(&mut file, "VARDESC", row.name, row.text);
        if let Some(rest) = row
            .name
            .strip_prefix("outlet.")
            .filter(|rest| !rest.contains("count"))
        {
            describe(&mut file, "VARDESC", &format!("outlet.#.{rest}"), row.text);
        }
    }
    for row in COMMANDS {
        describe(&mut file, "CMDDESC", row.name, row.text);
    }
    file
}

fn describe(file: &mut String, kind: &str, pattern: &str, text: &str) {
    let numbers = if pattern.contains('#') { INDEXES } else { 1 };
    for number in 1..=numbers {
        let name = pattern.replace('#', &number.to_string());
        // Writing to a String cannot fail.
        let _ = writeln!(file, "{kind} {name} \"{text}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_nut_can_read() {
        let file = cmdvartab();
        for line in file.lines() {
            let (kind, rest) = line.split_once(' ').unwrap_or_default();
            assert!(["VARDESC", "CMDDESC"].contains(&kind), "{line}");
            let (name, text) = rest.split_once(' ').unwrap_or_default();
            assert!(!name.contains(['#', '"', '=']), "{line}");
            assert!(
                text.len() > 2 && text.starts_with('"') && text.ends_with('"'),
                "{line}"
            );
        }
        for expected in [
            "VARDESC ups.load \"",
            "VARDESC outlet.8.id \"",
            "VARDESC outlet.id \"",
            "CMDDESC outlet.2.load.off \"",
        ] {
            assert_eq!(file.matches(expected).count(), 1, "{expected}");
        }
    }
}
