//! One field of a report: its bits, its range and its scale.
//!
//! Reads what is there and nothing else: a report too short for the field has no value. Values are clamped to the
//! described range, because devices leave garbage outside of it; where the described range is wrong, a driver corrects
//! it before the first read. Standard: USB HID 1.11 §6.2.2.7, Power Device class 1.1 §3.2 for units.

use super::Path;

/// Which of a device's three sets of reports a field is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Sent by the device when it likes.
    Input,
    /// Sent to the device.
    Output,
    /// Asked for and set.
    Feature,
}

/// What a descriptor says about one value. All public: descriptors err, and drivers correct them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where in the tree of collections.
    pub path: Path,
    /// In which set of reports.
    pub kind: Kind,
    /// Id of the report, 0 when the device numbers none.
    pub report: u8,
    /// First bit, counted behind the id byte.
    pub offset: u16,
    /// Bits, 1 to 255; more than 64 have no [`Field::raw`].
    pub size: u8,
    /// Least and greatest raw value, both included.
    pub logical: (i64, i64),
    /// The greatest was below the least and is taken as if it had been encoded without a sign.
    pub assumed: bool,
    /// What the logical range stands for, where it is said and not all zero.
    pub physical: Option<(i64, i64)>,
    /// The unit as encoded, a nibble per base unit; see [`Field::value`].
    pub unit: u32,
    /// Power of ten of the unit, -8 to 7.
    pub exponent: i8,
    /// Low byte of the main item: bit 0 constant, bit 1 variable.
    pub attributes: u8,
}

/// Why a field was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// The report given does not reach as far as the field.
    NotThere,
    /// The value has no place in the field, or lies outside of what the field's range can say.
    OutOfRange,
    /// The device says that the field never changes.
    Constant,
}

impl core::fmt::Display for Unwritable {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(match self {
            Self::NotThere => "the device's report is too short for this field",
            Self::OutOfRange => "the value is outside of what the device says it takes",
            Self::Constant => "the device says that this field cannot be written",
        })
    }
}

impl core::error::Error for Unwritable {}

/// Volt, in the centimetre-gram-second system the standard writes units in: 1 V is 10^7 of it.
const VOLT: u32 = 0x00f0_d121;
/// Watt and volt-ampere: 1 W is 10^7 erg/s.
const WATT: u32 = 0x0000_d121;
/// Rounding below this is an error of the arithmetic, not of the value.
const HAIR: f64 = 1e-6;

impl Field {
    /// The value as encoded, clamped to the logical range, or `None` when `report` (id byte first) ends before the
    /// field does.
    ///
    /// Only as many bits count as the logical range needs: devices leave garbage above. There is a sign only
    /// when the range goes below zero.
    #[must_use]
    pub fn raw(&self, report: &[u8]) -> Option<i64> {
        let (least, greatest) = self.logical;
        let bits = self.bits(report)?;
        let signed = least < 0;
        let magnitude = greatest.max(if signed { !least } else { least }).max(0);
        let needed = 64 - magnitude.leading_zeros() + u32::from(signed);
        let used = needed.min(u32::from(self.size));
        if used == 0 {
            return Some(0.max(least).min(greatest));
        }
        let unused = 64 - used;
        let value = if signed {
            ((bits << unused) as i64) >> unused
        } else {
            ((bits << unused) >> unused) as i64
        };
        Some(value.max(least).min(greatest))
    }

    /// The value in volts, watts, volt-amperes, or whatever else the unit says in SI (kelvin, second, ampere, hertz,
    /// ampere-second); without a unit the bare number: percent, counts, states.
    #[must_use]
    pub fn value(&self, report: &[u8]) -> Option<f64> {
        let raw = self.raw(report)? as f64;
        let value = match self.scale() {
            Some(((logical, physical), factor)) => (raw - logical) / factor + physical,
            None => raw,
        };
        Some(match self.power() {
            power if power < 0 => value / ten_to(-power),
            power => value * ten_to(power),
        })
    }

