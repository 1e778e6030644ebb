//! `upsc`: shows what a NUT server knows about its UPSes, for people and, with `-j`, for programs.
//!
//! Output, error texts and exit codes are those of NUT 2.8 (JSON: 2.8.5), since scripts read them. Nothing is printed before the
//! whole answer is there, so a failure never leaves half a list on stdout.

use std::ffi::OsString;
use std::fmt::Write;
use std::process::ExitCode;

use husk_core::proto::client::{Server, Target};

use crate::client::args::Args;
use crate::client::tool::{Fatal, Tool, connect, print};

const TOOL: Tool = Tool {
    name: "upsc",
    options: "lLcj",
    help: "\
usage: upsc [-j] -l | -L [<hostname>[:port]]
       upsc [-j] <ups> [<variable>]
       upsc [-j] -c <ups>

Show what a NUT server knows about its UPSes.

  -l            names of the UPSes, one per line
  -L            names and descriptions
  -c            addresses of the clients that depend on the UPS
  -j            the same as JSON; all values are strings

  <hostname>    the server; localhost if left out
  <ups>         <upsname>[@<hostname>[:<port>]]
  <variable>    show this variable only
",
};

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Names,
    Descriptions,
    Clients,
    Variables,
    Variable,
}

/// What came back.
enum Shown {
    /// Keys and values, and what to put between them for people.
    Pairs(Vec<(String, String)>),
    Items(Vec<String>),
    Value(String),
}

/// Runs the program with the words after its name.
pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    TOOL.run(args, |args| {
        let mode = mode(args);
        let shown = ask(args, mode);
        let text = match (&shown, args.has('j')) {
            (Ok(shown), false) => plain(shown),
            (Ok(shown), true) => json(shown),
            (Err(_), false) => String::new(),
            (Err(Fatal(error)), true) => json_error(error, mode),
        };
        print(&text);
        shown.map(drop)
    })
}

fn mode(args: &Args) -> Mode {
    if args.has('L') {
        Mode::Descriptions
    } else if args.has('l') {
        Mode::Names
    } else if args.has('c') {
        Mode::Clients
    } else if args.operand(1).is_some() {
        Mode::Variable
    } else {
        Mode::Variables
    }
}

fn ask(args: &Args, mode: Mode) -> Result<Shown, Fatal> {
    let target = target(args, mode)?;
    let (mut server, _) = connect(args, &target)?;
    let ups = target.ups.as_str();
    Ok(match mode {
        Mode::Names => Shown::Items(firsts(server.list(&["UPS"])?)),
        Mode::Descriptions => Shown::Pairs(pairs(server.list(&["UPS"])?)),
        Mode::Clients => Shown::Items(firsts(server.list(&["CLIENT", ups])?)),
        Mode::Variables => Shown::Pairs(pairs(server.list(&["VAR", ups])?)),
        Mode::Variable => {
            let name = args.operand(1).unwrap_or_default();
            if !name.contains('.') {
                return Err(Fatal(
                    "Error: old-style variable names are not supported".to_owned(),
                ));
            }
            Shown::Value(server.get_one(&["VAR", ups, name])?)
        }
    })
}

fn target(args: &Args, mode: Mode) -> Result<Target, Fatal> {
    let word = args.operand(0);
    if !matches!(mode, Mode::Names | Mode::Descriptions) {
        return Target::parse(word.unwrap_or_default()).map_err(|_| {
            Fatal(
                "Error: invalid UPS definition.\nRequired format: upsname[@hostname[:port]]"
                    .to_owned(),
            )
        });
    }
    let server = word
        .map_or(Ok(Server::default()), Server::parse)
        .map_err(|_| {
            Fatal("Error: invalid hostname.\nRequired format: [hostname[:port]]".to_owned())
        })?;
    Ok(Target {
        ups: String::new(),
        server,
    })
}

