//! Status words and alarms, of the rows that tell them and of the agent's list of alarms.
//!
//! Refuses to go on with half of them: an object of the status that answered at the start and no longer does, or that
//! holds no number any more, fails the poll; so does a UPS that told where its power comes from and no longer does.

use crate::agent::Values;
use crate::layout::{Bound, Layout};
use crate::table::{Row, Table};
use crate::value;
use husk_driver::{Error, Oid, Report, SnmpValue, word};

/// Words that say where the load's power comes from.
const POWER: [&str; 4] = [
    word::OL.as_str(),
    word::OB.as_str(),
    word::BYPASS.as_str(),
    word::OFF.as_str(),
];

/// Alarms told at once; of more only their number. (The host takes 64.)
const ALARMS_TOLD: usize = 60;

/// Bytes of a value that clients take.
const VALUE_MAX: usize = 255;

/// What was told before.
#[derive(Debug, Default)]
pub(crate) struct Status {
    told: bool,
}

/// Whether a row tells status or alarms.
pub(crate) fn tells(name: &str) -> bool {
    name == "ups.status" || name.ends_with(".alarm")
}

impl Status {
    /// Whether it was ever told where the power comes from.
    pub(crate) fn told(&self) -> bool {
        self.told
    }

    /// Adds the words and alarms that the values and the list of alarms say.
    ///
    /// # Errors
    /// [`Error::Protocol`] when a source is gone.
    pub(crate) fn report(
        &mut self,
        table: &Table,
        layout: &Layout,
        values: &Values,
        listed: &[SnmpValue],
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut words: Vec<&str> = Vec::new();
        let mut alarms = Vec::new();
        for bound in &layout.rows {
            match table.rows.get(bound.row) {
                Some(row) if row.name == "ups.status" => {
                    let said = said(table, row, bound, values)?;
                    words.extend(said.split_whitespace());
                }
                Some(row) if row.name.ends_with(".alarm") => {
                    if let Some(text) = alarm(table, row, bound, values) {
                        alarms.push((bound.device, text));
                    }
                }
                _ => {}
            }
        }
        let kinds = table.alarms.iter().flat_map(|alarms| &alarms.kinds);
        for (oid, word, text) in kinds {
            if listed.iter().any(|value| is(value, oid)) {
                words.extend(word.split_whitespace());
                if !text.is_empty() {
                    alarms.push((1, (*text).to_owned()));
                }
            }
        }
        tell(&alarms, layout.devices.unwrap_or(1), report);
        let power = words.iter().any(|word| POWER.contains(word));
        if self.told && !power {
            return Err(Error::Protocol(
                "nothing in it tells any more where the load's power comes from".into(),
            ));
        }
        self.told |= power;
        // On battery the inverter feeds the load: some tables call that on line (Socomec).
        if words.contains(&word::OB.as_str()) {
            words.retain(|word| *word != word::OL.as_str());
        }
        report.has_status();
        for word in words {
            report.status(word);
        }
        Ok(())
    }
}

/// Tells alarms, in a chain with the device they are of, and as a variable of that device.
fn tell(alarms: &[(u32, String)], devices: u32, report: &mut Report) {
    for (device, text) in alarms.iter().take(ALARMS_TOLD) {
        report.alarm(match devices {
            1 => text.clone(),
            _ => format!("device {device} {text}"),
        });
    }
    if let Some(more @ 1..) = alarms.len().checked_sub(ALARMS_TOLD) {
        report.alarm(format!("and {more} more"));
    }
    for device in (1..=devices).filter(|_| devices > 1) {
        let own = alarms.iter().filter(|(of, _)| *of == device);
        let texts: Vec<&str> = own.map(|(_, text)| text.as_str()).collect();
        if !texts.is_empty() {
            let mut text = texts.join(" ");
            text.truncate(VALUE_MAX);
            report.set(format!("device.{device}.ups.alarm"), text);
        }
    }
}

fn is(value: &SnmpValue, oid: &Oid) -> bool {
    matches!(value, SnmpValue::Oid(other) if other == oid)
}

/// The words of one row.
fn said(table: &Table, row: &Row, bound: &Bound, values: &Values) -> Result<&'static str, Error> {
    let gone = |oid: &Oid| Error::Protocol(format!("object {oid} of the status is gone"));
    let Some(oid) = &bound.oid else { return Ok("") };
    let number = values.get(oid).and_then(value::whole);
    if let Some((guard, wanted)) = &row.only_while {
        let guard = guard.at(bound.place);
        // What counts only now and then may also be there only now and then.
        if number.is_none() || values.get(&guard).and_then(value::whole) != Some(*wanted) {
            return Ok("");
        }
    }
    let number = number.ok_or_else(|| gone(oid))?;
    let words = row.lookup.and_then(|name| table.lookup(name));
    Ok(words
        .and_then(|words| value::word(words, number))
        .unwrap_or(""))
}

/// The alarm of one row, with what it is about.
fn alarm(table: &Table, row: &Row, bound: &Bound, values: &Values) -> Option<String> {
    let number = value::whole(values.get(bound.oid.as_ref()?)?)?;
    let words = row.lookup.and_then(|name| table.lookup(name))?;
    let text = value::word(words, number).filter(|text| !text.is_empty())?;
    let number = bound.place.instance;
    Some(match row.name.strip_suffix(".alarm") {
        Some("outlet.*") => format!("outlet {number} {text}"),
        Some("outlet.group.*") => format!("outlet group {number} {text}"),
        Some(phase) if phase.starts_with('L') => format!("phase {phase} {text}"),
        _ => text.to_owned(),
    })
}
