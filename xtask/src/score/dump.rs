//! Dumps of devices (`name: value` lines), served by the dummy driver: what is in the file has to come out, exactly.
//!
//! What "exactly" means is decided by the lexer of NUT's files: see `lexer`.

use super::compare::{Verdict, compare, same_words};
use super::lexer::lines;
use super::{Variables, report, served};
use anyhow::ensure;
use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::Wire;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Devices in one server at a time.
const BATCH: usize = 400;
/// All of them must be read within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Characters of a value; the driver drops the rest.
const VALUE: usize = 127;

/// Scores every `.dev` file below `directory`.
pub(super) fn score(directory: &Path) -> anyhow::Result<Verdict> {
    let mut dumps = Vec::new();
    collect(directory, &mut dumps)?;
    dumps.sort();
    ensure!(
        !dumps.is_empty(),
        "no .dev file below {}",
        directory.display()
    );
    let mut sum = Verdict::default();
    for batch in dumps.chunks(BATCH) {
        let scratch = Scratch::new("score")?;
        let mut conf = String::new();
        for (number, path) in batch.iter().enumerate() {
            conf += &format!(
                "[d{number}]\n  driver = dummy-ups\n  port = \"{}\"\n",
                path.display()
            );
        }
        scratch.write("ups.conf", &conf)?;
        scratch.write("upsd.users", "")?;
        let server = Server::start_husk(scratch)?;
        let mut wire = Wire::connect(server.port)?;
        // Whoever is still not served after that scores nothing.
        let mut waiting: Vec<usize> = (0..batch.len()).collect();
        let _ = wait_until(PATIENCE, || {
            waiting.retain(|number| !matches!(served(&mut wire, &format!("d{number}")), Ok(Ok(_))));
            waiting.is_empty()
        });
        for (number, path) in batch.iter().enumerate() {
            let values = served(&mut wire, &format!("d{number}"))?.unwrap_or_default();
            let verdict = judge(&expected(&fs::read(path)?), &values);
            report(
                &path
                    .strip_prefix(directory)
                    .unwrap_or(path)
                    .display()
                    .to_string(),
                &verdict,
            );
            sum.add(verdict);
        }
    }
    Ok(sum)
}

fn collect(directory: &Path, dumps: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, dumps)?;
        } else if path.extension().is_some_and(|extension| extension == "dev") {
            dumps.push(path);
        }
    }
    Ok(())
}

fn judge(expected: &Variables, served: &Variables) -> Verdict {
    // A device with alarms has the word ALARM in its status whether its dump had it or not.
    let optional: &[&str] = if expected.contains_key("ups.alarm") {
        &["ALARM"]
    } else {
        &[]
    };
    compare(
        expected,
        served,
        |name| !name.starts_with("driver."),
        |name, wanted, got| match name {
            "ups.status" => same_words(wanted, got, optional),
            _ => wanted == got,
        },
    )
}

/// What a dump says, as the dummy driver has to read it.
fn expected(dump: &[u8]) -> Variables {
    let mut variables = Variables::new();
    for words in lines(dump) {
        let Some((first, rest)) = words.split_first() else {
            continue;
        };
        let name = first.split(':').next().unwrap_or_default();
        if name.starts_with("driver.") || rest.first().is_some_and(|word| word == ":") {
            continue;
        }
        let value: String = rest.join(" ").chars().take(VALUE).collect();
        match value.is_empty() {
            true => drop(variables.remove(name)),
            false => drop(variables.insert(name.to_owned(), value)),
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_are_read_as_the_dummy_driver_reads_them() {
        let dump =
            b"# comment\nups.mfr: Two   words\nups.model: a\\\\b #BAD\nups.load:\ndriver.name: x\n\
            ups.firmware: ID=18\nups.id: \"q u\"  x\nups.serial: caf\xc3\xa9\nups.status: OL CHRG";
        let found = expected(dump);
        let value = |name: &str| found.get(name).map(String::as_str);
        assert_eq!(value("ups.mfr"), Some("Two words"));
        assert_eq!(value("ups.model"), Some("a\\b"));
        assert_eq!(value("ups.firmware"), Some("ID = 18"));
        assert_eq!(value("ups.id"), Some("q u x"));
        assert_eq!(value("ups.serial"), Some("caf"));
        assert_eq!(
            value("ups.status"),
            Some("OL CHRG"),
            "the last line needs no line feed"
        );
        assert_eq!((value("ups.load"), value("driver.name")), (None, None));
    }

    #[test]
    fn status_is_a_set_and_text_is_exact() {
        let map = |pairs: &[(&str, &str)]| -> Variables {
            pairs
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        let served = map(&[
            ("ups.status", "ALARM CHRG OL"),
            ("ups.alarm", "Help"),
            ("ups.load", "5.0"),
        ]);
        let verdict = judge(
            &map(&[
                ("ups.status", "OL CHRG"),
                ("ups.alarm", "Help"),
                ("ups.load", "5.0"),
            ]),
            &served,
        );
        assert_eq!(verdict.found, 3);
        let verdict = judge(
            &map(&[("ups.status", "OL CHRG"), ("ups.load", "5")]),
            &served,
        );
        assert_eq!((verdict.found, verdict.wrong.len()), (0, 2));
    }
}
