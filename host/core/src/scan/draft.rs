//! Sections that `husk scan --write` adds to ups.conf.
//!
//! Adds to the end of the file and changes nothing of what is there: the whole file is read as it would be then, and when
//! anything but the new sections came out of it, nothing is written.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::found::escape;
use crate::conf::ups::{Section, parse};

/// A section to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// `driver`.
    pub driver: String,
    /// `port`.
    pub port: String,
    /// `desc`, if there is something to say.
    pub desc: Option<String>,
    /// What else tells the device from others.
    pub options: Vec<(&'static str, String)>,
}

/// What to append to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The bytes.
    pub text: String,
    /// The names of the new sections, in the order of the drafts.
    pub names: Vec<String>,
}

/// The file as it is takes no more sections at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a section added at its end would not be read as one; `husk check` tells what is wrong with it, a quote that never ends most likely",
        )
    }
}

impl std::error::Error for Unreadable {}

/// The first name is `ups`, as in most examples; then `ups2` and so on, whichever are free.
const NAME: &str = "ups";

/// What to append to a ups.conf so that it has these sections too.
///
/// # Errors
/// [`Unreadable`].
pub fn addition(file: &[u8], drafts: &[Draft]) -> Result<Addition, Unreadable> {
    let before = parse("ups.conf", file).0;
    let mut taken = headers(file);
    let mut names = Vec::new();
    let mut text = String::new();
    if file.last().is_some_and(|&byte| byte != b'\n') {
        text.push('\n');
    }
    for draft in drafts {
        let name = free(&taken);
        if !file.is_empty() || !names.is_empty() {
            text.push('\n');
        }
        // Writing into a String does not fail.
        let _ = writeln!(text, "[{name}]");
        let desc = draft.desc.as_deref().map(|desc| ("desc", desc));
        let main = [
            ("driver", draft.driver.as_str()),
            ("port", draft.port.as_str()),
        ];
        let more = draft
            .options
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        for (option, value) in main.into_iter().chain(desc).chain(more) {
            let _ = writeln!(text, "\t{option} = \"{}\"", escape(value));
        }
        taken.insert(name.to_ascii_lowercase());
        names.push(name);
    }
    let whole = [file, text.as_bytes()].concat();
    let after = parse("ups.conf", &whole).0;
    let (old, new) = after
        .sections
        .split_at_checked(before.sections.len())
        .ok_or(Unreadable)?;
    let as_meant = |section: &Section, draft: &Draft, name: &String| {
        let options = draft.options.iter();
        section.name == *name
            && section.driver == draft.driver
            && section.port == draft.port
            && options
                .clone()
                .all(|(name, value)| section.get(name) == Some(value.as_str()))
    };
    let kept = after.global == before.global && old == before.sections;
    let mut pairs = new.iter().zip(drafts.iter().zip(&names));
    let all = new.len() == drafts.len()
        && pairs.all(|(section, (draft, name))| as_meant(section, draft, name));
    if kept && all {
        Ok(Addition { text, names })
    } else {
        Err(Unreadable)
    }
}

/// Everything that looks like a section's name, those of sections that cannot be used included.
fn headers(file: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(file);
    let name = |line: &str| {
        let (name, _) = line
            .trim()
            .trim_start_matches('"')
            .strip_prefix('[')?
            .split_once(']')?;
        Some(name.to_ascii_lowercase())
    };
    text.lines().filter_map(name).collect()
}

fn free(taken: &BTreeSet<String>) -> String {
    let numbered = (2_u32..).map(|number| format!("{NAME}{number}"));
    let mut names = std::iter::once(NAME.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn draft(serial: &str) -> Draft {
        Draft {
            driver: "usbhid-ups".to_owned(),
            port: "auto".to_owned(),
            desc: Some("Eaton 5E".to_owned()),
            options: vec![
                ("vendorid", "0463".to_owned()),
                ("serial", serial.to_owned()),
            ],
        }
    }

    #[test]
    fn sections_come_behind_what_is_there_under_free_names() {
        let file =
            b"maxretry = 3\n[UPS]\n driver = dummy-ups\n port = lab.dev\n[ups2]\n# no driver yet";
        let addition = addition(file, &[draft("A1"), draft("B\\.\"2\"")]).unwrap();
        assert_eq!(addition.names, ["ups3", "ups4"]);
        let expected = "
\n[ups3]\n\tdriver = \"usbhid-ups\"\n\tport = \"auto\"\n\tdesc = \"Eaton 5E\"\n\tvendorid = \"0463\"\n\tserial = \"A1\"
\n[ups4]\n\tdriver = \"usbhid-ups\"\n\tport = \"auto\"\n\tdesc = \"Eaton 5E\"\n\tvendorid = \"0463\"\n\tserial = \"B\\\\.\\\"2\\\"\"\n";
        assert_eq!(addition.text, expected);
        let fresh = super::addition(b"", &[draft("A1")]).unwrap();
        assert!(fresh.text.starts_with("[ups]\n\tdriver"), "{}", fresh.text);
        assert_eq!(super::addition(b"x = 1\n", &[]).unwrap().text, "");
    }

    #[test]
    fn a_file_that_would_swallow_a_section_is_left_alone() {
        for file in [
            &b"[lab]\n driver = dummy-ups\n port = \"lab.dev\n"[..],
            b"[lab]\n driver = dummy-ups\n port = lab.dev\n desc = \\",
            b"[lab]\n driver = dummy-ups\n port =",
        ] {
            let refused = addition(file, &[draft("A1")]);
            let text = String::from_utf8_lossy(file);
            if let Ok(addition) = refused {
                let whole = format!("{text}{}", addition.text);
                let sections = parse("ups.conf", whole.as_bytes()).0.sections;
                assert!(
                    sections.iter().any(|section| section.name == "ups"),
                    "{whole}"
                );
            }
        }
        let open = addition(
            b"[lab]\n driver = dummy-ups\n port = \"lab.dev\n",
            &[draft("A1")],
        );
        assert_eq!(open, Err(Unreadable));
    }
}
