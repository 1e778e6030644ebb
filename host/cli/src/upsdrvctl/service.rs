//! `upsdrvsvcctl`: the verbs of upsdrvctl for drivers that are services of systemd, `nut-driver@NAME.service`.
//!
//! Where a running server has the drivers inside there are no services to speak to, and it is asked instead. The system's
//! service manager is only ever called through `systemctl`; without it the answer is to use upsdrvctl.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use super::plan::Flags;
use super::{Control, Verb, banner};
use crate::client::args::Args;
use crate::logging;
use husk_core::conf::ups::Section;

const OPTIONS: &str = "htu:r:DV";
const HELP: &str = "
usage: upsdrvsvcctl [-t] start|stop|shutdown|status|list|resync [UPS]

  start, stop  start or stop the service of every driver in ups.conf, or of one
  shutdown     stop it, have the UPS cut the power (upsdrvctl shutdown), and start it again
  status       the table of upsdrvctl, then each service and its state
  list         services and the UPSes they are for
  resync       make the services those of ups.conf: enable what is there, stop and disable what is not
  -t           print the commands, run none
  -V, -h       print the version, this text
";

/// Runs `upsdrvsvcctl` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let args = match Args::parse(OPTIONS, words) {
        Ok(args) => args,
        Err(why) => {
            eprint!("upsdrvsvcctl: {why}\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    if args.has('V') {
        println!("{}", banner());
        return ExitCode::SUCCESS;
    }
    if args.has('h') {
        print!("{}\n{HELP}", banner());
        return ExitCode::SUCCESS;
    }
    obey(&args).unwrap_or_else(|reason| {
        eprintln!("{reason}");
        ExitCode::FAILURE
    })
}

fn obey(args: &Args) -> Result<ExitCode, String> {
    let word = args.operand(0).ok_or("No action was requested!")?;
    if args.operand(2).is_some() {
        return Err("Error: extra arguments left on command line".to_owned());
    }
    let debug = args.options.iter().filter(|(given, _)| *given == 'D');
    logging::start("upsdrvsvcctl", debug.count(), false);
    for letter in ['r', 'u'] {
        if args.has(letter) {
            log::warn!("-{letter} is a property of the services; ignored");
        }
    }
    let control = Control::load(Flags {
        test: args.has('t'),
        ..Flags::default()
    })?;
    let chosen = args.operand(1);
    let all = control.conf.sections.iter();
    let sections: Vec<&Section> = all
        .filter(|section| chosen.is_none_or(|name| section.name == name))
        .collect();
    if let (Some(name), true) = (chosen, sections.is_empty()) {
        return Err(format!("UPS {name} not found in ups.conf"));
    }
    let systemctl = |verb: &str| each(&control, &sections, verb);
    match word {
        "start" => control.services_or_server(Verb::Start, &sections, "start"),
        "stop" => control.services_or_server(Verb::Stop, &sections, "stop"),
        "shutdown" => {
            // Services that do not stop must not keep the power from being cut.
            let stopped = systemctl("stop");
            let cut = control.perform(Verb::CutPower, chosen)?;
            let started = systemctl("start");
            stopped.and(started).map(|_| cut)
        }
        "status" => {
            let shown = control.perform(Verb::Status, chosen)?;
            print!("{}", listing(&control, &sections));
            systemctl("is-active").map(|_| shown)
        }
        "list" => {
            print!("{}", listing(&control, &sections));
            Ok(ExitCode::SUCCESS)
        }
        "resync" => {
            let enabled = systemctl("enable")?;
            // With one UPS named, nothing is said of the others.
            let strangers = match chosen {
                Some(_) => Vec::new(),
                None => strangers(&control)?,
            };
            let removed = run_for(&control, &["disable", "--now"], &strangers)?;
            Ok(if removed == ExitCode::SUCCESS {
                enabled
            } else {
                removed
            })
        }
        _ => Err(format!("Error: unrecognized command [{word}]")),
    }
}

impl Control {
    fn services_or_server(
        &self,
        verb: Verb,
        sections: &[&Section],
        word: &str,
    ) -> Result<ExitCode, String> {
        let inside = sections
            .iter()
            .filter(|section| self.server.runs(&section.name));
        let failed = inside
            .filter(|section| !self.report(section, self.one(verb, section)))
            .count();
        let exit = each(self, sections, word)?;
        Ok(if failed > 0 { ExitCode::FAILURE } else { exit })
    }
}

/// `systemctl VERB` for the service of each driver that is none of the server's.
fn each(control: &Control, sections: &[&Section], verb: &str) -> Result<ExitCode, String> {
    let units: Vec<String> = sections
        .iter()
        .filter(|section| !control.server.runs(&section.name))
        .map(|section| unit(&section.name))
        .collect();
    run_for(control, &[verb], &units)
}

fn run_for(control: &Control, words: &[&str], units: &[String]) -> Result<ExitCode, String> {
    if units.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if control.flags.test {
        println!("systemctl {} {}", words.join(" "), units.join(" "));
        return Ok(ExitCode::SUCCESS);
    }
    let status = Command::new("systemctl").args(words).args(units).status();
    Ok(match status.map_err(|error| told(&error))?.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn told(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no systemctl on this system; use upsdrvctl".to_owned(),
        _ => format!("systemctl: {error}"),
    }
}

/// Services of drivers that are for no UPS of ups.conf, or for one whose driver is inside the server.
fn strangers(control: &Control) -> Result<Vec<String>, String> {
    let output = Command::new("systemctl")
        .args(["list-units", "--all", "--plain", "--no-legend"])
        .arg("nut-driver@*.service")
        .output()
        .map_err(|error| told(&error))?;
    let sections = control.conf.sections.iter();
    let own: Vec<String> = sections
        .filter(|section| !control.server.runs(&section.name))
        .map(|section| unit(&section.name))
        .collect();
    let text = String::from_utf8_lossy(&output.stdout);
    let listed = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(listed
        .filter(|unit| unit.starts_with("nut-driver@") && !own.iter().any(|own| own == unit))
        .map(str::to_owned)
        .collect())
}

fn listing(control: &Control, sections: &[&Section]) -> String {
    let line = |section: &&Section| match control.server.find(&section.name) {
        Some(inside) => format!("husk (process {})\t{}\n", inside.pid, section.name),
        None => format!("{}\t{}\n", unit(&section.name), section.name),
    };
    sections.iter().map(line).collect()
}

/// The service of a UPS; its name escaped as `systemd-escape` does.
fn unit(name: &str) -> String {
    let mut escaped = String::new();
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'.' if at > 0 => escaped.push('.'),
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b':' | b'_' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\x{byte:02x}")),
        }
    }
    format!("nut-driver@{escaped}.service")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_are_escaped_as_systemd_wants_them() {
        for (name, expected) in [
            ("lab", "nut-driver@lab.service"),
            ("my-ups", "nut-driver@my\\x2dups.service"),
            ("a.b c", "nut-driver@a.b\\x20c.service"),
        ] {
            assert_eq!(unit(name), expected);
        }
    }
}
