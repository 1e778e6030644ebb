//! The words of a serial line: how it is set, which buffer is meant, which signals there are.
//!
//! The records mirror `serial.wit`. Terminal modes beyond these are not offered: a port is always raw.

/// How bytes travel on the wire. The default, 2400 8N1 without flow control, is what most UPSes speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits per second; any number the hardware takes, not only the classic ones.
    pub baud: u32,
    /// 5 to 8.
    pub data_bits: u8,
    /// The parity bit.
    pub parity: Parity,
    /// How many stop bits.
    pub stop_bits: StopBits,
    /// Who may hold the other side back, and how.
    pub flow: Flow,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            baud: 2400,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow: Flow::None,
        }
    }
}

/// The parity bit of each character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// The stop bits of each character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    One,
    /// Two.
    Two,
}

/// Flow control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// None.
    None,
    /// By the RTS and CTS lines.
    RtsCts,
    /// By the characters XON (0x11) and XOFF (0x13), which then cannot be data.
    XonXoff,
}

/// Which buffer to throw away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Received and not yet read.
    Input,
    /// Written and not yet sent.
    Output,
    /// Both.
    Both,
}

/// The modem-control lines this side drives; always set as one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutLines {
    /// Data terminal ready.
    pub dtr: bool,
    /// Request to send.
    pub rts: bool,
}

/// What a driver may have changed on a line: kept before a hot swap, and put back when the swap fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineState {
    /// How bytes travel.
    pub settings: LineSettings,
    /// The outputs, where the line has them.
    pub outputs: Option<OutLines>,
}

/// The modem-control lines the device drives; always read as one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InLines {
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Data carrier detect.
    pub dcd: bool,
    /// Ring indicator.
    pub ri: bool,
}
