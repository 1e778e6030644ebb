//! HID report descriptors and reports, as UPSes on USB (and, tunnelled, on a serial line) speak them.
//!
//! A device describes its reports in a small stack language; [`Descriptor::parse`] turns it into a list of [`Field`]s,
//! each with a [`Path`] of usages, its bits in a report and its scale. A field then reads or patches the bytes of a
//! report. Lenient where devices are known to be wrong and no more: surplus usages, ranges whose maximum was
//! encoded one bit short, garbage above the range. Refuses to guess what a device meant beyond that: all of a field is
//! public so that a driver may correct what it knows to be wrong. Standard: USB HID 1.11 §6.2.2, Power Device class 1.1.

mod field;
mod parse;
mod path;
pub mod setup;
mod usage;

pub use field::{Field, Kind, Unwritable};
pub use path::Path;
pub use setup::Setup;
pub use usage::Usage;

/// Longest descriptor that is looked at, in bytes: the largest a UPS is known to send has about 2,000.
pub const DESCRIPTOR_MAX: usize = 6144;
/// Most fields of one descriptor; the largest known UPS has about 300.
pub const FIELDS_MAX: usize = 1024;
/// Deepest nesting of collections, their `[n]` indexes not counted; known devices have four.
pub const DEPTH_MAX: usize = 16;
/// Deepest nesting of PUSH; nobody is known to use it.
pub const STACK_MAX: usize = 4;

/// What a device says its reports hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Everything with a usage, in the order of the descriptor; padding is left out. Two fields may have the same path
    /// and kind: the first counts.
    pub fields: Vec<Field>,
    /// How many bits each report has behind its id byte, padding included.
    lengths: Vec<(u8, Kind, u16)>,
}

/// Why a descriptor is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// More than [`DESCRIPTOR_MAX`] bytes.
    TooLong,
    /// More than [`FIELDS_MAX`] fields.
    TooManyFields,
    /// Collections or PUSHes nested deeper than [`DEPTH_MAX`] or [`STACK_MAX`].
    TooDeep,
    /// A report of more than 65,535 bits.
    ReportTooLong,
    /// Not one field: empty, or not a descriptor at all.
    Empty,
}

impl core::fmt::Display for Reason {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(match self {
            Self::TooLong => "the device's report descriptor is longer than 6144 bytes",
            Self::TooManyFields => "the device describes more than 1024 fields",
            Self::TooDeep => "the device nests its collections too deep",
            Self::ReportTooLong => "the device describes a report of more than 8 KiB",
            Self::Empty => "the device's report descriptor describes nothing",
        })
    }
}

impl core::error::Error for Reason {}

impl Descriptor {
    /// Reads a report descriptor as the device sent it.
    ///
    /// An item cut off by the end of the bytes ends the descriptor: some devices send fewer bytes than they announce.
    ///
    /// # Errors
    /// [`Reason`]: a bound passed, or nothing described.
    pub fn parse(bytes: &[u8]) -> Result<Self, Reason> {
        parse::descriptor(bytes)
    }

    /// The first field of this kind with exactly this path.
    #[must_use]
    pub fn find(&self, path: &Path, kind: Kind) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.kind == kind && field.path == *path)
    }

    /// As [`Descriptor::find`], to correct it.
    pub fn find_mut(&mut self, path: &Path, kind: Kind) -> Option<&mut Field> {
        self.fields
            .iter_mut()
            .find(|field| field.kind == kind && field.path == *path)
    }

    /// The fields of one report, in the order of the descriptor.
    pub fn report(&self, id: u8, kind: Kind) -> impl Iterator<Item = &Field> {
        self.fields
            .iter()
            .filter(move |field| field.report == id && field.kind == kind)
    }

    /// Bytes of one report as described, its id byte included (also where the device numbers no reports and the id is
    /// 0); `None` when there is no such report.
    #[must_use]
    pub fn report_length(&self, id: u8, kind: Kind) -> Option<u16> {
        self.lengths
            .iter()
            .find(|(of, its, _)| (*of, *its) == (id, kind))
            .map(|(_, _, bits)| bits.div_ceil(8) + 1)
    }

    /// The ids of all reports of one kind, in the order of the descriptor.
    pub fn reports(&self, kind: Kind) -> impl Iterator<Item = u8> {
        self.lengths
            .iter()
            .filter(move |(_, its, _)| *its == kind)
            .map(|(id, _, _)| *id)
    }
}
