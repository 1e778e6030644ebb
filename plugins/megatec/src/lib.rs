//! The Megatec family: one line of ASCII each way, ended by a carriage return.
//!
//! ```text
//! > Q1\r                                                       how are you?
//! < (215.0 195.0 230.0 014 50.0 27.4 25.0 10001001\r
//!    input fault output load Hz battery °C  flags: mains failed, battery low, bypass or AVR, UPS failed,
//!                                           line-interactive, test runs, shutdown runs, beeper on
//! > F\r                                                        what are you made for?
//! < #230.0 004 024.0 50.0\r                                    volts, amperes, battery volts, hertz
//! > I\r                                                        who are you?
//! < #Example         Sim1500    V1.0      \r                   maker (15), model (10), firmware (10)
//! > S.5R0003\r                                                 off in 0.5 min, on again after 3 min
//!   (nothing: done; the command itself: not known; ACK or NAK on newer units)
//! ```
//!
//! A dialect is a table of queries (`dialect`), each answer a table of rows (`row`); one file per dialect is in
//! `dialects`. The rest is small: `probe` finds the dialect, `talk` asks what is due, `answer` reads, `picture` is what the
//! answers say together, `unit` makes reports of it, `commands`, `delays` and `writes` give orders, `battery` guesses what
//! these devices do not measure. What carries the lines is chosen by a feature: `serial`, or `usb`, which makes another
//! plugin of the same sources and knows the chips between plug and unit (`bridge`).
//!
//! Refuses to publish a value from an answer in which a length, a border or a flag is wrong; a field of dashes is unknown.
//! Refuses devices that answer in none of the dialects, and silence where there was a status before.
//!
//! Standard: the Megatec protocol information sheet (2001) and the sheets named in the dialects; where devices differ,
//! the row says so.

mod answer;
mod battery;
#[cfg(feature = "usb")]
mod bridge;
mod checksum;
mod commands;
mod delays;
mod dialect;
mod dialects;
mod hardware;
mod line;
mod link;
mod options;
mod picture;
mod probe;
mod row;
#[cfg(feature = "serial")]
mod serial;
mod talk;
mod unit;
#[cfg(feature = "usb")]
mod usb;
mod writes;

#[cfg(feature = "serial")]
pub use serial::Megatec;
#[cfg(feature = "usb")]
pub use usb::MegatecUsb;
use answer::{Flags, Values};
use battery::Battery;
use commands::Delays;
use dialect::Dialect;
use husk_driver::host::{self, Level};
use husk_driver::{
    About, Driver, Error, Hardware, LineSettings, Report, Serial, Settings, Wake, fixed, log, var,
    word,
};
use line::Line;
use probe::Found;

/// Attempts at a command of the shutdown sequence; the units lose one now and then while switching.
const SHUTDOWN_TRIES: u32 = 3;

/// One unit of the family.
pub struct Megatec {
    line: Line,
    dialect: &'static Dialect,
    /// What `F` and `I` said when the device was opened.
    found: Found,
    battery: Battery,
    delays: Delays,
    stayoff: bool,
    /// `ignoresab`: the shutdown flag of this unit means nothing.
    ignore_shutdown_flag: bool,
}

impl Driver for Megatec {
    const ABOUT: About = About {
        name: "megatec",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "Megatec, Q1, Mustek and Voltronic QS over a serial line",
        aliases: &["blazer_ser", "nutdrv_qx"],
        parameters: options::PARAMETERS,
        dangerous: commands::DANGEROUS,
    };

    const HARDWARE: &'static [Hardware] = hardware::HARDWARE;

    type Port = Serial;

    fn open(mut port: Serial, settings: &Settings, state: Option<&[u8]>) -> Result<Self, Error> {
        port.configure(LineSettings::n81(2400))?;
        options::power_cable(&mut port, settings)?;
        let mut line = Line::new(port);
        let found = probe::find(&mut line, settings)?;
        let dialect = found.dialect;
        log!(
            Level::Info,
            "the device speaks the {} dialect",
            dialect.name
        );
        let mut battery = Battery::new(
            settings,
            found.rating.get(var::BATTERY_VOLTAGE_NOMINAL),
            state,
        )?;
        battery.count_packs(found.status.get(var::BATTERY_VOLTAGE));
        Ok(Self {
            line,
            dialect,
            battery,
            delays: Delays::new(settings, dialect)?,
            stayoff: settings.flag("stayoff"),
            ignore_shutdown_flag: settings.flag("ignoresab"),
            found,
        })
    }

