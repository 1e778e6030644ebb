//! The engine: what is read when, and what becomes of it.
//!
//! A poll reads what changes with the mains; every `pollfreq` seconds, and after a write, it reads everything. What the
//! device tells by itself is reported at once. Knows nothing of makers and of what carries the requests.
//!
//! Refuses devices that no maker's table claims, and reports from a walk in which nothing could be read.

use crate::commands;
use crate::convert;
use crate::device::{Delays, Device, Look};
use crate::link::{Link, Transport};
use crate::makers::{MAKERS, Maker, NamePlate};
use crate::row::{Kept, Row, Shown};
use crate::status::{Fact, Status};
use crate::table::Table;
use husk_driver::host::{self, Level};
use husk_driver::wire::hid::Descriptor;
use husk_driver::wire::line;
use husk_driver::{Error, Report, Settings, UsbIdentity, UsbMatch, Value, Wake, log, var};
use std::collections::BTreeMap;

/// Interrupts taken in one poll; a device that chatters on is read by the walk.
const INTERRUPTS_MAX: u32 = 16;
/// Seconds an operator may set a delay to: a day.
const DELAY_MAX: u32 = 86_400;

/// One UPS, whatever carries its requests.
pub(crate) struct Ups {
    device: Device,
    table: Table,
    plate: NamePlate,
    status: Status,
    kept: BTreeMap<&'static str, String>,
    interrupts: bool,
    interrupts_only: bool,
    /// With a device that is only listened to: everything was asked for once.
    listened: bool,
    silence: Silence,
    full_walk_ms: u64,
    /// When everything was read last; `None`: the next poll does.
    walked_ms: Option<u64>,
    /// It has told whether mains are there, or whether it discharges.
    told: bool,
    /// It has told whether mains are there.
    told_mains: bool,
}

impl Ups {
    /// Finds out whose the device is and what its reports hold; `subdriver` is a part of the maker's name, if given.
    ///
    /// # Errors
    /// [`Error::NotMine`] when no maker claims it, [`Error::BadSetting`], and failures of the device.
    pub(crate) fn open(
        transport: impl Transport + 'static,
        identity: UsbIdentity,
        subdriver: Option<&str>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let maker = maker(&identity, subdriver, settings)?;
        let tells = transport.tells();
        let mut link = Link::new(Box::new(transport), &identity, maker, settings)?;
        let bytes = link.report_descriptor(&identity)?;
        let mut descriptor =
            Descriptor::parse(&bytes).map_err(|why| Error::NotMine(why.to_string()))?;
        if !settings.flag("disable_fix_report_desc") {
            (maker.correct)(&identity, &mut descriptor);
        }
        log!(Level::Info, "the device is taken for one of {}", maker.name);
        let habits = &maker.habits;
        let pollfreq = settings.whole("pollfreq", 1..=DELAY_MAX)?;
        let delay = |name, usual| {
            let given = settings.whole(name, 0..=DELAY_MAX);
            given.map(|given| given.unwrap_or(usual))
        };
        let delays = Delays {
            off: delay("offdelay", habits.off_delay)?,
            on: delay("ondelay", habits.on_delay)?,
        };
        let status = Status::new(settings, (habits.flickers)(&identity))?;
        let interrupts = tells && !settings.flag("pollonly") && (habits.interrupts)(&identity);
        let only_told = (habits.only_told)(&identity).is_some();
        let interrupts_only = interrupts && (only_told || settings.flag("interruptonly"));
        let mut device = Device::new(link, maker, identity, descriptor, settings, delays);
        if interrupts_only {
            device.only_listen();
        }
        let table = Table::new(&device);
        if table.is_empty() && !settings.flag("explore") {
            let why = format!(
                "its report descriptor has nothing of what {} units say",
                maker.name
            );
            return Err(Error::NotMine(why));
        }
        let plate = (maker.name_plate)(&mut Look(&mut device));
        if settings.flag("explore") {
            device.explore();
        }
        Ok(Self {
            table,
            plate,
            status,
            kept: BTreeMap::new(),
            interrupts,
            interrupts_only,
            listened: false,
            silence: Silence::new(settings)?,
            full_walk_ms: u64::from(pollfreq.unwrap_or(habits.full_walk)) * 1000,
            walked_ms: None,
            told: false,
            told_mains: false,
            device,
        })
    }

