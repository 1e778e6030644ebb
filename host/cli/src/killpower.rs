//! `husk killpower`: the last thing a machine does that goes down for want of power, run by the system's shutdown hook.
//!
//! Cuts nothing unless POWERDOWNFLAG says so. What is done in which order is [`Killpower`]; here it is only carried out.
//! The same as NUT's script nutshutdown, with a look at the mains and an exit code that says whether each UPS accepted.

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use husk_core::conf::diag::Diagnostic;
use husk_core::conf::nut::{self, Mode, NutConf};
use husk_core::conf::upsmon;
use husk_core::monitor::killpower::{Act, Killpower, Mains, Step, Told};
use husk_monitor::flag;

use crate::upsdrvctl::Supplies;
use crate::{logging, serve};

const HELP: &str = "
usage: husk killpower [-t] [-q] [--reboot PROGRAM]

For the end of a shutdown, after file systems were unmounted. If upsmon set POWERDOWNFLAG in this boot, has every UPS of
ups.conf cut the power (`upsdrvctl shutdown`), even if the mains are back: the other machines on it are to start again.

POWEROFF_WAIT (environment or nut.conf) is how long to wait for the end; if it does not come, the machine is started again.
So it is, at once, where POWEROFF_WAIT is not set, the mains are back and no UPS accepted.

  -t                only say what would be done
  -q                only warnings and errors, as POWEROFF_QUIET=true
  --reboot PROGRAM  run this instead of starting the machine again

Exit code: 0 when each UPS accepted or MODE is none, 1 when the flag is not set or a UPS did not accept.
";

#[derive(Debug, Default)]
struct Options {
    test: bool,
    quiet: bool,
    reboot: Option<OsString>,
}

/// Runs `husk killpower` with the words after it.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    match parse(words) {
        Ok(Some(options)) => {
            let (conf, found) = nut_conf();
            let quiet = options.quiet || conf.poweroff_quiet == Some(true);
            // What drivers would be run with is said to the curious only.
            let debug = if options.test { 2 } else { 0 };
            logging::start("killpower", debug, quiet);
            for mistake in found {
                log::warn!("{mistake}");
            }
            perform(&options, &conf)
        }
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("husk killpower: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn parse(words: Vec<OsString>) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(words);
    let mut options = Options::default();
    while let Some(option) = parser.next()? {
        match option {
            Short('t') => options.test = true,
            Short('q') => options.quiet = true,
            Long("reboot") => options.reboot = Some(parser.value()?),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn perform(options: &Options, conf: &NutConf) -> ExitCode {
    if conf.mode == Some(Mode::None) {
        return ExitCode::SUCCESS;
    }
    let Some(flag) = flag_file() else {
        log::info!("Power down flag is not set: upsmon.conf names no POWERDOWNFLAG");
        return ExitCode::FAILURE;
    };
    let verdict = flag::judge(flag.as_ref());
    let has_devices = conf.mode != Some(Mode::NetClient);
    let (mut killpower, acts) = Killpower::begin(&verdict, &flag, has_devices, conf.poweroff_wait);
    let mut hands = Hands {
        options,
        supplies: None,
    };
    let mut acts = std::collections::VecDeque::from(acts);
    while let Some(act) = acts.pop_front() {
        if let Act::End(code) = act {
            return ExitCode::from(code);
        }
        if let Some(step) = hands.act(act) {
            acts.extend(killpower.on(step));
        }
    }
    ExitCode::SUCCESS
}

/// What MODE, POWEROFF_WAIT and POWEROFF_QUIET say; the environment wins over nut.conf.
fn nut_conf() -> (NutConf, Vec<Diagnostic>) {
    let file = serve::source(None, false).dir.join("nut.conf");
    let mut text = std::fs::read(&file).unwrap_or_default();
    for name in ["MODE", "POWEROFF_WAIT", "POWEROFF_QUIET"] {
        let given = std::env::var(name).unwrap_or_default();
        if !given.is_empty() && !given.contains(['"', '\n']) {
            text.extend_from_slice(format!("\n{name}=\"{given}\"\n").as_bytes());
        }
    }
    nut::parse(&file.display().to_string(), &text)
}

/// POWERDOWNFLAG of upsmon.conf.
fn flag_file() -> Option<String> {
    let file = serve::source(None, false).dir.join("upsmon.conf");
    let text = std::fs::read(&file)
        .inspect_err(|error| log::error!("cannot read {}: {error}", file.display()))
        .ok()?;
    let (conf, _) = upsmon::parse(&file.display().to_string(), &text);
    conf.power_down_flag.map(|flag| flag.value)
}

/// What carries acts out.
struct Hands<'a> {
    options: &'a Options,
    supplies: Option<Supplies>,
}

impl Hands<'_> {
    fn act(&mut self, act: Act) -> Option<Step> {
        match act {
            Act::Say(text) => {
                log::info!("{text}");
                None
            }
            Act::Look => {
                self.supplies = Supplies::load(self.options.test)
                    .inspect_err(|reason| log::error!("{reason}"))
                    .ok();
                let mains = self.supplies.as_ref().map(Supplies::mains);
                Some(Step::Looked(mains.unwrap_or(Mains::NotKnownBack)))
            }
            // Without a ups.conf there is one who refuses: whoever should have named the UPSes.
            Act::Cut => Some(Step::Told(self.supplies.as_ref().map_or(
                Told {
                    accepted: 0,
                    refused: 1,
                },
                Supplies::cut,
            ))),
            Act::Wait(time) => {
                log::info!("waiting {} s for the power to go", time.as_secs());
                if !self.options.test {
                    thread::sleep(time);
                }
                Some(Step::Waited)
            }
            Act::Reboot => {
                self.reboot();
                None
            }
            Act::End(_) => None,
        }
    }

    fn reboot(&self) {
        if self.options.test {
            return;
        }
        rustix::fs::sync();
        let failed = match &self.options.reboot {
            Some(program) => Command::new(program)
                .stdin(Stdio::null())
                .status()
                .err()
                .map(|error| error.to_string()),
            // The system is down already; there is nobody left to ask for an orderly one.
            None => rustix::system::reboot(rustix::system::RebootCommand::Restart)
                .err()
                .map(|error| error.to_string()),
        };
        if let Some(reason) = failed {
            log::error!("the machine could not be started again: {reason}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_but_its_options_is_taken() {
        let words = |text: &str| parse(text.split_whitespace().map(OsString::from).collect());
        let options = words("-t --reboot /bin/true").unwrap().unwrap();
        assert!(options.test && !options.quiet);
        assert_eq!(options.reboot.unwrap(), "/bin/true");
        assert!(words("-h").unwrap().is_none());
        assert!(words("poweroff").is_err());
    }
}