    /// Writes a value as [`Field::value`] reads it into `report`, which holds what the device said last: the bits around
    /// the field stay as they are.
    ///
    /// Rounded down to what the field can say, so that a delay is never lengthened and -1 second stays -1 where
    /// the device counts minutes.
    ///
    /// # Errors
    /// [`Unwritable`]; the report is then untouched.
    pub fn patch(&self, report: &mut [u8], value: f64) -> Result<(), Unwritable> {
        let value = match self.power() {
            power if power < 0 => value * ten_to(-power),
            power => value / ten_to(power),
        };
        let scale = self.scale();
        let raw = match scale {
            Some(((logical, physical), factor)) => (value - physical) * factor + logical,
            None => value,
        };
        let nearest = raw.round();
        let raw = if (raw - nearest).abs() < HAIR {
            nearest
        } else {
            raw.floor()
        };
        // Beyond 2^53 a double skips whole numbers.
        if raw.is_nan() || raw.abs() >= (1_u64 << 53) as f64 {
            return Err(Unwritable::OutOfRange);
        }
        let raw = raw as i64;
        if scale.is_some() && !(self.logical.0..=self.logical.1).contains(&raw) {
            return Err(Unwritable::OutOfRange);
        }
        self.patch_raw(report, raw)
    }

    /// As [`Field::patch`], the value as encoded. The logical range is not asked, since devices take more than they
    /// describe, but the bits are: what fits neither with nor without a sign is refused.
    ///
    /// # Errors
    /// [`Unwritable`]; the report is then untouched.
    pub fn patch_raw(&self, report: &mut [u8], raw: i64) -> Result<(), Unwritable> {
        // Constant and variable (3) is what firmware calls fields that do take a value.
        if self.attributes == 1 {
            return Err(Unwritable::Constant);
        }
        let least = -1_i128 << self.size.saturating_sub(1).min(64);
        let end = 1_i128 << self.size.min(64);
        if !(least..end).contains(&i128::from(raw)) {
            return Err(Unwritable::OutOfRange);
        }
        if self.bits(report).is_none() {
            return Err(Unwritable::NotThere);
        }
        for at in 0..u16::from(self.size) {
            let (index, mask) = place(self.offset, at);
            if let Some(byte) = report.get_mut(index) {
                *byte = match raw >> at & 1 {
                    0 => *byte & !mask,
                    _ => *byte | mask,
                };
            }
        }
        Ok(())
    }

    /// The field's bits, least significant first in the report.
    fn bits(&self, report: &[u8]) -> Option<u64> {
        if self.size > 64 {
            return None;
        }
        (0..u16::from(self.size)).try_fold(0, |value, at| {
            let (index, mask) = place(self.offset, at);
            let set = report.get(index)? & mask != 0;
            Some(value | u64::from(set) << at)
        })
    }

    /// The lower ends of both ranges, and how many logical steps one physical step is.
    fn scale(&self) -> Option<((f64, f64), f64)> {
        let ends = |(from, to)| (from as f64, to as f64);
        let (physical, greatest) = ends(self.physical?);
        let (logical, end) = ends(self.logical);
        let factor = (end - logical) / (greatest - physical);
        (greatest > physical && end > logical).then_some(((logical, physical), factor))
    }

    /// The power of ten from what the device counts to the unit.
    fn power(&self) -> i8 {
        let base = match self.unit {
            VOLT | WATT => 7,
            _ => 0,
        };
        self.exponent.saturating_sub(base)
    }
}

/// Byte of the report and mask of a field's bit; byte 0 is the id.
fn place(offset: u16, at: u16) -> (usize, u8) {
    let bit = usize::from(offset) + usize::from(at);
    (1 + bit / 8, 1 << (bit % 8))
}

