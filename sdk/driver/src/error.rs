//! Why a call failed. The host branches on these; the texts go to the log.

use std::fmt;

/// Why a driver's call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The device did not answer in time.
    Timeout,
    /// The device answered something that is not its protocol.
    Protocol(String),
    /// The port is gone; the host opens it again and then the driver.
    Lost,
    /// Probing found a device that this driver is not for.
    NotMine(String),
    /// The device has no such command, variable or feature.
    Unsupported,
    /// The value given is not one the device takes.
    InvalidArgument(String),
    /// The device understood and refused.
    Failed(String),
    /// A setting in the configuration section is wrong.
    BadSetting {
        /// Its name.
        name: String,
        /// What it must be.
        expected: String,
    },
    /// Anything else.
    Other(String),
}

impl Error {
    /// The word a trace uses for this failure (`= error: timeout`).
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Protocol(_) => "protocol",
            Self::Lost => "lost",
            Self::NotMine(_) => "not-mine",
            Self::Unsupported => "unsupported",
            Self::InvalidArgument(_) => "invalid-argument",
            Self::Failed(_) => "failed",
            Self::BadSetting { .. } => "bad-setting",
            Self::Other(_) => "other",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the device did not answer in time"),
            Self::Protocol(what) => {
                write!(f, "the device's answer is not of its protocol: {what}")
            }
            Self::Lost => f.write_str("the port to the device is gone"),
            Self::NotMine(what) => write!(f, "this driver is not for the device found: {what}"),
            Self::Unsupported => f.write_str("the device has no such feature"),
            Self::InvalidArgument(what) => write!(f, "the device does not take this value: {what}"),
            Self::Failed(what) => write!(f, "the device refused: {what}"),
            Self::BadSetting { name, expected } => {
                write!(f, "the setting {name} must be {expected}")
            }
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

/// A failed call on a port, whatever the transport. Drivers branch on these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IoError {
    /// Nothing, or not enough, within the deadline.
    Timeout,
    /// The device or its adapter is gone.
    Disconnected,
    /// The host took the grant back.
    Revoked,
    /// The host does not allow this.
    Denied,
    /// The port cannot do this: a pseudo-terminal has no modem lines.
    Unsupported,
    /// More than the caller's or the host's limit.
    TooLong,
    /// USB: the endpoint halted.
    Stall,
    /// USB: more came than was asked for.
    Overflow,
    /// Somebody else uses the device.
    Busy,
    /// The wait was broken off.
    Interrupted,
    /// No such file.
    NotFound,
    /// Anything else.
    Other(String),
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the time allowed ran out",
            Self::Disconnected => "the port is disconnected",
            Self::Revoked => "the host took the port back",
            Self::Denied => "the host does not allow this",
            Self::Unsupported => "the port cannot do this",
            Self::TooLong => "more bytes came than allowed",
            Self::Stall => "the endpoint halted",
            Self::Overflow => "the device sent more than was asked for",
            Self::Busy => "the device is in use",
            Self::Interrupted => "the wait was broken off",
            Self::NotFound => "there is no such file",
            Self::Other(what) => what,
        })
    }
}

impl std::error::Error for IoError {}

/// How a failure of the port ends a call, unless the driver knows better.
impl From<IoError> for Error {
    fn from(error: IoError) -> Self {
        match error {
            IoError::Timeout | IoError::Interrupted => Self::Timeout,
            IoError::Disconnected | IoError::Revoked => Self::Lost,
            IoError::TooLong | IoError::Overflow => {
                Self::Protocol("it is longer than any answer of this protocol".into())
            }
            IoError::Unsupported => Self::Unsupported,
            other => Self::Other(other.to_string()),
        }
    }
}
