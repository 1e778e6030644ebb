//! Report descriptors and reports of real devices against what the incumbent's driver printed for the same bytes.
//!
//! The recordings are not part of this repository; without them the test says so and passes. Usages are compared, not
//! names, where a recording has them. Where the incumbent corrected a descriptor before reading, so does the test, with
//! the reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use husk_wire::hid::{Descriptor, Field, Kind, Path, Usage};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path as File, PathBuf};

/// Names only the incumbent's table leaves in hexadecimal or has of a vendor; none are needed so far.
const NO_VENDOR: &[Usage] = &[];

/// Devices whose descriptor the incumbent's driver corrects before it reads: path, and the range it then has.
const CORRECTED: &[(&str, &str, (i64, i64))] = &[(
    // The range is that of the transfer voltage.
    "0764-0501-cyberpower-cp1500pfclcd",
    "UPS.Output.Voltage",
    (0, 511),
)];

fn recordings() -> Option<PathBuf> {
    let path = File::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/devices/usbhid");
    path.is_dir().then_some(path)
}

fn json(path: &File) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn kind(name: &str) -> Kind {
    match name {
        "Feature" => Kind::Feature,
        "Input" => Kind::Input,
        "Output" => Kind::Output,
        other => panic!("{other}"),
    }
}

fn path(object: &Value) -> Path {
    match object["usages"].as_str() {
        Some(usages) => Path(
            usages
                .split('.')
                .map(|code| u32::from_str_radix(code, 16).unwrap())
                .collect(),
        ),
        None => Path::parse(object["path"].as_str().unwrap(), NO_VENDOR).unwrap(),
    }
}

fn kinds(object: &Value) -> Vec<Kind> {
    match object["types"].as_array() {
        Some(types) => types
            .iter()
            .map(|one| kind(one.as_str().unwrap()))
            .collect(),
        None => vec![kind(object["type"].as_str().unwrap())],
    }
}

/// The field an object of the recording is, by path and place: a path may be there more than once.
fn field<'a>(descriptor: &'a Descriptor, object: &Value, kind: Kind) -> Option<&'a Field> {
    let path = path(object);
    descriptor.fields.iter().find(|field| {
        field.path == path
            && field.kind == kind
            && u64::from(field.report) == object["report_id"].as_u64().unwrap()
            && u64::from(field.offset) == object["offset"].as_u64().unwrap()
            && u64::from(field.size) == object["size"].as_u64().unwrap()
    })
}

fn check(
    object: &Value,
    descriptor: &Descriptor,
    reports: &HashMap<u64, Vec<u8>>,
) -> Result<(), String> {
    let own = object["report"].as_str().map(bytes);
    let report = own
        .as_ref()
        .or_else(|| reports.get(&object["report_id"].as_u64().unwrap()))
        .unwrap();
    let expected = object["value"].as_f64().unwrap();
    // The logs printed scaled values as whole numbers.
    let tolerance = if object["match"] == "scaled" {
        1.0
    } else {
        0.0
    };
    for kind in kinds(object) {
        let field = field(descriptor, object, kind).ok_or("no such field")?;
        if object["match"] == "raw_equal"
            && field.raw(report).map(|raw| raw as f64) != Some(expected)
        {
            return Err(format!("raw {:?} of {field:?}", field.raw(report)));
        }
        let value = field.value(report).ok_or("report too short")?;
        if (value - expected).abs() > tolerance {
            return Err(format!("{value} of {field:?}"));
        }
        if let Some(unit) = object["unit"].as_str() {
            let unit = u32::from_str_radix(unit.trim_start_matches("0x"), 16).unwrap();
            assert_eq!(field.unit, unit, "{object}");
            assert_eq!(
                Some(i64::from(field.exponent)),
                object["unit_exponent"].as_i64()
            );
        }
        written_back(field, report);
    }
    Ok(())
}

