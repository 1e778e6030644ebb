//! Instant commands: the table's rows, and those that are made of two of them.
//!
//! ```text
//! shutdown.return   = load.on.delay(ondelay), load.off.delay(offdelay)
//! shutdown.stayoff  = load.on.delay(-1),      load.off.delay(offdelay)
//! load.off, load.on = the delayed ones with no delay
//! shutdown          = the first the agent takes of return, reboot, load.off.delay, stayoff
//! test.battery.*    = upsTestSpinLock as read just now, and the test's OID, in one request (RFC 1628 §2)
//! ```
//!
//! Values have the type that the object had when it was read: agents refuse others.
//!
//! Refuses names the agent has no object for, and values for commands that take none.

use crate::layout::{BoundCommand, Layout};
use crate::options::Options;
use crate::table::{Kept, Table, Writes};
use crate::ups::Ups;
use crate::value;
use husk_driver::host::Level;
use husk_driver::{Cmd, Error, Oid, Report, SnmpValue, Varbind, cmd, log};

/// The commands that cut or restore power; `*` is any number.
pub(crate) static DANGEROUS: &[&str] = &[
    cmd::LOAD_OFF.as_str(),
    cmd::LOAD_ON.as_str(),
    cmd::LOAD_OFF_DELAY.as_str(),
    cmd::LOAD_ON_DELAY.as_str(),
    cmd::SHUTDOWN_RETURN.as_str(),
    cmd::SHUTDOWN_STAYOFF.as_str(),
    cmd::SHUTDOWN_REBOOT.as_str(),
    "outlet.#.load.off",
    "outlet.#.load.on",
    "outlet.#.load.cycle",
    "outlet.#.load.off.delay",
    "outlet.#.load.on.delay",
    "outlet.#.load.cycle.delay",
    "outlet.group.#.load.off",
    "outlet.group.#.load.on",
    "outlet.group.#.load.cycle",
    "outlet.group.#.load.off.delay",
    "outlet.group.#.load.on.delay",
    "outlet.group.#.load.cycle.delay",
    "device.#.outlet.#.load.off",
    "device.#.outlet.#.load.on",
    "device.#.outlet.#.load.cycle",
    "device.#.outlet.#.load.off.delay",
    "device.#.outlet.#.load.on.delay",
    "device.#.outlet.#.load.cycle.delay",
    "device.#.outlet.group.#.load.off",
    "device.#.outlet.group.#.load.on",
    "device.#.outlet.group.#.load.cycle",
    "device.#.outlet.group.#.load.off.delay",
    "device.#.outlet.group.#.load.on.delay",
    "device.#.outlet.group.#.load.cycle.delay",
];

/// In which order a shutdown is tried.
const SHUTDOWN: [Cmd; 4] = [
    cmd::SHUTDOWN_RETURN,
    cmd::SHUTDOWN_REBOOT,
    cmd::LOAD_OFF_DELAY,
    cmd::SHUTDOWN_STAYOFF,
];
/// Commands made of others.
const MADE: [Cmd; 4] = [
    cmd::LOAD_OFF,
    cmd::LOAD_ON,
    cmd::SHUTDOWN_RETURN,
    cmd::SHUTDOWN_STAYOFF,
];
/// Start delay that means never.
const NEVER: i64 = -1;

/// One request: what is written, with a delay that replaces what is kept.
struct Step {
    writes: Vec<(Oid, Writes)>,
    delay: Option<i64>,
}

/// Adds every command the agent takes.
pub(crate) fn report(table: &Table, layout: &Layout, report: &mut Report) {
    for command in &layout.commands {
        report.command(command.name.as_str());
    }
    let own = |name: &str| table.commands.iter().any(|command| command.name == name);
    for command in MADE {
        if !own(command.as_str()) && steps(layout, command.as_str()).is_some() {
            report.command(command);
        }
    }
}

impl Ups {
    /// Runs a command.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a name that is none, [`Error::InvalidArgument`], and what the agent refuses.
    pub(crate) fn command(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let steps = steps(&self.layout, name).filter(|_| !self.agent.read_only);
        let steps = steps.ok_or(Error::Unsupported)?;
        let given = value.filter(|value| !value.is_empty());
        let given = given.map(Options::seconds).transpose()?;
        self.run(steps, given.map(i64::from))
    }

