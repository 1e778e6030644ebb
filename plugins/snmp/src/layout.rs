//! What one agent has of its table: each row and command for each place that `count` found, if its object answers.
//!
//! ```text
//! two devices in a chain             every name gets device.N.
//! input.phases 3                     rows marked in1 are left out
//! an object that does not answer     so is its row
//! ```
//!
//! Refuses more rows and commands than the limits below: an agent that answers everything ends there.

use crate::agent::{Agent, Values};
use crate::count::{self, Chain, Instances, KINDS, Kind};
use crate::object::{Object, Place};
use crate::table::{Command, Row, Side, Source, Table, Writes};
use crate::value;
use husk_driver::host::Level;
use husk_driver::{Error, Oid, log};

/// Rows of one agent; a chain of two switched PDUs with 48 outlets each has 3400.
const ROWS_MAX: usize = 4000;
/// Commands of one agent: 48 outlets with six each, in a chain of six.
const COMMANDS_MAX: usize = 2000;
/// What an agent has of its table.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Rows with their places filled in, in the table's order.
    pub(crate) rows: Vec<Bound>,
    /// Commands with their places filled in.
    pub(crate) commands: Vec<BoundCommand>,
    /// Variables that the counting found out: name and value.
    pub(crate) counted: Vec<(String, u32)>,
    /// Devices in the chain; `None` when the table knows no chains.
    pub(crate) devices: Option<u32>,
}

/// A row of the table for one place.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    /// Its index in the table.
    pub(crate) row: usize,
    /// The variable.
    pub(crate) name: String,
    /// The object; none for what the driver says itself.
    pub(crate) oid: Option<Oid>,
    /// The agent's numbers.
    pub(crate) place: Place,
    /// The device of a chain, from 1; 0: the chain as a whole, which is only read.
    pub(crate) device: u32,
}

/// A command of the table for one place.
#[derive(Clone, Debug)]
pub(crate) struct BoundCommand {
    /// Its index in the table.
    pub(crate) command: usize,
    /// The command.
    pub(crate) name: String,
    /// What is written where.
    pub(crate) writes: Vec<(Oid, Writes)>,
}

/// Finds out what the agent has; the values read on the way come with it.
///
/// # Errors
/// Failures of the agent.
pub(crate) fn find(agent: &mut Agent, table: &Table) -> Result<(Layout, Values), Error> {
    let chain = Chain::find(agent, table)?;
    let mut layout = Layout {
        devices: chain.is_one.then_some(chain.devices),
        ..Layout::default()
    };
    let mut instances = Vec::new();
    for device in 1..=chain.devices {
        for kind in KINDS {
            let found = count::count(agent, table, &chain, device, kind)?;
            let number = found.numbers.end - found.numbers.start;
            if number > 0 {
                layout
                    .counted
                    .push((chain.name(device, kind.counted()), number));
            }
            instances.push(found);
        }
    }
    layout.fill_in(table, &chain, &instances);
    let mut values = agent.look(layout.objects(table))?;
    // The status is worth a second question.
    let status = layout
        .rows
        .iter()
        .filter(|bound| bound.is(table, "ups.status"));
    let status = status.flat_map(|bound| bound.objects(table));
    let unseen = status.filter(|oid| !values.contains_key(oid));
    let mut seen = agent.plain(unseen.collect())?;
    values.append(&mut seen);
    let values = agent.follow(values)?;
    layout.keep_what_answers(table, &values);
    layout.count_phases(table);
    Ok((layout, values))
}

impl Layout {
    /// Every object that is to be read at the start.
    fn objects(&self, table: &Table) -> Vec<Oid> {
        let writes = self.commands.iter().flat_map(|command| &command.writes);
        let alarms = table.alarms.iter().map(|alarms| alarms.count.clone());
        let rows = self.rows.iter().flat_map(|bound| bound.objects(table));
        rows.chain(writes.map(|(oid, _)| oid.clone()))
            .chain(alarms)
            .collect()
    }

    fn fill_in(&mut self, table: &Table, chain: &Chain, instances: &[Instances]) {
        for (at, row) in table.rows.iter().enumerate() {
            let object = match &row.source {
                Source::Object(object) => Some(object),
                Source::Constant(_) | Source::Kept(_) => None,
            };
            if self.devices.is_some() && row.name == "device.count" {
                continue;
            }
            let kind = Kind::of(&row.name, object);
            let everywhere = object.is_none_or(Object::of_device);
            for (device, instance) in places(chain, instances, kind, everywhere) {
                let place = Place {
                    device: chain.number(device),
                    instance,
                };
                let name = row.name.replace('*', &instance.to_string());
                let bound = Bound {
                    row: at,
                    name: chain.name(device, &name),
                    oid: object.map(|object| object.at(place)),
                    place,
                    device,
                };
                // What the agent says of itself is also of the whole chain.
                if !everywhere && name.starts_with("device.") && bound.name != name {
                    let name = name.clone();
                    let bound = bound.clone();
                    self.rows.push(Bound {
                        name,
                        device: 0,
                        ..bound
                    });
                }
                self.rows.push(bound);
            }
        }
        for (at, command) in table.commands.iter().enumerate() {
            self.fill_in_command(at, command, chain, instances);
        }
        if self.rows.len() > ROWS_MAX || self.commands.len() > COMMANDS_MAX {
            log!(
                Level::Warn,
                "the agent has {} rows and {} commands; {ROWS_MAX} and {COMMANDS_MAX} are served",
                self.rows.len(),
                self.commands.len()
            );
            self.rows.truncate(ROWS_MAX);
            self.commands.truncate(COMMANDS_MAX);
        }
    }

