//! `husk outlet`: the outlets of a UPS or PDU for people: which there are, and on, off, cycle.
//!
//! Speaks to the server as upscmd does. Refuses to cut power unless somebody at a terminal said yes, or `--yes` did.

mod model;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use husk_core::proto::client::Target;

use crate::client::args::Args;
use crate::client::submit::{Login, Plan, Words};
use crate::client::tool::{Fatal, connect, print};
use crate::client::{Connection, prompt};
use model::{Action, Key, Outlet, Outlets, Send, Step};

const HELP: &str = "
usage: husk outlet list UPS[@HOST[:PORT]]
       husk outlet on|off|cycle [OPTION]... UPS[@HOST[:PORT]] OUTLET

Lists the outlets of a UPS or PDU and its groups of outlets, or switches one. OUTLET is a number, a name, or a group of them as
group:NUMBER or group:NAME. A number that is also the name of another outlet is refused: number:NUMBER is the number alone.

  --yes         cut the power without asking; without a terminal nothing is cut unless this is given
  -t SECONDS    wait so long for the device to say what became of it (default 20)
  -u USER       act as this user of upsd.users; asked for if left out
  -p PASSWORD   its password; asked for if left out, which keeps it out of the list of processes
  -W SECONDS    wait so long for the server to accept; 0 waits for ever (default 10)
  -A FILE       accounts and TLS settings: a nutauth.conf, `default` or `none`

Exit code: 0 done, 1 it could not be done or the outcome is unknown, 2 the command line is wrong, 3 nobody confirmed.
";

/// How long the outcome is waited for unless `-t` says otherwise: a power controller takes seconds to cycle an outlet.
const WAIT: Duration = Duration::from_secs(20);
const NOT_CONFIRMED: u8 = 3;

/// What the command line asks for.
struct Asked {
    /// None: list.
    action: Option<Action>,
    target: Target,
    outlet: String,
    yes: bool,
    wait: Duration,
    /// The options shared with upscmd.
    args: Args,
}

/// How it went, if it did not fail.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    NotConfirmed,
}

/// Runs `husk outlet` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let asked = match parse(words) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            print(HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("husk outlet: {error}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let end = match asked.action {
        None => list(&asked),
        Some(action) => switch(&asked, action),
    };
    match end {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::NotConfirmed) => ExitCode::from(NOT_CONFIRMED),
        Err(Fatal(text)) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// `None`: help is wanted.
