//! Recorded SNMP agents on the loopback, and what the incumbent's driver published for the same objects.
//!
//! One `husk serve` polls them all. An agent is served as recorded, in version 1 again where the expectation says that this
//! makes no difference, and, where the recording lacks the object by which the driver knows the agent, with that added.

use super::compare::Verdict;
use super::oracle::Oracle;
use super::{Variables, abilities, report, served};
use anyhow::{Context as _, ensure};
use husk_tests::rig::{Scratch, Server, wait_until};
use husk_tests::sim::snmp::ber::parse_oid;
use husk_tests::sim::snmp::{Agent, Objects, Value as Object, recording};
use husk_tests::tool::Wire;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Who is not served after this is taken for refused.
const PATIENCE: Duration = Duration::from_secs(60);
/// Names must be steady for this long, as they were for the expectation.
const STEADY: Duration = Duration::from_secs(4);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// What the completed recordings say where a name was added; it proves nothing.
const ADDED: &str = "Recorded unit";

/// Where the incumbent is known to be wrong: recording, variable (`*` is a number), why. Not counted, but shown.
const THEIR_MISTAKES: &[(&str, &str, &str)] = &[
    (
        "librenms-eatonpdu_2",
        "outlet.current",
        "milliamperes are taken for hundredths of an ampere",
    ),
    (
        "librenms-eatonupsm2_9px+empg2",
        "outlet.*.switchable",
        "the outlet's number stands where yes or no belongs",
    ),
    (
        "librenms-eatonupsm2_9px+empg2",
        "ambient.1.temperature",
        "26.7 degrees are cut to 26",
    ),
];

/// One agent under one version.
struct Case {
    name: String,
    version: &'static str,
    /// `mibs` of the section.
    mibs: String,
    /// The table that the incumbent chose.
    mib: String,
    oracle: Oracle,
    objects: Objects,
    seen: Option<(Variables, Instant)>,
}

/// Scores every recording in `directory` that `directory/oracle` has an expectation for.
pub(super) fn score(directory: &Path) -> anyhow::Result<Verdict> {
    let mut cases = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "snmprec"))
        .collect();
    paths.sort();
    for path in &paths {
        cases.extend(of_agent(directory, path).with_context(|| path.display().to_string())?);
    }
    ensure!(!cases.is_empty(), "no recording in {}", directory.display());
    let agents = Agent::start_all(cases.iter().map(|case| case.objects.clone()).collect())?;
    let server = serve(&cases, &agents)?;
    let mut wire = Wire::connect(server.port)?;
    let _ = wait_until(PATIENCE, || {
        thread::sleep(LOOK_AGAIN);
        let all = cases.iter_mut().enumerate();
        all.fold(true, |done, (number, case)| {
            done & look(&mut wire, number, case)
        })
    });
    let (mut sum, mut able, mut tables) = Default::default();
    for (number, case) in cases.iter().enumerate() {
        let verdict = judge(case, &server.log(), number);
        report(&format!("{} {}", case.name, case.version), &verdict);
        Verdict::add(&mut sum, verdict);
        if let Some((variables, _)) = case.seen.as_ref().filter(|_| case.oracle.serves()) {
            Verdict::add(&mut tables, table(case, variables));
            if case.version == "v2c" {
                let offered = abilities::judge(&mut wire, number, case.oracle.value())?;
                report(&format!("{} abilities", case.name), &offered);
                Verdict::add(&mut able, offered);
            }
        }
    }
    println!(
        "tables: same {}, another {}: {}",
        tables.found,
        tables.extra.len(),
        tables.extra.join(", ")
    );
    println!(
        "commands, writable variables, ranges and lists, counted apart: found {}, missing {}: {}",
        able.found,
        able.missing.len(),
        able.missing.join(", ")
    );
    Ok(sum)
}

