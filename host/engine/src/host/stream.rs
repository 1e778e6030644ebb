//! The one granted connection.

use wasmtime::component::Resource;

use super::handles::ConnectionHandle;
use super::{Answer, State, size};
use crate::bindings::ups::driver::stream::{Host, HostConnection};
use crate::bindings::ups::driver::types::{Deadline, IoError};
use crate::limits;

type Handle = Resource<ConnectionHandle>;

impl Host for State {}

impl HostConnection for State {
    async fn write(
        &mut self,
        connection: Handle,
        bytes: Vec<u8>,
        deadline: Deadline,
    ) -> Answer<()> {
        let connection = self.connection(&connection)?;
        if bytes.len() > limits::TRANSFER {
            return Ok(Err(IoError::TooLong));
        }
        let deadline = self.deadline(deadline);
        self.io(connection.write(&bytes, deadline)).await
    }

    async fn read(&mut self, connection: Handle, max: u32, deadline: Deadline) -> Answer<Vec<u8>> {
        let connection = self.connection(&connection)?;
        let deadline = self.deadline(deadline);
        self.io(connection.read(size(max), deadline)).await
    }

    async fn read_exact(
        &mut self,
        connection: Handle,
        count: u32,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let connection = self.connection(&connection)?;
        if size(count) != count as usize {
            return Ok(Err(IoError::TooLong));
        }
        let deadline = self.deadline(deadline);
        self.io(connection.read_exact(size(count), deadline)).await
    }

    async fn read_until(
        &mut self,
        connection: Handle,
        stop: Vec<u8>,
        max: u32,
        deadline: Deadline,
    ) -> Answer<Vec<u8>> {
        let connection = self.connection(&connection)?;
        if stop.len() > limits::STOP_BYTES {
            return Ok(Err(IoError::TooLong));
        }
        let deadline = self.deadline(deadline);
        self.io(connection.read_until(&stop, size(max), deadline))
            .await
    }

    async fn reopen(&mut self, connection: Handle, deadline: Deadline) -> Answer<()> {
        let connection = self.connection(&connection)?;
        let deadline = self.deadline(deadline);
        self.io(connection.reopen(deadline)).await
    }

    async fn close(&mut self, connection: Handle) -> wasmtime::Result<()> {
        self.connection(&connection)?.close();
        Ok(())
    }

    async fn drop(&mut self, connection: Handle) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}
