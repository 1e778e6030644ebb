//! Measurements: builds what they need and runs them. Numbers go to people, not into files.

use crate::build;
use crate::layout;
use crate::steps::{Steps, succeed};
use anyhow::bail;
use lexopt::{Arg, Parser};
use std::ffi::OsString;

pub(crate) const HELP: &str = "
usage: cargo xtask bench [NAME [ARGUMENTS]]

  engine   components: loading, instances, polls and memory per device
  server   our server beside Debian's on the same device: replies per second, times, processor
           time per reply, memory, and how soon a change is read
           [--runs N] [--seconds S] [--only TEXT] [--ours]
  monitor  from a device's change to NOTIFYCMD and SHUTDOWNCMD, our upsmon and server beside
           Debian's  [--runs N] [--only TEXT]
  snmp     a thousand SNMP agents polled by one host: packets, processor, memory, lateness; Debian's
           drivers beside it per agent  [--agents N] [--incumbents N] [--interval S] [--polls N]

Without a name: this list. Arguments go to the measurement.
";

pub(crate) fn main(mut parser: Parser) -> anyhow::Result<()> {
    let name = match parser.next()? {
        None => {
            println!("{}", HELP.trim());
            return Ok(());
        }
        Some(Arg::Value(name)) => name,
        Some(other) => return Err(other.unexpected().into()),
    };
    match name.to_str() {
        Some("engine") => engine(&parser.raw_args()?.collect::<Vec<OsString>>()),
        Some("server") => programs(
            "bench_server",
            &parser.raw_args()?.collect::<Vec<OsString>>(),
        ),
        Some("snmp") => programs("bench_snmp", &parser.raw_args()?.collect::<Vec<OsString>>()),
        Some("monitor") => programs(
            "bench_monitor",
            &parser.raw_args()?.collect::<Vec<OsString>>(),
        ),
        _ => bail!("no measurement is called {name:?}; `cargo xtask bench` lists them"),
    }
}

/// Whole programs, ours built for it.
fn programs(example: &str, arguments: &[OsString]) -> anyhow::Result<()> {
    build::build(&mut Steps::default())?;
    let mut cargo = layout::cargo(&[
        "run",
        "--release",
        "-p",
        "husk-tests",
        "--example",
        example,
        "--",
    ]);
    cargo.args(arguments).env("HUSK_BIN", layout::husk());
    succeed(&mut cargo)
}

fn engine(arguments: &[OsString]) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    crate::plugins::build(&mut steps)?;
    build::helper(&mut steps)?;
    let mut cargo = layout::cargo(&[
        "run",
        "--release",
        "-p",
        "husk-engine",
        "--example",
        "bench_engine",
        "--",
    ]);
    cargo
        .args(arguments)
        .env("HUSK_COMPILE", layout::husk_compile())
        .env("HUSK_GUESTS", layout::guests());
    succeed(&mut cargo)
}
