//! `husk-compile`: a component on stdin, native code for this host's sandbox on stdout.
//!
//! It is a program of its own so that the daemon contains no compiler and so that a compiler that panics, loops or eats
//! memory over hostile bytes dies alone. Its first act is to limit itself. It opens no file, runs no guest code and
//! refuses what is not a driver of the contract before compiling it.
//!
//! For the build there is one more job, `--describe`: the component is compiled by a child as above and then asked in the
//! sandbox what it is. The daemon never asks for it.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use husk_engine::{Compiler, REFUSED, Sandbox, limits};
use rustix::process::{Resource, Rlimit, setrlimit};
use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};
use wasmtime::Engine;

const HELP: &str = "\
Turns a driver component (stdin) into native code for husk's sandbox (stdout).

  --baseline  for every CPU of this family instead of for this one
  --inspect   print name, imports and exports instead of code, one per line
  --describe  run it in the sandbox and print what it says it is, one thing per line
  --help      print this

Exit status: 0 done, 2 the component is refused, anything else a failure of this program.
";

/// What the command line asks for.
enum Job {
    Compile { baseline: bool },
    Inspect,
    Describe,
    Help,
}

/// Why there is no output.
enum Trouble {
    /// The component is at fault.
    Refused(String),
    /// This program or its use is.
    Failed(String),
}

fn main() -> ExitCode {
    let outcome = job(std::env::args().skip(1)).and_then(|job| {
        // The sandbox has its own limits, and reserves more addresses than a compiler may have.
        if !matches!(job, Job::Describe) {
            limit_self()
                .map_err(|error| Trouble::Failed(format!("it cannot limit itself: {error}")))?;
        }
        run(&job)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Trouble::Refused(why)) => {
            eprintln!("{why}");
            ExitCode::from(REFUSED)
        }
        Err(Trouble::Failed(why)) => {
            eprintln!("husk-compile: {why}");
            ExitCode::FAILURE
        }
    }
}

/// From here on a runaway compiler is the kernel's business.
fn limit_self() -> rustix::io::Result<()> {
    let limits = [
        (Resource::Cpu, limits::COMPILER_CPU_S),
        (Resource::As, limits::COMPILER_MEMORY),
        // Output goes to a pipe or, by the build, to a file of at most this size.
        (Resource::Fsize, limits::COMPILED as u64),
        (Resource::Core, 0),
        (Resource::Nofile, limits::COMPILER_FILES),
    ];
    for (resource, most) in limits {
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )?;
    }
    Ok(())
}

fn run(job: &Job) -> Result<(), Trouble> {
    let output = match job {
        Job::Help => HELP.as_bytes().to_vec(),
        Job::Inspect => Outline::of(&read()?)?.to_string().into_bytes(),
        Job::Describe => describe(&read()?)?.into_bytes(),
        Job::Compile { baseline } => compile(&read()?, *baseline)?,
    };
    io::stdout()
        .write_all(&output)
        .and_then(|()| io::stdout().flush())
        .map_err(|error| Trouble::Failed(format!("the output could not be written: {error}")))
}

fn job(arguments: impl Iterator<Item = String>) -> Result<Job, Trouble> {
    let mut job = Job::Compile { baseline: false };
    for argument in arguments {
        job = match argument.as_str() {
            "--baseline" => Job::Compile { baseline: true },
            "--inspect" => Job::Inspect,
            "--describe" => Job::Describe,
            "--help" | "-h" => Job::Help,
            other => {
                return Err(Trouble::Failed(format!(
                    "unknown option {other:?}; see --help"
                )));
            }
        };
    }
    Ok(job)
}