/// What was read, written, is the same value again in the same place, and nothing around it moves.
fn written_back(field: &Field, report: &[u8]) {
    if field.attributes == 1 {
        return;
    }
    let mut patched = report.to_vec();
    field
        .patch_raw(&mut patched, field.raw(report).unwrap())
        .unwrap();
    assert_eq!(field.raw(&patched), field.raw(report), "{field:?}");
    let value = field.value(report).unwrap();
    field.patch(&mut patched, value).unwrap();
    assert_eq!(field.value(&patched), Some(value), "{field:?}");
    let (from, to) = (
        usize::from(field.offset),
        usize::from(field.offset) + usize::from(field.size),
    );
    for bit in (0..(report.len() - 1) * 8).filter(|bit| !(from..to).contains(bit)) {
        let mask = 1 << (bit % 8);
        assert_eq!(
            report[1 + bit / 8] & mask,
            patched[1 + bit / 8] & mask,
            "{field:?}"
        );
    }
}

#[test]
fn every_object_is_where_the_incumbent_saw_it_and_reads_the_same() {
    let Some(directory) = recordings() else {
        println!("no recordings here: skipped");
        return;
    };
    let (mut devices, mut objects, mut wrong) = (0, 0, Vec::new());
    for entry in fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let Ok(descriptor) = fs::read_to_string(entry.join("descriptor.hex")) else {
            continue;
        };
        let device = entry.file_name().unwrap().to_str().unwrap().to_owned();
        let mut descriptor = Descriptor::parse(&bytes(&descriptor)).unwrap();
        for (_, path, range) in CORRECTED.iter().filter(|(on, ..)| *on == device) {
            let path = Path::parse(path, NO_VENDOR).unwrap();
            descriptor.find_mut(&path, Kind::Feature).unwrap().logical = *range;
        }
        devices += 1;
        for field in &descriptor.fields {
            let name = field.path.name(NO_VENDOR);
            assert!(Path::parse(&name, NO_VENDOR).is_some(), "{device} {name}");
        }
        let recorded = json(&entry.join("reports.json"));
        let mut reports = HashMap::new();
        for report in recorded["reports"].as_array().unwrap() {
            let (id, content) = (
                report["report_id"].as_u64().unwrap(),
                bytes(report["bytes"].as_str().unwrap()),
            );
            if report["type"] == "Feature" && report["log_label"].is_null() {
                let length = descriptor.report_length(content[0], Kind::Feature);
                assert_eq!(
                    length,
                    u16::try_from(content.len()).ok(),
                    "{device} report {id}"
                );
            }
            reports.entry(id).or_insert(content);
        }
        for object in json(&entry.join("expected.json"))["objects"]
            .as_array()
            .unwrap()
        {
            objects += 1;
            if let Err(reason) = check(object, &descriptor, &reports) {
                wrong.push(format!("{device} {object}: {reason}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {objects}: {wrong:#?}", wrong.len());
    assert!(
        devices >= 20 && objects >= 741,
        "{devices} devices, {objects} objects"
    );
}

#[test]
fn values_come_out_of_their_bits_as_the_incumbent_tests_them() {
    let Some(directory) = recordings() else {
        println!("no recordings here: skipped");
        return;
    };
    let vectors = json(&directory.join("getvalue-vectors.json"));
    for vector in vectors["vectors"].as_array().unwrap() {
        let number = |name: &str| vector[name].as_i64().unwrap();
        let field = Field {
            path: Path(vec![]),
            kind: Kind::Feature,
            report: 0,
            offset: number("offset") as u16,
            size: number("size") as u8,
            logical: (number("logical_min"), number("logical_max")),
            assumed: false,
            physical: None,
            unit: 0,
            exponent: 0,
            attributes: 2,
        };
        let report = bytes(vector["report"].as_str().unwrap());
        assert_eq!(field.raw(&report), vector["expected"].as_i64(), "{vector}");
    }
}