    fn poll(&mut self, _why: Wake) -> Result<Report, Error> {
        let status = self.line.ask(self.dialect.status.ask)?;
        let (values, flags) = answer::status(&self.dialect.status, &status)?;
        let details = match &self.dialect.details {
            Some(query) if self.found.has_details => {
                answer::values(query, &self.line.ask(query.ask)?)?
            }
            _ => Values::default(),
        };

        let mut report = Report::new();
        report.set(var::DEVICE_TYPE, "ups");
        self.found.report(&mut report);
        values.report(&mut report);
        details.report(&mut report);
        self.report_flags(&mut report, &values, flags);
        self.report_battery(&mut report, &values, flags);
        self.delays.report(&mut report);
        for command in self.dialect.commands {
            report.command(command.name);
        }
        Ok(report)
    }

    fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let commands = self.dialect.commands;
        let command = commands
            .iter()
            .find(|command| command.name.as_str() == name)
            .ok_or(Error::Unsupported)?;
        let request = command.sends.request(value, &self.delays)?;
        self.line.tell(&request)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.delays.set(variable, value)
    }

    /// `C` first: a unit that is already counting down does not take a new delay. Whether it refuses is no matter.
    fn shutdown(&mut self) -> Result<(), Error> {
        let _ = self.insist("C");
        let sends = match self.stayoff {
            true => commands::Sends::StayOff,
            false => commands::Sends::Return,
        };
        let request = sends.request(None, &self.delays)?;
        self.insist(&request)
    }

    fn save(&self) -> Vec<u8> {
        self.battery.save()
    }
}

impl Megatec {
    /// Sends a command until the device takes it, at most [`SHUTDOWN_TRIES`] times.
    fn insist(&mut self, request: &str) -> Result<(), Error> {
        let mut outcome = self.line.tell(request);
        for _ in 1..SHUTDOWN_TRIES {
            match &outcome {
                Ok(()) | Err(Error::Lost) => break,
                Err(_) => outcome = self.line.tell(request),
            }
        }
        outcome
    }

    fn report_flags(&self, report: &mut Report, values: &Values, flags: Flags) {
        report.status(if flags.mains_failed {
            word::OB
        } else {
            word::OL
        });
        if flags.battery_low {
            report.status(word::LB);
        }
        if flags.regulating {
            let (input, output) = (
                values.get(var::INPUT_VOLTAGE),
                values.get(var::OUTPUT_VOLTAGE),
            );
            if let Some(word) = regulation(input, output) {
                report.status(word);
            }
        }
        if flags.test_runs {
            report.status(word::CAL);
        }
        if flags.failed {
            report.alarm("The UPS says that its self-test failed");
        }
        if flags.shutdown_runs && !self.ignore_shutdown_flag {
            report.alarm("The UPS is about to switch off");
            report.status(word::FSD);
        }
        let kind = match flags.line_interactive {
            true => "offline / line interactive",
            false => "online",
        };
        report.set(var::UPS_TYPE, kind);
        let beeper = if flags.beeper { "enabled" } else { "disabled" };
        report.set(var::UPS_BEEPER_STATUS, beeper);
    }

    /// Charge and runtime are guessed unless the device measures them.
    fn report_battery(&mut self, report: &mut Report, values: &Values, flags: Flags) {
        let volts = values.get(var::BATTERY_VOLTAGE);
        if let Some(total) = volts.and_then(|volts| self.battery.total(volts)) {
            report.set(var::BATTERY_VOLTAGE, fixed(total, 2));
        }
        let limits = self.battery.guessed_limits();
        report.set(
            var::BATTERY_VOLTAGE_LOW,
            limits.low.map(|volts| fixed(volts, 2)),
        );
        report.set(
            var::BATTERY_VOLTAGE_HIGH,
            limits.high.map(|volts| fixed(volts, 2)),
        );
        if self.found.has_details {
            return;
        }
        let load = values.get(var::UPS_LOAD);
        let guess = self
            .battery
            .guess(volts, load, !flags.mains_failed, host::now_ms());
        report.set(
            var::BATTERY_CHARGE,
            guess.charge.map(|percent| fixed(percent, 0)),
        );
        report.set(
            var::BATTERY_RUNTIME,
            guess.runtime.map(|seconds| fixed(seconds, 0)),
        );
    }
}

/// What the one bit for bypass, trim and boost means: the voltages tell. Beyond a factor of two nothing is said,
/// because then one of them is no live voltage (the input of a unit on battery, the output of one that is off).
fn regulation(input: Option<f64>, output: Option<f64>) -> Option<husk_driver::Word> {
    let (input, output) = (input?, output?);
    let ratio = if input > 0.0 {
        output / input
    } else {
        return None;
    };
    match ratio {
        0.5..0.95 => Some(word::TRIM),
        0.95..1.05 => Some(word::BYPASS),
        1.05..1.5 => Some(word::BOOST),
        _ => None,
    }
}

#[cfg(feature = "serial")]
husk_driver::export!(Megatec);
#[cfg(all(feature = "usb", not(feature = "serial")))]
husk_driver::export!(MegatecUsb);
