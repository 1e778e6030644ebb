//! A maker's rows bound to the fields of one device, and what they last said.
//!
//! A value that cannot be read for a moment is kept for two polls and then unknown. Refuses to bind by anything but the
//! exact path. Rows of one variable stand together, so that the first that has something to say is found in passing.

use crate::convert;
use crate::device::{Device, Look};
use crate::row::{Command, Flag, Means, Row, Shown};
use crate::status::Facts;
use husk_driver::wire::hid::{Field, Path};
use husk_driver::{IoError, Value};

/// Walks in a row that may miss a value before it is unknown: a lost transfer is no news about the load.
const MISSES_MAX: u8 = 2;

/// Rows of one device.
pub(crate) struct Table {
    rows: Vec<Bound<Row>>,
    flags: Vec<Bound<Flag>>,
    commands: Vec<(&'static Command, Field)>,
    /// Counts walks and interrupts: which of two values is newer.
    turn: u64,
}

/// A row, its field and what the field said last.
struct Bound<R: 'static> {
    row: &'static R,
    field: Field,
    last: Option<Last>,
    /// The last value was told by an interrupt: the next walk reads it again, whatever the walk.
    heard: bool,
}

struct Last {
    value: f64,
    /// The turn it was read or heard in.
    turn: u64,
    misses: u8,
    /// What a row makes of the value, as of when it was read.
    text: Option<Value>,
}

/// What a walk came to.
#[derive(Default)]
pub(crate) struct Walk {
    turn: u64,
    /// Fields that were read.
    pub(crate) read: usize,
    /// Why fields were not, the last of it.
    pub(crate) failure: Option<IoError>,
}

/// One variable as it is known now.
pub(crate) struct Shows<'a> {
    /// The row that supplies it.
    pub(crate) row: &'static Row,
    /// Its field.
    pub(crate) field: &'a Field,
    /// Its text.
    pub(crate) value: Value,
}

impl Table {
    /// Finds the fields of the maker's rows.
    pub(crate) fn new(device: &Device) -> Self {
        let maker = device.maker;
        Self {
            rows: bind(device, maker.rows, |row| row.path),
            flags: bind(device, maker.flags, |flag| flag.path),
            commands: maker
                .commands
                .iter()
                .filter_map(|command| Some((command, device.commanded(command.path)?)))
                .collect(),
            turn: 0,
        }
    }

