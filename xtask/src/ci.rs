//! Everything a change must pass, in one command; `.ci/run` calls it and little more.

use crate::groups::{GROUPS, HELPER, WHOLE};
use crate::steps::Steps;
use crate::{layout, plugins, test, tidy, vm};
use lexopt::Parser;

pub(crate) const HELP: &str = "
usage: cargo xtask ci

rustfmt, tidy, clippy (every warning is an error), the documentation, then `test` and `test --vm`,
where a skipped test is a failure. The release is built while the lints run. All steps run even when one fails; a table of times closes it.
";

/// How often the virtual machine's cables are pulled: more of it is asked for by hand.
const REPLUGS: u32 = 6;

/// What is also built for the sandbox. The SDK itself speaks over one transport at a time.
const GUESTS: &[(&str, Option<&str>)] = &[
    ("husk-driver", Some("serial")),
    ("husk-driver", Some("files")),
    ("husk-driver", Some("stream")),
    ("husk-driver", Some("usb")),
    ("husk-driver", Some("snmp")),
    ("husk-plugin-dummy", None),
    ("husk-plugin-megatec", None),
    ("husk-plugin-megatec-usb", None),
    ("husk-plugin-usbhid", None),
    ("husk-plugin-mge-shut", None),
    ("husk-plugin-contact", None),
    ("husk-plugin-apc-smart", None),
    ("husk-plugin-apcupsd", None),
    ("husk-plugin-powerman", None),
    ("husk-plugin-snmp", None),
    ("husk-hostile", None),
    ("husk-hostile-usb", None),
];

const CLIPPY: &[&str] = &["clippy", "--quiet", "--all-targets"];
/// The lint that holds functions to the length in clippy.toml.
const DENY: &[&str] = &["--", "-D", "warnings", "-D", "clippy::too_many_lines"];

pub(crate) fn main(parser: Parser) -> anyhow::Result<()> {
    crate::no_arguments(parser)?;
    let mut steps = Steps::default();
    // A failed step stays in the table and fails it at the end.
    let _ = steps.command("rustfmt", layout::cargo(&["fmt", "--all", "--check"]));
    let _ = steps.run("tidy", tidy::tidy);
    // Nothing of a bare machine has asked for it yet.
    let _ = steps.run("target of guests", plugins::have_target);
    let outcome = test::test(&mut steps, true, |steps| {
        lints(steps);
        documentation(steps);
    });
    let plan = vm::Plan {
        husk: Some(layout::husk()),
        replugs: Some(REPLUGS),
        ..vm::Plan::default()
    };
    let machine = vm::test(&mut steps, &plan, true);
    let table = steps.finish();
    for sum in [&outcome, &machine].into_iter().flatten() {
        println!("\n{sum}");
    }
    outcome?;
    machine?;
    table
}

/// Clippy over everything, natively and for the sandbox.
fn lints(steps: &mut Steps) {
    for group in GROUPS.iter().chain([&HELPER, &WHOLE]) {
        let mut clippy = group.cargo(CLIPPY);
        clippy.args(DENY);
        let _ = steps.command(&format!("clippy {}", group.name), clippy);
    }
    for (package, transport) in GUESTS {
        let mut clippy = layout::cargo(&[
            "clippy",
            "--quiet",
            "--target",
            plugins::TARGET,
            "-p",
            package,
        ]);
        if let Some(transport) = transport {
            clippy.args(["--features", transport]);
        }
        clippy.args(DENY);
        let name = format!(
            "clippy {package} {} as a guest",
            transport.unwrap_or_default()
        );
        let _ = steps.command(&name, clippy);
    }
}

fn documentation(steps: &mut Steps) {
    for group in GROUPS.iter().chain([&WHOLE]) {
        let mut doc = group.cargo(&["doc", "--quiet", "--no-deps"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        let _ = steps.command(&format!("documentation {}", group.name), doc);
    }
}
