//! Builds components: one cargo invocation each, because features of the SDK choose the transport and must not unify.

use crate::layout;
use crate::steps::{Steps, output, size, succeed};
use lexopt::Parser;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const HELP: &str = "
usage: cargo xtask plugins

Builds every component into target/wasm32-unknown-unknown/plugin: the bundled drivers and the
hostile ones for tests. Asks rustup for the wasm32-unknown-unknown target when it is missing.
";

/// The guests' target: no WASI, so a component can only import what Husk offers.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Drivers that the daemon carries: name and package.
pub(crate) const BUNDLED: &[(&str, &str)] = &[
    ("dummy", "husk-plugin-dummy"),
    ("megatec", "husk-plugin-megatec"),
    ("megatec-usb", "husk-plugin-megatec-usb"),
    ("usbhid", "husk-plugin-usbhid"),
    ("mge-shut", "husk-plugin-mge-shut"),
    ("contact", "husk-plugin-contact"),
    ("apc-smart", "husk-plugin-apc-smart"),
    ("apcupsd", "husk-plugin-apcupsd"),
    ("powerman", "husk-plugin-powerman"),
    ("snmp", "husk-plugin-snmp"),
];

/// Components for tests only.
const FOR_TESTS: &[&str] = &["husk-hostile", "husk-hostile-usb"];

pub(crate) fn main(parser: Parser) -> anyhow::Result<()> {
    crate::no_arguments(parser)?;
    let mut steps = Steps::default();
    let outcome = build(&mut steps);
    steps.finish().and(outcome)
}

/// Builds the bundled components and those for tests.
pub(crate) fn build(steps: &mut Steps) -> anyhow::Result<()> {
    have_target()?;
    let bundled = BUNDLED.iter().map(|(_, package)| package);
    for package in bundled.chain(FOR_TESTS) {
        steps.run(&format!("component {package}"), || {
            let words = [
                "build",
                "--profile",
                "plugin",
                "--target",
                TARGET,
                "-p",
                package,
            ];
            succeed(layout::cargo(&words).args(["--config", &anonymous()]))?;
            Ok(size(&layout::guests().join(file(package))))
        })?;
    }
    Ok(())
}

/// What cargo calls the component of a package.
pub(crate) fn file(package: &str) -> String {
    format!("{}.wasm", package.replace('-', "_"))
}

/// Panic messages name source files. Without this the same source would give another component, with other digests, in
/// another directory. Cargo adds these flags to those of .cargo/config.toml.
fn anonymous() -> String {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let places = [(Some(layout::root()), "husk"), (home, "cargo")];
    let flags = places.iter().filter_map(|(place, name)| {
        Some(format!(
            "{:?}",
            format!("--remap-path-prefix={}={name}", place.as_ref()?.display())
        ))
    });
    format!(
        "target.{TARGET}.rustflags = [{}]",
        flags.collect::<Vec<_>>().join(", ")
    )
}

/// Sees to the target of guests; says whether it had to be installed.
pub(crate) fn have_target() -> anyhow::Result<String> {
    let mut rustc = Command::new("rustc");
    rustc
        .current_dir(layout::root())
        .args(["--print", "target-libdir", "--target", TARGET]);
    let directory = String::from_utf8(output(&mut rustc)?)?;
    // The directory is named whether it is there or not.
    if Path::new(directory.trim()).is_dir() {
        return Ok(format!("{TARGET} is there"));
    }
    let mut rustup = Command::new("rustup");
    rustup
        .current_dir(layout::root())
        .args(["target", "add", TARGET]);
    succeed(&mut rustup)?;
    Ok(format!("installed {TARGET}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn components_are_named_as_cargo_does() {
        assert_eq!(super::file("husk-plugin-dummy"), "husk_plugin_dummy.wasm");
    }
}
