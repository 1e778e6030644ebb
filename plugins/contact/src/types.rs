//! The wirings there are, by the number of `upstype`: which lines feed the cable, what each input means, what switches off.
//!
//! Refuses to guess: how a unit is switched off is `UNKNOWN` where nobody found out. Source: NUT's genericups(8); each row is
//! held against what that driver does with the same lines (`tests/wirings.rs`).

use husk_driver::{Inputs, Outputs};

/// One wiring.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) maker: &'static str,
    pub(crate) model: &'static str,
    /// Outputs that are high in normal operation; the others are low.
    pub(crate) power: Outputs,
    pub(crate) online: Condition,
    pub(crate) battery_low: Condition,
    pub(crate) replace_battery: Condition,
    pub(crate) bypass: Condition,
    pub(crate) off: Off,
}

/// How the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Off {
    /// The outputs become exactly these.
    Lines(Outputs),
    /// The data line is held in the break state.
    Break,
    /// Nobody found out.
    Unknown,
}

/// Levels of input lines: all of those named have to be as named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    lines: u8,
    high: u8,
}

/// The input lines as bits of a [`Condition`].
pub(crate) const CTS: u8 = 1;
pub(crate) const DCD: u8 = 2;
pub(crate) const RNG: u8 = 4;
pub(crate) const DSR: u8 = 8;

/// No line tells.
pub(crate) const NEVER: Condition = Condition { lines: 0, high: 0 };

impl Condition {
    /// This, and a line that must be high or low. `None` when the line is named already.
    pub(crate) const fn and(self, line: u8, high: bool) -> Option<Self> {
        if self.lines & line != 0 {
            return None;
        }
        Some(Self {
            lines: self.lines | line,
            high: if high { self.high | line } else { self.high },
        })
    }

    /// Whether no line tells.
    pub(crate) const fn never(self) -> bool {
        self.lines == 0
    }

    /// Whether the line is named as one that is high.
    pub(crate) const fn is_high(self, line: u8) -> bool {
        self.high & line != 0
    }

    /// Whether the lines are so; where no line tells, it never is.
    pub(crate) fn holds(self, inputs: Inputs) -> bool {
        let Inputs { cts, dsr, dcd, ri } = inputs;
        let levels = [(cts, CTS), (dcd, DCD), (ri, RNG), (dsr, DSR)];
        let now: u8 = levels.iter().map(|(on, line)| u8::from(*on) * line).sum();
        !self.never() && now & self.lines == self.high
    }
}

const fn high(line: u8) -> Condition {
    Condition {
        lines: line,
        high: line,
    }
}

const fn low(line: u8) -> Condition {
    Condition {
        lines: line,
        high: 0,
    }
}

const fn outputs(dtr: bool, rts: bool) -> Outputs {
    Outputs { dtr, rts }
}

const NONE: Outputs = outputs(false, false);
const DTR: Outputs = outputs(true, false);
const RTS: Outputs = outputs(false, true);
const BOTH: Outputs = outputs(true, true);

const TO_NONE: Off = Off::Lines(NONE);
const TO_DTR: Off = Off::Lines(DTR);
const TO_RTS: Off = Off::Lines(RTS);
const TO_BOTH: Off = Off::Lines(BOTH);
const BREAK: Off = Off::Break;
const UNKNOWN: Off = Off::Unknown;

macro_rules! types {
    ($($maker:literal $model:literal $power:ident, online $ol:ident $ol_line:ident, low $lb:ident $lb_line:ident,
        $(replace $rb:ident $rb_line:ident, bypass $by:ident $by_line:ident,)? off $off:ident;)*) => {
        &[$(Type {
            maker: $maker,
            model: $model,
            power: $power,
            online: $ol($ol_line),
            battery_low: $lb($lb_line),
            $(replace_battery: $rb($rb_line), bypass: $by($by_line),)?
            off: $off,
            ..UNWIRED
        },)*]
    };
}

