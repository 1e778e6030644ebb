//! A serial adapter with FTDI's FT232R: modem lines both ways, breaks, and bytes with a Q1 UPS behind them.
//!
//! The kernel's `ftdi_sio` makes a `/dev/ttyUSB0` of it, with every line a real port has, which a pseudo-terminal has not.
//! The chip's requests are those the kernel's driver sends (drivers/usb/serial/ftdi_sio.h names them); what is not needed
//! for lines and bytes is accepted and means nothing.

use super::{Answer, Device, Identity, Setup};
use crate::sim::megatec::State;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// FTDI's vendor number.
pub const VENDOR: u16 = 0x0403;
/// The FT232's product number.
pub const PRODUCT: u16 = 0x6001;

/// Vendor requests to and from the chip.
const TO_CHIP: u8 = 0x40;
const FROM_CHIP: u8 = 0xc0;
const SET_MODEM_CONTROL: u8 = 1;
const SET_DATA: u8 = 4;
const GET_MODEM_STATUS: u8 = 5;
const GET_LATENCY: u8 = 0x0a;
const READ_EEPROM: u8 = 0x90;

/// Of the value of `SET_MODEM_CONTROL`: the lines, and in the upper byte which of them are meant.
const DTR: u16 = 1;
const RTS: u16 = 2;
/// Of the value of `SET_DATA`.
const BREAK: u16 = 1 << 14;

/// First byte of each packet to the host; the lowest bit is always set.
const CTS: u8 = 0x10;
const DSR: u8 = 0x20;
const RI: u8 = 0x40;
const DCD: u8 = 0x80;
const ALWAYS: u8 = 0x01;
/// Second byte: nothing is waiting to be sent.
const TRANSMITTER_EMPTY: u8 = 0x60;
/// Bytes of data beside those two in one packet.
const PACKET: usize = 62;

/// Changes of the outputs that are remembered; a test sees some dozens.
const REMEMBERED: usize = 1000;

/// The input lines, which the UPS moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Data carrier detect.
    pub dcd: bool,
    /// Ring indicator.
    pub ri: bool,
}

/// The output lines, which the host moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Data terminal ready.
    pub dtr: bool,
    /// Request to send.
    pub rts: bool,
}

/// The adapter and what is plugged into it.
#[derive(Debug)]
pub struct Adapter {
    /// Levels of the input lines.
    pub inputs: Inputs,
    /// The UPS on the data lines.
    pub ups: State,
    /// Whether the chip refuses to tell its lines, as one does that has hung.
    pub is_deaf: bool,
    outputs: Outputs,
    /// Every state of the outputs since the cable is in, oldest first.
    history: Vec<Outputs>,
    breaking: Option<Instant>,
    breaks: Vec<Duration>,
    identity: Identity,
    to_host: VecDeque<u8>,
    from_host: Vec<u8>,
    /// The status the host has seen last in a packet.
    told: Option<u8>,
}

impl Default for Adapter {
    fn default() -> Self {
        let strings = ["Example", "Simulated serial adapter", "SIMFTDI1"];
        Self {
            inputs: Inputs::default(),
            ups: State::default(),
            is_deaf: false,
            outputs: Outputs::default(),
            history: Vec::new(),
            breaking: None,
            breaks: Vec::new(),
            identity: Identity {
                vendor: VENDOR,
                product: PRODUCT,
                release: 0x0600,
                strings: strings.map(str::to_owned).to_vec(),
            },
            to_host: VecDeque::new(),
            from_host: Vec::new(),
            told: None,
        }
    }
}

impl Adapter {
    /// The outputs now.
    pub fn outputs(&self) -> Outputs {
        self.outputs
    }

    /// Every state of the outputs since the last call or since the cable is in.
    pub fn take_history(&mut self) -> Vec<Outputs> {
        std::mem::take(&mut self.history)
    }

    /// How long each break has lasted that has ended.
    pub fn breaks(&self) -> &[Duration] {
        &self.breaks
    }

    fn lines(&self) -> u8 {
        let levels = [
            (self.inputs.cts, CTS),
            (self.inputs.dsr, DSR),
            (self.inputs.ri, RI),
            (self.inputs.dcd, DCD),
        ];
        let high = levels.iter().filter(|(high, _)| *high);
        high.fold(ALWAYS, |all, (_, line)| all | line)
    }

    fn set_outputs(&mut self, value: u16) {
        let [now, meant] = value.to_le_bytes().map(u16::from);
        if meant & DTR != 0 {
            self.outputs.dtr = now & DTR != 0;
        }
        if meant & RTS != 0 {
            self.outputs.rts = now & RTS != 0;
        }
        if self.history.last() != Some(&self.outputs) && self.history.len() < REMEMBERED {
            self.history.push(self.outputs);
        }
    }

    fn set_break(&mut self, on: bool) {
        match (on, self.breaking) {
            (true, None) => self.breaking = Some(Instant::now()),
            (false, Some(begun)) => {
                self.breaks.push(begun.elapsed());
                self.breaking = None;
            }
            _ => {}
        }
    }

