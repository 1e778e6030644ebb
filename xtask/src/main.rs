//! Every chore of the project: `cargo xtask` lists them, `cargo xtask CHORE --help` explains one.
//!
//! Chores call cargo, the programs it made and, for tests, Debian's packages. They need no other tool and leave nothing
//! outside `target/`, except `certs` and `fmt`'s own edits.

mod apt;
mod bench;
mod build;
mod certs;
mod ci;
mod demo;
mod faults;
mod fuzz;
mod generate;
mod groups;
mod hardware;
mod layout;
mod peers;
mod plugins;
mod score;
mod sizes;
mod steps;
mod test;
mod tidy;
mod vm;
mod whole;

use lexopt::{Arg, Parser};
use std::ffi::OsString;
use std::process::ExitCode;

/// One thing `cargo xtask` can do.
struct Chore {
    name: &'static str,
    about: &'static str,
    /// Arguments and what happens, for `--help`.
    help: &'static str,
    run: fn(Parser) -> anyhow::Result<()>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "build",
        about: "the release: plugins, helper, bundle, daemon",
        help: build::HELP,
        run: build::main,
    },
    Chore {
        name: "plugins",
        about: "the components alone",
        help: plugins::HELP,
        run: plugins::main,
    },
    Chore {
        name: "sizes",
        about: "lines and bytes of each plugin, and the median",
        help: sizes::HELP,
        run: sizes::main,
    },
    Chore {
        name: "test",
        about: "every test",
        help: test::HELP,
        run: test::main,
    },
    Chore {
        name: "ci",
        about: "everything a change must pass",
        help: ci::HELP,
        run: ci::main,
    },
    Chore {
        name: "tidy",
        about: "the rules of the house",
        help: tidy::HELP,
        run: tidy::main,
    },
    Chore {
        name: "demo",
        about: "a power failure, a hot swap and a crash, live",
        help: demo::HELP,
        run: demo::main,
    },
    Chore {
        name: "score",
        about: "how close to recorded devices",
        help: score::HELP,
        run: score::main,
    },
    Chore {
        name: "bench",
        about: "measurements",
        help: bench::HELP,
        run: bench::main,
    },
    Chore {
        name: "faults",
        about: "what goes wrong in a power failure, tried out",
        help: faults::HELP,
        run: faults::main,
    },
    Chore {
        name: "fuzz",
        about: "made-up bytes for what reads bytes from strangers",
        help: fuzz::HELP,
        run: fuzz::main,
    },
    Chore {
        name: "certs",
        about: "the test PKI",
        help: certs::HELP,
        run: certs::main,
    },
    Chore {
        name: "generate",
        about: "files that say what the code says",
        help: generate::HELP,
        run: generate::main,
    },
];

fn main() -> ExitCode {
    match chore(std::env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chore(arguments: Vec<OsString>) -> anyhow::Result<()> {
    let mut words = arguments.into_iter();
    let first = words.next().map(|word| word.to_string_lossy().into_owned());
    let rest: Vec<OsString> = words.collect();
    let name = match first.as_deref() {
        None | Some("help" | "--help" | "-h") => {
            println!("usage: cargo xtask CHORE [ARGUMENTS]\n");
            for chore in CHORES {
                println!("  {:8} {}", chore.name, chore.about);
            }
            println!("\n`cargo xtask CHORE --help` explains one.");
            return Ok(());
        }
        Some(name) => name,
    };
    let known = CHORES.iter().find(|chore| chore.name == name);
    let chore = known
        .ok_or_else(|| anyhow::anyhow!("no chore is called {name:?}; `cargo xtask` lists them"))?;
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        println!(
            "cargo xtask {}: {}\n\n{}",
            chore.name,
            chore.about,
            chore.help.trim()
        );
        return Ok(());
    }
    (chore.run)(Parser::from_args(rest))
}

/// For chores that take nothing.
fn no_arguments(mut parser: Parser) -> anyhow::Result<()> {
    match parser.next()? {
        None => Ok(()),
        Some(extra) => Err(extra.unexpected().into()),
    }
}

/// The next positional argument, or a complaint that names it.
fn required(parser: &mut Parser, what: &str) -> anyhow::Result<OsString> {
    match parser.next()? {
        Some(Arg::Value(value)) => Ok(value),
        Some(other) => Err(other.unexpected().into()),
        None => anyhow::bail!("{what} is missing"),
    }
}
