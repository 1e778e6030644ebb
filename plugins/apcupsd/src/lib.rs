//! A UPS that an apcupsd daemon watches, read from the daemon's network information server (NIS), TCP port 3551.
//!
//! ```text
//! > 00 06 "status"                                   how is the UPS?
//! < 00 1B "APC      : 001,036,0866\n"                one record per line: its length in two bytes, then the line
//! < 00 20 "STATUS   : ONLINE\n"                      the key in nine columns, a colon, the value
//! < 00 1C "LINEV    : 123.0 Volts\n"                 numbers may lead with noughts and bring their unit
//! < …
//! < 00 00                                            the end of the report
//! ```
//!
//! The keys are in `table`, the words of STATUS in `status`, the records in `nis`.
//!
//! Refuses a report that did not come to its end, and one in which nothing says whether the mains are there: a daemon that has
//! lost its UPS (COMMLOST) knows neither, so its data turn stale. Refuses to command: the protocol can only read.
//!
//! Standard: the manual of apcupsd 3.14, chapters "NIS Network Server" and "Status report fields"; older daemons are read too.

mod hardware;
mod nis;
mod status;
mod table;

use husk_driver::{About, Driver, Error, Hardware, Report, Settings, Stream, Wake, var};

/// One UPS of one daemon.
pub struct Apcupsd {
    port: Stream,
}

impl Driver for Apcupsd {
    const ABOUT: About = About {
        name: "apcupsd-ups",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "status reports of an apcupsd daemon (NIS) over TCP",
        aliases: &[],
        parameters: &[],
        dangerous: &[],
    };

    const HARDWARE: &'static [Hardware] = hardware::HARDWARE;

    type Port = Stream;

    /// Registered for "apcupsd" with IANA; older daemons on port 7000 need it in the section.
    fn stream_port() -> Option<u16> {
        Some(3551)
    }

    /// Whether a daemon answers; what it knows of its UPS is for the polls to say.
    fn open(mut port: Stream, _settings: &Settings, _state: Option<&[u8]>) -> Result<Self, Error> {
        let report = nis::status(&mut port)?;
        if report.is_empty() {
            return Err(Error::NotMine(
                "what answers there gives no status report of apcupsd".to_owned(),
            ));
        }
        Ok(Self { port })
    }

    fn poll(&mut self, _why: Wake) -> Result<Report, Error> {
        let fields = nis::status(&mut self.port)?;
        let mut report = Report::new();
        status::report(&fields, &mut report)?;
        report.set(var::DEVICE_TYPE, "ups");
        report.set(var::UPS_MFR, "APC");
        table::report(&fields, &mut report);
        Ok(report)
    }

    /// The daemon cuts the power by its own rules; nobody else can make it.
    fn shutdown(&mut self) -> Result<(), Error> {
        Err(Error::Unsupported)
    }
}

husk_driver::export!(Apcupsd);