    fn configuration() -> Vec<u8> {
        #[rustfmt::skip]
        let bytes = vec![
            9, 2, 32, 0, 1, 1, 0, 0xa0, 45,       // one interface, bus powered, 90 mA
            9, 4, 0, 0, 2, 0xff, 0xff, 0xff, 2,   // the maker's own class
            7, 5, 0x81, 2, 64, 0, 0,              // bulk in
            7, 5, 0x02, 2, 64, 0, 0,              // bulk out
        ];
        bytes
    }
}

impl Device for Adapter {
    fn plugged(&mut self) {
        self.outputs = Outputs::default();
        self.history.clear();
        self.breaking = None;
        self.to_host.clear();
        self.from_host.clear();
        self.told = None;
        self.is_deaf = false;
    }

    fn control(&mut self, setup: Setup, _data: &[u8]) -> Answer {
        let [low, high] = setup.value.to_le_bytes();
        match (setup.request_type, setup.request) {
            (0x80, 0x06) => match high {
                1 => Answer::Data(self.identity.device_descriptor()),
                2 => Answer::Data(Self::configuration()),
                3 => self.identity.string_descriptor(low),
                _ => Answer::Stall,
            },
            (0x80, 0x00) => Answer::Data(vec![0, 0]),
            (0x80, 0x08) => Answer::Data(vec![1]),
            (0x00..=0x02, 0x01 | 0x03 | 0x05 | 0x09 | 0x0b) => Answer::Data(Vec::new()),
            (TO_CHIP, SET_MODEM_CONTROL) => {
                self.set_outputs(setup.value);
                Answer::Data(Vec::new())
            }
            (TO_CHIP, SET_DATA) => {
                self.set_break(setup.value & BREAK != 0);
                Answer::Data(Vec::new())
            }
            (TO_CHIP, _) => Answer::Data(Vec::new()),
            (FROM_CHIP, GET_MODEM_STATUS) if self.is_deaf => Answer::Stall,
            (FROM_CHIP, GET_MODEM_STATUS) => Answer::Data(vec![self.lines(), TRANSMITTER_EMPTY]),
            (FROM_CHIP, GET_LATENCY) => Answer::Data(vec![16]),
            (FROM_CHIP, READ_EEPROM) => Answer::Data(vec![0xff, 0xff]),
            _ => Answer::Stall,
        }
    }

    /// The chip sends its lines every 16 ms; here only when there is news, or the emulated processor would do nothing else.
    fn read(&mut self, _endpoint: u8) -> Answer {
        let lines = self.lines();
        if self.to_host.is_empty() && self.told == Some(lines) {
            return Answer::Silence;
        }
        self.told = Some(lines);
        let count = self.to_host.len().min(PACKET);
        let status = [lines, TRANSMITTER_EMPTY];
        Answer::Data(
            status
                .into_iter()
                .chain(self.to_host.drain(..count))
                .collect(),
        )
    }

    fn write(&mut self, _endpoint: u8, data: &[u8]) -> Answer {
        for byte in data {
            if *byte != b'\r' {
                self.from_host.push(*byte);
                continue;
            }
            let command = std::mem::take(&mut self.from_host);
            let answer = self.ups.reply(&String::from_utf8_lossy(&command));
            if let Some(answer) = answer {
                self.to_host.extend(answer.bytes().chain([b'\r']));
            }
        }
        Answer::Data(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn to_chip(adapter: &mut Adapter, request: u8, value: u16) {
        let setup = Setup {
            request_type: TO_CHIP,
            request,
            value,
            index: 0,
        };
        assert_eq!(adapter.control(setup, &[]), Answer::Data(Vec::new()));
    }

    #[test]
    fn lines_breaks_and_bytes_go_through() {
        let mut adapter = Adapter::default();
        adapter.plugged();
        // Both at once, then RTS alone is dropped.
        to_chip(&mut adapter, SET_MODEM_CONTROL, 0x0303);
        to_chip(&mut adapter, SET_MODEM_CONTROL, 0x0200);
        let both = Outputs {
            dtr: true,
            rts: true,
        };
        let one = Outputs {
            dtr: true,
            rts: false,
        };
        assert_eq!(adapter.take_history(), [both, one]);
        assert_eq!(adapter.outputs(), one);

        assert_eq!(adapter.read(1), Answer::Data(vec![ALWAYS, 0x60]));
        assert_eq!(adapter.read(1), Answer::Silence, "no news");
        adapter.inputs.dcd = true;
        assert_eq!(adapter.read(1), Answer::Data(vec![DCD | ALWAYS, 0x60]));

        to_chip(&mut adapter, SET_DATA, BREAK | 8);
        assert!(adapter.breaks().is_empty());
        to_chip(&mut adapter, SET_DATA, 8);
        assert_eq!(adapter.breaks().len(), 1);

        let _ = adapter.write(2, b"Q1");
        assert_eq!(adapter.read(1), Answer::Silence);
        let _ = adapter.write(2, b"\r");
        let Answer::Data(answer) = adapter.read(1) else {
            panic!("no answer")
        };
        assert!(answer.starts_with(&[DCD | ALWAYS, 0x60, b'(']) && answer.ends_with(b"\r"));
    }
}
