//! The family over a serial line, 2400 8N1: the plugin `megatec`.

use crate::commands::DANGEROUS;
use crate::hardware::HARDWARE;
use crate::line::strange;
use crate::link::{ANSWER_MAX, Expect, Link};
use crate::options;
use crate::unit::Unit;
use husk_driver::host::{self, Level};
use husk_driver::{
    About, Deadline, Driver, Error, Hardware, IoError, LineSettings, Outputs, Report, Serial,
    Settings, Wake, log,
};

/// One unit on a serial line.
pub struct Megatec(Unit);

impl Driver for Megatec {
    const ABOUT: About = About {
        name: "megatec",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "Megatec, Q1 and their many dialects over a serial line",
        aliases: &["blazer_ser", "nutdrv_qx", "bestups", "mustek"],
        parameters: options::SERIAL,
        dangerous: DANGEROUS,
    };

    const HARDWARE: &'static [Hardware] = HARDWARE;

    type Port = Serial;

    fn open(mut port: Serial, settings: &Settings, state: Option<&[u8]>) -> Result<Self, Error> {
        port.configure(LineSettings::n81(2400))?;
        power_cable(&mut port, settings)?;
        Unit::open(Wire(port), settings, state).map(Self)
    }

    fn poll(&mut self, _why: Wake) -> Result<Report, Error> {
        self.0.poll()
    }

    fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        self.0.command(name, value)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        self.0.set(variable, value)
    }

    fn shutdown(&mut self) -> Result<(), Error> {
        self.0.shutdown()
    }

    fn save(&self) -> Vec<u8> {
        self.0.save()
    }
}

/// The serial line.
struct Wire(Serial);

impl Link for Wire {
    fn ask(&mut self, command: &[u8], expect: &Expect) -> Result<Vec<u8>, Error> {
        let mut request = command.to_vec();
        request.push(END);
        let within = expect.within;
        let mut answer = match self.0.transact(&request, &[END], ANSWER_MAX, within) {
            Err(IoError::Timeout) => return self.unfinished(command),
            answer => answer?,
        };
        while answer.len() <= expect.raw {
            match self.0.read_until(&[END], &[], ANSWER_MAX, within) {
                Ok(more) => answer.extend(more),
                // What came was all there is; the dialect sees that it is short.
                Err(IoError::Timeout) => break,
                Err(error) => return Err(error.into()),
            }
        }
        answer.pop();
        Ok(answer)
    }
}

/// The end of a command and of an answer.
const END: u8 = b'\r';

impl Wire {
    /// What a timeout was: silence, or an answer that broke off. The bytes that came are still there.
    fn unfinished(&mut self, command: &[u8]) -> Result<Vec<u8>, Error> {
        match self.0.read(ANSWER_MAX, Deadline::ms(0)) {
            Err(IoError::Timeout) => Err(Error::Timeout),
            answer => Err(strange(&String::from_utf8_lossy(command), &answer?)),
        }
    }
}

/// The optocoupler of the cable charges from the modem lines: milliseconds until it conducts (1.1 s, NUT's blazer).
const CABLE_POWER_MS: u32 = 1100;

/// Feeds the interface of the cable from the modem lines. `none` does not touch them, so that a cable with other
/// ideas about DTR and RTS is safe; a port without the lines (a pseudo-terminal) and a host that does not grant
/// them are no obstacle, since most interfaces today feed themselves.
fn power_cable(port: &mut Serial, settings: &Settings) -> Result<(), Error> {
    let lines = settings
        .choice("cablepower", CABLE_POWER)?
        .unwrap_or(Some(Outputs {
            dtr: true,
            rts: false,
        }));
    let Some(lines) = lines else { return Ok(()) };
    match port.set_lines(lines) {
        Ok(()) => {
            host::sleep_ms(CABLE_POWER_MS);
            Ok(())
        }
        Err(IoError::Unsupported | IoError::Denied) => {
            log!(
                Level::Debug,
                "the port gives no modem lines to power the cable from"
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The values of `cablepower`.
#[rustfmt::skip]
static CABLE_POWER: &[(&str, Option<Outputs>)] = &[
    ("normal",  Some(Outputs { dtr: true,  rts: false })),
    ("reverse", Some(Outputs { dtr: false, rts: true })),
    ("both",    Some(Outputs { dtr: true,  rts: true })),
    ("none",    None),
];
