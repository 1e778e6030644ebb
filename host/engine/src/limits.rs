//! Every bound of the sandbox, in one table.
//!
//! The numbers come from measurements on two cores with the hostile guest (`tests/guests/hostile`): each attack ends
//! within its phase's budget while a neighbour is delayed by at most a tick or two.

use std::time::Duration;

/// What one call into a guest may use.
#[derive(Debug)]
pub struct Phase {
    /// What the guest was asked, for the reason text of a crash.
    pub name: &'static str,
    /// Wall time, waiting for the device included. The caller sees the crash at most a tick later.
    pub wall: Duration,
    /// [`TICK`]s of the guest's own computing; waiting in a host call is free.
    pub ticks: u32,
    /// Calls into the host.
    pub host_calls: u32,
}

impl Phase {
    /// The computing time in milliseconds.
    pub fn cpu_ms(&self) -> u128 {
        TICK.as_millis() * u128::from(self.ticks)
    }
}

/// Telling a name and a list of settings needs no device: two seconds are for a machine that swaps.
pub const DESCRIBE: Phase = Phase {
    name: "describe",
    wall: Duration::from_secs(2),
    ticks: 50,
    host_calls: 100,
};
/// Probing may try several baud rates and dialects, a second or two each.
pub const OPEN: Phase = Phase {
    name: "open",
    wall: Duration::from_secs(60),
    ticks: 200,
    host_calls: 50_000,
};
/// The largest device known asks some 400 questions; at 2400 baud a poll of 10 s still is one.
pub const POLL: Phase = Phase {
    name: "poll",
    wall: Duration::from_secs(10),
    ticks: 50,
    host_calls: 10_000,
};
/// Commands may wait for the device to confirm.
pub const COMMAND: Phase = Phase {
    name: "command",
    wall: Duration::from_secs(15),
    ticks: 50,
    host_calls: 10_000,
};
/// As [`COMMAND`].
pub const SET: Phase = Phase {
    name: "set",
    wall: Duration::from_secs(15),
    ticks: 50,
    host_calls: 10_000,
};
/// The last thing asked of a device: worth a second try inside the driver.
pub const SHUTDOWN: Phase = Phase {
    name: "shutdown",
    wall: Duration::from_secs(30),
    ticks: 50,
    host_calls: 10_000,
};
/// Writing down what is known; nothing is asked of the device.
pub const SAVE: Phase = Phase {
    name: "save",
    wall: Duration::from_secs(2),
    ticks: 20,
    host_calls: 100,
};

/// The step in which computing is counted and neighbours are let through. 100 wake-ups a second cost 0.3 % of a core,
/// and only while a guest computes.
pub const TICK: Duration = Duration::from_millis(10);

/// Bytes of linear memory, all memories of an instance together. A Rust driver uses 0.2 MiB, a Python one 16.
pub const MEMORY: usize = 16 << 20;
/// Elements of all tables of an instance together; a megabyte of native pointers at most.
pub const TABLE_ELEMENTS: usize = 100_000;
/// Core instances in one component: composed ones have about 20.
pub const INSTANCES: usize = 64;
/// Tables in one component.
pub const TABLES: usize = 64;
/// Memories in one component.
pub const MEMORIES: usize = 8;
/// Bytes of native stack a guest may use; deeper recursion traps.
pub const WASM_STACK: usize = 256 << 10;
/// Bytes of the fiber a call runs on: the guest's stack and the host function it stands in.
pub const FIBER_STACK: usize = 512 << 10;
/// Bytes copied out of a guest in one crossing, list headers included. The largest honest report is 60 KB.
pub const CROSSING: usize = 1 << 20;
/// Handles a guest may hold, its own resources included.
pub const HANDLES: usize = 256;
/// Host resources a guest may hold: one port.
pub const RESOURCES: usize = 64;

/// Longest wait of one host call; the phase's remaining wall time cuts it further.
pub const WAIT: Duration = Duration::from_secs(30);
/// Kept back from every wait so that a guest can still say "timeout" before the phase ends.
pub const WAIT_RESERVE: Duration = Duration::from_millis(200);
/// Bytes a guest may write in one call and the most it may read: as many as a port takes for a message.
pub const TRANSFER: usize = husk_ports::limits::MESSAGE;
/// Bytes in a list of stop or skip bytes: there are no more different ones.
pub const STOP_BYTES: usize = 256;
/// Longest pause between two written bytes.
pub const PACE: Duration = Duration::from_millis(200);

/// Bytes of one log line; the rest is cut.
pub const LOG_LINE: usize = 1024;
/// Lines an instance may log at once.
pub const LOG_BURST: u32 = 100;
/// Lines an instance may log per minute once the burst is used up.
pub const LOG_PER_MINUTE: u32 = 60;
/// Bytes of an error text that came from a guest.
pub const ERROR_TEXT: usize = 300;
/// Bytes of what a predecessor hands to its successor.
pub const STATE: usize = 64 << 10;
/// Settings handed to a guest.
pub const SETTINGS: usize = 256;

/// USB devices one driver is for; the driver for all makers of HID power devices names some hundred.
pub const CLAIMS: usize = 1024;

/// Bytes of a driver's or alias's name.
pub const NAME: usize = 64;
/// Bytes of any other text in a description.
pub const DESCRIPTION_TEXT: usize = 512;
/// Entries in each list of a description.
pub const DESCRIPTION_LIST: usize = 256;

/// Rows in a plugin's list of supported devices, and models in a row: NUT's longest list for one driver has 337.
pub const HARDWARE: usize = 2048;

/// Bytes of a component; a Rust driver has 70 KB, a JavaScript one 1.1 MB.
pub const COMPONENT: usize = 4 << 20;
/// Bytes of compiled code: three times the component is usual.
pub const COMPILED: usize = 32 << 20;
/// Bytes the compiler may say on stderr before the rest is dropped.
pub const COMPILER_MESSAGE: usize = 4096;
/// The compiler's wall time; 4 MiB of Wasm take about 5 s of one quiet core.
pub const COMPILER_WALL: Duration = Duration::from_secs(90);
/// The compiler's own CPU limit in seconds, set by itself before it reads a byte.
pub const COMPILER_CPU_S: u64 = 60;
/// The compiler's own limit of address space; compiling 18 MB of Python peaked at 340 MB.
pub const COMPILER_MEMORY: u64 = 2 << 30;
/// The compiler's open files: stdin, stdout, stderr and what the loader needs.
pub const COMPILER_FILES: u64 = 32;
/// Files in the cache directory; each new version of a plugin adds one, and the oldest go.
pub const CACHED: usize = 64;
