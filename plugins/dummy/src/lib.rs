//! dummy-ups: a device that is a text file, for tests and demonstrations.
//!
//! ```text
//! # power.seq                     what clients see
//! ups.status: OL                  ups.status "OL"
//! battery.charge: 100
//! TIMER 5                         … for five seconds, then
//! ups.status: OB LB               ups.status "OB LB"
//! ALARM mains are gone            ups.alarm "mains are gone", ALARM in ups.status
//! ```
//!
//! `.dev` files are read once, and again when they change; `.seq` and all other files start over at their end. Every
//! variable can be written by clients; what they wrote stays until the file says otherwise. It refuses to obey
//! instant commands (as dummy-ups does, which lists `load.off` all the same) and to repeat the UPS of another server.
//!
//! Standard: NUT's manual page dummy-ups(8); details are those of dummy-ups 2.8.0, probed. Differences on purpose: a
//! line without a value deletes the variable (2.8.0 gives it the value of the line before), `ALARM` is the
//! instruction of 2.8.4, and a file that vanished makes the device stale instead of ending the driver.

mod kinds;
mod mode;
mod script;
mod simulated;

use std::time::Duration;

use husk_driver::host::{self, Level};
use husk_driver::{
    About, Driver, Error, Files, Hardware, IoError, Parameter, Report, Settings, Wake, log, var,
};

use mode::{Mode, bad_setting};
use script::{Script, Step};
use simulated::Simulated;

/// While a TIMER runs the device is polled at least this often, or its data would be called stale (MAXAGE, 15 s).
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A simulated device.
#[derive(Debug)]
pub struct Dummy {
    files: Files,
    file: String,
    mode: Mode,
    script: Script,
    /// Of the file the script was read from, in milliseconds since 1970.
    modified: u64,
    place: Place,
    device: Simulated,
}

/// Where in the script the simulation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing was done yet.
    Start,
    /// A TIMER runs `until` (milliseconds of the host's clock); `step` is next.
    Paused { step: usize, until: u64 },
    /// The last step was done.
    End,
}

impl Driver for Dummy {
    const ABOUT: About = About {
        name: "dummy-ups",
        version: env!("CARGO_PKG_VERSION"),
        protocol: "Simulation from a file",
        aliases: &["dummy"],
        parameters: &[
            Parameter::value("port", "The file, in the configuration directory"),
            Parameter::value(
                "mode",
                "dummy-once, dummy-loop or dummy; chosen by the file's name when absent",
            ),
        ],
        dangerous: &["load.off"],
    };

    const HARDWARE: &'static [Hardware] = &[Hardware::documented(
        "none",
        &["a simulation in a file"],
        "port = NAME.dev or NAME.seq",
    )];

    type Port = Files;

    fn open(mut files: Files, settings: &Settings, state: Option<&[u8]>) -> Result<Self, Error> {
        let port = settings.get("port").unwrap_or_default();
        let mode = Mode::choose(settings, port)?;
        let file = port.rsplit('/').next().unwrap_or(port).to_owned();
        if file.is_empty() {
            return Err(bad_setting(
                "port",
                "the name of a .dev or .seq file in the configuration directory",
            ));
        }
        let (modified, script) = read(&mut files, &file)?;
        let (place, device) = state
            .and_then(|state| restore(state, &file, modified, &script))
            .unwrap_or_else(|| (Place::Start, Simulated::new()));
        Ok(Dummy {
            files,
            file,
            mode,
            script,
            modified,
            place,
            device,
        })
    }

    fn poll(&mut self, why: Wake) -> Result<Report, Error> {
        let now = host::now_ms();
        if why != Wake::SettingsChanged
            && let Some(step) = self.due(now)?
        {
            self.run(step, now);
        }
        let mut report = self.device.report();
        report.set(var::DRIVER_PARAMETER_MODE, self.mode.name());
        if let Place::Paused { until, .. } = self.place
            && until > now
        {
            report.next(Duration::from_millis(until - now).min(LONGEST_WAIT));
        }
        Ok(report)
    }

    fn set(&mut self, variable: &str, value: &str) -> Result<(), Error> {
        let step = Step::assignment(variable, value)
            .map_err(|why| Error::InvalidArgument(why.to_owned()))?;
        self.device.apply(&step);
        Ok(())
    }

    fn shutdown(&mut self) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// One line `milliseconds-modified step milliseconds-left file`, then the device as a script.
    fn save(&self) -> Vec<u8> {
        let (step, left) = match self.place {
            Place::Start => return Vec::new(),
            Place::Paused { step, until } => (step, until.saturating_sub(host::now_ms())),
            Place::End => (self.script.steps.len(), 0),
        };
        format!(
            "{} {step} {left} {}\n{}",
            self.modified,
            self.file,
            self.device.to_script()
        )
        .into_bytes()
    }
}

impl Dummy {
    /// The step to go on from, if it is time. Reads the file at each start, if it changed.
    fn due(&mut self, now: u64) -> Result<Option<usize>, Error> {
        if let Place::Paused { step, until } = self.place {
            return Ok((now >= until).then_some(step));
        }
        let modified = self
            .files
            .modified_ms(&self.file)
            .map_err(|error| unreadable(&self.file, &error))?;
        let changed = modified != self.modified;
        if changed {
            (self.modified, self.script) = read(&mut self.files, &self.file)?;
        }
        let again = changed || self.mode != Mode::Once || self.place == Place::Start;
        Ok(again.then_some(0))
    }

    /// Does the steps up to the next TIMER or the end.
    fn run(&mut self, from: usize, now: u64) {
        if from == 0 {
            self.device.clear_alarms();
        }
        for (number, step) in self.script.steps.iter().enumerate().skip(from) {
            if let Step::Timer(seconds) = step {
                let until = now.saturating_add(u64::from(*seconds) * 1000);
                self.place = Place::Paused {
                    step: number + 1,
                    until,
                };
                return;
            }
            self.device.apply(step);
        }
        self.place = Place::End;
    }
}

/// The time of change is asked first: a change in between is then seen the next time.
fn read(files: &mut Files, file: &str) -> Result<(u64, Script), Error> {
    let fail = |error: IoError| unreadable(file, &error);
    let modified = files.modified_ms(file).map_err(fail)?;
    let script = Script::parse(&files.read(file).map_err(fail)?);
    for (line, mistake) in &script.mistakes {
        log!(Level::Warn, "{file}:{line}: skipped: {mistake}");
    }
    Ok((modified, script))
}

/// Takes over what a predecessor saved, if it was about the same file. Where it stood counts only if the file is
/// unchanged.
fn restore(state: &[u8], file: &str, modified: u64, script: &Script) -> Option<(Place, Simulated)> {
    let end = state.iter().position(|&byte| byte == b'\n')?;
    let (head, saved) = state.split_at_checked(end)?;
    let mut head = std::str::from_utf8(head).ok()?.splitn(4, ' ');
    let mut number = || head.next()?.parse::<u64>().ok();
    let (then, step, left) = (number()?, number()?, number()?);
    if head.next()? != file {
        return None;
    }
    let step = usize::try_from(step).ok()?;
    let place = match () {
        () if then != modified => Place::Start,
        () if step >= script.steps.len() => Place::End,
        () => Place::Paused {
            step,
            until: host::now_ms().saturating_add(left),
        },
    };
    Some((place, Simulated::from_script(&Script::parse(saved))))
}

fn unreadable(file: &str, error: &IoError) -> Error {
    Error::Other(format!(
        "the simulation file {file} cannot be read: {error}"
    ))
}

husk_driver::export!(Dummy);
