//! `upsrw`: shows the variables of a UPS that can be changed, and changes one.
//!
//! Output, error texts and exit codes are those of NUT 2.8. An unanswered question changes nothing, where NUT's sets an empty
//! value.

use std::ffi::OsString;
use std::fmt::Write;
use std::process::ExitCode;

use husk_core::proto::client::Target;

use crate::client::args::Args;
use crate::client::submit::{Login, Plan, Words};
use crate::client::tool::{Fatal, Tool, connect, print};
use crate::client::{Connection, Error, prompt};

const TOOL: Tool = Tool {
    name: "upsrw",
    options: "ls:u:p:wt:",
    help: "\
usage: upsrw [-l] <ups>
       upsrw -s <variable>[=<value>] [-u <username>] [-p <password>] [-w [-t <seconds>]] <ups>

Show what can be changed about a UPS, or change it.

  -l            show the variables that can be written, their types and values; as without -s
  -s <variable> write this variable; its value is asked for if left out
  -u <username> act as this user of upsd.users; asked for if left out
  -p <password> its password; asked for if left out, which keeps it out of the list of processes
  -w            wait until the driver says what became of the request
  -t <seconds>  wait no longer than this (default 10)

  <ups>         <upsname>[@<hostname>[:<port>]]
",
};

const WORDS: Words = Words {
    tracked: "set variable",
    failed: "Set variable",
};

/// One variable that can be written.
struct Setting {
    name: String,
    text: String,
    value: String,
    takes: Takes,
}

/// What it can be set to.
enum Takes {
    Choice { of: String, choices: Vec<String> },
    Range(Vec<(i64, i64)>),
    Text { most: String },
    Number,
    Unknown(Option<String>),
}

/// Runs the program with the words after its name.
pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    TOOL.run(args, |args| {
        let plan = Plan::read(args)?;
        let Some(ups) = args.operand(0) else {
            TOOL.print_help();
            return Ok(());
        };
        let target = Target::parse(ups).map_err(|_| {
            Fatal(
                "Error: invalid UPS definition.  Required format: upsname[@hostname[:port]]"
                    .to_owned(),
            )
        })?;
        match args.value('s') {
            Some(assignment) if !args.has('l') => set(args, &plan, &target, assignment),
            _ => list(args, &target),
        }
    })
}

fn set(args: &Args, plan: &Plan, target: &Target, assignment: &str) -> Result<(), Fatal> {
    let (mut server, account) = connect(args, target)?;
    let (name, value) = match assignment.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (assignment, None),
    };
    if !name.contains('.') {
        return Err(Fatal(
            "Error: old variable names are not supported".to_owned(),
        ));
    }
    let login = Login::find(args, account)?;
    let value = match value {
        Some(value) => value,
        None => prompt::line(&format!("Enter new value for {name}: "))?,
    };
    let request = ["SET", "VAR", &target.ups, name, &value];
    plan.submit(&mut server, &login, &request, &WORDS)
}

fn list(args: &Args, target: &Target) -> Result<(), Fatal> {
    let (mut server, _) = connect(args, target)?;
    let mut text = String::new();
    for row in server.list(&["RW", &target.ups])? {
        let mut words = row.into_iter();
        let name = words.next().unwrap_or_default();
        let setting = Setting {
            text: server.get_one(&["DESC", &target.ups, &name])?,
            value: words.next().unwrap_or_default(),
            takes: takes(&mut server, &target.ups, &name)?,
            name,
        };
        text += &shown(&setting);
    }
    print(&text);
    Ok(())
}

/// A range counts for more than a list of words, and both for more than the bare type: as NUT's upsrw.
fn takes(server: &mut Connection, ups: &str, name: &str) -> Result<Takes, Error> {
    let types = server.get(&["TYPE", ups, name])?;
    let has = |word: &str| types.iter().any(|given| given == word);
    let most = types.iter().find_map(|word| word.strip_prefix("STRING:"));
    if has("RANGE") {
        let rows = server.list(&["RANGE", ups, name])?;
        return Ok(Takes::Range(rows.iter().map(|row| range(row)).collect()));
    }
    if has("ENUM") {
        let rows = server.list(&["ENUM", ups, name])?;
        let of = match most {
            Some(most) => format!(" STRING\nMaximum length: {most}"),
            None if has("NUMBER") => " NUMBER".to_owned(),
            None => String::new(),
        };
        let choices = rows.into_iter().filter_map(|row| row.into_iter().next());
        return Ok(Takes::Choice {
            of,
            choices: choices.collect(),
        });
    }
    Ok(match most {
        Some(most) => Takes::Text {
            most: most.to_owned(),
        },
        None if has("NUMBER") => Takes::Number,
        None => Takes::Unknown(types.into_iter().find(|word| word != "RW")),
    })
}

