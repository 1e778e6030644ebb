//! One device with its descriptor and the reports read in this poll.
//!
//! A report is read at most once a poll, however many fields are in it, and one that the device does not have or that is
//! known to hang it is not asked for. What makers' functions may ask of a device is [`Look`].
//!
//! Refuses to serve yesterday's report: [`Device::begin`] forgets them all, except as the ground a write patches.

use crate::link::Link;
use crate::makers::Maker;
use crate::row::Kept;
use husk_driver::host::Level;
use husk_driver::wire::hid::{Descriptor, Field, Kind, Path};
use husk_driver::{Error, IoError, Settings, UsbIdentity, log};
use std::collections::BTreeMap;

/// Most reports that may fail in one poll before it is given up.
const FAILURES_MAX: u32 = 2;
/// The same for reports that never answered, of which some firmware has a few: each costs 1.5 s of a poll's 10.
const FIRST_FAILURES_MAX: u32 = 4;
/// Attempts at a report that never answered.
const ATTEMPTS: u32 = 2;
/// Bytes asked for from devices whose reports are longer than described; the longest known is 8.
const LONGEST_REPORT: u16 = 64;

/// A device and what is known about its reports.
pub(crate) struct Device {
    pub(crate) maker: &'static Maker,
    identity: UsbIdentity,
    descriptor: Descriptor,
    link: Link,
    reports: BTreeMap<u8, Known>,
    /// Reports read in this poll, and those that failed.
    reads: u32,
    failures: u32,
    first_failures: u32,
    longest: bool,
    settings: Settings,
    /// Of which kind the fields of rows and flags are: of what is told, with a device that is only listened to.
    kind: Kind,
    strings: BTreeMap<u8, Option<String>>,
    learned: BTreeMap<&'static str, f64>,
    pub(crate) delays: Delays,
}

/// The delays commands are sent with, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// From the command to power off.
    pub(crate) off: u32,
    /// From power off until power may return.
    pub(crate) on: u32,
}

/// One feature report.
#[derive(Default)]
struct Known {
    /// As last read.
    bytes: Option<Vec<u8>>,
    /// What reading it in this poll came to.
    now: Option<Result<(), IoError>>,
    /// How often reading it failed before it was ever read.
    attempts: u32,
    /// It was never read and stalled, or failed too often: the device does not have it.
    absent: bool,
}

impl Device {
    pub(crate) fn new(
        link: Link,
        maker: &'static Maker,
        identity: UsbIdentity,
        descriptor: Descriptor,
        settings: &Settings,
        delays: Delays,
    ) -> Self {
        let longest = settings.flag("maxreport") || (maker.habits.longest_report)(&identity);
        Self {
            delays,
            longest,
            settings: settings.clone(),
            kind: Kind::Feature,
            maker,
            identity,
            descriptor,
            link,
            reports: BTreeMap::new(),
            reads: 0,
            failures: 0,
            first_failures: 0,
            strings: BTreeMap::new(),
            learned: BTreeMap::new(),
        }
    }

    /// A new poll begins: what was read before does not count.
    pub(crate) fn begin(&mut self) {
        self.reads = 0;
        self.failures = 0;
        self.first_failures = 0;
        for report in self.reports.values_mut() {
            report.now = None;
        }
    }

    /// From now on fields are those the device tells by itself.
    pub(crate) fn only_listen(&mut self) {
        self.kind = Kind::Input;
    }

    /// Whether reports that stalled once, or came too short or garbled, which firmware does that is still starting, are to
    /// be asked for again before they count as missing.
    pub(crate) fn reconsider(&mut self) -> bool {
        let mut again = false;
        for (id, known) in &mut self.reports {
            let described = self.descriptor.report_length(*id, Kind::Feature);
            let length = known.bytes.as_ref().map_or(0, Vec::len);
            let doubtful = match &known.now {
                Some(Ok(())) => described.is_some_and(|described| length < described.into()),
                Some(Err(error)) => *error != IoError::Timeout,
                None => false,
            };
            if doubtful && !known.absent {
                known.now = None;
                again = true;
            }
        }
        again
    }

