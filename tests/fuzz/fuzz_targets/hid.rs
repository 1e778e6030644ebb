//! Report descriptors and reports as a device sends them: every field lies in its report, has a value in its range, and
//! what was read can be written back without touching a bit around it.
#![no_main]

use husk_wire::hid::{Descriptor, Field, Path};
use libfuzzer_sys::fuzz_target;

/// The first byte says how many of the rest are the descriptor, in sixteens; then comes a report.
fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first()?;
    Some(rest.split_at(rest.len().min(usize::from(*length) * 16)))
}

fn check(field: &Field, report: &[u8]) {
    let (least, greatest) = field.logical;
    let Some(raw) = field.raw(report) else {
        return;
    };
    assert!(least > greatest || (least..=greatest).contains(&raw));
    assert!(field.value(report).is_some_and(f64::is_finite));
    let mut patched = report.to_vec();
    if field.patch_raw(&mut patched, raw).is_ok() {
        // A range that the bits cannot hold clamps to what cannot be written.
        assert_eq!(field.raw(&patched), Some(raw));
    }
    let (from, to) = (
        usize::from(field.offset),
        usize::from(field.offset) + usize::from(field.size),
    );
    for bit in (0..(report.len() - 1) * 8).filter(|bit| !(from..to).contains(bit)) {
        assert_eq!(
            (report[1 + bit / 8] ^ patched[1 + bit / 8]) >> (bit % 8) & 1,
            0
        );
    }
    let _ = field.patch(&mut patched, f64::from(report[0]) - 100.5);
}

fuzz_target!(|data: &[u8]| {
    let Some((descriptor, report)) = split(data) else {
        return;
    };
    let Ok(descriptor) = Descriptor::parse(descriptor) else {
        return;
    };
    for field in &descriptor.fields {
        let bytes = descriptor.report_length(field.report, field.kind).unwrap();
        let end = usize::from(field.offset) + usize::from(field.size);
        assert!(end <= usize::from(bytes - 1) * 8);
        let name = field.path.name(&[]);
        assert_eq!(Path::parse(&name, &[]).unwrap().name(&[]), name);
        check(field, report);
    }
});
