//! The rules of the house that no compiler holds. Each check is a function from the tree to complaints, and each has a
//! test that shows it can fail.

mod arrows;
mod code;
mod files;
mod source;

use crate::steps::{Steps, output};
use crate::{generate, layout};
use anyhow::bail;
use lexopt::Parser;
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) const HELP: &str = "
usage: cargo xtask tidy

Which crate may use which, no compiler in the daemon, wasmtime in one crate, unsafe in one
file, how files open and how long they are, what may stand at the top of the tree, names of
machines, released WIT, private keys, built components, generated files. All complaints at once.
";

/// What is tracked: path from the top, and content.
pub(crate) type Tree = Vec<(String, String)>;

/// Complaints, each a sentence that begins with the place.
type Complaints = Vec<String>;

pub(crate) fn main(parser: Parser) -> anyhow::Result<()> {
    crate::no_arguments(parser)?;
    let mut steps = Steps::default();
    let outcome = steps.run("tidy", tidy);
    steps.finish().and(outcome)
}

/// Runs every check.
pub(crate) fn tidy() -> anyhow::Result<String> {
    let tree = tracked(&layout::root())?;
    let metadata = output(&mut layout::cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
    ]))?;
    let daemon = output(&mut layout::cargo(&[
        "tree", "-p", "husk", "-e", "normal", "--prefix", "none",
    ]))?;
    let mut complaints = arrows::check(&serde_json::from_slice(&metadata)?);
    complaints.extend(arrows::no_compiler(&String::from_utf8_lossy(&daemon)));
    complaints.extend(files::check(&tree));
    complaints.extend(files::frozen(&layout::root())?);
    complaints.extend(source::check(&tree));
    complaints.extend(stale(&tree, &generate::files()));
    if complaints.is_empty() {
        return Ok(format!("{} files", tree.len()));
    }
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    bail!("{} complaints", complaints.len())
}

/// Files made from code that has changed since.
fn stale(tree: &Tree, made: &[(&str, String)]) -> Complaints {
    let there = |path: &str| tree.iter().find(|(other, _)| other == path);
    let old = made
        .iter()
        .filter(|(path, text)| there(path).is_none_or(|(_, is)| is != text));
    let complaint = |(path, _): &(&str, String)| {
        format!("{path}: not what the code says now; `cargo xtask generate` writes it anew")
    };
    old.map(complaint).collect()
}

/// What git tracks or would track; without git, everything but `target`.
fn tracked(root: &Path) -> anyhow::Result<Tree> {
    let mut git = Command::new("git");
    git.current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let paths = match git.output() {
        Ok(listed) if listed.status.success() => String::from_utf8(listed.stdout)?,
        _ => walk(root, "")?,
    };
    let mut tree = Tree::new();
    for path in paths.split('\0').filter(|path| !path.is_empty()) {
        // Deleted, but not committed yet.
        if let Ok(bytes) = fs::read(root.join(path)) {
            tree.push((
                path.to_owned(),
                String::from_utf8_lossy(&bytes).into_owned(),
            ));
        }
    }
    Ok(tree)
}

fn walk(directory: &Path, below: &str) -> anyhow::Result<String> {
    let mut paths = String::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        match (entry.file_type()?.is_dir(), name.as_str()) {
            (true, "target" | ".git") => {}
            (true, _) => paths += &walk(&entry.path(), &format!("{name}/"))?,
            (false, _) => paths += &format!("{name}\0"),
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_made_from_older_code_and_one_not_made_yet_are_found() {
        let tree = vec![("a".to_owned(), "1".to_owned())];
        let made = |path, text: &str| vec![(path, text.to_owned())];
        assert_eq!(stale(&tree, &made("a", "1")).len(), 0);
        assert_eq!(stale(&tree, &made("a", "2")).len(), 1);
        assert_eq!(stale(&tree, &made("b", "1")).len(), 1);
    }

    #[test]
    fn without_git_the_tree_is_walked() {
        let scratch = husk_tests::rig::Scratch::new("tidy").unwrap();
        for path in ["a/b", "target/c", "d"] {
            layout::write_if_changed(&scratch.path().join(path), b"x").unwrap();
        }
        let mut paths: Vec<_> = tracked(scratch.path())
            .unwrap()
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        paths.sort();
        assert_eq!(paths, ["a/b", "d"]);
    }
}