    /// Nothing at all could be read: that says nothing about single reports.
    pub(crate) fn forgive(&mut self) {
        for known in self.reports.values_mut() {
            (known.absent, known.attempts) = (false, 0);
        }
    }

    /// The device's field at a short path.
    pub(crate) fn field(&self, path: &str) -> Option<Field> {
        self.field_of(path, self.kind)
    }

    /// The field at a short path that is written by a command; one that is only told takes a feature report too.
    pub(crate) fn commanded(&self, path: &str) -> Option<Field> {
        self.field_of(path, Kind::Feature)
            .or_else(|| self.field(path))
    }

    fn field_of(&self, path: &str, kind: Kind) -> Option<Field> {
        let path = Path::parse(&whole(path), self.maker.usages)?;
        self.descriptor.find(&path, kind).cloned()
    }

    /// Whether it answers at all.
    pub(crate) fn alive(&mut self) -> Result<(), IoError> {
        self.link.alive()
    }

    /// The fields of an input report.
    pub(crate) fn inputs(&self, id: u8) -> impl Iterator<Item = &Field> {
        self.descriptor.report(id, Kind::Input)
    }

    /// The value of a feature field; `None`: the device does not have the report, or it is too short.
    pub(crate) fn value(&mut self, field: &Field) -> Result<Option<f64>, IoError> {
        Ok(self
            .report(field.report)?
            .and_then(|report| field.value(report)))
    }

    /// A feature report, read if this poll has not read it.
    pub(crate) fn report(&mut self, id: u8) -> Result<Option<&[u8]>, IoError> {
        let (length, given_up) = (self.length(id), self.given_up());
        let known = self.reports.entry(id).or_default();
        if known.absent || self.maker.habits.never_read.contains(&id) {
            return Ok(None);
        }
        if known.now.is_none() {
            if given_up {
                return Err(IoError::Timeout);
            }
            let answered = known.bytes.is_some();
            known.now = Some(match self.link.feature(id, length, answered) {
                Ok(bytes) if bytes.first() == Some(&id) || id == 0 => {
                    known.bytes = Some(bytes);
                    self.reads += 1;
                    Ok(())
                }
                Ok(_) => Err(IoError::Other(format!("report {id} came with another id"))),
                Err(IoError::Stall) => {
                    known.attempts += u32::from(!answered);
                    known.absent = !answered && known.attempts >= ATTEMPTS;
                    Err(IoError::Stall)
                }
                Err(error) => {
                    log!(Level::Debug, "report {id} cannot be read: {error}");
                    match answered {
                        true => self.failures += 1,
                        false => self.first_failures += 1,
                    }
                    known.attempts += u32::from(!answered);
                    known.absent = !answered && known.attempts >= ATTEMPTS;
                    Err(error)
                }
            });
        }
        match &known.now {
            Some(Err(IoError::Stall)) => Ok(None),
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(known.bytes.as_deref()),
        }
    }

    /// Writes one field; its neighbours in the report keep what the device says they are.
    pub(crate) fn write(&mut self, field: &Field, value: f64) -> Result<(), Error> {
        let (id, length) = (field.report, self.length(field.report));
        if let Some(known) = self.reports.get_mut(&id) {
            known.now = None;
        }
        let mut report = match self.report(id)? {
            Some(report) => report.to_vec(),
            None => Vec::new(),
        };
        report.resize(report.len().max(length.into()), 0);
        if let Some(first) = report.first_mut() {
            *first = id;
        }
        field
            .patch(&mut report, value)
            .map_err(|why| Error::InvalidArgument(why.to_string()))?;
        report.truncate(self.described_length(id).into());
        let written = self.link.set_feature(&report);
        self.begin();
        written.map_err(|error| match error {
            IoError::Stall => Error::Failed("it stalls when this report is written".into()),
            error => error.into(),
        })
    }

    /// Whether so much failed in this poll that the rest was not asked for: the very first is enough, because a device
    /// that hangs is to be found out soon.
    pub(crate) fn given_up(&self) -> bool {
        let silent = self.failures + self.first_failures > 0 && self.reads == 0;
        silent || self.failures >= FAILURES_MAX || self.first_failures >= FIRST_FAILURES_MAX
    }