fn parse(words: Vec<OsString>) -> Result<Option<Asked>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(words);
    let (mut yes, mut wait, mut args, mut operands) = (false, WAIT, Args::default(), Vec::new());
    while let Some(option) = parser.next()? {
        match option {
            Short('h') | Long("help") => return Ok(None),
            Short('y') | Long("yes") => yes = true,
            Short('t') => wait = Duration::from_secs(u64::from(parser.value()?.parse::<u32>()?)),
            Short(letter @ ('u' | 'p' | 'W' | 'A')) => {
                args.options.push((letter, parser.value()?.string()?));
            }
            Value(word) => operands.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let (verb, rest) = operands.split_first().ok_or("list, on, off or cycle?")?;
    let action = match verb.as_str() {
        "list" => None,
        "on" => Some(Action::On),
        "off" => Some(Action::Off),
        "cycle" => Some(Action::Cycle),
        other => return Err(format!("{other:?} is none of list, on, off and cycle").into()),
    };
    let (ups, outlet) = match (action, rest) {
        (None, [ups]) => (ups, String::new()),
        (Some(_), [ups, outlet]) => (ups, outlet.clone()),
        (None, []) | (Some(_), [] | [_]) => return Err("the UPS or the outlet is missing".into()),
        _ => return Err("there are too many words; put names with blanks into quotes".into()),
    };
    let target = Target::parse(ups).map_err(|bad| format!("{ups:?}: {bad}"))?;
    Ok(Some(Asked {
        action,
        target,
        outlet,
        yes,
        wait,
        args,
    }))
}

fn list(asked: &Asked) -> Result<End, Fatal> {
    let (mut server, _) = connect(&asked.args, &asked.target)?;
    let outlets = outlets(&mut server, &asked.target.ups)?;
    print(&table(&outlets));
    Ok(End::Done)
}

/// What the server knows of the outlets.
fn outlets(server: &mut Connection, ups: &str) -> Result<Outlets, Fatal> {
    let outlets = Outlets::read(
        server.list(&["VAR", ups])?,
        server.list(&["RW", ups])?,
        server.list(&["CMD", ups])?,
    );
    if outlets.is_empty() {
        return Err(Fatal(format!("Error: {ups} has no outlets of its own")));
    }
    Ok(outlets)
}

/// Columns that are shown where some outlet has a value: title, variable, unit.
const MEASURED: &[(&str, &str, &str)] = &[
    ("CURRENT", "current", " A"),
    ("POWER", "realpower", " W"),
    ("APPARENT", "power", " VA"),
];

/// As columns, those of [`MEASURED`] and the device's own identities where there are some that say something.
fn table(outlets: &Outlets) -> String {
    let has_ids = outlets
        .all()
        .any(|(key, outlet)| outlet.own_id(key).is_some());
    let measured: Vec<_> = MEASURED
        .iter()
        .filter(|(_, variable, _)| {
            outlets
                .all()
                .any(|(_, outlet)| outlet.value(variable).is_some())
        })
        .collect();
    let titles = measured.iter().map(|(title, _, _)| *title);
    let head = ["OUTLET", "STATE", "SWITCHABLE"]
        .into_iter()
        .chain(titles)
        .chain(has_ids.then_some("ID"))
        .chain(["NAME"]);
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
    for (key, outlet) in outlets.all() {
        let switchable = if outlet.is_switchable() { "yes" } else { "no" };
        let mut row = vec![
            key.to_string(),
            outlet.state().to_owned(),
            switchable.to_owned(),
        ];
        row.extend(measured.iter().map(|(_, variable, unit)| {
            outlet
                .value(variable)
                .map_or("-".to_owned(), |value| format!("{value}{unit}"))
        }));
        if has_ids {
            row.push(outlet.own_id(key).unwrap_or("-").to_owned());
        }
        row.push(outlet.title());
        rows.push(row);
    }
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn switch(asked: &Asked, action: Action) -> Result<End, Fatal> {
    let (mut server, account) = connect(&asked.args, &asked.target)?;
    let outlets = outlets(&mut server, &asked.target.ups)?;
    let refused = |why: String| Fatal(format!("Error: {}: {why}", asked.target.ups));
    let (key, outlet) = outlets.find(&asked.outlet).map_err(refused)?;
    let steps = outlet.steps(key, action).map_err(refused)?;
    let what = called(key, outlet);
    if action != Action::On && !asked.yes && !confirmed(&what, asked, &steps)? {
        return Ok(End::NotConfirmed);
    }
    // The person may have taken their time.
    drop(server);
    let login = Login::find(&asked.args, account)?;
    let (mut server, _) = connect(&asked.args, &asked.target)?;
    login.present(&mut server)?;
    let plan = Plan::waiting(asked.wait);
    let mut cut = false;
    for step in &steps {
        let taken = match step {
            Step::Wait(pause) => {
                thread::sleep(*pause);
                // A server need not keep who says nothing for so long.
                let again = connect(&asked.args, &asked.target);
                again.and_then(|(again, _)| {
                    server = again;
                    login.present(&mut server)
                })
            }
            Step::Send(request) => take(&mut server, &plan, &asked.target.ups, request),
        };
        if let Err(Fatal(why)) = taken {
            return Err(Fatal(format!("Error: {what}: {why}{}", left(&steps, cut))));
        }
        cut = true;
    }
    println!("{what}: done");
    Ok(End::Done)
}

/// In what state it is left by a step that failed.
fn left(steps: &[Step], cut: bool) -> &'static str {
    match (steps, cut) {
        (_, true) => "; it was switched off and NOT on again",
        // What was asked first may be done although nobody said so in time.
        ([_, _, ..], false) => "; if it was switched off after all, it is NOT on again",
        _ => "",
    }
}

/// `outlet 3 (db)` or `group 1`.
fn called(key: Key, outlet: &Outlet) -> String {
    let what = match key {
        Key::Outlet(number) => format!("outlet {number}"),
        Key::Group(number) => format!("group {number}"),
    };
    match outlet.title() {
        title if title.is_empty() => what,
        title => format!("{what} ({title})"),
    }
}

/// Whether somebody at a terminal wants it.
fn confirmed(what: &str, asked: &Asked, steps: &[Step]) -> Result<bool, Fatal> {
    let Target { ups, server } = &asked.target;
    if !io::stdin().is_terminal() {
        eprintln!(
            "husk outlet: this would cut the power of {what} of {ups}; without a terminal to ask at, say --yes"
        );
        return Ok(false);
    }
    for step in steps {
        if let Step::Wait(pause) = step {
            println!(
                "The device cannot cycle: this program switches off and, {} s later, on. If the power it cuts is its own or that of \
                 the way to {}, it stays off.",
                pause.as_secs(),
                server.host
            );
        }
    }
    let question = format!(
        "Cut the power of {what} of {ups} at {}? (yes/no) ",
        server.host
    );
    let answer = prompt::line(&question)?;
    Ok(["y", "yes"]
        .iter()
        .any(|yes| answer.trim().eq_ignore_ascii_case(yes)))
}

fn take(server: &mut Connection, plan: &Plan, ups: &str, send: &Send) -> Result<(), Fatal> {
    const COMMAND: Words = Words {
        tracked: "command",
        failed: "Instant command",
    };
    const SET: Words = Words {
        tracked: "set variable",
        failed: "Set variable",
    };
    let said = match send {
        Send::Command(name) => plan.carry_out(server, &["INSTCMD", ups, name], &COMMAND)?,
        Send::Set(name, value) => {
            plan.carry_out(server, &["SET", "VAR", ups, name, value], &SET)?
        }
    };
    match said.as_str() {
        "SUCCESS" | "OK" => Ok(()),
        other => Err(Fatal(format!("the device's driver says {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str) -> Result<Option<Asked>, String> {
        parse(words.split(' ').map(OsString::from).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn options_may_stand_anywhere() {
        let asked = asked("off -u admin pdu@host:5 -t 3 --yes group:1")
            .unwrap()
            .unwrap();
        assert_eq!(asked.action, Some(Action::Off));
        assert_eq!(
            (asked.target.ups.as_str(), asked.outlet.as_str()),
            ("pdu", "group:1")
        );
        assert_eq!((asked.yes, asked.wait), (true, Duration::from_secs(3)));
        assert_eq!(asked.args.value('u'), Some("admin"));
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        for (words, expected) in [
            ("toggle pdu 1", "is none of list, on, off and cycle"),
            ("list", "missing"),
            ("on pdu", "missing"),
            ("list pdu 1", "too many"),
            ("off pdu 1 2", "too many"),
            ("off @host 1", "name of the UPS is missing"),
            ("off pdu 1 --force", "force"),
            ("off pdu 1 -t soon", "soon"),
        ] {
            let error = asked(words).err().unwrap_or_default();
            assert!(error.contains(expected), "{words}: {error}");
        }
        assert!(asked("off -h").is_ok_and(|asked| asked.is_none()));
    }

    #[test]
    fn whoever_cycles_is_told_that_it_may_be_off() {
        let send = || Step::Send(Send::Command("outlet.1.load.off".to_owned()));
        let made = [send(), Step::Wait(WAIT), send()];
        assert!(left(&made, true).contains("was switched off and NOT on"));
        assert!(left(&made, false).contains("if it was switched off"));
        assert_eq!(left(&[send()], false), "");
    }

    #[test]
    fn only_columns_with_something_in_them_are_shown() {
        let row = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let outlets = Outlets::read(
            vec![
                row(&["outlet.1.status", "on"]),
                row(&["outlet.1.desc", "web"]),
                row(&["outlet.1.current", "0.30"]),
                row(&["outlet.10.status", "off"]),
                row(&["outlet.10.id", "10.00"]),
            ],
            vec![],
            vec![row(&["outlet.1.load.off"])],
        );
        assert_eq!(
            table(&outlets),
            "OUTLET  STATE  SWITCHABLE  CURRENT  NAME\n\
             1       on     yes         0.30 A   web\n\
             10      off    no          -\n"
        );
        let outlets = Outlets::read(
            vec![row(&["outlet.1.id", "2"]), row(&["outlet.2.id", "2"])],
            vec![],
            vec![],
        );
        assert_eq!(
            table(&outlets),
            "OUTLET  STATE    SWITCHABLE  ID  NAME\n\
             1       unknown  no          2\n\
             2       unknown  no          -\n"
        );
    }
}
