//! Builds the release. Compiler and daemon are separate invocations: together, cargo would unify their features and the
//! daemon would carry a compiler.

use crate::layout;
use crate::plugins::{self, BUNDLED};
use crate::steps::{Steps, size, succeed};
use anyhow::{Context as _, ensure};
use lexopt::Parser;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) const HELP: &str = "
usage: cargo xtask build

components -> husk-compile -> target/bundle (each bundled component, its native code and what it says it is)
-> target/release/husk, husk-compile beside it, and in links/ the names of NUT's programs and drivers.
";

/// NUT's programs, then the drivers: upsdrvctl finds these beside husk.
const LINKS: &[&str] = &[
    "upsd",
    "upsc",
    "upscmd",
    "upsrw",
    "upslog",
    "upsmon",
    "upssched",
    "upsdrvctl",
    "upsdrvsvcctl",
    "nut-scanner",
    "dummy-ups",
    "megatec",
    "blazer_ser",
    "blazer_usb",
    "megatec-usb",
    "nutdrv_qx",
    "bestups",
    "usbhid-ups",
    "mge-shut",
    "genericups",
    "apcsmart",
    "apcsmart-old",
    "apcupsd-ups",
    "powerman-pdu",
    "snmp-ups",
];

pub(crate) fn main(parser: Parser) -> anyhow::Result<()> {
    crate::no_arguments(parser)?;
    let mut steps = Steps::default();
    let outcome = build(&mut steps);
    steps.finish().and(outcome)
}

/// Builds all of it.
pub(crate) fn build(steps: &mut Steps) -> anyhow::Result<()> {
    plugins::build(steps)?;
    helper(steps)?;
    for (name, package) in BUNDLED {
        steps.run(&format!("native code of {name}"), || bundle(name, package))?;
    }
    steps.run("husk", || {
        let mut cargo = layout::cargo(&["build", "--release", "-p", "husk"]);
        succeed(cargo.env("HUSK_BUNDLE_DIR", layout::bundle()))?;
        link(&layout::links())?;
        Ok(size(&layout::husk()))
    })
}

/// Builds husk-compile and puts it beside the daemon.
pub(crate) fn helper(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("husk-compile", || {
        let words = [
            "--profile",
            "helper",
            "-p",
            "husk-engine",
            "--features",
            "compiler",
            "--bin",
            "husk-compile",
        ];
        succeed(layout::cargo(&["build"]).args(words))?;
        layout::copy_if_changed(
            &layout::target().join("helper/husk-compile"),
            &layout::husk_compile(),
        )?;
        Ok(size(&layout::husk_compile()))
    })
}

/// Puts a component and its native code, compiled for the oldest supported processor, into the bundle.
fn bundle(name: &str, package: &str) -> anyhow::Result<String> {
    let component = layout::guests().join(plugins::file(package));
    let made = |option: &str, ending: &str| {
        let made = layout::bundle().join(format!("{name}.{ending}"));
        layout::write_if_changed(&made, &asked(option, &component)?)?;
        anyhow::Ok(made)
    };
    made("--describe", "about")?;
    let native = made("--baseline", "cwasm")?;
    layout::copy_if_changed(&component, &layout::bundle().join(format!("{name}.wasm")))?;
    Ok(size(&native))
}

/// What husk-compile makes of a component.
fn asked(option: &str, component: &Path) -> anyhow::Result<Vec<u8>> {
    let open = File::open(component);
    let output = Command::new(layout::husk_compile())
        .arg(option)
        .stdin(open.with_context(|| format!("cannot open {}", component.display()))?)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(
        output.status.success(),
        "husk-compile {option} ended with {}",
        output.status
    );
    ensure!(
        !output.stdout.is_empty(),
        "husk-compile {option} printed nothing"
    );
    Ok(output.stdout)
}

fn link(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for name in LINKS {
        let link = directory.join(name);
        if fs::read_link(&link).is_ok_and(|target| target == Path::new("../husk")) {
            continue;
        }
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => symlink("../husk", &link)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_and_made_once() {
        let scratch = husk_tests::rig::Scratch::new("links").unwrap();
        fs::write(scratch.path().join("upsc"), "in the way").unwrap();
        link(scratch.path()).unwrap();
        link(scratch.path()).unwrap();
        for name in LINKS {
            assert_eq!(
                fs::read_link(scratch.path().join(name)).unwrap(),
                Path::new("../husk")
            );
        }
    }
}
