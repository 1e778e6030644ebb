//! Instant commands: the maker's rows, and those that are made of two of them.
//!
//! ```text
//! shutdown.return   = ups.start.auto yes, 125 ms, load.on.delay(ondelay), 125 ms, load.off.delay(offdelay)
//! shutdown.stayoff  = ups.start.auto no,  125 ms, load.on.delay(-1),      125 ms, load.off.delay(offdelay)
//! load.off, load.on = the delayed ones with no delay
//! shutdown          = the first the device takes of return, reboot, load.off.delay, stayoff
//! ```
//!
//! The start delay is written first: with the other order some units are off before they know when to return. Where
//! `ups.start.auto` cannot be written the load is cut all the same: what hangs on it must not run the battery empty.
//!
//! Refuses names the device has no field for.

use crate::device::{Device, Look};
use crate::row::{Command, Sends};
use crate::table::Table;
use husk_driver::host::{self, Level};
use husk_driver::wire::hid::Field;
use husk_driver::wire::line;
use husk_driver::{Cmd, Error, Report, cmd, log, var};

/// The commands that cut or restore power.
pub(crate) static DANGEROUS: &[&str] = &[
    cmd::LOAD_OFF.as_str(),
    cmd::LOAD_ON.as_str(),
    cmd::LOAD_OFF_DELAY.as_str(),
    cmd::LOAD_ON_DELAY.as_str(),
    cmd::SHUTDOWN_RETURN.as_str(),
    cmd::SHUTDOWN_STAYOFF.as_str(),
    cmd::SHUTDOWN_REBOOT.as_str(),
    "outlet.1.load.off",
    "outlet.1.load.on",
    "outlet.2.load.off",
    "outlet.2.load.on",
    "outlet.3.load.off",
    "outlet.3.load.on",
];

/// In which order a shutdown is tried.
const SHUTDOWN: &[Cmd] = &[
    cmd::SHUTDOWN_RETURN,
    cmd::SHUTDOWN_REBOOT,
    cmd::LOAD_OFF_DELAY,
    cmd::SHUTDOWN_STAYOFF,
];
/// Start delay that means never.
const NEVER: f64 = -1.0;

/// One writing of a command.
struct Step<'a> {
    field: &'a Field,
    writes: Writes,
}

/// What a step writes.
#[derive(Clone, Copy)]
enum Writes {
    /// What the row says, of what the client gives.
    Sent(Sends),
    /// What the row says, whatever the client gives.
    Usual(Sends),
    /// This number.
    Number(f64),
    /// This number if it can be: the steps behind it do not need it.
    Wish(f64),
}

/// Adds every command the device takes.
pub(crate) fn report(device: &Device, table: &Table, report: &mut Report) {
    for (command, field) in table.commands() {
        if device.has(field) {
            report.command(command.name);
        }
    }
    let composed = [
        cmd::LOAD_OFF,
        cmd::LOAD_ON,
        cmd::SHUTDOWN_RETURN,
        cmd::SHUTDOWN_STAYOFF,
    ];
    for command in composed {
        if steps(device, table, command.as_str()).is_some() {
            report.command(command);
        }
    }
}

/// Runs a command.
pub(crate) fn run(
    device: &mut Device,
    table: &Table,
    name: &str,
    value: Option<&str>,
) -> Result<(), Error> {
    let value = value.filter(|value| !value.is_empty());
    let steps = steps(device, table, name).ok_or(Error::Unsupported)?;
    write(device, &steps, value)
}