fn of_agent(directory: &Path, path: &Path) -> anyhow::Result<Vec<Case>> {
    let name = path.file_stem().context("no name")?.to_string_lossy();
    let objects = recording(path)?;
    let expected = directory.join("oracle").join(format!("{name}.json"));
    let expected: Value = serde_json::from_slice(&fs::read(expected)?)?;
    let text = |value: &Value, key: &str| {
        let text = value.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let case = |what: &Value, version, mibs: &str, objects| {
        let mut value = what.clone();
        forget_what_was_added(&mut value);
        if let Some(whole) = value.as_object_mut() {
            whole.remove("variants");
        }
        let (_, oracle) = Oracle::of_unit(&value).pop()?;
        Some(Case {
            name: name.clone().into_owned(),
            version,
            mibs: mibs.to_owned(),
            mib: text(what, "mib"),
            oracle,
            objects,
            seen: None,
        })
    };
    let mut cases = vec![case(&expected, "v2c", "auto", objects.clone())];
    if expected.pointer("/variants/v1/same") == Some(&Value::Bool(true)) {
        cases.push(case(&expected, "v1", "auto", objects.clone()));
    }
    if let Some(completed) = expected.get("completed") {
        let mut objects = objects;
        let added = completed.get("added").and_then(Value::as_object);
        for (oid, value) in added.into_iter().flatten() {
            let (tag, value) = value
                .as_str()
                .and_then(|value| value.split_once('|'))
                .context("an added object is no tag|value")?;
            let value = Object::parse(tag, value.as_bytes()).context("a bad added value")?;
            objects.insert(parse_oid(oid).context("a bad added object")?, value);
        }
        let how = text(completed, "how");
        let mibs = how.split_once("mibs=").map_or("auto", |(_, mibs)| mibs);
        cases.push(case(completed, "v2c", mibs, objects));
    }
    Ok(cases.into_iter().flatten().collect())
}

fn forget_what_was_added(value: &mut Value) {
    let variables = value.get_mut("variables").and_then(Value::as_object_mut);
    if let Some(variables) = variables {
        variables.retain(|_, value| value != ADDED);
    }
}

fn serve(cases: &[Case], agents: &[Agent]) -> anyhow::Result<Server> {
    let scratch = Scratch::new("score")?;
    let mut conf = String::new();
    for (number, (case, agent)) in cases.iter().zip(agents).enumerate() {
        conf += &format!(
            "[d{number}]\n  driver = snmp-ups\n  port = {}\n  pollfreq = 1\n  pollinterval = 1\n  snmp_version = {}\n  mibs = {}\n",
            agent.address(),
            case.version,
            case.mibs,
        );
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
    let before = case.seen.take();
    let same = before.filter(|(seen, _)| seen.keys().eq(variables.keys()));
    let since = same.map_or_else(Instant::now, |(_, since)| since);
    case.seen = Some((variables, since));
    since.elapsed() >= STEADY
}

/// The incumbent's data against ours. Where it gave up we may do so too, saying why.
fn judge(case: &Case, log: &str, number: usize) -> Verdict {
    let served = case.seen.as_ref().map(|(variables, _)| variables);
    if case.oracle.serves() {
        let nothing = Variables::new();
        let served = served.unwrap_or(&nothing);
        // A device with alarms has the word in its status, whether the incumbent's has it or not.
        let mut verdict = case.oracle.compare(served, &["ALARM"]);
        verdict.wrong.retain(|wrong| !is_their_mistake(case, wrong));
        return verdict;
    }
    let reason = log
        .lines()
        .any(|line| line.contains(&format!("[d{number}]")));
    let mut verdict = Verdict::default();
    match (served, reason) {
        (Some(served), _) => verdict.extra.push(format!("{} variables", served.len())),
        (None, true) => verdict.found = 1,
        (None, false) => verdict.missing.push("a reason in the log".to_owned()),
    }
    verdict
}

/// Whether a difference, which begins with the variable's name, is one of [`THEIR_MISTAKES`].
fn is_their_mistake(case: &Case, wrong: &str) -> bool {
    let name = wrong.split(' ').next().unwrap_or_default();
    let general: Vec<&str> = name
        .split('.')
        .map(|part| match part.parse::<u32>() {
            Ok(_) => "*",
            Err(_) => part,
        })
        .collect();
    let general = general.join(".");
    let known = THEIR_MISTAKES
        .iter()
        .find(|(of, what, _)| *of == case.name && (*what == name || *what == general));
    if let Some((_, _, why)) = known {
        println!("{}: on purpose: {wrong}: {why}", case.name);
    }
    known.is_some()
}

/// Whether ours took the table that the incumbent took. `tripplite` is what its order of tables gives every agent of RFC 1628 with
/// an unknown maker.
fn table(case: &Case, served: &Variables) -> Verdict {
    let ours = served.get("driver.version.data");
    let ours = ours
        .and_then(|data| data.split(' ').next())
        .unwrap_or("none");
    let mut verdict = Verdict::default();
    match ours == case.mib {
        true => verdict.found = 1,
        false => verdict
            .extra
            .push(format!("{} {} instead of {}", case.name, ours, case.mib)),
    }
    verdict
}
