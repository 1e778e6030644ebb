//! From bytes to a plugin: what is refused and why, the cache, and the limits of the compile helper.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use common::{Lines, Scratch, built, mode, open};
use husk_core::report::Wake;
use husk_engine::{Bundled, Compiler, LoadError, Sandbox, Transport, limits};

/// A component that only imports instances of these names (Component Model binary format: a type section with one
/// empty instance type, an import section).
fn component_importing(names: &[&str]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend([7, 3, 1, 0x42, 0]);
    let mut imports = vec![u8::try_from(names.len()).unwrap()];
    for name in names {
        imports.extend([0, u8::try_from(name.len()).unwrap()]);
        imports.extend(name.bytes());
        imports.extend([5, 0]);
    }
    bytes.extend([10, u8::try_from(imports.len()).unwrap()]);
    bytes.extend(imports);
    bytes
}

async fn load_error(wasm: &[u8], compiler: &Compiler) -> LoadError {
    let loaded = Sandbox::new().unwrap().load(wasm, compiler).await;
    loaded.expect_err("it must not load")
}

#[tokio::test]
async fn a_plugin_tells_what_it_is_and_what_it_asks_for() {
    let Some(built) = built() else { return };
    let plugin = built.plugin().await;
    assert_eq!(plugin.name(), "hostile");
    assert_eq!(plugin.version(), "1.0");
    assert_eq!(plugin.transports, [Transport::Files]);
    assert_eq!(
        plugin.imports,
        [
            "ups:driver/files@0.1.0",
            "ups:driver/host@0.1.0",
            "ups:driver/types@0.1.0"
        ]
    );
    assert_eq!(plugin.digest.len(), 64);
    let (status, outline, _) = built.helper("--inspect", &built.hostile);
    let outline = String::from_utf8(outline).unwrap();
    assert_eq!(status, Some(0));
    for import in &plugin.imports {
        assert!(outline.contains(&format!("import {import}\n")), "{outline}");
    }
    assert!(outline.contains("export ups:driver/files-driver@0.1.0\n"));
}

