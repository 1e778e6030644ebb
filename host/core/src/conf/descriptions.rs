//! cmdvartab: texts for variables and commands, over those Husk knows itself.
//!
//! The file is optional: without it Husk's own table answers, where upsd would have none.

use std::collections::HashMap;

use super::diag::{Diagnostic, Diagnostics, did_you_mean};
use super::reader;

/// Texts by name; what the file does not have comes from Husk's own table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Descriptions {
    variables: HashMap<String, String>,
    commands: HashMap<String, String>,
}

impl Descriptions {
    /// The text of a variable, found without regard to case. A proxy's `upstream.` in front does not count.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let name = name.strip_prefix("upstream.").unwrap_or(name);
        let ours = || husk_names::variable(name).map(|known| known.text);
        self.variables
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
            .or_else(ours)
    }

    /// The text of an instant command, found without regard to case.
    pub fn command(&self, name: &str) -> Option<&str> {
        let ours = || husk_names::command(name).map(|known| known.text);
        self.commands
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
            .or_else(ours)
    }
}

/// Reads a cmdvartab. Never fails: what cannot be used is left out and pointed at.
pub fn parse(file_name: &str, text: &[u8]) -> (Descriptions, Vec<Diagnostic>) {
    let mut found = Diagnostics::new(file_name, text);
    let mut texts = Descriptions::default();
    for words in reader::lines(text, &mut found) {
        let Some((kind, rest)) = words.split_first() else {
            continue;
        };
        let table = match kind.text.as_str() {
            "VARDESC" => &mut texts.variables,
            "CMDDESC" => &mut texts.commands,
            other => {
                let help = did_you_mean(other, ["VARDESC", "CMDDESC"].into_iter());
                found.error(
                    kind,
                    "a line begins with VARDESC or CMDDESC; this one is ignored",
                    help,
                );
                continue;
            }
        };
        match rest {
            [name, text] => {
                table.insert(name.text.to_ascii_lowercase(), text.text.clone());
            }
            _ => found.error(
                kind,
                "expected a name and a text; this line is ignored",
                format!("write `{} name \"text\"`", kind.text),
            ),
        }
    }
    (texts, found.finish())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn the_file_wins_over_the_table() {
        let (texts, found) = parse(
            "cmdvartab",
            b"# x\nVARDESC UPS.load \"My load\"\nCMDDESC load.off \"My off\"\n",
        );
        assert!(found.is_empty());
        assert_eq!(texts.variable("ups.LOAD"), Some("My load"));
        assert_eq!(texts.variable("upstream.ups.load"), Some("My load"));
        assert_eq!(texts.command("Load.off"), Some("My off"));
        let own = Descriptions::default();
        assert_eq!(
            texts.variable("battery.charge"),
            own.variable("battery.charge")
        );
        assert!(own.variable("outlet.3.status").is_some() && own.command("load.off").is_some());
        assert_eq!(
            (own.variable("no.such.thing"), own.command("no.such")),
            (None, None)
        );
    }

    #[test]
    fn other_lines_are_pointed_at() {
        let (texts, found) = parse("cmdvartab", b"VARDES a \"b\"\nVARDESC a\nVARDESC a b c\n");
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.line, d.message.as_str(), d.help.is_some()))
            .collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].1.contains("VARDESC or CMDDESC") && found[0].2);
        assert!(found[1].1.contains("expected a name") && found[2].1.contains("expected a name"));
        assert_eq!(texts, Descriptions::default());
    }

    #[test]
    fn our_own_table_reads_back_without_complaint() {
        let (texts, found) = parse("cmdvartab", husk_names::cmdvartab().as_bytes());
        assert_eq!(found, []);
        assert!(texts.variables.len() > 100 && texts.commands.len() > 30);
    }
}
