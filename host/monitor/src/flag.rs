//! POWERDOWNFLAG and the armed file beside it, on disk: set, judged, taken away.
//!
//! What they mean is in [`husk_core::monitor::killpower`]. Files are written whole or not at all, and a link in their
//! place is replaced and never followed. Nothing here decides to shut down.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use husk_core::monitor::killpower::{self, Armed, MAGIC, MAX_ARMED, Verdict};

/// Where Linux tells one boot from the next.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The flag and the armed file are read by whoever cuts the power, and are no secret.
const MODE: u32 = 0o644;

/// Sets the flag for this boot: the armed file first, so that there is no moment with a flag of unknown age.
///
/// `Some`: the flag is set, but without the armed file, for the reason given; it then counts as one of NUT's own.
///
/// # Errors
/// The flag could not be set.
pub fn arm(flag: &Path, systems: &[String], reason: &str) -> io::Result<Option<String>> {
    let armed = armed_path(flag);
    // One of an earlier boot would take the flag's force away.
    let mut written = remove(&armed).and_then(|_| boot_id()).and_then(|boot| {
        let decision = Armed::new(&boot, wall(), systems.to_vec(), reason);
        replace(&armed, decision.to_text().as_bytes())
    });
    replace(flag, MAGIC)?;
    // The names must outlast the power.
    if let Some(dir) = flag.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        written = written.and(File::open(dir).and_then(|dir| dir.sync_all()));
    }
    let warning = |error| format!("{} could not be written: {error}", armed.display());
    Ok(written.err().map(warning))
}

/// What the flag and its armed file mean in this boot, now. What cannot be read is not there, as with NUT.
pub fn judge(flag: &Path) -> Verdict {
    let armed = read(&armed_path(flag), MAX_ARMED);
    let boot = boot_id().unwrap_or_default();
    let flag = read(flag, MAGIC.len());
    killpower::judge(flag.as_deref(), armed.as_deref(), &boot, wall())
}

/// What came of [`clear`].
#[derive(Debug)]
pub enum Cleared {
    /// There was no flag.
    NotSet,
    /// It is gone, and the armed file with it.
    Removed,
    /// Something else is in its place, and was left alone.
    NotMagic,
    /// It is still there.
    Failed(io::Error),
}

/// Takes a left over flag away, when upsmon starts.
pub fn clear(flag: &Path) -> Cleared {
    let removed = match judge(flag) {
        Verdict::NotMagic => return Cleared::NotMagic,
        Verdict::NotSet => remove(&armed_path(flag)).map(|_| Cleared::NotSet),
        // Without its armed file a flag counts for ever, so the flag goes first.
        _ => remove(flag)
            .and_then(|_| remove(&armed_path(flag)))
            .map(|_| Cleared::Removed),
    };
    removed.unwrap_or_else(Cleared::Failed)
}

fn armed_path(flag: &Path) -> PathBuf {
    let mut name = flag.as_os_str().to_owned();
    name.push(killpower::armed_name(""));
    name.into()
}

fn boot_id() -> io::Result<String> {
    fs::read_to_string(BOOT_ID).map(|id| id.trim().to_owned())
}

fn wall() -> Duration {
    // A clock before 1970 is as good as 1970: the boot tells old from new.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// The beginning of a file; `None` if there is none that can be read.
fn read(path: &Path, most: usize) -> Option<Vec<u8>> {
    // Neither a pipe in its place nor a file without end keeps a shutdown waiting.
    let options = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(options)
        .open(path);
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    file.ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether there was something to remove.
fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts `bytes` at `path`, on the disk, in one step.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = Path::new(&fresh);
    remove(fresh)?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(fresh)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(fresh, path));
    if written.is_err() {
        // It is of no use, and a full disk wants the room.
        let _ = remove(fresh);
    }
    written
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// An empty directory, removed by the test that made it.
    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("husk-flag-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        dir
    }

    #[test]
    fn a_flag_is_set_judged_and_taken_away() {
        let dir = scratch("life");
        let flag = dir.join("killpower");
        assert_eq!(judge(&flag), Verdict::NotSet);
        assert!(matches!(clear(&flag), Cleared::NotSet));
        assert_eq!(arm(&flag, &["a@b".to_owned()], "why").unwrap(), None);
        assert_eq!(fs::read(&flag).unwrap(), b"upsmon-shutdown-file");
        let Verdict::Armed(armed) = judge(&flag) else {
            panic!("{:?}", judge(&flag));
        };
        assert_eq!(
            (armed.systems, armed.reason),
            (vec!["a@b".into()], "why".into())
        );
        let names = fs::read_dir(&dir).unwrap().count();
        assert_eq!(names, 2, "a temporary file was left");
        assert!(matches!(clear(&flag), Cleared::Removed));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_flag_of_another_boot_is_replaced_by_a_new_decision() {
        let dir = scratch("boot");
        let flag = dir.join("killpower");
        let old = Armed::new("another-boot", wall(), vec![], "then");
        fs::write(&flag, MAGIC).unwrap();
        fs::write(dir.join("killpower.armed"), old.to_text()).unwrap();
        assert_eq!(judge(&flag), Verdict::OtherBoot(old));
        arm(&flag, &[], "now").unwrap();
        assert!(judge(&flag).is_set());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let dir = scratch("other");
        let flag = dir.join("killpower");
        fs::write(&flag, "a letter").unwrap();
        assert_eq!(judge(&flag), Verdict::NotMagic);
        assert!(matches!(clear(&flag), Cleared::NotMagic));
        assert_eq!(fs::read_to_string(&flag).unwrap(), "a letter");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_flag_that_cannot_be_armed_is_set_all_the_same() {
        let dir = scratch("unarmed");
        let flag = dir.join("killpower");
        fs::create_dir(dir.join("killpower.armed")).unwrap();
        let warning = arm(&flag, &[], "why").unwrap();
        assert!(
            warning
                .unwrap()
                .contains("killpower.armed could not be written")
        );
        assert_eq!(judge(&flag), Verdict::Classic);
        assert!(arm(&dir.join("missing/flag"), &[], "why").is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
