//! Embeds the bundled plugins: every `NAME.wasm` of the directory HUSK_BUNDLE_DIR, with its compiled form
//! `NAME.cwasm` and what it says of itself, `NAME.about`, beside it. Without the variable the program has no plugin of its own, which tests and
//! `cargo check` are content with.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-env-changed=HUSK_BUNDLE_DIR");
    let mut entries = String::new();
    if let Some(dir) = env::var_os("HUSK_BUNDLE_DIR").filter(|dir| !dir.is_empty()) {
        for wasm in components(Path::new(&dir))? {
            entries.push_str(&entry(&wasm)?);
        }
    }
    let code = format!(
        "/// Plugins that are part of the program.\npub(crate) static BUNDLED: &[Bundled] = &[{entries}];\n"
    );
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("bundle.rs"), code)?;
    Ok(())
}

fn components(dir: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut found = Vec::new();
    for file in fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "wasm") {
            found.push(path.canonicalize()?);
        }
    }
    found.sort();
    Ok(found)
}

fn entry(wasm: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let native = wasm.with_extension("cwasm");
    let about = wasm.with_extension("about");
    let name = wasm.file_stem().and_then(|name| name.to_str());
    let name = name.ok_or("a plugin's file name is not text")?;
    println!("cargo::rerun-if-changed={}", wasm.display());
    for made in [&native, &about] {
        println!("cargo::rerun-if-changed={}", made.display());
        if !made.is_file() {
            return Err(format!("{} is missing: compile the plugin first", made.display()).into());
        }
    }
    let mut text = String::new();
    write!(
        text,
        "Bundled {{ name: {name:?}, wasm: include_bytes!({wasm:?}), native: include_bytes!({native:?}), about: include_str!({about:?}) }},"
    )?;
    Ok(text)
}
