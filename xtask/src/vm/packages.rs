//! Debian's packages, unpacked into a directory instead of installed: emulator, kernel, busybox.
//!
//! Downloading needs apt-get and a network but not root, and removes nothing that is installed. The kernel is unpacked from
//! its compressed form once, because the emulated processor takes seconds for it (boot in 3.5 instead of 7.5 s).

use super::command;
use crate::apt;
use crate::steps::{output, succeed};
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const EMULATOR: &str = "usr/bin/qemu-system-x86_64";
/// The whole kernel: the one for cloud machines has no USB.
const KERNEL: &str = "linux-image-amd64";
/// Memory of the machine, in MiB: the image twice, and what runs.
const MEMORY: &str = "512";
/// How xz's format begins.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// All that is needed to run a machine.
pub(crate) struct Machine {
    root: PathBuf,
    /// A shell that needs nothing.
    pub(crate) busybox: PathBuf,
    modules: Vec<PathBuf>,
}

/// Has everything unpacked below `root`; only the first time takes long (40 s, 110 MB to download).
pub(crate) fn machine(root: &Path) -> anyhow::Result<Machine> {
    let done = root.join("complete");
    if !done.exists() {
        let _ = fs::remove_dir_all(root);
        fetch(root)?;
        fs::write(&done, "")?;
    }
    let mut modules = Vec::new();
    collect(&root.join("lib/modules"), &mut modules)?;
    Ok(Machine {
        busybox: root.join("bin/busybox"),
        root: root.to_owned(),
        modules,
    })
}

fn fetch(root: &Path) -> anyhow::Result<()> {
    let wanted = wanted().or_else(|_| {
        // The lists of packages may be absent.
        succeed(&mut command("apt-get", ["-q", "update"]))?;
        wanted()
    })?;
    apt::unpack(&wanted, root)?;
    let boot = fs::read_dir(root.join("boot"))?.flatten();
    let kernel = boot.map(|entry| entry.path()).find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-"))
    });
    decompress(&kernel.context("the package has no kernel")?, root)
}

/// The names of the packages: an installation that is only simulated tells what the emulator needs.
fn wanted() -> anyhow::Result<Vec<String>> {
    let simulated = [
        "-s",
        "--no-install-recommends",
        "install",
        "qemu-system-x86",
    ];
    let text = String::from_utf8(output(&mut command("apt-get", simulated))?)?;
    let mut names: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next())
        .map(str::to_owned)
        .collect();
    if !names.iter().any(|name| name == "qemu-system-x86") {
        names.push("qemu-system-x86".to_owned());
    }
    let text = String::from_utf8(output(&mut command("apt-cache", ["depends", KERNEL]))?)?;
    let image = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "));
    names.push(image.context("no kernel package")?.to_owned());
    names.push("busybox-static".to_owned());
    Ok(names)
}

/// Cuts the compressed kernel out of the file that would unpack itself.
fn decompress(bzimage: &Path, root: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(bzimage)?;
    let at = bytes.windows(XZ.len()).position(|window| window == XZ);
    let at = at.context("the kernel is not compressed with xz")?;
    let packed = root.join("vmlinux.xz");
    fs::write(&packed, bytes.get(at..).unwrap_or_default())?;
    // Other things follow it in the file: one stream, whatever comes after.
    let mut xz = command("xz", ["--decompress", "--single-stream"]);
    succeed(xz.arg(&packed))?;
    ensure!(root.join("vmlinux").exists(), "xz made no kernel");
    Ok(())
}

fn collect(directory: &Path, into: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            into.push(path);
        }
    }
    Ok(())
}

impl Machine {
    /// The files of modules in the order to load them, each after those it needs.
    pub(crate) fn modules(&self, names: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let mut order = Vec::new();
        for name in names {
            self.module(name, &mut order)?;
        }
        Ok(order)
    }

    fn module(&self, name: &str, order: &mut Vec<PathBuf>) -> anyhow::Result<()> {
        // A module's own name has underscores where its file may have hyphens.
        let same = |path: &PathBuf| {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy());
            stem.is_some_and(|stem| stem.replace('-', "_") == name.replace('-', "_"))
        };
        let path = self.modules.iter().find(|path| same(path));
        let path = path.with_context(|| format!("the kernel has no module {name}"))?;
        if order.contains(path) {
            return Ok(());
        }
        let bytes = fs::read(path)?;
        let key = b"\0depends=";
        if let Some(at) = bytes.windows(key.len()).position(|window| window == key) {
            let list = bytes.get(at + key.len()..).unwrap_or_default();
            let list = list.split(|byte| *byte == 0).next().unwrap_or_default();
            for needed in std::str::from_utf8(list)?.split(',') {
                if !needed.is_empty() {
                    self.module(needed, order)?;
                }
            }
        }
        order.push(path.clone());
        Ok(())
    }

    /// The emulator, with the image to boot; its console is standard output.
    pub(crate) fn command(&self, initramfs: &Path) -> Command {
        let libraries = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
        let libraries = libraries.map(|path| self.root.join(path).display().to_string());
        let mut command = Command::new(self.root.join(EMULATOR));
        command.env("LD_LIBRARY_PATH", libraries.join(":"));
        for firmware in ["usr/share/qemu", "usr/share/seabios"] {
            command.arg("-L").arg(self.root.join(firmware));
        }
        // A device of the name may be there and hang the kernel: emulation works everywhere. More of a processor than
        // this one is emulated more slowly.
        command.args(["-accel", "tcg", "-cpu", "qemu64", "-smp", "1", "-m", MEMORY]);
        command.args([
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            "stdio",
        ]);
        command.arg("-kernel").arg(self.root.join("vmlinux"));
        command.arg("-initrd").arg(initramfs);
        command.args(["-append", "console=ttyS0 loglevel=3 panic=-1"]);
        command
    }
}
