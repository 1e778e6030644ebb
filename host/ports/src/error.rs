//! What can go wrong with a port: [`OpenError`] for the operator, [`IoError`] for the driver.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// A failed call on an open port. Mirrors `io-error` of `types.wit`; drivers branch on the variants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IoError {
    /// The device kept silent.
    #[error("the device did not answer in time")]
    Timeout,
    /// Unplugged, hung up or closed by the peer; only opening it again helps.
    #[error("the port is gone: check the cable or the adapter")]
    Disconnected,
    /// The host took the port away.
    #[error("the host took the port back")]
    Revoked,
    /// The operating system or the grant forbids it.
    #[error("permission denied")]
    Denied,
    /// This kind of port cannot do that (modem lines of a pseudo-terminal, a baud rate the adapter lacks).
    #[error("the port cannot do that")]
    Unsupported,
    /// More bytes than asked for, or than the host's limit, without an end.
    #[error("more bytes than the limit allows")]
    TooLong,
    /// USB: the endpoint halted.
    #[error("the USB endpoint halted")]
    Stall,
    /// USB: the device sent more than was asked for.
    #[error("the USB device sent more than was asked for")]
    Overflow,
    /// Somebody else uses the device.
    #[error("the device is busy")]
    Busy,
    /// A signal interrupted the call.
    #[error("the call was interrupted")]
    Interrupted,
    /// No such file in the granted directory.
    #[error("no such file")]
    NotFound,
    /// Anything else, in the words of the operating system.
    #[error("{0}")]
    Other(String),
}

impl From<Errno> for IoError {
    fn from(errno: Errno) -> Self {
        match errno {
            // A tty whose hardware went away answers EIO or ENXIO; ENODEV comes from USB adapters.
            Errno::IO | Errno::NXIO | Errno::NODEV => Self::Disconnected,
            Errno::PIPE | Errno::CONNRESET | Errno::CONNABORTED | Errno::NOTCONN => {
                Self::Disconnected
            }
            Errno::TIMEDOUT => Self::Timeout,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            // Drivers without modem lines answer ENOTTY or EINVAL, network ttys EOPNOTSUPP.
            Errno::NOTTY | Errno::INVAL | Errno::OPNOTSUPP => Self::Unsupported,
            Errno::BUSY => Self::Busy,
            Errno::INTR => Self::Interrupted,
            Errno::NOENT => Self::NotFound,
            Errno::NAMETOOLONG | Errno::FBIG => Self::TooLong,
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<std::io::Error> for IoError {
    fn from(error: std::io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None if error.kind() == std::io::ErrorKind::PermissionDenied => Self::Denied,
            None => Self::Other(error.to_string()),
        }
    }
}

/// Why a port could not be opened; each sentence names the path and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing there (yet).
    #[error("{0} does not exist: is the device plugged in, and is `port` right?")]
    NotFound(PathBuf),
    /// Not ours to open.
    #[error(
        "{0} may not be opened by this user: give it to the group that Husk runs as (see the udev rules)"
    )]
    Denied(PathBuf),
    /// Another program holds it.
    #[error("{0} is in use by another program: stop that program first")]
    Busy(PathBuf),
    /// Opened, but the wrong kind of thing.
    #[error("{path} is not {expected}: correct `port`")]
    WrongKind {
        /// What was opened.
        path: PathBuf,
        /// What it had to be, with its article: "a serial port".
        expected: &'static str,
    },
    /// The peer did not take the connection in time.
    #[error("{0} did not answer in time: is the device reachable?")]
    Timeout(PathBuf),
    /// The peer refused, or the network did.
    #[error("{endpoint} could not be reached: {reason}")]
    Unreachable {
        /// As configured.
        endpoint: PathBuf,
        /// In the words of the operating system.
        reason: String,
    },
    /// No USB device fits, or none that does can be had.
    #[error("no USB device to use: {0}")]
    NoDevice(String),
    /// A trace that cannot be replayed.
    #[error("{path} is not a usable trace: {reason}")]
    BadTrace {
        /// The file.
        path: PathBuf,
        /// Line and cause.
        reason: String,
    },
    /// Anything else, in the words of the operating system.
    #[error("{path} could not be opened: {reason}")]
    Other {
        /// What was to be opened.
        path: PathBuf,
        /// In the words of the operating system.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn from_io(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound(path),
            std::io::ErrorKind::PermissionDenied => Self::Denied(path),
            std::io::ErrorKind::ResourceBusy => Self::Busy(path),
            std::io::ErrorKind::NotADirectory => Self::WrongKind {
                path,
                expected: "a directory",
            },
            // ENXIO and ENODEV: the node exists, the hardware behind it does not.
            _ if matches!(
                Errno::from_io_error(error),
                Some(Errno::NXIO | Errno::NODEV)
            ) =>
            {
                Self::NotFound(path)
            }
            _ => Self::Other {
                path,
                reason: error.to_string(),
            },
        }
    }
}
