//! The engine over a serial line: the plugin `mge-shut`, for MGE and Eaton UPSes that tunnel HID requests through SHUT
//! packets at 2400 baud.
//!
//! ```text
//! > 18                                    no notifications, please
//! < 18
//! > 81 88 80 06 00 01 00 00 12 00 95      device descriptor, 18 bytes
//! < 06
//! < 04 88 12 01 10 01 00 00 00 08 0a      > 06      and so on
//! > 81 88 a1 01 01 03 00 00 02 00 a0      GET_REPORT feature 1
//! ```
//!
//! A poll takes a tenth of a second per report, so `pollfreq` matters here. Packets are in `husk_wire::shut`.
//!
//! Refuses notifications: everything is polled, so that an answer is never mistaken for another. Standard: MGE's Serial
//! HID UPS Transfer protocol; USB HID 1.11 for what is in it.

use crate::Ups;
use crate::commands::DANGEROUS;
use crate::link::{Exchange, Transport};
use husk_driver::host::Level;
use husk_driver::wire::hid::setup::{self, Setup};
use husk_driver::wire::shut::{DATA_MAX, Notifications, PATIENCE_MS, Reason, TRIES, Transfer};
use husk_driver::{
    About, Deadline, Direction, Driver, Error, Hardware, IoError, LineSettings, Outputs, Parameter,
    Report, Serial, Settings, UsbIdentity, Wake, log,
};

/// A part of the name of the only maker who builds them.
const MAKER: &str = "MGE";
/// Bytes after which a device that is still talking is cut off: the longest string or report with its packaging.
const BYTES_MAX: u32 = 16 * 1024;
/// Milliseconds for the echo of the notification level, and for writing a packet of 11 bytes (46 ms on the wire).
const ECHO: Deadline = Deadline::ms(1000);
const WRITE: Deadline = Deadline::ms(500);
/// Attempts at the echo: a unit that was talking finishes its packet first.
const ECHO_TRIES: u32 = 5;
/// Bytes read while waiting for the echo: a notification and a half.
const ECHO_BYTES: u32 = 16;

/// One UPS on a serial line.
pub struct MgeShut(Ups);

impl Driver for MgeShut {
    const ABOUT: About = About {
        name: "mge-shut",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "USB HID Power Device class, tunnelled through SHUT over a serial line",
        aliases: &[],
        parameters: &[
            Parameter::value("offdelay", "seconds from the shutdown command to power off"),
            Parameter::value("ondelay", "seconds from power off until power may return"),
            Parameter::value("pollfreq", "seconds between two full walks"),
            Parameter::value(
                "lowbatt",
                "accepted from older sections; the UPS has its own limit, battery.charge.low",
            ),
            Parameter::value(
                "notification",
                "accepted from older sections; everything is polled",
            ),
            Parameter::flag("onlinedischarge", "older name of onlinedischarge_onbattery"),
            Parameter::flag(
                "onlinedischarge_onbattery",
                "discharging while mains are there is a power cut",
            ),
            Parameter::flag(
                "onlinedischarge_calibration",
                "discharging while mains are there is a calibration",
            ),
            Parameter::value(
                "lbrb_log_delay_sec",
                "seconds LB and RB must last to be believed while calibrating",
            ),
            Parameter::flag(
                "lbrb_log_delay_without_calibrating",
                "apply lbrb_log_delay_sec whenever mains are there",
            ),
            Parameter::flag(
                "disable_fix_report_desc",
                "take the report descriptor as it is",
            ),
            Parameter::flag("explore", "log every field of the device at its start"),
        ],
        dangerous: DANGEROUS,
    };

    const HARDWARE: &'static [Hardware] = crate::hardware::SHUT;

    type Port = Serial;

    fn open(mut port: Serial, settings: &Settings, _state: Option<&[u8]>) -> Result<Self, Error> {
        port.configure(LineSettings::n81(2400))?;
        // The cable is told apart from others by its lines; one without them (an adapter, a pseudo-terminal) works too.
        match port.set_lines(Outputs {
            dtr: false,
            rts: true,
        }) {
            Ok(()) | Err(IoError::Unsupported | IoError::Denied) => {}
            Err(error) => return Err(error.into()),
        }
        let mut line = Line { port };
        line.silence_notifications()?;
        let identity = line.identity()?;
        Ups::open(line, identity, Some(MAKER), settings).map(Self)
    }

    fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        self.0.poll(why)
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
}

/// The line, synchronised.
struct Line {
    port: Serial,
}

impl Line {
    /// Asks for no notifications until the device echoes it.
    fn silence_notifications(&mut self) -> Result<(), Error> {
        let level = Notifications::Off as u8;
        for _ in 0..ECHO_TRIES {
            self.port.discard(Direction::Both)?;
            self.port.write(&[level], WRITE)?;
            match self.port.read_until(&[level], &[], ECHO_BYTES, ECHO) {
                Ok(_) => return Ok(()),
                Err(IoError::Timeout | IoError::TooLong) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::NotMine(
            "nothing on the line echoes the SHUT handshake".into(),
        ))
    }

    /// Ids and strings, from the device descriptor (USB 2.0 §9.6.1).
    fn identity(&mut self) -> Result<UsbIdentity, Error> {
        let descriptor = self.transfer(Setup::device_descriptor(), &[], PATIENCE_MS)?;
        let [
            18,
            1,
            _,
            _,
            _,
            _,
            _,
            _,
            v0,
            v1,
            p0,
            p1,
            r0,
            r1,
            maker,
            product,
            serial,
            ..,
        ] = *descriptor
        else {
            return Err(Error::NotMine("its device descriptor is none".into()));
        };
        Ok(UsbIdentity {
            vendor_id: u16::from_le_bytes([v0, v1]),
            product_id: u16::from_le_bytes([p0, p1]),
            release: u16::from_le_bytes([r0, r1]),
            manufacturer: self.text(maker)?,
            product: self.text(product)?,
            serial: self.text(serial)?,
            ..UsbIdentity::default()
        })
    }

    fn text(&mut self, index: u8) -> Result<Option<String>, Error> {
        if index == 0 {
            return Ok(None);
        }
        let setup = Setup::string(index, setup::ENGLISH, u8::MAX.into());
        match self.transfer(setup, &[], PATIENCE_MS) {
            Ok(string) => Ok(setup::text(&string)),
            Err(error @ (IoError::Disconnected | IoError::Revoked)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// One request and its answer; `patience` in milliseconds is for each packet.
    fn transfer(
        &mut self,
        setup: Setup,
        payload: &[u8],
        patience: u32,
    ) -> Result<Vec<u8>, IoError> {
        self.port.discard(Direction::Both)?;
        let (mut transfer, request) = Transfer::new(setup, payload);
        self.port.write(&request, WRITE)?;
        let mut heard = 0;
        loop {
            let (bytes, silent) = match self
                .port
                .read(DATA_MAX as u32, Deadline::ms(patience.into()))
            {
                Ok(bytes) => (bytes, false),
                Err(IoError::Timeout) => (Vec::new(), true),
                Err(error) => return Err(error),
            };
            heard += bytes.len() as u32;
            if heard > BYTES_MAX {
                return Err(IoError::TooLong);
            }
            let silence = silent.then(|| transfer.silence());
            let steps: Vec<_> = bytes.iter().map(|byte| transfer.byte(*byte)).collect();
            for step in silence.into_iter().chain(steps) {
                if !step.send.is_empty() {
                    self.port.write(&step.send, WRITE)?;
                }
                if let Some(outcome) = step.outcome {
                    return outcome.map_err(failure);
                }
            }
        }
    }
}

impl Transport for Line {
    fn configuration(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn exchange(
        &mut self,
        setup: Setup,
        exchange: Exchange<'_>,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        let whole = u32::try_from(deadline.total.as_millis()).unwrap_or(PATIENCE_MS);
        let patience = (whole / u32::from(TRIES)).clamp(PATIENCE_LEAST_MS, PATIENCE_MS);
        match exchange {
            Exchange::Read | Exchange::Text(_) => self.transfer(setup, &[], patience),
            Exchange::Write(data) => self.transfer(setup, data, patience),
        }
    }
}

/// Least milliseconds for a packet: the slowest unit known takes 150 to begin one.
const PATIENCE_LEAST_MS: u32 = 250;

/// What the device refuses it does not have, as with a stall on USB.
fn failure(reason: Reason) -> IoError {
    log!(Level::Debug, "{reason}");
    match reason {
        Reason::Refused => IoError::Stall,
        Reason::Silent => IoError::Timeout,
        Reason::Garbled | Reason::Endless => IoError::Other(reason.to_string()),
    }
}