fn write(device: &mut Device, steps: &[Step<'_>], value: Option<&str>) -> Result<(), Error> {
    for (at, step) in steps.iter().enumerate() {
        if at > 0 {
            host::sleep_ms(device.maker.habits.pause);
        }
        let number = match step.writes {
            Writes::Number(number) | Writes::Wish(number) => number,
            Writes::Sent(sends) => number(device, sends, value)?,
            Writes::Usual(sends) => number(device, sends, None)?,
        };
        match (device.write(step.field, number), step.writes) {
            (Err(Error::Lost), _) => return Err(Error::Lost),
            (Err(why), Writes::Wish(_)) => {
                log!(
                    Level::Warn,
                    "whether it starts by itself cannot be set: {why}"
                );
            }
            (written, _) => written?,
        }
    }
    Ok(())
}

/// Cuts the load, by the first way the device takes.
pub(crate) fn shutdown(device: &mut Device, table: &Table) -> Result<(), Error> {
    let mut outcome = Err(Error::Unsupported);
    // A field whose report could not be read may still be written: better than to leave the load on.
    let unread = |name: &str| {
        let mut rows = table.commands().filter(|(row, _)| row.name == name);
        let (row, field) = rows.next()?;
        let writes = Writes::Sent(row.sends);
        Some(vec![Step { field, writes }])
    };
    let ways = || SHUTDOWN.iter().map(|command| command.as_str());
    let known: Vec<_> = ways()
        .filter_map(|name| Some((name, steps(device, table, name)?)))
        .collect();
    let unread = ways().filter_map(|name| Some((name, unread(name)?)));
    let mut silent = false;
    for (name, steps) in known.into_iter().chain(unread) {
        // A device that said nothing may have taken a way that returns: it is not told to stay off after that.
        if silent && name == cmd::SHUTDOWN_STAYOFF.as_str() {
            continue;
        }
        outcome = write(device, &steps, None);
        if matches!(outcome, Ok(()) | Err(Error::Lost)) {
            break;
        }
        silent |= outcome == Err(Error::Timeout);
    }
    outcome
}

/// The number to write for a command.
fn number(device: &mut Device, sends: Sends, value: Option<&str>) -> Result<f64, Error> {
    let given = value.map(|text| {
        line::signed(text)
            .or_else(|| line::number(text))
            .ok_or_else(|| Error::InvalidArgument(format!("{text} is not a number")))
    });
    match sends {
        Sends::Value(number) => given.unwrap_or(Ok(number.into())),
        Sends::OffDelay => given.unwrap_or(Ok(device.delays.off.into())),
        Sends::OnDelay => given.unwrap_or(Ok(device.delays.on.into())),
        Sends::By(make) => make(&mut Look(device), value)
            .ok_or_else(|| Error::InvalidArgument("the device takes no such value".into())),
    }
}

/// What is written for a command, if the device has the fields: the maker's own row, or two others.
fn steps<'a>(device: &Device, table: &'a Table, name: &str) -> Option<Vec<Step<'a>>> {
    let row = |name: &str| table.commands().find(|(row, _)| row.name == name);
    let answering = |name: &str| {
        let mut rows = table.commands();
        rows.find(|(row, field)| row.name == name && device.has(field))
    };
    let own = |(row, field): &'a (&'static Command, Field)| Step {
        field,
        writes: Writes::Sent(row.sends),
    };
    let fixed = |(_, field): &'a (&'static Command, Field), number| Step {
        field,
        writes: Writes::Number(number),
    };
    if let Some(row) = answering(name) {
        return Some(vec![own(row)]);
    }
    let off =
        || answering(cmd::LOAD_OFF_DELAY.as_str()).or_else(|| row(cmd::LOAD_OFF_DELAY.as_str()));
    let on = || answering(cmd::LOAD_ON_DELAY.as_str()).or_else(|| row(cmd::LOAD_ON_DELAY.as_str()));
    let is = |command: Cmd| name == command.as_str();
    // Whether it starts by itself when the mains are back, then the start delay, then the cut.
    let cut = |starts: bool, on: Step<'a>, off: Step<'a>| {
        let start = table.written(device, var::UPS_START_AUTO.as_str());
        let start = start.map(|field| Step {
            field,
            writes: Writes::Wish(f64::from(u8::from(starts))),
        });
        start.into_iter().chain([on, off]).collect()
    };
    if is(cmd::LOAD_OFF) {
        Some(vec![fixed(off()?, 0.0)])
    } else if is(cmd::LOAD_ON) {
        Some(vec![fixed(on()?, 0.0)])
    } else if is(cmd::SHUTDOWN_RETURN) {
        let (on, field) = on()?;
        let writes = Writes::Usual(on.sends);
        Some(cut(true, Step { field, writes }, own(off()?)))
    } else if is(cmd::SHUTDOWN_STAYOFF) {
        Some(cut(false, fixed(on()?, NEVER), own(off()?)))
    } else {
        None
    }
}