    /// As [`husk_driver::Driver::poll`].
    pub(crate) fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        let heard = self.listen()?;
        if self.interrupts && why == Wake::Interval && self.silence.lasts(heard) {
            log!(
                Level::Warn,
                "no interrupt came for as many polls as interrupt_pipe_no_events_tolerance says"
            );
            return Err(Error::Lost);
        }
        let told = heard && why == Wake::Readable && self.walked_ms.is_some();
        if !told {
            self.walk(why)?;
        }
        self.report()
    }

    /// As [`husk_driver::Driver::command`].
    pub(crate) fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        self.walked_ms = None;
        self.device.begin();
        commands::run(&mut self.device, &self.table, name, value)
    }

    /// As [`husk_driver::Driver::set`].
    pub(crate) fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        let (row, field) = {
            let mut shows = self.table.shows(|_| "".into());
            let shown = shows.find(|shown| shown.row.name == variable && shown.row.writable);
            let shown = shown.ok_or(Error::Unsupported)?;
            (shown.row, shown.field.clone())
        };
        if let Shown::Kept(kept) = row.shown {
            return self.keep(row, kept, value);
        }
        self.walked_ms = None;
        self.device.begin();
        let number = convert::number(&mut Look(&mut self.device), &row.shown, value);
        let number = number
            .ok_or_else(|| Error::InvalidArgument(format!("{variable} cannot be {value}")))?;
        self.device.write(&field, number)
    }

    /// As [`husk_driver::Driver::shutdown`].
    pub(crate) fn shutdown(&mut self) -> Result<(), Error> {
        self.device.begin();
        commands::shutdown(&mut self.device, &self.table)
    }

    /// Takes in what the device told by itself; whether that was anything.
    fn listen(&mut self) -> Result<bool, Error> {
        let mut heard = false;
        if !self.interrupts {
            return Ok(false);
        }
        for _ in 0..INTERRUPTS_MAX {
            let Some(report) = self.device.interrupt()? else {
                break;
            };
            heard |= self.table.hear(&mut self.device, &report);
        }
        Ok(heard)
    }

    /// Reads what changes often, or everything when it is time.
    fn walk(&mut self, why: Wake) -> Result<(), Error> {
        let now = host::now_ms();
        let due = |walked: u64| now.saturating_sub(walked) >= self.full_walk_ms;
        if self.interrupts_only && self.listened {
            // Nothing else would tell a device with nothing to tell from one that is dead.
            if self.walked_ms.is_none_or(due) {
                self.device.alive()?;
                self.walked_ms = Some(now);
            }
            return Ok(());
        }
        let full = why == Wake::SettingsChanged || self.walked_ms.is_none_or(due);
        self.device.begin();
        let mut walk = self.table.walk(&mut self.device, full)?;
        if full && !self.told && walk.read > 0 && self.device.reconsider() {
            walk = self.table.walk(&mut self.device, full)?;
        }
        if self.interrupts_only {
            (self.listened, self.walked_ms) = (true, Some(now));
            return Ok(());
        }
        let nothing = walk.read == 0 && !self.table.is_empty();
        if nothing {
            self.device.forgive();
        }
        if nothing || self.device.given_up() {
            let silent = || Error::Protocol("none of its reports can be read".into());
            return Err(walk.failure.map_or_else(silent, Error::from));
        }
        if let (Some(failure), 0) = (walk.failure, self.table.facts(&mut self.device).1) {
            // What would have told the status may be among what could not be read.
            return Err(failure.into());
        }
        if full {
            self.walked_ms = Some(now);
        }
        Ok(())
    }

    fn report(&mut self) -> Result<Report, Error> {
        let mut report = Report::new();
        let identity = Look(&mut self.device).identity().clone();
        report.set(var::DEVICE_TYPE, "ups");
        report.set(var::UPS_VENDORID, format!("{:04x}", identity.vendor_id));
        report.set(var::UPS_PRODUCTID, format!("{:04x}", identity.product_id));
        report.set(var::UPS_MFR, self.plate.maker.clone());
        report.set(var::UPS_MODEL, self.plate.model.clone());
        report.set(var::UPS_SERIAL, self.plate.serial.clone());
        for (name, value) in &self.plate.more {
            report.set(*name, value.clone());
        }
        for shown in self.table.shows(|row| self.kept_value(row)) {
            let slot = report.set(shown.row.name, shown.value);
            if !shown.row.writable {
                continue;
            }
            let slot = slot.writable();
            let _slot = match shown.row.shown {
                Shown::Word(words) => slot.choices(words.iter().map(|(_, word)| *word)),
                Shown::Number(_) | Shown::Kelvin => slot.number(),
                Shown::Kept(Kept::OffDelay | Kept::OnDelay) => {
                    slot.number().range(0, DELAY_MAX.into())
                }
                _ => slot.text(TEXT_MAX),
            };
        }
        let (facts, told) = self.table.facts(&mut self.device);
        let mains = facts.known(Fact::Online);
        let power = mains.or(facts.known(Fact::Discharging));
        // That it does not discharge is no word for the mains where they were told of.
        let feeds = [
            Fact::Discharging,
            Fact::BypassAutomatic,
            Fact::BypassManual,
            Fact::Off,
        ];
        let unsaid =
            mains.is_none() && self.told_mains && !feeds.iter().any(|fact| facts.is(*fact));
        // Answers have become too short to hold the flags: other words alone would read as neither mains nor battery.
        if unsaid || power.is_none() && self.told {
            return Err(Error::Timeout);
        }
        self.told |= power.is_some();
        self.told_mains |= mains.is_some();
        if told == 0 {
            report.alarm("Nothing the UPS says tells whether mains are there");
        }
        let charge = self.table.number(var::BATTERY_CHARGE.as_str());
        self.status.report(&facts, charge, &mut report);
        commands::report(&self.device, &self.table, &mut report);
        if self.interrupts {
            report.wake_on_readable();
        }
        Ok(report)
    }

    fn kept_value(&self, row: &Row) -> Value {
        match row.shown {
            Shown::Kept(Kept::OffDelay) => self.device.delays.off.into(),
            Shown::Kept(Kept::OnDelay) => self.device.delays.on.into(),
            Shown::Kept(Kept::Text(text)) => match self.kept.get(row.name) {
                Some(text) => text.as_str().into(),
                None => text.into(),
            },
            _ => None::<u32>.into(),
        }
    }

    fn keep(&mut self, row: &Row, kept: Kept, value: &str) -> Result<(), Error> {
        let seconds = || {
            line::whole(value)
                .filter(|seconds| *seconds <= DELAY_MAX)
                .ok_or_else(|| Error::InvalidArgument(format!("0 to {DELAY_MAX} seconds")))
        };
        match kept {
            Kept::OffDelay => self.device.delays.off = seconds()?,
            Kept::OnDelay => self.device.delays.on = seconds()?,
            Kept::Text(_) if value.len() > TEXT_MAX as usize => {
                return Err(Error::InvalidArgument(format!("{TEXT_MAX} characters")));
            }
            Kept::Text(_) => drop(self.kept.insert(row.name, value.to_owned())),
        }
        Ok(())
    }
}

