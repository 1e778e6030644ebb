//! One unit of the family, whatever carries the conversation: opened, polled, commanded.

use crate::battery::{Battery, Told};
use crate::commands::{Command, Order};
use crate::delays::Delays;
use crate::dialect::When;
use crate::line::Line;
use crate::link::Link;
use crate::picture::Picture;
use crate::probe;
use crate::talk::Talk;
use crate::writes::{Takes, Write};
use husk_driver::host::{self, Level};
use husk_driver::{Error, Report, Settings, cmd, fixed, log, var, word};

/// Attempts at a command of the shutdown sequence; the units lose one now and then while switching.
const SHUTDOWN_TRIES: u32 = 3;
/// Milliseconds after which no further attempt begins, at calling off and at switching off: a bridge that takes nothing
/// costs five seconds each time, and a shutdown may take 30.
const STOP_MS: u64 = 5_000;
const OFF_MS: u64 = 14_000;
/// Readings of the status in a poll that tells something new.
const READINGS: usize = 3;
/// Milliseconds of a poll after which no further reading begins: the slowest takes 3 s, and a poll may take 10.
const CONFIRM_MS: u64 = 6500;
/// What is guessed when it is not measured.
const GUESSED: [husk_driver::Var; 2] = [var::BATTERY_CHARGE, var::BATTERY_RUNTIME];
/// Seconds between two walks through everything that is not status, and the most that may be configured: a day.
const POLLFREQ: u32 = 30;
const POLLFREQ_MAX: u32 = 86_400;

/// One unit of the family.
pub(crate) struct Unit {
    line: Line,
    talk: Talk,
    /// What was known after the last walk.
    picture: Picture,
    battery: Battery,
    /// None: the device cannot be told to switch off.
    delays: Option<Delays>,
    stayoff: bool,
    /// `ignoresab`: the shutdown flag of this unit means nothing.
    ignore_shutdown_flag: bool,
    walk_every_ms: u64,
    walked_ms: u64,
    /// Something was commanded or written since.
    changed: bool,
    /// Which of [`GUESSED`] the device has ever told.
    measured: [bool; 2],
}

impl Unit {
    /// Finds out what the device speaks and what it says of itself; `state` is what a predecessor saved.
    pub(crate) fn open(
        link: impl Link + 'static,
        settings: &Settings,
        state: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let every = settings.whole("pollfreq", 1..=POLLFREQ_MAX)?;
        let mut line = Line::new(link);
        let (talk, picture) = probe::find(&mut line, settings)?;
        let name = talk.dialect.name;
        log!(Level::Info, "the device speaks the {name} dialect");
        let mut battery = Battery::new(settings, &Told::by(&picture), state)?;
        battery.count_packs(picture.get(var::BATTERY_VOLTAGE));
        let mut unit = Self {
            delays: match talk.dialect.spans {
                Some(spans) => Some(Delays::new(settings, spans)?),
                None => None,
            },
            line,
            talk,
            picture,
            battery,
            stayoff: settings.flag("stayoff"),
            ignore_shutdown_flag: settings.flag("ignoresab"),
            walk_every_ms: 1000 * u64::from(every.unwrap_or(POLLFREQ)),
            walked_ms: host::now_ms(),
            changed: false,
            measured: [false; 2],
        };
        unit.configure(settings)?;
        Ok(unit)
    }

    /// Asks for the status, and for the rest when its time has come.
    pub(crate) fn poll(&mut self) -> Result<Report, Error> {
        let now = host::now_ms();
        let due = match now.saturating_sub(self.walked_ms) {
            _ if self.changed => When::Change,
            passed if passed >= self.walk_every_ms => When::Walk,
            _ => When::Poll,
        };
        if due != When::Poll {
            self.walked_ms = now;
            self.changed = false;
        }
        let mut picture = self.talk.walk(&mut self.line, due)?;
        if picture.tells_more_than(std::slice::from_ref(&self.picture)) {
            picture = self.confirmed(picture, now)?;
        }
        self.picture = picture;
        self.report()
    }