    /// Cuts the load, by the first way the agent takes; the delays of the section are written before where they are
    /// objects of the agent.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when there is none, or what the agent refused last.
    pub(crate) fn shutdown(&mut self) -> Result<(), Error> {
        let delays = [
            ("ups.delay.start", self.options.on_delay),
            ("ups.delay.shutdown", self.options.off_delay),
        ];
        for (name, seconds) in delays {
            let Some(seconds) = seconds else { continue };
            match self.set(name, &seconds.to_string()) {
                Ok(()) | Err(Error::Unsupported) => {}
                Err(error) => log!(Level::Warn, "{name} cannot be set to {seconds}: {error}"),
            }
        }
        let mut outcome = Err(Error::Unsupported);
        let mut silent = false;
        for command in SHUTDOWN {
            // An agent that said nothing may have taken a way that returns: it is not told to stay off after that.
            if silent && command == cmd::SHUTDOWN_STAYOFF {
                continue;
            }
            let Some(steps) = steps(&self.layout, command.as_str()) else {
                continue;
            };
            outcome = self.run(steps, None);
            if matches!(outcome, Ok(()) | Err(Error::Lost)) {
                break;
            }
            silent |= outcome == Err(Error::Timeout);
        }
        outcome
    }

    fn run(&mut self, steps: Vec<Step>, given: Option<i64>) -> Result<(), Error> {
        let takes = |step: &Step| {
            let mut writes = step.writes.iter();
            step.delay.is_none() && writes.any(|(_, what)| matches!(what, Writes::Kept(_)))
        };
        if given.is_some() && !steps.iter().any(takes) {
            return Err(Error::InvalidArgument("this command takes no value".into()));
        }
        for step in steps {
            let bindings = self.bindings(&step, given);
            let written = bindings.and_then(|bindings| self.write(&bindings));
            // That no start is pending is all that "never" can mean; some agents have no word for it.
            let refused = matches!(written, Err(Error::InvalidArgument(_) | Error::Failed(_)));
            if !(refused && step.delay == Some(NEVER)) {
                written?;
            }
        }
        Ok(())
    }

    fn bindings(&mut self, step: &Step, given: Option<i64>) -> Result<Vec<Varbind>, Error> {
        let mut bindings = Vec::new();
        for (oid, writes) in &step.writes {
            let before = self.values.get(oid);
            let number = |number: i64| {
                value::typed(number as f64, before).ok_or_else(|| {
                    Error::InvalidArgument(format!("object {oid} cannot be {number}"))
                })
            };
            let value = match writes {
                Writes::IfThere(_) if before.is_none() => continue,
                Writes::Number(constant) | Writes::IfThere(constant) => number(*constant)?,
                Writes::Kept(kept) => {
                    let usual = i64::from(self.delay(*kept));
                    number(step.delay.or(given).unwrap_or(usual))?
                }
                Writes::Oid(test) => SnmpValue::Oid(test.clone()),
                Writes::Lock => match self.lock(oid)? {
                    Some(lock) => lock,
                    None => continue,
                },
            };
            bindings.push(Varbind {
                oid: oid.clone(),
                value,
            });
        }
        Ok(bindings)
    }

    /// What the lock holds now; cards without one take the test alone.
    fn lock(&mut self, oid: &Oid) -> Result<Option<SnmpValue>, Error> {
        let mut values = self.agent.plain(vec![oid.clone()])?;
        Ok(values.remove(oid))
    }
}

/// The requests of a command, if the agent takes it: the table's own, or those of two others.
fn steps(layout: &Layout, name: &str) -> Option<Vec<Step>> {
    let find = |name: &str| layout.commands.iter().find(|command| command.name == name);
    let step = |command: &BoundCommand, delay| Step {
        writes: command.writes.clone(),
        delay,
    };
    if let Some(own) = find(name) {
        return Some(vec![step(own, None)]);
    }
    let off = |delay| {
        find(cmd::LOAD_OFF_DELAY.as_str())
            .filter(|own| is_delayed(own))
            .map(|own| step(own, delay))
    };
    let on = |delay| {
        find(cmd::LOAD_ON_DELAY.as_str())
            .filter(|own| is_delayed(own))
            .map(|own| step(own, delay))
    };
    let is = |command: Cmd| name == command.as_str();
    if is(cmd::LOAD_OFF) {
        Some(vec![off(Some(0))?])
    } else if is(cmd::LOAD_ON) {
        Some(vec![on(Some(0))?])
    } else if is(cmd::SHUTDOWN_RETURN) {
        Some(vec![on(None)?, off(None)?])
    } else if is(cmd::SHUTDOWN_STAYOFF) {
        Some(vec![on(Some(NEVER))?, off(None)?])
    } else {
        None
    }
}

/// Whether a command writes a delay: those of the Pulizzi write a code, and the delay is the device's own.
fn is_delayed(command: &BoundCommand) -> bool {
    let mut writes = command.writes.iter();
    writes.any(|(_, writes)| matches!(writes, Writes::Kept(Kept::OffDelay | Kept::OnDelay)))
}
