//! Instant commands: which letter each is, and how it is given.

use crate::shutdown::Method;
use husk_driver::{Cmd, cmd};

/// One instant command.
pub(crate) struct Command {
    pub(crate) name: Cmd,
    /// The unit must know this letter.
    pub(crate) letter: u8,
    pub(crate) gives: Gives,
}

/// What giving it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// The letter, answered OK.
    Letter,
    /// `D` changes between measuring and not: given only when the status says that it would do the right thing.
    Calibration { on: bool },
    /// Twice the letter; nothing is answered.
    Twice,
    /// Cuts the power, and has to be asked for twice.
    CutsPower(Method),
}

#[rustfmt::skip]
pub(crate) static COMMANDS: &[Command] = &[
    Command { name: cmd::SHUTDOWN_RETURN,    letter: b'@',  gives: Gives::CutsPower(Method::Hard) },     // with at:n
    Command { name: cmd::SHUTDOWN_RETURN,    letter: b'S',  gives: Gives::CutsPower(Method::Soft) },     // alone
    Command { name: cmd::SHUTDOWN_RETURN,    letter: b'S',  gives: Gives::CutsPower(Method::Forced) },   // with cs
    Command { name: cmd::SHUTDOWN_STAYOFF,   letter: b'K',  gives: Gives::CutsPower(Method::StayOff) },
    Command { name: cmd::LOAD_OFF,           letter: b'Z',  gives: Gives::CutsPower(Method::Instant) },
    Command { name: cmd::LOAD_ON,            letter: 0x0e,  gives: Gives::Twice },
    Command { name: cmd::CALIBRATE_START,    letter: b'D',  gives: Gives::Calibration { on: true } },
    Command { name: cmd::CALIBRATE_STOP,     letter: b'D',  gives: Gives::Calibration { on: false } },
    Command { name: cmd::TEST_PANEL_START,   letter: b'A',  gives: Gives::Letter },
    Command { name: cmd::TEST_FAILURE_START, letter: b'U',  gives: Gives::Letter },
    Command { name: cmd::TEST_BATTERY_START, letter: b'W',  gives: Gives::Letter },                      // the unit
    Command { name: cmd::TEST_BATTERY_STOP,  letter: b'W',  gives: Gives::Letter },                      // changes
    Command { name: cmd::BYPASS_START,       letter: b'^',  gives: Gives::Letter },                      // from one
    Command { name: cmd::BYPASS_STOP,        letter: b'^',  gives: Gives::Letter },                      // to the other
];

/// The commands above that cut or restore power.
pub(crate) static DANGEROUS: &[&str] = &[
    cmd::LOAD_OFF.as_str(),
    cmd::LOAD_ON.as_str(),
    cmd::SHUTDOWN_RETURN.as_str(),
    cmd::SHUTDOWN_STAYOFF.as_str(),
];

/// Whether some command has this letter.
pub(crate) fn is_command(letter: u8) -> bool {
    COMMANDS.iter().any(|command| command.letter == letter)
}

/// The first of the two requests that a command which cuts the power needs.
pub(crate) struct Asked {
    what: String,
    at_ms: u64,
}

/// The second request must come so many milliseconds after the first: not by the same slip of the hand, and not by
/// another day's (NUT).
const AGAIN_MS: std::ops::RangeInclusive<u64> = 3_000..=15_000;

impl Asked {
    pub(crate) fn new(what: &str, now_ms: u64) -> Self {
        Self {
            what: what.to_owned(),
            at_ms: now_ms,
        }
    }

    /// Whether asking for `what` now is meant.
    pub(crate) fn is_confirmed_by(&self, what: &str, now_ms: u64) -> bool {
        self.what == what && AGAIN_MS.contains(&now_ms.saturating_sub(self.at_ms))
    }
}