/// Ten to a power of 0 to 15.
fn ten_to(power: i8) -> f64 {
    10_u64.saturating_pow(u32::from(power.unsigned_abs())) as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn field(size: u8, logical: (i64, i64)) -> Field {
        Field {
            path: Path::default(),
            kind: Kind::Feature,
            report: 1,
            offset: 0,
            size,
            logical,
            assumed: false,
            physical: None,
            unit: 0,
            exponent: 0,
            attributes: 0xa2,
        }
    }

    #[test]
    fn raw_values_are_masked_and_clamped_to_their_range() {
        for (size, logical, bytes, raw) in [
            (8, (0, 127), &[1, 0xff][..], 127),
            (8, (0, 100), &[1, 0x70], 100),
            (8, (5, 100), &[1, 0x03], 5),
            (32, (-1, 0), &[1, 0xff, 0xff, 0xff, 0xff], -1),
            (16, (-32768, 32767), &[1, 0x00, 0x80], -32768),
            (
                64,
                (i64::MIN, i64::MAX),
                &[1, 0, 0, 0, 0, 0, 0, 0, 0x80],
                i64::MIN,
            ),
            (8, (0, 0), &[1, 0xff], 0),
            // Upside down, as one firmware has it: still no panic.
            (8, (9, 3), &[1, 0x07], 3),
        ] {
            assert_eq!(
                field(size, logical).raw(bytes),
                Some(raw),
                "{size} {logical:?} {bytes:?}"
            );
        }
        assert_eq!(
            field(16, (0, 65535)).raw(&[1, 2]),
            None,
            "half of it is missing"
        );
        assert_eq!(field(8, (0, 255)).raw(&[]), None);
        assert_eq!(field(65, (0, 255)).raw(&[1; 40]), None);
    }

    #[test]
    fn values_have_the_unit_of_the_standard() {
        for (unit, exponent, value) in [
            (VOLT, 7, 1343.0),
            (VOLT, 5, 13.43),
            (WATT, 6, 134.3),
            (0x0010_0001, -2, 13.43),
            (0x1001, 0, 1343.0),
            (0, 0, 1343.0),
        ] {
            let field = Field {
                unit,
                exponent,
                ..field(16, (0, 65535))
            };
            let mut report = [1, 0x3f, 0x05];
            assert_eq!(field.value(&report), Some(value), "{unit:x} {exponent}");
            field.patch(&mut report, value).unwrap();
            assert_eq!(report, [1, 0x3f, 0x05]);
        }
    }

    /// A UPS that takes its delays in minutes: -1 to 32767 stands for -60 to 1966020 seconds.
    #[test]
    fn a_delay_in_minutes_is_rounded_down_and_minus_one_cancels() {
        let minutes = Field {
            physical: Some((-60, 1_966_020)),
            ..field(16, (-1, 32767))
        };
        assert_eq!(minutes.value(&[1, 0xff, 0xff]), Some(-60.0));
        assert_eq!(minutes.value(&[1, 2, 0]), Some(120.0));
        for (seconds, bytes) in [
            (120.0, [1, 2, 0]),
            (119.0, [1, 1, 0]),
            (-1.0, [1, 0xff, 0xff]),
            (20.0, [1, 0, 0]),
        ] {
            let mut report = [1, 0x55, 0x55];
            minutes.patch(&mut report, seconds).unwrap();
            assert_eq!(report, bytes, "{seconds}");
        }
        let mut report = [1, 7, 0];
        for bad in [-61.0, 1_966_080.0, f64::NAN, f64::INFINITY] {
            assert_eq!(minutes.patch(&mut report, bad), Err(Unwritable::OutOfRange));
        }
        assert_eq!(report, [1, 7, 0]);
    }

    #[test]
    fn a_patch_touches_its_bits_only_and_refuses_what_does_not_fit() {
        let nibble = Field {
            offset: 4,
            ..field(4, (0, 15))
        };
        let mut report = [1, 0xaa];
        nibble.patch_raw(&mut report, 5).unwrap();
        assert_eq!(report, [1, 0x5a]);
        nibble.patch_raw(&mut report, -1).unwrap();
        assert_eq!(report, [1, 0xfa], "-1 is all ones, also without a sign");
        for bad in [16, -9, i64::MAX] {
            assert_eq!(
                nibble.patch_raw(&mut report, bad),
                Err(Unwritable::OutOfRange)
            );
        }
        assert_eq!(
            nibble.patch_raw(&mut report[..1], 1),
            Err(Unwritable::NotThere)
        );
        let constant = Field {
            attributes: 1,
            ..field(8, (0, 255))
        };
        assert_eq!(constant.patch(&mut report, 1.0), Err(Unwritable::Constant));
        let loose = Field {
            attributes: 3,
            ..field(8, (0, 255))
        };
        assert_eq!(
            loose.patch(&mut report, 1.0),
            Ok(()),
            "constant and variable is written"
        );
    }
}
