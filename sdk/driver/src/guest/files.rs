//! The host's directory, as imports of the component.

use super::bindings::exports::ups::driver::{driver, files_driver};
use super::{Device, Exported, bindings::ups::driver::files, types};
use crate::files::FilesBackend;
use crate::{Driver, Files, IoError};

/// The host's directory.
pub struct Directory(files::Directory);

impl<D: Driver<Port = Files>> files_driver::Guest for Exported<D> {
    fn open(
        directory: files::Directory,
        settings: Vec<types::Setting>,
        state: Option<Vec<u8>>,
    ) -> Result<driver::Device, types::DriverError> {
        Device::<D>::open(Files::new(Directory(directory)), settings, state)
    }
}

impl FilesBackend for Directory {
    fn read(&mut self, name: &str) -> Result<Vec<u8>, IoError> {
        Ok(self.0.read(name)?)
    }

    fn modified_ms(&mut self, name: &str) -> Result<u64, IoError> {
        Ok(self.0.modified_ms(name)?)
    }

    fn names(&mut self) -> Result<Vec<String>, IoError> {
        Ok(self.0.names()?)
    }
}
