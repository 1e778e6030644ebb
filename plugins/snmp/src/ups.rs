//! The engine: what is read when, and what becomes of it.
//!
//! ```text
//! open       sysObjectID and models; counts; then every object of the table in one request
//! poll       status, alarms, charge and runtime; every pollfreq seconds, and after a write, all that changes
//!            of many objects 240 at each poll until all are read
//! seldom     what hardly changes, each semistaticfreq-th time; what never does is read once
//! ```
//!
//! An object that stops answering costs its variable; the status costs the poll (see `status`).

use crate::agent::{Agent, Values};
use crate::commands;
use crate::find;
use crate::layout::{self, Bound, Layout};
use crate::options::{MIBS, Options};
use crate::status::{self, Status};
use crate::table::{Kept, Often, Row, Source, Table};
use crate::value;
use husk_driver::host::{self, Level};
use husk_driver::{Error, Oid, Report, Settings, Snmp, SnmpValue, Varbind, Wake, log, var};
use std::collections::BTreeSet;

/// Objects of a walk read in one poll beside the status: ten packets, which the slowest cards answer in two seconds. What
/// is more, as of a PDU with many outlets, comes with the next polls.
const READ_MAX: usize = 240;
/// Alarms a card lists at once; the longest table of kinds has 40.
const ALARMS_MAX: u32 = 256;
/// Beside the status what is worth a look at each poll.
const OFTEN: [&str; 3] = ["battery.charge", "battery.runtime", "input.source"];
/// Transfer voltages: what two options are about.
const TRANSFERS: [&str; 2] = ["input.transfer.low", "input.transfer.high"];

/// What is the UPS's is the device's.
const IDENTITY: [(&str, &str); 3] = [
    ("device.mfr", "ups.mfr"),
    ("device.model", "ups.model"),
    ("device.serial", "ups.serial"),
];

/// One agent and what is behind it.
pub(crate) struct Ups {
    pub(crate) agent: Agent,
    pub(crate) table: Table,
    pub(crate) layout: Layout,
    pub(crate) options: Options,
    /// The last value of each object.
    pub(crate) values: Values,
    mib: &'static str,
    status: Status,
    alarms: Vec<SnmpValue>,
    /// The object that tells how many alarms are listed, if the agent has it.
    alarm_count: Option<Oid>,
    /// Texts that clients gave to variables the driver keeps.
    kept: Vec<(String, String)>,
    /// When everything was read last; `None`: the next poll does.
    walked_ms: Option<u64>,
    walks: u32,
    /// What is still to be read of this walk.
    pending: Vec<Oid>,
}

impl Ups {
    /// Finds the agent's table and what it has of it.
    ///
    /// # Errors
    /// [`Error::NotMine`], [`Error::BadSetting`], and failures of the agent.
    pub(crate) fn open(port: Snmp, settings: &Settings) -> Result<Self, Error> {
        let options = Options::new(settings)?;
        let mut agent = Agent::new(port);
        let (entry, mut table) = find::find(&mut agent, settings.get(MIBS))?;
        log!(
            Level::Info,
            "the agent is read as {} ({})",
            entry.name,
            entry.file
        );
        if options.no_transfers {
            table
                .rows
                .retain(|row| !TRANSFERS.contains(&row.name.as_str()));
        }
        let (layout, values) = layout::find(&mut agent, &table)?;
        let mut ups = Self {
            alarm_count: None,
            agent,
            table,
            layout,
            options,
            values,
            mib: entry.name,
            status: Status::default(),
            alarms: Vec::new(),
            kept: Vec::new(),
            walked_ms: None,
            walks: 0,
            pending: Vec::new(),
        };
        ups.find_alarms();
        ups.warn_of_silence();
        // What was just read is fresh: the first poll only asks for the list of alarms.
        ups.list_alarms()?;
        ups.walked_ms = Some(host::now_ms());
        Ok(ups)
    }

