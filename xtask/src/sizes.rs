//! How large each plugin is: lines of Rust that are the driver, and the component.
//!
//! What counts as a line is a line of code: no blank one, no comment, no test, and not the list of devices in `hardware.rs`. A driver is meant to read like its device's
//! protocol document, so the median is looked at. Plugins made of another's sources have no lines of their own.

use crate::layout;
use crate::plugins::{self, BUNDLED};
use anyhow::Context as _;
use lexopt::Parser;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const HELP: &str = "
usage: cargo xtask sizes

Prints for each bundled plugin its lines of Rust (without tests, comments, blank lines and the list
of devices it is for) and the size of its component as it was last built by
`cargo xtask plugins`, and the median of each.
";

/// The module that holds the list of devices.
const LIST: &str = "hardware";

/// Most lines the median driver may have.
const MEDIAN_LINES: usize = 400;

/// One plugin.
struct Size {
    name: &'static str,
    /// `None`: made of another plugin's sources, named in `note`.
    lines: Option<usize>,
    /// `None`: not built.
    bytes: Option<u64>,
    note: String,
}

pub(crate) fn main(parser: Parser) -> anyhow::Result<()> {
    crate::no_arguments(parser)?;
    let mut sizes = Vec::new();
    for (name, package) in BUNDLED {
        sizes.push(size(name, package)?);
    }
    print!("{}", table(&sizes));
    Ok(())
}

fn size(name: &'static str, package: &str) -> anyhow::Result<Size> {
    let folder = layout::root().join("plugins").join(name);
    let manifest = folder.join("Cargo.toml");
    let manifest = fs::read_to_string(&manifest)
        .with_context(|| format!("{} of {package}", manifest.display()))?;
    let shared = manifest.lines().find_map(|line| {
        let path = line.strip_prefix("path = \"../")?;
        path.split('/').next()
    });
    let lines = match shared {
        Some(_) => None,
        None => Some(lines_below(&folder.join("src"))?),
    };
    let component = fs::metadata(layout::guests().join(plugins::file(package)));
    Ok(Size {
        name,
        lines,
        bytes: component.ok().map(|file| file.len()),
        note: shared.map_or(String::new(), |other| format!("the sources of {other}")),
    })
}

fn lines_below(folder: &Path) -> anyhow::Result<usize> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    let mut texts = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        texts.push((stem.into_owned(), fs::read_to_string(&file)?));
    }
    let for_tests: Vec<String> = texts
        .iter()
        .flat_map(|(_, text)| modules_for_tests(text))
        .collect();
    let counted = texts
        .iter()
        .filter(|(stem, _)| stem != LIST && !for_tests.contains(stem));
    Ok(counted.map(|(_, text)| lines(text)).sum())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn is_for_tests(line: &str) -> bool {
    line.starts_with("#[cfg(test") || line.starts_with("#[cfg(all(test")
}

/// Modules in files of their own that are built for tests only.
fn modules_for_tests(text: &str) -> Vec<String> {
    let after = text.lines().zip(text.lines().skip(1));
    let modules = after.filter_map(|(attribute, line)| {
        let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
        is_for_tests(attribute).then(|| name.to_owned())
    });
    modules.collect()
}

/// Lines of code. Tests stand at the bottom of a file, by the rules of the house.
fn lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if is_for_tests(line) {
            match lines.next() {
                Some(module) if module.ends_with(';') => continue,
                _ => break,
            }
        }
        let line = line.trim_start();
        if !line.is_empty() && !line.starts_with("//") {
            count += 1;
        }
    }
    count
}

fn table(sizes: &[Size]) -> String {
    let kib = |bytes: u64| format!("{}.{}", bytes / 1024, bytes % 1024 * 10 / 1024);
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let mut text = format!("{:<16} {:>6} {:>8}\n", "plugin", "lines", "KiB");
    for size in sizes {
        let lines = shown(size.lines.map(|lines| lines.to_string()));
        let bytes = shown(size.bytes.map(kib));
        let row = format!("{:<16} {lines:>6} {bytes:>8}  {}", size.name, size.note);
        text.push_str(row.trim_end());
        text.push('\n');
    }
    let lines = median(sizes.iter().filter_map(|size| size.lines));
    let bytes = median(sizes.iter().filter_map(|size| size.bytes));
    let verdict = match lines {
        Some(lines) if lines > MEDIAN_LINES => {
            format!("  above the {MEDIAN_LINES} lines it should have")
        }
        _ => String::new(),
    };
    let lines = shown(lines.map(|lines| lines.to_string()));
    let row = format!(
        "{:<16} {lines:>6} {:>8}{verdict}\n",
        "median",
        shown(bytes.map(kib))
    );
    text + &row
}

/// The value in the middle; of an even number the smaller of the two.
fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let middle = values.len().checked_sub(1)? / 2;
    values.get(middle).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let text = "//! What for.\n\n#[cfg(test)]\nmod trial;\nmod a;\n\n/// Doc.\nfn f() { // why\n    // because\n    g();\n}\n\n\
                    #[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
        assert_eq!(lines(text), 4);
        assert_eq!(modules_for_tests(text), ["trial"]);
    }

    #[test]
    fn the_median_is_one_of_them() {
        assert_eq!(median([3, 1, 2].into_iter()), Some(2));
        assert_eq!(median([4, 1, 3, 2].into_iter()), Some(2));
        assert_eq!(median(std::iter::empty::<u32>()), None);
    }

    #[test]
    fn a_table_names_what_is_not_there() {
        let sizes = [
            Size {
                name: "a",
                lines: Some(500),
                bytes: Some(2048 + 512),
                note: String::new(),
            },
            Size {
                name: "b",
                lines: None,
                bytes: None,
                note: "the sources of a".to_owned(),
            },
        ];
        let text = table(&sizes);
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(rows[1], ["a", "500", "2.5"]);
        assert_eq!(rows[2][..3], ["b", "-", "-"]);
        assert!(
            rows[3].starts_with(&["median", "500", "2.5", "above"]),
            "{text}"
        );
    }
}