    /// An interrupt report, if there is one.
    pub(crate) fn interrupt(&mut self) -> Result<Option<Vec<u8>>, IoError> {
        self.link.interrupt()
    }

    /// Whether the device was found to have the report of a field.
    pub(crate) fn has(&self, field: &Field) -> bool {
        !self
            .reports
            .get(&field.report)
            .is_some_and(|known| known.absent)
    }

    /// Logs every feature field and what it says: what a table for a new device is made from.
    pub(crate) fn explore(&mut self) {
        let fields = self.descriptor.fields.clone();
        for field in fields.iter().filter(|field| field.kind == Kind::Feature) {
            let name = field.path.name(self.maker.usages);
            match self.value(field) {
                Ok(Some(value)) => log!(Level::Info, "report {}: {name} = {value}", field.report),
                Ok(None) => log!(Level::Info, "report {}: {name} is not there", field.report),
                Err(error) => log!(Level::Info, "report {}: {name}: {error}", field.report),
            }
        }
    }

    fn described_length(&self, id: u8) -> u16 {
        let described = |kind| self.descriptor.report_length(id, kind);
        described(Kind::Feature)
            .or_else(|| described(self.kind))
            .unwrap_or(1)
    }

    fn length(&self, id: u8) -> u16 {
        let described = |kind| self.descriptor.report_length(id, kind);
        match described(Kind::Feature).or_else(|| described(self.kind)) {
            Some(described) if self.longest => described.max(LONGEST_REPORT),
            Some(described) => described,
            // Only `Look::raw_report` asks for what is not described.
            None => LONGEST_REPORT,
        }
    }
}

/// What a maker's function may ask of a device.
pub(crate) struct Look<'a>(pub &'a mut Device);

impl Look<'_> {
    /// Who the device is on the bus.
    pub(crate) fn identity(&self) -> &UsbIdentity {
        &self.0.identity
    }

    /// The value of a feature field, by its short path.
    pub(crate) fn number(&mut self, path: &str) -> Option<f64> {
        let field = self.0.field(path)?;
        self.0.value(&field).ok().flatten()
    }

    /// The text a field points to, by its short path.
    pub(crate) fn text(&mut self, path: &str) -> Option<String> {
        let index = self.number(path)?;
        self.string(index as u8)
    }

    /// A string descriptor, asked for once.
    pub(crate) fn string(&mut self, index: u8) -> Option<String> {
        if let Some(known) = self.0.strings.get(&index) {
            return known.clone();
        }
        let text = self.0.link.string(index).ok()?;
        self.0.strings.insert(index, text.clone());
        text
    }

    /// Whether a flag is set in the section.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.settings.flag(name)
    }

    /// The delay commands are sent with, in seconds.
    pub(crate) fn seconds(&self, kept: Kept) -> f64 {
        match kept {
            Kept::OffDelay => self.0.delays.off.into(),
            Kept::OnDelay => self.0.delays.on.into(),
            Kept::Text(_) => 0.0,
        }
    }

    /// A feature report as the device sent it, id first.
    pub(crate) fn raw_report(&mut self, id: u8) -> Option<Vec<u8>> {
        self.0.report(id).ok().flatten().map(<[u8]>::to_vec)
    }

    /// A number found out once about this device and kept while it is open: the first answer of `find` counts.
    pub(crate) fn learned(
        &mut self,
        name: &'static str,
        find: impl FnOnce(&mut Self) -> Option<f64>,
    ) -> Option<f64> {
        if let Some(known) = self.0.learned.get(name) {
            return Some(*known);
        }
        let found = find(self)?;
        self.0.learned.insert(name, found);
        Some(found)
    }
}

/// A path as the descriptor has it, of a short one (see `row`).
pub(crate) fn whole(path: &str) -> String {
    if let Some(path) = path.strip_prefix('/') {
        return path.to_owned();
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let collection = match first {
        "PS" => "PowerSummary",
        "PSS" => "PowerSummary.PresentStatus",
        "PC" => "PowerConverter",
        "BS" => "BatterySystem",
        "OS" => "OutletSystem",
        _ => return format!("UPS.{path}"),
    };
    format!("UPS.{collection}.{rest}")
}
