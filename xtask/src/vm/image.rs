//! The archive a kernel unpacks into its first file system: programs with the libraries they need, at the places they have
//! here.
//!
//! Format: "newc" of cpio, Documentation/driver-api/early-userspace/buffer-format.rst of the Linux kernel. It is not
//! compressed, since the emulated processor would take seconds to unpack it.

use crate::steps::succeed;
use husk_tests::rig::Scratch;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_000;

/// The archive so far.
#[derive(Default)]
pub(crate) struct Image {
    bytes: Vec<u8>,
    names: BTreeSet<String>,
}

impl Image {
    /// A directory and those above it.
    pub(crate) fn directory(&mut self, name: &str) {
        if let Some((above, _)) = name.rsplit_once('/') {
            self.directory(above);
        }
        self.entry(name, DIRECTORY, &[]);
    }

    /// A file with its permissions.
    pub(crate) fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        let name = name.trim_start_matches('/');
        if let Some((above, _)) = name.rsplit_once('/') {
            self.directory(above);
        }
        self.entry(name, FILE | mode, content);
    }

    /// A program without its symbols, and the libraries it needs.
    pub(crate) fn program(&mut self, name: &str, source: &Path) -> anyhow::Result<()> {
        // Programs under test carry tens of megabytes that only a debugger reads.
        let scratch = Scratch::new("strip")?;
        let small = scratch.path().join("program");
        let mut strip = Command::new("strip");
        succeed(strip.arg("--strip-debug").arg(source).arg("-o").arg(&small))?;
        self.file(name, 0o755, &fs::read(&small)?);
        let listed = Command::new("ldd").arg(source).output()?.stdout;
        for line in String::from_utf8_lossy(&listed).lines() {
            // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)", "/lib64/ld-linux-x86-64.so.2 (0x…)"
            let library = line.split_whitespace().find(|word| word.starts_with('/'));
            if let Some(library) = library {
                self.file(library, 0o755, &fs::read(library)?);
            }
        }
        Ok(())
    }

    /// A directory with all that is in it.
    pub(crate) fn tree(&mut self, name: &str, source: &Path) -> anyhow::Result<()> {
        self.directory(name);
        for entry in fs::read_dir(source)? {
            let path = entry?.path();
            let inner = path.file_name().unwrap_or_default().to_string_lossy();
            let inner = format!("{name}/{inner}");
            if path.is_dir() {
                self.tree(&inner, &path)?;
            } else {
                self.file(&inner, 0o644, &fs::read(&path)?);
            }
        }
        Ok(())
    }

    /// The whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    /// Twice the same name counts once.
    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        if !self.names.insert(name.to_owned()) {
            return;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let size = |length| u32::try_from(length).unwrap_or(u32::MAX);
        let mut header = String::from("070701");
        for field in [
            number,
            mode,
            0,
            0,
            1,
            0,
            size(content.len()),
            0,
            0,
            0,
            0,
            size(name.len() + 1),
            0,
        ] {
            header.push_str(&format!("{field:08x}"));
        }
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_each_name_once_and_is_aligned() {
        let mut image = Image::default();
        image.file("a/b", 0o644, b"12345");
        image.file("/a/c", 0o755, b"");
        let bytes = image.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        // The directory, two files and the end.
        assert_eq!(text.matches("070701").count(), 4);
        assert!(text.contains("000081a4"), "a plain file is not one");
    }
}
