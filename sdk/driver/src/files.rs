//! One granted directory, read-only. Names are plain and cannot leave it.

use crate::IoError;

/// What a directory is made of. Drivers use [`Files`]; tests implement this.
#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError its directory met"
)]
pub trait FilesBackend {
    /// The whole file.
    fn read(&mut self, name: &str) -> Result<Vec<u8>, IoError>;
    /// Modification time in milliseconds since 1970.
    fn modified_ms(&mut self, name: &str) -> Result<u64, IoError>;
    /// Plain file names, sorted.
    fn names(&mut self) -> Result<Vec<String>, IoError>;
}

#[cfg(target_arch = "wasm32")]
type Backend = crate::guest::Directory;
#[cfg(not(target_arch = "wasm32"))]
type Backend = Box<dyn FilesBackend>;

/// One granted directory.
pub struct Files(Backend);

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

#[expect(
    clippy::missing_errors_doc,
    reason = "each returns the IoError the directory met"
)]
impl Files {
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn new(directory: Backend) -> Self {
        Self(directory)
    }

    /// A directory made of anything; for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new(directory: impl FilesBackend + 'static) -> Self {
        Self(Box::new(directory))
    }

    /// The whole file; larger than the host's limit is [`IoError::TooLong`].
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, IoError> {
        self.0.read(name)
    }

    /// Modification time in milliseconds since 1970.
    pub fn modified_ms(&mut self, name: &str) -> Result<u64, IoError> {
        self.0.modified_ms(name)
    }

    /// Plain file names, sorted.
    pub fn names(&mut self) -> Result<Vec<String>, IoError> {
        self.0.names()
    }
}

/// A directory of files held in memory, all modified at time 0 until changed. For tests.
#[cfg(not(target_arch = "wasm32"))]
impl FilesBackend for std::collections::BTreeMap<String, (Vec<u8>, u64)> {
    fn read(&mut self, name: &str) -> Result<Vec<u8>, IoError> {
        self.get(name)
            .map(|(bytes, _)| bytes.clone())
            .ok_or(IoError::NotFound)
    }

    fn modified_ms(&mut self, name: &str) -> Result<u64, IoError> {
        self.get(name)
            .map(|(_, modified)| *modified)
            .ok_or(IoError::NotFound)
    }

    fn names(&mut self) -> Result<Vec<String>, IoError> {
        Ok(self.keys().cloned().collect())
    }
}

/// Files that the test goes on changing while the driver holds the directory.
#[cfg(not(target_arch = "wasm32"))]
impl<B: FilesBackend> FilesBackend for std::rc::Rc<std::cell::RefCell<B>> {
    fn read(&mut self, name: &str) -> Result<Vec<u8>, IoError> {
        self.borrow_mut().read(name)
    }

    fn modified_ms(&mut self, name: &str) -> Result<u64, IoError> {
        self.borrow_mut().modified_ms(name)
    }

    fn names(&mut self) -> Result<Vec<String>, IoError> {
        self.borrow_mut().names()
    }
}
