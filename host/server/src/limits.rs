//! Every bound of the server in one table, each with its unit and its reason.
//!
//! Bounds of a plugin's work are the engine's, bounds of a report are `husk_core::report`'s.

use std::time::Duration;

/// First pause after a device failed to open; doubles up to [`BACKOFF_MAX`].
pub const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// Longest pause between two attempts: a device that was plugged in again is back within this time.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// Pause after [`CRASHES_TO_QUARANTINE`] crashes: a plugin that keeps trapping must not keep a core busy.
pub const QUARANTINE: Duration = Duration::from_secs(60);
/// Crashes without [`CRASH_FREE`] of good polls between them that send an instance into quarantine.
pub const CRASHES_TO_QUARANTINE: u32 = 3;
/// Good service after which earlier crashes are forgotten.
pub const CRASH_FREE: Duration = Duration::from_secs(600);
/// Failed polls in a row after which the instance is opened anew, on the same port: a device
/// that was power-cycled has forgotten its handshake.
pub const FAILED_POLLS_TO_REOPEN: u32 = 5;
/// A repeated reason for failing is logged again after this time, as the classic server does.
pub const REPEAT_LOG: Duration = Duration::from_secs(300);

/// Least pause between the end of a poll and the next: a device slower than its interval is not polled without a break.
pub const POLL_PAUSE: Duration = Duration::from_millis(100);
/// Pause before the early poll that a readable port asks for: the rest of the message arrives, and a line that
/// chatters is not a busy loop.
pub const READABLE_PAUSE: Duration = Duration::from_millis(50);
/// Opening a device node may block in a broken adapter's driver; after this the attempt has failed.
pub const PORT_OPEN: Duration = Duration::from_secs(10);

/// A USB device that fails is tried again this soon: the ladder from a retry to a new instance takes under two seconds.
pub const USB_RETRY: Duration = Duration::from_millis(200);
/// Pause before a USB device that has just been lost or plugged in is opened: it resets, and udev gives it its owner.
pub const USB_SETTLE: Duration = Duration::from_millis(150);
/// For this long after one was plugged in it is tried at that pace: enumeration takes a second on a slow hub.
pub const USB_EAGER: Duration = Duration::from_secs(3);
/// A USB device that is not there is looked for this often, beside the kernel's word that one came.
pub const USB_LOOK: Duration = Duration::from_secs(1);
/// A USB device that completes no transfer for so long is silent, whatever its driver says: twice the slowest full poll.
pub const USB_PROGRESS: Duration = Duration::from_secs(60);
/// A USB device that cannot be served because it does not answer is reset at most this often: a reset is known to take
/// some firmware three seconds.
pub const USB_RESET_PAUSE: Duration = Duration::from_secs(10);
/// After this time another device that fits the section is taken for one that was lost.
pub const STRANGER_AFTER: Duration = Duration::from_secs(60);

/// Requests (SET, INSTCMD) waiting for one device; a client is told SET-FAILED beyond it.
pub const REQUEST_QUEUE: usize = 16;
/// A request that waited longer for its device is not run any more: the person who sent it has gone on.
pub const REQUEST_AGE: Duration = Duration::from_secs(30);
/// A device whose driver is stopped looks around this often, for no reason but that nothing waits without a deadline.
pub const IDLE: Duration = Duration::from_secs(3600);
/// An order to one driver to start, to end (a call in progress comes first) or to cut the power.
pub const DRIVER_ORDER: Duration = Duration::from_secs(60);
/// Orders (swap, reconfigure) waiting for one device.
pub const ORDER_QUEUE: usize = 4;
/// One device's answer to a swap order: a call in progress, a probe of the new instance and a poll.
pub const SWAP: Duration = Duration::from_secs(120);

