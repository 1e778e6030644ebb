//! The host's connection, as imports of the component.

use super::bindings::exports::ups::driver::{driver, stream_driver};
use super::{Device, Exported, bindings::ups::driver::stream, types};
use crate::stream::StreamBackend;
use crate::{Deadline, Driver, IoError, Stream};

/// The host's connection.
pub struct Connection(stream::Connection);

impl<D: Driver<Port = Stream>> stream_driver::Guest for Exported<D> {
    fn default_port() -> Option<u16> {
        D::stream_port()
    }

    fn open(
        connection: stream::Connection,
        settings: Vec<types::Setting>,
        state: Option<Vec<u8>>,
    ) -> Result<driver::Device, types::DriverError> {
        Device::<D>::open(Stream::new(Connection(connection)), settings, state)
    }
}

impl StreamBackend for Connection {
    fn write(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), IoError> {
        Ok(self.0.write(bytes, deadline.into())?)
    }

    fn read(&mut self, max: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        Ok(self.0.read(max, deadline.into())?)
    }

    fn read_exact(&mut self, count: u32, deadline: Deadline) -> Result<Vec<u8>, IoError> {
        Ok(self.0.read_exact(count, deadline.into())?)
    }

    fn read_until(
        &mut self,
        stop: &[u8],
        max: u32,
        deadline: Deadline,
    ) -> Result<Vec<u8>, IoError> {
        Ok(self.0.read_until(stop, max, deadline.into())?)
    }

    fn reopen(&mut self, deadline: Deadline) -> Result<(), IoError> {
        Ok(self.0.reopen(deadline.into())?)
    }

    fn close(&mut self) {
        self.0.close();
    }
}
