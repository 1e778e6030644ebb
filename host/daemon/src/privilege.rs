//! Root's last act: becoming the user a daemon runs as.
//!
//! For good, and whole: the supplementary groups of the user, its group, its user id, each real, effective and saved. The
//! kernel keeps these per thread, so it is refused once there is a second one. Accounts are those of /etc/passwd and
//! /etc/group; who keeps them elsewhere lets the service manager choose the user (`User=`).

use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getgroups, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Why this process did not become the user. It may have changed in part: the only right thing to do is to exit.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of accounts cannot be read.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// /etc/passwd or /etc/group.
        file: &'static str,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Nobody has that name.
    #[error("there is no user {0} in /etc/passwd")]
    NoUser(String),
    /// No group has that name.
    #[error("there is no group {0} in /etc/group")]
    NoGroup(String),
    /// Other threads would stay root.
    #[error(
        "cannot become {user}: this process has {threads} threads already, which would stay root"
    )]
    Threads {
        /// Whom to become.
        user: String,
        /// How many there are.
        threads: usize,
    },
    /// The system refuses, or did something else than asked.
    #[error("cannot become {user}: {reason}")]
    Refused {
        /// Whom to become.
        user: String,
        /// What the system says.
        reason: String,
    },
}

/// Becomes `user` for good, with `group` instead of the user's own if given. Who is not root stays who it is, as NUT's
/// daemons do.
///
/// # Errors
/// The user or group does not exist, there are threads, or the system refuses. Exit then.
pub fn become_user(user: &str, group: Option<&str>) -> Result<(), Error> {
    if !geteuid().is_root() {
        log::debug!("not root, so this process does not become {user}");
        return Ok(());
    }
    let wanted = Account::find(&read("/etc/passwd")?, &read("/etc/group")?, user, group)?;
    if wanted.uid.is_root() {
        return Ok(());
    }
    let refused = |reason: String| Error::Refused {
        user: user.to_owned(),
        reason,
    };
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(Error::Threads {
            user: user.to_owned(),
            threads,
        });
    }
    // In this order: without the user id the right to change groups is gone.
    let system = |error: rustix::io::Errno| refused(error.to_string());
    set_thread_groups(&wanted.groups).map_err(system)?;
    set_thread_res_gid(wanted.gid, wanted.gid, wanted.gid).map_err(system)?;
    set_thread_res_uid(wanted.uid, wanted.uid, wanted.uid).map_err(system)?;
    wanted.is_me().map_err(refused)
}

/// Who somebody is to the kernel.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    uid: Uid,
    gid: Gid,
    /// All of them, the own one included; sorted.
    groups: Vec<Gid>,
}

impl Account {
    fn find(passwd: &str, groups: &str, user: &str, group: Option<&str>) -> Result<Self, Error> {
        let no_user = || Error::NoUser(user.to_owned());
        let fields = line_of(passwd, user).ok_or_else(no_user)?;
        let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let uid = Uid::from_raw(number(2).ok_or_else(no_user)?);
        let mut gid = Gid::from_raw(number(3).ok_or_else(no_user)?);
        if let Some(group) = group {
            let fields = line_of(groups, group);
            let number = fields.and_then(|fields| fields.get(2)?.parse().ok());
            gid = Gid::from_raw(number.ok_or_else(|| Error::NoGroup(group.to_owned()))?);
        }
        let mut all = vec![gid];
        for line in groups.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, _, number, members] = fields.as_slice() else {
                continue;
            };
            if let (true, Ok(number)) =
                (members.split(',').any(|name| name == user), number.parse())
            {
                all.push(Gid::from_raw(number));
            }
        }
        all.sort_by_key(|gid| gid.as_raw());
        all.dedup();
        Ok(Self {
            uid,
            gid,
            groups: all,
        })
    }

    /// Whether the kernel agrees that this is who we are, and that there is no way back.
    fn is_me(&self) -> Result<(), String> {
        let mut groups = getgroups().map_err(|error| error.to_string())?;
        groups.sort_by_key(|gid| gid.as_raw());
        let ids = (getuid(), geteuid(), getgid(), getegid());
        if ids != (self.uid, self.uid, self.gid, self.gid) || groups != self.groups {
            return Err("the system says yes and does something else".to_owned());
        }
        let root = Uid::ROOT;
        if set_thread_res_uid(root, root, root).is_ok() {
            return Err("the way back to root is still open".to_owned());
        }
        Ok(())
    }
}

/// The fields of the line that begins with `name`.
fn line_of<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    text.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
}

fn read(file: &'static str) -> Result<String, Error> {
    match std::fs::read(file) {
        // A name in another encoding is somebody else's.
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(reason) => Err(Error::Unreadable { file, reason }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnut:x:112:118::/var/lib/nut:/bin/false\n\
        odd:x:none:1::/:/bin/sh\n";
    const GROUPS: &str =
        "root:x:0:\nnut:x:118:\ndialout:x:20:ann,nut\nplugdev:x:46:nut\nnutty:x:9:nutter\n";

    fn find(user: &str, group: Option<&str>) -> Result<(u32, u32, Vec<u32>), String> {
        let account =
            Account::find(PASSWD, GROUPS, user, group).map_err(|error| error.to_string())?;
        let groups = account.groups.iter().map(|gid| gid.as_raw()).collect();
        Ok((account.uid.as_raw(), account.gid.as_raw(), groups))
    }

    #[test]
    fn a_user_comes_with_all_its_groups() {
        assert_eq!(find("nut", None), Ok((112, 118, vec![20, 46, 118])));
        assert_eq!(find("nut", Some("nutty")), Ok((112, 9, vec![9, 20, 46])));
        assert_eq!(find("root", None), Ok((0, 0, vec![0])));
    }

    #[test]
    fn who_is_not_there_is_named() {
        for (user, group, reason) in [
            ("nu", None, "there is no user nu in /etc/passwd"),
            ("odd", None, "there is no user odd in /etc/passwd"),
            ("nut", Some("nu"), "there is no group nu in /etc/group"),
        ] {
            assert_eq!(find(user, group), Err(reason.to_owned()));
        }
    }

    #[test]
    fn nobody_changes_beside_other_threads() {
        // The harness itself has a thread besides this one.
        let before = geteuid();
        let done = become_user("daemon", None);
        assert_eq!(
            matches!(done, Err(Error::Threads { .. })),
            before.is_root(),
            "{done:?}"
        );
        assert_eq!(geteuid(), before);
    }
}
