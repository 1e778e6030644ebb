//! Every bound of the monitor's run time, with its reason.

use std::time::Duration;

/// To accept a connection, for each address: NUT's default since 2.8.3.
pub const CONNECT: Duration = Duration::from_secs(10);
/// To answer a request, or to finish a TLS handshake: NUT's client library waits as long.
pub(crate) const REPLY: Duration = Duration::from_secs(5);
/// To say goodbye at a stop: the program is about to end.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);
/// To look up a name whose last addresses are known.
pub(crate) const LOOKUP_AGAIN: Duration = Duration::from_secs(2);
/// Addresses of one name that are tried: each may take [`CONNECT`], and a poll has to end.
pub(crate) const ADDRESSES: usize = 4;
/// Bytes asked of a socket at a time; replies to the monitor are one line.
pub(crate) const READ: usize = 1024;
/// Requests to one server that wait: the monitor has one of each kind under way.
pub(crate) const ASKS: usize = 8;
/// Inputs of the decision loop that wait; each link has one event under way, signals and askers come on top.
pub(crate) const INPUTS: usize = 256;
/// Programs on the control socket that are served at once.
pub(crate) const ASKERS: usize = 8;
/// Bytes of a request on the control socket: `why` and the name of a UPS.
pub(crate) const QUESTION: u64 = 300;
/// For one exchange on the control socket.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// Names that are looked up at the same time: one question that is never answered must not keep another waiting.
pub(crate) const LOOKUPS: usize = 32;
/// For the programs of notices to be started before something that may end us.
pub(crate) const FLUSH: Duration = Duration::from_secs(1);
/// For the power-down flag to be on its disk: one that hangs must not keep the machine from going down.
pub(crate) const FLAG: Duration = Duration::from_secs(10);
/// As good as never.
pub(crate) const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);
