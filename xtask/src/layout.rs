//! Where things are: the checkout, what cargo builds and the programs that come out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The top of the checkout.
pub(crate) fn root() -> PathBuf {
    husk_tests::root()
}

/// Cargo's target directory, obeying `CARGO_TARGET_DIR`.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |directory| root().join(directory))
}

/// Where built components are.
pub(crate) fn guests() -> PathBuf {
    target().join("wasm32-unknown-unknown/plugin")
}

/// What the daemon embeds: `NAME.wasm`, `NAME.cwasm` and `NAME.about` of each bundled plugin.
pub(crate) fn bundle() -> PathBuf {
    target().join("bundle")
}

/// The release daemon.
pub(crate) fn husk() -> PathBuf {
    target().join("release/husk")
}

/// The compile helper, beside the daemon as it is installed.
pub(crate) fn husk_compile() -> PathBuf {
    target().join("release/husk-compile")
}

/// The classic names of the clients and the server, each a link to `husk`.
pub(crate) fn links() -> PathBuf {
    target().join("release/links")
}

/// Cargo, at the top of the checkout.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(words);
    // Flags from outside would replace those of .cargo/config.toml, and the components would not link.
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Copies `from` to `to` unless they are equal already, so that cargo sees no change where there is none.
pub(crate) fn copy_if_changed(from: &Path, to: &Path) -> io::Result<()> {
    write_if_changed(to, &fs::read(from)?)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// Writes `bytes` to `to` unless they are there already.
pub(crate) fn write_if_changed(to: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    // A running program cannot be written over, but its name can be taken.
    let fresh = to.with_extension("new");
    fs::write(&fresh, bytes)?;
    fs::rename(&fresh, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_content_keeps_its_time() {
        let scratch = husk_tests::rig::Scratch::new("layout").unwrap();
        let path = scratch.path().join("a/b");
        write_if_changed(&path, b"one").unwrap();
        let first = fs::metadata(&path).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        write_if_changed(&path, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), first);
        write_if_changed(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }
}