const UNWIRED: Type = Type {
    maker: "",
    model: "",
    power: NONE,
    online: NEVER,
    battery_low: NEVER,
    replace_battery: NEVER,
    bypass: NEVER,
    off: UNKNOWN,
};

/// The cable or the exact unit stands above a row where several wirings share a name.
#[rustfmt::skip]
#[allow(clippy::needless_update, reason = "most wirings have two contacts, one has four")]
pub(crate) static TYPES: &[Type] = types! {
    // 0
    "UPSONIC" "LAN Saver 600"                           BOTH, online low CTS,  low high DCD, off TO_RTS;
    // 1: cables 940-0095A and 940-0095C
    "APC" "Back-UPS"                                    DTR,  online low RNG,  low high DCD, off TO_RTS;
    // 2: cables 940-0020B and 940-0020C
    "APC" "Back-UPS"                                    RTS,  online low CTS,  low high DCD, off TO_BOTH;
    // 3
    "PowerTech" "Comp1000"                              DTR,  online low CTS,  low high DCD, off TO_BOTH;
    // 4
    "Generic" "Generic RUPS model"                      RTS,  online high CTS, low low DCD,  off TO_NONE;
    // 5: Lan2.2 interface, black cable 73-0844
    "TrippLite" "Internet Office Series"                DTR,  online high CTS, low low DCD,  off TO_BOTH;
    // 6: cable INT51
    "Best" "Patriot"                                    DTR,  online high CTS, low low DCD,  off TO_RTS;
    // 7
    "CyberPower" "Power99"                              RTS,  online high CTS, low low DCD,  off TO_DTR;
    // 8: Elite 500
    "Nitram" "Elite UPS"                                DTR,  online high CTS, low low DCD,  off UNKNOWN;
    // 9: cable 940-0023A, which swaps the two inputs
    "APC" "Back-UPS"                                    NONE, online low DCD,  low high CTS, off TO_RTS;
    // 10: "crack" cable
    "Victron" "Lite"                                    RTS,  online high CTS, low low DCD,  off TO_DTR;
    // 11
    "Powerware" "3115"                                  DTR,  online low CTS,  low low DCD,  off BREAK;
    // 12: cable 940-0119A
    "APC" "Back-UPS Office"                             RTS,  online low CTS,  low high DCD, off TO_DTR;
    // 13: RPT-800A and RPT-162A
    "RPT" "Repoteck"                                    BOTH, online high DCD, low low CTS,  off BREAK;
    // 14
    "Online" "P250, P500, P750, P1250"                  DTR,  online high DCD, low low CTS,  off TO_RTS;
    // 15
    "Powerware" "5119"                                  DTR,  online high CTS, low low DCD,  off BREAK;
    // 16: Elite 2002
    "Nitram" "Elite UPS"                                BOTH, online high CTS, low low DCD,  off UNKNOWN;
    // 17
    "PowerKinetics" "9001"                              DTR,  online high CTS, low low DCD,  off UNKNOWN;
    // 18: Martin's cable
    "TrippLite" "Omni 450LAN"                           DTR,  online high CTS, low high DCD, off UNKNOWN;
    // 19
    "Fideltronik" "Ares Series"                         DTR,  online high CTS, low low DCD,  off TO_RTS;
    // 20
    "Powerware" "5119 RM"                               DTR,  online low CTS,  low high DCD, off BREAK;
    // 21: Megatec's cable M2501
    "Generic" "Generic RUPS 2000"                       RTS,  online high CTS, low low DCD,  off TO_BOTH;
    // 22: the alarm interface
    "Gamatronic Electronic Industries" "Generic Alarm UPS"
                                                        RTS,  online high CTS, low low DCD,  off TO_DTR;
    // 23: battery backup of a fibre connection, telemetry of four wires
    "Generic" "Generic FTTx Battery Backup"             RTS,  online high CTS, low low DCD,
                                                        replace low RNG, bypass low DSR,      off TO_NONE;
};