    /// As [`husk_driver::Driver::poll`].
    pub(crate) fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        let now = host::now_ms();
        let due = |walked: u64| now.saturating_sub(walked) >= self.options.walk_ms;
        let full = why == Wake::SettingsChanged || self.walked_ms.is_none_or(due);
        if full && !self.status.told() && self.walks.is_multiple_of(self.options.seldom) {
            self.look_again()?;
        }
        if full {
            self.pending = self.wanted(true);
            self.pending.sort_unstable();
            self.pending.dedup();
        }
        let mut asked = self.wanted(false);
        let some = self.pending.len().min(READ_MAX);
        asked.extend(self.pending.drain(..some));
        let fresh = self.agent.read(asked.clone());
        if fresh.is_err() {
            self.walked_ms = None;
        }
        let mut fresh = fresh?;
        for oid in &asked {
            self.values.remove(oid);
        }
        self.values.append(&mut fresh);
        self.list_alarms()?;
        if full {
            self.walked_ms = Some(now);
            self.walks = self.walks.wrapping_add(1);
        }
        self.report()
    }

    /// Writes a variable.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for one that cannot be written, [`Error::InvalidArgument`], and what the agent refuses.
    pub(crate) fn set(&mut self, variable: &str, text: &str) -> Result<(), Error> {
        let writable = |bound: &&Bound| {
            let row = self.table.rows.get(bound.row);
            bound.name == variable && bound.device > 0 && row.is_some_and(|row| row.writable)
        };
        let bound = self.layout.rows.iter().find(writable).cloned();
        let bound = bound
            .filter(|_| !self.agent.read_only)
            .ok_or(Error::Unsupported)?;
        let row = self.table.rows.get(bound.row).ok_or(Error::Unsupported)?;
        let refused = || Error::InvalidArgument(format!("{variable} cannot be {text}"));
        let Some(oid) = bound.oid else {
            let most = row.text.unwrap_or(u32::MAX) as usize;
            match row.source {
                Source::Kept(kept) => self.options.keep(kept, text)?,
                _ if text.len() > most => return Err(refused()),
                _ => {
                    self.kept.retain(|(name, _)| *name != bound.name);
                    self.kept.push((bound.name, text.to_owned()));
                }
            }
            return Ok(());
        };
        let lookup = row.lookup.and_then(|name| self.table.lookup(name));
        let before = self.values.get(&oid);
        let unit = row
            .unit()
            .and_then(|object| self.values.get(&object.at(bound.place)));
        let value = value::take(row, lookup, text, before, unit).ok_or_else(refused)?;
        self.write(&[Varbind { oid, value }])
    }

    /// Writes objects, and takes for read what was written until they are read again.
    ///
    /// # Errors
    /// What the agent or the host refuses.
    pub(crate) fn write(&mut self, bindings: &[Varbind]) -> Result<(), Error> {
        self.walked_ms = None;
        self.agent.write(bindings)?;
        for Varbind { oid, value } in bindings {
            self.values.insert(oid.clone(), value.clone());
        }
        Ok(())
    }

    /// A card that has just started knows little of its UPS: while nothing tells where the power comes from, what
    /// answers is looked for anew.
    fn look_again(&mut self) -> Result<(), Error> {
        let tells = |row: &Row| row.name == "ups.status";
        if self.table.rows.iter().any(tells) {
            (self.layout, self.values) = layout::find(&mut self.agent, &self.table)?;
            self.find_alarms();
        }
        Ok(())
    }

    /// The objects to read now.
    fn wanted(&self, full: bool) -> Vec<Oid> {
        let seldom = self.walks.is_multiple_of(self.options.seldom);
        let row_wanted = |bound: &Bound| {
            let Some(row) = self.table.rows.get(bound.row) else {
                return false;
            };
            status::tells(&row.name)
                || OFTEN.contains(&row.name.as_str())
                || (full
                    && match row.often {
                        Often::Walk => true,
                        Often::Seldom => seldom,
                        Often::Once => false,
                    })
        };
        let rows = self.layout.rows.iter().filter(|bound| row_wanted(bound));
        let rows = rows.flat_map(|bound| bound.objects(&self.table));
        rows.chain(self.alarm_count.clone()).collect()
    }

    /// Finds out whether the agent counts its alarms.
    fn find_alarms(&mut self) {
        let count = self.table.alarms.as_ref().map(|alarms| &alarms.count);
        self.alarm_count = count
            .filter(|count| self.values.contains_key(count))
            .cloned();
    }

    /// Reads the list of alarms when there are any.
    fn list_alarms(&mut self) -> Result<(), Error> {
        self.alarms.clear();
        let (Some(alarms), Some(count)) = (&self.table.alarms, &self.alarm_count) else {
            return Ok(());
        };
        let number = self.values.get(count).and_then(value::whole);
        let number =
            number.ok_or_else(|| Error::Protocol("it no longer counts its alarms".into()))?;
        if number > 0 {
            self.alarms = self.agent.column(&alarms.column, ALARMS_MAX)?;
        }
        Ok(())
    }

    fn report(&mut self) -> Result<Report, Error> {
        let mut report = Report::new();
        let mut named = BTreeSet::new();
        for bound in &self.layout.rows {
            let Some(row) = self.table.rows.get(bound.row) else {
                continue;
            };
            if status::tells(&row.name) || named.contains(bound.name.as_str()) {
                continue;
            }
            if let Some(text) = self.text(row, bound) {
                named.insert(bound.name.as_str());
                self.say(&mut report, row, bound, text);
            }
        }
        for (name, number) in &self.layout.counted {
            if !named.contains(name.as_str()) {
                report.set(name.as_str(), *number);
            }
        }
        self.say_chain(&mut report);
        for (device, ups) in IDENTITY {
            let text = report.value(ups).map(str::to_owned);
            report.set(device, text);
        }
        if report.value("device.type").is_none() {
            report.set(var::DEVICE_TYPE, "ups");
        }
        report.set(var::DRIVER_VERSION_DATA, format!("{} MIB", self.mib));
        let Self {
            table,
            layout,
            values,
            alarms,
            ..
        } = self;
        self.status
            .report(table, layout, values, alarms, &mut report)?;
        if !self.agent.read_only {
            commands::report(&self.table, &self.layout, &mut report);
        }
        Ok(report)
    }

    /// What a row shows now.
    fn text(&self, row: &Row, bound: &Bound) -> Option<String> {
        match &row.source {
            Source::Kept(kept) => Some(self.options.kept(*kept).to_string()),
            Source::Constant(text) => {
                let mut kept = self.kept.iter();
                match kept.find(|(name, _)| *name == bound.name) {
                    Some((_, given)) => Some(given.clone()),
                    None => Some(text.replace('*', &bound.place.instance.to_string())),
                }
            }
            Source::Object(_) => {
                let text = bound.text(&self.table, &self.values)?;
                if self.options.line_to_line && TRANSFERS.contains(&row.name.as_str()) {
                    let volts: f64 = text.parse().ok()?;
                    return value::printed(volts * 0.707);
                }
                Some(text)
            }
        }
    }

    /// Sets one variable, with what clients may do with it.
    fn say(&self, report: &mut Report, row: &Row, bound: &Bound, text: String) {
        let slot = report.set(bound.name.as_str(), text);
        if !row.writable || bound.device == 0 || self.agent.read_only {
            return;
        }
        let slot = slot.writable();
        let mut choices: Vec<&str> = Vec::new();
        let words = row.lookup.and_then(|name| self.table.lookup(name));
        for (_, word) in words.into_iter().flatten() {
            if !word.is_empty() && !choices.contains(word) {
                choices.push(word);
            }
        }
        let longest = choices.iter().map(|word| word.len() as u32).max();
        let slot = match (row.text, &row.source) {
            (_, Source::Kept(_)) => slot.number().range(0, 86_400),
            (Some(most), _) => slot.text(most.max(longest.unwrap_or(0))),
            (None, _) if choices.is_empty() => slot.number(),
            _ => slot,
        };
        let _slot = slot.choices(choices);
    }

    /// What a chain is as a whole.
    fn say_chain(&self, report: &mut Report) {
        let Some(devices) = self.layout.devices else {
            return;
        };
        report.set(var::DEVICE_COUNT, devices);
        if devices > 1 {
            let text = |name: &str| {
                let mut rows = self.table.rows.iter().filter(|row| row.name == name);
                rows.find_map(|row| match row.source {
                    Source::Constant(text) => Some(text),
                    _ => None,
                })
            };
            let kind = text("device.type").unwrap_or("pdu");
            report.set(var::DEVICE_TYPE, kind);
            report.set(var::UPS_MFR, text("ups.mfr").or_else(|| text("device.mfr")));
            report.set(
                var::DEVICE_MODEL,
                format!("daisychain {kind} (1+{})", devices - 1),
            );
        }
    }

    /// An operator should know when a UPS does not tell whether mains are there.
    fn warn_of_silence(&self) {
        let is = |name: &str| {
            let mut rows = self.layout.rows.iter();
            rows.any(|bound| bound.name == name)
        };
        let kind = self.table.rows.iter().find_map(|row| match row.source {
            Source::Constant(text) if row.name == "device.type" => Some(text),
            _ => None,
        });
        if kind.is_none_or(|kind| kind == "ups") && !is("ups.status") {
            log!(
                Level::Warn,
                "nothing the agent says tells whether mains are there"
            );
        }
    }

    /// The seconds of a delay as they stand.
    pub(crate) fn delay(&self, kept: Kept) -> u32 {
        self.options.kept(kept)
    }
}
