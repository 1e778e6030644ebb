//! The tables of `mibs/`: which object is which variable.
//!
//! ```text
//! agent apcc 1.3.6.1.4.1.318.1.1.1.1.1.1.0       mibs = apcc; the sysObjectID by which such an agent is known
//! root 1.3.6.1.4.1.318.1.1.1                     stands before every object that begins with a dot
//! include system                                 the rows and lookups of another file as well
//! [variables]
//! battery.charge  .2.3.1.0  x0.1 nonneg          first row that has a value wins
//! input.L#.current  .9.2.3.1.6.1.1.#  x0.1       three rows, one for each phase
//! [commands]
//! load.off  .6.2.1.0=2                           what is written where, all at once
//! [alarms .7.2.1.2 .7.1.0]                       a column of OIDs, and how many there are
//! .7.7  OVER  The output is overloaded
//! [lookup source]
//! 5  OB
//! ```
//!
//! Words behind an object: `text` (`text:8`, at most 8 bytes may be written), `xN` factor to the variable's unit, `rw`,
//! `static` (read once), `semistatic` (read now and then), `as:LOOKUP`, `by:FUNCTION`, `unit:OBJECT` (a temperature in
//! the unit that object tells), `while:OBJECT=N` (counts only then), `nonneg nonzero not-na` (other values mean none),
//! `in1 in3 out1 out3` (for units with that many phases). Values of a command: a number, `N?` (a number for an object that
//! may be missing), an OID, `offdelay`, `ondelay`
//! (the section's, or what the client gives), `lock` (what is read there: a spin lock, RFC 2579 TestAndIncr).
//!
//! Refuses files with a word it does not know; a test reads them all.

use crate::mibs;
use crate::object::Object;
use husk_driver::Oid;

/// Files may include files, so deep.
const INCLUDES_DEEP: u32 = 4;

/// One MIB: what its objects mean.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Variables, in order of preference for each name.
    pub(crate) rows: Vec<Row>,
    /// Instant commands.
    pub(crate) commands: Vec<Command>,
    /// Where active alarms are listed.
    pub(crate) alarms: Option<Alarms>,
    lookups: Vec<(&'static str, Lookup)>,
}

/// Numbers and what they stand for, nothing included.
pub(crate) type Lookup = Vec<(i64, &'static str)>;

/// One variable and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its name, `*` for the number of an outlet, group or sensor.
    pub(crate) name: String,
    /// Where its value comes from.
    pub(crate) source: Source,
    /// Text instead of a number, of at most so many bytes when written.
    pub(crate) text: Option<u32>,
    /// From the object's unit to the variable's.
    pub(crate) factor: f64,
    /// The words numbers stand for.
    pub(crate) lookup: Option<&'static str>,
    /// What else becomes of the value.
    pub(crate) by: By,
    /// Clients may write it.
    pub(crate) writable: bool,
    /// How often it is read.
    pub(crate) often: Often,
    /// Values that mean none.
    pub(crate) invalid: Invalid,
    /// Only for units with one or three phases.
    pub(crate) phases: Option<(Side, u8)>,
    /// Counts only while this object has this value.
    pub(crate) only_while: Option<(Object, i64)>,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The agent.
    Object(Object),
    /// It is always this, `*` for the number of the instance.
    Constant(&'static str),
    /// The driver keeps it.
    Kept(Kept),
}

/// What the driver keeps for the device, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// From the command until the load is cut.
    OffDelay,
    /// Until the load is fed again.
    OnDelay,
}

/// What becomes of a value beyond factor and lookup.
#[derive(Clone, Debug, Default)]
pub(crate) enum By {
    /// Nothing.
    #[default]
    Itself,
    /// Month, day and year become the date of ISO 8601.
    UsDate,
    /// The number of items between commas.
    Items,
    /// `yes` because the object is there.
    Present,
    /// A temperature in what this object says: 0 kelvin, 1 degrees Celsius, 2 Fahrenheit.
    Unit(Object),
}

/// How often an object is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Often {
    /// Each time everything is.
    #[default]
    Walk,
    /// Once in `semistaticfreq` times.
    Seldom,
    /// Once.
    Once,
}

/// Values by which agents say that they have none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Invalid {
    /// Below zero.
    pub(crate) negative: bool,
    /// Zero.
    pub(crate) zero: bool,
    /// `N/A`.
    pub(crate) not_available: bool,
}

/// Whose phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Of the input.
    Input,
    /// Of the output.
    Output,
}

/// One instant command.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// Its name, `*` for the number of an outlet or group.
    pub(crate) name: &'static str,
    /// What is written, in one request.
    pub(crate) writes: Vec<(Object, Writes)>,
}