/// The component, one byte more than allowed at most.
fn read() -> Result<Vec<u8>, Trouble> {
    let mut wasm = Vec::new();
    io::stdin()
        .take(limits::COMPONENT as u64 + 1)
        .read_to_end(&mut wasm)
        .map_err(|error| Trouble::Failed(format!("the input could not be read: {error}")))?;
    if wasm.len() > limits::COMPONENT {
        return Err(Trouble::Refused(format!(
            "the component has more than {} bytes",
            limits::COMPONENT
        )));
    }
    Ok(wasm)
}

fn compile(wasm: &[u8], baseline: bool) -> Result<Vec<u8>, Trouble> {
    let outline = Outline::of(wasm)?;
    let unknown = husk_engine::unknown(&outline.imports);
    if !unknown.is_empty() {
        return Err(Trouble::Refused(format!(
            "it asks for interfaces that no driver may have: {}",
            unknown.join(", ")
        )));
    }
    let mut config = husk_engine::config();
    if baseline {
        // Naming a target, even our own, switches off what was found out about this CPU.
        let family = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        config.target(&family).map_err(failed)?;
    }
    let engine = Engine::new(&config).map_err(failed)?;
    engine
        .precompile_component(wasm)
        .map_err(|error| Trouble::Refused(format!("it cannot be compiled: {error:#}")))
}

/// What the component says it is. This program is also the compiler of the sandbox.
fn describe(wasm: &[u8]) -> Result<String, Trouble> {
    let failed = |error: &dyn std::fmt::Display| Trouble::Failed(error.to_string());
    let compiler = Compiler {
        program: std::env::current_exe().map_err(|error| failed(&error))?,
        cache_dir: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let sandbox = Sandbox::new().map_err(|error| failed(&error))?;
    let loaded = runtime.block_on(sandbox.load(wasm, &compiler));
    let plugin = loaded.map_err(|error| Trouble::Refused(error.to_string()))?;
    Ok(plugin.about().to_string())
}

fn failed(error: wasmtime::Error) -> Trouble {
    Trouble::Failed(format!("{error:#}"))
}

/// What a component says it needs and offers.
#[derive(Default)]
struct Outline {
    name: Option<String>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Outline {
    /// Validates every byte with the features the sandbox has, before the compiler sees any: compilers have panicked
    /// over bytes that a validator refuses.
    fn of(wasm: &[u8]) -> Result<Self, Trouble> {
        if !Parser::is_component(wasm) {
            return Err(Trouble::Refused(if Parser::is_core_wasm(wasm) {
                "it is a core WebAssembly module, not a component: link it with wasm-component-ld"
                    .to_owned()
            } else {
                "it is not a WebAssembly component".to_owned()
            }));
        }
        let features = WasmFeatures::WASM2
            | WasmFeatures::TAIL_CALL
            | WasmFeatures::MULTI_MEMORY
            | WasmFeatures::EXTENDED_CONST
            | WasmFeatures::COMPONENT_MODEL;
        let invalid = |error| Trouble::Refused(format!("it is not a valid component: {error}"));
        let mut validator = Validator::new_with_features(features);
        let mut outline = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(invalid)?;
            if let wasmparser::ValidPayload::Func(function, body) =
                validator.payload(&payload).map_err(invalid)?
            {
                let mut function = function.into_validator(Default::default());
                function.validate(&body).map_err(invalid)?;
            }
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth == 0 => outline.note(&payload).map_err(invalid)?,
                _ => {}
            }
        }
        Ok(outline)
    }

    fn note(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        self.exports.push(export.name.name.to_owned());
                    }
                }
            }
            Payload::CustomSection(section) => {
                if let wasmparser::KnownCustom::ComponentName(names) = section.as_known() {
                    for name in names.into_iter().flatten() {
                        if let wasmparser::ComponentName::Component { name, .. } = name {
                            self.name = Some(name.to_owned());
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl std::fmt::Display for Outline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "name {name}")?;
        }
        for import in &self.imports {
            writeln!(f, "import {import}")?;
        }
        for export in &self.exports {
            writeln!(f, "export {export}")?;
        }
        Ok(())
    }
}
