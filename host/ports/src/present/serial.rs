//! The serial lines that have hardware behind them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{Node, attribute, names, target};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Its device file, `/dev/ttyUSB0`.
    pub path: PathBuf,
    /// A name that stays when other adapters are plugged in, `/dev/serial/by-id/…`, if udev made one.
    pub lasting: Option<PathBuf>,
    /// Its device file, if it is there.
    pub node: Option<Node>,
    /// The kernel writes its messages there, so nobody else ought to.
    pub console: bool,
}

/// Every line, sorted by name. `root` is where the file system begins, `/` on a living machine.
///
/// # Errors
/// The list is there and cannot be read.
pub fn list(root: &Path) -> io::Result<Vec<SerialLine>> {
    let dir = root.join("sys/class/tty");
    let consoles = std::fs::read_to_string(root.join("proc/consoles")).unwrap_or_default();
    let lasting = lasting(root)?;
    let real = |name: &String| {
        let at = dir.join(name);
        // Placeholders for chips that are not there have type 0; pseudo terminals and screens have no device.
        at.join("device/driver").exists() && attribute(&at, "type").as_deref() != Some("0")
    };
    let line = |name: String| {
        let path = root.join("dev").join(&name);
        SerialLine {
            lasting: lasting.get(&name).cloned(),
            node: Node::at(&path).ok(),
            console: consoles
                .lines()
                .any(|line| line.split_whitespace().next() == Some(name.as_str())),
            path,
        }
    };
    Ok(names(&dir)?.into_iter().filter(real).map(line).collect())
}

/// Names by what the hardware is, else by where it is plugged in, of what they lead to.
fn lasting(root: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut links = BTreeMap::new();
    for kind in ["dev/serial/by-path", "dev/serial/by-id"] {
        let dir = root.join(kind);
        for name in names(&dir)? {
            let link = dir.join(name);
            if let Some(line) = target(&link) {
                links.insert(line, link);
            }
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn lines_with_hardware_are_found_under_their_lasting_names() {
        let root = std::env::temp_dir().join(format!("husk-present-tty-{}", std::process::id()));
        for (name, kind) in [("ttyS0", "4"), ("ttyS1", "0"), ("ttyUSB0", "")] {
            let at = root.join("sys/class/tty").join(name);
            fs::create_dir_all(at.join("device/driver")).unwrap();
            if !kind.is_empty() {
                fs::write(at.join("type"), format!("{kind}\n")).unwrap();
            }
        }
        fs::create_dir_all(root.join("sys/class/tty/tty0")).unwrap();
        fs::create_dir_all(root.join("dev/serial/by-id")).unwrap();
        fs::create_dir_all(root.join("proc")).unwrap();
        fs::write(root.join("proc/consoles"), "ttyS0 -W- (EC p a) 4:64\n").unwrap();
        let link = root.join("dev/serial/by-id/usb-FTDI_A1-if00-port0");
        symlink("../../ttyUSB0", &link).unwrap();
        let lines = list(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let shown: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.path.file_name().unwrap().to_str().unwrap(),
                    line.console,
                )
            })
            .collect();
        assert_eq!(shown, [("ttyS0", true), ("ttyUSB0", false)]);
        let names: Vec<_> = lines.into_iter().map(|line| line.lasting).collect();
        assert_eq!(names, [None, Some(link)]);
        assert_eq!(list(Path::new("/nonexistent")).unwrap(), []);
    }
}
