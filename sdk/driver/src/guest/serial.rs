//! The serial port and its modem lines, as imports of the component.

use super::bindings::exports::ups::driver::{driver, serial_driver};
use super::bindings::ups::driver::{modem_lines, serial};
use super::{Device, Exported, types};
use crate::serial::SerialBackend;
use crate::{
    Deadline, Direction, Driver, Flow, Inputs, IoError, LineSettings, Outputs, Parity, Serial,
    StopBits,
};

/// The host's port.
pub struct SerialPort(serial::Port);

impl<D: Driver<Port = Serial>> serial_driver::Guest for Exported<D> {
    fn open(
        port: serial::Port,
        settings: Vec<types::Setting>,
        state: Option<Vec<u8>>,
    ) -> Result<driver::Device, types::DriverError> {
        Device::<D>::open(Serial::new(SerialPort(port)), settings, state)
    }
}

impl SerialBackend for SerialPort {
    fn write(&mut self, bytes: &[u8], pace_us: u32, deadline: Deadline) -> Result<(), IoError> {
        Ok(self.0.write(bytes, pace_us, deadline.into())?)
    }

    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        Ok(self.0.read(max, deadline.into())?)
    }

    fn discard(&mut self, direction: Direction) -> Result<(), IoError> {
        Ok(self.0.discard(match direction {
            Direction::Input => serial::Direction::Input,
            Direction::Output => serial::Direction::Output,
            Direction::Both => serial::Direction::Both,
        })?)
    }

    fn configure(&mut self, settings: LineSettings) -> Result<(), IoError> {
        Ok(self.0.configure(serial::LineSettings {
            baud: settings.baud,
            data_bits: settings.data_bits,
            parity: match settings.parity {
                Parity::None => serial::Parity::None,
                Parity::Even => serial::Parity::Even,
                Parity::Odd => serial::Parity::Odd,
            },
            stop_bits: match settings.stop_bits {
                StopBits::One => serial::StopBits::One,
                StopBits::Two => serial::StopBits::Two,
            },
            flow: match settings.flow {
                Flow::None => serial::Flow::None,
                Flow::RtsCts => serial::Flow::RtsCts,
                Flow::XonXoff => serial::Flow::XonXoff,
            },
        })?)
    }

    fn drain(&mut self, deadline: Deadline) -> Result<(), IoError> {
        Ok(self.0.drain(deadline.into())?)
    }

    fn read_exact(&mut self, count: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        Ok(self.0.read_exact(count, deadline.into())?)
    }

    fn read_until(
        &mut self,
        stop: &[u8],
        skip: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        Ok(self.0.read_until(stop, skip, max, deadline.into())?)
    }

    fn transact(
        &mut self,
        request: &[u8],
        stop: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        Ok(self.0.transact(request, stop, max, deadline.into())?)
    }

    fn set_lines(&mut self, lines: Outputs) -> Result<(), IoError> {
        Ok(modem_lines::set(&self.0, outputs(lines))?)
    }

    fn get_lines(&mut self) -> Result<Inputs, IoError> {
        Ok(inputs(modem_lines::get(&self.0)?))
    }

    fn exchange_lines(&mut self, lines: Outputs) -> Result<Inputs, IoError> {
        Ok(inputs(modem_lines::exchange(&self.0, outputs(lines))?))
    }

    fn send_break(&mut self, ms: u32) -> Result<(), IoError> {
        Ok(modem_lines::send_break(&self.0, ms)?)
    }

    fn keep_on_close(&mut self, keep: bool) -> Result<(), IoError> {
        Ok(modem_lines::keep_on_close(&self.0, keep)?)
    }
}

fn outputs(lines: Outputs) -> modem_lines::Outputs {
    let mut set = modem_lines::Outputs::empty();
    set.set(modem_lines::Outputs::DTR, lines.dtr);
    set.set(modem_lines::Outputs::RTS, lines.rts);
    set
}

fn inputs(lines: modem_lines::Inputs) -> Inputs {
    Inputs {
        cts: lines.contains(modem_lines::Inputs::CTS),
        dsr: lines.contains(modem_lines::Inputs::DSR),
        dcd: lines.contains(modem_lines::Inputs::DCD),
        ri: lines.contains(modem_lines::Inputs::RI),
    }
}
