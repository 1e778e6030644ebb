//! The stack language of report descriptors: short items that set globals and locals, and main items that make fields.
//!
//! Long items are skipped, designators, strings and delimiters have no meaning for a UPS and are ignored, an END
//! COLLECTION too many is ignored. Standard: USB HID 1.11 §6.2.2.2 to §6.2.2.8.

use super::{
    DEPTH_MAX, DESCRIPTOR_MAX, Descriptor, FIELDS_MAX, Field, Kind, Path, Reason, STACK_MAX,
};

/// Tag and type of a short item: its first byte without the two bits of the length.
mod item {
    pub(super) const INPUT: u8 = 0x80;
    pub(super) const OUTPUT: u8 = 0x90;
    pub(super) const COLLECTION: u8 = 0xa0;
    pub(super) const FEATURE: u8 = 0xb0;
    pub(super) const END_COLLECTION: u8 = 0xc0;
    pub(super) const USAGE_PAGE: u8 = 0x04;
    pub(super) const LOGICAL_MINIMUM: u8 = 0x14;
    pub(super) const LOGICAL_MAXIMUM: u8 = 0x24;
    pub(super) const PHYSICAL_MINIMUM: u8 = 0x34;
    pub(super) const PHYSICAL_MAXIMUM: u8 = 0x44;
    pub(super) const UNIT_EXPONENT: u8 = 0x54;
    pub(super) const UNIT: u8 = 0x64;
    pub(super) const REPORT_SIZE: u8 = 0x74;
    pub(super) const REPORT_ID: u8 = 0x84;
    pub(super) const REPORT_COUNT: u8 = 0x94;
    pub(super) const PUSH: u8 = 0xa4;
    pub(super) const POP: u8 = 0xb4;
    pub(super) const USAGE: u8 = 0x08;
    pub(super) const USAGE_MINIMUM: u8 = 0x18;
    pub(super) const USAGE_MAXIMUM: u8 = 0x28;
    /// The whole first byte of a long item.
    pub(super) const LONG: u8 = 0xfe;
}

/// One short item's data, both ways it can be read.
#[derive(Clone, Copy)]
struct Data {
    unsigned: u32,
    /// Sign extended from as many bytes as the item has.
    signed: i64,
    bytes: u8,
}

#[derive(Clone, Copy, Default)]
struct Globals {
    page: u32,
    logical_minimum: i64,
    /// The maximum read with its sign, and without.
    logical_maximum: (i64, i64),
    physical_minimum: Option<i64>,
    physical_maximum: Option<i64>,
    exponent: i8,
    unit: u32,
    size: u32,
    count: u32,
    report: u8,
}

#[derive(Default)]
struct Parser {
    globals: Globals,
    pushed: Vec<Globals>,
    /// Usages since the last main item, as ranges: a single usage is a range of one.
    usages: Vec<(u32, u32)>,
    usage_minimum: Option<u32>,
    /// The nodes of the collections that are open, and how many of them each collection added.
    path: Vec<u32>,
    open: Vec<usize>,
    made: Descriptor,
}

pub(super) fn descriptor(bytes: &[u8]) -> Result<Descriptor, Reason> {
    if bytes.len() > DESCRIPTOR_MAX {
        return Err(Reason::TooLong);
    }
    let mut parser = Parser::default();
    let mut rest = bytes;
    while let Some((tag, data, after)) = next(rest) {
        rest = after;
        if let Some(data) = data {
            parser.item(tag, data)?;
        }
    }
    if parser.made.fields.is_empty() {
        return Err(Reason::Empty);
    }
    Ok(parser.made)
}

/// The first item, no data for a long one, and what follows; `None` at the end or when the item is cut off.
fn next(bytes: &[u8]) -> Option<(u8, Option<Data>, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first == item::LONG {
        let length = usize::from(*rest.first()?);
        return Some((*first, None, rest.get(length + 2..)?));
    }
    let (length, bits) = match first & 3 {
        0 => (0_u8, 0),
        1 => (1, 8),
        2 => (2, 16),
        _ => (4, 32),
    };
    let (data, rest) = rest.split_at_checked(usize::from(length))?;
    let unsigned = data
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte));
    let negative = bits > 0 && unsigned >> (bits - 1) == 1;
    let signed = i64::from(unsigned) - if negative { 1 << bits } else { 0 };
    let data = Data {
        unsigned,
        signed,
        bytes: length,
    };
    Some((first & !3, Some(data), rest))
}

