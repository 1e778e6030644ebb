//! Every bound of this crate, with unit and reason.

use std::time::Duration;

/// Bytes taken from the operating system at once, and the most one `read` gives.
/// 4096 is the buffer of a Linux tty: a late poll loses nothing of a streaming device.
pub const CHUNK: usize = 4096;

/// Bytes of one message (`read_exact`, `read_until`); what a driver asks above it is refused.
/// The largest answers of known serial and stream devices are some kilobytes.
pub const MESSAGE: usize = 64 * 1024;

/// Bytes of one file in a granted directory. The largest published dumps of devices have 40 KB.
pub const FILE: usize = 1024 * 1024;

/// File names listed of one directory; a hwmon directory has some dozens.
pub const NAMES: usize = 1024;

/// Longest break; UPSes want 0.1 to 5 seconds, and a line held longer looks cut.
pub const BREAK: Duration = Duration::from_secs(10);

/// Bytes of one recording, after which it stops: some hours of a device polled every two seconds.
pub const RECORDING: u64 = 16 * 1024 * 1024;

/// Bytes of one piece of native code; a compiled driver has 200 to 800 KB.
pub const NATIVE_CODE: u64 = 64 * 1024 * 1024;

/// How often `drain` looks whether the operating system's buffer has emptied: 5 bytes at 9600 baud.
pub const DRAIN_TICK: Duration = Duration::from_millis(5);

/// Opening a tty or a file; a USB adapter that needs longer has hung.
pub const OPEN: Duration = Duration::from_secs(10);

/// Reading one file; attributes in sysfs may ask a chip on a slow bus, which takes some tens of milliseconds.
pub const FILE_READ: Duration = Duration::from_secs(5);

/// One question to a tty's driver: the longest break and the 5 s that Linux waits for a USB adapter.
pub const TTY_CALL: Duration = Duration::from_secs(15);
