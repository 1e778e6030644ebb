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

/// Bytes of one USB transfer. Report descriptors have up to 6144, a bulk answer up to 4096.
pub const USB_TRANSFER: u16 = 8192;

/// Bytes of a configuration descriptor that are read; composite devices have some hundreds.
pub const USB_CONFIGURATION: u16 = 4096;

/// Configurations looked through for the active one; a UPS has one.
pub const USB_CONFIGURATIONS: u8 = 4;

/// One descriptor asked for while opening; a device that is well answers in 10 ms.
pub const USB_DESCRIPTOR: Duration = Duration::from_secs(1);

/// Tries for a string descriptor; slow firmware stalls the first after it was plugged in.
pub const USB_STRING_TRIES: u32 = 3;

/// Pause between those tries.
pub const USB_STRING_PAUSE: Duration = Duration::from_millis(50);

/// Opening, claiming and resetting: Linux gives a device 5 s to come back from a reset.
pub const USB_STEP: Duration = Duration::from_secs(6);

/// Time beyond a transfer's own deadline after which libusb itself counts as stuck, and the device as lost.
pub const USB_GRACE: Duration = Duration::from_secs(1);

/// How long the end of the program waits for devices to be closed, so that the kernel's drivers get them back.
pub const USB_CLOSE: Duration = Duration::from_secs(1);

/// Tries to claim an interface, with [`USB_CLAIM_PAUSE`] between them: the kernel's driver takes a moment to let go,
/// and so does whoever closed the device last.
pub const USB_CLAIM_TRIES: u32 = 4;

/// See [`USB_CLAIM_TRIES`].
pub const USB_CLAIM_PAUSE: Duration = Duration::from_millis(150);

/// Listening for interrupt reports goes on in pieces of this length, after each of which a closed device is let go.
pub const USB_LISTEN: Duration = Duration::from_millis(250);

/// Reports that came and were not read; the oldest are dropped. UPSes send some per second at most.
pub const USB_REPORTS: usize = 32;

/// Calls waiting for one device. One instance speaks at a time; more are left over from calls given up.
pub const USB_QUEUE: usize = 16;

/// Devices looked at on one bus; a full bus has 127.
pub const USB_DEVICES: usize = 512;

/// Bytes of one SNMP message; the most that a datagram carries.
pub const SNMP_MESSAGE: usize = 65_507;

/// Objects asked for in one packet, until the agent finds that too many. Their answers fit the 1472 bytes that travel unfragmented.
pub const SNMP_VARBINDS: usize = 24;

/// Rows asked for in one GETBULK.
pub const SNMP_REPETITIONS: usize = 24;

/// Objects in one call of a driver; the largest device known has some 1,800.
pub const SNMP_OBJECTS: usize = 8192;

/// Rows of one walk.
pub const SNMP_ROWS: u32 = 8192;

/// Bytes of all values that one call of a driver gets; the largest recorded agent has 60 KB.
pub const SNMP_ANSWER: usize = 1 << 20;

/// Bytes of one value written; what an agent takes as a name or a location has 255.
pub const SNMP_WRITTEN: usize = 1024;

/// Retries a section may ask for.
pub const SNMP_RETRIES: u32 = 20;

/// Longest wait of one try.
pub const SNMP_TIMEOUT: Duration = Duration::from_secs(60);

/// Tries of a packet with many objects before a small one is tried: some firmware drops what it finds too large.
pub const SNMP_LARGE_TRIES: u32 = 2;

/// How often in a row large packets get no answer where a small one does, before the agent is asked for less for good.
pub const SNMP_STRIKES: u32 = 2;

/// Reports that may send one request round again: the engine discovered, its time learnt, and both once more.
pub const SNMP_REPORTS: u32 = 4;

/// Packets that are not the answer, looked at in one try.
pub const SNMP_STRAYS: u32 = 1000;

/// Names looked up at once: each may hold one of the runtime's 512 threads for half a minute, which files and lines need too.
pub const LOOKUPS: usize = 16;

/// Least time between two connections to the same peer that a driver asks for: five polls a second are more than any has.
pub const RECONNECT: Duration = Duration::from_millis(200);
