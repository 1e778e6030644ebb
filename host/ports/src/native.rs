//! The one place where native code is vouched for.
//!
//! Compiled drivers are loaded without looking at them, so a forged one is the whole daemon. [`OwnCode`] therefore
//! exists only for bytes that are part of this program, that lie in a file which only root and we could have
//! written, or that came through a pipe from such a program.
//!
//! What it refuses to do: it trusts no digest beside the code, follows no symbolic link to it, and repairs no
//! permissions. Access lists need no look of their own: they show in the group bits of the mode.

use std::borrow::Cow;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::{limits, trusted};

/// Native code that nobody but root and we could have written.
#[derive(Debug)]
pub struct OwnCode(Cow<'static, [u8]>);

/// Why something is not vouched for; the sentence says what to change.
#[derive(Debug, thiserror::Error)]
pub enum NotOurs {
    /// Somebody else owns it.
    #[error("{0} belongs to another user: let root or the user of this program own it")]
    Owner(PathBuf),
    /// Group or others may change it.
    #[error("{0} can be written by others: take that away with `chmod go-w`")]
    Writable(PathBuf),
    /// A symbolic link, a directory, a device.
    #[error("{0} is not what it has to be: a plain file, or a directory, and no symbolic link")]
    Kind(PathBuf),
    /// Beyond [`limits::NATIVE_CODE`].
    #[error("{0} is larger than any compiled driver")]
    TooLarge(PathBuf),
    /// A path that means different files in different directories.
    #[error("{0} has to be an absolute path")]
    Relative(PathBuf),
    /// Not there, or not readable.
    #[error("{path} could not be read: {reason}")]
    Io {
        /// What was looked at.
        path: PathBuf,
        /// In the words of the operating system.
        reason: std::io::Error,
    },
}

impl OwnCode {
    /// Reads a file that root or we own, that nobody else can write, that is no symbolic link, and whose directories
    /// up to the root are the same (a sticky one may be writable, as `/tmp` is: others cannot rename in it).
    ///
    /// # Errors
    /// What is wrong, and with which path.
    pub fn read(path: &Path) -> Result<Self, NotOurs> {
        let (file, path) = open_own(path)?;
        let mut code = Vec::new();
        let most = limits::NATIVE_CODE;
        file.take(most + 1)
            .read_to_end(&mut code)
            .map_err(|reason| failed(&path, reason))?;
        if code.len() as u64 > most {
            return Err(NotOurs::TooLarge(path));
        }
        Ok(Self(Cow::Owned(code)))
    }

    /// Code that is part of this program.
    #[must_use]
    pub fn embedded(code: &'static [u8]) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// Code that came through a pipe from `program`, which we started: that program passes [`own_program`].
    ///
    /// # Errors
    /// What is wrong, and with which path.
    pub fn compiled_by(program: &Path, code: Vec<u8>) -> Result<Self, NotOurs> {
        own_program(program)?;
        if code.len() as u64 > limits::NATIVE_CODE {
            return Err(NotOurs::TooLarge(program.to_path_buf()));
        }
        Ok(Self(Cow::Owned(code)))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the code to a loader that is `unsafe` only because it cannot know where code comes from.
    ///
    /// `load` must be sound for every piece of code that the matching compiler made; it is for the loader to refuse
    /// what was made for other settings or another version. A loader with further conditions does not belong here.
    pub fn load_by<'a, E, T>(&'a self, engine: &E, load: unsafe fn(&E, &'a [u8]) -> T) -> T {
        trusted::load(engine, &self.0, load)
    }
}

/// Checks a program, which has to be done before it is started, as [`OwnCode::read`] checks code, except that links
/// to it are followed as the system does when starting it.
///
/// # Errors
/// What is wrong, and with which path.
pub fn own_program(program: &Path) -> Result<(), NotOurs> {
    if !program.is_absolute() {
        return Err(NotOurs::Relative(program.to_path_buf()));
    }
    let program = fs::canonicalize(program).map_err(|reason| failed(program, reason))?;
    open_own(&program).map(drop)
}

/// Checks that a directory, and those above it, are as [`OwnCode::read`] wants them: what is written there will
/// be accepted later. The directory itself must not be writable by others, sticky or not.
///
/// # Errors
/// What is wrong, and with which path.
pub fn safe_directory(path: &Path) -> Result<(), NotOurs> {
    let path = fs::canonicalize(path).map_err(|reason| failed(path, reason))?;
    let status = fs::symlink_metadata(&path).map_err(|reason| failed(&path, reason))?;
    check(&path, &status, status.is_dir(), false)?;
    check_above(&path)
}

/// Opens a plain file after checking it and everything above it; also gives the path without links above it.
fn open_own(path: &Path) -> Result<(File, PathBuf), NotOurs> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(NotOurs::Kind(path.to_path_buf()));
    };
    let above = if above.as_os_str().is_empty() {
        Path::new(".")
    } else {
        above
    };
    // Links above the file are resolved first; once everything on the resolved way is ours, nobody can bend it.
    let path = fs::canonicalize(above)
        .map_err(|reason| failed(above, reason))?
        .join(name);
    check_above(&path)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(&path)
    {
        Err(_) if path.is_symlink() => return Err(NotOurs::Kind(path)),
        opened => opened.map_err(|reason| failed(&path, reason))?,
    };
    // The open file is looked at, not the name: nothing can be put in between.
    let status = file.metadata().map_err(|reason| failed(&path, reason))?;
    check(&path, &status, status.is_file(), false)?;
    Ok((file, path))
}

fn check_above(path: &Path) -> Result<(), NotOurs> {
    for directory in path.ancestors().skip(1) {
        let status = fs::symlink_metadata(directory).map_err(|reason| failed(directory, reason))?;
        check(directory, &status, status.is_dir(), true)?;
    }
    Ok(())
}

/// Owner, kind and mode of one step of the way.
fn check(
    path: &Path,
    status: &Metadata,
    right_kind: bool,
    sticky_will_do: bool,
) -> Result<(), NotOurs> {
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o022;
    if !right_kind {
        return Err(NotOurs::Kind(path.to_path_buf()));
    }
    if status.uid() != 0 && status.uid() != rustix::process::geteuid().as_raw() {
        return Err(NotOurs::Owner(path.to_path_buf()));
    }
    let sticky = sticky_will_do && status.mode() & STICKY != 0;
    if status.mode() & OTHERS_WRITE != 0 && !sticky {
        return Err(NotOurs::Writable(path.to_path_buf()));
    }
    Ok(())
}

fn failed(path: &Path, reason: std::io::Error) -> NotOurs {
    NotOurs::Io {
        path: path.to_path_buf(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::testing::Scratch;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn code_in(scratch: &Scratch) -> PathBuf {
        mode(scratch.dir(), 0o755);
        let path = scratch.path("code");
        fs::write(&path, b"native").unwrap();
        mode(&path, 0o644);
        path
    }

    #[test]
    fn our_own_file_is_read_and_loaded() {
        fn count(base: &usize, code: &[u8]) -> usize {
            base + code.len()
        }
        let scratch = Scratch::new();
        let path = code_in(&scratch);
        let code = OwnCode::read(&path).unwrap();
        assert_eq!(code.bytes(), b"native");
        assert_eq!(code.load_by(&100, count), 106);
        assert_eq!(OwnCode::embedded(b"xy").load_by(&0, count), 2);
        assert_eq!(
            OwnCode::compiled_by(&path, b"abc".to_vec())
                .unwrap()
                .bytes(),
            b"abc"
        );
        safe_directory(scratch.dir()).unwrap();
        symlink(&path, scratch.path("program")).unwrap();
        own_program(&scratch.path("program")).unwrap();
        assert!(matches!(
            own_program(Path::new("program")),
            Err(NotOurs::Relative(_))
        ));
    }

    #[test]
    fn code_that_others_can_write_is_refused() {
        let scratch = Scratch::new();
        let path = code_in(&scratch);
        for open in [0o664, 0o646, 0o666] {
            mode(&path, open);
            assert!(
                matches!(OwnCode::read(&path), Err(NotOurs::Writable(at)) if at == path),
                "{open:o}"
            );
            assert!(matches!(
                OwnCode::compiled_by(&path, vec![]),
                Err(NotOurs::Writable(_))
            ));
        }
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let scratch = Scratch::new();
        let path = code_in(&scratch);
        mode(scratch.dir(), 0o775);
        assert!(matches!(OwnCode::read(&path), Err(NotOurs::Writable(at)) if at == scratch.dir()));
        assert!(matches!(
            safe_directory(scratch.dir()),
            Err(NotOurs::Writable(_))
        ));
        // Sticky protects what is there from being replaced, not the name of what is not there yet.
        mode(scratch.dir(), 0o1777);
        OwnCode::read(&path).unwrap();
        assert!(matches!(
            safe_directory(scratch.dir()),
            Err(NotOurs::Writable(_))
        ));
    }

    #[test]
    fn a_symbolic_link_and_a_directory_are_no_code() {
        let scratch = Scratch::new();
        let path = code_in(&scratch);
        let link = scratch.path("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(OwnCode::read(&link), Err(NotOurs::Kind(at)) if at == link));
        assert!(matches!(
            OwnCode::read(scratch.dir()),
            Err(NotOurs::Kind(_))
        ));
        assert!(matches!(
            OwnCode::read(&scratch.path("none")),
            Err(NotOurs::Io { .. })
        ));
        // A link above is resolved, and what it leads to is judged.
        let open = scratch.path("open");
        fs::create_dir(&open).unwrap();
        mode(&open, 0o777);
        fs::copy(&path, open.join("code")).unwrap();
        symlink(&open, scratch.path("way")).unwrap();
        assert!(
            matches!(OwnCode::read(&scratch.path("way/code")), Err(NotOurs::Writable(at)) if at == open)
        );
    }

    #[test]
    fn code_of_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give a file away.
        }
        let scratch = Scratch::new();
        let path = code_in(&scratch);
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        assert!(matches!(OwnCode::read(&path), Err(NotOurs::Owner(at)) if at == path));
    }

    #[test]
    fn code_beyond_the_limit_is_refused() {
        let scratch = Scratch::new();
        let path = code_in(&scratch);
        File::create(&path)
            .unwrap()
            .set_len(limits::NATIVE_CODE + 1)
            .unwrap();
        assert!(matches!(OwnCode::read(&path), Err(NotOurs::TooLarge(_))));
    }
}
