//! Takes the comments and the columns out of the tables: a third of their bytes, which the component need not carry.
//!
//! Refuses nothing; a test of the crate reads every table.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=mibs");
    let to = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    for entry in fs::read_dir("mibs")? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?;
        fs::write(Path::new(&to).join(entry.file_name()), squeezed(&text))?;
    }
    Ok(())
}

/// The lines that are no comments, with one blank between words.
fn squeezed(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = words.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}
