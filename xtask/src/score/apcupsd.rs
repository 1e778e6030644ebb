//! Recorded status reports of apcupsd daemons, each behind a network information server of its own, and what the incumbent's
//! driver published for the same bytes.

use super::compare::{Verdict, compare};
use super::{Variables, oracle, report, served};
use anyhow::{Context as _, ensure};
use husk_tests::nis::Nis;
use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::tool::Wire;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// All of them must be served within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fields and what is made of them, for telling a value from what a number made of "N/A" or "OFF" is: the incumbent
/// publishes noughts for those, which nobody measured.
#[rustfmt::skip]
const FIELDS: &[(&str, &[&str])] = &[
    ("AMBTEMP", &["ambient.temperature"]), ("BATTDATE", &["battery.date"]), ("BATTV", &["battery.voltage"]),
    ("BCHARGE", &["battery.charge"]), ("DSHUTD", &["ups.delay.shutdown"]), ("DWAKE", &["ups.delay.start"]),
    ("HITRANS", &["input.transfer.high"]), ("ITEMP", &["ups.temperature"]), ("LASTXFER", &["input.transfer.reason"]),
    ("LINEFREQ", &["input.frequency", "output.frequency"]), ("LINEV", &["input.voltage"]), ("LOADAPNT", &["power.percent"]),
    ("LOADPCT", &["ups.load"]), ("LOAD_VA", &["ups.power"]), ("LOAD_W", &["ups.realpower"]), ("LOTRANS", &["input.transfer.low"]),
    ("MANDATE", &["ups.mfr.date"]), ("MAXLINEV", &["input.voltage.maximum"]), ("MBATTCHG", &["battery.charge.low"]),
    ("MINLINEV", &["input.voltage.minimum"]), ("MINTIMEL", &["battery.runtime.low"]), ("NOMAPNT", &["ups.power.nominal"]),
    ("NOMBATTV", &["battery.voltage.nominal"]), ("NOMINV", &["input.voltage.nominal"]), ("NOMOUTV", &["output.voltage.nominal"]),
    ("NOMPOWER", &["ups.realpower.nominal"]), ("OUTCURNT", &["output.current"]), ("OUTPUTV", &["output.voltage"]),
    ("RETPCT", &["battery.charge.restart"]), ("SELFTEST", &["ups.test.result"]), ("SENSE", &["input.sensitivity"]),
    ("SERIALNO", &["ups.serial", "device.serial"]), ("STESTI", &["ups.test.interval"]), ("TIMELEFT", &["battery.runtime"]),
    ("UPSNAME", &["ups.id"]),
];

/// One recorded report.
struct Case {
    name: String,
    text: String,
    expected: Variables,
    nis: Nis,
}

/// Scores every report in `directory` that `directory/oracle` has an expectation for.
pub(super) fn score(directory: &Path) -> anyhow::Result<Verdict> {
    let mut cases = Vec::new();
    let entries = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    for path in entries.filter(|path| path.extension().is_some_and(|ending| ending == "status")) {
        cases.push(of_report(directory, &path).with_context(|| path.display().to_string())?);
    }
    ensure!(
        !cases.is_empty(),
        "no .status file in {}",
        directory.display()
    );
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    let server = serve(&cases)?;
    let mut wire = Wire::connect(server.port)?;
    let mut waiting: Vec<usize> = (0..cases.len()).collect();
    let _ = wait_until(PATIENCE, || {
        waiting.retain(|number| !matches!(served(&mut wire, &format!("d{number}")), Ok(Ok(_))));
        waiting.is_empty()
    });
    let mut sum = Verdict::default();
    let mut accidents = 0;
    for (number, case) in cases.iter().enumerate() {
        let values = served(&mut wire, &format!("d{number}"))?.unwrap_or_default();
        let accident = |name: &str| no_value(&case.text, name);
        accidents += case.expected.keys().filter(|name| accident(name)).count();
        let counts = |name: &str| oracle::counts(name) && !accident(name);
        let verdict = compare(&case.expected, &values, counts, |name, one, other| {
            oracle::same(name, one, other, &["CHRG", "DISCHRG"])
        });
        report(&case.name, &verdict);
        sum.add(verdict);
    }
    println!("not counted: {accidents} values made of fields that are N/A or no number");
    Ok(sum)
}

fn of_report(directory: &Path, path: &Path) -> anyhow::Result<Case> {
    let name = path
        .file_stem()
        .context("a file without a name")?
        .to_string_lossy()
        .into_owned();
    let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    let oracle = fs::read_to_string(directory.join("oracle").join(format!("{name}.json")))?;
    let oracle: Value = serde_json::from_str(&oracle)?;
    // What the incumbent refuses for the free text in front, ours has to serve with it.
    let oracle = oracle.get("completed").unwrap_or(&oracle);
    let expected = oracle.get("variables").and_then(Value::as_object);
    let expected = expected.context("the expectation has no variables")?.iter();
    let expected =
        expected.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(Case {
        name,
        expected: expected.collect(),
        nis: Nis::start(&text)?,
        text,
    })
}

fn serve(cases: &[Case]) -> anyhow::Result<Server> {
    let scratch = Scratch::new("score")?;
    let section = |(number, case): (usize, &Case)| {
        let port = case.nis.port();
        format!("[d{number}]\n  driver = apcupsd-ups\n  port = localhost:{port}\n")
    };
    let conf: String = cases.iter().enumerate().map(section).collect();
    scratch.write("ups.conf", &conf)?;
    scratch.write("upsd.users", "")?;
    Ok(Server::start_husk(scratch)?)
}

/// Whether a variable is made of a field in which the report says that there is no value.
fn no_value(report: &str, variable: &str) -> bool {
    let Some((key, _)) = FIELDS.iter().find(|(_, made)| made.contains(&variable)) else {
        return false;
    };
    let mut fields = report.lines().filter_map(|line| line.split_once(':'));
    fields
        .any(|(name, value)| name.trim_end() == *key && matches!(value.trim(), "N/A" | "OFF" | ""))
}

#[cfg(test)]
mod tests {
    use super::no_value;

    #[test]
    fn a_field_without_a_value_is_told_from_one_with_nought() {
        let report = "BATTV    : N/A\nSTESTI   : OFF\nRETPCT   : 000.0 Percent\n";
        assert!(no_value(report, "battery.voltage") && no_value(report, "ups.test.interval"));
        assert!(!no_value(report, "battery.charge.restart") && !no_value(report, "ups.load"));
    }
}
