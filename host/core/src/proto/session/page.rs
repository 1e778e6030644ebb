//! A snapshot as it goes out: each of its lists is written once, when the first client asks, and copied from then on.
//!
//! A list of 60 variables is 4 kB; writing it anew for each client costs more than sending it. Only lists that
//! name the UPS as configured are kept: clients may spell it in as many ways as its letters have cases.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::proto::{put, put_quoted};
use crate::state::{Snapshot, Variable};

/// The one variable FSD shows in.
const STATUS: &str = "ups.status";

/// What is served of one UPS until its next change.
#[derive(Debug, Default)]
pub struct Page {
    name: Arc<str>,
    snapshot: Arc<Snapshot>,
    variables: Kept,
    forced: Kept,
    writable: Kept,
    commands: Kept,
}

type Kept = OnceLock<Box<[u8]>>;

/// Lists that depend on nothing but the snapshot.
#[derive(Clone, Copy)]
pub(super) enum List {
    Variables {
        /// FSD is latched.
        forced: bool,
    },
    /// FSD is not shown here: these are the values a client may change.
    Writable,
    Commands,
}

impl Page {
    /// `name` is the UPS's as configured.
    pub fn new(name: Arc<str>, snapshot: Arc<Snapshot>) -> Self {
        Self {
            name,
            snapshot,
            ..Self::default()
        }
    }

    /// What it shows.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Appends the list, `BEGIN` and `END` included. `echo` is the UPS's name as the client wrote it.
    pub(super) fn put(&self, list: List, echo: &str, out: &mut Vec<u8>) {
        if echo != &*self.name {
            return write(&self.snapshot, list, echo, out);
        }
        let kept = match list {
            List::Variables { forced: false } => &self.variables,
            List::Variables { forced: true } => &self.forced,
            List::Writable => &self.writable,
            List::Commands => &self.commands,
        };
        out.extend_from_slice(kept.get_or_init(|| {
            let mut bytes = Vec::new();
            write(&self.snapshot, list, echo, &mut bytes);
            bytes.into_boxed_slice()
        }));
    }
}

impl Deref for Page {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

fn write(snapshot: &Snapshot, list: List, echo: &str, out: &mut Vec<u8>) {
    let keyword = match list {
        List::Variables { .. } => "VAR",
        List::Writable => "RW",
        List::Commands => "CMD",
    };
    put(out, &["BEGIN LIST ", keyword, " ", echo, "\n"]);
    match list {
        List::Commands => {
            for command in &snapshot.commands {
                put(out, &["CMD ", echo, " ", command, "\n"]);
            }
        }
        List::Variables { forced } => {
            for variable in &snapshot.variables {
                put(out, &["VAR ", echo, " ", &variable.name, " "]);
                put_value(out, forced, variable);
                out.push(b'\n');
            }
        }
        List::Writable => {
            for variable in snapshot.variables.iter().filter(|v| v.writable) {
                put(out, &["RW ", echo, " ", &variable.name, " "]);
                put_quoted(out, &variable.value);
                out.push(b'\n');
            }
        }
    }
    put(out, &["END LIST ", keyword, " ", echo, "\n"]);
}

/// The value as clients are to see it: the latch of FSD shows in front of the device's own status.
pub(super) fn put_value(out: &mut Vec<u8>, forced: bool, variable: &Variable) {
    if forced && variable.name.eq_ignore_ascii_case(STATUS) {
        put_quoted(out, &format!("FSD {}", variable.value));
    } else {
        put_quoted(out, &variable.value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn page() -> Page {
        let variable = |name: &str, value: &str, writable| Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            writable,
            ..Variable::default()
        };
        let snapshot = Snapshot {
            variables: vec![
                variable("ups.id", "a \"b\"", true),
                variable("ups.status", "OL", false),
            ],
            commands: vec!["load.off".to_owned()],
            ..Snapshot::default()
        };
        Page::new("Lab".into(), Arc::new(snapshot))
    }

    #[track_caller]
    fn check(page: &Page, list: List, echo: &str, expected: &str) {
        // Written the first time, copied the second.
        for _ in 0..2 {
            let mut out = b"before\n".to_vec();
            page.put(list, echo, &mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                format!("before\n{expected}")
            );
        }
    }

    #[test]
    fn a_kept_list_is_the_list() {
        let page = page();
        for echo in ["Lab", "lAB"] {
            let list = |status: &str| {
                format!(
                    "BEGIN LIST VAR {echo}\nVAR {echo} ups.id \"a \\\"b\\\"\"\nVAR {echo} ups.status \"{status}\"\nEND LIST VAR {echo}\n"
                )
            };
            check(&page, List::Variables { forced: false }, echo, &list("OL"));
            check(
                &page,
                List::Variables { forced: true },
                echo,
                &list("FSD OL"),
            );
            let writable = format!(
                "BEGIN LIST RW {echo}\nRW {echo} ups.id \"a \\\"b\\\"\"\nEND LIST RW {echo}\n"
            );
            check(&page, List::Writable, echo, &writable);
            let commands =
                format!("BEGIN LIST CMD {echo}\nCMD {echo} load.off\nEND LIST CMD {echo}\n");
            check(&page, List::Commands, echo, &commands);
        }
    }

    #[test]
    fn only_the_configured_spelling_is_kept() {
        let page = page();
        page.put(List::Variables { forced: false }, "LAB", &mut Vec::new());
        assert!(page.variables.get().is_none());
        page.put(List::Variables { forced: false }, "Lab", &mut Vec::new());
        assert!(page.variables.get().is_some());
    }
}
