//! Instant commands: what is sent for which.

use crate::delays::{Delays, minutes, within};
use crate::dialect::addressed;
use crate::picture::Picture;
use husk_driver::{Cmd, Error, cmd};

/// One instant command.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) sends: Sends,
    /// Whether the device has it, by what it has answered.
    pub(crate) only: fn(&Picture) -> bool,
    /// The unit's address is part of it.
    pub(crate) addressed: bool,
}

/// What is sent, without the carriage return.
#[derive(Clone, Copy)]
pub(crate) enum Sends {
    Text(&'static str),
    /// `T10`: a test of so many minutes; the value is in seconds.
    TestFor,
    /// `T.5` or `T10`: as above, with tenths of a minute below one.
    TestForTenths,
    /// `S.5R0003`: off after `ups.delay.shutdown`, on after `ups.delay.start` when mains are there.
    Return,
    /// `S.5R0000`: off after `ups.delay.shutdown`, and stay off.
    StayOff,
    /// `S.5`: off after `ups.delay.shutdown`.
    Off,
    /// What this function makes of it; each line is to be accepted before the next.
    By(fn(&Order<'_>) -> Result<Vec<String>, Error>),
}

/// What is known when a command is given.
pub(crate) struct Order<'a> {
    pub(crate) value: Option<&'a str>,
    pub(crate) delays: &'a Delays,
    pub(crate) picture: &'a Picture,
}

/// A command that all devices of a dialect have.
pub(crate) const fn tell(name: Cmd, sends: Sends) -> Command {
    tell_named(name.as_str(), sends)
}

/// As [`tell`], for commands with a number in their name.
pub(crate) const fn tell_named(name: &'static str, sends: Sends) -> Command {
    Command {
        name,
        sends,
        only: |_| true,
        addressed: false,
    }
}

impl Command {
    /// Only devices of which this holds have it.
    pub(crate) const fn only(self, only: fn(&Picture) -> bool) -> Self {
        Self { only, ..self }
    }

    /// The unit's address is part of it.
    pub(crate) const fn addressed(self) -> Self {
        Self {
            addressed: true,
            ..self
        }
    }
}

#[rustfmt::skip]
pub(crate) static MEGATEC: &[Command] = &[
    tell(cmd::BEEPER_TOGGLE,            Sends::Text("Q")),
    tell(cmd::LOAD_OFF,                 Sends::Text("S00R0000")),
    tell(cmd::LOAD_ON,                  Sends::Text("C")),
    tell(cmd::SHUTDOWN_RETURN,          Sends::Return),
    tell(cmd::SHUTDOWN_STAYOFF,         Sends::StayOff),
    tell(cmd::SHUTDOWN_STOP,            Sends::Text("C")),
    tell(cmd::TEST_BATTERY_START,       Sends::TestFor),
    tell(cmd::TEST_BATTERY_START_DEEP,  Sends::Text("TL")),
    tell(cmd::TEST_BATTERY_START_QUICK, Sends::Text("T")),
    tell(cmd::TEST_BATTERY_STOP,        Sends::Text("CT")),
];

/// The commands of all dialects that cut or restore power.
pub(crate) static DANGEROUS: &[&str] = &[
    cmd::LOAD_OFF.as_str(),
    cmd::LOAD_ON.as_str(),
    cmd::SHUTDOWN_RETURN.as_str(),
    cmd::SHUTDOWN_STAYOFF.as_str(),
    "outlet.1.load.off",
    "outlet.1.load.on",
    "outlet.2.load.off",
    "outlet.2.load.on",
    "outlet.3.load.off",
    "outlet.3.load.on",
    "outlet.4.load.off",
    "outlet.4.load.on",
];

/// Seconds of a battery test when none are given, and the fewest and most that devices take.
const TEST_SECONDS: u32 = 600;
pub(crate) const TEST_LEAST: u32 = 60;
const TEST_MOST: u32 = 5940;
/// Fewest seconds for devices that count tenths of minutes.
pub(crate) const TEST_LEAST_TENTHS: u32 = 12;

impl Command {
    /// The lines for it.
    pub(crate) fn requests(&self, order: &Order<'_>) -> Result<Vec<String>, Error> {
        let lines = self.sends.requests(order)?;
        let lines = lines.iter();
        Ok(lines
            .map(|line| addressed(line, self.addressed, order.picture))
            .collect())
    }
}

impl Sends {
    fn requests(&self, order: &Order<'_>) -> Result<Vec<String>, Error> {
        let (off, on) = (order.delays.off_digits(), order.delays.on);
        Ok(vec![match self {
            Self::Text(text) => (*text).to_owned(),
            Self::TestFor => test_for(order, TEST_LEAST)?,
            Self::TestForTenths => test_for(order, TEST_LEAST_TENTHS)?,
            Self::Return if on == 0 => format!("S{off}"),
            Self::Return => format!("S{off}R{:04}", on / 60),
            Self::StayOff => format!("S{off}R0000"),
            Self::Off => format!("S{off}"),
            Self::By(by) => return by(order),
        }])
    }
}

/// `T10`: a test of so many seconds, at least `least`, as a device counts them.
pub(crate) fn test_for(order: &Order<'_>, least: u32) -> Result<String, Error> {
    let value = order.value.filter(|value| !value.is_empty());
    let seconds = value.map_or(Ok(TEST_SECONDS), |text| within(text, least, TEST_MOST))?;
    Ok(format!("T{}", minutes(seconds)))
}
