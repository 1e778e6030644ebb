//! The options of a configuration section. Those that say how the agent is spoken to are the host's to read.

use crate::table::Kept;
use husk_driver::{Error, Parameter, Settings};

/// The option of NUT's that means a table.
pub(crate) const MIBS: &str = "mibs";
/// Seconds a delay or an interval may be set to: a day.
const DAY: u32 = 86_400;

const fn secret(name: &'static str, help: &'static str) -> Parameter {
    Parameter {
        name,
        help,
        takes_value: true,
        secret: true,
    }
}

#[rustfmt::skip]
pub(crate) static PARAMETERS: &[Parameter] = &[
    Parameter::value(MIBS, "table to use: auto (as is usual) or a name, as apcc, mge, ietf"),
    Parameter::value("pollfreq", "seconds between two readings of everything (30)"),
    Parameter::value("semistaticfreq", "readings of everything between two of what hardly changes (10)"),
    Parameter::value("offdelay", "seconds from the shutdown command to power off"),
    Parameter::value("ondelay", "seconds until power returns"),
    Parameter::flag("notransferoids", "leave out the transfer voltages (APC Symmetra)"),
    Parameter::flag("symmetrathreephase", "transfer voltages are between lines: times 0.707 (APC Symmetra, three phases)"),
    Parameter::value("snmp_version", "v1 (as is usual), v2c or v3"),
    secret("community", "community of v1 and v2c (public)"),
    Parameter::value("snmp_retries", "further tries of a request (5)"),
    Parameter::value("snmp_timeout", "seconds for each try (1)"),
    Parameter::value("seclevel", "v3: noAuthNoPriv, authNoPriv or authPriv"),
    secret("secname", "v3: user"),
    secret("authpassword", "v3: passphrase of authentication, at least 8 characters"),
    secret("privpassword", "v3: passphrase of privacy, at least 8 characters"),
    Parameter::value("authprotocol", "v3: MD5, SHA, SHA256, SHA384 or SHA512"),
    Parameter::value("privprotocol", "v3: DES, AES, AES192 or AES256"),
];

/// What the section says.
#[derive(Debug)]
pub(crate) struct Options {
    /// Milliseconds between two readings of everything.
    pub(crate) walk_ms: u64,
    /// Readings of everything between two of what hardly changes.
    pub(crate) seldom: u32,
    /// Seconds until the load is cut, if the section says so.
    pub(crate) off_delay: Option<u32>,
    /// Seconds until it is fed again, if the section says so.
    pub(crate) on_delay: Option<u32>,
    /// Transfer voltages are left out.
    pub(crate) no_transfers: bool,
    /// Transfer voltages are between lines.
    pub(crate) line_to_line: bool,
}

impl Options {
    /// Reads them.
    ///
    /// # Errors
    /// [`Error::BadSetting`].
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let walk = settings.whole("pollfreq", 1..=DAY)?.unwrap_or(30);
        Ok(Self {
            walk_ms: u64::from(walk) * 1000,
            seldom: settings.whole("semistaticfreq", 1..=DAY)?.unwrap_or(10),
            off_delay: settings.whole("offdelay", 0..=DAY)?,
            on_delay: settings.whole("ondelay", 0..=DAY)?,
            no_transfers: settings.flag("notransferoids"),
            line_to_line: settings.flag("symmetrathreephase"),
        })
    }

    /// Seconds of a delay: the section's, else as NUT has them.
    pub(crate) fn kept(&self, kept: Kept) -> u32 {
        match kept {
            Kept::OffDelay => self.off_delay.unwrap_or(20),
            Kept::OnDelay => self.on_delay.unwrap_or(30),
        }
    }

    /// Changes a delay.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for what is no number of seconds within a day.
    pub(crate) fn keep(&mut self, kept: Kept, text: &str) -> Result<(), Error> {
        let seconds = Self::seconds(text)?;
        match kept {
            Kept::OffDelay => self.off_delay = Some(seconds),
            Kept::OnDelay => self.on_delay = Some(seconds),
        }
        Ok(())
    }

    /// Seconds as a client writes them.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub(crate) fn seconds(text: &str) -> Result<u32, Error> {
        let seconds = text.trim().parse().ok().filter(|seconds| *seconds <= DAY);
        seconds.ok_or_else(|| Error::InvalidArgument(format!("0 to {DAY} seconds")))
    }
}