impl Parser {
    fn item(&mut self, tag: u8, data: Data) -> Result<(), Reason> {
        match tag {
            item::INPUT => self.fields(Kind::Input, data)?,
            item::OUTPUT => self.fields(Kind::Output, data)?,
            item::FEATURE => self.fields(Kind::Feature, data)?,
            item::COLLECTION => self.collection(data.unsigned)?,
            item::END_COLLECTION => {
                let depth = self.open.pop().unwrap_or(0);
                self.path.truncate(depth);
                self.forget_locals();
            }
            item::USAGE => {
                let usage = self.usage(data);
                self.usages.push((usage, usage));
            }
            item::USAGE_MINIMUM => self.usage_minimum = Some(self.usage(data)),
            item::USAGE_MAXIMUM => {
                if let Some(minimum) = self.usage_minimum.take() {
                    let maximum = self.usage(data).max(minimum);
                    self.usages.push((minimum, maximum));
                }
            }
            item::PUSH if self.pushed.len() == STACK_MAX => return Err(Reason::TooDeep),
            item::PUSH => self.pushed.push(self.globals),
            item::POP => self.globals = self.pushed.pop().unwrap_or(self.globals),
            _ => self.globals.set(tag, data),
        }
        Ok(())
    }

    /// A usage of at most two bytes belongs to the current page, one of four brings its own.
    fn usage(&self, data: Data) -> u32 {
        match data.bytes {
            0..=2 => self.globals.page << 16 | data.unsigned,
            _ => data.unsigned,
        }
    }

    fn forget_locals(&mut self) {
        self.usages.clear();
        self.usage_minimum = None;
    }

    /// A collection's node is its usage. A kind from 0x80 up is a vendor's way to count twins: it adds `[kind & 0x7f]`.
    /// (Eaton: Outlet.[2] is the second outlet, Flow.[4] the output.)
    fn collection(&mut self, kind: u32) -> Result<(), Reason> {
        if self.open.len() == DEPTH_MAX {
            return Err(Reason::TooDeep);
        }
        self.open.push(self.path.len());
        self.path
            .push(self.usages.first().map_or(0, |(usage, _)| *usage));
        if kind >= 0x80 {
            self.path.push(Path::index(kind as u8 & 0x7f));
        }
        self.forget_locals();
        Ok(())
    }

    /// As many fields as the report count says. Each takes the next usage, the last usage serves all that are left, usages
    /// too many are dropped (firmware of APC lists more than there are fields), and without a usage it is padding.
    fn fields(&mut self, kind: Kind, data: Data) -> Result<(), Reason> {
        let globals = self.globals;
        let mut offset = self.length(kind);
        let bits = globals
            .size
            .checked_mul(globals.count)
            .and_then(|bits| u16::try_from(bits).ok())
            .and_then(|bits| offset.checked_add(bits))
            .ok_or(Reason::ReportTooLong)?;
        self.set_length(kind, bits);
        let mut usages = self.usages.iter().flat_map(|(from, to)| *from..=*to);
        let Some(mut usage) = usages.next() else {
            return Ok(());
        };
        // A field of 0 bits holds nothing, and one of more than 255 is no number: both are padding.
        let Some(size) = u8::try_from(globals.size).ok().filter(|size| *size > 0) else {
            self.forget_locals();
            return Ok(());
        };
        for _ in 0..globals.count {
            if self.made.fields.len() == FIELDS_MAX {
                return Err(Reason::TooManyFields);
            }
            let nodes = self.path.iter().copied().chain([usage]);
            let field = globals.field(
                Path(nodes.collect()),
                kind,
                (offset, size),
                data.unsigned as u8,
            );
            self.made.fields.push(field);
            offset += u16::from(size);
            usage = usages.next().unwrap_or(usage);
        }
        self.forget_locals();
        Ok(())
    }

    fn length(&self, kind: Kind) -> u16 {
        let wanted = (self.globals.report, kind);
        self.made
            .lengths
            .iter()
            .find(|(id, kind, _)| (*id, *kind) == wanted)
            .map_or(0, |(_, _, bits)| *bits)
    }

    fn set_length(&mut self, kind: Kind, bits: u16) {
        let report = self.globals.report;
        let mut known = self.made.lengths.iter_mut();
        match known.find(|(id, its, _)| (*id, *its) == (report, kind)) {
            Some(length) => length.2 = bits,
            None => self.made.lengths.push((report, kind, bits)),
        }
    }
}

