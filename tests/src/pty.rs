//! A serial line without hardware: a pseudo-terminal in raw mode.
//!
//! Data only: modem lines answer ENOTTY on a pseudo-terminal, and speeds are accepted but mean nothing.

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, inotify};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The two ends of a line: a device sits on the master, a driver opens [`Pty::path`].
#[derive(Debug)]
pub struct Pty {
    master: OwnedFd,
    /// Kept open so that the master does not report a hang-up before a driver came or between two of them.
    _slave: OwnedFd,
    openings: OwnedFd,
    path: PathBuf,
}

impl Pty {
    /// Opens a pair, 8 bits clean in both directions.
    pub fn open() -> io::Result<Self> {
        let master =
            rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let name = rustix::pty::ptsname(&master, Vec::new())?;
        let path = PathBuf::from(OsString::from_vec(name.into_bytes()));
        let slave = rustix::fs::open(
            &path,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut settings = tcgetattr(&slave)?;
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        let openings =
            inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&openings, &path, inotify::WatchFlags::OPEN)?;
        Ok(Self {
            master,
            _slave: slave,
            openings,
            path,
        })
    }

    /// What a driver opens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The device's end.
    pub fn master(&self) -> &OwnedFd {
        &self.master
    }

    /// How often the driver's end was opened since the last call. Equal neighbours in the kernel's queue are merged,
    /// so ask more often than drivers open.
    pub fn openings(&self) -> u32 {
        let mut space = [MaybeUninit::uninit(); 1024];
        let mut reader = inotify::Reader::new(&self.openings, &mut space);
        let mut count = 0;
        while reader.next().is_ok() {
            count += 1;
        }
        count
    }
}
