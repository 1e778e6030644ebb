//! How many devices, outlets, groups and sensors an agent has, and from which number it counts them.
//!
//! ```text
//! device.count "0,1" (or a number, or as many models as answer)   two devices in a chain
//! outlet.count 24 (or as many as answer in a row)                 outlet.*.status is 24 variables
//! objects of index 0 answer: counted from 0, else from 1          the variables bear the agent's numbers
//! ```
//!
//! Refuses more than the limits below: an agent that answers everything ends there.

use crate::agent::Agent;
use crate::find::BASES;
use crate::object::{Object, Place};
use crate::table::{Row, Source, Table};
use crate::value;
use husk_driver::{Error, SnmpValue};

/// Devices in a chain: Eaton and HPE allow 8.
const DEVICES_MAX: u32 = 16;
/// Outlets, groups or sensors of one device: the largest PDU known has 48 outlets.
const INSTANCES_MAX: u32 = 128;
/// Instances looked for at once, and rows asked for each.
const PROBED: u32 = 16;
const PROBED_ROWS: usize = 4;

/// Rows that are there several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `outlet.*`
    Outlet,
    /// `outlet.group.*`
    Group,
    /// `ambient.*`
    Sensor,
}

/// All of them.
pub(crate) const KINDS: [Kind; 3] = [Kind::Outlet, Kind::Group, Kind::Sensor];

impl Kind {
    /// The kind of a row or command.
    pub(crate) fn of(name: &str, object: Option<&Object>) -> Option<Self> {
        let starts = |kind: &Kind| name.starts_with(kind.begins());
        let named = KINDS.into_iter().find(starts);
        named.or_else(|| object?.of_instance().then_some(Self::Sensor))
    }

    const fn begins(self) -> &'static str {
        match self {
            Self::Outlet => "outlet.*.",
            Self::Group => "outlet.group.*.",
            Self::Sensor => "ambient.*.",
        }
    }

    /// The variable that counts them.
    pub(crate) const fn counted(self) -> &'static str {
        match self {
            Self::Outlet => "outlet.count",
            Self::Group => "outlet.group.count",
            Self::Sensor => "ambient.count",
        }
    }
}

/// The numbers of the instances of one kind on one device.
pub(crate) struct Instances {
    /// What they are.
    pub(crate) kind: Kind,
    /// The device, from 1.
    pub(crate) device: u32,
    /// The agent's numbers.
    pub(crate) numbers: std::ops::Range<u32>,
}

/// The devices behind the agent.
pub(crate) struct Chain {
    /// Whether the table knows chains at all.
    pub(crate) is_one: bool,
    /// How many there are.
    pub(crate) devices: u32,
    /// The agent's number of the first device.
    base: u32,
}

impl Chain {
    /// Counts them.
    ///
    /// # Errors
    /// Failures of the agent.
    pub(crate) fn find(agent: &mut Agent, table: &Table) -> Result<Self, Error> {
        let object = |row: &Row| matches!(&row.source, Source::Object(o) if o.of_device());
        let mut chain = Self {
            is_one: table.rows.iter().any(object),
            devices: 1,
            base: 0,
        };
        let Some(model) = table.model().filter(|_| chain.is_one) else {
            return Ok(chain);
        };
        let count = object_of(table, "device.count");
        let at = |device| Place {
            device,
            instance: 0,
        };
        let models = (0..=DEVICES_MAX).map(|device| model.at(at(device)));
        let asked = models.chain(count.map(|(_, object)| object.at(Place::default())));
        let values = agent.look(asked.collect())?;
        let there = |device: &u32| {
            let value = values.get(&model.at(at(*device)));
            value.is_some_and(|value| !says_na(value))
        };
        chain.base = BASES.into_iter().find(there).unwrap_or(1);
        let told = count.and_then(|(row, object)| {
            let value = values.get(&object.at(Place::default()))?;
            value::show(row, None, value, None)?.parse::<u32>().ok()
        });
        let answering = || (chain.base..=DEVICES_MAX).take_while(there).count() as u32;
        let devices = told.filter(|count| *count > 0).unwrap_or_else(answering);
        chain.devices = devices.clamp(1, DEVICES_MAX);
        Ok(chain)
    }