    /// Whether the device has none of the maker's fields.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.flags.is_empty()
    }

    /// Reads every field, or those that are read often.
    ///
    /// # Errors
    /// The device is gone; anything less is in the [`Walk`].
    pub(crate) fn walk(&mut self, device: &mut Device, full: bool) -> Result<Walk, IoError> {
        self.turn += 1;
        let mut walk = Walk {
            turn: self.turn,
            ..Walk::default()
        };
        for bound in &mut self.flags {
            if full || bound.row.often || bound.heard {
                bound.read(device, &mut walk)?;
            }
        }
        let mut supplied = "";
        for bound in &mut self.rows {
            let Row { name, shown, .. } = bound.row;
            if supplied == *name {
                continue;
            }
            if (full || bound.row.often || bound.heard) && !matches!(shown, Shown::Kept(_)) {
                bound.read(device, &mut walk)?;
                bound.show(device);
            }
            if bound.supplies() {
                supplied = name;
            }
        }
        if full {
            for (_, field) in &self.commands {
                // Whether the device has the report tells whether it has the command.
                drop(device.value(field));
            }
        }
        Ok(walk)
    }

    /// Takes an input report in; whether any row was waiting for it.
    pub(crate) fn hear(&mut self, device: &mut Device, report: &[u8]) -> bool {
        let id = report.first().copied().unwrap_or(0);
        let told: Vec<(Path, f64)> = device
            .inputs(id)
            .filter_map(|field| Some((field.path.clone(), field.value(report)?)))
            .collect();
        self.turn += 1;
        let mut heard = false;
        for (path, value) in told {
            for bound in &mut self.flags {
                heard |= bound.hear(&path, value, self.turn);
            }
            for bound in &mut self.rows {
                if bound.hear(&path, value, self.turn) {
                    bound.show(device);
                    heard = true;
                }
            }
        }
        heard
    }

    /// The facts that the flags tell, the newest last; their number says how many flags have spoken.
    pub(crate) fn facts(&self, device: &mut Device) -> (Facts, usize) {
        let spoken = self
            .flags
            .iter()
            .filter_map(|bound| Some((bound, bound.last.as_ref()?)));
        let mut spoken: Vec<_> = spoken.collect();
        spoken.sort_by_key(|(_, last)| last.turn);
        let told = spoken.len();
        let mut facts = Facts::default();
        for (bound, last) in spoken {
            match bound.row.means {
                Means::Set(fact) => facts.set(fact, last.value != 0.0),
                Means::Cleared(fact) => facts.set(fact, last.value == 0.0),
                Means::By(tell) => tell(&mut Look(device), last.value, &mut facts),
            }
        }
        (facts, told)
    }

    /// Every variable, by the first of its rows that has a value; `kept` tells those the driver keeps.
    pub(crate) fn shows<'a>(
        &'a self,
        mut kept: impl FnMut(&Row) -> Value,
    ) -> impl Iterator<Item = Shows<'a>> {
        let mut supplied = "";
        self.rows.iter().filter_map(move |bound| {
            if supplied == bound.row.name || !bound.supplies() {
                return None;
            }
            supplied = bound.row.name;
            let value = match bound.row.shown {
                Shown::Kept(_) => kept(bound.row),
                _ => bound.last.as_ref()?.text.clone()?,
            };
            Some(Shows {
                row: bound.row,
                field: &bound.field,
                value,
            })
        })
    }

    /// The number behind a variable.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        let mut rows = self.rows.iter().filter(|bound| bound.row.name == name);
        rows.find_map(|bound| Some(bound.last.as_ref()?.value))
    }

    /// The field that is written to set a variable, unless the device was found not to have it.
    pub(crate) fn written(&self, device: &Device, name: &str) -> Option<&Field> {
        let mut rows = self.rows.iter();
        let row = rows
            .find(|bound| bound.row.name == name && bound.row.writable && device.has(&bound.field));
        row.map(|bound| &bound.field)
    }

    /// The rows of the commands the device has the fields of, in the order of preference.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &(&'static Command, Field)> {
        self.commands.iter()
    }
}

fn bind<R>(
    device: &Device,
    rows: &'static [R],
    path: impl Fn(&R) -> &'static str,
) -> Vec<Bound<R>> {
    let bound = rows.iter().filter_map(|row| {
        Some(Bound {
            row,
            field: device.field(path(row))?,
            last: None,
            heard: false,
        })
    });
    bound.collect()
}

impl<R> Bound<R> {
    fn read(&mut self, device: &mut Device, walk: &mut Walk) -> Result<(), IoError> {
        match device.value(&self.field) {
            Ok(Some(value)) => {
                walk.read += 1;
                self.set(value, walk.turn);
                self.heard = false;
            }
            // A report that the device only tells cannot be read, and what it told holds.
            Ok(None) if self.heard => {}
            Ok(None) => self.last = None,
            Err(error @ (IoError::Disconnected | IoError::Revoked)) => return Err(error),
            Err(error) => {
                walk.failure = Some(error);
                self.last = self.last.take().filter(|last| last.misses < MISSES_MAX);
                if let Some(last) = &mut self.last {
                    last.misses += 1;
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, path: &Path, value: f64, turn: u64) -> bool {
        let mine = self.field.path == *path;
        if mine {
            self.set(value, turn);
            self.heard = true;
        }
        mine
    }

    fn set(&mut self, value: f64, turn: u64) {
        self.last = Some(Last {
            value,
            turn,
            misses: 0,
            text: None,
        });
    }
}

impl Bound<Row> {
    /// Makes the text; kept when the value is only missed.
    fn show(&mut self, device: &mut Device) {
        if let Some(last) = &mut self.last
            && last.misses == 0
        {
            last.text = convert::text(&mut Look(device), self.row, last.value);
        }
    }

    /// Whether this row has something to say about its variable.
    fn supplies(&self) -> bool {
        let said = self.last.as_ref().is_some_and(|last| last.text.is_some());
        said || matches!(self.row.shown, Shown::Kept(_))
    }
}
