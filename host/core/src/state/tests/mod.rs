//! What clients see of a device, report by report.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::conf::ups;

mod freshness;
mod shown;
mod status;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The state of a section with these lines in it, MAXAGE 15.
fn device(lines: &str) -> DeviceState {
    let text = format!("[a]\ndriver = dummy-ups\nport = a.dev\n{lines}");
    let (conf, _) = ups::parse("ups.conf", text.as_bytes());
    DeviceState::new(&conf.sections[0], &conf.global, at(15))
}

/// `name=value` pairs; `status=…` are the words of the status, `alarm=…` is one alarm.
fn report(pairs: &str) -> Update {
    let mut update = Update {
        complete: true,
        ..changes(pairs)
    };
    update.status.get_or_insert_with(Vec::new);
    update.alarms.get_or_insert_with(Vec::new);
    update.commands.get_or_insert_with(Vec::new);
    update
}

fn changes(pairs: &str) -> Update {
    let mut update = Update::default();
    for pair in pairs.split(", ").filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        match name {
            "status" => update.status = Some(value.split_whitespace().map(str::to_owned).collect()),
            "alarm" => update.alarms.get_or_insert_default().push(value.to_owned()),
            _ => update.set.push((name.to_owned(), value.to_owned())),
        }
    }
    update.check().unwrap();
    update
}

fn value(state: &DeviceState, name: &str) -> Option<String> {
    state
        .snapshot()
        .variable(name)
        .map(|variable| variable.value.clone())
}
