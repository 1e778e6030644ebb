//! Recorded serial devices on pseudo-terminals, and what the incumbent's driver published for the same bytes.
//!
//! Each device is served once as it is, and once in each way that the expectation names: with an option of the driver
//! (`protocol=megatec`), or with an answer to what was not recorded (`unlisted=NA`).

use super::compare::Verdict;
use super::oracle::Oracle;
use super::{Variables, abilities, report, served};
use anyhow::{Context as _, ensure};
use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::sim::Simulator;
use husk_tests::sim::recorded::Recorded;
use husk_tests::tool::Wire;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Probing by silence takes the incumbent up to 70 s; who is not served after this is taken for refused.
const PATIENCE: Duration = Duration::from_secs(90);
/// Names must be steady for this long, as they were for the expectation.
const STEADY: Duration = Duration::from_secs(4);

const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What is spoken, and by which driver.
pub(super) struct Family {
    pub(super) driver: &'static str,
    /// Further options of each section.
    pub(super) options: &'static [&'static str],
    /// Plays a recorded device.
    pub(super) play: fn(Recorded) -> Recorded,
    /// The request that steps of a recorded power cut answer.
    pub(super) status: &'static str,
    /// Ends the lines of made-up answers.
    pub(super) end: &'static str,
}

/// A way that is no option: the answer to what was not recorded.
const UNLISTED: &str = "unlisted";

/// One device in one way.
struct Case {
    name: String,
    how: String,
    oracle: Oracle,
    unit: Recorded,
    simulator: Simulator,
    seen: Option<Seen>,
}

/// What was served, since when with these names.
struct Seen {
    variables: Variables,
    since: Instant,
}

/// Scores every recording in `directory` that `directory/oracle` has an expectation for.
pub(super) fn score(family: &Family, directory: &Path) -> anyhow::Result<Verdict> {
    let mut cases = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    for path in &paths {
        cases.extend(
            of_device(family, directory, path).with_context(|| path.display().to_string())?,
        );
    }
    ensure!(!cases.is_empty(), "no recording in {}", directory.display());
    let server = serve(family, &cases)?;
    let mut wire = Wire::connect(server.port)?;
    let _ = wait_until(PATIENCE, || {
        thread::sleep(LOOK_AGAIN);
        cases
            .iter_mut()
            .enumerate()
            .fold(true, |all, (number, case)| {
                all & look(&mut wire, number, case)
            })
    });
    let mut sum = Verdict::default();
    let mut able = Verdict::default();
    for (number, case) in cases.iter().enumerate() {
        let verdict = judge(case, &server.log(), number);
        report(&format!("{} {}", case.name, case.how), &verdict);
        sum.add(verdict);
        if case.seen.is_some() {
            able.add(abilities::judge(&mut wire, number, case.oracle.value())?);
        }
        if let Some(steps) = case.oracle.sequence() {
            sum.add(through_time(family, &mut wire, number, case, steps)?);
        }
    }
    println!(
        "commands, writable variables, ranges and lists, counted apart: found {}, missing {}: {}",
        able.found,
        able.missing.len(),
        able.missing.join(", ")
    );
    Ok(sum)
}

fn of_device(family: &Family, directory: &Path, path: &Path) -> anyhow::Result<Vec<Case>> {
    let file = path.file_name().context("no name")?;
    let recording: Value = serde_json::from_slice(&fs::read(path)?)?;
    let oracle: Value = serde_json::from_slice(&fs::read(directory.join("oracle").join(file))?)?;
    let runs = Oracle::of_unit(&oracle);
    let case = |(how, oracle): (String, Oracle)| {
        let mut unit = (family.play)(Recorded::from_json(&recording).context("not a recording")?);
        if let Some((UNLISTED, answer)) = option(&how) {
            unit = unit.otherwise(format!("{answer}{}", family.end).as_bytes());
        }
        let simulator = Simulator::start(unit.clone())?;
        let name = path
            .file_stem()
            .unwrap_or(file)
            .to_string_lossy()
            .into_owned();
        Ok(Case {
            name,
            how,
            oracle,
            unit,
            simulator,
            seen: None,
        })
    };
    runs.into_iter().map(case).collect()
}

/// The option that a way is called by.
fn option(how: &str) -> Option<(&str, &str)> {
    how.split_once('=')
}

fn serve(family: &Family, cases: &[Case]) -> anyhow::Result<Server> {
    let scratch = Scratch::new("score")?;
    let mut conf = "pollinterval = 1\n".to_owned();
    for (number, case) in cases.iter().enumerate() {
        let port = case.simulator.path().display();
        conf += &format!(
            "[d{number}]\n  driver = {}\n  port = {port}\n",
            family.driver
        );
        for option in family.options {
            conf += &format!("  {option}\n");
        }
        if let Some((name, value)) = option(&case.how).filter(|(name, _)| *name != UNLISTED) {
            conf += &format!("  {name} = {value}\n");
        }
    }
    scratch.write("ups.conf", &conf)?;
    scratch.write("upsd.users", "")?;
    Ok(Server::start_husk(scratch)?)
}

/// Notes what is served now; true once that is final.
fn look(wire: &mut Wire, number: usize, case: &mut Case) -> bool {
    let Ok(Ok(variables)) = served(wire, &format!("d{number}")) else {
        return false;
    };
    let names: Vec<_> = variables.keys().collect();
    let same = case
        .seen
        .as_ref()
        .filter(|seen| seen.variables.keys().collect::<Vec<_>>() == names);
    let since = same.map_or_else(Instant::now, |seen| seen.since);
    case.seen = Some(Seen { variables, since });
    since.elapsed() >= STEADY && case.unit.exhausted()
}

/// The incumbent's data against ours. Where it gave up we may do so too, saying why.
fn judge(case: &Case, log: &str, number: usize) -> Verdict {
    let served = case.seen.as_ref().map(|seen| &seen.variables);
    if case.oracle.serves() {
        return case
            .oracle
            .compare(served.unwrap_or(&Variables::new()), &[]);
    }
    if let Some(served) = served {
        return case.oracle.contradictions(served);
    }
    let reason = log
        .lines()
        .any(|line| line.contains(&format!("[d{number}]")));
    let lacks = (!reason).then(|| "a reason in the log".to_owned());
    Verdict {
        found: usize::from(reason),
        missing: lacks.into_iter().collect(),
        ..Verdict::default()
    }
}

/// Plays a recorded power cut and compares after each status reply.
fn through_time(
    family: &Family,
    wire: &mut Wire,
    number: usize,
    case: &Case,
    steps: &[Value],
) -> anyhow::Result<Verdict> {
    let mut sum = Verdict::default();
    for step in steps {
        let reply = step
            .get(family.status.to_lowercase())
            .and_then(Value::as_str)
            .context("a step without its reply")?;
        case.unit
            .set_reply(family.status, &format!("{reply}{}", family.end));
        let before = case.unit.asked(family.status);
        // The second question shows that the first answer was taken in.
        let _ = wait_until(Duration::from_secs(10), || {
            case.unit.asked(family.status) >= before + 2
        });
        let values = served(wire, &format!("d{number}"))?.unwrap_or_default();
        // Between two replies the charge moves, and the server says which way.
        let verdict = case.oracle.at(step).compare(&values, &["CHRG", "DISCHRG"]);
        report(&format!("{} {reply}", case.name), &verdict);
        sum.add(verdict);
    }
    Ok(sum)
}
