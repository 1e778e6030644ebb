//! `upsdrvctl`: starts, stops and looks at the drivers of ups.conf, and has UPSes cut the power.
//!
//! A UPS whose driver runs inside a running `husk serve` is asked of that server; every other one is a driver process.
//! One driver that fails does not keep the others from their turn. Differences on purpose: a program that is missing is
//! one driver's failure and not the end of all, a driver that is slow to start is waited for again instead of being
//! replaced by a second one, and `sdorder` is followed to its end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use husk_core::conf::diag::Severity;
use husk_core::conf::ups::{self, Section, UpsConf};
use husk_core::conf::upsd;
use husk_server::VERSION;
use husk_server::config::{Config, DEFAULT_STATE_PATH};

use crate::client::args::Args;
use crate::{logging, serve};
use husk_daemon::background;

mod foreground;
mod inside;
mod killing;
mod plan;
mod process;
mod service;
mod socket;
mod status;

pub(crate) use killing::Supplies;
pub(crate) use service::run as run_services;

use inside::Server;
use plan::{Background, Flags};

const OPTIONS: &str = "htu:r:DdFBc:lV";
const HELP: &str = "
usage: upsdrvctl [OPTIONS] start|stop|shutdown|status|list [UPS]
       upsdrvctl [OPTIONS] -l [UPS]
       upsdrvctl [OPTIONS] -c COMMAND [UPS]

  start        start the drivers of all UPSes in ups.conf, or of one
  stop         end them
  shutdown     have the UPSes cut the power, in the order of `sdorder`, or one of them
  status       a table: UPSNAME UPSDRV RUNNING PF_PID S_RESPONSIVE S_PID S_STATUS
               (PF_: from the PID file, S_: from the driver's socket)
  list, -l     names, one per line; with a name: whether it is known
  -c COMMAND   tell running drivers: dump, reload, reload-or-error, reload-or-restart, reload-or-exit, exit

  -t           print what would be done, and do nothing
  -u USER      drivers run as this user
  -r DIR       drivers chroot there
  -D           more words; may be repeated
  -d           the same for the drivers
  -F           drivers stay in the foreground; twice: and write PID files
  -B           drivers go into the background even with -d -D
  -V, -h       print the version, this text
";

/// Runs `upsdrvctl` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let empty = words.is_empty();
    let args = match Args::parse(OPTIONS, words) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("upsdrvctl: {why}");
            println!("{}\n{HELP}", banner());
            return ExitCode::SUCCESS;
        }
    };
    if args.has('V') {
        println!("{}", banner());
        return ExitCode::SUCCESS;
    }
    if args.has('h') || empty {
        println!("{}\n{HELP}", banner());
        return ExitCode::SUCCESS;
    }
    if !quiet_banner() {
        println!("{}", banner());
    }
    obey(&args).unwrap_or_else(|reason| {
        eprintln!("{reason}");
        ExitCode::FAILURE
    })
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Start,
    Stop,
    CutPower,
    Status,
    List,
    Tell(plan::Word),
}

/// Everything a verb works with.
struct Control {
    dir: PathBuf,
    conf: UpsConf,
    flags: Flags,
    state_path: PathBuf,
    pid_dir: PathBuf,
    server: Server,
}

fn banner() -> String {
    format!("Network UPS Tools upsdrvctl {VERSION}")
}

fn quiet_banner() -> bool {
    std::env::var("NUT_QUIET_INIT_BANNER").is_ok_and(|word| !word.eq_ignore_ascii_case("false"))
}

fn obey(args: &Args) -> Result<ExitCode, String> {
    let (verb, operands) = verb(args)?;
    if operands.len() > 1 {
        return Err("Error: extra arguments left on command line\n\
             (common options should be before a command and UPS name)"
            .to_owned());
    }
    let flags = flags(args);
    let debug = if flags.test {
        flags.debug.max(2)
    } else {
        flags.debug
    };
    logging::start("upsdrvctl", debug, false);
    if flags.test {
        println!("*** Testing mode: not calling exec/kill");
    }
    let control = Control::load(flags)?;
    control.perform(verb, operands.first().map(String::as_str))
}

