//! A serial port and its modem-control lines.

use std::time::Duration;

use husk_ports::{Flow, InLines, LineSettings, OutLines, Parity, StopBits};
use wasmtime::component::Resource;

use super::handles::SerialHandle;
use super::{Answer, State, size};
use crate::bindings::ups::driver::modem_lines::{self, Inputs, Outputs};
use crate::bindings::ups::driver::serial::{self, Host, HostPort};
use crate::bindings::ups::driver::types::{Deadline, IoError};
use crate::limits;

type Handle = Resource<SerialHandle>;

impl Host for State {}

impl HostPort for State {
    async fn configure(&mut self, port: Handle, settings: serial::LineSettings) -> Answer<()> {
        let port = self.serial(&port)?;
        self.io(port.configure(settings.into())).await
    }

    async fn write(
        &mut self,
        port: Handle,
        bytes: Vec<u8>,
        pace_us: u32,
        deadline: Deadline,
    ) -> Answer<()> {
        let port = self.serial(&port)?;
        if bytes.len() > limits::TRANSFER {
            return Ok(Err(IoError::TooLong));
        }
        let pace = Duration::from_micros(pace_us.into()).min(limits::PACE);
        let deadline = self.deadline(deadline);
        self.io(port.write(&bytes, pace, deadline)).await
    }

    async fn drain(&mut self, port: Handle, deadline: Deadline) -> Answer<()> {
        let port = self.serial(&port)?;
        let deadline = self.deadline(deadline);
        self.io(port.drain(deadline)).await
    }

    async fn read(&mut self, port: Handle, max: u32, deadline: Deadline) -> Answer<Vec<u8>> {
        let port = self.serial(&port)?;
        let deadline = self.deadline(deadline);
        self.io(port.read(size(max), deadline)).await
    }

    async fn read_exact(
        &mut self,
        port: Handle,
        count: u32,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let port = self.serial(&port)?;
        if size(count) != count as usize {
            return Ok(Err(IoError::TooLong));
        }
        let deadline = self.deadline(deadline);
        self.io(port.read_exact(size(count), deadline)).await
    }

    async fn read_until(
        &mut self,
        port: Handle,
        stop: Vec<u8>,
        skip: Vec<u8>,
        max: u32,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let port = self.serial(&port)?;
        if stop.len().max(skip.len()) > limits::STOP_BYTES {
            return Ok(Err(IoError::TooLong));
        }
        let deadline = self.deadline(deadline);
        self.io(port.read_until(&stop, &skip, size(max), deadline))
            .await
    }

    async fn transact(
        &mut self,
        port: Handle,
        request: Vec<u8>,
        stop: Vec<u8>,
        max: u32,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let port = self.serial(&port)?;
        if request.len() > limits::TRANSFER || stop.len() > limits::STOP_BYTES {
            return Ok(Err(IoError::TooLong));
        }
        let deadline = self.deadline(deadline);
        self.io(port.transact(&request, &stop, size(max), deadline))
            .await
    }

    async fn discard(&mut self, port: Handle, direction: serial::Direction) -> Answer<()> {
        let port = self.serial(&port)?;
        let direction = match direction {
            serial::Direction::Input => husk_ports::Direction::Input,
            serial::Direction::Output => husk_ports::Direction::Output,
            serial::Direction::Both => husk_ports::Direction::Both,
        };
        self.io(port.discard(direction)).await
    }

    async fn drop(&mut self, port: Handle) -> wasmtime::Result<()> {
        self.table.delete(port)?;
        Ok(())
    }
}

impl modem_lines::Host for State {
    async fn set(&mut self, port: Handle, lines: Outputs) -> Answer<()> {
        let port = self.serial(&port)?;
        self.io(port.set_lines(lines.into())).await
    }

    async fn get(&mut self, port: Handle) -> Answer<Inputs> {
        let port = self.serial(&port)?;
        let lines = self.io(port.get_lines()).await?;
        Ok(lines.map(Into::into))
    }

    async fn exchange(&mut self, port: Handle, lines: Outputs) -> Answer<Inputs> {
        let port = self.serial(&port)?;
        let lines = self.io(port.exchange_lines(lines.into())).await?;
        Ok(lines.map(Into::into))
    }

    async fn send_break(&mut self, port: Handle, ms: u32) -> Answer<()> {
        let port = self.serial(&port)?;
        // Cut to the end of the call like every wait; what is longer than a port allows, the port refuses.
        let time = self.meter.wait_at_most(Duration::from_millis(ms.into()));
        self.io(port.send_break(time)).await
    }

    async fn keep_on_close(&mut self, port: Handle, keep: bool) -> Answer<()> {
        let port = self.serial(&port)?;
        self.io(port.keep_on_close(keep)).await
    }
}

impl From<serial::LineSettings> for LineSettings {
    fn from(settings: serial::LineSettings) -> Self {
        Self {
            baud: settings.baud,
            data_bits: settings.data_bits,
            parity: match settings.parity {
                serial::Parity::None => Parity::None,
                serial::Parity::Even => Parity::Even,
                serial::Parity::Odd => Parity::Odd,
            },
            stop_bits: match settings.stop_bits {
                serial::StopBits::One => StopBits::One,
                serial::StopBits::Two => StopBits::Two,
            },
            flow: match settings.flow {
                serial::Flow::None => Flow::None,
                serial::Flow::RtsCts => Flow::RtsCts,
                serial::Flow::XonXoff => Flow::XonXoff,
            },
        }
    }
}

impl From<Outputs> for OutLines {
    fn from(lines: Outputs) -> Self {
        Self {
            dtr: lines.contains(Outputs::DTR),
            rts: lines.contains(Outputs::RTS),
        }
    }
}

impl From<InLines> for Inputs {
    fn from(lines: InLines) -> Self {
        [
            (lines.cts, Self::CTS),
            (lines.dsr, Self::DSR),
            (lines.dcd, Self::DCD),
            (lines.ri, Self::RI),
        ]
        .into_iter()
        .filter(|(on, _)| *on)
        .fold(Self::empty(), |all, (_, line)| all | line)
    }
}
