//! Which devices this machine has, read from where the kernel lists them: nothing is opened and nothing is asked.
//!
//! That a device is listed does not say that it is a UPS, or well. Needs no rights. Standard: Linux' sysfs.

pub mod serial;
pub mod usb;

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A device file and who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where.
    pub path: PathBuf,
    /// User id of its owner.
    pub owner: u32,
    /// Group id.
    pub group: u32,
    /// Permission bits.
    pub mode: u32,
}

impl Node {
    /// What is at a path.
    ///
    /// # Errors
    /// It is not there, or a directory above it may not be searched.
    pub fn at(path: &Path) -> io::Result<Self> {
        let there = path.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            owner: there.uid(),
            group: there.gid(),
            mode: there.mode() & 0o7777,
        })
    }

    /// Whether somebody may read and write it; `groups` are all of theirs. Access lists are not looked at.
    #[must_use]
    pub fn serves(&self, user: u32, groups: &[u32]) -> bool {
        let bits = if user == self.owner {
            self.mode >> 6
        } else if groups.contains(&self.group) {
            self.mode >> 3
        } else {
            self.mode
        };
        user == 0 || bits & 0o6 == 0o6
    }
}

/// A program that has a device file open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Its name, as far as the kernel keeps it.
    pub name: String,
}

/// The programs that have a file open, this one apart. Who is not root sees only what runs as the same user.
#[must_use]
pub fn holders(path: &Path) -> Vec<Holder> {
    let Ok(path) = path.canonicalize() else {
        return Vec::new();
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
        let mut open = open.into_iter().flatten().flatten();
        open.any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == path))
    };
    let others = pids.filter(|pid| *pid != std::process::id() && holds(pid));
    let holder = |pid| Holder {
        pid,
        name: attribute(Path::new(&format!("/proc/{pid}")), "comm").unwrap_or_default(),
    };
    others.map(holder).collect()
}

/// The first line of an attribute, without blanks around it; `None` when it cannot be read or is empty.
fn attribute(dir: &Path, name: &str) -> Option<String> {
    let bytes = std::fs::read(dir.join(name)).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().unwrap_or_default().trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The name of what a link points to.
fn target(link: &Path) -> Option<String> {
    let target = std::fs::read_link(link).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

/// Names in a directory, sorted; none when it is not there, as on a machine without such a bus.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.take(crate::limits::NAMES).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_is_open_elsewhere_has_a_holder() {
        use std::process::{Command, Stdio};
        let path = std::env::temp_dir().join(format!("husk-holders-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        assert_eq!(holders(&path), []);
        let mut sleeper = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::from(file))
            .spawn()
            .unwrap();
        let found = holders(&path);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(
            found.iter().any(|holder| holder.pid == sleeper.id()),
            "{found:?}"
        );
    }

    #[test]
    fn the_owners_bits_count_for_the_owner_and_the_groups_for_the_group() {
        let node = |mode| Node {
            path: PathBuf::new(),
            owner: 10,
            group: 20,
            mode,
        };
        for (mode, user, groups, expected) in [
            (0o664, 0, &[0][..], true),
            (0o664, 10, &[1], true),
            (0o664, 11, &[1, 20], true),
            (0o664, 11, &[1], false),
            (0o644, 11, &[20], false),
            (0o606, 11, &[20], false),
            (0o666, 11, &[1], true),
        ] {
            assert_eq!(node(mode).serves(user, groups), expected, "{mode:o} {user}");
        }
    }
}
