//! The socket of a driver: where it is, who may connect.
//!
//! Mode 0660 and the group that was configured; without one the group of the directory, which is how packages let a
//! upsd that runs as another user reach the drivers.

use super::Plan;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use tokio::net::UnixListener;

/// Listens at `path`. What lies there is removed: whoever listened there has been asked to go.
///
/// # Errors
/// What the system says.
pub(super) fn open(path: &Path, plan: &Plan) -> io::Result<UnixListener> {
    remove(path);
    // From the first moment on nobody else may connect; the mode is widened below.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener?;
    let given = match plan.group() {
        Some(group) => group_id(group).and_then(|group| chown(path, None, Some(group))),
        None => {
            // Without the right to do so upsd has to run as the same user.
            let _ = chown(path, None, group_of_directory(path));
            Ok(())
        }
    };
    if let Err(reason) = given {
        log::warn!(
            "cannot give the socket {} to its group: {reason}; upsd may not reach it",
            path.display()
        );
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Removes the socket.
pub(super) fn remove(path: &Path) {
    // Gone already is as good.
    let _ = std::fs::remove_file(path);
}

/// The group of the directory, if it is not ours anyway.
fn group_of_directory(path: &Path) -> Option<u32> {
    let group = path.parent()?.metadata().ok()?.gid();
    (group != rustix::process::getegid().as_raw()).then_some(group)
}

fn group_id(name: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let groups = std::fs::read_to_string("/etc/group")?;
    let found = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    });
    found.ok_or_else(|| io::Error::other(format!("there is no group {name}")))
}
