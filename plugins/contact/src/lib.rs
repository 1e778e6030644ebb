//! genericups: UPSes that close contacts, wired to the modem-control lines of a serial port. No byte is ever sent.
//!
//! ```text
//! | out dtr        the cable is fed from DTR, RTS stays low (type 3)
//! | in             CTS and DCD low: on line, battery well
//! | in cts         CTS high: on battery
//! | in cts dcd     DCD high as well: battery low
//! | out dtr rts    both outputs high: switch off
//! ```
//!
//! Which line means what is the table in `types`, one row for each `upstype`; a section of ups.conf may change each part of
//! a row (`options`). Outputs are always set both at once and are left as they are when the port is closed, because a third
//! state in between, or lines that drop behind a program that ends, can switch off the load.
//!
//! Refuses to believe at once what would shut machines down: lines that newly say "on battery" and "battery low" together
//! are read again a second later, since a plug that is being pulled or pushed in says that too. A plug that stays out
//! says it for ever, and with two contacts nothing tells it from a battery that died. With four it can be told: a UPS on
//! its empty battery is not on bypass as well, so a first "all of it at once" is an error and the device turns stale.
//!
//! Standard: there is none; the wiring of each type is that of NUT's genericups(8).

mod hardware;
mod options;
mod types;

use husk_driver::host::{self, Level};
use husk_driver::{
    About, Driver, Error, Hardware, Inputs, IoError, Report, Serial, Settings, Wake, log, var, word,
};
use options::Unit;
use types::Off;

/// The electronics of the cable charge from the output lines: milliseconds until they can be trusted (as in the
/// optocouplers of Megatec's cables, 1.1 s).
const CABLE_POWER_MS: u32 = 1100;
/// Milliseconds after which lines are read again that newly say "on battery, battery low": longer than contacts bounce
/// (50 ms) and than a hand needs to seat a plug.
const SETTLE_MS: u32 = 1000;
/// How long a break lasts: what NUT asks of Linux, whose unit is 0.1 s (4901 is rounded up to 50 of these).
const BREAK_MS: u32 = 5000;

/// What is said where the table has no way to cut the power.
const UNKNOWN: &str = "nobody knows how to switch this type off; set SD to the lines that do";

/// One UPS behind a cable.
pub struct Contact {
    port: Serial,
    unit: Unit,
    /// What was published last.
    known: Option<State>,
}

/// What the lines say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    online: bool,
    battery_low: bool,
    replace_battery: bool,
    bypass: bool,
}

impl State {
    /// What makes machines shut down.
    const fn is_critical(self) -> bool {
        !self.online && self.battery_low
    }

    /// Everything bad at once.
    const fn is_everything(self) -> bool {
        self.is_critical() && self.replace_battery && self.bypass
    }
}

impl Driver for Contact {
    const ABOUT: About = About {
        name: "genericups",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "Contact closure on the modem lines of a serial port",
        aliases: &[],
        parameters: options::PARAMETERS,
        dangerous: &[],
    };

    const HARDWARE: &'static [Hardware] = hardware::HARDWARE;

    type Port = Serial;

    /// The settings first: a line of which nothing is known is not touched.
    fn open(mut port: Serial, settings: &Settings, _: Option<&[u8]>) -> Result<Self, Error> {
        let unit = Unit::new(settings)?;
        if let Err(error) = port.keep_on_close(true) {
            log!(Level::Warn, "the outputs may drop at the end: {error}");
        }
        port.exchange_lines(unit.power).map_err(|error| match error {
            IoError::Unsupported => Error::Other(
                "this port has no modem-control lines, and nothing else tells about a contact-closure UPS; use a serial \
                 port of the machine or an adapter that has CTS, DCD, DTR and RTS"
                    .to_owned(),
            ),
            other => other.into(),
        })?;
        host::sleep_ms(CABLE_POWER_MS);
        if unit.off == Off::Unknown {
            log!(
                Level::Warn,
                "without SD a shutdown cuts no power: {}",
                UNKNOWN
            );
        }
        Ok(Self {
            port,
            unit,
            known: None,
        })
    }

    fn poll(&mut self, _why: Wake) -> Result<Report, Error> {
        let mut state = self.read()?;
        if state.is_critical() && !self.known.is_some_and(State::is_critical) {
            host::sleep_ms(SETTLE_MS);
            state = self.read()?;
        }
        // Where both were on before, the two lines are not wired, and the other two are believed.
        let wired = !self
            .known
            .is_some_and(|known| known.replace_battery && known.bypass);
        if state.is_everything() && wired {
            return Err(Error::Protocol(
                "on battery, battery low, replace battery and bypass, all at once, as only an unplugged cable says; plug \
                 it in, or set BYPASS = NULL if that line is not wired"
                    .to_owned(),
            ));
        }
        self.known = Some(state);
        Ok(self.report(state))
    }

    /// The lines stay as this sets them, also behind the end of the program.
    fn shutdown(&mut self) -> Result<(), Error> {
        match self.unit.off {
            Off::Unknown => Err(Error::Other(UNKNOWN.to_owned())),
            Off::Break => Ok(self.port.send_break(BREAK_MS)?),
            Off::Lines(lines) => {
                self.port.set_lines(lines)?;
                host::sleep_ms(self.unit.hold_ms);
                Ok(())
            }
        }
    }
}

impl Contact {
    /// A port that cannot be read is opened anew, whatever the reason: adapters come back so.
    fn read(&mut self) -> Result<State, Error> {
        let lines = self.port.get_lines().map_err(|error| {
            log!(Level::Warn, "the modem lines cannot be read: {error}");
            Error::Lost
        })?;
        Ok(self.unit.state(lines))
    }

    fn report(&self, state: State) -> Report {
        let mut report = Report::new();
        report.set(var::DEVICE_TYPE, "ups");
        report.set(var::UPS_MFR, self.unit.maker.as_str());
        report.set(var::UPS_MODEL, self.unit.model.as_str());
        report.set(var::UPS_SERIAL, self.unit.serial.as_deref());
        for (on, word) in [
            (state.battery_low, word::LB),
            (state.online, word::OL),
            (!state.online, word::OB),
            (state.replace_battery, word::RB),
            (state.bypass, word::BYPASS),
        ] {
            if on {
                report.status(word);
            }
        }
        report
    }
}

impl Unit {
    fn state(&self, lines: Inputs) -> State {
        State {
            online: self.online.never() || self.online.holds(lines),
            battery_low: self.battery_low.holds(lines),
            replace_battery: self.replace_battery.holds(lines),
            bypass: self.bypass.holds(lines),
        }
    }
}

husk_driver::export!(Contact);
