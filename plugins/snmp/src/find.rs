//! Which table is for an agent.
//!
//! ```text
//! > sysObjectID.0, and the object of each table that names the model, in one request
//! < 1.3.6.1.4.1.705.1; 1.3.6.1.4.1.705.1.1.1.0 = "Galaxy 7000"
//!   705.1 is the sysObjectID of two entries; only the model tells which
//! ```
//!
//! First the entries whose sysObjectID is the agent's, then all in order: the first whose model is a text. At last the
//! standard MIB, if its battery or its output tells a state that it knows: some cards leave the model out.
//!
//! Refuses every other agent, and says what it calls itself; and, unless a table is named, one that answers anything.

use crate::agent::{Agent, Values};
use crate::mibs::{self, Entry};
use crate::object::Place;
use crate::table::{BadTable, Lookup, Source, Table};
use crate::value;
use husk_driver::{Error, Oid, SnmpValue};

/// sysObjectID.0 (RFC 3418).
const SYS_OBJECT_ID: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 2, 0];
/// Objects that no agent has: who answers them answers anything.
const NOBODYS: [&[u32]; 3] = [
    &[1, 3, 6, 1, 2, 1, 33, 1, 0, 99],
    &[1, 3, 6, 1, 2, 1, 1, 0, 1, 0],
    &[1, 3, 6, 1, 4, 1, 0, 33, 0],
];
/// Devices and outlets are numbered from one of these.
pub(crate) const BASES: [u32; 2] = [0, 1];

impl From<BadTable> for Error {
    fn from(bad: BadTable) -> Self {
        Self::Other(format!(
            "the table {} cannot be read: {}",
            bad.file, bad.line
        ))
    }
}

/// Finds the table of an agent; `mibs` names one, `auto` and nothing none.
///
/// # Errors
/// [`Error::NotMine`] when none fits, [`Error::BadSetting`] for a name that is none, and failures of the agent.
pub(crate) fn find(agent: &mut Agent, mibs: Option<&str>) -> Result<(Entry, Table), Error> {
    let named = mibs.filter(|name| !name.eq_ignore_ascii_case("auto"));
    let wanted = |entry: &Entry| named.is_none_or(|name| entry.name.eq_ignore_ascii_case(name));
    let entries: Vec<Entry> = mibs::entries().filter(wanted).collect();
    if entries.is_empty() {
        return Err(Error::BadSetting {
            name: "mibs".into(),
            expected: format!("auto or one of {}", names()),
        });
    }
    let models = models(&entries)?;
    let system = Oid::new(SYS_OBJECT_ID.to_vec()).unwrap_or_default();
    let nobodys = NOBODYS.map(|ids| Oid::new(ids.to_vec()).unwrap_or_default());
    let asked = models.iter().flatten().chain([&system]).chain(&nobodys);
    let values = agent.plain(asked.cloned().collect())?;
    if named.is_none() && nobodys.iter().any(|oid| values.contains_key(oid)) {
        return Err(Error::NotMine(
            "an agent that answers objects that do not exist; mibs = NAME takes it all the same"
                .into(),
        ));
    }
    let identity = values.get(&system).and_then(object_id);
    let with_model = |at: &usize| {
        let mut models = models.get(*at).into_iter().flatten();
        models.any(|model| matches!(values.get(model), Some(SnmpValue::Octets(_))))
    };
    let known = |at: &usize| entries.get(*at).map(|entry| &entry.known_by) == identity.as_ref();
    let places = || 0..entries.len();
    let found = places().filter(known).find(with_model);
    let found = found.or_else(|| places().find(with_model));
    if let Some(entry) = found.and_then(|at| entries.get(at)) {
        return Ok((entry.clone(), Table::load(entry.file)?));
    }
    let nameless = |entry: &&Entry| named.is_some() || entry.name == mibs::STANDARD;
    if let Some(entry) = entries.iter().find(nameless) {
        let table = Table::load(entry.file)?;
        if tells_a_state(agent, &table)? {
            return Ok((entry.clone(), table));
        }
    }
    Err(Error::NotMine(refusal(named, identity.as_ref(), &values)))
}

/// The objects that name the model, for each entry.
fn models(entries: &[Entry]) -> Result<Vec<Vec<Oid>>, Error> {
    let mut models = Vec::new();
    for entry in entries {
        let table = Table::load(entry.file)?;
        let at = |device| Place {
            device,
            instance: 0,
        };
        let objects = table.model().into_iter();
        models.push(
            objects
                .flat_map(|object| BASES.map(|base| object.at(at(base))))
                .collect(),
        );
    }
    Ok(models)
}

/// Whether an object of the status holds a number that its lookup knows.
fn tells_a_state(agent: &mut Agent, table: &Table) -> Result<bool, Error> {
    let rows = table.rows.iter().filter(|row| row.name == "ups.status");
    let rows = rows.filter(|row| row.only_while.is_none());
    let sources: Vec<_> = rows
        .filter_map(|row| match &row.source {
            Source::Object(object) => {
                Some((object.at(Place::default()), table.lookup(row.lookup?)?))
            }
            _ => None,
        })
        .collect();
    let values = agent.plain(sources.iter().map(|(oid, _)| oid.clone()).collect())?;
    let told = |(oid, words): &(Oid, &Lookup)| {
        let number = values.get(oid).and_then(value::whole);
        number.and_then(|number| value::word(words, number))
    };
    let mut words = sources.iter().filter_map(told);
    Ok(words.any(|words| !words.is_empty()))
}

/// The OID in a sysObjectID; some agents send it as text.
fn object_id(value: &SnmpValue) -> Option<Oid> {
    match value {
        SnmpValue::Oid(oid) => Some(oid.clone()),
        SnmpValue::Octets(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
        _ => None,
    }
}

fn refusal(named: Option<&str>, identity: Option<&Oid>, values: &Values) -> String {
    let who = match identity {
        Some(oid) => format!("an agent that calls itself {oid}"),
        None if values.is_empty() => {
            "an agent that answers none of the objects asked for".to_owned()
        }
        None => "an agent that does not say what it is".to_owned(),
    };
    match named {
        Some(name) => format!("{who}; it has neither the model nor the status of mibs = {name}"),
        None => format!("{who}; none of the MIBs known here has its model"),
    }
}

fn names() -> String {
    let mut names: Vec<&str> = mibs::entries().map(|entry| entry.name).collect();
    names.dedup();
    names.join(", ")
}
