//! The objects of a recorded device: path, place and value of each, against what the incumbent printed.

use super::super::compare::Verdict;
use super::recording::{Recording, bytes};
use husk_wire::hid::{Descriptor, Field, Kind, Path};
use serde_json::Value;

/// The logs print scaled values as whole numbers.
const ROUNDED: f64 = 1.0;

/// The incumbent corrects this range before it reads, and so does the driver: it is that of the transfer voltage.
const CORRECTED: (&str, &str, (i64, i64)) = (
    "0764-0501-cyberpower-cp1500pfclcd",
    "UPS.Output.Voltage",
    (0, 511),
);

/// Judges every object with a recorded value.
pub(super) fn judge(recording: &Recording) -> Verdict {
    let mut descriptor = Descriptor::parse(&recording.descriptor).unwrap_or_default();
    let (device, path, range) = CORRECTED;
    let wrong = Path::parse(path, &[]).and_then(|path| descriptor.find_mut(&path, Kind::Feature));
    if let Some(field) = wrong.filter(|_| device == recording.name) {
        field.logical = range;
    }
    let mut verdict = Verdict::default();
    for object in &recording.objects {
        let name = object
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let expected = object.get("value").and_then(Value::as_f64);
        match value(object, &descriptor, recording) {
            None => verdict.missing.push(name.to_owned()),
            Some(value) if expected.is_some_and(|expected| same(object, expected, value)) => {
                verdict.found += 1
            }
            Some(value) => verdict
                .wrong
                .push(format!("{name} {expected:?} is read as {value}")),
        }
    }
    verdict
}

fn value(object: &Value, descriptor: &Descriptor, recording: &Recording) -> Option<f64> {
    let own = object.get("report").and_then(Value::as_str).and_then(bytes);
    let field = field(object, descriptor)?;
    field.value(own.as_deref().or_else(|| recording.report(field.report))?)
}

/// The field of an object, by path and place, because a path may be there more than once.
fn field<'a>(object: &Value, descriptor: &'a Descriptor) -> Option<&'a Field> {
    let text = |key| object.get(key).and_then(Value::as_str);
    let number = |key| object.get(key).and_then(Value::as_u64);
    let path = match text("usages") {
        Some(usages) => {
            let codes = usages
                .split('.')
                .map(|code| u32::from_str_radix(code, 16).ok());
            Path(codes.collect::<Option<_>>()?)
        }
        None => Path::parse(text("path")?, &[])?,
    };
    let kind = object
        .get("types")
        .and_then(|types| types.get(0))
        .and_then(Value::as_str)
        .or_else(|| text("type"))?;
    let kind = match kind {
        "Feature" => Kind::Feature,
        "Input" => Kind::Input,
        _ => Kind::Output,
    };
    descriptor.fields.iter().find(|field| {
        field.path == path
            && field.kind == kind
            && Some(u64::from(field.report)) == number("report_id")
            && Some(u64::from(field.offset)) == number("offset")
            && Some(u64::from(field.size)) == number("size")
    })
}

fn same(object: &Value, expected: f64, value: f64) -> bool {
    let scaled = object.get("match").and_then(Value::as_str) == Some("scaled");
    (value - expected).abs() <= if scaled { ROUNDED } else { 0.0 }
}
