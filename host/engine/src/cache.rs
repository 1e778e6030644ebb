//! Compiled code kept between starts. An entry is native code that runs with the daemon's rights, so the directory and
//! every file in it must be ours (or root's) and nobody else's to write; otherwise there is no cache.
//!
//! An entry is named by the component's SHA-256, the version of this program and the CPU family, and ends in a SHA-256
//! of itself: the loader checks headers but not the code, and a half-written disk block must not run.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use husk_ports::native::{self, OwnCode};
use sha2::{Digest, Sha256};

use crate::{config, limits};

/// Bytes of the digest at the end of an entry.
const SEAL: usize = 32;

/// A directory that was found safe.
pub(crate) struct Cache<'a> {
    directory: &'a Path,
}

impl<'a> Cache<'a> {
    /// Looks whether the directory is safe; it is not created.
    pub(crate) fn open(directory: &'a Path) -> Option<Self> {
        match native::safe_directory(directory) {
            Ok(()) => Some(Self { directory }),
            Err(error) => {
                log::warn!("compiled plugins are not kept: {error}");
                None
            }
        }
    }

    /// The entry, if there is one and it is whole. The seal stays attached: loaders of object code ignore what
    /// follows the sections.
    pub(crate) fn read(&self, digest: &str) -> Option<OwnCode> {
        let path = self.path(digest);
        if !path.exists() {
            return None;
        }
        let code = OwnCode::read(&path)
            .inspect_err(|error| log::warn!("a compiled plugin is not used: {error}"))
            .ok()?;
        let (body, seal) = code.bytes().split_last_chunk::<SEAL>()?;
        if Sha256::digest(body).as_slice() == seal {
            return Some(code);
        }
        log::warn!("the compiled plugin {} is damaged", path.display());
        None
    }

    /// Keeps an entry. A failure costs compiling again at the next start, so it is only logged.
    pub(crate) fn write(&self, digest: &str, code: &[u8]) {
        if let Err(error) = self.try_write(digest, code) {
            log::warn!(
                "a compiled plugin could not be kept in {}: {error}",
                self.directory.display()
            );
        }
    }

    fn try_write(&self, digest: &str, code: &[u8]) -> std::io::Result<()> {
        // Two loads of the same component may write at once; each has its own file until the rename.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let part = self
            .directory
            .join(format!("{digest}.{}.{number}.part", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .and_then(|mut file| {
                file.write_all(code)?;
                file.write_all(&Sha256::digest(code))?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&part, self.path(digest)));
        if written.is_err() {
            // The entry is lost anyway; what matters is the first error.
            let _ = fs::remove_file(&part);
            return written;
        }
        self.prune()
    }

    /// Removes the oldest files of ours, leftovers of a crash included, until [`limits::CACHED`] are left.
    fn prune(&self) -> std::io::Result<()> {
        let mut ours: Vec<(SystemTime, PathBuf)> = fs::read_dir(self.directory)?
            .flatten()
            .filter(|entry| {
                let path = entry.path();
                let kind = path.extension().and_then(OsStr::to_str);
                matches!(kind, Some("cwasm" | "part"))
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        ours.sort();
        let surplus = ours.len().saturating_sub(limits::CACHED);
        for (_, oldest) in ours.iter().take(surplus) {
            fs::remove_file(oldest)?;
        }
        Ok(())
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.directory
            .join(format!("{digest}-{}.cwasm", config::code_version()))
    }
}
