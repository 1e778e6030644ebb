//! How close Husk comes to recorded devices: the data are served by one `husk serve` and read back over the network.
//!
//! A value is found, missing or wrong; wrong is worse than missing. What was served beside the expectation is reported
//! and not counted.

mod abilities;
mod apcsmart;
mod apcupsd;
mod compare;
mod dump;
mod lexer;
mod oracle;
mod qx;
mod serial;
mod snmp;
mod usbhid;

use anyhow::bail;
use compare::Verdict;
use husk_tests::tool::Wire;
use lexopt::Parser;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

pub(crate) const HELP: &str = "
usage: cargo xtask score FAMILY DIR

  nut-ddl  every .dev file below DIR, served by the dummy driver
  qx       every .json recording in DIR, behind a pseudo-terminal, served by megatec and
           compared with DIR/oracle
  apcsmart the same, served by apcsmart
  snmp     every .snmprec agent in DIR, on the loopback, served by snmp-ups and compared with
           DIR/oracle
  usbhid   every recorded USB device in DIR: its objects, then what the driver makes of them,
           compared with DIR/oracle
  apcupsd  every .status report in DIR, behind a network information server, served by apcupsd-ups
           and compared with DIR/oracle

Needs `cargo xtask build`. Prints a line per device and `found F, missing M, wrong W`; a wrong
value fails the chore.
";

/// Variables by name.
type Variables = BTreeMap<String, String>;

pub(crate) fn main(mut parser: Parser) -> anyhow::Result<()> {
    let family = crate::required(&mut parser, "FAMILY")?;
    let directory = crate::required(&mut parser, "DIR")?;
    crate::no_arguments(parser)?;
    let directory = Path::new(&directory).canonicalize()?;
    let sum = match family.to_str() {
        Some("nut-ddl") => dump::score(&directory)?,
        Some("qx") => qx::score(&directory)?,
        Some("apcsmart") => apcsmart::score(&directory)?,
        Some("snmp") => snmp::score(&directory)?,
        Some("apcupsd") => apcupsd::score(&directory)?,
        Some("usbhid") => usbhid::score(&directory)?,
        _ => bail!("no family is called {family:?}; see --help"),
    };
    println!(
        "found {}, missing {}, wrong {}",
        sum.found,
        sum.missing.len(),
        sum.wrong.len()
    );
    if sum.wrong.is_empty() {
        Ok(())
    } else {
        bail!("{} wrong values", sum.wrong.len())
    }
}

/// What a server says about a UPS: its variables, or the reason why there are none.
fn served(wire: &mut Wire, ups: &str) -> io::Result<Result<Variables, String>> {
    let reply = wire.ask(&format!("LIST VAR {ups}"))?;
    if !reply.starts_with("BEGIN LIST") {
        return Ok(Err(reply));
    }
    let row = |line: &str| {
        let mut words = words(line).into_iter();
        let head = words.next()?;
        (head == "VAR")
            .then(|| Some((words.nth(1)?, words.next()?)))
            .flatten()
    };
    Ok(Ok(reply.lines().filter_map(row).collect()))
}

/// Cuts a reply into its words; `"…"` groups, a backslash takes the next character as it is.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut characters = line.chars().peekable();
    while characters.peek().is_some() {
        let mut word = String::new();
        let quoted = characters.next_if_eq(&'"').is_some();
        while let Some(character) = characters.next() {
            match character {
                '\\' => word.extend(characters.next()),
                '"' if quoted => {
                    characters.next_if_eq(&' ');
                    break;
                }
                ' ' if !quoted => break,
                other => word.push(other),
            }
        }
        words.push(word);
    }
    words
}

/// One line about one device.
fn report(device: &str, verdict: &Verdict) {
    let mut line = format!("{device}: found {}", verdict.found);
    for (what, list) in [
        ("missing", &verdict.missing),
        ("wrong", &verdict.wrong),
        ("more", &verdict.extra),
    ] {
        if !list.is_empty() {
            line += &format!("; {what} {}: {}", list.len(), list.join(", "));
        }
    }
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_cut_into_words() {
        let shelf = words(r#"VAR a ups.id "shelf \"2\" \\ \#3""#);
        assert_eq!(shelf, ["VAR", "a", "ups.id", r#"shelf "2" \ #3"#]);
        assert_eq!(
            words(r#"RANGE a b "1" "20""#),
            ["RANGE", "a", "b", "1", "20"]
        );
        assert_eq!(words(r#"VAR a b """#), ["VAR", "a", "b", ""]);
    }
}