    /// The agent's number of a device, counted from 1.
    pub(crate) fn number(&self, device: u32) -> u32 {
        self.base + device - 1
    }

    /// A name as it is for one device of the chain.
    pub(crate) fn name(&self, device: u32, name: &str) -> String {
        if self.devices == 1 {
            return name.to_owned();
        }
        let name = name.strip_prefix("device.").unwrap_or(name);
        format!("device.{device}.{name}")
    }
}

fn says_na(value: &SnmpValue) -> bool {
    matches!(value, SnmpValue::Octets(text) if text.starts_with(b"N/A"))
}

/// The row of a variable with its object.
fn object_of<'a>(table: &'a Table, name: &str) -> Option<(&'a Row, &'a Object)> {
    table.rows.iter().find_map(|row| match &row.source {
        Source::Object(object) if row.name == name => Some((row, object)),
        _ => None,
    })
}

/// How many of a kind a device has, and from which number on.
///
/// # Errors
/// Failures of the agent.
pub(crate) fn count(
    agent: &mut Agent,
    table: &Table,
    chain: &Chain,
    device: u32,
    kind: Kind,
) -> Result<Instances, Error> {
    let own = |row: &Row| match &row.source {
        Source::Object(object) if object.of_instance() => {
            let here = object.of_device() || device == 1;
            let mine = Kind::of(&row.name, Some(object)) == Some(kind);
            (here && mine).then(|| (row.clone(), object.clone()))
        }
        _ => None,
    };
    let rows: Vec<(Row, Object)> = table.rows.iter().filter_map(own).collect();
    let none = Instances {
        kind,
        device,
        numbers: 0..0,
    };
    if rows.is_empty() {
        return Ok(none);
    }
    let at = |instance| Place {
        device: chain.number(device),
        instance,
    };
    let counted = object_of(table, kind.counted()).map(|(_, object)| object.at(at(0)));
    let first = rows
        .iter()
        .flat_map(|(_, object)| BASES.map(|base| object.at(at(base))));
    let values = agent.look(first.chain(counted.clone()).collect())?;
    let valid = |(row, object): &(Row, Object), instance| {
        let value = values.get(&object.at(at(instance)));
        value.is_some_and(|value| {
            let zero = row.invalid.zero && value::number(value) == Some(0.0);
            !(zero || row.invalid.not_available && says_na(value))
        })
    };
    let base = BASES
        .into_iter()
        .find(|base| rows.iter().any(|row| valid(row, *base)));
    let told = counted.and_then(|oid| u32::try_from(value::whole(values.get(&oid)?)?).ok());
    let number = match (told, base) {
        (Some(told), _) => told.min(INSTANCES_MAX),
        (None, Some(base)) => probe(agent, &rows, at, base)?,
        (None, None) => return Ok(none),
    };
    let base = base.unwrap_or(1);
    Ok(Instances {
        numbers: base..base + number,
        ..none
    })
}

/// Counts the instances that answer, in a row from `base` on.
fn probe(
    agent: &mut Agent,
    rows: &[(Row, Object)],
    at: impl Fn(u32) -> Place,
    base: u32,
) -> Result<u32, Error> {
    let mut number = 0;
    while number < INSTANCES_MAX {
        let some = || rows.iter().take(PROBED_ROWS);
        let instances = (base + number..).take(PROBED as usize);
        let object = |instance| some().map(move |(_, object)| (instance, object));
        let asked = instances.clone().flat_map(object);
        let asked = asked.map(|(instance, object)| object.at(at(instance)));
        let values = agent.look(asked.collect())?;
        let there = |instance: &u32| {
            let mut objects = some().map(|(_, object)| object.at(at(*instance)));
            objects.any(|oid| values.contains_key(&oid))
        };
        let more = instances.take_while(there).count() as u32;
        number += more;
        if more < PROBED {
            break;
        }
    }
    Ok(number)
}
