//! What several tests of this crate need: a scratch directory and a pseudo-terminal.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::Termios;

use crate::{SerialPort, serial};

/// A directory of one test, removed when the test ends.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!(
            "husk-ports-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(unique);
        fs::create_dir(&dir).unwrap();
        Self(fs::canonicalize(dir).unwrap())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The device's end of a pseudo-terminal; dropping it unplugs the cable.
pub(crate) struct Cable {
    master: File,
    /// The path that the host opens.
    pub(crate) path: PathBuf,
}

impl Cable {
    pub(crate) fn new() -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
        Self {
            master: File::from(master),
            path,
        }
    }

    /// A cable and the host's end of it.
    pub(crate) async fn opened() -> (Self, Arc<dyn SerialPort>) {
        let cable = Self::new();
        let port = serial::open(&cable.path, serial::Lock::Exclusive)
            .await
            .unwrap();
        (cable, port)
    }

    /// The line settings of the host's end, which Linux also shows at the device's.
    pub(crate) fn modes(&self) -> Termios {
        rustix::termios::tcgetattr(&self.master).unwrap()
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        (&self.master).write_all(bytes).unwrap();
    }

    /// The next `count` bytes the host sent, within two seconds.
    pub(crate) async fn sent(&self, count: usize) -> Vec<u8> {
        let (start, mut got) = (Instant::now(), vec![0; count]);
        let mut at = 0;
        while at < count && start.elapsed() < Duration::from_secs(2) {
            match (&self.master).read(&mut got[at..]) {
                Ok(read) => at += read,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        got.truncate(at);
        got
    }
}
