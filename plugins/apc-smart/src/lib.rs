//! APC's UPS-Link, the protocol of the Smart-UPS: one letter asks, one line of text answers, 2400 8N1.
//!
//! ```text
//! > Y         < SM              enter smart mode; before that the unit says nothing
//! > a         < 3.!$%+?=#|.^A^N^Z')+-89@ABDEFGKLMNOPQRSUVWXYZabcdefgjklmnopqrsuxyz~
//!                               link level . alerts . the letters it knows
//! > Q         < 08              status: bits for calibrating, trim, boost, on line, on battery, overload,
//!                               battery low, replace battery
//! > L         < 231.8           input voltage
//! > C         < NA              temperature: it knows the letter and has no value
//! < !                           unasked, in the middle of an answer if need be: the mains failed
//! > ^Z        < #uI43253257261265lI43208204200196…   what `u` and `l` can be set to
//! > u - u     < 253, OK, 257    one step through that list
//! > @000      < OK              off now, on again when mains are back
//! ```
//!
//! Letters are rows of `letters`, the status byte and the alerts stand in `alerts`, units that do not say what they
//! know in `quirks`, ways to switch off in `shutdown`; `trust` says when an answer is believed.
//!
//! Refuses to publish a status that was not said twice (by an alert and the status, or by the status two times), to
//! send letters nobody asked for (`S`, `K`, `Z` and `@` switch off), and to write the EEPROM without need.
//!
//! Standard: APC's UPS-Link specification; what NUT learned from units that differ. The unit is left in smart mode
//! at the end: the next reader finds it there.

mod alerts;
mod capability;
mod commands;
mod hardware;
mod identify;
mod letters;
mod line;
mod options;
mod quirks;
mod shutdown;
mod trust;
mod unit;
mod write;

use commands::{Asked, COMMANDS, Command, Gives};
use husk_driver::{
    About, Driver, Error, Hardware, LineSettings, Report, Serial, Settings, Wake, host,
};
use line::{Line, Said};
use shutdown::{Method, Plan};
use unit::Unit;

/// Answer to a command; calibration and tests switch to battery first.
const OBEYED_WITHIN_MS: u64 = 3000;

/// One unit.
pub struct ApcSmart {
    unit: Unit,
    plan: Plan,
    /// The last command that cuts the power, asked for once.
    asked: Option<Asked>,
}

impl Driver for ApcSmart {
    const ABOUT: About = About {
        name: "apcsmart",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "APC UPS-Link (Smart signalling) over a serial line",
        aliases: &["apcsmart-old"],
        parameters: options::PARAMETERS,
        dangerous: commands::DANGEROUS,
    };

    const HARDWARE: &'static [Hardware] = hardware::HARDWARE;

    type Port = Serial;

    fn open(mut port: Serial, settings: &Settings, _state: Option<&[u8]>) -> Result<Self, Error> {
        let plan = options::shutdown(settings)?;
        port.configure(LineSettings::n81(2400))?;
        options::cable(&mut port, settings)?;
        Ok(Self {
            unit: Unit::open(Line::new(port))?,
            plan,
            asked: None,
        })
    }

    fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        self.unit.poll(why)
    }

    fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let value = value.unwrap_or_default().trim();
        let command = self.chosen(name, value)?;
        if let Gives::CutsPower(_) = command.gives {
            self.confirm(format!("{name} {value}").to_ascii_lowercase().trim_end())?;
        }
        match command.gives {
            Gives::Letter => self.letter(command.letter),
            Gives::Calibration { on } => self.calibrate(on),
            Gives::Twice => self.unit.line.send_twice(command.letter),
            Gives::CutsPower(method) => {
                let wait = value.get(3..).unwrap_or_default();
                let status = match method {
                    Method::Forced => self.unit.status()?,
                    _ => alerts::Status::WORST,
                };
                self.plan.order(&mut self.unit.line, method, status, wait)
            }
        }
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.unit.write(variable, value)
    }

    fn shutdown(&mut self) -> Result<(), Error> {
        self.plan.carry_out(&mut self.unit.line)
    }
}

impl ApcSmart {
    /// The command of that name that the unit has; for `shutdown.return` the value says which.
    fn chosen(&self, name: &str, value: &str) -> Result<&'static Command, Error> {
        let lower = value.to_ascii_lowercase();
        let method = match (name, lower.strip_prefix("at:")) {
            ("shutdown.return", Some(wait)) if options::is_wait(wait) => Some(Method::Hard),
            ("shutdown.return", None) if lower == "cs" => Some(Method::Forced),
            ("shutdown.return", None) if lower.is_empty() => Some(Method::Soft),
            ("shutdown.return", _) => {
                return Err(Error::InvalidArgument(
                    "it takes nothing, cs, or at: and one to three digits".into(),
                ));
            }
            _ if !value.is_empty() => {
                return Err(Error::InvalidArgument("it takes no value".into()));
            }
            _ => None,
        };
        COMMANDS
            .iter()
            .filter(|command| command.name.as_str() == name)
            .find(|command| method.is_none_or(|method| command.gives == Gives::CutsPower(method)))
            .filter(|command| self.unit.takes(command.letter))
            .ok_or(Error::Unsupported)
    }

    /// What cuts the power has to be asked for a second time.
    fn confirm(&mut self, what: &str) -> Result<(), Error> {
        let now = host::now_ms();
        match self.asked.take() {
            Some(asked) if asked.is_confirmed_by(what, now) => Ok(()),
            _ => {
                self.asked = Some(Asked::new(what, now));
                Err(Error::Failed(format!(
                    "nothing was done yet: {what} cuts the power and must be asked for again in 3 to 15 seconds"
                )))
            }
        }
    }

    fn letter(&mut self, letter: u8) -> Result<(), Error> {
        match self.unit.line.ask(&[letter], OBEYED_WITHIN_MS) {
            Ok(Said::Text(answer)) if answer == "OK" => Ok(()),
            Ok(Said::Text(answer)) => Err(Error::Failed(format!("it says {answer}"))),
            Ok(Said::NotAvailable) => Err(Error::Failed("it says NA".into())),
            // Some say nothing but the ! of the transfer to battery that they were told to make. The status knows.
            Err(Error::Timeout) if self.unit.line.is_alerted() => {
                match self.unit.status()?.has(alerts::ON_BATTERY) {
                    true => Ok(()),
                    false => Err(Error::Timeout),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn calibrate(&mut self, on: bool) -> Result<(), Error> {
        match (self.unit.status()?.has(alerts::CALIBRATING), on) {
            (true, true) => Err(Error::Failed("it is calibrating already".into())),
            (false, false) => Err(Error::Failed("it is not calibrating".into())),
            // NO: the battery is not full.
            _ => match self.letter(b'D') {
                Err(Error::Failed(answer)) => {
                    Err(Error::Failed(format!("{answer}; the battery must be full")))
                }
                outcome => outcome,
            },
        }
    }
}

husk_driver::export!(ApcSmart);
