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

/// Requests (SET, INSTCMD) waiting for one device; a client is told SET-FAILED beyond it.
pub const REQUEST_QUEUE: usize = 16;
/// A request that waited longer for its device is not run any more: the person who sent it has gone on.
pub const REQUEST_AGE: Duration = Duration::from_secs(30);
/// Orders (swap, reconfigure) waiting for one device.
pub const ORDER_QUEUE: usize = 4;
/// One device's answer to a swap order: a call in progress, a probe of the new instance and a poll.
pub const SWAP: Duration = Duration::from_secs(120);

/// Bytes read from a client at once.
pub const READ_CHUNK: usize = 4096;
/// Replies gathered before they are written even though requests are left; one whole list may exceed it.
pub const OUTPUT_HIGH: usize = 64 * 1024;
/// A client that does not take one batch of replies within this time is disconnected.
pub const WRITE: Duration = Duration::from_secs(10);
/// TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a closing connection may take to say goodbye (TLS close_notify, FIN).
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

/// All tasks end within this time after a stop was asked for; what is left is dropped.
pub const STOP: Duration = Duration::from_millis(1500);