fn verb(args: &Args) -> Result<(Verb, &[String]), String> {
    if let Some(word) = args.value('c') {
        let word =
            plan::Word::parse(word).ok_or(format!("Error: unrecognized command [{word}]"))?;
        return Ok((Verb::Tell(word), &args.operands));
    }
    if args.has('l') {
        return Ok((Verb::List, &args.operands));
    }
    let (word, rest) = args
        .operands
        .split_first()
        .ok_or("Error: no command; upsdrvctl -h lists them")?;
    let verb = match word.as_str() {
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "shutdown" => Verb::CutPower,
        "status" => Verb::Status,
        "list" => Verb::List,
        _ => return Err(format!("Error: unrecognized command [{word}]")),
    };
    Ok((verb, rest))
}

fn flags(args: &Args) -> Flags {
    let count = |letter| {
        let given = args.options.iter();
        given.filter(|(given, _)| *given == letter).count()
    };
    let debug = count('D');
    let background = match count('F') {
        0 if args.has('B') => Background::Always,
        // Debugging keeps a driver in the foreground.
        0 if args.has('d') && debug > 0 => Background::Never { pid_file: false },
        0 => Background::Unsaid,
        times => Background::Never {
            pid_file: times > 1,
        },
    };
    Flags {
        test: args.has('t'),
        user: args.value('u').map(str::to_owned),
        chroot: args.value('r').map(str::to_owned),
        debug,
        pass_debug: args.has('d'),
        background,
    }
}

impl Control {
    /// Reads ups.conf and asks whether a server runs.
    fn load(flags: Flags) -> Result<Self, String> {
        let dir = serve::source(None, false).dir;
        let file = dir.join("ups.conf");
        let text = std::fs::read(&file)
            .map_err(|error| format!("Can't open {}: {error}", file.display()))?;
        let (conf, found) = ups::parse(&file.display().to_string(), &text);
        for mistake in found {
            match mistake.severity {
                Severity::Error => log::warn!("{mistake}"),
                Severity::Warning => log::debug!("{mistake}"),
            }
        }
        if conf.sections.is_empty() {
            return Err("Error: no UPS definitions found in ups.conf!".to_owned());
        }
        let state_path = state_path(&dir, &conf);
        Ok(Self {
            dir,
            server: Server::look(&state_path),
            pid_dir: background::pid_dir(state_path.clone()),
            conf,
            flags,
            state_path,
        })
    }

