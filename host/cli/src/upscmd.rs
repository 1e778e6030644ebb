//! `upscmd`: lists the instant commands of a UPS and sends one.
//!
//! Output, error texts and exit codes are those of NUT 2.8. Unlike NUT's it quotes what it sends, so that passwords and
//! parameters may hold blanks, `=`, `#` and quotes.

use std::ffi::OsString;
use std::fmt::Write;
use std::process::ExitCode;

use husk_core::proto::client::Target;

use crate::client::args::Args;
use crate::client::submit::{Login, Plan, Words};
use crate::client::tool::{Fatal, Tool, connect, print};

const TOOL: Tool = Tool {
    name: "upscmd",
    options: "lu:p:wt:",
    help: "\
usage: upscmd -l <ups>
       upscmd [-u <username>] [-p <password>] [-w [-t <seconds>]] <ups> <command> [<value>]

List the instant commands of a UPS, or send it one.

  -l            list the commands
  -u <username> act as this user of upsd.users; asked for if left out
  -p <password> its password; asked for if left out, which keeps it out of the list of processes
  -w            wait until the driver says what became of the command
  -t <seconds>  wait no longer than this (default 10)

  <ups>         <upsname>[@<hostname>[:<port>]]
  <command>     such as test.battery.start
  <value>       what the command works with, such as a number of seconds
",
};

const WORDS: Words = Words {
    tracked: "command",
    failed: "Instant command",
};

/// Runs the program with the words after its name.
pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    TOOL.run(args, |args| {
        let plan = Plan::read(args)?;
        match (args.has('l'), args.operands.as_slice()) {
            (true, [ups, ..]) => list(args, &parse(ups)?),
            (false, [ups, command, ..]) => send(args, &plan, &parse(ups)?, command),
            _ => {
                TOOL.print_help();
                Ok(())
            }
        }
    })
}

fn list(args: &Args, target: &Target) -> Result<(), Fatal> {
    let (mut server, _) = connect(args, target)?;
    let mut commands = Vec::new();
    for row in server.list(&["CMD", &target.ups])? {
        let name = row.into_iter().next().unwrap_or_default();
        let text = server.get_one(&["CMDDESC", &target.ups, &name])?;
        commands.push((name, text));
    }
    print(&table(&target.ups, &commands));
    Ok(())
}

fn table(ups: &str, commands: &[(String, String)]) -> String {
    let mut table = format!("Instant commands supported on UPS [{ups}]:\n\n");
    for (name, text) in commands {
        let _ = writeln!(table, "{name} - {text}");
    }
    table
}

fn send(args: &Args, plan: &Plan, target: &Target, command: &str) -> Result<(), Fatal> {
    let (mut server, account) = connect(args, target)?;
    if !command.contains('.') {
        return Err(Fatal(
            "Error: old command names are not supported".to_owned(),
        ));
    }
    let login = Login::find(args, account)?;
    let mut request = vec!["INSTCMD", &target.ups, command];
    request.extend(args.operand(2));
    plan.submit(&mut server, &login, &request, &WORDS)
}

fn parse(ups: &str) -> Result<Target, Fatal> {
    Target::parse(ups).map_err(|_| {
        Fatal(
            "Error: invalid UPS definition.  Required format: upsname[@hostname[:port]]".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_the_ups_and_explains_each_command() {
        let off = ("load.off".to_owned(), "Cut the power".to_owned());
        assert_eq!(
            table("lab", &[off]),
            "Instant commands supported on UPS [lab]:\n\nload.off - Cut the power\n"
        );
    }
}