/// A driver's socket that is not there is tried again after this time; the classic server looks every 2 s.
pub const DRIVER_RETRY: Duration = Duration::from_secs(1);
/// Bytes read from a driver at once; a whole dump of 60 variables is about 4 KiB.
pub const DRIVER_CHUNK: usize = 8192;
/// Requests a driver has not answered of which the outcome is awaited; beyond it the oldest stays pending.
pub const DRIVER_REQUESTS: usize = 64;
/// How long a driver program may take to open its socket before that is said; a probe of all protocols takes so long.
pub const PROGRAM_START: Duration = Duration::from_secs(30);
/// How long a run of a driver program that cuts the power may take; one that has to find its device first needs half.
pub const PROGRAM_POWER: Duration = Duration::from_secs(60);
/// How long a driver program may take to end when asked to, before it is killed. Less than [`STOP`].
pub const PROGRAM_STOP: Duration = Duration::from_secs(3);
/// How long the last words of a driver program that has ended are waited for.
pub const PROGRAM_WORDS: Duration = Duration::from_millis(200);
/// Bytes of one line of a driver program that reach the log.
pub const PROGRAM_LINE: usize = 256;
/// Lines of one run of a driver program that reach the log; more are only debug output.
pub const PROGRAM_LINES: u32 = 100;

/// Clients of one driver process at once: upsd, a second one while it is replaced, and tools.
pub const DRIVER_CLIENTS: usize = 16;

/// Sockets the system names at once to the network thread, each served before the next look; a thousand busy clients are one
/// pass.
pub const EVENTS: usize = 1024;
/// Clients with more to do than one turn allows, of which each has another between two looks at the sockets: a turn takes
/// up to 100 µs, and whoever asks one thing waits for no more than these.
pub const QUEUED_TURNS: usize = 4;
/// Clients let in before those who are in already are served again.
pub const ACCEPTS: usize = 64;
/// Deadlines of connections are looked at this often, all at once: a timer each costs more than the seconds are worth.
pub const LOOK: Duration = Duration::from_secs(1);
/// Bytes read from a client at once.
pub const READ_CHUNK: usize = 4096;
/// Replies gathered before they are written even though requests are left; one whole list may exceed it.
pub const OUTPUT_HIGH: usize = 16 * 1024;
/// A client that does not take one batch of replies within this time is disconnected.
pub const WRITE: Duration = Duration::from_secs(10);
/// Hashed passwords checked at once: each takes the memory its hash says, 19 MiB usually, and a core for 30 ms.
pub const HASHES: usize = 2;
/// How long a hashed password may wait for its check; then the request is refused.
pub const HASH_WAIT: Duration = Duration::from_secs(10);
/// A LISTEN address that could not be bound is tried again this often: a network that comes up is served soon.
pub const REBIND: Duration = Duration::from_secs(3);

/// TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long what is being done for the last clients of a driver process may take when it ends.
pub const FAREWELL: Duration = Duration::from_secs(1);
/// File descriptors kept back from clients for devices, configuration files and the control socket.
pub const RESERVED_DESCRIPTORS: usize = 64;
/// Most clients at once when the configuration does not say, whatever the descriptor limit allows.
pub const CLIENTS_MAX: usize = 65_536;
/// Pause after `accept` failed for want of descriptors or memory: the error does not go away by asking again.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Backlog of a listening socket, for a thousand monitors that reconnect after a restart.
pub const BACKLOG: u32 = 1024;

/// Control socket: one request line, in bytes.
pub const CONTROL_LINE: usize = 512;
/// Control socket: time to send the request.
pub const CONTROL_READ: Duration = Duration::from_secs(5);
/// Control socket: conversations at once.
pub const CONTROL_CLIENTS: usize = 8;
/// Control socket: bytes of a reply a client accepts.
pub const CONTROL_REPLY: u64 = 1024 * 1024;

/// Plugin directories are looked at this often.
pub const RESCAN: Duration = Duration::from_secs(2);
/// `.wasm` files considered per plugin directory.
pub const PLUGIN_FILES: usize = 256;
/// A component file larger than the engine takes is not read at all, in bytes.
pub const PLUGIN_BYTES: u64 = husk_engine::limits::COMPONENT as u64;
/// A configuration file larger than this is refused, in bytes.
pub const CONFIG_BYTES: u64 = 16 * 1024 * 1024;

/// All tasks end within this time after a stop was asked for; what is left is dropped. Driver programs get
/// [`PROGRAM_STOP`] of it.
pub const STOP: Duration = Duration::from_secs(4);

/// One plugin's try at a serial line in a scan: opening, every protocol it knows, and a report.
pub const SCAN_PROBE: Duration = Duration::from_secs(90);