    fn perform(&self, verb: Verb, chosen: Option<&str>) -> Result<ExitCode, String> {
        let sections = match chosen {
            Some(name) => {
                let found = self
                    .conf
                    .sections
                    .iter()
                    .find(|section| section.name == name);
                vec![found.ok_or(format!("UPS {name} not found in ups.conf"))?]
            }
            None if verb == Verb::CutPower => plan::by_shutdown_order(&self.conf.sections),
            None => self.conf.sections.iter().collect(),
        };
        if verb == Verb::Status {
            print!("{}", status::table(self, &sections));
            return Ok(ExitCode::SUCCESS);
        }
        let processes = || {
            sections
                .iter()
                .filter(|section| !self.server.runs(&section.name))
        };
        if verb == Verb::Start && self.flags.stays() && processes().next().is_some() {
            for inside in sections
                .iter()
                .filter(|section| self.server.runs(&section.name))
            {
                self.report(inside, self.one(verb, inside));
            }
            let processes: Vec<&Section> = processes().copied().collect();
            return foreground::run(self, &processes);
        }
        let failed = sections
            .iter()
            .filter(|section| !self.report(section, self.one(verb, section)))
            .count();
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Says what went wrong; true if nothing did.
    fn report(&self, section: &Section, done: Result<(), String>) -> bool {
        let Err(reason) = done else { return true };
        log::error!("UPS [{}]: {reason}", section.name);
        false
    }

    fn one(&self, verb: Verb, section: &Section) -> Result<(), String> {
        let name = section.name.as_str();
        let inside = self.server.runs(name);
        match verb {
            Verb::List => {
                println!("{name}");
                Ok(())
            }
            Verb::Status => Ok(()),
            Verb::Start => {
                log::debug!("Starting UPS: {name}");
                match inside {
                    true => self.server.start(self, section),
                    false => process::start(self, section),
                }
            }
            Verb::Stop => {
                log::debug!("Stopping UPS: {name}");
                match inside {
                    true => self.server.stop(self, name),
                    false => process::stop(self, section),
                }
            }
            Verb::CutPower => {
                log::debug!("Shutdown UPS: {name}");
                spared(&self.dir, name)?;
                if inside {
                    match self.server.cut_power(self, name) {
                        Ok(()) => return Ok(()),
                        Err(reason) => {
                            log::warn!("UPS [{name}]: {reason}; trying it without the server")
                        }
                    }
                    // The driver process needs the port.
                    self.server.stop(self, name)?;
                }
                process::cut_power(self, section)
            }
            Verb::Tell(word) => {
                log::debug!("Telling the driver of UPS {name}: {}", word.text());
                match inside {
                    true => self.server.tell(self, name, word),
                    false => process::tell(self, section, word),
                }
            }
        }
    }

    /// The socket of the section's driver process.
    fn socket(&self, section: &Section) -> PathBuf {
        self.state_path
            .join(format!("{}-{}", section.driver, section.name))
    }

    /// The PID file of the section's driver process.
    fn pid_file(&self, section: &Section) -> PathBuf {
        self.pid_dir
            .join(format!("{}-{}.pid", section.driver, section.name))
    }
}

/// Where sockets are: the environment's word, else ups.conf's, else upsd.conf's, as for the server.
fn state_path(dir: &Path, conf: &UpsConf) -> PathBuf {
    if let Some(given) = serve::source(None, false).state_path {
        return given;
    }
    if let Some(given) = &conf.global.state_path {
        return given.into();
    }
    // A upsd.conf that cannot be read is the server's business.
    let text = std::fs::read(dir.join("upsd.conf")).unwrap_or_default();
    let given = upsd::parse("upsd.conf", &text).0.state_path;
    given.map_or_else(|| DEFAULT_STATE_PATH.into(), PathBuf::from)
}

/// Refuses to cut the power of a device that husk.toml says is only to be read: a driver program of others does not know that.
fn spared(dir: &Path, name: &str) -> Result<(), String> {
    let unread = |error| format!("whether husk.toml lets its power be cut is not known: {error}");
    let (extras, _) = Config::load_extras(dir).map_err(unread)?;
    match extras.device(name).read_only {
        true => Err("husk.toml says read-only for it".to_owned()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_power_of_a_device_that_is_only_to_be_read_is_not_cut() {
        let dir = std::env::temp_dir().join(format!("husk-spared-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("husk.toml"), "[device.Rack]\nread-only = true\n").unwrap();
        let (conf, _) = ups::parse("ups.conf", b"[rack]\ndriver = dummy-ups\nport = auto\n");
        let control = Control {
            server: Server::look(&dir),
            pid_dir: dir.clone(),
            state_path: dir.clone(),
            dir: dir.clone(),
            flags: Flags {
                test: true,
                ..Flags::default()
            },
            conf,
        };
        let rack = control.conf.sections.first().unwrap();
        let refused = control.one(Verb::CutPower, rack).unwrap_err();
        assert!(refused.contains("read-only"), "{refused}");
        assert_eq!(spared(&dir, "lab"), Ok(()));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