    /// Asks for the status again. Most dialects have no checksum, and one bit that falls over on a bad line is a lost mains
    /// or a shutdown under way: what was not so before has to be said twice. Of a unit that goes to and fro between two
    /// states, as a regulator does while the mains fail, both are said twice in [`READINGS`].
    fn confirmed(&mut self, first: Picture, began_ms: u64) -> Result<Picture, Error> {
        let mut said = vec![self.picture.clone(), first];
        for _ in 1..READINGS {
            if host::now_ms().saturating_sub(began_ms) >= CONFIRM_MS {
                break;
            }
            let next = self.talk.walk(&mut self.line, When::Status)?;
            if !next.tells_more_than(&said) {
                return Ok(next);
            }
            said.push(next);
        }
        let what = "it says that something is wrong, and something else each time";
        Err(Error::Protocol(what.to_owned()))
    }

    pub(crate) fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let command = self.find(name).ok_or(Error::Unsupported)?;
        let requests = self.requests(command, value)?;
        self.changed = true;
        requests
            .iter()
            .try_for_each(|request| self.talk.tell(&mut self.line, request))
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        let known = |write: &&Write| write.name == variable && !write.by_section;
        match self.talk.dialect.writes.iter().find(known) {
            Some(write) if (write.only)(&self.picture) => self.write(write, value),
            Some(_) => Err(Error::Unsupported),
            None => match &mut self.delays {
                Some(delays) => delays.set(variable, value),
                None => Err(Error::Unsupported),
            },
        }
    }

    /// Called off first: a unit that is already counting down does not take a new delay. Whether it refuses is no matter.
    pub(crate) fn shutdown(&mut self) -> Result<(), Error> {
        let stop = self.find(cmd::SHUTDOWN_STOP.as_str());
        if let Some(stop) = stop {
            let _ = self.insist(stop, STOP_MS);
        }
        let last = match self.stayoff {
            true => cmd::SHUTDOWN_STAYOFF,
            false => cmd::SHUTDOWN_RETURN,
        };
        let last = self.find(last.as_str()).ok_or(Error::Unsupported)?;
        self.insist(last, OFF_MS)
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        self.battery.save()
    }

    fn find(&self, name: &str) -> Option<&'static Command> {
        let mut commands = self.talk.dialect.commands.iter();
        commands.find(|command| command.name == name && (command.only)(&self.picture))
    }

    fn requests(&self, command: &Command, value: Option<&str>) -> Result<Vec<String>, Error> {
        command.requests(&Order {
            value,
            delays: self.delays.as_ref().ok_or(Error::Unsupported)?,
            picture: &self.picture,
        })
    }

    /// Gives a command until the device takes it, at most [`SHUTDOWN_TRIES`] times and as long as there is time.
    fn insist(&mut self, command: &Command, within_ms: u64) -> Result<(), Error> {
        let requests = self.requests(command, None)?;
        self.changed = true;
        let began = host::now_ms();
        let mut outcome = Ok(());
        for _ in 0..SHUTDOWN_TRIES {
            outcome = requests
                .iter()
                .try_for_each(|request| self.talk.tell(&mut self.line, request));
            let late = host::now_ms().saturating_sub(began) >= within_ms;
            if late || matches!(outcome, Ok(()) | Err(Error::Lost)) {
                break;
            }
        }
        outcome
    }

    fn write(&mut self, write: &Write, value: &str) -> Result<(), Error> {
        let request = write.request(value, &self.picture)?;
        self.changed = true;
        self.talk.tell(&mut self.line, &request)
    }

    /// Writes the settings of the section that the device has and that are not so already. One that it refuses is
    /// told and no obstacle; one that is not a value it could take is a mistake in the section.
    fn configure(&mut self, settings: &Settings) -> Result<(), Error> {
        for write in self.talk.dialect.writes {
            let Some(value) = settings.get(write.name).filter(|_| write.by_section) else {
                continue;
            };
            if !(write.only)(&self.picture) {
                log!(Level::Warn, "the device has no {}", write.name);
            } else if self.picture.shown(write.name) != Some(value) {
                match self.write(write, value) {
                    Err(Error::InvalidArgument(expected)) => {
                        return Err(Error::BadSetting {
                            name: write.name.to_owned(),
                            expected,
                        });
                    }
                    Err(error) => log!(Level::Warn, "{} was not set: {error}", write.name),
                    Ok(()) => log!(Level::Info, "{} was set to {value}", write.name),
                }
            }
        }
        Ok(())
    }

    fn report(&mut self) -> Result<Report, Error> {
        let mut report = Report::new();
        report.set(var::DEVICE_TYPE, "ups");
        report.set(var::DRIVER_VERSION_DATA, self.talk.dialect.name);
        for (name, value) in self.picture.values() {
            report.set(name, value);
        }
        let mains = self.report_status(&mut report)?;
        self.report_battery(&mut report, mains);
        if let Some(delays) = &self.delays {
            delays.report(&mut report);
        }
        let dialect = self.talk.dialect;
        let picture = &self.picture;
        for write in dialect.writes {
            if let Some(value) = picture.shown(write.name).filter(|_| !write.by_section)
                && (write.only)(picture)
            {
                let slot = report.set(write.name, value).writable();
                match write.takes {
                    Takes::Choices(choices) => drop(slot.choices(choices.iter().copied())),
                    Takes::Listed(list) => drop(slot.choices(list(picture))),
                    Takes::Range(range) => {
                        if let Some((least, most)) = range(picture) {
                            slot.number().range(least, most);
                        }
                    }
                    Takes::Flag | Takes::Seconds => drop(slot.number()),
                }
            }
        }
        for command in dialect.commands {
            if (command.only)(picture) {
                report.command(command.name);
            }
        }
        Ok(report)
    }

    /// Whether mains are there.
    fn report_status(&self, report: &mut Report) -> Result<bool, Error> {
        let picture = &self.picture;
        let mains = picture
            .mains()
            .ok_or_else(|| Error::Protocol("it does not say whether mains are there".to_owned()))?;
        report.status(if mains { word::OL } else { word::OB });
        for word in picture.words() {
            report.status(*word);
        }
        for alarm in picture.alarms() {
            report.alarm(alarm);
        }
        if picture.shutting_down() && !self.ignore_shutdown_flag {
            report.alarm("The UPS is about to switch off");
            report.status(word::FSD);
        }
        Ok(mains)
    }

    /// Charge and runtime are guessed unless the device measures them: one that it has told once is unknown when it is not
    /// told, because a guess beside measurements looks like a jump.
    fn report_battery(&mut self, report: &mut Report, mains: bool) {
        let picture = &self.picture;
        let volts = picture.get(var::BATTERY_VOLTAGE);
        if let Some(total) = volts.and_then(|volts| self.battery.total(volts)) {
            report.set(var::BATTERY_VOLTAGE, fixed(total, 2));
        }
        let limits = self.battery.guessed_limits();
        for (name, volts) in [
            (var::BATTERY_VOLTAGE_LOW, limits.low),
            (var::BATTERY_VOLTAGE_HIGH, limits.high),
        ] {
            report.set(name, volts.map(|volts| fixed(volts, 2)));
        }
        for (measured, name) in self.measured.iter_mut().zip(GUESSED) {
            *measured |= picture.has(name.as_str());
        }
        if self.measured == [true; 2] {
            return;
        }
        let load = picture.get(var::UPS_LOAD);
        let guess = self.battery.guess(volts, load, mains, host::now_ms());
        let guesses = GUESSED.iter().zip([guess.charge, guess.runtime]);
        for ((name, value), measured) in guesses.zip(self.measured) {
            if !measured {
                report.set(*name, value.map(|value| fixed(value, 0)));
            }
        }
    }
}
