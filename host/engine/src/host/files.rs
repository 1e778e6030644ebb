//! The one granted directory. Names are judged by `husk-ports`, which opens beneath the directory's descriptor only.

use wasmtime::component::Resource;

use super::handles::DirectoryHandle;
use super::{Answer, State};
use crate::bindings::ups::driver::files::{Host, HostDirectory};

type Handle = Resource<DirectoryHandle>;

impl Host for State {}

impl HostDirectory for State {
    async fn read(&mut self, directory: Handle, name: String) -> Answer<Vec<u8>> {
        let directory = self.directory(&directory)?;
        self.io(directory.read(&name)).await
    }

    async fn modified_ms(&mut self, directory: Handle, name: String) -> Answer<u64> {
        let directory = self.directory(&directory)?;
        self.io(directory.modified_ms(&name)).await
    }

    async fn names(&mut self, directory: Handle) -> Answer<Vec<String>> {
        let directory = self.directory(&directory)?;
        self.io(directory.names()).await
    }

    async fn drop(&mut self, directory: Handle) -> wasmtime::Result<()> {
        self.table.delete(directory)?;
        Ok(())
    }
}