impl Globals {
    fn set(&mut self, tag: u8, data: Data) {
        match tag {
            item::USAGE_PAGE => self.page = data.unsigned & 0xffff,
            item::LOGICAL_MINIMUM => self.logical_minimum = data.signed,
            item::LOGICAL_MAXIMUM => {
                self.logical_maximum = (data.signed, i64::from(data.unsigned));
            }
            item::PHYSICAL_MINIMUM => self.physical_minimum = Some(data.signed),
            item::PHYSICAL_MAXIMUM => self.physical_maximum = Some(data.signed),
            // A nibble with a sign, whatever else the byte holds.
            item::UNIT_EXPONENT => {
                let nibble = (data.unsigned & 0xf) as i8;
                self.exponent = if nibble > 7 { nibble - 16 } else { nibble };
            }
            item::UNIT => self.unit = data.unsigned,
            item::REPORT_SIZE => self.size = data.unsigned,
            item::REPORT_ID => self.report = data.unsigned as u8,
            item::REPORT_COUNT => self.count = data.unsigned,
            _ => {}
        }
    }

    /// A maximum below the minimum was meant without a sign: 65535 in two bytes reads as -1.
    fn field(self, path: Path, kind: Kind, (offset, size): (u16, u8), attributes: u8) -> Field {
        let (signed, unsigned) = self.logical_maximum;
        let assumed = signed < self.logical_minimum;
        let physical = self.physical_minimum.zip(self.physical_maximum);
        Field {
            path,
            kind,
            report: self.report,
            offset,
            size,
            logical: (
                self.logical_minimum,
                if assumed { unsigned } else { signed },
            ),
            assumed,
            physical: physical.filter(|range| *range != (0, 0)),
            unit: self.unit,
            exponent: self.exponent,
            attributes,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    /// A UPS with one report, around whatever items a test is about.
    fn ups(items: &[u8]) -> Descriptor {
        let mut bytes = vec![
            0x05, 0x84, 0x09, 0x04, 0xa1, 0x01, 0x85, 0x01, 0x75, 0x08, 0x95, 0x01,
        ];
        bytes.extend_from_slice(items);
        Descriptor::parse(&bytes).unwrap()
    }

    fn places(descriptor: &Descriptor) -> Vec<(u32, u16)> {
        let place = |field: &Field| (*field.path.0.last().unwrap(), field.offset);
        descriptor.fields.iter().map(place).collect()
    }

    #[test]
    fn the_last_usage_serves_the_fields_that_are_left_and_surplus_usages_nobody() {
        let repeated = ups(&[0x95, 0x03, 0x09, 0x30, 0x09, 0x31, 0xb1, 0x02]);
        assert_eq!(
            places(&repeated),
            [(0x0084_0030, 0), (0x0084_0031, 8), (0x0084_0031, 16)]
        );
        let surplus = ups(&[0x09, 0x30, 0x09, 0x31, 0xb1, 0x02, 0x09, 0x32, 0xb1, 0x02]);
        assert_eq!(places(&surplus), [(0x0084_0030, 0), (0x0084_0032, 8)]);
        let range = ups(&[0x95, 0x02, 0x19, 0x30, 0x29, 0x31, 0xb1, 0x02]);
        assert_eq!(places(&range), [(0x0084_0030, 0), (0x0084_0031, 8)]);
    }

    #[test]
    fn padding_moves_on_and_a_wide_field_is_padding() {
        let padded = ups(&[
            0x95, 0x15, 0x75, 0x01, 0xb1, 0x01, 0x95, 0x01, 0x09, 0x30, 0xb1, 0x02,
        ]);
        assert_eq!(places(&padded), [(0x0084_0030, 21)]);
        assert_eq!(padded.report_length(1, Kind::Feature), Some(4));
        assert_eq!(padded.report_length(1, Kind::Input), None);
        let wide = ups(&[
            0x76, 0x00, 0x01, 0x09, 0x31, 0xb1, 0x02, 0x75, 0x08, 0x09, 0x30, 0xb1, 0x02,
        ]);
        assert_eq!(places(&wide), [(0x0084_0030, 256)]);
        let undefined = ups(&[0x09, 0x00, 0xb1, 0x02]);
        assert_eq!(
            places(&undefined),
            [(0x0084_0000, 0)],
            "no padding: it has a page"
        );
    }

    #[test]
    fn offsets_count_per_report_and_kind() {
        let items = [
            0x09, 0x30, 0x81, 0x02, 0x09, 0x30, 0xb1, 0x02, 0x85, 0x02, 0x09, 0x31, 0xb1, 0x02,
            0x85, 0x01, 0x09, 0x32, 0xb1, 0x02,
        ];
        let made = ups(&items);
        assert_eq!(
            places(&made),
            [
                (0x0084_0030, 0),
                (0x0084_0030, 0),
                (0x0084_0031, 0),
                (0x0084_0032, 8)
            ]
        );
        assert_eq!(made.reports(Kind::Feature).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(made.report(1, Kind::Feature).count(), 2);
    }

    #[test]
    fn a_vendors_collection_is_counted_and_a_long_usage_brings_its_page() {
        let items = [
            0x09, 0x20, 0xa1, 0x82, 0x0b, 0x01, 0x00, 0xff, 0xff, 0xb1, 0x02, 0xc0, 0x09, 0x30,
            0xb1, 0x02, 0xc0, 0xc0,
        ];
        let made = ups(&items);
        assert_eq!(
            made.fields[0].path.0,
            [0x0084_0004, 0x0084_0020, 0x00ff_0002, 0xffff_0001]
        );
        assert_eq!(made.fields[1].path.0, [0x0084_0004, 0x0084_0030]);
    }

    #[test]
    fn ranges_and_exponents_are_read_as_firmware_means_them() {
        let signed = ups(&[
            0x16, 0xff, 0xff, 0x26, 0xff, 0x7f, 0x55, 0x0d, 0x09, 0x57, 0xb1, 0x02,
        ]);
        assert_eq!(
            (signed.fields[0].logical, signed.fields[0].assumed),
            ((-1, 32767), false)
        );
        assert_eq!(signed.fields[0].exponent, -3);
        let short = ups(&[0x15, 0x00, 0x26, 0xff, 0xff, 0x09, 0x30, 0xb1, 0x02]);
        assert_eq!(
            (short.fields[0].logical, short.fields[0].assumed),
            ((0, 65535), true)
        );
        let four = ups(&[0x27, 0xff, 0xff, 0xff, 0xff, 0x09, 0x30, 0xb1, 0x02]);
        assert_eq!(four.fields[0].logical, (0, 0xffff_ffff));
        let physical = ups(&[0x35, 0x00, 0x45, 0x00, 0x09, 0x30, 0xb1, 0x02]);
        assert_eq!(physical.fields[0].physical, None);
        let half = ups(&[0x45, 0x64, 0x09, 0x30, 0xb1, 0x02]);
        assert_eq!(
            half.fields[0].physical, None,
            "a maximum alone says nothing"
        );
    }

    #[test]
    fn pushed_globals_come_back_and_long_and_cut_items_do_no_harm() {
        let pushed = ups(&[
            0xa4, 0x75, 0x01, 0x05, 0x85, 0xb4, 0xb4, 0x09, 0x30, 0xb1, 0x02,
        ]);
        assert_eq!(places(&pushed), [(0x0084_0030, 0)]);
        assert_eq!(pushed.fields[0].size, 8);
        let long = ups(&[0xfe, 0x02, 0x55, 0xb1, 0xb1, 0x09, 0x30, 0xb1, 0x02]);
        assert_eq!(places(&long), [(0x0084_0030, 0)]);
        for cut in [&[0xb2, 0x02][..], &[0xfe], &[0xfe, 0x09, 0x00]] {
            let mut items = vec![0x09, 0x30, 0xb1, 0x02];
            items.extend_from_slice(cut);
            assert_eq!(places(&ups(&items)), [(0x0084_0030, 0)], "{cut:?}");
        }
    }

    #[test]
    fn what_is_no_descriptor_or_too_much_of_one_is_refused() {
        let parse = |bytes: &[u8]| Descriptor::parse(bytes).unwrap_err();
        assert_eq!(parse(&[]), Reason::Empty);
        assert_eq!(parse(&[0xc0; 64]), Reason::Empty);
        assert_eq!(parse(&[0; DESCRIPTOR_MAX + 1]), Reason::TooLong);
        assert_eq!(parse(&[0xa1, 0x01].repeat(DEPTH_MAX + 1)), Reason::TooDeep);
        assert_eq!(parse(&[0xa4; STACK_MAX + 1]), Reason::TooDeep);
        let many = [0x75, 0x01, 0x96, 0x00, 0x10, 0x09, 0x30, 0xb1, 0x02];
        assert_eq!(parse(&many), Reason::TooManyFields);
        let long = [
            0x77, 0xff, 0xff, 0xff, 0xff, 0x97, 0xff, 0xff, 0xff, 0xff, 0x09, 0x30, 0xb1, 0x02,
        ];
        assert_eq!(parse(&long), Reason::ReportTooLong);
    }
}
