//! Instant commands, and the two delays they are given with.

use crate::dialect::Dialect;
use husk_driver::wire::line;
use husk_driver::{Cmd, Error, Report, Settings, cmd, var};

/// One instant command and what is sent for it.
pub(crate) struct Command {
    pub(crate) name: Cmd,
    pub(crate) sends: Sends,
}

/// What is sent, without the carriage return.
pub(crate) enum Sends {
    Text(&'static str),
    /// `T10`: a test of so many minutes; the value is in seconds.
    TestFor,
    /// `S.5R0003`: off after `ups.delay.shutdown`, on after `ups.delay.start` when mains are there.
    Return,
    /// `S.5R0000`: off after `ups.delay.shutdown`, and stay off.
    StayOff,
}

#[rustfmt::skip]
pub(crate) static MEGATEC: &[Command] = &[
    Command { name: cmd::BEEPER_TOGGLE,            sends: Sends::Text("Q") },
    Command { name: cmd::LOAD_OFF,                 sends: Sends::Text("S00R0000") },
    Command { name: cmd::LOAD_ON,                  sends: Sends::Text("C") },
    Command { name: cmd::SHUTDOWN_RETURN,          sends: Sends::Return },
    Command { name: cmd::SHUTDOWN_STAYOFF,         sends: Sends::StayOff },
    Command { name: cmd::SHUTDOWN_STOP,            sends: Sends::Text("C") },
    Command { name: cmd::TEST_BATTERY_START,       sends: Sends::TestFor },
    Command { name: cmd::TEST_BATTERY_START_DEEP,  sends: Sends::Text("TL") },
    Command { name: cmd::TEST_BATTERY_START_QUICK, sends: Sends::Text("T") },
    Command { name: cmd::TEST_BATTERY_STOP,        sends: Sends::Text("CT") },
];

#[rustfmt::skip]
pub(crate) static VOLTRONIC_QS: &[Command] = &[
    Command { name: cmd::BEEPER_TOGGLE,            sends: Sends::Text("Q") },
    Command { name: cmd::LOAD_OFF,                 sends: Sends::Text("S00R0000") },
    Command { name: cmd::LOAD_ON,                  sends: Sends::Text("C") },
    Command { name: cmd::SHUTDOWN_RETURN,          sends: Sends::Return },
    Command { name: cmd::SHUTDOWN_STAYOFF,         sends: Sends::StayOff },
    Command { name: cmd::SHUTDOWN_STOP,            sends: Sends::Text("C") },
    Command { name: cmd::TEST_BATTERY_START_QUICK, sends: Sends::Text("T") },
];

/// The commands above that cut or restore power.
pub(crate) static DANGEROUS: &[&str] = &[
    cmd::LOAD_OFF.as_str(),
    cmd::LOAD_ON.as_str(),
    cmd::SHUTDOWN_RETURN.as_str(),
    cmd::SHUTDOWN_STAYOFF.as_str(),
];

/// Seconds of a battery test when none are given, and the fewest and most the device takes.
const TEST_SECONDS: (u32, u32, u32) = (600, 60, 5940);

impl Sends {
    /// The request for a value as clients give it.
    pub(crate) fn request(&self, value: Option<&str>, delays: &Delays) -> Result<String, Error> {
        let value = value.filter(|value| !value.is_empty());
        Ok(match self {
            Self::Text(text) => (*text).to_owned(),
            Self::TestFor => {
                let (usual, least, most) = TEST_SECONDS;
                let seconds = value.map_or(Ok(usual), |text| within(text, least, most))?;
                format!("T{:02}", seconds / 60)
            }
            Self::Return if delays.on == 0 => format!("S{}", delays.off_digits()),
            Self::Return => format!("S{}R{:04}", delays.off_digits(), delays.on / 60),
            Self::StayOff => format!("S{}R0000", delays.off_digits()),
        })
    }
}

/// The delays of a shutdown, in seconds, always ones the device can count.
pub(crate) struct Delays {
    off: u32,
    on: u32,
    dialect: &'static Dialect,
}

/// Half a minute for the machine that is still closing its files.
const OFF_DELAY: u32 = 30;
/// Old GE units never come back with one or two minutes, so three.
const ON_DELAY: u32 = 180;

impl Delays {
    pub(crate) fn new(settings: &Settings, dialect: &'static Dialect) -> Result<Self, Error> {
        let ((off_least, off_most), (on_least, on_most)) = (dialect.off, dialect.on);
        let off = settings
            .whole("offdelay", off_least..=off_most)?
            .unwrap_or(OFF_DELAY);
        let on = settings
            .whole("ondelay", on_least..=on_most)?
            .unwrap_or(ON_DELAY);
        Ok(Self {
            off: countable_off(off),
            on: countable_on(on),
            dialect,
        })
    }

    /// Writes one of the two; what lies between two steps of the device is cut to the lower one.
    pub(crate) fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        if variable == var::UPS_DELAY_SHUTDOWN.as_str() {
            let (least, most) = self.dialect.off;
            self.off = countable_off(within(value, least, most)?);
        } else if variable == var::UPS_DELAY_START.as_str() {
            let (least, most) = self.dialect.on;
            self.on = countable_on(within(value, least, most)?);
        } else {
            return Err(Error::Unsupported);
        }
        Ok(())
    }

    pub(crate) fn report(&self, report: &mut Report) {
        for (name, value, (least, most)) in [
            (var::UPS_DELAY_SHUTDOWN, self.off, self.dialect.off),
            (var::UPS_DELAY_START, self.on, self.dialect.on),
        ] {
            report
                .set(name, value)
                .writable()
                .number()
                .range(least.into(), most.into());
        }
    }

    /// `.2` to `.9` are tenths of a minute, `01` and up minutes.
    fn off_digits(&self) -> String {
        match self.off {
            seconds @ ..60 => format!(".{}", seconds / 6),
            seconds => format!("{:02}", seconds / 60),
        }
    }
}

fn countable_off(seconds: u32) -> u32 {
    seconds - seconds % if seconds < 60 { 6 } else { 60 }
}

fn countable_on(seconds: u32) -> u32 {
    seconds - seconds % 60
}

fn within(text: &str, least: u32, most: u32) -> Result<u32, Error> {
    line::whole(text)
        .filter(|seconds| (least..=most).contains(seconds))
        .ok_or_else(|| {
            Error::InvalidArgument(format!("it takes whole seconds from {least} to {most}"))
        })
}
