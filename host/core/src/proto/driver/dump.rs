//! A snapshot, and the way from one snapshot to the next, in the words of a driver.
//!
//! Unlike NUT's drivers everything is escaped, changes too, and a change of case is a change.

use std::cmp::Ordering;

use super::super::{put, put_quoted};
use crate::report::Kind;
use crate::state::{Freshness, Snapshot, Variable, by_name};

/// Everything, as the answer to DUMPALL.
pub(super) fn all(snapshot: &Snapshot, out: &mut Vec<u8>) {
    stale_first(snapshot, out);
    for variable in &snapshot.variables {
        describe(variable, out);
    }
    for command in &snapshot.commands {
        put(out, &["ADDCMD ", command, "\n"]);
    }
    fresh_last(snapshot, out);
    out.extend_from_slice(b"DUMPDONE\n");
}

/// The status alone, as the answer to DUMPSTATUS.
pub(super) fn status(snapshot: &Snapshot, out: &mut Vec<u8>) {
    stale_first(snapshot, out);
    if let Some(variable) = snapshot.variable("ups.status") {
        value(variable, out);
    }
    fresh_last(snapshot, out);
    out.extend_from_slice(b"DUMPDONE\n");
}

/// One variable, as the answer to DUMPVALUE; nothing but the end if there is none of that name.
pub(super) fn one(snapshot: &Snapshot, name: &str, out: &mut Vec<u8>) {
    if let Some(variable) = snapshot.variable(name) {
        describe(variable, out);
    }
    out.extend_from_slice(b"DUMPDONE\n");
}

/// What somebody who knows `before` has to be told to know `after`.
pub(super) fn changes(before: &Snapshot, after: &Snapshot, out: &mut Vec<u8>) {
    let turned = is_fresh(before) != is_fresh(after);
    if turned {
        stale_first(after, out);
    }
    let name = |variable: &Variable| variable.name.clone();
    for pair in merged(&before.variables, &after.variables, name) {
        match pair {
            (Some(old), None) => put(out, &["DELINFO ", &old.name, "\n"]),
            (None, Some(new)) => describe(new, out),
            (Some(old), Some(new)) if old != new => change(old, new, out),
            _ => {}
        }
    }
    for pair in merged(&before.commands, &after.commands, String::clone) {
        match pair {
            (Some(old), None) => put(out, &["DELCMD ", old, "\n"]),
            (None, Some(new)) => put(out, &["ADDCMD ", new, "\n"]),
            _ => {}
        }
    }
    if turned {
        fresh_last(after, out);
    }
}

/// Walks two sorted lists at once: what has the same name comes together.
fn merged<'a, T>(
    left: &'a [T],
    right: &'a [T],
    name: impl Fn(&T) -> String,
) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => by_name(&name(l), &name(r)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return pairs,
        };
        pairs.push(match order {
            Ordering::Less => (left.next(), None),
            Ordering::Equal => (left.next(), right.next()),
            Ordering::Greater => (None, right.next()),
        });
    }
}

fn change(old: &Variable, new: &Variable, out: &mut Vec<u8>) {
    // upsd ignores SETFLAGS without a flag, so flags only go away with their variable; and a name keeps its first spelling.
    let unflagged = flags(new).is_empty() && !flags(old).is_empty();
    if unflagged || old.name != new.name {
        put(out, &["DELINFO ", &new.name, "\n"]);
        describe(new, out);
        return;
    }
    if old.value != new.value {
        value(new, out);
    }
    if old.choices != new.choices {
        enumerate("DELENUM ", old, out);
        enumerate("ADDENUM ", new, out);
    }
    if old.ranges != new.ranges {
        delimit("DELRANGE ", old, out);
        delimit("ADDRANGE ", new, out);
    }
    if length(old) != length(new) {
        put(
            out,
            &["SETAUX ", &new.name, " ", &length(new).to_string(), "\n"],
        );
    }
    if flags(old) != flags(new) {
        put(out, &["SETFLAGS ", &new.name, flags(new), "\n"]);
    }
}

/// Everything about a variable of which nothing is known.
fn describe(variable: &Variable, out: &mut Vec<u8>) {
    value(variable, out);
    enumerate("ADDENUM ", variable, out);
    delimit("ADDRANGE ", variable, out);
    let name = variable.name.as_str();
    if length(variable) != 0 {
        put(
            out,
            &["SETAUX ", name, " ", &length(variable).to_string(), "\n"],
        );
    }
    if !flags(variable).is_empty() {
        put(out, &["SETFLAGS ", name, flags(variable), "\n"]);
    }
}

fn value(variable: &Variable, out: &mut Vec<u8>) {
    put(out, &["SETINFO ", &variable.name, " "]);
    put_quoted(out, &variable.value);
    out.push(b'\n');
}

fn enumerate(verb: &str, variable: &Variable, out: &mut Vec<u8>) {
    for choice in &variable.choices {
        put(out, &[verb, &variable.name, " "]);
        put_quoted(out, choice);
        out.push(b'\n');
    }
}

fn delimit(verb: &str, variable: &Variable, out: &mut Vec<u8>) {
    for (low, high) in &variable.ranges {
        put(out, &[verb, &variable.name]);
        put(out, &[" ", &low.to_string(), " ", &high.to_string(), "\n"]);
    }
}

/// The flags of a variable, each after a blank.
fn flags(variable: &Variable) -> &'static str {
    match (variable.writable, variable.kind) {
        (true, Kind::Text(_)) => " RW STRING",
        (true, Kind::Number) => " RW NUMBER",
        (true, Kind::Unspecified) => " RW",
        (false, Kind::Text(_)) => " STRING",
        (false, Kind::Number) => " NUMBER",
        (false, Kind::Unspecified) => "",
    }
}

fn length(variable: &Variable) -> u32 {
    match variable.kind {
        Kind::Text(length) => length,
        Kind::Unspecified | Kind::Number => 0,
    }
}

fn is_fresh(snapshot: &Snapshot) -> bool {
    snapshot.freshness == Freshness::Fresh
}

fn stale_first(snapshot: &Snapshot, out: &mut Vec<u8>) {
    if !is_fresh(snapshot) {
        out.extend_from_slice(b"DATASTALE\n");
    }
}

fn fresh_last(snapshot: &Snapshot, out: &mut Vec<u8>) {
    if is_fresh(snapshot) {
        out.extend_from_slice(b"DATAOK\n");
    }
}