/// What a command writes into one object.
#[derive(Clone, Debug)]
pub(crate) enum Writes {
    /// This number.
    Number(i64),
    /// This number, to agents that have the object.
    IfThere(i64),
    /// This OID.
    Oid(Oid),
    /// What the client gives, else what is kept.
    Kept(Kept),
    /// What is read there just before.
    Lock,
}

/// Where an agent lists its active alarms: a column whose values are OIDs.
#[derive(Clone, Debug)]
pub(crate) struct Alarms {
    /// The column.
    pub(crate) column: Oid,
    /// How many rows it has.
    pub(crate) count: Oid,
    /// What an OID in it means: status word or nothing, alarm or nothing.
    pub(crate) kinds: Vec<(Oid, &'static str, &'static str)>,
}

/// A line of a table that is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadTable {
    /// The file.
    pub(crate) file: &'static str,
    /// The line, or what is missing.
    pub(crate) line: &'static str,
}

impl Table {
    /// Reads one file and what it includes.
    pub(crate) fn load(file: &'static str) -> Result<Self, BadTable> {
        let mut table = Self::default();
        table.read(file, INCLUDES_DEEP)?;
        Ok(table)
    }

    /// The words of a lookup; a file's own come before those it includes.
    pub(crate) fn lookup(&self, name: &str) -> Option<&Lookup> {
        let mut lookups = self.lookups.iter();
        lookups.find(|(known, _)| *known == name).map(|(_, of)| of)
    }

    /// The object that names the model: by it an agent is recognised.
    pub(crate) fn model(&self) -> Option<&Object> {
        let of = |name: &str| {
            self.rows.iter().find_map(|row| match &row.source {
                Source::Object(object) if row.name == name => Some(object),
                _ => None,
            })
        };
        of("device.model").or_else(|| of("ups.model"))
    }

    fn read(&mut self, file: &'static str, deep: u32) -> Result<(), BadTable> {
        let missing = BadTable { file, line: "" };
        let text = mibs::text(file).filter(|_| deep > 0).ok_or(missing)?;
        let mut root = Vec::new();
        let mut section = Section::Head;
        let mut includes = Vec::new();
        for line in text.lines() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let bad = || BadTable { file, line };
            if line.starts_with('[') {
                section = self.section(line, &root).ok_or_else(bad)?;
                continue;
            }
            match section {
                Section::Head => match line.split_once(' ') {
                    Some(("include", other)) => includes.push(other),
                    Some(("root", oid)) => {
                        root = oid.parse::<Oid>().map_err(|_| bad())?.as_slice().to_vec();
                    }
                    Some(("agent", _)) => {}
                    _ => return Err(bad()),
                },
                Section::Variables => self.variables(line, &root).ok_or_else(bad)?,
                Section::Commands => {
                    let command = command(line, &root).ok_or_else(bad)?;
                    self.commands.push(command);
                }
                Section::Alarms => self.alarm(line, &root).ok_or_else(bad)?,
                Section::Lookup => self.word(line).ok_or_else(bad)?,
            }
        }
        includes
            .into_iter()
            .try_for_each(|other| self.read(other, deep - 1))
    }

    fn section(&mut self, line: &'static str, root: &[u32]) -> Option<Section> {
        let mut words = line.strip_prefix('[')?.strip_suffix(']')?.split(' ');
        let section = match words.next()? {
            "variables" => Section::Variables,
            "commands" => Section::Commands,
            "lookup" => {
                self.lookups.push((words.next()?, Lookup::new()));
                Section::Lookup
            }
            "alarms" => {
                let mut oid = || Some(Object::parse(words.next()?, root, 0)?.at(<_>::default()));
                self.alarms = Some(Alarms {
                    column: oid()?,
                    count: oid()?,
                    kinds: Vec::new(),
                });
                Section::Alarms
            }
            _ => return None,
        };
        Some(section)
    }

    /// One line, which is three rows when it has a place for the phase.
    fn variables(&mut self, line: &'static str, root: &[u32]) -> Option<()> {
        let (name, rest) = line.split_once(' ')?;
        let phases = if name.contains('#') { 1..=3 } else { 0..=0 };
        for phase in phases {
            let row = row(name, rest.trim(), root, phase)?;
            self.rows.push(row);
        }
        Some(())
    }

    fn alarm(&mut self, line: &'static str, root: &[u32]) -> Option<()> {
        let (object, rest) = line.split_once(' ')?;
        let (word, text) = rest.trim().split_once(' ')?;
        let said = |text: &'static str| if text == "-" { "" } else { text };
        let oid = Object::parse(object, root, 0)?.at(<_>::default());
        let kinds = &mut self.alarms.as_mut()?.kinds;
        kinds.push((oid, said(word), said(text.trim())));
        Some(())
    }

    fn word(&mut self, line: &'static str) -> Option<()> {
        let line = line.trim();
        let (number, text) = line.split_once(' ').unwrap_or((line, ""));
        let (_, words) = self.lookups.last_mut()?;
        words.push((number.parse().ok()?, text.trim()));
        Some(())
    }
}

