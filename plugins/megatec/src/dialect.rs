//! What a dialect is: what is asked, when, and what a device must answer to be taken for one that speaks it.
//!
//! Sources: Megatec protocol information (columns of Q1, F and I), the sheets of Voltronic, Inno and Best Power, the
//! lists of units in the NUT project's issues; where devices differ, the row says so.

use crate::commands::{Command, MEGATEC};
use crate::delays::Spans;
use crate::link::Expect;
use crate::picture::Picture;
use crate::row::Row;
use crate::writes::Write;
use husk_driver::{Deadline, Var};

/// One dialect of the family.
pub(crate) struct Dialect {
    /// What `protocol =` calls it.
    pub(crate) name: &'static str,
    /// idVendor of the only bridge it is looked for behind; named by `protocol =`, it is spoken over anything.
    pub(crate) usb_vendor: Option<u16>,
    /// What is asked, in this order. Of two answers that give one variable the later counts, unless it is one that is
    /// asked only once.
    pub(crate) asks: &'static [Ask],
    /// What all units of the dialect are.
    pub(crate) constants: &'static [(&'static str, &'static str)],
    /// What follows from all answers together.
    pub(crate) finish: fn(&mut Picture),
    pub(crate) commands: &'static [Command],
    pub(crate) writes: &'static [Write],
    /// None: the device is not told to switch off.
    pub(crate) spans: Option<Spans>,
    pub(crate) replies: Replies,
    /// Every line ends with two bytes of checksum.
    pub(crate) checksums: bool,
    /// For an answer.
    pub(crate) within: Deadline,
}

impl Dialect {
    /// What most dialects have in common.
    pub(crate) const USUAL: Self = Self {
        name: "",
        usb_vendor: None,
        asks: &[],
        constants: &[],
        finish: |_| {},
        commands: MEGATEC,
        writes: &[],
        spans: Some(Spans::MEGATEC),
        replies: Replies::USUAL,
        checksums: false,
        within: Expect::LINE.within,
    };
}

/// How a device says yes and no to a command. An echo is always a no.
#[derive(Clone, Copy)]
pub(crate) struct Replies {
    /// Besides an empty line and ACK: what an answer begins with that is a yes.
    pub(crate) yes: Option<&'static str>,
    /// Besides NAK: a whole answer that is a no.
    pub(crate) no: Option<&'static str>,
    /// Whether silence is a yes.
    pub(crate) silence_is_yes: bool,
}

impl Replies {
    pub(crate) const USUAL: Self = Self {
        yes: None,
        no: None,
        silence_is_yes: true,
    };

    /// Each command is answered.
    pub(crate) const SPOKEN: Self = Self {
        silence_is_yes: false,
        ..Self::USUAL
    };
}

/// One query.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    /// What is sent, without the carriage return.
    pub(crate) query: &'static str,
    /// The first byte of the answer.
    pub(crate) lead: Option<u8>,
    /// Bytes an answer has at least, without its end.
    pub(crate) least: usize,
    pub(crate) read: Read,
    pub(crate) when: When,
    /// A device that does not answer it is not of this dialect.
    pub(crate) claims: bool,
    /// A flag of the section by which it is not asked.
    pub(crate) unless: Option<&'static str>,
    /// Whether it is asked, by what was answered before it.
    pub(crate) only: fn(&Picture) -> bool,
    /// Bytes of the answer that may be anything.
    pub(crate) raw: usize,
    /// The address of the unit follows, after a comma.
    pub(crate) addressed: bool,
    /// A no is an answer like others.
    pub(crate) even_no: bool,
    /// A setting of the section and the variable that must be the same number, if the section has it.
    pub(crate) matching: Option<(&'static str, Var)>,
}

/// How an answer is read.
#[derive(Clone, Copy)]
pub(crate) enum Read {
    Rows(&'static [Row]),
    /// It is no text. `None`: it is none of this protocol.
    Bytes(fn(&[u8], &mut Picture) -> Option<()>),
}

/// When something is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// At each poll, because it tells the status. A unit that has answered it must go on doing so.
    Status,
    /// At each poll, because it changes quickly. What is not answered is unknown.
    Poll,
    /// Every `pollfreq` seconds, and after a command or a write.
    Walk,
    /// When the device is opened, and after a command or a write.
    Change,
    /// When the device is opened.
    Once,
}

/// A query whose answer has columns, asked every `pollfreq` seconds.
pub(crate) const fn ask(query: &'static str, lead: u8, least: usize, rows: &'static [Row]) -> Ask {
    Ask {
        query,
        lead: Some(lead),
        least,
        read: Read::Rows(rows),
        when: When::Walk,
        claims: false,
        unless: None,
        only: |_| true,
        raw: 0,
        addressed: false,
        even_no: false,
        matching: None,
    }
}

/// The same for an answer that begins with nothing in particular.
pub(crate) const fn ask_bare(query: &'static str, least: usize, rows: &'static [Row]) -> Ask {
    Ask {
        lead: None,
        ..ask(query, 0, least, rows)
    }
}

impl Ask {
    /// A device that does not answer it is not of this dialect.
    pub(crate) const fn claims(self) -> Self {
        Self {
            claims: true,
            ..self
        }
    }

    /// Asked at each poll, for the status.
    pub(crate) const fn each_poll(self) -> Self {
        Self {
            when: When::Status,
            ..self
        }
    }

    /// Asked at each poll, for what is not the status.
    pub(crate) const fn often(self) -> Self {
        Self {
            when: When::Poll,
            ..self
        }
    }

    /// Asked when opened, and again after commands and writes.
    pub(crate) const fn after_changes(self) -> Self {
        Self {
            when: When::Change,
            ..self
        }
    }

    /// Asked when opened.
    pub(crate) const fn once(self) -> Self {
        Self {
            when: When::Once,
            ..self
        }
    }

    /// Not asked with this flag in the section.
    pub(crate) const fn unless(self, flag: &'static str) -> Self {
        Self {
            unless: Some(flag),
            ..self
        }
    }

    /// Asked only of devices of which this holds.
    pub(crate) const fn only(self, only: fn(&Picture) -> bool) -> Self {
        Self { only, ..self }
    }

    /// Answered by bytes, any of which may be a carriage return among the first `raw`.
    pub(crate) const fn bytes(
        self,
        raw: usize,
        read: fn(&[u8], &mut Picture) -> Option<()>,
    ) -> Self {
        Self {
            raw,
            read: Read::Bytes(read),
            ..self
        }
    }

    /// The unit's address is part of it.
    pub(crate) const fn addressed(self) -> Self {
        Self {
            addressed: true,
            ..self
        }
    }

    /// A no is an answer like others.
    pub(crate) const fn even_no(self) -> Self {
        Self {
            even_no: true,
            ..self
        }
    }

    /// The device is another one unless this setting, if there is one, is the same number as the variable.
    pub(crate) const fn matching(self, setting: &'static str, variable: Var) -> Self {
        Self {
            matching: Some((setting, variable)),
            ..self
        }
    }

    /// What is sent.
    pub(crate) fn text(&self, picture: &Picture) -> String {
        addressed(self.query, self.addressed, picture)
    }
}

/// A line with the unit's address, if it has to have one.
pub(crate) fn addressed(line: &str, addressed: bool, picture: &Picture) -> String {
    match picture.shown(ADDRESS) {
        Some(address) if addressed => format!("{line},{address}"),
        _ => line.to_owned(),
    }
}

/// The variable that is the address of a unit on a bus.
pub(crate) const ADDRESS: &str = husk_driver::var::UPS_ID.as_str();
