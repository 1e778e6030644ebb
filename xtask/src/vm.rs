//! Tests on a kernel with USB: Debian's, in an emulated machine of its own for the length of the run.
//!
//! Nothing is installed: emulator, kernel and shell are Debian packages unpacked under `target/vm`, once. The tests are
//! those of `tests/tests/usb`, which plug simulated devices into the guest's virtual controller; the same test program that
//! cargo builds runs in the guest, beside the daemon and the incumbent's programs. The machine has no disk and no network.

mod image;
mod packages;

use crate::steps::Steps;
use crate::test::Tally;
use crate::{apt, build, layout};
use anyhow::{Context as _, bail, ensure};
use image::Image;
use packages::Machine;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any run takes; a machine that hangs is ended then.
const LIMIT: Duration = Duration::from_secs(900);
/// Modules beside what they need: the virtual controller, the kernel's own drivers that a UPS driver has to push aside.
const MODULES: &[&str] = &["vhci-hcd", "usbhid", "hid-generic", "ftdi_sio"];
/// The incumbent's programs that stand beside ours, where they are installed.
const INCUMBENT: &[&str] = &[
    "/lib/nut/upsd",
    "/lib/nut/usbhid-ups",
    "/lib/nut/genericups",
    "/lib/nut/nutdrv_qx",
    "/usr/bin/nut-scanner",
    // Debian's libusb learns of new devices from it alone.
    "/bin/udevadm",
];
/// Variables of this process that the tests in the guest see.
const PASSED_ON: &[&str] = &["HUSK_REPLUGS", "HUSK_SUBJECT", "RUST_BACKTRACE"];

const INIT: &str = "#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ TMPDIR=/tmp
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
ip link set lo up
if [ -x /bin/udevadm ]; then ln -s udevadm /bin/systemd-udevd; systemd-udevd --daemon; fi
while read -r module; do insmod $module || echo \"vm: no $module\"; done </modules
read -r up _ </proc/uptime; echo \"vm: ready after $up s\"
. /environment
/test --include-ignored --nocapture --test-threads=1 $FILTER
echo \"vm: status $?\"
poweroff -f
";

/// What to run, from the words after `--vm`.
#[derive(Default)]
pub(crate) struct Plan {
    /// Only tests whose name contains this.
    pub(crate) filter: Option<String>,
    /// A directory of recorded devices.
    pub(crate) devices: Option<PathBuf>,
}

/// Runs the tests; the closing sentence on success.
pub(crate) fn test(steps: &mut Steps, plan: &Plan, skips_fail: bool) -> anyhow::Result<String> {
    let mut machine = None;
    let outcome = steps.run("virtual machine", || {
        machine = Some(packages::machine(&layout::target().join("vm"))?);
        Ok(String::new())
    });
    let Some(machine) = machine else {
        outcome.or_else(|error| if skips_fail { Err(error) } else { Ok(()) })?;
        return Ok("SKIPPED the tests with USB: no virtual machine could be had here".to_owned());
    };
    steps.run("packages for tests", apt::install)?;
    let husk = match std::env::var_os("HUSK_BIN") {
        Some(husk) => PathBuf::from(husk),
        None => build::build(steps).map(|()| layout::husk())?,
    };
    let mut program = PathBuf::new();
    steps.run("test program", || {
        program = test_program()?;
        Ok(String::new())
    })?;
    let initramfs = layout::target().join("vm/initramfs");
    steps.run("image", || {
        let image = pack(&machine, plan, &husk, &program)?;
        std::fs::write(&initramfs, &image)?;
        Ok(crate::steps::size(&initramfs))
    })?;
    let mut closing = String::new();
    steps.run("tests in the machine", || {
        closing = run(&machine, &initramfs)?;
        Ok(closing.clone())
    })?;
    Ok(closing)
}

/// Builds the tests and finds the program cargo made of them.
fn test_program() -> anyhow::Result<PathBuf> {
    let mut cargo = layout::cargo(&["test", "-p", "husk-tests", "--test", "usb", "--no-run"]);
    cargo.arg("--message-format=json-render-diagnostics");
    let messages = crate::steps::output(&mut cargo)?;
    let messages = String::from_utf8(messages)?;
    let mut programs = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message.pointer("/target/name")? == "usb";
        let program = message.get("executable")?.as_str().filter(|_| is_it)?;
        Some(PathBuf::from(program))
    });
    programs.next_back().context("cargo named no test program")
}

fn pack(machine: &Machine, plan: &Plan, husk: &Path, program: &Path) -> anyhow::Result<Vec<u8>> {
    let mut image = Image::default();
    for directory in [
        "bin", "proc", "sys", "dev", "tmp", "run/nut", "etc", "lib64",
    ] {
        image.directory(directory);
    }
    image.file("init", 0o755, INIT.as_bytes());
    image.file(
        "etc/passwd",
        0o644,
        b"root:x:0:0:root:/:/bin/sh\nnut:x:0:0:nut:/:/bin/sh\n",
    );
    image.file("etc/group", 0o644, b"root:x:0:\nnut:x:0:\n");
    image.program("bin/busybox", &machine.busybox)?;
    image.program("test", program)?;
    image.program("bin/husk", husk)?;
    for program in INCUMBENT.iter().map(Path::new).filter(|path| path.exists()) {
        image.program(&program.to_string_lossy(), program)?;
    }
    let mut modules = String::new();
    for module in machine.modules(MODULES)? {
        let name = module.file_name().context("a module without a name")?;
        let target = format!("lib/modules/{}", name.to_string_lossy());
        image.file(&target, 0o644, &std::fs::read(&module)?);
        modules.push_str(&format!("/{target}\n"));
    }
    image.file("modules", 0o644, modules.as_bytes());
    let mut environment = String::from("export HUSK_BIN=/bin/husk\n");
    if let Some(devices) = &plan.devices {
        image.tree("devices", devices)?;
        environment.push_str("export HUSK_DEVICES=/devices\n");
    }
    for name in PASSED_ON {
        if let Ok(value) = std::env::var(name) {
            environment.push_str(&format!("export {name}='{value}'\n"));
        }
    }
    let filter = plan.filter.as_deref().unwrap_or_default();
    environment.push_str(&format!("FILTER='{filter}'\n"));
    image.file("environment", 0o644, environment.as_bytes());
    Ok(image.finish())
}

/// Boots the machine and prints what its tests print.
fn run(machine: &Machine, initramfs: &Path) -> anyhow::Result<String> {
    let mut child = machine
        .command(initramfs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run the emulator")?;
    let console = child.stdout.take().context("the emulator has no console")?;
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut console = BufReader::new(console);
        let mut line = Vec::new();
        while matches!(console.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + LIMIT;
    let mut tally = Tally::default();
    let mut status = None;
    let mut ended = true;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                println!("{line}");
                tally.add(&line);
                status = line
                    .strip_prefix("vm: status ")
                    .map(str::to_owned)
                    .or(status);
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                ended = false;
                break;
            }
        }
    }
    let _ = child.kill();
    child.wait()?;
    ensure!(ended, "the machine was still running after {LIMIT:?}");
    match status.as_deref() {
        Some("0") => Ok(format!("test result: {tally}")),
        Some(status) => bail!("{tally}; the test program ended with {status}"),
        None => bail!("the machine stopped before its tests had ended"),
    }
}

/// A command whose words are easy to give in a list.
fn command<S: Into<OsString>>(program: &str, words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(words.into_iter().map(Into::into));
    command
}