fn firsts(rows: Vec<Vec<String>>) -> Vec<String> {
    rows.into_iter()
        .filter_map(|row| row.into_iter().next())
        .collect()
}

fn pairs(rows: Vec<Vec<String>>) -> Vec<(String, String)> {
    rows.into_iter()
        .map(|row| {
            let mut words = row.into_iter();
            (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            )
        })
        .collect()
}

fn plain(shown: &Shown) -> String {
    let mut text = String::new();
    match shown {
        Shown::Pairs(pairs) => {
            for (key, value) in pairs {
                let _ = writeln!(text, "{key}: {value}");
            }
        }
        Shown::Items(items) => {
            for item in items {
                let _ = writeln!(text, "{item}");
            }
        }
        Shown::Value(value) => {
            let _ = writeln!(text, "{value}");
        }
    }
    text
}

fn json(shown: &Shown) -> String {
    let block = |open, rows: Vec<String>, close| format!("{open}\n{}\n{close}\n", rows.join(",\n"));
    match shown {
        Shown::Pairs(pairs) => {
            let row =
                |(key, value): &(String, String)| format!("  {}: {}", quoted(key), quoted(value));
            block("{", pairs.iter().map(row).collect(), "}")
        }
        Shown::Items(items) => {
            let row = |item: &String| format!("  {}", quoted(item));
            block("[", items.iter().map(row).collect(), "]")
        }
        Shown::Value(value) => format!("{}\n", quoted(value)),
    }
}

/// NUT has begun the object when it learns that the list of variables fails, so that one is spread over lines.
fn json_error(text: &str, mode: Mode) -> String {
    let text = quoted(text.strip_prefix("Error: ").unwrap_or(text));
    match mode {
        Mode::Variables => format!("{{\n  \"error\": {text}\n}}\n"),
        _ => format!("{{\"error\": {text}}}\n"),
    }
}

/// A JSON string (RFC 8259 §7).
pub(crate) fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\n' => json.push_str("\\n"),
            c if c.is_ascii_control() => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let row = |row: &&[&str]| row.iter().map(|&word| word.to_owned()).collect();
        rows.iter().map(row).collect()
    }

    #[test]
    fn variables_are_one_per_line_or_one_object() {
        let shown = Shown::Pairs(pairs(rows(&[
            &["ups.id", "a\"b\\c"],
            &["ups.status", "OL"],
            &["x"],
        ])));
        assert_eq!(plain(&shown), "ups.id: a\"b\\c\nups.status: OL\nx: \n");
        let expected =
            "{\n  \"ups.id\": \"a\\\"b\\\\c\",\n  \"ups.status\": \"OL\",\n  \"x\": \"\"\n}\n";
        assert_eq!(json(&shown), expected);
    }

    #[test]
    fn names_are_one_per_line_or_one_array() {
        let shown = Shown::Items(firsts(rows(&[&["lab", "Rack"], &["down", ""]])));
        assert_eq!(plain(&shown), "lab\ndown\n");
        assert_eq!(json(&shown), "[\n  \"lab\",\n  \"down\"\n]\n");
        let none = Shown::Items(vec![]);
        assert_eq!(plain(&none), "");
        assert_eq!(json(&none), "[\n\n]\n");
    }

    #[test]
    fn a_value_stands_alone() {
        let shown = Shown::Value("97".to_owned());
        assert_eq!(plain(&shown), "97\n");
        assert_eq!(json(&shown), "\"97\"\n");
        assert_eq!(quoted("\u{7f}\t\n"), "\"\\u007f\\u0009\\n\"");
    }

    #[test]
    fn errors_are_objects_too() {
        let text = "Error: Data stale";
        assert_eq!(
            json_error(text, Mode::Variable),
            "{\"error\": \"Data stale\"}\n"
        );
        let spread = "{\n  \"error\": \"Data stale\"\n}\n";
        assert_eq!(json_error(text, Mode::Variables), spread);
    }
}
