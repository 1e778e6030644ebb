//! Plays faults during a power failure with real processes and writes down what the machines did.
//!
//! The table it writes, `tests/FAULTS.md`, is what `cargo xtask test` checks: there it is played again and never written.

use crate::steps::{Steps, succeed};
use crate::{apt, build, layout};
use lexopt::{Arg, Parser};

pub(crate) const HELP: &str = "
usage: cargo xtask faults [--incumbent]

Kills, stops, unplugs and starves servers, monitors, cables and clocks while a simulated UPS is
on battery, each in a network of its own, and writes tests/FAULTS.md when every machine did what
it should. Needs root (network namespaces), iproute2 and libfaketime.

  --incumbent  with Debian's upsmon in place of ours; prints what it does and writes nothing
";

pub(crate) fn main(mut parser: Parser) -> anyhow::Result<()> {
    let mut incumbent = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("incumbent") => incumbent = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let mut steps = Steps::default();
    let outcome = steps
        .run("packages for tests", apt::install)
        .and_then(|()| build::build(&mut steps));
    steps.finish().and(outcome)?;
    let mut cargo = layout::cargo(&["test", "-p", "husk-tests", "--test", "chaos"]);
    cargo
        .args(["--", "--nocapture"])
        .env("HUSK_BIN", layout::husk())
        .env("HUSK_GUESTS", layout::guests());
    if incumbent {
        cargo.env("HUSK_MONITOR", "incumbent");
    } else {
        cargo.env("HUSK_WRITE_FAULTS", "1");
    }
    succeed(&mut cargo)
}