    fn fill_in_command(
        &mut self,
        at: usize,
        command: &Command,
        chain: &Chain,
        instances: &[Instances],
    ) {
        let kind = Kind::of(command.name, None);
        let everywhere = command.writes.iter().all(|(object, _)| object.of_device());
        for (device, instance) in places(chain, instances, kind, everywhere) {
            let place = Place {
                device: chain.number(device),
                instance,
            };
            let number = instance.to_string();
            let writes = command.writes.iter();
            let writes = writes.map(|(object, writes)| (object.at(place), writes.clone()));
            self.commands.push(BoundCommand {
                command: at,
                name: chain.name(device, &command.name.replace('*', &number)),
                writes: writes.collect(),
            });
        }
    }

    /// Leaves out rows without an object that answers, rows for another number of phases, and commands nothing takes.
    fn keep_what_answers(&mut self, table: &Table, values: &Values) {
        let phases: Vec<_> = (1..=self.devices.unwrap_or(1))
            .map(|device| {
                [Side::Input, Side::Output].map(|side| self.phases(table, values, device, side))
            })
            .collect();
        let fits = |bound: &Bound| {
            let Some(row) = table.rows.get(bound.row) else {
                return false;
            };
            let device = phases.get(bound.device.saturating_sub(1) as usize);
            let known =
                |side: Side| device.and_then(|sides| sides.get(side as usize).copied().flatten());
            let answers = bound.oid.as_ref().is_none_or(|oid| match values.get(oid) {
                Some(value) if row.name == "ups.status" => value::whole(value).is_some(),
                value => value.is_some(),
            });
            answers
                && row.phases.is_none_or(|(side, wanted)| match known(side) {
                    Some(1) => wanted == 1,
                    Some(_) => wanted == 3,
                    None => true,
                })
        };
        self.rows.retain(fits);
        let takes = |command: &BoundCommand| {
            let there = |(oid, writes): &(Oid, Writes)| {
                matches!(writes, Writes::Lock | Writes::IfThere(_)) || values.contains_key(oid)
            };
            let many = table
                .commands
                .get(command.command)
                .is_some_and(|row| row.name.contains('*'));
            many || command.writes.iter().all(there)
        };
        let kept: Vec<BoundCommand> = self
            .commands
            .iter()
            .filter(|command| takes(command))
            .cloned()
            .collect();
        self.commands = kept;
    }

    /// The number of phases a device says it has.
    fn phases(&self, table: &Table, values: &Values, device: u32, side: Side) -> Option<i64> {
        let name = match side {
            Side::Input => "input.phases",
            Side::Output => "output.phases",
        };
        let mut told = self.rows.iter().filter(|bound| bound.device == device);
        let told = told.find(|bound| bound.is(table, name))?;
        told.text(table, values)?.parse().ok()
    }

    /// Counts the phases of devices that do not: one, where one answers and no second does.
    /// (Tables that ask for the number know no chains.)
    fn count_phases(&mut self, table: &Table) {
        if !table.rows.iter().any(|row| row.phases.is_some()) {
            return;
        }
        let sides = [
            ("input", Some(Side::Input)),
            ("output", Some(Side::Output)),
            ("input.bypass", None),
        ];
        for (side, of) in sides {
            let name = format!("{side}.phases");
            let there = |name: &str| self.rows.iter().any(|bound| bound.is(table, name));
            let one = there(&format!("{side}.voltage")) || there(&format!("{side}.current"));
            let second = format!("{side}.L2");
            let more = self
                .rows
                .iter()
                .any(|bound| bound.name.starts_with(&second));
            if !one || more || there(&name) || !table.rows.iter().any(|row| row.name == name) {
                continue;
            }
            self.counted.push((name, 1));
            let of_three = |row: &Row| row.phases == of.map(|side| (side, 3));
            self.rows.retain(|bound| {
                let row = table.rows.get(bound.row);
                of.is_none() || !row.is_some_and(of_three)
            });
        }
    }
}

impl Bound {
    /// Whether it is of the row of this name.
    fn is(&self, table: &Table, name: &str) -> bool {
        table.rows.get(self.row).is_some_and(|row| row.name == name)
    }

    /// The objects that its value takes.
    pub(crate) fn objects(&self, table: &Table) -> Vec<Oid> {
        let row = table.rows.get(self.row);
        let beside = row.into_iter().flat_map(Row::beside);
        let beside = beside.map(|object| object.at(self.place));
        self.oid.iter().cloned().chain(beside).collect()
    }

    /// What it shows of the values.
    pub(crate) fn text(&self, table: &Table, values: &Values) -> Option<String> {
        let row = table.rows.get(self.row)?;
        let lookup = row.lookup.and_then(|name| table.lookup(name));
        let value = values.get(self.oid.as_ref()?)?;
        let unit = row
            .unit()
            .and_then(|object| values.get(&object.at(self.place)));
        value::show(row, lookup, value, unit)
    }
}

/// Where a row or command is: devices from 1 and the agent's numbers of instances.
fn places(
    chain: &Chain,
    instances: &[Instances],
    kind: Option<Kind>,
    everywhere: bool,
) -> Vec<(u32, u32)> {
    let last = if everywhere { chain.devices } else { 1 };
    match kind {
        None => (1..=last).map(|device| (device, 0)).collect(),
        Some(kind) => {
            let here = |found: &&Instances| found.kind == kind && found.device <= last;
            let numbers = |found: &Instances| {
                let device = found.device;
                found.numbers.clone().map(move |number| (device, number))
            };
            instances.iter().filter(here).flat_map(numbers).collect()
        }
    }
}