#[tokio::test]
async fn foreign_interfaces_are_refused_all_at_once() {
    let Some(built) = built() else { return };
    let wasm = component_importing(&[
        "wasi:cli/environment@0.2.0",
        "ups:driver/types@0.1.0",
        "wasi:sockets/tcp@0.2.0",
    ]);
    let error = load_error(&wasm, &built.compiler()).await.to_string();
    assert!(
        error.ends_with("no driver may have: wasi:cli/environment@0.2.0, wasi:sockets/tcp@0.2.0"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_driver_is_refused_with_a_sentence() {
    let Some(built) = built() else { return };
    let too_big = vec![0; limits::COMPONENT + 1];
    let cut = &built.hostile[..built.hostile.len() / 2];
    let cases: [(&[u8], &str); 6] = [
        (b"", "not a WebAssembly component"),
        (b"#!/bin/sh\n", "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "core WebAssembly module"),
        (cut, "not a valid component"),
        (&too_big, "4194305 bytes"),
        (
            &component_importing(&["ups:driver/types@0.1.0"]),
            "no `open`",
        ),
    ];
    for (wasm, words) in cases {
        let error = load_error(wasm, &built.compiler()).await.to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn damaged_components_never_crash_the_host() {
    let Some(built) = built() else { return };
    let sandbox = Sandbox::new().unwrap();
    // Every flip lands in another section; most are refused, some load as the harmless change they are.
    for step in 0..24 {
        let mut wasm = built.hostile.clone();
        let at = 8 + step * wasm.len() / 24;
        wasm[at] ^= 0x15;
        if let Err(error) = sandbox.load(&wasm, &built.compiler()).await {
            let known = matches!(
                error,
                LoadError::Refused(_)
                    | LoadError::Unknown(_)
                    | LoadError::NotADriver(_)
                    | LoadError::Describe(_)
                    | LoadError::Compiling(_)
            );
            assert!(known, "flip at {at}: {error:?}");
        }
    }
}

#[tokio::test]
async fn compiled_code_is_kept_privately_and_found_again() {
    let Some(built) = built() else { return };
    let cache = Scratch::new();
    let sandbox = Sandbox::new().unwrap();
    let compiler = built.compiler_with(&cache.0);
    sandbox.load(&built.hostile, &compiler).await.unwrap();
    let entry = only_entry(&cache);
    let permissions = fs::metadata(&entry).unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);
    // Without a compiler only the cache can help.
    let no_compiler = Compiler {
        program: PathBuf::from("/nonexistent"),
        ..compiler.clone()
    };
    let plugin = Sandbox::new()
        .unwrap()
        .load(&built.hostile, &no_compiler)
        .await
        .unwrap();
    let scratch = Scratch::new();
    let mut instance = open(&plugin, scratch.port().await, &[], &Lines::default())
        .await
        .unwrap();
    instance.poll(Wake::Interval).await.unwrap();

    // One flipped bit: not run, compiled again, repaired.
    let mut code = fs::read(&entry).unwrap();
    let middle = code.len() / 2;
    code[middle] ^= 1;
    fs::write(&entry, &code).unwrap();
    let error = load_error(&built.hostile, &no_compiler).await;
    assert!(matches!(error, LoadError::Compiler { .. }), "{error}");
    sandbox.load(&built.hostile, &compiler).await.unwrap();
    assert_ne!(fs::read(only_entry(&cache)).unwrap(), code);
    fs::write(&entry, b"").unwrap();
    sandbox.load(&built.hostile, &compiler).await.unwrap();
    assert!(fs::read(&entry).unwrap().len() > 10_000);

    // Anyone could have written the entry: not run.
    mode(&entry, 0o666);
    let error = load_error(&built.hostile, &no_compiler).await;
    assert!(matches!(error, LoadError::Compiler { .. }), "{error}");
    // Anyone can write the directory: not even looked at, but loading works without.
    mode(&entry, 0o600);
    mode(&cache.0, 0o777);
    let error = load_error(&built.hostile, &no_compiler).await;
    assert!(matches!(error, LoadError::Compiler { .. }), "{error}");
    sandbox.load(&built.hostile, &compiler).await.unwrap();
}

#[tokio::test]
async fn the_cache_keeps_the_newest_and_nothing_foreign_is_touched() {
    let Some(built) = built() else { return };
    let cache = Scratch::new();
    for n in 0..limits::CACHED {
        fs::write(cache.0.join(format!("{n}.cwasm")), "old").unwrap();
    }
    fs::write(cache.0.join("left.1.2.part"), "old").unwrap();
    fs::write(cache.0.join("notes.txt"), "not ours").unwrap();
    let compiler = built.compiler_with(&cache.0);
    let sandbox = Sandbox::new().unwrap();
    let plugin = sandbox.load(&built.hostile, &compiler).await.unwrap();
    let names: Vec<String> = fs::read_dir(&cache.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), limits::CACHED + 1);
    assert!(names.iter().any(|name| name == "notes.txt"));
    assert!(names.iter().any(|name| name.starts_with(&plugin.digest)));
}

fn only_entry(cache: &Scratch) -> PathBuf {
    let mut entries: Vec<_> = fs::read_dir(&cache.0)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

#[tokio::test]
async fn a_bundled_plugin_needs_no_compiler_unless_its_code_does_not_fit() {
    let Some(built) = built() else { return };
    let (status, native, _) = built.helper("--baseline", &built.hostile);
    assert_eq!(status, Some(0));
    let wasm: &'static [u8] = built.hostile.clone().leak();
    let mut bundled = Bundled {
        name: "hostile",
        wasm,
        native: native.leak(),
        about: "",
    };
    let sandbox = Sandbox::new().unwrap();
    let no_compiler = Compiler {
        program: PathBuf::from("/nonexistent"),
        cache_dir: None,
    };
    let plugin = sandbox.load_bundled(&bundled, &no_compiler).await.unwrap();
    assert_eq!(plugin.name(), "hostile");
    bundled.native = b"made by another version";
    sandbox
        .load_bundled(&bundled, &built.compiler())
        .await
        .unwrap();
    let error = sandbox.load_bundled(&bundled, &no_compiler).await;
    assert!(matches!(error, Err(LoadError::Compiler { .. })));
}

#[tokio::test]
async fn a_broken_compiler_is_the_compilers_fault_and_bounded() {
    let Some(built) = built() else { return };
    let with = |program: &str| Compiler {
        program: PathBuf::from(program),
        cache_dir: None,
    };
    // Ends with a failure; talks without end; gives back what is no code.
    let error = load_error(&built.hostile, &with("/bin/false")).await;
    assert!(matches!(error, LoadError::Compiling(_)), "{error}");
    let error = load_error(&built.hostile, &with("/usr/bin/yes")).await;
    assert!(matches!(error, LoadError::Compiling(_)), "{error}");
    let error = load_error(&built.hostile, &with("/bin/cat")).await;
    assert!(matches!(error, LoadError::Code(_)), "{error}");
    let error = load_error(&built.hostile, &with("/nonexistent")).await;
    assert!(error.to_string().contains("/nonexistent"), "{error}");
}

#[tokio::test]
async fn the_helper_limits_itself_before_it_reads() {
    let Some(built) = built() else { return };
    let mut child = std::process::Command::new(&built.helper)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let path = format!("/proc/{}/limits", child.id());
    let is_limited = |limits: &str, name: &str, value: u64| {
        limits
            .lines()
            .any(|line| line.starts_with(name) && line.contains(&format!(" {value} ")))
    };
    let mut last = String::new();
    // It waits for its input, so only starting it takes time.
    for _ in 0..200 {
        last = fs::read_to_string(&path).unwrap();
        if is_limited(&last, "Max open files", limits::COMPILER_FILES) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(
        is_limited(&last, "Max cpu time", limits::COMPILER_CPU_S),
        "{last}"
    );
    assert!(
        is_limited(&last, "Max address space", limits::COMPILER_MEMORY),
        "{last}"
    );
    assert!(is_limited(&last, "Max core file size", 0), "{last}");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