/// Polls in a row without an interrupt.
struct Silence {
    polls: u32,
    tolerated: Option<u32>,
}

impl Silence {
    fn new(settings: &Settings) -> Result<Self, Error> {
        let tolerated = settings.parsed(
            "interrupt_pipe_no_events_tolerance",
            |text| text.parse::<i32>().ok(),
            || "a whole number of polls, or -1".to_owned(),
        )?;
        Ok(Self {
            polls: 0,
            tolerated: tolerated.and_then(|polls| u32::try_from(polls).ok()),
        })
    }

    /// Counts one poll; whether there were more than are tolerated.
    fn lasts(&mut self, heard: bool) -> bool {
        self.polls = if heard {
            0
        } else {
            self.polls.saturating_add(1)
        };
        self.tolerated.is_some_and(|most| self.polls > most)
    }
}

/// Bytes of a text that a client may write: the longest is a name of an outlet.
const TEXT_MAX: u32 = 20;

/// The maker whose table fits: the one the settings name, else the first that claims the ids and owns the strings.
fn maker(
    identity: &UsbIdentity,
    subdriver: Option<&str>,
    settings: &Settings,
) -> Result<&'static Maker, Error> {
    if let Some(name) = subdriver {
        let name = name.to_ascii_lowercase();
        let mut makers = MAKERS.iter().copied();
        return makers
            .find(|maker| maker.name.to_ascii_lowercase().contains(name.as_str()))
            .ok_or_else(|| Error::BadSetting {
                name: "subdriver".into(),
                expected: "a part of the name of a maker this driver has a table for".into(),
            });
    }
    let ids_fit = |claim: &UsbMatch| {
        let product = claim.product_id;
        claim.vendor_id == identity.vendor_id
            && product.is_none_or(|product| product == identity.product_id)
    };
    let claimed = |maker: &&Maker| maker.claims.iter().any(ids_fit) && (maker.owns)(identity);
    // A product nobody knows of a vendor somebody knows, asked for by name: as NUT does.
    let asked_for = |maker: &&Maker| {
        let mut claims = maker.claims.iter();
        settings.flag("productid")
            && claims.any(|claim| claim.vendor_id == identity.vendor_id)
            && (maker.owns)(identity)
    };
    let mut makers = MAKERS.iter().copied();
    let found = makers.find(claimed);
    found
        .or_else(|| MAKERS.iter().copied().find(asked_for))
        .or_else(|| settings.flag("explore").then_some(&Maker::PLAIN))
        .ok_or_else(|| {
            Error::NotMine(format!(
                "no maker's table is for {:04x}:{:04x}",
                identity.vendor_id, identity.product_id
            ))
        })
}