fn range(row: &[String]) -> (i64, i64) {
    let bound = |at| row.get(at).map_or(0, |word: &String| whole(word));
    (bound(0), bound(1))
}

/// The whole part of a number, as C's atoi reads it.
fn whole(text: &str) -> i64 {
    let end = text
        .char_indices()
        .position(|(at, c)| !(c.is_ascii_digit() || at == 0 && c == '-'))
        .unwrap_or(text.len());
    text.get(..end)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn shown(setting: &Setting) -> String {
    let Setting {
        name,
        text,
        value,
        takes,
    } = setting;
    let mut block = format!("[{name}]\n{text}\n");
    let option = |block: &mut String, text: &str, selected: bool| {
        let mark = if selected { " SELECTED" } else { "" };
        let _ = writeln!(block, "Option: \"{text}\"{mark}");
    };
    match takes {
        Takes::Choice { of, choices } => {
            let _ = writeln!(block, "Type: ENUM{of}");
            for choice in choices {
                option(&mut block, choice, choice == value);
            }
        }
        Takes::Range(ranges) => {
            block += "Type: RANGE NUMBER\n";
            for &(low, high) in ranges {
                let inside = (low..=high).contains(&whole(value));
                option(&mut block, &format!("{low}-{high}"), inside);
            }
        }
        Takes::Text { most } => {
            let _ = writeln!(
                block,
                "Type: STRING\nMaximum length: {most}\nValue: {value}"
            );
        }
        Takes::Number => {
            let _ = writeln!(block, "Type: NUMBER\nValue: {value}");
        }
        Takes::Unknown(Some(word)) => {
            let _ = writeln!(block, "Type: {word} (unrecognized)");
        }
        Takes::Unknown(None) => block += "Unknown type\n",
    }
    block.push('\n');
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(takes: Takes, value: &str, expected: &str) {
        let setting = Setting {
            name: "ups.x".to_owned(),
            text: "Some text".to_owned(),
            value: value.to_owned(),
            takes,
        };
        assert_eq!(
            shown(&setting),
            format!("[ups.x]\nSome text\n{expected}\n\n")
        );
    }

    #[test]
    fn every_type_has_its_block() {
        let choices = vec!["220".to_owned(), "230".to_owned()];
        let of = " NUMBER".to_owned();
        let choice = Takes::Choice { of, choices };
        check(
            choice,
            "230",
            "Type: ENUM NUMBER\nOption: \"220\"\nOption: \"230\" SELECTED",
        );
        let range = Takes::Range(vec![(170, 200), (210, 220)]);
        let both = "Type: RANGE NUMBER\nOption: \"170-200\" SELECTED\nOption: \"210-220\"";
        check(range, "200.9", both);
        let text = Takes::Text {
            most: "8".to_owned(),
        };
        check(text, "abc", "Type: STRING\nMaximum length: 8\nValue: abc");
        check(Takes::Number, "20", "Type: NUMBER\nValue: 20");
        check(
            Takes::Unknown(Some("DATE".to_owned())),
            "",
            "Type: DATE (unrecognized)",
        );
        check(Takes::Unknown(None), "", "Unknown type");
    }

    #[test]
    fn bounds_are_whole_numbers() {
        for (text, number) in [
            ("250.7", 250),
            ("-5", -5),
            ("", 0),
            ("x1", 0),
            ("7 V", 7),
            ("1-2", 1),
        ] {
            assert_eq!(whole(text), number, "{text}");
        }
        assert_eq!(range(&["-10".to_owned()]), (-10, 0));
    }
}