#[derive(Clone, Copy)]
enum Section {
    Head,
    Variables,
    Commands,
    Alarms,
    Lookup,
}

/// The row of one phase; 0 for none.
fn row(name: &str, rest: &'static str, root: &[u32], phase: u32) -> Option<Row> {
    let next = phase % 3 + 1;
    let name = name.replacen('#', &phase.to_string(), 1);
    let (source, words) = match rest.strip_prefix('"') {
        Some(rest) => {
            let (text, words) = rest.split_once('"')?;
            (Source::Constant(text), words)
        }
        None => {
            let (object, words) = rest.split_once(' ').unwrap_or((rest, ""));
            let source = match kept(object) {
                Some(kept) => Source::Kept(kept),
                None => Source::Object(Object::parse(object, root, phase)?),
            };
            (source, words)
        }
    };
    let mut row = Row {
        name: name.replacen('#', &next.to_string(), 1),
        source,
        text: None,
        factor: 1.0,
        lookup: None,
        by: By::Itself,
        writable: false,
        often: Often::Walk,
        invalid: Invalid::default(),
        phases: None,
        only_while: None,
    };
    words
        .split_whitespace()
        .try_for_each(|word| row.say(word, root))?;
    Some(row)
}

/// Bytes that may be written into a text whose length the table does not say: DisplayString allows 255, agents less.
const TEXT_MAX: u32 = 128;

impl Row {
    /// Takes one word in.
    fn say(&mut self, word: &'static str, root: &[u32]) -> Option<()> {
        match word.split_once(':') {
            Some(("as", name)) => self.lookup = Some(name),
            Some(("text", most)) => self.text = Some(most.parse().ok()?),
            Some(("by", "us-date")) => self.by = By::UsDate,
            Some(("by", "items")) => self.by = By::Items,
            Some(("by", "present")) => self.by = By::Present,
            Some(("unit", object)) => self.by = By::Unit(Object::parse(object, root, 0)?),
            Some(("while", what)) => {
                let (object, value) = what.split_once('=')?;
                let object = Object::parse(object, root, 0)?;
                self.only_while = Some((object, value.parse().ok()?));
            }
            Some(_) => return None,
            None => self.flag(word)?,
        }
        Some(())
    }

    fn flag(&mut self, word: &str) -> Option<()> {
        match word {
            "text" => self.text = Some(TEXT_MAX),
            "rw" => self.writable = true,
            "static" => self.often = Often::Once,
            "semistatic" => self.often = Often::Seldom,
            "nonneg" => self.invalid.negative = true,
            "nonzero" => self.invalid.zero = true,
            "not-na" => self.invalid.not_available = true,
            "in1" => self.phases = Some((Side::Input, 1)),
            "in3" => self.phases = Some((Side::Input, 3)),
            "out1" => self.phases = Some((Side::Output, 1)),
            "out3" => self.phases = Some((Side::Output, 3)),
            factor => self.factor = factor.strip_prefix('x')?.parse().ok()?,
        }
        Some(())
    }
}

fn command(line: &'static str, root: &[u32]) -> Option<Command> {
    let (name, rest) = line.split_once(' ')?;
    let write = |word: &'static str| {
        let (object, value) = word.split_once('=')?;
        let writes = match (value, kept(value)) {
            (_, Some(kept)) => Writes::Kept(kept),
            ("lock", _) => Writes::Lock,
            (oid, _) if oid.contains('.') => Writes::Oid(oid.parse().ok()?),
            (number, _) => match number.strip_suffix('?') {
                Some(number) => Writes::IfThere(number.parse().ok()?),
                None => Writes::Number(number.parse().ok()?),
            },
        };
        Some((Object::parse(object, root, 0)?, writes))
    };
    let writes = rest.split_whitespace().map(write);
    Some(Command {
        name,
        writes: writes.collect::<Option<_>>()?,
    })
}

fn kept(word: &str) -> Option<Kept> {
    match word {
        "offdelay" => Some(Kept::OffDelay),
        "ondelay" => Some(Kept::OnDelay),
        _ => None,
    }
}

impl Row {
    /// The object that tells the unit.
    pub(crate) fn unit(&self) -> Option<&Object> {
        match &self.by {
            By::Unit(object) => Some(object),
            _ => None,
        }
    }

    /// The objects that are read beside the row's own.
    pub(crate) fn beside(&self) -> impl Iterator<Item = &Object> {
        let guard = self.only_while.as_ref().map(|(object, _)| object);
        self.unit().into_iter().chain(guard)
    }
}
